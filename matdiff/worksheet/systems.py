"""Problems about equations, differential equations, recurrences and functionals: their answers and classic mistakes.

What may be asked for is one expression each, with all that may be typed for it: the gradient, the right-hand side of
the adjoint equation, its value at the end, the boundary term.  A wrong one is held against what comes out by the
mistakes that are usually made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from matdiff.api.derive import derive
from matdiff.api.functional import claimed
from matdiff.api.implicit import Implicit
from matdiff.api.reading import read
from matdiff.api.recurrence import Recurrence, ode
from matdiff.api.vary import Variation, vary
from matdiff.calculus.evolution import MINUS, simplified
from matdiff.calculus.implicit import direction, partial
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Node, Symbol, describe, number, symbol, symbols
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import add, scale
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.printing.integrals import Pen
from matdiff.report.blocks import Block, Hint, Room, Start, Text, Verdict
from matdiff.solution.problem import Problem
from matdiff.solution.spelling import Vocabulary
from matdiff.solution.tidy import LATEX, MENDS, mended, stripped
from matdiff.verify.sampling import point, ways

Status = Literal["right", "layout", "partial", "wrong", "missing", "unread", "undecided"]

POINTS = 3
CLOSE = 1e-8
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
            self.ask = problem.ask or "gradient"
            if self.ask not in ASKS[type_of(self.d)]:
                known = ", ".join(ASKS[type_of(self.d)])
                raise ParseError(f"{self.ask!r} cannot be asked for here", hint=f"ask for one of {known}")
            _ = self.parts
            if problem.form:
                status, reason = self.verdict(problem.form)
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

    def verdict(self, text: str) -> tuple[Status, str]:
        """The status of an answer, and why it is wrong."""
        said = read_parts(self.d, self.ask, text)
        for part, claim in zip(self.parts, said, strict=True):
            reason = differs(self, part, claim)
            if reason is None:
                return "undecided", "no point was found at which both are defined"
            if reason:
                return "wrong", reason
        return "right", ""


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


def minus(a: Node, b: Node) -> Node:
    return add(a, scale(MINUS, b))


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
    if not is_zero(r.start):
        ends = [
            (r.end, "the boundary term at the start is forgotten: u(0) depends on the parameter"),
            (minus(r.end, r.start), "the sign of the boundary term at the start is wrong"),
        ]
    else:
        ends = []
    return (Part(r.running, tuple(wrong)), Part(add(r.start, ended(e, r.end)), tuple(ends)))


def only(e: Any) -> Node:
    """f_u[du]."""
    return substitute(e.sensitivity, {dp: zeros_like(dp) for dp in e.directions.values()})


def ended(e: Any, node: Node) -> Node:
    """An expression at the end of the time, where the state is another one than under the integral."""
    return substitute(node, {e.state: at_end(e)})


def at_end(e: Any) -> Symbol:
    u = e.state
    return symbol(f"{u.name}_at_the_end", u.kind, u.rows, u.cols)


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
INTEGRAL = re.compile(r"(?:int|sum)\s*\(")


def unlabelled(line: str) -> str:
    """What stands right of `gradient =`, `v' =`; the index of a sum has no label."""
    found = LABEL.match(line)
    return line[found.end() :] if found and found[1].count("(") == found[1].count(")") else line


INTEGRAL_SIGN = re.compile(
    r"(?:\\int(?![A-Za-z])|∫)(?:\\limits)?\s*(?:_\s*(?:\{[^{}]*\}|\w)|[₀])?\s*(?:\^\s*(?:\{[^{}]*\}|\w)|[ᵀ¹])?"
)
MEASURE = re.compile(r"(?:\\[,;:! ]|\s)*(?:\\mathrm\s*\{\s*d\s*\}\s*|(?<![A-Za-z\\])d\s?)t(?![A-Za-z])")
SUM_SIGN = re.compile(r"(?:\\sum(?![A-Za-z])|∑)\s*_\s*\{?\s*k\s*=\s*0\s*\}?\s*\^\s*(?:\{\s*N\s*-\s*1\s*\}|\(N-1\))")


def called(line: str) -> str:
    r"""Integrals and sums written by their signs as int(…, t, 0, T) and sum(…, k=0..N-1).

    >>> called(r"-\int_0^T v u^\top\,dt - 2"), called(r"-\sum_{k=0}^{N-1} v_{k+1}")
    ('-int(v u^\\top, t, 0, T) - 2', '-sum(v_{k+1}, k=0..N-1)')
    """
    while (found := INTEGRAL_SIGN.search(line)) and (end := MEASURE.search(line, found.end())):
        inside = line[found.end() : end.start()].strip()
        line = f"{line[: found.start()]}int({inside}, t, 0, T){line[end.end() :]}"
    while found := SUM_SIGN.search(line):
        end_at, depth = len(line), 0
        for i in range(found.end(), len(line)):
            depth += (line[i] in "([{") - (line[i] in ")]}")
            if depth < 0 or (not depth and line[i] in "+-−" and line[found.end() : i].strip()):
                end_at = i
                break
        inside = line[found.end() : end_at].strip()
        line = f"{line[: found.start()]}sum({inside}, k=0..N-1){line[end_at:]}"
    return line


def last_line(text: str) -> tuple[int, str]:
    """The last line with a formula, counted from 1."""
    lines = [(i, line.strip()) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    return lines[-1] if lines else (0, "")


def read_parts(d: Any, ask: str, text: str) -> tuple[Node, ...]:
    """The expressions of an answer.  Raises MatdiffError for what cannot be read."""
    _, line = last_line(text)
    line = respelled(called(line), d)
    if isinstance(d, Implicit):
        known = {s.name: s for s in (*d.function.variables, *d.multipliers)}
        if ask == "adjoint":
            if line.count("=") > 1:
                line = unlabelled(line)
            left, mark, right = line.partition("=")
            if not mark:
                raise ParseError("an equation is asked for", hint="A'*v = c")
            return (minus(reading(left, known), fitted(reading(right, known), reading(left, known))),)
        return (reading(unlabelled(line), known),)
    body = unlabelled(line)
    if isinstance(d, Variation):
        return (claimed(body, d),)
    e = d.evolution
    k = d.index if isinstance(d, Recurrence) else "t"
    known = {v.name: v for v in (*d.variables, e.state, e.multiplier, symbol(k, "scalar"))}
    if ask == "terminal":
        return (reading(at(at(body, e.state.name, r"[^()\[\]]+"), e.multiplier.name, rf"{k}"), known),)
    if ask == "adjoint":
        body = body.split(",   ")[0]
        return (reading(plain_members(body, d, k), known),)
    inside, rest = taken_apart(body)
    if inside is None and is_zero(e.gradients[e.wrt[0]].running):
        inside, rest = "0", body
    elif inside is None:
        inside, rest = body, "0"
    u, v = e.state.name, e.multiplier.name
    end = at_end(e)
    rest = re.sub(rf"(?<!\w){re.escape(u)}\s*[\[(][^()\[\]0]+[\])]", end.name, at(rest, v, "0"))
    running = reading(plain_members(inside, d, k), known)
    return running, reading(rest, {**known, end.name: end})


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


def at(text: str, name: str, place: str) -> str:
    """u for u(T), u[N], u_N."""
    return re.sub(rf"(?<!\w)({re.escape(name)})\s*(?:\({place}\)|\[{place}\]|_\{{{place}\}})", r"\1", text)


def plain_members(text: str, d: Any, k: str) -> str:
    """u for u[k], v for v[k+1], in a differential equation u for u(t)."""
    e = d.evolution
    for s in (e.state, *getattr(d, "sequences", ())):
        text = at(text, s.name, re.escape(k))
    return at(text, e.multiplier.name, rf"{k}\s*\+\s*1" if isinstance(d, Recurrence) else re.escape(k))


def taken_apart(text: str) -> tuple[str | None, str]:
    """The integrand (or summand) of int(…, t, 0, T), and the text with 0 in its place."""
    found = INTEGRAL.search(text)
    if found is None:
        return None, text
    depth, first, end = 0, 0, len(text)
    for i in range(found.end() - 1, len(text)):
        depth += (text[i] in "([") - (text[i] in ")]")
        if text[i] == "," and depth == 1 and not first:
            first = i
        if depth == 0:
            end = i
            break
    inside = text[found.end() : first or end]
    before, behind = factors(text[: found.start()]), text[end + 1 :]
    if before[1] or re.match(r"\s*[*/]", behind):
        after = re.match(r"(?:\s*[*/]\s*(?:\([^()]*\)|[\w.']+))*", behind)
        tail = after[0] if after else ""
        inside, behind = f"{before[1]}({inside}){tail}", behind[len(tail) :]
    rest = f"{before[0]}0{behind}".strip()
    return inside, re.sub(r"^0\s*\+?\s*(?=[^\s])", "", rest) or "0"


def factors(before: str) -> tuple[str, str]:
    """What stands before an integral: the other terms, and the sign and the factors that belong to it.

    >>> factors("k*v(0) - 2*"), factors("-"), factors("a + ")
    (('k*v(0) +', '-2*'), ('', '-'), ('a + ', ''))
    """
    depth = 0
    for i in range(len(before) - 1, -1, -1):
        depth += (before[i] in ")]}") - (before[i] in "([{")
        if not depth and before[i] in "+-−":
            sign, own = ("" if before[i] == "+" else "-"), before[i + 1 :].strip()
            others = before[:i].rstrip()
            return (before, "") if not sign and not own else (f"{others} +" if others else "", sign + own)
    return "", before.strip()


def reading(text: str, known: Mapping[str, Symbol]) -> Node:
    node = inline(fitting(text.strip(), known))
    if strange := next((s for s in symbols(node) if s.name not in known), None):
        raise ParseError(f"{strange.name} is not known here", hint=f"known are {', '.join(known)}")
    return node


def fitting(text: str, known: Mapping[str, Symbol]) -> Node:
    """The function read, entry by entry where its shapes do not fit."""
    for _ in range(MENDS):
        try:
            return read(text, None, "auto", dict(known)).function
        except ShapeError as error:
            again = (
                mended(error, {name for name, s in known.items() if s.kind == "matrix"}) if error.text == text else ""
            )
            if not again:
                raise
            text = again
    return read(text, None, "auto", dict(known)).function


def fitted(node: Node, like: Node) -> Node:
    """A 0 of any shape."""
    zero = node.kind == "scalar" and node is number(0)
    return zeros_like(like) if zero else node


def differs(solution: SystemSolution, part: Part, claim: Node) -> str | None:
    """Why a claim is wrong, an empty text where it is right, None where that is not decided."""
    truth = part.truth
    claim = fitted(claim, truth)
    if (claim.kind, claim.rows, claim.cols) != (truth.kind, truth.rows, truth.cols):
        turned = claim.kind == truth.kind and (claim.rows, claim.cols) == (truth.cols, truth.rows)
        hint = ": transpose it" if turned else ""
        return f"it is {describe(claim)}, but {describe(truth)} is asked for{hint}"
    ask, d = solution.ask, solution.d
    if isinstance(d, Implicit) and ask == "gradient":
        found = d.verify(claim={d.wrt[0].name: _expr(d, claim)})
        return None if found.passed is None else "" if found.passed else found.message or found.reason
    anything = isinstance(d, Implicit)
    if agree(claim, truth) or (anything and agree(scale(MINUS, claim), truth)):
        return ""
    for wrong, said in part.mistakes:
        if agree(claim, wrong) or (anything and agree(scale(MINUS, claim), wrong)):
            return said
    return "it differs at random points"


def _expr(d: Implicit, node: Node) -> Any:
    return type(d.function)(node, d.function.variables)


def agree(a: Node, b: Node) -> bool:
    """Are two expressions equal at random points, all of their names independent of each other?"""
    if (a.kind, a.rows, a.cols) != (b.kind, b.rows, b.cols):
        return False
    known = tuple(dict.fromkeys(symbols(a, b)))
    sized = {d for s in known for d in (s.rows, s.cols)}
    if not {b.rows, b.cols} <= {*sized, number(1).rows}:
        known = (*known, symbol("like_it", b.kind, b.rows, b.cols))
    count = 0
    for seed, way in zip(range(12), ways(minus(a, b), known, {}), strict=False):
        arrays = {v.name: x for v, x in point(known, way, np.random.default_rng(seed)).items()}
        try:
            x, y = (np.asarray(evaluate(n, known, arrays)) for n in (a, b))
        except MatdiffError:
            continue
        if np.linalg.norm(x - y) > CLOSE * (1 + np.linalg.norm(y)):
            return False
        count += 1
        if count == POINTS:
            return True
    return count > 0


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
        status, reason = solution.verdict(text)
    except MatdiffError as error:
        return "unread", f"not read: {error}", line
    return status, reason, line if status == "wrong" else None


__all__ = ["SystemSolution", "is_system", "mark_system"]
