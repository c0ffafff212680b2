"""What each name of a program is: variable, definition, function, dimension word, differential."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeAlias

from matdiff.core.cached import cached_property
from matdiff.core.node import Kind, Symbol
from matdiff.core.shape import ONE, Dim
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.inference.arrows import derivative_named
from matdiff.inference.declarations import SQUARE, Declared
from matdiff.inference.evidence import ARRAYS, Evidence, Sign, countable
from matdiff.inference.names import default_kind, is_greek, is_reserved, unknown_name
from matdiff.inference.places import applied, exponentials, index_letters, mark, members_by_letter
from matdiff.inference.reading import operands, roots
from matdiff.inference.types import Root, Solver, Type
from matdiff.ops.unknown import Arrow
from matdiff.text.tree import Program, Tree, walk

# Letters that stand as exponents and are no powers: the t of x^t A x, the H of x^H A x.


class Typed(Protocol):
    """What was typed, and the trees that are read of it."""

    text: str
    roots: list[Root]


TRANSPOSES = ("t", "T")
CONJUGATE = "H"
LETTERS = frozenset({*TRANSPOSES, CONJUGATE})


def raised(scope: Typed) -> dict[str, list[Tree]]:
    """The powers whose exponent is one of these letters alone, by the letter."""
    found: dict[str, list[Tree]] = {}
    for root in scope.roots:
        for t in root.plan:
            if t.head == "^" and t.args[1].head == "name" and t.args[1].value in LETTERS:
                found.setdefault(str(t.args[1].value), []).append(t)
    return found


def refuse_conjugate(scope: Typed, powers: Collection[Tree]) -> None:
    """x^H is the conjugate transpose to everybody.  Raises UnsupportedError."""
    for t in powers:
        base = scope.text[t.args[0].span[0] : t.args[0].span[1]].strip()
        message = f"{base}^H is the conjugate transpose, and all variables are real"
        raise UnsupportedError(message, text=scope.text, span=t.span, hint=f"write {base}'")


def transposed(scope: Typed, letter: str, powers: Collection[Tree], evidence: Evidence) -> bool:
    """Make transposes of the powers, if the letter stands nowhere else, and each base is an array or may be one."""
    places = [t for root in scope.roots for t in root.plan if t.head == "name" and t.value == letter]
    if len(places) != len(powers) or not all(_array(scope, t.args[0], powers, evidence) for t in powers):
        return False
    gone = {t.args[1] for t in powers}
    for t in powers:
        t.head, t.args = "'", t.args[:1]
    for root in scope.roots:
        root.plan = [t for t in root.plan if t not in gone]
    return True


def _array(scope: Typed, base: Tree, powers: Collection[Tree], evidence: Evidence) -> bool:
    """A vector or a matrix; a Greek letter where it stands elsewhere too, which the γ of a discount γ^t does not."""
    if base.head == "name" and base.value in evidence.greek:
        above = sum(t.args[0].value == base.value for t in powers)
        return sum(t.value == base.value for root in scope.roots for t in root.plan if t.head == "name") > above
    return evidence.type_of(base) in ARRAYS and base.value != "e"


Functions: TypeAlias = dict[str, Root | Arrow | None]
"""Functions of one's own: defined, declared for arrays, or declared elementwise (None)."""

PI = frozenset({"pi", "π"})


