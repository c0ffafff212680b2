"""Points on the edges that a function names: zeros of relu and of norms, equal eigenvalues, singular matrices.

Random points never lie there.  Where the function is smooth at such a point its derivative must have a value there,
and the right one; what was seen is said with the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matdiff.codegen.evaluate import evaluate
from matdiff.codegen.lengths import squared
from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.errors import MatdiffError
from matdiff.ops.elementwise import sqrt
from matdiff.ops.linalg import det
from matdiff.ops.reductions import norm
from matdiff.ops.sets import CURVED
from matdiff.verify import sampling, sets
from matdiff.verify.sampling import Sizes
from matdiff.verify.sets import Array
from matdiff.verify.subject import Arrays, Subject, named

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

STEPS = (1e-4, 1e-6)
AGREE = 1e-3
"""How near slopes from both sides, and the derivative, must be to count as equal: differences at an edge are rough."""
ROUNDING = 1e3
"""Units in the last place that a value is wrong by at most."""
WAYS = 12
LONGEST = 30
"""Longest argument that is named in the verdict."""


class Edge(NamedTuple):
    """A part of the function whose derivative may break, in words, and how a variable is brought to lie there."""

    argument: Node
    words: str
    onto: Callable[[Symbol, Array], Array]
    reached: Callable[[Array], bool]


def edges(root: Node, moving: tuple[Symbol, ...]) -> list[Edge]:
    """The edges of a function, each kind of each argument once."""
    found: dict[tuple[Node, str], Edge] = {}
    for node in topological(root):
        edge = edge_of(node) if isinstance(node, Apply) else None
        if edge is not None and any(n in moving for n in topological(edge.argument)):
            found.setdefault((edge.argument, edge.words), edge)
    return list(found.values())


def edge_of(node: Apply) -> Edge | None:
    if not node.args:
        return None
    a = node.args[-1]
    if node.op is norm:
        return Edge(a, "{} is 0", lambda X, x: 0 * x, lambda u: not np.any(u))
    if node.op is sqrt and (u := squared(a)) is not None:
        return Edge(u, "{} is 0", lambda X, x: 0 * x, lambda u: not np.any(u))
    if node.op is det:
        return Edge(
            a,
            "{} is singular",
            singular,
            lambda u: bool(np.linalg.svd(u)[1][-1] <= 1e-12 * np.max(np.abs(u), initial=1)),
        )
    if "an entry of" in node.op.smooth:
        words = "entries of {} are negative" if a.kind != "scalar" else "{} is negative"
        return Edge(a, words, mixed, lambda u: bool(np.any(u < 0) and np.all(u != 0)))
    if any(word in node.op.smooth for word in ("coincide", "simple")):
        return Edge(
            a,
            "eigenvalues of {} coincide" if "eigen" in node.op.smooth else "singular values of {} coincide",
            equal,
            repeated,
        )
    return None


def singular(X: Symbol, x: Array) -> Array:
    """A singular matrix of the same set: without its last row and column."""
    if x.ndim != 2 or min(x.shape) < 2:
        return x
    y = x.copy()
    if sets.linear_set(X):
        y[-1, :] = 0
        y[:, -1] = 0
        return y
    U, s, Vt = np.linalg.svd(x, full_matrices=False)
    s[-1] = 0
    return np.asarray(U * s @ Vt)


def mixed(X: Symbol, x: Array) -> Array:
    """Some entries negative, all if there is but one."""
    signs = np.where(np.arange(x.size) % 2, 1.0, -1.0).reshape(x.shape)
    return np.asarray(np.abs(x) * (signs if not sets.linear_set(X) else -1.0))


def equal(X: Symbol, x: Array) -> Array:
    """A multiple of the identity."""
    return 2.0 * np.eye(*x.shape) if x.ndim == 2 else x


def repeated(u: Array) -> bool:
    s = np.linalg.svd(u, compute_uv=False) if u.ndim == 2 and u.size else np.zeros(0)
    return len(s) > 1 and bool(np.min(np.abs(np.diff(s))) <= 1e-12 * s[0])


class Seen(NamedTuple):
    """What was found on the edges: a fault, and the words for those that the derivative is right on and refused on."""

    fault: str = ""
    right: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def region(self) -> str:
        parts = [f"also where {' and where '.join(self.right)}"] if self.right else []
        parts += [f"not where {' or where '.join(self.refused)}"] if self.refused else []
        return ", ".join(parts)


def look(d: Derivation, found: Subject, ways: list[sampling.Way], rng: np.random.Generator) -> Seen:
    """The derivative on every edge that a point can be brought to."""
    right: list[str] = []
    refused: list[str] = []
    for edge in edges(d.prepared, d.wrt):
        words = edge.words.format(name(edge.argument))
        for arrays, way in islice(points(edge, found, ways, rng), 1):
            verdict = at(found, arrays, way.sizes, rng)
            if verdict == "right":
                right.append(words)
            elif verdict == "refused":
                refused.append(words)
            elif verdict:
                return Seen(f"where {words}, {verdict}")
    return Seen("", tuple(dict.fromkeys(right)), tuple(dict.fromkeys(refused)))


def name(a: Node) -> str:
    text = repr(a)
    return text if len(text) <= LONGEST else "an argument"


def points(
    edge: Edge, found: Subject, ways: list[sampling.Way], rng: np.random.Generator
) -> Iterator[tuple[Arrays, sampling.Way]]:
    """Points on the edge where the function has a value."""
    for way in ways[:WAYS]:
        arrays = sampling.point(found.variables, way, rng)
        moved = {X: edge.onto(X, arrays[X]) if X in found.wrt and not curved(X) else arrays[X] for X in arrays}
        try:
            a = edge.argument
            u = moved[a] if isinstance(a, Symbol) and a in moved else evaluate(a, found.variables, named(moved))
            if edge.reached(np.asarray(u)):
                found.value(moved, smooth=False)
                yield moved, way
        except (MatdiffError, np.linalg.LinAlgError):
            continue


def curved(X: Symbol) -> bool:
    return bool(X.attributes & {*CURVED, "positive", "spd"})


def at(found: Subject, arrays: Arrays, sizes: Sizes, rng: np.random.Generator) -> str:
    """ "right", "refused", "" where the function is not smooth there or cannot be judged, else what is wrong."""
    V = {X: sets.direction(X, arrays[X], rng) for X in found.wrt}

    largest = [0.0]

    def value(t: float) -> Array:
        v = found.value(along(found, arrays, V, t), smooth=False)
        largest.append(float(np.max(np.abs(v), initial=0)))
        return v

    def slopes(h: float) -> tuple[Array, Array]:
        ahead, near, back, behind = map(value, (h, h / 2, -h / 2, -h))
        return (4 * near - ahead - 3 * center) / h, (3 * center - 4 * back + behind) / h

    try:
        center = value(0.0)
        pairs = [slopes(h) for h in STEPS]
    except MatdiffError:
        return ""
    scale = max(float(np.linalg.norm(v)) for v in pairs[0])
    noise = ROUNDING * np.finfo(float).eps * max(largest) / STEPS[-1]
    try:
        said = found.state(arrays, V, sizes, rng, 1e-9 * scale, smooth=False)
    except MatdiffError:
        return "refused"
    if not vanishing([a - b for a, b in pairs], scale, noise):
        return ""
    if said.fault:
        return said.fault
    size = max(scale, float(np.linalg.norm(said.along)))
    agrees = vanishing([(a + b) / 2 - said.along for a, b in pairs], size, noise)
    return "right" if agrees else f"the {found.name} is not what differences of the function are"


def vanishing(errors: list[Array], scale: float, noise: float) -> bool:
    """Are they small, smaller by far with a smaller step, or rounding of values that hardly change?"""
    first, second = (float(np.linalg.norm(e)) for e in errors)
    return second <= AGREE * scale + noise or second <= first / 3


def along(found: Subject, arrays: Arrays, V: Arrays, h: float) -> Arrays:
    """The arrays with those of the variables moved along V."""
    return {**arrays, **{X: sets.move(X, arrays[X], V[X], h, found.affine) for X in found.wrt}}


__all__ = ["Seen", "along", "edges", "look"]
