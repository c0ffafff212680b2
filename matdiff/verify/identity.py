"""Are two expressions the same function?  If not, the smallest arrays of whole numbers at which they differ.

Exact arithmetic over a prime field decides where both are rational (verify/exact.py); random points inside the domain
do elsewhere.  A counter-example is looked for at sizes 1, 2, … and, at each, at arrays whose entries sum to 0, 1, 2, …
in absolute value, so that it can be checked by hand; what it shows is computed again before it is told.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import combinations, islice, pairwise, permutations, product
from typing import Any

import numpy as np

from matdiff.codegen import compile_
from matdiff.codegen.evaluate import evaluate
from matdiff.core.clock import thread_time
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbols, topological
from matdiff.errors import MatdiffError
from matdiff.graph.arrays import node_shape, whole
from matdiff.graph.rewrite import inline, rebuild
from matdiff.ops.algebra import ADD, is_op
from matdiff.ops.sets import LINEAR
from matdiff.verify import dual, sampling
from matdiff.verify.algebras import NotRational
from matdiff.verify.exact import Certificate, fits, inner_names, same, shapes_of
from matdiff.verify.field import P, Unlucky
from matdiff.verify.ridges import sized
from matdiff.verify.sets import Array, linear_set, project, shape_of
from matdiff.verify.unknown import Bare, concrete

LARGEST = 3
"""Sizes are tried up to this, or up to the largest index that the expressions ask for."""
ENTRIES = 400
"""Entries of all variables together; nobody checks more by hand."""
WEIGHT = 6
"""Entries are tried exhaustively up to this sum of absolute values."""
TRIES = 6000
"""Points at one choice of sizes."""
WORK = 600_000
"""Points of a whole search times parts of the expressions."""
POINTS = 40
"""Random points where exact arithmetic does not decide."""
ENOUGH = 3
"""Fewer of them say nothing."""
DRAWS = 60
"""Random arrays of whole numbers at one choice of sizes, made smaller where one shows a difference."""
SECONDS = 4.0
"""How long functions that are slow to evaluate are looked at."""
SHAKES = 4
"""Times that a difference is compared with rounding: among thousands of points one may find little of it by chance."""
CLOSE = 1e-9
FAINT = 1e-9
"""A smaller difference, of terms of order 1, may be rounding."""

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Difference:
    """Arrays, a number or an array for each variable, and the two values there; `whole`: all entries are integers.

    `beside` are the sizes that no array shows, as the n of I.
    """

    arrays: Arrays
    left: Array
    right: Array
    sizes: Mapping[str, int]
    beside: Mapping[str, int]
    whole: bool = True


@dataclass(frozen=True)
class Comparison:
    """equal is None where no point was found at which both are defined; `points` random ones were compared."""

    equal: bool | None
    certificate: Certificate
    difference: Difference | None = None
    points: int = 0


def compare(a: Node, b: Node, seed: int = 0) -> Comparison:
    """Are two expressions of one shape equal wherever both are defined?"""
    a, b = written_out(a), written_out(b)
    certificate = same(a, b, seed)
    pair = Pair(a, b, seed)
    found = pair.smallest(certificate.holds)
    if found is not None:
        return Comparison(False, certificate, found)
    points, found = pair.at_random()
    if found is not None and certificate.holds is not True:
        return Comparison(False, certificate, found, points)
    if certificate.holds is not None:
        return Comparison(certificate.holds, certificate, None, points)
    return Comparison(True if points >= ENOUGH else None, certificate, None, points)


def difference(a: Node, b: Node, seed: int = 0) -> Difference | None:
    """The smallest arrays of whole numbers that were found at which two expressions of one shape differ."""
    if (a.rows, a.cols) != (b.rows, b.cols):
        return None
    return Pair(written_out(a), written_out(b), seed, SECONDS / 2).smallest(None)


def written_out(root: Node) -> Node:
    """The expression with decimals as the fractions that they are: 0.1 is 1/10."""
    memo: dict[Node, Node] = {}
    for node in topological(root := inline(root)):
        if isinstance(node, Number) and isinstance(node.value, float):
            memo[node] = number(Fraction(repr(node.value)))
        elif isinstance(node, Apply):
            memo[node] = rebuild(node, tuple(memo[a] for a in node.args))
        else:
            memo[node] = node
    return memo[root]


class Pair:
    """Two expressions, evaluated together."""

    def __init__(self, a: Node, b: Node, seed: int, seconds: float = SECONDS) -> None:
        self.a, self.b = (concrete(e, seed, Bare(e, tuple(s for s in symbols(a, b) if s.of is None))) for e in (a, b))
        self.rng = np.random.default_rng(seed)
        self.until = thread_time() + seconds
        free = tuple(symbols(self.a, self.b))
        bases = [s.of for s in free if s.of is not None and s.of.body is None]
        self.variables = tuple(dict.fromkeys([*(s for s in free if s.of is None), *bases]))
        self.moving = tuple(s for s in free if s.of is not None)
        shown = sampling.names((*self.variables, *self.moving))
        self.inner = tuple(sorted(inner_names((self.a, self.b)) - set(shown)))
        """Dimensions that no variable has."""
        self.runs: dict[tuple[int, ...], Callable[..., Any] | None] = {}

    @property
    def late(self) -> bool:
        return thread_time() > self.until

    @cached_property
    def everything(self) -> tuple[Symbol, ...]:
        return (*self.variables, *self.moving)

    def roots(self, sizes: Mapping[str, int]) -> tuple[Node, Node]:
        """Both expressions, with numbers for the dimensions that no array will tell."""
        return sized(self.a, self.beside(sizes)), sized(self.b, self.beside(sizes))

    def beside(self, sizes: Mapping[str, int]) -> dict[str, int]:
        return {n: sizes[n] for n in self.inner}

    def run(self, sizes: Mapping[str, int]) -> Callable[..., Any] | None:
        key = tuple(sizes[n] for n in self.inner)
        if key not in self.runs:
            try:
                self.runs[key] = compile_(list(self.roots(sizes)), self.everything)
            except MatdiffError:
                self.runs[key] = None
        return self.runs[key]

    def smallest(self, equal: bool | None) -> Difference | None:
        """A counter-example in whole numbers; where the two are equal by exact arithmetic a short search must do."""
        left = WORK // max(20, len(topological(self.a, self.b))) // (8 if equal else 1)
        for sizes in self.assignments():
            if left <= 0 or self.late:
                return None
            count = min(TRIES // (10 if self.alike(sizes) else 1), left)
            for arrays in islice(self.candidates(sizes), count):
                left -= 1
                found = self.apart(arrays, sizes)
                if found is not None or self.late:
                    return found
            left -= DRAWS
            found = self.by_shrinking(sizes)
            if found is not None:
                return found
        return None

    def assignments(self) -> list[dict[str, int]]:
        """Sizes, small ones first."""
        names = [*sampling.names(self.everything), *self.inner]
        least = max(sampling.least_size(self.a), sampling.least_size(self.b))
        top = max(LARGEST, least)
        if top ** len(names) > 5000:
            rows: Iterator[tuple[int, ...]] = iter([(k,) * len(names) for k in range(1, top + 1)])
        else:
            rows = product(range(1, top + 1), repeat=len(names))
        ordered = sorted(rows, key=lambda r: (max(r, default=0), sum(r), r))
        found = (dict(zip(names, r, strict=True)) for r in ordered)
        shapes = shapes_of((self.a, self.b))
        usable = (s for s in found if fits(self.everything, shapes, s))
        return [s for s in usable if sampling.entries(self.everything, s) <= ENTRIES]

    def candidates(self, sizes: Mapping[str, int]) -> Iterator[Arrays]:
        """Arrays of whole numbers of the declared structures, by the sum of what they deviate from the simplest."""
        spaces = [Space(v, sizes) for v in self.everything]
        for weight in range(WEIGHT + 1):
            for shares in splits(weight, len(spaces)):
                for chosen in product(*(list(islice(s.of(w), TRIES)) for s, w in zip(spaces, shares, strict=True))):
                    yield self.tangent({v.name: A for v, A in zip(self.everything, chosen, strict=True)})

    def tangent(self, arrays: Arrays) -> Arrays:
        """With each dX of a variable on a curved set made a tangent direction, in whole numbers where X is."""
        for dX in self.moving:
            X = dX.of
            if X is None or X.name not in arrays or linear_set(X):
                continue
            A, V = arrays[X.name], arrays[dX.name]
            if "orthogonal" in X.attributes:
                arrays[dX.name] = V - A @ V.T @ A
            elif "unit" in X.attributes:
                arrays[dX.name] = V - np.vdot(A, V) * A
        return arrays

    def alike(self, sizes: Mapping[str, int]) -> bool:
        """Do the two agree at a random point of the field at these sizes?  False where that was not found out."""
        rng = random.Random(1)
        if any(v.attributes for v in self.variables):
            return False
        try:
            given = {v: (whole(random_entries(v, sizes, rng)), None) for v in self.everything}
            seen = dual.Seen()
            (left, _), (right, _) = dual.evaluate([self.a, self.b], given, sizes, seen)
        except (NotRational, Unlucky, ValueError, IndexError, KeyError):
            return False
        return not seen.free and not seen.roots and bool((left == right).all())

    def apart(self, arrays: Arrays, sizes: Mapping[str, int]) -> Difference | None:
        """The two values, if they differ beyond rounding, and beyond doubt."""
        quick = self.quick(arrays, sizes)
        if quick is None:
            return None
        if np.array_equal(*quick):
            return None
        exact = self.exactly(arrays, sizes)
        if exact is False or (exact is None and agree(*quick)):
            return None
        try:
            left, right = (np.asarray(v) for v in evaluate(self.roots(sizes), self.everything, arrays))
        except MatdiffError:
            return None
        if exact is None and (agree(left, right) or not self.beyond_rounding(arrays, sizes, (left, right))):
            return None
        return Difference(arrays, left, right, dict(sizes), self.beside(sizes))

    def quick(self, arrays: Arrays, sizes: Mapping[str, int]) -> tuple[Array, Array] | None:
        """Both values without checks; None where one is not a number."""
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                run = self.run(sizes)
                values = evaluate(self.roots(sizes), self.everything, arrays) if run is None else run(**arrays)
                left, right = (np.asarray(v, dtype=np.float64) for v in values)
            except (MatdiffError, ArithmeticError, ValueError, IndexError, TypeError):
                return None
        return (left, right) if np.isfinite(left).all() and np.isfinite(right).all() else None

    def beyond_rounding(self, arrays: Arrays, sizes: Mapping[str, int], values: tuple[Array, Array]) -> bool:
        """Is a difference far larger than what changes in the last digits of the arrays, or of the terms, make?"""
        seen = float(np.linalg.norm(values[0] - values[1]))
        for _ in range(SHAKES):
            shaken = self.quick(sampling.shaken(arrays, 1e-14, self.rng), sizes)
            if shaken is None or seen <= 1e3 * max(
                float(np.linalg.norm(s - v)) for s, v in zip(shaken, values, strict=True)
            ):
                return False
        return seen > FAINT * self.scale(arrays, sizes)

    def scale(self, arrays: Arrays, sizes: Mapping[str, int]) -> float:
        """The size of what may cancel: the terms of sums."""
        terms = {t for n in topological(*self.roots(sizes)) if is_op(n, ADD) for t in n.children}
        try:
            found = evaluate(list(terms), self.everything, arrays) if terms else ()
        except MatdiffError:
            return float("inf")
        return max([1.0, *(float(np.abs(v).max(initial=0)) for v in found)])

    def exactly(self, arrays: Arrays, sizes: Mapping[str, int]) -> bool | None:
        """Do they differ at whole numbers over the field?  None where that is not known."""
        try:
            given = {v: (entries_of(v, arrays[v.name], sizes), None) for v in self.everything}
            seen = dual.Seen()
            (left, _), (right, _) = dual.evaluate([self.a, self.b], given, sizes, seen)
        except (NotRational, Unlucky, ValueError, IndexError, KeyError):
            return None
        return None if seen.free or seen.roots else bool((left != right).any())

    def by_shrinking(self, sizes: Mapping[str, int]) -> Difference | None:
        """A difference at random whole numbers, its entries then made as small as it stays one."""
        for _ in range(DRAWS if not self.late else 0):
            arrays = self.tangent({v.name: Space(v, sizes).random(self.rng) for v in self.everything})
            found = self.apart(arrays, sizes)
            if found is not None:
                return self.shrunk(found)
        return None

    def shrunk(self, found: Difference) -> Difference:
        again = True
        while again:
            again = False
            for v in self.everything:
                for smaller in Space(v, found.sizes).smaller(found.arrays[v.name]):
                    less = self.apart(self.tangent({**found.arrays, v.name: smaller}), found.sizes)
                    if less is not None:
                        found, again = less, True
                        break
        return found

    def at_random(self) -> tuple[int, Difference | None]:
        """How many random points inside the domain agree, and one that does not."""
        ways = list(islice(sampling.ways(self.a, self.variables, {}), 120))
        usable, _ = sampling.split_by_size(ways, self.everything, (self.a, self.b))
        done = 0
        for i, way in enumerate(usable):
            sizes = {**{n: 2 + (i + j) % 3 for j, n in enumerate(self.inner)}, **way.sizes}
            arrays = {v.name: A for v, A in sampling.point(self.variables, way, self.rng).items()}
            for dX in self.moving:
                V = np.asarray(self.rng.normal(size=shape_of(dX, way.sizes)))
                at = None if dX.of is None else arrays.get(dX.of.name)
                arrays[dX.name] = V if dX.of is None or at is None else project(dX.of, at, V)
            try:
                values = [np.asarray(v) for v in evaluate(self.roots(sizes), self.everything, arrays)]
            except MatdiffError:
                continue
            done += 1
            left, right = values
            if not agree(left, right) and self.beyond_rounding(arrays, sizes, (left, right)):
                return done, Difference(arrays, left, right, sizes, self.beside(sizes), whole=False)
            if done == POINTS or (done >= ENOUGH and thread_time() > self.until + SECONDS):
                break
        return done, None


def agree(left: Array, right: Array) -> bool:
    size = max(float(np.linalg.norm(left)), float(np.linalg.norm(right)))
    return float(np.linalg.norm(left - right.reshape(left.shape))) <= CLOSE * size


def splits(weight: int, parts: int) -> Iterator[tuple[int, ...]]:
    """The ways to share a number among so many."""
    if not parts:
        yield from [()] if not weight else []
        return
    for bars in combinations(range(weight + parts - 1), parts - 1):
        ends = (-1, *bars, weight + parts - 1)
        yield tuple(b - a - 1 for a, b in pairwise(ends))[::-1]


class Space:
    """The arrays of whole numbers that a variable may be: a simplest one, and the directions in which others lie."""

    def __init__(self, variable: Symbol, sizes: Mapping[str, int]) -> None:
        self.words, self.shape = variable.attributes, shape_of(variable, sizes)
        self.linear = linear_set(variable)
        base = np.zeros(self.shape)
        if self.words & {"spd", "orthogonal"} and len(self.shape) == 2:
            base = np.eye(*self.shape)
        elif "unit" in self.words:
            base.flat[0] = 1
        elif "positive" in self.words:
            base = np.ones(self.shape)
        self.base = np.asarray(LINEAR[self.linear](np, base)) if self.linear else base

    @cached_property
    def curved(self) -> list[Array]:
        """Signed permutations and signed unit vectors, the simplest left out."""
        if "unit" in self.words:
            found = [s * e.reshape(self.shape) for e in np.eye(self.base.size) for s in (1.0, -1.0)]
        elif "orthogonal" in self.words and len(set(self.shape)) == 1:
            one = np.eye(self.shape[0])
            turns = (one[list(p)] for p in islice(permutations(range(len(one))), 24))
            found = [t * np.array(s) for t in turns for s in product((1.0, -1.0), repeat=len(one))]
        else:
            return []
        return [A for A in found if (self.base != A).any()]

    @cached_property
    def basis(self) -> list[Array]:
        if self.words & {"unit", "orthogonal"}:
            return []
        found: dict[bytes, Array] = {}
        for place in np.ndindex(self.shape):
            E = np.zeros(self.shape)
            E[place] = 1
            E = STRUCTURE[self.linear](E) if self.linear else E
            if E.any():
                found.setdefault(np.abs(E).tobytes(), E)
        return list(found.values())

    def of(self, weight: int) -> Iterator[Array]:
        """The arrays whose coordinates sum to this in absolute value."""
        if weight == 0:
            yield self.base
        elif self.curved:
            yield from self.curved if weight == 1 else ()
        else:
            signs = (1,) if "positive" in self.words else (1, -1)
            for shares in splits(weight, len(self.basis)):
                used = [(E, c) for E, c in zip(self.basis, shares, strict=True) if c]
                for turn in product(signs, repeat=len(used)):
                    yield self.base + sum(s * c * E for s, (E, c) in zip(turn, used, strict=True))

    def random(self, rng: np.random.Generator) -> Array:
        if self.curved:
            return self.curved[rng.integers(len(self.curved))]
        reach = int(rng.choice([1, 2, 3, 10, 200]))
        low = 0 if "positive" in self.words else -reach
        A = self.base + sum(int(rng.integers(low, reach + 1)) * E for E in self.basis)
        return A @ A.T + np.eye(len(A)) if "spd" in self.words else np.asarray(A, dtype=np.float64)

    def smaller(self, A: Array) -> Iterator[Array]:
        """The array with one coordinate taken away, halved, or nearer by one."""
        for E in self.basis:
            place = np.unravel_index(int(np.argmax(np.abs(E))), E.shape)
            c = float((A - self.base)[place])
            for less in dict.fromkeys((0.0, float(int(c / 2)), c - np.sign(c))):
                if less != c:
                    yield A + (less - c) * E


STRUCTURE: dict[str, Callable[[Array], Array]] = {
    **{word: partial(onto, np) for word, onto in LINEAR.items()},
    "symmetric": lambda E: np.maximum(E, E.T),
    "skew": lambda E: E - E.T,
}
"""What an entry of 1 brings with it."""


def random_entries(v: Symbol, sizes: Mapping[str, int], rng: random.Random) -> list[list[int]]:
    rows, cols = node_shape(v, sizes)
    return [[rng.randrange(P) for _ in range(cols)] for _ in range(rows)]


def entries_of(v: Symbol, A: Array, sizes: Mapping[str, int]) -> Array:
    """The whole numbers of an array over the field, with two axes.  Raises ValueError for another number."""
    found = [[Fraction(float(x)) for x in row] for row in np.reshape(A, node_shape(v, sizes)).tolist()]
    if any(x.denominator > 1 for row in found for x in row):
        raise ValueError("not whole")
    return whole([[int(x) % P for x in row] for row in found])


__all__ = ["Comparison", "Difference", "compare", "difference"]
