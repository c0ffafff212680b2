"""The constants of the language: zeros, ones, I, unit vectors, K(m,n), D(n); and how to tell them."""

from __future__ import annotations

from matdiff.core.node import Kind, Node, Number, constant, number
from matdiff.core.op import spellings
from matdiff.core.shape import ONE, Dim, triangular
from matdiff.errors import ShapeError


def zeros(kind: Kind, rows: Dim = ONE, cols: Dim = ONE) -> Node:
    if kind == "scalar":
        return number(0)
    return constant("zeros", kind, rows, cols, (rows,) if kind == "vector" else (rows, cols))


def zeros_like(a: Node) -> Node:
    return zeros(a.kind, a.rows, a.cols)


def ones(kind: Kind, rows: Dim = ONE, cols: Dim = ONE) -> Node:
    if kind == "scalar":
        return number(1)
    return constant("ones", kind, rows, cols, (rows,) if kind == "vector" else (rows, cols))


def ones_like(a: Node) -> Node:
    return ones(a.kind, a.rows, a.cols)


LONG = {"commutation": "K", "duplication": "D", "unit": "e"}
"""Constants by longer names, for expressions in which the letter is a variable."""
spellings |= {"identity": "eye", "identitymatrix": "eye"}


def eye(n: Dim | int | str) -> Node:
    n = Dim.of(n)
    return constant("I", "matrix", n, n, (n,))


def unit(n: Dim | int | str, i: int) -> Node:
    """e(n,i), the i-th column of eye(n); i counts from 1."""
    n = Dim.of(n)
    if i < 1 or (n.number is not None and i > n.number):
        raise ShapeError(f"index {i} is out of range for a dimension of {n}")
    return constant("e", "vector", n, ONE, (n,), i)


def commutation(m: Dim | int | str, n: Dim | int | str) -> Node:
    """K(m,n): K vec(A) = vec(Aᵀ) for A: m×n (Magnus & Neudecker 2019, §3.7)."""
    m, n = Dim.of(m), Dim.of(n)
    if m is ONE or n is ONE:
        return eye(m * n)
    return constant("K", "matrix", m * n, m * n, (m, n))


def duplication(n: Dim | int | str) -> Node:
    """D(n): D vech(A) = vec(A) for symmetric A: n×n (Magnus & Neudecker 2019, §3.8)."""
    n = Dim.of(n)
    return constant("D", "matrix", n * n, triangular(n), (n,))


def is_zero(a: Node) -> bool:
    return a.word == "zeros" or (isinstance(a, Number) and a.value == 0)


def is_one(a: Node) -> bool:
    return isinstance(a, Number) and a.value == 1


def is_ones(a: Node) -> bool:
    return a.word == "ones" or (isinstance(a, Number) and a.value == 1)


def is_eye(a: Node) -> bool:
    return a.word == "I"


def is_commutation(a: Node) -> bool:
    return a.word == "K"
