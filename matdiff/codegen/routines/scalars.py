"""Functions of numbers that C's own library lacks."""

from __future__ import annotations

from math import cos, exp, fabs, floor, inf, log, log1p, nan, pi, sin


def sign(x: float) -> float:
    """The sign of a number, 0 of 0."""
    return 1.0 if x > 0 else (-1.0 if x < 0 else x)


def step(x: float) -> float:
    """1 for x > 0, else 0."""
    return 1.0 if x > 0 else 0.0


def larger(x: float, y: float) -> float:
    """The maximum of two numbers; nan if one is."""
    return x if x > y or x != x else y


def smaller(x: float, y: float) -> float:
    """The minimum of two numbers; nan if one is."""
    return x if x < y or x != x else y


def positive_or_one(x: float) -> float:
    """x for x > 0, else 1."""
    return x if x > 0 else 1.0


def or_one(x: float) -> float:
    """x, and 1 where that is 0."""
    return 1.0 if x == 0 else x


def sigmoid(x: float) -> float:
    """1/(1 + exp(-x)) without overflow."""
    e = exp(-fabs(x))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def log_sigmoid(x: float) -> float:
    """log(1/(1 + exp(-x)))."""
    return smaller(x, 0.0) - log1p(exp(-fabs(x)))


def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)) without overflow."""
    if x == y:
        return x + log(2.0)
    return larger(x, y) + log1p(exp(-fabs(x - y)))


def sech2(x: float) -> float:
    """1 - tanh(x)^2 without cancellation."""
    e = exp(-2 * fabs(x))
    return 4 * e / ((1 + e) * (1 + e))


def square(x: float) -> float:
    """x^2."""
    return x * x


def whole(x: float, k: int) -> float:
    """x^k by repeated squaring."""
    left = k if k >= 0 else -k
    base = x
    total = 1.0
    while left > 0:
        if left % 2 == 1:
            total = total * base
        base = base * base
        left = left // 2
    return total if k >= 0 else 1 / total


def digamma(x: float) -> float:
    """The derivative of lgamma: reflection, recurrence, then the asymptotic series (DLMF 5.5.2, 5.5.4, 5.11.2)."""
    if x <= 0 and x == floor(x):
        return nan
    shift = 0.0
    y = x
    if y < 0:
        shift = -pi * cos(pi * y) / sin(pi * y)
        y = 1 - y
    while y < 12:
        shift = shift - 1 / y
        y = y + 1
    r = 1 / (y * y)
    tail = r * (1 / 12.0 - r * (1 / 120.0 - r * (1 / 252.0 - r * (1 / 240.0 - r * (1 / 132.0 - r * 691 / 32760.0)))))
    return shift + log(y) - 0.5 / y - tail


def polygamma(k: float, x: float) -> float:
    """The derivative of order k of digamma: recurrence, then the asymptotic series (DLMF 5.15.1, 5.15.5, 5.15.8)."""
    order = int(k)
    if order == 0:
        return digamma(x)
    if x <= 0 and x == floor(x):
        return inf if order % 2 == 1 else nan
    odd = -1.0 if order % 2 == 0 else 1.0
    factorial = 1.0
    for j in range(2, order + 1):
        factorial = factorial * j
    total = 0.0
    y = x
    while y < 16 + order:
        total = total + 1 / whole(y, order + 1)
        y = y + 1
    total = total * factorial
    r = 1 / (y * y)
    power = 1 / whole(y, order)
    total = total + power * factorial / order + factorial * power / (2 * y)
    term = factorial * (order + 1) / 2 * power * r
    for j in range(1, 11):
        total = total + term * bernoulli(j)
        term = term * r * (order + 2 * j) * (order + 2 * j + 1) / ((2 * j + 1) * (2 * j + 2))
    return odd * total


def bernoulli(j: int) -> float:
    """B_2j for j = 1 … 10."""
    if j <= 3:
        return 1 / 6.0 if j == 1 else (-1 / 30.0 if j == 2 else 1 / 42.0)
    if j <= 6:
        return -1 / 30.0 if j == 4 else (5 / 66.0 if j == 5 else -691 / 2730.0)
    if j <= 8:
        return 7 / 6.0 if j == 7 else -3617 / 510.0
    return 43867 / 798.0 if j == 9 else -174611 / 330.0
