"""Newton's and the Gauss–Newton step: the forms that are found, steps against the Hessian, minima, roots."""

from __future__ import annotations

import numpy as np
import pytest

import matdiff as md
from matdiff.cli.app import run
from matdiff.codegen import solvers as sn
from matdiff.codegen.newton_source import newton_source

PLUS = "lambda: scalar positive; epsilon: scalar positive; gamma: scalar positive; t: scalar positive; "
LOSSES = [
    ("one", "norm(X*w - y)^2/2 + lambda/2*w'*w", "w", ""),
    ("I ⊗ S", "norm(X*W - Y)^2/2 + lambda/2*norm(W)^2", "W", ""),
    ("one", "sum(log(1 .+ exp(-y .* (X*w)))) + lambda/2*w'*w", "w", ""),
    ("outputs", "sum(rowlogsumexp(X*W)) - tr(Y'*X*W) + lambda/2*norm(W)^2", "W", ""),
    ("one", "sum(exp(X*w)) - y'*X*w + lambda/2*w'*w", "w", ""),
    ("one", "sum(sqrt(1 .+ (X*w-y).^2)) + lambda/2*w'*w", "w", ""),
    ("S ⊗ I", "norm(R - U*V')^2/2 + lambda/2*norm(U)^2", "U", ""),
    ("one for each row", "norm(M .* (R - U*V'))^2/2 + lambda/2*norm(U)^2", "U", "M: m×n"),
    ("one for each column", "norm(M .* (R - V*U))^2/2 + lambda/2*norm(U)^2", "U", "M: m×n"),
    ("diagonal", "(x-m)'*inv(S)*(x-m)/2", "m", "S: n×n spd; x: n; m: n"),
    ("A ⊗ B", "tr(S*P) - logdet(P)", "P", "P: n×n spd; S: n×n spd"),
    ("no form", "y'*inv(exp(a)*K_1 + exp(b)*I)*y/2 + logdet(exp(a)*K_1 + exp(b)*I)/2", "a,b",
     "K_1: n×n spd; a: scalar; b: scalar; y: n"),
    ("one", "norm(x-y)^2/2 + lambda/2*x'*L*x", "x", "L: n×n spd"),
    ("banded: 1 diagonal", "norm(x-y)^2/2 + lambda*sum(sqrt((x[2:n]-x[1:n-1]).^2 .+ epsilon))", "x", "x: n; y: n"),
    ("banded: 2 diagonals", "norm(x-y)^2/2 + lambda*norm(x[3:n]-2*x[2:n-1]+x[1:n-2])^2", "x", "x: n; y: n"),
    ("on the sphere", "-x'*A*x/2", "x", "x: n unit; A: n×n symmetric"),
    ("one", "-(u'*C*v) + lambda/4*(u'*A*u-1)^2", "u", "A: n×n spd; C: n×n"),
    ("one", "c'*x - sum(log(b - A*x)) + lambda*x'*x", "x", ""),
    ("one", "norm(K_1*c - y)^2/2 + lambda/2*c'*K_1*c", "c", "K_1: n×n spd"),
    ("S ⊗ I", "norm(T - A*khatrirao(B,C)')^2/2", "A", "A: m×k; B: n×k; C: p×k"),
    ("one", "norm(A*x-b)^2/2 + lambda/4*(x'*x)^2", "x", ""),
    ("low rank", "gamma/2*(x'*F*F'*x + sum(d.*x.^2)) - mu'*x - t*sum(log(x))", "x",
     "x: n positive; F: n×k; d: n positive; mu: n"),
    ("Sylvester", "tr(X'*A*X) + tr(X*B*X') - tr(C'*X)", "X", "A: m×m spd; B: n×n spd; X: m×n"),
    ("two Kronecker", "tr(X'*A*X*B) + tr(X'*D*X*C)", "X",
     "A: m×m spd; B: n×n spd; X: m×n; C: n×n spd; D: m×m spd"),
    ("A ⊗ B", "norm(A*X*B - C)^2/2", "X", "A: n×n spd; B: n×n spd; C: n×n"),
    ("rank one", "norm(A*X)^2/2 + lambda/2*norm(X)^2 + tr(B'*X)^2", "X", "A: m×n; X: n×p"),
    ("entry by entry", "sum(exp(X)) - tr(B'*X)", "X", "X: m×n"),
    ("diagonal", "sum(exp(x)) - b'*x", "x", "x: n"),
    ("block of f is diagonal", "sum(exp(f)) + norm(f - B*g)^2 + g'*g", "f,g", "f: m; g: n; B: m×n"),
    ("no form", "sum(exp(f)) + norm(f - B*g)^2 + g'*g + norm(C*f)^2", "f,g", "f: m; g: n; B: m×n"),
    ("no form", "norm(X'*X - B)^2 + norm(X)^2", "X", "X: m×n"),
    ("no form", "norm(L*L' - B)^2 + norm(L)^2", "L", "L: n×n lower"),
    ("no form", "exp(-x^2) + x*y", "x", "x: scalar; y: scalar"),
]  # fmt: skip
SIZES = ({"m": 8, "n": 5, "p": 3, "k": 2, "N": 8}, {"m": 3, "n": 7, "p": 2, "k": 3, "N": 3})


