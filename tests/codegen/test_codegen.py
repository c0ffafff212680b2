"""Generated code against a plain evaluation in which everything is a matrix."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from codegen_cases import (
    CORE,
    RECORDS,
    SIZES,
    VARIABLES,
    A,
    B,
    S,
    X,
    Y,
    arrays,
    b,
    e2,
    half,
    m,
    n,
    r,
    t,
    u,
    w,
    x,
    y,
)  # fmt: skip
from counting import at_most

import matdiff as md
from matdiff.codegen import compile_, source
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, number, symbol, topological
from matdiff.core.op import Linear, Op
from matdiff.core.shape import ONE, ZERO, Dim, triangular
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.ops import algebra as al
from matdiff.ops import constants as co
from matdiff.ops import elementwise as el
from matdiff.ops import indexing as ix
from matdiff.ops import kronecker as kr
from matdiff.ops import linalg as la
from matdiff.ops import matrix_functions as mf
from matdiff.ops import reductions as re_
from matdiff.ops import spectral as sp
from matdiff.ops import structure as st

# an evaluation that shares nothing with the generator: vectors are n×1, scalars 1×1


def stacked(M: np.ndarray) -> np.ndarray:
    return M.reshape(-1, 1, order="F")


def commutation(rows: int, cols: int) -> np.ndarray:
    columns = [stacked(np.outer(np.eye(rows)[i], np.eye(cols)[j]).T) for j in range(cols) for i in range(rows)]
    return np.hstack(columns)


PLAIN: dict[str, Callable[..., Any]] = {
    "add": lambda *a: sum(a[1:], a[0]),
    "scale": lambda s, M: s[0, 0] * M,
    "matmul": lambda M, N: M @ N,
    "transpose": lambda M: M.T,
    "hadamard": lambda M, N: M * N,
    "inner": lambda M, N: [[np.trace(M.T @ N)]],
    "power": lambda M, k: M ** k[0, 0],
    "mpow": lambda M, k: np.linalg.matrix_power(M, k),
    "entry": lambda M, i, j: M[i - 1 : i, j - 1 : j],
    "getrow": lambda M, i: M[i - 1 : i].T,
    "getcol": lambda M, j: M[:, j - 1 : j],
    "slice": lambda M, r0, r1, c0, c1: M[r0:r1, c0:c1],
    "hcat": lambda *blocks: np.hstack(blocks),
    "vcat": lambda *blocks: np.vstack(blocks),
    "tr": lambda M: [[np.trace(M)]],
    "sum": lambda M: [[M.sum()]],
    "prod": lambda M: [[M.prod()]],
    "mean": lambda M: [[M.sum() / M.size]],
    "norm": lambda M: [[np.sqrt((M**2).sum())]],
    "norm1": lambda M: [[np.abs(M).sum()]],
    "logsumexp": lambda M: [[np.log(np.exp(M).sum())]],
    "softmax": lambda M: np.exp(M) / np.exp(M).sum(),
    "inv": lambda M: np.linalg.solve(M, np.eye(len(M))),
    "det": lambda M: [[np.prod(np.linalg.eigvals(M)).real]],
    "logdet": lambda M: [[np.log(np.prod(np.linalg.eigvals(M)).real)]],
    "adj": lambda M: np.prod(np.linalg.eigvals(M)).real * np.linalg.inv(M),
    "cof": lambda M: np.prod(np.linalg.eigvals(M)).real * np.linalg.inv(M).T,
    "pinv": lambda M: scipy.linalg.pinv(M),
    "chol": lambda M: scipy.linalg.cholesky(M, lower=True),
    "diag": lambda M: np.array([[M[i, i]] for i in range(len(M))]),
    "Diag": lambda v: np.eye(len(v)) * v,
    "tril": lambda M: np.array([[v if i >= j else 0 for j, v in enumerate(r)] for i, r in enumerate(M)]),
    "triu": lambda M: np.array([[v if i <= j else 0 for j, v in enumerate(r)] for i, r in enumerate(M)]),
    "sym": lambda M: 0.5 * M + 0.5 * M.T,
    "skew": lambda M: 0.5 * M - 0.5 * M.T,
    "vech": lambda X: X.T[np.triu_indices(len(X))],
    "unvech": lambda x, n: sum(
        c * ((E := np.outer(np.eye(n)[i], np.eye(n)[j])) + (i != j) * E.T)
        for c, (j, i) in zip(x, np.argwhere(np.tri(n).T > 0), strict=True)
    ),
    "vec": stacked,
    "unvec": lambda v, r, c: v.reshape(c, r).T,
    "kron": lambda M, N: np.block([[v * N for v in row] for row in M]),
    "kronv": lambda u, v: stacked(v @ u.T),
    "unkron_left": lambda M, N, r, c: np.array(
        [[np.sum(blk * N) for blk in np.hsplit(band, c)] for band in np.vsplit(M, r)]
    ),
    "unkron_right": lambda M, N, r, c: sum(
        M[i, j] * blk
        for i, band in enumerate(np.vsplit(N, M.shape[0]))
        for j, blk in enumerate(np.hsplit(band, M.shape[1]))
    ),
    "expm": lambda M: np.linalg.matrix_power(taylor(M / 64), 64),
    "logm": lambda M: spectral(np.log, M),
    "cosm": lambda M: PLAIN["expm"](np.block([[0 * M, -M], [M, 0 * M]]))[: len(M), : len(M)],
    "sinm": lambda M: PLAIN["expm"](np.block([[0 * M, -M], [M, 0 * M]]))[len(M) :, : len(M)],
    "sqrtm": lambda M: spectral(np.sqrt, M),
    "frechet_expm": lambda M, V: central(PLAIN["expm"], M, V),
    "frechet_logm": lambda M, V: central(PLAIN["logm"], M, V),
    "frechet_cosm": lambda M, V: central(PLAIN["cosm"], M, V),
    "frechet_sinm": lambda M, V: central(PLAIN["sinm"], M, V),
    "mpower": lambda M, k: scipy.linalg.fractional_matrix_power(M, k[0, 0]),
    "frechet_mpower": lambda M, V, k: central(lambda X: scipy.linalg.fractional_matrix_power(X, k[0, 0]), M, V),
    "row_softmax": lambda M: np.exp(M) / np.exp(M).sum(axis=1, keepdims=True),
    "row_logsumexp": lambda M: np.log(np.exp(M).sum(axis=1, keepdims=True)),
    "rownorm": lambda M: np.sqrt((M * M).sum(axis=1, keepdims=True)),
    "norm21": lambda M: [[np.sqrt((M * M).sum(axis=1)).sum()]],
    "max": lambda M: [[max(M.ravel())]],
    "min": lambda M: [[min(M.ravel())]],
    "rowmax": lambda M: [[max(row)] for row in M],
    "largest": lambda M: np.where(max(M.ravel()) == M, 1.0, 0.0),
    "rowlargest": lambda M: np.array([np.where(row == max(row), 1.0, 0.0) for row in M]),
    "maximum": lambda M, N: np.where(M > N, M, N),
    "minimum": lambda M, N: np.where(M < N, M, N),
    "khatrirao": lambda M, N: np.column_stack([np.kron(u, v) for u, v in zip(M.T, N.T, strict=True)]),
    "sylvester": lambda M, N, R: np.linalg.solve(
        np.kron(np.eye(len(N)), M) + np.kron(N.T, np.eye(len(M))), stacked(R)
    ).reshape(R.shape, order="F"),
    "polygamma": lambda k, M: scipy.special.polygamma(int(k[0, 0]), M),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sign": np.sign,
    "heaviside": lambda M: (M > 0) * 1.0,
    "sigmoid": lambda M: 1 / (1 + np.exp(-M)),
    "softplus": lambda M: np.log1p(np.exp(M)),
    "relu": lambda M: np.where(M > 0, M, 0),
    "erf": scipy.special.erf,
    "lgamma": lambda M: np.log(scipy.special.gamma(M)),
    "digamma": scipy.special.psi,
    **{f: getattr(np, f) for f in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f: getattr(np, g) for f, g in (("asin", "arcsin"), ("acos", "arccos"), ("atan", "arctan"))},
}


def taylor(M: np.ndarray) -> np.ndarray:
    return sum(np.linalg.matrix_power(M, k) / scipy.special.factorial(k) for k in range(12))


def spectral(f: Callable[[Any], Any], M: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eig(M)
    return (vectors @ np.diag(f(values.astype(complex))) @ np.linalg.inv(vectors)).real


def central(f: Callable[[Any], Any], M: np.ndarray, V: np.ndarray) -> np.ndarray:
    h = 1e-5
    return (f(M + h * V) - f(M - h * V)) / (2 * h)


def plain(root: Node, given: dict[str, Any], sizes: dict[str, int] = SIZES) -> Any:
    value: dict[Node, np.ndarray] = {}
    for node in topological(root):
        shape = (node.rows.evaluate(sizes), node.cols.evaluate(sizes))
        match node:
            case Symbol():
                value[node] = np.asarray(given[node.name] if node.body is None else value[node.body], float)
            case Number():
                value[node] = np.asarray(float(node.value))
            case Constant(name="I"):
                value[node] = np.eye(shape[0])
            case Constant(name="zeros" | "ones"):
                value[node] = np.full(shape, float(node.name == "ones"))
            case Constant(name="e"):
                value[node] = np.eye(shape[0])[node.index - 1]
            case Constant(name="K"):
                value[node] = commutation(*(d.evaluate(sizes) for d in node.dims))
            case Constant(name="pi"):
                value[node] = np.asarray(np.pi)
            case Constant():
                value[node] = np.asarray(float(node.dims[0].evaluate(sizes)))
            case Apply():
                params = [v.evaluate(sizes) if isinstance(v, Dim) else v for v in node.params]
                if node.op.name == "embed":
                    value[node] = np.zeros(shape)
                    r, c = value[node.args[0]].shape
                    value[node][params[0] : params[0] + r, params[1] : params[1] + c] = value[node.args[0]]
                else:
                    value[node] = np.asarray(PLAIN[node.op.name](*(value[a] for a in node.args), *params))
        value[node] = value[node].reshape(shape, order="F")
    result = value[root]
    return result[0, 0] if root.kind == "scalar" else result[:, 0] if root.kind == "vector" else result


@pytest.mark.parametrize("name", [*CORE, *RECORDS])
def test_code_agrees_with_plain_evaluation(name: str) -> None:
    node = CORE.get(name) or RECORDS[name]
    tolerance = 1e-6 if "frechet" in name else 1e-10
    for seed in (1, 2):
        given = arrays(seed)
        expected = plain(node, given)
        for got in (evaluate(node, VARIABLES, given), compile_(node, VARIABLES)(**given)):
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
            assert np.shape(got) == np.shape(expected)
    assert node.kind != "scalar" or isinstance(evaluate(node, VARIABLES, given), float)


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate")
@pytest.mark.parametrize("name", [*CORE, *RECORDS])
def test_single_precision_stays(name: str) -> None:
    node = CORE.get(name) or RECORDS[name]
    given = {k: np.float32(v) for k, v in arrays().items()}
    got = compile_(node, VARIABLES)(**given)
    assert getattr(got, "dtype", np.dtype(np.float32)) == np.float32
    np.testing.assert_allclose(got, plain(node, arrays()), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", [*CORE, *RECORDS])
def test_source_stands_alone_and_is_shallow(name: str) -> None:
    node = CORE.get(name) or RECORDS[name]
    text = source(node, VARIABLES, name="value", doc='What it is: \\ and """')
    assert "matdiff" not in text
    assert max(len(line) for line in text.splitlines()) <= 99
    assert nesting(ast.parse(text).body[-1]) < 20
    space: dict[str, Any] = {}
    exec(text, space)
    given = arrays()
    np.testing.assert_allclose(space["value"](**given), plain(node, given), rtol=1e-6, atol=1e-6)


