"""One problem: the lines of a `matdiff` block, read and checked."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from matdiff.errors import MatdiffError, ParseError

SHAPE = re.compile(r"\(?\s*([A-Za-z]\w*(?:\s*,\s*[A-Za-z]\w*)*)\s*\)?\s+in\s+\[(.*)\]", re.DOTALL)


@dataclass(frozen=True)
class Choice:
    """Words, and the values that they take together."""

    words: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    def pick(self, seed: str | None) -> dict[str, str]:
        """The first values without a seed; with one, values that depend on the seed and on the choice alone."""
        if seed is None:
            return dict(zip(self.words, self.values[0], strict=True))
        chosen = random.Random(f"{seed}\n{self}").choice(self.values)
        return dict(zip(self.words, chosen, strict=True))


def choice(text: str) -> Choice:
    """Read `M in [A, B]` or `(M, k) in [(A, 2), (B, 3)]`.

    >>> choice("(M, k) in [(A, 2), (inv(B), 3)]").values
    (('A', '2'), ('inv(B)', '3'))
    """
    found = SHAPE.fullmatch(text.strip())
    if not found:
        raise ParseError(f"{text!r} is not a choice", hint="write `choose: M in [A, B, C]`")
    words = tuple(w.strip() for w in found[1].split(","))
    values = [v for v in split(found[2]) if v]
    if not values:
        raise ParseError(f"there is nothing to choose {', '.join(words)} from")
    rows = tuple((v,) if len(words) == 1 else _tuple(v) for v in values)
    short = next((row for row in rows if len(row) != len(words)), None)
    if short is not None:
        raise ParseError(f"{len(words)} words are chosen together, but ({', '.join(short)}) has {len(short)}")
    return Choice(words, rows)


def _tuple(value: str) -> tuple[str, ...]:
    inside = value[1:-1] if value.startswith("(") and value.endswith(")") else value
    return tuple(split(inside))


def split(text: str) -> list[str]:
    """The parts between commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{⟨") - (c in ")]}⟩")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


ASKS = ("gradient", "jacobian", "hessian", "differential", "adjoint", "terminal", "boundary")
SYSTEMS = ("state", "initial", "objective", "final", "until", "ends")
"""Keys of problems about differential equations, recurrences and functionals, which are passed on as they are."""
REPEATED = ("let", "hint", "choose")
KEYS = (
    "f",
    "wrt",
    "ask",
    "let",
    "inner",
    "metric",
    "title",
    "points",
    "form",
    "hint",
    "hints",
    "space",
    "choose",
    *SYSTEMS,
)
T = TypeVar("T")

KEY = re.compile(r"([A-Za-z]+)\s*:(?:\s+|$)(.*)")
_NUMBER = r"\d{1,3}(?:\.\d+)?"
SCHEME = re.compile(
    rf"(?P<all>{_NUMBER})\s*=\s*(?P<w1>result|steps)\s+(?P<n1>{_NUMBER})\s*\+\s*(?P<w2>result|steps)\s+(?P<n2>{_NUMBER})"
)
"""How points are divided: `4 = result 2 + steps 2`."""

MOST_HINTS = 3
"""Steps of the derivation that are given as hints where the block does not say how many."""


@dataclass(frozen=True)
class Problem:
    """A problem as it stands in the block, all words chosen.

    `where` is the file and line of its block; `source` is the block that says the same without choices.
    """

    number: int
    where: str
    f: str
    wrt: str
    ask: str = ""
    let: tuple[str, ...] = ()
    inner: str = ""
    metric: str = ""
    title: str = ""
    points: float = 1
    steps: float = 0
    """How many of the points the lines of the derivation are worth; the others are the result's."""
    form: str = ""
    hint: tuple[str, ...] = ()
    hints: int = MOST_HINTS
    space: int = 6
    state: str = ""
    initial: str = ""
    objective: str = ""
    final: str = ""
    until: str = ""
    ends: str = ""

    @property
    def single(self) -> tuple[Problem, ...]:
        """The problem itself; one by each variable where it is by several."""
        names = [x.strip() for x in self.wrt.split(",") if x.strip()]
        if len(names) < 2:
            return (self,)
        if self.form or self.inner:
            key = "form" if self.form else "inner"
            raise ParseError(f"{self.where}: `{key}:` goes with one variable", hint="write a problem for each of them")
        return tuple(replace(self, wrt=x, points=self.points / len(names)) for x in names)

    @property
    def source(self) -> str:
        """The block's text, without hints and wanted form."""
        fields = [("title", self.title), *(("let", text) for text in self.let), ("f", self.f)]
        fields += [("wrt", self.wrt), ("inner", self.inner), ("metric", self.metric), ("ask", self.ask)]
        fields += [(key, getattr(self, key)) for key in SYSTEMS]
        scheme = f" = result {self.points - self.steps:g} + steps {self.steps:g}" if self.steps else ""
        fields += [("points", f"{self.points:g}{scheme}")]
        return "\n".join(f"{key}: {_indented(value)}" for key, value in fields if value)


def _indented(value: str) -> str:
    return value.replace("\n", "\n    ")


@dataclass(frozen=True)
class Field:
    key: str
    value: str
    line: int


