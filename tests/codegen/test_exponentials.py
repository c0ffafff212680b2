"""Sums of exponentials at scores of ±1000, against differences of the same function in 90 digits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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
    "-log(softmax(A*x)[2])": lambda A, x, **_: mp.log(total(times(A, x))) - times(A, x)[1],
    "log(softmax(A*x)'*p)": lambda A, x, p, **_: (
        mp.log(dot(p, [mp.exp(s) for s in times(A, x)])) - mp.log(total(times(A, x)))
    ),
    "log(sum(exp(A*x).^2)) + log(norm(exp(A*x)))": lambda A, x, **_: (
        mp.mpf(3) / 2 * mp.log(total([2 * s for s in times(A, x)]))
    ),
    "log(sum(1 ./ exp(A*x)))": lambda A, x, **_: mp.log(total([-s for s in times(A, x)])),
    "sum(exp(2*A*x))/sum(exp(A*x))^2": lambda A, x, **_: (
        total([2 * s for s in times(A, x)]) / total(times(A, x)) ** 2
    ),
    "sum(log(p .+ exp(A*x)))": lambda A, x, p, **_: mp.fsum(
        mp.log(q + mp.exp(s)) for q, s in zip(p, times(A, x), strict=True)
    ),
    "log(p[1] + sum(exp(A*x)))": lambda A, x, p, **_: mp.log(p[0] + total(times(A, x))),
    "sum(log((p*p')*exp(A*x)))": lambda A, x, p, **_: mp.fsum(
        mp.log(q * dot(p, [mp.exp(s) for s in times(A, x)])) for q in p
    ),
    "b'*(exp(A*x) ./ ((p*p')*exp(A*x)))": lambda A, x, b, p, **_: mp.fsum(
        c * mp.exp(s) / (q * dot(p, [mp.exp(s) for s in times(A, x)]))
        for c, s, q in zip(b, times(A, x), p, strict=True)
    ),
    "log(tr(exp(a*x')))": lambda a, x, **_: mp.log(total([a[0] * x[0], a[1] * x[1]])),
    "sum(log(cosh(A*x)))": lambda A, x, **_: mp.fsum(mp.log(mp.cosh(s)) for s in times(A, x)),
    "sum(log(sigmoid(A*x) .* (1 .- sigmoid(A*x))))": lambda A, x, **_: mp.fsum(
        -softplus(s) - softplus(-s) for s in times(A, x)
    ),
    "log(2*exp(a'*x)*sigmoid(c'*x)^2)": lambda a, c, x, **_: mp.log(2) + dot(a, x) - 2 * softplus(-dot(c, x)),
    "d = det(a*x' - Diag(c)); log(abs(d))": lambda a, c, x, **_: mp.log(
        abs((a[0] * x[0] - c[0]) * (a[1] * x[1] - c[1]) - a[0] * x[1] * a[1] * x[0])
    ),
}  # fmt: skip
NO_HESSIAN = {"log(tr(exp(a*x')))"}
"""Where the Hessian has exponentials beside the diagonal, between Kronecker products."""
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


@cache
def derivatives(text: str, sign: float) -> tuple[Any, Any, Any]:
    """Value, gradient and Hessian by x by central differences."""
    f, given = CASES[text], arrays(sign)
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


@cache
def made(text: str, backend: str) -> Any:
    """Value, gradient and Hessian, compiled together."""
    d = md.derive(text, wrt="x", declare=DECLARED)
    outputs = second_order(d)[: 2 if text in NO_HESSIAN else 3]
    return d, outputs, compile_(outputs, d.function.variables, backend)


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_far_from_zero(text: str, backend: str, sign: float) -> None:
    module = np if backend == "numpy" else pytest.importorskip(backend)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    given = arrays(sign)
    expected = derivatives(text, sign)
    d, outputs, together = made(text, backend)
    results = [together(**given)]
    if backend == "numpy":
        results.append([compile_(node, d.function.variables)(**given) for node in outputs])
        results.append([e.evaluate(**given) for e in (d, d.gradient, d.hessian)[: len(outputs)]])
    for got in results:
        for k, (have, want) in enumerate(zip(got, expected, strict=False)):
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
    together = compile_([*second_order(d)], d.function.variables, backend)(**given)
    np.testing.assert_allclose(together[0], value, rtol=1e-12)
    np.testing.assert_allclose(together[1], gradient, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(np.asarray(together[2]) @ V.ravel("F"), curvature.ravel("F"), rtol=1e-9, atol=1e-6)
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


ATTENTION = "norm(Diag(1 ./ rowsum(exp(Q*K')))*exp(Q*K')*U)^2"
ATTENDED = "norm(softmax(K*q)'*U)^2"


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("size", [1.0, 1000.0])
def test_attention(backend: str, size: float) -> None:
    """Against the same function of one row, whose softmax is a function of its own."""
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    elif backend == "torch":
        pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    Q, K, U = size * rng.normal(size=(1, 2)), rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    d = md.derive(ATTENTION, wrt="Q", declare="Q: m×n; K: k×n; U: k×n")
    one = md.derive(ATTENDED, wrt="q", declare="q: n; K: k×n; U: k×n")
    got = compile_([*second_order(d)], d.function.variables, backend)(Q=Q, K=K, U=U)
    for have, want in zip(got, (one, one.gradient, one.hessian), strict=True):
        want = np.asarray(want.evaluate(q=Q[0], K=K, U=U))
        np.testing.assert_allclose(np.asarray(have).reshape(want.shape), want, rtol=1e-9, atol=1e-9)


def test_rows_are_balanced_only_where_the_value_stays() -> None:
    d = md.derive("sum(log(exp(W)*y)) + sum(exp(W))", wrt="W", declare="W: n×k; y: k positive")
    W, y = np.random.default_rng(2).normal(size=(2, 3)), np.array([0.5, 1.0, 2.0])
    E = np.exp(W)
    P = E * y / (E @ y)[:, None]
    diagonal = np.einsum("ij,jk->ijk", P + E, np.eye(3)) - np.einsum("ij,ik->ijk", P, P)
    expected = np.einsum("ijk,il->jikl", diagonal, np.eye(2)).reshape(6, 6)
    np.testing.assert_allclose(d.hessian.compile()(W=W, y=y), expected, rtol=1e-12, atol=1e-14)


LOGDETS: dict[str, Callable[..., float]] = {
    "log(det(S)^2)": lambda s, **_: 2 * s,
    "log(sqrt(det(S)))": lambda s, **_: s / 2,
    "log(2*det(S))": lambda s, **_: np.log(2) + s,
    "log(t*det(S))": lambda s, **_: np.log(0.7) + s,
    "log(1/det(S))": lambda s, **_: -s,
    "log(det(S)*det(S + T))": lambda s, both, **_: s + both,
    "log(det(S)/det(T))": lambda s, t, **_: s - t,
    "log(t*det(S)^(1/2)/det(T)^3)": lambda s, t, **_: np.log(0.7) + s / 2 - 3 * t,
    "det(S)^(1/n)": lambda s, **_: np.exp(s / 400),
}


@pytest.mark.parametrize("text", LOGDETS)
@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_logarithms_of_determinants(text: str, backend: str) -> None:
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    elif backend == "torch":
        pytest.importorskip("torch")
    S, T = 1e-2 * np.eye(400), np.diag(np.linspace(1e-2, 2e-2, 400))
    s, t, both = (np.linalg.slogdet(M)[1] for M in (S, T, S + T))
    e = md.parse(text, declare="S: n×n; T: n×n; t: scalar")
    got = e.compile(backend)(S=S, T=T, t=0.7)
    np.testing.assert_allclose([got, e.evaluate(S=S, T=T, t=0.7)], LOGDETS[text](s=s, t=t, both=both), rtol=1e-10)


def test_signs_of_determinants() -> None:
    S = np.diag([-2.0, 1.0, 3.0])
    given = {"S": S, "T": S @ S @ S, "t": -1.0}
    for text, value in (
        ("log(t*det(S))", np.log(6)),
        ("log(det(S)*det(T))", 4 * np.log(6)),
        ("log(det(S)^2)", 2 * np.log(6)),
    ):
        e = md.parse(text, declare="S: n×n; T: n×n; t: scalar")
        assert np.isclose(e.evaluate(**{v.name: given[v.name] for v in e.variables}), value)
    for text in ("log(-t*det(S))", "log(1/det(S)^3)", "det(S)^(1/2)", "log(sqrt(det(S)))"):
        with pytest.raises(md.DomainError):
            e = md.parse(text, declare="S: n×n; t: scalar")
            e.evaluate(**{v.name: given[v.name] for v in e.variables})


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_differences_from_one(backend: str) -> None:
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    elif backend == "torch":
        pytest.importorskip("torch")
    for text, h, value, slope in (
        ("1 - exp(-h)", 1e-10, -np.expm1(-1e-10), np.exp(-1e-10)),
        ("log(1 - exp(-h))", 1e-10, np.log(-np.expm1(-1e-10)), 1 / np.expm1(1e-10)),
        ("log(1 - exp(-h))", 30.0, np.log1p(-np.exp(-30.0)), 1 / np.expm1(30.0)),
        ("log(1 - sigmoid(h)^2)", 40.0, np.log(2) - 40, -1.0),
        ("sigmoid(h)", 40.0, 1.0, np.exp(-40.0)),
    ):
        d = md.derive(text, wrt="h", declare="h: scalar")
        for nodes in ([d.function.node, d.gradient.node], [d.gradient.node]):
            got = compile_(nodes, d.function.variables, backend)(h=h)
            np.testing.assert_allclose(np.asarray(got[-1]), slope, rtol=1e-10)
            assert len(got) == 1 or np.isclose(float(got[0]), value, rtol=1e-10, atol=1e-15)
