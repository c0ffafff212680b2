"""Pymanopt's trust regions with matdiff's derivatives, beside its JAX and autograd backends, in one run.

`OMP_NUM_THREADS=1 python tests/benchmarks/manifolds.py [size factor]`.  All start at the same point and stop at the
same norm of the gradient; the time is that of the solver alone, after one run that compiles what is compiled.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import matdiff as md

Array = Any
TOLERANCE = 1e-6
RUNS = 3
ENOUGH = 2.0
"""Seconds after which one run more than the first two is not worth waiting for."""


def problems(k: float) -> dict[str, tuple[str, str, dict[str, Array], Callable[[Any, Array], Any]]]:
    """By name: text, declaration of X, arrays, and the cost in a NumPy-like xp; `k` scales the sizes."""
    rng = np.random.default_rng(0)
    n, p, m = int(60 * k), int(4 * k) + 1, int(200 * k)
    A, Y = rng.normal(size=(n, n)), rng.normal(size=(n, m))
    A, Y = (A + A.T) / 2, Y / m**0.5 * np.linspace(1, 3, n)[:, None]
    N = np.diag(np.arange(p, 0, -1.0))
    B = rng.normal(size=(2 * n, n))
    C = rng.normal(size=(2 * n, p))
    s = max(4, n // 4)
    D = Y[:s] @ Y[:s].T
    return {
        "PCA (Stiefel)": ("-tr(X'*A*X)", "X: n×p orthonormal; A: n×n symmetric", {"A": A},
                          lambda xp, X: -xp.trace(X.T @ A @ X)),
        "Rayleigh quotient (sphere)": ("X'*A*X", "X: n unit; A: n×n symmetric", {"A": A}, lambda xp, x: x @ A @ x),
        "Brockett (Stiefel)": ("tr(X'*A*X*N)", "X: n×p orthonormal; A: n×n symmetric; N: p×p diagonal",
                               {"A": A, "N": N}, lambda xp, X: xp.trace(X.T @ A @ X @ N)),
        "Procrustes (Stiefel)": ("norm(B*X - C)^2", "X: n×p orthonormal", {"B": B, "C": C},
                                 lambda xp, X: xp.sum((B @ X - C) ** 2)),
        "subspace (Grassmann)": ("norm(Y - X*X'*Y)^2", "X: n×p grassmann", {"Y": Y},
                                 lambda xp, X: xp.sum((Y - X @ (X.T @ Y)) ** 2)),
        "max-cut (unit columns)": ("tr(A*X'*X)", "X: p×n unit columns; A: n×n symmetric", {"A": A},
                                   lambda xp, X: xp.sum((X @ A) * X)),
        "Gaussian (spd, affine)": ("logdet(X) + tr(inv(X)*D)", "X: n×n spd; D: n×n spd", {"D": D},
                                   lambda xp, S: xp.linalg.slogdet(S)[1] + xp.trace(xp.linalg.solve(S, D))),
    }  # fmt: skip


def solved(problem: Any, start: Array) -> tuple[float, Any]:
    """The shortest of some runs of the solver, in seconds, and its last result."""
    from pymanopt.optimizers import TrustRegions

    best = np.inf
    result = None
    whole = time.perf_counter()
    for run in range(RUNS + 1):
        if run > 1 and time.perf_counter() - whole > ENOUGH:
            break
        optimizer = TrustRegions(min_gradient_norm=TOLERANCE, max_iterations=200, max_time=60, verbosity=0)
        begun = time.perf_counter()
        result = optimizer.run(problem, initial_point=start)
        best = min(best, time.perf_counter() - begun)
    return best, result


def backends(manifold: Any, cost: Callable[[Any, Array], Any]) -> dict[str, Any]:
    """The problem by each of Pymanopt's backends that is installed."""
    import pymanopt

    found = {}
    try:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        found["jax"] = pymanopt.Problem(manifold, pymanopt.function.jax(manifold)(lambda X: cost(jnp, X)))
    except ImportError:
        pass
    try:
        import autograd.numpy as anp

        found["autograd"] = pymanopt.Problem(manifold, pymanopt.function.autograd(manifold)(lambda X: cost(anp, X)))
    except ImportError:
        pass
    return found


def main(k: float = 1.0) -> None:
    np.random.seed(0)
    print(f"{'problem':28} {'matdiff':>10} {'jax':>10} {'autograd':>10}   ratios (iterations)")
    for name, (text, said, arrays, cost) in problems(k).items():
        d = md.derive(text, wrt="X", declare=said, metric="affine" if "affine" in name else "euclidean")
        handed = d.pymanopt(**arrays)
        try:
            manifold = handed.manifold
        except md.ShapeError:
            import pymanopt

            n = len(arrays["A"] if "A" in arrays else arrays["Y"])
            p = int(4 * k) + 1
            kind = {"Stiefel": "Stiefel", "Grassmann": "Grassmann", "unit columns": "Oblique"}[name.split("(")[1][:-1]]
            manifold = getattr(pymanopt.manifolds, kind)(*((p, n) if kind == "Oblique" else (n, p)))
        start = manifold.random_point()
        ours, mine = solved(handed.problem(manifold), start)
        row, ratios = [f"{1e3 * ours:8.1f}ms"], []
        for backend, problem in backends(manifold, cost).items():
            seconds, theirs = solved(problem, start)
            row.append(f"{1e3 * seconds:8.1f}ms")
            gap = abs(theirs.cost - mine.cost) / (1 + abs(mine.cost))
            ratios.append(f"{backend} {seconds / ours:.1f}× ({mine.iterations}/{theirs.iterations}, {gap:.0e})")
        print(f"{name:28} {' '.join(f'{r:>10}' for r in row)}   {', '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
