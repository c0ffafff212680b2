"""What differential equations and functionals have to say, in the formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matdiff.cli.screen import show
from matdiff.report.answer import FAULT, verdict
from matdiff.report.formats import outcome
from matdiff.report.notation import prose, spelled, unicode_output

if TYPE_CHECKING:
    from matdiff.printing.integrals import Pen, Style

FORMATS = ("text", "latex", "markdown", "typst", "json")

Sections = Sequence[tuple[str, Sequence[str]]]


def finish(subject: Any, form: str, ascii: bool, verify: bool, **options: Any) -> int:
    """Verify, print, and the exit status; a wrong answer is never shown."""
    import click

    verification = subject.verify() if verify else None
    if verification is not None and verification.passed is False:
        click.echo(f"error: {FAULT.format(why=verdict(verification))}", err=True)
        return 1
    ascii = ascii or not unicode_output()
    style: Style = "latex" if form in ("latex", "markdown", "typst") else "ascii" if ascii else "unicode"
    pen = subject.pen(style)
    said = verdict(verification) if verification is not None else "not verified: --no-verify was given"
    notes = [*subject.notes, said]
    sections = subject.sections(pen, **options)
    if form == "json":
        show(json_text(sections, subject.record(pen), subject, verification, ascii))
    elif form == "text":
        show("\n".join([*text(sections, subject.types, style), *(prose(n, style) for n in notes)]))
    elif form == "markdown":
        show("\n\n".join([*markdown(sections, subject.types), *notes]))
    else:
        comments = [f"% {row}" for note in [f"with {subject.types}", *notes] for row in note.split("\n")]
        show(spelled("\n".join([*latex(sections), *comments]), form))
    return 0


def text(sections: Sections, types: str, style: Style) -> list[str]:
    """The problem with its types, then a sentence and its formulas at a time."""
    (_, first), *rest = sections
    lines = [*first, f"    with {prose(types, style)}"] if types else [*first]
    for sentence, formulas in rest:
        lines += ["", prose(sentence, style), *(f"  {f}" for f in formulas)]
    return [*lines, ""]


def latex(sections: Sections) -> list[str]:
    rows = []
    for sentence, formulas in sections:
        rows += [rf"  &\text{{{prose(sentence, 'latex')}}}"] * bool(sentence)
        rows += [f"  {f}" for f in formulas]
    return [r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}"]


def markdown(sections: Sections, types: str) -> list[str]:
    parts: list[str] = []
    for i, (sentence, formulas) in enumerate(sections):
        parts += [sentence] * bool(sentence)
        rows = " \\\\\n".join(formulas)
        parts.append(f"$$\\begin{{aligned}}\n{rows}\n\\end{{aligned}}$$")
        parts += [f"with {types}"] * (i == 0 and bool(types))
    return parts


def json_text(sections: Sections, record: Mapping[str, Any], subject: Any, verification: Any, ascii: bool) -> str:
    import json

    steps = [{"rule": sentence, "formulas": list(formulas)} for sentence, formulas in sections if sentence]
    checked = outcome([verification] if verification is not None else [])
    found = {**record, "types": subject.types, "steps": steps, "remarks": list(subject.notes), "verification": checked}
    return json.dumps(found, ensure_ascii=ascii, indent=2)


__all__ = ["FORMATS", "Pen", "finish"]
