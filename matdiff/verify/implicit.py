"""Derivatives through equations, held against solving again at X ± hV; and equations that determine nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

import numpy as np

from matdiff.calculus.implicit import System, depends, direction, partial
from matdiff.codegen.solving import Compiled, Singular, run
from matdiff.core.node import Node, Symbol, number, symbol
from matdiff.errors import DomainError, MatdiffError, UnsupportedError
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import add, inner, scale
from matdiff.ops.constants import ones_like
from matdiff.ops.unknown import has_unknown
from matdiff.simplify.normal import normal
from matdiff.verify import sampling, sets
from matdiff.verify.report import Verification, undecided
from matdiff.verify.ridges import with_sizes
from matdiff.verify.unknown import Bare, concrete

WAYS = 60
"""Most random points that are tried."""
STEP = 1e-3
"""The largest step of the differences, relative to the direction; they are extrapolated twice."""
TOLERANCE = 1e-6
SURE = 1e-7
"""How far apart the extrapolated differences may be; where they are farther, the point is ill-conditioned."""
FORWARD = 1e-8
"""Largest relative difference of the forward and the adjoint method."""
CONDITION = 1e-9
"""The smallest singular value of an equation's Jacobian, beside the largest, at which solutions are compared."""
NOTHING = 1e-12
"""What is smaller at arrays of the size of 1, and not 0, is rounding."""
SINGULAR = 6
"""Points at which the Jacobian must be singular to be called so everywhere."""


@dataclass
class Seen:
    """What was compared."""

    errors: list[float] = field(default_factory=list)
    forward: list[float] = field(default_factory=list)
    orders: list[float] = field(default_factory=list)
    failure: str = ""
    message: str = ""
    complaints: Counter[str] = field(default_factory=Counter)


def check(
    d: Any,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    claim: Mapping[str, Node] | None = None,
    points: int = 3,
    order: int = 1,
    method: str = "central",
) -> Verification:
    """Is the derivative (with `order=2` the Hessian-vector product) right, or a claimed gradient?"""
    if method != "central":
        raise MatdiffError("through equations it is verified by central differences", hint="leave out the method")
    if order not in (1, 2):
        raise MatdiffError(f"order must be 1 or 2, not {order!r}")
    rng = np.random.default_rng(seed)
    seen = Seen()
    d = concretised(d, seed)
    for way in islice(ways(d.systems, d.function.node, d.variables, sizes or {}), WAYS):
        arrays = {v.name: a for v, a in sampling.point(d.variables, way, rng).items()}
        try:
            at, start = settled(d, arrays, way, rng)
            regular(d, {**at, **start}, way.sizes)
            one(d, at, start, rng, seen, order, claim)
        except MatdiffError as error:
            seen.complaints[error.message] += 1
        if seen.failure:
            return Verification(False, max(seen.errors), None, seen.failure, len(seen.errors), message=seen.message)
        if len(seen.errors) == points:
            break
    if not seen.errors:
        why = seen.complaints.most_common(1)
        return undecided(f"no random point was found at which all is defined ({why[0][0] if why else 'none fits'})")
    if claim is not None:
        return Verification(True, max(seen.errors), None, "", len(seen.errors), "comparison")
    found = float(np.median(seen.orders)) if seen.orders else None
    region = "" if order == 2 else "forward and adjoint agree"
    return Verification(True, max(seen.errors), found, "", len(seen.errors), region=region)


def concretised(d: Any, seed: int) -> Any:
    """The problem with smooth random functions for unknown ones, in its equations and in all that was derived.

    A random function need not have a zero: each of their equations gets a term that moves one to where it is drawn.
    """
    roots = [inline(d.function.node), *(F for s in d.systems for F in s.residuals)]
    if not has_unknown(roots):
        return d
    bare = Bare(d.function.node, d.variables)
    sized = frozenset(sampling.names(d.variables))

    def made(node: Any) -> Any:
        return with_sizes(concrete(inline(node), seed, bare), sized)

    shifts: list[Symbol] = []

    def moved(system: System) -> System:
        sides = []
        for left, right in system.sides:
            a, b = made(left), made(right) if right.kind == left.kind else right
            if has_unknown([inline(left), inline(right)]):
                shifts.append(symbol(f"shift_{len(shifts)}", a.kind, a.rows, a.cols))
                a = add(a, shifts[-1])
            sides.append((a, b))
        return System(tuple(map(made, system.unknowns)), tuple(sides), system.span)

    systems = tuple(map(moved, d.systems))
    variables = (*map(made, d.function.variables), *shifts)
    function = type(d.function)(made(d.function.node), variables)
    found = replace(d, function=function, systems=systems, wrt=tuple(map(made, d.wrt)))
    said, ours = d.adjoints, found.adjoints

    def each(nodes: Mapping[Symbol, Node]) -> dict[Symbol, Node]:
        return {made(x): made(n) for x, n in nodes.items()}

    ours.left, ours.right = tuple(map(each, said.left)), tuple(map(each, said.right))
    ours.gradients, ours.differential = each(said.gradients), made(said.differential)
    ours.linear_parts = tuple(tuple((made(a), made(b)) for a, b in rows) for rows in said.linear_parts)
    right, products = said.second
    ours.second = tuple(map(each, right)), each(products)
    return found


