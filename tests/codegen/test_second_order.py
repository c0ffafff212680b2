"""Value, gradient and Hessian by one function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import matdiff as md
from matdiff.cli.app import run
from matdiff.codegen import value_grad_hessian

rng = np.random.default_rng(0)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_value_gradient_and_hessian(backend: str) -> None:
    if backend != "numpy":
        pytest.importorskip(backend)
    d = md.derive("norm(X - U*V')^2 + norm(U)^2 + norm(V)^2", wrt="U,V", declare="X: m×n; U: m×2; V: n×2")
    arrays = {"X": rng.normal(size=(5, 4)), "U": rng.normal(size=(5, 2)), "V": rng.normal(size=(4, 2))}
    value, gradients, hessians = value_grad_hessian(d, backend)(**arrays)
    np.testing.assert_allclose(value, d.evaluate(**arrays), rtol=1e-5)
    assert list(gradients) == ["U", "V"]
    for pair, H in d.hessian.items():
        np.testing.assert_allclose(hessians[pair], H.evaluate(**arrays), rtol=1e-4, atol=1e-4)
    value, gradient, hessian = value_grad_hessian(md.derive("x'*x*x[1]", wrt="x"), backend)(x=np.array([1.0, 2]))
    assert (float(value), np.asarray(gradient).tolist()) == (5, [7, 4])
    assert np.asarray(hessian).tolist() == [[6, 4], [4, 2]]


def test_command_prints_the_hessian(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "log(sum(exp(A*x)))", "--wrt", "x", "--order", "2"]) == 0
    text = capsys.readouterr().out
    assert "Hessian verified: " in text
    assert text.count("np.exp(") <= 5
    space: dict[str, Any] = {}
    exec(text, space)
    A, x = rng.normal(size=(3, 2)), rng.normal(size=2)
    p = scipy.special.softmax(A @ x)
    value, gradient, hessian = space["value_grad_hessian"](A=A, x=x)
    np.testing.assert_allclose(value, scipy.special.logsumexp(A @ x))
    np.testing.assert_allclose(gradient, A.T @ p)
    np.testing.assert_allclose(hessian, A.T @ (np.diag(p) - np.outer(p, p)) @ A, atol=1e-12)
    assert run(["codegen", "A*x", "--wrt", "x", "--order", "2"]) == 2
    assert "it has a Jacobian and no gradient" in capsys.readouterr().err
    assert run(["codegen", "x'*A*x", "--wrt", "x", "--order", "2", "--explain"]) == 0
