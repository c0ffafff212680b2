"""Numbers that are written out: exponents, indices, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from matdiff.core.node import Value
from matdiff.core.shape import Dim
from matdiff.errors import ParseError, ShapeError
from matdiff.text.tree import Tree, walk

LARGEST = 10**9
"""Largest index or size that is read from an expression."""


def literal(tree: Tree) -> Value | None:
    """The value of `2`, `-1`, `1/2`, `2*3`, exactly; None where a name or a function occurs."""
    if tree.head == "number":
        return tree.value  # type: ignore[return-value]
    stack: list[Value] = []
    for t in walk(tree):
        n = len(t.args)
        args = stack[len(stack) - n :]
        del stack[len(stack) - n :]
        value = t.value if t.head == "number" else _fold(t.head, args)
        if value is None or isinstance(value, str):
            return None
        stack.append(value)
    return stack[0]


def _fold(head: str, args: list[Value]) -> Value | None:
    if head == "neg":
        return -args[0]
    if head == "+":
        return sum(args[1:], args[0])
    if head == "*" and len(args) == 2:
        return args[0] * args[1]
    if head == "/" and args[1] != 0:
        exact = Fraction(args[0]) / Fraction(args[1])
        return exact.numerator if exact.denominator == 1 else exact
    return None


def as_fixed(given: Sequence[str], trees: Sequence[Tree]) -> bool:
    """Do the last arguments of a call agree with the parameters that are numbers: the 2 of sum(X, 2)?

    A parameter `i` is an index that is written out.
    """
    last = trees[max(len(trees) - len(given), 0) :]
    return all(
        literal(t) == int(p) if p.isdigit() else p != "i" or literal(t) is not None
        for p, t in zip(given, last, strict=False)
    )


def whole(tree: Tree, what: str, least: int = 1, hint: str = "") -> int:
    """A whole number that is written out.  Raises ParseError, or ShapeError where it is too small."""
    value = literal(tree)
    if value is None or isinstance(value, str) or value != int(value):
        raise ParseError(f"{what} must be a whole number that is written out, counted from {least}", hint=hint)
    if value < least:
        raise ShapeError(f"{what} is {value}; it must be at least {least}")
    if value > LARGEST:
        raise ShapeError(f"{what} is {value}; it must be at most {LARGEST}")
    return int(value)


def size(tree: Tree) -> Dim:
    """A dimension in `eye(m*n)`: numbers and dimension words, their products and sums."""
    stack: list[Dim] = []
    for t in walk(tree):
        n = len(t.args)
        args = stack[len(stack) - n :]
        del stack[len(stack) - n :]
        if t.head == "number" and isinstance(t.value, int):
            stack.append(Dim.of(t.value))
        elif t.head == "name":
            stack.append(Dim.of(str(t.value)))
        elif t.head == "+":
            stack.append(sum(args[1:], args[0]))
        elif t.head == "neg":
            stack.append(Dim.of(0) - args[0])
        elif t.head in ("*", ".*"):
            stack.append(args[0] * args[1])
        elif t.head == "/" and args[1].number:
            stack.append(Dim.collect({m: Fraction(c) / args[1].number for m, c in args[0].terms}))
        else:
            raise ParseError("a size is a whole number or a dimension word, or a product, sum or difference of these")
    if not stack[0].whole:
        raise ParseError(f"{stack[0]} is not a whole number for every size")
    number = stack[0].number
    if number is not None and number < 1:
        raise ShapeError(f"a size is {number}; it must be at least 1")
    return stack[0]
