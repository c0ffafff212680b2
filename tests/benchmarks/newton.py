"""Newton's step of twenty losses beside the Hessian by JAX and by PyTorch with a dense solve, and CG on JAX's products.

    python tests/benchmarks/newton.py [--n 200] [--only ridge,huber] [--torch] [--memory 3000] [--time 120]

Each row: the fastest of three runs, how many times as long the best of the others takes, how far the steps are apart,
and the peak of memory beside what a full Hessian and the arrays take.  Needs JAX, with --torch PyTorch too.

Every measurement is a process of its own on one core, in seconds of that core, whatever else the machine does, and held
to so many MB and seconds.  Another way that does not end within them "does not fit": it counts as one that took all its
seconds only where no other one fits, and else not at all.  Steps are compared with the dense ones, with those of CG
only where no dense way fits.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg

import matdiff as md

jax.config.update("jax_enable_x64", True)

Loss = Callable[..., Any]
SLOW = 60.0
"""Seconds after which a rival is not run again."""


class Jax:
    exp, log, sqrt, sum, inv, trace = jnp.exp, jnp.log, jnp.sqrt, jnp.sum, jnp.linalg.inv, jnp.trace
    logdet = staticmethod(lambda A: jnp.linalg.slogdet(A)[1])
    softplus = staticmethod(jax.nn.softplus)
    rowlse = staticmethod(lambda A: jax.scipy.special.logsumexp(A, axis=1))
    khatrirao = staticmethod(lambda A, B: (A[:, None, :] * B[None, :, :]).reshape(-1, A.shape[1]))
    eye = staticmethod(jnp.eye)


def torch_space() -> Any:
    import torch

    class Torch:
        exp, log, sqrt, sum, inv, trace = torch.exp, torch.log, torch.sqrt, torch.sum, torch.linalg.inv, torch.trace
        logdet = staticmethod(lambda A: torch.linalg.slogdet(A)[1])
        softplus = staticmethod(torch.nn.functional.softplus)
        rowlse = staticmethod(lambda A: torch.logsumexp(A, 1))
        khatrirao = staticmethod(lambda A, B: (A[:, None, :] * B[None, :, :]).reshape(-1, A.shape[1]))
        eye = staticmethod(lambda n: torch.eye(n, dtype=torch.float64))

    return Torch


@dataclass(frozen=True)
class Problem:
    name: str
    text: str
    wrt: str
    declare: str
    loss: Loss
    arrays: Callable[[int, np.random.Generator], dict[str, Any]]
    tangent: bool = False


def spd(r: np.random.Generator, n: int) -> Any:
    A = r.normal(size=(n, n)) / np.sqrt(n)
    return A @ A.T + np.eye(n)


def wide(n: int, r: np.random.Generator) -> dict[str, Any]:
    m = n // 4
    return {"X": r.normal(size=(m, n)) / np.sqrt(n), "w": r.normal(size=n), "y": np.sign(r.normal(size=m)), "t": 0.5}


def tall(n: int, r: np.random.Generator) -> dict[str, Any]:
    X = r.normal(size=(2 * n, n)) / np.sqrt(n)
    return {"X": X, "w": r.normal(size=n), "y": np.sign(r.normal(size=2 * n)), "t": 0.5}


def many(n: int, r: np.random.Generator) -> dict[str, Any]:
    p = 10
    k = n // p
    X = r.normal(size=(2 * k, k)) / np.sqrt(k)
    Y = np.eye(p)[r.integers(p, size=2 * k)]
    return {"X": X, "W": r.normal(size=(k, p)), "Y": Y, "t": 0.5}


def factors(n: int, r: np.random.Generator) -> dict[str, Any]:
    m = n // 10
    return {"R": r.normal(size=(m, m)), "U": r.normal(size=(m, 10)), "V": r.normal(size=(m, 10)), "t": 0.1}


def tensors(n: int, r: np.random.Generator) -> dict[str, Any]:
    m = n // 10
    A, B, C = (r.normal(size=(k, 10)) for k in (m, 30, 20))
    return {"T": r.normal(size=(m, 600)), "A": A, "B": B, "C": C}


def laplacian(n: int, r: np.random.Generator) -> dict[str, Any]:
    W = np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 3), 3)
    W = W + W.T
    return {"L": np.diag(W.sum(1)) - W + 1e-6 * np.eye(n), "x": r.normal(size=n), "y": r.normal(size=n), "t": 2.0}


def unit(n: int, r: np.random.Generator) -> dict[str, Any]:
    A = spd(r, n)
    x = np.linalg.eigh(A)[1][:, -1] + 0.01 * r.normal(size=n) / np.sqrt(n)
    return {"A": A, "x": x / np.linalg.norm(x)}


def barrier(n: int, r: np.random.Generator) -> dict[str, Any]:
    A, x = r.normal(size=(2 * n, n)) / np.sqrt(n), r.normal(size=n)
    return {"A": A, "x": x, "b": A @ x + r.uniform(0.5, 1, 2 * n), "c": r.normal(size=n)}


def portfolio(n: int, r: np.random.Generator) -> dict[str, Any]:
    d, x = r.uniform(0.5, 1, (2, n))
    return {"F": r.normal(size=(n, 20)), "d": d, "x": x, "u": r.normal(size=n), "t": 0.1}


def transport(n: int, r: np.random.Generator) -> dict[str, Any]:
    m = n // 2
    K = np.exp(-r.uniform(0, 1, (m, m)))
    return {"K_1": K, "f": r.normal(size=m), "g": r.normal(size=m), "a": np.ones(m) / m, "b": np.ones(m) / m, "t": 0.1}


def square(n: int) -> int:
    return int(np.sqrt(n))


T = "t: scalar positive"
PROBLEMS = (
    Problem("ridge", "norm(X*w - y)^2/2 + t*w'*w/2", "w", T,
            lambda B, w, X, y, t: B.sum((X @ w - y) ** 2) / 2 + t * B.sum(w * w) / 2, wide),
    Problem("ridge, many targets", "norm(X*W - Y)^2/2 + t*norm(W)^2/2", "W", T,
            lambda B, W, X, Y, t: B.sum((X @ W - Y) ** 2) / 2 + t * B.sum(W * W) / 2, many),
    Problem("logistic", "sum(log(1 .+ exp(-y .* (X*w)))) + t*w'*w/2", "w", T,
            lambda B, w, X, y, t: B.sum(B.softplus(-y * (X @ w))) + t * B.sum(w * w) / 2, tall),
    Problem("logistic, wide", "sum(log(1 .+ exp(-y .* (X*w)))) + t*w'*w/2", "w", T,
            lambda B, w, X, y, t: B.sum(B.softplus(-y * (X @ w))) + t * B.sum(w * w) / 2, wide),
    Problem("multinomial logistic", "sum(rowlogsumexp(X*W)) - tr(Y'*X*W) + t*norm(W)^2/2", "W", T,
            lambda B, W, X, Y, t: B.sum(B.rowlse(X @ W)) - B.sum(Y * (X @ W)) + t * B.sum(W * W) / 2, many),
    Problem("Poisson", "sum(exp(X*w)) - y'*X*w + t*w'*w/2", "w", T,
            lambda B, w, X, y, t: B.sum(B.exp(X @ w)) - B.sum(y * (X @ w)) + t * B.sum(w * w) / 2, wide),
    Problem("Huber, smooth", "sum(sqrt(1 .+ (X*w - y).^2)) + t*w'*w/2", "w", T,
            lambda B, w, X, y, t: B.sum(B.sqrt(1 + (X @ w - y) ** 2)) + t * B.sum(w * w) / 2, wide),
    Problem("factorisation by U", "norm(R - U*V')^2/2 + t*norm(U)^2/2", "U", T,
            lambda B, U, R, V, t: B.sum((R - U @ V.T) ** 2) / 2 + t * B.sum(U * U) / 2, factors),
    Problem("Gauss by mean", "(x - m)'*inv(S)*(x - m)/2", "m", "S: n×n spd; x: n; m: n",
            lambda B, m, x, S: (x - m) @ B.inv(S) @ (x - m) / 2,
            lambda n, r: {"S": spd(r, n), "x": r.normal(size=n), "m": r.normal(size=n)}),
    Problem("Gauss by precision", "tr(S*P) - logdet(P)", "P", "P: n×n spd; S: n×n spd",
            lambda B, P, S: B.sum(S.T * P) - B.logdet(P),
            lambda n, r: {"S": spd(r, square(n)), "P": spd(r, square(n))}),
    Problem("Gaussian process", "y'*inv(exp(a)*K_1 + exp(b)*I)*y/2 + logdet(exp(a)*K_1 + exp(b)*I)/2", "a,b",
            "K_1: n×n spd; a: scalar; b: scalar; y: n",
            lambda B, ab, K_1, y: y @ B.inv(B.exp(ab[0]) * K_1 + B.exp(ab[1]) * B.eye(len(y))) @ y / 2
            + B.logdet(B.exp(ab[0]) * K_1 + B.exp(ab[1]) * B.eye(len(y))) / 2,
            lambda n, r: {"K_1": spd(r, n // 4), "y": r.normal(size=n // 4), "a": 0.1, "b": -0.3}),
    Problem("graph Laplacian", "norm(x - y)^2/2 + t*x'*L*x/2", "x", f"L: n×n symmetric; {T}",
            lambda B, x, L, y, t: B.sum((x - y) ** 2) / 2 + t * (x @ (L @ x)) / 2, laplacian),
    Problem("total variation", "norm(x - y)^2/2 + t*sum(sqrt((x[2:n] - x[1:n-1]).^2 .+ 0.01))", "x", f"x: n; y: n; {T}",
            lambda B, x, y, t: B.sum((x - y) ** 2) / 2 + t * B.sum(B.sqrt((x[1:] - x[:-1]) ** 2 + 0.01)),
            lambda n, r: {"x": r.normal(size=n), "y": r.normal(size=n), "t": 2.0}),
    Problem("PCA on the sphere", "-x'*A*x/2", "x", "x: n unit; A: n×n symmetric",
            lambda B, x, A: -(x @ (A @ x)) / 2, unit, True),
    Problem("CCA", "t/4*(u'*A*u - 1)^2 - u'*C*v", "u", f"A: n×n spd; C: n×n; {T}",
            lambda B, u, A, C, v, t: t / 4 * (u @ (A @ u) - 1) ** 2 - u @ (C @ v),
            lambda n, r: {"A": spd(r, n), "C": r.normal(size=(n, n)), "u": r.normal(size=n), "v": r.normal(size=n),
                          "t": 1}),
    Problem("log barrier", "c'*x - sum(log(b - A*x))", "x", "",
            lambda B, x, A, b, c: B.sum(c * x) - B.sum(B.log(b - A @ x)), barrier),
    Problem("transport, regularised", "t*sum(exp(f) .* (K_1*exp(g))) - a'*f - b'*g + t*f'*f + t*g'*g", "f,g",
            f"f: m; g: n; K_1: m×n; {T}",
            lambda B, fg, K_1, a, b, t: t * B.sum(B.exp(fg[: len(a)]) * (K_1 @ B.exp(fg[len(a) :])))
            - B.sum(a * fg[: len(a)]) - B.sum(b * fg[len(a) :]) + t * B.sum(fg * fg), transport),
    Problem("kernel ridge", "norm(K_1*c - y)^2/2 + t*c'*K_1*c/2", "c", f"K_1: n×n spd; {T}",
            lambda B, c, K_1, y, t: B.sum((K_1 @ c - y) ** 2) / 2 + t * (c @ (K_1 @ c)) / 2,
            lambda n, r: {"K_1": spd(r, n), "c": r.normal(size=n), "y": r.normal(size=n), "t": 0.1}),
    Problem("CP factor", "norm(T - A*khatrirao(B,C)')^2/2", "A", "A: m×r; B: n×r; C: p×r; T: m×(n*p)",
            lambda S, A, T, B, C: S.sum((T - A @ S.khatrirao(B, C).T) ** 2) / 2, tensors),
    Problem("quartic", "norm(A*x - b)^2/2 + t/4*(x'*x)^2", "x", T,
            lambda B, x, A, b, t: B.sum((A @ x - b) ** 2) / 2 + t / 4 * B.sum(x * x) ** 2,
            lambda n, r: {"A": r.normal(size=(n // 4, n)) / np.sqrt(n), "b": r.normal(size=n // 4),
                          "x": r.normal(size=n) / np.sqrt(n), "t": 1.0}),
    Problem("portfolio", "(x'*F*F'*x + sum(d.*x.^2))/2 - u'*x - t*sum(log(x))", "x",
            f"x: n positive; F: n×k; d: n positive; u: n; {T}",
            lambda B, x, F, d, u, t: (B.sum((F.T @ x) ** 2) + B.sum(d * x * x)) / 2 - B.sum(u * x)
            - t * B.sum(B.log(x)),
            portfolio),
)  # fmt: skip


def best(run: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The shortest time of the processor, and the value; a slow one is run once."""
    shortest, value = np.inf, None
    for _ in range(times):
        start = time.process_time()
        value = run()
        shortest = min(shortest, time.process_time() - start)
        if shortest > SLOW / 10:
            break
    return shortest, value


