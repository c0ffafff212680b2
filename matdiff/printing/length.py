"""The cost of a form: how many symbols it is written with."""

from __future__ import annotations

from functools import lru_cache
from weakref import WeakKeyDictionary, ref

from matdiff.core.node import Node
from matdiff.core.patterns import deferred
from matdiff.printing.layout import Layout
from matdiff.printing.piece import Piece
from matdiff.printing.tables import ASCII

ENOUGH = 10**9
"""Lengths stop counting here: written without names for shared parts, a graph can be exponentially long."""

_known: WeakKeyDictionary[Node, tuple[int, int]] = WeakKeyDictionary()
_measured = _known.data.get  # type: ignore[attr-defined]  # by a weak reference, without the frame of `_known.get`
_layout = Layout(ASCII)
_symbol = deferred(r"[^\W\d]\w*|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\*|\.?[-+/^]|['\[<:]")


def length(node: Node) -> int:
    """Names, numbers, operators, functions and pairs of brackets in the plain text of a node.

    `*`, commas and the parentheses of calls count nothing.  Nothing is printed; known lengths are kept
    as long as their nodes live.
    """
    layouts: dict[Node, Piece] = {}
    stack = [node]
    while stack:
        top = stack[-1]
        if _measured(ref(top)) is not None:
            stack.pop()
            continue
        piece = layouts.get(top) or layouts.setdefault(top, _layout.piece(top))
        total, missing = _measure(piece)
        if missing:
            stack.extend(missing)
        else:
            _known[top] = min(total, ENOUGH), piece.level
            stack.pop()
    return _known[node][0]


def _measure(piece: Piece) -> tuple[int, list[Node]]:
    """The symbols of a layout, or the nodes in it whose own length must come first."""
    total = 0
    missing: list[Node] = []
    stack = [piece]
    while stack:
        for item in stack.pop().items:
            if isinstance(item, str):
                total += _weight(item)
            elif isinstance(item.what, Piece):
                total += item.what.level < item.least
                stack.append(item.what)
            elif (found := _measured(ref(item.what))) is not None:
                below, level = found
                total += below + (level < item.least)
            else:
                missing.append(item.what)
    return total, missing


@lru_cache(maxsize=4096)
def _weight(text: str) -> int:
    return len(_symbol.findall(text))
