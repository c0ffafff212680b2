"""Products of Kronecker products, diagonals and commutations as networks of small matrices with named indices.

A row of A ⊗ B is a pair of indices, one of A and one of B; I identifies two indices, K swaps a pair, Diag(vec S)
identifies both and multiplies by an entry of S.  What is left is a sum over the indices that are not of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matdiff.codegen.kernels import SCALE_COLUMNS, SCALE_ROWS, run
from matdiff.node import Apply, Node, apply
from matdiff.ops.algebra import HADAMARD, MATMUL, POWER, SCALE, hadamard, is_commutation, is_eye, is_op, transpose
from matdiff.ops.kronecker import kron
from matdiff.ops.structure import Diag, unvec, vec
from matdiff.shape import Dim

Pair = tuple[int, int]
Operand = tuple[Node, tuple[int, ...]]
MAX_DEPTH = 8


@dataclass
class Network:
    """Operands with their indices; `rows` and `cols` are the pairs of the result."""

    operands: list[Operand] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    dims: list[Dim] = field(default_factory=list)
    rows: Pair = (0, 0)
    cols: Pair = (0, 0)

    def index(self, dim: Dim) -> int:
        self.parent.append(len(self.parent))
        self.dims.append(dim)
        return len(self.parent) - 1

    def find(self, i: int) -> int:
        while self.parent[i] != i:
            i = self.parent[i]
        return i

    def unify(self, i: int, j: int) -> bool:
        i, j = self.find(i), self.find(j)
        if self.dims[i] is not self.dims[j]:
            return False
        self.parent[j] = i
        return True

    def pair(self, dims: tuple[Dim, Dim]) -> Pair:
        return self.index(dims[0]), self.index(dims[1])

    @property
    def internal(self) -> set[int]:
        return {i for _, where in self.operands for i in where} - set(self.rows) - set(self.cols)


def network(factors: Sequence[Node]) -> Network | None:
    """The network of a product; None where a factor does not fit."""
    net = Network()
    dims = row_dims(factors)
    if dims is None:
        return None
    at = net.rows = net.pair(dims)
    for factor in factors:
        after = advance(net, factor, at)
        if after is None:
            return None
        at = after
    net.cols = at
    net.rows = (net.find(net.rows[0]), net.find(net.rows[1]))
    net.cols = (net.find(at[0]), net.find(at[1]))
    net.operands = [(a, tuple(map(net.find, where))) for a, where in net.operands]
    return net if simplify(net) else None


def row_dims(factors: Sequence[Node]) -> tuple[Dim, Dim] | None:
    """The pair of dimensions that the rows of the first factor run over; diagonals do not say, so the next does."""
    for factor in factors:
        if is_op(factor, kron):
            a, b = factor.children
            return a.rows, b.rows
        if is_commutation(factor):
            m, n = factor.dims  # type: ignore[attr-defined]
            return m, n
        if not is_op(factor, Diag):
            return None
    return None


def advance(net: Network, factor: Node, at: Pair) -> Pair | None:
    """The column pair of a factor whose row pair is `at`."""
    if is_commutation(factor):
        m, n = factor.dims  # type: ignore[attr-defined]
        return at[::-1] if (net.dims[net.find(at[0])], net.dims[net.find(at[1])]) == (m, n) else None
    if is_op(factor, Diag):
        dims = net.dims[net.find(at[1])], net.dims[net.find(at[0])]
        net.operands.append((matrix_of(factor.children[0], *dims), at[::-1]))
        return at
    if not is_op(factor, kron):
        return None
    after = net.pair((factor.children[0].cols, factor.children[1].cols))
    for part, row, column in zip(factor.children, at, after, strict=True):
        if part.kind != "matrix" or net.dims[net.find(row)] is not part.rows:
            return None
        if is_eye(part):
            if not net.unify(row, column):
                return None
        elif is_op(part, MATMUL) and part.children[0].kind == "vector":
            net.operands += [(part.children[0], (row,)), (transpose(part.children[1]), (column,))]
        else:
            net.operands.append((part, (row, column)))
    return after


def matrix_of(v: Node, rows: Dim, cols: Dim, depth: int = 0) -> Node:
    """The matrix S with vec S = v."""
    if is_op(v, vec) and (S := v.children[0]).rows is rows and S.cols is cols and S.kind == "matrix":
        return S
    if depth < MAX_DEPTH and isinstance(v, Apply):
        if v.op is HADAMARD:
            return hadamard(*(matrix_of(a, rows, cols, depth + 1) for a in v.args))
        if v.op is SCALE or (v.op is POWER and v.args[1].kind == "scalar"):
            at = 1 if v.op is SCALE else 0
            args = list(v.args)
            args[at] = matrix_of(args[at], rows, cols, depth + 1)
            return apply(v.op, tuple(args), (), "matrix", rows, cols)
    return unvec.build((v,), (rows, cols))


def oriented(a: Node, where: tuple[int, ...], want: tuple[int, ...]) -> Node:
    return a if where == want else transpose(a)


def simplify(net: Network) -> bool:
    """One operand for each pair of indices; matrices that share an inner index with one other are multiplied."""
    if any(len(where) == 2 and where[0] == where[1] for _, where in net.operands):
        return False
    while True:
        merge(net)
        for s in sorted(net.internal):
            those = [o for o in net.operands if s in o[1]]
            if len(those) == 2 and all(len(where) == 2 for _, where in those):
                (a, i), (b, j) = those
                left = i[0] if i[1] == s else i[1]
                right = j[0] if j[1] == s else j[1]
                if left == right:
                    return False
                product = oriented(a, i, (left, s)) @ oriented(b, j, (s, right))
                net.operands = [o for o in net.operands if o not in those] + [(product, (left, right))]
                break
        else:
            return True


def merge(net: Network) -> None:
    """Operands on one pair of indices multiplied entry by entry, vectors into a matrix that has their index."""
    found: dict[frozenset[int], Operand] = {}
    for a, where in sorted(net.operands, key=lambda o: -len(o[1])):
        key = frozenset(where)
        if key in found:
            b, there = found[key]
            found[key] = hadamard(b, oriented(a, where, there)), there
        else:
            found[key] = a, where
    inner = net.internal
    matrices = {k: o for k, o in found.items() if len(k) == 2}
    loose = []
    for key, (v, where) in found.items():
        if len(key) == 1:
            host = min((k for k in matrices if where[0] in k), key=lambda k: not (k & inner), default=None)
            if host is None:
                loose.append((v, where))
            else:
                matrices[host] = scaled(v, where[0], *matrices[host])
    net.operands = [*matrices.values(), *loose]


def scaled(v: Node, i: int, a: Node, where: tuple[int, ...]) -> Operand:
    if where[0] == i:
        return run(SCALE_ROWS, (v, a), "matrix", a.rows, a.cols), where
    return run(SCALE_COLUMNS, (a, v), "matrix", a.rows, a.cols), where
