"""Problems about equations, differential equations, recurrences and functionals: their answers and classic mistakes.

What may be asked for is one expression each, with all that may be typed for it: the gradient, the right-hand side of
the adjoint equation, its value at the end, the boundary term.  A wrong one is held against what comes out by the
mistakes that are usually made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, Literal

from matdiff.api.derive import derive
from matdiff.api.functional import claimed
from matdiff.api.implicit import Implicit
from matdiff.api.rates import ode
from matdiff.api.recurrence import Recurrence
from matdiff.api.vary import Variation, vary
from matdiff.calculus.evolution import MINUS, simplified
from matdiff.calculus.implicit import direction, partial
from matdiff.core.node import Node, Symbol, describe, number
from matdiff.errors import MatdiffError, ParseError
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import add, scale
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.printing.integrals import Pen
from matdiff.report.blocks import Block, Hint, Room, Start, Text, Verdict
from matdiff.solution.problem import Problem
from matdiff.solution.spelling import Vocabulary
from matdiff.solution.tidy import LATEX, stripped
from matdiff.worksheet.statements import (
    NOTHING,
    NOWHERE,
    MisplacedError,
    Reader,
    Statement,
    UndecidedError,
    agree,
    at_end,
    at_start,
    beside,
    called,
    determine,
    fitted,
    minus,
)

Status = Literal["right", "layout", "partial", "wrong", "missing", "unread", "undecided"]

FORGOTTEN = "the adjoint equation has the transposed Jacobian: a transpose is forgotten in it"
Mistake = tuple[Node, str]


@dataclass(frozen=True)
class Part:
    """What an answer consists of: what it must be equal to, and what it is instead by a mistake."""

    truth: Node
    mistakes: tuple[Mistake, ...] = ()


def is_system(problem: Problem) -> bool:
    """Whether a problem is one of these."""
    if problem.state or problem.ends:
        return True
    return re.search(r"=[^;\n]*\bfor\b", problem.f) is not None


class SystemSolution:
    """The solution of such a problem.  Raises MatdiffError, with the block's place, where there is none."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        try:
            if "," in problem.wrt:
                raise ParseError("a problem is by one variable", hint="write a problem for each of them")
            self.d: Any = asked(problem)
            self.ask: Any = problem.ask or "gradient"
            if self.ask not in ASKS[type_of(self.d)]:
                known = ", ".join(ASKS[type_of(self.d)])
                raise ParseError(f"{self.ask!r} cannot be asked for here", hint=f"ask for one of {known}")
            _ = self.parts
            if problem.form:
                status, reason, _ = self.verdict(problem.form)
                if status != "right":
                    raise ParseError(f"the wanted form is not the {self.ask}: {reason}")
        except MatdiffError as error:
            error.message = f"{problem.where}: {error.message}"
            raise

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return {"implicit": implicit, "ode": evolution, "vary": variation}[type_of(self.d)](self.d, self.ask)

    @cached_property
    def verification(self) -> Any:
        return self.d.verify()

    # sheets

    def statement(self, spoken: Callable[[str], str]) -> Iterator[Block]:
        """What is asked; `spoken` tells declarations as prose."""
        problem, d = self.problem, self.d
        yield Start(problem.number, problem.source)
        points = f"{problem.points:g} point{'s' * (problem.points != 1)}"
        title = f"Problem {problem.number}" + (f": {problem.title}" if problem.title else "")
        yield Text(f"### {title} ({points})")
        yield Text(f"Find {self.wanted} of")
        if isinstance(d, Implicit):
            formula = rf"f = {d.function.latex()}, \qquad {d.where_in('latex')}"
            yield Text(f"$$\n{formula}\n$$")
        else:
            yield aligned(d.sections(d.pen("latex"))[0][1])
        said = f"where {spoken(d.types)}"
        ends = getattr(d, "ends", "")
        yield Text(f"{said}{f'; the ends are {ends}' if ends else ''}. {self.named}".strip())

    @property
    def wanted(self) -> str:
        x = Pen("latex").name(self.problem.wrt)
        return {
            "gradient": f"the gradient by ${x}$",
            "differential": f"the differential by ${x}$, what stands under the integral,",
            "boundary": "what multiplies the variation at the ends",
            "adjoint": f"the adjoint {'recurrence' if isinstance(self.d, Recurrence) else 'equation'}",
            "terminal": "the value of the adjoint variable at the end",
        }[self.ask]

    @property
    def named(self) -> str:
        """What the adjoint variable is called."""
        d, pen = self.d, Pen("latex")
        if isinstance(d, Variation):
            return ""
        if isinstance(d, Implicit):
            names = " and ".join(f"${pen.show(v)}$" for v in d.multipliers)
            return f"The adjoint variable is {names}."
        v = pen.show(d.evolution.multiplier)
        shown = f"{v}_{{{d.index}}}" if isinstance(d, Recurrence) else f"{v}(t)"
        return f"The adjoint variable is ${shown}$, added with $\\langle {v}, \\cdot\\rangle$."

    def hints(self) -> Iterator[Hint]:
        told = [s for s, _ in self.rules if s][: self.problem.hints]
        texts = [*self.problem.hint, *(f"Use this: {rule}." for rule in dict.fromkeys(told))]
        for i, text in enumerate(texts, 1):
            yield Hint(f"Hint {i}", (Text(text),))

    @property
    def rules(self) -> list[tuple[str, list[str]]]:
        """The derivation as sentences with the formulas behind each."""
        d = self.d
        if not isinstance(d, Implicit):
            told = d.sections(d.pen("latex"))[1:]
            return [(s, f) for s, f in told if not s.startswith("sensitivit")]
        found: list[tuple[str, list[str]]] = []
        for line in d.steps[1:]:
            found.append((line.rule, [" &= ".join(line.sides("latex"))]))
        return found

    def solved(self) -> Iterator[Block]:
        self.confirm()
        yield Text("**Solution.**")
        for sentence, formulas in self.rules:
            yield Text(f"{capital(sentence)}:")
            yield aligned(formulas)
        yield from (Text(f"({note})") for note in self.d.notes)
        yield Verdict(str(self.verification), self.verification.passed)

    def confirm(self) -> None:
        if self.verification.passed is False:
            raise MatdiffError(
                f"{self.problem.where}: the solution does not pass its check: {self.verification.reason}",
                hint="this is a fault of matdiff: please report it with the problem",
            )

    def room(self) -> Room:
        label = {"terminal": "v(T)", "adjoint": "adjoint"}.get(self.ask, self.ask)
        return Room(self.problem.number, self.problem.space, label)

    # answers

    def verdict(self, text: str) -> tuple[Status, str, int]:
        """The status of an answer, why it is wrong, and on which line."""
        d, ask = self.d, self.ask
        if isinstance(d, Variation):
            line, last = last_line(text)
            reason = differs(self.parts[0], claimed(unlabelled(respelled(last, d)), d))
            return ("wrong", reason, line) if reason else ("right", "", line)
        reader = Reader(d)
        lines = text.splitlines()
        if reader.evolving:
            lines = [called(line, reader.until) for line in lines]
        text = reader.renamed("\n".join(respelled(line, d) for line in lines))
        said = reader.statements(text, ask)
        reader.define(said)
        claims = [s for s in said if s.about == ask]
        if not claims:
            raise ParseError(f"no formula in it is the {ask}")
        beside = [s for s in said if s.about in ("adjoint", "terminal") and s.about != ask]
        factors = [1] if ask != "gradient" or not beside else FACTORS
        fits = (c for c in factors if not any(self.stated(reader, s, c) for s in beside))
        factor = next(fits, 1)
        for s in sorted((*beside, *claims), key=lambda s: s.line):
            told = self.gradient(reader, s, factor) if s.about == "gradient" else self.stated(reader, s, factor)
            if told:
                return "wrong", told, s.line
        return "right", "", claims[-1].line

    def stated(self, reader: Reader, s: Statement, factor: Any) -> str:
        """Why what is said about the adjoint variable, `factor` times the one of the sheet, is wrong."""
        d = self.d
        (part,) = {"implicit": implicit, "ode": evolution}[type_of(d)](d, s.about)
        truth, mistakes = part.truth, part.mistakes
        if reader.evolving:
            truth = minus(reader.now, truth)
            mistakes = tuple((minus(reader.now, wrong), said) for wrong, said in mistakes)
        moved: dict[Symbol, Node] = {v: scale(number(factor), v) for v in reader.adjoints}
        try:
            equations = reader.equations(s)
        except MisplacedError as error:
            return error.message
        for left, right in equations:
            if shape(left) != shape(right):
                return unlike(right, left)
            residual = minus(left, right) if factor == 1 else substitute(minus(left, right), moved)
            if determine(residual, truth, reader.now, d):
                continue
            known = (said for wrong, said in mistakes if determine(residual, wrong, reader.now, d))
            return next(known, "it differs at random points")
        return ""

    def gradient(self, reader: Reader, s: Statement, factor: Any) -> str:
        """Why a claim is wrong, an empty text where it is right."""
        moved: dict[Symbol, Node] = {}
        if factor != 1:
            moved = {v: scale(number(factor), v) for v in reader.adjoints}
        judged = self.integrated if reader.evolving else self.through
        return next((told for text in s.claims if (told := judged(reader, text, moved))), "")

    def through(self, reader: Reader, text: str, moved: Mapping[Symbol, Node]) -> str:
        """The same of one formula for a gradient through an equation."""
        d, (part,) = self.d, self.parts
        claim = fitted(substitute(reader.node(text), moved), part.truth)
        if shape(claim) != shape(part.truth):
            return unlike(claim, part.truth)
        found = d.verify(claim={d.wrt[0].name: type(d.function)(claim, d.function.variables)})
        if found.passed is None:
            raise UndecidedError(NOWHERE)
        return "" if found.passed else str(found.message or found.reason)

    def integrated(self, reader: Reader, text: str, moved: Mapping[Symbol, Node]) -> str:
        """Why ∫ … dt + …, or a sum, is not the gradient: what does not move with the time may stand in either part."""
        running, rest = self.parts
        try:
            inside, outside = reader.integral(text)
        except MisplacedError as error:
            return error.message
        missing = inside is None and not is_zero(running.truth)
        if inside is None:
            inside = zeros_like(running.truth)
        inside, outside = (fitted(substitute(n, moved), running.truth) for n in (inside, outside))
        for claim in (inside, outside):
            if shape(claim) != shape(running.truth):
                return unlike(claim, running.truth)
        if agree(inside, running.truth):
            return differs(rest, outside)
        change = minus(inside, running.truth)
        others: dict[Symbol, Node] = {s: beside(s, "else") for s in reader.moving}
        if agree(change, substitute(change, others)):
            return differs(rest, add(outside, scale(self.d.until, change)))
        return NOTHING[bool(reader.index)] if missing else differs(running, inside)


