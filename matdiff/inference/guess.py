"""The last resort before sizes are called undecided: equations read factor by factor, as a mathematician does.

`tr(A ⊗ B)` says only m·p = n·q; what is meant is that A and B are square.  `K(m,n) vec(A)` says m·n = p·q,
and A is m×n.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from matdiff.core.shape import Dim
from matdiff.inference.check import Checker
from matdiff.inference.literals import size
from matdiff.inference.misfit import Misfit
from matdiff.inference.reading import postorder
from matdiff.inference.types import UNKNOWN, Solver, Type
from matdiff.text.tree import Tree, walk

Side = Literal["rows", "cols"]
OTHER: dict[Side, Side] = {"rows": "cols", "cols": "rows"}
LARGEST = 2_000
"""Largest tree that is taken apart."""


class Guess:
    def __init__(self, env: dict[str, Type], solver: Solver, functions: Mapping[str, object]) -> None:
        self.env = env
        self.solver = solver
        self.functions = functions

    def settle(self) -> tuple[Dim, Dim, object] | None:
        """As Solver.settle, reading what stays undecided."""
        while True:
            stuck = self.solver.settle()
            undecided = stuck is not None and self.solver.deferred and stuck is self.solver.deferred[0]
            if stuck is None or not undecided or not self._decide(*stuck):
                return stuck

    def _decide(self, a: Dim, b: Dim, place: object) -> bool:
        assert isinstance(place, Tree)
        pairs = list(self._structural(place)) if sum(1 for _ in walk(place)) <= LARGEST else []
        known = len(self.solver.bind)
        for left, right in pairs or list(self._by_age(a, b)):
            if not self.solver.equate(left, right):
                return False
        return len(self.solver.bind) > known

    def _by_age(self, a: Dim, b: Dim) -> Iterator[tuple[Dim, Dim]]:
        """A product of unknowns on each side, equally many: in the order in which they came up."""
        left, right = self.solver.value(a), self.solver.value(b)
        if len(left.terms) == len(right.terms) == 1 and left.terms[0][1] == right.terms[0][1]:
            one, other = (sorted(map(Dim.of, d.terms[0][0]), key=lambda u: UNKNOWN.get(u, 0)) for d in (left, right))
            if len(one) == len(other) and all(u in UNKNOWN for u in (*one, *other)):
                yield from zip(one, other, strict=True)

    def _structural(self, place: Tree) -> Iterator[tuple[Dim, Dim]]:
        """Equal sides of the operands, each as a product of factors in the order of vec."""
        if place.head == "block":
            yield from self._columns(place)
            return
        sides: list[tuple[Tree, Side, Tree, Side]] = []
        if place.head in ("*", "@", "\\") and len(place.args) == 2:
            sides = [(place.args[0], "cols", place.args[1], "rows")]
        elif place.head in ("+", ".+", ".*", "./", "inner"):
            first, *others = place.args
            sides = [(first, side, other, side) for other in others for side in ("rows", "cols")]
        elif place.args and place.args[0].head == "block":
            yield from self._diagonal(place.args[0])
        elif place.args:
            sides = [(place.args[0], "rows", place.args[0], "cols")]
        for one, at, other, where in sides:
            left, right = self.factors(one, at), self.factors(other, where)
            if len(left) == len(right) > 1:
                yield from zip(left, right, strict=True)

    def _columns(self, block: Tree) -> Iterator[tuple[Dim, Dim]]:
        """Blocks above each other are equally wide, where the rows have equally many."""
        first, *others = (row.args for row in block.args)
        for row in others:
            if len(row) == len(first):
                for above, below in zip(first, row, strict=True):
                    a, b = self.type_of(above), self.type_of(below)
                    if a is not None and b is not None:
                        yield a[2], b[2]

    def _diagonal(self, block: Tree) -> Iterator[tuple[Dim, Dim]]:
        """A square matrix of equally many rows and columns of blocks has square ones on its diagonal."""
        first = block.args[0].args
        if len(first) == len(block.args):
            heights = [self.type_of(row.args[0]) for row in block.args]
            for tall, wide in zip(heights, map(self.type_of, first), strict=True):
                if tall is not None and wide is not None:
                    yield tall[1], wide[2]

    def factors(self, tree: Tree, side: Side) -> list[Dim]:
        """A side of a matrix as the factors of its length, the fastest running first; one factor for anything plain."""
        out: list[Dim] = []
        stack: list[tuple[Tree, Side]] = [(tree, side)]
        while stack:
            t, at = stack.pop()
            if t.head in ("neg", "+", "/"):
                stack.append((t.args[0], at))
            elif t.head == "'":
                stack.append((t.args[0], OTHER[at]))
            elif t.head == "*":
                outer, inner = t.args if at == "rows" else reversed(t.args)
                stack.append((inner if self._kind(outer) == "scalar" else outer, at))
            elif t.head == "⊗" or (t.value == "kron" and len(t.args) == 2):
                stack += [(a, at) for a in t.args]
            elif t.value == "K" and len(t.args) == 2:
                sizes = [size(a) for a in t.args]
                out += sizes if at == "cols" else reversed(sizes)
            else:
                out += self._plain(t, at)
        return out

    def _plain(self, t: Tree, at: Side) -> list[Dim]:
        if t.head == "call" and t.value == "vec" and at == "rows" and len(t.args) == 1:
            of = self.type_of(t.args[0])
            return [] if of is None else [of[1], of[2]]
        found = self.type_of(t)
        return [] if found is None else [found[1] if at == "rows" else found[2]]

    def _kind(self, t: Tree) -> str:
        found = self.type_of(t)
        return "" if found is None else found[0]

    def type_of(self, t: Tree) -> Type | None:
        try:
            return Checker(self.env, self.solver, self.functions).plan(postorder(t))
        except Misfit:
            return None
