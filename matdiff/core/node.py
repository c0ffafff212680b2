"""The expression graph: immutable, interned, typed nodes; equal expressions are the same object."""

from __future__ import annotations

from _weakref import _remove_dead_weakref  # type: ignore[attr-defined]
from collections.abc import Callable, Container, Iterator
from fractions import Fraction
from itertools import cycle
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, Union
from weakref import ref

from matdiff.core.shape import ONE, Dim
from matdiff.errors import UnsupportedError

if TYPE_CHECKING:
    from matdiff.core.op import Op

Kind = Literal["scalar", "vector", "row", "matrix"]
"""What a value is for the user: a float, a 1-D array, the transpose of one, a 2-D array."""

Value = int | Fraction | float
Liftable = Union["Node", int, float, Fraction]

operators: dict[str, Callable[..., Node]] = {}
"""`+ - * / @ **` and `T` on nodes; filled by `matdiff.ops.algebra`, which is built on this module."""

printers: dict[str, Callable[[Node], str]] = {}
"""How a node is shown to a programmer; filled by `matdiff.printing`, which is built on this module."""


class Reference(ref["Node"]):
    """A weak reference to a node, with the key that it stands under."""

    __slots__ = ("key",)
    key: tuple[Any, ...]


_references: dict[tuple[Any, ...], Reference] = {}
"""All nodes by their keys, as in a `WeakValueDictionary`, but without its Python frames at every node built."""
_reference = _references.get


def _forget(
    entry: ref[Node],
    remove: Callable[[Any, Any], None] = _remove_dead_weakref,
    references: dict[tuple[Any, ...], Reference] = _references,
) -> None:
    """Take away the entry of a node that is gone, unless the key has another by now."""
    remove(references, entry.key)  # type: ignore[attr-defined]


def _enter(key: tuple[Any, ...], node: Node) -> None:
    entry = _references[key] = Reference(node, _forget)
    entry.key = key


class Node:
    """A typed expression.  Equality and hash are identity, which interning makes mathematical."""

    __slots__ = ("__weakref__", "cols", "kind", "measure", "rows")
    kind: Kind
    rows: Dim
    cols: Dim
    measure: tuple[int, int]
    """How many symbols it is written with, and how tightly these hold; not there until `printing/length` found it."""
    op: Op | None = None
    """The function of an application; of every node, so that one comparison tells what it is."""
    args: tuple[Node, ...] = ()

    children: tuple[Node, ...] = ()
    """The arguments of an application, and the body of a definition."""

    word: str = ""
    """The name of a constant; of every node, likewise."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("expressions are immutable")

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Dimensions of the array that it evaluates to."""
        return {"scalar": (), "vector": (self.rows,)}.get(self.kind, (self.rows, self.cols))

    @property
    def T(self) -> Node:
        return operators["T"](self)

    def __add__(self, other: Liftable) -> Node:
        return operators["+"](self, other)

    def __radd__(self, other: Liftable) -> Node:
        return operators["+"](other, self)

    def __sub__(self, other: Liftable) -> Node:
        return operators["-"](self, other)

    def __rsub__(self, other: Liftable) -> Node:
        return operators["-"](other, self)

    def __mul__(self, other: Liftable) -> Node:
        return operators["*"](self, other)

    def __rmul__(self, other: Liftable) -> Node:
        return operators["*"](other, self)

    def __truediv__(self, other: Liftable) -> Node:
        return operators["/"](self, other)

    def __rtruediv__(self, other: Liftable) -> Node:
        return operators["/"](other, self)

    def __matmul__(self, other: Node) -> Node:
        return operators["@"](self, other)

    def __pow__(self, other: Liftable) -> Node:
        return operators["**"](self, other)

    def __neg__(self) -> Node:
        return operators["*"](-1, self)

    def __repr__(self) -> str:
        return printers["text"](self) if printers else object.__repr__(self)


class Symbol(Node):
    """A variable; with a `body`, a definition; with `of`, the differential of a variable.

    `index` tells differentials of one variable apart: dX, dX_1, dX_2 …
    """

    __slots__ = ("attributes", "body", "index", "name", "of")
    name: str
    attributes: frozenset[str]
    body: Node | None
    of: Symbol | None
    index: int

    @property
    def children(self) -> tuple[Node, ...]:  # type: ignore[override]
        return () if self.body is None else (self.body,)


class Number(Node):
    """An exact (int, Fraction) or floating scalar."""

    __slots__ = ("value",)
    value: Value


class Constant(Node):
    """`I zeros ones e K D pi`, told by name, kind and dimensions; `index` is the i of e(n,i)."""

    __slots__ = ("dims", "index", "name")
    name: str
    dims: tuple[Dim, ...]
    index: int


Constant.word = vars(Constant)["name"]


class Apply(Node):
    """A function of the language applied to arguments; indices and sizes are `params`."""

    __slots__ = ("args", "op", "params")
    op: Op
    args: tuple[Node, ...]
    params: tuple[Any, ...]


Apply.children = vars(Apply)["args"]
"""The slot itself: what every pass asks of every node costs no frame."""

_set = object.__setattr__


def _fill(node: Any, kind: Kind, rows: Dim, cols: Dim, **slots: Any) -> Any:
    _set(node, "kind", kind)
    _set(node, "rows", rows)
    _set(node, "cols", cols)
    for name, value in slots.items():
        _set(node, name, value)
    return node


