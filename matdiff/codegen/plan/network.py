"""Products of Kronecker products, diagonals and commutations as networks of small matrices with named indices.

A row of A ⊗ B is a pair of indices, one of A and one of B; I identifies two indices, K swaps a pair, Diag(vec S)
identifies both and multiplies by an entry of S.  What is left is a sum over the indices that are not of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from matdiff.codegen import kernels as k
from matdiff.codegen.kernels import run
from matdiff.codegen.plan.sharing import rebuilt
from matdiff.core.node import Apply, Constant, Node, Symbol, apply, number, topological
from matdiff.core.op import Op
from matdiff.core.shape import ONE, Dim
from matdiff.ops.algebra import HADAMARD, MATMUL, POWER, SCALE, TRANSPOSE, add, hadamard, scale, size, transpose
from matdiff.ops.constants import eye, is_commutation, is_eye, is_ones, ones
from matdiff.ops.indexing import COLUMN, ROW
from matdiff.ops.kronecker import kron, kronv
from matdiff.ops.linalg import inv, logdet
from matdiff.ops.reductions import sum_, tr
from matdiff.ops.structure import Diag, diag, unvec, vec

# Values had from the parts of a matrix that is never formed: sum(diag A), log det(A ⊗ B), A ∘ uvᵀ.

GRAM_LOGDET = k.kernel(
    "gram_logdet",
    "(m,n)->()",
    "gram_logdet({0})",
    julia="gram_logdet({0})",
    domain=("fullcolumns",),
    c="= gram_logdet({m0}, {n0}, {0}, {work:m0*n0})",
)
"""log det(XᵀX) by the QR decomposition of X."""


def shortcuts(roots: Sequence[Node]) -> list[Node]:
    """The roots rewritten from the leaves up, linear in distinct nodes."""
    order = topological(*roots)
    if not any(isinstance(n, Apply) and n.op in RULES for n in order):
        return list(roots)
    new: dict[Node, Node] = {}
    inverted = {n.children[0] for n in order if n.op is inv}
    for node in order:
        made = rebuilt(node, new)
        new[node] = made
        if isinstance(made, Apply) and made.op in RULES and not (made.op is logdet and node.children[0] in inverted):
            new[node] = RULES[made.op](made) or made
    return [new[r] for r in roots]


def total(node: Apply) -> Node | None:
    """sum(diag A) = tr A."""
    (a,) = node.args
    return tr(a.children[0]) if a.op is diag else None


def product(node: Apply) -> Node | None:
    """A ∘ uvᵀ = Diag(u) A Diag(v); Diag(1) is left out."""
    for a, b in (node.args, node.args[::-1]):
        if b.op is MATMUL and b.children[0].kind == "vector" and b.children[1].kind == "row" and a.kind == "matrix":
            u, v = b.children
            return Diag(u) @ a @ Diag(transpose(v))
    return None


def log_determinant(node: Apply) -> Node | None:
    """log det XᵀX, and log det(A ⊗ B) = n log |det A| + m log |det B| (Magnus & Neudecker 2019, §2.3)."""
    if (X := gram(node.args[0])) is not None:
        return run(GRAM_LOGDET, (X,), "scalar", ONE, ONE)
    if not is_square_kron(node.args[0]):
        return None
    A, B = node.args[0].children
    parts = (scale(size(n), run(k.LOGABSDET, (X,), "scalar", ONE, ONE)) for X, n in ((A, B.rows), (B, A.rows)))
    return run(k.POSITIVE_KRON, (add(*parts), A, B), "scalar", ONE, ONE)


def gram(a: Node) -> Node | None:
    """The X of XᵀX, where it is given."""
    if a.op is not MATMUL or a.children[0] is not a.children[1].T:
        return None
    X = a.children[1]
    given = X.children[0] if X.op is TRANSPOSE else X
    return X if isinstance(given, Symbol) and given.body is None and X.kind == "matrix" else None


def inverse(node: Apply) -> Node | None:
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ (Magnus & Neudecker 2019, §2.2)."""
    return kron(*map(inv, node.args[0].children)) if is_square_kron(node.args[0]) else None


def is_square_kron(a: Node) -> bool:
    return a.op is kron and all(c.rows is c.cols for c in a.children)


RULES: dict[Op, Callable[[Apply], Node | None]] = {
    sum_: total,
    HADAMARD: product,
    logdet: log_determinant,
    inv: inverse,
}


Group = tuple[int, ...]
"""The indices that one side of a matrix runs over: of a Kronecker product two, but for factors with one row."""
Operand = tuple[Node, Group]
Dims = tuple[Dim, ...]
MAX_DEPTH = 8


