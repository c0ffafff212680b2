"""The derivation as lines: numbered, formulas on the left, the rule that made each on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from matdiff.report.notation import Line, Style, prose, show, statements

WIDTH = 100
"""A rule stands beside its formula up to here, otherwise below it."""

RULES = 56
"""The rightmost column where the rules begin."""


class Row(NamedTuple):
    """`before = after` by `rule`; `before` is empty where the row goes on from the last, `new` are definitions.

    The last row of a gradient's derivation, whose Step has a relation of its own, has the gradient's label before it.
    """

    before: str
    after: str
    rule: str
    new: list[str]


def rows(steps: Sequence[Any], style: Style, known: set[str], result: Line) -> Iterator[Row]:
    """A row a step.  Definitions in `known` have been shown; those that a row brings are added.

    The lines from d(r) on, which is ``dr`` in LaTeX, say what dr is in those after them; `result` is the answer's line.
    """
    last = ""
    for step in steps:
        *first, before = statements(show(step.before, style))
        *second, after = statements(show(step.after, style))
        new = [d for d in dict.fromkeys((*first, *second)) if d not in known and d.partition(" = ")[0] not in known]
        known.update(new)
        if step.relation == "=":
            known.update((f"d{before[2:-1]}", before))
        before = "" if before == last else before
        yield Row(before if step.relation == "=" else result.left(style), after, prose(step.rule, style), new)
        last = after


Board = Sequence[tuple[Sequence[Any], Line]]
"""Derivations one after the other: the steps of each, and the line of the answer that it ends in."""


def all_rows(board: Board, style: Style, known: set[str]) -> Iterator[Row]:
    for steps, result in board:
        known.add(Line("differential", result.f, (), None).left(style))
        yield from rows(steps, style, known, result)


def folded(formula: str, width: int = WIDTH) -> list[str]:
    """A formula in lines that are no longer than that, each but the last ending in a + or − as far out as there is one.

    >>> folded("f = (a + b) c + (d − e)(u + v)", 24)
    ['f = (a + b) c +', '    (d − e)(u + v)']
    >>> folded("f = a + b", 24)
    ['f = a + b']
    """
    if len(formula) <= width:
        return [formula]
    depth, places = 0, dict[int, int]()
    bars = False
    for i, c in enumerate(formula[: width + 1]):
        bars ^= c == "‖"
        depth += (c in "([⟨") - (c in ")]⟩")
        if c in "+−-" and formula[i - 1 : i] == formula[i + 1 : i + 2] == " " and width // 3 < i < width and not bars:
            places[depth] = i
    if not places:
        return [formula]
    at = places[min(places)] + 1
    rest = folded("    " + formula[at:].lstrip(), width)
    return [formula[:at], *rest]


def text_steps(board: Board, style: Style, known: set[str]) -> list[str]:
    """A numbered line a step, with lines below for new definitions and for rules that have no room."""
    found = list(all_rows(board, style, known))
    formulas = [f"{row.before} = {row.after}".lstrip() for row in found]
    column = min(RULES, max(map(len, formulas), default=0)) + 3
    margin = " " * (len(str(len(found))) + 3)
    lines = []
    for i, (row, formula) in enumerate(zip(found, formulas, strict=True), 1):
        beside = len(formula) < column or len(margin) + len(formula) + 3 + len(row.rule) <= WIDTH
        first, *more = [f"{formula:<{column - 3}}   {row.rule}"] if beside else folded(formula)
        lines.append(f"{f'{i}.':<{len(margin)}}{first}")
        lines += [margin + line for line in more]
        lines += [f"{margin}    where {definition}" for definition in row.new]
        if not beside:
            lines.append(margin + " " * column + row.rule)
    return lines


def latex_steps(board: Board, known: set[str]) -> Iterator[str]:
    """The rows of an `align*`."""
    for row in all_rows(board, "latex", known):
        yield rf"{row.before} &= {row.after} && \text{{{row.rule}}}".lstrip()
        for definition in row.new:
            yield rf"&\quad\text{{where }} {definition}"


def markdown_steps(board: Board, known: set[str]) -> Iterator[str]:
    """The items of a numbered list."""
    rules = [prose(step.rule, "unicode") for steps, _ in board for step in steps]
    for i, (row, rule) in enumerate(zip(all_rows(board, "latex", known), rules, strict=True), 1):
        where = "".join(f", where ${definition}$" for definition in row.new)
        yield f"{i}. ${row.before} = {row.after}${where} ({rule})".replace("$ =", "$=")
