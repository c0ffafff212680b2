"""The cost of a form: how many symbols it is written with."""

from __future__ import annotations

from functools import lru_cache

from matdiff.core.node import Node
from matdiff.core.patterns import deferred
from matdiff.printing.layout import Layout
from matdiff.printing.piece import Piece
from matdiff.printing.tables import ASCII

ENOUGH = 10**9
"""Lengths stop counting here: written without names for shared parts, a graph can be exponentially long."""

_layout = Layout(ASCII)
_symbol = deferred(r"[^\W\d]\w*|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\*|\.?[-+/^]|['\[<:]")
_keep = object.__setattr__


def length(node: Node) -> int:
    """Names, numbers, operators, functions and pairs of brackets in the plain text of a node.

    `*`, commas and the parentheses of calls count nothing.  Nothing is printed; known lengths are kept in the nodes.
    """
    found = getattr(node, "measure", None)
    if found is None:
        _measure_below(node)
        found = node.measure
    return found[0]


def _measure_below(node: Node) -> None:
    layouts: dict[Node, Piece] = {}
    stack = [node]
    while stack:
        top = stack[-1]
        if getattr(top, "measure", None) is not None:
            stack.pop()
            continue
        piece = layouts.get(top) or layouts.setdefault(top, _layout.piece(top))
        total, missing = _measure(piece)
        if missing:
            stack.extend(missing)
        else:
            _keep(top, "measure", (min(total, ENOUGH), piece.level))
            stack.pop()


def _measure(piece: Piece) -> tuple[int, list[Node]]:
    """The symbols of a layout, or the nodes in it whose own length must come first."""
    total = 0
    missing: list[Node] = []
    stack = [piece]
    while stack:
        for item in stack.pop().items:
            if isinstance(item, str):
                total += _weight(item)
                continue
            what, least = item
            if isinstance(what, Piece):
                total += what.level < least
                stack.append(what)
            elif (found := getattr(what, "measure", None)) is not None:
                below, level = found
                total += below + (level < least)
            else:
                missing.append(what)
    return total, missing


@lru_cache(maxsize=4096)
def _weight(text: str) -> int:
    return len(_symbol.findall(text))
