"""Values of functionals: Gauss–Legendre quadrature over functions that are callables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.polynomial.legendre import leggauss

from matdiff.calculus.variations import Functional, endless, jet
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.evaluate import evaluate, is_function, runner
from matdiff.core.node import Node, Symbol, number, symbols
from matdiff.errors import DomainError, MatdiffError, ShapeError
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import add, scale
from matdiff.ops.unknown import has_unknown
from matdiff.verify.report import Verification, undecided
from matdiff.verify.sampling import point, ways
from matdiff.verify.unknown import Bare, concrete

Array = Any
Function = tuple[Callable[[float], Any], ...]
"""A function and its derivatives, as many as are wanted."""

NODES = 12
PANELS = (4, 8, 16, 32, 64, 128)
EXACT = 1e-12
"""Relative change of an integral, halving the panels, at which it is done."""
POOR = 1e-7
"""The change at which it is refused with the finest panels."""
DEGREES = (16, 32, 64, 128, 256)
"""Degrees of the polynomials from which the derivatives of a function are taken."""
ENDS = 1e-9
"""How far from 0 a variation may be at a fixed end, relative to its size."""
AGREE = 1e-6
NEAR_0: tuple[Node, Node] = number(Fraction(-6, 5)), number(Fraction(3, 2))
BESIDE = number(Fraction(1, 5)), number(Fraction(8, 5))
"""Where a functional with an end at infinity is verified, and how far from its other end."""
STEPS = (1e-3, 1e-4)
LARGE = 1e8
TRIES = 40
POINTS = 2


class Domain:
    """An interval, with the parameters of the functional."""

    def __init__(self, F: Functional, variables: Sequence[Symbol], parameters: Mapping[str, Any]) -> None:
        self.F = F
        jets = {jet(u, k) for u in F.functions for k in range(2 * F.order(*F.functions) + 1)}
        self.fixed = [v for v in variables if v not in jets and v is not F.x]
        self.given: dict[str, Any] = {n: a for n, a in parameters.items() if is_function(a)}
        for v in self.fixed:
            key = lookup(v.name, parameters)
            if key is None:
                raise MatdiffError(f"the parameter {v.name} is missing", hint=f"pass it by name, {v.name}=…")
            self.given[v.name] = np.asarray(parameters[key], dtype=float)
        self.low = -np.inf if endless(F.low) else float(evaluate(F.low, self.fixed, self.given))
        self.high = np.inf if endless(F.high) else float(evaluate(F.high, self.fixed, self.given))
        if not self.low < self.high:
            raise DomainError(f"the integral runs from {self.low:g} to {self.high:g}: the first must be less")

    def function(self, given: Any, order: int, name: str) -> Function:
        """A function with its derivatives, those that are not given by interpolation."""
        parts = given if isinstance(given, (tuple, list)) else (given,)
        if not parts or not all(callable(p) for p in parts):
            raise MatdiffError(
                f"{name} is a function, or several: its value and its derivatives, not {type(given).__name__}",
                hint="for instance lambda x: x**2, or (lambda x: x**2, lambda x: 2*x)",
            )
        found = tuple(parts[: order + 1])
        if len(found) <= order and not self.finite:
            wanted = f"a tuple with its derivatives up to the order {order}"
            raise MatdiffError(
                f"on an interval without end {name} is {wanted}",
                hint="for instance (lambda x: np.exp(-x**2), lambda x: -2*x*np.exp(-x**2))",
            )
        if len(found) <= order:
            last = self.polynomial(found[-1], name)
            for k in range(1, order + 2 - len(found)):
                found += (self.derived(last, k),)
        return found

    def polynomial(self, f: Callable[[float], Any], name: str) -> Array:
        """Chebyshev coefficients of a smooth function (a column for each entry)."""
        for degree in DEGREES:
            nodes = chebyshev.chebpts1(degree + 1)
            values = np.array([np.asarray(f(self.place(s)), dtype=float) for s in nodes])
            V = chebyshev.chebvander(nodes, degree)
            c = 2 / (degree + 1) * V.T @ values.reshape(degree + 1, -1)
            c[0] /= 2
            size = np.abs(c).max()
            if not np.isfinite(size):
                raise DomainError(f"{name} is not finite everywhere between {self.low:g} and {self.high:g}")
            if np.abs(c[-4:]).max() <= 1e-13 * size:
                return c.reshape(degree + 1, *values.shape[1:])
        raise MatdiffError(
            f"the derivative of {name} is not found by interpolation: it may not be smooth",
            hint="pass a pair of functions, (value, derivative)",
        )

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def place(self, s: float) -> float:
        """The place of s between −1 and 1; ends at infinity by s/(1 − s²), (1 + s)/(1 − s)."""
        if self.finite:
            return (self.low + self.high) / 2 + (self.high - self.low) / 2 * s
        if np.isfinite(self.low):
            return self.low + (1 + s) / (1 - s)
        if np.isfinite(self.high):
            return self.high - (1 - s) / (1 + s)
        return s / (1 - s * s)

    def rate(self, s: float) -> float:
        """The derivative of the place."""
        if self.finite:
            return (self.high - self.low) / 2
        if np.isfinite(self.low):
            return 2 / (1 - s) ** 2
        if np.isfinite(self.high):
            return 2 / (1 + s) ** 2
        return (1 + s * s) / (1 - s * s) ** 2

    def derived(self, c: Array, k: int) -> Callable[[float], Any]:
        """The k-th derivative of the polynomial with coefficients c, on a finite interval."""
        d = chebyshev.chebder(c, k, scl=2 / (self.high - self.low))
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return lambda x: chebyshev.chebval((x - middle) / half, d)

    def integral(self, node: Node, jets: Mapping[str, Callable[[float], Any]]) -> float:
        """∫ node dx, with the values of the jets.  Raises DomainError where it does not converge."""
        names = {s.name for s in symbols(node)}
        used = {n: f for n, f in jets.items() if n in names}
        made = runner([node], self.fixed, self.given)

        def at(x: float) -> float:
            here = {n: np.asarray(f(x), dtype=float) for n, f in used.items()}
            value = float(made(**here, **{self.F.x.name: x})[0])
            if not np.isfinite(value):
                raise DomainError(f"the integrand is not finite at {self.F.x.name} = {x:.6g}")
            return value

        def weighted(s: float) -> float:
            return at(self.place(s)) * self.rate(s)

        nodes, weights = leggauss(NODES)
        before = change = np.inf
        total = 0.0
        for panels in PANELS:
            edges = np.linspace(-1, 1, panels + 1)
            half = (edges[1] - edges[0]) / 2
            with np.errstate(all="ignore"):
                values = np.array([[weighted(m + half * s) for s in nodes] for m in (edges[:-1] + edges[1:]) / 2])
            total = float(half * np.sum(values @ weights))
            size = float(half * np.sum(np.abs(values) @ weights)) + 1e-300
            change = abs(total - before) / size
            if change < EXACT:
                return total
            before = total
        if change > POOR:
            raise DomainError("the integral does not converge: the integrand may have a pole or a kink")
        return total


def jets_of(D: Domain, given: Mapping[str, Any], moving: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The values of u, u', … by name, and of du, du', … where directions are given; shapes checked."""
    F = D.F
    found: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for prefix, functions, told in (("", F.functions, given), ("d", F.wrt, moving)):
        if told is None:
            continue
        for u in functions:
            if u.name not in told:
                raise MatdiffError(f"the function {prefix}{u.name} is missing", hint="pass a dict by names")
            parts = D.function(told[u.name], F.order(u), prefix + u.name)
            shapes = {np.shape(np.asarray(p(D.place(0.1)))) for p in parts}
            expected = len(u.shape)
            if any(len(s) != expected for s in shapes) or len(shapes) > 1:
                raise ShapeError(f"{prefix}{u.name} has values of the wrong shape: {sorted(shapes)}")
            for dim, length in zip(u.shape, next(iter(shapes)), strict=True):
                if sizes.setdefault(str(dim), length) != length:
                    raise ShapeError(f"{prefix}{u.name} has the length {length} where {dim} is {sizes[str(dim)]}")
            found |= {f"{prefix}{u.name}{chr(39) * k}": p for k, p in enumerate(parts)}
    return found


