"""One value for a matrix, its transpose and its negative: `V Uᵀ − Xᵀ` is `−(X − U Vᵀ)ᵀ`, where both occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matdiff.core.node import Apply, Constant, Node, Symbol, apply, number, symbol, topological
from matdiff.graph.properties import Known
from matdiff.ops.algebra import ADD, CONSTRUCTORS, HADAMARD, MATMUL, SCALE, TRANSPOSE, scale, transpose
from matdiff.ops.kronecker import kron
from matdiff.ops.structure import Diag

Terms = frozenset[tuple[Node, int]]
ENTRYWISE = (ADD, HADAMARD)


def mirrored(roots: Sequence[Node]) -> list[Node]:
    """The roots with every matrix whose transpose is met before replaced by that; linear in distinct nodes."""
    known = Known()
    new: dict[Node, Node] = {}
    turned: dict[Node, Node] = {}
    met: set[Node] = set()
    sums: dict[Terms, Node] = {}
    for node in topological(*roots):
        made = rebuilt(node, new)
        if made.kind == "matrix" and isinstance(made, Apply) and made.op is not TRANSPOSE:
            turned[made] = flipped(made, turned, known)
            made = equal(made, turned[made], met, sums)
        new[node] = made
    return [new[r] for r in roots]


def equal(made: Node, other: Node, met: set[Node], sums: dict[Terms, Node]) -> Node:
    """The value in terms of one that was met before, else itself."""
    if other in met and other is not made:
        return transpose(other)
    if made.op is HADAMARD and (swapped := HADAMARD.build(made.children[::-1])) in met:
        return swapped
    if made.op is ADD:
        for total, turn in ((made, False), (other, True)):
            for sign in (1, -1):
                found = sums.get(terms(total, sign))
                if found is not None:
                    return scale(number(sign), transpose(found) if turn else found)
        sums[terms(made, 1)] = made
    met.add(made)
    return made


def terms(total: Node, sign: int) -> Terms:
    """The terms of a sum in any order."""
    return frozenset(Counter(scale(number(sign), a) for a in total.children).items())


def rebuilt(node: Node, new: dict[Node, Node]) -> Node:
    if isinstance(node, Symbol) and node.body is not None:
        return symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
    if isinstance(node, Apply):
        args = tuple(new[a] for a in node.args)
        if args == node.args:
            return node
        if node.op is not ADD and node.op.name in CONSTRUCTORS:
            return CONSTRUCTORS[node.op.name](*args)
        return apply(node.op, args, node.params, node.kind, node.rows, node.cols)
    return node


def flipped(node: Apply, turned: dict[Node, Node], known: Known) -> Node:
    """The transpose written with transposes at the leaves alone, as the other occurrence is."""
    parts = [inside(a, turned, known) for a in node.args]
    if node.op is MATMUL:
        parts.reverse()
    elif node.op is SCALE:
        parts[0] = node.args[0]
    elif node.op is Diag:
        return node
    elif not (node.op in (*ENTRYWISE, kron) or (node.op.elementwise and len(parts) == 1)):
        return transpose(node)
    return apply(node.op, tuple(parts), node.params, "matrix", node.cols, node.rows)


def inside(a: Node, turned: dict[Node, Node], known: Known) -> Node:
    if a.op is TRANSPOSE:
        return a.children[0]
    if a in turned:
        return turned[a]
    if a.kind == "scalar" or isinstance(a, Constant):
        return transpose(a)
    return known.transposed(a)
