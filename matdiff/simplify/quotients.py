"""Scalar expressions as one quotient: sums of fractions over their common denominator, exp(−s) as 1/exp(s)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from matdiff.core.node import Apply, Node, Number, Value, number, topological
from matdiff.ops.algebra import ADD, POWER, SCALE, add, power, scale
from matdiff.ops.elementwise import exp
from matdiff.simplify.terms import plain, split

MOST = 60
"""Terms of a numerator or a denominator, from which on no quotient is formed."""

Monomial = frozenset[tuple[Node, int]]
Polynomial = dict[Monomial, Value]
Key = frozenset[tuple[Monomial, Value]]
ONE: Monomial = frozenset()


class TooLong(Exception):
    """A polynomial with too many terms."""


class Quotient(NamedTuple):
    """A polynomial in functions and variables, with negative powers too, over powers of polynomials in them."""

    above: Polynomial
    below: Mapping[Key, int]


def quotient(root: Node) -> Node | None:
    """A scalar expression as one quotient; None where it has too many terms."""
    parts: dict[Node, Quotient] = {}
    try:
        for node in topological(root):
            parts[node] = _part(node, parts)
        return _node(parts[root])
    except (TooLong, ZeroDivisionError, OverflowError):
        return None


def _part(node: Node, parts: Mapping[Node, Quotient]) -> Quotient:
    if isinstance(node, Number):
        return Quotient({ONE: node.value} if node.value else {}, {})
    if node.op is ADD:
        return _sum([parts[a] for a in node.children])
    if node.op is SCALE:
        return _product(parts[node.children[0]], parts[node.children[1]])
    if node.op is POWER:
        exponent = node.children[1]
        if isinstance(exponent, Number) and isinstance(exponent.value, int) and abs(exponent.value) <= MOST:
            return _power(parts[node.children[0]], exponent.value)
    if isinstance(node, Apply) and node.op is exp and _negative(node.children[0]):
        return Quotient({frozenset({(exp(scale(number(-1), node.children[0])), -1)}): 1}, {})
    return Quotient({frozenset({(node, 1)}): 1}, {})


def _negative(exponent: Node) -> bool:
    return split(exponent).number < 0


def _times(a: Monomial, b: Monomial, power: int = 1) -> Monomial:
    """a · b^power."""
    total = dict(a)
    for base, exponent in b:
        total[base] = total.get(base, 0) + power * exponent
    return frozenset((base, exponent) for base, exponent in total.items() if exponent)


def _multiplied(a: Polynomial, b: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for m, c in a.items():
        for n, d in b.items():
            key = _times(m, n)
            found[key] = found.get(key, 0) + c * d
    if len(found) > MOST:
        raise TooLong
    return {m: plain(c) for m, c in found.items() if c}


def _raised(a: Polynomial, k: int) -> Polynomial:
    found: Polynomial = {ONE: 1}
    for _ in range(k):
        found = _multiplied(found, a)
    return found


def _product(a: Quotient, b: Quotient) -> Quotient:
    return Quotient(_multiplied(a.above, b.above), Counter(a.below) + Counter(b.below))


def _sum(parts: list[Quotient]) -> Quotient:
    common: Counter[Key] = Counter()
    for part in parts:
        common |= Counter(part.below)
    total: Polynomial = {}
    for part in parts:
        above = part.above
        for key, k in (common - Counter(part.below)).items():
            above = _multiplied(above, _raised(dict(key), k))
        for m, c in above.items():
            total[m] = total.get(m, 0) + c
    return Quotient({m: plain(c) for m, c in total.items() if c}, common)


def _power(a: Quotient, k: int) -> Quotient:
    if k >= 0:
        return Quotient(_raised(a.above, k), {key: k * n for key, n in a.below.items() if k})
    content, number_, rest = _content(a.above)
    flipped: Polynomial = {_times(ONE, content, k): plain(_reciprocal(number_, -k))}
    for key, n in a.below.items():
        flipped = _multiplied(flipped, _raised(dict(key), -k * n))
    return Quotient(flipped, {} if rest == {ONE: 1} else {frozenset(rest.items()): -k})


def _reciprocal(value: Value, k: int) -> Value:
    return (1 / value if isinstance(value, float) else Fraction(1) / value) ** k


def _content(a: Polynomial) -> tuple[Monomial, Value, Polynomial]:
    """A polynomial as a monomial, times the number of its first term, times the rest.  ZeroDivisionError for 0."""
    if not a:
        raise ZeroDivisionError
    least = dict(next(iter(a)))
    for m in a:
        powers = dict(m)
        least = {base: min(e, powers.get(base, 0)) for base, e in {**dict.fromkeys(powers, 0), **least}.items()}
    monomial = frozenset((base, e) for base, e in least.items() if e)
    rest = _ordered({_times(m, monomial, -1): c for m, c in a.items()})
    first = next(iter(rest.values()))
    if any(isinstance(c, float) for c in rest.values()) and len(rest) > 1:
        return monomial, 1, rest
    return monomial, first, {m: plain(_reciprocal(first, 1) * c) for m, c in rest.items()}


def _ordered(a: Polynomial) -> Polynomial:
    """By degree, then by spelling, whatever order a set had."""
    return {m: a[m] for m in sorted(a, key=lambda m: (sum(e for _, e in m), _spelled(m)))}


def _spelled(monomial: Monomial) -> list[tuple[int, str, int]]:
    texts = [(repr(base), e) for base, e in monomial]
    return sorted((len(text), text, e) for text, e in texts)


def _node(q: Quotient) -> Node:
    if not q.above:
        return number(0)
    monomial, first, rest = _content(q.above)
    powers: Counter[Key] = Counter({frozenset(rest.items()): 1})
    if rest == {ONE: 1}:
        powers.clear()
    powers.subtract(q.below)
    node: Node = number(first)
    for key, k in sorted(powers.items(), key=lambda part: sorted(map(str, map(_spelled, dict(part[0]))))):
        node = scale(node, power(_of_polynomial(dict(key)), number(k))) if k else node
    return scale(node, _of_monomial(monomial))


def _of_monomial(monomial: Monomial) -> Node:
    node: Node = number(1)
    for base, exponent in sorted(monomial, key=lambda part: (len(repr(part[0])), repr(part[0]))):
        node = scale(node, power(base, number(exponent)))
    return node


def _of_polynomial(a: Polynomial) -> Node:
    return add(*(scale(number(c), _of_monomial(m)) for m, c in _ordered(a).items()))
