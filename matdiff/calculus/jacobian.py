"""The third reading of a linear map: its matrix, vec(dF) = J vec(dX) (Magnus & Neudecker 2019, ch. 9)."""

from __future__ import annotations

from matdiff.calculus.adjoint import adjoint, dependent
from matdiff.core.node import Apply, Node, Symbol, number, symbol, topological
from matdiff.core.op import columns
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known, closure
from matdiff.graph.rewrite import inline, rebuild, substitute
from matdiff.ops.algebra import ADD, MATMUL, SCALE, TRANSPOSE, add, matmul, matrix_product, scale
from matdiff.ops.constants import commutation, duplication, eye, zeros
from matdiff.ops.indexing import HCAT, VCAT
from matdiff.ops.kronecker import kron_of
from matdiff.ops.linalg import pinv
from matdiff.ops.sets import CURVED
from matdiff.ops.structure import Diag, diagonal_matrix, lower_triangle, vech, vector_of
from matdiff.ops.unknown import Unknown, contracted

MOST = 64
"""Most terms into which a sum that stands before a vector is taken apart."""


def jacobian(value: Node, dX: Symbol) -> Node:
    """The matrix J of a `value` linear in dX; for a scalar dX the derivative, of the shape of the value."""
    if dX.kind == "scalar":
        return substitute(value, {dX: number(1)}, into_bodies=True)
    size = dX.rows * dX.cols
    value = straightened(value, dX)
    order = dependent(value, [dX])
    if not order:
        return zeros("row", cols=size) if value.kind == "scalar" else zeros("matrix", value.rows * value.cols, size)
    below, needed = set(order), {value}
    for node in reversed(order):
        if node in needed and node.kind != "scalar":
            needed.update(c for c in node.children if c in below)
    J: dict[Node, Node] = {}
    for node in order:
        if node in needed:
            J[node] = _matrix(node, dX, J)
    return J[value]


def straightened(value: Node, dX: Symbol) -> Node:
    """Second derivatives of unknown functions that are paired with a vector as matrices: h''(x)[V]ᵀy = h''(x)*[y] V."""
    turned: dict[Node, Node] = {}
    if not any(isinstance(n, Apply) and isinstance(n.op, Unknown) and n.op.blocks for n in topological(value)):
        return value
    value = inline(value)
    order = dependent(value, [dX])
    below = set(order)
    for node in order:
        if node.op is MATMUL and node.kind == "vector":
            left, w = node.children
            if (product := _through(left, w, below)) is not None:
                turned[node] = product
    return substitute(value, turned)


def _through(left: Node, w: Node, below: set[Node]) -> Node | None:
    """A U B w for a U = h''(x)[V] or its transpose, as a matrix times V; sums of such terms by term, up to MOST."""
    terms: list[Node] = []
    found = False
    waiting: list[tuple[list[Node], Node, bool, Node]] = [([], left, False, w)]
    while waiting:
        front, U, turned, w = waiting.pop()
        if w in below or U not in below or len(waiting) + len(terms) > MOST:
            return None
        if U.op is TRANSPOSE:
            waiting.append((front, U.children[0], not turned, w))
        elif U.op is ADD:
            waiting += [(front, part, turned, w) for part in reversed(U.children)]
        elif U.op is SCALE and U.children[0] not in below:
            waiting.append((front, U.children[1], turned, scale(U.children[0], w)))
        elif U.op is MATMUL:
            A, B = U.children[::-1] if turned else U.children
            before, after = (A.T, B.T) if turned else (A, B)
            waiting.append((front, A, turned, matmul(after, w)) if A in below else ([*front, before], B, turned, w))
        else:
            through = contracted(U, w, turned)
            found = found or through is not None
            factors = [U.T if turned else U, w] if through is None else [through, U.children[-1]]
            terms.append(matrix_product([*front, *factors]))
    return add(*terms) if found else None


def _matrix(node: Node, dX: Symbol, J: dict[Node, Node]) -> Node:
    if node is dX:
        return eye(dX.rows * dX.cols)
    if node.kind == "scalar":
        return vector_of(adjoint(node, number(1), [dX])[dX]).T
    if isinstance(node, Symbol):
        assert node.body is not None
        return J[node.body]
    assert isinstance(node, Apply)
    if node.op is MATMUL and node.kind == "vector" and node.args[0] in J:
        return _on_vector(node, J)
    if node.op.name in ("hcat", "vcat"):
        return _blocks(node, dX, J)
    parts = [_part(node, slot, a, J) for slot, a in _moving(node, J)]
    return parts[0] if len(parts) == 1 else add(*parts)


