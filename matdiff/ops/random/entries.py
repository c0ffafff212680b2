"""Laws of numbers, and of the entries of arrays, with a density."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import comb, factorial, prod
from typing import Any

from matdiff.core.node import Node, Number, number
from matdiff.core.op import Op
from matdiff.ops.algebra import POWER, add, hadamard, power, scale
from matdiff.ops.constants import is_zero, ones_like
from matdiff.ops.elementwise import (
    abs_,
    cos,
    cosh,
    digamma,
    exp,
    lgamma,
    log,
    pi,
    relu,
    sigmoid,
    sin,
    sinh,
    softplus,
    sqrt,
    tanh,
)
from matdiff.ops.random.law import law, raised, rising, spread, whole
from matdiff.ops.random.quadrature import hermite, jacobi, laguerre, legendre, two_sided
from matdiff.ops.reductions import sum_


def _normal_moment(k: int, m: Node, v: Node) -> Node:
    terms = [
        scale(number(comb(k, 2 * j) * prod(range(1, 2 * j, 2))), hadamard(raised(v, j), raised(m, k - 2 * j)))
        for j in range(k // 2 + 1)
    ]
    return add(*terms)


def _holds_zero(a: Node, b: Node) -> bool:
    """Whether the interval from a to b certainly has 0 in it, or at an end."""
    if is_zero(a) or is_zero(b):
        return True
    return isinstance(a, Number) and isinstance(b, Number) and a.value < 0 < b.value


def _uniform_moment(k: int, a: Node, b: Node) -> Node:
    return scale(1 / whole(k + 1), add(*(hadamard(raised(a, i), raised(b, k - i)) for i in range(k + 1))))


def _lowered(a: Node, k: int) -> Node:
    """(a − 1)(a − 2)…(a − k)."""
    out = ones_like(a)
    for i in range(1, k + 1):
        out = hadamard(out, a - i)
    return out


def antiderivative(op: Op, exponent: Node | None, x: Node) -> Node | None:
    """G with G' = g of a function applied entry by entry; x log x is 0 at 0."""
    if op is power_op:
        if not isinstance(exponent, Number) or isinstance(exponent.value, float):
            return None
        p = exponent.value
        if p < 0 and is_zero(x):
            return None if p <= -1 else x
        return log(x) if p == -1 else None if p < -1 else scale(number(Fraction(1) / (p + 1)), power(x, number(p + 1)))
    if op is log and is_zero(x):
        return x
    make = ANTIDERIVATIVES.get(op)
    return None if make is None else make(x)


power_op = POWER
ANTIDERIVATIVES: dict[Op, Callable[[Node], Node]] = {
    exp: exp,
    log: lambda x: hadamard(x, log(x)) - x,
    sin: lambda x: -cos(x),
    cos: sin,
    sinh: cosh,
    cosh: sinh,
    sqrt: lambda x: scale(number(Fraction(2, 3)), hadamard(x, sqrt(x))),
    sigmoid: softplus,
    tanh: lambda x: log(cosh(x)),
    relu: lambda x: relu(x) ** 2 / 2,
    abs_: lambda x: hadamard(x, abs_(x)) / 2,
}


def _stretched(rng: Any, shape: Any, m: Any, b: Any) -> Any:
    return m + b * rng.laplace(size=shape)


