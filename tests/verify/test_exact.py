"""Exact arithmetic over a prime field: certificates, refusals, and equality of expressions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import matdiff as md
from matdiff.api.expr import Expr
from matdiff.core.node import number
from matdiff.graph.arrays import whole
from matdiff.verify import field
from matdiff.verify.dual import Seen
from matdiff.verify.dual import evaluate as dual
from matdiff.verify.exact import certify, draw, equal

RATIONAL = [
    ("x'*A*x", "x", None, 3),
    ("tr(A*X*B)", "X", "A: m×n; X: n×p; B: p×m", 3),
    ("tr(inv(X)*A)", "X", "X: n×n; A: n×n", None),
    ("det(X)", "X", "X: n×n", None),
    ("adj(X)", "X", "X: n×n", None),
    ("A*kron(X, B)", "X", "A: m×m*p; X: m×n; B: p×q", None),
    ("sum(vech(S)) + tr(S^3)", "S", "S: n×n symmetric", None),
    ("[x; y]'*[x; y]*x[1]", "x", "x: n; y: m", None),
    ("tr(A*Q*B*Q')", "Q", "A: n×n; B: n×n; Q: n×n orthogonal", None),
    ("x'*A*x", "x", "A: n×n; x: n unit", None),
    ("X[2,:]'*diag(A)*mean(X)", "X", "X: n×m; A: m×m", None),
    ("norm(X - U*V')^2", "U,V", None, None),
]
FREE = [
    ("logdet(X'*X)", "X", "X: m×n", "log"),
    ("norm(A*x - b)", "x", "A: m×n; b: m", "sqrt"),
    ("sum(exp(A*x)) + log(b'*x)", "x", "A: m×n; b: n", "exp, log"),
    ("softmax(A*x)", "x", "A: m×n", "exp"),
    ("sum(h(A*x))", "x", "h: elementwise; A: m×n", "h"),
    ("sum(sin(x).*tanh(x))", "x", "x: n", "cos, sin, tanh"),
]


@pytest.mark.parametrize(("function", "wrt", "declare", "degree"), RATIONAL)
def test_rational_functions_are_certified(function: str, wrt: str, declare: str | None, degree: int | None) -> None:
    found = certify(md.derive(function, wrt, declare))
    assert found.holds is True, str(found)
    assert found.free == ()
    assert found.trials == 3 and 0 < found.bound < 1e-12
    assert degree is None or found.degree == degree
    assert str(found).startswith("exact: the identity holds over a prime field (degree ")


@pytest.mark.parametrize(("function", "wrt", "declare", "free"), FREE)
def test_other_functions_are_free_symbols(function: str, wrt: str, declare: str | None, free: str) -> None:
    found = certify(md.derive(function, wrt, declare))
    assert found.holds is True
    assert f"; {free} as free symbols)" in str(found)


@pytest.mark.parametrize(("function", "wrt", "declare", "degree"), RATIONAL)
def test_wrong_by_a_billionth_is_refused(function: str, wrt: str, declare: str | None, degree: int | None) -> None:
    d = md.derive(function, wrt, declare)
    if d.kind != "gradient" or d.several:
        return
    changed = replace(d)
    factor = number(Fraction(10**9 + 1, 10**9))
    changed.__dict__["gradient"] = Expr(factor * d.gradient.node, d.function.variables)
    assert certify(changed).holds is False
    v = changed.verify()
    assert v.passed is False and "exact arithmetic" in v.reason


def test_what_is_not_rational_is_named() -> None:
    for function, declare, says in [
        ("tr(expm(X))", "X: n×n", "expm is not rational"),
        ("norm1(X)", "X: m×n", "is not rational"),
        ("sum(X)*0.1", "X: m×n", "floating point"),
    ]:
        v = md.derive(function, "X", declare).verify()
        assert v.passed is True
        assert v.certificate.startswith("exact: not decided") and says in v.certificate


def test_the_root_of_a_square_is_not_certified() -> None:
    assert certify(md.derive("sum(sqrt(x.*x))", "x", "x: n")).holds is None
    assert equal(md.parse("sqrt(t*t)", "t: scalar").node, md.parse("t", "t: scalar").node) is None


def test_second_order() -> None:
    for function, wrt, declare in [("x'*A*x", "x", None), ("logdet(X)", "X", "X: n×n"), ("det(X)", "X", "X: n×n")]:
        assert certify(md.derive(function, wrt, declare), order=2).holds is True


@pytest.mark.parametrize(
    ("a", "b", "declare", "same"),
    [
        ("(A*B)'", "B'*A'", "A: m×n; B: n×p", True),
        ("inv(A*B)", "inv(B)*inv(A)", "A: n×n; B: n×n", True),
        ("inv(A + u*v')", "inv(A) - inv(A)*u*v'*inv(A)/(1 + v'*inv(A)*u)", "A: n×n; u: n; v: n", True),
        ("A*B", "B*A", "A: n×n; B: n×n", False),
        ("tr(A*B)", "tr(B*A)", "A: m×n; B: n×m", True),
        ("det(A*B)", "det(A)*det(B)", "A: n×n; B: n×n", True),
        ("sin(x).^2 + cos(x).^2", "ones(n)", "x: n", True),
        ("exp(t)*exp(-t)", "1", "t: scalar", True),
        ("A", "A'", "A: n×n symmetric", True),
        ("expm(A)", "expm(A')", "A: n×n", None),
    ],
)
def test_equality(a: str, b: str, declare: str, same: bool | None) -> None:
    assert equal(md.parse(a, declare).node, md.parse(b, declare).node) is same


def test_dual_numbers_agree_with_the_rules() -> None:
    """jvp of rational functions with small whole numbers, against the derivative mod p."""
    d = md.derive("X*inv(X'*X + A)", "X", "X: 3×2; A: 2×2")
    X, A, V = np.array([[1, 2], [0, 1], [3, 1]]), np.array([[2, 1], [0, 1]]), np.array([[1, 0], [2, 1], [1, 1]])
    s = {v.name: v for v in d.function.variables}
    (value,) = dual([d.function.node], {s["X"]: (whole(X), whole(V)), s["A"]: (whole(A), None)}, {}, Seen())
    M = X.T @ X + A
    scale = round(np.linalg.det(M)) ** 2
    exact = value[1] * scale % field.P
    exact = np.where(exact > field.P // 2, exact - field.P, exact).astype(float)
    np.testing.assert_allclose(exact / scale, d.jvp(V, X=X, A=A), rtol=1e-12)


def test_points_of_curved_sets() -> None:
    import random

    rng = random.Random(1)
    Q = md.matrix("Q", "n", "n", "orthogonal").node
    x = md.vector("x", "n", "unit").node
    A, V = draw(Q, {"n": 3}, rng)  # type: ignore[arg-type]
    assert ((A.T @ A - np.eye(3, dtype=int)) % field.P == 0).all()
    assert ((A.T @ V + V.T @ A) % field.P == 0).all()
    u, v = draw(x, {"n": 4}, rng)  # type: ignore[arg-type]
    assert int((u * u).sum()) % field.P == 1 and int((u * v).sum()) % field.P == 0


def test_functions_on_the_field_obey_their_rules() -> None:
    for a in (3, 5, 2**40 + 7):
        s, c = field.half_angle(a)
        assert (s * s + c * c) % field.P == 1
        assert field.exp(a) * field.exp(-a) % field.P == 1
        assert field.odd("g", a) == field.P - field.odd("g", -a)
    r = field.root(field.root(16) ** 2 % field.P * 25 % field.P)
    assert r * r % field.P == 16 * 25 % field.P or r