def nesting(tree: ast.AST) -> int:
    depth = {tree: 0}
    queue = [tree]
    for node in queue:
        for child in ast.iter_child_nodes(node):
            depth[child] = depth[node] + isinstance(child, ast.expr)
            queue.append(child)
    return max(depth.values())


def lines(node: Node, *variables: Symbol, **options: Any) -> list[str]:
    """The body of the generated function after its docstring."""
    text = source(node, variables or VARIABLES, **options)
    function = ast.parse(text).body[-1]
    assert isinstance(function, ast.FunctionDef)
    return [ast.unparse(line) for line in function.body[1:]]


PLANS = {
    "A @ (B @ u)": A @ B @ u,
    "np.linalg.solve(X, x)": la.inv(X) @ x,
    "A @ cholesky_inverse(cholesky(A.T @ A))": A @ la.inv(A.T @ A),
    "cholesky_solve(cholesky(A.T @ A), x)": la.inv(A.T @ A) @ x,
    "cholesky_solve(cholesky(A.T @ A), B)": la.inv(A.T @ A) @ B,
    "x[:, None] * X": st.Diag(x) @ X,
    "X * x": X @ st.Diag(x),
    "np.sum(X * Y.T)": re_.tr(X @ Y),
    "np.vdot(X, Y)": al.inner(X, Y),
    "x @ y": al.inner(x, y),
    "1 + X": 1 + X,
    "A[:, 1].copy()": A @ e2,
    "adjugate(X)": la.det(X) * la.inv(X),
    "(Y @ X @ X.T).reshape(-1, order='F')": kr.kron(X, Y) @ st.vec(X),
    "A.T.reshape(-1, order='F').copy()": co.commutation(m, n) @ st.vec(A),
    "X / norm(X)": X / re_.norm(X),
    "1 - 2 * t": 1 - 2 * t,
    "dtype.type(3.0)": number(3),
}