FACTORS: list[Any] = [1, -1, 2, Fraction(1, 2), -2, Fraction(-1, 2)]
"""What an adjoint variable defined by the answer itself may be times the one of the sheet."""


ASKS = {
    "implicit": ("gradient", "adjoint"),
    "ode": ("gradient", "adjoint", "terminal"),
    "vary": ("gradient", "boundary", "differential"),
}


def type_of(d: Any) -> str:
    return "implicit" if isinstance(d, Implicit) else "vary" if isinstance(d, Variation) else "ode"


def asked(problem: Problem) -> Any:
    """The derivation that a problem is about."""
    let = list(problem.let)
    if problem.state:
        initial, objective, final, until = (
            t or None for t in (problem.initial, problem.objective, problem.final, problem.until)
        )
        return ode(problem.f, problem.state, problem.wrt, let, initial, objective, final, until)
    if problem.ends:
        return vary(problem.f, problem.wrt, let, problem.ends)
    found = derive(problem.f, wrt=problem.wrt, declare=let)
    if not isinstance(found, Implicit):
        raise ParseError("there is no equation in the problem", hint="A*x = b for x")
    if len(found.systems) > 1 or len(found.unknowns) > 1 or found.kind != "gradient":
        raise ParseError("a problem has one equation with one unknown, and a scalar function of it")
    return found


