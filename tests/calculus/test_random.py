"""Random functions: means as books have them, estimators, what is refused, the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.api.random import RandomFunction
from matdiff.cli.app import run
from matdiff.core.node import Node, symbol
from matdiff.inference import infer
from matdiff.ops.random import laws
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.verify.random import batch, compared, places

MEANS = tomllib.loads((Path(__file__).parents[1] / "random_means.toml").read_text(encoding="utf-8"))["means"]


def place(f: RandomFunction, seed: int = 1) -> Any:
    return next(iter(places(f.variables, f.laws, np.random.default_rng(seed))))


def book(text: str, f: RandomFunction) -> Node:
    """A formula in the variables of f, sizes among them."""
    dims = sorted({n for v in (*f.variables, *(r.symbol for r in f.laws)) for d in (v.rows, v.cols) for n in d.names})
    sizes = parse_declarations("; ".join(f"size{i}: {d}" for i, d in enumerate(dims)))
    return infer(parse_program(text, "plain", sizes), sizes, {v.name: v for v in f.variables}).function


@pytest.mark.parametrize(("text", "said", "mean"), MEANS, ids=[f"{t} | {d}" for t, d, _ in MEANS])
def test_a_mean_is_what_the_book_has(text: str, said: str, mean: str) -> None:
    f = md.random(text, declare=said)
    assert f.closed, f.notes
    fixed, sizes = place(f)
    expected, ours = (batch(n, fixed, sizes)[0] for n in (book(mean, f), f.expectation.node))
    assert np.allclose(ours, expected, rtol=1e-9, atol=1e-9 * (1 + np.abs(expected).max()))
    for body, closed in f.pieces:
        made = compared(body, closed, f.laws, fixed, sizes, 0)
        assert made is not None
        assert made.passed, (made, f.expectation)


# estimators


@pytest.mark.parametrize(
    ("text", "wrt", "said", "there"),
    [
        ("-p*log(1 - w)", "p", "w ~ uniform(0,1); p: scalar", "pathwise"),
        ("norm(A*z - b)^2", "m", "z ~ normal(m, S)", "pathwise score"),
        ("norm(z)^2", "S", "z ~ normal(m, S)", "pathwise score"),
        ("x^3", "theta", "x ~ normal(theta, 1)", "pathwise score"),
        ("x^2", "v", "x ~ normal(0, v)", "pathwise score"),
        ("x^2", "lambda", "x ~ exponential(lambda)", "pathwise score"),
        ("x^2", "a", "x ~ gamma(a, b)", "score"),
        ("x^2", "b", "x ~ gamma(a, b)", "pathwise score"),
        ("x^3", "b", "x ~ uniform(0, b)", "pathwise"),
        ("x", "a", "x ~ beta(a, b)", "score"),
        ("x^2", "b", "x ~ laplace(0, b)", "pathwise"),
        ("(X - t)^2", "p", "X ~ bernoulli(p); t: scalar", "score flip"),
        ("X^2", "p", "X ~ binomial(k, p)", "score flip"),
        ("X^3", "lambda", "X ~ poisson(lambda)", "score flip"),
        ("log(X)", "p", "X ~ geometric(p)", "score flip"),
        ("X*exp(p)", "p", "X ~ bernoulli(sigmoid(p)); p: scalar", "score flip"),
        ("norm(X*(w .* m))^2", "p", "m ~ bernoulli(p); X: k×n; w: n", "score"),
        ("tr(A*W)", "V", "W ~ wishart(nu, V)", "pathwise score"),
        ("tr(A*Z)", "V", "Z ~ invwishart(nu, V)", "pathwise score"),
        ("tr(X'*A*X)", "M", "X ~ matrixnormal(M, U, V); M: m×n; V: n×n spd", "pathwise score"),
        ("norm(z)", "m", "z ~ normal(m, I)", "pathwise score"),
        ("log(1 + exp(a*x))", "a", "x ~ normal(0, 1); a: scalar", "pathwise"),
    ],
)
def test_estimators_are_unbiased(text: str, wrt: str, said: str, there: str) -> None:
    f = md.random(text, wrt, said)
    assert list(f.available) == there.split()
    found = f.verify()
    assert found.passed is True, found


@pytest.mark.parametrize(
    ("text", "said", "wrt", "flip"),
    [
        ("X", "X ~ bernoulli(p)", "p", "(1 - X)/(1 - p)"),
        ("X^2", "X ~ poisson(p)", "p", "(X + 1)^2 - X^2"),
        ("X", "X ~ geometric(p)", "p", "(1 - X)/(p*(1 - p))"),
        ("X", "X ~ binomial(k, p)", "p", "(k - X)/(1 - p)"),
    ],
)
def test_flips_are_weights_times_changes(text: str, said: str, wrt: str, flip: str) -> None:
    found = md.random(text, wrt, said).flip
    expected = md.parse(flip, declare="X: scalar; p: scalar; k: scalar")
    at = {"X": 0.0 if "bernoulli" in said else 3.0, "p": 0.3, "k": 5.0}
    assert found.evaluate(**{v.name: at[v.name] for v in found.variables}) == pytest.approx(
        expected.evaluate(**{v.name: at[v.name] for v in expected.variables})
    )


@pytest.mark.parametrize(
    ("text", "wrt", "said", "variances"),
    [
        ("-p*log(1 - w)", "p", "w ~ uniform(0,1); p: scalar", {"pathwise": "1"}),
        ("x^2", "theta", "x ~ normal(theta, 1)", {"pathwise": "4", "score": "theta^4 + 14*theta^2 + 15"}),
        ("X", "p", "X ~ bernoulli(p)", {"flip": "p/(1 - p)"}),
        ("x^2", "lambda", "x ~ poisson(lambda)", {"flip": "4*lambda"}),
    ],
)
def test_variances_in_closed_form(text: str, wrt: str, said: str, variances: dict[str, str]) -> None:
    f = md.random(text, wrt, said)
    for name, expected in variances.items():
        assert f.variance(name) == md.parse(expected, declare=f"{wrt}: scalar")


def test_variances_in_numbers_are_those_of_the_formulas() -> None:
    f = md.random("x^2", "lambda", "x ~ poisson(lambda)")
    numbers = f.variances(0, **{"lambda": 2.0})
    for name, number in numbers.items():
        assert number == pytest.approx(f.variance(name).evaluate(**{"lambda": 2.0}), rel=0.2)


def test_samples_are_reproducible() -> None:
    f = md.random("z'*A*z", "m", "z ~ normal(m, S)")
    given = {"A": np.eye(2), "m": [1.0, 2.0], "S": np.eye(2)}
    first = f.sample(5, 1, **given)
    assert np.array_equal(first, f.sample(5, 1, **given))
    assert not np.array_equal(first, f.sample(5, 2, **given))
    assert f.sample(4, 0, "pathwise", **given).shape == (4, 2)
    assert f.sample(20_000, 0, **given).mean() == pytest.approx(7.0, abs=0.2)


def test_the_derivative_is_moved_inside_where_there_is_no_closed_form() -> None:
    f = md.random("norm(A*z)", "A", "z ~ normal(0, I)")
    assert not f.closed
    assert f.gradient.text(ascii=True) == "E[A*z*z'/norm(A*z)]"
    assert str(md.random("sqrt(X)", "t", "X ~ poisson(t)").gradient) == "E[sqrt(X + 1)] − E[sqrt(X)]"
    assert md.derive("log(E[sqrt(x)])", "t", "x ~ exponential(t)").verify().passed is True


def test_an_infinite_mean_is_no_number() -> None:
    assert not md.random("1/x", "b", "x ~ uniform(0, b)").closed
    for text, said in [
        ("1/x", "x ~ uniform(0, b)"), ("x/y", "x ~ normal(0, 1); y ~ normal(0, 1)"),
        ("1/x^2", "x ~ exponential(b)"), ("sum(1 ./ z)", "z ~ normal(m, I)"), ("1/(a'*z)", "z ~ normal(m, S)"),
        ("1/norm(z)^2", "z ~ normal(0, I); z: 2"), ("1/abs(x)", "x ~ laplace(0, b)"),
    ]:  # fmt: skip
        with pytest.raises(md.UnsupportedError, match="not finite"):
            _ = md.random(text, None, said).expectation
    assert md.random("1/sqrt(x)", "b", "x ~ uniform(0, b)").expectation.text(ascii=True) == "2/sqrt(b)"
    assert "finite for n > 2" in " ".join(md.random("1/norm(z)^2", None, "z ~ normal(0, I)").notes)
    assert "finite for nu > n + 1" in " ".join(md.random("inv(W)", None, "W ~ wishart(nu, V)").notes)
    assert "t < lambda" in " ".join(md.random("exp(t*x)", "t", "x ~ exponential(lambda); t: scalar").notes)


@pytest.mark.parametrize(("text", "laws"), [("exp(x^2)/(1 + x^2)", "x ~ normal(0, v)"), ("tan(x)", "x ~ normal(0, v)")])
def test_heavy_tails_are_no_verification(text: str, laws: str) -> None:
    found = md.random(text, "v", laws).verify()
    assert found.passed is None and "tail index" in found.reason


def test_a_derivative_that_is_not_integrable_is_not_moved_inside() -> None:
    f = md.random("log(abs(x))", "m", "x ~ normal(m, 1); m: scalar")
    assert "epsilon" not in str(f.gradient) and f.verify().passed
    with pytest.raises(md.UnsupportedError, match="no finite mean"):
        _ = f.pathwise
    f = md.random("1/norm(z)^2", "m", "z ~ normal(m, I); z: 3; m: 3")
    assert list(f.available) == ["score"]


@pytest.mark.parametrize(
    ("text", "by", "laws"),
    [
        ("norm(z)", "m", "z ~ normal(m, I)"),
        ("log(1 + exp(a'*z))", "a", "z ~ normal(m, S)"),
        ("sqrt(1 + x^2)", "v", "x ~ normal(0, v); v: scalar"),
        ("norm(z)^4", "m", "z ~ normal(m, I)"),
    ],
)
def test_hessians_of_means(text: str, by: str, laws: str) -> None:
    f = md.random(text, by, laws)
    assert f.verify(order=2).passed is True
    assert f.hessian is not None


@pytest.mark.parametrize(
    ("text", "laws"),
    [
        ("det(W)", "W ~ wishart(nu, V)"),
        ("logdet(W)", "W ~ wishart(nu, V)"),
        ("exp(-tr(A*W))", "W ~ wishart(nu, V); A: n×n spd"),
        ("det(W)", "W ~ invwishart(nu, V); W: 2×2; V: 2×2 spd"),
        ("logdet(W)", "W ~ invwishart(nu, V)"),
    ],
)
def test_determinants_of_wishart_matrices(text: str, laws: str) -> None:
    f = md.random(text, "V", laws)
    assert f.closed and f.verify().passed


# derive, claims and other commands


def test_means_in_derive_go_through_every_engine() -> None:
    d = md.derive("E[norm(A*z - b)^2] + norm(A)^2", "A", "z ~ normal(m, S)")
    assert str(d.gradient) == "2(A S + A + (A m − b) mᵀ)"
    assert d.verify().passed is True
    assert d.verify(order=2).passed is True
    assert d.verify(claim="2*(A*m - b)*m' + 2*A").passed is False
    assert "for z ~ normal(m, S)" in d.remarks[0]
    A, b, m, S = np.eye(2), np.ones(2), np.ones(2), np.eye(2)
    assert d.gradient.compile()(A=A, b=b, m=m, S=S) == pytest.approx(2 * (np.outer(A @ m - b, m) + A @ S + A))


def test_sizes_of_random_arrays_are_given_by_name() -> None:
    assert md.random("norm(z)^4", None, "z ~ normal(0, I); z: n").expectation.evaluate(n=3) == 15
    d = md.derive("E[norm(X*w)^2]", "w", "X: m×n ~ normal(0, 1)")
    assert d.gradient.evaluate(w=[1.0, 2.0], m=4).tolist() == [8.0, 16.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"\mathbb{E}_{z\sim\mathcal{N}(m, S)}\left[\lVert A z - b\rVert^2\right]", None),
        (r"\mathbb{E}[\|Az - b\|^2]", r"z \sim \mathcal{N}(m, S)"),
        (r"z \sim \mathcal{N}(m, S); \operatorname{E}\left[\lVert A z - b\rVert_2^2\right]", None),
        ("E[norm(A@z - b)**2]", "z ~ N(m, S)"),
        ("𝔼[‖A z − b‖²]", "z ∼ gaussian(m, S)"),
    ],
)
def test_spellings_of_means_and_laws(text: str, said: str | None) -> None:
    assert str(md.derive(text, "A", said).gradient) == "2(A S + (A m − b) mᵀ)"


@pytest.mark.parametrize(
    ("text", "wrt", "said", "why"),
    [
        ("x'*A*x", "A", None, "nothing is random"),
        ("x^2", "x", "x ~ normal(0, 1)", "x is random, and no variable"),
        ("x^2", "p", "x ~ bernouli(p)", "did you mean bernoulli"),
        ("x^2", "p", "x ~ bernoulli(2)", "no probability"),
        ("x^2", "p", "x ~ normal(p)", "2 parameters, not 1"),
        ("x'*A*x", "A", "x ~ normal(0, -I)", "no covariance"),
        ("x", "p", "x ~ uniform(2, 1)", "empty"),
        ("x^2", "p", "x ~ normal(p, scale=2)", "in order, without names"),
        ("x*y", "t", "x ~ normal(y, 1); y ~ normal(t, 1)", "depends on y"),
        ("E[x] + x", "t", "x ~ normal(t, 1)", "outside E"),
        ("x = 2*t; x^2", "t", "x ~ normal(t, 1)", "defined"),
        ("x^2", "t", "x ~ normal(t, 1); x ~ normal(0, 1)", "two laws"),
        ("E[x", "t", "x ~ normal(t, 1)", "not closed"),
        ("x^2", "q", "x ~ normal(t, 1)", "q is not a variable"),
        ("E_x[x*y*t]", "t", "x, y ~ normal(t, 1)", "the mean over x alone, and y in it is random as well"),
        ("r = x*y; t*E_x[r^2]", "t", "x, y ~ normal(t, 1)", "the mean over x alone"),
        (r"\mathbb{E}_{x \sim N(t, 1)}[x^2 y]", "t", r"y \sim N(0, 1)", "the mean over x alone"),
        (r"\mathbb{E}_{x_{1}}[x_1 x_2 t]", "t", "x_1, x_2 ~ normal(t, 1)", "the mean over x_1 alone"),
        ("E_x[E_y[x*y]^2*t]", "t", "x, y ~ normal(t, 1)", "the mean over y alone, and x in it"),
        ("x^2", "b", "x ~ uniform_int(0, b)", "there is no law uniform_int"),
        ("x^2", "t", "x ~ normal_gamma(t, 1)", "there is no law normal_gamma"),
        ("x^2", "t", r"x \sim \mathcal{N}_{trunc}(t, 1)", "not a law"),
        ("x^2", "t", "x ~ normal(t, 1) + normal(t, 2)", "not a law"),
        ("x^2", "t", "x ~ normal(t, 1", "unclosed"),
        (
            "x^2",
            "t",
            "x ~ normal(t, 1), y, z",
            "nothing is said of this name\n  x ~ normal(t, 1), y, z\n                    ^\n",
        ),
        ("x^2", "t", "x ~ normal", "2 parameters, not 0"),
        ("x'*x", "t", "t: scalar; x: n positiv ~ normal(t, 1)", "t: scalar; x: n positiv ~ normal(t, 1)\n"),
    ],
)
def test_what_is_refused(text: str, wrt: str, said: str | None, why: str) -> None:
    with pytest.raises(md.MatdiffError) as refused:
        md.random(text, wrt, said)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("law", "plain"),
    [
        ("x ~ log_normal(t, 1)", "x ~ lognormal(t, 1)"),
        (r"x \sim \mathcal N_1\left(t, 1\right).", "x ~ normal(t, 1)"),
        ("y: scalar ~ uniform(0, 1), x ~ N_{1}(t, 1)", "x ~ normal(t, 1)"),
    ],
)
def test_a_law_in_other_words(law: str, plain: str) -> None:
    assert str(md.random("x^2", "t", law).gradient) == str(md.random("x^2", "t", plain).gradient)


@pytest.mark.parametrize(
    "text", ["E_{x,y}[x*y]", r"\mathbb{E}_{y, x}[x y]", "E_t[x*y]", "E_x[x*E_y[y]]", "E_{p(x,y)}[x*y]", "E_x[x]*E_y[y]"]
)
def test_what_stands_below_an_expectation(text: str) -> None:
    assert str(md.random(text, "t", "x, y ~ normal(t, 1)").gradient) == "2t"


def test_a_wishart_law_of_stated_dimension() -> None:
    found = md.random("tr(X)", "S", r"S: n×n spd; X \sim \mathcal{W}_n^{-1}(m, S)")
    assert str(found.gradient) == str(md.random("tr(X)", "S", "S: n×n spd; X ~ inverse wishart(m, S)").gradient)


@pytest.mark.parametrize(
    ("name", "text", "wrt", "said", "why"),
    [
        ("pathwise", "X^2", "p", "X ~ bernoulli(p)", "jumps"),
        ("pathwise", "heaviside(w - p)", "p", "w ~ uniform(0, 1); p: scalar", "jumps with p"),
        ("pathwise", "sign(z - m)", "m", "z ~ normal(0, 1); m: scalar", "jumps with m"),
        ("pathwise", "x", "a", "x ~ gamma(a, b)", "no formula in this parameter"),
        ("score", "x^2", "b", "x ~ uniform(0, b)", "depends on b"),
        ("score", "x^2*t", "t", "x ~ normal(0, 1); t: scalar", "no law depends on t"),
        ("score", "W[1,1]", "nu", "W ~ wishart(nu, V)", "degrees of freedom"),
        ("flip", "x^2", "m", "x ~ normal(m, 1)", "does not jump"),
        ("flip", "sum(m)^2", "p", "m: n ~ bernoulli(p)", "every entry flips"),
        ("gradient", "heaviside(w - p)", "p", "w ~ uniform(0, 1); p: scalar", "jumps with p"),
    ],
)
def test_biased_estimators_are_refused_by_name(name: str, text: str, wrt: str, said: str, why: str) -> None:
    with pytest.raises(md.UnsupportedError) as refused:
        getattr(md.random(text, wrt, said), name)
    assert why in str(refused.value)


def test_derive_asks_which_is_meant() -> None:
    with pytest.raises(md.ParseError, match="a sample, or the mean"):
        md.derive("z'*A*z", "A", "z ~ normal(0, I)")
    with pytest.raises(md.ParseError, match="nothing here is random"):
        md.derive("E[z'*A*z]", "A")
    assert str(md.derive("E[1,2]*x'*x", "x").gradient) == "2 E[1,2] x"
    assert str(md.derive(r"\lVert A~x\rVert^2", "x").gradient) == "2Aᵀ A x"


def test_a_wrong_closed_form_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    f = md.random("z'*A*z", "m", "z ~ normal(m, S)")
    wrong = md.random("m'*A*m + zz", None, "zz ~ normal(0, 1); m: n")
    monkeypatch.setitem(f.__dict__, "expectation", wrong.expectation)
    assert f.verify().passed is False


def test_laws_agree_with_themselves() -> None:
    """Samples, moments and quadrature of every law of numbers."""
    rng = np.random.default_rng(0)
    values = {"real": 0.4, "positive": 1.7, "probability": 0.35, "count": 4.0}
    for law in dict.fromkeys(laws.values()):
        if law.shape != "entries" or law.moment is None or law.rule is None:
            continue
        given = [values[what] for what in law.takes]
        if law.name == "uniform":
            given = [0.4, 1.7]
        formal = [symbol(f"p{i}", "scalar") for i in range(len(given))]
        at = {s: np.array([v]) for s, v in zip(formal, given, strict=True)}
        x, w = law.rule(20, *given)
        drawn = law.sample(rng, (200_000,), *map(np.asarray, given))
        for k in (1, 2, 3):
            moment = float(batch(law.moment(k, *formal), at, {})[0])
            assert float(w @ x**k) == pytest.approx(moment, rel=1e-8, abs=1e-9), (law.name, k)
            error = drawn**k
            assert abs(error.mean() - moment) < 5 * error.std() / 200_000**0.5 + 1e-12, (law.name, k)


# the command line


def test_the_command_prints_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["random", "-p*log(1 - w)", "--wrt", "p", "--let", "w ~ uniform(0,1); p: scalar"]) == 0
    said = capsys.readouterr().out
    for part in ("E[f] = p", "∂f/∂p = −log(1 − w)", "∂E[f]/∂p = 1", "pathwise = 1", "verified:"):
        assert part in said


@pytest.mark.parametrize("form", ["latex", "markdown", "json"])
def test_formats(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["random", "X^2", "--wrt", "p", "--let", "X ~ bernoulli(p)", "--format", form]) == 0
    said = capsys.readouterr().out
    if form == "json":
        found = json.loads(said)
        assert (found["expectation"], found["gradient"], found["laws"]) == ("p", "1", {"X": "bernoulli(p)"})
        assert found["verification"]["passed"] is True
    else:
        assert r"\mathbb{E}[f] &= p" in said


def test_the_derive_command_takes_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["derive", "E[norm(z)]", "--wrt", "m", "--let", "z ~ normal(m, I)"]) == 0
    assert "E[(m + ε)/‖m + ε‖]" in capsys.readouterr().out
    assert run(["codegen", "E[norm(z)]", "--wrt", "m", "--let", "z ~ normal(m, I)"]) == 2
    assert "no closed form" in capsys.readouterr().err


def test_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot")
    out = tmp_path / "a.png"
    wanted = ["random", "X^2", "--wrt", "p", "--let", "X ~ bernoulli(p)", "--plot", str(out), "--at", "p=0.3"]
    assert run(wanted) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    assert run([*wanted[:-1], "q=1"]) == 2
    assert run([*wanted[:-1], "p"]) == 2
    assert "numbers by name" in capsys.readouterr().err


def test_parameters_that_stand_in_laws_only_are_read() -> None:
    assert str(md.derive("E[tr(X'*X)]", "s", "X: m×n; X ~ normal(0, s^2)").gradient) == "2s n m"


def test_what_overflows_is_no_verdict() -> None:
    assert md.derive("E[log(1 + exp(-y*(w'*x)))]", "w", "x ~ normal(m, S); y: scalar").verify().passed is True
