"""What stands left of an equals sign in an answer: the gradient under one of its many names, a differential, a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any, Literal

from matdiff.solution.problem import Problem
from matdiff.solution.spelling import canonical
from matdiff.solution.tidy import UPRIGHT, cut

# What an answer states, told apart: definitions, lines of a derivation, and the claim at the end.

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


Kind = Literal["first", "second", "differential", "curvature", "answer", "elsewhere", ""]
"""`curvature` is d²f or d(∇f); `elsewhere` is a derivative of or by something else, such as dr/dx."""

NAME = r"\\?[^\W\d_]+(?:_\{?\w+\}?)?"
OF = rf"(?:\s*\(?\s*{NAME}\s*\)?)?(?:\s*\([^=]*\))?"
BY = r"(?:\s*_\s*\{?\s*\\?\w+\s*\}?)?"
PARTIAL = r"(?:d|∂|\\partial)"
TWICE = r"\s*(?:²|\^\s*\{?\s*2\s*\}?)\s*"
ADVERB = r"(?:(?:so|thus|hence|and|the|my|our|its|final|total|full|whole)\s+)*"
ASKED_FOR = r"(?:\s+(?:matrix|vector))?(?:\s+(?:of|for)\s+\S+)?(?:\s+(?:by|at|in|wrt|w\.r\.t\.|with respect to)\s+\S+)?"

WORDS: dict[Kind, str] = {
    "first": r"gradient|jacobian|derivative|grad|jac",
    "second": r"hessian|hess|second derivative",
    "differential": r"differential",
    "answer": r"answer|result|solution",
}

CHAINED = re.compile(
    rf"(?:\s*(?:\\cdot|[·*])?\s*(?:\\[dt]?frac\s*\{{\s*{PARTIAL}\s*{NAME}(?:\([^)]*\))?\s*\}}\s*\{{\s*{PARTIAL}\s*{NAME}\s*\}}"
    rf"|{PARTIAL}\s*{NAME}\s*/\s*{PARTIAL}\s*{NAME}|\(\s*{PARTIAL}\s*{NAME}\s*/\s*{PARTIAL}\s*{NAME}\s*\)))+\s*"
)
"""A chain rule in the signs of Leibniz, df/du du/dx."""
LINK = re.compile(rf"{PARTIAL}\s*(?P<of>{NAME})(?:\([^)]*\))?\s*(?:\}}\s*\{{|/)\s*{PARTIAL}\s*(?P<by>{NAME})")
QUOTIENT = re.compile(
    rf"{PARTIAL}\s*(?P<of>{NAME})(?:\([^)]*\))?\s*/\s*\(?\s*{PARTIAL}\s*(?P<by>{NAME})\s*\)?"
    rf"|\\[dt]?frac\s*\{{\s*{PARTIAL}\s*(?P<of2>{NAME})?(?:\([^)]*\))?\s*\}}\s*\{{\s*{PARTIAL}\s*(?P<by2>{NAME})[^{{}}]*\}}\s*(?:{NAME})?"
)
SECOND = re.compile(
    rf"(?:∇|\\nabla|nabla|D){BY}{TWICE}{BY}{OF}|{PARTIAL}{TWICE}{NAME}\s*/.*|\\[dt]?frac\s*\{{\s*{PARTIAL}{TWICE}.*|{NAME}''{OF}"
    rf"|(?:∇|\\nabla)\s*(?:∇|\\nabla)(?:\s*\^\s*(?:T|\\top|\{{\\top\}}))?{OF}"
)
CURVATURE = re.compile(
    rf"d{TWICE}{NAME}|d\s*\(\s*d\s*{NAME}\s*\)|d\s*\(?\s*(?:(?:∇|\\nabla|grad|gradient)\s*(?:{NAME})?)(?:\([^)]*\))?\s*\)?"
)
FIRST = re.compile(rf"(?:∇|\\nabla|nabla|grad){BY}{OF}")
PRIME = re.compile(rf"({NAME})'(?:\s*\([^=]*\))?")
LETTER = re.compile(r"([GJDH])(?:_\{?\\?\w+\}?)?(?:\s*\w)?(?:\s*\(\s*\\?\w+\s*\))?")


def kind(left: str, x: str, taken: Container[str], ask: str) -> Kind:
    """What a left side is a name for; `taken` are the names of variables and definitions."""
    left = bare(left)
    if left in taken:
        return ""
    spoken = re.sub(r"\s*\([^()]*\)$", "", left)
    for found, words in WORDS.items():
        if re.fullmatch(rf"{ADVERB}(?:{words}){ASKED_FOR}", spoken, re.IGNORECASE):
            return found
    quotient = QUOTIENT.fullmatch(left)
    if quotient:
        of, by = (quotient[k] or quotient[f"{k}2"] or "" for k in ("of", "by"))
        right = canonical(by.strip("\\")) == canonical(x) and of.strip("\\") not in taken
        return "first" if right else "elsewhere"
    links = list(LINK.finditer(left)) if CHAINED.fullmatch(left) else []
    if len(links) > 1:
        names = [(link["of"].strip("\\"), link["by"].strip("\\")) for link in links]
        from_f, to_x = ((0, -1), (-1, 0))[names[0][0] in taken]
        right = names[from_f][0] not in taken and canonical(names[to_x][1]) == canonical(x)
        return "first" if right else "elsewhere"
    if SECOND.fullmatch(left):
        return "second"
    if CURVATURE.fullmatch(left):
        return "curvature"
    if re.fullmatch(rf"[fFLℓ]_\s*\{{?\s*\\?{re.escape(x)}\s*\}}?(?:\s*\([^=]*\))?", left):
        return "first"
    prime = PRIME.fullmatch(left)
    of = re.fullmatch(rf"(?:∇|\\nabla|nabla|grad)\s*({NAME})|[GJDH]_\{{?(\\?\w+)\}}?", left)
    about = (of[1] or of[2] or "").lstrip("\\") if of else ""
    if about in taken and canonical(about) != canonical(x) and about != "f":
        return "elsewhere"
    if FIRST.fullmatch(left) or (prime and prime[1] not in taken):
        return "first"
    return lettered(left, taken, ask)


def lettered(left: str, taken: Container[str], ask: str) -> Kind:
    """G, J and H, where they are what is asked for, and no names."""
    letter = LETTER.fullmatch(left)
    if not letter or letter[1] in taken:
        return ""
    if letter[1] == "H":
        return "second" if ask == "hessian" else ""
    return "" if ask == "hessian" else "first"


def bare(left: str) -> str:
    """The left side without fonts and spaces of LaTeX."""
    left = UPRIGHT.sub("d", left)
    left = re.sub(r"\\(?:mathrm|mathbf|boldsymbol|operatorname|text|textrm|mathit)\s*\{([^{}]*)\}", r"\1", left)
    return re.sub(r"\\(?:left|right|big|Big)(?![A-Za-z])|\\[,;!: ]", "", left).strip().rstrip(":").strip()
