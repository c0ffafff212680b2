"""Matrix functions through the spectrum, with their Fréchet maps (Higham 2008, ch. 3)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from matdiff.core.node import Apply, Node, Number, number
from matdiff.core.op import Facts, Linear, Mistake, Nonlinear, Op, macro, nonlinear, register, registry
from matdiff.core.shape import ZERO
from matdiff.ops.algebra import ADD, MATMUL, MPOW, SCALE, TRANSPOSE, is_op, matmul, mpow, power, scale, transpose
from matdiff.ops.constants import eye, is_eye, zeros, zeros_like
from matdiff.ops.elementwise import cos, cosh, exp, log, sin, sinh, sqrt
from matdiff.ops.indexing import HCAT, VCAT, slice_
from matdiff.ops.kronecker import kron_of
from matdiff.ops.linalg import inv, inverse
from matdiff.ops.structure import HALF

Direction = Callable[..., Node]


def _split(a: Node) -> tuple[Node, Node]:
    return (a.children[0], a.children[1]) if is_op(a, SCALE) else (number(1), a)


def _upper(A: Node, V: Node) -> Node:
    """[A, V; 0, A], whose function carries the Fréchet map in its corner (Higham 2008, eq. 3.16)."""
    return VCAT(HCAT(A, V), HCAT(zeros_like(A), A))


def _of_flipped(known: Facts, node: Apply, A: Node) -> Node | None:
    """f(Aᵀ) = f(A)ᵀ for matrix functions."""
    return transpose(node.op(A.children[0])) if A.op is TRANSPOSE else None


def _of_function(known: Facts, node: Apply, A: Node, V: Node, *p: Node) -> Node | None:
    """L_f(A; V) = V f'(A) for a V that is a function of A."""
    if not _made_of(V, A):
        return None
    assert node.op.derivative is not None
    derivative = node.op.derivative(A, *p)
    s, f = derivative.children if derivative.op is SCALE else (number(1), derivative)
    return scale(s, matmul(V, f))


LARGEST = 40
"""Most nodes of a direction that is tried for being a function of the point."""


def _commutes(op: Op) -> bool:
    """Do a function of a matrix by this one, and sums and products of those, commute with the matrix?"""
    return op in (ADD, SCALE, MATMUL, MPOW) or op is MPOWER or "primary" in op.traits.split()


def _made_of(V: Node, A: Node) -> bool:
    """Is V, or where A is a transpose Vᵀ, built from A alone by functions that commute with it?"""
    if A.op is TRANSPOSE and V.op is TRANSPOSE:
        A, V = A.children[0], V.children[0]
    seen: set[Node] = set()
    waiting = [V]
    while waiting:
        node = waiting.pop()
        if node is A or node in seen or node.kind == "scalar" or is_eye(node):
            continue
        seen.add(node)
        if not isinstance(node, Apply) or not _commutes(node.op) or len(seen) > LARGEST:
            return False
        waiting.extend(node.args)
    return True


def _by_blocks(np: Any, function: Callable[[Any], Any], M: Any) -> Any:
    """A function of real matrices at A + iE, E tiny: f(A) + i L(A; E), from f [A, E; 0, A] (Higham 2008, thm 3.6).

    SciPy's complex Schur forms of such matrices lose E to rounding.
    """
    if not np.iscomplexobj(M):
        return function(M)
    A, E, n = M.real, M.imag, M.shape[0]
    scale = float(np.max(np.abs(E), initial=0)) or 1.0
    both = np.asarray(function(np.block([[A, E / scale], [np.zeros_like(A), A]])))
    return both[:n, :n] + 1j * scale * both[:n, n:]


def _turning(np: Any, scipy: Any, A: Any) -> tuple[Any, Any]:
    """Cosine and sine of a matrix, in exp [0, -A; A, 0] = [cos A, -sin A; sin A, cos A], without exp(iA)."""
    n, zero = A.shape[0], np.zeros_like(A)
    both = scipy.linalg.expm(np.block([[zero, -A], [A, zero]]))
    return both[:n, :n], both[n:, :n]


