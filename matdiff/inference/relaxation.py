"""The relaxation behind the search for readings: each occurrence of a name chooses alone, at its share of the cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from matdiff.inference.names import is_greek
from matdiff.inference.options import BARE, NEAR, SCALARS, Reading, Table, options, reading
from matdiff.inference.reading import operands
from matdiff.inference.scope import Scope
from matdiff.inference.types import Root, Solver

LOWER = 1.0
UPPER = 1.001
"""What a matrix that turns scalar costs: of two choices equally many, the lower-case letters are the scalars."""

GREEK_CAPITAL, GREEK, SIGN = 0.8, 0.6, 0.5
"""What Greek letters cost, which are scalars, vectors and matrices alike; and names that lose what their place said."""

Forced = Mapping[str, bool]


class Relaxed(NamedTuple):
    """An optimum of the relaxation: `split` is a name to branch on, or empty where it is consistent and unique."""

    cost: float
    changed: frozenset[str]
    split: str = ""


class Relaxation:
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
        last = {str(t.args[1].value) for root in scope.roots for t in root.plan if t.head == "*"}
        self.arrays = {n for n in scope.turned | last if scope.choices.get(n, "scalar") != "scalar"}
        """Names that look like no scalar: nobody transposes one or writes it as the last factor."""
        self.costs = {n: cost(scope, n) for n in free}
        self.weights = {n: self.costs[n] / k for n, k in occurrences.items()}
        self.fixed = {n: reading(t[0]) for n, t in scope.types(Solver(), ()).items()}

    def solve(self, forced: Forced) -> Relaxed | None:
        """One pass up (tables) and one down (choices); None where no assignment is well formed."""
        roots: dict[str, tuple[list[Table], list[tuple[int, ...]]]] = {}
        total = 0.0
        wanted: list[tuple[Root, list[Reading]]] = []
        for root in self.scope.roots:
            tables, below = self._tables(root, forced, roots)
            roots[root.name] = tables, below
            top = tables[-1]
            if root.parameter:
                top = {k: o for k, o in top.items() if k in SCALARS}
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
            return {self.fixed.get(name, "matrix" if name == "I" else BARE): (0.0, None, None)}
        out: Table = {}
        if not forced.get(name, False):
            out[reading(self.scope.choices[name])] = (0.0, name, None)
        if forced.get(name, True):
            other = self.scope.alternative(name)
            out[reading(other)] = (self.weights[name], name, None)
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
                table = {BARE: (0.0, None, None)}
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
        wanted: list[tuple[Root, list[Reading]]],
        roots: Mapping[str, tuple[list[Table], list[tuple[int, ...]]]],
    ) -> Relaxed:
        """Follow the choices down, through definitions last to first."""
        chosen: dict[str, Reading] = {}
        split = ""
        demands: dict[str, list[Reading]] = {root.name: kinds for root, kinds in wanted}
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
        changed = frozenset(n for n, k in chosen.items() if self.scope.choices[n] != ("scalar" if k == BARE else k))
        if split in self.references:
            split = next((n for n in self.scope.choices if n in self.free and n in chosen), "")
        return Relaxed(total, changed, split)


def cost(scope: Scope, name: str) -> float:
    """What it costs to read a name as what it does not look like."""
    if name in scope.signs:
        return SIGN
    if is_greek(name):
        return GREEK_CAPITAL if scope.choices[name] == "matrix" else GREEK
    return UPPER if scope.choices[name] == "matrix" else LOWER


class _Pick(NamedTuple):
    leaves: list[tuple[str, Reading]]
    tie: tuple[int, tuple[Reading, ...], tuple[Reading, ...]] | None


def _descend(tables: list[Table], below: list[tuple[int, ...]], top: int, kind: Reading) -> _Pick:
    leaves: list[tuple[str, Reading]] = []
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
    tables: list[Table], below: list[tuple[int, ...]], i: int, one: tuple[Reading, ...], other: tuple[Reading, ...]
) -> str:
    for child, a, b in zip(below[i], one, other, strict=True):
        if a != b:
            return _difference(_descend(tables, below, child, a).leaves, _descend(tables, below, child, b).leaves)
    return ""


def _difference(a: list[tuple[str, Reading]], b: list[tuple[str, Reading]]) -> str:
    """A name that two choices take differently."""
    first = dict(a)
    return next((name for name, kind in b if first.get(name, kind) != kind), "")
