"""What a layout is made of: literal text and holes for parts, with a level that tells how tightly it holds."""

from __future__ import annotations

from typing import NamedTuple

from matdiff.core.node import Node
from matdiff.printing.tables import ATOM, Form, template

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
