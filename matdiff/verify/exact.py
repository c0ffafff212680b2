"""Exact certificates: identities tested with exact arithmetic at random points over a prime field.

Two rational functions whose difference has a numerator of degree D agree at a random point of the field of
p = 2⁶¹ − 1 elements with probability at most D/p unless they are equal (Schwartz 1980, lemma 1; Zippel 1979).
The derivative comes from dual numbers, so the test uses none of the rules that it tests.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matdiff.calculus.tangent import lowered
from matdiff.core.node import Constant, Node, Symbol, symbols, topological
from matdiff.core.shape import Dim
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.graph.arrays import Array, Sizes, node_shape, whole
from matdiff.graph.rewrite import defined, inline
from matdiff.ops.algebra import add, inner
from matdiff.ops.sets import ORTHOGONAL, SPHERE, STIEFEL, curved_set
from matdiff.verify import degree
from matdiff.verify.algebras import Dual, NotRational, is_known, zeros
from matdiff.verify.dual import Seen, evaluate
from matdiff.verify.field import P, Unlucky, inverse, reciprocal, reduced
from matdiff.verify.sampling import least_size, names
from matdiff.verify.sets import linear_set

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

# Random points over the prime field: matrices of each declared structure, and tangent directions there.


def point(variables: Sequence[Symbol], d: Derivation | None, sizes: Sizes, rng: random.Random) -> dict[Symbol, Dual]:
    """Random values; each dX is a tangent direction at its X and carries no derivative itself."""
    given: dict[Symbol, Dual] = {}
    tangent: dict[Symbol, Array] = {}
    moving = d.directions if d is not None else {}
    for X in variables:
        if X.of is None:
            value, V = draw(X, sizes, rng)
            given[X], tangent[X] = (value, V if X in moving else None), V
            if X in moving:
                given[moving[X]] = V, None
    for dX in variables:
        if dX not in given:
            given[dX] = direction(dX, tangent, sizes, rng), None
    return given


def direction(dX: Symbol, tangent: dict[Symbol, Array], sizes: Sizes, rng: random.Random) -> Array:
    """A tangent direction; on a curved set one at the point that was drawn."""
    X = dX.of
    assert X is not None
    if curved_set(X) is None:
        return draw(X, sizes, rng)[1] if X.body is None else entries(dX, sizes, rng)
    if dX.index or X not in tangent:
        raise NotRational(f"a further direction of {X.name}")
    return tangent[X]


def entries(X: Symbol, sizes: Sizes, rng: random.Random) -> Array:
    return drawn(*node_shape(X, sizes), rng)


def drawn(rows: int, cols: int, rng: random.Random) -> Array:
    return whole([[rng.randrange(P) for _ in range(cols)] for _ in range(rows)])


def draw(X: Symbol, sizes: Sizes, rng: random.Random) -> tuple[Array, Array]:
    """A random value in the set of a variable, and a random tangent direction there."""
    A, V = entries(X, sizes, rng), entries(X, sizes, rng)
    kind = linear_set(X)
    if kind:
        return shaped(kind, A), shaped(kind, V)
    space = curved_set(X)
    if space is None:
        return A, V
    if space is SPHERE:
        return sphere(A, V)
    if space in (ORTHOGONAL, STIEFEL):
        n, p = A.shape
        if n < p:
            raise ValueError("more columns than rows")
        Q, W = rotation(drawn(n, n, rng), drawn(n, n, rng))
        return Q[:, :p], W[:, :p]
    raise NotRational(f"a set of arrays {space.says}")


def shaped(kind: str, A: Array) -> Array:
    if kind == "symmetric":
        return np.tril(A) + np.tril(A, -1).T
    if kind == "skew":
        return reduced(np.tril(A, -1) - np.tril(A, -1).T)
    if kind == "diagonal":
        return np.tril(np.triu(A))
    return np.tril(A) if kind == "lower" else np.triu(A)


def rotation(A: Array, V: Array) -> tuple[Array, Array]:
    """The Cayley transform of a skew matrix, and Q times a skew matrix."""
    S, one = shaped("skew", A), whole(np.eye(len(A), dtype=int))
    Q = reduced((one - S) @ inverse(reduced(one + S))[0])
    return Q, reduced(Q @ shaped("skew", V))


def sphere(u: Array, v: Array) -> tuple[Array, Array]:
    """A rational point of the sphere (stereographic projection), and what of v is orthogonal to it."""
    if u.size == 1:
        return whole([[1]]), zeros((1, 1))
    rest = u[1:]
    square = int((rest * rest).sum()) % P
    scale = reciprocal(1 + square)
    x = reduced(np.vstack([whole([[square - 1]]), 2 * rest]) * scale)
    return x, reduced(v - int((x * v).sum()) % P * x)


TRIALS = 3
TRIES = 60
MAX_NODES = 2000
MAX_EFFORT = 6000
"""Parts of expressions evaluated in vain."""
MAX_WORK = 200_000
"""Multiplications of one evaluation, in Python."""
LARGEST_DEGREE = 10**9
PATTERNS = ((3, 2, 2, 3), (2, 3, 3, 2), (3, 3, 3, 3), (2, 2, 2, 2), (1, 1, 1, 1))


class Certificate(NamedTuple):
    """Does an identity hold over the field?  `holds` is None where that was not decided, and `why` says why.

    degree  bound for the degree of the numerator of the difference
    free    functions that are not rational: their values count as further variables
    """

    holds: bool | None
    degree: int = 0
    trials: int = 0
    free: tuple[str, ...] = ()
    why: str = ""

    @property
    def bound(self) -> float:
        """The probability that a wrong identity passes one trial."""
        return self.degree / P

    def __str__(self) -> str:
        if self.holds is None:
            return f"exact: not decided, {self.why}; the check is in floating point"
        if not self.holds:
            return "exact: the identity does not hold over a prime field"
        treated = f"; {', '.join(self.free)} as free symbols" if self.free else ""
        return (
            f"exact: the identity holds over a prime field (degree {self.degree}, "
            f"error probability below {above(self.bound)} per trial, {self.trials} trials{treated})"
        )


def above(x: float) -> str:
    """One digit, rounded up.

    >>> above(2.6e-18), above(3e-18), above(9.5e-18)
    ('3e-18', '4e-18', '1e-17')
    """
    if x == 0:
        return "1e-18"
    exponent = int(np.floor(np.log10(x)))
    digit = int(x / 10.0**exponent + 1e-12) + 1
    return f"{digit}e{exponent:03d}" if digit < 10 else f"1e{exponent + 1:03d}"


Sides = tuple[list[Node], list[Node]]
"""Derivatives as they are claimed, and the functions whose derivatives they are."""


def certify(d: Derivation, order: int = 1, seed: int = 0, trials: int = TRIALS) -> Certificate:
    """Is the derivative right, exactly?  Compares it with dual numbers along random directions."""
    try:
        claims, functions = sides(d, order)
    except MatdiffError as error:
        return Certificate(None, why=error.message)
    known = (*d.function.variables, *d.directions.values())
    return run(claims, functions, known, d, seed, trials)


def sides(d: Derivation, order: int) -> Sides:
    """⟨G, dX⟩ beside f, dF beside F, or H[dX] beside the gradient."""
    if order == 2:
        bent = next((X for X in d.wrt if curved_set(X, d.affine) is not None), None)
        if bent is not None:
            raise UnsupportedError(f"{bent.name} moves in a curved set")
        G = [d.gradient[X.name] for X in d.wrt] if d.several else [d.gradient]
        return [inline(d.curvature[X]) for X in d.wrt], [g.node for g in G]
    if d.function.kind != "scalar":
        return [d.differential.node], [d.function.node]
    answers = d.gradient if d.several else {d.wrt[0].name: d.gradient}
    terms = [
        inner(lowered(g.node, X, d.affine) if d.metric is None else d.metric @ g.node, dX)
        for g, (X, dX) in zip(answers.values(), d.directions.items(), strict=True)
    ]
    return [add(*terms)], [d.function.node]


def equal(a: Node, b: Node, seed: int = 0, trials: int = TRIALS) -> bool | None:
    """Are two expressions equal, for all values of their symbols?  None where exact arithmetic does not tell."""
    return same(a, b, seed, trials).holds


def same(a: Node, b: Node, seed: int = 0, trials: int = TRIALS) -> Certificate:
    """The certificate that two expressions are equal."""
    if (a.rows, a.cols) != (b.rows, b.cols):
        return Certificate(False)
    return run([a, b], None, tuple(symbols(a, b)), None, seed, trials)


def run(
    claims: list[Node],
    functions: list[Node] | None,
    known: Sequence[Symbol],
    d: Derivation | None,
    seed: int,
    trials: int,
) -> Certificate:
    claims = [defined(n, is_known) for n in claims]
    functions = None if functions is None else [defined(n, is_known) for n in functions]
    roots = claims + (functions or [])
    length = len(topological(*roots))
    if length > MAX_NODES:
        return Certificate(None, why="the expression is too long")
    tries = min(TRIES, MAX_EFFORT // length)
    every = tuple(dict.fromkeys((*known, *symbols(*roots))))
    rng, seen, tally = random.Random(seed), Seen(), Tally(trials)
    sized = degree.sized(roots) or any(curved_set(X.of or X) is not None for X in every)
    bounds: dict[tuple[int, ...], int] = {}
    try:
        for sizes in fields(every, roots):
            tally.sized = True
            try:
                same, varies = trial(claims, functions, every, d, sizes, rng, seen)
            except (Unlucky, ValueError, IndexError):  # singular, or a size too small for an index
                tally.unlucky += 1
                if tally.unlucky > tries:
                    return Certificate(None, why="no random point is in its domain")
                continue
            if not same:
                used = tuple(sorted(seen.free))
                return Certificate(None if used else False, free=used, why=identities(used))
            key = tuple(sizes.values()) if sized else ()
            if key not in bounds:
                bounds[key] = identity_degree(claims, functions, every, d, sizes)
            tally.count(varies, bounds[key] << sum(seen.roots.values()))
            if tally.over and (tally.spent or seen.roots.keys() <= seen.proper):
                break
    except NotRational as error:
        return Certificate(None, why=f"{error} is not rational")
    return verdict(seen, tally)


@dataclass
class Tally:
    """The points that a test has used."""

    wanted: int
    done: int = 0
    flat: int = 0
    unlucky: int = 0
    degree: int = 0
    sized: bool = False

    def count(self, varies: bool, degree: int) -> None:
        self.done += varies
        self.flat += not varies
        self.degree = max(self.degree, degree)

    @property
    def over(self) -> bool:
        """Enough points; those at which both sides are 0 count where there are no others."""
        return self.done >= self.wanted or self.flat >= 4 * self.wanted

    @property
    def spent(self) -> bool:
        return self.done + self.flat >= 8 * self.wanted


def verdict(seen: Seen, tally: Tally) -> Certificate:
    free = tuple(sorted(seen.free))
    if not tally.over:
        why = "no random point is in its domain" if tally.sized else "its sizes are too large for it"
        return Certificate(None, free=free, why=why)
    if not seen.roots.keys() <= seen.proper:
        return Certificate(None, free=free, why="it takes the root of a square, whose sign is not rational")
    if tally.degree > LARGEST_DEGREE:
        return Certificate(None, free=free, why="the degree is too large")
    return Certificate(True, tally.degree, tally.done or tally.flat, free)


def identities(used: Sequence[str]) -> str:
    return f"it may rest on a property of {', '.join(used)}"


def fields(variables: Sequence[Symbol], roots: Sequence[Node]) -> Iterator[dict[str, int]]:
    """Sizes to try, small ones, again and again."""
    wanted = list(dict.fromkeys([*names(variables), *sorted(inner_names(roots))]))
    lift = max(0, max((least_size(r) for r in roots), default=1) - 2)
    rows = [dict(zip(wanted, (p[i % 4] + lift for i in range(len(wanted))), strict=True)) for p in PATTERNS]
    rows += [
        dict(zip(wanted, (2 + lift + (i == j) for i in range(len(wanted))), strict=True)) for j in range(len(wanted))
    ]
    shapes = shapes_of(roots)
    usable: list[dict[str, int]] = []
    for s in rows:
        if fits(variables, shapes, s):
            usable.append(s)
            yield s
    for _ in range(20 * TRIES - 1 if usable else 0):
        yield from usable


def inner_names(roots: Sequence[Node]) -> set[str]:
    """The dimensions that occur in an expression, in the n of I too."""
    found: set[str] = set()
    for node in topological(*roots):
        dims = (node.rows, node.cols, *(node.dims if isinstance(node, Constant) else ()))
        found.update(*(d.names for d in dims))
    return found


Shapes = Mapping[tuple[Dim, Dim], int]
"""The shapes of the parts of an expression, and how many have each."""


def shapes_of(roots: Sequence[Node]) -> Shapes:
    return Counter((n.rows, n.cols) for n in topological(*roots))


def fits(variables: Sequence[Symbol], shapes: Shapes, sizes: Sizes) -> bool:
    """Are all dimensions positive, and small enough for arithmetic in Python?"""
    try:
        if any(min(node_shape(v, sizes)) < 1 for v in variables):
            return False
        work = 0
        for (rows, cols), count in shapes.items():
            r, c = rows.evaluate(sizes), cols.evaluate(sizes)
            if min(r, c) < 0:
                return False
            work += count * r * c * max(r, c)
        return work <= MAX_WORK
    except KeyError:
        return False


def trial(
    claims: list[Node],
    functions: list[Node] | None,
    variables: Sequence[Symbol],
    d: Derivation | None,
    sizes: Sizes,
    rng: random.Random,
    seen: Seen,
) -> tuple[bool, bool]:
    """Do the two sides agree at one random point, and is there anything to see (is it not 0 = 0)?"""
    given = point(variables, d, sizes, rng)
    found = evaluate(claims + (functions or []), given, sizes, seen)
    if functions is None:
        left, right = found[0][0], found[1][0]
        return bool((left == right).all()), bool(right.any())
    pairs = list(zip(found[: len(claims)], found[len(claims) :], strict=True))
    agree = all((reduced(said[0] - slope(f)) == 0).all() for said, f in pairs)
    return bool(agree), any(slope(f).any() or said[0].any() for said, f in pairs)


def slope(u: Dual) -> Array:
    return zeros(u[0].shape) if u[1] is None else u[1]


def identity_degree(
    claims: list[Node],
    functions: list[Node] | None,
    variables: Sequence[Symbol],
    d: Derivation | None,
    sizes: Sizes,
) -> int:
    """A bound for the degree of the numerator of the difference of the two sides."""
    moving = set(d.wrt) if d is not None else set()
    given = {X: (size, size if X in moving else None) for X in variables for size in [symbol_degree(X, sizes)]}
    found = degree.degrees(claims + (functions or []), given, sizes)
    left = [value for value, _ in found[: len(claims)]]
    right = left[1:] if functions is None else [b or (0, 0) for _, b in found[len(claims) :]]
    return max(degree.total(pair)[0] for pair in zip(left, right, strict=False))


def symbol_degree(X: Symbol, sizes: Sizes) -> degree.Degree:
    """Points of curved sets are rational functions of what is drawn."""
    space = curved_set(X.of or X)
    if space is None:
        return degree.ONE
    n = X.rows.evaluate(sizes)
    return (3, 4) if space is SPHERE else (n + 1, n)


__all__ = ["Certificate", "certify", "equal"]
