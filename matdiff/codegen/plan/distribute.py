"""Products with a sum multiplied out where that takes fewer operations: (I − XPX')y is y − X(P(X'y)).

A sum that occurs in nothing but products, inner products and traces is not computed at all then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from typing import NamedTuple

from matdiff.codegen.kernels import COLUMN_SUMS, ROW_SUMS, SCALE_COLUMNS, SCALE_ROWS, SOLVE, TOTAL, product, run
from matdiff.codegen.plan.order import MAX_CHAIN, NO_SIZES, Given, Sizes, cheap, expand, guess, order, path, trace_split
from matdiff.codegen.plan.sharing import mirrored, rebuilt
from matdiff.core.node import Apply, Constant, Node, Symbol, apply, number, topological
from matdiff.core.shape import ONE, Dim
from matdiff.graph.properties import Known
from matdiff.ops.algebra import (
    ADD,
    INNER,
    MATMUL,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    is_op,
    matmul,
    matrix_product,
    product_kind,
    scale,
    transpose,
)
from matdiff.ops.constants import eye, is_eye
from matdiff.ops.indexing import COLUMN, ROW, entry
from matdiff.ops.kronecker import kron, unkron_left, unkron_right
from matdiff.ops.linalg import inv
from matdiff.ops.reductions import tr
from matdiff.ops.structure import Diag, unvec, vec

# A product of two values, computed the cheap way that the factors' form allows.

Rule = Callable[[Node, Node], Node | None]


def multiplier(solvable: Container[Node], known: Known) -> Callable[[Node, Node], Node]:
    """The function that multiplies; `solvable` are the inverses that need not be computed.

    xᵀA is computed as Aᵀx, so that both are one value where both occur.
    """

    def multiply(a: Node, b: Node) -> Node:
        if a.kind == "scalar":
            return run(SCALE, (a, b), b.kind, b.rows, b.cols)
        if b.kind == "scalar":
            return run(SCALE, (b, a), a.kind, a.rows, a.cols)
        if a.kind == "row" and b.kind == "matrix":
            return transpose(multiply(known.transposed(b), transpose(a)))
        solved = solve(a, b, solvable)
        if solved is not None:
            return solved
        for rule in RULES:
            made = rule(a, b)
            if made is not None:
                return made
        if a.kind == "row" and b.kind == "vector":
            return run(INNER, (transpose(a), b), "scalar", ONE, ONE)
        return apply(MATMUL, (a, b), (), product_kind(a.kind, b.kind), a.rows, b.cols)

    return multiply


def inverted(a: Node, solvable: Container[Node]) -> Node | None:
    """The A of a factor A⁻¹ or A⁻ᵀ (then Aᵀ) that need not be computed."""
    if a.op is inv and a in solvable:
        return a.children[0]
    if a.op is TRANSPOSE and a.children[0].op is inv and a.children[0] in solvable:
        return transpose(a.children[0].children[0])
    return None


def solve(a: Node, b: Node, solvable: Container[Node]) -> Node | None:
    """A⁻¹B without the inverse."""
    A = inverted(a, solvable)
    if A is not None and b.kind in ("vector", "matrix"):
        return product(SOLVE, (A, b), a, b)
    B = inverted(b, solvable)
    if B is not None and a.kind == "matrix":
        return transpose(run(SOLVE, (transpose(B), transpose(a)), "matrix", a.cols, a.rows))
    return None


def scaling(a: Node, b: Node) -> Node | None:
    """Diag(v) B and A Diag(v)."""
    if a.op is Diag:
        v = a.children[0]
        if b.kind == "vector":
            return v**2 if v is b else hadamard(v, b)
        return product(SCALE_ROWS, (v, b), a, b) if b.kind == "matrix" else None
    if b.op is Diag:
        v = b.children[0]
        return product(SCALE_COLUMNS, (a, v), a, b) if a.kind == "matrix" else None
    return None


def picking(a: Node, b: Node) -> Node | None:
    """A e_j and Aᵀe_i are a column and a row of A, aᵀe_j and e_iᵀb are entries."""
    if isinstance(b, Constant) and b.name == "e":
        if a.kind == "matrix":
            return ROW.build(a.children, (b.index,)) if a.op is TRANSPOSE else COLUMN.build((a,), (b.index,))
        return entry(a, 1, b.index) if a.kind == "row" else None
    if a.op is TRANSPOSE and isinstance(e := a.children[0], Constant) and e.name == "e" and b.kind == "vector":
        return entry(b, e.index)
    return None


def picked(a: Node, b: Node) -> Node | None:
    """⟨e_i, x⟩ is an entry."""
    if isinstance(a, Constant) and a.name == "e" and b.kind == "vector":
        return entry(b, a.index)
    return picked(b, a) if isinstance(b, Constant) and b.name == "e" and a.kind == "vector" and a is not b else None


def summing(a: Node, b: Node) -> Node | None:
    """A·1, Aᵀ1, aᵀ1 and 1ᵀb."""
    if isinstance(b, Constant) and b.name == "ones" and b.kind == "vector":
        if a.kind == "matrix":
            return product(COLUMN_SUMS, a.children, a, b) if a.op is TRANSPOSE else product(ROW_SUMS, (a,), a, b)
        return product(TOTAL, (transpose(a),), a, b) if a.kind == "row" else None
    if isinstance(a, Constant) and a.name == "ones" and a.kind == "row" and b.kind == "vector":
        return product(TOTAL, (b,), a, b)
    return None


def unstacked(a: Node, b: Node) -> Node | None:
    """(A ⊗ B) vec X = vec(B X Aᵀ) and K vec X = vec(Xᵀ): no large matrix (Magnus & Neudecker 2019, §2.4, §3.7)."""
    if b.kind == "vector" and a.op is kron:
        A, B = a.children
        X = matrix_of(b, B.cols, A.cols)
        return stacked(matmul(matmul(B, X), transpose(A)))
    if b.kind == "vector" and isinstance(a, Constant) and a.name == "K":
        return stacked(transpose(matrix_of(b, *a.dims)))
    return None


def unkron(node: Apply, args: tuple[Node, ...]) -> Node | None:
    """The adjoints of A ⊗ B applied to y zᵀ = vec(Y) vec(Z)ᵀ: YᵀBZ and YAZᵀ."""
    left = node.op is unkron_left
    if not (left or node.op is unkron_right):
        return None
    outer, other = args if left else args[::-1]
    if not (outer.op is MATMUL and outer.children[0].kind == "vector" and outer.children[1].kind == "row"):
        return None
    y, z = outer.children[0], transpose(outer.children[1])
    if left:
        Y, Z = matrix_of(y, other.rows, node.rows), matrix_of(z, other.cols, node.cols)
        return plain(plain(transpose(Y), other), Z)
    Y, Z = matrix_of(y, node.rows, other.rows), matrix_of(z, node.cols, other.cols)
    return plain(plain(Y, other), transpose(Z))


def matrix_of(x: Node, rows: Dim, cols: Dim) -> Node:
    """The matrix with vec X = x."""
    if x.op is vec and (X := x.children[0]).rows is rows and X.cols is cols and X.kind == "matrix":
        return X
    return unvec.build((x,), (rows, cols))


def stacked(a: Node) -> Node:
    if a.kind in ("vector", "row"):
        return a if a.kind == "vector" else transpose(a)
    return run(vec, (a,), "vector", a.rows * a.cols, ONE)


def plain(a: Node, b: Node) -> Node:
    return apply(MATMUL, (a, b), (), product_kind(a.kind, b.kind), a.rows, b.cols)


RULES: tuple[Rule, ...] = (scaling, picking, summing, unstacked)


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
