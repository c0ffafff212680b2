"""`matdiff recurrence`: sensitivity and adjoint of a recurrence."""

from __future__ import annotations

import click

from matdiff.cli.options import SETTINGS, expression, program
from matdiff.cli.sections import FORMATS, finish


@click.command("recurrence", context_settings=SETTINGS)
@program(inner=False)
@click.option(
    "--state",
    metavar="U",
    help="The state: EXPR is that of U[k+1] = EXPR.  Need not be said where EXPR is this equation.",
)
@click.option("--initial", metavar="G", help="U[0]; 0 and I take its shape.  Default: a symbol.")
@click.option("--objective", metavar="J", help="The scalar that is added up over the steps k.")
@click.option("--final", metavar="F", help="The scalar that is taken after the last step.")
@click.option("--steps", metavar="N", help="The number of steps.  Default: the symbol N.")
@click.option(
    "--mode",
    type=click.Choice(["forward", "adjoint", "both"]),
    default="both",
    show_default=True,
    help="The sensitivities, the adjoint method, or both.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    state: str | None,
    initial: str | None,
    objective: str | None,
    final: str | None,
    steps: str | None,
    mode: str,
    form: str,
    ascii: bool,
    no_verify: bool,
) -> int:
    """The derivative, by parameters, of a function of what U[k+1] = EXPR runs through.

    EXPR may be the whole of u[k+1] = u[k] + h*f(u[k], p); other names with the index, y[k], are sequences.  Printed
    are the sensitivities, the adjoint recurrence in four steps, and the gradient as a sum; all are checked against
    differences at random parameters before.
    """
    from matdiff.api.recurrence import recurrence

    found = recurrence(expression(words), state, wrt, list(let), initial, objective, final, steps, dialect or "auto")
    return finish(found, form, ascii, not no_verify, mode=mode)
