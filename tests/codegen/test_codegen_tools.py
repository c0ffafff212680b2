"""`matdiff codegen`, its `--explain`, and the functions for `scipy.optimize.minimize`."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.special

import matdiff as md
from matdiff.cli.app import run
from matdiff.codegen import compile_, sources
from matdiff.codegen.explain import explain
from matdiff.errors import MatdiffError, ShapeError, UnsupportedError
from matdiff.interop.scipy import scipy_functions

rng = np.random.default_rng(0)
RIDGE = ("norm(X*w - y)^2/2 + λ/2*norm(w)^2", "w", "X: m×n; y: m; w: n; λ: scalar")
LOGISTIC = ("sum(softplus(-y .* (X*w))) + norm(w)^2/2", "w", "X: m×n; y: m; w: n")
FACTORS = ("norm(X - U*V')^2 + norm(U)^2 + norm(V)^2", "U,V", "X: m×n; U: m×2; V: n×2")


def derived(problem: tuple[str, str, str]) -> Any:
    return md.derive(problem[0], wrt=problem[1], declare=problem[2])


def test_minimising_ridge() -> None:
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    fun, jac, hessp = scipy_functions(derived(RIDGE), {"X": X, "y": y, "λ": 0.5})
    found = scipy.optimize.minimize(fun, np.zeros(4), jac=jac, hessp=hessp, method="Newton-CG", tol=1e-10)
    np.testing.assert_allclose(found.x, np.linalg.solve(X.T @ X + 0.5 * np.eye(4), X.T @ y), atol=1e-6)


def test_minimising_logistic_regression() -> None:
    X, y = rng.normal(size=(60, 3)), np.sign(rng.normal(size=60))
    fun, jac, hessp = scipy_functions(derived(LOGISTIC), {"X": X, "y": y})
    found = scipy.optimize.minimize(fun, np.ones(3), jac=jac, hessp=hessp, method="trust-ncg", tol=1e-10)
    w = found.x
    np.testing.assert_allclose(X.T @ (y * scipy.special.expit(-y * (X @ w))), w, atol=1e-5)


def test_minimising_over_two_matrices() -> None:
    X = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 4))
    fun, jac, hessp = scipy_functions(derived(FACTORS), {"X": X})
    z, v = rng.normal(size=18), rng.normal(size=18)
    assert scipy.optimize.check_grad(fun, jac, z) < 1e-4
    np.testing.assert_allclose(hessp(z, v), (jac(z + 1e-5 * v) - jac(z - 1e-5 * v)) / 2e-5, rtol=1e-4, atol=1e-5)
    U, V = z[:10].reshape(5, 2), z[10:].reshape(4, 2)
    assert np.isclose(fun(z), ((X - U @ V.T) ** 2).sum() + (z**2).sum())


def test_sizes_of_the_flat_vector() -> None:
    fun, jac, _ = scipy_functions(md.derive("x'*x", wrt="x"), {})
    assert fun([1, 2, 3]) == 14
    assert jac([1, 2, 3]).tolist() == [2, 4, 6]
    with pytest.raises(ShapeError, match="has 2 entries"):
        fun([1, 2])
    with pytest.raises(MatdiffError, match="the array y is missing"):
        scipy_functions(derived(RIDGE), {"X": np.eye(2)})
    with pytest.raises(UnsupportedError, match="S moves in a set"):
        scipy_functions(md.derive("logdet(S)", wrt="S", declare="S: n×n spd"), {})


@pytest.mark.parametrize(
    ("fixed", "length", "said"),
    [
        ({"A": np.ones((4, 3)), "b": np.ones(3)}, 3, "b is a vector of length m, but got a 1-D array of length 3"),
        ({"A": "a", "b": np.ones(4)}, 5, "A must be an array of real numbers"),
        ({"A": np.ones((4, 3)), "b": np.ones((4, 1))}, 3, "b is a vector of length m, so it takes a 1-D array"),
        ({"A": np.ones((4, 3)), "b": np.ones(4)}, 5, "the vector has 5 entries, but the variables have 3"),
        ({"A": np.ones((4, 3)), "b": np.ones(4)}, None, "one vector of numbers"),
    ],
)
def test_arrays_that_do_not_fit(fixed: dict[str, Any], length: int, said: str) -> None:
    with pytest.raises(MatdiffError, match=said):
        md.derive("norm(A*x - b)^2", wrt="x").scipy(**fixed)[1](np.zeros(length) if length else ["a"])
    half = md.derive("norm(x)^2 + norm(y)^2", wrt="x,y", declare="x: 2*n; y: n")
    with pytest.raises(ShapeError, match="the vector has 4 entries, but the variables have 3"):
        half.scipy()[0](np.ones(4))


def test_functions_for_scipy_are_pickled_and_give_arrays_of_their_own() -> None:
    b, z = rng.normal(size=3), rng.normal(size=3)
    for functions in (made := md.derive("b'*x", wrt="x").scipy(b=b), pickle.loads(pickle.dumps(made))):
        fun, jac, hessp = functions
        assert np.isclose(fun(z), b @ z)
        assert (jac(z) == b).all() and not np.shares_memory(jac(z), b)
        assert (hessp(z, z) == 0).all()


def test_symmetric_variables_stay_symmetric() -> None:
    C = np.diag([1.0, 2.0])
    fun, jac, hessp = scipy_functions(
        md.derive("norm(S - C)^2", wrt="S", declare="S: 2×2 symmetric; C: 2×2"), {"C": C + np.triu(np.ones((2, 2)), 1)}
    )
    found = scipy.optimize.minimize(fun, np.zeros(4), jac=jac, hessp=hessp, method="Newton-CG").x.reshape(2, 2)
    np.testing.assert_allclose(found, [[1, 0.5], [0.5, 2]], atol=1e-6)


def test_value_and_gradients_in_one_function() -> None:
    d = derived(FACTORS)
    nodes = {"": d.function.node, **{x: g.node for x, g in d.gradient.items()}}
    X, U, V = rng.normal(size=(5, 4)), rng.normal(size=(5, 2)), rng.normal(size=(4, 2))
    value, gradients = compile_(nodes, d.function.variables)(X=X, U=U, V=V)
    np.testing.assert_allclose(value, d.evaluate(X=X, U=U, V=V))
    np.testing.assert_allclose(gradients["V"], d.gradient["V"].evaluate(X=X, U=U, V=V))


def test_explained_orders() -> None:
    d = md.derive("x'*A*B*x", wrt="A", declare="A: m×p; B: p×m")
    text = explain(d.gradient.node, d.function.variables)
    assert "plan (operations, m = p = 100)" in text
    forward = md.parse("A*B*C*x", declare="A: n×n; B: n×n; C: n×n; x: n")
    lines = explain(forward.node, forward.variables).splitlines()
    assert lines[-3:] == [
        "in all: 60,000",
        "multiplied left to right: 4,020,000 (67.00 times)",
        "multiplied right to left: 60,000 (1.00 times)",
    ]
    assert explain(forward.node, forward.variables, sizes={"n": 10}).splitlines()[-3:] == [
        "in all: 600",
        "multiplied left to right: 4,200 (7.00 times)",
        "multiplied right to left: 600 (1.00 times)",
    ]


@pytest.mark.parametrize(("sizes", "here"), [("q=5", 0), ("p=10, m=20", 1), ("m=100, q=1000", 1)])
def test_explained_choice_is_the_cheapest(sizes: str, here: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "tr(A*B*C*D)", "--wrt", "A", "--explain", "--sizes", sizes]) == 0
    lines = capsys.readouterr().out.splitlines()
    size = dict.fromkeys("mnpq", 100) | {p[0]: int(p[2:]) for p in sizes.split(", ")}
    m, n, p, q = (size[name] for name in "mnpq")
    products = {"t1 = D.T @ (C.T @ B.T)": n * p * q + m * n * q, "t1 = D.T @ C.T @ B.T": m * p * q + m * n * p}
    assert here == list(products.values()).index(min(products.values()))
    start = lines.index("2 orders of multiplication; when called, the function takes the one with the least of")
    for k, (code, count) in enumerate(products.items()):
        cost, taken = lines[start + 1 + 2 * k : start + 3 + 2 * k]
        assert cost.endswith(f" = {count:,}: {code}")
        assert (taken == "    taken at these sizes") == (k == here)
    assert f"in all: {2 * min(products.values()) + 2 * m * n:,}" in lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--explain", "--sizes", "k=3"], "there is no dimension k\nthe dimensions are m, n"),
        (["--explain", "--sizes", "m=0"], "the size of m must be a positive whole number"),
        (["--explain", "--sizes", "m=1.5"], "the size of m must be a positive whole number"),
        (["--explain", "--sizes", "m"], """takes numbers by name, not 'm'\nfor instance --sizes "m=1000, n=20\""""),
        (["--explain", "--sizes", "m=1, m=2"], "gives m twice"),
        (["--sizes", "m=3"], "--sizes is what --explain counts"),
    ],
)
def test_wrong_sizes_are_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "norm(A*x)^2", "--wrt", "x", *options]) == 2
    assert said in capsys.readouterr().err


