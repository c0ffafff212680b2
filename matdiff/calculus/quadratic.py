"""A Hessian H[dX] as a sum of terms whose structure a solver can use: A dX B, M ⊙ dX, ⟨G, dX⟩ K, and chains of these.

Everything is read off the formula of H[dX], which is linear in dX; what has no such form makes the reading None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matdiff.calculus.adjoint import adjoint, dependent
from matdiff.core.node import Apply, Node, Symbol, number, symbol
from matdiff.core.op import Joint
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline, rebuild
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    MPOW,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    inner,
    matmul,
    product_nodes,
    scale,
    transpose,
)
from matdiff.ops.constants import eye, is_eye, ones_like, zeros_like
from matdiff.ops.reductions import sum_, tr
from matdiff.ops.structure import Diag, sym

MOST = 40
"""Most terms into which a Hessian is taken apart."""
LONGEST = 16
"""Most factors of a product."""


@dataclass(frozen=True)
class Map:
    """One linear map V ↦ A V (left), V A (right), Vᵀ (turn), A ⊙ V (times), ⟨A, V⟩ (pair), V A of a scalar V (out),
    or a function of the language with V in the place of an argument (other).
    """

    kind: str
    node: Node | None = None
    slot: int = 0

    def __call__(self, V: Node) -> Node:
        A = self.node
        match self.kind:
            case "left":
                assert A is not None
                return matmul(A, V)
            case "right":
                assert A is not None
                return matmul(V, A)
            case "turn":
                return transpose(V)
            case "times":
                assert A is not None
                return hadamard(A, V)
            case "pair":
                assert A is not None
                return inner(A, V)
            case "out":
                assert A is not None
                return scale(V, A)
        assert isinstance(A, Apply)
        rest = [zeros_like(a) for a in A.args] if isinstance(A.op.rule(self.slot), Joint) else list(A.args)
        rest[self.slot] = V
        return rebuild(A, tuple(rest))


@dataclass(frozen=True)
class Term:
    """A scalar times the maps applied one after the other."""

    factor: Node
    maps: tuple[Map, ...] = ()

    def then(self, *maps: Map, by: Node | None = None) -> Term:
        factor = self.factor if by is None else scale(by, self.factor)
        return Term(factor, (*self.maps, *maps))

    def __call__(self, V: Node) -> Node:
        """The term applied, without its scalar."""
        for m in self.maps:
            V = m(V)
        return V


@dataclass(frozen=True)
class Sandwich:
    """c A dX B, or with `turned` c A dXᵀ B; the factors of A and B in the order in which they are applied."""

    factor: Node
    left: tuple[Node, ...] = ()
    right: tuple[Node, ...] = ()
    turned: bool = False


@dataclass(frozen=True)
class Rank:
    """c ⟨G, dX⟩ K."""

    factor: Node
    G: Node
    K: Node


@dataclass(frozen=True)
class Layers:
    """Sandwiches A V B with M ⊙ between them: `sides` has one more than `masks`."""

    factor: Node
    sides: tuple[tuple[tuple[Node, ...], tuple[Node, ...]], ...]
    masks: tuple[Node, ...]


@dataclass(frozen=True)
class Other:
    """A term with functions that are not products; `term` applies it."""

    term: Term


Part = Sandwich | Rank | Layers | Other


def parts(value: Node, dX: Symbol, known: Known) -> list[Part] | None:
    """The structured terms of a `value` linear in dX and of its shape; None where it cannot be taken apart."""
    found = terms(inline(value), dX)
    if found is None:
        return None
    out: list[Part] = []
    for term in found:
        out.append(_classified(term, dX, known))
    return out


def terms(value: Node, dX: Symbol) -> list[Term] | None:
    """The value as a sum of maps of dX."""
    memo: dict[Node, list[Term]] = {dX: [Term(number(1))]}
    order = dependent(value, [dX])
    if not order:
        return []
    for node in order:
        if node is dX:
            continue
        if not isinstance(node, Apply):
            return None
        found = _terms(node, memo)
        if found is None or len(found) > MOST:
            return None
        memo[node] = found
    return memo[value]


def _terms(node: Apply, memo: dict[Node, list[Term]]) -> list[Term] | None:
    moving = [i for i, a in enumerate(node.args) if a in memo]
    if node.op is ADD:
        return [t for a in node.args if a in memo for t in memo[a]]
    if len(moving) != 1:
        if not isinstance(node.op.rule(moving[0]), Joint):
            return None
        return [t.then(Map("other", node, i)) for i in moving for t in memo[node.args[i]]]
    (slot,) = moving
    V = node.args[slot]
    below = memo[V]
    if node.op is SCALE:
        if slot == 1:
            return [t.then(by=node.args[0]) for t in below]
        if node.args[1].kind == "scalar":
            return [t.then(by=node.args[1]) for t in below]
        return [t.then(Map("out", node.args[1])) for t in below]
    if node.op is MATMUL:
        return _products(node, slot, below)
    if node.op is TRANSPOSE:
        return [t.then(Map("turn")) for t in below]
    if node.op is HADAMARD:
        return [t.then(Map("times", node.args[1 - slot])) for t in below]
    if node.op is INNER:
        return [t.then(Map("pair", node.args[1 - slot])) for t in below]
    if node.op is sum_:
        return [t.then(Map("pair", ones_like(V))) for t in below]
    if node.op is tr:
        return [t.then(Map("pair", eye(V.rows))) for t in below]
    if node.op is sym:
        half = number(1) / 2
        return [u for t in below for u in (t.then(by=half), t.then(Map("turn"), by=half))]
    return [t.then(Map("other", node, slot)) for t in below]


def _products(node: Apply, slot: int, below: list[Term]) -> list[Term]:
    A, V = node.args[1 - slot], node.args[slot]
    if node.kind == "scalar":
        pair = transpose(A) if A.kind == "row" and V.kind == "vector" else A
        if V.kind == "row":
            pair = transpose(A)
        return [t.then(Map("pair", pair)) for t in below]
    kind = "left" if slot == 1 else "right"
    summands = A.children if A.op is ADD and len(A.children) <= 6 else (A,)
    out = []
    for part in summands:
        scalar: Node = number(1)
        while part.op is SCALE:
            scalar, part = scale(scalar, part.children[0]), part.children[1]
        chain = flattened(part)
        maps = [Map(kind, f) for f in (reversed(chain) if kind == "left" else chain) if not is_eye(f)]
        out += [t.then(*maps, by=scalar) for t in below]
    return out


def flattened(A: Node) -> list[Node]:
    """The factors of a product from left to right, whole powers written out."""
    factors = product_nodes(A, LONGEST) or [A]
    out: list[Node] = []
    for f in factors:
        if f.op is MPOW:
            assert isinstance(f, Apply)
            k = f.params[0]
            out += [f.args[0]] * k if k <= 4 else [f]
        else:
            out.append(f)
    return out


def _classified(term: Term, dX: Symbol, known: Known) -> Part:
    """The term by its kind."""
    maps = list(term.maps)
    at = next((i for i, m in enumerate(maps) if m.kind == "pair"), None)
    if at is not None:
        return _rank(term, at, dX)
    if any(m.kind in ("other", "out") for m in maps):
        return Other(term)
    vector = dX.kind == "vector"
    sides: list[tuple[list[Node], list[Node]]] = [([], [])]
    masks: list[Node] = []
    turned = False
    for m in maps:
        left, right = sides[-1]
        if m.kind == "turn":
            if masks:
                return Other(term)
            if vector:
                turned = not turned
                continue
            sides[-1] = [known.transposed(f) for f in right], [known.transposed(f) for f in left]
            turned = not turned
            continue
        assert m.node is not None
        if vector and turned:
            return Other(term)
        if m.kind == "left":
            left.append(m.node)
        elif m.kind == "right":
            right.append(m.node)
        elif vector:
            left.append(Diag(m.node))
        else:
            masks.append(m.node)
            sides.append(([], []))
    if vector and any(right for _, right in sides):
        return Other(term)
    if masks:
        return Layers(term.factor, tuple((tuple(a), tuple(b)) for a, b in sides), tuple(masks))
    ((left, right),) = sides
    turned = turned and not (vector or "symmetric" in known(dX))
    return Sandwich(term.factor, tuple(left), tuple(right), turned)


def _rank(term: Term, at: int, dX: Symbol) -> Part:
    """c K ⟨G, dX⟩: what comes before ⟨A, ·⟩ moved to A, what comes after done to what it multiplies."""
    before = Term(number(1), term.maps[:at])
    pair = term.maps[at].node
    assert pair is not None
    V: Node = before(dX)
    try:
        G = adjoint(V, pair, [dX])[dX]
    except UnsupportedError:
        return Other(term)
    rest = term.maps[at + 1 :]
    if not rest or rest[0].kind != "out" or any(m.kind in ("pair", "out") for m in rest[1:]):
        return Other(term)
    K = rest[0].node
    assert K is not None
    for m in rest[1:]:
        K = m(K)
    return Rank(term.factor, G, K)


def product(chain: Sequence[Node], n: Node | None = None) -> Node:
    """The matrix of factors applied one after the other: F_k … F_1."""
    result = chain[0]
    for f in chain[1:]:
        result = matmul(f, result)
    return result


def halves(chain: Sequence[Node], known: Known) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The F and the middle M of a product Fᵀ M F, F as long as it can be; both in the order of application."""
    depth = 0
    while (
        2 * (depth + 1) <= len(chain) and known.transposed(chain[depth]) is chain[-1 - depth]
        # A symmetric factor in the middle is its own mirror image, and no congruence.
    ):
        depth += 1
    return tuple(chain[:depth]), tuple(chain[depth : len(chain) - depth])


def placeholder(X: Symbol, name: str) -> Symbol:
    """A symbol of X's shape without its attributes."""
    return symbol(name, X.kind, X.rows, X.cols)


def total(nodes: Sequence[Node], like: Node) -> Node:
    """The sum, 0 of nothing."""
    return add(*nodes) if nodes else zeros_like(like)
