"""Functions that only generated code knows: cheaper ways to the value of a product, a trace, a sum."""

from __future__ import annotations

from typing import Any

from matdiff.core.node import Kind, Node, apply
from matdiff.core.op import Op
from matdiff.core.shape import Dim
from matdiff.ops.algebra import product_kind


def kernel(name: str, signature: str, numpy: str, **fields: Any) -> Op:
    return Op(name, signature, (), numpy=numpy, **fields)


SOLVE = kernel(
    "solve",
    "(n,n),(...)->(...)",
    "np.linalg.solve({0}, {1})",
    domain=("invertible",),
    c="-> solve({m0}, {q1}, {0}, {1}, {out}, {work:m0*m0+m0})",
    cost="2*m0*m0*m0/3+2*m0*s",
    stack=lambda many, A, B: many.solve(A, B),
)
"""A⁻¹B; B a vector, or a row that stands for its transpose."""
FACTOR = kernel(
    "lu",
    "(n,n)->(n,n)",
    "lu_factor({0})",
    torch="torch.linalg.lu_factor({0})",
    domain=("invertible",),
    traits="factors",
    stack=lambda many, A: many.Factors(A),
    c="-> lu({m0}, {0}, {out:m0*m0+m0})",
    cost="2*m0*m0*m0/3",
)
"""The LU factors of A, as the library keeps them."""
FACTOR_SOLVE = kernel(
    "lu_solve",
    "(n,n),(...)->(...)",
    "lu_solve({0}, {1})",
    c="-> lu_solve({m0}, {q1}, {0}, {1}, {out})",
    cost="2*m0*s",
    stack=lambda many, F, B: F.solve(B),
)
FACTOR_SOLVE_T = kernel(
    "lu_solve_t",
    "(n,n),(...)->(...)",
    "lu_solve({0}, {1}, trans=1)",
    c="-> lu_solve_t({m0}, {q1}, {0}, {1}, {out})",
    cost="2*m0*s",
    stack=lambda many, F, B: F.solve(B, flip=True),
)
"""A⁻¹B and A⁻ᵀB from the factors of A."""
FACTOR_INVERSE = kernel(
    "lu_inverse",
    "(n,n)->(n,n)",
    "lu_inverse({0})",
    c="-> lu_inverse({m0}, {0}, {out})",
    cost="4*m0*m0*m0/3",
    stack=lambda many, F: F.inverse(),
)
FACTOR_LOGDET = kernel(
    "lu_logdet",
    "(n,n),(n,n)->()",
    "np.sum(np.log(np.abs(np.diagonal({0}[0]))))",
    c="= lu_logabsdet({m0}, {0})",
    jointly="posdet 1",
    cost="m0",
    stack=lambda many, F, A: F.logabsdet(),
)
"""log |det A| from the factors of A; A itself is there for the check of its sign."""
FACTOR_LOGABSDET = kernel(
    "lu_logabsdet",
    FACTOR_LOGDET.signature,
    FACTOR_LOGDET.numpy,
    c="= lu_logabsdet({m0}, {0})",
    cost="m0",
    stack=FACTOR_LOGDET.stack,
)
FACTOR_DET = kernel(
    "lu_det", "(n,n),(n,n)->()", "lu_det({0})", c="= lu_det({m0}, {0})", cost="m0", stack=lambda many, F, A: F.det()
)
LOGABSDET = kernel(
    "logabsdet",
    "(n,n)->()",
    "np.linalg.slogdet({0})[1]",
    julia="logabsdet({0})[1]",
    octave="logabsdet({0})",
    torch="torch.linalg.slogdet({0})[1]",
    domain=("invertible",),
    c="= logabsdet({m0}, {0}, {work:m0*m0+m0})",
    cost="2*m0*m0*m0/3",
    stack=lambda many, A: many.np.linalg.slogdet(A)[1],
)
"""log |det A|."""
SOLVE_LOWER = kernel(
    "solve_lower",
    "(n,n),(...)->(...)",
    "solve_lower({0}, {1})",
    domain=("invertible",),
    c="-> solve_lower({m0}, {q1}, {0}, {1}, {out})",
    cost="m0*s",
    stack=lambda many, L, B: many.solve_lower(L, B),
)
SOLVE_LOWER_T = kernel(
    "solve_lower_t",
    "(n,n),(...)->(...)",
    "solve_lower({0}, {1}, trans=1)",
    domain=("invertible",),
    c="-> solve_lower_t({m0}, {q1}, {0}, {1}, {out})",
    cost="m0*s",
    stack=lambda many, L, B: many.solve_lower(L, B, flip=True),
)
"""L⁻¹B and L⁻ᵀB for lower triangular L."""
CHOLESKY = kernel(
    "cholesky",
    "(n,n)->(n,n)",
    "cholesky({0})",
    torch="torch.linalg.cholesky({0})",
    domain=("invertible",),
    c="-> cholesky({m0}, {0}, {out})",
    cost="m0*m0*m0/3",
    stack=lambda many, A: many.cholesky(A),
)
"""The L with LLᵀ = A, for a matrix that is positive definite by its form if it is invertible."""
GRAM_ROOT = kernel(
    "gram_root",
    "(m,n)->(n,n)",
    "gram_root({0})",
    domain=("fullcolumns",),
    c="-> gram_root({m0}, {n0}, {0}, {out}, {work:m0*n0})",
    cost="2*m0*m*m",
)
"""The lower triangular L with LLᵀ = AᵀA by the QR decomposition of A, which has the root of that condition."""
CHOLESKY_SOLVE = kernel(
    "cholesky_solve",
    "(n,n),(...)->(...)",
    "cholesky_solve({0}, {1})",
    c="-> cholesky_solve({m0}, {q1}, {0}, {1}, {out})",
    cost="2*m0*s",
    stack=lambda many, L, B: many.solve_cholesky(L, B),
)
CHOLESKY_INVERSE = kernel(
    "cholesky_inverse",
    "(n,n)->(n,n)",
    "cholesky_inverse({0})",
    torch="torch.cholesky_inverse({0})",
    c="-> cholesky_inverse({m0}, {0}, {out})",
    cost="2*m0*m0*m0/3",
    stack=lambda many, L: many.inverse_cholesky(L),
)
INVERSE_TRACE = kernel(
    "inverse_trace",
    "(n,n)->()",
    "inverse_trace({0})",
    c="= inverse_trace({m0}, {0}, {work:m0*m0})",
    stack=lambda many, L: many.inverse_trace(L),
)
"""tr A⁻¹ from the L of A."""
CHOLESKY_LOGDET = kernel(
    "cholesky_logdet",
    "(n,n),(n,n)->()",
    "2 * np.sum(np.log(np.diagonal({0})))",
    torch="2 * torch.sum(torch.log(torch.diagonal({0})))",
    c="= cholesky_logdet({m0}, {0})",
    jointly="posdet 1",
    cost="m0",
    stack=lambda many, L, A: 2 * many.np.log(many.diagonals(L)).sum(axis=1),
)
CHOLESKY_DET = kernel(
    "cholesky_det",
    "(n,n),(n,n)->()",
    "np.prod(np.diagonal({0})) ** 2",
    c="= cholesky_det({m0}, {0})",
    cost="m0",
    stack=lambda many, L, A: many.diagonals(L).prod(axis=1) ** 2,
)
"""From the L of A; A itself is there for the check."""
SCALE_ROWS = kernel("scale_rows", "(m),(m,n)->(m,n)", "{0}[:, None] * {1}", stack=lambda many, v, A: v[:, :, None] * A)
"""Diag(v) A."""
SCALE_COLUMNS = kernel("scale_columns", "(m,n),(n)->(m,n)", "{0} * {1}", stack=lambda many, A, v: A * v[:, None, :])
"""A Diag(v)."""
TRACE_PRODUCT = kernel(
    "trace_product",
    "(m,n),(n,m)->()",
    "np.sum({0} * {1}.T)",
    julia="dot({0}', {1})",
    octave="sum(sum({0} .* {1}'))",
    cost="2*s0",
    stack=lambda many, A, B: many.np.einsum("bij,bji->b", A, B),
)
"""tr(AB)."""
ROW_DOTS = kernel(
    "row_dots",
    "(m,n),(m,n)->(m)",
    "np.einsum('ij,ij->i', {0}, {1})",
    julia="vec(sum({0} .* {1}, dims=2))",
    octave="sum({0} .* {1}, 2)",
    jax="jnp.sum({0} * {1}, axis=1)",
    cost="2*s0",
    stack=lambda many, A, B: many.np.einsum("bij,bij->bi", A, B),
)
COLUMN_DOTS = kernel(
    "column_dots",
    "(m,n),(m,n)->(n)",
    "np.einsum('ij,ij->j', {0}, {1})",
    julia="vec(sum({0} .* {1}, dims=1))",
    octave="sum({0} .* {1}, 1)'",
    jax="jnp.sum({0} * {1}, axis=0)",
    cost="2*s0",
    stack=lambda many, A, B: many.np.einsum("bij,bij->bj", A, B),
)
"""The diagonals of ABᵀ and AᵀB; XLA fuses a sum of products, and makes slow batches of einsum."""
POSITIVE_KRON = kernel(
    "positive_kron",
    "(),(m,m),(n,n)->()",
    "{0}",
    julia="{0}",
    c="{0}",
    jointly="poskron 1 2",
    cost="0",
)
"""log |det(A ⊗ B)|, A and B being there for the check of its sign."""
ROW_SUMS = kernel(
    "row_sums",
    "(m,n)->(m)",
    "np.sum({0}, axis=1)",
    julia="vec(sum({0}, dims=2))",
    octave="sum({0}, 2)",
    stack=lambda many, A: A.sum(axis=2),
)
"""A·1."""
COLUMN_SUMS = kernel(
    "column_sums",
    "(m,n)->(n)",
    "np.sum({0}, axis=0)",
    julia="vec(sum({0}, dims=1))",
    octave="sum({0}, 1)'",
    stack=lambda many, A: A.sum(axis=1),
)
"""Aᵀ1."""
TOTAL = kernel("total", "(n)->()", "np.sum({0})", julia="sum({0})", stack=lambda many, x: x.sum(axis=1))
"""1ᵀx."""
LOG1P = kernel("log1p", "(...)->(...)", "np.log1p({0})", julia="log1p.({0})", elementwise=True, c="log1p({0})")
EXPM1 = kernel("expm1", "(...)->(...)", "np.expm1({0})", julia="expm1.({0})", elementwise=True, c="expm1({0})")
LOG_SIGMOID = kernel(
    "log_sigmoid",
    "(...)->(...)",
    "np.minimum({0}, 0) - np.log1p(np.exp(-np.abs({0})))",
    julia="log_sigmoid.({0})",
    jax="jax.nn.log_sigmoid({0})",
    torch="torch.nn.functional.logsigmoid({0})",
    c="log_sigmoid({0})",
)
"""log σ(u) = −log(1 + e⁻ᵘ)."""
LOGADDEXP = kernel(
    "logaddexp", "(...),(...)->(...)", "np.logaddexp({0}, {1})", julia="logaddexp.({0}, {1})", c="logaddexp({0}, {1})"
)
KRON_EYE = kernel(
    "kron_eye",
    "(m,n)->(p,q)",
    "kron_eye({0}, {p0})",
    julia="kron({0}, Matrix(1.0I, {p0}, {p0}))",
    octave="kron({0}, eye({p0}))",
    c="-> kron_eye({m0}, {n0}, {p0}, {0}, {out})",
    cost="p0*s0",
)
EYE_KRON = kernel(
    "eye_kron",
    "(m,n)->(p,q)",
    "eye_kron({p0}, {0})",
    julia="kron(Matrix(1.0I, {p0}, {p0}), {0})",
    octave="kron(eye({p0}), {0})",
    c="-> eye_kron({m0}, {n0}, {p0}, {0}, {out})",
    cost="p0*s0",
)
"""A ⊗ I and I ⊗ A."""
KHATRI_RAO = kernel(
    "khatri_rao", "(m,s),(n,s)->(p,s)", "khatri_rao({0}, {1})", c="-> khatri_rao({m0}, {n0}, {m1}, {0}, {1}, {out})"
)
"""The Kronecker products of the columns."""
BLOCKS = kernel(
    "blocks",
    "(m,s),(a,s),(n,s)->(p,q)",
    "",
    cost="2*m0*n0*m1*m2",
)
"""A Diag(c_a) Bᵀ for each row c_a of C, as blocks; params 1: A Diag(c_a) Bᵀ ⊗ e_a e_aᵀ, 0: the other way round."""
ADD_BLOCKS = kernel(
    "add_blocks",
    "(p,q),(m,s),(a,s),(n,s)->(p,q)",
    "",
    cost="2*m1*n1*m2*m3",
)
"""The same added to a matrix."""
BROADCAST = kernel("broadcast", "(...),(...)->(r,s)", "")
"""A product of entries without a sum, on the places where indices that are the same agree, else 0.

params: the index that each axis runs over, the axes of rows before those of columns; the dimensions of the axes;
the indices of each argument; the number of axes of rows.
"""
ADD_BROADCAST = kernel("add_broadcast", "(r,s),(...),(...)->(r,s)", "")
"""The same added to a matrix."""
ADD_DIAGONAL = kernel(
    "add_diagonal",
    "(n,n),()->(n,n)",
    "add_diagonal({0}, {1})",
    keeps=frozenset({"symmetric"}),
    cost="m0",
    stack=lambda many, A, s: many.add_diagonal(A, s),
)
"""A + sI."""
PLUS = kernel("plus", "(...),(...)->(...)", "")
"""A sum in which a scalar stands for itself in every entry."""


def run(op: Op, args: tuple[Node, ...], kind: Kind, rows: Dim, cols: Dim, params: tuple[Any, ...] = ()) -> Node:
    """The application of a kernel, its type given."""
    return apply(op, args, params, kind, rows, cols)


def product(op: Op, args: tuple[Node, ...], left: Node, right: Node) -> Node:
    """A kernel that computes left·right."""
    return run(op, args, product_kind(left.kind, right.kind), left.rows, right.cols)
