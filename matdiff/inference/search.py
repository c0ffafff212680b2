"""Which undeclared names are scalars: the fewest that make the expression well formed.

Every name that nothing declares is its default or a scalar.  Giving each occurrence its share of the name's cost and
choosing for each occurrence by itself is a relaxation that one pass solves exactly; where its optimum is consistent and
unique, it is the answer.  Otherwise one name is decided both ways, best bound first (branch and bound), so that no
2^k readings are tried; over MAX_TRIALS passes the search is given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from matdiff.errors import MatdiffError, ParseError
from matdiff.inference.attempt import Attempt, attempt, explain
from matdiff.inference.options import LENIENT, NEAR
from matdiff.inference.relaxation import Forced, Relaxation, Relaxed
from matdiff.inference.scope import Scope
from matdiff.text.tree import walk

MAX_TRIALS = 200
MAX_WORK = 200_000
"""Most trees that all passes together may visit."""

MAX_NAMES = 60
"""Most names among which the search for a misfit of dimensions flips."""


def search(scope: Scope, first: Attempt) -> Attempt:
    """`first` if it fits, else the attempt with the fewest scalars more.  Raises the misfit, or names two choices."""
    if first.misfit is None:
        return first
    free = {n for n, kind in scope.choices.items() if kind != "scalar"}
    if not free:
        raise explain(scope, first)
    relaxation = Relaxation(scope, free)
    heap: list[tuple[float, int, dict[str, bool], Relaxed]] = []
    trials = 0
    most = max(8, min(MAX_TRIALS, MAX_WORK // sum(len(r.plan) for r in scope.roots)))

    def push(forced: dict[str, bool]) -> None:
        nonlocal trials
        trials += 1
        found = relaxation.solve(forced)
        if found is not None:
            heappush(heap, (found.cost, -trials, forced, found))

    push({})
    best: tuple[float, Attempt] | None = None
    while heap and trials < most:
        cost, _, forced, found = heappop(heap)
        if best is not None and cost > best[0] + NEAR:
            break
        if found.split:
            push({**forced, found.split: True})
            push({**forced, found.split: False})
            continue
        tried = attempt(scope, found.scalars) if found.scalars else first
        lenient = cost - sum(relaxation.costs[n] for n in found.scalars) > LENIENT / 2
        if tried.misfit is None or lenient:
            if tried.misfit is not None:
                raise explain(scope, first if found.scalars & relaxation.arrays else tried)
            if best is not None:
                raise _two_choices(scope, best[1].scalars, found.scalars)
            if misread := _misread(scope, tried):
                raise _transposed(explain(scope, first), misread)
            best = cost, tried
            continue
        for branch in _flips(scope, forced, found.scalars, free, tried):
            if trials < most:
                push(branch)
    if best is not None:
        return best[1]
    if trials >= most:
        raise _given_up(scope, free)
    raise explain(scope, first)


def _flips(
    scope: Scope, forced: Forced, scalars: frozenset[str], free: set[str], tried: Attempt
) -> Iterator[dict[str, bool]]:
    """All assignments but this one, as one region a name: the names before it as they are, it the other way.

    That dimensions do not fit is no evidence for a scalar in capitals.
    """
    names = sorted(n for n in free - set(forced) if n in scalars or scope.choices[n] == "vector")
    if len(names) > MAX_NAMES and tried.misfit is not None:
        near = {t.value for t in walk(tried.misfit.tree) if t.head == "name"}
        names = [n for n in names if n in near][:MAX_NAMES]
    fixed = dict(forced)
    for name in names:
        yield {**fixed, name: name not in scalars}
        fixed[name] = name in scalars


def _misread(scope: Scope, tried: Attempt) -> list[str]:
    """Names that became scalars although they are transposed; as terms, (x - y)', where not everything is a scalar."""
    array = any(tried.env[n][0] != "scalar" for n in scope.variables)
    misread = {n for n in scope.turned_in_sums if array or n in scope.turned or scope.choices.get(n) == "matrix"}
    return sorted(tried.scalars & misread)


def _transposed(error: MatdiffError, names: list[str]) -> MatdiffError:
    """Only scalars that are transposed would fit, and nobody transposes one: the misfit is what the reader wants."""
    advised = any(not line.startswith("here ") for line in error.hint.splitlines())
    if len(names) == 1 and not advised:
        x = names[0]
        error.hint = f"{error.hint}\nif {x} is a scalar, transposed though it is, declare `{x}: scalar`".strip()
    return error


def _two_choices(scope: Scope, a: frozenset[str], b: frozenset[str]) -> ParseError:
    order = list(scope.variables)
    one, other = sorted((sorted(names, key=order.index) for names in (a - b, b - a)), key=lambda n: order.index(n[0]))
    named = f"either {' and '.join(one)} or {' and '.join(other)} must be {'a scalar' if len(one) == 1 else 'scalars'}"
    hint = f"declare {' or '.join(f'`{names[0]}: scalar`' for names in (one, other))}"
    if scope.choices[one[0]] == scope.choices[other[0]] == "vector":
        x, y = one[0], other[0]
        hint += f"; of two vectors {x}'*{y} is the inner product, {x}.*{y} the product entry by entry"
    place = _place(scope, {*one, *other})
    return ParseError(f"{named}, and nothing tells which", text=scope.text, span=place, hint=hint)


def _given_up(scope: Scope, free: set[str]) -> ParseError:
    names = ", ".join(sorted(free)[:6])
    message = f"too many ways to read the undeclared names ({names}{', …' * (len(free) > 6)})"
    return ParseError(
        message, text=scope.text, span=_place(scope, free), hint="declare the scalars among them: `c: scalar`"
    )


def _place(scope: Scope, names: set[str]) -> tuple[int, int]:
    """From the first to the last of the names, where they stand close; else the first."""
    spans = sorted(t.span for r in scope.roots for t in r.plan if t.head == "name" and t.value in names)
    return spans[0] if spans else (0, len(scope.text))
