"""The logarithm of a product with exponentials in it, as a sum: a softmax and its cross-entropy."""

from __future__ import annotations

from matdiff.core.node import Apply, Node, Number, number, topological
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    POWER,
    SCALE,
    add,
    is_op,
    power,
    scale,
)
from matdiff.ops.complexes import is_real
from matdiff.ops.elementwise import exp, log


def without_logarithms(root: Node) -> Node:
    """The same with log(eᵘ/b) as u − log b, which is defined where the other is: a softmax and its cross-entropy."""
    order = topological(root)
    if not any(is_op(n, log) for n in order) or not any(is_op(n, exp) for n in order):
        return root
    if not all(is_real(n.children[0]) for n in order if is_op(n, log)):
        return root  # log exp u is u up to multiples of 2πi
    new: dict[Node, Node] = {}
    for node in order:
        made = node
        if isinstance(node, Apply):
            made = rebuild(node, tuple(new[a] for a in node.args))
            if is_op(made, log) and made.kind == "scalar":
                made = exponents_of(made.children[0]) or made
        new[node] = made
    return new[root]


def exponents_of(inside: Node) -> Node | None:
    """The logarithm of a product with an exponential in it; None for others."""
    terms: list[Node] = []
    rest: list[Node] = []
    stack: list[tuple[Node, Node]] = [(inside, number(1))]
    found = False
    while stack:
        node, p = stack.pop()
        if is_op(node, SCALE):
            stack += [(a, p) for a in node.children]
        elif is_op(node, POWER) and isinstance(node.children[1], Number) and node.children[1].value == -1:
            stack.append((node.children[0], scale(number(-1), p)))
        elif is_op(node, exp):
            terms.append(scale(p, node.children[0]))
            found = True
        else:
            rest.append(node if p is number(1) else power(node, number(-1)))
    if not found or not rest:
        return terms[0] if found and len(terms) == 1 else None
    if len(rest) == 1 and is_op(rest[0], POWER) and rest[0].children[1] is number(-1):
        return add(*terms, scale(number(-1), log(rest[0].children[0])))
    whole = rest[0]
    for factor in rest[1:]:
        whole = scale(factor, whole)
    return add(*terms, log(whole))
