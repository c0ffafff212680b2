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

# How HTML sheets look: on a wide screen, on a phone, on paper.

STYLE = """\
:root { color-scheme: light dark; --ink: #1b1b1b; --soft: #5f6368; --rule: #d5d8dc; --paper: #fff; --tint: #f5f7fa;
  --good: #17713a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8e8; --soft: #a6abb1; --rule: #3c4046; --paper: #16181b; --tint: #1f2226; --good: #6fcf97; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 Georgia, "Noto Serif", "DejaVu Serif", serif; -webkit-text-size-adjust: 100%; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1.1rem 4rem; }
h1, h2, h3 { line-height: 1.25; margin: 2.2em 0 .6em; }
h1 { font-size: 1.8rem; margin-top: .5em; }
h2 { font-size: 1.35rem; }
h3 { font-size: 1.1rem; padding-top: .8em; border-top: 1px solid var(--rule); }
math mfrac { margin: 0 .12em; }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "STIX Math", math; font-size: 1.08em; }
mtd { padding: .15em .4em; }
a { color: inherit; }
code, pre { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .88em; }
pre { background: var(--tint); padding: .7em .9em; overflow-x: auto; border-radius: 4px; }
blockquote { margin: 1em 0; padding: .1em 1em; border-left: 3px solid var(--rule); color: var(--soft); }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1em 0; }
th, td { border-bottom: 1px solid var(--rule); padding: .3em .8em .3em 0; text-align: left; }
.formula { margin: .9em 0; overflow-x: auto; overflow-y: hidden; padding: .15em 0; }
.where { text-align: center; color: var(--soft); margin-top: .4em; }
.steps { list-style: none; counter-reset: step; margin: 1em 0; padding: 0; }
.steps li { counter-increment: step; display: grid; grid-template-columns: 2em minmax(0, 1fr) 13rem; gap: 0 .6em;
  align-items: center; padding: .45em 0; border-bottom: 1px solid var(--rule); }
.steps li::before { content: counter(step) "."; color: var(--soft); font-size: .9em; }
.line { overflow-x: auto; overflow-y: hidden; padding: .15em 0; }
.line math { text-align: left; margin: .1em 0; width: max-content; }
.formula, .line { scrollbar-width: thin; }
.line .where { text-align: left; }
.rule { color: var(--soft); font-size: .86em; line-height: 1.35; }
.mark, .verdict { color: var(--good); }
.verdict { font-size: .92em; }
details { margin: .4em 0; padding: .3em .9em; background: var(--tint); border-radius: 4px; }
details > :last-child { margin-bottom: .2em; }
summary { cursor: pointer; color: var(--soft); }
.howto { color: var(--soft); font-size: .92em; }
.answer label { display: block; color: var(--soft); font-size: .92em; margin-top: 1em; }
textarea { width: 100%; background: var(--tint); color: inherit; border: 1px solid var(--rule); border-radius: 4px;
  padding: .6em .8em; font: .95rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; resize: vertical; }
.answer button { font: inherit; font-size: .92em; margin-top: .4em; padding: .2em 1em; border: 1px solid var(--rule);
  border-radius: 4px; background: var(--tint); color: inherit; cursor: pointer; }
.answer output { display: block; white-space: pre-wrap; overflow-wrap: anywhere; margin-top: .4em;
  font: .85rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.answer output[data-status="right"] { color: var(--good); }
.copy { background: none; padding: 0; font-size: .86em; }
.latex { user-select: all; -webkit-user-select: all; overflow-wrap: anywhere; }
@media screen { .room { display: none; } }
.room { height: calc(var(--lines) * 36px); margin: 1em 0 2em;
  background: repeating-linear-gradient(transparent 0 35px, var(--rule) 35px 36px); }
figure { margin: 1.2em 0; }
figure svg { max-width: 100%; height: auto; background: #fff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: .86em; }
@media (max-width: 40rem) {
  .steps li { grid-template-columns: 1.6em minmax(0, 1fr); }
  .rule { grid-column: 2; padding-bottom: .2em; }
}
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #333; --rule: #bbb; --paper: #fff; --tint: #fff; --good: #000; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  details, .answer, .howto { display: none; }
  h1, h2, h3 { break-after: avoid; }
  .steps li, .formula, figure, .room { break-inside: avoid; }
  .formula, .line { overflow: visible; }
  .room { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { margin: 2cm; }
}
"""


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
