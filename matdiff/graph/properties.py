"""What a matrix is known to be: one fold over the graph, no guessing.

A property is claimed only where it follows from declarations and the form of the expression:
`X'*X` and `X + X'` are symmetric, so are sums, multiples, inverses, functions and congruences `A*S*A'` of such.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, Value, topological
from matdiff.core.shape import Dim
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    INSPECTED,
    MATMUL,
    MPOW,
    SCALE,
    TRANSPOSE,
    is_op,
    product_nodes,
    transpose,
)
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inv
from matdiff.ops.matrix_functions import MPOWER
from matdiff.ops.spectral import hermitian

# When two expressions are the same: a number for each, blind to the order of terms and of commuting factors.

MODULUS = 1 << 128


def fingerprint(root: Node) -> int:
    """Equal for equal expressions, whatever the order of terms and of commuting factors; else different."""
    marks: dict[Node, int] = {}
    bags: dict[Node, int] = {}
    for node in topological(root):
        bags[node] = _bag(node, marks, bags)
        marks[node] = _mark(node, marks, bags)
    return marks[root]


def _digest(*parts: object) -> int:
    from hashlib import blake2b  # which loads OpenSSL, and few comparisons are asked for

    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=16).digest(), "big")


def _bag(node: Node, marks: dict[Node, int], bags: dict[Node, int]) -> int:
    """The sum of the marks of what commutes: the terms of a sum, the factors before a core."""
    if not isinstance(node, Apply):
        return 0
    if node.op in (ADD, HADAMARD):
        return sum(bags[a] if is_op(a, node.op) else marks[a] for a in node.args) % MODULUS
    if node.op is SCALE:
        s, a = node.args
        inside = bags[s] + marks[_core(s)] if is_op(s, SCALE) else marks[s]
        return (inside + (bags[a] if is_op(a, SCALE) else 0)) % MODULUS
    return 0


def _core(node: Node) -> Node:
    while is_op(node, SCALE):
        node = node.children[1]
    return node


def _mark(node: Node, marks: dict[Node, int], bags: dict[Node, int]) -> int:
    kind = node.kind, node.rows.terms, node.cols.terms
    if isinstance(node, Number):
        whole = isinstance(node.value, float) and node.value.is_integer()
        return _digest("number", int(node.value) if whole else node.value)
    if isinstance(node, Constant):
        return _digest(node.name, *kind, [d.terms for d in node.dims], node.index)
    if isinstance(node, Symbol):
        of = node.of and marks.get(node.of, _digest(node.of.name))
        return _digest("symbol", node.name, *kind, sorted(node.attributes), of, node.index)
    assert isinstance(node, Apply)
    if node.op is SCALE:
        core = _core(node)
        if node.kind == "scalar":
            return _digest("scale", (bags[node] + marks[core]) % MODULUS)
        return _digest("scale", bags[node], marks[core])
    if node.op in (ADD, HADAMARD):
        return _digest(node.op.name, bags[node], *kind)
    args = [marks[a] for a in node.args]
    params = [getattr(p, "terms", p) for p in node.params]
    return _digest(node.op.name, sorted(args) if node.op is INNER else args, params, *kind)


Properties = frozenset[str]
Factor = tuple[Node, bool]
"""A factor of a product, and whether it stands there transposed."""
Factors = tuple[Factor, ...]
Term = tuple[tuple[Node, ...], Factors]
"""A term of a sum: its scalars, its factors."""
NONE: Properties = frozenset()

IMPLIED: dict[str, set[str]] = {
    "spd": {"symmetric", "invertible"},
    "diagonal": {"symmetric", "lower", "upper"},
    "orthogonal": {"invertible"},
    "grassmann": {"orthonormal"},
    "simplex": {"positive"},
}
"""What else a declared attribute means."""

CONSTANTS: dict[str, Properties] = {
    "I": frozenset({"symmetric", "spd", "diagonal", "lower", "upper", "orthogonal", "invertible", "nonnegative"}),
    "zeros": frozenset({"symmetric", "skew", "diagonal", "lower", "upper", "nonnegative"}),
    "ones": frozenset({"symmetric", "positive", "nonnegative"}),
    "pi": frozenset({"positive", "nonnegative"}),
    "size": frozenset({"positive", "nonnegative"}),
    "e": frozenset({"nonnegative", "unit"}),
}
LINEAR_SPACES = frozenset({"symmetric", "skew", "diagonal", "lower", "upper"})
OF_COLUMNS = frozenset({"orthonormal", "grassmann", "oblique"})
"""What is said of the columns of a matrix, and not of its rows."""
WIDEST = 64
"""Longest product that is looked at for an outer product in it."""


@cache
def closure(attributes: Properties) -> Properties:
    known = set(attributes)
    for a in attributes:
        known |= IMPLIED.get(a, set())
    if "positive" in known:
        known.add("nonnegative")
    if {"lower", "upper"} <= known:
        known |= {"diagonal", "symmetric"}
    return frozenset(known)


def odd(d: Dim) -> bool:
    """Whether a dimension is known to be odd."""
    return d.number is not None and d.number % 2 == 1


BARE = frozenset({MATMUL, TRANSPOSE, inv, kron})


class Known:
    """Properties of nodes, each found once."""

    def __init__(self) -> None:
        self._memo: dict[Node, Properties] = {}
        self._moving: dict[Node, bool] = {}
        self._transposes: dict[Node, Node] = {}
        self._outer: dict[Node, bool] = {}
        self._bare: dict[Node, bool] = {}
        self.factors: dict[Node, list[tuple[Node, int]]] = {}
        self.terms: dict[Node, Any] = {}
        """Factors of matrix products, and products with their scalars taken apart, remembered for the normal form."""
        self.settled: dict[Node, Node] = {}
        """Normal forms of bare nodes, which are the same in all runs."""
        self.best: dict[Node, Node] = {}
        self.factored: dict[tuple[Node, ...], Node] = {}
        """The form to print of nodes, and sums with common factors taken out, remembered for the shortest form."""

    def __call__(self, node: Node) -> Properties:
        memo = self._memo
        found = memo.get(node)
        if found is not None:
            return found
        stack = [node]
        while stack:
            top = stack[-1]
            waiting = [c for c in top.children if c not in memo]
            if waiting:
                stack.extend(waiting)
            else:
                memo[stack.pop()] = self._of(top)
        return memo[node]

    def moving(self, node: Node) -> bool:
        """Is there a differential in it?  Each node is looked at once."""
        memo, stack = self._moving, [node]
        while stack and node not in memo:
            top = stack[-1]
            below = top.args if isinstance(top, Apply) else ()
            waiting = [a for a in below if a not in memo]
            if waiting:
                stack.extend(waiting)
            else:
                memo[stack.pop()] = any(memo[a] for a in below) or (isinstance(top, Symbol) and top.of is not None)
        return memo[node]

    def bare(self, node: Node) -> bool:
        """Is it a product of arrays, their transposes and inverses, without a sum or a scalar in it?

        The normal form of such a node does not depend on what else a run met.
        """
        memo, stack = self._bare, [node]
        while stack and node not in memo:
            top = stack[-1]
            if top.kind == "scalar" or (top.op is not None and top.op not in BARE):
                memo[stack.pop()] = False
                continue
            waiting = [a for a in top.args if a not in memo]
            if waiting:
                stack.extend(waiting)
            else:
                memo[stack.pop()] = all(map(memo.__getitem__, top.args))
        return memo[node]

    def transposed(self, node: Node) -> Node:
        """Aᵀ, which is A where A is symmetric, Bᵀ ⊗ Cᵀ for A = B ⊗ C, and (Bᵀ)^p for A = B^p."""
        found = self._transposes.get(node)
        if found is None:
            found = self._transposes[node] = self._transposed(node)
        return found

    def _transposed(self, node: Node) -> Node:
        if node.kind == "matrix" and "symmetric" in self(node):
            return node
        if node.op is kron:
            return kron(*map(self.transposed, node.children))
        if node.op is MPOWER:
            return MPOWER(self.transposed(node.children[0]), node.children[1])
        return transpose(node)

    def outer(self, node: Node) -> bool:
        """Is it a product with a column before a row in it, of rank 1?"""
        if node.op is not MATMUL:
            return False
        found = self._outer.get(node)
        if found is None:
            found = self._outer[node] = any(f.kind == "vector" for f in product_nodes(node, WIDEST))
        return found

    def _of(self, node: Node) -> Properties:
        if isinstance(node, Symbol):
            return self._memo[node.body] if node.body is not None else closure(node.attributes)
        if isinstance(node, Number):
            return frozenset({"positive", "nonnegative"}) if node.value > 0 else NONE
        if isinstance(node, Constant):
            return CONSTANTS.get(node.name, NONE) - (LINEAR_SPACES if node.rows is not node.cols else NONE)
        assert isinstance(node, Apply)
        args = [self._memo[a] for a in node.args]
        match node.op.name:
            case "add":
                common = frozenset.intersection(*args) & (LINEAR_SPACES | {"positive", "nonnegative", "spd"})
                return closure(common | {"symmetric"} if self._symmetric_sum(node) else common)
            case "scale":
                signs = args[1] & {"positive", "spd"} if "positive" in args[0] else NONE
                return closure((args[1] & LINEAR_SPACES) | signs)
            case "transpose":
                return frozenset({"lower": "upper", "upper": "lower"}.get(p, p) for p in args[0] - OF_COLUMNS)
            case "matmul":
                return closure(self._product(node, args) | args[0] & args[1] & {"positive", "nonnegative"})
            case "hadamard":
                return closure(
                    args[0] & args[1] & {"symmetric", "positive"} | (args[0] | args[1]) & {"diagonal", "lower", "upper"}
                )
            case "vcat" if self._symmetric_blocks(node):
                return frozenset({"symmetric"})
            case "expm" if "skew" in args[0]:
                return closure(frozenset({"orthogonal"}))
            case "lastcols" if node.args[0].cols is node.params[0] and getattr(node.args[0], "name", "") == "I":
                return closure(frozenset({"symmetric", "orthogonal"}))
            case "Diag" if "positive" in args[0]:
                return closure(frozenset({"diagonal", "spd"}))
            case "adj" | "cof" if "skew" in args[0] and node.rows.number is not None:
                return frozenset({"symmetric" if odd(node.rows) else "skew"})
            case "mpow" if "skew" in args[0]:
                return frozenset({"skew" if node.params[0] % 2 else "symmetric"})
            case "kron":
                return closure(args[0] & args[1] & {"symmetric", "spd", "diagonal", "lower", "upper", "orthogonal"})
        if node.op.elementwise:
            arrays = [a for n, a in zip(node.args, args, strict=True) if n.kind != "scalar"]
            return closure(node.op.gives | frozenset.intersection(*arrays or [NONE]) & {"symmetric"})
        return closure(node.op.gives | (node.op.keeps & args[0] if args else NONE))

    def _product(self, node: Apply, args: list[Properties]) -> Properties:
        kept = args[0] & args[1] & {"diagonal", "lower", "upper", "orthogonal"}
        if node.rows is not node.cols:
            return kept
        _, factors = self._settled(self._factors(node))
        turn, mirrored = self._mirrored(factors)
        if factors and factors == mirrored:
            kept |= {"symmetric" if turn == 1 else "skew"}
        a, b = node.args
        if any(isinstance(p, Apply) and p.op.name == "pinv" and p.args[0] is q for p, q in ((a, b), (b, a))):
            kept |= {"symmetric"}
        return kept

    def _symmetric_blocks(self, node: Apply) -> bool:
        """[A, B; Bᵀ, C] with symmetric A and C."""
        grid = [row.children if isinstance(row, Apply) and row.op.name == "hcat" else (row,) for row in node.args]
        size = len(grid)
        if any(len(row) != size for row in grid) or size > INSPECTED or node.rows is not node.cols:
            return False
        if not all(grid[i][i].kind == "scalar" or "symmetric" in self(grid[i][i]) for i in range(size)):
            return False
        pairs = ((grid[i][j], grid[j][i]) for i in range(size) for j in range(i))
        return all(b is self.transposed(a) or b is transpose(a) for a, b in pairs)

    def _symmetric_sum(self, node: Apply) -> bool:
        """Does every term have its transpose among the terms?"""
        if node.rows is not node.cols:
            return False
        terms: dict[Term, Value] = {}
        for t in node.args:
            value: Value = 1
            scalars: tuple[Node, ...] = ()
            while t.op is SCALE:
                s, t = t.children
                if isinstance(s, Number):
                    value = value * s.value
                else:
                    scalars = (*scalars, s)
            sign, factors = self._settled(self._factors(t) or (self._factor(t, False),))
            terms[scalars, factors] = terms.get((scalars, factors), 0) + sign * value
        for (scalars, factors), value in terms.items():
            turn, mirrored = self._mirrored(factors)
            if terms.get((scalars, mirrored)) != turn * value:
                return False
        return True

    def _factors(self, node: Node) -> Factors:
        """The factors of a product left to right, or none if there are more than `INSPECTED`."""
        out: list[Factor] = []
        stack = [(node, False)]
        while stack:
            top, turned = stack.pop()
            if isinstance(top, Symbol) and top.body is not None:
                stack.append((top.body, turned))
            elif top.op is TRANSPOSE:
                stack.append((top.children[0], not turned))
            elif top.op is MATMUL:
                a, b = top.children
                stack += [(a, turned), (b, turned)] if turned else [(b, turned), (a, turned)]
            elif isinstance(top, Apply) and top.op is MPOW and top.params[0] <= INSPECTED:
                stack += [(top.children[0], turned)] * top.params[0]
            elif (turn := self._turned(top)) is not None:
                stack.append((turn, not turned))
            else:
                out.append(self._factor(top, turned))
            if len(out) + len(stack) > INSPECTED:
                return ()
        return tuple(out)

    def _turned(self, node: Node) -> Node | None:
        """The A of Aᵀ written inside: of exp(Xᵀ) or X⁻ᵀ the function of X, of Xᵀ ∘ S the X ∘ S."""
        if not isinstance(node, Apply) or not any(a.op is TRANSPOSE for a in node.args):
            return None
        if not (node.op is HADAMARD or (len(node.args) == 1 and (node.op.elementwise or "symmetric" in node.op.keeps))):
            return None
        if not all(a.op is TRANSPOSE or "symmetric" in self._memo[a] for a in node.args):
            return None
        args = tuple(a.children[0] if a.op is TRANSPOSE else a for a in node.args)
        turned = node.op.build(args, node.params)
        self(turned)
        return turned

    def _factor(self, node: Node, turned: bool) -> Factor:
        """A symmetric matrix is its own transpose; what it is made of was looked at before."""
        return node, turned and not (node.kind == "matrix" and "symmetric" in self._memo[node])

    def _settled(self, factors: Factors) -> tuple[int, Factors]:
        """Skew factors without their transposes, and the sign that comes of it: Wᵀ = −W."""
        turned = sum(turned and "skew" in self._memo[node] for node, turned in factors)
        plain = tuple((node, turned and "skew" not in self._memo[node]) for node, turned in factors)
        return (-1 if turned % 2 else 1), plain

    def _mirrored(self, factors: Factors) -> tuple[int, Factors]:
        """The factors of the transpose, and its sign."""
        return self._settled(tuple(self._factor(node, not turned) for node, turned in reversed(factors)))


hermitian.append(lambda S: "symmetric" in Known()(S))
