"""Characters: which are letters, what the others stand for, and what is said of the rest."""

from __future__ import annotations

from fractions import Fraction

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.printing.names import typed_name

LETTER = "A-Za-zµℓ\u0370-\u0373\u0376\u0377\u037b-\u037d\u0388-\u0390\u0391-\u03f5\u03f7-\u03ff"
SPACE = " \\t\\r\\n\\f\\v\xa0\u2000-\u200a\u202f\u205f\u3000\ufeff"

raised = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")

VULGAR = {c: Fraction(a, b) for c, a, b in (
    ("½", 1, 2), ("⅓", 1, 3), ("⅔", 2, 3), ("¼", 1, 4), ("¾", 3, 4), ("⅕", 1, 5), ("⅖", 2, 5), ("⅗", 3, 5), ("⅘", 4, 5),
    ("⅙", 1, 6), ("⅚", 5, 6), ("⅛", 1, 8), ("⅜", 3, 8), ("⅝", 5, 8), ("⅞", 7, 8), ("⅒", 1, 10),
)}  # fmt: skip

OPERATORS = {
    **dict.fromkeys("+＋", "PLUS"),
    **dict.fromkeys("-−–", "MINUS"),
    **dict.fromkeys("*·⋅∗×∙•", "STAR"),
    **dict.fromkeys("/∕⁄÷", "SLASH"),
    **dict.fromkeys((".*", "⊙", "∘", "◦"), "HADAMARD"),
    **dict.fromkeys(("./", "⊘"), "DOTSLASH"),
    "\\": "BACKSLASH",
    "@": "AT",
    "**": "POW",
    "⊗": "KRON",
    "^": "CARET",
    ".^": "DOTCARET",
    ".+": "DOTPLUS",
    ".-": "DOTMINUS",
    ".−": "DOTMINUS",
    ",": "COMMA",
    ";": "SEMI",
    ":": "COLON",
    "=": "EQUALS",
}

NORMS = {"": "", "2": "2", "F": "F", "fro": "F", "1": "1", "inf": "inf", "∞": "inf", "*": "*"}

CYRILLIC = dict(zip("аеорсухіјѕԁԛԝАВЕКМНОРСТУХІЈЅ", "aeopcyxijsdqwABEKMHOPCTYXIJS", strict=True))
GREEK_TWINS = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
"""Greek capitals that no eye can tell from Latin ones."""
_twins = deferred(f"[{''.join(GREEK_TWINS)}]")

HINTS = {
    "%": "There is no remainder or percent sign; a comment starts with #.",
    "&": "& belongs in a LaTeX matrix or aligned environment.",
    "{": "Braces belong to LaTeX; use parentheses.",
    "}": "Braces belong to LaTeX; use parentheses.",
    "!": "The factorial is not in the language.",
    "?": "",
    '"': "There are no quoted texts; a transpose is written A'.",
    "`": "A transpose is written A'.",
    "$": "",
    ".": "Decimals are written 0.5, elementwise operators .* ./ .^",
    "_": "A name starts with a letter.",
    "√": "Write sqrt(x).",
    "∇": "Write the function only; the gradient is what is computed.",
    "∂": "Write the function only; the derivative is what is computed.",
    "∑": "A sum over an index is ∑_i x_i^2, sum(x_i^2, i=1..n), or in LaTeX \\sum_{i=1}^n x_i^2.",
    "∏": "A product over an index is ∏_i x_i, prod(x_i, i=1..n), or in LaTeX \\prod_{i=1}^n x_i.",
}

LATEX_MARKS = r"\\[A-Za-z]{2,}|\\[|,;:!]|[{}]"
"""What is only in LaTeX: a command, a double bar, a space, braces."""


def plain_name(name: str, text: str, start: int) -> str:
    """W₁ is W_1, µ is μ.  Refuses Greek capitals that look Latin."""
    found = _twins.search(name)
    if found:
        raise unknown(found.group(), text, start + found.start())
    return typed_name(name)


def unknown(c: str, text: str, at: int) -> ParseError:
    """What is said of a character that has no meaning here, with the one it may have been taken for."""
    import unicodedata

    code = f"U+{ord(c):04X}"
    name = unicodedata.name(c, "a control character")
    twin = CYRILLIC.get(c) or GREEK_TWINS.get(c) or unicodedata.normalize("NFKC", c)
    span = (at, at + 1)
    if twin != c and len(twin) == 1 and twin.isascii():
        script = "Greek" if c in GREEK_TWINS else name.split()[0].capitalize()
        message = f"{script} {c} ({code}) looks like {twin}, but is another character"
        return ParseError(message, text=text, span=span, hint=f"Type the plain {twin} instead.")
    shown = f"{c} ({code})" if not c.isascii() else c
    shown = shown if c.isprintable() else f"{code} ({name.lower()})"
    kind = "letter" if c.isalpha() else "character"
    message = f"unexpected {kind} {shown}"
    if not c.isascii() and c.isprintable():
        message += f", {name.lower()}"
    hint = HINTS.get(c, "Names are made of Latin and Greek letters, digits and _." if c.isalpha() else "")
    return ParseError(message, text=text, span=span, hint=hint)
