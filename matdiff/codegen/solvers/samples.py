"""Blocks for each row of a matrix, and losses that mix the outputs of every sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from matdiff.codegen.solvers.dense import Dense
from matdiff.codegen.solvers.iterations import LARGE, by_products
from matdiff.codegen.solvers.lowrank import Woodbury
from matdiff.codegen.solvers.onesided import OneSided
from matdiff.codegen.solvers.products import gram, lowered


class Rows:
    """Row by row s_i D_i, with `columns` column by column: D_i = diag + Σ c P₀ Diag(m_i) P₁ … ; None stands for I.

    layers (c, sides, masks): the sides one more than the masks.
    """

    def __init__(self, diag: Any, full: Any, layers: Any, columns: bool = False) -> None:
        self.diag, self.full, self.layers, self.columns = diag, full, layers, columns
        self.definite: Any = None
        self.blocks: Any = None

    def solve(self, r: Any) -> Any:
        r = r.T if self.columns else r
        if self.blocks is None:
            self.blocks = self.formed(*r.shape)
            try:
                np.linalg.cholesky(self.blocks)
                self.definite = True
            except np.linalg.LinAlgError:
                self.definite = False
        try:
            s = np.linalg.solve(np.swapaxes(self.blocks, 1, 2), r[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            raise ArithmeticError("the Hessian is singular at these arrays") from None
        return s.T if self.columns else s

    def formed(self, m: int, p: int) -> Any:
        blocks = np.zeros((m, p, p))
        for c, sides, masks in self.layers:
            blocks += c * row_blocks(sides, [M.T if self.columns else M for M in masks], m, p)
        if self.full is not None:
            blocks += self.full
        if self.diag is not None:
            d = self.diag
            blocks[:, np.arange(p), np.arange(p)] += d if np.ndim(d) == 0 else d.T if self.columns else d
        return blocks

    def apply(self, s: Any) -> Any:
        s = s.T if self.columns else s
        if self.blocks is not None:
            out = np.einsum("ia,iab->ib", s, self.blocks)
            return out.T if self.columns else out
        out = (
            np.zeros(s.shape)
            if self.diag is None
            else s * (self.diag.T if np.ndim(self.diag) and self.columns else self.diag)
        )
        if self.full is not None:
            out = out + s @ self.full
        for c, sides, masks in self.layers:
            V = s if sides[0] is None else s @ sides[0]
            for M, P in zip(masks, sides[1:], strict=True):
                V = (M.T if self.columns else M) * V
                V = V if P is None else V @ P
            out = out + c * V
        return out.T if self.columns else out


def row_blocks(sides: Any, masks: Any, m: int, p: int) -> Any:
    """The D_i of one chain for every row i."""
    first, last = sides[0], sides[-1]
    if len(masks) == 1 and first is not None and last is not None:
        q = first.shape[1]
        pairs = (first.T[:, :, None] * last[:, None, :]).reshape(q, -1)
        return (masks[0] @ pairs).reshape(m, first.shape[0], last.shape[1])
    T = np.broadcast_to(np.eye(p) if first is None else first, (m, p, p if first is None else first.shape[1]))
    for M, P in zip(masks, sides[1:], strict=True):
        T = T * M[:, None, :]
        T = T if P is None else T @ P
    return T


SMALL = 1_000_000
"""Entries of all products of two features of a sample up to which they are formed at once."""


class Samples:
    """c s + Xᵀ (rows of X s each times a block): the Hessian of a loss that mixes the outputs of every sample.

    Of X: N×n and p outputs it is the matrix with the blocks Xᵀ Diag(D_ab) X, np×np.
    """

    def __init__(self, X: Any, c: Any, layers: Any) -> None:
        self.X, self.c, self.layers = X, c, layers
        self.inside = Rows(None, None, layers)
        self.definite: Any = None
        self.solver: Any = None
        self.blocks: Any = None

    def solve(self, r: Any) -> Any:
        n, p = r.shape
        if self.solver is None and n * p >= LARGE:
            N = self.X.shape[0]
            work = p * p / 2 * n * n * N + (n * p) ** 3 / 3
            low = Samples(*lowered((self.X, self.c, self.layers)))
            products = (lambda v, of=of: of.apply(v.reshape(n, p)).ravel() for of in (self, low))
            s = by_products(next(products), r.ravel(), int(work / (16.0 * n * p * N)), next(products))
            if s is not None:
                self.definite = True
                return s.reshape(n, p)
        if self.solver is None:
            self.solver = self.few(n, p) if self.X.shape[0] < n and self.c else None
            self.solver = self.solver or Dense(self.matrix(n, p))
            self.definite = self.solver.definite
        return self.solver.solve(r.T.reshape(-1)).reshape(p, n).T

    def few(self, n: int, p: int) -> Any:
        """Of fewer samples than features: the blocks' roots times X, for Woodbury's formula; None where not ⪰ 0."""
        D = self.inside.formed(self.X.shape[0], p)
        values, vectors = np.linalg.eigh((D + np.swapaxes(D, 1, 2)) / 2)
        top = values.max(initial=0.0)
        if values.min(initial=0.0) < -1e-9 * top or not self.c > 0:
            return None
        kept = [k for k in range(p) if np.any(values[:, k] > 1e-14 * top)]
        roots = vectors[:, :, kept] * np.sqrt(np.maximum(values[:, None, kept], 0))
        V = (roots[:, :, :, None] * self.X[:, None, None, :]).transpose(0, 2, 1, 3).reshape(-1, p * n)
        if len(V) >= p * n:
            return None
        return Woodbury(OneSided(self.c, None, [(1.0, V, None)], []), p * n)

    def matrix(self, n: int, p: int) -> Any:
        N = self.X.shape[0]
        D = self.inside.formed(N, p)
        if N * n * n <= SMALL:
            pairs = (self.X[:, :, None] * self.X[:, None, :]).reshape(N, n * n)
            H: Any = (D.reshape(N, p * p).T @ pairs).reshape(p, p, n, n).transpose(0, 2, 1, 3)
        else:
            H = np.empty((p, n, p, n))
            for a in range(p):
                for b in range(a + 1):
                    H[a, :, b, :] = gram(1.0, self.X, (D[:, a, b] + D[:, b, a]) / 2)
                    H[b, :, a, :] = H[a, :, b, :]
        H = H.reshape(n * p, n * p)
        H[np.diag_indices(n * p)] += self.c
        return H

    def apply(self, s: Any) -> Any:
        return self.c * s + self.X.T @ self.inside.apply(self.X @ s)
