"""The factors of LU, QR and SVD, each a function of the matrix where the factors are unique.

Both factors of a decomposition have one opening in their proofs, one domain and one routine; what is written down for
each is its rule, the last line of its proof, and what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matdiff.core.node import Kind, Node, describe, number
from matdiff.core.op import Nonlinear, Op, Type, register
from matdiff.core.shape import Dim
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.ops.algebra import hadamard
from matdiff.ops.constants import eye
from matdiff.ops.elementwise import abs_, sign
from matdiff.ops.linalg import inv
from matdiff.ops.spectral import UNKNOWN, eiggaps, svdvals, tall
from matdiff.ops.structure import Diag, diag, tril, triu


@dataclass(frozen=True, slots=True)
class Decomposition:
    """What the factors of one decomposition share.

    routine   the helper that returns them all in NumPy and Julia
    domain    where they are defined, as `checks` calls it; `smooth` where they jump, in words
    written   the product, as in `L*U`, which names the factors in answers
    opening   the first lines of the proof of either factor's rule
    """

    routine: str
    domain: str
    written: str
    opening: tuple[str, ...]
    source: str
    smooth: str = ""
    julia: tuple[int, ...] = (1, 2)
    """Where Julia's helper returns the factor that is at a place in NumPy."""

    def factor(
        self,
        name: str,
        place: int,
        sig: str,
        rule: Callable[[Node, Node], Node],
        proof: tuple[str, ...],
        typing: Callable[[tuple[Node, ...], tuple[Any, ...]], Type] | None = None,
        **fields: Any,
    ) -> Op:
        """The record of the factor at a place of what the routine returns; `proof` are the lines that are its own."""
        return register(
            Op(
                name,
                sig,
                (Nonlinear(rule),),
                typing,
                numpy=f"{self.routine}({{0}})[{place}]",
                julia=f"{self.routine}({{0}})[{self.julia[place]}]",
                domain=(self.domain,),
                smooth=self.smooth,
                factor=f"{name[-1]} = {self.written}",
                proof=(*self.opening, *proof),
                source=self.source,
                **fields,
            )
        )


def strictly_lower(M: Node) -> Node:
    """The entries below the diagonal."""
    return tril(M) - Diag(diag(M))


# LU

LU = Decomposition(
    "lu_factors",
    "minors",
    "L*U",
    (
        "let L = lu_L(X); U = lu_U(X); M = inv(L)*dX*inv(U)",
        "L*U = X | what they are",
        "d(L)*U + L*d(U) = dX | product rule",
        "inv(L)*d(L) + d(U)*inv(U) = M | L⁻¹ from the left, U⁻¹ from the right",
    ),
    "Golub & Van Loan 2013, §3.2; Walter & Lehmann 2010, §3",
)


def _within_lu(A: Node, dA: Node) -> Node:
    """M = L⁻¹ dA U⁻¹, which is L⁻¹ dL + dU U⁻¹."""
    return inv(lu_L(A)) @ dA @ inv(lu_U(A))


lu_L: Op = LU.factor(
    "lu_L",
    0,
    "(n,n)->(n,n)",
    lambda A, dA: lu_L(A) @ strictly_lower(_within_lu(A, dA)),
    ("d(L) = L*(tril(M) - Diag(diag(M))) | L⁻¹dL has zeros on and above the diagonal, dU U⁻¹ below it",),
    scalar=lambda s: number(1),
    gives=frozenset({"lower", "invertible"}),
    octave="lu_factors({0})",
    law="dL = L stril(M), M = L⁻¹ dA U⁻¹",
    summary="unit lower-triangular L with L*U = A, without exchanging rows: leading minors must not be 0",
    c="-> lu_lower({m0}, {0}, {out}, {work:m0*m0})",
)
lu_U: Op = LU.factor(
    "lu_U",
    1,
    "(n,n)->(n,n)",
    lambda A, dA: triu(_within_lu(A, dA)) @ lu_U(A),
    ("d(U) = triu(M)*U | L⁻¹dL has zeros on and above the diagonal, dU U⁻¹ below it",),
    scalar=lambda s: s,
    gives=frozenset({"upper"}),
    octave="lu_upper({0})",
    law="dU = triu(M) U, M = L⁻¹ dA U⁻¹",
    summary="upper-triangular U with L*U = A, without exchanging rows: leading minors must not be 0",
    c="-> lu_upper({m0}, {0}, {out})",
)

