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
    derivative = re.compile(rf"(?:{DERIVATIVES.format(f=f, x=x)})\s*=", re.IGNORECASE)
    d = r"(?:d|\\mathrm\{d\})\s?"
    chained = re.compile(rf"=|{d}{f}(?:\s*\[.*?\])?\s*=|{f}(?:\s*\(\s*{x}\s*\))?\s*=|d\s?\^?²?2?\(|[<⟨]")
    found = Answer()
    for at, line in enumerate(text.splitlines(), 1):
        line = spelled(line.strip(), problem.wrt)
        if not line or line.startswith("#") or line.endswith("="):
            continue
        stated = derivative.match(line)
        said = DEFINED.fullmatch(line)
        if stated and not (said and said[1] in names):
            found.claim, found.at = line[stated.end() :].strip(), at
        elif chained.match(line):
            found.chain.append((at, line))
            found.claim, found.at = last_side(line), at
        elif said and said[1] not in names:
            found.definitions.append(line)
        else:
            found.claim, found.at = last_side(line), at
    return with_given(found, problem)


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


def with_given(found: Answer, problem: Problem) -> Answer:
    """The function's own definitions are known in the answer too, unless it makes them anew."""
    own = {match[1] for d in found.definitions if (match := DEFINED.fullmatch(d))}
    given = [s.strip() for s in re.split(r"[;\n]", problem.f)]
    found.definitions[:0] = [s for s in given if (m := DEFINED.fullmatch(s)) and m[1] not in own]
    return found
