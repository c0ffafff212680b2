"""Minima and roots by iteration: gradient descent, conjugate gradients, BFGS, Newton, with what happened as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.api.newton import System
from matdiff.api.newtonarrays import flat, shaped
from matdiff.calculus.jacobian import jacobian
from matdiff.codegen.evaluate import gather, refuse_strangers, sizes_of
from matdiff.core.node import Symbol
from matdiff.errors import DomainError, MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.constants import zeros_like

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

METHODS = ("newton", "gauss-newton", "bfgs", "cg", "gradient")
TOLERANCE = 1e-8
"""Size of the gradient, beside that at the start (at least 1), at which a point counts as stationary."""
STEPS = {"newton": 100, "gauss-newton": 200, "bfgs": 2000, "cg": 5000, "gradient": 20000}
HALVINGS = 60
PAIRS = 50
"""Steps that BFGS remembers."""
FLAT = 1e-13
"""Relative changes of the value that may be rounding."""

Point = dict[Symbol, Any]
Progress = Callable[["Row"], None]


@dataclass(frozen=True)
class Row:
    """One iteration: the value (of a root ‖F‖²/2), the size of the gradient (of F), and the length t of the step."""

    k: int
    value: float
    size: float
    t: float | None = None


@dataclass(frozen=True)
class Result:
    """Where an iteration ended: `x` (a dict of arrays by name for several variables), its rows, and why it ended."""

    x: Any
    value: float
    rows: tuple[Row, ...]
    converged: bool
    message: str
    method: str
    root: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def iterations(self) -> int:
        return self.rows[-1].k

    @property
    def order(self) -> float | None:
        """The observed order p in e_{k+1} ≈ C e_k^p of Newton's methods, from the last three sizes above rounding."""
        if "newton" not in self.method:
            return None
        first = max(self.rows[0].size, 1.0)
        sizes = [r.size for r in self.rows if r.size > 1e-14 * first]
        if len(sizes) < 4:
            return None
        a, b, c = sizes[-3:]
        if not (c < b < a):
            return None
        return float(np.log(c / b) / np.log(b / a))

    @property
    def rate(self) -> float | None:
        """By what factor the size shrinks in a step, the geometric mean over the last half of them."""
        half = self.rows[len(self.rows) // 2 :]
        if len(half) < 3 or not half[-1].size or not half[0].size:
            return None
        return float((half[-1].size / half[0].size) ** (1 / (len(half) - 1)))

    def table(self, most: int = 30, ascii: bool = False) -> list[str]:
        """The iterations in lines; of many the first and the last ones."""
        what = "|F|" if ascii else "‖F‖"
        heads = ("k", "|F|^2/2" if ascii else "‖F‖²/2", what) if self.root else ("k", "f", what.replace("F", "∇f"))
        if ascii:
            heads = tuple(h.replace("∇f", "grad f") for h in heads)  # type: ignore[assignment]
        lines = [f"{heads[0]:>5}  {heads[1]:>22}  {heads[2]:>12}  {'step':>9}"]
        rows: Sequence[Row | None] = self.rows
        if len(rows) > most:
            rows = [*self.rows[: most // 2], None, *self.rows[-(most // 2) :]]
        for r in rows:
            if r is None:
                lines.append(f"{'...' if ascii else '⋮':>5}")
            else:
                t = "" if r.t is None else f"{r.t:.3g}"
                lines.append(f"{r.k:>5}  {r.value:>22.15g}  {r.size:>12.3e}  {t:>9}".rstrip())
        return lines

    def __str__(self) -> str:
        return "\n".join([*self.table(), self.verdict, *self.notes])

    @property
    def verdict(self) -> str:
        """Why it ended, with the observed order of Newton's methods, the rate of the others."""
        order, rate = self.order, self.rate
        if not self.converged:
            return self.message
        if order is not None:
            return f"{self.message}; observed order {order:.1f}"
        if rate is not None and "newton" not in self.method:
            return f"{self.message}; a step shrinks the gradient to {rate:.2g} of what it was"
        return self.message


class Problem:
    """Value, gradient and steps on the set of the variables, at arrays that were checked once."""

    def __init__(self, d: Derivation, arrays: Mapping[str, Any], gauss: bool) -> None:
        self.d = d
        self.system: System = d.newton(gauss)
        self.given, self.sizes = self.system.prepare(arrays)
        self.system.inside(self.given)
        self.start: Point = {X: self.given[X] for X in d.wrt}

    def at(self, x: Point) -> dict[Symbol, Any]:
        return {**self.given, **x}

    def value(self, x: Point) -> float:
        """The value, infinite outside the domain."""
        for X, A in x.items():
            if "positive" in X.attributes and not np.all((np.diagonal(A) if "diagonal" in X.attributes else A) > 0):
                return np.inf
            if "spd" in X.attributes:
                try:
                    np.linalg.cholesky(A)
                except np.linalg.LinAlgError:
                    return np.inf
        try:
            (found,) = self.system.values((self.d.function.node,), self.at(x))
        except DomainError:
            return np.inf
        return float(found) if np.isfinite(found) else np.inf

    def gradient(self, x: Point) -> Point:
        nodes = tuple(self.system.gradients[X] for X in self.d.wrt)
        found = self.system.values(nodes, self.at(x))
        return {X: np.asarray(g, dtype=float) for X, g in zip(self.d.wrt, found, strict=True)}

    def moved(self, x: Point, s: Point, t: float) -> Point:
        out = {}
        for X, A in x.items():
            space = self.d.curved.get(X)
            out[X] = A + t * s[X] if space is None else space.retract(np, A, t * s[X])
        return out

    def tangent(self, x: Point, V: Point) -> Point:
        """Directions of another point as ones of this."""
        curved = self.d.curved
        return {X: curved[X].projected(np, x[X], A) if X in curved else A for X, A in V.items()}

    def answer(self, x: Point) -> Any:
        found = {X.name: float(A) if X.kind == "scalar" else np.array(A) for X, A in x.items()}
        return found if self.d.several else next(iter(found.values()))


def dot(a: Point, b: Point) -> float:
    return sum(float(np.vdot(a[X], b[X])) for X in a)


def norm(a: Point) -> float:
    return float(np.sqrt(dot(a, a)))


def scaled(a: Point, t: float) -> Point:
    return {X: t * A for X, A in a.items()}


def plus(a: Point, b: Point, t: float = 1.0) -> Point:
    return {X: A + t * b[X] for X, A in a.items()}


def minimize(
    d: Derivation,
    arrays: Mapping[str, Any],
    method: str = "newton",
    tolerance: float | None = None,
    steps: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """A stationary point that the method reaches from the arrays of the variables, going downhill.

    Raises ParseError for a method that there is not, MatdiffError for a missing array, DomainError for a start outside
    the domain of the function.
    """
    if method not in METHODS:
        raise ParseError(f"{method!r} is no method", hint=f"methods are {', '.join(METHODS)}")
    most, goal_of = _limits(method, tolerance, steps)
    problem = Problem(d, arrays, method == "gauss-newton")
    x = problem.start
    f, g = problem.value(x), problem.gradient(x)
    if not np.isfinite(f):
        raise DomainError("the function is not defined where the iteration starts")
    rows = [Row(0, f, norm(g))]
    goal = goal_of * max(1.0, rows[0].size)
    direction = DIRECTIONS[method](problem)
    message, converged = "", rows[0].size <= goal
    while not converged and len(rows) <= most:
        s = direction(x, g)
        slope = dot(g, s)
        if not slope < 0:
            s, slope = scaled(g, -1.0), -dot(g, g)
        first = min(1.0, 2 * rows[-1].t) if method == "cg" and rows[-1].t else 1.0
        found = search(problem, x, f, g, s, slope, FLATTENED.get(method), first)
        if found is None:
            message = "stopped: no step goes downhill any more beyond rounding"
            converged = rows[-1].size <= 1e3 * goal
            break
        t, x, f, g = found
        rows.append(Row(len(rows), f, norm(g), t))
        if progress is not None:
            progress(rows[-1])
        converged = rows[-1].size <= goal
        if f < -1e30:
            message = "stopped: the function falls without bound"
            break
    k = rows[-1].k
    if converged and not message:
        message = f"converged in {k} step{'s' * (k != 1)}"
    message = message or f"not converged in {most} steps"
    return Result(problem.answer(x), f, tuple(rows), converged, message, method)


def _limits(method: str, tolerance: float | None, steps: int | None) -> tuple[int, float]:
    most = STEPS.get(method, 100) if steps is None else steps
    goal = TOLERANCE if tolerance is None else tolerance
    if not isinstance(most, int) or not 0 <= most <= 10**6:
        raise MatdiffError(f"steps must be a whole number up to a million, not {steps!r}")
    if not 0 < goal < np.inf:
        raise MatdiffError(f"the tolerance must be a positive number, not {tolerance!r}")
    return most, float(goal)


def search(
    p: Problem, x: Point, f: float, g: Point, s: Point, slope: float, flat_to: float | None, t: float = 1.0
) -> tuple[float, Point, float, Point] | None:
    """A step length by halving (Armijo); with `flat_to` until the slope has shrunk to that too (strong Wolfe).

    The bracket is narrowed by the secant of the slopes, else by halves.
    """
    low, high, at_low, at_high = 0.0, np.inf, slope, np.nan
    best = None
    rough = FLAT * abs(f)
    for _ in range(HALVINGS):
        y = p.moved(x, s, t)
        fy = p.value(y)
        lower = fy <= f + 1e-4 * t * slope
        there = np.nan
        if lower or fy <= f + rough:
            try:
                gy = p.gradient(y)
                there = dot(gy, p.tangent(y, s))
            except DomainError:
                lower = False
        # Within rounding of the value the slope tells whether it fell (Hager & Zhang 2005, eq. 4.1).
        if np.isfinite(there) and (lower or there <= -(1 - 2e-4) * slope or norm(gy) < norm(g)):
            if best is None or fy < best[2] or norm(gy) < norm(best[3]):
                best = t, y, fy, gy
            if flat_to is None or abs(there) <= flat_to * abs(slope):
                return t, y, fy, gy
        if np.isfinite(there) and lower and there < 0:
            low, at_low = t, there
        else:
            high, at_high = t, there
        if high == np.inf:
            t = 2 * t
        elif np.isfinite(at_high) and at_high > 0 > at_low:
            t = low + (high - low) * min(max(at_low / (at_low - at_high), 0.05), 0.95)
        else:
            t = (low + high) / 2
        if t > 1e12 or (best is not None and high - low <= 1e-10 * high):
            break
    return best


FLATTENED = {"bfgs": 0.9, "cg": 0.1}
"""To what part the slope is to shrink along a step, of the methods that need it."""


class Gradient:
    """Steepest descent, the first length that is tried being Barzilai and Borwein's."""

    def __init__(self, p: Problem) -> None:
        self.p, self.old = p, None

    old: tuple[Point, Point] | None

    def __call__(self, x: Point, g: Point) -> Point:
        t = min(1.0, 1.0 / max(norm(g), 1e-300))
        if self.old is not None:
            s = plus(x, self.old[0], -1.0)
            y = plus(g, self.p.tangent(x, self.old[1]), -1.0)
            bend = dot(s, y)
            t = dot(s, s) / bend if bend > 0 else t
        self.old = x, g
        return scaled(g, -t)


class Conjugate:
    """Nonlinear conjugate gradients by Polak and Ribière, started again where that is negative."""

    def __init__(self, p: Problem) -> None:
        self.p, self.old = p, None

    old: tuple[Point, Point] | None

    def __call__(self, x: Point, g: Point) -> Point:
        s = scaled(g, -min(1.0, 1.0 / max(norm(g), 1e-300)) if self.old is None else -1.0)
        if self.old is not None:
            before, last = (self.p.tangent(x, V) for V in self.old)
            beta = max(0.0, dot(g, plus(g, before, -1.0)) / dot(self.old[0], self.old[0]))
            s = plus(s, last, beta)
            if not dot(s, g) < 0:
                s = scaled(g, -1.0)
        self.old = g, s
        return s


class Quasi:
    """BFGS by its last pairs (Nocedal & Wright 2006, alg. 7.4)."""

    def __init__(self, p: Problem) -> None:
        self.p = p
        self.pairs: list[tuple[Point, Point, float]] = []
        self.old: tuple[Point, Point] | None = None

    def __call__(self, x: Point, g: Point) -> Point:
        if self.old is not None:
            s = self.p.tangent(x, plus(x, self.old[0], -1.0))
            y = plus(g, self.p.tangent(x, self.old[1]), -1.0)
            if dot(s, y) > 1e-12 * norm(s) * norm(y):
                self.pairs = [*self.pairs[-(PAIRS - 1) :], (s, y, 1.0 / dot(s, y))]
        self.old = x, g
        if not self.pairs:
            return scaled(g, -min(1.0, 1.0 / max(norm(g), 1e-300)))
        q, weights = g, []
        for s, y, rho in reversed(self.pairs):
            a = rho * dot(s, q)
            weights.append(a)
            q = plus(q, y, -a)
        s, y, _ = self.pairs[-1]
        r = scaled(q, dot(s, y) / dot(y, y))
        for (s, y, rho), a in zip(self.pairs, reversed(weights), strict=True):
            r = plus(r, s, a - rho * dot(y, r))
        return self.p.tangent(x, scaled(r, -1.0))


class Newton:
    """Newton's step, or the Gauss–Newton one, modified where the matrix is not definite."""

    def __init__(self, p: Problem) -> None:
        self.p = p

    def __call__(self, x: Point, g: Point) -> Point:
        system = self.p.system
        try:
            return system.step(system.at(self.p.at(x), self.p.sizes, guarded=False), modified=True)
        except DomainError:
            return scaled(g, -1.0)


DIRECTIONS: dict[str, Callable[[Problem], Callable[[Point, Point], Point]]] = {
    "newton": Newton,
    "gauss-newton": Newton,
    "bfgs": Quasi,
    "cg": Conjugate,
    "gradient": Gradient,
}


def root(
    d: Derivation,
    arrays: Mapping[str, Any],
    tolerance: float | None = None,
    steps: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """A root of F(x) = 0 by Newton's method with step halving, from the arrays of the variables.

    Raises ShapeError where F has not as many entries as its variables, DomainError where the Jacobian is singular.
    """
    F = d.function.node
    most, goal_of = _limits("newton", tolerance, steps)
    if d.curved:
        raise UnsupportedError("a root is looked for among variables that do not move on a curved set")
    known = (*d.function.variables, *d.directions.values())
    from matdiff.codegen import Request, compiled
    from matdiff.codegen.evaluate import check_attributes, run

    others = {X: {dZ: zeros_like(dZ) for Z, dZ in d.directions.items() if Z is not X} for X in d.wrt}
    blocks = [d.simplified(jacobian(substitute(d.differential.node, others[X]), d.directions[X])) for X in d.wrt]
    value = compiled(Request((F,), None, False, known, checked=True))
    matrix = compiled(Request(tuple(blocks), None, False, known, checked=True))
    refuse_strangers([F], d.function.variables, arrays)
    given = gather(value, d.function.variables, arrays)
    missing = next((X for X in d.wrt if X not in given), None)
    if missing is not None:
        raise MatdiffError(f"the array {missing.name} is missing, from which the iteration starts")
    sizes = sizes_of(given)
    for v, A in given.items():
        check_attributes(v, A, given.values())
    x: Point = {X: given[X] for X in d.wrt}
    entries = sum(np.size(A) for A in x.values())
    rows_of = F.rows.evaluate(sizes) * F.cols.evaluate(sizes)
    if rows_of != entries:
        raise ShapeError(
            f"F has {rows_of} entries and its variables {entries}: a root is of as many equations as unknowns",
            hint='for a least squares solution derive norm(F)^2/2 and use minimize(method="gauss-newton")',
        )

    def residual(x: Point) -> Any:
        at = {**given, **x}
        try:
            (found,) = run(value, {name: at[v] for v, name in value.inputs})
        except DomainError:
            return None
        v = np.ravel(np.asarray(found, dtype=float), order="F")
        return v if np.isfinite(v).all() else None

    r = residual(x)
    if r is None:
        raise DomainError("F is not defined where the iteration starts")
    rows = [Row(0, float(r @ r) / 2, float(np.linalg.norm(r)))]
    goal = goal_of * max(1.0, rows[0].size)
    message = ""
    while rows[-1].size > goal and len(rows) <= most:
        at = {**given, **x}
        found = run(matrix, {name: at[v] for v, name in matrix.inputs})
        J = np.hstack([np.reshape(np.asarray(B, dtype=float), (rows_of, np.size(x[X])), order="F")
                       for X, B in zip(d.wrt, found, strict=True)])  # fmt: skip
        try:
            s = shaped(d.wrt, np.linalg.solve(J, -r), x)
        except np.linalg.LinAlgError:
            raise DomainError(f"the Jacobian is singular at step {rows[-1].k}", hint="start elsewhere") from None
        t = 1.0
        for _ in range(HALVINGS):
            y = plus(x, s, t)
            ry = residual(y)
            if ry is not None and np.linalg.norm(ry) < (1 - 1e-4 * t) * np.linalg.norm(r):
                break
            t /= 2
        else:
            message = "stopped: no step brings F nearer to 0"
            break
        x, r = y, ry
        rows.append(Row(len(rows), float(r @ r) / 2, float(np.linalg.norm(r)), t))
        if progress is not None:
            progress(rows[-1])
    converged = rows[-1].size <= goal
    k = rows[-1].k
    message = message or (f"converged in {k} step{'s' * (k != 1)}" if converged else f"not converged in {most} steps")
    found_x = {X.name: float(A) if X.kind == "scalar" else np.array(A) for X, A in x.items()}
    answer = found_x if d.several else next(iter(found_x.values()))
    return Result(answer, rows[-1].value, tuple(rows), converged, message, "newton", root=True)


__all__ = ["METHODS", "Result", "Row", "flat", "minimize", "root"]
