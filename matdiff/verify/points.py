"""Random points over the prime field: matrices of each declared structure, and tangent directions there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from matdiff.core.node import Symbol
from matdiff.verify.algebras import Dual, NotRational, zeros
from matdiff.verify.field import P, inverse, reciprocal, reduced
from matdiff.verify.linear import Array, Sizes, node_shape, whole
from matdiff.verify.sets import linear_set

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation


def point(variables: Sequence[Symbol], d: Derivation | None, sizes: Sizes, rng: random.Random) -> dict[Symbol, Dual]:
    """Random values; each dX is a tangent direction at its X and carries no derivative itself."""
    given: dict[Symbol, Dual] = {}
    moving = d.directions if d is not None else {}
    for X in variables:
        if X.of is None:
            value, V = draw(X, sizes, rng)
            given[X] = value, V if X in moving else None
            if X in moving:
                given[moving[X]] = V, None
    for dX in variables:
        if dX not in given:
            assert dX.of is not None
            given[dX] = draw(dX.of, sizes, rng)[1] if dX.of.body is None else entries(dX, sizes, rng), None
    return given


def entries(X: Symbol, sizes: Sizes, rng: random.Random) -> Array:
    rows, cols = node_shape(X, sizes)
    return whole([[rng.randrange(P) for _ in range(cols)] for _ in range(rows)])


def draw(X: Symbol, sizes: Sizes, rng: random.Random) -> tuple[Array, Array]:
    """A random value in the set of a variable, and a random tangent direction there."""
    A, V = entries(X, sizes, rng), entries(X, sizes, rng)
    kind = linear_set(X)
    if kind:
        return shaped(kind, A), shaped(kind, V)
    if "orthogonal" in X.attributes:
        return rotation(A, V)
    if "unit" in X.attributes:
        return sphere(A, V)
    return A, V


def shaped(kind: str, A: Array) -> Array:
    if kind == "symmetric":
        return np.tril(A) + np.tril(A, -1).T
    if kind == "skew":
        return reduced(np.tril(A, -1) - np.tril(A, -1).T)
    if kind == "diagonal":
        return np.tril(np.triu(A))
    return np.tril(A) if kind == "lower" else np.triu(A)


def rotation(A: Array, V: Array) -> tuple[Array, Array]:
    """The Cayley transform of a skew matrix, and Q times a skew matrix."""
    S, one = shaped("skew", A), whole(np.eye(len(A), dtype=int))
    if A.shape[0] != A.shape[1]:
        raise NotRational("a set of rectangular orthogonal matrices")
    Q = reduced((one - S) @ inverse(reduced(one + S))[0])
    return Q, reduced(Q @ shaped("skew", V))


def sphere(u: Array, v: Array) -> tuple[Array, Array]:
    """A rational point of the sphere (stereographic projection), and what of v is orthogonal to it."""
    if u.size == 1:
        return whole([[1]]), zeros((1, 1))
    rest = u[1:]
    square = int((rest * rest).sum()) % P
    scale = reciprocal(1 + square)
    x = reduced(np.vstack([whole([[square - 1]]), 2 * rest]) * scale)
    return x, reduced(v - int((x * v).sum()) % P * x)
