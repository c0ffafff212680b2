"""Eigenvalues of Hermitian matrices, singular values and factors of complex ones.

An eigenvector has a phase that nothing fixes, so the records hold what the phase has left: the projector P = qqᴴ onto
an eigenvector, and (λI − H)⁺, by which P moves.  Of all eigenvalues together, and of all singular values, there are two
linear maps, adjoint to each other: diag(Qᴴ V Q) and Q Diag(y) Qᴴ.
"""

from __future__ import annotations

from matdiff.core.node import Node, number
from matdiff.core.op import Linear, Nonlinear, Op, Type
from matdiff.errors import UnsupportedError
from matdiff.ops import complexes
from matdiff.ops.algebra import inner, scale, transpose
from matdiff.ops.complexes import CONJ, RE, conjugate, register
from matdiff.ops.constants import eye
from matdiff.ops.linalg import half_tril, inv
from matdiff.ops.matrix_functions import solve_sylvester
from matdiff.ops.reductions import tr
from matdiff.ops.spectral import UNKNOWN, tall


def _scalar(args: tuple[Node, ...], params: tuple[object, ...]) -> Type:
    return "scalar", number(0).rows, number(0).cols


def _square(args: tuple[Node, ...], params: tuple[object, ...]) -> Type:
    return "matrix", args[0].rows, args[0].cols


def _column(args: tuple[Node, ...], params: tuple[object, ...]) -> Type:
    return "vector", args[0].rows, number(0).rows


def _turned(args: tuple[Node, ...], params: tuple[object, ...]) -> Type:
    return "matrix", args[0].cols, args[0].rows


def star(A: Node) -> Node:
    """The conjugate transpose."""
    return transpose(CONJ(A))


# one eigenvalue

_PROJECTORS: list[Op] = []


def _one(word: str, which: str, sig: str, shown: str, indexed: bool = False) -> tuple[Op, Op]:
    """An eigenvalue λ of a Hermitian matrix, and the projector P = qqᴴ onto its eigenvector.

    dλ = tr(P dH), dP = R dH P + P dH R with R = (λI − H)⁺, and that of R as of any pseudoinverse of constant rank
    (Kato 1995, §I.5.3); with an index that is a letter it is one more argument, of which nothing is a derivative.
    """
    more = (None,) if indexed else ()

    def of(record: Op, H: Node, i: tuple[object, ...]) -> Node:
        return record(H, *i) if indexed else record(H, params=i)  # type: ignore[arg-type]

    def slope(H: Node, *rest: object) -> tuple[Node, tuple[object, ...]]:
        return (rest[-1], rest[:-1]) if indexed else (rest[0], rest[1:])  # type: ignore[return-value]

    def value_rule(H: Node, *rest: object) -> Node:
        dH, i = slope(H, *rest)
        return tr(of(projector, H, i) @ dH)

    def projector_rule(H: Node, *rest: object) -> Node:
        dH, i = slope(H, *rest)
        R, P = of(resolvent, H, i), of(projector, H, i)
        return R @ dH @ P + P @ dH @ R

    def resolvent_rule(H: Node, *rest: object) -> Node:
        dH, i = slope(H, *rest)
        R, P = of(resolvent, H, i), of(projector, H, i)
        return R @ dH @ R - scale(tr(P @ dH), R @ R) - R @ R @ dH @ P - P @ dH @ R @ R

    projector = Op(
        f"eigproj{word}",
        f"{sig}->(n,n)",
        (Nonlinear(projector_rule), *more),
        _square,
        numpy=f"eigprojector({{0}}, {which})",
        smooth="where the eigenvalue of {0} is not simple",
        law="P = qqᴴ: dP = R dH P + P dH R, R = (λI − H)⁺",
        source="Kato 1995, §II.2.1; Magnus 1985, thm 2",
        summary=f"qqᴴ for the unit eigenvector q of {shown} of a Hermitian matrix",
        spoken=("eigproj",) if indexed else None,
    )
    resolvent = Op(
        f"eigresolvent{word}",
        f"{sig}->(n,n)",
        (Nonlinear(resolvent_rule), *more),
        _square,
        numpy=f"eigresolvent({{0}}, {which})",
        law="R = (λI − H)⁺: dR = R dH R − dλ R² − R² dH P − P dH R², P = qqᴴ",
        source="Kato 1995, §I.5.3; Golub & Pereyra 1973, eq. 4.12",
        summary=f"(λI − H)⁺ for λ = {shown} of a Hermitian matrix",
        spoken=("eigresolvent",) if indexed else None,
    )
    value = Op(
        f"hermitian_{shown}{word * indexed}",
        f"{sig}->()",
        (Nonlinear(value_rule), *more),
        _scalar,
        smooth="where the eigenvalue of {0} is not simple",
        spoken=(),
        law="dλ = qᴴ dH q",
        source="Magnus 1985, thm 2",
    )
    complexes.REAL_VALUED.add(value)
    complexes.OF_HERMITIAN.update((projector, resolvent))
    _PROJECTORS.extend((register(projector), register(resolvent)))
    return value, projector


