"""What the place of an undeclared name tells of it, where its letter tells something else.

The θ of θᵀAθ is a vector and the Σ of log det Σ a matrix, though Greek letters are scalars by their looks; the N of
-N/2*logdet(S) is a number, though capitals are matrices.  What is found here is a preference: where the expression
does not fit with it, the search for readings (`kinds`) goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from matdiff.core.cached import cached_property
from matdiff.core.node import Kind
from matdiff.core.op import Record, words
from matdiff.core.shape import Dim
from matdiff.inference.calls import anatomy, elementwise, records
from matdiff.inference.check import Checker
from matdiff.inference.literals import size
from matdiff.inference.misfit import Misfit
from matdiff.inference.names import CONSTANTS, is_greek
from matdiff.inference.options import BARE, Reading, Table, kind_of, options, reading
from matdiff.inference.reading import operands, postorder
from matdiff.inference.special import SPECIAL
from matdiff.inference.types import UNKNOWN, Root, Solver, Type
from matdiff.text.tree import Tree, walk

# The last resort before sizes are called undecided: equations read factor by factor, as a mathematician does.
#
# `tr(A ⊗ B)` says only m·p = n·q; what is meant is that A and B are square.  `K(m,n) vec(A)` says m·n = p·q,
# and A is m×n.

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


ARRAYS = frozenset({"vector", "row", "matrix"})
CARRIERS = frozenset({"*", "/", "neg", "over"})
"""What a factor is part of."""

PLACES = CARRIERS | {"+", "^", ".^"}
"""Where numbers stand."""

TRANSPOSED = "it stands transposed"
BEHIND = "it stands behind a matrix"
BEHIND_ROW = "it stands behind a row"
BETWEEN = "it stands between matrices"
DIVIDES = "it only divides"
MULTIPLIES = "it only multiplies scalars"


class Sign(NamedTuple):
    """The kind that a place speaks for, and why."""

    kind: Kind
    why: str

    @property
    def weak(self) -> bool:
        """Whether the letter's own kind is possible in this place."""
        return self.why in (BEHIND, BEHIND_ROW, BETWEEN, DIVIDES, MULTIPLIES)


def countable(roots: Sequence[Root], choices: Mapping[str, Kind]) -> set[str]:
    """Capitals that may be numbers: not beside the letter of an array, and only where factors and divisors stand.

    Nearly all are left out here, which is quick.
    """
    names = {n for n, kind in choices.items() if kind == "matrix"}
    for root in roots if names else ():
        for t in root.plan:
            for a in t.args:
                if a.head == "name" and a.value in names and _array_here(t, a, choices):
                    names.discard(str(a.value))
                    if not names:
                        return names
    return {n for n in names if not is_greek(n)}


def _array_here(user: Tree, a: Tree, choices: Mapping[str, Kind]) -> bool:
    head = user.head
    if head == "*":
        return _array_at_sight(user.args[user.args[0] is a], choices)
    if head == "+":
        return any(_array_at_sight(t, choices) for t in user.args if t is not a)
    if head == "call":
        return not _entrywise_at_sight(user)
    return head not in PLACES


def _array_at_sight(t: Tree, choices: Mapping[str, Kind]) -> bool:
    """Whether the letters at the end of a factor or a term tell that it is an array; False where more is to be read."""
    while True:
        head = t.head
        if head == "name":
            return t.value == "I" or choices.get(str(t.value), "scalar") != "scalar"
        if head in ("neg", "/") or (head == "call" and _entrywise_at_sight(t)):
            t = t.args[0]
        elif head == "*":
            left, right = t.args
            if right.head == "'" or right.value == "I" or choices.get(str(right.value)) == "matrix":
                return True
            if right.head == "name" and left.head != "name":
                return False
            t = left
        else:
            return head == "'"


def _entrywise_at_sight(call: Tree) -> bool:
    found = words.get(str(call.value), ())
    return bool(found) and all(getattr(r, "elementwise", False) for r in found)


