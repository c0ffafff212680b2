"""Differential equations with parameters: sensitivity, adjoint, gradient; formulas, values and code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from matdiff.api.derivation import Derivation
from matdiff.api.expr import Expr
from matdiff.api.integrals import argument, by_entries, entries_of
from matdiff.api.wrt import as_typed, chosen_names, suggestion
from matdiff.calculus.evolution import TIME, Evolution, fresh, simplified
from matdiff.calculus.expression import Typeset
from matdiff.calculus.tangent import check_movable
from matdiff.core.node import Node, Number, Symbol, describe, number, symbol, symbols
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.inference import infer
from matdiff.inference.names import check_defined
from matdiff.ops.algebra import inner
from matdiff.ops.constants import eye, is_zero, zeros_like
from matdiff.printing.integrals import Pen, Style
from matdiff.text.declarations import KINDS, refuse_complex
from matdiff.text.moving import Moving, derivatives
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.tree import Declaration, Program, Span, Tree, walk

if TYPE_CHECKING:
    from matdiff.verify.report import Verification

END = "T"
FREE_OF_STRUCTURE = frozenset({"positive", "nonzero"})
"""What a state may be declared beside its size: it moves in all of space."""


@dataclass(frozen=True, repr=False)
class Equation(Typeset):
    """`of' = rhs`, with `value` at the time `at`."""

    of: Symbol
    rhs: Expr
    at: Node
    value: Expr
    shown: Node
    """The value as it is written, u(T) for the u that it is taken at."""

    def text(self, ascii: bool = False) -> str:
        return self.written(Pen("ascii" if ascii else "unicode")).replace("&= ", "= ")

    def latex(self) -> str:
        return self.written(Pen("latex")).replace("&= ", "= ")

    def written(self, pen: Pen) -> str:
        space = r",\qquad " if pen.style == "latex" else ",   "
        start = f"{pen.show(self.of)}({pen.show(self.at)}) = {pen.side(self.shown)}"
        return pen.equation(pen.prime(self.of), pen.side(self.rhs.node)) + space + start

    def __repr__(self) -> str:
        return f"Equation({self.text()!r})"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True, repr=False)
class Integral(Typeset):
    """A gradient: the integral of `integrand` over the time, `initial` of the multiplier at 0, `final` of the end."""

    integrand: Expr
    initial: Expr
    final: Expr
    evolution: Evolution
    until: Node

    def text(self, ascii: bool = False) -> str:
        return self.written(Pen("ascii" if ascii else "unicode"))

    def latex(self) -> str:
        return self.written(Pen("latex"))

    def __repr__(self) -> str:
        return f"Integral({self.text()!r})"

    def written(self, pen: Pen) -> str:
        e, end = self.evolution, pen.show(self.until)
        parts = [] if is_zero(self.integrand.node) else [pen.integral(self.integrand.node, TIME, number(0), self.until)]
        values = (e.at(self.initial.node, "0"), e.at(self.final.node, end))
        return pen.total(parts + [pen.show(v) for v in values if not is_zero(v)])

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True)
class DifferentialEquation:
    """state' = rhs with its parameters, and the derivative of G = ∫ objective dt + final by them."""

    evolution: Evolution
    until: Node
    variables: tuple[Symbol, ...]
    several: bool = False
    remarks: tuple[str, ...] = ()
    entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)
    """The names of the entries of the state, where it is one of several functions."""

    def _expr(self, node: Node, *others: Symbol) -> Expr:
        return Expr(node, tuple(dict.fromkeys((*self.variables, *others))))

    @cached_property
    def types(self) -> str:
        return self._expr(self.evolution.rhs).types

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What may surprise in how the texts were read, and where they are not differentiable."""
        e = self.evolution
        found = dict.fromkeys(self.remarks)
        for root in (e.rhs, e.initial, e.objective, e.final):
            found |= dict.fromkeys(Derivation(self._expr(root), (e.state, *e.wrt), self.types, True).notes)
        return tuple(found)

    def pen(self, style: Style) -> Pen:
        return Pen(style, entries=self.entries)

    def record(self, pen: Pen) -> dict[str, Any]:
        """What the keys of JSON hold."""
        e = self.evolution
        (equation, value) = (line.replace("&= ", "= ") for line in self._problem(pen))
        return {
            "equation": equation,
            "value": value,
            "wrt": ",".join(self.gradients),
            "forward": self.forward.written(pen).replace("&= ", "= "),
            "adjoint": self.adjoint.written(pen).replace("&= ", "= "),
            "gradient": {x: g.written(pen) for x, g in self.gradients.items()}
            if self.several
            else self.gradient.written(pen),
            "state": e.state.name,
        }

    @cached_property
    def forward(self) -> Equation:
        """The sensitivity equation du' = f_u[du] + f_p[dp], du(0) = g_p[dp]."""
        e = self.evolution
        moving = (e.direction, *e.directions.values())
        rhs, start = simplified(e.sensitivity), simplified(e.initial_sensitivity)
        return Equation(e.direction, self._expr(rhs, *moving), number(0), self._expr(start, *moving), start)

    @cached_property
    def adjoint(self) -> Equation:
        """The adjoint equation v' = J_u − f_u*[v], v(T) = −F_u, solved backwards."""
        e = self.evolution
        end, v = Pen().show(self.until), e.multiplier
        value = self._expr(e.terminal, v)
        return Equation(v, self._expr(e.adjoint, v), self.until, value, e.at(e.terminal, end))

    @cached_property
    def gradient(self) -> Any:
        """∇G as an integral over u and v; a dict of them by name for several parameters."""
        e, v = self.evolution, self.evolution.multiplier
        found = {}
        for p, r in e.gradients.items():
            running, start, end = (self._expr(n, v) for n in (r.running, r.start, r.end))
            found[p.name] = Integral(running, start, end, e, self.until)
        return found if self.several else next(iter(found.values()))

    @property
    def gradients(self) -> dict[str, Integral]:
        return dict(self.gradient) if self.several else {self.evolution.wrt[0].name: self.gradient}

    def solve(
        self,
        /,
        mode: str = "adjoint",
        method: str | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        **arrays: Any,
    ) -> tuple[float, Any]:
        """The value of G and its gradient (a dict for several parameters), by SciPy's `solve_ivp`.

        `mode` is `adjoint` (one pass back over the dense output of the pass forth) or `forward` (a sensitivity for
        each entry of the parameters).  Without a `method` it is DOP853, and Radau where that takes too many steps.
        Raises MatdiffError for missing arrays and where the integration fails.
        """
        from matdiff.api.odesolve import CALLS, Run, Stiff

        if mode not in ("adjoint", "forward"):
            raise MatdiffError(f"mode is adjoint or forward, not {mode!r}")

        def run(method: str, calls: int, fine: tuple[float, float]) -> Any:
            tolerances = (fine[0] if rtol is None else rtol, fine[1] if atol is None else atol)
            return Run(self, arrays, method, *tolerances, calls).gradient(mode)

        if method is not None:
            value, found = run(method, CALLS, (1e-12, 1e-13))
        else:
            try:
                value, found = run("DOP853", CALLS // 3, (1e-12, 1e-13))
            except Stiff:
                value, found = run("Radau", CALLS, (1e-10, 1e-14))
        return value, found if self.several else next(iter(found.values()))

    def run(self, arrays: Mapping[str, Any], calls: int, method: str = "DOP853") -> Any:
        """Its values at arrays, with at most so many evaluations in a pass."""
        from matdiff.api.odesolve import Run

        return Run(self, arrays, method, 1e-11 if method == "DOP853" else 1e-10, 1e-12, calls)

    def source(self, backend: str = "numpy") -> str:
        """A module of its own: the right-hand sides as functions, and `value_and_grad(**arrays)`.

        For "numpy" it integrates by SciPy, for "jax" by Diffrax, under `jax.jit` too.
        """
        from matdiff.api.odesolve import source

        if backend not in ("numpy", "jax"):
            raise UnsupportedError(
                f"the code of a differential equation is written for NumPy and JAX, not for {backend}",
                hint='source("numpy"), source("jax")',
            )
        return source(self, backend)

    def verify(self, seed: int = 0) -> Verification:
        """Forward sensitivity, adjoint gradient and central differences of G, at random parameters."""
        from matdiff.api.odesolve import verified

        return verified(self, seed)

    def sections(self, pen: Pen, mode: str = "both") -> list[tuple[str, list[str]]]:
        """What is told, as sentences with the formulas that follow each."""
        told = [("", self._problem(pen))]
        if mode in ("forward", "both"):
            told += self._forward(pen)
        if mode in ("adjoint", "both"):
            told += self._adjoint(pen)
        return told

    def _problem(self, pen: Pen) -> list[str]:
        e = self.evolution
        start = self._expr(e.initial)
        equation = Equation(e.state, self._expr(e.rhs), number(0), start, e.initial)
        return [equation.written(pen), pen.equation("G", self._value(pen))]

    def _value(self, pen: Pen) -> str:
        e = self.evolution
        return self._sum(pen, e.objective, e.final)

    def _sum(self, pen: Pen, running: Node, final: Node) -> str:
        """∫ running dt + final at the end."""
        parts = [] if is_zero(running) else [pen.integral(running, TIME, number(0), self.until)]
        if not is_zero(final):
            parts.append(pen.show(self.evolution.at(final, pen.show(self.until))))
        return pen.total(parts)

    def _forward(self, pen: Pen) -> list[tuple[str, list[str]]]:
        e = self.evolution
        names = ", ".join(f"d{p.name}" for p in e.wrt)
        changed = self._sum(pen, simplified(e.change), simplified(e.final_change))
        lines = [self.forward.written(pen), pen.equation(pen.pick("dG", "dG", r"\mathrm{d}G"), changed)]
        return [(f"sensitivity equation, to be solved for every direction {names}", lines)]

    def _adjoint(self, pen: Pen) -> list[tuple[str, list[str]]]:
        e, T = self.evolution, pen.show(self.until)

        def integral(body: str) -> str:
            return pen.integral_of(body, TIME, number(0), self.until, False)

        def pairing(left: str, right: str) -> str:
            if e.state.kind != "scalar":
                return pen.pairing(left, right)
            return f"{left} {pen.wrapped(right) if ' ' in right else right}"

        v, dv = pen.show(e.multiplier), pen.prime(e.multiplier)
        du, rate = pen.show(e.direction), pen.prime(e.direction)
        dG = pen.pick("dG", "dG", r"\mathrm{d}G")
        f = pen.wrapped(pen.show(simplified(e.sensitivity)))
        added = integral(pairing(v, f"{rate} {pen.pick('−', '-', '-')} {f}"))
        whole = self._sum(pen, simplified(e.change), simplified(e.final_change))
        minus = pen.pick("−", "-", "-")
        ends = f"{pairing(f'{v}({T})', f'{du}({T})')} {minus} {pairing(f'{v}(0)', f'{du}(0)')} {minus} " + integral(
            pairing(dv, du)
        )
        parted = integral(pairing(v, rate))
        total = added if whole == "0" else f"{whole} + {added}"
        return [
            (f"adjoint 1: add zero, for any {e.multiplier.name}(t)", [pen.equation(dG, total)]),
            ("adjoint 2: integrate by parts", [pen.equation(parted, ends)]),
            (
                f"adjoint 3: choose {e.multiplier.name}, so that {e.direction.name} drops out, and solve backwards",
                [self.adjoint.written(pen)],
            ),
            ("adjoint 4: read off", self._answers(pen)),
        ]

    def _answers(self, pen: Pen) -> list[str]:
        grad = pen.pick("∇G", "grad G", r"\nabla G")
        if not self.several:
            return [pen.equation(grad, self.gradient.written(pen))]
        by = (pen.pick(f"∇G by {x}", f"grad G by {x}", rf"\nabla_{{{pen.name(x)}}} G") for x in self.gradients)
        return [pen.equation(left, g.written(pen)) for left, g in zip(by, self.gradients.values(), strict=True)]

    def __str__(self) -> str:
        lines = []
        for sentence, formulas in self.sections(self.pen("unicode")):
            lines += [sentence] * bool(sentence) + [f"  {f}" if sentence else f for f in formulas]
        return "\n".join(lines)


def parameters(wrt: str | Expr | Sequence[str | Expr]) -> list[str]:
    """The names of the parameters to differentiate by.  Raises ParseError where they are none."""
    names, known = chosen_names(wrt)
    if known or not names:
        raise ParseError("wrt names a parameter here", hint='for instance wrt="p"')
    return names


class Asked:
    """The texts of a problem, read together so that each may say what the others leave open."""

    time, end = TIME, END
    by_entries = False
    """Whether the state stands nowhere but as u_1, u_2, …, its entries."""
    spoken: tuple[str, ...] = ()
    """Names by which entries of the state go."""
    clock, ending = "the time", "the end of the time"
    where = "in a differential equation"
    way = "an equation u' = … for its right-hand side"

    def __init__(
        self, rhs: str, state: str | None, declare: list[str], dialect: str, left: tuple[str, Span] | None
    ) -> None:
        """`left` is the state as it is typed where the text is an equation for it, and the place of its left side."""
        self.dialect = dialect
        if state is None:
            if not left:
                raise ParseError("which name is the state is not said", hint=f'--state u, state="u", or {self.way}')
            state = left[0]
        self.declared = [d for text in declare for d in parse_declarations(text)]
        refuse_complex(self.declared)
        names, _ = chosen_names(state)
        if len(names) != 1:
            raise ParseError("one state is wanted", hint='several quantities are one vector, for instance "[x; y]"')
        (self.state,) = names
        if left and chosen_names(left[0])[0] != names:
            hint = f"state={left[0]!r}, --state {left[0]}"
            message = f"the left side is of {left[0]}, but the state is {state}"
            raise ParseError(message, text=rhs, span=left[1], hint=hint)
        self.typed = state.strip() if isinstance(state, str) else self.state
        self.programs = {"rhs": self.program("rhs", rhs, None)}

    def program(self, role: str, text: str, until: Any) -> Program:
        """What one of the texts says."""
        said = self._said() if role != "rhs" else self.declared
        return parse_program(self.body(role, text, until), self.dialect, said, self.moving(role, until))

    def body(self, role: str, text: str, until: Any) -> str:
        """A text with u[2] for u_2, where the state stands so alone."""
        if role == "rhs":
            self.by_entries = by_entries(text, self.typed) and not any(
                d.name.startswith(f"{self.state}_") for d in self.declared
            )
        return entries_of(text, self.typed) if self.by_entries and role != "initial" else text

    def moving(self, role: str, until: Any) -> Moving:
        """What moves, where it is understood at the time, or at its end."""
        places = {"rhs": (self.time,), "objective": (self.time,), "final": (self.end, "".join(str(until).split()))}
        return dict.fromkeys(self.functions, places[role]) if role in places else {}

    @property
    def functions(self) -> Collection[str]:
        """The functions of the time that the equations are for."""
        return (self.state,)

    def answered(self, names: list[str], initial: Any, objective: Any, final: Any, until: Any) -> DifferentialEquation:
        for role, text in (("initial", initial), ("objective", objective), ("final", final), ("until", until)):
            if text is not None:
                self.programs[role] = self.program(role, str(text), until)
        for role, program in self.programs.items():
            if program.function is None:
                raise ParseError(f"{ROLES[role]} is an expression", text=program.text, span=(0, len(program.text)))
        self._places()
        self._indexed()
        self._times()
        remarks = self._powers()
        self._named_begin()
        begun = self._begun(names)
        variables = self._variables(names, begun)
        u = self._checked(variables)
        self._rates(u, variables)
        names = as_typed(names, list(variables))
        for name in names:
            self._movable(name, variables)
        nodes = {role: self._typed(role, variables) for role in self.programs if role not in ("initial", "until")}
        self._fits(nodes["rhs"], u, "rhs")
        start = self._initial(u, begun, variables)
        for role in ("objective", "final"):
            if role in nodes and nodes[role].kind != "scalar":
                raise self._refused(role, f"{ROLES[role]} is {describe(nodes[role])}, not a scalar", "")
        if self.time in {s.name for s in symbols(nodes.get("final", number(0)))}:
            raise self._refused("final", "the final objective is taken at the end of the time, and holds no t", "")
        end = self._until(variables, names)
        running = nodes.get("objective", number(0))
        ended = nodes.get("final")
        defined = {d.name for p in self.programs.values() for d in p.definitions}
        taken = frozenset({*variables, self.time, self.end, *self.spoken, *defined})
        if ended is None and "objective" not in nodes:
            w = symbol(fresh("W Λ Z" if u.kind == "matrix" else "w λ z", set(taken)), u.kind, u.rows, u.cols)
            ended, variables = inner(w, u), {**variables, w.name: w}
            taken |= {w.name}
            remarks.append(f"no objective is given: G = ⟨{w.name}, {u.name}({Pen().show(end)})⟩ for any {w.name}")
        evolution = Evolution(
            nodes["rhs"], u, tuple(variables[n] for n in names), start, running, ended or number(0), taken
        )
        found = self.found(evolution, end, tuple(variables.values()), len(names) > 1, tuple(remarks))
        _ = evolution.gradients
        return found

    def found(
        self, e: Evolution, until: Node, variables: tuple[Symbol, ...], several: bool, remarks: tuple[str, ...]
    ) -> DifferentialEquation:
        return DifferentialEquation(e, until, variables, several, remarks)

    def _powers(self) -> list[str]:
        """An undeclared state with powers u^2 is a scalar, as vectors have none; what is said of it.

        Not where capitals stand beside it, undeclared: A*u tells a vector as much as u^2 a scalar.
        """
        told = {d.name for d in self._said()}
        if self.state in told or any(name[:1].isupper() for name in self._written() - told):
            return []
        powers = (n for n in self._nodes() if n.head == "^" and n.args[1].head == "number")
        if not any(n.args[0].value == self.state for n in powers):
            return []
        self.declared.append(Declaration(self.state, (), ("scalar",)))
        return [f"{self.state} is read as a scalar, since vectors have no powers ^"]

    def _said(self) -> list[Declaration]:
        return [*self.declared, *(d for p in self.programs.values() for d in p.declarations)]

    def _written(self) -> set[str]:
        """All names that stand in the texts."""
        return {str(n.value) for n in self._nodes() if n.head in ("name", "call")}

    def _nodes(self) -> Iterator[Tree]:
        """All that stands in the texts, their definitions included."""
        return chain.from_iterable(p.nodes() for p in self.programs.values())

    def _places(self) -> None:
        """u(t) and A(t) are understood at the time: as products they would be other equations."""
        for program in self.programs.values():
            for n in program.nodes():
                if n.head == "call" and n.value == "D" and n.args[0].value == self.state:
                    raise self._derived(program, n.span)
                if n.head != "name":
                    continue
                found = argument(program.text, n.span[1]) if n.span[1] else None
                if found is None or program.text[n.span[1] : n.span[1] + 1] == "[":
                    continue
                words, end = found
                if words == {self.time} or (n.value == self.state and self.state not in words):
                    name = n.value
                    raise ParseError(
                        f"is this {name} at a time, or a product?",
                        text=program.text,
                        span=(n.span[0], end),
                        hint=f"{name} is understood at {self.time}: write {name} alone; a product is {name}*(…)",
                    )

    def _derived(self, program: Program, span: Span) -> ParseError:
        hint = f"write the right-hand side of {self.state}' = … out in its place"
        message = f"the derivative of {self.state} does not stand in the texts of its equation"
        return ParseError(message, text=program.text, span=span, hint=hint)

    def _rates(self, u: Symbol, variables: Mapping[str, Symbol]) -> None:
        """The derivative of the state is what the equation says, and other functions have no equation."""
        told = {d.name for d in self._said()}
        for program in self.programs.values():
            for name, n in derivatives(program.nodes(), program.text):
                dotted = n.head == "name"
                if name == u.name and (dotted or u.kind == "scalar"):
                    raise self._derived(program, n.span)
                v = variables.get(str(n.value) if dotted else name)
                if v is not None and v.kind == "scalar" and not (dotted and n.value in told):
                    message = f"{name} has no equation, and so no derivative"
                    hint = f"write a name of its own for a given function of {self.time}, or an equation {name}' = …"
                    raise ParseError(message, text=program.text, span=n.span, hint=hint)
            for n in program.nodes():
                if n.head == "name" and n.value == f"{u.name}_{self.time}":
                    raise self._derived(program, n.span)

    def _times(self) -> None:
        """t is the time and T its end, scalars both."""
        said = {d.name: d for d in self._said()}
        used = self._written()
        if self.state in (self.time, self.end):
            raise ParseError(f"{self.state} is {self.clock}, and so no state", hint="call the state otherwise, say u")
        for name, what in ((self.time, self.clock), (self.end, self.ending)):
            if name == self.end and "until" in self.programs:
                continue
            d = said.get(name)
            if d is None:
                if name in used:
                    self.declared.append(Declaration(name, (), ("scalar",)))
            elif d.dims or d.words != ("scalar",):
                raise ParseError(f"{name} is {what} {self.where}", hint="call the other one otherwise")

    def _indexed(self) -> None:
        """u_2 and u_T, declared nowhere, are no names of their own: the derivative would leave them out."""
        said = {d.name for d in self._said()}
        begins = {n.value for n in self.programs["initial"].nodes()} if "initial" in self.programs else set()
        defined = {d.name for p in self.programs.values() for d in p.definitions}
        for program in self.programs.values():
            for n in program.nodes():
                if n.head != "name" or not n.span[1] or n.value in said | begins | defined:
                    continue
                name, _, index = str(n.value).rpartition("_")
                if name not in self._moving or not (
                    index.isdigit() or index in (self.time, self.end) or (len(index) == 1 and index.isupper())
                ):
                    continue
                if index != "0" or name != self.state:
                    raise self._member(program, n.span, name, str(n.value))
                if begins:
                    raise ParseError(
                        f"{n.value}, the value at 0, is given by other names",
                        text=program.text,
                        span=n.span,
                        hint=f'write them in its place, or declare it: --let "{n.value}: n"',
                    )

    @property
    def _moving(self) -> set[str]:
        """What is another one at another time."""
        return {self.state}

    def _member(self, program: Program, span: Span, name: str, typed: str) -> ParseError:
        message = f"is {typed} an entry of {name}, or {name} at one time alone?"
        hint = f"an entry is {name}[1]; at the end of the time it is {name}({self.end}), in the final objective; "
        hint += f"another vector is declared, {typed}: n"
        return ParseError(message, text=program.text, span=span, hint=hint)

    def _named_begin(self) -> None:
        """u_0, where it stands in a text undeclared, is declared as the state is."""
        said = {d.name: d for d in self._said()}
        for name in {f"{self.state}_0", f"{self.state}0"} & self._written() - said.keys():
            if self.state in said:
                d = said[self.state]
                self.declared.append(replace(d, name=name, words=tuple(w for w in d.words if w in KINDS)))

    def _begun(self, names: list[str]) -> str:
        """The name of the initial value where none is given: u_0, or u0 where that stands in the texts."""
        if "initial" in self.programs:
            return ""
        there = self._written() | {d.name for d in self._said()}
        both = (f"{self.state}_0", f"{self.state}0")
        used = [name for name in both if name in names] or [name for name in both if name in there]
        if len(used) > 1:
            raise ParseError(
                f"say where {self.state} begins", hint=f'--initial "{self.state}_0", initial="{self.state}_0"'
            )
        name = used[0] if used else both[0]
        said = next((d for d in self._said() if d.name == self.state), None)
        if said is not None and name not in there:
            self.declared.append(replace(said, name=name, words=tuple(w for w in said.words if w in KINDS)))
        return name

    def _variables(self, names: list[str], begun: str) -> dict[str, Symbol]:
        """All variables with their types, from all texts at once."""
        there = self._written() | {d.name for d in self._said()}
        if self.state not in there:
            program = self.programs["rhs"]
            hint = f'name the state that stands in it, or declare it: --let "{self.state}: n"'
            span = (0, len(program.text))
            raise ParseError(
                f"{self.state}, the state, does not stand in the equation", text=program.text, span=span, hint=hint
            )
        main = self.programs["rhs"]
        u = Tree("name", (), self.state)
        parts = [Tree("inner", (u, _function(main)), span=(0, len(main.text)))]
        if begun:
            parts.append(Tree("inner", (u, Tree("name", (), begun))))
        elif not self._shapeless(self.programs["initial"]):
            parts.append(Tree("inner", (u, _function(self.programs["initial"]))))
        parts += [_function(self.programs[role]) for role in ("objective", "final") if role in self.programs]
        ended = self.programs.get("until")
        parts += [_function(ended)] if ended is not None else []
        whole = Program(
            main.text,
            [d for p in self.programs.values() for d in p.declarations],
            [d for p in self.programs.values() for d in p.definitions],
            Tree("+", tuple(parts), span=(0, len(main.text))) if len(parts) > 1 else parts[0],
            main.dialect,
        )
        for meant in self._columns():
            with suppress(MatdiffError):
                return dict(infer(whole, [*self.declared, *meant], {}, names).variables)
        try:
            return dict(infer(whole, self.declared, {}, names).variables)
        except MatdiffError:
            for meant in (*self._scalars(begun), *self._vector()):
                with suppress(MatdiffError):
                    return dict(infer(whole, [*self.declared, *meant], {}, names).variables)
            self._one_by_one(names)
            raise

    def _columns(self) -> Iterator[list[Declaration]]:
        """The length of a state that nothing declares, where [u[2]; -u[1]] is written by its entries: a row for each.

        Then each row is a number, and so are the names that nothing else is known of.
        """
        rhs = _function(self.programs["rhs"])
        uses = [t for t in self._nodes() if t.head == "index" and t.args[0].value == self.state]
        if rhs.head != "block" or any(len(row.args) != 1 for row in rhs.args):
            return
        if not uses or self.state in {d.name for d in self._said()}:
            return
        places = [t.args[1].value for t in uses if len(t.args) == 2 and t.args[1].head == "number"]
        if len(places) == len(uses) and all(isinstance(i, int) and i <= len(rhs.args) for i in places):
            column = Declaration(self.state, (str(len(rhs.args)),), ())
            defined = {d.name for d in self.programs["rhs"].definitions}
            own = {self.state, *(d.name for d in self._said()), *defined, "pi", "e", "I"}
            names = sorted({str(n.value) for n in walk(rhs) if n.head == "name"} - own)
            yield [column]
            yield [column, *(Declaration(n, (), ("scalar",)) for n in names)]

    def _scalars(self, begun: str) -> Iterator[list[Declaration]]:
        """All other names as scalars, where the state is declared one, or undeclared and written as only one is."""
        said = {d.name: d for d in self._said()}
        u = said.get(self.state)
        if (u is not None and (u.dims or "scalar" not in u.words)) or (u is None and not self._small()):
            return
        own = {*said, *(d.name for p in self.programs.values() for d in p.definitions)}
        names = {str(n.value) for n in self._nodes() if n.head == "name"}
        names = {n for n in (*names, begun) if n} - own
        yield [Declaration(n, (), ("scalar",)) for n in sorted(names) if n not in ("pi", "e", "I")]

    def _vector(self) -> Iterator[list[Declaration]]:
        """The state as a vector, where nothing declares it: θ of θ − α Aᵀ(A θ − b), as x would be."""
        if self.state not in {d.name for d in self._said()}:
            yield [Declaration(self.state, (), ("vector",))]

    def _small(self) -> bool:
        """Whether 1 − u, u^2 or 1/u stands in the equation, which of an array would be wrong."""

        def holds(t: Tree) -> bool:
            return any(n.head == "name" and n.value == self.state for n in walk(t))

        for t in walk(_function(self.programs["rhs"])):
            numbers = any(a.head == "number" for a in t.args)
            if (t.head == "+" and numbers and holds(t)) or (t.head in ("^", "/") and holds(t.args[t.head == "/"])):
                return True
        return False

    def _one_by_one(self, names: list[str]) -> None:
        """The texts one after the other.  Raises what is wrong with the first that does not fit, where it stands."""
        main = self.programs["rhs"]
        u = Tree("name", (), self.state)
        square = replace(main, function=Tree("inner", (u, _function(main)), span=(0, len(main.text))))
        known: dict[str, Symbol] = {}
        try:
            known = dict(infer(square, self._elsewhere("rhs"), {}, names).variables)
        except MatdiffError:
            typed = infer(main, self._elsewhere("rhs"), {}, names)
            if self.state in typed.variables:
                self._fits(typed.function, typed.variables[self.state], "rhs")
            raise
        for role, program in self.programs.items():
            if role == "rhs" or (role == "initial" and self._shapeless(program)):
                continue
            typed = infer(program, self._elsewhere(role), known, names)
            known |= typed.variables
            if role == "initial":
                self._fits(typed.function, known[self.state], role)
            elif typed.function.kind != "scalar":
                raise self._refused(role, f"{ROLES[role]} is {describe(typed.function)}, not a scalar", "")

    def _shapeless(self, program: Program) -> bool:
        """Whether an initial value is a 0 or an I, which take the shape of the state."""
        return _plain(program) is not None or _identity(program, self._said()) is not None

    def _elsewhere(self, role: str) -> list[Declaration]:
        return [*self.declared, *(d for r, p in self.programs.items() if r != role for d in p.declarations)]

    def _typed(self, role: str, variables: Mapping[str, Symbol]) -> Node:
        typed = infer(self.programs[role], self._elsewhere(role), variables, ())
        check_defined(typed.function, {})
        return typed.function

    def _checked(self, variables: Mapping[str, Symbol]) -> Symbol:
        u = variables.get(self.state)
        if u is None:
            raise ParseError(f"{self.state} is defined in the equation, and so no state of it")
        if u.kind == "row":
            raise UnsupportedError(f"a state is a scalar, a vector or a matrix, and {u.name} is {describe(u)}")
        if extra := sorted(u.attributes - FREE_OF_STRUCTURE):
            raise UnsupportedError(
                f"a state moves in all of space, and {u.name} is declared {' '.join(extra)}",
                hint=f"declare {u.name} by its size alone: if the equation keeps it {extra[0]}, it stays so",
            )
        return u

    def _movable(self, name: str, variables: Mapping[str, Symbol]) -> None:
        if name == self.state:
            raise ParseError(
                f"{name} is the state, not a parameter", hint=f"by its initial value: wrt={name}_0, without initial"
            )
        if name == self.time or (name == self.end and "until" not in self.programs):
            raise UnsupportedError(f"{name} is {self.clock}, not a parameter", hint="differentiate by a parameter")
        if name not in variables:
            others = [v for v in variables if v not in (self.state, self.time)]
            raise ParseError(f"{name} is not a parameter of the equation", hint=suggestion(name, others))
        check_movable(variables[name])

    def _fits(self, f: Node, u: Symbol, role: str) -> None:
        if (f.kind, f.rows, f.cols) != (u.kind, u.rows, u.cols):
            raise self._refused(
                role,
                f"{ROLES[role]} is {describe(f)}, but the state {u.name} is {describe(u)}",
                f"it has the shape of the state; shapes are declared, as in {self.state}: {_size(u)}",
            )

    def _initial(self, u: Symbol, begun: str, variables: Mapping[str, Symbol]) -> Node:
        """The state at 0; the numbers 0 and the identity I take its shape."""
        if begun:
            return variables[begun]
        program = self.programs["initial"]
        if _plain(program) == 0:
            return zeros_like(u)
        place = _identity(program, self._said())
        if place is not None:
            if u.kind == "scalar":
                return number(1)
            if u.kind != "matrix" or u.rows is not u.cols:
                raise ShapeError(f"I is square, but the state {u.name} is {describe(u)}", text=program.text, span=place)
            return eye(u.rows)
        g = self._typed("initial", variables)
        self._fits(g, u, "initial")
        for name in (self.state, self.time):
            if name in {s.name for s in symbols(g)}:
                raise self._refused("initial", f"the initial value holds {name}, but it is one for all of the time", "")
        return g

    def _until(self, variables: Mapping[str, Symbol], names: list[str]) -> Node:
        if "until" not in self.programs:
            return variables.get(self.end) or symbol(self.end, "scalar")
        T = self._typed("until", variables)
        if T.kind != "scalar":
            raise self._refused("until", f"the end of the time is {describe(T)}, not a scalar", "until=1, --until 1")
        inside = {s.name for s in symbols(T)}
        if inside & {self.state, self.time, *names}:
            raise self._refused("until", "the end of the time is a number or a parameter that stays as it is", "")
        if isinstance(T, Number) and not T.value > 0:
            raise self._refused("until", "the time runs from 0 to a positive end", "until=1, --until 1")
        return T

    def _refused(self, role: str, message: str, hint: str) -> MatdiffError:
        program = self.programs[role]
        tree = program.function
        span = tree.span if tree is not None and tree.span[1] else (0, len(program.text))
        return ShapeError(message, text=program.text, span=span, hint=hint)


ROLES = {
    "rhs": "the right-hand side",
    "initial": "the initial value",
    "objective": "the objective",
    "final": "the final objective",
    "until": "the end of the time",
}


def _function(program: Program) -> Tree:
    assert program.function is not None
    return program.function


def _plain(program: Program) -> Any:
    """The 0 that a text is, which takes any shape; None for every other."""
    tree = _function(program)
    return 0 if tree.head == "number" and tree.value == 0 else None


def _identity(program: Program, declared: list[Declaration]) -> tuple[int, int] | None:
    """Where the I stands that a text is, unless I is declared."""
    tree = _function(program)
    named = {*(d.name for d in declared), *(d.name for d in program.definitions)}
    return tree.span if tree.head == "name" and tree.value == "I" and "I" not in named else None


def _size(f: Node) -> str:
    return "×".join(map(str, f.shape)) or "scalar"


__all__ = ["Asked", "DifferentialEquation", "Equation", "Integral"]
