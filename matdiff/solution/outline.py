"""What a derivation in text defines, and which of its definitions is the function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from matdiff.solution.statements import FUNCTION, Statement, role

MOVING = re.compile(r"(?<![\w\\])d([^\W\d]\w*)")
DIFFERENTIAL = re.compile(r"^d\s*\((.*)\)$")


@dataclass(frozen=True)
class Outline:
    """What a text defines: the statement of the function, its name, and all definitions as a program."""

    definitions: tuple[Statement, ...]
    function: Statement | None
    name: str

    @property
    def program(self) -> str:
        """The function's text with the definitions in front."""
        assert self.function is not None
        lines = [f"{s.left} = {s.right}" for s in self.definitions if s is not self.function]
        return "; ".join([*lines, self.function.right])


def outline(said: Sequence[Statement], given: str | None) -> Outline:
    """The definitions before the first differential, and which of them is the function: the one no other uses."""
    plain: list[Statement] = []
    bare: Statement | None = None
    for i, s in enumerate(said):
        names = frozenset(name_of(p) for p in plain) | {"f", "F"}
        if s.left and role(s.left, names)[0] == "definition":
            if name_of(s) not in {name_of(p) for p in plain} and not differential(s, said[:i]):
                plain.append(s)
        elif i == 0 and not s.left:
            bare = s
        elif i == 0 and (inside := DIFFERENTIAL.match(s.left)):
            bare = Statement(s.line, "", inside[1])
    if given is not None:
        name = "F" if any(s.left in ("dF", "d(F)", "F") for s in said) else "f"
        return Outline(tuple(p for p in plain if name_of(p) != name), None, name)
    if bare is not None:
        letters = [s.left[1] for s in said if len(s.left) == 2 and s.left[0] == "d" and s.left[1].isalpha()]
        return Outline(tuple(plain), bare, next((c for c in letters if c not in map(name_of, plain)), "f"))
    differentiated = {s.left[1:].strip("() ") for s in said if s.left.startswith("d")}
    tops = [p for p in plain if not any(uses(q, name_of(p)) for q in plain if q is not p)]
    tops = [p for p in tops if name_of(p) in differentiated] or [p for p in tops if name_of(p) in "fFφ"] or tops
    if not tops:
        return Outline(tuple(plain), None, "f")
    return Outline(
        tuple(plain[: plain.index(tops[0])]) + tuple(plain[plain.index(tops[0]) + 1 :]), tops[0], name_of(tops[0])
    )


def name_of(s: Statement) -> str:
    found = FUNCTION.match(s.left)
    return found["name"] if found else s.left


def uses(s: Statement, name: str) -> bool:
    return bool(re.search(rf"(?<![\w\\]){re.escape(name)}(?!\w)", s.right))


def differential(s: Statement, before: Sequence[Statement]) -> bool:
    """Does the statement define the differential of a name that came before, or something by one?"""
    rest = name_of(s)[1:]
    if name_of(s)[0] == "d" and rest.isidentifier() and (len(rest) == 1 or any(uses(p, rest) for p in before)):
        return bool(before)
    moving = (m[1] for m in MOVING.finditer(s.right))
    return bool(re.search(r"(?<![\w\\])d\(", s.right)) or any(
        uses(p, name) or name_of(p) == name for name in moving for p in before
    )