PRIMED = re.compile(r"([A-Za-z]'+)\^")
"""A power of a derivative, which is set as one in braces."""


def aligned(formulas: Sequence[str]) -> Text:
    rows = PRIMED.sub(r"{\1}^", " \\\\\n".join(formulas))
    return Text(f"$$\\begin{{aligned}}\n{rows}\n\\end{{aligned}}$$")


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# what is right, and what is usual instead


def implicit(d: Implicit, ask: str) -> tuple[Part, ...]:
    (X,) = d.wrt
    if ask == "gradient":
        return (Part(d.raw_gradients[X]),)
    a = d.adjoints
    ((left,), (right,)) = a.left[0].values(), a.right[0].values()
    (v,), (x,) = a.multipliers[0], d.unknowns
    straight = substitute(partial(d.systems[0].residuals[0], [x]), {direction(x): v})
    wrong = [(add(left, right), "the sign of the right-hand side is wrong: F_x*[v] = ∂f/∂x")]
    if (straight.kind, straight.rows, straight.cols) == (left.kind, left.rows, left.cols):
        wrong.append((minus(straight, right), FORGOTTEN))
    return (Part(minus(left, right), tuple(wrong)),)


def evolution(d: Any, ask: str) -> tuple[Part, ...]:
    e = d.evolution
    (p,) = e.wrt
    sign = MINUS if isinstance(d, Recurrence) else number(1)
    if ask == "terminal":
        wrong = [(scale(MINUS, e.terminal), "the sign is wrong: v(T) = −F_u, so that du(T) drops out")]
        return (Part(e.terminal, (*wrong, (zeros_like(e.terminal), "the final objective is forgotten"))),)
    if ask == "adjoint":
        back = scale(sign, e.adjoint)
        pulled = scale(sign, e._pulled[e.direction])
        cost = scale(sign, e._gradients[0][e.direction])
        straight = scale(sign, substitute(only(e), {e.direction: e.multiplier}))
        wrong = [
            (minus(cost, straight), FORGOTTEN),
            (add(cost, pulled), "the sign of f_u*[v] is wrong: v' = J_u − f_u*[v], from integration by parts"),
            (add(scale(MINUS, cost), scale(MINUS, pulled)), "the sign of J_u is wrong"),
            (scale(MINUS, back), "the sign is wrong"),
            (scale(MINUS, pulled), "the objective is forgotten"),
        ]
        return (Part(back, tuple((w, said) for w, said in wrong if not same(w, back))),)
    r = e.gradients[p]
    wrong = [(scale(MINUS, r.running), "the sign under the integral is wrong: the zero that is added is ⟨v, u' − f⟩")]
    start = substitute(r.start, {e.multiplier: at_start(e)})
    end = substitute(r.end, {e.state: at_end(e)})
    ends = [
        (end, "the boundary term at the start is forgotten: u(0) depends on the parameter"),
        (minus(end, start), "the sign of the boundary term at the start is wrong"),
    ]
    return (Part(r.running, tuple(wrong)), Part(add(start, end), () if is_zero(r.start) else tuple(ends)))


