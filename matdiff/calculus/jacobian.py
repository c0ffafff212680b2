"""The third reading of a linear map: its matrix, vec(dF) = J vec(dX) (Magnus & Neudecker 2019, ch. 9)."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.calculus.adjoint import adjoint, dependent
from matdiff.core.node import Apply, Node, Symbol, number
from matdiff.core.shape import ZERO, Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known, closure
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import ADD, MATMUL, SCALE, add, is_op, matmul, matrix_product, scale, transpose
from matdiff.ops.constants import commutation, duplication, eye, ones, unit, zeros
from matdiff.ops.indexing import HCAT, VCAT, slice_
from matdiff.ops.kronecker import kron_of, over, under
from matdiff.ops.linalg import inv, pinv
from matdiff.ops.matrix_functions import MPOWER, expm, logm
from matdiff.ops.structure import HALF, Diag, tril, triu, unvec, vec

MOST = 64
"""Most terms into which a sum that stands before a vector is taken apart."""


def jacobian(value: Node, dX: Symbol) -> Node:
    """The matrix J of a `value` linear in dX; for a scalar dX the derivative, of the shape of the value."""
    if dX.kind == "scalar":
        return substitute(value, {dX: number(1)}, into_bodies=True)
    size = dX.rows * dX.cols
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
    reading = READINGS.get(node.op.name)
    if reading is None or (node.op is not SCALE and any(a in J and a.kind == "scalar" for a in node.args)):
        raise UnsupportedError(f"the matrix of {node.op.name} is not known; use .jvp and .vjp, which need none")
    parts = [
        matmul(reading(node, slot), J[a]) if a.kind != "scalar" else _scaled(node, J[a]) for slot, a in _moving(node, J)
    ]
    return parts[0] if len(parts) == 1 else add(*parts)


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
        left, right = V.children if is_op(V, MATMUL) else (V, V)
        if is_op(V, ADD) and len(terms) + len(waiting) + len(V.children) <= MOST:
            waiting += [(front, part, w) for part in reversed(V.children)]
        elif right not in J:
            waiting.append((front, left, matmul(right, w)))
        elif left not in J:
            waiting.append(([*front, left], right, w))
        else:
            A = matrix_product([*front, eye(V.rows)])
            diagonal = is_op(V, Diag)
            terms.append(matmul(matmul(A, Diag(w)), J[V.children[0]]) if diagonal else matmul(kron_of(w.T, A), J[V]))
    return add(*terms) if terms else zeros("matrix", node.rows, next(iter(J.values())).cols)


def _moving(node: Apply, J: dict[Node, Node]) -> list[tuple[int, Node]]:
    return [(i, a) for i, a in enumerate(node.args) if a in J]


def _scaled(node: Apply, row: Node) -> Node:
    """s(V) A by V: vec(A) times the row of s."""
    return matmul(vector_of(node.args[1]), row)


def vector_of(a: Node) -> Node:
    """vec(A) of anything but a scalar; a row is stood up."""
    return a.T if a.kind == "row" else a if a.kind == "vector" else vec(a)


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


Reading = Callable[[Apply, int], Node]


def _times(node: Apply, slot: int) -> Node:
    """vec(V B) = (Bᵀ ⊗ I) vec V, vec(A V) = (I ⊗ A) vec V."""
    A, B = node.args
    if slot == 0:
        return B.T if A.kind == "row" else kron_of(B.T, eye(A.rows))
    if B.kind == "vector":
        return A
    return kron_of(eye(B.cols), A)


def _transposed(node: Apply, slot: int) -> Node:
    (A,) = node.args
    return commutation(A.rows, A.cols) if A.kind == "matrix" else eye(A.rows * A.cols)


def _kron(node: Apply, slot: int) -> Node:
    """vec(A ⊗ B) = (I ⊗ K ⊗ I)(vec A ⊗ vec B) (Magnus & Neudecker 2019, thm 3.10)."""
    A, B = node.args
    other = kron_of(eye(A.rows * A.cols), vector_of(B)) if slot == 0 else kron_of(vector_of(A), eye(B.rows * B.cols))
    return matmul(shuffle(A.rows, A.cols, B.rows, B.cols), other)


def _khatrirao(node: Apply, slot: int) -> Node:
    """A ⊙ B, columns paired, is (A ⊗ 1) ∘ (1 ⊗ B), each factor of which has one matrix for all columns."""
    A, B = node.args
    other = under(B, A.rows) if slot == 0 else over(A, B.rows)
    ones_ = ones("vector", (B if slot == 0 else A).rows)
    repeated = kron_of(eye(A.rows), ones_) if slot == 0 else kron_of(ones_, eye(B.rows))
    return matmul(Diag(vec(other)), kron_of(eye(A.cols), repeated))


def shuffle(m: Dim, n: Dim, p: Dim, q: Dim) -> Node:
    return kron_of(kron_of(eye(n), commutation(q, m)), eye(p))


def _blockwise(node: Apply, slot: int, m: Dim, n: Dim, p: Dim, q: Dim) -> Node:
    """The pq×mn matrix whose column ij is vec of the block Y_ij."""
    Y = node.args[slot]
    return unvec(matmul(transpose(shuffle(m, n, p, q)), vec(Y)), params=(p * q, m * n))


def _unkron_left(node: Apply, slot: int) -> Node:
    B = node.args[1]
    m, n = node.params
    if slot == 1:
        return transpose(_blockwise(node, 0, m, n, B.rows, B.cols))
    return transpose(matmul(shuffle(m, n, B.rows, B.cols), kron_of(eye(m * n), vec(B))))


def _unkron_right(node: Apply, slot: int) -> Node:
    A = node.args[0]
    p, q = node.params
    if slot == 0:
        return _blockwise(node, 1, A.rows, A.cols, p, q)
    return transpose(matmul(shuffle(A.rows, A.cols, p, q), kron_of(vec(A), eye(p * q))))


def _divided(name: str) -> Reading:
    """The matrix of a Fréchet map: the corner of f([I⊗A, I; 0, Aᵀ⊗I]), whose blocks commute (Higham 2008, §3.2)."""

    def reading(node: Apply, slot: int) -> Node:
        A, _, *p = node.args
        left, right, one = kron_of(eye(A.rows), A), kron_of(A.T, eye(A.rows)), eye(A.rows * A.rows)
        function: Callable[..., Node] = {"expm": expm, "logm": logm, "mpower": MPOWER}[name]
        whole = function(VCAT(HCAT(left, one), HCAT(zeros("matrix", one.rows, one.rows), right)), *p)
        return slice_(whole, ZERO, one.rows, one.rows, one.rows + one.rows)

    return reading


def _sylvester(node: Apply, slot: int) -> Node:
    A, B, _ = node.args
    return inv(kron_of(eye(B.rows), A) + kron_of(B.T, eye(A.rows)))


def _window(node: Apply, slot: int) -> Node:
    """A block V[r0:r1, c0:c1] is S V Cᵀ with slices of I."""
    (A,) = node.args
    r0, r1, c0, c1 = node.params
    left, right = slice_(eye(A.rows), r0, r1, ZERO, A.rows), slice_(eye(A.cols), c0, c1, ZERO, A.cols)
    return left if A.kind == "vector" else kron_of(right, left)


def lower_triangle(n: Dim) -> Node:
    """D′ Diag(vec(tril(ones))), the matrix of vech: the lower triangle mirrored is taken apart by D′ unchanged."""
    return matmul(duplication(n).T, Diag(vec(tril(ones("matrix", n, n)))))


def _vech(node: Apply, slot: int) -> Node:
    """D⁺ where the argument is symmetric (Magnus & Neudecker 2019, §3.8)."""
    (A,) = node.args
    return pinv(duplication(A.rows)) if "symmetric" in Known()(A) else lower_triangle(A.rows)


def _half(sign: int) -> Reading:
    def reading(node: Apply, slot: int) -> Node:
        n = node.rows
        return scale(HALF, add(eye(n * n), scale(number(sign), commutation(n, n))))

    return reading


READINGS: dict[str, Reading] = {
    "add": lambda node, slot: eye(node.rows * node.cols),
    "scale": lambda node, slot: scale(node.args[0], eye(node.rows * node.cols)),
    "matmul": _times,
    "transpose": _transposed,
    "hadamard": lambda node, slot: Diag(vector_of(node.args[1 - slot])),
    "diag": lambda node, slot: matmul(kron_of(ones("vector", node.rows).T, eye(node.rows)), Diag(vec(eye(node.rows)))),
    "Diag": lambda node, slot: matmul(Diag(vec(eye(node.rows))), kron_of(ones("vector", node.rows), eye(node.rows))),
    "vec": lambda node, slot: eye(node.rows),
    "vech": _vech,
    "unvech": lambda node, slot: duplication(node.rows),
    "unvec": lambda node, slot: eye(node.rows * node.cols),
    "getrow": lambda node, slot: kron_of(eye(node.rows), unit(node.args[0].rows, node.params[0]).T),
    "getcol": lambda node, slot: kron_of(unit(node.args[0].cols, node.params[0]).T, eye(node.rows)),
    "kron": _kron,
    "kronv": lambda node, slot: (
        kron_of(eye(node.args[0].rows), node.args[1]) if slot == 0 else kron_of(node.args[0], eye(node.args[1].rows))
    ),
    "khatrirao": _khatrirao,
    "unkron_left": _unkron_left,
    "unkron_right": _unkron_right,
    "tril": lambda node, slot: Diag(vec(tril(ones("matrix", node.rows, node.rows)))),
    "triu": lambda node, slot: Diag(vec(triu(ones("matrix", node.rows, node.rows)))),
    "sym": _half(1),
    "skew": _half(-1),
    "slice": _window,
    "frechet_expm": _divided("expm"),
    "frechet_logm": _divided("logm"),
    "frechet_mpower": _divided("mpower"),
    "sylvester": _sylvester,
}
"""The matrix of each linear function in one argument, the others fixed."""


def free_entries(X: Symbol) -> Node | None:
    """The P with vec(dX) = P u, u the free entries of dX: vech(dX), vech(dX′) of an upper triangle, diag(dX).

    None where all entries are free.  Raises UnsupportedError for a set without such entries.
    """
    known = closure(X.attributes)
    n = X.rows
    if "diagonal" in known:
        return matmul(Diag(vec(eye(n))), kron_of(ones("vector", n), eye(n)))
    if "symmetric" in known:
        return duplication(n)
    if "lower" in known:
        return lower_triangle(n).T
    if "upper" in known:
        return matmul(commutation(n, n), lower_triangle(n).T)
    if known & {"skew", "orthogonal", "unit"}:
        raise UnsupportedError(
            f"the entries of {X.name} are not free: a Jacobian by free entries is for symmetric, diagonal and "
            "triangular variables"
        )
    return None