def _part(node: Apply, slot: int, a: Node, J: dict[Node, Node]) -> Node:
    """What one argument brings in: M J; of a scalar argument s, the value at 1 times the row of s."""
    if a.kind != "scalar":
        return matmul(reading(node, slot), J[a])
    at_one = rebuild(node, (*node.args[:slot], number(1), *node.args[slot + 1 :]))
    return matmul(vector_of(at_one), J[a])


def _on_vector(node: Apply, J: dict[Node, Node]) -> Node:
    """The matrix of A V B c by V, with w = B c one vector: wᵀ ⊗ A, but A Diag(w) by u for V = Diag(u).

    A sum in the place of V is taken apart, into MOST terms.
    """
    terms: list[Node] = []
    V, w = node.args
    waiting: list[tuple[list[Node], Node, Node]] = [([], V, w)]
    while waiting:
        front, V, w = waiting.pop()
        if V not in J:  # a term of a differential without dX is 0
            continue
        left, right = V.children if V.op is MATMUL else (V, V)
        if V.op is ADD and len(terms) + len(waiting) + len(V.children) <= MOST:
            waiting += [(front, part, w) for part in reversed(V.children)]
        elif right not in J:
            waiting.append((front, left, matmul(right, w)))
        elif left not in J:
            waiting.append(([*front, left], right, w))
        else:
            A = matrix_product([*front, eye(V.rows)])
            diagonal = V.op is Diag
            terms.append(matmul(matmul(A, Diag(w)), J[V.children[0]]) if diagonal else matmul(kron_of(w.T, A), J[V]))
    return add(*terms) if terms else zeros("matrix", node.rows, next(iter(J.values())).cols)


def _moving(node: Apply, J: dict[Node, Node]) -> list[tuple[int, Node]]:
    return [(i, a) for i, a in enumerate(node.args) if a in J]


def _blocks(node: Apply, dX: Symbol, J: dict[Node, Node]) -> Node:
    """Side by side, vecs are stacked; one above the other, the transposes are side by side."""
    size = dX.rows * dX.cols
    column = node.kind == "vector"
    stacked = []
    for a in node.args:
        part = J.get(a)
        if part is None:
            part = zeros("matrix", a.rows * a.cols, size)
        elif node.op is VCAT and not column and a.kind == "matrix":
            part = matmul(commutation(a.rows, a.cols), part)
        stacked.append(part)
    whole = VCAT(*stacked)
    return whole if node.op is HCAT or column else matmul(commutation(node.cols, node.rows), whole)


def reading(node: Apply, slot: int) -> Node:
    """The matrix of one linear function in one argument, the others fixed.

    As its record has it, D⁺ for vech of a symmetric argument (Magnus & Neudecker 2019, §3.8); else
    from its definition, or by what its code makes of the columns of I.
    Raises UnsupportedError where there is none of them.
    """
    op = node.op
    if op is vech and "symmetric" in Known()(node.args[0]):
        return pinv(duplication(node.args[0].rows))
    if op.matrix is not None:
        return op.matrix(node, slot)
    if op.definition is not None:
        formal = tuple(symbol(f"_{i}", a.kind, a.rows, a.cols) for i, a in enumerate(node.args))
        body = jacobian(op.definition(*formal, *node.params), formal[slot])
        return substitute(body, dict(zip(formal, node.args, strict=True)))
    V = node.args[slot]
    mapped = columns(op, slot, V.kind)
    if mapped is None:
        raise UnsupportedError(f"the matrix of {op.name} is not known; use .jvp and .vjp, which need none")
    params = (*node.params, V.rows, V.cols) if mapped.dims else node.params
    return mapped.matrix_at(node.args, params, V.rows * V.cols)


def free_entries(X: Symbol) -> Node | None:
    """The P with vec(dX) = P u, u the free entries of dX: vech(dX), vech(dX′) of an upper triangle, diag(dX).

    None where all entries are free.  Raises UnsupportedError for a set without such entries.
    """
    known = closure(X.attributes)
    n = X.rows
    if "diagonal" in known:
        return diagonal_matrix(n)
    if "symmetric" in known:
        return duplication(n)
    if "lower" in known:
        return lower_triangle(n).T
    if "upper" in known:
        return matmul(commutation(n, n), lower_triangle(n).T)
    if known & {"skew", *CURVED}:
        raise UnsupportedError(
            f"the entries of {X.name} are not free: a Jacobian by free entries is for symmetric, diagonal and "
            "triangular variables"
        )
    return None
