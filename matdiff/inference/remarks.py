"""What a reader may not have meant: names that are read as something else than their letters say."""

from __future__ import annotations

from collections import Counter

from matdiff.core.node import Kind
from matdiff.core.op import words
from matdiff.inference.attempt import Attempt
from matdiff.inference.names import default_kind, is_greek
from matdiff.inference.scope import Scope

SIZES: dict[Kind, str] = {"scalar": "scalar", "vector": "n", "matrix": "m×n"}


def remarks(scope: Scope, found: Attempt) -> dict[str, str]:
    """A sentence for each undeclared name that is not what it looks like, or may not be meant as what it looks like.

    Only of lower-case letters that become scalars, the t of det(t*I - A), it need not be said.
    """
    said = {}
    for name, looks in scope.looks.items():
        if (found.env[name][0] != looks or looks != "vector") and (sentence := _remark(scope, name, found)):
            said[name] = sentence
    return said


def _remark(scope: Scope, name: str, found: Attempt) -> str:
    looks, kind = scope.looks[name], found.env[name][0]
    if name == "e" and kind == "scalar" and name in _bases(scope):
        return "e is a variable here: the exponential is exp(x)"
    if is_greek(name) and kind != "scalar":
        sign = scope.signs.get(name)
        if looks != kind and (sign is None or sign.kind != kind):
            return f"{name} is read as a {kind}, since as a scalar it does not fit: `{name}: scalar` tells why"
        why = "as capitals are" if sign is None else f"since {sign.why}"
        return f"{name} is read as a {kind}, {why}: declare `{name}: scalar` if it is one"
    if name in scope.doubts and kind == "scalar":
        return f"{name} is a scalar, as Greek names are: declare `{name}: n×n` if it is a matrix"
    if kind == looks == "matrix" and name in _multiples(scope):
        return f"{name} is read as a matrix, as capitals are: declare `{name}: scalar` if it is one"
    if kind == looks or kind != "scalar":
        return ""
    if found.calculus and looks == "vector":
        return f"{name} is read as a scalar, since vectors have no powers ^: entry by entry they are {name}.^2"
    if name in scope.signs and scope.signs[name].kind == kind:
        return f"{name} is read as a scalar, since {scope.signs[name].why}: declare `{name}: m×n` if it is a matrix"
    return f"{name} is read as a scalar, since as a {looks} it does not fit: `{name}: {SIZES[looks]}` tells why"


def _multiples(scope: Scope) -> set[object]:
    """Names that stand but before or behind scalars that are values of functions, N*norm(x)^2: counts, perhaps."""
    left: Counter[object] = Counter(t.value for root in scope.roots for t in root.plan if t.head == "name")
    found: set[object] = set()
    for root in scope.roots:
        for t in root.plan:
            if t.head == "*" and "name" in (t.args[0].head, t.args[1].head):
                name, other = t.args if t.args[0].head == "name" else t.args[::-1]
                other = other.args[0] if other.head in ("^", "/") else other
                records = words.get(str(other.value), ()) if other.head == "call" else ()
                if other.head == "norm" or (records and all(r.signature.endswith("->()") for r in records)):
                    found.add(name.value)
                    left[name.value] -= 1
    return {name for name in found if not left[name]}


def _bases(scope: Scope) -> set[object]:
    return {t.args[0].value for root in scope.roots for t in root.plan if t.head in ("^", ".^")}


def quiet(name: str, sentence: str) -> bool:
    """Whether a remark is made only where the name is what one differentiates by."""
    return default_kind(name) == "vector" and "does not fit" in sentence
