"""Random variables in text: `z ~ normal(0, I)` among the declarations, and E[…], the expectation, in expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

from matdiff.api.lawparameters import IN_A_SET, each, literal, one_for_all, ties
from matdiff.api.lawtexts import (
    DISTRIBUTION,
    MOMENTS,
    PHI,
    Over,
    Said,
    closed_as_opened,
    own_E,
    own_Phi,
    spoken_moment,
    with_expectations,
    without_laws,
)
from matdiff.api.reading import texts
from matdiff.core.node import Node, Number, Symbol, describe, topological
from matdiff.core.op import words
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.graph.rewrite import inline
from matdiff.inference import Typed, infer
from matdiff.inference.names import default_kind, is_greek
from matdiff.ops.random import (
    MULTINORMAL,
    NORMAL,
    SPOKEN,
    SPOKEN_SO,
    UNIFORM,
    Law,
    Random,
    parted,
    spread,
)
from matdiff.text.laws import EXAMPLE
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.statements import without_comments
from matdiff.text.tree import Declaration, Definition, Tree, walk

ATTEMPTS = 60
"""Most readings of undeclared names that are tried."""

_hidden = re.compile(r"law \d+ \d+(?: \d+)?")
_zero = re.compile(r"(?:\\(?:mathbf|boldsymbol|bm|vec)\s*\{?\s*)?0\s*\}?(?:_\{?\w+\}?)?")
_one = re.compile(r"(?:\\(?:mathbf|boldsymbol|bm|mathrm)\s*\{?\s*)?(?:I|𝐈|\\mathbb\{1\})\s*\}?(?:_(?:\{\w+\}|\w))?")


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
        body = MOMENTS.sub(lambda m: m[0] if (m["a"] or m["b"]) in taken else spoken_moment(m), body)
        body = closed_as_opened(body)
    distribution = not own_Phi(body, declared, known) and any("normal" in s.law.name for s in said)
    if distribution:
        body, times = DISTRIBUTION.subn(lambda m: " " * (len(m[0]) - 1) + "Ϗ", body)
        distribution = times > 0
    try:
        with spoken():
            found_ = Reader(text, body, said, declared, dialect, known, over).understood(names)
            return replace(found_, notes=(*found_.notes, PHI)) if distribution else found_
    except MatdiffError as error:
        raise restored(error, text) from None


def restored(error: MatdiffError, text: str) -> MatdiffError:
    """The error with E[…] as it was typed."""
    if error.text is not None and not SPOKEN_SO.keys().isdisjoint(error.text):
        error.text = text + error.text[len(text) :]
    names = str.maketrans({SPOKEN: "E", "Ͳ": "Var", "Ͷ": "Cov", "Ϗ": "Phi"})
    error.message = _hidden.sub("a parameter", error.message.translate(names))
    error.hint = "" if _hidden.search(error.hint) else error.hint.translate(names)
    error.args = (error.message,)
    return error


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


__all__ = ["Understood", "understand"]