class Evidence:
    """The signs of a program; `kinds` gives those of its names by looks and declarations, `choices` are what is open.

    `capitals` are those of them that may be numbers (`countable`).
    """

    def __init__(
        self,
        roots: Sequence[Root],
        kinds: Callable[[], dict[str, Kind]],
        choices: Mapping[str, Kind],
        capitals: set[str],
        functions: Collection[str],
        text: str,
    ) -> None:
        self.roots = roots
        self._kinds = kinds
        self.functions = functions
        self.text = text
        self.greek = {n for n, k in choices.items() if k == "scalar"}
        self.capitals = capitals
        self.signs: dict[str, Sign] = {}
        self.doubts: set[str] = set()
        """Greek letters that stay scalars between a row and a vector, where a matrix fits as well."""
        self._parents: dict[Tree, Tree] = {}
        self._types: dict[Tree, Reading | None] = {}

    def found(self) -> dict[str, Sign]:
        """The kind of each name whose place speaks against its letter."""
        if self.greek:
            self._greek()
        if self.capitals:
            self._capitals()
        return self.signs

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The kinds of names, those that a sign speaks for included."""
        return self._kinds()

    def _greek(self) -> None:
        trees = [t for root in self.roots for t in root.plan]
        only = self._made_of_greek(trees)
        for t in trees:
            for operand, sign in self._wanted(t):
                if operand in only:
                    self._mark(operand, sign)
        self._types.clear()
        for t in trees:
            if t.head == "*" and t.args[1].head in ("name", "+", "neg") and t.args[1] in only:
                self._behind(t)

    def _made_of_greek(self, trees: Sequence[Tree]) -> set[Tree]:
        """Trees all of whose names are undeclared Greek letters, with at least one."""
        greek: set[Tree] = set()
        numbers: set[Tree] = set()
        for t in trees:
            if t.head == "name":
                if t.value in self.greek:
                    greek.add(t)
            elif not t.args:
                numbers.add(t)
            elif all(a in greek or a in numbers for a in t.args) and t.head not in ("'", "norm", "inner", "index"):
                (numbers if all(a in numbers for a in t.args) else greek).add(t)
        return greek

    def _wanted(self, t: Tree) -> Iterator[tuple[Tree, Sign]]:
        """Operands that nobody writes for a scalar, and what they are instead."""
        if t.head == "'":
            yield t.args[0], Sign("vector", TRANSPOSED)
        elif t.head == "norm":
            yield t.args[0], Sign("vector", "a norm is taken of it")
        elif t.head == "index":
            yield t.args[0], Sign("vector" if len(t.args) == 2 else "matrix", "it has entries")
        elif t.head == "inner" or (t.head == ".*" and ".*" not in self.text[t.args[0].span[1] : t.args[1].span[0]]):
            for one, other in (t.args, t.args[::-1]):
                beside = self.type_of(other)
                if t.head == "inner" or beside in ARRAYS:
                    yield one, Sign("matrix" if beside == "matrix" else "vector", "such products are of arrays")
        elif t.head == "call" and t.value not in self.functions and t.value not in CONSTANTS | SPECIAL.keys():
            fitting = records(str(t.value), t.args)
            for i, operand in enumerate(operands(t)):
                if (wanted := _array(fitting, i)) is not None:
                    yield operand, Sign(wanted, f"{t.value} is taken of it")

    def _mark(self, tree: Tree, sign: Sign) -> None:
        """The names that make a tree of Greek letters what the sign says: every term, the last factor, the base."""
        waiting = [tree]
        while waiting:
            t = waiting.pop()
            if t.head == "name":
                if t.value in self.greek and (sign.kind == "matrix" or t.value not in self.signs):
                    self.signs[str(t.value)] = sign
                    self.kinds[str(t.value)] = sign.kind
            elif t.head in ("+", "neg", "call") or (t.head == "*" and sign.kind == "matrix"):
                waiting.extend(t.args)
            elif t.head == "*":
                waiting.append(t.args[1])
            elif t.head in ("/", ".^") or (t.head == "^" and sign.kind == "matrix"):
                waiting.append(t.args[0])

    def _behind(self, product: Tree) -> None:
        """X β, the last factor; A ρ B."""
        left, letter = product.args
        before = self.type_of(left)
        if before not in ("matrix", "row"):
            return
        user = self._parent(product)
        if user is None or user.head != "*" or user.args[0] is not product:
            self._mark(letter, Sign("vector", BEHIND if before == "matrix" else BEHIND_ROW))
            return
        after = self.type_of(user.args[1])
        if before == after == "matrix":
            self._mark(letter, Sign("matrix", BETWEEN))
        elif after in ("vector", "matrix") and letter.head == "name":
            self.doubts.add(str(letter.value))

    def _capitals(self) -> None:
        """Capitals all of whose places are those of a number."""
        why: dict[str, str] = {}
        for root in self.roots:
            for t in root.plan:
                if t.head == "name" and t.value in self.capitals:
                    name = str(t.value)
                    found = self._number(t)
                    if found:
                        why.setdefault(name, found)
                    else:
                        self.capitals.discard(name)
                        why.pop(name, None)
        for name, reason in why.items():
            self.signs[name] = Sign("scalar", reason)

    def _number(self, leaf: Tree) -> str:
        """Why a capital in this place is a number: it divides, or multiplies what is one; else an empty string."""
        t, counts = leaf, False
        while (user := self._parent(t)) is not None and user.head in CARRIERS:
            if user.head == "/" and user.args[1] is t:
                return DIVIDES if self._quotient(user) else ""
            if user.head == "*":
                other = user.args[user.args[0] is t]
                if self.type_of(other) not in ("scalar", BARE):
                    return ""
                counts = counts or self.type_of(other) == "scalar"
            t = user
        if user is not None and self._divides(t):
            return DIVIDES
        return MULTIPLIES if counts and (user is None or user.head == "+" or self._entrywise(user)) else ""

    def _divides(self, t: Tree) -> bool:
        """Whether a sum, a power or a root of the letter divides: …/(N - 1), …/sqrt(N)."""
        while (user := self._parent(t)) is not None:
            if user.head == "/" and user.args[1] is t:
                return self._quotient(user)
            if user.head not in PLACES and not self._entrywise(user):
                return False
            t = user
        return False

    def _quotient(self, t: Tree) -> bool:
        """Not A/B and 1/X, of which nobody knows; but norm(x)^2/N and 1/N*norm(x)^2."""
        above = t.args[0]
        if above.head not in ("name", "number"):
            return True
        while (user := self._parent(t)) is not None and user.head in CARRIERS:
            if user.head == "*" and user.args[user.args[0] is t].head not in ("name", "number"):
                return True
            t = user
        return False

    def _entrywise(self, t: Tree) -> bool:
        return t.head == "call" and len(t.args) == 1 and elementwise(str(t.value))

    def _parent(self, t: Tree) -> Tree | None:
        if not self._parents:
            self._parents = {a: user for root in self.roots for user in root.plan for a in operands(user)}
        return self._parents.get(t)

    def type_of(self, t: Tree) -> Reading | None:
        """The kind of a tree by those of its names, BARE for a scalar without any array in it; None where none fits."""
        if t.head == "name":
            return reading(self.kinds.get(str(t.value), "matrix" if t.value == "I" else "scalar"))
        if t.head == "number":
            return BARE
        if t not in self._types:
            self._fill()
        return self._types[t]

    def _fill(self) -> None:
        """The kinds of all trees, in one pass."""
        for root in self.roots:
            for t in root.plan:
                if t.head == "name" and t.value == root.parameter:
                    self._types[t] = BARE
                elif t.head in ("name", "number"):
                    self._types[t] = self.type_of(t)
                else:
                    below = [self._types[a] for a in operands(t)]
                    self._types[t] = _result(t, below, self.functions)
            if root.name and not root.parameter and (made := self._types[root.tree]) is not None:
                self.kinds[root.name] = kind_of(made)


def _result(t: Tree, below: Sequence[Reading | None], functions: Collection[str]) -> Reading | None:
    tables: list[Table] = [{} if kind is None else {kind: (0.0, None, None)} for kind in below]
    made = options(t, tables, functions)
    return min(made, key=lambda kind: made[kind][0], default=None)


def _array(fitting: Sequence[Record], i: int) -> Kind | None:
    """What all functions of a name want as an argument, where that is no scalar."""
    if not fitting or all(anatomy(r.signature)[1] is None for r in fitting):
        return None
    specs = [anatomy(r.signature)[0][i] for r in fitting]
    if any(spec == () for spec in specs):
        return None
    return "matrix" if all(spec is not None and len(spec) == 2 for spec in specs) else "vector"
