"""Solvers of H s = r for Hessians of known structure; generated code has the ones it needs written into it.

Each has the same three methods: `solve(r)`, `apply(s)` and, after the first solve, `definite`: True where H was found
to be positive definite, False where not, None where it was not looked at.  Arrays have the shape of the variable.
"""

from __future__ import annotations

from matdiff.codegen.solvers import (
    banded,
    dense,
    iterations,
    kronecker,
    lowrank,
    onesided,
    products,
    refinement,
    samples,
    schur,
    sphere,
)
from matdiff.codegen.solvers.banded import Banded, Bands
from matdiff.codegen.solvers.dense import Dense, Elementwise, Matrix
from matdiff.codegen.solvers.kronecker import Kron, TwoTerms
from matdiff.codegen.solvers.lowrank import Plus, Woodbury
from matdiff.codegen.solvers.onesided import OneSided
from matdiff.codegen.solvers.samples import Rows, Samples
from matdiff.codegen.solvers.schur import Schur
from matdiff.codegen.solvers.sphere import Sphere

MODULES = (iterations, products, refinement, dense, lowrank, banded, onesided, kronecker, samples, sphere, schur)
"""In the order in which each needs only those before it."""

__all__ = [
    "MODULES",
    "Banded",
    "Bands",
    "Dense",
    "Elementwise",
    "Kron",
    "Matrix",
    "OneSided",
    "Plus",
    "Rows",
    "Samples",
    "Schur",
    "Sphere",
    "TwoTerms",
    "Woodbury",
]
