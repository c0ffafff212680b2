"""Linear algebra."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence
from typing import Any

from .arrays import array, asarray, extreme, found_kind, ndarray, reduced
from .functions import absolute
from .making import eye, finfo, zeros
from .missing import missing
from .numbers import divide_numbers, float64, inf, nan, power_numbers, scalar
from .shaping import tril, triu

__getattr__ = missing(__name__)


class LinAlgError(ValueError):
    pass


def square_rows(A: Any) -> list[list[Any]]:
    A = asarray(A)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise LinAlgError("the matrix is not square")
    if not all(cmath.isfinite(x) for x in A.data):
        raise LinAlgError("the matrix is not finite")
    return [[x if A.kind == "c" else float(x) for x in row] for row in rows_of(A)]


def real_matrix(A: Any) -> ndarray:
    A = asarray(A)
    if A.kind == "c":
        raise ImportError("complex matrices are not here", name="numpy")
    if A.ndim != 2:
        raise LinAlgError("a matrix is wanted")
    if not all(map(math.isfinite, A.data)):
        raise LinAlgError("the matrix is not finite")
    return A


def rows_of(A: ndarray) -> list[list[Any]]:
    n = A.shape[1]
    return [A.data[i * n : (i + 1) * n] for i in range(A.shape[0])]


def lu(A: Any) -> tuple[list[list[Any]], list[int], int]:
    """L below and U on and above the diagonal, the rows that were taken as pivots, the sign of their order."""
    M = square_rows(A)
    n, sign_, pivots = len(M), 1, []
    for k in range(n):
        p = max(range(k, n), key=lambda i: abs(M[i][k]))
        pivots.append(p)
        if p != k:
            M[p], M[k], sign_ = M[k], M[p], -sign_
        if M[k][k] == 0:
            continue
        for i in range(k + 1, n):
            f = M[i][k] = M[i][k] / M[k][k]
            if f:
                row, top = M[i], M[k]
                for j in range(k + 1, n):
                    row[j] -= f * top[j]
    return M, pivots, sign_


def solve(A: Any, b: Any) -> Any:
    M, pivots, _ = lu(A)
    return solved(M, pivots, asarray(b))


def solved(M: list[list[Any]], pivots: Sequence[int], b: ndarray, kind: str = "") -> ndarray:
    n = len(M)
    if b.shape[0] != n:
        raise ValueError("solve: the sizes do not fit")
    if any(M[k][k] == 0 for k in range(n)):
        raise LinAlgError("Singular matrix")
    X = [row[:] for row in rows_of(b.reshape(n, -1))]
    for k, p in enumerate(pivots):
        X[k], X[p] = X[p], X[k]
    for i in range(n):
        for k in range(i):
            if M[i][k]:
                X[i] = [x - M[i][k] * y for x, y in zip(X[i], X[k], strict=True)]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            if M[i][k]:
                X[i] = [x - M[i][k] * y for x, y in zip(X[i], X[k], strict=True)]
        X[i] = [x / M[i][i] for x in X[i]]
    data = [x for row in X for x in row]
    return ndarray(b.shape, data, found_kind(data, "f"))


def inv(A: Any) -> ndarray:
    return solve(A, eye(len(asarray(A))))


def slogdet(A: Any) -> tuple[Any, Any]:
    M, _, s = lu(A)
    value, total = s, 0.0
    for k, row in enumerate(M):
        if row[k] == 0:
            return float64(0.0), float64(-inf)
        value *= row[k] / abs(row[k])
        total += math.log(abs(row[k]))
    return scalar(value if isinstance(value, complex) else float(value)), float64(total)


def det(A: Any) -> Any:
    M, _, s = lu(A)
    return scalar(math.prod([row[k] for k, row in enumerate(M)], start=float(s)))


def cholesky(A: Any) -> ndarray:
    M = square_rows(A)
    n = len(M)
    of = complex if asarray(A).kind == "c" else float
    for j in range(n):
        for k in range(j):
            for i in range(j, n):
                M[i][j] -= M[i][k] * M[j][k].conjugate()
        pivot = M[j][j].real
        if not pivot > 0:
            raise LinAlgError("Matrix is not positive definite")
        root = math.sqrt(pivot)
        M[j][j] = root
        for i in range(j + 1, n):
            M[i][j] /= root
    return tril(array(M, of))


def qr(A: Any, mode: str = "reduced") -> Any:
    """By Householder's reflections."""
    A = real_matrix(A)
    m, n = A.shape
    R = [[float(x) for x in row] for row in rows_of(A)]
    Q = [[float(i == j) for j in range(m)] for i in range(m)]
    for k in range(min(m - 1, n)):
        x = [R[i][k] for i in range(k, m)]
        size_ = math.hypot(*x)
        if size_ == 0:
            continue
        x[0] += math.copysign(size_, x[0])
        h = 2 / sum(t * t for t in x)
        for M in (R, Q):
            for j in range(len(M[0])):
                c = h * sum(x[i - k] * M[i][j] for i in range(k, m))
                for i in range(k, m):
                    M[i][j] -= c * x[i - k]
    r = m if mode == "complete" else min(m, n)
    upper = triu(asarray(R[:r])) if r else zeros((0, n))
    return upper if mode == "r" else Pair((asarray(Q[:r]).T if r else zeros((m, 0)), upper), ("Q", "R"))


