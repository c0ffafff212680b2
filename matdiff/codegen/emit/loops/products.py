"""Products of matrices and their powers."""

from __future__ import annotations

from typing import Any

from matdiff.codegen.emit.loops.arrangements import do_transpose
from matdiff.codegen.emit.loops.reductions import do_inner
from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import Held, Place
from matdiff.core.node import Node
from matdiff.core.shape import ONE, Dim


def do_matmul(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    a, b = values
    inner = a.cols
    if inner is ONE:
        a, b = loops.light(a), loops.light(b)
        return Held(rows, cols, lambda i, j: f"({a.at(i, '0')} * {b.at('0', j)})", 1)
    if rows is ONE and cols is ONE:
        return do_inner(loops, [do_transpose(loops, [a], (), inner, ONE, None), b], (), ONE, ONE, None)
    a, b = loops.stored(a), loops.stored(b)
    if loops.small(rows, cols, inner):
        return written_product(loops, a, b, rows, cols, node)
    out = loops.room(rows, cols, node, dense=cols is ONE or rows is ONE)
    assert a.place is not None and b.place is not None
    if cols is ONE or rows is ONE:
        if rows is ONE:
            a, b = (do_transpose(loops, [v], (), v.cols, v.rows, None) for v in (b, a))
        assert a.place is not None and b.place is not None
        down, right, step = (loops.size(d) for d in (a.place.down, a.place.right, b.place.down))
        loops.put(
            f"gemv({loops.size(a.rows)}, {loops.size(a.cols)}, {loops.pointer(a.place)}, {down}, {right}, "
            f"{loops.pointer(b.place)}, {step}, {loops.pointer(out)})"
        )
        return loops.lying(out, rows, cols)
    assert a.place is not None and b.place is not None
    m, n, x, y, z = rows, cols, a.place, b.place, out
    if out.down is not ONE:
        m, n = n, m
        x, y, z = (Place(p.array, p.start, p.right, p.down) for p in (y, x, z))
    parts = [f"{loops.pointer(p)}, {loops.size(p.down)}, {loops.size(p.right)}" for p in (x, y, z)]
    loops.put(f"gemm({loops.size(m)}, {loops.size(n)}, {loops.size(inner)}, {', '.join(parts)})")
    return loops.lying(out, rows, cols)


def written_product(loops: Loops, a: Held, b: Held, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols, node, dense=False)
    name = loops.names.numbered("s")
    with loops.loop("j", cols) as j, loops.loop("i", rows) as i:
        loops.put(f"{name} = 0.0")
        with loops.loop("k", a.cols) as k:
            loops.put(f"{name} += {a.at(i, k)} * {b.at(k, j)}")
        loops.put(f"{out.array}[{loops.index(out, i, j)}] = {name}")
    return loops.lying(out, rows, cols)


def do_mpow(loops: Loops, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    out = loops.room(rows, cols, node)
    a, n = loops.dense(values[0]), loops.size(rows)
    spare = loops.names.numbered("w")
    loops.take(spare, rows * rows * Dim.of(3) + rows)
    exponent = params[0]
    if exponent >= 0:
        loops.put(f"mpow({n}, {exponent}, {a}, {loops.pointer(out)}, {spare})")
    else:
        base = loops.names.numbered("w")
        loops.take(base, rows * rows)
        loops.put(f"if inverse({n}, {a}, {base}, {spare}) != 0:")
        loops.put("    return 1")
        loops.put(f"mpow({n}, {-exponent}, {base}, {loops.pointer(out)}, {spare})")
    return loops.lying(out, rows, cols)


FORMS: dict[str, Form] = {
    "matmul": do_matmul,
    "mpow": do_mpow,
}