@dataclass(frozen=True)
class Block:
    """The fields of a block, words not yet chosen; `line` is that of its fence."""

    name: str
    line: int
    fields: tuple[Field, ...]

    @property
    def where(self) -> str:
        return place(self.name, self.line)

    @property
    def choices(self) -> list[Choice]:
        return [located(self.name, f.line, partial(choice, f.value)) for f in self.fields if f.key == "choose"]

    def problem(self, number: int, chosen: dict[str, str]) -> Problem:
        """The problem with its words chosen."""
        values: dict[str, list[str]] = {}
        for field in self.fields:
            if field.key != "choose":
                values.setdefault(field.key, []).append(_replaced(field.value, chosen, field.key in FORMULAS))
        for key in ("f", "wrt"):
            if key not in values:
                raise ParseError(f"{self.where}: the problem has no `{key}:` line", hint=f"add one: {EXAMPLE[key]}")
        numbers = {f.key: self._number(f) for f in self.fields if f.key in ("points", "hints", "space")}
        return Problem(
            number,
            self.where,
            f=values["f"][0],
            wrt=values["wrt"][0],
            ask=self._asked(values.get("ask", [""])[0]),
            let=tuple(values.get("let", ())),
            inner=values.get("inner", [""])[0],
            metric=values.get("metric", [""])[0],
            title=values.get("title", [""])[0],
            points=numbers.get("points", 1),
            steps=next((self._steps(f) for f in self.fields if f.key == "points"), 0.0),
            form=values.get("form", [""])[0],
            hint=tuple(values.get("hint", ())),
            hints=int(numbers.get("hints", MOST_HINTS)),
            space=int(numbers.get("space", 6)),
            **{key: values.get(key, [""])[0] for key in SYSTEMS},
        )

    def _number(self, field: Field) -> float:
        if field.key == "hints" and field.value == "none":
            return 0
        if field.key == "points" and (found := SCHEME.fullmatch(field.value)):
            return float(found["all"])
        if not re.fullmatch(r"\d{1,3}(\.\d+)?", field.value):
            raise ParseError(f"{place(self.name, field.line)}: `{field.key}:` takes a number, not {field.value!r}")
        return float(field.value)

    def _steps(self, field: Field) -> float:
        """The points of the steps, of `4 = result 2 + steps 2`."""
        found = SCHEME.fullmatch(field.value)
        if not found:
            return 0.0
        parts = {what: float(worth) for worth, what in ((found["n1"], found["w1"]), (found["n2"], found["w2"]))}
        if len(parts) < 2 or abs(sum(parts.values()) - float(found["all"])) > 1e-9:
            raise ParseError(
                f"{place(self.name, field.line)}: {field.value!r} does not add up",
                hint="write `points: 4 = result 2 + steps 2`",
            )
        return parts["steps"]

    def _asked(self, ask: str) -> str:
        if ask and ask not in ASKS:
            line = next(f.line for f in self.fields if f.key == "ask")
            raise ParseError(
                f"{place(self.name, line)}: {ask!r} cannot be asked for", hint=f"ask for one of {', '.join(ASKS)}"
            )
        return ask


EXAMPLE = {"f": "f: norm(A*x - b)^2/2", "wrt": "wrt: x"}


def place(name: str, line: int) -> str:
    return f"{name}, line {line}"


def read_block(name: str, line: int, lines: list[str]) -> Block:
    """The fields of a block whose fence stands on `line`.  Raises ParseError with the line."""
    fields: list[Field] = []
    for i, text in enumerate(lines, line + 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if text[0] in " \t" and fields:
            last = fields.pop()
            fields.append(Field(last.key, f"{last.value}\n{text.strip()}".strip(), last.line))
            continue
        fields.append(_field(name, i, text, {f.key for f in fields}))
    return Block(name, line, tuple(fields))


def _field(name: str, line: int, text: str, known: set[str]) -> Field:
    found = KEY.fullmatch(text.strip())
    if not found or found[1] not in KEYS:
        what = f"there is no key {found[1]!r}" if found else f"`key: value` is expected, not {text.strip()[:40]!r}"
        raise ParseError(f"{place(name, line)}: {what}", hint=f"the keys are {', '.join(KEYS)}")
    if found[1] in known and found[1] not in REPEATED:
        raise ParseError(f"{place(name, line)}: `{found[1]}:` stands twice in the problem")
    return Field(found[1], found[2].strip(), line)


FORMULAS = ("f", "form", "inner")
"""Keys in which what is chosen takes parentheses: A + A' for M in M*X is (A + A')*X."""
ATOM = re.compile(r"\w+(?:\.\d+)?'*|[^\W\d]\w*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)'*")


def _replaced(value: str, chosen: dict[str, str], formula: bool) -> str:
    """The value with words, also between double braces, replaced by what was chosen for them."""
    if not chosen:
        return value
    words = "|".join(map(re.escape, chosen))

    def put(found: re.Match[str]) -> str:
        said = chosen[found[1] or found[2]]
        alone = found[0] == value.strip()
        return f"({said})" if formula and not alone and not ATOM.fullmatch(said) else said

    return re.sub(rf"\{{\{{\s*({words})\s*\}}\}}|(?<!\w)({words})(?!\w)", put, value)


def located(name: str, line: int, do: Callable[[], T]) -> T:
    """What `do` gives; its errors say the file and the line."""
    try:
        return do()
    except MatdiffError as error:
        error.message = f"{place(name, line)}: {error.message}"
        raise
