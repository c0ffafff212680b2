"""Eigenvalues and eigenvectors of symmetric matrices, by Jacobi's rotations."""

from __future__ import annotations

from math import fabs, floor, isfinite, nan, sqrt

from matdiff.codegen.routines.arrangements import copy, fill
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.products import identity
from matdiff.codegen.routines.reductions import scaled_norm
from matdiff.codegen.routines.scalars import or_one


def eigh(n: int, a: Array, out: Array, work: Array) -> int:
    """The eigenvectors of symmetric A, then its eigenvalues, which increase: Jacobi's method; work: n^2."""
    v = out
    w = out[n * n :]
    for j in range(n):
        for i in range(j, n):
            work[i + n * j] = a[i + n * j]
            work[j + n * i] = a[i + n * j]
    identity(n, v)
    size = scaled_norm(n * n, work)
    for sweep in range(60):
        off = 0.0
        for q in range(n):
            for p in range(q):
                off += (work[p + n * q] / or_one(size)) * (work[p + n * q] / or_one(size))
        if not (off > 1e-34) and sweep > 0:
            break
        for q in range(1, n):
            for p in range(q):
                apq = work[p + n * q]
                if apq != 0:
                    theta = (work[q + n * q] - work[p + n * p]) / (2 * apq)
                    t = 1 / (fabs(theta) + sqrt(theta * theta + 1)) if fabs(theta) < 1e150 else 0.5 / fabs(theta)
                    if theta < 0:
                        t = -t
                    c = 1 / sqrt(t * t + 1)
                    s = t * c
                    rotate(n, work[n * p :], work[n * q :], c, s)
                    for k in range(n):
                        x = work[p + n * k]
                        y = work[q + n * k]
                        work[p + n * k] = c * x - s * y
                        work[q + n * k] = s * x + c * y
                    work[p + n * q] = 0.0
                    work[q + n * p] = 0.0
                    rotate(n, v[n * p :], v[n * q :], c, s)
    for i in range(n):
        w[i] = work[i + n * i]
        if not isfinite(w[i]):
            return 1
    for i in range(n):
        at = i
        for j in range(i + 1, n):
            if w[j] < w[at]:
                at = j
        if at != i:
            x = w[i]
            w[i] = w[at]
            w[at] = x
            rotate(n, v[n * i :], v[n * at :], 0.0, 1.0)
    return 0


def rotate(n: int, x: Array, y: Array, c: float, s: float) -> None:
    """x, y := c x - s y, s x + c y."""
    for i in range(n):
        a = x[i]
        b = y[i]
        x[i] = c * a - s * b
        y[i] = s * a + c * b


def eigvals(n: int, a: Array, out: Array, work: Array) -> int:
    """The eigenvalues of symmetric A, which increase; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    copy(n, work[n * n :], out)
    return 0


def eigvecs(n: int, a: Array, out: Array, work: Array) -> int:
    """The eigenvectors of symmetric A; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    copy(n * n, work, out)
    return 0


def eigval(n: int, a: Array, i: int, work: Array) -> float:
    """The i-th eigenvalue of symmetric A, the first being the smallest; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return nan
    return work[n * n + i - 1]


def eigval_at(n: int, a: Array, i: float, work: Array) -> float:
    """The i-th eigenvalue of symmetric A; work: 2 n^2 + n."""
    if i != floor(i) or i < 1 or i > n:
        return nan
    return eigval(n, a, int(i), work)


def eigvec(n: int, a: Array, i: float, out: Array, work: Array) -> int:
    """The eigenvector of the i-th eigenvalue of symmetric A, the first being the smallest; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    if i != floor(i) or i < 1 or i > n:
        return 1
    copy(n, work[n * (int(i) - 1) :], out)
    return 0


def reduced_resolvent(n: int, a: Array, i: float, out: Array, work: Array) -> int:
    """The pseudoinverse of w I - A for the i-th eigenvalue w of symmetric A; work: 2 n^2 + n."""
    if eigh(n, a, work, work[n * n + n :]) != 0:
        return 1
    if i != floor(i) or i < 1 or i > n:
        return 1
    at = int(i) - 1
    fill(n * n, 0.0, out)
    for k in range(n):
        gap = work[n * n + at] - work[n * n + k]
        if k != at:
            if gap == 0:
                return 1
            for j in range(n):
                for p in range(n):
                    out[p + n * j] += work[p + n * k] * work[j + n * k] / gap
    return 0
