"""Central differences at a sequence of steps, extrapolated, and the order of the first-order remainder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from matdiff.verify.sets import Array

RATIO = 0.4
LEVELS = 4
STEPS = {"smooth": 1e-2, "kinked": 2e-5}
"""First steps, relative to the size of the point: where the function is smooth, and near kinks or steep places."""
WIDER = 4.0
"""How much longer steps are for second derivatives, which rounding hides sooner."""
EPS = float(np.finfo(float).eps)
LEAST_ORDER = 1.8


class Slope(NamedTuple):
    """The derivative along a direction from values alone, with an estimate of its error.

    `flat` says that nothing but rounding was seen; `scale` is the size of the values.
    """

    value: Array
    error: float
    scale: float
    steps: tuple[float, ...]
    center: Array
    forward: tuple[Array, ...]
    backward: tuple[Array, ...]
    step: float = 0.0
    """The smallest step that the estimate rests on; the last one unless it is given."""

    @property
    def size(self) -> float:
        return float(np.linalg.norm(self.value))

    @property
    def settled(self) -> bool:
        """Sharp enough to tell an error of 0.1 % with room to spare."""
        return bool(np.isfinite(self.error)) and self.error <= 1e-5 * self.size and self.size > 0

    @property
    def noise(self) -> float:
        """What rounding may do to a difference of values that come from numbers of order 1."""
        return 1000 * EPS * max(self.scale, 1.0) / (self.step or self.steps[-1])

    @property
    def flat(self) -> bool:
        """Zero, as far as rounding lets one see."""
        return bool(np.isfinite(self.error)) and self.size <= self.noise and self.error <= self.noise

    @property
    def tolerance(self) -> float:
        """How far from the true derivative the difference may be."""
        if self.settled:
            return max(1e-6 * self.size, 20 * self.error)
        return max(20 * self.error, self.noise)


def slope(F: Callable[[float], Array], center: Array, first: float) -> Slope:
    """The derivative of F at 0 by central differences at geometric steps, extrapolated (Ridders 1982)."""
    steps = tuple(first * RATIO**k for k in range(LEVELS))
    forward = tuple(F(h) for h in steps)
    backward = tuple(F(-h) for h in steps)
    scale = max(float(np.max(np.abs(v), initial=0)) for v in (center, *forward, *backward)) * center.size**0.5
    best, error = extrapolate([(p - m) / (2 * h) for p, m, h in zip(forward, backward, steps, strict=True)])
    error = max(error, 2 * EPS * scale / steps[0])
    return Slope(best, error, scale, steps, center, forward, backward)


def bend(F: Callable[[float], Array], center: Array, first: float) -> Slope:
    """The second derivative of F at 0, as the first one of (F(h) + F(−h) − 2 F(0))/h."""
    memo: dict[float, Array] = {}

    def rise(h: float) -> Array:
        if abs(h) not in memo:
            memo[abs(h)] = (F(h) - center) + (F(-h) - center)
        return memo[abs(h)] / h

    found = slope(rise, np.zeros_like(center), first)
    scale = max(found.scale, float(np.max(np.abs(center), initial=0)))
    return found._replace(scale=scale, error=max(found.error, 4 * EPS * scale / found.steps[0] ** 2))


def extrapolate(column: Sequence[Array]) -> tuple[Array, float]:
    """The limit of values with an even expansion in the step, and how far the last two estimates are apart."""
    best, error = column[-1], float("inf")
    previous = [column[0]]
    for k in range(1, len(column)):
        row = [column[k]]
        for j in range(1, k + 1):
            row.append(row[j - 1] + (row[j - 1] - previous[j - 1]) / (RATIO ** (-2 * j) - 1))
            apart = max(distance(row[j], row[j - 1]), distance(row[j], previous[j - 1]))
            if apart < error:
                best, error = row[j], apart
        previous = row
    return best, error


def distance(a: Array, b: Array) -> float:
    """Of two vectors."""
    apart = a - b
    return sqrt(apart @ apart)


def order(found: Slope, linear: Array) -> float | None:
    """How fast |F(h) − F(0) − h L| falls; None where it is at rounding from the start.

    The larger of the two sides is taken, so that a square and a cube never cancel.
    """
    sizes = []
    for i, h in enumerate(found.steps):
        sides = [(side[i], s * h) for side, s in ((found.forward, 1), (found.backward, -1)) if side]
        rest = max((distance(v, found.center + t * linear) for v, t in sides), default=0.0)
        floor = 200 * EPS * max(found.scale, EPS) + 2 * h * found.error
        if rest > floor:
            sizes.append((h, rest))
    if len(sizes) < 2:
        return None
    (h1, r1), (h2, r2) = sizes[-2:]
    return float(np.log(r1 / r2) / np.log(h1 / h2))
