"""How each construct of the core vocabulary is written in Python; all other functions have a template."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matdiff.codegen.emit.memory import is_row_major, spare
from matdiff.codegen.emit.pieces import (
    ATOM,
    FLAT,
    MAX_INLINE,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Code,
    Emitting,
    as_kind,
    binary,
    call,
    flat,
    suffix,
    template,
)
from matdiff.core.node import Apply, Constant, Node, Number
from matdiff.ops.algebra import POWER as POWER_OP
from matdiff.ops.algebra import SCALE, TRANSPOSE, is_op

# How entries, slices, blocks, diagonals and Kronecker structure are written in Python.


def entry_code(em: Emitting, node: Apply) -> Code:
    (a,), (i, j) = node.args, node.params
    x = em.code[a]
    if a.kind == "scalar":
        return x
    if a.kind in FLAT:
        return suffix(x, f"[{(i if a.kind == 'vector' else j) - 1}]")
    return suffix(x, f"[{i - 1}, {j - 1}]")


def line_code(em: Emitting, node: Apply) -> Code:
    """A row or a column of anything, as a vector."""
    (a,), (i,) = node.args, node.params
    row = node.op.name == "getrow"
    if a.kind == "scalar":
        return suffix(as_kind(em, em.code[a], "scalar", "matrix"), "[0]")
    if a.kind == "matrix":
        return suffix(em.code[a], f"[{i - 1}]" if row else f"[:, {i - 1}]")
    if (a.kind == "row") == row:
        return em.code[a]
    return suffix(em.code[a], f"[{i - 1}:{i}]")


def slice_code(em: Emitting, node: Apply) -> Code:
    (a,), (r0, r1, c0, c1) = node.args, node.params
    if a.kind == "scalar":
        return as_kind(em, em.code[a], "scalar", node.kind)
    rows, cols = em.span(r0, r1, a.rows), em.span(c0, c1, a.cols)
    if a.kind == "vector":
        return suffix(em.code[a], f"[{rows}]")
    if a.kind == "row":
        return as_kind(em, suffix(em.code[a], f"[{cols}]"), "row", node.kind)
    return suffix(em.code[a], f"[{rows}]" if cols == ":" else f"[{rows}, {cols}]")


def hcat_code(em: Emitting, node: Apply) -> Code:
    blocks = [as_kind(em, em.code[a], a.kind, "matrix").text for a in node.args]
    return _listed(em, node, f"np.concatenate([{', '.join(blocks)}], axis=1)")


def vcat_code(em: Emitting, node: Apply) -> Code:
    if node.kind == "matrix":
        blocks = [as_kind(em, em.code[a], a.kind, "matrix").text for a in node.args]
        return _listed(em, node, f"np.concatenate([{', '.join(blocks)}])")
    if all(a.kind == "scalar" for a in node.args):
        entries = ", ".join(em.code[a].text for a in node.args)
        return _listed(em, node, f"np.array([{entries}], {em.dtype()})")
    return _listed(em, node, f"np.concatenate([{', '.join(flat(em, a).text for a in node.args)}])")


def _listed(em: Emitting, node: Apply, text: str) -> Code:
    return Code(text, ATOM, 1 + max(em.code[a].depth for a in node.args))


def blocks_code(em: Emitting, node: Apply) -> Code:
    """Blocks, or blocks added to a matrix that is not used again."""
    spec = Code('"iaja->aij"' if node.params[0] else '"aiaj->aij"')
    args = [em.code[a] for a in node.args]
    if node.op.name == "add_blocks":
        args[0] = into(em, node.args[0])
    return call(node.op.name, *args, spec)


def add_diagonal_code(em: Emitting, node: Apply) -> Code:
    """A + sI, in place where A is not used again."""
    a, s = node.args
    x, y = em.code[a], em.code[s]
    if em.backend.name != "numpy":
        return template(em.backend.template(node.op)).fill({"0": x, "1": y})
    if not spare(em, a):
        x = suffix(x, ".copy()")
    return call("add_diagonal", x, y)


def broadcast_code(em: Emitting, node: Apply) -> Code:
    """Each factor spread over the indices; where these are fewer than the axes, the rest is zero."""
    axes, _, places, _ = node.params
    adding = node.op.name == "add_broadcast"
    dense = len(set(axes)) == len(axes)
    factors = [spread_code(em, a, at, max(axes) + 1) for a, at in zip(node.args[adding:], places, strict=True)]
    total = factors[0]
    for x in factors[1 : -1 if dense else None]:
        total = binary(total, "*", x, PRODUCT)
    if dense and em.backend.name == "numpy" and len(factors) > 1:
        total = call("np.multiply", total, factors[-1], Code('order="C"'))
    elif dense and len(factors) > 1:
        total = binary(total, "*", factors[-1], PRODUCT)
    if len(total.text) > MAX_INLINE:
        total = em.named(total)
    if not dense:
        return scattered(em, node, total)
    return suffix(total, f".reshape({em.size(node.rows)}, {em.size(node.cols)})")


def spread_code(em: Emitting, a: Node, at: tuple[int, ...], count: int) -> Code:
    """An array with an axis for each index, of length 1 for those that it has not."""
    x = em.code[a] if list(at) == sorted(at) else suffix(em.code[a], ".T")
    if len(at) == count:
        return x
    return suffix(x, f"[{', '.join(':' if i in at else 'None' for i in range(count))}]")


def scattered(em: Emitting, node: Apply, values: Code) -> Code:
    """Values on the places of an array where certain indices agree, or added there."""
    axes, dims, _, _ = node.params
    letters = "ijkl"
    spec = f'"{"".join(letters[i] for i in axes)}->{letters[: max(axes) + 1]}"'
    shape = f"({', '.join(map(em.size, dims))})"
    if node.op.name == "broadcast":
        made = call("scatter", Code(spec), Code(shape), values)
        return suffix(made, f".reshape({em.size(node.rows)}, {em.size(node.cols)})")
    return call("add_scatter", into(em, node.args[0]), Code(spec), Code(shape), values)


def into(em: Emitting, first: Node) -> Code:
    """A row-major matrix that may be overwritten."""
    if em.backend.name == "numpy" and not (spare(em, first) and is_row_major(first)):
        return call("np.array", em.code[first], Code('order="C"'))
    return em.code[first]


MAX_TERMS = 8
MAX_WIDTH = 72


def constant_code(em: Emitting, node: Constant) -> Code:
    sizes = [em.size(d) for d in node.dims]
    match node.name:
        case "pi":
            return Code("np.pi")
        case "size":
            return em.size_code(node.dims[0])
        case "I":
            return Code(f"np.eye({sizes[0]}, {em.dtype()})")
        case "zeros" | "ones":
            flat = node.rows if node.kind == "vector" else node.cols
            shape = em.size(flat) if node.kind in FLAT else f"({em.size(node.rows)}, {em.size(node.cols)})"
            return Code(f"np.{node.name}({shape}, {em.dtype()})")
        case "e":
            return Code(f"unit({sizes[0]}, {node.index - 1}, {em.dtype()})")
        case "K":
            return Code(f"commutation({sizes[0]}, {sizes[1]}, {em.dtype()})")
        case _:
            return Code(f"duplication({sizes[0]}, {em.dtype()})")


# sums


def add_code(em: Emitting, node: Apply) -> Code:
    """A sum; a long one is carried on in a line of its own."""
    total: Code | None = None
    for arg in node.args:
        if total is not None and (total.depth > MAX_TERMS or len(total.text) > MAX_WIDTH):
            total = em.named(total)
        total = plus(em, total, node, arg)
    assert total is not None
    return total


def plus(em: Emitting, total: Code | None, node: Apply, arg: Node) -> Code:
    """One more term; its number's minus sign becomes a subtraction."""
    want = node.kind if arg.kind != "scalar" or node.kind == "scalar" else "scalar"
    negated = None if total is None else em.negated(arg)
    if total is None or negated is None:
        term = as_kind(em, em.code[arg], arg.kind, want)
        return term if total is None else binary(total, "+", term, SUM)
    return binary(total, "-", as_kind(em, negated, arg.kind, want), SUM)


