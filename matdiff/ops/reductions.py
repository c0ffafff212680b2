"""Scalars of arrays: trace, sum, mean, norms."""

from __future__ import annotations

from typing import Any

from matdiff.core.node import Apply, Node, number
from matdiff.core.op import Facts, Mistake, Op, linear, macro, nonlinear, registry
from matdiff.ops.algebra import inner, scale, size
from matdiff.ops.constants import eye, is_zero, ones_like
from matdiff.ops.elementwise import abs_, exp, log, sign, sqrt


def _simpler_norm(known: Facts, node: Apply, a: Node) -> Node | None:
    """0 for zeros, 1 for units, ‖svdvals(X)‖ = ‖X‖ and ‖eigvals(S)‖ = ‖S‖."""
    if is_zero(a):
        return number(0)
    if a.op is registry["svdvals"] or a.op is registry["eigvals"]:
        return norm(a.children[0])
    return number(1) if "unit" in known(a) else None


def _sympy_total(sp: Any, node: Apply, A: Any) -> Any:
    """1ᵀ A 1."""
    one = sp.OneMatrix(1, A.rows)
    return sp.Trace(sp.MatMul(one, A) if node.args[0].kind == "vector" else sp.MatMul(one, A, sp.OneMatrix(A.cols, 1)))