def solved(H: Any, g: Any, x: Any = None) -> Any:
    """The dense way; on the sphere that of the tangent space."""
    if x is not None:
        P = np.eye(len(x)) - np.outer(x, x)
        H = P @ (H - (x @ g) * np.eye(len(x))) @ P + np.outer(x, x)
        g = P @ g
    return np.linalg.solve(H, -g)


Way = Callable[[], Any]
ONE_THREAD = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Threads that wait for a core that others use would measure the others."""


def by_jax(p: Problem, arrays: dict[str, Any], dense: bool) -> Way:
    """The flat step by the whole Hessian, or by conjugate gradients on products with it."""
    names = p.wrt.split(",")
    parts = [np.asarray(arrays[v], dtype=float) for v in names]
    flat = np.concatenate([v.ravel() for v in parts])
    shape = parts[0].shape if len(parts) == 1 else flat.shape
    on = flat if p.tangent else None
    data = {k: jnp.asarray(np.asarray(v, dtype=float)) for k, v in arrays.items() if k not in names}

    def f(z: Any) -> Any:
        return p.loss(Jax, z.reshape(shape), **data)

    z = jnp.asarray(flat)
    if dense:
        both = jax.jit(lambda z: (jax.grad(f)(z), jax.hessian(f)(z)))

        def whole() -> Any:
            g, H = both(z)
            return solved(np.asarray(H), np.asarray(g), on)

        return whole
    grad, hvp = jax.jit(jax.grad(f)), jax.jit(lambda z, v: jax.jvp(jax.grad(f), (z,), (v,))[1])

    def products() -> Any:
        g = np.asarray(grad(z))
        apply = lambda v: np.asarray(hvp(z, jnp.asarray(v)))  # noqa: E731
        if on is not None:
            slope = on @ g
            inside = lambda v: v - on * (on @ v)  # noqa: E731
            g = inside(g)
            apply = lambda v: inside(np.asarray(hvp(z, jnp.asarray(inside(v)))) - slope * inside(v))  # noqa: E731
        H = scipy.sparse.linalg.LinearOperator((len(g),) * 2, matvec=apply, dtype=float)
        return scipy.sparse.linalg.cg(H, -g, rtol=1e-11, maxiter=20 * len(g))[0]

    return products


def by_torch(p: Problem, arrays: dict[str, Any]) -> Way:
    import torch

    names = p.wrt.split(",")
    parts = [np.asarray(arrays[v], dtype=float) for v in names]
    flat = np.concatenate([v.ravel() for v in parts])
    shape = parts[0].shape if len(parts) == 1 else flat.shape
    space = torch_space()
    data = {k: torch.as_tensor(np.asarray(v, dtype=float)) for k, v in arrays.items() if k not in names}

    def h(z: Any) -> Any:
        return p.loss(space, z.reshape(shape), **data)

    point = torch.as_tensor(flat)

    def whole() -> Any:
        g, H = torch.func.grad(h)(point), torch.func.hessian(h)(point)
        return solved(H.numpy(), g.numpy(), flat if p.tangent else None)

    return whole


def by_matdiff(p: Problem, arrays: dict[str, Any]) -> Way:
    d = md.derive(p.text, wrt=p.wrt, declare=p.declare)

    def step() -> Any:
        s = d.newton_step(**arrays)
        return np.concatenate([np.ravel(v) for v in (s.values() if d.several else [s])])

    return step


def measured(p: Problem, n: int, way: str, file: Path) -> None:
    """One way, once: seconds, step and, of matdiff, the peak of memory, into a file."""
    arrays = p.arrays(n, np.random.default_rng(0))
    ways = {
        "matdiff": lambda: by_matdiff(p, arrays),
        "jax.hessian": lambda: by_jax(p, arrays, True),
        "newton-cg": lambda: by_jax(p, arrays, False),
        "torch.func": lambda: by_torch(p, arrays),
    }
    run = ways[way]()
    run()
    seconds, step = best(run, 5 if way == "matdiff" else 3)
    peak = 0
    if way == "matdiff":
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    np.savez(file, seconds=seconds, step=step, peak=peak)


def apart(p: Problem, asked: argparse.Namespace, way: str) -> tuple[float, Any, int] | None:
    """The same in a process of its own; None where it does not fit."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.npz"
        limit = asked.memory * 2**20
        # Code, threads' stacks and arenas of JAX take addresses, not memory: the bound is on the data segment.
        core = max(os.sched_getaffinity(0))

        def bound() -> None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
            os.sched_setaffinity(0, {core})

        command = [sys.executable, __file__, "--n", str(asked.n), "--one", p.name, "--way", way, "--file", str(file)]
        try:
            subprocess.run(
                command, check=True, timeout=asked.time, preexec_fn=bound, stderr=subprocess.DEVNULL, env=ONE_THREAD
            )
            found = np.load(file)
            return float(found["seconds"]), found["step"], int(found["peak"])
        except (subprocess.SubprocessError, OSError):
            return None


