"""Entries, rows, columns, slices and blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from matdiff.node import Apply, Constant, Node, Symbol
from matdiff.notation.piece import Argument, Hole, Item, Piece
from matdiff.notation.tables import ATOM, SUM
from matdiff.shape import ONE

if TYPE_CHECKING:
    from matdiff.notation.layout import Layout


def indexable(layout: Layout, node: Node) -> Argument | None:
    """What an index can follow: a name or a call; None where the node is neither."""
    if isinstance(node, Symbol) or node in layout.names or not layout.notation.indices_in_brackets:
        piece = layout.piece(node)
        subscripted = (
            not layout.notation.indices_in_brackets and isinstance(piece.items[0], str) and "_" in piece.items[0]
        )
        return Piece(ATOM, ("{", Hole(piece, SUM), "}")) if subscripted and piece.level == ATOM else piece
    if layout.looks_into(node, "inv") and isinstance(node, Apply):
        return layout.call(node)
    piece = layout.piece(node)
    first = piece.items[0]
    called = isinstance(first, str) and first[0].isalpha() and "(" in first
    return piece if called and piece.level == ATOM and not isinstance(node, Constant) else None


def _entry(layout: Layout, node: Apply) -> Piece:
    (a,), (i, j) = node.args, node.params
    base = indexable(layout, a)
    if base is None:
        return layout.piece(_by_unit_vectors(a, i, j))
    if a.kind == "vector":
        return layout.form("element", base, str(i))
    return layout.form("entry", base, str(i), str(j))


def _line(layout: Layout, node: Apply) -> Piece:
    (a,), (i,) = node.args, node.params
    base = indexable(layout, a)
    if base is None:
        return layout.piece(
            _by_unit_vectors(a, i if node.op.name == "getrow" else 0, i if node.op.name == "getcol" else 0)
        )
    return layout.form(node.op.name, base, str(i))


def _by_unit_vectors(a: Node, i: int, j: int) -> Node:
    """The entry, row (j = 0) or column (i = 0) of an expression that is no name: e(m,i)' A e(n,j)."""
    from matdiff.ops.algebra import MATMUL, transpose, unit

    if j and a.kind != "vector":
        a = MATMUL.build((a, unit(a.cols, j))) if not i else MATMUL.build((transpose(unit(a.rows, i)), a))
        return MATMUL.build((a, unit(a.cols, j))) if i else a
    if j:
        return MATMUL.build((transpose(unit(a.rows, i)), a))
    return MATMUL.build((transpose(a), unit(a.rows, i)))


def _slice(layout: Layout, node: Apply) -> Piece:
    (a,), (r0, r1, c0, c1) = node.args, node.params
    base = indexable(layout, a) or layout.piece(a)
    bounds = [layout.notation.dim(d) for d in (r0 + ONE, r1, c0 + ONE, c1)]
    if a.kind == "vector":
        return layout.form("part", base, *bounds[:2])
    return layout.form("slice", base, *bounds)


def blocks(layout: Layout, node: Apply) -> Piece:
    """[A, B], [A; B] and [A, B; C, D]."""
    before, column, row, after = layout.notation.block
    rows = (
        [node.args]
        if node.op.name == "hcat"
        else [a.children if layout.looks_into(a, "hcat") else (a,) for a in node.args]
    )
    items: list[Item] = [before]
    for i, args in enumerate(rows):
        items += [row] if i else []
        for j, a in enumerate(args):
            items += [column] if j else []
            items.append(Hole(a, SUM))
    return Piece(ATOM, (*items, after))


INDEXING: dict[str, Callable[[Layout, Apply], Piece]] = {
    "entry": _entry,
    "getrow": _line,
    "getcol": _line,
    "slice": _slice,
}
