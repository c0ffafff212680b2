"""One side of a variable, S dX with S = diagonal + full + Σ c Lᵀ W L: vectors, and the sides of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matdiff.calculus.quadratic import Part, Rank, Sandwich, halves, product
from matdiff.codegen.recipes import Call, Form, Hessian, Sizes
from matdiff.core.node import Node, number
from matdiff.core.shape import Dim
from matdiff.graph.properties import Known
from matdiff.ops.algebra import add, hadamard, is_op, matmul, scale
from matdiff.ops.constants import is_zero, ones_like
from matdiff.ops.linalg import inverse
from matdiff.ops.structure import Diag
from matdiff.printing import to_text


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
            vectors.append(scale(c, diagonals(chain)))
        else:
            first, middle = halves(chain, known)
            if first and all(is_op(f, Diag) for f in middle):
                grams.append((c, product(first), diagonals(middle) if middle else None))
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


def diagonals(chain: Sequence[Node]) -> Node:
    v = chain[0].children[0]
    for f in chain[1:]:
        v = hadamard(v, f.children[0])
    return v


def vector_form(H: Hessian, rest: Sequence[Part], ranks: Sequence[Rank]) -> Form | None:
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
    return Form(found.call(), right, found.words, found.count, said(H, right))


def _of_sphere(found: Side, sizes: Sizes) -> str:
    n = found.n.evaluate(sizes)
    return f"on the sphere: one {n}×{n} matrix on the tangent space, Cholesky"


def _dense(found: Side, sizes: Sizes) -> float:
    n = found.n.evaluate(sizes)
    return n**3 / 3 + 6 * n * n


def said(H: Hessian, right: Node) -> tuple[str, ...]:
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
