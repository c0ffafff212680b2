"""The lines of an answer about an equation, a differential equation or a recurrence, and what each of them states.

A line is about the gradient, about the adjoint variable (its equation, or its value at the end), or about something
else.  Of an equation it does not matter how it is arranged: v' = −Aᵀv and v' + Aᵀv = 0 have one solution, and two
equations state the same if the solution of one, which is unique, solves the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from matdiff.api.implicit import Implicit
from matdiff.api.reading import read
from matdiff.api.recurrence import Recurrence
from matdiff.calculus.evolution import MINUS
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Node, Symbol, number, symbol, symbols
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import add, scale
from matdiff.ops.constants import zeros_like
from matdiff.printing.integrals import Pen
from matdiff.solution.spelling import Vocabulary
from matdiff.solution.tidy import MENDS, cut, mended
from matdiff.text.statements import closing
from matdiff.verify.implicit import settled
from matdiff.verify.sampling import point, ways

POINTS = 3
TRIES = 12
CLOSE = 1e-8
About = Literal["gradient", "adjoint", "terminal", "else"]
OWN = r"λ Λ μ ψ \lambda \Lambda \mu \psi lambda Lambda mu psi v V w W p P q z y".split()  # noqa: SIM905
"""Names that the adjoint variable has in books."""


@dataclass(frozen=True)
class Statement:
    """The sides of an equation on a line, of which the first may be a label only; `end` is the place in v(end)."""

    line: int
    about: About
    sides: tuple[str, ...]
    end: str = ""

    @property
    def claims(self) -> tuple[str, ...]:
        """What stands right of the label."""
        return self.sides[1:] or self.sides


# what is about what

DERIVATIVE = re.compile(
    r"∇|\\nabla|[Gg]rad|GRAD|d[^\W\d_]\w*\s*/|∂|\\partial|\\[dt]?frac\s*\{\s*(?:d|\\partial|∂|\\mathrm)"
    r"|[fFGJL]\s*'|[A-Za-z]{4,}(?: [A-Za-z]+)*$"
)
"""The beginning of a label for a gradient: ∇f, dG/dp, \\frac{\\partial f}{\\partial A}, f'(p), gradient."""
LEADING = re.compile(r"^\s*(?:(?:where|with|so|and|hence|thus|then|therefore|adjoint(?:\s+equation)?\s*:)\s+)+")
WHERE = re.compile(r"\s+(?:where|with)\s+")
WORDS = re.compile(r"[A-Za-z]{4,}(?: [A-Za-z]+)*|rhs|RHS")


