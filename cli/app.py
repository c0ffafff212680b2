"""The command `matdiff`: finding the subcommand, and turning every refusal into one message and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from matdiff.errors import MatdiffError

COMMANDS = {
    "derive": "The derivative of EXPR as a formula, with its steps and a numerical check.",
    "verify": "Check a derivative, or a claim about it, numerically.",
    "check": "A derivation of your own, line by line: the first line that does not follow, and why.",
    "convex": "Is EXPR convex?  A proof, or a point and a direction that show that it is not.",
    "model": "The tangent plane or the quadratic model of EXPR.",
    "stationary": "Where the gradient of EXPR is 0: the equations solved, minimum, maximum or saddle.",
    "newton": "Newton's method for EXPR: the step at the cost of the Hessian's structure, and its iterations.",
    "descend": "Go downhill on EXPR: gradient descent, conjugate gradients, BFGS, Newton.",
    "equal": "Whether two expressions are equal, and if not, small whole numbers that show it.",
    "codegen": "A function and its derivative as source: NumPy, JAX, PyTorch, C, Julia, Octave and MATLAB.",
    "graph": "The computational graph of EXPR: nodes, local derivatives, forward and reverse mode.",
    "ode": "Sensitivity and adjoint of a differential equation with parameters.",
    "recurrence": "Sensitivity and adjoint of a recurrence u[k+1] = … with parameters.",
    "random": "Means of random functions in closed form, and the derivatives of these.",
    "vary": "Calculus of variations: gradient, boundary term and Euler–Lagrange equation of an integral.",
    "worksheet": "Sheets and solutions from lessons in Markdown, and marks for answers.",
    "serve": "A page in the browser to type in; with --json a service for programs.",
    "web": "The same page as files, which need no server.",
    "mcp": "A server of the Model Context Protocol: derive, verify, check-derivation and convex as tools.",
    "repl": "A conversation that remembers declarations and definitions.",
    "rules": "The functions of the language: shapes, rules and where they are found in books.",
}

ELSEWHERE = {"serve": "web.serve", "web": "web.build", "mcp": "web.tools"}
"""Commands of the room above this one, by the modules that are imported when one of them is to run."""

COMPLETING = "_MATDIFF_COMPLETE"
"""By this variable a shell asks for completions, or (`bash_source`) for the function that asks."""

FIRST = """\
matdiff finds derivatives of functions of vectors and matrices, as formulas.  Type first:

  matdiff derive "tr(A*X*B)" --wrt X
  matdiff derive "norm(A*x - b)^2/2" --wrt x --steps
  matdiff verify "x'*A*x" --wrt x --claim "2*A*x"
  matdiff rules logdet
  matdiff repl

How to read it: df is the differential, ∇f the gradient, the shape of X; `with A: m×n` is how names were read, and
the last line says how far numbers agree with the formula.
How to copy it: --format latex, typst, markdown or json; matdiff codegen EXPR --wrt X --target numpy for code.

Upper-case names are matrices, lower-case ones vectors, lower-case Greek ones scalars; ' transposes;
--let "A: m×n" declares a shape.  More: matdiff derive --help
"""


class Commands(click.Group):
    """Imports a command's file only when it is the one to run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        found: click.Command = import_module(f"matdiff.{ELSEWHERE.get(name, f'cli.{name}')}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, invoke_without_command=True, options_metavar="[--version | --help]")
@click.option("--version", is_flag=True, help="Show the version and leave.")
@click.pass_context
def app(ctx: click.Context, version: bool) -> None:
    """Derivatives of functions of vectors and matrices, as formulas."""
    if version:
        from importlib.metadata import version as installed

        click.echo(f"matdiff {installed('matdiff')}")
        ctx.exit(0)
    if ctx.invoked_subcommand is None:
        click.echo(FIRST, nl=False)


def run(arguments: Sequence[str]) -> int:
    """The exit status of `matdiff ARGUMENTS`: 0 done, 1 a verification failed, 2 the input was wrong."""
    if COMPLETING in os.environ:
        app.main(list(arguments), "matdiff", complete_var=COMPLETING)
    try:
        with app.make_context("matdiff", list(arguments)) as ctx:
            status = app.invoke(ctx)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except MatdiffError as error:
        return refuse(str(error))
    except click.ClickException as error:
        return refuse(usage(error))
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # The reader has left (`| head`): nothing more is to be said, not even by the flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if "MATDIFF_DEBUG" in os.environ:
            raise
        return refuse(fault(error))


def fault(error: Exception) -> str:
    """What to say of an error that no input should be able to cause."""
    return (
        f"matdiff itself failed ({type(error).__name__}: {error})\n"
        "this is a fault of matdiff: please report it with the command (MATDIFF_DEBUG=1 shows where it happened)"
    )


def refuse(message: str) -> int:
    click.echo(f"error: {message}", err=True)
    return 2


def usage(error: click.ClickException) -> str:
    """What click has to say about the arguments, and where to read more."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    command = ctx.command_path if ctx is not None else "matdiff"
    return f"{error.format_message()}\n(see {command} --help)"
