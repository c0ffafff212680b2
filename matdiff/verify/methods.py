"""Derivatives along a direction from values alone: four ways by differences, and the complex step.

For F smooth along the curve, F(h) = F(0) + h F′ + h²/2 F″ + …, and values carry a relative rounding error ε ≈ 2·10⁻¹⁶.

forward     (F(h) − F(0))/h = F′ + O(h): truncation h|F″|/2 and rounding 2ε|F|/h balance at h ≈ √ε, where about half
            of the digits are right.  Of several steps the one with the smallest change to the next is taken.
backward    (F(0) − F(−h))/h, the same from the other side.
central     (F(h) − F(−h))/2h = F′ + O(h²): only even powers are left, and their first three are removed by
            extrapolation from four steps in a fixed ratio, so that some eleven digits are right.
richardson  The same tableau T(k,j) = T(k,j−1) + (T(k,j−1) − T(k−1,j−1))/(r⁻²ʲ − 1) grown row by row from a large step
            until its error estimate rises again (Richardson 1911; Ridders 1982; as in numdifftools).
complex     Im F(X + ihV)/h = F′ + O(h²) for analytic F: nothing is subtracted, so h = 10⁻²⁰ gives all digits
            (Squire & Trapp 1998).  Functions that are not analytic (abs, eigenvalues, …) are refused by name.
dual        Values a + bε with ε² = 0, part after part: exact up to rounding.  Each part is differentiated by its
            record, so this checks how the parts are put together, moved across ⟨·,·⟩ and simplified, not the records.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from matdiff.verify.differences import EPS, Slope, distance, slope
from matdiff.verify.sets import Array

Curve = Callable[[float], Array]

ONE_SIDED = 7
"""Steps of forward and backward differences, each a tenth of the last."""
ROWS = 6
"""Most rows of the adaptive tableau."""
SHRINK = 0.5
IMAGINARY = 1e-20

METHODS = ("forward", "backward", "central", "richardson", "complex", "dual")
COST = {"central": 8, "forward": ONE_SIDED, "backward": ONE_SIDED, "richardson": 2 * ROWS, "complex": 1, "dual": 1}
"""Most evaluations of the function at one point, the point itself not counted."""


def measure(method: str, F: Curve, center: Array, first: float) -> Slope:
    """The derivative of F at 0 by one of the methods by differences; `first` is the step that central begins with."""
    if method == "central":
        return slope(F, center, first)
    if method == "richardson":
        return adaptive(F, center, 10 * first)
    return one_sided(F, center, first / 10, 1 if method == "forward" else -1)


def one_sided(F: Curve, center: Array, first: float, side: int) -> Slope:
    steps = tuple(first * 10.0**-k for k in range(ONE_SIDED))
    values = tuple(F(side * h) for h in steps)
    slopes = [(v - center) / (side * h) for v, h in zip(values, steps, strict=True)]
    changes = [distance(a, b) for a, b in pairwise(slopes)]
    best = int(np.argmin([c if np.isfinite(c) else np.inf for c in changes]))
    scale = magnitude((center, *values))
    error = max(changes[best], 2 * EPS * scale / steps[best])
    forward, backward = (values, ()) if side > 0 else ((), values)
    return Slope(slopes[best + 1], error, scale, steps, center, forward, backward, steps[best + 1])


def adaptive(F: Curve, center: Array, first: float) -> Slope:
    steps: list[float] = []
    forward: list[Array] = []
    backward: list[Array] = []
    rows: list[list[Array]] = []
    best, error = np.zeros_like(center), float("inf")
    for k in range(ROWS):
        h = first * SHRINK**k
        steps.append(h)
        forward.append(F(h))
        backward.append(F(-h))
        row = [(forward[-1] - backward[-1]) / (2 * h)]
        for j in range(1, k + 1):
            row.append(row[-1] + (row[-1] - rows[-1][j - 1]) / (SHRINK ** (-2 * j) - 1))
        rows.append(row)
        if k == 0:
            continue
        seen = max(distance(row[-1], row[-2]), distance(row[-1], rows[-2][-1]))
        if seen < error:
            best, error = row[-1], seen
        elif seen > 2 * error:
            break
    scale = magnitude((center, *forward, *backward))
    error = max(error, 2 * EPS * scale / steps[0])
    return Slope(best, error, scale, tuple(steps), center, tuple(forward), tuple(backward), steps[-1])


def complex_step(F: Callable[[complex], Array], center: Array) -> Slope:
    """F takes a complex step; its derivative at 0."""
    value = np.imag(F(1j * IMAGINARY)) / IMAGINARY
    scale = magnitude((center,))
    error = 1e3 * EPS * max(float(np.linalg.norm(value)), EPS * scale)
    return Slope(value, error, scale, (1.0,), center, (), (), 1.0)


def dual_step(value: Array, center: Array) -> Slope:
    """What dual numbers give, with the error that rounding leaves."""
    scale = magnitude((center,))
    error = 1e3 * EPS * max(float(np.linalg.norm(value)), EPS * scale)
    return Slope(value, error, scale, (1.0,), center, (), (), 1.0)


def magnitude(values: tuple[Array, ...]) -> float:
    largest = max(float(np.max(np.abs(v), initial=0)) for v in values)
    return largest * float(np.sqrt(values[0].size))
