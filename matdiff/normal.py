"""The normal form: silent, idempotent, linear in the size of the graph.

Sums are flattened and like terms collected, scalars come to the front, transposes go through products
and inverses but over sums only where that removes some, A A⁻¹ vanishes, Sᵀ is S where that is known.
Nothing is multiplied out that a person would keep factored.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matdiff.expand import MOST, expanded
from matdiff.expand import terms as split_terms
from matdiff.identities import IDENTITIES
from matdiff.node import Apply, Node, Number, Value, number, topological
from matdiff.op import Linear
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    MPOW,
    SCALE,
    TRANSPOSE,
    add,
    inner,
    is_eye,
    is_ones,
    is_op,
    is_zero,
    matmul,
    power,
    scale,
    size,
    transpose,
    zeros_like,
)
from matdiff.ops.indexing import SLICE, slice_
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inverse
from matdiff.ops.matrix_functions import SYLVESTER
from matdiff.ops.reductions import mean, sum_, tr
from matdiff.ops.structure import Diag
from matdiff.products import Context, multiply, transposes
from matdiff.properties import Known, product_nodes
from matdiff.terms import (
    LONGEST,
    WINDOW,
    Factor,
    Term,
    chain,
    entrywise,
    factors,
    join,
    magnitude,
    merged,
    root_power,
    split,
)


def normal(root: Node, known: Known | None = None) -> Node:
    """The normal form of an expression; definitions inside it are left as they are."""
    context = Context(known)
    memo: dict[Node, Node] = {}
    for node in topological(root, into_bodies=False):
        memo[node] = _rebuild(context, node, tuple(memo[a] for a in node.args)) if isinstance(node, Apply) else node
    return memo[root]


def _rebuild(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    rule = RULES.get(node.op.name)
    if rule is not None:
        return rule(context, node, args)
    linear = [a for i, a in enumerate(args) if isinstance(node.op.rule(i), Linear)]
    if any(map(is_zero, linear)):
        return zeros_like(node)
    if any(is_op(a, SCALE) and a.kind != "scalar" for a in linear):
        return _scalars_out(context, node, args)
    identity = IDENTITIES.get(node.op.name)
    if identity is not None:
        simpler = identity(context.known, node, args)
        if simpler is not None:
            return simpler if simpler in args or not isinstance(simpler, Apply) else normal(simpler, context.known)
    return node if args == node.args else node.op(*args, params=node.params)


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
    return _scale_by(context, term, value) if node.kind == "scalar" else _scale_by_core(context, term, value)


def _sum(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    terms: dict[object, Term] = {}
    for a in args:
        for part in a.children if is_op(a, ADD) and len(a.children) <= WINDOW else (a,):
            term = split(part)
            found = terms.setdefault(term.key, term)
            if found is not term:
                found.number = found.number + term.number
    kept = [t for t in terms.values() if t.number != 0 and not (t.core and is_zero(t.core))]
    if not kept:
        return zeros_like(node)
    content = _content(kept)
    for t in kept:
        t.number = t.number if content == 1 else 1 if t.number == content else -1
    return scale(number(content), add(*(context.join(t) for t in kept)))


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
    if node.kind == "scalar" and _many_scalars(node):
        return node if args == node.args else node.op.build(args)
    term = Term()
    term.absorb(args[0])
    if node.kind == "scalar":
        term.absorb(args[1])
        return context.join(term)
    inside = split(args[1])
    term.core = inside.core
    term.multiply_all(inside)
    return context.join(term)


def _many_scalars(node: Node) -> bool:
    """Are more scalars multiplied here than are taken apart and put together again?"""
    count, stack = 0, [node]
    while stack and count <= WINDOW:
        top = stack.pop()
        if is_op(top, SCALE):
            count += 1
            stack.extend(top.children)
    return count > WINDOW


def _matmul(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    term = Term()
    parts: list[Factor] = []
    for a in args:
        if is_zero(a):
            return zeros_like(node)
        piece = split(a)
        term.multiply_all(piece)
        assert piece.core is not None
        parts += factors(piece.core, context.known)
    if len(parts) > LONGEST:
        return matmul(*args)
    return multiply(context, parts, term, node)


def _transpose(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    known = context.known
    piece = split(args[0])
    core = piece.core
    if core is None:
        return args[0]
    if core.kind == "matrix" and "symmetric" in known(core):
        return args[0]
    if core.kind == "matrix" and "skew" in known(core):
        piece.number = -piece.number
        return context.join(piece)
    if is_op(core, MATMUL):
        parts = factors(core, known)
        if parts[0][0] is not core:
            term = Term(piece.number, piece.scalars)
            return multiply(context, context.transposed(parts), term, node)
    piece.core = _flipped(context, core)
    return context.join(piece)


def _flipped(context: Context, core: Node) -> Node:
    """The transpose of a core that is no product."""
    known = context.known
    if is_op(core, kron):
        return kron(*(known.transposed(a) for a in core.children))
    if isinstance(core, Apply) and core.op.name.startswith("frechet_"):
        return core.op(*map(known.transposed, core.args))
    if is_op(core, SYLVESTER):
        A, B, C = core.children
        return SYLVESTER(known.transposed(B), known.transposed(A), known.transposed(C))
    if is_op(core, SLICE) and core.kind == "matrix":
        assert isinstance(core, Apply)
        inside = core.args[0]
        if "symmetric" in known(inside) or is_op(inside, TRANSPOSE):
            r0, r1, c0, c1 = core.params
            return slice_(known.transposed(inside), c0, c1, r0, r1)
    if is_op(core, ADD) and len(core.children) <= WINDOW:
        turned = [_turned(context, t) for t in core.children]
        if sum(after for after, _, _ in turned) <= sum(before for _, before, _ in turned) > 0:
            return add(*(t for _, _, t in turned))
    (base, exponent) = factors(core, known)[0]
    if exponent != 1:
        return multiply(context, [(known.transposed(base), exponent)], Term(), transpose(core))
    return known.transposed(core)


def _turned(context: Context, t: Node) -> tuple[int, int, Node]:
    """Transposes after and before transposing one term of a sum, and the term transposed."""
    piece = split(t)
    assert piece.core is not None
    parts = factors(piece.core, context.known)
    flipped = context.transposed(parts)
    return (
        transposes(flipped),
        transposes(parts),
        multiply(context, flipped, Term(piece.number, piece.scalars), transpose(t)),
    )


def _hadamard(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
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
        return _scale_by_core(context, term, spread)
    return _scale_by_core(context, term, context.entrywise(entries, node))


def _spread(context: Context, entries: Term, node: Node) -> Node | None:
    """A ⊙ (x 1ᵀ) = Diag(x) A and A ⊙ (1 yᵀ) = A Diag(y): a vector spread over a matrix."""
    if node.kind != "matrix" or len(entries.scalars) < 2:
        return None
    for base, exponent in entries.scalars.items():
        sides = _outer(context, base) if exponent == 1 else None
        if sides is None:
            continue
        rest = Term(scalars={b: e for b, e in entries.scalars.items() if b is not base})
        others = entrywise(rest, node)
        left, right = (chain(s) for s in sides)
        if is_ones(right):
            return matmul(Diag(left), others)
        if is_ones(left):
            return matmul(others, Diag(transpose(right)))
    return None


def _scale_by_core(context: Context, term: Term, core: Node) -> Node:
    piece = split(core)
    term.multiply_all(piece)
    term.core = piece.core
    return context.join(term)


def _power(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    base, exponent = args
    if not isinstance(exponent, Number):
        return power(base, exponent)
    if node.kind == "scalar":
        inside = split(base)
        p = exponent.value
        if isinstance(p, int) and (len(inside.scalars) > 1 or inside.number != 1 or base not in inside.scalars):
            term = Term()
            term.absorb(power(number(inside.number), exponent))
            for b, e in inside.scalars.items():
                term.multiply(b, e * p)
            return context.join(term)
    elif isinstance(exponent.value, int) and is_op(base, SCALE):
        inside, term = split(base), Term()
        term.absorb(power(number(inside.number), exponent))
        for b, e in inside.scalars.items():
            term.multiply(b, e * exponent.value)
        assert inside.core is not None
        term.core = power(inside.core, exponent)
        return context.join(term)
    if isinstance(exponent.value, Fraction) and exponent.value.denominator == 2:
        return root_power(base, exponent.value)
    return power(base, exponent)


def _inner(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    term = Term()
    cores = []
    for a in args:
        if is_zero(a):
            return number(0)
        piece = split(a)
        term.multiply_all(piece)
        if piece.core is not None:
            cores.append(piece.core)
    a, b = cores
    for x, y in ((a, b), (b, a)):
        if is_ones(x):
            term.absorb(sum_(y))
            return context.join(term)
        if is_eye(x) and x.kind == y.kind:
            return _scale_by(context, term, _trace_of(context, y))
        sides = _outer(context, x)
        if sides is not None and y.kind == "matrix":
            left, right = sides
            return multiply(
                context, context.transposed(left) + factors(y, context.known) + context.transposed(right), term, node
            )
    if a.kind == "vector" and b.kind == "vector":
        parts = context.transposed(factors(a, context.known)) + factors(b, context.known)
        return multiply(context, parts, term, node)
    term.absorb(_trace_to_size(context, a, b) or _as_trace(context, a, b) or inner(a, b))
    return context.join(term)


def _as_trace(context: Context, a: Node, b: Node) -> Node | None:
    """⟨Aᵀ, B⟩ is tr(AB) where that saves a transpose."""
    if a.kind != "matrix" or b.kind != "matrix":
        return None
    left, right = factors(a, context.known), factors(b, context.known)
    flipped = context.transposed(left)
    if transposes(flipped) < transposes(left):
        return _trace_of(context, chain(flipped + right))
    flipped = context.transposed(right)
    return _trace_of(context, chain(flipped + left)) if transposes(flipped) < transposes(right) else None


def _trace_to_size(context: Context, a: Node, b: Node) -> Node | None:
    """⟨A⁻ᵀ, A⟩ is n: a pairing whose factors cancel altogether."""
    if a.kind != "matrix" or a.rows is not a.cols or a.rows is not b.rows:
        return None
    product = multiply(context, context.transposed(factors(a, context.known)) + factors(b, context.known), Term(), a)
    return size(a.rows) if is_eye(product) else None


def _outer(context: Context, core: Node) -> tuple[list[Factor], list[Factor]] | None:
    """The sides u, vᵀ of a product u vᵀ."""
    if core.kind != "matrix" or not is_op(core, MATMUL):
        return None
    parts = factors(core, context.known)
    for i, (base, _) in enumerate(parts):
        if base.kind == "row" and i > 0:
            return parts[:i], parts[i:]
    return None


def _trace(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    piece = split(args[0])
    if piece.core is None or is_zero(piece.core):
        return number(0)
    return _scale_by(context, Term(piece.number, piece.scalars), _collected_trace(context, piece.core))


def _collected_trace(context: Context, core: Node) -> Node:
    """tr(A + B) as one trace where cyclic shifts make the terms alike, else as it stands."""
    terms = split_terms(expanded(core)) if _has_sum(core) else (core,)
    if 1 < len(terms) <= MOST:
        total = normal(
            add(
                *(
                    _scale_by(context, Term(p.number, p.scalars), _trace_of(context, p.core))
                    for p in map(split, terms)
                    if p.core is not None
                )
            ),
            context.known,
        )
        if not is_op(total, ADD):
            return total
    return _trace_of(context, core)


def _has_sum(core: Node) -> bool:
    return is_op(core, ADD) or (is_op(core, MATMUL) and any(is_op(f, ADD) for f in product_nodes(core, LONGEST)))


def _total(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    """sum(u .+ c) = sum(u) + c·n; scalars in front."""
    (a,) = args
    if is_op(a, SCALE):
        return _scalars_out(context, node, args)
    if is_zero(a):
        return number(0)
    if is_ones(a):
        return size(a.rows * a.cols)
    if is_op(a, ADD) and any((core := split(t).core) is not None and is_ones(core) for t in a.children):
        totals = (_ones_total(t) if is_ones(split(t).core or t) else sum_(t) for t in a.children)
        return normal(add(*totals), context.known)
    if is_op(a, TRANSPOSE):
        return sum_(a.children[0])
    return sum_(a)


def _ones_total(t: Node) -> Node:
    piece = split(t)
    assert piece.core is not None
    core, piece.core = piece.core, None
    for base, exponent in piece.scalars.items():
        if (
            is_op(base, mean)
            and exponent == 1
            and base.children[0].rows is core.rows
            and base.children[0].cols is core.cols
        ):
            piece.multiply(base, -1)
            return scale(join(piece), sum_(base.children[0]))
    return scale(join(piece), size(core.rows * core.cols))


def _scale_by(context: Context, term: Term, s: Node) -> Node:
    term.absorb(s)
    return context.join(term)


def _trace_of(context: Context, core: Node) -> Node:
    """tr of a core: cyclic, blind to transposes, and vᵀu for u vᵀ."""
    if is_eye(core):
        return size(core.rows)
    if is_op(core, TRANSPOSE):
        core = core.children[0]
    if is_op(core, MATMUL):
        sides = _outer(context, core)
        if sides is not None:
            return multiply(context, sides[1] + sides[0], Term(), number(1))
        parts = factors(core, context.known)
        if len(parts) > 1:
            return tr(context.cyclic(parts))
    return tr(core)


def _inv(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    core = split(args[0]).core
    if core is not None and is_op(core, kron) and all(a.rows is a.cols for a in core.children):
        return _scale_by_core(context, _inverted(args[0]), kron(*map(inverse, core.children)))
    if core is not None and is_op(core, MPOW):
        base, exponent = factors(core, context.known)[0]
        return multiply(context, [(base, -exponent)], _inverted(args[0]), node)
    if core is not None and "orthogonal" in context.known(core) and not is_eye(core):
        return inverse(args[0]) if core is not args[0] else transpose(core)
    return inverse(args[0])


def _inverted(a: Node) -> Term:
    """The scalars of a, inverted."""
    piece, term = split(a), Term()
    term.absorb(power(number(piece.number), number(-1)))
    for base, exponent in piece.scalars.items():
        term.multiply(base, -exponent)
    return term


def _mpow(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    piece = split(args[0])
    k = node.params[0]
    assert piece.core is not None
    if is_zero(piece.core):
        return args[0]
    term = Term()
    term.absorb(power(number(piece.number), number(k)))
    for b, e in piece.scalars.items():
        term.multiply(b, e * k)
    parts = factors(piece.core, context.known)
    repeated = [(parts[0][0], parts[0][1] * k)] if len(parts) == 1 else [(piece.core, k)]
    return multiply(context, repeated, term, node)


Rule = Callable[[Context, Apply, tuple[Node, ...]], Node]
RULES: dict[str, Rule] = {
    ADD.name: _sum,
    SCALE.name: _scale,
    MATMUL.name: _matmul,
    TRANSPOSE.name: _transpose,
    HADAMARD.name: _hadamard,
    INNER.name: _inner,
    "power": _power,
    "mpow": _mpow,
    "inv": _inv,
    "tr": _trace,
    "sum": _total,
}
