"""The functions of the language, one file a family; importing the package registers them all."""

from matdiff.ops import (
    algebra,
    elementwise,
    indexing,
    kronecker,
    linalg,
    matrix_functions,
    reductions,
    spectral,
    structure,
)

__all__ = [
    "algebra",
    "elementwise",
    "indexing",
    "kronecker",
    "linalg",
    "matrix_functions",
    "reductions",
    "spectral",
    "structure",
]
