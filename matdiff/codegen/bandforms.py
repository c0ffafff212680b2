"""Shifts of a vector: slices, zeros put before and behind, and products entry by entry."""

from __future__ import annotations

from matdiff.calculus.quadratic import Other, Sandwich
from matdiff.codegen.recipes import Call, Form, Hessian, Sizes
from matdiff.codegen.sideforms import side
from matdiff.core.node import Apply, Node
from matdiff.core.shape import Dim
from matdiff.ops.algebra import add, is_op, scale
from matdiff.ops.constants import ones_like
from matdiff.ops.indexing import VCAT
from matdiff.ops.structure import Diag


def banded_form(H: Hessian) -> Form | None:
    """Shifts: slices, zeros put before and behind, and products entry by entry of a vector."""
    if H.X.kind != "vector" or H.parts is None:
        return None
    rows: list[tuple[Dim, Node]] = []
    terms: list[tuple[Node, tuple[Node, ...]]] = []
    for p in H.parts:
        if isinstance(p, Sandwich) and all(is_op(f, Diag) for f in p.left):
            terms.append((p.factor, p.left))
        elif isinstance(p, Other) and (offset := shift(p)) is not None:
            rows.append((offset, scale(p.term.factor, p.term(ones_like(H.X)))))
        else:
            return None
    offsets = sorted({o.number for o, _ in rows if o.number is not None})
    if not offsets or any(o.number is None for o, _ in rows):
        return None
    diag = side(terms, H.X.rows, H.known, H.X).diag if terms else None
    summed = tuple(add(*(v for o, v in rows if o.number == k)) for k in offsets)
    width = max(map(abs, offsets))

    def words(s: Sizes) -> str:
        return f"banded: {width} diagonal{'s' * (width != 1)} on each side, Cholesky"

    call = Call("Bands", (summed, tuple(offsets), diag))
    return Form(call, H.gradient, words, lambda s: H.X.rows.evaluate(s) * (width * width + 4.0 * width + 2))


def shift(part: Other) -> Dim | None:
    """By how many places a chain of slices, blocks with zeros and products entry by entry moves a vector; None else."""
    total = Dim.of(0)
    for m in part.term.maps:
        if m.kind == "times":
            continue
        node = m.node
        if m.kind != "other" or not isinstance(node, Apply) or node.kind != "vector":
            return None
        if node.op.name == "slice":
            total = total - node.params[0]
        elif node.op is VCAT:
            for a in node.args[: m.slot]:
                total = total + a.rows
        else:
            return None
    return total
