"""Properties of random expressions: right derivatives, honest printing, a normal form that is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import share
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from random_expressions import (
    FORMS,
    Expression,
    Sample,
    close,
    compare,
    examine,
    expression,
    printed,
    sample,
    tangent_part,
)

import matdiff as md
from matdiff.core.node import Node
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline
from matdiff.simplify.forms import shortest
from matdiff.simplify.normal import normal

COUNT = 150
FIRST = 77_000_000

small = st.integers(0, 10**9).map(lambda seed: expression(seed, depth=4))
modest = settings(max_examples=40 if share.full else 12, deadline=None, derandomize=True)


@pytest.mark.share(3)
@pytest.mark.parametrize("seed", range(COUNT))
def test_a_random_expression(seed: int) -> None:
    e = expression(FIRST + seed)
    outcome = examine(e, FIRST + seed)
    assert outcome.verdict in ("right", "no point", "refused"), (
        f"{e.declare}; wrt {e.wrt.name}\n{e.text}\n{outcome.reason}"
    )


def test_few_expressions_are_refused_or_have_no_point() -> None:
    """Otherwise the test above tests little."""
    verdicts = [examine(expression(FIRST + seed), FIRST + seed, ()).verdict for seed in range(0, COUNT, 3)]
    assert verdicts.count("right") >= 0.8 * len(verdicts)


def derived(e: Expression) -> md.Derivation:
    """The derivation; one that is refused is counted above and says nothing here."""
    try:
        d = md.derive(e.text, wrt=e.wrt.name, declare=e.declare)
        _ = d.differential
        return d
    except md.MatdiffError:
        reject()


def at(e: Expression, d: md.Derivation) -> Sample:
    """A point of the domain at which the function is differentiable."""
    found = sample(e, np.random.default_rng(0))
    if found is None:
        reject()
    try:
        d.jvp(found.direction, **found.arrays)
    except md.DomainError:
        reject()
    return found


@modest
@given(small)
def test_derivatives_agree_with_differences(e: Expression) -> None:
    d = derived(e)
    assert not compare(d, e, at(e, d), np.random.default_rng(1))


@modest
@given(small)
def test_printed_text_reads_back(e: Expression) -> None:
    assert not printed(derived(e), FORMS)


@modest
@given(small)
def test_normal_forms_are_normal_and_keep_the_value(e: Expression) -> None:
    d = derived(e)
    for raw in (inline(d.function.node), inline(d.raw_differential)):
        form = normal(raw)
        assert normal(form) is form
        answer = shortest(form)
        found = at(e, d)
        expected = value(d, raw, found)
        for node in (form, answer):
            assert close(value(d, node, found), expected, np.max(np.abs(expected)))


def value(d: md.Derivation, node: Node, found: Sample) -> Any:
    variables = (*d.function.variables, *d.directions.values())
    (dX,) = d.directions.values()
    return md.Expr(node, variables).evaluate(**found.arrays, **{dX.name: found.direction})


@modest
@given(small, st.floats(-3, 3))
def test_the_differential_is_linear(e: Expression, factor: float) -> None:
    d = derived(e)
    found = at(e, d)
    other = tangent_part(e.wrt.attribute, found.arrays[e.wrt.name], np.ones(np.shape(found.direction)))
    first, second, both = (d.jvp(V, **found.arrays) for V in (found.direction, other, found.direction + factor * other))
    assert close(both, first + factor * second, np.max(np.abs(first)) + 3 * np.max(np.abs(second)))


SYMMETRIC = [
    "A + A'",
    "A*B + B'*A'",
    "A*B + (A*B)'",
    "x*y' + y*x'",
    "t*A + t*A'",
    "A'*A",
    "(A*x)*(A*x)'",
    "(A*B)*S*(A*B)'",
    "A + S + A'",
    "inv(A + A')",
    "exp(A) + exp(A)'",
    "S.^2",
    "S.^T",
    "exp(S)",
    "kron(S, T)",
    "-S",
    "S - T",
    "S .* T",
    "t .+ S",
    "[S, A; A', T]",
    "sym(A)",
    "Diag(x)",
    "A*A' + B'*B",
]
OTHER = [
    "A",
    "A + B'",
    "A - A'",
    "A*B",
    "A*S",
    "A*B + A'*B'",
    "x*y'",
    "2*A + A'",
    "A.^S",
    "S.^A",
    "S*T",
    "kron(S, A)",
    "t*A + A'",
    "A.*S",
    "A + A' + B",
    "[S, A; A, T]",
]
TYPES = "A: n×n; B: n×n; S: n×n symmetric; T: n×n symmetric; x: n; y: n; t: scalar"


@pytest.mark.parametrize("text", SYMMETRIC)
def test_symmetry_is_seen(text: str) -> None:
    assert "symmetric" in Known()(md.parse(text, declare=TYPES).node)


@pytest.mark.parametrize("text", OTHER)
def test_symmetry_is_not_guessed(text: str) -> None:
    assert "symmetric" not in Known()(md.parse(text, declare=TYPES).node)


LETTERS = ["U", "T", "W", "S", "A", "A'", "T'", "W'"]
PRODUCT = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=4).map("*".join)
SUM = st.lists(st.tuples(st.sampled_from(["+", "-"]), PRODUCT, st.booleans()), min_size=1, max_size=3)


@given(SUM, st.integers(0, 10**6))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_symmetry_is_claimed_only_where_it_is(terms: list[tuple[str, str, bool]], seed: int) -> None:
    transpose = {True: "'", False: ""}
    text = " ".join(f"{sign} ({product}){transpose[turned]}" for sign, product, turned in terms)
    e = md.parse("0*A " + text, declare="U: n×n diagonal; T: n×n skew; W: n×n skew; S: n×n symmetric; A: n×n")
    rng = np.random.default_rng(seed)
    B, C, D, A = rng.normal(size=(4, 4, 4))
    value = e.evaluate(U=np.diag(B[0]), T=B - B.T, W=C - C.T, S=D + D.T, A=A)
    found = Known()(e.node)
    assert "symmetric" not in found or np.allclose(value, value.T)
    assert "skew" not in found or np.allclose(value, -value.T)


@pytest.mark.parametrize(
    ("text", "property_"),
    [
        ("U*T + (U*T)'", "symmetric"),
        ("U*T - T*U", "symmetric"),
        ("T*W + W*T", "symmetric"),
        ("T'*S*T", "symmetric"),
        ("T^2", "symmetric"),
        ("A*T*A'", "skew"),
        ("S*T*S", "skew"),
        ("T^3", "skew"),
    ],
)
def test_products_of_skew_matrices(text: str, property_: str) -> None:
    e = md.parse(text, declare="U: n×n diagonal; T: n×n skew; W: n×n skew; S: n×n symmetric; A: n×n")
    assert property_ in Known()(e.node)


SUMS_WITH_TRANSPOSES = [
    "(B - C) + (B - C)'",
    "(B - C)' + (B - C)",
    "B - C + B' - C'",
    "2*(B - C) + 2*(B - C)'",
    "(B - C)/2 + (B - C)'/2",
    "A*(B - C) + (A*(B - C))'",
    "(B - C)*(B - C)' + B + B'",
    "(B - I) + (B - I)'",
    "B*C + C'*B'",
    "exp(B) + exp(B)'",
    "exp(B) + exp(B')",
    "inv(B) + inv(B')",
    "expm(B) + expm(B')",
    "B .* C + B' .* C'",
    "B^2 + (B')^2",
    "kron(B, B) + kron(B, B)'",
    "(B + C*x*y') + (B + C*x*y')'",
]


@pytest.mark.parametrize("declared", ["", "symmetric", "skew", "lower", "diagonal"])
@pytest.mark.parametrize("text", SUMS_WITH_TRANSPOSES)
def test_a_matrix_with_its_transpose_is_symmetric(text: str, declared: str) -> None:
    """Whatever it is after the normal form: (C − B)ᵀ is C − Bᵀ for a symmetric C."""
    types = f"A: n×n; B: n×n; C: n×n {declared}; x: n; y: n"
    d = md.derive(f"lambda_max({text})", wrt="B", declare=types)
    assert md.parse(str(d.gradient), declare=d.types) == d.gradient
    assert md.derive(f"M = {text}; lambda_max(M)", wrt="B", declare=types).gradient.kind == "matrix"


def test_blocks_of_scalars_are_symmetric_by_their_entries():
    gradient = md.derive("x'*inv([1, rho; rho, 1])*x", wrt="rho").gradient
    assert gradient.text().count("[1,2]") == 1 and "[2,1]" not in gradient.text()
    assert md.derive("lambda_max([1, rho; rho, 2])", wrt="rho").gradient is not None
