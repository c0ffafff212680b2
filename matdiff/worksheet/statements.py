"""An answer's lines told apart: definitions, lines of a derivation, and the claim at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from matdiff.worksheet.problem import Problem

DERIVATIVES = (
    r"(?:the )?(?:gradient|jacobian|hessian|differential|answer)|grad(?: ?{f})?|d{f} ?/ ?d{x}|[GJH]"
    r"|(?:∇|nabla|\\nabla)(?:_\{{?\w+\}}?)?²?(?:\^2)? ?{f}"
)
DEFINED = re.compile(r"([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)


@dataclass
class Answer:
    """`claim` is what stands at the end, on line `at`; `chain` are the numbered lines of a derivation before it."""

    claim: str = ""
    at: int = 0
    definitions: list[str] = field(default_factory=list)
    chain: list[tuple[int, str]] = field(default_factory=list)

    @property
    def program(self) -> str:
        """The claim after the definitions that it may use."""
        return "\n".join([*self.definitions, self.claim])


def read_answer(text: str, problem: Problem, letter: str, names: set[str]) -> Answer:
    """Take an answer apart; `names` are the variables of the function, `letter` is its own name."""
    x = re.escape(problem.wrt)
    f = re.escape(letter) if letter == "f" else f"(?:{re.escape(letter)}|f)"
    derivative = re.compile(rf"(?:{DERIVATIVES.format(f=f, x=x)})(?:\s*\(\s*{x}\s*\))?\s*=", re.IGNORECASE)
    d = r"(?:d|\\mathrm\{d\})\s?"
    chained = re.compile(rf"=|{d}{f}(?:\s*\[.*?\])?\s*=|{f}(?:\s*\(\s*{x}\s*\))?\s*=|d\s?\^?²?2?\(")
    moving = re.compile(rf"{d}[^=]*=")
    found = Answer(definitions=given(problem))
    for at, line in enumerate(text.splitlines(), 1):
        line = spelled(line.strip(), problem.wrt)
        if not line or line.startswith("#") or line.endswith("="):
            continue
        if line[0] in "+-" and "=" not in line and found.claim:
            go_on(found, line)
            continue
        stated = derivative.match(line)
        said = DEFINED.fullmatch(line)
        if stated and not (said and said[1] in names):
            found.claim, found.at = line[stated.end() :].strip(), at
        elif (
            chained.match(line)
            or (not said and moving.match(line))
            or (said and moves(said[1], names, found.definitions))
        ):
            found.chain.append((at, line))
            found.claim, found.at = last_side(line), at
        elif said and said[1] not in names:
            defined(found, said[1], line)
        else:
            found.claim, found.at = last_side(line), at
    return found


def moves(name: str, names: set[str], definitions: list[str]) -> bool:
    """Is it the differential of something known, such as dr of `r = A*x - b`?"""
    known = names.union(d.partition("=")[0].strip() for d in definitions)
    return name[0] == "d" and name[1:] in known


def go_on(found: Answer, line: str) -> None:
    """A line that begins with a sign goes on with the one before."""
    found.claim = f"{found.claim} {line}"
    if found.chain and found.chain[-1][0] == found.at:
        found.chain[-1] = (found.at, f"{found.chain[-1][1]} {line}")


def spelled(line: str, x: str) -> str:
    r"""A line with its differentials as matdiff reads them: in LaTeX `dX` would be the product of d and X."""
    if "\\" not in line:
        return line
    return re.sub(rf"(?<![\\\w{{])d(\\?{re.escape(x)})(?!\w)", lambda m: rf"\mathrm{{d}}{m[1]}", line)


def last_side(line: str) -> str:
    """What stands right of the last equals sign outside brackets."""
    depth, start = 0, 0
    for i, c in enumerate(line):
        depth += (c in "([{⟨") - (c in ")]}⟩")
        if c == "=" and depth <= 0:
            start = i + 1
    return line[start:].strip()


def given(problem: Problem) -> list[str]:
    """The definitions that the function is written with; they are known in the answer too."""
    return [s.strip() for s in re.split(r"[;\n]", problem.f) if DEFINED.fullmatch(s.strip())]


def defined(found: Answer, name: str, line: str) -> None:
    """A definition of the answer's own takes the place of one by the same name."""
    kept = [d for d in found.definitions if d.partition("=")[0].strip() != name]
    found.definitions = [*kept, line]
