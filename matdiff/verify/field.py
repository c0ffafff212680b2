"""Arithmetic with arrays over the prime field of 2⁶¹ − 1 elements, and functions on it that obey rules of analysis.

An elementwise function g becomes a random function of the field, the same for equal arguments, so that g(u) and g′(u)
are free symbols tied by nothing but the rules built in here: exp(−u) = 1/exp(u), sin² + cos² = 1 (rational points of
the circle), √u a root of u (√ is multiplicative, since exactly one of ±u has a root that is itself a square).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from hashlib import blake2b

import numpy as np

from matdiff.graph.arrays import Array, whole

P = 2**61 - 1


class Unlucky(Exception):
    """The random point is of no use: something is singular there, or has no square root."""


def reduced(A: Array) -> Array:
    return np.asarray(A % P)


def reciprocal(a: int) -> int:
    if a % P == 0:
        raise Unlucky
    return pow(a, -1, P)


def ratio(value: Fraction | int) -> int:
    value = Fraction(value)
    return value.numerator * reciprocal(value.denominator) % P


def inverse(A: Array) -> tuple[Array, int]:
    """A⁻¹ and det A by Gauss-Jordan elimination.  Raises Unlucky where A is singular."""
    n = len(A)
    M = [[int(x) % P for x in row] + [int(i == j) for j in range(n)] for i, row in enumerate(A.tolist())]
    det = 1
    for k in range(n):
        pivot = next((i for i in range(k, n) if M[i][k]), None)
        if pivot is None:
            raise Unlucky
        if pivot != k:
            M[k], M[pivot], det = M[pivot], M[k], -det
        det = det * M[k][k] % P
        factor = pow(M[k][k], -1, P)
        M[k] = [x * factor % P for x in M[k]]
        for i in range(n):
            if i != k and M[i][k]:
                c = M[i][k]
                M[i] = [(x - c * y) % P for x, y in zip(M[i], M[k], strict=True)]
    return whole([row[n:] for row in M]), det % P


def det(A: Array) -> int:
    try:
        return inverse(A)[1]
    except Unlucky:
        return 0


def adjugate(A: Array) -> Array:
    """Of any square matrix, by minors where it is singular."""
    try:
        B, d = inverse(A)
        return reduced(d * B)
    except Unlucky:
        n = len(A)
        minors = [
            [(-1) ** (i + j) * det(np.delete(np.delete(A, j, 0), i, 1)) % P if n > 1 else 1 for j in range(n)]
            for i in range(n)
        ]
        return whole(minors)


def root(a: int) -> int:
    """The square root that is itself a square.  Raises Unlucky where there is none."""
    a %= P
    r = pow(a, (P + 1) // 4, P)
    if a == 0 or r * r % P != a:
        raise Unlucky
    return r


def free(name: str, a: int) -> int:
    """A random function of the field."""
    return int.from_bytes(blake2b(f"{name} {a % P}".encode(), digest_size=16).digest(), "big") % P


def odd(name: str, a: int) -> int:
    """A random function with g(−a) = −g(a)."""
    a %= P
    return free(name, a) if a <= P // 2 else P - free(name, P - a)


def exp(a: int) -> int:
    a %= P
    if a == 0:
        return 1
    return free("exp", a) if a <= P // 2 else reciprocal(free("exp", P - a))


def half_angle(a: int) -> tuple[int, int]:
    """(sin a, cos a), a random rational point of the circle."""
    t = odd("tan", a) if a % P else 0
    r = reciprocal(1 + t * t)
    return 2 * t * r % P, (1 - t * t) * r % P


def sinh(a: int) -> int:
    return (exp(a) - exp(-a)) * ratio(Fraction(1, 2)) % P


def cosh(a: int) -> int:
    return (exp(a) + exp(-a)) * ratio(Fraction(1, 2)) % P


def sigmoid(a: int) -> int:
    return exp(a) * reciprocal(1 + exp(a)) % P


def log(a: int) -> int:
    if a % P == 0:
        raise Unlucky
    return 0 if a % P == 1 else free("log", a)


PI = free("pi", 0) ** 2 % P
"""Any square will do."""

Entry = Callable[[int], int]


def entrywise(g: Entry, A: Array) -> Array:
    return whole([[g(int(a)) % P for a in row] for row in A.tolist()])
