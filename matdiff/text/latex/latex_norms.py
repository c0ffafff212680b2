"""Norms by their subscripts, and what is offered for those that the language does not have."""

from __future__ import annotations

import re

from matdiff.core.patterns import deferred
from matdiff.text.latex.latex_exponents import bare

NAMES = {
    "": "", "2": "2", "F": "F", "fro": "F", "Fro": "F", "Frob": "F", "HS": "F", r"\ell_2": "2", "1": "1",
    r"\ell_1": "1", r"\infty": "inf", "∞": "inf", "inf": "inf", r"\ell_\infty": "inf", "*": "*", r"\ast": "*",
    r"\star": "*", "nuc": "*", "tr": "*", "Tr": "*", "S_1": "*",
}  # fmt: skip
"""Subscript, without fonts and braces → the name of the norm in a tree."""

SPECTRAL = frozenset(
    {"op", "spec", "sp", "spectral", "sigma", r"\sigma", "2to2", r"2\to2", r"2\rightarrow2", r"S_\infty", r"2,2"}
)
OFFERS = {
    **dict.fromkeys(SPECTRAL, r"For the spectral norm write \sigma_{{\max}}({0})."),
    **dict.fromkeys(
        (r"\max", "max"), r"For the largest absolute value of an entry write \operatorname{{norminf}}({0})."
    ),
    "0": r"It counts entries, so that its derivative is 0 or missing; \|{0}\|_1 takes its place.",
    r"2,1": r"Columns: \mathbf{{1}}^\top\sqrt{{\operatorname{{colsum}}({0}^{{\odot 2}})}}, rows likewise by rowsum.",
}
THERE_ARE = "There are ‖x‖, ‖x‖_2, ‖X‖_F, ‖x‖_1, ‖x‖_inf and ‖X‖_*."

_weight = deferred(
    r"\\(?:hat|bar|tilde|widehat|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)(?![A-Za-z]).*|[A-Z](?![A-Za-z0-9,]).*"
    r"|.+\^\\?-1|\(.+\)"
)
_space = deferred(r"[A-Z](?:\^\d|_\\infty|_\d)")
_squared = deferred(r"\s*\^\s*(?:2|\{\s*2\s*\})")
_closing = deferred(r"\\(?:right|[bB]igg?r?)\s*\Z")
_single = deferred(r"(?:\\[A-Za-z]+\s*)?\{?\s*(?:[A-Za-z]|\\[A-Za-z]+)\s*\}?(?:_(?:\w|\{\w+\}))?")

LONGEST = 60
"""Longest operand that a message repeats."""


def offer(below: str, inside: str, squared: bool) -> str:
    """What to write instead of the norm of `inside` with the subscript `below`, both as written."""
    name, inside = bare(below), _closing.sub("", inside).strip()
    inside = inside if len(inside) <= LONGEST else "r"
    if name in OFFERS:
        return OFFERS[name].format(inside)
    if name.isdigit() and len(name) < 4:
        return rf"Write \operatorname{{sum}}(|{inside}|^{{\odot {name}}})^{{1/{name}}}."
    if not _weight.fullmatch(name) or _space.fullmatch(name):
        return THERE_ARE
    r = inside if _single.fullmatch(inside) else f"({inside})"
    weight = below.strip()
    weight = weight[1:-1].strip() if weight[:1] == "{" else weight
    weight = f"({weight})" if re.search(r"[^{^]\s*[-+]", weight) and weight[:1] != "(" else weight
    form = rf"{r}^\top {weight} {r}"
    return f"Write {form}." if squared else rf"Write \sqrt{{{form}}}, and for its square {form}."


def is_squared(text: str, at: int) -> bool:
    return _squared.match(text, at) is not None
