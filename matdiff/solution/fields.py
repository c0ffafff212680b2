"""What an answer states, told apart: definitions, lines of a derivation, and the claim at the end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from matdiff.solution.problem import Problem
from matdiff.solution.tidy import cut

DEFINED = re.compile(r"([^\W\d]\w*)(?:\s*\(\s*([^\W\d]\w*)\s*\))?\s*=(?!=)(.*)", re.DOTALL)
RAISED = re.compile("[ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹]")
"""Raised signs, which are letters or digits to Python and end a name."""


@dataclass(frozen=True)
class Named:
    """What is known of a problem before its answer is read: the names in it, and what it calls the function."""

    letter: str
    names: frozenset[str]
    sizes: frozenset[str] = frozenset()
    matrices: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    """Unknown functions of arrays."""
    derive: Callable[..., Any] | None = None
    """By which entries become wholes, and tanh'(u) is written out."""


@dataclass
class Answer:
    """`claim` is what stands at the end, on line `at`; `strong` says that it was called what is asked for.

    `definitions` and `chain`, a derivation, are statements with their lines; `curved` are those about d²f and d(∇f).
    """

    claim: str = ""
    at: int = 0
    strong: bool = False
    definitions: list[tuple[int, str]] = field(default_factory=list)
    chain: list[tuple[int, str]] = field(default_factory=list)
    curved: list[tuple[int, str]] = field(default_factory=list)
    text: str = ""
    """All of it, as it was handed in."""
    before: list[tuple[str, int]] = field(default_factory=list)
    """What was called the answer before the claim, each with its line."""
    stated: list[tuple[int, Any]] = field(default_factory=list)
    """What the lines of the chain say, as they were read: each is where the next goes on from."""
    told: list[Any] | None = None
    """What the check of the chain found, once it was made."""

    def used(self, *texts: str) -> list[tuple[int, str]]:
        """The definitions that statements use, also through others."""
        needed, waiting = set[str](), list(texts)
        while waiting:
            words = set(re.findall(r"[^\W\d]\w*", RAISED.sub(" ", waiting.pop()))) - needed
            words |= {w[1:] for w in words if w[0] == "d"} - needed
            needed |= words
            waiting += [d for _, d in self.definitions if named_in(d) in words]
        return [(at, d) for at, d in self.definitions if named_in(d) in needed]

    def says(self, claim: str, at: int, strong: bool) -> None:
        """A claim takes the place of a weaker one, and of one as strong unless it sets that to zero."""
        if strong >= self.strong and not (self.strong and claim == "0"):
            if self.strong and claim != self.claim:
                self.before.append((self.claim, self.at))
            self.claim, self.at, self.strong = claim, at, strong


def sides(text: str) -> list[str]:
    """What stands between the equals signs outside brackets.

    >>> sides("f(x) = r'*r = [a = b]")
    ['f(x) ', " r'*r ", ' [a = b]']
    """
    return cut(text, "=")


def last_side(text: str) -> str:
    """What stands right of the last equals sign outside brackets."""
    return sides(text)[-1].strip()


def given(problem: Problem) -> list[str]:
    """The definitions that the function is written with; they are known in the answer too."""
    return [s for s in parts(problem.f) if DEFINED.fullmatch(s)]


def parts(program: str) -> list[str]:
    """The statements of a program."""
    return [part.strip() for line in program.splitlines() for part in cut(line, ";") if part.strip()]


def named_in(definition: str) -> str:
    return re.split(r"[=(]", definition, maxsplit=1)[0].strip()
