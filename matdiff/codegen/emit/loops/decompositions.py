"""What is read off a decomposition that was made once."""

from __future__ import annotations

from typing import Any

from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import Held, Place
from matdiff.core.node import Node
from matdiff.core.shape import ONE, ZERO, Dim


def part_of(loops: Loops, f: Held, start: Dim, rows: Dim, cols: Dim) -> Held:
    assert f.place is not None
    return loops.lying(Place(f.place.array, f.place.start + loops.dim(start), ONE, rows), rows, cols)


def do_eigvecs_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return part_of(loops, values[0], ZERO, rows, cols)


def do_eigvals_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return part_of(loops, values[0], values[0].rows * values[0].rows, rows, cols)


def do_eigval_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    n = values[0].rows
    i = params[0] if isinstance(params[0], Dim) else Dim.of(params[0])
    return part_of(loops, values[0], n * n + i - ONE, ONE, ONE)


def do_lambda_max_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    n = values[0].rows
    return part_of(loops, values[0], n * n + n - ONE, ONE, ONE)


def do_lambda_min_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    n = values[0].rows
    return part_of(loops, values[0], n * n, ONE, ONE)


def do_polar_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols, node)
    loops.put(f"polar_part({loops.size(rows)}, {loops.size(cols)}, {loops.dense(values[0])}, {loops.pointer(out)})")
    return loops.lying(out, rows, cols)


def do_nuclear_part(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    m, n = values[0].rows, values[0].cols
    call = f"nuclear_part({loops.size(m)}, {loops.size(n)}, {loops.dense(values[0])})"
    return loops.kept_scalar(Held(ONE, ONE, lambda i, j: call, 1))


FORMS: dict[str, Form] = {
    "eigvecs_part": do_eigvecs_part,
    "eigvals_part": do_eigvals_part,
    "eigval_part": do_eigval_part,
    "lambda_max_part": do_lambda_max_part,
    "lambda_min_part": do_lambda_min_part,
    "polar_part": do_polar_part,
    "nuclear_part": do_nuclear_part,
}
