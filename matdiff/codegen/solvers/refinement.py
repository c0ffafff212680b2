"""Factors in single precision, which take half the time, refined by residuals in double (Higham 2002, ch. 12)."""

from __future__ import annotations

from typing import Any

import numpy as np


def refined(apply: Any, r: Any, solve: Any) -> Any:
    """H s = r by a solver in single precision, refined by residuals in double (Higham 2002, ch. 12); None where the
    corrections do not fall fast: H is then conditioned too badly for that.
    """
    s, rest = np.zeros(r.shape), r
    before = 0.0
    with np.errstate(all="ignore"):
        for _ in range(15):
            size = float(np.linalg.norm(rest))
            if not size:
                return s
            d = size * np.asarray(solve((rest / size).astype(np.float32)), dtype=float)
            s += d
            moved = float(np.linalg.norm(d)) / (float(np.linalg.norm(s)) or 1.0)
            rate = moved / before if before else 0.05
            if not (rate <= 0.05 or moved <= 1e-10):
                return None
            if moved * rate <= 1e-16 or rate > 0.05:
                return s
            rest = r - apply(s)
            before = moved
    return None


class Refined:
    """A positive definite H by a solver in single precision, or, where that will not do, by one in double."""

    def __init__(self, of: Any, solver: Any, double: Any) -> None:
        self.of, self.solver, self.double = of, solver, double
        self.definite: Any = True

    def solve(self, r: Any) -> Any:
        if self.solver is not None:
            s = refined(self.of.apply, r, getattr(self.solver, "once", self.solver.solve))
            if s is not None:
                return s
            self.solver = None
            self.double = self.double()
            self.definite = self.double.definite
        return self.double.solve(r)

    def apply(self, s: Any) -> Any:
        return self.of.apply(s)
