"""A derivative used with types: derived, compiled, minimised.  `mypy --strict` accepts this file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import matdiff as md

Array = NDArray[np.float64]


def least_squares() -> md.Derivation:
    return md.derive("norm(A*x - b)^2/2", wrt="x", declare="A: m×n; b: m")


def descend(A: Array, b: Array, steps: int = 200) -> Array:
    """Gradient descent with the step 1/‖A‖²."""
    d = least_squares()
    gradient: Callable[..., Any] = d.gradient.compile("numpy")
    x: Array = np.zeros(A.shape[1])
    step = 1 / float(np.linalg.norm(A, 2)) ** 2
    for _ in range(steps):
        x = x - step * np.asarray(gradient(A=A, x=x, b=b), dtype=np.float64)
    return x


def main() -> None:
    A: Array = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    b: Array = np.array([1.0, 2.0, 3.0])
    found = descend(A, b, 5000)
    assert np.allclose(found, np.linalg.lstsq(A, b, rcond=None)[0], atol=1e-3)
    print(least_squares().gradient, found.round(3).tolist())


if __name__ == "__main__":
    main()
