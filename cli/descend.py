"""`matdiff descend` and `matdiff newton`: the formula of a step for this function, then a table of iterations."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from matdiff.cli.arrays import arrays, given, plain
from matdiff.cli.model import plain as without_equations
from matdiff.cli.model import shown
from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.cli.screen import show
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.report.notation import prose, spelled, unicode_output

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.api.descent import Result, Row

METHODS = ("newton", "gauss-newton", "bfgs", "cg", "gradient")
FORMATS = ("text", "latex", "markdown", "typst", "json")
OFTEN = 0.5
"""Seconds between signs of life."""


def common(function: Any) -> Any:
    """What both commands take."""
    for decorate in (
        click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII."),
        click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True),
        click.option("--plot", metavar="FILE", help="Draw how the gradient shrinks: .svg or .png (needs Matplotlib)."),
        click.option("--tolerance", type=float, help="Size of the gradient at which it ends.  [default: 1e-8]"),
        click.option("--steps", "most", type=click.IntRange(0, 10**6), help="Most steps."),
        arrays,
    ):
        function = decorate(function)
    return function


@click.command("descend", context_settings=SETTINGS)
@program(inner=False)
@click.option("--method", type=click.Choice(METHODS), default="bfgs", show_default=True, help="How to go downhill.")
@common
def command(
    words: tuple[str, ...], wrt: str, let: tuple[str, ...], dialect: str | None, method: str, **rest: Any
) -> int:
    """Go downhill on EXPR from the arrays of X: a table of iterations, and where it ended.

    All arrays come from --at and --data, the start by the name of X.  Exit status 1 where it does not converge.
    """
    d = derivation(expression(words), wrt, let, dialect, None)
    without_equations(d, "descend")
    return told(d, method, False, **rest)


def told(
    d: Derivation,
    method: str,
    root: bool,
    at: str | None,
    data: str | None,
    most: int | None,
    tolerance: float | None,
    plot: str | None,
    form: str,
    ascii: bool,
) -> int:
    """The formula, the iteration, and where it ended."""
    ascii = ascii or not unicode_output()
    found = given(at, data, d.function.variables)
    if not found and method not in ("newton", "gauss-newton"):
        raise MatdiffError("no arrays are given to start from", hint='--at "x=[1, 2]; …", or --data FILE.npz')
    if plot is not None:
        drawable(plot)
    rows = formula(d, method, root, ascii, form in ("latex", "markdown", "typst"))
    result = None
    if found:
        progress = Progress(most)
        options: dict[str, Any] = {"tolerance": tolerance, "steps": most, "progress": progress}
        result = d.root(**options, **found) if root else d.minimize(method=method, **options, **found)
        progress.done()
        if method in ("newton", "gauss-newton") and not root:
            rows += structure(d, method == "gauss-newton", found)
    elif plot is not None:
        raise MatdiffError("there is nothing to plot without arrays", hint='--at "x=[1, 2]; …", or --data FILE.npz')
    if result is not None and plot is not None:
        draw(result, plot)
    show(written(d, method, rows, result, form, ascii))
    return 0 if result is None or result.converged else 1


def formula(d: Derivation, method: str, root: bool, ascii: bool, latex: bool) -> list[str]:
    """The equation for the step s, in terms of this function."""

    def text(e: Any) -> str:
        return str(e.latex()) if latex else str(e.text(ascii=ascii))

    if root:
        jacobians = d.jacobian if d.several else {d.wrt[0].name: d.jacobian}
        names = [f"J_{x}" if d.several else "J" for x in jacobians]
        left = " + ".join(f"{n} s_{x}" if d.several else f"{n} s" for n, x in zip(names, jacobians, strict=True))
        rows = [f"F = {text(d.function)}", f"{left} = -F" if ascii or latex else f"{left} = −F"]
        return rows + [f"{n} = {text(J)}" for n, J in zip(names, jacobians.values(), strict=True)]
    grad = r"\nabla f" if latex else "grad f" if ascii else "∇f"
    gradients = d.gradient if d.several else {d.wrt[0].name: d.gradient}
    rows = [f"f = {text(d.function)}"]
    rows += [f"{grad}{f' by {x}' if d.several else ''} = {text(g)}" for x, g in gradients.items()]
    minus = "-" if ascii or latex else "−"
    if method in ("newton", "gauss-newton"):
        from matdiff.api.expr import Expr

        rows.append(f"H s = {minus}{grad}")
        system = d.newton(method == "gauss-newton")
        for X, H in system.products.items():
            head = f"H_{X.name}" if d.several else "H"
            on = ", ".join(text(Expr(dX)) for dX in d.directions.values())
            rows.append(f"{head}[{on}] = {text(Expr(H))}")
    return rows


def structure(d: Derivation, gauss: bool, found: dict[str, Any]) -> list[str]:
    """What form of the Hessian the solver uses at these sizes."""
    system = d.newton(gauss)
    _, sizes = system.prepare(found)
    return system.words(sizes)


def written(d: Derivation, method: str, rows: list[str], result: Result | None, form: str, ascii: bool) -> str:
    """The answer in one of the formats."""
    if form == "json":
        return json.dumps(record(d, method, rows, result), ensure_ascii=ascii, indent=2)
    after: list[str] = []
    if result is not None:
        after = [*result.table(ascii=ascii), result.verdict]
        answers = result.x if d.several else {d.wrt[0].name: result.x}
        after += [f"{name} = {shown(value)}" for name, value in answers.items()]
    style: Any = "ascii" if ascii else "unicode"
    if form == "text":
        types = f"with {prose(d.types, style)}" if d.types else ""
        return "\n".join(prose(row, style) for row in [*filter(None, [*rows, types]), *([""] if after else []), *after])
    formulas = [r for r in rows if "=" in r]
    notes = [r for r in rows if "=" not in r]
    if form in ("latex", "typst"):
        body = " \\\\\n".join(f"  {r.replace(' = ', ' &= ', 1)}" for r in formulas)
        said = [r"\begin{align*}", body, r"\end{align*}", *(f"% {r}" for r in [*notes, *after])]
        return spelled("\n".join(said), form)
    body = " \\\\\n".join(r.replace(" = ", " &= ", 1) for r in formulas)
    table = ["```", *after, "```"] if after else []
    return "\n\n".join(filter(None, [f"$$\\begin{{aligned}}\n{body}\n\\end{{aligned}}$$", *notes, "\n".join(table)]))


def record(d: Derivation, method: str, rows: list[str], result: Result | None) -> dict[str, Any]:
    """The JSON object."""
    found: dict[str, Any] = {
        "method": method,
        "function": d.function.text(),
        "wrt": ",".join(X.name for X in d.wrt),
        "types": d.types,
        "step": rows,
    }
    if result is not None:
        found |= {
            "converged": result.converged,
            "message": result.message,
            "order": result.order,
            "value": result.value,
            "x": plain(result.x),
            "iterations": [{"k": r.k, "value": r.value, "size": r.size, "step": r.t} for r in result.rows],
        }
    return found


class Progress:
    """A line on the terminal that is written over, where it takes long."""

    def __init__(self, most: int | None) -> None:
        from time import monotonic

        self.clock, self.last, self.seen = monotonic, monotonic(), False
        self.most = most

    def __call__(self, row: Row) -> None:
        if not sys.stderr.isatty() or self.clock() - self.last < OFTEN:
            return
        self.last, self.seen = self.clock(), True
        of = f" of at most {self.most}" if self.most else ""
        click.echo(f"\rstep {row.k}{of}: f = {row.value:.6g}, gradient {row.size:.1e}   ", nl=False, err=True)

    def done(self) -> None:
        if self.seen:
            click.echo("\r" + " " * 78 + "\r", nl=False, err=True)


def drawable(path: str) -> None:
    if not path.endswith((".svg", ".png")):
        raise click.UsageError(f"--plot writes .svg or .png, not {path}")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UnsupportedError("a plot needs Matplotlib", hint='pip install "matdiff[plot]"') from None


def draw(result: Result, path: str) -> None:
    """The size of the gradient from step to step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    axes.semilogy([r.k for r in result.rows], [max(r.size, 1e-300) for r in result.rows], marker="o")
    axes.set_xlabel("step")
    axes.set_ylabel("‖F‖" if result.root else "‖∇f‖")
    axes.set_title(result.method)
    try:
        figure.savefig(path)
    except OSError as error:
        raise MatdiffError(f"cannot write {path}: {error.strerror}") from None
