"""Recurrences u[k+1] = g(u[k], p, k): sensitivity, adjoint, gradient, exact for what a program computes.

With v[k] = g_u*[v[k+1]] − J_u and v[N] = −F_u the differential of G = Σ J(u[k], p, k) + F(u[N], p) is that of an
ordinary differential equation, summation by parts in the place of integration (Strang & Johnson, Matrix Calculus
2023, on ODE sensitivity; Griewank & Walther 2008, ch. 3).  Names with an index of their own, y[k], are sequences.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matdiff.api.expr import Expr
from matdiff.api.integrals import blanked
from matdiff.api.ode import Asked, DifferentialEquation, parameters
from matdiff.api.reading import texts
from matdiff.api.wrt import chosen_names
from matdiff.calculus.evolution import MINUS, TIME, Evolution, fresh, simplified
from matdiff.calculus.expression import Typeset
from matdiff.core.node import Node, Number, Symbol, number, symbol, symbols
from matdiff.core.op import differential_symbol
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import ADD, add, is_op, scale
from matdiff.ops.constants import is_zero
from matdiff.printing.integrals import Pen
from matdiff.simplify.stacked import stacked_rows
from matdiff.text.moving import Moving
from matdiff.text.parser import parse_program
from matdiff.text.tree import Program, Span

if TYPE_CHECKING:
    from matdiff.verify.report import Verification

INDEX = "k"
COUNT = "N"
NAME = r"\\?[^\W\d_]\w*?(?:\{[^{}]*\})?"
MOST = 1_000_000
"""Most steps that are run."""
FEW = 4
"""Steps of the runs that verify."""


@dataclass(frozen=True, repr=False)
class Indexed(Typeset):
    """`of[at] = rhs` for every index, and `of[end] = value`; symbols stand for their members."""

    of: Symbol
    at: str
    rhs: Expr
    end: str
    value: Expr
    places: tuple[tuple[Symbol, str], ...]
    """At which index each symbol of the right-hand side is taken."""
    last: tuple[tuple[Symbol, str], ...] = ()

    def text(self, ascii: bool = False) -> str:
        return self.written(Pen("ascii" if ascii else "unicode")).replace("&= ", "= ")

    def latex(self) -> str:
        return self.written(Pen("latex")).replace("&= ", "= ")

    def written(self, pen: Pen) -> str:
        space = r",\qquad " if pen.style == "latex" else ",   "
        line = pen.equation(member(pen, self.of, self.at), placed(pen, self.rhs.node, self.places))
        end = f"{member(pen, self.of, self.end)} = {pen.side(placed_node(pen, self.value.node, self.last))}"
        return line + space + end

    def __repr__(self) -> str:
        return f"Indexed({self.text()!r})"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True, repr=False)
class Sum(Typeset):
    """A gradient: `term` summed over the index, `initial` of the multiplier at 0, `final` of the state at the end.

    By a sequence it is no sum but a sequence itself, a term for each index.
    """

    term: Expr
    initial: Expr
    final: Expr
    of: Recurrence
    each: bool = False

    def text(self, ascii: bool = False) -> str:
        return self.written(Pen("ascii" if ascii else "unicode"))

    def latex(self) -> str:
        return self.written(Pen("latex"))

    def written(self, pen: Pen) -> str:
        d, e = self.of, self.of.evolution
        if self.each:
            return placed(pen, self.term.node, d.places(pen))
        parts = [] if is_zero(self.term.node) else [d.summed(pen, self.term.node)]
        ends = ((self.initial.node, ((e.multiplier, "0"),)), (self.final.node, d.last(pen)))
        return pen.total(parts + [placed(pen, n, at) for n, at in ends if not is_zero(n)])

    def __repr__(self) -> str:
        return f"Sum({self.text()!r})"

    def __str__(self) -> str:
        return self.text()


def member(pen: Pen, s: Symbol, at: str) -> str:
    """u[k], in LaTeX u_{k}."""
    return ahead(pen.show(taken(pen, s, at)))


def ahead(text: str) -> str:
    r"""LaTeX has u_{k+1} for the name u_kp1."""
    return re.sub(r"_\{\\mathrm\{([a-z])p1\}\}", r"_{\1+1}", text)


def taken(pen: Pen, s: Symbol, at: str) -> Symbol:
    """A symbol that is written as the member of a sequence."""
    if pen.style != "latex":
        return symbol(f"{s.name}[{at}]", s.kind, s.rows, s.cols)
    shown = "".join(c if c.isalnum() else "p" if c == "+" else "" for c in at)
    of = symbol(f"{s.of.name}_{shown}", s.kind, s.rows, s.cols) if s.of is not None else None
    return symbol(f"{s.name}_{shown}", s.kind, s.rows, s.cols, of=of)


def placed_node(pen: Pen, node: Node, places: Sequence[tuple[Symbol, str]]) -> Node:
    return substitute(node, {s: taken(pen, s, at) for s, at in places})


def placed(pen: Pen, node: Node, places: Sequence[tuple[Symbol, str]]) -> str:
    return ahead(pen.show(placed_node(pen, node, places)))


@dataclass(frozen=True)
class Recurrence(DifferentialEquation):
    """state[k+1] = rhs with its parameters, and the derivative of G = Σ objective + final by them.

    `until` is the number of steps; `sequences` are names that have a member for each step.
    """

    index: str = INDEX
    sequences: tuple[Symbol, ...] = ()

    # how it is written

    def places(self, pen: Pen) -> tuple[tuple[Symbol, str], ...]:
        """The state at k, the multiplier at k + 1, sequences at k."""
        e, k = self.evolution, self.index
        moving: list[Any] = [differential_symbol(s) for s in self.sequences]
        now = (e.state, e.direction, *self.sequences, *moving)
        return (*((s, k) for s in now), (e.multiplier, f"{k}+1"))

    def last(self, pen: Pen) -> tuple[tuple[Symbol, str], ...]:
        """The state and its direction at the end."""
        e, end = self.evolution, self.count(pen)
        return (e.state, end), (e.direction, end)

    def count(self, pen: Pen) -> str:
        return Pen("ascii").show(self.until)

    def summed(self, pen: Pen, node: Node) -> str:
        return self.sum_of(pen, placed(pen, node, self.places(pen)), is_op(node, ADD))

    def sum_of(self, pen: Pen, body: str, compound: bool = True) -> str:
        """Σ from 0 to N − 1."""
        k, N = self.index, pen.show(self.until)
        top = str(int(self.until.value) - 1) if isinstance(self.until, Number) else ""
        if pen.style == "ascii":
            return f"sum({body}, {k}=0..{top or f'{N}-1'})"
        inside = pen.wrapped(body) if compound else body
        if pen.style == "latex":
            return rf"\sum_{{{k}=0}}^{{{top or f'{N}-1'}}} {inside}"
        return f"Σ_{{{k}=0}}^{{{top or f'{N}−1'}}} {inside}"

    @cached_property
    def forward(self) -> Indexed:  # type: ignore[override]
        """The sensitivities du[k+1] = g_u[du[k]] + g_p[dp], du[0] = u_0'[dp]."""
        e, pen = self.evolution, Pen()
        moving = (e.direction, *e.directions.values())
        rhs, start = simplified(e.sensitivity), simplified(e.initial_sensitivity)
        first = self._expr(start, *moving)
        return Indexed(e.direction, f"{self.index}+1", self._expr(rhs, *moving), "0", first, self.places(pen))

    @cached_property
    def adjoint(self) -> Indexed:  # type: ignore[override]
        """The adjoint recurrence v[k] = g_u*[v[k+1]] − J_u, v[N] = −F_u, run backwards."""
        e, pen = self.evolution, Pen()
        v = e.multiplier
        rhs = self._expr(self.back, v)
        value = self._expr(e.terminal, v)
        return Indexed(v, self.index, rhs, self.count(pen), value, self.places(pen), self.last(pen))

    @cached_property
    def back(self) -> Node:
        """g_u*[v[k+1]] − J_u."""
        return stacked_rows(simplified(scale(MINUS, self.evolution.adjoint)))

    @cached_property
    def gradient(self) -> Any:
        """∇G as a sum over u and v; a dict of them by name for several parameters."""
        v = self.evolution.multiplier
        found = {}
        for p, r in self.evolution.gradients.items():
            term, start, end = (self._expr(n, v) for n in (r.running, r.start, r.end))
            found[p.name] = Sum(term, start, end, self, p in self.sequences)
        return found if self.several else next(iter(found.values()))

    def record(self, pen: Pen) -> dict[str, Any]:
        """What the keys of JSON hold."""
        found = super().record(pen)
        return {**found, "index": self.index, "sequences": [s.name for s in self.sequences]}

    def _problem(self, pen: Pen) -> list[str]:
        e = self.evolution
        start = self._expr(e.initial)
        equation = Indexed(e.state, f"{self.index}+1", self._expr(e.rhs), "0", start, self.places(pen))
        return [equation.written(pen), pen.equation("G", self._sum(pen, e.objective, e.final))]

    def _sum(self, pen: Pen, running: Node, final: Node) -> str:
        parts = [] if is_zero(running) else [self.summed(pen, running)]
        if not is_zero(final):
            parts.append(placed(pen, final, self.last(pen)))
        return pen.total(parts)

    def _forward(self, pen: Pen) -> list[tuple[str, list[str]]]:
        names = ", ".join(f"d{p.name}" for p in self.evolution.wrt)
        (_, lines), *_ = super()._forward(pen)
        return [(f"sensitivities, to be run for every direction {names}", lines)]

    def _adjoint(self, pen: Pen) -> list[tuple[str, list[str]]]:
        e, k, N = self.evolution, self.index, self.count(pen)
        dG, minus = pen.pick("dG", "dG", r"\mathrm{d}G"), pen.pick("−", "-", "-")

        def pair(i: str) -> str:
            left, right = member(pen, e.multiplier, i), member(pen, e.direction, i)
            return pen.pairing(left, right) if e.state.kind != "scalar" else f"{left} {right}"

        after = member(pen, e.multiplier, f"{k}+1"), member(pen, e.direction, f"{k}+1")
        f = pen.wrapped(placed(pen, simplified(e.sensitivity), self.places(pen)))
        step = f"{after[1]} {minus} {f}"
        scalar = e.state.kind == "scalar"
        added = self.sum_of(pen, f"{after[0]} {pen.wrapped(step)}" if scalar else pen.pairing(after[0], step), False)
        whole = self._sum(pen, simplified(e.change), simplified(e.final_change))
        parted = f"{pair(N)} {minus} {pair('0')} + {self.sum_of(pen, pair(k), False)}"
        shifted = self.sum_of(pen, pair(f"{k}+1"), False)
        v = e.multiplier.name
        return [
            (
                f"adjoint 1: add zero, for any {v}[1], …, {v}[{N}]",
                [pen.equation(dG, added if whole == "0" else f"{whole} + {added}")],
            ),
            ("adjoint 2: sum by parts", [pen.equation(shifted, parted)]),
            (f"adjoint 3: choose {v}, so that {e.direction.name} drops out, and run backwards",
             [self.adjoint.written(pen)]),
            ("adjoint 4: read off", self._answers(pen)),
        ]  # fmt: skip

    # values

    def solve(self, /, mode: str = "adjoint", **arrays: Any) -> tuple[float, Any]:  # type: ignore[override]
        """The value of G and its gradient (a dict for several parameters), by running forth and back.

        Sequences are arrays with a row (an entry, a matrix) for each step, which say the number of steps.
        Raises MatdiffError for missing arrays, DomainError where the values leave every bound.
        """
        if mode not in ("adjoint", "forward"):
            raise MatdiffError(f"mode is adjoint or forward, not {mode!r}")
        value, found = self.run(arrays, MOST).gradient(mode)
        return value, found if self.several else next(iter(found.values()))

    def run(self, arrays: Mapping[str, Any], calls: int, method: str = "") -> Any:
        from matdiff.api.recurring import Run

        return Run(self, arrays, calls)

    def source(self, backend: str = "numpy") -> str:
        """A module of its own: the steps as functions, and `value_and_grad(**arrays)`; "numpy" or "jax"."""
        from matdiff.api.recurring import source

        return source(self, backend)

    def verify(self, seed: int = 0) -> Verification:
        """Sensitivities, adjoint and central differences of G, at random parameters, over a few steps."""
        from matdiff.api.odesolve import verified

        return verified(replace(self, until=number(FEW)), seed)

    def expanded(self, arrays: dict[str, Any], rng: Any) -> dict[str, Any]:
        """Random arrays with a member for each step of the sequences."""
        for s in self.sequences:
            if s.name in arrays:
                shape = (FEW, *arrays[s.name].shape)
                arrays[s.name] = 0.6 * rng.normal(size=shape) if not s.attributes else 0.6 + rng.random(size=shape)
        return arrays