# products


def matmul_code(em: Emitting, node: Apply) -> Code:
    a, b = node.args
    x, y = em.code[a], em.code[b]
    if a.kind == "vector" and b.kind == "row":
        return call("outer" if em.backend.name == "numpy" else "np.outer", x, y)
    if em.backend.name == "jax" and is_op(a, TRANSPOSE) and a.kind == "matrix" and b.kind == "vector":
        # XLA writes out a transpose that is multiplied into a vector.
        return binary(y, "@", em.code[a.children[0]], PRODUCT)
    if a.kind in ("row", "matrix") and b.kind in ("vector", "matrix"):
        return binary(x, "@", y, PRODUCT)
    if a.kind == "vector":
        x = as_kind(em, x, "vector", "matrix")
    if b.kind == "vector":
        y = as_kind(em, y, "vector", "matrix")
    return binary(x, "*", y, PRODUCT)


def scale_code(em: Emitting, node: Apply) -> Code:
    s, a = node.args
    x = em.code[a]
    if isinstance(s, Number):
        if s.value == -1:
            return Code(f"-{x.at(UNARY)}", UNARY, x.depth + 1)
        if isinstance(s.value, Fraction) and abs(s.value.numerator) == 1 and s.value.denominator < 2**53:
            x = x if s.value > 0 else Code(f"-{x.at(UNARY)}", UNARY, x.depth + 1)
            return binary(x, "/", Code(str(s.value.denominator)), PRODUCT)
    if (below := em.reciprocal(s)) is not None:
        return binary(x, "/", below, PRODUCT)
    if (below := em.reciprocal(a)) is not None:
        return binary(em.code[s], "/", below, PRODUCT)
    return binary(em.code[s], "*", x, PRODUCT)


