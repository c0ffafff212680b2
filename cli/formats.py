"""An answer as text, LaTeX, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matdiff.cli.answer import Answer, verdict
from matdiff.cli.notation import Line, Style, plain, show

WIDTH = 100
"""Types go on a line of their own, and rules of steps below their formulas, beyond this."""

RULE_COLUMN = 64


def text(answer: Answer, verification: Any, ascii: bool) -> str:
    """Lines for a person; `ascii` keeps to ASCII."""
    style: Style = "ascii" if ascii else "unicode"
    lines = [row for line in answer.lines() for row in formula(line, style)]
    lines[0:1] = typed(lines[0], show(answer.d.types, style))
    if answer.steps:
        lines += ["", *steps(answer, style), ""]
    notes = [*answer.notes(), verdict(verification)]
    return "\n".join(lines + [plain(n) if ascii else n for n in notes])


def typed(first: str, types: str) -> list[str]:
    """The function's line with the types of its names, on one line where they fit."""
    if not types:
        return [first]
    together = f"{first}        with {types}"
    return [together] if len(together) <= WIDTH else [first, f"    with {types}"]


def formula(line: Line, style: Style) -> list[str]:
    """`label = body`, and below it the definitions that the body uses."""
    *definitions, body = statements(line.right(style))
    where = [f"    where {d}" if i == 0 else f"          {d}" for i, d in enumerate(definitions)]
    return [f"{line.left(style)} = {body}", *where]


def statements(source: str) -> list[str]:
    """The statements of a printed program, split at the semicolons outside brackets.

    >>> statements("P = [x; y]; P' P")
    ['P = [x; y]', "P' P"]
    """
    parts, depth, start = [], 0, 0
    for i, c in enumerate(source):
        depth += (c in "([{⟨") - (c in ")]}⟩")
        if c == ";" and depth == 0:
            parts.append(source[start:i].strip())
            start = i + 1
    return [*parts, source[start:].strip()]


def steps(answer: Answer, style: Style) -> list[str]:
    """The derivation, numbered, rules in a column on the right; a line that goes on from the last starts with `=`."""
    rows, last = [], None
    for step in answer.taken():
        before, after = show(step.before, style), show(step.after, style)
        rows.append((f"= {after}" if before == last else f"{before} = {after}", str(step.rule)))
        last = after
    width = min(RULE_COLUMN, max((len(left) for left, _ in rows), default=0))
    number = len(str(len(rows)))
    return [f"{i:>{number}}.  {left:<{width}}   {rule}".rstrip() for i, (left, rule) in enumerate(rows, 1)]


def latex(answer: Answer, verification: Any) -> str:
    """An `align*` with what cannot be typeset in comments."""
    notes = [f"% with {answer.d.types}"] if answer.d.types else []
    notes += [f"% {note}" for note in (*answer.notes(), verdict(verification))]
    return "\n".join([r"\begin{align*}", aligned(answer), r"\end{align*}", *notes])


def aligned(answer: Answer) -> str:
    rows = [rf"{line.left('latex')} &= {line.right('latex')}" for line in answer.lines()]
    if answer.steps:
        rows += [rf"{show(s.before, 'latex')} &= {show(s.after, 'latex')} && \text{{{s.rule}}}" for s in answer.taken()]
    return " \\\\\n".join(f"  {row}" for row in rows)


def markdown(answer: Answer, verification: Any) -> str:
    """Display mathematics between `$$`, for notebooks and notes."""
    first, *rest = answer.lines()
    parts = [display(first)]
    if answer.d.types:
        parts.append(f"with {answer.d.types}")
    if answer.steps:
        parts.append("\n".join(f"{i}. {item(s)}" for i, s in enumerate(answer.taken(), 1)))
    parts += [display(line) for line in rest]
    return "\n\n".join([*parts, *answer.notes(), verdict(verification)])


def display(line: Line) -> str:
    return f"$$\n{line.left('latex')} = {line.right('latex')}\n$$"


def item(step: Any) -> str:
    return f"${show(step.before, 'latex')} = {show(step.after, 'latex')}$ ({step.rule})"


def json_text(answer: Answer, verification: Any, ascii: bool) -> str:
    """One JSON object with the keys that the manual promises."""
    import json

    return json.dumps(record(answer, verification, "ascii" if ascii else "unicode"), ensure_ascii=ascii, indent=2)


def record(answer: Answer, verification: Any, style: Style) -> dict[str, Any]:
    d = answer.d
    found: dict[str, Any] = {
        "function": show(d.function, style),
        "wrt": answer.x,
        "types": show(d.types, style),
        "differential": show(d.differential, style),
        answer.kind: every(answer.result, style),
    }
    if answer.order > 1:
        found["hessian"] = every(d.hessian, style)
    found["latex"] = every(answer.result, "latex")
    found["steps"] = [
        {"rule": str(s.rule), "before": show(s.before, style), "after": show(s.after, style)} for s in answer.taken()
    ]
    found["verification"] = outcome(verification)
    return found


def every(result: Any, style: Style) -> Any:
    """One text, or one for each of several variables."""
    return {x: show(g, style) for x, g in result.items()} if isinstance(result, Mapping) else show(result, style)


def outcome(verification: Any) -> dict[str, Any]:
    if verification is None:
        return {"passed": None, "reason": "--no-verify was given"}
    fields = ("passed", "relative_error", "order", "reason")
    return {name: number(getattr(verification, name, None)) for name in fields}


def number(value: Any) -> Any:
    """What JSON can say: None for infinities and NaN, which it has no words for."""
    if isinstance(value, (bool, str)) or value is None:
        return value
    return float(value) if abs(float(value)) < float("inf") else None


def render(answer: Answer, verification: Any, style: str, ascii: bool) -> str:
    """The answer in one of the four formats."""
    if style == "text":
        return text(answer, verification, ascii)
    if style == "json":
        return json_text(answer, verification, ascii)
    return latex(answer, verification) if style == "latex" else markdown(answer, verification)
