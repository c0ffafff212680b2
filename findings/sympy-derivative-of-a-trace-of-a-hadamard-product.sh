#!/usr/bin/env bash
# SymPy 1.14.0: Trace(HadamardProduct(A, X)).diff(X).
#
# Behaviour seen: the derivative of a scalar by an n×n matrix comes as ArrayDiagonal(A, (0, 1)), an array of shape (n,)
# that holds the diagonal of A; its shape should be (n, n), with these numbers on the diagonal and 0 elsewhere, as
# differentiating by each entry shows.  With a further factor, Trace(HadamardProduct(A, X)*B), the shape is right.
#
# Who meets it: whoever evaluates SymPy's derivative and adds it to an n×n array, where broadcasting hides the shape.
# This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q sympy==1.14.0
"$folder/venv/bin/python" - <<'P'
import sympy
from sympy import HadamardProduct, MatrixSymbol, Trace

print("SymPy", sympy.__version__)
X, A, B = (MatrixSymbol(name, 3, 3) for name in "XAB")
found = Trace(HadamardProduct(A, X)).diff(X)
explicit = HadamardProduct(A, X).as_explicit().trace()
true = sympy.Matrix(3, 3, lambda i, j: explicit.diff(X[i, j]))
print("found", found, "of shape", found.shape, "; by entries", true)
assert tuple(found.shape) == (3,)
assert true == sympy.diag(A[0, 0], A[1, 1], A[2, 2])
assert tuple(Trace(HadamardProduct(A, X) * B).diff(X).shape) == (3, 3)
P
