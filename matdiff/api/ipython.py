"""Jupyter: `%load_ext matdiff` gives `%matdiff` and `%%matdiff`, whose results are typeset.

    %matdiff tr(A*X*B) --wrt X
    %matdiff logdet(S) --wrt S --let "S: n×n spd" --ask gradient

    %%matdiff --wrt x
    r = A*x - b
    r'*r/2

Without `--ask` the result is the derivation, with `--ask` that derivative; as with every result it is in `_`.
`%%matdiff answer 1` stands over an answer on a worksheet, and shows how it is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from matdiff.errors import MatdiffError, ParseError

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.api.expr import Expr

OPTION = re.compile(r"(?:^|\s)--([a-z]+)\s+(\"[^\"]*\"|\S+)")
KNOWN = ("wrt", "let", "ask")
ASKS = ("gradient", "jacobian", "hessian", "differential")


def register(shell: Any) -> None:
    """Give an IPython shell the magics, and errors in words instead of tracebacks."""
    shell.register_magic_function(magic, "line_cell", "matdiff")
    shell.set_custom_exc((MatdiffError,), explain)


def explain(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: int | None = None) -> list[str]:
    """What is wrong, where, and how to mend it."""
    text = f"{type(error).__name__}: {error}"
    print(text)
    return [text]


def magic(line: str, cell: str | None = None) -> Derivation | Expr | Answer:
    """`%matdiff EXPR --wrt X [--let DECLARATION]… [--ask WHAT]`; of a cell, EXPR is what stands below the line.

    >>> magic("x'*A*x --wrt x --ask gradient").text()
    '(A + Aᵀ) x'
    """
    if cell is not None and line.split()[:1] == ["answer"]:
        return Answer(cell)
    options: dict[str, list[str]] = {}
    for name, value in OPTION.findall(line):
        if name not in KNOWN:
            raise ParseError(f"there is no option --{name}", hint=f"the options are --{', --'.join(KNOWN)}")
        options.setdefault(name, []).append(value.strip('"'))
    text = cell if cell is not None else OPTION.sub("", line).strip()
    return derived(text, options)


def derived(text: str, options: dict[str, list[str]]) -> Derivation | Expr:
    from matdiff.api.derive import derive

    if "wrt" not in options:
        raise ParseError("the variable is missing", hint="for instance %matdiff tr(A*X*B) --wrt X")
    d = derive(text, wrt=options["wrt"][-1], declare=options.get("let"))
    if "ask" not in options:
        return d
    ask = options["ask"][-1]
    if ask not in ASKS:
        raise ParseError(f"{ask!r} cannot be asked for", hint=f"ask for one of {', '.join(ASKS)}")
    found: Expr = getattr(d, ask)
    return found


class Answer:
    """An answer on a worksheet: typeset as it is read, or as it was typed."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text.strip()

    def _repr_markdown_(self) -> str:
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return "  \n".join(map(read_line, lines))


def read_line(line: str) -> str:
    """The last formula of a line typeset behind what stands before it."""
    from matdiff.api.reading import parse
    from matdiff.solution.fields import last_side

    formula = last_side(line)
    if not formula:
        return f"`{line}` …"
    try:
        return f"`{line.removesuffix(formula).strip() or ' '}` $\\displaystyle {parse(formula).latex()}$"
    except MatdiffError as error:
        return f"`{line}` (not understood by itself: {error.message})"
