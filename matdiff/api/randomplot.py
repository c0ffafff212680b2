"""How the estimators of a derivative spread: a histogram each, with the mean that they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.core.node import Symbol
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.verify.random import places

if TYPE_CHECKING:
    from matdiff.api.random import RandomFunction

FORMATS = (".png", ".svg", ".pdf")
BINS = 60
TAIL = 0.5
"""Per cent of the samples left out of the picture at either end: a score has long tails."""


def place(f: RandomFunction, given: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Values of all variables: those given, the others at random.  Raises MatdiffError for one that there is not."""
    known = {v.name: v for v in f.variables}
    for name in given:
        if name not in known or known[name].kind != "scalar":
            raise MatdiffError(f"{name} is no number of this function", hint=f"there are {', '.join(known) or 'none'}")
    for fixed, sizes in places(f.variables, f.laws, np.random.default_rng(seed)):
        values = {v.name: a[0] for v, a in fixed.items()}
        return {**sizes_alone(f, sizes), **values, **given}
    raise MatdiffError("no parameters were found at which the laws are defined", hint='give them: --at "p=0.3"')


def sizes_alone(f: RandomFunction, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes that no variable tells."""
    told = {n for v in f.variables for d in (v.rows, v.cols) for n in d.names}
    return {n: k for n, k in sizes.items() if n not in told}


def plotted(f: RandomFunction, path: str, given: Mapping[str, Any], samples: int = 10_000, seed: int = 0) -> None:
    """Draw the estimators by scalars, or the values where there is no variable, to a file.

    Raises UnsupportedError without Matplotlib (the extra `plot`), or where what is drawn are arrays.
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise MatdiffError(f"{path} is drawn as {', '.join(FORMATS)}", hint="for instance --plot estimators.png")
    try:
        import matplotlib
    except ImportError:
        hint = 'pip install "matdiff[plot]"'
        raise UnsupportedError("plots need Matplotlib, which is not installed", hint=hint) from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    at = place(f, given, seed)
    panels: list[tuple[str, Any]] = []
    scalars: list[Symbol] = [X for X in f.wrt if X.kind == "scalar"]
    for name in f.available if scalars else ():
        found = f.sample(samples, seed, name, **at)
        drawn = found if isinstance(found, dict) else {f.wrt[0].name: found}
        panels += [(f"{name} by {x}", v) for x, v in drawn.items() if v.ndim == 1]
    if not panels:
        values = f.sample(samples, seed, **at)
        if values.ndim > 1:
            raise UnsupportedError("what is drawn are numbers, and this function has arrays for values")
        panels = [("the function", values)]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 3.2), squeeze=False, layout="constrained")
    for axis, (title, values) in zip(axes[0], panels, strict=True):
        low, high = np.percentile(values, [TAIL, 100 - TAIL])
        axis.hist(values, bins=BINS, range=(low, high) if high > low else (low - 1, low + 1), density=True, color="0.7")
        axis.axvline(values.mean(), color="C3", label=f"mean {values.mean():.4g}")
        axis.set_title(f"{title}: variance {values.var():.3g}", fontsize=9)
        axis.legend(fontsize=8)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise MatdiffError(f"cannot write {path}: {error}") from None
    finally:
        plt.close(figure)


__all__ = ["place", "plotted"]
