"""Products multiplied out over sums, as far as a person would look: a second form to choose from, and to compare by."""

from __future__ import annotations

from matdiff.node import Apply, Node, topological
from matdiff.ops.algebra import ADD, MATMUL, SCALE, TRANSPOSE, add, is_op, matmul, scale, transpose

MOST = 24
"""Most terms that a product is multiplied out to."""


def expanded(root: Node) -> Node:
    """Products, scalings and transposes of sums multiplied out; arguments of functions and outer products stay."""
    memo: dict[Node, Node] = {}
    for node in topological(root, into_bodies=False):
        if not isinstance(node, Apply) or node.op not in (ADD, MATMUL, SCALE, TRANSPOSE):
            memo[node] = node
            continue
        args = [memo[a] for a in node.args]
        if node.op is ADD:
            memo[node] = add(*(t for a in args for t in terms(a)))
        elif node.op is TRANSPOSE:
            memo[node] = add(*map(transpose, terms(args[0]))) if node.kind == "matrix" else transpose(args[0])
        else:
            memo[node] = _product(node, *args)
    return memo[root]


def terms(a: Node) -> tuple[Node, ...]:
    return a.children if is_op(a, ADD) else (a,)


def _product(node: Apply, a: Node, b: Node) -> Node:
    build = matmul if node.op is MATMUL else scale
    left, right = (terms(a), terms(b)) if node.op is MATMUL else ((a,), terms(b))
    if len(left) * len(right) > MOST or (a.kind == "vector" and node.op is MATMUL):
        return build(a, b)
    return add(*(build(x, y) for x in left for y in right))