def _analytic_mpower(np: Any, scipy: Any, A: Any, p: Any) -> Any:
    """A^p, a product for a whole p."""
    k = complex(p[0, 0])
    if not k.imag and k.real.is_integer():
        return np.linalg.matrix_power(A, int(k.real))
    value = _by_blocks(np, lambda M: scipy.linalg.expm(k.real * scipy.linalg.logm(M)), A)
    return value + 1j * k.imag * (_by_blocks(np, scipy.linalg.logm, A) @ value) if k.imag else value


def _analytic_sylvester(np: Any, scipy: Any, A: Any, B: Any, C: Any) -> Any:
    """As a linear system: a Schur form of A + iV loses a small V where eigenvalues of A are complex."""
    system = np.kron(A, np.eye(B.shape[0])) + np.kron(np.eye(A.shape[0]), B.T)
    return np.linalg.solve(system, C.reshape(-1)).reshape(C.shape)


def frechet_map(
    name: str,
    derivative: Callable[..., Node],
    numpy: str,
    by_exponent: Callable[..., Node] | None = None,
    **fields: Any,
) -> Direction:
    """The Fréchet map L(A; V) of a matrix function whose scalar derivative is `derivative`.

    L is linear in V with adjoint L(Aᵀ; ·), and its own derivative by A is the corner of a Fréchet map
    of twice the size, so every order stays inside the language.  A function with an exponent states `by_exponent`,
    the differential L(A; V, p) by p.
    """

    def corner(A: Node, V: Node, *rest: Node) -> Node:
        *p, dA = rest
        zero = zeros_like(A)
        big = build(_upper(A, V), VCAT(HCAT(dA, zero), HCAT(zero, dA)), *p)
        return slice_(big, ZERO, A.rows, A.rows, A.rows + A.rows)

    def divided(node: Apply, slot: int) -> Node:
        """The corner of f([I⊗A, I; 0, Aᵀ⊗I]), whose blocks commute (Higham 2008, §3.2)."""
        A, _, *p = node.args
        left, right, one = kron_of(eye(A.rows), A), kron_of(A.T, eye(A.rows)), eye(A.rows * A.rows)
        whole = registry[name](VCAT(HCAT(left, one), HCAT(zeros("matrix", one.rows, one.rows), right)), *p)
        return slice_(whole, ZERO, one.rows, one.rows, one.rows + one.rows)

    rules = (Nonlinear(corner), Linear(lambda Y, A, V, *p: build(A.T, Y, *p)))
    op = register(
        Op(
            f"frechet_{name}",
            f"(n,n),(n,n){',()' * (by_exponent is not None)}->(n,n)",
            rules if by_exponent is None else (*rules, Nonlinear(by_exponent)),
            numpy=numpy,
            julia=f"frechet_{name}({{0}}, {{1}}{', {2}' if by_exponent is not None else ''})",
            law=f"the Fréchet map of {name} is linear in its direction",
            source="Higham 2008, ch. 3",
            matrix=divided,
            derivative=derivative,
            simplify=_of_function,
            traits="iterative",
            **fields,
        )
    )

    def build(A: Node, V: Node, *p: Node) -> Node:
        factor, direction = _split(V)
        if is_eye(direction):
            return scale(factor, derivative(A, *p))
        if direction is _split(A)[1]:
            return scale(factor, matmul(direction, derivative(A, *p)))
        return op(A, V, *p)

    return build


def _of_exponential(part: str) -> dict[str, Any]:
    """Code for the Fréchet maps of cos A + i sin A = exp(iA), which are the parts of that of the exponential."""
    jax = "jax.scipy.linalg.expm_frechet(1j * {0}, 1j * {1}, compute_expm=False)"
    own = "frechet_expm(1j * {0}, 1j * {1})"
    c = f"-> frechet_turned({{m0}}, {{0}}, {{1}}, {int(part == 'imag')}, {{out}}, {{work:152*m0*m0+4*m0}})"
    return {"numpy": f"{own}.{part}", "jax": f"{jax}.{part}", "torch": f"{own}.{part}", "c": c}


