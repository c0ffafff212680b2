"""What kind of mistake a wrong claim is: each named mistake in several examples; mutants are refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import pytest
from mutations import claims, right

import matdiff as md

ABX = "A: m×n; X: n×p; B: p×m"
SQUARE = "A: n×n; B: n×n; X: n×n"

MISTAKES: dict[str, list[tuple[str, str, str | None, str, str]]] = {
    "transpose missing": [
        ("norm(A*x - b)^2", "x", "A: n×n; x: n; b: n", "2*A*(A*x - b)", "a transpose is missing"),
        ("tr(A*X*B)", "X", SQUARE, "A*B'", "a transpose is missing"),
        ("a'*X*b", "X", "X: n×n; a: n; b: n", "b*a'", "transposed"),
    ],
    "transposed layout": [
        ("tr(A*X*B)", "X", ABX, "B*A", "right only in the transposed layout"),
        ("logdet(X)", "X", "X: n×n", "inv(X)", "right only in the transposed layout"),
        ("x'*A*x", "x", None, "x'*(A + A')", "right only in the transposed layout"),
    ],
    "factor missing": [
        ("norm(A*x - b)^2", "x", "A: m×n; x: n; b: m", "A'*(A*x - b)", "a factor 2 is missing"),
        ("norm(X)^2/2", "X", None, "2*X", "it has a factor 2 too many"),
        ("mean(x.*x)", "x", "x: n", "2*x", "the factor 1/n is missing"),
    ],
    "sign": [
        ("-exp(-x'*x)", "x", "x: n", "-2*exp(-x'*x)*x", "the sign is wrong"),
        ("tr(inv(X))", "X", "X: n×n", "inv(X'*X')", "the sign is wrong"),
    ],
    "order of factors": [
        ("X*A*X", "X", SQUARE, "A*X*dX + dX*A*X", "wrong order"),
        ("tr(A*X*B)", "X", SQUARE, "B'*A'", "wrong order"),
        ("A*X*B", "X", SQUARE, "A ⊗ B'", "the factors of ⊗ are in the wrong order"),
    ],
    "term dropped": [
        ("x'*A*x", "x", "A: n×n; x: n", "A*x", "the term Aᵀ x is missing"),
        ("X'*X", "X", "X: m×n", "X'*dX", "the term dXᵀ X is missing"),
        ("(a'*x)*(b'*x)", "x", "a: n; b: n; x: n", "(b'*x)*a", "is missing"),
    ],
    "inverse not transposed": [
        ("logdet(A*X)", "X", SQUARE, "inv(X)", "transposed layout"),
        ("tr(B*inv(X))", "X", SQUARE, "-inv(X)*B'*inv(X')", "a transpose is missing"),
        ("det(X)", "X", "X: n×n", "det(X)*inv(X)", "transposed layout"),
    ],
    "symmetric assumed": [
        ("tr(X'*A*X)", "X", "X: m×n; A: m×m", "2*A*X", "right only where A is symmetric"),
        ("x'*A*x + b'*x", "x", "A: n×n; x: n; b: n", "2*A*x + b", "right only where A is symmetric"),
    ],
    "2G − G∘I": [
        ("logdet(S)", "S", "S: n×n spd", "2*inv(S) - inv(S).*eye(n)", "2G − G∘I"),
        ("tr(A*S)", "S", "A: n×n; S: n×n symmetric", "A + A' - A.*eye(n)", "2G − G∘I"),
    ],
    "not in the tangent space": [
        ("tr(A*S)", "S", "A: n×n; S: n×n symmetric", "A'", "not in the tangent space"),
        ("tr(A*D)", "D", "A: n×n; D: n×n diagonal", "A'", "not in the tangent space"),
    ],
    "kind of product": [
        ("sum(X.*X.*A)", "X", SQUARE, "2*X*A", "should be elementwise"),
        ("tr(X'*A*X)", "X", "X: n×n; A: n×n symmetric", "2*(A.*X)", "should be a matrix product"),
    ],
    "d(X⁻¹) = −X⁻²": [
        ("inv(X)", "X", "X: n×n", "-dX*X^-2", "d(X⁻¹)"),
        ("tr(A*inv(X))", "X", "A: n×n; X: n×n", "-(X^-2)'*A'", "d(X⁻¹)"),
        ("inv(X)", "X", "X: n×n", "-inv(X)*inv(X)*dX", "d(X⁻¹)"),
    ],
    "a rule misremembered": [
        ("tr(X^3)*t", "X", "X: n×n; t: scalar", "3*t*X^2", "transposed layout"),
        ("X^3", "X", "X: n×n", "3*X^2*dX", "d(Xᵏ) = k Xᵏ⁻¹ dX"),
        ("a'*softmax(x)", "x", "a: n; x: n", "a.*softmax(x).*(1 .- softmax(x))", "as if it were entrywise"),
        ("tr(A*expm(X))", "X", "A: n×n; X: n×n", "expm(X')*A'", "d expm(X) = expm(X) dX"),
    ],
    "chain-rule factor missing": [
        ("sin(norm(x))", "x", "x: n", "cos(norm(x))*x", "the factor 1/‖x‖ is missing"),
        ("sum(sin(A*x))", "x", "A: n×n; x: n", "cos(A*x)", "the factor Aᵀ is missing"),
        ("exp(x'*x)", "x", "x: n", "2*x", "the factor exp(xᵀ x) is missing"),
    ],
}


@pytest.mark.parametrize(
    ("function", "wrt", "declare", "claim", "says"),
    [pytest.param(*case, id=f"{name}: {case[0]}") for name, cases in MISTAKES.items() for case in cases],
)
def test_mistakes_are_named(function: str, wrt: str, declare: str | None, claim: str, says: str) -> None:
    v = md.check_claim(function, claim, wrt, declare)
    assert v.passed is False
    assert says in v.message, v.message


def test_each_mistake_has_two_examples() -> None:
    assert all(len(cases) >= 2 for cases in MISTAKES.values())


def test_unexplained_mistakes_show_entries() -> None:
    v = md.check_claim("sum(sin(x))", "exp(x) + x.^3", "x", "x: n")
    assert v.passed is False
    assert "at a random point (n = 3) entry" in v.message and "should be" in v.message


def test_a_share_of_the_mutants_is_refused(full: Callable[[int, int], int]) -> None:
    """`python tests/mutations.py` prints the table of all of them."""
    found = list(islice(claims(share=full(37, 1), start=full(3, 0)), full(220, 10**6)))
    assert len(found) > 120
    assert not [(entry["id"], way, str(mutant)) for entry, way, mutant, passed in found if passed is not False]


def test_random_functions_are_not_refused() -> None:
    found = list(right(30, first=5000))
    assert len(found) > 20
    assert not [seed for seed, own, claimed in found if own.passed is False or claimed.passed is False]
