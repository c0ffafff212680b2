"""The derivation told as on a board: a rendering of what the two phases did, never a second way to do it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matdiff.api.expr import Expr
from matdiff.calculus.adjoint import Move, adjoint, dependent
from matdiff.calculus.differential import apply_rules
from matdiff.calculus.markers import ADJOINT, HESSIAN, JACOBIAN, SECOND, SO, D, d, pairing
from matdiff.calculus.tangent import tangent
from matdiff.core.node import Apply, Node, Symbol, number, symbol, topological
from matdiff.core.op import Linear
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import add, is_op, scale
from matdiff.ops.constants import zeros_like
from matdiff.printing.length import length
from matdiff.simplify.normal import normal

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

QUIET = {"add", "scale", "transpose"}
"""Functions through which d passes, and a pairing moves, without a line of their own."""

WHOLE = 150
"""Longest derivation that is told in whole lines; longer ones get a line per part."""

ALGEBRA = "simplify"
READ_OFF = "read off the gradient"
WEIGHTED = "the gradient for ⟨x,y⟩ = xᵀWy is W⁻¹ times what is paired with dx"
SO_ALONG = "⇒ H[dX] ="
SQUEEZED = "its matrix on tangent directions, P(…)P"
READ_SECOND = "the second direction is dX₂"
READ_ADJOINT = "read off the adjoint"
READ_JACOBIAN = "read off the Jacobian"
READ_VEC = "read off the Jacobian: vec(A V B) = (Bᵀ ⊗ A) vec(V)"
READ_DERIVATIVE = "read off the derivative"
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

    `relation` stands between them: "=" everywhere but in the last line, which reads off the gradient, an adjoint, a
    Jacobian, a Hessian or a second derivative, of several variables by the one named `by`.
    """

    rule: str
    before: Expr
    after: Expr
    relation: str = "="
    by: str = ""

    def __str__(self) -> str:
        return f"{self.before.text(defined=False)} {self.relation} {self.after.text(defined=False)}   [{self.rule}]"


def narrative(derivation: Derivation, full: bool = False) -> tuple[Step, ...]:
    """The steps from the function to its differential and, for a scalar function of one variable, to its gradient.

    With `full`, what a rule gives and its simplification are two steps.
    """
    found = _narrated(derivation, full)
    plain = derivation.kind == "gradient" and not (derivation.several or derivation.curved or derivation.source)
    if full or not plain or widest(found) <= WIDEST:
        return found
    named = repeated(derivation, 1)
    shorter = found if named is None else _narrated(derivation.having(named.node, named.variables), full)
    return min(found, shorter, key=widest)


def widest(steps: Iterable[Step]) -> int:
    """Characters of the longest formula."""
    return max((max(len(s.before.text(defined=False)), len(s.after.text(defined=False))) for s in steps), default=0)


