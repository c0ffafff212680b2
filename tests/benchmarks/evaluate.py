"""How fast generated code is.

    python tests/benchmarks/evaluate.py [--kind gradient] [--only NAME] [--libraries jax,torch]

One thread for every contestant, calls interleaved in one process, in an order that changes from round to round.
Each number is the ratio of the contestant's median to the median of the limit, the same derivative written by hand
with NumPy and SciPy; the better of two runs.
"""

from __future__ import annotations

import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import argparse  # noqa: E402
import math  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections import defaultdict  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from random import Random  # noqa: E402
from statistics import median  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))
from problems import PROBLEMS, Problem  # noqa: E402

import matdiff as md  # noqa: E402
from matdiff.codegen import compile_  # noqa: E402

Call = Callable[[], Any]
REGIMES = (("> 2 ms", 2e-3, math.inf), ("50 µs-2 ms", 50e-6, 2e-3), ("< 50 µs", 0.0, 50e-6))


def one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def timed(calls: dict[str, Call], seconds: float) -> dict[str, float]:
    """The median time of each.

    The order changes, and a call that is not timed comes first, since each call finds the caches and the memory as
    another left them: the gigabytes that one frees, the next pays for.
    """
    for call in calls.values():
        call()
    first = next(iter(calls.values()))
    start = time.perf_counter()
    first()
    once = time.perf_counter() - start
    inner = max(1, int(100e-6 / max(once, 1e-7)))
    rounds = max(5, min(200, int(seconds / (max(once, 1e-7) * inner * len(calls)))))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    turn = Random(0)
    for _ in range(rounds):
        for name, call in turn.sample(list(calls.items()), len(calls)):
            call()
            start = time.perf_counter()
            for _ in range(inner):
                call()
            samples[name].append((time.perf_counter() - start) / inner)
    return {name: median(times) for name, times in samples.items()}


def best(calls: dict[str, Call], seconds: float) -> tuple[float, dict[str, float]]:
    """The time of the first and the ratios to it, each the better of two runs."""
    runs = [timed(calls, seconds) for _ in range(2)]
    base = next(iter(calls))
    return min(r[base] for r in runs), {name: min(r[name] / r[base] for r in runs) for name in calls}


class Row:
    """The contestants of one problem and one kind of derivative."""

    def __init__(self, problem: Problem, kind: str, libraries: set[str]) -> None:
        self.problem, self.kind, self.libraries = problem, kind, libraries
        self.wrt = problem.wrt if kind != "hessian" else problem.wrt.split(",")[0]
        self.derivation = md.derive(problem.text, wrt=self.wrt, declare=problem.declare)
        self.several = "," in self.wrt

    def nodes(self) -> Any:
        found = self.derivation.hessian if self.kind == "hessian" else self.derivation.gradient
        return {k: e.node for k, e in found.items()} if self.several else found.node

    def calls(self, arrays: dict[str, Any]) -> dict[str, Call]:
        p = self.problem
        hand = p.hessian if self.kind == "hessian" else p.gradient
        assert hand is not None
        variables = self.derivation.function.variables
        ours = compile_(self.nodes(), variables)
        given = {v.name: arrays[v.name] for v in variables}
        out: dict[str, Call] = {"limit": lambda: hand(**arrays), "numpy": lambda: ours(**given)}
        self.agree(out["limit"](), out["numpy"](), "numpy")
        if "jax" in self.libraries:
            out |= self.jax_calls(arrays, given)
        if "torch" in self.libraries and self.kind == "gradient":
            out |= self.torch_calls(given)
        return out

    def jax_calls(self, arrays: dict[str, Any], given: dict[str, Any]) -> dict[str, Call]:
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # one thread: not a second one that waits its turn
        placed = {k: jnp.asarray(v) for k, v in given.items()}
        everything = {k: jnp.asarray(v) for k, v in arrays.items()}
        ours = compile_(self.nodes(), self.derivation.function.variables, "jax")
        names = self.wrt.split(",")

        def function(free: Any, fixed: Any) -> Any:
            return self.problem.jax(jnp, jax, **fixed, **free)

        free = {k: everything[k] for k in names}
        fixed = {k: v for k, v in everything.items() if k not in names}
        derive = jax.hessian if self.kind == "hessian" else jax.grad
        theirs = jax.jit(derive(function))
        out: dict[str, Call] = {
            "jax": lambda: jax.block_until_ready(ours(**placed)),
            "jax.hessian" if self.kind == "hessian" else "jax.grad": lambda: jax.block_until_ready(theirs(free, fixed)),
        }
        self.agree(self.reference, ours(**placed), "jax")
        return out

    def torch_calls(self, given: dict[str, Any]) -> dict[str, Call]:
        import torch

        torch.set_num_threads(1)
        value = compile_(self.derivation.function.node, self.derivation.function.variables, "torch")
        gradient = compile_(self.nodes(), self.derivation.function.variables, "torch")
        tensors = {k: torch.as_tensor(v) for k, v in given.items()}
        free = {k: tensors[k].clone().requires_grad_() for k in self.wrt.split(",")}

        def automatic() -> Any:
            return torch.autograd.grad(value(**{**tensors, **free}), list(free.values()))

        return {"torch": lambda: gradient(**tensors), "autograd": automatic}

    def agree(self, expected: Any, got: Any, who: str) -> None:
        self.reference = expected
        pairs = [(expected[k], got[k]) for k in expected] if isinstance(expected, dict) else [(expected, got)]
        for e, g in pairs:
            scale = np.abs(e).max()
            if not np.abs(np.asarray(g) - e).max() <= 1e-8 * scale:
                raise SystemExit(f"{self.problem.name}, {self.kind}: {who} disagrees with the limit")


