"""The derivation told as on a board: a rendering of what the two phases did, never a second way to do it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from matdiff.api.expr import Expr
from matdiff.calculus.adjoint import Move, adjoint, dependent
from matdiff.calculus.differential import apply_rules, differentials
from matdiff.calculus.markers import ADJOINT, HESSIAN, JACOBIAN, LETTERS, SECOND, SO, D, d, pairing
from matdiff.calculus.tangent import tangent
from matdiff.core.cached import cached_property
from matdiff.core.node import Apply, Node, Number, Symbol, number, size_names, symbol, topological
from matdiff.core.op import Joint, Linear, differential_symbol, registry
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import in_terms_of, inline, is_negative, prepared, substitute, transformed
from matdiff.ops.algebra import ADD, MATMUL, POWER, SCALE, TRANSPOSE, add, is_op, scale
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.ops.indexing import COLUMN, ROW, SLICE
from matdiff.ops.spectral import eigvecs
from matdiff.printing import to_text
from matdiff.printing.length import length
from matdiff.printing.names import unicode_name
from matdiff.simplify.context import Context
from matdiff.simplify.forms import best
from matdiff.simplify.normal import new_context, normal

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

WHOLE = 150
"""Longest derivation that is told in whole lines; longer ones get a line per part."""

ALGEBRA = "simplify"
REWRITE = "rewrite in a form easier to differentiate"
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
FACTOR = "a constant factor stays"
PRODUCT, POWERS, QUOTIENT = "product rule", "power rule", "quotient rule"
PRODUCTS = (PRODUCT, QUOTIENT)
CITED = "as above"
SUBSTITUTE = "substitute"
COLLECT = "collect and substitute"


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
    return _narrated(Telling.of(derivation), True) if full else derivation.retold.steps


def retold(derivation: Derivation) -> Telling:
    """The derivation with names for parts of the function where a lecturer would give them: for both sides of a
    quotient of scalars, for what would be derived twice, and where a line would be too long.
    """
    plain = Telling.of(derivation)
    if derivation.curved or derivation.source or len(derivation.differentials) > WHOLE:
        return plain
    fraction = _named(derivation, _quotients(derivation))
    if fraction is not None and (found := Telling.of(fraction)).width <= WIDEST:
        return found
    best = plain
    for several, kinds in ((SEVERAL, SCALAR), (SEVERAL, KINDS), (1, SCALAR), (1, KINDS)):
        if best.width <= WIDEST:
            break
        named = _named(derivation, _repeated(derivation, several, kinds))
        if named is not None and (found := Telling.of(named)).width < best.width:
            best = found
    return best


def widest(steps: Iterable[Step]) -> int:
    """Characters of the longest line."""
    most, last = 0, None
    for step in steps:
        before, after = step.before.node, step.after.node
        most = max(most, _long(after) + 3 + _long(before) * (step.relation == "=" and before is not last))
        last = after
    return most


def _narrated(telling: Telling, full: bool) -> tuple[Step, ...]:
    derivation = telling.derivation
    variables = derivation.function.variables
    raised = (space.raising for space in derivation.curved.values() if space.raising)
    last = (READ_OFF, READ_DERIVATIVE, WEIGHTED, *raised)
    return tuple(
        Step(rule, Expr(before, variables), Expr(after, variables), SO if rule in last else "=")
        for rule, before, after in _in_norms(derivation, _lines(telling, full))
    )


def _in_norms(derivation: Derivation, lines: Iterable[Line], told: bool = False) -> Iterator[Line]:
    """Lines with squares of norms as they were typed, but where they are differentiated as products: within d(…).

    Once it is `told` that ‖u‖² = uᵀu, only within d(uᵀu).
    """
    squares = derivation.squares
    for rule, *sides in lines:
        before, after = (
            (_with_norms(e, squares, told) for e in sides) if squares and told | (rule != REWRITE) else sides
        )
        if before is not after:
            yield rule, before, after


def _signs_inside(node: Node) -> Node:
    """a − b for −(b − a) and −(−a + b), but within d(…)."""

    def turned(n: Apply, args: tuple[Node, ...]) -> Node | None:
        if is_op(n, D):
            return n
        if n.op is not SCALE or not isinstance(c := args[0], Number) or not is_op(args[1], ADD) or c.value >= 0:
            return None
        terms = [scale(number(-1), t) for t in args[1].children]
        if all(map(is_negative, terms)):
            return None
        return scale(number(-c.value), add(*sorted(terms, key=is_negative)))

    return transformed(node, turned)


def _with_norms(node: Node, squares: Mapping[Node, Node], told: bool) -> Node:
    marks = (m for m in topological(node, into_bodies=False) if is_op(m, D))
    kept = {m: m for m in marks if not told or m.children[0] in squares}
    return substitute(node, {**squares, **kept})


@dataclass
class Telling:
    """A derivation as it is told: its differentials in terms of what has a name, and what has been derived before."""

    derivation: Derivation
    known: dict[Node, Node]
    told: set[Node]
    context: Context
    """In which equal scalars, sums and products take one form in all lines."""
    answers: set[Node] = field(default_factory=set)
    """What is read off: it stands as it is printed."""

    @classmethod
    def of(cls, derivation: Derivation, told: Iterable[Node] = ()) -> Telling:
        context = new_context()

        def body(dr: Node, r: Node, expression: Node) -> Node:
            return context.normal(in_terms_of(dr, expression, r))

        root = derivation.prepared
        defines = any(isinstance(n, Symbol) and n.body is not None for n in topological(root, into_bodies=False))
        known = differentials(root, derivation.directions, body) if defines else derivation.differentials
        return cls(derivation, known, set(told), context)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """From the function to its differential, and to its gradient by one variable."""
        return _narrated(self, False)

    @cached_property
    def width(self) -> int:
        """Characters of the longest line; too many where a rule would be used twice for the same part."""
        return max(widest(self.steps), (WIDEST + 1) * any(step.rule == CITED for step in self.steps))

    @cached_property
    def value(self) -> Node:
        """The differential, simplified, in which definitions have theirs."""
        root = self.derivation.prepared
        return self.normal(self.known.get(root) or zeros_like(root))

    def normal(self, node: Node) -> Node:
        return self.context.normal(node)

    def paired(self, frontier: Mapping[Node, Node], names: Mapping[Node, Node] | None = None) -> Node:
        """Σ ⟨Y, V⟩; of scalars the product."""
        normal, known = self.normal, self.context.known
        scalars = [scale(Y, V) for V, Y in frontier.items() if V.kind == "scalar"]
        shown = {
            V: Y if Y in self.answers else best(normal(Y), known) for V, Y in frontier.items() if V.kind != "scalar"
        }
        arrays = [pairing(Y, normal(V)) for V, Y in shown.items()]
        found = add(*([normal(add(*scalars))] if scalars else []), *arrays)
        return substitute(found, names) if names else found


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
    if order > 1 and derivation.kind != "gradient":
        found += _second_forms(derivation) if derivation.several else [_second_form(derivation)]
    blocks = order > 1 and derivation.several and derivation.kind == "gradient"
    return (*found, *(_blocks(derivation) if blocks else ()))


def _second_form(derivation: Derivation) -> Group:
    """dF along dX₁ differentiated along dX₂."""
    again = derivation.of_differential
    (X,) = derivation.wrt
    rule = READ_SECOND.replace("X", X.name)
    steps = _differential(again)
    last = Step(rule, _ended(steps, again), derivation.bilinear.value, SECOND, X.name)
    return Group("second", (X.name,), (*steps, last), again)


def _second_forms(derivation: Derivation) -> Iterator[Group]:
    """The same by several variables: each pair's form where the other directions are 0; nothing of forms that are."""
    again = derivation.of_differential
    steps = _differential(again)
    for (x, z), form in derivation.bilinear.items():
        if is_zero(form.value.node):
            continue
        X, Z = (next(v for v in derivation.wrt if v.name == name) for name in (x, z))
        still = {differential_symbol(W, 1) for W in derivation.wrt if W is not X}
        still |= {dW for W, dW in again.directions.items() if W is not Z}
        alone = normal(substitute(again.differential.node, {dW: zeros_like(dW) for dW in still}))
        lone = Expr(alone, again.function.variables)
        yield Group("second", (x, z), (*steps, Step(READ_SECOND.replace("X", z), lone, form.value, SECOND, z)), again)
        steps = ()


