"""C and Numba: what every engine computes, strictly compiled; refusals by name; files, batches and factors."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import clib
import numpy as np
import pytest
from codegen_cases import SIZES, arrays

import matdiff as md
from matdiff.cli.app import run
from matdiff.codegen import compile_, factored, source, stacks
from matdiff.codegen.backends.c import Unit, unit
from matdiff.core.node import symbols
from matdiff.errors import MatdiffError, MisfitError
from tests import test_engines as engines
from tests.codegen.test_backends import CASES, VARIABLES, derivatives

needs_cc = pytest.mark.skipif(clib.CC is None, reason="there is no C compiler")
FIXED = range(0, len(engines.CASES), 48)
"""Functions of the table whose loops are written out: their Hessians are long."""


def same(got: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    assert np.shape(got) == expected.shape
    size = max(1, np.max(np.abs(expected), initial=0))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * size)


@needs_cc
def test_c_agrees_with_numpy_on_every_function(tmp_path: Path) -> None:
    made = {name: unit({f"case{k}": (node, name)}, VARIABLES) for k, (name, node) in enumerate(CASES.items())}
    functions = [u.functions[0] for u in made.values()]
    whole = Unit("all", tuple(functions), "")
    library = clib.built([whole], tmp_path, ["-O0"])
    given = arrays(1)
    for (name, node), f in zip(CASES.items(), functions, strict=True):
        status, (got,) = clib.call_at(library, whole, f, {v: np.asarray(given[v.name]) for v in f.inputs}, SIZES)
        assert status == 0, name
        with np.errstate(all="ignore"):
            same(got, compile_(node, VARIABLES)(**given))


@needs_cc
def test_c_derivatives_agree_with_numpy(tmp_path: Path) -> None:
    functions, numbers = [], []
    for number in engines.NUMBERS:
        d = engines.derivation(number)
        made = unit({f"case{number}": (derivatives(number), "")}, d.function.variables)
        functions.append(made.functions[0])
        numbers.append(number)
    for number in FIXED:
        d = engines.derivation(number)
        names = {n for v in d.function.variables for s in v.shape for n in s.names}
        sizes = {n: engines.SIZES[n] for n in names}
        functions.append(
            unit({f"fixed{number}": (derivatives(number)[:2], "")}, d.function.variables, sizes=sizes).functions[0]
        )
        numbers.append(number)
    whole = Unit("all", tuple(functions), "")
    library = clib.built([whole], tmp_path, ["-O0"])
    for number, f in zip(numbers, functions, strict=True):
        given, variables = engines.point(number), engines.derivation(number).function.variables
        passed = {v: np.asarray(given[v.name]) for v in f.inputs}
        status, found = clib.call_at(library, whole, f, passed, dict(engines.SIZES))
        assert status == 0, engines.CASES[number].text
        expected = compile_(derivatives(number)[: len(found)], variables)(**given)
        for got, value in zip(found, expected, strict=True):
            same(got, value)


@needs_cc
def test_c_says_where_a_matrix_is_singular(tmp_path: Path) -> None:
    d = md.derive("x'*inv(A)*x + logdet(S)", wrt="x", declare="A: n×n; x: n; S: n×n spd")
    made = unit({"value": (d.function.node, "")}, d.function.variables)
    library = clib.built([made], tmp_path, ["-O0"])
    for A, S, expected in ((np.eye(2), np.eye(2), 0), (np.ones((2, 2)), np.eye(2), 1), (np.eye(2), -np.eye(2), 1)):
        assert clib.call(library, made, made.functions[0], {"A": A, "S": S, "x": np.ones(2)})[0] == expected


@needs_cc
def test_the_files_of_c_test_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared = ["--let", "A: m×n; x: n; b: m"]
    for sizes in ([], ["--sizes", "n=3, m=4"]):
        words = ["codegen", "norm(A*x - b)^3 + logsumexp(A*x)", "--wrt", "x,A", *declared, "--order", "2"]
        assert run([*words, "--target", "c", "--out", str(tmp_path / "fit.c"), *sizes]) == 0
        assert "fit_test.c" in capsys.readouterr().out
        command = [str(clib.CC), *clib.STRICT, "fit.c", "fit_test.c", "-lm", "-o", "test"]
        subprocess.run(command, cwd=tmp_path, check=True)
        done = subprocess.run(["./test"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and "fit_value_grad_hessian: hessian_x_A" in done.stdout
        assert "FAIL" not in done.stdout
        text = (tmp_path / "fit.c").read_text(encoding="utf-8")
        assert ("ptrdiff_t m" in text.partition("int fit_value")[2].partition("{")[0]) == (not sizes)
        assert "malloc" not in text


@needs_cc
def test_a_test_program_notices_a_wrong_function(tmp_path: Path) -> None:
    made = md.derive("sum(exp(x))", wrt="x", declare="x: n").c()
    (tmp_path / "f.h").write_text(made.header, encoding="utf-8")
    (tmp_path / "f_test.c").write_text(made.test, encoding="utf-8")
    (tmp_path / "f.c").write_text(made.source.replace("exp(", "1.01 * exp("), encoding="utf-8")
    subprocess.run([str(clib.CC), "f.c", "f_test.c", "-lm", "-o", "test"], cwd=tmp_path, check=True)
    assert subprocess.run(["./test"], cwd=tmp_path, capture_output=True).returncode == 1


@needs_cc
def test_c_by_blas_is_strict_too(tmp_path: Path) -> None:
    d = md.derive("logdet(A*A' + C) + norm(inv(B)*A)^2", wrt="A", declare="A: n×m; C: n×n spd; B: n×n")
    text = d.c(blas=True).alone
    assert "dpotrf_" in text and "dgemm_" in text and "dgetrf_" in text
    (tmp_path / "f.c").write_text(text, encoding="utf-8")
    subprocess.run([str(clib.CC), *clib.STRICT, "-c", "f.c", "-o", "f.o"], cwd=tmp_path, check=True)


def test_what_has_no_native_code_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    h = md.derive("phi(h(x))", wrt="x", declare="x: n; h: n -> p; phi: p -> scalar")
    for backend in ("c", "numba"):
        with pytest.raises(MatdiffError, match="h is an unknown function"):
            source(h.function.node, h.function.variables, backend)
    with pytest.raises(MatdiffError, match="source text"):
        h.function.compile("c")
    x = md.derive("sum(x)", wrt="x", declare="x: n")
    with pytest.raises(MatdiffError, match="there is no dimension k"):
        x.c(sizes={"k": 3})
    for wrong in (["--sizes", "k=3"], ["--sizes", "n=0"], ["--sizes", "n"]):
        assert run(["codegen", "sum(x)", "--wrt", "x", "--let", "x: n", "--target", "c", *wrong]) != 0
    assert run(["codegen", "sum(x)", "--wrt", "x", "--blas"]) == 2
    assert "--target c" in capsys.readouterr().err


def test_names_that_c_keeps_for_itself() -> None:
    e = md.parse(
        "int*sin(double) + y1*λ + work*long", declare="int: scalar; double: scalar; long: scalar; work: scalar"
    )
    text = source(e.node, e.variables, "c")
    assert "double int," not in text and "double double_" in text and "double work," not in text


def test_functions_of_ones_own_by_their_definition_or_refused() -> None:
    from matdiff.core.op import linear, registry, words

    try:
        mid = linear("midpoint", "(n)->(n)", lambda Y, x: Y, numpy="{0}")
        node = mid(md.parse("x", declare="x: n").node)
        with pytest.raises(MatdiffError, match="C has no midpoint"):
            source(node, tuple(symbols(node)), "c")
        with pytest.raises(MatdiffError, match="Numba has no midpoint"):
            source(node, tuple(symbols(node)), "numba")
    finally:
        for name in [n for n in registry if n.startswith("midpoint")]:
            registry.pop(name, None)
            words.pop(name, None)


# Numba


@pytest.fixture
def kept(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    monkeypatch.setenv("MATDIFF_CACHE", str(tmp_path_factory.getbasetemp() / "numba"))


def test_the_source_for_numba_is_right_on_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """As plain Python, which it is as well: nothing is compiled, and Numba need not be there."""

    def njit(*given: Any, **options: Any) -> Any:
        return given[0] if given and callable(given[0]) else lambda f: f

    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(njit=njit, prange=range))
    for number in engines.NUMBERS[::2]:
        variables, given = engines.derivation(number).function.variables, engines.point(number)
        space: dict[str, Any] = {}
        exec(compile(source(derivatives(number), variables, "numba", name="f"), "numba", "exec"), space)
        takes = [k for k in inspect.signature(space["f"]).parameters if k != "_"]
        names = {k: k if k in given else re.sub(r"_1?$", "", k) for k in takes}
        found = space["f"](**{k: np.asarray(given[v], dtype=float)[()] for k, v in names.items()})
        for got, value in zip(found, compile_(derivatives(number), variables)(**given), strict=True):
            same(got, value)


def test_numba_agrees_with_numpy(kept: None) -> None:
    d = md.derive("logsumexp(A*x) + logdet(S) + x'*inv(S)*x", wrt="S,x", declare="A: n×n; S: n×n spd; x: n")
    rng = np.random.default_rng(0)
    given: dict[str, Any] = {"A": rng.normal(size=(3, 3)), "x": rng.normal(size=3)}
    given["S"] = given["A"] @ given["A"].T + np.eye(3)
    nodes = [d.function.node, *(g.node for g in d.gradient.values())]
    function = compile_(nodes, d.function.variables, "numba")
    expected = compile_(nodes, d.function.variables)(**given)
    for got, value in zip(function(**given), expected, strict=True):
        same(got, value)
    turned = {k: np.asfortranarray(v) for k, v in given.items()}
    for got, value in zip(function(**turned), expected, strict=True):
        same(got, value)
    single = function(**{k: v.astype(np.float32) for k, v in given.items()})
    assert {np.asarray(v).dtype for v in single} == {np.dtype(np.float32)}
    with pytest.raises(MisfitError):
        function(**{**given, "x": np.ones(4)})
    with pytest.raises(np.linalg.LinAlgError):
        function(**{**given, "S": np.zeros((3, 3))})
    with pytest.raises(TypeError, match="z is no variable"):
        function(**given, z=1.0)


def test_numba_source_runs_alone_and_names_results(kept: None) -> None:
    d = md.derive("norm(W*x)^2", wrt="W,x", declare="W: k×n; x: n")
    nodes = {"": d.function.node, **{k: g.node for k, g in d.gradient.items()}}
    text = source(nodes, d.function.variables, "numba", name="both")
    assert "matdiff" not in text
    value, gradients = compile_(nodes, d.function.variables, "numba")(W=np.eye(2), x=np.ones(2))
    assert value == 2 and sorted(gradients) == ["W", "x"]
    np.testing.assert_array_equal(gradients["W"], 2 * np.ones((2, 2)))


def test_large_arrays_go_to_numpy(kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where BLAS does the work, Numba's function calls NumPy's; small and other arrays stay, and so do the refusals."""
    import pickle

    pytest.importorskip("numba")
    d = md.derive("norm(A*x - b)^2", wrt="x")
    made = d.gradient.compile("numba")
    rng = np.random.default_rng(0)
    for f in (made, pickle.loads(pickle.dumps(made))):
        for k, dtype, by_numpy in ((6, float, False), (200, float, True), (200, np.float32, False)):
            given = {"A": rng.normal(size=(k, k)), "x": rng.normal(size=k), "b": rng.normal(size=k)}
            expected = d.gradient.evaluate(**given)
            given = {name: a.astype(dtype) for name, a in given.items()}
            got, large = f(**given), f.func.__globals__["large"]
            assert got.dtype == dtype
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9 if dtype is float else 1e-1)
            monkeypatch.setitem(f.func.__globals__, "large", lambda **arrays: "by NumPy")
            assert isinstance(f(**given), str) == by_numpy
            monkeypatch.setitem(f.func.__globals__, "large", large)
        for wrong in (np.zeros(9), np.zeros((200, 200))):
            with pytest.raises(MisfitError):
                f(A=np.eye(200), x=np.zeros(200), b=wrong)


