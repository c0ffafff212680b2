"""Points and weights by which means over one number are computed, the weights with sum 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _gauss(kind: str, count: int, *args: float) -> tuple[Any, Any]:
    """Points and weights of Gauss quadrature, the weights with sum 1."""
    import scipy.special

    x, w = getattr(scipy.special, f"roots_{kind}")(count, *args)
    return x, w / w.sum()


def hermite(count: int, m: float, v: float) -> tuple[Any, Any]:
    x, w = _gauss("hermitenorm", count)
    return m + v**0.5 * x, w


def legendre(count: int, a: float, b: float) -> tuple[Any, Any]:
    x, w = _gauss("legendre", count)
    return (a + b) / 2 + (b - a) / 2 * x, w


def laguerre(count: int, shape: float, rate: float) -> tuple[Any, Any]:
    x, w = _gauss("genlaguerre", count, shape - 1)
    return x / rate, w


def jacobi(count: int, a: float, b: float) -> tuple[Any, Any]:
    x, w = _gauss("jacobi", count, b - 1, a - 1)
    return (1 + x) / 2, w


def two_sided(count: int, m: float, b: float) -> tuple[Any, Any]:
    import numpy as np

    x, w = _gauss("laguerre", count)
    return np.concatenate([m - b * x, m + b * x]), np.concatenate([w, w]) / 2


def _all(count: int, last: int, log_probability: Callable[[Any], Any], first: int = 0) -> tuple[Any, Any]:
    """All values from `first` to `last` with their probabilities."""
    import numpy as np

    x = np.arange(first, last + 1.0)
    return x, np.exp(log_probability(x))


def binomial_rule(count: int, n: float, p: float) -> tuple[Any, Any]:
    import scipy.stats

    return _all(count, int(n), lambda x: scipy.stats.binom.logpmf(x, n, p))


def poisson_rule(count: int, rate: float) -> tuple[Any, Any]:
    import scipy.stats

    return _all(count, int(rate + 20 * rate**0.5 + 40), lambda x: scipy.stats.poisson.logpmf(x, rate))


def geometric_rule(count: int, p: float) -> tuple[Any, Any]:
    import scipy.stats

    return _all(count, int(60 / p) + 10, lambda x: scipy.stats.geom.logpmf(x, p), 1)


def two_points(low: float, high: float, p: float) -> tuple[Any, Any]:
    import numpy as np

    return np.array([low, high]), np.array([1 - p, p])
