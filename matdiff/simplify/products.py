"""Matrix products in normal form: neighbours cancel or combine, diagonals multiply, inner products are scalars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from matdiff.core.node import Apply, Node, number, topological
from matdiff.core.op import registry
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    POWER,
    SCALE,
    TRANSPOSE,
    add,
    matmul,
    mpow,
    power,
    scale,
    size,
    transpose,
    whole,
)
from matdiff.ops.constants import eye, is_eye, is_ones, ones, ones_like
from matdiff.ops.factors import lu_L, lu_U, qr_Q, qr_R
from matdiff.ops.kronecker import kron_of
from matdiff.ops.linalg import chol, inv, pinv
from matdiff.ops.matrix_functions import MPOWER, matrix_power, sqrtm
from matdiff.ops.spectral import EXCHANGE, eigvals, eigvecs, svdvals
from matdiff.ops.structure import Diag
from matdiff.simplify.context import Context
from matdiff.simplify.identities import beside, commuted, of_diagonals, on_vec, outer, pairs, shuffles
from matdiff.simplify.terms import (
    LONGEST,
    WINDOW,
    Factor,
    Term,
    apart,
    base_and_exponent,
    chain,
    entrywise_factors,
    factors,
    inside_inverse,
    inverse_of,
    join,
    merged,
    plain,
    powered,
    split,
)

# Q Diag(f(λ)) Qᵀ is f(S) for the eigenvalues λ and eigenvectors Q of S: smooth also where eigenvalues coincide.


def spectral(parts: list[Factor], context: Context) -> list[Factor]:
    """The factors with every Q Diag(f(λ)) Qᵀ written as f(S), where the language has that function."""
    for i in range(len(parts) - 2):
        Q, one = parts[i]
        if one == 1 and Q.op is eigvecs:
            width = 5 if parts[i + 1][0].op is EXCHANGE else 3
            found = of_values(parts[i : i + width], context)
            if found is not None:
                return [*parts[:i], *found, *parts[i + width :]]
    return parts


def of_values(run: list[Factor], context: Context) -> list[Factor] | None:
    """The f(S) of a run Q Diag(f(λ)) Qᵀ; in the run of singular values these stand in descending order."""
    nodes, middle = [node for node, _ in run], run[len(run) // 2][0]
    turned = [transpose(node) if node is nodes[-1] else context.known.transposed(node) for node in reversed(nodes)]
    if len(run) % 2 == 0 or middle.op is not Diag or any(a is not b for a, b in outside(nodes, turned)):
        return None
    S, v = nodes[0].children[0], middle.children[0]
    known: dict[Node, Node] = {eigvals.build((S,)): S} if len(run) == 3 else singular(S, v, context)
    found: list[Factor] = []
    for f in entrywise_factors(v):
        base, exponent = base_and_exponent(f)
        one = power_of(base, exponent, known)
        if one is None:
            return None
        found.append(one)
    return found


def outside(nodes: list[Node], turned: list[Node]) -> Iterator[tuple[Node, Node]]:
    """The factors to the left of the middle beside those that mirror them."""
    return zip(nodes[: len(nodes) // 2], turned, strict=False)


def singular(S: Node, v: Node, context: Context) -> dict[Node, Node]:
    """The singular values of an X with XᵀX = S, and the root of S that has them as eigenvalues."""
    found: dict[Node, Node] = {}
    for node in topological(v):
        if node.op is svdvals:
            (X,) = node.children
            if context.product(context.known.transposed(X), X) is S:
                found[node] = sqrtm(S)
    return found


def power_of(base: Node, exponent: object, known: dict[Node, Node]) -> Factor | None:
    """One factor f(λ)ᵖ as a factor f(S)ᵖ, for a whole p or half of one."""
    S = matrix_of(base, known)
    twice = exponent * 2 if isinstance(exponent, (int, Fraction)) else None
    if S is None or twice is None or twice != int(twice):
        return None
    if S.op is sqrtm and twice % 4 == 0:
        return S.children[0], int(twice) // 4
    return (S, int(twice) // 2) if twice % 2 == 0 else (sqrtm(S), int(twice))


def matrix_of(v: Node, known: dict[Node, Node]) -> Node | None:
    """f(S) for the vector f(λ); None where it is more than the language has matrix functions for."""
    order = topological(v)
    if len(order) > WINDOW:
        return None
    made: dict[Node, Node] = dict(known)
    for node in order:
        if node not in made:
            one = node if node.kind == "scalar" else eye(node.rows) if is_ones(node) else applied(node, made)
            if one is not None:
                made[node] = one
    return made.get(v)


def applied(node: Node, made: dict[Node, Node]) -> Node | None:
    """One function of what is known."""
    if not isinstance(node, Apply) or any(a not in made for a in node.args):
        return None
    args = [made[a] for a in node.args]
    if node.op is ADD:
        return add(*args)
    if node.op is SCALE:
        return scale(*args)
    if node.op is HADAMARD:
        return matmul(*args)
    if node.op.whole in registry:
        return registry[node.op.whole](*args)
    exponent = base_and_exponent(node)[1] if node.op is POWER else None
    if not isinstance(exponent, int):
        return None
    return mpow(args[0], exponent) if exponent > 0 else mpow(inv(args[0]), -exponent)


def diagonal(entries: Node) -> list[Factor]:
    """Diag(s v) as s Diag(v), and Diag(1) as I, which is no factor."""
    piece = split(entries)
    assert piece.core is not None
    scalar: Factor = piece.scalar, 1
    return [scalar] if is_ones(piece.core) else [scalar, (Diag(piece.core), 1)]


def entry_power(entries: Node, exponent: int, context: Context) -> Node:
    """v.^k for a vector v in normal form."""
    if exponent == 1:
        return entries
    piece = split(entries)
    assert piece.core is not None
    term = piece.raised(exponent)
    factors = merged(piece.core)
    factors.scalars = {base: plain(e * exponent) for base, e in factors.scalars.items()}
    term.core = context.entrywise(factors, piece.core)
    return join(term)


def entries_of(a: Node, b: Node, context: Context) -> Node:
    """a ⊙ b with equal bases merged."""
    left, right = split(a), split(b)
    assert left.core is not None and right.core is not None
    term = Term()
    term.multiply_all(left)
    term.multiply_all(right)
    product = split(context.entrywise(merged(left.core, right.core), b))
    term.multiply_all(product)
    term.core = product.core
    return join(term)


ORTHO = frozenset({"orthogonal", "orthonormal"})


def product(context: Context, a: Node, b: Node, like: Node) -> Node:
    """The normal form of a product of two in normal form, of the type of `like`."""
    left, right = split(a), apart(b, context.known)
    assert left.core is not None and right.core is not None
    done, parts = factors(left.core, context.known), factors(right.core, context.known)
    if len(done) + len(parts) > LONGEST:
        return matmul(a, b)
    left.multiply_all(right)
    if len(done) == 1:
        done, parts = [], done + parts
    return multiply(context, parts, Term(left.number, left.scalars), like, done)


def multiply(context: Context, parts: list[Factor], term: Term, like: Node, done: Iterable[Factor] = ()) -> Node:
    """The product term·done·parts of the type of `like`, where nothing cancels or combines among those done."""
    out = list(done)
    pending = list(reversed(parts))
    while pending:
        part = pending.pop()
        if part[0].op is ADD or part[0].op is TRANSPOSE:
            part = context.unsigned(part, term)
        if part[0].kind == "scalar":
            term.absorb(part[0])
            continue
        if is_eye(part[0]):
            continue
        if part[1] > 1 and part[0].op is Diag:
            pending.extend(reversed(diagonal(entry_power(part[0].children[0], part[1], context))))
            continue
        if part[1] > 1 and is_ones(part[0]):
            pending += [(part[0], 1), (power(size(part[0].rows), number(part[1] - 1)), 1)]
            continue
        met = combine(out[-1], part, context) if out else None
        if met is not None:
            out.pop()
            pending.extend(reversed(met))
            continue
        rest = reduced(out, part, context) if len(out) > 1 else None
        if rest is not None:
            pending.extend(reversed(rest))
            continue
        out.append(part)
        if part[0].kind == "vector":
            take_scalar(context, out, term)
    out = spectral(out, context)
    if out:
        core = apart(chain(out), context.known)
        term.core = core.core
        term.multiply_all(core)
    elif like.kind != "scalar":
        term.core = eye(like.rows)
    return context.join(term)


def take_scalar(context: Context, out: list[Factor], term: Term) -> None:
    """If a row stands before the vector just appended, xᵀ…y is a scalar: take it out of the product."""
    for start in range(len(out) - 2, -1, -1):
        kind = out[start][0].kind
        if kind == "row":
            s = context.oriented(out[start:])
            del out[start:]
            term.absorb(s)
        if kind != "matrix":
            return


def square(a: Node) -> bool:
    """A square matrix; a vector of length 1 is none."""
    return a.kind == "matrix" and a.rows is a.cols


def combine(before: Factor, after: Factor, context: Context) -> list[Factor] | None:
    """Two neighbours as fewer or simpler factors, or None: A² A = A³, A A⁻¹ = I, QᵀQ = I, (AB)⁻¹A = B⁻¹."""
    (a, i), (b, j) = before, after
    known = context.known
    f = a.op if isinstance(a, Apply) else None
    g = b.op if isinstance(b, Apply) else None
    if f is Diag and g is Diag and a is not b:
        left, right = (entry_power(base.children[0], e, context) for base, e in ((a, i), (b, j)))
        return diagonal(entries_of(left, right, context))
    if i > 0 < j and a.kind == b.kind == "matrix" and not ORTHO.isdisjoint(known(b)) and a is known.transposed(b):
        if "orthogonal" in known(a):
            return [] if i == j else [(a, i - j)] if i > j else [(b, j - i)]
        if i == j == 1 and "orthonormal" in known(b):
            return []
    if a is b and square(a):
        total = i + j
        if f is sqrtm and total % 2 == 0:
            return [(a.children[0], total // 2)] if total else []
        return [(a, total)] if total else []
    if f is MPOWER or g is MPOWER:
        return powers_together(before, after, context)
    if i == j == 1 and (f, g) in ((lu_L, lu_U), (qr_Q, qr_R)) and a.children == b.children:
        return [(a.children[0], 1)]
    if i == j == -1 and f is lu_U and g is lu_L and a.children == b.children:
        return [(a.children[0], -1)]
    if f is chol and i == j == 1 and b is transpose(a):
        return [(a.children[0], 1)]
    if g is chol and i == j == -1 and a is transpose(b):
        return [(b.children[0], -1)]
    if i == j == 1 and f is TRANSPOSE and a.T.op is pinv and a.T.children[0] is b.T:
        return [(b.T, 1), (a.T, 1)]
    if i == j == 1 and g is TRANSPOSE and b.T.op is pinv and b.T.children[0] is a.T:
        return [(b.T, 1), (a.T, 1)]
    if i == -1 and j == 1 and square(b):
        inside = inside_inverse(a, known)
        if len(inside) > 1 and inside[0] == (b, 1):
            return [inverse_of(inside[1:], a, known)]
    if j == -1 and i == 1 and square(a):
        inside = inside_inverse(b, known)
        if len(inside) > 1 and inside[-1] == (a, 1):
            return [inverse_of(inside[:-1], b, known)]
    if is_ones(a) and is_ones(b) and i > 0 < j:
        return product_of_ones(a, i, b, j)
    if not shuffles(a, b):
        pass
    elif i == j == 1:
        if (both := pairs(a, b)) is not None:
            return side_by_side(context, *both)
        found = commuted(a, b) or on_vec(a, b, context.product, known)
        found = found or beside(a, b, context.product) or outer(a, b, context.product)
        if found is not None:
            return [(part, 1) for part in found]
    elif 1 in (i, j) and (found := beside(powered(a, i), powered(b, j), context.product)) is not None:
        return [(part, 1) for part in found]
    if f is Diag and b.kind == "vector":
        piece = split(entries_of(entry_power(a.children[0], i, context), b, context))
        return [(piece.scalar, 1), (piece.core or b, 1)]
    return None


def product_of_ones(a: Node, i: int, b: Node, j: int) -> list[Factor]:
    """The product of constants with n between them has the entries n."""
    made = matmul(a, b)
    full = ones_like(made) if made.kind != "row" else transpose(ones("vector", made.cols))
    inside = [(a.cols, 1), (a.cols, i - 1), (b.rows, j - 1)]
    return [*((power(size(n), number(k)), 1) for n, k in inside if k), (full, 1)]


def powers_together(before: Factor, after: Factor, context: Context) -> list[Factor] | None:
    """A^p A^q = A^(p + q), where an exponent is no number; None for powers of different matrices."""
    (A, p), (B, q) = (root_and_exponent(*part) for part in (before, after))
    if A is not B:
        return None
    total = context.exponent(add(p, q))
    value = whole(total)
    if value is None:
        return [(matrix_power(A, total), 1)]
    return [(A, value)] if value else []


def root_and_exponent(base: Node, times: int) -> tuple[Node, Node]:
    """(A^p)^times as a power of A."""
    if base.op is MPOWER:
        return base.children[0], scale(number(times), base.children[1])
    return base, number(times)


def reduced(out: list[Factor], part: Factor, context: Context) -> list[Factor] | None:
    """The last factors of `out`, taken off it, and the next one as fewer, or None."""
    found = cancelled(out, part, context)
    if found is None and out[-1][1] == 1 and of_diagonals(out[-2][0], out[-1][0], part[0]):
        del out[-2:]
        return [part]
    return projected(out, part) if found is None else found


def cancelled(out: list[Factor], part: Factor, context: Context) -> list[Factor] | None:
    """What is left of (XᵀX)⁻¹ Xᵀ X and of Xᵀ X (XᵀX)⁻¹, taken off the end of `out`; None where nothing cancels."""
    run = [*out, part]
    for i in range(max(len(run) - LONGEST, 0), len(run) - 2):
        base, exponent = run[i]
        if exponent < 0 and run[i + 1 :] == inside_inverse(base, context.known):
            del out[i:]
            return [(base, exponent + 1)] if exponent < -1 else []
    base, exponent = part
    inside = inside_inverse(base, context.known) if exponent < 0 else []
    if 1 < len(inside) <= len(out) and out[-len(inside) :] == inside:
        del out[-len(inside) :]
        return [(base, exponent + 1)] if exponent < -1 else []
    return None


def projected(out: list[Factor], part: Factor) -> list[Factor] | None:
    """A projector A A⁺ or A⁺A is I before what lies in its range, and after the transpose of such: A A⁺ A = A."""
    (a, i), (b, j), (c, k) = out[-2], out[-1], part
    if i == j == k == 1 and ((each_other(a, b) and c in (a, b.T)) or (each_other(b, c) and a in (c, b.T))):
        del out[-2:]
        return [part if each_other(a, b) and c in (a, b.T) else (a, 1)]
    return None


def each_other(a: Node, b: Node) -> bool:
    """Is one the pseudoinverse of the other?"""
    return (a.op is pinv and a.children[0] is b) or (b.op is pinv and b.children[0] is a)


def side_by_side(context: Context, left: tuple[Node, Node], right: tuple[Node, Node]) -> list[Factor]:
    """AC ⊗ BD, both products in normal form, with their scalars in front."""
    pieces = [split(product(context, a, b, matmul(a, b))) for a, b in (left, right)]
    scalars = [piece.scalar for piece in pieces]
    return [(part, 1) for part in (*scalars, kron_of(*(piece.core or number(1) for piece in pieces)))]
