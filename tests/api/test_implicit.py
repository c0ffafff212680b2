"""Functions of unknowns that equations determine, against JAX through Newton's method, and what is refused."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from click.testing import CliRunner

import matdiff as md
from matdiff.cli.app import app, run

n, m = 4, 3
rng = np.random.default_rng(7)


def near(size: int = n) -> np.ndarray:
    return rng.normal(size=(size, size)) + 4 * np.eye(size)


def spd(size: int = n) -> np.ndarray:
    M = rng.normal(size=(size, size))
    return M @ M.T / size + np.eye(size)


A, B, W, Q, C, S = near(), rng.normal(size=(m, n)), 0.3 * rng.normal(size=(n, n)), spd(), rng.normal(size=(n, n)), spd()
b, c, y, d = (rng.normal(size=k) for k in (n, n, n, m))
SMALL = 0.4 * rng.normal(size=(n, n))

Problem = tuple[str, str, dict[str, Any], Callable[..., Any], Callable[..., Any]]

PROBLEMS: list[Problem] = [
    # text, wrt, arrays, residuals(jnp, x, p), f(jnp, x, p)
    ("A*x = b for x; norm(x - y)^2/2", "A", {"A": A, "b": b, "y": y},
     lambda j, u, p: [p["A"] @ u["x"] - p["b"]], lambda j, u, p: j.sum((u["x"] - p["y"]) ** 2) / 2),
    ("A*x = b for x; norm(x - y)^2/2", "b", {"A": A, "b": b, "y": y},
     lambda j, u, p: [p["A"] @ u["x"] - p["b"]], lambda j, u, p: j.sum((u["x"] - p["y"]) ** 2) / 2),
    ("A'*x = A*b for x; c'*x", "A", {"A": A, "b": b, "c": c},
     lambda j, u, p: [p["A"].T @ u["x"] - p["A"] @ p["b"]], lambda j, u, p: p["c"] @ u["x"]),
    ("A*x + x.^3 = b for x; c'*x", "A", {"A": A, "b": b, "c": c},
     lambda j, u, p: [p["A"] @ u["x"] + u["x"] ** 3 - p["b"]], lambda j, u, p: p["c"] @ u["x"]),
    ("x = tanh(W*x + b) for x; c'*x", "W", {"W": W, "b": b, "c": c},
     lambda j, u, p: [u["x"] - j.tanh(p["W"] @ u["x"] + p["b"])], lambda j, u, p: p["c"] @ u["x"]),
    ("x = tanh(W*x + b) for x; norm(x)^2 + b'*x", "W,b", {"W": W, "b": b},
     lambda j, u, p: [u["x"] - j.tanh(p["W"] @ u["x"] + p["b"])],
     lambda j, u, p: j.sum(u["x"] ** 2) + p["b"] @ u["x"]),
    ("A*X + X*A' = Q for X; tr(C*X)", "A", {"A": A, "Q": Q, "C": C},
     lambda j, u, p: [p["A"] @ u["X"] + u["X"] @ p["A"].T - p["Q"]], lambda j, u, p: j.trace(p["C"] @ u["X"])),
    ("A*X + X*B = C for X; norm(X)^2", "B", {"A": A, "B": near(m), "C": rng.normal(size=(n, m))},
     lambda j, u, p: [p["A"] @ u["X"] + u["X"] @ p["B"] - p["C"]], lambda j, u, p: j.sum(u["X"] ** 2)),
    ("X = A'*X*A - A'*X*B*inv(R + B'*X*B)*B'*X*A + Q for X; tr(C*X)", "A",
     {"A": SMALL, "B": B.T, "R": spd(m), "Q": Q, "C": C},
     lambda j, u, p: [u["X"] - (p["A"].T @ u["X"] @ p["A"] - p["A"].T @ u["X"] @ p["B"] @ j.linalg.inv(
         p["R"] + p["B"].T @ u["X"] @ p["B"]) @ p["B"].T @ u["X"] @ p["A"] + p["Q"])],
     lambda j, u, p: j.trace(p["C"] @ u["X"])),
    ("X = A'*X*A + Q for X; logdet(X)", "Q", {"A": SMALL, "Q": Q},
     lambda j, u, p: [u["X"] - p["A"].T @ u["X"] @ p["A"] - p["Q"]], lambda j, u, p: j.linalg.slogdet(u["X"])[1]),
    ("A*x + B'*v = b, B*x = c for x, v; norm(x)^2", "B", {"A": A, "B": B, "b": b, "c": d},
     lambda j, u, p: [p["A"] @ u["x"] + p["B"].T @ u["v"] - p["b"], p["B"] @ u["x"] - p["c"]],
     lambda j, u, p: j.sum(u["x"] ** 2)),
    ("B*x = c, A*x + B'*v = b for x, v; b'*x + norm(v)^2", "A,b", {"A": A, "B": B, "b": b, "c": d},
     lambda j, u, p: [p["A"] @ u["x"] + p["B"].T @ u["v"] - p["b"], p["B"] @ u["x"] - p["c"]],
     lambda j, u, p: p["b"] @ u["x"] + j.sum(u["v"] ** 2)),
    ("A = A_0 + Diag(p); A*x = b for x; norm(x)^2", "p", {"A_0": A, "p": y, "b": b},
     lambda j, u, p: [(p["A_0"] + j.diag(p["p"])) @ u["x"] - p["b"]], lambda j, u, p: j.sum(u["x"] ** 2)),
    ("A*x = b for x; B*z = x.^2 for z; norm(z)^2", "A,B", {"A": A, "B": near(), "b": b},
     lambda j, u, p: [p["A"] @ u["x"] - p["b"], p["B"] @ u["z"] - u["x"] ** 2], lambda j, u, p: j.sum(u["z"] ** 2)),
    ("t: scalar; a: scalar; b: scalar; t^3 + a*t = b for t; t^2 + a", "a", {"a": 2.0, "b": 3.0},
     lambda j, u, p: [u["t"] ** 3 + p["a"] * u["t"] - p["b"]], lambda j, u, p: u["t"] ** 2 + p["a"]),
    ("S: n×n spd; S*x = b for x; b'*x", "S", {"S": S, "b": b},
     lambda j, u, p: [p["S"] @ u["x"] - p["b"]], lambda j, u, p: p["b"] @ u["x"]),
    ("S: n×n symmetric; S*x + x.^3 = b for x; c'*x", "S", {"S": S, "b": b, "c": c},
     lambda j, u, p: [p["S"] @ u["x"] + u["x"] ** 3 - p["b"]], lambda j, u, p: p["c"] @ u["x"]),
    ("λ*x + A'*A*x - A'*b = 0 for x; norm(A*x - b)^2", "A", {"A": A, "b": b, "λ": 0.7},
     lambda j, u, p: [p["λ"] * u["x"] + p["A"].T @ p["A"] @ u["x"] - p["A"].T @ p["b"]],
     lambda j, u, p: j.sum((p["A"] @ u["x"] - p["b"]) ** 2)),
    ("λ*x + A'*A*x - A'*b = 0 for x; norm(A*x - b)^2", "λ", {"A": A, "b": b, "λ": 0.7},
     lambda j, u, p: [p["λ"] * u["x"] + p["A"].T @ p["A"] @ u["x"] - p["A"].T @ p["b"]],
     lambda j, u, p: j.sum((p["A"] @ u["x"] - p["b"]) ** 2)),
    ("exp(x) + A*x = b for x; sum(x.^2)", "A", {"A": A, "b": b},
     lambda j, u, p: [j.exp(u["x"]) + p["A"] @ u["x"] - p["b"]], lambda j, u, p: j.sum(u["x"] ** 2)),
    ("X: n×m; C: n×m; A: m×m; kron(A,B)*vec(X) = vec(C) for X; norm(X)^2", "A",
     {"A": near(m), "B": S, "C": rng.normal(size=(n, m))},
     lambda j, u, p: [p["B"] @ u["X"] @ p["A"].T - p["C"]], lambda j, u, p: j.sum(u["X"] ** 2)),
    ("x = softmax(A*x + b) for x; c'*x", "A,b", {"A": SMALL, "b": b, "c": c},
     lambda j, u, p: [u["x"] - j.exp(p["A"] @ u["x"] + p["b"]) / j.sum(j.exp(p["A"] @ u["x"] + p["b"]))],
     lambda j, u, p: p["c"] @ u["x"]),
    ("D: n×n; l, s: scalar; (exp(-D/l^2) + s*I)*a = y for a; k'*a", "l,s",
     {"D": np.subtract.outer(b, b) ** 2, "l": 1.2, "s": 0.3, "y": y, "k": c},
     lambda j, u, p: [(j.exp(-p["D"] / p["l"] ** 2) + p["s"] * j.eye(n)) @ u["a"] - p["y"]],
     lambda j, u, p: p["k"] @ u["a"]),
    (r"A x = b \text{ for } x; \frac12 \|x - y\|^2", "A", {"A": A, "b": b, "y": y},
     lambda j, u, p: [p["A"] @ u["x"] - p["b"]], lambda j, u, p: j.sum((u["x"] - p["y"]) ** 2) / 2),
]  # fmt: skip
IDS = [f"{t} by {w}" for t, w, *_ in PROBLEMS]


@pytest.fixture(scope="module")
def jax() -> Any:
    found = pytest.importorskip("jax")
    found.config.update("jax_enable_x64", True)
    return found


def oracle(jax: Any, found: md.Derivation, problem: Problem) -> tuple[Callable[..., Any], dict[str, Any]]:
    """f of the variables alone: two steps of Newton's method from the solution, which have its derivatives exactly."""
    jnp = jax.numpy
    _, wrt, arrays, residuals, f = problem
    solution = found.solve(**arrays)
    if not isinstance(solution, dict):
        solution = {found.unknowns[0].name: solution}
    flat, unflat = jax.flatten_util.ravel_pytree({k: jnp.asarray(v) for k, v in solution.items()})
    moving = {k: jnp.asarray(arrays[k]) for k in wrt.split(",")}

    def value(p: dict[str, Any]) -> Any:
        p = {**arrays, **p}

        def F(u: Any) -> Any:
            return jnp.concatenate([jnp.ravel(r) for r in residuals(jnp, unflat(u), p)])

        u = flat
        for _ in range(2):
            u = u - jnp.linalg.solve(jax.jacobian(F)(u), F(u))
        return f(jnp, unflat(u), p)

    start = jnp.concatenate([jnp.ravel(jnp.asarray(r)) for r in residuals(jnp, unflat(flat), arrays)])
    assert np.max(np.abs(start)) < 1e-11
    return value, moving


