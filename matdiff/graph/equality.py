"""When two expressions are the same: a number for each, blind to the order of terms and of commuting factors."""

from __future__ import annotations

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.ops.algebra import ADD, HADAMARD, INNER, SCALE, is_op

MODULUS = 1 << 128


def fingerprint(root: Node) -> int:
    """Equal for equal expressions, whatever the order of terms and of commuting factors; else different."""
    marks: dict[Node, int] = {}
    bags: dict[Node, int] = {}
    for node in topological(root):
        bags[node] = _bag(node, marks, bags)
        marks[node] = _mark(node, marks, bags)
    return marks[root]


def _digest(*parts: object) -> int:
    from hashlib import blake2b  # which loads OpenSSL, and few comparisons are asked for

    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=16).digest(), "big")


def _bag(node: Node, marks: dict[Node, int], bags: dict[Node, int]) -> int:
    """The sum of the marks of what commutes: the terms of a sum, the factors before a core."""
    if not isinstance(node, Apply):
        return 0
    if node.op in (ADD, HADAMARD):
        return sum(bags[a] if is_op(a, node.op) else marks[a] for a in node.args) % MODULUS
    if node.op is SCALE:
        s, a = node.args
        inside = bags[s] + marks[_core(s)] if is_op(s, SCALE) else marks[s]
        return (inside + (bags[a] if is_op(a, SCALE) else 0)) % MODULUS
    return 0


def _core(node: Node) -> Node:
    while is_op(node, SCALE):
        node = node.children[1]
    return node


def _mark(node: Node, marks: dict[Node, int], bags: dict[Node, int]) -> int:
    kind = node.kind, node.rows.terms, node.cols.terms
    if isinstance(node, Number):
        whole = isinstance(node.value, float) and node.value.is_integer()
        return _digest("number", int(node.value) if whole else node.value)
    if isinstance(node, Constant):
        return _digest(node.name, *kind, [d.terms for d in node.dims], node.index)
    if isinstance(node, Symbol):
        of = node.of and marks.get(node.of, _digest(node.of.name))
        return _digest("symbol", node.name, *kind, sorted(node.attributes), of, node.index)
    assert isinstance(node, Apply)
    if node.op is SCALE:
        core = _core(node)
        if node.kind == "scalar":
            return _digest("scale", (bags[node] + marks[core]) % MODULUS)
        return _digest("scale", bags[node], marks[core])
    if node.op in (ADD, HADAMARD):
        return _digest(node.op.name, bags[node], *kind)
    args = [marks[a] for a in node.args]
    params = [getattr(p, "terms", p) for p in node.params]
    return _digest(node.op.name, sorted(args) if node.op is INNER else args, params, *kind)