def test_command_prints_value_and_derivative(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "norm(A*x - b)^2/2", "--wrt", "x"]) == 0
    text = capsys.readouterr().out
    space: dict[str, Any] = {}
    exec(text, space)
    A, x, b = rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=3)
    r = A @ x - b
    value, gradient = space["value_and_gradient"](A=A, x=x, b=b)
    assert np.isclose(value, r @ r / 2)
    np.testing.assert_allclose(gradient, A.T @ r)
    np.testing.assert_allclose(space["gradient"](A=A, x=x, b=b), A.T @ r)
    assert "verified: " in text
    assert "def floats" in text
    assert text.count("import numpy as np") == 1


def test_command_prints_jacobians_for_other_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "A*x", "--wrt", "x", "--target", "jax"]) == 0
    text = capsys.readouterr().out
    assert "def value_and_jacobian(" in text
    assert "import jax.numpy as jnp" in text
    assert run(["codegen", "tr(logm(X))", "--wrt", "X", "--target", "torch"]) == 0
    assert "import torch" in capsys.readouterr().out
    assert run(["codegen", "x'*A*B*x", "--wrt", "x", "--explain"]) == 0
    assert "left to right" in capsys.readouterr().out


def test_modules_share_helpers() -> None:
    e = md.parse("exp(x)'*x")
    text = sources({"first": (e.node, "the first"), "second": (e.node, "")}, e.variables)
    assert text.count("def floats") == 1
    assert "def first(" in text and "def second(" in text


