"""The generalised Gauss–Newton matrix: of h(u(x)) with a convex h the Hessian with u taken as linear, u'ᵀ ∇²h u'.

Every term of a sum is split at the innermost part u in which it is convex (Schraudolph 2002; Nocedal & Wright 2006,
sec. 10.3): of ‖r(x)‖² that is r or what r is affine in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matdiff.calculus.adjoint import adjoint, dependent
from matdiff.calculus.curvature import Curvature
from matdiff.calculus.differential import differentials
from matdiff.core.node import Node, Symbol, number, symbol, topological
from matdiff.core.op import differential_symbol
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import ADD, add, is_op
from matdiff.ops.constants import zeros_like
from matdiff.printing import to_text

MOST = 40
"""Most parts at which a term is tried to be split."""


def gauss_newton(function: Node, directions: Mapping[Symbol, Symbol]) -> dict[Symbol, Node]:
    """The operator dX ↦ Σ u'ᵀ ∇²h u' [dX] for each variable.  Raises UnsupportedError where a term has no such form."""
    root = inline(function)
    found: dict[Symbol, list[Node]] = {X: [] for X in directions}
    for term in root.children if is_op(root, ADD) else (root,):
        if any(n in directions for n in topological(term)):
            for X, part in _of_term(term, directions).items():
                found[X].append(part)
    return {X: add(*nodes) if nodes else zeros_like(X) for X, nodes in found.items()}


def _of_term(term: Node, directions: Mapping[Symbol, Symbol]) -> dict[Symbol, Node]:
    variables = list(directions)
    whole = Curvature(term, variables)
    if whole.has(term, "affine"):
        return {}
    known = Known()
    for u in splits(term, variables):
        kept = frozenset(known(u) & {"spd", "symmetric", "positive"})
        U = symbol("#u", u.kind, u.rows, u.cols, kept)
        assert isinstance(U, Symbol)
        h = substitute(term, {u: U})
        outer = Curvature(h, [U])
        # An outer function that is affine would leave nothing of the curvature.
        if outer.has(h, "convex") and not outer.has(h, "affine"):
            return _pulled(h, U, u, directions)
    raise UnsupportedError(
        f"{to_text(term)} is not seen to be a convex function of something differentiable, so it has no Gauss–Newton "
        "matrix",
        hint="sums of squares, logistic losses and the like of any model have one; newton_step takes the whole Hessian",
    )


def splits(term: Node, variables: Sequence[Symbol]) -> list[Node]:
    """Parts that everything variable in a term passes through, the innermost first."""
    order = dependent(term, variables)
    out: list[Node] = []
    for u in order[:MOST]:
        rest = substitute(term, {u: zeros_like(u)}) if u.kind != "scalar" else substitute(term, {u: number(1)})
        if not any(n in variables for n in topological(rest)) and u.kind != "row":
            out.append(u)
    return out


def _pulled(h: Node, U: Symbol, u: Node, directions: Mapping[Symbol, Symbol]) -> dict[Symbol, Node]:
    dU = differential_symbol(U)
    assert isinstance(dU, Symbol)
    ready = prepared(h)
    slope = adjoint(differentials(ready, {U: dU}).get(ready) or number(0), number(1), [dU])[dU]
    bent = differentials(slope, {U: dU}).get(slope)
    if bent is None:
        return {}
    inside = prepared(u)
    du = differentials(inside, directions).get(inside)
    if du is None:
        return {}
    value = substitute(bent, {U: u, dU: du})
    found = adjoint(du, value, list(directions.values()))
    return {X: found[dX] for X, dX in directions.items()}
