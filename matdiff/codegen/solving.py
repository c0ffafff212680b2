"""Equations solved at numbers: each system once, its factors kept for the adjoint and the forward solve.

Where the Jacobian of a system does not depend on its unknowns, one solve is exact.  Else Newton's method with step
halving starts from 0, or from where it is told; of x = G(x) it starts from the limit of x ← G(x), if there is one
(Nocedal & Wright 2006, sec. 11.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from matdiff.calculus.implicit import System, blocks, depends, direction, free, partial
from matdiff.codegen import Request, compile_, compiled
from matdiff.codegen.evaluate import as_array, check_attributes, gather, sizes_of
from matdiff.codegen.finite import finite
from matdiff.codegen.refined import RATE, Factors
from matdiff.core.node import Node, Symbol, symbols
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.constants import zeros_like
from matdiff.simplify.normal import normal

Array = np.ndarray
Values = dict[str, Any]

STEPS = 100
"""Most steps of Newton's method."""
ITERATIONS = 2000
"""Most steps of x ← G(x) that look for a start."""
HALVINGS = 40
CLOSE = 1e-6
"""Relative size of a step from which on the next ones are the last: each squares it."""
CHORD, DEAR = 0.03, 150
"""The same where factors are dear, of so many unknowns: while steps fall fast, the last ones serve."""
SLOW = 0.2
"""What a step with old factors may be beside the one before it."""
MATRIX = 6000
"""Most unknowns of a system whose matrix is formed."""


@dataclass
class Solved:
    """The values of variables and unknowns, and the factors of each system's Jacobian there."""

    values: Values
    factors: list[Any] = field(default_factory=list)


def flat(value: Any) -> Array:
    """vec of an array, columns stacked."""
    return np.asarray(value, dtype=float).ravel(order="F")


def shaped(vector: Array, x: Symbol, sizes: Mapping[str, int]) -> Any:
    """A part of a vector in the shape of a symbol."""
    if x.kind == "scalar":
        return float(vector[0])
    if x.kind == "vector":
        return np.array(vector)
    return np.array(vector).reshape((x.rows.evaluate(sizes), x.cols.evaluate(sizes)), order="F")


class Numbers:
    """The systems of a function, compiled."""

    def __init__(self, systems: Sequence[System], variables: Sequence[Symbol]) -> None:
        self.systems = tuple(systems)
        self.unknowns = tuple(x for s in systems for x in s.unknowns)
        self.given = tuple(v for v in variables if v not in self.unknowns)
        self.compiled = [Compiled(s, variables) for s in self.systems]

    def check(self, arrays: Mapping[str, Any]) -> tuple[Values, dict[str, int]]:
        """The arrays of the variables as floats, and the sizes.  Raises MatdiffError for what does not fit."""
        for x in self.unknowns:
            if x.name in arrays:
                raise MatdiffError(
                    f"{x.name} is determined by its equation, so no array is taken for it",
                    hint="where Newton's method starts is said by x0=…",
                )
        roots = [F for s in self.systems for F in s.residuals]
        used = set(symbols(*roots))
        wanted = tuple(v for v in self.given if v in used or v.name in arrays)
        program = compiled(Request(tuple(wanted), None, False, wanted))
        found = gather(program, wanted, arrays)
        sizes = sizes_of(found)
        for v, value in found.items():
            check_attributes(v, value, found.values())
            if not finite(value):
                raise DomainError(f"{v.name} is not finite")
        missing = {n for x in self.unknowns for d in (x.rows, x.cols) for n in d.names} - sizes.keys()
        if missing:
            name = min(missing)
            raise MatdiffError(f"nothing tells how large {name} is", hint="pass all arrays that the function has")
        return {v.name: value for v, value in found.items()}, sizes

    def solve(self, arrays: Mapping[str, Any], x0: Any = None) -> tuple[Solved, dict[str, int]]:
        """All systems in order."""
        values, sizes = self.check(arrays)
        starts = self.starts(x0, sizes)
        solved = Solved(values)
        for system in self.compiled:
            system.solve(solved, sizes, starts)
        for x in self.unknowns:
            check_attributes(x, np.asarray(solved.values[x.name]), [np.asarray(solved.values[x.name])])
        return solved, sizes

    def starts(self, x0: Any, sizes: Mapping[str, int]) -> Values:
        if x0 is None:
            return {}
        if not isinstance(x0, Mapping):
            if len(self.unknowns) > 1:
                names = ", ".join(f"{x.name!r}: …" for x in self.unknowns)
                raise MatdiffError(f"there are several unknowns, so x0 is a dict: {{{names}}}")
            x0 = {self.unknowns[0].name: x0}
        known = {x.name: x for x in self.unknowns}
        out: Values = {}
        for name, value in x0.items():
            if name not in known:
                raise MatdiffError(f"{name} is no unknown", hint=f"the unknowns are {', '.join(known)}")
            array = as_array(known[name], value)
            if array.shape != tuple(d.evaluate(sizes) for d in known[name].shape):
                raise ShapeError(f"x0 of {name} has the shape {array.shape}, which is not that of {name}")
            out[name] = array
        return out

    def adjoint(self, solved: Solved, k: int, right: Array) -> Array:
        """The v with F_x*[v] = right, of system k."""
        return np.asarray(solved.factors[k].solve(right, adjoint=True))

    def forward(self, solved: Solved, k: int, right: Array) -> Array:
        return np.asarray(solved.factors[k].solve(right))


