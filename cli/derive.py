"""`matdiff derive`: derive, verify, print."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.errors import ShapeError
from matdiff.report.answer import FAULT, Answer

FORMATS = ("text", "latex", "markdown", "typst", "json")


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
@click.option("--why", is_flag=True, help="With the steps, the proofs of the rules that they use.")
@click.option("--verbose", is_flag=True, help="The steps of the algebra too.")
@click.option(
    "--convention",
    type=click.Choice(["tangent", "independent", "torch", "jax", "wirtinger"]),
    default="tangent",
    help="For a symmetric X: independent entries of the upper triangle, 2G − G∘I, as well.  For a complex X: the "
    "gradient as PyTorch or JAX returns it, or ∂f/∂conj(X).",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
@click.option(
    "--explicit",
    is_flag=True,
    help="Value and derivatives entry by entry as well, for small dimensions that are numbers.",
)
@click.option(
    "--multiplicity",
    metavar="K",
    help="Of lambda_max(S) where K eigenvalues meet: one-sided derivative and generalised gradient.",
)
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
@click.option(
    "--mode",
    type=click.Choice(["adjoint", "forward", "both"]),
    help="Of unknowns that equations determine: by which method.  [default: adjoint]",
)
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    inner: str | None,
    metric: str,
    order: int,
    steps: bool,
    check: bool,
    why: bool,
    verbose: bool,
    convention: str,
    form: str,
    ascii: bool,
    explicit: bool,
    multiplicity: str | None,
    no_verify: bool,
    mode: str | None,
) -> int:
    """The derivative of EXPR by X, as a formula.

    EXPR may declare and define: "A: m×n; r = A*x - b; r'*r".  A single - reads it from standard input.
    The answer is checked numerically before it is printed; where that check fails, nothing is printed
    and the exit status is 1.
    """
    if explicit and form != "text":
        raise click.UsageError("--explicit goes with --format text")
    named = convention if convention in ("jax", "wirtinger") else "torch"
    d = derivation(expression(words), wrt, let, dialect, inner, metric, kept=True, convention=named)
    if multiplicity is not None:
        from matdiff.cli.sections import finish

        if order > 1 or steps or check or why or explicit or convention != "tangent" or mode is not None:
            raise click.UsageError("--multiplicity goes without --order, --steps, --explicit, --convention and --mode")
        if not hasattr(d, "generalised_gradient"):
            raise click.UsageError("--multiplicity goes with real variables, without equations and expectations")
        return finish(d.generalised_gradient(multiplicity), form, ascii, not no_verify)
    if hasattr(d, "laws"):
        from matdiff.cli.sections import finish

        if steps or check or why or explicit or convention != "tangent" or mode is not None:
            given = "--steps, --check, --why, --explicit, --convention and --mode"
            raise click.UsageError(f"{given} go with means in closed form, and this one stays E[…]")
        mean: Any = d
        return finish(replace(mean, order=order), form, ascii, not no_verify)
    if hasattr(d, "member"):
        member: Any = d
        from matdiff.cli.sections import finish

        if steps or check or why or explicit or convention != "tangent" or mode is not None:
            given = "--steps, --check, --why, --explicit, --convention and --mode"
            raise click.UsageError(f"{given} go with all members, and {wrt} is one of them")
        return finish(replace(member, order=order), form, ascii, not no_verify)
    if hasattr(d, "convention_of"):
        if explicit or why or convention == "independent" or mode is not None:
            raise click.UsageError("--explicit, --why, --mode and --convention independent go with real variables")
        return answered(d, order, steps or check or verbose, form, ascii, not no_verify, check)
    if convention == "torch":
        raise click.UsageError("--convention torch, jax and wirtinger go with complex variables")
    if hasattr(d, "systems"):
        if check or explicit or why or convention == "independent":
            raise click.UsageError("--check, --why, --explicit and --convention go with functions without equations")
        return solved(d, mode or "adjoint", order, form, ascii, no_verify)
    if mode is not None:
        raise click.UsageError("--mode goes with equations: A*x = b for x; c'*x")
    answer = Answer(d, order, steps or check or verbose or why, inner, convention == "independent", verbose)
    if not no_verify:
        answer.verify()
        if answer.fault:
            return withheld(answer.fault)
    from matdiff.cli.screen import show
    from matdiff.report.formats import render
    from matdiff.report.notation import unicode_output

    if check:
        from matdiff.cli import checked

        marks = checked.ASCII if ascii or not unicode_output() or form in ("latex", "typst") else checked.UNICODE
        answer = checked.checked(answer, checked.NONE if form == "json" else marks)
        if answer.wrong:
            return withheld(answer.wrong)
    entries = f"\n\n{components(answer)}" if explicit else ""
    plain = ascii or not unicode_output()
    said = render(answer, form, plain)
    show((with_reasons(said, answer, form, plain) if why else said) + entries)
    return 0


def solved(d: Any, mode: str, order: int, form: str, ascii: bool, no_verify: bool) -> int:
    """The answer for a function of unknowns."""
    from matdiff.cli.screen import show
    from matdiff.report.answer import verdict
    from matdiff.report.implicit import render
    from matdiff.report.notation import unicode_output

    if order > 1 and d.kind != "gradient":
        raise ShapeError("a Hessian belongs to a scalar function", hint="leave out --order 2")
    verdicts = ["not verified: --no-verify was given"]
    if not no_verify:
        verifications = [d.verify(order=k) for k in range(1, order + 1)]
        first, *second = map(verdict, verifications)
        if (wrong := next((v for v in verifications if v.passed is False), None)) is not None:
            return withheld(verdict(wrong))
        verdicts = [first, *(f"Hessian {said}" for said in second)]
    show(render(d, form, "ascii" if ascii or not unicode_output() else "unicode", mode, order, verdicts))
    return 0


def answered(d: Any, order: int, steps: bool, form: str, ascii: bool, verify: bool, check: bool) -> int:
    """Verify and print; the exit status."""
    from matdiff.cli.complexes import ComplexAnswer
    from matdiff.cli.screen import show
    from matdiff.report.formats import render
    from matdiff.report.notation import unicode_output

    if order > 1 and d.kind != "gradient":
        raise ShapeError("a Hessian belongs to a real function", hint="leave out --order 2")
    answer = ComplexAnswer(d, order, steps, checked=check)
    if verify:
        answer.verify()
        if answer.fault:
            return withheld(answer.fault)
    if check:
        from matdiff.verify.complexes import wrong_step

        wrong = wrong_step(d)
        if wrong is not None:
            return withheld(f"the step `{wrong}` does not hold at a random point")
    sign = {"latex": "% ", "typst": "// "}.get(form, "")
    checked = f"\n{sign}every step holds at random points" if check else ""
    show(render(answer, form, ascii or not unicode_output()) + checked)
    return 0


def with_reasons(said: str, answer: Answer, form: str, ascii: bool) -> str:
    """An answer with the proofs of the rules that were used."""
    from matdiff.cli import why
    from matdiff.report.notation import spelled

    if form == "json":
        import json

        proofs = why.record(answer, "ascii" if ascii else "unicode")
        return json.dumps({**json.loads(said), "why": proofs}, ensure_ascii=ascii, indent=2)
    if form == "text":
        below = why.text(answer, "ascii" if ascii else "unicode")
        return f"{said}\n{below}" if below else said
    if form == "markdown":
        return said + why.markdown(answer)
    return said + spelled(why.latex(answer), form)


def components(answer: Answer) -> str:
    """The derivative entry by entry; SymPy is imported for it."""
    from matdiff.interop.explicit import render

    return render(answer.d, answer.order)


def withheld(why: str) -> int:
    """A wrong derivative is never shown."""
    click.echo(f"error: {FAULT.format(why=why)}", err=True)
    return 1
