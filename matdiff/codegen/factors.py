"""Several systems with one matrix, and its log-determinant, share its LU factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matdiff.codegen.kernels import FACTOR, FACTOR_LOGDET, FACTOR_SOLVE, FACTOR_SOLVE_T, SOLVE, run
from matdiff.node import Apply, Node, Symbol, apply, symbol, topological
from matdiff.ops.algebra import TRANSPOSE, is_op
from matdiff.ops.linalg import logdet
from matdiff.shape import ONE


def share_factors(roots: Sequence[Node]) -> list[Node]:
    """The roots with `solve` replaced where A or Aᵀ occurs in more than one."""
    order = topological(*roots)
    solves = Counter(matrix(n) for n in order if is_op(n, SOLVE))
    counts = solves + Counter(n.children[0] for n in order if is_op(n, logdet) and n.children[0] in solves)
    if not counts or max(counts.values()) < 2:
        return list(roots)
    new: dict[Node, Node] = {}
    for node in order:
        if isinstance(node, Symbol) and node.body is not None:
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
        elif isinstance(node, Apply):
            args = tuple(new[a] for a in node.args)
            if node.op is SOLVE and counts[matrix(node)] > 1:
                new[node] = solved(node, new[matrix(node)], args[1])
            elif node.op is logdet and node.args[0] in counts:
                new[node] = run(FACTOR_LOGDET, (factored(args[0]), args[0]), "scalar", ONE, ONE)
            else:
                new[node] = apply(node.op, args, node.params, node.kind, node.rows, node.cols)
        else:
            new[node] = node
    return [new[r] for r in roots]


def matrix(solve: Node) -> Node:
    """The A of A⁻¹B or A⁻ᵀB."""
    A = solve.children[0]
    return A.children[0] if is_op(A, TRANSPOSE) else A


def solved(node: Apply, A: Node, b: Node) -> Node:
    flipped = is_op(node.args[0], TRANSPOSE)
    return run(FACTOR_SOLVE_T if flipped else FACTOR_SOLVE, (factored(A), b), node.kind, node.rows, node.cols)


def factored(A: Node) -> Node:
    return run(FACTOR, (A,), "matrix", A.rows, A.cols)
