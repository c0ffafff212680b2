"""`matdiff newton`: roots of F, and of scalar functions of arrays the stationary point downhill, by Newton's method."""

from __future__ import annotations

from typing import Any

import click

from matdiff.cli.descend import common, told
from matdiff.cli.model import plain
from matdiff.cli.options import SETTINGS, derivation, expression, program


@click.command("newton", context_settings=SETTINGS)
@program(inner=False)
@click.option("--minimize", is_flag=True, help="Of a scalar function of one scalar: find a minimum, not a root.")
@common
def command(
    words: tuple[str, ...], wrt: str, let: tuple[str, ...], dialect: str | None, minimize: bool, **rest: Any
) -> int:
    """Newton's method for EXPR: the equation of the step, and from the arrays of X a table of iterations.

    A vector or matrix function, or a scalar function of one scalar, is solved for EXPR = 0; a scalar function of
    arrays is minimised, its Hessian solved at the cost of its structure.  Exit status 1 where it does not converge.
    """
    d = derivation(expression(words), wrt, let, dialect, None)
    plain(d, "newton")
    scalars = all(X.kind == "scalar" for X in d.wrt) and not d.several
    root = d.function.kind != "scalar" or (scalars and not minimize)
    return told(d, "newton", root, **rest)
