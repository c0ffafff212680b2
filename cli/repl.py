"""`matdiff repl`: a conversation that remembers declarations and definitions."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from matdiff.errors import MatdiffError

WELCOME = "matdiff {version}: an expression is differentiated, :help says what else there is, :quit leaves"


@click.command("repl")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
def command(ascii: bool) -> int:
    """Differentiate what is typed, line by line; declarations and definitions are kept.

    On a terminal lines can be edited, completed with the Tab key and found again; from a pipe they are read as they
    come.  A wrong line is answered with an error and changes nothing.
    """
    from matdiff.cli.lines import lines
    from matdiff.cli.screen import show
    from matdiff.cli.session import Session
    from matdiff.report.notation import unicode_output

    session = Session(ascii or not unicode_output())
    if sys.stdin.isatty():
        from matdiff import __version__

        click.echo(WELCOME.format(version=__version__))
    for line in lines(session.candidates):
        said = answered(session.run, line)
        if said:
            show(said)
        if session.over:
            break
    return 0


def answered(run: Callable[[str], str], line: str) -> str:
    """What is said to a line; of what goes wrong one message on standard error."""
    from matdiff.cli.app import fault

    try:
        return run(line)
    except MatdiffError as error:
        message = str(error)
    except KeyboardInterrupt:
        message = "interrupted"
    except Exception as error:
        message = fault(error)
    sys.stdout.flush()
    click.echo(f"error: {message}", err=True)
    return ""
