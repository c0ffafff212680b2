"""The Kronecker product and the adjoints of its two factors."""

from __future__ import annotations

from typing import Any

from matdiff.core.node import Apply, Node, operators
from matdiff.core.op import Facts, Op, linear, macro
from matdiff.core.shape import ONE, Dim
from matdiff.ops.algebra import SCALE, inner, matmul, scale, transpose
from matdiff.ops.constants import commutation, eye, is_eye, is_zero, ones, zeros_like
from matdiff.ops.structure import Diag, unvec, vec, vector_of


def _kron(node: Apply, slot: int) -> Node:
    """vec(A ⊗ B) = (I ⊗ K ⊗ I)(vec A ⊗ vec B) (Magnus & Neudecker 2019, thm 3.10)."""
    A, B = node.args
    other = kron_of(eye(A.rows * A.cols), vector_of(B)) if slot == 0 else kron_of(vector_of(A), eye(B.rows * B.cols))
    return matmul(shuffle(A.rows, A.cols, B.rows, B.cols), other)


def _khatrirao(node: Apply, slot: int) -> Node:
    """A ⊙ B, columns paired, is (A ⊗ 1) ∘ (1 ⊗ B), each factor of which has one matrix for all columns."""
    A, B = node.args
    other = under(B, A.rows) if slot == 0 else over(A, B.rows)
    once = ones("vector", (B if slot == 0 else A).rows)
    repeated = kron_of(eye(A.rows), once) if slot == 0 else kron_of(once, eye(B.rows))
    return matmul(Diag(vec(other)), kron_of(eye(A.cols), repeated))


def shuffle(m: Dim, n: Dim, p: Dim, q: Dim) -> Node:
    return kron_of(kron_of(eye(n), commutation(q, m)), eye(p))


def _kronv(node: Apply, slot: int) -> Node:
    a, b = node.args
    return kron_of(eye(a.rows), b) if slot == 0 else kron_of(a, eye(b.rows))


def _blockwise(node: Apply, slot: int, m: Dim, n: Dim, p: Dim, q: Dim) -> Node:
    """The pq×mn matrix whose column ij is vec of the block Y_ij."""
    Y = node.args[slot]
    return unvec(matmul(transpose(shuffle(m, n, p, q)), vec(Y)), params=(p * q, m * n))


def _unkron_left(node: Apply, slot: int) -> Node:
    B = node.args[1]
    m, n = node.params
    if slot == 1:
        return transpose(_blockwise(node, 0, m, n, B.rows, B.cols))
    return transpose(matmul(shuffle(m, n, B.rows, B.cols), kron_of(eye(m * n), vec(B))))


def _unkron_right(node: Apply, slot: int) -> Node:
    A = node.args[0]
    p, q = node.params
    if slot == 0:
        return _blockwise(node, 1, A.rows, A.cols, p, q)
    return transpose(matmul(shuffle(A.rows, A.cols, p, q), kron_of(vec(A), eye(p * q))))


def _blocks(Y: Any, outer: Any, inner: Any) -> Any:
    """The entries of the m×n blocks of size p×q, one block a row."""
    (m, n), (p, q) = outer, inner
    return Y.reshape(m, p, n, q).transpose(0, 2, 1, 3).reshape(m * n, p * q)


def _simpler_unkron(known: Facts, node: Apply, *args: Node) -> Node | None:
    """⟨Q, B⟩ P where Y = P ⊗ Q is taken apart by B, ⟨A, P⟩ Q by A; eye(mn) is eye(m) ⊗ eye(n)."""
    left = node.op.name == "unkron_left"
    Y, other = args if left else args[::-1]
    rows, cols = node.params
    if is_eye(Y) and other.rows is other.cols and rows is cols:
        P, Q = (eye(rows), eye(other.rows)) if left else (eye(other.rows), eye(rows))
    elif Y.op is kron:
        P, Q = Y.children
    else:
        return None
    taken, kept = (Q, P) if left else (P, Q)
    if taken.rows is not other.rows or taken.cols is not other.cols:
        return None
    return scale(inner(taken, other), kept)


def simpler_kron(known: Facts, node: Apply, *args: Node) -> Node | None:
    """I ⊗ I = I, eye(1) ⊗ A = A, and x ⊗ (yᵀ ⊗ A) = x yᵀ ⊗ A."""
    for i in (0, 1):
        if args[i].op is SCALE:
            s, a = args[i].children
            return scale(s, node.op(*args[:i], a, *args[i + 1 :]))
    if all(map(is_eye, args)):
        return eye(node.rows)
    if args[1].op is kron and {args[0].kind, args[1].children[0].kind} == {"vector", "row"}:
        left, right = args[1].children
        return kron(kron_of(args[0], left), right)
    for one, other in (args, args[::-1]):
        if is_eye(one) and one.rows is ONE and other.kind == node.kind:
            return other
    return zeros_like(node) if any(map(is_zero, args)) else None


