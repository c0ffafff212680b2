"""The largest exponent of what is made of exponentials by sums, products and norms: B eᵘ, t + Σeᵘ, ‖eᵘ‖."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from matdiff.codegen.kernels import kernel, run
from matdiff.codegen.plan.exponentials import Over, Sum, defined, spread
from matdiff.core.node import Apply, Node, Number, number, topological
from matdiff.core.shape import ONE
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, is_op, scale
from matdiff.ops.constants import is_ones
from matdiff.ops.elementwise import abs_, exp, log, sqrt
from matdiff.ops.reductions import mean, norm, sum_
from matdiff.ops.structure import vec

PEAK = kernel("max", "(...)->()", "np.max({0})", julia="maximum({0})", octave="max(max({0}))", c="= maximum({s0}, {0})")
ROW_PEAK = kernel(
    "row_max",
    "(m,n)->(m)",
    "np.max({0}, axis=1)",
    julia="vec(maximum({0}, dims=2))",
    octave="max({0}, [], 2)",
    torch="torch.amax({0}, 1)",
    c="-> row_max({m0}, {n0}, {0}, {out})",
)
LARGER = kernel("maximum", "(...),(...)->(...)", "np.maximum({0}, {1})", julia="max.({0}, {1})", c="larger({0}, {1})")
POSITIVE = kernel(
    "positive_part",
    "(...)->(...)",
    "np.maximum({0}, 0)",
    julia="max.({0}, 0)",
    torch="torch.relu({0})",
    c="larger({0}, 0.0)",
)
ENTRYWISE = (ADD, SCALE, HADAMARD, POWER, sqrt, abs_)
TURNED: dict[Over, Over] = {"rows": "columns", "columns": "rows"}
HOMOGENEOUS = (SCALE, HADAMARD, INNER, MATMUL, TRANSPOSE, sum_, mean, vec, sqrt, norm, abs_)
"""Functions that take out a positive factor, and in which all entries count."""
MAX_SIZE = 64
"""Nodes of an argument that is looked through."""


class Peak(Sum):
    """The exponents u of what is linear in the eᵘ, or homogeneous; ℓ is the largest of them, and of 0 where there
    is a term without any.
    """

    def take(self, term: Node) -> bool:
        if (above := with_exponentials(term)) is None:
            return False
        stack: list[tuple[Node, Over]] = [(term, "nothing")] if term in above else []
        while stack:
            node, over = stack.pop()
            found = self.below(defined(node), over, above)
            if found is None:
                return False
            stack += found
        return bool(self.exponents) and len({n.kind for n in self.reduced}) == 1

    def below(self, node: Node, over: Over, above: set[Node]) -> list[tuple[Node, Over]] | None:
        """The arguments with exponentials in them, and what is added of those."""
        if node.op is exp:
            (u,) = node.children
            over = "nothing" if u.kind == "scalar" else over
            return [] if self.exponents.setdefault(u, over) == over else None
        assert isinstance(node, Apply)
        wanted = [i for i, a in enumerate(node.args) if a in above]
        if node.op is ADD:
            self.constant |= len(wanted) < len(node.args)
        elif len(wanted) > 1 or not is_homogeneous(node, wanted[0]):
            return None
        return [(node.args[i], self.spread_over(node, i, over)) for i in wanted]

    def spread_over(self, node: Apply, slot: int, over: Over) -> Over:
        a = node.args[slot]
        if over == "everything" or (node.op in ENTRYWISE and a.kind in (node.kind, "scalar")):
            return over
        if node.op is TRANSPOSE:
            return TURNED.get(over, over)
        if node.op is MATMUL and over == "nothing" and slot == 0 and (a.kind, node.kind) == ("matrix", "vector"):
            return "rows"
        return "everything"

    @property
    def reduced(self) -> Sequence[Node]:
        return [largest(u, over) for u, over in self.exponents.items()]

    @cached_property
    def log(self) -> Node:
        """ℓ."""
        first, *others = self.reduced
        for u in others:
            first = run(LARGER, (first, u), u.kind, u.rows, u.cols)
        return run(POSITIVE, (first,), first.kind, first.rows, first.cols) if self.constant else first

    @cached_property
    def inverse(self) -> Node:
        return exp(-self.log)

    def share(self, u: Node) -> Node:
        over = self.exponents[u]
        if over in ("rows", "columns"):
            return exp(u - spread(self.log, u, "left" if over == "rows" else "right"))
        return exp(u - self.log)


def with_exponentials(term: Node) -> set[Node] | None:
    """What has an exponential in it; None where there is too much to look through."""
    near: list[Node] = [term]
    seen = {term}
    for node in near:
        below = [] if node.op is exp else [c for c in dict.fromkeys(node.children) if c not in seen]
        near += below
        seen.update(below)
        if len(near) > MAX_SIZE:
            return None
    above = {n for n in near if n.op is exp}
    while new := {n for n in near if n not in above and any(c in above for c in n.children)}:
        above |= new
    return above


def is_homogeneous(node: Apply, slot: int) -> bool:
    """Does a positive factor of the argument come out, or a power of it?"""
    if node.op is POWER:
        return slot == 0 and isinstance(p := node.args[1], Number) and p.value > 0
    return node.op in HOMOGENEOUS


def largest(u: Node, over: Over) -> Node:
    if over == "nothing" or u.kind == "scalar":
        return u
    if over == "everything":
        return run(PEAK, (u,), "scalar", ONE, ONE)
    X = u if over == "rows" else u.T
    return run(ROW_PEAK, (X,), "vector", X.rows, ONE)


def peak(a: Node) -> Peak | None:
    found = Peak()
    return found if found.take(a) and found.usable else None


def sums(roots: Sequence[Node]) -> Iterator[Sum]:
    """The sums of exponentials that stand in a denominator or under a logarithm, and else what has a peak."""
    order = topological(*roots)
    small = {defined(node.children[0]) for node in order if node.op is log and is_difference(node.children[0])}
    for node in order:
        if node.op is log or (node.op is POWER and isinstance(p := node.children[1], Number) and p.value < 0):
            a = node.children[0]
            found = Sum()
            if found.take(a) and found.usable:
                if defined(a) not in small:
                    yield found
            elif (other := peak(a)) is not None:
                yield other


def is_difference(a: Node) -> bool:
    """1 − eᵘ, which is positive only where nothing overflows."""
    inside = defined(a)
    if inside.op is not ADD or len(inside.children) != 2:
        return False
    one, other = sorted(inside.children, key=is_ones, reverse=True)
    return is_ones(one) and other.op is SCALE and is_op(defined(scale(number(-1), other)), exp)
