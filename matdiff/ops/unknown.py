"""Functions of arrays of which only the shapes are known, `h: n -> p`, and all their derivatives, by one record.

The derivative of order k is a tensor with the axes of the value (group 0) and those of the arguments by which it was
taken (groups 1, …, k).  An `Unknown` is that tensor with some groups paired with arrays, each a block of one or two
groups, and the rest left as the value: h'(x) leaves (0, 1), h'(X)[V] pairs (1,) with V, h'(X)*[Y] pairs (0,) with Y.
Scalar arguments have no axes.  It is linear in what it is paired with, and the adjoint swaps that block with the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from matdiff.core.node import Apply, Node, describe, topological
from matdiff.core.op import Linear, Nonlinear, Op, Rule, Type
from matdiff.core.shape import ONE, Dim
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.ops.algebra import inner, matmul, scale, transpose

Shape = tuple[Dim, ...]
Block = tuple[int, ...]

MOST = 2
"""Most derivatives by arguments with axes: the third of a vector's would have four axes."""

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Arrow(NamedTuple):
    """`(n, m×n) -> p`: the shapes of the arguments and of the value."""

    inputs: tuple[Shape, ...]
    output: Shape

    def __str__(self) -> str:
        shapes = [shown(s) for s in self.inputs]
        taken = shapes[0] if len(shapes) == 1 else f"({', '.join(shapes)})"
        return f"{taken} -> {shown(self.output)}"


def shown(shape: Shape) -> str:
    """A shape as declarations have it."""
    return "×".join(map(str, shape)) or "scalar"


def typed(shape: Shape) -> Type:
    if not shape:
        return "scalar", ONE, ONE
    return ("vector", shape[0], ONE) if len(shape) == 1 else ("matrix", shape[0], shape[1])


class Derivative(NamedTuple):
    """Which tensor of which function: by the scalar arguments `times` (in order), by arrays `order`, inner first."""

    base: str
    arrow: Arrow
    times: tuple[int, ...] = ()
    order: tuple[int, ...] = ()

    def shape(self, group: int) -> Shape:
        return self.arrow.inputs[self.order[group - 1]] if group else self.arrow.output

    def axes(self, block: Block) -> Shape:
        return tuple(d for group in block for d in self.shape(group))

    def rank(self, block: Block) -> int:
        return len(self.axes(block))

    def groups(self) -> Block:
        """The groups that have axes."""
        return tuple(g for g in range(len(self.order) + 1) if self.shape(g))

    def by(self, slot: int) -> Derivative:
        """Once more, by one argument.  Raises UnsupportedError where that has too many axes."""
        if not self.arrow.inputs[slot]:
            return Derivative(self.base, self.arrow, tuple(sorted((*self.times, slot))), self.order)
        if len(self.order) == MOST:
            raise UnsupportedError(
                f"third derivatives of unknown functions such as {self.base} are not in the language",
                hint="differentiate once less",
            )
        return Derivative(self.base, self.arrow, self.times, (*self.order, slot))

    def swapped(self) -> Derivative:
        return Derivative(self.base, self.arrow, self.times, self.order[::-1])

    def name(self) -> str:
        """The name before the parentheses: h'', ∇²phi, ∂₂∂₁f."""
        count = len(self.times) + len(self.order)
        if len(self.arrow.inputs) > 1:
            slots = (*self.order[::-1], *self.times[::-1])
            return "".join(self._mark(s) for s in slots) + self.base
        if self.arrow.output or self.times or not count:
            return self.base + "'" * count
        return "∇" + (str(count).translate(SUPERSCRIPTS) if count > 1 else "") + self.base

    def _mark(self, slot: int) -> str:
        gradient = not self.arrow.output and self.arrow.inputs[slot]
        return ("∇" if gradient else "∂") + str(slot + 1).translate(SUBSCRIPTS)


_nothing = Derivative("", Arrow((), ()))


