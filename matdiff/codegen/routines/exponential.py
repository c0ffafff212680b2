"""The exponential of a matrix, its differential, and those of cosine and sine."""

from __future__ import annotations

from math import fabs, isfinite

from matdiff.codegen.routines.arrangements import copy, fill
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.lu import solve
from matdiff.codegen.routines.products import product
from matdiff.codegen.routines.reductions import norm
from matdiff.codegen.routines.scalars import larger, or_one


def expm(n: int, a: Array, out: Array, work: Array) -> int:
    """The exponential by scaling and squaring of the Pade approximant of degree 13 (Higham 2008, alg. 10.20).

    work: 7 n^2 + n.
    """
    size = n * n
    one = 0.0
    for j in range(n):
        s = 0.0
        for i in range(n):
            s += fabs(a[i + n * j])
        one = larger(s, one)
    if not isfinite(one):
        return 1
    squarings = 0
    scale = 1.0
    while one * scale > 4.0:
        scale = scale / 2
        squarings += 1
    x = work
    x2 = work[size:]
    x4 = work[2 * size :]
    x6 = work[3 * size :]
    p = work[4 * size :]
    q = work[5 * size :]
    rest = work[6 * size :]
    for i in range(size):
        x[i] = a[i] * scale
    product(n, n, n, x, x, x2)
    product(n, n, n, x2, x2, x4)
    product(n, n, n, x2, x4, x6)
    for i in range(size):
        rest[i] = x6[i] + 16380.0 * x4[i] + 40840800.0 * x2[i]
    product(n, n, n, x6, rest, p)
    for i in range(size):
        p[i] += 33522128640.0 * x6[i] + 10559470521600.0 * x4[i] + 1187353796428800.0 * x2[i]
    for i in range(n):
        p[i + n * i] += 32382376266240000.0
    product(n, n, n, x, p, q)
    for i in range(size):
        rest[i] = 182.0 * x6[i] + 960960.0 * x4[i] + 1323241920.0 * x2[i]
    product(n, n, n, x6, rest, p)
    for i in range(size):
        p[i] += 670442572800.0 * x6[i] + 129060195264000.0 * x4[i] + 7771770303897600.0 * x2[i]
    for i in range(n):
        p[i + n * i] += 64764752532480000.0
    for i in range(size):
        x2[i] = p[i] - q[i]
        x4[i] = p[i] + q[i]
    if solve(n, n, x2, x4, out, rest) != 0:
        return 1
    for _ in range(squarings):
        product(n, n, n, out, out, p)
        copy(size, p, out)
    return 0


def corner(n: int, a: Array, d: Array, scale: float, out: Array) -> None:
    """[A, scale D; 0, A]."""
    m = 2 * n
    fill(m * m, 0.0, out)
    for j in range(n):
        for i in range(n):
            out[i + m * j] = a[i + n * j]
            out[n + i + m * (n + j)] = a[i + n * j]
            out[i + m * (n + j)] = scale * d[i + n * j]


def cut(n: int, m: int, f: Array, row: int, col: int, scale: float, out: Array) -> None:
    """The n x n block of F: m x m that begins at a row and a column, divided by scale."""
    for j in range(n):
        for i in range(n):
            out[i + n * j] = f[row + i + m * (col + j)] / scale


def ratio(count: int, a: Array, d: Array) -> float:
    """The length of A divided by that of D; 1 where that is none."""
    r = norm(count, a) / or_one(norm(count, d))
    return r if r > 0 and isfinite(r) else 1.0


def frechet_expm(n: int, a: Array, d: Array, out: Array, work: Array) -> int:
    """The derivative of the exponential at A in the direction D: the corner of exp [A, D; 0, A].

    work: 36 n^2 + 2 n.
    """
    m = 2 * n
    scale = ratio(n * n, a, d)
    corner(n, a, d, scale, work)
    if expm(m, work, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0


def turning(n: int, a: Array, out: Array) -> None:
    """[0, -A; A, 0], whose exponential is [cos A, -sin A; sin A, cos A]."""
    m = 2 * n
    fill(m * m, 0.0, out)
    for j in range(n):
        for i in range(n):
            out[n + i + m * j] = a[i + n * j]
            out[i + m * (n + j)] = -a[i + n * j]


def turned(n: int, a: Array, row: int, out: Array, work: Array) -> int:
    """cos A for row = 0, sin A for row = n; work: 36 n^2 + 2 n."""
    m = 2 * n
    turning(n, a, work)
    if expm(m, work, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], row, 0, 1.0, out)
    return 0


def frechet_turned(n: int, a: Array, d: Array, sine: int, out: Array, work: Array) -> int:
    """The derivative of cos, or sin, at A in the direction D: the corner of it at [A, D; 0, A]; work: 152 n^2 + 4 n."""
    m = 2 * n
    scale = ratio(n * n, a, d)
    corner(n, a, d, scale, work)
    if turned(m, work, m * sine, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0
