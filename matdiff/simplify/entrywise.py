"""Hadamard products and powers in normal form."""

from __future__ import annotations

from fractions import Fraction

from matdiff.core.node import Apply, Node, Number
from matdiff.ops.algebra import POWER, SCALE, matmul, power, transpose
from matdiff.ops.constants import is_ones, is_zero, zeros_like
from matdiff.ops.structure import Diag, vec
from matdiff.simplify.context import Context
from matdiff.simplify.pairings import outer_sides
from matdiff.simplify.terms import (
    Term,
    chain,
    entrywise,
    merged,
    plain,
    root_power,
    split,
)


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
    if isinstance(exponent.value, Fraction) and exponent.value.denominator == 2:
        return root_power(base, exponent.value)
    return power(base, exponent)
