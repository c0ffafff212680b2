"""The calculus of variations: functionals read from text, their gradients, boundary terms and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from matdiff.api.expr import Expr
from matdiff.api.functional import reading
from matdiff.calculus.expression import Typeset
from matdiff.calculus.variations import Functional, endless, jet, numerator
from matdiff.core.node import Node, Symbol, symbol
from matdiff.errors import MatdiffError, ParseError
from matdiff.ops.constants import is_zero
from matdiff.printing.integrals import Pen, Style

if TYPE_CHECKING:
    from matdiff.verify.report import Verification

Ends = Literal["fixed", "free"]
ENDS = ("fixed", "free")
WAY_OUT = (
    'say ends="fixed" or --ends fixed where u is given at both ends, and du is 0 there; '
    "free where nothing is given, and the natural boundary condition holds"
)


class Formula(Expr):
    """An expression in x, u, u', …; in ASCII the derivatives are D(u), D(u,2), as they are typed."""

    __slots__ = ("typed",)

    def __init__(self, node: Node, variables: tuple[Symbol, ...], typed: tuple[tuple[Symbol, str], ...]) -> None:
        super().__init__(node, variables)
        self.typed = typed

    def text(self, ascii: bool = False, defined: bool = True) -> str:
        return Pen("ascii" if ascii else "unicode", self.typed, tuple(v.name for v in self.variables)).show(self.node)


