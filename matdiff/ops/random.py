"""Probability distributions, one record each: moments, density, reparameterisation, flips, sampler, quadrature.

A univariate law is that of one number, or of the entries of an array, independently.  Moments and densities are
formulas in the parameters (Johnson, Kotz & Balakrishnan 1994–97; Muirhead 1982 for the laws of matrices); a flip is the
derivative of a law that jumps, a weight and where the sample goes (Arya, Schauer, Schäfer & Rackauckas 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import permutations, product
from math import comb, factorial, prod
from typing import Any

from matdiff.core.node import Node, Number, Symbol, number
from matdiff.core.op import Macro, Op
from matdiff.core.shape import Dim
from matdiff.ops.algebra import POWER, add, hadamard, inner, matmul, power, scale, size, transpose
from matdiff.ops.constants import eye, is_eye, is_zero, ones, ones_like, zeros_like
from matdiff.ops.elementwise import (
    abs_,
    cos,
    cosh,
    digamma,
    erf,
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
from matdiff.ops.linalg import chol, det, inv, logdet
from matdiff.ops.reductions import prod as prod_
from matdiff.ops.reductions import sum_, tr
from matdiff.ops.structure import tril

EXPECTATION: Op = Op(
    "expectation",
    "(...)->(...)",
    (None,),
    lambda args, params: (args[0].kind, args[0].rows, args[0].cols),
    summary="the mean of what is random inside: E[x]",
)
"""Not in the register: it has a meaning only where something is declared random."""

SPOKEN = "Ͱ"
"""How E is spelt while a text is read in which E[…] is the expectation: a letter that nobody types."""


def _deviation(x: Node) -> Node:
    return add(x, scale(number(-1), EXPECTATION.build((x,))))


def _covariance_of(x: Node, y: Node) -> Node:
    """E[(x − E[x])(y − E[y])ᵀ]."""
    a, b = _deviation(x), _deviation(y)
    return EXPECTATION.build((scale(a, b) if x.kind == "scalar" else matmul(a, transpose(b)),))


def _variance_of(x: Node) -> Node:
    return EXPECTATION.build((power(_deviation(x), number(2)),)) if x.kind == "scalar" else _covariance_of(x, x)


SPOKEN_SO: dict[str, list[Op | Macro]] = {
    SPOKEN: [EXPECTATION],
    "Ϗ": [Macro("normcdf", "()->()", lambda x: (1 + erf(x / sqrt(number(2)))) / 2)],
    "Ͳ": [Macro("Var", "()->()", _variance_of), Macro("Var", "(n)->(n,n)", _variance_of)],
    "Ͷ": [
        Macro("Cov", "(),()->()", _covariance_of),
        Macro("Cov", "(m),(n)->(m,n)", _covariance_of),
        Macro("Cov", "(n)->(n,n)", _variance_of),
        Macro("Cov", "()->()", _variance_of),
    ],
}
"""E, Var, Cov and Φ(…) of a number likewise; of one vector Var and Cov are the covariance matrix."""

Leg = int
Legs = tuple[Leg, ...]
Part = tuple[Node, tuple[tuple[Node, Legs], ...], tuple[Legs, ...]]
"""A summand of a joint cumulant: a factor, arrays on the axes of the variables, and axes that must be equal."""


def whole(x: int) -> Node:
    return number(x)


def spread(p: Node, x: Node) -> Node:
    """A parameter as an array of the shape of x."""
    return p if p.kind == x.kind else scale(p, ones_like(x))


@cache
def stirling(n: int, k: int) -> int:
    """Stirling numbers of the second kind: xⁿ = Σ S(n,k) x(x−1)…(x−k+1)."""
    return int(n == k) if n == 0 or k == 0 else k * stirling(n - 1, k) + stirling(n - 1, k - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Flip:
    """What a small increase of a parameter does to a sample that jumps: `weight(x, *params)` and `moved(x)`."""

    weight: Callable[..., Node]
    moved: Callable[[Node], Node]
    parameter: int
    says: str
    guarded: Callable[[Node], Node] | None = None
    """`moved` where a weight of 0 stands before a value that need not exist, as f(0) of a law that begins with 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """A distribution.

    name, spellings   as it is called in declarations
    takes             what each parameter is: `real`, `positive`, `probability`, `count`, `vector`, `covariance`, `dof`,
                      `weights` (a vector of positive numbers), `chances` (on the simplex)
    shape             `entries` (a number, or every entry of an array), `vector` or `matrix`
    says              the convention of its parameters, in words
    mean              of the parameters, given the variable
    moment            of an entry: E[xᵏ]
    cumulant          of arrays: the joint cumulant of entries at these axes, as `Part`s
    density           log of the density or probability, a scalar; `moving` parameters change where it is positive
    drawn             the variable in terms of the same law with standard parameters (`standard`), whose law is `base`
    flip              of a law on whole numbers
    generating        E[exp(t x)] of an entry, and where it is finite, in words
    sample            `sample(rng, shape, *params)` in NumPy, `shape` with the number of samples in front
    axes              of arrays: `axes(count, shape, *params)`, rules for independent numbers, and the arrays of them
    points            of a law with two values: (probability, value) of both
    logarithm         E[log x] of an entry
    negative          `negative(k, *params)`: E[x⁻ᵏ] of an entry, and where it is finite, in words
    powers            `powers(p, *params)`: E[xᵖ] of a positive entry, and where it is finite for p < 0
    critical          E|x|⁻ᵖ of an entry is finite for p below this, of the parameters; None: always, or not known
    determinant       of a random matrix: E[det x] of (x, *params), and where it is finite, in words
    logdeterminant    E[log det x] likewise
    rule              of an entry: `rule(count, *params)`, points and weights, exact for polynomials, or all
    """

    name: str
    spellings: str
    takes: tuple[str, ...]
    says: str
    sample: Callable[..., Any]
    shape: str = "entries"
    mean: Callable[..., Node] | None = None
    moment: Callable[..., Node] | None = None
    cumulant: Callable[..., Iterator[Part]] | None = None
    density: Callable[..., Node] | None = None
    moving: tuple[int, ...] = ()
    drawn: Callable[..., Node] | None = None
    standard: tuple[Any, ...] = ()
    base: str = ""
    free: tuple[int, ...] = ()
    """Parameters that `drawn` leaves in the standard law: those by which there is no pathwise derivative."""
    flip: Flip | None = None
    generating: Callable[..., Node] | None = None
    finite: str = ""
    discrete: bool = False
    rule: Callable[..., tuple[Any, Any]] | None = None
    axes: Callable[..., tuple[list[tuple[Any, Any]], Callable[[Any], Any]]] | None = None
    exists: tuple[str, ...] = ()
    """Where moments of the order 1, 2, … are finite, `{0}` being the first parameter and `{rows}` the size."""
    points: Callable[..., list[tuple[Node, Node]]] | None = None
    logarithm: Callable[..., Node] | None = None
    negative: Callable[..., tuple[Node, str]] | None = None
    powers: Callable[..., tuple[Node, str]] | None = None
    critical: Callable[..., Node | None] | None = None
    determinant: Callable[..., tuple[Node, str]] | None = None
    logdeterminant: Callable[..., Node] | None = None
    most: int = 8
    """Highest joint moment."""

    def __repr__(self) -> str:
        return f"<law {self.name}>"


