"""The error of differences against the step, log-log: truncation falls on one side, rounding rises on the other.

The best step is near √ε for forward differences and ∛ε for central ones (Nocedal & Wright 2006, §8.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.verify.differences import EPS
from matdiff.verify.place import Place, place
from matdiff.verify.sets import Array

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

# The Taylor test: how fast the remainders of order 0, 1 and 2 fall with the step (Farrell et al. 2013, §5).
#
# |f(X+hV) − f(X)| falls like h, |… − h⟨G,V⟩| like h² if and only if G is the gradient (along V), and
# |… − h⟨G,V⟩ − h²/2 ⟨H[V],V⟩| like h³ if H is the Hessian as well.  The steps show the exponents.

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


STEPS = tuple(float(h) for h in 10.0 ** np.arange(0, -15.01, -0.25))
LOWEST = 1e-17
"""Where an error of 0 is drawn."""
WIDTH, HEIGHT = 61, 17
FORMATS = (".png", ".svg", ".pdf")
MARKS = {"forward": "·", "central": "●"}
BEST = "◆"
ASCII = str.maketrans("·●◆┤└┬─", ".o*|++-")


@dataclass(frozen=True)
class Curve:
    """Relative errors by step, of one method."""

    method: str
    errors: tuple[float, ...]

    @property
    def best(self) -> int:
        """The place of the smallest error; of equal ones the largest step."""
        return int(np.argmin(self.errors))


@dataclass(frozen=True)
class Errors:
    """The plot: the same steps for every curve."""

    steps: tuple[float, ...]
    curves: tuple[Curve, ...]

    def __str__(self) -> str:
        return self.text()

    def text(self, ascii: bool = False) -> str:
        """The plot in characters."""
        return drawn(self).translate(ASCII) if ascii else drawn(self)

    def save(self, file: str | Path) -> None:
        """As PNG, SVG or PDF, told by the name.  Needs Matplotlib (the extra `plot`)."""
        saved(self, Path(file))


def errors(d: Derivation, seed: int = 0, sizes: Mapping[str, int] | None = None) -> Errors:
    """Errors of forward and central differences at one random point.  Raises MatdiffError where none is found."""
    return measured(place(d, seed, sizes))


def measured(at: Place) -> Errors:
    size = float(np.linalg.norm(at.linear)) or 1.0

    def value(h: float) -> Array:
        try:
            return at.F(h)
        except MatdiffError:
            return np.full_like(at.center, np.nan)

    plus, minus = ([value(s * h) for h in STEPS] for s in (1, -1))
    forward = [(p - at.center) / h for p, h in zip(plus, STEPS, strict=True)]
    central = [(p - m) / (2 * h) for p, m, h in zip(plus, minus, STEPS, strict=True)]
    curves = [
        Curve(name, tuple(relative(s, at.linear, size) for s in slopes))
        for name, slopes in (("forward", forward), ("central", central))
    ]
    return Errors(STEPS, tuple(curves))


def relative(seen: Array, said: Array, size: float) -> float:
    error = float(np.linalg.norm(seen - said)) / size
    return max(error, LOWEST) if np.isfinite(error) else 1e3


def drawn(plot: Errors) -> str:
    """In characters: the error upward, the step to the right, both by decades."""
    lows = [min(c.errors) for c in plot.curves]
    bottom = int(np.floor(np.log10(min(lows))))
    top = max(bottom + 4, 1)
    left, right = np.log10(plot.steps[-1]), np.log10(plot.steps[0])
    grid = [[" "] * WIDTH for _ in range(HEIGHT)]

    def put(h: float, error: float, mark: str) -> None:
        column = round((np.log10(h) - left) / (right - left) * (WIDTH - 1))
        row = round((top - np.log10(error)) / (top - bottom) * (HEIGHT - 1))
        if 0 <= row < HEIGHT:
            grid[row][column] = mark

    for curve in plot.curves:
        for h, error in zip(plot.steps, curve.errors, strict=True):
            put(h, error, MARKS[curve.method])
    for curve in plot.curves:
        put(plot.steps[curve.best], curve.errors[curve.best], BEST)
    lines = []
    for i, row in enumerate(grid):
        decade = top - i * (top - bottom) / (HEIGHT - 1)
        label = f"1e{round(decade):+03d}" if i % 4 == 0 else ""
        lines.append(f"{label:>7} ┤{''.join(row)}".rstrip())
    axis = f"{'':>7} └" + "".join("┬" if i % 12 == 0 else "─" for i in range(WIDTH))
    ticks = f"{'':>9}" + "".join(f"{f'1e{round(left + (right - left) * i / 60):+03d}':<12}" for i in range(0, 61, 12))
    return "\n".join(["relative error of differences by step h", *lines, axis, ticks.rstrip(), legend(plot)])


def legend(plot: Errors) -> str:
    said = [
        f"{MARKS[c.method]} {c.method} (best {c.errors[c.best]:.0e} at h = {plot.steps[c.best]:.0e})"
        for c in plot.curves
    ]
    return f"{'':>9}{'   '.join(said)}   {BEST} best step"


def saved(plot: Errors, file: Path) -> None:
    if file.suffix.lower() not in FORMATS:
        raise UnsupportedError(f"cannot draw {file.name!r}", hint=f"end the name with {', '.join(FORMATS)}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UnsupportedError("a plot in a file needs Matplotlib", hint="pip install 'matdiff[plot]'") from None
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for curve, color in zip(plot.curves, ("tab:orange", "tab:blue"), strict=True):
        best = (plot.steps[curve.best], curve.errors[curve.best])
        axes.loglog(plot.steps, curve.errors, ".-", color=color, label=curve.method)
        axes.plot(*best, "D", color=color, markersize=8, markerfacecolor="none", label=f"best: h = {best[0]:.0e}")
    axes.set_xlabel("step h")
    axes.set_ylabel("relative error")
    axes.set_title("rounding to the left, truncation to the right")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend()
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise MatdiffError(f"cannot write {str(file)!r}: {error.strerror}") from None