@dataclass(frozen=True)
class Variation:
    """A functional f of functions of x, and how it changes with them."""

    functional: Functional
    variables: tuple[Symbol, ...]
    ends: Ends
    several: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def typed(self) -> tuple[tuple[Symbol, str], ...]:
        """The derivatives as plain text has them."""
        found: list[tuple[Symbol, str]] = []
        for u in self.functional.functions:
            for k in range(1, 2 * self.functional.order(*self.functional.functions) + 1):
                name = f"D({u.name})" if k == 1 else f"D({u.name},{k})"
                found.append((jet(u, k), name))
        for v, dv in self.functional.all_directions.items():
            base = v.name.rstrip("'")
            k = len(v.name) - len(base)
            if k:
                found.append((dv, f"D(d{base})" if k == 1 else f"D(d{base},{k})"))
        return tuple(found)

    def pen(self, style: Style) -> Pen:
        return Pen(style, self.typed, tuple(v.name for v in self.variables))

    def _formula(self, node: Node) -> Formula:
        return Formula(node, self.variables, self.typed)

    def _each(self, nodes: Mapping[Symbol, Any]) -> Any:
        return {u.name: n for u, n in nodes.items()} if self.several else next(iter(nodes.values()))

    @property
    def types(self) -> str:
        F = self.functional
        told = [
            f"{u.name}: {'×'.join(map(str, u.shape))}{' ' * bool(u.shape)}function of {F.x.name}" for u in F.functions
        ]
        others = [v for v in self.variables if v not in F.functions and v is not F.x]
        rest = Expr(F.lagrangian, tuple(others)).types
        return "; ".join([*told, *([rest] if rest else [])])

    @cached_property
    def lagrangian(self) -> Formula:
        return self._formula(self.functional.lagrangian)

    @cached_property
    def differential(self) -> Formula:
        """The integrand of df, linear in du, du', …"""
        return self._formula(self.functional.change)

    @cached_property
    def second_variation(self) -> Formula:
        """The integrand of d²f, quadratic in du, du', …"""
        return self._formula(self.functional.second)

    @cached_property
    def gradient(self) -> Any:
        """∇f = L_u − d/dx L_u' + d²/dx² L_u'', a function of x; a dict by name for several functions."""
        return self._each({u: self._formula(g) for u, g in self.functional.gradients.items()})

    @cached_property
    def boundary(self) -> Any:
        """What multiplies du at the ends, L_u' − d/dx L_u''; 0 where nothing does; a dict for several functions."""
        return self._each({u: rows[0] for u, rows in self._rows.items()})

    @cached_property
    def boundaries(self) -> Any:
        """What multiplies du, du', … at the ends, a tuple; a dict of them for several functions."""
        return self._each(self._rows)

    @cached_property
    def _rows(self) -> dict[Symbol, tuple[Formula, ...]]:
        from matdiff.ops.constants import zeros_like

        return {u: tuple(map(self._formula, rows or [zeros_like(u)])) for u, rows in self.functional.boundaries.items()}

    @cached_property
    def euler_lagrange(self) -> Any:
        """The Euler–Lagrange equation, ∇f = 0 without denominators; a dict for several functions."""
        return self._each({u: EulerLagrange(self._formula(n)) for u, n in self._numerators.items()})

    @cached_property
    def _numerators(self) -> dict[Symbol, Node]:
        return {u: numerator(g) for u, g in self.functional.gradients.items()}

    def value(self, u: Any, /, **parameters: Any) -> float:
        """f at a function: a callable, or a tuple of callables (value, derivative, …); a dict for several functions."""
        from matdiff.api.quadrature import value

        return value(self.functional, self.variables, self._given(u, "u"), parameters)

    def variation(self, u: Any, du: Any, /, **parameters: Any) -> float:
        """df at u in the direction du, functions as for `value`.

        Raises DomainError where the ends are fixed and du is not 0 there.
        """
        from matdiff.api.quadrature import variation

        given = self._given(u, "u"), self._given(du, "du")
        return variation(self.functional, self.variables, *given, parameters, self.ends == "fixed")

    def _given(self, u: Any, what: str) -> dict[str, Any]:
        names = [v.name for v in self.functional.functions]
        if isinstance(u, Mapping):
            if unknown := [n for n in u if n not in names]:
                raise MatdiffError(f"{unknown[0]} is no function of the functional", hint=f"it has {', '.join(names)}")
            return dict(u)
        if len(names) > 1 and (self.several or what == "u"):
            raise MatdiffError(f"{what} is wanted of {', '.join(names)}", hint="pass a dict by their names")
        return {self.functional.wrt[0].name: u}

    def verify(self, seed: int = 0) -> Verification:
        """The gradient and the boundary term against differences of the integral, at random functions."""
        from matdiff.api.quadrature import verified

        return verified(self.functional, self.variables, self.ends == "fixed", seed)

    def sections(self, pen: Pen) -> list[tuple[str, list[str]]]:
        """What is told, as sentences with the formulas that follow each."""
        F = self.functional
        f, df = self.letter, pen.pick(f"d{self.letter}", f"d{self.letter}", rf"\mathrm{{d}}{self.letter}")

        def integral(body: Node) -> str:
            return pen.integral(body, F.x.name, F.low, F.high)

        told = [
            ("", [pen.equation(f, integral(F.lagrangian))]),
            (
                f"the differential: {' and '.join(u.name for u in F.wrt)} varied under the integral",
                [pen.equation(df, integral(F.change))],
            ),
        ]
        if any(self.functional.boundaries.values()):
            told.append(
                (f"integrate by parts: (d/d{F.x.name})* = −d/d{F.x.name} and a boundary term", self._parted(pen, df))
            )
            told += self._at_ends(pen)
        told.append(("the gradient", [pen.equation(self._grad(pen, u), pen.show(g)) for u, g in F.gradients.items()]))
        told.append(("Euler–Lagrange equation", [pen.equation(pen.show(n), "0") for n in self._numerators.values()]))
        second = pen.pick(f"d²{f}", f"d^2{f}", rf"\mathrm{{d}}^2{f}")
        told.append(("second variation", [pen.equation(second, integral(F.second))]))
        return told

    @property
    def letter(self) -> str:
        taken = {v.name for v in self.variables}
        return next((c for c in "fgFGJ" if c not in taken), "f")

    def _grad(self, pen: Pen, u: Symbol) -> str:
        f = self.letter
        if not self.several:
            return pen.pick(f"∇{f}", f"grad {f}", rf"\nabla {f}")
        x = pen.show(u)
        return pen.pick(f"∇{f} by {x}", f"grad {f} by {x}", rf"\nabla_{{{x}}} {f}")

    def _edges(self, pen: Pen) -> list[str]:
        """The boundary term."""
        F = self.functional
        return [
            self._paired(pen, b, dv)
            for u, rows in F.boundaries.items()
            for b, dv in zip(rows, F.directions[u].values(), strict=False)
            if not is_zero(b)
        ]

    def _parted(self, pen: Pen, df: str) -> list[str]:
        """df = [boundary]ₐᵇ + ∫ ⟨∇f, du⟩ dx."""
        F = self.functional
        edges = self._edges(pen)
        inside = [
            self._paired(pen, g, next(iter(F.directions[u].values()))) for u, g in F.gradients.items() if not is_zero(g)
        ]
        parts = [pen.bracket(pen.total(edges), F.x.name, F.low, F.high)] if edges else []
        if inside:
            parts.append(pen.integral_of(pen.total(inside), F.x.name, F.low, F.high, len(inside) > 1))
        return [pen.equation(df, pen.total(parts))]

    @staticmethod
    def _paired(pen: Pen, g: Node, du: Symbol) -> str:
        from matdiff.ops.algebra import inner

        return pen.show(inner(g, du)) if g.kind == "scalar" else pen.pairing(pen.show(g), pen.show(du))

    def _at_ends(self, pen: Pen) -> list[tuple[str, list[str]]]:
        """What the ends ask for: of a finite one that it is fixed or free, of one at infinity that all decays there."""
        F = self.functional
        found = []
        finite = [pen.end(e) for e in (F.low, F.high) if not endless(e)]
        where = f"{pen.show(F.x)} = {', '.join(finite)}"
        lines = []
        for u, rows in F.boundaries.items() if finite else ():
            for row, dv in zip(rows, F.directions[u].values(), strict=False):
                if self.ends == "fixed":
                    lines.append(pen.equation(pen.show(dv), "0") + pen.at(where))
                elif not is_zero(row):
                    lines.append(pen.equation(pen.show(row), "0") + pen.at(where))
        if finite:
            fixed, free = "fixed ends: the boundary term is 0", "free ends: natural boundary condition"
            if len(finite) == 1:
                fixed, free = "fixed end: the boundary term is 0 there", "free end: natural boundary condition"
            found.append((fixed if self.ends == "fixed" else free, lines))
        if decay := self.decay(pen):
            found.append(("at infinity the boundary term is 0 by decay", [decay]))
        return found

    def decay(self, pen: Pen) -> str:
        """The condition at ends at infinity: the boundary term tends to 0.  Empty without such an end."""
        F = self.functional
        which = "-" * endless(F.low) + "+" * endless(F.high)
        edges = self._edges(pen)
        return pen.tends(pen.total(edges), pen.show(F.x), which) if which and edges else ""

    def record(self, pen: Pen) -> dict[str, Any]:
        """What the keys of JSON hold."""
        F = self.functional
        gradients = {u.name: pen.show(g) for u, g in F.gradients.items()}
        edges = {u.name: [pen.show(b.node) for b in rows] for u, rows in self._rows.items()}
        one = F.wrt[0].name
        return {
            "functional": pen.integral(F.lagrangian, F.x.name, F.low, F.high),
            "wrt": ",".join(gradients),
            "ends": self.ends,
            "differential": pen.integral(F.change, F.x.name, F.low, F.high),
            "gradient": gradients if self.several else gradients[one],
            "boundary": edges if self.several else edges[one],
            "euler_lagrange": [f"{pen.show(n)} = 0" for n in self._numerators.values()],
            "second_variation": pen.integral(F.second, F.x.name, F.low, F.high),
        } | ({"decay": decay.replace("&", "")} if (decay := self.decay(pen)) else {})

    def __str__(self) -> str:
        lines = []
        for sentence, formulas in self.sections(self.pen("unicode")):
            lines += [sentence] * bool(sentence) + [f"  {f}" if sentence else f for f in formulas]
        return "\n".join(lines)