expm: Op = nonlinear(
    "expm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_expm(X, dX),
    scalar=lambda s: exp(s),
    numpy="scipy.linalg.expm({0})",
    julia="exp({0})",
    octave="expm({0})",
    torch="torch.linalg.matrix_exp({0})",
    latex=r"\operatorname{{expm}}({0})",
    keeps="symmetric diagonal lower upper",
    spellings="matrix_exp matexp matrixexp",
    law="the Fréchet map of the matrix exponential",
    proof=(
        "let O = 0*X",
        "expm([X, dX; O, X]) = [expm(X), d(expm(X)); O, expm(X)] | the corner of [X E; 0 X]ᵏ is Σ XⁱEXᵏ⁻¹⁻ⁱ",
        "d(expm(X)) = frechet(expm, X, dX) | the name of this map (Higham 2008, §3.2)",
    ),
    source="Higham 2008, §10.2",
    curvature="traceconvex logtraceconvex",
    traits="primary iterative",
    c="-> expm({m0}, {0}, {out}, {work:7*m0*m0+m0})",
    mistakes=(Mistake(lambda X, dX: expm(X) @ dX, "d expm(X) = expm(X) dX", "the Fréchet map of expm"),),
    simplify=_of_flipped,
    stack=lambda many, X: many.expm(X),
    analytic=lambda np, scipy, X: scipy.linalg.expm(X),
)
logm: Op = nonlinear(
    "logm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_logm(X, dX),
    scalar=lambda s: log(s),
    numpy="real_logm({0})",
    julia="real_logm({0})",
    domain="spectrum",
    keeps="symmetric diagonal lower upper",
    spellings="matrixlog",
    law="the Fréchet map of the matrix logarithm",
    proof=(
        "let O = 0*X",
        "logm([X, dX; O, X]) = [logm(X), d(logm(X)); O, logm(X)] | the corner of [X E; 0 X]ᵏ is Σ XⁱEXᵏ⁻¹⁻ⁱ",
        "d(logm(X)) = frechet(logm, X, dX) | the name of this map (Higham 2008, §3.2)",
    ),
    source="Higham 2008, §11.2",
    curvature="concave⪰ increasing⪰",
    traits="primary",
    c="-> logm({m0}, {0}, {out}, {work:6*m0*m0+m0})",
    simplify=_of_flipped,
    analytic=lambda np, scipy, X: _by_blocks(np, scipy.linalg.logm, X),
)
sqrtm: Op = nonlinear(
    "sqrtm",
    "(n,n)->(n,n)",
    lambda X, dX: solve_sylvester(sqrtm(X), sqrtm(X), dX),
    scalar=lambda s: sqrt(s),
    numpy="real_sqrtm({0})",
    julia="real_sqrtm({0})",
    domain="spectrum",
    keeps="symmetric spd diagonal lower upper",
    law="R = X^½: R dR + dR R = dX",
    proof=(
        "sqrtm(X)*sqrtm(X) = X | what a root is",
        "d(sqrtm(X))*sqrtm(X) + sqrtm(X)*d(sqrtm(X)) = dX | product rule",
        "d(sqrtm(X)) = sylvester(sqrtm(X), sqrtm(X), dX) | the solution of that",
    ),
    source="Higham 2008, eq. 6.1",
    curvature="concave⪰ increasing⪰",
    traits="primary",
    c="-> sqrtm({m0}, {0}, {out}, {work:4*m0*m0+m0})",
    simplify=_of_flipped,
    analytic=lambda np, scipy, X: _by_blocks(np, scipy.linalg.sqrtm, X),
)
cosm: Op = nonlinear(
    "cosm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_cosm(X, dX),
    scalar=lambda s: cos(s),
    numpy="scipy.linalg.cosm({0})",
    julia="cos({0})",
    octave="real(expm(1i * {0}))",
    jax="jax.scipy.linalg.expm(1j * {0}).real",
    torch="torch.linalg.matrix_exp(1j * {0}).real",
    latex=r"\operatorname{{cosm}}({0})",
    keeps="symmetric diagonal lower upper",
    law="the Fréchet map of the matrix cosine",
    proof=(
        "let O = 0*X",
        "cosm([X, dX; O, X]) = [cosm(X), d(cosm(X)); O, cosm(X)] | the corner of [X E; 0 X]ᵏ is Σ XⁱEXᵏ⁻¹⁻ⁱ",
        "d(cosm(X)) = frechet(cosm, X, dX) | the name of this map (Higham 2008, §3.2)",
    ),
    source="Higham 2008, ch. 12",
    traits="primary iterative",
    c="-> turned({m0}, {0}, 0, {out}, {work:36*m0*m0+2*m0})",
    simplify=_of_flipped,
    analytic=lambda np, scipy, X: _turning(np, scipy, X)[0],
)
sinm: Op = nonlinear(
    "sinm",
    "(n,n)->(n,n)",
    lambda X, dX: frechet_sinm(X, dX),
    scalar=lambda s: sin(s),
    numpy="scipy.linalg.sinm({0})",
    julia="sin({0})",
    octave="imag(expm(1i * {0}))",
    jax="jax.scipy.linalg.expm(1j * {0}).imag",
    torch="torch.linalg.matrix_exp(1j * {0}).imag",
    latex=r"\operatorname{{sinm}}({0})",
    keeps="symmetric diagonal lower upper",
    law="the Fréchet map of the matrix sine",
    proof=(
        "let O = 0*X",
        "sinm([X, dX; O, X]) = [sinm(X), d(sinm(X)); O, sinm(X)] | the corner of [X E; 0 X]ᵏ is Σ XⁱEXᵏ⁻¹⁻ⁱ",
        "d(sinm(X)) = frechet(sinm, X, dX) | the name of this map (Higham 2008, §3.2)",
    ),
    source="Higham 2008, ch. 12",
    traits="primary iterative",
    c="-> turned({m0}, {0}, {m0}, {out}, {work:36*m0*m0+2*m0})",
    simplify=_of_flipped,
    analytic=lambda np, scipy, X: _turning(np, scipy, X)[1],
)
frechet_expm: Direction = frechet_map(
    "expm",
    lambda A: expm(A),
    numpy="frechet_expm({0}, {1})",
    jax="jax.scipy.linalg.expm_frechet({0}, {1}, compute_expm=False)",
    c="-> frechet_expm({m0}, {0}, {1}, {out}, {work:36*m0*m0+2*m0})",
    stack=lambda many, A, V: many.frechet_expm(A, V),
)
frechet_logm: Direction = frechet_map(
    "logm",
    lambda A: inv(A),
    "frechet_logm({0}, {1})",
    c="-> frechet_logm({m0}, {0}, {1}, {out}, {work:32*m0*m0+2*m0})",
)
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

