"""Forms of Hessians by a matrix: entry by entry, from one side or both, by rows, by samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matdiff.calculus.quadratic import Layers, Part, Sandwich, product
from matdiff.codegen.recipes import Call, Count, Form, Hessian, Sizes
from matdiff.codegen.sideforms import peeled, said, side
from matdiff.core.node import Node, number
from matdiff.core.shape import Dim
from matdiff.ops.algebra import add, hadamard, matmul, scale
from matdiff.ops.constants import eye, ones_like


def _elementwise(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """M ⊙ dX + c dX."""
    scalars: list[Node] = []
    masks: list[Node] = []
    for p in rest:
        if isinstance(p, Layers) and not any(a or b for a, b in p.sides):
            mask = p.masks[0]
            for m in p.masks[1:]:
                mask = hadamard(mask, m)
            masks.append(scale(p.factor, mask))
        elif isinstance(p, Sandwich) and not (p.left or p.right or p.turned):
            scalars.append(p.factor)
        else:
            return None
    one = ones_like(H.X) if masks else number(1)
    c = add(*masks, *(scale(s, one) for s in scalars))
    return Form(Call("Elementwise", (c,)), H.gradient, lambda s: "entry by entry", _entries(H))


def _entries(H: Hessian, each: float = 1) -> Count:
    return lambda s: each * H.X.rows.evaluate(s) * H.X.cols.evaluate(s)


def _sandwiches(H: Hessian, rest: Sequence[Part]) -> list[Sandwich] | None:
    found = [p for p in rest if isinstance(p, Sandwich) and not p.turned]
    return found if found and len(found) == len(rest) else None


def _left(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """S dX: I ⊗ S, one factorisation for all columns."""
    found = _sandwiches(H, rest)
    if found is None or any(p.right for p in found):
        return None
    terms, right = peeled(H, [(p.factor, p.left) for p in found], H.gradient)
    one = side(terms, H.X.rows, H.known, H.X)

    def words(s: Sizes) -> str:
        return f"I ⊗ S, all {H.X.cols.evaluate(s)} columns with one factorisation: {one.words(s)}"

    return Form(one.call(), right, words, lambda s: one.count(s, H.X.cols.evaluate(s)), said(H, right))


def _right(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """dX S: Sᵀ ⊗ I, one factorisation for all rows."""
    found = _sandwiches(H, rest)
    if found is None or any(p.left for p in found):
        return None
    terms, right = peeled(H, [(p.factor, p.right) for p in found], H.gradient, turned=True)
    one = side(_reversed(H, terms), H.X.cols, H.known, H.X)

    def words(s: Sizes) -> str:
        return f"S ⊗ I, all {H.X.rows.evaluate(s)} rows with one factorisation: {one.words(s)}"

    return Form(one.call(True), right, words, lambda s: one.count(s, H.X.rows.evaluate(s)), said(H, right))


def _reversed(H: Hessian, terms: Sequence[tuple[Node, tuple[Node, ...]]]) -> list[tuple[Node, tuple[Node, ...]]]:
    """Factors that act from the right as ones that act on the transpose from the left."""
    return [(c, tuple(H.known.transposed(f) for f in chain)) for c, chain in terms]


def _product(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """A dX B: two solves."""
    found = _sandwiches(H, rest)
    if found is None or len(found) != 1:
        return None
    (p,) = found
    left, right = peeled(H, [(p.factor, p.left)], H.gradient)
    across, right = peeled(H, [(number(1), p.right)], right, turned=True)
    A = side(left, H.X.rows, H.known, H.X)
    B = side(_reversed(H, across), H.X.cols, H.known, H.X)

    def words(s: Sizes) -> str:
        return f"A ⊗ B, a solve with each: from the left {A.words(s)}, from the right {B.words(s)}"

    def count(s: Sizes) -> float:
        return A.count(s, H.X.cols.evaluate(s)) + B.count(s, H.X.rows.evaluate(s))

    return Form(Call("Kron", (A.call(), B.call(True))), right, words, count, said(H, right))


def _two(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """A₁ dX B₁ + A₂ dX B₂, Sylvester's equation among them."""
    found = _sandwiches(H, rest)
    if found is None:
        return None
    for by_left in (True, False):
        groups: dict[tuple[Node, ...], list[tuple[Node, tuple[Node, ...]]]] = {}
        for p in found:
            key, other = (p.left, p.right) if by_left else (p.right, p.left)
            groups.setdefault(key, []).append((p.factor, other))
        if len(groups) == 2:
            pairs = []
            for key, terms in groups.items():
                summed = _summed(terms, H.X.cols if by_left else H.X.rows, turned=by_left)
                lone = None if not key else _chained(key, turned=not by_left)
                pairs.append((lone, summed) if by_left else (summed, lone))
            break
    else:
        return None
    matrices = [m for pair in pairs for m in pair if m is not None]
    if not all("symmetric" in H.known(m) for m in matrices):
        return None

    def words(s: Sizes) -> str:
        m, n = H.X.rows.evaluate(s), H.X.cols.evaluate(s)
        sylvester = any(None in pair for pair in pairs)
        name = "Sylvester's equation" if sylvester else "a sum of two Kronecker products"
        return f"{name}: eigenvalues of one {m}×{m} and one {n}×{n} pair of matrices"

    def count(s: Sizes) -> float:
        m, n = H.X.rows.evaluate(s), H.X.cols.evaluate(s)
        return 9.0 * (m**3 + n**3) + 4.0 * m * n * (m + n)

    return Form(Call("TwoTerms", (*pairs[0], *pairs[1])), H.gradient, words, count)


