"""Names of variables as each notation spells them."""

from __future__ import annotations

from matdiff.core.node import Symbol
from matdiff.core.patterns import deferred

LETTERS = "αβγδεζηθικλμνξοπρστυφχψω"
WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron".split()  # noqa: SIM905
WORDS += "pi rho sigma tau upsilon phi chi psi omega".split()  # noqa: SIM905
GREEK = dict(zip(LETTERS, WORDS, strict=True)) | {
    c.upper(): w.capitalize() for c, w in zip(LETTERS, WORDS, strict=True)
}
VARIANTS = {"ϕ": "phi", "ϵ": "epsilon", "ϑ": "theta", "ς": "sigma", "ϱ": "rho"}
LATIN_SHAPED = frozenset("ΑΒΕΖΗΙΚΜΝΟΡΤΧο")
"""Letters without a LaTeX command: they look like Latin ones."""

COMMANDS = {w: f"\\{w}" for c, w in GREEK.items() if c not in LATIN_SHAPED}

ACCENTS = {"hat": r"\hat", "tilde": r"\tilde", "bar": r"\bar", "dot": r"\dot"}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
SUBSCRIPT = "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
LOWERED = str.maketrans(SUBSCRIPT + "µ", "0123456789aehijklmnoprstuvxμ")
NUMBERED = deferred(r"([^\W_]*[^\W\d_])_([1-9][0-9]*|0)")


def unicode_name(name: str) -> str:
    """`W_1` is `W₁`; every other name stays as typed, because arrays are passed by it."""
    found = NUMBERED.fullmatch(name)
    return found[1] + found[2].translate(SUBSCRIPTS) if found else name


def typed_name(name: str) -> str:
    """W₁ as W_1, µ as μ: the name that a variable goes by."""
    base = name.rstrip(SUBSCRIPT)
    if base != name:
        name = base.rstrip("_") + "_" + name[len(base) :]
    return name.translate(LOWERED)


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


FORM = deferred(r"(?!I_)([^\W\d_]+)((?:_(?:hat|tilde|bar|dot))*)(?:_([^\W_]+))?")
"""Names that have accents and an index; I with an index is an identity."""

MARKED = deferred(r"([^\W\d]\w*)('{0,4})(\(\w+\))?(?<=[')])")
"""Derivatives and values of functions, u'' and u(T), whose names are made and never typed."""


def latex_name(name: str) -> str:
    r"""`y_hat` is \hat{y}, `W_1` is W_{1}, `lambda` is \lambda, longer words are upright.

    No two names are spelled alike, but those that are one, as `α` and `alpha`; what has no such form, as `W1`, is
    written out.

    >>> print(latex_name("y_hat_max"), latex_name("W_1"), latex_name("W1"), latex_name("x_1_2"))
    \hat{y}_{\mathrm{max}} W_{1} \mathrm{W1} \mathrm{x\_1\_2}
    """
    found = FORM.fullmatch(name)
    if not found and (marked := MARKED.fullmatch(name)):
        return "".join((latex_name(marked[1]), marked[2], marked[3] or ""))
    if not found:
        return f"\\mathrm{{{ascii_name(name)}}}".replace("_", r"\_")
    head, accents, below = found.groups()
    out = _word(head)
    for accent in accents.split("_")[1:]:
        out = f"{ACCENTS[accent]}{{{out}}}"
    return out + (f"_{{{_word(below)}}}" if below else "")


def _word(word: str) -> str:
    greek = ascii_name(word)
    if greek in COMMANDS:
        return COMMANDS[greek]
    return word if len(word) == 1 or word.isdigit() else f"\\mathrm{{{greek}}}"
