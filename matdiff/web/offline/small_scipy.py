"""What checks of formulas need of SciPy, beside the small NumPy of the page without a server."""

from __future__ import annotations

import math
import sys
import types
from typing import Any

import numpy as np

__version__ = "0"
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def missing(module: str) -> Any:
    def lookup(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"{module}.{name} is not in the page without a server", name="scipy")

    return lookup


def module(name: str, **parts: Any) -> types.ModuleType:
    made = types.ModuleType(f"{__name__}.{name}")
    vars(made).update(parts)
    made.__getattr__ = missing(made.__name__)  # type: ignore[method-assign]
    made.__path__ = []  # type: ignore[attr-defined]
    sys.modules[made.__name__] = made
    return made


# linear algebra: factors as LAPACK has them


def dpotrf(A: Any, lower: int = 0, **_: Any) -> tuple[Any, int]:
    """The triangular factor, and the order of the minor that is not positive; above the diagonal unless `lower`."""
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        return A, 1
    return (L if lower else L.T), 0


def dgetrf(A: Any, **_: Any) -> tuple[Any, Any, int]:
    rows, pivots, _sign = np.linalg.lu(A)
    zero = next((k + 1 for k, row in enumerate(rows) if row[k] == 0), 0)
    return np.asarray(rows), np.asarray(pivots, int), zero


def original(factors: Any, pivots: Any) -> Any:
    A = (np.tril(factors, -1) + np.eye(len(factors))) @ np.triu(factors)
    for k in reversed(range(len(factors))):
        p = pivots.data[k]
        if p != k:
            A[[k, p]] = A[[p, k]]
    return A


def dgetrs(factors: Any, pivots: Any, b: Any, trans: int = 0) -> tuple[Any, int]:
    return lu_solve((factors, pivots), b, trans), 0


def dgetri(factors: Any, pivots: Any) -> tuple[Any, int]:
    return lu_solve((factors, pivots), np.eye(len(factors))), 0


def dtrtrs(A: Any, b: Any, lower: int = 0, trans: int = 0, **_: Any) -> tuple[Any, int]:
    zero = next((k + 1 for k, x in enumerate(np.diagonal(A).data) if x == 0), 0)
    return (b, zero) if zero else (solve_triangular(A, b, trans, bool(lower)), 0)


def dtrtri(A: Any, lower: int = 0, **_: Any) -> tuple[Any, int]:
    return dtrtrs(A, np.eye(len(A)), lower)


def dpotrs(C: Any, b: Any, lower: int = 0) -> tuple[Any, int]:
    return cho_solve((C, bool(lower)), b), 0


def dpotri(C: Any, lower: int = 0) -> tuple[Any, int]:
    """One triangle of the inverse."""
    inverse = cho_solve((C, bool(lower)), np.eye(len(C)))
    return (np.tril if lower else np.triu)(inverse), 0


def dlange(norm: Any, A: Any) -> float:
    return float(np.linalg.norm(A, 1))


def reciprocal_condition(A: Any, size: float) -> float:
    try:
        inverse = np.linalg.inv(A)
    except np.linalg.LinAlgError:
        return 0.0
    return 1 / (size * float(np.linalg.norm(inverse, 1))) if size else 0.0


def dpocon(U: Any, size: float, uplo: Any = b"U") -> tuple[float, int]:
    U = np.triu(U) if uplo in (b"U", "U") else np.tril(U).T
    return reciprocal_condition(U.T @ U, size), 0


def dgecon(factors: Any, size: float, norm: Any = b"1") -> tuple[float, int]:
    """Rows may stand in another order: that changes neither norm of the inverse's columns by more than their order."""
    L = np.tril(factors, -1) + np.eye(len(factors))
    return reciprocal_condition(L @ np.triu(factors), size), 0


def dtrcon(A: Any, norm: Any = b"1", uplo: Any = b"U", diag: Any = b"N") -> tuple[float, int]:
    A = np.triu(A) if uplo in (b"U", "U") else np.tril(A)
    return reciprocal_condition(A, float(np.linalg.norm(A, 1))), 0


def lu_factor(A: Any, **_: Any) -> tuple[Any, Any]:
    factors, pivots, zero = dgetrf(A)
    if zero:
        raise np.linalg.LinAlgError("singular matrix")
    return factors, pivots


def lu_solve(found: Any, b: Any, trans: int = 0, **_: Any) -> Any:
    factors, pivots = found
    rows = factors.tolist()
    if not trans:
        return np.linalg.solved(rows, pivots.data, np.asarray(b))
    return np.linalg.solve(original(factors, pivots).T, b)


def cho_factor(A: Any, lower: bool = False, **_: Any) -> tuple[Any, bool]:
    L = np.linalg.cholesky(A)
    return (L if lower else L.T), lower


def cho_solve(found: Any, b: Any, **_: Any) -> Any:
    C, lower = found
    L = np.tril(C) if lower else np.triu(C).T
    return np.linalg.solve(L.T, np.linalg.solve(L, b))


def solve_triangular(A: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **_: Any) -> Any:
    A = np.tril(A) if lower else np.triu(A)
    if unit_diagonal:
        A = A - np.diag(np.diagonal(A)) + np.eye(len(A))
    return np.linalg.solve(A.T if trans in (1, "T", 2, "C") else A, b)


