"""A Hessian on the tangent space of the unit sphere."""

from __future__ import annotations

from typing import Any

import numpy as np

from matdiff.codegen.solvers.dense import Dense
from matdiff.codegen.solvers.iterations import LARGE, Indefinite, by_products
from matdiff.codegen.solvers.onesided import OneSided
from matdiff.codegen.solvers.products import symmetric, symmetric_times
from matdiff.codegen.solvers.refinement import Refined


class Sphere:
    """P M P + c x xᵀ with P = I − x xᵀ: a Hessian on the unit sphere, which maps the tangent space at x to itself."""

    def __init__(self, M: Any, x: Any) -> None:
        self.M, self.x, self.size = M, x, 1.0
        self.solver: Any = None
        self.definite: Any = None

    def tried(self, r: Any) -> Any:
        """By products in the tangent space; None where these are not enough."""
        n = len(r)
        low = self.M.single() if isinstance(self.M, OneSided) else np.asarray(self.M, dtype=np.float32)
        try:
            return by_products(self.apply, r, n // 8, Sphere(low, self.x.astype(np.float32)).apply)
        except Indefinite:
            return None

    def factored(self) -> Any:
        if len(self.x) >= LARGE:
            with np.errstate(all="ignore"):
                low = self.M.single() if isinstance(self.M, OneSided) else np.asarray(self.M, dtype=np.float32)
                solver = Dense(self.matrix(low, self.x.astype(np.float32)))
            if solver.definite:
                return Refined(self, solver, self.in_double)
        return self.in_double()

    def in_double(self) -> Any:
        return Dense(self.matrix(self.M, self.x))

    def matrix(self, M: Any, x: Any) -> Any:
        H = M.matrix(len(x)) if isinstance(M, OneSided) else np.array(M)
        left, right = x @ H, H @ x
        size = float(np.max(np.abs(np.diagonal(H)), initial=0.0)) or 1.0
        symmetric(H)
        both = (left + right) / 2 - (float(x @ right) + size) / 2 * x
        H -= np.outer(x, both)
        H -= np.outer(both, x)
        self.size = size
        return H

    def solve(self, r: Any) -> Any:
        r = r - self.x * (self.x @ r)
        s = self.tried(r) if self.solver is None and len(r) >= LARGE else None
        if s is None:
            self.solver = self.solver or self.factored()
            s = self.solver.solve(r)
        self.definite = True if self.solver is None else self.solver.definite
        return s - self.x * (self.x @ s)

    def apply(self, s: Any) -> Any:
        along = self.x @ s
        inside = s - self.x * along
        H = self.M.apply(inside) if isinstance(self.M, OneSided) else symmetric_times(self.M, inside)
        return H - self.x * (self.x @ H) + self.size * along * self.x
