"""What an undeclared name is, by its look; and what to say of one that cannot be guessed."""

from __future__ import annotations

import re

from matdiff.errors import ParseError
from matdiff.node import Kind
from matdiff.op import words
from matdiff.parsing.stream import GREEK

CONSTANTS = frozenset({"eye", "ones", "zeros", "e", "K", "D", "vector", "matrix"})
"""Constants that are called like functions."""

RESERVED = frozenset({"I", "pi", "eye", "ones", "zeros", "vector", "matrix", "hcat", "vcat", "max", "frechet"})
"""Reserved beside the functions of the language."""

FREE = frozenset({"K", "e", "D", "sigma", "σ"})
"""Functions by these names are meant only before a parenthesis."""

_shape = re.compile(r"([^\W\d_]+)(\d*)((?:_\w*)?)\Z")


def is_reserved(name: str) -> bool:
    return name not in FREE and (name in RESERVED or name in words)


def default_kind(name: str) -> Kind | None:
    """Upper-case letter a matrix, Greek a scalar, lower-case a vector; None for a longer name."""
    first = name[0]
    if not first.isalpha():
        return None
    base = first
    if len(name) > 1:
        found = _shape.match(name)
        if found is None:
            return None
        base = found[1]
    if len(base) > 1:
        return "scalar" if base in GREEK else None
    if "Ͱ" <= first <= "Ͽ":
        return "scalar"
    return "matrix" if first.isupper() else "vector"


def unknown_name(name: str) -> ParseError:
    """The error for an undeclared longer name, with the likely mending first."""
    if is_reserved(name):
        return ParseError(
            f"{name} is the name of a function", hint=f"write {name}(…), or give the variable another name"
        )
    hints = []
    close = nearest(name)
    if close:
        hints.append(f"did you mean the function {close}?")
    if 2 <= len(name) <= 3 and name.isalpha():
        hints.append(f"for a product write {'*'.join(name)}")
    hints.append(f"declare it, for instance `{name}: m×n`, `{name}: n` or `{name}: scalar`")
    return ParseError(f"{name} is not declared, and only single letters have a default", hint="; ".join(hints))


def unknown_function(name: str) -> ParseError:
    close = nearest(name)
    hint = f"did you mean {close}?" if close else f"declare it with `{name}: elementwise`, or see `matdiff rules`"
    return ParseError(f"there is no function {name}", hint=hint)


def nearest(name: str) -> str:
    """The function whose name is closest, or an empty string."""
    if len(name) < 3:
        return ""
    from difflib import get_close_matches

    found = get_close_matches(name, [*words, *CONSTANTS, "max"], 1, 0.7)
    return found[0] if found else ""
