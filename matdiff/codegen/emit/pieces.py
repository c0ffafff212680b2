"""Small pieces of Python text: operators, calls, indexing, numbers, and a value of one kind where another is wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from matdiff.codegen.emit.templates import ATOM, PRODUCT, UNARY, Code
from matdiff.core.node import Apply, Kind, Node, Value
from matdiff.core.shape import Dim

if TYPE_CHECKING:
    from matdiff.codegen.backends.base import Backend

FLAT = ("vector", "row")
"""Kinds that are 1-D arrays."""


class Emitting(Protocol):
    """What forms of code ask of the emitter that they write for (`emit/emitter.py`)."""

    backend: Backend
    code: dict[Node, Code]
    lines: list[str]
    uses: Counter[Node]
    wish: dict[Node, str]
    plain: set[Node]
    check: bool
    largest: int

    def named(self, code: Code, wish: str = "") -> Code: ...
    def template_code(self, node: Apply) -> Code: ...
    def checked(self, word: str, node: Apply, arg: Node) -> Code: ...
    def guard(self, word: str, node: Apply, arguments: Sequence[Node]) -> None: ...
    def negated(self, node: Node) -> Code | None: ...
    def reciprocal(self, node: Node) -> Code | None: ...
    def dtype(self) -> str: ...
    def size(self, dim: Dim) -> str: ...
    def size_code(self, dim: Dim) -> Code: ...
    def span(self, low: Dim, high: Dim, size: Dim) -> str: ...


def binary(left: Code, sign: str, right: Code, precedence: int) -> Code:
    """A left-associative operation."""
    text = f"{left.at(precedence)} {sign} {right.at(precedence + 1)}"
    return Code(text, precedence, 1 + max(left.depth, right.depth))


def call(function: str, *args: Code) -> Code:
    return Code(f"{function}({', '.join(a.text for a in args)})", ATOM, 1 + max(a.depth for a in args))


def suffix(a: Code, text: str) -> Code:
    """Indexing or an attribute."""
    return Code(a.at(ATOM) + text, ATOM, a.depth + 1)


def as_kind(em: Emitting, code: Code, have: Kind, want: Kind) -> Code:
    """A value of one kind where another is wanted: only matrices are 2-D."""
    if want != "matrix" or have == "matrix":
        return code
    if have == "scalar":
        return Code(f"np.array([[{code.text}]], {em.dtype()})", ATOM, code.depth + 1)
    return suffix(code, "[:, None]" if have == "vector" else "[None, :]")


def flat(em: Emitting, node: Node) -> Code:
    """A scalar, vector or row as a 1-D array."""
    code = em.code[node]
    return Code(f"np.array([{code.text}], {em.dtype()})", ATOM, code.depth + 1) if node.kind == "scalar" else code


def literal(value: Value) -> Code:
    """A number; exact ones too large for a float's digits are rounded to it."""
    if isinstance(value, Fraction):
        if max(abs(value.numerator), value.denominator) < 2**53:
            sign = "-" if value < 0 else ""
            return Code(f"{sign}{abs(value.numerator)} / {value.denominator}", PRODUCT)
        value = _rounded(value)
    elif isinstance(value, int) and abs(value) >= 2**53:
        value = _rounded(Fraction(value))
    text = repr(int(value) if isinstance(value, int) else float(value))
    if text.lstrip("-") in ("inf", "nan"):
        text = text.replace("inf", "np.inf").replace("nan", "np.nan")
    return Code(text, UNARY if text.startswith("-") else ATOM)


def _rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
