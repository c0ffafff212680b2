"""Value and gradient through an equation, beside one LU solve and JAX: `python tests/benchmarks/implicit.py`.

One thread: OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

import matdiff as md

PROGRAM = "A = A_0 + Diag(p); A*x = b for x; norm(x)^2"


def best(f: Callable[[], Any], times: int = 9) -> float:
    """The shortest of several runs, in seconds."""
    f()
    found = []
    for _ in range(times):
        start = time.perf_counter()
        f()
        found.append(time.perf_counter() - start)
    return min(found)


def main(n: int = 1000) -> None:
    rng = np.random.default_rng(0)
    given = {"A_0": rng.normal(size=(n, n)), "p": 100 + rng.normal(size=n), "b": rng.normal(size=n)}
    d = md.derive(PROGRAM, wrt="p")
    solve = best(lambda: scipy.linalg.solve(given["A_0"] + np.diag(given["p"]), given["b"]))
    print(f"one solve            {1e3 * solve:8.1f} ms")
    for name, f in {
        "value and gradient": lambda: d.value_and_grad(**given),
        "Hessian product": lambda: d.hvp(given["b"], **given),
    }.items():
        print(f"{name:20} {1e3 * best(f):8.1f} ms")
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return
    jax.config.update("jax_enable_x64", True)

    def value(p: Any) -> Any:
        return jnp.sum(jnp.linalg.solve(given["A_0"] + jnp.diag(p), given["b"]) ** 2)

    compiled = jax.jit(jax.value_and_grad(value))
    print(f"{'jax.value_and_grad':20} {1e3 * best(lambda: jax.block_until_ready(compiled(given['p']))):8.1f} ms")


if __name__ == "__main__":
    main()
