"""`matdiff codegen`: a function and its derivative as source text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from matdiff.cli.derive import withheld
from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.errors import MatdiffError
from matdiff.report.answer import Answer

if TYPE_CHECKING:
    from matdiff.codegen.emit.module import Nodes


ARRAYS = ("numpy", "jax", "torch")
"""Targets that are libraries of arrays in Python."""


if TYPE_CHECKING:
    Choice = click.Choice[str]
else:
    Choice = click.Choice  # generic from Click 8.2 on


class Target(Choice):
    """A language by its name, or by that of one that takes the same text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert("octave" if value == "matlab" else value, param, ctx)


@click.command("codegen", context_settings=SETTINGS)
@program
@click.option(
    "--target",
    type=Target(["numpy", "jax", "torch", "numba", "c", "julia", "octave"]),
    default="numpy",
    show_default=True,
    help="octave is for MATLAB too, and may be called matlab.",
)
@click.option("--order", type=click.IntRange(1, 2), default=1, help="2: the Hessian as well, by `value_grad_hessian`.")
@click.option(
    "--mode",
    type=click.Choice(["jvp", "vjp", "hvp"]),
    help="One map instead: F'(X)[dX], its adjoint F'(X)*[Y], or the Hessian times dX.",
)
@click.option("--custom", is_flag=True, help="A function that JAX or PyTorch differentiates by the map of --mode.")
@click.option(
    "--explain", is_flag=True, help="Print the plan with operation counts, with --order 2 how Newton's step is solved."
)
@click.option("--newton", "step", is_flag=True, help="Newton's step, solved by the structure of the Hessian (NumPy).")
@click.option(
    "--sizes",
    metavar="SIZES",
    help='What --explain counts for: --sizes "m=1000, n=20".  [default: 100 each]  With --target c: fixed sizes.',
)
@click.option("--blas", is_flag=True, help="With --target c: call BLAS and LAPACK, link with -llapack -lblas.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    metavar="NAME.c",
    help="With --target c: write NAME.c, NAME.h and a program that tests them, NAME_test.c.",
)
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    inner: str | None,
    metric: str,
    target: str,
    order: int,
    mode: str | None,
    custom: bool,
    explain: bool,
    step: bool,
    sizes: str | None,
    blas: bool,
    out: str | None,
) -> int:
    """EXPR and its derivative by X as source, which runs without matdiff: Python, C99, Julia, or Octave and MATLAB.

    The functions take the arrays by the names of EXPR: `value`, `gradient` (or `jacobian`) and `value_and_gradient`.
    For several variables the derivatives are a dict, the Hessians one by pairs of names.  In Julia and Octave the
    arrays stand in the order of their names in EXPR, and what is a dict elsewhere is a named tuple or a structure.
    """
    if sizes is not None and not explain and target != "c":
        raise click.UsageError("--sizes is what --explain counts for; generated code serves every size")
    if (blas or out is not None) and target != "c":
        raise click.UsageError("--blas and --out go with --target c")
    if explain and target not in ARRAYS:
        raise click.UsageError("--explain goes with --target numpy, jax or torch")
    if mode is not None and target not in ARRAYS:
        raise click.UsageError("--mode goes with --target numpy, jax or torch")
    d: Any = derivation(expression(words), wrt, let, dialect, inner, metric)
    if hasattr(d, "convention_of"):
        if explain or step or custom or order > 1 or mode is not None or target not in ARRAYS:
            given = "--explain, --newton, --mode, --custom, --order 2 and --target c, numba, julia, octave"
            raise click.UsageError(f"{given} go with real variables")
        verification = d.verify()
        if verification.passed is False:
            return withheld(str(verification))
        click.echo(d.code(backend=target), nl=False)
        return 0
    if custom and mode is None:
        raise click.UsageError("--custom goes with --mode: which map is JAX or PyTorch to differentiate by?")
    if mode is not None and (explain or order > 1):
        raise click.UsageError("--mode goes without --explain and --order; hvp is of second order")
    if mode is not None and hasattr(d, "systems"):
        raise click.UsageError("--mode goes with functions without equations; theirs is custom_vjp by itself")
    if mode is not None:
        return mapped(d, mode, target, custom)
    if hasattr(d, "systems"):
        if explain or step or order > 1:
            raise click.UsageError("--explain, --newton and --order 2 go with functions without equations")
        if target not in ARRAYS:
            raise click.UsageError(f"--target {target} goes with functions without equations")
        return solved(d, target)
    if step and (explain or target != "numpy"):
        raise click.UsageError("--newton writes NumPy; how it is solved is said by --order 2 --explain")
    if step:
        return stepping(d)
    answer = Answer(d, order)
    if order > 1:
        _ = answer.d.hessian
    if explain:
        click.echo(plan(answer, target, sizes or ""))
        return 0
    answer.verify()
    if answer.fault:
        return withheld(answer.fault)
    if target == "c":
        return c_files(answer, numbers(sizes or ""), blas, out)
    click.echo(source(answer, target), nl=False)
    return 0


def mapped(d: Any, mode: str, target: str, custom: bool) -> int:
    """The source for one map, verified first."""
    answer = Answer(d.of_all if custom else d, 2 if mode == "hvp" else 1)
    made = d.code(mode, target, custom)
    answer.verify()
    if answer.fault:
        return withheld(answer.fault)
    notes = [*d.remarks, *answer.verdicts()]
    click.echo(d.code(mode, target, custom, notes) if notes else made, nl=False)
    return 0


