"""Means of functions of Gaussians that are no polynomials: rectified, signed, on the sphere, capped exponentials.

E[P(x) g(u)] of a polynomial P and one function g of an affine u is Σ E[DʲP(x)[c, …, c]] E[g⁽ʲ⁾(u)]/j! with c the
covariance of x and u: Wick's theorem, term by term (Isserlis 1918; Janson 1997, thm 1.36).  The functions of one number
below are u, u² … times the step 1[u > 0], whose derivatives are those of the density at 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, factorial
from typing import Any, Protocol

from matdiff.calculus.differential import differentials
from matdiff.calculus.network import NoFormula
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol, topological
from matdiff.core.op import Op, differential_symbol
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import ADD, INNER, MATMUL, POWER, SCALE, add, is_op, power, scale, size, transpose, whole
from matdiff.ops.constants import is_eye, is_zero
from matdiff.ops.elementwise import abs_, asin, erf, exp, heaviside, lgamma, log, pi, relu, sign, sqrt
from matdiff.ops.extremes import maximum, minimum
from matdiff.ops.random import LOGNORMAL, MATRIX_NORMAL, MULTINORMAL, NORMAL, Random, parted
from matdiff.ops.reductions import norm
from matdiff.simplify.expand import expanded
from matdiff.simplify.normal import normal
from matdiff.simplify.terms import split

GAUSSIAN = (NORMAL, MULTINORMAL, MATRIX_NORMAL)
STEPS = frozenset((relu, abs_, sign, heaviside, erf))
"""Functions that are a power times the step or the sign of their argument, or of it with noise."""
MOST_POWERS = 4
"""Highest power of a sum that is multiplied out."""
HIGHEST = 8
"""Highest degree of the polynomial beside such a function."""


class Means(Protocol):
    """What takes means of expressions: `matdiff.calculus.expectation.Means`, which asks the rules here."""

    of: dict[Symbol, Random]

    def inside(self, node: Node, /) -> frozenset[Symbol]: ...
    def closed(self, node: Node, /) -> Node | None: ...
    def polynomial(self, node: Node, /) -> Any: ...
    def affine(self, u: Node, of: Iterable[object] | None = None, /) -> bool: ...
    def moments(self, u: Node, /) -> tuple[Node, Node]: ...
    def corrections(self, node: Node, /) -> Node: ...
    def tilt(self, u: Node, /) -> tuple[Node, Symbol, Node, Node] | None: ...
    def under(self, x: Symbol, law: Random, /) -> Means: ...
    def positive(self, node: Node, /) -> None: ...
    def require(self, condition: str, r: Random, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """A product: functions of affine Gaussians with their whole powers, and all that is beside them."""

    functions: Mapping[Node, int]
    rest: Node


def parts_of(means: Means, node: Node, wanted: frozenset[Op]) -> Parts | None:
    """The functions in a product that are among the wanted ones; None where there are none or they do not fit."""
    term = split(normal(node))
    functions: dict[Node, int] = {}
    rest: Node = number(term.number) if term.core is None else scale(number(term.number), term.core)
    for base, k in term.scalars.items():
        if isinstance(base, Apply) and base.op in wanted and means.inside(base):
            if not isinstance(k, int) or k < 1 or base.kind != "scalar":
                return None
            functions[base] = k
        else:
            rest = scale(power(base, number(k)), rest)
    return Parts(functions, rest) if functions else None


def _minus(a: Node, b: Node) -> Node:
    return add(a, scale(number(-1), b))


# one function beside a polynomial


def stepped(means: Means, node: Node) -> Node | None:
    """E[P(x) g(u)] for g a product of relu, abs, sign, the step and erf of one affine u."""
    found = parts_of(means, node, STEPS)
    if found is None:
        return None
    (first, *others) = found.functions
    u = first.children[0]
    if any(f.children[0] is not u for f in others):
        return two_signs(means, found)
    if not means.affine(u, GAUSSIAN):
        return None
    signed, stepping, noisy, P = False, False, 0, found.rest
    for f, k in found.functions.items():
        op = f.op if isinstance(f, Apply) else None
        if op in (relu, abs_):
            P = scale(power(u, number(k)), P)
        stepping |= op in (relu, heaviside)
        signed ^= op in (abs_, sign) and k % 2 == 1
        noisy += k if op is erf else 0
    if noisy > 1 or (noisy and (stepping or signed)):
        return None
    m, v = means.moments(u)
    if noisy:
        v, signed = normal(add(v, number(Fraction(1, 2)))), True
    plain = means.closed(P) if not stepping and not signed else None
    if plain is not None:
        return plain
    return _against_step(means, P, u, m, v, stepping)


def _against_step(means: Means, P: Node, u: Node, m: Node, v: Node, step: bool) -> Node | None:
    """E[P(x) 1[u > 0]], or with the sign of u, by Wick's theorem."""
    deviation = sqrt(v)
    bell = exp(scale(number(Fraction(-1, 2)), m**2 / v)) / (sqrt(2 * pi) * deviation)
    front = erf(m / (sqrt(number(2)) * deviation)) if not is_zero(m) else number(0)
    value: Node = add(number(1), front) / 2 if step else front
    bell = bell if step else 2 * bell
    shared = [x for x in means.inside(P) if x in means.inside(u)]
    covariances = {x: means.corrections(scale(u, x)) for x in shared}
    total: list[Node] = []
    before: Node = number(0)
    hermite: Node = number(1)
    for j in range(HIGHEST + 2):
        mean = means.closed(P)
        if mean is None:
            return None
        total.append(scale(scale(value, number(Fraction(1, factorial(j)))), mean))
        if not shared:
            break
        along = {x: differential_symbol(x) for x in shared}
        slope = differentials(P, along).get(P)
        if slope is None or is_zero(slope):
            break
        P = normal(substitute(slope, {dx: covariances[x] for x, dx in along.items()}))
        value = scale(hermite, bell)
        before, hermite = hermite, normal(_minus(scale(-m / v, hermite), scale(number(j) / v, before)))
    else:
        return None
    return add(*total)


