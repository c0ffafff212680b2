"""What a layout is made of: literal text and holes for parts, with a level that tells how tightly it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, Protocol

from matdiff.core.node import Apply, Node, Number, Value
from matdiff.printing.tables import ATOM, Form, template

if TYPE_CHECKING:
    from matdiff.printing.tables import Notation

BESIDE = "\0"
"""Stands between adjacent factors; the emitter asks the notation what to write there."""

AFTER_NUMBER = "\1"
"""The same after a number."""


class Hole(NamedTuple):
    """A part, in parentheses where it holds together less tightly than `least`."""

    what: Node | Piece
    least: int


Item = str | Hole


class Piece(NamedTuple):
    level: int
    items: tuple[Item, ...]


Argument = Node | Piece | str


# A product of scalars and at most one array, taken apart as a person writes it: number, factors, array, divisors.

CHAIN = 64
"""Scalar factors that are looked through at once, so that laying out a long chain stays linear."""


@dataclass(slots=True, eq=False, repr=False)
class Scaling:
    number: Value = 1
    above: list[Node] = field(default_factory=list)
    below: list[tuple[Node, Value]] = field(default_factory=list)
    base: Node | None = None

    @property
    def negative(self) -> bool:
        return is_negative(self.number)


def is_negative(value: Value) -> bool:
    return repr(value).startswith("-") if isinstance(value, float) else value < 0


MINUS_HALF = Fraction(-1, 2)


def _divides(exponent: Value) -> bool:
    """Is a power with this exponent written as a division?"""
    if type(exponent) is Fraction:
        return exponent == MINUS_HALF
    return isinstance(exponent, int) and exponent < 0


def inverse_power(node: Node) -> tuple[Node, Value] | None:
    """(a, p) where the node is a to the power −p, p whole or ½; other exponents are read back as they stand."""
    if isinstance(node, Apply) and node.op.name == "power":
        base, exponent = node.args
        if isinstance(exponent, Number) and _divides(exponent.value):
            return base, -exponent.value
    return None


def scaling(node: Node, whole: Callable[[Node], bool]) -> Scaling:
    """The parts of a product; nodes for which `whole` holds are not looked into."""
    out = Scaling()
    stack = [node]
    seen = 0
    while stack:
        top = stack.pop()
        inverse = None if whole(top) else inverse_power(top)
        if isinstance(top, Number) and not _absorb(out, top.value):
            out.above.append(top)
        elif isinstance(top, Number):
            continue
        elif isinstance(top, Apply) and top.op.name == "scale" and seen < CHAIN and not whole(top):
            seen += 1
            stack.extend(reversed(top.args))
        elif top.kind != "scalar":
            out.base = top
        elif inverse is not None:
            out.below.append(inverse)
        else:
            out.above.append(top)
    return out


def _absorb(out: Scaling, value: Value) -> bool:
    """Multiply the number into the coefficient where that is exact."""
    if out.number == 1 and not isinstance(out.number, float):
        out.number = value
    elif isinstance(out.number, float) or isinstance(value, float):
        return False
    else:
        out.number = Fraction(out.number * value)
        if out.number.denominator == 1:
            out.number = out.number.numerator
    return True


# What is asked of a layout.


class Forms(Protocol):
    """What the forms of operators ask of the layout that they are part of (`printing/layout.py`)."""

    notation: Notation
    names: Mapping[Node, str]

    def piece(self, node: Node, in_bars: bool = False) -> Piece: ...
    def form(self, head: str, *args: Argument) -> Piece: ...
    def call(self, node: Apply) -> Piece: ...
    def looks_into(self, node: Node, name: str) -> bool: ...
    def signed(self, node: Node, bare: bool = False) -> tuple[bool, Node | Piece]: ...
    def product(self, node: Apply) -> Piece: ...
    def scaled(self, parts: Scaling, bare: bool = False) -> Node | Piece: ...
    def raisable(self, base: Node) -> Node | Piece: ...
    def powered(self, base: Node, exponent: Value, dotted: bool) -> Node | Piece: ...


def text(s: str, level: int = ATOM) -> Piece:
    return Piece(level, (s,))


def fill(form: Form, *args: Argument) -> Piece:
    """A form with its arguments."""
    items: list[Item] = []
    for part in template(form[1]):
        if isinstance(part, str):
            items.append(part)
        else:
            arg = args[part[0]]
            items.append(arg if isinstance(arg, str) else Hole(arg, part[1]))
    return Piece(form[0], tuple(items))