def _gradients(derivation: Derivation) -> Iterator[Group]:
    """All gradients by one pass over the differential; what is common to several has the name that answers give it."""
    if not derivation.several:
        return
    gradients = [derivation.gradient[X.name] for X in derivation.wrt]
    answers = derivation.named(derivation.abbreviations(gradients))
    names = derivation.names([e.node for e in derivation.abbreviations(gradients)])
    results: dict[Node, Node] = {dX: e.node for dX, e in zip(derivation.directions.values(), answers, strict=True)}
    telling = derivation.retold
    passed = tuple(_across(telling, number(1), results, names))
    for X, answer in zip(derivation.wrt, answers, strict=True):
        yield Group("gradient", (X.name,), _read_off(telling, passed, X, answer.node, READ_OFF, SO), derivation)
        passed = ()


def _maps(derivation: Derivation) -> Iterator[Group]:
    """Adjoint and Jacobian of a vector or matrix function by each variable."""
    telling, Y = derivation.retold, derivation.covector
    results: dict[Node, Node] = {}
    if derivation.metric is None:
        pulled = [Expr(derivation.pullback[X], derivation.function.variables) for X in derivation.wrt]
        named = derivation.abbreviations([*pulled, derivation.differential])
        results = {dX: e.node for dX, e in zip(derivation.directions.values(), named, strict=False)}
    passed = tuple(_across(telling, Y, results, {})) if results else ()
    for X in derivation.wrt:
        if results:
            G = results[derivation.directions[X]]
            lines = _read_off(telling, passed, X, G, READ_ADJOINT, ADJOINT, Y)
            yield Group("adjoint", (X.name,), lines, derivation)
            passed = ()
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
    first = derivation.retold
    told = {n for n in first.known if isinstance(n, Apply)}
    for X in derivation.wrt:
        again = derivation.about(derivation.gradient[X.name])
        steps = _in_names_of(first, again, told)
        for Z in derivation.wrt:
            matrix = "matrix" in (X.kind, Z.kind)
            lone = Expr(_alone(again, Z), again.function.variables)
            rule = READ_MATRIX if matrix else READ_HESSIAN
            last = Step(rule, lone, derivation.hessian[X.name, Z.name], HESSIAN, Z.name)
            yield Group("hessian", (X.name, Z.name), (*steps, last), again)
            steps = ()


