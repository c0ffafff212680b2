"""The derivation told as on a board: a rendering of what the two phases did, never a second way to do it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matdiff.api.expr import Expr
from matdiff.calculus.adjoint import Move, adjoint
from matdiff.calculus.differential import apply_rules
from matdiff.calculus.markers import D, d, pairing
from matdiff.calculus.tangent import tangent
from matdiff.core.node import Apply, Node, Symbol, number, topological
from matdiff.core.op import Linear
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import add, is_op, scale
from matdiff.simplify.normal import normal

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation

QUIET = {"add", "scale", "transpose"}
"""Functions through which d passes, and a pairing moves, without a line of their own."""

WHOLE = 150
"""Longest derivation that is told in whole lines; longer ones get a line per part."""

ALGEBRA = "simplify"
READ_OFF = "read off the gradient"
WEIGHTED = "the gradient for ⟨x,y⟩ = xᵀWy is W⁻¹ times what is paired with dx"
SO = "⇒ ∇f ="
SO_ALONG = "⇒ H[dX] ="
SQUEEZED = "its matrix on tangent directions, P(…)P"
READ_HESSIAN = "read off the Hessian"
READ_MATRIX = "read off the Hessian: vec(A V B) = (Bᵀ ⊗ A) vec(V)"

MOVES = {
    "matmul": "move factors across the pairing: ⟨Y, A V B⟩ = ⟨AᵀYBᵀ, V⟩",
    "hadamard": "⟨Y, A ⊙ V⟩ = ⟨A ⊙ Y, V⟩",
    "inner": "⟨y, ⟨A, V⟩⟩ = ⟨yA, V⟩",
    "scale": "⟨Y, sV⟩ = ⟨sY, V⟩",
    "transpose": "⟨Y, Vᵀ⟩ = ⟨Yᵀ, V⟩",
    "add": "collect the terms",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line: by `rule`, `before` becomes `after`; both are expressions, and d(u) and ⟨Y, V⟩ may occur in them.

    `relation` stands between them: "=" everywhere but in the last line, which reads off the gradient.
    """

    rule: str
    before: Expr
    after: Expr
    relation: str = "="

    def __str__(self) -> str:
        return f"{self.before.text(defined=False)} {self.relation} {self.after.text(defined=False)}   [{self.rule}]"


def narrative(derivation: Derivation, full: bool = False) -> tuple[Step, ...]:
    """The steps from the function to its differential and, for a scalar function of one variable, to its gradient.

    With `full`, what a rule gives and its simplification are two steps.
    """
    variables = derivation.function.variables
    last = (READ_OFF, WEIGHTED, *(space.raising for space in derivation.curved.values() if space.raising))
    return tuple(
        Step(rule, Expr(before, variables), Expr(after, variables), SO if rule in last else "=")
        for rule, before, after in _lines(derivation, full)
        if before is not after
    )


def second(derivation: Derivation) -> tuple[Step, ...]:
    """The steps from the gradient by one variable to the Hessian; on a curved set from the gradient in all of space."""
    again = derivation.of_gradient
    steps = [step for step in again.steps if step.relation == "="]
    last = again.differential
    if steps and steps[-1].after != last:
        steps.append(Step("collect", steps[-1].after, last))
    if derivation.curved:
        return (*steps, *_bent(derivation, last))
    H = derivation.hessian
    matrix = derivation.wrt[0].kind == "matrix"
    return (*steps, Step(READ_MATRIX if matrix else READ_HESSIAN, last, H, "⇒ H ="))


def _bent(derivation: Derivation, last: Expr) -> Iterator[Step]:
    """From ∇²f[dX] to the Hessian on the curved set, and to its matrix for a vector."""
    (space,) = derivation.curved.values()
    found = derivation.hessian_operator.value
    yield Step(space.bending, last, found, SO_ALONG)
    if space.kind == "vector":
        yield Step(SQUEEZED, found, derivation.hessian, "⇒ H =")


Line = tuple[str, Node, Node]


def _lines(derivation: Derivation, full: bool) -> Iterator[Line]:
    f = derivation.function.node
    if derivation.prepared is not f:
        yield "rewrite in a form easier to differentiate", f, derivation.prepared
    long = len(derivation.differentials) > WHOLE
    for node in topological(derivation.prepared):
        if isinstance(node, Symbol) and node.body is not None and node in derivation.differentials:
            yield from _pushed(derivation, node.body, d(node), long, full)
    if not isinstance(derivation.prepared, Symbol):
        yield from _pushed(derivation, derivation.prepared, d(derivation.prepared), long, full)
    if derivation.kind == "gradient" and not derivation.several:
        yield from _moved(derivation)


