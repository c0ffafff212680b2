"""Sums, products, norms, powers and conjugates of what depends on indices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from matdiff.core.node import Apply, Node, Number, number
from matdiff.graph.lift.arrays import bilinear
from matdiff.graph.lift.lifter import Lifter
from matdiff.graph.lift.values import FIXED, Lifted, Matrices, Part, Rows, Scalars, Stack, Tensor, Vectors, refuse
from matdiff.ops.algebra import (
    hadamard,
    is_op,
    matmul,
    power,
    transpose,
)
from matdiff.ops.complexes import CONJ, is_real
from matdiff.ops.elementwise import abs_, sqrt
from matdiff.ops.reductions import norm
from matdiff.ops.structure import Diag


def of_sum(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    scalars = [a for a in args if isinstance(a, Scalars | Tensor)]
    vectors = [a for a in args if isinstance(a, Vectors)]
    matrices = [a for a in args if isinstance(a, Matrices)]
    if len(scalars) == len(args):
        return lift.plus(scalars)
    if len(vectors) == len(args):
        return Vectors(tuple(t for a in vectors for t in a.terms), vectors[0].row)
    if len(matrices) == len(args):
        return Matrices(tuple(t for a in matrices for t in a.terms))
    refuse("a sum of rows and columns")


def scaled(lift: Lifter, s: Scalars, a: Lifted) -> Lifted:
    if isinstance(a, Scalars | Tensor):
        return lift.times(s, a)
    if isinstance(a, Vectors):
        return Vectors(tuple((lift.times(s, t), u, axis) for t, u, axis in a.terms), a.row)
    return Matrices(tuple((lift.times(s, t), p) for t, p in a.terms))


def of_scaling(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    s: Any = args[0]
    a = args[1]
    if isinstance(s, Tensor) and not isinstance(a, Scalars | Tensor):
        refuse("a multiple of an array that depends on three indices together")
    return scaled(lift, s, a)


def of_transpose(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    if isinstance(a, Vectors):
        return Vectors(a.terms, not a.row)
    assert isinstance(a, Matrices)
    return Matrices(tuple((s, _turned(p)) for s, p in a.terms))


def _turned(p: Part) -> Part:
    if isinstance(p, Stack):
        return p.transposed
    return transpose(p) if isinstance(p, Node) else p[::-1]


def of_product(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    a, b = args
    if isinstance(a, Vectors) and isinstance(b, Vectors):
        if a.row:
            return lift.dot(a, b)
        a, b = lift.joined(a), lift.joined(b)
        pairs = [(lift.times(s, t), ((u, i), (v, j))) for s, u, i in a.terms for t, v, j in b.terms]
        return Matrices(tuple(pairs))
    if isinstance(a, Matrices) and isinstance(b, Vectors):
        return _applied(lift, a, b)
    if isinstance(a, Vectors) and isinstance(b, Matrices):
        turned = of_transpose(lift, node, [b])
        assert isinstance(turned, Matrices)
        return Vectors(_applied(lift, turned, a).terms, True)
    if isinstance(a, Matrices) and isinstance(b, Matrices):
        return Matrices(tuple(_product(lift, s, p, t, q) for s, p in a.terms for t, q in b.terms))
    refuse("this product")


def _applied(lift: Lifter, a: Matrices, b: Vectors) -> Vectors:
    """A v, with v from the left of its rows."""
    terms: list[Rows] = []
    for s, p in a.terms:
        if isinstance(p, Stack):
            for t, u, axis in lift.joined(b).terms:
                found, rows, along = lift.applied(p, u, axis)
                terms.append((lift.times(lift.times(s, t), found), rows, along))
        elif isinstance(p, Node):
            for t, u, axis in b.terms:
                moved = matmul(p, u) if axis is None else matmul(u, transpose(p))
                terms.append((lift.times(s, t), moved, axis))
        else:
            (u, along), (v, across) = p
            terms.append((lift.times(s, lift.dot(Vectors(((FIXED, v, across),)), b)), u, along))
    return Vectors(tuple(terms), b.row)


def _product(lift: Lifter, s: Scalars, p: Part, t: Scalars, q: Part) -> tuple[Scalars, Part]:
    st = lift.times(s, t)
    if isinstance(p, Stack) and isinstance(q, Node):
        return st, replace(p, right=q if p.right is None else matmul(p.right, q))
    if isinstance(q, Stack) and isinstance(p, Node):
        return st, replace(q, left=p if q.left is None else matmul(p, q.left))
    if isinstance(p, Stack) or isinstance(q, Stack):
        if isinstance(p, Stack) and isinstance(q, Stack):
            refuse("a product of two matrices that depend on an index")
        return _outer_product(lift, st, p, q)
    if isinstance(p, Node) and isinstance(q, Node):
        return st, matmul(p, q)
    if isinstance(p, Node):
        assert not isinstance(q, Node)
        (u, along), right = q
        return st, ((matmul(p, u) if along is None else matmul(u, transpose(p)), along), right)
    left, (v, across) = p
    if isinstance(q, Node):
        return st, (left, (matmul(transpose(q), v) if across is None else matmul(v, q), across))
    (w, along), right = q
    middle = lift.dot(Vectors(((FIXED, v, across),)), Vectors(((FIXED, w, along),)))
    return lift.times(st, middle), (left, right)


def _outer_product(lift: Lifter, st: Scalars, p: Part, q: Part) -> tuple[Scalars, Part]:
    """A_i (u vᵀ) = (A_i u) vᵀ, and (u vᵀ) A_i = u (A_iᵀ v)ᵀ."""
    if isinstance(p, Stack):
        assert not isinstance(q, Node | Stack)
        (u, along), right = q
        _, rows, axis = lift.applied(p, u, along)
        return st, ((rows, axis), right)
    assert isinstance(q, Stack) and not isinstance(p, Node)
    left, (v, across) = p
    _, rows, axis = lift.applied(q.transposed, v, across)
    return st, (left, (rows, axis))


def of_hadamard(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    a, b = args
    if not (isinstance(a, Vectors) and isinstance(b, Vectors)):
        refuse("an entrywise product of matrices that depend on an index")
    (U, i), (V, j) = lift.merged(a, node), lift.merged(b, node)
    if i is not None and j is not None and i != j:
        refuse("an entrywise product of vectors with different indices")
    if i == j:
        return Vectors(((FIXED, hadamard(U, V), i),), a.row)
    rows, fixed, axis = (U, V, i) if j is None else (V, U, j)
    return Vectors(((FIXED, matmul(rows, Diag(fixed)), axis),), a.row)


def conjugated(a: Lifted) -> Lifted:
    """The conjugate, which is that of all arrays."""
    if isinstance(a, Scalars):
        return Scalars(a.axes, CONJ(a.array))
    if isinstance(a, Tensor):
        return Tensor(tuple(tuple(Scalars(f.axes, CONJ(f.array)) for f in t) for t in a.terms))
    if isinstance(a, Vectors):
        return Vectors(tuple((Scalars(s.axes, CONJ(s.array)), CONJ(u), axis) for s, u, axis in a.terms), a.row)
    return Matrices(tuple((Scalars(s.axes, CONJ(s.array)), _barred(p)) for s, p in a.terms))


def _barred(p: Part) -> Part:
    if isinstance(p, Stack):
        left, right = (s and CONJ(s) for s in (p.left, p.right))
        return replace(p, array=CONJ(p.array), left=left, right=right)
    if isinstance(p, Node):
        return CONJ(p)
    (u, along), (v, across) = p
    return (CONJ(u), along), (CONJ(v), across)


def of_conjugate(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    return conjugated(args[0])


def of_inner(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    a, b = args
    if not is_real(node.args[0]):
        a = conjugated(a)
    if isinstance(a, Vectors) and isinstance(b, Vectors):
        return lift.dot(a, b)
    if isinstance(a, Matrices) and isinstance(b, Matrices):
        return lift.plus([inner_of(lift, s, p, t, q) for s, p in a.terms for t, q in b.terms])
    assert isinstance(a, Scalars) and isinstance(b, Scalars)
    return lift.times(a, b)


def inner_of(lift: Lifter, s: Scalars, p: Part, t: Scalars, q: Part) -> Scalars:
    st = lift.times(s, t)
    if isinstance(q, Stack) and not isinstance(p, Stack):
        p, q = q, p
    if isinstance(p, Stack):
        return lift.times(st, _paired_stack(lift, p, q))
    assert not isinstance(q, Stack)
    if isinstance(p, Node) and isinstance(q, Node):
        return lift.times(st, Scalars((), bilinear(p, q)))
    if isinstance(p, Node):
        p, q = q, p
    assert not isinstance(p, Node)
    (u, along), (v, across) = p
    right = _applied(lift, Matrices(((FIXED, q),)), Vectors(((FIXED, v, across),)))
    return lift.times(st, lift.dot(Vectors(((FIXED, u, along),)), right))


def _paired_stack(lift: Lifter, p: Stack, q: Part) -> Scalars:
    """⟨A_i, M⟩, ⟨A_i, B_j⟩ and ⟨A_i, u vᵀ⟩ = uᵀ A_i v."""
    if isinstance(q, Node):
        return lift.weighted(p, q)
    if isinstance(q, Stack):
        return lift.dotted(p.whole, p.axis, q.whole, q.axis)
    (u, along), (v, across) = q
    return lift.dot(Vectors(((FIXED, u, along),)), Vectors((lift.applied(p, v, across),)))


def of_norm(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    squared = _squared(lift, a)
    if isinstance(squared, Tensor):
        refuse("a norm that depends on three indices together")
    return Scalars(squared.axes, sqrt(lift.safe(squared, node)))


def _squared(lift: Lifter, a: Lifted) -> Any:
    a = lift.joined(a) if isinstance(a, Vectors) else a
    bar: Any = conjugated(a)
    if isinstance(a, Tensor):
        return lift.times(bar, a)
    if isinstance(a, Vectors):
        return lift.dot(bar, a)
    if isinstance(a, Matrices):
        return lift.plus([inner_of(lift, s, p, t, q) for s, p in bar.terms for t, q in a.terms])
    return Scalars(a.axes, power(a.array if is_real(a.array) else abs_(a.array), number(2)))


def of_power(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    base, exponent = args
    if isinstance(base, Tensor):
        if isinstance(node.args[1], Number) and node.args[1].value == 2:
            return lift.times(base, base)
        refuse("a power of a part that depends on three indices together")
    assert isinstance(exponent, Scalars)
    inside = node.args[0]
    p = node.args[1]
    if is_op(inside, norm) and isinstance(p, Number) and isinstance(p.value, int) and p.value > 0 and p.value % 2 == 0:
        return node_power(lift, node, base, p.value // 2)
    if exponent.axes:
        assert isinstance(base, Scalars)
        if not base.axes:
            return Scalars(exponent.axes, power(base.array, exponent.array))
        axes = lift.union(base.axes, exponent.axes)
        filled = Scalars(base.axes, lift.safe(base, node))
        return Scalars(axes, power(lift.spread(filled, axes), lift.spread(exponent, axes)))
    if isinstance(base, Scalars):
        whole_number = isinstance(p, Number) and isinstance(p.value, int) and p.value >= 0
        return Scalars(base.axes, power(base.array if whole_number else lift.safe(base, node), exponent.array))
    if isinstance(base, Vectors):
        U, axis = lift.merged(base, node)
        return Vectors(((FIXED, power(U, exponent.array), axis),), base.row)
    refuse("a power of a matrix that depends on an index")


def node_power(lift: Lifter, node: Apply, base: Lifted, half: int) -> Scalars:
    """‖u‖^(2k), whose base is √(uᵀu) already."""
    assert isinstance(base, Scalars)
    array = base.array
    if is_op(array, sqrt):
        inside = array.children[0]
        return Scalars(base.axes, inside if half == 1 else power(inside, number(half)))
    return Scalars(base.axes, power(array, number(2 * half)))
