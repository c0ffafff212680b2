"""The sets that arrays of a declared structure move in: drawing, tangent directions, curves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from matdiff.core.node import Symbol

Array = np.ndarray[Any, np.dtype[np.float64]]
Rng = np.random.Generator

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
    X = FLAVOURS[flavour](shape, rng)
    if "positive" in words:
        X = np.abs(X) + 0.1
    if "spd" in words:
        X = X @ X.T / shape[0] + 0.5 * np.eye(shape[0])
    linear = linear_set(variable)
    if linear:
        X = LINEAR[linear](X)
    if "orthogonal" in words:
        q, r = np.linalg.qr(X)
        X = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    if "unit" in words:
        X = X / np.linalg.norm(X)
    return np.asarray(X, dtype=np.float64)


LINEAR: dict[str, Callable[[Array], Array]] = {
    "diagonal": lambda G: np.diag(np.diagonal(G)),
    "symmetric": lambda G: (G + G.T) / 2,
    "skew": lambda G: (G - G.T) / 2,
    "lower": np.tril,
    "upper": np.triu,
}
"""The linear sets, by the projection onto each; a diagonal matrix is symmetric too, so that comes first."""


def linear_set(variable: Symbol) -> str:
    """The name of the linear set that a variable moves in, empty for all of space."""
    words = variable.attributes
    if {"lower", "upper"} <= words:
        return "diagonal"
    return next((w for w in LINEAR if w in words or (w == "symmetric" and "spd" in words)), "")


def project(variable: Symbol, X: Array, G: Array) -> Array:
    """The part of G inside the tangent space at X."""
    linear = linear_set(variable)
    if linear:
        return LINEAR[linear](G)
    if "orthogonal" in variable.attributes:
        M = X.T @ G
        return G - X @ (M + M.T) / 2
    if "unit" in variable.attributes:
        return np.asarray(G - np.vdot(X, G) * X)
    return G


def direction(variable: Symbol, X: Array, rng: Rng) -> Array:
    """A random tangent direction, as long as X is."""
    V = project(variable, X, np.asarray(rng.normal(size=X.shape)))
    length = float(np.linalg.norm(V))
    wanted = float(np.linalg.norm(X)) or 1.0
    return np.asarray(V * (wanted / length)) if length > 0 else V


def move(variable: Symbol, X: Array, V: Array, h: float) -> Array:
    """A point c(h) of a smooth curve inside the set with c(0) = X, c'(0) = V.

    On the orthogonal matrices the Cayley transform of the skew W with W X = V (Wen & Yin 2013, lemma 3).
    """
    if "unit" in variable.attributes:
        Y = X + h * V
        return np.asarray(Y / np.linalg.norm(Y))
    if "orthogonal" in variable.attributes and not linear_set(variable):
        PV = V - X @ (X.T @ V) / 2
        W = PV @ X.T - X @ PV.T
        one = np.eye(X.shape[0])
        return np.asarray(np.linalg.solve(one - h / 2 * W, (one + h / 2 * W) @ X), dtype=np.float64)
    return np.asarray(X + h * V)
