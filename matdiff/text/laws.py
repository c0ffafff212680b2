r"""What is random: `z, w ~ normal(0, I), X: m×n ~ uniform(0, 1)`, \theta \sim \mathcal{N}_p(\mu, \Sigma)."""

from __future__ import annotations

import re
from typing import Any

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.text.characters import LETTER
from matdiff.text.declarations import read_declaration, spelled_name
from matdiff.text.grammar import Stuck, run
from matdiff.text.statements import closing, parts
from matdiff.text.tree import Span, Stated, Tree

EXAMPLE = "for instance z ~ normal(0, I), w ~ uniform(0, 1), X ~ bernoulli(p)"

tilde = deferred(r"~|∼|\\sim(?![A-Za-z])")
_name = deferred(rf"[{LETTER}][{LETTER}0-9_]*")
_piece = deferred(
    r"""\s*(?:
    (?P<INVERSE>\^\s*(?:\{\s*-\s*1\s*\}|-1))
  | (?P<DIMENSION>_(?:\{\s*(?:[A-Za-z]|\d+)\s*\}|(?:[A-Za-z]|\d+)(?![A-Za-z0-9_-])))
  | \\(?:mathcal|mathrm|operatorname|text|textrm|mathbf|mathsf)\s*\{\s*(?P<FONT>[A-Za-z][A-Za-z0-9_ -]*)\}
  | \\mathcal\s*(?P<CALLIGRAPHIC>[A-Z])
  | (?P<WORD>(?:[A-Za-z]|_(?!.(?![A-Za-z0-9_-])|\{|\d))(?:[A-Za-z0-9-]|_(?!.(?![A-Za-z0-9_-])|\{|\d))*)
  | (?:\\left|\\[bB]igg?l?)?\s*(?P<OPEN>\()
  | (?P<STOP>\.\s*\Z)
  | (?P<BAD>\S)
  )""",
    re.VERBOSE | re.DOTALL,
)
"""A subscript of one letter or a number is a dimension, N_p; a longer one is part of the name, uniform_int."""
_closes = deferred(r"(?:\\right|\\[bB]igg?r?)\s*\Z")
_sphere = deferred(r"\s*(?:(?:unit\s+)?sphere|(?:S|\\mathbb\s*(?:\{\s*S\s*\}|S))\^\{?\w+\s*-\s*1\}?)\s*")


def read_laws(text: str, start: int, end: int, cut: str) -> list[Stated]:
    """The laws of one statement text[start:end]; `cut` is the text as it is cut at commas.  Raises ParseError."""
    tokens = _Tokens(text)
    for first, last in parts(cut, start, end, ","):
        tokens.part(first, last, tilde.search(cut, first, last))
    tokens.push("$END", (end - 1, end))
    del tokens.kinds[-2], tokens.values[-2]
    try:
        found: list[Stated] = run(tokens.kinds, tokens.values, "laws")
    except Stuck as stuck:
        raise tokens.explained(stuck.index) from None
    return found


class _Tokens:
    """The tokens of one statement."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: list[str] = []
        self.values: list[Any] = []
        self.begin = 0
        """How many tokens stand before the names of this law."""

    def push(self, kind: str, value: Any) -> None:
        self.kinds.append(kind)
        self.values.append(value)

    def part(self, start: int, end: int, mark: re.Match[str] | None) -> None:
        """What stands between two commas: a name, or the last of the names with their law."""
        text = self.text
        stop = mark.start() if mark else end
        colon = text.find(":", start, stop) if mark else -1
        if colon >= 0:
            first = self.values[self.begin].span[0] if self.begin < len(self.kinds) else start
            del self.kinds[self.begin :], self.values[self.begin :]
            self.push("DECLARED", read_declaration(text, first, colon, stop))
        else:
            self.name(start, stop)
        if mark:
            first = mark.end() + len(text[mark.end() : end]) - len(text[mark.end() : end].lstrip())
            self.push("TILDE", (first, end))
            self.law(mark.end(), end)
        self.push("COMMA", (end, end + 1))
        self.begin = len(self.kinds) if mark else self.begin

    def name(self, start: int, end: int) -> None:
        written = self.text[start:end].strip()
        at = start + len(self.text[start:end]) - len(self.text[start:end].lstrip())
        name = spelled_name(written) or written.lstrip("\\")
        if not _name.fullmatch(name):
            message = f"`{written}` is not a name" if written else "a name is missing before `~`"
            raise ParseError(message, text=self.text, span=(at, at + max(1, len(written))), hint=EXAMPLE)
        self.push("NAME", Tree("name", (), name, (at, at + len(written))))

    def law(self, at: int, end: int) -> None:
        while at < end and (m := _piece.match(self.text, at, end)):
            kind = m.lastgroup or ""
            at = m.end()
            if kind == "OPEN":
                at = self.parameters(m.start(kind), at, end)
            elif kind in ("FONT", "CALLIGRAPHIC", "WORD"):
                first = at - len(m[0].lstrip())
                self.push("WORD", Tree("name", (), re.sub(r"[\s_-]", "", m[kind]), (first, at)))
            elif kind == "INVERSE":
                self.push(kind, Tree("name", (), kind, m.span(kind)))
            elif kind == "BAD":
                self.push(kind, m.span(kind))

    def parameters(self, opened: int, at: int, end: int) -> int:
        """What stands in parentheses, each an expression; returns where they end."""
        text = self.text
        close = closing(text, at, end)
        if close is None:
            raise ParseError("unclosed `(`", text=text, span=(opened, at), hint="Close it.")
        self.push("LPAR", (opened, at))
        tail = _closes.search(text, at, close)
        last = tail.start() if tail else close
        if _sphere.fullmatch(text, at, last):
            self.push("SPHERE", (at, last))
        elif text[at:last].strip():
            for i, j in parts(text, at, last, ","):
                self.push("PARAMETER", Tree("name", (), text[i:j], (i, j)))
                self.push("COMMA", (j, j + 1))
            del self.kinds[-1], self.values[-1]
        self.push("RPAR", (close, close + 1))
        return close + 1

    def explained(self, i: int) -> ParseError:
        """What is wrong at a token where the grammar has no way to go on."""
        if self.kinds[i] == "$END" and self.kinds[i - 1] == "NAME":
            while self.kinds[i - 3 : i - 1] == ["NAME", "COMMA"]:
                i -= 2
            first = self.values[i - 1].span
            return ParseError("nothing is said of this name", text=self.text, span=first, hint=EXAMPLE)
        place: Span = self.values[max(j for j in range(i + 1) if self.kinds[j] == "TILDE")]
        return ParseError("this is not a law", text=self.text, span=place, hint=EXAMPLE)
