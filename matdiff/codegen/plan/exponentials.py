"""Sums of exponentials: which values are such, their logarithm ℓ, and the share e^(u − ℓ) of each term."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from matdiff.codegen.kernels import LOGADDEXP, run
from matdiff.core.node import Node, Number, Symbol, Value
from matdiff.core.shape import ONE
from matdiff.ops import algebra as al
from matdiff.ops import constants as co
from matdiff.ops.algebra import ADD, INNER, MATMUL, SCALE, TRANSPOSE, is_op
from matdiff.ops.axes import row_logsumexp, row_softmax
from matdiff.ops.constants import is_ones, ones_like
from matdiff.ops.elementwise import exp, sigmoid, softplus
from matdiff.ops.reductions import logsumexp, mean, sum_, weights

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