def value(F: Functional, variables: Sequence[Symbol], u: Mapping[str, Any], parameters: Mapping[str, Any]) -> float:
    D = Domain(F, variables, parameters)
    return D.integral(F.lagrangian, jets_of(D, u))


def variation(
    F: Functional,
    variables: Sequence[Symbol],
    u: Mapping[str, Any],
    du: Mapping[str, Any],
    parameters: Mapping[str, Any],
    fixed: bool,
) -> float:
    """df, the integral of the differential as it stands before parts."""
    D = Domain(F, variables, parameters)
    jets = jets_of(D, u, du)
    if fixed:
        held(D, jets)
    return D.integral(F.change, jets)


def held(D: Domain, jets: Mapping[str, Any]) -> None:
    """Raises DomainError where a variation moves a fixed end."""
    for u in D.F.wrt:
        for k in range(D.F.order(u)):
            name = f"d{u.name}{chr(39) * k}"
            size = max(float(np.max(np.abs(jets[name](D.place(s))))) for s in (-0.7, -0.2, 0.3, 0.6))
            for end in filter(np.isfinite, (D.low, D.high)):
                if float(np.max(np.abs(jets[name](end)))) > ENDS * max(size, 1e-3):
                    raise DomainError(
                        f"the ends are fixed, but {name} is not 0 at {D.F.x.name} = {end:g}",
                        hint='take a variation that is 0 there, or ends="free"',
                    )