def together(problem: Problem, arrays: dict[str, Any]) -> dict[str, Call]:
    """The value alone, and the value with the gradient."""
    d = md.derive(problem.text, wrt=problem.wrt, declare=problem.declare)
    found = d.gradient if isinstance(d.gradient, dict) else {problem.wrt: d.gradient}
    given = {v.name: arrays[v.name] for v in d.function.variables}
    value = compile_(d.function.node, d.function.variables)
    both = compile_([d.function.node, *(g.node for g in found.values())], d.function.variables)
    return {"value": lambda: value(**given), "with gradient": lambda: both(**given)}


def summary(ratios: dict[tuple[str, str], list[tuple[float, float, str]]]) -> None:
    """Geometric means by regime, and the worst row."""
    for (kind, name), rows in ratios.items():
        for regime, low, high in REGIMES:
            chosen = [(r, where) for t, r, where in rows if low <= t < high]
            if chosen:
                mean = math.exp(sum(math.log(r) for r, _ in chosen) / len(chosen))
                worst, where = max(chosen)
                print(f"{kind:14} {name:14} {regime:10} mean {mean:6.2f}   worst {worst:6.2f} ({where})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["gradient", "hessian", "value+gradient"], action="append")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=0.3, help="for a run of all contestants of a row")
    parser.add_argument("--libraries", default="jax,torch", help="those of jax,torch to compare with")
    parser.add_argument("--sizes", default="0,1,2")
    options = parser.parse_args()
    one_core()
    libraries = {name for name in options.libraries.split(",") if name and importable(name)}
    ratios: dict[tuple[str, str], list[tuple[float, float, str]]] = defaultdict(list)
    for kind in options.kind or ["gradient", "hessian", "value+gradient"]:
        for problem in (p for p in PROBLEMS if options.only in p.name and (p.hessian or kind != "hessian")):
            measure(problem, kind, libraries, [int(i) for i in options.sizes.split(",")], options.seconds, ratios)
    print()
    summary(ratios)


def measure(problem: Problem, kind: str, libraries: set[str], chosen: list[int], seconds: float, ratios: Any) -> None:
    sizes = problem.hessian_sizes if kind == "hessian" else problem.sizes
    row = Row(problem, kind, libraries)
    for i in chosen:
        arrays = problem.make(np.random.default_rng(0), sizes[i])
        calls = together(problem, arrays) if kind == "value+gradient" else row.calls(arrays)
        base, found = best(calls, seconds)
        name = f"{problem.name} {sizes[i]}"
        line = "  ".join(f"{k} {r:6.2f}" for k, r in found.items() if k != next(iter(calls)))
        print(f"{kind:14} {name:42} {base * 1e3:9.4f} ms  {line}", flush=True)
        for k, r in list(found.items())[1:]:
            ratios[kind, k].append((base, r, name))
        if "jax.grad" in found:
            ratios[kind, "jax/jax.grad"].append((base, found["jax"] / found["jax.grad"], name))
        if "jax.hessian" in found:
            ratios[kind, "jax/jax.hessian"].append((base, found["jax"] / found["jax.hessian"], name))


def importable(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


if __name__ == "__main__":
    main()
