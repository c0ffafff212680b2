"""A derivation written as text, cut into statements: which line, what stands left and right of each `=`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import matdiff.ops  # noqa: F401  the functions register themselves
from matdiff.core.op import words

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
