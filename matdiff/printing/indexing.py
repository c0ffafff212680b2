"""Entries, rows, columns, slices and blocks."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Apply, Constant, Node, Number, Symbol
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.printing.piece import Argument, Forms, Hole, Item, Piece
from matdiff.printing.tables import ATOM, SUM, TEXT


def _base(layout: Forms, node: Node) -> Argument:
    """What an index follows: `inv(X)[1,2]` is spelled as a call, and LaTeX has no second subscript on a first."""
    if not layout.notation.bracketed:
        if isinstance(node, Symbol) and "_" in layout.notation.symbol(node):
            return Piece(ATOM, ("{", Hole(node, SUM), "}"))
        second = (
            isinstance(node, Constant) or node in layout.names or (isinstance(node, Apply) and node.op.name in INDEXING)
        )
        before, after = layout.notation.parentheses
        return Piece(ATOM, (before, Hole(node, SUM), after)) if second else node
    if layout.looks_into(node, "inv") and isinstance(node, Apply):
        return layout.call(node)
    return node


def _entry(layout: Forms, node: Apply) -> Piece:
    (a,), (i, j) = node.args, node.params
    inside = _last(layout, a)
    if inside is not None:
        a, rows, cols = inside
        i, j = rows or i, cols or j
    if a.kind == "vector":
        return layout.form("element", _base(layout, a) if layout.notation.bracketed else a, str(i))
    return layout.form("entry", _base(layout, a), str(i), str(j))


def _line(layout: Forms, node: Apply) -> Piece:
    (a,), (i,) = node.args, node.params
    inside = _last(layout, a)
    if inside is not None and (inside[1] == "") is (node.op.name == "getcol"):
        a, rows, cols = inside
        i = rows or cols
    return layout.form(node.op.name, _base(layout, a), str(i))


def _last(layout: Forms, a: Node) -> tuple[Node, str, str] | None:
    """Of a slice that is a last row, column or entry of a symbolic size: of what, and the indices it stands for."""
    if not layout.looks_into(a, "slice") or not isinstance(a, Apply):
        return None
    (inside,), (r0, r1, c0, c1) = a.args, a.params
    row, col = (_one(layout, *bounds) for bounds in ((r0, r1, inside.rows), (c0, c1, inside.cols)))
    symbolic = (r1.number is None and row) or (c1.number is None and col)
    return (inside, row, col) if symbolic and row is not None and col is not None else None


def _one(layout: Forms, low: Dim, high: Dim, size: Dim) -> str | None:
    """A single index: a number, or that of the last; "" where all are taken, None for any other part."""
    if low is ZERO and high is size:
        return ""
    single = high - low is ONE and (high is size or high.number is not None)
    return layout.notation.dim(high) if single else None


def _slice(layout: Forms, node: Apply) -> Piece:
    (a,), (r0, r1, c0, c1) = node.args, node.params
    bounds = [layout.notation.dim(d) for d in (r0 + ONE, r1, c0 + ONE, c1)]
    if a.kind == "vector":
        return layout.form("part", _base(layout, a), *bounds[:2])
    if r0 is ZERO and r1 is a.rows:
        bounds[:2] = ["", ""]
    if c0 is ZERO and c1 is a.cols:
        bounds[2:] = ["", ""]
    return layout.form("slice", _base(layout, a), *bounds)


def blocks(layout: Forms, node: Apply) -> Piece:
    """[A, B], [A; B] and [A, B; C, D]."""
    before, column, row, after = layout.notation.block
    rows = (
        [node.args]
        if node.op.name == "hcat"
        else [a.children if layout.looks_into(a, "hcat") else (a,) for a in node.args]
    )
    items: list[Item] = [before]
    # [(A B); (C D)]: without the parentheses it could be read as blocks side by side.
    level = ATOM if layout.notation is TEXT and all(len(r) == 1 and _is_spaced(r[0]) for r in rows) else SUM
    for i, args in enumerate(rows):
        items += [row] if i else []
        for j, a in enumerate(args):
            items += [column] if j else []
            items.append(Hole(a, level))
    return Piece(ATOM, (*items, after))


def _is_spaced(a: Node) -> bool:
    """Is it a product whose factors stand side by side, no number first?"""
    return isinstance(a, Apply) and a.op.name in ("matmul", "scale") and not isinstance(a.args[0], Number)


INDEXING: dict[str, Callable[[Forms, Apply], Piece]] = {
    "entry": _entry,
    "getrow": _line,
    "getcol": _line,
    "slice": _slice,
}
