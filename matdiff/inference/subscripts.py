"""`x[i]`, `A[i,j]`, `A[i,:]`, `A[i:j,k:l]`: indices count from 1; `x[n]` of a vector of length n is its last entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matdiff.core.node import Node
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import MatdiffError, ShapeError
from matdiff.inference.literals import literal, size, whole
from matdiff.inference.misfit import Misfit
from matdiff.inference.types import Type
from matdiff.ops.indexing import column_at, entry_at, row_at, slice_
from matdiff.text.tree import Tree

if TYPE_CHECKING:
    from matdiff.inference.types import Checking


def index_type(c: Checking, t: Tree, a: Type) -> Type:
    subscripts = t.args[1:]
    wanted = {"vector": 1, "matrix": 2, "row": 2}.get(a[0], 0)
    if len(subscripts) != wanted:
        if not wanted:
            raise Misfit(t, "{0} has no entries", (a,))
        hint = "write {0}[i,j], {0}[i,:] or {0}[:,j]" if wanted == 2 else "write {0}[i]"
        raise Misfit(t, f"{{0}} takes {wanted} ind{'ex' if wanted == 1 else 'ices'}, not {len(subscripts)}", (a,), hint)
    spans = [_extent(s, d) for s, d in zip(subscripts, map(c.solver.value, (a[1], a[2])), strict=False)]
    if wanted == 1:
        return ("scalar", ONE, ONE) if spans[0] is None else ("vector", spans[0], ONE)
    rows, cols = spans
    if rows is None or cols is None:
        length = cols if rows is None else rows
        return ("scalar", ONE, ONE) if length is None else ("vector", length, ONE)
    return "matrix", rows, cols


def _extent(s: Tree, dim: Dim) -> Dim | None:
    """How many a subscript takes; None for a single one."""
    if s.head == "slice":
        low, high = _bounds(s, dim)
        return high - low
    if dim.number is None and s.head in ("name", "+", "*") and literal(s) is None and size(s) is dim:
        return None
    try:
        i = whole(s, "an index", hint="one entry is x[1]; sums over an index are written x'*y, sum(x), tr(A*B)")
        if dim.number is not None and i > dim.number:
            raise ShapeError(f"index {i} is out of range: there are {dim}, counted from 1")
    except MatdiffError as error:
        error.span = s.span
        raise
    return None


def _bounds(s: Tree, dim: Dim) -> tuple[Dim, Dim]:
    """Half-open and from 0."""
    if not s.args:
        return ZERO, dim
    first, last = s.args
    low, high = size(first) - ONE, size(last)
    if low.number is not None and high.number is not None and low.number >= high.number:
        raise ShapeError(f"the slice {low + ONE}:{high} is empty")
    if high.number is not None and dim.number is not None and high.number > dim.number:
        raise ShapeError(f"the slice {low + ONE}:{high} is out of range: there are {dim}, counted from 1")
    return low, high


def index_node(t: Tree, a: Node) -> Node:
    subscripts = t.args[1:]
    if len(subscripts) == 1:
        s = subscripts[0]
        return slice_(a, *_bounds(s, a.rows)) if s.head == "slice" else entry_at(a, size(s))
    rows, cols = subscripts
    if rows.head == "slice" and cols.head == "slice":
        return slice_(a, *_bounds(rows, a.rows), *_bounds(cols, a.cols))
    if rows.head != "slice" and cols.head != "slice":
        return entry_at(a, size(rows), size(cols))
    if rows.head == "slice":
        return _part(column_at(a, size(cols)), rows)
    return _part(row_at(a, size(rows)), cols)


def _part(v: Node, s: Tree) -> Node:
    return slice_(v, *_bounds(s, v.rows))
