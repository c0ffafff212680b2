"""The way back: one row of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from matdiff.core.node import Apply, Node, Symbol, number, topological
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    is_op,
    matmul,
    scale,
    transpose,
)
from matdiff.ops.constants import is_eye, is_ones, ones
from matdiff.ops.structure import Diag


@dataclass
class Picker:
    """Rows and entries k of arrays: X w − y as wᵀx_k − y_k, with `members` for the families and a unit vector e_k."""

    members: Mapping[Symbol, Symbol]
    unit: Symbol
    rows: dict[Node, Node] = field(default_factory=dict)
    columns: dict[Node, Node] = field(default_factory=dict)

    def row(self, root: Node) -> Node:
        """Entry k of a vector, row k of a matrix as a vector."""
        for node in topological(root):
            if node.rows is self.unit.rows and node.kind in ("vector", "matrix"):
                self.rows[node] = self._row(node)
            if node.cols is self.unit.rows and node.kind in ("row", "matrix"):
                self.columns[node] = self._column(node)
        return self.rows[root]

    def _row(self, node: Node) -> Node:
        e = self.unit
        if isinstance(node, Symbol) and node in self.members:
            return self.members[node]
        if is_ones(node):
            return number(1) if node.kind == "vector" else ones("vector", node.cols)
        if is_eye(node):
            return e
        if is_op(node, ADD):
            return add(*(self.rows[a] for a in node.children))
        if is_op(node, SCALE):
            return scale(node.children[0], self.rows[node.children[1]])
        if is_op(node, TRANSPOSE):
            return self.columns[node.children[0]]
        if is_op(node, HADAMARD):
            return hadamard(*(self.rows[a] for a in node.children))
        if is_op(node, Diag):
            return scale(self.rows[node.children[0]], e)
        if is_op(node, MATMUL):
            a, b = node.children
            if is_op(a, Diag):
                return scale(self.rows[a.children[0]], self.rows[b])
            left = self.rows[a]
            if a.kind == "vector":
                return scale(left, transpose(b))
            return matmul(transpose(left), b) if b.kind == "vector" else matmul(transpose(b), left)
        if (found := self._entrywise(node, self.rows)) is not None:
            return found
        return matmul(transpose(e), node) if node.kind == "vector" else matmul(transpose(node), e)

    def _column(self, node: Node) -> Node:
        """Column k of a matrix as a vector, entry k of a row."""
        e = self.unit
        if is_ones(node):
            return number(1) if node.kind == "row" else ones("vector", node.rows)
        if is_eye(node):
            return e
        if is_op(node, ADD):
            return add(*(self.columns[a] for a in node.children))
        if is_op(node, SCALE):
            return scale(node.children[0], self.columns[node.children[1]])
        if is_op(node, TRANSPOSE):
            return self.rows[node.children[0]]
        if is_op(node, HADAMARD):
            return hadamard(*(self.columns[a] for a in node.children))
        if is_op(node, Diag):
            return scale(self.rows[node.children[0]], e)
        if is_op(node, MATMUL):
            a, b = node.children
            right = self.columns[b]
            return scale(right, a) if a.kind == "vector" else matmul(a, right)
        if (found := self._entrywise(node, self.columns)) is not None:
            return found
        return matmul(node, e)

    def _entrywise(self, node: Node, picked: Mapping[Node, Node]) -> Node | None:
        if not isinstance(node, Apply) or not (node.op.elementwise or node.op is POWER):
            return None
        first, *rest = node.args
        if first not in picked or any(a.kind != "scalar" for a in rest):
            return None
        return node.op(picked[first], *rest, params=node.params)
