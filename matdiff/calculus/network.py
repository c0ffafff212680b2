"""Sums over indices read back into matrix notation: Σ A_ij B_jk v_k as A B v.

A monomial is a factor times arrays whose axes are places; axes at one place are summed over together, unless the place
is one of the result.  Places with one or two matrices are summed away one after the other, parallel matrices become ⊙;
what is left over would be an array with three axes, and is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matdiff.core.node import Kind, Node
from matdiff.core.shape import ONE, Dim
from matdiff.errors import UnsupportedError
from matdiff.ops.algebra import hadamard, inner, matmul, scale, size, transpose
from matdiff.ops.constants import eye, is_eye, is_ones, ones
from matdiff.ops.random import Legs
from matdiff.ops.reductions import tr
from matdiff.ops.structure import Diag, diag

Tensor = tuple[Node, Legs]


class NoFormula(Exception):
    """There is no closed form here; the reason in words."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a value: its kind, and the sizes that ones and I need where nothing else is left."""

    kind: Kind
    rows: Dim = ONE
    cols: Dim = ONE


class Network:
    """Arrays by the places of their axes; `out` are the places of the result."""

    def __init__(
        self, dims: Sequence[Dim], tensors: Sequence[Tensor], same: Sequence[Legs], out: Legs, factor: Node
    ) -> None:
        self.factor = factor
        self.dims = dict(enumerate(dims))
        self.parent = list(range(len(dims)))
        for legs in same:
            for leg in legs[1:]:
                self.join(legs[0], leg)
        self.vectors: dict[int, Node] = {}
        self.matrices: list[tuple[Node, int, int]] = []
        self.out = out
        for node, legs in tensors:
            if len(legs) == 2 and is_eye(node):
                self.join(*legs)
        for node, legs in tensors:
            if not legs:
                self.factor = scale(node, self.factor)
            elif len(legs) == 1:
                self.weigh(self.find(legs[0]), node)
            elif not is_eye(node):
                self.matrices.append((node, self.find(legs[0]), self.find(legs[1])))
        self.out = tuple(map(self.find, out))
        self.places = {self.find(i) for i in range(len(dims))}

    def find(self, i: int) -> int:
        while self.parent[i] != i:
            i = self.parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        self.parent[self.find(j)] = self.find(i)

    def weigh(self, i: int, v: Node) -> None:
        """One more vector at a place."""
        if not is_ones(v):
            self.vectors[i] = hadamard(self.vectors[i], v) if i in self.vectors else v

    def at(self, i: int) -> list[tuple[Node, int, int]]:
        """The matrices at a place."""
        return [m for m in self.matrices if i in m[1:]]

    def read(self, shape: Shape) -> Node:
        """The value in matrix notation.  Raises UnsupportedError where that has no word for it."""
        while self.step():
            pass
        if self.places - set(self.out) or any(m[1] == m[2] for m in self.matrices) or len(self.matrices) > 1:
            raise UnsupportedError("this mean needs an array with three axes, for which matrix notation has no word")
        return scale(self.factor, self.value(shape))

    def step(self) -> bool:
        """One place summed away, or two matrices made one."""
        closed = sorted((p for p in self.places if p not in self.out), key=lambda p: (len(self.at(p)), p))
        for p in closed:
            touching = self.at(p)
            v = self.vectors.get(p)
            if not touching:
                self.factor = scale(self.scalar(v, self.dims[p]), self.factor)
            elif len(touching) == 1 and touching[0][1] != touching[0][2]:
                A, i, j = touching[0]
                self.weigh(*((i, matmul(A, self.ones(v, p))) if j == p else (j, matmul(transpose(A), self.ones(v, p)))))
            elif len(touching) == 1 and v is None:
                self.factor = scale(tr(touching[0][0]), self.factor)
            elif len(touching) == 2 and all(i != j for _, i, j in touching):
                (A, i, j), (B, k, m) = touching
                left, first = (A, i) if j == p else (transpose(A), j)
                right, last = (B, m) if k == p else (transpose(B), k)
                middle = right if v is None else matmul(Diag(v), right)
                self.matrices.append((matmul(left, middle), first, last))
            else:
                continue
            self.matrices = [m for m in self.matrices if m not in touching]
            self.vectors.pop(p, None)
            self.places.discard(p)
            return True
        return self.loop() or self.parallel()

    def loop(self) -> bool:
        """A matrix with both axes at one place is the vector of its diagonal."""
        for m in self.matrices:
            if m[1] == m[2]:
                self.matrices.remove(m)
                self.weigh(m[1], diag(m[0]))
                return True
        return False

    def parallel(self) -> bool:
        """Two matrices between the same places are multiplied entry by entry."""
        for n, (A, i, j) in enumerate(self.matrices):
            for B, k, m in self.matrices[n + 1 :]:
                if {i, j} == {k, m}:
                    other = B if (i, j) == (k, m) else transpose(B)
                    self.matrices.remove((A, i, j))
                    self.matrices.remove((B, k, m))
                    self.matrices.append((hadamard(A, other), i, j))
                    return True
        return False

    def ones(self, v: Node | None, p: int) -> Node:
        return ones("vector", self.dims[p]) if v is None else v

    def scalar(self, v: Node | None, dim: Dim) -> Node:
        """Σ vᵢ."""
        from matdiff.ops.algebra import HADAMARD
        from matdiff.ops.reductions import sum_

        if v is None:
            return size(dim)
        return inner(*v.children) if v.op is HADAMARD else sum_(v)

    def value(self, shape: Shape) -> Node:
        v = self.vectors
        if not self.out:
            return _one()
        if len(self.out) == 1:
            (p,) = self.out
            found = self.ones(v.get(p), p)
            return transpose(found) if shape.kind == "row" else found
        i, j = self.out
        if i == j:
            return Diag(v[i]) if i in v else eye(self.dims[i])
        if not self.matrices:
            return matmul(self.ones(v.get(i), i), transpose(self.ones(v.get(j), j)))
        A, k, _ = self.matrices[0]
        A = A if k == i else transpose(A)
        A = matmul(Diag(v[i]), A) if i in v else A
        return matmul(A, Diag(v[j])) if j in v else A


def _one() -> Node:
    from matdiff.core.node import number

    return number(1)


__all__ = ["Network", "Shape", "Tensor"]