NORMAL = law(
    "normal",
    "gaussian n",
    "real positive",
    "normal(m, v) has mean m and variance v",
    lambda rng, shape, m, v: m + v**0.5 * rng.standard_normal(shape),
    mean=lambda x, m, v: spread(m, x),
    moment=_normal_moment,
    density=lambda x, m, v: sum_(-((x - m) ** 2 / v) / 2 - log(v) / 2 - spread(log(2 * pi) / 2, x)),
    drawn=lambda e, m, v: spread(m, e) + sqrt(v) * e,
    standard=(0, 1),
    base="ε",
    generating=lambda t, m, v: exp(m * t + v * t * t / 2),
    critical=lambda m, v: number(1),
    rule=hermite,
)
UNIFORM = law(
    "uniform",
    "u unif",
    "real real",
    "uniform(a, b) is from a to b",
    lambda rng, shape, a, b: a + (b - a) * rng.random(shape),
    mean=lambda x, a, b: spread((a + b) / 2, x),
    moment=_uniform_moment,
    density=lambda x, a, b: sum_(-spread(log(b - a), x)),
    moving=(0, 1),
    drawn=lambda u, a, b: spread(a, u) + (b - a) * u,
    standard=(0, 1),
    base="u",
    critical=lambda a, b: number(1) if _holds_zero(a, b) else None,
    rule=legendre,
)
EXPONENTIAL = law(
    "exponential",
    "exp expon",
    "positive",
    "exponential(λ) has rate λ and mean 1/λ",
    lambda rng, shape, rate: rng.standard_exponential(shape) / rate,
    mean=lambda x, rate: spread(1 / rate, x),
    moment=lambda k, rate: scale(number(factorial(k)), power(rate, number(-k))) if k else ones_like(rate),
    density=lambda x, rate: sum_(spread(log(rate), x) - spread(rate, x) * x),
    drawn=lambda e, rate: e / rate if rate.kind == e.kind or rate.kind == "scalar" else e,
    standard=(1,),
    base="e",
    generating=lambda t, rate: rate / (rate - t),
    finite="{t} < {0}",
    critical=lambda rate: number(1),
    rule=lambda count, rate: laguerre(count, 1.0, rate),
    logarithm=lambda rate: spread(digamma(number(1)), rate) - log(rate),
)
GAMMA = law(
    "gamma",
    "",
    "positive positive",
    "gamma(a, b) has shape a, rate b and mean a/b",
    lambda rng, shape, a, b: rng.standard_gamma(a + 0 * b, shape) / b,
    mean=lambda x, a, b: spread(a / b, x),
    moment=lambda k, a, b: rising(a, k) / raised(b, k),
    density=lambda x, a, b: sum_(spread(a * log(b) - lgamma(a), x) + spread(a - 1, x) * log(x) - spread(b, x) * x),
    drawn=lambda e, a, b: e / b,
    standard=(None, 1),
    base="g",
    free=(0,),
    generating=lambda t, a, b: (b / (b - t)) ** a,
    finite="{t} < {1}",
    critical=lambda a, b: a,
    powers=lambda p, a, b: (exp(lgamma(a + p) - lgamma(a)) * power(b, -p), "{0} > {p}"),
    rule=laguerre,
    logarithm=lambda a, b: digamma(a) - log(b),
    negative=lambda k, a, b: (raised(b, k) / _lowered(a, k), f"{{0}} > {k}"),
)
CHI_SQUARED = law(
    "chi2",
    "chisquared chisquare",
    "positive",
    "chi2(k) has k degrees of freedom and mean k",
    lambda rng, shape, k: rng.chisquare(k, shape),
    mean=lambda x, k: spread(k, x),
    moment=lambda j, k: scale(number(2**j), rising(k / 2, j)),
    density=lambda x, k: sum_(
        spread(-log(number(2)) * k / 2 - lgamma(k / 2), x) + spread(k / 2 - 1, x) * log(x) - x / 2
    ),
    generating=lambda t, k: (1 - 2 * t) ** (-k / 2),
    finite="{t} < 1/2",
    critical=lambda k: k / 2,
    powers=lambda p, k: (exp(lgamma(k / 2 + p) - lgamma(k / 2)) * power(number(2), p), "{0}/2 > {p}"),
    rule=lambda count, k: laguerre(count, k / 2, 0.5),
    logarithm=lambda k: digamma(k / 2) + spread(log(number(2)), k),
    negative=lambda j, k: (1 / (2**j * _lowered(k / 2, j)), f"{{0}} > {2 * j}"),
)
BETA = law(
    "beta",
    "",
    "positive positive",
    "beta(a, b) has mean a/(a + b)",
    lambda rng, shape, a, b: rng.beta(a, b, shape),
    mean=lambda x, a, b: spread(a / (a + b), x),
    moment=lambda k, a, b: rising(a, k) / rising(a + b, k),
    density=lambda x, a, b: sum_(
        spread(lgamma(a + b) - lgamma(a) - lgamma(b), x)
        + spread(a - 1, x) * log(x)
        + spread(b - 1, x) * log(ones_like(x) - x)
    ),
    critical=lambda a, b: a,
    rule=jacobi,
    logarithm=lambda a, b: digamma(a) - digamma(a + b),
    negative=lambda k, a, b: (_lowered(a + b, k) / _lowered(a, k), f"{{0}} > {k}"),
)
LAPLACE = law(
    "laplace",
    "",
    "real positive",
    "laplace(m, b) has mean m and variance 2b²",
    _stretched,
    mean=lambda x, m, b: spread(m, x),
    moment=lambda k, m, b: add(
        *(
            scale(number(comb(k, 2 * j) * factorial(2 * j)), hadamard(raised(b, 2 * j), raised(m, k - 2 * j)))
            for j in range(k // 2 + 1)
        )
    ),
    drawn=lambda e, m, b: spread(m, e) + b * e,
    standard=(0, 1),
    base="e",
    generating=lambda t, m, b: exp(m * t) / (1 - b * b * t * t),
    finite="|{t}| < 1/{1}",
    critical=lambda m, b: number(1),
    rule=two_sided,
)
LOGNORMAL = law(
    "lognormal",
    "",
    "real positive",
    "lognormal(m, v) is exp of normal(m, v)",
    lambda rng, shape, m, v: _exp(m + v**0.5 * rng.standard_normal(shape)),
    mean=lambda x, m, v: spread(exp(m + v / 2), x),
    powers=lambda p, m, v: (exp(p * m + p * p / 2 * v), ""),
    moment=lambda k, m, v: exp(number(k) * m + v * k * k / 2),
    density=lambda x, m, v: sum_(
        -((log(x) - spread(m, x)) ** 2 / (2 * v)) - log(x) - spread(log(v) / 2 + log(2 * pi) / 2, x)
    ),
    drawn=lambda e, m, v: exp(spread(m, e) + sqrt(v) * e),
    standard=(0, 1),
    base="ε",
    rule=lambda count, m, v: (lambda x, w: (_exp(x), w))(*hermite(30 + count, m, v)),
    logarithm=lambda m, v: m,
    negative=lambda k, m, v: (exp(v * k * k / 2 - k * m), ""),
)


def _exp(x: Any) -> Any:
    import numpy as np

    return np.exp(x)
