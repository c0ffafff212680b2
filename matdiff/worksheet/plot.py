"""The error plot of a solution: differences of the function against the derivative, for falling steps."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from matdiff.errors import MatdiffError
from matdiff.report.blocks import Figure
from matdiff.verify import sampling, sets

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from matdiff.api.derivation import Derivation
    from matdiff.core.node import Symbol
    from matdiff.worksheet.solution import Solution

STEPS = np.logspace(0, -13, 40)
FLOOR = 1e-17
CAPTION = (
    "Relative error of forward and of central differences for falling steps h: the error of the formula falls "
    "like h and like h², that of rounding grows like 1/h."
)


def error_plot(solution: Solution) -> Figure | None:
    """The plot, None where Matplotlib is not installed or there is no point to plot at."""
    try:
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        return None
    found = errors(solution.d)
    if found is None:
        return None
    canvas = Canvas(figsize=(5.2, 3.1), layout="constrained")
    draw(canvas, *found)
    return Figure(saved(canvas, "svg").decode(), saved(canvas, "png"), CAPTION)


def draw(canvas: Canvas, forward: np.ndarray, central: np.ndarray) -> None:
    axes = canvas.add_subplot()
    axes.loglog(STEPS, forward, "o-", markersize=3, linewidth=1, color="#b3541e", label="forward")
    axes.loglog(STEPS, central, "s-", markersize=3, linewidth=1, color="#1f5fa8", label="central")
    axes.set(xlabel="step h", ylabel="relative error")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def saved(canvas: Canvas, form: str) -> bytes:
    """The same bytes each time: no date, no random ids.  An SVG without its XML head, to stand in HTML."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "matdiff", "svg.fonttype": "path"}):
        canvas.savefig(out, format=form, dpi=130, metadata={"Date": None} if form == "svg" else None)
    raw = out.getvalue()
    return re.sub(rb"<!--.*?-->\s*", b"", raw[raw.index(b"<svg") :], flags=re.DOTALL) if form == "svg" else raw


def errors(d: Derivation) -> tuple[np.ndarray, np.ndarray] | None:
    """Relative errors of forward and central differences along a random curve inside the variable's set."""
    rng = np.random.default_rng(1)
    (X,) = d.wrt
    for way in sampling.ways(d.function.node, d.function.variables, {}):
        arrays = sampling.point(d.function.variables, way, rng)
        V = sets.direction(X, arrays[X], rng)
        try:
            truth = np.asarray(d.jvp(V, **{v.name: a for v, a in arrays.items()}))
            size = float(np.linalg.norm(truth))
            if size > 0:
                return sampled(d, arrays, V, truth)
        except MatdiffError:
            continue
    return None


def sampled(
    d: Derivation, arrays: Mapping[Symbol, np.ndarray], V: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    (X,) = d.wrt
    names = {v.name: a for v, a in arrays.items()}

    def F(h: float) -> np.ndarray:
        try:
            return np.asarray(d.evaluate(**{**names, X.name: sets.move(X, arrays[X], V, h, d.affine)}))
        except MatdiffError:
            return np.full(truth.shape, np.nan)

    center = F(0.0)
    size = float(np.linalg.norm(truth))
    forward = [np.linalg.norm((F(h) - center) / h - truth) / size for h in STEPS]
    central = [np.linalg.norm((F(h) - F(-h)) / (2 * h) - truth) / size for h in STEPS]
    return np.maximum(forward, FLOOR), np.maximum(central, FLOOR)
