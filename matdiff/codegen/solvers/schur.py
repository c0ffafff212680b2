"""Two vectors of which one has a diagonal block."""

from __future__ import annotations

from typing import Any

import numpy as np

from matdiff.codegen.solvers.dense import Dense
from matdiff.codegen.solvers.iterations import LARGE, Indefinite, by_products
from matdiff.codegen.solvers.products import lowered, symmetric
from matdiff.codegen.solvers.refinement import Refined


class Schur:
    """[Diag(a), B; Bᵀ, S], B = Diag(u) M Diag(v), u and v vectors or numbers: the first block, diagonal, is eliminated.

    Arrays are pairs of vectors.
    """

    def __init__(self, a: Any, u: Any, M: Any, v: Any, S: Any) -> None:
        self.a, self.u, self.M, self.v, self.S = np.broadcast_to(np.asarray(a, dtype=M.dtype), M.shape[:1]), u, M, v, S
        self.definite: Any = None
        self.solver: Any = None

    def across(self, s: Any) -> Any:
        """B s."""
        return self.u * (self.M @ (self.v * s))

    def back(self, s: Any) -> Any:
        """Bᵀ s."""
        return self.v * (self.M.T @ (self.u * s))

    def solve(self, r: Any) -> Any:
        first, second = r
        if not np.all(self.a):
            raise ArithmeticError("the Hessian is singular at these arrays")
        right = second - self.back(first / self.a)
        s = self.tried(right) if self.solver is None and min(self.M.shape) >= LARGE else None
        if s is not None:
            self.definite = True
        else:
            if self.solver is None:
                self.solver = self.complement(len(second))
            self.definite = bool(self.solver.definite and np.all(self.a > 0))
            s = self.solver.solve(right)
        return (first - self.across(s)) / self.a, s

    def tried(self, r: Any) -> Any:
        """The second part by products, scaled to the diagonal of S; None where these are not enough."""
        m, n = self.M.shape
        root = self.S.entries(n)
        if not np.all(self.a > 0) or not np.all(root > 0) or root.max() > 1e4 * root.min():
            return None
        root = np.sqrt(root)
        whole = Scaling(Complement(self), root)
        with np.errstate(all="ignore"):
            single = Scaling(Complement(self.single()), root.astype(np.float32))
        try:
            s = by_products(whole.apply, r / root, int((n * n * m + n**3 / 3) / (16.0 * m * n)), single.apply)
        except Indefinite:
            return None
        return None if s is None else s / root

    def single(self) -> Any:
        a, u, M, v = lowered((self.a, self.u, self.M, self.v))
        return Schur(a, u, M, v, self.S.single())

    def complement(self, n: int) -> Any:
        """S − Bᵀ Diag(a)⁻¹ B: where it is large, its factor in single precision."""
        if min(self.M.shape) >= LARGE:
            with np.errstate(all="ignore"):
                try:
                    solver = self.single().formed(n)
                except ArithmeticError:
                    solver = None
            if solver is not None and solver.definite:
                return Refined(Complement(self), solver, lambda: self.formed(n))
        return self.formed(n)

    def formed(self, n: int) -> Any:
        B = self.M * self.v
        weight = np.broadcast_to(self.u * self.u / self.a, self.a.shape)
        return Dense(symmetric(self.S.matrix(n) - B.T @ (weight[:, None] * B)))

    def apply(self, s: Any) -> Any:
        return self.a * s[0] + self.across(s[1]), self.back(s[0]) + self.S.apply(s[1])


class Scaling:
    """Products with D⁻¹ H D⁻¹, D the diagonal matrix of the roots."""

    def __init__(self, of: Any, root: Any) -> None:
        self.of, self.root = of, root

    def apply(self, s: Any) -> Any:
        return self.of.apply(s / self.root) / self.root


class Complement:
    """Products with the Schur complement."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def apply(self, s: Any) -> Any:
        return self.of.S.apply(s) - self.of.back(self.of.across(s) / self.of.a)
