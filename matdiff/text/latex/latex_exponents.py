"""Superscripts that are no powers: transposes, inverse transposes, pseudoinverses, indices (1)."""

from __future__ import annotations

from dataclasses import dataclass

from matdiff.core.patterns import deferred
from matdiff.text.latex import commands as words

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
