"""One matrix S = diagonal + full + Σ c Lᵀ W L + rank one, on the left or on the right of the variable."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from matdiff.codegen.solvers.banded import banded, places
from matdiff.codegen.solvers.dense import Dense, Scaled
from matdiff.codegen.solvers.iterations import BIG, LARGE, Indefinite, by_products, by_rows
from matdiff.codegen.solvers.lowrank import Woodbury
from matdiff.codegen.solvers.products import gram, gram_times, lowered, symmetric_times, weighted
from matdiff.codegen.solvers.refinement import Refined


class OneSided:
    """S s, or with `right` s S, for S = diag + by full + Σ c Lᵀ W L + Σ c k gᵀ.

    diag a number, a vector or None; grams (c, L, W) with W None, a vector or a matrix; ranks (c, g, k).  Where a
    diagonal and grams of few rows are all, the matrix of that many rows is factored (Woodbury's formula), else S;
    sparse data give a banded matrix, in the order of Cuthill and McKee.
    """

    def __init__(self, diag: Any, full: Any, grams: Any, ranks: Any, right: bool = False, by: Any = 1.0) -> None:
        self.diag, self.full, self.grams, self.ranks, self.right, self.by = diag, full, grams, ranks, right, float(by)
        self.definite: Any = None
        self.solver: Any = None

    def solve(self, r: Any) -> Any:
        r = np.asarray(r)
        if self.right:
            r = r.T
        n = r.shape[0]
        definite = True
        if self.solver is None and not self.thin(n):
            self.solver = self.sparse(n)
        if self.solver is None and r.ndim == 1 and n >= LARGE and (most := self.affordable(n)) > 4:
            try:
                s = by_rows(self, r, 4 * most) if self.big() and self.thin(n) and self.weighted() else None
                if s is None:
                    low = self.single().apply if self.big() else None
                    s = by_products(self.apply, r, most, low, self.least())
                if s is not None:
                    self.definite = True
                    return s
            except Indefinite:
                definite = False
        if self.solver is None:
            self.solver = self.in_single(n) if definite and r.size <= n * n // 12 else None
            self.solver = self.solver or self.factored(n)
        s = self.solver.solve(r)
        self.definite = self.solver.definite
        return s.T if self.right else s

    def weighted(self) -> bool:
        """Are the weights of the rows numbers or vectors?"""
        return all(np.ndim(W) < 2 for _, _, W in self.grams)

    def least(self) -> float:
        """What no eigenvalue is below: the least of the diagonal, where all beside it is ⪰ 0 by its form; 0 else."""
        if self.full is not None or self.diag is None or not self.weighted():
            return 0.0
        weights = [c if W is None else c * W for c, _, W in self.grams] + [c for c, g, k in self.ranks if k is g]
        proven = len(weights) == len(self.grams) + len(self.ranks) and all(np.all(np.asarray(w) >= 0) for w in weights)
        return max(float(np.min(self.diag)), 0.0) if proven else 0.0

    def big(self) -> bool:
        return max([np.size(self.full), *(L.size for _, L, _ in self.grams)], default=0) >= BIG

    def single(self) -> Any:
        """The same with data in single precision."""
        diag, full, grams, ranks = lowered((self.diag, self.full, self.grams, self.ranks))
        return OneSided(diag, full, grams, ranks, by=self.by)

    def in_single(self, n: int) -> Any:
        """Factors in single precision; None where they do not pay, or S is not positive definite there."""
        rank = sum(L.shape[0] for _, L, _ in self.grams)
        if min(n, n if self.full is not None or self.diag is None else rank) < LARGE:
            return None
        with np.errstate(all="ignore"):
            try:
                solver = self.single().factored(n)
            except (ArithmeticError, np.linalg.LinAlgError):
                return None
        return Refined(self, solver, lambda: self.factored(n)) if solver.definite else None

    def apply(self, s: Any) -> Any:
        if self.right:
            s = s.T
        out = np.zeros(s.shape, s.dtype)
        if self.diag is not None:
            columns = np.ndim(self.diag) and s.ndim == 2
            out += s * (np.asarray(self.diag)[:, None] if columns else self.diag)
        if self.full is not None:
            out += symmetric_times(self.full, s, self.by)
        for c, L, W in self.grams:
            out += c * gram_times(L, W, s)
        for c, g, k in self.ranks:
            out += c * np.multiply.outer(k, g @ s)
        return out.T if self.right else out

    def affordable(self, n: int) -> int:
        """Products that count a quarter of the operations of a factorisation: they run at the speed of memory."""
        rows = sum(L.shape[0] for _, L, _ in self.grams)
        rank = rows + len(self.ranks)
        thin = self.full is None and self.diag is not None and rank < n
        if self.full is None and not rows:
            return 0
        work = rank * rank * n + rank**3 / 3 if thin else rows * n * n + n**3 / 3
        each = 4.0 * n * rows + 2.0 * n * n * (self.full is not None) + 4.0 * n * len(self.ranks) + n
        return int(work / (4 * each))

    def factored(self, n: int) -> Any:
        if self.full is None and not self.grams and not self.ranks:
            return Scaled(np.broadcast_to(self.diag, (n,)))
        return Woodbury(self, n) if self.thin(n) else Dense(self.matrix(n))

    def thin(self, n: int) -> bool:
        """Is the matrix of Woodbury's formula the smaller one?"""
        rank = sum(L.shape[0] for _, L, _ in self.grams) + len(self.ranks)
        return self.full is None and self.diag is not None and rank < n and bool(np.all(self.diag))

    def matrix(self, n: int) -> Any:
        """S itself."""
        H: Any = None
        for c, L, W in self.grams:
            part = gram(c, L, W)
            H = part if H is None else np.add(H, part, out=H)
        if self.full is not None:
            part = np.array(self.full) if self.by == 1 else self.full * self.full.dtype.type(self.by)
            H = part if H is None else np.add(H, part, out=H)
        if H is None:
            H = np.zeros((n, n))
        for c, g, k in self.ranks:
            H += np.outer(c * k, g)
        if self.diag is not None:
            H[np.diag_indices(n)] += self.diag
        return H

    def entries(self, n: int) -> Any:
        """The diagonal of S."""
        d = np.zeros(n) + (0.0 if self.diag is None else self.diag)
        if self.full is not None:
            d += self.by * np.diagonal(self.full)
        for c, L, W in self.grams:
            d += c * np.einsum("ij,ij->j", L, weighted(W, L))
        for c, g, k in self.ranks:
            d += c * k * g
        return d

    def sparse(self, n: int) -> Any:
        """S as a banded matrix, if that is cheaper; None else.  Most data show by their first rows that it is not."""
        if self.ranks or n < 64 or any(W is not None and np.ndim(W) == 2 for _, _, W in self.grams):
            return None
        pieces = [L for _, L, _ in self.grams] + ([self.full] if self.full is not None else [])
        if not pieces or not all(np.count_nonzero(A[:64]) * 10 <= A[:64].size for A in pieces):
            return None
        found = [places(A) for A in pieces]
        if any(i.size * 20 > A.size for (i, _), A in zip(found, pieces, strict=True)):
            return None
        diag = np.asarray(0.0 if self.diag is None else self.diag, dtype=float)
        rows, cols, entries = [np.arange(n)], [np.arange(n)], [np.broadcast_to(diag, (n,))]
        if self.full is not None:
            i, j = found.pop()
            rows.append(i)
            cols.append(j)
            entries.append(self.by * self.full[i, j])
        for (c, L, W), (i, j) in zip(self.grams, found, strict=True):
            A = scipy.sparse.csr_array((L[i, j], (i, j)), shape=L.shape)
            G = (c * (A.T @ (A if W is None else A.multiply(np.asarray(W)[:, None])))).tocoo()
            rows.append(G.row)
            cols.append(G.col)
            entries.append(G.data)
        return banded(n, np.concatenate(rows), np.concatenate(cols), np.concatenate(entries))
