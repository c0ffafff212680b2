"""Random points over the prime field: matrices of each declared structure, and tangent directions there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from matdiff.core.node import Symbol
from matdiff.ops.sets import ORTHOGONAL, SPHERE, STIEFEL, curved_set
from matdiff.verify.algebras import Dual, NotRational, zeros
from matdiff.verify.field import P, inverse, reciprocal, reduced
from matdiff.verify.linear import Array, Sizes, node_shape, whole
from matdiff.verify.sets import linear_set

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation


def point(variables: Sequence[Symbol], d: Derivation | None, sizes: Sizes, rng: random.Random) -> dict[Symbol, Dual]:
    """Random values; each dX is a tangent direction at its X and carries no derivative itself."""
    given: dict[Symbol, Dual] = {}
    tangent: dict[Symbol, Array] = {}
    moving = d.directions if d is not None else {}
    for X in variables:
        if X.of is None:
            value, V = draw(X, sizes, rng)
            given[X], tangent[X] = (value, V if X in moving else None), V
            if X in moving:
                given[moving[X]] = V, None
    for dX in variables:
        if dX not in given:
            given[dX] = direction(dX, tangent, sizes, rng), None
    return given


def direction(dX: Symbol, tangent: dict[Symbol, Array], sizes: Sizes, rng: random.Random) -> Array:
    """A tangent direction; on a curved set one at the point that was drawn."""
    X = dX.of
    assert X is not None
    if curved_set(X) is None:
        return draw(X, sizes, rng)[1] if X.body is None else entries(dX, sizes, rng)
    if dX.index or X not in tangent:
        raise NotRational(f"a further direction of {X.name}")
    return tangent[X]


def entries(X: Symbol, sizes: Sizes, rng: random.Random) -> Array:
    return drawn(*node_shape(X, sizes), rng)


def drawn(rows: int, cols: int, rng: random.Random) -> Array:
    return whole([[rng.randrange(P) for _ in range(cols)] for _ in range(rows)])


def draw(X: Symbol, sizes: Sizes, rng: random.Random) -> tuple[Array, Array]:
    """A random value in the set of a variable, and a random tangent direction there."""
    A, V = entries(X, sizes, rng), entries(X, sizes, rng)
    kind = linear_set(X)
    if kind:
        return shaped(kind, A), shaped(kind, V)
    space = curved_set(X)
    if space is None:
        return A, V
    if space is SPHERE:
        return sphere(A, V)
    if space in (ORTHOGONAL, STIEFEL):
        n, p = A.shape
        if n < p:
            raise ValueError("more columns than rows")
        Q, W = rotation(drawn(n, n, rng), drawn(n, n, rng))
        return Q[:, :p], W[:, :p]
    raise NotRational(f"a set of arrays {space.says}")


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
