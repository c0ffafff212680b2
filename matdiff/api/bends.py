"""Hessians of functions of unknowns as matrices, for all directions at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matdiff.calculus.implicit import direction
from matdiff.core.node import Node, Symbol
from matdiff.graph.rewrite import substitute
from matdiff.ops.constants import zeros_like

if TYPE_CHECKING:
    from matdiff.codegen.solving import Solved

Stacks = dict[str, Any]


@dataclass
class State:
    """A solution with what is computed from it."""

    solved: Solved
    sizes: Mapping[str, int]
    values: Any


class Bends:
    """Second derivatives of an `Implicit` by the entries of its one variable; programs are made once."""

    def __init__(self, of: Any) -> None:
        self.of = of
        (self.X,) = of.wrt
        self.programs: dict[tuple[Node, ...], tuple[Any, tuple[str, ...]]] = {}

    def tangents(self, state: State) -> Stacks:
        """The units of X, and the differentials of the unknowns along each."""
        import numpy as np

        shape = tuple(d.evaluate(state.sizes) for d in self.X.shape)
        count = int(np.prod(shape))
        stacks = {direction(self.X).name: unflattened(np.eye(count), shape)}
        for k, rows in enumerate(self.of.adjoints.linear_parts):
            self.solved(k, [b for _, b in rows], [direction(x) for x in self.of.systems[k].unknowns], stacks, state)
        return stacks

    def solved(
        self, k: int, right: Sequence[Node], targets: Sequence[Symbol], stacks: Stacks, state: State
    ) -> None:  # fmt: skip
        """F_x[target] = right of one system, for all directions at once."""
        moved = self.of.numbers.forward(state.solved, k, self.across(right, stacks, state).T).T
        at = 0
        for t in targets:
            shape = tuple(d.evaluate(state.sizes) for d in t.shape)
            count = t.rows.evaluate(state.sizes) * t.cols.evaluate(state.sizes)
            stacks[t.name] = unflattened(moved[:, at : at + count], shape)
            at += count

    def hessian(self, state: State) -> Any:
        """Of a scalar function, at a solution with its adjoint."""
        import numpy as np

        stacks = self.tangents(state)
        dx = [flattened(stacks[direction(x).name]) for x in self.of.unknowns]
        bent = self.across(self.lagrangian, stacks, state)
        end = sum(v.shape[1] for v in dx)
        return bent[:, end:] + bent[:, :end] @ np.concatenate(dx, axis=1).T

    @cached_property
    def lagrangian(self) -> list[Node]:
        """The second differential of f − Σ⟨v, F⟩ by the unknowns and by X, the v held.

        Paired with the differentials of the unknowns, it is the Hessian without further solves.
        """
        right, products = self.of.adjoints.second
        still = {direction(v): zeros_like(v) for v in self.of.multipliers}
        found = [right[k][x] for k, s in enumerate(self.of.systems) for x in s.unknowns]
        return [substitute(n, still, into_bodies=True) for n in (*found, products[self.X])]

    def hessians(self, state: State) -> Any:
        """Of every entry of the function: the unknowns' second differentials for every pair of units of X."""
        import numpy as np

        second = self.of.adjoints.forward_second
        units = self.tangents(state)
        count = len(next(iter(units.values())))
        i, j = np.triu_indices(count)
        stacks = {name: stack[i] for name, stack in units.items()}
        stacks |= {other.name: units[direction(X).name][j] for X, other in second.others.items()}
        for k, right in enumerate(second.right):
            self.solved(k, right, [second.twice[x] for x in self.of.systems[k].unknowns], stacks, state)
        values = self.across([second.value], stacks, state).T
        found = np.empty((len(values), count, count))
        found[:, i, j] = values
        found[:, j, i] = values
        return found

    def across(self, nodes: Sequence[Node], stacks: Mapping[str, Any], state: State) -> Any:
        """vec of the nodes in a row for each of the directions in the stacks.

        Raises DomainError where a value is not finite.
        """
        import numpy as np

        from matdiff.errors import DomainError

        made, near = self.made(tuple(nodes), tuple(stacks))
        given = {name: state.solved.values[name] for name in near if name in state.solved.values}
        moving = {name: stacks[name] for name in near if name in stacks}
        with np.errstate(all="ignore"):
            rows = made(**{**given, **moving})
        if not moving:
            rows = [np.repeat(np.asarray(v)[None], len(next(iter(stacks.values()))), axis=0) for v in rows]
        found = np.concatenate([flattened(v) for v in rows], axis=1)
        if not np.isfinite(found).all():
            raise DomainError("the second derivative is not finite at these arrays")
        return found

    def made(self, nodes: tuple[Node, ...], stacks: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
        """The nodes compiled for many directions at once, and the names of the arrays that this takes."""
        from matdiff.codegen import compile_

        if nodes not in self.programs:
            more: tuple[Symbol, ...] = ()
            if self.of.kind != "gradient":
                second = self.of.adjoints.forward_second
                more = (*second.others.values(), *second.twice.values())
            wanted, near = self.of.readable(nodes, more)
            batch = [s.name for s in near if s.name in stacks]
            self.programs[nodes] = compile_(wanted, near, unchecked=True, batch=batch), tuple(s.name for s in near)
        return self.programs[nodes]


def flattened(stack: Any) -> Any:
    """vec of each array of a stack, columns stacked, as a row."""
    return stack.transpose(0, *range(stack.ndim - 1, 0, -1)).reshape(len(stack), -1)


def unflattened(rows: Any, shape: tuple[int, ...]) -> Any:
    """The stack of arrays of which that is the vec."""
    return rows.reshape((len(rows), *shape[::-1])).transpose(0, *range(len(shape), 0, -1))