def row(p: Problem, asked: argparse.Namespace) -> tuple[float, float, float] | None:
    """Print a line; how many times as fast, memory beside a Hessian's, and how far the steps are apart."""
    mine = apart(p, asked, "matdiff")
    if mine is None:
        print(f"{p.name:26} does not fit", flush=True)
        return None
    seconds, step, peak = mine
    ways = ["jax.hessian", "newton-cg", *(["torch.func"] if asked.torch else [])]
    found = {way: apart(p, asked, way) for way in ways}
    fit = {way: f for way, f in found.items() if f is not None}
    name = min(fit, key=lambda way: fit[way][0]) if fit else "none fits"
    ratio = (fit[name][0] if fit else asked.time) / seconds
    dense = [f[1] for way, f in fit.items() if way != "newton-cg"] or [f[1] for f in fit.values()]
    off = max((float(np.linalg.norm(t - step) / np.linalg.norm(t)) for t in dense), default=0.0)
    given = sum(np.size(a) for a in p.arrays(asked.n, np.random.default_rng(0)).values())
    full = (step.size**2 + given) * 8
    others = "  ".join(f"{way} {f[0] * 1e3:.0f}" if f else f"{way} does not fit" for way, f in found.items())
    used = f"{peak / 1e6:7.1f} {peak / full:7.2f}"
    print(f"{p.name:26} {seconds * 1e3:9.2f}  {ratio:7.1f}  {name:12}  {off:8.0e}  {used}  ({others})", flush=True)
    return ratio, peak / full, off


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--only", default="")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--memory", type=int, default=3000, help="MB for each process")
    parser.add_argument("--time", type=float, default=120, help="seconds for each process")
    for hidden in ("--one", "--way", "--file"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        measured(next(p for p in PROBLEMS if p.name == asked.one), asked.n, asked.way, Path(asked.file))
        return
    print(f"{'n = ' + str(asked.n):26} {'ms':>9}  {'times':>7}  rival         {'apart':>8}  {'MB':>7} of a Hessian's")
    wanted = [p for p in PROBLEMS if not asked.only or any(part in p.name for part in asked.only.split(","))]
    rows = [found for p in wanted if (found := row(p, asked)) is not None]
    ratios, memory, off = zip(*rows, strict=True)
    mean = lambda v: float(np.exp(np.mean(np.log(v))))  # noqa: E731
    print(f"geometric mean of {len(rows)}: {mean(ratios):.1f} times as fast as the best, least {min(ratios):.2f}")
    print(f"memory beside a Hessian's: {mean(memory):.2f}; steps at most {max(off):.0e} apart")


if __name__ == "__main__":
    main()