def hadamard_code(em: Emitting, node: Apply) -> Code:
    a, b = node.args
    x = as_kind(em, em.code[a], a.kind, node.kind)
    if a.kind == node.kind == b.kind:
        if (below := em.reciprocal(b)) is not None:
            return binary(x, "/", below, PRODUCT)
        if (below := em.reciprocal(a)) is not None:
            return binary(em.code[b], "/", below, PRODUCT)
    return binary(x, "*", as_kind(em, em.code[b], b.kind, node.kind), PRODUCT)


def inner_code(em: Emitting, node: Apply) -> Code:
    a, b = node.args
    x, y = em.code[a], em.code[b]
    if a.kind in FLAT and b.kind in FLAT:
        return binary(x, "@", y, PRODUCT)
    if a.kind == "scalar" and b.kind == "scalar":
        return binary(x, "*", y, PRODUCT)
    if a.kind != b.kind:
        x, y = as_kind(em, x, a.kind, "matrix"), as_kind(em, y, b.kind, "matrix")
    if em.backend.name == "numpy" and a.kind == b.kind:
        return call("np.vdot", x, y)
    return call("np.sum", binary(x, "*", y, PRODUCT))


def transpose_code(em: Emitting, node: Apply) -> Code:
    (a,) = node.args
    return suffix(em.code[a], ".T") if a.kind == "matrix" else em.code[a]


# powers


def power_code(em: Emitting, node: Apply) -> Code:
    a, p = node.args
    base = em.code[a]
    value = p.value if isinstance(p, Number) else None
    if value in (Fraction(1, 2), 0.5) and a not in em.plain:
        return call("np.sqrt", em.checked("nonnegative", node, a))
    if value in (Fraction(-1, 2), -0.5) and a not in em.plain:
        return binary(Code("1"), "/", call("np.sqrt", em.checked("positive", node, a)), PRODUCT)
    if value == -1:
        return binary(Code("1"), "/", em.checked("nonzero", node, a), PRODUCT)
    if value is not None:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        word = ("" if value > 0 else "nonzero") if whole else ("nonnegative" if value > 0 else "positive")
        base = em.checked(word, node, a)
    elif em.check:
        em.guard("power", node, (a, p))
        base = em.code[a]
    left, right = base.at(ATOM), em.code[p].at(UNARY)
    return Code(f"{left} ** {right}", POWER, 1 + max(base.depth, em.code[p].depth))


def mpow_code(em: Emitting, node: Apply) -> Code:
    return call("np.linalg.matrix_power", em.code[node.args[0]], Code(str(node.params[0])))


FORMS: dict[str, Callable[[Emitting, Apply], Code]] = {
    "add": add_code,
    "plus": add_code,
    "matmul": matmul_code,
    "scale": scale_code,
    "hadamard": hadamard_code,
    "inner": inner_code,
    "transpose": transpose_code,
    "power": power_code,
    "mpow": mpow_code,
    "entry": entry_code,
    "getrow": line_code,
    "getcol": line_code,
    "slice": slice_code,
    "hcat": hcat_code,
    "vcat": vcat_code,
    "add_diagonal": add_diagonal_code,
    "blocks": blocks_code,
    "add_blocks": blocks_code,
    "broadcast": broadcast_code,
    "add_broadcast": broadcast_code,
}


def is_reciprocal(node: Node) -> bool:
    """1/a entry by entry, which a quotient takes in without computing it first."""
    return is_op(node, POWER_OP) and isinstance(p := node.children[1], Number) and p.value == -1


def is_negative_multiple(node: Node) -> bool:
    """c·A with a number c < 0 in front."""
    while is_op(node, SCALE):
        node = node.children[0]
    return isinstance(node, Number) and node.value < 0