def recurrence(
    rhs: str,
    state: str | None = None,
    wrt: str | Expr | Sequence[str | Expr] = (),
    declare: str | Sequence[str] | None = None,
    initial: str | float | None = None,
    objective: str | None = None,
    final: str | None = None,
    steps: str | float | None = None,
    dialect: str = "auto",
) -> Recurrence:
    """The recurrence state[k+1] = rhs, k from 0, and how G depends on the parameters `wrt`.

    `rhs` may be the whole of `u[k+1] = u[k] + h*f(u[k], p)`, or u_{k+1} = … in LaTeX, which tells the state.
    `initial` is the state at 0 (default a symbol, u_0), `objective` is summed over the steps, `final` is taken after
    the last of `steps` (default the symbol N).  Without both, G is ⟨w, u[N]⟩ for any w.  Names with an index, y[k],
    are sequences.
    Raises ParseError, ShapeError, UnsupportedError.

    >>> d = recurrence("u[k+1] = A*u[k]", "u", "A", final="c'*u[N]")
    >>> print(d.adjoint, d.gradient, sep="; ")
    v[k] = Aᵀ v[k+1],   v[N] = −c; Σ_{k=0}^{N−1} −v[k+1] u[k]ᵀ
    """
    names = parameters(wrt)
    asked = AskedSteps(rhs, state, texts(declare), dialect)
    found = asked.answered(names, initial, objective, final, steps)
    assert isinstance(found, Recurrence)
    return found