laws: dict[str, Law] = {}
"""By every spelling, in lower case and without underscores."""


def law(name: str, spellings: str, takes: str, says: str, sample: Callable[..., Any], **fields: Any) -> Law:
    made = Law(name, spellings, tuple(takes.split()), says, sample, **fields)
    for word in (name, *spellings.split()):
        laws[word.lower().replace("_", "")] = made
    return made


# numbers, and entries of arrays


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


def raised(a: Node, k: int) -> Node:
    return ones_like(a) if k == 0 else power(a, number(k))


def _uniform_moment(k: int, a: Node, b: Node) -> Node:
    return scale(1 / whole(k + 1), add(*(hadamard(raised(a, i), raised(b, k - i)) for i in range(k + 1))))


def _rising(a: Node, k: int) -> Node:
    out = ones_like(a)
    for i in range(k):
        out = hadamard(out, a + i)
    return out


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


def _gauss(kind: str, count: int, *args: float) -> tuple[Any, Any]:
    """Points and weights of Gauss quadrature, the weights with sum 1."""
    import scipy.special

    x, w = getattr(scipy.special, f"roots_{kind}")(count, *args)
    return x, w / w.sum()


def _hermite(count: int, m: float, v: float) -> tuple[Any, Any]:
    x, w = _gauss("hermitenorm", count)
    return m + v**0.5 * x, w


