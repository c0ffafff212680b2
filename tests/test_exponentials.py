"""Sums of exponentials at scores of ±1000, against differences of the same function in 90 digits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
import pytest

import matdiff as md
from matdiff.codegen import compile_, second_order

Vector = list[Any]
Function = Callable[..., Any]


def times(A: list[Vector], x: Vector) -> Vector:
    return [dot(row, x) for row in A]


def dot(a: Vector, b: Vector) -> Any:
    return mp.fsum(p * q for p, q in zip(a, b, strict=True))


def total(u: Vector) -> Any:
    return mp.fsum(map(mp.exp, u))


def logistic(u: Any) -> Any:
    return 1 / (1 + mp.exp(-u))


def softplus(u: Any) -> Any:
    return mp.log(1 + mp.exp(u))


CASES: dict[str, Function] = {
    "log(sum(exp(A*x)))": lambda A, x, **_: mp.log(total(times(A, x))),
    "log(mean(exp(A*x)))": lambda A, x, **_: mp.log(total(times(A, x)) / len(A)),
    "log(3*sum(exp(A*x - b))) + sum(x)": lambda A, x, b, **_: (
        mp.log(3 * total([s - c for s, c in zip(times(A, x), b, strict=True)])) + mp.fsum(x)
    ),
    "u = A*x; s = sum(exp(u)); log(s)^2": lambda A, x, **_: mp.log(total(times(A, x))) ** 2,
    "logsumexp(A*x)": lambda A, x, **_: mp.log(total(times(A, x))),
    "b'*exp(A*x)/sum(exp(A*x))": lambda A, x, b, **_: dot(b, [mp.exp(s) for s in times(A, x)]) / total(times(A, x)),
    "log(p'*exp(A*x))": lambda A, x, p, **_: mp.log(dot(p, [mp.exp(s) for s in times(A, x)])),
    "log(sum(exp(A*x)) + 2*sum(exp(-A*x)))": lambda A, x, **_: mp.log(
        total(times(A, x)) + 2 * total([-s for s in times(A, x)])
    ),
    "log(1 + sum(exp(A*x)))": lambda A, x, **_: mp.log(1 + total(times(A, x))),
    "log(1 + exp(a'*x))": lambda a, x, **_: mp.log(1 + mp.exp(dot(a, x))),
    "log(exp(a'*x) + exp(c'*x))": lambda a, c, x, **_: mp.log(mp.exp(dot(a, x)) + mp.exp(dot(c, x))),
    "log(3*exp(a'*x) + exp(c'*x) + 2)": lambda a, c, x, **_: mp.log(
        3 * mp.exp(dot(a, x)) + mp.exp(dot(c, x)) + 2
    ),
    "1/(1 + exp(-a'*x))": lambda a, x, **_: logistic(dot(a, x)),
    "1/(2 + exp(-a'*x))^2": lambda a, x, **_: 1 / (2 + mp.exp(-dot(a, x))) ** 2,
    "(exp(a'*x) - exp(c'*x))/(exp(a'*x) + exp(c'*x))": lambda a, c, x, **_: mp.tanh((dot(a, x) - dot(c, x)) / 2),
    "sum(log(1 .+ exp(-b .* (A*x))))": lambda A, x, b, **_: mp.fsum(
        mp.log(1 + mp.exp(-c * s)) for c, s in zip(b, times(A, x), strict=True)
    ),
    "sum(b .* exp(A*x) ./ (1 .+ exp(A*x)))": lambda A, x, b, **_: mp.fsum(
        c * logistic(s) for c, s in zip(b, times(A, x), strict=True)
    ),
    "log(1 + exp(1/(1 + exp(-a'*x)))) + log(sum(exp(A*x)))": lambda A, a, x, **_: (
        mp.log(1 + mp.exp(logistic(dot(a, x)))) + mp.log(total(times(A, x)))
    ),
    "b'*log(sigmoid(A*x))": lambda A, x, b, **_: -dot(b, [softplus(-s) for s in times(A, x)]),
    "s = sigmoid(A*x); p'*log(s) + (1 .- p)'*log(1 .- s)": lambda A, x, p, **_: -mp.fsum(
        q * softplus(-s) + (1 - q) * softplus(s) for q, s in zip(p, times(A, x), strict=True)
    ),
    "s = 1 - sigmoid(a'*x); log(s) - log(1 - sigmoid(c'*x))": lambda a, c, x, **_: (
        softplus(dot(c, x)) - softplus(dot(a, x))
    ),
    "b'*log(softmax(A*x))": lambda A, x, b, **_: dot(b, [s - mp.log(total(times(A, x))) for s in times(A, x)]),
    "d = det(a*x' - Diag(c)); log(abs(d))": lambda a, c, x, **_: mp.log(
        abs((a[0] * x[0] - c[0]) * (a[1] * x[1] - c[1]) - a[0] * x[1] * a[1] * x[0])
    ),
}  # fmt: skip
DECLARED = "A: 3×2; x: 2; b: 3; p: 3; a: 2; c: 2"


def arrays(sign: float) -> dict[str, Any]:
    """Scores 1000, 999, −996 times the sign, and near ones for `a` and `c`."""
    return {
        "A": sign * np.array([[1000.0, 0.0], [998.0, 2.0], [-1000.0, 8.0]]),
        "x": np.array([1.0, 0.5]),
        "b": np.array([1.0, -2.0, 0.5]),
        "p": np.array([0.2, 0.3, 0.5]),
        "a": sign * np.array([1000.0, 1.0]),
        "c": sign * np.array([999.0, 4.0]),
    }


def derivatives(f: Function, given: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Value, gradient and Hessian by x by central differences."""
    with mp.workdps(90):
        h = mp.mpf(10) ** -20
        fixed = {
            name: mp.matrix(a.tolist()).tolist() if a.ndim == 2 else list(map(mp.mpf, a)) for name, a in given.items()
        }
        x = fixed.pop("x")

        def at(*steps: tuple[int, int]) -> Any:
            moved = list(x)
            for i, s in steps:
                moved[i] += s * h
            return f(x=moved, **fixed)

        pairs = list(product((1, -1), repeat=2))
        n = range(len(x))
        gradient = [(at((i, 1)) - at((i, -1))) / (2 * h) for i in n]
        hessian = [[mp.fsum(s * t * at((i, s), (j, t)) for s, t in pairs) / (4 * h * h) for j in n] for i in n]
        return float(at()), np.array(gradient, float), np.array(hessian, float)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_far_from_zero(text: str, backend: str, sign: float) -> None:
    module = np if backend == "numpy" else pytest.importorskip(backend)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    given = arrays(sign)
    expected = derivatives(CASES[text], given)
    d = md.derive(text, wrt="x", declare=DECLARED)
    outputs = [*second_order(d)]
    together = compile_(outputs, d.function.variables, backend)(**given)
    results = [together]
    if backend == "numpy":
        results.append([compile_(node, d.function.variables)(**given) for node in outputs])
        results.append([e.evaluate(**given) for e in (d, d.gradient, d.hessian)])
    for got in results:
        for k, (have, want) in enumerate(zip(got, expected, strict=True)):
            np.testing.assert_allclose(have, want, rtol=1e-10, atol=1e-9 * 10**k)


