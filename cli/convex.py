"""`matdiff convex`: convex, concave, affine, neither or unknown, with the proof or a counter-example."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from matdiff.cli.derive import FORMATS
from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.cli.screen import show
from matdiff.report.notation import Style, prose, spelled, unicode_output

if TYPE_CHECKING:
    from matdiff.verify.convexity import Convexity


@click.command("convex", context_settings=SETTINGS)
@program
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    inner: str | None,
    metric: str,
    form: str,
    ascii: bool,
) -> int:
    """Is EXPR convex in X (in several variables: jointly), for all sizes and all values of the others?

    A certificate is tried at 1,000 random points and directions before it is printed.  Exit status 0 for
    every verdict.
    """
    if inner is not None:
        raise click.UsageError("convexity does not depend on the inner product: leave out --inner")
    if metric != "euclidean":
        raise click.UsageError("convexity does not depend on the metric: leave out --metric")
    d = derivation(expression(words), wrt, let, dialect, None)
    found, plain = d.convexity, ascii or not unicode_output()
    if form == "json":
        show(json.dumps(record(found), ensure_ascii=plain, indent=2))
    elif form in ("latex", "typst"):
        show(spelled(latex(d, found), form))
    elif form == "markdown":
        show(markdown(d, found))
    else:
        show(text(d, found, plain))
    return 0


def text(d: Any, found: Convexity, ascii: bool) -> str:
    """The function, the verdict, and the proof as a tree."""
    style: Style = "ascii" if ascii else "unicode"
    types = f"        with {d.types}" if d.types else ""
    rows = [f"f = {d.function.text(ascii=ascii)}{types}", found.text(ascii)]
    return "\n".join(prose(row, style) for row in [*rows, *d.remarks])


def markdown(d: Any, found: Convexity) -> str:
    """The function as display mathematics, the proof as a nested list."""
    rows = [f"$$\nf = {d.function.latex()}\n$$", f"with {d.types}" if d.types else "", f"**{found.headline}**"]
    tree = [f"{'  ' * line.depth}- {about(line)}{f' ({line.rule})' if line.rule else ''}" for line in found.proof]
    return "\n\n".join(row for row in [*rows, "\n".join(tree), *d.remarks] if row)


def about(line: Any) -> str:
    return f"${line.latex}$: {line.claim}" if line.latex else line.claim


def latex(d: Any, found: Convexity) -> str:
    """An `align*` of the proof's lines, the verdict and what is no formula in comments below it."""
    rows = [f"f &= {d.function.latex()}"]
    for line in found.proof:
        if line.latex:
            rows.append("&" + r"\quad" * (line.depth + 1) + rf" {line.latex} && \text{{{prose(line.claim, 'latex')}}}")
    notes = [f"with {d.types}"] if d.types else []
    notes += [found.headline, *(line.claim for line in found.proof if not line.latex), *d.remarks]
    body = " \\\\\n".join(f"  {row}" for row in rows)
    return "\n".join([r"\begin{align*}", body, r"\end{align*}", *(f"% {note}" for note in notes)])


def record(found: Convexity) -> dict[str, Any]:
    """The JSON object: verdict, proof, condition, point, direction."""
    proof = [{"depth": p.depth, "expression": p.expression, "claim": p.claim, "rule": p.rule} for p in found.proof]
    return {
        "verdict": found.verdict,
        "proof": proof,
        "condition": found.condition or None,
        "point": found.point,
        "direction": found.direction,
        "reason": found.reason or None,
    }
