"""The laws, E[…], Var[…] and Cov[…] that a text states, cut out of it: what is left has calls in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matdiff.api.reading import texts
from matdiff.core.node import Symbol
from matdiff.errors import ParseError
from matdiff.ops.random import MATRIX_NORMAL, NORMAL, SPOKEN, Law, laws
from matdiff.text.laws import read_laws, tilde
from matdiff.text.parser import parse_declarations
from matdiff.text.statements import closing, split, without_comments
from matdiff.text.tree import Declaration, Span, Stated

_opens = re.compile(
    r"(?:(?P<bold>𝔼|\\(?:mathbb|mathrm|operatorname|mathsf)\s*(?:\{\s*E\s*\}|E(?![A-Za-z])))|(?<![\w\\.])E)"
    r"(?P<below>\s*_(?:\{(?P<braced>(?:[^{}]|\{[^{}]*\})*)\}|\w))?"
    r"\s*(?:\\left|\\[bB]igg?l?)?\s*(?P<open>[\[(]|\\\{|\\lbrack(?![A-Za-z]))"
)
MOMENTS = re.compile(
    r"(?:\\(?:operatorname|mathrm|text|mathsf|mathbb)\s*\{\s*(?P<a>Var|Cov|var|cov|V)\s*\}|\\?(?<![\w.])(?P<b>Var|Cov|var|cov)|𝕍)"
    r"\s*(?:\\left|\\[bB]igg?l?)?\s*[\[(]"
)
DISTRIBUTION = re.compile(r"(?:\\Phi(?![A-Za-z])|(?<![\w\\])Phi(?!\w)|Φ)(?=\s*(?:\\left\s*|\\[bB]igg?l?\s*)?\()")
PHI = "Φ(…) is read as the distribution function of the standard normal law; a matrix Φ is declared, Phi: m×n"
_words = re.compile(r"\\?[^\W\d_]\w*")


@dataclass(frozen=True, slots=True)
class Said:
    """One law as it is typed: names, the law, its arguments with their places in `text`."""

    names: tuple[tuple[str, Span], ...]
    law: Law
    arguments: tuple[tuple[str, int], ...]
    text: str
    span: Span
    declared: tuple[Declaration, ...] = ()


@dataclass(frozen=True, slots=True)
class Over:
    """The E of E_x[…] that stands at a place, the names below it, and the place of the whole."""

    at: int
    names: frozenset[str]
    span: Span


def random_here(text: str, declare: Any, known: Mapping[str, Symbol]) -> bool:
    """Whether something is declared random, or a mean is taken.  Raises ParseError for a law that cannot be read."""
    source = without_comments(text)
    declared: list[Declaration] = []
    for given in texts(declare):
        kept, said = without_laws(given)
        if said:
            return True
        declared += parse_declarations(kept) if kept.strip(" ;\n") else []
    body, said = without_laws(source)
    if said or own_E(body, declared, known):
        return bool(said)
    turned, said, _ = with_expectations(body, text)
    return bool(said) or turned != body


def own_E(body: str, declared: Sequence[Declaration], known: Mapping[str, Symbol]) -> bool:
    """Whether E is declared or defined, so that E[…] is an entry of it."""
    named = re.search(r"(?<!\w)E\s*(?::(?!=)|:?=|∈|\\in(?![A-Za-z]))", body) is not None
    return named or "E" in known or any(d.name == "E" for d in declared)


def own_Phi(body: str, declared: Sequence[Declaration], known: Mapping[str, Symbol]) -> bool:
    """Whether Φ is declared or defined, so that it is a matrix."""
    named = re.search(r"(?:\\Phi(?![A-Za-z])|(?<!\w)Phi|Φ)\s*(?::(?!=)|:?=|∈|\\in(?![A-Za-z]))", body) is not None
    return named or not {"Phi", "Φ"}.isdisjoint((*known, *(d.name for d in declared)))


def spoken_moment(m: re.Match[str]) -> str:
    """Var[ and Cov( as the call of a function, of the same length."""
    letter = "Ͷ" if (m["a"] or m["b"] or "").lower() == "cov" else "Ͳ"
    return " " * (len(m[0]) - 2) + letter + "("


def closed_as_opened(body: str) -> str:
    """The brackets that close what `spoken_moment` opened."""
    for letter in "ͲͶ":
        at = -1
        while (at := body.find(letter + "(", at + 1)) >= 0:
            close = closing(body, at + 2)
            if close is not None:
                tail = re.search(r"(?:\\right|\\[bB]igg?r?)?\s*\Z", body[:close])
                cut = tail.start() if tail and tail[0].strip() else close
                body = body[:cut] + " " * (close - cut) + ")" + body[close + 1 :]
    return body


def without_laws(text: str) -> tuple[str, list[Said]]:
    """The text with blanks for the laws that it states."""
    if not isinstance(text, str):
        raise ParseError(f"a text is wanted, not {type(text).__name__}")
    if not tilde.search(text):
        return text, []
    said: list[Said] = []
    kept = text
    depthless = _without_expectations(text)
    for s in split(depthless, "latex" if "\\" in text else "plain"):
        if not tilde.search(depthless, s.start, s.end) or _blank(depthless[s.start : s.end]):
            continue
        said += [_known(text, law, s.span) for law in read_laws(text, s.start, s.end, depthless)]
        end = s.end + (text[s.end : s.end + 1] == ";")
        kept = kept[: s.start] + " " * (end - s.start) + kept[end:]
    return kept, said


def _blank(statement: str) -> bool:
    r"""Whether the ~ of a statement are the blanks of LaTeX, as in A~x."""
    if "\\" not in statement or re.search(r"\\sim(?![A-Za-z])|∼", statement):
        return False
    m = re.fullmatch(r"[\w\\{}\s,^]+?~\s*(?:\\[a-z]+\s*\{?)?([A-Za-z]+)\}?\s*(?:\\left\s*)?\(.*", statement, re.DOTALL)
    return m is None or m[1].lower() not in laws


def _without_expectations(text: str) -> str:
    r"""Blanks for the laws below an \mathbb{E}_{z \sim …}, which are no statements."""
    for m in _opens.finditer(text):
        if m["below"]:
            a, b = m.span("below")
            text = text[:a] + " " * (b - a) + text[b:]
    return text


def _known(text: str, stated: Stated, span: Span) -> Said:
    """A law that there is, with as many parameters as it takes."""
    given = stated.distribution
    inverse = any(w.value == "INVERSE" for w in given.words)
    word = "".join(str(w.value) for w in given.words if w.value != "INVERSE").lower()
    word = "inv" * inverse + {"w": "wishart"}.get(word, word)
    law = laws.get("sphere" if given.sphere and word in ("uniform", "unif", "u") else word)
    if law is None:
        from difflib import get_close_matches

        place = (given.words[0].span[0], given.words[-1].span[1])
        near = get_close_matches(word, laws, 1, 0.7)
        hint = f"did you mean {near[0]}? " if near else ""
        hint += f"the laws are {', '.join(dict.fromkeys(found.name.replace(' ', '') for found in laws.values()))}"
        raise ParseError(f"there is no law {text[slice(*place)].strip()}", text=text, span=place, hint=hint)
    if law is NORMAL and len(given.parameters) == 3:
        law = MATRIX_NORMAL
    count = len(given.parameters) or int(given.sphere and bool(law.takes))
    if count != len(law.takes):
        message = f"{law.name} takes {len(law.takes)} parameters, not {count}"
        raise ParseError(message, text=text, span=stated.span, hint=law.says)
    for p in given.parameters:
        if "=" in str(p.value):
            message = "parameters are given in order, without names"
            raise ParseError(message, text=text, span=p.span, hint=law.says)
    arguments = tuple((str(p.value), p.span[0]) for p in given.parameters)
    return Said(tuple(stated.names), law, arguments, text, span, tuple(stated.declared))


def with_expectations(body: str, text: str) -> tuple[str, list[Said], list[Over]]:
    """E[…] as a call, of the same length; what stands below an E may state a law, and says what the mean is over."""
    said: list[Said] = []
    over: list[Over] = []
    at = 0
    while (m := _opens.search(body, at)) is not None:
        at = m.end()
        start = m.start("open")
        if not m["bold"] and m["open"] != "[":
            continue
        close = closing(body, m.end("open"))
        if close is None:
            raise ParseError("this bracket is not closed", text=text, span=m.span("open"), hint="Close it with ].")
        inside = body[m.end("open") : close]
        if not m["bold"] and (not inside.strip() or re.fullmatch(r"[\s\d:,]*|[^()\[\]]*[:,][^()\[\]]*", inside)):
            continue
        below = m["braced"]
        if below and tilde.search(below):
            said += without_laws(" " * m.start("braced") + below)[1]
        last = m.end("open") - 1
        if m["below"]:
            named = re.sub(r"_\{(\w+)\}", r"_\1", m["below"][1:])
            spelled = _words.findall(named.partition("|")[0].partition(r"\mid")[0])
            over.append(Over(last - 1, frozenset(w.lstrip("\\") for w in spelled), (m.start(), close + 1)))
        end = close + 1
        tail = re.search(r"(?:\\right|\\[bB]igg?r?)?\s*\\?\Z", body[:close])
        cut = tail.start() if tail and tail[0].strip() else close
        opened = " " * (last - m.start() - 1) + SPOKEN + "("
        body = body[: m.start()] + opened + body[m.end("open") : cut] + " " * (close - cut) + ")" + body[end:]
        assert start <= last
    return body, said, over
