"""The sets that arrays of a declared structure move in: drawing, tangent directions, curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from matdiff.core.node import Symbol
from matdiff.ops.sets import CURVED, LINEAR, curved_set
from matdiff.ops.sets import linear_set as linear_set_of

Array = np.ndarray[Any, np.dtype[np.float64]]
Rng = np.random.Generator

ROUNDING = 1e-12
"""What remains of a random array where the tangent space is a point, as for x of length 1 in one dimension."""
COMFORT = 4
"""Up to this size entries are of order 1; larger arrays are scaled so that products of them stay so."""


def shape_of(variable: Symbol, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of the variable's array; a row is 2-D."""
    dims = (variable.rows, variable.cols) if variable.kind == "row" else variable.shape
    return tuple(d.evaluate(sizes) for d in dims)


def _scale(shape: tuple[int, ...]) -> float:
    return float(min(1.0, (COMFORT / max(shape, default=1)) ** 0.5))


def _normal(shape: tuple[int, ...], rng: Rng) -> Array:
    return np.asarray(rng.normal(size=shape)) * _scale(shape)


def _positive(shape: tuple[int, ...], rng: Rng) -> Array:
    return np.asarray(rng.uniform(0.3, 1.7, size=shape)) * _scale(shape)


def _near_identity(shape: tuple[int, ...], rng: Rng) -> Array:
    if len(shape) < 2:
        return _positive(shape, rng)
    return np.eye(shape[0], shape[1]) + 0.3 * _normal(shape, rng)


def _definite(shape: tuple[int, ...], rng: Rng) -> Array:
    if len(shape) < 2 or shape[0] != shape[1]:
        return _normal(shape, rng) if shape else _positive(shape, rng)
    M = rng.normal(size=shape)
    return M @ M.T / shape[0] + 0.5 * np.eye(shape[0])


def _whole(shape: tuple[int, ...], rng: Rng) -> Array:
    """Whole numbers for scalars, as exponents of matrices are."""
    return _normal(shape, rng) if shape else np.asarray(rng.integers(2, 5), dtype=np.float64)


FLAVOURS: dict[str, Callable[[tuple[int, ...], Rng], Array]] = {
    "normal": _normal,
    "positive": _positive,
    "identity": _near_identity,
    "definite": _definite,
    "small": lambda shape, rng: 0.3 * _normal(shape, rng),
    "whole": _whole,
    "large": lambda shape, rng: 3 * _positive(shape, rng) + 2,
}
"""Kinds of random arrays, before they are brought into the set that a variable moves in."""


def draw(variable: Symbol, sizes: Mapping[str, int], flavour: str, rng: Rng) -> Array:
    """A random array that has the variable's attributes."""
    shape, words = shape_of(variable, sizes), variable.attributes
    if "index" in words:
        return np.asarray(rng.integers(1, 1 + min(sizes.values(), default=1)), dtype=np.float64)
    X = FLAVOURS[flavour](shape, rng)
    if "positive" in words:
        X = np.abs(X) + 0.1
    if "spd" in words:
        X = X @ X.T / shape[0] + 0.5 * np.eye(shape[0])
    linear = linear_set(variable)
    if linear:
        X = LINEAR[linear](np, X)
    for word in CURVED.keys() & words:
        X = CURVED[word].onto(np, X)
    return np.asarray(X, dtype=np.float64)


def linear_set(variable: Symbol) -> str:
    """The name of the linear set that a variable moves in, empty for all of space."""
    return linear_set_of(variable.attributes)


def is_tall(variable: Symbol) -> bool:
    """Must its array have at least as many rows as columns?"""
    return "tall" in variable.attributes or any(CURVED[word].tall for word in CURVED.keys() & variable.attributes)


def project(variable: Symbol, X: Array, G: Array) -> Array:
    """The part of G inside the tangent space at X; an index does not move."""
    if "index" in variable.attributes:
        return np.zeros_like(G)
    linear = linear_set(variable)
    if linear:
        return np.asarray(LINEAR[linear](np, G))
    space = curved_set(variable)
    return G if space is None else np.asarray(space.projected(np, X, G))


def by_entries(
    variables: Iterable[Symbol], given: Mapping[str, Any], along: Callable[[Mapping[str, Any]], float]
) -> dict[str, Any]:
    """The gradients from derivatives along the entries of each variable, inside the tangent space of its set."""
    answers: dict[str, Any] = {}
    for p in variables:
        X = given[p.name]
        entries = np.zeros(X.size)
        for i in range(X.size):
            unit = np.zeros(X.size)
            unit[i] = 1
            entries[i] = along({p.name: project(p, X, np.reshape(unit, X.shape))})
        answers[p.name] = np.reshape(entries, X.shape) if X.shape else float(entries[0])
    return answers


def direction(variable: Symbol, X: Array, rng: Rng) -> Array:
    """A random tangent direction, as long as X is."""
    free = np.asarray(rng.normal(size=X.shape))
    V = project(variable, X, free)
    length = float(np.linalg.norm(V))
    wanted = float(np.linalg.norm(X)) or 1.0
    return np.asarray(V * (wanted / length)) if length > ROUNDING * float(np.linalg.norm(free)) else np.zeros_like(V)


def move(variable: Symbol, X: Array, V: Array, h: float, affine: bool = False) -> Array:
    """A point c(h) of a smooth curve inside the set with c(0) = X, c'(0) = V and no acceleration inside it at 0."""
    space = curved_set(variable, affine)
    return np.asarray(X + h * V if space is None else space.retract(np, X, h * V), dtype=np.float64)
