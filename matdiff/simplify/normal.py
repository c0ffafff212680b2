"""The normal form: silent, idempotent, linear in the size of the graph.

Sums are flattened and like terms collected, scalars come to the front, transposes go through products
and inverses but over sums only where that removes some, A A⁻¹ vanishes, Sᵀ is S where that is known.
Nothing is multiplied out that a person would keep factored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from matdiff.core.node import Apply, Node, Number, Symbol, Value, number, topological
from matdiff.core.op import Joint, Linear
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import respelled
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    matmul,
    power,
    scale,
    transpose,
)
from matdiff.ops.constants import is_ones, is_zero, zeros_like
from matdiff.ops.reductions import mean
from matdiff.ops.structure import Diag, vec
from matdiff.simplify.context import Context, numbered
from matdiff.simplify.pairings import averaged, outer_sides, paired, totalled, traced
from matdiff.simplify.products import product
from matdiff.simplify.terms import (
    NESTED,
    SCALARS,
    Term,
    apart,
    chain,
    entrywise,
    magnitude,
    merged,
    plain,
    root_power,
    split,
)
from matdiff.simplify.transposes import inverted, repeated, transposed
from matdiff.simplify.transposes import raised as raised_matrix

# Hadamard products and powers in normal form.


def multiplied(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    if any(map(is_zero, args)):
        return zeros_like(node)
    term = Term()
    cores = []
    for a in args:
        piece = split(a)
        term.multiply_all(piece)
        assert piece.core is not None
        cores.append(piece.core)
    entries = merged(*cores)
    spread = _spread(context, entries, node)
    if spread is not None:
        return context.scaled(term, spread)
    return context.scaled(term, context.entrywise(entries, node))


def _spread(context: Context, entries: Term, node: Node) -> Node | None:
    """A ⊙ (x 1ᵀ) = Diag(x) A and A ⊙ (1 yᵀ) = A Diag(y): a vector spread over a matrix."""
    if node.kind != "matrix" or len(entries.scalars) < 2:
        return None
    for base, exponent in entries.scalars.items():
        found = outer_sides(context, base) if exponent == 1 else None
        if found is None:
            continue
        rest = Term(scalars={b: e for b, e in entries.scalars.items() if b is not base})
        others = entrywise(rest, node)
        left, right = (chain(s) for s in found)
        if is_ones(right):
            return matmul(Diag(left), others)
        if is_ones(left):
            return matmul(others, Diag(transpose(right)))
    return None


def raised(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    base, exponent = args
    if not isinstance(exponent, Number):
        made = power(base, exponent)
        return context.join(split(made)) if node.kind == "scalar" else context.entrywise(merged(made), made)
    if node.kind == "scalar":
        inside = split(base)
        p = exponent.value
        if isinstance(p, int) and (len(inside.scalars) > 1 or inside.number != 1 or base not in inside.scalars):
            return context.join(inside.raised(p))
    elif base.op is vec:
        made = power(base.children[0], exponent)
        return vec(raised(context, made, made.args)) if isinstance(made, Apply) and made.op is POWER else vec(made)
    elif isinstance(exponent.value, int) and base.op is POWER and isinstance(inner := base.children[1], Number):
        return root_power(base.children[0], plain(inner.value * exponent.value))
    elif isinstance(exponent.value, int) and base.op is SCALE:
        inside = split(base)
        term = inside.raised(exponent.value)
        assert inside.core is not None
        term.core = power(inside.core, exponent)
        return context.join(term)
    if type(exponent.value) is Fraction and exponent.value.denominator == 2:
        return root_power(base, exponent.value)
    return power(base, exponent)


def normal(root: Node, known: Known | None = None) -> Node:
    """The normal form of an expression; definitions inside it are left as they are."""
    return new_context(known).normal(root)


def new_context(known: Known | None = None) -> Context:
    """A run of the normal form over several expressions: equal scalars, sums and products take one form in all."""
    return Context(known, _rebuild, product)


def normal_forms(*roots: Node) -> dict[Node, Node]:
    """The normal forms of all that stands below the roots; a definition that comes to a number is that number."""
    context = new_context()
    memo: dict[Node, Node] = {}
    for node in topological(*roots):
        if isinstance(node, Apply):
            memo[node] = _rebuild(context, node, tuple(memo[a] for a in node.args))
        else:
            body = memo[node.body] if isinstance(node, Symbol) and node.body is not None else node
            memo[node] = body if isinstance(body, Number) or is_zero(body) else node
    return memo


def _rebuild(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    rule = RULES.get(node.op.name)
    if rule is not None:
        return rule(context, node, args)
    if node.op is mean:
        return averaged(context, args[0])
    if isinstance(node.op.rule(0), Joint) and (simpler := _common_out(context, node, args)) is not None:
        return simpler
    linear = [a for i, a in enumerate(args) if isinstance(node.op.rule(i), Linear)]
    if any(map(is_zero, linear)):
        return zeros_like(node)
    if any(a.op is SCALE and a.kind != "scalar" for a in linear):
        return _scalars_out(context, node, args)
    if node.op.simplify is not None:
        simpler = node.op.simplify(context.known, node, *args)
        if simpler is not None:
            return simpler if simpler in args or not isinstance(simpler, Apply) else context.normal(simpler)
    return respelled(node, args)


def _common_out(context: Context, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """[2A, −2B] as 2[A, −B], and 0 for blocks that are all 0; None where blocks have no number in common."""
    pieces = [split(a) for a in args if not is_zero(a)]
    if not pieces:
        return zeros_like(node)
    if any(p.core is None or p.core.kind == "scalar" for p in pieces):
        return None
    for p in pieces:
        context.signed(p)
    size = magnitude(pieces[0].number)
    if any(magnitude(p.number) != size for p in pieces):
        return None
    common = size if any(p.number > 0 for p in pieces) else -size
    if common == 1:
        return None
    for p in pieces:
        p.number = 1 if (p.number > 0) == (common > 0) else -1
    left = iter(pieces)
    blocks = [a if is_zero(a) else context.join(next(left)) for a in args]
    return context.scaled(Term(common), node.op(*blocks, params=node.params))


def _scalars_out(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    """L(s A) = s L(A) for every argument in which a function is linear."""
    term = Term()
    bare = list(args)
    for i, a in enumerate(args):
        if isinstance(node.op.rule(i), Linear) and a.kind != "scalar":
            piece = split(a)
            if piece.core is not None:
                term.multiply_all(piece)
                bare[i] = piece.core
    inside = node.op(*bare, params=node.params)
    value = _rebuild(context, inside, tuple(bare)) if isinstance(inside, Apply) and inside.op is node.op else inside
    return context.scaled(term, value)


def _sum(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    terms: dict[object, Term] = {}
    for a in args:
        for part in _opened(a):
            term = split(part)
            found = terms.setdefault(term.key, term)
            if found is not term:
                found.number = found.number + term.number
    kept = [t for t in terms.values() if t.number != 0 and not (t.core and is_zero(t.core))]
    if not kept:
        return zeros_like(node)
    content = _content(kept)
    if content == 1:
        return context.same(add(*(context.join(t) for t in kept)))
    for t in kept:
        t.number = 1 if t.number == content else -1
    inside = add(*(context.join(t) for t in kept))
    if any(not t.scalars and t.core is not None and t.core.op is ADD for t in kept):
        inside = _sum(context, node, inside.children)
    return scale(number(content), context.same(inside))


def _opened(a: Node) -> Iterable[Node]:
    """The terms of a sum or of a number times one: 2(A + B) + C is 2A + 2B + C, whatever was in brackets."""
    value, inside = numbered(a)
    if inside is None or inside.op is not ADD or len(inside.children) > NESTED:
        return (a,)
    return inside.children if value == 1 else (scale(number(value), t) for t in inside.children)


def _content(terms: list[Term]) -> Value:
    """The number to stand before a sum: the one that all terms share up to sign, the first one's sign."""
    first: Value = terms[0].number
    if len(terms) < 2 or any(abs(t.number) != abs(first) for t in terms):
        return 1
    if abs(first) == 1:
        return -1 if all(t.number == -1 for t in terms) else 1
    return first if all(t.number == first for t in terms) else magnitude(first)


