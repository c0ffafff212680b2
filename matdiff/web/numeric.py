"""What the page and the service answer with numbers: all of it needs NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from matdiff.api.checking import check_derivation
from matdiff.api.reading import parse
from matdiff.errors import MatdiffError
from matdiff.report.html import parts
from matdiff.solution.labels import last_side
from matdiff.solution.problem import Problem, read_block
from matdiff.solution.steps import check_steps
from matdiff.verify.convergence import measured, tested
from matdiff.verify.place import place
from matdiff.worksheet.check import example, mark
from matdiff.worksheet.report import SIGNS, WORDS, reason

SMALL = np.__version__ == "0"
"""Whether this is the page's own NumPy, `offline/small_numpy`."""
HIGHEST = 10.0
"""Relative errors above this are where the difference was not defined, and are not drawn."""
ASKS = ("gradient", "jacobian", "hessian", "differential")


def study(d: Any) -> dict[str, Any]:
    """Errors of differences by step, the V of the plot, and the Taylor test as a table."""
    there = place(d)
    found = measured(there)
    curves = [
        {
            "method": c.method,
            "errors": [e if e < HIGHEST and math.isfinite(e) else None for e in c.errors],
            "best": c.best,
        }
        for c in found.curves
    ]
    return {"steps": list(found.steps), "curves": curves, "taylor": str(tested(there))}


def step_marks(answer: Any) -> Iterator[bool | None]:
    """Of each step that is told, in order, whether it holds; the last of a Hessian's by its own verification."""
    yield from check_steps(answer.d, tuple(answer.told))
    for group in answer.further:
        yield from check_steps(group.of, group.steps)
    if answer.second:
        steps = tuple(s for s in answer.second if s.relation == "=")
        yield from check_steps(answer.d.of_gradient, steps)
        passed = answer.verifications[-1].passed if len(answer.verifications) > 1 else None
        yield from (passed for _ in answer.second[len(steps) :])


def sheet_mark(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the student of a sheet is told of an answer: right, or wrong with the line and why; never the solution."""
    number = asked["problem"]
    problem = read_block("sheet", 1, asked["block"].split("\n")).problem(number, {})
    found = mark(problem, asked["answer"])
    lines = [{"line": t.line, "passed": t.passed, "reason": t.reason} for t in found.lines]
    said = [f"{SIGNS[found.status]} {WORDS[found.status]}", *reason(found)]
    return {"status": found.status, "said": "\n".join(said), "line": found.line, "lines": lines}


def judgement(asked: Mapping[str, Any], d: Any) -> dict[str, Any]:
    """An answer marked: status, the first wrong line, why, and numbers that show it."""
    text, ask = asked["answer"], asked.get("ask") or ""
    if not hasattr(d, "systems") and not d.several:
        let = tuple(asked.get("declare", ()))
        found = mark(Problem(1, "", asked["function"], d.wrt[0].name, ask if ask in ASKS else "", let), text)
        return {
            "status": found.status,
            "line": found.line,
            "reason": found.reason,
            "counterexample": found.counterexample,
        }
    written = [line for line in text.splitlines() if line.strip()]
    if len(written) > 1 and not hasattr(d, "systems"):
        by = ",".join(X.name for X in d.wrt)
        checked = check_derivation(text, by, asked.get("declare"), asked["function"])
        status = {True: "right", False: "wrong", None: "undecided"}[checked.passed]
        return {
            "status": "unread" if checked.unread else status,
            "line": checked.line,
            "reason": checked.reason,
            "counterexample": checked.counterexample,
        }
    verification = d.verify(claim=text.partition("=")[2].strip() or text)
    status = {True: "right", False: "wrong", None: "undecided"}[verification.passed]
    reason = "" if verification.passed else verification.message or verification.reason
    return {"status": status, "line": 1 if status == "wrong" else None, "reason": reason, "counterexample": ""}


def line_reading(text: str, types: str) -> str:
    """The last formula of a line as MathML, or nothing where it cannot be read by itself."""
    try:
        return parts(parse(last_side(text) or text, declare=types or None))[-1]
    except MatdiffError:
        return ""


__all__ = ["check_derivation", "example", "judgement", "line_reading", "step_marks", "study"]
