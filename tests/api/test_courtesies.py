"""Small courtesies: what is printed of a derivation, public names, claims as people write them, `matdiff check`."""

from __future__ import annotations

import json
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import matdiff as md
from matdiff.cli.app import FIRST, app, run
from matdiff.errors import MatdiffError, ParseError

CASES = [
    ("tr(A*X*B)", "X"),
    ("norm(X - U*V')^2", "U,V"),
    ("inv(X)", "X"),
    ("norm(x)", "x"),
    ("A*x = b for x; norm(x - y)^2/2", "A"),
]


def rounded(text: str) -> str:
    import re

    return re.sub(r"\de-\d+", "…", text)


@pytest.mark.parametrize(("f", "wrt"), CASES)
@pytest.mark.parametrize("form", ["text", "latex", "markdown"])
def test_a_derivation_says_what_the_command_line_prints(
    f: str, wrt: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    d = md.derive(f, wrt=wrt)
    assert run(["derive", f, "--wrt", wrt, "--format", form]) == 0
    assert rounded(getattr(d, form)()) + "\n" == rounded(capsys.readouterr().out)


def test_print_shows_the_derivation() -> None:
    said = str(md.derive("tr(A*X*B)", wrt="X"))
    assert said.splitlines()[2] == "∇f = Aᵀ Bᵀ" and "verified: " in said
    assert "product rule" in md.derive("norm(A*x - b)^2", wrt="x").text(steps=True)
    assert "H = " in md.derive("x'*A*x", wrt="x").text(order=2)
    assert "A'*B'" in md.derive("tr(A*X*B)", "X").text(ascii=True)
    with pytest.raises(MatdiffError, match="order must be 1 or 2"):
        md.derive("x'*x", wrt="x").text(order=3)


def test_a_wrong_derivation_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from matdiff.verify.report import Verification

    d = md.derive("x'*x", wrt="x")
    monkeypatch.setattr(type(d), "verify", lambda self, **_: Verification(False, 1.0, None, "no", 3, "central"))
    with pytest.raises(MatdiffError, match="failed its verification"):
        d.text()


def test_jupyter_shows_types_and_verification() -> None:
    shown = md.derive("norm(X - U*V')^2", wrt="U,V")._repr_mimebundle_()
    assert "verified: " in shown["text/latex"] and "with X: m" in shown["text/latex"]
    assert r"\nabla_{U} f" in shown["text/latex"] and r"\nabla_{V} f" in shown["text/latex"]


def test_public_names_are_listed() -> None:
    assert {"derive", "equal", "ode", "vary", "check_claim", "check_derivation"} <= set(dir(md))
    assert not {"TYPE_CHECKING", "annotations", "Any"} & set(dir(md))
    assert all(hasattr(md, name) for name in dir(md))


def test_lambda_is_lambda_in_python() -> None:
    for name in ("λ", "lambda"):
        d = md.derive(f"{name}*x'*x", wrt="x", declare=f"{name}: scalar")
        assert d.evaluate(lambda_=2.0, x=np.ones(2)) == 4.0
        assert d.gradient.evaluate(lambda_=2.0, x=np.ones(2)).tolist() == [4.0, 4.0]


RIGHT = [
    "A'*(A*x - b)", "∇f = A'*(A*x - b)", r"\nabla f = A^\top(Ax - b)", "$A^\\top(Ax-b)$", "∇f(x) = AᵀAx − Aᵀb",
    "gradient: A'(Ax - b)", "f'(x) = A'(Ax-b)", "df/dx = A.T @ (A @ x - b)",
    r"\frac{\partial f}{\partial x} = A^T(Ax-b)",
    "A'Ax - A'b", "The gradient = A'*(A*x - b)", "df = (A*x - b)'*A*dx",
]  # fmt: skip


@pytest.mark.parametrize("claim", RIGHT)
def test_claims_as_people_write_them(claim: str) -> None:
    assert md.check_claim("norm(A*x - b)^2/2", claim, "x").passed is True


@pytest.mark.parametrize("claim", ["∇f = A'*(A*x)", "gradient: 2A'(Ax - b)", r"\nabla f = A^\top(Ax + b)", "A'Ax"])
def test_wrong_claims_stay_wrong(claim: str) -> None:
    assert md.check_claim("norm(A*x - b)^2/2", claim, "x").passed is False


def test_one_signature_for_both_checks() -> None:
    right, wrong = "df = 2*x'*dx\nG = 2*x", "df = 3*x'*dx"
    assert md.check_claim("x'*x", "2*x", "x", "x: n").passed is True
    assert md.check_derivation("x'*x", right, "x", "x: n").passed is True
    assert md.check_derivation("x'*x", wrong, wrt="x").line == 1
    assert md.check_derivation(f"f = x'*x\n{right}", "x", "x: n").passed is True
    assert md.check_derivation(right, "x", function="x'*x").passed is True
    assert md.check_derivation("x'*x", text=right, wrt="x").passed is True
    said = [list(signature(f).parameters) for f in (md.check_derivation, md.check_claim)]
    assert [said[0][i] for i in (0, 2, 3)] == [said[1][i] for i in (0, 2, 3)] == ["function", "wrt", "declare"]
    with pytest.raises(ParseError, match="by which variable"):
        md.check_derivation(right)


def test_check_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("f = x'*x\ndf = 3*x'*dx\n∇f = 2*x\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(path), "--wrt", "x"], standalone_mode=False)
    assert done.return_value == 1 and "✗ df = 3*x'*dx" in done.output and "it needs the factor 2/3" in done.output
    assert "✓ ∇f = 2*x" in done.output and "but should be 2" in done.output
    typed = "df = 2*x'*dx\ngradient = 2*x\n"
    arguments = ["check", "-", "--wrt", "x", "--function", "x'*x", "--format", "json"]
    again = CliRunner().invoke(app, arguments, input=typed, standalone_mode=False)
    assert again.return_value == 0 and json.loads(again.output)["passed"] is True


def test_the_first_screen_answers_the_first_questions() -> None:
    assert all(word in FIRST for word in ("Type first", "How to read it", "How to copy it", "matdiff derive"))
