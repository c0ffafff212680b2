"""Linear maps as formulas, bilinear forms, and directions outside the tangent space."""

import numpy as np
import pytest

import matdiff as md
from matdiff.api.operators import asymmetry

OPERATORS = [
    ("X^3", "X", None, "dX X² + X dX X + X² dX", "Y (Xᵀ)² + Xᵀ Y Xᵀ + (Xᵀ)² Y"),
    ("inv(X)", "X", None, "−X⁻¹ dX X⁻¹", "−X⁻ᵀ Y X⁻ᵀ"),
    ("X*X'", "X", None, "dX Xᵀ + X dXᵀ", "(Y + Yᵀ) X"),
    ("A.*X", "X", "A: m×n; X: m×n", "A ⊙ dX", "A ⊙ Y"),
    ("h(W*x - b)", "x", "h: elementwise; W: m×n; b: m", "h'(W x − b) ⊙ (W dx)", "Wᵀ(h'(W x − b) ⊙ Y)"),
]


@pytest.mark.parametrize(("f", "wrt", "declare", "forward", "back"), OPERATORS)
def test_pushforward_and_adjoint(f, wrt, declare, forward, back):
    d = md.derive(f, wrt=wrt, declare=declare)
    assert str(d.operator) == f"F'({wrt})[d{wrt}] = {forward}"
    assert str(d.adjoint) == f"F'({wrt})*[Y] = {back}"
    assert d.operator.value == d.differential
    for operator in (d.operator, d.adjoint):
        assert md.parse(str(operator.value), declare=operator.value.types) == operator.value


BILINEAR = [
    ("det(X)", "X", None, "det(X)(tr(X⁻¹ dX₁) tr(X⁻¹ dX₂) − tr(X⁻¹ dX₁ X⁻¹ dX₂))"),
    ("logdet(X)", "X", None, "−tr(X⁻¹ dX₁ X⁻¹ dX₂)"),
    ("norm(A*x - b)^2/2", "x", None, "dx₁ᵀ Aᵀ A dx₂"),
    ("tr(A*X*B*X)", "X", None, "tr(A (dX₁ B dX₂ + dX₂ B dX₁))"),
    ("inv(X)", "X", None, "X⁻¹(dX₁ X⁻¹ dX₂ + dX₂ X⁻¹ dX₁) X⁻¹"),
]


@pytest.mark.parametrize(("f", "wrt", "declare", "form"), BILINEAR)
def test_bilinear_forms(f, wrt, declare, form):
    d = md.derive(f, wrt=wrt, declare=declare)
    value = d.bilinear.value
    assert value == md.parse(form, declare=value.types)
    assert len(str(value)) <= len(form)


SYMMETRIC = [
    ("det(X)", "X", None),
    ("logdet(S)", "S", "S: n×n spd"),
    ("norm(X - U*V')^2", "U,V", None),
    ("tr(expm(A*X))", "X", None),
    ("chol(S)", "S", "S: n×n spd"),
    ("X^3", "X", None),
]


@pytest.mark.parametrize(("f", "wrt", "declare"), SYMMETRIC)
def test_second_derivatives_are_symmetric(f, wrt, declare):
    error = asymmetry(md.derive(f, wrt=wrt, declare=declare))
    assert error is not None and error < 1e-12


def test_asymmetry_is_seen(monkeypatch):
    from matdiff.api import operators

    d = md.derive("norm(X - U*V')^2", wrt="U,V")
    right = operators._second

    def wrong(d, X, Z):
        found = right(d, X, Z)
        return operators.Operator("f''", (), (), 2 * found.value) if X.name == "U" else found

    monkeypatch.setattr(operators, "_second", wrong)
    error = asymmetry(d)
    assert error is not None and error > 0.1


def test_bilinear_form_is_the_hessian():
    rng = np.random.default_rng(0)
    X = np.eye(3) + 0.2 * rng.normal(size=(3, 3))
    V, W = rng.normal(size=(2, 3, 3))
    d = md.derive("det(X)", wrt="X")
    form = d.bilinear.evaluate(X=X, dX_1=V, dX_2=W)
    assert np.isclose(form, np.vdot(d.hvp(V, X=X), W))
    assert np.isclose(form, V.ravel("F") @ d.hessian.evaluate(X=X) @ W.ravel("F"))
    assert np.allclose(d.hessian_operator.evaluate(X=X, dX=V), d.hvp(V, X=X))


def test_several_variables():
    d = md.derive("norm(X - U*V')^2", wrt="U,V")
    assert set(d.bilinear) == {("U", "U"), ("U", "V"), ("V", "U"), ("V", "V")}
    assert str(d.bilinear["U", "V"]).startswith("f''_U,V(U, V)[dU₁, dV₂] = ")
    assert d.bilinear["U", "V"].latex().startswith(r"f''_{U,V}(U, V)[\mathrm{d}U_{1}, \mathrm{d}V_{2}] = ")
    assert str(d.adjoint["U"]) == "f'_U(U, V)*[Y] = 2Y (U Vᵀ − X) V"
    assert str(d.hessian_operator["V"]).startswith("H_V[dU, dV] = ")


