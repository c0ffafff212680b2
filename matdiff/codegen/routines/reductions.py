"""Sums, products, norms, extremes and the softmax family: numbers of arrays, and one of each row."""

from __future__ import annotations

from math import exp, fabs, inf, isfinite, log, sqrt

from matdiff.codegen.routines.language import Array
from matdiff.codegen.routines.scalars import larger, smaller


def total(count: int, x: Array) -> float:
    """The sum of all entries."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    for i in range(count // 4):
        a += x[4 * i]
        b += x[4 * i + 1]
        c += x[4 * i + 2]
        d += x[4 * i + 3]
    for i in range(count - count % 4, count):
        a += x[i]
    return (a + b) + (c + d)


def dot(count: int, x: Array, y: Array) -> float:
    """The sum of products of entries."""
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    for i in range(count // 4):
        a += x[4 * i] * y[4 * i]
        b += x[4 * i + 1] * y[4 * i + 1]
        c += x[4 * i + 2] * y[4 * i + 2]
        d += x[4 * i + 3] * y[4 * i + 3]
    for i in range(count - count % 4, count):
        a += x[i] * y[i]
    return (a + b) + (c + d)


def prod(count: int, x: Array) -> float:
    """The product of all entries."""
    p = 1.0
    for i in range(count):
        p *= x[i]
    return p


def absolute_sum(count: int, x: Array) -> float:
    """The sum of absolute values."""
    s = 0.0
    for i in range(count):
        s += fabs(x[i])
    return s


def absolute_max(count: int, x: Array) -> float:
    """The largest absolute value, 0 of nothing; nan if there is one."""
    top = 0.0
    for i in range(count):
        top = larger(fabs(x[i]), top)
    return top


def maximum(count: int, x: Array) -> float:
    """The largest entry."""
    top = -inf
    for i in range(count):
        top = larger(x[i], top)
    return top


def minimum(count: int, x: Array) -> float:
    """The smallest entry."""
    top = inf
    for i in range(count):
        top = smaller(x[i], top)
    return top


def scaled_norm(count: int, x: Array) -> float:
    """The root of the sum of squares of entries divided by the largest."""
    top = absolute_max(count, x)
    if not (top > 0 and top < inf):
        return top
    s = 0.0
    for i in range(count):
        s += (x[i] / top) * (x[i] / top)
    return top * sqrt(s)


def norm(count: int, x: Array) -> float:
    """The root of the sum of squares, scaled where squares leave the range of floats."""
    square = dot(count, x, x)
    return sqrt(square) if square > 1e-30 and square < inf else scaled_norm(count, x)


def hypotenuse(s: float, r: float) -> float:
    """sqrt(s^2 + r^2) without overflow."""
    top = larger(fabs(s), fabs(r))
    if not (top > 0 and top < inf):
        return top
    return top * sqrt((s / top) * (s / top) + (r / top) * (r / top))


def hypot_norm(s: float, count: int, x: Array) -> float:
    """sqrt(s^2 + |x|^2), scaled likewise."""
    square = s * s + dot(count, x, x)
    return sqrt(square) if square > 1e-30 and square < inf else hypotenuse(s, scaled_norm(count, x))


def root_of_sum(c: float, count: int, x: Array) -> float:
    """sqrt(c + |x|^2), scaled likewise, for c > 0."""
    square = c + dot(count, x, x)
    return sqrt(square) if square < inf else hypotenuse(sqrt(c), scaled_norm(count, x))


def dot_over(count: int, x: Array, y: Array, s: float) -> float:
    """<x, y>/s, the division first where the product leaves the range of floats."""
    product = dot(count, x, y)
    if fabs(product) > 1e-30 and fabs(product) < inf:
        return product / s
    product = 0.0
    for i in range(count):
        product += x[i] / s * y[i]
    return product


def logsumexp(count: int, x: Array) -> float:
    """The logarithm of the sum of exp over all entries, without overflow."""
    top = maximum(count, x)
    if not isfinite(top):
        return top
    s = 0.0
    for i in range(count):
        s += exp(x[i] - top)
    return top + log(s)


def softmax(count: int, x: Array, out: Array) -> None:
    """exp(x) divided by its sum, without overflow."""
    top = maximum(count, x)
    s = 0.0
    for i in range(count):
        out[i] = exp(x[i] - top)
        s += out[i]
    for i in range(count):
        out[i] /= s


def row_max(m: int, n: int, x: Array, out: Array) -> None:
    """The largest entry of every row."""
    for i in range(m):
        out[i] = -inf
    for j in range(n):
        for i in range(m):
            out[i] = larger(x[i + m * j], out[i])


def row_logsumexp(m: int, n: int, x: Array, out: Array) -> None:
    """The logarithm of the row sums of exp, without overflow."""
    for i in range(m):
        top = -inf
        for j in range(n):
            top = larger(x[i + m * j], top)
        s = 0.0
        if isfinite(top):
            for j in range(n):
                s += exp(x[i + m * j] - top)
            top = top + log(s)
        out[i] = top


def row_exp(m: int, n: int, x: Array, out: Array) -> None:
    """exp(X) with each row divided by its largest entry."""
    for i in range(m):
        top = -inf
        for j in range(n):
            top = larger(x[i + m * j], top)
        for j in range(n):
            out[i + m * j] = exp(x[i + m * j] - top)


def row_softmax(m: int, n: int, x: Array, out: Array) -> None:
    """exp(X) divided by its row sums, without overflow."""
    row_exp(m, n, x, out)
    for i in range(m):
        s = 0.0
        for j in range(n):
            s += out[i + m * j]
        for j in range(n):
            out[i + m * j] /= s


def row_norm(m: int, n: int, x: Array, out: Array) -> None:
    """The length of every row."""
    for i in range(m):
        s = 0.0
        for j in range(n):
            s += x[i + m * j] * x[i + m * j]
        out[i] = sqrt(s)


def norm21(m: int, n: int, x: Array) -> float:
    """The sum of the lengths of the rows."""
    s = 0.0
    for i in range(m):
        r = 0.0
        for j in range(n):
            r += x[i + m * j] * x[i + m * j]
        s += sqrt(r)
    return s


def peak(m: int, n: int, x: Array, out: Array) -> None:
    """1 at the entry of largest absolute value, the first along the rows, 0 elsewhere."""
    at = 0
    for i in range(m):
        for j in range(n):
            out[i + m * j] = 0.0
            if fabs(x[i + m * j]) > fabs(x[at]):
                at = i + m * j
    out[at] = 1.0


def largest(m: int, n: int, x: Array, out: Array) -> None:
    """1 at the largest entry, the first along the rows, 0 elsewhere."""
    at = 0
    for i in range(m):
        for j in range(n):
            out[i + m * j] = 0.0
            if x[i + m * j] > x[at]:
                at = i + m * j
    out[at] = 1.0


def row_largest(m: int, n: int, x: Array, out: Array) -> None:
    """1 at the largest entry of every row, 0 elsewhere."""
    for i in range(m):
        at = 0
        for j in range(n):
            out[i + m * j] = 0.0
            if x[i + m * j] > x[i + m * at]:
                at = j
        out[i + m * at] = 1.0