def solved(problem: Problem, start: dict[str, Any]) -> Callable[[dict[str, Any]], float]:
    """f of the variables alone in NumPy, by Newton's method with the complex step for its Jacobian."""
    _, _, arrays, residuals, f = problem
    ends = np.cumsum([np.size(u) for u in start.values()])[:-1]

    def unflat(u: np.ndarray) -> dict[str, Any]:
        return {k: part.reshape(np.shape(v)) for (k, v), part in zip(start.items(), np.split(u, ends), strict=True)}

    def value(p: dict[str, Any]) -> float:
        p = {**arrays, **p}

        def F(u: np.ndarray) -> np.ndarray:
            return np.concatenate([np.ravel(r) for r in residuals(np, unflat(u), p)])

        u = np.concatenate([np.ravel(v) for v in start.values()])
        for _ in range(5):
            J = np.stack([F(u + 1e-30j * e).imag / 1e-30 for e in np.eye(u.size)], axis=1)
            u = u - np.linalg.solve(J, F(u))
        return float(f(np, unflat(u), p))

    return value


@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_gradients_and_hessian_products_are_those_of_differences(problem: Problem) -> None:
    text, wrt, arrays, *_ = problem
    found = md.derive(text, wrt=wrt)
    solution = found.solve(**arrays)
    value = solved(problem, solution if isinstance(solution, dict) else {found.unknowns[0].name: solution})
    V = {k: rng.normal(size=np.shape(arrays[k])) / 4 for k in wrt.split(",")}
    if "symmetric" in text or "spd" in text:
        V = {k: (v + v.T) / 2 for k, v in V.items()}

    def moved(h: float) -> float:
        return value({k: arrays[k] + h * v for k, v in V.items()})

    here, *((a, b), (c, d)) = moved(0), *((moved(h), moved(-h)) for h in (1e-2, 5e-3))
    slope = (4 * (c - d) / 1e-2 - (a - b) / 2e-2) / 3
    bend = (4 * (c - 2 * here + d) / 25e-6 - (a - 2 * here + b) / 1e-4) / 3
    got, gradient = found.value_and_grad(**arrays)
    hessian = found.hvp(V if found.several else V[wrt], **arrays)
    if not found.several:
        gradient, hessian = {wrt: gradient}, {wrt: hessian}
    assert got == pytest.approx(here, rel=1e-10)
    size = sum(np.linalg.norm(gradient[k]) * np.linalg.norm(v) for k, v in V.items())
    assert sum(np.sum(gradient[k] * v) for k, v in V.items()) == pytest.approx(slope, rel=1e-6, abs=1e-6 * size)
    size = sum(np.linalg.norm(hessian[k]) * np.linalg.norm(v) for k, v in V.items())
    assert sum(np.sum(hessian[k] * v) for k, v in V.items()) == pytest.approx(bend, rel=1e-5, abs=1e-5 * size)


