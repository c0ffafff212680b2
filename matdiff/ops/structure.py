"""Linear rearrangements: diagonals, triangles, symmetric parts, vec."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from matdiff.core.node import Apply, Node, number, operators
from matdiff.core.op import Facts, Op, linear, macro, registry
from matdiff.core.shape import Dim, triangle_side
from matdiff.errors import ShapeError
from matdiff.ops.algebra import (
    ADD,
    INSPECTED,
    MPOW,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    matmul,
    matrix_product,
    power,
    product_nodes,
    scale,
    transpose,
)
from matdiff.ops.constants import commutation, duplication, eye, is_eye, is_ones, ones, zeros_like

HALF = number(Fraction(1, 2))


def _triangle(of: Op, n: Dim) -> Node:
    """The entries kept: Diag(vec(tril(ones)))."""
    return Diag(vec(of(ones("matrix", n, n))))


def _diag(node: Apply, slot: int) -> Node:
    (n,) = node.shape
    return matmul(operators["⊗"](ones("vector", n).T, eye(n)), Diag(vec(eye(n))))


def diagonal_matrix(n: Dim) -> Node:
    """The P with vec(Diag(x)) = P x."""
    return matmul(Diag(vec(eye(n))), operators["⊗"](ones("vector", n), eye(n)))


def _half(node: Apply, sign: int) -> Node:
    n = node.rows
    return scale(HALF, add(eye(n * n), scale(number(sign), commutation(n, n))))


def lower_triangle(n: Dim) -> Node:
    """D′ Diag(vec(tril(ones))), the matrix of vech: the lower triangle mirrored is taken apart by D′ unchanged."""
    return matmul(duplication(n).T, _triangle(tril, n))


def vector_of(a: Node) -> Node:
    """vec(A) of anything but a scalar; a row is stood up."""
    return a.T if a.kind == "row" else a if a.kind == "vector" else vec(a)


def _mirrored(np: Any, x: Any, n: int) -> Any:
    """The symmetric matrix whose lower triangle, column by column, is x."""
    out = np.empty((n, n), dtype=x.dtype)
    i, j = np.triu_indices(n)
    out[i, j] = out[j, i] = x[:, 0]
    return out


def _simpler_sym(known: Facts, node: Apply, X: Node) -> Node | None:
    if "skew" in known(X):
        return zeros_like(X)
    return X if "symmetric" in known(X) else None


def _simpler_skew(known: Facts, node: Apply, X: Node) -> Node | None:
    if "symmetric" in known(X):
        return zeros_like(X)
    return X if "skew" in known(X) else None


def _simpler_triangle(known: Facts, node: Apply, X: Node) -> Node | None:
    """The lower triangle of a lower matrix is that matrix, of an upper one its diagonal; and conversely."""
    same, other = ("lower", "upper") if node.op.name == "tril" else ("upper", "lower")
    properties = known(X)
    if same in properties:
        return X
    return Diag(diag(X)) if other in properties else None


def _simpler_Diag(known: Facts, node: Apply, x: Node) -> Node | None:
    """Diag(s v) = s Diag(v), Diag(1) = I, and Diag(diag(D)) = D for a diagonal D."""
    if x.op is SCALE:
        return scale(x.children[0], _simpler_Diag(known, node, x.children[1]) or Diag(x.children[1]))
    if is_ones(x):
        return eye(node.rows)
    if x.op is diag and "diagonal" in known(x.children[0]):
        return x.children[0]
    return None


def _root(a: Node) -> tuple[Node, int]:
    """The D and k of a = D^k, with the inverses and transposes of a diagonal D."""
    exponent = 1
    while True:
        if a.op is registry["inv"]:
            exponent = -exponent
        elif isinstance(a, Apply) and a.op is MPOW:
            exponent *= a.params[0]
        elif a.op is not TRANSPOSE:
            return a, exponent
        a = a.children[0]


def _simpler_diag(known: Facts, node: Apply, a: Node) -> Node | None:
    """diag(Diag v) = v, diag(u vᵀ) = u ⊙ v, diag(A Diag(v) B) = (A ⊙ Bᵀ) v, scalars in front."""
    if a.op is SCALE:
        return scale(a.children[0], diag(a.children[1]))
    if a.op is Diag:
        return a.children[0]
    base, exponent = _root(a)
    if base.op is Diag:
        return power(base.children[0], number(exponent))
    if is_eye(a) or is_ones(a):
        return ones("vector", a.rows)
    if a.op is TRANSPOSE:
        return diag(a.children[0])
    if a.op is ADD:
        taken = [_simpler_diag(known, node, t) for t in a.children]
        return None if None in taken else add(*(t for t in taken if t is not None))
    parts = product_nodes(a, INSPECTED)
    flipped = [known.transposed(p) for p in reversed(parts)]
    if sum(p.op is TRANSPOSE for p in flipped) < sum(p.op is TRANSPOSE for p in parts):
        return _simpler_diag(known, node, matrix_product(flipped)) or diag(matrix_product(flipped))
    if len(parts) > 1 and parts[0].op is Diag:
        return hadamard(parts[0].children[0], diag(matrix_product(parts[1:])))
    for i in range(1, len(parts)):
        if parts[i].kind == "row":
            return hadamard(matrix_product(parts[:i]), matrix_product(parts[i:]).T)
        if parts[i].op is Diag and i + 1 == len(parts):
            return hadamard(diag(matrix_product(parts[:i])), parts[i].children[0])
        if parts[i].op is Diag:
            right = matrix_product([known.transposed(p) for p in reversed(parts[i + 1 :])])
            return matmul(hadamard(matrix_product(parts[:i]), right), parts[i].children[0])
    return None


def _simpler_vec(known: Facts, node: Apply, X: Node) -> Node | None:
    """vec(unvec(x)) = x, and vec(u vᵀ) = v ⊗ u."""
    if X.op is unvec:
        return X.children[0]
    parts = product_nodes(X, INSPECTED)
    for i in range(1, len(parts)):
        if parts[i].kind == "row":
            return registry["kronv"](transpose(matrix_product(parts[i:])), matrix_product(parts[:i]))
    return None


def _simpler_unvec(known: Facts, node: Apply, x: Node) -> Node | None:
    """unvec(vec A) = A, and unvec(a ⊗ b) = b aᵀ."""
    if x.op is registry["kronv"]:
        a, b = x.children
        return matmul(b, transpose(a)) if b.rows is node.rows and a.rows is node.cols else None
    if x.op is vec:
        inside = x.children[0]
        return inside if inside.rows is node.rows and inside.cols is node.cols else None
    if x.op is SCALE:
        s, a = x.children
        return scale(s, _simpler_unvec(known, node, a) or unvec(a, params=node.params))
    if x.op is ADD:
        taken = [_simpler_unvec(known, node, t) for t in x.children]
        return None if None in taken else add(*(t for t in taken if t is not None))
    return None


operators["Diag"] = lambda a: Diag(vector_of(a))

diag: Op = linear(
    "diag",
    "(n,n)->(n)",
    lambda y, X: Diag(y),
    matrix=_diag,
    numpy="np.diagonal({0})",
    julia="diag({0})",
    maxima="diagv({0})",
    torch="torch.diagonal({0})",
    spellings=".diagonal=diag({0})",
    law="the diagonal is linear",
    source="⟨y, diag V⟩ = ⟨Diag y, V⟩",
    summary="the diagonal of a square matrix",
    curvature="increasing increasing⪰",
    entries=lambda np, X: np.diagonal(X)[:, None],
    cost="0",
    simplify=_simpler_diag,
    sympy=lambda sp, node, X: sp.DiagonalOf(X),
    surplus="scalar vector: the diagonal is one vector: diag([a; b; c])",
    stack=lambda many, X: many.np.diagonal(X, axis1=1, axis2=2),
)
Diag: Op = linear(
    "Diag",
    "(n)->(n,n)",
    lambda Y, x: diag(Y),
    matrix=lambda node, slot: diagonal_matrix(node.rows),
    gives="diagonal",
    numpy="np.diag({0})",
    julia="diagm({0})",
    octave="diag({0})",
    maxima="diagm({0})",
    torch="torch.diag({0})",
    spellings="diagm diagonalmatrix",
    law="Diag is linear",
    source="⟨Y, Diag v⟩ = ⟨diag Y, v⟩",
    summary="the diagonal matrix of a vector",
    spoken=("diag", "Diag"),
    curvature="increasing",
    entries=lambda np, x: np.diag(x[:, 0]),
    simplify=_simpler_Diag,
    sympy=lambda sp, node, x: sp.DiagMatrix(x),
    stack=lambda many, x: many.diagonal_matrices(x),
)
macro("Diag", "(n,n)->(n,n)", lambda X: Diag(diag(X)), summary="a square matrix with its off-diagonal entries put to 0")
tril: Op = linear(
    "tril",
    "(n,n)->(n,n)",
    lambda Y, X: tril(Y),
    matrix=lambda node, slot: _triangle(tril, node.rows),
    gives="lower",
    numpy="np.tril({0})",
    julia="tril({0})",
    torch="torch.tril({0})",
    keeps="diagonal lower",
    law="the lower triangle is linear and self-adjoint",
    summary="the lower triangle with the diagonal",
    curvature="increasing",
    entries=lambda np, X: np.tril(X),
    simplify=_simpler_triangle,
    stack=lambda many, X: many.np.tril(X),
)
triu: Op = linear(
    "triu",
    "(n,n)->(n,n)",
    lambda Y, X: triu(Y),
    matrix=lambda node, slot: _triangle(triu, node.rows),
    gives="upper",
    numpy="np.triu({0})",
    julia="triu({0})",
    torch="torch.triu({0})",
    keeps="diagonal upper",
    law="the upper triangle is linear and self-adjoint",
    summary="the upper triangle with the diagonal",
    curvature="increasing",
    entries=lambda np, X: np.triu(X),
    simplify=_simpler_triangle,
    stack=lambda many, X: many.np.triu(X),
)
sym: Op = linear(
    "sym",
    "(n,n)->(n,n)",
    lambda Y, X: sym(Y),
    matrix=lambda node, slot: _half(node, 1),
    scalar=lambda s: s,
    gives="symmetric",
    numpy="({0} + {0}.T)/2",
    julia="(({0} + {0}') / 2)",
    keeps="spd diagonal",
    law="the symmetric part is linear and self-adjoint",
    summary="(X + X')/2",
    definition=lambda X: (X + X.T) / 2,
    curvature="increasing",
    simplify=_simpler_sym,
    stack=lambda many, X: (X + X.swapaxes(1, 2)) / 2,
)
skew: Op = linear(
    "skew",
    "(n,n)->(n,n)",
    lambda Y, X: skew(Y),
    matrix=lambda node, slot: _half(node, -1),
    gives="skew",
    numpy="({0} - {0}.T)/2",
    julia="(({0} - {0}') / 2)",
    spellings=".skew=?",
    law="the skew part is linear and self-adjoint",
    summary="(X - X')/2",
    definition=lambda X: (X - X.T) / 2,
    simplify=_simpler_skew,
    stack=lambda many, X: (X - X.swapaxes(1, 2)) / 2,
)
vec: Op = linear(
    "vec",
    "(m,n)->(m*n)",
    lambda y, X: unvec(y, params=(X.rows, X.cols)),
    matrix=lambda node, slot: eye(node.rows),
    maxima="vec({0})",
    numpy="{0}.reshape(-1, order='F')",
    julia="vec({0})",
    octave="reshape({0}, [], 1)",
    jax="{0}.T.reshape(-1)",
    torch="{0}.T.reshape(-1)",
    latex=r"\operatorname{{vec}}({0})",
    law="vec is linear",
    source="Magnus & Neudecker 2019, §2.4",
    summary="the columns stacked",
    curvature="increasing",
    entries=lambda np, X: X.T.reshape(-1, 1),
    cost="0",
    simplify=_simpler_vec,
    stack=lambda many, X: many.flat(X.swapaxes(1, 2)),
)
unvec: Op = linear(
    "unvec",
    "(m*n);m,n->(m,n)",
    lambda Y, x, m, n: vec(Y),
    matrix=lambda node, slot: eye(node.rows * node.cols),
    numpy="{0}.reshape(({p0}, {p1}), order='F')",
    julia="reshape({0}, {p0}, {p1})",
    jax="{0}.reshape({p1}, {p0}).T",
    torch="{0}.reshape({p1}, {p0}).T",
    law="unvec is linear",
    summary="the inverse of vec",
    curvature="increasing",
    entries=lambda np, x, m, n: x.reshape(n, m).T,
    cost="0",
    simplify=_simpler_unvec,
    stack=lambda many, x, m, n: x.reshape(len(x), n, m).swapaxes(1, 2),
)

vech: Op = linear(
    "vech",
    "(n,n)->(n*n/2+n/2)",
    lambda y, X: tril(unvech(y, params=(X.rows,))),
    matrix=lambda node, slot: lower_triangle(node.args[0].rows),
    numpy="vech({0})",
    julia="vech({0})",
    latex=r"\operatorname{{vech}}({0})",
    law="vech is linear",
    source="Magnus & Neudecker 2019, §3.8",
    summary="the columns of the lower triangle stacked",
    curvature="increasing",
    c="-> vech({m0}, {0}, {out})",
    entries=lambda np, X: X.T[np.triu_indices(len(X))][:, None],
)
unvech: Op = linear(
    "unvech",
    "(n*n/2+n/2);n->(n,n)",
    lambda Y, x, n: vech(Y + Y.T - Diag(diag(Y))),
    matrix=lambda node, slot: duplication(node.rows),
    gives="symmetric",
    numpy="unvech({0}, {p0})",
    julia="unvech({0}, {p0})",
    law="unvech is linear",
    source="vec(unvech(x)) = D x, Magnus & Neudecker 2019, §3.8",
    summary="the symmetric matrix with the lower triangle x",
    curvature="increasing",
    c="-> unvech({m}, {0}, {out})",
    entries=_mirrored,
)


def symmetric_of(x: Node) -> Node:
    """unvech(x) of the size that x has the entries for.  Raises ShapeError where no size does."""
    n = triangle_side(x.rows)
    if n is None:
        raise ShapeError(f"no symmetric matrix has {x.rows} entries in its lower triangle, which are n*(n+1)/2")
    return unvech(x, params=(n,))


macro("unvech", "(n*n/2+n/2)->(n,n)", symmetric_of, summary="the symmetric matrix with the lower triangle x")
