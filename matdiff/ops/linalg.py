"""Inverse, determinant, adjugate, pseudoinverse, the factors of Cholesky, LU and QR."""

from __future__ import annotations

from typing import Any

from matdiff.core.node import Apply, Node, number
from matdiff.core.op import Facts, Mistake, Op, macro, nonlinear
from matdiff.ops.algebra import TRANSPOSE, is_op, power, scale, size, transpose
from matdiff.ops.constants import eye, is_eye, is_zero
from matdiff.ops.elementwise import exp, log, pi, sqrt
from matdiff.ops.reductions import tr
from matdiff.ops.structure import HALF, Diag, diag, tril


def _of_transpose(known: Facts, node: Apply, A: Node) -> Node | None:
    """f(Aᵀ) = f(A) for determinants; 0 for zeros and skew matrices with an odd number of rows."""
    if is_eye(A):
        return number(1 if node.op is det else 0)
    if node.op is det and (is_zero(A) or ((A.rows.number or 0) % 2 and "skew" in known(A))):
        return number(0)
    return node.op(A.children[0]) if A.op is TRANSPOSE else None


def _expanded(np: Any, X: Any) -> Any:
    """The determinant by its last column, for entries that are formulas."""
    if len(X) == 1:
        return X[0, 0]
    return sum((-1) ** (len(X) - 1 + i) * X[i, -1] * _expanded(np, _minor(np, X, i, -1)) for i in range(len(X)))


def _minor(np: Any, X: Any, i: int, j: int) -> Any:
    return np.delete(np.delete(X, i, 0), j, 1)


def _adjugate(np: Any, X: Any) -> Any:
    n = len(X)
    if n == 1:
        return X**0
    cofactors = [[(-1) ** (i + j) * _expanded(np, _minor(np, X, i, j)) for j in range(n)] for i in range(n)]
    return np.array(cofactors, dtype=X.dtype).T


