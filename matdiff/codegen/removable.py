"""Quotients that are 0/0 at a point where the function is smooth: x xᵀ/‖x‖ at 0, √max(x, 0) where x is negative."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from fractions import Fraction

from matdiff.codegen.kernels import kernel, run
from matdiff.codegen.plan.exponentials import entrywise
from matdiff.codegen.plan.sharing import rebuilt
from matdiff.core.node import Apply, Node, Number, Value, apply, number, topological
from matdiff.core.op import Linear
from matdiff.core.shape import ONE
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, power
from matdiff.ops.elementwise import VANISHING, heaviside, relu, sqrt
from matdiff.ops.reductions import norm
from matdiff.simplify.terms import base_and_exponent, entrywise_factors

PRODUCTS = (SCALE, MATMUL, HADAMARD, INNER)
MAX_SEARCH = 2000
"""Most distinct parts of what is looked through."""
OR_ONE = kernel("or_one", "()->()", "({0} + ({0} == 0))", julia="({0} + ({0} == 0))", c="or_one({0})")
"""s, and 1 where that is 0: a denominator below what vanishes faster."""
HINGE_OR_ONE = kernel(
    "hinge_or_one",
    "(),(...)->()",
    OR_ONE.numpy,
    julia="({0} + ({0} == 0))",
    c="or_one({0})",
    jointly="hinge 1",
)
"""The same of ‖max(u, 0)‖, which is 0 all around a u that is negative; u is there for the check."""
CONSTANT = 1000
"""The order of what is 0 all around the point."""
POSITIVE_PART = kernel(
    "positive_part",
    "(...)->(...)",
    "np.where({0} > 0, {0}, 1)",
    julia="positive_or_one.({0})",
    torch="torch.where({0} > 0, {0}, torch.ones_like({0}))",
    domain=("nonzero",),
    elementwise=True,
    gives=frozenset({"positive"}),
    c="positive_or_one({0})",
)
"""u where it is positive, else 1: what stands below a factor that is 0 there."""

Context = tuple[Node, Value]
"""A part of the expression, and the order to which the factors around it vanish."""


def removable(roots: Sequence[Node]) -> list[Node]:
    """The roots with a value also where such quotients are 0/0; linear in distinct nodes."""
    order = topological(*roots)
    if len(order) > MAX_SEARCH:
        return list(roots)
    found = list(roots)
    if any(n.op is relu for n in order):
        found = hinged(found)
    for u in dict.fromkeys(u for n in topological(*found) for u in divided_by(n)):
        found = Vanishing(found, u, run(OR_ONE, (norm(u),), "scalar", ONE, ONE)).rewritten()
        if u.op is relu:
            safe = run(HINGE_OR_ONE, (norm(u), *u.children), "scalar", ONE, ONE)
            found = Vanishing(found, u, safe, CONSTANT).rewritten()
    return found


def divided_by(node: Node) -> list[Node]:
    """The u of the norms ‖u‖ that stand below a fraction bar."""
    if not (node.op is POWER and isinstance(p := node.children[1], Number) and p.value < 0):
        return []
    return [u for n in parts(node.children[0]) if (u := length_of(n)) is not None]


def length_of(node: Node) -> Node | None:
    """The u of ‖u‖ and of ⟨u, u⟩."""
    if node.op is norm:
        return node.children[0]
    if node.op is INNER and node.children[0] is node.children[1]:
        return node.children[0]
    return (
        node.children[1]
        if node.op is MATMUL and node.kind == "scalar" and node.children[0].T is node.children[1]
        else None
    )


def parts(node: Node, powers: bool = True) -> list[Node]:
    """The factors of a product of scalars, those in powers too."""
    found: list[Node] = []
    stack = [node]
    while stack and len(found) < MAX_SEARCH:
        top = stack.pop()
        if top.op is SCALE:
            stack += reversed(top.children)
        elif powers and (top.op is POWER or top.op is sqrt):
            stack.append(top.children[0])
        else:
            found.append(top)
    return found


class Vanishing:
    """One u: to which order everything vanishes as u goes to 0, and what is divided by ‖u‖ above that."""

    def __init__(self, roots: Sequence[Node], u: Node, safe: Node, least: int = 1) -> None:
        self.roots = list(roots)
        self.u = u
        self.safe = safe
        self.lengths = {
            n: safe if n.op is norm else power(safe, number(2)) for n in topological(*roots) if length_of(n) is u
        }
        self.least = least
        self.orders: dict[Node, Value] = {}
        for node in topological(*roots):
            self.orders[node] = self.order(node)

    def order(self, node: Node) -> Value:
        """A p with node = O(‖u‖ᵖ); below 0 where it grows."""
        if node is self.u:
            return self.least
        if node in self.lengths:
            return 1 if node.op is norm else 2
        if self.least == CONSTANT and node.op is heaviside:
            return CONSTANT if node.children == self.u.children else 0
        if not isinstance(node, Apply):
            return self.orders[node.children[0]] if node.children else 0
        below = [self.orders[a] for a in node.args]
        if node.op is norm or node.op in VANISHING:
            return below[0]
        if node.op is POWER:
            p = node.args[1]
            if not isinstance(p, Number):
                return 0
            return below[0] * p.value if p.value > 0 or self.exact(node.args[0]) else -CONSTANT
        if node.op is sqrt:
            return below[0] * Fraction(1, 2)
        if node.op is ADD:
            return min(below)
        return sum(below) if all(isinstance(r, Linear) for r in node.op.rules) and node.op.rules else 0

    def exact(self, node: Node) -> bool:
        """Is it of that very order: a product of norms and what does not vanish?"""
        return all(n in self.lengths or self.orders[n] == 0 for n in parts(node))

    def rewritten(self) -> list[Node]:
        made: dict[Context, Node] = {}
        stack: list[Context] = [(r, 0) for r in self.roots]
        while stack:
            here = stack[-1]
            below = self.below(*here)
            waiting = [c for c in below if c not in made]
            if waiting and here not in made:
                stack += waiting
                continue
            stack.pop()
            if here not in made:
                made[here] = self.made(*here, [made[c] for c in below])
        return [made[r, 0] for r in self.roots]

    def below(self, node: Node, around: Value) -> list[Context]:
        """The arguments with the orders of what they are multiplied with."""
        if not isinstance(node, Apply) or node in self.lengths:
            return []
        if node.op in PRODUCTS:
            total = sum(self.orders[a] for a in node.args)
            return [(a, around + total - self.orders[a]) for a in node.args]
        if node.op in (ADD, TRANSPOSE):
            return [(a, around) for a in node.args]
        if node.op is POWER and isinstance(p := node.args[1], Number) and p.value < 0:
            return []
        return [(a, 0) for a in node.args]

    def made(self, node: Node, around: Value, args: Sequence[Node]) -> Node:
        if isinstance(node, Apply) and args:
            return apply(node.op, tuple(args), node.params, node.kind, node.rows, node.cols)
        if not (node.op is POWER and self.u in divided_by(node) and self.exact(node.children[0])):
            return node
        return replaced(node, self.lengths) if around + self.orders[node] > 0 else node


def replaced(node: Node, values: Mapping[Node, Node]) -> Node:
    """A power with something in its base replaced."""
    new: dict[Node, Node] = {}
    for n in topological(node):
        if n in values:
            new[n] = values[n]
        elif isinstance(n, Apply) and any(new[a] is not a for a in n.args):
            new[n] = apply(n.op, tuple(new[a] for a in n.args), n.params, n.kind, n.rows, n.cols)
        else:
            new[n] = n
    return new[node]


def hinged(roots: Sequence[Node]) -> list[Node]:
    """1[u > 0] ./ max(u, 0)ᵖ with max(u, 0) replaced by something positive where the first factor is 0.

    For a p that is not whole, so that a power of max(u, 0) was differentiated and not its logarithm.
    """
    new: dict[Node, Node] = {}
    for node in topological(*roots):
        made = rebuilt(node, new)
        if made.op is HADAMARD or (made.op is SCALE and made.kind == "scalar"):
            made = masked(made)
        new[node] = made
    return [new[r] for r in roots]


def masked(node: Node) -> Node:
    """A product entry by entry, with its factor 1[u > 0] seen by the others."""
    factors = entrywise_factors(node) if node.kind != "scalar" else parts(node, powers=False)
    bases = [base_and_exponent(f)[0] for f in factors]
    steps = {b.children[0] for b in bases if b.op is heaviside}
    if not steps:
        return node
    changed = [below_step(f, steps) for f in factors]
    if all(a is b for a, b in zip(factors, changed, strict=True)):
        return node
    op = SCALE if node.kind == "scalar" else HADAMARD
    total = changed[0]
    for f in changed[1:]:
        total = run(op, (total, f), node.kind, node.rows, node.cols)
    return total


def below_step(f: Node, steps: Container[Node]) -> Node:
    """max(u, 0)⁻ᵖ as a power of the positive part, beside 1[u > 0]."""
    base, exponent = base_and_exponent(f)
    if exponent >= 0 or exponent == int(exponent) or not (base.op is relu and base.children[0] in steps):
        return f
    return replaced(f, {base: entrywise(POSITIVE_PART, base.children[0])})
