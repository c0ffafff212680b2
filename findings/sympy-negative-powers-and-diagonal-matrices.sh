#!/usr/bin/env bash
# SymPy 1.14.0: diff by a MatrixSymbol of Trace(X**-2), and of a product with DiagMatrix(x).
#
# Behaviour seen: Trace(X**-1).diff(X) is -X.T**(-2) and Trace(X**2).diff(X) is 2*X.T, but of Trace(X**-2) and
# Trace(X**-3) a RecursionError is raised, and so of a.T*DiagMatrix(x)*b by x and by a, which is
# linear in each of them.
# The first is -2*X.T**(-3), as the explicit 2×2 matrix shows.
#
# Who meets it: derivatives of inverse moments, and of what scales by a vector.  This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q sympy==1.14.0
"$folder/venv/bin/python" - <<'P'
import sympy
from sympy import DiagMatrix, Matrix, MatrixSymbol, Trace

print("SymPy", sympy.__version__)
X = MatrixSymbol("X", 2, 2)
a, b, x = (MatrixSymbol(name, 2, 1) for name in "abx")
assert Trace(X**-1).diff(X) == -X.T ** (-2) and Trace(X**2).diff(X) == 2 * X.T
for name, f, v in [
    ("tr X**-2 by X", Trace(X**-2), X),
    ("tr X**-3 by X", Trace(X**-3), X),
    ("a' DiagMatrix(x) b by x", a.T * DiagMatrix(x) * b, x),
    ("a' DiagMatrix(x) b by a", a.T * DiagMatrix(x) * b, a),
]:
    try:
        f.diff(v)
    except RecursionError as error:
        print(f"{name}: RecursionError: {error}")
    else:
        raise AssertionError(f"{name} is found now")
V = Matrix(2, 2, sympy.symbols("p q r s"))
f = (V**-2).trace()
by_entries = Matrix(2, 2, lambda i, j: sympy.diff(f, V[i, j]))
assert sympy.simplify(by_entries + 2 * (V.T) ** (-3)) == sympy.zeros(2)
P
