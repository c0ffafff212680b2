"""Identities of single functions: f(args in normal form) → simpler, or None."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Apply, Constant, Node, Number, number
from matdiff.core.op import registry
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.graph.properties import PALINDROME, Known, odd, product_nodes
from matdiff.ops.algebra import (
    ADD,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    hadamard,
    inner,
    matmul,
    matrix_product,
    power,
    scale,
    transpose,
    whole,
)
from matdiff.ops.constants import (
    commutation,
    eye,
    is_commutation,
    is_eye,
    is_ones,
    is_zero,
    ones,
    ones_like,
    zeros_like,
)
from matdiff.ops.elementwise import exp, heaviside, log, relu, sign
from matdiff.ops.indexing import COLUMN, HCAT, SLICE, VCAT, entry, slice_
from matdiff.ops.kronecker import kron, kron_of, kronv
from matdiff.ops.linalg import det, logdet
from matdiff.ops.reductions import norm
from matdiff.ops.spectral import eigvals, svdvals
from matdiff.ops.structure import Diag, diag, unvec, vec
from matdiff.simplify.terms import factor, split

# Products of Kronecker products, commutation matrices and vecs.

Times = Callable[[Node, Node], Node]
"""The product of two matrices in normal form."""


def vector_kron(a: Node, b: Node) -> Node | None:
    """K(m,n)(A⊗B) = B⊗A where one of them is a column, so that no K is left on the right."""
    if is_commutation(a) and b.op is kron:
        p, q = b.children
        if ONE in (p.cols, q.cols) and a.dims == (q.rows, p.rows):  # type: ignore[attr-defined]
            return kron(q, p)
    return None


def pairs(a: Node, b: Node) -> tuple[tuple[Node, Node], tuple[Node, Node]] | None:
    """(A, C) and (B, D) for (A⊗B)(C⊗D) = AC⊗BD."""
    if not (a.op is kron and b.op is kron):
        return None
    (p, q), (r, s) = a.children, b.children
    fits = p.cols is r.rows and q.cols is s.rows
    return ((p, r), (q, s)) if fits and not plain_shuffle(a) and not plain_shuffle(b) else None


def commuted(a: Node, b: Node) -> list[Node] | None:
    """Commutation matrices move to the left, (A⊗B)K = K(B⊗A), and KKᵀ = I."""
    for kept, other in ((a, b), (b, a)):
        if is_commutation(other) and takes_diagonal(kept) and other.dims[0] is other.dims[1]:  # type: ignore[attr-defined]
            return [kept]
    turned = vector_kron(a, b)
    if turned is not None:
        return [turned]
    if is_commutation(b) and a.op is kron:
        p, q = a.children
        if b.dims == (p.cols, q.cols) and not plain_shuffle(a):  # type: ignore[attr-defined]
            return [commutation(p.rows, q.rows), kron(q, p)]
    if is_commutation(a) and is_commutation(b) and a.dims == b.dims[::-1]:  # type: ignore[attr-defined]
        return [eye(a.rows)]
    return None


def on_vec(a: Node, b: Node, times: Times, known: Known) -> list[Node] | None:
    """(A ⊗ B) vec(X) = vec(B X Aᵀ), and K vec(X) = vec(Xᵀ)."""
    if b.op is not vec:
        return None
    (X,) = b.children
    if is_commutation(a) and a.dims == (X.rows, X.cols):  # type: ignore[attr-defined]
        return [vec(known.transposed(X))]
    if a.op is not kron or plain_shuffle(a):
        return None
    A, B = a.children
    if A.cols is not X.cols or B.cols is not X.rows or A.kind == B.kind == "row":
        return None
    piece = split(times(times(B, X), known.transposed(A)))
    core = piece.core
    if core is None:
        return None
    return [piece.scalar, transpose(core) if core.kind == "row" else core if core.kind == "vector" else vec(core)]


def beside(a: Node, b: Node, times: Times) -> list[Node] | None:
    """(x ⊗ M) N = x ⊗ M N, N (xᵀ ⊗ M) = xᵀ ⊗ N M, the same with x on the right; beside another ⊗ where M = I."""
    both = a.op is b.op is kron
    for i in (0, 1):
        if a.op is kron and a.children[i].kind == "vector" and not is_commutation(b):
            x, M = a.children[i], a.children[1 - i]
            if not both or is_eye(M):
                return _kron_at(i, x, times(M, b))
        if b.op is kron and b.children[i].kind == "row" and not is_commutation(a):
            x, M = b.children[i], b.children[1 - i]
            if not both or is_eye(M):
                return _kron_at(i, x, times(a, M))
    return None


def _kron_at(i: int, x: Node, rest: Node) -> list[Node] | None:
    """x ⊗ rest, or rest ⊗ x, the scalars of the rest in front."""
    piece = split(rest)
    if piece.core is None:
        return [piece.scalar, x]
    a, b = (piece.core, x) if i else (x, piece.core)
    return [piece.scalar, transpose(kronv(a.T, b.T)) if a.kind == b.kind == "row" else joined(a, b)]


def joined(a: Node, b: Node) -> Node:
    """a ⊗ b, a vector where both are."""
    return kronv(a, b) if a.kind == b.kind == "vector" else kron_of(a, b)


def outer(a: Node, b: Node, times: Times) -> list[Node] | None:
    """u (x ⊗ v)ᵀ = xᵀ ⊗ u vᵀ, (x ⊗ u) vᵀ = x ⊗ u vᵀ and (x ⊗ u)(y ⊗ v)ᵀ = x yᵀ ⊗ u vᵀ."""
    if a.kind != "vector" or b.kind != "row":
        return None
    left, right = a.op is kronv, b.T.op is kronv
    if left and right:
        (x, u), (y, v) = a.children, b.T.children
        return [kron_of(times(x, y.T), times(u, v.T))]
    if left:
        x, u = a.children
        return [kron_of(x, times(u, b))]
    if right:
        y, v = b.T.children
        return [kron_of(y.T, times(a, v.T))]
    return None


def takes_diagonal(a: Node) -> bool:
    """Is it Diag(vec(I)), which keeps the diagonal of a matrix in vec(A)?"""
    return a.op is Diag and a.children[0].op is vec and is_eye(a.children[0].children[0])


def of_diagonals(a: Node, b: Node, c: Node) -> bool:
    """Is it E Eᵀ with the E = Diag(vec(I))(1 ⊗ I) of a diagonal variable?  That is Diag(vec(I))."""
    if not (a is c and takes_diagonal(a) and b.op is kron):
        return False
    n = a.children[0].children[0].rows
    return is_ones(b.children[0]) and is_eye(b.children[1]) and b.children[1].rows is n and b.rows is b.cols


def plain_shuffle(a: Node) -> bool:
    """Is this one of the permutations I ⊗ K ⊗ I, which stay as they are?"""
    stack, found = [a], False
    while stack:
        top = stack.pop()
        if top.op is kron:
            stack.extend(top.children)
        elif is_commutation(top):
            found = True
        elif not is_eye(top):
            return False
    return found


Identity = Callable[[Known, Apply, tuple[Node, ...]], Node | None]


def _sym(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    if "skew" in known(args[0]):
        return zeros_like(args[0])
    return args[0] if "symmetric" in known(args[0]) else None


def _skew(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    if "symmetric" in known(args[0]):
        return zeros_like(args[0])
    return args[0] if "skew" in known(args[0]) else None


def _of_transpose(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """f(Aᵀ) = f(A) for determinants; 0 for zeros and skew matrices with an odd number of rows."""
    (A,) = args
    if is_eye(A):
        return number(1 if node.op is det else 0)
    if node.op is det and (is_zero(A) or (odd(A.rows) and "skew" in known(A))):
        return number(0)
    return node.op(args[0].children[0]) if args[0].op is TRANSPOSE else None


def _Diag(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """Diag(s v) = s Diag(v), Diag(1) = I, and Diag(diag(D)) = D for a diagonal D."""
    if args[0].op is SCALE:
        return scale(args[0].children[0], _Diag(known, node, args[0].children[1:]) or Diag(args[0].children[1]))
    if is_ones(args[0]):
        return eye(node.rows)
    if args[0].op is diag and "diagonal" in known(args[0].children[0]):
        return args[0].children[0]
    return None


def _diag(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """diag(Diag v) = v, diag(u vᵀ) = u ⊙ v, diag(A Diag(v) B) = (A ⊙ Bᵀ) v, scalars in front."""
    a = args[0]
    if a.op is SCALE:
        return scale(a.children[0], diag(a.children[1]))
    if a.op is Diag:
        return a.children[0]
    base, exponent = factor(a, known)
    if base.op is Diag:
        return power(base.children[0], number(exponent))
    if is_eye(a) or is_ones(a):
        return ones("vector", a.rows)
    if a.op is TRANSPOSE:
        return diag(a.children[0])
    if a.op is ADD:
        taken = [_diag(known, node, (t,)) for t in a.children]
        return None if None in taken else add(*(t for t in taken if t is not None))
    parts = product_nodes(a, PALINDROME)
    flipped = [known.transposed(p) for p in reversed(parts)]
    if sum(p.op is TRANSPOSE for p in flipped) < sum(p.op is TRANSPOSE for p in parts):
        return _diag(known, node, (matrix_product(flipped),)) or diag(matrix_product(flipped))
    if len(parts) > 1 and parts[0].op is Diag:
        return hadamard(parts[0].children[0], diag(matrix_product(parts[1:])))
    for i in range(1, len(parts)):
        if parts[i].kind == "row":
            return hadamard(matrix_product(parts[:i]), matrix_product(parts[i:]).T)
        if parts[i].op is Diag and i + 1 == len(parts):
            return hadamard(diag(matrix_product(parts[:i])), parts[i].children[0])
        if parts[i].op is Diag:
            right = matrix_product([known.transposed(p) for p in reversed(parts[i + 1 :])])
            return matmul(hadamard(matrix_product(parts[:i]), right), parts[i].children[0])
    return None


def _diagonal(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """The lower triangle of a lower matrix is that matrix, of an upper one its diagonal; and conversely."""
    same, other = ("lower", "upper") if node.op.name == "tril" else ("upper", "lower")
    properties = known(args[0])
    if same in properties:
        return args[0]
    return Diag(diag(args[0])) if other in properties else None


def _of_flipped(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """f(Aᵀ) = f(A)ᵀ for matrix functions."""
    return transpose(node.op(args[0].children[0])) if args[0].op is TRANSPOSE else None


def _unkron(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """⟨Q, B⟩ P where Y = P ⊗ Q is taken apart by B, ⟨A, P⟩ Q by A; eye(mn) is eye(m) ⊗ eye(n)."""
    left = node.op.name == "unkron_left"
    Y, other = args if left else args[::-1]
    rows, cols = node.params
    if is_eye(Y) and other.rows is other.cols and rows is cols:
        P, Q = (eye(rows), eye(other.rows)) if left else (eye(other.rows), eye(rows))
    elif Y.op is kron:
        P, Q = Y.children
    else:
        return None
    taken, kept = (Q, P) if left else (P, Q)
    if taken.rows is not other.rows or taken.cols is not other.cols:
        return None
    return scale(inner(taken, other), kept)


def _frechet(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """L_f(A; V) = V f'(A) for a V that is a function of A."""
    A, V, *p = args
    if not made_of(V, A):
        return None
    assert node.op.derivative is not None
    derivative = node.op.derivative(A, *p)
    s, f = derivative.children if derivative.op is SCALE else (number(1), derivative)
    return scale(s, matmul(V, f))


