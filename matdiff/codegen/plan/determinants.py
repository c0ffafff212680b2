"""det(X) times something linear in X⁻¹ is computed from the adjugate: also where X is singular."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from matdiff.codegen.kernels import kernel, run
from matdiff.core.node import Apply, Constant, Node, Symbol, apply, number, symbol, topological
from matdiff.core.op import Linear
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import (
    ADD,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    matrix_product,
    product_nodes,
    scale,
    transpose,
    whole,
)
from matdiff.ops.constants import is_zero
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import adj, det, inv
from matdiff.ops.reductions import tr
from matdiff.ops.structure import vec
from matdiff.simplify.expand import expanded
from matdiff.simplify.normal import normal
from matdiff.simplify.terms import Term, join, split

MAX_SEARCH = 64
"""Nodes that are looked through for the inverse."""
SMALL_POWERS = range(2, 5)
"""Powers of det X that are taken as products."""
MAX_OUT = 200
"""Most parts of what is multiplied out."""
MAX_PAIRS = 16
"""Most terms of a sum among which second derivatives are looked for."""
ADJ_ALONG = kernel(
    "adj_along",
    "(n,n),(n,n)->(n,n)",
    "adjugate_along({0}, {1})",
    julia="adjugate_along({0}, {1})",
    c="-> adjugate_along({m0}, {0}, {1}, {out}, {work:6*m0*m0+3*m0})",
)
"""The derivative of adj X along V: det(X) (tr(X⁻¹V) X⁻¹ − X⁻¹ V X⁻¹)."""
DET_SECOND = kernel(
    "det_second",
    "(n,n)->(p,p)",
    "det_second({0})",
    julia="det_second({0})",
    c="-> det_second({m0}, {0}, {out}, {work:4*m0*m0+3*m0})",
)
"""det(X) (vec(X⁻ᵀ) vec(X⁻ᵀ)ᵀ − K (X⁻ᵀ ⊗ X⁻¹)), the Hessian of det X."""


def adjugates(roots: Sequence[Node]) -> list[Node]:
    """The roots with det(X) L(X⁻¹) replaced by L(adj X)."""
    order = topological(*roots)
    if not any(n.op is det for n in order) or not any(n.op is inv for n in order):
        return list(roots)
    roots = factored(roots, order)
    order = topological(*roots)
    new: dict[Node, Node] = {}
    for node in order:
        made = rebuilt(node, new)
        for _ in SMALL_POWERS:
            made = absorbed(made)
        new[node] = made
    return [new[r] for r in roots]


def second_determinants(roots: Sequence[Node]) -> list[Node]:
    """The roots with det(X) times a second derivative divided by it replaced by that, which no X⁻¹ enters."""
    order = topological(*roots)
    if not any(n.op is det for n in order) or not any(n.op is inv for n in order):
        return list(roots)
    roots = factored(roots, order)
    order = topological(*roots)
    new: dict[Node, Node] = {}
    for node in order:
        made = rebuilt(node, new)
        new[node] = gathered(made) if made.op is SCALE else made
    return [new[r] if new[r] is not r else multiplied_out(r) for r in roots]


def factored(roots: Sequence[Node], order: Sequence[Node]) -> Sequence[Node]:
    """The roots with det(A B) written det(A) det(B) where A⁻¹ or B⁻¹ stands in them: both may be taken in then."""
    inverted = {n.children[0] for n in order if n.op is inv}
    inverted |= {transpose(X) for X in inverted}
    found: dict[Node, Node] = {}
    for n in order:
        if n.op is det and n.children[0].op is MATMUL:
            parts = product_nodes(n.children[0], MAX_SEARCH) or []
            if parts and all(p.rows is p.cols for p in parts) and not inverted.isdisjoint(parts):
                upright = [p.children[0] if p.op is TRANSPOSE else p for p in parts]
                whole_ = det(upright[0])
                for X in upright[1:]:
                    whole_ = scale(whole_, det(X))
                found[n] = whole_
    if not found:
        return roots
    new: dict[Node, Node] = {}
    for node in order:
        new[node] = found.get(node) or rebuilt(node, new)
    return [new[r] for r in roots]


def gathered(node: Node) -> Node:
    """A product with det(X) and a sum that holds a second derivative of it."""
    factors = scaled(node)
    for i, factor in enumerate(factors):
        for j, total in enumerate(factors):
            if factor.op is det and total.op is ADD:
                made = with_pairs(factor, total.children)
                if made is not None:
                    for other in (f for k, f in enumerate(factors) if k not in (i, j)):
                        made = absorbed(scale(other, made) if other.kind == "scalar" else scale(made, other))
                    return made
    return node


def multiplied_out(root: Node) -> Node:
    """The same where the sum shows only when it is multiplied out."""
    order = topological(root)
    if len(order) > MAX_OUT:
        return root
    total = normal(expanded(inline(root)))
    outside = split(total)
    terms = list(outside.core.children) if outside.core is not None and outside.core.op is ADD else [total]
    if terms != [total]:
        terms = [scale(outside.scalar, t) for t in terms]
    for factor in [n for n in order if n.op is det]:
        pieces = [(t, split(t)) for t in terms]
        own = [(t, piece) for t, piece in pieces if isinstance(e := piece.scalars.get(factor), int) and e > 0]
        for _, piece in own:
            piece.multiply(factor, -1)
        made = with_pairs(factor, [join(piece) for _, piece in own])
        if made is not None:
            rest = [t for t in terms if all(t is not o for o, _ in own)]
            return add(*rest, made)
    return root


def with_pairs(factor: Node, terms: Sequence[Node]) -> Node | None:
    """det(X) times a sum in which there are second derivatives; None where there are none."""
    found, left = paired(terms, factor.children[0])
    if not found:
        return None
    rest = [scale(factor, t) for t in left]
    for _ in SMALL_POWERS:
        rest = [absorbed(t) for t in rest]
    return add(*found, *rest)


def rebuilt(node: Node, new: dict[Node, Node]) -> Node:
    if isinstance(node, Symbol) and node.body is not None:
        return symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
    if isinstance(node, Apply):
        return apply(node.op, tuple(new[a] for a in node.args), node.params, node.kind, node.rows, node.cols)
    return node


def absorbed(node: Node) -> Node:
    """A scaling by det(X) with its inverse of X taken in; anything else as it is."""
    if node.op is not SCALE:
        return node
    factors = scaled(node)
    for i, factor in enumerate(factors):
        if factor.op is det:
            X = factor.children[0]
            for j in range(len(factors) - 1, -1, -1):
                made = distributed(factor, factors[j], X) if j != i else None
                if made is not None:
                    others = [f for k, f in enumerate(factors) if k not in (i, j)]
                    for other in reversed(others):
                        made = scale(other, made) if other.kind == "scalar" else scale(made, other)
                    return made
    return node


def distributed(factor: Node, inside: Node, X: Node) -> Node | None:
    """det(X)·inside without X⁻¹, term by term in a sum; None where no term has it."""
    if inside.op is not ADD:
        return replace(inside, inv(X), adj(X))
    terms = [replace(a, inv(X), adj(X)) for a in inside.children[:MAX_SEARCH]]
    if not any(terms):
        return None
    rest = inside.children[MAX_SEARCH:]
    return add(
        *(t or scale(factor, a) for t, a in zip(terms, inside.children, strict=False)),
        *(scale(factor, a) for a in rest),
    )


def paired(summands: Sequence[Node], X: Node) -> tuple[list[Node], list[Node]]:
    """The second derivatives of det X among the terms of a sum divided by det X, and the other terms.

    tr(X⁻¹V) L(X⁻¹) − L(X⁻¹ V X⁻¹) is one, defined for singular X too, as is vec(X⁻ᵀ) vec(X⁻ᵀ)ᵀ − K (X⁻ᵀ ⊗ X⁻¹).
    """
    terms, found = list(summands), []
    for t in [*terms] if len(terms) <= MAX_PAIRS else []:
        for partner, made in second_derivatives(t, X):
            if t in terms and (other := multiple(partner, terms)) is not None:
                terms.remove(t)
                terms.remove(other[0])
                found.append(made)
                if other[1] is not None:
                    terms.append(other[1])
    return found, terms


def multiple(term: Node, terms: Sequence[Node]) -> tuple[Node, Node | None] | None:
    """The term among others that is a multiple of one, and what is left of it when that is taken away."""
    wanted = split(term)
    for t in terms:
        piece = split(t)
        if piece.core is wanted.core and wanted.scalars.items() <= piece.scalars.items():
            rest = normal(piece.scalar - wanted.scalar)
            return t, None if is_zero(rest) or rest is number(0) else scale(rest, piece.core) if piece.core else rest
    return None


def second_derivatives(term: Node, X: Node) -> Iterator[tuple[Node, Node]]:
    """What a term with two factors X⁻¹ belongs to, if it is one: the other term, and det X times the two."""
    sizes = {inv(X): X, transpose(inv(X)): transpose(X)}
    piece = split(term)
    core = piece.core
    if core is None and len(piece.scalars) == 1:
        (core,) = piece.scalars
        piece.scalars = {}
    if core is None:
        return
    parts = core_factors(core)
    if parts[-1].op is kron and len(parts) <= 2:
        yield from from_kron(piece, parts, sizes)
    for i, P in enumerate(parts):
        for j in range(i + 2, len(parts)):
            if P in sizes and parts[j] is P:
                V = matrix_product(parts[i + 1 : j])
                rest = [*parts[: i + 1], *parts[j + 1 :]]
                minus = scale(number(-1), scale(piece.scalar, matrix_product(rest)))
                made = run(ADJ_ALONG, (sizes[P], V), "matrix", P.rows, P.cols)
                whole = matrix_product([*parts[:i], made, *parts[j + 1 :]])
                for one in (P @ V, V @ P, V.T @ P.T, P.T @ V.T):
                    yield normal(scale(tr(one), minus)), scale(number(-1), scale(piece.scalar, whole))


def core_factors(core: Node) -> list[Node]:
    return product_nodes(core, MAX_SEARCH) or [core]


def from_kron(piece: Term, parts: list[Node], sizes: Mapping[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """K (P ⊗ Pᵀ), or P ⊗ P for a symmetric P, beside vec(P) vec(P)ᵀ."""
    P, Q = parts[-1].children
    turned = len(parts) == 2 and isinstance(parts[0], Constant) and parts[0].name == "K"
    if P not in sizes or not (Q is transpose(P) if turned else len(parts) == 1 and Q is P):
        return
    flat = vec(P)
    minus = scale(number(-1), scale(piece.scalar, flat @ flat.T))
    made = run(DET_SECOND, (transpose(sizes[P]),), "matrix", flat.rows, flat.rows)
    yield minus, scale(number(-1), scale(piece.scalar, made))


def scaled(node: Node) -> list[Node]:
    """The scalar factors of a scaling, then what they scale."""
    factors: list[Node] = []
    stack = [node]
    while stack and len(factors) < MAX_SEARCH:
        top = stack.pop()
        if top.op is SCALE:
            stack.extend(reversed(top.children))
        elif top.op is POWER and top.children[0].op is det and (whole(top.children[1]) or 0) in SMALL_POWERS:
            factors += [top.children[0]] * (whole(top.children[1]) or 0)
        else:
            factors.append(top)
    return factors if not stack else list(node.children)


def replace(root: Node, old: Node, new: Node) -> Node | None:
    """L(new) for root = L(old), the L linear and made of functions that are linear in one argument."""
    path: list[tuple[Apply, int]] = []
    above: dict[Node, tuple[Apply, int]] = {}
    stack, found = [root], False
    while stack and len(above) < MAX_SEARCH and not found:
        node = stack.pop()
        if node is old:
            found = True
        elif isinstance(node, Apply):
            for slot, arg in enumerate(node.args):
                if arg not in above and isinstance(node.op.rule(slot), Linear):
                    above[arg] = (node, slot)
                    stack.append(arg)
    if not found:
        return None
    node = old
    while node is not root:
        path.append(above[node])
        node = above[node][0]
    for parent, slot in path:
        args = (*parent.args[:slot], new, *parent.args[slot + 1 :])
        new = apply(parent.op, args, parent.params, parent.kind, parent.rows, parent.cols)
    return new


__all__ = ["adjugates", "second_determinants"]
