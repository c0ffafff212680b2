"""Random variables in numbers: samples, quadrature over their laws, and checks of means and of estimators by both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from matdiff.codegen import compile_
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, symbol, symbols, topological
from matdiff.core.shape import Dim
from matdiff.errors import DomainError, MatdiffError
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, is_op
from matdiff.ops.elementwise import exp, heaviside, sign
from matdiff.ops.indexing import COLUMN, ENTRY, ROW
from matdiff.ops.kronecker import kronv
from matdiff.ops.linalg import chol, det, inv, logdet
from matdiff.ops.random import Random
from matdiff.ops.reductions import mean, norm, norm1, prod, sum_, tr
from matdiff.ops.structure import Diag, diag, tril, triu
from matdiff.verify.sampling import Way, names, point

Array = Any

SAMPLES = 100_000
Z_SCORE = 4.0
"""Largest distance of a mean over the samples from what it should be, in its standard errors."""
FEW = 4_000
"""The same of what is evaluated sample by sample."""
HEAVY = 0.02
"""Largest part of a variance that one sample may make up: beyond it there may be none, and no standard error."""
GRID = 40_000
"""Most points of a quadrature."""
FINEST = 24
CLOSE = 1e-8
"""Relative distance at which two quadratures agree, and a mean agrees with one."""
TRIES = 60
SMALLEST = 1e-12


@dataclass(frozen=True)
class Draws:
    """Values of all variables, with an axis of samples in front (of length 1 where not random), and their weights."""

    values: Mapping[Symbol, Array]
    sizes: Mapping[str, int]
    weights: Array
    exact: bool

    def of(self, node: Node) -> Array:
        """The values of an expression at all samples."""
        with np.errstate(all="ignore"):
            found = batch(node, self.values, self.sizes)
        return np.broadcast_to(found, (len(self.weights), *found.shape[1:]))

    def mean(self, node: Node) -> Array:
        return np.tensordot(self.weights, self.of(node), 1)


def batch(root: Node, values: Mapping[Symbol, Array], sizes: Mapping[str, int]) -> Array:
    """An expression at many points at once; rows are one axis, as vectors are."""
    with np.errstate(all="ignore"):
        return _batch(root, values, sizes)


def _batch(root: Node, values: Mapping[Symbol, Array], sizes: Mapping[str, int]) -> Array:
    memo: dict[Node, Array] = {}
    for n in topological(root):
        if isinstance(n, Symbol):
            memo[n] = memo[n.body] if n.body is not None else values[n]
        elif isinstance(n, Number):
            memo[n] = np.array([float(n.value)])
        elif isinstance(n, Constant):
            memo[n] = _constant(n, sizes)
        else:
            assert isinstance(n, Apply)
            memo[n] = _apply(n, [memo[a] for a in n.args])
    return memo[root]


def _constant(n: Constant, sizes: Mapping[str, int]) -> Array:
    needed = [
        symbol(f"_{d}", "vector", Dim.of(d))
        for d in sorted({d for dim in (n.rows, n.cols, *n.dims) for d in dim.names})
    ]
    given = {s.name: np.zeros(sizes[s.rows.name or ""]) for s in needed}
    value = np.asarray(compile_(n, needed, unchecked=True)(**given), dtype=float)
    return (value.reshape(-1) if n.kind in ("row", "vector") else value)[None]


def _apply(n: Apply, args: list[Array]) -> Array:
    op = n.op
    if op is ADD:
        total = args[0]
        for a in args[1:]:
            total = total + a
        return total
    if op is SCALE:
        return args[0].reshape(-1, *(1,) * (args[1].ndim - 1)) * args[1]
    if op is HADAMARD:
        return args[0] * args[1]
    if op is TRANSPOSE:
        return args[0].transpose(0, 2, 1) if args[0].ndim == 3 else args[0]
    if op is INNER:
        return (args[0] * args[1]).reshape(max(map(len, args)), -1).sum(1)
    if op is MATMUL:
        return _matmul(n, *args)
    if op is POWER:
        p = args[1].reshape(-1, *(1,) * (args[0].ndim - 1)) if args[1].ndim == 1 else args[1]
        return np.power(args[0], p)
    if op in (ENTRY, ROW, COLUMN):
        return _indexed(n, args[0])
    if op is kronv:
        return (args[0][:, :, None] * args[1][:, None, :]).reshape(max(map(len, args)), -1)
    if op in NATIVE:
        return NATIVE[op](args[0])
    if op.elementwise and len(args) == 1:
        a = args[0]
        return np.asarray(_function(op)(x=a.reshape(len(a), -1))).reshape(a.shape)
    return _one_by_one(n, args)


def _indexed(n: Apply, a: Array) -> Array:
    if n.op is ROW:
        return a[:, n.params[0] - 1]
    if n.op is COLUMN:
        return a[:, :, n.params[0] - 1]
    return a[:, n.params[0] - 1] if a.ndim == 2 else a[:, n.params[0] - 1, n.params[1] - 1]


AT_ONCE = (ADD, SCALE, HADAMARD, TRANSPOSE, INNER, MATMUL, POWER, ENTRY, ROW, COLUMN, kronv)


def _matmul(n: Apply, a: Array, b: Array) -> Array:
    left, right = n.args[0].kind, n.args[1].kind
    if left == "row":
        return (a * b).sum(1) if right == "vector" else (a[:, None, :] @ b)[:, 0]
    if left == "vector":
        return a[:, :, None] * b[:, None, :] if right == "row" else a[:, :, None] @ b
    return (a @ b[:, :, None])[:, :, 0] if right == "vector" else a @ b


NATIVE: dict[Any, Callable[[Array], Array]] = {
    tr: lambda a: np.trace(a, axis1=1, axis2=2),
    sum_: lambda a: a.reshape(len(a), -1).sum(1),
    diag: lambda a: np.diagonal(a, axis1=1, axis2=2),
    Diag: lambda a: a[:, :, None] * np.eye(a.shape[1]),
    inv: np.linalg.inv,
    det: np.linalg.det,
    logdet: lambda a: np.linalg.slogdet(a)[1],
    chol: np.linalg.cholesky,
    norm: lambda a: np.sqrt((a * a).reshape(len(a), -1).sum(1)),
    norm1: lambda a: np.abs(a).reshape(len(a), -1).sum(1),
    prod: lambda a: a.reshape(len(a), -1).prod(1),
    mean: lambda a: a.reshape(len(a), -1).mean(1),
    tril: np.tril,
    triu: np.triu,
}
"""Functions that NumPy applies to many arrays at once."""


@cache
def _function(op: Any) -> Callable[..., Any]:
    x = symbol("x", "matrix", Dim.of("m"), Dim.of("n"))
    return compile_(op.build((x,), ()), (x,), unchecked=True)


def _one_by_one(n: Apply, args: list[Array]) -> Array:
    formal = [symbol(f"a{i}", a.kind, a.rows, a.cols) for i, a in enumerate(n.args)]
    function = compile_(n.op.build(tuple(formal), n.params), formal, unchecked=True)
    count = max(map(len, args))
    rows = [a.kind == "row" for a in n.args]
    out = []
    for k in range(count):
        given = {s.name: a[k if len(a) > 1 else 0] for s, a in zip(formal, args, strict=True)}
        given = {name: v[None] if r else v for (name, v), r in zip(given.items(), rows, strict=True)}
        found = np.asarray(function(**given), dtype=float)
        out.append(found.reshape(-1) if n.kind == "row" else found)
    return np.array(out)


# values of the parameters


def parameters_of(r: Random, fixed: Mapping[Symbol, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The values of the parameters of a law.  Raises DomainError where they are not in its domain."""
    found = []
    for p, what in zip(r.parameters, r.law.takes, strict=True):
        with np.errstate(all="ignore"):
            value = batch(p, fixed, sizes)[0]
        why = _outside(value, what, r, sizes)
        if why:
            raise DomainError(f"a parameter of {r.law.name}, the law of {r.name}, is {why}", hint=r.law.says)
        found.append(value)
    if r.law.name == "uniform" and not np.all(found[0] < found[1]):
        raise DomainError(f"uniform({found[0]}, {found[1]}), the law of {r.name}, is empty", hint=r.law.says)
    return found


