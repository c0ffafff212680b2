"""MathML, which browsers typeset without a script: the third notation."""

from __future__ import annotations

import re
from fractions import Fraction

from matdiff.core.node import Symbol, Value
from matdiff.core.shape import Dim
from matdiff.printing.latex_mathml import APPLY, SIGNS, THIN, own_template
from matdiff.printing.tables import ATOM, LATEX, MIXED, POSTFIX, POWER, Form, Notation

TIMES = "<mo>&#x2062;</mo>"
TOP = "<mi>⊤</mi>"
AND = '<mo>;</mo><mspace width="1em"/>'
"""What stands after a definition, and nowhere else."""

ACCENTS = {"hat": "^", "tilde": "~", "bar": "¯", "dot": "˙", "vec": "→"}


def _word(word: str) -> str:
    """A letter in italics, a longer word upright, as browsers do by themselves."""
    greek = SIGNS.get(f"\\{word}", word)
    return f"<mi>{_escape(greek)}</mi>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("_", "&#95;")


def mathml_name(name: str) -> str:
    """`y_hat` is ŷ, `W_1` and `W1` are W with an index, `lambda` is λ."""
    head, *rest = name.split("_")
    found = re.fullmatch(r"(\D+)(\d+)", head)
    below = []
    if found:
        head, digits = found.groups()
        below.append(f"<mn>{digits}</mn>")
    out = _word(head or "_")
    for part in rest:
        if part in ACCENTS:
            out = f'<mover accent="true">{out}<mo stretchy="false">{ACCENTS[part]}</mo></mover>'
        elif part:
            below.append(f"<mn>{part}</mn>" if part.isdigit() else _word(part))
    return f"<msub>{out}<mrow>{'<mo>,</mo>'.join(below)}</mrow></msub>" if below else out


def _symbol(symbol: Symbol) -> str:
    if symbol.of is None:
        return mathml_name(symbol.name)
    moved = f'<mrow><mi mathvariant="normal">d</mi>{mathml_name(symbol.of.name)}</mrow>'
    return f"<msub>{moved}<mn>{symbol.index}</mn></msub>" if symbol.index else moved


def _number(value: Value) -> str:
    if isinstance(value, Fraction):
        return f"<mfrac><mn>{value.numerator}</mn><mn>{value.denominator}</mn></mfrac>"
    mantissa, e, exponent = (repr(value) if isinstance(value, float) else str(value)).partition("e")
    power = f"<mo>·</mo><msup><mn>10</mn><mn>{int(exponent)}</mn></msup>" if e else ""
    return f"<mn>{mantissa}</mn>{power}"


def _dim(dim: Dim) -> str:
    parts = re.findall(r"[^\W\d]\w*|\d+|[+*-]", str(dim))
    signs = {"*": TIMES, "-": "<mo>−</mo>", "+": "<mo>+</mo>"}
    return "".join(signs.get(p) or (f"<mn>{p}</mn>" if p.isdigit() else mathml_name(p)) for p in parts)


def _literal(text: str) -> str:
    return f"<mn>{text.replace('-', '−')}</mn>"


def _join(last: str, following: str, after_number: bool) -> str:
    """Factors stand beside each other, numbers with a dot between, words and differentials with a thin space."""
    if following.startswith(("<mn>", "<mfrac><mn>")) and last.endswith("</mn>"):
        return "<mo>·</mo>"
    return THIN if re.match(r'<mi>\w\w|<mrow><mi mathvariant="normal">d', following) else TIMES


def _call(name: str) -> str:
    bare = name.rstrip("'")
    primes = "".join("<mo>′</mo>" for _ in name[len(bare) :])
    return (f"<msup><mi>{_escape(bare)}</mi><mrow>{primes}</mrow></msup>" if primes else _word(bare)) + APPLY


def _marks(marks: str) -> str:
    """∇² and ∂₁, the number above or below the sign.

    >>> _marks("∇²")
    '<msup><mi>∇</mi><mn>2</mn></msup>'
    """
    out = ""
    for sign, digits in re.findall("([∇∂])([₀-₉²³]*)", marks):
        place = "msup" if digits and digits in "²³" else "msub"
        number = digits.translate(_DIGITS)
        out += f"<{place}><mi>{sign}</mi><mn>{number}</mn></{place}>" if digits else f"<mi>{sign}</mi>"
    return out


_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉²³", "012345678923")


def _sup(exponent: str) -> str:
    return f"<msup><mrow>{{0:a}}</mrow>{exponent}</msup>"


def _sub(index: str) -> str:
    return f"<msub><mrow>{{0:a}}</mrow><mrow>{index}</mrow></msub>"


def _fenced(left: str, inside: str, right: str) -> str:
    return f"<mrow><mo>{left}</mo>{inside}<mo>{right}</mo></mrow>"


