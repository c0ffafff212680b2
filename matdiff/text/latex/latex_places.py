"""Where brackets and superscripts end in LaTeX, told by one scan before reading."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from matdiff.core.patterns import deferred
from matdiff.text.characters import LETTER
from matdiff.text.latex import commands as words

_brackets = deferred(r"\\over(?![A-Za-z])|\\.|[{}()\[\],;]", re.DOTALL)
_positive = deferred(r"\s*(_)\s*(?:\+|\{\s*\+\s*\})")
_blank = deferred(r"[\s~]*")
_single = deferred(rf"\s*({words.COMMAND}|[-−]?\s*(?:\\[A-Za-z]+|[{LETTER}0-9'′⊤+*]))")


@dataclass(slots=True)
class Pairs:
    """What one scan tells before reading.

    match   opening bracket → its closing one
    opening closing bracket → its opening one
    over    \\over, and the braces around it
    lists   `[` → the separators `,` and `;` directly inside it, the first two
    positive  `(` or `[` of a positive part (x)_+ → its subscript
    skips   subscripts already read, by place
    """

    match: dict[int, int] = field(default_factory=dict)
    opening: dict[int, int] = field(default_factory=dict)
    lists: dict[int, str] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)
    positive: dict[int, tuple[int, int]] = field(default_factory=dict)
    skips: dict[int, int] = field(default_factory=dict)


def bracket_pairs(text: str, start: int, end: int) -> Pairs:
    pairs, stack = Pairs(), []
    for m in _brackets.finditer(text, start, end):
        c, at = m.group(), m.start()
        if c in ("{", "(", "[", "\\{"):
            stack.append(at)
        elif c == "\\over":
            if stack and text[stack[-1]] == "{":
                pairs.over |= {stack[-1], at}
        elif c in ",;":
            if stack and text[stack[-1]] == "[":
                pairs.lists[stack[-1]] = (pairs.lists.get(stack[-1], "") + c)[:2]
        elif c in ("}", ")", "]", "\\}"):
            while c == "}" and stack and text[stack[-1]] != "{":
                stack.pop()
            if not stack:
                continue
            opening = stack.pop()
            pairs.opening[at] = opening
            pairs.match[opening] = at
            if c != "}" and (positive := _positive.match(text, m.end(), end)):
                pairs.positive[opening] = (positive.start(1), positive.end())
    return pairs


def blank(text: str, at: int) -> int:
    m = _blank.match(text, at)
    return m.end() if m else at


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
    if m[1][:1] != "\\" or not (m[1][1:] in words.UPRIGHT or m[1][1:] in words.STYLES):
        return end
    following = blank(text, end)
    if text[following : following + 1] == "{":
        return pairs.match.get(following, end - 1) + 1
    letter = _single.match(text, end)
    return letter.end() if letter else end
