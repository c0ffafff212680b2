"""Functions of complex variables: into the records whose rules hold there, realness found by form, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.differential import differentials
from matdiff.calculus.tangent import project
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, apply, number, topological
from matdiff.core.op import Op, differential_symbol, registry
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.properties import Known, Properties
from matdiff.graph.rewrite import inline, rebuild
from matdiff.ops import complex_spectra as spectra
from matdiff.ops import complexes as ops
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    POWER,
    TRANSPOSE,
    add,
    hadamard,
    inner,
    is_op,
    matmul,
    mpow,
    power,
    scale,
    size,
    transpose,
    whole,
)
from matdiff.ops.complexes import CONJ, IM, LENGTH, MODULUS, RE, SELFADJOINT, attributes, conjugate, is_real
from matdiff.ops.constants import zeros_like
from matdiff.ops.elementwise import abs_, exp, log, sign, sqrt
from matdiff.ops.linalg import chol, det, inv, logdet, pinv
from matdiff.ops.matrix_functions import expm
from matdiff.ops.reductions import norm, norm1, sum_, tr
from matdiff.ops.spectral import (
    cond2,
    eigval,
    eigval_at,
    eigvals,
    lambda_max,
    lambda_min,
    norminf,
    nuclear,
    polar,
    sigma,
    sigma_at,
    sigma_max,
    svdvals,
)
from matdiff.ops.structure import HALF
from matdiff.simplify.expand import expanded
from matdiff.simplify.forms import shortest
from matdiff.simplify.normal import new_context

SIGNS = frozenset({"positive", "nonnegative", "spd", "unit", "orthogonal"})
"""What is known of real arrays alone."""
WIDEST = 400
"""Most distinct parts of an expression whose realness is looked for by multiplying out."""


class KnownComplex(Known):
    """Properties of nodes where some are complex: no signs of those, no definiteness."""

    def _of(self, node: Node) -> Properties:
        found = super()._of(node)
        return found if is_real(node) else found - SIGNS


def same(a: Node, b: Node) -> bool:
    """Have two expressions one normal form, products of sums multiplied out where they must be?"""
    if a is b:
        return True
    context = new_context(KnownComplex())
    one, other = context.normal(a), context.normal(b)
    if one is other:
        return True
    if len(topological(one, other)) > WIDEST:
        return False
    opened = [context.normal(_apart(expanded(n, inside=True))) for n in (one, other)]
    return opened[0] is opened[1] or _zero(context.normal(add(opened[0], scale(number(-1), opened[1]))))


def _apart(root: Node) -> Node:
    """Traces of sums as sums of traces, each of which is that of its transpose."""
    memo: dict[Node, Node] = {}
    for n in topological(root):
        made = rebuild(n, tuple(memo[a] for a in n.args)) if isinstance(n, Apply) else n
        memo[n] = add(*map(tr, made.children[0].children)) if is_op(made, tr) and is_op(made.children[0], ADD) else made
    return memo[root]


def _zero(node: Node) -> bool:
    return (isinstance(node, Number) and node.value == 0) or (isinstance(node, Constant) and node.name == "zeros")


def canonical(node: Node) -> Node:
    """The working form that equal expressions share."""
    context = new_context(KnownComplex())
    simple = context.normal(working(node))
    return context.normal(expanded(simple, inside=True)) if len(topological(simple)) <= WIDEST else simple


_hermitian: dict[Node, bool] = {}
_proved_real: dict[Node, bool] = {}
MEMORY = 4096


def hermitian(M: Node) -> bool:
    """Is a square matrix its own conjugate transpose, by the form of it?"""
    found = _hermitian.get(M)
    if found is None:
        _hermitian[M] = False
        found = same(transpose(conjugate(M)), M)
        if len(_hermitian) > MEMORY:
            _hermitian.clear()
        _hermitian[M] = found
    return found


ops.proofs["hermitian"] = hermitian


def real(node: Node) -> bool:
    """Is it real by its form: made of real parts, or its own conjugate?"""
    if is_real(node):
        return True
    found = _proved_real.get(node)
    if found is None:
        if len(_proved_real) > MEMORY:
            _proved_real.clear()
        found = _proved_real[node] = same(conjugate(node), node)
    return found


# into working records


def _refuse(name: str, reason: str = "", hint: str = "") -> UnsupportedError:
    why = reason or ops.REASONS.get(name, "its rule is known for real arguments only")
    hint = hint or ops.INSTEAD.get(name, "")
    name = (registry[name].spoken or (name,))[0] if name in registry else name
    return UnsupportedError(f"{name} of a complex argument has no derivative here: {why}", hint=hint)


def _eigen(of: Op, record: Op) -> Callable[..., Node]:
    def make(H: Node, *params: Any) -> Node:
        if not hermitian(H):
            raise _refuse(
                of.name,
                "the matrix is not Hermitian by its form, so its eigenvalues may be complex",
                "declare it hermitian, or take sigma_max(A)",
            )
        return record(H, *params) if of is eigval_at else record(H, params=params)

    return make


def _gram(A: Node) -> tuple[Node, Dim]:
    """AᴴA or AAᴴ, the smaller one where that is known, and how large it is."""
    rows, cols = A.rows.number, A.cols.number
    star = transpose(conjugate(A))
    if rows is not None and cols is not None and rows < cols:
        return matmul(A, star), A.rows
    return matmul(star, A), A.cols


def _singular(A: Node, i: Node) -> Node:
    """The i-th of the singular values, which count downward."""
    G, n = _gram(A)
    if i is number(1):
        return sqrt(spectra.LARGEST(G))
    at = add(size(n), number(1), scale(number(-1), i))
    if isinstance(at, Number):
        return sqrt(spectra.EIGENVALUE(G, params=(at.value,)))
    return sqrt(spectra.EIGENVALUE_AT(G, at))


def _condition(A: Node) -> Node:
    G, _ = _gram(A)
    return sqrt(spectra.LARGEST(G) * spectra.SMALLEST(G) ** -1)


def _chol(S: Node) -> Node:
    if not hermitian(S):
        raise _refuse(chol.name, "the matrix is not Hermitian by its form", "declare it hpd")
    return spectra.CHOLESKY(S)


def _sum(u: Node) -> Node:
    """The sum of all entries; Σ f(λᵢ) of a Hermitian matrix as tr f(H), which has all its derivatives."""
    base = u.args[0] if isinstance(u, Apply) and (u.op in OF_SPECTRUM or u.op is POWER) else u
    if isinstance(u, Apply) and isinstance(base, Apply) and base.op is spectra.EIGENVALUES:
        (H,) = base.args
        if u is base:
            return tr(H)
        if u.op is not POWER:
            return OF_SPECTRUM[u.op](H)
        k = whole(u.args[1])
        if k is not None and 1 <= k <= LARGEST_POWER:
            return tr(mpow(H, k))
    return sum_(u)


OF_SPECTRUM: dict[Op, Callable[[Node], Node]] = {exp: lambda H: tr(expm(H)), log: lambda H: logdet(H)}
LARGEST_POWER = 12
"""Highest power of a matrix that stands for that of its eigenvalues."""


def _logdet(M: Node) -> Node:
    return logdet(M) if hermitian(M) else log(det(M))


WORKING: dict[Op, Callable[..., Node]] = {
    CONJ: conjugate,
    RE: lambda u: u if real(u) else RE(u),
    IM: lambda u: zeros_like(u) if real(u) else IM(u),
    MODULUS: MODULUS,
    LENGTH: LENGTH,
    ops.ANGLE: ops.ANGLE,
    abs_: MODULUS,
    sign: lambda u: hadamard(u, power(MODULUS(u), number(-1))),
    norm: lambda u: MODULUS(u) if u.kind == "scalar" else LENGTH(u),
    norm1: lambda u: sum_(MODULUS(u)),
    INNER: lambda a, b: inner(conjugate(a), b),
    sum_: _sum,
    logdet: _logdet,
    lambda_max: _eigen(lambda_max, spectra.LARGEST),
    lambda_min: _eigen(lambda_min, spectra.SMALLEST),
    eigval: _eigen(eigval, spectra.EIGENVALUE),
    eigval_at: _eigen(eigval_at, spectra.EIGENVALUE_AT),
    eigvals: _eigen(eigvals, spectra.EIGENVALUES),
    sigma_max: lambda A: _singular(A, number(1)),
    sigma: lambda A, i: _singular(A, number(i)),
    sigma_at: _singular,
    svdvals: spectra.SINGULAR_VALUES,
    cond2: _condition,
    norminf: lambda u: norminf(MODULUS(u)),
    nuclear: spectra.NUCLEAR,
    polar: spectra.POLAR,
    chol: _chol,
    pinv: spectra.PSEUDOINVERSE,
}
"""What a function of the language is, of complex arguments, in records whose rules hold there."""


def working(root: Node) -> Node:
    """The function in records whose rules hold over the complex numbers.

    Raises UnsupportedError, with its name, for a function that has no derivative there.
    """
    root = inline(root)
    memo: dict[Node, Node] = {}
    for node in topological(root):
        memo[node] = _work(node, tuple(memo[a] for a in node.args)) if isinstance(node, Apply) else node
    return memo[root]


def _work(node: Apply, args: tuple[Node, ...]) -> Node:
    if node.op is POWER and (square := _square(node, args)) is not None:
        return square
    if all(map(is_real, args)):
        return _sum(args[0]) if node.op is sum_ else rebuild(node, args)
    make = WORKING.get(node.op)
    if make is not None:
        return make(*args, *node.params)
    if node.op in spectra.OWN:
        return rebuild(node, args)
    if node.op is inv and isinstance(args[0], Symbol) and "unitary" in args[0].attributes:
        return transpose(conjugate(args[0]))
    if node.op not in ops.HOLOMORPHIC:
        raise _refuse(node.op.name)
    return rebuild(node, args)


def _square(node: Apply, args: tuple[Node, ...]) -> Node | None:
    """|u|² = ū u and ‖u‖² = uᴴu, which are smooth where |u| and ‖u‖ are not."""
    base, k = args[0], whole(node.args[1])
    if k is None or k <= 0 or k % 2 or not isinstance(base, Apply):
        return None
    if base.op is MODULUS:
        u = base.args[0]
        return power(hadamard(conjugate(u), u), number(k // 2))
    if base.op is LENGTH or base.op is norm:
        u = base.args[0]
        return power(inner(conjugate(u), u), number(k // 2))
    return None


# back to what is read and printed

TYPED: dict[Op, Op] = {
    spectra.LARGEST: lambda_max,
    spectra.SMALLEST: lambda_min,
    spectra.EIGENVALUE: eigval,
    spectra.EIGENVALUE_AT: eigval_at,
    spectra.EIGENVALUES: eigvals,
    spectra.SINGULAR_VALUES: svdvals,
    spectra.NUCLEAR: nuclear,
    spectra.POLAR: polar,
    spectra.CHOLESKY: chol,
    spectra.PSEUDOINVERSE: pinv,
}
"""The function of the language that a record stands for."""


def _shown(node: Apply, args: tuple[Node, ...]) -> Node:
    (a, *rest) = args
    op = node.op
    if op is MODULUS:
        return abs_(a.children[0] if is_op(a, CONJ) else a)
    if op is LENGTH:
        return norm(a)
    if op in TYPED:
        return apply(TYPED[op], (a, *rest), node.params, node.kind, node.rows, node.cols)
    if op is INNER and not all(map(is_real, node.args)):
        return inner(conjugate(a), *rest)
    if op is MATMUL and node.kind == "scalar" and is_op(a, TRANSPOSE) and not is_real(node):
        x, y = a.children[0], rest[0]
        if is_op(y, CONJ) and y.children[0] is x:
            return matmul(transpose(y), x)
    if op is HADAMARD and node.args[1] is conjugate(node.args[0]) and not is_real(node.args[0]):
        return power(abs_(a.children[0] if is_op(a, CONJ) else a), number(2))
    return rebuild(node, args)


CONJUGATED = frozenset((ADD, MATMUL, HADAMARD, spectra.CHOLESKY, spectra.PSEUDOINVERSE, spectra.POLAR))
"""Functions of conjugates alone that are written as the conjugate of one."""


def shown(root: Node) -> Node:
    """An answer in the words of the language: |u| for its working record, ⟨a,b⟩ with its conjugate.

    A sum or product of conjugates is the conjugate of one, so that (Ā z̄ − b̄)ᵀ is (A z − b)ᴴ.
    """
    memo: dict[Node, Node] = {}
    barred: dict[Node, tuple[bool, bool]] = {}
    for node in topological(root):
        if not isinstance(node, Apply):
            memo[node], barred[node] = node, (False, not is_real(node))
            continue
        if node.op is CONJ or (node.op is TRANSPOSE and _selfadjoint(node.args[0])):
            barred[node] = (True, False)
        else:
            barred[node] = (any(barred[a][0] for a in node.args), any(barred[a][1] for a in node.args))
        made = _shown(node, tuple(memo[a] for a in node.args))
        if barred[node] == (True, False) and node.op in CONJUGATED and not is_real(node):
            plain = conjugate(node)
            inside = {a: memo[a] for a in topological(plain) if a in memo}
            for a in topological(plain, done=inside):
                inside[a] = _shown(a, tuple(inside[c] for c in a.args)) if isinstance(a, Apply) else a
            made = CONJ.build((inside[plain],))
        memo[node] = made
    return memo[root]


def _selfadjoint(a: Node) -> bool:
    return isinstance(a, Symbol) and not attributes(a).isdisjoint(SELFADJOINT)


# derivatives


def check_variable(X: Symbol) -> None:
    """Raises UnsupportedError for a complex variable in a set whose projection has no conjugate form here."""
    odd = sorted(X.attributes & {"skew", "orthogonal", "orthonormal", "unit", "oblique", "grassmann", "simplex", "spd"})
    if odd and not is_real(X):
        raise UnsupportedError(
            f"{X.name} is complex and {odd[0]}, and the gradient on that set has no conjugate form here",
            hint="sets of complex matrices are hermitian, hpd and unitary",
        )


class Gradients:
    """dF, its adjoint for Re⟨·,·⟩ and the two Wirtinger operators, in working records, simplified when asked."""

    def __init__(self, function: Node, wrt: Sequence[Symbol]) -> None:
        for X in wrt:
            check_variable(X)
        self.function = working(function)
        self.wrt = tuple(wrt)
        self.directions: dict[Symbol, Symbol] = {X: differential_symbol(X) for X in wrt}  # type: ignore[misc]
        self.differentials = differentials(self.function, self.directions)
        self.differential = self.differentials.get(self.function) or zeros_like(self.function)
        self.known = KnownComplex()

    @property
    def real(self) -> bool:
        return real(self.function)

    def pulled(self, Y: Node) -> dict[Symbol, Node]:
        """The G of each variable with Re⟨Y, dF⟩ = Σ Re⟨G, dX⟩; for a real F, or a Y that is one's own."""
        found = adjoint(self.differential, conjugate(Y), list(self.directions.values()))
        return {X: self.turned(inline(found[dX]), X) for X, dX in self.directions.items()}

    @cached_property
    def free(self) -> dict[Symbol, Node]:
        """The gradients of a real f in all of space, before they are brought into the sets of the variables."""
        found = adjoint(self.differential, number(1), list(self.directions.values()))
        return {X: conjugate(self.simplest(inline(found[dX]))) for X, dX in self.directions.items()}

    def turned(self, P: Node, X: Symbol) -> Node:
        """The gradient from the P with df = Re tr(Pᵀ dX): its conjugate, inside the set of X."""
        P = self.simplest(P)
        if is_real(X):
            return project(P if real(P) else RE(P), X)
        G = conjugate(P)
        if attributes(X) & SELFADJOINT:
            return G if hermitian(G) else scale(HALF, add(G, transpose(conjugate(G))))
        if "unitary" in X.attributes:
            return scale(HALF, add(G, scale(number(-1), X @ transpose(conjugate(G)) @ X)))
        if X.attributes - {"complex"}:
            return project(G, X)
        return G

    def simplest(self, node: Node) -> Node:
        context = new_context(self.known)
        return shortest(context.normal(node), context)

    def part(self, X: Symbol, conjugated: bool) -> Node:
        """∂F[dz] or ∂̄F[dz]: the part of dF that is linear in dX over the complex numbers, or in its conjugate."""
        if attributes(X) & (SELFADJOINT | {"unitary"}) or is_real(X):
            raise UnsupportedError(
                f"the Wirtinger operators belong to complex variables that move freely, and {X.name} does not"
            )
        if any(n.op in (RE, IM) for n in topological(self.differential) if isinstance(n, Apply)):
            apart = {n: _halves(n) for n in topological(self.differential) if isinstance(n, Apply) and n.op in (RE, IM)}
            value = _replaced(self.differential, apart)
        else:
            value = self.differential
        memo: dict[Node, Node] = {}
        bars = {dX: CONJ.build((dX,)) for dX in self.directions.values()}
        for dX, bar in bars.items():
            mine = dX is self.directions[X]
            memo[bar] = bar if mine and conjugated else zeros_like(dX)
        for dX in bars:
            if dX is not self.directions[X] or conjugated:
                memo[dX] = zeros_like(dX)
        return self.simplest(_replaced(value, memo))


def _halves(node: Apply) -> Node:
    """re u = ½(u + ū), im u = (u − ū)/2i."""
    (u,) = node.args
    if node.op is RE:
        return scale(HALF, add(u, conjugate(u)))
    return scale(scale(number(-1) * HALF, ops.imaginary()), add(u, scale(number(-1), conjugate(u))))


def _replaced(root: Node, values: Mapping[Any, Node]) -> Node:
    memo: dict[Node, Node] = dict(values)
    for node in topological(root):
        if node not in memo:
            memo[node] = rebuild(node, tuple(memo[a] for a in node.args)) if isinstance(node, Apply) else node
    return memo[root]
