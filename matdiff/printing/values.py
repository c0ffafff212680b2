"""Numbers and arrays as a person types them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

DENOMINATOR = 1000
"""Largest denominator of a value that is told as a fraction."""
LARGEST = 1e9
MANY = 400
"""Entries beyond which an array is not written out."""


def shown(A: Any, style: str = "text", digits: int = 6) -> str:
    """A number or an array as it is typed.

    >>> import numpy as np
    >>> shown(np.array([[1.0, 0.5], [0, -2]])), shown(np.array([1.0, 2])), shown(1 / 3)
    ('[1 1/2; 0 -2]', '[1; 2]', '1/3')
    """
    if np.ndim(A) == 0:
        return entry(float(A), digits)
    if np.size(A) > MANY:
        return f"({'×'.join(map(str, np.shape(A)))} numbers)"
    rows = [[entry(x, digits) for x in row] for row in np.reshape(A, (len(A), -1)).tolist()]
    if style == "latex":
        body = " \\\\ ".join(" & ".join(row) for row in rows)
        return rf"\begin{{bmatrix}}{body}\end{{bmatrix}}"
    return f"[{'; '.join(map(' '.join, rows))}]"


def entry(x: float, digits: int = 6) -> str:
    """A number: whole, a fraction of small numbers, or so many digits."""
    near = Fraction(x).limit_denominator(DENOMINATOR)
    if abs(x) < LARGEST and abs(float(near) - x) <= 1e-14 * abs(x):
        return str(near)
    return f"{x:.{digits}g}"
