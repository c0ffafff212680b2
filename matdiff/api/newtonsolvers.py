"""Solvers of H s = r for several variables and for Hessians without a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matdiff.api.newtonarrays import flat, project, shaped
from matdiff.calculus.tangent import tangent
from matdiff.codegen import solvers
from matdiff.core.node import Symbol

MATRIX = 3000
"""Most entries of the variables for which a Hessian without a form is made as a matrix; conjugate gradients beyond."""
ROUNDS = 10
"""Most steps of conjugate gradients for each entry."""
PRECISE = 1e-12
"""Relative residual at which they end."""


Product = Callable[[Mapping[Symbol, Any]], dict[Symbol, Any]]


@dataclass
class Point:
    """Arrays at which the parts of a system were computed: the solver, and −r of H s = r."""

    solver: Any
    right: dict[Symbol, Any]
    gradient: dict[Symbol, Any]
    sizes: Mapping[str, int]
    product: Callable[[Mapping[Symbol, Any]], dict[Symbol, Any]]


class Single:
    """One variable by its structured solver."""

    def __init__(self, X: Symbol, solver: Any) -> None:
        self.X, self.inner = X, solver

    @property
    def definite(self) -> Any:
        return self.inner.definite

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return {self.X: self.inner.solve(r[self.X])}

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return {self.X: self.inner.apply(s[self.X])}


class Pair(Single):
    """Two variables by a Schur complement."""

    def __init__(self, order: tuple[Symbol, Symbol], solver: Any) -> None:
        self.order, self.inner = order, solver

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return dict(zip(self.order, self.inner.solve([r[X] for X in self.order]), strict=True))

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return dict(zip(self.order, self.inner.apply([s[X] for X in self.order]), strict=True))


class Blocks:
    """All variables by the matrix for vec."""

    def __init__(self, wrt: Sequence[Symbol], blocks: Sequence[Any], sizes: Sequence[int]) -> None:
        parts, self.wrt, self.sizes = iter(blocks), tuple(wrt), list(sizes)
        H = np.block([[np.reshape(next(parts), (r, c), order="F") for c in sizes] for r in sizes])
        self.solver: Any = solvers.Dense((H + H.T) / 2)
        self.definite = self.solver.definite

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        s = self.solver.solve(np.concatenate([np.ravel(r[X], order="F") for X in self.wrt]))
        parts = np.split(s, np.cumsum(self.sizes)[:-1])
        return {X: p.reshape(np.shape(r[X]), order="F") for X, p in zip(self.wrt, parts, strict=True)}

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        out = self.solver.apply(np.concatenate([np.ravel(s[X], order="F") for X in self.wrt]))
        parts = np.split(out, np.cumsum(self.sizes)[:-1])
        return {X: p.reshape(np.shape(s[X]), order="F") for X, p in zip(self.wrt, parts, strict=True)}


class Columns:
    """The matrix of H made of products with unit vectors; on a set the least-norm solution, which is tangent."""

    def __init__(
        self, wrt: Sequence[Symbol], product: Product, like: Mapping[Symbol, Any], at: Mapping[Symbol, Any]
    ) -> None:
        self.wrt, self.product = tuple(wrt), product
        E = np.eye(sum(np.size(like[X]) for X in wrt))
        bent = any(tangent(X) is not None for X in wrt)
        self.projected = bent
        if bent:
            E = np.stack([flat(wrt, project(at, shaped(wrt, e, like))) for e in E])
        H = E @ np.stack([flat(wrt, product(shaped(wrt, e, like))) for e in E], axis=1)
        self.H = (H + H.T) / 2
        self.values: Any = None
        if bent:
            values, Q = np.linalg.eigh(self.H)
            kept = np.abs(values) > 1e-12 * np.max(np.abs(values), initial=0.0)
            self.values, self.Q = values[kept], Q[:, kept]
            self.definite = bool(np.all(self.values > 0))
        else:
            self.solver = solvers.Dense(self.H.copy())
            self.definite = self.solver.definite

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        v = flat(self.wrt, r)
        s = self.Q @ ((self.Q.T @ v) / self.values) if self.projected else self.solver.solve(v)
        return shaped(self.wrt, s, r)

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return self.product(s)


class Iterative:
    """Conjugate gradients; minimal residuals where H turns out to be indefinite."""

    def __init__(self, wrt: Sequence[Symbol], product: Product, total: int) -> None:
        self.wrt, self.product, self.total = tuple(wrt), product, total
        self.definite: Any = None

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        b = flat(self.wrt, r)
        s, self.definite, done = conjugate(lambda v: self._apply(v, r), b, PRECISE, ROUNDS * self.total)
        if not self.definite:
            import scipy.sparse.linalg

            operator = scipy.sparse.linalg.LinearOperator((self.total,) * 2, matvec=lambda v: self._apply(v, r))
            s, state = scipy.sparse.linalg.minres(operator, b, rtol=PRECISE, maxiter=ROUNDS * self.total)
            done = state == 0
        if not done and not np.linalg.norm(self._apply(s, r) - b) <= 1e-8 * np.linalg.norm(b):
            raise ArithmeticError("conjugate gradients do not converge: the Hessian is singular or nearly so")
        return shaped(self.wrt, s, r)

    def _apply(self, v: Any, like: Mapping[Symbol, Any]) -> Any:
        return flat(self.wrt, self.product(shaped(self.wrt, v, like)))

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return self.product(s)


def conjugate(apply: Callable[[Any], Any], b: Any, close: float, most: int) -> tuple[Any, bool, bool]:
    """Hestenes and Stiefel's method: where it got, whether no negative curvature was met, whether it is done.

    At negative curvature it stops with what it has, at first with b itself (Nocedal & Wright 2006, alg. 7.1).
    """
    s, r = np.zeros(b.shape), b.copy()
    p, rr = r.copy(), float(r @ r)
    goal = close**2 * rr
    for k in range(most):
        if rr <= goal:
            return s, True, True
        Hp = apply(p)
        bend = float(p @ Hp)
        if not bend > 0:
            return (b if k == 0 else s), False, False
        a = rr / bend
        s = s + a * p
        r = r - a * Hp
        after = float(r @ r)
        p, rr = r + (after / rr) * p, after
    return s, True, rr <= goal
