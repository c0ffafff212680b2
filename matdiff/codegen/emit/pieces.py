"""Small pieces of Python text: operators, calls, indexing, numbers, and a value of one kind where another is wanted."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from matdiff.core.node import Apply, Kind, Node, Value
from matdiff.core.shape import Dim

if TYPE_CHECKING:
    from matdiff.codegen.backends.base import Backend

# Templates of code: `np.trace({0})`, `({0} + {0}.T)/2`, with `{0}` an argument and `{p0}` a parameter.

ATOM, POWER, UNARY, PRODUCT, SUM = 5, 4, 3, 2, 1
"""Precedence of an expression's outermost operator, as in Python."""
MAX_DEPTH = 6
MAX_INLINE = 44
"""Deepest nesting and longest text that is not given a name."""


class Code(NamedTuple):
    """Source of one value; `depth` counts the calls and operators nested in it."""

    text: str
    precedence: int = ATOM
    depth: int = 0

    def at(self, precedence: int) -> str:
        """The text, in parentheses where it binds less tightly than asked."""
        return self.text if self.precedence >= precedence else f"({self.text})"


class Template(NamedTuple):
    """Pieces of text, each followed by a field (or none); `delimited` fields stand between commas and brackets."""

    pieces: tuple[tuple[str, str | None, bool], ...]
    precedence: int
    uses: Counter[str]

    def fill(self, fields: dict[str, Code]) -> Code:
        parts: list[str] = []
        for literal, field, delimited in self.pieces:
            parts.append(literal)
            if field is not None:
                parts.append(fields[field].at(0 if delimited else ATOM))
        depth = 1 + max((fields[f].depth for f in self.uses), default=0)
        return Code("".join(parts), self.precedence, depth)


@cache
def template(text: str) -> Template:
    """A template read and its spacing made uniform."""
    body = ast.parse(re.sub(r"\{(\w+)\}", r"_field_\1_", text), mode="eval").body
    uniform = re.sub(r"_field_(\w+?)_", r"{\1}", ast.unparse(body)).replace("'", '"')
    parts = re.split(r"\{(\w+)\}", uniform)
    pieces = []
    for i in range(0, len(parts), 2):
        field = parts[i + 1] if i + 1 < len(parts) else None
        after = parts[i + 2] if i + 2 < len(parts) else ""
        pieces.append((parts[i], field, parts[i].rstrip()[-1:] in set("(,[") and after.lstrip()[:1] in set("),]")))
    return Template(tuple(pieces), _precedence(body), Counter(parts[1::2]))


def _precedence(body: ast.expr) -> int:
    match body:
        case ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript() | ast.Constant():
            return ATOM
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.MatMult()):
            return PRODUCT
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return SUM
        case _:
            return 0


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
