"""The functions that are written with operators: sums, products, powers, transposes, divisions."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Apply, Constant, Node, Number, Symbol
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.printing.piece import (
    BESIDE,
    Argument,
    Forms,
    Hole,
    Item,
    Piece,
    Scaling,
    inverse_power,
    scaling,
)
from matdiff.printing.tables import ATOM, MIXED, NEGATED, POSTFIX, POWER, PRODUCT, SUM, TEXT

# Entries, rows, columns, slices and blocks.


def _base(layout: Forms, node: Node) -> Argument:
    """What an index follows: `inv(X)[1,2]` is spelled as a call, and LaTeX has no second subscript on a first."""
    if not layout.notation.bracketed:
        if isinstance(node, Symbol) and "_" in layout.notation.symbol(node):
            return Piece(ATOM, ("{", Hole(node, SUM), "}"))
        second = (
            isinstance(node, Constant)
            or node in layout.names
            or (isinstance(node, Apply) and "indexed" in node.op.traits.split())
        )
        before, after = layout.notation.parentheses
        return Piece(ATOM, (before, Hole(node, SUM), after)) if second else node
    if layout.looks_into(node, "inv") and isinstance(node, Apply):
        return layout.call(node)
    return node


def _entry(layout: Forms, node: Apply) -> Piece:
    (a,), (i, j) = node.args, node.params
    inside = _last(layout, a)
    if inside is not None:
        a, rows, cols = inside
        i, j = rows or i, cols or j
    if a.kind == "vector":
        return layout.form("element", _base(layout, a) if layout.notation.bracketed else a, str(i))
    return layout.form("entry", _base(layout, a), str(i), str(j))


def _line(layout: Forms, node: Apply) -> Piece:
    (a,), (i,) = node.args, node.params
    inside = _last(layout, a)
    if inside is not None and (inside[1] == "") is (node.op.name == "getcol"):
        a, rows, cols = inside
        i = rows or cols
    return layout.form(node.op.name, _base(layout, a), str(i))


def _last(layout: Forms, a: Node) -> tuple[Node, str, str] | None:
    """Of a slice that is a last row, column or entry of a symbolic size: of what, and the indices it stands for."""
    if not layout.looks_into(a, "slice") or not isinstance(a, Apply):
        return None
    (inside,), (r0, r1, c0, c1) = a.args, a.params
    row, col = (_one(layout, *bounds) for bounds in ((r0, r1, inside.rows), (c0, c1, inside.cols)))
    symbolic = (r1.number is None and row) or (c1.number is None and col)
    return (inside, row, col) if symbolic and row is not None and col is not None else None


def _one(layout: Forms, low: Dim, high: Dim, size: Dim) -> str | None:
    """A single index: a number, or that of the last; "" where all are taken, None for any other part."""
    if low is ZERO and high is size:
        return ""
    single = high - low is ONE and (high is size or high.number is not None)
    return layout.notation.dim(high) if single else None


def _slice(layout: Forms, node: Apply) -> Piece:
    (a,), (r0, r1, c0, c1) = node.args, node.params
    bounds = [layout.notation.dim(d) for d in (r0 + ONE, r1, c0 + ONE, c1)]
    if a.kind == "vector":
        return layout.form("part", _base(layout, a), *bounds[:2])
    if r0 is ZERO and r1 is a.rows:
        bounds[:2] = ["", ""]
    if c0 is ZERO and c1 is a.cols:
        bounds[2:] = ["", ""]
    return layout.form("slice", _base(layout, a), *bounds)


def blocks(layout: Forms, node: Apply) -> Piece:
    """[A, B], [A; B] and [A, B; C, D]."""
    before, column, row, after = layout.notation.block
    rows = (
        [node.args]
        if node.op.name == "hcat"
        else [a.children if layout.looks_into(a, "hcat") else (a,) for a in node.args]
    )
    items: list[Item] = [before]
    # [(A B); (C D)]: without the parentheses it could be read as blocks side by side.
    level = ATOM if layout.notation is TEXT and all(len(r) == 1 and _is_spaced(r[0]) for r in rows) else SUM
    for i, args in enumerate(rows):
        items += [row] if i else []
        for j, a in enumerate(args):
            items += [column] if j else []
            items.append(Hole(a, level))
    return Piece(ATOM, (*items, after))


def _is_spaced(a: Node) -> bool:
    """Is it a product whose factors stand side by side, no number first?"""
    return isinstance(a, Apply) and a.op.name in ("matmul", "scale") and not isinstance(a.args[0], Number)


# Sums.


def lay_sum(layout: Forms, node: Apply) -> Piece:
    """A sum with the terms in their order; an I among other terms has its size from them."""
    parts = [_taken_apart(layout, t) for t in node.args]
    sized = any(not _is(p, "I") for p in parts)
    dotted = _broadcast(layout, node, parts)
    items: list[Item] = []
    for i, (term, part) in enumerate(zip(node.args, parts, strict=True)):
        if i == dotted:
            assert part is not None
            negative, rest = part.negative, layout.scaled(Scaling(part.number, part.above, part.below))
        else:
            negative, rest = layout.signed(term, bare=sized)
        if i:
            signs = layout.notation.dotted if dotted == i or (dotted == 0 and i == 1) else layout.notation.signs
            items.append(signs[negative])
        elif negative:
            rest = Piece(NEGATED, (layout.notation.negative, Hole(rest, MIXED)))
        items.append(Hole(rest, MIXED if i else NEGATED))
    return Piece(SUM, tuple(items))


def _taken_apart(layout: Forms, term: Node) -> Scaling | None:
    """The parts of a term that may be a multiple of I or of ones; None for one that is not."""
    array = term
    while isinstance(array, Apply) and array.op.name == "scale":
        array = array.args[1]
    if isinstance(array, Constant) and (array is term or layout.looks_into(term, "scale")):
        return scaling(term, layout.names.__contains__)
    return None


def _is(part: Scaling | None, name: str) -> bool:
    return part is not None and isinstance(part.base, Constant) and part.base.name == name


def _broadcast(layout: Forms, node: Apply, parts: list[Scaling | None]) -> int | None:
    """Which term is written as a scalar to broadcast: the only multiple of ones beside arrays of the same kind."""
    if not layout.notation.dotted:
        return None
    found = [i for i, p in enumerate(parts) if _is(p, "ones")]
    others = [t for i, t in enumerate(node.args) if i not in found]
    if len(found) != 1 or not others or any(t.kind != node.kind for t in node.args):
        return None
    if all(_is(p, "I") or _is(p, "ones") for p in parts):
        return None
    return found[0]


def _scale(layout: Forms, node: Apply) -> Piece:
    return layout.product(node)


def _matmul(layout: Forms, node: Apply) -> Piece:
    return Piece(PRODUCT, (Hole(node.args[0], PRODUCT), BESIDE, Hole(node.args[1], POWER)))


def _transpose(layout: Forms, node: Apply) -> Piece:
    (a,) = node.args
    if layout.looks_into(a, "inv"):
        return layout.form("inverse transpose", *a.children)
    if layout.looks_into(a, "conj"):
        return layout.form("conjugate transpose", *a.children)
    return layout.form("transpose", a)


def _power(layout: Forms, node: Apply) -> Piece:
    base, exponent = node.args
    dotted = node.kind != "scalar"
    if isinstance(exponent, Number):
        if inverse_power(node) is not None:
            return layout.product(node)
        out = layout.powered(base, exponent.value, dotted)
        return out if isinstance(out, Piece) else layout.piece(out)
    return layout.form("dot power" if dotted else "power", layout.raisable(base), exponent)


def _matrix_power(layout: Forms, node: Apply) -> Piece:
    (a,), (k,) = node.args, node.params
    spelled = layout.notation.forms["inv"][0] == ATOM
    if layout.looks_into(a, "inv"):
        inside = a.children[0]
        if spelled and not isinstance(inside, Symbol):
            return layout.form("power", a, str(k))
        raised = {2: "inverse square", 3: "inverse cube"}.get(k, "")
        if raised in layout.notation.forms:
            return layout.form(raised, inside)
        return layout.form("power", inside, layout.notation.literal(f"-{k}"))
    if spelled and layout.looks_into(a, "transpose"):
        return Piece(POWER, (Hole(a, POSTFIX), f"^{k}"))
    out = layout.powered(a, k, dotted=False)
    return out if isinstance(out, Piece) else layout.piece(out)


def _raised_matrix(layout: Forms, node: Apply) -> Piece:
    """A^k; the exponent is in braces in LaTeX, in parentheses elsewhere if it is no name."""
    A, p = node.args
    return layout.form("power", layout.raisable(A), p)


def _hadamard(layout: Forms, node: Apply) -> Piece:
    a, b = node.args
    for top, bottom in ((a, b), (b, a)):
        inverse = None if bottom in layout.names else inverse_power(bottom)
        if inverse is not None and not (top is b and inverse_power(b)):
            return layout.form("dot over", _leading(layout, top, "hadamard"), layout.powered(*inverse, dotted=True))
    return layout.form("hadamard", _leading(layout, a, "hadamard"), b)


def _kron(layout: Forms, node: Apply) -> Piece:
    a, b = node.args
    infix = layout.notation.forms["kron"][0] == MIXED
    return layout.form("kron", _leading(layout, a, "kron", "kronv") if infix else a, b)


def _leading(layout: Forms, node: Node, *same: str) -> Node | Piece:
    """The left operand of ⊙ or ⊗: a chain of the same goes on, all else keeps parentheses for the reader."""
    goes_on = any(layout.looks_into(node, name) for name in same)
    return node if goes_on else Piece(ATOM, (Hole(node, POWER),))


SPECIAL: dict[str, Callable[[Forms, Apply], Piece]] = {
    "add": lay_sum,
    "scale": _scale,
    "matmul": _matmul,
    "transpose": _transpose,
    "power": _power,
    "mpow": _matrix_power,
    "mpower": _raised_matrix,
    "hadamard": _hadamard,
    "kron": _kron,
    "kronv": _kron,
    "hcat": blocks,
    "vcat": blocks,
    "entry": _entry,
    "getrow": _line,
    "getcol": _line,
    "slice": _slice,
}
