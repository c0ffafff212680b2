"""Code for one mode of differentiation, and functions that JAX and PyTorch differentiate by it."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.cli.app import run

needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

RNG = np.random.default_rng(1)
ARRAYS: dict[str, Any] = {
    "A": RNG.normal(size=(3, 3)) + 3 * np.eye(3),
    "x": RNG.normal(size=3),
    "b": RNG.normal(size=3),
    "X": RNG.normal(size=(3, 3)) + 3 * np.eye(3),
}
FUNCTIONS = [("norm(A*x - b)^2/2", "x"), ("log(x'*x) + x'*A*x", "x,A"), ("logdet(X) + tr(A*X)", "X")]


def space(d: Any, *given: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(d.code(*given), found)
    return found


def used(d: Any) -> dict[str, Any]:
    return {v.name: ARRAYS[v.name] for v in d.function.variables}


@pytest.mark.parametrize(("function", "wrt"), [*FUNCTIONS, ("inv(X)*x", "X"), ("A*x", "x,A")])
def test_the_maps_are_those_of_the_derivation(function: str, wrt: str) -> None:
    d = md.derive(function, wrt)
    arrays = used(d)
    V = {X.name: RNG.normal(size=ARRAYS[X.name].shape) for X in d.wrt}
    directions = {f"d{name}": v for name, v in V.items()}
    given = V if d.several else V[d.wrt[0].name]
    np.testing.assert_allclose(space(d, "jvp")["jvp"](**arrays, **directions), d.jvp(given, **arrays))
    Y = RNG.normal(size=np.shape(d.evaluate(**arrays)))
    seen, wanted = space(d, "vjp")["vjp"](**arrays, Y=Y), d.vjp(Y, **arrays)
    for name in V:
        np.testing.assert_allclose(seen[name] if d.several else seen, wanted[name] if d.several else wanted)
    if d.kind == "gradient":
        seen, wanted = space(d, "hvp")["hvp"](**arrays, **directions), d.hvp(given, **arrays)
        for name in V:
            np.testing.assert_allclose(seen[name] if d.several else seen, wanted[name] if d.several else wanted)


@needs_jax
@pytest.mark.share(2)
@pytest.mark.parametrize("mode", ["vjp", "jvp", "hvp"])
@pytest.mark.parametrize(("function", "wrt"), FUNCTIONS)
def test_jax_differentiates_by_the_map(function: str, wrt: str, mode: str) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    d = md.derive(function, wrt)
    arrays = used(d)
    module = space(d, mode, "jax", True)
    every = d.of_all
    found = jax.jit(jax.grad(lambda a: module["function"](**a) * 2))(arrays)
    for name in arrays:
        np.testing.assert_allclose(found[name], 2 * every.gradient[name].evaluate(**arrays), rtol=1e-9)
    V = {name: RNG.normal(size=a.shape) for name, a in arrays.items()}
    turned = jax.jit(lambda at, v: jax.vjp(jax.grad(lambda a: module["function"](**a)), at)[1](v)[0])
    wanted = every.hvp(V, **arrays)
    for name, a in turned(arrays, V).items():
        np.testing.assert_allclose(a, wanted[name], rtol=1e-8, atol=1e-10)


@needs_torch
@pytest.mark.parametrize("mode", ["vjp", "jvp", "hvp"])
@pytest.mark.parametrize(("function", "wrt"), FUNCTIONS)
def test_pytorch_differentiates_by_the_map(function: str, wrt: str, mode: str) -> None:
    import torch

    d = md.derive(function, wrt)
    arrays = used(d)
    module = space(d, mode, "torch", True)
    given = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    names = list(given)

    def function_of(*values: Any) -> Any:
        return module["function"](**dict(zip(names, values, strict=True)))

    assert torch.autograd.gradcheck(function_of, tuple(given.values()), check_forward_ad=mode == "jvp")
    assert torch.autograd.gradgradcheck(function_of, tuple(given.values()))


@needs_jax
def test_a_wrong_map_would_be_seen() -> None:
    """JAX takes the function's own map: one that is changed changes what JAX says."""
    import jax

    d = md.derive("norm(A*x - b)^2/2", "x")
    changed: dict[str, Any] = {}
    exec(
        d.code("vjp", "jax", True).replace("return (vjp(**arrays, Y=y),)", "return (vjp(**arrays, Y=3 * y),)"), changed
    )
    found = jax.grad(lambda a: changed["function"](**a))(used(d))["x"]
    np.testing.assert_allclose(found, 3 * d.gradient.evaluate(**used(d)), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--custom"], "--mode"),
        (["--mode", "vjp", "--custom"], "NumPy"),
        (["--mode", "vjp", "--order", "2"], "--mode goes without"),
        (["--mode", "hjp"], "hjp"),
    ],
)
def test_refusals(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert run(["codegen", "x'*A*x", "--wrt", "x", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_hessians_of_maps_and_on_curved_sets_are_refused() -> None:
    with pytest.raises(md.ShapeError, match="scalar"):
        md.derive("inv(X)", "X").code("hvp")
    with pytest.raises(md.UnsupportedError, match="set"):
        md.derive("b'*x", "x", "x: n unit").code("hvp", "jax", True)
    with pytest.raises(md.UnsupportedError, match="modes"):
        md.derive("b'*x", "x").code("gradient")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "norm(A*x - b)^2/2", "--wrt", "x", "--mode", "vjp", "--target", "jax", "--custom"]) == 0
    said = capsys.readouterr().out
    assert "@jax.custom_vjp" in said and "verified" in said
    assert run(["codegen", "norm(A*x - b)^2/2", "--wrt", "x", "--mode", "hvp", "--target", "torch", "--custom"]) == 0
    assert "torch.autograd.Function" in capsys.readouterr().out
