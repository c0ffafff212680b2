"""From text to a typed expression: parser and inference put together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matdiff.api.expr import Expr
from matdiff.core.node import Symbol
from matdiff.errors import ParseError

if TYPE_CHECKING:
    from matdiff.inference import Typed


def read(
    text: str,
    declare: str | Sequence[str] | None,
    dialect: str,
    known: Mapping[str, Symbol],
    wrt: Collection[str] = (),
    implicit: bool = False,
) -> Typed:
    """The typed program of a text that is differentiated by `wrt`; with `implicit` it may have equations.

    Raises MatdiffError with a caret.
    """
    import matdiff.ops  # noqa: F401  the functions register themselves
    from matdiff.inference import infer
    from matdiff.text.parser import parse_declarations, parse_program

    declared = [d for t in texts(declare) for d in parse_declarations(t)]
    return infer(parse_program(text, dialect, declared), declared, known, wrt, implicit)


def texts(declare: Any) -> list[str]:
    """What `declare=` was given, as a list of texts.  Raises ParseError for anything else."""
    if declare is None:
        return []
    if isinstance(declare, str):
        return [declare]
    if isinstance(declare, Mapping) or not isinstance(declare, Iterable) or isinstance(declare, bytes | Expr):
        raise ParseError(
            f"declare takes a text or a list of texts, not {type(declare).__name__}",
            hint='for instance declare="A: m×n; b: m", or declare=["A: m×n", "b: m"]',
        )
    return list(declare)


def agree(e: Expr, declare: Any) -> None:
    """Raises ParseError where declarations say something else of the variables than the expression does."""
    from matdiff.graph.properties import closure
    from matdiff.inference.declarations import gather
    from matdiff.text.parser import parse_declarations

    said = gather("", (), [d for t in texts(declare) for d in parse_declarations(t)])
    for v in e.variables:
        found = said.get(v.name)
        if found is None:
            continue
        fits = found.kind in (None, v.kind) and found.dims in ((), v.shape) and not found.function
        if not fits or not found.attributes <= closure(v.attributes):
            raise ParseError(
                f"an expression carries its declarations, and in this one they are {e.types}",
                hint=f"leave {v.name} out of declare, or declare it so where the expression is made",
            )


def parse(text: str, declare: str | Sequence[str] | None = None, dialect: str = "auto") -> Expr:
    """An expression from text in the language.

    >>> parse("x'*A*x").types
    'x: n; A: n×n'
    """
    typed = read(text, declare, dialect, {})
    return Expr(typed.function, tuple(typed.variables.values()))


def matrix(name: str, rows: int | str, cols: int | str, *attributes: str) -> Expr:
    """A matrix variable.

    >>> (matrix("A", "m", "n") @ vector("x", "n")).types
    'A: m×n; x: n'
    """
    return _variable(name, (rows, cols), attributes)


def vector(name: str, length: int | str, *attributes: str) -> Expr:
    """A vector variable."""
    return _variable(name, (length,), attributes)


def scalar(name: str, *attributes: str) -> Expr:
    """A scalar variable."""
    return _variable(name, (), attributes)


def _variable(name: str, sizes: tuple[int | str, ...], attributes: tuple[str, ...]) -> Expr:
    from matdiff.inference import declared_symbol
    from matdiff.text.parser import parse_declarations

    for what, given in (("the name", (name,)), ("an attribute", attributes)):
        if strange := [v for v in given if not isinstance(v, str)]:
            raise ParseError(f"{what} of a variable is a text, not {strange[0]!r}")
    for size in sizes:
        if not isinstance(size, str) and (isinstance(size, bool) or not hasattr(size, "__index__")):
            raise ParseError(f"a dimension of {name} is a name or a whole number, not {size!r}")
    shape = "×".join(map(str, sizes)) or "scalar"
    found = parse_declarations(f"{name}: {shape} {' '.join(attributes)}")
    if len(found) != 1 or found[0].name != name or len(found[0].dims) != len(sizes):
        count = f"{len(sizes)} dimension{'s' * (len(sizes) != 1)}"
        raise ParseError(
            f"one variable with {count} is wanted, not `{name}: {shape}`",
            hint='for instance matrix("A", "m", "n", "symmetric"), vector("x", "n"), scalar("t")',
        )
    return Expr(declared_symbol(found[0]))
