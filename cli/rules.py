"""`matdiff rules`: the table of functions, printed from their records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from matdiff.errors import ParseError
from matdiff.report.notation import prose, unicode_output

if TYPE_CHECKING:
    from matdiff.core.op import Record

HEADS = ("function", "shapes", "rule", "source", "defined for", "not differentiable")
ROOMY = 140


def complete(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[str]:
    """Names of functions, for the shell."""
    from matdiff.cli.reference import records

    return [name for name in records() if name.startswith(typed)]


@click.command("rules")
@click.argument("name", required=False, shell_complete=complete)
@click.option("--backends", is_flag=True, help="Which functions NumPy, JAX and PyTorch have code for.")
@click.option("--refused", is_flag=True, help="What cannot be differentiated, why, and the nearest thing that works.")
@click.option("--vjp", is_flag=True, help="The adjoint of every function by each of its arguments, at a covector Y.")
@click.option("--format", "form", type=click.Choice(["text", "markdown"]), default="text", help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII.")
def command(name: str | None, backends: bool, refused: bool, vjp: bool, form: str, ascii: bool) -> None:
    """The functions of the language and their rules, or all about the one called NAME.

    Shapes are written as in NumPy: (n,n)->() takes a square matrix and gives a scalar; (...) is any shape.
    """
    said = (
        support(form)
        if backends
        else refusals(form)
        if refused
        else pullbacks(name, form)
        if vjp
        else about(name, form)
    )
    if (
        not (backends or refused or vjp)
        and name is None
        and form == "text"
        and sys.stdout.isatty()
        and find_spec("rich")
    ):
        coloured()
    else:
        click.echo(prose(said, "ascii" if ascii or not unicode_output() else "unicode"))


def about(name: str | None, form: str = "text") -> str:
    """The table of functions, or all about one.  Raises ParseError for a name that is none of them."""
    from matdiff.cli.reference import CONSTANTS, found

    if name is None:
        return markdown(HEADS, rows()) if form == "markdown" else aligned([HEADS, *rows()])
    entries = [entry(n, record, form) for n, records in found(name).items() for record in records]
    if entries:
        return "\n\n".join(entries)
    if name in CONSTANTS:
        return CONSTANTS[name]
    return elsewhere(name)


def elsewhere(name: str) -> str:
    """What a name of other languages is here.  Raises ParseError where it is none of them."""
    from matdiff.cli.reference import CONSTANTS, records
    from matdiff.inference.names import elsewhere as written
    from matdiff.text.advice import REFUSALS

    word = name.lower()
    if word in REFUSALS:
        why, instead = REFUSALS[word]
        return f"{name} is refused: {why}\ninstead: {instead}"
    if there := written(name) or written(word):
        return f"{name} is written {there}"
    raise unknown(name, sorted({*records(), *CONSTANTS}))


def refusals(form: str = "text") -> str:
    """The table of what a reader may look for and the language does not have."""
    from matdiff.text.advice import REFUSALS

    heads = ("refused", "why", "instead")
    cells = [(name, why, instead) for name, (why, instead) in REFUSALS.items()]
    if form == "markdown":
        lines = [heads, ["---"] * 3, *([f"`{name}`", escaped(why), escaped(instead)] for name, why, instead in cells)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return aligned([heads, *cells])


def pullbacks(name: str | None, form: str = "text") -> str:
    """The table of adjoints, or its rows of one function.  Raises ParseError for a name that is none."""
    from matdiff.api.proofs import named
    from matdiff.cli.reference import adjoints

    cells: list[tuple[str, ...]] = [("function", "by", "adjoint at Y"), *adjoints(named(name) if name else None)]
    if form == "markdown":
        return markdown(cells[0], cells[1:])
    return aligned(cells)


def proven(record: Record, form: str) -> list[str]:
    """The lines that prove a function's rule; none where there is no proof."""
    from matdiff.api.proofs import proof
    from matdiff.core.op import Op
    from matdiff.errors import MatdiffError

    if not isinstance(record, Op) or not record.law:
        return []
    try:
        found = proof(record)
    except MatdiffError:
        return []
    if found.holds is False:
        return ["the proof failed its check: please report it"]
    where = [f"where {name} = {e.text(defined=False)}" for name, e in found.where]
    checks = "each line checked at random arrays" if found.holds else "not checked: no arrays were found to do it at"
    if form == "markdown":
        lines = [f"{w}" for w in where] + [f"{line.text()} ({line.reason})" for line in found.lines]
        return [f"- proof, {checks}:", *(f"  {i}. {escaped(line)}" for i, line in enumerate(lines, 1))]
    width = max(len(line.text()) for line in found.lines)
    width = min(width, 60)
    lines = [f"    {line.text():<{width}}   {line.reason}" for line in found.lines]
    return [f"  proof, {checks}:", *(f"    {w}" for w in where), *lines]


