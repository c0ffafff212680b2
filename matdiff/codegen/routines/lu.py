"""LU factors by partial pivoting; systems, inverses and determinants by them."""

from __future__ import annotations

from math import exp, fabs, inf, log, pow

from matdiff.codegen.routines.arrangements import copy, fill
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.products import identity
from matdiff.codegen.routines.scalars import sign


def lu(n: int, a: Array, out: Array) -> int:
    """The factors of A with partial pivoting, then the n rows that were swapped; 1 where A is singular."""
    failed = 0
    copy(n * n, a, out)
    for j in range(n):
        at = j
        for i in range(j + 1, n):
            if fabs(out[i + n * j]) > fabs(out[at + n * j]):
                at = i
        out[n * n + j] = at
        if at != j:
            for k in range(n):
                spare = out[j + n * k]
                out[j + n * k] = out[at + n * k]
                out[at + n * k] = spare
        pivot = out[j + n * j]
        if pivot == 0 or pivot != pivot:
            failed = 1
        else:
            for i in range(j + 1, n):
                out[i + n * j] /= pivot
            for k in range(j + 1, n):
                s = out[j + n * k]
                for i in range(j + 1, n):
                    out[i + n * k] -= s * out[i + n * j]
    return failed


def lu_overwrite(n: int, count: int, f: Array, x: Array) -> None:
    """X overwritten by the solution of A X = X from the factors of A."""
    for c in range(count):
        for i in range(n):
            at = int(f[n * n + i])
            spare = x[i + n * c]
            x[i + n * c] = x[at + n * c]
            x[at + n * c] = spare
        for j in range(n):
            s = x[j + n * c]
            for i in range(j + 1, n):
                x[i + n * c] -= s * f[i + n * j]
        for k in range(n):
            j = n - 1 - k
            s = x[j + n * c] / f[j + n * j]
            x[j + n * c] = s
            for i in range(j):
                x[i + n * c] -= s * f[i + n * j]


def lu_solve(n: int, count: int, f: Array, b: Array, out: Array) -> None:
    """The solution of A X = B from the factors of A."""
    copy(n * count, b, out)
    lu_overwrite(n, count, f, out)


def lu_solve_t(n: int, count: int, f: Array, b: Array, out: Array) -> None:
    """The solution of A' X = B from the factors of A."""
    copy(n * count, b, out)
    for c in range(count):
        for j in range(n):
            s = out[j + n * c]
            for i in range(j):
                s -= f[i + n * j] * out[i + n * c]
            out[j + n * c] = s / f[j + n * j]
        for k in range(n):
            j = n - 1 - k
            s = out[j + n * c]
            for i in range(j + 1, n):
                s -= f[i + n * j] * out[i + n * c]
            out[j + n * c] = s
        for k in range(n):
            j = n - 1 - k
            at = int(f[n * n + j])
            spare = out[j + n * c]
            out[j + n * c] = out[at + n * c]
            out[at + n * c] = spare


def lu_inverse(n: int, f: Array, out: Array) -> None:
    """The inverse of A from its factors."""
    identity(n, out)
    lu_overwrite(n, n, f, out)


def lu_sign(n: int, f: Array) -> float:
    """The sign of the determinant of A from its factors."""
    s = 1.0
    for i in range(n):
        s = s * sign(f[i + n * i]) * (1.0 if int(f[n * n + i]) == i else -1.0)
    return s


def lu_det(n: int, f: Array) -> float:
    """The determinant of A from its factors."""
    p = 1.0
    for i in range(n):
        p = p * f[i + n * i] * (1.0 if int(f[n * n + i]) == i else -1.0)
    return p


def lu_logabsdet(n: int, f: Array) -> float:
    """log |det A| from the factors of A."""
    s = 0.0
    for i in range(n):
        s += log(fabs(f[i + n * i]))
    return s


def solve(n: int, count: int, a: Array, b: Array, out: Array, work: Array) -> int:
    """The solution of A X = B; 1 where A is singular; work: n^2 + n."""
    if lu(n, a, work) != 0:
        return 1
    lu_solve(n, count, work, b, out)
    return 0


def inverse(n: int, a: Array, out: Array, work: Array) -> int:
    """The inverse; 1 where A is singular; work: n^2 + n."""
    if lu(n, a, work) != 0:
        return 1
    lu_inverse(n, work, out)
    return 0


def det(n: int, a: Array, work: Array) -> float:
    """The determinant; work: n^2 + n."""
    return lu_det(n, work) if lu(n, a, work) == 0 else 0.0


def logabsdet(n: int, a: Array, work: Array) -> float:
    """log |det A|; work: n^2 + n."""
    return lu_logabsdet(n, work) if lu(n, a, work) == 0 else -inf


def signdet(n: int, a: Array, work: Array) -> float:
    """The sign of det A; work: n^2 + n."""
    return lu_sign(n, work) if lu(n, a, work) == 0 else 0.0


def det_power(n: int, a: Array, p: float, work: Array) -> float:
    """(det A)^p without det A; work: n^2 + n."""
    failed = lu(n, a, work)
    if failed != 0:
        return pow(0.0, p)
    return pow(lu_sign(n, work), p) * exp(p * lu_logabsdet(n, work))


def lu_upper(n: int, a: Array, out: Array) -> int:
    """The U of A = L U, L with ones on its diagonal, by elimination without exchanging rows."""
    copy(n * n, a, out)
    for k in range(n):
        if out[k + n * k] == 0 and k < n - 1:
            return 1
        for i in range(k + 1, n):
            factor = out[i + n * k] / out[k + n * k]
            for j in range(k, n):
                out[i + n * j] -= factor * out[k + n * j]
            out[i + n * k] = 0.0
    return 0


def lu_lower(n: int, a: Array, out: Array, work: Array) -> int:
    """The L of A = L U; work: n^2."""
    copy(n * n, a, work)
    identity(n, out)
    for k in range(n - 1):
        if work[k + n * k] == 0:
            return 1
        for i in range(k + 1, n):
            factor = work[i + n * k] / work[k + n * k]
            out[i + n * k] = factor
            for j in range(k, n):
                work[i + n * j] -= factor * work[k + n * j]
    return 0


def sylvester(m: int, n: int, a: Array, b: Array, c: Array, out: Array, work: Array) -> int:
    """The X with A X + X B = C, by the linear system of its columns; work: 2 (m n)^2 + m n."""
    size = m * n
    fill(size * size, 0.0, work)
    for j in range(n):
        for i in range(m):
            for k in range(m):
                work[i + m * j + size * (k + m * j)] += a[i + m * k]
            for k in range(n):
                work[i + m * j + size * (i + m * k)] += b[k + n * j]
    return solve(size, 1, work, c, out, work[size * size :])