class Compiled:
    """One system: its residual, its Jacobian and, where one does not exist as a formula, its columns."""

    def __init__(self, system: System, variables: Sequence[Symbol]) -> None:
        self.system = system
        self.variables = tuple(variables)

    @cached_property
    def residual(self) -> Callable[..., Any]:
        return self._compiled([self._free(F) for F in self.system.residuals])

    @cached_property
    def offset(self) -> Callable[..., Any]:
        """The residual where the unknowns are 0: without products with 0."""
        still = {x: zeros_like(x) for x in self.system.unknowns}
        return self._compiled([normal(substitute(F, still, into_bodies=True)) for F in self.system.residuals])

    @cached_property
    def map(self) -> Callable[..., Any]:
        """x ↦ G(x) of a fixed point."""
        return self._compiled([self._free(self.system.sides[0][1])])

    @cached_property
    def _blocks(self) -> tuple[tuple[Node, ...], ...] | None:
        try:
            return tuple(tuple(map(self._free, row)) for row in blocks(self.system))
        except UnsupportedError:
            return None

    @cached_property
    def linear(self) -> bool:
        if self._blocks is None:
            parts = [partial(F, self.system.unknowns) for F in self.system.residuals]
            return not any(depends(p, x) for p in parts for x in self.system.unknowns)
        names = {x.name for x in self.system.unknowns}
        return not any(s.name in names for row in self._blocks for b in row for s in symbols(b))

    @cached_property
    def _matrix(self) -> Callable[..., Any] | None:
        return None if self._blocks is None else self._compiled([b for row in self._blocks for b in row])

    @cached_property
    def _columns(self) -> Callable[..., Any]:
        """F_x[dx], for systems whose Jacobian has no formula."""
        ds = [direction(x) for x in self.system.unknowns]
        nodes = [partial(F, self.system.unknowns) for F in self.system.residuals]
        return compile_(nodes, (*self.variables, *ds))

    def _free(self, node: Node) -> Node:
        """Iterates lack the attributes of their unknown, as symmetry."""
        try:
            return free(node, self.system.unknowns)
        except MatdiffError:
            return node

    def _compiled(self, nodes: Sequence[Node]) -> Callable[..., Any]:
        bare = {x.name for x in self.system.unknowns}
        others = [v for v in self.variables if v.name not in bare]
        mine = list(dict.fromkeys(s for n in nodes for s in symbols(n) if s.name in bare))
        return compile_(list(nodes), (*others, *mine, *(x for x in self.system.unknowns if x not in mine)))

    def sizes(self, sizes: Mapping[str, int]) -> list[int]:
        return [x.rows.evaluate(sizes) * x.cols.evaluate(sizes) for x in self.system.unknowns]

    def unpacked(self, u: Array, sizes: Mapping[str, int]) -> Values:
        parts = np.split(u, np.cumsum(self.sizes(sizes))[:-1])
        return {x.name: shaped(p, x, sizes) for x, p in zip(self.system.unknowns, parts, strict=True)}

    def matrix(self, values: Values, sizes: Mapping[str, int]) -> Array:
        """The Jacobian of the residuals, stacked, by the unknowns, stacked."""
        counts = self.sizes(sizes)
        if sum(counts) > MATRIX:
            raise UnsupportedError(f"a system of {sum(counts):,} unknowns is larger than its matrix is formed for")
        if self._matrix is None:
            return self._by_columns(values, sizes, sum(counts))
        found = iter(run(self._matrix, values))
        rows = [F.rows.evaluate(sizes) * F.cols.evaluate(sizes) for F in self.system.residuals]
        parts = [[_block(next(found), r, c) for c in counts] for r in rows]
        return parts[0][0] if len(rows) == len(counts) == 1 else np.block(parts)

    def _by_columns(self, values: Values, sizes: Mapping[str, int], count: int) -> Array:
        out = np.empty((count, count))
        for i, e in enumerate(np.eye(count)):
            given = {f"d{name}": part for name, part in self.unpacked(e, sizes).items()}
            out[:, i] = stacked(run(self._columns, {**values, **given}))
        return out

    def solve(self, solved: Solved, sizes: Mapping[str, int], starts: Mapping[str, Any]) -> None:
        """Adds the unknowns and the factors.  Raises DomainError where there is no solution to be found."""
        names = [x.name for x in self.system.unknowns]
        u = np.concatenate(
            [flat(starts[n]) if n in starts else np.zeros(c) for n, c in zip(names, self.sizes(sizes), strict=True)]
        )
        given = solved.values

        def at(u: Array) -> Values:
            return {**given, **self.unpacked(u, sizes)}

        def residual(u: Array) -> Array:
            return stacked(run(self.residual, at(u)))

        if self.linear:
            u = np.zeros_like(u)
            factors = self.factor(at(u), sizes)
            u = -factors.solve(stacked(run(self.offset, given)))
            if not np.isfinite(u).all():
                raise self.lost("the solution is not finite")
        else:
            if self.system.fixed_point and not set(names) & starts.keys():
                u = self.iterated(u, at)
            u, near = self.newton(u, residual, lambda u: self.factor(at(u), sizes))
            factors = self.factor(at(u), sizes, near)
        solved.values = at(u)
        solved.factors.append(factors)

    def iterated(self, u: Array, at: Callable[[Array], Values]) -> Array:
        """The limit of x ← G(x) from u, or u where there is none."""
        x = u
        for _ in range(ITERATIONS):
            try:
                after = stacked(run(self.map, at(x)))
            except (DomainError, ValueError):
                return u
            if not np.isfinite(after).all() or np.linalg.norm(after) > 1e12:
                return u
            if np.linalg.norm(after - x) <= CLOSE * np.linalg.norm(after):
                return after
            x = after
        return u

    def newton(
        self, u: Array, residual: Callable[[Array], Array], factor: Callable[[Array], Factors]
    ) -> tuple[Array, Factors | None]:
        """The solution, and factors of a Jacobian near it if they will do there."""
        r = residual(u)
        if not np.isfinite(r).all():
            raise self.lost("the equation has no value where Newton's method starts")
        best = last = np.inf
        stale, rate = False, 0.0
        factors: Any = None
        for _ in range(STEPS):
            # Close to the solution the Jacobian hardly moves: the last factors serve for what is left.
            factors = factors if stale else factor(u)
            step = factors.step(r)
            size = float(np.linalg.norm(step)) / max(float(np.linalg.norm(u)), 1e-300)
            if stale and size > CLOSE:
                rate = max(rate, size / last)
            if not r.any() or size <= 4 * np.finfo(float).eps or (size < CLOSE and size >= best):
                u = u - step if np.isfinite(step).all() and r.any() else u
                return u, factors if rate <= RATE else None
            if stale and size >= CLOSE and rate > SLOW:
                stale, rate = False, 0.0
                continue
            best = min(best, size) if size < CLOSE else np.inf
            try:
                u, r = self.shorter(u, step, r, residual, size < CLOSE)
            except DomainError:
                if not stale:
                    raise
                stale = False
                continue
            stale = size < CLOSE or (size < CHORD and len(u) >= DEAR)
            last = size
        raise self.lost(f"Newton's method does not converge in {STEPS} steps")

    def shorter(
        self, u: Array, step: Array, r: Array, residual: Callable[[Array], Array], close: bool
    ) -> tuple[Array, Array]:
        """The step, halved until the residual falls."""
        t, now = 1.0, float(np.linalg.norm(r))
        for _ in range(HALVINGS):
            after = u - t * step
            found = residual(after)
            if np.isfinite(found).all() and (close or float(np.linalg.norm(found)) < (1 - 1e-4 * t) * now):
                return after, found
            t /= 2
        raise self.lost("Newton's method does not converge: no step makes the residual smaller")

    def factor(self, values: Values, sizes: Mapping[str, int], near: Factors | None = None) -> Factors:
        """The factors of J, or of one near it for refinement.  Raises DomainError for a singular J."""
        J = self.matrix(values, sizes)
        if not finite(J):
            raise self.lost("the Jacobian of the equation is not finite")
        return Factors(J, self.singular, near)

    @property
    def names(self) -> str:
        return " and ".join(x.name for x in self.system.unknowns)

    def singular(self) -> DomainError:
        return Singular(
            f"the equation does not determine {self.names} here: its Jacobian by {self.names} is singular",
            hint="" if self.linear else "start elsewhere: x0=…",
        )

    def lost(self, why: str) -> DomainError:
        return DomainError(f"no solution {self.names} was found: {why}", hint="start Newton's method elsewhere: x0=…")


class Singular(DomainError):
    """A Jacobian that is singular where it was met."""


def _block(value: Any, rows: int, cols: int) -> Array:
    array = np.asarray(value, dtype=float)
    return array if array.shape == (rows, cols) else array.reshape((rows, cols), order="F")


def run(function: Callable[..., Any], values: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of a compiled function; what NumPy raises becomes a DomainError."""
    with np.errstate(all="ignore"):
        try:
            found = function(**values)
        except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
            raise DomainError(f"the equation is not defined here: {error}") from None
    return found if isinstance(found, tuple) else (found,)


def stacked(values: Sequence[Any]) -> Array:
    return np.concatenate([flat(v) for v in values])