def drawn(d, sizes, seed=0):
    rng = np.random.default_rng(seed)
    out = {}
    for v in d.function.variables:
        A = rng.normal(size=tuple(s.evaluate(sizes) for s in v.shape))
        if "spd" in v.attributes:
            A = A @ A.T + len(A) * np.eye(len(A))
        elif "symmetric" in v.attributes:
            A = A + A.T
        elif "lower" in v.attributes:
            A = np.tril(A)
        if "positive" in v.attributes:
            A = np.abs(A) + 0.3
        out[v.name] = A / np.linalg.norm(A) if "unit" in v.attributes else A
    return out


def residual(d, s, arrays, product=None):
    """‖H s + ∇f‖ beside ‖∇f‖."""
    h, g = (product or d.hvp)(s, **arrays), d.value_and_grad(**arrays)[1]
    h, g = (h, g) if d.several else ({0: h}, {0: g})
    top = max(np.max(np.abs(v)) for v in g.values())
    return max(np.max(np.abs(h[k] + g[k])) for k in g) / top


@pytest.mark.parametrize("sizes", SIZES, ids=["tall", "wide"])
@pytest.mark.parametrize(("words", "function", "wrt", "declare"), LOSSES, ids=[str(i) for i in range(len(LOSSES))])
def test_the_step_solves_the_system_and_the_form_is_named(words, function, wrt, declare, sizes):
    used = "; ".join(p for p in PLUS.split("; ") if p and f"{p.partition(':')[0]}" in function)
    d = md.derive(function, wrt=wrt, declare="; ".join(filter(None, [declare, used])))
    arrays = drawn(d, sizes)
    if "log(b - A*x)" in function:
        arrays["b"] = arrays["A"] @ arrays["x"] + np.abs(arrays["b"]) + 0.1
    assert residual(d, d.newton_step(**arrays), arrays) < 1e-8
    said = " ".join(d.newton().words(sizes))
    assert words in said or (words == "one" and "low rank" in said)
    downhill = d.newton_step(modified=True, **arrays)
    g = d.value_and_grad(**arrays)[1]
    pairs = zip(downhill.values(), g.values(), strict=True) if d.several else [(downhill, g)]
    assert sum(np.vdot(a, b) for a, b in pairs) < 0


def test_the_smaller_side_is_chosen_when_called():
    d = md.derive("norm(X*w - y)^2 + w'*w", wrt="w")
    system = d.newton()
    assert "side of 3 instead of 50" in system.words({"m": 3, "n": 50})[0]
    assert "one 3×3 matrix" in system.words({"m": 50, "n": 3})[0]
    arrays = drawn(d, {"m": 3, "n": 50})
    given, sizes = system.prepare(arrays)
    point = system.at(given, sizes)
    system.step(point)
    assert isinstance(point.solver.inner.solver, sn.Woodbury)
    assert len(point.solver.inner.solver.factor[0]) == 3


@pytest.mark.parametrize("least", [1.0, 1e-7], ids=["well conditioned", "badly"])
def test_products_are_tried_before_a_factorisation_and_never_cost_digits(least):
    d = md.derive("norm(X*w - y)^2/2 + lambda*w'*w/2", wrt="w", declare="lambda: scalar positive")
    rng = np.random.default_rng(0)
    m, n = 700, 400
    X = rng.normal(size=(m, n)) / np.sqrt(m)
    if least < 1:
        X = X * np.linspace(1, 1e-3, n)
    arrays = {"X": X, "y": rng.normal(size=m), "w": np.zeros(n), "lambda": least}
    system = d.newton()
    given, sizes = system.prepare(arrays)
    point = system.at(given, sizes)
    s = system.step(point)[d.wrt[0]]
    H = X.T @ X + least * np.eye(n)
    assert np.linalg.norm(s - np.linalg.solve(H, X.T @ arrays["y"])) <= 1e-8 * np.linalg.norm(s)
    assert (point.solver.inner.solver is None) == (least == 1.0)


