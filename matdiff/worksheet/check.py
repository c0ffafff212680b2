"""Marking answers: right, right up to the layout, or wrong, with the first wrong line and the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from matdiff.api.checking import checked_lines
from matdiff.api.derive import derive
from matdiff.api.expr import Expr
from matdiff.calculus.adjoint import adjoint
from matdiff.core.node import Node, number
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import inline
from matdiff.solution.labels import RAISED, Answer, Named, named_in, parts, sides
from matdiff.solution.problem import Problem
from matdiff.solution.reading import indexed, read_answer
from matdiff.solution.tidy import LATEX, MARK, MENDS, mended, plain, readings, stripped, variants
from matdiff.text.parser import parse_program
from matdiff.text.ranges import summed
from matdiff.verify.claims import Question, StrangeName, question, unread
from matdiff.verify.claims import counterexample as numbers_of
from matdiff.verify.mistakes import transposed
from matdiff.worksheet.answers import Submission
from matdiff.worksheet.sheet import letter
from matdiff.worksheet.solution import Solution, claimed
from matdiff.worksheet.systems import Status, is_system, mark_system

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation

FORMULA = re.compile(r"[*^ᵀ⊤⁻\\]|\w\(\w+\)|\w'(?!\w)")
"""Signs of a formula among words."""
Fault = tuple[int, str, bool, str]
"""A line, what is wrong with it, whether that is that it cannot be read, and numbers that show it."""
Verdict = tuple[Status, str, int | None, str]
Told = tuple[int, bool | None, str, bool, Callable[[], str]]


@dataclass(frozen=True)
class LineMark:
    """A line of an answer: does it follow from what stands above it, and if not, why?  None: not decided."""

    line: int
    passed: bool | None
    reason: str = ""


@dataclass(frozen=True)
class Mark:
    """What an answer is worth.

    status   right, layout (right in the transposed layout only), partial (by the lesson's scheme), wrong, missing,
             unread, undecided
    line     the line of the answer that is the first wrong one; None where that has no meaning
    counterexample  of a wrong one: small whole numbers that show it, where there are such
    """

    problem: int
    title: str
    of: float
    status: Status
    reason: str = ""
    line: int | None = None
    text: str = ""
    counterexample: str = ""
    got: float = 0
    """Points by the lesson's scheme of an answer that is not right as a whole."""
    lines: tuple[LineMark, ...] = ()
    answer: str = ""
    solution: str = ""

    def right(self, any_layout: bool) -> bool:
        return self.status == "right" or (any_layout and self.status == "layout")

    def points(self, any_layout: bool) -> float:
        return self.of if self.right(any_layout) else self.got

    def record(self, any_layout: bool) -> dict[str, Any]:
        kept = {name: value for name, value in asdict(self).items() if name not in ("got", "answer", "solution")}
        return {**kept, "points": self.points(any_layout)}


def marks(submission: Submission) -> Iterator[Mark]:
    """A mark for each problem; a fault of matdiff itself costs no other problem its mark."""
    for problem in submission.problems:
        fault = submission.faults.get(problem.number)
        if fault:
            yield Mark(problem.number, problem.title, problem.points, "undecided", fault)
            continue
        try:
            yield mark(problem, submission.answers.get(problem.number, ""))
        except Exception as error:
            said = f"matdiff itself failed ({type(error).__name__}: {error})"
            yield Mark(problem.number, problem.title, problem.points, "undecided", said)


def mark(problem: Problem, text: str) -> Mark:
    """Mark one answer.

    >>> from matdiff.solution.problem import Problem
    >>> mark(Problem(1, "", "tr(A*X*B)", "X"), "gradient = A'*B").status
    'wrong'
    """
    if is_system(problem):
        judged_so, why, place = mark_system(problem, text)
        shown = text.splitlines()[place - 1].strip() if place else ""
        return Mark(problem.number, problem.title, problem.points, judged_so, why, place, shown)
    if "," in problem.wrt:
        return mark_several(problem, text)
    try:
        solution = solved(problem)
    except MatdiffError as error:
        return Mark(problem.number, problem.title, problem.points, "undecided", str(error))
    found = read_answer(text, problem, named(solution))
    if not found.claim:
        written = any(line and not line.endswith("=") for line in map(stripped, text.splitlines()))
        if any(FORMULA.search(line) for line in text.splitlines()):
            said = "not read: the formula is not found among the words"
            return Mark(problem.number, problem.title, problem.points, "unread", said, 1, text.strip(), answer=text)
        said = "no formula is in it" if written else "no answer"
        return Mark(problem.number, problem.title, problem.points, "missing", said)
    status, reason, line, example = verdict(solution, found)
    if status in ("wrong", "unread"):
        complex_ = hasattr(solution.d, "convention_of")
        tried = (read_answer(other, problem, named(solution)) for other in variants(text, complex_))
        again = next((a for a in tried if verdict(solution, a)[0] == "right"), None)
        if again is not None:
            found, (status, reason, line, example) = again, ("right", "", None, "")
    lines = text.splitlines()
    shown = lines[line - 1].strip() if line else ""
    result = status == "right" or (status == "wrong" and bool(result_right(solution, found)))
    told = judged(solution, found, result)
    got = 0.0
    if problem.steps and status in ("wrong", "right"):
        got = credit(solution, found, told, result)
        status = status if got in (0, problem.points) else "partial"
        reason = reason or ("the steps are missing" if status == "partial" else "")
    wanted = solution.result.text()
    return Mark(
        problem.number, problem.title, problem.points, status, reason, line, shown, example, got, told, text, wanted
    )


def mark_several(problem: Problem, text: str) -> Mark:
    """The mark of an answer by several variables: each gradient is worth its part.

    A line that is labelled by one of them, `∇_U f = …` or `gradient by U = …`, is read for that one alone.
    Differentials, which speak of all of them, are not judged.
    """
    try:
        single = problem.single
    except MatdiffError as error:
        return Mark(problem.number, problem.title, problem.points, "undecided", str(error))
    names = [p.wrt for p in single]
    found = [mark(p, for_variable(text, p.wrt, names)) for p in single]
    said = [f"by {p.wrt}: {m.reason}" for p, m in zip(single, found, strict=True) if m.reason]
    states = {m.status for m in found}
    status: Status = next(iter(states)) if len(states) == 1 else "partial"
    status = next((s for s in ("undecided", "unread") if s in states), status)
    got = round(sum(m.points(False) for m in found), 2)
    if status == "partial" and not got:
        status = "wrong"
    first = next((m for m in found if m.line is not None), found[0])
    lines = {t.line: t for m in found for t in m.lines}
    return Mark(
        problem.number,
        problem.title,
        problem.points,
        status,
        "\n".join(said) if status != "unread" else first.reason,
        first.line,
        first.text,
        first.counterexample,
        got,
        tuple(lines[at] for at in sorted(lines)),
        text,
        "; ".join(f"by {p.wrt}: {m.solution}" for p, m in zip(single, found, strict=True)),
    )


def for_variable(text: str, x: str, names: list[str]) -> str:
    """The lines of an answer about one of several variables; the others and differentials are empty lines."""
    out = []
    for line in text.splitlines():
        by = next((n for n in names if labelled(n).match(line)), None)
        total = re.match(r"\s*(?:\\mathrm\s*\{?\s*)?d\}?\s*[fFL](?:\(.*?\))?\s*&?=|\s*=", line) is not None
        if by == x:
            out.append(labelled(x).sub("gradient =", line, count=1))
        else:
            out.append("" if by is not None or total else line)
    return "\n".join(out)


def labelled(x: str) -> re.Pattern[str]:
    """The beginning of a line about the derivative by a variable."""
    name = rf"\{{?\s*\\?{re.escape(x)}\s*\}}?"
    partial_ = r"(?:∂|\\partial|d|\\mathrm\s*\{?d\}?)\s*"
    words = r"(?:∇|\\nabla|nabla|grad(?:ient)?|jac(?:obian)?|derivative|G|J|D)"
    return re.compile(
        rf"\s*[$]*(?:{words}\s*(?:of\s+\w\s+)?(?:_|\bby\b|\bwrt\b|\bw\.r\.t\.)?\s*{name}\s*(?:[fFL](?:\(.*?\))?)?"
        rf"|{partial_}[fFL]?\s*/\s*{partial_}{name}|\\[dt]?frac\s*\{{\s*{partial_}[fFL]?\s*\}}\s*\{{\s*{partial_}{name}\s*\}}"
        rf"\s*[fFL]?)\s*&?\s*[=:]",
        re.IGNORECASE if len(x) > 1 else 0,
    )


FOLLOWS = "follows from the wrong line above"


def judged(solution: Solution, found: Answer, right: bool) -> tuple[LineMark, ...]:
    """Each line of the derivation, and the claim: it may be right, or follow from a wrong line above."""
    told: dict[int, LineMark] = {}
    for at, passed, reason, strange, _ in chain(solution, found):
        before = told.get(at)
        if at and (before is None or before.passed is True):
            told[at] = LineMark(at, None if strange else passed, reason)
    wrong = any(t.passed is False for t in told.values())
    for at in first_derivatives(solution, found) if wrong else ():
        if told[at].passed is False and any(t.passed is False and t.line < at for t in told.values()):
            told[at] = LineMark(at, True, FOLLOWS)
    if found.at and found.at not in told:
        follows = not right and wrong and follows_through(solution, found)
        told[found.at] = LineMark(found.at, right or follows, FOLLOWS if follows else "")
    elif found.at and told[found.at].passed and wrong and not right:
        told[found.at] = LineMark(found.at, True, FOLLOWS)
    return tuple(told[at] for at in sorted(told))


def credit(solution: Solution, found: Answer, told: tuple[LineMark, ...], right: bool) -> float:
    """Points by the scheme: those of the result where it is right, those of the steps for the lines that follow."""
    problem = solution.problem
    result = problem.points - problem.steps if right else 0.0
    steps = [t for t in told if t.line != found.at or t.reason]
    share = sum(t.passed is True for t in steps) / len(steps) if steps else 0.0
    return round(result + problem.steps * share, 2)


def result_right(solution: Solution, found: Answer) -> bool:
    """Is the claim right, whatever stands above it?"""
    try:
        passed = claimed(solution.d, solution.ask, program(solution, found, found.claim)).passed
    except MatdiffError:
        passed = False
    return passed is True or right_otherwise(solution, found)


def follows_through(solution: Solution, found: Answer) -> bool:
    """Does a wrong answer follow from the line that the derivation ends in?"""
    from matdiff.verify.claims import read_claim

    said = [q for at, q in found.stated if at < found.at]
    try:
        claim = read_claim(solution.d, program(solution, found, found.claim), None)
        return bool(said) and follows(solution.d, solution.ask, said[-1], claim)
    except (MatdiffError, KeyError):
        return False


def follows(d: Derivation, ask: str, said: Question, claim: Node) -> bool:
    """Is a gradient or a Jacobian the one of the differential that is said, or a Hessian that of the gradient said?"""
    from matdiff.verify.claims import answer

    (X,), node = d.wrt, said.claim
    if ask == "hessian":
        if said.what != "gradient" or d.curved:
            return False
        again = derive(Expr(node, d.function.variables), X.name)
        question = Question("Hessian", claim, again.jacobian.node, X)
    elif said.what != "differential":
        return False
    elif d.kind == "gradient":
        dX = d.directions[X]
        G = d._on_set(inline(adjoint(node, number(1), [dX])[dX]), X)
        question = Question("gradient", claim, G if d.metric is None else d._weighted(G), X)
    else:
        question = Question("Jacobian", claim, d._matrix(node, X), X)
    return answer(d, question, 0, None, 3).passed is True


def first_derivatives(solution: Solution, found: Answer) -> Iterator[int]:
    """Lines of the derivation that state a wrong gradient, which follows from the wrong differential above."""
    above: Question | None = None
    for at, said in found.stated:
        if said.what == "differential":
            above = said
        elif said.what == "gradient" and above is not None:
            with suppress(MatdiffError, KeyError):
                if follows(solution.d, "gradient", above, said.claim):
                    yield at


@lru_cache(64)
def solved(problem: Problem) -> Solution:
    """The solution of a problem, found once for all answers to it."""
    return Solution(problem)


def named(solution: Solution) -> Named:
    """The names of a problem."""
    variables = solution.d.function.variables
    sizes = re.findall(r"[^\W\d_]\w*", " ".join(re.findall(r":\s*([^;]*->[^;]*|\S+)", solution.d.types)))
    return Named(
        letter(solution).strip("\\"),
        frozenset(v.name for v in variables),
        frozenset(sizes) - {"scalar", "elementwise"},
        frozenset(v.name for v in variables if v.kind == "matrix"),
        frozenset(re.findall(r"([^\W\d]\w*):[^;]*->", solution.d.types)),
        derive,
    )


def verdict(solution: Solution, found: Answer) -> Verdict:
    """Status, reason, line and counter-example.  A wrong line counts even where the end is right."""
    try:
        wrong = first_wrong(solution, found)
        if wrong is not None:
            return marked(*wrong)
        said = program(solution, found, found.claim)
        verification = claimed(solution.d, solution.ask, said)
    except MatdiffError as error:
        if right_otherwise(solution, found):
            return "right", "", None, ""
        unclear = unread(error) or unexplained(solution, found, found.claim, error)
        return marked(*next(broken_definitions(found), (found.at, str(error), unclear, "")))
    if verification.passed is None:
        return "undecided", verification.reason, None, ""
    if verification.passed or right_otherwise(solution, found):
        doubt = contradicted(solution, found)
        return ("undecided", doubt, None, "") if doubt else ("right", "", None, "")
    reason = verification.message or verification.reason
    if solution.ask != "differential" and right_transposed(solution.d, solution.ask, said):
        reason = reason if "layout" in reason else f"right only in the transposed layout: {reason}"
        return "layout", reason, found.at, ""
    return "wrong", reason, found.at, example(solution.d, said, 2 if solution.ask == "hessian" else 1)


def unexplained(solution: Solution, found: Answer, text: str, error: MatdiffError) -> bool:
    """Does a strange name come of entries with their indices, or of words and equations that define it unread?"""
    if not isinstance(error, StrangeName):
        return False
    name = re.match(r"(?:the claim uses )?(\S+?),? (?:which )?is not a variable", error.message)
    if name is None:
        return False
    if indexed(text) and re.fullmatch(r"\S+_[ijklr]{1,2}", name[1]):
        return True
    said = rf"(?<![\w\\]){re.escape(name[1])}(?!\w)"
    introduced = rf"\b(?:where|with|let|for|and|here)\b[^\n]*{said}|{said}[^\n]*?=|\w\s*{said}\s*="
    return re.search(introduced, re.sub(rf"(?m)^.*{re.escape(found.claim)}$", "", found.text)) is not None


def contradicted(solution: Solution, found: Answer) -> str:
    """What is said of an answer that is right where an earlier one is another, and wrong: which of them is meant?"""
    for claim, at in found.before:
        earlier = replace(found, claim=claim, at=at, before=[])
        said = program(solution, earlier, claim)
        try:
            verification = claimed(solution.d, solution.ask, said)
        except MatdiffError:
            continue
        turned = solution.ask != "differential" and right_transposed(solution.d, solution.ask, said)
        if verification.passed is False and not turned and not right_otherwise(solution, earlier):
            return f"two answers are given, on lines {at} and {found.at}, and only the second is right"
    return ""


def example(d: Derivation, program: str, order: int) -> str:
    """Small whole numbers at which a claim is wrong."""
    try:
        return numbers_of(question(d, program, order, None))
    except MatdiffError:
        return ""


def marked(line: int, reason: str, unreadable: bool, example: str) -> Verdict:
    """The mark of a line that is wrong, or that cannot be read, which is no mistake in mathematics."""
    return ("unread", f"not read: {reason}", line, "") if unreadable else ("wrong", reason, line, example)


def broken_definitions(found: Answer) -> Iterator[Fault]:
    """Definitions used by the claim that cannot be read."""
    for at, text in found.used(found.claim):
        try:
            parse_program(text)
        except MatdiffError as error:
            yield at, str(error), unread(error), ""


def first_wrong(solution: Solution, found: Answer) -> Fault | None:
    """The first line of a derivation that does not follow, and why; None where none is found."""
    wrong = [w for w in (in_chain(solution, found), in_curved(solution, found)) if w is not None]
    return min(wrong, default=None)


def in_chain(solution: Solution, found: Answer) -> Fault | None:
    """Of the lines about the function and its differential."""
    for at, passed, reason, strange, numbers in chain(solution, found):
        if passed is False and at:
            return at, reason, strange, numbers()
    return None


def chain(solution: Solution, found: Answer) -> list[Told]:
    """Each of them: its line, does it follow, why not, is that because it cannot be read, numbers that show it."""
    if found.told is not None:
        return found.told
    told: list[Told] = []
    end = next((i for i, (_, text) in enumerate(found.chain) if LATEX.search(text)), len(found.chain))
    lines = found.chain[:end]
    if lines and not (len(found.chain) == 1 and alone(lines[0], found)):
        f, own = function(solution)
        used = found.used(*(text for _, text in lines))
        said = [*used, *([(0, f"{own} = {f}")] if own else []), *lines]
        text = "\n".join(text for _, text in said)
        names = named(solution).matrices
        result = checked_lines(text, solution.problem.wrt, solution.problem.let, None if own else f, mends=names)
        for line in result.checked:
            reason = line.reason.removeprefix("it cannot be read: ") if line.unread else line.reason
            numbers = partial(numbers_of, line.question) if line.question is not None else str
            at = said[line.number - 1][0]
            told.append((at, line.passed, reason, line.unread, numbers))
            if line.stated is not None and at:
                found.stated.append((at, line.stated))
    if end < len(found.chain):
        at, text = found.chain[end]
        told.append((at, False, unreadable(text), True, str))
    found.told = told
    return told


def alone(line: tuple[int, str], found: Answer) -> bool:
    """Is a line nothing but the claim?"""
    return line[0] == found.at and len(sides(line[1])) == 2 and not line[1].startswith("1 (")


def unreadable(text: str) -> str:
    try:
        for side in filter(LATEX.search, sides(text)):
            parse_program(side.strip(), "latex", [MARK])
    except MatdiffError as error:
        return str(error)
    return "this is no formula"


def in_curved(solution: Solution, found: Answer) -> Fault | None:
    """Of the lines about d²f and d(∇f)."""
    for at, text in found.curved:
        try:
            said = program(solution, found, text)
            result = solution.d.verify(claim=said, order=2)
        except MatdiffError as error:
            return at, str(error), unread(error), ""
        if result.passed is False:
            return at, result.message or result.reason, False, example(solution.d, said, 2)
    return None


def function(solution: Solution) -> tuple[str, str]:
    """The problem's function in plain text; and the name to give it in a derivation, where it cannot be f."""
    names = named(solution)
    if summed(solution.problem.f):
        text = solution.d.function.text(ascii=True)
        return (text, "") if "f" not in names.names else (text, names.letter)
    text = "; ".join("=".join(plain(s, (), names.matrices) for s in sides(p)) for p in parts(solution.problem.f))
    return (text, "") if "f" not in names.names else (parts(text)[-1], names.letter)


def program(solution: Solution, found: Answer, claim: str) -> str:
    """A claim after the definitions that it may use; the function may be one of them."""
    given, said = definitions(solution, found, claim)
    return "\n".join([*given, *said, claim])


def definitions(solution: Solution, found: Answer, claim: str) -> tuple[list[str], list[str]]:
    """The definitions that a claim uses: those of the problem, and those of the answer."""
    said = found.used(claim)
    f, own = function(solution)
    name = own or "f"
    used = re.search(rf"(?<!\w){name}(?!\w)", "\n".join([*(text for _, text in said), claim]))
    value: list[str] = []
    if used and not any(named_in(d) == name for _, d in said):
        value = [f"{name} = {parts(f)[-1]}"]
        said = found.used(claim, value[0])
    return [text for at, text in said if not at] + value, [text for at, text in said if at]


def right_otherwise(solution: Solution, found: Answer) -> bool:
    """Is the claim right in a reading that students mean and the language refuses, such as `1 - p` of a vector p?"""
    matrices = named(solution).matrices
    given, said = definitions(solution, found, found.claim)
    said = [*said, *eigenvectors(solution, found, [*given, *said])]
    for reading in readings(given, said, found.claim, matrices):
        try:
            if claimed(solution.d, solution.ask, "\n".join(reading)).passed:
                return True
        except MatdiffError:
            continue
    for norms in (True, False):
        text = "\n".join([*given, *said, found.claim])
        for _ in range(MENDS):
            try:
                if claimed(solution.d, solution.ask, text).passed:
                    return True
                break
            except MatdiffError as error:
                text = mended(error, matrices, norms) if error.text == text else ""
            if not text:
                break
    return False


COLUMN = re.compile(r"(\w+)(?:_(\w))?\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\[:,\s*\w+\]")
"""An eigenvector or a singular vector in the language: eigvecs(S)[:,1], svd_U(A)[:,1]."""


def eigenvectors(solution: Solution, found: Answer, known: list[str]) -> list[str]:
    """Definitions of the letters that answers call eigenvectors and singular vectors by, as they are printed too."""
    columns = {m[0]: m[1] for m in COLUMN.finditer(solution.derived.text(ascii=True))}
    if not columns:
        return []
    taken = named(solution).names | {named_in(text) for text in known}
    claim = RAISED.sub(" ", found.claim).translate(str.maketrans("₁", "1"))
    words = dict.fromkeys(re.findall(r"(?<![\w\\.])([a-z])(_?1)?(?![\w(])", claim))
    out = []
    for word, index in words:
        own = [c for c, name in columns.items() if len(columns) == 1 or name.lower().endswith(f"_{word}")]
        name = f"{word}_1" if index else word
        if name not in taken and len(own) == 1:
            out.append(f"{name} = {own[0]}")
    # Two letters are no two names of one vector.
    return out if len(out) <= len(columns) else []


def right_transposed(d: Derivation, ask: str, program: str) -> bool:
    """Is the transpose of a claim right?"""
    from matdiff.verify.claims import read_claim

    try:
        turned = Expr(transposed(read_claim(d, program, None)), d.function.variables)
        return d.verify(claim=turned, order=2 if ask == "hessian" else 1).passed is True
    except MatdiffError:
        return False
