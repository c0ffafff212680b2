"""Products with matrices of numbers, quick and lean where these are large."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from matdiff.codegen.solvers.iterations import LARGE


def symmetric_times(A: Any, s: Any, by: float = 1.0) -> Any:
    """by A s for symmetric A, of which one triangle is read: that takes half the time where memory is what limits."""
    if s.ndim != 1 or len(s) < LARGE or A.dtype != s.dtype or not A.flags.c_contiguous:
        return A @ s if by == 1 else by * (A @ s)
    return (scipy.linalg.blas.ssymv if A.dtype == np.float32 else scipy.linalg.blas.dsymv)(by, A.T, s)


def gram_times(L: Any, W: Any, s: Any) -> Any:
    """Lᵀ W L s; of a large L rows that stay in the cache are read for both products at once."""
    if s.ndim != 1 or (W is not None and np.ndim(W) == 2) or L.nbytes < 2**24 or not L.flags.c_contiguous:
        return L.T @ weighted(W, L @ s)
    out = np.zeros(L.shape[1], np.result_type(L, s))
    some = max(1, 2**19 // (L.itemsize * L.shape[1]))
    for i in range(0, len(L), some):
        rows = slice(i, i + some)
        out += weighted(None if W is None else W[rows], L[rows] @ s) @ L[rows]
    return out


def weighted(W: Any, Z: Any) -> Any:
    if W is None:
        return Z
    if np.ndim(W) == 2:
        return W @ Z
    return W[:, None] * Z if Z.ndim == 2 else W * Z


def gram(c: Any, L: Any, W: Any) -> Any:
    """c Lᵀ W L; one product of a matrix with its own transpose where the weights have one sign."""
    if W is not None and np.ndim(W) == 1 and (np.all(W >= 0) or np.all(W <= 0)):
        sign = -1.0 if W.size and W.min() < 0 else 1.0
        M = np.sqrt(np.abs(W))[:, None] * L
        H = M.T @ M
        return H if c * sign == 1 else np.multiply(H, c * sign, out=H)
    H = L.T @ weighted(W, L)
    return H if np.ndim(c) == 0 and c == 1 else np.multiply(H, c, out=H)


def lowered(value: Any) -> Any:
    """Arrays in single precision; numbers, which take the precision of arrays, as they are."""
    if isinstance(value, (list, tuple)):
        return [lowered(v) for v in value]
    if value is None:
        return None
    return np.asarray(value, dtype=np.float32) if np.ndim(value) else float(value)


def symmetric(H: Any) -> Any:
    """The symmetric part, in place."""
    H += H.T.copy()
    H *= 0.5
    return H
