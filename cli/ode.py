"""`matdiff ode`: sensitivity and adjoint of a differential equation."""

from __future__ import annotations

import click

from matdiff.cli.options import SETTINGS, expression, program
from matdiff.cli.sections import FORMATS, finish


@click.command("ode", context_settings=SETTINGS)
@program(inner=False)
@click.option(
    "--state",
    metavar="U",
    help="The state: EXPR is the right-hand side of U' = EXPR.  Need not be said where EXPR is this equation.",
)
@click.option("--initial", metavar="G", help="The state at t = 0; 0 and I take its shape.  Default: a symbol.")
@click.option("--objective", metavar="J", help="The scalar that is integrated over the time t.")
@click.option("--final", metavar="F", help="The scalar that is taken at the end of the time.")
@click.option("--until", metavar="T", help="The end of the time, which begins at 0.  Default: the symbol T.")
@click.option(
    "--mode",
    type=click.Choice(["forward", "adjoint", "both"]),
    default="both",
    show_default=True,
    help="The sensitivity equation, the adjoint method, or both.",
)
@click.option(
    "--discretise",
    metavar="METHOD",
    help="The recurrence of euler, midpoint, heun or rk4 in its place, differentiated exactly.",
)
@click.option("--steps", type=int, metavar="N", help="With --discretise: the number of steps.  Default: the symbol N.")
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
    until: str | None,
    mode: str,
    discretise: str | None,
    steps: int | None,
    form: str,
    ascii: bool,
    no_verify: bool,
) -> int:
    """The derivative, by parameters, of a functional of the solution of U' = EXPR.

    The functional is the integral of the objective over the time, and the final objective.  Printed are the
    sensitivity equation, the adjoint equation in four steps, and the gradient as an integral; all are checked
    against differences of solutions at random parameters before.  EXPR may be the whole of u' = A*u.
    """
    from matdiff.api.rates import ode
    from matdiff.api.recurrence import discretised

    found = ode(expression(words), state, wrt, list(let), initial, objective, final, until, dialect or "auto")
    if discretise is not None:
        found = discretised(found, discretise, steps)
    return finish(found, form, ascii, not no_verify, mode=mode)
