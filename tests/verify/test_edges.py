"""Points at which formulas break and functions do not: zeros of norms, hinges, equal eigenvalues, singular matrices."""

from __future__ import annotations

import numpy as np
import pytest
from libraries import PRESENT

import matdiff as md

jax = pytest.importorskip("jax")
jnp = jax.numpy

jax.config.update("jax_enable_x64", True)
RNG = np.random.default_rng(5)
A22 = np.array([[1.0, 2.0], [3.0, 4.0]])


def compiled(expr, backend="numpy", **arrays):
    with np.errstate(all="ignore"):
        return np.asarray(expr.compile(backend)(**arrays))


def own(expr, arrays):
    """Those of the arrays that are its variables'."""
    return {v.name: arrays[v.name] for v in expr.variables if v.name in arrays}


def used(expr, **arrays):
    """The arrays of its variables alone."""
    return {v.name: arrays[v.name] for v in expr.variables}


def every_way(expr, **arrays):
    arrays = own(expr, arrays)
    """The value by evaluation and by both kinds of code."""
    return [np.asarray(expr.evaluate(**arrays)), compiled(expr, **arrays), compiled(expr, "jax", **arrays)]


# zeros of norms

AT_ZERO = [
    ("norm(x)^3", np.zeros((2, 2))),
    ("sqrt(x'*x)^3", np.zeros((2, 2))),
    ("norm(x)*x'*x", np.zeros((2, 2))),
    ("norm(x)^(5/2)", np.zeros((2, 2))),
    ("x'*x/(1 + norm(x))", 2 * np.eye(2)),
    ("x'*A*x/(1 + norm(x))", A22 + A22.T),
    ("exp(-norm(x)^3)", np.zeros((2, 2))),
    ("log(1 + norm(x)^3) + x'*x", 2 * np.eye(2)),
    ("norm(x)^3*sum(x)", np.zeros((2, 2))),
    ("x'*A*x*norm(x)", np.zeros((2, 2))),
]


@pytest.mark.parametrize(("text", "hessian"), AT_ZERO)
def test_hessians_at_the_zero_of_a_norm(text, hessian):
    d = md.derive(text, wrt="x")
    arrays = used(d.function, x=np.zeros(2), A=A22)
    for value in every_way(d.hessian, **arrays):
        np.testing.assert_allclose(value, hessian, atol=1e-12)
    V = np.array([1.0, -2.0])
    np.testing.assert_allclose(d.hvp(V, **own(d.function, arrays)), hessian @ V, atol=1e-12)
    verdict = d.verify(order=2)
    assert verdict.passed and "also where x is 0" in str(verdict)


@pytest.mark.parametrize(
    ("text", "order"), [("norm(x)", 1), ("norm(x)", 2), ("norm(x)^2/norm(x)", 1), ("norm(A*x)", 1)]
)
def test_no_value_where_there_is_no_derivative(text, order):
    d = md.derive(text, wrt="x")
    with pytest.raises(md.DomainError, match="is 0"):
        found = d.gradient if order == 1 else d.hessian
        found.evaluate(**own(found, {"x": np.zeros(2), "A": A22}))


def test_denominators_that_vanish_faster_are_left_alone():
    for text in (
        "1/norm(x)",
        "sum(x)/norm(x)^2",
        "sum(x)/(norm(x)*(norm(x) + norm(x)^2))",
        "norm(x)/(norm(x)*(1 - cos(norm(x))))",
    ):
        with pytest.raises(md.DomainError):
            md.derive(text, wrt="x").gradient.evaluate(x=np.zeros(3))


# hinges

HINGES = [
    ("sum(sqrt(max(x, 0)))", lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0)), 1),
    ("sum(sqrt(max(x, 0)))", lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1)), 0)), 2),
    ("sum(sqrt(relu(2*x)))", lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, 2 * x, 1)), 0)), 1),
    ("sum(relu(x).^(3/2))", lambda x: jnp.sum(jnp.where(x > 0, jnp.where(x > 0, x, 1) ** 1.5, 0)), 2),
    ("sum(relu(x).^0.25)", lambda x: jnp.sum(jnp.where(x > 0, jnp.where(x > 0, x, 1) ** 0.25, 0)), 1),
    ("norm(relu(x))", lambda x: jnp.sqrt(jnp.sum(jnp.where(x > 0, x, 0) ** 2)), 2),
]


