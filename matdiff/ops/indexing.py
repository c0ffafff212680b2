"""Entries, rows, columns, blocks and slices: all linear, and each other's adjoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matdiff.core.node import Apply, Constant, Node, describe, number, operators
from matdiff.core.op import Facts, Joint, Linear, Op, Type, register
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import ShapeError
from matdiff.ops.algebra import TRANSPOSE, inner, scale
from matdiff.ops.constants import eye, is_eye, ones_like, unit, zeros, zeros_like
from matdiff.ops.structure import Diag


def check_index(i: int, size: Dim, what: str) -> None:
    if i < 1 or (size.number is not None and i > size.number):
        raise ShapeError(f"index {i} is out of range: {what} has {size}, counted from 1")


def _entry_adjoint(Y: Node, A: Node, i: int, j: int) -> Node:
    column = unit(A.rows, i)
    return scale(Y, column if A.kind == "vector" else column @ unit(A.cols, j).T)


def _entry_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    check_index(params[0], args[0].rows, "the row count")
    check_index(params[1], args[0].cols, "the column count")
    return "scalar", ONE, ONE


def _simpler_entry(known: Facts, node: Apply, a: Node) -> Node | None:
    """Entries of constants, slices, blocks and diagonals, and those that are 0 in a triangle; Aᵀ[i,j] = A[j,i]."""
    i, j = node.params
    if a.op is SLICE or a.op is VCAT or a.op is HCAT:
        return _entry_of_part(a, i, j)
    if a.op is TRANSPOSE and a.kind == "matrix":
        return entry(a.children[0], j, i)
    if a.kind != "matrix":
        return number(int(a.index == i)) if isinstance(a, Constant) and a.name == "e" else None
    properties = known(a)
    if i > j and "symmetric" in properties:
        return entry(a, j, i)
    if (i < j and "lower" in properties) or (i > j and "upper" in properties) or (i == j and "skew" in properties):
        return number(0)
    if is_eye(a):
        return number(1)
    return entry(a.children[0], i) if a.op is Diag else None


def _entry_of_part(a: Node, i: int, j: int) -> Node | None:
    """An entry of a slice is one of the whole, an entry of blocks is one of the block where sizes are numbers."""
    assert isinstance(a, Apply)
    if a.op is SLICE:
        r0, c0 = a.params[0].number, a.params[2].number
        return None if r0 is None or c0 is None else _entry_of(a.args[0], i + r0, j + c0)
    at, down = 0, a.op is VCAT
    for block in a.args:
        length = (block.rows if down else block.cols).number
        if length is None:
            return None
        if (i if down else j) <= at + length:
            return _entry_of(block, i - at, j) if down else _entry_of(block, i, j - at)
        at += length
    return None


def _entry_of(a: Node, i: int, j: int) -> Node:
    """The entry of a vector, a row or a matrix; a scalar is its own."""
    if a.kind == "scalar":
        return a
    return entry(a.T, j) if a.kind == "row" else entry(a, i, j)


def _behind(start: Dim, end: Dim) -> bool:
    """Is start ≥ end whatever positive numbers the sizes are?"""
    return all(c >= 0 for _, c in (start - end).terms)


def _simpler_slice(known: Facts, node: Apply, a: Node) -> Node | None:
    """A slice of a slice is a slice; one that is a block of [A, B] or [A; B] is that block; of I it is I or 0."""
    r0, r1, c0, c1 = node.params
    if is_eye(a) and r0 is c0 and r1 is c1 and node.kind == "matrix":
        return eye(r1 - r0)
    if is_eye(a) and (_behind(r0, c1) or _behind(c0, r1)):
        return zeros_like(node)
    if a.op is SLICE:
        assert isinstance(a, Apply)
        top, _, left, _ = a.params
        return slice_(a.children[0], r0 + top, r1 + top, c0 + left, c1 + left)
    if a.op is VCAT and c0 is ZERO and c1 is a.cols:
        at = ZERO
        for block in a.children:
            if at is r0 and at + block.rows is r1 and block.kind == node.kind:
                return block
            at = at + block.rows
    if a.op is HCAT and r0 is ZERO and r1 is a.rows:
        at = ZERO
        for block in a.children:
            if at is c0 and at + block.cols is c1 and block.kind == node.kind:
                return block
            at = at + block.cols
    return None


def _simpler_column(known: Facts, node: Apply, a: Node) -> Node | None:
    """A column of a slice is a column, and of blocks side by side the column of one block."""
    (j,) = node.params
    if a.op is SLICE:
        assert isinstance(a, Apply)
        r0, r1, c0, _ = a.params
        inside = a.args[0]
        if r0 is ZERO and r1 is inside.rows and c0.number is not None:
            return COLUMN(inside, params=(j + c0.number,))
    if a.op is HCAT:
        at = 0
        for block in a.children:
            width = block.cols.number
            if width is None:
                return None
            if j <= at + width:
                return block if block.kind == "vector" else COLUMN(block, params=(j - at,))
            at += width
    return None


def _sympy_entry(sp: Any, node: Apply, A: Any, i: int, j: int) -> Any:
    at = (j - 1, i - 1) if node.args[0].kind == "row" else (i - 1, j - 1)
    return sp.matrices.expressions.matexpr.MatrixElement(A, *at)


ENTRY: Op = register(
    Op(
        "entry",
        "(m,n);i,j->()",
        (Linear(_entry_adjoint),),
        _entry_type,
        traits="indexed view",
        law="an entry is linear",
        spoken=(),
        curvature="increasing",
        entries=lambda np, A, i, j: A[i - 1 : i, j - 1 : j],
        cost="0",
        simplify=_simpler_entry,
        sympy=_sympy_entry,
    )
)
"""A[i,j], and x[i] with j = 1."""


def _row_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    check_index(params[0], args[0].rows, "the row count")
    return "vector", args[0].cols, ONE


def _col_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    check_index(params[0], args[0].cols, "the column count")
    return "vector", args[0].rows, ONE


ROW: Op = register(
    Op(
        "getrow",
        "(m,n);i->(n)",
        (Linear(lambda Y, A, i: unit(A.rows, i) @ Y.T),),
        _row_type,
        traits="indexed view",
        law="a row is linear",
        spoken=(),
        matrix=lambda node, slot: operators["⊗"](eye(node.rows), unit(node.args[0].rows, node.params[0]).T),
        curvature="increasing",
        entries=lambda np, A, i: A[i - 1 : i].T,
        cost="0",
    )
)
"""A[i,:] as a vector."""

COLUMN: Op = register(
    Op(
        "getcol",
        "(m,n);j->(m)",
        (Linear(lambda Y, A, j: Y @ unit(A.cols, j).T),),
        _col_type,
        traits="indexed view",
        law="a column is linear",
        spoken=(),
        matrix=lambda node, slot: operators["⊗"](unit(node.args[0].cols, node.params[0]).T, eye(node.rows)),
        curvature="increasing",
        entries=lambda np, A, j: A[:, j - 1 : j],
        cost="0",
        simplify=_simpler_column,
    )
)
"""A[:,j]."""


def entry(a: Node, i: int, j: int = 1) -> Node:
    return ENTRY.build((a,), (i, j))


def entry_at(a: Node, i: Dim, j: Dim = ONE) -> Node:
    """A[i,j] where an index may be a dimension: x[n] is the last entry."""
    if i.number is not None and j.number is not None:
        return entry(a, i.number, j.number)
    return entry(slice_(a, i - ONE, i, j - ONE, j), 1)


def column_at(a: Node, j: Dim) -> Node:
    """A[:,j] likewise."""
    if j.number is not None:
        return COLUMN.build((a,), (j.number,))
    return COLUMN.build((slice_(a, ZERO, a.rows, j - ONE, j),), (1,))


def row_at(a: Node, i: Dim) -> Node:
    """A[i,:] likewise."""
    if i.number is not None:
        return ROW.build((a,), (i.number,))
    return ROW.build((slice_(a, i - ONE, i, ZERO, a.cols),), (1,))


def _slice_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    (a,), (r0, r1, c0, c1) = args, params
    for low, high, size in ((r0, r1, a.rows), (c0, c1, a.cols)):
        numbers = (low.number, high.number, size.number)
        if None not in numbers and not 0 <= numbers[0] <= numbers[1] <= numbers[2]:
            raise ShapeError(f"the slice {numbers[0] + 1}:{numbers[1]} is out of range for {describe(a)}")
    return a.kind if a.kind != "row" else "matrix", r1 - r0, c1 - c0


def _window(node: Apply, slot: int) -> Node:
    """A block V[r0:r1, c0:c1] is S V Cᵀ with slices of I."""
    (A,) = node.args
    r0, r1, c0, c1 = node.params
    left, right = slice_(eye(A.rows), r0, r1, ZERO, A.rows), slice_(eye(A.cols), c0, c1, ZERO, A.cols)
    return left if A.kind == "vector" else operators["⊗"](right, left)


SLICE: Op = register(
    Op(
        "slice",
        "(m,n)->(p,q)",
        (Linear(lambda Y, A, r0, r1, c0, c1: embed(Y, r0, c0, A.rows, A.cols)),),
        _slice_type,
        traits="indexed view",
        law="a block is linear",
        proof=(
            "let X: 3×4",
            "(X + dX)[1:2,2:3] = X[1:2,2:3] + dX[1:2,2:3] | linear",
            "d(X[1:2,2:3]) = dX[1:2,2:3] | the change is linear already",
        ),
        spoken=(),
        matrix=_window,
        curvature="increasing",
        entries=lambda np, A, r0, r1, c0, c1: A[r0:r1, c0:c1],
        cost="0",
        simplify=_simpler_slice,
        sympy=lambda sp, node, A, r0, r1, c0, c1: A[r0:r1, c0:c1],
    )
)
"""A[r0+1:r1, c0+1:c1] (params are half-open and count from 0); for a vector c0, c1 = 0, 1."""


def slice_(a: Node, r0: Dim, r1: Dim, c0: Dim = ZERO, c1: Dim = ONE) -> Node:
    if r0 is ZERO and c0 is ZERO and r1 is a.rows and c1 is a.cols:
        return a
    return SLICE.build((a,), (r0, r1, c0, c1))


def embed(a: Node, r0: Dim, c0: Dim, rows: Dim, cols: Dim) -> Node:
    """Zeros of rows×cols with A placed at (r0, c0), as blocks: the adjoint of a slice."""
    if a.kind == "vector":
        return _padded(VCAT, a, zeros("vector", r0), zeros("vector", rows - r0 - a.rows))
    wide = _padded(HCAT, a, zeros("matrix", a.rows, c0), zeros("matrix", a.rows, cols - c0 - a.cols))
    return _padded(VCAT, wide, zeros("matrix", r0, cols), zeros("matrix", rows - r0 - a.rows, cols))


def _padded(join: Op, a: Node, before: Node, after: Node) -> Node:
    parts = [p for p in (before, a, after) if p is a or (p.cols if join is HCAT else p.rows) is not ZERO]
    return a if len(parts) == 1 else join(*parts)


def _hcat_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    rows, cols = args[0].rows, ZERO
    for a in args:
        if a.rows is not rows:
            raise ShapeError(f"blocks side by side need equal row counts, not {describe(args[0])} and {describe(a)}")
        cols = cols + a.cols
    return "matrix", rows, cols


def _vcat_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    rows, cols = ZERO, args[0].cols
    for a in args:
        if a.cols is not cols:
            raise ShapeError(f"stacked blocks need equal column counts, not {describe(args[0])} and {describe(a)}")
        rows = rows + a.rows
    column = all(a.kind in ("vector", "scalar") for a in args)
    return "vector" if column else "matrix", rows, cols


def _part(Y: Node, args: tuple[Node, ...], slot: int, across: bool) -> Node:
    """The block of Y that belongs to one argument, as that argument's kind."""
    before = ZERO
    for a in args[:slot]:
        before = before + (a.cols if across else a.rows)
    a = args[slot]
    if a.kind == "scalar":
        at = before.number
        if at is None:
            part = (
                slice_(Y, ZERO, Y.rows, before, before + ONE)
                if across
                else slice_(Y, before, before + ONE, ZERO, Y.cols)
            )
            return inner(part, ones_like(part))
        return entry(Y, *((1, at + 1) if across else (at + 1, 1)))
    block = (
        slice_(Y, ZERO, Y.rows, before, before + a.cols) if across else slice_(Y, before, before + a.rows, ZERO, Y.cols)
    )
    if a.kind == "vector" and block.kind == "matrix":
        return COLUMN.build((block,), (1,))
    if a.kind == "row" and block.kind == "matrix":
        return ROW.build((block,), (1,)).T
    return block


def _sympy_blocks(sp: Any, rows: Sequence[Sequence[Any]]) -> Any:
    """Scalars are 1×1 matrices."""
    return sp.BlockMatrix([[a if a.is_Matrix else a * sp.OneMatrix(1, 1) for a in row] for row in rows])


HCAT: Op = register(
    Op(
        "hcat",
        "(m,n),(m,p)->(m,n+p)",
        (Joint(lambda Y, slot, *args: _part(Y, args, slot, True)),),
        _hcat_type,
        law="blocks are linear",
        curvature="increasing",
        entries=lambda np, *args: np.hstack(args),
        sympy=lambda sp, node, *args: _sympy_blocks(sp, [args]),
    )
)
VCAT: Op = register(
    Op(
        "vcat",
        "(m,n),(p,n)->(m+p,n)",
        (Joint(lambda Y, slot, *args: _part(Y, args, slot, False)),),
        _vcat_type,
        law="blocks are linear",
        curvature="increasing",
        entries=lambda np, *args: np.vstack(args),
        sympy=lambda sp, node, *args: _sympy_blocks(sp, [[a] for a in args]),
    )
)
