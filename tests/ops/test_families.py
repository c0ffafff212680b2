"""Matrix powers, rows and columns, extremes, least squares, Lyapunov equations: spellings, remarks, JAX, PyTorch."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.verify.exact import certify

SAME = [
    ("sum(X, 1)", "colsum(X)"),
    ("sum(X, axis=0)", "colsum(X)"),
    ("sum(X, dim = 1)", "rowsum(X)"),
    ("sum(X, dims=1)", "colsum(X)"),
    ("sum(X, axis=-1)", "rowsum(X)"),
    ("mean(X, 2)", "rowmean(X)"),
    ("mean(X, axis=0)", "colmean(X)"),
    ("norm(X, axis=1)", "rownorm(X)"),
    ("max(X, axis=1)", "rowmax(X)"),
    ("max(X, [], 1)", "colmax(X)"),
    ("min(X, [], 2)", "rowmin(X)"),
    ("softmax(X, 2)", "rowsoftmax(X)"),
    ("softmax(X, axis=0)", "colsoftmax(X)"),
    ("softmax(X, 1)", "softmax(X', 2)'"),
    ("logsumexp(X, axis=1)", "logsumexp(X, 2)"),
    ("logsumexp(X, 1)", "logsumexp(X', 2)"),
    ("sum(x, 1)", "sum(x)"),
    ("max(x, axis=0)", "max(x)"),
    ("max(x, 0)", "relu(x)"),
    ("max(0, x)", "relu(x)"),
    ("min(x, 0)", "-relu(-x)"),
    ("unvech(v)", "unvech(v, 3)"),
    ("A^(k+1)*A^-k", "A"),
    ("A^k*A*A^k", "A^(2*k+1)"),
    ("inv(A^k)", "A^-k"),
    ("(A^k)'", "(A')^k"),
    ("A^1.25*A^-0.25", "A"),
    ("A/A^k", "A^(1-k)"),
]


@pytest.mark.parametrize(("text", "same"), SAME)
def test_spellings(text: str, same: str) -> None:
    declared = "X: m×n; x: n; v: 6; A: n×n; k: scalar"
    assert md.parse(text, declare=declared) == md.parse(same, declare=declared)


SAID = {
    "tr(A^k)": "A^k is a matrix power",
    "tr(A^0.3)": "no eigenvalue of A is 0 or negative",
    "S: n×n spd; tr(S^p)": "",
    "sum(sum(X, 1))": "dimensions count from 1",
    "sum(softmax(X, 2).^2)": "dimensions count from 1",
    "sum(sum(X, axis=0))": "",
    "max(X)": "the largest of all entries",
    "max(x)": "",
    "norm21(X)": "of the columns it is norm21(X')",
    "tr(lyap(A, Q))": "A*X + X*A' + Q = 0",
    "A: m×n; norm(A\\x)": "least-squares",
    "A: n×n; norm(A\\x)": "",
    "A: n×n; tr(X/A)": "multiplying by inv(A) from the right",
}


@pytest.mark.parametrize("text", SAID)
def test_a_choice_is_said(text: str) -> None:
    said = md.derive(text, wrt=next(w for w in "XAxS" if w in text.split("; ")[-1])).remarks
    assert any(SAID[text] in remark for remark in said) if SAID[text] else not said


@pytest.mark.parametrize("text", ["X/N", "A^B", "x/B"])
def test_a_capital_below_the_line_is_not_taken_for_a_matrix(text: str) -> None:
    with pytest.raises(md.ShapeError):
        md.parse(text)


@pytest.mark.parametrize("text", ["Q*K'/sqrt(D)", r"\frac{QK^\top}{\sqrt{D}}", "sum(x)/D", "A*x/D"])
def test_a_capital_that_only_divides_is_a_number(text: str) -> None:
    assert "D: scalar" in md.parse(text).types


JAX: dict[str, Any] = {
    "sum(softmax(X, 2).^3)": lambda np, ss, X, x, y: (ss.softmax(X, axis=1) ** 3).sum(),
    "sum(softmax(X, 1).^3)": lambda np, ss, X, x, y: (ss.softmax(X, axis=0) ** 3).sum(),
    "sum(logsumexp(X, 2).^2)": lambda np, ss, X, x, y: (ss.logsumexp(X, axis=1) ** 2).sum(),
    "sum(softmax(x'*X).^2)": lambda np, ss, X, x, y: (ss.softmax(x @ X) ** 2).sum(),
    "norm21(X)": lambda np, ss, X, x, y: np.sqrt((X * X).sum(1)).sum(),
    "sum(colnorm(X).^3)": lambda np, ss, X, x, y: (np.sqrt((X * X).sum(0)) ** 3).sum(),
    "max(X)*min(X)": lambda np, ss, X, x, y: X.max() * X.min(),
    "sum(rowmax(X).^2) + sum(colmin(X).^2)": lambda np, ss, X, x, y: (X.max(1) ** 2).sum() + (X.min(0) ** 2).sum(),
    "x'*max(X*y, y) + y'*min(X*x, 1)": lambda np, ss, X, x, y: x @ np.maximum(X @ y, y) + y @ np.minimum(X @ x, 1),
    "norm(khatrirao(X, X'))^2": lambda np, ss, X, x, y: ((X[:, None, :] * X.T) ** 2).sum(),
    "x'*X^3*y + tr(X^-1)": lambda np, ss, X, x, y: x @ X @ X @ X @ y + np.trace(np.linalg.inv(X)),
}


def drawn(size: int) -> dict[str, Any]:
    rng = np.random.default_rng(size)
    return {"X": rng.normal(size=(size, size)), "x": rng.normal(size=size), "y": rng.normal(size=size)}


@cache
def by_jax(text: str, size: int) -> Any:
    """Value and gradient."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    X, x, y = drawn(size).values()
    return jax.jit(jax.value_and_grad(lambda X: JAX[text](jax.numpy, JaxSpecial(jax), X, x, y)))(X)