def only(e: Any) -> Node:
    """f_u[du]."""
    return substitute(e.sensitivity, {dp: zeros_like(dp) for dp in e.directions.values()})


def same(a: Node, b: Node) -> bool:
    return simplified(minus(a, b)) is zeros_like(b)


def variation(d: Variation, ask: str) -> tuple[Part, ...]:
    F = d.functional
    (u,) = F.wrt
    rows, parts = F.boundaries[u], F.partials[u]
    if ask == "differential":
        return (Part(F.change),)
    if ask == "boundary":
        truth = rows[0] if rows else zeros_like(u)
        wrong = [] if is_zero(truth) else [(zeros_like(truth), "the boundary term is forgotten")]
        return (Part(truth, (*wrong, (scale(MINUS, truth), "the sign is wrong: by parts it is [∂L/∂u' du]"))),)
    truth = F.gradients[u]
    wrong = []
    if len(parts) > 1:
        turned = add(parts[0], *(signed(F, part, k) for k, part in enumerate(parts) if k))
        wrong = [
            (parts[0], "the part of u' is forgotten: integrate by parts"),
            (turned, "the sign of integration by parts is wrong: (d/dx)* = −d/dx"),
            (add(parts[0], *(scale(MINUS, part) for part in parts[1:])), "the derivative d/dx of ∂L/∂u' is forgotten"),
            (add(*parts), "nothing is integrated by parts"),
        ]
    wrong.append((scale(MINUS, truth), "the sign is wrong"))
    return (Part(truth, tuple((w, said) for w, said in wrong if not same(w, truth))),)


