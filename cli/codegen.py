"""`matdiff codegen`: the derivative as source text of a function."""

from __future__ import annotations

from collections.abc import Mapping

import click

from matdiff.cli.answer import Answer
from matdiff.cli.options import SETTINGS, derivation, expression, program


@click.command("codegen", context_settings=SETTINGS)
@program
@click.option("--target", type=click.Choice(["numpy", "jax", "torch"]), default="numpy", show_default=True)
def command(
    words: tuple[str, ...], wrt: str, let: tuple[str, ...], dialect: str | None, inner: str | None, target: str
) -> int:
    """The derivative of EXPR by X as Python source, which runs without matdiff.

    The function takes the arrays by the names of EXPR; for several variables it returns a dict.
    """
    from matdiff.codegen import source

    d = derivation(expression(words), wrt, let, dialect, inner)
    answer = Answer(d)
    result = answer.result
    nodes = {x: g.node for x, g in result.items()} if isinstance(result, Mapping) else result.node
    click.echo(source(nodes, d.function.variables, target, name=answer.kind), nl=False)
    return 0