@dataclass
class Network:
    """A coefficient and operands with their indices; `rows` and `cols` are those of the result."""

    coefficient: Node = field(default_factory=lambda: number(1))
    operands: list[Operand] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    dims: list[Dim] = field(default_factory=list)
    rows: Group = ()
    cols: Group = ()

    def indices(self, dims: Dims) -> Group:
        first = len(self.parent)
        self.parent += range(first, first + len(dims))
        self.dims += dims
        return tuple(range(first, first + len(dims)))

    def find(self, i: int) -> int:
        while self.parent[i] != i:
            i = self.parent[i]
        return i

    def unify(self, i: int, j: int) -> bool:
        i, j = self.find(i), self.find(j)
        if self.dims[i] is not self.dims[j]:
            return False
        self.parent[max(i, j)] = min(i, j)
        return True

    @property
    def outer(self) -> Group:
        return (*self.rows, *self.cols)

    @property
    def internal(self) -> list[int]:
        return sorted({self.find(i) for i in range(len(self.parent))} - set(self.outer))

    def add(self, a: Node, row: int | None, col: int | None, depth: int = 0) -> bool:
        """A factor with its indices, None where it has but one row or column; taken apart as far as it can be."""
        if row is None or col is None:
            return self.add_vector(a, row, col)
        if is_eye(a):
            return self.unify(row, col)
        if is_ones(a):
            return True
        if depth < MAX_DEPTH and isinstance(a, Apply):
            first = a.args[0]
            if a.op is TRANSPOSE:
                return self.add(first, col, row, depth + 1)
            if a.op is SCALE:
                self.coefficient = scale(self.coefficient, first)
                return self.add(a.args[1], row, col, depth + 1)
            if a.op is HADAMARD and all(b.kind == "matrix" for b in a.args):
                return all(self.add(b, row, col, depth + 1) for b in a.args)
            if a.op is Diag:
                return self.add_vector(first, row, None) and self.unify(row, col)
            if a.op is MATMUL and first.cols is ONE:
                return self.add_vector(first, row, None) and self.add_vector(a.args[1], None, col)
        self.operands.append((a, (row, col)))
        return True

    def add_vector(self, a: Node, row: int | None, col: int | None) -> bool:
        at = row if col is None else col
        if at is None:
            return False
        if a.kind == "matrix":
            a = COLUMN.build((a,), (1,)) if col is None else ROW.build((a,), (1,))
        elif a.kind == "row":
            a = transpose(a)
        if a.op is SCALE:
            self.coefficient, a = scale(self.coefficient, a.children[0]), a.children[1]
        if not is_ones(a):
            self.operands.append((a, (at,)))
        return True


def network(factors: Sequence[Node]) -> Network | None:
    """The network of a product, reduced; None where a factor does not fit."""
    sides = vertices(factors)
    if sides is None:
        return None
    net = Network()
    at = net.rows = net.indices(sides[0])
    for factor, dims in zip(factors, sides[1:], strict=True):
        after = at if factor.op is Diag else at[::-1] if is_commutation(factor) else net.indices(dims)
        if not attached(net, factor, at, after):
            return None
        at = after
    net.rows, net.cols = tuple(map(net.find, net.rows)), tuple(map(net.find, at))
    net.operands = [(a, tuple(map(net.find, where))) for a, where in net.operands]
    reduce(net)
    return net


def vertices(factors: Sequence[Node]) -> list[Dims] | None:
    """The dimensions of the indices before, between and after the factors; None where neighbours disagree."""
    left = [*map(sides_of, factors, [False] * len(factors)), None]
    right = [None, *map(sides_of, factors, [True] * len(factors))]
    found = [a if b is None else b for a, b in zip(left, right, strict=True)]
    if any(a is not None and b is not None and a != b for a, b in zip(left, right, strict=True)):
        return None
    diagonals = [i for i, f in enumerate(factors) if f.op is Diag]
    for i in (*diagonals, *reversed(diagonals)):
        found[i], found[i + 1] = found[i] or found[i + 1], found[i + 1] or found[i]
    if any(found[i] != found[i + 1] for i in diagonals):
        return None
    ends = [f.rows for f in factors] + [factors[-1].cols]
    return [(d,) if dims is None else dims for d, dims in zip(ends, found, strict=True)]


def sides_of(a: Node, after: bool) -> Dims | None:
    """The dimensions of the indices on one side of a factor; None where the neighbour says."""
    if a.op is Diag:
        return None
    if a.kind == ("row" if after else "vector"):
        v = transpose(a) if after else a
        return v.children[0].shape[::-1] if v.op is vec and ONE not in v.children[0].shape else None
    if a.kind in ("vector", "row"):
        return ()
    if is_commutation(a):
        assert isinstance(a, Constant)
        return a.dims[::-1] if after else a.dims
    parts = a.children if a.op is kron else (a,)
    return tuple(d for c in parts if (d := c.cols if after else c.rows) is not ONE)


def attached(net: Network, factor: Node, at: Group, after: Group) -> bool:
    """The operands of a factor between two groups of indices."""
    if is_commutation(factor):
        return True
    if factor.op is Diag or factor.kind in ("vector", "row"):
        v = factor.children[0] if factor.op is Diag else transpose(factor) if factor.kind == "row" else factor
        where = at if factor.kind != "row" else after
        if len(where) == 1:
            return net.add_vector(v, where[0], None)
        if len(where) != 2:
            return False
        i, j = where
        return net.add(matrix_of(v, net.dims[j], net.dims[i]), j, i)
    parts = factor.children if factor.op is kron else (factor,)
    counts = [sum(d is not ONE for d in dims) for dims in ([p.rows for p in parts], [p.cols for p in parts])]
    if counts != [len(at), len(after)]:
        return False
    rows, cols = iter(at), iter(after)
    for part in parts:
        row = None if part.rows is ONE else next(rows)
        if not net.add(part, row, None if part.cols is ONE else next(cols)):
            return False
    return True