LARGEST, LARGEST_PROJECTOR = _one("_max", "-1", "(n,n)", "lambda_max")
SMALLEST, SMALLEST_PROJECTOR = _one("_min", "0", "(n,n)", "lambda_min")
EIGENVALUE, PROJECTOR = _one("", "{p0} - 1", "(n,n);i", "eigval")
EIGENVALUE_AT, PROJECTOR_AT = _one("_at", "place({1}, {0})", "(n,n),()", "eigval", True)


# all of them


DIAGONAL: Op = register(
    Op(
        "eigdiag",
        "(n,n),(n,n)->(n)",
        (None, Linear(lambda y, H, V: transpose(SPECTRAL(H, y)))),
        _column,
        numpy="eigdiag({0}, {1})",
        law="diag(Qᴴ V Q) is linear in V",
        summary="diag(Qᴴ V Q) for the eigenvectors Q of a Hermitian matrix",
    )
)
SPECTRAL: Op = register(
    Op(
        "eigsum",
        "(n,n),(n)->(n,n)",
        (None, Linear(lambda Y, H, v: DIAGONAL(H, transpose(Y)))),
        _square,
        numpy="eigsum({0}, {1})",
        law="Q Diag(v) Qᴴ is linear in v",
        summary="Q Diag(v) Qᴴ for the eigenvectors Q of a Hermitian matrix",
    )
)
EIGENVALUES: Op = Op(
    "hermitian_eigvals",
    "(n,n)->(n)",
    (Nonlinear(lambda H, dH: RE(DIAGONAL(H, dH))),),
    _column,
    smooth="where eigenvalues of {0} coincide",
    spoken=(),
    law="dλ = diag(Qᴴ dH Q)",
    source="Magnus 1985, thm 2",
)


def _spectrum(args: tuple[Node, ...], params: tuple[object, ...]) -> Type:
    """As long as the shorter side, which is the second where nothing tells."""
    (A, *_) = args
    rows, cols = A.rows.number, A.cols.number
    return "vector", A.rows if rows is not None and cols is not None and rows < cols else A.cols, number(0).rows


SINGULAR_DIAGONAL: Op = register(
    Op(
        "svddiag",
        "(m,n),(m,n)->(k)",
        (None, Linear(lambda y, A, V: SINGULAR_SUM(conjugate(A), y))),
        _spectrum,
        numpy="svddiag({0}, {1})",
        law="diag(Uᴴ B V) is linear in B",
        summary="diag(Uᴴ B V) for the singular vectors U, V of the first matrix",
    )
)
SINGULAR_SUM: Op = register(
    Op(
        "svdsum",
        "(m,n),(k)->(m,n)",
        (None, Linear(lambda Y, A, y: SINGULAR_DIAGONAL(conjugate(A), Y))),
        _square,
        numpy="svdsum({0}, {1})",
        law="U Diag(y) Vᴴ is linear in y",
        summary="U Diag(y) Vᴴ for the singular vectors U, V of a matrix",
    )
)
SINGULAR_VALUES: Op = Op(
    "complex_svdvals",
    "(m,n)->(k)",
    (Nonlinear(lambda A, dA: RE(SINGULAR_DIAGONAL(A, dA))),),
    _spectrum,
    smooth="where singular values of {0} coincide",
    spoken=(),
    law="dσ = Re diag(Uᴴ dA V)",
    source="Giles 2008, §3.2",
)