def _differential(derivation: Derivation, told: Iterable[Node] = ()) -> tuple[Step, ...]:
    """The steps to the differential, as it is printed."""
    variables = derivation.function.variables
    lines = _lines(Telling.of(derivation, told), False, closing=False)
    steps = [Step(r, Expr(b, variables), Expr(a, variables)) for r, b, a in _in_norms(derivation, lines, told=True)]
    last = derivation.differential
    parts = steps and is_op(steps[-1].before.node, D) and steps[-1].before.node is not d(derivation.prepared)
    if parts and len(last.text()) <= WIDEST:
        start = _with_norms(d(derivation.prepared), derivation.squares, told=True)
        steps.append(Step("substitute and collect", Expr(start, variables), last))
    return tuple(steps)


def _ended(steps: Sequence[Step], again: Derivation) -> Expr:
    """What the steps to a differential end in."""
    whole = steps and again.function.node.kind == steps[-1].after.kind and steps[-1].relation == "="
    first = next((s.before.node for s in reversed(steps) if is_op(s.before.node, D)), None)
    body = inline(first.children[0]) if first is not None else None
    same = whole and body is not None and inline(prepared(again.function.node)) is body
    return steps[-1].after if same else again.differential


def _read_off(
    telling: Telling,
    passed: Iterable[Line],
    X: Symbol,
    G: Node,
    rule: str,
    relation: str,
    Y: Symbol | None = None,
) -> tuple[Step, ...]:
    """The lines of the pass over the differential, and what is paired with dX read off."""
    variables = (*telling.derivation.function.variables, *([Y] if Y is not None else []))
    dX, space = telling.derivation.directions[X], tangent(X)
    lines = [line for line in passed if line[1] is not line[2]]
    last = telling.paired({dX: G})
    if space is not None:
        raw = adjoint(telling.value, Y or number(1), [dX])[dX]
        lines.append((space.law, telling.paired({dX: inline(raw)}), last))
    *rest, (_, last, G) = _in_norms(telling.derivation, [*lines, (rule, last, G)])
    steps = [Step(r, Expr(b, variables), Expr(a, variables), "=", X.name) for r, b, a in rest]
    return (*steps, Step(rule, Expr(last, variables), Expr(G, variables), relation, X.name))


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