@pytest.mark.parametrize("text", JAX)
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("backend", ["numpy", pytest.param("jax", marks=pytest.mark.share(3))])
def test_values_and_gradients_agree_with_jax(text: str, size: int, backend: str) -> None:
    given = drawn(size)
    expected, gradient = by_jax(text, size)
    d = md.derive(text, wrt="X", declare="X: n×n; x: n; y: n")
    np.testing.assert_allclose(d.evaluate(**given), expected, rtol=1e-10)
    np.testing.assert_allclose(d.gradient.compile(backend)(**given), gradient, rtol=1e-9, atol=1e-10)


class JaxSpecial:
    def __init__(self, jax: Any) -> None:
        self.softmax, self.logsumexp = jax.nn.softmax, jax.nn.logsumexp


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("k", [1.0, 2.0, 5.0, -2.0, 0.5, 1.5, -0.7])
def test_matrix_powers_agree_with_pytorch_on_every_backend(k: float, size: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(size)
    M, x = rng.normal(size=(size, size)), rng.normal(size=size)
    A = M if k.is_integer() else M @ M.T + np.eye(size)
    X = torch.tensor(A, requires_grad=True)
    if k.is_integer():
        power = torch.linalg.matrix_power(X, int(k))
    else:
        values, Q = torch.linalg.eigh((X + X.T) / 2)
        power = Q @ torch.diag(values**k) @ Q.T
    v = torch.tensor(x)
    (v @ power @ v + torch.trace(power)).backward()
    d = md.derive("x'*A^k*x + tr(A^k)", wrt="A", declare="A: n×n; x: n; k: scalar")
    for backend in ("numpy", "torch"):
        G = np.asarray(d.gradient.compile(backend)(A=torch.tensor(A) if backend == "torch" else A, x=x, k=k))
        expected = X.grad.numpy()
        G, expected = (G, expected) if k.is_integer() else (G + G.T, expected + expected.T)
        np.testing.assert_allclose(G, expected, rtol=1e-8, atol=1e-9 * max(1, abs(expected).max()))


def test_a_power_is_refused_where_it_is_not_real() -> None:
    power = md.parse("A^k", declare="A: n×n; k: scalar")
    assert np.allclose(power.evaluate(A=-np.eye(2), k=3.0), -np.eye(2))
    for A, k in ((-np.eye(2), 0.5), (np.zeros((2, 2)), -1.0)):
        with pytest.raises(md.DomainError, match="the power"):
            power.evaluate(A=A, k=k)


@pytest.mark.parametrize("text", ["tr(B*sqrtm(X))", "tr(B*logm(X))", "tr(B*sylvester(X, X, B))", "tr(B*lyap(X, B))"])
def test_pytorch_has_the_matrix_functions_and_their_derivatives(text: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    given = {"X": 3 * np.eye(3) + rng.normal(size=(3, 3)) / 2, "B": rng.normal(size=(3, 3))}
    d = md.derive(text, wrt="X", declare="X: n×n; B: n×n")
    tensors = {k: torch.tensor(v) for k, v in given.items()}
    for e in (d.gradient, d.hessian):
        np.testing.assert_allclose(e.compile("torch")(**tensors), e.evaluate(**given), rtol=1e-8, atol=1e-9)
    tensors["X"].requires_grad_()
    d.function.compile("torch")(**tensors).backward()
    np.testing.assert_allclose(tensors["X"].grad, d.gradient.evaluate(**given), rtol=1e-8, atol=1e-9)


def test_dividing_by_a_matrix_is_entry_by_entry_with_a_dot() -> None:
    A = np.array([[2.0, 1.0], [0.0, 4.0]])
    assert np.allclose(md.parse("A/A", declare="A: n×n").evaluate(A=A), np.eye(2))
    assert np.allclose(md.parse("B ./ A", declare="A: n×n; B: n×n").evaluate(A=A + 1, B=A), A / (A + 1))


@pytest.mark.parametrize("length", [1, 3, 6, 10])
def test_unvech_finds_its_size(length: int) -> None:
    v = np.arange(1.0, length + 1)
    S = md.parse("unvech(v)", declare=f"v: {length}").evaluate(v=v)
    assert np.array_equal(S, S.T) and len(S) * (len(S) + 1) // 2 == length
    assert np.array_equal(S.T[np.triu_indices(len(S))], v)


DEFINED = {
    "khatrirao(A, B)": "A",
    "softmax(A, 2)": "A",
    "logsumexp(A, 2)": "A",
    "colsoftmax(A)": "A",
    "rownorm(A)": "A",
    "norm21(A)": "A",
    "sylvester(S, T, C)": "S",
    "tr(lyap(S, Q))": "S",
}


@pytest.mark.parametrize("text", DEFINED)
def test_the_exact_certificate_and_the_complex_step(text: str) -> None:
    """By the definition in the record; matrices with complex eigenvalues are among those that are drawn."""
    d = md.derive(text, wrt=DEFINED[text], declare="A, B: m×n; S, Q: m×m; T: n×n; C: m×n")
    assert certify(d).holds is True
    for seed in range(5):
        verdict = d.verify(method="complex", seed=seed)
        assert verdict.passed, str(verdict)


@pytest.mark.parametrize(("text", "wrt"), [("tr(A^k*B)", "A"), ("tr(S^p*B)", "p"), ("tr(S^p*B)", "S")])
def test_the_complex_step_of_powers(text: str, wrt: str) -> None:
    verdict = md.derive(text, wrt=wrt, declare="A, B: n×n; S: n×n spd; k, p: scalar").verify(method="complex")
    assert verdict.passed, str(verdict)
