"""One random point with a direction, and what a derivation says there: for tables and plots of errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matdiff.calculus.tangent import lowered
from matdiff.codegen.evaluate import evaluate
from matdiff.errors import MatdiffError
from matdiff.ops.algebra import add, inner
from matdiff.verify import sampling, sets
from matdiff.verify.differences import STEPS
from matdiff.verify.numeric import HUGE, ROOM, WAYS, Run, attempt, differences, statement
from matdiff.verify.sets import Array
from matdiff.verify.subject import Arrays, Subject, subject
from matdiff.verify.unknown import concrete

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation


class Place(NamedTuple):
    """F along a curve through a random point, its derivative along V there, and for a scalar F the second one."""

    F: Callable[[float], Array]
    center: Array
    linear: Array
    second: float | None
    sizes: dict[str, int]


def place(d: Derivation, seed: int = 0, sizes: Mapping[str, int] | None = None) -> Place:
    """A point where the function is smooth and varies.  Raises MatdiffError where none is found."""
    given = sampling.check_given(sizes, sampling.names(d.function.variables))
    found = subject(d, 1, seed)
    ways = list(islice(sampling.ways(found.parts[0], found.variables, given), WAYS))
    usable, large = sampling.split_by_size(ways, found.variables, found.parts)
    run = Run(ROOM["free"], np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        for way in usable:
            there = at(d, found, way, run)
            if there is not None:
                return there
    raise MatdiffError(large or "no point found where the function is smooth and varies")


def at(d: Derivation, found: Subject, way: sampling.Way, run: Run) -> Place | None:
    if run.late or not run.affords(1):
        return None
    arrays = sampling.point(found.variables, way, run.rng)
    V = {X: sets.direction(X, arrays[X], run.rng) for X in found.wrt}
    center = attempt(run, lambda: run.value(found, arrays))
    if center is None:
        return None
    seen = differences(found, arrays, V, center, STEPS["kinked" if found.kinked else "smooth"], run, way)
    if seen is None or seen.flat:
        return None
    said = statement(found, arrays, V, way, run, seen)
    if said is None or not np.linalg.norm(said.along) < HUGE:
        return None

    def F(h: float) -> Array:
        moved = {X: sets.move(X, arrays[X], V[X], h, d.affine) for X in found.wrt}
        return found.value({**arrays, **moved})

    return Place(F, center, said.along, second(d, arrays, V, run.rng), dict(way.sizes))


def second(d: Derivation, arrays: Arrays, V: Arrays, rng: np.random.Generator) -> float | None:
    """⟨H[V], V⟩ of a scalar function."""
    if d.function.kind != "scalar":
        return None
    try:
        whole = add(*(inner(lowered(H, X, d.affine), d.directions[X]) for X, H in d.curvature.items()))
        given = {**arrays, **{d.directions[X]: v for X, v in V.items()}}
        known = concrete(whole, 0, d.function)
        return float(evaluate(known, tuple(given), {s.name: a for s, a in given.items()}))
    except MatdiffError:
        return None