TABLEAUS: dict[str, tuple[tuple[tuple[Fraction, ...], ...], tuple[Fraction, ...]]] = {
    "euler": (((),), (Fraction(1),)),
    "midpoint": (((), (Fraction(1, 2),)), (Fraction(0), Fraction(1))),
    "heun": (((), (Fraction(1),)), (Fraction(1, 2), Fraction(1, 2))),
    "rk4": (
        ((), (Fraction(1, 2),), (Fraction(0), Fraction(1, 2)), (Fraction(0), Fraction(0), Fraction(1))),
        (Fraction(1, 6), Fraction(1, 3), Fraction(1, 3), Fraction(1, 6)),
    ),
}
"""The stages and weights of explicit methods (Hairer, Nørsett & Wanner 1993, §II.1)."""


def discretised(d: DifferentialEquation, method: str, steps: int | None) -> Recurrence:
    """The recurrence of an explicit method; the objective is integrated by its weights."""
    if isinstance(d, Recurrence):
        raise MatdiffError("a recurrence is discretised already", hint="leave out the method")
    if method not in TABLEAUS:
        raise MatdiffError(f"there is no method {method!r}", hint=f"the methods are {', '.join(TABLEAUS)}")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise MatdiffError(f"the number of steps is a whole number, not {steps!r}")
    e = d.evolution
    names = {v.name for v in (*d.variables, *symbols(e.rhs, e.objective, e.initial, e.final))}
    index = symbol(fresh("k j i l", names), "scalar")
    count = number(steps) if steps is not None else symbol(fresh("N M K L", names), "scalar")
    h = simplified(d.until / count) if steps is None else simplified(scale(number(Fraction(1, steps)), d.until))
    time = next((s for s in symbols(e.rhs, e.objective) if s.name == TIME), None)
    stages, weights = TABLEAUS[method]
    rates: list[Node] = []
    costs: list[Node] = []
    for row in stages:
        moved: dict[Symbol, Node] = {}
        if rates:
            before = zip(row, rates, strict=True)
            moved[e.state] = add(e.state, *(scale(scale(number(a), h), K) for a, K in before if a))
        if time is not None:
            moved[time] = scale(add(index, number(sum(row, Fraction(0)))), h)
        rates.append(substitute(inline(e.rhs), moved))
        costs.append(substitute(inline(e.objective), moved))
    pairs = list(zip(weights, rates, costs, strict=True))
    step = add(e.state, *(scale(scale(number(b), h), K) for b, K, _ in pairs if b))
    cost = add(*(scale(scale(number(b), h), J) for b, _, J in pairs if b))
    evolution = Evolution(step, e.state, e.wrt, e.initial, cost, e.final, frozenset({*e.taken, index.name}))
    variables = tuple(dict.fromkeys((*(v for v in d.variables if v.name != TIME), *symbols(count, d.until))))
    remark = f"{method} with the step {Pen().show(h)}: its gradient is exact, whatever the step"
    return Recurrence(evolution, count, variables, d.several, (*d.remarks, remark), index.name)