def verified(F: Functional, variables: Sequence[Symbol], fixed: bool, seed: int) -> Verification:
    """∫ ⟨∇f, du⟩ dx and the boundary term against differences of f, at random smooth functions."""
    rng = np.random.default_rng(seed)
    F, variables = concretised(bounded(F), variables, seed)
    errors: list[float] = []
    reason = "no random functions were found at which the integral exists"
    for D, u in samples(F, variables, rng):
        du = {
            v.name: smooth(D, v, np.shape(u[v.name][0](D.low)), rng, (0.0, False), F.order(v) if fixed else 0)
            for v in F.wrt
        }
        try:
            error = disagreement(D, u, du)
        except (MatdiffError, ArithmeticError) as failed:
            reason = failed.message if isinstance(failed, MatdiffError) else str(failed)
            continue
        errors.append(error)
        if error > AGREE:
            reason = f"the gradient and differences of the integral differ by {error:.0e}"
            return Verification(False, error, reason=reason)
        if len(errors) == POINTS:
            break
    if not errors:
        return undecided(reason)
    return Verification(True, max(errors), points=len(errors), method="quadrature")


def bounded(F: Functional) -> Functional:
    """The functional between finite ends, where gradient and boundary term are the same formulas."""
    if not (endless(F.low) or endless(F.high)):
        return F
    if endless(F.low) and endless(F.high):
        low, high = NEAR_0
    elif endless(F.high):
        low, high = (add(F.low, end) for end in BESIDE)
    else:
        high, low = (add(F.high, scale(number(-1), end)) for end in BESIDE)
    found = replace(F, low=low, high=high)
    for name in ("change", "gradients", "boundaries", "directions"):
        found.__dict__[name] = getattr(F, name)
    return found


def concretised(F: Functional, variables: Sequence[Symbol], seed: int) -> tuple[Functional, Sequence[Symbol]]:
    """The functional with smooth random functions for unknown ones, in its integrand and in all that was derived."""
    if not has_unknown([inline(F.lagrangian)]):
        return F, variables
    bare = Bare(inline(F.lagrangian), tuple(variables))

    def made(node: Node) -> Node:
        return concrete(node, seed, bare)

    found = replace(F, lagrangian=made(F.lagrangian))
    found.__dict__["change"] = made(F.change)
    found.__dict__["gradients"] = {u: made(g) for u, g in F.gradients.items()}
    found.__dict__["boundaries"] = {u: list(map(made, rows)) for u, rows in F.boundaries.items()}
    orders = {u: F.order(u) for u in F.functions}
    found.__dict__["directions"] = F.directions
    assert all(found.order(u) == k for u, k in orders.items())
    return found, variables


