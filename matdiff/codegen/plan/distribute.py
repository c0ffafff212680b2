"""Products with a sum multiplied out where that takes fewer operations: (I − XPX')y is y − X(P(X'y)).

A sum that occurs in nothing but products, inner products and traces is not computed at all then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from matdiff.codegen.plan.mirrors import mirrored, rebuilt
from matdiff.codegen.plan.order import MAX_CHAIN, NO_SIZES, Given, Sizes, cheap, expand, guess, order, path, trace_split
from matdiff.core.node import Node, Symbol, number, topological
from matdiff.graph.properties import Known
from matdiff.ops.algebra import ADD, INNER, MATMUL, SCALE, TRANSPOSE, add, is_op, matrix_product, scale, transpose
from matdiff.ops.constants import eye, is_eye
from matdiff.ops.linalg import inv
from matdiff.ops.reductions import tr

WRITE = 2
"""Multiplications in a product of matrices that take as long as one entry of a sum."""
MAX_TERMS = 8
LINEAR = (MATMUL, INNER, tr)

Leaves = tuple[Node, ...]
Key = tuple[tuple[Node, bool], ...]


def distributed(roots: Sequence[Node], sizes: Sizes = NO_SIZES) -> list[Node]:
    """The roots rewritten; linear in distinct nodes for products of bounded length."""
    return Distributor(roots, sizes).rewritten()


class Term(NamedTuple):
    """A multiple of a product; of no factors, for I."""

    coefficient: Node
    factors: Leaves


class Distributor:
    """One fold from the leaves up; `sums` says how often each sum is used, 0 where it is computed anyway."""

    def __init__(self, roots: Sequence[Node], sizes: Sizes) -> None:
        self.roots = list(roots)
        self.sizes = sizes
        self.nodes = topological(*roots)
        self.uses: Counter[Node] = Counter(roots)
        self.linear: Counter[Node] = Counter()
        self.summed: Counter[Node] = Counter()
        self.traced: Counter[Node] = Counter()
        self.paired: Counter[Node] = Counter()
        self.known = Known()
        self.new: dict[Node, Node] = {}
        self.sums: dict[Node, int] = {}
        self.computed: set[Key] = set()
        self.cheap = cheap(self.nodes)
        self.count()

    def count(self) -> None:
        """How often each node is used, and in what, seen through transposes and definitions."""
        for node in reversed(self.nodes):
            through = node.op is TRANSPOSE or isinstance(node, Symbol)
            for child in node.children:
                self.uses[child] += self.uses[node] if through else 1
                self.linear[child] += self.linear[node] if through else any(node.op is op for op in LINEAR)
                self.traced[child] += self.traced[node] if through else node.op is INNER or node.op is tr
                self.paired[child] += self.paired[node] if through else node.op is INNER
                self.summed[child] += self.summed[node] if through else node.op is ADD or node.op is SCALE

    def rewritten(self) -> list[Node]:
        if not any(n.op is ADD and n.kind == "matrix" and self.linear[n] for n in self.nodes):
            return self.roots
        parts = {c for n in self.nodes if n.op is MATMUL for c in map(bare, n.children) if self.uses[c] == 1}
        parts |= {n for n in self.nodes if n.op is MATMUL and self.is_link(n)}
        for node in self.nodes:
            self.new[node] = made = self.replaced(node, node in parts)
            if is_op(body := definite(made), ADD) and node.kind == "matrix" and self.linear[node]:
                self.sums[body] = self.uses[node] if self.uses[node] == self.linear[node] else 0
        return mirrored([self.new[r] for r in self.roots])

    def replaced(self, node: Node, part: bool) -> Node:
        if node.op is MATMUL and not part:
            leaves = self.leaves(node)
            made = self.product(leaves) if len(leaves) <= MAX_CHAIN else None
            if made is None and self.uses[node] > self.summed[node]:
                self.note(leaves)
            return made or rebuilt(node, self.new)
        leaves = self.factors(node) if node.op is INNER or node.op is tr else ()
        return (self.trace(leaves) if 0 < len(leaves) <= MAX_CHAIN else None) or rebuilt(node, self.new)

    def leaves(self, node: Node) -> Leaves:
        """The factors; those of another product where that is used but once or is cheap."""
        found = expand([(node, False)], lambda n: n is node or self.uses[n] == 1 or n in self.cheap)
        return tuple(turned(self.new[leaf], flip) for leaf, flip in found)

    # products

    def product(self, leaves: Leaves) -> Node | None:
        """The product with sums multiplied out, the one first that saves most; None where none does."""
        count = len(leaves)
        while True:
            best = max((o for s in range(len(leaves)) for o in self.options(leaves, s)), default=None)
            if best is None or best[0] < 0:
                break
            _, i, j, s = best
            terms = self.terms(leaves[s]) or []
            parts = [(*leaves[i:s], *t.factors, *leaves[s + 1 : j + 1]) for t in terms]
            total = combined(terms, map(self.whole, parts))
            if total.op is ADD and total.kind == "matrix":
                self.sums.setdefault(total, 1)
            leaves = (*leaves[:i], total, *leaves[j + 1 :])
        if len(leaves) == count:
            return None
        self.note(leaves)
        return matrix_product(leaves)

    def whole(self, leaves: Leaves) -> Node:
        made = self.product(leaves)
        if made is None:
            self.note(leaves)
        return made or matrix_product(leaves)

    def options(self, leaves: Leaves, s: int) -> list[tuple[float, int, int, int]]:
        """For each stretch of the chain in which the sum is multiplied, what multiplying it out there saves."""
        terms = self.terms(leaves[s])
        if terms is None or len(leaves) == 1:
            return []
        splits, costs = order(leaves, self.given(leaves), "best", self.sizes)
        built = self.building(leaves[s], terms)
        found, beside, shared = [], set[Key](), 0.0
        for i, j, low, high in path(splits, len(leaves), s):
            beside.add(self.key(leaves[low : high + 1]))
            shared += costs[low, high]
            if leaves[i].kind != "row" or leaves[j].kind != "vector":
                apart = [(*leaves[i:s], *t.factors, *leaves[s + 1 : j + 1]) for t in terms]
                written = WRITE * (len(terms) - 1) * self.entries(leaves[i], leaves[j])
                least = min(sum(map(self.cost, apart)), shared + sum(self.cost(a, beside) for a in apart))
                found.append((built + costs[i, j] - written - least, i, j, s))
        return found

    def terms(self, leaf: Node) -> list[Term] | None:
        """The terms of a sum."""
        flip = leaf.op is TRANSPOSE
        body = definite(leaf.children[0] if flip else leaf)
        if body not in self.sums:
            return None
        terms = [term(c, a, flip) for c, a in summands(body)]
        return terms if 2 <= len(terms) <= MAX_TERMS and all(len(t.factors) < MAX_CHAIN // 2 for t in terms) else None

    def building(self, leaf: Node, terms: Sequence[Term]) -> float:
        """The cost of the sum in equal shares for all who use it, nothing where it is computed anyway."""
        body = definite(leaf.children[0] if leaf.op is TRANSPOSE else leaf)
        if not self.sums[body]:
            return 0
        rows = guess(leaf.rows, self.sizes)
        cost = WRITE * (len(terms) - 1) * self.entries(leaf, leaf) + sum(self.cost(t.factors) for t in terms)
        inverses = {bare(t.factors[0]) for t in terms if len(t.factors) == 1 and is_op(bare(t.factors[0]), inv)}
        cost += sum(rows**3 for P in inverses if self.uses[P] == self.linear[P] + self.summed[P])
        return cost / self.sums[body]

    # inner products and traces

    def factors(self, node: Node) -> Leaves:
        """Those of the product whose trace an inner product or a trace is."""
        a, *others = node.children
        start = [(a, bool(others)), *((b, False) for b in others)]
        found = expand(start, lambda n: self.uses[n] == 1 or n in self.cheap or self.is_link(n))
        return rotated(tuple(turned(self.new[leaf], flip) for leaf, flip in found))

    def is_link(self, node: Node) -> bool:
        """A product of which only traces are taken, and one inner product at most."""
        return self.uses[node] == self.traced[node] and self.paired[node] <= 1

    def trace(self, leaves: Leaves) -> Node | None:
        """tr((A + B)C) as tr(AC) + tr(BC) where that saves operations."""
        found = ((s, terms) for s, leaf in enumerate(leaves) if (terms := self.terms(leaf)) is not None)
        for s, terms in found:
            parts = [rotated((*leaves[:s], *t.factors, *leaves[s + 1 :])) or (eye(leaves[s].rows),) for t in terms]
            here = self.building(leaves[s], terms) + self.trace_cost(leaves)
            if sum(map(self.trace_cost, parts)) <= here:
                return combined(terms, map(self.whole_trace, parts))
        return None

    def whole_trace(self, leaves: Leaves) -> Node:
        made = self.trace(leaves) or matrix_product(leaves)
        return made if made.kind == "scalar" else tr(made)

    def trace_cost(self, leaves: Leaves) -> float:
        """That of tr(PP) and tr(P'P) with P computed once."""
        if len(leaves) == 1:
            return guess(leaves[0].rows, self.sizes)
        costs = order(leaves, self.given(leaves), "best", self.sizes)[1]
        if leaves[0].kind == "row":
            return costs[0, len(leaves) - 1]
        least, _ = trace_split(leaves, costs, self.sizes)
        half = len(leaves) // 2
        first, second = leaves[:half], leaves[half:]
        if self.key(first) in (self.key(second), self.key(self.transposed(second))):
            least = min(least, costs[0, half - 1] + self.entries(first[0], first[-1]))
        return least

    # costs

    def cost(self, leaves: Leaves, beside: Container[Key] = ()) -> float:
        if len(leaves) < 2:
            return 0
        return order(leaves, self.given(leaves, beside), "best", self.sizes)[1][0, len(leaves) - 1]

    def entries(self, first: Node, last: Node) -> int:
        return guess(first.rows, self.sizes) * guess(last.cols, self.sizes)

    def key(self, leaves: Leaves) -> Key:
        return tuple(
            (a.children[0], "symmetric" not in self.known(a)) if a.op is TRANSPOSE else (a, False) for a in leaves
        )

    def transposed(self, leaves: Leaves) -> Leaves:
        return tuple(self.known.transposed(a) for a in reversed(leaves))

    def note(self, leaves: Leaves) -> None:
        """The product is computed, with all that it is computed from; so are their transposes."""
        if len(leaves) > MAX_CHAIN:
            return
        splits, _ = order(leaves, self.given(leaves), "best", self.sizes)
        stack = [(0, len(leaves) - 1)]
        while stack:
            i, j = stack.pop()
            if i < j:
                self.computed.add(self.key(leaves[i : j + 1]))
                self.computed.add(self.key(self.transposed(leaves[i : j + 1])))
                stack += [(i, splits[i, j]), (splits[i, j] + 1, j)]

    def given(self, leaves: Leaves, beside: Container[Key] = ()) -> Given:
        """The stretches that are computed anyway."""
        keys = self.key(leaves)
        pairs = ((i, j) for i in range(len(keys)) for j in range(i + 1, len(keys)))
        return {(i, j): leaves[i] for i, j in pairs if (key := keys[i : j + 1]) in self.computed or key in beside}


def combined(terms: Iterable[Term], products: Iterable[Node]) -> Node:
    return add(*(scale(t.coefficient, made) for t, made in zip(terms, products, strict=True)))


def definite(node: Node) -> Node:
    """What a definition stands for."""
    while isinstance(node, Symbol) and node.body is not None:
        node = node.body
    return node


def bare(node: Node) -> Node:
    """A node without its transpose and its name."""
    while node.op is TRANSPOSE or (isinstance(node, Symbol) and node.body is not None):
        node = node.children[0]
    return node


def summands(total: Node) -> list[tuple[Node, Node]]:
    """The terms of a sum and of multiples of sums in it, with their coefficients."""
    found: list[tuple[Node, Node]] = []
    stack: list[tuple[Node, Node]] = [(number(1), total)]
    while stack:
        c, a = stack.pop()
        while a.op is SCALE:
            c, a = scale(c, a.children[0]), a.children[1]
        if a.op is ADD:
            stack.extend((c, b) for b in reversed(a.children))
        else:
            found.append((c, a))
    return found


def term(c: Node, a: Node, flip: bool) -> Term:
    return Term(c, () if is_eye(a) else tuple(turned(*f) for f in expand([(a, flip)], lambda n: True)))


def rotated(leaves: Leaves) -> Leaves:
    """The same trace as a number xᵀA…y where there is a row."""
    i = next((i for i, a in enumerate(leaves) if a.kind == "row"), 0)
    return (*leaves[i:], *leaves[:i])


def turned(leaf: Node, flip: bool) -> Node:
    return transpose(leaf) if flip else leaf
