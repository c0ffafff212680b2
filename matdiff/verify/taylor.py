"""The Taylor test: how fast the remainders of order 0, 1 and 2 fall with the step (Farrell et al. 2013, §5).

|f(X+hV) − f(X)| falls like h, |… − h⟨G,V⟩| like h² if and only if G is the gradient (along V), and
|… − h⟨G,V⟩ − h²/2 ⟨H[V],V⟩| like h³ if H is the Hessian as well.  The steps show the exponents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from matdiff.verify.differences import EPS
from matdiff.verify.place import Place, place

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

FIRST = (2.0**-5, 2.0**-13)
"""First steps; the second where the function bends sharply."""
LEVELS = 6
RATIO = 0.25
HEADS = ("|f(X+hV) − f(X)|", "… − h⟨G,V⟩|", "… − h²/2 ⟨H[V],V⟩|")
SLACK = 0.2
"""How far below its order a remainder may seem to fall."""


@dataclass(frozen=True)
class Taylor:
    """The table: a row for each step; a remainder of rounding alone has no order."""

    steps: tuple[float, ...]
    remainders: tuple[tuple[float, ...], ...]
    floor: float

    def orders(self, k: int) -> tuple[float | None, ...]:
        """The observed order of remainder k from each step to the next."""
        r = self.remainders[k]
        return tuple(
            float(np.log(a / b) / np.log(self.steps[i] / self.steps[i + 1])) if min(a, b) > self.floor else None
            for i, (a, b) in enumerate(pairwise(r))
        )

    @property
    def passed(self) -> bool:
        """Does each remainder fall at least as fast as it should?"""
        seen = ((k, self.settled(k)) for k in range(len(self.remainders)))
        return all(order is None or order >= k + 1 - SLACK for k, order in seen)

    def settled(self, k: int) -> float | None:
        """The order seen at the smallest steps that rounding leaves."""
        return next((o for o in reversed(self.orders(k)) if o is not None), None)

    def __str__(self) -> str:
        count = len(self.remainders)
        rows = [f"{'h':>10}" + "".join(f"{h:>22} {'order':>6}" for h in HEADS[:count])]
        for i, h in enumerate(self.steps):
            row = f"{h:>10.2e}"
            for k in range(count):
                seen = self.orders(k)[i - 1] if i else None
                row += f"{self.remainders[k][i]:>22.2e} {'' if seen is None else f'{seen:.2f}':>6}"
            rows.append(row.rstrip())
        return "\n".join([*rows, self.judgement])

    @property
    def judgement(self) -> str:
        told = ", ".join(
            "rounding" if (o := self.settled(k)) is None else f"{o:.1f}" for k in range(len(self.remainders))
        )
        wanted = ", ".join(str(k + 1) for k in range(len(self.remainders)))
        verdict = "as they should" if self.passed else "too slowly: the derivative is wrong"
        return f"Taylor test: the remainders fall {verdict}, with orders {told} (expected at least {wanted})"


def taylor(d: Derivation, seed: int = 0, sizes: Mapping[str, int] | None = None) -> Taylor:
    """The Taylor test at one random point.  Raises MatdiffError where none is found."""
    return tested(place(d, seed, sizes))


def tested(at: Place) -> Taylor:
    tables = [table(at, first) for first in FIRST]
    return next((t for t in tables if t.passed), tables[0])


def table(at: Place, first: float) -> Taylor:
    steps = tuple(first * RATIO**k for k in range(LEVELS))
    moved = [at.F(h) - at.center for h in steps]
    linear = [m - h * at.linear for m, h in zip(moved, steps, strict=True)]
    parts = [moved, linear]
    if at.second is not None:
        parts.append([r - h * h / 2 * at.second for r, h in zip(linear, steps, strict=True)])
    remainders = tuple(tuple(float(np.linalg.norm(r)) for r in part) for part in parts)
    floor = 50 * EPS * max(float(np.linalg.norm(at.center)), 1.0, *(float(np.linalg.norm(m)) for m in moved))
    return Taylor(steps, remainders, floor)
