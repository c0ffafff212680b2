"""Values computed in the memory of an argument: `np.tanh(Z, out=Z)`, `R -= X`, `H += kron(B, A)`.

NumPy reuses the memory of temporaries in sums and products by itself, from 256 kB on, but not that of arrays with
a name, of views, of what is subtracted from something, and of arguments of functions.
"""

from __future__ import annotations

from fractions import Fraction

from matdiff.codegen.emit.pieces import MAX_INLINE, Code, Emitting, as_kind, suffix
from matdiff.codegen.kernels import (
    ADD_BLOCKS,
    ADD_BROADCAST,
    ADD_DIAGONAL,
    BLOCKS,
    BROADCAST,
    CHOLESKY_INVERSE,
    EYE_KRON,
    KHATRI_RAO,
    KRON_EYE,
    PLUS,
    SCALE_COLUMNS,
    SCALE_ROWS,
)
from matdiff.core.node import Apply, Node, Number
from matdiff.ops.algebra import ADD, HADAMARD, MATMUL, POWER, SCALE, is_op
from matdiff.ops.kronecker import kron

SCALED = {HADAMARD: (0, 1), SCALE: (1,), SCALE_ROWS: (1,), SCALE_COLUMNS: (0,)}
"""Products entry by entry, and which arguments may have the size of the value."""
NEW = frozenset({*SCALED, ADD, PLUS, POWER, MATMUL, CHOLESKY_INVERSE, ADD_DIAGONAL})
"""Functions whose value is a new array."""
VIEWS = frozenset({kron, KRON_EYE, EYE_KRON, KHATRI_RAO, BLOCKS, ADD_BLOCKS, BROADCAST, ADD_BROADCAST})
"""Functions whose value is a view of a new array that is row-major."""


def spare(em: Emitting, a: Node) -> bool:
    """Is it an array that the function makes itself and reads in one place?  A definition keeps its value."""
    if not isinstance(a, Apply) or em.uses[a] != 1:
        return False
    return a.op in NEW or a.op in VIEWS or is_entrywise(a)


def is_entrywise(a: Apply) -> bool:
    return a.op.elementwise and len(a.args) == 1


def rank(a: Node) -> int:
    """The number of dimensions whose product is its size."""
    return sum(len(d.terms[0][0]) for d in (a.rows, a.cols) if d.terms)


def in_place(em: Emitting, node: Apply) -> Code | None:
    """The value in the memory of an argument; None where none is to spare or nothing is gained.

    Only arrays of the size of the function's largest are worth lines of their own.
    """
    if node.kind == "scalar" or rank(node) < em.largest:
        return None
    if node.op is ADD or node.op is PLUS:
        return total(em, node)
    if node.op is POWER:
        return raised(em, node)
    if node.op in SCALED:
        return scaled(em, node)
    return applied(em, node) if is_entrywise(node) else None


def fits(em: Emitting, a: Node, node: Node) -> bool:
    return a.kind == node.kind and spare(em, a)


def is_named(em: Emitting, a: Node) -> bool:
    return em.code[a].text.isidentifier()


def memory(em: Emitting, code: Code, node: Node) -> str:
    """The name of an array that becomes the value of the node."""
    return em.named(code, em.wish.get(node, "")).text


def applied(em: Emitting, node: Apply) -> Code | None:
    """A function of the library."""
    (a,) = node.args
    if not fits(em, a, node) or not em.backend.template(node.op).startswith(("np.", "scipy.special.")):
        return None
    name = memory(em, em.code[a], node)
    em.code[a] = Code(name)
    em.lines.append(f"{em.template_code(node).text[:-1]}, out={name})")
    return Code(name)


