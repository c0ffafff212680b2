"""Scalars of arrays in normal form: inner products, traces, sums."""

from __future__ import annotations

from matdiff.core.node import Apply, Node, number
from matdiff.ops.algebra import ADD, MATMUL, SCALE, TRANSPOSE, add, product_nodes, scale, size
from matdiff.ops.constants import is_eye, is_ones, is_zero
from matdiff.ops.reductions import mean, sum_, tr
from matdiff.simplify.context import Context, transposes
from matdiff.simplify.expand import MOST, expanded
from matdiff.simplify.expand import terms as split_terms
from matdiff.simplify.products import multiply
from matdiff.simplify.terms import (
    LONGEST,
    Factor,
    Term,
    chain,
    factors,
    join,
    split,
)


def paired(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
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
            term.absorb(context.total(y))
            return context.join(term)
        if is_eye(x) and x.kind == y.kind:
            return context.scaled(term, _trace_of(context, y))
        found = outer_sides(context, x)
        if found is not None and y.kind == "matrix":
            left, right = found
            return multiply(
                context, context.transposed(left) + factors(y, context.known) + context.transposed(right), term, node
            )
    if a.kind == "vector" and b.kind == "vector":
        parts = context.transposed(factors(a, context.known)) + factors(b, context.known)
        return multiply(context, parts, term, node)
    term.absorb(_trace_to_size(context, a, b) or _as_trace(context, a, b) or context.facing(a, b))
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


def outer_sides(context: Context, core: Node) -> tuple[list[Factor], list[Factor]] | None:
    """The sides u, vᵀ of a product u vᵀ."""
    if core.kind != "matrix" or core.op is not MATMUL:
        return None
    parts = factors(core, context.known)
    for i, (base, _) in enumerate(parts):
        if base.kind == "row" and i > 0:
            return parts[:i], parts[i:]
    return None


def traced(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    piece = split(args[0])
    if piece.core is None or is_zero(piece.core):
        return number(0)
    return context.scaled(Term(piece.number, piece.scalars), _collected_trace(context, piece.core))


def _collected_trace(context: Context, core: Node) -> Node:
    """tr(A + B) as one trace where cyclic shifts make the terms alike, else as it stands."""
    opened = expanded(core) if _has_sum(core) else core
    for terms in dict.fromkeys((split_terms(core), split_terms(opened))):
        if 1 < len(terms) <= MOST:
            pieces = [p for p in map(split, terms) if p.core is not None]
            traces = [context.scaled(Term(p.number, p.scalars), _trace_of(context, p.core)) for p in pieces if p.core]
            total = context.normal(add(*traces))
            if total.op is not ADD:
                return total
    return _trace_of(context, core)


def _has_sum(core: Node) -> bool:
    return core.op is ADD or (core.op is MATMUL and any(f.op is ADD for f in product_nodes(core, LONGEST)))


def _trace_of(context: Context, core: Node) -> Node:
    """tr of a core: cyclic, blind to transposes, and vᵀu for u vᵀ."""
    if is_eye(core):
        return size(core.rows)
    if core.op is TRANSPOSE:
        core = core.children[0]
    if core.op is MATMUL:
        found = outer_sides(context, core)
        if found is not None:
            return multiply(context, found[1] + found[0], Term(), number(1))
        parts = factors(core, context.known)
        if len(parts) > 1:
            return tr(context.cyclic(parts))
    return tr(core)


def totalled(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    """sum(u .+ c) = sum(u) + c·n; scalars in front."""
    (a,) = args
    if a.op is SCALE:
        piece = split(a)
        core, piece.core = piece.core, None
        assert core is not None
        return context.scaled(piece, totalled(context, node, (core,)))
    if is_zero(a):
        return number(0)
    if is_ones(a):
        return size(a.rows * a.cols)
    if a.op is ADD and any((core := split(t).core) is not None and is_ones(core) for t in a.children):
        totals = (_ones_total(t) if is_ones(split(t).core or t) else context.total(t) for t in a.children)
        return context.normal(add(*totals))
    if a.op is TRANSPOSE:
        return context.total(a.children[0])
    return context.total(a)


def averaged(context: Context, a: Node) -> Node:
    """mean(u .+ c) = mean(u) + c; scalars in front."""
    if a.op is SCALE:
        piece = split(a)
        core, piece.core = piece.core, None
        assert core is not None
        return context.scaled(piece, averaged(context, core))
    if is_zero(a) or is_ones(a):
        return number(int(is_ones(a)))
    flat = [t for t in a.children if is_ones(split(t).core or t)] if a.op is ADD else []
    if flat:
        rest = [t for t in a.children if t not in flat]
        return context.normal(add(*(mean(t) for t in flat), *([mean(add(*rest))] if rest else [])))
    return mean(a)


def _ones_total(t: Node) -> Node:
    piece = split(t)
    assert piece.core is not None
    core, piece.core = piece.core, None
    for base, exponent in piece.scalars.items():
        if (
            base.op is mean
            and exponent == 1
            and base.children[0].rows is core.rows
            and base.children[0].cols is core.cols
        ):
            piece.multiply(base, -1)
            return scale(join(piece), sum_(base.children[0]))
    return scale(join(piece), size(core.rows * core.cols))
