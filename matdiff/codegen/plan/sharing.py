"""Systems with one matrix, its inverse, determinant and log-determinant share its Cholesky or LU factors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from matdiff.codegen import kernels as k
from matdiff.codegen.kernels import SOLVE, run
from matdiff.core.node import Apply, Constant, Node, Symbol, apply, number, symbol, topological
from matdiff.core.shape import ONE
from matdiff.graph.properties import Known
from matdiff.ops.algebra import (
    ADD,
    CONSTRUCTORS,
    HADAMARD,
    MATMUL,
    SCALE,
    TRANSPOSE,
    add,
    is_op,
    matmul,
    scale,
    transpose,
)
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import det, inv, logdet
from matdiff.ops.reductions import tr
from matdiff.ops.structure import Diag

# One value for a matrix, its transpose and its negative: `V Uᵀ − Xᵀ` is `−(X − U Vᵀ)ᵀ`, where both occur.

Terms = frozenset[tuple[Node, int]]
ENTRYWISE = (ADD, HADAMARD)


def mirrored(roots: Sequence[Node]) -> list[Node]:
    """The roots with every matrix whose transpose is met before replaced by that; linear in distinct nodes."""
    known = Known()
    new: dict[Node, Node] = {}
    turned: dict[Node, Node] = {}
    met: set[Node] = set()
    sums: dict[Terms, Node] = {}
    for node in topological(*roots):
        made = rebuilt(node, new)
        if made.kind == "matrix" and isinstance(made, Apply) and made.op is not TRANSPOSE:
            turned[made] = flipped(made, turned, known)
            made = equal(made, turned[made], met, sums)
        new[node] = made
    return [new[r] for r in roots]


def equal(made: Node, other: Node, met: set[Node], sums: dict[Terms, Node]) -> Node:
    """The value in terms of one that was met before, else itself."""
    if other in met and other is not made:
        return transpose(other)
    if made.op is HADAMARD and (swapped := HADAMARD.build(made.children[::-1])) in met:
        return swapped
    if made.op is ADD:
        for total, turn in ((made, False), (other, True)):
            for sign in (1, -1):
                found = sums.get(terms(total, sign))
                if found is not None:
                    return scale(number(sign), transpose(found) if turn else found)
        sums[terms(made, 1)] = made
    met.add(made)
    return made


def terms(total: Node, sign: int) -> Terms:
    """The terms of a sum in any order."""
    return frozenset(Counter(scale(number(sign), a) for a in total.children).items())


def rebuilt(node: Node, new: dict[Node, Node]) -> Node:
    if isinstance(node, Symbol) and node.body is not None:
        return symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
    if isinstance(node, Apply):
        args = tuple(new[a] for a in node.args)
        if args == node.args:
            return node
        if node.op is not ADD and node.op.name in CONSTRUCTORS:
            return CONSTRUCTORS[node.op.name](*args)
        return apply(node.op, args, node.params, node.kind, node.rows, node.cols)
    return node


def flipped(node: Apply, turned: dict[Node, Node], known: Known) -> Node:
    """The transpose written with transposes at the leaves alone, as the other occurrence is."""
    parts = [inside(a, turned, known) for a in node.args]
    if node.op is MATMUL:
        parts.reverse()
    elif node.op is SCALE:
        parts[0] = node.args[0]
    elif node.op is Diag:
        return node
    elif not (node.op in (*ENTRYWISE, kron) or (node.op.elementwise and len(parts) == 1)):
        return transpose(node)
    return apply(node.op, tuple(parts), node.params, "matrix", node.cols, node.rows)


def inside(a: Node, turned: dict[Node, Node], known: Known) -> Node:
    if a.op is TRANSPOSE:
        return a.children[0]
    if a in turned:
        return turned[a]
    if a.kind == "scalar" or isinstance(a, Constant):
        return transpose(a)
    return known.transposed(a)


FACTORED = (SOLVE, inv, det, logdet, k.LOGABSDET)


def share_factors(roots: Sequence[Node], inverses: bool = False, every: bool = False) -> list[Node]:
    """The roots with one factorisation for each matrix that occurs in several of these, or is positive definite.

    `every`: for each matrix.
    """
    order = topological(*roots)
    uses = [n for n in order if isinstance(n, Apply) and n.op in FACTORED]
    if not uses:
        return list(roots)
    known = Known()
    counts = Counter(matrix(n) for n in uses)
    divided = {matrix(n) for n in uses if n.op is not det}
    squares = Counter(matrix(n) for n in uses if n.op is SOLVE and n.cols is n.rows)
    definite = {A for A in divided if is_semidefinite(A, known)}
    explicit = {a for n in order if n.op is not tr for a in n.children} | set(roots)
    inverted = {matrix(n) for n in uses if n.kind == "matrix" and (n.op is SOLVE or n in explicit)}
    new: dict[Node, Node] = {}
    for node in order:
        if isinstance(node, Symbol) and node.body is not None:
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
        elif isinstance(node, Apply):
            args = tuple(new[a] for a in node.args)
            new[node] = (
                transpose(*args)
                if node.op is TRANSPOSE
                else apply(node.op, args, node.params, node.kind, node.rows, node.cols)
            )
            if node.op is tr and node.args[0].op is inv and node.args[0] not in explicit:
                A = matrix(node.args[0])
                if A in definite:
                    new[node] = run(
                        k.INVERSE_TRACE, (run(k.CHOLESKY, (new[A],), "matrix", A.rows, A.cols),), "scalar", ONE, ONE
                    )
            if node.op in FACTORED:
                A = matrix(node)
                if node.op is SOLVE and "lower" in known(A):
                    op = k.SOLVE_LOWER_T if node.args[0].op is TRANSPOSE else k.SOLVE_LOWER
                    new[node] = run(op, (new[A], args[1]), node.kind, node.rows, node.cols)
                    continue
                wide = A in definite and is_wide(node, A)
                several = node.kind == "matrix" and (inverses or wide or squares[A] > 1)
                anyway = node.kind == "vector" and inverses and A in inverted
                if node.op is SOLVE and (several or anyway):
                    new[node] = by_inverse(new[A], A in definite, node.args[0].op is TRANSPOSE, args[1])
                    continue
                if A in definite:
                    new[node] = by_cholesky(node, new[A], args)
                elif (every or counts[A] > 1) and A in divided:
                    new[node] = by_lu(node, new[A], args)
        else:
            new[node] = node
    return [new[r] for r in roots]


def by_least_squares(roots: Sequence[Node]) -> list[Node]:
    """The roots with (AᵀA)⁻¹ Aᵀb by the triangular factor R of A = QR and one step of refinement.

    AᵀA is not formed: its condition is the square of that of A.  The seminormal equations RᵀR x = Aᵀb, corrected by
    those of the residual, are as exact as a least squares solver (Björck 1987), and A (AᵀA)⁻¹ c is so without that.
    """
    order = topological(*roots)
    found: set[Node] = set()
    for node in order:
        if not isinstance(node, Apply):
            continue
        # x = (AᵀA)⁻¹ Aᵀb, or its adjoint A (AᵀA)⁻¹ c.
        adjoint = node.op is MATMUL and is_op(node.args[1], k.CHOLESKY_SOLVE)
        solve = node.args[1] if adjoint else node
        if is_op(solve, k.CHOLESKY_SOLVE) and solve.kind == "vector" and is_op(solve.children[0], k.CHOLESKY):
            L, right = solve.children
            A = _root(L.children[0])
            beside = node.args[0] if adjoint else transpose(right.children[0]) if right.op is MATMUL else None
            if A is not None and beside is A:
                found.add(L)
    if not found:
        return list(roots)
    new: dict[Node, Node] = {}
    for node in order:
        if isinstance(node, Symbol) and node.body is not None:
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
            continue
        if not isinstance(node, Apply):
            new[node] = node
            continue
        args = tuple(new[a] for a in node.args)
        made: Node
        if node in found:
            made = run(k.GRAM_ROOT, (new[_root(node.args[0]) or node],), "matrix", node.rows, node.cols)
        elif node.op is TRANSPOSE:
            made = transpose(*args)
        else:
            made = apply(node.op, args, node.params, node.kind, node.rows, node.cols)
        new[node] = made
        if is_op(node, k.CHOLESKY_SOLVE) and node.kind == "vector" and node.args[0] in found:
            A, (L, right) = _root(node.args[0].children[0]), args
            if A is None or right.op is not MATMUL or transpose(right.children[0]) is not new[A]:
                continue
            rest = right.children[1] - matmul(new[A], made)
            more = matmul(transpose(new[A]), rest)
            new[node] = add(made, run(k.CHOLESKY_SOLVE, (L, more), node.kind, node.rows, node.cols))
    return [new[r] for r in roots]


def _root(gram: Node) -> Node | None:
    """The A of AᵀA."""
    if gram.op is not MATMUL:
        return None
    a, b = gram.children
    return b if transpose(a) is b else None


def matrix(node: Node) -> Node:
    """The A of A⁻¹B, A⁻ᵀB, A⁻¹, det A, log det A."""
    A = node.children[0]
    return A.children[0] if A.op is TRANSPOSE else A


def is_wide(node: Node, A: Node) -> bool:
    """Has A⁻¹B for A = X'X as many columns as X has rows?  That is at least n, else A would be singular."""
    return A.op is MATMUL and A.children[0].cols is node.cols


