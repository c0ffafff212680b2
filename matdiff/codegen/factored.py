"""Factors that a check has made are those that the checked code computes with: no matrix is factored twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

Array = Any
MOST = 16
"""Most matrices whose factors are kept during one evaluation."""
Kept = dict[int, tuple[Array, dict[str, Any]]]
_kept: ContextVar[Kept | None] = ContextVar("kept", default=None)


@cache
def lapack() -> Any:
    """SciPy's LAPACK, which takes longer to import than all of matdiff: only where a matrix is factored."""
    return import_module("scipy.linalg.lapack")


@cache
def blas() -> Any:
    """SciPy's BLAS, likewise."""
    return import_module("scipy.linalg.blas")


@contextmanager
def kept() -> Iterator[None]:
    """Within it factors are kept, for the arrays that they are of."""
    before = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(before)


def facts(X: Array) -> dict[str, Any]:
    """What is known of an array, by identity: it is held as long as this is kept, and nothing writes on it."""
    memory = _kept.get()
    if memory is None:
        return {}
    found = memory.get(id(X))
    if found is None or found[0] is not X:
        if len(memory) >= MOST:
            memory.pop(next(iter(memory)))
        found = memory[id(X)] = (X, {})
    return found[1]


def known(X: Array, what: str, make: Callable[[Array], Any]) -> Any:
    have = facts(X)
    if what not in have:
        have[what] = make(X)
    return have[what]


def finite(X: Array) -> str:
    return str(known(X, "finite", lambda X: "" if np.isfinite(X).all() else "is not finite"))


def lower(X: Array) -> Array | None:
    """The L with L L' = X; None where X is not positive definite."""

    def make(X: Array) -> Array | None:
        L, info = lapack().dpotrf(np.asarray(X, dtype=float).T, 0)
        return None if info else L.T

    return known(X, "lower", make)


def lu(X: Array) -> tuple[Array, Array, int]:
    """The LU factors of X', the pivots, and 0 where no pivot is."""

    def make(X: Array) -> Any:
        return lapack().dgetrf(np.asarray(X, dtype=float).T)

    found: tuple[Array, Array, int] = known(X, "lu", make)
    return found


def is_lower(X: Array) -> bool:
    return bool(known(X, "is lower", lambda X: not np.triu(X, 1).any()))


def rcond(X: Array) -> float | None:
    """The reciprocal condition number in the 1-norm, about; None where X is exactly singular."""

    def make(X: Array) -> float | None:
        if is_lower(X):
            return triangular_rcond(X)
        size = float(np.abs(X).sum(axis=1).max())  # the 1-norm of X', whose factors there are
        have = facts(X)
        if have.get("lower") is not None:
            return float(lapack().dpocon(have["lower"].T, size, uplo=b"U")[0])
        factors, _, info = lu(X)
        return None if info > 0 else float(lapack().dgecon(factors, size, norm=b"1")[0])

    found: float | None = known(X, "rcond", make)
    return found


def triangular_rcond(X: Array) -> float | None:
    if not np.diagonal(X).all():
        return None
    return float(lapack().dtrcon(np.asarray(X, dtype=float).T, norm=b"1", uplo=b"U")[0])


def sign(X: Array) -> float:
    """The sign of the determinant."""
    if facts(X).get("lower") is not None:
        return 1.0
    if is_lower(X):
        return float(np.prod(np.sign(np.diagonal(X))))
    factors, pivots, _ = lu(X)
    swaps = np.sum(pivots != np.arange(len(pivots)))
    return float(np.prod(np.sign(np.diagonal(factors))) * (1 - 2 * int(swaps % 2)))


def using(function: Callable[..., Any]) -> Callable[..., Any]:
    """Checked code, made to take factors that a check made."""
    space = function.__globals__
    if "lu_factor" in space:
        space["lu_factor"] = lu_factor
    if "cholesky" in space:
        space["cholesky"] = cholesky
    return function


def lu_factor(A: Array) -> tuple[Array, Array]:
    factors, pivots, info = lu(A)
    if info > 0:
        raise np.linalg.LinAlgError("singular matrix")
    return factors, pivots


def cholesky(A: Array) -> Array:
    L = lower(A)
    if L is None:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return L