def test_differences_as_data_are_banded():
    d = md.derive("norm(x-y)^2/2 + norm(B*x)^2", wrt="x", declare="x: n; y: n; B: m×n")
    n = 100
    arrays = {"x": np.arange(n) / n, "y": np.ones(n), "B": np.diff(np.eye(n), axis=0)}
    system = d.newton()
    # A few rows less than columns would go by Woodbury's formula: here the rows are doubled.
    arrays["B"] = np.vstack([arrays["B"], arrays["B"]])
    given, sizes = system.prepare(arrays)
    point = system.at(given, sizes)
    system.step(point)
    assert isinstance(point.solver.inner.solver, sn.Banded)
    assert residual(d, d.newton_step(**arrays), arrays) < 1e-12


def test_an_indefinite_hessian_and_a_singular_one():
    d = md.derive("x'*A*x/2 - b'*x", wrt="x", declare="A: n×n symmetric; b: n")
    A, b = np.diag([1.0, -2.0, 3.0]), np.ones(3)
    s = d.newton_step(A=A, b=b, x=np.zeros(3))
    assert np.allclose(A @ s, b)
    t = d.newton_step(A=A, b=b, x=np.zeros(3), modified=True)
    assert np.allclose(np.abs(A) @ t, b)
    with pytest.raises(md.DomainError, match="singular"):
        d.newton_step(A=np.diag([1.0, 0.0, 1.0]), b=b, x=np.zeros(3))
    assert b @ d.newton_step(A=np.diag([1.0, 0.0, 1.0]), b=b, x=np.zeros(3), modified=True) > 0


@pytest.mark.parametrize(
    ("function", "wrt", "text"),
    [("A*x", "x", "not scalar"), ("phi(x)", "x", "unknown function")],
)
def test_refusals(function, wrt, text):
    d = md.derive(function, wrt=wrt, declare="phi: n -> scalar" if "phi" in function else "")
    with pytest.raises(md.MatdiffError, match=text):
        d.newton_step(x=np.ones(2))


def test_arrays_that_do_not_fit_are_refused():
    d = md.derive("x'*P*x - sum(log(x))", wrt="x", declare="P: n×n spd; x: n")
    good = {"P": np.eye(2), "x": np.ones(2)}
    with pytest.raises(md.ShapeError):
        d.newton_step(**{**good, "x": np.ones(3)})
    with pytest.raises(md.DomainError, match="declared spd"):
        d.newton_step(**{**good, "P": np.array([[1.0, 2.0], [0.0, 1.0]])})
    with pytest.raises(md.DomainError):
        d.newton_step(**{**good, "x": -np.ones(2)})
    with pytest.raises(md.MatdiffError, match="missing"):
        d.newton_step(P=np.eye(2))
    with pytest.raises(md.MatdiffError, match="z"):
        d.newton_step(**good, z=1.0)


def test_gauss_newton_takes_what_is_inside_as_linear():
    d = md.derive("norm(tanh(W*x) - y)^2/2", wrt="x", declare="W: m×n; y: m")
    arrays = drawn(d, {"m": 6, "n": 3})
    J = (1 - np.tanh(arrays["W"] @ arrays["x"]) ** 2)[:, None] * arrays["W"]
    r = np.tanh(arrays["W"] @ arrays["x"]) - arrays["y"]
    assert np.allclose(d.gauss_newton_step(**arrays), -np.linalg.solve(J.T @ J, J.T @ r))
    assert not np.allclose(d.newton_step(**arrays), d.gauss_newton_step(**arrays))
    convex = md.derive("sum(log(1 .+ exp(A*x))) + x'*x", wrt="x")
    arrays = drawn(convex, {"m": 6, "n": 3})
    assert np.allclose(convex.newton_step(**arrays), convex.gauss_newton_step(**arrays))
    with pytest.raises(md.UnsupportedError, match="Gauss–Newton"):
        md.derive("x'*A*x/(x'*x)", wrt="x").gauss_newton_step(A=np.eye(2), x=np.ones(2))


def test_large_problems_without_a_form_go_by_conjugate_gradients():
    d = md.derive("norm(X'*X - B)^2 + norm(X)^2", wrt="X", declare="X: m×n; B: n×n symmetric")
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(70, 50)), "B": -np.eye(50)}
    assert "conjugate gradients" in d.newton().words({"m": 70, "n": 50})[0]
    assert residual(d, d.newton_step(**arrays), arrays) < 1e-8


@pytest.mark.parametrize("method", ["newton", "gauss-newton", "bfgs", "cg", "gradient"])
def test_every_method_finds_the_minimum(method):
    d = md.derive("sum(log(1 .+ exp(A*x))) + norm(x - c)^2", wrt="x")
    arrays = drawn(d, {"m": 6, "n": 3})
    found = d.minimize(method=method, **arrays)
    assert found.converged
    assert np.allclose(d.value_and_grad(**{**arrays, "x": found.x})[1], 0, atol=1e-6)
    assert found.rows[0].k == 0
    assert found.iterations == len(found.rows) - 1
    if method == "newton":
        assert 1.5 < found.order < 2.6
        assert "observed order" in str(found)


