"""Linear algebra of many small matrices at once, in NumPy: the index of the problem comes first in all arguments.

LAPACK takes a microsecond or more to begin on a matrix of six rows.  Here each step of an elimination is one operation
on that entry of all matrices, with the index of the problem last, so that it runs along memory; what is singular or not
finite is left to LAPACK, which answers or refuses as it does for one matrix.  Results are views of such memory: their
first axis is the problem's too, and what comes next needs no copy.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any

MANY = 64
FEW, FEW_OF_TRIANGLES = 6, 16
"""The largest matrices for which a loop over entries beats LAPACK's over problems, and the least number of them.

LAPACK inverts 6 rows in 1.1 µs and 8 in 1.5, this module in 0.7 and 1.9; for triangles NumPy has nothing.
"""
ROWS = 16
"""The number of a row of at most FEW has to be below."""


def worth(X: Array, few: int = FEW) -> bool:
    return X.shape[-1] <= few and len(X) >= MANY


def last(X: Array) -> Array:
    """With the index of the problem as the last, along which NumPy then computes; a view where memory is so already."""
    return np.ascontiguousarray(X.transpose(*range(1, X.ndim), 0))


def first(X: Array) -> Array:
    return X.transpose(-1, *range(X.ndim - 1))


def along(X: Array) -> bool:
    """Whether the index of the problem runs along memory."""
    return bool(X.strides[0] == X.itemsize and len(X) > 1)


def spread(X: Array) -> Array:
    """A stack with the index of the problem along memory."""
    return first(last(X)) if X.ndim > 1 else X


def compact(X: Array) -> Array:
    """With each array in a piece, as LAPACK takes them."""
    return np.ascontiguousarray(X)


def times(X: Array, Y: Array) -> Array:
    """The products of matrices."""
    if not (along(X) or along(Y)):
        return X @ Y
    return first(np.einsum("ikb,kjb->ijb", X.transpose(1, 2, 0), Y.transpose(1, 2, 0)))


def times_vectors(X: Array, y: Array) -> Array:
    """The products of matrices and vectors."""
    if len(X) == 1:
        return (X[0] @ y.T).T if along(y) else y @ X[0].T
    if along(X) or along(y):
        return first(np.einsum("ikb,kb->ib", X.transpose(1, 2, 0), y.T))
    return (X @ y[:, :, None])[:, :, 0]


# triangular systems, all arrays with the index of the problem last


def forward(L: Array, Y: Array, unit: bool = False) -> Array:
    """Y, n×k, overwritten by the solution X of L X = Y for lower triangular L, of unit diagonal if so said."""
    for j in range(len(L)):
        if j:
            Y[j] -= np.einsum("kb,kcb->cb", L[j, :j], Y[:j])
        if not unit:
            Y[j] /= L[j, j]
    return Y


def backward(U: Array, Y: Array, unit: bool = False) -> Array:
    """Y overwritten by the solution X of U X = Y for upper triangular U."""
    n = len(U)
    for j in reversed(range(n)):
        if j + 1 < n:
            Y[j] -= np.einsum("kb,kcb->cb", U[j, j + 1 :], Y[j + 1 :])
        if not unit:
            Y[j] /= U[j, j]
    return Y


def columns(B: Array, count: int) -> Array:
    """A copy of right sides, vectors or matrices, as n×k with the index of the problem last."""
    B = B if B.ndim == 3 else B[:, :, None]
    Y = np.empty((*B.shape[1:], count), B.dtype)
    Y[:] = B.transpose(1, 2, 0)
    return Y


def like(X: Array, B: Array) -> Array:
    """Solutions in the layout of the right sides B."""
    return first(X) if B.ndim == 3 else first(X[:, 0])


class Factors:
    """The LU factors of each matrix of a stack, by partial pivoting."""

    def __init__(self, X: Array) -> None:
        self.X = X
        self.made = worth(X)
        if self.made:
            self.eliminate()

    def eliminate(self) -> None:
        """F holds U, and below its diagonal L, rows in the order of their elimination (Crout's order of operations).

        Rows stay where they are until their turn; the number of a row stands in the last bits of the size of its entry,
        so that the largest of these integers is the pivot, and negative ones are rows that were taken.
        """
        A = last(self.X)
        A = A.copy() if np.may_share_memory(A, self.X) else A
        n, _, count = A.shape
        whole = np.dtype(f"i{A.dtype.itemsize}")
        taken = np.iinfo(whole).min
        largest = np.abs(A).reshape(n * n, count).max(axis=0, initial=0)
        self.F, self.order = np.empty_like(A), np.empty((n, count), np.intp)
        mark = np.empty((n, count), whole)
        mark[:] = np.arange(n)[:, None]
        problem = np.arange(count)
        places, index = np.arange(n)[:, None] * count + problem, np.empty((n, count), np.intp)
        entries, marks = A.reshape(-1), mark.reshape(-1)
        size, part = np.empty((n, count), whole), np.empty((n, count), A.dtype)
        smallest = np.full(count, np.inf, A.dtype)
        for j in range(n):
            column = A[:, j]
            if j:
                column -= np.einsum("ikb,kb->ib", A[:, :j], self.F[:j, j], out=part)
            np.abs(column, out=size.view(A.dtype))
            size &= ~(ROWS - 1)
            size |= mark
            row = self.order[j]
            row[:] = size.max(axis=0)
            row &= ROWS - 1
            marks[row * count + problem] = taken
            np.add(places, row * (n * count), out=index)
            np.take(entries, index, out=self.F[j], mode="clip")
            if 0 < j < n - 1:
                self.F[j, j + 1 :] -= np.einsum("kb,kcb->cb", self.F[j, :j], self.F[:j, j + 1 :], out=part[j + 1 :])
            pivot = self.F[j, j]
            np.minimum(smallest, np.abs(pivot), out=smallest)
            if j < n - 1:
                column /= pivot
        (self.bad,) = (~(smallest > 8 * n * np.finfo(A.dtype).eps * largest)).nonzero()

    def solve(self, B: Array, flip: bool = False) -> Array:
        """The solutions of A X = B, or of A' X = B, for vectors or matrices B.  Raises LinAlgError."""
        if not self.made:
            return solutions(self.X.swapaxes(1, 2) if flip else self.X, B)
        count = len(self.X)
        Y = columns(B, count)
        k = Y.shape[1]
        places = self.order[:, None] * (k * count) + np.arange(k)[:, None] * count + np.arange(count)
        if flip:
            Z = backward(self.F.swapaxes(0, 1), forward(self.F.swapaxes(0, 1), Y), unit=True)
            Y = np.empty_like(Z)
            Y.reshape(-1)[places] = Z
        else:
            Y = backward(self.F, forward(self.F, Y.reshape(-1)[places], unit=True))
        found = like(Y, B)
        if len(self.bad):
            bad = self.X[self.bad]
            some = B if len(B) == 1 else B[self.bad]
            found[self.bad] = solutions(bad.swapaxes(1, 2) if flip else bad, some)
        return found

    def inverse(self) -> Array:
        """The inverses.  Raises LinAlgError."""
        if not self.made:
            return np.linalg.inv(self.X)
        found = self.inverse_or_nan()
        if len(self.bad):
            found[self.bad] = np.linalg.inv(self.X[self.bad])
        return found

    def inverse_or_nan(self) -> Array:
        """The inverses of those that have one by our factors."""
        n = len(self.order)
        one = (self.order[:, None] == np.arange(n)[:, None]).astype(self.F.dtype)
        found = first(backward(self.F, forward(self.F, one, unit=True)))
        found[self.bad] = np.nan
        return found

    def det(self) -> Array:
        if not self.made:
            return np.linalg.det(self.X)
        found = self.diagonal().prod(axis=0)
        odd = np.zeros(len(self.X), bool)
        for j, row in enumerate(self.order):
            odd ^= (self.order[:j] > row).sum(axis=0) % 2 == 1
        found[odd] *= -1
        if len(self.bad):
            found[self.bad] = np.linalg.det(self.X[self.bad])
        return found

    def logabsdet(self) -> Array:
        if not self.made:
            return np.linalg.slogdet(self.X)[1]
        found = np.log(np.abs(self.diagonal())).sum(axis=0)
        if len(self.bad):
            found[self.bad] = np.linalg.slogdet(self.X[self.bad])[1]
        return found

    def diagonal(self) -> Array:
        """The pivots, the index of the problem last."""
        return np.stack([self.F[j, j] for j in range(len(self.F))]) if len(self.F) else self.F[:, 0]


def solutions(X: Array, B: Array) -> Array:
    """By LAPACK, one matrix at a time; many right sides of one matrix together."""
    B3 = B if B.ndim == 3 else B[:, :, None]
    if len(X) == 1 and len(B) > 1:
        count, n, k = B3.shape
        found = np.linalg.solve(X[0], B3.swapaxes(0, 1).reshape(n, count * k)).reshape(n, count, k).swapaxes(0, 1)
    else:
        found = np.linalg.solve(X, np.broadcast_to(B3, (max(len(X), len(B)), *B3.shape[1:])))
    return found if B.ndim == 3 else found[:, :, 0]


def solve(A: Array, B: Array) -> Array:
    """A⁻¹B, once: LAPACK takes no longer than `Factors`.  Raises LinAlgError."""
    return solutions(A, B)


def inverse(A: Array) -> Array:
    """A⁻¹.  Raises LinAlgError."""
    return Factors(A).inverse()


def cholesky(X: Array) -> Array:
    """The lower triangular factors.  Raises LinAlgError where one has none."""
    if not worth(X):
        return np.linalg.cholesky(X)
    L = last(X)
    L = L.copy() if np.may_share_memory(L, X) else L
    n, _, count = L.shape
    least = np.full(count, np.inf, L.dtype)
    for j in range(n):
        diagonal = L[j, j].copy()
        if j:
            L[j:, j] -= np.einsum("ikb,kb->ib", L[j:, :j], L[j, :j])
        np.minimum(least, L[j, j] / diagonal, out=least)
        L[j:, j] /= np.sqrt(L[j, j])
        L[:j, j] = 0
    found = first(L)
    (bad,) = (~(least > 8 * n * np.finfo(L.dtype).eps)).nonzero()
    if len(bad):
        found[bad] = np.linalg.cholesky(X[bad])
    return found


def solve_lower(L: Array, B: Array, flip: bool = False) -> Array:
    """L⁻¹B, or L⁻ᵀB, for lower triangular L.  Raises LinAlgError where it is singular and not solved together."""
    if not worth(L, FEW_OF_TRIANGLES):
        return solutions(L.swapaxes(1, 2) if flip else L, B)
    K, Y = last(L), columns(B, len(L))
    return like(backward(K.swapaxes(0, 1), Y) if flip else forward(K, Y), B)


def solve_cholesky(L: Array, B: Array) -> Array:
    """A⁻¹B from the L of A = LLᵀ."""
    if not worth(L, FEW_OF_TRIANGLES):
        return solve_lower(L, solve_lower(L, B), flip=True)
    K = last(L)
    return like(backward(K.swapaxes(0, 1), forward(K, columns(B, len(L)))), B)


def inverse_lower(L: Array) -> Array:
    """L⁻¹, the index of the problem last."""
    K = last(L)
    n = len(K)
    Y = np.zeros_like(K)
    for j in range(n):
        Y[j, j] = 1
        if j:
            Y[j, :j] = -np.einsum("kb,kcb->cb", K[j, :j], Y[:j, :j])
        Y[j, : j + 1] /= K[j, j]
    return Y


def inverse_cholesky(L: Array) -> Array:
    """A⁻¹ from the L of A."""
    if not worth(L):
        half = np.linalg.inv(L)
        return half.swapaxes(1, 2) @ half
    Y = inverse_lower(L)
    found = np.empty_like(Y)
    for j in range(len(Y)):
        found[j, : j + 1] = np.einsum("kb,kcb->cb", Y[j:, j], Y[j:, : j + 1])
        found[:j, j] = found[j, :j]
    return first(found)


def inverse_trace(L: Array) -> Array:
    """tr A⁻¹ from the L of A."""
    if not worth(L):
        half = np.linalg.inv(L)
        return np.einsum("bij,bij->b", half, half)
    Y = inverse_lower(L)
    return np.einsum("ijb,ijb->b", Y, Y)


def adjugate(X: Array) -> Array:
    """det(X) X⁻¹ of each, from singular values where X is ill-conditioned."""
    n = X.shape[-1]
    made = Factors(X)
    if made.made:
        inverses, dets = made.inverse_or_nan(), made.det()
    else:
        try:
            inverses = np.linalg.inv(X)
        except np.linalg.LinAlgError:
            inverses = np.full(X.shape, np.nan, X.dtype)
        dets = np.linalg.det(X)
    size = norm(X) * norm(inverses)
    found = inverses
    found *= dets[:, None, None]
    (bad,) = (~(size < np.finfo(X.dtype).eps ** (-1 / 3))).nonzero()
    if len(bad):
        U, s, Vt = np.linalg.svd(X[bad])
        others = np.stack([np.delete(s, k, axis=1).prod(axis=1) for k in range(n)], axis=1)
        signs = np.linalg.det(U) * np.linalg.det(Vt)
        found[bad] = signs[:, None, None] * (Vt.swapaxes(1, 2) * others[:, None, :]) @ U.swapaxes(1, 2)
    return found


# exponentials

PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
"""The coefficients of the diagonal Padé approximant of degree 13 (Higham 2008, §10.3)."""


def halvings(X: Array) -> Array:
    """How often each matrix is halved before the approximant is good to rounding, as a column of matrices."""
    size = np.abs(X).sum(axis=1).max(axis=1, initial=0)
    turns: Array = np.ceil(np.log2(np.maximum(np.where(np.isfinite(size), size, 0), 4) / 4)).astype(int)
    return turns[:, None, None]


def expm(X: Array) -> Array:
    """The exponentials: scaling, the approximant, squaring (Higham 2008, alg. 10.20)."""
    turns = halvings(X)
    X = X / 2.0**turns
    one = np.eye(X.shape[1], dtype=X.dtype)
    b = PADE
    X2 = times(X, X)
    X4 = times(X2, X2)
    X6 = times(X4, X2)
    high = times(X6, b[13] * X6 + b[11] * X4 + b[9] * X2)
    odd = times(X, high + b[7] * X6 + b[5] * X4 + b[3] * X2 + b[1] * one)
    even = times(X6, b[12] * X6 + b[10] * X4 + b[8] * X2) + b[6] * X6 + b[4] * X4 + b[2] * X2 + b[0] * one
    E = solve(even - odd, even + odd)
    for k in range(int(turns.max(initial=0))):
        E = np.where(turns > k, times(E, E), E)
    return E


def frechet_expm(A: Array, V: Array) -> Array:
    """What V does to exp A, the differential of each step of `expm` beside it (Al-Mohy & Higham 2009, alg. 6.4)."""
    A, V = np.broadcast_arrays(A, V)
    turns = halvings(A)
    scale = 2.0**turns
    A, V = A / scale, V / scale
    one = np.eye(A.shape[1], dtype=A.dtype)
    b = PADE
    A2, V2 = times(A, A), times(A, V) + times(V, A)
    A4, V4 = times(A2, A2), times(A2, V2) + times(V2, A2)
    A6, V6 = times(A4, A2), times(A4, V2) + times(V4, A2)
    high, d_high = b[13] * A6 + b[11] * A4 + b[9] * A2, b[13] * V6 + b[11] * V4 + b[9] * V2
    inner = times(A6, high) + b[7] * A6 + b[5] * A4 + b[3] * A2 + b[1] * one
    d_inner = times(A6, d_high) + times(V6, high) + b[7] * V6 + b[5] * V4 + b[3] * V2
    odd, d_odd = times(A, inner), times(A, d_inner) + times(V, inner)
    high, d_high = b[12] * A6 + b[10] * A4 + b[8] * A2, b[12] * V6 + b[10] * V4 + b[8] * V2
    even = times(A6, high) + b[6] * A6 + b[4] * A4 + b[2] * A2 + b[0] * one
    d_even = times(A6, d_high) + times(V6, high) + b[6] * V6 + b[4] * V4 + b[2] * V2
    made = Factors(even - odd)
    E = made.solve(even + odd)
    L = made.solve(d_even + d_odd - times(d_even - d_odd, E))
    for k in range(int(turns.max(initial=0))):
        more = turns > k
        L = np.where(more, times(E, L) + times(L, E), L)
        E = np.where(more, times(E, E), E)
    return L


# entries, sums, places


def flat(X: Array) -> Array:
    """The entries of each in a row."""
    return X.transpose(*range(1, X.ndim), 0).reshape(-1, len(X)).T if along(X) else X.reshape(len(X), -1)


def norm(X: Array) -> Array:
    """The roots of the sums of squares, scaled where squares leave the range of floats."""
    X = flat(X)
    square = np.einsum("bi,bi->b", X, X)
    if ((square > 1e-30) & (square < np.inf)).all():
        return np.sqrt(square)
    top = np.abs(X).max(axis=1, initial=0)
    scale = np.where((top > 0) & (top < np.inf), top, 1)
    return scale * np.sqrt(np.sum((X / scale[:, None]) ** 2, axis=1))


def logsumexp(X: Array) -> Array:
    """The logarithms of the sums of exp, without overflow."""
    X = flat(X)
    top = X.max(axis=1, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    return top + np.log(np.exp(X - top[:, None]).sum(axis=1))


def softmax(X: Array) -> Array:
    """exp divided by its sum along the last axis, without overflow."""
    weights = np.exp(X - X.max(axis=-1, keepdims=True, initial=-np.inf))
    return weights / weights.sum(axis=-1, keepdims=True)


def inner(A: Array, B: Array) -> Array:
    """The sums of the products of entries."""
    product = A * B
    return flat(product).sum(axis=1)


def polar(A: Array) -> Array:
    U, _, Vt = np.linalg.svd(compact(A), full_matrices=False)
    return U @ Vt


def diagonals(X: Array) -> Array:
    return np.diagonal(X, axis1=1, axis2=2)


def diagonal_matrices(x: Array) -> Array:
    out = np.zeros((*x.shape, x.shape[1]), x.dtype)
    index = np.arange(x.shape[1])
    out[:, index, index] = x
    return out


def add_diagonal(A: Array, s: Array) -> Array:
    """A + sI, or a vector added to the diagonal of A."""
    n = A.shape[1]
    out = np.array(np.broadcast_to(A, (max(len(A), len(s)), n, n)))
    index = np.arange(n)
    out[:, index, index] += s if s.ndim == 2 else s[:, None]
    return out


def kron(A: Array, B: Array) -> Array:
    K = A[:, :, None, :, None] * B[:, None, :, None, :]
    return K.reshape(len(K), A.shape[1] * B.shape[1], A.shape[2] * B.shape[2])
