"""What derivatives cost against the function: python tests/benchmarks/operators.py [size]

One thread of BLAS tells most: OPENBLAS_NUM_THREADS=1 in front.

jvp and vjp in evaluations of F (at most 5, factorisations and matrix functions 15), hvp in evaluations of
value-and-gradient (at most 4).  Arrays are checked in none of them: all run the generated code.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import matdiff as md
from matdiff.codegen import compile_

PLAIN, HEAVY = 5.0, 15.0
SECOND = 4.0
KRONECKER = 17

FUNCTIONS = [
    ("A*X*B", "X", "A: n×n; X: n×n; B: n×n", PLAIN),
    ("X^3", "X", "X: n×n", PLAIN),
    ("X'*A*X", "X", "A: n×n; X: n×n", PLAIN),
    ("inv(X)", "X", "X: n×n", PLAIN),
    ("A.*X.*X", "X", "A: n×n; X: n×n", PLAIN),
    ("exp(A*X)", "X", "A: n×n; X: n×n", PLAIN),
    ("softmax(A*x)", "x", "A: n×n; x: n", PLAIN),
    ("x/norm(x)", "x", "x: n", PLAIN),
    ("A*inv(A'*A)*A'", "A", "A: m×n", PLAIN),
    ("kron(A,X)", "X", "A: k×k; X: k×k", PLAIN),
    ("kron(X,X)*z", "X", "X: k×k; z: k*k", PLAIN),
    ("chol(S)", "S", "S: n×n spd", HEAVY),
    ("expm(X)", "X", "X: n×n", HEAVY),
    ("sqrtm(S)", "S", "S: n×n spd", HEAVY),
    ("logm(S)", "S", "S: n×n spd", HEAVY),
    ("eigvals(S)", "S", "S: n×n symmetric", HEAVY),
    ("eigvecs(S)", "S", "S: n×n symmetric", HEAVY),
    ("svdvals(A)", "A", "A: n×n", HEAVY),
    ("pinv(A)", "A", "A: m×n", HEAVY),
]
SCALARS = [
    ("norm(A*x - b)^2/2", "x", "A: n×n; b: n"),
    ("x'*A*x/2 + b'*x", "x", "A: n×n symmetric; b: n"),
    ("log(sum(exp(A*x)))", "x", "A: n×n"),
    ("sum(log(1 .+ exp(A*x)))", "x", "A: n×n"),
    ("tr(A*X*B*X)", "X", "A: n×n; X: n×n; B: n×n"),
    ("norm(A*X - B)^2", "X", "A: n×n; X: n×n; B: n×n"),
    ("logdet(S)", "S", "S: n×n spd"),
    ("logdet(X)", "X", "X: n×n"),
    ("det(X/10)", "X", "X: n×n"),
    ("tr(inv(X)*A)", "X", "A: n×n; X: n×n"),
    ("logdet(S) + tr(inv(S)*A)", "S", "S: n×n spd; A: n×n symmetric"),
    ("x'*A*x/(x'*x)", "x", "A: n×n symmetric"),
    ("tr(expm(X))", "X", "X: n×n"),
]


def arrays(d: md.Derivation, size: int, rng: np.random.Generator) -> dict[str, Any]:
    sizes = {"n": size, "m": size + 5, "k": KRONECKER}
    out: dict[str, Any] = {}
    for v in d.function.variables:
        shape = tuple(dim.evaluate(sizes) for dim in v.shape)
        M = rng.normal(size=shape) / (max(shape, default=1) ** 0.5)
        if "spd" in v.attributes:
            M = M @ M.T + np.eye(len(M))
        elif "symmetric" in v.attributes:
            M = M + M.T
        elif v.kind == "matrix" and shape[0] == shape[1]:
            M = M / 3 + np.eye(len(M))
        out[v.name] = M
    return out


def seconds(run: Callable[[], Any]) -> float:
    """The fastest of several runs, after one to warm up."""
    run()
    best, spent = float("inf"), 0.0
    while spent < 0.4:
        start = time.perf_counter()
        run()
        took = time.perf_counter() - start
        best, spent = min(best, took), spent + took
    return best


def compiled(nodes: list[Any], variables: tuple[Any, ...], given: dict[str, Any]) -> float:
    run = compile_(nodes, variables)
    return seconds(lambda: run(**given))


def first_order(text: str, wrt: str, declare: str, size: int, rng: np.random.Generator) -> tuple[float, float, float]:
    """Seconds of F, and jvp and vjp in them."""
    d = md.derive(text, wrt=wrt, declare=declare)
    given = arrays(d, size, rng)
    (dX,) = d.directions.values()
    given[dX.name] = given[wrt] * 0.5
    known = (*d.function.variables, dX, d.covector)
    F = compile_([d.function.node], known)(**given)[0]
    given[d.covector.name] = rng.normal(size=np.shape(F))
    base = compiled([d.function.node], known, given)
    jvp = compiled([d.differential.node], known, given)
    vjp = compiled(list(d.pullback.values()), known, given)
    return base, jvp / base, vjp / base


def second_order(text: str, wrt: str, declare: str, size: int, rng: np.random.Generator) -> tuple[float, float]:
    """Seconds of value and gradient, and hvp in them."""
    d = md.derive(text, wrt=wrt, declare=declare)
    given = arrays(d, size, rng)
    (dX,) = d.directions.values()
    given[dX.name] = given[wrt] * 0.5
    known = (*d.function.variables, dX)
    base = compiled([d.function.node, d.gradient.node], known, given)
    return base, compiled(list(d.products.values()), known, given) / base


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    rng = np.random.default_rng(0)
    misses = []
    print(f"size {size}, Kronecker factors {KRONECKER}\n")
    print(f"{'F':28}{'F in ms':>10}{'jvp/F':>8}{'vjp/F':>8}{'limit':>7}")
    for text, wrt, declare, limit in FUNCTIONS:
        base, jvp, vjp = first_order(text, wrt, declare, size, rng)
        print(f"{text:28}{base * 1e3:10.2f}{jvp:8.1f}{vjp:8.1f}{limit:7.0f}")
        misses += [f"{name} of {text}: {r:.1f}× F" for name, r in (("jvp", jvp), ("vjp", vjp)) if r > limit]
    print(f"\n{'f':28}{'f,∇f ms':>10}{'hvp/(f,∇f)':>12}{'limit':>7}")
    for text, wrt, declare in SCALARS:
        base, hvp = second_order(text, wrt, declare, size, rng)
        limit = HEAVY if "expm" in text else SECOND
        print(f"{text:28}{base * 1e3:10.2f}{hvp:12.1f}{limit:7.0f}")
        misses += [f"hvp of {text}: {hvp:.1f}× value and gradient"] if hvp > limit else []
    print("\nabove the limit:" if misses else "\nall within their limits")
    for miss in misses:
        print(f"  {miss}")


if __name__ == "__main__":
    main()