def _narrated(derivation: Derivation, full: bool) -> tuple[Step, ...]:
    variables = derivation.function.variables
    last = (READ_OFF, WEIGHTED, *(space.raising for space in derivation.curved.values() if space.raising))
    return tuple(
        Step(rule, Expr(before, variables), Expr(after, variables), SO if rule in last else "=")
        for rule, before, after in _lines(derivation, full)
        if before is not after
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that go on from a differential to what is read off it: the `key` by the variables named `by`.

    `of` is the derivation whose differential that is: the function's, or that of a gradient.
    """

    key: str
    by: tuple[str, ...]
    steps: tuple[Step, ...]
    of: Derivation


def groups(derivation: Derivation, order: int = 1) -> tuple[Group, ...]:
    """What the narrative leaves open: gradients by several variables, adjoints and Jacobians, blocks of a Hessian."""
    found = list(_gradients(derivation) if derivation.kind == "gradient" else _maps(derivation))
    if order > 1 and derivation.kind != "gradient" and not derivation.several:
        found.append(_second_form(derivation))
    blocks = order > 1 and derivation.several and derivation.kind == "gradient"
    return (*found, *(_blocks(derivation) if blocks else ()))


def _second_form(derivation: Derivation) -> Group:
    """dF along dX₁ differentiated along dX₂."""
    again = derivation.of_differential
    (X,) = derivation.wrt
    rule = READ_SECOND.replace("X", X.name)
    last = Step(rule, again.differential, derivation.bilinear.value, SECOND, X.name)
    return Group("second", (X.name,), (*_differential(again), last), again)


def _gradients(derivation: Derivation) -> Iterator[Group]:
    if not derivation.several:
        return
    for X in derivation.wrt:
        lines = _across(derivation, X, number(1), derivation.gradient[X.name].node)
        yield Group("gradient", (X.name,), _told(derivation, lines, X, READ_OFF, SO), derivation)


def _maps(derivation: Derivation) -> Iterator[Group]:
    """Adjoint and Jacobian of a vector or matrix function by each variable."""
    for X in derivation.wrt:
        if derivation.metric is None:
            Y = derivation.covector
            lines = _across(derivation, X, Y, derivation.pullback[X])
            yield Group("adjoint", (X.name,), _told(derivation, lines, X, READ_ADJOINT, ADJOINT, Y), derivation)
        try:
            J = derivation.jacobian[X.name] if derivation.several else derivation.jacobian
        except UnsupportedError:
            continue
        matrix = "matrix" in (X.kind, derivation.function.kind)
        rule = READ_DERIVATIVE if X.kind == "scalar" else READ_VEC if matrix else READ_JACOBIAN
        lone = Expr(_alone(derivation, X), derivation.function.variables)
        yield Group("jacobian", (X.name,), (Step(rule, lone, J, JACOBIAN, X.name),), derivation)


def _blocks(derivation: Derivation) -> Iterator[Group]:
    """Each gradient differentiated once, and a block of the Hessian read off by each variable."""
    for X in derivation.wrt:
        again = derivation.about(derivation.gradient[X.name])
        steps = _differential(again)
        for Z in derivation.wrt:
            matrix = "matrix" in (X.kind, Z.kind)
            lone = Expr(_alone(again, Z), again.function.variables)
            rule = READ_MATRIX if matrix else READ_HESSIAN
            last = Step(rule, lone, derivation.hessian[X.name, Z.name], HESSIAN, Z.name)
            yield Group("hessian", (X.name, Z.name), (*steps, last), again)
            steps = ()


def _differential(derivation: Derivation) -> tuple[Step, ...]:
    """The steps to the differential, as it is printed."""
    variables = derivation.function.variables
    lines = _lines(derivation, False, closing=False)
    steps = [Step(r, Expr(b, variables), Expr(a, variables)) for r, b, a in lines if b is not a]
    last = derivation.differential
    if steps and steps[-1].after != last:
        parts = is_op(steps[-1].before.node, D) and steps[-1].before.node is not d(derivation.prepared)
        before = Expr(d(derivation.prepared), variables) if parts else steps[-1].after
        if not parts or len(last.text()) <= WIDEST:
            steps.append(Step("substitute and collect" if parts else "collect", before, last))
    return tuple(steps)


def _told(
    derivation: Derivation, lines: Iterable[Line], X: Symbol, last: str, relation: str, Y: Symbol | None = None
) -> tuple[Step, ...]:
    """Lines as steps, the first of several variables with the word that the others are held fast."""
    variables = (*derivation.function.variables, *([Y] if Y is not None else []))
    found = [(rule, before, after) for rule, before, after in lines if before is not after or rule == last]
    only = f"by {X.name} alone: " if derivation.several else ""
    return tuple(
        Step(
            only * (i == 0) + rule,
            Expr(before, variables),
            Expr(after, variables),
            relation if rule == last else "=",
            X.name,
        )
        for i, (rule, before, after) in enumerate(found)
    )


def _alone(derivation: Derivation, X: Symbol) -> Node:
    """The differential where X alone moves."""
    return normal(_only(derivation, X))


def _only(derivation: Derivation, X: Symbol) -> Node:
    """The differential as the rules gave it where X alone moves, without the definitions that stand still then."""
    value, dX = derivation.raw_differential, derivation.directions[X]
    others = [dZ for dZ in derivation.directions.values() if dZ is not dX]
    moving = set(dependent(value, [dX]))
    still = {n for n in dependent(value, others) if isinstance(n, Symbol) and n not in moving}
    return substitute(value, {n: zeros_like(n) for n in (*still, *others)}, into_bodies=True) if others else value


def _across(derivation: Derivation, X: Symbol, Y: Node, G: Node) -> Iterator[Line]:
    """From ⟨Y, dF⟩ to ⟨G, dX⟩, and what is read off."""
    dX, value = derivation.directions[X], _only(derivation, X)
    scalar = derivation.kind == "gradient"
    before = normal(value) if scalar else _paired({value: Y})
    raw = before
    for rule, start, after in _shifted(value, Y, dX, before):
        yield rule, start, after
        raw = after
    last = _paired({dX: G})
    space = tangent(X)
    if raw is not last:
        yield "collect and substitute" if space is None else space.law, raw, last
    yield READ_OFF if scalar else READ_ADJOINT, last, G


def second(derivation: Derivation) -> tuple[Step, ...]:
    """The steps from the gradient by one variable to the Hessian; on a curved set from the gradient in all of space."""
    again = derivation.of_gradient
    parts = repeated(again)
    steps = _differential(again.having(parts.node, parts.variables) if parts is not None else again)
    if derivation.curved:
        return (*steps, *_bent(derivation, again.differential))
    (X,) = derivation.wrt
    rule = READ_MATRIX if X.kind == "matrix" else READ_HESSIAN
    return (*steps, Step(rule, again.differential, derivation.hessian, HESSIAN, X.name))


NAMES = "uvwzst"
"""Letters for scalars that occur in several places of what is differentiated."""
SEVERAL = 2
WORTH = 3
"""Symbols from which on such a scalar is named."""


def repeated(derivation: Derivation, several: int = SEVERAL) -> Expr | None:
    """The function with names for scalars that move, if one stands in `several` places: each is differentiated once.

    None where there are none.
    """
    root = derivation.function.node
    order = topological(root, into_bodies=False)
    moving = set(dependent(root, derivation.wrt))
    uses = Counter({root: 1})
    for n in reversed(order):
        for c in n.children if isinstance(n, Apply) else ():
            uses[c] += uses[n]
    found = [n for n in order if n in moving and n is not root and _is_worth_naming(n)]
    if not any(uses[n] >= several for n in found):
        return None
    taken = {s.name for s in topological(root) if isinstance(s, Symbol)} | {
        v.name for v in derivation.function.variables
    }
    free = [c for c in NAMES if c not in taken and f"d{c}" not in taken]
    inside = {c for n in found for c in topological(n) if c is not n}
    chosen = [n for n in found if n not in inside][: len(free)]
    if not chosen:
        return None
    names = {n: symbol(c, n.kind, n.rows, n.cols, body=n) for n, c in zip(chosen, free, strict=False)}
    return Expr(substitute(root, dict(names)), derivation.function.variables, derivation.function.guards)


def _is_worth_naming(n: Node) -> bool:
    """Is it a scalar that is more than a multiple or a power of others?"""
    if not isinstance(n, Apply) or n.kind != "scalar" or n.op.name in ("scale", "power"):
        return False
    return length(n) >= WORTH


def _bent(derivation: Derivation, last: Expr) -> Iterator[Step]:
    """From ∇²f[dX] to the Hessian on the curved set, and to its matrix for a vector."""
    (space,) = derivation.curved.values()
    found = derivation.hessian_operator.value
    yield Step(space.bending, last, found, SO_ALONG)
    if space.kind == "vector":
        yield Step(SQUEEZED, found, derivation.hessian, "⇒ H =")


Line = tuple[str, Node, Node]


def _lines(derivation: Derivation, full: bool, closing: bool = True) -> Iterator[Line]:
    f = derivation.function.node
    if derivation.prepared is not f:
        yield "rewrite in a form easier to differentiate", f, derivation.prepared
    long = len(derivation.differentials) > WHOLE
    for node in topological(derivation.prepared):
        if isinstance(node, Symbol) and node.body is not None and node in derivation.differentials:
            yield from _pushed(derivation, node.body, d(node), long, full)
    if not isinstance(derivation.prepared, Symbol):
        yield from _pushed(derivation, derivation.prepared, d(derivation.prepared), long, full)
    if closing and derivation.kind == "gradient" and not derivation.several:
        yield from _moved(derivation)


WIDEST = 100
"""Most characters of a line; where one would be longer, each line shows only the part that its rule changes."""


def _pushed(derivation: Derivation, root: Node, start: Node, long: bool, full: bool) -> list[Line]:
    """Phase 1: d pushed inward, one rule a line; in whole lines where these are short enough."""
    found = list(_pushed_by(derivation, root, start, long, full))
    if long or full:
        return found
    text = start
    for _, before, after in found:
        first = len(_text(before)) if before is not text or before is start else 0
        if first + len(_text(after)) + 3 > WIDEST:
            return list(_pushed_by(derivation, root, start, True, full))
        text = after
    return found


def _text(node: Node) -> str:
    return Expr(node, ()).text(defined=False)


def _pushed_by(derivation: Derivation, root: Node, start: Node, long: bool, full: bool) -> Iterator[Line]:
    """The same, in whole lines or in parts."""
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
    raw = normal(derivation.raw_differential)
    for rule, before, after in _shifted(derivation.raw_differential, number(1), dX, raw):
        yield rule, before, after
        raw = after
    G = derivation.plain_gradient
    last = _paired({dX: G})
    space = tangent(X)
    if space is not None:
        yield space.law, raw, last
    elif raw is not last:
        yield "collect and substitute", raw, last
    raising = [s.raising for s in derivation.curved.values() if s.raising]
    rule = raising[0] if raising else READ_OFF if derivation.metric is None else WEIGHTED
    yield rule, last, derivation.gradient.node


def _shifted(value: Node, Y: Node, dX: Symbol, before: Node) -> Iterator[Line]:
    """The maps of a differential moved across the pairing one after the other, until it reads ⟨G, dX⟩."""
    moves: list[Move] = []
    found = adjoint(value, Y, [dX], moves)
    frontier: dict[Node, Node] = {value: Y}
    rule = ""
    for i, move in enumerate(moves):
        frontier.pop(move.node, None)
        for V, Z in move.moved:
            frontier[V] = add(Z, frontier[V]) if V in frontier else Z
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
    if before is not raw:
        yield rule or "df = ⟨G, dX⟩", before, raw


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
