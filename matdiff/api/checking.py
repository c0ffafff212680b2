"""Is a claim about a derivative, or a whole derivation, right?"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, overload

from matdiff.api.derive import derive, explicit
from matdiff.api.expr import Expr
from matdiff.errors import ParseError
from matdiff.solution.check import LineCheck, lines_checked
from matdiff.solution.statements import LATEX, outline, statements
from matdiff.verify.report import Verification


def check_claim(
    function: str | Expr,
    claim: str | Expr | Mapping[str, str | Expr],
    wrt: str | Expr | Sequence[Expr],
    declare: str | Sequence[str] | None = None,
    order: int = 1,
    seed: int = 0,
) -> Verification:
    """Is this the derivative of the function?  If not, `.message` says what is wrong with it.

    >>> check_claim("tr(A*X*B)", "A*B", wrt="X", declare="A: n×n; X: n×n; B: n×n").passed
    False
    """
    if claim is None:
        raise ParseError("there is no claim to check", hint="to check the derivative itself, derive(…).verify()")
    return derive(function, wrt, declare).verify(claim=claim, order=order, seed=seed)


@overload
def check_derivation(
    function: str | Expr,
    text: str,
    wrt: str | Expr | Sequence[Expr],
    declare: str | Sequence[str] | None = None,
    *,
    seed: int = 0,
) -> LineCheck: ...
@overload
def check_derivation(
    text: str,
    wrt: str | Expr | Sequence[Expr],
    declare: str | Sequence[str] | None = None,
    function: str | Expr | None = None,
    *,
    seed: int = 0,
) -> LineCheck: ...
def check_derivation(
    *given: Any,
    wrt: str | Expr | Sequence[Expr] | None = None,
    declare: str | Sequence[str] | None = None,
    function: str | Expr | None = None,
    text: str | None = None,
    seed: int = 0,
) -> LineCheck:
    """Does each line of a derivation follow from the one before?  Steps may be skipped.

    It is called as `check_claim` is, `check_derivation(function, text, wrt, declare)`; a text that begins with
    `f = …` says the function itself: `check_derivation(text, wrt, declare)`.

    Lines are equations, `f = …`, `r = …`, `df = …`, `= …`, at last `∇f = …` (or `grad f`, `G`, `df/dX`; `J` of a
    vector or matrix function, `H` for the Hessian); `dX` and `d(X)` are the differential, declarations may stand
    on lines of their own.  The function is the one that the text defines, unless it is given.
    A line that cannot be read counts as the first wrong one.  Raises MatdiffError where the function itself or `wrt`
    is wrong.

    >>> check_derivation("f = tr(A*X*B)\\ndf = tr(A*dX*B)\\n   = <A*B, dX>", wrt="X", declare="n: 3; X: n×n").line
    3
    """
    if text is not None:
        given = (*given[:1], text, *given[1:]) if given and function is None else (text, *given)
    text, function, wrt, declare = asked(given, function, wrt, declare)
    if not isinstance(text, str):
        raise ParseError("a derivation is a text of lines")
    return checked_lines(text, wrt, declare, function, seed)


check_derivation.__text_signature__ = "(function, text, wrt, declare=None, *, seed=0)"  # type: ignore[attr-defined]


def checked_lines(
    text: str,
    wrt: str | Expr | Sequence[Expr],
    declare: str | Sequence[str] | None = None,
    function: str | Expr | None = None,
    seed: int = 0,
    mends: Container[str] | None = None,
) -> LineCheck:
    """The check itself; what `mends` are, `lines_checked` says."""
    said = statements(text)
    declared = [] if declare is None else [declare] if isinstance(declare, str) else list(declare)
    declared += [s.right for s in said if s.declares]
    said = [s for s in said if not s.declares]
    plot = outline(said, None if function is None else "")
    if function is None and plot.function is None:
        raise ParseError("the derivation does not say what is derived", hint="begin with `f = …`, or give the function")
    source = plot.program if function is None else function
    d = explicit(derive(source, wrt, declared or None))
    return lines_checked(d, plot, said, bool(LATEX.search(text)), seed, mends)


def asked(said: Sequence[Any], function: Any, wrt: Any, declare: Any) -> tuple[Any, Any, Any, Any]:
    """Text, function, variable and declarations, with the function before the text or not; a text has a `=` in it."""
    given = list(said)
    if len(given) > 1 and isinstance(given[1], str) and "=" in given[1]:
        function = given.pop(0)
    found = dict(zip(("text", "wrt", "declare", "function"), given, strict=False))
    text, wrt = found.get("text"), found.get("wrt", wrt)
    declare, function = found.get("declare", declare), found.get("function", function)
    if wrt is None:
        raise ParseError("by which variable?", hint='check_derivation("f = …", wrt="X")')
    return text, function, wrt, declare
