"""Functions by the template of their record, and those of each column."""

from __future__ import annotations

import re
from typing import Any

from matdiff.codegen import routines
from matdiff.codegen.emit.loops.state import Loops
from matdiff.codegen.emit.loops.values import Held, Place, count, dimension, is_number
from matdiff.core.node import Node
from matdiff.core.op import Columns, Op, registry
from matdiff.core.shape import ONE, ZERO, Dim, signature


def by_template(
    loops: Loops, op: Op, values: list[Held], params: tuple[Any, ...], rows: Dim, cols: Dim, node: Node | None
) -> Held:
    """`exp({0})` entry by entry, `= norm({s0}, {0})` a number, `-> chol({m0}, {0}, {out})` an array."""
    code = op.c
    if code == "{0}":
        return values[0]
    if code[0] not in "=-":
        weight = 1 + sum(v.weight for v in values)
        if len(re.findall(r"\{\d\}", code)) > len(values):
            values = [loops.light(v) for v in values]

        def entry(i: str, j: str) -> str:
            filled = code
            for k, v in enumerate(values):
                filled = filled.replace(f"{{{k}}}", v.at(i, j))
            return filled

        return Held(rows, cols, entry, weight)
    sign, _, call = code.partition(" ")
    name = call.partition("(")[0]
    out = loops.room(rows, cols, node) if "{out}" in call else None

    def filled(match: re.Match[str]) -> str:
        word = match[1]
        if word == "out":
            assert out is not None
            return loops.pointer(out)
        if word.isdigit():
            v = values[int(word)]
            return v.at("0", "0") if is_number(op, int(word)) else loops.dense(v)
        if word[0] == "p" and word[1:].isdigit():
            p = params[int(word[1:])]
            return loops.size(p) if isinstance(p, Dim) else str(p)
        if word.startswith("work:"):
            spare = loops.names.numbered("w")
            loops.take(spare, count(word[5:], values, rows, cols))
            return spare
        if word[0] == "q":
            v = values[int(word[1:])]
            return loops.size(v.cols if v.rows is values[0].rows else v.rows)
        return loops.size(dimension(word, values, rows, cols))

    extra = re.search(r"\{out:(.*?)\}", call)
    if extra:
        storage = loops.names.numbered("f")
        loops.take(storage, count(extra[1], values, rows, cols))
        call = call.replace(extra[0], storage)
        out = Place(storage, ZERO, ONE, rows)
    text = re.sub(r"\{([^}]*)\}", filled, call)
    if sign == "=":
        return loops.kept_scalar(Held(ONE, ONE, lambda i, j: text, 1))
    assert out is not None
    fallible = routines.ROUTINES[name].__annotations__.get("return") in (int, "int")
    loops.put(f"if {text} != 0:" if fallible else text)
    if fallible:
        loops.put("    return 1")
    return loops.lying(out, rows, cols)


def columns(loops: Loops, op: Columns, values: list[Held], params: tuple[Any, ...], rows: Dim, cols: Dim) -> Held:
    """A linear function of one column after the other."""
    base_name, slot = op.name.partition("_columns")[0], op.slot
    base = registry[base_name]
    own = params[: len(params) - len(op.dims)]
    shape = [loops.dim(p) for p in params[len(own) :]] or [values[slot].rows, ONE]
    C = loops.stored(values[slot])
    assert C.place is not None
    flat = C if loops.is_dense(C.place, C.rows, C.cols) else None
    if flat is None:
        target = loops.room(C.rows, C.cols)
        loops.store(C, target)
        flat = loops.lying(target, C.rows, C.cols)
    assert flat.place is not None
    others = [v if k == slot else loops.stored(v) if v.rows is not ONE or v.cols is not ONE else v
              for k, v in enumerate(values)]  # fmt: skip
    column = loops.names.numbered("v")
    loops.take(column, C.rows)
    out = loops.room(rows, cols)
    with loops.loop("k", cols) as k:
        at = loops.index(flat.place, "0", k)
        loops.put(f"copy({loops.size(C.rows)}, {flat.place.array}[{at}:], {column})")
        others[slot] = loops.lying(loops.strided(column, shape[0], shape[1]), shape[0], shape[1])
        inner_rows, inner_cols = (rows, ONE)
        spec = signature(base.signature)[1]
        if spec is not None and len(spec) == 2:
            bound = dict(zip(op.dims, shape, strict=False))
            inner_rows, inner_cols = (d.substitute(bound) for d in spec)
        elif spec is None:
            inner_rows, inner_cols = shape[0], shape[1]
        v = loops.apply(base, others, own, inner_rows, inner_cols)
        size = loops.dim(inner_rows)
        shown = loops.index(out, "0", k)
        with loops.loop("j", loops.dim(inner_cols)) as j, loops.loop("i", size) as i:
            inner = f"({i}) + ({j}) * {loops.size(size)}"
            loops.put(f"{out.array}[{shown} + {inner}] = {v.at(i, j)}")
    return loops.lying(out, rows, cols)
