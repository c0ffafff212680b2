"""More problems on curved sets: verified along curves, and a few against Pymanopt with its autodiff."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matdiff as md

Array = Any

GRASSMANN, STIEFEL, ROTATION = "X: n×p grassmann", "X: n×p orthonormal", "X: n×n orthogonal"
COLUMNS, SPHERE, SPD = "X: n×m unit columns", "X: n unit", "X: n×n spd"
PROBLEMS: dict[str, tuple[str, str]] = {
    "discriminant": ("tr(inv(X'*D*X)*(X'*A*X))", f"{GRASSMANN}; A: n×n symmetric; D: n×n spd"),
    "ratio of determinants": ("logdet(X'*A*X) - logdet(X'*D*X)", f"{GRASSMANN}; A: n×n spd; D: n×n spd"),
    "robust subspace": ("sum(sqrt(diag(Y'*Y - Y'*X*X'*Y) .+ 0.1))", GRASSMANN),
    "sparse components": ("-tr(X'*A*X) + sum(sqrt(X.^2 .+ 0.01))", f"{STIEFEL}; A: n×n symmetric"),
    "contrast": ("sum(log(cosh(X'*Y)))", STIEFEL),
    "joint diagonalisation": (
        "norm(X'*A*X - Diag(diag(X'*A*X)))^2 + norm(X'*D*X - Diag(diag(X'*D*X)))^2",
        f"{ROTATION}; A: n×n symmetric; D: n×n symmetric",
    ),
    "synchronisation": ("-tr(A*X*D*X')", f"{ROTATION}; A: n×n symmetric; D: n×n symmetric"),
    "directions": ("-k*c'*X + log(sum(exp(Y'*X)))", f"{SPHERE}; k: scalar"),
    "quartic": ("(X'*A*X)^2 - (c'*X)^3", f"{SPHERE}; A: n×n symmetric"),
    "packing": ("sum(exp(3*X'*X))", COLUMNS),
    "factorisation": ("norm(Y'*Y - X'*X)^2", COLUMNS),
    "bhattacharyya": ("logdet((X + D)/2) - logdet(X)/2", f"{SPD}; D: n×n spd"),
    "wishart": ("tr(inv(X)*D)*7 + 7*logdet(X) + c'*X*c", f"{SPD}; D: n×n spd"),
    "bures": ("tr(X) - 2*tr(sqrtm(sqrtm(D)*X*sqrtm(D)))", f"{SPD}; D: n×n spd"),
    "mean": ("norm(logm(C*X*C))^2 + norm(logm(D*X*D))^2", f"{SPD}; C: n×n spd; D: n×n spd"),
}


def derived(name: str) -> md.Derivation:
    text, said = PROBLEMS[name]
    return md.derive(text, wrt="X", declare=said, metric="affine" if "X: n×n spd" in said else "euclidean")


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradient_and_hessian_hold_along_curves(name: str) -> None:
    d = derived(name)
    assert d.verify().passed is True
    assert d.verify(order=2).passed is True


rng = np.random.default_rng(3)
n, p = 5, 2
M = rng.normal(size=(2, n, n))
A, D = (m @ m.T / n + np.eye(n) for m in M)
Y = rng.normal(size=(n, 7))
COSTS: dict[str, tuple[dict[str, Array], str, tuple[int, ...], Callable[[Any, Array], Any]]] = {
    "discriminant": (
        {"A": A, "D": D}, "Grassmann", (n, p), lambda xp, X: xp.trace(xp.linalg.solve(X.T @ D @ X, X.T @ A @ X)),
    ),
    "contrast": ({"Y": Y}, "Stiefel", (n, p), lambda xp, X: xp.sum(xp.log(xp.cosh(X.T @ Y)))),
    "bhattacharyya": (
        {"D": D}, "SymmetricPositiveDefinite", (n,),
        lambda xp, S: xp.linalg.slogdet((S + D) / 2)[1] - xp.linalg.slogdet(S)[1] / 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COSTS)
def test_pymanopt_finds_the_same(name: str) -> None:
    pymanopt = pytest.importorskip("pymanopt", reason="the extra pymanopt")
    jax = pytest.importorskip("jax", reason="the extra jax")
    jax.config.update("jax_enable_x64", True)
    arrays, kind, sizes, cost = COSTS[name]
    manifold = getattr(pymanopt.manifolds, kind)(*sizes)
    ours = derived(name).pymanopt(**arrays).problem(manifold)
    theirs = pymanopt.Problem(manifold, pymanopt.function.jax(manifold)(lambda X: cost(jax.numpy, X)))
    np.random.seed(3)
    X = manifold.random_point()
    V = manifold.random_tangent_vector(X)
    for a, b in (
        (ours.riemannian_gradient(X), theirs.riemannian_gradient(X)),
        (ours.riemannian_hessian(X, V), theirs.riemannian_hessian(X, V)),
    ):
        assert np.abs(a - b).max() <= 1e-10 * max(1.0, np.abs(b).max())