@pytest.mark.share(3)
@pytest.mark.parametrize("problem", PROBLEMS, ids=IDS)
def test_gradients_and_hessian_products_are_those_of_jax(jax: Any, problem: Problem) -> None:
    pytest.importorskip("jax.flatten_util")
    text, wrt, arrays, *_ = problem
    found = md.derive(text, wrt=wrt)
    value, moving = oracle(jax, found, problem)
    V = {k: rng.normal(size=np.shape(a)) for k, a in moving.items()}
    if "symmetric" in text or "spd" in text:
        V = {k: (v + v.T) / 2 for k, v in V.items()}
    # One compilation, for the value, its gradient, and the gradient's derivative along V.
    (expected, truth), (_, product) = jax.jit(lambda at, along: jax.jvp(jax.value_and_grad(value), (at,), (along,)))(
        moving, V
    )
    got, gradient = found.value_and_grad(**arrays)
    hessian = found.hvp(V if found.several else V[wrt], **arrays)
    if not found.several:
        gradient, hessian = {wrt: gradient}, {wrt: hessian}
    assert got == pytest.approx(float(expected), rel=1e-10)
    assert found.evaluate(**arrays) == pytest.approx(got, rel=1e-12)
    for k in moving:
        for mine, theirs in ((gradient[k], truth[k]), (hessian[k], product[k])):
            theirs = np.asarray(theirs)
            if np.ndim(theirs) == 2 and ("symmetric" in text or "spd" in text):
                theirs = (theirs + theirs.T) / 2
            assert np.linalg.norm(mine - theirs) <= 1e-9 * max(1, np.linalg.norm(theirs))
    forward = found.jvp(V if found.several else V[wrt], **arrays)
    assert forward == pytest.approx(sum(float(np.sum(gradient[k] * V[k])) for k in V), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("problem", PROBLEMS[::3], ids=IDS[::3])
def test_they_verify_themselves_and_their_code_runs_alone(problem: Problem) -> None:
    text, wrt, arrays, *_ = problem
    found = md.derive(text, wrt=wrt)
    assert found.verify().passed is True
    assert found.verify(order=2).passed is True
    space: dict[str, Any] = {}
    exec(found.source(), space)
    got = space["value_and_gradient"](**arrays)
    for mine, theirs in zip(got, found.value_and_grad(**arrays), strict=True):
        pairs = [(mine[k], theirs[k]) for k in theirs] if isinstance(theirs, dict) else [(mine, theirs)]
        for a, e in pairs:
            np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-12)


