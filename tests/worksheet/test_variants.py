"""Variants that keep their parentheses, and problems by several variables."""

from __future__ import annotations

import pytest

from matdiff.solution.problem import Problem
from matdiff.worksheet.build import build
from matdiff.worksheet.check import mark
from matdiff.worksheet.document import worksheet

CHOSEN = "```matdiff\nf: {f}\nwrt: X\nchoose: M in [{values}]\n```\n"


@pytest.mark.parametrize(
    ("f", "value", "read"),
    [
        ("tr(M*X)", "A+A'", "tr((A+A')*X)"),
        ("tr(M*X)", "A'", "tr(A'*X)"),
        ("tr({{M}}*X)", "A+A'", "tr((A+A')*X)"),
        ("tr({{ M }}*X)", "A", "tr(A*X)"),
        ("tr(M'*X)", "A*B", "tr((A*B)'*X)"),
        ("tr(X)*M", "-2", "tr(X)*(-2)"),
        ("M", "tr(A*X) + 1", "tr(A*X) + 1"),
        ("tr(M*X)", "inv(A)", "tr(inv(A)*X)"),
    ],
)
def test_what_is_chosen_takes_parentheses(f: str, value: str, read: str) -> None:
    assert worksheet(CHOSEN.replace("{f}", f).replace("{values}", value)).problems[0].f == read


def test_every_variant_of_the_issue_is_solved() -> None:
    lesson = CHOSEN.replace("{f}", "tr(X'*M*X)").replace("{values}", "A, A', A+A'")
    found = {worksheet(lesson, seed=str(seed)).problems[0].f for seed in range(20)}
    assert found == {"tr(X'*A*X)", "tr(X'*A'*X)", "tr(X'*(A+A')*X)"}
    assert "**Solution.**" in build(lesson, "md", seed="3", with_solutions=True).decode()


SEVERAL = Problem(1, "", "norm(X - U*V')^2/2", "U,V", points=2)
U, V = "(U*V' - X)*V", "(U*V' - X)'*U"


@pytest.mark.parametrize(
    ("answer", "status", "points"),
    [
        (f"gradient by U = {U}\ngradient by V = {V}", "right", 2),
        (f"∇_U f = {U}\n∇_V f = {V}", "right", 2),
        (f"df/dU = {U}\ndf/dV = {V}", "right", 2),
        (
            r"\frac{\partial f}{\partial U} = (UV^\top - X)V" + "\n" + r"\nabla_{V} f = (UV^\top - X)^\top U",
            "right",
            2,
        ),
        ("R = U*V' - X\ngradient by U = R*V\n∂f/∂V = R'*U", "right", 2),
        (f"gradient by U = {U}\ngradient by V = 2*{V}", "partial", 1),
        (f"gradient by V = {V}", "partial", 1),
        (f"gradient by U = 2*{U}\ngradient by V = 2*{V}", "wrong", 0),
        (f"gradient by U = {U}\ngradient by V = frob(X", "unread", 1),
        ("", "missing", 0),
    ],
)
def test_several_variables(answer: str, status: str, points: float) -> None:
    found = mark(SEVERAL, answer)
    assert (found.status, found.points(False)) == (status, points), found


def test_a_sheet_by_several_variables() -> None:
    lesson = "```matdiff\nf: norm(X - U*V')^2/2\nwrt: U, V\n```\n"
    made = build(lesson, "md").decode()
    assert "by $U$ and $V$ of" in made and "gradient by U = \ngradient by V = \n" in made
    solved = build(lesson, "md", with_solutions=True).decode()
    assert "**By $U$.**" in solved and "**By $V$.**" in solved and solved.count("verified") == 2
