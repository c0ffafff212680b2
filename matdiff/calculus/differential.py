"""Phase 1: push d inward until only dX is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matdiff.core.node import Apply, Node, Symbol, apply, symbol, topological
from matdiff.core.op import Joint, Linear, Nonlinear
from matdiff.errors import UnsupportedError
from matdiff.ops.algebra import ADD, CONSTRUCTORS, add
from matdiff.ops.constants import zeros_like

MOST = 10_000
"""Most terms that the rules of functions that are not linear may bring in: d(X^k) has k."""


def differentials(
    root: Node, directions: Mapping[Symbol, Node], told: Callable[[Node, Node, Node], Node] | None = None
) -> dict[Node, Node]:
    """The differential of every node that depends on the given variables, linear in their directions.

    Definitions get one of their own: `r = A x − b` has `dr` with the body `A dx`.  With `told(dr, r, A x − b)` such a
    body is written in terms of its definition: y = exp(x) has dy = y ⊙ dx.
    Raises UnsupportedError where a function has no rule for an argument that depends on a variable, and where
    powers make it enormous.
    """
    d: dict[Node, Node] = {}
    terms = 0
    for node in topological(root):
        if isinstance(node, Symbol):
            if node in directions:
                d[node] = directions[node]
            elif node.body is not None and node.body in d:
                body = d[node.body] if told is None else told(d[node.body], node, node.body)
                d[node] = symbol(f"d{node.name}", node.kind, node.rows, node.cols, body=body, of=node)
        elif isinstance(node, Apply):
            parts = [i for i, a in enumerate(node.args) if a in d]
            if parts:
                d[node] = apply_rules(node, parts, d)
                if isinstance(node.op.rule(parts[0]), Nonlinear) and d[node].op is ADD:
                    terms += len(d[node].children)
                if terms > MOST:
                    raise UnsupportedError(f"the powers have differentials of over {MOST:,} terms together")
    return d


def apply_rules(node: Apply, parts: list[int], d: Mapping[Node, Node]) -> Node:
    """The differential of one application, from the rules of its function and the differentials below."""
    op = node.op
    if op is ADD:
        return add(*(d[node.args[i]] for i in parts))
    if isinstance(op.rule(parts[0]), Joint):
        return op(*(d.get(a) or zeros_like(a) for a in node.args), params=node.params)
    terms = [apply_rule(node, i, d[node.args[i]]) for i in parts]
    return terms[0] if len(terms) == 1 else add(*terms)


def apply_rule(node: Apply, slot: int, dX: Node) -> Node:
    """What dX in one argument does to the value."""
    rule = node.op.rule(slot)
    if isinstance(rule, Nonlinear):
        return rule.differential(*node.args, dX, *node.params)
    if isinstance(rule, Linear):
        args = (*node.args[:slot], dX, *node.args[slot + 1 :])
        build = CONSTRUCTORS.get(node.op.name)
        return build(*args) if build else apply(node.op, args, node.params, node.kind, node.rows, node.cols)
    name = (node.op.spoken or (node.op.name,))[0]
    if node.op.domain[slot : slot + 1] == ("index",):
        raise UnsupportedError(f"the index of {name} is a whole number, by which there is no derivative")
    raise UnsupportedError(f"{name} cannot be differentiated by its argument {slot + 1}")
