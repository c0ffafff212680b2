"""What one run of the normal form remembers, and how it chooses among equal scalars, sums and products."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Apply, Constant, Kind, Node, Number, Symbol, Value, number, topological
from matdiff.core.shape import Dim
from matdiff.graph.properties import Known
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    inner,
    matmul,
    power,
    scale,
    size,
    transpose,
)
from matdiff.ops.constants import is_ones, ones_like, zeros_like
from matdiff.ops.elementwise import abs_, heaviside, real, relu, sign
from matdiff.ops.indexing import entry
from matdiff.ops.linalg import det
from matdiff.ops.reductions import norm, sum_
from matdiff.ops.structure import vec
from matdiff.simplify.terms import (
    BELOW,
    WINDOW,
    Factor,
    Term,
    apart,
    base_and_exponent,
    chain,
    entrywise,
    entrywise_factors,
    factors,
    join,
    merged,
    plain,
    quotients,
    split,
)

# Scalars in normal form: what cancels in a product of them, and what an order among equal ones is decided by.


def spelled(parts: list[Factor]) -> list[tuple[bool, str]]:
    """What a tie between equal orientations is decided by: names in order, differentials last."""
    bases = (b.children[0] if b.op is TRANSPOSE else b for b, _ in parts)
    return [(b.of is not None, b.name) for b in bases if isinstance(b, Symbol)]


def negative(exponent: Node) -> bool:
    """Is a^exponent written 1/a^(−exponent)?"""
    return split(exponent).number < 0


def numbered(term: Node) -> tuple[Value, Node | None]:
    """The number before a term in normal form, and the rest; None where there is none."""
    if isinstance(term, Number):
        return term.value, None
    if term.op is SCALE and isinstance(term.children[0], Number):
        return term.children[0].value, term.children[1]
    return 1, term


def products_apart(term: Term) -> None:
    """√(ab) √(ab) = a b: a product that has come to a whole power is no longer one scalar."""
    for base, exponent in list(term.scalars.items()):
        if base.op is SCALE and isinstance(exponent, int) and base not in (inside := split(base)).scalars:
            del term.scalars[base]
            term.multiply_all(inside.raised(exponent))


def determinants_apart(term: Term) -> None:
    """det(t A)/t = tⁿ⁻¹ det(A), which is defined at t = 0 too."""
    for base, exponent in list(term.scalars.items()):
        if base.op is det and base.children[0].op is SCALE and isinstance(exponent, int) and exponent > 0:
            inside = split(base.children[0])
            if inside.core is not None and any(term.scalars.get(s, 0) < 0 for s in inside.scalars):
                del term.scalars[base]
                for s, k in inside.scalars.items():
                    term.multiply(power(s, scale(number(k), size(inside.core.rows))), exponent)
                term.multiply(det(scale(number(inside.number), inside.core)), exponent)


def signs_away(term: Term) -> None:
    """u sign(u) = |u| and |u| sign(u) = u; the step heaviside(u) before relu(u) is 1 where that is not 0."""
    for base in [b for b in term.scalars if b.op is sign]:
        u = base.children[0]
        for one, other in ((u, abs_(u)), (abs_(u), u)):
            exponent = term.scalars.get(one, 0)
            if exponent and term.scalars.get(base) == 1:
                step = 1 if exponent > 0 else -1
                term.multiply(base, -1)
                term.multiply(one, -step)
                term.multiply(other, step)
    for base in [b for b in term.scalars if b.op is heaviside]:
        positive = term.scalars.get(relu(base.children[0]), 0)
        if positive > 0 and term.scalars[base] > 0:
            del term.scalars[base]


def is_unit(a: Node) -> bool:
    """Is it a column of the identity?"""
    return isinstance(a, Constant) and a.name == "e"


def cancelled(row: Node, column: Node) -> Node | None:
    """1ᵀy = sum(y), eᵢᵀy = y[i] and aᵀ(y ⊙ a⁻¹) = sum(y): an inner product that is less than one, else None."""
    if is_ones(row):
        return size(column.rows) if is_ones(column) else sum_(column)
    if is_ones(column):
        return sum_(row.T)
    for unit, other in ((row.T, column), (column, row.T)):
        if isinstance(unit, Constant) and is_unit(unit):
            return number(int(other is unit)) if is_unit(other) else entry(other, unit.index)
    if not (row.op is TRANSPOSE and (column.op is HADAMARD or row.children[0].op is HADAMARD)):
        return None
    bases = 0
    for part in (row.children[0], column):
        bases += len(entrywise_factors(part))
    entries = merged(row.children[0], column)
    return sum_(entrywise(entries, column)) if len(entries.scalars) <= bases - 2 else None


def transposes(parts: list[Factor]) -> int:
    return sum(b.op is TRANSPOSE for b, _ in parts)


MEETING = frozenset({SCALE, det, sign, heaviside, norm, POWER, *BELOW})
"""The functions of scalars that may cancel or combine with other scalars of a product; all others only add powers."""


class Signs:
    """Sums and their negatives: the one that was met first stands for both."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self._sums: dict[frozenset[tuple[Value, Node | None]], Node] = {}
        self._signs: dict[Node, Node] = {}

    def unsigned(self, part: Factor, term: Term) -> Factor:
        """A factor of which the negative was met before becomes that, its sign going to the term; Wᵀ = −W if skew."""
        base, exponent = part
        bare = base.children[0] if base.op is TRANSPOSE else base
        if bare is not base and "skew" in self.known(bare):
            term.number = -term.number if exponent % 2 else term.number
            return bare, exponent
        if bare.op is not ADD or exponent != 1 or len(bare.children) > WINDOW:
            return part
        met = self._met(bare)
        if met is bare:
            return part
        term.number = -term.number
        return (transpose(met) if bare is not base else met), exponent

    def signed(self, term: Term) -> None:
        """A term whose array is the negative of a sum that was met before has that sum, with the other sign."""
        core = term.core
        if (
            core is not None
            and core.op is ADD
            and len(core.children) <= WINDOW
            and (met := self._met(core)) is not core
        ):
            term.core, term.number = met, -term.number

    def _met(self, total: Node) -> Node:
        """The sum itself, or its negative if that was met before."""
        found = self._signs.get(total)
        if found is None:
            signed = [numbered(t) for t in total.children]
            terms, negative = frozenset(signed), frozenset((-value, core) for value, core in signed)
            found = self._signs[total] = total if terms in self._sums else self._sums.get(negative, total)
            if found is total:
                self._sums[terms] = total
        return found


