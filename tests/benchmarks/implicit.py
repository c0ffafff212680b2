"""Derivatives through equations, beside one LU solve and JAX: `taskset -c 0 python tests/benchmarks/implicit.py`.

One thread: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1.  What is compared is run in turn, and of each the shortest time
of the processor counts, whatever else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

import matdiff as md

PROGRAM = "A = A_0 + Diag(p); A*x = b for x; norm(x)^2"
NEWTON = "A*x + x.^3 = B*p for x; norm(x)^2/2"
ROUNDS = 15


def shortest(runs: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, float]:
    """The shortest time of each, in seconds of the processor."""
    found = dict.fromkeys(runs, np.inf)
    for f in runs.values():
        f()
    for _ in range(rounds):
        for name, f in runs.items():
            start = time.process_time()
            f()
            found[name] = min(found[name], time.process_time() - start)
    return found


def shown(found: dict[str, float], yardstick: str) -> None:
    for name, seconds in found.items():
        print(f"{name:34} {1e3 * seconds:8.1f} ms   {seconds / found[yardstick]:6.2f} × {yardstick}")


def through_a_solve(n: int = 1000) -> None:
    rng = np.random.default_rng(0)
    given = {"A_0": rng.normal(size=(n, n)), "p": 100 + rng.normal(size=n), "b": rng.normal(size=n)}
    d = md.derive(PROGRAM, wrt="p")
    A = given["A_0"] + np.diag(given["p"])
    runs: dict[str, Callable[[], Any]] = {
        "one LU solve": lambda: scipy.linalg.lu_solve(scipy.linalg.lu_factor(A), given["b"]),
        "value and gradient": lambda: d.value_and_grad(**given),
        "Hessian-vector product": lambda: d.hvp(given["b"], **given),
    }
    try:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        A_0, b = jnp.asarray(given["A_0"]), jnp.asarray(given["b"])

        def value(p: Any, A_0: Any, b: Any) -> Any:
            return jnp.sum(jnp.linalg.solve(A_0 + jnp.diag(p), b) ** 2)

        compiled = jax.jit(jax.value_and_grad(value))
        runs["jax.jit(value_and_grad)"] = lambda: jax.block_until_ready(compiled(given["p"], A_0, b))
    except ImportError:
        pass
    found = shortest(runs)
    shown(found, "one LU solve")
    if "jax.jit(value_and_grad)" in found:
        print(f"value and gradient: {found['value and gradient'] / found['jax.jit(value_and_grad)']:.2f} × JAX")


def through_newton(n: int = 100, k: int = 20, whole: bool = False) -> None:
    """The Hessian of what k parameters determine, beside jax.hessian through a Newton solver with custom_root.

    Of half the squared length of x(p), or, `whole`, of all entries of x(p).
    """
    rng = np.random.default_rng(1)
    given = {
        "A": 5 * np.eye(n) + rng.normal(size=(n, n)) / n**0.5,
        "B": rng.normal(size=(n, k)),
        "p": rng.normal(size=k),
    }
    d = md.derive(NEWTON.replace("norm(x)^2/2", "x") if whole else NEWTON, wrt="p")
    name = "Hessians of x(p)" if whole else "Hessian by 20 parameters"
    runs: dict[str, Callable[[], Any]] = {name: lambda: d.hessian_matrix(**given)}
    try:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        A, B = jnp.asarray(given["A"]), jnp.asarray(given["B"])

        def value(p: Any) -> Any:
            def F(x: Any) -> Any:
                return A @ x + x**3 - B @ p

            def newton(F: Any, x: Any) -> Any:
                def step(state: Any) -> Any:
                    x, _, count = state
                    move = jnp.linalg.solve(jax.jacfwd(F)(x), F(x))
                    return x - move, jnp.linalg.norm(move), count + 1

                return jax.lax.while_loop(lambda s: (s[1] > 1e-12) & (s[2] < 50), step, (x, jnp.inf, 0))[0]

            def solve(g: Any, y: Any) -> Any:
                return jnp.linalg.solve(jax.jacfwd(g)(y), y)

            x = jax.lax.custom_root(F, jnp.zeros(n), newton, solve)
            return x if whole else jnp.sum(x**2) / 2

        compiled = jax.jit(jax.hessian(value))
        H = np.asarray(compiled(given["p"]))
        assert np.allclose(H, d.hessian_matrix(**given), rtol=1e-8, atol=1e-12)
        runs["jax.jit(jax.hessian)"] = lambda: jax.block_until_ready(compiled(given["p"]))
    except ImportError:
        pass
    print(f"n = {n}")
    shown(shortest(runs, ROUNDS if n < 1000 else 4), name)


if __name__ == "__main__":
    through_a_solve()
    for n in (100, 300, 1000, 2000):
        through_newton(n)
    for n in (100, 300, 1000):
        through_newton(n, whole=True)
