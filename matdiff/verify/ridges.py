"""Stand-ins for unknown functions of arrays: sums of ridge functions, with exact derivatives of every order.

h(x, …) = c₀ + Σᵣ cᵣ sin(φᵣ + ⟨aᵣ, x⟩ + …), whose k-th derivative is Σᵣ sin⁽ᵏ⁾(…) cᵣ ⊗ aᵣ ⊗ … ⊗ aᵣ.  The arrays aᵣ and
cᵣ and the numbers follow from the name of the function and the seed, so that h, h′ and h″ are those of one function.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from zlib import crc32

from matdiff.core.node import Apply, Constant, Node, Symbol, constant, number, symbol, topological
from matdiff.core.op import Op
from matdiff.core.shape import Dim
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import add, inner, matmul, scale, size, transpose
from matdiff.ops.constants import eye, ones
from matdiff.ops.elementwise import cos, sin
from matdiff.ops.unknown import Block, Shape, Unknown

RIDGES = 5
"""As many as the largest sizes that are drawn, so that derivatives have full rank."""
OFFSET = 2.5
HEIGHT = 0.45
"""Five times this is less than the offset: the values are positive, those of square matrices positive definite."""


@cache
def scattered(width: float, shrinks: bool) -> Op:
    """Fixed numbers between ∓width in the shape of the argument; `shrinks`: over the root of how many there are."""
    root = " / np.sqrt(np.size({0}))" if shrinks else ""
    spread = "2 * np.modf(np.abs(np.sin(12.9898 * (1 + np.arange(np.size({0}))) + 78.233 * {p0}) * 43758.5453))[0] - 1"
    return Op(
        f"scattered_{width}_{shrinks}",
        "(...);i->(...)",
        (None,),
        typing=lambda args, params: (args[0].kind, args[0].rows, args[0].cols),
        numpy=f"({width} * ({spread}){root}).reshape(np.shape({{0}}))",
        jax="-",
        torch="-",
    )


def has_positive(function: Node) -> bool:
    """Whether unknown functions are to have positive values: for log and √, and where no kink tells signs apart."""
    ops = [n.op for n in topological(function) if isinstance(n, Apply)]
    return any(op.domain for op in ops) or not any(op.smooth for op in ops)


def ridges(op: Unknown, args: Sequence[Node], seed: int, positive: bool) -> Node:
    """The derivative of the random function that stands for an unknown one, paired as the node has it."""
    return add(*(_ridge(op, args, seed, r) for r in range(RIDGES)), *_constant_part(op, positive))


def _constant_part(op: Unknown, positive: bool) -> list[Node]:
    of = op.of
    if of.times or of.order or op.starred:
        return []
    if len(of.arrow.output) < 2 and not positive:
        return []
    if len(of.arrow.output) == 2 and of.arrow.output[0] is of.arrow.output[1]:
        return [scale(number(OFFSET), eye(of.arrow.output[0]))]
    return [scale(number(OFFSET), _unit(of.arrow.output))]


def _ridge(op: Unknown, args: Sequence[Node], seed: int, r: int) -> Node:
    of, many = op.of, len(op.of.arrow.inputs)

    def piece(group: int) -> Node:
        return _values(op, seed, r) if group == 0 else _direction(op, of.order[group - 1], seed, r)

    order = len(of.times) + len(of.order)
    angle = add(
        number(_random(op, seed, r, "phase").uniform(0, 6)),
        *(inner(_direction(op, slot, seed, r), a) for slot, a in enumerate(args[:many])),
    )
    wave = scale(number(-1 if order % 4 in (2, 3) else 1), (sin, cos)[order % 2](angle))
    factors = [_direction(op, slot, seed, r) for slot in of.times]
    factors += [inner(_outer(block, piece), a) for block, a in zip(op.blocks, args[many:], strict=True)]
    if not of.arrow.output:
        factors.append(piece(0))
    for factor in factors:
        wave = scale(factor, wave)
    return scale(wave, _outer(op.value, piece)) if op.value else wave


def _outer(block: Block, piece: Callable[[int], Node]) -> Node:
    first, *rest = (piece(g) for g in block)
    return matmul(first, transpose(rest[0])) if rest else first


def _random(op: Unknown, seed: int, *what: object) -> random.Random:
    return random.Random(f"{op.of.base} {seed} {what}")


def _direction(op: Unknown, slot: int, seed: int, r: int) -> Node:
    """aᵣ of one argument."""
    drawn = _random(op, seed, r, slot)
    shape = op.of.arrow.inputs[slot]
    if not shape:
        return number(drawn.choice((-1, 1)) * drawn.uniform(0.5, 1.5))
    return scattered(1.7, True)(_unit(shape), params=(drawn.randint(1, 10_000),))


def _values(op: Unknown, seed: int, r: int) -> Node:
    """cᵣ."""
    drawn = _random(op, seed, r, "value")
    shape = op.of.arrow.output
    if not shape:
        return number(drawn.choice((-1, 1)) * drawn.uniform(HEIGHT / 3, HEIGHT))
    made = scattered(HEIGHT, False)(_unit(shape), params=(drawn.randint(1, 10_000),))
    if len(shape) == 2 and shape[0] is shape[1]:
        return scale(size(shape[0]) ** -1, made)
    return made


def _unit(shape: Shape) -> Node:
    return ones("vector" if len(shape) == 1 else "matrix", *shape) if shape else number(1)


def with_sizes(root: Node, known: frozenset[str]) -> Node:
    """The expression with a number for every dimension that no variable has: the p of g(h(x)) for h: n -> p."""
    free = {n for node in topological(root) for d in (node.rows, node.cols) for n in d.names} - known
    return sized(root, {n: 2 + crc32(n.encode()) % 3 for n in free})


def sized(root: Node, sizes: Mapping[str, int]) -> Node:
    """The expression with numbers for these dimensions."""
    if not sizes:
        return root
    values = {n: Dim.of(k) for n, k in sizes.items()}
    memo: dict[Node, Node] = {}
    for node in topological(root):
        memo[node] = _resized(node, values, memo)
    return memo[root]


def _resized(node: Node, values: dict[str, Dim], memo: dict[Node, Node]) -> Node:
    rows, cols = node.rows.substitute(values), node.cols.substitute(values)
    if isinstance(node, Symbol):
        return symbol(node.name, node.kind, rows, cols, node.attributes, node.body, node.of, node.index)
    if isinstance(node, Constant):
        dims = tuple(d.substitute(values) for d in node.dims)
        return size(dims[0]) if node.name == "size" else constant(node.name, node.kind, rows, cols, dims, node.index)
    if not isinstance(node, Apply):
        return node
    args = tuple(memo[a] for a in node.args)
    params = tuple(p.substitute(values) if isinstance(p, Dim) else p for p in node.params)
    return rebuild(node, args) if params == node.params else node.op(*args, params=params)
