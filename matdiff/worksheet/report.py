"""Marks as a table, as JSON for gradebooks, and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from matdiff.worksheet.check import Mark
from matdiff.worksheet.worker import Result

SIGNS = {"right": "✓", "layout": "≈", "partial": "½", "wrong": "✗", "missing": "–", "unread": "?", "undecided": "?"}
WORDS = {
    "right": "right",
    "layout": "right up to the layout",
    "partial": "partly right",
    "wrong": "wrong",
    "missing": "no answer",
    "unread": "not read",
    "undecided": "undecided",
}


def as_json(results: Sequence[Result], any_layout: bool) -> str:
    """A list of submissions under `submissions`; `points` of `of` in each."""
    submissions = [
        {
            "file": r.name,
            "passed": r.passed(any_layout),
            "points": points(r, any_layout),
            "of": sum(m.of for m in r.marks),
            "error": r.error,
            "remarks": r.remarks,
            "marks": [m.record(any_layout) for m in r.marks],
        }
        for r in results
    ]
    return json.dumps({"passed": all(s["passed"] for s in submissions), "submissions": submissions}, indent=2)


def points(result: Result, any_layout: bool) -> float:
    return sum(m.points(any_layout) for m in result.marks)


def numbers(results: Sequence[Result]) -> list[int]:
    """The problems that occur."""
    return sorted({m.problem for r in results for m in r.marks})


def as_csv(results: Sequence[Result], any_layout: bool) -> str:
    """A row a submission: file, points, of, the status of each problem, error and remarks."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    problems = numbers(results)
    table.writerow(["file", "points", "of", *(f"problem {n}" for n in problems), "error"])
    for r in results:
        status = {m.problem: m.status for m in r.marks}
        total = sum(m.of for m in r.marks)
        row = [f"{points(r, any_layout):g}", f"{total:g}", *(status.get(n, "") for n in problems)]
        table.writerow([harmless(r.name), *row, harmless(said(r))])
    return out.getvalue()


def harmless(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def one_line(text: str) -> str:
    return " ".join(text.split())


def said(result: Result) -> str:
    """The error and the remarks on a line."""
    return one_line("; ".join(filter(None, [result.error, *result.remarks])))


def as_text(results: Sequence[Result], any_layout: bool) -> str:
    """For one submission a line a problem with reasons; for several a row each."""
    return one(results[0], any_layout) if len(results) == 1 else many(results, any_layout)


def one(result: Result, any_layout: bool) -> str:
    titles = [f"problem {m.problem}" + (f": {m.title}" if m.title else "") for m in result.marks]
    width = max(map(len, titles), default=0)
    lines = []
    for title, m in zip(titles, result.marks, strict=True):
        got = f"{m.points(any_layout):g}/{m.of:g}"
        lines.append(f"{SIGNS[m.status]} {title:<{width}}  {got:>5}  {WORDS[m.status]}")
        lines += [f"    {row}" for row in reason(m)]
    total = sum(m.of for m in result.marks)
    lines.append(f"{result.name}: {points(result, any_layout):g} of {total:g} points")
    return "\n".join(
        [*lines, *not_read([result]), *result.remarks, *([f"error: {result.error}"] if result.error else [])]
    )


def reason(m: Mark) -> list[str]:
    """The wrong line, and why it is wrong."""
    place = [f"line {m.line}: {m.text}"] if m.line else []
    shown = [m.counterexample] if m.counterexample else []
    return [*place, *m.reason.splitlines(), *shown] if m.reason != "no answer" else []


def not_read(results: Sequence[Result]) -> list[str]:
    """The answers that a person has to look at, for they could not be read; of several files undecided ones too."""
    states = ("unread", "undecided") if len(results) > 1 else ("unread",)
    seen = [(r, m, f", line {m.line}" if m.line else "") for r in results for m in r.marks if m.status in states]
    return [f"{r.name}, problem {m.problem}{at}: {m.reason.splitlines()[0]}" for r, m, at in seen if m.reason]


def many(results: Sequence[Result], any_layout: bool) -> str:
    """A column a problem; errors below the table."""
    problems = numbers(results)
    width = max(len("submission"), *(len(r.name) for r in results))
    lines = [f"{'submission':<{width}}  {' '.join(f'{n:>3}' for n in problems)}  points"]
    for r in results:
        signs = {m.problem: SIGNS[m.status] for m in r.marks}
        total = f"{points(r, any_layout):g}/{sum(m.of for m in r.marks):g}"
        row = " ".join(f"{signs.get(n, ''):>3}" for n in problems)
        lines.append(f"{r.name:<{width}}  {row}  {'error' if r.error else total}")
    if counted := [sum(m.status == "unread" for r in results for m in r.marks if m.problem == n) for n in problems]:
        lines += [f"{'not read':<{width}}  {' '.join(f'{c:>3}' for c in counted)}"] * any(counted)
    lines += ["", "  ".join(f"{sign} {WORDS[status]}" for status, sign in SIGNS.items()), *not_read(results)]
    return "\n".join([*lines, *(f"{r.name}: {said(r)}" for r in results if said(r))])
