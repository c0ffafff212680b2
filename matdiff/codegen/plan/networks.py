"""Hessians by matrices: sums of Kronecker terms, computed without any large product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from matdiff.codegen import kernels as k
from matdiff.codegen.kernels import run
from matdiff.codegen.plan.network import Network, Operand, folded, network, oriented, single
from matdiff.core.node import Apply, Node, number, topological
from matdiff.ops.algebra import ADD, MATMUL, SCALE, TRANSPOSE, add, is_op, matrix_product, scale, transpose
from matdiff.ops.constants import is_commutation, is_eye, ones
from matdiff.ops.kronecker import kron
from matdiff.ops.structure import Diag, vec

MAX_TERMS = 32
Factors = tuple[Node, ...]


class Term(NamedTuple):
    """coefficient · product of the factors, first those that are done."""

    coefficient: Node
    done: Factors
    pending: Factors


def tensors(roots: Sequence[Node]) -> list[Node]:
    """The roots with their Kronecker terms computed entry by entry, by blocks or by columns."""
    return [transpose(low(r.children[0])) if r.op is TRANSPOSE else low(r) for r in roots]


def low(root: Node) -> Node:
    return (lowered(root) if root.kind == "matrix" and worthwhile(root) else None) or root


def worthwhile(root: Node) -> bool:
    """Is there a Kronecker product, or a product with a sum that has a diagonal?"""
    return any(
        n.op is kron
        or is_commutation(n)
        or (n.op is MATMUL and any(map(diagonal_sum, n.children)))
        or (n.op is SCALE and n.children[1].op is ADD and any(map(is_outer, n.children[1].children)))
        for n in topological(root)
    )


def is_outer(a: Node) -> bool:
    """A rank-one matrix, or a multiple of one or of I."""
    a = a.children[1] if a.op is SCALE else a
    return is_eye(a) or (a.op is MATMUL and a.children[0].kind == "vector")


def diagonal_sum(a: Node) -> bool:
    return a.op is ADD and any(is_op(t.children[-1] if t.op is SCALE else t, Diag) for t in a.children)


def lowered(root: Node) -> Node | None:
    """The sum computed term by term; None where nothing is gained or a term has no such form."""
    terms = expanded(root)
    if terms is None:
        return None
    krons: list[tuple[Node, Node, Node]] = []
    others: list[Node] = []
    for term in terms:
        net = network(term.done) if any(map(paired, term.done)) else None
        if net is not None:
            net.coefficient = scale(term.coefficient, net.coefficient)
        pair = kronecker_pair(net) if net else None
        if net is not None and pair is not None:
            krons.append((net.coefficient, *pair))
        else:
            made = lowered_network(net, root) if net else None
            others.append(made or multiple(term.coefficient, term.done))
    return summed(gathered(krons), others, root)


def paired(a: Node) -> bool:
    """Has it rows or columns that run over pairs?"""
    return a.op is kron or is_commutation(a) or is_eye_vector(a.children[0] if a.op is TRANSPOSE else a)


def is_eye_vector(a: Node) -> bool:
    return a.op is vec and is_eye(a.children[0])


def multiple(c: Node, factors: Sequence[Node]) -> Node:
    """c times a product; of vectors, the first is scaled."""
    if len(factors) > 1 and factors[0].kind == "vector" and factors[1].kind == "row":
        return run(
            MATMUL, (scale(c, factors[0]), matrix_product(factors[1:])), "matrix", factors[0].rows, factors[-1].cols
        )
    return scale(c, matrix_product(factors))


def composite(a: Node) -> bool:
    return a.op is kron or a.op is Diag or is_commutation(a)


def structured(a: Node) -> bool:
    """Has it a Kronecker product, a diagonal, a commutation or a rank-one matrix as a factor?"""
    stack, seen = [a], 0
    while stack and seen < 64:
        top = stack.pop()
        seen += 1
        if composite(top) or is_outer(top):
            return True
        if top.op is MATMUL or top.op is ADD or top.op is TRANSPOSE:
            stack.extend(top.children)
        elif top.op is SCALE:
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
        if top.op is SCALE:
            waiting.append(Term(scale(c, top.children[0]), done, (top.children[1], *rest)))
        elif top.op is MATMUL and structured(top):
            waiting.append(Term(c, done, (*top.children, *rest)))
        elif top.op is ADD and (all(map(structured, top.children)) if done or rest else structured(top)):
            waiting.extend(Term(c, done, (a, *rest)) for a in reversed(top.children))
        elif top.op is TRANSPOSE and (inside := turned(top.children[0])) is not None:
            waiting.append(Term(c, done, (*inside, *rest)))
        elif is_eye(top) and (done or rest):
            waiting.append(Term(c, done, tuple(rest)))
        else:
            waiting.append(Term(c, (*done, top), tuple(rest)))
    return finished


def turned(a: Node) -> Factors | None:
    """The factors of the transpose."""
    if a.op is kron:
        return (kron(*(transpose(c) for c in a.children)),)
    if a.op is MATMUL:
        return tuple(transpose(c) for c in reversed(a.children))
    if a.op is Diag:
        return (a,)
    return (add(*(transpose(c) for c in a.children)),) if a.op is ADD and structured(a) else None


def kronecker_pair(net: Network) -> tuple[Node, Node] | None:
    """A and B of a network that is A ⊗ B."""
    if net.internal or len(net.rows) != 2 or len(net.cols) != 2:
        return None
    sides = [{r, c} for r, c in zip(net.rows, net.cols, strict=True)]
    if sides[0] & sides[1] or not all(set(where) <= sides[0] or set(where) <= sides[1] for _, where in net.operands):
        return None
    left, right = (
        single([o for o in net.operands if set(o[1]) <= {r, c}], r, c, net.dims[r], net.dims[c])
        for r, c in zip(net.rows, net.cols, strict=True)
    )
    return left, right


def lowered_network(net: Network, root: Node) -> Node | None:
    """The value of a network that is no Kronecker product."""
    c, (rows, cols) = net.coefficient, (net.rows, net.cols)
    if not rows or not cols:
        return None
    if net.internal:
        return starred(net)
    if len(rows) == len(cols) == 1:
        return scale(c, single(net.operands, rows[0], cols[0], net.dims[rows[0]], net.dims[cols[0]]))
    return spread(c, folded(net), net, root)


def spread(c: Node, operands: Sequence[Operand], net: Network, root: Node) -> Node:
    """A product of entries without a sum, on the places where indices that are the same agree."""
    letters = list(dict.fromkeys(net.outer))
    axes = tuple(map(letters.index, net.outer))
    covered = {i for _, where in operands for i in where}
    if len(letters) == len(axes) or not operands:
        bare = [i for i in letters if i not in covered][: None if operands else 1]
        operands = [*operands, *((ones("vector", net.dims[i]), (i,)) for i in bare)]
    places = tuple(tuple(map(letters.index, w)) for _, w in operands)
    dims = tuple(net.dims[i] for i in net.outer)
    args = (scale(c, operands[0][0]), *(a for a, _ in operands[1:]))
    return run(k.BROADCAST, args, "matrix", root.rows, root.cols, (axes, dims, places, len(net.rows)))


def starred(net: Network) -> Node | None:
    """A sum over one index that three matrices or more have."""
    rows, cols = net.rows, net.cols
    (s, *more) = net.internal
    wide = transpose(ones("vector", net.dims[s]))
    operands = [o if len(o[1]) == 2 else (o[0] @ wide, (*o[1], s)) for o in folded(net)]
    if more or not all(s in where for _, where in operands):
        return None
    at = {i: oriented(a, where, (i, s)) for a, where in operands for i in where if i != s}
    first = next((i for i in at if i in rows and i in cols), min(at))
    at[first] = scale(net.coefficient, at[first])
    if len(set(net.outer)) == len(net.outer) == len(at):
        left, right = (columns([at[i] for i in side]) for side in (rows, cols))
        return left @ transpose(right)
    if len(rows) == len(cols) == 2 and len(at) == 3 and (rows[0] == cols[0]) != (rows[1] == cols[1]):
        A, C, B = (at[i] for i in ((rows[0], rows[1], cols[0]) if rows[1] == cols[1] else (rows[1], rows[0], cols[1])))
        shape = A.rows * C.rows, B.rows * C.rows
        return run(k.BLOCKS, (A, C, B), "matrix", *shape, (int(rows[1] == cols[1]),))
    return None


def columns(parts: Sequence[Node]) -> Node:
    """The Kronecker products of the columns."""
    if len(parts) == 1:
        return parts[0]
    A, B = parts
    return run(k.KHATRI_RAO, (A, B), "matrix", A.rows * B.rows, A.cols)


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
    c, inside = a.children if a.op is SCALE else (number(1), a)
    if is_eye(inside):
        return run(k.EYE_KRON, (scale(c, b),), "matrix", rows, cols, (inside.rows,))
    made = kron(a, b)
    if inside.op is Diag or b.op is Diag:
        net = network((made,))
        return spread(net.coefficient, folded(net), net, made) if net else made
    return made


def summed(krons: list[Node], others: list[Node], root: Node) -> Node | None:
    """Everything added up, what is zero but for some entries into the rest."""
    terms = [times(count, t) for t, count in Counter([*krons, *others]).items()]
    dense = [t for t in terms if not is_sparse(t)]
    total = dense[0] if len(dense) == 1 else run(ADD, tuple(dense), "matrix", root.rows, root.cols) if dense else None
    for t in (t for t in terms if is_sparse(t)):
        if total is not None:
            t = placed(t)
            t = run(ADDED[t.op], (total, *t.args), "matrix", root.rows, root.cols, t.params)
        total = t
    return total


def times(count: int, a: Node) -> Node:
    if isinstance(a, Apply) and a.op in ADDED and count > 1:
        return run(a.op, (scale(number(count), a.args[0]), *a.args[1:]), a.kind, a.rows, a.cols, a.params)
    return scale(number(count), a)


def placed(a: Node) -> Apply:
    """A ⊗ I and I ⊗ A as values on some places."""
    assert isinstance(a, Apply)
    if a.op not in (k.KRON_EYE, k.EYE_KRON):
        return a
    (A,), (n,) = a.args, a.params
    axes, places, dims = ((0, 1, 2, 1), ((0, 2),), (A.rows, n, A.cols, n))
    if a.op is k.EYE_KRON:
        axes, places, dims = ((0, 1, 0, 2), ((1, 2),), (n, A.rows, n, A.cols))
    return run(k.BROADCAST, (A,), "matrix", a.rows, a.cols, (axes, dims, places, 2))  # type: ignore[return-value]


ADDED = {k.BLOCKS: k.ADD_BLOCKS, k.BROADCAST: k.ADD_BROADCAST}


def is_sparse(a: Node) -> bool:
    """Is it zero but for some entries?"""
    if isinstance(a, Apply) and a.op is k.BROADCAST:
        return len(set(a.params[0])) < len(a.params[0])
    return any(a.op is op for op in (k.BLOCKS, k.KRON_EYE, k.EYE_KRON))