@pytest.mark.parametrize(("text", "oracle", "order"), HINGES)
def test_hinges_are_flat_where_they_are_zero(text, oracle, order):
    d = md.derive(text, wrt="x")
    x = np.array([-1.0, 2.0, 0.5])
    truth = jax.jit((jax.grad if order == 1 else jax.hessian)(oracle))(x)
    for value in every_way(d.gradient if order == 1 else d.hessian, x=x):
        np.testing.assert_allclose(value, truth, rtol=1e-6, atol=1e-12)
    for value in every_way(d.gradient if order == 1 else d.hessian, x=-np.ones(3)):
        np.testing.assert_array_equal(value, 0)
    assert "also where entries of" in str(d.verify(order=order))


@pytest.mark.parametrize("text", ["sum(sqrt(max(x, 0)))", "norm(max(x, 0))"])
def test_the_corner_of_a_hinge_is_refused(text):
    with pytest.raises(md.DomainError, match=r"is 0 in its largest|has an entry 0"):
        md.derive(text, wrt="x").gradient.evaluate(x=np.array([-1.0, 0.0]))


# equal eigenvalues

SPECTRAL = [
    "sum(sqrt(eigvals(S)))",
    "sum(exp(eigvals(S)))",
    "sum(log(eigvals(S)))",
    "sum(eigvals(S).*log(eigvals(S)))",
    "sum(log(1 .+ eigvals(S)))",
    "sum(1 ./ eigvals(S))",
    "sum(svdvals(S).^3)",
    "sum(svdvals(S).^4)",
]


@pytest.mark.parametrize("text", SPECTRAL)
def test_symmetric_functions_of_eigenvalues_are_functions_of_the_matrix(text):
    S = np.diag([2.0, 2.0, 0.5])
    d = md.derive(text, wrt="S", declare="S: n×n spd")
    scalar = md.derive(text.replace("eigvals(S)", "x").replace("svdvals(S)", "x"), wrt="x")
    gradient = scalar.gradient.evaluate(x=np.diagonal(S))
    np.testing.assert_allclose(d.gradient.evaluate(S=S), np.diag(gradient), atol=1e-10)
    V = np.diag([1.0, -1.0, 3.0])
    np.testing.assert_allclose(
        np.diagonal(d.hvp(V, S=S)), np.diagonal(scalar.hessian.evaluate(x=np.diagonal(S))) * np.diagonal(V), atol=1e-9
    )
    assert "eigvecs" not in str(d.gradient) and d.notes == ()
    assert d.verify().passed and d.verify(order=2).passed


@pytest.mark.parametrize(
    "text",
    [
        "sum(sin(eigvals(S)))",
        "logsumexp(eigvals(S))",
        "norm(eigvals(S))",
        "mean(tanh(eigvals(S)))",
        "sum(tanh(svdvals(S)))",
    ],
)
def test_gradients_need_no_distinct_eigenvalues_where_their_order_does_not_matter(text):
    d = md.derive(text, wrt="S", declare="S: n×n symmetric")
    S, h = 2 * np.eye(3), 1e-5
    V = RNG.normal(size=(3, 3))
    V = V + V.T
    slope = (d.evaluate(S=S + h * V) - d.evaluate(S=S - h * V)) / (2 * h)
    assert np.vdot(d.gradient.evaluate(S=S), V) == pytest.approx(slope, abs=1e-7)
    assert "also where" in str(d.verify())


@pytest.mark.parametrize(
    "text", ["x'*eigvals(S)", "eigvals(S)[2]", "sum(x.*exp(eigvals(S)))", "lambda_max(S)", "eigval(S, 2)"]
)
def test_the_order_of_equal_eigenvalues_matters_elsewhere(text):
    d = md.derive(text, wrt="S", declare="S: n×n symmetric; x: n")
    with pytest.raises(md.DomainError, match="has equal eigenvalues"):
        d.gradient.evaluate(**own(d.gradient, {"S": np.eye(3), "x": np.ones(3)}))


# one simple eigenvalue


def singular(i):
    return lambda A: jnp.linalg.svd(A, compute_uv=False)[i]


def condition(A):
    s = jnp.linalg.svd(A, compute_uv=False)
    return s[0] / s[-1]


ONE = [
    ("sigma_max(A)", "2×4", singular(0)),
    ("sigma_max(A)", "m×n", singular(0)),
    ("sigma(A,2)", "2×5", singular(1)),
    ("sigma(A,2)", "5×2", singular(1)),
    ("sigma_max(A')", "4×1", singular(0)),
    ("cond2(A)", "2×5", condition),
    ("cond2(A)", "5×2", condition),
    ("lambda_max(A*A')", "5×2", lambda A: singular(0)(A) ** 2),
    ("eigval(A*A', 4)", "5×2", lambda A: singular(1)(A) ** 2),
    ("lambda_max(A'*A) + sigma_max(A)", "2×4", lambda A: singular(0)(A) ** 2 + singular(0)(A)),
]