@pytest.mark.parametrize("expected", PLANS)
def test_plan(expected: str) -> None:
    assert lines(PLANS[expected])[-1] == f"return {expected}"


def test_shared_parts_are_named_once_after_the_users_names() -> None:
    assert lines(A.T @ r + al.inner(r, r) * x, A, x, b) == [
        "A, x, b = floats(A, x, b)",
        "r = A @ x - b",
        "return A.T @ r + r @ r * x",
    ]


def test_systems_with_one_matrix_share_its_factors() -> None:
    got = lines(al.inner(la.inv(X) @ x, la.inv(X).T @ y), X, x, y)
    assert sum("lu_factor(" in line for line in got) == 1
    assert not any("inv(" in line for line in got)


def test_whole_source() -> None:
    assert source(half * al.inner(r, r), (A, x, b), name="loss", doc="half a sum of squares") == LOSS


LOSS = '''\
import numpy as np


def floats(*values):
    """The inputs as floating-point arrays of one type: single if all are, else double."""
    doubles = []
    for v in values:
        if isinstance(v, float):
            v = np.float64(v)
        elif type(v) is not np.ndarray or v.dtype != float:
            break
        doubles.append(v)
    else:
        return doubles
    values = [float(v) if isinstance(v, (int, float)) else np.asarray(v) for v in values]
    dtype = np.result_type(*values, 0.0)
    return [np.asarray(v, dtype=dtype) for v in values]


def loss(*, A, x, b, **_):
    """half a sum of squares

    Return a scalar.
    Takes A: a matrix m×n; x: a vector of length n; b: a vector of length m.
    """
    A, x, b = floats(A, x, b)
    r = A @ x - b
    return r @ r / 2
'''


