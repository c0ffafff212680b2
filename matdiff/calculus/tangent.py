"""Sets that a variable moves in: the tangent space at a point, and the projection onto it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matdiff.core.node import Node, Symbol, topological
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known
from matdiff.ops.algebra import ADD, add, scale
from matdiff.ops.linalg import det
from matdiff.ops.sets import CURVED, CurvedSet, curved_set
from matdiff.ops.structure import HALF, Diag, diag, tril, triu
from matdiff.simplify.expand import expanded
from matdiff.simplify.normal import normal
from matdiff.simplify.terms import join, split


class Tangent(NamedTuple):
    """`project(G, X)` is the part of G inside the tangent space at X; `law` says so to a reader."""

    project: Callable[[Node, Node], Node]
    law: str
    curved: bool = False


def _symmetric(G: Node, X: Node) -> Node:
    """½(G + Gᵀ), term by term, so that symmetric terms stay as they are."""
    known = Known()
    if "symmetric" in known(G):
        return G
    piece = split(normal(expanded(G), known))
    core = piece.core
    if core is None:
        return G
    terms = core.children if core.op is ADD else (core,)
    total = add(*(t if "symmetric" in known(t) else scale(HALF, add(t, t.T)) for t in terms))
    piece.core = None
    return scale(join(piece), total)


def _skew(G: Node, X: Node) -> Node:
    """Raises UnsupportedError where the determinant is 0 for odd sizes alone."""
    known = Known()
    if X.rows.number is None and any(n.op is det and "skew" in known(n.children[0]) for n in topological(G)):
        raise UnsupportedError(
            f"the determinant of a skew-symmetric matrix is 0 where {X.rows} is odd, and a polynomial where it is even",
            hint="give the size as a number, for instance A: 4×4 skew",
        )
    return scale(HALF, G - G.T)


def _curved(space: CurvedSet) -> Tangent:
    return Tangent(lambda G, X: space.project(X, G), space.law, curved=True)


TANGENTS: dict[str, Tangent] = {
    "diagonal": Tangent(lambda G, X: Diag(diag(G)), "project onto the diagonal matrices"),
    "symmetric": Tangent(_symmetric, "project onto the symmetric matrices"),
    "skew": Tangent(_skew, "project onto the skew-symmetric matrices"),
    "lower": Tangent(lambda G, X: tril(G), "project onto the lower triangular matrices"),
    "upper": Tangent(lambda G, X: triu(G), "project onto the upper triangular matrices"),
    **{word: _curved(space) for word, space in CURVED.items()},
}
"""In the order in which they are looked for: a diagonal matrix is symmetric too."""


def check_movable(X: Symbol) -> None:
    """Raises UnsupportedError for a set of orthogonal matrices with a further property."""
    further = sorted(X.attributes & (TANGENTS.keys() | {"spd"}) - {"orthogonal"})
    if "orthogonal" in X.attributes and further:
        raise UnsupportedError(
            f"the tangent space of the {further[0]} orthogonal matrices, in which {X.name} moves, is not defined here",
            hint=f"declare {X.name} only orthogonal, or only {further[0]}",
        )


def tangent(X: Symbol) -> Tangent | None:
    """The tangent space in which a variable moves, None for all of space."""
    words = {"symmetric"} if "spd" in X.attributes else set()
    words |= X.attributes
    if {"lower", "upper"} <= words:
        words.add("diagonal")
    return next((t for word, t in TANGENTS.items() if word in words), None)


def project(G: Node, X: Symbol) -> Node:
    """The gradient inside the tangent space at X."""
    space = tangent(X)
    return G if space is None else space.project(G, X)


def raised(G: Node, X: Symbol, affine: bool) -> Node:
    """The gradient for the metric of X's set, from the projected one."""
    space = curved_set(X, affine)
    return G if space is None or space.raised is None else space.raised(X, G)


def lowered(G: Node, X: Symbol, affine: bool) -> Node:
    """What is paired with dX by ⟨A,B⟩, from the gradient for the metric of X's set."""
    space = curved_set(X, affine)
    return G if space is None or space.lowered is None else space.lowered(X, G)
