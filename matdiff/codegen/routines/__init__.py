"""Routines that native code brings along: products, factorisations, decompositions, functions of matrices.

They are written once, in the part of Python that `backends.c` translates to C99 and that Numba compiles as it stands:
loops over ranges, numbers, one-dimensional arrays of doubles.  Matrices are column-major; nothing is allocated, `work`
is memory to write on, of the size that the record of the function states.  What cannot fail returns nothing, what can
returns 0 where it did not.
"""

from __future__ import annotations

from types import FunctionType

from matdiff.codegen.routines import (
    adjugates,
    arrangements,
    cholesky,
    eigen,
    exponential,
    lu,
    powers,
    products,
    qr,
    reductions,
    scalars,
    svd,
)
from matdiff.codegen.routines.language import CONSTANTS, FUNCTIONS

__all__ = ["CONSTANTS", "FUNCTIONS", "MODULES", "ROUTINES"]

MODULES = (scalars, reductions, arrangements, products, cholesky, lu, qr, eigen, svd, adjugates, exponential, powers)
"""In the order in which their routines stand in C."""
ROUTINES = {
    name: routine
    for module in MODULES
    for name, routine in vars(module).items()
    if isinstance(routine, FunctionType) and routine.__module__ == module.__name__
}
"""All routines by name."""