def by_inverse(A: Node, definite: bool, flipped: bool, B: Node) -> Node:
    """A⁻¹B by the inverse: for several square B, a wide one, or where there is one anyway, cheaper than solving."""
    factor, inverse = (k.CHOLESKY, k.CHOLESKY_INVERSE) if definite else (k.FACTOR, k.FACTOR_INVERSE)
    P = run(inverse, (run(factor, (A,), "matrix", A.rows, A.cols),), "matrix", A.rows, A.cols)
    if definite and B.op is TRANSPOSE and B.kind == "matrix":
        X = B.children[0]
        return transpose(run(MATMUL, (X, P), "matrix", X.rows, X.cols))
    return run(MATMUL, (transpose(P) if flipped and not definite else P, B), B.kind, B.rows, B.cols)


def by_cholesky(node: Apply, A: Node, args: tuple[Node, ...]) -> Node:
    L = run(k.CHOLESKY, (A,), "matrix", A.rows, A.cols)
    if node.op is SOLVE:
        return run(k.CHOLESKY_SOLVE, (L, args[1]), node.kind, node.rows, node.cols)
    if node.op is inv:
        return run(k.CHOLESKY_INVERSE, (L,), "matrix", A.rows, A.cols)
    return run(k.CHOLESKY_DET if node.op is det else k.CHOLESKY_LOGDET, (L, A), "scalar", ONE, ONE)


