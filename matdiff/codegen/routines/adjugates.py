"""Adjugates of singular and regular matrices, and their differentials."""

from __future__ import annotations

from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.products import gemm
from matdiff.codegen.routines.svd import orthogonal_sign, svd


def adjugate(n: int, a: Array, out: Array, work: Array) -> None:
    """det(X) inv(X) from the singular values, without division; work: 4 n^2 + 3 n."""
    u = work
    s = work[n * n :]
    v = work[n * n + n :]
    rest = work[2 * n * n + n :]
    svd(n, n, a, work)
    both = orthogonal_sign(n, u, rest) * orthogonal_sign(n, v, rest)
    for j in range(n):
        p = both
        for i in range(n):
            if i != j:
                p *= s[i]
        for i in range(n):
            rest[i + n * j] = v[i + n * j] * p
    gemm(n, n, n, rest, 1, n, u, n, 1, out, 1, n)


def left_out(n: int, s: Array, out: Array) -> None:
    """The products of all entries but those of i and j, with zeros on the diagonal."""
    for j in range(n):
        for i in range(n):
            p = 0.0 if i == j else 1.0
            for k in range(n):
                if k != i and k != j:
                    p *= s[k]
            out[i + n * j] = p


def adjugate_along(n: int, x: Array, d: Array, out: Array, work: Array) -> None:
    """The derivative of det(X) inv(X) along V, defined for singular X too; work: 6 n^2 + 3 n."""
    u = work
    s = work[n * n :]
    v = work[n * n + n :]
    others = work[2 * n * n + n :]
    turned = work[3 * n * n + n :]
    rest = work[4 * n * n + n :]
    svd(n, n, x, work)
    both = orthogonal_sign(n, u, rest) * orthogonal_sign(n, v, rest)
    left_out(n, s, others)
    gemm(n, n, n, u, n, 1, d, 1, n, rest, 1, n)
    gemm(n, n, n, rest, 1, n, v, 1, n, turned, 1, n)
    for j in range(n):
        for i in range(n):
            if i == j:
                t = 0.0
                for k in range(n):
                    t += others[i + n * k] * turned[k + n * k]
            else:
                t = -others[i + n * j] * turned[i + n * j]
            rest[i + n * j] = both * t
    gemm(n, n, n, v, 1, n, rest, 1, n, others, 1, n)
    gemm(n, n, n, others, 1, n, u, n, 1, out, 1, n)


def det_second(n: int, x: Array, out: Array, work: Array) -> None:
    """The second derivatives of det(X) by vec(X), defined for singular X too; work: 4 n^2 + 3 n."""
    u = work
    s = work[n * n :]
    v = work[n * n + n :]
    others = work[2 * n * n + n :]
    rest = work[3 * n * n + n :]
    svd(n, n, x, work)
    both = orthogonal_sign(n, u, rest) * orthogonal_sign(n, v, rest)
    left_out(n, s, others)
    size = n * n
    for a in range(n):
        for b in range(n):
            for c in range(n):
                for d in range(n):
                    t = 0.0
                    for i in range(n):
                        for j in range(n):
                            t += (
                                others[i + n * j]
                                * u[a + n * i]
                                * (
                                    v[b + n * i] * u[c + n * j] * v[d + n * j]
                                    - v[b + n * j] * u[c + n * j] * v[d + n * i]
                                )
                            )
                    out[a + n * b + size * (c + n * d)] = both * t