def is_recurrence(text: str) -> bool:
    """Whether a text has u[k+1] = … or u_{k+1} = … on its left."""
    return isinstance(text, str) and LEFT.match(text) is not None


LEFT = re.compile(
    rf"\s*(?P<u>{NAME})\s*(?:\[\s*(?P<a>[a-z])\s*\+\s*1\s*\]|_\{{?\s*(?P<b>[a-z])\s*\+\s*1\s*\}}"
    rf"|\(\s*(?P<c>[a-z])\s*\+\s*1\s*\)|\^\{{\s*\(?\s*(?P<d>[a-z])\s*\+\s*1\s*\)?\s*\}})\s*&?\s*=(?!=)"
)


class AskedSteps(Asked):
    """The texts of a recurrence."""

    clock, ending = "the index", "the number of steps"
    where = "in a recurrence"
    way = "an equation u[k+1] = … for its right-hand side"

    def __init__(self, rhs: str, state: str | None, declare: list[str], dialect: str) -> None:
        found = LEFT.match(rhs) if isinstance(rhs, str) else None
        index = next((c for c in found.group("a", "b", "c", "d") if c), INDEX) if found else INDEX
        self.time, self.end = index, COUNT
        self.members: Counter[str] = Counter()
        self.numbered = found is not None and "[" in found[0]
        self.raised = found is not None and found["d"] is not None and "(" not in found[0]
        self.begins: dict[int, int] = {}
        left = (found["u"], (0, found.end() - 1)) if found else None
        super().__init__(rhs, state, declare, dialect, left)
        self._members()

    def program(self, role: str, text: str, until: Any) -> Program:
        """What one of the texts says, with its places in the text as it is typed."""
        self.begins = {}
        try:
            body = self.body(role, text, until)
            program = parse_program(body, self.dialect, self._said() if role != "rhs" else self.declared)
        except MatdiffError as error:
            if error.span and error.text is not None and len(error.text) == len(text):
                error.text, error.span = text, self.place(error.span)
            raise
        if program.text == body:
            program.text = text
            for t in program.nodes():
                t.span = self.place(t.span)
        return program

    def place(self, span: Span) -> Span:
        """Where something begins that begins with a member: u stands at the end of u[k]."""
        return self.begins.get(span[0], span[0]), span[1]

    def body(self, role: str, text: str, until: Any) -> str:
        """A text with `u` for `u[k]` and `y` for `y[k]`."""
        k = self.time
        found = LEFT.match(text) if role == "rhs" else None
        text = blanked(text, 0, found.end()) if found else text
        here = {"final": f"(?:N|{re.escape(str(until))})"}.get(role, re.escape(k))
        self._entries(text, here)
        state = re.escape(self.typed)
        other = re.search(rf"({NAME})\s*(?:\[|_\{{|\()\s*{re.escape(k)}\s*([+-])\s*(\d+|\w)\s*[\])}}]", text)
        if other and role in ("rhs", "objective") and (other[1] == self.typed or "(" not in other[0]):
            u = self.typed
            way = f"a longer memory is part of the state, as in [{u}[{k}]; {u}[{k}-1]]"
            message = f"a step is from {k} to {k}+1, and {other[0]} is another one"
            raise UnsupportedError(message, text=text, span=other.span(), hint=way)
        forms = (
            rf"(?<![\w\\])({NAME})\s*\[\s*{here}\s*\]",
            rf"(?<![\w\\])({NAME})_\{{\s*{here}\s*\}}",
            rf"(?<![\w\\])({NAME})_{here}(?![\w{{])",
            rf"(?<![\w\\])({NAME})\^\{{\s*\({here}\)\s*\}}",
            rf"(?<![\w\\])({state})\s*\(\s*{here}\s*\)",
            *([rf"(?<![\w\\])({state})\s*\^(?:\{{\s*{here}\s*\}}|{here}(?!\w))"] * self.raised),
        )
        for pattern in forms:
            for place in list(re.finditer(pattern, text)):
                if role == "initial" or role == "until":
                    continue
                if role == "final" and place[1] != self.typed:
                    continue
                self.members[place[1]] += 1
                self.begins[place.end() - len(place[1])] = place.start()
                text = text[: place.start()] + place[1].rjust(place.end() - place.start()) + text[place.end() :]
        power = re.search(rf"({NAME})\s*\^\s*(?:\{{\s*{here}\s*\}}|{here}(?!\w))", text) if self.raised else None
        if power:
            u, y = self.typed, power[1]
            message = f"is {power[0]} a power, or {y} at one step, as {u}^{{{k}+1}} is {u} at the next?"
            hint = f"a member is {y}_{k}, and where there are powers the state is {u}_{{{k}+1}}"
            raise ParseError(message, text=text, span=power.span(), hint=hint)
        return text

    def _entries(self, text: str, here: str) -> None:
        """u[2] beside u[k] is the state of a step as much as an entry: u[k][2] is that."""
        u, k = self.typed, self.time
        own = rf"(?<![\w\\]){re.escape(u)}\s*\["
        self.numbered |= re.search(rf"{own}\s*{re.escape(k)}\s*(?:\+\s*1\s*)?\]", text) is not None
        found = re.search(rf"{own}\s*(?!{here}\s*\])(\d+)\s*\]", text)
        if not found or not self.numbered:
            return
        i = found[1]
        message = f"is {u}[{i}] an entry of {u}, or the state of one step alone?"
        hint = f"an entry is {u}[{k}][{i}], in the final objective {u}[N][{i}]"
        if i == "0":
            message, hint = f"{u}[0] is the initial value", f"it is typed {u}_0, or as it is given"
        raise ParseError(message, text=text, span=found.span(), hint=hint)

    @property
    def _moving(self) -> set[str]:
        return {self.state, *(chosen_names(m)[0][0] for m in self.members)}

    def _member(self, program: Program, span: Span, name: str, typed: str) -> ParseError:
        message = f"is {typed} an entry of {name}, or {name} at one step alone?"
        hint = f"an entry is {name}[{self.time}][1]; after the last step {self.state} is {self.state}[N]; "
        hint += f"another vector is declared, {typed}: n"
        return ParseError(message, text=program.text, span=span, hint=hint)

    def moving(self, role: str, until: Any) -> Moving:
        return {}

    def _members(self) -> None:
        """Names of members as the language has them, so that what is left without an index is seen."""
        self.sequenced = {chosen_names(m)[0][0] for m in self.members} - {self.state}

    def _bare(self) -> None:
        """Raises where a sequence stands without its index as well, and so is another thing there."""
        counts: Counter[str] = Counter()
        for member, count in self.members.items():
            counts[chosen_names(member)[0][0]] += count
        for program in self.programs.values():
            for t in program.nodes():
                if t.head != "name" or t.value not in self.sequenced or not t.span[1]:
                    continue
                counts[str(t.value)] -= 1
                if counts[str(t.value)] < 0:
                    raise ParseError(
                        f"{t.value} stands with the index {self.time} and without it",
                        text=program.text,
                        span=t.span,
                        hint=f"a sequence is {t.value}[{self.time}] everywhere; what is no sequence has another name",
                    )

    def found(
        self, e: Evolution, until: Node, variables: tuple[Symbol, ...], several: bool, remarks: tuple[str, ...]
    ) -> DifferentialEquation:
        self._members()
        self._bare()
        sequences = tuple(v for v in variables if v.name in self.sequenced)
        for s in sequences:
            if s in symbols(e.initial, e.final, until):
                raise ParseError(f"{s.name}[{self.time}] is a sequence, and stands without an index as well")
            if s.attributes - {"positive", "nonzero"}:
                raise UnsupportedError(f"the members of the sequence {s.name} move in all of space")
        if isinstance(until, Number) and not (isinstance(until.value, int) and until.value > 0):
            raise self._refused("until", "the number of steps is a whole number", "steps=10, --steps 10")
        if sequences:
            members = ", ".join(f"{s.name}[{self.time}]" for s in sequences)
            remarks += (f"sequences: {members}; their arrays have a row for each step",)
        return Recurrence(e, until, variables, several, remarks, self.time, sequences)

    def _rates(self, u: Symbol, variables: Mapping[str, Symbol]) -> None:
        """There is no derivative of the state."""

    def _places(self) -> None:
        """What has an index is read before."""


__all__ = ["Indexed", "Recurrence", "Sum", "is_recurrence", "recurrence"]
