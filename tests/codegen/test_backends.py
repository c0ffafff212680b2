"""Every function of the language on every backend: the value that NumPy gives, or a refusal by name."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from codegen_cases import CORE, RECORDS, VARIABLES, A, S, X, Y, arrays, b, n, t, x

import matdiff as md
import matdiff.ops
from matdiff.cli.app import run
from matdiff.codegen import compile_, source
from matdiff.codegen.backends.base import backend_named as backend
from matdiff.codegen.support import refusal, support, support_table
from matdiff.core.node import Apply, Node, number, topological
from matdiff.core.op import registry
from matdiff.errors import UnsupportedError
from matdiff.ops import constants as co
from matdiff.ops import elementwise as el
from matdiff.ops import factors as fa
from matdiff.ops import reductions as re_
from matdiff.ops import spectral as sp
from tests import test_engines as engines

SPECTRAL: dict[str, Node] = {
    "eigvals": sp.eigvals(S),
    "eigvecs": sp.eigvecs(S) ** 2,
    "eiggaps": sp.eiggaps(x),
    "eigval": sp.eigval(S, params=(2,)),
    "lambda_max": sp.lambda_max(S),
    "lambda_min": sp.lambda_min(S),
    "sigma_max": sp.sigma_max(A),
    "sigma": sp.sigma(A, params=(2,)),
    "cond2": sp.cond2(A),
    "nuclear": sp.nuclear(A),
    "polar": sp.polar(A),
    "svdvals": sp.svdvals(X),
    "eigval_at": sp.eigval_at(S, number(2)),
    "eigvec": sp.eigvec(S, number(2)) @ sp.eigvec(S, number(2)).T,
    "reduced_resolvent": sp.reduced_resolvent(S, number(3)),
    "sigma_at": sp.sigma_at(A, number(2)),
    "svd_U": fa.svd_U(X),
    "svd_V": fa.svd_V(X),
    "lu_L": fa.lu_L(X),
    "lu_U": fa.lu_U(X),
    "qr_Q": fa.qr_Q(A),
    "qr_R": fa.qr_R(A),
    "lastcols": sp.reversal(n, n) @ X,
    "norminf": sp.norminf(A),
    "peak": sp.peak(A),
    "constants": el.sqrt(el.pi) * x + el.exp(number(2)) * el.erf(number(1)) * x,
    "gradient of erf": re_.sum_(2 / el.sqrt(el.pi) * el.exp(-(x**2))) * x,
}
CASES = {**CORE, **RECORDS, **SPECTRAL}


@pytest.fixture(params=["jax", "torch"])
def library(request: pytest.FixtureRequest) -> str:
    module = pytest.importorskip(request.param)
    if request.param == "jax":
        module.config.update("jax_enable_x64", True)
    return str(request.param)


def reached(node: Node) -> set[str]:
    return {a.op.name for a in topological(node) if isinstance(a, Apply)}


def test_every_function_has_a_case() -> None:
    covered = set().union(*(reached(node) for node in CASES.values()))
    own = {name for name, op in registry.items() if op.numpy or not refusal(op, backend("numpy"))}
    assert own - covered == set()


@pytest.mark.parametrize("name", CASES)
def test_backend_agrees_with_numpy(name: str, library: str) -> None:
    node, given = CASES[name], arrays(1)
    refused = [w for f in reached(node) if (w := support()[f][library])]
    if refused:
        with pytest.raises(UnsupportedError) as caught:
            compile_(node, VARIABLES, library)
        assert str(caught.value) in refused
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = compile_(node, VARIABLES)(**given)
    function = compile_(node, VARIABLES, library)
    got = np.asarray(function(**given))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
    assert got.dtype == np.float64
    assert got.shape == np.shape(expected)
    halved = {k: np.float32(v) for k, v in given.items()}
    if library == "jax":
        # Compiling is what costs; of the types that it will have JAX knows before.
        single = pytest.importorskip("jax").eval_shape(function, **halved)
    else:
        single = np.asarray(function(**halved))
        np.testing.assert_allclose(single, expected, rtol=5e-3, atol=5e-3)
    assert single.dtype == np.float32 or not reached(node)


@pytest.mark.share(4)
@pytest.mark.parametrize("name", CASES)
def test_jax_computes_in_single_precision(name: str) -> None:
    pytest.importorskip("jax")
    node, given = CASES[name], {k: np.float32(v) for k, v in arrays(1).items()}
    if not any(support()[f]["jax"] for f in reached(node)):
        got = np.asarray(compile_(node, VARIABLES, "jax")(**given))
        np.testing.assert_allclose(got, compile_(node, VARIABLES)(**arrays(1)), rtol=5e-3, atol=5e-3)


@cache
def derivatives(number: int) -> list[Node]:
    """Value and every derivative of a function of the table, the blocks of Hessians too."""
    d, c = engines.derivation(number), engines.CASES[number]
    wanted = [d.kind] + ["hessian"] * (d.kind == "gradient" and not c.lacks)
    found: list[Any] = [getattr(d, name) for name in wanted]
    return [d.function.node, *(e.node for e in found for e in (e.values() if isinstance(e, dict) else [e]))]


@engines.each
def test_torch_derivatives_agree_with_numpy(number: int) -> None:
    torch = pytest.importorskip("torch")
    nodes, variables, given = derivatives(number), engines.derivation(number).function.variables, engines.point(number)
    try:
        together = compile_(nodes, variables, "torch")(**given)
    except UnsupportedError:
        return
    for node, got in zip(nodes, together, strict=True):
        expected = compile_(node, variables)(**given)
        size = max(1, np.max(np.abs(expected), initial=0))
        for have in (got, compile_(node, variables, "torch")(**given)):
            assert have.dtype == torch.float64 and have.shape == np.shape(expected)
            np.testing.assert_allclose(have, expected, rtol=1e-9, atol=1e-9 * size)


def same(a: Any, b: Any) -> bool:
    return a is b if np.ndim(a) == 0 or np.ndim(b) == 0 else np.shares_memory(a, b)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@engines.each
def test_results_are_the_callers_own(number: int, backend: str) -> None:
    as_array = np.array if backend == "numpy" else pytest.importorskip("torch").tensor
    given = {name: as_array(a) for name, a in engines.point(number).items()}
    nodes, variables = derivatives(number), engines.derivation(number).function.variables
    for outputs in (nodes, nodes[1:2]):
        try:
            got = compile_(outputs, variables, backend)(**given)
        except UnsupportedError:
            return
        for k, value in enumerate(got):
            assert np.ndim(value) == 0 or backend == "torch" or value.flags.writeable
            assert not any(same(value, other) for other in (*given.values(), *got[:k]) if np.size(value))


def test_a_number_has_the_type_of_the_arrays() -> None:
    t = md.derive("3*t", wrt="t", declare="t: scalar; x: n").gradient
    for dtype in (np.float32, np.float64):
        assert t.compile()(t=dtype(2), x=np.ones(2, dtype)).dtype == dtype
    assert t.evaluate() == 3


def test_torch_numbers_have_the_type_of_the_tensors() -> None:
    torch = pytest.importorskip("torch")
    value = md.derive("3*t", wrt="t", declare="t: scalar").gradient.compile("torch")(t=torch.tensor(2.0))
    assert value.dtype == torch.float32 and value == 3


def test_precision_that_lapack_lacks_is_named() -> None:
    gradient = md.derive("logdet(S)", wrt="S", declare="S: n×n spd").gradient.compile()
    with pytest.raises(TypeError, match=str(np.dtype(np.longdouble))):
        gradient(S=np.eye(3, dtype=np.longdouble))


@pytest.mark.parametrize("name", ["numpy", "jax", "torch"])
def test_compiled_functions_are_pickled(name: str) -> None:
    if name != "numpy":
        pytest.importorskip(name)
    for text, wrt in (("norm(A*x)^2", "x"), ("lambda*t^2", "t")):
        gradient = md.derive(text, wrt=wrt, declare="A: m×n; x: n; lambda: scalar; t: scalar").gradient.compile(name)
        given = {"A": np.eye(2), "x": np.ones(2), "lambda": 0.5, "t": 3.0}
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(gradient))(**given), gradient(**given))
        assert gradient.__doc__ and repr(gradient) == "<compiled function f>"


def test_support_table_names_what_is_missing() -> None:
    lines = support_table().splitlines()
    assert lines[0].split() == ["numpy", "jax", "torch"]
    row = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert row["logm"] == ["yes", "yes", "yes"]
    assert row["matmul"] == ["yes", "yes", "yes"]
    assert not any(why for line in support().values() for why in line.values())


@pytest.mark.parametrize("name", ["its gradient", "solve twice", "expm", "logm", "softmax", "least squares"])
def test_jax_batches(name: str) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    node = CASES[name]
    needed = [v.name for v in VARIABLES if v in set(topological(node))]
    batch = [{k: arrays(seed)[k] for k in needed} for seed in range(3)]
    function = compile_(node, VARIABLES, "jax")
    got = jax.vmap(lambda given: function(**given))({k: np.stack([g[k] for g in batch]) for k in needed})
    for value, given in zip(got, batch, strict=True):
        np.testing.assert_allclose(value, compile_(node, VARIABLES)(**given), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("number", [i for i, c in enumerate(engines.CASES) if c.text.startswith(("svd_", "eigvecs"))])
def test_jax_gaps_between_squares_are_those_of_numpy(number: int) -> None:
    """XLA fuses squares with their differences, which leaves rounding where a value is taken from itself."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    d, given = engines.derivation(number), engines.point(number)
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        for part in engines.parts(d, d.jacobian).values():
            needed = {v.name: given[v.name] for v in part.variables}
            np.testing.assert_allclose(part.compile("jax")(**needed), part.evaluate(**needed), atol=1e-9)
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def test_jax_functions_are_compiled_and_differentiable() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    loss = re_.sum_(el.softplus(A @ x - b))
    gradient = compile_(A.T @ el.sigmoid(A @ x - b), VARIABLES, "jax")
    given = {k: arrays()[k] for k in "Axb"}
    assert hasattr(gradient, "lower")
    function = compile_(loss, VARIABLES, "jax")
    automatic = jax.grad(lambda v: function(**{**given, "x": v}))(given["x"])
    np.testing.assert_allclose(gradient(**given), automatic, rtol=1e-9)
    assert compile_(co.eye(n) * t, (X, t), "jax")(X=np.eye(2), t=2).shape == (2, 2)