def two_signs(means: Means, found: Parts) -> Node | None:
    """E[g(a) h(b)] of Gaussians with mean 0 by their correlation ρ (Sheppard 1899; Cho & Saul 2009, eqs. 5–6)."""
    if len(found.functions) != 2 or means.inside(found.rest) or set(found.functions.values()) != {1}:
        return None
    one, other = found.functions
    a, b = one.children[0], other.children[0]
    assert isinstance(one, Apply) and isinstance(other, Apply)
    if one.op is not other.op or not all(means.affine(n, GAUSSIAN) for n in (a, b)):
        return None
    (m, v), (k, w) = means.moments(a), means.moments(b)
    if not is_zero(m) or not is_zero(k):
        return None
    both = sqrt(scale(v, w))
    r = normal(means.corrections(scale(a, b)) / both)
    angle = asin(r)
    rest = sqrt(_minus(number(1), r**2))
    cases: dict[Op, Node] = {
        sign: 2 * angle / pi,
        heaviside: add(number(Fraction(1, 4)), angle / (2 * pi)),
        abs_: scale(2 * both / pi, add(rest, scale(r, angle))),
        relu: scale(both / (2 * pi), add(rest, scale(r, add(pi / 2, angle)))),
    }
    made = cases.get(one.op)
    return None if made is None else scale(made, found.rest)


def opened(means: Means, node: Node) -> Node | None:
    """The mean of a product of sums, multiplied out where that gives a sum; max(u, v) is v + relu(u − v)."""
    made: dict[Node, Node] = {}
    for n in topological(node):
        if is_op(n, maximum) or is_op(n, minimum):
            a, b = n.children
            made[n] = add(b, relu(_minus(a, b))) if is_op(n, maximum) else _minus(b, relu(_minus(b, a)))
    if made:
        return means.closed(normal(substitute(node, made)))
    if node.kind != "scalar" or is_op(node, ADD):
        return None
    if is_op(node, POWER) and is_op(node.children[0], ADD) and (k := whole(node.children[1])) is not None:
        return _power_of_sum(means, node.children[0].children, k) if 2 <= k <= MOST_POWERS else None
    opened_ = normal(expanded(node))
    return means.closed(opened_) if is_op(opened_, ADD) else None


def _power_of_sum(means: Means, terms: Sequence[Node], k: int) -> Node | None:
    """E[(c + r)ᵏ] = Σ C(k, j) c^(k−j) E[rʲ], c being what is not random."""
    fixed = add(number(0), *(t for t in terms if not means.inside(t)))
    moving = [t for t in terms if means.inside(t)]
    total: list[Node] = []
    for j in range(k + 1):
        if k > j and is_zero(fixed):
            continue
        products: list[Node] = [number(1)]
        for _ in range(j):
            products = [scale(t, p) for p in products for t in moving]
        mean = means.closed(normal(add(number(0), *products)))
        if mean is None:
            return None
        total.append(scale(scale(number(comb(k, j)), power(fixed, number(k - j))) if k > j else number(1), mean))
    return add(*total)


# exponentials


