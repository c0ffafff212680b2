r"""Which notation a text is in: plain or LaTeX, and whether its signs are those of NumPy or Mathematica."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from matdiff.core import op
from matdiff.core.patterns import deferred
from matdiff.text.characters import LATEX_MARKS
from matdiff.text.tokens import CONSTANT_CALLS, GREEK, SPECIAL_CALLS

_mark = deferred(LATEX_MARKS + r"|\A\s*(?:\$|\\\[|\\\()|\$\s*\Z")
_behind = deferred(r"(?:(?P<small>(?<![\w\\])[a-z]\w{0,20}(?:['′’ᵀ]|[.^]T)?)|[\w)\]'′’ᵀ])\s{0,3}\Z")
_word = deferred(r"\\([A-Za-z]\w*)\s*(\(?)")
_star = deferred(r"(?<!\\operatorname)(?<!\\norm)(?<!\\abs)(?<![\^_{])(?:\.[*/^]|\*(?!\}))")
_call = deferred(r"(?<![\\\w])([A-Za-z]\w+)\(")

_numpy = deferred(r"@|(?<![\w.\\])(?:np|numpy|jnp|jax|torch|tf|scipy)\s*\.\s*[a-z]")
_wolfram = deferred(r"(?<![A-Za-z0-9_\\])([A-Z][a-z]\w*)\[")


def dialect_of(text: str, declared: Collection[str] = ()) -> str:
    r"""`latex` where a command, `\|` or a brace stands; `A\inv(B)` in a text that is plain otherwise is a division."""
    if _mark.search(text) is None:
        return "plain"
    if not all(_divides(text, m, declared) for m in _mark.finditer(text)):
        return "latex"
    return "plain" if plainly(text) else "latex"


def starred(text: str) -> bool:
    """Whether a sign of plain text stands in it: * .* ./ .^"""
    return _star.search(text) is not None


def plainly(text: str) -> bool:
    """Whether a sign or a call of plain text stands in it."""
    return starred(text) or any(m[1] in op.words for m in _call.finditer(text))


def _divides(text: str, mark: re.Match[str], declared: Collection[str]) -> bool:
    """Whether a backslash can be a left division: behind an operand, before a call or a declared name."""
    word = _word.match(text, mark.start())
    before = _behind.search(text[max(0, mark.start() - 30) : mark.start()])
    if word is None or before is None or before["small"] or word[1] in GREEK:
        return False
    functions = (op.words, op.spellings, CONSTANT_CALLS, SPECIAL_CALLS)
    return word[1] in declared or (bool(word[2]) and any(word[1] in known for known in functions))


def only_behind(text: str) -> bool:
    """Whether every mark of LaTeX is a command behind an operand."""
    return all(
        (word := _word.match(text, m.start())) and _behind.search(text[max(0, m.start() - 30) : m.start()]) and word
        for m in _mark.finditer(text)
    )


@lru_cache(maxsize=8)
def notation(text: str, dialect: str = "plain") -> str:
    """The notation whose signs mean something else than here: `NumPy`, `Mathematica`, or nothing."""
    if ("@" in text or "." in text) and _numpy.search(text):
        return "NumPy"
    called = _wolfram.findall(text) if dialect == "plain" and "[" in text else ()
    return "Mathematica" if any(_called_in_brackets(word) for word in called) else ""


def _called_in_brackets(word: str) -> bool:
    """Whether Word[…] is a call: Tr[A], not Sigma[1,2]."""
    known = (op.spellings, op.words)
    return word not in op.words and word not in GREEK and any(word in names or word.lower() in names for names in known)
