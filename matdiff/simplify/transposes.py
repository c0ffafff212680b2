"""Transposes in normal form: through products, Kronecker products and functions, over sums only to save some."""

from __future__ import annotations

from matdiff.core.node import Apply, Node, number
from matdiff.ops.algebra import ADD, MATMUL, MPOW, TRANSPOSE, add, scale, transpose
from matdiff.ops.constants import is_eye, is_zero
from matdiff.ops.indexing import SLICE, slice_
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inverse
from matdiff.ops.matrix_functions import MPOWER, SYLVESTER, matrix_power
from matdiff.simplify.context import Context, transposes
from matdiff.simplify.products import multiply
from matdiff.simplify.terms import WINDOW, Term, factor, factors, split

# Inverses and matrix powers in normal form.


def inverted(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    piece = split(args[0])
    core = piece.core
    if core is None:
        return inverse(args[0])
    outside = piece.raised(-1)
    if core.op is kron and all(a.rows is a.cols for a in core.children):
        return context.scaled(outside, kron(*map(inverse, core.children)))
    if core.op is MPOW:
        base, exponent = factor(core, context.known)
        return multiply(context, [(base, -exponent)], outside, node)
    if core.op is MPOWER:
        A, p = core.children
        return context.scaled(outside, matrix_power(A, context.exponent(scale(number(-1), p))))
    if "orthogonal" in context.known(core) and not is_eye(core):
        return context.scaled(outside, transpose(core))
    return context.scaled(outside, inverse(core))


def repeated(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    piece = split(args[0])
    k = node.params[0]
    assert piece.core is not None
    if is_zero(piece.core):
        return args[0]
    parts = factors(piece.core, context.known)
    powers = [(parts[0][0], parts[0][1] * k)] if len(parts) == 1 else [(piece.core, k)]
    return multiply(context, powers, piece.raised(k), node)


def raised(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    """A^p with the exponent in normal form; (A⁻¹)^p is A^(−p)."""
    A, p = args
    exponent = context.exponent(p)
    made = matrix_power(A, exponent)
    return made if made.op is MPOWER else context.normal(made)


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
