"""The Kronecker product and the adjoints of its two factors."""

from __future__ import annotations

from matdiff.core.node import Node
from matdiff.core.op import Op, linear, macro
from matdiff.core.shape import ONE, Dim
from matdiff.ops.algebra import scale
from matdiff.ops.constants import ones

kron: Op = linear(
    "kron",
    "(m,n),(p,q)->(m*p,n*q)",
    lambda Y, A, B: unkron_left(Y, B, params=(A.rows, A.cols)),
    lambda Y, A, B: unkron_right(A, Y, params=(B.rows, B.cols)),
    scalar=lambda a, b: scale(a, b),
    numpy="np.kron({0}, {1})",
    torch="torch.kron({0}, {1})",
    latex=r"{0} \otimes {1}",
    law="the Kronecker product is bilinear",
    source="Magnus & Neudecker 2019, §2.2",
)
kronv: Op = linear(
    "kronv",
    "(m),(n)->(m*n)",
    lambda Y, a, b: matrix_of(Y, b, a).T @ b,
    lambda Y, a, b: matrix_of(Y, b, a) @ a,
    numpy="np.kron({0}, {1})",
    torch="torch.kron({0}, {1})",
    latex=r"{0} \otimes {1}",
    law="the Kronecker product is bilinear",
    source="a ⊗ b = vec(b aᵀ): Magnus & Neudecker 2019, §2.4",
    spoken=("kron",),
    summary="the Kronecker product of two vectors",
)
unkron_left: Op = linear(
    "unkron_left",
    "(m*p,n*q),(p,q);m,n->(m,n)",
    lambda Z, Y, B, m, n: kron(Z, B),
    lambda Z, Y, B, m, n: unkron_right(Z, Y, params=(B.rows, B.cols)),
    numpy="unkron_left({0}, {1}, {p0}, {p1})",
    law="the adjoint of A ↦ A ⊗ B",
    summary="the m×n matrix of ⟨Y_ij, B⟩ over the blocks Y_ij of Y",
)
unkron_right: Op = linear(
    "unkron_right",
    "(m,n),(m*p,n*q);p,q->(p,q)",
    lambda Z, A, Y, p, q: unkron_left(Y, Z, params=(A.rows, A.cols)),
    lambda Z, A, Y, p, q: kron(A, Z),
    numpy="unkron_right({0}, {1}, {p0}, {p1})",
    law="the adjoint of B ↦ A ⊗ B",
    summary="the p×q matrix Σ A_ij Y_ij over the blocks Y_ij of Y",
)
khatrirao: Op = linear(
    "khatrirao",
    "(m,p),(n,p)->(m*n,p)",
    lambda Y, A, B: unkron_left(Y * under(B, A.rows), ones("matrix", B.rows, ONE), params=(A.rows, A.cols)),
    lambda Y, A, B: unkron_right(ones("matrix", A.rows, ONE), Y * over(A, B.rows), params=(B.rows, B.cols)),
    numpy="khatri_rao({0}, {1})",
    law="the Khatri-Rao product is bilinear",
    source="Kolda & Bader 2009, §2.6",
    summary="the Kronecker products of the columns, a_j ⊗ b_j side by side",
)


def over(A: Node, n: Dim) -> Node:
    """A ⊗ 1: every row n times."""
    return kron.build((A, ones("vector", n)))


def under(B: Node, m: Dim) -> Node:
    """1 ⊗ B: the matrix m times one below the other."""
    return kron.build((ones("vector", m), B))


macro("kron", "(m),(p,q)->(m*p,q)", lambda a, B: kron.build((a, B)))
macro("kron", "(m,n),(p)->(m*p,n)", lambda A, b: kron.build((A, b)))


def kron_of(a: Node, b: Node) -> Node:
    """A ⊗ B as a person writes it: of a scalar the multiple, of a column and a row their product."""
    if a.kind == "scalar" or b.kind == "scalar":
        return scale(a, b) if a.kind == "scalar" else scale(b, a)
    if {a.kind, b.kind} == {"vector", "row"}:
        return a @ b if a.kind == "vector" else b @ a
    return kron(a, b)


def matrix_of(y: Node, rows: Node, cols: Node) -> Node:
    from matdiff.ops.structure import unvec

    return unvec(y, params=(rows.rows, cols.rows))
