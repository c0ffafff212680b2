"""`matdiff random`: functions of random variables, their means and the derivatives of these."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from matdiff.cli.options import SETTINGS, expression
from matdiff.cli.sections import FORMATS, finish


@click.command("random", context_settings=SETTINGS)
@click.argument("words", metavar="EXPR", nargs=-1)
@click.option("--wrt", multiple=True, metavar="P", help="The variable (several: P,Q); without it the mean alone.")
@click.option(
    "--let", multiple=True, metavar="DECLARATION", help='Laws and declarations: --let "z ~ normal(0, I); A: m×n".'
)
@click.option("--input", "dialect", type=click.Choice(["plain", "latex"]), help="Read EXPR as plain text or as LaTeX.")
@click.option("--order", type=click.IntRange(1, 2), default=1, help="2: the Hessian of the mean as well.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--plot", metavar="FILE", help="Draw how the estimators spread, as PNG, SVG or PDF (extra plot).")
@click.option("--at", metavar="VALUES", help='Where to draw: --at "p=0.3, t=2".  Default: a random place.')
@click.option(
    "--samples", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True, help="How many to draw."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the samples that are drawn.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
def command(
    words: tuple[str, ...],
    wrt: tuple[str, ...],
    let: tuple[str, ...],
    dialect: str | None,
    order: int,
    form: str,
    plot: str | None,
    at: str | None,
    samples: int,
    seed: int,
    ascii: bool,
    no_verify: bool,
) -> int:
    """The mean of EXPR, of which some variables are random, and its derivative by P.

    Laws are declared by ~: z ~ normal(0, I), w ~ uniform(0,1), X ~ bernoulli(p), poisson, geometric, exponential,
    gamma, wishart and more.  Printed are the mean in closed form, three unbiased estimators of its derivative where
    they exist (pathwise, score function, flips of what jumps) with their variances, and the derivative; all are
    checked by quadrature over the laws, or by 100,000 samples, before.
    """
    from matdiff.api.random import random

    f = replace(random(expression(words), ",".join(wrt) or None, list(let), dialect or "auto"), order=order)
    status = finish(f, form, ascii, not no_verify)
    if plot is not None and status == 0:
        from matdiff.api.randomplot import plotted

        plotted(f, plot, given(at), samples, seed)
        click.echo(f"drawn: {plot}", err=True)
    return status


def given(at: str | None) -> dict[str, Any]:
    """Numbers by name: p=0.3, t=2."""
    found: dict[str, Any] = {}
    for part in (at or "").split(","):
        if not part.strip():
            continue
        name, sign, value = part.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            sign = ""
        if not sign:
            raise click.UsageError(f'--at takes numbers by name, "p=0.3, t=2", not {part.strip()!r}')
    return found
