"""What each operator makes of the types of its arguments; dimensions that must agree become equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from matdiff.core.node import Kind, Node
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.inference.arrows import derives
from matdiff.inference.calls import call_type, check_call
from matdiff.inference.literals import literal, size, whole
from matdiff.inference.misfit import Misfit
from matdiff.inference.types import Solver, Type
from matdiff.ops.indexing import column_at, entry_at, row_at, slice_
from matdiff.text.tree import DETERMINANT, ENTRIES, EQUATED, SPREAD_VECTOR, SQUARE, Tree, walk

if TYPE_CHECKING:
    from matdiff.inference.types import Checking

# `x[i]`, `A[i,j]`, `A[i,:]`, `A[i:j,k:l]`: indices count from 1; `x[n]` of a vector of length n is its last entry.


def index_type(c: Checking, t: Tree, a: Type) -> Type:
    subscripts = t.args[1:]
    wanted = {"vector": 1, "matrix": 2, "row": 2}.get(a[0], 0)
    if len(subscripts) != wanted:
        if not wanted:
            raise Misfit(t, "{0} has no entries", (a,))
        hint = "write {0}[i,j], {0}[i,:] or {0}[:,j]" if wanted == 2 else "write {0}[i]"
        raise Misfit(t, f"{{0}} takes {wanted} ind{'ex' if wanted == 1 else 'ices'}, not {len(subscripts)}", (a,), hint)
    spans = [_extent(s, d) for s, d in zip(subscripts, map(c.solver.value, (a[1], a[2])), strict=False)]
    if wanted == 1:
        return ("scalar", ONE, ONE) if spans[0] is None else ("vector", spans[0], ONE)
    rows, cols = spans
    if rows is None or cols is None:
        length = cols if rows is None else rows
        return ("scalar", ONE, ONE) if length is None else ("vector", length, ONE)
    return "matrix", rows, cols


def _extent(s: Tree, dim: Dim) -> Dim | None:
    """How many a subscript takes; None for a single one."""
    if s.head == "slice":
        low, high = _bounds(s, dim)
        return high - low
    if dim.number is None and s.head in ("name", "+", "*") and literal(s) is None and size(s) is dim:
        return None
    try:
        i = whole(s, "an index", hint="one entry is x[1]; sums over an index are written x'*y, sum(x), tr(A*B)")
        if dim.number is not None and i > dim.number:
            raise ShapeError(f"index {i} is out of range: there are {dim}, counted from 1")
    except MatdiffError as error:
        error.span = s.span
        raise
    return None


def _bounds(s: Tree, dim: Dim) -> tuple[Dim, Dim]:
    """Half-open and from 0."""
    if not s.args:
        return ZERO, dim
    first, last = s.args
    low, high = size(first) - ONE, size(last)
    if low.number is not None and high.number is not None and low.number >= high.number:
        raise ShapeError(f"the slice {low + ONE}:{high} is empty")
    if high.number is not None and dim.number is not None and high.number > dim.number:
        raise ShapeError(f"the slice {low + ONE}:{high} is out of range: there are {dim}, counted from 1")
    return low, high


def index_node(t: Tree, a: Node) -> Node:
    subscripts = t.args[1:]
    if len(subscripts) == 1:
        s = subscripts[0]
        return slice_(a, *_bounds(s, a.rows)) if s.head == "slice" else entry_at(a, size(s))
    rows, cols = subscripts
    if rows.head == "slice" and cols.head == "slice":
        return slice_(a, *_bounds(rows, a.rows), *_bounds(cols, a.cols))
    if rows.head != "slice" and cols.head != "slice":
        return entry_at(a, size(rows), size(cols))
    if rows.head == "slice":
        return _part(column_at(a, size(cols)), rows)
    return _part(row_at(a, size(rows)), cols)


def _part(v: Node, s: Tree) -> Node:
    return slice_(v, *_bounds(s, v.rows))


SCALAR: Type = ("scalar", ONE, ONE)
PRODUCT_KIND: dict[tuple[Kind, Kind], Kind] = {
    ("row", "vector"): "scalar",
    ("row", "matrix"): "row",
    ("row", "row"): "row",
    ("matrix", "vector"): "vector",
}
LARGEST = 1e18
"""Exponents of matrices stay below it."""

FLIPPED: dict[Kind, Kind] = {"vector": "row", "row": "vector"}

Handler = Callable[["Checking", Tree, list[Type]], Type]


def no_product(t: Tree, a: Type, b: Type, solver: Solver) -> Misfit:
    """With the transpose that would make the product fit, if one does."""
    hint = ""
    left, right = [(solver.value(d[1]), solver.value(d[2])) for d in (a, b)]
    if a[0] == b[0] == "vector":
        hint = "write {0}'*{1} for the inner product, {0}.*{1} entry by entry, {0}*{1}' for the outer product"
        if t.args[0].head == "name" and t.args[0].value == t.args[1].value:
            hint += f", or declare `{t.args[0].value}: scalar`"
    elif a[0] == "vector":
        hint = "write {0}'*{1} if the row is meant"
    elif left[0] is right[1] and b[0] == "matrix" and all(map(derives, t.args)):
        hint = "the factors of the chain rule stand in the wrong order: outputs left, inputs right, {1}*{0}"
    elif left[0] is right[0] and a[0] == "matrix":
        hint = "did you mean {0}'*{1}?"
    elif left[1] is right[1] and b[0] == "matrix":
        hint = "did you mean {0}*{1}'?"
    return Misfit(t, "cannot multiply {} by {}", (a, b), hint)


def _over(c: Checking, t: Tree, args: list[Type]) -> Type:
    if t.value != "sum" and args[0][0] != "scalar":
        what = "product" if t.value == "prod" else t.value
        raise Misfit(t, f"a {what} over an index takes scalars, not {{}}", (args[0],))
    return args[0]


def _stray(c: Checking, t: Tree, args: list[Type]) -> Type:
    raise ParseError("a range stands behind what is summed", hint="write sum(x_i^2, i=1..N)")


def _sum(c: Checking, t: Tree, args: list[Type]) -> Type:
    if t.mark and t.mark != EQUATED and _spreads(c, t, args):
        return _broadcast(c, t, args)
    first = args[0]
    kind, rows, cols = first
    equate = c.solver.equate
    for i, a in enumerate(args):
        if a is not first:
            if a[0] != first[0] and not c.solver.small.isdisjoint((rows, a[1])):
                raise _no_sum(t, i, first, a, c.solver)
            if (a[1] is not rows and not equate(rows, a[1])) or (a[2] is not cols and not equate(cols, a[2])):
                raise _no_sum(t, i, first, a, c.solver)
            if a[0] != kind:
                kind = "matrix"
    return kind, rows, cols


def _spreads(c: Checking, t: Tree, args: list[Type]) -> bool:
    """Whether this sum of scalars and arrays stands inside a function of entries, and no label tells otherwise."""
    kinds = {a[0] for a in args}
    if len(kinds) < 2 or "scalar" not in kinds or (t.mark == SPREAD_VECTOR and "matrix" in kinds):
        return False
    if any(s.head == "*" and _labelled(c, s) for s in walk(t)):
        return False
    c.spread.append(t)
    return True


def _labelled(c: Checking, t: Tree) -> bool:
    """In log(1 + exp(-y w'x)) and log(1 + exp(-y (w'x + b))) y is more likely a scalar than a vector."""
    types = c.types or {}
    left, right = t.args
    if left not in types or right not in types or types[left][0] != "vector":
        return False
    kind = types[right][0]
    return right.head == "'" if kind == "row" else kind == "scalar" and any(s.head == "'" for s in walk(right))


def _no_sum(t: Tree, i: int, a: Type, b: Type, solver: Solver) -> Misfit:
    hint, right = "", t.args[i]
    minus = right.head == "neg"
    if "scalar" in (a[0], b[0]):
        hint = f"write {{0}} .{'-' if minus else '+'} {{1}} to add the scalar to every entry"
        if "matrix" in (a[0], b[0]):
            hint += ", or multiply it by I"
        if len(t.args) == 2:
            array = t.args[i] if a[0] == "scalar" else t.args[0]
            if array.head == "name":
                hint += f", or declare `{array.value}: scalar`"
    elif {a[0], b[0]} == {"vector", "row"} or [solver.value(d) for d in a[1:]] == [
        solver.value(d) for d in (b[2], b[1])
    ]:
        hint = "one of the two needs a transpose"
    elif {a[0], b[0]} == {"vector", "matrix"}:
        hint = f"write {{{int(b[0] == 'vector')}}}*vector(1)' to add the vector to every column"
    if t.mark == EQUATED:
        what = "{} cannot equal {}"
        hint = hint if "transpose" in hint else "both sides have one shape; `= 0` stands for a zero of any"
        return Misfit(t, what, (a, b), hint, (t.args[0], right.args[0]))
    what = "cannot subtract {1} from {0}" if minus else "cannot add {} and {}"
    return Misfit(t, what, (a, b), hint, (t.args[0], right.args[0] if minus else right))


def _broadcast(c: Checking, t: Tree, args: list[Type]) -> Type:
    """Equal shapes, or a scalar and anything."""
    out = args[0]
    for i, a in enumerate(args):
        if out[0] == "scalar":
            out = a
        elif a[0] != "scalar":
            if (out[0] != a[0] and {out[0], a[0]} != {"row", "matrix"}) or not c.same(out, a):
                raise _no_broadcast(t, i, out, a)
            out = out if out[0] == a[0] else ("matrix", out[1], out[2])
    return out


def _no_broadcast(t: Tree, i: int, a: Type, b: Type) -> Misfit:
    """x .- y' has the difference of all pairs elsewhere."""
    left, right = t.args[0], t.args[i]
    minus = t.head == ".+" and right.head == "neg"
    right = right.args[0] if minus else right
    sign, hint = ".-" if minus else t.head, ""
    if {a[0], b[0]} == {"vector", "row"} and i == 1:
        column, row = ("{0}", "{1}") if a[0] == "vector" else ("{1}", "{0}")
        spread = {column: f"({column}*vector(1)')", row: f"(vector(1)*{row})"}
        pairs = f"{column}*{row}" if sign == ".*" else f"{spread['{0}']} {sign} {spread['{1}']}"
        hint = f"write {pairs} for all pairs of entries"
        if (x := t.args[0] if a[0] == "vector" else right).head == "name":
            hint += f", or declare `{x.value}: scalar`"
    what = f"{sign} takes equal shapes, or a scalar and anything, not {{}} and {{}}"
    return Misfit(t, what, (a, b), hint, (left, right))


