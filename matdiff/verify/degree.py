"""How large the degree of an identity can be: bounds for numerator and denominator of values and derivatives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from matdiff.core.node import Apply, Node, Number, Symbol, topological
from matdiff.graph.arrays import Sizes, is_joint, is_multilinear, node_shape

Degree = tuple[int, int]
"""Of a numerator and of a denominator that all entries share."""
Pair = tuple[Degree, Degree | None]
"""Of a value and of its derivative along a direction (None: 0)."""
ONE: Degree = (1, 0)


def product(*factors: Degree) -> Degree:
    return sum(a for a, _ in factors), sum(b for _, b in factors)


def total(terms: Iterable[Degree]) -> Degree:
    """Of a sum over a common denominator."""
    return reduce(lambda s, t: (max(s[0] + t[1], t[0] + s[1]), s[1] + t[1]), terms)


def degrees(roots: Sequence[Node], given: Mapping[Symbol, Pair], sizes: Sizes) -> list[Pair]:
    memo: dict[Node, Pair] = {}
    for node in topological(*roots):
        memo[node] = degree(node, memo, given, sizes)
    return [memo[r] for r in roots]


def sized(roots: Sequence[Node]) -> bool:
    """Do the degrees depend on sizes?  Those of sums and products do not."""
    return any(isinstance(n, Apply) and not is_multilinear(n.op) for n in topological(*roots))


def degree(node: Node, memo: Mapping[Node, Pair], given: Mapping[Symbol, Pair], sizes: Sizes) -> Pair:
    if isinstance(node, Symbol):
        return memo[node.body] if node.body is not None else given.get(node, (ONE, None))
    if not isinstance(node, Apply):
        return (0, 0), None
    args = [memo[a] for a in node.args]
    if is_multilinear(node.op) and is_joint(node.op):
        moving = [b for _, b in args if b is not None]
        return total(a for a, _ in args), total(moving) if moving else None
    if is_multilinear(node.op):
        values = [a for a, _ in args]
        moved = [product(*values[:i], b, *values[i + 1 :]) for i, (_, b) in enumerate(args) if b is not None]
        return product(*values), total(moved) if moved else None
    size = node_shape(node.args[0], sizes)
    value, slope = rational(node, args[0][0], size)
    moved = [b for _, b in args if b is not None]
    return value, product(slope, total(moved)) if moved else None


def rational(node: Apply, u: Degree, size: tuple[int, int]) -> tuple[Degree, Degree]:
    """Of g(u), and of what du is multiplied by; g(u) and g′(u) count as variables where g is not rational."""
    n, (a, b) = size[0], u
    name = node.op.name
    inverse = (b + (n - 1) * a, n * a)
    if name == "inv":
        return inverse, product(inverse, inverse)
    if name == "det":
        return (n * a, n * b), ((n - 1) * a, (n - 1) * b)
    if name == "pinv":
        k = 2 * min(size)
        return (2 * b + k * a, k * a + b), (6 * k * (a + b), 6 * k * (a + b))
    if name == "sqrt":
        return u, (b, a)
    if name == "power" and isinstance(node.args[1], Number) and isinstance(node.args[1].value, int):
        return power(u, node.args[1].value, size[0] * size[1])
    if name == "sylvester":
        k = 2 * size[0] * size[0]
        return (k * (a + b) + 1, k * (a + b) + 1), (2 * k * (a + b) + 1, 2 * k * (a + b) + 1)
    one = power(u, -1, size[0] * size[1])[0]
    return (2, 2), product((2, 2), one)


def power(u: Degree, k: int, entries: int) -> tuple[Degree, Degree]:
    """Entry by entry; the reciprocals of entries share the product of all of them as a denominator."""
    a, b = u
    if k >= 0:
        return (k * a, k * b), (max(k - 1, 0) * a, max(k - 1, 0) * b)
    one = (b + (entries - 1) * a, entries * a)
    return (-k * one[0], -k * one[1]), ((1 - k) * one[0], (1 - k) * one[1])
