"""A product of two values, computed the cheap way that the factors' form allows."""

from __future__ import annotations

from collections.abc import Callable, Container

from matdiff.codegen.kernels import (
    COLUMN_SUMS,
    ROW_SUMS,
    SCALE_COLUMNS,
    SCALE_ROWS,
    SOLVE,
    TOTAL,
    product,
    run,
)
from matdiff.core.node import Apply, Constant, Node, apply
from matdiff.core.shape import ONE, Dim
from matdiff.graph.properties import Known
from matdiff.ops.algebra import INNER, MATMUL, SCALE, TRANSPOSE, hadamard, matmul, product_kind, transpose
from matdiff.ops.indexing import COLUMN, ROW, entry
from matdiff.ops.kronecker import kron, unkron_left, unkron_right
from matdiff.ops.linalg import inv
from matdiff.ops.structure import Diag, unvec, vec

Rule = Callable[[Node, Node], Node | None]


def multiplier(solvable: Container[Node], known: Known) -> Callable[[Node, Node], Node]:
    """The function that multiplies; `solvable` are the inverses that need not be computed.

    xᵀA is computed as Aᵀx, so that both are one value where both occur.
    """

    def multiply(a: Node, b: Node) -> Node:
        if a.kind == "scalar":
            return run(SCALE, (a, b), b.kind, b.rows, b.cols)
        if b.kind == "scalar":
            return run(SCALE, (b, a), a.kind, a.rows, a.cols)
        if a.kind == "row" and b.kind == "matrix":
            return transpose(multiply(known.transposed(b), transpose(a)))
        solved = solve(a, b, solvable)
        if solved is not None:
            return solved
        for rule in RULES:
            made = rule(a, b)
            if made is not None:
                return made
        if a.kind == "row" and b.kind == "vector":
            return run(INNER, (transpose(a), b), "scalar", ONE, ONE)
        return apply(MATMUL, (a, b), (), product_kind(a.kind, b.kind), a.rows, b.cols)

    return multiply


def inverted(a: Node, solvable: Container[Node]) -> Node | None:
    """The A of a factor A⁻¹ or A⁻ᵀ (then Aᵀ) that need not be computed."""
    if a.op is inv and a in solvable:
        return a.children[0]
    if a.op is TRANSPOSE and a.children[0].op is inv and a.children[0] in solvable:
        return transpose(a.children[0].children[0])
    return None


def solve(a: Node, b: Node, solvable: Container[Node]) -> Node | None:
    """A⁻¹B without the inverse."""
    A = inverted(a, solvable)
    if A is not None and b.kind in ("vector", "matrix"):
        return product(SOLVE, (A, b), a, b)
    B = inverted(b, solvable)
    if B is not None and a.kind == "matrix":
        return transpose(run(SOLVE, (transpose(B), transpose(a)), "matrix", a.cols, a.rows))
    return None


def scaling(a: Node, b: Node) -> Node | None:
    """Diag(v) B and A Diag(v)."""
    if a.op is Diag:
        v = a.children[0]
        if b.kind == "vector":
            return v**2 if v is b else hadamard(v, b)
        return product(SCALE_ROWS, (v, b), a, b) if b.kind == "matrix" else None
    if b.op is Diag:
        v = b.children[0]
        return product(SCALE_COLUMNS, (a, v), a, b) if a.kind == "matrix" else None
    return None


def picking(a: Node, b: Node) -> Node | None:
    """A e_j and Aᵀe_i are a column and a row of A, aᵀe_j and e_iᵀb are entries."""
    if isinstance(b, Constant) and b.name == "e":
        if a.kind == "matrix":
            return ROW.build(a.children, (b.index,)) if a.op is TRANSPOSE else COLUMN.build((a,), (b.index,))
        return entry(a, 1, b.index) if a.kind == "row" else None
    if a.op is TRANSPOSE and isinstance(e := a.children[0], Constant) and e.name == "e" and b.kind == "vector":
        return entry(b, e.index)
    return None


def picked(a: Node, b: Node) -> Node | None:
    """⟨e_i, x⟩ is an entry."""
    if isinstance(a, Constant) and a.name == "e" and b.kind == "vector":
        return entry(b, a.index)
    return picked(b, a) if isinstance(b, Constant) and b.name == "e" and a.kind == "vector" and a is not b else None


def summing(a: Node, b: Node) -> Node | None:
    """A·1, Aᵀ1, aᵀ1 and 1ᵀb."""
    if isinstance(b, Constant) and b.name == "ones" and b.kind == "vector":
        if a.kind == "matrix":
            return product(COLUMN_SUMS, a.children, a, b) if a.op is TRANSPOSE else product(ROW_SUMS, (a,), a, b)
        return product(TOTAL, (transpose(a),), a, b) if a.kind == "row" else None
    if isinstance(a, Constant) and a.name == "ones" and a.kind == "row" and b.kind == "vector":
        return product(TOTAL, (b,), a, b)
    return None


def unstacked(a: Node, b: Node) -> Node | None:
    """(A ⊗ B) vec X = vec(B X Aᵀ) and K vec X = vec(Xᵀ): no large matrix (Magnus & Neudecker 2019, §2.4, §3.7)."""
    if b.kind == "vector" and a.op is kron:
        A, B = a.children
        X = matrix_of(b, B.cols, A.cols)
        return stacked(matmul(matmul(B, X), transpose(A)))
    if b.kind == "vector" and isinstance(a, Constant) and a.name == "K":
        return stacked(transpose(matrix_of(b, *a.dims)))
    return None


def unkron(node: Apply, args: tuple[Node, ...]) -> Node | None:
    """The adjoints of A ⊗ B applied to y zᵀ = vec(Y) vec(Z)ᵀ: YᵀBZ and YAZᵀ."""
    left = node.op is unkron_left
    if not (left or node.op is unkron_right):
        return None
    outer, other = args if left else args[::-1]
    if not (outer.op is MATMUL and outer.children[0].kind == "vector" and outer.children[1].kind == "row"):
        return None
    y, z = outer.children[0], transpose(outer.children[1])
    if left:
        Y, Z = matrix_of(y, other.rows, node.rows), matrix_of(z, other.cols, node.cols)
        return plain(plain(transpose(Y), other), Z)
    Y, Z = matrix_of(y, node.rows, other.rows), matrix_of(z, node.cols, other.cols)
    return plain(plain(Y, other), transpose(Z))


def matrix_of(x: Node, rows: Dim, cols: Dim) -> Node:
    """The matrix with vec X = x."""
    if x.op is vec and (X := x.children[0]).rows is rows and X.cols is cols and X.kind == "matrix":
        return X
    return unvec.build((x,), (rows, cols))


def stacked(a: Node) -> Node:
    if a.kind in ("vector", "row"):
        return a if a.kind == "vector" else transpose(a)
    return run(vec, (a,), "vector", a.rows * a.cols, ONE)


def plain(a: Node, b: Node) -> Node:
    return apply(MATMUL, (a, b), (), product_kind(a.kind, b.kind), a.rows, b.cols)


RULES: tuple[Rule, ...] = (scaling, picking, summing, unstacked)