_FORMS: dict[str, Form] = {
    "fraction": (POWER, "<mfrac><mrow>{0:s}</mrow><mrow>{1:s}</mrow></mfrac>"),
    "sqrt": (ATOM, "<msqrt>{0:s}</msqrt>"),
    "power": (POWER, _sup("<mrow>{1:s}</mrow>")),
    "dot power": (POWER, _sup("<mrow><mo>⊙</mo>{1:s}</mrow>")),
    "dot over": (MIXED, "{0:m}<mo>⊘</mo>{1:p}"),
    "element": (ATOM, _sub("<mn>{1}</mn>")),
    "entry": (ATOM, _sub("<mn>{1}</mn><mo>,</mo><mn>{2}</mn>")),
    "getrow": (ATOM, _sub("<mn>{1}</mn><mo>,</mo><mo>:</mo>")),
    "getcol": (ATOM, _sub("<mo>:</mo><mo>,</mo><mn>{1}</mn>")),
    "part": (ATOM, _sub("{1}<mo>:</mo>{2}")),
    "slice": (ATOM, _sub("{1}<mo>:</mo>{2}<mo>,</mo>{3}<mo>:</mo>{4}")),
    "transpose": (POSTFIX, _sup(TOP)),
    "conjugate transpose": (POSTFIX, _sup("<mi>H</mi>")),
    "imaginary_unit": (ATOM, '<mi mathvariant="normal">i</mi>'),
    "inv": (POSTFIX, _sup("<mrow><mo>−</mo><mn>1</mn></mrow>")),
    "inverse transpose": (POSTFIX, _sup(f"<mrow><mo>−</mo>{TOP}</mrow>")),
    "square": (POSTFIX, _sup("<mn>2</mn>")),
    "cube": (POSTFIX, _sup("<mn>3</mn>")),
    "hadamard": (MIXED, "{0:m}<mo>⊙</mo>{1:p}"),
    "kron": (MIXED, "{0:m}<mo>⊗</mo>{1:p}"),
    "norm": (ATOM, _fenced("&#x2016;", "{0:s}", "&#x2016;")),
    "norm call": (ATOM, _fenced("&#x2016;", "{0:s}", "&#x2016;")),
    "inner": (ATOM, _fenced("⟨", "{0:s}<mo>,</mo>{1:s}", "⟩")),
    "pairing": (ATOM, _fenced("⟨", "{0:s}<mo>,</mo>{1:s}", "⟩")),
    "d": (ATOM, f'<mrow><mi mathvariant="normal">d</mi>{THIN}{{0:a}}</mrow>'),
    "I": (ATOM, "<mi>I</mi>"),
    "eye": (ATOM, "<msub><mi>I</mi><mrow>{0}</mrow></msub>"),
    "ones": (ATOM, "<msub><mi>𝟏</mi><mrow>{0}</mrow></msub>"),
    "ones of": (ATOM, "<msub><mi>𝟏</mi><mrow>{0}<mo>×</mo>{1}</mrow></msub>"),
    "zeros": (ATOM, "<msub><mi>𝟎</mi><mrow>{0}</mrow></msub>"),
    "zeros of": (ATOM, "<msub><mi>𝟎</mi><mrow>{0}<mo>×</mo>{1}</mrow></msub>"),
    "e": (ATOM, "<msub><mi>e</mi><mn>{1}</mn></msub>"),
    "K": (ATOM, "<msub><mi>K</mi><mrow>{0}<mo>,</mo>{1}</mrow></msub>"),
    "D": (ATOM, "<msub><mi>D</mi><mrow>{0}</mrow></msub>"),
    "pi": (ATOM, "<mi>π</mi>"),
}

MATHML = Notation(
    symbol=_symbol,
    number=_number,
    dim=_dim,
    join=_join,
    fraction=_number,
    signs=("<mo>+</mo>", "<mo>−</mo>"),
    dotted=(),
    negative='<mo form="prefix">−</mo>',
    parentheses=("<mrow><mo>(</mo>", "<mo>)</mo></mrow>"),
    tall=("<mrow><mo>(</mo>", "<mo>)</mo></mrow>"),
    comma="<mo>,</mo>",
    block=(
        "<mrow><mo>[</mo><mtable><mtr><mtd>",
        "</mtd><mtd>",
        "</mtd></mtr><mtr><mtd>",
        "</mtd></mtr></mtable><mo>]</mo></mrow>",
    ),
    definition=("<mo>=</mo>", AND),
    ellipsis="<mo>…</mo>",
    call=_call,
    functions=LATEX.functions,
    forms=_FORMS,
    literal=_literal,
    own_templates=own_template,
    marks=_marks,
    star='<mo lspace="0" rspace="0" stretchy="false">*</mo>',
    square=("<mo>[</mo>", "<mo>]</mo>"),
    bracketed=False,
)
