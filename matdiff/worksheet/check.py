"""Marking answers: right, right up to the layout, or wrong, with the first wrong line and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from matdiff.errors import MatdiffError
from matdiff.expr import Expr
from matdiff.worksheet.answers import Submission
from matdiff.worksheet.problem import Problem
from matdiff.worksheet.sheet import letter
from matdiff.worksheet.solution import Solution, claimed
from matdiff.worksheet.statements import Answer, read_answer

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
    """A mark for each problem."""
    for problem in submission.problems:
        yield mark(problem, submission.answers.get(problem.number, ""))


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
        wrong = first_wrong(solution.problem, found)
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


def first_wrong(problem: Problem, found: Answer) -> tuple[int, str] | None:
    """The first line of a derivation that does not follow, and why; None where none is found."""
    lines = found.chain
    if len(lines) < 2 and not (lines and lines[0][1].count("=") > 1):
        return None
    check: Any = line_checker()
    if check is None:
        return None
    first, function = lines[0], problem.f.splitlines()[-1]
    text = [*found.definitions, f"f = {function}", *(line for _, line in lines)]
    result = check("\n".join(text), wrt=problem.wrt, declare=list(problem.let))
    if result.passed is not False:
        return None
    at = (result.line or 0) - len(found.definitions) - 2
    return (lines[at] if 0 <= at < len(lines) else first)[0], result.reason


def line_checker() -> Any:
    """`md.check_derivation`, None in a version that has none."""
    import matdiff

    return getattr(matdiff, "check_derivation", None)


def right_transposed(d: Derivation, ask: str, program: str) -> bool:
    """Is the transpose of a claim right?"""
    from matdiff.verify.claims import read_claim
    from matdiff.verify.diagnosis import transposed

    try:
        turned = Expr(transposed(read_claim(d, program, None)), d.function.variables)
        return d.verify(claim=turned, order=2 if ask == "hessian" else 1).passed is True
    except MatdiffError:
        return False