# QR

QR = Decomposition(
    "qr_factors",
    "fullcolumns",
    "Q*R",
    ("let Q = qr_Q(X); R = qr_R(X); C = Q'*dX*inv(R)", "Q*R = X | what they are"),
    "Walter & Lehmann 2010, §4; Golub & Van Loan 2013, §5.2",
)


def _within_qr(A: Node, dA: Node) -> Node:
    """dR R⁻¹ = C − stril(C) + stril(C)ᵀ, C = Qᵀ dA R⁻¹, since QᵀdQ is skew."""
    below = strictly_lower(C := qr_Q(A).T @ dA @ inv(qr_R(A)))
    return C - below + below.T


def _tall(args: tuple[Node, ...], rows: bool) -> tuple[Kind, Dim, Dim]:
    (A,) = args
    m, n = A.rows.number, A.cols.number
    if m is not None and n is not None and m < n:
        raise ShapeError(
            f"{describe(A)} has more columns than rows, so its columns are not independent",
            hint="take the factors of its transpose",
        )
    return "matrix", A.rows if rows else A.cols, A.cols


qr_Q: Op = QR.factor(
    "qr_Q",
    0,
    "(p,n)->(p,n)",
    lambda A, dA: (dA - qr_Q(A) @ _within_qr(A, dA) @ qr_R(A)) @ inv(qr_R(A)),
    (
        "d(Q)*R + Q*d(R) = dX | product rule",
        "Q'*d(Q) = tril(C) - triu(C') | QᵀdQ is skew, dR R⁻¹ upper triangular: C is their sum",
        "d(Q) = (dX - Q*d(R))*inv(R) | from the second line",
    ),
    lambda args, params: _tall(args, True),
    scalar=lambda s: sign(s),
    gives=frozenset({"orthonormal"}),
    octave="qr_factors({0})",
    law="dQ = (dA − Q dR) R⁻¹",
    summary="Q with orthonormal columns, Q*R = A, R upper triangular with a positive diagonal",
    c="-> qr_left({m0}, {n0}, {0}, {out}, {work:n0*n0})",
)
qr_R: Op = QR.factor(
    "qr_R",
    1,
    "(p,n)->(n,n)",
    lambda A, dA: _within_qr(A, dA) @ qr_R(A),
    (
        "Q'*d(Q) + d(R)*inv(R) = C | product rule, Qᵀ from the left and R⁻¹ from the right",
        "Q'*d(Q) = tril(C) - triu(C') | QᵀdQ is skew, dR R⁻¹ upper triangular",
        "d(R) = (C - tril(C) + triu(C'))*R | the rest",
    ),
    lambda args, params: _tall(args, False),
    scalar=lambda s: abs_(s),
    gives=frozenset({"upper", "invertible"}),
    octave="qr_right({0})",
    law="dR = (C − stril(C) + stril(C)ᵀ) R, C = Qᵀ dA R⁻¹",
    summary="upper-triangular R with a positive diagonal, Q*R = A, Q with orthonormal columns",
    c="-> qr_right({m0}, {n0}, {0}, {out}, {work:m0*n0})",
)

# SVD

SVD = Decomposition(
    "svd_factors",
    "distinct_singular",
    "U*Diag(σ)*V'",
    ("let X: n×n; U = svd_U(X); V = svd_V(X); s = svdvals(X); P = U'*dX*V",),
    "Giles 2008, §3.2; Townsend 2016, eqs. 14–16",
    "where two entries of a right singular vector of {0} share the largest absolute value",
    (1, 0, 2),
)


