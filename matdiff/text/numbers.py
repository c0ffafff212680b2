"""Numbers of other notations, which would be read as products: 0x10, 5x5, 1e5e5; and imaginary ones: 2i, 1j."""

from __future__ import annotations

import re
from functools import lru_cache

from matdiff.core.patterns import deferred
from matdiff.text.tokens import Stream, number
from matdiff.text.tree import Span, Tree

_based = deferred(r"0([xXbBoO])([0-9a-fA-F]+)(?![A-Za-z_])")
_times = deferred(r"\d+([xX]\d+)(?![A-Za-z_])")
_imaginary = deferred(r"[\d.]+([ij])(?![A-Za-z0-9_])")
_exponent = deferred(r"[\d.]+[eE][+-]?\d+([eE]\d\w*)")
BASES = {"x": 16, "b": 2, "o": 8}


def refuse_glued(stream: Stream, span: Span) -> None:
    """Refuse letters at a number that mean something else elsewhere, unless they are a name that is declared."""
    text, start = stream.text, span[0]
    if not text[span[1] : span[1] + 1].isalpha():
        return
    if (m := _based.match(text, start)) and f"{m[1]}{m[2]}" not in stream.names.variables:
        number = _value(m[2], BASES[m[1].lower()])
        hint = f"Write {number}0*{m[1]}{m[2]} for the product."
        stream.refuse("numbers are written to the base 10", m.span(), hint)
    if (m := _exponent.match(text, start)) and m[1] not in stream.names.variables:
        stream.refuse("a number has one exponent", m.span(), "Write 1e5, or 1e5*x for a product.")
    if (m := _times.match(text, start)) and m[1] not in stream.names.variables and m[1] not in _alone(text):
        n = text[start : span[1]]
        hint = f"Write {n}*{m[1][1:]} for the numbers; for the variable {m[1]} declare it, or write {n}*{m[1]}."
        stream.refuse(f"is {m[0]} a product of two numbers, or of {n} and {m[1]}?", m.span(), hint)


def imaginary(stream: Stream, span: Span) -> int:
    """1i, 2.5j: an imaginary number, unless the letter is declared; returns where it ends, or 0."""
    m = _imaginary.match(stream.text, span[0])
    if m is None or m[1] in stream.names.variables:
        return 0
    value = number(stream, stream.text[slice(*span)], span)
    stream.push("NUMBER", Tree("call", (value,), "imaginary", m.span()))
    return m.end()


def _value(digits: str, base: int) -> str:
    try:
        return f"{int(digits[:60], base)} for the number, "
    except ValueError:
        return ""


@lru_cache(maxsize=4)
def _alone(text: str) -> frozenset[str]:
    """The names x1, x2 … that stand somewhere without a number before them."""
    return frozenset(re.findall(r"(?<![\w.])[xX]\d+(?!\w)", text))
