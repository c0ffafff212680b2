"""A Hessian as a matrix without structure, or entry by entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg


class Dense:
    """A symmetric matrix, by Cholesky's factorisation where it is positive definite, else by LDLᵀ.

    H is overwritten: one triangle by the factor, so that the other and the diagonal still tell what it was.
    """

    def __init__(self, H: Any) -> None:
        if not np.isfinite(H).all():
            raise ArithmeticError("the Hessian is not finite at these arrays")
        self.H, self.diagonal = np.ascontiguousarray(H), np.diagonal(H).copy()
        try:
            self.factor = scipy.linalg.cho_factor(self.H.T, overwrite_a=True, check_finite=False)
            self.definite = True
        except np.linalg.LinAlgError:
            self.definite = False

    def matrix(self) -> Any:
        upper = np.triu(self.H, 1)
        return upper + upper.T + np.diag(self.diagonal)

    def solve(self, r: Any) -> Any:
        if self.definite:
            return scipy.linalg.cho_solve(self.factor, r, check_finite=False)
        return symmetric_solve(self.matrix(), r)

    def apply(self, s: Any) -> Any:
        return self.matrix() @ s


def symmetric_solve(H: Any, r: Any) -> Any:
    """By LDLᵀ; ArithmeticError where H is singular to working precision."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", scipy.linalg.LinAlgWarning)
        try:
            return scipy.linalg.solve(H, r, assume_a="sym")
        except (np.linalg.LinAlgError, scipy.linalg.LinAlgWarning):
            raise ArithmeticError("the Hessian is singular at these arrays") from None


class Elementwise:
    """c ⊙ s, c an array or a number."""

    def __init__(self, c: Any) -> None:
        self.c = c
        self.definite = bool(np.all(np.asarray(c) > 0))

    def solve(self, r: Any) -> Any:
        if not np.all(self.c):
            raise ArithmeticError("the Hessian is singular at these arrays")
        return r / self.c

    def apply(self, s: Any) -> Any:
        return self.c * s


class Scaled:
    """Diag(d) s for vectors and for the columns of a matrix."""

    def __init__(self, d: Any) -> None:
        self.d = d
        self.definite = bool(np.all(d > 0))

    def solve(self, r: Any) -> Any:
        if not np.all(self.d):
            raise ArithmeticError("the Hessian is singular at these arrays")
        return r / (self.d[:, None] if r.ndim == 2 else self.d)

    def apply(self, s: Any) -> Any:
        return s * (self.d[:, None] if s.ndim == 2 else self.d)


class Matrix:
    """A Hessian as a matrix for vec, columns stacked."""

    def __init__(self, H: Any) -> None:
        self.solver: Any = Dense((H + H.T) / 2) if np.ndim(H) else Elementwise(H)
        self.H = H
        self.definite = self.solver.definite

    def solve(self, r: Any) -> Any:
        r = np.asarray(r)
        if not np.ndim(self.H):
            return self.solver.solve(r)
        return self.solver.solve(r.reshape(-1, order="F")).reshape(r.shape, order="F")

    def apply(self, s: Any) -> Any:
        if not np.ndim(self.H):
            return self.H * s
        return (self.H @ np.asarray(s).reshape(-1, order="F")).reshape(np.shape(s), order="F")
