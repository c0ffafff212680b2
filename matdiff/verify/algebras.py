"""The functions of the language on dual numbers over the prime field, each from its definition.

What is linear obeys the product rule; the inverse and the determinant have their textbook derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from matdiff.core.node import Apply, Number
from matdiff.core.op import Op
from matdiff.graph.arrays import Array, Sizes, entries, is_joint, is_multilinear, whole
from matdiff.ops.elementwise import polygamma as POLYGAMMA
from matdiff.verify import field
from matdiff.verify.field import P, entrywise, ratio, reduced

Dual = tuple[Array, Array | None]
"""Value and derivative; None for a derivative that is 0."""


class NotRational(Exception):
    """The function named has no exact counterpart over the field."""


def multilinear(node: Apply, args: list[Dual], sizes: Sizes) -> Dual:
    """The product rule, once for all of them."""
    values = [a for a, _ in args]
    out = reduced(entries(node, values, sizes))
    moving = [i for i, (_, b) in enumerate(args) if b is not None]
    if not moving:
        return out, None
    if is_joint(node.op):
        return out, reduced(entries(node, [zeros(a.shape) if b is None else b for a, b in args], sizes))
    slopes = [b for _, b in args if b is not None]
    terms = [entries(node, [*values[:i], b, *values[i + 1 :]], sizes) for i, b in zip(moving, slopes, strict=True)]
    return out, reduced(sum(terms[1:], terms[0]))


def zeros(shape: tuple[int, ...]) -> Array:
    return whole(np.zeros(shape, dtype=int))


def applied(g: field.Entry, slope: field.Entry, u: Dual) -> Dual:
    A, dA = u
    return entrywise(g, A), None if dA is None else reduced(entrywise(slope, A) * dA)


def matmul(a: Dual, b: Dual) -> Dual:
    (A, dA), (B, dB) = a, b
    terms = [*([dA @ B] if dA is not None else ()), *([A @ dB] if dB is not None else ())]
    return reduced(A @ B), reduced(sum(terms[1:], terms[0])) if terms else None


def transpose(a: Dual) -> Dual:
    return a[0].T, None if a[1] is None else a[1].T


def inv(node: Apply, a: Dual) -> Dual:
    """(A + εB)⁻¹ = A⁻¹ − ε A⁻¹BA⁻¹."""
    A, dA = a
    B, _ = field.inverse(A)
    return B, None if dA is None else reduced(-(reduced(B @ dA) @ B))


def det(node: Apply, a: Dual) -> Dual:
    """The derivative is the sum of dA_ij times its cofactor, also where A is singular."""
    A, dA = a
    D = whole([[field.det(A)]])
    if dA is None:
        return D, None
    return D, whole([[int((field.adjugate(A).T * dA).sum()) % P]])


def pinv(node: Apply, a: Dual) -> Dual:
    """Of a matrix of full rank."""
    t = transpose(a)
    rows, cols = a[0].shape
    return matmul(inv(node, matmul(t, a)), t) if rows >= cols else matmul(t, inv(node, matmul(a, t)))


def power(node: Apply, a: Dual, p: Dual) -> Dual:
    """Whole exponents and halves of them."""
    exponent = node.args[1]
    if not isinstance(exponent, Number) or (2 * Fraction(exponent.value)).denominator != 1:
        raise NotRational("a power that is not whole")
    k = Fraction(exponent.value)
    if k.denominator == 1:
        n = int(k)
        return applied(lambda x: raised(x, n), lambda x: n * raised(x, n - 1), a)
    n = int(2 * k)
    return applied(lambda x: raised(field.root(x), n), lambda x: ratio(k) * raised(field.root(x), n - 2), a)


def raised(x: int, n: int) -> int:
    if n < 0:
        return pow(field.reciprocal(x), -n, P)
    return pow(x, n, P)


def sylvester(node: Apply, a: Dual, b: Dual, c: Dual) -> Dual:
    """AX + XB = C as a linear system for vec X; the derivative solves the same with dC − dA X − X dB."""
    (A, dA), (B, dB), (C, dC) = a, b, c
    M, _ = field.inverse(reduced(np.kron(eye(len(B)), A) + np.kron(B.T, eye(len(A)))))

    def solve(R: Array) -> Array:
        return reduced(M @ R.reshape((-1, 1), order="F")).reshape(C.shape, order="F")

    X = solve(C)
    if dA is None and dB is None and dC is None:
        return X, None
    R = zeros(C.shape) if dC is None else dC
    R = R if dA is None else R - dA @ X
    R = R if dB is None else R - X @ dB
    return X, solve(reduced(R))


def eye(n: int) -> Array:
    return whole(np.eye(n, dtype=int))


def polygamma(node: Apply, k: Dual, a: Dual) -> Dual:
    order = int(k[0][0, 0])
    return applied(lambda x: field.free(f"polygamma{order}", x), lambda x: field.free(f"polygamma{order + 1}", x), a)


NONLINEAR: dict[str, Callable[..., Dual]] = {
    "inv": inv,
    "det": det,
    "pinv": pinv,
    "power": power,
    "sylvester": sylvester,
    "polygamma": polygamma,
}
"""Each from its definition, with its textbook derivative: none of the rules of records, which are judged by them."""


def is_known(op: Op) -> bool:
    return op.modular is not None or op.name in NONLINEAR or is_multilinear(op)


def value(node: Apply, args: list[Dual], sizes: Sizes) -> Dual:
    """Raises NotRational with the name of a function that is not known."""
    if is_multilinear(node.op):
        return multilinear(node, args, sizes)
    if node.op.modular is not None:
        return applied(*node.op.modular(field), args[0])
    if node.op.name not in NONLINEAR:
        raise NotRational(node.op.name)
    return NONLINEAR[node.op.name](node, *args)


def is_free(op: Op) -> bool:
    """Is its value that of a random function?"""
    return op.modular is not None or op is POLYGAMMA
