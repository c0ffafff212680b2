"""Subscripts in LaTeX as parts of names."""

from __future__ import annotations

from typing import NoReturn

from matdiff.core.patterns import deferred
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_places import Pairs
from matdiff.text.tokens import Stream

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
