"""What generated NumPy code has of its own to solve equations: these functions are written into it as they stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg


def zeros(count: int, like: Any) -> Any:
    """Where the solution starts."""
    return np.zeros(count)


def stacked(values: Sequence[Any]) -> Any:
    """vec of several arrays, one below the other."""
    return np.concatenate([np.ravel(np.asarray(v, dtype=float), order="F") for v in values])


def reshaped(vector: Any, *shape: int) -> Any:
    """The array whose vec this is."""
    return np.reshape(vector, shape, order="F")


def assembled(blocks: Sequence[Any], rows: Sequence[int], cols: Sequence[int]) -> Any:
    """The matrix of its blocks, which come row by row."""
    parts = iter(blocks)
    return np.block([[np.reshape(next(parts), (r, c), order="F") for c in cols] for r in rows])


def back(factors: Any, right: Any, trans: int = 0) -> Any:
    """J⁻¹ right, with trans=1 J⁻ᵀ right, from the factors of J."""
    return scipy.linalg.lu_solve(factors, right, trans=trans)


def one_step(residual: Callable[[Any], Any], matrix: Callable[[Any], Any], u: Any) -> tuple[Any, Any]:
    """The zero of an affine residual, and the LU factors of its matrix."""
    factors = scipy.linalg.lu_factor(matrix(u))
    return u - back(factors, residual(u)), factors


def iterated(function: Callable[[Any], Any], u: Any) -> Any:
    """The limit of u, function(u), …, or u where there is none."""
    x = u
    for _ in range(2000):
        after = function(x)
        if not np.linalg.norm(after) < 1e12:
            return u
        if np.linalg.norm(after - x) <= 1e-6 * np.linalg.norm(after):
            return after
        x = after
    return u


def newton(residual: Callable[[Any], Any], matrix: Callable[[Any], Any], u: Any) -> tuple[Any, Any]:
    """A zero of the residual by Newton's method with step halving, and the LU factors of its Jacobian there."""
    for _ in range(100):
        r = residual(u)
        step = back(scipy.linalg.lu_factor(matrix(u)), r)
        if np.linalg.norm(step) <= 1e-7 * np.linalg.norm(u) or not r.any():
            u = u - step
            u = u - back(scipy.linalg.lu_factor(matrix(u)), residual(u))
            return u, scipy.linalg.lu_factor(matrix(u))
        t = 1.0
        while not np.linalg.norm(residual(u - t * step)) < (1 - 1e-4 * t) * np.linalg.norm(r):
            t /= 2
            if t < 1e-12:
                raise ArithmeticError("Newton's method does not converge: start elsewhere")
        u = u - t * step
    raise ArithmeticError("Newton's method does not converge: start elsewhere")