class Reader:
    """What an answer to one problem may hold; `d` is the derivation."""

    def __init__(self, d: Any) -> None:
        self.d = d
        self.evolving = not isinstance(d, Implicit)
        self.v: Symbol = d.evolution.multiplier if self.evolving else d.multipliers[0]
        self.definitions: list[tuple[str, ...]] = []
        if self.evolving:
            e = d.evolution
            self.u, self.time = e.state, d.index if isinstance(d, Recurrence) else "t"
            self.until = Pen("ascii").show(d.until)
            every = (*d.variables, *symbols(d.until), e.state, e.multiplier, symbol(self.time, "scalar"))
            self.end, self.start, self.now = at_end(e), at_start(e), beside(self.v, "now")
        else:
            self.u, self.time, self.until = d.unknowns[0], "", ""
            every = (*d.function.variables, *d.multipliers)
            self.now = self.v
        self.known = {s.name: s for s in every}

    # lines

    def statements(self, text: str, ask: About) -> list[Statement]:
        """What the lines state, in order; `ask` is what a line without a left side is about."""
        words = Vocabulary({*self.known}, next(iter(self.known), ""))
        found: list[Statement] = []
        for line, piece in pieces(text):
            if words.prose(piece):
                continue
            if piece.startswith("=") and found:
                before = found[-1]
                found.append(replace(before, line=line, sides=(before.sides[0], piece[1:].strip())))
            else:
                found.append(self.statement(line, tuple(s.strip() for s in cut(piece, "=")), ask))
        if found and all(s.about != ask for s in found) and self.strange(found[-1].sides[0]):
            found[-1] = replace(found[-1], about=ask)
        return found

    def statement(self, line: int, sides: tuple[str, ...], ask: About) -> Statement:
        if "" in sides:
            raise ParseError("one side of the equation is empty")
        if len(sides) > 2 and WORDS.fullmatch(sides[0]):
            sides = sides[1:]
        if len(sides) == 1 or WORDS.fullmatch(sides[0]):
            return Statement(line, ask, sides)
        label, v = sides[0], spelled(self.v.name)
        if self.evolving and any(self.moved(s) != s for s in sides):
            return Statement(line, "adjoint", sides)
        if DERIVATIVE.match(label) and not re.match(rf"{D}{spelled(self.u.name, '')}(?!_)", label):
            return Statement(line, "gradient", sides)
        if not self.evolving:
            moving = any(re.search(rf"(?<!\w)d({'|'.join(map(re.escape, self.known))})(?!\w)", s) for s in sides)
            there = any(re.search(v, s) for s in sides) and not moving and not self.strange(label)
            return Statement(line, "adjoint" if there else "else", sides)
        found = re.search(rf"{v}\s*{PLACE}", label)
        if found or (ask == "terminal" and re.fullmatch(v, label)):
            return Statement(line, "terminal", sides, next((p for p in found.groups() if p), "") if found else "")
        return Statement(line, "else", sides)

    def strange(self, label: str) -> bool:
        """Has a left side no name that is known?"""
        return not any(re.search(spelled(name), label) for name in self.known)

    def define(self, said: Sequence[Statement]) -> None:
        """Names that the answer defines itself, `r = x - y`."""
        own = (s.sides for s in said if s.about == "else" and len(s.sides) == 2)
        self.definitions = [t for t in own if re.fullmatch(r"[^\W\d]\w*", t[0]) and self.strange(t[0])]

    def program(self, text: str) -> str:
        """The text behind the definitions that it uses."""
        for name, meaning in reversed(self.definitions):
            if re.search(spelled(name), text):
                text = f"{name} = {meaning}; {text}"
        return text

    def moved(self, side: str) -> str:
        """The side of an adjoint equation with one name for v', or for v[k]; unchanged where it has neither."""
        v, t, name = spelled(self.v.name), re.escape(self.time), self.now.name
        if isinstance(self.d, Recurrence):
            return re.sub(rf"{v}\s*{placed(t)}", name, side)
        of_t = rf"(?:\s*\({t}\))?"
        for pattern in (
            rf"\\dot\s*(?:\{{\s*{v}\s*\}}|{v}){of_t}",
            rf"\\[dt]?frac\s*\{{\s*{D}\s*{v}\s*\}}\s*\{{\s*{D}\s*{t}\s*\}}",
            rf"\\[dt]?frac\s*\{{\s*{D}\s*\}}\s*\{{\s*{D}\s*{t}\s*\}}\s*{v}{of_t}",
            rf"(?<!\w)d{spelled(self.v.name, '')}{of_t}\s*/\s*d{t}(?!\w)",
            rf"{v}(?:'|\^\s*\{{?\s*\\prime\s*\}}?){of_t}(?=\s*(?:$|[-+−]))",
        ):
            side = re.sub(pattern, name, side)
        return side

    # sides as expressions

    def node(self, text: str, known: Mapping[str, Symbol] | None = None) -> Node:
        """An expression of the names that are known.  Raises MatdiffError."""
        return reading(self.program(text), self.known if known is None else known)

    def members(self, text: str, letter: str = "") -> str:
        """u for u[k] and v for v[k+1]; in a differential equation u and v for u(t) and v(t)."""
        k = re.escape(letter or self.time)
        for s in (self.u, *getattr(self.d, "sequences", ())):
            text = at(text, s.name, k)
        return at(text, self.v.name, rf"{k}\s*\+\s*1" if isinstance(self.d, Recurrence) else k)

    @property
    def ends(self) -> str:
        """The end of the time, as it may be written."""
        return rf"(?:{re.escape(self.until)}|{'N' if isinstance(self.d, Recurrence) else 'T'})"

    def equations(self, s: Statement) -> list[tuple[Node, Node]]:
        """The two sides of an equation about the adjoint variable; `now` stands for what it determines."""
        if s.about == "terminal":
            if s.end and not re.fullmatch(self.ends, s.end):
                at_end = f"{self.v.name}{'[N]' if isinstance(self.d, Recurrence) else '(T)'}"
                raise MisplacedError(f"what is known is the value at the end, {at_end}, not that at {s.end}")
            sides = [at(at(side, self.u.name, self.ends), self.v.name, self.ends) for side in s.sides]
            known = {**self.known, self.v.name: self.now}
            label, sides = (sides[0], sides) if re.search(spelled(self.v.name), sides[0]) else ("", sides[-1:])
        else:
            sides = [self.members(self.moved(side)) for side in s.sides] if self.evolving else list(s.sides)
            known = {**self.known, self.now.name: self.now}
            label = sides[0] if re.search(spelled(self.now.name), " ".join(sides)) else ""
            sides = sides if label else sides[-1:]
        if len(s.sides) == 1 and (label or not self.evolving):
            raise ParseError("an equation is asked for", hint=f"{self.v.name}' = …" if self.evolving else "A'*v = c")
        if not label:
            if not self.evolving:
                raise ParseError(f"{self.v.name} is not in it")
            right = fitted(self.node(sides[0], known), self.v)
            return [(self.now, right)]
        first = self.node(sides[0], known)
        return [alike(first, self.node(side, known)) for side in sides[1:]]

    @property
    def index(self) -> str:
        """The letter of a recurrence."""
        return self.time if isinstance(self.d, Recurrence) else ""

    @property
    def adjoints(self) -> tuple[Symbol, ...]:
        """The adjoint variable, and its values at certain times."""
        return (self.v, self.now, self.start) if self.evolving else (self.v,)

    @property
    def moving(self) -> tuple[Symbol, ...]:
        """What is another one at another time."""
        return (self.u, self.v, self.known[self.time], *getattr(self.d, "sequences", ()))

    def integral(self, text: str) -> tuple[Node | None, Node]:
        """What is integrated or summed over the whole time, None where nothing is, and what is added."""
        (p,) = self.d.evolution.wrt
        if p in getattr(self.d, "sequences", ()):
            return self.node(self.members(text)), zeros_like(p)
        inside: Node | None = None
        while INTEGRAL.search(text):
            part = taken_apart(text)
            sign, letter = total(part, self)
            term = scale(number(sign), self.node(self.members(part.inside, letter)))
            inside, text = term if inside is None else add(inside, term), part.rest
        text = at(at(text, self.v.name, "0", self.start.name), self.u.name, self.ends, self.end.name)
        outside = self.node(text, {**self.known, **{s.name: s for s in (self.start, self.end)}})
        for s, place in ((self.u, self.until), (self.v, "0")):
            if s in symbols(outside) and inside is None:
                raise MisplacedError(NOTHING[bool(self.index)])
            if s in symbols(outside):
                raise ParseError(
                    f"{s.name} stands outside of the integral or sum without its time", hint=f"{s.name}({place})"
                )
        return inside, outside

    def renamed(self, text: str) -> str:
        """The text with the adjoint variable by its name here, where an equation in it determines another one."""
        if re.search(spelled(self.v.name), text):
            return text
        free = [rf"(?<![\w\\])(d?){re.escape(w)}(?![^\W_])" for w in OWN if w.lstrip("\\") not in self.known]
        others = [w for w in free if re.search(w, text)]
        if len(others) != 1:
            return text
        own = re.sub(others[0], rf"\1{self.v.name}", text)
        return own if any(s.about == "adjoint" for s in self.statements(own, "gradient")) else text


