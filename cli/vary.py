"""`matdiff vary`: the calculus of variations."""

from __future__ import annotations

import click

from matdiff.cli.options import SETTINGS, expression, program
from matdiff.cli.sections import FORMATS, finish


@click.command("vary", context_settings=SETTINGS)
@program(inner=False)
@click.option("--ends", metavar="fixed|free", help="Whether u is given at the ends.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: D(u) for u'.")
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    ends: str | None,
    form: str,
    ascii: bool,
    no_verify: bool,
) -> int:
    r"""The variation of the integral EXPR by a function U of x.

    EXPR is int(L, x, a, b) or in LaTeX \int_a^b L \,dx, with D(u), D(u,2) or u', u'' for the derivatives of a u
    that is a scalar, or declared: --let "u: n function of x" has values in n dimensions.
    Printed are the differential, the integration by parts with its boundary term, the gradient, the Euler–Lagrange
    equation and the second variation; the gradient is checked against differences at random functions before.
    """
    from matdiff.api.vary import vary

    return finish(vary(expression(words), wrt, list(let), ends, dialect or "auto"), form, ascii, not no_verify)
