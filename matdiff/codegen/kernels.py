"""Functions that only generated code knows: cheaper ways to the value of a product, a trace, a sum."""

from __future__ import annotations

from typing import Any

from matdiff.node import Kind, Node, apply
from matdiff.op import Op
from matdiff.ops.algebra import product_kind
from matdiff.shape import Dim


def kernel(name: str, signature: str, numpy: str, **fields: Any) -> Op:
    return Op(name, signature, (), numpy=numpy, **fields)


SOLVE = kernel("solve", "(n,n),(...)->(...)", "np.linalg.solve({0}, {1})", domain=("invertible",))
"""A⁻¹B; B a vector, or a row that stands for its transpose."""
FACTOR = kernel("lu", "(n,n)->(n,n)", "scipy.linalg.lu_factor({0})", domain=("invertible",))
"""The LU factors of A, as SciPy keeps them."""
FACTOR_SOLVE = kernel("lu_solve", "(n,n),(...)->(...)", "scipy.linalg.lu_solve({0}, {1})")
FACTOR_SOLVE_T = kernel("lu_solve_t", "(n,n),(...)->(...)", "scipy.linalg.lu_solve({0}, {1}, trans=1)")
"""A⁻¹B and A⁻ᵀB from the factors of A."""
FACTOR_LOGDET = kernel("lu_logdet", "(n,n),(n,n)->()", "np.sum(np.log(np.abs(np.diagonal({0}[0]))))")
"""log |det A| from the factors of A; A itself is there for the check of its sign."""
SCALE_ROWS = kernel("scale_rows", "(m),(m,n)->(m,n)", "{0}[:, None] * {1}")
"""Diag(v) A."""
SCALE_COLUMNS = kernel("scale_columns", "(m,n),(n)->(m,n)", "{0} * {1}")
"""A Diag(v)."""
ENTRYWISE = kernel("entrywise", "(n),(n)->(n)", "{0} * {1}")
"""Diag(v) x, for a vector or a row x."""
TRACE_PRODUCT = kernel("trace_product", "(m,n),(n,m)->()", "np.sum({0} * {1}.T)")
"""tr(AB)."""
ROW_SUMS = kernel("row_sums", "(m,n)->(m)", "np.sum({0}, axis=1)")
"""A·1."""
COLUMN_SUMS = kernel("column_sums", "(m,n)->(n)", "np.sum({0}, axis=0)")
"""1ᵀA, as a row."""
TOTAL = kernel("total", "(n)->()", "np.sum({0})")
"""1ᵀx."""
PLUS = kernel("plus", "(...),(...)->(...)", "")
"""A sum in which a scalar stands for itself in every entry."""


def run(op: Op, args: tuple[Node, ...], kind: Kind, rows: Dim, cols: Dim, params: tuple[Any, ...] = ()) -> Node:
    """The application of a kernel, its type given."""
    return apply(op, args, params, kind, rows, cols)


def product(op: Op, args: tuple[Node, ...], left: Node, right: Node) -> Node:
    """A kernel that computes left·right."""
    return run(op, args, product_kind(left.kind, right.kind), left.rows, right.cols)
