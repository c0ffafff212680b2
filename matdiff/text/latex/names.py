"""Names in LaTeX: letters, Greek commands, styles and accents around them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from matdiff.core.patterns import deferred
from matdiff.printing.names import LOWERED
from matdiff.text.characters import LETTER
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_places import Pairs, blank
from matdiff.text.tokens import GREEK, Names, Stream

# Subscripts in LaTeX as parts of names.

_sub = deferred(r"\s*_\s*")
_sub_item = deferred(
    rf"\s*(?:\\(?:{'|'.join(sorted(words.STYLES | words.UPRIGHT - {'operatorname*'}))})(?![A-Za-z])\s*|\\([A-Za-z]+)"
    r"|([A-Za-z0-9,:*×∞])|(?<=[A-Za-z0-9 ])([-+−|])(?=\s*[A-Za-z0-9])|[{}~]|\\[,;: !])"
)
_single_below = deferred(r"\\[A-Za-z]+|[A-Za-z0-9*∞]|[^\W\d_]")

LONGEST = 80
"""Longest subscript or exponent that is looked at as a whole."""


def subscript(stream: Stream, at: int, pairs: Pairs) -> tuple[str, int]:
    """The subscript that follows `at` as part of a name, and where it ends; ("", at) if there is none."""
    text = stream.text
    m = _sub.match(text, at)
    if m is None:
        return "", at
    start = m.end()
    if text[start : start + 1] == "{":
        end = pairs.match.get(start, -1) + 1
        if end == 0:
            stream.refuse("unclosed `{`", (start, start + 1), "Close it.")
        if end - start > LONGEST:
            stream.refuse("this subscript is too long for a name", (start, end))
        return _joined(stream, start + 1, end - 1), end
    single = _single_below.match(text, start)
    if single is None:
        _missing(stream, m.start(), start)
    end = single.end()
    font = single.group()[1:] in words.UPRIGHT or single.group()[1:] in words.STYLES
    if font and text[end : end + 1] == "{":
        close = pairs.match.get(end, end)
        return _joined(stream, end + 1, close), close + 1
    if single.group().isdigit() and text[end : end + 1].isdigit():
        stream.refuse("LaTeX takes one digit as the subscript here", (m.start(), end + 1), "Write W_{12}.")
    return _joined(stream, start, end), end


def _missing(stream: Stream, at: int, start: int) -> NoReturn:
    if stream.text[start : start + 1] == "+":
        hint = "For the positive part write \\max(0, x); a name has letters and digits below."
        stream.refuse("is _+ the positive part?", (at, start + 1), hint)
    stream.refuse("`_` has no subscript", (at, start), "Write W_1 or W_{12}.")


def _joined(stream: Stream, start: int, end: int) -> str:
    r"""Letters, digits and Greek names of a subscript: \mathrm{train}, 1,2, m \times n; t-1 is tm1, k|k is kgk."""
    parts = []
    at = start
    while at < end:
        m = _sub_item.match(stream.text, at, end)
        if m is None:
            if stream.text[at:end].isspace():
                break
            c = stream.text[at]
            if c.isalpha():
                parts.append(c)
                at += 1
                continue
            hint = "Subscripts are part of a name: letters and digits, as in W_{12}; entries are written A_{1,2}."
            stream.refuse("this subscript cannot be read", (start, end), hint)
        if m[1] in ("cdot", "colon", "bullet"):
            hint = "Columns are written X_{:,1}, rows X_{1,:}, by their numbers."
            stream.refuse("this subscript cannot be read", (start, end), hint)
        if m[1]:
            parts.append({"times": "×", "mid": "g"}.get(m[1], m[1]))
        elif m[2] or m[3]:
            parts.append({"∞": "infty", "+": "p", "-": "m", "−": "m", "|": "g"}.get(m[2] or m[3], m[2]))
        at = m.end()
    return "".join(parts)


_base = deferred(rf"({words.COMMAND})|([{LETTER}])([₀-₉]*)|([01])")
_long = deferred(r"\s*\{\s*([A-Za-z][A-Za-z0-9]*)((?:\\?_[A-Za-z0-9]*)*)\s*\}")
_run = deferred(r"\s*([A-Za-z]+)()")

MAX_WRAPPERS = 16
"""Most styles, accents and braces around one name."""


@dataclass(slots=True)
class Name:
    """A name; `sub` is its subscript if that stood inside a style's braces; `upright`: from \\mathrm or \\text.

    `bold`: what a Greek letter in bold is, a vector or a matrix.
    """

    value: str
    start: int
    end: int
    upright: bool = False
    sub: str = ""
    bold: str = ""


def function_of(names: Names, word: str) -> str:
    """The language's name of a function as LaTeX writes it, or nothing."""
    if word in names.variables and word not in names.words:
        return ""
    for candidate in (word, word.lower()):
        if candidate in names.words or candidate in names.functions or candidate in ("eye", "ones", "zeros"):
            return candidate
    if len(word) < 2 or word in names.variables:
        return ""
    meant = names.meaning(word) or names.meaning(word.lower())
    return (word if "{" in meant else meant) or (word if word in words.FUNCTIONS else "")