def signed(F: Any, part: Node, times: int) -> Node:
    """(d/dx)ᵏ of a part without the signs of integration by parts."""
    for _ in range(times):
        part = F.along(part)
    return part


# reading and comparing


LABEL = re.compile(r"^([^=<>]*?)(?<![<>:!])=(?!=)\s*")


def unlabelled(line: str) -> str:
    """What stands right of `gradient =`; the index of a sum has no label."""
    found = LABEL.match(line)
    return line[found.end() :] if found and found[1].count("(") == found[1].count(")") else line


def last_line(text: str) -> tuple[int, str]:
    """The last line with a formula, counted from 1."""
    lines = [(i, line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    return lines[-1] if lines else (0, "")


def respelled(line: str, d: Any) -> str:
    """A line with names that are run together set apart, and derivatives of Leibniz as primes."""
    F = d.functional if isinstance(d, Variation) else None
    if F is not None:
        for u in F.wrt:
            name = re.escape(u.name)
            line = re.sub(rf"\\[dt]?frac\s*\{{\s*d\s*{name}\s*\}}\s*\{{\s*d\s*\w\s*\}}", f"{u.name}'", line)
            twice = rf"\\[dt]?frac\s*\{{\s*d\s*\^\s*\{{?2\}}?\s*{name}\s*\}}\s*\{{\s*d\s*\w\s*\^\s*\{{?2\}}?\s*\}}"
            line = re.sub(twice, f"{u.name}''", line)
    if LATEX.search(line):
        return line
    variables = [*(F.wrt if F is not None else ()), *getattr(getattr(d, "function", None), "variables", ())]
    variables += [*getattr(d, "variables", ()), *getattr(d, "multipliers", ())]
    names = {s.name for s in variables if s is not None}
    evolving = getattr(d, "evolution", None)
    if evolving is not None:
        names |= {evolving.state.name, evolving.multiplier.name}
    return Vocabulary(names, next(iter(names), "")).respelled(line)


def differs(part: Part, claim: Node) -> str:
    """Why a claim is wrong, an empty text where it is right."""
    claim = fitted(claim, part.truth)
    if shape(claim) != shape(part.truth):
        return unlike(claim, part.truth)
    if agree(claim, part.truth):
        return ""
    return next((said for wrong, said in part.mistakes if agree(claim, wrong)), "it differs at random points")


def shape(node: Node) -> tuple[Any, ...]:
    return node.kind, node.rows, node.cols


def unlike(claim: Node, truth: Node) -> str:
    turned = claim.kind == truth.kind and (claim.rows, claim.cols) == (truth.cols, truth.rows)
    return f"it is {describe(claim)}, but {describe(truth)} is asked for{': transpose it' if turned else ''}"


@lru_cache(64)
def solved(problem: Problem) -> SystemSolution:
    """The solution of a problem, found once for all answers to it."""
    return SystemSolution(problem)


def mark_system(problem: Problem, text: str) -> tuple[Status, str, int | None]:
    """Status, reason and line of an answer."""
    try:
        solution = solved(problem)
    except MatdiffError as error:
        return "undecided", str(error), None
    text = "\n".join(map(stripped, text.splitlines()))
    line, said = last_line(text)
    if not said or said.endswith("="):
        return "missing", "no answer", None
    try:
        status, reason, line = solution.verdict(text)
    except UndecidedError as error:
        return "undecided", error.message, None
    except MatdiffError as error:
        return "unread", f"not read: {error}", line
    return status, reason, line if status == "wrong" else None


__all__ = ["SystemSolution", "is_system", "mark_system"]