@dataclass(frozen=True)
class EulerLagrange(Typeset):
    """`left` = 0."""

    left: Formula

    def text(self, ascii: bool = False) -> str:
        return f"{self.left.text(ascii=ascii)} = 0"

    def latex(self) -> str:
        return f"{self.left.latex()} = 0"

    def __str__(self) -> str:
        return self.text()


def vary(
    text: str,
    wrt: str | Sequence[str],
    declare: str | Sequence[str] | None = None,
    ends: str | None = None,
    dialect: str = "auto",
) -> Variation:
    """The variation of a functional `int(L, x, a, b)`, or in LaTeX an integral, by functions of x.

    `declare` says `u: function of x`, or `u: n function of x`, `U: n×m function of x` of one with vectors or matrices
    for values; its derivatives are D(u), D(u,2), or of a scalar u', u''.  A letter that nothing declares is an unknown
    Lagrangian in F(u, u', x).  `ends` is `fixed` or `free`; of an integral from −inf to inf it may be left out, since
    there the boundary term is 0 by decay.
    Raises ParseError, ShapeError, UnsupportedError.

    >>> str(vary("int(D(u)^2/2, x, 0, 1)", "u", "u: function of x", ends="fixed").gradient)
    "−u''"
    """
    if ends not in (*ENDS, None):
        raise ParseError(f"ends are fixed or free, not {ends!r}", text=text, span=(0, len(text)), hint=WAY_OUT)
    functional, variables, notes, several = reading(text, wrt, declare, dialect)
    if ends is None:
        if not (endless(functional.low) and endless(functional.high)):
            raise ParseError("it is not said what holds at the ends", text=text, span=(0, len(text)), hint=WAY_OUT)
        ends = "fixed"
    return Variation(functional, variables, ends, several, notes)  # type: ignore[arg-type]


__all__ = ["EulerLagrange", "Formula", "Variation", "symbol", "vary"]
