"""Singular values and vectors, by one-sided rotations, and what is made with them."""

from __future__ import annotations

from math import fabs, floor, inf, nan, sqrt

from matdiff.codegen.routines.arrangements import copy, transposed
from matdiff.codegen.routines.eigen import rotate
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.lu import signdet
from matdiff.codegen.routines.products import gemm, identity
from matdiff.codegen.routines.reductions import dot, norm, total


def turned_signs(n: int, k: int, v: Array, at: int) -> float:
    """-1 where the entry of largest absolute value of a column of V: n x k is negative, else 1."""
    best = 0.0
    for i in range(n):
        if fabs(v[i + n * at]) > fabs(best):
            best = v[i + n * at]
    return -1.0 if best < 0 else 1.0


def svd_left(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The left singular vectors of A, signs as V asks for; work: k (m + n + 1)."""
    k = m if m < n else n
    svd(m, n, a, work)
    for j in range(k):
        sign = turned_signs(n, k, work[m * k + k :], j)
        for i in range(m):
            out[i + m * j] = sign * work[i + m * j]


def svd_right(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The right singular vectors of A, their largest entries positive; work: k (m + n + 1)."""
    k = m if m < n else n
    svd(m, n, a, work)
    for j in range(k):
        sign = turned_signs(n, k, work[m * k + k :], j)
        for i in range(n):
            out[i + n * j] = sign * work[m * k + k + i + n * j]


def svd_tall(m: int, n: int, u: Array, s: Array, v: Array) -> None:
    """U: m x n, m >= n, overwritten by left singular vectors; s decreases; V: n x n (one-sided Jacobi, Hestenes)."""
    identity(n, v)
    for _ in range(60):
        rotated = 0
        for q in range(1, n):
            for p in range(q):
                alpha = dot(m, u[m * p :], u[m * p :])
                beta = dot(m, u[m * q :], u[m * q :])
                gamma = dot(m, u[m * p :], u[m * q :])
                if fabs(gamma) > 1e-16 * sqrt(alpha) * sqrt(beta) and gamma != 0:
                    rotated = 1
                    theta = (beta - alpha) / (2 * gamma)
                    t = 1 / (fabs(theta) + sqrt(theta * theta + 1)) if fabs(theta) < 1e150 else 0.5 / fabs(theta)
                    if theta < 0:
                        t = -t
                    c = 1 / sqrt(t * t + 1)
                    rotate(m, u[m * p :], u[m * q :], c, t * c)
                    rotate(n, v[n * p :], v[n * q :], c, t * c)
        if rotated == 0:
            break
    for j in range(n):
        s[j] = norm(m, u[m * j :])
    for i in range(n):
        at = i
        for j in range(i + 1, n):
            if s[j] > s[at]:
                at = j
        if at != i:
            x = s[i]
            s[i] = s[at]
            s[at] = x
            rotate(m, u[m * i :], u[m * at :], 0.0, 1.0)
            rotate(n, v[n * i :], v[n * at :], 0.0, 1.0)
    for j in range(n):
        if s[j] > 1e-300 and s[j] > 1e-17 * s[0]:
            for i in range(m):
                u[i + m * j] /= s[j]
        else:
            complete(m, j, u)


def complete(m: int, j: int, u: Array) -> None:
    """Column j a unit vector orthogonal to those before it."""
    best = 0
    least = inf
    for i in range(m):
        size = 0.0
        for k in range(j):
            size += u[i + m * k] * u[i + m * k]
        if size < least:
            least = size
            best = i
    for i in range(m):
        u[i + m * j] = 0.0
    u[best + m * j] = 1.0
    for _ in range(2):
        for k in range(j):
            s = dot(m, u[m * k :], u[m * j :])
            for i in range(m):
                u[i + m * j] -= s * u[i + m * k]
        size = norm(m, u[m * j :])
        for i in range(m):
            u[i + m * j] /= size


def svd(m: int, n: int, a: Array, out: Array) -> None:
    """U: m x k, the k singular values, V: n x k, one after the other, k = min(m, n), and A = U S V'."""
    if m >= n:
        copy(m * n, a, out)
        svd_tall(m, n, out, out[m * n :], out[m * n + n :])
    else:
        transposed(m, n, a, out[m * m + m :])
        svd_tall(n, m, out[m * m + m :], out[m * m :], out)


def svdvals(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The singular values, which decrease; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    copy(k, work[m * k :], out)


def sigma(m: int, n: int, a: Array, i: int, work: Array) -> float:
    """The i-th largest singular value; 0 where it is no more than rounding; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    most = m if m > n else n
    svd(m, n, a, work)
    s = work[m * k + i - 1]
    return s if s > 2.22e-16 * most * work[m * k] else 0.0


def sigma_at(m: int, n: int, a: Array, i: float, work: Array) -> float:
    """The i-th largest singular value; work: k (m + n + 1), k = min(m, n)."""
    if i != floor(i) or i < 1 or i > m or i > n:
        return nan
    return sigma(m, n, a, int(i), work)


def sigma_max(m: int, n: int, a: Array, work: Array) -> float:
    """The largest singular value; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    return work[m * k]


def cond2(m: int, n: int, a: Array, work: Array) -> float:
    """The largest singular value divided by the smallest; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    return work[m * k] / work[m * k + k - 1]


def nuclear_part(m: int, n: int, f: Array) -> float:
    """The sum of the singular values, from the decomposition."""
    k = m if m < n else n
    return total(k, f[m * k :])


def nuclear(m: int, n: int, a: Array, work: Array) -> float:
    """The sum of the singular values; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    return total(k, work[m * k :])


def polar_part(m: int, n: int, f: Array, out: Array) -> None:
    """U V' from the singular value decomposition."""
    k = m if m < n else n
    gemm(m, n, k, f, 1, m, f[m * k + k :], n, 1, out, 1, m)


def polar(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The orthogonal factor U V' of A = U S V'; work: k (m + n + 1), k = min(m, n)."""
    svd(m, n, a, work)
    polar_part(m, n, work, out)


def pinv(m: int, n: int, a: Array, out: Array, work: Array) -> None:
    """The Moore-Penrose inverse; work: k (m + n + 1), k = min(m, n)."""
    k = m if m < n else n
    svd(m, n, a, work)
    s = work[m * k :]
    v = work[m * k + k :]
    for j in range(k):
        scale = 1 / s[j] if s[j] > 1e-15 * s[0] else 0.0
        for i in range(n):
            v[i + n * j] *= scale
    gemm(n, m, k, v, 1, n, work, m, 1, out, 1, n)


def orthogonal_sign(n: int, a: Array, work: Array) -> float:
    """The determinant of an orthogonal matrix; work: n^2 + n."""
    return signdet(n, a, work)