def _polar(A: Node, dA: Node) -> Node:
    """For A = W P with m ≥ n: dW = W Ω + (I − WWᴴ) dA P⁻¹, PΩ + ΩP = Wᴴ dA − dAᴴ W."""
    if not tall(A):
        if not tall(transpose(A)):
            raise UnsupportedError(
                "the derivative of the polar factor depends on which dimension is larger",
                hint=f"{UNKNOWN}it is the transpose",
            )
        return star(_polar(star(A), star(dA)))
    W = POLAR(A)
    P = star(W) @ A
    turn = W @ solve_sylvester(P, P, star(W) @ dA - star(dA) @ W)
    return turn if A.rows is A.cols else turn + (eye(A.rows) - W @ star(W)) @ dA @ inv(P)


POLAR: Op = Op(
    "polar_unitary",
    "(m,n)->(m,n)",
    (Nonlinear(_polar),),
    _square,
    smooth="where {0} has not full rank",
    spoken=(),
    law="A = WP: PΩ + ΩP = Wᴴ dA − dAᴴ W, dW = WΩ + (I − WWᴴ) dA P⁻¹",
    source="Higham 2008, §8.1",
)
"""The unitary factor; `polar` in what is read and printed."""
NUCLEAR: Op = Op(
    "complex_nuclear",
    "(m,n)->()",
    (Nonlinear(lambda A, dA: RE(inner(conjugate(POLAR(A)), dA))),),
    _scalar,
    smooth="where {0} is not of full rank",
    spoken=(),
    law="d‖A‖_* = Re tr((UVᴴ)ᴴ dA), A = UΣVᴴ",
    source="Watson 1992",
)


# factors and the pseudoinverse


def _cholesky(S: Node, dS: Node) -> Node:
    L = CHOLESKY(S)
    return L @ half_tril(inv(L) @ dS @ star(inv(L)))


CHOLESKY: Op = Op(
    "hermitian_chol",
    "(n,n)->(n,n)",
    (Nonlinear(_cholesky),),
    _square,
    spoken=(),
    law="dL = L Φ(L⁻¹ dS L⁻ᴴ), Φ the lower triangle with half the diagonal; the diagonal of L is real and positive",
    source="Giles 2008, §2.3.3; Murray 2016, eq. 9",
)


def _pseudoinverse(A: Node, dA: Node) -> Node:
    P = PSEUDOINVERSE(A)
    across = P @ star(P) @ star(dA) @ (eye(A.rows) - A @ P)
    return across + (eye(A.cols) - P @ A) @ star(dA) @ star(P) @ P - P @ dA @ P


PSEUDOINVERSE: Op = Op(
    "complex_pinv",
    "(m,n)->(n,m)",
    (Nonlinear(_pseudoinverse),),
    _turned,
    smooth="where the rank of {0} changes",
    spoken=(),
    law="d(A⁺) at constant rank, with Aᴴ for Aᵀ",
    source="Golub & Pereyra 1973, eq. 4.12",
)

complexes.REAL_VALUED.update((EIGENVALUES, SINGULAR_VALUES, NUCLEAR))
complexes.OF_HERMITIAN.add(SPECTRAL)
complexes.REAL_DIAGONAL.add(CHOLESKY)
OWN = frozenset((*_PROJECTORS, DIAGONAL, SPECTRAL, SINGULAR_DIAGONAL, SINGULAR_SUM))
"""What is typed as it is: these have no other meaning of real arguments."""
