"""Sums over an index in plain text: sum_i(…), sum_ij(…), sum(…, i=1..N), and the same with prod."""

from __future__ import annotations

import re
from typing import Any

from matdiff.core.patterns import deferred
from matdiff.text.tree import Binder, Over, Range, Span, Tree

_typed = deferred(r"=\s*([\w+*\s−-]{1,40}?)\s*\.\.\.?\s*([\w+*\s−-]{1,40}?)\s*(?=[,)])", re.ASCII)


_signs = deferred(r"\\(?:sum|prod)(?![A-Za-z])|\\(?:max|min)\s*_|\b(?:sum|prod)(?:\s?_|\b[^=]*=[^=]*\.\.)")


def summed(text: str) -> bool:
    r"""Whether there may be a sum over an index: \sum, sum_i(…), sum(…, i=1..N)."""
    if "∑" in text or "∏" in text:
        return True
    return ("sum" in text or "prod" in text or ("_" in text and "\\m" in text)) and _signs.search(text) is not None


def bounded(text: str, name: Any, at: int) -> Range | None:
    """i=1..N whose equals sign stands at `at`, behind the index."""
    m = _typed.match(text, at)
    if m is None or name.head != "name" or len(str(name.value)) > 1 or not str(name.value).islower():
        return None
    first, last = ("".join(part.split()) for part in m.groups())
    return Range("range", (), name.value, (name.span[0], m.end()), "", (str(name.value), first, last))


def as_over(call: Tree) -> Tree:
    """The sum over an index that a call is; other calls as they are."""
    word, _, letters = str(call.value).partition("_")
    indices = tuple(a.index for a in call.args[1:] if isinstance(a, Range))
    if letters and len(call.args) == 1 and letters.islower() and letters.isalpha():
        indices = tuple((name, "", "") for name in letters)
    elif letters or len(indices) != len(call.args) - 1:
        return call
    return Over("over", call.args[:1], word, call.span, "", Binder(indices)) if indices else call


def big(stream: Any, word: str, letters: str, span: Span) -> None:
    """The token of sum_i in plain text, whose terms stand behind a space."""
    binder = Binder(tuple((letter, "", "") for letter in letters))
    stream.push("BIG", Over("over", (), word, span, "", binder))
