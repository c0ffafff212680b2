"""What functions take: shapes and names are asked for on entry, kinds of arrays are named."""

from __future__ import annotations

import multiprocessing
import operator
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from libraries import PRESENT

import matdiff as md
from matdiff.errors import ArgumentError

DECLARED = "A: m×n; x: n; b: m; t: scalar; S: k×k; r: 1×n; v: m*n"
A, x, b, t = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 4.0]), np.array([0.5, -1.0]), 2.0
GIVEN = {"A": A, "x": x, "b": b, "t": t}
D = md.derive("t*norm(A*x - b)^2", wrt="x", declare=DECLARED)
BACKENDS = PRESENT


def entries() -> list[Callable[..., Any]]:
    """Everything that takes arrays by name."""
    return [
        *(D.gradient.compile(backend) for backend in BACKENDS),
        D.gradient.evaluate,
        D.evaluate,
        D.value_and_grad,
        lambda **arrays: D.jvp(x, **arrays),
        lambda **arrays: D.hvp(x, **arrays),
        lambda **arrays: D.vjp(1.0, **arrays),
        lambda **arrays: D.operator.evaluate(dx=x, **arrays),
    ]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"x": x[:, None]}, r"x is a vector .* 1-D array, .* 3×1\npass it as a vector: x.reshape"),
        ({"x": x[None, :]}, "x is a vector"),
        ({"x": x[:1]}, "x is a vector of length n, but got a 1-D array of length 1"),
        ({"x": 1.0}, "x .* a number"),
        ({"t": b}, "t is a scalar"),
        ({"t": np.ones(1)}, "t is a scalar"),
        ({"A": x}, "A is a matrix .* 1-D array of length 3\na column is A"),
        ({"A": A.T}, "[xb] is a vector of length [nm], but got|A is a matrix"),
        ({"A": np.stack([A, A])}, "A is a matrix .* 2×2×3\n.* no batch"),
        ({"b": np.ones((2, 4))}, "b is a vector .* 2×4\n.* no batch"),
        ({"z": 3}, "z is no variable of the function\nits variables are"),
        ({"X": x}, "X is no variable"),
        ({"A": scipy.sparse.csr_matrix(A)}, r"A is a sparse array \(csr_matrix\).*\npass A.toarray\(\)"),
        ({"x": np.ma.masked_array(x, x > 1)}, "x is a masked array"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(changed: dict[str, Any], named: str) -> None:
    for function in entries():
        with pytest.raises(md.MatdiffError, match=named) as refused:
            function(**{**GIVEN, **changed})
        assert isinstance(refused.value, TypeError) and isinstance(refused.value, ArgumentError)


@pytest.mark.parametrize("name", list(GIVEN))
def test_a_missing_array_is_named(name: str) -> None:
    for backend in BACKENDS:
        with pytest.raises(ArgumentError, match=f"the array {name} is missing"):
            D.gradient.compile(backend)(**{k: v for k, v in GIVEN.items() if k != name})


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_fits_is_taken(backend: str) -> None:
    right = D.gradient.evaluate(**GIVEN)
    function = D.gradient.compile(backend)
    for made in (function, pickle.loads(pickle.dumps(function)), D.gradient.compile(backend, unchecked=True)):
        for changed in ({}, {"t": 2}, {"x": x.tolist()}, {"t": np.float64(2)}, {"S": A}):
            np.testing.assert_allclose(np.asarray(made(**{**GIVEN, **changed})), right, rtol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_unchecked_functions_do_not_ask(backend: str) -> None:
    column = md.parse("x + y", declare="x: n; y: n").compile(backend, unchecked=True)
    assert np.asarray(column(x=x[:, None], y=x, z=x)).shape == (3, 3)


@pytest.mark.parametrize(
    ("text", "declare", "good", "bad"),
    [
        ("A*x", "A: n×n; x: n", {"A": (3, 3), "x": (3,)}, {"A": (3, 2), "x": (3,)}),
        ("A*v", "A: 2×(m*n); v: m*n", {"A": (2, 6), "v": (6,)}, {"A": (2, 6), "v": (1,)}),
        ("v + vec(A)", "A: m×n; v: m*n", {"A": (2, 3), "v": (6,)}, {"A": (2, 3), "v": (1,)}),
        ("A*v", "v: n; A: m×n", {"v": (3,), "A": (2, 3)}, {"v": (1,), "A": (2, 3)}),
        ("x + z", "x: 3; z: 3", {"x": (3,), "z": (3,)}, {"x": (1,), "z": (3,)}),
        ("r*A", "r: 1×n; A: n×n", {"r": (1, 3), "A": (3, 3)}, {"r": (3,), "A": (3, 3)}),
        ("plain + rest + fits + compute", "", dict.fromkeys(["plain", "rest", "fits", "compute"], (2,)), {}),
        ("self + known .* settled", "", dict.fromkeys(["self", "known", "settled"], (2,)), {}),
    ],
)
def test_sizes_and_names_of_all_forms(text: str, declare: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    declare = declare or "; ".join(f"{name}: n" for name in good)
    e = md.parse(text, declare=declare)
    for backend in BACKENDS:
        function = e.compile(backend)
        arrays = {name: np.ones(shape) for name, shape in good.items()}
        np.testing.assert_allclose(np.asarray(function(**arrays)), e.evaluate(**arrays))
        with pytest.raises(md.ShapeError):
            function(**{name: np.ones(shape) for name, shape in (bad or dict.fromkeys(good, (2, 2))).items()})


def test_sparse_and_batched_arrays_of_other_libraries() -> None:
    torch = pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    BCOO = pytest.importorskip("jax.experimental.sparse").BCOO

    with pytest.raises(ArgumentError, match=r"sparse array \(BCOO\)"):
        D.gradient.compile("jax")(**{**GIVEN, "A": BCOO.fromdense(A)})
    function = D.gradient.compile("torch")
    tensors = {name: torch.as_tensor(value) for name, value in GIVEN.items()}
    with pytest.raises(ArgumentError, match=r"sparse array \(Tensor\)"):
        function(**{**tensors, "A": tensors["A"].to_sparse()})
    rows = np.stack([x, 2 * x])
    rest = {name: value for name, value in GIVEN.items() if name != "x"}
    right = np.stack([D.gradient.evaluate(x=row, **rest) for row in rows])
    mapped = jax.vmap(lambda row: D.gradient.compile("jax")(x=row, **rest))(rows)
    np.testing.assert_allclose(mapped, right, rtol=1e-5)


def test_a_gradient_asks_only_for_what_it_contains() -> None:
    X = np.array([[2.0, 1.0], [0.5, 3.0]])
    d = md.derive("logdet(A*X)", wrt="X", declare="A: n×n; X: n×n")
    np.testing.assert_allclose(d.gradient.evaluate(X=X), np.linalg.inv(X).T)
    with pytest.raises(md.DomainError):
        d.gradient.evaluate(X=X, A=np.diag([1.0, -1.0]))
    with pytest.raises(md.MatdiffError, match="the array X is missing"):
        d.gradient.evaluate(A=X)


def test_a_variable_called_self() -> None:
    d = md.derive("self'*self", wrt="self", declare="self: n")
    for function in (d.gradient.evaluate, d.gradient.compile(), lambda self: d.value_and_grad(self=self)[1]):
        assert function(self=x).tolist() == (2 * x).tolist()
    assert d.evaluate(self=x) == x @ x and d.hvp(x, self=x).tolist() == (2 * x).tolist()
    assert d.operator.evaluate(self=x, dself=x) == 2 * x @ x


def test_functions_of_ones_own_travel(tmp_path: Path) -> None:
    md.elementwise("bend", "t/sqrt(1 + t^2)")
    md.elementwise("bent", "bend(2*t)")
    try:
        d = md.derive("sum(bent(x) .* bend(x))", wrt="x")
        made = pickle.dumps((d.gradient, d.gradient.compile(), d))
        (tmp_path / "pickled").write_bytes(made)
        again, _, _ = pickle.loads(made)
        assert again.node is d.gradient.node
        right = d.gradient.evaluate(x=x)
        # An executor, not a Pool: where its worker dies in unpickling it raises, and a Pool waits for ever.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            for task in (
                pool.submit(operator.methodcaller("evaluate", x=x), d.gradient),
                pool.submit(d.gradient.compile(), x=x),
                pool.submit(operator.methodcaller("vjp", 1.0, x=x), d),
            ):
                np.testing.assert_allclose(task.result(), right, rtol=1e-12)
    finally:
        md.forget("bend")
        md.forget("bent")
    code = "import pickle, sys, matdiff; d = pickle.load(open(sys.argv[1], 'rb'))[2]; print(d.function)"
    code += "; print(matdiff.parse('bent(x)'))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "pickled")], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["sum(bent(x) ⊙ bend(x))", "bent(x)"], done.stderr


def test_a_function_that_came_does_not_replace_one_that_is_here() -> None:
    md.elementwise("bend", "t^2")
    try:
        made = pickle.dumps(md.parse("sum(bend(x))"))
        md.forget("bend")
        md.elementwise("bend", "t^3")
        assert pickle.loads(made).evaluate(x=[2.0]) == 4 and md.parse("sum(bend(x))").evaluate(x=[2.0]) == 8
        assert md.derive(pickle.loads(made), wrt="x").gradient.evaluate(x=[2.0]).tolist() == [4]
    finally:
        md.forget("bend")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_masked_array_is_refused_behind_plain_ones(backend: str) -> None:
    gradient = D.gradient.compile(backend)
    gradient(**GIVEN)
    with pytest.raises(ArgumentError, match="x is a masked array"):
        gradient(**{**GIVEN, "x": np.ma.masked_array(x, x > 1)})