@pytest.mark.share(2)
@pytest.mark.parametrize("problem", PROBLEMS[::2], ids=IDS[::2])
def test_jax_and_torch_differentiate_their_code(jax: Any, problem: Problem) -> None:
    torch = pytest.importorskip("torch")
    text, wrt, arrays, *_ = problem
    found = md.derive(text, wrt=wrt)
    value, gradient = found.value_and_grad(**arrays)
    gradient = gradient if found.several else {wrt: gradient}
    code: dict[str, Any] = {}
    exec(found.source("jax"), code)
    moving = {k: np.asarray(arrays[k]) for k in gradient}
    got = jax.jit(jax.value_and_grad(lambda p: code["value"](**{**arrays, **p})))(moving)
    assert float(got[0]) == pytest.approx(value, rel=1e-10)
    code = {}
    exec(found.source("torch"), code)
    tensors = {k: torch.tensor(a, dtype=torch.float64, requires_grad=True) for k, a in arrays.items()}
    code["value"](**tensors).backward()
    for k, g in gradient.items():
        np.testing.assert_allclose(got[1][k], g, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(tensors[k].grad, g, rtol=1e-9, atol=1e-12)


def test_the_printed_form_is_that_of_the_book() -> None:
    found = md.derive("A*x = b for x; norm(x - y)^2/2", wrt="A")
    assert found.gradient.text() == "−v xᵀ"
    assert str(found.adjoint_equation) == "Aᵀ v = x − y"
    assert str(found.forward_equation) == "A dx = −dA x"
    assert found.where == "where x solves A x = b"
    assert found.types == "A: n×n; x: n; b: n; y: n"


def test_solutions_are_those_of_scipy() -> None:
    found = md.derive("A*X + X*A' = Q for X; tr(C*X)", wrt="A").solve(A=A, Q=Q, C=C)
    np.testing.assert_allclose(found, scipy.linalg.solve_sylvester(A, A.T, Q), rtol=1e-10, atol=1e-12)
    riccati = "X = A'*X*A - A'*X*B*inv(R + B'*X*B)*B'*X*A + Q for X; tr(X)"
    F, G, R = 1.3 * SMALL, B.T, spd(m)
    found = md.derive(riccati, wrt="Q").solve(A=F, B=G, R=R, Q=Q)
    np.testing.assert_allclose(found, scipy.linalg.solve_discrete_are(F, G, Q, R), rtol=1e-9)


def test_newton_starts_where_it_is_told_and_says_where_it_fails() -> None:
    root = md.derive("t: scalar; a: scalar; t^2 = a for t; t", wrt="a")
    assert root.solve(a=4.0, x0=1.0) == pytest.approx(2)
    assert root.solve(a=4.0, x0=-1.0) == pytest.approx(-2)
    assert root.vjp(1.0, a=4.0, x0=1.0) == pytest.approx(0.25)
    with pytest.raises(md.DomainError, match="singular"):
        root.solve(a=4.0)
    with pytest.raises(md.DomainError, match="no solution t was found"):
        root.solve(a=-4.0, x0=1.0)
    with pytest.raises(md.DomainError, match="singular"):
        md.derive("A*x = b for x; b'*x", wrt="A").evaluate(A=np.ones((3, 3)), b=np.ones(3))


def test_of_a_vector_there_are_both_products() -> None:
    found = md.derive("A*x = b for x; x", wrt="A")
    V, Y = rng.normal(size=(n, n)), rng.normal(size=n)
    x = np.linalg.solve(A, b)
    np.testing.assert_allclose(found.jvp(V, A=A, b=b), -np.linalg.solve(A, V @ x))
    np.testing.assert_allclose(found.vjp(Y, A=A, b=b), -np.outer(np.linalg.solve(A.T, Y), x))
    with pytest.raises(md.ShapeError):
        _ = found.gradient


@pytest.mark.parametrize(
    ("text", "wrt"),
    [("X*X = S for X; tr(X)", "S"), ("log(x) + A*x = b for x; sum(x)", "b"), ("x.^2 = b for x; c'*x", "b")],
)
def test_where_newton_finds_nothing_from_0_a_solution_is_made(text: str, wrt: str) -> None:
    assert md.derive(text, wrt=wrt).verify().passed is True


def test_what_is_not_there_is_refused_by_name() -> None:
    found = md.derive("A*x = b for x; norm(x)^2", wrt="A")
    for ask in (
        lambda: pickle.dumps(found),
        lambda: found.source("fortran"),
        lambda: found.solve(A=A, b=b, x=b),
        lambda: found.evaluate(A=A, b=b[:2]),
        lambda: found.verify(method="complex"),
        lambda: found.verify(claim="q*x'"),
    ):
        with pytest.raises(md.MatdiffError) as refused:
            ask()
        assert str(refused.value)
    assert copy.deepcopy(found) is found


def test_kinks_are_named() -> None:
    found = md.derive("relu(W*x) + x = b for x; norm1(x)", wrt="b")
    assert any("W x is 0" in note for note in found.notes)
    assert any("x is 0" in note and "W" not in note for note in found.notes)
    assert md.derive("A*x = b for x; norm(x - y)^2", wrt="b").notes == ()


CLAIMS = [
    ("-v*x'", True, ""),
    ("-inv(A)'*(x - y)*x'", True, ""),
    ("v*x'", False, "sign"),
    ("-inv(A)*(x - y)*x'", False, "transpose"),
    ("-x*v'", False, "transpose of the gradient"),
]


@pytest.mark.parametrize(("claim", "right", "why"), CLAIMS)
def test_a_wrong_claim_is_told_its_mistake(claim: str, right: bool, why: str) -> None:
    said = md.check_claim("A*x = b for x; norm(x - y)^2/2", claim, wrt="A")
    assert said.passed is right
    assert why in said.message


REFUSED = [
    ("A*x = b; norm(x)^2", "b", "an equation says what it is solved for"),
    ("A: m×n; b: m; A*x = b for x; norm(x)^2", "b", "m equations cannot determine the n entries of x"),
    ("A*x = b, C*x = d for x; norm(x)^2", "b", "cannot determine"),
    ("A*x = b for z; norm(x)^2", "b", "does not contain z"),
    ("A*x = b, C*z = b for x, w; norm(x)^2", "b", "does not contain w"),
    ("z: n; A*x = b for z; norm(z)^2", "b", "z is in no equation"),
    ("r = x - y; A*x = b for x; r'*r", "b", "x is used before the equation"),
    ("norm(x)^2; A*x = b for x", "b", "x is used before the equation"),
    ("b'*b; A*x = b for x", "b", "an equation behind the function"),
    ("B*z = x for z; A*x = b for x; norm(z)^2", "b", "x is used before the equation"),
    ("A*x = b for x; A*x = c for x; x'*x", "b", "determined twice"),
    ("x = b; A*x = b for x; x'*x", "b", "is defined, so no equation"),
    ("A*x = b for x", "b", "there is no expression"),
    ("A = I; A*x = b for x", "b", "there is no expression"),
    ("A*x = b for x + 1; norm(x)^2", "b", "behind `for` stand the names"),
    ("A*x == b for x; norm(x)^2", "b", "one `=`"),
    ("A*x = b = c for x; norm(x)^2", "b", "one `=`"),
    ("A*x for x; norm(x)^2", "b", ""),
    ("A*x = B for x; norm(x)^2", "B", "cannot equal B"),
    ("x: n; A: n×n; A*x = 1 for x; norm(x)^2", "A", "cannot equal 1"),
    ("A*x = b for x; norm(x)^2", "x", "determined by an equation"),
    ("x = x + 0*b for x; norm(x)^2", "b", "singular everywhere"),
    ("c*(c'*x) = c for x; norm(x)^2", "c", "singular everywhere"),
    ("A*x = dx for x; norm(x)^2", "A", "differential"),
    ("λ: scalar; A*x = λ*x for x; norm(x)^2", "A", "so x is 0"),
    ("A*x = b for x; norm(b)^2", "A", "nothing is made of it"),
    ("A*x = b, B*z = c for x, z; norm(c)^2", "A", "nothing is made of it"),
]


@pytest.mark.parametrize("text", ["A'*A*x = A'*b for x; norm(A*x - b)^2/2", "A*x = b for x; norm(A*x - b)^2 + b'*x"])
def test_where_the_derivative_is_rounding_nothing_is_compared(text: str) -> None:
    """At square A the residual is 0, and so are both sides of the comparison."""
    assert md.derive(text, wrt="A,b").verify().passed is True


@pytest.mark.parametrize(("text", "wrt", "why"), REFUSED)
def test_what_determines_nothing_is_refused(text: str, wrt: str, why: str) -> None:
    with pytest.raises(md.MatdiffError) as refused:
        md.derive(text, wrt=wrt)
    assert why in str(refused.value)
    assert refused.value.hint


def test_no_equation_is_ever_dropped() -> None:
    text = "A*x = b for x; norm(x)^2"
    for ask in (md.parse, lambda t: md.check_derivation(f"{t}\ndf = 2*x'*dx", wrt="b")):
        with pytest.raises(md.MatdiffError):
            ask(text)
    found = CliRunner().invoke(app, ["repl"], input="A*x = b for x\nnorm(x)^2\n")
    assert "the conversation keeps no equations" in found.output


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "json"])
@pytest.mark.parametrize("mode", ["adjoint", "forward", "both"])
def test_the_command_prints_all_forms(form: str, mode: str) -> None:
    text = "A*x + B'*v = b, B*x = c for x, v; norm(x)^2"
    asked = ["derive", text, "--wrt", "B", "--format", form, "--mode", mode, "--order", "2"]
    said = CliRunner().invoke(app, asked).output
    assert "verified: central differences agree" in said
    assert ("nabla" in said or "∇f" in said or '"gradient"' in said or "grad f" in said) or mode == "forward"
    if form == "json":
        found = json.loads(said)
        assert found["unknowns"] == ["x", "v"]
        assert len(found["adjoint_equation"]) == 2


