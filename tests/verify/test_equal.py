"""Two expressions compared: laws hold, wrong ones fall to small whole numbers, which are computed again with NumPy."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner

import matdiff as md
from matdiff.cli.app import app, run
from matdiff.solution.problem import Problem
from matdiff.verify.claims import counterexample, question
from matdiff.worksheet.check import mark

EXACT = [
    ("kron(A,B)*vec(C)", "vec(B*C*A')", None),
    ("inv(A*B)", "inv(B)*inv(A)", None),
    ("tr(A*B*C)", "tr(C*A*B)", None),
    ("det(A*B)", "det(A)*det(B)", "A: n×n; B: n×n"),
    ("x'*A*x", "x'*A'*x", None),
    ("x'*A*x", "tr(A*x*x')", None),
    ("Q'*Q", "I", "Q: n×n orthogonal"),
    ("I", "inv(A)*A", None),
    ("norm(u)^2", "1", "u: n unit"),
    ("inv(A + x*y')", "inv(A) - inv(A)*x*y'*inv(A)/(1 + y'*inv(A)*x)", None),
    ("sin(t)^2 + cos(t)^2", "1", "t: scalar"),
    ("0.5*x + 0.25*x", "3/4*x", None),
    (r"\det(AB)", r"\det A \det B", "A: n×n; B: n×n"),
]
NUMERIC = [
    ("exp(s + t)", "exp(s)*exp(t)", "s: scalar; t: scalar"),
    ("abs(x).^2", "x.^2", None),
    ("relu(x) - relu(-x)", "x", None),
    ("expm(A)*expm(-A)", "I", None),
    ("nuclear(A)", "tr(sqrtm(A'*A))", None),
]
DIFFERENT = {
    ("A*B", "B*A", None): lambda A, B: (A @ B, B @ A),
    ("kron(A,B)*vec(C)", "vec(A*C*B')", None): lambda A, B, C: (
        np.kron(A, B) @ C.ravel(order="F"),
        (A @ C @ B.T).ravel(order="F"),
    ),
    ("inv(A*B)", "inv(A)*inv(B)", None): lambda A, B: (np.linalg.inv(A @ B), np.linalg.inv(A) @ np.linalg.inv(B)),
    ("det(2*A)", "2*det(A)", None): lambda A: (np.linalg.det(2 * A), 2 * np.linalg.det(A)),
    ("det(2*A)", "8*det(A)", None): lambda A: (np.linalg.det(2 * A), 8 * np.linalg.det(A)),
    ("abs(x)", "x", None): lambda x: (abs(x), x),
    ("sqrt(t^2)", "t", "t: scalar"): lambda t: (abs(t), t),
    ("pinv(A)*A", "I", "A: n×n"): lambda A: (np.linalg.pinv(A) @ A, np.eye(len(A))),
    ("expm(A + B)", "expm(A)*expm(B)", None): None,
    ("S*T", "T*S", "S: n×n symmetric; T: n×n symmetric"): lambda S, T: (S @ T, T @ S),
    ("S*T", "T*S", "S: n×n spd; T: n×n spd"): lambda S, T: (S @ T, T @ S),
    ("Q", "Q'", "Q: n×n orthogonal"): lambda Q: (Q, Q.T),
    ("K", "0", "K: n×n skew"): lambda K: (K, 0 * K),
    ("relu(t - 100)", "0", "t: scalar"): lambda t: (max(t - 100, 0), 0),
    ("x/3", "0.3333333333*x", None): lambda x: (x / 3, 0.3333333333 * x),
    ("norm(x + y)", "norm(x) + norm(y)", None): lambda x, y: (
        np.linalg.norm(x + y),
        np.linalg.norm(x) + np.linalg.norm(y),
    ),
}


@pytest.mark.parametrize(("a", "b", "let"), EXACT)
def test_laws_hold_exactly(a, b, let):
    found = md.equal(a, b, declare=let)
    assert found.equal and bool(found) and "exact: the identity holds" in found.reason and found.arrays is None


@pytest.mark.parametrize(("a", "b", "let"), NUMERIC)
def test_what_is_not_rational_is_said_to_be_no_proof(a, b, let):
    found = md.equal(a, b, declare=let)
    assert found.equal and "no proof" in found.reason


@pytest.mark.parametrize(("a", "b", "let"), list(DIFFERENT))
def test_a_counterexample_is_whole_small_and_right(a, b, let):
    found = md.equal(a, b, declare=let)
    assert not found.equal and found.whole and found.arrays
    assert all(np.array_equal(A, np.round(A)) for A in found.arrays.values())
    assert max(np.size(A) for A in found.arrays.values()) <= 4
    left, right = found.values
    assert not np.array_equal(left, right)
    by_hand = DIFFERENT[a, b, let]
    if by_hand is not None:
        arrays = {name: np.array(A, dtype=float) for name, A in found.arrays.items()}
        for said, true in zip((left, right), by_hand(**arrays), strict=True):
            assert np.allclose(said, true, atol=1e-13)


def test_sizes_that_no_array_shows_are_told():
    """The m of `eye(m)`, the q of a factor q."""
    found = md.equal("tr(X)*eye(m)", "-tr(X)*eye(m)")
    assert found.rows()[:2] == [("m", "1"), ("X", "[1]")] and found.values == ([[1.0]], [[-1.0]])
    d = md.derive("logdet(kron(A, B))", "A", "A: n×n; B: q×q")
    assert counterexample(question(d, "2*inv(A)'", 1, None)).startswith("at q = 1, A = [")


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [
        ("A", "B", 1),
        ("A*x", "B*x", 2),
        ("A*B", "B*A", 2),
        ("x'*x", "norm(x)^4", 2),
        ("A", "A'", 1),
        ("det(A)", "tr(A)", 1),
    ],
)
def test_entries_are_as_small_as_they_can_be(a, b, total):
    found = md.equal(a, b)
    assert sum(np.abs(A).sum() for A in found.arrays.values()) == total


@pytest.mark.parametrize(
    ("a", "b", "let"), [("x", "x'", None), ("A", "A'", "A: m×n"), ("x'*y", "x*y'", None), ("sum(x)", "x", None)]
)
def test_different_shapes_are_told_apart(a, b, let):
    found = md.equal(a, b, declare=let)
    assert not found.equal and found.reason.startswith("different in shape: the first is ") and found.arrays is None


@pytest.mark.parametrize(
    ("a", "b", "let", "said"),
    [
        ("A+", "B", None, "ends too early"),
        ("A", "B*", None, "ends too early"),
        ("r = A*x; r'*r", "r'*r", None, "r is defined in one of the two"),
        ("log(t)", "log(-t)", "t: scalar", "no points were found"),
        ("A*B", "B*A", "A: m×n; B: p×q", "cannot multiply"),
        ("f(q)", "q", None, "f"),
        (3, "x", None, "an expression is text"),
    ],
)
def test_wrong_input_is_refused(a, b, let, said):
    with pytest.raises(md.MatdiffError, match=said):
        md.equal(a, b, declare=let)


def test_expressions_are_compared_as_text_is():
    A, B = md.matrix("A", "n", "n"), md.matrix("B", "n", "n")
    assert md.equal(A @ B, "A*B") and md.equal((A @ B).T, B.T @ A.T) and not md.equal(A @ B, B @ A)


def test_what_is_read_as_one_expression_is_equal():
    assert md.equal("A*0", "0").reason.startswith("equal: both are read")
    assert md.equal("max(t, 0)", "relu(t)", declare="t: scalar").reason.startswith("equal: both are read")


def test_a_function_that_is_not_known_is_said_to_be_chosen():
    found = md.equal("f(x + y)", "f(x) + f(y)", declare="f: elementwise")
    assert not found.equal and "f is not known" in found.remarks[0]
    assert md.equal("f(x + y)", "f(y + x)", declare="f: elementwise")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["tr(A*B)", "tr(B*A)"], 0),
        (["A*B", "B*A"], 1),
        (["A", "A'", "--let", "A: m×n"], 1),
        (["A+", "B"], 2),
        (["A"], 2),
    ],
)
def test_the_exit_status(arguments, status):
    assert run(["equal", *arguments]) == status


def test_every_format_tells_the_counterexample():
    said = {
        form: CliRunner().invoke(app, ["equal", "A*B", "B*A", "--format", form], standalone_mode=False).output
        for form in ("text", "latex", "markdown", "json")
    }
    assert r"\begin{bmatrix}1 & 0 \\ 0 & 0\end{bmatrix}" in said["latex"] and r"\neq" in said["latex"]
    assert r"- $B = \begin{bmatrix}0 & 1 \\ 0 & 0\end{bmatrix}$" in said["markdown"]
    record = json.loads(said["json"])
    assert record["equal"] is False and record["counterexample"]["arrays"]["A"] == [[1, 0], [0, 0]]
    assert "A = [1 0; 0 0]" in said["text"]


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        ("norm(A*x - b)^2", "x", "gradient = A'*(A*x - b)"),
        ("x'*A*x", "x", "df = dx'*A*x + x'*A*dx\n = 2*x'*A*dx\n∇f = 2*A*x"),
        ("sum(exp(x))", "x", "gradient = x"),
    ],
)
def test_a_wrong_answer_is_shown_by_numbers(f, wrt, answer):
    found = mark(Problem(1, "", f, wrt), answer)
    assert (
        found.status == "wrong" and found.counterexample.startswith("at ") and "but should be" in found.counterexample
    )
    assert mark(Problem(1, "", f, wrt), f"gradient = {md.derive(f, wrt).gradient}").counterexample == ""


def test_the_numbers_of_a_wrong_answer_are_right():
    found = mark(Problem(1, "", "t^3", "t"), "gradient = 3*t")
    t, said, true = map(
        Fraction, re.fullmatch(r"at t = (\S+) it is (\S+), but should be (\S+)", found.counterexample).groups()
    )
    assert (said, true) == (3 * t, 3 * t**2) and said != true


def test_large_arrays_are_compared_and_not_written_out():
    found = md.equal("A*B", "B*A", declare="A: 60×60; B: 60×60")
    assert not found.equal and not found.whole and "(60×60 numbers)" in str(found)
    assert md.equal("tr(A*B)", "tr(B*A)", declare="A: 60×60; B: 60×60")


def test_ascii_output_is_ascii(capsys):
    assert run(["equal", "vec(A)", "A", "--ascii"]) == 1
    assert capsys.readouterr().out.isascii()
