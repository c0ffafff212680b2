"""Eigenvalues and eigenvectors of symmetric matrices, singular values, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matdiff.core.node import Node, describe, number
from matdiff.core.op import Nonlinear, Op, Rule, Type, nonlinear, register
from matdiff.core.shape import ONE, Dim
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.ops.algebra import hadamard, inner
from matdiff.ops.constants import eye, ones, zeros_like
from matdiff.ops.elementwise import abs_, sign
from matdiff.ops.indexing import check_index, column_at
from matdiff.ops.linalg import inv, pinv
from matdiff.ops.matrix_functions import solve_sylvester
from matdiff.ops.structure import diag


def symmetric_type(result: str) -> Any:
    """The type rule of a function of matrices that are known to be symmetric."""

    def typing(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
        from matdiff.graph.properties import Known

        (S,) = args
        if S.rows is not S.cols:
            raise ShapeError(f"eigenvalues belong to a square matrix, not {describe(S)}")
        if "symmetric" not in Known()(S) and not any(known(S) for known in hermitian):
            raise UnsupportedError(
                "the matrix is not known to be symmetric, so its eigenvalues may be complex",
                hint="declare it symmetric, or take singular values: sigma(A,i), sigma_max(A)",
            )
        for i in params:
            check_index(i, S.rows, "the spectrum")
        return {
            "scalar": ("scalar", ONE, ONE),
            "vector": ("vector", S.rows, ONE),
            "matrix": ("matrix", S.rows, S.rows),
        }[result]  # type: ignore[return-value]

    return typing


hermitian: list[Callable[[Node], bool]] = []
"""Is a matrix that is not real Hermitian by its form?  Filled by `matdiff.ops.complexes`, which is built on this."""


def symmetric_function(name: str, sig: str, result: str, differential: Any, **fields: Any) -> Op:
    rule: Rule = Nonlinear(differential)
    return register(Op(name, sig, (rule,), symmetric_type(result), **fields))


def asking(name: str) -> Op:
    """A matrix asked to have one of its values but once; counted upward, a negative number from the top."""
    return Op(
        name,
        "(m,n)->(m,n)",
        (),
        lambda args, params: ("matrix", args[0].rows, args[0].cols),
        numpy="{0}",
        domain=(name,),
    )


SIMPLE: Op = asking("simple")
SIMPLE_SINGULAR: Op = asking("simple_singular")


def _quadratic(q: Node, dS: Node) -> Node:
    """qᵀ dS q"""
    return q.T @ dS @ q


eigvals: Op = symmetric_function(
    "eigvals",
    "(n,n)->(n)",
    "vector",
    lambda S, dS: diag(eigvecs(S).T @ dS @ eigvecs(S)),
    scalar=lambda s: s,
    numpy="np.linalg.eigvalsh({0})",
    torch="torch.linalg.eigvalsh({0})",
    domain=("symmetric",),
    smooth="where eigenvalues of {0} coincide",
    spellings="eigvalsh .eigvals=?",
    law="dλ = diag(Qᵀ dS Q)",
    proof=(
        "let Q = eigvecs(S); L = eigvals(S)",
        "S*Q = Q*Diag(L) | S Q = Q Λ",
        "dS*Q + S*d(Q) = d(Q)*Diag(L) + Q*Diag(d(L)) | product rule",
        "d(L) = diag(Q'*dS*Q) | times Qᵀ; the diagonal of QᵀdQ, which is skew, is 0",
    ),
    source="Magnus 1985, thm 1; Giles 2008, §3.1",
    summary="eigenvalues of a symmetric matrix, ascending",
    c="-> eigvals({m0}, {0}, {out}, {work:2*m0*m0+m0})",
)
eigvecs: Op = symmetric_function(
    "eigvecs",
    "(n,n)->(n,n)",
    "matrix",
    lambda S, dS: eigvecs(S) @ hadamard(eiggaps(eigvals(S)), eigvecs(S).T @ dS @ eigvecs(S)),
    numpy="np.linalg.eigh({0})[1]",
    torch="torch.linalg.eigh({0})[1]",
    domain=("distinct",),
    gives=frozenset({"orthogonal"}),
    law="dQ = Q (F ∘ (Qᵀ dS Q)), F_ij = 1/(λ_j − λ_i)",
    proof=(
        "let Q = eigvecs(S); L = eigvals(S); M = Q'*dS*Q",
        "Q'*d(Q) + d(Q)'*Q = 0 | QᵀQ = I: QᵀdQ is skew",
        "M - Diag(d(L)) = Q'*d(Q)*Diag(L) - Diag(L)*Q'*d(Q) | Qᵀ times the differential of S Q = Q Λ",
        "d(Q) = Q*(eiggaps(L).*M) | entry by entry",
    ),
    source="Giles 2008, §3.1",
    summary="eigenvectors of a symmetric matrix as columns, in the order of eigvals",
    c="-> eigvecs({m0}, {0}, {out}, {work:2*m0*m0+m0})",
)
eiggaps: Op = nonlinear(
    "eiggaps",
    "(n)->(n,n)",
    lambda v, dv: hadamard(eiggaps(v) ** 2, dv @ ones("vector", dv.rows).T - ones("vector", dv.rows) @ dv.T),
    numpy="eiggaps({0})",
    law="F_ij = 1/(λ_j − λ_i), 0 on the diagonal",
    proof=(
        "eiggaps(x).*(ones(n)*x' - x*ones(n)') = ones(n,n) - I | what it is",
        "d(eiggaps(x)) = -eiggaps(x).^2 .* (ones(n)*dx' - dx*ones(n)') | d(1/u) = −du/u²",
    ),
    source="Giles 2008, §3.1",
    summary="the matrix 1/(v_j − v_i), with zeros on the diagonal",
    c="-> eiggaps({m0}, {0}, {out})",
)
eigval: Op = symmetric_function(
    "eigval",
    "(n,n);i->()",
    "scalar",
    lambda S, dS, i: _quadratic(column_at(eigvecs(S), Dim.of(i)), dS),
    scalar=lambda s, i: s,
    numpy="np.linalg.eigvalsh({0})[{p0} - 1]",
    torch="torch.linalg.eigvalsh({0})[{p0} - 1]",
    domain=("symmetric",),
    smooth="where the eigenvalue of {0} is not simple",
    guard=lambda S, i: SIMPLE.build((S,), (i,)),
    law="dλ = qᵀ dS q",
    proof=(
        "let q = eigvecs(S)[:,2]",
        "S*q = eigval(S,2)*q | S q = λ q",
        "dS*q + S*d(q) = d(eigval(S,2))*q + eigval(S,2)*d(q) | product rule",
        "d(eigval(S,2)) = q'*dS*q | times qᵀ, with qᵀS = λqᵀ and qᵀq = 1",
    ),
    source="Magnus 1985, thm 1",
    summary="the i-th eigenvalue of a symmetric matrix, counted upward",
    c="= eigval({m0}, {0}, {p0}, {work:2*m0*m0+m0})",
)
lambda_max: Op = symmetric_function(
    "lambda_max",
    "(n,n)->()",
    "scalar",
    lambda S, dS: _quadratic(column_at(eigvecs(S), S.rows), dS),
    scalar=lambda s: s,
    numpy="np.linalg.eigvalsh({0})[-1]",
    torch="torch.linalg.eigvalsh({0})[-1]",
    latex=r"\lambda_{{\max}}({0})",
    domain=("symmetric",),
    smooth="where the largest eigenvalue of {0} is not simple",
    guard=lambda S: SIMPLE.build((S,), (-1,)),
    law="dλ = qᵀ dS q",
    proof=(
        "let q = eigvecs(S)[:,n]",
        "S*q = lambda_max(S)*q | S q = λ q",
        "dS*q + S*d(q) = d(lambda_max(S))*q + lambda_max(S)*d(q) | product rule",
        "d(lambda_max(S)) = q'*dS*q | times qᵀ, with qᵀS = λqᵀ and qᵀq = 1",
    ),
    source="Magnus 1985, thm 1",
    curvature="convex⪰ increasing⪰ positive⪰",
    traits="homogeneous",
    c="= eigval({m0}, {0}, {m0}, {work:2*m0*m0+m0})",
)
lambda_min: Op = symmetric_function(
    "lambda_min",
    "(n,n)->()",
    "scalar",
    lambda S, dS: _quadratic(column_at(eigvecs(S), ONE), dS),
    scalar=lambda s: s,
    numpy="np.linalg.eigvalsh({0})[0]",
    torch="torch.linalg.eigvalsh({0})[0]",
    latex=r"\lambda_{{\min}}({0})",
    domain=("symmetric",),
    smooth="where the smallest eigenvalue of {0} is not simple",
    guard=lambda S: SIMPLE.build((S,), (1,)),
    law="dλ = qᵀ dS q",
    proof=(
        "let q = eigvecs(S)[:,1]",
        "S*q = lambda_min(S)*q | S q = λ q",
        "dS*q + S*d(q) = d(lambda_min(S))*q + lambda_min(S)*d(q) | product rule",
        "d(lambda_min(S)) = q'*dS*q | times qᵀ, with qᵀS = λqᵀ and qᵀq = 1",
    ),
    source="Magnus 1985, thm 1",
    curvature="concave⪰ increasing⪰ positive⪰",
    traits="homogeneous",
    c="= eigval({m0}, {0}, 1, {work:2*m0*m0+m0})",
)


def _singular(A: Node, dA: Node, i: int, sigma: Node) -> Node:
    """dσ = uᵀ dA v with Av = σu, v an eigenvector of AᵀA, or of a smaller AAᵀ the u."""
    rows, cols = A.rows.number, A.cols.number
    if rows is not None and cols is not None and rows < cols:
        return _singular(A.T, dA.T, i, sigma)
    v = column_at(eigvecs(A.T @ A), A.cols + ONE - Dim.of(i))
    return v.T @ A.T @ dA @ v / sigma


sigma_max: Op = nonlinear(
    "sigma_max",
    "(m,n)->()",
    lambda A, dA: _singular(A, dA, 1, sigma_max(A)),
    scalar=lambda s: abs_(s),
    numpy="np.linalg.norm({0}, 2)",
    torch="torch.linalg.matrix_norm({0}, 2)",
    latex=r"\sigma_{{\max}}({0})",
    smooth="where the largest singular value of {0} is not simple",
    guard=lambda A: SIMPLE_SINGULAR.build((A,), (-1,)),
    spellings="opnorm",
    law="dσ = uᵀ dA v",
    proof=(
        "let v = eigvecs(X'*X)[:,n]",
        "sigma_max(X)^2 = lambda_max(X'*X) | what it is",
        "2*sigma_max(X)*d(sigma_max(X)) = 2*v'*X'*dX*v | dλ = qᵀ dS q",
        "d(sigma_max(X)) = (X*v/sigma_max(X))'*dX*v | X v = σ u",
    ),
    source="Magnus & Neudecker 2019, §8.9; Giles 2008, §3.2",
    summary="the spectral norm",
    curvature="convex increasing+ nonnegative",
    traits="homogeneous",
    c="= sigma_max({m0}, {n0}, {0}, {work:2*m0*n0+m0})",
)


def _sigma_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    (A,), (i,) = args, params
    known = None not in (A.rows.number, A.cols.number)
    count = min((d.number for d in (A.rows, A.cols) if d.number is not None), default=None)
    if i < 1 or (count is not None and i > count):
        has = "they are" if count is None else f"{describe(A)} has {'' if known else 'at most '}{count} of them,"
        raise ShapeError(f"there is no singular value {i}: {has} counted from 1")
    return "scalar", ONE, ONE


sigma: Op = nonlinear(
    "sigma",
    "(m,n);i->()",
    lambda A, dA, i: _singular(A, dA, i, sigma(A, params=(i,))),
    typing=_sigma_type,
    scalar=lambda s, i: abs_(s),
    numpy="singular_value({0}, {p0})",
    torch="torch.linalg.svdvals({0})[{p0} - 1]",
    smooth="where the singular value of {0} is zero or not simple",
    guard=lambda A, i: SIMPLE_SINGULAR.build((A,), (-i,)),
    law="dσ = uᵀ dA v",
    proof=(
        "let v = eigvecs(X'*X)[:,n]",
        "sigma(X,1)^2 = lambda_max(X'*X) | what it is",
        "2*sigma(X,1)*d(sigma(X,1)) = 2*v'*X'*dX*v | dλ = qᵀ dS q",
        "d(sigma(X,1)) = (X*v/sigma(X,1))'*dX*v | X v = σ u",
    ),
    source="Magnus & Neudecker 2019, §8.9; Giles 2008, §3.2",
    summary="the i-th singular value, counted downward",
    c="= sigma({m0}, {n0}, {0}, {p0}, {work:2*m0*n0+m0})",
)


def _cond_differential(A: Node, dA: Node) -> Node:
    """cond A = σ_max(A) σ_max(A⁺), each factor differentiated."""
    if A.rows is A.cols:
        B, dB = inv(A), -(inv(A) @ dA @ inv(A))
    else:
        rule = pinv.rule(0)
        assert isinstance(rule, Nonlinear)
        B, dB = pinv(A), rule.differential(A, dA)
    return sigma_max(B) * _singular(A, dA, 1, sigma_max(A)) + sigma_max(A) * _singular(B, dB, 1, sigma_max(B))


cond2: Op = nonlinear(
    "cond2",
    "(m,n)->()",
    _cond_differential,
    scalar=lambda s: number(1),
    numpy="np.linalg.cond({0})",
    torch="torch.linalg.cond({0})",
    domain="fullrank",
    smooth="where an extreme singular value of {0} is not simple",
    guard=lambda A: SIMPLE_SINGULAR.build((SIMPLE_SINGULAR.build((A,), (-1,)),), (1,)),
    spellings="cond",
    law="cond A = σ_max(A) σ_max(A⁺), product rule",
    proof=(
        "let P = pinv(X)",
        "cond2(X) = sigma_max(X)*sigma_max(P) | what it is",
        "d(cond2(X)) = d(sigma_max(X))*sigma_max(P) + sigma_max(X)*d(sigma_max(P)) | product rule",
    ),
    summary="the condition number σ_max/σ_min",
    c="= cond2({m0}, {n0}, {0}, {work:2*m0*n0+m0})",
)
nuclear: Op = nonlinear(
    "nuclear",
    "(m,n)->()",
    lambda A, dA: inner(polar(A), dA),
    scalar=lambda s: abs_(s),
    numpy="np.linalg.norm({0}, 'nuc')",
    torch="torch.linalg.matrix_norm({0}, 'nuc')",
    latex=r"\lVert {0} \rVert_*",
    domain="fullrank",
    smooth="where {0} has not full rank",
    law="d‖A‖_* = ⟨UVᵀ, dA⟩",
    proof=(
        "let W = polar(X)",
        "nuclear(X) = <W, X> | X = UΣVᵀ, W = UVᵀ",
        "<d(W), X> = 0 | of all W with orthonormal columns UVᵀ has the largest ⟨W, X⟩",
        "d(nuclear(X)) = <W, dX> | product rule",
    ),
    source="Watson 1992, thm 1",
    summary="the sum of the singular values",
    curvature="convex nonnegative",
    traits="homogeneous",
    c="= nuclear({m0}, {n0}, {0}, {work:2*m0*n0+m0})",
)


def _polar_differential(A: Node, dA: Node) -> Node:
    """For A = W P with m ≥ n: dW = W Ω + (I − WWᵀ) dA P⁻¹, PΩ + ΩP = Wᵀ dA − dAᵀ W."""
    rows, cols = A.rows.number, A.cols.number
    if A.rows is not A.cols and (rows is None or cols is None):
        raise UnsupportedError(
            "the derivative of the polar factor depends on which dimension is larger",
            hint="declare the dimensions as numbers",
        )
    if rows is not None and cols is not None and rows < cols:
        return _polar_differential(A.T, dA.T).T
    W = polar(A)
    P = W.T @ A
    turn = W @ solve_sylvester(P, P, W.T @ dA - dA.T @ W)
    return turn if A.rows is A.cols else turn + (eye(A.rows) - W @ W.T) @ dA @ inv(P)


polar: Op = nonlinear(
    "polar",
    "(m,n)->(m,n)",
    _polar_differential,
    scalar=lambda s: sign(s),
    numpy="polar({0})",
    domain="fullrank",
    law="A = WP: PΩ + ΩP = Wᵀ dA − dAᵀ W, dW = WΩ + (I − WWᵀ) dA P⁻¹",
    proof=(
        "let X: n×n; W = polar(X)",
        "W'*W = I | orthonormal columns",
        "W'*d(W) + d(W)'*W = 0 | product rule: Ω = WᵀdW is skew",
        "W'*dX - dX'*W = W'*X*W'*d(W) + W'*d(W)*W'*X | X = W P with P = Pᵀ: PΩ + ΩP",
    ),
    source="Higham 2008, §8.1",
    summary="UVᵀ of the singular value decomposition",
    c="-> polar({m0}, {n0}, {0}, {out}, {work:2*m0*n0+m0})",
)


def _svdvals_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    (A,) = args
    rows, cols = A.rows.number, A.cols.number
    if A.rows is A.cols:
        return "vector", A.rows, ONE
    if rows is None or cols is None or rows < cols:
        raise UnsupportedError(
            f"svdvals of {describe(A)}: it must be known to have at least as many rows as columns",
            hint="transpose it, declare the dimensions as numbers, or use sigma(A,i)",
        )
    return "vector", A.cols, ONE


def _svdvals_differential(A: Node, dA: Node) -> Node:
    """dσ_i = v_iᵀ Aᵀ dA v_i/σ_i in descending order: the eigenvectors of AᵀA read backward."""
    count = svdvals(A).rows
    V = eigvecs(A.T @ A)
    exchange = reversal(A.cols, count)
    return diag(exchange.T @ V.T @ A.T @ dA @ V @ exchange) / svdvals(A)


def reversal(n: Dim, k: Dim) -> Node:
    """The n×k matrix whose product from the right takes the last k columns in reverse order."""
    return EXCHANGE(eye(n), params=(k,))


EXCHANGE: Op = register(
    Op(
        "lastcols",
        "(m,n);k->(m,k)",
        (None,),
        lambda args, params: ("matrix", args[0].rows, params[0]),
        numpy="{0}[:, ::-1][:, :{p0}]",
        torch="torch.flip({0}, (1,))[:, :{p0}]",
        summary="the last k columns in reverse order",
    )
)
svdvals: Op = register(
    Op(
        "svdvals",
        "(m,n)->(n)",
        (Nonlinear(_svdvals_differential),),
        _svdvals_type,
        scalar=lambda s: abs_(s),
        numpy="np.linalg.svd({0}, compute_uv=False)",
        torch="torch.linalg.svdvals({0})",
        domain=("fullrank",),
        smooth="where singular values of {0} coincide",
        law="dσ = diag(Uᵀ dA V)",
        proof=(
            "let X: n×n",
            "sum(svdvals(X).^2) = tr(X'*X) | the eigenvalues of XᵀX are their squares",
            "sum(2*svdvals(X).*d(svdvals(X))) = 2*tr(X'*dX) | product rule; each alone as for σ_max: dσ = uᵀ dX v",
        ),
        source="Giles 2008, §3.2",
        summary="singular values, descending",
        c="-> svdvals({m0}, {n0}, {0}, {out}, {work:2*m0*n0+m0})",
    )
)
peak: Op = register(
    Op(
        "peak",
        "(...)->(...)",
        (Nonlinear(lambda X, dX: zeros_like(X)),),
        numpy="peak({0})",
        smooth="where two entries of {0} share the largest absolute value",
        law="constant while the largest entry stays the largest",
        proof=(
            "peak(x + dx) = peak(x) | for dx so small that the largest stays the largest",
            "d(peak(x)) = 0*dx | a constant has no differential",
        ),
        summary="1 at the entry of largest absolute value, 0 elsewhere",
        c="-> peak({m0}, {n0}, {0}, {out})",
    )
)
norminf: Op = nonlinear(
    "norminf",
    "(...)->()",
    lambda X, dX: inner(sign(X) * peak(X), dX),
    scalar=lambda s: abs_(s),
    numpy="np.max(np.abs({0}))",
    torch="torch.max(torch.abs({0}))",
    latex=r"\lVert {0} \rVert_\infty",
    smooth="where two entries of {0} share the largest absolute value",
    law="d‖u‖_∞ = sign(u_k) du_k at the largest |u_k|",
    proof=(
        "norminf(x) = <sign(x).*peak(x), x> | what it is",
        "d(norminf(x)) = <sign(x).*peak(x), dx> | sign and place are constant while the largest stays the largest",
    ),
    summary="the largest absolute value of the entries",
    curvature="convex decreasing- increasing+ nonnegative",
    traits="homogeneous",
    c="= absolute_max({s0}, {0})",
)