def _legendre(count: int, a: float, b: float) -> tuple[Any, Any]:
    x, w = _gauss("legendre", count)
    return (a + b) / 2 + (b - a) / 2 * x, w


def _laguerre(count: int, shape: float, rate: float) -> tuple[Any, Any]:
    x, w = _gauss("genlaguerre", count, shape - 1)
    return x / rate, w


def _jacobi(count: int, a: float, b: float) -> tuple[Any, Any]:
    x, w = _gauss("jacobi", count, b - 1, a - 1)
    return (1 + x) / 2, w


def _two_sided(count: int, m: float, b: float) -> tuple[Any, Any]:
    import numpy as np

    x, w = _gauss("laguerre", count)
    return np.concatenate([m - b * x, m + b * x]), np.concatenate([w, w]) / 2


def _all(count: int, last: int, log_probability: Callable[[Any], Any], first: int = 0) -> tuple[Any, Any]:
    """All values from `first` to `last` with their probabilities."""
    import numpy as np

    x = np.arange(first, last + 1.0)
    return x, np.exp(log_probability(x))


def _binomial_rule(count: int, n: float, p: float) -> tuple[Any, Any]:
    import scipy.stats

    return _all(count, int(n), lambda x: scipy.stats.binom.logpmf(x, n, p))


def _poisson_rule(count: int, rate: float) -> tuple[Any, Any]:
    import scipy.stats

    return _all(count, int(rate + 20 * rate**0.5 + 40), lambda x: scipy.stats.poisson.logpmf(x, rate))


def _geometric_rule(count: int, p: float) -> tuple[Any, Any]:
    import scipy.stats

    return _all(count, int(60 / p) + 10, lambda x: scipy.stats.geom.logpmf(x, p), 1)


def _two_points(low: float, high: float, p: float) -> tuple[Any, Any]:
    import numpy as np

    return np.array([low, high]), np.array([1 - p, p])


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
    rule=_hermite,
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
    rule=_legendre,
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
    rule=lambda count, rate: _laguerre(count, 1.0, rate),
    logarithm=lambda rate: spread(digamma(number(1)), rate) - log(rate),
)
GAMMA = law(
    "gamma",
    "",
    "positive positive",
    "gamma(a, b) has shape a, rate b and mean a/b",
    lambda rng, shape, a, b: rng.standard_gamma(a + 0 * b, shape) / b,
    mean=lambda x, a, b: spread(a / b, x),
    moment=lambda k, a, b: _rising(a, k) / raised(b, k),
    density=lambda x, a, b: sum_(spread(a * log(b) - lgamma(a), x) + spread(a - 1, x) * log(x) - spread(b, x) * x),
    drawn=lambda e, a, b: e / b,
    standard=(None, 1),
    base="g",
    free=(0,),
    generating=lambda t, a, b: (b / (b - t)) ** a,
    finite="{t} < {1}",
    critical=lambda a, b: a,
    powers=lambda p, a, b: (exp(lgamma(a + p) - lgamma(a)) * power(b, -p), "{0} > {p}"),
    rule=_laguerre,
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
    moment=lambda j, k: scale(number(2**j), _rising(k / 2, j)),
    density=lambda x, k: sum_(
        spread(-log(number(2)) * k / 2 - lgamma(k / 2), x) + spread(k / 2 - 1, x) * log(x) - x / 2
    ),
    generating=lambda t, k: (1 - 2 * t) ** (-k / 2),
    finite="{t} < 1/2",
    critical=lambda k: k / 2,
    powers=lambda p, k: (exp(lgamma(k / 2 + p) - lgamma(k / 2)) * power(number(2), p), "{0}/2 > {p}"),
    rule=lambda count, k: _laguerre(count, k / 2, 0.5),
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
    moment=lambda k, a, b: _rising(a, k) / _rising(a + b, k),
    density=lambda x, a, b: sum_(
        spread(lgamma(a + b) - lgamma(a) - lgamma(b), x)
        + spread(a - 1, x) * log(x)
        + spread(b - 1, x) * log(ones_like(x) - x)
    ),
    critical=lambda a, b: a,
    rule=_jacobi,
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
    rule=_two_sided,
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
    rule=lambda count, m, v: (lambda x, w: (_exp(x), w))(*_hermite(30 + count, m, v)),
    logarithm=lambda m, v: m,
    negative=lambda k, m, v: (exp(v * k * k / 2 - k * m), ""),
)


