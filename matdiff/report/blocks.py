"""What sheets are made of before any format: prose, formulas, derivations, hints, room to answer in."""

from __future__ import annotations

from dataclasses import dataclass

from matdiff.calculus.expression import Expression


@dataclass(frozen=True)
class Text:
    """Markdown with LaTeX between dollars."""

    markdown: str


@dataclass(frozen=True)
class Formula:
    """`left = right` on a line of its own; `left` is LaTeX."""

    left: str
    right: Expression


@dataclass(frozen=True)
class Line:
    """`before relation after`, by `rule`; `right` is None where the line could not be checked."""

    before: Expression
    relation: str
    after: Expression
    rule: str
    right: bool | None


@dataclass(frozen=True)
class Derived:
    """Lines of the derivation of a function, with the names of their rules.

    `left` is the LaTeX left of what is read off at the end; what `function` defines has been shown with it.
    """

    function: Expression
    left: str
    lines: tuple[Line, ...]
    start: int = 1
    """The number of the first line."""

    def label(self, line: Line) -> str:
        """What a line reads off, in LaTeX; the steps after the gradient's end in the Hessian."""
        return READ.get(line.relation, self.left)


READ = {"⇒ H =": "H", "⇒ H[dX] =": r"H[\mathrm{d}\cdot]"}
"""What is read off by the relations of steps, in LaTeX."""


@dataclass(frozen=True)
class Hint:
    """Something to unfold."""

    title: str
    inside: tuple[Text | Derived | Hint, ...]


@dataclass(frozen=True)
class Start:
    """A problem begins: its number, and its text in the lesson."""

    number: int
    source: str


@dataclass(frozen=True)
class Room:
    """Where the answer to a problem goes: `space` lines of it, and what it begins with."""

    number: int
    space: int
    first: str


@dataclass(frozen=True)
class HowTo:
    """How to answer, in a line; where there are boxes to answer in."""

    text: str = (
        "Answer plainly, `A'*(A*x - b)`, or in LaTeX, with lines of a derivation before it if you like. "
        "The LaTeX of each formula is below it, to be copied."
    )


@dataclass(frozen=True)
class Verdict:
    """What the numerical check says."""

    text: str
    right: bool | None


@dataclass(frozen=True)
class Figure:
    """An error plot."""

    svg: str
    png: bytes
    caption: str


Block = Text | Formula | Derived | Hint | Start | Room | HowTo | Verdict | Figure