def beside(s: Symbol, name: str) -> Symbol:
    return symbol(f"{s.name}_{name}", s.kind, s.rows, s.cols)


def at_end(e: Any) -> Symbol:
    """u(T), which is another one than the u under the integral."""
    return beside(e.state, "at_the_end")


def at_start(e: Any) -> Symbol:
    """v(0)."""
    return beside(e.multiplier, "at_the_start")


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text and their lines: cut at semicolons and commas, without the words that lead to them."""
    for at_line, line in enumerate(text.splitlines(), 1):
        for part in cut(line, ";"):
            for piece in cut(part, ","):
                for said in WHERE.split(piece):
                    if said := LEADING.sub("", said).strip(" .:"):
                        yield at_line, said


class MisplacedError(MatdiffError):
    """A value of the adjoint variable at another place than the one where it is known."""


NOWHERE = "no point was found at which both are defined"


NOTHING = ("nothing in it is integrated over the time", "nothing in it is summed over the steps")


class UndecidedError(MatdiffError):
    """What is stated could not be held against the truth."""


BEFORE = r"(?<![A-Za-z_Ͱ-Ͽ\\])"
"""A mark such as ᵀ or ⁻¹ may stand before a name."""
PLACE = r"(?:\(\s*([^()]+?)\s*\)|\[\s*([^\[\]]+?)\s*\]|_\{\s*([^{}]+?)\s*\}|_(\w))"
D = r"(?:d|\\mathrm\s*\{?\s*d\s*\}?)\s*"


def spelled(name: str, before: str = BEFORE) -> str:
    """A name as it may be typed, with an index behind it or not."""
    if name.isascii() or len(name) > 1:
        return rf"{before}{re.escape(name)}(?!\w(?<!_))"
    return rf"(?:{before}{re.escape(name)}|{before}\\?{unicodedata.name(name).split()[-1].lower()})(?![A-Za-z])"


def placed(place: str) -> str:
    return rf"(?:\(\s*{place}\s*\)|\[\s*{place}\s*\]|_\{{\s*{place}\s*\}}|_{place}(?!\w))"


def at(text: str, name: str, place: str, to: str = "") -> str:
    """u, or `to`, for u(T), u[N], u_N."""
    return re.sub(rf"{BEFORE}{re.escape(name)}\s*{placed(place)}", to or name, text)


def minus(a: Node, b: Node) -> Node:
    return add(a, scale(MINUS, b))


def alike(a: Node, b: Node) -> tuple[Node, Node]:
    """Two sides, of which a 0 has the shape of the other."""
    return fitted(a, b), fitted(b, a)


def fitted(node: Node, like: Node) -> Node:
    """A 0 of any shape."""
    zero = node.kind == "scalar" and node is number(0)
    return zeros_like(like) if zero else node


def reading(text: str, known: Mapping[str, Symbol]) -> Node:
    node = inline(fitting(text.strip(), known))
    if strange := next((s for s in symbols(node) if s not in known.values()), None):
        raise ParseError(f"{strange.name} is not known here", hint=f"known are {', '.join(known)}")
    return node


def fitting(text: str, known: Mapping[str, Symbol]) -> Node:
    """The function read, entry by entry where its shapes do not fit."""
    for _ in range(MENDS):
        try:
            return read(text, None, "auto", dict(known)).function
        except ShapeError as error:
            matrices = {name for name, s in known.items() if s.kind == "matrix"}
            again = mended(error, matrices) if error.text == text else ""
            if not again:
                raise
            text = again
    return read(text, None, "auto", dict(known)).function


# integrals and sums

INTEGRAL = re.compile(r"(?<!\w)(?:int|sum)\s*\(")
LIMIT = r"(\{[^{}]*\}|\w|\\infty)"
INTEGRAL_SIGN = re.compile(rf"(?:\\int(?![A-Za-z])|∫)(?:\\limits)?\s*(?:_\s*{LIMIT}|([₀]))?\s*(?:\^\s*{LIMIT}|([ᵀ¹]))?")
MEASURE = re.compile(r"(?:\\[,;:! ]|\s)*(?:\\mathrm\s*\{\s*d\s*\}\s*|(?<![A-Za-z\\])d\s?)t(?![A-Za-z])")
SUM_SIGN = re.compile(
    r"(?:\\sum(?![A-Za-z])|∑)(?:\\limits)?\s*_\s*\{\s*(\w)\s*=\s*(\w+)\s*\}\s*\^\s*(\{[^{}]*\}|\([^()]*\)|\w)"
)


def called(line: str, until: str) -> str:
    r"""Integrals and sums written by their signs as int(…, t, 0, T) and sum(…, k=0..N-1); without limits over all.

    >>> called(r"-\int_0^T v u^\top\,dt - 2", "T"), called(r"-\sum_{k=0}^{N-1} v_{k+1}", "N")
    ('-int(v u^\\top, t, 0, T) - 2', '-sum(v_{k+1}, k=0..N-1)')
    """
    while (found := INTEGRAL_SIGN.search(line)) and (end := MEASURE.search(line, found.end())):
        inside = line[found.end() : end.start()].strip()
        low, raised = found[1] or found[2] or "0", found[3] or found[4] or until
        low, raised = (s.strip("{} ").translate(str.maketrans("₀ᵀ¹", "0T1")) for s in (low, raised))
        line = f"{line[: found.start()]}int({inside}, t, {low}, {raised}){line[end.end() :]}"
    while found := SUM_SIGN.search(line):
        end_at, depth = len(line), 0
        for i in range(found.end(), len(line)):
            depth += (line[i] in "([{") - (line[i] in ")]}")
            if depth < 0 or (not depth and line[i] in "+-−" and line[found.end() : i].strip()):
                end_at = i
                break
        inside, top = line[found.end() : end_at].strip(), found[3].strip("{}() ")
        line = f"{line[: found.start()]}sum({inside}, {found[1]}={found[2]}..{top}){line[end_at:]}"
    return line


@dataclass(frozen=True)
class Total:
    """∫ `inside` dt + `rest`, or a sum; `limits` as typed, none where nothing is integrated."""

    inside: str
    rest: str
    limits: tuple[str, ...] = ()


def taken_apart(text: str) -> Total:
    """The integrand (or summand) of int(…, t, 0, T), its limits, and the text with 0 in its place."""
    found = INTEGRAL.search(text)
    if found is None:
        return Total("0", text)
    end = closing(text, found.end())
    end = len(text) if end is None else end
    inside, *limits = cut(text[found.end() : end], ",")
    before, behind = factors(text[: found.start()]), text[end + 1 :]
    if before[1] or re.match(r"\s*[*/]", behind):
        after = re.match(r"(?:\s*[*/]\s*(?:\([^()]*\)|[\w.']+))*", behind)
        tail = after[0] if after else ""
        inside, behind = f"{before[1]}({inside}){tail}", behind[len(tail) :]
    rest = f"{before[0]}0{behind}".strip()
    return Total(inside, re.sub(r"^0\s*\+?\s*(?=[^\s])", "", rest) or "0", tuple(s.strip() for s in limits))


def factors(before: str) -> tuple[str, str]:
    """What stands before an integral: the other terms, and the sign and the factors that belong to it.

    >>> factors("k*v(0) - 2*"), factors("-"), factors("a + ")
    (('k*v(0) +', '-2*'), ('', '-'), ('a + ', ''))
    """
    depth = 0
    for i in range(len(before) - 1, -1, -1):
        depth += (before[i] in ")]}") - (before[i] in "([{")
        if not depth and before[i] in "+-−":
            sign, own = ("" if before[i] == "+" else "-"), before[i + 1 :].strip()
            others = before[:i].rstrip()
            return (before, "") if not sign and not own else (f"{others} +" if others else "", sign + own)
    return "", before.strip()


# comparing


def agree(a: Node, b: Node) -> bool:
    """Are two expressions equal at random points, all of their names independent of each other?"""
    if (a.kind, a.rows, a.cols) != (b.kind, b.rows, b.cols):
        return False
    known = tuple(dict.fromkeys(symbols(a, b)))
    sized = {d for s in known for d in (s.rows, s.cols)}
    if not {b.rows, b.cols} <= {*sized, number(1).rows}:
        known = (*known, symbol("like_it", b.kind, b.rows, b.cols))
    count = 0
    for arrays in drawn(minus(a, b), known, None):
        try:
            x, y = (np.asarray(evaluate(n, known, arrays)) for n in (a, b))
        except MatdiffError:
            continue
        if not np.linalg.norm(x - y) <= CLOSE * (1 + np.linalg.norm(y)):
            return False
        count += 1
        if count == POINTS:
            return True
    if not count:
        raise UndecidedError(NOWHERE)
    return True


def drawn(root: Node, known: Sequence[Symbol], d: Any) -> Iterator[dict[str, Any]]:
    """Random arrays by name; those of an equation solve it, where a solution is found."""
    for seed, way in zip(range(TRIES), ways(root, known, {}), strict=False):
        rng = np.random.default_rng(seed)
        arrays = {v.name: x for v, x in point(known, way, rng).items()}
        if isinstance(d, Implicit):
            with suppress(MatdiffError):
                solved, start = settled(d, {v.name: arrays[v.name] for v in d.variables}, way, rng)
                arrays |= {**solved, **start}
        yield arrays


def determine(claim: Node, truth: Node, x: Symbol, d: Any = None) -> bool:
    """Do two residuals, affine in x, determine the same x?  The truth is one that determines it."""
    more = (*d.variables, *d.unknowns) if isinstance(d, Implicit) else ()
    known = tuple(dict.fromkeys((x, *more, *symbols(truth, claim))))
    count = 0
    for arrays in drawn(truth, known, d):
        try:
            (M, r), (N, s) = (affine(n, x, known, arrays) for n in (truth, claim))
        except MatdiffError:
            continue
        z = np.linalg.lstsq(M, -r, rcond=None)[0]
        size = np.linalg.norm(N)
        if not np.linalg.norm(N @ z + s) <= CLOSE * (1 + size * np.linalg.norm(z) + np.linalg.norm(s)):
            return False
        if np.linalg.matrix_rank(N, CLOSE * size) < len(z):
            return False
        count += 1
        if count == POINTS:
            return True
    if not count:
        raise UndecidedError(NOWHERE)
    return True


def affine(node: Node, x: Symbol, known: Sequence[Symbol], arrays: Mapping[str, Any]) -> tuple[Any, Any]:
    """M and r with vec(node) = M vec(x) + r at the other arrays.  Raises MatdiffError where it is not of this form."""
    like = np.asarray(arrays[x.name], float)

    def value(entries: Any) -> Any:
        return np.ravel(evaluate(node, known, {**arrays, x.name: np.reshape(entries, like.shape)}))

    r = value(np.zeros(like.size))
    M = np.stack([value(column) - r for column in np.eye(like.size)], axis=1)
    there = value(like)
    if not np.linalg.norm(M @ np.ravel(like) + r - there) <= CLOSE * (1 + np.linalg.norm(there)):
        raise ParseError(f"the equation is not affine in {x.name}")
    return M, r


def total(said: Total, reader: Reader) -> tuple[int, str]:
    """The sign of an integral or sum by its limits, the letter of its index; raises MisplacedError for other limits."""
    until, k = reader.until, reader.time
    if isinstance(reader.d, Recurrence):
        found = re.fullmatch(r"(\w)\s*=\s*(\w+)\s*\.\.\.?\s*(.+)", " ".join(said.limits))
        last = str(int(until) - 1) if until.isdigit() else f"{until}-1"
        if found is None or found[2] != "0" or re.sub(r"[\s()]", "", found[3]).replace("−", "-") not in {last, "N-1"}:
            raise MisplacedError(f"the sum is over {k} from 0 to {last}")
        return 1, found[1]
    if len(said.limits) != 3 or said.limits[0] != k:
        raise MisplacedError(f"the integral is over {k} from 0 to {until}")
    ends = [re.sub(r"\s", "", s) for s in said.limits[1:]]
    for sign, (low, high) in ((1, ends), (-1, ends[::-1])):
        if low == "0" and high in {until, "T"}:
            return sign, k
    raise MisplacedError(f"the integral is over {k} from 0 to {until}")


__all__ = [
    "NOTHING",
    "NOWHERE",
    "MisplacedError",
    "Reader",
    "Statement",
    "Total",
    "UndecidedError",
    "agree",
    "at_end",
    "at_start",
    "beside",
    "called",
    "determine",
    "fitted",
    "minus",
    "taken_apart",
    "total",
]  # fmt: skip
