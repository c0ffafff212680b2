"""The untyped tree that the parser makes of text: names, numbers and operators with their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from matdiff.core.node import Value

Span = tuple[int, int]

Head = Literal[
    "name",  # value: the name
    "number",  # value: int, Fraction or float
    "call",  # value: the function's name; args
    "+",  # any number of terms; subtraction is a "neg" term
    ".+",  # any number of terms, broadcasting
    "neg",  # unary minus
    "*",  # matrix product, scaling, juxtaposition (binary); value: the notation in which it goes entry by entry
    "@",  # Python's product: of two vectors the inner one, x @ A is a vector
    "/",  # by a scalar (binary)
    "\\",  # A\b
    ".*",  # Hadamard
    "./",
    "⊗",
    "^",  # base, exponent
    ".^",  # value: "**" where it was typed so and a matrix product may be meant
    "'",  # transpose
    "norm",  # value: "", "2", "F", "1", "inf"; one argument between bars
    "inner",  # ⟨A, B⟩
    "index",  # base, then one or two subscripts: trees, or "slice"
    "slice",  # i:j as two args; ":" alone has none
    "block",  # one "row" argument a row
    "row",
    "abs",  # |x| in LaTeX
]


@dataclass(slots=True, eq=False)
class Tree:
    """One node of the untyped tree; `span` is where it stands in the text.

    `mark` is what its place in the text says of it beside its head, one of the marks below.
    """

    head: Head
    args: tuple[Tree, ...] = ()
    value: str | Value = ""
    span: Span = (0, 0)
    mark: str = ""


ENTRIES = "entries"
r"""A function that is written as going entry by entry, \exp^{\odot}(A); a norm that sums absolute values."""
ROOT = "root"
r"""The exponent of \sqrt[3]{A}, which is a root of a matrix or of its entries."""
RAISED = "raised"
r"""\log^2 X, the square of a logarithm."""
TYPED = "typed"
"""e^A in plain text."""
DETERMINANT = "determinant"
"""Bars that stand where a matrix between them has its determinant taken."""
SQUARE = "square"
"""Bars around a sum or product, which are a determinant where that can only be square."""
SPREAD = "spread"
"""A sum inside a function that goes entry by entry: a scalar may be added to every entry."""
SPREAD_VECTOR = "spread vector"
"""The same under e^, which of a matrix is the matrix exponential."""


EQUATED = "equated"
"""The difference of the two sides of an equation."""


@dataclass(slots=True, eq=False)
class Declaration:
    """`A: m×n symmetric` → name, dims as text (one: vector, two: matrix, none: see words), attribute words."""

    name: str
    dims: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    span: Span = (0, 0)


@dataclass(slots=True, eq=False)
class Definition:
    """`r = A*x - b`, or with `parameter` an elementwise function `s(t) = …`."""

    name: str
    body: Tree
    parameter: str = ""
    span: Span = (0, 0)


@dataclass(slots=True, eq=False)
class Equations:
    """`A*x + B'*v = b, B*x = c for x, v`: both sides of each, and the names that they determine together."""

    sides: list[tuple[Tree, Tree]]
    unknowns: list[tuple[str, Span]]
    span: Span = (0, 0)


@dataclass(slots=True, eq=False)
class Program:
    """A text read: declarations, definitions in order, and the function (None where only declarations stand)."""

    text: str
    declarations: list[Declaration] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    function: Tree | None = None
    dialect: str = "plain"
    remarks: list[str] = field(default_factory=list)
    """What may surprise in how the text was read."""
    equations: list[Equations] = field(default_factory=list)


def walk(tree: Tree) -> Iterator[Tree]:
    """Every node, children before parents, without recursion."""
    order: list[Tree] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node.args)
    return reversed(order)