def capped(means: Means, node: Node) -> Node | None:
    """E relu(c eᵘ − K) = c e^(m+v/2) Φ(d + s) − K Φ(d), d = (m − log(K/c))/s (Black & Scholes 1973, eq. 13)."""
    if not is_op(node, relu) or node.kind != "scalar":
        return None
    inside = node.children[0]
    inside = normal(substitute(inside, _as_exponentials(means, inside)))
    terms = inside.children if is_op(inside, ADD) else (inside,)
    moving = [t for t in terms if means.inside(t)]
    if len(moving) != 1 or len(terms) < 2:
        return None
    term = split(moving[0])
    powers = [b for b, k in term.scalars.items() if is_op(b, exp) and means.inside(b)]
    if len(powers) != 1 or term.core is not None or term.scalars[powers[0]] != 1:
        return None
    u = powers[0].children[0]
    c = normal(moving[0] / powers[0])
    if means.inside(c) or not means.affine(u, GAUSSIAN):
        return None
    K = normal(scale(number(-1), add(*(t for t in terms if t is not moving[0]))))
    put = isinstance(c, Number) and c.value < 0
    put |= is_op(c, SCALE) and isinstance(c.children[0], Number) and c.children[0].value < 0
    if put:
        c, K = normal(scale(number(-1), c)), normal(scale(number(-1), K))
    means.positive(c)
    means.positive(K)
    m, v = means.moments(u)
    s = sqrt(v)
    d = normal(_minus(m, log(K / c)) / s)
    mean = scale(c, exp(normal(add(m, v / 2))))
    call = _minus(scale(mean, _below(add(d, s))), scale(K, _below(d)))
    return add(call, scale(number(-1), mean), K) if put else call


def _below(d: Node) -> Node:
    """Φ(d)."""
    return add(number(1), erf(d / sqrt(number(2)))) / 2


def _as_exponentials(means: Means, node: Node) -> dict[Node, Node]:
    """Lognormal numbers as exponentials of Gaussians, which are made known."""
    made: dict[Node, Node] = {}
    for x in means.inside(node):
        r = means.of[x]
        if r.law is LOGNORMAL and x.kind == "scalar":
            z = symbol(f"log {x.name}", "scalar")
            assert isinstance(z, Symbol)
            means.of[z] = Random(z, NORMAL, r.parameters)
            made[x] = exp(z)
    return made


# on the sphere


def radial(means: Means, node: Node) -> Node | None:
    """E[P(z) ‖z‖ᵖ] of z ~ normal(0, s I) and a homogeneous P of degree d: direction and length are independent.

    It is E[P(z)] E‖z‖^(d+p)/E‖z‖^d with E‖z‖^q = (2s)^(q/2) Γ((n+q)/2)/Γ(n/2) (Muirhead 1982, thm 1.5.6).
    """
    term = split(normal(node))
    p, z, rest = 0, None, number(term.number) if term.core is None else scale(number(term.number), term.core)
    for base, k in term.scalars.items():
        x = _length_of(base)
        twice = k * (1 if is_op(base, norm) else 2)
        times = int(twice) if twice == int(twice) else None
        if x is not None and x in means.of and times is not None and z in (None, x):
            p, z = p + times, x
        else:
            rest = scale(power(base, number(k)), rest)
    if z is None or (p >= 0 and p % 2 == 0):
        return None
    assert isinstance(z, Symbol)
    r = means.of[z]
    if r.law is not MULTINORMAL or not is_zero(r.parameters[0]):
        return None
    s, A = parted(r.parameters[1])
    try:
        degrees = {sum(x is z for x, _ in t.random) for t in means.polynomial(rest)}
    except (NoFormula, UnsupportedError):
        return None
    if not is_eye(A) or len(degrees) != 1:
        return None
    (d,) = degrees
    n = size(z.rows)
    rows = z.rows.number
    if rows is not None and rows + d + p <= 0:
        return None
    if d + p < 0 and rows is None:
        means.require(f"{z.rows} > {-p - d}", r)
    mean = means.closed(rest)
    if mean is None or is_zero(mean):
        return mean
    if p % 2 == 0:
        below: Node = number(1)
        for i in range(1, -p // 2 + 1):
            below = scale(scale(s, n + (d - 2 * i)), below)
        return scale(1 / below, mean)
    gammas = lgamma((n + (d + p)) / 2) - lgamma((n + d) / 2)
    return scale(scale(power(2 * s, number(Fraction(p, 2))), exp(gammas)), mean)


def _length_of(base: Node) -> Node | None:
    """z of ‖z‖ and of zᵀz."""
    if is_op(base, norm):
        return base.children[0]
    if (is_op(base, INNER) and base.children[0] is base.children[1]) or (
        is_op(base, MATMUL) and base.kind == "scalar" and base.children[0] is transpose(base.children[1])
    ):
        return base.children[1]
    return None


# a polynomial under the exponential of a quadratic


def tilted(means: Means, u: Node, other: Node) -> Node | None:
    """E[p(x) exp(u)] of a u quadratic in one Gaussian: E[exp u] times the mean of p under the law that exp(u) tilts."""
    made = means.tilt(u)
    if made is None:
        return None
    generated, x, m, S = made
    mean = means.under(x, Random(x, MULTINORMAL if x.kind == "vector" else NORMAL, (m, S))).closed(other)
    return None if mean is None else scale(generated, mean)


def positive(node: Node) -> bool:
    return "positive" in Known()(node) or (isinstance(node, Number) and node.value > 0)
