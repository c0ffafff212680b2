#!/usr/bin/env bash
# SciPy 1.17.1: scipy.linalg.solve_sylvester(A, B, C) with a complex A and a real B that has complex eigenvalues.
#
# Behaviour seen: the returned X does not solve A X + X B = C.  B's real Schur form is quasi-triangular (2×2 blocks for
# the pairs of complex eigenvalues), and is handed to the complex solver, which takes triangular matrices.  No error,
# no warning.  With B as a complex array of the same numbers the residual is at rounding.
#
# Who meets it: complex-step derivatives of Sylvester and Lyapunov solutions, where A + ih dA is complex and B is not.
# This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "numpy==2.3.5" "scipy==1.17.1" 2>"$folder/log" || { cat "$folder/log"; exit 1; }
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import scipy
from scipy.linalg import solve_sylvester

A = np.array([[3.0, 1.0, 0.0], [0.0, 4.0, 1.0], [1.0, 0.0, 5.0]])
B = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
C = np.arange(9.0).reshape(3, 3)


def residual(A, B):
    X = solve_sylvester(A, B, C)
    return float(np.max(np.abs(A @ X + X @ B - C)))


real, mixed, both = residual(A, B), residual(A + 0j, B), residual(A + 0j, B + 0j)
print(f"SciPy {scipy.__version__}, NumPy {np.__version__}")
print(f"residual, A and B real:          {real:.1e}")
print(f"residual, A complex, B real:     {mixed:.1e}")
print(f"residual, A and B complex:       {both:.1e}")
assert real < 1e-12 and both < 1e-12
assert mixed > 1e-3, "the mixed call solves the equation now"
PY