def test_other_functions_have_no_modes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["derive", "x'*x", "--wrt", "x", "--mode", "forward"]) == 2
    assert "--mode goes with equations" in capsys.readouterr().err


MATRICES = [
    ("A*x = b for x; x", "b", {"A": A, "b": b}),
    ("A*x = b for x; x", "A", {"A": A, "b": b}),
    ("A*X + X*A' = Q for X; X", "A", {"A": A, "Q": Q}),
    ("x = tanh(W*x + b) for x; x .* b", "b", {"W": W, "b": b}),
    ("A*x = b for x; A*z = x.^2 for z; z", "A", {"A": A, "b": b}),
]


@pytest.mark.parametrize(("text", "wrt", "arrays"), MATRICES)
def test_jacobians_of_unknowns(text: str, wrt: str, arrays: dict[str, Any]) -> None:
    found = md.derive(text, wrt=wrt)
    J = found.jacobian.evaluate(**arrays)
    X = np.asarray(arrays[wrt])
    for i, e in enumerate(np.eye(X.size)):
        V = 1e-5 * e.reshape(X.shape, order="F")
        ahead, behind = (found.evaluate(**{**arrays, wrt: X + s * V}) for s in (1, -1))
        np.testing.assert_allclose(J[:, i], np.ravel(ahead - behind, order="F") / 2e-5, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if "," not in p[1]], ids=lambda p: f"{p[0]} by {p[1]}")
