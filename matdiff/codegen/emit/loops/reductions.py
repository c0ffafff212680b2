"""Sums over entries, rows and columns, and inner products."""

from __future__ import annotations

from typing import Any

from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import Entry, Held
from matdiff.core.node import Node
from matdiff.core.shape import ONE, Dim


def do_sum(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    if a.place is not None and loops.is_dense(a.place, a.rows, a.cols) and not loops.small(a.rows, a.cols):
        return loops.kept_scalar(loops.scalar(f"total({loops.size(a.rows * a.cols)}, {loops.pointer(a.place)})"))
    return loops.summed(a.at, a.rows, a.cols)


def do_mean(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    s = do_sum(loops, values, params, rows, cols, None).at("0", "0")
    return loops.scalar(f"({s} / float({loops.size(values[0].rows * values[0].cols)}))")


def do_tr(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    return loops.summed(lambda i, j: a.at(i, i), a.rows, ONE)


def do_inner(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, b = values
    dense = all(v.place is not None and loops.is_dense(v.place, v.rows, v.cols) for v in values)
    if dense and not loops.small(a.rows, a.cols):
        count = loops.size(a.rows * a.cols)
        return loops.kept_scalar(loops.scalar(f"dot({count}, {loops.dense(a)}, {loops.dense(b)})"))
    if a is b and a.weight:
        return loops.summed(lambda i, j: f"square({a.at(i, j)})", a.rows, a.cols)
    flip = a.rows is not b.rows and a.rows is b.cols and a.cols is b.rows
    return loops.summed(lambda i, j: f"{a.at(i, j)} * {b.at(j, i) if flip else b.at(i, j)}", a.rows, a.cols)


def do_trace_product(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, b = values
    return loops.summed(lambda i, j: f"{a.at(i, j)} * {b.at(j, i)}", a.rows, a.cols)


def lines_of(loops: Loops, text: Entry, outer: Dim, inner: Dim, by_rows: bool, node: Node | None) -> Held:
    """For each row, or column, the sum along it."""
    out = loops.room(outer, ONE, node)
    loops.store(Held(outer, ONE, lambda i, j: "0.0"), out)
    first, second = (("j", inner), ("i", outer)) if by_rows else (("j", outer), ("i", inner))
    with loops.loop(*first) as j, loops.loop(*second) as i:
        at = i if by_rows else j
        loops.put(f"{out.array}[{loops.index(out, at, '0')}] += {text(i, j)}")
    return loops.lying(out, outer, ONE)


def do_row_sums(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    return lines_of(loops, a.at, a.rows, a.cols, True, node)


def do_column_sums(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    (a,) = values
    return lines_of(loops, a.at, a.cols, a.rows, False, node)


def do_row_dots(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, b = values
    return lines_of(loops, lambda i, j: f"{a.at(i, j)} * {b.at(i, j)}", a.rows, a.cols, True, node)


def do_column_dots(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, b = values
    return lines_of(loops, lambda i, j: f"{a.at(i, j)} * {b.at(i, j)}", a.cols, a.rows, False, node)


FORMS: dict[str, Form] = {
    "sum": do_sum,
    "mean": do_mean,
    "tr": do_tr,
    "inner": do_inner,
    "trace_product": do_trace_product,
    "row_sums": do_row_sums,
    "column_sums": do_column_sums,
    "row_dots": do_row_dots,
    "column_dots": do_column_dots,
    "total": do_sum,
}
