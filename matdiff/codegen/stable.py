"""The same values by forms that do not overflow or cancel, and by products instead of powers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matdiff.codegen.kernels import EXPM1, LOG1P, LOGADDEXP, run
from matdiff.node import Apply, Node, Number, Symbol, apply, number, symbol, topological
from matdiff.op import Op
from matdiff.ops.algebra import ADD, MATMUL, POWER, SCALE, add, inner, is_ones, is_op, scale
from matdiff.ops.elementwise import exp, sigmoid, softplus
from matdiff.ops.linalg import det, logdet
from matdiff.ops.reductions import logsumexp, norm, softmax, sum_
from matdiff.ops.structure import Diag

MAX_POWER = 4
"""The highest matrix power that is written as a product, so that it can be taken apart."""


def stable(roots: Sequence[Node]) -> list[Node]:
    """The roots rewritten from the leaves up, linear in distinct nodes."""
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
    """log(1 + eᵘ), log(eᵘ + eᵛ), log Σ eᵘ, log det X, log(1 + u)."""
    (a,) = node.args
    if is_op(a, sum_) and is_op(a.children[0], exp):
        return logsumexp.build(a.children[0].children)
    if is_op(a, det):
        return logdet.build(a.children)
    if not is_op(a, ADD):
        return None
    terms = a.children
    if len(terms) == 2 and all(is_op(t, exp) for t in terms):
        u, v = (t.children[0] for t in terms)
        return run(LOGADDEXP, (u, v), node.kind, node.rows, node.cols) if u.kind == v.kind else None
    rest = without_one(a)
    if rest is None:
        return None
    return entrywise(softplus, rest.children[0]) if is_op(rest, exp) else entrywise(LOG1P, rest)


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
    """‖u‖² = ⟨u,u⟩ and 1/(1 + e⁻ᵘ) = σ(u)."""
    a, p = node.args
    if not isinstance(p, Number):
        return None
    if p.value == 2 and is_op(a, norm):
        return inner(a.children[0], a.children[0])
    if p.value == -1 and is_op(a, ADD):
        rest = without_one(a)
        if rest is not None and is_op(rest, exp):
            return entrywise(sigmoid, scale(number(-1), rest.children[0]))
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


def quotient(node: Apply) -> Node | None:
    """eᵘ/Σeᵘ = softmax(u)."""
    s, a = node.args
    if is_op(a, exp) and a.kind == "vector" and is_op(s, POWER) and is_op(below := s.children[0], sum_):
        minus = s.children[1]
        if isinstance(minus, Number) and minus.value == -1 and below.children[0] is a:
            return softmax.build(a.children)
    return None


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
    "scale": quotient,
}
