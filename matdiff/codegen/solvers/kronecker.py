"""Products from both sides of a matrix: one of them, or a sum of two."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg


class Kron:
    """A s B: what A does from the left and what B does from the right."""

    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right
        self.definite: Any = None

    def solve(self, r: Any) -> Any:
        s = self.right.solve(self.left.solve(r))
        signs = {self.left.definite, self.right.definite}
        self.definite = True if signs == {True} else None if None in signs else self.signs(r)
        return s

    def signs(self, r: Any) -> Any:
        """Two factors of which one is not definite: definite only where both are negative, which is left open."""
        return None

    def apply(self, s: Any) -> Any:
        return self.right.apply(self.left.apply(s))


class TwoTerms:
    """A₁ s B₁ + A₂ s B₂ with symmetric factors, by two generalised eigenproblems (Golub & Van Loan 2013, sec. 8.7);
    None stands for I.
    """

    def __init__(self, A1: Any, B1: Any, A2: Any, B2: Any) -> None:
        self.parts = (A1, B1), (A2, B2)
        self.definite: Any = None
        self.factors: Any = None

    def solve(self, r: Any) -> Any:
        if self.factors is None:
            (A1, B1), (A2, B2) = self.parts
            try:
                self.factors = (*pencil(A1, A2, r.shape[0]), *pencil(B2, B1, r.shape[1]))
            except np.linalg.LinAlgError:
                try:
                    self.factors = (*pencil(A2, A1, r.shape[0]), *pencil(B1, B2, r.shape[1]))
                except np.linalg.LinAlgError:
                    raise ArithmeticError("no two of the factors are definite") from None
        la, Qa, lb, Qb = self.factors
        values = la[:, None] + lb
        self.definite = bool(np.all(values > 0))
        if not np.all(np.abs(values) > 1e-15 * np.max(np.abs(values), initial=0.0)):
            raise ArithmeticError("the Hessian is singular at these arrays")
        return Qa @ ((Qa.T @ r @ Qb) / values) @ Qb.T

    def apply(self, s: Any) -> Any:
        return sum(times(A, s) if B is None else times(A, s) @ B for A, B in self.parts)


def times(A: Any, s: Any) -> Any:
    return s if A is None else A @ s


def pencil(A: Any, B: Any, n: int) -> Any:
    """Eigenvalues and vectors of A Q = B Q Λ with QᵀBQ = I."""
    if A is None and B is None:
        return np.ones(n), np.eye(n)
    return scipy.linalg.eigh(np.eye(n) if A is None else A, B)