def symbol(
    name: str,
    kind: Kind,
    rows: Dim = ONE,
    cols: Dim = ONE,
    attributes: frozenset[str] = frozenset(),
    body: Node | None = None,
    of: Symbol | None = None,
    index: int = 0,
) -> Symbol:
    key = (Symbol, name, kind, rows, cols, attributes, body, of, index)
    reference = _reference(key)
    found = None if reference is None else reference()
    if found is None:
        found = _fill(Symbol(), kind, rows, cols, name=name, attributes=attributes, body=body, of=of, index=index)
        _enter(key, found)
    assert isinstance(found, Symbol)
    return found


LONGEST = 10_000
"""Most binary digits of an exact number: squared again and again, its digits double."""


def number(value: Value) -> Number:
    """A number; a whole Fraction becomes an int.  Raises UnsupportedError for one that is too long or not finite."""
    if type(value) is int and value in _small:
        return _small[value]
    if type(value) is Fraction and value.denominator == 1:
        value = value.numerator
    if isinstance(value, float):
        if not isfinite(value):
            raise UnsupportedError("a number beyond the range of floating-point numbers comes up")
    elif max(value.numerator.bit_length(), value.denominator.bit_length()) > LONGEST:
        raise UnsupportedError(f"a number of more than {LONGEST:,} binary digits comes up")
    key = (Number, type(value), repr(value) if isinstance(value, float) else value)
    reference = _reference(key)
    found = None if reference is None else reference()
    if found is None:
        found = _fill(Number(), "scalar", ONE, ONE, value=value)
        _enter(key, found)
    assert isinstance(found, Number)
    return found


_small: dict[int, Number] = {}
_small |= {value: number(value) for value in (-1, 0, 1, 2)}
"""The numbers that nearly every rule asks for."""


def constant(
    name: str, kind: Kind, rows: Dim = ONE, cols: Dim = ONE, dims: tuple[Dim, ...] = (), index: int = 0
) -> Constant:
    key = (Constant, name, kind, rows, cols, dims, index)
    reference = _reference(key)
    found = None if reference is None else reference()
    if found is None:
        found = _fill(Constant(), kind, rows, cols, name=name, dims=dims, index=index)
        _enter(key, found)
    assert isinstance(found, Constant)
    return found


def existing(name: str) -> Node | None:
    """The constant without sizes of that name, if it is in use anywhere."""
    reference = _reference((Constant, name, "scalar", ONE, ONE, (), 0))
    return None if reference is None else reference()


def apply(op: Op, args: tuple[Node, ...], params: tuple[Any, ...], kind: Kind, rows: Dim, cols: Dim) -> Apply:
    """The application as it stands; `Op.__call__` checks and infers the type."""
    key = (op, args, params, kind)
    reference = _reference(key)
    found = None if reference is None else reference()
    if found is None:
        node = Apply()
        _set(node, "kind", kind)
        _set(node, "rows", rows)
        _set(node, "cols", cols)
        _set(node, "op", op)
        _set(node, "args", args)
        _set(node, "params", params)
        entry = Reference(node, _forget)
        entry.key = key
        _references[key] = entry
        return node
    return found  # type: ignore[return-value]


Roots = tuple[tuple[Node, ...], bool]
MANY = 16
"""Of so many roots the order is remembered: pass after pass asks for that of the same functions."""
SMALL = 1000
"""Most nodes of an order that is remembered, so that no large expression outlives its user."""
_orders: dict[Roots, list[Node]] = {}
_latest: list[Roots | None] = [None] * MANY
_turn = cycle(range(MANY))


def topological(*roots: Node, into_bodies: bool = True, done: Container[Node] = ()) -> list[Node]:
    """Distinct nodes below the roots, children before parents, without recursion; what is done is not gone into."""
    key = roots, into_bodies
    if not done and (found := _orders.get(key)) is not None:
        return found.copy()
    seen: set[Node] = set()
    order: list[Node] = []
    stack: list[Node | None] = [*reversed(roots)]
    pending: list[Node] = []
    while stack:
        node = stack.pop()
        if node is None:
            order.append(pending.pop())
        elif node not in seen and not (done and node in done):
            seen.add(node)
            below = node.args or (node.children if into_bodies else ())
            if below:
                pending.append(node)
                stack.append(None)
                stack += below[::-1]
            else:
                order.append(node)
    if not done and len(order) <= SMALL:
        turn = next(_turn)
        _orders.pop(_latest[turn], None)  # type: ignore[arg-type]
        _latest[turn] = key
        _orders[key] = order.copy()
    return order


def symbols(*roots: Node) -> Iterator[Symbol]:
    """Free symbols (variables and differentials, not definitions) in order of first appearance."""
    return (n for n in topological(*roots) if isinstance(n, Symbol) and n.body is None)


def size_names(*roots: Node) -> set[str]:
    """The names of sizes that stand in expressions: n and m of X: m×n, also of a constant such as ones(n)."""
    return {n for c in topological(*roots) for d in (c.rows, c.cols, *getattr(c, "dims", ())) for n in d.names}


def describe(node: Node) -> str:
    """The type in words of the language: `scalar`, `vector n`, `m×n`."""
    if node.kind == "scalar":
        return "a scalar"
    if node.kind == "vector":
        return f"a vector of length {node.rows}"
    if node.kind == "row":
        return f"a row of length {node.cols} (1×{node.cols})"
    return f"a matrix {node.rows}×{node.cols}"
