"""QR factors and what Gram matrices owe to them."""

from __future__ import annotations

from math import fabs, inf, log, sqrt

from matdiff.codegen.routines.arrangements import copy, fill
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.reductions import dot, norm


def qr(m: int, n: int, a: Array) -> None:
    """A: m x n, m >= n, overwritten by its triangular factor and, below, by reflections (Golub & Van Loan, 5.2.1)."""
    for j in range(n):
        size = norm(m - j, a[j + m * j :])
        alpha = a[j + m * j]
        if size > 0:
            r = -size if alpha > 0 else size
            for i in range(j + 1, m):
                a[i + m * j] /= alpha - r
            tau = (r - alpha) / r
            a[j + m * j] = r
            for k in range(j + 1, n):
                s = a[j + m * k]
                for i in range(j + 1, m):
                    s += a[i + m * j] * a[i + m * k]
                s = s * tau
                a[j + m * k] -= s
                for i in range(j + 1, m):
                    a[i + m * k] -= s * a[i + m * j]


def gram_logdet(m: int, n: int, a: Array, work: Array) -> float:
    """log det(A' A) from the triangular factor of A; work: m n."""
    if m < n:
        return -inf
    copy(m * n, a, work)
    qr(m, n, work)
    s = 0.0
    for i in range(n):
        s += log(fabs(work[i + m * i]))
    return 2 * s


def gram_root(m: int, n: int, a: Array, out: Array, work: Array) -> int:
    """The lower triangular L with L L' = A' A from the triangular factor of A; 1 where its rank is less than n."""
    if m < n:
        return 1
    copy(m * n, a, work)
    qr(m, n, work)
    for i in range(n):
        r = work[i + m * i]
        if r == 0:
            return 1
        sign = -1.0 if r < 0 else 1.0
        for j in range(i):
            out[j + n * i] = 0.0
        for j in range(i, n):
            out[j + n * i] = sign * work[i + m * j]
    return 0


def orthonormalised(m: int, n: int, q: Array, r: Array) -> int:
    """Q: m x n overwritten by orthonormal columns, R: n x n upper triangular, by Gram-Schmidt, twice a column."""
    fill(n * n, 0.0, r)
    for j in range(n):
        for _ in range(2):
            for i in range(j):
                part = dot(m, q[m * i :], q[m * j :])
                r[i + n * j] += part
                for p in range(m):
                    q[p + m * j] -= part * q[p + m * i]
        length = sqrt(dot(m, q[m * j :], q[m * j :]))
        if length == 0:
            return 1
        r[j + n * j] = length
        for p in range(m):
            q[p + m * j] /= length
    return 0


def qr_left(m: int, n: int, a: Array, out: Array, work: Array) -> int:
    """The Q of A = Q R, R with a positive diagonal; work: n^2."""
    copy(m * n, a, out)
    return orthonormalised(m, n, out, work)


def qr_right(m: int, n: int, a: Array, out: Array, work: Array) -> int:
    """The R of A = Q R with a positive diagonal; work: m n."""
    copy(m * n, a, work)
    return orthonormalised(m, n, work, out)