class Context(Signs):
    """What one run of the normal form remembers: properties, and which of several equal scalars stands for all.

    rebuild    the normal form of an application to arguments in normal form
    multiply   that of a product of two in normal form, of the type of a third
    """

    def __init__(
        self,
        known: Known | None,
        rebuild: Callable[[Context, Apply, tuple[Node, ...]], Node],
        multiply: Callable[[Context, Node, Node, Node], Node],
    ) -> None:
        super().__init__(known or Known())
        self._rebuild = rebuild
        self._multiply = multiply
        self._normal: dict[Node, Node] = {}
        self._scalars: dict[Node, Node] = {}
        self._squares: dict[Node, Node] = {}
        self._totals: dict[tuple[frozenset[tuple[Value, Node | None]], Kind], Node] = {}
        self._exponents: dict[frozenset[tuple[Value, Node | None]], Node] = {}
        self._orders: dict[frozenset[tuple[Node, Value]], dict[Node, Value]] = {}

    def facing(self, a: Node, b: Node) -> Node:
        """⟨A,B⟩ and ⟨B,A⟩ are one scalar: a differential second, else as it was met first."""
        if self.known.moving(a) and not self.known.moving(b):
            a, b = b, a
        here = inner(a, b)
        found = self._scalars.get(here)
        if found is None:
            found = self._scalars[here] = self._scalars[inner(b, a)] = here
        return found

    def join(self, term: Term) -> Node:
        """The node of a term, equal products of scalars always in the same order."""
        if not MEETING.isdisjoint([b.op for b in term.scalars]):
            products_apart(term)
            determinants_apart(term)
            signs_away(term)
            self._squares_away(term)
            quotients(term)
            self._exponents_together(term)
        if len(term.scalars) > 1:
            term.scalars = self._orders.setdefault(frozenset(term.scalars.items()), term.scalars)
        return join(term)

    def _squares_away(self, term: Term) -> None:
        """uᵀu/‖u‖ = ‖u‖, where both are there."""
        for base in [b for b in term.scalars if b.op is norm and b.children[0].kind == "vector"]:
            square = self._squares.get(base)
            if square is None:
                parts = factors(base.children[0], self.known)
                square = self._squares[base] = self.oriented(self.transposed(parts) + parts)
            exponent = term.scalars.get(square, 0)
            if exponent:
                term.multiply(square, -exponent)
                term.multiply(base, 2 * exponent)

    def _exponents_together(self, term: Term) -> None:
        """a · a^(p − 1) = a^p, a^p · a^q = a^(p + q) and a^(−p) = 1/a^p for exponents that are no numbers."""
        raised: dict[Node, list[Node]] = {}
        for b in term.scalars:
            if b.op is POWER:
                raised.setdefault(b.children[0], []).append(b)
        for base, met in raised.items():
            powers = [p for p in met if p in term.scalars and self._opens(p, term.scalars[p])]
            if not powers:
                continue
            times, first = term.scalars.get(base, 0), term.scalars[powers[0]]
            if len(powers) == 1 and not times and first in (1, -1) and not negative(powers[0].children[1]):
                continue
            exponents = [scale(number(term.scalars[p]), p.children[1]) for p in powers]
            like = next((e for e in exponents if e.kind != "scalar"), exponents[0])
            exponents = [scale(e, ones_like(like)) if e.kind != like.kind else e for e in (*exponents, number(times))]
            for p in (base, *powers):
                term.scalars.pop(p, None)
            total = self.exponent(add(*exponents))
            if isinstance(total, Number) or not negative(total):
                term.multiply(*base_and_exponent(power(base, total)))
            else:
                term.multiply(power(base, self.normal(scale(number(-1), total))), -1)

    def _opens(self, inside: Node, exponent: Value) -> bool:
        """Is (a^p)^exponent = a^(p·exponent)?  Not where a may be negative, √(t²) is not t, or complex."""
        base, p = inside.children
        if isinstance(exponent, int) or "nonnegative" in self.known(base):
            return True
        if not all(known(base) for known in real):
            return False
        return isinstance(p, Number) and (not isinstance(p.value, int) or p.value % 2 == 1)

    def exponent(self, total: Node) -> Node:
        """An exponent in normal form, equal sums always in the same order."""
        simple = self.normal(total)
        if simple.op is not ADD:
            return simple
        return self._exponents.setdefault(frozenset(map(numbered, simple.children)), simple)

    def same(self, total: Node) -> Node:
        """The sum with these terms that was met first, whatever its order."""
        if total.op is not ADD or len(total.children) > WINDOW:
            return total
        return self._totals.setdefault((frozenset(map(numbered, total.children)), total.kind), total)

    def scaled(self, term: Term, node: Node) -> Node:
        """A node in normal form times the scalars of a term."""
        piece = apart(node, self.known)
        term.multiply_all(piece)
        term.core = piece.core
        return self.join(term)

    def normal(self, node: Node) -> Node:
        """The normal form of an expression; definitions inside it are left as they are."""
        memo, settled, bare = self._normal, self.known.settled, self.known.bare
        if node not in memo:
            for part in topological(node, into_bodies=False, done=memo):
                if not isinstance(part, Apply):
                    memo[part] = part
                elif (found := settled.get(part)) is not None:
                    memo[part] = found
                else:
                    found = memo[part] = self._rebuild(self, part, tuple([memo[a] for a in part.args]))
                    if bare(part) and bare(found):
                        settled[part] = found
        return memo[node]

    def product(self, a: Node, b: Node) -> Node:
        """The normal form of a product of two in normal form."""
        return self._multiply(self, a, b, matmul(a, b))

    def entrywise(self, entries: Term, like: Node) -> Node:
        """The Hadamard product of powers, equal products always in the same order; vec(A) ⊙ vec(B) is vec(A ⊙ B)."""
        unit = next((b for b, e in entries.scalars.items() if is_unit(b) and e > 0), None)
        if unit is not None:
            return self._at(entries, unit)
        if not MEETING.isdisjoint([b.op for b in entries.scalars]):
            signs_away(entries)
            quotients(entries)
            self._exponents_together(entries)
        self._into_vec(entries)
        if len(entries.scalars) > 1:
            entries.scalars = self._orders.setdefault(frozenset(entries.scalars.items()), entries.scalars)
        return entrywise(entries, like)

    def _at(self, entries: Term, unit: Node) -> Node:
        """u ⊙ eᵢ = uᵢ eᵢ, and eᵢ ⊙ eⱼ = 0."""
        assert isinstance(unit, Constant)
        term = Term(core=unit)
        for base, exponent in entries.scalars.items():
            if not is_unit(base):
                term.multiply(entry(base, unit.index), exponent)
            elif base is not unit and exponent > 0:
                return zeros_like(unit)
        return self.join(term)

    def _into_vec(self, entries: Term) -> None:
        groups: dict[tuple[Dim, Dim], list[Node]] = {}
        for base in entries.scalars:
            if base.op is vec:
                groups.setdefault((base.children[0].rows, base.children[0].cols), []).append(base)
        for bases in groups.values():
            if len(bases) > 1 or entries.scalars[bases[0]] != 1:
                inside = Term()
                for base in bases:
                    exponent = entries.scalars.pop(base)
                    for b, e in merged(base.children[0]).scalars.items():
                        inside.multiply(b, plain(e * exponent))
                total = self.entrywise(inside, bases[0].children[0])
                if not is_ones(total):
                    entries.multiply(vec(total), 1)

    def oriented(self, parts: list[Factor]) -> Node:
        """xᵀAy and yᵀAᵀx are one scalar: fewer transposes, or names in order; of a unit u, uᵀu is 1."""
        here = chain(parts)
        found = self._scalars.get(here)
        if found is None and len(parts) == 2 and parts[0][0].T is parts[1][0] and "unit" in self.known(parts[1][0]):
            found = self._scalars[here] = number(1)
        if found is None and len(parts) == 2 and parts[0][0].T.op is vec and parts[1][0].op is vec:
            found = self._scalars[here] = self._paired(parts[0][0].T.children[0], parts[1][0].children[0])
        if found is None and len(parts) == 2 and (total := cancelled(parts[0][0], parts[1][0])) is not None:
            found = self._scalars[here] = self.total(total.children[0]) if total.op is sum_ else total
        if found is None:
            flipped = self.transposed(parts)
            there = chain(flipped)
            turn = (transposes(flipped), spelled(flipped)) < (transposes(parts), spelled(parts))
            found = there if turn else here
            self._scalars[here] = self._scalars[there] = found
        return found

    def total(self, a: Node) -> Node:
        """The sum of all entries, 1 for a point of the simplex, as softmax(u) is."""
        return number(1) if "simplex" in self.known(a) else sum_(a)

    def _paired(self, a: Node, b: Node) -> Node:
        """vec(A)ᵀ vec(B) = ⟨A, B⟩."""
        node = inner(a, b)
        fits = a.cols is b.cols and isinstance(node, Apply)
        return self._rebuild(self, node, (a, b)) if fits else vec(a).T @ vec(b)  # type: ignore[arg-type]

    def cyclic(self, parts: list[Factor]) -> Node:
        """tr(AB), tr(BA) and their transposes are one scalar: the core that was met first, fewest transposes."""
        while len(parts) > 2 and parts[0][0] is parts[-1][0] and parts[0][0].rows is parts[0][0].cols:
            (base, i), *middle, (_, j) = parts
            parts = [(base, i + j), *middle] if i + j else middle
        rotations = [parts[i:] + parts[:i] for i in range(len(parts))]
        rotations = [r for r in rotations if r[0][0].rows is r[-1][0].cols]
        best = min((transposes(r), i) for i, r in enumerate(rotations))[1]
        chosen = min(rotations[best], self.transposed(parts), key=self._turns)
        first = chain(chosen)
        found = self._scalars.get(first, first)
        for r in rotations + [self.transposed(r) for r in rotations]:
            found = self._scalars.setdefault(chain(r), found)
        return found

    def _turns(self, parts: list[Factor]) -> tuple[int, bool]:
        """Transposes in a product, and whether a differential is transposed."""
        return transposes(parts), any(b.op is TRANSPOSE and self.known.moving(b) for b, _ in parts)

    def transposed(self, parts: list[Factor]) -> list[Factor]:
        return [(self.known.transposed(b), e) for b, e in reversed(parts)]
