"""Dual numbers over the prime field: values a + εb with ε² = 0, where b is the derivative of a along a direction.

Forward differentiation with exact arithmetic: it uses none of the package's rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from fractions import Fraction

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.graph.arrays import Sizes, constant, whole
from matdiff.inference.special import split_primes
from matdiff.ops.algebra import POWER
from matdiff.ops.elementwise import sqrt
from matdiff.verify import field
from matdiff.verify.algebras import Dual, NotRational, applied, is_free, raised
from matdiff.verify.algebras import value as applied_to
from matdiff.verify.field import Unlucky, ratio
from matdiff.verify.unknown import is_unknown


@dataclass
class Seen:
    """What evaluations have met: functions taken for random ones, roots, and roots that do not exist everywhere."""

    free: set[str] = dataclass_field(default_factory=set)
    roots: dict[Node, int] = dataclass_field(default_factory=dict)
    proper: set[Node] = dataclass_field(default_factory=set)


def evaluate(roots: list[Node], given: Mapping[Symbol, Dual], sizes: Sizes, seen: Seen) -> list[Dual]:
    """The values of some expressions.

    Raises NotRational with a name, Unlucky where something is singular or has no square root.
    """
    memo: dict[Node, Dual] = {}
    for node in needed(roots):
        memo[node] = value(node, memo, given, sizes, seen)
    return [memo[r] for r in roots]


def needed(roots: list[Node]) -> list[Node]:
    """The nodes to evaluate, children first: the root inside of an even power of it is not taken."""
    order = topological(*roots)
    wanted = set(roots)
    for node in reversed(order):
        if node in wanted:
            squared = under_root(node)
            wanted.update(node.children if squared is None else (squared,))
    return [n for n in order if n in wanted]


def under_root(node: Node) -> Node | None:
    """The u of √u², and of its powers."""
    if not isinstance(node, Apply) or node.op is not POWER or not isinstance(node.args[1], Number):
        return None
    k, root = node.args[1].value, node.args[0]
    if not isinstance(k, int) or k <= 0 or k % 2 or not isinstance(root, Apply) or root.op is not sqrt:
        return None
    return root.args[0]


def value(node: Node, memo: Mapping[Node, Dual], given: Mapping[Symbol, Dual], sizes: Sizes, seen: Seen) -> Dual:
    if isinstance(node, Symbol):
        return memo[node.body] if node.body is not None else given[node]
    if isinstance(node, Number):
        if isinstance(node.value, float) and not node.value.is_integer():
            raise NotRational("a number in floating point")
        return whole([[ratio(Fraction(node.value))]]), None
    if isinstance(node, Constant):
        found = constant(node, sizes)
        return (whole([[field.PI]]) if found is None else found), None
    assert isinstance(node, Apply)
    squared = under_root(node)
    if squared is not None:
        return power_of_root(node, memo[squared])
    args = [memo[a] for a in node.args]
    name = node.op.name
    if node.op is sqrt or (node.op is POWER and not whole_exponent(node)):
        return rooted(node, args, sizes, seen)
    if is_unknown(node):
        seen.free.add(split_primes(name)[0])
        return applied(lambda a: field.free(name, a), lambda a: field.free(name + "'", a), args[0])
    if is_free(node.op):
        seen.free.add(name)
    return applied_to(node, args, sizes)


def rooted(node: Apply, args: list[Dual], sizes: Sizes, seen: Seen) -> Dual:
    """A square root; that it does not always exist shows that it is no root of a square, whose sign is not told."""
    try:
        out = applied_to(node, args, sizes)
    except Unlucky:
        seen.proper.add(node)
        raise
    seen.free.add("sqrt")
    if not isinstance(node.args[0], (Number, Constant)):
        seen.roots[node] = out[0].size
    return out


def whole_exponent(node: Apply) -> bool:
    p = node.args[1]
    return isinstance(p, Number) and Fraction(p.value).denominator == 1


def power_of_root(node: Apply, u: Dual) -> Dual:
    """√u²ᵏ = uᵏ."""
    exponent = node.args[1]
    assert isinstance(exponent, Number)
    k = int(exponent.value) // 2
    return applied(lambda x: raised(x, k), lambda x: k * raised(x, k - 1), u)
