"""The notations, as tables: a further one is a further table.

A form is a level and a template; `{0:p}` is the first argument, put in parentheses where its own level is
lower than the letter tells.  Arguments that are parameters (indices, sizes) come as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from string import Formatter
from typing import NamedTuple

from matdiff.core.node import Symbol, Value
from matdiff.core.shape import Dim
from matdiff.printing import names

SUM, NEGATED, MIXED, PRODUCT, POWER, POSTFIX, ATOM = range(7)
"""How tightly a printed form holds together.  MIXED (⊙ ⊗ ./) and PRODUCT are one level of the grammar; keeping them
apart puts the parentheses that a reader needs into A (B ⊙ C)."""

LEVELS = {"s": SUM, "m": MIXED, "*": PRODUCT, "p": POWER, "x": POSTFIX, "a": ATOM}

Template = tuple[str | tuple[int, int], ...]
"""Literal text, and (argument, least level)."""

Form = tuple[int, str]


@cache
def template(text: str) -> Template:
    out: list[str | tuple[int, int]] = []
    before = ""
    for literal, field, spec, _ in Formatter().parse(text):
        if literal:
            out.append(literal)
            before = literal
        if field is not None:
            out.append((int(field.removeprefix("p")), LEVELS[spec] if spec else _guess(before)))
            before = ""
    return tuple(out)


def _guess(before: str) -> int:
    """The level that an argument needs in a record's own LaTeX template: anything goes between brackets."""
    return SUM if re.search(r"([({\[,;]|\\[lr]?[Vv]ert|\\langle)\s*$", before) else ATOM


def guessed_level(parts: Template) -> int:
    """The level of a record's own LaTeX template: `\\log\\det {0}` binds as a product, `{0}^{{+}}` as a postfix."""
    if not isinstance(parts[-1], str):
        return MIXED
    return ATOM if isinstance(parts[0], str) else POSTFIX


class Notation(NamedTuple):
    """One way of writing.

    join         what stands between adjacent factors: (last text, next text, is the last a number) -> text
    fraction     a Fraction in front of a product, or "" where it is written as a trailing division
    dotted       broadcasting plus and minus; empty where ones are written out
    tall         parentheses around fractions and blocks
    block        text before, between columns, between rows, after
    definition   text between a name and its meaning, and between definitions
    functions    words for functions that are not called by their own name
    literal      how digits that are no number of their own (exponents, numerators) are written
    own_templates  what a record's own LaTeX template becomes; None where records bring none
    bracketed      indices stand in brackets, not as subscripts
    square         the brackets around directions
    marks          how ∇² and ∂₁ before the name of a function are written
    star           what stands behind the adjoint of a derivative
    apart          letters side by side are set apart where they spell the name of a function
    """

    symbol: Callable[[Symbol], str]
    number: Callable[[Value], str]
    dim: Callable[[Dim], str]
    join: Callable[[str, str, bool], str]
    fraction: Callable[[Fraction], str]
    signs: tuple[str, str]
    dotted: tuple[str, str] | tuple[()]
    negative: str
    parentheses: tuple[str, str]
    tall: tuple[str, str]
    comma: str
    block: tuple[str, str, str, str]
    definition: tuple[str, str]
    ellipsis: str
    call: Callable[[str], str]
    functions: Mapping[str, str]
    forms: Mapping[str, Form]
    literal: Callable[[str], str] = str
    own_templates: Callable[[str], str] | None = None
    bracketed: bool = True
    apart: bool = False
    marks: Callable[[str], str] = str
    square: tuple[str, str] = ("[", "]")
    star: str = "*"


def _plain_number(value: Value) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _latex_number(value: Value) -> str:
    if isinstance(value, Fraction):
        return f"\\tfrac{{{value.numerator}}}{{{value.denominator}}}"
    mantissa, e, exponent = _plain_number(value).partition("e")
    return mantissa + (f" \\cdot 10^{{{int(exponent)}}}" if e else "")


def _latex_dim(dim: Dim) -> str:
    return re.sub(r"[^\W\d]\w*", lambda m: names.latex_name(m[0]), str(dim)).replace("*", r"\,")


CALLABLE_NAMES = {"K", "D", "e", "sigma", "σ"}
"""Names that would read as functions before a parenthesis."""


def _text_join(last: str, following: str, after_number: bool) -> str:
    first = following[0]
    if first.isdigit() or first in "½.":
        return "·"
    if after_number and last[-1] != "½":
        return " " if first in "eE" or not last.replace(".", "").isdigit() else ""
    if first == "(":
        return "·" if last in CALLABLE_NAMES else "" if last[-1] in ")ᵀᴴ¹²³½" else " "
    return " "