def _chained(chain: Sequence[Node], turned: bool) -> Node:
    if not turned:
        return product(chain)
    result = chain[0]
    for f in chain[1:]:
        result = matmul(result, f)
    return result


def _summed(terms: Sequence[tuple[Node, tuple[Node, ...]]], n: Dim, turned: bool) -> Node | None:
    if len(terms) == 1 and not terms[0][1] and terms[0][0] is number(1):
        return None
    return add(*(scale(c, _chained(chain, turned) if chain else eye(n)) for c, chain in terms))


def _rows(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """Terms that leave rows apart, or columns: a small system for each."""
    for columns in (False, True):
        layers, full, scalars, masks = [], [], [], []
        for p in rest:
            if isinstance(p, Sandwich) and not p.turned and not (p.right if columns else p.left):
                chain = p.left if columns else p.right
                if chain:
                    turned = [H.known.transposed(f) for f in chain] if columns else list(chain)
                    full.append(scale(p.factor, _chained(turned, True)))
                else:
                    scalars.append(p.factor)
            elif isinstance(p, Layers) and not any((b if columns else a) for a, b in p.sides):
                chains = [a if columns else b for a, b in p.sides]
                if not any(chains) and len(p.masks) == 1:
                    masks.append(scale(p.factor, p.masks[0]))
                    continue
                layers.append((p.factor, _sides(H, chains, columns), p.masks))
            else:
                break
        else:
            diag = None
            if scalars or masks:
                one = ones_like(H.X) if masks else number(1)
                diag = add(*masks, *(scale(c, one) for c in scalars))
            data = (diag, add(*full) if full else None, tuple(layers), columns)
            return _of_rows(H, data, layers, columns)
    return None


def _sides(H: Hessian, chains: Sequence[tuple[Node, ...]], columns: bool) -> tuple[Node | None, ...]:
    out: list[Node | None] = []
    for chain in chains:
        turned = [H.known.transposed(f) for f in chain] if columns else list(chain)
        out.append(_chained(turned, True) if turned else None)
    return tuple(out)


Layer = tuple[Node, tuple[Node | None, ...], tuple[Node, ...]]
"""A factor, the matrices beside the masks, the masks."""


def _of_rows(H: Hessian, data: tuple[object, ...], layers: Sequence[Layer], columns: bool) -> Form:
    def words(s: Sizes) -> str:
        m, p = H.X.rows.evaluate(s), H.X.cols.evaluate(s)
        many, size, what = (p, m, "column") if columns else (m, p, "row")
        return f"block-diagonal: {many} blocks {size}×{size}, one for each {what}"

    def count(s: Sizes) -> float:
        m, p = H.X.rows.evaluate(s), H.X.cols.evaluate(s)
        many, size = (p, m) if columns else (m, p)
        inner = max((mask_width(layer, s) for layer in layers), default=0)
        return many * (size**3 / 3 + 2.0 * size * size * inner)

    return Form(Call("Rows", data), H.gradient, words, count)


def mask_width(layer: Layer, sizes: Sizes) -> int:
    masks = layer[2]
    return max(min(M.rows.evaluate(sizes), M.cols.evaluate(sizes)) for M in masks)


def _samples(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """Xᵀ(rows of X dX each times a block) + c dX."""
    scalars, layers = [], []
    outer: Node | None = None
    for p in rest:
        if isinstance(p, Sandwich) and not (p.left or p.right or p.turned):
            scalars.append(p.factor)
            continue
        if isinstance(p, Sandwich) and p.left and not p.turned and not p.right:
            return None
        if not isinstance(p, Layers) or not p.sides[0][0] or not p.sides[-1][0]:
            return None
        first, last = product(p.sides[0][0]), product(p.sides[-1][0])
        if any(a for a, _ in p.sides[1:-1]) or H.known.transposed(first) is not last or outer not in (None, first):
            return None
        outer = first
        layers.append((p.factor, _sides(H, [b for _, b in p.sides], False), p.masks))
    if outer is None:
        return None
    c = add(*scalars) if scalars else number(0)
    X = outer

    def words(s: Sizes) -> str:
        n, p, N = H.X.rows.evaluate(s), H.X.cols.evaluate(s), X.rows.evaluate(s)
        if scalars and n > N:
            return (
                f"blocks of {p} outputs for each of {N} samples: Woodbury on the side of at most {N * p}, not {n * p}"
            )
        return f"blocks of {p} outputs for each of {N} samples: one {n * p}×{n * p} matrix, Cholesky"

    def count(s: Sizes) -> float:
        n, p, N = H.X.rows.evaluate(s), H.X.cols.evaluate(s), X.rows.evaluate(s)
        if scalars and n > N:
            return (N * p) ** 2 * n * p + (N * p) ** 3 / 3
        return p * (p + 1) / 2 * n * n * N + (n * p) ** 3 / 3

    return Form(Call("Samples", (X, c, tuple(layers))), H.gradient, words, count)


RULES: tuple[Callable[[Hessian, Sequence[Part]], Form | None], ...] = (
    _elementwise,
    _left,
    _right,
    _product,
    _two,
    _rows,
    _samples,
)
"""The first that fits is taken."""