def _negative(c: Checking, t: Tree, args: list[Type]) -> Type:
    return args[0]


def _transpose(c: Checking, t: Tree, args: list[Type]) -> Type:
    kind, rows, cols = args[0]
    return FLIPPED.get(kind, kind), cols, rows


def _quotient(c: Checking, t: Tree, args: list[Type]) -> Type:
    """By a scalar, or by a square matrix from the right: A/B is A*inv(B)."""
    a, b = args
    if b[0] == "scalar":
        return a
    if b[0] == "matrix" and a[0] in ("matrix", "row") and not _only_divides(c, t.args[1]):
        if not c.solver.equate(b[1], b[2]) or not c.solver.equate(a[2], b[1]):
            hint = "entry by entry it is {0} ./ {1}, for least squares {0}*pinv({1})"
            raise Misfit(t, "A/B is A*inv(B) with a square B; it cannot take {} and {}", (a, b), hint)
        return a
    raise Misfit(t, "/ divides by a scalar, not by {1}", (a, b), _instead_of_quotient(t.args[1], a[0], b[0]))


def _only_divides(c: Checking, below: Tree) -> bool:
    """Does nothing but its place below the line say what a name in a denominator is?  Then it may well be a number."""
    return bool(c.dividing) and any(t.head == "name" and t.value in c.dividing for t in walk(below))