def test_the_hessian_as_a_matrix_is_that_of_its_products(problem: Problem) -> None:
    text, wrt, arrays, *_ = problem
    found = md.derive(text, wrt=wrt)
    if found.wrt[0].attributes:
        with pytest.raises(md.UnsupportedError, match="moves freely"):
            found.hessian_matrix(**arrays)
        return
    H = found.hessian_matrix(**arrays)
    X = np.asarray(arrays[wrt], dtype=float)
    units = [e.reshape(X.shape, order="F") for e in np.eye(X.size)]
    products = [np.ravel(found.hvp(e, **arrays), order="F") for e in units[:3]]
    np.testing.assert_allclose(H, H.T, atol=1e-13 * np.abs(H).max())
    np.testing.assert_allclose(H[:, :3].T, products, atol=1e-13 * np.abs(H).max())


VECTORS: list[tuple[str, str, dict[str, Any]]] = [
    ("A*x + x.^3 = B'*p for x; x", "p", {"A": A, "B": B, "p": d}),
    ("A*x = b for x; x*x'", "A", {"A": A, "b": b}),
    ("A*X + X*A' = Q for X; X*c", "A", {"A": A, "Q": Q, "c": c}),
    ("A*x + x.^3 = p for x; C*z + z.*x = x.*p for z; z.*z", "p", {"A": A, "C": near(), "p": b}),
    ("x = tanh(W*x + b) for x; exp(x).*b", "b", {"W": W, "b": b}),
    ("t: scalar; a: scalar; b: scalar; c: m; t^3 + a*t = b for t; t^2*c", "a", {"a": 2.0, "b": 0.3, "c": c}),
]


