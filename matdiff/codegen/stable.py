"""The same values by forms that do not overflow or cancel, and by products instead of powers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matdiff.codegen.exponentials import defined, spread
from matdiff.codegen.kernels import EXPM1, LOG1P, LOG_SIGMOID, LOGABSDET, run
from matdiff.codegen.shifts import shifted
from matdiff.node import Apply, Node, Number, Symbol, apply, number, symbol, topological
from matdiff.op import Op
from matdiff.ops.algebra import ADD, MATMUL, POWER, SCALE, add, inner, is_ones, is_op, scale
from matdiff.ops.elementwise import abs_, exp, sigmoid
from matdiff.ops.linalg import det, logdet
from matdiff.ops.reductions import logsumexp, norm, softmax
from matdiff.ops.structure import Diag
from matdiff.shape import ONE

MAX_POWER = 4
"""The highest matrix power that is written as a product, so that it can be taken apart."""


def stable(roots: Sequence[Node]) -> list[Node]:
    """The roots rewritten from the leaves up, linear in distinct nodes."""
    roots = shifted(roots)
    new: dict[Node, Node] = {}
    for node in topological(*roots):
        if isinstance(node, Symbol) and node.body is not None:
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
        elif isinstance(node, Apply):
            args = tuple(new[a] for a in node.args)
            made = apply(node.op, args, node.params, node.kind, node.rows, node.cols)
            rule = RULES.get(node.op.name)
            new[node] = (rule(made) if rule else None) or made
        else:
            new[node] = node
    return [new[r] for r in roots]


def entrywise(op: Op, a: Node) -> Node:
    return apply(op, (a,), (), a.kind, a.rows, a.cols)


def logarithm(node: Apply) -> Node | None:
    """log det X, log |det X|, log σ(u), log(1 − σ(u)), log softmax(u), log(1 + u)."""
    a = defined(node.args[0])
    if is_op(a, det):
        return logdet.build(a.children)
    if is_op(a, abs_) and is_op(inside := defined(a.children[0]), det):
        return run(LOGABSDET, inside.children, "scalar", ONE, ONE)
    if is_op(a, sigmoid):
        return entrywise(LOG_SIGMOID, a.children[0])
    if is_op(a, softmax):
        (u,) = a.children
        return u - spread(logsumexp(u), u, "left")
    rest = without_one(a) if is_op(a, ADD) else None
    if rest is None:
        return None
    share = defined(-rest)
    return entrywise(LOG_SIGMOID, -share.children[0]) if is_op(share, sigmoid) else entrywise(LOG1P, rest)


def difference(node: Apply) -> Node | None:
    """eᵘ − 1."""
    if len(node.args) == 2 and any(is_op(a, exp) for a in node.args):
        u, c = node.args if is_op(node.args[0], exp) else node.args[::-1]
        if is_op(c, SCALE) and isinstance(c.children[0], Number) and c.children[0].value == -1:
            c = scale(number(-1), c)
            return entrywise(EXPM1, u.children[0]) if is_ones(c) else None
        if isinstance(c, Number) and c.value == -1:
            return entrywise(EXPM1, u.children[0])
    return None


def powers(node: Apply) -> Node | None:
    """‖u‖² = ⟨u,u⟩."""
    a, p = node.args
    if isinstance(p, Number) and p.value == 2 and is_op(a, norm):
        return inner(a.children[0], a.children[0])
    return None


def matrix_power(node: Apply) -> Node | None:
    (a,), (k,) = node.args, node.params
    if is_op(a, Diag):
        v = a.children[0]
        return apply(Diag, (apply(POWER, (v, number(k)), (), v.kind, v.rows, v.cols),), (), "matrix", a.rows, a.cols)
    if not 1 < k <= MAX_POWER:
        return None
    total = a
    for _ in range(k - 1):
        total = apply(MATMUL, (a, total), (), "matrix", a.rows, a.cols)
    return total


def without_one(total: Node) -> Node | None:
    """The rest of a sum with one term 1; None where it has no such term."""
    ones = [t for t in total.children if is_ones(t)]
    if len(ones) != 1:
        return None
    rest = [t for t in total.children if t is not ones[0]]
    return add(*rest) if rest and all(t.kind == total.kind for t in rest) else None


RULES: dict[str, Callable[[Apply], Node | None]] = {
    "log": logarithm,
    "add": difference,
    "power": powers,
    "mpow": matrix_power,
}
