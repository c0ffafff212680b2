"""From text to the untyped tree: `parse_program` and `parse_declarations`.

Every refusal is a ParseError or UnsupportedError with its place; nothing recurses, and the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NoReturn

from matdiff.core import op
from matdiff.core.op import along, parameters, words
from matdiff.core.patterns import deferred
from matdiff.core.shape import signature
from matdiff.errors import MatdiffError, ParseError
from matdiff.ops.complexes import CONJUGATING
from matdiff.text import plain
from matdiff.text.declarations import COMPLEX, EXAMPLE, read_declaration
from matdiff.text.dialect import dialect_of, notation
from matdiff.text.grammar import Stuck, run
from matdiff.text.habits import reach
from matdiff.text.moving import Every, Moving, moved
from matdiff.text.ranges import summed
from matdiff.text.statements import Statement, composition, determined, parts, rows_marked, split, without_comments
from matdiff.text.tokens import OPERAND_ENDS, Names, Stream, place_of
from matdiff.text.tree import Declaration, Definition, Equations, Left, Program, Rate, Span, Tree, walk

# What others call the functions of the language, brought to its own words and operators.
#
# The names stand in the records (`spellings`); here is what the signs of other notations mean.

_hole = deferred(r"\{(\d)\}")


@cache
def template(expression: str) -> tuple[Tree, int]:
    """The tree of an expression with holes named a_0, a_1, and how many there are."""
    text = _hole.sub(r"a_\1", expression)
    stream = Stream(text, Names(frozenset(re.findall(r"[a-z]+(?=\()", text))))
    plain.lex(stream, 0, len(text))
    return run(stream.kinds, stream.values), len(set(_hole.findall(expression)))


def respelled(tree: Tree, names: Names, written: str, text: str) -> Tree:
    """The tree in the words and operators of the language; `written` is the notation.  Changes the tree."""
    for t in walk(tree):
        if t.head == "call":
            _call(t, names, text, written)
        elif t.head == ".^" and t.value == "**" and written == "NumPy":
            t.value = ""
        elif written:
            _sign(t, written, text)
    return tree


def _call(t: Tree, names: Names, text: str, written: str) -> None:
    called = str(t.value)
    if called[0] == "." or written == "NumPy":
        _refuse_axis(t, called.lstrip("."), text)
    if called in names.words or called in names.functions:
        return
    meant = names.meaning(called)
    if "{" not in meant:
        t.value = meant or called.lstrip(".")
        return
    expression, holes = template(meant)
    if len(t.args) != holes:
        word = called.lstrip(".")
        message = f"{word} takes {holes} argument{'s' * (holes != 1)}, not {len(t.args)}"
        hint = f"It is {_hole.sub(lambda m: 'AB'[int(m[1])], meant)} here."
        raise ParseError(message, text=text, span=t.span, hint=hint)
    whole = filled(expression, t)
    t.head, t.args, t.value = whole.head, whole.args, whole.value


def _refuse_axis(t: Tree, word: str, text: str) -> None:
    """np.sum(A, 1) goes along the rows, and sum(A, 1) down the columns."""
    if word not in along or len(t.args) != 2 or t.args[1].head not in ("number", "neg"):
        return
    if any(len(signature(r.signature)[0]) + len(parameters(r.signature)) == 2 for r in words.get(word, ())):
        hint = f"Write {word}(A, axis=0) down the columns, {word}(A, axis=1) along the rows."
        raise ParseError("axes count from 0 in NumPy and from 1 here", text=text, span=t.args[1].span, hint=hint)


def filled(expression: Tree, call: Tree) -> Tree:
    """A copy of a template with the arguments of a call in its holes."""
    done: dict[Tree, Tree] = {}
    for t in walk(expression):
        hole = t.head == "name" and str(t.value)[:2] == "a_"
        if hole:
            done[t] = call.args[int(str(t.value)[2:])]
        else:
            done[t] = Tree(t.head, tuple(done[a] for a in t.args), t.value, call.span)
    return done[expression]


def _sign(t: Tree, written: str, text: str) -> None:
    """`*` between arrays goes entry by entry in the other notations, and their indices count from 0."""
    if t.head == "*" and (written == "Mathematica" or "*" in text[t.args[0].span[1] : t.args[1].span[0]]):
        t.value = written
    elif t.head == "^" and written == "Mathematica":
        t.head, t.value = ".^", "**"
    elif t.head == "index" and written == "NumPy":
        _counted(t, text)
    elif t.head == "+" and written in ("NumPy", "Mathematica") and any(a.head == "number" for a in t.args):
        t.head = ".+"
    elif t.head == "/" and written in ("NumPy", "Mathematica") and t.args[0].head == "number":
        t.head = "./"


def _counted(t: Tree, text: str) -> NoReturn:
    hint = "Write the text in the notation of matdiff: A*x for A @ x, x[1] for the first entry."
    raise ParseError("indices count from 0 in NumPy and from 1 here", text=text, span=t.span, hint=hint)


_conjugate = re.compile(r"(?<![\w\\])(?:conj|re|im|angle|conjugate|real|imag)\s*\(|\\(?:Re|Im|conj)(?![A-Za-z])")
_head = re.compile(
    r"\s*(?:\\(?:mathbf|boldsymbol|mathcal|mathrm|bm|hat|tilde|bar)\s*\{?\s*)?(\\[A-Za-z]+|[A-Za-z]+)\}?\s*(_)?"
)
MAX_BYTES = 100_000

_colon = deferred(r"\\colon(?![A-Za-z])")
_declared = deferred(r"(?<!\w)(\w{1,60})\s{0,3}(?=[,:=]|\(\w{1,9}\)\s{0,3}=)")


def parse_program(
    text: str, dialect: str = "auto", declared: Iterable[Declaration] = (), moving: Moving | None = None
) -> Program:
    """A program read; `declared` are declarations that stand elsewhere (they tell calls `h(x)` from products).

    With functions that are `moving`, the function may be the right-hand side of u' = ….
    """
    text = _prepared(text)
    source = without_comments(text)
    if dialect == "auto":
        declared = list(declared)
        dialect = dialect_of(
            source, {*(d.name for d in declared), *_declared.findall(source)} if "\\" in source else ()
        )
    if dialect not in ("plain", "latex"):
        raise ParseError(f"unknown dialect {dialect!r}", hint="The dialects are auto, plain and latex.")
    reader = _Reader(Program(text), dialect, source)
    reader.program.summed = summed(source)
    reader.names.moving = moving or {}
    reader.read(declared)
    said = reader.program
    if not (said.function or said.definitions or said.declarations or said.equations or said.rates):
        raise ParseError(
            "there is no expression here",
            text=text,
            span=(len(text), len(text)),
            hint="An expression is, for instance, x'*A*x.",
        )
    return reader.program


def rates(text: str, dialect: str, variable: str) -> list[Rate]:
    """The left sides u' of a text, the second that of a system u' = …; v' = …; none where no statement has one."""
    try:
        text = _prepared(text)
        source = without_comments(text)
        reader = _Reader(Program(text), dialect_of(source, ()) if dialect == "auto" else dialect, source)
        reader.names.moving = Every(variable)
        reader.rates()
    except MatdiffError:
        return []
    return reader.program.rates