@pytest.mark.parametrize(("text", "shape", "oracle"), ONE)
def test_only_the_eigenvalue_that_is_used_has_to_be_simple(text, shape, oracle):
    d = md.derive(text, wrt="A", declare=f"A: {shape}")
    A = RNG.normal(size=(2, 4) if shape == "m×n" else tuple(map(int, shape.split("×"))))
    V = RNG.normal(size=A.shape)
    gradient = jax.jit(jax.grad(oracle))
    for value in (*every_way(d.gradient, A=A), md.parse(str(d.gradient), declare=d.types).evaluate(A=A)):
        np.testing.assert_allclose(value, gradient(A), atol=1e-9)
    h = 1e-5
    product = (gradient(A + h * V) - gradient(A - h * V)) / (2 * h)
    np.testing.assert_allclose(d.hvp(V, A=A), product, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        d.hessian.evaluate(A=A) @ V.ravel("F"), np.asarray(product).ravel("F"), rtol=1e-6, atol=1e-6
    )
    assert d.verify().passed and d.verify(order=2).passed


@pytest.mark.parametrize(
    ("text", "diagonal"),
    [
        ("sigma_max(A)", [1, 1, 1]),
        ("sigma_max(A)", [3, 3, 1]),
        ("sigma(A,2)", [3, 1, 1]),
        ("cond2(A)", [2, 1, 1]),
        ("cond2(A)", [2, 2, 1]),
        ("lambda_max(A*A')", [1, 1, 1]),
    ],
)
def test_a_double_value_that_is_used_is_refused(text, diagonal):
    d = md.derive(text, wrt="A", declare="A: 3×3")
    for value in (lambda A: d.gradient.evaluate(A=A), lambda A: d.hvp(np.ones((3, 3)), A=A)):
        with pytest.raises(md.DomainError, match="the one that is used among them"):
            value(np.diag(np.array(diagonal, dtype=float)))


# singular matrices

DETERMINANTS = ["A: n×n", "A: 2×2", "A: 4×4", "A: n×n symmetric"]


@pytest.mark.share(2)
@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("declare", DETERMINANTS)
@pytest.mark.parametrize("text", ["det(A)", "3*det(A + B)"])
def test_the_hessian_of_det_at_singular_matrices(declare, rank, text):
    n = int(declare[3]) if declare[3].isdigit() else 3
    U = RNG.normal(size=(n, rank))
    A = U @ (U.T if "symmetric" in declare else RNG.normal(size=(rank, n)))
    B, factor = (RNG.normal(size=(n, n)) if "B" in text else np.zeros((n, n))), 3 if "B" in text else 1
    B = B + B.T if "symmetric" in declare else B
    A = A - B
    V = RNG.normal(size=(n, n))
    V = V + V.T if "symmetric" in declare else V
    points = np.cos((2 * np.arange(n + 1) + 1) * np.pi / (2 * n + 2))  # det along a line is a polynomial of degree n
    fit = np.polynomial.Polynomial.fit(
        points, [factor * np.linalg.det(A + B + t * V) for t in points], n, domain=[-1, 1]
    )
    second = fit.deriv(2)(0.0)
    d = md.derive(text, wrt="A", declare=f"{declare}; B: {n}×{n}" if declare[3].isdigit() else f"{declare}; B: n×n")
    v = V.ravel("F")
    if "symmetric" not in declare or "B" not in text:
        for H in [
            *every_way(d.hessian, A=A, B=B),
            *(compiled(d.hessian, b, **own(d.hessian, {"A": A, "B": B})) for b in PRESENT),
        ]:
            assert v @ H @ v == pytest.approx(second, rel=1e-8, abs=1e-9)
        assert np.vdot(V, d.hvp(V, **own(d.function, {"A": A, "B": B}))) == pytest.approx(second, rel=1e-8, abs=1e-9)
    assert np.vdot(d.gradient.evaluate(**own(d.gradient, {"A": A, "B": B})), V) == pytest.approx(
        fit.deriv(1)(0.0), rel=1e-8, abs=1e-9
    )


PSEUDOINVERSES = [
    ("<C, pinv(a*b')>", "a", None, lambda a, b, **k: jnp.outer(b, a) / (a @ a * (b @ b))),
    (
        "<C, pinv(2*a*b'*M)>",
        "a",
        "M: p×p",
        lambda a, b, M, **k: jnp.outer(M.T @ b, a) / (2 * (a @ a) * (b @ M @ M.T @ b)),
    ),
    ("<C, pinv(G*H)>", "G", "G: 4×2; H: 2×3; C: 3×4", lambda G, H, **k: jnp.linalg.pinv(H) @ jnp.linalg.pinv(G)),
]