def test_jax_source_keeps_single_precision_beside_python_numbers() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    space: dict[str, Any] = {}
    exec(source(t * (A @ x) - b, VARIABLES, "jax"), space)
    given = {k: np.float32(arrays()[k]) for k in "Axb"}
    for function in (space["f"], jax.jit(space["f"])):
        assert function(**given, t=0.7).dtype == function(**given, t=2).dtype == np.float32
        assert function(**arrays()).dtype == np.float64


def test_torch_autograd_goes_through() -> None:
    torch = pytest.importorskip("torch")
    loss = re_.sum_(el.softplus(A @ x - b)) + re_.logsumexp(A) + re_.norm(X @ Y)
    given = {k: torch.tensor(v, requires_grad=k == "x") for k, v in arrays().items()}
    compile_(loss, VARIABLES, "torch")(**given).backward()
    expected = compile_(A.T @ el.sigmoid(A @ x - b), VARIABLES)(**arrays())
    np.testing.assert_allclose(given["x"].grad, expected, rtol=1e-9)


def test_torch_gradient_is_on_the_device_of_the_inputs() -> None:
    torch = pytest.importorskip("torch")
    text = source(co.eye(n) + 2 * X, (X,), "torch")
    assert "device=device" in text
    meta = compile_(co.eye(n) + 2 * X, (X,), "torch")(X=torch.ones((3, 3), device="meta"))
    assert meta.device.type == "meta"


def test_jax_runs_sharded_over_devices() -> None:
    pytest.importorskip("jax")
    script = Path(__file__).parents[2] / "examples" / "sharded.py"
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.stdout.count("on 2 devices: the gradient agrees with NumPy") == 2, done.stderr
    assert "PartitionSpec('devices',)" in done.stdout or "P('devices',)" in done.stdout


@pytest.mark.parametrize("missing", ["jax", "torch"])
def test_without_the_library(missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    gradient = md.derive("logdet(X'*X)", wrt="X").gradient
    with pytest.raises(md.UnsupportedError) as caught:
        gradient.compile(missing)
    assert f'pip install "matdiff[{missing}]"' in str(caught.value)
    assert "def f(*, X" in gradient.source(missing)
    assert run(["codegen", "logdet(X'*X)", "--wrt", "X", "--target", missing]) == 0
    assert "def value_and_gradient(*, X" in capsys.readouterr().out
