"""Models, stationary points, and the commands that show them and go downhill."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import matdiff as md
from matdiff.cli.app import run
from matdiff.cli.arrays import typed

STATIONARY = [
    ("norm(A*x - b)^2", "x", "", "A'*A*x = A'*b", None, "minimum"),
    ("norm(X*w-y)^2 + lambda*w'*w", "w", "lambda: scalar positive", "(X'*X + lambda*I)*w = X'*y",
     "inv(X'*X + lambda*I)*X'*y", "minimum"),
    ("norm(X*W-Y)^2", "W", "", "X'*X*W = X'*Y", None, "minimum"),
    ("norm(R-U*V')^2 + lambda*norm(U)^2", "U", "lambda: scalar positive", "U*(V'*V + lambda*I) = R*V",
     "R*V*inv(V'*V + lambda*I)", "minimum"),
    ("x'*A*x/2 - b'*x", "x", "A: n×n symmetric", "A*x = b", None, "not known"),
    ("x'*A*x/2 - b'*x", "x", "A: n×n spd", "A*x = b", "inv(A)*b", "minimum"),
    ("b'*x - x'*P*x", "x", "P: n×n spd", "P*x = b/2", "inv(P)*b/2", "maximum"),
    ("tr(S*P) - logdet(P)", "P", "P: n×n spd; S: n×n spd", "inv(P) = S", "inv(S)", "minimum"),
    ("sum(exp(x)) - b'*x", "x", "x: n; b: n positive", "exp(x) = b", "log(b)", "minimum"),
    ("sum(x.*log(x)) - c'*x", "x", "x: n positive", "log(x) .+ 1 = c", "exp(c .- 1)", "minimum"),
    ("tr(X'*A*X) + tr(X*B*X') - 2*tr(C'*X)", "X", "A: m×m spd; B: n×n spd; X: m×n", "A*X + X*B = C",
     "sylvester(A, B, C)", "minimum"),
    ("norm(A*X*B - C)^2", "X", "A: n×n spd; B: n×n spd; C: n×n", "A^2*X*B^2 = A*C*B", "inv(A)*C*inv(B)", "minimum"),
    ("a*x^2 + b*x + c", "x", "a: scalar positive; b: scalar; x: scalar; c: scalar",
     "a*x = -b/2", "-b/(2*a)", "minimum"),
    ("tr(X'*X) - 2*tr(A*X)", "X", "X: n×n symmetric", "X = (A + A')/2", "(A + A')/2", "minimum"),
    ("x^3 - 3*x", "x", "x: scalar", "x^2 = 1", None, "not known"),
    ("-x'*A*x", "x", "x: n unit; A: n×n symmetric", "(x'*A*x)*x = A*x", None, "not known"),
    ("c'*x", "x", "", "c = 0", None, "not known"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "wrt", "declare", "equation", "solution", "kind"), STATIONARY)
def test_stationary_points(function, wrt, declare, equation, solution, kind):
    s = md.derive(function, wrt=wrt, declare=declare).stationary()
    left, right = s.equations
    said = [side.strip() for side in equation.split("=")]
    types = s.d.types
    for found, text in ((left, said[0]), (right, said[1])):
        if text == "0":
            assert np.all(np.asarray(found.text() == "0" or "zeros" in found.text()))
        else:
            assert found == md.parse(text, declare=types), found
    if solution is None:
        assert s.solution is None
    else:
        assert s.solution == md.parse(solution, declare=types)
    assert s.kind == kind
    assert s.verify().passed


def test_a_saddle_and_kinds_at_numbers():
    assert md.derive("x'*y", wrt="x,y", declare="x: n; y: n").stationary().kind == "saddle"
    s = md.derive("x^3 - 3*x", wrt="x", declare="x: scalar").stationary()
    assert s.at(x=1.0) == "minimum"
    assert s.at(x=-1.0) == "maximum"
    with pytest.raises(md.DomainError, match="not 0"):
        s.at(x=0.5)
    q = md.derive("x'*A*x", wrt="x", declare="A: n×n symmetric").stationary()
    assert q.at(A=np.diag([1.0, -1.0]), x=np.zeros(2)) == "saddle"
    assert q.at(A=np.diag([1.0, 0.0]), x=np.zeros(2)) == "not known"
    sphere = md.derive("-x'*A*x", wrt="x", declare="x: n unit; A: n×n symmetric").stationary()
    A = np.diag([3.0, 2.0, 1.0])
    assert [sphere.at(A=A, x=e) for e in np.eye(3)] == ["minimum", "saddle", "maximum"]


def test_nothing_is_called_a_saddle_for_some_parameters_alone():
    s = md.derive("x'*S*x - t*norm(x)^2", wrt="x", declare="S: n×n symmetric; t: scalar").stationary()
    assert s.kind == "not known"


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    ("function", "wrt", "declare"),
    [
        ("norm(A*x - b)^2/2", "x", ""),
        ("logdet(S) + tr(inv(S)*C)", "S", "S: n×n spd; C: n×n symmetric"),
        ("sum(log(1 .+ exp(A*x)))", "x", ""),
        ("tr(A*X*X)", "X", ""),
        ("exp(x*y)", "x,y", "x: scalar; y: scalar"),
    ],
)
def test_models(function, wrt, declare, order):
    model = md.derive(function, wrt=wrt, declare=declare).model(order)
    assert model.verify().passed
    assert len(model.terms) == order + 1


def test_a_model_that_is_wrong_fails():
    model = md.derive("sum(exp(x))", wrt="x", declare="x: n").model(2)
    object.__setattr__(model, "order", 1)
    assert model.verify().passed
    wrong = md.derive("sum(exp(x))", wrt="x", declare="x: n").model(1)
    object.__setattr__(wrong, "order", 2)
    assert wrong.terms[1] is not None
    wrong.__dict__["terms"] = wrong.terms[:2]
    assert wrong.verify().passed is False


def test_numbers_of_models():
    A, x, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 0.0]), np.array([-2.0, -1.0])
    d = md.derive("norm(A*x - b)^2/2", wrt="x")
    m = d.model(2).at(A=A, x=x, b=b)
    step = np.array([0.5, -2.0])
    assert np.isclose(m(step), d.evaluate(A=A, x=x + step, b=b))
    linear = md.derive("A*x - b", wrt="x").model().at(A=A, x=x, b=b)
    assert np.allclose(linear(step), A @ (x + step) - b)
    matrix = md.derive("tr(X'*X)", wrt="X").model(2).at(X=A)
    assert np.isclose(matrix(A), np.sum((2 * A) ** 2))
    with pytest.raises(md.ShapeError, match="quadratic model"):
        md.derive("A*x", wrt="x").model(2)
    with pytest.raises(md.UnsupportedError, match="curved set"):
        md.derive("x'*A*x", wrt="x", declare="x: n unit").model()


@pytest.mark.parametrize(
    ("text", "value"),
    [("x=[1, 2]", [1, 2]), ("x=[1 2; 3 4]", [[1, 2], [3, 4]]), ("x=[[1,2],[3,4]]", [[1, 2], [3, 4]]), ("x=.5", 0.5),
     ("x=[1,2;3,4], ", [[1, 2], [3, 4]]), ("x=-1e-3", -1e-3), ("x = [ 1 ]", [1])],
)  # fmt: skip
def test_arrays_as_they_are_typed(text, value):
    assert np.array_equal(typed(text)["x"], np.asarray(value))


AT = "A=[1 2; 3 4], b=[1; 1], x=[0; 0]"


def test_a_column_that_is_typed_for_a_vector_is_one(capsys):
    assert run(["descend", "norm(A*x - b)^2/2", "--wrt", "x", "--method", "newton", "--at", AT]) == 0
    assert "converged in 1 step" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["x", "x=", "x=[1,", "x=[1 2; 3]", "x=foo", "x=1; x=2", "=3", "x=NaN", "x=[1e999]"])
def test_arrays_that_are_refused(text):
    with pytest.raises(md.MatdiffError):
        typed(text)


def out(capsys, *arguments, status=0):
    assert run(list(arguments)) == status
    found = capsys.readouterr()
    return found.out + found.err


def test_the_commands(capsys, tmp_path):
    f, data = "sum(log(1 .+ exp(X*w))) - y'*X*w + w'*w", "X=[1 2;3 4;0 1]; y=[1 0 1]; w=[0,0]"
    said = out(capsys, "newton", f, "--wrt", "w", "--at", data)
    assert "H s = −∇f" in said
    assert "converged in 3 steps; observed order 2" in said
    path = str(tmp_path / "data.npz")
    np.savez(path, X=np.array([[1.0, 2], [3, 4], [0, 1]]), y=np.array([1.0, 0, 1]), w=np.zeros(2))
    for method in ("bfgs", "cg", "gradient", "newton", "gauss-newton"):
        found = json.loads(
            out(capsys, "descend", f, "--wrt", "w", "--data", path, "--method", method, "--format", "json")
        )
        assert found["converged"]
        assert np.allclose(found["x"], [-0.271395, 0.059924], atol=1e-5)
        assert found["iterations"][0]["k"] == 0
    assert "F = A x + x.^3 − b" in out(capsys, "newton", "A*x + x.^3 - b", "--wrt", "x")
    assert "x = 0.739085" in out(capsys, "newton", "cos(x) - x", "--wrt", "x", "--let", "x: scalar", "--at", "x=1")
    low = out(capsys, "newton", "cos(x)", "--wrt", "x", "--let", "x: scalar", "--at", "x=3", "--minimize")
    assert re.search(r"x = 3\.14159", low)
    assert "not converged" in out(capsys, "descend", "exp(x)", "--wrt", "x", "--let", "x: scalar", "--at", "x=1",
                                  "--steps", "3", "--method", "gradient", status=1)  # fmt: skip
    assert r"\begin{align*}" in out(capsys, "newton", f, "--wrt", "w", "--format", "latex")
    assert "aligned" in out(capsys, "stationary", "norm(A*x-b)^2", "--wrt", "x", "--format", "markdown")
    found = json.loads(out(capsys, "stationary", "norm(A*x-b)^2", "--wrt", "x", "--format", "json", "--ascii"))
    assert found["equation"] == "A'*A*x = A'*b"
    found = json.loads(out(capsys, "model", "x^2", "--wrt", "x", "--let", "x: scalar", "--at", "x=3", "--order", "2",
                           "--format", "json"))  # fmt: skip
    assert found["numbers"] == {"value": 9.0, "gradient": 6.0, "hessian": 2.0}
    assert "at these arrays: a minimum" in out(
        capsys, "stationary", "x^2", "--wrt", "x", "--let", "x: scalar", "--at", "x=0"
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("descend", "x'*x", "--wrt", "x"), "no arrays are given"),
        (("descend", "x'*A*x", "--wrt", "x", "--at", "x=[1,2]"), "A is missing"),
        (("descend", "x'*x", "--wrt", "x", "--at", "x=[1,2]; q=3"), "q"),
        (("descend", "x'*x", "--wrt", "x", "--data", "nowhere.npz"), "cannot read nowhere.npz"),
        (("newton", "A*x = b for x; c'*x", "--wrt", "b"), "without equations"),
        (("stationary", "A*x", "--wrt", "x"), "scalar function"),
        (("model", "x'*x", "--wrt", "x", "--at", "x=1"), "x"),
        (("descend", "x'*x", "--wrt", "x", "--at", "x=[1,2]", "--plot", "a.txt"), ".svg or .png"),
    ],
)
def test_commands_that_are_refused(capsys, arguments, text):
    assert text in out(capsys, *arguments, status=2)


def test_a_plot(capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra plot")
    path = tmp_path / "a.svg"
    out(capsys, "descend", "x'*x", "--wrt", "x", "--at", "x=[1,2]", "--plot", str(path))
    assert "<svg" in path.read_text(encoding="utf-8")


def test_explain_says_how_newtons_step_is_solved(capsys):
    f = "norm(X*W - Y)^2 + norm(W)^2"
    said = out(capsys, "codegen", f, "--wrt", "W", "--order", "2", "--explain", "--sizes", "n=30, p=4")
    assert "I ⊗ S, all 4 columns with one factorisation: one 30×30 matrix" in said
