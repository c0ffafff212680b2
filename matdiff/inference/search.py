"""Which undeclared names are not what they look like: the fewest that make the expression well formed.

Every name that nothing declares is what its letter and its place say, or its alternative, mostly a scalar.  Giving each
occurrence its share of the name's cost and choosing for each occurrence by itself is a relaxation that one pass solves
exactly; where its optimum is consistent and unique, it is the answer.  Otherwise one name is decided both ways, best
bound first (branch and bound), so that no 2^k readings are tried; over MAX_TRIALS passes the search is given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from matdiff.core.patterns import deferred
from matdiff.errors import MatdiffError, ParseError
from matdiff.inference.attempt import Attempt, attempt, explain
from matdiff.inference.calls import elementwise
from matdiff.inference.literals import literal
from matdiff.inference.options import LENIENT, NEAR
from matdiff.inference.relaxation import Forced, Relaxation, Relaxed
from matdiff.inference.scope import Scope
from matdiff.text.tree import Tree, walk

MAX_TRIALS = 200
MAX_WORK = 200_000
"""Most trees that all passes together may visit."""

PLAIN = frozenset({"name", "number", "+", "neg", "*", "/", "^"})
"""What an expression in scalars is made of, beside functions of one."""

_bold = deferred(r"\\(?:mathbf|boldsymbol|bm|vec|bf)\b")
"""Typography of vectors."""

MAX_NAMES = 60
"""Most names among which the search for a misfit of dimensions flips."""


def search(scope: Scope, first: Attempt) -> Attempt:
    """`first` if it fits, else the attempt with the fewest changes.  Raises the misfit, or names two choices."""
    if first.misfit is None:
        return first
    found = _fitting(scope, first)
    _refuse_multiple_of_row(scope, found)
    return found


def _fitting(scope: Scope, first: Attempt) -> Attempt:
    weak = {name for name, sign in scope.signs.items() if sign.weak}
    if weak and (plain := attempt(scope, weak)).misfit is None:
        return plain
    try:
        return _searched(scope, first)
    except MatdiffError:
        if (found := calculus(scope)) is not None:
            return found
        raise


def _refuse_multiple_of_row(scope: Scope, found: Attempt) -> None:
    """A[2,:]*x is a number for who thinks of rows; here rows are vectors, and only an x that is a scalar would fit."""
    for root in scope.roots:
        for t in root.plan:
            if t.head != "*" or not _row(t.args[0]):
                continue
            names = (str(part.value) for part in walk(t.args[1]) if part.head == "name")
            x = next((n for n in names if scope.choices.get(n) == "vector" and found.env[n][0] == "scalar"), None)
            if x is not None:
                (a, b), (c, d) = (part.span for part in t.args)
                row, other = scope.text[a:b], scope.text[c:d]
                raise ParseError(
                    f"is {x} a vector, and this an inner product?",
                    text=scope.text,
                    span=t.span,
                    hint=f"a row that is picked out is a vector: write <{row}, {other}> for the inner product, "
                    f"or declare `{x}: scalar`",
                )


def _row(t: Tree) -> bool:
    while t.head in ("*", "neg"):
        t = t.args[-1]
    return t.head == "index" and len(t.args) == 3 and t.args[1].head != "slice" and t.args[2].head == "slice"


def _searched(scope: Scope, first: Attempt) -> Attempt:
    free = set(filter(scope.open, scope.choices))
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
        tried = attempt(scope, found.changed) if found.changed else first
        lenient = cost - sum(relaxation.costs[n] for n in found.changed) > LENIENT / 2
        if tried.misfit is None or lenient:
            if tried.misfit is not None:
                raise explain(scope, first if found.changed & relaxation.arrays else tried)
            if best is not None:
                raise _two_choices(scope, best[1].changed, found.changed)
            best = cost, tried
            continue
        for branch in _flips(scope, forced, found.changed, free, tried):
            if trials < most:
                push(branch)
    if best is not None:
        return best[1]
    if trials >= most:
        raise _given_up(scope, free)
    raise explain(scope, first)


def calculus(scope: Scope) -> Attempt | None:
    """All names as scalars, where a power x^2 speaks for that and nothing is there that only arrays have."""
    small = {n for n, kind in scope.choices.items() if kind == "vector"}
    others = [scope.declared[n].kind if n in scope.declared else scope.choices.get(n) for n in scope.variables]
    if not small or any(kind not in ("scalar", "vector", None) for kind in others) or _bold.search(scope.text):
        return None
    trees = [t for root in scope.roots for t in root.plan]
    if not all(t.head in PLAIN or _entrywise(scope, t) for t in trees):
        return None
    powers = [t.args[0] for t in trees if t.head == "^" and literal(t.args[1]) is not None]
    if not any(t.head == "name" and t.value in small for base in powers for t in walk(base)):
        return None
    found = attempt(scope, small)
    found.calculus = True
    return found if found.misfit is None and all(found.env[n][0] == "scalar" for n in scope.variables) else None


def _entrywise(scope: Scope, t: Tree) -> bool:
    known = t.head == "call" and t.value not in scope.functions
    return (t.head == "call" and not known) or (known and (t.value == "e^" or elementwise(str(t.value))))


def _flips(
    scope: Scope, forced: Forced, changed: frozenset[str], free: set[str], tried: Attempt
) -> Iterator[dict[str, bool]]:
    """All assignments but this one, as one region a name: the names before it as they are, it the other way.

    That dimensions do not fit is no evidence for a scalar in capitals.
    """
    names = sorted(n for n in free - set(forced) if n in changed or scope.choices[n] == "vector")
    if len(names) > MAX_NAMES and tried.misfit is not None:
        near = {t.value for t in walk(tried.misfit.tree) if t.head == "name"}
        names = [n for n in names if n in near][:MAX_NAMES]
    fixed = dict(forced)
    for name in names:
        yield {**fixed, name: name not in changed}
        fixed[name] = name in changed


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