inv: Op = nonlinear(
    "inv",
    "(n,n)->(n,n)",
    lambda X, dX: -(inv(X) @ dX @ inv(X)),
    scalar=lambda s: 1 / s,
    numpy="np.linalg.inv({0})",
    julia="inv({0})",
    maxima="inv({0})",
    torch="torch.linalg.inv({0})",
    domain="invertible",
    keeps="symmetric spd diagonal lower upper orthogonal",
    spellings=r"inverse solve={0}\{1} linsolve={0}\{1} mldivide={0}\{1} LinearSolve={0}\{1}",
    law="d(X⁻¹) = −X⁻¹ dX X⁻¹",
    proof=(
        "inv(X)*X = I | what an inverse is",
        "d(inv(X))*X + inv(X)*dX = 0 | product rule",
        "d(inv(X)) = -inv(X)*dX*inv(X) | times X⁻¹ from the right",
    ),
    source="Magnus & Neudecker 2019, §8.4",
    curvature="convex⪰ decreasing⪰",
    traits="primary",
    c="-> inverse({m0}, {0}, {out}, {work:m0*m0+m0})",
    entries=lambda np, X: _adjugate(np, X) / _expanded(np, X),
    mistakes=(
        Mistake(lambda X, dX: -(inv(X) @ inv(X) @ dX), "d(X⁻¹) = −X⁻² dX", "−X⁻¹ dX X⁻¹"),
        Mistake(lambda X, dX: -(dX @ inv(X) @ inv(X)), "d(X⁻¹) = −dX X⁻²", "−X⁻¹ dX X⁻¹"),
        Mistake(lambda X, dX: -inv(X) @ dX @ inv(X).T, "d(X⁻¹) = −X⁻¹ dX X⁻ᵀ", "−X⁻¹ dX X⁻¹"),
        Mistake(lambda X, dX: inv(X) @ dX @ inv(X), "d(X⁻¹) = X⁻¹ dX X⁻¹", "−X⁻¹ dX X⁻¹"),
    ),
    cost="2*m0*m0*m0",
    sympy=lambda sp, node, X: sp.Inverse(X),
    stack=lambda many, X: many.inverse(X),
    analytic="linalg.inv",
)
det: Op = nonlinear(
    "det",
    "(n,n)->()",
    lambda X, dX: det(X) * tr(inv(X) @ dX),
    scalar=lambda s: s,
    numpy="np.linalg.det({0})",
    julia="det({0})",
    maxima="det({0})",
    torch="torch.linalg.det({0})",
    latex=r"\det({0})",
    spellings="determinant",
    law="Jacobi's formula",
    proof=(
        "det(X + dX) = det(X)*det(I + inv(X)*dX) | the determinant of a product",
        "d(det(X)) = det(X)*tr(inv(X)*dX) | det(I + E) = 1 + tr E + O(E²)",
    ),
    source="Magnus & Neudecker 2019, §8.3",
    curvature="logconcave⪰ increasing⪰ positive⪰",
    c="= det({m0}, {0}, {work:m0*m0+m0})",
    entries=lambda np, X: np.array([[_expanded(np, X)]], dtype=X.dtype),
    mistakes=(Mistake(lambda X, dX: tr(inv(X) @ dX), "d det X = tr(X⁻¹ dX)", "det(X) tr(X⁻¹ dX)"),),
    cost="2*m0*m0*m0/3",
    simplify=_of_transpose,
    sympy=lambda sp, node, X: sp.Determinant(X),
    stack=lambda many, X: many.np.linalg.det(many.compact(X)),
    analytic="linalg.det",
)
logdet: Op = nonlinear(
    "logdet",
    "(n,n)->()",
    lambda X, dX: tr(inv(X) @ dX),
    scalar=lambda s: log(s),
    numpy="np.linalg.slogdet({0})[1]",
    julia="logabsdet({0})[1]",
    octave="logabsdet({0})",
    maxima="log(det({0}))",
    torch="torch.linalg.slogdet({0})[1]",
    latex=r"\log\det({0})",
    domain="posdet",
    spellings="log_det logabsdet=log(abs(det({0})))",
    law="d log det X = tr(X⁻¹ dX)",
    proof=(
        "logdet(X) = log(det(X)) | what it is",
        "d(logdet(X)) = d(det(X))/det(X) | d log u = du/u",
        "d(logdet(X)) = tr(inv(X)*dX) | Jacobi's formula",
    ),
    source="Magnus & Neudecker 2019, §8.3",
    definition=lambda X: log(det(X)),
    curvature="concave⪰ increasing⪰",
    c="= logabsdet({m0}, {0}, {work:m0*m0+m0})",
    mistakes=(Mistake(lambda X, dX: tr(inv(X).T @ dX), "d log det X = tr(X⁻ᵀ dX)", "tr(X⁻¹ dX)"),),
    cost="2*m0*m0*m0/3",
    simplify=_of_transpose,
    stack=lambda many, X: many.np.linalg.slogdet(many.compact(X))[1],
)
adj: Op = nonlinear(
    "adj",
    "(n,n)->(n,n)",
    lambda X, dX: tr(inv(X) @ dX) * adj(X) - inv(X) @ dX @ adj(X),
    scalar=lambda s: number(1),
    numpy="adjugate({0})",
    julia="adjugate({0})",
    jax="svd_adjugate({0})",
    torch="svd_adjugate({0})",
    keeps="symmetric diagonal lower upper",
    spellings="adjugate",
    law="d adj X = tr(X⁻¹dX) adj X − X⁻¹ dX adj X",
    source="Magnus & Neudecker 2019, §8.5",
    summary="the adjugate det(X)*inv(X)",
    definition=lambda X: det(X) * inv(X),
    entries=_adjugate,
    c="-> adjugate({m0}, {0}, {out}, {work:4*m0*m0+3*m0})",
    stack=lambda many, X: many.adjugate(X),
)
cof: Op = nonlinear(
    "cof",
    "(n,n)->(n,n)",
    lambda X, dX: tr(inv(X) @ dX) * cof(X) - cof(X) @ dX.T @ inv(X).T,
    scalar=lambda s: number(1),
    numpy="adjugate({0}).T",
    julia="adjugate({0})'",
    jax="svd_adjugate({0}).T",
    torch="svd_adjugate({0}).T",
    keeps="symmetric diagonal",
    spellings="cofactor cofactors",
    law="d cof X = tr(X⁻¹dX) cof X − cof X dXᵀ X⁻ᵀ",
    source="Magnus & Neudecker 2019, §8.5",
    summary="the cofactor matrix det(X)*inv(X)'",
    definition=lambda X: adj(X).T,
    stack=lambda many, X: many.adjugate(X).swapaxes(1, 2),
)
FULL_RANK = Op("full_rank", "(m,n)->(m,n)", (), numpy="{0}", domain=("fullrank",), c="{0}")


def _analytic_pinv(np: Any, scipy: Any, A: Any) -> Any:
    """Of full rank, without conjugation."""
    tall = A.shape[0] >= A.shape[1]
    return np.linalg.inv(A.T @ A) @ A.T if tall else A.T @ np.linalg.inv(A @ A.T)