TRIANGULAR = symbol("L", "matrix", n, n, frozenset({"lower"}))
Lt, spare = al.transpose(TRIANGULAR), kr.kron(X, Y)
SMALL: dict[str, Node] = {
    "sum of krons": (spare - 2 * kr.kron(Y, X) + co.commutation(n, n)) @ w,
    "row times a sum of krons": w.T @ (spare + kr.kron(Y.T, X)),
    "transposed kron": al.transpose(spare) @ w,
    "transposed sum": al.transpose(2 * spare + kr.kron(Y, Y)) @ w,
    "sum of a kron and a matrix": (spare + w @ w.T) @ st.vec(X),
    "adjoint on the left": kr.unkron_left(w @ st.vec(Y).T, X, params=(n, n)),
    "adjoint on the right": kr.unkron_right(X, w @ st.vec(Y).T, params=(n, n)),
    "triangular": la.inv(TRIANGULAR) @ Y @ la.inv(TRIANGULAR).T + la.inv(Lt) @ X,
    "triangular and a vector": la.inv(TRIANGULAR) @ x + la.inv(Lt) @ y + (x.T @ la.inv(TRIANGULAR)).T,
    "factor": la.inv(la.chol(S)) @ X @ la.inv(la.chol(S)).T,
}


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("name", SMALL)
def test_no_large_matrix_and_no_inverse(name: str, backend: str) -> None:
    if backend != "numpy":
        module = pytest.importorskip(backend)
        if backend == "jax":
            module.config.update("jax_enable_x64", True)
    variables = (*VARIABLES, TRIANGULAR)
    text = "\n".join(lines(SMALL[name], *variables, backend=backend))
    assert "kron(" not in text
    assert "inv(" not in text
    assert "inverse(" not in text
    given = arrays() | {"L": np.tril(arrays()["X"]) + 2 * np.eye(3)}
    got = compile_(SMALL[name], variables, backend)(**given)
    np.testing.assert_allclose(got, plain(SMALL[name], given), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(evaluate(SMALL[name], variables, given), got, rtol=1e-9, atol=1e-9)


def test_singular_triangular_systems() -> None:
    given = {"L": np.diag([1.0, 0, 2]), "x": np.ones(3)}
    with pytest.raises(DomainError, match="inv is not defined here: L is singular"):
        evaluate(la.inv(TRIANGULAR) @ x, (TRIANGULAR, x), given)


# names


@pytest.mark.parametrize(
    "name",
    ["lambda", "ϕ", "np", "f", "n", "floats", "scipy", "dtype", "_", "__debug__", "t1", "µ", "x²", "float", "_1"],
)
def test_any_name_of_a_variable(name: str) -> None:
    v = symbol(name, "scalar")
    node = v * el.sigmoid(x) + al.size(n) * v * x
    assert np.allclose(compile_(node, (v, x))(**{name: 2}, x=[1, 2]), evaluate(node, (v, x), {name: 2, "x": [1, 2]}))
    assert np.allclose(
        evaluate(node, (v, x), {name: 2, "x": [1, 2]}), 2 * scipy.special.expit([1, 2]) + 4 * np.array([1, 2])
    )


def test_keywords_as_python_spells_them() -> None:
    phi = symbol("ϕ", "scalar")
    assert evaluate(phi + 1, (phi,), {"φ": 2}) == compile_(phi + 1, (phi,))(ϕ=2) == 3


def test_names_that_collide_after_mangling() -> None:
    one, two = symbol("lambda", "scalar"), symbol("lambda_", "scalar")
    assert compile_(one - two, (one, two))(**{"lambda": 3, "lambda_": 1}) == 2


# several outputs, surplus and missing arrays


def test_several_outputs() -> None:
    given = arrays()
    pair = compile_([al.inner(x, x), 2 * x], (x,))(x=given["x"])
    assert isinstance(pair, tuple)
    assert np.allclose(pair[1], 2 * given["x"])
    both = evaluate({"x": 2 * x, "λ": t + 0}, VARIABLES, given)
    assert list(both) == ["x", "λ"]
    assert list(compile_({"x": x, "λ": t}, (x, t))(x=given["x"], t=given["t"])) == ["x", "λ"]
    with pytest.raises(MatdiffError):
        source({'"': x}, (x,))


def test_only_what_is_needed_is_asked_for() -> None:
    assert np.allclose(evaluate(co.eye(n), (X,), {"X": np.ones((3, 3))}), np.eye(3))
    assert np.allclose(evaluate(A.T, (A, X), {"A": np.ones((2, 3)), "surplus": None}), np.ones((3, 2)))
    with pytest.raises(MatdiffError, match="the array X is missing: a matrix n×n"):
        evaluate(co.eye(n), (X,), {})


def test_results_share_no_memory_with_the_inputs() -> None:
    given = np.ones((3, 3))
    for node in (X, X.T, ix.ROW(X, params=(1,))):
        evaluate(node, (X,), {"X": given})[:] = 7
    assert (given == 1).all()


def test_whole_numbers_and_lists_become_floats() -> None:
    assert np.allclose(evaluate(1 / x, (x,), {"x": [1, 2, 4]}), [1, 0.5, 0.25])
    assert np.allclose(compile_(1 / x, (x,))(x=np.array([1, 2, 4])), [1, 0.5, 0.25])
    assert evaluate(t * t, (t,), {"t": Fraction(1, 2)}) == 0.25


# errors

ones3 = np.ones((3, 3))
ERRORS: list[tuple[Node, dict[str, Any], type[MatdiffError], str]] = [
    (la.inv(X), {"X": ones3}, DomainError, "inv is not defined here: X is singular"),
    (la.inv(X), {"X": np.diag([1, 1, 1e-18])}, DomainError, "X is singular up to rounding"),
    (la.inv(X), {"X": ones3 * np.nan}, DomainError, "X is not finite"),
    (la.inv(X) @ x, {"X": ones3}, DomainError, "inv is not defined here: X is singular"),
    (la.inv(X) @ x + la.inv(X).T @ y, {"X": ones3}, DomainError, "inv is not defined here: X is singular"),
    (la.logdet(X), {"X": -np.eye(3)}, DomainError, "X has a negative determinant"),
    (la.logdet(X), {"X": ones3}, DomainError, "X is singular"),
    (la.logdet(X) * (la.inv(X) @ x), {"X": -np.eye(3)}, DomainError, "logdet is not defined here: X has a negative"),
    (la.chol(X), {"X": -np.eye(3)}, DomainError, "X is not positive definite"),
    (la.chol(X), {"X": np.triu(ones3)}, DomainError, "X is not symmetric"),
    (el.log(x), {"x": [1, -2, 0]}, DomainError, "log is not defined here: x has an entry that is not positive (-2)"),
    (el.sqrt(x), {"x": [1, -2, 0]}, DomainError, "sqrt is not defined here: x has an entry that is negative (-2)"),
    (1 / t, {"t": 0}, DomainError, "the power is not defined here: t is 0 (division by zero)"),
    (x / y, {"y": np.zeros(3)}, DomainError, "y has an entry 0 (division by zero)"),
    (x / re_.norm(x), {"x": np.zeros(3)}, DomainError, "is 0 (division by zero)"),
    (1 / sp.sigma(X, params=(2,)), {"X": ones3}, DomainError, "sigma(X, 2) is 0 (division by zero)"),
    (t ** number(Fraction(1, 3)), {"t": -1}, DomainError, "t is negative (-1)"),
    (t ** t, {"t": -0.5}, DomainError, "t is negative, and its exponent is not whole"),
    (t ** -(t + 3), {"t": 0}, DomainError, "t is 0, and its exponent negative"),
    (el.asin(t), {"t": 2}, DomainError, "asin is not defined here: t leaves the interval from -1 to 1"),
    (el.exp(t), {"t": 1000}, DomainError, "not a finite number"),
    (number(10**400) * t, {}, DomainError, "not a finite number"),
    (mf.sqrtm(X), {"X": -np.eye(3)}, DomainError, "X has an eigenvalue that is zero or negative"),
    (mf.solve_sylvester(X, -X, Y), {"X": np.eye(3)}, DomainError, ""),
    (X, {"X": ones3 * 1j}, DomainError, "X must be real"),
    (X, {"X": "text"}, DomainError, "X must be an array of real numbers"),
    (t, {"t": None}, DomainError, "t must be an array of real numbers"),
    (S, {"S": -np.eye(3)}, DomainError, "S is declared spd, but the array given is not symmetric positive definite"),
    (X, {"X": [[1, 2], [3]]}, ShapeError, "X is not an array"),
    (X, {"X": np.ones((3, 2))}, ShapeError, "X is a matrix n×n, but got an array of shape 3×2"),
    (A @ x, {"x": np.ones(5)}, ShapeError, "but got a 1-D array of length 5 where n = 3"),
    (A @ x, {"x": np.ones((3, 1))}, ShapeError, "x is a vector of length n, so it takes a 1-D array"),
    (t * x, {"t": [1]}, ShapeError, "t is a scalar, so it takes a number, but got a 1-D array of length 1"),
    (ix.entry(x, 9), {}, ShapeError, "index 9 is out of range: n is 3"),
    (co.unit(n, 9), {}, ShapeError, "index 9 is out of range"),
    (ix.slice_(x, ZERO, Dim.of(9)), {}, ShapeError, "the slice 1:9 is out of range"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case: int) -> None:
    node, change, kind, words = ERRORS[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind) as caught:
            evaluate(node, VARIABLES, {**arrays(), **change})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        ("symmetric", [[1, 2], [2, 3]], [[1, 2], [2.1, 3]]),
        ("skew", [[0, 2], [-2, 0]], [[1, 2], [-2, 0]]),
        ("diagonal", [[1, 0], [0, 0]], [[1, 1], [0, 1]]),
        ("lower", [[1, 0], [5, 1]], [[1, 1], [0, 1]]),
        ("upper", [[1, 5], [0, 1]], [[1, 0], [1, 1]]),
        ("spd", [[2, 1], [1, 2]], [[1, 2], [2, 1]]),
        ("orthogonal", [[0, 1], [-1, 0]], [[1, 1], [0, 1]]),
        ("positive", [[1, 2], [3, 4]], [[1, 0], [3, 4]]),
    ],
)
def test_attributes(attribute: str, good: Any, bad: Any) -> None:
    M = symbol("M", "matrix", n, n, frozenset({attribute}))
    assert np.allclose(evaluate(M, (M,), {"M": np.array(good) * (1 + 1e-10)}), good)
    with pytest.raises(DomainError, match=f"M is declared {attribute}"):
        evaluate(M, (M,), {"M": bad})