def _exp(x: Any) -> Any:
    import numpy as np

    return np.exp(x)


# laws on whole numbers


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
    rule=lambda count, p: _two_points(0, 1, p),
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
    rule=lambda count: _two_points(-1, 1, 0.5),
    points=lambda: [(1 / number(2), number(-1)), (1 / number(2), number(1))],
)
BINOMIAL = law(
    "binomial",
    "binom bin",
    "count probability",
    "binomial(n, p) counts successes in n trials",
    lambda rng, shape, n, p: rng.binomial(_whole(n), p, shape) * 1.0,
    mean=lambda x, n, p: spread(n * p, x),
    moment=lambda k, n, p: add(
        *(scale(number(stirling(k, j)), hadamard(_falling(n, j), raised(p, j))) for j in range(k + 1))
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
    rule=_binomial_rule,
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
    rule=_poisson_rule,
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
    rule=_geometric_rule,
)


def _falling(n: Node, j: int) -> Node:
    out = ones_like(n)
    for i in range(j):
        out = hadamard(out, n - i)
    return out


def _whole(n: Any) -> Any:
    import numpy as np

    return np.rint(n).astype(int)


# laws of arrays


def _covariance(S: Node, i: Leg, j: Leg) -> Part:
    """S between two axes; of a multiple of I a factor, and the axes equal."""
    s, A = parted(S)
    return (s, (), ((i, j),)) if is_eye(A) else (s, ((A, (i, j)),), ())


def parted(S: Node) -> tuple[Node, Node]:
    """s and A of s·A."""
    from matdiff.ops.algebra import SCALE, is_op

    return (S.children[0], S.children[1]) if is_op(S, SCALE) else (number(1), S)


def _normal_cumulant(legs: Sequence[Legs], m: Node, S: Node) -> Iterator[Part]:
    if len(legs) == 2:
        (i,), (j,) = legs
        yield _covariance(S, i, j)


def root(S: Node, side: Dim) -> Node:
    """An L with S = L Lᵀ: of a product that shows it the L, of a multiple of I the root of the factor."""
    from matdiff.ops.algebra import MATMUL, is_op

    s, A = parted(S)
    if is_eye(A):
        return A if s is number(1) else scale(sqrt(s), A)
    if is_op(S, MATMUL) and S.children[1] is transpose(S.children[0]) and S.children[0].kind == "matrix":
        return S.children[0]
    return chol(S)


def _normal_sample(rng: Any, shape: Any, m: Any, S: Any) -> Any:
    import numpy as np

    L = np.linalg.cholesky(S + 1e-300 * np.eye(len(S))) if np.any(S) else S
    return m + rng.standard_normal(shape) @ L.T


def _normal_axes(
    count: int, shape: Sequence[int], m: Any, S: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    L = np.linalg.cholesky(S)
    return [_hermite(count, 0.0, 1.0)] * shape[0], lambda z: m + z @ L.T


def _quadratic(x: Node, S: Node) -> Node:
    return (x.T @ inv(S)) @ x


MULTINORMAL = law(
    "multivariate normal",
    "multivariatenormal mvn mvnormal",
    "vector covariance",
    "normal(m, S) has mean m and covariance S",
    _normal_sample,
    shape="vector",
    mean=lambda x, m, S: m,
    critical=lambda m, S: number(1),
    cumulant=_normal_cumulant,
    density=lambda x, m, S: -_quadratic(x - m, S) / 2 - logdet(S) / 2 - size(x.rows) / 2 * log(2 * pi),
    drawn=lambda e, m, S: m + root(S, e.rows) @ e,
    standard=(0, "I"),
    base="ε",
    axes=_normal_axes,
)


def set_partitions(items: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """All ways to cut a sequence into blocks."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for blocks in set_partitions(rest):
        yield [[first], *blocks]
        for k, block in enumerate(blocks):
            yield [*blocks[:k], [first, *block], *blocks[k + 1 :]]


def _by_moments(legs: Sequence[Legs], block: Callable[[Sequence[Leg]], list[Part]]) -> Iterator[Part]:
    """The joint cumulant Σ (−1)^(b−1) (b−1)! Π E[block] over all partitions (McCullagh 1987, §2.3)."""
    for blocks in set_partitions([leg for (leg,) in legs]):
        b = len(blocks)
        for chosen in product(*map(block, blocks)):
            factor: Node = number((-1) ** (b - 1) * factorial(b - 1))
            for f, _, _ in chosen:
                factor = scale(f, factor)
            arrays = tuple(a for _, more, _ in chosen for a in more)
            yield factor, arrays, tuple(e for _, _, alike in chosen for e in alike)


def _alike(block: Sequence[Leg]) -> tuple[Legs, ...]:
    return (tuple(block),) if len(block) > 1 else ()


def _multinomial_cumulant(legs: Sequence[Legs], n: Node, p: Node) -> Iterator[Part]:
    """n times that of one draw, of which a product of entries is p where all are the same, else 0."""
    for f, arrays, same in _by_moments(legs, lambda block: [(number(1), ((p, (block[0],)),), _alike(block))]):
        yield scale(n, f), arrays, same


def _dirichlet_cumulant(legs: Sequence[Legs], alpha: Node) -> Iterator[Part]:
    """From E[x_i x_j …] = α_i α_j …/(a(a + 1)…) with rising powers of equal ones, a = Σ α."""
    total = sum_(alpha)

    def block(of: Sequence[Leg]) -> list[Part]:
        front = 1 / _rising(total, len(of))
        found: list[Part] = []
        for cut in set_partitions(list(of)):
            weight = prod(factorial(len(c) - 1) for c in cut)
            arrays = tuple((alpha, (c[0],)) for c in cut)
            found.append((scale(number(weight), front), arrays, tuple(e for c in cut for e in _alike(c))))
        return found

    yield from _by_moments(legs, block)


def pairings(items: Sequence[Leg]) -> Iterator[tuple[Legs, ...]]:
    """All ways to cut an even number of things into pairs."""
    if not items:
        yield ()
        return
    first, *rest = items
    for k, other in enumerate(rest):
        for more in pairings([*rest[:k], *rest[k + 1 :]]):
            yield ((first, other), *more)


def _sphere_cumulant(legs: Sequence[Legs], x: Dim) -> Iterator[Part]:
    """Of 2k entries the k-th cumulant of the sequence 1/n, 1/(n(n+2)), … times all pairings."""
    if len(legs) % 2:
        return
    n = size(x)
    c = [1 / prod((n + 2 * i for i in range(1, k)), start=n) for k in (1, 2, 3)]
    weights = [c[0], c[1] - c[0] ** 2, c[2] - 3 * c[0] * c[1] + 2 * c[0] ** 3]
    for same in pairings([leg for (leg,) in legs]):
        yield weights[len(legs) // 2 - 1], (), same


def _on_sphere(rng: Any, shape: Any) -> Any:
    import numpy as np

    z = rng.standard_normal(shape)
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


MULTINOMIAL = law(
    "multinomial",
    "",
    "count chances",
    "multinomial(k, p) counts k draws by kind, of probabilities p; multinomial(1, p) is one draw",
    lambda rng, shape, n, p: rng.multinomial(_whole(n), p / p.sum(), shape[0]) * 1.0,
    shape="vector",
    mean=lambda x, n, p: scale(n, p),
    cumulant=_multinomial_cumulant,
    density=lambda x, n, p: lgamma(n + 1) - sum_(lgamma(x + 1)) + matmul(transpose(x), log(p)),
    discrete=True,
    most=5,
)
DIRICHLET = law(
    "dirichlet",
    "dir",
    "weights",
    "dirichlet(α) has mean α/sum(α)",
    lambda rng, shape, alpha: rng.dirichlet(alpha, shape[0]),
    shape="vector",
    mean=lambda x, alpha: alpha / sum_(alpha),
    cumulant=_dirichlet_cumulant,
    density=lambda x, alpha: lgamma(sum_(alpha)) - sum_(lgamma(alpha)) + matmul(transpose(alpha - 1), log(x)),
    logarithm=lambda alpha: digamma(alpha) - spread(digamma(sum_(alpha)), alpha),
    most=4,
)
SPHERE = law(
    "sphere",
    "unitsphere uniformsphere",
    "",
    "sphere() is uniform on the unit sphere",
    _on_sphere,
    shape="vector",
    mean=lambda x: zeros_like(x),
    most=6,
)


def _matrix_normal_cumulant(legs: Sequence[Legs], M: Node, U: Node, V: Node) -> Iterator[Part]:
    if len(legs) == 2:
        (i, j), (k, m) = legs
        s, first, same = _covariance(U, i, k)
        t, second, alike = _covariance(V, j, m)
        yield scale(s, t), (*first, *second), (*same, *alike)


def _matrix_normal_sample(rng: Any, shape: Any, M: Any, U: Any, V: Any) -> Any:
    import numpy as np

    return M + np.linalg.cholesky(U) @ rng.standard_normal(shape) @ np.linalg.cholesky(V).T


def _matrix_normal_axes(
    count: int, shape: Sequence[int], M: Any, U: Any, V: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    K, L = np.linalg.cholesky(U), np.linalg.cholesky(V)
    return [_hermite(count, 0.0, 1.0)] * prod(shape), lambda z: M + K @ z.reshape(-1, *shape) @ L.T


def _matrix_normal_density(X: Node, M: Node, U: Node, V: Node) -> Node:
    m, n = size(X.rows), size(X.cols)
    D = X - M
    square = tr(((inv(V) @ D.T) @ inv(U)) @ D)
    return -square / 2 - n / 2 * logdet(U) - m / 2 * logdet(V) - m * n / 2 * log(2 * pi)


MATRIX_NORMAL = law(
    "matrix normal",
    "matrixnormal matnormal mn",
    "matrix covariance covariance",
    "matrixnormal(M, U, V) has mean M, covariance U of rows and V of columns: E[(X−M) A (X−M)ᵀ] = tr(VA) U",
    _matrix_normal_sample,
    shape="matrix",
    mean=lambda X, M, U, V: M,
    cumulant=_matrix_normal_cumulant,
    density=_matrix_normal_density,
    drawn=lambda E, M, U, V: M + (root(U, E.rows) @ E) @ transpose(root(V, E.cols)),
    standard=(0, "I", "I"),
    base="Z",
    axes=_matrix_normal_axes,
)


def cycles(legs: Sequence[Legs], S: Node) -> Iterator[Part]:
    """The connected pairings of the two Gaussian vectors in each factor: Σ over cycles and directions."""
    first, *others = legs
    s, A = parted(S)
    factor: Node = number(1)
    for _ in legs:
        factor = scale(s, factor)
    for order in permutations(others):
        for turned in product((False, True), repeat=len(others)):
            ring = [first, *((b, a) if t else (a, b) for (a, b), t in zip(order, turned, strict=True))]
            links = [(ring[k][1], ring[(k + 1) % len(ring)][0]) for k in range(len(ring))]
            yield (factor, (), tuple(links)) if is_eye(A) else (factor, tuple((A, link) for link in links), ())


def _wishart_cumulant(legs: Sequence[Legs], n: Node, V: Node) -> Iterator[Part]:
    for c, arrays, same in cycles(legs, V):
        yield scale(n, c), arrays, same


def _bartlett(rng: Any, shape: Any, n: Any) -> Any:
    """The lower triangular A of Bartlett's decomposition: A Aᵀ is Wishart(n, I)."""
    import numpy as np

    count, p, _ = shape
    A = np.tril(rng.standard_normal(shape), -1)
    for i in range(p):
        A[:, i, i] = np.sqrt(rng.chisquare(n - i, count))
    return A


TILT = 2
"""By how much the shape of a χ² is lowered, so that its rule is exact for these negative powers as well."""


def _chi_squared(count: int, degrees: float) -> tuple[Any, Any]:
    a = degrees / 2
    if a <= TILT + 0.25:
        return _laguerre(count, a, 0.5)
    x, w = _laguerre(count, a - TILT, 0.5)
    w = w * x**TILT
    return x, w / w.sum()


def _wishart_axes(
    count: int, shape: Sequence[int], n: Any, V: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    p = shape[0]
    below = np.tril_indices(p, -1)
    L = np.linalg.cholesky(V)

    def arrays(z: Any) -> Any:
        A = np.zeros((len(z), p, p))
        A[:, range(p), range(p)] = np.sqrt(z[:, :p])
        A[:, below[0], below[1]] = z[:, p:]
        B = L @ A
        return B @ B.transpose(0, 2, 1)

    rules = [_chi_squared(count, float(n) - i) for i in range(p)] + [_hermite(count, 0.0, 1.0)] * (p * (p - 1) // 2)
    return rules, arrays


def _inverse_wishart_axes(
    count: int, shape: Sequence[int], n: Any, S: Any
) -> tuple[list[tuple[Any, Any]], Callable[[Any], Any]]:
    import numpy as np

    rules, arrays = _wishart_axes(count, shape, n, np.linalg.inv(S))
    return rules, lambda z: np.linalg.inv(arrays(z))


def _wishart_sample(rng: Any, shape: Any, n: Any, V: Any) -> Any:
    import numpy as np

    L = np.linalg.cholesky(V) @ _bartlett(rng, shape, n)
    return L @ L.transpose(0, 2, 1)


def _inverse_wishart_sample(rng: Any, shape: Any, n: Any, S: Any) -> Any:
    import numpy as np

    return np.linalg.inv(_wishart_sample(rng, shape, n, np.linalg.inv(S)))


def _wishart_density(W: Node, n: Node, V: Node) -> Node:
    """Up to the multivariate gamma function of n, which is constant in V."""
    p = size(W.rows)
    return (n - p - 1) / 2 * logdet(W) - tr(inv(V) @ W) / 2 - n / 2 * logdet(V)


SPELT = 6
"""Up to so many rows a product over rows is written out."""


def over_rows(W: Node, f: Callable[[Node], Node], fold: Callable[[Node], Node]) -> Node:
    """The product or sum of f(i) over the rows i of W, written out where they are few."""
    n = W.rows.number
    if n is not None and n <= SPELT:
        terms = [f(number(i)) for i in range(1, n + 1)]
        total = terms[0]
        for t in terms[1:]:
            total = total * t if fold is prod_ else total + t
        return total
    return fold(f(tril(ones("matrix", W.rows, W.rows)) @ ones("vector", W.rows)))


def _log_chi(W: Node, n: Node) -> Node:
    """E[log det G] of G ~ wishart(n, I): the sum of E[log χ²] with n, n − 1, … degrees of freedom (Muirhead 1982)."""
    total = over_rows(W, lambda i: digamma((n + 1 - i) / 2), sum_)
    return size(W.rows) * log(number(2)) + total


WISHART = law(
    "wishart",
    "w wish",
    "dof covariance",
    "wishart(n, V) has n degrees of freedom and mean n V",
    _wishart_sample,
    shape="matrix",
    mean=lambda W, n, V: scale(n, V),
    determinant=lambda W, n, V: (det(V) * over_rows(W, lambda i: n + 1 - i, prod_), ""),
    logdeterminant=lambda W, n, V: logdet(V) + _log_chi(W, n),
    cumulant=_wishart_cumulant,
    density=_wishart_density,
    drawn=lambda G, n, V: (root(V, G.rows) @ G) @ transpose(root(V, G.rows)),
    standard=(None, "I"),
    base="G",
    free=(0,),
    axes=_wishart_axes,
    most=5,
)


def inverse_wishart_factors(p: Node, n: Node) -> tuple[Node, Node]:
    """n − p − 1, and (n − p)(n − p − 1)(n − p − 3)."""
    first = n - p - 1
    return first, (n - p) * first * (n - p - 3)


def _inverse_wishart_cumulant(legs: Sequence[Legs], n: Node, S: Node) -> Iterator[Part]:
    """Of two: (2 S S/(n − p − 1) + S S + S S)/((n − p)(n − p − 1)(n − p − 3)) (von Rosen 1988, corollary 3.1)."""
    if len(legs) == 2:
        p = size(S.rows)
        first, second = inverse_wishart_factors(p, n)
        (i, j), (k, m) = legs
        terms = (
            (2 / (first * second), ((i, j), (k, m))),
            (1 / second, ((i, k), (j, m))),
            (1 / second, ((i, m), (j, k))),
        )
        for c, pairs in terms:
            factor = c
            arrays: list[tuple[Node, Legs]] = []
            same: list[Legs] = []
            for pair in pairs:
                s, found, alike = _covariance(S, *pair)
                factor = scale(s, factor)
                arrays += found
                same += alike
            yield factor, tuple(arrays), tuple(same)


def _inverse_wishart_density(Z: Node, n: Node, S: Node) -> Node:
    """Up to the multivariate gamma function of n, which is constant in S."""
    return n / 2 * logdet(S) - (n + size(Z.rows) + 1) / 2 * logdet(Z) - tr(S @ inv(Z)) / 2


INVERSE_WISHART = law(
    "inverse wishart",
    "inversewishart invwishart iw invwish",
    "dof covariance",
    "invwishart(n, S) is the inverse of wishart(n, S⁻¹) and has mean S/(n − p − 1)",
    _inverse_wishart_sample,
    shape="matrix",
    mean=lambda Z, n, S: scale(1 / inverse_wishart_factors(size(Z.rows), n)[0], S),
    determinant=lambda Z, n, S: (
        det(S) / over_rows(Z, lambda i: n - 1 - i, prod_),
        "{0} > {rows} + 1",
    ),
    logdeterminant=lambda Z, n, S: logdet(S) - _log_chi(Z, n),
    cumulant=_inverse_wishart_cumulant,
    density=_inverse_wishart_density,
    drawn=lambda G, n, S: (root(S, G.rows) @ G) @ transpose(root(S, G.rows)),
    standard=(None, "I"),
    base="G",
    free=(0,),
    axes=_inverse_wishart_axes,
    exists=("{0} > {rows} + 1", "{0} > {rows} + 3"),
    most=2,
)


@dataclass(frozen=True, slots=True, eq=False)
class Random:
    """A variable with its law."""

    symbol: Symbol
    law: Law
    parameters: tuple[Node, ...]

    @property
    def name(self) -> str:
        return self.symbol.name

    @property
    def mean(self) -> Node | None:
        return None if self.law.mean is None else self.law.mean(self.symbol, *self.parameters)

    def with_parameters(self, parameters: tuple[Node, ...]) -> Random:
        return Random(self.symbol, self.law, parameters)

    def cumulant(self, legs: Sequence[Legs]) -> Iterator[Part]:
        """The joint cumulant, of order 2 and more, of entries at these axes."""
        if self.law is SPHERE:
            yield from _sphere_cumulant(legs, self.symbol.rows)
            return
        if self.law.cumulant is not None:
            yield from self.law.cumulant(legs, *self.parameters)
            return
        k = cumulants(self.law, self.parameters, len(legs))[len(legs)]
        if is_zero(k):
            return
        same = tuple(tuple(axis) for axis in zip(*legs, strict=True))
        if k.kind == "scalar":
            yield k, (), same
        else:
            yield number(1), ((k, legs[0]),), same


def cumulants(of: Law, parameters: tuple[Node, ...], most: int) -> list[Node]:
    """κ₁ … κ_most of an entry, from its moments: μₙ = Σ C(n−1, k−1) κₖ μₙ₋ₖ."""
    assert of.moment is not None
    moments = [of.moment(k, *parameters) for k in range(most + 1)]
    found: list[Node] = [zeros_like(moments[1])] if most else [number(0)]
    for n in range(1, most + 1):
        rest = [scale(number(-comb(n - 1, k - 1)), hadamard(found[k], moments[n - k])) for k in range(1, n)]
        found.append(add(moments[n], *rest))
    return found


__all__ = ["EXPECTATION", "SPOKEN", "SPOKEN_SO", "Flip", "Law", "Random", "cumulants", "eye", "inner", "laws", "matmul"]
