"""Linear systems by factors in single precision, refined in double precision to what factors in double give.

A factorisation takes half the time in single precision, and with it as preconditioner a few residuals in double
precision reach the backward error of a solve in double, where the condition number is far from 1/u of single
precision (Langou et al. 2006; Higham 2002, ch. 12; Carson & Higham 2018).  Where it is not, which a small pivot or slow
convergence shows, the factors are made again in double: an answer is never less exact for being quick.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg.lapack as lapack

Array = Any

LEAST = 400
"""Rows from which on it pays: below, residuals take what the factors save."""
COLUMNS = 12
"""Right-hand sides, as a part of the rows, up to which it pays: a twelfth."""
FEW = 8
"""Right-hand sides up to which factors of a matrix nearby serve."""
PIVOT = 1e-6
"""Smallest pivot, beside the largest, that is not looked at twice."""
SINGLE_PIVOT = 1e-3
"""The same in single precision, below which factors are made in double."""
STEPS = 15
RATE = 0.05
"""What a correction may be beside the one before it: a matrix of condition 1e5 is refined so fast."""
STILL = 1e-10
"""Relative size of corrections that may be rounding, at such condition numbers."""
ROUGH = 1e-3
EPS = float(np.finfo(float).eps)
SINGLE = np.float32


class Factors:
    """LU factors of a square matrix J for solves with J and with Jᵀ: in single precision at first, where that pays.

    J is neither copied nor written on, and must stay as it is.  `near` has factors of a matrix close to J, which may
    serve for its own; `refusal` is raised where J is found to be singular up to rounding.
    """

    def __init__(self, J: Array, refusal: Callable[[], Exception], near: Factors | None = None) -> None:
        self.J, self.refusal = J, refusal
        self.single: Any = None if near is None else near.single
        self.borrowed = self.single is not None
        self.double: Any = None
        self._size = -1.0
        if not self.borrowed:
            self.factor()

    def factor(self) -> None:
        self.borrowed = False
        self.single = single_lu(self.J) if worth(self.J, 1) else None
        if self.single is None:
            self.factor_in_double()

    def factor_in_double(self) -> None:
        """The factors of Jᵀ, which lies in memory as LAPACK wants it."""
        self.single = None
        self.double = lapack.dgetrf(self.J.T)[:2]
        if not self.regular():
            raise self.refusal()

    def regular(self) -> bool:
        """Is J regular to working precision?  Its condition is estimated where a pivot is small."""
        pivots = np.abs(np.diagonal(self.double[0]))
        if not np.isfinite(pivots).all():
            return False
        if pivots.min() > PIVOT * pivots.max():
            return True
        rcond, _ = lapack.dgecon(self.double[0], lapack.dlange("1", self.J.T))
        return bool(rcond > EPS / 4)

    def solve(self, right: Array, adjoint: bool = False) -> Array:
        """J⁻¹ right, or J⁻ᵀ right; right is a vector or has a column for each system."""
        columns = right.size // max(len(right), 1)
        if self.borrowed and columns > FEW:
            self.factor()
        while self.single is not None and worth(self.J, columns):
            found = self.refined(right, adjoint)
            if found is not None:
                return found
            if not self.borrowed:
                break
            self.factor()
        if self.double is None:
            self.factor_in_double()
        return lapack.dgetrs(*self.double, right, trans=0 if adjoint else 1)[0]

    def refined(self, right: Array, adjoint: bool) -> Array | None:
        A = self.J.T if adjoint else self.J
        return refined(A, right, lambda r: single_solve(self.single, r, adjoint), self.size)

    def step(self, right: Array) -> Array:
        """J⁻¹ right for a step of Newton's method: where the factors are single, a thousandth off is near enough."""
        if self.single is not None:
            with np.errstate(all="ignore"):
                scale = float(np.abs(right).max()) or 1.0
                d = scale * single_solve(self.single, right / scale, False)
                if np.linalg.norm(right - self.J @ d) <= ROUGH * np.linalg.norm(right):
                    return d
        return self.solve(right)

    def size(self) -> float:
        if self._size < 0:
            flat = self.J.ravel(order="K")
            self._size = float(np.sqrt(flat @ flat))
        return self._size


def worth(A: Array, columns: int) -> bool:
    """Whether so many systems with the matrix are better solved by factors in single precision."""
    return len(A) >= LEAST and columns * COLUMNS <= len(A) and A.dtype == np.float64


def single_lu(J: Array) -> tuple[Array, Array] | None:
    """LU factors of Jᵀ in single precision; None where they cannot be trusted."""
    with np.errstate(all="ignore"):
        factors, pivots, info = lapack.sgetrf(J.astype(SINGLE, order="C").T, overwrite_a=True)
        diagonal = np.abs(np.diagonal(factors))
        usable = (
            info == 0 and bool(SINGLE_PIVOT * diagonal.max() < diagonal.min()) and bool(np.isfinite(diagonal.max()))
        )
    return (factors, pivots) if usable else None


def single_solve(factors: Any, right: Array, adjoint: bool) -> Array:
    """J⁻¹ right, or J⁻ᵀ right, about, from factors of Jᵀ in single precision."""
    return lapack.sgetrs(*factors, right.astype(SINGLE), trans=0 if adjoint else 1)[0].astype(float)


def refined(A: Array, right: Array, approximate: Any, size: Any) -> Array | None:
    """The solution of A x = right by iterative refinement; None where it does not come fast to double precision.

    `approximate` solves in single precision.  It ends when a further correction would be below rounding, as the rate
    of the last ones tells: then the residual is at most ε‖A‖‖x‖.  Where corrections fall no more they are rounding if
    that holds in Frobenius' norm of A, less than LAPACK's dsgesv asks for.
    """
    x, r = np.zeros(right.shape), right
    before = 0.0
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            scale = np.abs(r).max(axis=0)
            scale = np.where(scale > 0, scale, 1.0)
            d = scale * approximate(r / scale)
            x += d
            top = np.abs(x).max(axis=0)
            moved = float(np.max(np.abs(d).max(axis=0) / np.where(top > 0, top, 1.0)))
            rate = moved / before if before else RATE
            if rate <= RATE and moved * rate <= EPS:
                return x
            if not (rate <= RATE or moved <= STILL):
                return None
            r = right - A @ x
            if rate > RATE and np.all(np.abs(r).max(axis=0) <= EPS * size() * top):
                return x
            before = moved
    return None