def test_domains_sets_and_saddles():
    barrier = md.derive("c'*x - sum(log(x))", wrt="x", declare="x: n; c: n")
    found = barrier.minimize(c=np.array([1.0, 4.0]), x=np.array([0.01, 5.0]))
    assert np.allclose(found.x, [1, 0.25])
    sphere = md.derive("-x'*A*x", wrt="x", declare="x: n unit; A: n×n symmetric")
    A = np.diag([3.0, 1.0, -2.0])
    found = sphere.minimize(A=A, x=np.array([0.6, 0.0, 0.8]))
    assert np.isclose(found.value, -3)
    assert found.converged
    double = md.derive("sum((x.^2 .- 1).^2)", wrt="x", declare="x: n")
    found = double.minimize(x=np.array([0.1, -0.2]))
    assert np.allclose(np.abs(found.x), 1)
    spd = md.derive("tr(S*P) - logdet(P)", wrt="P", declare="P: n×n spd; S: n×n spd")
    S = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert np.allclose(spd.minimize(S=S, P=np.eye(2)).x, np.linalg.inv(S))
    with pytest.raises(md.DomainError):
        barrier.minimize(c=np.ones(2), x=-np.ones(2))
    with pytest.raises(md.MatdiffError, match="methods are"):
        barrier.minimize(method="simplex", c=np.ones(2), x=np.ones(2))
    falling = md.derive("c'*x", wrt="x").minimize(c=np.ones(2), x=np.ones(2), method="gradient", steps=50)
    assert not falling.converged


def test_roots():
    found = md.derive("A*x + x.^3 - b", wrt="x").root(A=2 * np.eye(2), b=np.array([3.0, 12.0]), x=np.zeros(2))
    assert np.allclose(found.x, [1, 2])
    assert found.converged
    assert 1.5 < found.order < 2.5
    cosine = md.derive("cos(x) - x", wrt="x", declare="x: scalar").root(x=1.0)
    assert np.isclose(cosine.x, 0.7390851332151607)
    with pytest.raises(md.ShapeError, match="as many equations"):
        md.derive("A*x", wrt="x").root(A=np.ones((3, 2)), x=np.ones(2))
    with pytest.raises(md.DomainError, match="singular"):
        md.derive("x.^2 .+ 1", wrt="x", declare="x: n").root(x=np.zeros(2))


@pytest.mark.parametrize("row", [0, 1, 3, 6, 7, 9, 10, 13, 15, 22, 24, 26])
def test_the_source_of_the_step_runs_without_matdiff(row):
    _, function, wrt, declare = LOSSES[row]
    used = "; ".join(p for p in PLUS.split("; ") if p and f"{p.partition(':')[0]}" in function)
    d = md.derive(function, wrt=wrt, declare="; ".join(filter(None, [declare, used])))
    arrays = drawn(d, SIZES[0])
    text = newton_source(d.newton().form, d.function.variables, "The step.")
    assert "matdiff" not in text
    space = {"__name__": "written"}
    exec(compile(text, "written", "exec"), space)
    spelt = {"lambda_" if name == "lambda" else name: A for name, A in arrays.items()}
    assert np.allclose(space["newton_step"](**spelt), d.newton_step(**arrays), rtol=1e-10)


def test_codegen_newton(capsys):
    assert run(["codegen", "norm(X*w - y)^2 + w'*w", "--wrt", "w", "--newton"]) == 0
    assert "def newton_step(**arrays):" in capsys.readouterr().out
    assert run(["codegen", "norm(X'*X - B)^2", "--wrt", "X", "--newton"]) == 2
    assert "no form of this Hessian" in capsys.readouterr().err


def test_a_step_leaves_its_arrays_as_they_were() -> None:
    """Variables among the parts of a system are taken as they are, so no solver may write on them."""
    rng = np.random.default_rng(0)
    for text, wrt in (
        ("norm(A*x - b)^2 + x'*x", "x"),
        ("x'*S*x + sum(exp(A*x)) - b'*A*x", "x"),
        ("x'*S*x/2 + c'*x", "x"),
    ):
        d = md.derive(text, wrt=wrt, declare="S: n×n spd; A: m×n")
        for m in (3, 9):
            S = rng.normal(size=(5, 5))
            arrays = {"A": rng.normal(size=(m, 5)), "S": S @ S.T + np.eye(5), "b": rng.normal(size=m)}
            arrays = {
                k: v for k, v in {**arrays, "c": np.ones(5)}.items() if k in {v.name for v in d.function.variables}
            }
            before = {k: v.copy() for k, v in arrays.items()}
            d.newton_step(**arrays, x=np.ones(5))
            assert all(np.array_equal(arrays[k], v) for k, v in before.items())
