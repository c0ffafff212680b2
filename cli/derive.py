"""`matdiff derive`: derive, verify, print."""

from __future__ import annotations

import click

from matdiff.cli.answer import FAULT, Answer
from matdiff.cli.options import SETTINGS, derivation, expression, program

FORMATS = ("text", "latex", "markdown", "json")


@click.command("derive", context_settings=SETTINGS)
@program
@click.option(
    "--order",
    type=click.IntRange(1, 2),
    default=1,
    help="2: the Hessian as well; of a function that is not scalar the bilinear form.",
)
@click.option("--steps", is_flag=True, help="Show the derivation, each step with its rule.")
@click.option("--check", is_flag=True, help="Show the steps, each checked against the one before.")
@click.option("--verbose", is_flag=True, help="The steps of the algebra too.")
@click.option(
    "--convention",
    type=click.Choice(["tangent", "independent"]),
    default="tangent",
    help="For a symmetric X: independent entries of the upper triangle, 2G − G∘I, as well.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
@click.option(
    "--explicit",
    is_flag=True,
    help="Value and derivatives entry by entry as well, for small dimensions that are numbers.",
)
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    inner: str | None,
    order: int,
    steps: bool,
    check: bool,
    verbose: bool,
    convention: str,
    form: str,
    ascii: bool,
    explicit: bool,
    no_verify: bool,
) -> int:
    """The derivative of EXPR by X, as a formula.

    EXPR may declare and define: "A: m×n; r = A*x - b; r'*r".  A single - reads it from standard input.
    The answer is checked numerically before it is printed; where that check fails, nothing is printed
    and the exit status is 1.
    """
    if explicit and form != "text":
        raise click.UsageError("--explicit goes with --format text")
    d = derivation(expression(words), wrt, let, dialect, inner)
    answer = Answer(d, order, steps or check or verbose, inner, convention == "independent", verbose)
    if not no_verify:
        answer.verify()
        if answer.fault:
            return withheld(answer.fault)
    from matdiff.cli.formats import render
    from matdiff.cli.notation import unicode_output
    from matdiff.cli.screen import show

    if check:
        from matdiff.cli import checked

        plain = ascii or not unicode_output() or form == "latex"
        answer = checked.checked(
            answer, checked.NONE if form == "json" else checked.ASCII if plain else checked.UNICODE
        )
        if answer.wrong:
            return withheld(answer.wrong)
    entries = f"\n\n{components(answer)}" if explicit else ""
    show(render(answer, form, ascii or not unicode_output()) + entries)
    return 0


def components(answer: Answer) -> str:
    """The derivative entry by entry; SymPy is imported for it."""
    from matdiff.interop.explicit import render

    return render(answer.d, answer.order)


def withheld(why: str) -> int:
    """A wrong derivative is never shown."""
    click.echo(f"error: {FAULT.format(why=why)}", err=True)
    return 1
