"""Sheets as one HTML file: MathML, its own style, no scripts, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from matdiff.calculus.expression import Expression
from matdiff.printing import to_mathml
from matdiff.printing.latex_mathml import from_latex
from matdiff.printing.mathml import AND
from matdiff.report import prose
from matdiff.report.blocks import Block, Derived, Figure, Formula, Hint, HowTo, Line, Room, Start, Text, Verdict
from matdiff.report.markdown import mark
from matdiff.report.style import STYLE

SHORT = 28
"""Letters of a line up to which its two sides stand beside each other."""


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
"""What browsers may do with a page: no scripts, nothing from other hosts; styles and pictures of its own."""


SERVED = POLICY.replace("style-src", "script-src 'self'; connect-src 'self'; style-src")
"""The same for a sheet that a server checks answers of."""
SCRIPT = "sheet.js"
"""The script of such a sheet, beside it on the server."""


def page(blocks: Iterable[Block], title: str, checks: bool = False) -> str:
    """The file; with `checks` each box has a button that asks the server whether the answer is right."""
    body = "\n".join(filter(None, (block(b, checks) for b in blocks)))
    script = f'<link rel="icon" href="icon.svg">\n<script src="{SCRIPT}" defer></script>\n' if checks else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{SERVED if checks else POLICY}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{script}'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def block(b: Block, checks: bool = False) -> str:
    match b:
        case Text(text):
            return prose.html(text).strip()
        case Formula(left, right):
            *definitions, body = parts(right)
            shown = formula(f"{from_latex(left)}<mo>=</mo>{body}", "".join(where(d) for d in definitions))
            return f"{shown}\n{copyable(f'{left} = {right.latex()}')}"
        case Derived():
            return derived(b)
        case Hint(title, inside):
            body = "\n".join(block(i) for i in inside)
            return f"<details>\n<summary>{escape(title)}</summary>\n{body}\n</details>"
        case Start():
            return ""
        case Room(number, space, first):
            return room(number, space, first, checks)
        case HowTo(text):
            text += " *Check* tells you whether an answer is right, and if not, where and why." * checks
            return f'<div class="howto">{prose.html(text).strip()}</div>'
        case Verdict(text, right):
            return f'<p class="verdict">{mark(right)} {escape(text)}</p>'
        case Figure():
            return f"<figure>\n{b.svg}\n<figcaption>{escape(b.caption)}</figcaption>\n</figure>"


def parts(expr: Expression) -> list[str]:
    """MathML of the definitions that an expression uses, and of the expression."""
    return to_mathml(expr.node).split(AND)


def math(inside: str, display: str = "inline") -> str:
    return f'<math display="{display}">{inside}</math>'


def formula(inside: str, below: str = "") -> str:
    return f'<div class="formula">{math(inside, "block")}{below}</div>'


def where(definition: str) -> str:
    return f'<div class="where">where {math(definition)}</div>'


def copyable(latex: str) -> str:
    """The LaTeX of a formula, folded; a click selects all of it."""
    return f'<details class="copy"><summary>LaTeX</summary><code class="latex">{escape(latex)}</code></details>'


def room(number: int, space: int, first: str, checks: bool = False) -> str:
    """A box to type in on a screen, lines to write on where it is printed."""
    button = f'<button type="button" data-problem="{number}">Check</button>\n<output for="answer-{number}"></output>'
    begun = f"{first} = "
    rows = max(space, begun.count("\n") + 1)
    return (
        f'<div class="answer"><label for="answer-{number}">Answer {number}</label>\n'
        f'<textarea id="answer-{number}" rows="{rows}" spellcheck="false">{escape(begun)}</textarea>'
        f"{button * checks}</div>\n"
        f'<div class="room" style="--lines: {space}" aria-hidden="true"></div>'
    )


def derived(b: Derived) -> str:
    """A list; on a wide page the rule stands beside its line, on a narrow one below it."""
    shown = Shown(set(parts(b.function)[:-1]))
    begin = f' style="counter-reset: step {b.start - 1}"' if b.start > 1 else ""
    return f'<ol class="steps"{begin}>\n' + "\n".join(item(b.label(line), line, shown) for line in b.lines) + "\n</ol>"


@dataclass
class Shown:
    """What the lines before have shown: definitions, and the formula that the next line may go on from."""

    definitions: set[str] = field(default_factory=set)
    last: str = ""


def item(result: str, line: Line, shown: Shown) -> str:
    *first, before = parts(line.before)
    *second, after = parts(line.after)
    new = [d for d in dict.fromkeys((*first, *second)) if d not in shown.definitions]
    shown.definitions.update(new)
    left = before if line.relation == "=" else from_latex(result)
    short = line.relation != "=" or len(re.sub("<[^>]*>", "", left + after)) < SHORT
    rows = [f"{left}<mo>=</mo>{after}"] if short else [left, f"<mo>=</mo>{after}"]
    if left == shown.last:
        rows = [f"<mo>=</mo>{after}"]
    shown.last = after
    said = "".join(math(r, "block") for r in rows) + "".join(where(d) for d in new)
    tick = f'&nbsp;<span class="mark">{mark(line.right)}</span>' if mark(line.right) else ""
    return f'<li><div class="line">{said}</div><div class="rule">{escape(line.rule)}{tick}</div></li>'
