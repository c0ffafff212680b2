"""Linear rearrangements: diagonals, triangles, symmetric parts, vec."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from matdiff.core.node import Apply, Node, number, operators
from matdiff.core.op import Op, linear, macro
from matdiff.core.shape import Dim, triangle_side
from matdiff.errors import ShapeError
from matdiff.ops.algebra import add, matmul, scale
from matdiff.ops.constants import commutation, duplication, eye, ones

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
