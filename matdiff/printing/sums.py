"""Sums: signs between the terms, and `c·ones` as a broadcasting `.+ c`."""

from __future__ import annotations

from matdiff.core.node import Apply, Constant, Node
from matdiff.printing.piece import Forms, Hole, Item, Piece
from matdiff.printing.scaling import Scaling, scaling
from matdiff.printing.tables import MIXED, NEGATED, SUM


def lay_sum(layout: Forms, node: Apply) -> Piece:
    """A sum with the terms in their order; an I among other terms has its size from them."""
    parts = [_taken_apart(layout, t) for t in node.args]
    sized = any(not _is(p, "I") for p in parts)
    dotted = _broadcast(layout, node, parts)
    items: list[Item] = []
    for i, (term, part) in enumerate(zip(node.args, parts, strict=True)):
        if i == dotted:
            assert part is not None
            negative, rest = part.negative, layout.scaled(Scaling(part.number, part.above, part.below))
        else:
            negative, rest = layout.signed(term, bare=sized)
        if i:
            signs = layout.notation.dotted if dotted == i or (dotted == 0 and i == 1) else layout.notation.signs
            items.append(signs[negative])
        elif negative:
            rest = Piece(NEGATED, (layout.notation.negative, Hole(rest, MIXED)))
        items.append(Hole(rest, MIXED if i else NEGATED))
    return Piece(SUM, tuple(items))


def _taken_apart(layout: Forms, term: Node) -> Scaling | None:
    """The parts of a term that may be a multiple of I or of ones."""
    if isinstance(term, Constant) or layout.looks_into(term, "scale"):
        return scaling(term, layout.names.__contains__)
    return None


def _is(part: Scaling | None, name: str) -> bool:
    return part is not None and isinstance(part.base, Constant) and part.base.name == name


def _broadcast(layout: Forms, node: Apply, parts: list[Scaling | None]) -> int | None:
    """Which term is written as a scalar to broadcast: the only multiple of ones beside arrays of the same kind."""
    if not layout.notation.dotted:
        return None
    found = [i for i, p in enumerate(parts) if _is(p, "ones")]
    others = [t for i, t in enumerate(node.args) if i not in found]
    if len(found) != 1 or not others or any(t.kind != node.kind for t in node.args):
        return None
    if all(_is(p, "I") or _is(p, "ones") for p in parts):
        return None
    return found[0]
