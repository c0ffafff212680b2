"""How H s = −∇f is solved without forming H: rules on the terms of the Hessian, each naming a solver and its data.

The solvers are in `solvers`.  A rule gives a `Form`; the first that fits is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from matdiff.calculus.quadratic import LONGEST, Layers, Other, Part, Rank, Sandwich, halves, parts, product
from matdiff.core.node import Apply, Node, Symbol, number
from matdiff.core.shape import Dim
from matdiff.graph.properties import Known
from matdiff.ops.algebra import SCALE, add, hadamard, is_op, matmul, product_nodes, scale
from matdiff.ops.constants import eye, is_zero, ones_like
from matdiff.ops.indexing import VCAT
from matdiff.ops.linalg import inverse
from matdiff.ops.structure import Diag
from matdiff.printing import to_text

Simplify = Callable[[Node], Node]
Sizes = Mapping[str, int]
Count = Callable[[Sizes], float]


@dataclass(frozen=True)
class Call:
    """A solver by name and its arguments: nodes to be computed, calls, tuples of these, words and numbers."""

    name: str
    args: tuple[object, ...] = ()


@dataclass(frozen=True)
class Form:
    """What was found: the solver, −right the right-hand side, the form in words, the operations of one solve."""

    solver: Call
    right: Node
    words: Callable[[Sizes], str]
    count: Count
    notes: tuple[str, ...] = ()


@dataclass
class Hessian:
    """What the rules look at: H[dX] and its terms, the gradient, how answers are simplified."""

    X: Symbol
    dX: Symbol
    value: Node
    gradient: Node
    simplify: Simplify
    known: Known = field(default_factory=Known)

    def __post_init__(self) -> None:
        self.parts: list[Part] | None = None
        if self.X.kind != "scalar":
            self.parts = parts(self.value, self.dX, self.known)


def form(H: Hessian) -> Form | None:
    """The structured form of a Hessian; None where no rule fits."""
    if not H.parts:
        return None
    if any(isinstance(p, Other) for p in H.parts) or H.X.attributes & LOOSE:
        return _bands(H) if not H.X.attributes & LOOSE else None
    ranks = [p for p in H.parts if isinstance(p, Rank)]
    rest = [p for p in H.parts if not isinstance(p, Rank)]
    if H.X.kind == "vector":
        return _vector(H, rest, ranks)
    found = next((f for rule in RULES if (f := rule(H, rest)) is not None), None)
    if found is None or not ranks:
        return found
    return with_ranks(found, ranks)


LOOSE = frozenset(
    {"skew", "diagonal", "lower", "upper", "orthogonal", "orthonormal", "grassmann", "oblique", "simplex"}
)
"""Sets whose directions a solver in all of space leaves."""


def with_ranks(base: Form, ranks: Sequence[Rank]) -> Form:
    """A few ⟨G, dX⟩ K beside a form."""
    data = tuple((r.factor, r.G, r.K) for r in ranks)
    k = len(ranks)

    def words(sizes: Sizes) -> str:
        return f"{base.words(sizes)}, and {k} term{'s' * (k > 1)} of rank one (Woodbury)"

    return Form(Call("Plus", (base.solver, data)), base.right, words, lambda s: (k + 1) * base.count(s))


# one side: S dX with S = diagonal + full + Σ c Lᵀ W L


@dataclass
class Side:
    """The data of `OneSided`: nodes, with the number of rows of each gram."""

    n: Dim
    diag: Node | None
    full: Node | None
    grams: tuple[tuple[Node, Node, Node | None], ...]
    ranks: tuple[tuple[Node, Node, Node], ...]
    by: Node = field(default_factory=lambda: number(1))
    """The factor of `full`, apart from it: scaled, a matrix that is given would be copied."""

    def call(self, right: bool = False) -> Call:
        return Call("OneSided", (self.diag, self.full, self.grams, self.ranks, right, self.by))

    def thin(self, sizes: Sizes) -> bool:
        """Is the matrix of the grams' rows the smaller one?"""
        return self.full is None and self.diag is not None and self.rank(sizes) < self.n.evaluate(sizes)

    def rank(self, sizes: Sizes) -> int:
        return sum(L.rows.evaluate(sizes) for _, L, _ in self.grams) + len(self.ranks)

    @property
    def diagonal(self) -> bool:
        return self.full is None and not self.grams and not self.ranks

    def count(self, sizes: Sizes, columns: int = 1) -> float:
        """Multiplications and additions."""
        n, r = self.n.evaluate(sizes), self.rank(sizes)
        if self.diagonal:
            return n * columns
        if self.thin(sizes):
            return r * r * n + r**3 / 3 + 8 * n * r * columns
        return sum(n * n * L.rows.evaluate(sizes) for _, L, _ in self.grams) + n**3 / 3 + 2 * n * n * columns

    def words(self, sizes: Sizes) -> str:
        if self.diagonal:
            return "diagonal"
        n = self.n.evaluate(sizes)
        if self.thin(sizes):
            return f"diagonal plus low rank: Woodbury on the side of {self.rank(sizes)} instead of {n}"
        inner = [f"{to_text(L)} with its transpose" for _, L, _ in self.grams[:2]]
        return f"one {n}×{n} matrix, Cholesky" + (f" (from {' and '.join(inner)})" if inner else "")


