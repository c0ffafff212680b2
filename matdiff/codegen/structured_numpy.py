"""Solvers of H s = r for Hessians of known structure; generated code has the ones it needs written into it.

Each has the same three methods: `solve(r)`, `apply(s)` and, after the first solve, `definite`: True where H was found
to be positive definite, False where not, None where it was not looked at.  Arrays have the shape of the variable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from matdiff.codegen.products_numpy import (
    BIG,
    LARGE,
    Indefinite,
    Refined,
    by_products,
    by_rows,
    gram,
    gram_times,
    lowered,
    symmetric_times,
    weighted,
)


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
                    s = by_products(self.apply, r, most, self.single().apply if self.big() else None)
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


def places(A: Any) -> Any:
    """Rows and columns of the entries that are not 0."""
    return np.divmod(np.flatnonzero((A != 0).ravel()), A.shape[1])


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


class Banded:
    """A symmetric banded matrix in LAPACK's upper form, its rows taken in an order; `sparse` is the matrix itself."""

    def __init__(self, bands: Any, order: Any, sparse: Any) -> None:
        self.order, self.sparse = order, sparse
        try:
            self.factor = scipy.linalg.cholesky_banded(bands)
            self.definite = True
        except np.linalg.LinAlgError:
            self.definite = False

    def solve(self, r: Any) -> Any:
        if not self.definite:
            return symmetric_solve(self.sparse().toarray(), r)
        s = np.empty(r.shape)
        s[self.order] = scipy.linalg.cho_solve_banded((self.factor, False), r[self.order])
        return s

    def apply(self, s: Any) -> Any:
        return self.sparse() @ s


def banded(n: int, i: Any, j: Any, entries: Any) -> Any:
    """A symmetric matrix by its bands, as it stands or reordered; None where these are too many to be worth it.

    It is the sum of the `entries` at the rows i and columns j.
    """
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    def sparse() -> Any:
        return scipy.sparse.csr_array((entries, (i, j)), shape=(n, n))

    order = np.arange(n)
    for reordered in (False, True):
        if reordered:
            order = reverse_cuthill_mckee(sparse(), symmetric_mode=True)
            place = np.empty(n, dtype=int)
            place[order] = np.arange(n)
            k, m = place[i], place[j]
        else:
            k, m = i, j
        width = int(np.max(np.abs(k - m), initial=0))
        if 8 * width < n:
            upper = k <= m
            at = (width + k - m)[upper] * n + m[upper]
            bands = np.bincount(at, entries[upper], (width + 1) * n).reshape(width + 1, n)
            return Banded(bands, order, sparse)
    return None


class Bands:
    """A banded matrix told by its diagonals: `rows[k][i]` is what H has at (i, i − offsets[k]); `diag` is added."""

    def __init__(self, rows: Any, offsets: Any, diag: Any = None) -> None:
        self.rows, self.offsets, self.diag = rows, offsets, diag
        n = len(rows[0])
        width = max(map(abs, offsets), default=0)
        bands = np.zeros((width + 1, n))
        for row, o in zip(rows, offsets, strict=True):
            if o <= 0:
                bands[width + o, -o:] += row[: n + o]
        if diag is not None:
            bands[width] += diag
        try:
            self.factor = scipy.linalg.cholesky_banded(bands, overwrite_ab=True, check_finite=False)
            self.definite = True
        except np.linalg.LinAlgError:
            self.definite = False

    def solve(self, r: Any) -> Any:
        if not self.definite:
            return symmetric_solve(np.stack([self.apply(e) for e in np.eye(len(r))], axis=1), r)
        return scipy.linalg.cho_solve_banded((self.factor, False), r, check_finite=False)

    def apply(self, s: Any) -> Any:
        n = len(s)
        out = np.zeros(n) if self.diag is None else self.diag * s
        for row, o in zip(self.rows, self.offsets, strict=True):
            low, high = max(o, 0), n + min(o, 0)
            out[low:high] += row[low:high] * s[low - o : high - o]
        return out


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


def symmetric(H: Any) -> Any:
    """The symmetric part, in place."""
    H += H.T.copy()
    H *= 0.5
    return H