pinv: Op = nonlinear(
    "pinv",
    "(m,n)->(n,m)",
    lambda A, dA: (
        pinv(A) @ pinv(A).T @ dA.T @ (eye(A.rows) - A @ pinv(A))
        + (eye(A.cols) - pinv(A) @ A) @ dA.T @ pinv(A).T @ pinv(A)
        - pinv(A) @ dA @ pinv(A)
    ),
    within="",
    where="",
    scalar=lambda s: 1 / s,
    numpy="np.linalg.pinv({0})",
    julia="pinv({0})",
    torch="torch.linalg.pinv({0})",
    latex="{0}^{{+}}",
    keeps="symmetric diagonal",
    domain="fullrank",
    guard=lambda A: FULL_RANK(A),
    spellings="pseudoinverse pseudo_inverse pinverse",
    law="d(A⁺) at constant rank",
    proof=(
        "let P = pinv(X)",
        "X*P*X = X | Penrose",
        "dX*P*X + X*d(P)*X + X*P*dX = dX | product rule",
        "d(P) = -P*dX*P + P*P'*dX'*(I - X*P) + (I - P*X)*dX'*P'*P | with the other three equations (Golub & Pereyra)",
    ),
    source="Golub & Pereyra 1973, eq. 4.12",
    summary="Moore-Penrose inverse",
    c="-> pinv({m0}, {n0}, {0}, {out}, {work:2*m0*n0+m0})",
    stack=lambda many, A: many.np.linalg.pinv(many.compact(A)),
    analytic=_analytic_pinv,
)
chol: Op = nonlinear(
    "chol",
    "(n,n)->(n,n)",
    lambda S, dS: chol(S) @ half_tril(inv(chol(S)) @ dS @ inv(chol(S)).T),
    scalar=lambda s: sqrt(s),
    gives="lower",
    numpy="np.linalg.cholesky({0})",
    julia="Matrix(cholesky(Symmetric({0}, :L)).L)",
    octave="chol({0}, 'lower')",
    torch="torch.linalg.cholesky({0})",
    domain="spd",
    law="dL = L Φ(L⁻¹ dS L⁻ᵀ), Φ the lower triangle with half the diagonal",
    proof=(
        "let L = chol(S); M = inv(L)*dS*inv(L)'",
        "L*L' = S | what it is",
        "d(L)*L' + L*d(L)' = dS | product rule",
        "inv(L)*d(L) + (inv(L)*d(L))' = M | L⁻¹ from the left, L⁻ᵀ from the right",
        "d(L) = L*(tril(M) - Diag(diag(M))/2) | the first of these two is lower triangular",
    ),
    source="Giles 2008, §2.3.3; Murray 2016, eq. 9",
    summary="lower-triangular L with L*L' = S",
    c="-> cholesky({m0}, {0}, {out})",
    cost="m0*m0*m0/3",
    stack=lambda many, X: many.cholesky(X),
)


def half_tril(M: Node) -> Node:
    """Φ(M): the lower triangle with the diagonal halved, so that Φ(M) + Φ(M)ᵀ = M for symmetric M."""
    return tril(M) - scale(HALF, Diag(diag(M)))


def inverse(a: Node) -> Node:
    """a⁻¹ as a person writes it: (X⁻¹)⁻¹ = X, (s X)⁻¹ = s⁻¹ X⁻¹, (Xᵀ)⁻¹ = (X⁻¹)ᵀ, I⁻¹ = I."""
    from matdiff.ops.algebra import SCALE, TRANSPOSE

    if a.kind == "scalar":
        return power(a, number(-1))
    if is_eye(a):
        return a
    if is_op(a, inv):
        return a.children[0]
    if is_op(a, SCALE):
        return scale(power(a.children[0], number(-1)), inverse(a.children[1]))
    if is_op(a, TRANSPOSE):
        return transpose(inverse(a.children[0]))
    return inv(a)


def lognormalpdf(x: Node, m: Node, S: Node) -> Node:
    """The logarithm of the density of the normal law with mean m and (co)variance S at x (Bishop 2006, eq. 2.43)."""
    r = x - m
    if S.kind == "scalar":
        return -(log(2 * pi * S) + r**2 / S) / 2
    return -(size(x.rows) * log(2 * pi) + logdet(S) + r.T @ inverse(S) @ r) / 2


for shapes in ("(n),(n),(n,n)->()", "(),(),()->()"):
    said = "of the normal law with mean m and (co)variance S, at x"
    macro("lognormalpdf", shapes, lognormalpdf, summary=f"the logarithm of the density {said}")
    macro("normalpdf", shapes, lambda x, m, S: exp(lognormalpdf(x, m, S)), summary=f"the density {said}")