def ways(systems: Sequence[System], function: Node, variables: Sequence[Symbol], given: Mapping[str, int]) -> Any:
    """How to draw points: what the equations need counts as much as what the function needs."""
    roots = [inline(function), *(F for s in systems for F in s.residuals)]
    together = add(*(r if r.kind == "scalar" else inner(r, ones_like(r)) for r in roots))
    return sampling.ways(together, variables, sampling.check_given(given, sampling.names(variables)))


def settled(
    d: Any, arrays: dict[str, Any], way: Any, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays with a solution; where none is found, others that a drawn solution belongs to.

    A variable that stands alone in an equation, as the b of A x = b, is changed so that the drawn solution solves it.
    """
    try:
        solution = d.solve(**arrays)
    except DomainError:
        try:
            arrays, solution = manufactured(d, arrays, way, rng)
        except DomainError:
            solution = {x.name: a for x, a in sampling.point(d.unknowns, way, rng).items()}
        solution = d.solve(x0=solution, **arrays)
    return arrays, dict(solution) if isinstance(solution, Mapping) else {d.unknowns[0].name: solution}


def regular(d: Any, values: dict[str, Any], sizes: Mapping[str, int]) -> None:
    """Raises DomainError where a Jacobian is so close to a singular one that differences of solutions tell nothing."""
    for compiled in d.numbers.compiled:
        s = np.linalg.svd(compiled.matrix(values, sizes), compute_uv=False)
        if not s.min() > CONDITION * s.max():
            raise DomainError("the Jacobian of the equation is nearly singular")


def manufactured(
    d: Any, arrays: dict[str, Any], way: Any, rng: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    drawn = {x.name: a for x, a in sampling.point(d.unknowns, way, rng).items()}
    arrays = dict(arrays)
    for compiled in d.numbers.compiled:
        values = run(compiled.residual, {**arrays, **drawn})
        for F, r in zip(compiled.system.residuals, values, strict=True):
            alone, sign = term(F, d.variables)
            if alone is None:
                raise DomainError("no solution is found, and none can be made")
            arrays[alone.name] = arrays[alone.name] - sign * np.asarray(r)
    return arrays, drawn


def term(F: Node, variables: Sequence[Symbol]) -> tuple[Symbol | None, int]:
    """A variable that is a term of the residual by itself, and its sign."""
    for v in variables:
        if not depends(F, v):
            continue
        dF = normal(partial(F, [v]))
        for sign in (1, -1):
            if dF is normal(scale(number(sign), direction(v))):
                return v, sign
    return None, 0


def one(
    d: Any,
    arrays: dict[str, Any],
    start: dict[str, Any],
    rng: np.random.Generator,
    seen: Seen,
    order: int,
    claim: Mapping[str, Node] | None,
) -> None:
    """One random point, one random direction."""
    if claim is not None:
        compare(d, arrays, start, seen, claim)
        return
    V = {X.name: sets.direction(X, np.asarray(arrays[X.name]), rng) for X in d.wrt}
    f = d.function.node
    weight = 1.0 if f.kind == "scalar" or order == 2 else rng.normal(size=np.shape(d.evaluate(x0=start, **arrays)))
    along = V if d.several else V[d.wrt[0].name]

    def value(t: float) -> Any:
        moved = {X.name: sets.move(X, np.asarray(arrays[X.name]), V[X.name], t) for X in d.wrt}
        at = {**arrays, **moved}
        if order == 1:
            return np.sum(weight * np.asarray(d.evaluate(x0=start, **at)))
        G = d.values([g.node for g in dicted(d, d.gradient).values()], at, start)
        return np.concatenate([np.ravel(g) for g in G])

    said: Any
    forward: Any
    if order == 1:
        G = dicted(d, d.vjp(weight if f.kind != "scalar" else 1.0, x0=start, **arrays))
        said = sum(float(np.sum(np.asarray(G[n]) * V[n])) for n in V)
        forward = float(np.sum(weight * np.asarray(d.jvp(along, x0=start, **arrays))))
        scale = sum(float(np.linalg.norm(G[n]) * np.linalg.norm(V[n])) for n in V)
    else:
        H = dicted(d, d.hvp(along, x0=start, **arrays))
        said = forward = np.concatenate([np.ravel(H[X.name]) for X in d.wrt])
        scale = float(np.linalg.norm(said))
    if f.kind != "scalar" and order == 1:
        check_matrix(d, arrays, start, V, along, seen)
    slopes = [(value(h) - value(-h)) / (2 * h) for h in (STEP, STEP / 2, STEP / 4)]
    coarse, fine = ((4 * b - a) / 3 for a, b in pairwise(slopes))
    slope = (16 * fine - coarse) / 15
    size = max(scale, float(np.linalg.norm(slope)), 1e-300)
    if 1e-300 < size < NOTHING:
        seen.complaints["the derivative is 0 up to rounding"] += 1
        return
    unsure = float(np.linalg.norm(fine - coarse)) / size
    if unsure > SURE:
        seen.complaints["the differences do not settle: the function bends too much, or jumps"] += 1
        return
    error = float(np.linalg.norm(slope - said)) / size
    apart = float(np.linalg.norm(np.asarray(forward) - said)) / size
    seen.errors.append(error)
    first = [float(np.linalg.norm(s - said)) / size for s in slopes[:2]]
    if first[1] > 1e-9:
        seen.orders.append(float(np.log2(first[0] / first[1])))
    if apart > FORWARD:
        seen.failure = f"forward and adjoint method differ by {apart:.0e}"
    if error > max(TOLERANCE, unsure):
        seen.failure = f"solved again at X ± hV, differences differ from the derivative by {error:.0e}"


def check_matrix(
    d: Any, arrays: dict[str, Any], start: dict[str, Any], V: dict[str, Any], along: Any, seen: Seen
) -> None:
    """The Jacobian, where it has a formula, against the forward method."""
    try:
        J = dicted(d, d.jacobian)
    except UnsupportedError:
        return
    said = sum(np.asarray(J[n].evaluate(x0=start, **arrays)) @ np.ravel(V[n], order="F") for n in V)
    forward = np.ravel(d.jvp(along, x0=start, **arrays), order="F")
    apart = float(np.linalg.norm(said - forward)) / (float(np.linalg.norm(forward)) or 1.0)
    if apart > FORWARD:
        seen.failure = f"the Jacobian and the forward method differ by {apart:.0e}"
        seen.errors.append(apart)


def dicted(d: Any, found: Any) -> dict[str, Any]:
    return dict(found) if d.several else {d.wrt[0].name: found}


def compare(d: Any, arrays: dict[str, Any], start: dict[str, Any], seen: Seen, claim: Mapping[str, Node]) -> None:
    """A claimed gradient against the gradient, and where it is wrong, which classic mistake it is."""
    truth = dicted(d, d.gradient)
    names = [X.name for X in d.wrt]
    values = d.values([*(truth[n].node for n in names), *(claim[n] for n in names)], arrays, start)
    right, said = (np.concatenate([np.ravel(v) for v in part]) for part in (values[: len(names)], values[len(names) :]))
    size = float(np.linalg.norm(right))
    error = float(np.linalg.norm(said - right)) / (size or 1.0)
    seen.errors.append(error)
    if error <= 1e-8:
        return
    seen.failure = f"the claim differs from the gradient by {error:.0e}"
    if float(np.linalg.norm(said + right)) <= 1e-8 * size:
        seen.message = "the sign is wrong: df = −⟨v, F_p[dp]⟩, since F_x[dx] = −F_p[dp]"
    elif forgotten(d, arrays, start, said):
        seen.message = "the adjoint equation has the transposed Jacobian: a transpose is forgotten in it"
    elif transposed(values[0], values[1], len(names)):
        seen.message = "the claim is the transpose of the gradient"


def transposed(truth: Any, said: Any, count: int) -> bool:
    """Is a square claim the transpose of what it should be?"""
    if count > 1 or np.ndim(truth) != 2 or np.shape(truth) != np.shape(said)[::-1]:
        return False
    return bool(np.linalg.norm(np.asarray(said).T - truth) <= 1e-8 * np.linalg.norm(truth))


def forgotten(d: Any, arrays: dict[str, Any], start: dict[str, Any], said: Any) -> bool:
    """Is it what comes out where v solves F_x[v] = ∂f/∂x?"""
    solve = d.numbers.adjoint
    try:
        d.numbers.adjoint = d.numbers.forward
        wrong = d.values([g.node for g in dicted(d, d.gradient).values()], arrays, start)
    finally:
        d.numbers.adjoint = solve
    wrong = np.concatenate([np.ravel(w) for w in wrong])
    return bool(float(np.linalg.norm(wrong - said)) <= 1e-8 * float(np.linalg.norm(wrong)))


def undetermined(systems: Sequence[System], variables: Sequence[Symbol]) -> System | None:
    """The first system whose Jacobian is singular wherever it was looked at."""
    rng = np.random.default_rng(0)
    for system in systems:
        if _singular(system, variables, rng):
            return system
    return None


def _singular(system: System, variables: Sequence[Symbol], rng: np.random.Generator) -> bool:
    compiled = Compiled(system, variables)
    count = 0
    for way in islice(ways([system], system.residuals[0], variables, {}), 4 * SINGULAR):
        arrays = {v.name: a for v, a in sampling.point(variables, way, rng).items()}
        try:
            compiled.factor(arrays, way.sizes)
            return False
        except Singular:
            count += 1
        except MatdiffError:
            continue
        if count == SINGULAR:
            return True
    return False
