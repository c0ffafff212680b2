"""Transposes in normal form: through products, Kronecker products and functions, over sums only to save some."""

from __future__ import annotations

from matdiff.core.node import Apply, Node
from matdiff.ops.algebra import (
    ADD,
    MATMUL,
    TRANSPOSE,
    add,
    transpose,
)
from matdiff.ops.indexing import SLICE, slice_
from matdiff.ops.kronecker import kron
from matdiff.ops.matrix_functions import MPOWER, SYLVESTER
from matdiff.simplify.context import Context
from matdiff.simplify.products import multiply
from matdiff.simplify.scalars import transposes
from matdiff.simplify.terms import (
    WINDOW,
    Term,
    factor,
    factors,
    split,
)


def transposed(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
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
    if core.op is MATMUL:
        parts = factors(core, known)
        if parts[0][0] is not core:
            term = Term(piece.number, piece.scalars)
            return multiply(context, context.transposed(parts), term, node)
    piece.core = _flipped(context, core)
    return context.join(piece)


def _flipped(context: Context, core: Node) -> Node:
    """The transpose of a core that is no product."""
    known = context.known
    if core.op is kron:
        return kron(*(known.transposed(a) for a in core.children))
    if isinstance(core, Apply) and core.op.name.startswith("frechet_"):
        return core.op(*(transposed(context, made, (a,)) for a in core.args if (made := TRANSPOSE.build((a,)))))
    if core.op is MPOWER:
        return known.transposed(core)
    if core.op is SYLVESTER:
        A, B, C = core.children
        return SYLVESTER(known.transposed(B), known.transposed(A), known.transposed(C))
    if core.op is SLICE and core.kind == "matrix":
        assert isinstance(core, Apply)
        inside = core.args[0]
        if "symmetric" in known(inside) or inside.op is TRANSPOSE:
            r0, r1, c0, c1 = core.params
            return slice_(known.transposed(inside), c0, c1, r0, r1)
    if core.op is ADD and len(core.children) <= WINDOW:
        turned = [_turned(context, t) for t in core.children]
        if sum(after for after, _, _ in turned) <= sum(before for _, before, _ in turned) > 0:
            return add(*(t for _, _, t in turned))
    base, exponent = factor(core, known)
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
