"""Eigenvalues and eigenvectors of symmetric matrices, singular values, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matdiff.core.node import Apply, Node, Number, Symbol, describe, number, topological
from matdiff.core.op import Nonlinear, Op, Rule, Type, nonlinear, register
from matdiff.core.shape import ONE, Dim
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.ops.algebra import hadamard, inner, is_op, size
from matdiff.ops.constants import eye, ones, zeros_like
from matdiff.ops.elementwise import abs_, sign
from matdiff.ops.indexing import COLUMN, SLICE, check_index, column_at
from matdiff.ops.linalg import inv, pinv
from matdiff.ops.matrix_functions import solve_sylvester
from matdiff.ops.structure import diag


def symmetric_type(result: str) -> Any:
    """The type rule of a function of matrices that are known to be symmetric."""

    def typing(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
        (S,) = args
        if S.rows is not S.cols:
            raise ShapeError(f"eigenvalues belong to a square matrix, not {describe(S)}")
        if not any(known(S) for known in hermitian):
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


def indexed_type(result: str) -> Any:
    """The type rule of a function of a symmetric matrix and an index, which may be a letter."""
    typing = symmetric_type(result)

    def indexed(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
        S, i = args
        at = _whole_index(i)
        return typing((S,), () if at is None else (at,))  # type: ignore[no-any-return]

    return indexed


def _whole_index(i: Node) -> int | None:
    """The number of an index that is one; None of a letter.  Raises ShapeError for a fraction."""
    if isinstance(i, Number):
        if i.value != int(i.value):
            raise ShapeError(f"an index is a whole number, counted from 1, not {i.value}")
        return int(i.value)
    return None


hermitian: list[Callable[[Node], bool]] = []
"""Is a matrix symmetric, or if it is not real Hermitian?  Filled by `graph.properties` and `ops.complexes`."""


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
        julia="{0}",
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
    traits="iterative",
    scalar=lambda s: s,
    numpy="np.linalg.eigvalsh({0})",
    julia="eigenvalues({0})",
    torch="torch.linalg.eigvalsh({0})",
    domain=("symmetric",),
    smooth="where eigenvalues of {0} coincide",
    spellings="eigvalsh .eigvals=?",
    entry="eigval",
    law="dλ = diag(Qᵀ dS Q)",
    proof=(
        "let Q = eigvecs(S); L = eigvals(S)",
        "S*Q = Q*Diag(L) | S Q = Q Λ",
        "dS*Q + S*d(Q) = d(Q)*Diag(L) + Q*Diag(d(L)) | product rule",
        "d(L) = diag(Q'*dS*Q) | times Qᵀ; the diagonal of QᵀdQ, which is skew, is 0",
    ),
    curvature="positive⪰",
    source="Magnus 1985, thm 1; Giles 2008, §3.1",
    summary="eigenvalues of a symmetric matrix, ascending",
    c="-> eigvals({m0}, {0}, {out}, {work:2*m0*m0+m0})",
    stack=lambda many, S: many.np.linalg.eigvalsh(many.compact(S)),
)
eigvecs: Op = symmetric_function(
    "eigvecs",
    "(n,n)->(n,n)",
    "matrix",
    lambda S, dS: eigvecs(S) @ hadamard(eiggaps(eigvals(S)), eigvecs(S).T @ dS @ eigvecs(S)),
    traits="iterative",
    numpy="np.linalg.eigh({0})[1]",
    julia="eigenvectors({0})",
    octave="symmetric_eig({0})",
    torch="torch.linalg.eigh({0})[1]",
    domain=("distinct",),
    gives=frozenset({"orthogonal"}),
    entry="eigvec",
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
    stack=lambda many, S: many.np.linalg.eigh(many.compact(S))[1],
)
eiggaps: Op = nonlinear(
    "eiggaps",
    "(n)->(n,n)",
    lambda v, dv: hadamard(eiggaps(v) ** 2, dv @ ones("vector", dv.rows).T - ones("vector", dv.rows) @ dv.T),
    numpy="eiggaps({0})",
    julia="eiggaps({0})",
    law="F_ij = 1/(λ_j − λ_i), 0 on the diagonal",
    proof=(
        "eiggaps(x).*(ones(n)*x' - x*ones(n)') = ones(n,n) - I | what it is",
        "d(eiggaps(x)) = -eiggaps(x).^2 .* (ones(n)*dx' - dx*ones(n)') | d(1/u) = −du/u²",
    ),
    source="Giles 2008, §3.1",
    summary="the matrix 1/(v_j − v_i), with zeros on the diagonal",
    c="-> eiggaps({m0}, {0}, {out})",
)


def eigenvalue(
    name: str,
    sig: str,
    vector: Callable[..., Node],
    place: str,
    typed: str,
    let: str,
    guard: Callable[..., Node],
    which: str,
    typing: Any = None,
    **fields: Any,
) -> Op:
    """The record of one eigenvalue of a symmetric matrix, dλ = qᵀ dS q (Magnus 1985, thm 1).

    `vector(S, *index)` is q, `place` where it stands in NumPy's order; `typed` the value and `let` the vector in the
    proof; `guard` asks for the eigenvalue to be simple.  An index that is a letter is one more argument.
    """
    letter = sig.startswith("(n,n),")

    def rule(S: Node, *rest: Any) -> Node:
        index, dS = (rest[:-1], rest[-1]) if letter else (rest[1:], rest[0])
        return _quadratic(vector(S, *index), dS)

    return register(
        Op(
            name,
            sig,
            (Nonlinear(rule), *(None,) * letter),
            typing or symmetric_type("scalar"),
            scalar=lambda s, *i: s,
            numpy=f"np.linalg.eigvalsh({{0}})[{place}]",
            domain=("symmetric", *("index",) * letter),
            smooth=f"where {which} is not simple",
            guard=guard,
            law="dλ = qᵀ dS q",
            proof=(
                f"let {let}",
                f"S*q = {typed}*q | S q = λ q",
                f"dS*q + S*d(q) = d({typed})*q + {typed}*d(q) | product rule",
                f"d({typed}) = q'*dS*q | times qᵀ, with qᵀS = λqᵀ and qᵀq = 1",
            ),
            source="Magnus 1985, thm 1",
            **fields,
        )
    )


eigval: Op = eigenvalue(
    "eigval",
    "(n,n);i->()",
    lambda S, i: column_at(eigvecs(S), Dim.of(i)),
    "{p0} - 1",
    "eigval(S,2)",
    "q = eigvecs(S)[:,2]",
    lambda S, i: SIMPLE.build((S,), (i,)),
    "the eigenvalue of {0}",
    traits="indexed",
    julia="eigenvalues({0})[{p0}]",
    octave="eigenvalue({0}, {p0})",
    torch="torch.linalg.eigvalsh({0})[{p0} - 1]",
    curvature="positive⪰",
    summary="the i-th eigenvalue of a symmetric matrix, counted upward",
    c="= eigval({m0}, {0}, {p0}, {work:2*m0*m0+m0})",
    stack=lambda many, S, i: many.np.linalg.eigvalsh(many.compact(S))[:, i - 1],
)
lambda_max: Op = eigenvalue(
    "lambda_max",
    "(n,n)->()",
    lambda S: column_at(eigvecs(S), S.rows),
    "-1",
    "lambda_max(S)",
    "q = eigvecs(S)[:,n]",
    lambda S: SIMPLE.build((S,), (-1,)),
    "the largest eigenvalue of {0}",
    julia="eigenvalues({0})[end]",
    octave="max(eigenvalues({0}))",
    torch="torch.linalg.eigvalsh({0})[-1]",
    latex=r"\lambda_{{\max}}({0})",
    curvature="convex⪰ increasing⪰ positive⪰",
    traits="homogeneous",
    c="= eigval({m0}, {0}, {m0}, {work:2*m0*m0+m0})",
    stack=lambda many, S: many.np.linalg.eigvalsh(many.compact(S))[:, -1],
)
lambda_min: Op = eigenvalue(
    "lambda_min",
    "(n,n)->()",
    lambda S: column_at(eigvecs(S), ONE),
    "0",
    "lambda_min(S)",
    "q = eigvecs(S)[:,1]",
    lambda S: SIMPLE.build((S,), (1,)),
    "the smallest eigenvalue of {0}",
    julia="eigenvalues({0})[1]",
    octave="min(eigenvalues({0}))",
    torch="torch.linalg.eigvalsh({0})[0]",
    latex=r"\lambda_{{\min}}({0})",
    curvature="concave⪰ increasing⪰ positive⪰",
    traits="homogeneous",
    c="= eigval({m0}, {0}, 1, {work:2*m0*m0+m0})",
    stack=lambda many, S: many.np.linalg.eigvalsh(many.compact(S))[:, 0],
)


SIMPLE_AT: Op = Op(
    "simple_at",
    "(n,n),()->(n,n)",
    (),
    lambda args, params: ("matrix", args[0].rows, args[0].cols),
    numpy="simple_at({0}, {1})",
)
"""A symmetric matrix asked to have its i-th eigenvalue but once."""
eigval_at: Op = eigenvalue(
    "eigval_at",
    "(n,n),()->()",
    lambda S, i: eigvec(S, i),
    "place({1}, {0})",
    "eigval(S,i)",
    "i: index; q = eigvec(S,i)",
    lambda S, i: SIMPLE_AT(S, i),
    "the eigenvalue of {0}",
    indexed_type("scalar"),
    julia="eigenvalue({0}, {1})",
    spoken=("eigval",),
    summary="the i-th eigenvalue of a symmetric matrix for a letter i, counted upward",
    c="= eigval_at({m0}, {0}, {1}, {work:2*m0*m0+m0})",
)
eigvec: Op = register(
    Op(
        "eigvec",
        "(n,n),()->(n)",
        (Nonlinear(lambda S, i, dS: reduced_resolvent(S, i) @ dS @ eigvec(S, i)), None),
        indexed_type("vector"),
        numpy="np.linalg.eigh({0})[1][:, place({1}, {0})]",
        julia="eigenvector({0}, {1})",
        domain=("symmetric", "index"),
        smooth="where the eigenvalue of {0} is not simple",
        guard=lambda S, i: SIMPLE_AT(S, i),
        remark="the sign of an eigenvector is that of LAPACK's eigh",
        law="dq = (λI − S)⁺ dS q",
        proof=(
            "let i: index; q = eigvec(S,i); R = reduced_resolvent(S,i)",
            "q'*q = 1 | length 1, so that qᵀdq = 0",
            "dS*q - d(eigval(S,i))*q = (eigval(S,i)*I - S)*d(q) | the differential of S q = λ q",
            "R*(eigval(S,i)*I - S) = I - q*q' | (λI − S)⁺(λI − S) is the projection orthogonal to q",
            "d(q) = R*dS*q | R times the second line, with R q = 0",
        ),
        source="Magnus 1985, thm 1",
        summary="the unit eigenvector of the i-th eigenvalue of a symmetric matrix; its sign is that of LAPACK's eigh",
        c="-> eigvec({m0}, {0}, {1}, {out}, {work:2*m0*m0+m0})",
    )
)
reduced_resolvent: Op = register(
    Op(
        "reduced_resolvent",
        "(n,n),()->(n,n)",
        (Nonlinear(lambda S, i, dS: _resolvent_differential(S, i, dS)), None),
        indexed_type("matrix"),
        numpy="reduced_resolvent({0}, {1})",
        julia="reduced_resolvent({0}, {1})",
        domain=("symmetric", "index"),
        guard=lambda S, i: SIMPLE_AT(S, i),
        gives=frozenset({"symmetric"}),
        law="R = (λI − S)⁺: dR = R dS R − dλ R² − R² dS qqᵀ − qqᵀ dS R²",
        proof=(
            "let i: index; q = eigvec(S,i); R = reduced_resolvent(S,i); M = eigval(S,i)*I - S",
            "R*M = I - q*q' | the pseudoinverse of a matrix with the kernel q",
            "d(R)*M + R*(d(eigval(S,i))*I - dS) = -(d(q)*q' + q*d(q)') | product rule",
            "d(R) = R*dS*R - q'*dS*q*R^2 - R^2*dS*q*q' - q*q'*dS*R^2 | times R, and d(R)q = −R dq",
        ),
        source="Kato 1995, §I.5.3; Golub & Pereyra 1973, eq. 4.12",
        summary="(λI − S)⁺ for the i-th eigenvalue λ of a symmetric matrix S, which must be simple",
        c="-> reduced_resolvent({m0}, {0}, {1}, {out}, {work:2*m0*m0+m0})",
    )
)


def _resolvent_differential(S: Node, i: Node, dS: Node) -> Node:
    """Of the pseudoinverse at constant rank, for λI − S, whose kernel is q."""
    R, q = reduced_resolvent(S, i), eigvec(S, i)
    square = R @ R
    turned = square @ dS @ q @ q.T
    return R @ dS @ R - _quadratic(q, dS) * square - turned - turned.T


def one_column(node: Node) -> Node | None:
    """A column of eigenvectors as a function of its own, whose rule says less of the others; None for other nodes."""
    if not is_op(node, COLUMN):
        return None
    assert isinstance(node, Apply)
    (inside,), (i,) = node.args, node.params
    if is_op(inside, eigvecs):
        return eigvec(inside.children[0], number(i))
    if is_op(inside, SLICE) and is_op(inside.children[0], eigvecs):
        assert isinstance(inside, Apply)
        low, high = inside.params[2:]
        whole = inside.params[0].number == 0 and inside.params[1] is inside.args[0].rows
        if whole and (high - low).number == 1:
            return eigvec(inside.children[0].children[0], size(high))
    return None


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
    julia="opnorm({0})",
    octave="norm({0})",
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
    traits="homogeneous iterative",
    c="= sigma_max({m0}, {n0}, {0}, {work:2*m0*n0+m0})",
    stack=lambda many, A: many.np.linalg.svd(many.compact(A), compute_uv=False)[:, 0],
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
    traits="indexed",
    typing=_sigma_type,
    scalar=lambda s, i: abs_(s),
    numpy="singular_value({0}, {p0})",
    julia="singular_value({0}, {p0})",
    torch="torch.linalg.svdvals({0})[{p0} - 1]",
    smooth="where the singular value of {0} is zero or not simple",
    guard=lambda A, i: SIMPLE_SINGULAR.build((A,), (-i,)),
    spellings="svdval",
    law="dσ = uᵀ dA v",
    proof=(
        "let v = eigvecs(X'*X)[:,n]",
        "sigma(X,1)^2 = lambda_max(X'*X) | what it is",
        "2*sigma(X,1)*d(sigma(X,1)) = 2*v'*X'*dX*v | dλ = qᵀ dS q",
        "d(sigma(X,1)) = (X*v/sigma(X,1))'*dX*v | X v = σ u",
    ),
    source="Magnus & Neudecker 2019, §8.9; Giles 2008, §3.2",
    summary="the i-th singular value, counted downward",
    curvature="nonnegative",
    c="= sigma({m0}, {n0}, {0}, {p0}, {work:2*m0*n0+m0})",
)


SIMPLE_SINGULAR_AT: Op = Op(
    "simple_singular_at",
    "(m,n),()->(m,n)",
    (),
    lambda args, params: ("matrix", args[0].rows, args[0].cols),
    numpy="simple_singular_at({0}, {1})",
)
"""A matrix asked to have its i-th singular value but once, and not 0."""


def _sigma_at_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    A, i = args
    at = _whole_index(i)
    return ("scalar", ONE, ONE) if at is None else _sigma_type((A,), (at,))


def _singular_at(A: Node, i: Node, dA: Node) -> Node:
    """dσᵢ = uᵢᵀ dA vᵢ, vᵢ being an eigenvector of AᵀA, or of a smaller AAᵀ the uᵢ."""
    rows, cols = A.rows.number, A.cols.number
    if rows is not None and cols is not None and rows < cols:
        u = eigvec(A @ A.T, size(A.rows) + 1 - i)
        return u.T @ dA @ A.T @ u / sigma_at(A, i)
    v = eigvec(A.T @ A, size(A.cols) + 1 - i)
    return v.T @ A.T @ dA @ v / sigma_at(A, i)


sigma_at: Op = register(
    Op(
        "sigma_at",
        "(m,n),()->()",
        (Nonlinear(_singular_at), None),
        _sigma_at_type,
        scalar=lambda s, i: abs_(s),
        numpy="singular_value({0}, place({1}, {0}) + 1)",
        julia="singular_value({0}, {1})",
        torch="torch.linalg.svdvals({0})[place({1}, {0})]",
        domain=("", "index"),
        smooth="where the singular value of {0} is zero or not simple",
        guard=lambda A, i: SIMPLE_SINGULAR_AT(A, i),
        spoken=("sigma",),
        law="dσ = uᵀ dA v",
        proof=(
            "let i: index; X: n×n; v = eigvec(X'*X, n + 1 - i)",
            "sigma(X,i)^2 = eigval(X'*X, n + 1 - i) | what it is, counted downward",
            "2*sigma(X,i)*d(sigma(X,i)) = 2*v'*X'*dX*v | dλ = qᵀ dS q",
            "d(sigma(X,i)) = (X*v/sigma(X,i))'*dX*v | X v = σ u",
        ),
        source="Magnus & Neudecker 2019, §8.9; Giles 2008, §3.2",
        summary="the i-th singular value for a letter i, counted downward",
        c="= sigma_at({m0}, {n0}, {0}, {1}, {work:2*m0*n0+m0})",
    )
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
    julia="cond({0})",
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
    julia="sum(svdvals({0}))",
    octave="sum(svd({0}))",
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
    stack=lambda many, A: many.np.linalg.svd(many.compact(A), compute_uv=False).sum(axis=1),
)


def _polar_differential(A: Node, dA: Node) -> Node:
    """For A = W P with m ≥ n: dW = W Ω + (I − WWᵀ) dA P⁻¹, PΩ + ΩP = Wᵀ dA − dAᵀ W."""
    if not tall(A):
        if not tall(A.T):
            raise UnsupportedError(
                "the derivative of the polar factor depends on which dimension is larger",
                hint=f"{UNKNOWN}it is the transpose",
            )
        return _polar_differential(A.T, dA.T).T
    W = polar(A)
    P = W.T @ A
    turn = W @ solve_sylvester(P, P, W.T @ dA - dA.T @ W)
    return turn if A.rows is A.cols else turn + (eye(A.rows) - W @ W.T) @ dA @ inv(P)


polar: Op = nonlinear(
    "polar",
    "(m,n)->(m,n)",
    _polar_differential,
    traits="iterative",
    scalar=lambda s: sign(s),
    numpy="polar({0})",
    julia="polar({0})",
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
    stack=lambda many, A: many.polar(A),
)


def tall(A: Node) -> bool:
    """Is it known to have at least as many rows as columns: by its sizes, or those of a variable declared so?"""
    if A.rows is A.cols:
        return True
    rows, cols = A.rows.number, A.cols.number
    if rows is not None and cols is not None:
        return rows >= cols
    return any(
        isinstance(n, Symbol) and (n.rows, n.cols) == (A.rows, A.cols) and not TALL.isdisjoint((n.of or n).attributes)
        for n in topological(A)
    )


TALL = frozenset({"tall", "orthonormal", "grassmann"})
"""Attributes of matrices with at least as many rows as columns."""
UNKNOWN = "declare it tall, as in A: m×n tall, or its dimensions as numbers; of its transpose "


def _svdvals_type(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    (A,) = args
    if not tall(A):
        raise UnsupportedError(
            f"svdvals of {describe(A)}: it must be known to have at least as many rows as columns",
            hint=f"{UNKNOWN}the singular values are the same, and sigma(A,i) is one of them",
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
        julia="lastcols({0}, {p0})",
        torch="torch.flip({0}, (1,))[:, :{p0}]",
        summary="the last k columns in reverse order",
        entries=lambda np, X, k: X[:, ::-1][:, :k],
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
        julia="svdvals({0})",
        octave="svd({0})",
        torch="torch.linalg.svdvals({0})",
        domain=("fullrank",),
        smooth="where singular values of {0} coincide",
        entry="sigma",
        law="dσ = diag(Uᵀ dA V)",
        proof=(
            "let X: n×n",
            "sum(svdvals(X).^2) = tr(X'*X) | the eigenvalues of XᵀX are their squares",
            "sum(2*svdvals(X).*d(svdvals(X))) = 2*tr(X'*dX) | product rule; each alone as for σ_max: dσ = uᵀ dX v",
        ),
        source="Giles 2008, §3.2",
        summary="singular values, descending",
        curvature="nonnegative",
        c="-> svdvals({m0}, {n0}, {0}, {out}, {work:2*m0*n0+m0})",
        stack=lambda many, A: many.np.linalg.svd(many.compact(A), compute_uv=False),
    )
)


peak: Op = register(
    Op(
        "peak",
        "(...)->(...)",
        (Nonlinear(lambda X, dX: zeros_like(X)),),
        numpy="peak({0})",
        julia="largest(abs.({0}))",
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
    julia="maximum(abs, {0})",
    octave="max(max(abs({0})))",
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
    traits="homogeneous unordered barred",
    c="= absolute_max({s0}, {0})",
    stack=lambda many, X: many.np.abs(many.flat(X)).max(axis=1),
)
