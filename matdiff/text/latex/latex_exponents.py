"""Superscripts that are no powers: transposes, inverse transposes, pseudoinverses, indices (1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matdiff.core.patterns import deferred
from matdiff.text.characters import plain_name
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.names import Name
from matdiff.text.tokens import Stream
from matdiff.text.tree import Tree

# Derivatives of unknown functions of arrays in LaTeX: \nabla^{2}\varphi(x), \partial_{1} f(x, t), h'(X)^{*}[Y].

_mark = deferred(
    r"(?:\\(nabla|partial)(?![A-Za-z])|(∇)|(∂))\s*"
    r"(?:_\s*(?:\{\s*(\d{1,3})\s*\}|(\d))|([₀-₉]+))?\s*(?:\^\s*(?:\{\s*(\d)\s*\}|(\d))|([²³]))?\s*"
)
_star = deferred(r"\^\s*(?:\{\s*(?:\*|\\ast|\\star)\s*\}|\*|\\ast\b|\\star\b)\s*(?=(?:\\(?:left|[bB]igg?l?)\s*)?\[)")
_open = deferred(r"(?:\\(?:left|[bB]igg?l?)\s*)?\(")
_lower = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_upper = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def marked(
    stream: Stream, first: int, name_at: Callable[[int], Name | None], scripts: Callable[[int], tuple[str, int, int]]
) -> int:
    """The derivative that begins at `first`, as the name of a call; 0 where it is none of an unknown function."""
    at, marks = first, ""
    while m := _mark.match(stream.text, at):
        marks += "∂" if m[1] == "partial" or m[3] else "∇"
        marks += (m[4] or m[5] or m[6] or "").translate(_lower) + (m[7] or m[8] or m[9] or "").translate(_upper)
        at = m.end()
    name = name_at(at) if at > first else None
    if name is None:
        return 0
    sub, end, _ = ("", name.end, -1) if name.sub else scripts(name.end)
    end = max(end, name.end)
    value = plain_name(name.value, stream.text, name.start) + ("_" + sub if sub else "")
    if value not in stream.names.arrows:
        return 0
    opens = blank(stream.text, end)
    if not _open.match(stream.text, opens):
        return 0
    stream.push("FUNC", Tree("name", (), marks + value, (first, end)))
    stream.foreign = True
    return end


def starred(stream: Stream, at: int) -> int:
    r"""The * of h'(X)^{*}[Y], which is the adjoint; 0 where it is none."""
    found = _star.match(stream.text, at) if stream.ended[0] == len(stream.kinds) - 1 else None
    if found is None or not stream.more_axes(str(stream.values[stream.ended[1]].value)):
        return 0
    stream.push("STAR", found.span())
    return found.end()


_styles = "|".join(sorted(words.STYLES | words.UPRIGHT - {"operatorname*"}))
_fonts = deferred(
    rf"\\(?:{_styles}|displaystyle|textstyle|scriptstyle|scriptscriptstyle)(?![A-Za-z])|\\[,;:!> ]|[\s{{}}~]"
)
_turned = r"(?:\\(?:top|intercal|prime|transpose|transp|trans|tran|tp|T)|[T⊤'′])"
_exponent = deferred(
    rf"(?:[(\[](?P<index>[A-Za-z0-9]{{1,9}}(?:[-+][0-9])?)[)\]]|\\(?P<star>star))?,?"
    rf"(?:\^?(?P<turned>{_turned})[,^]?(?P<after>-1)?|(?P<before>-?\d{{0,3}})[,^]?(?P<last>{_turned})|(?P<inverse>-1))?(?P<plus>\\dagger|\\dag|\+)?\Z"
)
_upright = deferred(r"\\(?:mathrm|rm|text|textrm|mathsf|sf|textsf|operatorname)(?![A-Za-z])")

LONGEST = 60
"""Longest exponent that is looked at as a whole."""


@dataclass(frozen=True, slots=True)
class Exponent:
    """`index`: part of the name, as in W^{(1)}; `power`: as written; `turned`: transposed; `plus`: † or +."""

    index: str = ""
    power: str = ""
    turned: bool = False
    plus: str = ""


def bare(body: str) -> str:
    r"""Without fonts, spaces and braces: \!\mathsf{T} is T."""
    return _fonts.sub("", body).replace("−", "-")


def exponent(body: str) -> Exponent | None:
    r"""What `body` says, if it is more than a power.

    >>> exponent(r"{(1)\top}"), exponent(r"{-{\rm T}}"), exponent("{-1}")
    (Exponent(index='1', power='', turned=True, plus=''), Exponent(index='', power='-1', turned=True, plus=''), None)
    """
    m = _exponent.match(bare(body)) if len(body) < LONGEST else None
    if m is None:
        return None
    index = (m["index"] or m["star"] or "").replace("-", "m").replace("+", "p")
    turned = bool(m["turned"] or m["last"])
    if not (index or turned or m["plus"]):
        return None
    power = m["after"] or m["before"] or m["inverse"] or ""
    return Exponent(index, "-1" if power == "-" else power, turned, m["plus"] or "")


def upright_t(body: str) -> bool:
    r"""^{\mathrm{t}}, ^{\mathrm{tr}}: some write the transpose so."""
    return len(body) < LONGEST and bare(body) in ("t", "tr", "Tr") and _upright.search(body) is not None
