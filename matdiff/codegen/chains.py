"""Products of many factors: the order of multiplication that costs least (dynamic programming over sizes)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matdiff.codegen.kernels import TRACE_PRODUCT, run
from matdiff.node import Node
from matdiff.ops.algebra import INNER, TRANSPOSE, is_op
from matdiff.ops.structure import Diag
from matdiff.shape import ONE, Dim

ASSUMED = 100
"""The size taken for a dimension that has only a name."""
MAX_CHAIN = 16
"""The longest product whose order is optimised, which takes cubic time."""

Product = Callable[[Node, Node], Node]


def guess(dim: Dim) -> int:
    return max(1, dim.evaluate(dict.fromkeys(dim.names, ASSUMED)))


def multiply(leaves: Sequence[Node], product: Product) -> Node:
    """The product of the leaves, cheapest order first."""
    if len(leaves) > MAX_CHAIN:
        return sweep(leaves, product)
    splits, _ = order(leaves)
    return build(leaves, splits, 0, len(leaves) - 1, product)


def trace(leaves: Sequence[Node], product: Product) -> Node:
    """tr of the product, whose last multiplication is never carried out: tr(AB) = Σ A_ij B_ji."""
    if len(leaves) > MAX_CHAIN:
        return pair(sweep(leaves[:-1], product), leaves[-1])
    splits, costs = order(leaves)
    last = len(leaves) - 1
    rows = guess(leaves[0].rows)
    k = min(range(last), key=lambda k: costs[0, k] + costs[k + 1, last] + guess(leaves[k].cols) * rows)
    return pair(build(leaves, splits, 0, k, product), build(leaves, splits, k + 1, last, product))


def pair(left: Node, right: Node) -> Node:
    """tr(left·right)."""
    if left.kind == "vector" and right.kind == "row":
        return run(INNER, (left, right.T), "scalar", ONE, ONE)
    if is_op(left, TRANSPOSE):
        return run(INNER, (left.children[0], right), "scalar", ONE, ONE)
    return run(TRACE_PRODUCT, (left, right), "scalar", ONE, ONE)


def order(leaves: Sequence[Node]) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], float]]:
    """For each stretch (i, j) of the chain where to split it, and its cost."""
    count = len(leaves)
    size = [guess(a.rows) for a in leaves] + [guess(leaves[-1].cols)]
    costs: dict[tuple[int, int], float] = {(i, i): 0 for i in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best = float("inf")
            for k in range(j - 1, i - 1, -1):
                inner = 1 if sparse(leaves, i, k) or sparse(leaves, k + 1, j) else size[k + 1]
                cost = costs[i, k] + costs[k + 1, j] + size[i] * inner * size[j + 1]
                if cost < best:
                    best, splits[i, j] = cost, k
            costs[i, j] = best
    return splits, costs


def sparse(leaves: Sequence[Node], i: int, j: int) -> bool:
    """A factor that only scales."""
    return i == j and is_op(leaves[i], Diag)


def build(leaves: Sequence[Node], splits: dict[tuple[int, int], int], i: int, j: int, product: Product) -> Node:
    done: dict[tuple[int, int], Node] = {(k, k): leaf for k, leaf in enumerate(leaves)}
    stack = [(i, j)]
    while stack:
        low, high = stack[-1]
        if (low, high) in done:
            stack.pop()
            continue
        k = splits[low, high]
        missing = [part for part in ((low, k), (k + 1, high)) if part not in done]
        if missing:
            stack.extend(missing)
        else:
            done[low, high] = product(done[low, k], done[k + 1, high])
    return done[i, j]


def sweep(leaves: Sequence[Node], product: Product) -> Node:
    """A long chain from the end where a vector stands, else from the left."""
    if leaves[-1].kind == "vector" and leaves[0].kind != "row":
        total = leaves[-1]
        for leaf in reversed(leaves[:-1]):
            total = product(leaf, total)
        return total
    total = leaves[0]
    for leaf in leaves[1:]:
        total = product(total, leaf)
    return total
