"""What sheets are made of before any format: prose, formulas, derivations, hints, room to answer in."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matdiff.calculus.expression import Expression
from matdiff.errors import UnsupportedError
from matdiff.printing.names import latex_name
from matdiff.printing.prose import latex_prose
from matdiff.report.book import Words

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

# A derivation as typeset mathematics: lines that are aligned, each with the name of its rule.

AND = r";\quad "
"""What the LaTeX of an expression puts after a definition."""


def statements(expr: Expression) -> tuple[list[str], str]:
    """The LaTeX of the definitions that an expression uses, and of the expression itself."""
    *definitions, body = expr.latex().split(AND)
    return definitions, body


def derivation_latex(derivation: Derivation) -> str:
    """The steps as an `aligned`, and below them what was found; for notebooks and for `$$`."""
    rows: list[str] = []
    words = worded(derivation)
    known = dict.fromkeys(statements(derivation.function)[0])
    rows += [rf"{{}} & {d}" for d in known]
    last = ""
    for step in words.steps(derivation.steps):
        definitions, after = statements(step.after)
        rows += [rf"& \quad \text{{where }} {d}" for d in definitions if d not in known]
        known.update(dict.fromkeys(definitions))
        before = statements(step.before)[1]
        left = "" if before == last else before
        if step.relation != "=":
            left = r"\nabla f"
        rows.append(rf"{left} &= {after} && \text{{{latex_prose(step.rule)}}}")
        last = after
    if derivation.kind == "jacobian" or derivation.several or not derivation.steps:
        rows += found(derivation, words)
    said = [*([f"with {derivation.types}"] if derivation.types else []), *derivation.notes, str(derivation.verify())]
    rows += [rf"& \text{{{latex_prose(note)}}}" for note in said]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def bundle(derivation: Derivation) -> dict[str, str]:
    """What a notebook shows: LaTeX, and plain text where it cannot be typeset."""
    words = worded(derivation)
    lines = [str(step) for step in words.steps(derivation.steps)] or [f"d = {words.of(derivation.differential)}"]
    lines += [f"with {derivation.types}"] * bool(derivation.types) + list(derivation.notes)
    lines.append(str(derivation.verify()))
    return {"text/latex": f"$$\n{derivation_latex(derivation)}\n$$", "text/plain": "\n".join(lines)}


def summary(derivation: Derivation, differential: bool = True) -> str:
    """Function, types, differential and derivative as lines of text, and what is to be said of them."""
    f, words = derivation.function, worded(derivation)
    lines = [f"f = {f}        with {derivation.types}" if derivation.types else f"f = {f}"]
    found = None
    with suppress(UnsupportedError):
        found = getattr(derivation, derivation.kind)
    if differential or found is None:
        lines.append(f"df = {words.of(derivation.differential)}")
    if found is not None:
        sign = "∇f" if derivation.kind == "gradient" else "J"
        each = found.items() if derivation.several else [("", found)]
        lines += [f"{sign} by {x} = {words.of(g)}" if x else f"{sign} = {words.of(g)}" for x, g in each]
    return "\n".join([*lines, *derivation.notes])


class Plain:
    """The words of what has none of its own: derivatives for complex variables, of equations."""

    def of(self, e: Expression) -> Expression:
        return e

    def steps(self, steps: Iterable[Any]) -> Iterable[Any]:
        return steps


def worded(derivation: Derivation, order: int = 1) -> Words | Plain:
    """How its answers and steps are written, with `order` 2 the Hessian as well."""
    return Words(derivation, order) if hasattr(type(derivation), "of_gradient") else Plain()


def found(derivation: Derivation, words: Words | Plain) -> list[str]:
    """A row for the derivative by each variable, the differential where it has no matrix."""
    try:
        result = getattr(derivation, derivation.kind)
    except UnsupportedError:
        return [rf"\mathrm{{d}}f &= {words.of(derivation.differential).latex()}"]
    sign = r"\nabla" if derivation.kind == "gradient" else "J"
    if not derivation.several:
        return [rf"{sign + ' f' * (sign != 'J')} &= {words.of(result).latex()}"]
    return [rf"{sign}_{{{latex_name(x)}}} {'f' * (sign != 'J')} &= {words.of(g).latex()}" for x, g in result.items()]


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
