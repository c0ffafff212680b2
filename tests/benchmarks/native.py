"""Gradients at small sizes: NumPy code, Numba, C and CasADi's buffer mode; then at sizes of 50 µs to 2 ms; batches.

    python tests/benchmarks/native.py [--only NAME] [--mid | --batches]

Ratios are to the NumPy code of the same run; below each column stands its geometric mean.  C is called from a loop in C
where there is a compiler; CasADi has the problems that it can say without a linear solver of ours.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))
import clib
from problems import PROBLEMS, Problem

import matdiff as md
from matdiff.codegen import compile_
from matdiff.codegen.backends.c import unit

SMALL = {1: (8,), 2: (8, 6), 3: (8, 6, 3), 4: (8, 6, 6, 8)}
SECONDS = 0.15


def small(problem: Problem) -> Any:
    size = problem.sizes[0]
    if not isinstance(size, tuple):
        return 8
    made = SMALL[len(size)]
    return made[::-1] if len(size) == 2 and size[0] < size[1] else made


def best(call: Callable[[], Any]) -> float:
    """Seconds a call, the least of several rounds."""
    call()
    start = time.perf_counter()
    call()
    number = max(1, int(SECONDS / 5 / max(time.perf_counter() - start, 1e-7)))
    found = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(number):
            call()
        found.append((time.perf_counter() - start) / number)
    return min(found)


def c_call(nodes: Any, variables: Any, given: dict[str, Any], sizes: dict[str, int] | None) -> Callable[[], Any]:
    """One call through ctypes with pointers made beforehand."""
    import ctypes

    made = unit({"gradient": (nodes, "")}, variables, sizes=sizes)
    folder = Path(tempfile.mkdtemp())
    library = clib.built([made], folder, ["-O3", "-march=native"])
    f = made.functions[0]
    arrays = {v: np.asarray(given[v.name], dtype=float) for v in f.inputs}
    known = {n: k for v, a in zip(f.inputs, arrays.values(), strict=True) for n, k in dims(v, a).items()}
    double = ctypes.POINTER(ctypes.c_double)
    keep = [np.ravel(a, order="F").copy() for a in arrays.values()]
    passed: list[Any] = [ctypes.c_ssize_t(known[n]) for n in f.sizes]
    for v, a in zip(arrays, keep, strict=True):
        passed.append(ctypes.c_double(float(a[0])) if v.kind == "scalar" else a.ctypes.data_as(double))
    for node, _ in f.outputs:
        keep.append(np.empty(node.rows.evaluate(known) * node.cols.evaluate(known)))
        passed.append(keep[-1].ctypes.data_as(double))
    if not made.local(f):
        keep.append(np.empty(f.work.evaluate(known)))
        passed.append(keep[-1].ctypes.data_as(double))
    function = library.gradient
    function.argtypes = [type(p) for p in passed]
    function.keep = keep
    return lambda: function(*passed)


def dims(v: Any, a: Any) -> dict[str, int]:
    return {d.name: k for d, k in zip(v.shape, np.shape(a), strict=True) if d.name}


def casadi_call(problem: Problem, d: Any, given: dict[str, Any]) -> Callable[[], Any] | None:
    try:
        import casadi as ca
    except ImportError:
        return None
    text = CASADI.get(problem.name)
    if text is None:
        return None
    symbols = {k: ca.SX.sym(k, *(np.shape(a) or (1,))) for k, a in given.items()}
    value = text(ca, **symbols)
    gradients = [ca.gradient(value, symbols[v.name]) for v in d.wrt]
    f = ca.Function("g", list(symbols.values()), gradients)
    buffer, run = f.buffer()
    keep = [np.asarray(np.ravel(a, order="F"), dtype=float).copy() for a in given.values()]
    for k, a in enumerate(keep):
        buffer.set_arg(k, memoryview(a))
    out = [np.zeros(symbols[v.name].shape, order="F") for v in d.wrt]
    for k, a in enumerate(out):
        buffer.set_res(k, memoryview(a.reshape(-1, order="F")))
    held = (f, buffer, keep, out)

    def call() -> Any:
        run()
        return held

    return call


def norm2(ca: Any, X: Any) -> Any:
    return ca.sumsqr(X)


CASADI: dict[str, Callable[..., Any]] = {
    "logistic regression": lambda ca, X, y, w: ca.sum1(ca.log1p(ca.exp(-y * (X @ w)))),
    "ridge": lambda ca, X, y, w, **s: ca.sumsqr(X @ w - y) / 2 + next(iter(s.values())) / 2 * ca.sumsqr(w),
    "factorisation": lambda ca, X, U, V, **_: ca.sumsqr(X - U @ V.T),
    "two layers": lambda ca, W, X, w, y: ca.sumsqr(w.T @ ca.tanh(W @ X) - y.T) / 2,
    "log-sum-exp": lambda ca, A, x, b: ca.logsumexp(A @ x + b),
    "Rayleigh quotient": lambda ca, A, x: x.T @ A @ x / (x.T @ x),
    "tr(A X B X')": lambda ca, A, X, B: ca.trace(A @ X @ B @ X.T),
    "‖AXB − C‖²": lambda ca, A, X, B, C: ca.sumsqr(A @ X @ B - C),
    "a'XX'Xb": lambda ca, a, X, b: a.T @ X @ X.T @ X @ b,
    "x'Ax/x'Bx": lambda ca, A, B, x: x.T @ A @ x / (x.T @ B @ x),
    "x'Diag(x)A Diag(x)x": lambda ca, x, A: (x * x).T @ A @ (x * x),
    "tr(X⁴)": lambda ca, X: ca.trace(X @ X @ X @ X),
}


def measure(problem: Problem, size: Any, ratios: dict[str, list[float]]) -> None:
    d = md.derive(problem.text, wrt=problem.wrt, declare=problem.declare)
    given = problem.make(np.random.default_rng(0), size)
    variables = d.function.variables
    given = {v.name: given[v.name] for v in variables}
    result = d.gradient
    nodes = {k: g.node for k, g in result.items()} if d.several else result.node
    calls: dict[str, Callable[[], Any]] = {}
    for name in ("numpy", "numba"):
        f = compile_(nodes, variables, name)
        calls[name] = lambda f=f: f(**given)
    if clib.CC:
        calls["c"] = c_call(nodes, variables, given, None)
        sizes = {n: k for v in variables for n, k in dims(v, given[v.name]).items()}
        if max(sizes.values(), default=0) <= 20:
            calls["c fixed"] = c_call(nodes, variables, given, sizes)
    casadi = casadi_call(problem, d, given)
    if casadi is not None:
        calls["casadi"] = casadi
    times = {name: best(call) for name, call in calls.items()}
    base = times["numpy"]
    line = "  ".join(f"{k} {t / base:6.3f}" for k, t in times.items() if k != "numpy")
    print(f"{problem.name:28} {size!s:18} {base * 1e6:9.1f} µs  {line}", flush=True)
    for k, t in times.items():
        ratios.setdefault(f"{k}/numpy", []).append(t / base)
        if "casadi" in times:
            ratios.setdefault(f"{k}/casadi", []).append(t / times["casadi"])


BATCHES = {
    "norm": ("norm(A*x - b)^2", "x", "A: n×n; x, b: n"),
    "logdet": ("logdet(S) + x'*S*x", "S", "S: n×n spd; x: n"),
    "solve": ("b'*inv(A)*c", "A", "A: n×n; b, c: n"),
    "definite solve": ("b'*inv(S)*b", "S", "S: n×n spd; b: n"),
    "det": ("det(A)", "A", "A: n×n"),
    "general logdet": ("log(abs(det(A)))", "A", "A: n×n"),
    "expm": ("tr(expm(A)*B)", "A", "A, B: n×n"),
    "lambda_max": ("lambda_max(S)", "S", "S: n×n symmetric"),
    "nuclear norm": ("nuclear(A)", "A", "A: n×n"),
}


def batches(only: str, count: int = 10_000, n: int = 6) -> None:
    """Gradients at many points: one call with batches, by CPU time, to a loop of calls."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(count, n, n))
    given = {"A": A, "B": rng.normal(size=A.shape), "S": A @ A.swapaxes(1, 2) + np.eye(n)}
    given |= {k: rng.normal(size=(count, n)) for k in "xbc"}
    for name, (text, wrt, declare) in BATCHES.items():
        if only not in name:
            continue
        d = md.derive(text, wrt=wrt, declare=declare)
        arrays = {v.name: given[v.name] for v in d.function.variables}
        one, many = d.gradient.compile(), d.gradient.compile(batch=tuple(arrays))
        times: dict[str, list[float]] = {"loop": [], "batch": []}
        for _ in range(5):
            start = time.process_time()
            for k in range(count):
                one(**{name: a[k] for name, a in arrays.items()})
            middle = time.process_time()
            many(**arrays)
            times["loop"].append(middle - start)
            times["batch"].append(time.process_time() - middle)
        loop, batch = (min(t) for t in times.values())
        print(f"{name:16} loop {loop * 1e3:8.1f} ms  batch {batch * 1e3:7.1f} ms  {batch / loop:6.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--mid", action="store_true", help="the sizes at which NumPy takes 50 µs to 2 ms")
    parser.add_argument("--batches", action="store_true", help="10,000 problems of size 6 in one call, to a loop")
    options = parser.parse_args()
    if options.batches:
        batches(options.only)
        return
    ratios: dict[str, list[float]] = {}
    for problem in PROBLEMS:
        if options.only in problem.name:
            measure(problem, problem.sizes[0] if options.mid else small(problem), ratios)
    for name, found in ratios.items():
        mean = math.exp(sum(map(math.log, found)) / len(found))
        print(f"{name:16} geometric mean {mean:6.3f}   worst {max(found):6.3f}")


if __name__ == "__main__":
    main()
