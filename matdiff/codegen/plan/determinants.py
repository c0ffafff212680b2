"""det(X) times something linear in X⁻¹ is computed from the adjugate: also where X is singular."""

from __future__ import annotations

from collections.abc import Sequence

from matdiff.core.node import Apply, Node, Symbol, apply, symbol, topological
from matdiff.core.op import Linear
from matdiff.ops.algebra import ADD, SCALE, add, is_op, scale
from matdiff.ops.linalg import adj, det, inv

MAX_SEARCH = 64
"""Nodes that are looked through for the inverse."""


def adjugates(roots: Sequence[Node]) -> list[Node]:
    """The roots with det(X) L(X⁻¹) replaced by L(adj X)."""
    order = topological(*roots)
    if not any(is_op(n, det) for n in order) or not any(is_op(n, inv) for n in order):
        return list(roots)
    new: dict[Node, Node] = {}
    for node in order:
        new[node] = absorbed(rebuilt(node, new))
    return [new[r] for r in roots]


def rebuilt(node: Node, new: dict[Node, Node]) -> Node:
    if isinstance(node, Symbol) and node.body is not None:
        return symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
    if isinstance(node, Apply):
        return apply(node.op, tuple(new[a] for a in node.args), node.params, node.kind, node.rows, node.cols)
    return node


def absorbed(node: Node) -> Node:
    """A scaling by det(X) with its inverse of X taken in; anything else as it is."""
    if not is_op(node, SCALE):
        return node
    factors = scaled(node)
    for i, factor in enumerate(factors):
        if is_op(factor, det):
            X = factor.children[0]
            for j in range(len(factors) - 1, -1, -1):
                made = distributed(factor, factors[j], X) if j != i else None
                if made is not None:
                    others = [f for k, f in enumerate(factors) if k not in (i, j)]
                    for other in reversed(others):
                        made = scale(other, made) if other.kind == "scalar" else scale(made, other)
                    return made
    return node


def distributed(factor: Node, inside: Node, X: Node) -> Node | None:
    """det(X)·inside without X⁻¹, term by term in a sum; None where no term has it."""
    if not is_op(inside, ADD):
        return replace(inside, inv(X), adj(X))
    terms = [replace(a, inv(X), adj(X)) for a in inside.children[:MAX_SEARCH]]
    if not any(terms):
        return None
    rest = inside.children[MAX_SEARCH:]
    return add(
        *(t or scale(factor, a) for t, a in zip(terms, inside.children, strict=False)),
        *(scale(factor, a) for a in rest),
    )


def scaled(node: Node) -> list[Node]:
    """The scalar factors of a scaling, then what they scale."""
    factors: list[Node] = []
    stack = [node]
    while stack and len(factors) < MAX_SEARCH:
        top = stack.pop()
        if is_op(top, SCALE):
            stack.extend(reversed(top.children))
        else:
            factors.append(top)
    return factors if not stack else list(node.children)


def replace(root: Node, old: Node, new: Node) -> Node | None:
    """L(new) for root = L(old), the L linear and made of functions that are linear in one argument."""
    path: list[tuple[Apply, int]] = []
    above: dict[Node, tuple[Apply, int]] = {}
    stack, found = [root], False
    while stack and len(above) < MAX_SEARCH and not found:
        node = stack.pop()
        if node is old:
            found = True
        elif isinstance(node, Apply):
            for slot, arg in enumerate(node.args):
                if arg not in above and isinstance(node.op.rule(slot), Linear):
                    above[arg] = (node, slot)
                    stack.append(arg)
    if not found:
        return None
    node = old
    while node is not root:
        path.append(above[node])
        node = above[node][0]
    for parent, slot in path:
        args = (*parent.args[:slot], new, *parent.args[slot + 1 :])
        new = apply(parent.op, args, parent.params, parent.kind, parent.rows, parent.cols)
    return new


__all__ = ["adjugates"]