def eigh(A: Any) -> Any:
    """By Jacobi's rotations, which keep small eigenvalues exact."""
    M = square_rows(A)
    if any(isinstance(x, complex) for row in M for x in row):
        raise ImportError("complex matrices are not here", name="numpy")
    n = len(M)
    V = [[float(i == j) for j in range(n)] for i in range(n)]
    for i in range(n):
        for j in range(i):
            M[j][i] = M[i][j]
    for _ in range(60):
        off = sum(M[i][j] ** 2 for i in range(n) for j in range(i))
        if off <= 1e-40 * sum(M[i][i] ** 2 for i in range(n)) or off == 0:
            break
        for p in range(n):
            for q in range(p + 1, n):
                if M[p][q] == 0:
                    continue
                t = (M[q][q] - M[p][p]) / (2 * M[p][q])
                t = math.copysign(1.0, t) / (abs(t) + math.hypot(1.0, t)) if abs(t) < 1e150 else 1 / (2 * t)
                c = 1 / math.hypot(1.0, t)
                s = t * c
                for k in range(n):
                    M[k][p], M[k][q] = c * M[k][p] - s * M[k][q], s * M[k][p] + c * M[k][q]
                for k in range(n):
                    M[p][k], M[q][k] = c * M[p][k] - s * M[q][k], s * M[p][k] + c * M[q][k]
                    V[k][p], V[k][q] = c * V[k][p] - s * V[k][q], s * V[k][p] + c * V[k][q]
    order = sorted(range(n), key=lambda i: M[i][i])
    values = asarray([M[i][i] for i in order], float)
    vectors = asarray([[V[k][i] for i in order] for k in range(n)], float)
    return Pair((values, vectors), ("eigenvalues", "eigenvectors"))


class Pair(tuple[Any, ...]):
    """Several results, also by their names."""

    names: tuple[str, ...]

    def __new__(cls, parts: Iterable[Any], names: tuple[str, ...]) -> Pair:
        made = super().__new__(cls, parts)
        made.names = names
        return made

    def __getattr__(self, name: str) -> Any:
        try:
            return self[self.names.index(name)]
        except ValueError:
            raise AttributeError(name) from None


def eigvalsh(A: Any) -> ndarray:
    found: ndarray = eigh(A)[0]
    return found


