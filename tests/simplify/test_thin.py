"""Size 1, and answers that are as short as they can be: entries of blocks, products of ones, diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from libraries import PRESENT

import matdiff as md
from matdiff.api.expr import Expr
from matdiff.simplify.normal import normal

rng = np.random.default_rng(3)


def drawn(e: md.Expr) -> dict[str, Any]:
    sizes = {"m": 2, "n": 3}
    return {v.name: rng.normal(size=tuple(d.evaluate(sizes) for d in v.shape))[()] + 2 for v in e.variables}


@pytest.mark.parametrize(
    ("text", "declare", "shown"),
    [
        ("ones(n,n)*ones(n,n)*x", "x: n", "n ones(n,n) x"),
        ("ones(n,n)^3*x", "x: n", "n² ones(n,n) x"),
        ("ones(n)'*ones(n)*x", "x: n", "n x"),
        ("ones(n)'*ones(n,n)*x", "x: n", "n sum(x)"),
        ("ones(4,n)*ones(n,m)*A", "A: m×n", "n ones(4,m) A"),
        ("A*ones(n,m)*ones(m)", "A: m×n", "m A ones(n)"),
        ("(ones(m,n)*ones(n,m))^2*A", "A: m×n", "n² m ones(m,m) A"),
        ("diag(inv(Diag(v)))", "v: n", "1 ./ v"),
        ("diag(Diag(v)^-2)", "v: n", "1 ./ v.^2"),
        ("diag(Diag(v)^3)", "v: n", "v.^3"),
        ("norm(svdvals(X))", "X: 4×3", "‖X‖"),
        ("norm(eigvals(S'*S))", "S: n×n", "‖Sᵀ S‖"),
        ("([A, B; C, E])[1:1,:][1,2]", "A: 2×3; B: 2×4; C: 5×3; E: 5×4", "A[1,2]"),
        ("([A, B; C, E])[4,5]", "A: 2×3; B: 2×4; C: 5×3; E: 5×4", "E[2,2]"),
        ("([A, B])[2,1]", "A: m×n; B: m×n", "[A, B][2,1]"),
        ("([x; v])[4]", "x: 3; v: 3", "v[1]"),
        ("([x', v'])[1,4]", "x: 3; v: 3", "v[1]"),
        ("([1, 2*x[1]; 3, 4])[1,2]", "x: 3", "2x[1]"),
        ("(X[2:3,2:3])[2,1]", "X: 4×3", "X[3,2]"),
        ("(x[2:3])[2]", "x: 3", "x[3]"),
    ],
)
def test_short_forms_of_constants_blocks_and_diagonals(text: str, declare: str, shown: str) -> None:
    e = md.parse(text, declare=declare)
    short = Expr(normal(e.node), e.variables)
    assert str(short) == shown
    arrays = drawn(e)
    np.testing.assert_allclose(short.evaluate(**arrays), e.evaluate(**arrays), rtol=1e-10)


@pytest.mark.parametrize(
    ("text", "wrt", "declare"),
    [
        ("pinv(a*b')", "a", "a: 2; b: 1"),
        ("pinv(a*b')", "b", "a: 3; b: 1"),
        ("pinv(Diag(a)*B)", "a", "a: 1; B: 1×3"),
        ("Diag(colsum(R'*J))*unvec(u,1,3)", "R", "R: 3×3; J: 3×1; u: 3"),
        ("Diag(a)*B*Diag(c)", "a", "a: 1; B: 1×1; c: 1"),
        ("logdet(a*b')", "a", "a: 1; b: 1"),
        ("tr(inv(a*b')*C)", "a", "a: 1; b: 1; C: 1×1"),
        ("inv(a*b')*a", "a", "a: 1; b: 1"),
        ("logdet(A'*A + I)", "A", "A: n×1"),
        ("logdet(I + A'*A)", "A", "A: n×1"),
        ("inv(A'*A + 2*I)*A'*b", "A", "A: n×1; b: n"),
        ("kron(a, B)*c", "a", "a: 1; B: 1×3; c: 3"),
    ],
)
def test_size_one(text: str, wrt: str, declare: str) -> None:
    d = md.derive(text, wrt=wrt, declare=declare)
    found = d.verify()
    assert found.passed, found.reason
    answer = d.gradient if d.kind == "gradient" else d.jacobian
    arrays = {k: np.abs(a) for k, a in drawn(d.function).items()}
    for backend in PRESENT:
        got = np.asarray(answer.compile(backend)(**arrays))
        np.testing.assert_allclose(got, answer.evaluate(**arrays), rtol=1e-7, atol=1e-10)


def test_the_size_of_a_variable_is_not_inferred_to_be_one() -> None:
    for text, declare in [("A + I", "A: m×1"), ("x'*x + I", ""), ("A'*A*I + B", "A: n×1"), ("(I + B)*A", "A: 1×n")]:
        with pytest.raises(md.ShapeError):
            md.parse(text, declare=declare)


@pytest.mark.parametrize(
    "text", ["sigmoid(1)", "sigmoid(n)", "sigmoid(2*n)", "exp(sigmoid(n))", "log(n^30)", "erf(-2)"]
)
def test_functions_of_numbers_and_sizes_in_every_backend(text: str) -> None:
    d = md.derive(f"tr(W)*{text}", wrt="W", declare="W: n×n")
    W = np.eye(3)
    for backend in PRESENT:
        got = np.asarray(d.gradient.compile(backend)(W=W))
        np.testing.assert_allclose(got, d.gradient.evaluate(W=W), rtol=1e-5)


@pytest.mark.parametrize(
    ("declare", "function", "wrt", "size"),
    [
        ("W: n×n spd", "norm(A*x - b)^2", "x", "x: n"),
        ("W: k×k spd", "tr(A*X)", "X", "X: k×m"),
        ("W: 3×3 spd", "tr(X'*X)", "X", "X: 3×n"),
    ],
)
def test_a_declared_weight_tells_the_size_of_the_variable(declare: str, function: str, wrt: str, size: str) -> None:
    d = md.derive(function, wrt=wrt, declare=declare, inner="W")
    assert size in d.types and str(d.gradient).lstrip("2").startswith("W⁻¹")
    for said in (f"{declare}; x: p", f"{declare}; A: m×p"):
        with pytest.raises(md.ShapeError, match="the weight of the inner product"):
            md.derive("norm(A*x - b)^2", wrt="x", declare=said, inner="W")


@pytest.mark.parametrize(
    ("text", "wrt", "claim", "reason"),
    [
        ("det(A)", "A", "(det(A)*inv(A))'*A", "the factor A is too many"),
        ("tr(A*X*B)", "X", "A'*B'*B'", "the factor Bᵀ is too many"),
        ("x'*A*x", "x", "A*A*x + A'*x", "the factor A is too many"),
    ],
)
def test_a_factor_too_many_is_named(text: str, wrt: str, claim: str, reason: str) -> None:
    found = md.check_claim(text, claim, wrt=wrt, declare="A: n×n; X: n×n; B: n×n")
    assert not found.passed and reason in found.reason


def test_the_advice_for_orthonormal_columns_is_taken() -> None:
    with pytest.raises(md.ParseError, match="declare `X: n×p orthonormal`"):
        md.derive("tr(X'*A*X)", wrt="X", declare="X: n×p orthogonal")
    assert md.derive("tr(X'*A*X)", wrt="X", declare="X: n×p orthonormal").verify().passed
