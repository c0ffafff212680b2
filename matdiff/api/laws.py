"""Random variables in text: `z ~ normal(0, I)` among the declarations, and E[…], the expectation, in expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

from matdiff.api.reading import texts
from matdiff.core.node import Node, Number, Symbol, describe, topological
from matdiff.core.op import words
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.graph.rewrite import inline
from matdiff.inference import Typed, infer
from matdiff.inference.names import default_kind, is_greek
from matdiff.ops.constants import eye, zeros_like
from matdiff.ops.random import (
    MATRIX_NORMAL,
    MULTINORMAL,
    NORMAL,
    SPOKEN,
    SPOKEN_SO,
    UNIFORM,
    Law,
    Random,
    laws,
    parted,
    spread,
)
from matdiff.text.laws import EXAMPLE, closing, read_laws, tilde
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.statements import split, without_comments
from matdiff.text.tree import Declaration, Definition, Span, Stated, Tree, walk

IN_A_SET = {"weights": ("vector", "positive"), "chances": ("simplex",)}
"""Parameters that are vectors in a set, and how that is declared."""
ATTEMPTS = 60
"""Most readings of undeclared names that are tried."""

_opens = re.compile(
    r"(?:(?P<bold>𝔼|\\(?:mathbb|mathrm|operatorname|mathsf)\s*(?:\{\s*E\s*\}|E(?![A-Za-z])))|(?<![\w\\.])E)"
    r"(?P<below>\s*_(?:\{(?P<braced>(?:[^{}]|\{[^{}]*\})*)\}|\w))?"
    r"\s*(?:\\left|\\[bB]igg?l?)?\s*(?P<open>[\[(]|\\\{|\\lbrack(?![A-Za-z]))"
)
_moments = re.compile(
    r"(?:\\(?:operatorname|mathrm|text|mathsf|mathbb)\s*\{\s*(?P<a>Var|Cov|var|cov|V)\s*\}|\\?(?<![\w.])(?P<b>Var|Cov|var|cov)|𝕍)"
    r"\s*(?:\\left|\\[bB]igg?l?)?\s*[\[(]"
)
_distribution = re.compile(r"(?:\\Phi(?![A-Za-z])|(?<![\w\\])Phi(?!\w)|Φ)(?=\s*(?:\\left\s*|\\[bB]igg?l?\s*)?\()")
PHI = "Φ(…) is read as the distribution function of the standard normal law; a matrix Φ is declared, Phi: m×n"
_words = re.compile(r"\\?[^\W\d_]\w*")
_hidden = re.compile(r"law \d+ \d+(?: \d+)?")
_zero = re.compile(r"(?:\\(?:mathbf|boldsymbol|bm|vec)\s*\{?\s*)?0\s*\}?(?:_\{?\w+\}?)?")
_one = re.compile(r"(?:\\(?:mathbf|boldsymbol|bm|mathrm)\s*\{?\s*)?(?:I|𝐈|\\mathbb\{1\})\s*\}?(?:_(?:\{\w+\}|\w))?")


def random_here(text: str, declare: Any, known: Mapping[str, Symbol]) -> bool:
    """Whether something is declared random, or a mean is taken.  Raises ParseError for a law that cannot be read."""
    source = without_comments(text)
    declared: list[Declaration] = []
    for given in texts(declare):
        kept, said = without_laws(given)
        if said:
            return True
        declared += parse_declarations(kept) if kept.strip(" ;\n") else []
    body, said = without_laws(source)
    if said or own_E(body, declared, known):
        return bool(said)
    turned, said, _ = with_expectations(body, text)
    return bool(said) or turned != body


def own_E(body: str, declared: Sequence[Declaration], known: Mapping[str, Symbol]) -> bool:
    """Whether E is declared or defined, so that E[…] is an entry of it."""
    named = re.search(r"(?<!\w)E\s*(?::(?!=)|:?=|∈|\\in(?![A-Za-z]))", body) is not None
    return named or "E" in known or any(d.name == "E" for d in declared)


def own_Phi(body: str, declared: Sequence[Declaration], known: Mapping[str, Symbol]) -> bool:
    """Whether Φ is declared or defined, so that it is a matrix."""
    named = re.search(r"(?:\\Phi(?![A-Za-z])|(?<!\w)Phi|Φ)\s*(?::(?!=)|:?=|∈|\\in(?![A-Za-z]))", body) is not None
    return named or not {"Phi", "Φ"}.isdisjoint((*known, *(d.name for d in declared)))


@dataclass(frozen=True, slots=True)
class Said:
    """One law as it is typed: names, the law, its arguments with their places in `text`."""

    names: tuple[tuple[str, Span], ...]
    law: Law
    arguments: tuple[tuple[str, int], ...]
    text: str
    span: Span
    declared: tuple[Declaration, ...] = ()


@dataclass(frozen=True, slots=True)
class Over:
    """The E of E_x[…] that stands at a place, the names below it, and the place of the whole."""

    at: int
    names: frozenset[str]
    span: Span


@dataclass(frozen=True)
class Understood:
    """A text with its random variables: the typed program, the laws by variable, notes."""

    typed: Typed
    laws: tuple[Random, ...]
    notes: tuple[str, ...]
    text: str


@contextmanager
def spoken() -> Iterator[None]:
    """While E[…], Var[…] and Cov[…] are read, they are calls of functions."""
    words.update(SPOKEN_SO)
    try:
        yield
    finally:
        for letter in SPOKEN_SO:
            words.pop(letter, None)


def understand(text: str, declare: Any, dialect: str, names: Sequence[str], known: Mapping[str, Symbol]) -> Understood:
    """The typed program of a text whose variables may be random.  Raises MatdiffError with a caret."""
    if not isinstance(text, str):
        raise ParseError(f"a text is wanted, not {type(text).__name__}", hint=EXAMPLE)
    source = without_comments(text)
    said: list[Said] = []
    declared: list[Declaration] = []
    for given in texts(declare):
        kept, found = without_laws(given)
        said += found
        declared += parse_declarations(kept) if kept.strip(" ;\n") else []
    body, found = without_laws(source)
    inner: list[Said] = []
    over: list[Over] = []
    if not own_E(body, declared, known):
        body, inner, over = with_expectations(body, text)
    said += [*found, *inner]
    if said:
        taken = {d.name for d in declared} | {*known}
        body = _moments.sub(lambda m: m[0] if (m["a"] or m["b"]) in taken else _spoken_moment(m), body)
        body = _closed_as_opened(body)
    distribution = not own_Phi(body, declared, known) and any("normal" in s.law.name for s in said)
    if distribution:
        body, times = _distribution.subn(lambda m: " " * (len(m[0]) - 1) + "Ϗ", body)
        distribution = times > 0
    try:
        with spoken():
            found_ = Reader(text, body, said, declared, dialect, known, over).understood(names)
            return replace(found_, notes=(*found_.notes, PHI)) if distribution else found_
    except MatdiffError as error:
        raise restored(error, text) from None


def _spoken_moment(m: re.Match[str]) -> str:
    """Var[ and Cov( as the call of a function, of the same length."""
    letter = "Ͷ" if (m["a"] or m["b"] or "").lower() == "cov" else "Ͳ"
    return " " * (len(m[0]) - 2) + letter + "("


def _closed_as_opened(body: str) -> str:
    """The brackets that close what `_spoken_moment` opened."""
    for letter in "ͲͶ":
        at = -1
        while (at := body.find(letter + "(", at + 1)) >= 0:
            close = closing(body, at + 2)
            if close is not None:
                tail = re.search(r"(?:\\right|\\[bB]igg?r?)?\s*\Z", body[:close])
                cut = tail.start() if tail and tail[0].strip() else close
                body = body[:cut] + " " * (close - cut) + ")" + body[close + 1 :]
    return body


def restored(error: MatdiffError, text: str) -> MatdiffError:
    """The error with E[…] as it was typed."""
    if error.text is not None and not SPOKEN_SO.keys().isdisjoint(error.text):
        error.text = text + error.text[len(text) :]
    names = str.maketrans({SPOKEN: "E", "Ͳ": "Var", "Ͷ": "Cov", "Ϗ": "Phi"})
    error.message = _hidden.sub("a parameter", error.message.translate(names))
    error.hint = "" if _hidden.search(error.hint) else error.hint.translate(names)
    error.args = (error.message,)
    return error


def without_laws(text: str) -> tuple[str, list[Said]]:
    """The text with blanks for the laws that it states."""
    if not isinstance(text, str):
        raise ParseError(f"a text is wanted, not {type(text).__name__}")
    if not tilde.search(text):
        return text, []
    said: list[Said] = []
    kept = text
    depthless = _without_expectations(text)
    for s in split(depthless, "latex" if "\\" in text else "plain"):
        if not tilde.search(depthless, s.start, s.end) or _blank(depthless[s.start : s.end]):
            continue
        said += [_known(text, law, s.span) for law in read_laws(text, s.start, s.end, depthless)]
        end = s.end + (text[s.end : s.end + 1] == ";")
        kept = kept[: s.start] + " " * (end - s.start) + kept[end:]
    return kept, said


def _blank(statement: str) -> bool:
    r"""Whether the ~ of a statement are the blanks of LaTeX, as in A~x."""
    if "\\" not in statement or re.search(r"\\sim(?![A-Za-z])|∼", statement):
        return False
    m = re.fullmatch(r"[\w\\{}\s,^]+?~\s*(?:\\[a-z]+\s*\{?)?([A-Za-z]+)\}?\s*(?:\\left\s*)?\(.*", statement, re.DOTALL)
    return m is None or m[1].lower() not in laws


def _without_expectations(text: str) -> str:
    r"""Blanks for the laws below an \mathbb{E}_{z \sim …}, which are no statements."""
    for m in _opens.finditer(text):
        if m["below"]:
            a, b = m.span("below")
            text = text[:a] + " " * (b - a) + text[b:]
    return text


def _known(text: str, stated: Stated, span: Span) -> Said:
    """A law that there is, with as many parameters as it takes."""
    given = stated.distribution
    inverse = any(w.value == "INVERSE" for w in given.words)
    word = "".join(str(w.value) for w in given.words if w.value != "INVERSE").lower()
    word = "inv" * inverse + {"w": "wishart"}.get(word, word)
    law = laws.get("sphere" if given.sphere and word in ("uniform", "unif", "u") else word)
    if law is None:
        from difflib import get_close_matches

        place = (given.words[0].span[0], given.words[-1].span[1])
        near = get_close_matches(word, laws, 1, 0.7)
        hint = f"did you mean {near[0]}? " if near else ""
        hint += f"the laws are {', '.join(dict.fromkeys(found.name.replace(' ', '') for found in laws.values()))}"
        raise ParseError(f"there is no law {text[slice(*place)].strip()}", text=text, span=place, hint=hint)
    if law is NORMAL and len(given.parameters) == 3:
        law = MATRIX_NORMAL
    count = len(given.parameters) or int(given.sphere and bool(law.takes))
    if count != len(law.takes):
        message = f"{law.name} takes {len(law.takes)} parameters, not {count}"
        raise ParseError(message, text=text, span=stated.span, hint=law.says)
    for p in given.parameters:
        if "=" in str(p.value):
            message = "parameters are given in order, without names"
            raise ParseError(message, text=text, span=p.span, hint=law.says)
    arguments = tuple((str(p.value), p.span[0]) for p in given.parameters)
    return Said(tuple(stated.names), law, arguments, text, span, tuple(stated.declared))


def with_expectations(body: str, text: str) -> tuple[str, list[Said], list[Over]]:
    """E[…] as a call, of the same length; what stands below an E may state a law, and says what the mean is over."""
    said: list[Said] = []
    over: list[Over] = []
    at = 0
    while (m := _opens.search(body, at)) is not None:
        at = m.end()
        start = m.start("open")
        if not m["bold"] and m["open"] != "[":
            continue
        close = closing(body, m.end("open"))
        if close is None:
            raise ParseError("this bracket is not closed", text=text, span=m.span("open"), hint="Close it with ].")
        inside = body[m.end("open") : close]
        if not m["bold"] and (not inside.strip() or re.fullmatch(r"[\s\d:,]*|[^()\[\]]*[:,][^()\[\]]*", inside)):
            continue
        below = m["braced"]
        if below and tilde.search(below):
            said += without_laws(" " * m.start("braced") + below)[1]
        last = m.end("open") - 1
        if m["below"]:
            named = re.sub(r"_\{(\w+)\}", r"_\1", m["below"][1:])
            spelled = _words.findall(named.partition("|")[0].partition(r"\mid")[0])
            over.append(Over(last - 1, frozenset(w.lstrip("\\") for w in spelled), (m.start(), close + 1)))
        end = close + 1
        tail = re.search(r"(?:\\right|\\[bB]igg?r?)?\s*\\?\Z", body[:close])
        cut = tail.start() if tail and tail[0].strip() else close
        opened = " " * (last - m.start() - 1) + SPOKEN + "("
        body = body[: m.start()] + opened + body[m.end("open") : cut] + " " * (close - cut) + ")" + body[end:]
        assert start <= last
    return body, said, over


class Reader:
    """One text with its laws."""

    def __init__(
        self,
        text: str,
        body: str,
        said: Sequence[Said],
        declared: Sequence[Declaration],
        dialect: str,
        known: Mapping[str, Symbol],
        over: Sequence[Over] = (),
    ) -> None:
        self.text, self.known = text, dict(known)
        self.said = list(said)
        self.declared = list(declared)
        for s in said:
            self.declared += s.declared
        named = [Declaration(name, (), ("scalar",)) for s in said for name, _ in s.names]
        whole = body
        places: list[int] = []
        for s in said:
            inside = s.text[: len(text)].strip() == text.strip() or s.text is text
            places.append(0 if inside else len(whole) + 3)
            whole = whole if inside else f"{whole}   {s.text}"
        self.whole = text + whole[len(body) :]
        self.program = parse_program(body, dialect, [*self.declared, *named])
        self.program.text = self.whole
        self.arguments: list[list[Tree | str]] = []
        for s, place in zip(self.said, places, strict=True):
            self.arguments.append([self.argument(t, i + place) for t, i in s.arguments])
        self.stated = {d.name: d for d in [*self.program.declarations, *self.declared]}
        self.check()
        if over:
            self.partial({o.at: o for o in over})

    def partial(self, over: Mapping[int, Over]) -> None:
        """Refuses E_x[x*y] where y is random as well: it is no number, and the mean over both is another thing."""
        random = {name for s in self.said for name, _ in s.names}
        holds = {name: {name} for name in random}
        for d in self.program.definitions:
            holds[d.name] = self.held(d.body, holds)
        for t in self.program.nodes():
            found = over.get(t.span[0]) if t.head == "call" and t.value == SPOKEN else None
            if found is None or not (meant := found.names & random):
                continue
            if others := set().union(*(self.held(a, holds) for a in t.args)) - meant:
                x, y = ", ".join(sorted(meant)), ", ".join(sorted(others))
                message = f"this is the mean over {x} alone, and {y} in it is random as well"
                hint = f"the mean over all is E[…]; what is held fast has no law: declare {y} as a variable"
                raise ParseError(message, text=self.whole, span=found.span, hint=hint)

    @staticmethod
    def held(tree: Tree, holds: Mapping[str, set[str]]) -> set[str]:
        """What is random in an expression, apart from what stands in an E[…] of its own."""
        found: set[str] = set()
        todo = [tree]
        while todo:
            t = todo.pop()
            if t.head in ("name", "call"):
                found |= holds.get(str(t.value), set())
            if t.head != "call" or t.value != SPOKEN:
                todo += t.args
        return found

    def check(self) -> None:
        seen: set[str] = set()
        defined = {d.name for d in self.program.definitions}
        for s in self.said:
            for name, span in s.names:
                if name in seen or name in defined:
                    why = "has two laws" if name in seen else "is defined, so it has the law that follows from that"
                    raise ParseError(f"{name} {why}", text=s.text, span=span, hint="keep one of the two")
                seen.add(name)

    def argument(self, text: str, at: int) -> Tree | str:
        """The tree of a parameter; `0` and `I` take the shape of the variable."""
        bare = text.strip()
        if _zero.fullmatch(bare):
            return "0"
        if _one.fullmatch(bare) and "I" not in {d.name for d in self.declared}:
            return "I"
        padded = " " * at + text
        dialect = "latex" if "\\" in text else "plain"
        random = [Declaration(name, (), ("scalar",)) for s in self.said for name, _ in s.names]
        found = parse_program(padded, dialect, [*self.declared, *random, *self.program.declarations]).function
        if found is None:
            raise ParseError("a parameter is an expression", text=self.whole, span=(at, at + len(text)))
        return found

    def understood(self, names: Sequence[str]) -> Understood:
        """The first reading of undeclared names that makes sense."""
        choices: list[list[tuple[Law, str]]] = []
        variables: list[tuple[str, int]] = []
        for k, s in enumerate(self.said):
            for name, _ in s.names:
                variables.append((name, k))
                choices.append(self.modes(name, k))
        first: MatdiffError | None = None
        for chosen in islice(product(*choices), ATTEMPTS):
            try:
                return self.read(variables, chosen, names)
            except MatdiffError as error:
                first = first or error
        assert first is not None
        raise first

    def modes(self, name: str, k: int) -> list[tuple[Law, str]]:
        """How a variable may be meant: its law, and `scalar`, `entries` (one parameter for all) or `each`."""
        s = self.said[k]
        law, stated = s.law, self.stated.get(name)
        if law is NORMAL and (
            self.matrixlike(self.arguments[k][1]) or self.vectorlike(name, stated, self.arguments[k])
        ):
            law = MULTINORMAL
        if law.shape != "entries":
            return [(law, "whole")]
        if name in self.known:
            return [(law, "scalar" if self.known[name].kind == "scalar" else m) for m in each(law)]
        if stated is not None and (stated.dims or set(stated.words) & {"vector", "matrix"}):
            return [(law, m) for m in each(law)]
        if stated is not None:
            return [(law, "scalar")]
        array = [(law, m) for m in each(law)]
        return [*array, (law, "scalar")] if self.spread(name) else [(law, "scalar"), *array]

    def vectorlike(self, name: str, stated: Declaration | None, arguments: Sequence[Tree | str]) -> bool:
        """Whether normal(m, v) is meant of a vector: where m is one, and v an expression of matrices."""
        return (
            stated is not None
            and len(stated.dims) == 1
            and not isinstance(arguments[1], str)
            and any(
                t.head == "name" and len(self.stated[str(t.value)].dims) == 2
                for t in walk(arguments[1])
                if t.head == "name" and t.value in self.stated
            )
        )

    def matrixlike(self, tree: Tree | str) -> bool:
        """Whether a parameter looks like a matrix."""
        if isinstance(tree, str):
            return tree == "I"
        for t in walk(tree):
            name = str(t.value) if t.head == "name" else ""
            if t.head == "call" and t.value in ("Diag", "inv", "eye", "kron", "diag"):
                return True
            if not name:
                continue
            said, s = self.stated.get(name), self.known.get(name)
            if name == "I" or (s is not None and s.kind == "matrix"):
                return True
            if said is not None:
                if len(said.dims) == 2 or set(said.words) - {"scalar", "vector", "positive", "simplex", "unit"}:
                    return True
            elif s is None and (default_kind(name) == "matrix" or (is_greek(name) and name[0].isupper())):
                return True
        return False

    def known_scalar(self, tree: Tree) -> bool:
        """Whether a capital is a random number."""
        return tree.head == "name" and any(
            name == tree.value and s.law.shape == "entries" and name not in self.stated
            for s in self.said
            for name, _ in s.names
        )

    def spread(self, name: str) -> bool:
        """Whether a name stands where arrays do: transposed, in ⊙, ⟨,⟩ or a function of arrays, or with an index."""
        trees = [d.body for d in self.program.definitions]
        trees += [self.program.function] if self.program.function is not None else []
        arrays = {"sum", "norm", "mean", "diag", "Diag", "tr", "det", "prod", "norm1", "vec", "max", "min", "logdet"}
        for t in (t for tree in trees for t in walk(tree)):
            inside = any(a.head == "name" and a.value == name for a in t.args)
            if inside and t.head == "*" and default_kind(name) == "vector":
                others = [a for a in t.args if not (a.head == "name" and a.value == name)]
                if any(a.head in ("name", "'") and self.matrixlike(a) and not self.known_scalar(a) for a in others):
                    return True
            called = t.head == "call" and t.value in arrays and len(t.args) == 1
            if inside and (called or t.head in ("'", ".*", "inner", "index", ".^")):
                return True
        return False

    def read(
        self, variables: Sequence[tuple[str, int]], chosen: Sequence[tuple[Law, str]], names: Sequence[str]
    ) -> Understood:
        declared = list(self.declared)
        extra: dict[str, Declaration] = {}
        hidden: list[Definition] = []
        sizes = {w for d in self.stated.values() for n in d.dims for w in re.findall(r"[^\W\d]\w*", n)}
        random = {name for name, _ in variables}

        def say(name: str, *more: str) -> None:
            if name in self.stated:
                d = self.stated[name]
                if "spd" in more and not {"spd", "diagonal"} & set(d.words):
                    extra[name] = replace(d, words=(*(w for w in d.words if w != "symmetric"), "spd"))
                if word := {"positive", "simplex"}.intersection(more) - {*d.words}:
                    extra[name] = replace(d, words=(*(w for w in d.words if w not in more), *word))
            elif name not in self.known and name not in sizes and name not in random | {"pi", "I"}:
                extra.setdefault(name, Declaration(name, (), more))

        orders: list[tuple[int, ...]] = []
        for v, ((name, k), (law, mode)) in enumerate(zip(variables, chosen, strict=True)):
            given = self.arguments[k]
            order = self.order(law, given)
            orders.append(order)
            if name not in self.stated and name not in self.known:
                word = {"vector": "vector", "matrix": "matrix"}.get(law.shape, "scalar" if mode == "scalar" else "")
                if "wishart" in law.name:
                    word = "spd"
                if word:
                    extra[name] = Declaration(name, (), (word,))
            elif "wishart" in law.name:
                say(name, "spd")
            x = Tree("name", (), name, self.said[k].names[0][1])
            for i, what in zip(order, law.takes, strict=True):
                tree = given[i]
                if isinstance(tree, str):
                    continue
                p = Tree("name", (), f"law {v} {i}", tree.span)
                hidden.append(Definition(f"law {v} {i}", tree, "", tree.span))
                bare = str(tree.value) if tree.head == "name" else ""
                if bare and what == "covariance":
                    say(bare, "spd")
                elif bare and what in IN_A_SET:
                    say(bare, *IN_A_SET[what])
                elif bare and default_kind(bare) != "scalar" and (what in ("dof", "count") or one_for_all(mode, i)):
                    say(bare, "scalar")
                for t in walk(tree) if one_for_all(mode, i) or what == "covariance" else ():
                    if t.head == "^" and t.args[0].head == "name" and default_kind(str(t.args[0].value)) == "vector":
                        say(str(t.args[0].value), "scalar")
                own = "each" if mode in ("each", f"each {i}") else "entries" if mode.startswith("each") else mode
                for n, tie in enumerate(ties(law, own, what, i == order[-1], x, p)):
                    hidden.append(Definition(f"law {v} {i} {n}", tie, "", tree.span))
        declared = [*(d for d in declared if d.name not in extra), *extra.values()]
        inside = [d for d in self.program.declarations if d.name not in extra]
        for d in self.program.definitions:
            if d.name in random:
                raise ParseError(f"{d.name} is random and defined", text=self.whole, span=d.span)
        if self.program.function is None and self.program.definitions:
            *others, last = self.program.definitions
            program = replace(self.program, definitions=[*others, *hidden], function=last.body)
        else:
            program = replace(self.program, definitions=[*self.program.definitions, *hidden])
        typed = infer(replace(program, declarations=inside), declared, self.known, names)
        found: list[Random] = []
        notes: list[str] = []
        for v, ((name, k), (law, mode), order) in enumerate(zip(variables, chosen, orders, strict=True)):
            variable = typed.variables.get(name)
            if variable is None:
                raise ParseError(
                    f"{name} is random and stands nowhere", text=self.said[k].text, span=self.said[k].names[0][1]
                )
            parameters: list[Node] = []
            for i, what in zip(order, law.takes, strict=True):
                tree = self.arguments[k][i]
                if isinstance(tree, str):
                    parameters.append(literal(tree, variable, law, order.index(i), self.said[k]))
                else:
                    parameters.append(
                        self.checked(inline(typed.definitions[f"law {v} {i}"]), variable, law, what, tree)
                    )
            ends = [p.value for p in parameters if isinstance(p, Number)]
            if law is UNIFORM and len(ends) == 2 and ends[0] >= ends[1]:
                hint = "the first end is the lower one"
                raise ParseError("this law is empty", text=self.said[k].text, span=self.said[k].span, hint=hint)
            if len({p.kind for p in parameters}) > 1 and law.shape == "entries":
                parameters = [spread(p, variable) for p in parameters]
            found.append(Random(variable, law, tuple(parameters)))
            if not all(isinstance(t, str) or t.head == "number" for t in self.arguments[k]) or "normal" not in law.name:
                notes.append(law.says)
            if mode == "entries" and variable.kind != "scalar":
                notes.append(f"the entries of {name} are independent, each {law.name}")
            if mode == "scalar" and name not in self.stated and default_kind(name) == "matrix":
                notes.append(f"{name} is read as a random number: for an array declare it, {name}: m×n")
        for r in found:
            self.independent(r, {x.symbol for x in found})
        hidden_names = {f"law {v} " for v in range(len(variables))}
        remarks = [r for r in typed.remarks if not any(o in r for o in hidden_names) and r.split()[0] not in random]
        return Understood(typed, tuple(found), tuple(dict.fromkeys([*remarks, *notes])), self.whole)

    def order(self, law: Law, given: Sequence[Tree | str]) -> tuple[int, ...]:
        """The places of the parameters; degrees of freedom and scale may stand either way round."""
        if law.takes == ("dof", "covariance") and self.matrixlike(given[0]) and not self.matrixlike(given[1]):
            return 1, 0
        return tuple(range(len(given)))

    def checked(self, p: Node, x: Symbol, law: Law, what: str, tree: Tree) -> Node:
        kinds = {**dict.fromkeys(("vector", *IN_A_SET), "vector"), **dict.fromkeys(("covariance", "matrix"), "matrix")}
        one = kinds.get(what, "scalar" if what == "dof" or (what == "count" and law.shape != "entries") else "")
        wanted = (one,) if one else ("scalar", x.kind)
        if p.kind not in wanted:
            hint = "a multiple of I is written s^2*I" if what == "covariance" else ""
            raise ShapeError(
                f"a parameter of {law.name} of {x.name} is {describe(p)}",
                text=self.whole,
                span=tree.span,
                hint=hint or law.says,
            )
        s, _ = parted(p)
        if what == "covariance" and isinstance(s, Number) and s.value <= 0:
            raise ParseError("this is no covariance: it has to be positive definite", text=self.whole, span=tree.span)
        if what == "positive" or what == "probability":
            low, high = (0, 1) if what == "probability" else (0, float("inf"))
            if isinstance(p, Number) and not low <= p.value <= high:
                raise ParseError(
                    f"{p.value} is no {'probability' if high == 1 else 'positive number'}",
                    text=self.whole,
                    span=tree.span,
                    hint=law.says,
                )
        return p

    def independent(self, r: Random, random: set[Symbol]) -> None:
        for p in r.parameters:
            inside = random.intersection(topological(p))
            if inside:
                other = next(iter(inside)).name
                raise ParseError(
                    f"the law of {r.name} depends on {other}, which is random itself: laws are independent here",
                    text=self.text,
                    span=(0, len(self.text)),
                    hint=f"write {r.name} in terms of standard variables: {r.name} = {other} + e with e ~ normal(0, 1)",
                )


def one_for_all(mode: str, i: int) -> bool:
    """Whether a parameter is a number: that of a number, or of all entries."""
    return mode not in ("whole", "each", f"each {i}")


def each(law: Law) -> list[str]:
    """What the parameters of a law of entries may be: one for all, an array, or one of them an array."""
    return ["entries", "each", *(f"each {i}" for i in range(len(law.takes)) if len(law.takes) > 1)]


def ties(law: Law, mode: str, what: str, last: bool, x: Tree, p: Tree) -> Iterator[Tree]:
    """Expressions that make sense just where a parameter has the shape that fits the variable."""
    span = p.span
    turned = Tree("'", (x,), "", span)
    if what == "covariance" and law is MATRIX_NORMAL and last:
        yield Tree("*", (x, Tree("*", (p, turned), "", span)), "", span)
    elif what == "covariance" and "wishart" in law.name:
        yield Tree("+", (x, p), "", span)
    elif what == "covariance":
        yield Tree("*", (turned, Tree("*", (p, x), "", span)), "", span)
    elif what in ("vector", "matrix", *IN_A_SET) or mode == "each":
        yield Tree("+", (x, p), "", span)
    else:
        yield Tree("+", (p, Tree("number", (), 1, span)), "", span)


def literal(text: str, x: Symbol, law: Law, place: int, said: Said) -> Node:
    """0 or I of the shape that the variable asks for."""
    from matdiff.core.node import number

    what = law.takes[place]
    if text == "0" and what in ("real", "vector", "matrix"):
        return number(0) if what == "real" else zeros_like(x)
    if text == "I" and what == "covariance":
        return eye(x.cols if place == 2 else x.rows)
    if text == "I" and what == "matrix" and x.rows is x.cols:
        return eye(x.rows)
    if text == "0" and what == "probability":
        return number(0)
    raise ParseError(f"a parameter of {law.name} cannot be {text}", text=said.text, span=said.span, hint=law.says)


__all__ = ["Understood", "random_here", "understand"]