@pytest.mark.parametrize(("text", "wrt", "declare", "oracle"), PSEUDOINVERSES)
def test_pseudoinverses_of_products_of_a_known_rank(text, wrt, declare, oracle):
    arrays = {
        "a": RNG.normal(size=4),
        "b": RNG.normal(size=3),
        "M": RNG.normal(size=(3, 3)),
        "C": RNG.normal(size=(3, 4)),
    }
    arrays |= {"G": RNG.normal(size=(4, 2)), "H": RNG.normal(size=(2, 3))}
    d = md.derive(text, wrt=wrt, declare=declare)
    rest = {k: v for k, v in arrays.items() if k not in (wrt, "C")}
    truth = jax.jit(jax.grad(lambda X: jnp.vdot(arrays["C"], oracle(**{wrt: X}, **rest))))(arrays[wrt])
    np.testing.assert_allclose(d.gradient.evaluate(**own(d.gradient, arrays)), truth, rtol=1e-8, atol=1e-8)
    assert d.verify().passed


# nowhere

SQUARES = "diag(X*X')*ones(n)' + ones(n)*diag(X*X')' - 2*X*X'"
NOWHERE = [
    (f"sum(sqrt({SQUARES}))", "X: n×p"),
    (f"D = {SQUARES}; sum(exp(-sqrt(D)))", "X: n×p"),
    (f"sum(({SQUARES}).^(1/2))", "X: n×p"),
    (f"sum(log({SQUARES}))", "X: n×p"),
    ("sum(sqrt(rowsum(X.*X)*ones(n)' + ones(n)*rowsum(X.*X)' - 2*X*X'))", "X: n×p"),
    ("sum(sqrt((x*ones(n)' - ones(n)*x').^2))", "x: n"),
]


@pytest.mark.parametrize(("text", "declare"), NOWHERE)
def test_a_derivative_that_exists_nowhere_is_no_answer(text, declare):
    with pytest.raises(md.UnsupportedError, match="because of the diagonal") as caught:
        md.derive(text, wrt=declare[0], declare=declare)
    assert "(ones(n,n) - I) .* " in str(caught.value) and "D + I" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "declare"),
    [
        (f"D = {SQUARES}; sum((ones(n,n) - I) .* sqrt(D + I))", "X: n×p"),
        ("sum(sqrt(X*X'))", "X: n×p"),
        ("sum(sqrt(relu(X)))", "X: n×n"),
        (f"sum(W .* ({SQUARES}))", "X: n×p; W: n×n"),
    ],
)
def test_what_exists_somewhere_is_answered(text, declare):
    assert md.derive(text, wrt="X", declare=declare).verify().passed


def test_the_verdict_names_the_edges():
    assert "not where x is 0" in str(md.derive("norm(x)", wrt="x").verify())
    assert "also where A is singular" in str(md.derive("det(A)", wrt="A").verify())
    assert "not where eigenvalues of S coincide" in str(
        md.derive("lambda_max(S)", wrt="S", declare="S: n×n symmetric").verify()
    )
    assert md.derive("norm(A*x - b)^2", wrt="x").verify().region == ""


def test_the_step_is_0_in_a_whole_region():
    d = md.derive("norm1(heaviside(x).*x)", wrt="x")
    np.testing.assert_array_equal(d.gradient.evaluate(x=np.array([-1.0, 2.0])), [0, 1])
    assert d.verify().passed


@pytest.mark.parametrize(
    "text", ["0*log(-1)*x", "t/norm(zeros(3))", "t/det(0*X)", "log(x'*x - x'*x)", "1/(tr(eye(3)) - 3)*t", "log(-x/x)"]
)
def test_what_is_defined_nowhere_is_refused_though_nothing_times_it_stands_there(text: str) -> None:
    with pytest.raises(md.DomainError):
        md.parse(text)


@pytest.mark.parametrize("text", ["log(x'*x)", "log(x'*S*x)", "t/norm(x)", "log(tr(A'*A) + 1)", "log(norm(x) + 1)"])
def test_what_is_defined_somewhere_is_read(text: str) -> None:
    md.parse(text)


def test_determinants_of_skew_matrices() -> None:
    """0 for odd sizes (Jacobi 1827), a square for even ones: the two have no formula in common."""
    odd = md.derive("det(A)", wrt="A", declare="A: 3×3 skew")
    assert str(odd.gradient) == "zeros(3,3)" and odd.verify().passed
    assert md.derive("det(A)", wrt="A", declare="A: 4×4 skew").verify().passed
    with pytest.raises(md.UnsupportedError, match="is 0 where n is odd"):
        _ = md.derive("det(A)", wrt="A", declare="A: n×n skew").gradient


def test_the_step_of_a_number_is_a_number() -> None:
    assert str(md.parse("heaviside(0) + heaviside(3)*t")) == "t"
