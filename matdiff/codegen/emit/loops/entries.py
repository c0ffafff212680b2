"""Sums and products entry by entry."""

from __future__ import annotations

import re
from typing import Any

from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import TERMS, Held, along, closes
from matdiff.core.node import Node
from matdiff.core.shape import ONE, Dim


def do_add(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    while len(values) > TERMS:
        part = do_add(loops, values[:TERMS], params, rows, cols, None)
        scalars = all(v.rows is ONE and v.cols is ONE for v in values[:TERMS])
        values = [loops.kept_scalar(part) if scalars else loops.stored(part), *values[TERMS:]]

    def entry(i: str, j: str) -> str:
        text = values[0].at(i, j)
        for v in values[1:]:
            term = v.at(i, j)
            text += f" - {term[2:-1]}" if term.startswith("(-") and closes(term) else f" + {term}"
        return f"({text})"

    return Held(rows, cols, entry, sum(v.weight for v in values) + len(values) - 1)


def do_scale(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    s, a = values
    factor = s.at("0", "0")

    def entry(i: str, j: str) -> str:
        if factor in ("-1.0", "(-1.0)"):
            return f"(-{a.at(i, j)})"
        if factor.startswith("(-") and re.fullmatch(r"\(-[\d.e+]+\)", factor):
            return f"(-({factor[2:-1]} * {a.at(i, j)}))"
        return f"({factor} * {a.at(i, j)})"

    return Held(rows, cols, entry, a.weight + 1)


def do_hadamard(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, b = values
    if a is b:
        a = b = loops.light(a)
    return Held(rows, cols, lambda i, j: f"({a.at(i, j)} * {b.at(i, j)})", a.weight + b.weight + 1)


def do_power(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, p = values
    if p.rows is not ONE or p.cols is not ONE:
        return Held(rows, cols, lambda i, j: f"pow({a.at(i, j)}, {p.at(i, j)})", a.weight + p.weight + 3)
    exponent = p.at("0", "0")
    half = {"(1.0 / 2.0)": "sqrt({})", "0.5": "sqrt({})", "(-(1.0 / 2.0))": "(1.0 / sqrt({}))",
            "(-0.5)": "(1.0 / sqrt({}))", "(-1.0)": "(1.0 / {})"}  # fmt: skip
    if exponent in half:
        form = half[exponent]
        return Held(rows, cols, lambda i, j: form.format(a.at(i, j)), a.weight + 1)
    whole = re.fullmatch(r"\(?(-?\d+)\.0\)?", exponent)
    if whole and whole[1] == "2":
        if a.weight or (a.rows is ONE and a.cols is ONE):
            return Held(rows, cols, lambda i, j: f"square({a.at(i, j)})", a.weight + 1)
        return Held(rows, cols, lambda i, j: f"({a.at(i, j)} * {a.at(i, j)})", 1)
    if whole and abs(int(whole[1])) < 2**31:
        k = whole[1]
        return Held(rows, cols, lambda i, j: f"whole({a.at(i, j)}, {k})", a.weight + 2)
    return Held(rows, cols, lambda i, j: f"pow({a.at(i, j)}, {exponent})", a.weight + 3)


def do_scale_rows(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    v, a = loops.light(values[0]), values[1]
    return Held(rows, cols, lambda i, j: f"({along(v, i)} * {a.at(i, j)})", a.weight + 1)


def do_scale_columns(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, v = values[0], loops.light(values[1])
    return Held(rows, cols, lambda i, j: f"({a.at(i, j)} * {along(v, j)})", a.weight + 1)


def do_add_diagonal(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, s = values[0], loops.light(values[1])
    return Held(rows, cols, lambda i, j: f"({a.at(i, j)} + ({along(s, i)} if {i} == {j} else 0.0))", a.weight + 2)


FORMS: dict[str, Form] = {
    "add": do_add,
    "scale": do_scale,
    "hadamard": do_hadamard,
    "power": do_power,
    "scale_rows": do_scale_rows,
    "scale_columns": do_scale_columns,
    "add_diagonal": do_add_diagonal,
    "plus": do_add,
}