def matrix_of(v: Node, rows: Dim, cols: Dim, depth: int = 0) -> Node:
    """The matrix S with vec S = v."""
    if v.op is vec and (S := v.children[0]).rows is rows and S.cols is cols and S.kind == "matrix":
        return S
    if is_ones(v):
        return ones("matrix", rows, cols)
    if v.op is kronv and v.children[1].rows is rows and v.children[0].rows is cols:
        return v.children[1] @ transpose(v.children[0])
    if depth < MAX_DEPTH and isinstance(v, Apply):
        if v.op is HADAMARD:
            return hadamard(*(matrix_of(a, rows, cols, depth + 1) for a in v.args))
        if v.op is SCALE or (v.op is POWER and v.args[1].kind == "scalar"):
            at = 1 if v.op is SCALE else 0
            args = list(v.args)
            args[at] = matrix_of(args[at], rows, cols, depth + 1)
            return apply(v.op, tuple(args), (), "matrix", rows, cols)
    return unvec.build((v,), (rows, cols))


def oriented(a: Node, where: Group, want: Group) -> Node:
    return a if where == want else transpose(a)


# sums over inner indices


def reduce(net: Network) -> None:
    """One operand for each set of indices; inner indices of at most two matrices are summed over."""
    waiting = True
    while waiting:
        merge(net)
        degree = {s: sum(s in where and len(where) == 2 for _, where in net.operands) for s in net.internal}
        waiting = any(d <= 2 for d in degree.values())
        if waiting:
            contract(net, min(degree, key=lambda s: degree[s]))


def merge(net: Network) -> None:
    """Operands on the same indices multiplied entry by entry; a matrix with one index twice is its diagonal."""
    found: dict[frozenset[int], Operand] = {}
    for a, where in net.operands:
        if len(where) == 2 and where[0] == where[1]:
            a, where = diag(a), where[:1]
        b, there = found.get(frozenset(where), (None, where))
        a = oriented(a, where, there)
        found[frozenset(where)] = (a if b is None else b**2 if a is b else hadamard(b, a)), there
    net.operands = list(found.values())


def contract(net: Network, s: int) -> None:
    """The sum over one inner index of at most two matrices and a vector."""
    those = [o for o in net.operands if s in o[1]]
    v = next((a for a, where in those if len(where) == 1), None)
    matrices = [o for o in those if len(o[1]) == 2]
    net.operands = [o for o in net.operands if o not in those]
    ends = [next(i for i in where if i != s) for _, where in matrices]
    parts = [oriented(a, where, (i, s)) for (a, where), i in zip(matrices, ends, strict=True)]
    if not parts:
        net.coefficient = scale(net.coefficient, size(net.dims[s]) if v is None else sum_(v))
    elif len(parts) == 1:
        net.operands.append((parts[0] @ (ones("vector", net.dims[s]) if v is None else v), (ends[0],)))
    else:
        left = parts[0] if v is None else parts[0] @ Diag(v)
        net.operands.append((left @ transpose(parts[1]), (ends[0], ends[1])))
    net.parent[s] = net.outer[0]  # so that it is no inner index any more


def folded(net: Network) -> list[Operand]:
    """The operands with vectors taken into matrices that have their index, and other vectors joined to matrices."""
    matrices = [o for o in net.operands if len(o[1]) == 2]
    loose: list[Operand] = []
    for v, (i,) in (o for o in net.operands if len(o[1]) == 1):
        k = next((k for k, (_, where) in enumerate(matrices) if i in where), None)
        if k is None:
            loose.append((v, (i,)))
        else:
            a, where = matrices[k]
            matrices[k] = (Diag(v) @ a if where[0] == i else a @ Diag(v)), where
    while len(loose) > 1 and len(matrices) + len(loose) > 2:
        (u, left), (v, right) = loose.pop(0), loose.pop(0)
        matrices.append((u @ transpose(v), (*left, *right)))
    return [*matrices, *loose]


def single(operands: Sequence[Operand], r: int, c: int, dim: Dim, width: Dim) -> Node:
    """The matrix of operands on one row index and one column index."""
    found = {frozenset(where): (a, where) for a, where in operands}
    if r == c:
        return Diag(found[frozenset((r,))][0]) if found else eye(dim)
    u, v = (found.get(frozenset((i,)), (None, ()))[0] for i in (r, c))
    if frozenset((r, c)) in found:
        a, where = found[frozenset((r, c))]
        made = oriented(a, where, (r, c))
        made = made if u is None else Diag(u) @ made
        return made if v is None else made @ Diag(v)
    return (u or ones("vector", dim)) @ transpose(v or ones("vector", width))
