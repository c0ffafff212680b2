"""Products of matrices and vectors, and powers of whole numbers."""

from __future__ import annotations

from matdiff.codegen.routines.arrangements import copy, fill
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.reductions import dot


def gemv(m: int, n: int, a: Array, ra: int, ca: int, x: Array, sx: int, y: Array) -> None:
    """y = A x, the entries of A at distances ra down and ca to the right, those of x at a distance sx."""
    if ra == 1:
        fill(m, 0.0, y)
        for j in range(n):
            s = x[j * sx]
            at = j * ca
            for i in range(m):
                y[i] += s * a[at + i]
    elif ca == 1 and sx == 1:
        for i in range(m):
            y[i] = dot(n, a[i * ra :], x)
    else:
        for i in range(m):
            s = 0.0
            for j in range(n):
                s += a[i * ra + j * ca] * x[j * sx]
            y[i] = s


def gemm(
    m: int, n: int, k: int, a: Array, ra: int, ca: int, b: Array, rb: int, cb: int, c: Array, rc: int, cc: int
) -> None:
    """C = A B for A: m x k, their entries at distances r down and c to the right."""
    if rc == 1:
        for j in range(n):
            gemv(m, k, a, ra, ca, b[j * cb :], rb, c[j * cc :])
    else:
        for i in range(m):
            for j in range(n):
                s = 0.0
                for p in range(k):
                    s += a[i * ra + p * ca] * b[p * rb + j * cb]
                c[i * rc + j * cc] = s


def product(m: int, n: int, k: int, a: Array, b: Array, c: Array) -> None:
    """C = A B for dense A: m x k and B: k x n."""
    gemm(m, n, k, a, 1, m, b, 1, k, c, 1, m)


def mpow(n: int, k: int, a: Array, out: Array, work: Array) -> None:
    """A^k for k >= 0 by repeated squaring; work: 2 n^2."""
    base = work
    spare = work[n * n :]
    copy(n * n, a, base)
    identity(n, out)
    left = k
    while left > 0:
        if left % 2 == 1:
            product(n, n, n, base, out, spare)
            copy(n * n, spare, out)
        left = left // 2
        if left > 0:
            product(n, n, n, base, base, spare)
            copy(n * n, spare, base)


def identity(n: int, out: Array) -> None:
    """The identity n x n."""
    fill(n * n, 0.0, out)
    for i in range(n):
        out[i + n * i] = 1.0