def _instead_of_quotient(below: Tree, a: Kind, b: Kind) -> str:
    hints = []
    if b == "matrix":
        hints.append("inv({1})*{0}" if a == "vector" else "{0}*inv({1})")
    if a in ("scalar", b):
        hints.append("{0} ./ {1} entry by entry")
    if hints:
        return f"write {', or '.join(hints)}"
    names = {t.value for t in walk(below) if t.head == "name"}
    return f"declare `{names.pop()}: scalar`" if len(names) == 1 and b == "vector" else ""


def _solve(c: Checking, t: Tree, args: list[Type]) -> Type:
    a, b = args
    if a[0] == "scalar":
        return b
    if a[0] != "matrix" or b[0] == "scalar" or not c.solver.equate(a[1], b[1]):
        raise Misfit(t, r"A\b is inv(A)*b with a square A; it cannot take {} and {}", (a, b))
    if not c.solver.equate(a[1], a[2]) and _wide(c.solver.value(a[1]), c.solver.value(a[2])):
        hint = "the shortest solution is pinv({0})*{1}"
        raise Misfit(t, r"A\b has many solutions for a wide A; it cannot take {} and {}", (a, b), hint)
    return PRODUCT_KIND.get((a[0], b[0]), "matrix"), a[2], b[2]