def _outside(value: Array, what: str, r: Random, sizes: Mapping[str, int]) -> str:
    if not np.all(np.isfinite(value)):
        return "not a finite number"
    if what == "probability" and not np.all((value > 0) & (value <= 1)):
        return f"{np.min(value) if np.min(value) <= 0 else np.max(value):g}, not between 0 and 1"
    if what == "positive" and not np.all(value > 0):
        return f"{np.min(value):g}, not positive"
    if what == "count" and not np.all((value >= 0) & (value == np.rint(value))):
        return f"{np.min(value):g}, not a whole number"
    if what == "dof" and not value > r.symbol.rows.evaluate(sizes) - 1:
        return f"{value:g} degrees of freedom, and more than the size less 1 are needed"
    if what == "covariance":
        far = np.abs(value - value.T).max() > 1e-10 * np.abs(value).max()
        return "no positive definite matrix" if far or np.linalg.eigvalsh(value).min() <= 0 else ""
    return ""


def shape_of(x: Symbol, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(d.evaluate(sizes) for d in x.shape)


def sampled(
    laws: Sequence[Random],
    fixed: Mapping[Symbol, Array],
    sizes: Mapping[str, int],
    count: int,
    rng: np.random.Generator,
) -> Draws:
    """Independent samples of all random variables at values of the others."""
    values = dict(fixed)
    for r in laws:
        parameters = parameters_of(r, fixed, sizes)
        shape = (count, *shape_of(r.symbol, sizes))
        values[r.symbol] = np.asarray(r.law.sample(rng, shape, *parameters), dtype=float)
    return Draws(values, sizes, np.full(count, 1 / count), False)


def quick(node: Node) -> bool:
    """Whether an expression is evaluated at all samples at once."""
    return all(
        n.op in AT_ONCE or n.op in NATIVE or (n.op.elementwise and len(n.args) == 1)
        for n in topological(node)
        if isinstance(n, Apply)
    )


def grids(
    laws: Sequence[Random], fixed: Mapping[Symbol, Array], sizes: Mapping[str, int], most: int = GRID
) -> Iterator[Draws]:
    """Two quadratures over the laws, the second finer by half; none over too many numbers.

    What converges slowly differs in the two.
    """
    total = sum(int(np.prod(shape_of(r.symbol, sizes))) for r in laws)
    if total > 14:
        return
    finest = min(FINEST, int(most ** (1 / max(total, 1)) + 1e-9))
    for count in sorted({max(2, finest * 2 // 3), finest}):
        made = _grid(laws, fixed, sizes, count, most)
        if made is not None:
            yield made


def _grid(
    laws: Sequence[Random], fixed: Mapping[Symbol, Array], sizes: Mapping[str, int], count: int, most: int
) -> Draws | None:
    rules: list[tuple[Array, Array]] = []
    makers: list[tuple[Symbol, int, Callable[[Array], Array]]] = []
    for r in laws:
        parameters = parameters_of(r, fixed, sizes)
        shape = shape_of(r.symbol, sizes)
        if r.law.axes is not None:
            own, make = r.law.axes(count, shape, *parameters)
        elif r.law.rule is not None:
            spread = [np.broadcast_to(p, shape).reshape(-1) for p in parameters]
            own = [r.law.rule(count, *(float(p[i]) for p in spread)) for i in range(int(np.prod(shape)))]
            make = _reshaped(shape)
        else:
            return None
        makers.append((r.symbol, len(own), make))
        rules += own
    if np.prod([float(len(w)) for _, w in rules]) > 2 * most:
        return None
    mesh = np.stack([m.reshape(-1) for m in np.meshgrid(*(x for x, _ in rules), indexing="ij")], 1)
    weights = np.ones(1)
    for _, w in rules:
        weights = np.multiply.outer(weights, w).reshape(-1)
    values = dict(fixed)
    at = 0
    for x, k, make in makers:
        values[x] = make(mesh[:, at : at + k])
        at += k
    return Draws(values, sizes, weights, True)


def _reshaped(shape: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda z: z.reshape(len(z), *shape)


# random points


def places(
    variables: Sequence[Symbol], laws: Sequence[Random], rng: np.random.Generator, small: bool = True
) -> Iterator[tuple[dict[Symbol, Array], dict[str, int]]]:
    """Values of what is not random, with an axis in front, inside the domains of the laws."""
    free = names([*variables, *(r.symbol for r in laws)])
    tall = [dict.fromkeys(free, 2), {n: 2 + i % 2 for i, n in enumerate(free)}]
    for k in range(TRIES):
        sizes = tall[k % len(tall)]
        total = sum(int(np.prod(shape_of(r.symbol, sizes))) for r in laws)
        if small and total > 5:
            sizes = tall[0]
        flavour = ("positive", "large", "normal", "definite", "small")[k // 2 % 5]
        try:
            fixed = {s: np.asarray(a)[None] for s, a in point(variables, Way(sizes, flavour), rng).items()}
            _moderate(fixed)
            _within(fixed, laws, sizes, rng)
            for r in laws:
                parameters_of(r, fixed, sizes)
        except (MatdiffError, np.linalg.LinAlgError):
            continue
        yield fixed, sizes


def _moderate(fixed: dict[Symbol, Array]) -> None:
    """Definite matrices about as large as I: the mean of exp(−tr(A W)) is in the tails of W where A and V are large."""
    for s, a in fixed.items():
        if "spd" in s.attributes:
            fixed[s] = a / max(1.0, float(np.trace(a[0])) / len(a[0]))


def _within(
    fixed: dict[Symbol, Array], laws: Sequence[Random], sizes: Mapping[str, int], rng: np.random.Generator
) -> None:
    """Parameters that are variables are drawn from what the laws take."""
    for r in laws:
        for p, what in zip(r.parameters, r.law.takes, strict=True):
            for s in symbols(p) if what in ("probability", "dof", "count") else ():
                if s in fixed and (p is s or what != "probability"):
                    if what == "probability":
                        fixed[s] = rng.uniform(0.25, 0.75, fixed[s].shape)
                    else:
                        least = r.symbol.rows.evaluate(sizes) + 6 if what == "dof" else 3
                        fixed[s] = np.full(fixed[s].shape, float(least + rng.integers(0, 3)))


def shown(fixed: Mapping[Symbol, Array], of: Sequence[Symbol]) -> str:
    """The values of scalars at a place, in words."""
    return ", ".join(f"{s.name} = {float(fixed[s][0]):.3g}" for s in of if s.kind == "scalar" and s in fixed)


# comparisons


@dataclass(frozen=True)
class Compared:
    """How far a mean is from a value: relative, by quadrature; or in standard errors, by samples."""

    error: float
    how: str

    @property
    def passed(self) -> bool:
        return self.error < (Z_SCORE if self.how == "samples" else 1e-6)


def compared(
    node: Node,
    value: Node,
    laws: Sequence[Random],
    fixed: Mapping[Symbol, Array],
    sizes: Mapping[str, int],
    seed: int,
) -> Compared | None:
    """The mean of an expression against a value, by quadrature where two of them agree, else by samples."""
    wanted = batch(value, fixed, sizes)[0]
    if not np.all(np.isfinite(wanted)):
        return None
    found: list[Array] = []
    jumps = any(is_op(n, sign) or is_op(n, heaviside) for n in topological(node))
    smooth = not jumps or all(r.law.discrete for r in laws)  # of a jump two quadratures may agree and both be wrong
    for draws in grids(laws, fixed, sizes, GRID if quick(node) else FEW) if smooth else ():
        found.append(draws.mean(node))
        size = float(np.max(np.tensordot(draws.weights, np.abs(draws.of(node)), 1))) + SMALLEST
    if len(found) == 2 and np.all(np.isfinite(found)) and np.max(np.abs(found[0] - found[1])) < CLOSE * size:
        return Compared(float(np.max(np.abs(found[1] - wanted)) / size), "quadrature")
    count = SAMPLES if quick(node) else FEW
    draws = sampled(laws, fixed, sizes, count, np.random.default_rng(seed))
    values = draws.of(node)
    if not np.all(np.isfinite(values)):
        return None
    away = (values - values.mean(0)) ** 2
    total = away.sum(0)
    if np.any(away.max(0) > HEAVY * total + SMALLEST):
        return None
    if np.any(total == 0) and any(is_op(n, exp) for n in topological(node)):
        return None  # all samples are alike, and what makes the mean is in the tails
    error = np.sqrt(total) / count + SMALLEST * (1 + np.abs(wanted))
    return Compared(float(np.max(np.abs(values.mean(0) - wanted) / error)), "samples")


__all__ = ["Compared", "Draws", "batch", "compared", "grids", "places", "sampled", "shown"]