tr: Op = linear(
    "tr",
    "(n,n)->()",
    lambda y, X: scale(y, eye(X.rows)),
    scalar=lambda s: s,
    numpy="np.trace({0})",
    julia="tr({0})",
    octave="trace({0})",
    maxima="tr({0})",
    law="the trace is linear",
    source="⟨y, tr V⟩ = ⟨yI, V⟩",
    spoken=("tr", "trace"),
    curvature="increasing increasing⪰",
    entries=lambda np, A: np.diagonal(A)[:, None].sum(keepdims=True),
    cost="m0",
    sympy=lambda sp, node, X: sp.Trace(X),
    stack=lambda many, X: many.np.trace(X, axis1=1, axis2=2),
)
sum_: Op = linear(
    "sum",
    "(...)->()",
    lambda y, X: scale(y, ones_like(X)),
    scalar=lambda s: s,
    numpy="np.sum({0})",
    julia="sum({0})",
    octave="sum(sum({0}))",
    spellings="sumsqr=sum({0}.^2) .reduce_sum=sum({0}) Total=sum({0})",
    maxima="total({0})",
    law="the sum is linear",
    source="⟨y, sum V⟩ = ⟨y·1, V⟩",
    curvature="increasing increasing⪰",
    traits="unordered",
    entries=lambda np, A: A.sum(keepdims=True),
    sympy=_sympy_total,
    surplus="matrix: write colsum({0}) for the sums of the columns, rowsum({0}) for those of the rows",
    stack=lambda many, X: many.flat(X).sum(axis=1),
)
mean: Op = linear(
    "mean",
    "(...)->()",
    lambda y, X: scale(y / size(X.rows * X.cols), ones_like(X)),
    scalar=lambda s: s,
    numpy="np.mean({0})",
    julia="(sum({0}) / length({0}))",
    octave="mean(mean({0}))",
    torch="torch.mean({0})",
    spellings="average .reduce_mean=mean({0}) Mean=?",
    law="the mean is linear",
    source="⟨y, mean V⟩ = ⟨y·1/n, V⟩",
    summary="the sum over all entries, divided by their number",
    definition=lambda X: sum_(X) / size(X.rows * X.cols),
    curvature="increasing increasing⪰",
    traits="unordered",
    surplus="matrix: write colmean({0}) for the means of the columns, rowmean({0}) for those of the rows",
    stack=lambda many, X: many.flat(X).mean(axis=1),
)
prod: Op = nonlinear(
    "prod",
    "(...)->()",
    lambda X, dX: scale(prod(X), sum_(dX * X**-1)),
    scalar=lambda s: s,
    numpy="np.prod({0})",
    julia="prod({0})",
    octave="prod(prod({0}))",
    torch="torch.prod({0})",
    domain="nonzero",
    law="d Π u_k = Π u_k · Σ du_k/u_k",
    proof=(
        "log(prod(x)) = sum(log(x)) | for positive entries",
        "d(prod(x))/prod(x) = sum(dx./x) | d log u = du/u",
        "d(prod(x)) = prod(x)*sum(dx./x) | multiply",
    ),
    source="product rule for n factors, away from zeros",
    summary="the product of all entries",
    curvature="positive+",
    c="= prod({s0}, {0})",
    traits="unordered",
    stack=lambda many, X: many.flat(X).prod(axis=1),
)
norm: Op = nonlinear(
    "norm",
    "(...)->()",
    lambda X, dX: inner(X, dX) / norm(X),
    within="notzero",
    where="",
    scalar=lambda s: abs_(s),
    numpy="norm({0})",
    julia="norm({0})",
    octave="norm({0}, 'fro')",
    maxima="sqrt(total({0}^2))",
    torch="torch.linalg.norm({0})",
    domain="nonzero",
    smooth="where {0} is 0",
    spellings="Norm=‖{0}‖_2",
    law="d‖u‖ = ⟨u, du⟩/‖u‖",
    proof=(
        "norm(x)^2 = x'*x | what it is",
        "2*norm(x)*d(norm(x)) = 2*x'*dx | product rule",
        "d(norm(x)) = x'*dx/norm(x) | divide",
    ),
    source="Magnus & Neudecker 2019, ch. 18",
    summary="2-norm of a vector, Frobenius norm of a matrix",
    definition=lambda X: sqrt(inner(X, X)),
    spoken=("norm", "norm2", "normF"),
    curvature="convex decreasing- increasing+ nonnegative",
    traits="homogeneous unordered",
    c="= norm({s0}, {0})",
    mistakes=(
        Mistake(lambda u, du: inner(u, du), "d‖u‖ = ⟨u, du⟩", "⟨u, du⟩/‖u‖"),
        Mistake(lambda u, du: 2 * inner(u, du) / norm(u), "d‖u‖ = 2⟨u, du⟩/‖u‖", "⟨u, du⟩/‖u‖"),
    ),
    simplify=_simpler_norm,
    stack=lambda many, X: many.norm(X),
)
norm1: Op = nonlinear(
    "norm1",
    "(...)->()",
    lambda X, dX: inner(sign(X), dX),
    scalar=lambda s: abs_(s),
    numpy="np.sum(np.abs({0}))",
    julia="sum(abs, {0})",
    octave="sum(sum(abs({0})))",
    latex=r"\lVert {0} \rVert_1",
    smooth="where an entry of {0} is 0",
    law="d‖u‖₁ = ⟨sign u, du⟩",
    summary="sum of the absolute values of all entries",
    definition=lambda X: sum_(abs_(X)),
    curvature="convex decreasing- increasing+ nonnegative",
    traits="homogeneous unordered barred",
    c="= absolute_sum({s0}, {0})",
    stack=lambda many, X: many.np.abs(many.flat(X)).sum(axis=1),
)
logsumexp: Op = nonlinear(
    "logsumexp",
    "(...)->()",
    lambda X, dX: inner(weights(X), dX),
    scalar=lambda s: s,
    numpy="logsumexp({0})",
    julia="logsumexp({0})",
    jax="jax.scipy.special.logsumexp({0})",
    torch="torch.logsumexp({0}.reshape(-1), 0)",
    spellings="lse",
    law="d logsumexp(u) = ⟨softmax(u), du⟩",
    source="Boyd & Vandenberghe 2004, §3.1.5",
    summary="log of the sum of exp over all entries",
    definition=lambda X: log(sum_(exp(X))),
    curvature="convex increasing",
    c="= logsumexp({s0}, {0})",
    traits="unordered",
    stack=lambda many, X: many.logsumexp(X),
)
softmax: Op = nonlinear(
    "softmax",
    "(n)->(n)",
    lambda x, dx: softmax(x) * dx - inner(softmax(x), dx) * softmax(x),
    gives="simplex",
    numpy="softmax({0})",
    julia="softmax({0})",
    jax="jax.scipy.special.softmax({0})",
    torch="torch.softmax({0}, 0)",
    law="ds = s ⊙ du − (sᵀdu) s",
    summary="exp(x)/sum(exp(x))",
    definition=lambda x: exp(x) / sum_(exp(x)),
    c="-> softmax({s0}, {0}, {out})",
    mistakes=(
        Mistake(
            lambda x, dx: softmax(x) * (1 - softmax(x)) * dx,
            "ds = s ⊙ (1 − s) ⊙ du for s = softmax(u), as if it were entrywise",
            "s ⊙ du − (sᵀdu) s",
        ),
    ),
    stack=lambda many, X: many.softmax(many.flat(X)).reshape(X.shape),
)


def weights(X: Node) -> Node:
    """exp(X)/sum(exp(X)): softmax, of the entries of a matrix too."""
    return softmax(X) if X.kind == "vector" else exp(X - logsumexp(X))


macro(
    "dot",
    "(n),(n)->()",
    lambda x, y: x.T @ y,
    summary="x'*y, the inner product of two vectors",
)
macro("outer", "(m),(n)->(m,n)", lambda x, y: x @ y.T, summary="x*y', the outer product of two vectors")
