"""Hessians by matrices: sums of Kronecker terms, computed without any large product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matdiff.codegen import kernels as k
from matdiff.codegen.kernels import run
from matdiff.codegen.network import Network, network, oriented
from matdiff.node import Apply, Node, number, topological
from matdiff.ops.algebra import (
    ADD,
    MATMUL,
    SCALE,
    TRANSPOSE,
    add,
    is_commutation,
    is_eye,
    is_op,
    matrix_product,
    scale,
    transpose,
)
from matdiff.ops.kronecker import kron
from matdiff.ops.structure import Diag

MAX_TERMS = 32
Factors = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """coefficient · product of the factors, first those that are done."""

    coefficient: Node
    done: Factors
    pending: Factors


def tensors(roots: Sequence[Node]) -> list[Node]:
    """The roots with their Kronecker terms computed entry by entry, by blocks or by columns."""
    return [(lowered(r) if r.kind == "matrix" and worthwhile(r) else None) or r for r in roots]


def worthwhile(root: Node) -> bool:
    """Is there a Kronecker product, or a product with a sum that has a diagonal?"""
    return any(
        is_op(n, kron)
        or is_commutation(n)
        or (is_op(n, MATMUL) and any(map(diagonal_sum, n.children)))
        or (is_op(n, SCALE) and is_op(n.children[1], ADD) and any(map(is_outer, n.children[1].children)))
        for n in topological(root)
    )


def is_outer(a: Node) -> bool:
    """A rank-one matrix, or a multiple of one or of I."""
    a = a.children[1] if is_op(a, SCALE) else a
    return is_eye(a) or (is_op(a, MATMUL) and a.children[0].kind == "vector")


def diagonal_sum(a: Node) -> bool:
    return is_op(a, ADD) and any(is_op(t.children[-1] if is_op(t, SCALE) else t, Diag) for t in a.children)


def lowered(root: Node) -> Node | None:
    """The sum computed term by term; None where nothing is gained or a term has no such form."""
    terms = expanded(root)
    if terms is None:
        return None
    krons: list[tuple[Node, Node, Node]] = []
    others: list[Node] = []
    for term in terms:
        net = network(term.done) if all(map(composite, term.done)) else None
        pair = kronecker_pair(net) if net else None
        if pair is not None:
            krons.append((term.coefficient, *pair))
        else:
            made = lowered_network(net, term.coefficient) if net else None
            others.append(made or multiple(term.coefficient, term.done))
    return summed(gathered(krons), others, root)


def multiple(c: Node, factors: Sequence[Node]) -> Node:
    """c times a product; of vectors, the first is scaled."""
    if len(factors) > 1 and factors[0].kind == "vector" and factors[1].kind == "row":
        return run(
            MATMUL, (scale(c, factors[0]), matrix_product(factors[1:])), "matrix", factors[0].rows, factors[-1].cols
        )
    return scale(c, matrix_product(factors))


def composite(a: Node) -> bool:
    return is_op(a, kron) or is_op(a, Diag) or is_commutation(a)


def structured(a: Node) -> bool:
    """Has it a Kronecker product, a diagonal, a commutation or a rank-one matrix as a factor?"""
    stack, seen = [a], 0
    while stack and seen < 64:
        top = stack.pop()
        seen += 1
        if composite(top) or is_outer(top):
            return True
        if is_op(top, MATMUL) or is_op(top, ADD) or is_op(top, TRANSPOSE):
            stack.extend(top.children)
        elif is_op(top, SCALE):
            stack.append(top.children[1])
    return False


def expanded(root: Node) -> list[Term] | None:
    """The terms of a sum of products, multiplied out where factors are sums of structured terms."""
    finished: list[Term] = []
    waiting = [Term(number(1), (), (root,))]
    while waiting:
        if len(waiting) + len(finished) > MAX_TERMS:
            return None
        term = waiting.pop()
        if not term.pending:
            finished.append(term)
            continue
        top, *rest = term.pending
        c, done = term.coefficient, term.done
        if is_op(top, SCALE):
            waiting.append(Term(scale(c, top.children[0]), done, (top.children[1], *rest)))
        elif is_op(top, MATMUL) and structured(top):
            waiting.append(Term(c, done, (*top.children, *rest)))
        elif is_op(top, ADD) and (all(map(structured, top.children)) if done or rest else structured(top)):
            waiting.extend(Term(c, done, (a, *rest)) for a in reversed(top.children))
        elif is_op(top, TRANSPOSE) and (inside := turned(top.children[0])) is not None:
            waiting.append(Term(c, done, (*inside, *rest)))
        elif is_eye(top) and (done or rest):
            waiting.append(Term(c, done, tuple(rest)))
        else:
            waiting.append(Term(c, (*done, top), tuple(rest)))
    return finished


def turned(a: Node) -> Factors | None:
    """The factors of the transpose."""
    if is_op(a, kron):
        return (kron(*(transpose(c) for c in a.children)),)
    if is_op(a, MATMUL):
        return tuple(transpose(c) for c in reversed(a.children))
    if is_op(a, Diag):
        return (a,)
    return (add(*(transpose(c) for c in a.children)),) if is_op(a, ADD) and structured(a) else None


def kronecker_pair(net: Network) -> tuple[Node, Node] | None:
    """A and B of a network that is A ⊗ B."""
    (r1, r2), (c1, c2) = net.rows, net.cols
    if crossed(net):
        return None
    left = one(net, (r1, c1)) if r1 != c1 else eye_of(net, r1)
    right = one(net, (r2, c2)) if r2 != c2 else eye_of(net, r2)
    if net.internal or left is None or right is None or len(net.operands) != (r1 != c1) + (r2 != c2):
        return None
    return left, right


def crossed(net: Network) -> bool:
    """Is an index of the first of a pair the same as one of the second?"""
    return bool({net.rows[0], net.cols[0]} & {net.rows[1], net.cols[1]})


def eye_of(net: Network, i: int) -> Node:
    from matdiff.ops.algebra import eye

    return eye(net.dims[i])


def one(net: Network, want: tuple[int, int]) -> Node | None:
    """The operand on a pair of indices, so turned."""
    for a, where in net.operands:
        if set(where) == set(want) and len(where) == 2:
            return oriented(a, where, want)
    return None


def lowered_network(net: Network, c: Node) -> Node | None:
    """The value of a network that is no Kronecker product."""
    (r1, r2), (c1, c2) = net.rows, net.cols
    if crossed(net):
        return None
    rows, cols = net.dims[r1] * net.dims[r2], net.dims[c1] * net.dims[c2]
    if any(len(where) != 2 for _, where in net.operands):
        return None
    if not net.internal:
        if len({r1, r2, c1, c2}) < 4:
            return None
        first, *rest = (a for a, _ in net.operands)
        where = tuple(tuple((r1, r2, c1, c2).index(x) for x in w) for _, w in net.operands)
        return run(k.BROADCAST, (scale(c, first), *rest), "matrix", rows, cols, (where,))
    if len(net.internal) > 1:
        return None
    (s,) = net.internal
    if len({r1, r2, c1, c2}) == 4 and len(net.operands) == 4:
        parts = [one(net, (i, s)) for i in (r1, r2, c1, c2)]
        return scale(c, squared(*(p for p in parts if p is not None))) if None not in parts else None
    if len(net.operands) == 3 and (r2 == c2) != (r1 == c1):
        shared, left, right = (r2, r1, c1) if r2 == c2 else (r1, r2, c2)
        A, C, B = one(net, (left, s)), one(net, (shared, s)), one(net, (right, s))
        if A is not None and B is not None and C is not None:
            return run(k.BLOCKS, (A, scale(c, C), B), "matrix", rows, cols, (int(r2 == c2),))
    return None


def squared(A: Node, B: Node, C: Node, D: Node) -> Node:
    """Σ_s of the columns A_s ⊗ B_s and C_s ⊗ D_s."""
    left = run(k.KHATRI_RAO, (A, B), "matrix", A.rows * B.rows, A.cols)
    return left @ transpose(run(k.KHATRI_RAO, (C, D), "matrix", C.rows * D.rows, C.cols))


def gathered(krons: list[tuple[Node, Node, Node]]) -> list[Node]:
    """Kronecker terms with one factor in common are one."""
    by_right: dict[Node, list[tuple[Node, Node]]] = {}
    for c, a, b in krons:
        by_right.setdefault(b, []).append((c, a))
    merged = [
        (*parts[0], b) if len(parts) == 1 else (number(1), add(*(scale(c, a) for c, a in parts)), b)
        for b, parts in by_right.items()
    ]
    by_left: dict[Node, list[tuple[Node, Node]]] = {}
    for c, a, b in merged:
        by_left.setdefault(a, []).append((c, b))
    return [
        kronecker(scale(parts[0][0], a), parts[0][1])
        if len(parts) == 1
        else kronecker(a, add(*(scale(c, b) for c, b in parts)))
        for a, parts in by_left.items()
    ]


def kronecker(a: Node, b: Node) -> Node:
    """A ⊗ B, of which only the blocks or diagonals that are not zero are written."""
    rows, cols = a.rows * b.rows, a.cols * b.cols
    if is_eye(b):
        return run(k.KRON_EYE, (a,), "matrix", rows, cols, (b.rows,))
    c, inside = a.children if is_op(a, SCALE) else (number(1), a)
    if is_eye(inside):
        return run(k.EYE_KRON, (scale(c, b),), "matrix", rows, cols, (inside.rows,))
    return kron(a, b)


def summed(krons: list[Node], others: list[Node], root: Node) -> Node | None:
    """Everything added up, blocks into the rest."""
    blocks = [t for t in others if isinstance(t, Apply) and t.op is k.BLOCKS]
    dense = [*krons, *(t for t in others if not is_op(t, k.BLOCKS))]
    total = dense[0] if len(dense) == 1 else run(ADD, tuple(dense), "matrix", root.rows, root.cols) if dense else None
    for t in blocks:
        more = (total, *t.args) if total is not None else ()
        total = run(k.ADD_BLOCKS, more, "matrix", root.rows, root.cols, t.params) if more else t
    return total