def total(em: Emitting, node: Apply) -> Code | None:
    """A sum in the memory of a term that has a name or is a view, or of one that is subtracted from the others."""
    minus = [(a, code) for a in node.args if (code := em.negated(a)) is not None]
    plus = [(a, em.code[a]) for a in node.args if em.negated(a) is None]
    own = sorted((t for t in plus if fits(em, t[0], node)), key=lambda t: not is_named(em, t[0]))
    if own and (is_named(em, own[0][0]) or is_view(own[0][0]) or is_long(em, node)):
        name = memory(em, own[0][1], node)
        plus.remove(own[0])
    elif plus and not own and (less := next((t for t in minus if fits(em, subtracted(t[0]), node)), None)):
        name = memory(em, less[1], node)
        minus.remove(less)
        em.lines.append(f"np.subtract({term(em, *plus.pop(0), node)}, {name}, out={name})")
    else:
        return None
    em.lines += [f"{name} += {term(em, *t, node)}" for t in plus]
    em.lines += [f"{name} -= {term(em, *t, node)}" for t in minus]
    return Code(name)


def is_view(a: Node) -> bool:
    return isinstance(a, Apply) and a.op in VIEWS


def is_row_major(a: Node) -> bool:
    """A sum is if all terms are."""
    if is_op(a, SCALE):
        return is_row_major(a.children[1])
    return is_view(a) or is_op(a, MATMUL) or (is_op(a, ADD) and all(map(is_row_major, a.children)))


def is_long(em: Emitting, node: Apply) -> bool:
    """Would the sum get a name anyway?"""
    return em.uses[node] > 1 or node in em.wish or sum(len(em.code[a].text) + 3 for a in node.args) > MAX_INLINE


def subtracted(a: Node) -> Node:
    """The A of -A; a multiple by another number is an array of its own."""
    return a.args[1] if isinstance(a, Apply) and isinstance(s := a.args[0], Number) and s.value == -1 else a


def term(em: Emitting, a: Node, code: Code, node: Node) -> str:
    return as_kind(em, code, a.kind, node.kind if a.kind != "scalar" else "scalar").text


def raised(em: Emitting, node: Apply) -> Code | None:
    """A whole power of an array that has a name."""
    a, p = node.args
    if not (
        isinstance(p, Number) and isinstance(p.value, int) and p.value > 1 and fits(em, a, node) and is_named(em, a)
    ):
        return None
    name = memory(em, em.code[a], node)
    em.lines.append(f"{name} **= {p.value}")
    return Code(name)


def scaled(em: Emitting, node: Apply) -> Code | None:
    """A product entry by entry with an array that has a name."""
    slot = next((i for i in SCALED[node.op] if fits(em, node.args[i], node) and is_named(em, node.args[i])), None)
    if slot is None:
        return divided(em, node)
    name, s = memory(em, em.code[node.args[slot]], node), node.args[1 - slot]
    em.lines.append(scaling(em, node, name, s))
    return Code(name)


def divided(em: Emitting, node: Apply) -> Code | None:
    """A quotient whose denominator is an array that has a name."""
    for i in SCALED[node.op]:
        below = em.reciprocal(node.args[i])
        if below is not None and fits(em, a := node.args[i].children[0], node) and is_named(em, a):
            name = memory(em, em.code[a], node)
            above = beside(em, node, node.args[1 - i], em.code[node.args[1 - i]])
            em.lines.append(f"np.divide({above.text}, {below.text}, out={name})")
            return Code(name)
    return None


def scaling(em: Emitting, node: Apply, name: str, s: Node) -> str:
    """The line that multiplies an array by something."""
    if isinstance(s, Number) and s.value == -1:
        return f"np.negative({name}, out={name})"
    if isinstance(s, Number) and isinstance(s.value, Fraction) and abs(s.value.numerator) == 1:
        return f"{name} /= {s.value.numerator * s.value.denominator}"
    below = em.reciprocal(s)
    code = beside(em, node, s, em.code[s] if below is None else below)
    return f"{name} {'*=' if below is None else '/='} {code.text}"


def beside(em: Emitting, node: Apply, s: Node, code: Code) -> Code:
    """The other argument of a product entry by entry, of the shape that NumPy spreads over the array."""
    if node.op is SCALE_ROWS:
        return suffix(code, "[:, None]")
    return as_kind(em, code, s.kind, node.kind) if node.op is HADAMARD else code