def _pushed(derivation: Derivation, root: Node, start: Node, long: bool, full: bool) -> Iterator[Line]:
    """Phase 1: d pushed inward, one rule a line."""
    known = derivation.differentials
    if root not in known:
        yield "a constant has no differential", start, derivation.raw_differential
        return
    waiting: dict[Node, Node] = {
        n: d(n) for n in topological(root, into_bodies=False) if n in known and isinstance(n, Apply)
    }
    ends = {n: known[n] for n in topological(root, into_bodies=False) if n in known and not isinstance(n, Apply)}
    shown: dict[Node, Node] = {**ends, **waiting}
    line, before = d(root), start
    if root not in waiting:
        yield "definition", start, ends[root]
        return
    while True:
        node = _outermost(line)
        if node is None:
            break
        assert isinstance(node, Apply)
        rule = _law(node, known)
        values: dict[Node, Node] = {}
        values[d(node)] = _through(node, shown)
        line = substitute(line, values)
        line = _quietly(line, shown)
        after = normal(line)
        if long:
            yield rule, d(node), normal(_quietly(values[d(node)], shown))
        elif after is not before:
            if full and line is not after:
                yield rule, before, line
                yield ALGEBRA, line, after
            else:
                yield rule, before, after
            before = after


def _outermost(line: Node) -> Node | None:
    """The u of the first d(u) that no other d(…) contains."""
    for node in reversed(topological(line, into_bodies=False)):
        if is_op(node, D):
            return node.children[0]
    return None


def _through(node: Apply, shown: dict[Node, Node]) -> Node:
    parts = [i for i, a in enumerate(node.args) if a in shown]
    return apply_rules(node, parts, shown)


def _quietly(line: Node, shown: dict[Node, Node]) -> Node:
    """d passed through sums, scalings by constants and transposes without a word."""
    while True:
        values = {
            m: _through(u, shown)
            for m in topological(line, into_bodies=False)
            if is_op(m, D) and isinstance(u := m.children[0], Apply) and _is_quiet(u, shown)
        }
        if not values:
            return line
        line = substitute(line, values)


def _is_quiet(node: Apply, shown: dict[Node, Node]) -> bool:
    moving = [i for i, a in enumerate(node.args) if a in shown]
    if node.op.name in QUIET or node.op.name in ("matmul", "hadamard", "inner"):
        return node.op.name == "add" or len(moving) == 1
    return False


def _law(node: Apply, known: dict[Node, Node]) -> str:
    moving = [i for i, a in enumerate(node.args) if a in known]
    if isinstance(node.op.rule(moving[0]), Linear) and len(moving) == 1 and node.op.name in MOVES:
        return "a constant factor stays"
    return node.op.law or f"differential of {node.op.name}"


def _moved(derivation: Derivation) -> Iterator[Line]:
    """Phase 2: linear maps moved across the pairing until it reads ⟨G, dX⟩, and what is done to G."""
    (X,) = derivation.wrt
    dX = derivation.directions[X]
    moves: list[Move] = []
    found = adjoint(derivation.raw_differential, number(1), [dX], moves)
    frontier: dict[Node, Node] = {}
    before = normal(derivation.raw_differential)
    rule = ""
    for i, move in enumerate(moves):
        frontier.pop(move.node, None)
        for V, Y in move.moved:
            frontier[V] = add(Y, frontier[V]) if V in frontier else Y
        assert isinstance(move.node, (Apply, Symbol))
        name = move.node.op.name if isinstance(move.node, Apply) else ""
        rule = _move_law(move.node) if name not in QUIET or not rule else rule
        following = moves[i + 1].node if i + 1 < len(moves) else None
        if following is not None and (_move_law(following) == rule or _silent(following)):
            continue
        after = _paired(frontier)
        if rule and after is not before:
            yield rule, before, after
            before, rule = after, ""
    raw = _paired({dX: found[dX]})
    G = derivation.plain_gradient
    if before is not raw:
        yield rule or "df = ⟨G, dX⟩", before, raw
    last = _paired({dX: G})
    space = tangent(X)
    if space is not None:
        yield space.law, raw, last
    elif raw is not last:
        yield "collect and substitute", raw, last
    raising = [s.raising for s in derivation.curved.values() if s.raising]
    rule = raising[0] if raising else READ_OFF if derivation.metric is None else WEIGHTED
    yield rule, last, derivation.gradient.node


def _paired(frontier: dict[Node, Node]) -> Node:
    """Σ ⟨Y, V⟩; of scalars the product."""
    scalars = [scale(Y, V) for V, Y in frontier.items() if V.kind == "scalar"]
    arrays = [pairing(normal(Y), normal(V)) for V, Y in frontier.items() if V.kind != "scalar"]
    return add(*([normal(add(*scalars))] if scalars else []), *arrays)


def _silent(node: Node) -> bool:
    return isinstance(node, Symbol) or (isinstance(node, Apply) and node.op.name in QUIET)


def _move_law(node: Node) -> str:
    if isinstance(node, Symbol):
        return f"substitute {node.name}"
    assert isinstance(node, Apply)
    return MOVES.get(node.op.name) or node.op.source or f"the adjoint of {node.op.name}"