def _wide(rows: Dim, cols: Dim) -> bool:
    return rows.number is not None and cols.number is not None and rows.number < cols.number


def _at(c: Checking, t: Tree, args: list[Type]) -> Type:
    """Python's @: vectors stand as rows on its left and as columns on its right."""
    a, b = args
    if "scalar" in (a[0], b[0]):
        raise Misfit(t, "@ multiplies vectors and matrices, not {} and {}", (a, b), "write {0}*{1} for a multiple")
    if a[0] == "vector" and b[0] == "row":
        both = "write <{0}, {1}'> for the inner product, {0}*{1} for the matrix of all products"
        raise Misfit(t, "a vector @ a transposed vector has two meanings", (a, b), both)
    row = _transpose(c, t, [a]) if a[0] == "vector" else a
    if not c.solver.equate(row[2], b[1]):
        raise no_product(t, a, b, c.solver)
    if a[0] == "vector" and b[0] != "vector":
        return "vector", b[2], ONE
    return PRODUCT_KIND.get((row[0], b[0]), "matrix"), row[1], b[2]


def entries(t: Tree, a: Type, b: Type) -> Misfit:
    """`*` between two arrays in a text whose notation multiplies entry by entry."""
    hint = "write {0} @ {1} for the matrix product, {0} .* {1} for the product entry by entry"
    return Misfit(t, f"`*` between {{}} and {{}} goes entry by entry in {t.value}", (a, b), hint)


def _entry_power(c: Checking, t: Tree, args: list[Type]) -> Type:
    if t.value == "**" and args[0][0] == "matrix":
        both = "write {0}.^{1} entry by entry, as in NumPy, or {0}^{1} for the product of matrices"
        raise Misfit(t, "this power of a matrix has two meanings", tuple(args), both)
    if t.value == "**" and args[1][0] == "matrix" and args[0][0] == "scalar":
        both = (
            "write {0} .^ {1} entry by entry, as in NumPy, or expm(log({0})*{1}) for the function of the whole matrix"
        )
        raise Misfit(t, "this power to a matrix has two meanings", tuple(args), both)
    return _broadcast(c, t, args)


def _kron(c: Checking, t: Tree, args: list[Type]) -> Type:
    return call_type(c, t, "kron", args, ())


