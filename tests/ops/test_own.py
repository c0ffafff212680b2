"""Functions of one's own: unknown ones, and those given by a formula."""

import subprocess
import sys

import numpy as np
import pytest

import matdiff as md


@pytest.fixture
def swish():
    yield md.elementwise("swish", "t/(1+exp(-t))")
    md.forget("swish")


def test_unknown_functions():
    d = md.derive("h(W*x - b)", wrt="x", declare="h: elementwise; W: m×n; b: m")
    assert str(d.jacobian) == "Diag(h'(W x − b)) W"
    assert d.verify().passed
    d = md.derive("sum(h(W*x - b))", wrt="x", declare="h: elementwise; W: m×n; b: m")
    assert str(d.gradient) == "Wᵀ h'(W x − b)"
    assert str(d.hessian) == "Wᵀ Diag(h''(W x − b)) W"
    assert d.verify(order=2).passed
    with pytest.raises(md.UnsupportedError, match="h"):
        d.evaluate(W=np.eye(2), x=np.ones(2), b=np.ones(2))


def test_by_a_formula(swish):
    d = md.derive("sum(swish(W*x - b))", wrt="x")
    assert str(d.function) == "sum(swish(W x − b))"
    assert md.parse(str(d.function), declare=d.types) == d.function
    assert d.verify().passed and d.verify(order=2).passed
    z = np.array([0.3, -1.0])
    assert np.allclose(md.parse("swish(x)").evaluate(x=z), z / (1 + np.exp(-z)))
    assert str(md.derive(md.sum(swish(md.vector("x", "n"))), wrt="x").gradient) == (
        "(1 .+ x + exp(x)) ⊙ exp(x) ./ (1 .+ exp(x)).^2"
    )
    assert str(md.swish(md.scalar("t"))) == "swish(t)"
    assert md.elementwise("swish", "t/(1+exp(-t))")(md.scalar("t")) == swish(md.scalar("t"))


def test_simplified_by_sympy():
    md.elementwise("cubic", "(t + 1)^3 - t^3")
    gradient = md.derive("sum(cubic(X))", wrt="X").gradient
    md.forget("cubic")
    X = md.matrix("X", "m", "n")
    assert gradient.evaluate(X=np.zeros((2, 2))) == pytest.approx(np.full((2, 2), 3.0))
    assert len(str(gradient)) <= len("3(1 .+ 2X)") or str(gradient) == "3 .+ 6X"
    assert X.shape == ("m", "n")


@pytest.mark.parametrize("formula", ["u^3 + 1", "tanh(softplus(v))", "t*(1 + erf(t/sqrt(2)))/2", "max(t, 0)*t", "2*t"])
def test_formulas_verify(formula):
    md.elementwise("mine", formula)
    try:
        for f in ("sum(mine(A*x))", "mine(t)"):
            d = md.derive(f, wrt="t" if "(t)" in f else "x", declare="t: scalar")
            assert d.verify().passed
        assert md.derive("mine(X)", wrt="X").verify().passed
    finally:
        md.forget("mine")


@pytest.mark.parametrize(
    ("name", "formula", "why"),
    [
        ("log", "t", "reserved"),
        ("a b", "t", "not a name"),
        ("mine", "t + s", "variables t, s"),
        ("mine", "3", "constant"),
    ],
)
def test_refusals(name, formula, why):
    with pytest.raises(md.ParseError, match=why):
        md.elementwise(name, formula)


def test_a_name_is_taken_once(swish):
    with pytest.raises(md.ParseError, match="swish is reserved"):
        md.elementwise("swish", "t^2")


def test_records_of_ones_own():
    flip = md.ops.linear("upside", "(m,n)->(m,n)", lambda Y, X: flip(Y), numpy="{0}[::-1]")
    try:
        d = md.derive("tr(A*upside(X))", wrt="X")
        assert str(d.gradient) == "upside(Aᵀ)"
        assert d.verify().passed
    finally:
        md.forget("upside")
    with pytest.raises(md.ParseError):
        md.parse("upside(X)")


def test_defined_in_the_program():
    d = md.derive("s(t) = t/(1+exp(-t)); sum(s(x))", wrt="x")
    assert str(d.function) == "sum(x ./ (1 .+ exp(−x)))"
    assert str(d.gradient) == "(1 .+ x + exp(x)) ⊙ exp(x) ./ (1 .+ exp(x)).^2"
    assert [s.rule for s in d.steps][2] == "s′ by the chain rule"
    assert d.verify().passed and d.verify(order=2).passed


@pytest.mark.parametrize(
    ("program", "wrt"),
    [
        ("s(t) = t^2; r(t) = s(t) + 1; r(x)'*s(x)", "x"),
        ("s(t) = 1/(1+exp(-t)); u = s(A*x); u'*u", "x"),
        ("s(t) = max(t,0)^2; sum(s(X))", "X"),
        ("s(t) = t^2 + 1; s(A*x)", "x"),
        ("s(t) = log(t); s(c'*x)", "x"),
        ("s(u) = λ*u; sum(s(x))", "x"),
    ],
)
def test_answers_are_written_out(program, wrt):
    """They read back without the definitions."""
    d = md.derive(program, wrt=wrt)
    answers = [d.differential, d.adjoint.value, d.bilinear.value]
    answers += [d.gradient, d.hessian] if d.function.kind == "scalar" else [d.jacobian]
    for answer in answers:
        assert md.parse(str(answer), declare=answer.types) == answer
    assert d.verify().passed


@pytest.mark.parametrize(
    ("formula", "slope"),
    [
        ("t/(1+exp(-t))", "(1 .+ x + exp(x)) ⊙ exp(x) ./ (1 .+ exp(x)).^2"),
        ("1/(1+exp(-t))", "exp(x) ./ (1 .+ exp(x)).^2"),
        ("t^2/(1+t^2)", "2x ./ (1 .+ x.^2).^2"),
        ("t/(1+abs(t))", "1 ./ (1 .+ abs(x)).^2"),
        ("(exp(t)-exp(-t))/(exp(t)+exp(-t))", "4 exp(x).^2 ./ (1 .+ exp(x).^2).^2"),
        ("1/(1+1/(1+1/(1+t)))", ""),
        ("(t+1)^30/(t+2)^20", ""),
        ("exp(exp(-t))*t^0.5/(1+t)", ""),
        ("0.5*t*(1+tanh(0.8*(t+0.044715*t^3)))", ""),
        ("t^t", ""),
    ],
)
def test_derivatives_are_found_without_sympy(formula, slope):
    bent = md.elementwise("bent", formula)
    try:
        d = md.derive(md.sum(bent(md.vector("x", "n"))), wrt="x")
        x, h = np.array([0.3, 1.7]), 1e-6
        ends = [md.parse("bent(x)").evaluate(x=x + s) for s in (h, -h)]
        np.testing.assert_allclose(d.gradient.evaluate(x=x), (ends[0] - ends[1]) / (2 * h), rtol=1e-6)
        assert not slope or str(d.gradient) == slope
    finally:
        md.forget("bent")


def test_functions_of_ones_own_import_no_sympy():
    code = (
        "import sys, matdiff as md; md.elementwise('bent', 't/(1 + exp(-t))'); md.derive('sum(bent(x))', 'x').gradient"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + "; print('sympy' in sys.modules)"], capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr
