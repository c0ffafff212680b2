"""From text to a typed expression: parser and inference put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matdiff.expr import Expr
from matdiff.node import Symbol

if TYPE_CHECKING:
    from matdiff.inference import Typed


def read(text: str, declare: str | Sequence[str] | None, dialect: str, known: Mapping[str, Symbol]) -> Typed:
    """The typed program of a text.  Raises MatdiffError with a caret."""
    import matdiff.ops  # noqa: F401  the functions register themselves
    from matdiff.inference import infer
    from matdiff.parser import parse_declarations, parse_program

    texts = [] if declare is None else [declare] if isinstance(declare, str) else list(declare)
    declared = [d for t in texts for d in parse_declarations(t)]
    return infer(parse_program(text, dialect, declared), declared, known)


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
    return _variable(name, f"{rows}×{cols} {' '.join(attributes)}")


def vector(name: str, length: int | str, *attributes: str) -> Expr:
    """A vector variable."""
    return _variable(name, f"{length} {' '.join(attributes)}")


def scalar(name: str, *attributes: str) -> Expr:
    """A scalar variable."""
    return _variable(name, f"scalar {' '.join(attributes)}")


def _variable(name: str, type_text: str) -> Expr:
    from matdiff.inference import declared_symbol
    from matdiff.parser import parse_declarations

    found = parse_declarations(f"{name}: {type_text}")
    return Expr(declared_symbol(found[0]))
