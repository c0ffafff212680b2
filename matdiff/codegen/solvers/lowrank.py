"""Few terms of rank one, or few rows, beside what is easily solved."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg


class Woodbury:
    """Diag(d) + P M Q of few columns P, by the capacitance matrix (Golub & Van Loan 2013, sec. 2.1.4)."""

    def __init__(self, of: Any, n: int) -> None:
        self.of, self.ready = of, False
        dtype = np.result_type(*(L for _, L, _ in of.grams), *(g for _, g, _ in of.ranks))
        self.d = np.broadcast_to(np.asarray(of.diag, dtype=dtype), (n,))
        self.definite: Any = None
        self.plain = bool(np.all(self.d > 0)) and all(k is g and c >= 0 for c, g, k in of.ranks)
        self.plain = self.plain and all(
            c >= 0 and np.ndim(W) != 2 and (W is None or np.all(W >= 0)) for c, _, W in of.grams
        )
        if self.plain:
            self.root = np.sqrt(self.d)
            parts = [float(c) ** 0.5 * (L if W is None else np.sqrt(W)[:, None] * L) for c, L, W in of.grams]
            parts += [float(c) ** 0.5 * g[None, :] for c, g, _ in of.ranks]
            V = parts[0] if len(parts) == 1 else np.concatenate(parts)
            self.V = V / self.root
            C = self.V @ self.V.T
            C[np.diag_indices(len(C))] += 1.0
            self.factor = scipy.linalg.cho_factor(C.T, overwrite_a=True, check_finite=False)
            self.definite = True
        else:
            self.Q = np.concatenate([*(L for _, L, _ in of.grams), *(g[None, :] for _, g, _ in of.ranks)])
            self.P = np.concatenate([*(L for _, L, _ in of.grams), *(k[None, :] for _, _, k in of.ranks)]).T
            weights = [
                c * (W if np.ndim(W) == 2 else np.diag(np.ones(len(L)) if W is None else W)) for c, L, W in of.grams
            ]
            self.M = scipy.linalg.block_diag(*weights, *(np.array([[c]]) for c, _, _ in of.ranks))
            C = np.eye(len(self.M)) + self.M @ (self.Q / self.d) @ self.P
            self.factor = scipy.linalg.lu_factor(C)
            pivots = np.abs(np.diagonal(self.factor[0]))
            if not pivots.min() > 1e-15 * pivots.max():
                raise ArithmeticError("the Hessian is singular at these arrays")

    def once(self, r: Any) -> Any:
        column = r[:, None] if r.ndim == 1 else r
        if self.plain:
            root = self.root[:, None]
            t = column / root
            t = (t - self.V.T @ scipy.linalg.cho_solve(self.factor, self.V @ t, check_finite=False)) / root
        else:
            d = self.d[:, None]
            inner = scipy.linalg.lu_solve(self.factor, self.M @ (self.Q @ (column / d)))
            t = (column - self.P @ inner) / d
        return t.reshape(r.shape)

    def solve(self, r: Any) -> Any:
        """With one step of refinement: where the diagonal is small beside the rest, digits cancel."""
        s = self.once(r)
        right, self.of.right = self.of.right, False
        s = s + self.once(r - self.of.apply(s))
        self.of.right = right
        return s

    def apply(self, s: Any) -> Any:
        return self.of.apply(s)


class Plus:
    """A solver's H and Σ c ⟨G, s⟩ K beside it."""

    def __init__(self, base: Any, ranks: Any) -> None:
        self.base, self.ranks = base, ranks
        self.definite: Any = None

    def solve(self, r: Any) -> Any:
        solved = [self.base.solve(K) for _, _, K in self.ranks]
        s = self.base.solve(r)
        M = np.array([[c * np.vdot(G, Z) for Z in solved] for c, G, _ in self.ranks])
        M[np.diag_indices(len(M))] += 1.0
        right = np.array([c * np.vdot(G, s) for c, G, _ in self.ranks])
        try:
            weights = np.linalg.solve(M, right)
        except np.linalg.LinAlgError:
            raise ArithmeticError("the Hessian is singular at these arrays") from None
        positive = all(c >= 0 and G is K for c, G, K in self.ranks)
        self.definite = True if self.base.definite and positive else None
        return s - sum(w * Z for w, Z in zip(weights, solved, strict=True))

    def apply(self, s: Any) -> Any:
        return self.base.apply(s) + sum(c * np.vdot(G, s) * K for c, G, K in self.ranks)
