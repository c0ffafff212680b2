"""Sums with common factors taken out: scalars, factors on one side, arguments of linear functions, entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import gcd
from typing import Any, NamedTuple

from matdiff.core.cached import cached_property
from matdiff.core.node import Apply, Node, Number, Value, number, topological
from matdiff.core.op import Linear
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import ADD, MATMUL, POWER, SCALE, TRANSPOSE, add, hadamard, power, scale
from matdiff.ops.constants import eye, is_eye, is_ones, ones, zeros_like
from matdiff.ops.elementwise import exp
from matdiff.ops.structure import Diag, vec
from matdiff.printing.length import length
from matdiff.simplify.context import Signs
from matdiff.simplify.terms import (
    NESTED,
    WINDOW,
    Factor,
    Term,
    apart,
    chain,
    entrywise,
    factors,
    join,
    magnitude,
    merged,
    plain,
    split,
)

# Scalar expressions as one quotient: sums of fractions over their common denominator, exp(−s) as 1/exp(s).

MOST = 60
"""Terms of a numerator or a denominator, from which on no quotient is formed."""

Monomial = frozenset[tuple[Node, int]]
Polynomial = dict[Monomial, Value]
Key = frozenset[tuple[Monomial, Value]]
ONE: Monomial = frozenset()


class TooLong(Exception):
    """A polynomial with too many terms."""


class Quotient(NamedTuple):
    """A polynomial in functions and variables, with negative powers too, over powers of polynomials in them."""

    above: Polynomial
    below: Mapping[Key, int]


def quotient(root: Node) -> Node | None:
    """A scalar expression as one quotient; None where it has too many terms."""
    parts: dict[Node, Quotient] = {}
    try:
        for node in topological(root):
            parts[node] = _part(node, parts)
        return _node(parts[root])
    except (TooLong, ZeroDivisionError, OverflowError):
        return None


def _part(node: Node, parts: Mapping[Node, Quotient]) -> Quotient:
    if isinstance(node, Number):
        return Quotient({ONE: node.value} if node.value else {}, {})
    if node.op is ADD:
        return _sum([parts[a] for a in node.children])
    if node.op is SCALE:
        return _product(parts[node.children[0]], parts[node.children[1]])
    if node.op is POWER:
        exponent = node.children[1]
        if isinstance(exponent, Number) and isinstance(exponent.value, int) and abs(exponent.value) <= MOST:
            return _power(parts[node.children[0]], exponent.value)
    if isinstance(node, Apply) and node.op is exp and _negative(node.children[0]):
        return Quotient({frozenset({(exp(scale(number(-1), node.children[0])), -1)}): 1}, {})
    return Quotient({frozenset({(node, 1)}): 1}, {})


def _negative(exponent: Node) -> bool:
    return split(exponent).number < 0


def _times(a: Monomial, b: Monomial, power: int = 1) -> Monomial:
    """a · b^power."""
    total = dict(a)
    for base, exponent in b:
        total[base] = total.get(base, 0) + power * exponent
    return frozenset((base, exponent) for base, exponent in total.items() if exponent)


def _multiplied(a: Polynomial, b: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for m, c in a.items():
        for n, d in b.items():
            key = _times(m, n)
            found[key] = found.get(key, 0) + c * d
    if len(found) > MOST:
        raise TooLong
    return {m: plain(c) for m, c in found.items() if c}


def _raised(a: Polynomial, k: int) -> Polynomial:
    found: Polynomial = {ONE: 1}
    for _ in range(k):
        found = _multiplied(found, a)
    return found


def _product(a: Quotient, b: Quotient) -> Quotient:
    return Quotient(_multiplied(a.above, b.above), Counter(a.below) + Counter(b.below))


def _sum(parts: list[Quotient]) -> Quotient:
    common: Counter[Key] = Counter()
    for part in parts:
        common |= Counter(part.below)
    total: Polynomial = {}
    for part in parts:
        above = part.above
        for key, k in (common - Counter(part.below)).items():
            above = _multiplied(above, _raised(dict(key), k))
        for m, c in above.items():
            total[m] = total.get(m, 0) + c
    return Quotient({m: plain(c) for m, c in total.items() if c}, common)


def _power(a: Quotient, k: int) -> Quotient:
    if k >= 0:
        return Quotient(_raised(a.above, k), {key: k * n for key, n in a.below.items() if k})
    content, number_, rest = _content(a.above)
    flipped: Polynomial = {_times(ONE, content, k): plain(_reciprocal(number_, -k))}
    for key, n in a.below.items():
        flipped = _multiplied(flipped, _raised(dict(key), -k * n))
    return Quotient(flipped, {} if rest == {ONE: 1} else {frozenset(rest.items()): -k})


def _reciprocal(value: Value, k: int) -> Value:
    return (1 / value if isinstance(value, float) else Fraction(1) / value) ** k


def _content(a: Polynomial) -> tuple[Monomial, Value, Polynomial]:
    """A polynomial as a monomial, times the number of its first term, times the rest.  ZeroDivisionError for 0."""
    if not a:
        raise ZeroDivisionError
    least = dict(next(iter(a)))
    for m in a:
        powers = dict(m)
        least = {base: min(e, powers.get(base, 0)) for base, e in {**dict.fromkeys(powers, 0), **least}.items()}
    monomial = frozenset((base, e) for base, e in least.items() if e)
    rest = _ordered({_times(m, monomial, -1): c for m, c in a.items()})
    first = next(iter(rest.values()))
    if any(isinstance(c, float) for c in rest.values()) and len(rest) > 1:
        return monomial, 1, rest
    return monomial, first, {m: plain(_reciprocal(first, 1) * c) for m, c in rest.items()}


def _ordered(a: Polynomial) -> Polynomial:
    """By degree, then by spelling, whatever order a set had."""
    return {m: a[m] for m in sorted(a, key=lambda m: (sum(e for _, e in m), _spelled(m)))}


def _spelled(monomial: Monomial) -> list[tuple[int, str, int]]:
    texts = [(repr(base), e) for base, e in monomial]
    return sorted((len(text), text, e) for text, e in texts)


def _node(q: Quotient) -> Node:
    if not q.above:
        return number(0)
    monomial, first, rest = _content(q.above)
    powers: Counter[Key] = Counter({frozenset(rest.items()): 1})
    if rest == {ONE: 1}:
        powers.clear()
    powers.subtract(q.below)
    node: Node = number(first)
    for key, k in sorted(powers.items(), key=lambda part: sorted(map(str, map(_spelled, dict(part[0]))))):
        node = scale(node, power(_of_polynomial(dict(key)), number(k))) if k else node
    return scale(node, _of_monomial(monomial))


def _of_monomial(monomial: Monomial) -> Node:
    node: Node = number(1)
    for base, exponent in sorted(monomial, key=lambda part: (len(repr(part[0])), repr(part[0]))):
        node = scale(node, power(base, number(exponent)))
    return node


def _of_polynomial(a: Polynomial) -> Node:
    return add(*(scale(number(c), _of_monomial(m)) for m, c in _ordered(a).items()))


BRACKETS = 1
"""Symbols that a factored form may be longer: (A + Aᵀ)x is preferred to Ax + Aᵀx."""
SYMMETRY = 2
"""Symbols that a factored form must save if it hides that a sum is symmetric: u vᵀ + v uᵀ + A shows it."""


def factored(terms: Sequence[Node], known: Known) -> Node:
    """A sum with common factors taken out while that does not make it longer."""
    key = tuple(terms)
    found = known.factored.get(key)
    if found is None:
        found = known.factored[key] = _factored(key, known)
    return found


def _factored(terms: Sequence[Node], known: Known) -> Node:
    current = ordered(_collected(terms, known), known)
    if len(current) > WINDOW:
        return add(*current)
    while len(current) > 1:
        total = Total(current, known)
        for attempt in ATTEMPTS:
            shorter = attempt(total)
            if shorter is None:
                continue
            saved = total.cost - sum(map(length, shorter))
            if saved >= SYMMETRY or (saved >= -BRACKETS and not (total.symmetric and not symmetric(shorter, known))):
                current = ordered(shorter, known)
                break
        else:
            break
    return add(*_collected(current, known))


class Total:
    """The terms of a sum taken apart, once for all that is attempted with them; nothing changes what it holds.

    pieces   each term as number, scalars and core
    parts    the factors of each core, none where there is no core
    """

    def __init__(self, terms: list[Node], known: Known) -> None:
        self.terms = terms
        self.known = known
        self.pieces = [apart(t, known) for t in terms]
        self.parts = [[] if p.core is None else factors(p.core, known) for p in self.pieces]

    @cached_property
    def cost(self) -> int:
        return sum(map(length, self.terms))

    @cached_property
    def symmetric(self) -> bool:
        return symmetric(self.terms, self.known)

    @cached_property
    def aligned(self) -> Total:
        """With each factor that is the negative of one met before turned: (a − b) C + (b − a) D has −(a − b) D."""
        if not any(self._turns(base) for parts in self.parts for base, _ in parts):
            return self
        signs = Signs(self.known)
        turned = []
        for t, piece, parts in zip(self.terms, self.pieces, self.parts, strict=True):
            term = Term(piece.number, piece.scalars)
            signed = [signs.unsigned(p, term) for p in parts]
            if signed != parts:
                term.core = chain(signed)
                t = join(term)
            turned.append(t)
        return self if turned == self.terms else Total(turned, self.known)

    def _turns(self, base: Node) -> bool:
        """May its negative stand for a factor?"""
        bare = base.args[0] if base.op is TRANSPOSE else base
        return bare.op is ADD or (bare is not base and "skew" in self.known(bare))

    def replaced(self, group: list[int], new: Node) -> list[Node]:
        """The terms with a group replaced by one, where its first member stood."""
        return [new if i == group[0] else t for i, t in enumerate(self.terms) if i == group[0] or i not in group]


def symmetric(terms: list[Node], known: Known) -> bool:
    return terms[0].kind == "matrix" and "symmetric" in known(add(*terms))


def _collected(terms: Sequence[Node], known: Known) -> list[Node]:
    """The terms, and those of sums among them, with equal ones in one; 0 where all of them cancel."""
    parts = [p for t in terms for p in (t.children if t.op is ADD and len(t.children) <= NESTED else (t,))]
    alike: dict[object, list[Term]] = {}
    for p in parts:
        term = apart(p, known)
        alike.setdefault(term.key, []).append(term)
    if len(alike) == len(parts):
        return parts
    sums = [Term(sum(t.number for t in same), same[0].scalars, same[0].core) for same in alike.values()]
    return [join(t) for t in sums if t.number != 0] or [zeros_like(terms[0])]


def ordered(terms: list[Node], known: Known) -> list[Node]:
    """A positive term first, if there is one: S − X, not −X + S; Aᵀ behind its A; A + u vᵀ, not u vᵀ + A."""
    if len(terms) == 2 and terms[0].op is TRANSPOSE and terms[0].children[0] is terms[1]:
        return terms[::-1]
    if 1 < len(terms) <= WINDOW and terms[0].kind == "matrix":
        outer = [(core := apart(t, known).core) is not None and known.outer(core) for t in terms]
        if any(outer):
            terms = [t for after in (False, True) for t, o in zip(terms, outer, strict=True) if o is after]
        terms = _beside_transposes(terms)
    if len(terms) > 1 and apart(terms[0], known).number < 0:
        for i, t in enumerate(terms):
            if apart(t, known).number > 0:
                return [t, *terms[:i], *terms[i + 1 :]]
    return terms


def _beside_transposes(terms: list[Node]) -> list[Node]:
    """A + B + Aᵀ as A + Aᵀ + B."""
    turned = {t.children[0]: t for t in terms if t.op is TRANSPOSE and t.children[0] in terms}
    if not turned:
        return terms
    found: dict[Node, None] = {}
    for t in terms:
        pair = (t, turned[t]) if t in turned else (t.children[0], t) if t in turned.values() else (t,)
        found |= dict.fromkeys(pair)
    return list(found)


Attempt = Callable[[Total], list[Node] | None]


def _common_scalars(total: Total) -> list[Node] | None:
    """s A + s B as s (A + B): the scalars and the number that all terms share."""
    shared = _shared_by(total.pieces, total.known)
    return None if shared is None else [shared]


def _shared_by(pieces: Sequence[Term], known: Known) -> Node | None:
    """The sum of some terms, the scalars and the number that all share before it; None where they share none."""
    shared = _shared_exponents([p.scalars for p in pieces])
    shared.number = _common_number(pieces)
    if not shared.scalars and shared.number == 1:
        return None
    inside = []
    for p in pieces:
        term = Term(_divide(p.number, shared.number), dict(p.scalars), p.core)
        for base, exponent in shared.scalars.items():
            term.multiply(base, -exponent)
        inside.append(join(term))
    rest = split(factored(inside, known))
    shared.multiply_all(rest)
    shared.core = rest.core
    return join(shared)


def _common_number(pieces: Sequence[Term]) -> Value:
    """The greatest common divisor of whole numbers, or the size of numbers that differ in sign at most.

    Negative if they all are.
    """
    numbers = [p.number for p in pieces]
    sign = -1 if max(numbers) < 0 else 1
    sizes = [magnitude(n) for n in numbers]
    if sizes.count(sizes[0]) == len(sizes):
        return sign * sizes[0]
    whole = [n for n in sizes if isinstance(n, int)]
    return sign * (gcd(*whole) if len(whole) == len(sizes) else 1)


def _divide(a: Value, b: Value) -> Value:
    if type(b) is int and b == 1:
        return a
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    return plain(Fraction(a) / Fraction(b))


def _common_side(side: int) -> Attempt:
    """A C + B C as (A + B) C (side −1), or C A + C B as C (A + B) (side 0)."""

    def attempt(total: Total) -> list[Node] | None:
        total = total.aligned
        groups: dict[Factor, list[int]] = {}
        for i, p in enumerate(total.parts):
            if p:
                groups.setdefault(p[side], []).append(i)
        group = _largest(groups)
        longer = [i for i in group if len(total.parts[i]) > 1]
        found = [_gathered(total, g, side) for g in (longer, group)[len(longer) == len(group) :]]
        kept = [f for f in found if f is not None]
        return kept[0] if len(kept) == 1 else min(kept, key=_written, default=None)

    return attempt


def _largest(groups: Mapping[Any, list[int]]) -> list[int]:
    return max(groups.values(), key=len, default=[])


def _written(terms: list[Node]) -> int:
    return length(add(*terms))


def _gathered(total: Total, group: list[int], side: int) -> list[Node] | None:
    """The terms with those of a group, which share factors on one side, made one product."""
    parts, pieces, known = total.parts, total.pieces, total.known
    if len(group) < 2 or is_eye(parts[group[0]][side][0]):
        return None
    shared = _overlap([parts[i] for i in group], side)
    if all(len(parts[i]) == len(shared) for i in group):
        scalars = add(*(pieces[i].scalar for i in group))
        return total.replaced(group, scale(scalars, chain(shared)))
    rests = [_without(pieces[i], parts[i], shared, side) for i in group]
    if any(r is None for r in rests):
        return None
    piece = split(factored([r for r in rests if r is not None], known))
    assert piece.core is not None
    rest = factors(piece.core, known)
    piece.core = chain([*rest, *shared] if side else [*shared, *rest])
    joined = join(piece)
    whole = any(len(parts[i]) == len(shared) for i in group)
    if whole and length(joined) + 1 >= _written([total.terms[i] for i in group]):
        return None
    return total.replaced(group, joined)


def _congruence(total: Total) -> list[Node] | None:
    """Aᵀ A − Aᵀ B A as Aᵀ(I − B) A: the terms that a matrix and its transpose enclose, one with nothing between."""
    parts, known = total.parts, total.known
    groups: dict[Node, list[int]] = {}
    for i, p in enumerate(parts):
        ends = len(p) > 1 and p[0][1] == p[-1][1] == 1 and p[0][0].kind == "matrix"
        if ends and p[0][0] is known.transposed(p[-1][0]):
            groups.setdefault(p[0][0], []).append(i)
    left, group = max(groups.items(), key=lambda g: len(g[1]), default=(None, []))
    if left is None or len(group) < 2 or all(len(parts[i]) > 2 for i in group):
        return None
    middles = []
    for i in group:
        core = chain(parts[i][1:-1]) if len(parts[i]) > 2 else eye(left.cols)
        middles.append(join(Term(total.pieces[i].number, total.pieces[i].scalars, core)))
    inside = split(factored(middles, known))
    inside.core = chain([(left, 1), *factors(inside.core or left, known), (known.transposed(left), 1)])
    return total.replaced(group, join(inside))


def _common_function(total: Total) -> list[Node] | None:
    """L(A) + L(B) as L(A + B), for a function linear in an argument and the others alike: kron, ⊙, Diag, Fréchet."""
    groups: dict[object, list[tuple[int, int]]] = {}
    cores = [p.core for p in total.pieces]
    if any(core is not None and core.op is Diag for core in cores):
        cores = [Diag(ones("vector", core.rows)) if core is not None and is_eye(core) else core for core in cores]
    for i, core in enumerate(cores):
        if isinstance(core, Apply) and core.op not in (ADD, MATMUL, SCALE, TRANSPOSE):
            for slot in range(len(core.args)):
                if isinstance(core.op.rule(slot), Linear) and (len(core.args) > 1 or core.op in (Diag, vec)):
                    rest = (*core.args[:slot], None, *core.args[slot + 1 :])
                    groups.setdefault((core.op, rest, core.params), []).append((i, slot))
    group = max(groups.values(), key=len, default=[])
    if len(group) < 2:
        return None
    slot = group[0][1]
    pieces = [total.pieces[i] for i, _ in group]
    first = cores[group[0][0]]
    assert isinstance(first, Apply)
    insides = [cores[i].children[slot] for i, _ in group]  # type: ignore[union-attr]
    outer = split(
        factored([join(Term(p.number, p.scalars, a)) for p, a in zip(pieces, insides, strict=True)], total.known)
    )
    if outer.core is None:
        return None
    args = (*first.args[:slot], outer.core, *first.args[slot + 1 :])
    return total.replaced([i for i, _ in group], join(Term(outer.number, outer.scalars, rebuild(first, args))))


def _same_scalars(total: Total) -> list[Node] | None:
    """2 A + B − 2 C as 2(A − C) + B: the terms that share all of their scalars and the number, up to a sign."""
    groups: dict[object, list[int]] = {}
    for i, p in enumerate(total.pieces):
        if p.core is not None and (p.scalars or abs(p.number) != 1):
            groups.setdefault((magnitude(p.number), frozenset(p.scalars.items())), []).append(i)
    return _shared_among(total, _largest(groups))


def _shared_among(total: Total, group: list[int]) -> list[Node] | None:
    """The terms with what some of them, but not all, share before their sum."""
    if not 1 < len(group) < len(total.terms):
        return None
    shared = _shared_by([total.pieces[i] for i in group], total.known)
    return None if shared is None else total.replaced(group, shared)


def _same_denominator(total: Total) -> list[Node] | None:
    """A/s + B/s + C as (A + B)/s + C, where that is shorter."""
    groups: dict[object, list[int]] = {}
    for i, p in enumerate(total.pieces):
        below = frozenset((b, e) for b, e in p.scalars.items() if e < 0)
        if below:
            groups.setdefault(below, []).append(i)
    found = _shared_among(total, _largest(groups))
    return found if found is not None and _written(found) < _written(total.terms) else None


def _common_entries(total: Total) -> list[Node] | None:
    """a ⊙ b + a ⊙ c as a ⊙ (b + c): the entrywise factors that most terms share; a term that is all shared leaves 1.

    Not in a differential s ⊙ dx − (sᵀdx) s: its matrix Diag(s) − s sᵀ is better than Diag(s)(I − 1 sᵀ).
    """
    terms, pieces, known = total.terms, total.pieces, total.known
    entries = [merged(p.core).scalars if p.core is not None and p.core.kind != "scalar" else {} for p in pieces]
    groups: dict[object, list[int]] = {}
    for i, found in enumerate(entries):
        for base, exponent in found.items():
            groups.setdefault((base, exponent > 0), []).append(i)
    group = _largest(groups)
    if len(group) < 2 or not any(len(entries[i]) > 1 for i in group):
        return None
    shared = _shared_exponents([entries[i] for i in group])
    left = {}
    for i in group:
        rest = Term(scalars=dict(entries[i]))
        for base, exponent in shared.scalars.items():
            rest.multiply(base, -exponent)
        left[i] = Term(pieces[i].number, pieces[i].scalars, entrywise(rest, terms[i]))
    inside = split(factored([join(t) for t in left.values()], known))
    assert inside.core is not None
    inside.core = hadamard(entrywise(shared, terms[group[0]]), inside.core)
    whole = [t for i, t in left.items() if is_ones(t.core or terms[i])]
    if any(known.moving(s) for p in whole for s in p.scalars):
        return None
    if whole and length(join(inside)) >= _written([terms[i] for i in group]):
        return None
    return total.replaced(group, join(inside))


def _shared_exponents(found: list[dict[Node, Value]]) -> Term:
    """What several products have in common: of each base the power nearest to 0, where all signs agree."""
    shared = Term()
    for base in found[0]:
        exponents = [f.get(base, 0) for f in found]
        if all(e > 0 for e in exponents) or all(e < 0 for e in exponents):
            shared.multiply(base, min(exponents, key=magnitude))
    return shared


ATTEMPTS = (
    _common_scalars,
    _congruence,
    _common_side(-1),
    _common_side(0),
    _common_entries,
    _common_function,
    _same_scalars,
    _same_denominator,
)


def _overlap(parts: list[list[Factor]], side: int) -> list[Factor]:
    """The longest run of factors that all products share on one side."""
    shared: list[Factor] = []
    for column in zip(*(reversed(p) if side else p for p in parts), strict=False):
        if any(c != column[0] for c in column):
            break
        shared.append(column[0])
    return shared[::-1] if side else shared


def _without(term: Term, parts: list[Factor], shared: list[Factor], side: int) -> Node | None:
    """The term with the shared factors taken away; a square one that was all shared leaves I."""
    rest = parts[: -len(shared)] if side else parts[len(shared) :]
    if rest:
        core = chain(rest)
    else:
        edge = shared[0][0].rows if side else shared[-1][0].cols
        if shared[0 if side else -1][0].kind not in ("matrix", "vector" if side else "row"):
            return None
        core = eye(edge)
    return join(Term(term.number, term.scalars, core)) if core.kind != "scalar" else None
