"""Hessians with few diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from matdiff.codegen.solvers.dense import symmetric_solve


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


def places(A: Any) -> Any:
    """Rows and columns of the entries that are not 0."""
    return np.divmod(np.flatnonzero((A != 0).ravel()), A.shape[1])


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
