r"""Sheets as LaTeX; any engine and the packages that every installation has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from matdiff.printing.prose import latex_prose
from matdiff.report import prose
from matdiff.report.blocks import Block, Derived, Figure, Formula, Hint, HowTo, Room, Start, Text, Verdict, statements
from matdiff.report.formulas import typeset
from matdiff.report.markdown import mark, rows

if TYPE_CHECKING:
    from markdown_it.token import Token

HEAD = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=2.4cm]{geometry}
\usepackage{amsmath,amssymb,graphicx,hyperref}
\setlength{\parindent}{0pt}\setlength{\parskip}{.6em}
\newcommand{\room}[1]{\par\vspace{#1\baselineskip}}
\allowdisplaybreaks
\begin{document}
"""


def document(blocks: Iterable[Block]) -> str:
    """The file.  Hints stand together at its end."""
    blocks = list(blocks)
    body = [block(b) for b in blocks if not isinstance(b, Hint)]
    folded = [rf"\textbf{{{latex_prose(title)}}} {inside}" for title, inside in later(blocks)]
    if folded:
        body += [r"\clearpage\section*{Hints}", *folded]
    return HEAD + "\n\n".join(filter(None, body)) + "\n\\end{document}\n"


def later(blocks: Iterable[Block]) -> Iterable[tuple[str, str]]:
    """Hints with the number of their problem."""
    number = 0
    for b in blocks:
        if isinstance(b, Start):
            number = b.number
        elif isinstance(b, Hint):
            yield f"Problem {number}, {b.title}", "\n".join(block(i) for i in b.inside)


def block(b: Block) -> str:
    match b:
        case Text(text):
            return from_markdown(text)
        case Formula(left, right):
            definitions, body = statements(right)
            where = "".join(rf" \\ & \text{{where }} {d}" for d in definitions)
            return f"\\begin{{align*}}\n{left} &= {body}{where}\n\\end{{align*}}"
        case Derived():
            return derived(b)
        case Room(_, space):
            return rf"\room{{{2 * space}}}"
        case Verdict(text, right):
            return latex_prose(f"{mark(right)} {text}".strip())
        case Hint(_, inside):
            return "\n".join(block(i) for i in inside)
        case Start() | Figure() | HowTo():
            return ""


def derived(b: Derived) -> str:
    """The rule stands in a smaller line below its formula, since the two seldom fit beside each other."""
    found = []
    for before, after, new, line in rows(b):
        said = latex_prose(f"{line.rule} {mark(line.right)}".strip())
        found.append(rf"& {before} = {after}" if before else rf"& \quad = {after}")
        found += [rf"& \quad\text{{where }} {d}" for d in new]
        found.append(rf"& \qquad\text{{\footnotesize {said}}}")
    return "\\begin{align*}\n" + " \\\\\n".join(found) + "\n\\end{align*}"


OPEN: dict[str, str] = {
    "strong_open": r"\textbf{",
    "em_open": r"\emph{",
    "bullet_list_open": "\\begin{itemize}\n",
    "ordered_list_open": "\\begin{enumerate}\n",
    "list_item_open": r"\item ",
    "blockquote_open": "\\begin{quote}\n",
    "table_open": "",
    "softbreak": "\n",
    "hardbreak": "\\\\\n",
    "hr": "\\par\\noindent\\hrulefill\\par\n",
    "strong_close": "}",
    "em_close": "}",
    "link_close": "}",
    "heading_close": "}\n",
    "paragraph_close": "\n\n",
    "list_item_close": "\n",
    "bullet_list_close": "\\end{itemize}\n",
    "ordered_list_close": "\\end{enumerate}\n",
    "blockquote_close": "\\end{quote}\n",
    "table_close": "\\hline\\end{tabular}\n\n",
    "tr_close": " \\\\\n",
    "thead_close": "\\hline\n",
}
"""What tokens without content of their own become; others that are not named here leave nothing."""


def typewriter(code: str) -> str:
    return rf"\texttt{{{latex_prose(code)}}}"


def math(latex: str, before: str, after: str) -> str:
    """A formula; one that does more than setting mathematics is shown as it was typed."""
    formula = typeset(latex)
    return typewriter(latex.strip()) if formula is None else f"{before}{formula}{after}"


VERBATIM = "\\begin{verbatim}\n", "\\end{verbatim}\n"


def verbatim(code: str) -> str:
    """A block of code.  A line that would end it stands between two blocks."""
    begin, end = VERBATIM
    lines = code.removesuffix("\n").split("\n")
    found = [f"{end}{typewriter(line)}\n{begin}" if r"\end{verbatim}" in line else f"{line}\n" for line in lines]
    return f"{begin}{''.join(found)}{end}"


def link(url: str) -> str:
    """The beginning of a link to the web, or to a place beside the sheet; others are text only."""
    scheme = re.match(r"([^/?#]*):", url)
    if scheme and scheme[1].lower() not in ("http", "https", "mailto"):
        return "{"
    escaped = re.sub(r"[%#&$_]", r"\\\g<0>", url)
    return rf"\href{{{escaped}}}{{"


SECTIONS = {"h1": r"\section*{", "h2": r"\subsection*{"}

WRITTEN: dict[str, Callable[[Token], str]] = {
    "text": lambda t: latex_prose(t.content),
    "code_inline": lambda t: typewriter(t.content),
    "math_inline": lambda t: math(t.content, "$", "$"),
    "math_inline_double": lambda t: math(t.content, r"\[", "\\]\n"),
    "math_block": lambda t: math(t.content, r"\[", "\\]\n"),
    "fence": lambda t: verbatim(t.content),
    "code_block": lambda t: verbatim(t.content),
    "link_open": lambda t: link(str(t.attrGet("href"))),
    "heading_open": lambda t: SECTIONS.get(t.tag, r"\subsubsection*{"),
}


def from_markdown(text: str) -> str:
    """LaTeX of Markdown, token by token."""
    stream = prose.tokens(text)
    out: list[str] = []
    cells = 0
    for i, token in enumerate(stream):
        if token.type == "table_open":
            end = next(j for j in range(i, len(stream)) if stream[j].type == "tr_close")
            columns = sum(t.type == "th_open" for t in stream[i:end])
            out.append(f"\\begin{{tabular}}{{{'l' * columns}}}\\hline\n")
        elif token.type == "tr_open":
            cells = 0
        elif token.type in ("th_open", "td_open"):
            out.append(" & " if cells else "")
            cells += 1
        for t in token.children or (token,):
            out.append(WRITTEN[t.type](t) if t.type in WRITTEN else OPEN.get(t.type, ""))
    return "".join(out).strip()