# batches


@pytest.mark.parametrize("name", ["its gradient", "solve twice", "log-determinant and solve", "gram", "expm", "softmax",
                                  "svdvals", "kron", "two layers", "outer", "logm"])  # fmt: skip
def test_numpy_batches(name: str) -> None:
    node = CASES[name]
    needed = [v.name for v in symbols(node)]
    points = [{k: arrays(seed)[k] for k in needed} for seed in range(3)]
    for batch in (needed, needed[:1]):
        shared = [{k: (p if k in batch else points[0])[k] for k in needed} for p in points]
        stacks = {k: np.stack([p[k] for p in points]) if k in batch else points[0][k] for k in needed}
        got = compile_(node, VARIABLES, batch=batch)(**stacks)
        for value, given in zip(got, shared, strict=True):
            same(value, compile_(node, VARIABLES)(**given))


def test_small_matrices_are_factored_together() -> None:
    """From 64 problems on, columns of all are eliminated at once; rows are exchanged in each as it needs."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(80, 4, 4)), rng.normal(size=(80, 4))
    A[3, 0, 0] = 0
    S = A @ A.transpose(0, 2, 1) + np.eye(4)
    for text in ("b'*inv(A)*b + norm(inv(A)'*b)^2", "logdet(S) + b'*inv(S)*b + tr(inv(S))"):
        d = md.derive(text, wrt="b", declare="A: n×n; S: n×n spd; b: n")
        f = d.gradient.compile(batch=("A", "S", "b") if "S" in text else ("A", "b"))
        one = d.gradient.compile()
        given = {"S": S, "b": b} if "S" in text else {"A": A, "b": b}
        got = f(**given)
        for k in (0, 3, 79):
            same(got[k], one(**{n: a[k] for n, a in given.items()}))
    with pytest.raises(np.linalg.LinAlgError):
        f(S=-S, b=b)


@pytest.mark.share(4)
@engines.each
def test_numpy_batches_of_every_function(number: int) -> None:
    """With all arrays in a batch, then with one, the others shared."""
    d, at = engines.derivation(number), engines.point(number)
    other = {
        v.name: engines.draw(v, engines.sizes(v), np.random.default_rng(1)) for v in engines.variables(number).values()
    }
    names = [v.name for v in d.function.variables]
    answers = (d.function, *engines.parts(d, d.gradient if number in engines.SCALAR else d.jacobian).values())
    real = [n for n in names if np.asarray(at[n]).dtype.kind == "f"]
    if any(np.iscomplexobj(at[n]) for n in names) or not real:
        return
    for answer in answers:
        for batch in (real, real[:1]):
            each = [at, {n: other[n] if n in batch else at[n] for n in names}, at]
            given = {n: np.stack([e[n] for e in each]) if n in batch else at[n] for n in names}
            for got, one in zip(answer.compile(batch=batch)(**given), each, strict=True):
                engines.agree(got, answer.evaluate(**{n: one[n] for n in names}), 1e-7)


def graded(kind: str, rng: np.random.Generator, n: int) -> Any:
    """70 matrices of a kind, the first of which is the identity."""
    A = rng.normal(size=(70, n, n))
    if kind == "ill-conditioned":
        U, _, V = np.linalg.svd(A)
        A = U * np.logspace(0, -10, n) @ V
    elif kind == "of all sizes":
        A *= 10.0 ** rng.integers(-9, 9, size=(70, n, 1)) * 10.0 ** rng.integers(-9, 9, size=(70, 1, n))
    elif kind == "of whole numbers":
        A = rng.integers(-1, 2, size=A.shape) + 4.0 * np.eye(n)[rng.permutation(n)]
    elif kind == "not finite":
        A[1, 0, 0], A[2, n - 1, n - 1] = np.nan, np.inf
    A[0] = np.eye(n)
    return A


@pytest.mark.parametrize("n", [1, 2, 6])
@pytest.mark.parametrize("kind", ["random", "ill-conditioned", "of all sizes", "of whole numbers", "not finite"])
def test_factors_of_many_are_those_of_each(kind: str, n: int) -> None:
    """To a few units in the last place times the condition; what is not finite as LAPACK has it."""
    rng = np.random.default_rng(n)
    A, b, C = graded(kind, rng, n), rng.normal(size=(70, n)), rng.normal(size=(1, n, 3))
    before = A.copy()
    with np.errstate(all="ignore"):
        made = stacks.Factors(A)
        assert made.made
        inverse = np.linalg.inv(A)
        sizes = np.linalg.norm(A, axis=(1, 2)) * np.linalg.norm(inverse, axis=(1, 2))
        unit = 1e3 * np.finfo(float).eps * np.nan_to_num(sizes)
        for got, expected in (
            (made.inverse(), inverse),
            (made.solve(b), np.linalg.solve(A, b[:, :, None])[:, :, 0]),
            (made.solve(C, flip=True), np.linalg.solve(A.swapaxes(1, 2), np.broadcast_to(C, (70, n, 3)))),
            (made.det(), np.linalg.det(A)),
            (np.exp(made.logabsdet()), np.abs(np.linalg.det(A))),
        ):
            got, expected = got.reshape(70, -1), expected.reshape(70, -1)
            assert (np.isfinite(got) == np.isfinite(expected)).all()
            far = np.linalg.norm(got - expected, axis=1) <= unit * np.linalg.norm(expected, axis=1)
            assert (far | ~np.isfinite(expected).all(axis=1)).all()
        if kind not in ("not finite", "of all sizes"):
            S = A @ A.swapaxes(1, 2) if kind == "random" else np.eye(n) + A @ A.swapaxes(1, 2)
            same(stacks.cholesky(S), np.linalg.cholesky(S))
    np.testing.assert_array_equal(A, before)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_singular_among_many_is_refused() -> None:
    A = graded("random", np.random.default_rng(0), 4)
    S = A @ A.swapaxes(1, 2) + np.eye(4)
    A[3, 1], A[5, :, 2] = 2 * A[3, 0], 0
    made = stacks.Factors(A)
    assert set(made.bad) >= {3, 5}
    S[2, 1, 1] = -1
    refused = [made.inverse, lambda: made.solve(A), lambda: made.solve(A[:, 0], True), lambda: stacks.cholesky(S)]
    for call in refused:
        with pytest.raises(np.linalg.LinAlgError):
            call()
    assert made.det()[5] == 0 and made.logabsdet()[5] == -np.inf


def test_single_precision_stays_single() -> None:
    A = graded("random", np.random.default_rng(0), 5).astype(np.float32)
    got = stacks.Factors(A).inverse()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got @ A, np.broadcast_to(np.eye(5), A.shape), atol=1e-3)


def test_adjugates_of_many_are_those_of_each() -> None:
    A = np.random.default_rng(0).normal(size=(6, 3, 3))
    A[1], A[2, :, 0], A[3] = 0, 0, np.outer(A[3, 0], A[3, 1])
    d = md.derive("det(A)", wrt="A")
    for stack in (A, A[4:]):
        same(d.gradient.compile(batch="A")(A=stack), [d.gradient.evaluate(A=X) for X in stack])


@pytest.mark.parametrize("backend", ["jax", "torch", "numba"])
def test_batches_of_other_libraries(backend: str, request: pytest.FixtureRequest) -> None:
    module = pytest.importorskip(backend)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    if backend == "numba":
        request.getfixturevalue("kept")
    d = md.derive("x'*A*x + logsumexp(x)", wrt="x", declare="A: n×n; x: n")
    rng = np.random.default_rng(0)
    A, x = rng.normal(size=(3, 3)), rng.normal(size=(5, 3))
    got = d.gradient.compile(backend, batch="x")(A=A, x=x)
    same(np.asarray(got), d.gradient.compile(batch="x")(A=A, x=x))


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_batches_take_arrays_that_an_answer_does_not_need(backend: str) -> None:
    module = pytest.importorskip(backend)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    d = md.derive("unvec(x, m, n)*y", wrt="y", declare="x: m*n; y: n; z: m")
    x, y, z = np.arange(18.0).reshape(3, 6), np.ones((3, 3)), np.ones((3, 2))
    for batch in (("x", "y", "z"), ("y", "z")):
        given = {"x": x if "x" in batch else x[0], "y": y, "z": z}
        got = d.jacobian.compile(backend, batch=batch)(**given)
        same(np.asarray(got), d.jacobian.compile(batch=batch)(**given))


def test_batches_say_what_does_not_fit() -> None:
    d = md.derive("x'*A*y", wrt="x", declare="A: m×n; x: m; y: n")
    f = d.function.compile(batch=("x", "y"))
    with pytest.raises(MisfitError, match="x holds 2 arrays and y holds 3"):
        f(A=np.ones((2, 2)), x=np.ones((2, 2)), y=np.ones((3, 2)))
    with pytest.raises(MisfitError, match="A is a matrix"):
        f(A=np.ones((3, 2, 2)), x=np.ones((3, 2)), y=np.ones((3, 2)))
    with pytest.raises(TypeError, match="z is no variable"):
        d.function.compile(batch="z")
    with pytest.raises(TypeError, match="the array y is missing"):
        f(A=np.ones((2, 2)), x=np.ones((3, 2)))


# no work twice


def counted(monkeypatch: pytest.MonkeyPatch, d: Any, arrays: dict[str, Any]) -> int:
    """How many matrices a checked call factors, inverts or takes singular values of."""
    count = 0
    for place, name in (
        (factored.lapack(), "dgetrf"), (factored.lapack(), "dpotrf"), (np.linalg, "inv"), (np.linalg, "solve"),
        (np.linalg, "cholesky"), (np.linalg, "slogdet"), (np.linalg, "svd"),
    ):  # fmt: skip
        original = getattr(place, name)

        def call(*args: Any, original: Any = original, **options: Any) -> Any:
            nonlocal count
            count += 1
            return original(*args, **options)

        monkeypatch.setattr(place, name, call)
    d.value_and_grad(**arrays)
    return count


@pytest.mark.parametrize(
    ("text", "wrt", "declare"),
    [
        ("A = A_0 + Diag(p); x = A\\b; norm(x)^2", "p", "A_0: n×n; p: n; b: n"),
        ("B = A + Diag(p); c'*inv(B)*b", "p", "A: n×n; p: n; b: n; c: n"),
        ("logdet(S) + b'*inv(S)*b", "S", "S: n×n spd; b: n"),
    ],
)
def test_one_factorisation_serves_value_gradient_and_checks(
    text: str, wrt: str, declare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = md.derive(text, wrt=wrt, declare=declare)
    rng = np.random.default_rng(0)
    given: dict[str, Any] = {k: rng.normal(size=(4, 4)) + 4 * np.eye(4) for k in ("A", "A_0")}
    given |= {k: rng.random(4) for k in "bcp"}
    given["S"] = given["A"] @ given["A"].T
    given = {v.name: given[v.name] for v in d.function.variables}
    expected = d.gradient.compile()(**given)
    assert counted(monkeypatch, d, given) == 1
    same(d.value_and_grad(**given)[1], expected)


def test_checks_still_tell_singular_matrices() -> None:
    d = md.derive("b'*inv(A)*b", wrt="A", declare="A: n×n; b: n")
    for A in (np.ones((2, 2)), np.array([[1.0, 1], [1, 1 + 1e-16]]), np.diag([1, 1e-17])):
        with pytest.raises(md.DomainError, match="singular"):
            d.evaluate(A=A, b=np.ones(2))
    assert d.evaluate(A=np.diag([1, 1e-12]), b=np.array([1.0, 0])) == 1
