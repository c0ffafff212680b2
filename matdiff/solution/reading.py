"""An answer read: each of its statements is a definition, a line of a derivation, or the claim."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import lru_cache
from typing import Any

from matdiff.errors import MatdiffError
from matdiff.solution.labels import DEFINED, RAISED, Answer, Kind, Named, bare, given, kind, last_side, named_in, sides
from matdiff.solution.problem import Problem
from matdiff.solution.spelling import Vocabulary, canonical, closed
from matdiff.solution.tidy import Line, plain, tidied

LABEL = re.compile(r"(?:\s+(?:is|equals|reads)\s+|\s*:\s+|\s*:$|\s+is:\s*)(?:given by\s+)?")
DERIVATIVE = re.compile(r"∂|\\partial|∇|\\nabla|/|frac")
FUNCTIONS = "f F L J E l ℓ ell g φ ϕ phi ψ psi Phi loss cost"
"""What students call the function where it has no name."""


def read_answer(text: str, problem: Problem, named: Named) -> Answer:
    """Take an answer apart."""
    reader = Reader(problem, named)
    lines = tidied(text, reader.known)
    for line in lines:
        aside = DEFINED.fullmatch(line.text) if line.aside else None
        if aside and len(aside[1]) == 1:
            reader.known.names.add(aside[1])
    for i, line in enumerate(lines):
        before = (side for earlier in lines[:i] for side in sides(earlier.text)[1:])
        reader.read(line, " ".join([*(after.text for after in lines[i + 1 :]), *before]))
    found = reader.found
    found.text = text
    if not found.claim and found.definitions and found.definitions[-1][0]:
        at, said = found.definitions[-1]
        found.says(last_side(said), at, False)
    return found


PARTS = re.compile(
    r"∇|\\nabla|∂|\\partial|(?<![\w\\])d[^\W\d_]\s*/\s*d[^\W\d_]|\\[dt]?frac\s*\{\s*d|(?<![\w\\])[fFgh]'\s*\("
)
"""Signs of derivatives of parts, in a side that states a rule."""
INDEX = (
    r"(?:_\s*(?:\{{\s*(?P<{0}>[ijklr](?:\s*,?\s*[ijklr])?)\s*\}}|(?P<{0}2>[ijklr]{{1,2}}))|(?P<{0}3>[ᵢⱼₖₗᵣ]{{1,2}}))"
)
LOWERED = str.maketrans("ᵢⱼₖₗᵣ", "ijklr")
_D = r"(?:d|∂|\\partial)\s*"
_OF = r"[fFL]?(?:\([^)]*\))?\s*"
_NAME = r"\\?[^\W\d_ᵢⱼₖₗᵣ]+"
ENTRY = re.compile(
    rf"{_D}{_OF}/\s*\(?\s*{_D}(?P<x>{_NAME}){INDEX.format('i')}\s*\)?"
    rf"|\\[dt]?frac\s*\{{\s*{_D}{_OF}\}}\s*\{{\s*{_D}(?P<y>{_NAME}){INDEX.format('j')}\s*\}}\s*{_OF}"
    rf"|[(\[]\s*(?:(?:∇|\\nabla)\s*[fF]?(?:\([^()]*\))?|grad\s*f?|[GJH])\s*[)\]]\s*{INDEX.format('k')}"
    rf"|(?:(?:∇|\\nabla)\s*[fF]|[GJH]|grad(?:ient)?){INDEX.format('l')}"
)
"""The left side of an equation about one entry of what is asked."""
MEMBERS = re.compile(
    r"(?<![\w\\])\\?[^\W\d_ᵢⱼₖₗᵣ]+(?:_\s*(?:\{\s*[ijklr](?:\s*,?\s*[ijklr])?\s*\}|[ijklr]{1,2}(?!\w))|[ᵢⱼₖₗᵣ]{1,2})"
)
"""A member of a family: x_i, a_{ij}, xᵢ."""


def indexed(text: str) -> bool:
    """Does it speak of entries by their indices?"""
    return MEMBERS.search(text) is not None


def lifted(text: str, index: str, named: Named, problem: Problem, known: list[str]) -> str:
    r"""An entry of a vector or a matrix, said with its indices, as the whole; as it stands where that fails.

    The whole is the gradient by e of Σ eᵢ·(the entry i), which the language reads.
    """
    if named.derive is None:
        return text
    e = next(c for c in "eghquwz" if c not in named.names)
    name = e if len(index) == 1 else e.upper()
    under = "".join(index)
    known = [d for d in known if re.search(rf"(?<![\w\\]){re.escape(named_in(d))}(?!\w)", text)]
    for form in (
        rf"\sum_{{{','.join(index)}}} {name.lower()}_{{{under}}} ({text})",
        f"sum_{under}({name}_{under}*({text}))",
    ):
        try:
            return str(named.derive("; ".join([*known, form]), name, list(problem.let)).gradient.text(ascii=True))
        except (MatdiffError, AttributeError, RecursionError):
            continue
    return text


@lru_cache(64)
def derivative_of(function: str, derive: Callable[..., Any] | None) -> str:
    """The derivative of a function of entries by its argument z, as text; empty where it is none."""
    try:
        return "" if derive is None else str(derive(f"sum({function}(z))", "z", "z: n").gradient.text(ascii=True))
    except (MatdiffError, AttributeError):
        return ""


PRIMED = re.compile(r"(?<![\w\\.])(\\?)([^\W\d_]+)['′]\s*(?:\\left)?\(")


def primed(text: str, taken: Container[str], derive: Callable[..., Any] | None) -> str:
    """Derivatives of known functions of entries, tanh'(u), written out.

    >>> from matdiff import derive
    >>> primed("A*(tanh'(u) .* du)", {"A", "u"}, derive)
    'A*((1 .- tanh((u)).^2) .* du)'
    """
    start = 0
    while found := PRIMED.search(text, start):
        name = {"σ": "sigmoid", "sigma": "sigmoid", "ln": "log"}.get(found[2], found[2])
        said = derivative_of(name, derive) if found[2] not in taken and (len(name) > 1) else ""
        if not said:
            start = found.end()
            continue
        end = closed(text, found.end())
        inside = re.sub(r"(?:\\right)?\)$", "", text[found.end() : end])
        whole = re.sub(r"(?<!\w)z(?!\w)", lambda _, inside=inside: f"({inside})", said)  # type: ignore[misc]
        text = f"{text[: found.start()]}({whole}){text[end:]}"
    return text


class Reader:
    """Reads statements in order."""

    def __init__(self, problem: Problem, named: Named) -> None:
        self.problem, self.named = problem, named
        self.ask: Kind = {"hessian": "second", "differential": "differential"}.get(problem.ask, "first")  # type: ignore[assignment]
        self.known = Vocabulary({*named.names, *named.sizes, "f", named.letter}, problem.wrt)
        self.direction = ""
        """The h of `df(x)[h] = …`."""
        self.defined: set[str] = set()
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
        text = primed(text, self.taken, self.named.derive)
        moving = sorted({*self.known.names, *map(canonical, self.known.names)}, key=len, reverse=True)
        found = "=".join(self.known.respelled(plain(s, moving, self.named.matrices)) for s in sides(text))
        return re.sub(rf"(?<!\w){self.direction}(?!\w)", f"d{self.problem.wrt}", found) if self.direction else found

    def read(self, line: Line, later: str) -> None:
        left, *rights = sides(line.text)
        if rights and (entries := self.entries(left, rights[-1])):
            self.found.says(entries, line.at, True)
            self.last = ""
            return
        spoken = LABEL.split(line.text, maxsplit=1)
        if not rights and len(spoken) == 2 and kind(spoken[0], self.problem.wrt, self.taken, self.problem.ask):
            left, *rights = spoken[0], *sides(spoken[1])
        rights = [r.strip() for r in rights if re.search(r"\w", r)]
        about = kind(left, self.problem.wrt, self.taken, self.problem.ask) if left.strip() else self.last
        if len(bare(left)) == 1 and re.search(rf"(?<![\w\\]){re.escape(bare(left))}(?!\w)", later):
            about = ""
        rights = self.values(rights, about)
        if not rights:
            if left.strip() and not line.aside and len(sides(line.text)) == 1:
                self.weak(line.at, left)
            self.last = about
            return
        left = self.directed(left)
        rights = rights[:-1] if len(rights) > 1 and rights[-1].strip() == "0" else rights
        for name in [r for r in rights[:-1] if re.fullmatch(r"[^\W\d]\w{0,2}", r) and r not in self.known]:
            value = self.formula(rights[-1])
            self.found.definitions.append((line.at, f"{name} = {value}"))
            self.defined.add(name)
            self.known.names.add(name)
        values = [self.formula(r) for r in rights]
        self.equation(line, left, values, about)

    def values(self, rights: list[str], about: Kind) -> list[str]:
        """Without the names for what is asked that stand between, J = ∂F/∂x = A, and without derivatives of parts."""
        kept = [r for r in rights if self.applies(r) or not DERIVATIVE.search(r) or about != self.kind(r) or not about]
        return (
            [r for r in kept[:-1] if self.applies(r) or not PARTS.search(r)] + kept[-1:] if about == self.ask else kept
        )

    def entries(self, left: str, right: str) -> str:
        """What `∂f/∂x_i = …` claims, entry by entry, as a vector or a matrix; empty where it is no such equation."""
        found = ENTRY.fullmatch(bare(left))
        if found is None or self.problem.ask == "differential":
            return ""
        base = found["x"] or found["y"] or ""
        index = next(text for name, text in found.groupdict().items() if text and name not in "xy")
        index = re.sub(r"[\s,]", "", index.translate(LOWERED))
        if not index or (base and canonical(base.lstrip("\\").lower()) != canonical(self.problem.wrt.lower())):
            return ""
        return lifted(right.strip(), index, self.named, self.problem, [d for _, d in self.found.definitions])

    def applies(self, side: str) -> bool:
        """Whether it has an unknown function in it: h'(x)'*∇phi(h(x)) is no name for the gradient."""
        return any(re.search(rf"{re.escape(name)}'*\s*\(", side) for name in self.named.functions)

    def kind(self, side: str) -> Kind:
        return kind(side, self.problem.wrt, self.taken, self.problem.ask)

    def directed(self, left: str) -> str:
        """`df(x)[h]`, `f'(x)[h]` and `Df(x)h` are df, and h is dx from now on."""
        found = re.fullmatch(r"(?:d|D\s?)?(\w+)'?\s*(?:\(.*\))?\s*\[\s*([^\W\d]\w*)\s*\]", bare(left))
        found = found or re.fullmatch(r"(?:d|D\s?)(\w)\s*\([^()]*\)\s*[·*]?\s*\(?([^\W\d_])\)?|(?!)", bare(left))
        found = found or re.fullmatch(r"(\w)'\s*\([^()]*\)\s*[·*]?\s*\(?([^\W\d_])\)?", bare(left))
        if not found or found[1] not in FUNCTIONS.split() or found[2] in self.known:
            return left
        self.direction = found[2]
        return f"d{self.function}"

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
        if said is None and (solved := self.solved(left, values[-1])):
            said = DEFINED.fullmatch(solved)
            values = values[-1:] if said is None else [said[3].strip()]
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

    def solved(self, left: str, right: str) -> str:
        """The definition v = A'\\b that a linear system A'v = b gives for a new name v; empty where it is none."""
        found = re.fullmatch(r"(.*[\w)'ᵀ])\s*[*·@]?\s+([^\W\d_])", self.left(left).strip()) or re.fullmatch(
            r"(.*[)'ᵀ])\s*[*·@]?\s*([^\W\d_])", self.left(left).strip()
        )
        if found is None or found[2] in self.known or found[2].isupper() or right == "0":
            return ""
        if re.search(rf"(?<![\w\\]){found[2]}(?!\w)", right):
            return ""
        known = re.sub(r"'", " ", found[1])
        if not all(w in self.known for w in re.findall(r"[^\W\d_]+", RAISED.sub(" ", known))):
            return ""
        return f"{found[2]}=inv({found[1]})*({right})"

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
        said = re.sub(r"^vec\s*\(?\s*(d\w+)\s*\)?$", r"\1", said)
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
        if said.startswith("vec"):
            return re.sub(
                r"(?<!\w)d\s?(\w)(?!\w)", lambda m: f"d{self.function}" if self.alias(f"d{m[1]}") else m[0], said
            )
        return f"d{self.function}" if said and self.alias(said) else said

    @property
    def function(self) -> str:
        return "f" if "f" not in self.named.names else self.named.letter