def test_functions_at_the_edge_of_differentiability() -> None:
    assert evaluate(re_.norm(x), (x,), {"x": [0, 0]}) == 0
    assert evaluate(el.sqrt(t), (t,), {"t": 0}) == 0
    for node, given in ((re_.norm(x), {"x": [0, 0]}), (el.sqrt(t), {"t": 0})):
        with pytest.raises(DomainError):
            evaluate(node, VARIABLES, given, smooth=True)
    assert evaluate(el.abs_(t), (t,), {"t": 0}, smooth=True) == 0
    assert evaluate(re_.norm(x), (x,), {"x": [0, 2]}, smooth=True) == 2


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_adjugate_of_singular_matrices(rank: int) -> None:
    rng = np.random.default_rng(rank)
    M = rng.normal(size=(3, rank)) @ rng.normal(size=(rank, 3))
    minors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(M, j, 0), i, 1)) for j in range(3)] for i in range(3)
    ]
    factored = la.det(X) * (2 * la.inv(X) + co.eye(n)) - la.det(X) * co.eye(n) - la.det(X) * la.inv(X)
    for node in (la.adj(X), la.det(X) * la.inv(X), la.cof(X).T, factored):
        np.testing.assert_allclose(evaluate(node, (X,), {"X": M}), minors, atol=1e-12)


