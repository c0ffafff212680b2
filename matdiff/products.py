"""Matrix products in normal form: neighbours cancel or combine, and inner products come out as scalars."""

from __future__ import annotations

from matdiff.node import Constant, Node, Symbol, Value, number
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    TRANSPOSE,
    commutation,
    eye,
    is_commutation,
    is_eye,
    is_ones,
    is_op,
    matmul,
    ones,
    scale,
    transpose,
)
from matdiff.ops.elementwise import abs_, sign
from matdiff.ops.indexing import entry
from matdiff.ops.kronecker import kron, kron_of
from matdiff.ops.linalg import chol
from matdiff.ops.matrix_functions import sqrtm
from matdiff.ops.reductions import sum_
from matdiff.ops.spectral import eigvals, eigvecs
from matdiff.ops.structure import Diag
from matdiff.properties import Known
from matdiff.shape import ONE
from matdiff.terms import (
    WINDOW,
    Factor,
    Term,
    base_and_exponent,
    chain,
    entrywise,
    entrywise_factors,
    inside_inverse,
    inverse_of,
    join,
    merged,
    split,
)


class Context:
    """What one run of the normal form remembers: properties, and which of several equal scalars stands for all."""

    def __init__(self, known: Known | None = None) -> None:
        self.known = known or Known()
        self._scalars: dict[Node, Node] = {}
        self._signs: dict[frozenset[Node], Node] = {}
        self._orders: dict[frozenset[tuple[Node, Value]], dict[Node, Value]] = {}

    def join(self, term: Term) -> Node:
        """The node of a term, equal products of scalars always in the same order."""
        signs_away(term)
        if len(term.scalars) > 1:
            term.scalars = self._orders.setdefault(frozenset(term.scalars.items()), term.scalars)
        return join(term)

    def scaled(self, term: Term, node: Node) -> Node:
        """A node in normal form times the scalars of a term."""
        piece = split(node)
        term.multiply_all(piece)
        term.core = piece.core
        return self.join(term)

    def normal(self, node: Node) -> Node:
        """The normal form of something new, made on the way."""
        from matdiff.normal import normal

        return normal(node, self.known)

    def unsigned(self, part: Factor, term: Term) -> Factor:
        """A factor of which the negative was met before becomes that, its sign going to the term; Wᵀ = −W if skew."""
        base, exponent = part
        bare = base.children[0] if is_op(base, TRANSPOSE) else base
        if bare is not base and "skew" in self.known(bare) and exponent % 2:
            term.number = -term.number
            return bare, exponent
        if not is_op(bare, ADD) or exponent != 1 or len(bare.children) > WINDOW:
            return part
        terms = frozenset(bare.children)
        negative = frozenset(scale(number(-1), t) for t in bare.children)
        found = self._signs.get(negative)
        if found is None or terms in self._signs:
            self._signs.setdefault(terms, bare)
            return part
        term.number = -term.number
        return (transpose(found) if bare is not base else found), exponent

    def entrywise(self, entries: Term, like: Node) -> Node:
        """The Hadamard product of powers, equal products always in the same order."""
        if len(entries.scalars) > 1:
            entries.scalars = self._orders.setdefault(frozenset(entries.scalars.items()), entries.scalars)
        return entrywise(entries, like)

    def oriented(self, parts: list[Factor]) -> Node:
        """xᵀAy and yᵀAᵀx are one scalar: the one with fewer transposes, or with its names in order."""
        here = chain(parts)
        found = self._scalars.get(here)
        if found is None and len(parts) == 2 and (total := cancelled(parts[0][0], parts[1][0])) is not None:
            found = self._scalars[here] = total
        if found is None:
            flipped = self.transposed(parts)
            there = chain(flipped)
            turn = (transposes(flipped), spelled(flipped)) < (transposes(parts), spelled(parts))
            found = there if turn else here
            self._scalars[here] = self._scalars[there] = found
        return found

    def cyclic(self, parts: list[Factor]) -> Node:
        """tr(AB), tr(BA) and their transposes are one scalar: the core that was met first, fewest transposes."""
        while len(parts) > 2 and parts[0][0] is parts[-1][0] and parts[0][0].rows is parts[0][0].cols:
            (base, i), *middle, (_, j) = parts
            parts = [(base, i + j), *middle] if i + j else middle
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


def spelled(parts: list[Factor]) -> list[tuple[bool, str]]:
    """What a tie between equal orientations is decided by: names in order, differentials last."""
    bases = (b.children[0] if is_op(b, TRANSPOSE) else b for b, _ in parts)
    return [(b.of is not None, b.name) for b in bases if isinstance(b, Symbol)]


def signs_away(term: Term) -> None:
    """sign(u)/|u| = 1/u and u sign(u) = |u|."""
    for base in [b for b in term.scalars if is_op(b, sign)]:
        u = base.children[0]
        size = abs_(u)
        if term.scalars.get(base) == 1 and (u in term.scalars or size in term.scalars):
            term.multiply(base, -1)
            term.multiply(size, 1)
            term.multiply(u, -1)


