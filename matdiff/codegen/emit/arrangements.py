"""How entries, slices, blocks, diagonals and Kronecker structure are written in Python."""

from __future__ import annotations

from matdiff.codegen.emit.memory import is_row_major, spare
from matdiff.codegen.emit.pieces import FLAT, Emitting, as_kind, binary, call, flat, suffix
from matdiff.codegen.emit.templates import ATOM, MAX_INLINE, PRODUCT, Code, template
from matdiff.core.node import Apply, Node


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
