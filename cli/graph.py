"""`matdiff graph`: the computational graph of a function, with forward and reverse mode."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.report.answer import FAULT, verdict
from matdiff.report.notation import Style, prose, unicode_output

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.api.graph import Graph

TOLERANCE = 1e-8
"""How far paths, adjoints, dual numbers and the printed derivative may be apart, relative to their size."""


@click.command("graph", context_settings=SETTINGS)
@program(inner=False)
@click.option("--mode", type=click.Choice(["forward", "reverse", "both"]), default="both", show_default=True)
@click.option("--at", "at", metavar="VALUES", help='Numbers for the names: --at "x=1, y=2", "A=[1 2; 3 4], b=[1, 0]".')
@click.option(
    "--format", "form", type=click.Choice(["text", "dot", "svg", "json"]), default="text", show_default=True,
    help="How to print.",
)  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write into this file.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    mode: str,
    at: str | None,
    form: str,
    out: Path | None,
    ascii: bool,
) -> int:
    """The computational graph of EXPR: nodes, local derivatives, forward and reverse mode, and what they cost.

    Each definition is a node, and so is every part without a name.  Nothing is printed unless sums over paths, dual
    numbers, adjoints, differences and the derivative agree.
    """
    arrays = values(at) if at is not None else None
    d = sized(expression(words), wrt, let, dialect, arrays)
    if hasattr(d, "systems"):
        raise UnsupportedError(
            "a graph has no node for what an equation determines",
            hint="matdiff derive tells the adjoint method for it",
        )
    g = d.graph()
    arrays = None if arrays is None else fitted(g, arrays)
    said = checked(d, g)
    if said is None:
        return 1
    from matdiff.cli.screen import show

    shown = written(g, mode, form, ascii or not unicode_output(), arrays, said)
    if out is not None:
        out.write_text(shown, encoding="utf-8")
    elif form in ("svg", "dot"):
        click.echo(shown, nl=False)
    else:
        show(shown)
    return 0


def checked(d: Derivation, g: Graph) -> list[str] | None:
    """What the checks say; None, with the fault printed, where one fails."""
    verification = d.verify()
    apart = g.difference()
    wrong = verdict(verification) if verification.passed is False else ""
    if apart is not None and not apart < TOLERANCE:
        wrong = f"paths, dual numbers, adjoints and the derivative differ by {apart:.1g}"
    if wrong:
        click.echo(f"error: {FAULT.format(why=wrong)}", err=True)
        return None
    together = [f"dual numbers, adjoints and the derivative agree to {apart:.0e}"] if apart is not None else []
    return [*d.notes, *together, verdict(verification)]


def written(g: Graph, mode: str, form: str, ascii: bool, arrays: dict[str, Any] | None, notes: list[str]) -> str:
    from matdiff.printing import drawing

    if form in ("svg", "dot"):
        picture = g.picture(g.values(**arrays) if arrays is not None else None)
        return drawing.svg(*picture, title=str(g.derivation.function)[:200]) if form == "svg" else drawing.dot(*picture)
    if form == "json":
        import json

        record = g.record("ascii" if ascii else "unicode", arrays)
        for other in ("forward", "reverse"):
            if mode not in (other, "both"):
                del record[other]
        return json.dumps({**record, "remarks": notes}, ensure_ascii=ascii, indent=2)
    style: Style = "ascii" if ascii else "unicode"
    from matdiff.report.formats import formula, typed
    from matdiff.report.notation import Line

    wrt = tuple(X.name for X in g.derivation.wrt)
    first = formula(Line("function", g.name, wrt, g.derivation.function), style)
    lines = [*typed(first, prose(g.derivation.types, style)), "", g.text(mode, style, arrays), ""]
    return "\n".join([*lines, *(prose(n, style) for n in notes)])


def sized(text: str, wrt: str, let: tuple[str, ...], dialect: str | None, arrays: dict[str, Any] | None) -> Derivation:
    """The derivation; names that are given numbers and not declared otherwise have the shapes of these."""
    if arrays:
        declared = tuple(f"{name}: {shape(a)}" for name, a in arrays.items())
        try:
            return derivation(text, wrt, (*let, *declared), dialect, None)
        except MatdiffError:
            pass
    return derivation(text, wrt, let, dialect, None)


def shape(a: Any) -> str:
    dims = getattr(a, "shape", ())
    return "×".join(map(str, dims)) if dims else "scalar"


def fitted(g: Graph, arrays: dict[str, Any]) -> dict[str, Any]:
    """A single row or column is a matrix where its name is one."""
    kinds = {v.name: v.kind for v in g.derivation.function.variables}
    return {k: a.reshape(-1, 1) if kinds.get(k) == "matrix" and a.ndim == 1 else a for k, a in arrays.items()} if any(
        hasattr(a, "ndim") for a in arrays.values()
    ) else arrays  # fmt: skip


def values(text: str) -> dict[str, Any]:
    """`x=1, A=[1 2; 3 4]` as numbers and arrays by name.  Raises ParseError for what is no number."""
    found: dict[str, Any] = {}
    for part in split(text):
        name, sign, value = (p.strip() for p in part.partition("="))
        if not (name and sign and value) or not re.fullmatch(r"\w+", name):
            raise ParseError(f"--at takes numbers by name, not {part.strip()!r}", hint='for instance --at "x=1, y=2"')
        if name in found:
            raise ParseError(f"--at gives {name} twice")
        found[name] = array(name, value)
    if not found:
        raise ParseError("--at gives no numbers", hint='for instance --at "x=1, y=2"')
    return found


def split(text: str) -> list[str]:
    """The parts between commas and semicolons outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if c in ",;" and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [p for p in (*parts, text[start:]) if p.strip()]


def array(name: str, text: str) -> Any:
    """A number; [1, 2] a vector, [1 2; 3 4] a matrix, rows between semicolons."""
    if not text.startswith("["):
        return scalar(name, text)
    import numpy as np

    inside = text.removeprefix("[").removesuffix("]")
    inside = re.sub(r"\]\s*,\s*\[", ";", inside.strip().removeprefix("[").removesuffix("]"))
    rows = [[scalar(name, e) for e in re.split(r"[,\s]+", row.strip()) if e] for row in inside.split(";")]
    if len({len(row) for row in rows}) != 1 or not rows[0] or not text.endswith("]"):
        raise ParseError(f"the array for {name} has no rows of equal lengths: {text}", hint="for instance [1 2; 3 4]")
    if len(rows) == 1 and "[[" not in text.replace(" ", ""):
        return np.array(rows[0])
    return np.array(rows)[:, 0] if len(rows[0]) == 1 else np.array(rows)


def scalar(name: str, text: str) -> float:
    """A number as it may be typed: 2, 1e-3, 1/3, pi/4, sqrt(2)."""
    import matdiff as md

    try:
        return float(text)
    except ValueError:
        pass
    try:
        e = md.parse(text)
        if not e.variables:
            return float(e.evaluate())
    except MatdiffError:
        pass
    raise ParseError(f"{text.strip()!r} is no number for {name}", hint="for instance 2, 1/3, pi/4, [1, 2], [1 2; 3 4]")
