"""Laws on whole numbers."""

from __future__ import annotations

from math import factorial

from matdiff.core.node import number
from matdiff.ops.algebra import add, hadamard, power, scale
from matdiff.ops.constants import ones_like, zeros_like
from matdiff.ops.elementwise import (
    exp,
    lgamma,
    log,
    relu,
)
from matdiff.ops.random.law import Flip, falling, law, raised, rounded, spread, stirling
from matdiff.ops.random.quadrature import binomial_rule, geometric_rule, poisson_rule, two_points
from matdiff.ops.reductions import sum_

BERNOULLI = law(
    "bernoulli",
    "bern ber",
    "probability",
    "bernoulli(p) is 1 with probability p, else 0",
    lambda rng, shape, p: (rng.random(shape) < p) * 1.0,
    mean=lambda x, p: spread(p, x),
    moment=lambda k, p: p if k else ones_like(p),
    density=lambda x, p: sum_(x * spread(log(p), x) + (ones_like(x) - x) * spread(log(1 - p), x)),
    flip=Flip(lambda x, p: (1 - x) / (1 - p), ones_like, 0, "0 → 1 with weight 1/(1 − p)"),
    generating=lambda t, p: 1 - p + p * exp(t),
    discrete=True,
    rule=lambda count, p: two_points(0, 1, p),
    points=lambda p: [(1 - p, number(0)), (p, number(1))],
)
RADEMACHER = law(
    "rademacher",
    "",
    "",
    "rademacher() is 1 or −1, with probability 1/2 each",
    lambda rng, shape: rng.integers(0, 2, shape) * 2.0 - 1,
    mean=lambda x: zeros_like(x),
    moment=lambda k: number(1 - k % 2),
    generating=lambda t: (exp(t) + exp(-t)) / 2,
    discrete=True,
    rule=lambda count: two_points(-1, 1, 0.5),
    points=lambda: [(1 / number(2), number(-1)), (1 / number(2), number(1))],
)
BINOMIAL = law(
    "binomial",
    "binom bin",
    "count probability",
    "binomial(n, p) counts successes in n trials",
    lambda rng, shape, n, p: rng.binomial(rounded(n), p, shape) * 1.0,
    mean=lambda x, n, p: spread(n * p, x),
    moment=lambda k, n, p: add(
        *(scale(number(stirling(k, j)), hadamard(falling(n, j), raised(p, j))) for j in range(k + 1))
    ),
    flip=Flip(lambda x, n, p: (n - x) / (1 - p), lambda x: x + 1, 1, "x → x + 1 with weight (n − x)/(1 − p)"),
    density=lambda x, n, p: sum_(
        spread(lgamma(n + 1), x)
        - lgamma(x + 1)
        - lgamma(spread(n, x) - x + 1)
        + x * spread(log(p), x)
        + (spread(n, x) - x) * spread(log(1 - p), x)
    ),
    generating=lambda t, n, p: (1 - p + p * exp(t)) ** n,
    discrete=True,
    rule=binomial_rule,
)
POISSON = law(
    "poisson",
    "pois",
    "positive",
    "poisson(λ) has mean λ",
    lambda rng, shape, rate: rng.poisson(rate, shape) * 1.0,
    mean=lambda x, rate: spread(rate, x),
    moment=lambda k, rate: add(*(scale(number(stirling(k, j)), raised(rate, j)) for j in range(k + 1))),
    density=lambda x, rate: sum_(x * spread(log(rate), x) - spread(rate, x) - lgamma(x + 1)),
    flip=Flip(lambda x, rate: ones_like(x), lambda x: x + 1, 0, "x → x + 1 with weight 1"),
    generating=lambda t, rate: exp(rate * (exp(t) - 1)),
    discrete=True,
    rule=poisson_rule,
)
GEOMETRIC = law(
    "geometric",
    "geom geo",
    "probability",
    "geometric(p) counts trials up to the first success, from 1 on, and has mean 1/p",
    lambda rng, shape, p: rng.geometric(p, shape) * 1.0,
    mean=lambda x, p: spread(1 / p, x),
    moment=lambda k, p: (
        add(
            *(
                scale(number(stirling(k, j) * factorial(j)), hadamard(raised(1 - p, j - 1), power(p, number(-j))))
                for j in range(1, k + 1)
            )
        )
        if k
        else ones_like(p)
    ),
    density=lambda x, p: sum_((x - 1) * spread(log(1 - p), x) + spread(log(p), x)),
    flip=Flip(
        lambda x, p: (x - 1) / (p * (1 - p)),
        lambda x: x - 1,
        0,
        "x → x − 1 with weight (x − 1)/(p(1 − p))",
        lambda x: relu(x - 2) + 1,
    ),
    generating=lambda t, p: p * exp(t) / (1 - (1 - p) * exp(t)),
    finite="{t} < −log(1 − {0})",
    discrete=True,
    rule=geometric_rule,
)