MPOWER: Op = nonlinear(
    "mpower",
    "(n,n),()->(n,n)",
    lambda X, p, dX: frechet_mpower(X, dX, p),
    lambda X, p, dp: dp * (matrix_power(X, p) @ logm(X)),
    scalar=lambda s, p: power(s, p),
    numpy="mpower({0}, {1})",
    julia="matrix_power({0}, {1})",
    latex="{0}^{{{1}}}",
    keeps="symmetric spd diagonal lower upper",
    domain=("exponent",),
    law="the Fréchet map of the power: Σ X^i dX X^(k−1−i) for a whole k",
    proof=(
        "d(expm(b*logm(A))) = d(A^b) | what a power is",
        "d(A^2) = dA*A + A*dA | for whole exponents the product rule",
    ),
    source="Higham 2008, §7.3 and eq. 3.24",
    summary="X^p: a product for a whole p, else exp(p log X)",
    traits="iterative",
    spoken=(),
    jointly="exponent 0 1",
    analytic=_analytic_mpower,
    sympy=lambda sp, node, X, p: sp.MatPow(X, p),
    c="-> mpower({m0}, {0}, {1}, {out}, {work:8*m0*m0+m0})",
)
"""A^p for an exponent that is no whole number written out, which is `mpow`."""


def matrix_power(A: Node, p: Node) -> Node:
    """A^p; whole numbers and halves as a person writes them: A³, A⁻¹, A^½."""
    value = p.value if isinstance(p, Number) else None
    if is_eye(A) or A.kind == "scalar" or value is None:
        return A if is_eye(A) else MPOWER(*_base(A, p))
    if value == int(value):
        return mpow(A if value >= 0 else inverse(A), abs(int(value)))
    if abs(value) == Fraction(1, 2):
        return sqrtm(A if value > 0 else inverse(A))
    return MPOWER(*_base(A, p))


