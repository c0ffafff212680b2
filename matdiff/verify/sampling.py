"""Random points: which sizes, which kind of arrays, in which order to try them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.core.shape import Dim
from matdiff.errors import MatdiffError, ShapeError
from matdiff.graph.properties import Known
from matdiff.verify.sets import FLAVOURS, Array, draw, is_tall

Sizes = Mapping[str, int]

MAX_ENTRIES = 4_000_000
"""Entries of all variables together; more is not tried."""
MAX_NODE = 50_000_000
"""Entries of one intermediate value."""
MAX_INDEX = 60
"""Largest index in an expression for which free sizes are made large enough."""
PATTERNS = ((3, 4, 2, 5), (3, 3, 3, 3), (5, 4, 3, 2), (2, 3, 4, 5), (4, 2, 5, 3))
"""Sizes that free dimensions take in order of appearance, again from the first after the fourth."""
MATRIX_NEEDS = frozenset({"posdet", "spd", "spectrum", "invertible", "distinct", "exponent"})
ENTRY_NEEDS = frozenset({"positive", "nonnegative", "power"})


class Way(NamedTuple):
    """How to draw a point: sizes, and a kind of array for all variables (`mixed`: another one for each)."""

    sizes: Sizes
    flavour: str


def names(variables: Sequence[Symbol]) -> list[str]:
    """The free dimensions in order of appearance."""
    return list(dict.fromkeys(n for v in variables for d in (v.rows, v.cols) for n in sorted(d.names)))


def check_given(given: Sizes | None, free: Sequence[str]) -> dict[str, int]:
    """The sizes that the caller wants.  Raises MatdiffError for an unknown dimension, ShapeError for a bad size."""
    wanted = dict(given or {})
    for name, value in wanted.items():
        if name not in free:
            known = f"the dimensions are {', '.join(free)}" if free else "there are no free dimensions"
            raise MatdiffError(f"there is no dimension {name}", hint=known)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ShapeError(f"the size of {name} must be a positive whole number, not {value!r}")
    return {n: int(v) for n, v in wanted.items()}


def assignments(free: Sequence[str], given: Sizes, least: int = 1) -> list[dict[str, int]]:
    """Sizes to try for the free dimensions: distinct ones first, then each the smallest, each the largest."""
    open_ = [n for n in free if n not in given]
    lift = max(0, least - 2)
    rows = [[pattern[i % 4] for i in range(len(open_))] for pattern in PATTERNS]
    for i in range(min(len(open_), 6)):
        rows.append([2 if j == i else 4 for j in range(len(open_))])
        rows.append([5 if j == i else 3 for j in range(len(open_))])
    found = [{**given, **dict(zip(open_, (r + lift for r in row), strict=True))} for row in rows]
    return [dict(t) for t in dict.fromkeys(tuple(f.items()) for f in found)]


def least_size(root: Node) -> int:
    """The largest index that the expression asks for, within reason."""
    largest = 1
    for node in topological(root):
        if isinstance(node, Constant) and node.name == "e":
            largest = max(largest, node.index)
        elif isinstance(node, Apply) and node.params and "indexed" in node.op.traits.split():
            for p in node.params:
                bound = p.number if isinstance(p, Dim) else p
                if isinstance(bound, int):
                    largest = max(largest, bound)
    return min(largest, MAX_INDEX)


def entries(variables: Sequence[Symbol], sizes: Sizes) -> int:
    return sum(v.rows.evaluate(sizes) * v.cols.evaluate(sizes) for v in variables)


def too_large(variables: Sequence[Symbol], parts: Iterable[tuple[Dim, Dim]], sizes: Sizes) -> str:
    """Why these sizes are not tried, or an empty string."""
    total = entries(variables, sizes)
    if total > MAX_ENTRIES:
        return f"the sizes are too large to sample: {total:,} entries (at most {MAX_ENTRIES:,})"
    for rows, cols in parts:
        if (rows.names | cols.names) <= sizes.keys():
            count = rows.evaluate(sizes) * cols.evaluate(sizes)
            if count > MAX_NODE:
                return f"the sizes are too large: a part of the expression has {count:,} entries"
    return ""


def shapes(roots: Sequence[Node]) -> dict[tuple[Dim, Dim], None]:
    """The distinct shapes of the parts of some expressions."""
    return dict.fromkeys((n.rows, n.cols) for n in topological(*roots))


def split_by_size(ways: Sequence[Way], variables: Sequence[Symbol], roots: Sequence[Node]) -> tuple[list[Way], str]:
    """The ways that are not too large, and why the others are."""
    found = shapes(roots)
    verdicts: dict[int, str] = {}
    kept = []
    for way in ways:
        key = id(way.sizes)  # which many ways share
        if key not in verdicts:
            verdicts[key] = too_large(variables, found, way.sizes)
        if not verdicts[key]:
            kept.append(way)
    return kept, next((v for v in verdicts.values() if v), "")


def needs(root: Node) -> set[str]:
    """The words that say where the functions of an expression are defined."""
    found: set[str] = set()
    for node in topological(root):
        if isinstance(node, Apply):
            found.update(w for w in node.op.domain if w)
            if node.op.name == "mpower" and not isinstance(node.args[1], Number) and "spd" not in Known()(node.args[0]):
                found.add("whole exponent")
            if node.op.name == "power":
                exponent = node.args[1]
                if not (isinstance(exponent, Number) and isinstance(exponent.value, int)):
                    found.add("power")
    return found


def flavours(root: Node) -> list[str]:
    """Kinds of arrays, the ones that suit the functions of the expression first."""
    wanted = needs(root)
    first: list[str] = []
    if "whole exponent" in wanted:
        first.append("whole")
    if wanted & MATRIX_NEEDS:
        first += ["identity", "definite"]
    if wanted & ENTRY_NEEDS:
        first += ["identity", "positive"] if first else ["positive"]
    if "inside" in wanted:
        first.insert(0, "small")
    return list(dict.fromkeys([*first, "normal", "positive", "identity", "definite", "small"]))


def ways(root: Node, variables: Sequence[Symbol], given: Sizes) -> Iterator[Way]:
    """Every way to draw a point, the likely ones first; endless."""
    fields = [s for s in assignments(names(variables), given, least_size(root)) if _possible(variables, s)]
    kinds = flavours(root)
    for sizes in fields:
        for flavour in kinds:
            yield Way(sizes, flavour)
    while fields:
        for sizes in fields:
            yield Way(sizes, "mixed")


T = TypeVar("T")
K = TypeVar("K")


def explore(
    ways: Sequence[Way], attempt: Callable[[Way], T | None], dull: Callable[[T], bool] = lambda found: False
) -> Iterator[T]:
    """The results of the ways that work; one that does is tried again, at other sizes first.

    Other sizes tell a 3 from an n.  A way with a dull result is not tried again.
    """
    for way in ways:
        found = attempt(way)
        if found is None:
            continue
        yield found
        if dull(found):
            continue
        others = [w for w in ways if w.flavour == way.flavour and w.sizes != way.sizes][:2]
        misses = 0
        while misses < 5:
            found = attempt(others.pop(0) if others else way)
            if found is None:
                misses += 1
            else:
                yield found


def _possible(variables: Sequence[Symbol], sizes: Sizes) -> bool:
    shapes = [(v, v.rows.evaluate(sizes), v.cols.evaluate(sizes)) for v in variables]
    return all(rows >= 1 <= cols and (rows >= cols or not is_tall(v)) for v, rows, cols in shapes)


def point(variables: Sequence[Symbol], way: Way, rng: np.random.Generator) -> dict[Symbol, Array]:
    """Random arrays for all variables."""
    kinds = list(FLAVOURS)
    return {
        v: draw(v, way.sizes, kinds[rng.integers(len(kinds))] if way.flavour == "mixed" else way.flavour, rng)
        for v in variables
    }


def shaken(arrays: Mapping[K, Array], by: float, rng: np.random.Generator) -> dict[K, Array]:
    """The arrays, each entry changed by about so much of itself."""
    return {k: a * (1 + by * rng.normal(size=np.shape(a))) for k, a in arrays.items()}
