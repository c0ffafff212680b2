"""A definition and an expression that is equal to it are one value: what is computed of one serves the other."""

from __future__ import annotations

from collections.abc import Sequence

from matdiff.core.node import Apply, Node, Symbol, apply, symbol, topological
from matdiff.ops.algebra import TRANSPOSE, transpose


def unified(roots: Sequence[Node]) -> list[Node]:
    """The roots with the name of a definition wherever its body stands; linear in distinct nodes.

    A value has the definitions that were typed, its derivatives have them written out.
    """
    order = topological(*roots)
    if not any(isinstance(n, Symbol) and n.body is not None for n in order):
        return list(roots)
    named: dict[Node, Node] = {}
    new: dict[Node, Node] = {}

    def called(node: Node) -> Node:
        made = new[node]
        return named.get(made, made)

    def rebuild(node: Node) -> None:
        if isinstance(node, Symbol) and node.body is not None:
            body = new[node.body]
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=body)
            if isinstance(body, Apply) and body.op is not TRANSPOSE:
                named.setdefault(body, new[node])
        elif isinstance(node, Apply):
            args = tuple(called(a) for a in node.args)
            new[node] = (
                transpose(*args)
                if node.op is TRANSPOSE
                else apply(node.op, args, node.params, node.kind, node.rows, node.cols)
            )
        else:
            new[node] = node

    for node in topological(*(n for n in order if isinstance(n, Symbol) and n.body is not None)):
        rebuild(node)
    for node in order:
        if node not in new:
            rebuild(node)
    return [new[r] for r in roots]
