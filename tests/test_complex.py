"""Derivatives by complex variables: against PyTorch's and JAX's autodiff, and by differences."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.ops.complexes import SELFADJOINT, is_real
from matdiff.verify import complexes
from tests.complex_cases import CASES


def _ids() -> list[str]:
    return [f"{text} by {wrt}" for text, _, wrt, _ in CASES]


def _derivation(case: Any) -> Any:
    text, declare, wrt, _ = case
    return md.derive(text, wrt=wrt, declare=declare)


def _point(d: Any) -> dict[Any, Any]:
    return next(complexes.points(d, 7, None))


def _gradients(d: Any, at: dict[Any, Any]) -> dict[str, Any]:
    found = d.value_and_grad(**{v.name: a for v, a in at.items()})[1]
    return found if d.several else {d.wrt[0].name: found}


def _inside(X: Any, G: Any, at: Any) -> Any:
    """An autodiff gradient brought into the set of the variable, for Re tr(AᴴB)."""
    words = X.attributes
    if words & SELFADJOINT:
        return (G + G.conj().T) / 2
    if "unitary" in words:
        return (G - at @ G.conj().T @ at) / 2
    return G if is_real(X) and not words - {"positive"} else complexes.in_set(X, G)


EVERY = bool(os.environ.get("MATDIFF_EVERY_CASE"))
"""Without it differences check every fourth function and JAX every sixteenth; PyTorch checks all of them."""


@pytest.mark.parametrize("case", CASES if EVERY else CASES[::4], ids=lambda case: f"{case[0]} by {case[2]}")
def test_differences(case: Any) -> None:
    found = _derivation(case).verify()
    assert found.passed, str(found)


class Torch:
    def __init__(self) -> None:
        import torch

        self.t = torch
        self.conj, self.abs, self.sum = torch.conj, torch.abs, torch.sum
        self.exp, self.log, self.sqrt, self.sin, self.tanh = torch.exp, torch.log, torch.sqrt, torch.sin, torch.tanh
        self.inv, self.det, self.expm = torch.linalg.inv, torch.linalg.det, torch.linalg.matrix_exp
        self.eigvalsh, self.svdvals, self.tr, self.diag = (
            torch.linalg.eigvalsh,
            torch.linalg.svdvals,
            torch.trace,
            torch.diagonal,
        )
        self.tril, self.relu, self.kron = torch.tril, torch.relu, torch.kron

    def re(self, x: Any) -> Any:
        return self.t.real(x)

    def im(self, x: Any) -> Any:
        return self.t.imag(x)

    def H(self, x: Any) -> Any:
        return self.t.conj(x).T if x.ndim == 2 else self.t.conj(x)

    def sq(self, x: Any) -> Any:
        return self.t.sum(self.t.abs(x) ** 2)

    def norm(self, x: Any) -> Any:
        return self.t.sqrt(self.sq(x))

    def logdet(self, x: Any) -> Any:
        return self.t.linalg.slogdet(x)[1]

    def eye(self, x: Any) -> Any:
        return self.t.eye(x.shape[0], dtype=x.dtype)

    def hfun(self, name: str, H: Any) -> Any:
        w, Q = self.t.linalg.eigh(H)
        return (Q * getattr(self.t, name)(w)[None, :]) @ self.H(Q)


class Jax:
    def __init__(self) -> None:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.t = jnp
        self.conj, self.abs, self.sum, self.re, self.im = jnp.conj, jnp.abs, jnp.sum, jnp.real, jnp.imag
        self.exp, self.log, self.sqrt, self.sin, self.tanh = jnp.exp, jnp.log, jnp.sqrt, jnp.sin, jnp.tanh
        self.inv, self.det, self.expm = jnp.linalg.inv, jnp.linalg.det, jax.scipy.linalg.expm
        self.eigvalsh, self.tr, self.diag = jnp.linalg.eigvalsh, jnp.trace, jnp.diagonal
        self.tril, self.relu, self.kron = jnp.tril, jax.nn.relu, jnp.kron

    def H(self, x: Any) -> Any:
        return self.t.conj(x).T

    def sq(self, x: Any) -> Any:
        return self.t.sum(self.t.real(x) ** 2 + self.t.imag(x) ** 2)

    def norm(self, x: Any) -> Any:
        return self.t.sqrt(self.sq(x))

    def svdvals(self, x: Any) -> Any:
        return self.t.linalg.svd(x, compute_uv=False, full_matrices=False)

    def logdet(self, x: Any) -> Any:
        return self.t.linalg.slogdet(x)[1]

    def eye(self, x: Any) -> Any:
        return self.t.eye(x.shape[0])

    def hfun(self, name: str, H: Any) -> Any:
        w, Q = self.t.linalg.eigh(H)
        return (Q * getattr(self.t, name)(w)[None, :]) @ self.H(Q)


FEW = CASES if EVERY else CASES[::16]


@pytest.mark.parametrize("case", FEW, ids=lambda case: f"{case[0]} by {case[2]}")
def test_jax_returns_the_conjugate(case: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    library = Jax()
    d = md.derive(case[0], wrt=case[2], declare=case[1], convention="jax")
    at = _point(d)
    order = [name.strip() for part in case[1].split(";") for name in part.split(":")[0].split(",")]
    by_name = {v.name: (v, a) for v, a in at.items()}
    arrays = [by_name[n][1] for n in order]
    places = tuple(order.index(X.name) for X in d.wrt)
    theirs = jax.grad(lambda *a: library.t.real(case[3](library, *a)), argnums=places)(*arrays)
    mine = _gradients(d, at)
    for X, G in zip(d.wrt, theirs, strict=True):
        inside = np.asarray(G) if is_real(X) else np.conj(_inside(X, np.conj(np.asarray(G)), at[X]))
        if is_real(X):
            inside = _inside(X, inside, at[X])
        assert np.allclose(mine[X.name], inside, rtol=1e-7, atol=1e-9), X.name


@pytest.fixture(scope="module")
def of_torch() -> Any:
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return Torch()


@pytest.mark.parametrize("case", CASES, ids=_ids())
def test_torch(case: Any, of_torch: Any) -> None:
    import torch

    d = _derivation(case)
    at = _point(d)
    order = [name.strip() for part in case[1].split(";") for name in part.split(":")[0].split(",")]
    by_name = {v.name: (v, a) for v, a in at.items()}
    tensors = {}
    for name in order:
        v, a = by_name[name]
        t = torch.tensor(a, dtype=torch.float64 if is_real(v) else torch.complex128)
        tensors[name] = t.requires_grad_(any(X.name == name for X in d.wrt))
    mixed = {n: (t + 0j if is_real(by_name[n][0]) and t.ndim else t) for n, t in tensors.items()}
    try:
        value = case[3](of_torch, *tensors.values())
    except RuntimeError:  # operands of a product have one type in PyTorch
        value = case[3](of_torch, *mixed.values())
    value = torch.real(value)
    value.backward()
    mine, gradients = d.value_and_grad(**{v.name: a for v, a in at.items()})
    assert np.isclose(mine, value.item(), rtol=1e-9, atol=1e-11)
    gradients = gradients if d.several else {d.wrt[0].name: gradients}
    for X in d.wrt:
        theirs = _inside(X, tensors[X.name].grad.resolve_conj().numpy(), at[X])
        assert np.allclose(gradients[X.name], theirs, rtol=1e-7, atol=1e-9), X.name