def _svd_type(right: bool) -> Callable[[tuple[Node, ...], tuple[Any, ...]], Type]:
    def typing(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
        (A,) = args
        if not tall(A):
            raise UnsupportedError(
                f"the singular vectors of {describe(A)}: it must be known to have at least as many rows as columns",
                hint=f"{UNKNOWN}U and V change places",
            )
        return "matrix", A.cols if right else A.rows, A.cols

    return typing


def _vectors(A: Node, dA: Node, right: bool) -> Node:
    """dU = U (F ∘ (P Σ + Σ Pᵀ)) + (I − UUᵀ) dA V Σ⁻¹ with P = Uᵀ dA V, F_ij = 1/(σ_j² − σ_i²); dV is that of Aᵀ."""
    U, V = svd_U(A), svd_V(A)
    s = svdvals(A)
    W, other, change = (V, U, dA.T) if right else (U, V, dA)
    P = W.T @ change @ other @ Diag(s)
    turn = W @ hadamard(eiggaps(s**2), P + P.T)
    whole = W.rows is W.cols
    return turn if whole else turn + (eye(W.rows) - W @ W.T) @ change @ other @ Diag(s**-1)


svd_U: Op = SVD.factor(
    "svd_U",
    0,
    "(p,n)->(p,n)",
    lambda A, dA: _vectors(A, dA, False),
    (
        "U*Diag(s)*V' = X | what they are",
        "U'*d(U) + d(U)'*U = 0 | UᵀU = I: UᵀdU is skew, and so is VᵀdV",
        "U'*d(U)*Diag(s.^2) - Diag(s.^2)*U'*d(U) = P*Diag(s) + Diag(s)*P' - 2*Diag(s.*d(s)) | of X Xᵀ U = U Σ²",
        "d(U) = U*(eiggaps(s.^2).*(P*Diag(s) + Diag(s)*P')) | entry by entry",
    ),
    _svd_type(False),
    scalar=lambda s: sign(s),
    gives=frozenset({"orthonormal"}),
    octave="svd_factors({0})",
    law="dU = U (F ∘ (PΣ + ΣPᵀ)) + (I − UUᵀ) dA V Σ⁻¹, P = Uᵀ dA V, F_ij = 1/(σ_j² − σ_i²)",
    summary="left singular vectors as columns, A = U*Diag(svdvals(A))*V'; signs as those of svd_V ask for",
    c="-> svd_left({m0}, {n0}, {0}, {out}, {work:2*m0*n0+m0+n0})",
)
svd_V: Op = SVD.factor(
    "svd_V",
    2,
    "(p,n)->(n,n)",
    lambda A, dA: _vectors(A, dA, True),
    (
        "V*Diag(s)*U' = X' | what they are",
        "V'*d(V) + d(V)'*V = 0 | VᵀV = I: VᵀdV is skew, and so is UᵀdU",
        "V'*d(V)*Diag(s.^2) - Diag(s.^2)*V'*d(V) = Diag(s)*P + P'*Diag(s) - 2*Diag(s.*d(s)) | of Xᵀ X V = V Σ²",
        "d(V) = V*(eiggaps(s.^2).*(Diag(s)*P + P'*Diag(s))) | entry by entry",
    ),
    _svd_type(True),
    scalar=lambda s: number(1),
    gives=frozenset({"orthonormal"}),
    octave="svd_right({0})",
    law="dV = V (F ∘ (ΣP + PᵀΣ)) + (I − VVᵀ) dAᵀ U Σ⁻¹, P = Uᵀ dA V, F_ij = 1/(σ_j² − σ_i²)",
    summary="right singular vectors as columns, each with a positive entry where its absolute value is largest",
    c="-> svd_right({m0}, {n0}, {0}, {out}, {work:2*m0*n0+m0+n0})",
)
