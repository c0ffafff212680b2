"""Functions of every row or every column: sums, means, norms, softmax, logsumexp."""

from __future__ import annotations

from matdiff.core.node import Node
from matdiff.core.op import Op, along, macro, nonlinear
from matdiff.ops.algebra import ADD, MATMUL, add, inner, is_op, matrix_product, size
from matdiff.ops.constants import ones
from matdiff.ops.elementwise import exp, log, sqrt
from matdiff.ops.reductions import logsumexp, mean, softmax, sum_
from matdiff.ops.structure import Diag

COUNTED = (
    "is taken along every row with 2, down every column with 1: as in MATLAB, dimensions count from 1, axes from 0"
)


def rowsum(X: Node) -> Node:
    return X @ ones("vector", X.cols)


def spread(v: Node, X: Node) -> Node:
    """v 1ᵀ: the vector in every column, as many as X has."""
    return v @ ones("vector", X.cols).T


def upright(row: Node) -> Node:
    """The vector whose transpose a row is; of x'W + b' it is W'x + b."""
    if is_op(row, ADD):
        return add(*(_turned(t) for t in row.children))
    return _turned(row)


def _turned(row: Node) -> Node:
    """Of a product factor by factor, the last first."""
    factors: list[Node] = []
    while is_op(row, MATMUL):
        row, last = row.children
        factors.append(last.T)
    return matrix_product([*factors, row.T])


row_softmax: Op = nonlinear(
    "row_softmax",
    "(m,n);2->(m,n)",
    lambda X, dX: row_softmax(X) * dX - row_softmax(X) * spread(rowsum(row_softmax(X) * dX), X),
    gives="positive",
    numpy="row_softmax({0})",
    julia="row_softmax({0})",
    jax="jax.nn.softmax({0}, axis=1)",
    torch="torch.softmax({0}, 1)",
    law="ds = s ⊙ du − (sᵀdu) s for every row",
    summary="exp(x)/sum(exp(x)) of every row x",
    definition=lambda X: exp(X) / spread(rowsum(exp(X)), X),
    spoken=("softmax",),
    remark=f"softmax({{0}}, …) {COUNTED}",
    c="-> row_softmax({m0}, {n0}, {0}, {out})",
    stack=lambda many, X: many.softmax(X),
)
row_logsumexp: Op = nonlinear(
    "row_logsumexp",
    "(m,n);2->(m)",
    lambda X, dX: rowsum(row_softmax(X) * dX),
    numpy="row_logsumexp({0})",
    julia="row_logsumexp({0})",
    jax="jax.scipy.special.logsumexp({0}, axis=1)",
    torch="torch.logsumexp({0}, 1)",
    law="d logsumexp(u) = ⟨softmax(u), du⟩ for every row",
    source="Boyd & Vandenberghe 2004, §3.1.5",
    summary="log of the sum of exp along every row",
    definition=lambda X: log(rowsum(exp(X))),
    spoken=("logsumexp",),
    remark=f"logsumexp({{0}}, …) {COUNTED}",
    curvature="convex increasing",
    c="-> row_logsumexp({m0}, {n0}, {0}, {out})",
)
rownorm: Op = nonlinear(
    "rownorm",
    "(m,n)->(m)",
    lambda X, dX: rowsum(X * dX) / rownorm(X),
    gives="nonnegative",
    numpy="np.linalg.norm({0}, axis=1)",
    julia="norm.(eachrow({0}))",
    octave="sqrt(sum({0} .^ 2, 2))",
    smooth="where a row of {0} is 0",
    law="d‖u‖ = ⟨u, du⟩/‖u‖ for every row",
    summary="the 2-norms of the rows",
    definition=lambda X: sqrt(rowsum(X**2)),
    curvature="convex decreasing- increasing+ nonnegative",
    traits="homogeneous",
    c="-> row_norm({m0}, {n0}, {0}, {out})",
)
norm21: Op = nonlinear(
    "norm21",
    "(m,n)->()",
    lambda X, dX: inner(Diag(1 / rownorm(X)) @ X, dX),
    numpy="np.sum(np.linalg.norm({0}, axis=1))",
    julia="sum(norm.(eachrow({0})))",
    octave="sum(sqrt(sum({0} .^ 2, 2)))",
    smooth="where a row of {0} is 0",
    law="d‖X‖₂₁ = ⟨Diag(1/‖x‖) X, dX⟩, x the rows",
    source="Nie, Huang, Cai & Ding 2010, eq. 4",
    summary="the sum of the 2-norms of the rows",
    definition=lambda X: sum_(rownorm(X)),
    remark="norm21({0}) is the sum of the norms of the rows; of the columns it is norm21({0}')",
    curvature="convex decreasing- increasing+ nonnegative",
    traits="homogeneous",
    c="= norm21({m0}, {n0}, {0})",
)

macro("rowsum", "(m,n)->(m)", rowsum, summary="X*ones(n), the sums along rows")
macro("colsum", "(m,n)->(n)", lambda X: rowsum(X.T), summary="X'*ones(m), the sums along columns")
macro("rowmean", "(m,n)->(m)", lambda X: rowsum(X) / size(X.cols), summary="X*ones(n)/n, the means along rows")
macro("colmean", "(m,n)->(n)", lambda X: rowsum(X.T) / size(X.rows), summary="X'*ones(m)/m, the means along columns")
macro("colnorm", "(m,n)->(n)", lambda X: rownorm(X.T), summary="the 2-norms of the columns")
macro("rowlogsumexp", "(m,n)->(m)", row_logsumexp, summary="logsumexp(X, 2), that of every row")
macro("collogsumexp", "(m,n)->(n)", lambda X: row_logsumexp(X.T), summary="logsumexp(X, 1), that of every column")
macro("rowsoftmax", "(m,n)->(m,n)", row_softmax, summary="softmax(X, 2), that of every row")
macro("colsoftmax", "(m,n)->(m,n)", lambda X: row_softmax(X.T).T, summary="softmax(X, 1), that of every column")
macro("softmax", "(1,n)->(1,n)", lambda x: softmax(upright(x)).T, summary="that of a row, a row")
macro("softmax", "(m,n);1->(m,n)", lambda X: row_softmax(X.T).T, remark=row_softmax.remark)
macro("logsumexp", "(m,n);1->(n)", lambda X: row_logsumexp(X.T), remark=row_logsumexp.remark)
macro("sum", "(m,n);1->(n)", lambda X: rowsum(X.T), remark=f"sum({{0}}, …) {COUNTED}")
macro("sum", "(m,n);2->(m)", rowsum, remark=f"sum({{0}}, …) {COUNTED}")
macro("mean", "(m,n);1->(n)", lambda X: rowsum(X.T) / size(X.rows), remark=f"mean({{0}}, …) {COUNTED}")
macro("mean", "(m,n);2->(m)", lambda X: rowsum(X) / size(X.cols), remark=f"mean({{0}}, …) {COUNTED}")
for word, of_vector in (("sum", sum_), ("mean", mean), ("logsumexp", logsumexp)):
    macro(word, "(n);1->()", of_vector, summary="a vector is one column")
    macro(f"col{word}", "(n)->()", of_vector, summary="a vector is one column")
macro("softmax", "(n);1->(n)", lambda x: softmax(x), summary="a vector is one column")
macro("colsoftmax", "(n)->(n)", lambda x: softmax(x), summary="a vector is one column")

along |= {word: (f"col{word}", f"row{word}") for word in ("sum", "mean", "norm", "logsumexp", "softmax", "max", "min")}
