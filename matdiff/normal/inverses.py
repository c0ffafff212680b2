"""Inverses and matrix powers in normal form."""

from __future__ import annotations

from matdiff.node import Apply, Node, number
from matdiff.ops.algebra import (
    MPOW,
    is_eye,
    is_op,
    is_zero,
    power,
    transpose,
)
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inverse
from matdiff.products import Context, multiply
from matdiff.terms import (
    Term,
    factors,
    split,
)


def inverted(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
    core = split(args[0]).core
    if core is not None and is_op(core, kron) and all(a.rows is a.cols for a in core.children):
        return context.scaled(_inverted(args[0]), kron(*map(inverse, core.children)))
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


def repeated(context: Context, node: Apply, args: tuple[Node, ...]) -> Node:
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
    powers = [(parts[0][0], parts[0][1] * k)] if len(parts) == 1 else [(piece.core, k)]
    return multiply(context, powers, term, node)
