"""Differential equations: forward, adjoint, differences; against closed forms, SciPy and JAX."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm, expm_frechet

import matdiff as md
from matdiff.cli.app import run
from matdiff.errors import DomainError, MatdiffError
from matdiff.graph.rewrite import inline

PROBLEMS: list[dict[str, Any]] = [
    {"rhs": "p[1] + p[2]*u + p[3]*u^2", "state": "u", "wrt": "p", "declare": "p: 3; u: scalar", "initial": 0,
     "objective": "(u - t^3)^2"},
    {"rhs": "A*u", "state": "u", "wrt": "A"},
    {"rhs": "A*u", "state": "u", "wrt": "A,u_0", "objective": "norm(u - c)^2", "final": "c'*u"},
    {"rhs": "A*U + U*A' + Q", "state": "U", "wrt": "A,Q", "declare": "U: n×n", "initial": "I", "final": "tr(C*U)"},
    {"rhs": "tanh(W*u + b)", "state": "u", "wrt": "W,b,B", "initial": "B*c", "final": "norm(u - y)^2/2"},
    {"rhs": "S*U", "state": "U", "wrt": "S", "declare": "S: n×n symmetric", "initial": "S", "final": "tr(U)"},
    {"rhs": "a*u*(1 - u/k)", "state": "u", "wrt": "a,k", "declare": "u,a: scalar; k: scalar positive",
     "initial": "1/2", "objective": "log(u)^2 + a*k", "final": "a^2*u"},
    {"rhs": "sin(t)*B*u - u", "state": "u", "wrt": "B", "objective": "t*u'*B*u"},
    {"rhs": "u^3", "state": "u", "wrt": "u_0", "declare": "u: scalar", "final": "u"},
    {"rhs": "1000*A*u", "state": "u", "wrt": "A", "final": "u'*u"},
    {"rhs": "[x[2]; mu*(1 - x[1]^2)*x[2] - x[1]]", "state": "x", "wrt": "mu,x_0", "declare": "x: 2; mu: scalar",
     "final": "x[1]^2"},
    {"rhs": "Q*u", "state": "u", "wrt": "Q", "declare": "Q: n×n orthogonal", "final": "norm(u - c)^2"},
    {"rhs": r"\tanh(W u) + e^{-t} b", "state": "u", "wrt": "b", "final": r"\|u\|^2"},
]  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p["rhs"])
def test_forward_adjoint_and_differences_agree(problem):
    found = md.ode(**problem).verify()
    assert found.passed is True and found.points == 2, str(found)


READ = [
    # the equation, the state, declarations, what is a scalar, and the length of the state where it has one
    ("-k*u", "u", "u: scalar", "k", None),
    ("-alpha*A'*(A*theta - b)", "theta", None, "alpha", "n"),
    ("r*u*(1 - u/K)", "u", "u: scalar", "r K", None),
    ("r*u*(1 - u/K)", "u", None, "u r K", None),
    ("V/R - L*i", "i", "i: scalar", "V R L", None),
    ("[a*u[1] - b*u[1]*u[2]; c*u[1]*u[2] - d*u[2]]", "u", None, "a b c d", "2"),
    ("[u[2]; -g/l*sin(u[1])]", "u", None, "g l", "2"),
    ("[-b*y[1]*y[2]; b*y[1]*y[2] - c*y[2]; c*y[2]]", "y", None, "b c", "3"),
    (r"\begin{pmatrix} u_2 \\ -\frac{g}{l} \sin u_1 \end{pmatrix}", "u", None, "g l", "2"),
    ("u' = [u_2; -w^2*u_1]", "u", None, "w", "2"),
    ("[u[1]*a; A*u]", "u", "A: m×n; a: k", "", None),
    (r"\frac{du}{dt} = c Au", "u", "A: n×n; u: n", "c", None),
]


@pytest.mark.parametrize(("rhs", "state", "declare", "scalars", "length"), READ, ids=lambda v: str(v)[:24])
def test_names_are_scalars_where_the_state_says_so(rhs, state, declare, scalars, length):
    if not scalars:
        with pytest.raises(MatdiffError):
            md.ode(rhs, state, "A", declare)
        return
    d = md.ode(rhs, state, scalars.split()[-1], declare)
    kinds = {v.name: (v.kind, str(v.rows)) for v in d.variables}
    assert all(kinds[n][0] == "scalar" for n in scalars.split())
    assert length is None or kinds[state] == ("vector", length)


SYSTEMS = [
    ("u' = v; v' = -k*u", "k", "[x[2]; -k*x[1]]"),
    ("u'' = -k*sin(u) - c*u'", "k,c", "[x[2]; -k*sin(x[1]) - c*x[2]]"),
    (r"\ddot{u} = -k u - c \dot u", "k,c", "[x[2]; -k*x[1] - c*x[2]]"),
    (r"\frac{d^2 u}{dt^2} = -k u - c \frac{du}{dt}", "c", "[x[2]; -k*x[1] - c*x[2]]"),
    ("u''' = t*u'' - k*u", "k", "[x[2]; x[3]; t*x[3] - k*x[1]]"),
    ("w = k*u; u' = v; v' = -w", "k", "[x[2]; -k*x[1]]"),
    ("u'' = -k*u^T*u - c*u'", "k,c", "[x[2]; -k*x[1]*x[1] - c*x[2]]"),
    (r"\ddot u = -k u^\top u", "k", "[x[2]; -k*x[1]*x[1]]"),
    ("q'' = -k*(q - s); s' = b*q' - s", "k,b", "[x[2]; -k*(x[1] - x[3]); b*x[2] - x[3]]"),
    ("S' = -b*S*I; I' = b*S*I - c*I", "b,c", "[-b*x[1]*x[2]; b*x[1]*x[2] - c*x[2]]"),
]


@pytest.mark.parametrize(("text", "wrt", "vector"), SYSTEMS, ids=lambda v: v[:20])
def test_systems_and_higher_orders_are_of_first_order_for_a_vector(text: str, wrt: str, vector: str) -> None:
    n = vector.count(";") + 1
    scalars = [f"{c}: scalar" for c in "kbc" if f"{c}*" in vector]
    d, e = md.ode(text, wrt=wrt), md.ode(vector, "x", wrt, [f"x: {n}", *scalars])
    assert inline(d.evolution.rhs) is e.evolution.rhs
    assert d.verify().passed is True


def test_a_system_is_told_in_the_names_of_its_functions():
    d = md.ode("u'' = -k*sin(u)", wrt="k", objective="u'^2", final="u*u'", until=2, initial="[1; 0]")
    told = str(d)
    assert "x' = [u'; −k sin(u)],   x(0) = [1; 0]" in told
    assert "G = ∫_0^2 u'² dt + u(2) u'(2)" in told
    assert "dx' = [du'; −(dk sin(u) + k cos(u) du)]" in told
    assert d.notes == ("x = [u; u'] is the state",)


def test_the_gradient_of_a_system_is_that_of_its_solutions():
    def height(k: float, c: float) -> float:
        def rate(t: float, y: Any) -> list[float]:
            return [y[1], -k * np.sin(y[0]) - c * y[1]]

        return float(solve_ivp(rate, (0, 2), [1, 0], "DOP853", rtol=1e-12, atol=1e-13).y[0, -1] ** 2)

    d = md.ode("u'' = -k*sin(u) - c*u'", wrt="k,c", final="u^2", until=2, initial="[1; 0]")
    value, gradient = d.solve(k=1.5, c=0.3)
    h = 1e-5
    assert value == pytest.approx(height(1.5, 0.3), rel=1e-9)
    assert gradient["k"] == pytest.approx((height(1.5 + h, 0.3) - height(1.5 - h, 0.3)) / (2 * h), rel=1e-7)
    assert gradient["c"] == pytest.approx((height(1.5, 0.3 + h) - height(1.5, 0.3 - h)) / (2 * h), rel=1e-7)


def test_the_verification_sees_a_wrong_gradient():
    d = md.ode("tanh(W*u + b)", "u", "W,b", final="norm(u - y)^2/2")
    _, b = d.evolution.wrt
    right = d.evolution.gradients[b]
    d.evolution.gradients[b] = replace(right, running=right.running * 2)
    assert d.verify().passed is False


def test_what_cannot_be_verified_is_said(monkeypatch):
    monkeypatch.setattr("matdiff.api.odesolve.TRIES", 4)
    found = md.ode("h(W*u)", "u", "W", "h: elementwise", final="sum(u)").verify()
    assert found.passed is None and str(found) == "not verified: NumPy has no h"
    assert md.ode("1000*A*u", "u", "A", final="u'*u", until=10).verify().passed is None


def test_stiff_equations_are_integrated_by_another_method():
    d = md.ode("-1000*(u - cos(t)) + k", "u", "k", "u: scalar; k: scalar", 0, "u^2", until=1)
    assert d.verify().passed is True
    _, slope = d.solve(k=2.0, method="Radau", rtol=1e-10, atol=1e-12)
    assert np.isclose(slope, 0.00168485368414437, rtol=1e-9)
    d = md.ode("k*(cos(t) - u)", "u", "k", "u: scalar; k: scalar", 0, final="u", until=1)
    value, slope = d.solve(k=1e5)
    exact = lambda k: k * (k * np.cos(1) + np.sin(1)) / (1 + k**2)  # noqa: E731
    assert np.isclose(value, exact(1e5), rtol=1e-9)
    assert np.isclose(slope, (exact(1e5 + 10) - exact(1e5 - 10)) / 20, rtol=1e-3)


def test_the_reference_gradient():
    d = md.ode("p[1] + p[2]*u + p[3]*u^2", "u", "p", "p: 3; u: scalar", 0, "(u - t^3)^2", until=1)
    expected = [-0.20015263, -0.02860540, -0.00550749]
    for mode in ("adjoint", "forward"):
        _, gradient = d.solve(p=[0.3, 0.2, -0.1], mode=mode)
        assert np.allclose(gradient, expected, rtol=0, atol=6e-9)


def test_a_linear_equation_has_the_gradient_of_the_matrix_exponential():
    rng = np.random.default_rng(0)
    A, (b, w) = rng.normal(size=(3, 3)), rng.normal(size=(2, 3))
    value, gradient = md.ode("A*u", "u", "A,u_0").solve(A=A, u_0=b, w=w, T=0.7)
    assert np.isclose(value, w @ expm(0.7 * A) @ b, rtol=1e-10)
    V = rng.normal(size=(3, 3))
    _, moved = expm_frechet(0.7 * A, 0.7 * V)
    assert np.isclose(np.vdot(gradient["A"], V), w @ moved @ b, rtol=1e-9)
    assert np.allclose(gradient["u_0"], expm(0.7 * A).T @ w, rtol=1e-10)


def test_the_gradient_against_jax_through_a_fixed_step_method():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    rng = np.random.default_rng(1)
    W, (b, y, start) = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))

    def objective(W, b):
        def f(u):
            return jnp.append(jnp.tanh(W @ u[:3] + b), jnp.sum((u[:3] - y) ** 2))

        h = 1 / 400

        def step(u, _):
            k1 = f(u)
            k2 = f(u + h / 2 * k1)
            k3 = f(u + h / 2 * k2)
            return u + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(u + h * k3)), None

        return jax.lax.scan(step, jnp.append(start, 0.0), None, length=400)[0][3]

    value, (by_W, by_b) = jax.value_and_grad(objective, argnums=(0, 1))(W, b)
    d = md.ode("tanh(W*u + b)", "u", "W,b", objective="norm(u - y)^2", until=1)
    found, gradient = d.solve(W=W, b=b, y=y, u_0=start)
    assert np.isclose(found, value, rtol=1e-9)
    assert np.allclose(gradient["W"], by_W, rtol=1e-8) and np.allclose(gradient["b"], by_b, rtol=1e-8)


def test_what_is_printed():
    d = md.ode("A*u", "u", "A", final="c'*u", objective="norm(u)^2", until=2)
    assert str(d.forward) == "du' = dA u + A du,   du(0) = 0"
    assert str(d.adjoint) == "v' = 2u − Aᵀ v,   v(2) = −c"
    assert str(d.gradient) == "∫_0^2 −v uᵀ dt"
    assert d.gradient.text(ascii=True) == "int(-v*u', t, 0, 2)"
    assert d.adjoint.rhs == md.parse("2*u - A'*v", "A: n×n") and d.adjoint.value == md.parse("-c")
    assert [s for s, _ in d.sections(d.pen("unicode"))][1:] == [
        "sensitivity equation, to be solved for every direction dA",
        "adjoint 1: add zero, for any v(t)",
        "adjoint 2: integrate by parts",
        "adjoint 3: choose v, so that du drops out, and solve backwards",
        "adjoint 4: read off",
    ]


def test_the_multiplier_takes_a_name_that_is_free():
    assert str(md.ode("v*u", "u", "v", "u,v: scalar", final="λ*u").adjoint) == "w' = −v w,   w(T) = −λ"


@pytest.mark.parametrize("problem", PROBLEMS[:6], ids=lambda p: p["rhs"])
def test_the_source_runs_by_itself(problem):
    d = md.ode(**{**problem, "until": 0.8})
    rng = np.random.default_rng(2)
    dims = {"n": 3, "m": 3}
    arrays = {v.name: np.asarray(rng.normal(size=tuple(x.evaluate(dims) for x in v.shape))) for v in d.variables}
    if "S" in arrays:
        arrays["S"] = arrays["S"] + arrays["S"].T
    value, gradient = d.solve(**arrays)
    space: dict[str, Any] = {}
    text = d.source("numpy")
    assert "matdiff" not in text
    exec(text, space)
    found, by = space["value_and_grad"](**arrays)
    assert np.isclose(found, value, rtol=1e-9)
    pairs = zip(by, gradient.values(), strict=True) if d.several else [(by, gradient)]
    assert all(np.allclose(a, b, rtol=1e-8, atol=1e-10) for a, b in pairs)


@pytest.mark.parametrize(
    "left",
    [
        "u' =", "u'(t) =", "u′ :=", "du/dt =", "D(u) =", r"\dot{u} =", r"\dot u(t) =", r"u^{\prime} =",
        r"\frac{du}{dt} =", r"\frac{d u(t)}{d t} =", r"\frac{d}{dt} u(t) =", r"\dfrac{\mathrm{d}u}{\mathrm{d}t} =",
        "B = A;  u' =", "",
    ],
)  # fmt: skip
def test_the_left_side_is_read_in_all_its_notations(left: str) -> None:
    d = md.ode(f"{left} A u" if "\\" in left else f"{left} A*u(t)", "u", "A")
    assert d.evolution.rhs is md.ode("A*u", "u", "A").evolution.rhs


WRONG = [
    ({"rhs": "-k*u + f'", "state": "u", "wrt": "k", "declare": "u: scalar"}, "f has no equation"),
    ({"rhs": r"\dot u = -k u + \dot f", "wrt": "k", "declare": "u: scalar"}, "f has no equation"),
    ({"rhs": "u'' = -k*u''", "wrt": "k"}, "the equation is for u''"),
    ({"rhs": "u' = v; v' = -k*u'", "wrt": "k"}, "the equation is for u'"),
    ({"rhs": "u' = v; u' = -k*u", "wrt": "k"}, "two equations"),
    ({"rhs": "u'' = -k*u", "wrt": "k", "declare": "u: 3"}, "u is no scalar"),
    ({"rhs": "u' = v; v' = -k*u; u: 3", "wrt": "k"}, "u is no scalar"),
    ({"rhs": "g(u) = k*u; u'' = g(u)", "wrt": "k"}, "u moves"),
    ({"rhs": "u'' = -k*u", "wrt": "k", "final": "u''"}, "the equation is for u''"),
    ({"rhs": "u'' = -u", "wrt": "u_0", "declare": "u: scalar"}, "did you mean x_0"),
    ({"rhs": "A*du/dt", "state": "u", "wrt": "A", "declare": "u: n"}, "derivative of u does not stand"),
    ({"rhs": "-k*u'", "state": "u", "wrt": "k", "declare": "u,k: scalar"}, "derivative of u does not stand"),
    ({"rhs": "-k*u", "state": "u", "wrt": "k", "declare": "u,k: scalar", "objective": "u'^2"}, "does not stand"),
    (
        {"rhs": r"-k u", "state": "u", "wrt": "k", "declare": "u,k,u_dot: scalar", "final": r"\dot{u}^2"},
        "does not stand",
    ),
    ({"rhs": "-k*u(0)", "state": "u", "wrt": "k", "declare": "u,k: scalar"}, "u"),
    ({"rhs": r"A(t) u + \sin(t) u", "state": "u", "wrt": "A", "declare": "A: n×n; u: n"}, "A"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "final": "c'*u(1)", "declare": "u: n"}, "u"),
    ({"rhs": "k*u (1-t)", "state": "u", "wrt": "k", "declare": "u,k: scalar"}, "or a product"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "declare": "A: 3×2"}, "the state u is a vector of length 2"),
    ({"rhs": "u*u'", "state": "u", "wrt": "u_0", "declare": "u: n"}, "the right-hand side is a matrix n×n"),
    ({"rhs": "A*u", "state": "y", "wrt": "A"}, "does not stand in the equation"),
    ({"rhs": "A*u", "state": "u", "wrt": "B"}, "B is not a parameter"),
    ({"rhs": "A*u", "state": "u", "wrt": "u"}, "u is the state"),
    ({"rhs": "A*u*t", "state": "u", "wrt": "t"}, "t is the time"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "initial": "1"}, "the initial value is a scalar"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "initial": "I"}, "I is square"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "initial": "2*u"}, "the initial value holds u"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "objective": "A*u"}, "not a scalar"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "objective": "foo(u)"}, "foo"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "final": "t*u'*u"}, "holds no t"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "until": "-1"}, "positive end"),
    ({"rhs": "k*u", "state": "u", "wrt": "k", "declare": "k,u: scalar", "until": "k"}, "stays as it is"),
    ({"rhs": "t*u", "state": "u", "wrt": "u_0", "declare": "t: 3"}, "t is the time"),
    ({"rhs": "A*u", "state": "u,v", "wrt": "A"}, "one state"),
    ({"rhs": "A*U", "state": "U", "wrt": "A", "declare": "U: n×n symmetric"}, "all of space"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "final": "u_1^2"}, "is u_1 an entry of u, or u at one time alone?"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "final": "u_T'*u_T"}, "is u_T an entry of u, or u at one time alone?"),
    ({"rhs": "A*u", "state": "u", "wrt": "A", "final": "u'*u_0", "initial": "b"}, "u_0, the value at 0, is given by"),
]


def test_the_initial_value_is_one_wherever_it_stands():
    d = md.ode("A*(u - u_0)", "u", "u_0", objective="norm(u - u_0)^2", until=1)
    A, u_0 = np.array([[0.1, 0.5], [-0.3, 0.2]]), np.array([1.0, -2.0])
    value, gradient = d.solve(A=A, u_0=u_0)
    assert abs(value) < 1e-12 and np.abs(gradient).max() < 1e-9
    by_A = md.ode("A*u", "u", "A", objective="norm(u - u_0)^2", until=1)
    assert {v.name for v in by_A.variables} == {"A", "u", "u_0"}


@pytest.mark.parametrize(("problem", "said"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_refused(problem, said):
    with pytest.raises(MatdiffError, match=said):
        md.ode(**problem)


def test_a_place_is_shown():
    with pytest.raises(MatdiffError) as refused:
        md.ode("A*u", "u", "A", objective="c'*u + u")
    assert "  c'*u + u\n" in str(refused.value) and "^" in str(refused.value)


def test_solutions_that_do_not_come_to_the_end_are_refused():
    d = md.ode("u^2", "u", "u_0", "u: scalar", final="u", until=1)
    with pytest.raises(DomainError, match=r"stops at t = 0\.5"):
        d.solve(u_0=2.0)
    stiff = md.ode("k*(cos(t) - u)", "u", "k", "k,u: scalar", 0, final="u", until=1)
    with pytest.raises(MatdiffError, match="stiff"):
        stiff.solve(k=1e7, method="DOP853")
    with pytest.raises(MatdiffError, match="k is missing"):
        stiff.solve()


def test_the_command(capsys):
    arguments = ["ode", "A*u", "--state", "u", "--wrt", "A", "--final", "c'*u"]
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert "v' = −Aᵀ v,   v(T) = −c" in said and "∇G = ∫_0^T −v uᵀ dt" in said and "\nverified: " in said
    assert run([*arguments, "--mode", "forward", "--no-verify"]) == 0
    said = capsys.readouterr().out
    assert "du' = dA u + A du" in said and "adjoint" not in said and "not verified" in said
    assert run([*arguments, "--format", "json", "--ascii"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["gradient"] == "int(-v*u', t, 0, T)" and record["verification"]["passed"] is True
    assert run([*arguments, "--format", "latex"]) == 0
    said = capsys.readouterr().out
    assert r"\nabla G &= \int_{0}^{T} -vu^{\top} \,\mathrm{d}t" in said and "%" in said
    assert run([*arguments, "--format", "markdown"]) == 0
    assert "$$" in capsys.readouterr().out


def test_the_solution_of_a_state_is_that_of_scipy():
    k = 1.3
    direct = solve_ivp(lambda t, u: [-k * u[0], u[0] ** 2], (0, 1), [2.0, 0.0], rtol=1e-11, atol=1e-12)
    value, slope = md.ode("-k*u", "u", "k", "k,u: scalar", 2, "u^2", until=1).solve(k=k)
    assert np.isclose(value, direct.y[1, -1], rtol=1e-9)
    exact = -2 * (1 - np.exp(-2 * k) * (1 + 2 * k)) / k**2
    assert np.isclose(slope, exact, rtol=1e-9)


def test_a_state_with_powers_is_a_scalar_unless_a_capital_says_else() -> None:
    d = md.ode("u' = -k*u", state="u", wrt="k", final="u^2")
    assert d.evolution.state.kind == "scalar" and "u is read as a scalar, since vectors have no powers ^" in d.remarks
    with pytest.raises(md.MatdiffError, match="vector"):
        md.ode("-A*u", state="u", wrt="A", final="u^2")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("u' = A*u", "u"),
        ("du/dt = A*u", "u"),
        (r"\dot{x} = A x", "x"),
        (r"\frac{d\theta}{dt} = A \theta", "theta"),
        ("u[k+1] = A*u[k]", "u"),
        (r"x_{k+1} = A x_k", "x"),
    ],
)
def test_an_equation_tells_its_state(text: str, state: str) -> None:
    found = md.ode(text, wrt="A")
    assert found.evolution.state.name == state
    assert str(found) == str(md.ode(text, state, "A"))
    with pytest.raises(md.MatdiffError, match=f"left side is of .*{state}, but the state is q"):
        md.ode(text, "q", "A")


@pytest.mark.parametrize("given", [{"rhs": "A*u", "wrt": "A"}, {"rhs": "u' = A*u"}])
def test_what_is_not_said_is_asked_for(given: dict[str, str]) -> None:
    with pytest.raises(md.MatdiffError, match=r"state is not said|wrt names a parameter"):
        md.ode(**given)
