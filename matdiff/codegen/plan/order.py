"""Products of many factors: the order of multiplication that costs least (dynamic programming over sizes)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

from matdiff.codegen.kernels import COLUMN_DOTS, PLUS, ROW_DOTS, TRACE_PRODUCT, run
from matdiff.core.node import Node, Number, Symbol, number
from matdiff.core.shape import ONE, Dim
from matdiff.graph.properties import Known
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, hadamard, scale, transpose
from matdiff.ops.constants import is_one, is_ones
from matdiff.ops.elementwise import cos, sigmoid, sin, tanh
from matdiff.ops.structure import Diag

BOUNDED = (sin, cos, tanh)


def nonnegative(value: Node, known: Known) -> bool:
    """Seen from the factors: y ∘ σ ∘ (1 − σ) ∘ y has two signs that cancel and two values between 0 and 1."""
    counts: Counter[Node] = Counter()
    stack: list[tuple[Node, int]] = [(value, 1)]
    while stack:
        node, times = stack.pop()
        if node.op is HADAMARD or node.op is SCALE:
            stack.extend((a, times) for a in node.children)
        elif node.op is POWER and isinstance(p := node.children[1], Number) and isinstance(p.value, int):
            stack.append((node.children[0], times * p.value))
        else:
            counts[node] += times
    return all(times % 2 == 0 or sure(node, known) for node, times in counts.items())


def sure(node: Node, known: Known) -> bool:
    return "nonnegative" in known(node) or below_one(node)


def below_one(node: Node) -> bool:
    """1 − σ(u), 1 − tanh²(u) and their like."""
    if not (node.op is ADD or node.op is PLUS) or len(node.children) != 2:
        return False
    first, second = sorted(node.children, key=lambda t: not (is_one(t) or is_ones(t)))
    if not (is_one(first) or is_ones(first)):
        return False
    taken = scale(number(-1), second)
    if taken.op is POWER and isinstance(p := taken.children[1], Number):
        return p.value == 2 and any(taken.children[0].op is f for f in BOUNDED)
    return taken.op is sigmoid or any(taken.op is f for f in BOUNDED)


ASSUMED = 100
"""The size taken for a dimension that has only a name."""
MAX_CHAIN = 16
"""The longest product whose order is optimised, which takes cubic time."""

Product = Callable[[Node, Node], Node]


Sizes = Mapping[str, int]
"""Sizes taken for names; those without one take ASSUMED."""
NO_SIZES: Sizes = {}


def guess(dim: Dim, sizes: Sizes = NO_SIZES) -> int:
    return max(1, dim.evaluate({name: sizes.get(name, ASSUMED) for name in dim.names}))


Association = Literal["best", "left", "right"]


@dataclass(frozen=True, slots=True)
class How:
    """How two values are multiplied, what is known of them, in which order a chain is; the products done so far."""

    product: Product
    known: Known
    association: Association = "best"
    sizes: Sizes = field(default_factory=dict)
    done: dict[tuple[Node, ...], Node] = field(default_factory=dict)


Given = Mapping[tuple[int, int], Node]
"""Stretches (i, j) of a chain whose product is computed anyway."""


def expand(
    start: list[tuple[Node, bool]], wanted: Callable[[Node], bool], limit: float = float("inf")
) -> list[tuple[Node, bool]]:
    """Products replaced by their factors, those only that are wanted; True where transposed."""
    out: list[tuple[Node, bool]] = []
    stack = list(reversed(start))
    while stack:
        node, flipped = stack.pop()
        inside = node
        while inside.op is TRANSPOSE or (isinstance(inside, Symbol) and inside.body is not None):
            flipped ^= inside.op is TRANSPOSE
            node, inside = (inside.children[0] if inside.op is TRANSPOSE else node), inside.children[0]
        if inside.op is MATMUL and wanted(inside) and len(out) + len(stack) + 2 <= limit:
            a, b = inside.children
            stack.extend(((a, True), (b, True)) if flipped else ((b, False), (a, False)))
        else:
            out.append((node, flipped))
    return out


def cheap(nodes: Iterable[Node]) -> set[Node]:
    """Products of rank one and multiples of rows or columns, which are no values worth keeping; parents come last."""
    thin: set[Node] = set()
    scaled: set[Node] = set()
    for node in nodes:
        inside = node.children[0] if node.op is TRANSPOSE else node
        if inside.op is MATMUL and node.kind == "matrix":
            a, b = inside.children
            if (a.kind == "vector" and b.kind == "row") or a in thin or b in thin:
                thin.add(node)
            elif (a.op is Diag or b.op is Diag) and a.op is not MATMUL and b.op is not MATMUL:
                scaled.add(node)
    return thin | scaled


def multiply(leaves: Sequence[Node], how: How, given: Given) -> Node:
    """The product of the leaves, cheapest order first; xᵀA Aᵀx is the square of Aᵀx."""
    if len(leaves) > MAX_CHAIN:
        return sweep(leaves, how.product)
    if how.association == "best":
        made = squared(leaves, how, given)
        if made is not None:
            return made
    splits, _ = order(leaves, given, how.association, how.sizes)
    return build(leaves, splits, 0, len(leaves) - 1, how, given)


def squared(leaves: Sequence[Node], how: How, given: Given) -> Node | None:
    """A product that reads the same from both ends, from one half of it: xᵀA Aᵀx, xᵀA M Aᵀx, (AB)ᵀAB."""
    if not palindrome(leaves, how.known):
        return None
    half, odd = divmod(len(leaves), 2)
    if leaves[0].kind == "row" and leaves[-1].kind == "vector" and len(leaves) > 3:
        at = half + odd
        inside = {(i - at, j - at): part for (i, j), part in given.items() if i >= at}
        side = multiply(leaves[at:], how, inside) if half > 1 else leaves[-1]
        return run(INNER, (side, how.product(leaves[half], side) if odd else side), "scalar", ONE, ONE)
    root = gram_root(leaves, how)
    return None if root is None else how.product(transpose(root), root)


def gram_root(leaves: Sequence[Node], how: How) -> Node | None:
    """The Z of a product that is ZᵀZ: (AB)ᵀAB, and AᵀDiag(d)A with d ≥ 0, half the work of any other product."""
    half, odd = divmod(len(leaves), 2)
    if not half or half + odd < 2 or leaves[0].kind == "row":
        return None
    if odd and not (leaves[half].op is Diag and nonnegative(leaves[half].children[0], how.known)):
        return None
    side = multiply(leaves[-half:], how, {}) if half > 1 else leaves[-1]
    if not odd:
        return side
    d = leaves[half].children[0]
    root = run(POWER, (d, number(Fraction(1, 2))), d.kind, d.rows, d.cols)
    return how.product(Diag.build((root,)), side)


def palindrome(leaves: Sequence[Node], known: Known) -> bool:
    """Is the second half the transpose of the first?"""
    half = len(leaves) // 2
    return all(a is known.transposed(b) for a, b in zip(leaves[:half], leaves[: -half - 1 : -1], strict=True))


def trace(leaves: Sequence[Node], how: How, given: Given) -> Node:
    """tr of the product, whose last multiplication is never carried out: tr(AB) = Σ A_ij B_ji."""
    if len(leaves) > MAX_CHAIN:
        return pair(sweep(leaves[:-1], how.product), leaves[-1], how.known)
    return pair(*halves(leaves, how, given), how.known)


def halves(leaves: Sequence[Node], how: How, given: Given) -> tuple[Node, Node]:
    """The two products whose product's diagonal or trace costs least; of PP and P'P both from P."""
    half, odd = divmod(len(leaves), 2)
    if half > 1 and not odd and how.association == "best":
        again, mirror = leaves[:half] == leaves[half:], palindrome(leaves, how.known)
        if again or mirror:
            side = multiply(leaves[half:], how, {(i - half, j - half): a for (i, j), a in given.items() if i >= half})
            return (side, side) if again else (transpose(side), side)
    splits, costs = order(leaves, given, how.association, how.sizes)
    _, k = trace_split(leaves, costs, how.sizes)
    last = len(leaves) - 1
    return build(leaves, splits, 0, k, how, given), build(leaves, splits, k + 1, last, how, given)


def diagonal(leaves: Sequence[Node], how: How, given: Given) -> Node:
    """diag of the product, whose last multiplication is never carried out: (AB)_ii = Σ_j A_ij B_ji."""
    left, right = halves(leaves, how, given)
    if left.kind == "vector":
        return hadamard(left, transpose(right))
    if left.op is TRANSPOSE:
        return run(COLUMN_DOTS, (left.children[0], right), "vector", left.rows, ONE)
    return run(ROW_DOTS, (left, transpose(right)), "vector", left.rows, ONE)


def pair(left: Node, right: Node, known: Known) -> Node:
    """tr(left·right)."""
    if left.kind == "vector" and right.kind == "row":
        return run(INNER, (left, right.T), "scalar", ONE, ONE)
    if left.op is TRANSPOSE:
        return run(INNER, (left.children[0], right), "scalar", ONE, ONE)
    if left.kind == "matrix" and "symmetric" in known(left):
        return run(INNER, (left, right), "scalar", ONE, ONE)
    if right.op is TRANSPOSE:
        return run(INNER, (left, right.children[0]), "scalar", ONE, ONE)
    return run(TRACE_PRODUCT, (left, right), "scalar", ONE, ONE)


def order(
    leaves: Sequence[Node], given: Given, association: Association = "best", sizes: Sizes = NO_SIZES
) -> tuple[dict[tuple[int, int], int], dict[tuple[int, int], float]]:
    """For each stretch (i, j) of the chain where to split it, and its cost; of equal ones, from the right."""
    count = len(leaves)
    size = lengths(leaves, sizes)
    costs: dict[tuple[int, int], float] = {(i, i): 0 for i in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best = float("inf")
            for k in {"best": range(i, j), "left": (j - 1,), "right": (i,)}[association]:
                cost = costs[i, k] + costs[k + 1, j] + one_product(leaves, size, i, k, j)
                if cost < best:
                    best, splits[i, j] = cost, k
            costs[i, j] = 0 if (i, j) in given else best
    return splits, costs


def path(splits: Mapping[tuple[int, int], int], count: int, leaf: int) -> list[tuple[int, int, int, int]]:
    """The stretches in which a leaf is multiplied, from the shortest up, each with what it is multiplied by there."""
    i, j, found = 0, count - 1, []
    while i < j:
        k = splits[i, j]
        found.append((i, j, k + 1, j) if leaf <= k else (i, j, i, k))
        i, j = (i, k) if leaf <= k else (k + 1, j)
    return found[::-1]


def trace_split(leaves: Sequence[Node], costs: Mapping[tuple[int, int], float], sizes: Sizes) -> tuple[float, int]:
    """The cost of the trace of a chain, and where its two parts meet."""
    last = len(leaves) - 1
    rows = guess(leaves[0].rows, sizes)
    return min((costs[0, k] + costs[k + 1, last] + guess(leaves[k].cols, sizes) * rows, k) for k in range(last))


def lengths(leaves: Sequence[Node], sizes: Sizes) -> list[int]:
    return [guess(a.rows, sizes) for a in leaves] + [guess(leaves[-1].cols, sizes)]


def one_product(leaves: Sequence[Node], size: Sequence[int], i: int, k: int, j: int) -> int:
    inner = 1 if sparse(leaves, i, k) or sparse(leaves, k + 1, j) else size[k + 1]
    return size[i] * inner * size[j + 1]


class Chain(NamedTuple):
    """A product whose best order may depend on sizes."""

    leaves: tuple[Node, ...]
    given: Given

    @property
    def names(self) -> frozenset[str]:
        return frozenset(name for a in self.leaves for name in a.rows.names | a.cols.names)

    @property
    def open(self) -> bool:
        """Matrices of several sizes that have only names; a product with a vector is best done from its end."""
        if not 3 <= len(self.leaves) <= MAX_CHAIN or self.leaves[0].kind == "row" or self.leaves[-1].kind == "vector":
            return False
        return len({d for a in self.leaves for d in a.shape if d.number is None}) > 1

    def order(self, sizes: Sizes) -> tuple[tuple[tuple[int, int], int], ...]:
        """Where each stretch is split, for comparison."""
        return tuple(order(self.leaves, self.given, "best", sizes)[0].items())

    def cost_ratio(self, sizes: Sizes) -> float:
        """How many times cheaper the best order for these sizes is than that for the assumed ones."""
        splits, _ = order(self.leaves, self.given)
        last = len(self.leaves) - 1
        best = order(self.leaves, self.given, "best", sizes)[1][0, last]
        size, total, stack = lengths(self.leaves, sizes), 0, [(0, last)]
        while stack:
            i, j = stack.pop()
            if i < j and (i, j) not in self.given:
                k = splits[i, j]
                total += one_product(self.leaves, size, i, k, j)
                stack += [(i, k), (k + 1, j)]
        return total / max(best, 1)


def sparse(leaves: Sequence[Node], i: int, j: int) -> bool:
    """A factor that only scales."""
    return i == j and leaves[i].op is Diag


def build(leaves: Sequence[Node], splits: dict[tuple[int, int], int], i: int, j: int, how: How, given: Given) -> Node:
    done: dict[tuple[int, int], Node] = {(k, k): leaf for k, leaf in enumerate(leaves)} | dict(given)
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
            done[low, high] = how.product(done[low, k], done[k + 1, high])
            how.done[tuple(leaves[low : high + 1])] = done[low, high]
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
