"""Values had from the parts of a matrix that is never formed: sum(diag A), log det(A ⊗ B), A ∘ uvᵀ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matdiff.codegen import kernels as k
from matdiff.codegen.kernels import run
from matdiff.codegen.plan.mirrors import rebuilt
from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.core.op import Op
from matdiff.core.shape import ONE
from matdiff.ops.algebra import HADAMARD, MATMUL, TRANSPOSE, add, scale, size, transpose
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inv, logdet
from matdiff.ops.reductions import sum_, tr
from matdiff.ops.structure import Diag, diag

GRAM_LOGDET = k.kernel(
    "gram_logdet",
    "(m,n)->()",
    "gram_logdet({0})",
    julia="gram_logdet({0})",
    domain=("fullcolumns",),
    c="= gram_logdet({m0}, {n0}, {0}, {work:m0*n0})",
)
"""log det(XᵀX) by the QR decomposition of X."""


def shortcuts(roots: Sequence[Node]) -> list[Node]:
    """The roots rewritten from the leaves up, linear in distinct nodes."""
    order = topological(*roots)
    if not any(isinstance(n, Apply) and n.op in RULES for n in order):
        return list(roots)
    new: dict[Node, Node] = {}
    inverted = {n.children[0] for n in order if n.op is inv}
    for node in order:
        made = rebuilt(node, new)
        new[node] = made
        if isinstance(made, Apply) and made.op in RULES and not (made.op is logdet and node.children[0] in inverted):
            new[node] = RULES[made.op](made) or made
    return [new[r] for r in roots]


def total(node: Apply) -> Node | None:
    """sum(diag A) = tr A."""
    (a,) = node.args
    return tr(a.children[0]) if a.op is diag else None


def product(node: Apply) -> Node | None:
    """A ∘ uvᵀ = Diag(u) A Diag(v); Diag(1) is left out."""
    for a, b in (node.args, node.args[::-1]):
        if b.op is MATMUL and b.children[0].kind == "vector" and b.children[1].kind == "row" and a.kind == "matrix":
            u, v = b.children
            return Diag(u) @ a @ Diag(transpose(v))
    return None


def log_determinant(node: Apply) -> Node | None:
    """log det XᵀX, and log det(A ⊗ B) = n log |det A| + m log |det B| (Magnus & Neudecker 2019, §2.3)."""
    if (X := gram(node.args[0])) is not None:
        return run(GRAM_LOGDET, (X,), "scalar", ONE, ONE)
    if not is_square_kron(node.args[0]):
        return None
    A, B = node.args[0].children
    parts = (scale(size(n), run(k.LOGABSDET, (X,), "scalar", ONE, ONE)) for X, n in ((A, B.rows), (B, A.rows)))
    return run(k.POSITIVE_KRON, (add(*parts), A, B), "scalar", ONE, ONE)


def gram(a: Node) -> Node | None:
    """The X of XᵀX, where it is given."""
    if a.op is not MATMUL or a.children[0] is not a.children[1].T:
        return None
    X = a.children[1]
    given = X.children[0] if X.op is TRANSPOSE else X
    return X if isinstance(given, Symbol) and given.body is None and X.kind == "matrix" else None


def inverse(node: Apply) -> Node | None:
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ (Magnus & Neudecker 2019, §2.2)."""
    return kron(*map(inv, node.args[0].children)) if is_square_kron(node.args[0]) else None


def is_square_kron(a: Node) -> bool:
    return a.op is kron and all(c.rows is c.cols for c in a.children)


RULES: dict[Op, Callable[[Apply], Node | None]] = {
    sum_: total,
    HADAMARD: product,
    logdet: log_determinant,
    inv: inverse,
}
