"""What a part is for all values of its indices: a scalar, a vector or a matrix for each, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from matdiff.core.node import Node, Symbol, number
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.lift.arrays import row_totals, total
from matdiff.ops.algebra import (
    matmul,
    transpose,
)
from matdiff.ops.constants import commutation, eye
from matdiff.ops.kronecker import kron
from matdiff.ops.sums import Axis

MOST = 24
"""Most products that a product of sums is multiplied out to."""


@dataclass(frozen=True, slots=True)
class Member:
    """x_{i+1} of a family: the vector of all scalars, the matrix with a row a vector, or the matrix of all w_ij."""

    family: Node
    places: tuple[tuple[Axis, Dim], ...]
    """The index of each axis and what is added to it."""


@dataclass(frozen=True, slots=True)
class Scalars:
    """A scalar for every value of its axes: a scalar, a vector or a matrix."""

    axes: tuple[Axis, ...]
    array: Node


Rows = tuple[Scalars, Node, Axis | None]
"""A scalar times a vector (no axis), or times the rows of a matrix."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """A sum of scalars times vectors; `row` where they lie."""

    terms: tuple[Rows, ...]
    row: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """L A_i R for all i: the rows of `array` are vec(A_i)ᵀ, with A_i of so many rows and columns."""

    array: Node
    axis: Axis
    rows: Dim
    cols: Dim
    left: Node | None = None
    right: Node | None = None

    @property
    def transposed(self) -> Stack:
        """Rᵀ A_iᵀ Lᵀ, by the commutation matrix: vec(Aᵀ) = K vec(A)."""
        turned = matmul(self.array, transpose(commutation(self.rows, self.cols)))
        return Stack(turned, self.axis, self.cols, self.rows, *(s and transpose(s) for s in (self.right, self.left)))

    @property
    def whole(self) -> Node:
        """The array whose rows are vec(L A_i R)ᵀ = vec(A_i)ᵀ (R ⊗ Lᵀ)."""
        if self.left is None and self.right is None:
            return self.array
        left = eye(self.rows) if self.left is None else transpose(self.left)
        return matmul(self.array, kron(eye(self.cols) if self.right is None else self.right, left))

    @property
    def shape(self) -> tuple[Dim, Dim]:
        return (self.rows if self.left is None else self.left.rows), (
            self.cols if self.right is None else self.right.cols
        )


Outer = tuple[tuple[Node, Axis | None], tuple[Node, Axis | None]]


Part: TypeAlias = "Node | Outer | Stack"


@dataclass(frozen=True, slots=True)
class Matrices:
    """A sum of scalars times fixed matrices or outer products of rows."""

    terms: tuple[tuple[Scalars, Part], ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A scalar for every value of three axes or more: a sum of products, of which a sum over an index takes one."""

    terms: tuple[tuple[Scalars, ...], ...]


Lifted = Scalars | Vectors | Matrices | Tensor
FIXED = Scalars((), number(1))


def refuse(what: str) -> NoReturn:
    raise UnsupportedError(
        f"{what} would need an array with three axes", hint="write this part in matrix notation, or split the sum"
    )


def name_of(node: Node) -> str:
    return node.name.split("#")[0] if isinstance(node, Symbol) else "a member"


def terms_of(value: Scalars | Tensor) -> list[tuple[Scalars, ...]]:
    return [(value,)] if isinstance(value, Scalars) else list(value.terms)


def plain_sum(a: Scalars, axis: Axis) -> Scalars:
    """The sum of an array over one of its axes, all of whose values count."""
    if len(a.axes) == 1:
        return Scalars((), total(a.array))
    across = a.array if a.axes[1] == axis else transpose(a.array)
    return Scalars(tuple(x for x in a.axes if x != axis), row_totals(across))


def axes_of(value: Lifted) -> set[Axis]:
    if isinstance(value, Scalars):
        return set(value.axes)
    if isinstance(value, Tensor):
        return {x for t in value.terms for f in t for x in f.axes}
    found: set[Axis] = set()
    for term in value.terms:
        found |= set(term[0].axes)
        part = term[1:]
        if isinstance(value, Vectors):
            found |= {part[1]} if part[1] is not None else set()  # type: ignore[misc]
        elif isinstance(part[0], Stack):
            found.add(part[0].axis)
        elif not isinstance(part[0], Node):
            found |= {axis for _, axis in part[0] if axis is not None}
    return found


def as_fixed(node: Node) -> Lifted:
    """What does not depend on an index, as what does."""
    if node.kind == "scalar":
        return Scalars((), node)
    if node.kind == "vector":
        return Vectors(((FIXED, node, None),))
    if node.kind == "row":
        return Vectors(((FIXED, transpose(node), None),), True)
    return Matrices(((FIXED, node),))


def matrix_of(part: Part) -> Node:
    if isinstance(part, Node):
        return part
    assert not isinstance(part, Stack)
    (u, _), (v, _) = part
    return matmul(u, transpose(v))