def _scale(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    if any(map(is_zero, args)):
        return zeros_like(node)
    if node.kind == "scalar" and _many_scalars(args):
        return node if args == node.args else node.op.build(args)
    term = Term()
    for a in args:
        piece = apart(a, context.known)
        term.multiply_all(piece)
        term.core = piece.core
    return context.join(term)


def _many_scalars(args: tuple[Node, ...]) -> bool:
    """Are more scalars multiplied here than are taken apart and put together again?"""
    count, stack = 1, list(args)
    while stack and count <= SCALARS:
        top = stack.pop()
        if top.op is SCALE:
            count += 1
            stack.extend(top.children)
    return count > SCALARS


def _matmul(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    a, b = args
    return zeros_like(node) if is_zero(a) or is_zero(b) else product(context, a, b, node)


Rule = Callable[[Context, Apply, tuple[Node, ...]], Node]
RULES: dict[str, Rule] = {
    ADD.name: _sum,
    SCALE.name: _scale,
    MATMUL.name: _matmul,
    TRANSPOSE.name: transposed,
    HADAMARD.name: multiplied,
    INNER.name: paired,
    "power": raised,
    "mpow": repeated,
    "mpower": raised_matrix,
    "inv": inverted,
    "tr": traced,
    "sum": totalled,
}
