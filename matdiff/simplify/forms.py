"""The best of several equal forms: common factors taken out, signs turned, the shortest kept.

Forms only refactor what the rules produced; they bring in no function of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from matdiff.core.node import Apply, Node, number, topological
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import respelled
from matdiff.ops.algebra import (
    ADD,
    MATMUL,
    SCALE,
    TRANSPOSE,
    add,
    matrix_product,
    product_nodes,
    scale,
)
from matdiff.ops.kronecker import kron, simpler_kron
from matdiff.printing.length import length
from matdiff.simplify.context import Context
from matdiff.simplify.expand import cleared, expanded
from matdiff.simplify.factor import SYMMETRY, factored, ordered, symmetric
from matdiff.simplify.normal import new_context
from matdiff.simplify.terms import WINDOW, Term, apart, chain, factors, join

SMALL = 120
"""Most distinct parts of an expression that is also tried multiplied out."""
FEW = 6
"""Most factors of a product of products that is one product: longer ones are parts of several."""
LARGE = 4000
"""Most distinct parts of an expression that is factored at all: nobody reads a longer one."""


def shortest(node: Node, context: Context | None = None) -> Node:
    """The best form of an expression in normal form: of it as it came, multiplied out, and cleared of denominators.

    `context` is that of the run which made the normal form.
    """
    order = topological(node)
    if len(order) > LARGE:
        return node
    context = context or new_context()
    known = context.known
    forms = [best(node, known)]
    if len(order) <= SMALL and any(n.op is ADD for n in order):
        forms += [best(context.normal(other), known) for other in _others(node, forms[0], context)]
    if all(form is forms[0] for form in forms):
        return _opened(forms[0])
    return _opened(min(forms, key=lambda form: _cost(form, known)))


def _opened(form: Node) -> Node:
    """−(a + b) as −a − b, where nothing stands beside the sum."""
    if form.op is not SCALE or form.children[0] is not number(-1) or form.children[1].op is not ADD:
        return form
    total = form.children[1]
    return add(*(scale(number(-1), t) for t in total.children)) if len(total.children) <= WINDOW else form


def _cost(form: Node, known: Known) -> tuple[int, bool]:
    """Length first; what hides that it is symmetric must be shorter by more than SYMMETRY."""
    hidden = not symmetric([form], known)
    return length(form) + SYMMETRY * hidden, hidden


def _others(node: Node, factored: Node, context: Context) -> Iterator[Node]:
    out = expanded(node)
    if out is not node:
        yield out
    if any(map(_is_outer, topological(node, into_bodies=False))):
        wide = expanded(node, outer=True)
        if wide is not out:
            yield wide
    clear = cleared(factored)
    if clear is not factored:
        yield clear
        yield expanded(context.normal(clear), entrywise=True)


def _is_outer(node: Node) -> bool:
    """May it be multiplied out as an outer product only: a column times a row, or the transpose of a sum of columns?"""
    if node.op is MATMUL:
        return node.args[0].kind == "vector"
    return node.op is TRANSPOSE and node.kind != "matrix" and node.args[0].op is not None


def best(node: Node, known: Known | None = None) -> Node:
    """The form to print of an expression in normal form: as short as factoring its sums makes it."""
    known = known or Known()
    memo = known.best
    for n in topological(node, into_bodies=False, done=memo):
        if not isinstance(n, Apply):
            memo[n] = n
            continue
        args = tuple(memo[a] for a in n.args)
        if n.op is ADD:
            memo[n] = factored(args, known)
        else:
            memo[n] = _turned(_nested(respelled(n, args), known), known)
    return memo[node]


def _nested(node: Node, known: Known) -> Node:
    """A product of what became one by factoring: A (B C) is A B C, and x ⊗ (yᵀ ⊗ A) is x yᵀ ⊗ A."""
    if node.op is MATMUL and node.children[1].op is MATMUL and {c.kind for c in node.children} == {"matrix"}:
        flat = product_nodes(node, FEW)
        return matrix_product(flat) if flat else node
    return (simpler_kron(known, node, *node.args) if isinstance(node, Apply) and node.op is kron else None) or node


def _turned(node: Node, known: Known) -> Node:
    """t · t A as t² A, and −A(b − c) as A(c − b), where a sum with both signs is a factor."""
    piece = apart(node, known)
    if node.op is SCALE:
        node = join(piece)
    if piece.number >= 0:
        return node
    if piece.core is None:
        return node
    if piece.core.op is ADD:
        turned = _negated(piece.core, known)
        if turned is not None:
            return join(Term(-piece.number, piece.scalars, turned))
        return node
    if piece.core.op is MATMUL:
        parts = factors(piece.core, known)
        for i, (base, exponent) in enumerate(parts):
            if exponent != 1 or base.op is not ADD or sum(base in (b, b.T) for b, _ in parts) != 1:
                continue
            turned = _negated(base, known)
            if turned is not None:
                core = chain([*parts[:i], (turned, 1), *parts[i + 1 :]])
                return join(Term(-piece.number, piece.scalars, core))
    return node


def _negated(total: Node, known: Known) -> Node | None:
    """−(a − b) = b − a for a sum with both signs, else None."""
    numbers = [apart(t, known).number for t in total.children]
    if len(numbers) > WINDOW or not (min(numbers) < 0 < max(numbers)):
        return None
    return add(*ordered([scale(number(-1), t) for t in total.children], known))