FUNCTIONS = {"inv", "expm", "logm", "sqrtm", "cosm", "sinm", "mpow", "mpower", "add", "scale", "matmul"}
LARGEST = 40
"""Most nodes of a direction that is tried for being a function of the point."""


def made_of(V: Node, A: Node) -> bool:
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
        if not isinstance(node, Apply) or node.op.name not in FUNCTIONS or len(seen) > LARGEST:
            return False
        waiting.extend(node.args)
    return True


def _vec(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """vec(unvec(x)) = x, and vec(u vᵀ) = v ⊗ u."""
    if args[0].op is unvec:
        return args[0].children[0]
    parts = product_nodes(args[0], PALINDROME)
    for i in range(1, len(parts)):
        if parts[i].kind == "row":
            return kronv(transpose(matrix_product(parts[i:])), matrix_product(parts[:i]))
    return None


def _unvec(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """unvec(vec A) = A, and unvec(a ⊗ b) = b aᵀ."""
    if args[0].op is kronv:
        a, b = args[0].children
        return matmul(b, transpose(a)) if b.rows is node.rows and a.rows is node.cols else None
    if args[0].op is vec:
        inside = args[0].children[0]
        return inside if inside.rows is node.rows and inside.cols is node.cols else None
    if args[0].op is SCALE:
        s, a = args[0].children
        return scale(s, _unvec(known, node, (a,)) or unvec(a, params=node.params))
    if args[0].op is ADD:
        taken = [_unvec(known, node, (t,)) for t in args[0].children]
        return None if None in taken else add(*(t for t in taken if t is not None))
    return None


def _norm(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """0 for zeros, 1 for units, ‖svdvals(X)‖ = ‖X‖ and ‖eigvals(S)‖ = ‖S‖."""
    if is_zero(args[0]):
        return number(0)
    if args[0].op is svdvals or args[0].op is eigvals:
        return norm(args[0].children[0])
    return number(1) if "unit" in known(args[0]) else None


def _abs(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """|u| = u, sign(u) = 1 and so relu(u) = u of what is positive; relu(u) and |u| of what is 0 or more.

    relu(sign u) is the step of u.
    """
    properties = known(args[0])
    if node.op is relu and args[0].op is sign:
        return heaviside(args[0].children[0])
    if node.op in (sign, heaviside):
        return ones_like(args[0]) if "positive" in properties else None
    return args[0] if "nonnegative" in properties else None


def _sqrt(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """√(u^p) = u^(p/2) of what is 0 or more, for an even p."""
    (a,) = args
    if a.op is not POWER or "nonnegative" not in known(a.children[0]):
        return None
    p = whole(a.children[1])
    return power(a.children[0], number(p // 2)) if p is not None and p % 2 == 0 else None


def _exp(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    if isinstance(args[0], Number) and args[0].value == 0:
        return number(1)
    return args[0].children[0] if args[0].op is log else None


def _log(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    if args[0].op is det:
        return logdet(args[0].children[0])
    if isinstance(args[0], Number) and args[0].value == 1:
        return number(0)
    return args[0].children[0] if args[0].op is exp else None


def _kron(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """I ⊗ I = I, eye(1) ⊗ A = A, and x ⊗ (yᵀ ⊗ A) = x yᵀ ⊗ A."""
    for i in (0, 1):
        if args[i].op is SCALE:
            s, a = args[i].children
            return scale(s, node.op(*args[:i], a, *args[i + 1 :]))
    if all(map(is_eye, args)):
        return eye(node.rows)
    if args[1].op is kron and {args[0].kind, args[1].children[0].kind} == {"vector", "row"}:
        left, right = args[1].children
        return kron(kron_of(args[0], left), right)
    for one, other in (args, args[::-1]):
        if is_eye(one) and one.rows is ONE and other.kind == node.kind:
            return other
    return zeros_like(node) if any(map(is_zero, args)) else None


def _entry(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """Entries of constants, slices, blocks and diagonals, and those that are 0 in a triangle; Aᵀ[i,j] = A[j,i]."""
    (a,), (i, j) = args, node.params
    if a.op is SLICE or a.op is VCAT or a.op is HCAT:
        return _entry_of_part(a, i, j)
    if a.op is TRANSPOSE and a.kind == "matrix":
        return entry(a.children[0], j, i)
    if a.kind != "matrix":
        return number(int(a.index == i)) if isinstance(a, Constant) and a.name == "e" else None
    properties = known(a)
    if i > j and "symmetric" in properties:
        return entry(a, j, i)
    if (i < j and "lower" in properties) or (i > j and "upper" in properties) or (i == j and "skew" in properties):
        return number(0)
    if is_eye(a):
        return number(1)
    return entry(a.children[0], i) if a.op is Diag else None


def _entry_of_part(a: Node, i: int, j: int) -> Node | None:
    """An entry of a slice is one of the whole, an entry of blocks is one of the block where sizes are numbers."""
    assert isinstance(a, Apply)
    if a.op is SLICE:
        r0, c0 = a.params[0].number, a.params[2].number
        return None if r0 is None or c0 is None else _entry_of(a.args[0], i + r0, j + c0)
    at, down = 0, a.op is VCAT
    for block in a.args:
        length = (block.rows if down else block.cols).number
        if length is None:
            return None
        if (i if down else j) <= at + length:
            return _entry_of(block, i - at, j) if down else _entry_of(block, i, j - at)
        at += length
    return None


def _entry_of(a: Node, i: int, j: int) -> Node:
    """The entry of a vector, a row or a matrix; a scalar is its own."""
    if a.kind == "scalar":
        return a
    return entry(a.T, j) if a.kind == "row" else entry(a, i, j)


def _behind(start: Dim, end: Dim) -> bool:
    """Is start ≥ end whatever positive numbers the sizes are?"""
    return all(c >= 0 for _, c in (start - end).terms)


def _slice(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """A slice of a slice is a slice; one that is a block of [A, B] or [A; B] is that block; of I it is I or 0."""
    (a,) = args
    r0, r1, c0, c1 = node.params
    if is_eye(a) and r0 is c0 and r1 is c1 and node.kind == "matrix":
        return eye(r1 - r0)
    if is_eye(a) and (_behind(r0, c1) or _behind(c0, r1)):
        return zeros_like(node)
    if a.op is SLICE:
        assert isinstance(a, Apply)
        top, _, left, _ = a.params
        return slice_(a.children[0], r0 + top, r1 + top, c0 + left, c1 + left)
    if a.op is VCAT and c0 is ZERO and c1 is a.cols:
        at = ZERO
        for block in a.children:
            if at is r0 and at + block.rows is r1 and block.kind == node.kind:
                return block
            at = at + block.rows
    if a.op is HCAT and r0 is ZERO and r1 is a.rows:
        at = ZERO
        for block in a.children:
            if at is c0 and at + block.cols is c1 and block.kind == node.kind:
                return block
            at = at + block.cols
    return None


def _getcol(known: Known, node: Apply, args: tuple[Node, ...]) -> Node | None:
    """A column of a slice is a column, and of blocks side by side the column of one block."""
    (a,) = args
    (j,) = node.params
    if a.op is SLICE:
        assert isinstance(a, Apply)
        r0, r1, c0, _ = a.params
        inside = a.args[0]
        if r0 is ZERO and r1 is inside.rows and c0.number is not None:
            return COLUMN(inside, params=(j + c0.number,))
    if a.op is HCAT:
        at = 0
        for block in a.children:
            width = block.cols.number
            if width is None:
                return None
            if j <= at + width:
                return block if block.kind == "vector" else COLUMN(block, params=(j - at,))
            at += width
    return None


IDENTITIES: dict[str, Identity] = {
    "sym": _sym,
    "skew": _skew,
    "tril": _diagonal,
    "triu": _diagonal,
    **dict.fromkeys(("expm", "logm", "sqrtm", "cosm", "sinm"), _of_flipped),
    "unkron_left": _unkron,
    "unkron_right": _unkron,
    **dict.fromkeys((op.name for op in registry.values() if op.derivative is not None), _frechet),
    "det": _of_transpose,
    "logdet": _of_transpose,
    "Diag": _Diag,
    "diag": _diag,
    "vec": _vec,
    "unvec": _unvec,
    "norm": _norm,
    "sqrt": _sqrt,
    **dict.fromkeys(("abs", "heaviside", "relu", "sign"), _abs),
    "exp": _exp,
    "log": _log,
    "kron": _kron,
    "entry": _entry,
    "slice": _slice,
    "getcol": _getcol,
}
