"""A variable with its law, and the cumulants of its entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb

from matdiff.core.node import Node, Symbol, number
from matdiff.ops.algebra import add, hadamard, scale
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.ops.random.arrays import SPHERE, sphere_cumulant
from matdiff.ops.random.law import Law, Legs, Part


@dataclass(frozen=True, slots=True, eq=False)
class Random:
    """A variable with its law."""

    symbol: Symbol
    law: Law
    parameters: tuple[Node, ...]

    @property
    def name(self) -> str:
        return self.symbol.name

    @property
    def mean(self) -> Node | None:
        return None if self.law.mean is None else self.law.mean(self.symbol, *self.parameters)

    def with_parameters(self, parameters: tuple[Node, ...]) -> Random:
        return Random(self.symbol, self.law, parameters)

    def cumulant(self, legs: Sequence[Legs]) -> Iterator[Part]:
        """The joint cumulant, of order 2 and more, of entries at these axes."""
        if self.law is SPHERE:
            yield from sphere_cumulant(legs, self.symbol.rows)
            return
        if self.law.cumulant is not None:
            yield from self.law.cumulant(legs, *self.parameters)
            return
        k = cumulants(self.law, self.parameters, len(legs))[len(legs)]
        if is_zero(k):
            return
        same = tuple(tuple(axis) for axis in zip(*legs, strict=True))
        if k.kind == "scalar":
            yield k, (), same
        else:
            yield number(1), ((k, legs[0]),), same


def cumulants(of: Law, parameters: tuple[Node, ...], most: int) -> list[Node]:
    """κ₁ … κ_most of an entry, from its moments: μₙ = Σ C(n−1, k−1) κₖ μₙ₋ₖ."""
    assert of.moment is not None
    moments = [of.moment(k, *parameters) for k in range(most + 1)]
    found: list[Node] = [zeros_like(moments[1])] if most else [number(0)]
    for n in range(1, most + 1):
        rest = [scale(number(-comb(n - 1, k - 1)), hadamard(found[k], moments[n - k])) for k in range(1, n)]
        found.append(add(moments[n], *rest))
    return found
