"""Sums of exponentials: which values are such, their logarithm ℓ, and the share e^(u − ℓ) of each term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import log as log_of
from typing import Literal

from matdiff.codegen.kernels import LOG_SIGMOID, LOGABSDET, LOGADDEXP, kernel, run
from matdiff.core.node import Apply, Node, Number, Symbol, Value, apply, number
from matdiff.core.op import Op
from matdiff.core.shape import ONE
from matdiff.ops import algebra as al
from matdiff.ops import constants as co
from matdiff.ops.algebra import ADD, HADAMARD, INNER, MATMUL, POWER, SCALE, TRANSPOSE, is_op
from matdiff.ops.axes import row_logsumexp, row_softmax
from matdiff.ops.constants import is_ones, ones_like
from matdiff.ops.elementwise import abs_, cosh, exp, log, sigmoid, softplus, sqrt
from matdiff.ops.indexing import ENTRY
from matdiff.ops.linalg import det, logdet
from matdiff.ops.reductions import logsumexp, mean, softmax, sum_, weights

# Logarithms of products, factor by factor, where a factor may overflow or vanish though its logarithm does not.

MAX_FACTORS = 16
SIGNDET = kernel(
    "signdet",
    "(n,n)->()",
    "np.linalg.slogdet({0})[0]",
    julia="logabsdet({0})[2]",
    octave="signdet({0})",
    torch="torch.linalg.slogdet({0})[0]",
    c="= signdet({m0}, {0}, {work:m0*m0+m0})",
    stack=lambda many, A: many.np.linalg.slogdet(A)[0],
)
"""The sign of det A."""
DET_POWER = kernel(
    "det_power",
    "(n,n),()->()",
    "det_power({0}, {1})",
    julia="det_power({0}, {1})",
    c="= det_power({m0}, {0}, {1}, {work:m0*m0+m0})",
)
"""(det A)ᵖ without det A."""

Factors = list[tuple[Node, Value]]


def entrywise(op: Op, a: Node) -> Node:
    return apply(op, (a,), (), a.kind, a.rows, a.cols)


def logarithm_of_product(a: Node) -> Node | None:
    """log ∏ fᵖ = Σ p log f, if one of the factors asks for that; the signs of the others stay under one logarithm."""
    factors = factored(a)
    if not any(is_extreme(f) for f, _ in factors):
        return None
    dets = [(f, p) for f, p in factors if f.op is det]
    rest = [(f, p) for f, p in factors if f.op is not det and logarithm_of_factor(f) is None]
    terms = [times(p, made) for f, p in factors if (made := logarithm_of_factor(f)) is not None]
    if not rest and len(dets) == 1 and not is_even(dets[0][1]):
        terms.append(times(dets[0][1], logdet.build(dets[0][0].children)))
    else:
        signs = [run(SIGNDET, f.children, "scalar", ONE, ONE) for f, p in dets if not is_even(p)]
        terms += [times(p, run(LOGABSDET, f.children, "scalar", ONE, ONE)) for f, p in dets]
        remains = [al.power(f, number(p)) for f, p in rest] + signs
        terms += [log(product_of(remains))] if remains else []
    return al.add(*(spread(t, a, "left") for t in terms))


def factored(a: Node) -> Factors:
    """The factors of a product of values entry by entry, with their powers."""
    found: Factors = []
    stack: Factors = [(a, 1)]
    while stack and len(found) < MAX_FACTORS:
        top, p = stack.pop()
        inside = defined(top)
        if inside.op is SCALE or inside.op is HADAMARD:
            stack += [(f, p) for f in reversed(inside.children)]
        elif inside.op is POWER and isinstance(q := inside.children[1], Number):
            stack.append((inside.children[0], p * q.value))
        elif inside.op is DET_POWER and isinstance(q := inside.children[1], Number):
            stack.append((det.build(inside.children[:1]), p * q.value))
        elif inside.op is ADD and (product := complement(inside)) is not None:
            stack.append((product, p))
        elif inside.op is sqrt:
            stack.append((inside.children[0], p * Fraction(1, 2)))
        else:
            found.append((inside if is_extreme(inside) else top, p))
    return found + stack


def is_extreme(a: Node) -> bool:
    return a.op is det or (not isinstance(a, Number) and logarithm_of_factor(a) is not None)


def logarithm_of_factor(a: Node) -> Node | None:
    """The logarithm of something that is positive, otherwise than by computing that."""
    if isinstance(a, Number) and a.value > 0:
        return number(0) if a.value == 1 else number(log_of(a.value))
    if a.op is exp:
        return a.children[0]
    if a.op is DET_POWER:
        return al.scale(a.children[1], logdet.build(a.children[:1]))
    if a.op is sigmoid:
        return entrywise(LOG_SIGMOID, a.children[0])
    if a.op is cosh:
        (u,) = a.children
        both = run(LOGADDEXP, (u, -u), u.kind, u.rows, u.cols)
        return al.add(both, spread(number(-log_of(2)), u, "left"))
    if a.op is softmax:
        (u,) = a.children
        return u - spread(logsumexp(u), u, "left")
    if a.op is row_softmax:
        (u,) = a.children
        return u - spread(row_logsumexp(u), u, "left")
    if isinstance(a, Apply) and a.op is ENTRY and is_op(s := defined(a.args[0]), softmax):
        (u,) = s.children
        return ENTRY.build((u,), a.params) - logsumexp(u)
    if a.op is abs_ and is_op(inside := defined(a.children[0]), det):
        return run(LOGABSDET, inside.children, "scalar", ONE, ONE)
    return None


def is_even(p: Value) -> bool:
    return isinstance(p, int) and p % 2 == 0


def times(p: Value, a: Node) -> Node:
    return al.scale(number(p), a)


def product_of(factors: Sequence[Node]) -> Node:
    total = factors[0]
    for f in factors[1:]:
        total = al.product(total, f)
    return total


def complement(node: Node) -> Node | None:
    """1 − σ(u) = σ(−u) and 1 − σ(u)² = σ(−u)(1 + σ(u)), or their negatives."""
    sign, term = less_one(node) or (0, node)
    squared = term.op is POWER and is_two(term.children[1])
    s = defined(term.children[0]) if squared else term
    if not sign or s.op is not sigmoid:
        return None
    rest = sigmoid(-s.children[0])
    return al.scale(number(-sign), al.product(rest, al.add(co.ones_like(s), s)) if squared else rest)


def less_one(node: Node) -> tuple[int, Node] | None:
    """(1, a) for a − 1, (−1, a) for 1 − a."""
    if len(node.children) != 2 or not any(map(unit_of, node.children)):
        return None
    one, other = sorted(node.children, key=lambda a: not unit_of(a))
    sign = -1 if other.op is SCALE else 1
    return (sign, defined(al.scale(number(sign), other))) if sign + unit_of(one) == 0 else None


def unit_of(a: Node) -> int:
    """1 or −1 for that number or an array of it, else 0."""
    if a.op is SCALE and isinstance(c := a.children[0], Number) and c.value == -1:
        return -1 if co.is_ones(a.children[1]) else 0
    if isinstance(a, Number):
        return int(a.value) if a.value in (1, -1) else 0
    return 1 if co.is_ones(a) else 0


def is_two(p: Node) -> bool:
    return isinstance(p, Number) and p.value == 2


Over = Literal["nothing", "everything", "rows", "columns"]
"""What of eᵘ is added: each entry stands alone, all entries are added, those of each row, those of each column."""


@dataclass(eq=False)
class Sum:
    """The exponents u of a sum of eᵘ.

    constant  whether there is a positive number among the terms
    pure      whether the terms have no factors
    """

    exponents: dict[Node, Over] = field(default_factory=dict)
    constant: bool = False
    pure: bool = True

    def take(self, term: Node) -> bool:
        """Take in all terms; False if one is something else."""
        stack: list[tuple[Node, Over]] = [(term, "nothing")]
        while stack:
            term, over = stack.pop()
            found = self.parts(defined(term), over)
            if found is None:
                return False
            stack += [(part, found[1]) for part in reversed(found[0])]
        return True

    def parts(self, term: Node, over: Over) -> tuple[Sequence[Node], Over] | None:
        """What a term is made of, and what is added of that; None if it does not belong here."""
        if term.op is exp:
            (u,) = term.children
            self.pure &= u not in self.exponents
            self.exponents[u] = "nothing" if u.kind == "scalar" else over
            return (), over
        if term.op is sum_:
            return term.children, "everything"
        if term.op is ADD and all(a.kind == term.kind for a in term.children):
            return term.children, over
        if term.op is MATMUL and term.kind == "vector" and over == "nothing":
            return self.product(term)
        self.pure &= is_ones(term) and not self.constant
        if is_positive_constant(term) and over == "nothing":
            self.constant = True
            return (), over
        if term.op is SCALE:
            return term.children[1:], over
        if term.op is mean:
            return term.children, "everything"
        if term.op is INNER or (term.op is MATMUL and term.kind == "scalar"):
            sides = [a.children[0] if a.op is TRANSPOSE else a for a in term.children]
            return next((([a], "everything") for a in sides if is_op(defined(a), exp)), None)
        return None

    def product(self, term: Node) -> tuple[Sequence[Node], Over] | None:
        """The sums over the rows or the columns of eᵘ, as products with a vector."""
        a, b = term.children
        turned = a.op is TRANSPOSE
        inside = a.children[0] if turned else a
        if not is_op(defined(inside), exp):
            return None
        self.pure &= is_ones(b)
        return [inside], "columns" if turned else "rows"

    def __eq__(self, other: object) -> bool:
        mine, theirs = ((s.exponents, s.constant) if isinstance(s, Sum) else None for s in (self, other))
        return type(self) is type(other) and mine == theirs

    @property
    def usable(self) -> bool:
        return len(self.exponents) + self.constant > 1 or any(o != "nothing" for o in self.exponents.values())

    @cached_property
    def log(self) -> Node:
        """ℓ."""
        first, *others = [reduced(u, over) for u, over in self.exponents.items()]
        for u in others:
            first = run(LOGADDEXP, (first, u), u.kind, u.rows, u.cols)
        return softplus(first) if self.constant else first

    def multiple(self, w: Node) -> tuple[Value, Node] | None:
        """The c and u with w = c·u, u an exponent and c > 0."""
        if w in self.exponents:
            return 1, w
        c, u = w.children if w.op is SCALE else (w, w)
        return (c.value, u) if u in self.exponents and isinstance(c, Number) and c.value > 0 else None

    @cached_property
    def inverse(self) -> Node:
        """e^(−ℓ)."""
        (u, over), *others = self.exponents.items()
        return sigmoid(-u) if self.constant and not others and over == "nothing" else exp(-self.log)

    def share(self, u: Node) -> Node:
        """e^(u − ℓ)."""
        over = self.exponents[u]
        others = [v for v in self.exponents if v is not u]
        if not others and not self.constant:
            return row_softmax(u) if over == "rows" else row_softmax(u.T).T if over == "columns" else weights(u)
        if len(others) + self.constant == 1 and all(o == "nothing" for o in self.exponents.values()):
            return sigmoid(u - others[0] if others else u)
        if over in ("rows", "columns"):
            return exp(u - spread(self.log, u, "left" if over == "rows" else "right"))
        return exp(u - self.log)


def reduced(u: Node, over: Over) -> Node:
    """log Σ eᵘ."""
    if over == "nothing":
        return u
    if over == "everything":
        return logsumexp(u)
    return row_logsumexp(u if over == "rows" else u.T)


def spread(v: Node, like: Node, side: str) -> Node:
    """The entries of a vector in all of their row, or with the side "right" of their column."""
    if like.kind == v.kind:
        return v
    if v.kind == "scalar":
        return al.scale(v, ones_like(like))
    if like.kind == "row":
        return v.T
    return co.ones("vector", like.rows) @ v.T if side == "right" else v @ co.ones("row", ONE, like.cols)


def defined(a: Node) -> Node:
    """What a name stands for."""
    while isinstance(a, Symbol) and a.body is not None:
        a = a.body
    return a


def is_positive_constant(a: Node) -> bool:
    while a.op is SCALE and isinstance(c := a.children[0], Number) and c.value > 0:
        a = a.children[1]
    return is_ones(a) or (isinstance(a, Number) and a.value > 0)
