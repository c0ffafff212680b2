"""What a layout is made of: literal text and holes for parts, with a level that tells how tightly it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from matdiff.core.node import Apply, Node, Value
from matdiff.printing.tables import ATOM, Form, template

if TYPE_CHECKING:
    from matdiff.printing.operators import Scaling
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