kron: Op = linear(
    "kron",
    "(m,n),(p,q)->(m*p,n*q)",
    lambda Y, A, B: unkron_left(Y, B, params=(A.rows, A.cols)),
    lambda Y, A, B: unkron_right(A, Y, params=(B.rows, B.cols)),
    matrix=_kron,
    scalar=lambda a, b: scale(a, b),
    numpy="kron({0}, {1})",
    julia="kron({0}, {1})",
    maxima="kron({0}, {1})",
    latex=r"{0} \otimes {1}",
    spellings="kronecker kroneckerproduct",
    law="the Kronecker product is bilinear",
    source="Magnus & Neudecker 2019, §2.2",
    curvature="increasing increasing⪰",
    c="-> kron({m0}, {n0}, {m1}, {n1}, {0}, {1}, {out})",
    entries=lambda np, A, B: np.kron(A, B),
    simplify=simpler_kron,
    sympy=lambda sp, node, A, B: sp.KroneckerProduct(A, B),
    stack=lambda many, A, B: many.kron(A, B),
)
kronv: Op = linear(
    "kronv",
    "(m),(n)->(m*n)",
    lambda Y, a, b: matrix_of(Y, b, a).T @ b,
    lambda Y, a, b: matrix_of(Y, b, a) @ a,
    matrix=_kronv,
    numpy="np.kron({0}, {1})",
    julia="kron({0}, {1})",
    maxima="kron({0}, {1})",
    torch="torch.outer({0}, {1}).reshape(-1)",
    latex=r"{0} \otimes {1}",
    law="the Kronecker product is bilinear",
    source="a ⊗ b = vec(b aᵀ): Magnus & Neudecker 2019, §2.4",
    spoken=("kron",),
    summary="the Kronecker product of two vectors",
    curvature="increasing",
    c="-> kron({m0}, {n0}, {m1}, {n1}, {0}, {1}, {out})",
    entries=lambda np, a, b: np.kron(a, b),
    sympy=lambda sp, node, a, b: sp.KroneckerProduct(a, b),
    stack=lambda many, a, b: many.flat(a[:, :, None] * b[:, None, :]),
)
unkron_left: Op = linear(
    "unkron_left",
    "(m*p,n*q),(p,q);m,n->(m,n)",
    lambda Z, Y, B, m, n: kron(Z, B),
    lambda Z, Y, B, m, n: unkron_right(Z, Y, params=(B.rows, B.cols)),
    matrix=_unkron_left,
    numpy="unkron_left({0}, {1}, {p0}, {p1})",
    julia="unkron_left({0}, {1}, {p0}, {p1})",
    law="the adjoint of A ↦ A ⊗ B",
    summary="the m×n matrix of ⟨Y_ij, B⟩ over the blocks Y_ij of Y",
    c="-> unkron_left({m}, {n}, {m1}, {n1}, {0}, {1}, {out})",
    entries=lambda np, Y, B, m, n: (_blocks(Y, (m, n), B.shape) @ B.reshape(-1, 1)).reshape(m, n),
    simplify=_simpler_unkron,
)
unkron_right: Op = linear(
    "unkron_right",
    "(m,n),(m*p,n*q);p,q->(p,q)",
    lambda Z, A, Y, p, q: unkron_left(Y, Z, params=(A.rows, A.cols)),
    lambda Z, A, Y, p, q: kron(A, Z),
    matrix=_unkron_right,
    numpy="unkron_right({0}, {1}, {p0}, {p1})",
    julia="unkron_right({0}, {1}, {p0}, {p1})",
    law="the adjoint of B ↦ A ⊗ B",
    summary="the p×q matrix Σ A_ij Y_ij over the blocks Y_ij of Y",
    c="-> unkron_right({m0}, {n0}, {m}, {n}, {0}, {1}, {out})",
    entries=lambda np, A, Y, p, q: (_blocks(Y, A.shape, (p, q)).T @ A.reshape(-1, 1)).reshape(p, q),
    simplify=_simpler_unkron,
)
khatrirao: Op = linear(
    "khatrirao",
    "(m,p),(n,p)->(m*n,p)",
    lambda Y, A, B: unkron_left(Y * under(B, A.rows), ones("matrix", B.rows, ONE), params=(A.rows, A.cols)),
    lambda Y, A, B: unkron_right(ones("matrix", A.rows, ONE), Y * over(A, B.rows), params=(B.rows, B.cols)),
    matrix=_khatrirao,
    numpy="khatri_rao({0}, {1})",
    julia="khatri_rao({0}, {1})",
    law="the Khatri-Rao product is bilinear",
    source="Kolda & Bader 2009, §2.6",
    summary="the Kronecker products of the columns, a_j ⊗ b_j side by side",
    definition=lambda A, B: over(A, B.rows) * under(B, A.rows),
    c="-> khatri_rao({m0}, {n0}, {m1}, {0}, {1}, {out})",
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


operators["⊗"] = kron_of


def matrix_of(y: Node, rows: Node, cols: Node) -> Node:
    return unvec(y, params=(rows.rows, cols.rows))
