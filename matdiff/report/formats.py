"""An answer as text, LaTeX, Markdown, Typst or JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from matdiff.report.answer import Answer
from matdiff.report.notation import Line, Style, prose, show, spelled, statements
from matdiff.report.steps import folded, latex_steps, markdown_steps, text_steps

WIDTH = 100
"""Types go on a line of their own beyond this."""


def render(answer: Answer, form: str, ascii: bool) -> str:
    """The answer in one of the formats; `ascii` keeps text and JSON to ASCII."""
    style: Style = "ascii" if ascii else "unicode"
    if form == "text":
        return text(answer, style)
    if form == "json":
        return json_text(answer, style)
    return markdown(answer) if form == "markdown" else spelled(latex(answer), form)


def text(answer: Answer, style: Style) -> str:
    """Lines for a person."""
    function, *rest = answer.lines()
    lines = typed(formula(function, style), prose(answer.d.types, style))
    shown = set(statements(function.right(style))[:-1])
    for line in rest:
        lines += formula(line, style, shown)
        shown |= introduced(line, style)
    if answer.steps:
        lines += ["", *text_steps(answer.board, style, shown), ""]
    notes = [*answer.notes(), *answer.verdicts()]
    return "\n".join(lines + [prose(note, style) for note in notes])


def introduced(line: Line, style: Style) -> set[str]:
    """The definitions that a line is shown with, which hold for the lines below as well."""
    return set(statements(line.right(style))[:-1])


def typed(first: list[str], types: str) -> list[str]:
    """The function's lines with the types of its names, on the first where they fit."""
    together = f"{first[0]}        with {types}"
    if not types:
        return first
    return [together, *first[1:]] if len(together) <= WIDTH else [*first, f"    with {types}"]


def formula(line: Line, style: Style, shown: Collection[str] = ()) -> list[str]:
    """`label = body`, and below it the definitions that the body uses, but for those that were shown."""
    *definitions, body = statements(line.right(style))
    definitions = [d for d in definitions if d not in shown]
    where = [f"    {'where' if i == 0 else '     '} {d}" for i, d in enumerate(definitions)]
    return [*folded(f"{line.left(style)} = {body}"), *where]


def latex(answer: Answer) -> str:
    """An `align*`, and what is no formula in comments below it."""
    function, *rest = answer.lines()
    shown = set(statements(function.right("latex"))[:-1])
    rows = aligned(function)
    for line in rest:
        rows += aligned(line, shown)
        shown |= introduced(line, "latex")
    if answer.steps:
        known = {d for line in answer.lines() for d in statements(line.right("latex"))}
        rows += latex_steps(answer.board, known)
    notes = [f"with {answer.d.types}"] if answer.d.types else []
    notes += [*answer.notes(), *answer.verdicts()]
    comments = [f"% {row}" for note in notes for row in note.splitlines()]
    return "\n".join([r"\begin{align*}", " \\\\\n".join(f"  {row}" for row in rows), r"\end{align*}", *comments])


def aligned(line: Line, shown: Collection[str] = ()) -> list[str]:
    *definitions, body = statements(line.right("latex"))
    definitions = [d for d in definitions if d not in shown]
    return [rf"{line.left('latex')} &= {body}", *(rf"&\quad\text{{where }} {d}" for d in definitions)]


def markdown(answer: Answer) -> str:
    """Display mathematics between `$$`, for notebooks and notes."""
    function, *rest = answer.lines()
    parts = [display(function)]
    if answer.d.types:
        parts.append(f"with {answer.d.types}")
    if answer.steps:
        known = set(statements(function.right("latex")))
        parts.append("\n".join(markdown_steps(answer.board, known)))
    parts += [display(line) for line in rest]
    return "\n\n".join([*parts, *answer.notes(), *answer.verdicts()])


def display(line: Line) -> str:
    """One formula, with the definitions that it uses on lines of their own."""
    first, *where = aligned(line)
    if not where:
        return f"$$\n{first.replace(' &= ', ' = ', 1)}\n$$"
    return "\n".join([r"$$\begin{aligned}", " \\\\\n".join([first, *where]), r"\end{aligned}$$"])


def json_text(answer: Answer, style: Style) -> str:
    """One JSON object with the keys that are promised."""
    import json

    return json.dumps(record(answer, style), ensure_ascii=style == "ascii", indent=2)


def record(answer: Answer, style: Style) -> dict[str, Any]:
    d = answer.d
    found: dict[str, Any] = {
        "function": show(d.function, style),
        "wrt": answer.x,
        "types": prose(d.types, style),
        "differential": show(d.differential, style),
        answer.kind: every(answer.result, style),
    }
    if answer.independent:
        found["independent_gradient"] = show(d.independent_gradient, style)
    if answer.operators:
        found["adjoint"] = every(answer.adjoint, style)
    if answer.order > 1 and not answer.scalar:
        found["second"] = every(answer.bilinear, style)
    elif answer.order > 1:
        if d.curved:
            maps = d.hessian_operator
            values = {x: each.value for x, each in maps.items()} if d.several else maps.value
            found["hessian_operator"] = every(values, style)
        if answer.matrix:
            found["hessian_operator" if answer.mapped else "hessian"] = every(answer.hessian, style)
    found["latex"] = every(answer.result, "latex")
    found["steps"] = [step(s, style) for s in answer.told]
    if further := answer.further:
        found["further_steps"] = [
            {"to": g.key, "by": list(g.by), "steps": [step(s, style) for s in g.steps]} for g in further
        ]
    if answer.second:
        found["hessian_steps"] = [step(s, style) for s in answer.second]
    if d.notes:
        found["remarks"] = [prose(note, style) for note in d.notes]
    found["verification"] = outcome(answer.verifications, "hessian" if answer.scalar else "second")
    return found


def step(s: Any, style: Style) -> dict[str, str]:
    return {"rule": prose(s.rule, style), "before": show(s.before, style), "after": show(s.after, style)}


def every(result: Any, style: Style) -> Any:
    """One text, or one for each of several variables (for a Hessian: pairs, `U,V`)."""
    if not isinstance(result, Mapping):
        return show(result, style)
    return {x if isinstance(x, str) else ",".join(x): show(g, style) for x, g in result.items()}


def outcome(verifications: Sequence[Any], further: str = "") -> dict[str, Any]:
    """Of the derivative; below it, in the same form, of the Hessian or the second derivative when asked."""
    if not verifications:
        return {"passed": None, "reason": "--no-verify was given"}
    first, *second = verifications
    fields = ("passed", "relative_error", "order", "reason")
    found = {name: plain_value(getattr(first, name)) for name in fields}
    return found | ({further: outcome(second)} if second else {})


def plain_value(value: Any) -> Any:
    """What JSON can say: None for infinities and NaN, which it has no words for."""
    if isinstance(value, (bool, str)) or value is None:
        return value
    return float(value) if abs(float(value)) < float("inf") else None