def _latex_join(last: str, following: str, after_number: bool) -> str:
    if following[0].isdigit() or (after_number and following.startswith(r"\tfrac")):
        return r" \cdot "
    return " " if following[0].isalpha() and re.search(r"\\[A-Za-z]+$", last) else ""


def _ascii_join(last: str, following: str, after_number: bool) -> str:
    return "*"


def _text_fraction(value: Fraction) -> str:
    return "½" if value == Fraction(1, 2) else str(value) if value.numerator != 1 else ""


def _ascii_fraction(value: Fraction) -> str:
    return str(value) if value.numerator != 1 else ""


def _latex_call(name: str) -> str:
    bare = name.rstrip("'")
    if not bare.isascii() or (bare in names.COMMANDS and bare != "sigma"):
        return names.latex_name(bare) + name[len(bare) :]
    return name if len(bare) == 1 else rf"\operatorname{{{bare}}}{name[len(bare) :]}".replace("_", r"\_")


def _ascii_marks(marks: str) -> str:
    """∇² → nabla2_, ∂₁ → d1_."""
    return re.sub(r"([∇∂])([₀-₉²³]*)", lambda m: f"{_WORDS[m[1]]}{m[2].translate(_DIGITS)}_", marks)


def _latex_marks(marks: str) -> str:
    marks = re.sub(r"[₀-₉]+", lambda m: f"_{{{m[0].translate(_DIGITS)}}}", marks)
    marks = re.sub(r"[²³]+", lambda m: f"^{{{m[0].translate(_DIGITS)}}}", marks)
    return marks.replace("∇", r"\nabla ").replace("∂", r"\partial ").replace(" _", "_").replace(" ^", "^")


_WORDS = {"∇": "nabla", "∂": "d"}
_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉²³", "012345678923")

_SHARED: dict[str, Form] = {
    "fraction": (PRODUCT, "{0:*}/{1:p}"),
    "sqrt": (ATOM, "sqrt({0:s})"),
    "power": (POWER, "{0:a}^{1:a}"),
    "dot power": (POWER, "{0:a}.^{1:a}"),
    "dot over": (MIXED, "{0:m} ./ {1:p}"),
    "element": (ATOM, "{0:a}[{1}]"),
    "entry": (ATOM, "{0:a}[{1},{2}]"),
    "getrow": (ATOM, "{0:a}[{1},:]"),
    "getcol": (ATOM, "{0:a}[:,{1}]"),
    "part": (ATOM, "{0:a}[{1}:{2}]"),
    "slice": (ATOM, "{0:a}[{1}:{2},{3}:{4}]"),
    "norm call": (ATOM, "norm({0:s})"),
    "d": (ATOM, "d({0:s})"),
    "expectation": (ATOM, "E[{0:s}]"),
    "I": (ATOM, "I"),
    "eye": (ATOM, "eye({0})"),
    "ones": (ATOM, "ones({0})"),
    "ones of": (ATOM, "ones({0},{1})"),
    "zeros": (ATOM, "zeros({0})"),
    "zeros of": (ATOM, "zeros({0},{1})"),
    "e": (ATOM, "e({0},{1})"),
    "K": (ATOM, "K({0},{1})"),
    "D": (ATOM, "D({0})"),
    "pi": (ATOM, "pi"),
    "imaginary_unit": (ATOM, "1i"),
}

_COMMON = {
    "number": _plain_number,
    "dim": str,
    "comma": ", ",
    "parentheses": ("(", ")"),
    "tall": ("(", ")"),
    "block": ("[", ", ", "; ", "]"),
    "definition": (" = ", "; "),
    "call": str,
}

TEXT = Notation(
    **_COMMON,  # type: ignore[arg-type]
    symbol=names.text_symbol,
    join=_text_join,
    fraction=_text_fraction,
    signs=(" + ", " − "),
    dotted=(" .+ ", " .- "),
    negative="−",
    ellipsis="…",
    functions={"sigmoid": "σ"},
    forms=_SHARED
    | {
        "transpose": (POSTFIX, "{0:a}ᵀ"),
        "conjugate transpose": (POSTFIX, "{0:a}ᴴ"),
        "inv": (POSTFIX, "{0:a}⁻¹"),
        "inverse transpose": (POSTFIX, "{0:a}⁻ᵀ"),
        "square": (POSTFIX, "{0:a}²"),
        "cube": (POSTFIX, "{0:a}³"),
        "inverse square": (POSTFIX, "{0:a}⁻²"),
        "inverse cube": (POSTFIX, "{0:a}⁻³"),
        "hadamard": (MIXED, "{0:m} ⊙ {1:p}"),
        "kron": (MIXED, "{0:m} ⊗ {1:p}"),
        "norm": (ATOM, "‖{0:s}‖"),
        "inner": (ATOM, "⟨{0:s}, {1:s}⟩"),
        "pairing": (ATOM, "⟨{0:s}, {1:s}⟩"),
    },
)

