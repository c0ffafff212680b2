"""Orders of multiplication that depend on sizes known only when a function is called: at most three plans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log

from matdiff.codegen.plan.order import Chain, Sizes, guess
from matdiff.codegen.plan.products import plan_with, prepared
from matdiff.codegen.plan.sharing import by_least_squares, share_factors
from matdiff.core.node import Apply, Node, Symbol, apply, symbol, topological
from matdiff.core.shape import ZERO, Dim
from matdiff.ops.algebra import MATMUL, TRANSPOSE, transpose

# A definition and an expression that is equal to it are one value: what is computed of one serves the other.


def unified(roots: Sequence[Node]) -> list[Node]:
    """The roots with the name of a definition wherever its body stands; linear in distinct nodes.

    A value has the definitions that were typed, its derivatives have them written out.
    """
    order = topological(*roots)
    if not any(isinstance(n, Symbol) and n.body is not None for n in order):
        return list(roots)
    named: dict[Node, Node] = {}
    new: dict[Node, Node] = {}

    def called(node: Node) -> Node:
        made = new[node]
        return named.get(made, made)

    def rebuild(node: Node) -> None:
        if isinstance(node, Symbol) and node.body is not None:
            body = new[node.body]
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=body)
            if isinstance(body, Apply) and body.op is not TRANSPOSE:
                named.setdefault(body, new[node])
        elif isinstance(node, Apply):
            args = tuple(called(a) for a in node.args)
            new[node] = (
                transpose(*args)
                if node.op is TRANSPOSE
                else apply(node.op, args, node.params, node.kind, node.rows, node.cols)
            )
        else:
            new[node] = node

    for node in topological(*(n for n in order if isinstance(n, Symbol) and n.body is not None)):
        rebuild(node)
    for node in order:
        if node not in new:
            rebuild(node)
    return [new[r] for r in roots]


SMALL, LARGE = 10, 1000
"""The sizes that one dimension takes where the others have the assumed size."""
MAX_PLANS = 3
MAX_NAMES = 8
WORTH = 1.3
"""How many times cheaper an order must be somewhere."""


def plans(
    roots: Sequence[Node], inverses: bool = False, every: bool = False, orthogonal: bool = True
) -> list[list[Node]]:
    """The plan for the assumed sizes, and others that are cheaper for other sizes.

    `every`: systems are solved by factors even where these serve once, for checks to look at.
    `orthogonal`: least squares by QR; without it by the normal equations.
    """
    ready = prepared(roots)
    first, chains = plan_with(ready, {})
    scenarios = [sizes for sizes in scenarios_of(chains) if any(c.cost_ratio(sizes) > WORTH for c in chains)]
    found = {tuple(first): first}
    for sizes in {tuple(c.order(sizes) for c in chains): sizes for sizes in scenarios}.values():
        other, _ = plan_with(ready, sizes)
        found.setdefault(tuple(other), other)
    shared = [share_factors(unified(p), inverses, every) for p in chosen(list(found.values()), [{}, *scenarios])]
    return needed([by_least_squares(p) for p in shared] if orthogonal else shared)


def needed(found: list[list[Node]]) -> list[list[Node]]:
    """The plans without one of three that costs the mean of the others, or more: one of them is never dearer."""
    if len(found) < MAX_PLANS:
        return found
    a, b, c = costs(found)
    excess = (a + a - b - c, b + b - a - c, c + c - a - b)
    spare = next((k for k, gap in enumerate(excess) if all(number >= 0 for _, number in gap.terms)), None)
    return [p for k, p in enumerate(found) if k != spare]


def scenarios_of(chains: Sequence[Chain]) -> Iterator[Sizes]:
    names = sorted({name for chain in chains for name in chain.names})
    for name in names[:MAX_NAMES]:
        yield {name: SMALL}
        yield {name: LARGE}


def chosen(found: list[list[Node]], scenarios: Sequence[Sizes]) -> list[list[Node]]:
    """The first plan, then the one or two that save most."""
    if len(found) == 1:
        return found
    costs = [[sum(guess(operations(n), s) for n in applied(p)) for s in scenarios] for p in found]
    kept, best = [0], list(costs[0])
    while len(kept) < MAX_PLANS:
        gains = [max(log(b / c) for b, c in zip(best, row, strict=True)) for row in costs]
        top = max(range(len(found)), key=gains.__getitem__)
        if gains[top] < log(WORTH):
            break
        kept.append(top)
        best = [min(b, c) for b, c in zip(best, costs[top], strict=True)]
    return [found[i] for i in kept]


def applied(roots: Sequence[Node]) -> list[Apply]:
    return [n for n in topological(*roots) if isinstance(n, Apply) and n.op is not TRANSPOSE]


def operations(node: Apply) -> Dim:
    """About how many, as a polynomial in the sizes: exact for products, which is what plans differ in."""
    if node.op is MATMUL:
        return node.rows * node.args[0].cols * node.cols
    if node.op.domain and node.op.name.endswith("solve"):
        return node.args[0].rows * node.rows * node.cols
    return node.rows * node.cols


def costs(found: Sequence[Sequence[Node]]) -> list[Dim]:
    """The operations of each plan, without those that are in all."""
    parts = [dict.fromkeys(applied(p)) for p in found]
    shared = set(parts[0]).intersection(*parts[1:])
    totals = []
    for part in parts:
        total = ZERO
        for node in part:
            total = total + (ZERO if node in shared else operations(node))
        totals.append(total)
    return totals
