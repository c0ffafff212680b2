"""Programs cut into statements before anything is parsed: one linear scan."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.text.characters import LETTER
from matdiff.text.declarations import EXAMPLE, LONGEST, advice, in_words
from matdiff.text.tree import Declaration, Span

_landmark = {
    "plain": deferred(r"[()\[\]{};\n=:]"),
    "latex": deferred(
        r"\\(?:begin|end)\b|\\left\b\s*\\?.|\\right\b\s*\\?.|\\(?:[A-Za-z]+|.)|[()\[\]{};\n=:]", re.DOTALL
    ),
}
_undeclared = deferred(
    rf"(?P<names>[{LETTER}]\w*(?:\s*,\s*[{LETTER}]\w*)*)\s*(?:"
    r"(?:∈|\\in(?![A-Za-z])|\bin\b)\s*(?P<set>(?:[RC]\b|[ℝℂ]|\\mathbb\b).*)"
    r"|\b(?:is|are)\b\s*(?P<what>[^=:]*)"
    r"|(?P<word>(?:symmetric|spd|psd|orthogonal|scalar|elementwise|skew|(?:symmetric )?positive (?:semi)?definite)))",
    re.DOTALL | re.IGNORECASE,
)
_called = deferred(rf"\s*(?:(?P<name>[{LETTER}])(?!\w)\s*(?P<open>\(?)|(?P<sign>[,)]))\s*")
_determines = {
    "plain": deferred(r",?\s*\bfor\s+(?P<names>[^=]+)\Z"),
    "latex": deferred(
        r"(?:\\[,;:! ]|\\q?quad\b|[\s,])*(?:\\(?:text|mathrm|textrm|mbox)\s*\{\s*for\s*\}|\bfor\b)"
        r"(?:\\[,;:! ]|\s)*(?P<names>[^=]+)\Z"
    ),
}
"""What an equation is solved for, at its end: A*x = b for x."""
_joins_left = deferred(r"[-+*/\\^,=·⊙⊗(\[]\s*\Z")
_joins_right = deferred(r"(?:\s|\\[,;:!]|\\q?quad\b)*(?:[-+*/^=)\]]|\\(?:cdot|times|odot|circ|otimes)\b)")


@dataclass(slots=True, eq=False, repr=False)
class Statement:
    """text[start:end]; `mark`: where its `:` or `=` stands; `newline`: a line break, not `;`, came before it.

    `said` is what a declaration without a colon declares: A ∈ ℝ^{n×n}, A symmetric.
    """

    kind: Literal["declaration", "definition", "equation", "expression", "rate"]
    start: int
    end: int
    mark: int
    newline: bool
    said: list[Declaration] = field(default_factory=list)

    @property
    def span(self) -> Span:
        return self.start, self.end

    def behind(self, text: str) -> int:
        """Where the right-hand side of a definition begins."""
        return self.mark + (2 if text.startswith(":=", self.mark) else 1)


_bracket = deferred(r"[()\[\]{}]")


def closing(text: str, at: int, end: int | None = None) -> int | None:
    """Where the bracket closes that opens before a place."""
    depth = 1
    for m in _bracket.finditer(text, at, len(text) if end is None else end):
        depth += 1 if m[0] in "([{" else -1
        if not depth:
            return m.start()
    return None


def without_comments(text: str) -> str:
    """Comments overwritten by blanks, so that places stay what they are."""
    if "#" not in text:
        return text
    return re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), text)


def rows_marked(text: str) -> str:
    """A line break inside [ ] ends a row, as `;` does, unless a separator or an operator stands beside it."""
    if "[" not in text or "\n" not in text:
        return text
    stack: list[str] = []
    marked = list(text)
    for m in re.finditer(r"[()\[\]{}\n]", text):
        c = m.group()
        if c in "([{":
            stack.append(c)
        elif c in ")]}":
            del stack[-1:]
        elif stack and stack[-1] == "[" and not _goes_on(text, m.start()):
            marked[m.start()] = ";"
    return "".join(marked)


def _goes_on(text: str, at: int) -> bool:
    before, after = text[max(0, at - 20) : at].rstrip(), text[at : at + 20].lstrip()
    return not before or not after or before[-1] in ",;[+-*/^\\" or after[0] in ",;]"


def split(text: str, dialect: str) -> list[Statement]:
    found: list[Statement] = []
    depth = 0
    start, mark, newline = 0, -1, False
    for m in _landmark[dialect].finditer(text):
        c = m.group()
        if c in ("(", "[", "{", "\\begin") or c.startswith("\\left"):
            depth += 1
        elif c in (")", "]", "}", "\\end") or c.startswith("\\right"):
            depth = max(0, depth - 1)
        elif depth or c[0] == "\\":
            continue
        elif c in "=:":
            mark = m.start() if mark < 0 else mark
        elif c == ";" or not _joins_left.search(text, max(start, m.start() - 20), m.start()):
            _add(found, text, start, m.start(), mark, newline)
            start, mark, newline = m.end(), -1, c == "\n"
    _add(found, text, start, len(text), mark, newline)
    for statement in found:
        if statement.kind == "expression":
            _declare(text, statement)
        elif statement.kind == "definition" and (tail := determined(text, statement, dialect)):
            statement.kind, statement.mark = "equation", tail.start()
    return _merged(found, text) if dialect == "latex" else found


def composition(text: str) -> tuple[dict[str, int], list[str]] | None:
    """The functions of L(y(z(w, x, b)), t) with their numbers of arguments, and the names inside; None for other texts.

    Each name is one letter and stands once.  Two functions within each other, of which one has several arguments, show
    that no product is meant, as f(g(x)) may be, and no function that is not in the language, as KL(p, q).
    """
    functions: dict[str, int] = {}
    inside: list[str] = []
    opened: list[str] = []
    end, operand = 0, True
    while end < len(text):
        m = _called.match(text, end)
        if m is None or bool(m["name"]) != operand or (end and not opened):
            return None
        end = m.end()
        if m["open"]:
            functions[m["name"]] = 1
            opened.append(m["name"])
        elif m["name"]:
            inside.append(m["name"])
            operand = False
        elif m["sign"] == ",":
            functions[opened[-1]] += 1
            operand = True
        else:
            opened.pop()
        if len({*functions, *inside}) < len(inside) + len(functions):
            return None
    if operand or opened or len(functions) < 2 or max(functions.values()) < 2:
        return None
    return functions, inside


def determined(text: str, statement: Statement, dialect: str) -> re.Match[str] | None:
    """Where an equation says what it is solved for; its names are the group `names`."""
    at = max(statement.mark, statement.end - LONGEST)
    return _determines[dialect].search(text, at, statement.end)


def parts(text: str, start: int, end: int, at: str) -> list[tuple[int, int]]:
    """text[start:end] cut at a sign that stands in no brackets."""
    out: list[tuple[int, int]] = []
    depth, first = 0, start
    for m in re.finditer(rf"[()\[\]{{}}{at}]", text[start:end]):
        if m[0] in "([{":
            depth += 1
        elif m[0] in ")]}":
            depth = max(0, depth - 1)
        elif not depth:
            out.append((first, start + m.start()))
            first = start + m.end()
    return [*out, (first, end)]


def _add(found: list[Statement], text: str, start: int, end: int, mark: int, newline: bool) -> None:
    body = text[start:end]
    stripped = body.strip()
    if not stripped:
        return
    start += len(body) - len(body.lstrip())
    kind: Literal["declaration", "definition", "expression"] = "expression"
    if mark >= 0:
        kind = "definition" if text[mark] == "=" or text[mark + 1 : mark + 2] == "=" else "declaration"
    found.append(Statement(kind, start, start + len(stripped), mark, newline))


def _declare(text: str, statement: Statement) -> None:
    """A declaration as mathematicians write it: x ∈ ℝⁿ, X symmetric, A is m×n.  Refuses what leaves doubts."""
    if statement.end - statement.start > LONGEST or not (found := _undeclared.fullmatch(text, *statement.span)):
        return
    said = found["set"] or found["what"] or found["word"] or ""
    said = "complex" if said.strip() in ("C", "ℂ", "\\mathbb{C}", "\\mathbb C") else said
    said = "scalar" if said.strip() in ("R", "ℝ", "\\mathbb{R}", "\\mathbb R") else said
    statement.said = in_words(found["names"], said, statement.span)
    if not statement.said:
        hint = advice(found["names"], said) or EXAMPLE
        raise ParseError("a declaration has a colon", text=text, span=statement.span, hint=hint)
    statement.kind = "declaration"


def _merged(found: list[Statement], text: str) -> list[Statement]:
    """In LaTeX a line break is a blank: formulas go on over it, only declarations and definitions end at it."""
    merged: list[Statement] = []
    for s in found:
        last = merged[-1] if merged else None
        goes_on = s.newline and s.kind == "expression"
        if last is None or not goes_on or last.kind in ("declaration", "equation"):
            merged.append(s)
        elif last.kind == "expression" or _joins_right.match(text, s.start):
            last.end = s.end
        else:
            merged.append(s)
    return merged
