"""Which parts of a large expression get a name, so that text stays linear in the size of the graph."""

from __future__ import annotations

from collections import Counter

from matdiff.core.node import Apply, Node, Symbol, size_names

LARGE = 400
"""Nodes, counted as often as they would be printed, above which shared parts are named."""

OFTEN = 3
LONG = 8
"""A kernel matrix of so many nodes that is printed so often has a name in smaller expressions too."""

WORTH = 4
"""Nodes that a part has at least, to deserve a name."""

NESTED = 200
"""Parentheses within each other after which a part is named."""

HUGE = 10**9


def named_parts(order: list[Node]) -> dict[Node, str]:
    """Names for shared parts of a large expression, whose nodes these are, and for deeply nested ones."""
    chosen = [n for n in _choose(order) if n is not order[-1]]
    prefix = _unused(order)
    return {n: f"{prefix}_{i}" for i, n in enumerate(chosen, 1)}


def _choose(order: list[Node]) -> list[Node]:
    if _printed_size(order) <= LARGE:
        return _often(order)
    uses = Counter(c for n in order if isinstance(n, Apply) for c in n.args)
    sizes: dict[Node, int] = {}
    depths: dict[Node, int] = {}
    chosen: list[Node] = []
    for n in order:
        size = 1 + sum(sizes[c] for c in n.children) if isinstance(n, Apply) else 1
        depth = _depth(n, depths)
        if isinstance(n, Apply) and ((uses[n] > 1 and size >= WORTH) or depth >= NESTED):
            chosen.append(n)
            size, depth = 1, 0
        sizes[n], depths[n] = size, depth
    return chosen


def _often(order: list[Node]) -> list[Node]:
    """Kernel matrices, functions of the entries of a matrix, that a smaller expression would print in OFTEN places."""
    sizes: dict[Node, int] = {}
    for n in order:
        sizes[n] = 1 + sum(sizes[c] for c in n.children) if isinstance(n, Apply) else 1
    if sizes[order[-1]] < OFTEN * LONG:
        return []
    printed = Counter({order[-1]: 1})
    chosen: list[Node] = []
    for n in reversed(order):
        kernel = n.kind == "matrix" and isinstance(n, Apply) and n.op.elementwise
        if kernel and printed[n] >= OFTEN and sizes[n] >= LONG:
            chosen.append(n)
            printed[n] = 1
        for c in n.children if isinstance(n, Apply) else ():
            printed[c] += printed[n]
    return chosen[::-1]


def _printed_size(order: list[Node]) -> int:
    """Nodes of the tree; definitions count once."""
    sizes: dict[Node, int] = {}
    total = 0
    for n in order:
        sizes[n] = min(HUGE, 1 + sum(sizes[c] for c in n.children)) if isinstance(n, Apply) else 1
        if isinstance(n, Symbol) and n.body is not None:
            total += sizes[n.body]
    return total + sizes[order[-1]]


def _depth(node: Node, depths: dict[Node, int]) -> int:
    """Brackets within each other; the left factor of a product goes on without."""
    if not isinstance(node, Apply):
        return 0
    goes_on = node.op.name in ("matmul", "hadamard", "kron")
    return max((depths[a] + (not (goes_on and i == 0)) for i, a in enumerate(node.args)), default=0)


def _unused(order: list[Node]) -> str:
    """A letter that no name of the expression begins with."""
    names = {s.name for s in order if isinstance(s, Symbol)} | size_names(*order[-1:])
    taken = names | {name.partition("_")[0] for name in names}
    for letter in "PQRTUVWZ":
        if letter not in taken:
            return letter
    return next(f"P{i}" for i in range(1, len(taken) + 2) if f"P{i}" not in taken)
