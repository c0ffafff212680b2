"""What the routines are written with: the type of their arrays, and what C's `math.h` has."""

from __future__ import annotations

from math import (
    acos,
    asin,
    atan,
    cos,
    cosh,
    erf,
    exp,
    expm1,
    fabs,
    floor,
    inf,
    isfinite,
    lgamma,
    log,
    log1p,
    nan,
    pi,
    pow,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)  # fmt: skip

Array = list[float]
"""Doubles in a row; a pointer in C, an array in Numba."""

FUNCTIONS = (
    acos, asin, atan, cos, cosh, erf, exp, expm1, fabs, floor, isfinite, lgamma, log, log1p, pow, sin, sinh, sqrt, tan,
    tanh,
)  # fmt: skip
"""Functions of C, in `math.h`, that the routines and what calls them use."""
CONSTANTS = {"inf": inf, "nan": nan, "pi": pi}
