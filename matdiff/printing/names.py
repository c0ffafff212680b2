"""Names of variables as each notation spells them."""

from __future__ import annotations

import re

from matdiff.core.node import Symbol

LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron".split()  # noqa: SIM905
WORDS += "pi rho sigma tau upsilon phi chi psi omega".split()  # noqa: SIM905
GREEK = dict(zip(LETTERS, WORDS, strict=True)) | {
    c.upper(): w.capitalize() for c, w in zip(LETTERS, WORDS, strict=True)
}
VARIANTS = {"ϕ": "phi", "ϵ": "epsilon", "ϑ": "theta", "ς": "sigma", "ϱ": "rho"}
LATIN_SHAPED = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΧο")
"""Letters without a LaTeX command: they look like Latin ones."""

COMMANDS = {w: f"\\mathrm{{{w[0]}}}" if c in LATIN_SHAPED else f"\\{w}" for c, w in GREEK.items()}

ACCENTS = {"hat": r"\hat", "tilde": r"\tilde", "bar": r"\bar", "dot": r"\dot", "vec": r"\vec"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
NUMBERED = re.compile(r"([^\W_]*[^\W\d_])_([1-9]\d*|0)", re.ASCII | re.IGNORECASE)


def unicode_name(name: str) -> str:
    """`W_1` is `W₁`; every other name stays as typed, because arrays are passed by it."""
    found = NUMBERED.fullmatch(name)
    return found[1] + found[2].translate(SUBSCRIPTS) if found else name


def ascii_name(name: str) -> str:
    if name.isascii():
        return name
    return "".join(GREEK.get(c) or VARIANTS.get(c) or c for c in name)


def text_symbol(symbol: Symbol) -> str:
    return unicode_name(symbol.name)


def ascii_symbol(symbol: Symbol) -> str:
    return ascii_name(symbol.name)


def latex_symbol(symbol: Symbol) -> str:
    if symbol.of is None:
        return latex_name(symbol.name)
    inside = latex_name(symbol.of.name)
    if not symbol.index:
        return r"\mathrm{d}" + inside
    return r"\mathrm{d}" + (f"{{{inside}}}" if "_" in inside else inside) + f"_{{{symbol.index}}}"


def latex_name(name: str) -> str:
    r"""`y_hat` is \hat{y}, `W_1` and `W1` are W_{1}, `lambda` is \lambda, longer words are upright."""
    head, *rest = name.split("_")
    found = re.fullmatch(r"(\D+)(\d+)", head)
    below = []
    if found:
        head, digits = found.groups()
        below.append(digits)
    out = _word(head) if head else r"\_"
    for part in rest:
        if part in ACCENTS:
            out = f"{ACCENTS[part]}{{{out}}}"
        elif part:
            below.append(part if part.isdigit() else _word(part))
    return out + (f"_{{{','.join(below)}}}" if below else "")


def _word(word: str) -> str:
    greek = GREEK.get(word) or VARIANTS.get(word) or word
    if greek in COMMANDS:
        return COMMANDS[greek]
    return word if len(word) == 1 else f"\\mathrm{{{word}}}"
