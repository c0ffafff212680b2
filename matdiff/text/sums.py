r"""What a sum runs over in LaTeX: \sum_{i=1}^N, \sum_{i<j}, \sum_{(i,j)\in\Omega}."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from matdiff.core.patterns import deferred
from matdiff.errors import UnsupportedError
from matdiff.text.tokens import Stream
from matdiff.text.tree import Binder, Over, Span

if TYPE_CHECKING:
    from matdiff.text.latex.latex_places import Pairs

LONGEST = 120
"""Longest subscript of a sum that is read."""

_spelled = (
    (deferred(r"\\(?:limits|nolimits|displaylimits|displaystyle|scriptstyle|substack)(?![A-Za-z])"), ""),
    (deferred(r"\\(?:leqslant|leq|le)(?![A-Za-z])|<="), "≤"),
    (deferred(r"\\(?:geqslant|geq|ge)(?![A-Za-z])|>="), "≥"),
    (deferred(r"\\(?:neq|ne)(?![A-Za-z])|\\not\s*=|!="), "≠"),
    (deferred(r"\\lt(?![A-Za-z])"), "<"),
    (deferred(r"\\gt(?![A-Za-z])"), ">"),
    (deferred(r"\\in(?![A-Za-z])"), "∈"),
    (deferred(r"\\(?:l|c|)dots(?![A-Za-z])"), "..."),
    (deferred(r"\\(?:left|right|mathrm|mathcal|mathbf|text|mathbb)(?![A-Za-z])"), ""),
    (deferred(r"\\ell(?![A-Za-z])"), "ell"),
    (deferred(r"\\\\|\\mid(?![A-Za-z])|[;:|]"), ","),
    (deferred(r"\\[,;: !]|\\q?quad(?![A-Za-z])|[\s~{}]"), ""),
    (deferred(r"\\([A-Za-z]+)"), r"\1"),
    (deferred(r"\\([{}])"), ""),
)
_index = r"(?:ell|[a-z])"
_extent = r"[A-Za-z0-9+*()−-]+"
_names = deferred(rf"{_index}+\Z")
_first = deferred(rf"({_index})=({_extent})\Z")
_between = deferred(rf"({_extent})≤({_index})(?:,({_index}))*≤({_extent})\Z")
_chain = deferred(rf"(?:({_extent})≤)?({_index})([<≤>≥≠])({_index})(?:≤({_extent}))?\Z")
_pairs = deferred(rf"\(({_index}),({_index})\)∈([A-Za-z]\w*)\Z")
_range = deferred(rf"({_index})∈(?:\[({_extent})\]|1,?(?:2,)?\.\.\.,?({_extent}))\Z")
_set = deferred(r".*∈")
_each = deferred(_index)
_item = deferred(r"\\[A-Za-z]+|\w")
_ahead = deferred(r"(?:\s|\\(?:limits|nolimits|displaylimits)(?![A-Za-z]))*([_^])\s*")


def bound(text: str, at: int) -> bool:
    r"""Whether an index follows the \sum that ends here."""
    return _ahead.match(text, at) is not None


def latex_sum(stream: Stream, span: Span, pairs: Pairs) -> int:
    r"""The token of a \sum or \prod with what it runs over; returns where reading goes on."""
    text, at = stream.text, span[1]
    parts = {"_": "", "^": ""}
    while m := _ahead.match(text, at):
        start = m.end()
        end = pairs.match.get(start, -1) + 1 if text[start : start + 1] == "{" else 0
        if not end:
            item = _item.match(text, start)
            end = item.end() if item else start + 1
        if parts[m[1]] or end - start > LONGEST:
            break
        parts[m[1]], at = text[start:end], end
    place = (span[0], at)
    binder = _binder(stream, parts["_"], plainly(parts["^"]), place)
    stream.push("BIG", Over("over", (), text[span[0] + 1 : span[1]], place, "", binder))
    return at


def plainly(text: str) -> str:
    """A subscript in plain signs."""
    for pattern, sign in _spelled:
        text = pattern.sub(sign, text)
    return text


def _binder(stream: Stream, below: str, last: str, place: Span) -> Binder:
    if not below:
        hint = r"Write it below: \sum_{i=1}^N."
        unread(stream, "this sum has no index", place, hint)
    text = plainly(below)
    if m := _pairs.match(text):
        return Binder(((m[1], "", ""), (m[2], "", "")), mask=m[3])
    found: dict[str, tuple[str, str]] = {}
    relation, pair = "", ("", "")
    waiting: list[str] = []
    for part in _parts(text):
        if m := _first.match(part):
            waiting.append(m[1])
            found.update(dict.fromkeys(waiting, (m[2], "")))
            waiting = []
        elif m := _range.match(part):
            found[m[1]] = ("1", m[2] or m[3])
        elif m := _between.match(part):
            found[m[2]] = (m[1], m[4])
        elif m := _chain.match(part):
            if relation:
                unread(stream, "a sum with several conditions is not read", place, "Split it.")
            relation, pair = m[3], (m[2], m[4])
            for name, low, high in ((m[2], m[1], m[5]), (m[4], m[1], m[5])):
                if low or high:
                    found.setdefault(name, (low or "", high or ""))
        elif _names.match(part):
            waiting += _each.findall(part)
        elif _set.match(part):
            hint = r"Write \sum_{i=1}^N, or \sum_i b_i … with a vector b of zeros and ones for the set."
            unread(stream, "a sum over a set that nothing declares", place, hint)
        else:
            unread(stream, "what this sum runs over cannot be read", place, r"Write \sum_{i=1}^N or \sum_{i<j}.")
    found.update({name: found.get(name, ("", "")) for name in waiting})
    indices = tuple((name, low, high or last) for name, (low, high) in found.items())
    if last and not indices:
        indices = tuple((name, "", last) for name in pair)
    return Binder(indices, relation, pair)


def _parts(text: str) -> list[str]:
    """Split at commas that no bracket holds; 1≤i,j≤n and i∈1,...,N stay whole."""
    if _range.match(text):
        return [text]
    if m := re.match(rf"({_extent})≤({_index}),({_index})≤({_extent})\Z", text):
        return [f"{m[1]}≤{m[2]}≤{m[4]}", f"{m[1]}≤{m[3]}≤{m[4]}"]
    return [part for part in text.split(",") if part]


def unread(stream: Stream, message: str, place: Span, hint: str) -> NoReturn:
    raise UnsupportedError(message, text=stream.text, span=place, hint=hint)