def by_lu(node: Apply, A: Node, args: tuple[Node, ...]) -> Node:
    lu = run(k.FACTOR, (A,), "matrix", A.rows, A.cols)
    flipped = node.args[0].op is TRANSPOSE
    if node.op is SOLVE:
        return run(k.FACTOR_SOLVE_T if flipped else k.FACTOR_SOLVE, (lu, args[1]), node.kind, node.rows, node.cols)
    if node.op is inv:
        inverse = run(k.FACTOR_INVERSE, (lu,), "matrix", A.rows, A.cols)
        return transpose(inverse) if flipped else inverse
    op = {det: k.FACTOR_DET, logdet: k.FACTOR_LOGDET, k.LOGABSDET: k.FACTOR_LOGABSDET}[node.op]
    return run(op, (lu, A), "scalar", ONE, ONE)


def is_semidefinite(root: Node, known: Known) -> bool:
    """Positive semidefinite by its form, so that it is definite wherever it is invertible: S, X'X, X'SX + sI."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Symbol) and node.body is not None:
            stack.append(node.body)
        elif "spd" in known(node):
            continue
        elif node.op is ADD:
            stack.extend(node.children)
        elif is_op(node, k.ADD_DIAGONAL) and "positive" in known(node.children[1]):
            stack.append(node.children[0])
        elif node.op is SCALE and "positive" in known(node.children[0]):
            stack.append(node.children[1])
        elif node.op is not MATMUL or not is_gram(node, known):
            return False
    return True


def is_gram(node: Node, known: Known) -> bool:
    """A'A, A'SA, A'Diag(v)A with S positive definite, as the plan may have associated them."""
    factors: list[Node] = []
    stack: list[Node] = [node]
    while stack and len(factors) < 16:
        top = stack.pop()
        if top.op is MATMUL:
            stack.extend(top.children)
        else:
            factors.append(top)
    half, odd = divmod(len(factors), 2)
    if stack or (odd and "spd" not in known(factors[half])):
        return False
    return all(
        a is known.transposed(b) or b is transpose(a)
        for a, b in zip(factors[:half], factors[:half:-1] if odd else factors[: half - 1 : -1], strict=True)
    )
