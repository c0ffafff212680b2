"""What the parameters of a law may be: of which shape, and tied how to the shape of the variable."""

from __future__ import annotations

from collections.abc import Iterator

from matdiff.api.lawtexts import Said
from matdiff.core.node import Node, Symbol, number
from matdiff.errors import ParseError
from matdiff.ops.constants import eye, zeros_like
from matdiff.ops.random import MATRIX_NORMAL, Law
from matdiff.text.tree import Tree

IN_A_SET = {"weights": ("vector", "positive"), "chances": ("simplex",)}
"""Parameters that are vectors in a set, and how that is declared."""


def one_for_all(mode: str, i: int) -> bool:
    """Whether a parameter is a number: that of a number, or of all entries."""
    return mode not in ("whole", "each", f"each {i}")


def each(law: Law) -> list[str]:
    """What the parameters of a law of entries may be: one for all, an array, or one of them an array."""
    return ["entries", "each", *(f"each {i}" for i in range(len(law.takes)) if len(law.takes) > 1)]


def ties(law: Law, mode: str, what: str, last: bool, x: Tree, p: Tree) -> Iterator[Tree]:
    """Expressions that make sense just where a parameter has the shape that fits the variable."""
    span = p.span
    turned = Tree("'", (x,), "", span)
    if what == "covariance" and law is MATRIX_NORMAL and last:
        yield Tree("*", (x, Tree("*", (p, turned), "", span)), "", span)
    elif what == "covariance" and "wishart" in law.name:
        yield Tree("+", (x, p), "", span)
    elif what == "covariance":
        yield Tree("*", (turned, Tree("*", (p, x), "", span)), "", span)
    elif what in ("vector", "matrix", *IN_A_SET) or mode == "each":
        yield Tree("+", (x, p), "", span)
    else:
        yield Tree("+", (p, Tree("number", (), 1, span)), "", span)


def literal(text: str, x: Symbol, law: Law, place: int, said: Said) -> Node:
    """0 or I of the shape that the variable asks for."""
    what = law.takes[place]
    if text == "0" and what in ("real", "vector", "matrix"):
        return number(0) if what == "real" else zeros_like(x)
    if text == "I" and what == "covariance":
        return eye(x.cols if place == 2 else x.rows)
    if text == "I" and what == "matrix" and x.rows is x.cols:
        return eye(x.rows)
    if text == "0" and what == "probability":
        return number(0)
    raise ParseError(f"a parameter of {law.name} cannot be {text}", text=said.text, span=said.span, hint=law.says)