CLASSES: dict[str, Callable[[Any], Any]] = {
    "sum(log(exp(X*W)*ones(k))) - tr(Y'*X*W)": lambda Z: Z,
    "sum(log(colsum(exp(W'*X')))) - tr(Y'*X*W)": lambda Z: Z,
    "sum(log(exp(X*W)*ones(k) + exp(y))) - tr(Y'*X*W)": lambda Z: [[*row, 0.25] for row in Z],
}


@pytest.mark.parametrize("text", CLASSES)
@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_classes_of_rows(text: str, backend: str) -> None:
    module = np if backend == "numpy" else pytest.importorskip(backend)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    given = {
        "X": np.array([[1000.0, 0.0], [0.0, -1000.0], [0.5, 2.0], [-999.0, 1.0]]),
        "W": rng.normal(size=(2, 3)).round(2),
        "Y": np.eye(3)[[0, 2, 1, 1]],
        "y": np.full(4, 0.25),
    }
    V = rng.normal(size=(2, 3))
    X, Y = given["X"].tolist(), given["Y"].tolist()

    def at(W: Any) -> Any:
        Z = [[dot(row, column) for column in W.T] for row in X]
        chosen = mp.fsum(dot(row, labels) for row, labels in zip(Z, Y, strict=True))
        return mp.fsum(mp.log(total(row)) for row in CLASSES[text](Z)) - chosen

    gradient, curvature = np.empty((2, 3)), np.empty((2, 3))
    with mp.workdps(90):
        h = mp.mpf(10) ** -20
        W, U = (np.array([[mp.mpf(v) for v in row] for row in A.tolist()]) for A in (given["W"], V))
        for i, j in product(range(2), range(3)):
            E = np.array([[h * ((a, b) == (i, j)) for b in range(3)] for a in range(2)])
            gradient[i, j] = (at(W + E) - at(W - E)) / (2 * h)
            curvature[i, j] = mp.fsum(s * t * at(W + s * E + t * h * U) for s, t in product((1, -1), repeat=2)) / (
                4 * h * h
            )
        value = float(at(W))
    d = md.derive(text, wrt="W", declare="X: m×n; W: n×k; Y: m×k; y: m")
    got = compile_([d.function.node, d.gradient.node], d.function.variables, backend)(**given)
    np.testing.assert_allclose(got[0], value, rtol=1e-12)
    np.testing.assert_allclose(got[1], gradient, rtol=1e-10, atol=1e-9)
    if backend == "numpy":
        assert np.isclose(d.evaluate(**given), value, rtol=1e-12)
        np.testing.assert_allclose(d.hvp(V, **given), curvature, rtol=1e-10, atol=1e-6)


def test_deep_and_long_sums() -> None:
    deep = md.parse(f"log({'(1 + ' * 600}exp(s){')' * 600})", declare="s: scalar")
    assert deep.evaluate(s=1000.0) == 1000
    long = md.derive(f"log({' + '.join(f'exp({k}*s)' for k in range(1, 400))})", wrt="s", declare="s: scalar")
    assert np.isclose(long.gradient.evaluate(s=1000.0), 399)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_tiny_determinant(backend: str) -> None:
    if backend != "numpy":
        pytest.importorskip(backend)
    d = md.derive("log(abs(det(W)))", wrt="W", declare="W: n×n")
    W = 0.1 * np.eye(401)
    W[0, 0] = -0.1
    value, gradient = compile_([d.function.node, d.gradient.node], d.function.variables, backend)(W=W)
    np.testing.assert_allclose([value, d.evaluate(W=W)], -401 * np.log(10), rtol=1e-6)
    np.testing.assert_allclose(gradient, 100 * W, rtol=1e-6)
