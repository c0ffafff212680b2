"""The check of a derivation: differences of F at random points against what is said of its derivative."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from matdiff.codegen.evaluate import evaluate
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.ops.constants import is_zero
from matdiff.verify import methods, sampling, sets
from matdiff.verify.differences import LEAST_ORDER, STEPS, WIDER, Slope, bend, order
from matdiff.verify.edges import Seen, along, look
from matdiff.verify.exact import certify
from matdiff.verify.report import Verification, undecided
from matdiff.verify.sampling import Way
from matdiff.verify.subject import Arrays, Statement, Subject, named, subject

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

HUGE = 1e100
STEEP = 1e8
"""A point is of no use where going its own length along a direction changes the value by so many times itself."""
FLOOR = 1e-300
TINY = 1e-100
"""Below this, squares underflow."""
ROUNDING = 1e-12
"""What remains of numbers of order 1 that cancel."""
FAINT = 1e-9
"""Values below this may come from numbers of order 1 that cancel."""
SHAKE = 1e-14
NEAR = 1e-7
"""Nearer to a kink than this, along the direction, no difference is taken."""
MAX_FLAT = 4
PATIENCE = 10.0
"""Seconds after which no further point is begun."""
ROOM = {"given": (40, 3), "free": (400, 20)}
"""Most evaluations of the function and of its derivative, where sizes are given and where they are not."""
WAYS = 150


@dataclass
class Run:
    """One check in progress: what has been spent, and what went wrong at the points tried."""

    room: tuple[int, int]
    rng: np.random.Generator
    method: str = "central"
    values: int = 0
    statements: int = 0
    complaints: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def affords(self, values: int) -> bool:
        return self.values + values <= self.room[0] and self.statements < self.room[1]

    def value(self, found: Subject, arrays: Arrays) -> sets.Array:
        self.values += 1
        return found.value(arrays)

    @property
    def late(self) -> bool:
        return time.monotonic() - self.began > PATIENCE


class Outcome(NamedTuple):
    """What one point showed."""

    error: float
    order: float | None
    fault: str = ""
    flat: bool = False


def verified(
    d: Derivation,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    points: int = 3,
    method: str = "central",
    order: int = 1,
) -> Verification:
    """Is the derivative right?  Raises MatdiffError for options that mean nothing."""
    check_options(seed, sizes, points, method, order)
    return check(d, seed, sizes, points, order, method)


def check_options(seed: Any, sizes: Any, points: Any, method: Any, order: Any) -> None:
    """Raises MatdiffError for options that mean nothing."""
    for what, value, least in (("seed", seed, 0), ("points", points, 1)):
        if not hasattr(value, "__index__") or value < least:
            raise MatdiffError(f"{what} is a whole number from {least}, not {value!r}")
    if sizes is not None and not isinstance(sizes, Mapping):
        raise MatdiffError(f"sizes gives numbers by name, not {sizes!r}", hint='for instance sizes={"n": 100}')
    if method not in methods.METHODS:
        raise MatdiffError(f"there is no method {method!r}", hint=f"the methods are {', '.join(methods.METHODS)}")
    if order not in (1, 2):
        raise MatdiffError(f"order must be 1 or 2, not {order!r}")


def check(
    d: Derivation, seed: int, sizes: Mapping[str, int] | None, points: int, order_: int, method: str
) -> Verification:
    """Hold the derivative that `d` gives to differences of the function."""
    given = sampling.check_given(sizes, sampling.names(d.function.variables))
    try:
        found = subject(d, order_, seed)
    except UnsupportedError as error:
        return undecided(error.message, method)
    firsts = list(islice(sampling.ways(found.parts[0], found.variables, given), WAYS))
    usable, large = sampling.split_by_size(firsts, found.variables, found.parts)
    if large and not usable:
        return undecided(large, method)
    run = Run(ROOM["given" if given else "free"], np.random.default_rng(seed), method)
    with np.errstate(all="ignore"):
        outcomes = gather(sampling.explore(usable, lambda way: trial(found, way, run), lambda o: o.flat), points)
        verdict = report(outcomes, run, method)
        if verdict.passed is not False and order_ == 1 and no_derivative(d) and zero(found, usable, run, points):
            return Verification(True, 0.0, None, points=points, method="zero")
        if verdict.passed and not given and not run.late and found.order == 1:
            verdict = on_edges(verdict, look(d, found, usable, run.rng))
    return certified(d, verdict, order_, seed)


def on_edges(verdict: Verification, seen: Seen) -> Verification:
    """The verdict with what was seen on the edges that the function names."""
    if seen.fault:
        return replace(verdict, passed=False, reason=seen.fault)
    return replace(verdict, region=seen.region)


def no_derivative(d: Derivation) -> bool:
    """Whether the derivative that is printed is 0."""
    try:
        found = getattr(d, d.kind)
    except UnsupportedError:
        return False
    return all(is_zero(g.node) for g in (found.values() if d.several else [found]))


def zero(found: Subject, ways: Sequence[Way], run: Run, points: int) -> bool:
    """Whether a function without a derivative, and so a constant, is 0: its values at random points are."""
    values = []
    for way in islice(cycle(ways), points):
        arrays = sampling.point(found.variables, way, run.rng)
        try:
            values += evaluate([found.parts[0]], found.variables, named(arrays))
        except MatdiffError:
            return False
    return bool(values) and all(np.all(np.abs(v) < FAINT) for v in values)


def certified(d: Derivation, found: Verification, order_: int, seed: int) -> Verification:
    """The verdict with the exact one beside it, which a wrong derivative cannot pass by being only nearly right."""
    if found.passed is False:
        return found
    exact = certify(d, order_, seed)
    if exact.holds is False:
        return replace(found, passed=False, reason="exact arithmetic finds another derivative", certificate=str(exact))
    return replace(found, certificate=str(exact))


def gather(trials: Iterable[Outcome], points: int) -> list[Outcome]:
    """Up to `points` outcomes; those at which the function is flat prove little and count if there are no others."""
    sharp: list[Outcome] = []
    flat: list[Outcome] = []
    for outcome in trials:
        (flat if outcome.flat else sharp).append(outcome)
        if outcome.fault or len(sharp) == points or len(flat) == MAX_FLAT * points:
            break
    return (sharp or flat)[-points:]


def trial(found: Subject, way: Way, run: Run) -> Outcome | None:
    """One random point, or None where it is of no use."""
    if run.late or not run.affords(1):
        return None
    arrays = sampling.point(found.variables, way, run.rng)
    V = {X: sets.direction(X, arrays[X], run.rng) for X in found.wrt}
    center = attempt(run, lambda: run.value(found, arrays))
    if center is None or is_rounding(found, arrays, center, run) or at_a_kink(found, arrays, V, run):
        return None
    said: Statement | None = None
    outcome: Outcome | None = None
    ways = ("smooth",) if found.order == 2 else ("kinked",) if found.kinked else ("smooth", "kinked")
    for first in ways:
        seen = differences(found, arrays, V, center, STEPS[first], run, way)
        if seen is None:
            continue
        said = said or statement(found, arrays, V, way, run, seen)
        if said is None:
            return None
        outcome = compare(found, seen, said, run) or outcome
        if outcome is not None and not outcome.fault:
            break
    return outcome


def is_rounding(found: Subject, arrays: Arrays, center: sets.Array, run: Run) -> bool:
    """Is the value made of the last digits of the arrays alone, as y − A A⁻¹ y is?"""
    size = float(np.linalg.norm(center))
    if not 0 < size < FAINT:
        return False
    near = attempt(run, lambda: run.value(found, sampling.shaken(arrays, SHAKE, run.rng)))
    if near is not None and float(np.linalg.norm(near - center)) <= 1e-3 * size:
        return False
    run.complaints["the values are nothing but rounding"] += 1
    return True


def at_a_kink(found: Subject, arrays: Arrays, V: Arrays, run: Run) -> bool:
    """Does |u| or sign(u) stand at a u that is 0 but for rounding, as most eigenvalues of xxᵀ are?"""
    if not found.kinks:
        return False
    places = [along(found, arrays, V, h) for h in (0.0, NEAR, -NEAR)]
    signs = [attempt(run, partial(kink_signs, found, place)) for place in places]
    known = [s for s in signs if s is not None and not np.isnan(s).any()]
    if len(known) == len(signs) and all(np.array_equal(s, known[0]) for s in known):
        return False
    run.complaints["an argument of a function with a kink is nothing but rounding"] += 1
    return True


def kink_signs(found: Subject, arrays: Arrays) -> sets.Array:
    """The signs of what stands in functions with a kink; nan for what is rounding beside the largest."""
    out: list[sets.Array] = []
    for u in map(np.asarray, evaluate(list(found.kinks), found.variables, named(arrays))):
        faint = (u != 0) & (np.abs(u) < ROUNDING * np.max(np.abs(u), initial=0))
        out.append(np.where(faint, np.nan, np.sign(u)).ravel())
    return np.concatenate(out)


T = TypeVar("T")


def attempt(run: Run, evaluate: Callable[[], T]) -> T | None:
    """The value, or None and a note of why there is none."""
    try:
        return evaluate()
    except MatdiffError as error:
        run.complaints[error.message.split(":")[0]] += 1
        return None


def differences(
    found: Subject, arrays: Arrays, V: Arrays, center: sets.Array, first: float, run: Run, way: Way
) -> Slope | None:
    """The derivative along the curves through the point, if it is sharp enough to judge by."""
    if not run.affords(methods.COST[run.method]):
        return None

    def F(h: float) -> sets.Array:
        return run.value(found, along(found, arrays, V, h))

    def analytic(h: complex) -> sets.Array:
        run.values += 1
        return found.complex_value({**arrays, **{X: arrays[X] + h * V[X] for X in found.wrt}}, way.sizes)

    if found.order == 2:
        seen: Slope | None = attempt(run, lambda: bend(F, center, WIDER * first))
    elif run.method == "complex":
        seen = methods.complex_step(analytic, center)
    elif run.method == "dual":
        run.values += 1
        moved = attempt(run, lambda: found.dual_value(arrays, V))
        seen = None if moved is None else methods.dual_step(moved, center)
    else:
        seen = attempt(run, lambda: methods.measure(run.method, F, center, first))
    if seen is None:
        return None
    if seen.scale < TINY and not (seen.scale == 0 and found.constant):
        run.complaints["the values are 0 or too small"] += 1
        return None
    if seen.scale > HUGE or not (seen.settled or seen.flat):
        run.complaints["the differences are too noisy"] += 1
        return None
    return seen


def statement(found: Subject, arrays: Arrays, V: Arrays, way: Way, run: Run, seen: Slope) -> Statement | None:
    """What the derivation says at the point; V is as long as X, so a derivative has about the size of the values."""
    if not run.affords(0):
        return None
    run.statements += 1
    least = max(ROUNDING * max(seen.scale, TINY), seen.noise if seen.flat else 0.0)
    said = attempt(run, lambda: found.state(arrays, V, way.sizes, run.rng, least))
    if said is not None and not said.size <= HUGE:
        run.complaints["the derivative is enormous"] += 1
        return None
    return said


def compare(found: Subject, seen: Slope, said: Statement, run: Run) -> Outcome | None:
    """Difference and statement; None where rounding hides whether they agree."""
    if float(np.linalg.norm(said.along)) > STEEP * max(seen.scale, 1.0) and seen.size > STEEP * max(seen.scale, 1.0):
        run.complaints["the function is too steep"] += 1
        return None
    apart = float(np.linalg.norm(seen.value - said.along))
    error = apart / max(seen.size, float(np.linalg.norm(said.along)), FLOOR)
    if said.fault:
        return Outcome(error, None, said.fault)
    if apart > seen.tolerance:
        return Outcome(error, order(seen, said.along), mismatch(found, seen, said, error))
    if not seen.settled:
        if float(np.linalg.norm(said.along)) > 1e-12 * min(max(seen.scale, 1.0), 1e3):
            run.complaints["rounding hides the derivative"] += 1
            return None
        return Outcome(0.0, None, flat=not found.constant)
    observed = order(seen, said.along)
    if observed is not None and observed < LEAST_ORDER:
        run.complaints["the remainder does not fall like the square of the step"] += 1
        return None
    return Outcome(error, observed)


def mismatch(found: Subject, seen: Slope, said: Statement, error: float) -> str:
    got, want = (
        (f"{v[0]:.6g}" if v.size == 1 else f"an array of norm {np.linalg.norm(v):.6g}")
        for v in (said.along, seen.value)
    )
    return (
        f"along a random direction the {found.name} gives {got}, "
        f"differences of the function {want} (relative error {error:.1g})"
    )


def report(outcomes: Sequence[Outcome], run: Run, method: str) -> Verification:
    """The verdict over all points."""
    fault = next((o.fault for o in outcomes if o.fault), "")
    orders = [o.order for o in outcomes if o.order is not None]
    # The error of a one-sided quotient is the remainder over the step.
    seen = min(orders) - (method in ("forward", "backward")) if orders else None
    error = max((o.error for o in outcomes), default=None)
    if fault:
        return Verification(False, error, seen, fault, len(outcomes), method)
    if not outcomes:
        return undecided(why_none(run), method)
    return Verification(True, error, seen, "", len(outcomes), method)


def why_none(run: Run) -> str:
    """The complaint heard most often."""
    if not run.complaints:
        return "no sizes were found for which the function can be evaluated"
    (most, _), *_ = run.complaints.most_common(1)
    return f"no point found where the function is defined and smooth ({most})"
