"""Named mistakes: what turns a wrong claim into the truth, or the truth into the claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

from matdiff.calculus.tangent import project, tangent
from matdiff.core.node import Apply, Node, Symbol, number, topological
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import HADAMARD, MATMUL, MPOW, TRANSPOSE, add, hadamard, is_op, matmul, scale, transpose
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inv
from matdiff.ops.sets import CurvedSet
from matdiff.ops.structure import Diag, diag
from matdiff.ops.unknown import Unknown
from matdiff.printing import to_text

MAX_CANDIDATES = 60
"""Candidates of one kind of mistake."""
MAX_FACTORS = 4
"""Longest product whose factors are put in every order."""


@dataclass(frozen=True)
class Pair:
    """A claim, the truth, the function, and the variable that it is about (None for a differential)."""

    claim: Node
    truth: Node
    function: Node
    about: Symbol | None
    free: Node | None = None
    """On a curved set the gradient or Hessian in all of space, where one on the set is claimed."""
    space: CurvedSet | None = None


@dataclass(frozen=True)
class Candidate:
    """`node` would equal the truth (or with `of_truth` the claim) if the mistake `says` was made."""

    says: str
    node: Node
    of_truth: bool = False


def shown(node: Node) -> str:
    return to_text(node, limit=80)


Make = Callable[[Apply, tuple[Node, ...]], Node]


def replaced(root: Node, makers: Mapping[Node, Make]) -> Node | None:
    """The expression with some nodes made anew from their arguments; None where the shapes do not fit."""
    memo: dict[Node, Node] = {}
    try:
        for node in topological(root):
            if isinstance(node, Apply):
                args = tuple(memo[a] for a in node.args)
                memo[node] = makers.get(node, rebuild)(node, args)
            else:
                memo[node] = node
    except MatdiffError:
        return None
    new = memo[root]
    return new if new is not root and new.rows is root.rows and new.cols is root.cols else None


Edge = tuple[Node, int]


def flipped(root: Node, edges: Iterable[Edge]) -> Node | None:
    """The expression with some arguments transposed, each told by the node that takes it and its place."""
    slots: dict[Node, set[int]] = {}
    for node, slot in edges:
        slots.setdefault(node, set()).add(slot)

    def make(node: Apply, args: tuple[Node, ...]) -> Node:
        return rebuild(node, tuple(transpose(a) if i in slots[node] else a for i, a in enumerate(args)))

    return replaced(root, dict.fromkeys(slots, make))


def euclidean(pair: Pair) -> Iterator[Candidate]:
    """The gradient or Hessian in all of space, or for its metric, claimed for that on a curved set."""
    X, space = pair.about, pair.space
    if space is None or pair.free is None:
        return
    if X is None or pair.free.cols is not X.cols:
        yield Candidate(f"this is the Euclidean Hessian; right is {space.bending}", pair.free, of_truth=True)
    elif space.raised is None:
        says = f"this is the Euclidean gradient; project it: {X.name} is {space.written}, so {space.law}"
        yield Candidate(says, pair.free, of_truth=True)
    else:
        says = f"this is the Euclidean gradient; {space.raising}"
        yield Candidate(says, project(pair.free, X), of_truth=True)
        yield Candidate(says, pair.free, of_truth=True)


def off_the_set(pair: Pair) -> Iterator[Candidate]:
    X = pair.about
    space = tangent(X) if X is not None else None
    if X is None or space is None or (pair.claim.rows, pair.claim.cols) != (X.rows, X.cols):
        return
    words = " ".join(sorted(X.attributes))
    says = f"it is not in the tangent space: {X.name} is {words}, so {space.law}"
    yield Candidate(says, project(pair.claim, X))
    if pair.space is None and ("symmetric" in X.attributes or "spd" in X.attributes):
        twice = add(scale(number(2), pair.truth), scale(number(-1), Diag(diag(pair.truth))))
        says = "this is 2G − G∘I, the derivative by the independent entries; the gradient is G, with df = ⟨G, dX⟩"
        yield Candidate(says, twice, of_truth=True)


def turned(pair: Pair) -> Iterator[Candidate]:
    claim = pair.claim
    if claim.kind == "matrix" and claim.rows is claim.cols:
        yield Candidate("right only in the transposed layout: transpose it", transpose(claim))


def transposes(pair: Pair) -> Iterator[Candidate]:
    """One factor transposed, a matrix transposed wherever it stands, two factors transposed."""
    edges = [
        (node, slot)
        for node in topological(pair.claim)
        if isinstance(node, Apply) and not is_op(node, TRANSPOSE)
        for slot, arg in enumerate(node.args)
        if arg.kind != "scalar"
    ]
    groups: list[tuple[Edge, ...]] = [(e,) for e in edges]
    groups += [tuple(e for e in edges if e[0].children[e[1]] is s) for s in _square_symbols(pair.claim)]
    groups += list(combinations(edges, 2))
    for group in groups:
        new = flipped(pair.claim, group)
        if new is not None:
            yield Candidate(transposed_text([node.children[slot] for node, slot in group], new), new)


def _square_symbols(root: Node) -> list[Symbol]:
    return [s for s in topological(root) if isinstance(s, Symbol) and s.rows is s.cols and s.kind == "matrix"]


def transposed_text(parts: list[Node], right: Node) -> str:
    each = " and ".join(dict.fromkeys(f"{shown(transpose(p))} where it has {shown(p)}" for p in parts))
    return f"a transpose is missing or too many: {each}; right is {shown(right)}"


def kronecker(pair: Pair) -> Iterator[Candidate]:
    """The factors of ⊗ exchanged: all of them, then one at a time."""
    products = [n for n in topological(pair.claim) if isinstance(n, Apply) and n.op is kron]
    says = "the factors of ⊗ are in the wrong order: vec stacks columns, so vec(A X B) = (Bᵀ ⊗ A) vec X"
    for turn in (False, True):
        memo: dict[Node, Node] = {}
        try:
            for node in topological(pair.claim):
                args = tuple(memo[a] for a in node.children)
                memo[node] = rebuild(node, exchanged(node, args, turn)) if isinstance(node, Apply) else node
        except MatdiffError:
            continue
        if products:
            yield Candidate(says + (", and both are transposed" if turn else ""), memo[pair.claim])
    for node in products:
        new = replaced(pair.claim, {node: lambda n, args: kron(args[1], args[0])})
        if new is not None:
            yield Candidate(f"{says}: it has {shown(node)}", new)


def exchanged(node: Apply, args: tuple[Node, ...], turn: bool) -> tuple[Node, ...]:
    if node.op is not kron:
        return args
    return tuple(transpose(a) if turn else a for a in reversed(args))


def order_of_factors(pair: Pair) -> Iterator[Candidate]:
    """The factors of each product in every other order."""
    inner = {a for n in topological(pair.claim) if is_op(n, MATMUL) for a in n.children if is_op(a, MATMUL)}
    for node in topological(pair.claim):
        if not is_op(node, MATMUL) or node in inner:
            continue
        chain = chained(node)
        if not 2 <= len(chain) <= MAX_FACTORS:
            continue
        for other in permutations(chain):
            new = None if list(other) == chain else with_product(pair.claim, node, other)
            if new is not None:
                says = f"the factors of {shown(node)} are in the wrong order, and matrices do not commute"
                if sum(map(derives, chain)) > 1:
                    says = "the factors of the chain rule stand in the wrong order (outputs left, inputs right)"
                    says += f": it has {shown(node)}"
                yield Candidate(f"{says}; right is {shown(new)}", new)


def superfluous(pair: Pair) -> Iterator[Candidate]:
    """One factor of each product left out."""
    inner = {a for n in topological(pair.claim) if is_op(n, MATMUL) for a in n.children if is_op(a, MATMUL)}
    for node in topological(pair.claim):
        chain = chained(node) if is_op(node, MATMUL) and node not in inner else []
        for i in range(len(chain) if 2 <= len(chain) <= MAX_FACTORS else 0):
            new = with_product(pair.claim, node, tuple(chain[:i] + chain[i + 1 :]))
            if new is not None and (new.rows, new.cols, new.kind) == (
                pair.claim.rows,
                pair.claim.cols,
                pair.claim.kind,
            ):
                yield Candidate(f"the factor {shown(chain[i])} is too many; right is {shown(new)}", new)


def derives(node: Node) -> bool:
    """Whether this is a derivative of an unknown function, or the transpose of one."""
    node = node.children[0] if is_op(node, TRANSPOSE) else node
    return isinstance(node, Apply) and isinstance(node.op, Unknown) and bool(node.op.of.order or node.op.of.times)


def place_of_derivative(pair: Pair) -> Iterator[Candidate]:
    """g'(x) where it is g'(h(x)): a derivative of an unknown function is taken at another place."""
    found = [n for n in topological(pair.claim) if derives(n) and not is_op(n, TRANSPOSE)]
    right = [n for n in topological(pair.truth) if derives(n) and not is_op(n, TRANSPOSE)]
    for node in found:
        for other in right:
            assert isinstance(node, Apply) and isinstance(other, Apply)
            new = replaced(pair.claim, {node: instead(other)}) if other.op is node.op and other is not node else None
            if new is not None:
                says = f"{shown(node)} is taken at the wrong place: the chain rule has {shown(other)}"
                yield Candidate(says, new)


def instead(other: Node) -> Make:
    return lambda node, args: other


def with_product(root: Node, node: Node, factors: tuple[Node, ...]) -> Node | None:
    def make(_: Apply, args: tuple[Node, ...]) -> Node:
        out = factors[0]
        for f in factors[1:]:
            out = matmul(out, f)
        return out

    return replaced(root, {node: make})


def chained(node: Node) -> list[Node]:
    """The factors of a matrix product, powers written out, in order."""
    out: list[Node] = []
    stack = [node]
    while stack and len(out) <= MAX_FACTORS:
        top = stack.pop()
        if is_op(top, MATMUL):
            stack.extend(reversed(top.children))
        elif isinstance(top, Apply) and top.op is MPOW and top.params[0] <= MAX_FACTORS:
            out.extend([top.args[0]] * top.params[0])
        elif is_op(top, inv) and isinstance(p := top.children[0], Apply) and p.op is MPOW:
            stack.extend([inv(p.args[0])] * min(p.params[0], MAX_FACTORS))
        else:
            out.append(top)
    return out


def products(pair: Pair) -> Iterator[Candidate]:
    """∘ for the matrix product and the other way round."""
    for node in topological(pair.claim):
        if is_op(node, MATMUL) and all(a.kind == "matrix" for a in node.children):
            new = replaced(pair.claim, {node: lambda n, args: hadamard(*args)})
            says = f"the matrix product {shown(node)} should be elementwise"
        elif is_op(node, HADAMARD):
            new = replaced(pair.claim, {node: lambda n, args: matmul(*args)})
            says = f"the elementwise product {shown(node)} should be a matrix product"
        else:
            continue
        if new is not None:
            yield Candidate(says, new)


def inner_derivative(pair: Pair) -> Iterator[Candidate]:
    """A factor that is no scalar, from the left, the right or entry by entry."""
    parts = dict.fromkeys(n for n in topological(pair.truth, pair.function) if n.kind != "scalar")
    for u in [v for n in parts for v in (n, transpose(n))]:
        for make in (lambda c, u: matmul(u, c), matmul, hadamard):
            try:
                new = make(pair.claim, u)
            except MatdiffError:
                continue
            if (new.rows, new.cols, new.kind) == (pair.truth.rows, pair.truth.cols, pair.truth.kind):
                yield Candidate(f"the factor {shown(u)} is missing (chain rule: the inner derivative)", new)


Edit = Callable[[Pair], Iterator[Candidate]]

SET: tuple[Edit, ...] = (euclidean, off_the_set, turned)
FACTORS: tuple[Edit, ...] = (transposes, kronecker)
LATER: tuple[Edit, ...] = (place_of_derivative, order_of_factors, products, superfluous, inner_derivative)
