"""Matrix products in normal form: neighbours cancel or combine, and inner products come out as scalars."""

from __future__ import annotations

from matdiff.node import Constant, Node, Value
from matdiff.ops.algebra import HADAMARD, TRANSPOSE, commutation, eye, hadamard, is_eye, is_op, matmul
from matdiff.ops.kronecker import kron
from matdiff.ops.reductions import sum_
from matdiff.ops.structure import Diag
from matdiff.properties import Known
from matdiff.terms import (
    Factor,
    Term,
    base_and_exponent,
    chain,
    entrywise,
    entrywise_factors,
    inside_inverse,
    inverse_of,
    join,
)


class Context:
    """What one run of the normal form remembers: properties, and which of several equal scalars stands for all."""

    def __init__(self, known: Known | None = None) -> None:
        self.known = known or Known()
        self._scalars: dict[Node, Node] = {}
        self._orders: dict[frozenset[tuple[Node, Value]], dict[Node, Value]] = {}

    def join(self, term: Term) -> Node:
        """The node of a term, equal products of scalars always in the same order."""
        if len(term.scalars) > 1:
            term.scalars = self._orders.setdefault(frozenset(term.scalars.items()), term.scalars)
        return join(term)

    def oriented(self, parts: list[Factor]) -> Node:
        """xᵀAy and yᵀAᵀx are one scalar: the one with fewer transposes, or the one met first."""
        here = chain(parts)
        found = self._scalars.get(here)
        if found is None and len(parts) == 2 and (total := cancelled(parts[0][0], parts[1][0])) is not None:
            found = self._scalars[here] = total
        if found is None:
            flipped = self.transposed(parts)
            there = chain(flipped)
            found = there if transposes(flipped) < transposes(parts) else here
            self._scalars[here] = self._scalars[there] = found
        return found

    def cyclic(self, parts: list[Factor]) -> Node:
        """tr(AB), tr(BA) and their transposes are one scalar: the core that was met first, fewest transposes."""
        rotations = [parts[i:] + parts[:i] for i in range(len(parts))]
        rotations = [r for r in rotations if r[0][0].rows is r[-1][0].cols]
        best = min((transposes(r), i) for i, r in enumerate(rotations))[1]
        flipped = self.transposed(parts)
        chosen = flipped if transposes(flipped) < transposes(rotations[best]) else rotations[best]
        first = chain(chosen)
        found = self._scalars.get(first, first)
        for r in rotations + [self.transposed(r) for r in rotations]:
            found = self._scalars.setdefault(chain(r), found)
        return found

    def transposed(self, parts: list[Factor]) -> list[Factor]:
        return [(self.known.transposed(b), e) for b, e in reversed(parts)]


def cancelled(row: Node, column: Node) -> Node | None:
    """aᵀ(y ⊙ a⁻¹) = sum(y): an inner product whose entries cancel, else None."""
    if not (is_op(row, TRANSPOSE) and (is_op(column, HADAMARD) or is_op(row.children[0], HADAMARD))):
        return None
    entries = Term()
    bases = 0
    for part in (row.children[0], column):
        for f in entrywise_factors(part):
            entries.multiply(*base_and_exponent(f))
            bases += 1
    return sum_(entrywise(entries, column)) if len(entries.scalars) <= bases - 2 else None


def transposes(parts: list[Factor]) -> int:
    return sum(is_op(b, TRANSPOSE) for b, _ in parts)


def multiply(context: Context, parts: list[Factor], term: Term, like: Node) -> Node:
    """The product term·parts of the type of `like`."""
    out: list[Factor] = []
    pending = list(reversed(parts))
    while pending:
        part = pending.pop()
        if is_eye(part[0]):
            continue
        met = combine(out[-1], part, context.known) if out else None
        if met is not None:
            out.pop()
            pending.extend(reversed(met))
            continue
        out.append(part)
        if part[0].kind == "vector":
            take_scalar(context, out, term)
    if out:
        term.core = chain(out)
    elif like.kind != "scalar":
        term.core = eye(like.rows)
    return context.join(term)


def take_scalar(context: Context, out: list[Factor], term: Term) -> None:
    """If a row stands before the vector just appended, xᵀ…y is a scalar: take it out of the product."""
    for start in range(len(out) - 2, -1, -1):
        kind = out[start][0].kind
        if kind == "row":
            s = context.oriented(out[start:])
            del out[start:]
            term.absorb(s)
        if kind != "matrix":
            return


def combine(left: Factor, right: Factor, known: Known) -> list[Factor] | None:
    """Two neighbours as fewer or simpler factors, or None: A² A = A³, A A⁻¹ = I, QᵀQ = I, (AB)⁻¹A = B⁻¹."""
    (a, i), (b, j) = left, right
    if a is b and a.rows is a.cols:
        return [(a, i + j)] if i + j else []
    if i == j == 1 and a.kind == b.kind == "matrix" and a is known.transposed(b) and "orthogonal" in known(a):
        return []
    if i == -1 and j == 1 and b.rows is b.cols:
        inside = inside_inverse(a, known)
        if len(inside) > 1 and inside[0] == (b, 1):
            return [inverse_of(inside[1:], a, known)]
    if j == -1 and i == 1 and a.rows is a.cols:
        inside = inside_inverse(b, known)
        if len(inside) > 1 and inside[-1] == (a, 1):
            return [inverse_of(inside[:-1], b, known)]
    if i == j == 1 and (met := kronecker(a, b)) is not None:
        return [(met[0], 1), (met[1], 1)] if len(met) == 2 else [(met[0], 1)]
    if is_op(a, Diag) and i == j == 1:
        if is_op(b, Diag):
            return [(Diag(hadamard(a.children[0], b.children[0])), 1)]
        if b.kind == "vector":
            return [(hadamard(a.children[0], b), 1)]
    return None


def kronecker(a: Node, b: Node) -> list[Node] | None:
    """(A⊗B)(C⊗D) = AC⊗BD; commutation matrices move to the left, (A⊗B)K = K(B⊗A), and KKᵀ = I."""
    if is_op(a, kron) and is_op(b, kron):
        (p, q), (r, s) = a.children, b.children
        if p.cols is r.rows and q.cols is s.rows and not plain_shuffle(a) and not plain_shuffle(b):
            return [kron(matmul(p, r), matmul(q, s))]
    if is_commutation(b) and is_op(a, kron):
        p, q = a.children
        if b.dims == (p.cols, q.cols) and not plain_shuffle(a):  # type: ignore[attr-defined]
            return [commutation(p.rows, q.rows), kron(q, p)]
    if is_commutation(a) and is_commutation(b) and a.dims == b.dims[::-1]:  # type: ignore[attr-defined]
        return [eye(a.rows)]
    return None


def is_commutation(a: Node) -> bool:
    return isinstance(a, Constant) and a.name == "K"


def plain_shuffle(a: Node) -> bool:
    """Is this one of the permutations I ⊗ K ⊗ I, which stay as they are?"""
    stack, found = [a], False
    while stack:
        top = stack.pop()
        if is_op(top, kron):
            stack.extend(top.children)
        elif is_commutation(top):
            found = True
        elif not is_eye(top):
            return False
    return found