def side(terms: Sequence[tuple[Node, tuple[Node, ...]]], n: Dim, known: Known, like: Node) -> Side:
    """The sum of factors times chains as a `Side`."""
    scalars: list[Node] = []
    vectors: list[Node] = []
    full: list[tuple[Node, Node]] = []
    grams: list[tuple[Node, Node, Node | None]] = []
    for c, chain in terms:
        if not chain:
            scalars.append(c)
        elif all(is_op(f, Diag) for f in chain):
            vectors.append(scale(c, _diagonals(chain)))
        else:
            first, middle = halves(chain, known)
            if first and all(is_op(f, Diag) for f in middle):
                grams.append((c, product(first), _diagonals(middle) if middle else None))
            elif first and product(first).rows is not n:
                grams.append((c, product(first), product(middle)))
            else:
                full.append((c, product(chain)))
    diag: Node | None = None
    if scalars or vectors:
        one = ones_like(vectors[0]) if vectors else number(1)
        diag = add(*vectors, *(scale(c, one) for c in scalars))
        diag = None if is_zero(diag) else diag
    if len(full) == 1:
        by, whole = full[0]
        return Side(n, diag, whole, tuple(grams), (), by)
    return Side(n, diag, add(*(scale(c, M) for c, M in full)) if full else None, tuple(grams), ())


def _diagonals(chain: Sequence[Node]) -> Node:
    v = chain[0].children[0]
    for f in chain[1:]:
        v = hadamard(v, f.children[0])
    return v


def _vector(H: Hessian, rest: Sequence[Part], ranks: Sequence[Rank]) -> Form | None:
    terms = [(p.factor, p.left) for p in rest if isinstance(p, Sandwich)]
    if len(terms) < len(rest):
        return None
    right = H.gradient
    if not ranks and H.X.attributes.isdisjoint({"unit"}):
        terms, right = peeled(H, terms, right)
    found = side(terms, H.X.rows, H.known, H.X)
    found.ranks = tuple((r.factor, r.G, r.K) for r in ranks)
    if found.diag is None and found.full is None and not found.grams:
        return None
    if "unit" in H.X.attributes:
        tangent = Call("Sphere", (found.call(), H.X))
        return Form(tangent, right, lambda s: _of_sphere(found, s), lambda s: _dense(found, s))
    return Form(found.call(), right, found.words, found.count, _said(H, right))


def _of_sphere(found: Side, sizes: Sizes) -> str:
    n = found.n.evaluate(sizes)
    return f"on the sphere: one {n}×{n} matrix on the tangent space, Cholesky"


def _dense(found: Side, sizes: Sizes) -> float:
    n = found.n.evaluate(sizes)
    return n**3 / 3 + 6 * n * n


def _said(H: Hessian, right: Node) -> tuple[str, ...]:
    return () if right is H.gradient else (f"a factor common to H and ∇f taken out: {to_text(right)} is left",)


def peeled(
    H: Hessian, terms: list[tuple[Node, tuple[Node, ...]]], right: Node, turned: bool = False
) -> tuple[list[tuple[Node, tuple[Node, ...]]], Node]:
    """Without the invertible factor that all terms begin with on the outside: F H' s = −F g' is H' s = −g'."""
    while terms and all(chain for _, chain in terms):
        last = {chain[-1] for _, chain in terms}
        F = next(iter(last))
        inside = [(c, chain[:-1]) for c, chain in terms]
        symmetric = all(H.known.transposed(f) is f and not _joined(chain) for _, chain in inside for f in chain)
        if len(last) > 1 or "invertible" not in H.known(F) or is_op(F, Diag) or F.rows is not F.cols or not symmetric:
            break
        terms = inside
        undone = inverse(F)
        right = H.simplify(matmul(right, undone) if turned else matmul(undone, right))
    return terms, right


def _joined(chain: Sequence[Node]) -> bool:
    """A product of several different factors, which need not be symmetric as a whole."""
    return len(set(chain)) > 1


