"""Derivatives by complex variables: against PyTorch's and JAX's autodiff, and by differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.ops.complexes import SELFADJOINT, is_real
from matdiff.verify import complexes, sampling
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


@pytest.mark.parametrize("case", CASES, ids=_ids())
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


assert sampling
