"""Unknown dimensions: equations between polynomials, solved where one unknown is linear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import gcd

from matdiff.core.node import Kind
from matdiff.core.shape import ONE, Coefficient, Dim, Monomial, triangle_side
from matdiff.text.tree import Tree

Type = tuple[Kind, Dim, Dim]

UNKNOWN: dict[Dim, int] = {}
"""Every unknown `?0`, `?1`, … with its age; shared by all solvers, and never shown."""

_unknowns: list[Dim] = []


def unknown(i: int) -> Dim:
    while i >= len(_unknowns):
        fresh = Dim.of(f"?{len(_unknowns)}")
        UNKNOWN[fresh] = len(_unknowns)
        _unknowns.append(fresh)
    return _unknowns[i]


class Solver:
    """Bindings of unknowns.  Names of the user's are rigid, and no unknown becomes 1 but the size of I."""

    __slots__ = ("bind", "count", "deferred", "place", "small")

    def __init__(self) -> None:
        self.bind: dict[Dim, Dim] = {}
        self.count = 0
        self.deferred: list[tuple[Dim, Dim, object]] = []
        self.place: object = None
        self.small: set[Dim] = set()
        """Unknowns that may become 1: sizes of I that are no variable's."""

    def fresh(self, small: bool = False) -> Dim:
        self.count += 1
        made = unknown(self.count - 1)
        if small:
            self.small.add(made)
        return made

    def equate(self, a: Dim, b: Dim) -> bool:
        """Make a = b hold; False where it cannot.  Equations that are not yet decided wait for `settle`."""
        if a is b:
            return True
        bind = self.bind
        if a in bind:
            a = self.root(a)
        if b in bind:
            b = self.root(b)
        if a is b:
            return True
        if a in UNKNOWN:
            if b in UNKNOWN:
                if UNKNOWN[a] < UNKNOWN[b]:
                    a, b = b, a
                if a not in self.small:
                    self.small.discard(b)
            elif b is ONE:
                if a not in self.small:
                    return False
            elif not _plain(b):
                return self._solve(a, b)
            bind[a] = b
            return True
        if b in UNKNOWN and _plain(a):
            if a is ONE and b not in self.small:
                return False
            bind[b] = a
            return True
        return self._solve(a, b)

    def root(self, d: Dim) -> Dim:
        """Where the bindings of a single unknown lead; the way is shortened for the next time."""
        bind = self.bind
        end = d
        while end in bind:
            end = bind[end]
        while (after := bind.get(d)) is not None and after is not end:
            bind[d] = end
            d = after
        return end

    def value(self, d: Dim) -> Dim:
        """The dimension with all that is known put in."""
        d = self.root(d)
        while d.names and d not in UNKNOWN:
            known = {n: self.root(u) for n in d.names if (u := Dim.of(n)) in self.bind}
            if not known:
                break
            d = d.substitute(known)
        return d

    def settle(self) -> tuple[Dim, Dim, object] | None:
        """Retry what waits until nothing moves; the first equation that fails or stays undecided."""
        before = -1
        while self.deferred and len(self.deferred) != before:
            before = len(self.deferred)
            waiting, self.deferred = self.deferred, []
            for a, b, place in waiting:
                self.place = place
                if not self.equate(a, b):
                    return a, b, place
        return self.deferred[0] if self.deferred else None

    def _solve(self, a: Dim, b: Dim) -> bool:
        left, right = self.value(a), self.value(b)
        for side, other in ((left, right), (right, left)):
            inside = triangle_side(side) if len(side.terms) == 2 else None
            if inside in UNKNOWN and (other.number is not None or triangle_side(other) is not None):
                found = triangle_side(other)
                return found is not None and self._bound(inside, found)
        if (left is ONE) is not (right is ONE):
            return False
        terms = _reduced((left - right).terms)
        if not terms:
            return True
        unknowns = {n for m, _ in terms for n in m if n[0] == "?"}
        if not unknowns or all(c > 0 for _, c in terms) or all(c < 0 for _, c in terms):
            return False
        for m, c in terms:
            if len(m) == 1 and m[0] in unknowns and abs(c) == 1 and sum(m[0] in other for other, _ in terms) == 1:
                rest = Dim.collect({other: -c * k for other, k in terms if other != m})
                if rest is ONE or (rest.number is not None and rest.number < 1):
                    return False
                if all(k > 0 for _, k in rest.terms):
                    self.bind[Dim.of(m[0])] = rest
                    return True
        self.deferred.append((left, right, self.place))
        return True

    def _bound(self, a: Dim, b: Dim) -> bool:
        """The side of a triangle with so many entries: the one unknown that may be 1."""
        if b is ONE:
            self.bind[a] = b
            return True
        return self.equate(a, b)


def _plain(d: Dim) -> bool:
    """A number or a multiple of one name: nothing an unknown could hide in."""
    return not d.terms or (len(d.terms) == 1 and (not d.terms[0][0] or (d.name is not None and d not in UNKNOWN)))


def _reduced(terms: Iterable[tuple[Monomial, Coefficient]]) -> list[tuple[Monomial, Coefficient]]:
    """Common factors taken out: dimensions are positive, so m·k = m·n says k = n."""
    out = list(terms)
    if len(out) < 2:
        return out
    whole = [c for _, c in out if isinstance(c, int)]
    factor = gcd(*whole) if len(whole) == len(out) else 1
    common = Counter(out[0][0])
    for m, _ in out[1:]:
        common &= Counter(m)
    return [(tuple(sorted((Counter(m) - common).elements())), c if factor == 1 else c // factor) for m, c in out]


@dataclass(slots=True, eq=False, repr=False)
class Root:
    """A definition, or the function (name ""), as a list of trees, arguments before their user."""

    name: str
    tree: Tree
    plan: list[Tree]
    parameter: str = ""
    span: tuple[int, int] = (0, 0)
    uses: set[str] = field(default_factory=set)


class Checking:
    """What is known while trees are typed: of names, a solver, and the size of each bare `I` and `vector(1)`."""

    def __init__(
        self,
        env: dict[str, Type],
        solver: Solver,
        functions: Mapping[str, object],
        dividing: frozenset[str] = frozenset(),
    ) -> None:
        self.env = env
        self.solver = solver
        self.functions = functions
        self.dividing = dividing
        self.loose: dict[Tree, tuple[Dim, ...]] = {}
        self.types: dict[Tree, Type] | None = None
        """The type of every tree, where they are asked for."""
        self.spread: list[Tree] = []
        """The sums that add a scalar to every entry."""

    def same(self, a: Type, b: Type) -> bool:
        if a[0] != b[0] and not self.solver.small.isdisjoint((a[1], b[1])):
            return False
        return (a[1] is b[1] or self.solver.equate(a[1], b[1])) and (a[2] is b[2] or self.solver.equate(a[2], b[2]))
