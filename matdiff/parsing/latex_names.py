"""Names in LaTeX: letters, Greek commands, styles and accents around them, subscripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import LETTER, lowered
from matdiff.parsing.stream import Stream

_brackets = re.compile(r"\\.|[{}()\[\],;]", re.DOTALL)
_blank = re.compile(r"[\s~]*")
_base = re.compile(rf"(\\[A-Za-z]+\*?)|([{LETTER}])([₀-₉]*)|([01])")
_long = re.compile(r"\s*\{\s*([A-Za-z][A-Za-z0-9]*)((?:\\?_[A-Za-z0-9]+)*)\s*\}")
_sub = re.compile(r"\s*_\s*")
_sub_item = re.compile(
    r"\s*(?:\\(?:text|mathrm|textrm|mathit|operatorname|mathbf|mathsf|boldsymbol)\b\s*|\\([A-Za-z]+)"
    r"|([A-Za-z0-9,:*×∞])|[{}~]|\\[,;: !])"
)
_single = re.compile(rf"\s*(\\[A-Za-z]+\*?|[-−]?\s*(?:\\[A-Za-z]+|[{LETTER}0-9'′⊤+*]))")

MAX_WRAPPERS = 16
"""Most styles, accents and braces around one name."""

LONGEST = 80
"""Longest subscript or exponent that is looked at as a whole."""


@dataclass(slots=True)
class Pairs:
    """What one scan tells before reading.

    match   opening brace → its closing one
    lists   `[` → the separators `,` and `;` directly inside it
    skips   subscripts already read, by place
    """

    match: dict[int, int] = field(default_factory=dict)
    lists: dict[int, str] = field(default_factory=dict)
    skips: dict[int, int] = field(default_factory=dict)


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


def bracket_pairs(text: str, start: int, end: int) -> Pairs:
    pairs, stack = Pairs(), []
    for m in _brackets.finditer(text, start, end):
        c, at = m.group(), m.start()
        if c in "{([":
            stack.append(at)
        elif c in ",;":
            if stack and text[stack[-1]] == "[":
                pairs.lists[stack[-1]] = pairs.lists.get(stack[-1], "") + c
        elif c in "})]" and stack:
            opening = stack.pop()
            if c == "}" and text[opening] == "{":
                pairs.match[opening] = at
    return pairs


def blank(text: str, at: int) -> int:
    m = _blank.match(text, at)
    return m.end() if m else at


def name_at(stream: Stream, start: int, pairs: Pairs, scripts: bool = True) -> Name | None:
    r"""The name that begins at `start`, through styles and accents: x, \lambda, \hat{\mathbf{y}}, \mathrm{loss}."""
    text, at = stream.text, start
    suffixes: list[str] = []
    closers: list[int] = []
    bold = False
    for _ in range(MAX_WRAPPERS):
        at = blank(text, at)
        if text[at : at + 1] == "{" and at != start:
            closers.append(pairs.match.get(at, -1))
            at += 1
            continue
        m = _base.match(text, at)
        if m is None or (m[4] and at == start):
            return None
        command = (m[1] or "")[1:]
        if command in words.UPRIGHT and (long := _long.match(text, m.end())):
            return _finished(
                stream,
                long[1] + long[2].replace("\\", ""),
                start,
                long.end(),
                suffixes,
                closers,
                pairs,
                len(long[1]) > 1 or long[1] == "d",
            )
        bold = bold or command in words.BOLD
        if command in words.ACCENTS:
            suffixes.append(words.ACCENTS[command])
        elif command and command not in words.STYLES and command not in words.UPRIGHT:
            if command not in words.LETTERS:
                return None
            found = _finished(stream, words.LETTERS[command], start, m.end(), suffixes, closers, pairs, False)
            if found is not None and bold:
                found.bold = "matrix" if command[0].isupper() else "vector"
            return found
        elif not command:
            base = (m[2] or m[4]) + ("_" + m[3].translate(lowered) if m[3] else "")
            return _finished(stream, base, start, m.end(), suffixes, closers, pairs, False)
        at = m.end()
    return None


def _finished(
    stream: Stream, base: str, start: int, at: int, suffixes: list[str], closers: list[int], pairs: Pairs, upright: bool
) -> Name | None:
    sub = ""
    if closers:
        sub, at = subscript(stream, at, pairs)
    for closing in reversed(closers):
        at = blank(stream.text, at)
        if at != closing:
            return None
        at += 1
    value = "_".join([base, *reversed(suffixes)]) + ("_" + sub if sub else "")
    return Name(value, start, at, upright, sub)


def script_extent(text: str, at: int, pairs: Pairs) -> int:
    """Where the superscript that follows `at` ends; `at` itself if there is none, just behind `^` if it is empty."""
    begin = blank(text, at)
    if text[begin : begin + 1] != "^":
        return at
    start = blank(text, begin + 1)
    if text[start : start + 1] == "{":
        closing = pairs.match.get(start)
        return start + 1 if closing is None else closing + 1
    m = _single.match(text, start)
    if m is None:
        return begin + 1
    end = m.end()
    following = blank(text, end)
    if m[1].startswith("\\") and m[1][1:] in words.UPRIGHT | words.STYLES and text[following : following + 1] == "{":
        return pairs.match.get(following, end - 1) + 1
    return end


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
    single = re.compile(r"\\[A-Za-z]+|[A-Za-z0-9*∞]|[^\W\d_]").match(text, start)
    if single is None:
        stream.refuse("`_` has no subscript", (m.start(), start), "Write W_1 or W_{12}.")
    end = single.end()
    if single.group() in ("\\mathrm", "\\text", "\\textrm") and text[end : end + 1] == "{":
        close = pairs.match.get(end, end)
        return _joined(stream, end + 1, close), close + 1
    if single.group().isdigit() and text[end : end + 1].isdigit():
        stream.refuse("LaTeX takes one digit as the subscript here", (m.start(), end + 1), "Write W_{12}.")
    return _joined(stream, start, end), end


def _joined(stream: Stream, start: int, end: int) -> str:
    r"""Letters, digits and Greek names of a subscript: \mathrm{train}, 1,2, m \times n."""
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
        if m[1]:
            parts.append("×" if m[1] == "times" else m[1])
        elif m[2]:
            parts.append("infty" if m[2] == "∞" else m[2])
        at = m.end()
    return "".join(parts)
