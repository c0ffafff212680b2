"""What an undeclared name is, by its look; and what to say of one that cannot be guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matdiff.core.node import Kind
from matdiff.core.op import spellings, words
from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.text.advice import INSTEAD, REFUSALS
from matdiff.text.tokens import GREEK

CONSTANTS = frozenset({"eye", "ones", "zeros", "e", "K", "D", "vector", "matrix"})
"""Constants that are called like functions."""

RESERVED = frozenset({"I", "pi", "eye", "ones", "zeros", "vector", "matrix", "hcat", "vcat", "frechet"})
"""Reserved beside the functions of the language."""

FREE = frozenset({"K", "e", "D", "sigma", "σ"})
"""Functions by these names are meant only before a parenthesis."""

_letter = deferred(r"\b[A-Za-z]\b")
_shape = deferred(r"([^\W\d_]+)(\d*)((?:_\w*)?)\Z")


def is_reserved(name: str) -> bool:
    return name not in FREE and (name in RESERVED or name in words)


def default_kind(name: str) -> Kind | None:
    """Upper-case letter a matrix, lower-case Greek a scalar, lower-case a vector; None for a longer name."""
    first = name[0]
    if not first.isalpha():
        return None
    base = first
    if len(name) > 1:
        found = _shape.match(name)
        if found is None:
            return None
        base = found[1]
    if len(base) > 1 and base not in GREEK:
        return None
    if first.isupper():
        return "matrix"
    return "scalar" if is_greek(name) else "vector"


def is_greek(name: str) -> bool:
    """α, alpha, Σ_1, sigma2: a letter of the Greek alphabet, or its name."""
    if not name[1:2].isalpha():
        return "Ͱ" <= name[0] <= "Ͽ"
    found = _shape.match(name)
    return "Ͱ" <= name[0] <= "Ͽ" or (found is not None and found[1] in GREEK)


def unknown_name(name: str) -> ParseError:
    """The error for an undeclared longer name, with the likely mending first."""
    if is_reserved(name):
        hint = f"write {(of := _usage(name))}, a power of it {of}.^2; a variable needs another name"
        if name in CONSTANTS:
            hint = f"write {name}(n) with its size, or vector(1) for ones and I for the identity of the size that fits"
        return ParseError(f"{name} is the name of a function", hint=hint)
    close, elsewhere = nearest(name), _elsewhere(name.lower())
    hints = [elsewhere] if elsewhere else []
    if not elsewhere and len(name) > 3 and (greek := closest(name.lower(), sorted(GREEK), 0.75)):
        close, elsewhere = "", f"for the Greek letter write {greek}"
        hints.append(elsewhere)
    if 2 <= len(name) <= 4 and name.isalpha() and not close and not elsewhere and name not in REFUSALS:
        hints.append(f"for a product write {'*'.join(name)}")
    if close and not elsewhere:
        hints.append(f"for the function {close} write {close}(…)")
    shown = name if len(name) <= LONGEST else "it"
    hints.append(f"declare it, for instance `{shown}: m×n`, `{shown}: n` or `{shown}: scalar`")
    if name.lower() in REFUSALS:
        hints.append(f"of the function see `matdiff rules {name.lower()}`")
    return ParseError(f"{shorten(name)} is not declared, and only single letters have a default", hint="; ".join(hints))


def _usage(name: str) -> str:
    """tr(X), sin(x)."""
    return f"{name}({'X' if all(r.signature[:2] in ('(n', '(m') for r in words.get(name, ())) else 'x'})"


def _elsewhere(word: str) -> str:
    """What a word that means something in other languages, or in declarations, is here."""
    if there := elsewhere(word):
        return f"for the function {word} write {there}"
    return OUTSIDE.get(word, "")


def elsewhere(word: str) -> str:
    """The expression for a function that others call so, or an empty string."""
    meant = spellings.get(word, "")
    if "{" in meant:
        return meant.format("A", "B")
    return INSTEAD.get(word, "") if meant in ("", "?") else _usage(meant)


_attribute = "words like it stand in declarations: `X: n×n symmetric`"
_infinite = "there is no infinity; the largest absolute value is norminf(x)"
_statement = "a program is declarations, definitions and one function, without other words"
OUTSIDE = {
    **dict.fromkeys(("symmetric", "spd", "psd", "orthogonal", "diagonal", "skew", "positive"), _attribute),
    **dict.fromkeys(("scalar", "elementwise"), "words like it stand in declarations: `t: scalar`"),
    **dict.fromkeys(("inf", "infty", "infinity"), _infinite),
    **dict.fromkeys(("np", "numpy", "scipy", "torch", "math"), "there are no modules: write inv(X), tr(A*X)"),
    **dict.fromkeys(("axis", "dim", "keepdims"), "sums along one axis are colsum(X) and rowsum(X)"),
    **dict.fromkeys(("return", "import", "def", "let", "subject", "such", "where", "for", "given"), _statement),
    "true": "there are no truth values", "false": "there are no truth values", "nan": "all variables are real numbers",
}  # fmt: skip
"""Words that are no functions, in lower case, and what to do."""

LONGEST = 30
"""Longest name that a message repeats as a whole."""


def shorten(name: str) -> str:
    return name if len(name) <= LONGEST else name[:LONGEST] + "…"


def unknown_function(name: str, arguments: Sequence[str] = ()) -> ParseError:
    """The error for a call of what is no function; `arguments` are names, or empty."""
    close = nearest(name)
    if name.lower() in INSTEAD:
        hint = " or ".join(_applied(e, arguments) for e in f"write {INSTEAD[name.lower()]}".split(" or "))
    elif close:
        hint = f"did you mean {close}?"
    elif len(name) > LONGEST:
        hint = "see `matdiff rules` for the functions that there are"
    else:
        declared = f"`{name}: elementwise` (of arrays: `{name}: n -> m`)"
        hint = f"write {name}*(…) for a product, declare {declared}, or see `matdiff rules`"
    return ParseError(f"there is no function {shorten(name)}", hint=hint)


def _applied(expression: str, arguments: Sequence[str]) -> str:
    """The expression with the user's arguments for its letters, where these are as many names."""
    letters = list(dict.fromkeys(_letter.findall(expression)))
    if len(letters) != len(arguments) or not all(arguments):
        return expression
    renamed = dict(zip(letters, arguments, strict=True))
    return _letter.sub(lambda m: renamed[m[0]], expression)


def nearest(name: str) -> str:
    """The function whose name is closest, or an empty string."""
    if same := [w for w in words if w.lower() == name.lower()]:
        return same[0]
    if not 3 <= len(name) <= LONGEST:
        return ""
    return closest(name.lower(), [*words, *CONSTANTS], 0.76)


def closest(name: str, known: Iterable[str], cutoff: float) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name[:LONGEST], [*known], 1, cutoff)
    return found[0] if found else ""
