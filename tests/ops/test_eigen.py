"""Eigenproblems: indices that are letters, second order, eigenvalues that meet, and the factors of LU, QR and SVD."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import matdiff as md

S = "S: n×n symmetric"


def random(seed: int, n: int = 4) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    A, V = rng.normal(size=(2, n, n))
    return A + A.T, V + V.T


def resolvent(A: Any, i: int) -> Any:
    values, Q = np.linalg.eigh(A)
    gaps = values[i - 1] - values
    gaps[i - 1] = np.inf
    return Q / gaps @ Q.T


@pytest.mark.parametrize("text", ["eigval(S,i)", "eigvals(S)[i]", r"\lambda_i(S)"])
def test_an_eigenvalue_by_a_letter_to_second_order(text: str) -> None:
    d = md.derive(text, wrt="S", declare=S)
    A, V = random(1)
    for i in (1, 2, 4):
        q, R = np.linalg.eigh(A)[1][:, i - 1], resolvent(A, i)
        assert np.isclose(d.function.evaluate(S=A, i=i), np.linalg.eigvalsh(A)[i - 1])
        assert np.allclose(d.gradient.evaluate(S=A, i=i), np.outer(q, q))
        assert np.isclose(np.vdot(V, d.hvp(V, S=A, i=i)), 2 * q @ V @ R @ V @ q)
    assert d.verify(order=2).passed


@pytest.mark.parametrize("text", ["eigvec(S,i)", "eigvecs(S)[:,i]"])
def test_an_eigenvector_by_a_letter(text: str) -> None:
    d = md.derive(text, wrt="S", declare=S)
    A, V = random(2)
    q = np.linalg.eigh(A)[1][:, 2]
    assert np.allclose(d.jvp(V, S=A, i=3), resolvent(A, 3) @ V @ q)
    assert d.verify().passed


@pytest.mark.parametrize("text", ["svdval(X,i)", "svdvals(X)[i]", "sigma(X,i)", r"\sigma_i(X)"])
def test_a_singular_value_by_a_letter(text: str) -> None:
    d = md.derive(text, wrt="X", declare="X: 5×3")
    X = np.random.default_rng(3).normal(size=(5, 3))
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    assert np.isclose(d.function.evaluate(X=X, i=2), s[1])
    assert np.allclose(d.gradient.evaluate(X=X, i=2), np.outer(U[:, 1], Vt[1]))
    assert d.verify(order=2).passed


@pytest.mark.parametrize("text", ["lambda_max(S)", "lambda_min(S)", "eigval(S,2)"])
def test_the_second_derivative_is_said_by_the_reduced_resolvent(text: str) -> None:
    d = md.derive(text, wrt="S", declare=S)
    assert "reduced_resolvent" in str(d.hessian_operator)
    assert d.verify(order=2).passed


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_code_of_an_index(backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    A, V = random(4)
    A, V = A.astype(np.float32).astype(float), V
    d = md.derive("eigval(S,i)", wrt="S", declare=S)
    given: Any = A
    if backend == "torch":
        given = __import__("torch").tensor(A)
    found = np.asarray(d.gradient.compile(backend)(S=given, i=2))
    q = np.linalg.eigh(A)[1][:, 1]
    assert np.allclose(found, np.outer(q, q), atol=1e-5)


def test_what_an_index_must_be() -> None:
    d = md.derive("eigval(S,i)", wrt="S", declare=S)
    A, _ = random(5)
    for i in (0, 1.5, 5):
        with pytest.raises(md.MatdiffError):
            d.gradient.evaluate(S=A, i=i)
    with pytest.raises(md.MatdiffError, match="whole number, by which there is no derivative"):
        _ = md.derive("eigval(S,i)", wrt="i", declare=S).gradient


@pytest.mark.parametrize("text", ["eigval(S,i)", "lambda_max(S)", "eigvec(S,i)", "eigvecs(S)", "eigval(S,1)"])
def test_equal_eigenvalues_are_refused_and_never_nan(text: str) -> None:
    d = md.derive(text, wrt="S", declare=S)
    given = {"S": np.eye(3)} | ({"i": 2} if "i)" in text and "S,i" in text else {})
    with pytest.raises(md.MatdiffError, match=r"equal eigenvalues|not simple"):
        d.jvp(np.ones((3, 3)), **given)


@pytest.mark.parametrize("k", [2, 3])
def test_the_generalised_gradient_of_a_largest_eigenvalue(k: int) -> None:
    g = md.derive("lambda_max(S)", wrt="S", declare=S).generalised_gradient(k)
    rng = np.random.default_rng(k)
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    values = np.array([-1.0, 0.5, 1.0, 2.0, 2.0]) if k == 2 else np.array([-1.0, 0.5, 2.0, 2.0, 2.0])
    A, V = Q * values @ Q.T, random(k, 5)[1]
    Qk = Q[:, -k:]
    slopes = np.linalg.eigvalsh(Qk.T @ V @ Qk)
    assert np.isclose(g.jvp(V, S=A), slopes[-1])
    assert np.allclose(g.subgradient(S=A), Qk @ Qk.T / k)
    h = 1e-6
    branches = (np.linalg.eigvalsh(A + h * V)[-k:] - 2) / h
    assert np.allclose(branches, slopes, atol=1e-4)
    with pytest.raises(md.DomainError, match="multiplicity"):
        g.jvp(V, S=np.diag([1.0, 2, 3, 4, 5]))
    with pytest.raises(md.DomainError, match="tr M = 1"):
        g.subgradient(np.eye(k), S=A)


@pytest.mark.parametrize(
    ("text", "wrt", "declare"),
    [
        ("lambda_max(S)", "S", S),
        ("lambda_min(A + t*B)", "t", "A, B: n×n symmetric; t: scalar"),
        ("lambda_max(Diag(x) + A)^2 + x'*x", "x, A", "A: n×n symmetric"),
        ("-lambda_max(X'*X)", "X", "X: m×n"),
    ],
)
def test_generalised_gradients_are_verified_where_eigenvalues_meet(text: str, wrt: str, declare: str) -> None:
    g = md.derive(text, wrt=wrt, declare=declare).generalised_gradient("k")
    found = g.verify()
    assert found.passed and found.points == 3


def test_a_wrong_generalised_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    g = md.derive("lambda_max(S)", wrt="S", declare=S).generalised_gradient(2)
    monkeypatch.setattr(g, "_slopes", g._slopes * 2)
    assert g.verify().passed is False


@pytest.mark.parametrize(
    ("text", "k"), [("eigval(S,1)", 2), ("lambda_max(S) + lambda_min(S)", 2), ("lambda_max(S)", 0)]
)
def test_refused_multiplicities(text: str, k: int) -> None:
    with pytest.raises(md.MatdiffError):
        md.derive(text, wrt="S", declare=S).generalised_gradient(k)


# factors

TALL = np.random.default_rng(6).normal(size=(4, 3))
SQUARE = TALL[:3] + 3 * np.eye(3)
FACTORS = {
    "lu_L": ("A: n×n", SQUARE), "lu_U": ("A: n×n", SQUARE), "qr_Q": ("A: m×n", TALL), "qr_R": ("A: m×n", TALL),
    "svd_U": ("A: 4×3", TALL), "svd_V": ("A: 4×3", TALL),
}  # fmt: skip


def values(A: Any) -> dict[str, Any]:
    return {name: md.parse(f"{name}(A)", declare=said).evaluate(A=A) for name, (said, at) in FACTORS.items() if at is A}


def test_what_the_factors_are() -> None:
    at = values(SQUARE)
    assert np.allclose(at["lu_L"] @ at["lu_U"], SQUARE)
    assert np.allclose(np.diagonal(at["lu_L"]), 1) and np.allclose(np.triu(at["lu_L"], 1), 0)
    at = values(TALL)
    assert np.allclose(at["qr_Q"] @ at["qr_R"], TALL) and (np.diagonal(at["qr_R"]) > 0).all()
    assert np.allclose(at["svd_U"] * np.linalg.svd(TALL)[1] @ at["svd_V"].T, TALL)
    V = at["svd_V"]
    assert (V[np.abs(V).argmax(axis=0), range(3)] > 0).all()


@pytest.mark.parametrize("name", FACTORS)
def test_the_differentials_of_the_factors(name: str) -> None:
    said, A = FACTORS[name]
    d = md.derive(f"{name}(A)", wrt="A", declare=said)
    rng = np.random.default_rng(7)
    V = rng.normal(size=A.shape)

    def F(h: float) -> Any:
        return d.function.evaluate(A=A + h * V)

    slope = (8 * (F(1e-4) - F(-1e-4)) - (F(2e-4) - F(-2e-4))) / 1.2e-3
    assert np.allclose(d.jvp(V, A=A), slope, atol=1e-9)
    Y = rng.normal(size=slope.shape)
    assert np.isclose(np.vdot(d.vjp(Y, A=A), V), np.vdot(Y, slope))
    assert np.allclose(d.jacobian.evaluate(A=A) @ V.T.reshape(-1), slope.T.reshape(-1), atol=1e-9)


@pytest.mark.parametrize(
    ("text", "declare"),
    [
        ("tr(C*lu_L(A)) + sum(log(diag(lu_U(A)).^2))", "A: n×n"),
        ("c'*qr_Q(A)*b + norm(qr_R(A))^4", "A: m×n"),
        ("tr(C'*svd_U(A))*tr(B*svd_V(A))", "A: 4×3; B: 3×3; C: 4×3"),
        ("tr(C'*svd_U(A))*sum(svdvals(A).^3)", "A: m×n tall; C: m×n"),
        ("tr(C'*polar(A + C))", "A: m×n tall; C: m×n"),
    ],
)
def test_hessians_of_functions_of_factors(text: str, declare: str) -> None:
    assert md.derive(text, wrt="A", declare=declare).verify(order=2).passed


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_code_of_the_factors(backend: str) -> None:
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    for name, (said, A) in FACTORS.items():
        d = md.derive(f"{name}(A)", wrt="A", declare=said)
        given: Any = __import__("torch").tensor(A) if backend == "torch" else A
        found = np.asarray(d.function.compile(backend)(A=given))
        assert np.allclose(found, d.function.evaluate(A=A), atol=1e-5), name


def test_functions_of_factors_that_are_functions_of_the_matrix() -> None:
    d = md.derive("norm(qr_R(A))^2 + tr(lu_L(A)*lu_U(A))", wrt="A", declare="A: n×n")
    assert np.allclose(d.gradient.evaluate(A=SQUARE), 2 * SQUARE + np.eye(3))
    assert str(md.derive("norm(qr_R(A))^2", wrt="A", declare="A: m×n").gradient) == "2A"


@pytest.mark.parametrize(
    ("name", "A", "why"),
    [
        ("lu_L", np.array([[0.0, 1], [1, 0]]), "leading principal minor 0 of order 1"),
        ("lu_U", np.diag([1.0, 0, 2]), "leading principal minor 0 of order 2"),
        ("qr_Q", np.ones((3, 3)), "full"),
        ("qr_R", np.ones((3, 3)), "full"),
        ("svd_U", np.eye(3), "equal singular values"),
        ("svd_V", np.diag([2.0, 1, 0]), "full rank"),
        ("svdvals", np.eye(3), "equal eigenvalues"),
        ("eigvals", np.eye(3), "equal eigenvalues"),
    ],
)
def test_where_factors_have_no_derivative(name: str, A: Any, why: str) -> None:
    d = md.derive(f"{name}(A)", wrt="A", declare="A: n×n symmetric" if name == "eigvals" else "A: n×n")
    for map_ in (lambda: d.jvp(np.ones(A.shape), A=A), lambda: d.vjp(np.ones(d.function.evaluate(A=A).shape), A=A)):
        with pytest.raises(md.DomainError, match=why):
            map_()


@pytest.mark.parametrize("text", ["max(eigvals(S))", "Diag(eigvals(S))", "sqrt(eigvals(S))"])
def test_functions_that_are_not_smooth_in_equal_eigenvalues(text: str) -> None:
    d = md.derive(text, wrt="S", declare="S: n×n spd")
    with pytest.raises(md.DomainError, match="equal eigenvalues"):
        d.jvp(np.ones((3, 3)), S=2 * np.eye(3))


@pytest.mark.parametrize(
    ("text", "declare"),
    [("qr_R(A)", "A: 2×4"), ("svd_V(A)", "A: m×n"), ("lu_L(A)", "A: 2×4"), ("lu_L(A)", "A: n×n complex")],
)
def test_factors_that_are_refused(text: str, declare: str) -> None:
    with pytest.raises(md.MatdiffError):
        _ = md.derive(text, wrt="A", declare=declare).jacobian
