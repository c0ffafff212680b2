"""The emitter of native code: a planned expression graph becomes loops, entry by entry where nothing keeps a value.

What it writes is the part of Python that `backends.translate` turns into C99 and that Numba compiles: whole numbers,
doubles, one-dimensional arrays.  A value is a place in memory with its strides, or a rule for its entries that is
written into the loop which reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matdiff.codegen.emit.loops import arrangements, axes, decompositions, entries, products, reductions, templates
from matdiff.codegen.emit.loops.state import Form, Loops
from matdiff.codegen.emit.loops.values import Held, Native
from matdiff.codegen.plan.variants import costs, plans
from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.core.op import Columns, Op
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import substitute
from matdiff.ops.unknown import Unknown

__all__ = ["Native", "native", "supported"]

FORMS: dict[str, Form] = {
    **entries.FORMS,
    **arrangements.FORMS,
    **reductions.FORMS,
    **decompositions.FORMS,
    **products.FORMS,
    **axes.FORMS,
}
"""The functions that are written here, not in their records."""


def native(
    roots: Sequence[Node],
    outputs: Sequence[str],
    variables: Sequence[Symbol],
    name: str,
    *,
    order: str = "F",
    fixed: Mapping[str, int] | None = None,
    title: str = "C",
    doc: str = "",
) -> Native:
    """The function that writes the roots to arrays of these names; matrices are column-major (`F`) or row-major (`C`).

    Raises UnsupportedError, with its name, for a function that has no native code.
    """
    known = [expanded(r) for r in roots]
    ways = plans(known)
    sizes = dict(fixed or {})
    if len(ways) > 1 and all(n in sizes for c in costs(ways) for n in c.names):
        totals = [c.evaluate(sizes) for c in costs(ways)]
        ways = [ways[totals.index(min(totals))]]
    return Loops(written, ways, list(outputs), variables, name, order, sizes, title, doc).made()


def written(loops: Loops, op: Op, values: list[Held], params: Any, rows: Dim, cols: Dim, node: Node | None) -> Held:
    """By what is written here, else by the record."""
    form = FORMS.get(op.name)
    if form is not None:
        return form(loops, values, params, rows, cols, node)
    if isinstance(op, Columns):
        return templates.columns(loops, op, values, params, rows, cols)
    if op.c:
        return templates.by_template(loops, op, values, params, rows, cols, node)
    if isinstance(op, Unknown):
        hint = f"evaluate takes it as a function of arrays: evaluate({op.of.base}=…)"
        raise UnsupportedError(f"{op.of.base} is an unknown function, which has no code", hint=hint)
    raise UnsupportedError(
        f"{loops.title} has no {op.name}", hint="give its record the field c, or a definition by other functions"
    )


def expanded(root: Node) -> Node:
    """The root with functions that have no native code, but a definition, written by what defines them."""
    for _ in range(8):
        found: dict[Node, Node] = {}
        for node in topological(root):
            if isinstance(node, Apply) and node.op.definition is not None and not node.op.c and not in_core(node.op):
                found[node] = node.op.definition(*node.args, *node.params)
        if not found:
            return root
        root = substitute(root, found)
    return root


def in_core(op: Op) -> bool:
    return op.name in FORMS


def supported(op: Op) -> bool:
    """Has a function native code?"""
    if isinstance(op, Columns):
        return True
    return not isinstance(op, Unknown) and (bool(op.c) or in_core(op) or op.definition is not None)