def svd(A: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """One-sided Jacobi: rotations make the columns orthogonal; their lengths are the singular values."""
    A = real_matrix(A)
    m, n = A.shape
    if m < n:
        found = svd(A.T, full_matrices, compute_uv)
        return found if not compute_uv else Pair((found[2].T, found[1], found[0].T), ("U", "S", "Vh"))
    U = [[float(x) for x in A.data[j::n]] for j in range(n)]
    V = [[float(i == j) for i in range(n)] for j in range(n)]
    for _ in range(60):
        turned = False
        for p in range(n):
            for q in range(p + 1, n):
                a, b = (sum(x * x for x in U[k]) for k in (p, q))
                g = sum(x * y for x, y in zip(U[p], U[q], strict=True))
                if g == 0 or abs(g) <= 1e-16 * math.sqrt(a * b):
                    continue
                turned = True
                z = (b - a) / (2 * g)
                t = math.copysign(1.0, z) / (abs(z) + math.hypot(1.0, z))
                c = 1 / math.hypot(1.0, t)
                s = c * t
                for M in (U, V):
                    M[p], M[q] = (
                        [c * x - s * y for x, y in zip(M[p], M[q], strict=True)],
                        [s * x + c * y for x, y in zip(M[p], M[q], strict=True)],
                    )
        if not turned:
            break
    sizes = [math.hypot(*u) for u in U]
    order = sorted(range(n), key=lambda j: -sizes[j])
    values = asarray([sizes[j] for j in order], float)
    if not compute_uv:
        return values
    left = [[x / sizes[j] for x in U[j]] if sizes[j] > 0 else None for j in order]
    columns = completed([u for u in left if u is not None], m, m if full_matrices else n)
    return Pair((asarray(columns).T, values, asarray([V[j] for j in order])), ("U", "S", "Vh"))


def completed(columns: list[list[float]], m: int, wanted: int) -> list[list[float]]:
    """More columns, orthogonal to those that there are and to one another."""
    out = list(columns)
    for k in range(m):
        if len(out) >= wanted:
            break
        v = [float(i == k) for i in range(m)]
        for _ in range(2):
            for u in out:
                c = sum(x * y for x, y in zip(u, v, strict=True))
                v = [y - c * x for x, y in zip(u, v, strict=True)]
        size_ = math.hypot(*v)
        if size_ > 1e-8:
            out.append([x / size_ for x in v])
    return out


def pinv(A: Any, rcond: float | None = None, **_: Any) -> ndarray:
    U, s, V = svd(A, full_matrices=False)
    floor_ = (rcond or 1e-15) * (s.data[0] if s.size else 0)
    turned = asarray([1 / x if x > floor_ else 0.0 for x in s.data], float)
    return asarray((V.T * turned) @ U.T)


def lstsq(A: Any, b: Any, rcond: Any = None) -> tuple[Any, ...]:
    s = svd(A, compute_uv=False)
    return pinv(A) @ asarray(b), zeros(0), matrix_rank(A), s


def matrix_rank(A: Any, tol: float | None = None) -> int:
    A = asarray(A)
    s = svd(A, compute_uv=False)
    floor_ = s.data[0] * max(A.shape) * finfo.eps if tol is None and s.size else tol or 0
    return sum(x > floor_ for x in s.data)


def cond(A: Any, p: Any = None) -> Any:
    s = svd(A, compute_uv=False)
    return float64(divide_numbers(s.data[0], s.data[-1]))


def matrix_power(A: Any, n: int) -> ndarray:
    A = inv(A) if n < 0 else asarray(A)
    out = eye(len(A), dtype=A.dtype)
    for _ in range(abs(n)):
        out = out @ A
    return out


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    a = asarray(x)
    if axis is not None or keepdims:
        if ord not in (None, 2) or (ord == 2 and not isinstance(axis, int)):
            raise ImportError("this norm is not here", name="numpy")
        return reduced(a, length, axis, keepdims, "f")
    if ord is None or (ord == "fro" and a.ndim == 2) or (ord == 2 and a.ndim == 1):
        return float64(length(a.data))
    if a.ndim == 1 and isinstance(ord, (int, float)):
        return float64(vector_norm([abs(y) for y in a.data], ord))
    if a.ndim == 2 and ord in (1, -1, inf, -inf):
        sums = asarray(asarray(absolute(a)).sum(axis=0 if abs(ord) == 1 else 1))
        return float64(sums.max() if ord > 0 else sums.min())
    if a.ndim != 2 or ord not in (2, -2, "nuc"):
        raise ValueError(f"there is no norm of order {ord}")
    s = svd(a, compute_uv=False)
    return {2: s.max, "nuc": s.sum, -2: s.min}[ord]()


def length(xs: Iterable[Any]) -> float:
    found = [abs(x) for x in xs]
    return nan if any(x != x for x in found) else math.hypot(*found)


def vector_norm(sizes: list[Any], ord: float) -> Any:
    if ord in (inf, -inf):
        return extreme(sizes, max if ord > 0 else min, None)
    if ord == 0:
        return sum(x != 0 for x in sizes)
    return sum(power_numbers(float(x), ord) for x in sizes) ** (1 / ord)


def eigvals(A: Any) -> ndarray:
    """By QR steps with Wilkinson's shift, on complex numbers; symmetric matrices by rotations."""
    M = square_rows(A)
    n = len(M)
    if all(M[i][j] == M[j][i] and not isinstance(M[i][j], complex) for i in range(n) for j in range(i)):
        return eigvalsh(A)
    M, found = [[complex(x) for x in row] for row in M], []
    size_ = math.hypot(*(abs(x) for row in M for x in row)) or 1.0
    left = 100 * n
    while M:
        m = len(M)
        if m == 1 or max(abs(x) for x in M[-1][:-1]) <= 1e-15 * size_ or left == 0:
            found.append(M[-1][-1])
            M = [row[:-1] for row in M[:-1]]
            continue
        left -= 1
        a, b, c, d = M[-2][-2], M[-2][-1], M[-1][-2], M[-1][-1]
        root = cmath.sqrt((a - d) ** 2 / 4 + b * c)
        shift = min(((a + d) / 2 + root, (a + d) / 2 - root), key=lambda x: abs(x - d))
        if left % 11 == 0:
            shift += size_ * 1e-3
        columns = [[M[i][j] - shift * (i == j) for i in range(m)] for j in range(m)]
        Q: list[list[complex]] = []
        R = [[0j] * m for _ in range(m)]
        for j, v in enumerate(columns):
            for _ in range(2):
                for i, q in enumerate(Q):
                    c = sum(x.conjugate() * y for x, y in zip(q, v, strict=True))
                    R[i][j] += c
                    v = [y - c * x for x, y in zip(q, v, strict=True)]
            R[j][j] = complex(math.hypot(*map(abs, v)))
            Q.append([x / R[j][j] for x in v] if R[j][j] else [complex(i == j) for i in range(m)])
        M = [[sum(R[i][k] * Q[j][k] for k in range(m)) + shift * (i == j) for j in range(m)] for i in range(m)]
    real_ = all(abs(x.imag) <= 1e-12 * size_ for x in found)
    return asarray([x.real for x in found] if real_ else found)