ASCII = Notation(
    **_COMMON,  # type: ignore[arg-type]
    symbol=names.ascii_symbol,
    join=_ascii_join,
    fraction=_ascii_fraction,
    signs=(" + ", " - "),
    dotted=(" .+ ", " .- "),
    negative="-",
    ellipsis="...",
    marks=_ascii_marks,
    functions={},
    forms=_SHARED
    | {
        "transpose": (POSTFIX, "{0:a}'"),
        "conjugate transpose": (POSTFIX, "{0:a}^H"),
        "inv": (ATOM, "inv({0:s})"),
        "inverse transpose": (POSTFIX, "inv({0:s})'"),
        "square": (POWER, "{0:a}^2"),
        "cube": (POWER, "{0:a}^3"),
        "hadamard": (MIXED, "{0:m} .* {1:p}"),
        "kron": (ATOM, "kron({0:s}, {1:s})"),
        "norm": (ATOM, "norm({0:s})"),
        "inner": (ATOM, "<{0:s}, {1:s}>"),
        "pairing": (ATOM, "<{0:s}, {1:s}>"),
    },
)

LATEX = Notation(
    symbol=names.latex_symbol,
    number=_latex_number,
    dim=_latex_dim,
    join=_latex_join,
    apart=True,
    fraction=_latex_number,
    signs=(" + ", " - "),
    dotted=(),
    negative="-",
    parentheses=("(", ")"),
    tall=(r"\left(", r"\right)"),
    comma=", ",
    block=(r"\begin{bmatrix} ", " & ", r" \\ ", r" \end{bmatrix}"),
    definition=(" = ", r";\quad "),
    ellipsis=r"\dots",
    call=_latex_call,
    marks=_latex_marks,
    star="^{*}",
    functions={},
    own_templates=str,
    bracketed=False,
    forms={
        "fraction": (POWER, r"\frac{{{0:s}}}{{{1:s}}}"),
        "sqrt": (ATOM, r"\sqrt{{{0:s}}}"),
        "power": (POWER, "{0:a}^{{{1:s}}}"),
        "dot power": (POWER, r"{0:a}^{{\odot {1:s}}}"),
        "dot over": (MIXED, r"{0:m} \oslash {1:p}"),
        "element": (ATOM, "[{0:s}]_{{{1}}}"),
        "entry": (ATOM, "{0:a}_{{{1},{2}}}"),
        "getrow": (ATOM, "{0:a}_{{{1},:}}"),
        "getcol": (ATOM, "{0:a}_{{:,{1}}}"),
        "part": (ATOM, "{0:a}_{{{1}:{2}}}"),
        "slice": (ATOM, "{0:a}_{{{1}:{2},{3}:{4}}}"),
        "transpose": (POSTFIX, r"{0:a}^{{\top}}"),
        "conjugate transpose": (POSTFIX, "{0:a}^{{H}}"),
        "inv": (POSTFIX, "{0:a}^{{-1}}"),
        "inverse transpose": (POSTFIX, r"{0:a}^{{-\top}}"),
        "square": (POSTFIX, "{0:a}^{{2}}"),
        "cube": (POSTFIX, "{0:a}^{{3}}"),
        "hadamard": (MIXED, r"{0:m} \odot {1:p}"),
        "kron": (MIXED, r"{0:m} \otimes {1:p}"),
        "norm": (ATOM, r"\lVert {0:s}\rVert"),
        "norm call": (ATOM, r"\lVert {0:s}\rVert"),
        "inner": (ATOM, r"\langle {0:s}, {1:s}\rangle"),
        "pairing": (ATOM, r"\langle {0:s}, {1:s}\rangle"),
        "d": (ATOM, r"\mathrm{{d}}{0:a}"),
        "expectation": (ATOM, r"\mathbb{{E}}[{0:s}]"),
        "I": (ATOM, "I"),
        "eye": (ATOM, "I_{{{0}}}"),
        "ones": (ATOM, r"\mathbf{{1}}_{{{0}}}"),
        "ones of": (ATOM, r"\mathbf{{1}}_{{{0} \times {1}}}"),
        "zeros": (ATOM, r"\mathbf{{0}}_{{{0}}}"),
        "zeros of": (ATOM, r"\mathbf{{0}}_{{{0} \times {1}}}"),
        "e": (ATOM, r"\operatorname{{e}}({0}, {1})"),
        "K": (ATOM, "K_{{{0},{1}}}"),
        "D": (ATOM, "D({0})"),
        "pi": (ATOM, r"\pi"),
        "imaginary_unit": (ATOM, r"\mathrm{{i}}"),
    },
)