def rows() -> list[tuple[str, ...]]:
    from matdiff.cli.reference import domain, law, not_smooth, records

    return [
        (name, r.signature, law(r), getattr(r, "source", ""), domain(r), not_smooth(r))
        for name, found in records().items()
        for r in found
    ]


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Columns with two blanks between them; name, shapes and rule first, so that a narrow window shows them."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def markdown(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A table; names and shapes as code."""
    lines = [heads, ["---"] * len(heads)]
    lines += [[f"`{row[0]}`", f"`{row[1]}`", *(escaped(cell) for cell in row[2:])] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """Text whose signs Markdown takes as they are.

    >>> escaped("d |A_*|")
    'd \\\\|A\\\\_\\\\*\\\\|'
    """
    return "".join(f"\\{c}" if c in "|_*`<" else c for c in text)


def coloured() -> None:
    """The table as wide as the terminal, by Rich; a narrow one has no room for the last columns."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    room = len(HEADS) if console.width >= ROOMY else 4
    table = Table(*HEADS[:room], header_style="bold", show_edge=False)
    table.columns[0].style = "bold cyan"
    for row in rows():
        table.add_row(*(cell.replace("[", r"\[") for cell in row[:room]))
    console.print(table)


def entry(name: str, record: Record, form: str = "text") -> str:
    """Everything that the record of one function says, and its rule run on symbols."""
    from matdiff.cli.reference import domain, formulas, law, not_smooth

    head = name if record.name == name else f"{name} ({record.name})"
    fields = [
        ("", record.summary),
        ("shapes", record.signature),
        ("rule", "" if law(record) == record.summary else law(record)),
        *((key, formula) for key, formula in zip(("in symbols", "", ""), formulas(record), strict=False)),
        ("defined for", domain(record)),
        ("not differentiable", not_smooth(record)),
        ("curvature", getattr(record, "curvature", "")),
        ("source", getattr(record, "source", "")),
    ]
    if form == "markdown":
        items = [f"- {key + ': ' if key else ''}{escaped(value)}" for key, value in fields if value]
        return "\n".join([f"### `{head}`", "", *items, *proven(record, form)])
    width = max(len(key) for key, value in fields if value) + 2
    shown = [f"  {f'{key}:' if key else '':<{width}}{value}".rstrip() for key, value in fields[1:] if value]
    return "\n".join([head, *([f"  {record.summary}"] if record.summary else []), *shown, *proven(record, form)])


def support(form: str) -> str:
    """Which backend has code for which function."""
    from matdiff.codegen import support as backend
    from matdiff.codegen.backends.base import NAMES

    if form == "text":
        return backend.support_table()
    found = backend.support()
    cells = [(name, *("yes" if not why else "no" for why in row.values())) for name, row in found.items()]
    lines = [f"| `{row[0]}` | {' | '.join(row[1:])} |" for row in cells]
    return "\n".join([f"| function | {' | '.join(NAMES)} |", "| --- " * (1 + len(NAMES)) + "|", *lines])


def unknown(name: str, known: list[str]) -> ParseError:
    from difflib import get_close_matches

    near = [k for k in known if k.casefold() == name.casefold()] or get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else "matdiff rules lists all of them"
    return ParseError(f"there is no function {name}", hint=hint)
