"""The functions of the language, one file a family; importing the package registers them all.

A function of one's own is one more record, from `linear` or `nonlinear` (or by a formula, `matdiff.elementwise`):

>>> from matdiff import derive, forget
>>> upside = linear("upside", "(m,n)->(m,n)", lambda Y, X: upside(Y), numpy="{0}[::-1]", torch="torch.flip({0}, [0])")
>>> print(derive("norm(upside(X) - A)^2/2", wrt="X").gradient)
upside(upside(X) − A)
>>> from matdiff.ops.reductions import tr
>>> power2 = nonlinear("tracesquare", "(n,n)->()", lambda X, dX: 2 * tr(X @ dX), numpy="np.trace({0} @ {0})")
>>> print(derive("tracesquare(A*X)", wrt="X").gradient)
2Aᵀ Xᵀ Aᵀ
>>> forget("upside"), forget("tracesquare")
(None, None)
"""

from matdiff.core.op import linear, nonlinear
from matdiff.ops import (
    algebra,
    axes,
    complex_spectra,
    complexes,
    elementwise,
    extremes,
    factors,
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
    "axes",
    "complex_spectra",
    "complexes",
    "elementwise",
    "extremes",
    "factors",
    "indexing",
    "kronecker",
    "linalg",
    "linear",
    "matrix_functions",
    "nonlinear",
    "reductions",
    "spectral",
    "structure",
]
