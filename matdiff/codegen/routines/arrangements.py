"""Copies, transposes, Kronecker products, half-vectorisations: entries in other places."""

from __future__ import annotations

from matdiff.codegen.routines.language import Array


def fill(count: int, value: float, out: Array) -> None:
    """All entries the same."""
    for i in range(count):
        out[i] = value


def copy(count: int, x: Array, out: Array) -> None:
    """The entries of x."""
    for i in range(count):
        out[i] = x[i]


def transposed(m: int, n: int, x: Array, out: Array) -> None:
    """X' for X: m x n."""
    for i in range(m):
        for j in range(n):
            out[j + n * i] = x[i + m * j]


def kron(m: int, n: int, p: int, q: int, a: Array, b: Array, out: Array) -> None:
    """The Kronecker product of A: m x n and B: p x q."""
    for j in range(n):
        for s in range(q):
            for i in range(m):
                scale = a[i + m * j]
                at = i * p + m * p * (j * q + s)
                for r in range(p):
                    out[at + r] = scale * b[r + p * s]


def khatri_rao(m: int, n: int, p: int, a: Array, b: Array, out: Array) -> None:
    """The Kronecker products of the columns of A: m x n and B: p x n."""
    for j in range(n):
        kron(m, 1, p, 1, a[m * j :], b[p * j :], out[m * p * j :])


def kron_eye(m: int, n: int, k: int, a: Array, out: Array) -> None:
    """The Kronecker product of A: m x n with the identity k x k."""
    fill(m * n * k * k, 0.0, out)
    for j in range(n):
        for i in range(m):
            for r in range(k):
                out[i * k + r + m * k * (j * k + r)] = a[i + m * j]


def eye_kron(m: int, n: int, k: int, a: Array, out: Array) -> None:
    """The Kronecker product of the identity k x k with A: m x n."""
    fill(m * n * k * k, 0.0, out)
    for r in range(k):
        for j in range(n):
            for i in range(m):
                out[r * m + i + m * k * (r * n + j)] = a[i + m * j]


def unkron_left(m: int, n: int, p: int, q: int, y: Array, b: Array, out: Array) -> None:
    """The adjoint of A -> kron(A, B) for A: m x n, B: p x q, applied to Y."""
    for j in range(n):
        for i in range(m):
            s = 0.0
            for c in range(q):
                for r in range(p):
                    s += y[i * p + r + m * p * (j * q + c)] * b[r + p * c]
            out[i + m * j] = s


def unkron_right(m: int, n: int, p: int, q: int, a: Array, y: Array, out: Array) -> None:
    """The adjoint of B -> kron(A, B) for A: m x n, B: p x q, applied to Y."""
    fill(p * q, 0.0, out)
    for j in range(n):
        for i in range(m):
            for c in range(q):
                for r in range(p):
                    out[r + p * c] += y[i * p + r + m * p * (j * q + c)] * a[i + m * j]


def vech(n: int, x: Array, out: Array) -> None:
    """The columns of the lower triangle stacked."""
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[at] = x[i + n * j]
            at += 1


def unvech(n: int, x: Array, out: Array) -> None:
    """The symmetric matrix whose lower triangle has the columns x."""
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[i + n * j] = x[at]
            out[j + n * i] = x[at]
            at += 1


def unvech_lower(n: int, x: Array, out: Array) -> None:
    """The lower triangular matrix with the columns x."""
    fill(n * n, 0.0, out)
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[i + n * j] = x[at]
            at += 1


def commutation(m: int, n: int, out: Array) -> None:
    """The K with K vec(A) = vec(A') for A: m x n."""
    fill(m * n * m * n, 0.0, out)
    for i in range(m):
        for j in range(n):
            out[i * n + j + m * n * (i + m * j)] = 1.0


def duplication(n: int, out: Array) -> None:
    """The D with D vech(A) = vec(A) for symmetric A: n x n."""
    fill(n * n * (n * (n + 1) // 2), 0.0, out)
    at = 0
    for j in range(n):
        for i in range(j, n):
            out[i + n * j + n * n * at] = 1.0
            out[j + n * i + n * n * at] = 1.0
            at += 1


def blocks(m: int, n: int, k: int, s: int, inner: int, a: Array, c: Array, b: Array, out: Array) -> None:
    """A Diag(c) B' for each of the k rows c of C, A: m x s and B: n x s, added in the blocks of a matrix."""
    for r in range(k):
        for j in range(n):
            for p in range(s):
                scale = c[r + k * p] * b[j + n * p]
                for i in range(m):
                    if inner == 1:
                        out[i * k + r + m * k * (j * k + r)] += scale * a[i + m * p]
                    else:
                        out[r * m + i + m * k * (r * n + j)] += scale * a[i + m * p]


def eiggaps(n: int, v: Array, out: Array) -> None:
    """1/(v_j - v_i), with zeros on the diagonal and wherever values are equal."""
    for j in range(n):
        for i in range(n):
            gap = v[j] - v[i]
            out[i + n * j] = 0.0 if gap == 0 else 1 / gap