def _across(telling: Telling, Y: Node, results: Mapping[Node, Node], names: Mapping[Node, Node]) -> Iterator[Line]:
    """From ⟨Y, dF⟩ to Σ ⟨G, dX⟩, all variables at once."""
    derivation, value = telling.derivation, telling.value
    scalar = derivation.kind == "gradient"
    before = _signs_inside(value) if scalar else telling.paired({value: Y})
    if not scalar and _long(before) > WIDEST // 2:
        # The differential has been found, so that it need not be written once more.
        f = derivation.prepared
        F = symbol(derivation.letter, f.kind, f.rows, f.cols, body=f)
        before = pairing(Y, symbol(f"d{F.name}", f.kind, f.rows, f.cols, body=value, of=F))
    free = {dX: G for dX, G in results.items() if tangent(_variable(derivation, dX)) is None}
    yield from _together(_shifted(telling, Y, list(derivation.directions.values()), before, free, names))


def _variable(derivation: Derivation, dX: Node) -> Symbol:
    return next(X for X, direction in derivation.directions.items() if direction is dX)


def second(derivation: Derivation) -> tuple[Step, ...]:
    """The steps from the gradient by one variable to the Hessian; on a curved set from the gradient in all of space."""
    again = derivation.of_gradient
    first = derivation.retold
    told = {n for n in first.known if isinstance(n, Apply)}
    if derivation.curved:
        return (*_differential(again, told), *_bent(derivation, again.differential))
    (X,) = derivation.wrt
    rule = READ_MATRIX if X.kind == "matrix" else READ_HESSIAN
    found = _in_names_of(first, again, told)
    return (*found, Step(rule, _ended(found, again), derivation.hessian, HESSIAN, X.name))


def _in_names_of(first: Telling, again: Derivation, told: Iterable[Node]) -> tuple[Step, ...]:
    """The steps to the differential of a gradient in the names of the function's own derivation, and in further ones
    where lines would be too long.
    """
    names = {n.body: n for n in first.known if isinstance(n, Symbol) and n.body is not None}
    plain = _differential(again, told)
    found, width = plain, widest(plain)
    tries = [(SEVERAL, SCALAR), (SEVERAL, KINDS), (1, SCALAR), (1, KINDS)] if width > WIDEST else []
    options = [_named(again, names)] if names else []
    options += [_named(again, {**_repeated(again, *limits), **names}) for limits in tries]
    for option in options:
        if option is None:
            continue
        steps = _differential(option, told)
        if (narrower := widest(steps)) < width or (names and width <= WIDEST):
            found, width = steps, narrower
        if width <= WIDEST:
            break
    return found


