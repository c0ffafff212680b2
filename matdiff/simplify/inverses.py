"""Inverses and matrix powers in normal form."""

from __future__ import annotations

from matdiff.core.node import Apply, Node, number
from matdiff.ops.algebra import MPOW, scale, transpose
from matdiff.ops.constants import is_eye, is_zero
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inverse
from matdiff.ops.matrix_functions import MPOWER, matrix_power
from matdiff.simplify.context import Context
from matdiff.simplify.products import multiply
from matdiff.simplify.terms import (
    factor,
    factors,
    split,
)


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
