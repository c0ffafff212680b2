"""The Python interface, line by line as the language page promises it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import matdiff as md

rng = np.random.default_rng(1)
A, B, X = rng.normal(size=(3, 4)), rng.normal(size=(5, 3)), rng.normal(size=(4, 5))
DECLARED = "A: m×n; X: n×p; B: p×m"


@pytest.fixture(scope="module")
def d() -> md.Derivation:
    return md.derive("tr(A*X*B)", wrt="X", declare=DECLARED)


def test_parts_of_a_derivation(d: md.Derivation) -> None:
    assert str(d.function) == "tr(A X B)"
    assert isinstance(d.differential, md.Expr) and d.differential.evaluate(A=A, X=X, B=B, dX=X) == pytest.approx(
        np.trace(A @ X @ B)
    )
    assert d.types == DECLARED
    assert d.gradient.text(ascii=True) == "A'*B'" and d.gradient.shape == ("n", "p")
    assert d.jacobian == md.parse("vec(A'*B')'", declare=DECLARED)
    assert d.hessian.evaluate(A=A, X=X, B=B).tolist() == np.zeros((20, 20)).tolist()
    assert all(isinstance(text, str) for text in (d.steps[0].rule, str(d.steps[0].before), str(d.steps[0].after)))
    assert isinstance(d.steps, tuple)


def test_values_of_a_derivation(d: md.Derivation) -> None:
    V, arrays = rng.normal(size=X.shape), {"A": A, "X": X, "B": B}
    assert isinstance(d.evaluate(**arrays), float)
    assert d.evaluate(**arrays) == pytest.approx(np.trace(A @ X @ B))
    assert d.jvp(V, **arrays) == pytest.approx(np.trace(A @ V @ B))
    np.testing.assert_allclose(d.vjp(2.0, **arrays), 2 * (B @ A).T)
    np.testing.assert_allclose(d.hvp(V, **arrays), np.zeros(X.shape))
    value, gradient = d.value_and_grad(**arrays)
    assert value == pytest.approx(d.evaluate(**arrays))
    np.testing.assert_allclose(gradient, (B @ A).T)
    assert d.verify().passed is True and d.verify(seed=3, sizes={"n": 30}).passed is True
    assert d.verify(claim="A'*B'").passed is True and d.verify(claim="tr(A*dX*B)").passed is True
    assert d.verify(claim="2*A'*B'").passed is False
    found = d.verify()
    assert found.relative_error is not None and found.relative_error < 1e-6 and isinstance(found.reason, str)


def test_checks_of_what_others_derived() -> None:
    assert md.check_claim("tr(A*X*B)", "A'*B'", wrt="X", declare=DECLARED).passed is True
    wrong = md.check_claim("tr(A*X*B)", "B*A", wrt="X", declare=DECLARED)
    assert wrong.passed is False and "transpose" in wrong.message
    assert md.check_derivation("f = tr(A*X*B)\ndf = tr(A*dX*B)\n   = <A'*B', dX>", wrt="X").passed is True
    assert md.check_derivation("f = tr(A*X*B)\ndf = 2*tr(A*dX*B)", wrt="X").line == 2


def test_any_order_by_repetition() -> None:
    first = md.derive("sum(x.^3)", wrt="x")
    second = md.derive(first.gradient, wrt="x")
    assert second.jacobian == first.hessian == md.parse("6*diag(x)")
    with pytest.raises(md.ShapeError, match="jacobian"):
        _ = second.gradient


def test_several_variables() -> None:
    d = md.derive("norm(X - U*V')^2", wrt="U,V")
    data, U, V = rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    arrays = {"X": data, "U": U, "V": V}
    residual = data - U @ V.T
    assert list(d.gradient) == ["U", "V"]
    np.testing.assert_allclose(d.gradient["U"].evaluate(**arrays), -2 * residual @ V)
    np.testing.assert_allclose(d.vjp(1.0, **arrays)["V"], -2 * residual.T @ U)
    np.testing.assert_allclose(d.value_and_grad(**arrays)[1]["V"], -2 * residual.T @ U)
    dU, dV = rng.normal(size=U.shape), rng.normal(size=V.shape)
    slope = -2 * np.sum(residual * (dU @ V.T + U @ dV.T))
    assert d.jvp({"U": dU, "V": dV}, **arrays) == pytest.approx(slope)
    turn = dU @ V.T + U @ dV.T
    np.testing.assert_allclose(d.hvp({"U": dU, "V": dV}, **arrays)["U"], 2 * turn @ V - 2 * residual @ dV)
    for direction in (dU, {"U": dU}, None):
        with pytest.raises(md.MatdiffError, match=r"dict|no direction"):
            d.jvp(direction, **arrays)
    by_names = md.derive("norm(X - U*V')^2", wrt=["U", "V"])
    assert by_names.gradient == d.gradient


def test_expressions() -> None:
    e = md.parse("x'*A*x", declare="A: n×n")
    S, x = rng.normal(size=(3, 3)), rng.normal(size=3)
    assert e.evaluate(x=x, A=S) == pytest.approx(x @ S @ x)
    assert str(e) == "xᵀ A x" and e.text(ascii=True) == "x'*A*x" and "^" in e.latex()
    assert e.types == "x: n; A: n×n" and md.parse(str(e), declare=e.types) == e


@pytest.mark.parametrize(
    ("one", "other"),
    [("2*(b - c) + d", "2*b - 2*c + d"), ("A*(b + c) - A*b", "A*c"), ("2*(b + c) + 2*(b - c)", "4*b")],
)
def test_equal_however_it_is_written(one: str, other: str) -> None:
    declare = "A: n×n; b: n; c: n; d: n"
    first, second = md.parse(one, declare=declare), md.parse(other, declare=declare)
    assert first == second and hash(first) == hash(second) and first != md.parse("b", declare=declare)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_compiled_functions(backend: str) -> None:
    if backend != "numpy":
        pytest.importorskip(backend)
    d = md.derive("x'*A*x/2", wrt="x")
    S, x = rng.normal(size=(3, 3)), rng.normal(size=3)
    given: dict[str, Any] = {"A": S, "x": x}
    if backend == "torch":
        import torch

        given = {k: torch.tensor(v) for k, v in given.items()}
    fn = d.gradient.compile(backend)
    np.testing.assert_allclose(np.asarray(fn(**given)), (S + S.T) @ x / 2, rtol=1e-5)
    assert "def f(" in d.gradient.source(backend)


def test_minimizing() -> None:
    d = md.derive("norm(A*x - b)^2 + norm(x)^2", wrt="x")
    b = rng.normal(size=3)
    fun, jac, hessp = d.scipy(A=A, b=b)
    found = minimize(fun, np.zeros(4), jac=jac, hessp=hessp, method="Newton-CG", tol=1e-10)
    np.testing.assert_allclose(found.x, np.linalg.solve(A.T @ A + np.eye(4), A.T @ b), atol=1e-6)
    with pytest.raises(md.MatdiffError, match="array b is missing"):
        d.scipy(A=A)


def test_without_text() -> None:
    M, x, t = md.matrix("A", "m", "n"), md.vector("x", "n"), md.scalar("t")
    S = md.matrix("S", "n", "n", "symmetric")
    assert md.derive(md.tr(M @ M.T), wrt=M).gradient == md.parse("2*A", declare="A: m×n")
    assert md.trace(S) == md.tr(S) == md.parse("tr(S)", declare="S: n×n symmetric")
    assert (t * M @ x / 2 - x[0] * M[:, 0]).types == "t: scalar; A: m×n; x: n"
    assert list(md.derive(x @ x * t, wrt=[x, t]).gradient) == ["x", "t"]


def test_operators_are_numpys() -> None:
    a, b = rng.normal(size=4), rng.normal(size=4)
    P, Q, s = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), 1.7
    x, y, t = md.vector("x", 4), md.vector("y", 4), md.scalar("t")
    M, N = md.matrix("M", 4, 4), md.matrix("N", 4, 4)

    def both(x: Any, y: Any, M: Any, N: Any, t: Any) -> list[Any]:
        sums = [x + y, 1 + x, x - 1, t + M, 2 - x, -M]
        products = [x @ y, M @ x, x @ M, M @ N, x * y, M * N, t * x, M * 2, 3 * t]
        others = [x / 2, M / t, x / y, 1 / x, x**2, M**2, t**3, 2**t, 2**x, M.T, x.T, M.T @ x]
        return [*sums, *products, *others, x[0], x[-1], M[1, 2], M[0], M[:, 1], x[1:3], M[0:2, 1:4], M[-1], *x, *M]

    arrays = {"x": a, "y": b, "M": P, "N": Q, "t": s}
    for ours, theirs in zip(both(x, y, M, N, t), both(a, b, P, Q, s), strict=True):
        value = np.squeeze(ours.evaluate(**{v.name: arrays[v.name] for v in ours.variables}))
        np.testing.assert_allclose(value, theirs, err_msg=str(ours))


def test_numbers_of_numpy_are_numbers() -> None:
    x: Any = md.vector("x", "n")
    assert np.int64(2) * x == x * np.array(2) == 2 * x
    assert np.float64(2) * x == x * np.array(2.0) == 2.0 * x
    assert str(x * np.float64(0.5)) == str(0.5 * x)


def test_results_carry_their_declarations() -> None:
    d = md.derive("tr(X)", wrt="X", declare="other: scalar")
    assert d.gradient.evaluate(X=np.ones((3, 3)), other=1).tolist() == np.eye(3).tolist()
    assert d.gradient.compile()(X=np.ones((3, 3)), other=1).tolist() == np.eye(3).tolist()
    for e in (d.differential, d.gradient, md.derive("logdet(X'*X)", wrt="X").gradient):
        assert md.parse(str(e), declare=e.types) == e


def test_shapes_of_derivatives() -> None:
    x = rng.normal(size=4)
    assert md.derive("x'*x", wrt="x").jacobian.evaluate(x=x).shape == (1, 4)
    assert md.parse("x'*A").evaluate(x=x, A=np.ones((4, 2))).shape == (1, 2)
    assert md.derive("norm(X)^2", wrt="X").hessian.evaluate(X=X).shape == (20, 20)
    assert md.derive("t*X", wrt="t", declare="t: scalar").jacobian.evaluate(t=2.0, X=X).shape == X.shape
    S = np.diag([1.0, 2.0])
    d = md.derive("tr(A*S)", wrt="S", declare="S: n×n symmetric")
    lower = np.array([[0.0, 0.0], [1.0, 0.0]])
    assert d.vjp(1.0, A=lower, S=S).tolist() == [[0, 0.5], [0.5, 0]]
    with pytest.raises(md.DomainError, match="tangent"):
        d.jvp(lower, A=lower, S=S)
    with pytest.raises(md.UnsupportedError, match="tangent directions"):
        _ = md.derive("tr(A*Q)", wrt="Q", declare="Q: n×n orthogonal").hessian


DOMAINS: dict[str, dict[str, Any]] = {
    "inv(X)": {"X": np.ones((2, 2))},
    "logdet(X)": {"X": -np.eye(3)},
    "log(t)": {"t": -1.0},
    "tr(chol(S))": {"S": -np.eye(2)},
}


@pytest.mark.parametrize("text", DOMAINS)
def test_outside_the_domain(text: str) -> None:
    with pytest.raises(md.DomainError):
        md.parse(text, declare="t: scalar; S: n×n symmetric").evaluate(**DOMAINS[text])


@pytest.mark.parametrize(
    ("text", "declare", "arrays"),
    [
        ("logdet(X)", "X: n×n", {"X": np.diag([-1.0, 1.0])}),
        ("sum(log(x))", "x: n", {"x": -np.ones(2)}),
        ("x[1]/x[1]", "x: n", {"x": np.zeros(2)}),
        ("tr(pinv(X))", "X: n×n", {"X": np.ones((2, 2))}),
    ],
)
def test_a_derivative_has_the_domain_of_its_function(text: str, declare: str, arrays: dict[str, Any]) -> None:
    (name, at), *_ = arrays.items()
    d = md.derive(text, wrt=name, declare=declare)
    again = pickle.loads(pickle.dumps(d.gradient))
    for value in (d.gradient.evaluate, d.jacobian.evaluate, d.hessian.evaluate, again.evaluate):
        with pytest.raises(md.DomainError):
            value(**arrays)
    for product in (d.jvp, d.hvp):
        with pytest.raises(md.DomainError):
            product(np.ones_like(at), **arrays)
    with pytest.raises(md.DomainError):
        d.vjp(1.0, **arrays)


def test_the_weight_of_an_inner_product_changes_gradients_and_not_jacobians() -> None:
    d = md.derive("x'*A*x", wrt="x", inner="W")
    x, V, M, W = np.array([1.0, 2.0]), np.array([1.0, -1.0]), np.array([[1.0, 2.0], [0.0, 1.0]]), np.diag([2.0, 3.0])
    at = {"x": x, "A": M, "W": W}
    assert d.jacobian.evaluate(**at) @ V == pytest.approx(d.jvp(V, **at))
    assert d.vjp(1.0, **at) == pytest.approx(d.gradient.evaluate(**at))
    assert d.hessian.evaluate(**at) @ V == pytest.approx(d.hvp(V, **at))
    assert d.hessian == md.derive(d.gradient, wrt="x").jacobian
    assert d.verify().passed and d.verify(order=2).passed


@pytest.mark.parametrize("attribute", ["symmetric", "skew", "diagonal", "lower", "spd"])
def test_orthogonal_matrices_with_a_further_property_do_not_move(attribute: str) -> None:
    declare = f"P: n×n orthogonal {attribute}; t: scalar"
    with pytest.raises(md.UnsupportedError, match="tangent space"):
        md.derive("tr(P*A)", wrt="P", declare=declare)
    assert md.derive("t*tr(P*A)", wrt="t", declare=declare).gradient == md.parse("tr(P*A)", declare=declare)


@pytest.mark.parametrize(
    ("text", "declare", "wrt"),
    [
        ("σ*sum(sigmoid(x))", "x: n; σ: scalar", "x"),
        ("tr(D)*vech(S)", "D: n×n; S: n×n symmetric", "S"),
        ("K*X'", "K: p×n; X: m×n", "X"),
        ("x[1]*e'*x", "x: n; e: n", "x"),
    ],
)
def test_constants_do_not_go_by_the_names_of_variables(text: str, declare: str, wrt: str) -> None:
    d = md.derive(text, wrt=wrt, declare=declare)
    found = [d.differential, d.jacobian, *([d.gradient, d.hessian] if d.kind == "gradient" else [])]
    assert all(md.parse(str(e), declare=e.types) == e for e in found)


def test_names_as_they_are_typed() -> None:
    d = md.derive("x₁'*x₁*µ", wrt="x₁")
    at = {"x₁": np.ones(2), "µ": 2.0}
    assert d.gradient.evaluate(**at).tolist() == d.gradient.evaluate(x_1=np.ones(2), μ=2.0).tolist() == [4, 4]
    assert md.derive("µ*x", wrt="µ").jacobian == md.parse("x")
    for text in ("‖X‖_F²", "‖X‖²_F"):
        assert md.parse(text) == md.parse("norm(X)^2")


def test_constants_from_python() -> None:
    A, x = md.matrix("A", "n", "n"), md.vector("x", "n")
    for e, text in [
        (A + md.eye("n"), "A + I"),
        (md.ones("n") + md.zeros("n"), "ones(n)"),
        (md.e("n", 2), "e(n,2)"),
        (md.K("n", 3) @ md.vec(md.ones("n", 3)), "K(n,3)*vec(ones(n,3))"),
        (md.D("n"), "D(n)"),
        (md.max(0, x) + abs(+x), "relu(x) + abs(x)"),
        (md.max(x, 1) + md.softmax(A, 2) @ md.sum(A, 1), "max(x, 1) + rowsoftmax(A)*colsum(A)"),
        (md.sigma(x) * md.sigma(A, 1) * md.pi, "sigmoid(x)*sigma(A,1)*pi"),
        (md.frechet("expm", A, A.T), "frechet(expm, A, A')"),
    ]:
        assert e == md.parse(text, declare="A: n×n; x: n")
    for wrong in (
        lambda: md.softmax(A, 3),
        lambda: md.eye("n; x"),
        lambda: md.ones(2.5),
        lambda: md.frechet("f", A, A),
    ):
        with pytest.raises(md.MatdiffError):
            wrong()


def test_where_derivatives_do_not_exist() -> None:
    with pytest.raises(md.DomainError):
        md.derive("norm(x)", wrt="x").gradient.evaluate(x=np.zeros(3))
    with pytest.raises(md.DomainError, match="symmetric"):
        md.parse("tr(S)", declare="S: n×n symmetric").evaluate(S=np.array([[1.0, 2.0], [0.0, 1.0]]))
    for f in ("abs", "relu", "sign"):
        d = md.derive(f"sum({f}(x))", wrt="x")
        assert d.gradient.evaluate(x=np.zeros(2)).tolist() == [0, 0]
        assert d.value_and_grad(x=np.zeros(2))[0] == 0
    for text in ("sum(max(x,0))", "norm1(x)", "norminf(x)"):
        assert md.derive(text, wrt="x").gradient.evaluate(x=np.zeros(2)).tolist() == [0, 0]


def test_missing_and_misshapen_arrays() -> None:
    d = md.derive("x'*A*x", wrt="x")
    with pytest.raises(md.MatdiffError, match="array A is missing"):
        d.evaluate(x=np.ones(2))
    for x in (np.ones(3), np.ones((2, 1)), 1.0):
        with pytest.raises(md.ShapeError, match="x"):
            d.gradient.evaluate(x=x, A=np.eye(2))
    for value in ("a", None, [1j, 2], object()):
        with pytest.raises(md.MatdiffError, match="x"):
            d.evaluate(x=value, A=np.eye(2))


x: Any = md.vector("x", "n")
M: Any = md.matrix("X", "n", "n")
d0 = md.derive("x'*x", wrt="x")
REFUSED: dict[str, Any] = {
    "wrt takes a variable": [lambda: md.derive("x'*x", wrt=None), lambda: md.derive("x'*x", wrt=3)],  # type: ignore[arg-type]
    "wrt must be": [lambda: md.derive(x @ x, wrt=x @ x), lambda: md.derive("x'*x", wrt=[3])],  # type: ignore[list-item]
    "did you mean x": [lambda: md.derive("x'*x", wrt="X"), lambda: md.derive("x1'*x2", wrt="x")],
    "x is a vector of length n in the function": [lambda: md.derive(x @ x, wrt=md.vector("x", "m"))],
    "carries its declarations": [
        lambda: md.derive(x @ x, wrt="x", declare="x: m"),
        lambda: md.derive(M @ M, wrt="X", declare="X: n×n symmetric"),
    ],
    "text or a list of texts": [
        lambda: md.derive("x'*x", wrt="x", declare=3),  # type: ignore[arg-type]
        lambda: md.parse("A*x", declare={"A": "n×n"}),  # type: ignore[arg-type]
    ],
    "a text is wanted": [lambda: md.derive(3, wrt="x"), lambda: md.parse(None)],  # type: ignore[arg-type]
    "inner takes": [lambda: md.derive("x'*x", wrt="x", inner=3)],  # type: ignore[arg-type]
    "not with ndarray": [lambda: M @ np.ones(3), lambda: np.ones((3, 3)) @ M, lambda: x + np.ones(3)],
    "expressions and numbers, not with": [
        lambda: np.ones(3) * x,
        lambda: x + "a",
        lambda: x + None,
        lambda: x * 1j,
        lambda: x @ None,
        lambda: x ** "2",
    ],
    "numbers are finite": [lambda: x + float("nan"), lambda: x * float("inf"), lambda: md.exp(float("inf"))],
    "cannot iterate": [lambda: list(x), lambda: 1 in M, lambda: list(md.scalar("t"))],
    "seed is a whole number": [lambda: d0.verify(seed="a"), lambda: d0.verify(seed=-1)],  # type: ignore[arg-type]
    "points is a whole number": [lambda: d0.verify(points=0)],
    "numbers by name": [lambda: d0.verify(sizes=3)],  # type: ignore[arg-type]
    "there is no claim": [lambda: md.check_claim("x'*x", None, wrt="x")],  # type: ignore[arg-type]
    "a dimension of A is": [lambda: md.matrix("A", None, 2), lambda: md.matrix("A", 2, True)],  # type: ignore[arg-type]
    "one variable": [lambda: md.vector("x", "n; y: m"), lambda: md.vector("x", "m×n"), lambda: md.vector("x, y", "n")],
    "is a text, not": [lambda: md.matrix("A", "n", "n", 3), lambda: md.scalar(3)],  # type: ignore[arg-type]
    "no singular value 9: a matrix 3×2 has 2": [lambda: md.derive("sigma(A,9)", wrt="A", declare="A: 3×2")],
    "no singular value 3: a matrix n×2 has at most 2": [lambda: md.sigma(md.matrix("A", "n", 2), 3)],
    'declare it: "X: n×n symmetric"': [lambda: md.derive("tr(X)", wrt="X").independent_gradient],
}


@pytest.mark.parametrize("words", REFUSED)
def test_wrong_use_is_refused_by_name(words: str) -> None:
    for wrong in REFUSED[words]:
        with pytest.raises(md.MatdiffError) as refusal:
            wrong()
        assert words in str(refusal.value)


def test_messages_are_short() -> None:
    for wrong in ("x" * 90_000, "x y" * 30_000, ",".join(f"x{i}" for i in range(9999))):
        with pytest.raises(md.ParseError) as refusal:
            md.derive("x'*x", wrt=wrong)
        assert len(str(refusal.value)) < 600


FORMULAS = ["r = A*x - b; r'*r", "sum(h(x))", "K(m,n)*vec(X)", "s(t) = t/(1+exp(-t)); sum(s(x))", "X[1,:]'*0.5*ones(n)"]


@pytest.mark.parametrize("text", FORMULAS)
def test_copies_and_pickles(text: str) -> None:
    e = md.parse(text, declare="h: elementwise; X: m×n")
    assert copy.copy(e) is e and copy.deepcopy(e) is e
    again = pickle.loads(pickle.dumps(e))
    assert again == e and again.types == e.types
    (name, *_) = e.types.split(":")
    d = md.derive(text, wrt=name, declare="h: elementwise; X: m×n")
    assert pickle.loads(pickle.dumps(d)).differential == d.differential == copy.deepcopy(d).differential


def test_deep_expressions_pickle() -> None:
    e = x
    for i in range(3_000):
        e = md.exp(e) if i % 2 else md.sin(e) + x
    assert pickle.loads(pickle.dumps(e)) == e


def test_pickles_are_read_elsewhere(tmp_path: Path) -> None:
    d = md.derive("logdet(A'*A) + sum(h(X))", wrt="X", declare="h: elementwise; X: m×n")
    (tmp_path / "pickled").write_bytes(pickle.dumps((d.gradient, str(d.gradient))))
    code = "import pickle, sys; e, text = pickle.load(open(sys.argv[1], 'rb')); assert str(e) == text"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "pickled")], check=True)
