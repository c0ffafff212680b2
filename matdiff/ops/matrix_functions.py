"""Matrix functions through the spectrum, with their Fréchet maps (Higham 2008, ch. 3)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from matdiff.core.node import Apply, Node, number
from matdiff.core.op import Linear, Nonlinear, Op, macro, nonlinear, register, registry
from matdiff.core.shape import ZERO
from matdiff.ops.algebra import SCALE, is_op, matmul, scale
from matdiff.ops.constants import eye, is_eye, zeros, zeros_like
from matdiff.ops.elementwise import cos, cosh, exp, log, sin, sinh, sqrt
from matdiff.ops.indexing import HCAT, VCAT, slice_
from matdiff.ops.kronecker import kron_of
from matdiff.ops.linalg import inv
from matdiff.ops.structure import HALF

Direction = Callable[[Node, Node], Node]


def _split(a: Node) -> tuple[Node, Node]:
    return (a.children[0], a.children[1]) if is_op(a, SCALE) else (number(1), a)


def _upper(A: Node, V: Node) -> Node:
    """[A, V; 0, A], whose function carries the Fréchet map in its corner (Higham 2008, eq. 3.16)."""
    return VCAT(HCAT(A, V), HCAT(zeros_like(A), A))


def frechet_map(name: str, derivative: Callable[[Node], Node], numpy: str, jax: str = "", torch: str = "") -> Direction:
    """The Fréchet map L(A; V) of a matrix function whose scalar derivative is `derivative`.

    L is linear in V with adjoint L(Aᵀ; ·), and its own derivative by A is the corner of a Fréchet map
    of twice the size, so every order stays inside the language.
    """

    def corner(A: Node, V: Node, dA: Node) -> Node:
        zero = zeros_like(A)
        big = build(_upper(A, V), VCAT(HCAT(dA, zero), HCAT(zero, dA)))
        return slice_(big, ZERO, A.rows, A.rows, A.rows + A.rows)

    def divided(node: Apply, slot: int) -> Node:
        """The corner of f([I⊗A, I; 0, Aᵀ⊗I]), whose blocks commute (Higham 2008, §3.2)."""
        A = node.args[0]
        left, right, one = kron_of(eye(A.rows), A), kron_of(A.T, eye(A.rows)), eye(A.rows * A.rows)
        whole = registry[name](VCAT(HCAT(left, one), HCAT(zeros("matrix", one.rows, one.rows), right)))
        return slice_(whole, ZERO, one.rows, one.rows, one.rows + one.rows)

    op = register(
        Op(
            f"frechet_{name}",
            "(n,n),(n,n)->(n,n)",
            (Nonlinear(corner), Linear(lambda Y, A, V: build(A.T, Y))),
            numpy=numpy,
            jax=jax,
            torch=torch,
            law=f"the Fréchet map of {name} is linear in its direction",
            source="Higham 2008, ch. 3",
            matrix=divided,
        )
    )

    def build(A: Node, V: Node) -> Node:
        factor, direction = _split(V)
        if is_eye(direction):
            return scale(factor, derivative(A))
        if direction is _split(A)[1]:
            return scale(factor, matmul(direction, derivative(A)))
        return op(A, V)

    return build


def _of_exponential(part: str) -> dict[str, str]:
    """Code for the Fréchet maps of cos A + i sin A = exp(iA), which are the parts of that of the exponential."""
    jax = "jax.scipy.linalg.expm_frechet(1j * {0}, 1j * {1}, compute_expm=False)"
    own = "frechet_expm(1j * {0}, 1j * {1})"
    return {"numpy": f"{own}.{part}", "jax": f"{jax}.{part}", "torch": f"{own}.{part}"}


expm: Op = nonlinear(
    "expm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_expm(X, dX),
    scalar=lambda s: exp(s),
    numpy="scipy.linalg.expm({0})",
    torch="torch.linalg.matrix_exp({0})",
    latex=r"\operatorname{{expm}}({0})",
    keeps="symmetric diagonal lower upper",
    spellings="matrix_exp matexp matrixexp",
    law="the Fréchet map of the matrix exponential",
    source="Higham 2008, §10.2",
    curvature="traceconvex",
)
logm: Op = nonlinear(
    "logm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_logm(X, dX),
    scalar=lambda s: log(s),
    numpy="real_logm({0})",
    torch="-",
    domain="spectrum",
    keeps="symmetric diagonal lower upper",
    spellings="matrixlog",
    law="the Fréchet map of the matrix logarithm",
    source="Higham 2008, §11.2",
    curvature="concave⪰ increasing⪰",
)
sqrtm: Op = nonlinear(
    "sqrtm",
    "(n,n)->(n,n)",
    lambda X, dX: solve_sylvester(sqrtm(X), sqrtm(X), dX),
    scalar=lambda s: sqrt(s),
    numpy="real_sqrtm({0})",
    torch="-",
    domain="spectrum",
    keeps="symmetric spd diagonal lower upper",
    law="R = X^½: R dR + dR R = dX",
    source="Higham 2008, eq. 6.1",
    curvature="concave⪰ increasing⪰",
)
MATRIX: dict[Op, Op] = {exp: expm, log: logm, sqrt: sqrtm}
"""The function of matrices for each of entries: it does to the eigenvalues what that does to the entries."""

cosm: Op = nonlinear(
    "cosm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_cosm(X, dX),
    scalar=lambda s: cos(s),
    numpy="scipy.linalg.cosm({0})",
    jax="jax.scipy.linalg.expm(1j * {0}).real",
    torch="torch.linalg.matrix_exp(1j * {0}).real",
    latex=r"\operatorname{{cosm}}({0})",
    keeps="symmetric diagonal lower upper",
    law="the Fréchet map of the matrix cosine",
    source="Higham 2008, ch. 12",
)
sinm: Op = nonlinear(
    "sinm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_sinm(X, dX),
    scalar=lambda s: sin(s),
    numpy="scipy.linalg.sinm({0})",
    jax="jax.scipy.linalg.expm(1j * {0}).imag",
    torch="torch.linalg.matrix_exp(1j * {0}).imag",
    latex=r"\operatorname{{sinm}}({0})",
    keeps="symmetric diagonal lower upper",
    law="the Fréchet map of the matrix sine",
    source="Higham 2008, ch. 12",
)
frechet_expm: Direction = frechet_map(
    "expm", lambda A: expm(A), "scipy.linalg.expm_frechet({0}, {1}, compute_expm=False)"
)
frechet_logm: Direction = frechet_map("logm", lambda A: inv(A), "frechet_logm({0}, {1})")
frechet_cosm: Direction = frechet_map("cosm", lambda A: -sinm(A), **_of_exponential("real"))
frechet_sinm: Direction = frechet_map("sinm", lambda A: cosm(A), **_of_exponential("imag"))


macro(
    "coshm",
    "(n,n)->(n,n)",
    lambda X: scale(HALF, expm(X) + expm(-X)),
    scalar=lambda s: cosh(s),
    summary="(expm(X) + expm(-X))/2",
)
macro(
    "sinhm",
    "(n,n)->(n,n)",
    lambda X: scale(HALF, expm(X) - expm(-X)),
    scalar=lambda s: sinh(s),
    summary="(expm(X) - expm(-X))/2",
)

SYLVESTER: Op = register(
    Op(
        "sylvester",
        "(m,m),(n,n),(m,n)->(m,n)",
        (
            Nonlinear(lambda A, B, C, dA: -solve_sylvester(A, B, dA @ solve_sylvester(A, B, C))),
            Nonlinear(lambda A, B, C, dB: -solve_sylvester(A, B, solve_sylvester(A, B, C) @ dB)),
            Linear(lambda Y, A, B, C: solve_sylvester(A.T, B.T, Y)),
        ),
        numpy="scipy.linalg.solve_sylvester({0}, {1}, {2})",
        torch="-",
        law="AX + XB = C differentiated",
        source="Higham 2008, §B.14",
        summary="the X with A*X + X*B = C",
        matrix=lambda node, slot: inv(kron_of(eye(node.cols), node.args[0]) + kron_of(node.args[1].T, eye(node.rows))),
    )
)


def solve_sylvester(A: Node, B: Node, C: Node) -> Node:
    """The X with AX + XB = C; for A = B and C = cI it is (c/2) A⁻¹."""
    factor, direction = _split(C)
    if A is B and is_eye(direction):
        return scale(factor, scale(number(Fraction(1, 2)), inv(A)))
    return SYLVESTER(A, B, C)