class Scope:
    """The names of a program, in order of first appearance.

    `choices` are the names that nothing declares a shape or kind for, with the kinds that their looks and their places
    speak for (`signs` has the places): each may have to be read as its alternative.
    """

    def __init__(
        self,
        program: Program,
        declared: Mapping[str, Declared],
        known: Mapping[str, Symbol],
        wrt: Collection[str] = (),
    ) -> None:
        """`wrt` are the variables to differentiate by: no letter of theirs is the mark of a transpose."""
        self.text = program.text
        self.program = program
        self.latex = program.dialect == "latex"
        self.declared = declared
        self.known = known
        self.functions: Functions = {n: d.arrow for n, d in declared.items() if d.function}
        self._check_definitions(program)
        given = {n for n, d in declared.items() if not d.function} | set(known)
        exponentials(program, given)
        members_by_letter(program, _dimension_words(declared, known))
        self.roots = roots(program, given, self.functions)
        self.heads: set[str] = {t.head for r in self.roots for t in r.plan}
        """What is in the program: many a question about it needs no other look."""
        self.functions.update({r.name: r for r in self.roots if r.parameter})
        self.definitions = {r.name for r in self.roots if r.name and not r.parameter}
        self.members: Mapping[str, str] = program.sums.members if program.sums else {}
        self.words = _dimension_words(declared, known) | (program.sums.limits if program.sums else frozenset())
        self.variables: dict[str, None] = {}
        self.choices: dict[str, Kind] = {}
        self.looks: dict[str, Kind] = {}
        """What the letters of the choices say."""
        self.sizes: dict[str, Dim] = {}
        self.aliases: dict[str, tuple[str, int]] = {}
        self.signs: dict[str, Sign] = {}
        self.doubts: set[str] = set()
        self.indices = index_letters(self.roots)
        self.remarks = list(program.remarks)
        """What else is to be said of how the text was read."""
        self._classify(program)
        self._arguments()
        self._weigh(wrt)
        applied(self, wrt)
        self.watched = mark(self)
        """Whether the types of all trees are asked for, since readings depend on them."""

    def _arguments(self) -> None:
        """Undeclared names that are indices, or arguments of unknown functions of arrays, are what these take."""
        for name in self.indices & self.choices.keys():
            self.choices[name] = self.looks[name] = "scalar"
        calls = (t for root in self.roots for t in root.plan if t.head == "call")
        for t in calls if self.functions else ():
            try:
                of = derivative_named(self.functions, str(t.value))
            except MatdiffError as error:
                raise error.located(self.text, t.span) from None
            if of is None:
                continue
            for shape, a in zip(of.arrow.inputs, t.args, strict=False):
                if a.head == "name" and a.value in self.choices:
                    kinds: tuple[Kind, ...] = ("scalar", "vector", "matrix")
                    self.choices[str(a.value)] = self.looks[str(a.value)] = kinds[len(shape)]

    def alternative(self, name: str) -> Kind:
        """What a name may have to be: arrays scalars, Greek scalars vectors, numbers in capitals matrices again."""
        if self.choices[name] != "scalar":
            return "scalar"
        return "vector" if is_greek(name) else "matrix"

    def open(self, name: str) -> bool:
        """Whether a name may be read as its alternative: no factor of ⊙ and no side of ⟨,⟩ becomes a scalar."""
        return self.choices[name] == "scalar" or name not in self.paired

    @cached_property
    def paired(self) -> set[str]:
        """Names that are multiplied entry by entry, or stand in an inner product."""
        pairs = [t.args for root in self.roots for t in root.plan if t.head in (".*", "inner")]
        return {str(a.value) for args in pairs for a in args if a.head == "name"}

    def _weigh(self, wrt: Collection[str]) -> None:
        """What the places of names say, against their looks."""
        capitals = countable(self.roots, self.choices)
        letters = not LETTERS.isdisjoint(self.variables)
        if not (letters or capitals or "scalar" in self.looks.values()):
            return
        evidence = self._evidence(capitals)
        for letter, powers in raised(self).items() if letters else ():
            if letter == CONJUGATE:
                refuse_conjugate(self, powers)
            variable = letter in {*wrt, *self.declared} or any(of == letter for of, _ in self.aliases.values())
            if letter in self.choices and not variable and transposed(self, letter, powers, evidence):
                del self.choices[letter], self.looks[letter], self.variables[letter]
                self.remarks.append(f"^{letter} is read as a transpose: for a power declare `{letter}: scalar`")
                evidence = self._evidence(countable(self.roots, self.choices))
        self.signs, self.doubts = evidence.found(), evidence.doubts
        self.choices.update({name: sign.kind for name, sign in self.signs.items()})

    def _evidence(self, capitals: set[str]) -> Evidence:
        return Evidence(self.roots, self._kinds, self.choices, capitals, self.functions, self.text)

    def _kinds(self) -> dict[str, Kind]:
        """The kinds of all names but definitions, by declarations and looks."""
        kinds: dict[str, Kind] = dict.fromkeys(self.sizes, "scalar")
        for name in self.variables:
            said = self.declared.get(name)
            if name in self.known:
                kinds[name] = self.known[name].kind
            elif (kind := (said and said.kind) or self.choices.get(name)) is not None:
                kinds[name] = kind
        kinds.update({name: kinds[of] for name, (of, _) in self.aliases.items() if of in kinds})
        return kinds

    @cached_property
    def turned(self) -> set[str]:
        """Names that stand transposed somewhere: nobody transposes a scalar."""
        return {str(t.value) for t in self._under_transposes() if t.head == "name"}

    @cached_property
    def dividing(self) -> frozenset[str]:
        """Names that nothing declares and that stand in denominators only."""
        if "/" not in self.heads:
            return frozenset()
        above: set[str] = set()
        below: set[str] = set()
        waiting = [(root.tree, False) for root in self.roots]
        while waiting:
            t, divides = waiting.pop()
            if t.head == "name":
                (below if divides else above).add(str(t.value))
            for i, a in enumerate(t.args):
                waiting.append((a, divides or (t.head == "/" and i == 1)))
        return frozenset(below - above) & self.choices.keys()

    def _under_transposes(self) -> list[Tree]:
        return [t.args[0] for root in self.roots for t in root.plan if t.head == "'"]

    def _check_definitions(self, program: Program) -> None:
        for d in program.definitions:
            error = None
            if d.name in self.declared or d.name in self.known:
                error = ParseError(
                    f"{d.name} is declared, so it cannot be defined as well", hint="remove one of the two"
                )
            elif is_reserved(d.name):
                error = ParseError(f"{d.name} is reserved and cannot be defined", hint="choose another name")
            elif d.parameter and is_reserved(d.parameter):
                error = ParseError(f"{d.parameter} is reserved and cannot be a parameter", hint="choose another name")
            if error is not None:
                raise error.located(program.text, d.span)

    def _classify(self, program: Program) -> None:
        """Definitions and function in the order of the text; unused declarations come last."""
        plans = [(r.plan, r.parameter) for r in sorted(self.roots, key=lambda r: r.span if r.name else (1 << 60, 0))]
        seen: dict[str, Tree] = {}
        for plan, parameter in plans:
            for t in plan:
                if t.head == "name" and t.value != parameter:
                    seen.setdefault(t.value, t)  # type: ignore[arg-type]
        for name, tree in seen.items():
            if (name != "I" and name not in PI) or name in self.declared:
                self._place(name, tree, seen)
        for name, d in self.declared.items():
            if not d.function and name not in self.variables:
                self._add(name)

    def _place(self, name: str, tree: Tree, seen: Mapping[str, Tree]) -> None:
        if name in self.members:
            self.aliases[name] = self.members[name], 0
            return self._add(self.members[name])
        if name in self.functions:
            example = f"write {name}(x)"
            raise ParseError(f"{name} is a function", text=self.text, span=tree.span, hint=example)
        if name in self.definitions:
            return
        if name in self.declared or name in self.known:
            self._add(name)
        elif name in self.words:
            self.sizes[name] = Dim.of(name)
        elif not self._differential(name, seen):
            if is_reserved(name) or default_kind(name) is None:
                raise unknown_name(name).located(self.text, tree.span)
            self._add(name)

    def _add(self, name: str) -> None:
        if name in self.variables:
            return
        self.variables[name] = None
        if name in self.known and name not in self.declared:
            return
        said = self.declared.get(name)
        if said is None or said.kind is None:
            kind = default_kind(name)
            if kind is None:
                hint = f"say `{name}: scalar`, `{name}: n` or `{name}: m×n`"
                raise ParseError(
                    f"the declaration of {name} does not say whether it is a scalar, a vector or a matrix", hint=hint
                )
            self.choices[name] = self.looks[name] = kind

    def _differential(self, name: str, seen: Mapping[str, Tree]) -> bool:
        """dX of a variable X, dX_1 with an index: the longest name that is there, else the shortest possible."""
        if name[0] != "d" or len(name) == 1:
            return False
        rest = name[1:]
        base, _, index = rest.rpartition("_")
        split = bool(base) and index.isdecimal() and not index.startswith("0")
        if self._exists(rest, seen):
            return self._alias(name, rest, 0)
        if split and (self._exists(base, seen) or default_kind(base) is not None):
            return not is_reserved(base) and self._alias(name, base, int(index))
        return default_kind(rest) is not None and not is_reserved(rest) and self._alias(name, rest, 0)

    def _exists(self, name: str, seen: Mapping[str, Tree]) -> bool:
        if name in self.functions or (name in self.words and name not in self.declared):
            return False
        there = name in self.known or name in self.declared or name in self.definitions
        return there or (name in seen and not is_reserved(name) and name not in PI)

    def _alias(self, name: str, of: str, index: int) -> bool:
        self.aliases[name] = (of, index)
        if of not in self.definitions:
            self._add(of)
        return True

    def attributes(self, name: str) -> frozenset[str]:
        said = self.declared.get(name)
        index = frozenset({"index"}) if name in self.indices else frozenset()
        return index if said is None else said.attributes | (index if said.kind in (None, "scalar") else frozenset())

    def origin(self, name: str) -> str:
        """How the type of a name came about, in a word."""
        said = self.declared.get(name)
        if name in self.definitions:
            return "defined"
        if name in self.known or (said is not None and said.kind is not None and (said.dims or said.kind == "scalar")):
            return "declared"
        return "inferred"

    def taken(self, program: Program) -> set[str]:
        """Names that a new dimension must not have."""
        used = {str(t.value) for root in self.roots for t in root.plan if t.head == "name"}
        sizes = {
            str(s.value)
            for root in self.roots
            for t in root.plan
            if t.args and t.head in ("call", "index")
            for a in t.args
            if a not in operands(t)
            for s in walk(a)
            if s.head == "name"
        }
        return {*self.words, *self.variables, *self.definitions, *self.functions, *used, *sizes}

    def types(self, solver: Solver, changed: Iterable[str]) -> dict[str, Type]:
        """The types of all names but definitions, `changed` among the choices being their alternatives."""
        chosen = set(changed)
        env: dict[str, Type] = dict.fromkeys(self.sizes, ("scalar", ONE, ONE))
        for name in self.variables:
            env[name] = self._type(name, solver, name in chosen)
        for name, (of, _) in self.aliases.items():
            if of in env:
                env[name] = env[of]
        return env

    def _type(self, name: str, solver: Solver, changed: bool) -> Type:
        said = self.declared.get(name)
        if said is None and name in self.known:
            s = self.known[name]
            return s.kind, s.rows, s.cols
        kind = self.alternative(name) if changed else (said and said.kind) or self.choices[name]
        if kind == "scalar":
            return "scalar", ONE, ONE
        if said is not None and said.dims:
            return kind, said.dims[0], said.dims[1] if len(said.dims) == 2 else ONE
        rows = solver.fresh()
        if kind == "vector":
            return kind, rows, ONE
        return kind, rows, rows if said and said.attributes & SQUARE else solver.fresh()


def _dimension_words(declared: Mapping[str, Declared], known: Mapping[str, Symbol]) -> frozenset[str]:
    dims = [d for said in declared.values() for d in said.dims]
    arrows = [said.arrow for said in declared.values() if said.arrow is not None]
    dims += [d for arrow in arrows for shape in (*arrow.inputs, arrow.output) for d in shape]
    dims += [d for s in known.values() for d in (s.rows, s.cols)]
    return frozenset(n for d in dims for n in d.names)
