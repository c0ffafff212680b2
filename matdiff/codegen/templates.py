"""Templates of code: `np.trace({0})`, `({0} + {0}.T)/2`, with `{0}` an argument and `{p0}` a parameter."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter

ATOM, POWER, UNARY, PRODUCT, SUM = 5, 4, 3, 2, 1
"""Precedence of an expression's outermost operator, as in Python."""


@dataclass(frozen=True, slots=True)
class Code:
    """Source of one value; `depth` counts the calls and operators nested in it."""

    text: str
    precedence: int = ATOM
    depth: int = 0

    def at(self, precedence: int) -> str:
        """The text, in parentheses where it binds less tightly than asked."""
        return self.text if self.precedence >= precedence else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Template:
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


@lru_cache(maxsize=None)
def template(text: str) -> Template:
    parsed = [(literal, field) for literal, field, _, _ in Formatter().parse(text)]
    pieces = []
    for i, (literal, field) in enumerate(parsed):
        before = literal.rstrip()[-1:]
        after = parsed[i + 1][0].lstrip()[:1] if i + 1 < len(parsed) else ""
        pieces.append((literal, field, before in set("(,[") and after in set("),]")))
    names = "".join(literal + (f"_{field}" if field is not None else "") for literal, field in parsed)
    return Template(tuple(pieces), _precedence(names), Counter(f for _, f in parsed if f is not None))


def _precedence(text: str) -> int:
    body = ast.parse(text, mode="eval").body
    match body:
        case ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript() | ast.Constant():
            return ATOM
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.MatMult()):
            return PRODUCT
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return SUM
        case _:
            return 0
