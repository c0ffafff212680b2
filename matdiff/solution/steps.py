"""Each line of a derivation held against the one before: d(u) is the true differential, ⟨Y, V⟩ the inner product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matdiff.calculus.differential import differentials
from matdiff.calculus.markers import HESSIAN, JACOBIAN, PAIRING, SECOND, D, pairing
from matdiff.calculus.tangent import lowered
from matdiff.core.node import Apply, Node, Symbol, apply, topological
from matdiff.core.op import differential_symbol
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import inner, is_op, scale
from matdiff.ops.constants import zeros_like
from matdiff.ops.structure import vector_of
from matdiff.verify.case import Case, Sample, apart
from matdiff.verify.sets import Array

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation, Step

CLOSE = 1e-7
POINTS = 2
NOTHING = 1e-9
"""What both sides may be where the differential is 0 but for rounding."""


def check_steps(derivation: Derivation, steps: Sequence[Step] | None = None, seed: int = 0) -> tuple[bool | None, ...]:
    """Does each step of `derivation.steps` (or of those given) hold?  None where it could not be evaluated."""
    steps = derivation.steps if steps is None else steps
    dF = derivation.differential.node
    case = Case(with_covector(derivation, steps), "differential", dF, dF, None, seed)
    _, samples = case.draw({}, POINTS)
    memo: dict[Node, Node] = {}
    read_ = [read(derivation, step, memo) for step in steps]
    sides = [side for pair in read_ if pair for side in pair]
    values = iter(case.values(sides, samples) if samples else [None] * len(sides))
    return tuple(holds(case, pair, [next(values), next(values)], samples) if pair else None for pair in read_)


def with_covector(d: Derivation, steps: Sequence[Step]) -> Derivation:
    """The derivation with the Y of an adjoint among its variables, so that points have one."""
    if not any(d.covector in step.before.variables for step in steps):
        return d
    return d.having(d.function.node, (*d.function.variables, d.covector))


def read(d: Derivation, step: Step, memo: dict[Node, Node]) -> tuple[Node, Node] | None:
    """Both sides without marks; what the last line reads off applied to dX: ⟨G, dX⟩, J vec(dX)."""
    try:
        before, after = (evaluable(d, e.node, memo) for e in (step.before, step.after))
    except UnsupportedError:
        return None
    X = next((X for X in d.wrt if X.name == step.by), d.wrt[0])
    if step.relation == SECOND:
        return before, substitute(after, {differential_symbol(X, 2): d.directions[X]})
    if step.relation in (JACOBIAN, HESSIAN):
        dX = d.directions[X]
        if X.kind == "scalar":
            return before, scale(dX, after)
        return (vector_of(before) if before.kind != "scalar" else before), after @ vector_of(dX)
    if step.relation != "=":
        after = paired(d, step.after.node, X)
    return before, after


def paired(d: Derivation, G: Node, X: Symbol) -> Node:
    """df of a gradient: ⟨G, dX⟩ in the inner product of the derivation."""
    weighted = lowered(G, X, d.affine) if d.metric is None else d.metric @ G
    return inner(inline(weighted), d.directions[X])


def evaluable(d: Derivation, root: Node, memo: dict[Node, Node]) -> Node:
    """The expression with d(u) and ⟨Y, V⟩ replaced by what they stand for."""
    own = pairing(d.gradient.node, d.directions[d.wrt[0]]) if d.metric is not None and not d.several else None
    for node in topological(root):
        if node in memo:
            continue
        if isinstance(node, Symbol):
            memo[node] = memo[node.body] if node.body is not None else node
        elif not isinstance(node, Apply):
            memo[node] = node
        elif is_op(node, D):
            memo[node] = differential(inline(memo[node.args[0]]), d.directions)
        elif node is own:
            memo[node] = paired(d, node.args[0], d.wrt[0])
        elif is_op(node, PAIRING):
            memo[node] = inner(*(memo[a] for a in node.args))
        else:
            memo[node] = apply(node.op, tuple(memo[a] for a in node.args), node.params, node.kind, node.rows, node.cols)
    return memo[root]


def differential(u: Node, directions: Mapping[Symbol, Symbol]) -> Node:
    ready = prepared(u)
    return differentials(ready, directions).get(ready) or zeros_like(u)


def holds(
    case: Case, sides: Sequence[Node], values: Sequence[list[Array] | None], samples: Sequence[Sample]
) -> bool | None:
    """Are both sides equal at every sample, up to what rounding makes of them?"""
    left, right = values
    if left is None or right is None:
        return None
    for a, b, s in zip(left, right, samples, strict=True):
        if a.shape != b.shape and a.size != b.size:
            return False
        b = b.reshape(a.shape)
        if s.dull and max(abs(a).max(initial=0), abs(b).max(initial=0)) <= NOTHING:
            continue
        if apart(a, b) > CLOSE and not within_rounding(case, sides, (a, b), s):
            return False
    return True


def within_rounding(case: Case, sides: Sequence[Node], pair: tuple[Array, Array], s: Sample) -> bool:
    """Is the difference no larger than what changes in the last digits of the arrays do?"""
    difference = Case(case.d, "differential", sides[0], sides[1], None, case.seed)
    noise = difference.noise(Sample(s.way, s.arrays, pair[1], pair[0]))
    return bool(abs(pair[0] - pair[1]).max(initial=0) <= 1e3 * noise)


__all__ = ["check_steps"]
