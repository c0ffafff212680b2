"""Lengths at the ends of the range of floats, slopes that cancel, and one plan for evaluation and for code."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import matdiff as md

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
SIZES = [1.0, 1e200, 1e-200, 1e-10, 1e140]

LENGTHS = ["norm(x)", "sqrt(x'*x)", "sqrt(sum(x.^2))", "sqrt(<x, x>)", "‖x‖"]


def every_way(expr, **given):
    names = {v.name for v in expr.variables}
    arrays = {name: array for name, array in given.items() if name in names}
    with np.errstate(all="ignore"):
        return [np.asarray(f(**arrays)) for f in (expr.evaluate, expr.compile(), expr.compile("jax"))]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", LENGTHS)
def test_lengths_of_vectors(text, size):
    d = md.derive(text, wrt="x")
    x = size * np.array([3.0, -4.0])
    for value in every_way(d.function, x=x):
        np.testing.assert_allclose(value, 5 * size, rtol=4e-16)
    for gradient in every_way(d.gradient, x=x):
        np.testing.assert_allclose(gradient, [0.6, -0.8], rtol=4e-16)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", ["norm(A)", "sqrt(tr(A'*A))", "‖A‖_F", "sqrt(sum(A.^2))"])
def test_lengths_of_matrices(text, size):
    d = md.derive(text, wrt="A", declare="A: m×n")
    A = size * np.array([[3.0, 0.0], [0.0, -4.0]])
    for value in every_way(d.function, A=A):
        np.testing.assert_allclose(value, 5 * size, rtol=4e-16)
    for gradient in every_way(d.gradient, A=A):
        np.testing.assert_allclose(gradient, A / size / 5, rtol=4e-16)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("text", "least"), [("sqrt(1 + x'*x)", 1.0), ("sqrt(x'*x + 4)", 2.0), ("sqrt(t^2 + x'*x)", None)]
)
def test_roots_of_sums_of_squares(text, least, size):
    d = md.derive(text, wrt="x", declare="t: scalar" if "t^" in text else None)
    t, x = size, size * np.array([3.0, -4.0])
    truth = np.hypot(size if least is None else least, 5 * size)
    for value in every_way(d.function, x=x, t=t):
        np.testing.assert_allclose(value, truth, rtol=4e-16)
    for gradient in every_way(d.gradient, x=x, t=t):
        np.testing.assert_allclose(gradient, x / truth, rtol=1e-15)


COSINES = ["x'*y/(norm(x)*norm(y))", "x'*y/norm(x)/norm(y)", "<x, y>/(sqrt(x'*x)*sqrt(y'*y))", "x'*y/norm(y)/norm(x)"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("text", COSINES)
def test_cosine_similarity(text, size):
    d = md.derive(text, wrt="x")
    u, y = np.array([3.0, -4.0]), np.array([1.0, 2.0])
    cosine = u @ y / 5 / np.sqrt(5)
    gradient = (y / np.sqrt(5) - cosine * u / 5) / 5
    for value in (*every_way(d.function, x=size * u, y=y), *every_way(d.function, x=size * u, y=size * y)):
        np.testing.assert_allclose(value, cosine, rtol=1e-14)
    for value in every_way(d.gradient, x=size * u, y=y):
        np.testing.assert_allclose(value * size, gradient, rtol=1e-13)


def test_lengths_of_nothing_and_of_infinity():
    norm = md.derive("norm(x)", wrt="x").function.compile()
    assert norm(x=np.zeros(3)) == 0 and norm(x=np.zeros(0)) == 0 and norm(x=np.array([np.inf, 1.0])) == np.inf
    assert np.isnan(norm(x=np.array([np.nan, 1.0])))
    assert norm(x=np.array([3e20, 4e20], dtype=np.float32)).dtype == np.float32
    np.testing.assert_allclose(norm(x=np.array([3e20, 4e20], dtype=np.float32)), 5e20, rtol=1e-6)


@pytest.mark.parametrize("text", ["sum(tanh(x))", "sum(tanh(2*x))", "b'*tanh(x)"])
def test_slopes_of_tanh_do_not_cancel(text):
    d = md.derive(text, wrt="x")
    x, b, inner = np.array([30.0, -40.0, 0.1, 18.0]), np.ones(4), 2 if "2" in text else 1
    for gradient in every_way(d.gradient, x=x, b=b):
        np.testing.assert_allclose(gradient, inner / np.cosh(inner * x) ** 2, rtol=1e-13)


def hilbert(m, n):
    return [[Fraction(1, i + j + 1) for j in range(n)] for i in range(m)]


def solved(M, b):
    """The solution of a system of fractions, by elimination."""
    rows = [[*row, v] for row, v in zip(M, b, strict=True)]
    for i in range(len(rows)):
        pivot = next(k for k in range(i, len(rows)) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        rows = [r if k == i else [v - r[i] * w for v, w in zip(r, rows[i], strict=True)] for k, r in enumerate(rows)]
    return [r[-1] for r in rows]


LEAST_SQUARES = ["norm(b - A*inv(A'*A)*A'*b)^2", "b'*A*inv(A'*A)*A'*b", "c'*inv(A'*A)*A'*b"]


@pytest.mark.parametrize("text", LEAST_SQUARES)
def test_evaluation_follows_the_plan_of_the_code(text):
    d = md.derive(text, wrt="b", declare="A: m×n; b: m; c: n")
    A = np.array(hilbert(9, 6), dtype=float)
    arrays = {"A": A, "b": np.ones(9) + np.arange(9) / 7, "c": np.arange(1.0, 7)}
    np.testing.assert_array_equal(d.gradient.evaluate(**arrays), d.gradient.compile()(**arrays))


def test_least_squares_is_as_exact_as_its_condition_allows():
    H = hilbert(9, 6)
    b = [1 + Fraction(i, 8) for i in range(9)]
    gram = [[sum(r[i] * r[j] for r in H) for j in range(6)] for i in range(6)]
    x = solved(gram, [sum(r[i] * v for r, v in zip(H, b, strict=True)) for i in range(6)])
    residual = [float(v - sum(h * y for h, y in zip(r, x, strict=True))) for r, v in zip(H, b, strict=True)]
    d = md.derive("norm(b - A*inv(A'*A)*A'*b)^2/2", wrt="b", declare="A: m×n; b: m")
    arrays = {"A": np.array(H, dtype=float), "b": np.array(b, dtype=float)}
    np.testing.assert_allclose(d.gradient.evaluate(**arrays), residual, rtol=0, atol=1e-5)


@pytest.mark.parametrize("text", ["logdet(X'*X)", "log(det(X'*X))", "logdet(X'*X)/2"])
def test_log_det_of_a_gram_matrix_has_the_condition_of_its_root(text):
    X = np.array(hilbert(9, 6), dtype=float)
    truth = 2 * np.sum(np.log(np.linalg.svd(X, compute_uv=False))) / (2 if text.endswith("/2") else 1)
    for value in every_way(md.derive(text, wrt="X", declare="X: m×n").function, X=X):
        np.testing.assert_allclose(value, truth, rtol=1e-10)


def test_log_det_of_a_gram_matrix_without_full_column_rank():
    f = md.derive("logdet(X'*X)", wrt="X").function
    with pytest.raises(md.DomainError, match="does not have full column rank"):
        f.evaluate(X=np.ones((2, 3)))
    assert f.compile()(X=np.ones((2, 3))) == -np.inf
    rows = md.derive("logdet(X*X')", wrt="X").function
    np.testing.assert_allclose(rows.evaluate(X=np.eye(2, 3) * 2), 2 * np.log(4))


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch", "numba"])
def test_least_squares_has_the_condition_of_its_matrix(backend):
    """(AᵀA)⁻¹Aᵀb at a condition of 1e7, whose square no number has digits for, by value and by gradients."""
    pytest.importorskip(backend)
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.normal(size=(k, 4)))[0] for k in (9, 4))
    A = U * np.logspace(0, -7, 4) @ V.T
    b, c = rng.normal(size=9), rng.normal(size=4)
    arrays = {"A": A, "b": A @ c + 1e-3 * b, "c": c}
    exact = [[Fraction(v) for v in row] for row in A.tolist()]
    gram = [[sum(r[i] * r[j] for r in exact) for j in range(4)] for i in range(4)]
    right = [sum(r[i] * Fraction(v) for r, v in zip(exact, arrays["b"].tolist(), strict=True)) for i in range(4)]
    x = np.array([float(v) for v in solved(gram, right)])
    z = solved(gram, [Fraction(v) for v in c.tolist()])
    slope = np.array([float(sum(a * v for a, v in zip(r, z, strict=True))) for r in exact])
    f = md.parse("inv(A'*A)*A'*b", declare="A: m×n; b: m").compile(backend)
    got = np.asarray(f(A=A, b=arrays["b"]))
    assert np.linalg.norm(got - x) < 1e-7 * np.linalg.norm(x)
    g = md.derive("c'*inv(A'*A)*A'*b", wrt="b", declare="A: m×n; b: m").gradient.compile(backend)
    found = np.asarray(g(A=A, c=c))
    assert np.linalg.norm(found - slope) < 1e-7 * np.linalg.norm(slope)
