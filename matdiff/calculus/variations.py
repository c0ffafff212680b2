"""Functionals ∫ L(x, u, u', u'', …) dx: first variation, integration by parts, Euler–Lagrange, second variation.

The derivatives of an unknown function are variables of their own, its jet u, u', u'', …; d/dx of an expression in them
is the chain rule, a differential in the direction x ↦ 1, u ↦ u', u' ↦ u'' (Olver 1993, §2.3).  That d/dx is linear
with the adjoint −d/dx and a term at the boundary is all that the calculus of variations adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm

from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.evolution import MINUS, differential, simplified
from matdiff.core.node import Constant, Node, Number, Symbol, Value, number, symbol, symbols, topological
from matdiff.core.op import differential_symbol
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import ADD, POWER, SCALE, add, is_op, power, scale
from matdiff.ops.elementwise import sqrt
from matdiff.printing.length import length
from matdiff.simplify.expand import expanded
from matdiff.simplify.normal import normal
from matdiff.simplify.terms import Term, join, split


def jet(u: Symbol, order: int) -> Symbol:
    """The derivative of a function; u itself for the order 0."""
    return u if order == 0 else symbol(u.name + "'" * order, u.kind, u.rows, u.cols)


INFINITY = symbol("inf", "scalar")
"""An end of an integral that has none; with the sign in front, −inf, the lower one."""


def endless(end: Node) -> bool:
    """Is an end of an integral at infinity?"""
    return end is INFINITY or (is_op(end, SCALE) and end.children[1] is INFINITY)


HIGHEST = 5
"""The highest power of a root that a sum is multiplied by, to be rid of it."""
SHORT = 4
"""Most terms under a root whose powers are multiplied out."""
ROOT = symbol("_root", "scalar", attributes=frozenset({"positive"}))


def tidied(node: Node) -> Node:
    """The form to print of a gradient: roots in several terms brought out of the sum, √E − a/√E³ as (E² − a)/√E³."""
    forms = [simplified(node)]
    forms.append(simplified(forms[0]))
    if node.kind == "scalar":
        for root in [n for n in topological(forms[0]) if is_op(n, sqrt)]:
            forms += rooted(forms[-1], root)
    return min(forms, key=length)


def numerator(gradient: Node) -> Node:
    """What is zero where a gradient is: without numbers in front, and without what it is divided by."""
    node = gradient
    for _ in range(2):
        piece = split(normal(whole(node)))
        piece.number = 1 if piece.number else 0
        kept = {base: p for base, p in piece.scalars.items() if p > 0 and not isinstance(base, Constant)}
        piece.scalars = {whole(base): p for base, p in kept.items()}
        if not piece.scalars and piece.core is None:
            return gradient
        node = simplified(join(piece))
    return primitive(node)


def primitive(node: Node) -> Node:
    """A scalar sum without a number that all of its terms have in common."""
    if node.kind != "scalar" or not is_op(node, ADD):
        return node
    numbers = [split(t).number for t in node.children]
    if not all(isinstance(n, int) and n for n in numbers):
        return node
    common = gcd(*(int(n) for n in numbers))
    if common < 2:
        return node
    return simplified(add(*(scale(number(Fraction(1, common)), t) for t in node.children)))


def whole(node: Node) -> Node:
    """A scalar sum by the common denominator of its terms; anything else as it is."""
    if node.kind != "scalar" or not is_op(node, ADD):
        return node
    lows: dict[Node, Value] = {}
    least = 1
    for piece in map(split, node.children):
        least = lcm(least, Fraction(piece.number).denominator) if not isinstance(piece.number, float) else least
        for base, p in piece.scalars.items():
            lows[base] = min(lows.get(base, 0), p)
    factor = Term(least, {base: -p for base, p in lows.items() if p < 0})
    return simplified(normal(expanded(normal(add(*(scale(join(factor), t) for t in node.children))))))


def rooted(node: Node, root: Node) -> list[Node]:
    """The expression as one without a root by a power of it; none where that does not come out."""
    (E,) = root.children
    inside = substitute(node, {root: ROOT, **powers_of(node, E)})
    for k in range(1, HIGHEST + 1):
        raised = normal(expanded(normal(scale(power(ROOT, number(k)), inside)), inside=True))
        found = normal(substitute(raised, evened(raised, E)))
        if ROOT not in set(symbols(found)):
            return [scale(simplified(normal(expanded(found))), power(root, number(-k)))]
    return []


def powers_of(node: Node, E: Node) -> dict[Node, Node]:
    """E⁻ᵏ in terms of the root, where it divides beside the root."""
    found: dict[Node, Node] = {}
    for n in topological(node):
        if is_op(n, POWER) and n.children[0] is E:
            p = n.children[1]
            if isinstance(p, Number) and isinstance(p.value, int) and p.value < 0:
                found[n] = power(ROOT, number(2 * p.value))
    return found


def evened(node: Node, E: Node) -> dict[Node, Node]:
    """The powers of the root in an expression, in terms of what is under it."""
    found: dict[Node, Node] = {}
    for n in topological(node):
        if is_op(n, POWER) and n.children[0] is ROOT:
            p = n.children[1]
            if isinstance(p, Number) and isinstance(p.value, int) and p.value > 1:
                found[n] = scale(ROOT if p.value % 2 else number(1), raised_out(E, p.value // 2))
    return found


def raised_out(E: Node, k: int) -> Node:
    """E to the power k, multiplied out where it is a short sum."""
    terms = E.children if is_op(E, ADD) else (E,)
    if len(terms) > SHORT or len(terms) == 1:
        return power(E, number(k))
    total = E
    for _ in range(k - 1):
        parts = total.children if is_op(total, ADD) else (total,)
        total = add(*(scale(a, b) for a in parts for b in terms))
    return total


@dataclass(frozen=True, eq=False)
class Functional:
    """∫ lagrangian dx from low to high; `functions` are all functions of x in it, `wrt` those that vary."""

    lagrangian: Node
    x: Symbol
    low: Node
    high: Node
    functions: tuple[Symbol, ...]
    wrt: tuple[Symbol, ...]

    def order(self, *functions: Symbol) -> int:
        """The highest derivative that the Lagrangian has of them."""
        names = {s.name for s in symbols(self.lagrangian)}
        return max((len(n) - len(u.name) for u in functions for n in names if n.rstrip("'") == u.name), default=0)

    @cached_property
    def directions(self) -> dict[Symbol, dict[Symbol, Symbol]]:
        """du, du', … by u, u', … for each function that varies."""
        found: dict[Symbol, dict[Symbol, Symbol]] = {}
        for u in self.wrt:
            jets = [jet(u, k) for k in range(self.order(u) + 1)]
            found[u] = {v: differential_symbol(v) for v in jets}  # type: ignore[misc]
        return found

    @cached_property
    def all_directions(self) -> dict[Symbol, Symbol]:
        return {v: dv for pairs in self.directions.values() for v, dv in pairs.items()}

    @cached_property
    def change(self) -> Node:
        """What is integrated to df, linear in du, du', …"""
        return simplified(differential(self.lagrangian, self.all_directions))

    @cached_property
    def second(self) -> Node:
        """What is integrated to d²f, quadratic in du, du', …"""
        return simplified(differential(differential(self.lagrangian, self.all_directions), self.all_directions))

    @cached_property
    def partials(self) -> dict[Symbol, list[Node]]:
        """The derivatives of the Lagrangian by u, u', … for each function."""
        change = differential(self.lagrangian, self.all_directions)
        found = adjoint(change, number(1), list(self.all_directions.values()))
        return {u: [simplified(found[dv]) for dv in pairs.values()] for u, pairs in self.directions.items()}

    def along(self, node: Node) -> Node:
        """d/dx of an expression, by the chain rule on jets."""
        names = {s.name for s in symbols(node)}
        deepest = max((len(n) - len(n.rstrip("'")) for n in names), default=0)
        moved: dict[Symbol, Node] = {jet(u, k): jet(u, k + 1) for u in self.functions for k in range(deepest + 1)}
        return simplified(differential(node, {self.x: number(1), **moved}))

    @cached_property
    def gradients(self) -> dict[Symbol, Node]:
        """∇f = L_u − d/dx L_u' + d²/dx² L_u'' − …"""
        found = {}
        for u, parts in self.partials.items():
            terms = []
            for k, part in enumerate(parts):
                for _ in range(k):
                    part = self.along(part)
                terms.append(part if k % 2 == 0 else scale(MINUS, part))
            found[u] = tidied(add(*terms)) if len(terms) > 1 else terms[0]
        return found

    @cached_property
    def boundaries(self) -> dict[Symbol, list[Node]]:
        """What multiplies du, du', … at the ends: L_u' − d/dx L_u'' + …, L_u'' − …"""
        found: dict[Symbol, list[Node]] = {}
        for u, parts in self.partials.items():
            rows: list[Node] = []
            for j in range(len(parts) - 1):
                terms = []
                for k in range(j + 1, len(parts)):
                    part = parts[k]
                    for _ in range(k - j - 1):
                        part = self.along(part)
                    terms.append(part if (k - j) % 2 else scale(MINUS, part))
                rows.append(simplified(add(*terms)) if len(terms) > 1 else terms[0])
            found[u] = rows
        return found


__all__ = ["INFINITY", "Functional", "endless", "jet", "numerator", "tidied"]
