"""Inverses and matrix powers in normal form."""

from __future__ import annotations

from matdiff.node import Apply, Node
from matdiff.normal.context import Context
from matdiff.normal.products import multiply
from matdiff.ops.algebra import (
    MPOW,
    is_eye,
    is_op,
    is_zero,
    transpose,
)
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inverse
from matdiff.terms import (
    factor,
    factors,
    split,
)


def inverted(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    core = split(args[0]).core
    if core is not None and is_op(core, kron) and all(a.rows is a.cols for a in core.children):
        return context.scaled(split(args[0]).raised(-1), kron(*map(inverse, core.children)))
    if core is not None and is_op(core, MPOW):
        base, exponent = factor(core, context.known)
        return multiply(context, [(base, -exponent)], split(args[0]).raised(-1), node)
    if core is not None and "orthogonal" in context.known(core) and not is_eye(core):
        return inverse(args[0]) if core is not args[0] else transpose(core)
    return inverse(args[0])


def repeated(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    piece = split(args[0])
    k = node.params[0]
    assert piece.core is not None
    if is_zero(piece.core):
        return args[0]
    parts = factors(piece.core, context.known)
    powers = [(parts[0][0], parts[0][1] * k)] if len(parts) == 1 else [(piece.core, k)]
    return multiply(context, powers, piece.raised(k), node)
