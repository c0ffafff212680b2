"""Differential equations as they are asked for: u' = f, a system u' = v; v' = −u, or one of higher order, u'' = −u.

A system of scalar functions is one equation of first order for the vector x = [u; v], in which each function and each
derivative below the highest is an entry (Hairer, Nørsett & Wanner 1993, §I.1).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from matdiff.api.expr import Expr
from matdiff.api.ode import Asked, DifferentialEquation, parameters
from matdiff.api.reading import texts
from matdiff.api.recurrence import Recurrence, discretised, is_recurrence, recurrence
from matdiff.calculus.evolution import TIME, Evolution, fresh
from matdiff.core.node import Node, Symbol
from matdiff.errors import ParseError, UnsupportedError
from matdiff.text.declarations import refuse_complex
from matdiff.text.moving import accented, primed
from matdiff.text.parser import parse_declarations, parse_program, rates
from matdiff.text.tree import Declaration, Definition, Program, Rate, Tree, walk

LETTERS = "x z y w q s r"
"""What the state is called, the first of these that stands in no text."""
MOST = 100
"""Entries of a state that is put together."""


class Rates(DifferentialEquation):
    """A differential equation, with what it is discretised."""

    def discretised(self, method: str = "rk4", steps: int | None = None) -> Recurrence:
        """The recurrence that a method with so many equal steps (default the symbol N) is, objective included.

        `method` is euler, midpoint, heun or rk4.  The gradient of what it gives is exact for what it computes:
        first discretised, then differentiated.  Raises MatdiffError for another method.

        >>> print(ode("A*u", "u", "A", final="c'*u", until=1).discretised("euler", 10).adjoint)
        v[k] = Aᵀ v[k+1]/10 + v[k+1],   v[10] = −c
        """
        return discretised(self, method, steps)


class AskedRates(Asked):
    """The texts of a differential equation."""

    def found(
        self, e: Evolution, until: Node, variables: tuple[Symbol, ...], several: bool, remarks: tuple[str, ...]
    ) -> DifferentialEquation:
        return Rates(e, until, variables, several, remarks)


class AskedSystem(AskedRates):
    """The texts of a system of scalar functions, or of an equation of higher order."""

    def __init__(self, rhs: str, found: list[Rate], declare: list[str], dialect: str, beside: str) -> None:
        self.dialect = dialect
        self.orders: dict[str, int] = {}
        for rate in found:
            if rate.name in self.orders:
                message = f"{rate.name} has two equations"
                raise ParseError(message, text=rhs, span=rate.span, hint="write one equation for each function")
            self.orders[rate.name] = rate.order
        parts = [(name, order) for name, most in self.orders.items() for order in range(most)]
        if len(parts) > MOST:
            raise UnsupportedError(f"a system of {len(parts)} functions", hint="write it for a vector: u' = A*u")
        self.entry = {part: i for i, part in enumerate(parts, 1)}
        self.state = self.typed = fresh(LETTERS, {*re.findall(r"[^\W\d_]\w*", f"{rhs} {beside} {' '.join(declare)}")})
        self.spoken = tuple(name + "'" * order for name, order in parts)
        self.declared = self._scalar([d for text in declare for d in parse_declarations(text)])
        refuse_complex(self.declared)
        self.declared.append(Declaration(self.state, (str(len(parts)),)))
        self.programs = {"rhs": self.program("rhs", rhs, None)}

    def program(self, role: str, text: str, until: Any) -> Program:
        program = parse_program(text, self.dialect, [], self.moving(role, until))
        program.declarations = self._scalar(program.declarations)
        program.definitions = [self._definition(d, program) for d in program.definitions]
        if role == "rhs":
            program.function = self._column(program)
        elif program.function is not None:
            program.function = self._in_entries(program.function, program)
        return program

    @property
    def functions(self) -> Collection[str]:
        return self.orders

    def answered(self, names: list[str], initial: Any, objective: Any, final: Any, until: Any) -> Any:
        found = super().answered(names, initial, objective, final, until)
        remark = f"{self.state} = [{'; '.join(self.spoken)}] is the state"
        return replace(found, remarks=(remark, *found.remarks), entries={self.state: self.spoken})

    def _scalar(self, declared: list[Declaration]) -> list[Declaration]:
        """Declarations without those of the functions.  Raises UnsupportedError where one is no scalar."""
        for d in declared:
            if d.name in self.orders and (d.dims or d.words != ("scalar",)):
                raise UnsupportedError(
                    f"{d.name} is no scalar, and a system is one of scalar functions",
                    hint="put the functions in one vector or matrix: u' = A*u, [u[2]; -u[1]]",
                )
        return [d for d in declared if d.name not in self.orders]

    def _column(self, program: Program) -> Tree:
        """What the derivative of the state is: for each function its derivatives, and what its equation says."""
        sides = [rate.side for rate in program.rates] if len(program.rates) > 1 else [program.function]
        rows: list[Tree] = []
        for rate, side in zip(program.rates, sides, strict=True):
            assert side is not None
            rows += [self._part(rate.name, order, side) for order in range(1, rate.order)]
            rows.append(self._in_entries(side, program))
        span = (0, len(program.text))
        return (
            Tree("block", tuple(Tree("row", (row,), span=row.span) for row in rows), span=span) if rows[1:] else rows[0]
        )

    def _part(self, name: str, order: int, at: Tree) -> Tree:
        index = Tree("number", (), self.entry[name, order], at.span)
        return Tree("index", (Tree("name", (), self.state, at.span), index), span=at.span)

    def _definition(self, d: Definition, program: Program) -> Definition:
        if d.parameter in self.orders:
            message = f"{d.parameter} moves, and is no parameter of {d.name}"
            raise ParseError(message, text=program.text, span=d.span, hint="call the parameter otherwise")
        return replace(d, body=self._in_entries(d.body, program))

    def _in_entries(self, root: Tree, program: Program) -> Tree:
        """An expression with x[1] for u.  Raises ParseError at a derivative that no entry is."""
        made: dict[Tree, Tree] = {}
        seen: dict[Tree, tuple[str, int]] = {}

        def put(a: Tree) -> Tree:
            # Asked of what stands for itself alone: u' may be a part of u'', which is refused as a whole.
            if a not in seen:
                return made[a]
            if seen[a] not in self.entry:
                raise self._derived_of(seen[a][0], program, a)
            return self._part(*seen[a], a)

        for t in walk(root):
            found = self._derivative(t, seen, program.text)
            if found is not None:
                seen[t] = found
            else:
                made[t] = replace(t, args=tuple(map(put, t.args))) if t.args else t
        return put(root)

    def _derivative(self, t: Tree, seen: dict[Tree, tuple[str, int]], text: str) -> tuple[str, int] | None:
        """The function and the order of the derivative that a part is; None for others."""
        if t.head == "name":
            name, order = accented(str(t.value))
            return (name, order) if name in self.orders else None
        if primed(t, text) and t.args[0] in seen:
            name, order = seen[t.args[0]]
            return name, order + 1
        if t.head == "call" and t.value == "D" and t.args[0] in seen:
            name, order = seen[t.args[0]]
            more = t.args[1].value if len(t.args) > 1 else 1
            return (name, order + more) if isinstance(more, int) else None
        return None

    def _derived_of(self, name: str, program: Program, at: Tree) -> ParseError:
        order = self.orders[name]
        marks = "'" * order
        hint = f"write the right-hand side of {name}{marks} = … out in its place"
        return ParseError(f"the equation is for {name}{marks}", text=program.text, span=at.span, hint=hint)


def ode(
    rhs: str,
    state: str | None = None,
    wrt: str | Expr | Sequence[str | Expr] = (),
    declare: str | Sequence[str] | None = None,
    initial: str | float | None = None,
    objective: str | None = None,
    final: str | None = None,
    until: str | float | None = None,
    dialect: str = "auto",
) -> DifferentialEquation:
    """The differential equation state' = rhs, t the time from 0 `until` T, and how G depends on the parameters `wrt`.

    `initial` is the state at 0 (default a symbol, u_0), `objective` is integrated over the time, `final` is taken at
    its end; without both, G is ⟨w, u(T)⟩ for any w of the shape of the state.
    The text may be the whole of `u' = …`, which tells the state; that of u[k+1] = … is a recurrence, `until` its
    number of steps.  A system `u' = v; v' = −u` of scalars, and an equation `u'' = −u`, are those of the vector
    [u; v], [u; u'], which begins at `initial`.
    Raises ParseError, ShapeError, UnsupportedError.

    >>> print(ode("A*u", state="u", wrt="A", final="c'*u").adjoint)
    v' = −Aᵀ v,   v(T) = −c
    """
    if is_recurrence(rhs):
        return recurrence(rhs, state, wrt, declare, initial, objective, final, until, dialect)
    declared = texts(declare)
    found = rates(rhs, dialect, TIME) if isinstance(rhs, str) else []
    asked: Asked
    if len(found) > 1 or (found and found[0].order > 1):
        beside = " ".join(str(text) for text in (wrt, state, initial, objective, final, until))
        asked = AskedSystem(rhs, found, declared, dialect, beside)
    else:
        left = next((("\\" * (f"\\{rate.name}" in rhs) + rate.name, rate.span) for rate in found), None)
        asked = AskedRates(rhs, state, declared, dialect, left)
    return asked.answered(parameters(wrt), initial, objective, final, until)


__all__ = ["ode"]
