"""Sums over the entries and the rows of an array as they are written, and what stands beside a diagonal."""

from __future__ import annotations

from collections.abc import Sequence

from matdiff.core.node import Apply, Node, Number, Value, number
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    inner,
    is_op,
    matmul,
    power,
    scale,
    size,
    transpose,
)
from matdiff.ops.complexes import CONJ, is_real
from matdiff.ops.constants import is_eye, is_ones, is_zero, ones
from matdiff.ops.elementwise import abs_, sqrt
from matdiff.ops.reductions import norm, sum_
from matdiff.ops.structure import Diag, diag, tril, triu


def total(array: Node) -> Node:
    """The sum of all entries, as it is written: ‖u‖² for that of squares, aᵀb for that of products."""
    if array.kind == "scalar":
        return array
    if is_op(array, SCALE):
        return scale(array.children[0], total(array.children[1]))
    if is_op(array, ADD):
        return add(*map(total, array.children))
    if is_ones(array):
        return size(array.rows * array.cols)
    if is_op(array, POWER) and isinstance(p := array.children[1], Number) and p.value == 2:
        u = array.children[0]
        if is_op(u, abs_) and not is_real(u.children[0]):
            return power(norm(u.children[0]), number(2))
        return power(norm(u), number(2)) if is_real(u) else sum_(array)
    if is_op(array, MATMUL):
        a, b = array.children
        if is_ones(b) and b.kind == "vector" and is_op(a, HADAMARD):
            return paired(*a.children)
        if a.kind == "vector":
            return scale(total(a), total(transpose(b)))
        if b.kind == "vector" and is_ones(b):
            return total(a)
    if is_op(array, HADAMARD):
        if (found := sides(array)) is not None:
            u, rest, v = found
            return matmul(matmul(transpose(u), rest), v)
        a, b = array.children
        for one, other in ((a, b), (b, a)):
            if is_op(other, MATMUL) and is_ones(other.children[1]) and is_op(other.children[0], HADAMARD):
                u, v = other.children[0].children
                return bilinear(matmul(Diag(one), u), v)
        return paired(a, b)
    return sum_(array)


def paired(a: Node, b: Node) -> Node:
    """Σ aᵢⱼ bᵢⱼ; ‖A‖² where both are the same, or one the conjugate of the other."""
    real = is_real(a)
    if a is b if real else CONJ(a) is b:
        return power(norm(b if is_op(a, CONJ) else a), number(2))
    return matmul(transpose(a), b) if a.kind == "vector" else bilinear(a, b)


def bilinear(a: Node, b: Node) -> Node:
    """tr(AᵀB), which is ⟨Ā, B⟩."""
    if is_real(a):
        return inner(a, b)
    return inner(b, a) if is_real(b) else inner(CONJ(a), b)


def sides(array: Node) -> tuple[Node, Node, Node] | None:
    """u, A and v of A ⊙ (u vᵀ), whose entries sum up to uᵀ A v and its rows to u ⊙ (A v); None for others."""
    stack, lefts, rights, rest = [array], [], [], []
    while stack:
        S = stack.pop()
        if is_op(S, HADAMARD):
            stack += reversed(S.children)
        elif is_op(S, MATMUL) and S.children[0].kind == "vector":
            lefts.append(S.children[0])
            rights.append(transpose(S.children[1]))
        else:
            rest.append(S)
    if not lefts or not rest or array.kind != "matrix":
        return None
    return multiplied(lefts), multiplied(rest), multiplied(rights)


def multiplied(factors: Sequence[Node]) -> Node:
    """The product entry by entry, without ones."""
    kept = [f for f in factors if not is_ones(f)] or [*factors[:1]]
    out = kept[0]
    for f in kept[1:]:
        out = hadamard(out, f)
    return out


def turned(S: Node) -> Node:
    """The transpose; U Uᵀ is its own."""
    if is_op(S, SCALE):
        return scale(S.children[0], turned(S.children[1]))
    if is_op(S, MATMUL) and is_op(S.children[1], TRANSPOSE) and S.children[1].children[0] is S.children[0]:
        return S
    return transpose(S)


def diagonal(S: Node) -> Node:
    """The diagonal of a square array, found term by term."""
    if is_op(S, ADD):
        return collected([diagonal(t) for t in S.children])
    if is_op(S, SCALE):
        return scale(S.children[0], diagonal(S.children[1]))
    if is_op(S, HADAMARD):
        return hadamard(*map(diagonal, S.children))
    if is_op(S, TRANSPOSE):
        return diagonal(S.children[0])
    if is_op(S, Diag):
        return S.children[0]
    if is_op(S, triu) or is_op(S, tril):
        return diagonal(S.children[0])
    if is_op(S, MATMUL) and is_op(S.children[1], TRANSPOSE):
        a, b = S.children[0], S.children[1].children[0]
        return row_totals(hadamard(a, b))
    if is_op(S, MATMUL) and is_ones(S.children[1]) and S.children[1].kind == "row":
        return S.children[0]
    if is_op(S, MATMUL) and is_ones(S.children[0]) and S.children[0].kind == "vector":
        return transpose(S.children[1])
    if isinstance(S, Apply) and S.op.elementwise and all(a.kind == "scalar" for a in S.args[1:]):
        inside = diagonal(S.args[0])
        if is_ones(inside) and S.op in (POWER, sqrt, abs_):
            return inside
        positive = S.op is POWER and isinstance(p := S.args[1], Number) and p.value > 0
        if is_zero(inside) and (positive or S.op is abs_):
            return inside
        return rebuild(S, (inside, *S.args[1:]))
    if is_ones(S) or is_eye(S):
        return ones("vector", S.rows)
    return diag(S)


def numbered(t: Node) -> tuple[Value, Node]:
    """The number before a term, and the rest."""
    if is_op(t, SCALE) and isinstance(front := t.children[0], Number):
        return front.value, t.children[1]
    return 1, t


def collected(terms: list[Node]) -> Node:
    """A sum with equal terms in one."""
    counts: dict[Node, Value] = {}
    for t in terms:
        value, core = numbered(t)
        counts[core] = counts.get(core, 0) + value
    return add(*(scale(number(c), t) for t, c in counts.items()))


def without_diagonal(a: Node, S: Node) -> Node:
    """An array less the diagonal of another."""
    d = diagonal(S)
    return a if is_zero(d) else add(a, scale(number(-1), Diag(d)))


def row_totals(S: Node) -> Node:
    """S·1, through sums and outer products."""
    if is_op(S, ADD):
        return add(*map(row_totals, S.children))
    if is_op(S, SCALE):
        return scale(S.children[0], row_totals(S.children[1]))
    if S.kind == "vector":
        return S
    if is_op(S, MATMUL) and S.children[0].kind == "vector":
        a, b = S.children
        return scale(total(transpose(b)), a)
    if is_op(S, Diag):
        return S.children[0]
    if (found := sides(S)) is not None:
        u, rest, v = found
        image = row_totals(rest) if is_ones(v) else matmul(rest, v)
        return image if is_ones(u) else hadamard(u, image)
    return matmul(S, ones("vector", S.cols))