def test_third_order_by_repetition():
    rng = np.random.default_rng(1)
    X = np.eye(3) + 0.2 * rng.normal(size=(3, 3))
    V = rng.normal(size=(3, 3))
    gradient = md.derive("logdet(X)", wrt="X").gradient
    second = md.derive(gradient, wrt="X")
    assert str(second.operator) == "F'(X)[dX] = −X⁻ᵀ dXᵀ X⁻ᵀ"
    third = md.derive(second.jacobian, wrt="X")
    h = 1e-6
    J = second.jacobian
    slope = (J.evaluate(X=X + h * V) - J.evaluate(X=X - h * V)) / (2 * h)
    assert np.allclose(third.jvp(V, X=X), slope, atol=1e-6)
    along = md.derive(md.derive("tr(X^3)", wrt="X").hessian_operator.value, wrt="X")
    assert str(along.differential) == "6(dXᵀ)²" or np.allclose(along.jvp(V, X=X, dX=V), 6 * (V.T @ V.T), atol=1e-12)


def test_names_and_notations():
    d = md.derive("det(F)*F + Y", wrt="F")
    assert str(d.adjoint).startswith("G'(F)*[Y_] = ")
    operator = md.derive("inv(X)", wrt="X").operator
    assert operator.text(ascii=True) == "F'(X)[dX] = -inv(X)*dX*inv(X)"
    assert repr(operator) == 'Operator("F\'(X)[dX] = −X⁻¹ dX X⁻¹")'
    assert md.derive("inv(X)", wrt="X").adjoint.latex() == r"F'(X)^*[Y] = -X^{-\top}YX^{-\top}"


WRONG = np.array([[1.0, 2.0], [3.0, 4.0]])
OUTSIDE = [
    ("symmetric", "symmetric"),
    ("spd", "symmetric"),
    ("lower", "lower triangular"),
    ("upper", "upper triangular"),
    ("diagonal", "diagonal"),
    ("skew", "skew-symmetric"),
]


@pytest.mark.parametrize(("attribute", "word"), OUTSIDE)
def test_directions_outside_linear_sets(attribute, word):
    d = md.derive("tr(S*S)", wrt="S", declare=f"S: n×n {attribute}")
    S = np.zeros((2, 2)) if attribute == "skew" else np.eye(2)
    for method in (d.jvp, d.hvp):
        with pytest.raises(
            md.DomainError, match=f"direction given for S is outside the tangent space: it is not {word}"
        ):
            method(WRONG, S=S)
    d.jvp(np.zeros((2, 2)), S=S)


def test_directions_outside_curved_sets():
    d = md.derive("tr(A*Q)", wrt="Q", declare="Q: n×n orthogonal")
    with pytest.raises(md.DomainError, match="Q'\\*V is not skew-symmetric"):
        d.jvp(WRONG, Q=np.eye(2), A=WRONG)
    assert d.jvp(np.array([[0.0, 1], [-1, 0]]), Q=np.eye(2), A=WRONG) == pytest.approx(1.0)
    d = md.derive("A*x", wrt="x", declare="x: n unit")
    with pytest.raises(md.DomainError, match="x'\\*V is not 0"):
        d.jvp(np.ones(2), x=np.array([1.0, 0]), A=WRONG)
    assert np.allclose(d.jvp(np.array([0.0, 1]), x=np.array([1.0, 0]), A=WRONG), [2, 4])
    with pytest.raises(md.UnsupportedError, match="curved"):
        md.derive("x'*A*x", wrt="x", declare="x: n unit").bilinear  # noqa: B018


def test_pullbacks_lie_in_the_tangent_space():
    Y = WRONG
    for attribute, project in {
        "symmetric": lambda G: (G + G.T) / 2,
        "lower": np.tril,
        "upper": np.triu,
        "diagonal": lambda G: np.diag(np.diag(G)),
        "skew": lambda G: (G - G.T) / 2,
    }.items():
        d = md.derive("A*S", wrt="S", declare=f"A: n×n; S: n×n {attribute}")
        assert np.allclose(d.vjp(Y, A=WRONG, S=np.zeros((2, 2))), project(WRONG.T @ Y)), attribute


def test_matrices_too_large_for_memory():
    n = 300
    X = np.eye(n)
    d = md.derive("inv(X)", wrt="X")
    with pytest.raises(md.UnsupportedError, match=r"90,000×90,000, 60 GiB"):
        d.jacobian.evaluate(X=X)
    with pytest.raises(md.UnsupportedError, match="hvp"):
        md.derive("logdet(X)", wrt="X").hessian.evaluate(X=X)
    assert d.jvp(X, X=X).shape == d.vjp(X, X=X).shape == (n, n)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_gradients_at_critical_points_are_directions(size):
    """They are rounding and nothing else; what leaves the tangent space by more is refused."""
    rng = np.random.default_rng(3)
    B = size * rng.normal(size=(5, 5))
    S = B + B.T
    d = md.derive("x'*S*x", wrt="x", declare="x: n unit; S: n×n symmetric")
    for q in np.linalg.eigh(S)[1].T:
        x = q / np.linalg.norm(q)
        d.jvp(d.gradient.evaluate(x=x, S=S), x=x, S=S)
        for wrong in (x, 1e-3 * x, q + rng.normal(size=5)):
            with pytest.raises(md.DomainError, match="x'\\*V is not 0"):
                d.jvp(wrong, x=x, S=S)
    U, _, Vt = np.linalg.svd(B)
    d = md.derive("tr(B'*Q)", wrt="Q", declare="Q: n×n orthogonal")
    d.jvp(d.gradient.evaluate(Q=U @ Vt, B=B), Q=U @ Vt, B=B)
    d = md.derive("norm(X - S)^2", wrt="X", declare="X: n×n symmetric")
    d.hvp(1e-17 * size * rng.normal(size=(5, 5)), X=S, S=S)
    with pytest.raises(md.DomainError, match="it is not symmetric"):
        d.hvp(1e-3 * B, X=S, S=S)
