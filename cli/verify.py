"""`matdiff verify`: is the derivative right, or a claim about it?"""

from __future__ import annotations

from typing import Any

import click

from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.errors import MatdiffError
from matdiff.report.answer import verdict
from matdiff.report.notation import prose, unicode_output


@click.command("verify", context_settings=SETTINGS)
@program
@click.option("--claim", metavar="EXPR", help="A gradient (or Jacobian) to check; with dX in it, a differential.")
@click.option("--order", type=click.IntRange(1, 2), default=1, help="2: the Hessian.")
@click.option("--method", metavar="NAME", help="How to differentiate numerically.  [default: central]")
@click.option(
    "--plot", metavar="FILE", help="Draw the error against the step; also into FILE (.png, .svg) unless it is -."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Other random points.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    inner: str | None,
    metric: str,
    claim: str | None,
    order: int,
    method: str | None,
    plot: str | None,
    seed: int,
) -> int:
    """Check the derivative of EXPR by X, or a claim about it, numerically.

    Exit status 0 if it is right, 1 if it is wrong.
    """
    d = derivation(expression(words), wrt, let, dialect, inner, metric)
    asked: dict[str, Any] = {"claim": claim, "order": order, "method": method, "seed": seed}
    verification = d.verify(**{option: value for option, value in asked.items() if value is not None})
    for remark in d.remarks:
        click.echo(prose(remark, "unicode" if unicode_output() else "ascii"))
    click.echo(verdict(verification))
    for remark in d.remarks:
        click.echo(prose(remark, "unicode" if unicode_output() else "ascii"))
    if verification.certificate:
        click.echo(verification.certificate)
    if hasattr(d, "systems") and plot is not None:
        raise click.UsageError("--plot goes with functions without equations")
    if hasattr(d, "convention_of") and (plot is not None or method is not None):
        raise click.UsageError("--plot and --method go with real variables")
    if claim is None and order == 1 and not (hasattr(d, "systems") or hasattr(d, "convention_of")):
        study(d, seed, plot)
    return 1 if verification.passed is False else 0


def study(d: Any, seed: int, plot: str | None) -> None:
    """The Taylor test as a table, and with `plot` the error against the step; nothing where there is no point."""
    from matdiff.verify.convergence import measured, tested
    from matdiff.verify.place import place

    try:
        there = place(d, seed)
    except MatdiffError:
        if plot is None:
            return
        raise
    plain = not unicode_output()
    click.echo(f"\n{prose(str(tested(there)), 'ascii' if plain else 'unicode')}")
    if plot is not None:
        found = measured(there)
        click.echo(f"\n{found.text(plain)}")
        if plot != "-":
            found.save(plot)
