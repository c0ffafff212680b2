"""Diagonal matrices and vectors multiplied entry by entry, in normal form."""

from __future__ import annotations

from matdiff.core.node import Node
from matdiff.ops.constants import is_ones
from matdiff.ops.structure import Diag
from matdiff.simplify.context import Context
from matdiff.simplify.terms import Factor, Term, join, merged, plain, split


def diagonal(entries: Node) -> list[Factor]:
    """Diag(s v) as s Diag(v), and Diag(1) as I, which is no factor."""
    piece = split(entries)
    assert piece.core is not None
    scalar: Factor = piece.scalar, 1
    return [scalar] if is_ones(piece.core) else [scalar, (Diag(piece.core), 1)]


def entry_power(entries: Node, exponent: int, context: Context) -> Node:
    """v.^k for a vector v in normal form."""
    if exponent == 1:
        return entries
    piece = split(entries)
    assert piece.core is not None
    term = piece.raised(exponent)
    factors = merged(piece.core)
    factors.scalars = {base: plain(e * exponent) for base, e in factors.scalars.items()}
    term.core = context.entrywise(factors, piece.core)
    return join(term)


def entries_of(a: Node, b: Node, context: Context) -> Node:
    """a ⊙ b with equal bases merged."""
    left, right = split(a), split(b)
    assert left.core is not None and right.core is not None
    term = Term()
    term.multiply_all(left)
    term.multiply_all(right)
    product = split(context.entrywise(merged(left.core, right.core), b))
    term.multiply_all(product)
    term.core = product.core
    return join(term)
