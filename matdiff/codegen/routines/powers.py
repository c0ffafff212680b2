"""Square roots, logarithms and real powers of matrices, and their differentials."""

from __future__ import annotations

from math import exp, fabs, floor, inf, nan, sqrt

from matdiff.codegen.routines.arrangements import copy, fill
from matdiff.codegen.routines.exponential import corner, cut, expm, ratio
from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.lu import inverse, lu, lu_inverse, lu_logabsdet, solve
from matdiff.codegen.routines.products import mpow, product


def sqrtm(n: int, x: Array, out: Array, work: Array) -> int:
    """The principal square root: Denman and Beavers, scaled by determinants (Higham 2008, eq. 6.29); work: 4 n^2 + n.

    nan where an eigenvalue is not positive.
    """
    size = n * n
    m = work
    inv = work[size:]
    rest = work[2 * size :]
    copy(size, x, m)
    copy(size, x, out)
    change = inf
    for _ in range(60):
        if lu(n, m, rest) != 0:
            fill(size, nan, out)
            return 0
        lu_inverse(n, rest, inv)
        scale = exp(-lu_logabsdet(n, rest) / (2 * n)) if change > 1e-2 else 1.0
        square = scale * scale
        for i in range(size):
            rest[i] = inv[i] / square
        for i in range(n):
            rest[i + n * i] += 1.0
        product(n, n, n, out, rest, rest[size:])
        for i in range(size):
            out[i] = scale * rest[size + i] / 2
            m[i] = (square * m[i] + inv[i] / square) / 4
        for i in range(n):
            m[i + n * i] += 0.5
        before = change
        change = 0.0
        for j in range(n):
            for i in range(n):
                gap = m[i + n * j] - (1.0 if i == j else 0.0)
                change += gap * gap
        change = sqrt(change)
        if not (change > 1e-15 * n) or (change < 1e-10 and change >= before):
            break
    product(n, n, n, out, out, rest)
    gap = 0.0
    whole_size = 0.0
    for i in range(size):
        gap += (rest[i] - x[i]) * (rest[i] - x[i])
        whole_size += x[i] * x[i]
    if not (sqrt(gap) <= 1.5e-8 * sqrt(whole_size)):
        fill(size, nan, out)
    return 0


def legendre(k: int) -> float:
    """The positive nodes of the Gauss-Legendre rule of 8 points."""
    if k < 2:
        return 0.18343464249564980 if k == 0 else 0.52553240991632899
    return 0.79666647741362674 if k == 2 else 0.96028985649753623


def legendre_weight(k: int) -> float:
    """The weights of the Gauss-Legendre rule of 8 points."""
    if k < 2:
        return 0.36268378337836198 if k == 0 else 0.31370664587788729
    return 0.22238103445337447 if k == 2 else 0.10122853629037626


def logm(n: int, x: Array, out: Array, work: Array) -> int:
    """The principal logarithm: square roots until X is near I, then Gauss-Legendre (Higham 2008, eq. 11.18).

    nan where an eigenvalue is not positive; work: 6 n^2 + n.
    """
    size = n * n
    root = work
    rest = work[size:]
    copy(size, x, root)
    roots = 0
    for _ in range(60):
        gap = 0.0
        for j in range(n):
            for i in range(n):
                e = root[i + n * j] - (1.0 if i == j else 0.0)
                gap += e * e
        if not (gap > 0.0625):
            break
        if sqrtm(n, root, rest, rest[size:]) != 0:
            return 1
        copy(size, rest, root)
        roots += 1
    for i in range(n):
        root[i + n * i] -= 1.0
    factor = 1.0
    for _ in range(roots):
        factor *= 2
    fill(size, 0.0, out)
    for k in range(8):
        node = legendre(k // 2) if k % 2 == 0 else -legendre(k // 2)
        for i in range(size):
            rest[i] = (node + 1) / 2 * root[i]
        for i in range(n):
            rest[i + n * i] += 1.0
        if solve(n, n, rest, root, rest[size:], rest[2 * size :]) != 0:
            return 1
        for i in range(size):
            out[i] += factor * legendre_weight(k // 2) / 2 * rest[size + i]
    return 0


def frechet_logm(n: int, a: Array, d: Array, out: Array, work: Array) -> int:
    """The derivative of the logarithm at A in the direction D: the corner of log [A, D; 0, A]; work: 32 n^2 + 2 n."""
    m = 2 * n
    scale = 1e-3 * ratio(n * n, a, d)
    corner(n, a, d, scale, work)
    if logm(m, work, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0


def mpower(n: int, a: Array, p: float, out: Array, work: Array) -> int:
    """A^p: by products for a whole p, else exp(p log A); nan where that is not real; work: 8 n^2 + n."""
    size = n * n
    if p == floor(p) and fabs(p) < 1e9:
        if p >= 0:
            mpow(n, int(p), a, out, work)
            return 0
        if inverse(n, a, work, work[size:]) != 0:
            return 1
        mpow(n, int(-p), work, out, work[size:])
        return 0
    if logm(n, a, work, work[size:]) != 0:
        return 1
    for i in range(size):
        work[i] *= p
        if work[i] != work[i]:
            fill(size, nan, out)
            return 0
    return expm(n, work, out, work[size:])


def frechet_mpower(n: int, a: Array, d: Array, p: float, out: Array, work: Array) -> int:
    """The derivative of A^p by A in the direction D: the corner of [A, D; 0, A]^p; work: 40 n^2 + 2 n."""
    m = 2 * n
    scale = ratio(n * n, a, d)
    if p != floor(p):
        scale = scale * 1e-3
    corner(n, a, d, scale, work)
    if mpower(m, work, p, work[m * m :], work[2 * m * m :]) != 0:
        return 1
    cut(n, m, work[m * m :], 0, n, scale, out)
    return 0
