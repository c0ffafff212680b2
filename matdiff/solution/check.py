"""A derivation of one's own, checked line by line: the first line that does not follow, and why."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from matdiff.calculus.differential import differentials
from matdiff.core.node import Node, Symbol, symbol, symbols
from matdiff.errors import MatdiffError, ParseError, ShapeError
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.inference import infer
from matdiff.ops.constants import zeros_like
from matdiff.solution.statements import FUNCTION, Outline, Statement, name_of, role
from matdiff.solution.tidy import MENDS, mended
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.tree import Declaration, Definition, Program, Tree, walk
from matdiff.verify import sampling
from matdiff.verify.case import derivative
from matdiff.verify.claims import ANCHOR, Question, StrangeName, answer, counterexample, unread
from matdiff.verify.report import Verification

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

MARK = Declaration("d", (), ("elementwise",))
"""Makes the parser read `d(u)` as a call."""
HIDDEN = "differential"
"""Names that stand for d(u) while a line is read; `check_derivation` puts the differential in their place."""


@dataclass(frozen=True)
class Line:
    """One line of a derivation: does it follow (None: that could not be decided), and if not, why.

    `unread`: it does not follow because it cannot be read.
    """

    number: int
    text: str
    passed: bool | None
    reason: str = ""
    unread: bool = False
    question: Question | None = field(default=None, repr=False, compare=False)
    """What was compared, where the line is wrong."""
    stated: Question | None = field(default=None, repr=False, compare=False)
    """What the line says, from which the next goes on: its claim is the truth of that."""


@dataclass(frozen=True)
class LineCheck:
    """What the check of a derivation says.

    passed   True if every line follows; None where a line could not be decided and no other is wrong
    line     the first line that does not follow, counted from 1; None if all do
    reason   why it does not follow
    unread   whether that is because it cannot be read
    checked  what was found for each line
    """

    passed: bool | None
    line: int | None = None
    reason: str = ""
    checked: tuple[Line, ...] = ()

    @property
    def counterexample(self) -> str:
        """Small whole numbers at which the wrong line is wrong; empty where there are none to show."""
        wrong = next((c.question for c in self.checked if c.number == self.line and c.question is not None), None)
        return "" if wrong is None else counterexample(wrong)

    @property
    def unread(self) -> bool:
        return any(c.unread for c in self.checked if c.number == self.line)

    def __str__(self) -> str:
        if self.passed:
            return f"every line follows ({len(self.checked)} checked)"
        if self.line is None:
            return f"not decided: {self.reason}"
        return f"line {self.line} does not follow: {self.reason}"

    def __bool__(self) -> bool:
        raise TypeError("a check may also be undecided: ask `.passed is True`")


def lines_checked(
    d: Derivation,
    plot: Outline,
    said: Sequence[Statement],
    latex: bool,
    seed: int,
    mends: Container[str] | None = None,
) -> LineCheck:
    """Each of the statements held against the lines before it.

    With `mends`, the matrices of the problem, lines whose shapes do not fit are read entry by entry, and x·y as xᵀy.
    """
    reader = Reader(d, plot, latex, seed, mends)
    return summary([reader.check(s) for s in said])


def summary(checked: list[Line]) -> LineCheck:
    wrong = next((c for c in checked if c.passed is False), None)
    if wrong is not None:
        return LineCheck(False, wrong.number, wrong.reason, tuple(checked))
    open_ = next((c for c in checked if c.passed is None), None)
    return LineCheck(None if open_ else True, None, open_.reason if open_ else "", tuple(checked))


@dataclass
class Reader:
    """Reads and checks the lines of one derivation in order."""

    d: Derivation
    outline: Outline
    latex: bool
    seed: int
    mends: Container[str] | None = None
    definitions: list[Definition] = field(default_factory=list)
    known: dict[str, Node] = field(default_factory=dict)
    before: Question | None = None

    def __post_init__(self) -> None:
        self.declared = parse_declarations(self.d.types) if self.d.types else []
        self.variables = {v.name: v for v in self.d.function.variables}
        for s in self.outline.definitions:
            self.define(s)
        self.known[self.outline.name] = self.d.function.node

    def define(self, s: Statement) -> Node | None:
        """A definition becomes known, unless it redefines a variable or cannot be read."""
        name = name_of(s)
        found = FUNCTION.match(s.left)
        parameter = (found["of"] or "") if found else ""
        tree = self.tree(s.right)
        if parameter in self.variables or "," in parameter:
            parameter = ""
        self.definitions.append(Definition(name, tree, parameter))
        if parameter:
            return None
        node = self.typed(Tree("name", (), name), None)
        self.known[name] = node
        return node

    def check(self, s: Statement) -> Line:
        """One line judged; what only defines is accepted."""
        shown = f"{s.left} = {s.right}".strip()
        before = self.before
        try:
            question = self.fitting(s)
        except MatdiffError as error:
            self.before = None
            turned = self.turned(s, before)
            return Line(s.line, shown, False, turned or f"it cannot be read: {error}", not turned and unread(error))
        if question is None:
            return Line(s.line, shown, True)
        found = answer(self.d, question, self.seed, None, 3)
        wrong = question if found.passed is False else None
        said = "" if found.passed else reason(found)
        return Line(s.line, shown, found.passed, said, question=wrong, stated=self.before)

    def fitting(self, s: Statement) -> Question | None:
        """The question of a line, read otherwise where its shapes do not fit and that is allowed."""
        defined = len(self.definitions)
        for _ in range(MENDS):
            try:
                return self.question(s)
            except ShapeError as error:
                right = mended(error, self.mends) if self.mends is not None and error.text == s.right else ""
                if not right:
                    raise
                del self.definitions[defined:]
                s = replace(s, right=right)
        return self.question(s)

    def turned(self, s: Statement, before: Question | None) -> str:
        """What is said of ⟨G, dX⟩ where G has the transposed shape, and is right but for that."""
        try:
            truth = (self.start(s.left, s) if s.left else before) or before
            tree = self.tree(s.right)
            for t in walk(tree):
                if t.head == "inner":
                    t.args = (Tree("'", t.args[:1], "", t.args[0].span), *t.args[1:])
            if truth is None or not any(t.head == "inner" for t in walk(tree)):
                return ""
            q = Question(truth.what, self.typed(tree, None), truth.claim, truth.about)
            right = answer(self.d, q, self.seed, None, 3).passed
        except MatdiffError:
            return ""
        return "the two sides of ⟨ , ⟩ have transposed shapes: right if the first is transposed" if right else ""

    def question(self, s: Statement) -> Question | None:
        """What the line claims, and what that has to equal."""
        if s in self.outline.definitions:
            self.before = None
            return None
        if s is self.outline.function:
            self.before = Question("function", self.d.function.node, self.d.function.node, None)
            return None
        if s.left:
            truth = self.start(s.left, s)
            if truth is None:
                return None
        elif self.before is None:
            truth = Question("function", self.d.function.node, self.d.function.node, None)
        else:
            truth = self.before
        claim = self.read(s.right, truth.claim)
        self.before = Question(truth.what, claim, claim, truth.about)
        return Question(truth.what, claim, truth.claim, truth.about)

    def start(self, left: str, s: Statement) -> Question | None:
        """What the left side of an equation is; None where it defines a name."""
        kind, by = role(left, frozenset(self.variables) | frozenset(self.known))
        name = name_of(s)
        if kind == "definition" and name in self.known:
            return Question("function" if name == self.outline.name else name, self.known[name], self.known[name], None)
        if name.startswith("dd") and name[2:] in {*self.known, *self.variables}:
            raise ParseError("second differentials are not read", hint="state the Hessian: H = …")
        if kind == "definition" and len(name) == 2 and name[0] == "d":
            raise StrangeName(f"there is no {name[1]} that {name} could be the differential of")
        if kind == "definition":
            node = self.define(s)
            self.before = None if node is None else Question("definition", node, node, None)
            return None
        if kind == "expression":
            node = self.read(left, None)
            moving = any(t.of is not None for t in symbols(node))
            return Question("differential" if moving else "left side", node, node, None)
        about = self.about(by)
        what, node = derivative(self.d, 2 if kind == "hessian" else 1, about)
        return Question(what, node, node, about)

    def about(self, by: str) -> Symbol:
        for X in self.d.wrt:
            if X.name == by or (not by and not self.d.several):
                return X
        names = ", ".join(X.name for X in self.d.wrt)
        if by in self.variables:
            raise ParseError(f"{by} is held constant: the derivation is by {names}")
        if by not in ("", self.outline.name):
            raise ParseError(f"{by} is neither the function nor a variable of it")
        if not self.d.several:
            return self.d.wrt[0]
        raise ParseError(f"by which variable?  The derivation is by {names}", hint=f"write ∇_{self.d.wrt[0].name} f")

    def read(self, text: str, like: Node | None) -> Node:
        """The expression of a line, sizes that it does not tell taken from what it is compared with."""
        tree = self.tree(text)
        node = self.typed(tree, None)
        free = set(sampling.names(self.d.function.variables))
        if like is None or (node.rows.names | node.cols.names) <= free:
            return node
        anchor = symbol(ANCHOR, like.kind, like.rows, like.cols)
        try:
            whole = self.typed(Tree("+", (tree, Tree("name", (), ANCHOR))), anchor)
        except MatdiffError:
            return node
        return substitute(whole, {anchor: zeros_like(anchor)})

    def tree(self, text: str) -> Tree:
        """The text parsed, with d(X) as the name dX."""
        if not text:
            raise ParseError("there is nothing on the right side")
        moving = [X.name for X in self.d.wrt] + list(self.known)
        if self.latex:
            text = upright(text, moving)
        marks = [] if "d" in self.variables else [MARK]
        marks += [Declaration(g.name, (), ("elementwise",)) for g in self.definitions if g.parameter]
        found = parse_program(text, "latex" if self.latex else "auto", [*self.declared, *marks])
        if found.function is None or found.definitions or found.declarations:
            raise ParseError("this is no expression", text=text, span=(0, len(text)))
        self.text = text
        return self.marked(found.function)

    def marked(self, root: Tree) -> Tree:
        """d(X) of a name becomes dX; d(u) of an expression a name that stands for its differential."""
        for t in walk(root):
            if t.head == "call" and t.value == "d" and len(t.args) == 1:
                (u,) = t.args
                name = f"d{u.value}" if u.head == "name" else self.hidden(u)
                t.head, t.args, t.value = "name", (), name
        return root

    def hidden(self, u: Tree) -> str:
        name = f"{HIDDEN}{len(self.known)}"
        self.known[name] = self.differential(self.typed(u, None))
        return name

    def differential(self, node: Node) -> Node:
        """The true differential of an expression."""
        if hasattr(self.d, "differential_of"):
            found: Node = self.d.differential_of(node)
            return found
        ready = prepared(node)
        return differentials(ready, self.d.directions).get(ready) or zeros_like(ready)

    def typed(self, tree: Tree, anchor: Symbol | None) -> Node:
        """The node of a tree, its differentials and stand-ins replaced by what they stand for."""
        stand_ins = {n: symbol(n, v.kind, v.rows, v.cols) for n, v in self.known.items() if n.startswith(HIDDEN)}
        given = {**self.variables, **stand_ins} | ({ANCHOR: anchor} if anchor is not None else {})
        definitions = self.definitions
        name = self.outline.name
        if name in self.known:
            node = self.known[name]
            stand_ins[name] = given[name] = symbol(name, node.kind, node.rows, node.cols)
            definitions = [g for g in definitions if g.name != name]
        found = infer(Program(self.text, [], list(definitions), tree), self.declared, given)
        strange = next((n for n in found.variables if n not in given), None)
        if strange is not None:
            raise StrangeName(
                f"{strange} is not a variable of the function", hint=f"those are {', '.join(self.variables)}"
            )
        values: dict[Symbol, Node] = {s: self.known[n] for n, s in stand_ins.items()}
        for s in symbols(found.function):
            if s.of is not None and s not in self.d.directions.values():
                values[s] = self.moved(s, stand_ins)
        return inline(substitute(found.function, values, into_bodies=True)) if values else inline(found.function)

    def moved(self, s: Symbol, stand_ins: dict[str, Symbol]) -> Node:
        """What the d of a definition or of the function is."""
        assert s.of is not None
        if s.index:
            raise StrangeName(f"{s.name} is no differential of this derivation", hint="lines may use dX and d(u)")
        if s.of.body is not None or s.of in stand_ins.values():
            of = self.known.get(s.of.name) if s.of in stand_ins.values() else s.of.body
            assert of is not None
            return self.differential(inline(of))
        names = ", ".join(X.name for X in self.d.wrt)
        raise StrangeName(f"{s.of.name} is held constant, so {s.name} is 0: the derivation is by {names}")


def upright(text: str, names: Sequence[str]) -> str:
    """In LaTeX every letter is a name, so dX is written \\mathrm{d}X."""
    known = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if len(n) == 1)
    if not known:
        return text
    pattern = re.compile(
        rf"\\(?:mathrm|operatorname|text)\{{[^}}]*\}}|\\[A-Za-z]+|(?<![A-Za-z])d\s*(?=(?:{known})(?![A-Za-z]))"
    )
    return pattern.sub(lambda m: m.group() if m.group()[0] == "\\" else r"\mathrm{d}", text)


def reason(found: Verification) -> str:
    """The diagnosis alone."""
    return found.message or found.reason
