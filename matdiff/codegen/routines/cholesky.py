"""Cholesky factors, triangular systems, and what is made with them."""

from __future__ import annotations

from math import inf, log, nan, sqrt

from matdiff.codegen.routines.arrangements import copy
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.products import identity
from matdiff.codegen.routines.reductions import dot


def cholesky(n: int, a: Array, out: Array) -> int:
    """The lower triangular L with L L' = A; 1 where A is not positive definite."""
    for j in range(n):
        for i in range(j):
            out[i + n * j] = 0.0
        for i in range(j, n):
            out[i + n * j] = a[i + n * j]
        for k in range(j):
            s = out[j + n * k]
            for i in range(j, n):
                out[i + n * j] -= s * out[i + n * k]
        pivot = out[j + n * j]
        if not (pivot > 0 and pivot < inf):
            return 1
        pivot = sqrt(pivot)
        for i in range(j, n):
            out[i + n * j] /= pivot
    return 0


def lower_solve(n: int, count: int, a: Array, x: Array) -> int:
    """X overwritten by the solution of L X = X; 1 where L is singular."""
    for j in range(n):
        if a[j + n * j] == 0:
            return 1
    for c in range(count):
        for j in range(n):
            s = x[j + n * c] / a[j + n * j]
            x[j + n * c] = s
            for i in range(j + 1, n):
                x[i + n * c] -= s * a[i + n * j]
    return 0


def lower_solve_t(n: int, count: int, a: Array, x: Array) -> int:
    """X overwritten by the solution of L' X = X; 1 where L is singular."""
    for j in range(n):
        if a[j + n * j] == 0:
            return 1
    for c in range(count):
        for k in range(n):
            j = n - 1 - k
            s = x[j + n * c]
            for i in range(j + 1, n):
                s -= a[i + n * j] * x[i + n * c]
            x[j + n * c] = s / a[j + n * j]
    return 0


def solve_lower(n: int, count: int, a: Array, b: Array, out: Array) -> int:
    """The solution of L X = B; 1 where L is singular."""
    copy(n * count, b, out)
    return lower_solve(n, count, a, out)


def solve_lower_t(n: int, count: int, a: Array, b: Array, out: Array) -> int:
    """The solution of L' X = B; 1 where L is singular."""
    copy(n * count, b, out)
    return lower_solve_t(n, count, a, out)


def cholesky_solve(n: int, count: int, a: Array, b: Array, out: Array) -> int:
    """The solution of L L' X = B."""
    copy(n * count, b, out)
    if lower_solve(n, count, a, out) != 0:
        return 1
    return lower_solve_t(n, count, a, out)


def cholesky_inverse(n: int, a: Array, out: Array) -> int:
    """The inverse of L L'."""
    identity(n, out)
    if lower_solve(n, n, a, out) != 0:
        return 1
    return lower_solve_t(n, n, a, out)


def inverse_trace(n: int, a: Array, work: Array) -> float:
    """The trace of the inverse of L L': the sum of squares of the inverse of L; work: n^2."""
    identity(n, work)
    if lower_solve(n, n, a, work) != 0:
        return nan
    return dot(n * n, work, work)


def cholesky_logdet(n: int, a: Array) -> float:
    """log det(L L')."""
    s = 0.0
    for i in range(n):
        s += log(a[i + n * i])
    return 2 * s


def cholesky_det(n: int, a: Array) -> float:
    """det(L L')."""
    p = 1.0
    for i in range(n):
        p *= a[i + n * i]
    return p * p