def samples(
    F: Functional, variables: Sequence[Symbol], rng: np.random.Generator
) -> Iterator[tuple[Domain, dict[str, Function]]]:
    """Random parameters and functions: around 0, then around positive numbers."""
    known = [v for v in variables if v is not F.x]
    ends = {s.name for e in (F.low, F.high) for s in symbols(e)}
    for i, way in zip(range(TRIES), ways(F.lagrangian, known, {}), strict=False):
        drawn = {v.name: a for v, a in point(known, way, rng).items()}
        places = np.cumsum(rng.uniform(0.5, 1, len(ends)))
        drawn |= {n: np.asarray(t) for n, t in zip(sorted(ends), places, strict=True)}
        shapes = {v.name: np.shape(drawn.pop(v.name)) for v in F.functions}
        try:
            D = Domain(F, variables, drawn)
        except MatdiffError:
            continue
        base = (0.0, 2.0, 5.0)[i % 3], bool(i % 2)
        yield D, {v.name: smooth(D, v, shapes[v.name], rng, base, 0) for v in F.functions}


def smooth(
    D: Domain, u: Symbol, shape: tuple[int, ...], rng: np.random.Generator, base: tuple[float, bool], held: int
) -> Function:
    """A random polynomial of degree 4 with its derivatives; 0 at both ends, with `held` − 1 derivatives.

    Its values are around the number of the base, or of a matrix around that multiple of I.
    """
    c = rng.normal(size=(5, *shape)) * 0.4 / np.arange(1, 6).reshape(5, *(1 for _ in shape))
    c[0] = c[0] + base[0] * (np.eye(*shape) if base[1] and len(shape) == 2 else 1.0)
    for _ in range(held):
        c = np.apply_along_axis(lambda row: chebyshev.chebmul(row, [0.5, 0, -0.5]), 0, c)
    order = 2 * D.F.order(*D.F.functions)
    return tuple(D.derived(c, k) for k in range(order + 1))


def disagreement(D: Domain, u: Mapping[str, Function], du: Mapping[str, Function]) -> float:
    """How far the two are apart, relative to the size of what was added up."""
    F = D.F
    jets = {f"{n}{chr(39) * k}": p for n, parts in u.items() for k, p in enumerate(parts)}
    moved = {f"d{n}{chr(39) * k}": p for n, parts in du.items() for k, p in enumerate(parts)}
    total = size = 0.0
    for v in F.wrt:
        total += paired(D, F.gradients[v], v, jets, moved[f"d{v.name}"])
        for k, row in enumerate(F.boundaries[v]):
            direction = moved[f"d{v.name}{chr(39) * k}"]
            for end, sign in ((D.high, 1), (D.low, -1)):
                edge = float(np.vdot(at(D, row, jets, end), direction(end)))
                total += sign * edge
                size += abs(edge)
    straight = D.integral(F.change, {**jets, **moved})
    size += abs(straight) + abs(total) + 1e-3
    if not size < LARGE:
        raise DomainError("the integrals at random functions are too large to compare")
    error = np.inf
    for h in STEPS:
        differences = (4 * slope(D, u, du, h) - slope(D, u, du, 2 * h)) / 3
        error = min(error, abs(total - differences) / size)
        if error < AGREE:
            break
    return max(abs(total - straight) / size, error)


def paired(D: Domain, g: Node, u: Symbol, jets: Mapping[str, Any], du: Callable[[float], Any]) -> float:
    """∫ ⟨g, du⟩ dx."""
    from matdiff.core.op import differential_symbol
    from matdiff.ops.algebra import inner

    direction = differential_symbol(u)
    return D.integral(inner(g, direction), {**jets, direction.name: du})  # type: ignore[attr-defined]


def at(D: Domain, node: Node, jets: Mapping[str, Any], x: float) -> Array:
    """The value of an expression at one place."""
    names = {s.name for s in symbols(node)}
    made = runner([node], D.fixed, D.given)
    here = {n: np.asarray(f(x), dtype=float) for n, f in jets.items() if n in names}
    return np.asarray(made(**here, **{D.F.x.name: x})[0])


def slope(D: Domain, u: Mapping[str, Function], du: Mapping[str, Function], h: float) -> float:
    """The central difference of f."""
    values = []
    for step in (h, -h):
        jets: dict[str, Any] = {}
        for n, parts in u.items():
            for k, p in enumerate(parts):
                q = du[n][k] if n in du else None
                jets[f"{n}{chr(39) * k}"] = p if q is None else shifted(p, q, step)
        values.append(D.integral(D.F.lagrangian, jets))
    return (values[0] - values[1]) / (2 * h)


def shifted(p: Callable[[float], Any], q: Callable[[float], Any], h: float) -> Callable[[float], Any]:
    return lambda x: p(x) + h * q(x)