def expm(A: Any) -> Any:
    """By its series, of the matrix halved until it is small, and squared again."""
    A = np.asarray(A)
    halvings = max(0, math.ceil(math.log2(max(float(np.linalg.norm(A)), 1e-300))) + 3)
    small = A / 2.0**halvings
    total = term = np.eye(len(A), dtype=A.dtype)
    for k in range(1, 20):
        term = term @ small / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def sqrtm(A: Any, **_: Any) -> Any:
    """By Denman and Beavers's iteration, which needs eigenvalues off the negative axis."""
    Y, Z = np.asarray(A, float), np.eye(len(A))
    for _step in range(60):
        Y, Z = (Y + np.linalg.inv(Z)) / 2, (Z + np.linalg.inv(Y)) / 2
        if float(np.linalg.norm(Y @ Y - A)) <= 1e-14 * float(np.linalg.norm(A)):
            break
    if float(np.linalg.norm(Y @ Y - A)) > 1e-8 * float(np.linalg.norm(A)):
        return np.full(Y.shape, math.nan)
    return Y


def logm(A: Any, **_: Any) -> Any:
    """Of the root of the root …, by the series of artanh."""
    A, roots, one = np.asarray(A, float), 0, np.eye(len(A))
    while float(np.linalg.norm(A - one)) > 0.1:
        A, roots = sqrtm(A), roots + 1
        if roots > 40 or not np.isfinite(A).all():
            return np.full(A.shape, math.nan)
    x = (A - one) @ np.linalg.inv(A + one)
    square, term, total = x @ x, x, x
    for k in range(3, 30, 2):
        term = term @ square
        total = total + term / k
    return 2 * total * 2.0**roots


def cosm(A: Any) -> Any:
    return np.real(expm(1j * np.asarray(A)))


def sinm(A: Any) -> Any:
    return np.imag(expm(1j * np.asarray(A)))


def expm_frechet(A: Any, E: Any, compute_expm: bool = True, **_: Any) -> Any:
    n = len(A)
    both = expm(np.block([[A, E], [np.zeros((n, n)), A]]))
    return (both[:n, :n], both[:n, n:]) if compute_expm else both[:n, n:]


def solve_sylvester(A: Any, B: Any, C: Any) -> Any:
    C = np.asarray(C)
    both = np.kron(np.eye(len(B)), A) + np.kron(np.asarray(B).T, np.eye(len(A)))
    return np.linalg.solve(both, C.ravel(order="F")).reshape(C.shape, order="F")


# functions of numbers


def erf(x: float) -> float:
    return math.erf(x)


def expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def gammaln(x: float) -> float:
    return math.inf if x <= 0 and x == math.floor(x) else math.lgamma(x)


def polygamma_number(n: int, x: float) -> float:
    """By the recurrence up to where the asymptotic series holds (Abramowitz & Stegun 6.3.5, 6.4.6, 6.4.11)."""
    if x <= 0:
        return math.nan
    total, sign = 0.0, -1.0 if n % 2 == 0 else 1.0
    while x < 15:
        total += sign * math.factorial(n) / x ** (n + 1)
        x += 1
    if n == 0:
        series = math.log(x) - 1 / (2 * x) - sum(b / (2 * k * x ** (2 * k)) for k, b in enumerate(BERNOULLI, 1))
        return total + series
    series = math.factorial(n - 1) / x**n + math.factorial(n) / (2 * x ** (n + 1))
    series += sum(
        b * math.factorial(2 * k + n - 1) / (math.factorial(2 * k) * x ** (2 * k + n))
        for k, b in enumerate(BERNOULLI, 1)
    )
    return total + sign * series


def polygamma(n: Any, x: Any) -> Any:
    return np.ufunc(lambda t: polygamma_number(int(n), float(t)))(x)


def logsumexp(a: Any, axis: Any = None, **_: Any) -> Any:
    top = np.max(a, axis=axis, keepdims=True)
    found = np.log(np.sum(np.exp(a - top), axis=axis, keepdims=True)) + top
    return np.asarray(found).squeeze() if axis is None or np.ndim(a) == 1 else np.asarray(found).squeeze(axis)


def softmax(a: Any, axis: Any = None) -> Any:
    weights = np.exp(a - np.max(a, axis=axis, keepdims=True))
    return weights / np.sum(weights, axis=axis, keepdims=True)


__getattr__ = missing(__name__)
lapack = (dpotrf, dgetrf, dpocon, dgecon, dtrcon, dgetrs, dgetri, dtrtrs, dtrtri, dpotrs, dpotri, dlange)
factors = (lu_factor, lu_solve, cho_factor, cho_solve, solve_triangular, solve_sylvester)
functions = (expm, expm_frechet, sqrtm, logm, cosm, sinm)
linalg = module(
    "linalg",
    **{f.__name__: f for f in (*factors, *functions)},
    solve=lambda A, b, **_: np.linalg.solve(A, b),
    inv=np.linalg.inv,
    det=np.linalg.det,
    LinAlgError=np.linalg.LinAlgError,
    lapack=module("linalg.lapack", **{f.__name__: f for f in lapack}),
)
special = module(
    "special", erf=np.ufunc(erf), expit=np.ufunc(expit), gammaln=np.ufunc(gammaln), polygamma=polygamma,
    digamma=lambda x: polygamma(0, x), psi=lambda x: polygamma(0, x), logsumexp=logsumexp, softmax=softmax,
)  # fmt: skip
