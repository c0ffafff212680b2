"""The plan before emission: the same values by cheaper ways.  Printing never sees it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from matdiff.codegen.kernels import ADD_DIAGONAL, PLUS, kernel, run
from matdiff.codegen.lengths import lengths, quotients
from matdiff.codegen.plan.determinants import adjugates, second_determinants
from matdiff.codegen.plan.distribute import distributed, multiplier, picked, unkron
from matdiff.codegen.plan.network import shortcuts
from matdiff.codegen.plan.networks import tensors
from matdiff.codegen.plan.order import (
    MAX_CHAIN,
    NO_SIZES,
    Association,
    Chain,
    How,
    Sizes,
    cheap,
    diagonal,
    expand,
    multiply,
    trace,
)
from matdiff.codegen.plan.sharing import mirrored, rebuilt, share_factors
from matdiff.codegen.plan.stability import stable
from matdiff.codegen.removable import removable
from matdiff.core.node import Apply, Constant, Node, Symbol, apply, number, symbol, topological
from matdiff.core.op import Op
from matdiff.core.shape import ONE
from matdiff.graph.properties import Known
from matdiff.ops import spectral as sp
from matdiff.ops.algebra import ADD, INNER, MATMUL, SCALE, TRANSPOSE, add, scale, transpose
from matdiff.ops.linalg import inv
from matdiff.ops.reductions import tr
from matdiff.ops.structure import Diag, diag

# Eigenvalues and eigenvectors of one matrix share its decomposition; so do singular values and vectors.


class Family(NamedTuple):
    """A decomposition, what needs all of it, and how its functions are read off."""

    whole: Op
    leaders: frozenset[Op]
    parts: Mapping[Op, Op]


def part(op: Op, numpy: str, stack: Callable[..., Any]) -> Op:
    """Read off at no cost, but where it takes a product."""
    cost = "" if "@" in numpy else "0"
    return kernel(f"{op.name}_part", "(m,n)->(...)", numpy, gives=op.gives, cost=cost, stack=stack)


def family(
    name: str, numpy: str, leaders: Sequence[Op], parts: Mapping[Op, tuple[str, Callable[..., Any]]], c: str,
    stack: Callable[..., Any],
) -> Family:  # fmt: skip
    torch = numpy.replace("np.", "torch.")
    traits = "iterative factors"
    domain = leaders[0].domain
    whole = kernel(name, "(m,n)->(m,n)", numpy, torch=torch, domain=domain, c=c, traits=traits, stack=stack)
    return Family(whole, frozenset(leaders), {op: part(op, *code) for op, code in parts.items()})


FAMILIES = (
    family(
        "eigh",
        "np.linalg.eigh({0})",
        (sp.eigvecs,),
        {
            sp.eigvecs: ("{0}[1]", lambda many, F: F[1]),
            sp.eigvals: ("{0}[0]", lambda many, F: F[0]),
            sp.eigval: ("{0}[0][{p0} - 1]", lambda many, F, i: F[0][:, i - 1]),
            sp.lambda_max: ("{0}[0][-1]", lambda many, F: F[0][:, -1]),
            sp.lambda_min: ("{0}[0][0]", lambda many, F: F[0][:, 0]),
        },
        "-> eigh({m0}, {0}, {out:m0*m0+m0}, {work:m0*m0})",
        lambda many, S: many.np.linalg.eigh(S),
    ),
    family(
        "svd",
        "np.linalg.svd({0}, full_matrices=False)",
        (sp.polar,),
        {
            sp.polar: ("{0}[0] @ {0}[2]", lambda many, F: F[0] @ F[2]),
            sp.nuclear: ("np.sum({0}[1])", lambda many, F: F[1].sum(axis=1)),
        },
        "-> svd({m0}, {n0}, {0}, {out:2*m0*n0+m0})",
        lambda many, A: many.np.linalg.svd(A, full_matrices=False),
    ),
)


def decomposed(roots: Sequence[Node]) -> list[Node]:
    """The roots with one decomposition for each matrix of which several functions need it."""
    order = topological(*roots)
    ops: dict[Node, set[Op]] = {}
    for node in order:
        if isinstance(node, Apply) and node.args:
            ops.setdefault(node.args[0], set()).add(node.op)
    new: dict[Node, Node] = {}
    for node in order:
        made = rebuilt(node, new)
        if isinstance(node, Apply) and isinstance(made, Apply):
            made = read_off(made, ops[node.args[0]]) if node.args else made
        new[node] = made
    return [new[r] for r in roots]


def read_off(node: Apply, ops: set[Op]) -> Apply | Node:
    """A function of a matrix from its decomposition, which another one needs anyway."""
    for f in FAMILIES:
        if node.op in f.parts and f.leaders & ops and len(ops & f.parts.keys()) > 1:
            (A,) = node.args
            whole = run(f.whole, (A,), "matrix", A.rows, A.cols)
            return run(f.parts[node.op], (whole,), node.kind, node.rows, node.cols, node.params)
    return node


MAX_REPEATS = 4
"""A shared product of matrices is multiplied into vectors factor by factor if used at most so often."""

Factors = tuple[tuple[Node, bool], ...]
"""The factors of a product; True where transposed."""


def plan(roots: Sequence[Node], association: Association = "best", inverses: bool = False) -> list[Node]:
    """The roots rewritten.  Linear in distinct nodes.

    With `inverses` systems with a matrix on the right are solved by the inverse, which some libraries do faster.
    """
    return share_factors(Planner(prepared(roots), association).rewritten(), inverses)


def prepared(roots: Sequence[Node]) -> list[Node]:
    """What does not depend on the order of products."""
    return adjugates(distributed(mirrored(tensors(mirrored(shortcuts(decomposed(stable(smooth(roots)))))))))


def smooth(roots: Sequence[Node]) -> list[Node]:
    """The same functions by formulas that have a value wherever these do, and keep in range."""
    return quotients(removable(lengths(second_determinants(roots))))


def plan_with(ready: Sequence[Node], sizes: Sizes) -> tuple[list[Node], list[Chain]]:
    """Prepared roots planned for given sizes, and the products whose order may depend on them."""
    planner = Planner(ready, sizes=sizes)
    return planner.rewritten(), planner.open


class Planner:
    """Two folds: from the roots down, which nodes are needed at all; then up again, their replacements."""

    def __init__(self, roots: Sequence[Node], association: Association = "best", sizes: Sizes = NO_SIZES) -> None:
        self.association = association
        self.sizes = sizes
        self.open: list[Chain] = []
        self.roots = list(roots)
        self.order = topological(*roots)
        self.uses: Counter[Node] = Counter(roots)
        self.products: Counter[Node] = Counter()
        self.leaves: dict[Node, list[tuple[Node, bool]]] = {}
        self.chains: dict[Factors, tuple[Node, bool]] = {}
        self.new: dict[Node, Node] = {}
        self.known = Known()
        self.done: dict[tuple[Node, ...], Node] = {}
        self.seen: set[Node] = set()
        self.cheap = cheap(self.order)
        self.count()

    def count(self) -> None:
        """How often each node is used, and how often as a factor, seen through transposes and definitions."""
        for node in reversed(self.order):
            through = node.op is TRANSPOSE or isinstance(node, Symbol)
            for child in node.children:
                self.uses[child] += self.uses[node] if through else 1
                self.products[child] += self.products[node] if through else node.op is MATMUL or node.op is tr

    def rewritten(self) -> list[Node]:
        needed = set(self.roots)
        self.descend(needed, lambda n: not (n.op is tr and n.children[0].op is MATMUL))
        self.descend(needed, lambda n: True)
        for node in self.leaves:
            if node.op is MATMUL:
                self.chains.setdefault(self.key(self.leaves[node]), (node, False))
                turned = [(leaf, not flip) for leaf, flip in reversed(self.leaves[node])]
                self.chains.setdefault(self.key(turned), (node, True))
        solvable = {n for n in needed if n.op is inv and self.uses[n] == self.products[n]}
        product = multiplier(solvable, self.known)
        for node in self.order:
            if node in needed and node not in self.new:
                self.new[node] = self.replaced(node, product)
                if node in solvable:
                    solvable.add(self.new[node])
        return [self.new[r] for r in self.roots]

    # downwards: the factors of products

    def descend(self, needed: set[Node], wanted: Callable[[Node], bool]) -> None:
        """Everything that those of the needed are computed from that are wanted and not yet looked at."""
        for node in reversed(self.order):
            if node in needed and node not in self.seen and wanted(node):
                self.seen.add(node)
                needed.update(self.below(node, needed))

    def below(self, node: Node, needed: set[Node]) -> list[Node]:
        """What a node is computed from; a trace from its product where that is needed anyway."""
        factors = None if node.op is tr and node.children[0] in needed else self.factors(node)
        if factors is None:
            return list(node.children)
        self.leaves[node] = factors
        return [leaf for leaf, _ in factors]

    def factors(self, node: Node) -> list[tuple[Node, bool]] | None:
        """The factors of a product, a trace of one or an inner product with one; True where transposed."""
        if node.op is MATMUL:
            return self.flatten([(node, False)], node)
        if node.op is tr and node.children[0].op is MATMUL:
            return self.flatten([(node.children[0], False)], node.children[0])
        if node.op is tr and self.is_link(node.children[0]):
            return self.flatten([(node.children[0], False)], node)
        if node.op is diag and self.is_link(node.children[0]):
            return self.flatten([(node.children[0], False)], node)
        if node.op is INNER and any(self.is_link(c) for c in node.children):
            a, b = node.children
            rows = a.kind == "row" and b.kind == "row"
            return self.flatten([(a, not rows), (b, rows)], node)
        return None

    def is_link(self, node: Node) -> bool:
        """A product that is used only here or is cheap."""
        inside = node.children[0] if node.op is TRANSPOSE else node
        return inside.op is MATMUL and (self.uses[inside] == 1 or inside in self.cheap)

    def flatten(self, start: list[tuple[Node, bool]], root: Node) -> list[tuple[Node, bool]]:
        factors = expand(start, lambda n: n is root or self.uses[n] == 1 or n in self.cheap)
        if len(factors) < MAX_CHAIN and any(leaf.kind in ("vector", "row") for leaf, _ in factors):
            factors = expand(factors, lambda n: n.kind == "matrix" and self.uses[n] <= MAX_REPEATS, MAX_CHAIN)
        return factors

    # upwards: replacements

    def replaced(self, node: Node, product: Callable[[Node, Node], Node]) -> Node:
        if node in self.leaves:
            made = self.chain(node, product)
            return made if made.kind == node.kind else self.plainly(node)
        return self.rebuilt(node)

    def chain(self, node: Node, product: Callable[[Node, Node], Node]) -> Node:
        new, turned = self.new, self.known.transposed
        leaves = [turned(new[leaf]) if flipped else new[leaf] for leaf, flipped in self.leaves[node]]
        given = self.given(node, product) | self.stretches(leaves)
        traced = node.op is tr or (node.op is INNER and leaves[0].rows.number != 1)
        how = How(product, self.known, self.association, self.sizes, self.done)
        if (chain := Chain(tuple(leaves), given)).open:
            self.open.append(chain)
        if node.op is diag and len(leaves) <= MAX_CHAIN:
            return diagonal(leaves, how, given)
        return trace(leaves, how, given) if traced else multiply(leaves, how, given)

    def key(self, factors: Sequence[tuple[Node, bool]]) -> Factors:
        """Factors as they are compared: a symmetric one is never transposed."""
        return tuple((leaf, flip and "symmetric" not in self.known(leaf)) for leaf, flip in factors)

    def given(self, node: Node, product: Callable[[Node, Node], Node]) -> dict[tuple[int, int], Node]:
        """The stretches of a product that are products of their own elsewhere, computed here if not yet."""
        factors = self.leaves[node]
        if len(self.chains) < 2 or not 3 <= len(factors) <= MAX_CHAIN:
            return {}
        keys, found = self.key(factors), {}
        for i in range(len(keys)):
            for j in range(i + 1, len(keys)):
                other = self.chains.get(keys[i : j + 1])
                if other is not None and (j - i + 1 < len(keys) or other[0] is not node):
                    if j - i + 1 == len(keys) and node.op is MATMUL:
                        continue
                    shared, flip = other
                    if shared not in self.new:
                        self.new[shared] = self.replaced(shared, product)
                    found[i, j] = transpose(self.new[shared]) if flip else self.new[shared]
        return found

    def stretches(self, leaves: Sequence[Node]) -> dict[tuple[int, int], Node]:
        """The stretches that were multiplied on the way to other products, or whose transposes were."""
        found: dict[tuple[int, int], Node] = {}
        if not self.done or not 3 <= len(leaves) <= MAX_CHAIN:
            return found
        turned = [self.known.transposed(a) for a in leaves]
        for i in range(len(leaves)):
            for j in range(i + 1, len(leaves)):
                if (made := self.done.get(tuple(leaves[i : j + 1]))) is not None:
                    found[i, j] = made
                elif (made := self.done.get(tuple(turned[i : j + 1][::-1]))) is not None:
                    found[i, j] = transpose(made)
        return found

    def rebuilt(self, node: Node) -> Node:
        """The node on its new arguments."""
        if isinstance(node, Symbol) and node.body is not None:
            body = self.new[node.body]
            return node if body is node.body else symbol(node.name, node.kind, node.rows, node.cols, body=body)
        if not isinstance(node, Apply):
            return node
        args = tuple(self.new[a] for a in node.args)
        if node.op is ADD:
            return summed(node, args)
        if node.op is SCALE and self.uses[node.args[1]] == 1:
            return scaled(node, args)
        if (small := unkron(node, args)) is not None:
            return small
        if node.op is INNER and (one := picked(*args)) is not None:
            return one
        return apply(node.op, args, node.params, node.kind, node.rows, node.cols)

    def plainly(self, node: Node) -> Node:
        """The node with its products in the order in which they stand."""
        for inner in topological(node):
            if inner not in self.new:
                self.new[inner] = self.rebuilt(inner)
        return self.rebuilt(node)


def scaled(node: Node, args: tuple[Node, ...]) -> Node:
    """a·(b·C) as (a·b)·C: scalars are multiplied first."""
    s, a = args
    if a.op is Diag:
        return Diag(scale(s, a.children[0]))
    if a.op is SCALE and a.kind != "scalar":
        b, inside = a.children
        if b.op is SCALE:
            s, b = run(SCALE, (s, b.children[0]), "scalar", ONE, ONE), b.children[1]
        return run(SCALE, (run(SCALE, (s, b), "scalar", ONE, ONE), inside), node.kind, node.rows, node.cols)
    return run(SCALE, args, node.kind, node.rows, node.cols)


def summed(node: Node, args: tuple[Node, ...]) -> Node:
    """A sum; c·1 is written as the number c, c·I and Diag(v) are added to the diagonal of what else there is."""
    if node.kind == "scalar":
        return apply(ADD, args, (), node.kind, node.rows, node.cols)
    args = gathered(gathered(args, 1), 0)
    args = tuple(scale(number(count), a) for a, count in Counter(args).items())
    if len(args) == 1:
        return args[0]
    thin = tuple(multiple_of("ones", a) or a for a in args)
    shifts = [s for a in args if (s := diagonal_of(a)) is not None]
    rest = tuple(a for a in thin if diagonal_of(a) is None)
    if all(a.kind == "scalar" for a in rest):
        rest, shifts = args, []
    op = ADD if all(a.kind != "scalar" for a in rest) else PLUS
    total = rest[0] if len(rest) == 1 else run(op, rest, node.kind, node.rows, node.cols)
    if shifts:
        shift = shifts[0] if len(shifts) == 1 else sum_of(shifts, node)
        total = run(ADD_DIAGONAL, (total, shift), "matrix", node.rows, node.cols)
    return total


def sum_of(shifts: Sequence[Node], node: Node) -> Node:
    """The sum of numbers and vectors on a diagonal."""
    vectors = [s for s in shifts if s.kind != "scalar"]
    if not vectors:
        return add(*shifts)
    return run(ADD if len(vectors) == len(shifts) else PLUS, tuple(shifts), "vector", node.rows, ONE)


def diagonal_of(a: Node) -> Node | None:
    """The c of c·I, the v of Diag(v)."""
    return a.children[0] if a.op is Diag else multiple_of("I", a)


def gathered(args: tuple[Node, ...], side: int) -> tuple[Node, ...]:
    """u zᵀ + c v zᵀ as (u + c v)zᵀ: rank-one matrices with one vector in common, the left or the right one."""
    groups: dict[tuple[Node, bool], list[Node]] = {}
    for a in args:
        inside = a.children[1] if a.op is SCALE else a
        outer = inside.op is MATMUL and inside.children[0].kind == "vector" and inside.children[1].kind == "row"
        groups.setdefault((inside.children[side] if outer else a, outer), []).append(a)
    found: list[Node] = []
    for (shared, outer), group in groups.items():
        if len(group) == 1 or not outer:
            found += group
            continue
        total = add(*(scaled_by(a, lambda m: m.children[1 - side]) for a in group))
        pair = (shared, total) if side == 0 else (total, shared)
        found.append(run(MATMUL, pair, "matrix", group[0].rows, group[0].cols))
    return tuple(found)


def scaled_by(a: Node, part: Callable[[Node], Node]) -> Node:
    return scale(a.children[0], part(a.children[1])) if a.op is SCALE else part(a)


def multiple_of(name: str, a: Node) -> Node | None:
    """The c of c·1 or c·I."""
    factors: list[Node] = []
    while a.op is SCALE:
        factors.append(a.children[0])
        a = a.children[1]
    if not (isinstance(a, Constant) and a.name == name):
        return None
    total: Node = number(1)
    for factor in reversed(factors):
        total = scale(factor, total)
    return total
