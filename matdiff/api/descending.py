"""A direction downhill where the Hessian is not positive definite."""

from __future__ import annotations

from typing import Any

import numpy as np

from matdiff.api.newtonarrays import flat, shaped
from matdiff.api.newtonsolvers import MATRIX, Point, conjugate
from matdiff.core.node import Symbol


def descending(point: Point) -> dict[Symbol, Any]:
    """A direction downhill where H is not positive definite: LDLᵀ with the eigenvalues of D made positive, and bounded
    away from 0 (Nocedal & Wright 2006, sec. 3.4); of many entries conjugate gradients up to negative curvature.
    """
    wrt = tuple(point.gradient)
    g = flat(wrt, point.gradient)

    def apply(v: Any) -> Any:
        return flat(wrt, point.product(shaped(wrt, v, point.gradient)))

    if len(g) > MATRIX:
        size = float(np.linalg.norm(g))
        s, _, _ = conjugate(apply, -g, min(0.5, np.sqrt(size)), 200)
        return shaped(wrt, s, point.gradient)
    H = np.stack([apply(e) for e in np.eye(len(g))], axis=1)
    return shaped(wrt, modified_solve((H + H.T) / 2, -g), point.gradient)


def modified_solve(H: Any, r: Any) -> Any:
    import scipy.linalg

    L, D, order = scipy.linalg.ldl(H)
    values, Q = np.linalg.eigh(D)
    least = 1e-8 * max(np.max(np.abs(values), initial=0.0), 1e-300)
    values = np.maximum(np.abs(values), least)
    L, r = L[order], r[order]
    y = scipy.linalg.solve_triangular(L, r, lower=True, unit_diagonal=True)
    y = Q @ ((Q.T @ y) / values)
    out = np.empty(len(r))
    out[order] = scipy.linalg.solve_triangular(L.T, y, lower=False, unit_diagonal=True)
    return out
