"""`matdiff equal`: are two expressions equal, and if not, where do they differ?"""

from __future__ import annotations

from typing import Any

import click

from matdiff.cli.options import SETTINGS, surplus
from matdiff.errors import ParseError
from matdiff.report.notation import Style, prose, spelled, unicode_output

FORMATS = ("text", "latex", "markdown", "typst", "json")


@click.command("equal", context_settings=SETTINGS)
@click.argument("words", metavar="EXPR EXPR", nargs=-1)
@click.option(
    "--let", multiple=True, metavar="DECLARATION", help='Declare names: --let "A: m×n symmetric".  May be repeated.'
)
@click.option("--input", "dialect", type=click.Choice(["plain", "latex"]), help="Read both as plain text or as LaTeX.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII: A' for Aᵀ.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other random points.")
def command(
    words: tuple[str, ...], let: tuple[str, ...], dialect: str | None, form: str, ascii: bool, seed: int
) -> int:
    """Are two expressions equal?  If not, small whole numbers show where they differ.

    Exit status 0 if they are equal, 1 if they differ.
    """
    import matdiff as md

    if any(w.startswith("--") and w[2:].isalpha() for w in words):
        raise click.UsageError(surplus(words))
    if len(words) != 2:
        said = f"two expressions are wanted, and there {'is' if len(words) == 1 else 'are'} {len(words)}"
        raise ParseError(said, hint="""put each in quotation marks: matdiff equal "tr(A*B)" "tr(B*A)" """.strip())
    found = md.equal(words[0], words[1], declare=list(let), dialect=dialect or "auto", seed=seed)
    click.echo(RENDER[form](found, ascii or not unicode_output()))
    return 0 if found.equal else 1


def text(found: Any, ascii: bool) -> str:
    """Both sides, and what is known of them; below it the counter-example."""
    style = "ascii" if ascii else "text"
    sign = "=" if found.equal else "!=" if ascii else "≠"
    left, right = (e.text(ascii=ascii) for e in (found.left, found.right))
    types = f"        with {found.types}" if found.types else ""
    spell: Style = "ascii" if ascii else "unicode"
    lines = [f"{left}  {sign}  {right}{prose(types, spell)}", *prose(found.reason, spell).splitlines()]
    lines += [f"    {name} = {value}" for name, value in found.rows(style)]
    return "\n".join([*lines, *(prose(r, spell) for r in found.remarks)])


def latex(found: Any, ascii: bool) -> str:
    """An `align*`, what is no formula in comments below it."""
    rows = [formula(found, " &"), *(f"{name} &= {value}" for name, value in found.rows("latex"))]
    comments = [f"% with {found.types}"] if found.types else []
    comments += [f"% {line}" for line in (*found.reason.splitlines(), *found.remarks)]
    return "\n".join([r"\begin{align*}", " \\\\\n".join(f"  {row}" for row in rows), r"\end{align*}", *comments])


def typst(found: Any, ascii: bool) -> str:
    return spelled(latex(found, ascii), "typst")


def markdown(found: Any, ascii: bool) -> str:
    """Display mathematics between `$$`."""
    parts = [f"$$\n{formula(found)}\n$$"] + ([f"with {found.types}"] if found.types else [])
    shown = [f"- ${name} = {value}$" for name, value in found.rows("latex")]
    return "\n\n".join([*parts, found.reason, *(["\n".join(shown)] if shown else []), *found.remarks])


def formula(found: Any, align: str = " ") -> str:
    return f"{found.left.latex()}{align}{'=' if found.equal else chr(92) + 'neq'} {found.right.latex()}"


def json_text(found: Any, ascii: bool) -> str:
    import json

    def plain(value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else value

    record: dict[str, Any] = {
        "equal": found.equal,
        "left": found.left.text(ascii=ascii),
        "right": found.right.text(ascii=ascii),
        "types": found.types,
        "reason": found.reason,
        "counterexample": None,
    }
    if found.arrays is not None:
        left, right = map(plain, found.values)
        arrays = {name: plain(A) for name, A in found.arrays.items()}
        record["counterexample"] = {"arrays": arrays, "left": left, "right": right, "whole": found.whole}
    if found.remarks:
        record["remarks"] = list(found.remarks)
    return json.dumps(record, ensure_ascii=ascii, indent=2)


RENDER = {"text": text, "latex": latex, "markdown": markdown, "typst": typst, "json": json_text}
