"""Which undeclared names are scalars: the fewest that make the expression well formed.

Every name that nothing declares is its default or a scalar.  Giving each occurrence its share of the name's cost and
choosing for each occurrence by itself is a relaxation that one pass solves exactly; where its optimum is consistent and
unique, it is the answer.  Otherwise one name is decided both ways, best bound first (branch and bound), so that no
2^k readings are tried; over MAX_TRIALS passes the search is given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from matdiff.errors import ParseError
from matdiff.inference.attempt import Attempt, attempt, explain
from matdiff.inference.options import LENIENT, NEAR, Table, options
from matdiff.inference.reading import Root, operands
from matdiff.inference.scope import Scope
from matdiff.node import Kind
from matdiff.syntax import walk

MAX_TRIALS = 200
UPPER = 1.001
"""What a matrix that turns scalar costs: of two choices equally many, the lower-case letters are the scalars."""

MAX_NAMES = 60
"""Most names among which the search for a misfit of dimensions flips."""

Forced = Mapping[str, bool]


@dataclass(slots=True, eq=False)
class Relaxed:
    """An optimum of the relaxation: `split` is a name to branch on, or empty where it is consistent and unique."""

    cost: float
    scalars: frozenset[str]
    split: str = ""


def search(scope: Scope, first: Attempt) -> Attempt:
    """`first` if it fits, else the attempt with the fewest scalars more.  Raises the misfit, or names two choices."""
    if first.misfit is None:
        return first
    free = {n for n, kind in scope.choices.items() if kind != "scalar"}
    if not free:
        raise explain(scope, first)
    relaxation = _Relaxation(scope, free)
    heap: list[tuple[float, int, dict[str, bool], Relaxed]] = []
    trials = 0

    def push(forced: dict[str, bool]) -> None:
        nonlocal trials
        trials += 1
        found = relaxation.solve(forced)
        if found is not None:
            heappush(heap, (found.cost, -trials, forced, found))

    push({})
    best: tuple[float, Attempt] | None = None
    while heap and trials < MAX_TRIALS:
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
                raise explain(scope, tried)
            if best is not None:
                raise _two_choices(scope, best[1].scalars, found.scalars)
            best = cost, tried
            continue
        for branch in _flips(scope, forced, found.scalars, free, tried):
            if trials < MAX_TRIALS:
                push(branch)
    if best is not None:
        return best[1]
    if trials >= MAX_TRIALS:
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


def _two_choices(scope: Scope, a: frozenset[str], b: frozenset[str]) -> ParseError:
    order = list(scope.variables)
    one, other = sorted((sorted(names, key=order.index) for names in (a - b, b - a)), key=lambda n: order.index(n[0]))
    named = f"either {' and '.join(one)} or {' and '.join(other)} must be {'a scalar' if len(one) == 1 else 'scalars'}"
    hint = f"declare {' or '.join(f'`{names[0]}: scalar`' for names in (one, other))}"
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


class _Relaxation:
    """The program prepared: weights of occurrences, and of references to definitions."""

    def __init__(self, scope: Scope, free: set[str]) -> None:
        self.scope = scope
        self.free = free
        occurrences: dict[str, int] = {}
        self.references: dict[str, int] = dict.fromkeys(scope.definitions, 0)
        for root in scope.roots:
            for t in root.plan:
                if t.head == "name" and t.value != root.parameter:
                    name = scope.aliases.get(str(t.value), (str(t.value), 0))[0]
                    if name in self.references:
                        self.references[name] += 1
                    elif name in free:
                        occurrences[name] = occurrences.get(name, 0) + 1
        self.costs = {n: UPPER if scope.choices[n] == "matrix" else 1.0 for n in free}
        self.weights = {n: self.costs[n] / k for n, k in occurrences.items()}
        self.fixed = {n: t[0] for n, t in attempt_types(scope).items()}

    def solve(self, forced: Forced) -> Relaxed | None:
        """One pass up (tables) and one down (choices); None where no assignment is well formed."""
        roots: dict[str, tuple[list[Table], list[tuple[int, ...]]]] = {}
        total = 0.0
        wanted: list[tuple[Root, list[Kind]]] = []
        for root in self.scope.roots:
            tables, below = self._tables(root, forced, roots)
            roots[root.name] = tables, below
            top = tables[-1]
            if root.parameter:
                top = {k: o for k, o in top.items() if k == "scalar"}
            if not top:
                return None
            if root.parameter or not self.references.get(root.name):
                least = min(o[0] for o in top.values())
                total += least
                wanted.append((root, [k for k, o in top.items() if o[0] <= least + NEAR]))
        return self._choose(total, wanted, roots)

    def _leaf(self, name: str, root: Root, forced: Forced, roots: Mapping[str, tuple[list[Table], object]]) -> Table:
        if name == root.parameter:
            return {"scalar": (0.0, None, None)}
        name = self.scope.aliases.get(name, (name, 0))[0]
        if name in self.references:
            share = self.references[name]
            return {k: (o[0] / share, name, None) for k, o in roots[name][0][-1].items()}
        if name not in self.free:
            return {self.fixed.get(name, "matrix" if name == "I" else "scalar"): (0.0, None, None)}
        out: Table = {}
        if not forced.get(name, False):
            out[self.scope.choices[name]] = (0.0, name, None)
        if forced.get(name, True):
            out["scalar"] = (self.weights[name], name, None)
        return out

    def _tables(
        self, root: Root, forced: Forced, roots: Mapping[str, tuple[list[Table], object]]
    ) -> tuple[list[Table], list[tuple[int, ...]]]:
        tables: list[Table] = []
        below: list[tuple[int, ...]] = []
        stack: list[int] = []
        leaves: dict[str, Table] = {}
        for i, t in enumerate(root.plan):
            children: tuple[int, ...] = ()
            if t.head == "name":
                name = str(t.value)
                if name not in leaves:
                    leaves[name] = self._leaf(name, root, forced, roots)
                table = leaves[name]
            elif t.head == "number":
                table = {"scalar": (0.0, None, None)}
            else:
                n = len(operands(t))
                children = tuple(stack[len(stack) - n :])
                del stack[len(stack) - n :]
                table = options(t, [tables[c] for c in children], self.scope.functions)
            tables.append(table)
            below.append(children)
            stack.append(i)
        return tables, below

    def _choose(
        self,
        total: float,
        wanted: list[tuple[Root, list[Kind]]],
        roots: Mapping[str, tuple[list[Table], list[tuple[int, ...]]]],
    ) -> Relaxed:
        """Follow the choices down, through definitions last to first."""
        chosen: dict[str, Kind] = {}
        split = ""
        demands: dict[str, list[Kind]] = {root.name: kinds for root, kinds in wanted}
        for root in reversed(self.scope.roots):
            kinds = list(dict.fromkeys(demands.get(root.name, ())))
            tables, below = roots[root.name]
            picks = [_descend(tables, below, len(tables) - 1, k) for k in kinds]
            if len(picks) > 1:
                split = split or _difference(picks[0].leaves, picks[1].leaves)
            for pick in picks[:1]:
                for name, kind in pick.leaves:
                    if name in self.references:
                        demands.setdefault(name, []).append(kind)
                    elif chosen.setdefault(name, kind) != kind:
                        split = name
                if pick.tie is not None and not split:
                    split = _tie_name(tables, below, *pick.tie)
        scalars = frozenset(n for n, k in chosen.items() if k == "scalar")
        if split in self.references:
            split = next((n for n in self.scope.choices if n in self.free and n in chosen), "")
        return Relaxed(total, scalars, split)


def attempt_types(scope: Scope) -> dict[str, tuple[Kind, object, object]]:
    from matdiff.inference.unify import Solver

    return dict(scope.types(Solver(), ()))


@dataclass(slots=True, eq=False)
class _Pick:
    leaves: list[tuple[str, Kind]]
    tie: tuple[int, tuple[Kind, ...], tuple[Kind, ...]] | None


def _descend(tables: list[Table], below: list[tuple[int, ...]], top: int, kind: Kind) -> _Pick:
    leaves: list[tuple[str, Kind]] = []
    tie = None
    stack = [(top, kind)]
    while stack:
        i, k = stack.pop()
        _, choice, other = tables[i][k]
        if below[i]:
            if other is not None and tie is None:
                tie = (i, choice, other)
            stack.extend(zip(below[i], choice, strict=True))
        elif choice:
            leaves.append((choice, k))
    return _Pick(leaves, tie)


def _tie_name(
    tables: list[Table], below: list[tuple[int, ...]], i: int, one: tuple[Kind, ...], other: tuple[Kind, ...]
) -> str:
    for child, a, b in zip(below[i], one, other, strict=True):
        if a != b:
            return _difference(_descend(tables, below, child, a).leaves, _descend(tables, below, child, b).leaves)
    return ""


def _difference(a: list[tuple[str, Kind]], b: list[tuple[str, Kind]]) -> str:
    """A name that two choices take differently."""
    first = dict(a)
    return next((name for name, kind in b if first.get(name, kind) != kind), "")
