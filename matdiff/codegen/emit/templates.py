"""Templates of code: `np.trace({0})`, `({0} + {0}.T)/2`, with `{0}` an argument and `{p0}` a parameter."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

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