def _base(A: Node, p: Node) -> tuple[Node, Node]:
    """(A⁻¹)^p is A^(−p)."""
    return (A.children[0], scale(number(-1), p)) if is_op(A, inv) else (A, p)


def _power_map_by_exponent(A: Node, V: Node, p: Node, dp: Node) -> Node:
    """L(A; V, p) differentiated by p: the Fréchet map of A^p log A."""
    return dp * (frechet_mpower(A, V, p) @ logm(A) + matrix_power(A, p) @ frechet_logm(A, V))


frechet_mpower: Direction = frechet_map(
    "mpower",
    lambda A, p: scale(p, matrix_power(A, p - 1)),
    "frechet_mpower({0}, {1}, {2})",
    _power_map_by_exponent,
    domain=("exponent",),
    jointly="exponent 0 2",
    c="-> frechet_mpower({m0}, {0}, {1}, {2}, {out}, {work:40*m0*m0+2*m0})",
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
        traits="iterative",
        numpy="scipy.linalg.solve_sylvester({0}, {1}, {2})",
        julia="sylvester({0}, {1}, -{2})",
        octave="sylvester({0}, {1}, {2})",
        jax="solve_sylvester({0}, {1}, {2})",
        torch="solve_sylvester({0}, {1}, {2})",
        law="AX + XB = C differentiated",
        proof=(
            "let F = sylvester(A,B,C)",
            "A*F + F*B = C | what it is",
            "dA*F + A*d(F) + d(F)*B + F*dB = dC | product rule",
            "d(F) = sylvester(A, B, dC - dA*F - F*dB) | an equation of the same kind",
        ),
        source="Higham 2008, §B.14",
        summary="the X with A*X + X*B = C",
        matrix=lambda node, slot: inv(kron_of(eye(node.cols), node.args[0]) + kron_of(node.args[1].T, eye(node.rows))),
        c="-> sylvester({m0}, {m1}, {0}, {1}, {2}, {out}, {work:2*m0*m0*m1*m1+m0*m1})",
        jointly="disjoint 0 1",
        analytic=_analytic_sylvester,
    )
)


def solve_sylvester(A: Node, B: Node, C: Node) -> Node:
    """The X with AX + XB = C; for A = B and C = cI it is (c/2) A⁻¹."""
    factor, direction = _split(C)
    if A is B and is_eye(direction):
        return scale(factor, scale(number(Fraction(1, 2)), inv(A)))
    return SYLVESTER(A, B, C)


macro(
    "lyap",
    "(n,n),(n,n)->(n,n)",
    lambda A, Q: solve_sylvester(A, A.T, -Q),
    scalar=lambda a, q: -q / (2 * a),
    summary="the X with A*X + X*A' + Q = 0, as in MATLAB",
    remark="lyap({0}, {1}) is the X with {0}*X + X*{0}' + {1} = 0, as in MATLAB and Julia; for {0}*X + X*{0}' = {1} "
    "write lyap({0}, -{1})",
)
