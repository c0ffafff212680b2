"""Differential equations u' = f(u, p, t): the sensitivity equation, and the adjoint by integration by parts.

For G = ∫ J(u, p, t) dt + F(u(T), p) with u(0) = g(p) nothing is known of f, g, J and F but their differentials, and
the adjoints of these: f_u*[v] is what `adjoint` makes of the part of df that is linear in du (Cao, Li, Petzold &
Serban 2003; Strang & Johnson, Matrix Calculus 2023, on ODE sensitivity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.differential import differentials
from matdiff.calculus.tangent import project
from matdiff.core.node import Node, Symbol, number, symbol, symbols
from matdiff.core.op import differential_symbol
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import add, inner, scale
from matdiff.ops.constants import zeros_like
from matdiff.simplify.forms import shortest
from matdiff.simplify.normal import new_context
from matdiff.simplify.stacked import stacked_rows

MINUS = number(-1)
TIME = "t"
"""The name of the time."""


def simplified(node: Node) -> Node:
    """The form to print, definitions in place."""
    context = new_context()
    return shortest(context.normal(inline(node)), context)


def differential(root: Node, directions: Mapping[Symbol, Node]) -> Node:
    """d(root), linear in the directions; zeros of the shape of the root where it does not depend on their variables."""
    ready = prepared(root)
    return differentials(ready, directions).get(ready) or zeros_like(root)


def fresh(letters: str, taken: set[str]) -> str:
    """The first of some letters that is no name yet, nor its differential."""
    free = (c for c in letters.split() if c not in taken and f"d{c}" not in taken)
    return next(free, "") or fresh(" ".join(f"{c}_" for c in letters.split()), taken)


@dataclass(frozen=True, eq=False)
class Read:
    """The gradient by one parameter, read off: ∫ `running` dt + `start` (of v at 0) + `end` (of u at T)."""

    running: Node
    start: Node
    end: Node


@dataclass(frozen=True, eq=False)
class Evolution:
    """state' = rhs with state(0) = initial, of which G = ∫ objective dt + final, final at the end, is a function.

    `taken` are names that the adjoint variable must not have.
    """

    rhs: Node
    state: Symbol
    wrt: tuple[Symbol, ...]
    initial: Node
    objective: Node
    final: Node
    taken: frozenset[str] = frozenset()

    @cached_property
    def direction(self) -> Symbol:
        """du."""
        return differential_symbol(self.state)  # type: ignore[return-value]

    @cached_property
    def directions(self) -> dict[Symbol, Symbol]:
        """dp for each parameter p."""
        return {p: differential_symbol(p) for p in self.wrt}  # type: ignore[misc]

    @cached_property
    def all_directions(self) -> dict[Symbol, Symbol]:
        return {self.state: self.direction, **self.directions}

    @cached_property
    def multiplier(self) -> Symbol:
        """v, of the shape of the state."""
        u = self.state
        names = {s.name for r in (self.rhs, self.initial, self.objective, self.final) for s in symbols(r)} | self.taken
        return symbol(fresh("V Λ W" if u.kind == "matrix" else "v λ w", names), u.kind, u.rows, u.cols)

    @cached_property
    def sensitivity(self) -> Node:
        """The right-hand side of du' = f_u[du] + f_p[dp]."""
        return differential(self.rhs, self.all_directions)

    @cached_property
    def initial_sensitivity(self) -> Node:
        """du(0)."""
        return differential(self.initial, self.directions)

    @cached_property
    def change(self) -> Node:
        """What is integrated to dG: J_u[du] + J_p[dp]."""
        return differential(self.objective, self.all_directions)

    @cached_property
    def final_change(self) -> Node:
        """What the end adds to dG: F_u[du] + F_p[dp]."""
        return differential(self.final, self.all_directions)

    @cached_property
    def zero(self) -> Node:
        """⟨v, f_u[du] + f_p[dp]⟩, which with ⟨v, du'⟩ makes the zero that is added."""
        return inner(self.multiplier, self.sensitivity)

    @cached_property
    def adjoint(self) -> Node:
        """The right-hand side of v' = J_u − f_u*[v], by which du drops out under the integral."""
        found = add(self._gradients[0][self.direction], scale(MINUS, self._pulled[self.direction]))
        return stacked_rows(simplified(found))

    @cached_property
    def terminal(self) -> Node:
        """v(T) = −F_u, by which du(T) drops out."""
        return stacked_rows(simplified(scale(MINUS, self._gradients[1][self.direction])))

    @cached_property
    def gradients(self) -> dict[Symbol, Read]:
        """What is left, by parameter."""
        running, final = self._gradients
        begun = adjoint(self.initial_sensitivity, self.multiplier, list(self.directions.values()))
        found = {}
        for p, dp in self.directions.items():
            rate = add(running[dp], scale(MINUS, self._pulled[dp]))
            parts = (rate, scale(MINUS, begun[dp]), final[dp])
            found[p] = Read(*(stacked_rows(simplified(project(inline(part), p))) for part in parts))
        return found

    @cached_property
    def _pulled(self) -> dict[Symbol, Node]:
        """f_u*[v] and f_p*[v], by direction."""
        return adjoint(self.sensitivity, self.multiplier, list(self.all_directions.values()))

    @cached_property
    def _gradients(self) -> tuple[dict[Symbol, Node], dict[Symbol, Node]]:
        """J_u, J_p and F_u, F_p, by direction."""
        targets = list(self.all_directions.values())
        first, second = (adjoint(d, number(1), targets) for d in (self.change, self.final_change))
        return first, second

    def at(self, node: Node, place: str) -> Node:
        """The expression with the state, its direction and the multiplier at a time, as they are written: u(T)."""
        u, du, v = (self._at(s, place) for s in (self.state, self.direction, self.multiplier))
        du = symbol(f"d{u.name}", du.kind, du.rows, du.cols, of=u)
        return substitute(node, {self.state: u, self.direction: du, self.multiplier: v})

    @staticmethod
    def _at(s: Symbol, place: str) -> Symbol:
        return symbol(f"{s.name}({place})", s.kind, s.rows, s.cols)


__all__ = ["TIME", "Evolution", "Read", "differential", "fresh", "simplified"]