@pytest.mark.parametrize(("text", "wrt", "arrays"), VECTORS, ids=[f"{t} by {w}" for t, w, _ in VECTORS])
def test_hessians_of_the_entries_are_those_of_their_weighted_sum(text: str, wrt: str, arrays: dict[str, Any]) -> None:
    """By the adjoint method a weighted sum has one Hessian: another way to the same."""
    found = md.derive(text, wrt=wrt)
    H = found.hessian_matrix(**arrays)
    Y = rng.normal(size=np.shape(found.evaluate(**arrays)))
    head, _, last = text.rpartition("; ")
    paired = md.derive(f"{head}; sum(Y.*({last}))", wrt=wrt, declare="" if Y.ndim == 2 else "Y: m")
    expected = paired.hessian_matrix(Y=Y, **arrays)
    np.testing.assert_allclose(np.tensordot(Y.ravel(order="F"), H, 1), expected, atol=1e-12 * np.abs(expected).max())


def test_hessians_that_no_direction_moves() -> None:
    found = md.derive("A*x = b for x; x", wrt="b").hessian_matrix(A=A, b=b)
    np.testing.assert_array_equal(found, np.zeros((n, n, n)))
    found = md.derive("A*x = b for x; norm(x)^2 + p'*b", wrt="p").hessian_matrix(A=A, b=b, p=c)
    np.testing.assert_array_equal(found, np.zeros((n, n)))
    found = md.derive("A*x + x.^3 = p for x; norm(x)^2", wrt="p")
    with pytest.raises(md.UnsupportedError, match="hessian"):
        _ = found.hessian
