"""Products of Kronecker products and commutation matrices."""

from __future__ import annotations

from matdiff.node import Node
from matdiff.ops.algebra import commutation, eye, is_commutation, is_eye, is_op
from matdiff.ops.kronecker import kron
from matdiff.shape import ONE


def vector_kron(a: Node, b: Node) -> Node | None:
    """K(m,n)(A⊗B) = B⊗A where one of them is a column, so that no K is left on the right."""
    if is_commutation(a) and is_op(b, kron):
        p, q = b.children
        if ONE in (p.cols, q.cols) and a.dims == (q.rows, p.rows):  # type: ignore[attr-defined]
            return kron(q, p)
    return None


def pairs(a: Node, b: Node) -> tuple[tuple[Node, Node], tuple[Node, Node]] | None:
    """(A, C) and (B, D) for (A⊗B)(C⊗D) = AC⊗BD."""
    if not (is_op(a, kron) and is_op(b, kron)):
        return None
    (p, q), (r, s) = a.children, b.children
    fits = p.cols is r.rows and q.cols is s.rows
    return ((p, r), (q, s)) if fits and not plain_shuffle(a) and not plain_shuffle(b) else None


def commuted(a: Node, b: Node) -> list[Node] | None:
    """Commutation matrices move to the left, (A⊗B)K = K(B⊗A), and KKᵀ = I."""
    turned = vector_kron(a, b)
    if turned is not None:
        return [turned]
    if is_commutation(b) and is_op(a, kron):
        p, q = a.children
        if b.dims == (p.cols, q.cols) and not plain_shuffle(a):  # type: ignore[attr-defined]
            return [commutation(p.rows, q.rows), kron(q, p)]
    if is_commutation(a) and is_commutation(b) and a.dims == b.dims[::-1]:  # type: ignore[attr-defined]
        return [eye(a.rows)]
    return None


def plain_shuffle(a: Node) -> bool:
    """Is this one of the permutations I ⊗ K ⊗ I, which stay as they are?"""
    stack, found = [a], False
    while stack:
        top = stack.pop()
        if is_op(top, kron):
            stack.extend(top.children)
        elif is_commutation(top):
            found = True
        elif not is_eye(top):
            return False
    return found
