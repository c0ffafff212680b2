"""Marking answers: right, right up to the layout, or wrong, with the first wrong line and the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from matdiff.errors import MatdiffError
from matdiff.expr import Expr
from matdiff.worksheet.answers import Submission
from matdiff.worksheet.problem import Problem
from matdiff.worksheet.sheet import letter
from matdiff.worksheet.solution import Solution, claimed
from matdiff.worksheet.statements import Answer, last_side, read_answer

if TYPE_CHECKING:
    from matdiff.derivation import Derivation

Status = Literal["right", "layout", "wrong", "missing", "undecided"]


@dataclass(frozen=True)
class Mark:
    """What an answer is worth.

    status   right, layout (right in the transposed layout only), wrong, missing, undecided
    line     the line of the answer that is the first wrong one; None where that has no meaning
    """

    problem: int
    title: str
    of: float
    status: Status
    reason: str = ""
    line: int | None = None
    text: str = ""

    def right(self, any_layout: bool) -> bool:
        return self.status == "right" or (any_layout and self.status == "layout")

    def record(self, any_layout: bool) -> dict[str, Any]:
        return {**asdict(self), "points": self.of if self.right(any_layout) else 0}


def marks(submission: Submission) -> Iterator[Mark]:
    """A mark for each problem; a fault of matdiff itself costs no other problem its mark."""
    for problem in submission.problems:
        try:
            yield mark(problem, submission.answers.get(problem.number, ""))
        except Exception as error:
            said = f"matdiff itself failed ({type(error).__name__}: {error})"
            yield Mark(problem.number, problem.title, problem.points, "undecided", said)


def mark(problem: Problem, text: str) -> Mark:
    """Mark one answer.

    >>> from matdiff.worksheet.problem import Problem
    >>> mark(Problem(1, "", "tr(A*X*B)", "X"), "gradient = A'*B").status
    'wrong'
    """
    try:
        solution = Solution(problem)
    except MatdiffError as error:
        return Mark(problem.number, problem.title, problem.points, "undecided", str(error))
    variables = {v.name for v in solution.d.function.variables}
    found = read_answer(text, problem, letter(solution).strip("\\"), variables)
    if not found.claim:
        return Mark(problem.number, problem.title, problem.points, "missing", "no answer")
    status, reason, line = verdict(solution, found)
    lines = text.splitlines()
    shown = lines[line - 1].strip() if line else ""
    return Mark(problem.number, problem.title, problem.points, status, reason, line, shown)


def verdict(solution: Solution, found: Answer) -> tuple[Status, str, int | None]:
    """Status, reason and line.  A wrong line counts even where the end is right."""
    try:
        wrong = first_wrong(solution, found)
        if wrong is not None:
            return "wrong", wrong[1], wrong[0]
        verification = claimed(solution.d, solution.ask, found.program)
    except MatdiffError as error:
        return "wrong", str(error), found.at
    if verification.passed is None:
        return "undecided", verification.reason, None
    if verification.passed:
        return "right", "", None
    reason = verification.message or verification.reason
    if solution.ask != "differential" and right_transposed(solution.d, solution.ask, found.program):
        said = reason if "layout" in reason else f"right only in the transposed layout: {reason}"
        return "layout", said, found.at
    return "wrong", reason, found.at


def first_wrong(solution: Solution, found: Answer) -> tuple[int, str] | None:
    """The first line of a derivation that does not follow, and why; None where none is found."""
    from matdiff.verify.lines import check_derivation

    lines = found.chain
    if not lines or (len(lines) == 1 and lines[0][0] == found.at and last_side(lines[0][1]) == right_side(lines[0][1])):
        return None
    problem = solution.problem
    head, tail = whole(solution, found)
    result = check_derivation("\n".join([*head, *tail]), problem.wrt, list(problem.let))
    if result.passed is not False or result.line is None:
        return None
    return lines[max(0, result.line - 1 - len(head))][0], result.reason


def whole(solution: Solution, found: Answer) -> tuple[list[str], list[str]]:
    """Definitions with the function of the problem, and the lines of the answer, in which it has the same name.

    Where an answer says itself what the function is, that has to follow from the problem as any other line.
    """
    function = re.split(r"[;\n]", solution.problem.f.strip("; \n"))[-1].strip()
    said = " ".join(line for _, line in found.chain)
    free = all(v.name != "f" for v in solution.d.function.variables)
    f = "f" if free and re.search(r"(?<![^\W_d])f(?!\w)", said) else letter(solution).strip("\\")
    again = re.compile(rf"{f}\s*(?:\(\s*\w+\s*\))?\s*(?==)")
    return [*found.definitions, f"{f} = {function}"], [
        again.sub("", line) if again.match(line) else line for _, line in found.chain
    ]


def right_side(line: str) -> str:
    """What stands right of the first equals sign."""
    return line.partition("=")[2].strip()


def right_transposed(d: Derivation, ask: str, program: str) -> bool:
    """Is the transpose of a claim right?"""
    from matdiff.verify.claims import read_claim
    from matdiff.verify.diagnosis import transposed

    try:
        turned = Expr(transposed(read_claim(d, program, None)), d.function.variables)
        return d.verify(claim=turned, order=2 if ask == "hessian" else 1).passed is True
    except MatdiffError:
        return False
