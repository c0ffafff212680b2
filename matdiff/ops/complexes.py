"""Functions of complex arrays: conjugates, real parts, moduli; and which of the other functions are holomorphic.

Linear maps are moved across the bilinear pairing tr(AᵀB) as always; the gradient for Re⟨A,B⟩ = Re tr(AᴴB) is the
conjugate of what comes out, since an adjoint is the conjugate transpose.  So every rule of a holomorphic function
serves as it stands, and only what conjugates needs rules of its own: conj, re and im are linear over the real numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from matdiff.core.node import Apply, Constant, Node, Symbol, constant, existing, number, topological
from matdiff.core.op import Joint, Nonlinear, Op, Rule, Type, macro, registry, spelled, spellings, words
from matdiff.errors import UnsupportedError
from matdiff.ops import elementwise, spectral
from matdiff.ops.algebra import (
    ADD,
    CONSTRUCTORS,
    HADAMARD,
    INNER,
    MATMUL,
    MPOW,
    POWER,
    SCALE,
    TRANSPOSE,
    hadamard,
    inner,
    is_op,
    matrix_product,
    scale,
    transpose,
)
from matdiff.ops.constants import is_eye
from matdiff.ops.elementwise import abs_
from matdiff.ops.linalg import det, inv, logdet
from matdiff.ops.matrix_functions import expm, logm, sqrtm
from matdiff.ops.reductions import norm, norm1, tr
from matdiff.ops.spectral import eigval, eigvals, lambda_max, lambda_min
from matdiff.ops.structure import diag

COMPLEX = frozenset({"complex", "hermitian", "unitary", "hpd"})
"""Attributes of variables that are not real."""
SELFADJOINT = frozenset({"hermitian", "hpd"})

IMAGINARY = "imaginary_unit"


def imaginary() -> Constant:
    """The imaginary unit."""
    return constant(IMAGINARY, "scalar")


def imaginary_in(node: Node) -> bool:
    """Does the imaginary unit stand in an expression?  Nothing is looked through where none is alive."""
    made = existing(IMAGINARY)
    return made is not None and made in topological(node)


def attributes(symbol: Symbol) -> frozenset[str]:
    """What is declared of a variable; a differential moves in the set of its variable."""
    return symbol.attributes if symbol.of is None else symbol.of.attributes


proofs: dict[str, Callable[[Node], bool]] = {}
"""`hermitian`: is a matrix its own conjugate transpose by its form?  Filled by `matdiff.calculus.complexes`."""

_real: WeakKeyDictionary[Node, bool] = WeakKeyDictionary()


def is_real(node: Node) -> bool:
    """Is it real by its parts: made of real ones, or by a function whose values are real?"""
    found = _real.get(node)
    if found is None:
        for part in topological(node, done=_real):
            _real[part] = _real_part_by_part(part)
        found = _real[node]
    return found


def _real_part_by_part(node: Node) -> bool:
    if isinstance(node, Symbol):
        return is_real(node.body) if node.body is not None else attributes(node).isdisjoint(COMPLEX)
    if isinstance(node, Apply):
        if all(_real[a] for a in node.args) or node.op in REAL_VALUED:
            return True
        if node.op is HADAMARD or node.op is INNER or (node.op is SCALE and node.kind == "scalar"):
            return node.args[1] is conjugate(node.args[0])
        if node.op in (det, logdet) and of_two(node.args[0]):
            return True
        if node.op is diag and isinstance(node.args[0], Apply) and node.args[0].op in REAL_DIAGONAL:
            return True
        return node.op in REAL_OF_HERMITIAN and hermitian(node.args[0])
    return not (isinstance(node, Constant) and node.name == IMAGINARY)


def of_two(M: Node) -> bool:
    """Is it c I + A B with Hermitian A and B, c real?  Its conjugate transpose c I + B A has the same determinant."""
    if not is_op(M, ADD):
        return False
    rest = []
    for t in M.children:
        front, core = (t.children[0], t.children[1]) if is_op(t, SCALE) else (number(1), t)
        if not is_real(front):
            return False
        if not is_eye(core):
            rest.append(core)
    if len(rest) != 1 or not is_op(rest[0], MATMUL):
        return False
    factors = [rest[0]]
    while any(is_op(f, MATMUL) for f in factors):
        factors = [g for f in factors for g in (f.children if is_op(f, MATMUL) else (f,))]
    if len(factors) > MOST_FACTORS:
        return False
    return any(
        hermitian(matrix_product(factors[:k])) and hermitian(matrix_product(factors[k:]))
        for k in range(1, len(factors))
    )


MOST_FACTORS = 12
"""Most factors of a product that is looked at for two Hermitian ones."""


def hermitian(M: Node) -> bool:
    if isinstance(M, Symbol) and M.body is None:
        real = is_real(M) and not attributes(M).isdisjoint({"symmetric", "spd", "diagonal"})
        return real or not attributes(M).isdisjoint(SELFADJOINT)
    prove = proofs.get("hermitian")
    return M.rows is M.cols and prove is not None and prove(M)


def conjugate(root: Node) -> Node:
    """The conjugate, written with conjugates of variables alone: that of A⁻¹B is that of A, inverted, times that of B.

    What is real stays, and of a Hermitian matrix it is the transpose.
    """
    memo: dict[Node, Node] = {}
    for node in topological(root, into_bodies=False):
        if is_real(node):
            memo[node] = node
        elif isinstance(node, Apply):
            memo[node] = _conjugate(node, memo)
        elif isinstance(node, Symbol):
            memo[node] = _of_symbol(node)
        else:
            memo[node] = scale(number(-1), node)
    return memo[root]


def _conjugate(node: Apply, memo: dict[Node, Node]) -> Node:
    if node.op is CONJ:
        return node.args[0]
    if node.op in OF_HERMITIAN and hermitian(node.args[0]):
        return transpose(node)
    args = tuple(memo[a] for a in node.args)
    if node.op in OF_TRANSPOSED and _plain(turned := transpose(args[0])):
        return transpose(node.op(turned, params=node.params))  # expm(−i Hᵀ) as expm(−i H)ᵀ
    build = CONSTRUCTORS.get(node.op.name)
    return build(*args) if build else node.op(*args, params=node.params)


def _plain(node: Node) -> bool:
    return not any(is_op(n, TRANSPOSE) or is_op(n, CONJ) for n in topological(node))


def _of_symbol(node: Symbol) -> Node:
    return transpose(node) if not attributes(node).isdisjoint(SELFADJOINT) else CONJ.build((node,))


spectral.hermitian.append(lambda S: not is_real(S) and hermitian(S))
elementwise.real.append(is_real)


def register(op: Op) -> Op:
    """Make a function known to readers of text.

    It stays out of the registry, whose records are differentiated and have code for real arrays by themselves.
    """
    for word in (op.name,) if op.spoken is None else op.spoken:
        words.setdefault(word, []).append(op)
        spellings.update(spelled(op, word))
    return op


@dataclass(slots=True, eq=False, repr=False)
class Shorthand(Op):
    """A function whose application is simplified on the way by `make`."""

    make: Callable[[Node], Node | None] = lambda a: None

    def __call__(self, *args: Node, params: tuple[Any, ...] = ()) -> Node:
        (a,) = args
        made = self.make(a)
        return self.build((a,)) if made is None else made


def _like(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    (a,) = args
    return a.kind, a.rows, a.cols


def _scalar(args: tuple[Node, ...], params: tuple[Any, ...]) -> Type:
    return "scalar", number(0).rows, number(0).cols


def _conj(a: Node) -> Node | None:
    if is_real(a):
        return a
    if is_op(a, CONJ):
        return a.children[0]
    return _of_symbol(a) if isinstance(a, Symbol) and a.body is None else None


def _re(a: Node) -> Node | None:
    if is_real(a):
        return a
    if is_op(a, SCALE) and is_real(a.children[0]):
        return scale(a.children[0], RE(a.children[1]))
    if is_op(a, SCALE) and a.children[0] is imaginary():
        return scale(number(-1), IM(a.children[1]))
    return RE(a.children[0]) if is_op(a, CONJ) else None


def _im(a: Node) -> Node | None:
    if is_real(a):
        return scale(number(0), a)
    if is_op(a, SCALE) and is_real(a.children[0]):
        return scale(a.children[0], IM(a.children[1]))
    if is_op(a, SCALE) and a.children[0] is imaginary():
        return RE(a.children[1])
    return scale(number(-1), IM(a.children[0])) if is_op(a, CONJ) else None


def real_valued(name: str, rules: tuple[Rule, ...], make: Callable[[Node], Node | None], **fields: Any) -> Shorthand:
    op = Shorthand(name, "(...)->(...)", rules, _like, make=make, **fields)
    register(op)
    return op


CONJ: Shorthand = real_valued(
    "conj",
    (Joint(lambda Y, slot, a: conjugate(Y)),),
    _conj,
    numpy="np.conj({0})",
    torch="torch.conj({0})",
    latex=r"\overline{{{0}}}",
    spellings="conjugate .conj=conj({0}) .conjugate=conj({0})",
    law="d conj u = conj du",
    source="Re⟨Y, conj V⟩ = Re⟨conj Y, V⟩",
    summary="the complex conjugate, entry by entry",
)
RE: Shorthand = real_valued(
    "re",
    (Joint(lambda Y, slot, a: RE(Y)),),
    _re,
    numpy="np.real({0})",
    torch="torch.real({0})",
    latex=r"\operatorname{{Re}}({0})",
    spellings="real",
    law="d re u = re du",
    source="Re⟨Y, re V⟩ = Re⟨re Y, V⟩",
    summary="the real part, entry by entry",
)
IM: Shorthand = real_valued(
    "im",
    (Joint(lambda Y, slot, a: scale(scale(number(-1), imaginary()), RE(Y))),),
    _im,
    numpy="np.imag({0})",
    torch="torch.imag({0})",
    latex=r"\operatorname{{Im}}({0})",
    spellings="imag",
    law="d im u = im du",
    source="Re⟨Y, im V⟩ = Re⟨i re Y, V⟩",
    summary="the imaginary part, entry by entry",
)
MODULUS: Op = Op(
    "modulus",
    "(...)->(...)",
    (Nonlinear(lambda u, du: RE(hadamard(conjugate(u), du)) * MODULUS(u) ** -1),),
    _like,
    gives=frozenset({"nonnegative"}),
    smooth="where an entry of {0} is 0",
    spoken=(),
    law="d|u| = re(conj(u) du)/|u|",
    source="|u|² = conj(u) u",
)
"""|u| of complex u; `abs` in what is read and printed."""
LENGTH: Op = Op(
    "length",
    "(...)->()",
    (Nonlinear(lambda u, du: RE(inner(conjugate(u), du)) / LENGTH(u)),),
    _scalar,
    gives=frozenset({"nonnegative"}),
    smooth="where {0} is 0",
    spoken=(),
    law="d‖u‖ = re(uᴴ du)/‖u‖",
    source="‖u‖² = uᴴu",
)
"""‖u‖ of complex u; `norm` in what is read and printed."""
ANGLE: Op = register(
    Op(
        "angle",
        "(...)->(...)",
        (Nonlinear(lambda u, du: IM(hadamard(conjugate(u), du)) * MODULUS(u) ** -2),),
        _like,
        numpy="np.angle({0})",
        torch="torch.angle({0})",
        smooth="where an entry of {0} is 0 or negative",
        spellings="arg phase",
        law="d arg u = im(conj(u) du)/|u|²",
        summary="the argument of a complex number, entry by entry, between −π and π",
    )
)


def _conjugate_transpose(a: Node) -> Node:
    return transpose(CONJ(a))


for _signature in ("(m,n)->(n,m)", "(n)->(1,n)"):
    macro(
        "ctranspose",
        _signature,
        _conjugate_transpose,
        scalar=lambda s: CONJ(s),
        spellings=".adjoint=ctranspose({0})",
        summary="the conjugate transpose, Aᴴ",
    )


macro("vdot", "(n),(n)->()", lambda x, y: transpose(CONJ(x)) @ y, summary="x^H*y, of real vectors x'*y")


def _star(a: Node) -> Node:
    if a.kind == "matrix":
        raise UnsupportedError(
            "A^* of a matrix has two meanings", hint="write A^H for the conjugate transpose, conj(A) entry by entry"
        )
    return CONJ(a)


macro("starred_conj", "(...)->(...)", _star, summary="z^*, the conjugate of a scalar or a vector")
macro(
    "imaginary",
    "()->()",
    lambda s: scale(s, imaginary()),
    scalar=lambda s: scale(s, imaginary()),
    summary="imaginary(2) is the number 2i",
)

REAL_VALUED = {RE, IM, MODULUS, LENGTH, ANGLE, abs_, norm, norm1, lambda_max, lambda_min, eigval, eigvals} | {
    registry[name] for name in ("nuclear", "sigma", "sigma_at", "sigma_max", "svdvals", "cond2", "norminf", "eigval_at")
}
"""Functions whose values are real, whatever their arguments are; `ops.complex_spectra` adds its own."""
REAL_OF_HERMITIAN = {det, logdet, tr}
OF_TRANSPOSED = {inv, expm, logm, sqrtm, MPOW} | {registry[name] for name in ("sinm", "cosm", "adj")}
"""Functions that are transposed with their argument."""
OF_HERMITIAN = {*OF_TRANSPOSED}
"""Functions that are Hermitian of Hermitian matrices, likewise."""
REAL_DIAGONAL: set[Op] = set()
"""Functions whose values are matrices with a real diagonal."""

_NAMES = """
    exp log sqrt sin cos tan sinh cosh tanh sum mean prod frechet_expm frechet_logm sylvester diag Diag
    tril triu sym skew vec unvec kron kronv entry slice hcat vcat getrow getcol unkron_left unkron_right
    lastcols adj cof
