"""Transposes, parts, matrices side by side, reshapes: the same entries in other places."""

from __future__ import annotations

from typing import Any

from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import Held, Place, along
from matdiff.core.node import Node
from matdiff.core.shape import ONE, ZERO, Dim


def do_transpose(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    place = None if a.place is None else Place(a.place.array, a.place.start, a.place.right, a.place.down)
    return Held(rows, cols, lambda i, j: a.at(j, i), a.weight, place)


def shifted(loops: Loops, a: Held, row: Dim, col: Dim, rows: Dim, cols: Dim) -> Held:
    """The part of a value that begins at a row and a column."""
    row, col = loops.dim(row), loops.dim(col)
    if a.place is not None:
        p = a.place
        start = p.start + row * loops.dim(p.down) + col * loops.dim(p.right)
        return loops.lying(Place(p.array, start, p.down, p.right), rows, cols)

    def entry(i: str, j: str) -> str:
        return a.at(*(at if d is ZERO else f"({at} + {loops.size(d)})" for at, d in ((i, row), (j, col))))

    return Held(rows, cols, entry, a.weight)


def do_entry(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    i, j = params
    return shifted(loops, values[0], Dim.of(i - 1), Dim.of(j - 1), ONE, ONE)


def do_getrow(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a = values[0]
    row = shifted(loops, a, Dim.of(params[0] - 1), ZERO, ONE, a.cols)
    return do_transpose(loops, [row], (), a.cols, ONE, None)


def do_getcol(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return shifted(loops, values[0], ZERO, Dim.of(params[0] - 1), values[0].rows, ONE)


def do_slice(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    r0, _, c0, _ = params
    return shifted(loops, values[0], r0, c0, rows, cols)


def do_lastcols(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a = values[0]
    last = loops.size(a.cols - ONE)
    return Held(rows, cols, lambda i, j: a.at(i, f"({last} - {j})"), a.weight)


def do_hcat(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return pasted(loops, values, rows, cols, node, across=True)


def do_vcat(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return pasted(loops, values, rows, cols, node, across=False)


def pasted(loops: Loops, values: list[Held], rows: Dim, cols: Dim, node: Node | None, across: bool) -> Held:
    out = loops.room(rows, cols, node, dense=False)
    at = ZERO
    for v in values:
        start = out.start + loops.dim(at * (out.right if across else out.down))
        loops.store(v, Place(out.array, start, out.down, out.right))
        at = at + (v.cols if across else v.rows)
    return loops.lying(out, rows, cols)


def do_vec(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return reshaped(loops, values[0], rows, cols)


def do_unvec(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    return reshaped(loops, values[0], rows, cols)


def reshaped(loops: Loops, a: Held, rows: Dim, cols: Dim) -> Held:
    """The same entries, column by column."""
    if a.cols is ONE and cols is ONE:
        return a
    if a.place is None or not loops.is_dense(a.place, a.rows, a.cols):
        target = loops.room(a.rows, a.cols)
        loops.store(a, target)
        a = loops.lying(target, a.rows, a.cols)
    assert a.place is not None
    return loops.lying(Place(a.place.array, a.place.start, ONE, rows), rows, cols)


def do_diag(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    if a.place is not None:
        p = a.place
        return loops.lying(Place(p.array, p.start, loops.dim(p.down) + loops.dim(p.right), ONE), rows, cols)
    return Held(rows, cols, lambda i, j: a.at(i, i), a.weight)


def do_Diag(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    v = loops.light(values[0])
    return Held(rows, cols, lambda i, j: f"({along(v, i)} if {i} == {j} else 0.0)", 1)


def do_tril(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    return Held(rows, cols, lambda i, j: f"({a.at(i, j)} if {i} >= {j} else 0.0)", a.weight + 1)


def do_triu(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    return Held(rows, cols, lambda i, j: f"({a.at(i, j)} if {i} <= {j} else 0.0)", a.weight + 1)


def do_sym(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a = loops.light(values[0])
    return Held(rows, cols, lambda i, j: f"(({a.at(i, j)} + {a.at(j, i)}) / 2.0)", 2)


def do_skew(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a = loops.light(values[0])
    return Held(rows, cols, lambda i, j: f"(({a.at(i, j)} - {a.at(j, i)}) / 2.0)", 2)


FORMS: dict[str, Form] = {
    "transpose": do_transpose,
    "entry": do_entry,
    "getrow": do_getrow,
    "getcol": do_getcol,
    "slice": do_slice,
    "lastcols": do_lastcols,
    "hcat": do_hcat,
    "vcat": do_vcat,
    "vec": do_vec,
    "unvec": do_unvec,
    "diag": do_diag,
    "Diag": do_Diag,
    "tril": do_tril,
    "triu": do_triu,
    "sym": do_sym,
    "skew": do_skew,
}
