"""Quotients and logarithms of sums of exponentials without overflow.

With ℓ = log D for a sum of exponentials D every value is written as e^(kℓ)·r.  Then eᵘ has k = 1 and r = e^(u − ℓ) ≤ 1,
its share in the sum (softmax, σ), D itself has k = 1 and r = 1, and in quotients the powers of e^ℓ cancel.
A scalar ℓ goes through all linear functions; a vector ℓ multiplies vectors entry by entry, matrices as Diag(e^(kℓ))
from the left (that scales rows) or from the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from matdiff.codegen.plan.balance import SIDES, balanced
from matdiff.codegen.plan.exponentials import Sum, spread
from matdiff.codegen.plan.peaks import sums
from matdiff.core.node import Apply, Node, Number, Symbol, Value, apply, number, symbol, topological
from matdiff.core.op import Linear
from matdiff.ops import algebra as al
from matdiff.ops import constants as co
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE
from matdiff.ops.constants import is_ones, ones_like
from matdiff.ops.elementwise import abs_, exp, log, sqrt
from matdiff.ops.reductions import norm, sum_
from matdiff.ops.structure import Diag

MAX_SUMS = 16
"""The most different sums of exponentials that are looked after."""

Side = Literal["left", "right", "both"]
"""Where the Diag(e^(kℓ)) of a matrix stands; "both" for diagonal ones.  That of a vector stands left."""
TURNED: dict[Side, Side] = {"left": "right", "right": "left", "both": "both"}
ENTRYWISE = (ADD, SCALE, HADAMARD, POWER, sqrt, log)


class Split(NamedTuple):
    """e^(kℓ)·r."""

    power: Value
    rest: Node
    side: Side


def shifted(roots: Sequence[Node]) -> list[Node]:
    """The roots rewritten for every sum of exponentials that stands in a denominator or under a logarithm."""
    given = roots
    done: list[Sum] = []
    small: set[Node] = set()
    while len(done) < MAX_SUMS:
        found = next((s for s in sums(roots) if s not in done and not s.exponents.keys() <= small), None)
        if found is None:
            break
        done.append(found)
        small.update(e.children[0] for e in (found.inverse, *map(found.share, found.exponents)) if e.op is exp)
        roots = Shift(found).rewritten(roots)
    for total in left_over(roots, done):
        if (other := balanced(given, total)) is not None:
            return shifted(other)
    return list(roots)


def left_over(roots: Sequence[Node], done: Sequence[Sum]) -> list[Sum]:
    """The sums over rows or columns of matrices whose exponentials stand as they did."""
    wanted = [s for s in done if s.log.kind == "vector" and not set(SIDES).isdisjoint(s.exponents.values())]
    rest = {n.children[0] for n in topological(*roots) if n.op is exp} if wanted else set()
    return [s for s in wanted if not rest.isdisjoint(s.exponents)]


class Shift:
    """One fold for one sum."""

    def __init__(self, total: Sum) -> None:
        self.total = total
        self.kind = total.log.kind
        self.new: dict[Node, Node] = {}
        self.split: dict[Node, Split] = {}

    def rewritten(self, roots: Sequence[Node]) -> list[Node]:
        for node in topological(*roots):
            found = self.factored(node)
            if found is not None and found.power <= 0:
                self.new[node] = self.times(*found)
            else:
                self.new[node] = self.rebuilt(node)
            if found is not None and found.power != 0:
                self.split[node] = found
        return [self.new[r] for r in roots]

    def rebuilt(self, node: Node) -> Node:
        if isinstance(node, Symbol) and node.body is not None:
            return symbol(node.name, node.kind, node.rows, node.cols, body=self.new[node.body])
        if isinstance(node, Apply):
            args = tuple(self.new[a] for a in node.args)
            return apply(node.op, args, node.params, node.kind, node.rows, node.cols)
        return node

    def factored(self, node: Node) -> Split | None:
        """e^(kℓ)·r where an argument is such a product and the power can be taken out."""
        if node.op is exp and (found := self.total.multiple(node.children[0])):
            c, u = found
            side: Side = "right" if self.total.exponents[u] == "columns" else "left"
            return Split(c, al.power(self.total.share(u), number(c)), side)
        if isinstance(node, Symbol) and node.body in self.split:
            return self.split[node.body]
        if not any(a in self.split for a in node.children):
            return None
        assert isinstance(node, Apply)
        same = Sum()
        if node.op in (ADD, MATMUL, sum_) and same.take(node) and same.pure and same == self.total:
            return Split(1, ones_like(node), "left")
        parts = [self.split.get(a) or Split(0, self.new[a], "left") for a in node.args]
        stands = self.side(node, parts)
        return None if stands is None else self.taken_out(node, parts, stands)

    def side(self, node: Apply, parts: Sequence[Split]) -> Side | None:
        """The side on which the power stands after a function; None if it cannot be taken out."""
        if self.kind == "scalar":
            every = all(not p.power or isinstance(node.op.rule(i), Linear) for i, p in enumerate(parts))
            return "left" if every or node.op in ENTRYWISE or node.op in (norm, abs_) else None
        if node.op is INNER and self.kind == "vector" and not sum(p.power for p in parts):
            return "left" if parts[0].side == parts[1].side else None
        if node.op in ENTRYWISE:
            sides: set[Side] = {"right" if part.side == "right" else "left" for part in parts if part.power}
            kinds = {a.kind for a in node.args if a.kind != "scalar"} | {node.kind}
            fits = len(kinds) == 1 and (self.kind == "vector" or kinds == {self.kind})
            return sides.pop() if fits and len(sides) == 1 else None
        if self.kind != "vector":
            return None
        if node.op is TRANSPOSE:
            return TURNED[parts[0].side]
        if node.op is Diag:
            return "both"
        return product_side(*parts) if node.op is MATMUL else None

    def taken_out(self, node: Apply, parts: list[Split], side: Side) -> Split | None:
        rests = [part.rest for part in parts]
        power = sum(part.power for part in parts)
        if node.op is ADD:
            top = max(part.power for part in parts)
            return Split(top, al.add(*(self.times(k - top, r, side) for k, r, _ in parts)), side)
        if node.op is POWER:
            p = node.args[1]
            return Split(power * p.value, al.power(rests[0], p), side) if isinstance(p, Number) else None
        if node.op is sqrt:
            return Split(power * Fraction(1, 2), sqrt(*rests), side)
        if node.op is log:
            shift = al.scale(number(power), spread(self.total.log, node, side))
            return Split(0, shift if is_ones(rests[0]) else al.add(shift, log(*rests)), side)
        if node.op in (SCALE, HADAMARD):
            return Split(power, al.product(*rests), side)
        if node.op is MATMUL:
            return Split(power, al.matmul(*rests), side)
        if node.op is Diag and is_ones(rests[0]):
            return Split(power, co.eye(node.rows), side)
        return Split(power, apply(node.op, tuple(rests), node.params, node.kind, node.rows, node.cols), side)

    def times(self, k: Value, r: Node, side: Side) -> Node:
        """e^(kℓ)·r for k ≤ 0."""
        if k == 0:
            return r
        factor = al.power(self.total.inverse, number(-k))
        if factor.kind in ("scalar", r.kind):
            return al.product(factor, r)
        if r.kind == "row":
            return al.product(factor.T, r)
        return r @ Diag(factor) if side == "right" else Diag(factor) @ r


def product_side(a: Split, b: Split) -> Side | None:
    """Diag(eˡ) A·B, A·B Diag(eˡ), and both where one of the two is diagonal."""
    if not b.power:
        return "left" if a.side != "right" else None
    if not a.power:
        return "right" if b.side != "left" else None
    if a.side == "both":
        return b.side if b.side != "right" else None
    if a.side == "right" and b.side == "left" and not a.power + b.power:
        return "left"
    return "right" if a.side == "right" and b.side == "both" else None