def parse_declarations(text: str) -> list[Declaration]:
    """Declarations only, as `declare=` takes them."""
    text = _prepared(text)
    found: list[Declaration] = []
    source = _colon.sub(":     ", without_comments(text))
    for s in split(source, "plain"):
        if s.kind != "declaration":
            hint = EXAMPLE if "=" not in source[s.start : s.end] else f"Sizes stand behind a colon. {EXAMPLE}"
            raise ParseError("this is not a declaration", text=text, span=s.span, hint=hint)
        found += _located(source, text, s)
    return found


def _located(source: str, text: str, s: Statement) -> list[Declaration]:
    try:
        return s.said or read_declaration(source, s.start, s.mark, s.end)
    except ParseError as error:
        error.text = text
        raise


def _prepared(text: str) -> str:
    """The text in Unicode's composed form.  Refuses what is too long."""
    if not isinstance(text, str):
        raise ParseError(f"a text is wanted, not {type(text).__name__}")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise ParseError(
            f"the text is longer than {MAX_BYTES // 1000} kB", hint="Build large expressions in Python instead."
        )
    if not text.isascii():
        import unicodedata

        text = unicodedata.normalize("NFC", text)
    return text


class _Reader:
    """One pass over the statements of a program."""

    def __init__(self, program: Program, dialect: str, source: str) -> None:
        self.program = program
        self.program.dialect = self.dialect = dialect
        self.names = Names(op.words, spellings=op.spellings)
        self.notation = notation(source, dialect)
        self.lex = plain.lex
        if dialect == "latex":
            from matdiff.text.latex import reader as latex

            source = latex.unwrapped(source)
            self.lex = latex.lex
        else:
            source = rows_marked(source)
        self.source = source
        self.statements = split(source, dialect)

    def read(self, declared: Iterable[Declaration]) -> None:
        declared = list(declared)
        for d in declared:
            self.know(d)
        for s in self.statements:
            if s.kind == "declaration":
                for d in _located(self.source, self.program.text, s):
                    self.program.declarations.append(d)
                    self.know(d)
        self.composed()
        if self.names.moving:
            self.rates()
        self.formula(declared)
        heads = {s.start: self.head(s) for s in self.statements if s.kind == "definition"}
        for left in heads.values():
            (self.names.functions if left.parameters else self.names.variables).add(left.name)
        unknowns = {s.start: self.unknowns(s) for s in self.statements if s.kind == "equation"}
        rates = iter(self.program.rates)
        for s in self.statements:
            if s.kind == "definition":
                self.definition(s, heads[s.start])
            elif s.kind == "equation":
                self.equations(s, unknowns[s.start])
            elif s.kind == "expression":
                self.function(s)
            elif s.kind == "rate":
                next(rates).side = self.expression(s.start, s.end)
        self.program.remarks += self.names.remarks
        for name, (kind, place) in self.names.bold.items():
            if name not in self.names.variables and name not in self.names.functions:
                self.program.declarations.append(Declaration(name, (), (kind,), place))

    def composed(self) -> None:
        """Functions of functions of which nothing is known, L(y(z(w, x, b)), t), are read as functions of scalars."""
        if len(self.statements) != 1 or self.names.functions or self.names.variables:
            return
        (s,) = self.statements
        found = composition(self.source[s.start : s.end]) if s.kind == "expression" else None
        if found is None or any(self.names.meaning(name) for name in found[0]):
            return
        functions, inside = found
        told = [Declaration(f, (), (), s.span, (((),) * count, ())) for f, count in functions.items()]
        told += [Declaration(name, (), ("scalar",), s.span) for name in inside]
        for d in told:
            self.program.declarations.append(d)
            self.know(d)
        name, count = max(functions.items(), key=lambda f: f[1])
        arrays = f"`{name}: ({', '.join('nmkpq'[:count])}) -> l`" if count < 6 else f"`{name}: (n, m, …) -> l`"
        said = f"{', '.join(functions)} are read as unknown functions of scalars: of arrays they are declared, {arrays}"
        self.program.remarks.append(said)

    def formula(self, declared: Iterable[Declaration]) -> None:
        r"""A last f(x, y) = … with no expression after it is the function; in LaTeX f(x) = … is, too."""
        last = next((s for s in reversed(self.statements) if s.kind != "declaration"), None)
        if last is None or last.kind != "definition" or any(s.kind == "expression" for s in self.statements):
            return
        if self.dialect == "latex" and self.program.summed:
            last = self.whole(last)
        left, _ = self.left(last)
        if left is None or left.primes:
            return
        self.signature(left, declared)
        if self.dialect == "latex" or len(left.parameters) > 1:
            if not left.parameters:
                self.program.left = left.name
            last.kind = "expression"
            last.start = last.behind(self.source)

    def rates(self) -> None:
        """The right-hand side of u' = … is the function; those of a system stand with their left sides."""
        found = []
        for s in self.statements:
            single = s.kind == "definition" and not self.source.startswith("==", s.mark)
            left = self.left(s)[0] if single else None
            name, order = moved(left, self.names.moving) if left is not None else ("", 0)
            if order:
                self.program.rates.append(Rate(name, order, (s.start, s.mark)))
                found.append(s)
                s.start = s.behind(self.source)
        for s in found:
            s.kind = "rate" if len(found) > 1 else "expression"

    def signature(self, left: Left, declared: Iterable[Declaration]) -> None:
        """`f: R^n -> R; f(x) = …` says what x is, and what the values are."""
        said = [d for d in (*declared, *self.program.declarations) if d.name == left.name and d.arrow is not None]
        if not said or not left.parameters:
            return
        f = self.program.signature = said[-1]
        assert f.arrow is not None
        inputs = f.arrow[0]
        if len(inputs) != len(left.parameters):
            count = f"{len(inputs)} argument{'s' * (len(inputs) != 1)}"
            self.refuse(f"{f.name} is declared with {count}, not {len(left.parameters)}", left.span)
        known = {d.name: d for d in (*declared, *self.program.declarations)}
        for x, dims in zip(left.parameters, inputs, strict=True):
            if x not in known:
                self.program.declarations.append(Declaration(x, dims, ("scalar",) * (not dims), left.span))
            elif known[x].dims != dims:
                shown = "×".join(known[x].dims) or "scalar"
                hint = f"{x} is declared `{x}: {shown}`"
                self.refuse(f"{f.name} is declared as a function of {'×'.join(dims) or 'scalars'}", left.span, hint)

    def whole(self, last: Statement) -> Statement:
        r"""L = \\sum_i … p_i; p_i = …, where the definitions stand behind what they are for: the one that none uses."""
        found = [s for s in self.statements if s.kind == "definition"]
        bodies = {s.start: self.source[s.mark : s.end] for s in found}
        heads = {s.start: _head.match(self.source, s.start) for s in found}

        def used(s: Statement) -> bool:
            head = heads[s.start]
            if head is None:
                return True
            name = re.compile(re.escape(head[1]) + (r"\s*_" if head[2] else r"(?![A-Za-z])"))
            return any(name.search(body) for start, body in bodies.items() if start != s.start)

        if not used(last):
            return last
        first = [s for s in found if not used(s)]
        return first[0] if len(first) == 1 else last

    def know(self, d: Declaration) -> None:
        (self.names.functions if "elementwise" in d.words or d.arrow else self.names.variables).add(d.name)
        if not COMPLEX.isdisjoint(d.words):
            self.names.complex.add(d.name)
        shapes = (d.dims,) if d.arrow is None else (*d.arrow[0], d.arrow[1])
        if d.arrow is not None:
            self.names.arrows[d.name] = (tuple(map(len, d.arrow[0])), len(d.arrow[1]))
        for size in re.findall(r"[^\W\d]\w*", " ".join(n for shape in shapes for n in shape)):
            self.names.sizes.add(size)

    def left(self, s: Statement) -> tuple[Left | None, Stream]:
        """What stands left of the `=`, where it is a name or a function of names, and its tokens."""
        stream = self.tokens(s.start, s.mark)
        try:
            left: Left = run(stream.kinds, stream.values, "left")
        except Stuck:
            return None, stream
        moves = left.name == "D" and bool(self.names.moving)
        return (left if moves or all(p[0].isalpha() for p in left.parameters) else None), stream

    def head(self, s: Statement) -> Left:
        """What a definition is of: a name, or a function of one parameter."""
        left, stream = self.left(s)
        if left is not None and len(left.parameters) < 2 and not left.primes:
            return left
        hint = (
            "Definitions look like r = A*x - b or s(t) = t/(1+exp(-t)); "
            "an equation says what it is solved for: A*x = b for x."
        )
        self.refuse(
            "a defined function has one parameter"
            if "COMMA" in stream.kinds
            else "left of `=` a single name is wanted",
            (s.start, s.mark),
            hint,
        )

    def definition(self, s: Statement, left: Left) -> None:
        start = s.behind(self.source)
        parameter = left.parameters[0] if left.parameters else ""
        self.program.definitions.append(Definition(left.name, self.expression(start, s.end), parameter, left.span))

    def unknowns(self, s: Statement) -> list[tuple[str, Span]]:
        """The names behind `for`."""
        tail = determined(self.source, s, self.dialect)
        assert tail is not None
        stream = self.tokens(*tail.span("names"))
        try:
            found = [(str(name.value), name.span) for name in run(stream.kinds, stream.values, "names")]
        except Stuck:
            hint = "for instance A*x = b for x, or A*x + B'*v = b, B*x = c for x, v"
            self.refuse("behind `for` stand the names that the equation determines", tail.span("names"), hint)
        self.names.variables.update(name for name, _ in found)
        return found

    equating = False
    """Whether a side of an equation is read, which is an expression and not what a definition names."""

    def equations(self, s: Statement, unknowns: list[tuple[str, Span]]) -> None:
        """`lhs = rhs, lhs = rhs for x, v`; s.mark is where the `for` begins."""
        sides = []
        for start, end in parts(self.source, s.start, s.mark, ","):
            cut = parts(self.source, start, end, "=")
            if len(cut) != 2:
                self.refuse(
                    "this is no equation" if len(cut) < 2 else "an equation has one `=`",
                    (start, end),
                    "for instance A*x = b for x; several stand with commas between them: A*x = b, B*z = x for x, z",
                )
            self.equating = True
            left, right = (self.expression(*side) for side in cut)
            self.equating = False
            sides.append((left, right))
        self.program.equations.append(Equations(sides, unknowns, (s.start, s.mark)))

    def function(self, s: Statement) -> None:
        """One expression is the function; a second line that begins with a sign may have been meant to go on."""
        if self.program.function is None:
            self.program.function = self.expression(s.start, s.end)
            return
        if s.newline and self.source[s.start] in "+-−":
            hint = "End the line before with the operator to go on, or put parentheses around the whole."
            self.refuse("does this line go on with the expression before it?", (s.start, s.start + 1), hint)
        first = next(e for e in self.statements if e.kind == "expression")
        hint = f"Name it for what follows, r = {self.source[first.start : first.end]}, or leave it out."
        self.refuse("this statement is used nowhere: a program is one function", first.span, hint)

    def tokens(self, start: int, end: int) -> Stream:
        stream = Stream(self.source, self.names, equation=self.equating)
        try:
            self.lex(stream, start, end)
        except MatdiffError as error:
            error.text = self.program.text
            raise
        return stream

    def expression(self, start: int, end: int) -> Tree:
        stream = self.tokens(start, end)
        reach(stream)
        if not self.names.complex and (stream.conjugated or _conjugate.search(self.source, start, end)):
            self.program.conjugated = self.program.conjugated or self.conjugate_in(stream)
        try:
            tree: Tree = run(stream.kinds, stream.values)
        except Stuck as stuck:
            self.explain(stream, stuck.index)
        except ParseError as error:
            error.text = self.program.text
            raise
        if stream.foreign or self.notation:
            respelled(tree, self.names, self.notation, self.program.text)
        if self.dialect == "latex":
            from matdiff.text.latex.latex_doubts import settle

            return settle(tree, self.program.text)
        return tree

    def conjugate_in(self, stream: Stream) -> Span | None:
        """Where the first conjugate stands, unless there are imaginary numbers."""
        if any(getattr(v, "value", "") == "imaginary" for v in stream.values):
            return None
        called = (
            v.span for k, v in zip(stream.kinds, stream.values, strict=True) if k == "FUNC" and v.value in CONJUGATING
        )
        return stream.conjugated or next(called, None)

    def explain(self, stream: Stream, i: int) -> NoReturn:
        """A syntax error in the words of the language."""
        kind, value = stream.kinds[i], stream.values[i]
        span: Span = place_of(value)
        written = self.program.text[span[0] : min(span[1], span[0] + 20)]
        before = stream.kinds[i - 1] if i else ""
        if kind == "$END":
            what = "there is no expression here" if not i else "the expression ends too early"
            self.refuse(f"{what}: an operand is missing", span, "Operands are names, numbers, calls and parentheses.")
        if kind == "EQUALS":
            self.refuse(
                "`=` inside an expression", span, "A definition has one `=`: r = A*x - b. There are no equations."
            )
        if kind == "COMMA" and before in OPERAND_ENDS:
            self.refuse("unexpected `,`", span, "Commas separate arguments, blocks [A, B] and the two sides of <A, B>.")
        if before == "LPAR" and kind == "RPAR":
            place = (place_of(stream.values[i - 1])[0], span[1])
            self.refuse("nothing stands between the parentheses", place, "Write the argument there, as in tr(A).")
        if before in OPERAND_ENDS:
            self.refuse(f"unexpected `{written}`", span, _AFTER_OPERAND.get(kind, ""))
        hint = f"Before `{written}` an operand is missing."
        if written == "*" and before == "STAR":
            hint = "Powers are written ^ or .^"
        elif kind == "TICK":
            hint = "A ' transposes what stands before it; there are no quoted texts."
        elif kind == "HADAMARD" or before == "HADAMARD":
            hint += " Elementwise operators are .* ./ .^"
        self.refuse(f"unexpected `{written}`", span, hint)

    def refuse(self, message: str, span: Span, hint: str = "") -> NoReturn:
        raise ParseError(message, text=self.program.text, span=span, hint=hint)


_AFTER_OPERAND = {
    "COLON": "A colon stands in slices A[1:2,:] and in declarations on a line of their own.",
    "SEMI": "Semicolons separate statements and the rows of a block [A; B].",
    "INDEX": "Only names, calls and parentheses have an index: (A')[1,2].",
    "RANGLE": "An inner product has two sides: <A, B>.",
}