def _power(c: Checking, t: Tree, args: list[Type]) -> Type:
    a, p = args
    if p[0] != "scalar":
        raise Misfit(t, "the exponent of ^ must be a scalar, not {1}", (a, p), "write {0} .^ {1} entry by entry")
    if a[0] == "scalar":
        return a
    if a[0] != "matrix":
        hint = "write {0}.^{1} entry by entry"
        if t.args[0].head == "name":
            hint += f", or declare `{t.args[0].value}: scalar`"
        raise Misfit(t, "^ takes a scalar or a square matrix, not {0}", (a, p), hint)
    value = literal(t.args[1])
    if value is not None and not -LARGEST <= value <= LARGEST:
        raise Misfit(t, "the exponent of a matrix is too large", (a, p))
    if not c.solver.equate(a[1], a[2]):
        raise Misfit(t, "a power needs a square matrix, not {0}", (a, p), "write {0}.^{1} entry by entry")
    return a


def _norm(c: Checking, t: Tree, args: list[Type]) -> Type:
    a = args[0]
    if a[0] == "matrix" and t.value in ("1", "2", "inf") and t.mark != ENTRIES:
        offer = {
            "2": "write normF({0}) for the Frobenius norm or sigma_max({0}) for the spectral norm",
            "1": "write norm1({0}) for the sum of the absolute values of all entries",
            "inf": "write norminf({0}) for the largest absolute value of an entry",
        }[str(t.value)]
        raise Misfit(t, f"‖·‖_{t.value} of a matrix has two meanings", (a,), offer)
    return SCALAR


def _inner(c: Checking, t: Tree, args: list[Type]) -> Type:
    a, b = args
    if not c.same(a, b):
        raise Misfit(t, "the inner product needs equal shapes, not {} and {}", (a, b))
    return SCALAR


def _index(c: Checking, t: Tree, args: list[Type]) -> Type:
    return index_type(c, t, args[0])


def _row(c: Checking, t: Tree, args: list[Type]) -> Type:
    """A row of blocks: side by side, equal heights."""
    rows, cols = args[0][1], ZERO
    for i, a in enumerate(args):
        if a[1] is not rows and not c.solver.equate(rows, a[1]):
            what = "blocks side by side need equal row counts, not {} and {}"
            raise Misfit(t, what, (args[0], a), "", (t.args[0], t.args[i]))
        cols = cols + c.solver.value(a[2])
    return args[0] if len(args) == 1 else ("matrix", rows, cols)


def _block(c: Checking, t: Tree, args: list[Type]) -> Type:
    cols, rows = args[0][2], ZERO
    for i, a in enumerate(args):
        if a[2] is not cols and not c.solver.equate(cols, a[2]):
            what = "stacked blocks need equal column counts, not {} and {}"
            raise Misfit(t, what, (args[0], a), "", (t.args[0], t.args[i]))
        rows = rows + c.solver.value(a[1])
    if len(args) == 1:
        return args[0]
    return ("vector" if all(a[0] in ("scalar", "vector") for a in args) else "matrix"), rows, cols


def _abs(c: Checking, t: Tree, args: list[Type]) -> Type:
    kind, rows, cols = args[0]
    if kind == "matrix" and t.mark == DETERMINANT and c.solver.equate(rows, cols):
        return SCALAR
    if kind == "matrix" and t.mark == SQUARE and c.solver.value(rows) is c.solver.value(cols):
        return SCALAR
    if kind in ("matrix", "row"):
        raise Misfit(
            t,
            "|·| of a matrix has two meanings",
            tuple(args),
            "write det({0}) for the determinant or abs({0}) entry by entry",
        )
    return args[0]


def _call(c: Checking, t: Tree, args: list[Type]) -> Type:
    if t.value in ("hcat", "vcat") and args:
        return (_row if t.value == "hcat" else _block)(c, t, args)
    return check_call(c, t, args)


HANDLERS: dict[str, Handler] = {
    "+": _sum,
    ".+": _broadcast,
    "neg": _negative,
    "over": _over,
    "range": _stray,
    "/": _quotient,
    "\\": _solve,
    "@": _at,
    ".*": _broadcast,
    "./": _broadcast,
    "⊗": _kron,
    "^": _power,
    ".^": _entry_power,
    "'": _transpose,
    "norm": _norm,
    "inner": _inner,
    "index": _index,
    "row": _row,
    "block": _block,
    "abs": _abs,
    "call": _call,
}