def greek_kind(name: str) -> str:
    """What a Greek letter in bold is; nothing for a Latin one."""
    return ("matrix" if name[0].isupper() else "vector") if name.partition("_")[0] in GREEK else ""


@dataclass(slots=True)
class _Around:
    """The styles, accents and braces that a name stands in."""

    stream: Stream
    start: int
    pairs: Pairs
    suffixes: list[str] = field(default_factory=list)
    closers: list[int] = field(default_factory=list)
    bold: bool = False

    def name(self, base: str, at: int, upright: bool = False) -> Name | None:
        """The name with its subscript; None where something else stands in the braces."""
        sub = ""
        if self.closers:
            sub, at = subscript(self.stream, at, self.pairs)
        for closing in reversed(self.closers):
            at = blank(self.stream.text, at)
            if at != closing:
                return None
            at += 1
        value = "_".join([base, *reversed(self.suffixes)]) + ("_" + sub if sub else "")
        return Name(value, self.start, at, upright, sub, greek_kind(base) if self.bold else "")

    def word(self, m: re.Match[str]) -> Name | None:
        if m[1] == "Id":
            return self.name("I", m.end())
        return self.name(m[1] + m[2].replace("\\", ""), m.end(), len(m[1]) > 1 or m[1] == "d")

    def spelled(self, command: str, at: int) -> re.Match[str] | None:
        r"""The word in \mathrm{loss}, and in {\bf tr} if it is a function's name."""
        if command not in words.FONTS:
            return None
        text = self.stream.text
        braces = _long.match(text, at)
        m = braces or (_run.match(text, at) if command in words.SWITCHES else None)
        if m is None or (not braces and len(m[1]) == 1 and m[1] != "d"):
            return None
        if command in words.UPRIGHT and (braces or self.closers):
            return m
        return m if len(m[1]) > 1 and not m[1].isupper() and function_of(self.stream.names, m[1]) else None


def name_at(stream: Stream, start: int, pairs: Pairs) -> Name | None:
    r"""The name that begins at `start`, through styles and accents: x, \lambda, \hat{\mathbf{y}}, \mathrm{loss}."""
    text, at = stream.text, start
    around = _Around(stream, start, pairs)
    for _ in range(MAX_WRAPPERS):
        at = blank(text, at)
        if text[at : at + 1] == "{":
            around.closers.append(pairs.match.get(at, -1))
            at += 1
            continue
        m = _base.match(text, at)
        if m is None or (m[4] and at == start):
            return None
        command, at = (m[1] or "")[1:], m.end()
        if word := around.spelled(command, at):
            return around.word(word)
        around.bold |= command in words.BOLD
        if not command:
            return around.name((m[2] or m[4]) + ("_" + m[3].translate(LOWERED) if m[3] else ""), at)
        if command in words.LETTERS:
            return around.name(words.LETTERS[command], at)
        if command in words.ACCENTS:
            around.suffixes.append(words.ACCENTS[command])
        elif command not in words.STYLES and command not in words.UPRIGHT:
            return None
    return None
