#!/usr/bin/env bash
# JAX 0.10.2 (CPU, float64): second derivatives of jnp.linalg.det at singular matrices of 4 rows and more.
#
# Behaviour seen: det is a polynomial, and its gradient is right at every matrix, singular ones included; up to 3×3 so is
# its Hessian.  At 4×4 jax.hessian(jnp.linalg.det) is NaN at diag(1, 2, 3, 0), whose largest entry should be 6, and 0
# without a warning at diag(1, 2, 0, 0), where two pairs of entries should be ±2, and at the matrix of 0 … 15 in rows,
# where the largest should be 36.  At matrices of full rank all agree with the minors.
#
# Who meets it: Newton's method and curvature for functions of det(X) or det(X'X) that start at or pass a singular matrix.
# This script fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jax==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'P'
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
print("JAX", jax.__version__)


def second(A, i, j, k, m):
    """∂² det A/∂A_ij ∂A_km, a minor with its sign."""
    if i == k or j == m:
        return 0.0
    rows = [r for r in range(len(A)) if r not in (i, k)]
    columns = [c for c in range(len(A)) if c not in (j, m)]
    sign = (-1) ** (i + j + k + m) * (1 if (i < k) == (j < m) else -1)
    return sign * np.linalg.det(A[np.ix_(rows, columns)])


def compared(A):
    n = len(A)
    true = np.array([second(A, *at) for at in product(range(n), repeat=4)]).reshape((n,) * 4)
    return np.asarray(jax.hessian(jnp.linalg.det)(jnp.asarray(A))), true


for name, A, seen in [
    ("3×3 diag(1, 2, 0)", np.diag([1.0, 2, 0]), "right"),
    ("diag(1, 2, 3, 4)", np.diag([1.0, 2, 3, 4]), "right"),
    ("diag(1, 2, 3, 0)", np.diag([1.0, 2, 3, 0]), "nan"),
    ("diag(1, 2, 0, 0)", np.diag([1.0, 2, 0, 0]), "0"),
    ("0 … 15 in rows", np.arange(16.0).reshape(4, 4), "0"),
]:
    found, true = compared(A)
    word = "nan" if np.isnan(found).any() else "right" if np.allclose(found, true, atol=1e-9) else "0" if not found.any() else "other"
    print(f"{name}: largest entry {np.abs(found).max():g}, should be {np.abs(true).max():g}: {word}")
    assert word == seen, name
P
