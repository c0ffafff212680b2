"""The untyped tree that the parser makes of text: names, numbers and operators with their places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from matdiff.core.node import Value

Span = tuple[int, int]

AXIS = "along an axis"
"""What follows the name of a function that takes no axis, in a call that gives one."""

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
    "over",  # a sum or product over an index, an Over
    "range",  # i=1..N behind what is summed, a Range
]


@dataclass(slots=True, eq=False, repr=False)
class Tree:
    """One node of the untyped tree; `span` is where it stands in the text.

    `mark` is what its place in the text says of it beside its head, one of the marks below.
    """

    head: Head
    args: tuple[Tree, ...] = ()
    value: str | Value = ""
    span: Span = (0, 0)
    mark: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Binder:
    """What a sum runs over: each index with its first and last value as typed, empty where that is not said.

    `relation` is how the two indices of `pair` stand to each other (≠ < > ≤ ≥); `mask` names the 0/1 matrix of the
    pairs that count; `conditions` are factors of 0 and 1, t_j ≥ t_i of \\sum_{j:t_j\\ge t_i}.
    """

    indices: tuple[tuple[str, str, str], ...]
    relation: str = ""
    pair: tuple[str, str] = ("", "")
    mask: str = ""
    conditions: tuple[Tree, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Over(Tree):
    """A sum or product (value "prod") of its argument over the indices of `binder`; a second argument is the mask."""

    binder: Binder = field(default_factory=lambda: Binder(()))
    build: Any = None
    """Makes the node from those of the arguments, once it is known how far the indices run."""


@dataclass(slots=True, eq=False, repr=False)
class Range(Tree):
    """i=1..N: index, first, last."""

    index: tuple[str, str, str] = ("", "", "")


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


@dataclass(slots=True, eq=False, repr=False)
class Shape:
    """Dimensions as text and words, `m×n symmetric`; `inside` are the shapes of a parenthesis that is all of it."""

    dims: tuple[str, ...]
    words: tuple[str, ...]
    span: Span
    inside: tuple[Shape, ...] = ()


@dataclass(slots=True, eq=False, repr=False)
class Declared:
    """What a declaration says of its names: a shape, the shapes that a function takes, or what it depends on."""

    names: list[Tree]
    shape: Shape
    takes: tuple[Shape, ...] = ()
    of: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Declaration:
    """`A: m×n symmetric` → name, dims as text (one: vector, two: matrix, none: see words), attribute words.

    `h: (n, scalar) -> p` → `arrow`, the dims of each argument and those of the value; `u: n function of x` → `of`.
    """

    name: str
    dims: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    span: Span = (0, 0)
    arrow: tuple[tuple[tuple[str, ...], ...], tuple[str, ...]] | None = None
    of: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Distribution:
    """`W^{-1}(nu, S)` → its words, inverse among them, and its parameters as text; `sphere` for uniform(sphere)."""

    words: list[Tree]
    parameters: list[Tree]
    sphere: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Stated:
    """`z, w ~ normal(0, I)`; `declared` is what `X: m×n ~ …` says of its names, `span` the law's place."""

    names: list[tuple[str, Span]]
    declared: list[Declaration]
    distribution: Distribution
    span: Span


@dataclass(slots=True, eq=False, repr=False)
class Left:
    """What stands left of `=`: a name, or a function and its parameters; `span` is the name's place.

    The `primes` of u'' are those of a differential equation.
    """

    name: str
    parameters: tuple[str, ...]
    span: Span
    primes: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Definition:
    """`r = A*x - b`, or with `parameter` an elementwise function `s(t) = …`."""

    name: str
    body: Tree
    parameter: str = ""
    span: Span = (0, 0)


@dataclass(slots=True, eq=False, repr=False)
class Equations:
    """`A*x + B'*v = b, B*x = c for x, v`: both sides of each, and the names that they determine together."""

    sides: list[tuple[Tree, Tree]]
    unknowns: list[tuple[str, Span]]
    span: Span = (0, 0)


@dataclass(slots=True, eq=False, repr=False)
class Rate:
    """The derivative of that order of a function, left in a differential equation, and what it is in a system."""

    name: str
    order: int
    span: Span
    side: Tree | None = None


@dataclass(slots=True, eq=False, repr=False)
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
    summed: bool = False
    """Whether there may be sums over an index."""
    sums: Any = None
    """What these run over, when that was read."""
    rates: list[Rate] = field(default_factory=list)
    """The left sides of differential equations; of one alone the right side is the function."""
    left: str = ""
    """The name left of the equals sign of the function, where that was typed as one: c_k = …"""
    signature: Declaration | None = None
    """`f: n -> m` of a function that is then given, f(x) = …"""
    conjugated: Span | None = None
    """Where a conjugate stands in a text in which nothing is declared complex."""

    def nodes(self) -> Iterator[Tree]:
        """All trees of the function and of the definitions, arguments before their user."""
        for tree in (self.function, *(d.body for d in self.definitions)):
            if tree is not None:
                yield from walk(tree)


FACTORIAL = "!"
"""The call that x! is."""
INDICATOR = "1[…]"
"""The call of two indices that is 1 where they are related as its mark says, else 0."""


def indicator(left: Tree, relation: str, right: Tree) -> Tree:
    """1 where a relation holds, else 0: of two single letters as a call of INDICATOR, else by steps and signs."""
    span = (left.span[0], right.span[1])

    def made(head: Head, *args: Tree, value: str = "") -> Tree:
        return Tree(head, args, value, span)

    if all(a.head == "name" and len(str(a.value)) == 1 for a in (left, right)):
        return Tree("call", (left, right), INDICATOR, span, relation)
    if relation in ("<", "≤"):
        left, right = right, left
    one = Tree("number", (), 1, span)
    if relation in ("=", "≠"):
        apart = made("call", made("call", made("+", left, made("neg", right)), value="sign"), value="abs")
        return apart if relation == "≠" else made("+", one, made("neg", apart))
    if relation in ("<", ">"):
        return made("call", made("+", left, made("neg", right)), value="heaviside")
    below = made("call", made("+", right, made("neg", left)), value="heaviside")
    return made("+", one, made("neg", below))


def copied(tree: Tree) -> Tree:
    """The tree once more, for what is changed in place."""
    made: dict[Tree, Tree] = {}
    for t in walk(tree):
        made[t] = replace(t, args=tuple(made[a] for a in t.args))
    return made[tree]


def walk(tree: Tree) -> Iterator[Tree]:
    """Every node, children before parents, without recursion."""
    order: list[Tree] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(node.args)
    return reversed(order)