# sizes


def test_sizes_with_fractions() -> None:
    half_square = symbol("v", "vector", triangular(n))
    text = source(co.eye(triangular(n)) * al.size(n), (half_square,))
    assert "n = int((8 * v.shape[0] + 1) ** 0.5 - 1) // 2" in text
    assert "np.eye((n * n + n) // 2, dtype=dtype)" in text
    for length in (1, 3, 6, 5050, 500500):
        size = compile_(al.size(n), (half_square,))(v=np.ones(length))
        assert size * (size + 1) == 2 * length
    symmetric = symbol("M", "matrix", n, n, frozenset({"symmetric"}))
    assert (evaluate(co.eye(triangular(n)), (symmetric,), {"M": np.eye(3)}) == np.eye(6)).all()
    free = md.derive("vech(M)", wrt="M", declare="M: n×n symmetric").jacobian_free
    np.testing.assert_allclose(free.evaluate(M=np.eye(3)), np.eye(6), atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_polygamma_of_numbers(backend: str) -> None:
    if backend != "numpy":
        pytest.importorskip(backend)
    e = md.parse("trigamma(3)+r", declare="r: scalar")
    assert math.isclose(float(e.compile(backend)(r=1.0)), 1.3949340668482264, rel_tol=1e-6)
    assert math.isclose(e.evaluate(r=1.0), 1.3949340668482264)
    assert math.isclose(md.parse("polygamma(2,3)*r", declare="r: scalar").evaluate(r=1.0), -0.15411380631918857)


@pytest.mark.parametrize(
    ("dims", "shapes", "expected"),
    [
        ((n, m + n), (3, 5), (3, 2)),
        ((m + n, n), (5, 3), (3, 2)),
        ((m * n, m), (6, 2), (3, 2)),
        ((m * n + m, m), (8, 2), (3, 2)),
        ((n * n, m), (9, 2), (3, 2)),
        ((triangular(n), m), (6, 2), (3, 2)),
        ((triangular(n), m * m), (6, 4), (3, 2)),
        ((Dim.of(3) * n * n + Dim.of(4) * n - ONE, m), (38, 2), (3, 2)),
        ((n - m, m), (1, 2), (3, 2)),
    ],
)
def test_sizes_are_solved_for(dims: tuple[Dim, Dim], shapes: tuple[int, int], expected: tuple[int, int]) -> None:
    first, second = symbol("u", "vector", dims[0]), symbol("v", "vector", dims[1])
    given = {"u": np.ones(shapes[0]), "v": np.ones(shapes[1])}
    node = al.size(n) * 10 + al.size(m)
    for backend in ("numpy", *(name for name in ("jax", "torch") if find_spec(name))):
        assert compile_(node, (first, second), backend)(**given) == expected[0] * 10 + expected[1]
    assert evaluate(node, (first, second), given) == expected[0] * 10 + expected[1]
    with pytest.raises(ShapeError):
        evaluate(al.inner(first, first), (first, symbol("v", "vector", dims[0])), {"u": np.ones(2), "v": np.ones(3)})


def test_sizes_that_do_not_fit_or_follow() -> None:
    u2, u3 = symbol("u", "vector", Dim.of(2) * n), symbol("u", "vector", Dim.of(3))
    with pytest.raises(ShapeError, match="u is a vector of length 2\\*n, but got a 1-D array of length 3"):
        evaluate(u2, (u2,), {"u": np.ones(3)})
    with pytest.raises(ShapeError, match="u is a vector of length 3"):
        evaluate(u3, (u3,), {"u": np.ones(2)})
    with pytest.raises(ShapeError, match="do not follow"):
        source(co.eye(m), (x,))


# size and speed


def test_deep_and_wide_graphs() -> None:
    deep: Node = x
    for _ in range(4_000):
        deep = el.sin(deep) + x
    wide = al.add(*(el.sin(number(k) * x) for k in range(2, 2000)))
    with at_most(12_000_000):
        for node in (deep, wide):
            assert np.isfinite(evaluate(node, (x,), {"x": np.ones(2)})).all()


def test_long_products() -> None:
    factors = [symbol(f"A{k}", "matrix", n, n) for k in range(300)]
    product: Node = factors[0]
    for factor in factors[1:]:
        product = product @ factor
    given = {f.name: np.eye(2) for f in factors} | {"x": np.ones(2)}
    assert np.allclose(evaluate(product @ x, (*factors, x), given), 1)
    assert not any(
        "@ A" in line.replace("@ (A", "") and "t" not in line for line in lines(product @ x, *factors, x)[1:]
    )


def test_compiling_is_little_work() -> None:
    compile_(x, VARIABLES)  # what a first use imports is start-up
    for k in range(2, 5):
        node = A.T @ (el.sigmoid(A @ x) - b) + number(k) * x / re_.norm(x) + la.inv(X) @ x
        with at_most(18_000):
            compile_(node, VARIABLES)


def test_import_is_light() -> None:
    heavy = "[m for m in ('numpy', 'scipy', 'jax') if m in sys.modules]"
    code = f"import sys, matdiff.codegen, matdiff.api.derive; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_backends() -> None:
    nowhere = Op("nowhere", "(n)->(n)", (Linear(lambda y, v: y),), numpy="{0}", torch="-")
    with pytest.raises(UnsupportedError, match="PyTorch has no nowhere"):
        source(nowhere(x), (x,), "torch")
    with pytest.raises(UnsupportedError, match="no backend 'fortran'"):
        source(x, (x,), "fortran")
    text = source(el.sigmoid(X) @ x, (X, x), "jax")
    assert "jax.nn.sigmoid(X) @ x" in text
    assert math.isfinite(nesting(ast.parse(text)))
    assert "np.asarray" not in text.replace("jnp.", "")
