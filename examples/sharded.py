"""Logistic regression on a mesh of devices: matdiff's JAX code, its arrays spread, and the same values by NumPy.

    python examples/sharded.py

On a machine with one processor eight virtual devices stand for eight machines.  The generated code knows
nothing of them: JAX places the arrays and adds the communication.
"""

from __future__ import annotations

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import matdiff as md

DECLARED = "X: m×n; y: m; w: n; λ: scalar"
LOSS = "sum(softplus(-y .* (X*w))) + λ/2*norm(w)^2"
Layout = dict[str, tuple[str | None, ...]]
LAYOUTS: dict[str, Layout] = {
    "rows of the design matrix": {"X": ("devices", None), "y": ("devices",), "w": ()},
    "parameters": {"X": (None, "devices"), "y": (), "w": ("devices",)},
}


def data(rows: int, columns: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, columns))
    return {"X": X, "y": np.sign(X @ rng.normal(size=columns)), "w": rng.normal(size=columns)}


def placed(arrays: dict[str, np.ndarray], layout: Layout, mesh: Mesh) -> dict[str, jax.Array]:
    """The arrays, each spread over the mesh as its axes say."""
    return {k: jax.device_put(a, NamedSharding(mesh, PartitionSpec(*layout[k]))) for k, a in arrays.items()}


def main() -> None:
    jax.config.update("jax_enable_x64", True)
    mesh = Mesh(np.array(jax.devices()), ("devices",))
    count = mesh.size
    d = md.derive(LOSS, wrt="w", declare=DECLARED)
    arrays = data(64 * count, 4 * count)
    gradient = d.gradient.compile("jax")
    expected = d.gradient.compile("numpy")(**arrays, λ=0.1)
    for name, layout in LAYOUTS.items():
        got = gradient(**placed(arrays, layout, mesh), λ=0.1)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
        print(f"{name} on {count} devices: the gradient agrees with NumPy, its layout {got.sharding.spec}")
    given = placed(arrays, LAYOUTS["rows of the design matrix"], mesh)
    before = float(d.function.compile("jax")(**given, λ=0.1))
    for _ in range(100):
        given["w"] = given["w"] - 0.01 * gradient(**given, λ=0.1)
    after = float(d.function.compile("jax")(**given, λ=0.1))
    print(f"100 steps of gradient descent: {before:.1f} → {after:.1f}")
    assert after < before


if __name__ == "__main__":
    main()
