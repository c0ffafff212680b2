"""An expression that is told or printed: a node together with the variables that it is a function of."""

from __future__ import annotations

from typing import Any, Self

from matdiff.core.node import Kind, Node, Symbol, symbols
from matdiff.printing import to_latex, to_text


class Typeset:
    """What has a form in LaTeX, by `.latex()`, has one in Typst."""

    __slots__ = ()

    def typst(self, **options: Any) -> str:
        """Mathematics for Typst, to stand between `$`; the options are those of `.latex`.

        >>> from matdiff import derive
        >>> print(derive("norm(A*x - b)^2/2", wrt="x").gradient.typst())
        A^⊤ (A x - b)
        """
        from matdiff.printing.typst import from_latex

        return from_latex(self.latex(**options))  # type: ignore[attr-defined]


class Expression(Typeset):
    """A node, the variables that it is a function of, and what must be defined for it to have a value.

    The gradient of `tr(X)` is `eye(n)`: it has no variable of its own, yet it is a function of X.
    """

    __slots__ = ("guards", "node", "variables")

    def __init__(self, node: Node, variables: tuple[Symbol, ...] | None = None, guards: tuple[Node, ...] = ()) -> None:
        """`guards` of a derivative are parts of its function: it has a value only where these have one."""
        self.node = node
        self.guards = guards
        self.variables = tuple(s for s in symbols(node) if s.of is None) if variables is None else variables

    @property
    def shape(self) -> tuple[str, ...]:
        """The dimensions of the array it evaluates to, as text."""
        return tuple(str(d) for d in self.node.shape)

    @property
    def kind(self) -> Kind:
        return self.node.kind

    def text(self, ascii: bool = False, defined: bool = True) -> str:
        """As a person would type it; it parses back to an equal expression.

        `defined=False` leaves out the definitions `r = …;` in front.
        """
        return to_text(self.node, ascii=ascii, defined=defined, taken=[v.name for v in self.variables])

    def latex(self, defined: bool = True) -> str:
        return to_latex(self.node, defined=defined, taken=[v.name for v in self.variables])

    def having(self, node: Node) -> Self:
        """Another node as a function of the same variables."""
        return type(self)(node, self.variables, self.guards)

    def __str__(self) -> str:
        return self.text()
