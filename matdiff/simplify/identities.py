"""Identities of single functions: f(args in normal form) → simpler, or None."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Node
from matdiff.core.shape import ONE
from matdiff.graph.properties import Known
from matdiff.ops.algebra import MATMUL, TRANSPOSE, product_nodes, transpose
from matdiff.ops.constants import (
    commutation,
    eye,
    is_commutation,
    is_eye,
    is_ones,
)
from matdiff.ops.kronecker import kron, kron_of, kronv
from matdiff.ops.structure import Diag, vec
from matdiff.simplify.terms import WINDOW, split

# Products of Kronecker products, commutation matrices and vecs.

Times = Callable[[Node, Node], Node]
"""The product of two matrices in normal form."""


def vector_kron(a: Node, b: Node) -> Node | None:
    """K(m,n)(A⊗B) = B⊗A where one of them is a column, so that no K is left on the right."""
    if is_commutation(a) and b.op is kron:
        p, q = b.children
        if ONE in (p.cols, q.cols) and a.dims == (q.rows, p.rows):  # type: ignore[attr-defined]
            return kron(q, p)
    return None


SHUFFLED = frozenset({kron, kronv, vec})


def shuffles(a: Node, b: Node) -> bool:
    """Has one of two neighbours to do with what follows: is it a Kronecker product, K, vec or a row of such?"""
    if a.op in SHUFFLED or b.op in SHUFFLED or is_commutation(a) or is_commutation(b):
        return True
    return b.op is TRANSPOSE and b.children[0].op is kronv


def pairs(a: Node, b: Node) -> tuple[tuple[Node, Node], tuple[Node, Node]] | None:
    """(A, C) and (B, D) for (A⊗B)(C⊗D) = AC⊗BD."""
    if not (a.op is kron and b.op is kron):
        return None
    (p, q), (r, s) = a.children, b.children
    fits = p.cols is r.rows and q.cols is s.rows
    return ((p, r), (q, s)) if fits and not plain_shuffle(a) and not plain_shuffle(b) else None


def commuted(a: Node, b: Node) -> list[Node] | None:
    """Commutation matrices move to the left, (A⊗B)K = K(B⊗A), and KKᵀ = I."""
    for kept, other in ((a, b), (b, a)):
        if is_commutation(other) and takes_diagonal(kept) and other.dims[0] is other.dims[1]:  # type: ignore[attr-defined]
            return [kept]
    turned = vector_kron(a, b)
    if turned is not None:
        return [turned]
    if is_commutation(b) and a.op is kron:
        p, q = a.children
        if b.dims == (p.cols, q.cols) and not plain_shuffle(a):  # type: ignore[attr-defined]
            return [commutation(p.rows, q.rows), kron(q, p)]
    if is_commutation(a) and is_commutation(b) and a.dims == b.dims[::-1]:  # type: ignore[attr-defined]
        return [eye(a.rows)]
    return None


def on_vec(a: Node, b: Node, times: Times, known: Known) -> list[Node] | None:
    """(A ⊗ B) vec(X) = vec(B X Aᵀ), and K vec(X) = vec(Xᵀ)."""
    if b.op is not vec:
        return None
    (X,) = b.children
    if is_commutation(a) and a.dims == (X.rows, X.cols):  # type: ignore[attr-defined]
        return [vec(known.transposed(X))]
    if a.op is not kron or plain_shuffle(a):
        return None
    A, B = a.children
    if A.cols is not X.cols or B.cols is not X.rows or A.kind == B.kind == "row":
        return None
    piece = split(times(times(B, X), known.transposed(A)))
    core = piece.core
    if core is None:
        return None
    return [piece.scalar, transpose(core) if core.kind == "row" else core if core.kind == "vector" else vec(core)]


def beside(a: Node, b: Node, times: Times) -> list[Node] | None:
    """(x ⊗ M) N = x ⊗ M N, N (xᵀ ⊗ M) = xᵀ ⊗ N M, the same with x on the right; beside another ⊗ where M = I or vec."""
    both = a.op is b.op is kron
    for i in (0, 1):
        if a.op is kron and a.children[i].kind == "vector" and not is_commutation(b):
            x, M = a.children[i], a.children[1 - i]
            if not both or is_eye(M) or _vec_at(M, -1):
                return _kron_at(i, x, times(M, b))
        if b.op is kron and b.children[i].kind == "row" and not is_commutation(a):
            x, M = b.children[i], b.children[1 - i]
            if not both or is_eye(M) or _vec_at(M, 0):
                return _kron_at(i, x, times(a, M))
    return None


def _vec_at(M: Node, end: int) -> bool:
    """Does a product begin with a vec(A), or end in its transpose?"""
    outer = product_nodes(M, WINDOW)[end:][:1] if M.op is MATMUL else [M]
    return any((f.T if end else f).op is vec for f in outer)


def _kron_at(i: int, x: Node, rest: Node) -> list[Node] | None:
    """x ⊗ rest, or rest ⊗ x, the scalars of the rest in front."""
    piece = split(rest)
    if piece.core is None:
        return [piece.scalar, x]
    a, b = (piece.core, x) if i else (x, piece.core)
    return [piece.scalar, transpose(kronv(a.T, b.T)) if a.kind == b.kind == "row" else joined(a, b)]


def joined(a: Node, b: Node) -> Node:
    """a ⊗ b, a vector where both are."""
    return kronv(a, b) if a.kind == b.kind == "vector" else kron_of(a, b)


def outer(a: Node, b: Node, times: Times) -> list[Node] | None:
    """u (x ⊗ v)ᵀ = xᵀ ⊗ u vᵀ, (x ⊗ u) vᵀ = x ⊗ u vᵀ and (x ⊗ u)(y ⊗ v)ᵀ = x yᵀ ⊗ u vᵀ."""
    if a.kind != "vector" or b.kind != "row":
        return None
    left, right = a.op is kronv, b.T.op is kronv
    if left and right:
        (x, u), (y, v) = a.children, b.T.children
        return [kron_of(times(x, y.T), times(u, v.T))]
    if left:
        x, u = a.children
        return [kron_of(x, times(u, b))]
    if right:
        y, v = b.T.children
        return [kron_of(y.T, times(a, v.T))]
    return None


def takes_diagonal(a: Node) -> bool:
    """Is it Diag(vec(I)), which keeps the diagonal of a matrix in vec(A)?"""
    return a.op is Diag and a.children[0].op is vec and is_eye(a.children[0].children[0])


def of_diagonals(a: Node, b: Node, c: Node) -> bool:
    """Is it E Eᵀ with the E = Diag(vec(I))(1 ⊗ I) of a diagonal variable?  That is Diag(vec(I))."""
    if not (a is c and takes_diagonal(a) and b.op is kron):
        return False
    n = a.children[0].children[0].rows
    return is_ones(b.children[0]) and is_eye(b.children[1]) and b.children[1].rows is n and b.rows is b.cols


def plain_shuffle(a: Node) -> bool:
    """Is this one of the permutations I ⊗ K ⊗ I, which stay as they are?"""
    stack, found = [a], False
    while stack:
        top = stack.pop()
        if top.op is kron:
            stack.extend(top.children)
        elif is_commutation(top):
            found = True
        elif not is_eye(top):
            return False
    return found