# matrices


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

    return Form(one.call(), right, words, lambda s: one.count(s, H.X.cols.evaluate(s)), _said(H, right))


def _right(H: Hessian, rest: Sequence[Part]) -> Form | None:
    """dX S: Sᵀ ⊗ I, one factorisation for all rows."""
    found = _sandwiches(H, rest)
    if found is None or any(p.left for p in found):
        return None
    terms, right = peeled(H, [(p.factor, p.right) for p in found], H.gradient, turned=True)
    one = side(_reversed(H, terms), H.X.cols, H.known, H.X)

    def words(s: Sizes) -> str:
        return f"S ⊗ I, all {H.X.rows.evaluate(s)} rows with one factorisation: {one.words(s)}"

    return Form(one.call(True), right, words, lambda s: one.count(s, H.X.rows.evaluate(s)), _said(H, right))


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

    return Form(Call("Kron", (A.call(), B.call(True))), right, words, count, _said(H, right))


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


# bands


def _bands(H: Hessian) -> Form | None:
    """Shifts: slices, zeros put before and behind, and products entry by entry of a vector."""
    if H.X.kind != "vector" or H.parts is None:
        return None
    rows: list[tuple[Dim, Node]] = []
    terms: list[tuple[Node, tuple[Node, ...]]] = []
    for p in H.parts:
        if isinstance(p, Sandwich) and all(is_op(f, Diag) for f in p.left):
            terms.append((p.factor, p.left))
        elif isinstance(p, Other) and (offset := shift(p)) is not None:
            rows.append((offset, scale(p.term.factor, p.term(ones_like(H.X)))))
        else:
            return None
    offsets = sorted({o.number for o, _ in rows if o.number is not None})
    if not offsets or any(o.number is None for o, _ in rows):
        return None
    diag = side(terms, H.X.rows, H.known, H.X).diag if terms else None
    summed = tuple(add(*(v for o, v in rows if o.number == k)) for k in offsets)
    width = max(map(abs, offsets))

    def words(s: Sizes) -> str:
        return f"banded: {width} diagonal{'s' * (width != 1)} on each side, Cholesky"

    call = Call("Bands", (summed, tuple(offsets), diag))
    return Form(call, H.gradient, words, lambda s: H.X.rows.evaluate(s) * (width * width + 4.0 * width + 2))


def shift(part: Other) -> Dim | None:
    """By how many places a chain of slices, blocks with zeros and products entry by entry moves a vector; None else."""
    total = Dim.of(0)
    for m in part.term.maps:
        if m.kind == "times":
            continue
        node = m.node
        if m.kind != "other" or not isinstance(node, Apply) or node.kind != "vector":
            return None
        if node.op.name == "slice":
            total = total - node.params[0]
        elif node.op is VCAT:
            for a in node.args[: m.slot]:
                total = total + a.rows
        else:
            return None
    return total


# the nodes of a recipe


def leaves(value: object) -> Iterator[Node]:
    """The nodes that a recipe needs computed, each once for every place."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, Call):
        yield from leaves(value.args)
    elif isinstance(value, tuple):
        for v in value:
            yield from leaves(v)


def schur(first: Hessian, second: Hessian, across: Node) -> Call | None:
    """Two vectors of which the first has a diagonal block: its Schur complement; `across` is the block H₁₂."""
    sides = []
    for H in (first, second):
        if H.X.kind != "vector" or H.X.attributes or H.parts is None:
            return None
        terms = [(p.factor, p.left) for p in H.parts if isinstance(p, Sandwich)]
        if len(terms) < len(H.parts):
            return None
        sides.append(side(terms, H.X.rows, H.known, H.X))
    one, other = sides
    if not one.diagonal or one.diag is None:
        return None
    u, M, v = rimmed(across)
    return Call("Schur", (one.diag, u, M, v, other.call()))


def rimmed(B: Node) -> tuple[Node, Node, Node]:
    """u, M, v with B = Diag(u) M Diag(v): of a matrix that is given only the products with it are scaled."""
    u: Node = number(1)
    v: Node = number(1)
    while B.op is SCALE:
        u, B = scale(u, B.children[0]), B.children[1]
    factors = list(product_nodes(B, LONGEST) or [B])
    if len(factors) > 1 and is_op(factors[0], Diag):
        u = scale(u, factors.pop(0).children[0])
    if len(factors) > 1 and is_op(factors[-1], Diag):
        v = factors.pop().children[0]
    if any(is_op(f, Diag) for f in factors):
        return number(1), B, number(1)
    M = factors[0]
    for f in factors[1:]:
        M = matmul(M, f)
    return u, M, v
