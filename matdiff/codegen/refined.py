"""Linear systems by solvers in single precision, refined in double precision to what factors in double give.

A factorisation takes half the time in single precision, and with it as preconditioner a few residuals in double
precision reach the backward error of a solve in double, where the condition number is far from 1/u of single
precision (Langou et al. 2006; Higham 2002, ch. 12; Carson & Higham 2018).  Where it is not, which a small pivot or slow
convergence shows, the factors are made again in double: an answer is never less exact for being quick.

Where the diagonal outweighs the rest, a few steps of Jacobi's iteration (Varga 2000, ch. 3; Saad 2003, ch. 4) are as
good a preconditioner as factors, and a product with the matrix takes a hundredth of their time.
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
SPLIT = 4e-6
"""What a solve by Jacobi's iteration leaves of an error: three of them reach double precision."""
PRODUCTS = 60
"""Such a solve may take a product with the matrix for so many rows: then some of them cost less than the factors."""
AHEAD = 3
"""Products after which it is foreseen whether they will do."""
SOLVES = 4
"""Right-hand sides after which factors pay all the same."""
EPS = float(np.finfo(float).eps)
SINGLE = np.float32


class SingleLU:
    """LU factors of Jᵀ in single precision."""

    def __init__(self, factors: Array, pivots: Array) -> None:
        self.factors, self.pivots = factors, pivots

    def solve(self, right: Array, adjoint: bool) -> Array:
        """J⁻¹ right, or J⁻ᵀ right, about."""
        found = lapack.sgetrs(self.factors, self.pivots, right.astype(SINGLE), trans=0 if adjoint else 1)[0]
        return found.astype(float)


class Splitting:
    """J = D + R with a diagonal D that outweighs R, in single precision: the iteration x ← D⁻¹(right − R x)."""

    def __init__(self, J: Array, diagonal: Array, steps: int) -> None:
        self.J, self.inverse, self.steps = J, 1 / diagonal, steps

    def solve(self, right: Array, adjoint: bool) -> Array:
        """J⁻¹ right, or J⁻ᵀ right, about: the spectral radius is the same for both."""
        A, right = self.J.T if adjoint else self.J, right.astype(SINGLE)
        inverse = self.inverse if right.ndim == 1 else self.inverse[:, None]
        x = inverse * right
        for _ in range(self.steps - 1):
            x += inverse * (right - A @ x)
        return x.astype(float)


class Factors:
    """LU factors of a square matrix J for solves with J and with Jᵀ: in single precision at first, where that pays,
    and made only at the second thought where J is nearly its diagonal.

    J is neither copied nor written on, and must stay as it is.  `near` has factors of a matrix close to J, which may
    serve for its own; `refusal` is raised where J is found to be singular up to rounding.
    """

    def __init__(self, J: Array, refusal: Callable[[], Exception], near: Factors | None = None) -> None:
        self.J, self.refusal = J, refusal
        self.single: SingleLU | Splitting | None = None if near is None else near.single
        self.borrowed = self.single is not None
        self.double: Any = None
        self.solved = 0
        self._size = -1.0
        if not self.borrowed:
            self.factor(split=True)

    def factor(self, split: bool = False) -> None:
        self.borrowed = False
        self.single = single(self.J, split) if worth(self.J, 1) else None
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
        self.solved += columns
        if (self.borrowed and columns > FEW) or (isinstance(self.single, Splitting) and self.solved > SOLVES):
            self.factor()
        while self.single is not None and worth(self.J, columns):
            found = self.refined(right, adjoint, self.single)
            if found is not None:
                return found
            if isinstance(self.single, SingleLU) and not self.borrowed:
                break
            self.factor()
        if self.double is None:
            self.factor_in_double()
        return lapack.dgetrs(*self.double, right, trans=0 if adjoint else 1)[0]

    def refined(self, right: Array, adjoint: bool, single: SingleLU | Splitting) -> Array | None:
        return refined(self.J.T if adjoint else self.J, right, lambda r: single.solve(r, adjoint), self.size)

    def step(self, right: Array) -> Array:
        """J⁻¹ right for a step of Newton's method: where the factors are single, a thousandth off is near enough."""
        if self.single is not None:
            with np.errstate(all="ignore"):
                scale = float(np.abs(right).max()) or 1.0
                d = scale * self.single.solve(right / scale, False)
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


def single(J: Array, split: bool) -> SingleLU | Splitting | None:
    """A solver in single precision, by the splitting too if asked for; None where none can be trusted."""
    with np.errstate(all="ignore"):
        low = J.astype(SINGLE, order="C")
        found = splitting(low) if split else None
        if found is not None:
            return found
        factors, pivots, info = lapack.sgetrf(low.T, overwrite_a=True)
        diagonal = np.abs(np.diagonal(factors))
        usable = (
            info == 0 and bool(SINGLE_PIVOT * diagonal.max() < diagonal.min()) and bool(np.isfinite(diagonal.max()))
        )
    return SingleLU(factors, pivots) if usable else None


def splitting(J: Array) -> Splitting | None:
    """The splitting whose iteration takes a random error below SPLIT within the products that pay; else None.

    J is then regular, for an error in its null space would stay as it is.
    """
    diagonal = np.diagonal(J).copy()
    if not diagonal.all():
        return None
    e = np.random.default_rng(0).standard_normal(len(J), dtype=SINGLE)
    first = float(np.linalg.norm(e))
    most = len(J) // PRODUCTS
    for step in range(1, most + 1):
        e -= (J @ e) / diagonal
        left = float(np.linalg.norm(e)) / first
        if left <= SPLIT:
            return Splitting(J, diagonal, step + 1)
        if step >= AHEAD and not left ** (most / step) <= SPLIT:
            return None
    return None


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