@dataclass(slots=True, eq=False, repr=False)
class Unknown(Op):
    """The tensor `of` with `blocks` paired with the arguments that follow those of the function."""

    of: Derivative = _nothing
    value: Block = ()
    blocks: tuple[Block, ...] = ()

    @property
    def starred(self) -> bool:
        return any(0 in block for block in self.blocks)


@cache
def record(of: Derivative, value: Block, blocks: tuple[Block, ...]) -> Unknown:
    """The one record of a tensor and its blocks, in the order that `applied` gives them."""
    shapes = (*of.arrow.inputs, *(of.axes(b) for b in blocks))
    many = len(of.arrow.inputs)

    def typing(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
        check(name, shapes, args)
        return typed(of.axes(value))

    def rule(slot: int) -> Rule:
        if slot >= many:
            return Linear(lambda Y, *args: _adjoint(of, value, blocks, slot - many, Y, args))
        return Nonlinear(lambda *args: _differential(of, value, blocks, slot, args))

    name = of.name() + "*" * any(0 in block for block in blocks)
    return Unknown(
        name,
        f"{','.join(map(_spec, shapes))}->{_spec(of.axes(value))}",
        tuple(map(rule, range(len(shapes)))),
        typing=typing,
        law=LAW,
        summary="an unknown function",
        gives=frozenset({"symmetric"}) if value == (1, 2) and of.order[0] == of.order[1] else frozenset(),
        of=of,
        value=value,
        blocks=blocks,
    )


def _spec(shape: Shape) -> str:
    return f"({','.join(map(str, shape))})"


LAW = "chain rule (outputs left, inputs right)"


def check(name: str, shapes: Sequence[Shape], args: Sequence[Node]) -> None:
    """Raises ShapeError where the arguments are not what was declared."""
    if len(args) != len(shapes):
        raise ShapeError(f"{name} takes {len(shapes)} argument{'s' * (len(shapes) != 1)}, not {len(args)}")
    for i, (shape, a) in enumerate(zip(shapes, args, strict=True), 1):
        if (a.kind, a.rows, a.cols) != typed(shape):
            raise ShapeError(f"argument {i} of {name} is {shown(shape)}, not {describe(a)}")


def _differential(of: Derivative, value: Block, blocks: tuple[Block, ...], slot: int, args: tuple[Node, ...]) -> Node:
    *given, dX = args
    many = len(of.arrow.inputs)
    if dX.kind == "scalar":
        return scale(dX, applied(of.by(slot), value, blocks, given[:many], given[many:]))
    group = len(of.order) + 1
    return applied(of.by(slot), value, (*blocks, (group,)), given[:many], [*given[many:], dX])


def _adjoint(
    of: Derivative, value: Block, blocks: tuple[Block, ...], place: int, Y: Node, args: tuple[Node, ...]
) -> Node:
    """What was paired becomes the value, and Y is paired with what was the value."""
    many = len(of.arrow.inputs)
    paired = list(args[many:])
    paired[place] = Y
    exchanged = (*blocks[:place], value, *blocks[place + 1 :])
    return applied(of, blocks[place], exchanged, args[:many], paired)


def applied(
    of: Derivative, value: Block, blocks: Sequence[Block], args: Sequence[Node], paired: Sequence[Node]
) -> Node:
    """The tensor at `args` with its blocks paired, by matrices and products wherever that can be written."""
    with_axes = set(of.groups())
    value = tuple(g for g in value if g in with_axes)
    pairs: list[tuple[Block, Node]] = []
    scalars: list[Node] = []
    for block, a in zip(blocks, paired, strict=True):
        kept = tuple(g for g in block if g in with_axes)
        if kept:
            pairs.append((kept, a))
        else:
            scalars.append(a)
    out = _multiplied(of, value, pairs, args)
    for s in scalars:
        out = scale(s, out)
    return out


def _multiplied(of: Derivative, value: Block, pairs: list[tuple[Block, Node]], args: Sequence[Node]) -> Node:
    """A value without axes is an inner product, a vector's pairing with a vector a matrix times it."""
    rank = of.rank(value)
    for i, (block, a) in enumerate(pairs):
        rest = pairs[:i] + pairs[i + 1 :]
        if rank == 0:
            return inner(_multiplied(of, block, rest, args), a)
        if rank == 1 and of.rank(block) == 1:
            return matmul(_multiplied(of, (*value, *block), rest, args), a)
    return _ordered(of, value, pairs, args)


def _ordered(of: Derivative, value: Block, pairs: list[tuple[Block, Node]], args: Sequence[Node]) -> Node:
    """Of the spellings of one thing the one that is printed: derivatives commute."""
    if len(of.order) == 2 and _turns(of, value, [b for b, _ in pairs]):
        of = of.swapped()
        value, pairs = _renamed(value), [(_renamed(b), a) for b, a in pairs]
    same = len(of.order) == 2 and of.order[0] == of.order[1]
    if value == (2, 1) and same:
        value = (1, 2)
    if len(value) == 2 and value[0] > value[1]:
        return transpose(_ordered(of, value[::-1], pairs, args))
    pairs = [(b[::-1], transpose(a)) if len(b) == 2 and b[0] > b[1] and of.rank(b) == 2 else (b, a) for b, a in pairs]
    pairs.sort(key=lambda pair: pair[0])
    return record(of, value, tuple(b for b, _ in pairs))(*args, *(a for _, a in pairs))


def _renamed(block: Block) -> Block:
    return tuple((0, 2, 1)[g] for g in block)


def _turns(of: Derivative, value: Block, blocks: list[Block]) -> bool:
    """Whether the two derivatives are to change places: the one in the value is inner, but for h''(x)*[Y] by Y p×n."""
    inside = [g for g in (1, 2) if g in value]
    if len(inside) != 1:
        return of.order[0] > of.order[1]
    joined = any(0 in b and len(b) == 2 for b in blocks)
    return inside == ([1] if joined else [2])


def pattern(of: Derivative, starred: bool, ranks: Sequence[int]) -> tuple[Block, tuple[Block, ...]] | None:
    """The value and the blocks of a derivative with arrays of these ranks in brackets; None where there are none."""
    array = tuple(range(1, len(of.order) + 1))
    out: Block = (0,) if of.arrow.output else ()
    value, blocks = _pattern(of, array, out, starred, ranks)
    if value is None or of.rank(value) > 2 or [of.rank(b) for b in blocks] != list(ranks):
        return None
    return value, blocks


def _pattern(
    of: Derivative, array: Block, out: Block, starred: bool, ranks: Sequence[int]
) -> tuple[Block | None, tuple[Block, ...]]:
    many = len(ranks)
    if starred:
        if not out or not array:
            return None, ()
        if many == 1 and len(array) == 2 and ranks[0] != of.rank(out):
            return (2,), ((0, 1),)
        if many == 1:
            return array, (out,)
        return array[:1], (out, *((g,) for g in array[1:]))
    if many == 1 and len(array) == 2 and (ranks[0] != of.rank((2,)) or of.rank((*out, 1)) > 2):
        return out, (array,)
    kept = len(array) - many
    return (*out, *array[:kept]), tuple((g,) for g in array[kept:])


def contracted(node: Node, w: Node, turned: bool) -> Node | None:
    """The M with U w = M V for U = h''(x)[V] (`turned`: Uᵀ w); None for other nodes, and where V is no vector."""
    op = getattr(node, "op", None)
    if not isinstance(op, Unknown) or len(op.value) != 2 or len(op.blocks) != 1 or op.of.rank(op.blocks[0]) != 1:
        return None
    args = node.children
    kept, gone = op.value if not turned else op.value[::-1]
    return applied(op.of, (kept, *op.blocks[0]), ((gone,),), args[:-1], [w])


def has_unknown(nodes: Iterable[Node]) -> bool:
    """Whether an unknown function of arrays stands in one of them."""
    return any(isinstance(n, Apply) and isinstance(n.op, Unknown) for n in topological(*nodes))
