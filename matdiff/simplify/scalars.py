"""Scalars in normal form: what cancels in a product of them, and what an order among equal ones is decided by."""

from __future__ import annotations

from matdiff.core.node import Constant, Node, Number, Symbol, Value, number
from matdiff.ops.algebra import HADAMARD, SCALE, TRANSPOSE, power, scale, size
from matdiff.ops.constants import is_ones
from matdiff.ops.elementwise import abs_, heaviside, relu, sign
from matdiff.ops.indexing import entry
from matdiff.ops.linalg import det
from matdiff.ops.reductions import sum_
from matdiff.simplify.terms import (
    Factor,
    Term,
    entrywise,
    entrywise_factors,
    merged,
    split,
)


def spelled(parts: list[Factor]) -> list[tuple[bool, str]]:
    """What a tie between equal orientations is decided by: names in order, differentials last."""
    bases = (b.children[0] if b.op is TRANSPOSE else b for b, _ in parts)
    return [(b.of is not None, b.name) for b in bases if isinstance(b, Symbol)]


def negative(exponent: Node) -> bool:
    """Is a^exponent written 1/a^(−exponent)?"""
    return split(exponent).number < 0


def numbered(term: Node) -> tuple[Value, Node | None]:
    """The number before a term in normal form, and the rest; None where there is none."""
    if isinstance(term, Number):
        return term.value, None
    if term.op is SCALE and isinstance(term.children[0], Number):
        return term.children[0].value, term.children[1]
    return 1, term


def products_apart(term: Term) -> None:
    """√(ab) √(ab) = a b: a product that has come to a whole power is no longer one scalar."""
    for base, exponent in list(term.scalars.items()):
        if base.op is SCALE and isinstance(exponent, int) and base not in (inside := split(base)).scalars:
            del term.scalars[base]
            term.multiply_all(inside.raised(exponent))


def determinants_apart(term: Term) -> None:
    """det(t A)/t = tⁿ⁻¹ det(A), which is defined at t = 0 too."""
    for base, exponent in list(term.scalars.items()):
        if base.op is det and base.children[0].op is SCALE and isinstance(exponent, int) and exponent > 0:
            inside = split(base.children[0])
            if inside.core is not None and any(term.scalars.get(s, 0) < 0 for s in inside.scalars):
                del term.scalars[base]
                for s, k in inside.scalars.items():
                    term.multiply(power(s, scale(number(k), size(inside.core.rows))), exponent)
                term.multiply(det(scale(number(inside.number), inside.core)), exponent)


def signs_away(term: Term) -> None:
    """u sign(u) = |u| and |u| sign(u) = u; the step heaviside(u) before relu(u) is 1 where that is not 0."""
    for base in [b for b in term.scalars if b.op is sign]:
        u = base.children[0]
        for one, other in ((u, abs_(u)), (abs_(u), u)):
            exponent = term.scalars.get(one, 0)
            if exponent and term.scalars.get(base) == 1:
                step = 1 if exponent > 0 else -1
                term.multiply(base, -1)
                term.multiply(one, -step)
                term.multiply(other, step)
    for base in [b for b in term.scalars if b.op is heaviside]:
        positive = term.scalars.get(relu(base.children[0]), 0)
        if positive > 0 and term.scalars[base] > 0:
            del term.scalars[base]


def is_unit(a: Node) -> bool:
    """Is it a column of the identity?"""
    return isinstance(a, Constant) and a.name == "e"


def cancelled(row: Node, column: Node) -> Node | None:
    """1ᵀy = sum(y), eᵢᵀy = y[i] and aᵀ(y ⊙ a⁻¹) = sum(y): an inner product that is less than one, else None."""
    if is_ones(row):
        return size(column.rows) if is_ones(column) else sum_(column)
    if is_ones(column):
        return sum_(row.T)
    for unit, other in ((row.T, column), (column, row.T)):
        if isinstance(unit, Constant) and is_unit(unit):
            return number(int(other is unit)) if is_unit(other) else entry(other, unit.index)
    if not (row.op is TRANSPOSE and (column.op is HADAMARD or row.children[0].op is HADAMARD)):
        return None
    bases = 0
    for part in (row.children[0], column):
        bases += len(entrywise_factors(part))
    entries = merged(row.children[0], column)
    return sum_(entrywise(entries, column)) if len(entries.scalars) <= bases - 2 else None


def transposes(parts: list[Factor]) -> int:
    return sum(b.op is TRANSPOSE for b, _ in parts)
