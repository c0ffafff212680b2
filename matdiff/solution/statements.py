"""A derivation written as text, cut into statements: which line, what stands left and right of each `=`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matdiff.core.op import words

# What a derivation in text defines, and which of its definitions is the function.

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


Role = Literal["declaration", "definition", "gradient", "jacobian", "hessian", "expression"]

LATEX = re.compile(r"\\[A-Za-z]{2,}|\\\||\\[,;!]|[{}$]")
COMMENT = re.compile(r"(?<!\\)[#%].*")
DECORATION = re.compile(
    r"^\s*(?:\\begin\{[^}]*\}|\\end\{[^}]*\}|\\\[|\\\]|\$\$?|⇒|=>|\\(?:Rightarrow|implies|therefore)(?![A-Za-z])|∴)\s*"
)
TRAILING = re.compile(r"\s*(?:\\\\(?:\[[^\]]*\])?|\$\$?|\\\]|[,.])\s*$")
NAME = r"[^\W\d]\w*"
BY = rf"(?:\s+of\b)?(?:\s*_?\s*\{{?\s*(?P<by>{NAME})\s*\}}?)?"
OF = rf"(?:\s*\(?\s*(?:{NAME})\s*(?:\(\s*{NAME}\s*\))?\s*\)?)?"
PARTIAL = r"(?:∂|\\partial\s*|d|\\mathrm\{d\}\s*|\\mathrm d\s*)"
GRADIENT = re.compile(rf"^(?:(?i:gradient|grad)|∇|\\nabla){BY}{OF}$|^(?:G|grad)_?(?P<by2>{NAME})?$")
QUOTIENT = re.compile(
    rf"^{PARTIAL}{NAME}\s*/\s*{PARTIAL}(?P<by>{NAME})$|^\\[dt]?frac\{{{PARTIAL}{NAME}\}}\{{{PARTIAL}(?P<by2>{NAME})\}}$"
)
JACOBIAN = re.compile(rf"^(?:(?i:jacobian)|J|D){BY}{OF}$")
HESSIAN = re.compile(rf"^(?:(?i:hessian|hess)|H|∇²|∇\^2|\\nabla\^\{{?2\}}?){BY}{OF}$")
SPACED = re.compile(r"^d\s+([^\W\d].*)$")
FUNCTION = re.compile(rf"^(?P<name>{NAME})(?:\(\s*(?P<of>{NAME}(?:\s*,\s*{NAME})*)\s*\))?$")


@dataclass(frozen=True)
class Statement:
    """One equation or declaration: `left` is empty where it goes on from the one before; `line` counts from 1."""

    line: int
    left: str
    right: str
    declares: bool = False


def statements(text: str) -> list[Statement]:
    """The statements of a derivation; a line that begins with a sign goes on with the one before."""
    found: list[Statement] = []
    for number, line in gathered(text):
        for part in parts(line, ";\n"):
            if part.strip():
                found += equations(number, part.strip())
    return found


def gathered(text: str) -> list[tuple[int, str]]:
    """Lines without comments and decoration, continued ones joined."""
    lines: list[tuple[int, str]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = cleaned(raw)
        if not line:
            continue
        if lines and line[0] in "+-" and "=" not in line:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {line}")
        else:
            lines.append((number, line))
    return lines


def cleaned(line: str) -> str:
    """Without comments, alignment marks, arrows in front and line ends of LaTeX."""
    line = COMMENT.sub("", line).replace("&", " ").strip()
    for pattern in (DECORATION, TRAILING):
        while (shorter := pattern.sub("", line).strip()) != line:
            line = shorter
    return line


def parts(text: str, marks: str) -> list[str]:
    """The text cut at marks outside of all brackets."""
    found, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif depth <= 0 and c in marks:
            found.append(text[start:i])
            start = i + 1
    return [*found, text[start:]]


def equations(line: int, text: str) -> list[Statement]:
    """`a = b = c` as `a = b` and `= c`."""
    text = text.replace(":=", "=")
    if "=" not in text and len(parts(text, ":")) > 1:
        return [Statement(line, "", text, True)]
    left, *rights = (p.strip() for p in parts(text, "="))
    left = SPACED.sub(lambda m: f"d{m[1]}" if m[1].isidentifier() else f"d({m[1]})", left) if rights else left
    if not rights:
        return [Statement(line, "", left)]
    return [Statement(line, left if i == 0 else "", right) for i, right in enumerate(rights)]


def role(left: str, taken: frozenset[str]) -> tuple[Role, str]:
    """What the left side names, and the variable it is by (empty where it does not say)."""
    plain = left.strip().strip("()") if left.startswith("(") else left.strip()
    for kind, patterns in PATTERNS.items():
        for pattern in patterns:
            m = pattern.match(plain)
            if m and not (FUNCTION.match(plain) and plain in taken):
                groups = m.groupdict()
                return kind, groups.get("by") or groups.get("by2") or ""
    name = FUNCTION.match(plain)
    of = (name["of"] or "") if name else ""
    if of[:1] == "d" and of[1:] in taken:
        return "expression", ""
    if name and not (name["name"][0] == "d" and name["name"][1:] in taken) and name["name"] not in ("d", *words):
        return "definition", ""
    return "expression", ""


PATTERNS: dict[Role, tuple[re.Pattern[str], ...]] = {
    "gradient": (GRADIENT, QUOTIENT),
    "hessian": (HESSIAN,),
    "jacobian": (JACOBIAN,),
}

__all__ = ["FUNCTION", "LATEX", "Statement", "role", "statements"]