SCALAR = ("scalar",)
KINDS = ("scalar", "vector", "row", "matrix")
PLAIN = (SCALE, POWER, TRANSPOSE, COLUMN, ROW, SLICE)
"""What is not more than what it is made of."""
SEVERAL = 2
WORTH = 3
"""Symbols from which on a part is named."""


def _named(derivation: Derivation, names: Mapping[Node, Node]) -> Derivation | None:
    """The derivation of the function in terms of names; None where it has no place for them."""
    f = derivation.function
    node = f.node
    for part, name in names.items():
        node = in_terms_of(node, part, name)
    return None if node is f.node else derivation.renamed(node)


def _quotients(derivation: Derivation) -> dict[Node, Node]:
    """Names for numerators and denominators, both more than a letter, of the function's quotients of scalars."""
    root = derivation.function.node
    moving = set(dependent(root, derivation.wrt))
    chosen: list[Node] = []
    for n in topological(root, into_bodies=False):
        sides = n.children if isinstance(n, Apply) and n.kind == "scalar" and n in moving else ()
        below = [s.children[0] for s in sides if _is_inverse(s) and _is_worth_naming(s.children[0], SCALAR)]
        above = [s for s in sides if not _is_inverse(s) and _is_worth_naming(s, SCALAR)]
        if len(sides) == 2 and below and above and {*below, *above} <= moving:
            chosen += [*above, *below]
    names = _letters(derivation, dict.fromkeys(chosen))
    return {n: v for n, v in names.items() if v.body is n or v.body is None or length(v.body) > WORTH}  # type: ignore[attr-defined]


def _is_inverse(n: Node) -> bool:
    return is_op(n, POWER) and isinstance(p := n.children[1], Number) and p.value < 0


def _repeated(derivation: Derivation, several: int, kinds: Sequence[str]) -> dict[Node, Node]:
    """Names for parts that move, if one stands in `several` places: each is differentiated once."""
    root = derivation.function.node
    order = topological(root, into_bodies=False)
    moving = set(dependent(root, derivation.wrt))
    uses = Counter({root: 1})
    for n in reversed(order):
        for c in n.children if isinstance(n, Apply) else ():
            uses[c] += uses[n]
    found = [n for n in order if n in moving and n is not root and _is_worth_naming(n, kinds)]
    chosen = [n for n in found if uses[n] >= several] if kinds is KINDS else found
    if not any(uses[n] >= several for n in found):
        return {}
    inside = {c for n in chosen for c in topological(n) if c is not n and uses[c] <= uses[n]}
    return _letters(derivation, [n for n in chosen if n not in inside])


def _letters(derivation: Derivation, parts: Iterable[Node]) -> dict[Node, Node]:
    """A free letter for each part, in its order; the parts after the last letter have none."""
    root = derivation.function.node
    taken = {s.name for s in topological(root) if isinstance(s, Symbol)} | size_names(root)
    taken |= {v.name for v in derivation.function.variables}
    names: dict[Node, Node] = {}
    for n in parts:
        letter = next((c for c in LETTERS[n.kind] if c not in taken and f"d{c}" not in taken), None)
        if letter is not None:
            taken.add(letter)
            names[n] = symbol(letter, n.kind, n.rows, n.cols, body=substitute(n, dict(names)))
    return dict(reversed(names.items()))


def _is_worth_naming(n: Node, kinds: Sequence[str]) -> bool:
    """Is it of these kinds, and more than a multiple, a power or the transpose of others?"""
    if not isinstance(n, Apply) or n.kind not in kinds or n.op in PLAIN:
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


