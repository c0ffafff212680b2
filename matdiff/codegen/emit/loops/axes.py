"""Arrays of more axes: sums of blocks, and entries that are repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import Held, Place, along
from matdiff.core.node import Node
from matdiff.core.shape import Dim


def do_blocks(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols)
    loops.put(f"fill({loops.size(rows * cols)}, 0.0, {loops.pointer(out)})")
    return with_blocks(loops, out, values, params, rows, cols)


def do_add_blocks(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols)
    loops.store(values[0], out)
    return with_blocks(loops, out, values[1:], params, rows, cols)


def with_blocks(loops: Loops, out: Place, values: list[Held], params: Any, rows: Dim, cols: Dim) -> Held:
    a, c, b = values
    sizes = ", ".join(loops.size(d) for d in (a.rows, b.rows, c.rows, a.cols))
    arrays = ", ".join(loops.dense(v) for v in values)
    loops.put(f"blocks({sizes}, {1 if params[0] else 0}, {arrays}, {loops.pointer(out)})")
    return loops.lying(out, rows, cols)


def do_broadcast(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols)
    axes = params[0]
    if len(set(axes)) < len(axes):
        loops.put(f"fill({loops.size(rows * cols)}, 0.0, {loops.pointer(out)})")
    return spread(loops, out, values, params, rows, cols, "=")


def do_add_broadcast(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols)
    loops.store(values[0], out)
    return spread(loops, out, values[1:], params, rows, cols, "+=")


def spread(loops: Loops, out: Place, values: list[Held], params: Any, rows: Dim, cols: Dim, sign: str) -> Held:
    """A product of entries for all values of the indices, at its place."""
    axes, dims, places, count = params
    dims = [loops.dim(d) for d in dims]
    size = dict(zip(axes, dims, strict=True))
    letters = {axis: f"i{axis}" for axis in size}
    factors = [loops.light(v) for v in values]

    def flat(part: Sequence[int], sizes: Sequence[Dim]) -> str:
        text = "0"
        for axis, d in zip(part, sizes, strict=True):
            text = f"({text}) * {loops.size(d)} + {letters[axis]}" if text != "0" else letters[axis]
        return text

    kept = sorted(size, reverse=True)
    for axis in kept:
        loops.put(f"for {letters[axis]} in range({loops.size(size[axis])}):")
        loops.depth += 1
    terms = []
    for v, at in zip(factors, places, strict=True):
        where = [letters[x] for x in at]
        terms.append(v.at(*where) if len(where) == 2 else along(v, where[0]) if where else v.at("0", "0"))
    i, j = flat(axes[:count], dims[:count]), flat(axes[count:], dims[count:])
    loops.put(f"{out.array}[{loops.index(out, i, j)}] {sign} {' * '.join(terms)}")
    loops.depth -= len(kept)
    return loops.lying(out, rows, cols)


FORMS: dict[str, Form] = {
    "blocks": do_blocks,
    "add_blocks": do_add_blocks,
    "broadcast": do_broadcast,
    "add_broadcast": do_add_broadcast,
}
