"""Recurrences: forward, adjoint, differences; against JAX, and what is discretised before it is differentiated."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.cli.app import run
from matdiff.errors import MatdiffError

PROBLEMS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("u[k+1] = u[k] + h*f(u[k],p)", "u", "p", {"declare": "f: (n, m) -> n; u: n; p: m; h: scalar", "final": "u'*u"}),
    ("u[k+1] = A*u[k]", "u", ["A", "u_0"], {"final": "c'*u[N]"}),
    (
        r"u_{k+1} = A u_k + B w_k",
        "u",
        ["A", "B", "w"],
        {"declare": "u: n; w: m", "objective": r"u_k^\top Q u_k + w_k^\top R w_k", "final": r"u_N^\top S u_N"},
    ),
    ("h[t+1] = tanh(W*h[t] + U*x[t] + b)", "h", "W,U,b,x", {"initial": "0", "objective": "norm(C*h[t] - y[t])^2"}),
    ("x_{n+1} = r x_n (1 - x_n)", "x", "r", {"declare": "x: scalar; r: scalar", "final": "x^2", "steps": 10}),
    (r"P_{k+1} = A P_k A^\top + Q", "P", "A,Q", {"declare": "P: n×n", "initial": "I", "final": r"\operatorname{tr} P"}),
    ("x - α*(A*x - b)", "x", "α", {"declare": "α: scalar; x: n; A: n×n; b: n", "final": "norm(x)^2", "initial": "0"}),
    ("u[k][2]*[u[k][1]; ω] + k*c", "u", "ω,c", {"declare": "u: 2; ω: scalar; c: 2", "final": "u[N][1]^2"}),
]


@pytest.mark.parametrize(("text", "state", "wrt", "rest"), PROBLEMS, ids=lambda v: v if isinstance(v, str) else "")
def test_forward_adjoint_and_differences_agree(text, state, wrt, rest):
    found = md.recurrence(text, state, wrt, **rest).verify()
    assert found.passed is True and found.points == 2, str(found)


def test_the_verification_sees_a_wrong_gradient():
    d = md.recurrence("u[k+1] = A*u[k] + b", "u", "A,b", final="c'*u")
    _, b = d.evolution.wrt
    read = d.evolution.gradients
    read[b] = type(read[b])(read[b].running * 2, read[b].start, read[b].end)
    assert d.verify().passed is False


def test_what_is_printed():
    d = md.recurrence("u[k+1] = A*u[k] + B*w[k]", "u", ["A", "w"], "w: m", final="c'*u[N]")
    assert str(d.forward) == "du[k+1] = dA u[k] + A du[k] + B dw[k],   du[0] = 0"
    assert str(d.adjoint) == "v[k] = Aᵀ v[k+1],   v[N] = −c"
    assert d.adjoint.latex() == r"v_{k} = A^{\top}v_{k+1},\qquad v_{N} = -c"
    assert {n: str(g) for n, g in d.gradient.items()} == {"A": "Σ_{k=0}^{N−1} −v[k+1] u[k]ᵀ", "w": "−Bᵀ v[k+1]"}
    assert d.gradient["A"].text(ascii=True) == "sum(-v[k+1]*u[k]', k=0..N-1)"
    assert any("w[k]" in note for note in d.notes)
    assert [s for s, _ in d.sections(d.pen("unicode"))][3:5] == [
        "adjoint 2: sum by parts",
        "adjoint 3: choose v, so that du drops out, and run backwards",
    ]


def network() -> tuple[Any, dict[str, np.ndarray]]:
    d = md.recurrence(
        "h[t+1] = tanh(W*h[t] + U*x[t] + b)", "h", "W,U,b,x", initial=0, objective="norm(C*h[t] - y[t])^2"
    )
    rng = np.random.default_rng(0)
    shapes = {"W": (3, 3), "U": (3, 2), "b": (3,), "x": (5, 2), "y": (5, 2), "C": (2, 3)}
    return d, {name: rng.normal(size=shape) for name, shape in shapes.items()}


def test_a_recurrent_network_has_the_gradient_of_backpropagation_through_time():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy
    d, a = network()

    def total(W, U, b, x):
        def step(h, pair):
            return jnp.tanh(W @ h + U @ pair[0] + b), jnp.sum((a["C"] @ h - pair[1]) ** 2)

        return jax.lax.scan(step, jnp.zeros(3), (x, a["y"]))[1].sum()

    value, expected = jax.value_and_grad(total, (0, 1, 2, 3))(a["W"], a["U"], a["b"], a["x"])
    found, gradient = d.solve(**a)
    assert np.isclose(found, value, rtol=1e-13)
    for name, g in zip(("W", "U", "b", "x"), expected, strict=True):
        assert np.allclose(gradient[name], g, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_the_source_runs_by_itself(backend):
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    d, a = network()
    text = d.source(backend)
    assert "matdiff" not in text
    space: dict[str, Any] = {}
    exec(text, space)
    value, gradients = space["value_and_grad"](**a)
    expected, by = d.solve(**a)
    assert np.isclose(value, expected, rtol=1e-13)
    for g, name in zip(gradients, by, strict=True):
        assert np.allclose(g, by[name], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", ["euler", "midpoint", "heun", "rk4"])
def test_discretised_first_the_gradient_is_exact(method):
    d = md.ode("p[1] + p[2]*u + p[3]*u^2", "u", "p", "p: 3; u: scalar", 0, "(u - t^3)^2", until=1)
    r = d.discretised(method, 16)
    p = np.array([0.3, 0.2, -0.1])
    _, gradient = r.solve(p=p)
    assert np.allclose(r.solve(mode="forward", p=p)[1], gradient, rtol=1e-13, atol=0)
    h = 1e-3

    def slope(V, h):
        return (r.solve(p=p + h * V)[0] - r.solve(p=p - h * V)[0]) / (2 * h)

    for i, V in enumerate(np.eye(3)):
        assert np.isclose((4 * slope(V, h) - slope(V, 2 * h)) / 3, gradient[i], rtol=1e-10)
    order = {"euler": 1, "midpoint": 2, "heun": 2, "rk4": 4}[method]
    errors = [abs(d.discretised(method).solve(p=p, N=n)[0] - d.solve(p=p)[0]) for n in (20, 40)]
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.3


def test_iterates_with_raised_indices_are_no_powers():
    raised = md.recurrence(r"x^{k+1} = x^{k} - \alpha (A x^k - b)", "x", "b", final=r"c^T x^N")
    assert str(raised) == str(md.recurrence(r"x_{k+1} = x_k - \alpha (A x_k - b)", "x", "b", final=r"c^T x_N"))


def test_ode_reads_a_recurrence_too():
    d = md.ode("u[k+1] = u[k] + h*A*u[k]", "u", "A", "h: scalar", final="c'*u", until=3)
    assert str(d.adjoint) == "v[k] = h Aᵀ v[k+1] + v[k+1],   v[3] = −c"


WRONG = [
    (("u[k+1] = u[k] + u[k-1]", "u", "u_0", "u: n"), "another one"),
    (("u[k+1] = A*u[k] + w", "u", "w", None, None, "w[k]'*w[k]"), "with the index k and without it"),
    (("u[k+1] = A*u[k]", "w", "A"), "the left side is of u"),
    (("u[k+1] = A*u[k]", "u", "B"), "B is not a parameter"),
    (("u[k+1] = A*u[k]", "u", "k"), "k is the index"),
    (("u[k+1] = A*u[k]", "u", "A", "A: 3×2"), "the state u is a vector of length 2"),
    (("u[k+1] = A*u[k]", "u", "A", None, None, None, None, "5/2"), "whole number"),
    (("u[k+1] = A*u[k]", "u", "A", None, None, "A*u[k]"), "not a scalar"),
    (
        ("u[k+1] = A*u[k]", "u", "A", None, None, None, "norm(u[2])^2"),
        r"u\[2\] an entry of u, or the state of one step",
    ),
    (("u[k+1] = [u[2]; -u[1]]", "u", "u_0", "u: 2"), r"u\[2\] an entry of u, or the state of one step"),
    (("u[k+1] = A*u[k]", "u", "A", None, None, "norm(u[k] - u[0])^2"), r"u\[0\] is the initial value"),
    (("u_{k+1} = p u_k", "u", "p", "u: scalar; p: scalar", None, None, "u_2^2"), "u_2 an entry of u, or u at one step"),
    ((r"x^{k+1} = x^k - \beta^k A x^{k}", "x", "A"), r"is \\beta\^k a power, or \\beta at one step"),
    (("u[k+1] = A*u[k] + y[2*k]", "u", "A", "u: n; y: n"), r"\n  u\[k\+1\] = A\*u\[k\] \+ y\[2\*k\]\n {22}\^\^\^\n"),
    (("u[k+1] = A*u[k] + u[k]*b", "u", "A", "u, b: n"), r"\n  u\[k\+1\] = A\*u\[k\] \+ u\[k\]\*b\n {20}\^{6}\n"),
    (("u_{k+1} = A u_k + b_k", "u", "A", None, None, None, "b_2^T u_N"), "is b_2 an entry of b, or b at one step"),
    (("u_{k+1} = A u_k", "u", "A", None, None, None, r"\|u_T\|^2"), "is u_T an entry of u, or u at one step"),
    (("u[k+1] = A*u[k] + k*u[k]*c", "u", "A", "A: 2×2; c: 3"), r"A\*u\[k\] \+ k\*u\[k\]\*c"),
]


@pytest.mark.parametrize(("asked", "said"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_refused(asked, said):
    with pytest.raises(MatdiffError, match=said):
        md.recurrence(*asked)


def test_what_cannot_be_run():
    d, a = network()
    with pytest.raises(MatdiffError, match="y has 4 members, but there are 5 steps"):
        d.solve(**{**a, "y": a["y"][:4]})
    with pytest.raises(MatdiffError, match="C is missing"):
        d.solve(**{n: x for n, x in a.items() if n != "C"})
    d = md.recurrence("u[k+1] = r*u[k]^2", "u", "r", "u,r: scalar", final="u")
    with pytest.raises(MatdiffError, match="number of steps is not said"):
        d.solve(r=1.0, u_0=2.0)
    with pytest.raises(MatdiffError, match="leave every bound at step"):
        d.solve(r=1.0, u_0=2.0, N=100)
    with pytest.raises(MatdiffError, match="there is no method"):
        md.ode("A*u", "u", "A").discretised("bogus")


def test_the_command(capsys):
    arguments = ["recurrence", "u[k+1] = A*u[k]", "--state", "u", "--wrt", "A", "--final", "c'*u[N]"]
    assert run(arguments) == 0
    said = capsys.readouterr().out
    assert "v[k] = Aᵀ v[k+1],   v[N] = −c" in said and "\nverified: " in said
    assert run([*arguments, "--format", "json", "--ascii"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["gradient"] == "sum(-v[k+1]*u[k]', k=0..N-1)" and record["index"] == "k"
    assert run([*arguments, "--format", "latex", "--mode", "adjoint"]) == 0
    assert r"\nabla G &= \sum_{k=0}^{N-1} -v_{k+1}u_{k}^{\top}" in capsys.readouterr().out
    ode = ["ode", "u' = A*u", "--state", "u", "--wrt", "A", "--discretise", "euler", "--steps", "10", "--until", "1"]
    assert run(ode) == 0
    assert "v[k] = Aᵀ v[k+1]/10 + v[k+1],   v[10] = −w" in capsys.readouterr().out