def _lines(telling: Telling, full: bool, closing: bool = True) -> Iterator[Line]:
    derivation = telling.derivation
    f = derivation.function.node
    if derivation.prepared is not f:
        yield REWRITE, f, derivation.prepared
    long = len(telling.known) > WHOLE
    for node in topological(derivation.prepared):
        if isinstance(node, Symbol) and node.body is not None and node in telling.known:
            for rule, before, after in _pushed(telling, node.body, d(node), long, full):
                left, right = (_signs_inside(in_terms_of(e, node.body, node)) for e in (before, after))
                yield rule, left, right
    if not isinstance(derivation.prepared, Symbol):
        for rule, before, after in _pushed(telling, derivation.prepared, d(derivation.prepared), long, full):
            yield rule, _signs_inside(before), _signs_inside(after)
    if closing and derivation.kind == "gradient" and not derivation.several:
        yield from _moved(telling)


WIDEST = 100
"""Most characters of a line; where one would be longer, each line shows only the part that its rule changes."""


def _pushed(telling: Telling, root: Node, start: Node, long: bool, full: bool) -> list[Line]:
    """Phase 1: d pushed inward, one rule a line; in whole lines where these are short enough."""
    if root not in telling.known:
        return [("a constant has no differential", start, telling.value)]
    if not isinstance(root, Apply):
        return [("definition", start, telling.known[root])]
    if full:
        return list(_pushed_by_one(telling, root, start, long))
    # The differential of an eigenvector has a line of its own, which displays write as (λI − S)⁺ dS q.
    long = long or any(n in telling.known and _is_eigenvector(n) for n in topological(root, into_bodies=False))
    before = set(telling.told)
    found = list(_pushed_by(telling, root, start))
    text, fits = start, not long
    for _, left, right in found:
        first = _long(left) if left is not text or left is start else 0
        fits = fits and first + _long(right) + 3 <= WIDEST
        text = right
    if fits:
        return found
    telling.told = before
    return list(_pushed_in_parts(telling, root, start))


def _long(node: Node) -> int:
    """Characters of an expression as it is printed, eigenvectors by a letter; known as long as the node lives."""
    found = _lengths.get(node)
    if found is None:
        columns = [n for n in topological(node, into_bodies=False) if _is_eigenvector(n)]
        values = {n: symbol("q", n.kind, n.rows, n.cols) for n in columns}
        found = _lengths[node] = len(to_text(substitute(node, values) if values else node, defined=False))
    return found


_lengths: WeakKeyDictionary[Node, int] = WeakKeyDictionary()


def _is_eigenvector(n: Node) -> bool:
    """Is it a column of the matrix of eigenvectors?"""
    if not is_op(n, COLUMN):
        return False
    (inside,) = n.children
    return is_op(inside.children[0] if is_op(inside, SLICE) else inside, eigvecs)


def _shown(telling: Telling, root: Node) -> dict[Node, Node]:
    """What the differential of each part of a line is written as: d(u), until it has its turn."""
    known = telling.known
    order = [n for n in topological(root, into_bodies=False) if n in known]
    return {n: d(n) if isinstance(n, Apply) else known[n] for n in order}


def _pushed_by(telling: Telling, root: Apply, start: Node) -> Iterator[Line]:
    """Whole lines; a rule that has its turn is used wherever it can be."""
    shown, known = _shown(telling, root), telling.known
    line, before = _quietly(d(root), shown), start
    while (node := _outermost(line)) is not None:
        again = node in telling.told
        rule = CITED if again else _law(node, known)
        following = line
        while True:
            marked = _marked(following)
            if again:
                turn = [u for u in marked if u in telling.told]
            else:
                turn = [u for u in marked if u not in telling.told and _law(u, known) == rule]
                if not turn and rule in PRODUCTS and (turn := [u for u in marked if _is_inverse(u)]):
                    rule = QUOTIENT if root.kind == "scalar" else PRODUCT
            if not turn:
                break
            following = _quietly(substitute(following, {d(u): _through(u, shown) for u in turn}), shown)
            telling.told.update(turn)
            if again:
                telling.told.update(_marked(following))
            elif rule not in PRODUCTS:
                break
        line, after = following, telling.normal(following)
        if after is not before:
            yield rule, before, after
            before = after
    if before is start:
        yield _law(root, known), start, telling.normal(line)