def test_docstrings_say_what_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["codegen", "norm(X + Y)^2", "--wrt", "X,Y", "--order", "2"]) == 0
    text = capsys.readouterr().out
    assert 'Return {"X": a matrix m×n, "Y": a matrix m×n}.\n' in text
    assert 'Return (a scalar, {"X": a matrix m×n, "Y": a matrix m×n}).\n' in text
    assert RETURN in text
    assert max(map(len, text.splitlines())) <= 99
    assert "'" not in text.split('"""')[-1]


RETURN = """\
    Return (
        a scalar,
        {"X": a matrix m×n, "Y": a matrix m×n},
        {
            ("X", "X"): a matrix m*n×m*n,
            ("X", "Y"): a matrix m*n×m*n,
            ("Y", "X"): a matrix m*n×m*n,
            ("Y", "Y"): a matrix m*n×m*n,
        },
    ).
"""


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_source_begins_with_the_formula(backend: str) -> None:
    names = "; ".join(f"long_name_{k}: n" for k in range(12))
    total = " + ".join(f"sin(long_name_{k})" for k in range(12))
    text = md.parse(f"({total}) .* long_name_1", declare=names).source(backend)
    assert '    """long_name_1 ⊙ (sin(long_name_0)' in text or '    """(sin(long_name_0)' in text
    assert max(map(len, text.splitlines())) <= 99
    compile(text, "", "exec")
