#!/usr/bin/env bash
# SymPy 1.14.0: diff by a MatrixSymbol of scalar functions of a determinant, or of an entry of a product of matrices.
#
# Behaviour seen: log(Determinant(X)).diff(X) and Determinant(X)**2 by X are zero matrices, Trace(X)*Determinant(X) loses the
# derivative of the determinant, and with q = (x.T*A*x)[0, 0] so are exp(q).diff(x) and (q/(x.T*x)[0, 0]).diff(x).  No
# error and no unevaluated Derivative says that something is missing, while Determinant(X).diff(X) alone stays
# unevaluated and Trace(X.T*X)**2 is differentiated rightly.  The same functions of explicit matrices have derivatives
# that are not 0.
#
# Who meets it: everybody who compares a gradient of a log-likelihood or of a Rayleigh quotient with SymPy's.
# This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q sympy==1.14.0
"$folder/venv/bin/python" - <<'P'
import sympy
from sympy import Derivative, Determinant, Identity, Matrix, MatrixSymbol, Trace, ZeroMatrix, exp, log

print("SymPy", sympy.__version__)
X, A, x = MatrixSymbol("X", 2, 2), MatrixSymbol("A", 2, 2), MatrixSymbol("x", 2, 1)
q, s = (x.T * A * x)[0, 0], (x.T * x)[0, 0]
seen = {
    "log det X": (log(Determinant(X)), X),
    "(det X)**2": (Determinant(X) ** 2, X),
    "exp(x'Ax)": (exp(q), x),
    "x'Ax/x'x": (q / s, x),
}
for name, (f, v) in seen.items():
    found = f.diff(v)
    entry = v.as_explicit()[0, 0]
    explicit = f.doit() if v is x else f.subs(X, X.as_explicit()).doit()
    true = sympy.simplify(sympy.diff(explicit, entry))
    print(f"{name:12} by {v.name}: {found};  its entry by {entry}: {true}")
    assert found == ZeroMatrix(*v.shape) and true != 0, name
product = (Trace(X) * Determinant(X)).diff(X)
print("tr X det X   by X:", product)
assert product == Determinant(X) * Identity(2)
assert isinstance(Determinant(X).diff(X), Derivative)
assert (Trace(X.T * X) ** 2).diff(X).subs(X, Matrix([[1, 2], [3, 4]])).doit() == 120 * Matrix([[1, 2], [3, 4]])
P
