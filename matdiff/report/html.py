"""Sheets as one HTML file: MathML, its own style, no scripts, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape

from matdiff.api.expr import Expr
from matdiff.printing import to_mathml
from matdiff.printing.latex_mathml import from_latex
from matdiff.printing.mathml import AND
from matdiff.report import prose
from matdiff.report.blocks import Block, Derived, Figure, Formula, Hint, Line, Room, Start, Text, Verdict
from matdiff.report.markdown import mark
from matdiff.report.style import STYLE

SHORT = 28
"""Letters of a line up to which its two sides stand beside each other."""


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
"""What browsers may do with a page: no scripts, nothing from other hosts; styles and pictures of its own."""


def page(blocks: Iterable[Block], title: str) -> str:
    """The file."""
    body = "\n".join(filter(None, map(block, blocks)))
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def block(b: Block) -> str:
    match b:
        case Text(text):
            return prose.html(text).strip()
        case Formula(left, right):
            *definitions, body = parts(right)
            return formula(f"{from_latex(left)}<mo>=</mo>{body}", "".join(where(d) for d in definitions))
        case Derived():
            return derived(b)
        case Hint(title, inside):
            body = "\n".join(block(i) for i in inside)
            return f"<details>\n<summary>{escape(title)}</summary>\n{body}\n</details>"
        case Start():
            return ""
        case Room(_, space):
            return f'<div class="room" style="--lines: {space}" aria-label="room for the answer"></div>'
        case Verdict(text, right):
            return f'<p class="verdict">{mark(right)} {escape(text)}</p>'
        case Figure():
            return f"<figure>\n{b.svg}\n<figcaption>{escape(b.caption)}</figcaption>\n</figure>"


def parts(expr: Expr) -> list[str]:
    """MathML of the definitions that an expression uses, and of the expression."""
    return to_mathml(expr.node).split(AND)


def math(inside: str, display: str = "inline") -> str:
    return f'<math display="{display}">{inside}</math>'


def formula(inside: str, below: str = "") -> str:
    return f'<div class="formula">{math(inside, "block")}{below}</div>'


def where(definition: str) -> str:
    return f'<div class="where">where {math(definition)}</div>'


def derived(b: Derived) -> str:
    """A list; on a wide page the rule stands beside its line, on a narrow one below it."""
    shown = Shown(set(parts(b.function)[:-1]))
    return '<ol class="steps">\n' + "\n".join(item(b.label(line), line, shown) for line in b.lines) + "\n</ol>"


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