def cancelled(row: Node, column: Node) -> Node | None:
    """1ᵀy = sum(y), eᵢᵀy = y[i] and aᵀ(y ⊙ a⁻¹) = sum(y): an inner product that is less than one, else None."""
    if is_ones(row):
        return sum_(column)
    if is_ones(column):
        return sum_(row.T)
    for unit, other in ((row.T, column), (column, row.T)):
        if isinstance(unit, Constant) and unit.name == "e":
            return entry(other, unit.index)
    if not (is_op(row, TRANSPOSE) and (is_op(column, HADAMARD) or is_op(row.children[0], HADAMARD))):
        return None
    bases = 0
    for part in (row.children[0], column):
        bases += len(entrywise_factors(part))
    entries = merged(row.children[0], column)
    return sum_(entrywise(entries, column)) if len(entries.scalars) <= bases - 2 else None


def transposes(parts: list[Factor]) -> int:
    return sum(is_op(b, TRANSPOSE) for b, _ in parts)


def multiply(context: Context, parts: list[Factor], term: Term, like: Node) -> Node:
    """The product term·parts of the type of `like`."""
    out: list[Factor] = []
    pending = list(reversed(parts))
    while pending:
        part = context.unsigned(pending.pop(), term)
        if part[0].kind == "scalar":
            term.absorb(part[0])
            continue
        if is_eye(part[0]):
            continue
        met = combine(out[-1], part, context) if out else None
        if met is not None:
            out.pop()
            pending.extend(reversed(met))
            continue
        out.append(part)
        if part[0].kind == "vector":
            take_scalar(context, out, term)
    out = spectral(out)
    if out:
        core = split(chain(out))
        term.core = core.core
        term.multiply_all(core)
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


def combine(left: Factor, right: Factor, context: Context) -> list[Factor] | None:
    """Two neighbours as fewer or simpler factors, or None: A² A = A³, A A⁻¹ = I, QᵀQ = I, (AB)⁻¹A = B⁻¹."""
    (a, i), (b, j) = left, right
    known = context.known
    if a is b and a.rows is a.cols:
        whole = i + j
        if is_op(a, sqrtm) and whole % 2 == 0:
            return [(a.children[0], whole // 2)] if whole else []
        return [(a, whole)] if whole else []
    if is_op(a, chol) and i == j == 1 and b is transpose(a):
        return [(a.children[0], 1)]
    if is_op(b, chol) and i == j == -1 and a is transpose(b):
        return [(b.children[0], -1)]
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
    if a.kind == "vector" and b.kind == "row" and is_ones(a) and is_ones(b):
        return [(ones("matrix", a.rows, b.cols), 1)]
    if i == j == 1 and (met := kronecker(a, b)) is not None:
        return [(met[0], 1), (met[1], 1)] if len(met) == 2 else [(met[0], 1)]
    if is_op(a, Diag) and i == j == 1:
        if is_op(b, Diag):
            piece = split(entries_of(a.children[0], b.children[0], context))
            return [(join(Term(piece.number, piece.scalars)), 1), (Diag(piece.core or b.children[0]), 1)]
        if b.kind == "vector":
            piece = split(entries_of(a.children[0], b, context))
            return [(join(Term(piece.number, piece.scalars)), 1), (piece.core or b, 1)]
    return None


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


def spectral(parts: list[Factor]) -> list[Factor]:
    """Q Diag(λ^k) Qᵀ = S^k for the eigenvalues λ and eigenvectors Q of S."""
    for i in range(len(parts) - 2):
        (Q, _), (middle, one), (R, _) = parts[i : i + 3]
        if is_op(Q, eigvecs) and one == 1 and is_op(middle, Diag) and R is transpose(Q):
            base, k = base_and_exponent(middle.children[0])
            if is_op(base, eigvals) and base.children[0] is Q.children[0] and isinstance(k, int):
                return [*parts[:i], (Q.children[0], k), *parts[i + 3 :]]
    return parts


def vector_kron(a: Node, b: Node) -> Node | None:
    """K(m,n)(A⊗B) = B⊗A where one of them is a column, so that no K is left on the right."""
    if is_commutation(a) and is_op(b, kron):
        p, q = b.children
        if ONE in (p.cols, q.cols) and a.dims == (q.rows, p.rows):  # type: ignore[attr-defined]
            return kron(q, p)
    return None


def kronecker(a: Node, b: Node) -> list[Node] | None:
    """(A⊗B)(C⊗D) = AC⊗BD; commutation matrices move to the left, (A⊗B)K = K(B⊗A), and KKᵀ = I."""
    turned = vector_kron(a, b)
    if turned is not None:
        return [turned]
    if is_op(a, kron) and is_op(b, kron):
        (p, q), (r, s) = a.children, b.children
        if p.cols is r.rows and q.cols is s.rows and not plain_shuffle(a) and not plain_shuffle(b):
            return [kron_of(matmul(p, r), matmul(q, s))]
    if is_commutation(b) and is_op(a, kron):
        p, q = a.children
        if b.dims == (p.cols, q.cols) and not plain_shuffle(a):  # type: ignore[attr-defined]
            return [commutation(p.rows, q.rows), kron(q, p)]
    if is_commutation(a) and is_commutation(b) and a.dims == b.dims[::-1]:  # type: ignore[attr-defined]
        return [eye(a.rows)]
    return None


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