def _marked(line: Node) -> list[Apply]:
    """The u of every d(u)."""
    insides = (m.children[0] for m in topological(line, into_bodies=False) if is_op(m, D))
    return [u for u in insides if isinstance(u, Apply)]


def _pushed_in_parts(telling: Telling, root: Node, start: Node) -> Iterator[Line]:
    """A line for each part that a rule is used on, with that part alone."""
    shown, known = _shown(telling, root), telling.known
    line = d(root)
    while (node := _outermost(line)) is not None:
        value = _through(node, shown)
        line = _quietly(substitute(line, {d(node): value}), shown)
        if node not in telling.told or node is root:
            yield _law(node, known), start if node is root else d(node), telling.normal(_quietly(value, shown))
        telling.told.add(node)


def _pushed_by_one(telling: Telling, root: Node, start: Node, long: bool) -> Iterator[Line]:
    """Whole lines, one rule and one part a line, and what is simplified apart."""
    shown = _shown(telling, root)
    line, before = d(root), start
    while (node := _outermost(line)) is not None:
        rule = _law(node, telling.known)
        value = _through(node, shown)
        line = _quietly(substitute(line, {d(node): value}), shown)
        after = telling.normal(line)
        if long:
            yield rule, d(node), telling.normal(_quietly(value, shown))
        elif after is not before:
            if line is not after:
                yield rule, before, line
                yield ALGEBRA, line, after
            else:
                yield rule, before, after
            before = after


def _outermost(line: Node) -> Apply | None:
    """The u of the first d(u) that no other d(…) contains."""
    for node in reversed(topological(line, into_bodies=False)):
        if is_op(node, D) and isinstance(u := node.children[0], Apply):
            return u
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
    return bool(node.op.pairing) and (isinstance(node.op.rule(0), Joint) or len(moving) == 1)


def _law(node: Apply, known: dict[Node, Node]) -> str:
    moving = [i for i, a in enumerate(node.args) if a in known]
    if isinstance(node.op.rule(moving[0]), Linear) and len(moving) == 1 and node.op.pairing:
        return FACTOR
    return node.op.law or f"differential of {node.op.name}"


def _moved(telling: Telling) -> Iterator[Line]:
    """Phase 2: linear maps moved across the pairing until it reads ⟨G, dX⟩, and what is done to G."""
    derivation = telling.derivation
    (X,) = derivation.wrt
    dX, space = derivation.directions[X], tangent(X)
    raw, G = _signs_inside(telling.value), derivation.plain_gradient
    told: dict[Node, Node] = {dX: derivation.in_names(G)} if space is None else {}
    names = derivation.names([told[dX]]) if told else {}
    for rule, before, after in _together(_shifted(telling, number(1), [dX], raw, told, names)):
        yield rule, before, after
        raw = after
    last = telling.paired({dX: told.get(dX, G)}, names)
    if space is not None:
        yield space.law, raw, last
    elif raw is not last:
        yield COLLECT, raw, last
    raising = [s.raising for s in derivation.curved.values() if s.raising]
    read = READ_DERIVATIVE if X.kind == "scalar" else READ_OFF
    rule = raising[0] if raising else read if derivation.metric is None else WEIGHTED
    yield rule, last, derivation.gradient.node


