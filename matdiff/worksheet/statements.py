"""An answer's statements told apart: definitions, lines of a derivation, and the claim at the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from matdiff.worksheet.labels import Kind, bare, kind
from matdiff.worksheet.plain import plain
from matdiff.worksheet.problem import Problem
from matdiff.worksheet.spelling import Vocabulary, canonical
from matdiff.worksheet.tidy import Line, cut, tidied

DEFINED = re.compile(r"([^\W\d]\w*)(?:\s*\(\s*([^\W\d]\w*)\s*\))?\s*=(?!=)(.*)", re.DOTALL)
LABEL = re.compile(r"(?:\s+(?:is|equals|reads)\s+|\s*:\s+|\s*:$|\s+is:\s*)(?:given by\s+)?")
FUNCTIONS = "f F L J E l ℓ ell g φ ϕ phi ψ psi Phi loss cost"
"""What students call the function where it has no name."""


@dataclass(frozen=True)
class Named:
    """What is known of a problem before its answer is read: the names in it, and what it calls the function."""

    letter: str
    names: frozenset[str]
    sizes: frozenset[str] = frozenset()
    matrices: frozenset[str] = frozenset()


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

    def used(self, *texts: str) -> list[tuple[int, str]]:
        """The definitions that statements use, also through others."""
        needed, waiting = set[str](), list(texts)
        while waiting:
            words = set(re.findall(r"[^\W\d]\w*", waiting.pop())) - needed
            words |= {w[1:] for w in words if w[0] == "d"} - needed
            needed |= words
            waiting += [d for _, d in self.definitions if named_in(d) in words]
        return [(at, d) for at, d in self.definitions if named_in(d) in needed]

    def says(self, claim: str, at: int, strong: bool) -> None:
        """A claim takes the place of a weaker one, and of one as strong unless it sets that to zero."""
        if strong >= self.strong and not (self.strong and claim == "0"):
            self.claim, self.at, self.strong = claim, at, strong


def read_answer(text: str, problem: Problem, named: Named) -> Answer:
    """Take an answer apart."""
    reader = Reader(problem, named)
    lines = tidied(text, reader.known)
    for i, line in enumerate(lines):
        reader.read(line, " ".join(after.text for after in lines[i + 1 :]))
    found = reader.found
    if not found.claim and found.definitions and found.definitions[-1][0]:
        at, said = found.definitions[-1]
        found.says(last_side(said), at, False)
    return found


class Reader:
    """Reads statements in order."""

    def __init__(self, problem: Problem, named: Named) -> None:
        self.problem, self.named = problem, named
        self.ask: Kind = {"hessian": "second", "differential": "differential"}.get(problem.ask, "first")  # type: ignore[assignment]
        self.known = Vocabulary({*named.names, *named.sizes, "f", named.letter}, problem.wrt)
        self.direction = ""
        """The h of `df(x)[h] = …`."""
        self.found = Answer(definitions=[(0, self.formula(d)) for d in given(problem)])
        self.defined = {named_in(d) for _, d in self.found.definitions}
        self.known.names |= self.defined
        self.last: Kind = ""
        """What the last line was about, for one that begins with an equals sign."""

    @property
    def taken(self) -> set[str]:
        return {*self.named.names, *self.defined}

    def formula(self, text: str) -> str:
        """A side or an equation in plain text and in the problem's spelling."""
        moving = sorted({*self.known.names, *map(canonical, self.known.names)}, key=len, reverse=True)
        found = "=".join(self.known.respelled(plain(s, moving, self.named.matrices)) for s in sides(text))
        return re.sub(rf"(?<!\w){self.direction}(?!\w)", f"d{self.problem.wrt}", found) if self.direction else found

    def read(self, line: Line, later: str) -> None:
        left, *rights = sides(line.text)
        spoken = LABEL.split(line.text, maxsplit=1)
        if not rights and len(spoken) == 2 and kind(spoken[0], self.problem.wrt, self.taken, self.problem.ask):
            left, *rights = spoken[0], *sides(spoken[1])
        rights = [r.strip() for r in rights if re.search(r"\w", r)]
        about = kind(left, self.problem.wrt, self.taken, self.problem.ask) if left.strip() else self.last
        if len(bare(left)) == 1 and re.search(rf"(?<![\w\\]){re.escape(bare(left))}(?!\w)", later):
            about = ""
        if not rights:
            if left.strip() and not line.aside and "=" not in line.text:
                self.weak(line.at, left)
            self.last = about
            return
        direction = re.search(r"\[\s*([^\W\d]\w*)\s*\]\s*$", bare(left))
        if direction and direction[1] not in self.known:
            self.direction = direction[1]
        rights = rights[:-1] if len(rights) > 1 and rights[-1].strip() == "0" else rights
        values = [self.formula(r) for r in rights]
        self.equation(line, left, values, about)

    def equation(self, line: Line, left: str, values: list[str], about: Kind) -> None:
        at, goes_on = line.at, not left.strip()
        before, self.last = self.last, about
        if about in ("first", "second", "answer") or (about == "differential" and not self.differential(left)):
            strong = about in (self.ask, "answer")
            chained = [f"1 ({self.found.claim})"] if goes_on and self.found.claim else []
            self.stated(at, [*chained, *values], strong)
            if not strong and not goes_on:
                label = "gradient" if about == "first" else "hessian" if about == "second" else "df"
                self.found.chain.append((at, f"{label} = {values[0]}"))
        elif about == "curvature":
            self.found.curved += [(at, v) for v in values]
            self.found.says(values[-1], at, False)
        elif about == "elsewhere":
            self.found.says(values[-1], at, False)
        elif goes_on or self.differential(left):
            self.last = before if goes_on else ""
            self.found.chain.append((at, " = ".join([self.started(left), *values]).strip()))
            self.found.says(values[-1], at, self.ask == "differential" and not self.of_name(left))
        else:
            self.other(line, left, values)

    def stated(self, at: int, values: list[str], strong: bool) -> None:
        """What is asked for, or another derivative, in one form or in several that have to be equal."""
        if len(values) > 1:
            first = values[0] if values[0].startswith("1 (") else f"1 ({values[0]})"
            self.found.chain.append((at, " = ".join([first, *values[1:]])))
        self.found.says(values[-1], at, strong)

    def other(self, line: Line, left: str, values: list[str]) -> None:
        """A definition, the function once more, or an equation whose last side is the claim."""
        at, said = line.at, DEFINED.fullmatch(f"{self.left(left)}={values[0]}")
        name, of = (said[1], said[2] or "") if said else ("", "")
        restated = name and name not in self.taken and name in ("f", self.named.letter) and of in ("", self.problem.wrt)
        if restated:
            self.found.chain.append((at, " = ".join([f"1 ({self.function})", *values])))
            self.found.says(values[-1], at, False)
        elif name and name not in self.named.names:
            kept = [(n, d) for n, d in self.found.definitions if named_in(d) != name]
            parameter = f"({of})" if of and of not in self.taken else ""
            self.found.definitions = [*kept, (at, f"{name}{parameter} = {values[0]}")]
            self.defined.add(name)
            self.known.names.add(name)
            if len(values) > 1:
                self.found.chain.append((at, " = ".join([f"1 ({values[0]})", *values[1:]])))
        elif not line.aside and not name:
            moving = re.match(r"d\s?[^=]*", self.left(left)) and self.differential(left)
            claim = self.left(left) if values == ["0"] else values[-1]
            if moving:
                self.found.chain.append((at, " = ".join([self.left(left), *values])))
            self.found.says(claim, at, False)

    def weak(self, at: int, text: str) -> None:
        self.found.says(self.formula(text.strip()), at, False)

    def left(self, left: str) -> str:
        """A left side in plain text."""
        plain_left = self.formula(bare(left))
        return re.sub(
            r"^d\s+(?=[^\W\d_])", "d", plain_left.replace("\\", "") if "{" not in plain_left else plain_left
        ).strip()

    def differential(self, left: str) -> bool:
        """Is it df, dr of something known, or d(u)?"""
        said = re.sub(r"\s*\[.*?\]$", "", self.left(left))
        if said in self.taken:
            return False
        return bool(re.match(r"d\s*\(", said)) or self.moves(said) or self.alias(said)

    def moves(self, said: str) -> bool:
        """Is it the differential of something known, such as dr of `r = A*x - b`?"""
        inside = re.findall(r"(?<![\w\\])d([^\W\d]\w*)", said)
        return any(n in self.taken for n in inside)

    def alias(self, said: str) -> bool:
        """Is it df, under one of the names that the function goes by?"""
        return said[:1] == "d" and said[1:].split("(")[0] in {*FUNCTIONS.split(), self.named.letter} - self.taken

    def of_name(self, left: str) -> bool:
        return bool(left.strip()) and not self.alias(re.sub(r"\s*\[.*?\]$", "", self.left(left)))

    def started(self, left: str) -> str:
        """The left side of a line of a derivation; the function is called f."""
        said = re.sub(r"\s*\[.*?\]$", "", self.left(left))
        return f"d{self.function}" if said and self.alias(said) else said

    @property
    def function(self) -> str:
        return "f" if "f" not in self.named.names else self.named.letter


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