"""
HOLOMORPHIC = frozenset(
    {ADD, SCALE, MATMUL, TRANSPOSE, HADAMARD, INNER, POWER, MPOW, inv, det, logdet, tr, expm, logm, sqrtm}
    | {registry[name] for name in _NAMES.split()}
)
"""Functions that are holomorphic where they are smooth, so that their rules hold over the complex numbers."""

REASONS = {
    **dict.fromkeys(("eigvecs", "eigvec"), "the phase of an eigenvector is arbitrary"),
    **dict.fromkeys(("svd_U", "svd_V"), "the phase of a singular vector is arbitrary"),
    "relu": "complex numbers have no order",
    "heaviside": "complex numbers have no order",
    "max": "complex numbers have no order",
    "min": "complex numbers have no order",
    "softmax": "complex numbers have no order",
    "logsumexp": "complex numbers have no order",
}
INSTEAD = {
    **dict.fromkeys(
        ("eigvecs", "eigvec"),
        "eigproj(H,i) is q*q^H, of which the phase has left: for abs(a^H*q)^2 write a^H*eigproj(H,i)*a",
    ),
    **dict.fromkeys(("svd_U", "svd_V"), "polar(A) is U*V^H, eigproj(A^H*A,i) is v*v^H"),
}
INSTEAD |= dict.fromkeys(
    ("relu", "heaviside", "max", "min", "softmax", "logsumexp"), "apply it to re(…), im(…) or abs(…)"
)

CODE = {
    "norm": "np.linalg.norm({0})",
    "abs": "np.abs({0})",
    "norm1": "np.sum(np.abs({0}))",
    "conj": "np.conj({0})",
    "re": "np.real({0})",
    "im": "np.imag({0})",
    "logdet": "np.linalg.slogdet({0})[1]",
    "lambda_max": "np.linalg.eigvalsh({0})[-1]",
    "lambda_min": "np.linalg.eigvalsh({0})[0]",
    "eigval": "np.linalg.eigvalsh({0})[{p0} - 1]",
    "eigval_at": "np.linalg.eigvalsh({0})[place({1}, {0})]",
    "eigvals": "np.linalg.eigvalsh({0})",
    "nuclear": "np.sum(np.linalg.svd({0}, compute_uv=False))",
    "sigma_max": "np.linalg.norm({0}, 2)",
    "sigma": "np.linalg.svd({0}, compute_uv=False)[{p0} - 1]",
    "sigma_at": "np.linalg.svd({0}, compute_uv=False)[place({1}, {0})]",
    "svdvals": "np.linalg.svd({0}, compute_uv=False)",
    "chol": "np.linalg.cholesky({0})",
    "pinv": "np.linalg.pinv({0})",
    "cond2": "np.linalg.cond({0})",
    "norminf": "np.max(np.abs({0}))",
    "polar": "polar_factor({0})",
    "sign": "{0} / np.abs({0})",
    "prod": "np.prod({0})",
    "mean": "np.mean({0})",
    "frechet_expm": "corner(scipy.linalg.expm, {0}, {1})",
    "frechet_logm": "corner(scipy.linalg.logm, {0}, {1})",
    "logm": "scipy.linalg.logm({0})",
    "sqrtm": "scipy.linalg.sqrtm({0})",
    "sylvester": "sylvester_solution({0}, {1}, {2})",
    "expm": "scipy.linalg.expm({0})",
    "adj": "np.linalg.det({0}) * np.linalg.inv({0})",
    "cof": "np.linalg.det({0}) * np.linalg.inv({0}).T",
    "kron": "np.kron({0}, {1})",
    "kronv": "np.kron({0}, {1})",
    "sigmoid": "1 / (1 + np.exp(-({0})))",
}
"""Functions whose own code is of real arrays, or calls helpers that are."""
NOT_REAL = {"logdet": "np.log(np.linalg.slogdet({0})[0] + 0j) + np.linalg.slogdet({0})[1]"}
"""Functions with another code where their values are not real by their form."""
TORCH = {
    "norm": "torch.linalg.norm({0})",
    "re": "torch.real({0} + 0)",
    "im": "torch.imag({0} + 0j)",
    "nuclear": "torch.sum(torch.linalg.svdvals({0}))",
    "sigma_max": "torch.linalg.svdvals({0})[0]",
    "sigma": "torch.linalg.svdvals({0})[{p0} - 1]",
    "sigma_at": "torch.linalg.svdvals({0})[place({1}, {0})]",
    "svdvals": "torch.linalg.svdvals({0})",
    "cond2": "torch.linalg.cond({0})",
    "expm": "torch.linalg.matrix_exp({0})",
    "frechet_expm": "corner(torch.linalg.matrix_exp, {0}, {1})",
    "kron": "torch.kron(({0}).contiguous(), ({1}).contiguous())",
    "kronv": "torch.kron(({0}).contiguous(), ({1}).contiguous())",
    "diag": "torch.diagonal({0})",
}
JAX = {"expm": "jax.scipy.linalg.expm({0})", "frechet_expm": "corner(jax.scipy.linalg.expm, {0}, {1})"}
SPECTRUM = {
    "logm": "hermitian_function(np.log, {0})",
    "sqrtm": "hermitian_function(np.sqrt, {0})",
    "frechet_logm": "hermitian_log_derivative({0}, {1})",
}
"""Functions of Hermitian matrices by their eigenvalues."""

CONJUGATING = frozenset({CONJ.name, RE.name, IM.name, ANGLE.name, "conjugate", "real", "imag"})
"""Words that say that something is meant to be complex."""