def c_files(answer: Answer, sizes: Mapping[str, Any], blas: bool, out: str | None) -> int:
    """The C source on the screen, or in files with a header and a test."""
    from matdiff.api.ccode import c_code

    name = Path(out).stem if out is not None else "f"
    made = c_code(answer.d, functions(answer), name, sizes, blas)
    if out is None:
        click.echo(made.alone, nl=False)
        return 0
    try:
        paths = made.write(Path(out).parent)
    except OSError as error:
        raise MatdiffError(f"{out} cannot be written: {error.strerror}") from None
    libraries = "-llapack -lblas -lm" if blas else "-lm"
    click.echo(f"wrote {', '.join(map(str, paths))}")
    click.echo(f"cc -std=c99 -O2 {paths[0]} {paths[2]} {libraries} -o {made.name}_test && ./{made.name}_test")
    return 0


def solved(d: Any, target: str) -> int:
    """The source for a function of unknowns, verified first."""
    verification = d.verify()
    if verification.passed is False:
        return withheld(str(verification))
    click.echo(d.source(target, note=str(verification)), nl=False)
    return 0


def stepping(d: Any) -> int:
    """The source of Newton's step, the Hessian verified first.  Raises UnsupportedError where it has no known form."""
    from matdiff.codegen.newton_source import newton_source
    from matdiff.errors import UnsupportedError

    form = d.newton().form
    if form is None:
        raise UnsupportedError(
            "no form of this Hessian was found that is solved by its structure",
            hint="value, gradient and Hessian are written by --order 2",
        )
    verification = d.verify(order=2)
    if verification.passed is False:
        return withheld(str(verification))
    x = d.wrt[0].name
    doc = f"Newton's step by {x} of {d.function}: the s with H s = −∇f.\n    Hessian {verification}"
    click.echo(newton_source(form, d.function.variables, doc), nl=False)
    return 0


def plan(answer: Answer, target: str, sizes: str) -> str:
    """Where value and derivatives are computed together: each step and what it costs."""
    from matdiff.codegen import second_order
    from matdiff.codegen.explain import explain
    from matdiff.verify.sampling import check_given, names

    nodes = second_order(answer.d) if answer.order > 1 else together(answer)
    variables = answer.d.function.variables
    given = check_given(numbers(sizes), names(variables))
    told = explain(nodes, variables, target, given)
    return f"{told}\n{newton(answer.d, given)}" if answer.order > 1 else told


def newton(d: Any, given: Mapping[str, int]) -> str:
    """How Newton's step is solved at these sizes: the form of the Hessian, and the operations."""
    from matdiff.codegen.plan.order import ASSUMED
    from matdiff.verify.sampling import names

    sizes = {name: given.get(name, ASSUMED) for name in names(d.function.variables)}
    try:
        rows = d.newton().words(sizes)
    except MatdiffError as error:
        rows = [str(error).split("\n")[0]]
    return "\n".join(["Newton's step, H s = −∇f", *(f"  {row}" for row in rows)])


def numbers(text: str) -> dict[str, Any]:
    """`m=1000, n=20` as a dict; what is no whole number stays text, for `check_given` to refuse."""
    found: dict[str, Any] = {}
    for part in filter(str.strip, text.split(",")):
        name, sign, value = (p.strip() for p in part.partition("="))
        if not (name and sign and value) or name in found:
            what = f"gives {name} twice" if name in found else f"takes numbers by name, not {part.strip()!r}"
            raise MatdiffError(f"--sizes {what}", hint='for instance --sizes "m=1000, n=20"')
        found[name] = int(value) if value.isdecimal() and len(value) < 100 else value
    return found


def source(answer: Answer, target: str) -> str:
    """A module with value, derivative and both together, and with the Hessian where it is asked for."""
    from matdiff.codegen import sources

    return sources(functions(answer), answer.d.function.variables, target)


def functions(answer: Answer) -> dict[str, tuple[Nodes, str]]:
    """What each function computes, by its name, and what is said of it."""
    from matdiff.codegen import second_order

    kind, result = answer.kind, answer.result
    derivative = {x: g.node for x, g in result.items()} if isinstance(result, Mapping) else result.node
    function = f"{answer.f}({answer.x}) = {answer.d.function}"
    texts = [f"{kind} by {x}: {g}" for x, g in result.items()] if isinstance(result, Mapping) else [f"{kind}: {result}"]
    known = "\n".join([*texts, *answer.d.remarks, *answer.verdicts()])
    found: dict[str, tuple[Nodes, str]] = {
        "value": (answer.d.function.node, f"The value of {function}"),
        kind: (derivative, f"The {kind} by {answer.x} of {function}\n{known}"),
        f"value_and_{kind}": (together(answer), f"Value and {kind} by {answer.x} of {function}\n{known}"),
    }
    if answer.order > 1:
        known = f"Value, gradient and Hessian by {answer.x} of {function}\n{known}"
        found["value_grad_hessian"] = (second_order(answer.d), known)
    return found


def together(answer: Answer) -> Nodes:
    """The outputs of the function that returns the value and the derivative."""
    value, result = answer.d.function.node, answer.result
    if isinstance(result, Mapping):
        return {"": value, **{x: g.node for x, g in result.items()}}
    return [value, result.node]
