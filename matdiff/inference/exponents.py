"""Letters that stand as exponents and are no powers: the t of x^t A x, the H of x^H A x."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from matdiff.errors import UnsupportedError
from matdiff.inference.evidence import ARRAYS, Evidence
from matdiff.inference.types import Root
from matdiff.text.tree import Tree


class Typed(Protocol):
    """What was typed, and the trees that are read of it."""

    text: str
    roots: list[Root]


TRANSPOSES = ("t", "T")
CONJUGATE = "H"
LETTERS = frozenset({*TRANSPOSES, CONJUGATE})


def raised(scope: Typed) -> dict[str, list[Tree]]:
    """The powers whose exponent is one of these letters alone, by the letter."""
    found: dict[str, list[Tree]] = {}
    for root in scope.roots:
        for t in root.plan:
            if t.head == "^" and t.args[1].head == "name" and t.args[1].value in LETTERS:
                found.setdefault(str(t.args[1].value), []).append(t)
    return found


def refuse_conjugate(scope: Typed, powers: Collection[Tree]) -> None:
    """x^H is the conjugate transpose to everybody.  Raises UnsupportedError."""
    for t in powers:
        base = scope.text[t.args[0].span[0] : t.args[0].span[1]].strip()
        message = f"{base}^H is the conjugate transpose, and all variables are real"
        raise UnsupportedError(message, text=scope.text, span=t.span, hint=f"write {base}'")


def transposed(scope: Typed, letter: str, powers: Collection[Tree], evidence: Evidence) -> bool:
    """Make transposes of the powers, if the letter stands nowhere else, and each base is an array or may be one."""
    places = [t for root in scope.roots for t in root.plan if t.head == "name" and t.value == letter]
    if len(places) != len(powers) or not all(_array(scope, t.args[0], powers, evidence) for t in powers):
        return False
    gone = {t.args[1] for t in powers}
    for t in powers:
        t.head, t.args = "'", t.args[:1]
    for root in scope.roots:
        root.plan = [t for t in root.plan if t not in gone]
    return True


def _array(scope: Typed, base: Tree, powers: Collection[Tree], evidence: Evidence) -> bool:
    """A vector or a matrix; a Greek letter where it stands elsewhere too, which the γ of a discount γ^t does not."""
    if base.head == "name" and base.value in evidence.greek:
        above = sum(t.args[0].value == base.value for t in powers)
        return sum(t.value == base.value for root in scope.roots for t in root.plan if t.head == "name") > above
    return evidence.type_of(base) in ARRAYS and base.value != "e"
