"""What to differentiate by: names in a text, or variables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from matdiff.api.expr import Expr
from matdiff.core.node import Symbol
from matdiff.errors import ParseError, UnsupportedError
from matdiff.printing.names import LOWERED, ascii_name
from matdiff.text.characters import plain_name
from matdiff.text.declarations import spelled_name


def suggestion(name: str, variables: Sequence[str]) -> str:
    """What to do about a name that is no variable."""
    if not variables:
        return "it has no variables"
    from difflib import get_close_matches

    near = [v for v in variables if spoken(v) == spoken(name)]
    near = near or [v for v in variables if v.casefold() == name.casefold()]
    near = near or get_close_matches(name[:100], variables, 1, 0.6)
    if not near and (near := [v for v in variables if v.startswith(f"{name}_")]):
        return (
            f"did you mean {near[0]}? its variables are {', '.join(variables[:20])}; an entry is written x[1], A[1,2]"
        )
    listed = ", ".join(variables[:20]) + ", …" * (len(variables) > 20)
    return (f"did you mean {near[0]}? " if near else "") + f"its variables are {listed}"


def spoken(name: str) -> str:
    """The name in words that have no other spelling: λ, \\lambda and lambda are one, W₁, W_1 and W1 are one."""
    return ascii_name(name.lstrip("\\").translate(LOWERED)).replace("_", "").casefold()


def chosen_names(wrt: str | Expr | Sequence[str | Expr]) -> tuple[list[str], dict[str, Symbol]]:
    """The names to differentiate by, and the symbols where they were given as expressions."""
    if not isinstance(wrt, str | Sequence | Expr):
        raise ParseError(f"wrt takes a variable or its name, not {type(wrt).__name__}", hint='for instance wrt="X"')
    known: dict[str, Symbol] = {}
    names: list[str] = []
    for given in (wrt,) if isinstance(wrt, str | Expr) else wrt:
        if isinstance(given, str):
            names += [_name(part.strip()) for part in given.split(",")]
        elif isinstance(given, Expr) and isinstance(given.node, Symbol) and given.node.body is None:
            known[given.node.name] = given.node
            names.append(given.node.name)
        else:
            raise ParseError("wrt must be a variable or its name", hint='for instance wrt="X"')
    if len({ascii_name(name) for name in names}) < len(names):
        raise ParseError(f"wrt names a variable twice: {', '.join(names)}")
    return names, known


def as_typed(names: Sequence[str], variables: Sequence[str]) -> list[str]:
    """The names as the variables are spelled: α for alpha, where α is the variable."""
    spelling = {ascii_name(v): v for v in variables}
    return [name if name in variables else spelling.get(ascii_name(name), name) for name in names]


def whole_families(names: Sequence[str], variables: Mapping[str, Symbol], families: Mapping[str, str]) -> list[str]:
    """The whole data for the members x_i that a sum runs over."""
    return list(dict.fromkeys(name if name in variables else families.get(name, name) for name in names))


def one_member(names: Sequence[str], variables: Mapping[str, Symbol], families: Mapping[str, str]) -> str:
    """The x_k by which alone is differentiated; nothing for other names.  Raises UnsupportedError beside others."""
    for name in names:
        base, _, index = name.rpartition("_")
        array = families.get(base, base)
        if name in variables or name in families or array not in variables or variables[array].kind == "scalar":
            continue
        if len(names) > 1 or len(index) > 1 or not index.isalpha():
            raise UnsupportedError(
                f"{name} is one of the members of {array}, and no index of a sum",
                hint=f"differentiate by {array}, or by one member alone, {base}_k",
            )
        return name
    return ""


_marks = {"'": "prime", "\\prime": "prime", "+": "plus", "-": "minus"}


def _name(text: str) -> str:
    if "_" in text and (m := re.fullmatch(r"([a-z])_\{?([a-z])\}?\^?\{?\(?('|\\prime|[+-]|[apn\d])\)?\}?", text)):
        return f"{m[1]}_{_marks.get(m[3], m[3])}_{m[2]}"
    text = spelled_name(text) or text
    if not text or not text.replace("_", "a").isalnum() or text[0].isdigit():
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise ParseError(f"{shown!r} is not the name of a variable", hint='wrt takes a name, or several: "X,Y"')
    return text if text.isascii() else plain_name(text, text, 0)