def _together(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines of the same moves, one after the other in terms beside each other, as one where it is short enough."""
    last: Line | None = None
    for line in lines:
        if last is not None:
            rule, before, after = last
            moved = line[1] is after and line[0].partition(":")[0] in rule and SUBSTITUTE not in line[0]
            if moved and _long(before) + _long(line[2]) + 3 <= WIDEST:
                last = rule, before, line[2]
                continue
            yield last
        last = line
    if last is not None:
        yield last


def _shifted(
    telling: Telling,
    Y: Node,
    targets: Sequence[Symbol],
    before: Node,
    results: Mapping[Node, Node],
    names: Mapping[Node, Node],
) -> Iterator[Line]:
    """The maps of a differential moved across the pairing, until it reads Σ ⟨G, dX⟩ with the `results` for G.

    A line goes on to the next definition, or to the next map of a kind that it has moved already.
    """
    value = telling.value
    telling.answers.update(results.values())
    moves: list[Move] = []
    adjoint(value, Y, targets, moves)
    rest = Counter(V for move in moves for V, _ in move.moved if V in targets)
    frontier: dict[Node, Node] = {value: Y}
    depth: dict[Node, int] = {value: 0}
    shown, start, laws, level = dict(frontier), before, list[str](), 0
    for i, move in enumerate(moves):
        frontier.pop(move.node, None)
        inside = depth[move.node] + isinstance(move.node, Symbol)
        for V, Z in move.moved:
            frontier[V] = add(Z, frontier[V]) if V in frontier else Z
            depth[V] = max(depth.get(V, 0), inside)
            rest[V] -= 1
            if V in results and not rest[V]:
                frontier[V] = results[V]
        if not _silent(move.node) or isinstance(move.node, Symbol):
            laws.append(_move_law(move.node))
        following = moves[i + 1].node if i + 1 < len(moves) else None
        if frontier.keys() <= set(targets):
            frontier = {V: frontier[V] for V in targets if V in frontier}
        if following is not None and not _begins(following, laws, depth.get(following, 0) > level):
            continue
        after, left = telling.paired(frontier, names), before
        if _long(after) + 3 + (_long(before) if before is start else 0) > WIDEST:
            gone = {V: Z for V, Z in shown.items() if frontier.get(V) is not Z}
            new = {V: Z for V, Z in frontier.items() if shown.get(V) is not Z}
            if before is not start and len(gone) < len(shown):
                left, after = telling.paired(gone, names), telling.paired(new, names)
        if after is not left:
            yield _moving(laws) or _move_law(move.node), left, after
            before, shown, laws = telling.paired(frontier, names), dict(frontier), []
        level = max(level, depth.get(following, 0)) if following is not None else level
    if not moves and results:
        after = telling.paired(results)
        if before is not after:
            yield "df = ⟨G, dX⟩", before, after


def _begins(node: Node, laws: Sequence[str], deeper: bool) -> bool:
    """Does a new line begin with this map?"""
    if isinstance(node, Symbol):
        return deeper
    law, maps = _move_law(node), [w for w in laws if not w.startswith(SUBSTITUTE)]
    return not _silent(node) and law in maps and law != maps[-1]


def _moving(laws: Sequence[str]) -> str:
    """The name of several moves: a single law with its formula, of more only what they are."""
    found = list(dict.fromkeys(laws))
    if len(found) < 2:
        return "".join(found)
    known = {op.pairing for op in registry.values()}
    names = [law.removeprefix(f"{SUBSTITUTE} ") for law in found if law.startswith(SUBSTITUTE)]
    short = [law for law in found if law not in known and not law.startswith(SUBSTITUTE)]
    if names:
        found = [*(law for law in found if not law.startswith(SUBSTITUTE)), SUBSTITUTE]
        short.insert(0, f"{SUBSTITUTE} {' and '.join(names)}")
    return ", ".join([*short, MATMUL.pairing.partition(":")[0]] if len(short) < len(found) else short)


def _silent(node: Node) -> bool:
    return isinstance(node, Symbol) or (isinstance(node, Apply) and "quiet" in node.op.traits.split())


def _move_law(node: Node) -> str:
    if isinstance(node, Symbol):
        return f"{SUBSTITUTE} {unicode_name(node.name)}"
    assert isinstance(node, Apply)
    law, source = node.op.pairing, node.op.source
    if law or source.startswith("⟨"):
        return law or source
    return f"the adjoint of {node.op.name.partition('_')[0]}" + (f" ({source})" if source else "")
