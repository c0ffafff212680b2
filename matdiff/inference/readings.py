r"""What the types decide: whether \log X is the logarithm of a matrix or of its entries, and what that is to be told.

In LaTeX one word stands for both.  Under a trace, a determinant or a norm and as a factor of a matrix, papers mean the
function of the whole matrix; under sums and ⊙ that of the entries; elsewhere both are in use, and it is refused.
In plain text exp goes entry by entry and expm does not; where expm may have been meant, a remark says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from itertools import repeat
from typing import NamedTuple

from matdiff.core.node import Kind
from matdiff.core.op import Macro, words
from matdiff.core.shape import Dim, Spec
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.inference.attempt import Attempt
from matdiff.inference.calls import anatomy, choose
from matdiff.inference.literals import literal
from matdiff.inference.misfit import grouped, source
from matdiff.inference.names import default_kind, is_greek
from matdiff.inference.places import of_entries, whole
from matdiff.inference.reading import operands
from matdiff.inference.scope import Scope
from matdiff.inference.types import Root, Type
from matdiff.ops.reductions import norm
from matdiff.text.tree import ENTRIES, RAISED, ROOT, SQUARE, TYPED, Tree

# What a reader may not have meant: names that are read as something else than their letters say.

SIZES: dict[Kind, str] = {"scalar": "scalar", "vector": "n", "matrix": "m×n"}


def remarks(scope: Scope, found: Attempt) -> dict[str, str]:
    """A sentence for each undeclared name that is not what it looks like, or may not be meant as what it looks like.

    Only of lower-case letters that become scalars, the t of det(t*I - A), it need not be said.
    """
    said = {}
    for name, looks in scope.looks.items():
        if (found.env[name][0] != looks or looks != "vector") and (sentence := _remark(scope, name, found)):
            said[name] = sentence
    return said


def _remark(scope: Scope, name: str, found: Attempt) -> str:
    looks, kind = scope.looks[name], found.env[name][0]
    if name == "e" and kind == "scalar" and name in _bases(scope):
        return "e is a variable here: the exponential is exp(x)"
    if is_greek(name) and kind != "scalar":
        sign = scope.signs.get(name)
        if looks != kind and (sign is None or sign.kind != kind):
            return f"{name} is read as a {kind}, since as a scalar it does not fit: `{name}: scalar` tells why"
        why = "as capitals are" if sign is None else f"since {sign.why}"
        return f"{name} is read as a {kind}, {why}: declare `{name}: scalar` if it is one"
    if name in scope.doubts and kind == "scalar":
        return f"{name} is a scalar, as Greek names are: declare `{name}: n×n` if it is a matrix"
    if kind == looks == "matrix" and name in _multiples(scope):
        return f"{name} is read as a matrix, as capitals are: declare `{name}: scalar` if it is one"
    if kind == looks or kind != "scalar":
        return ""
    if found.calculus and looks == "vector":
        return f"{name} is read as a scalar, since vectors have no powers ^: entry by entry they are {name}.^2"
    if name in scope.signs and scope.signs[name].kind == kind:
        return f"{name} is read as a scalar, since {scope.signs[name].why}: declare `{name}: m×n` if it is a matrix"
    return f"{name} is read as a scalar, since as a {looks} it does not fit: `{name}: {SIZES[looks]}` tells why"


def _multiples(scope: Scope) -> set[object]:
    """Names that stand but before or behind scalars that are values of functions, N*norm(x)^2: counts, perhaps."""
    left: Counter[object] = Counter(t.value for root in scope.roots for t in root.plan if t.head == "name")
    found: set[object] = set()
    for root in scope.roots:
        for t in root.plan:
            if t.head == "*" and "name" in (t.args[0].head, t.args[1].head):
                name, other = t.args if t.args[0].head == "name" else t.args[::-1]
                other = other.args[0] if other.head in ("^", "/") else other
                records = words.get(str(other.value), ()) if other.head == "call" else ()
                if other.head == "norm" or (records and all(r.signature.endswith("->()") for r in records)):
                    found.add(name.value)
                    left[name.value] -= 1
    return {name for name in found if not left[name]}


def _bases(scope: Scope) -> set[object]:
    return {t.args[0].value for root in scope.roots for t in root.plan if t.head in ("^", ".^")}


def quiet(name: str, sentence: str) -> bool:
    """Whether a remark is made only where the name is what one differentiates by."""
    return default_kind(name) == "vector" and "does not fit" in sentence


class Place(Enum):
    """Where a function of a matrix stands."""

    WHOLE = "under tr or det, or beside a matrix"
    TURNED = "beside a matrix that stands transposed"
    NORM = "in a norm, with other such functions at most"
    RESIDUAL = "in a norm, with something else"
    VECTOR = "beside a vector"
    SCALING = "beside a diagonal matrix"
    ONES = "beside a vector of ones"
    INNER = "in an inner product"
    ENTRY = "where entries are meant"
    OTHER = "anywhere else"


TOGETHER = frozenset({Place.WHOLE, Place.TURNED, Place.NORM, Place.RESIDUAL})
"""Where papers mean the function of the whole matrix, if it is square."""
CUSTOM = frozenset({Place.WHOLE, Place.NORM})
"""Where even an undeclared matrix is taken for a square one."""
SCALED = frozenset({Place.VECTOR, Place.SCALING})
"""Where they do too, but for exp, which stands there for kernels as well: diag(u) exp(-C/ε) v."""
BESIDE = frozenset({Place.WHOLE, Place.TURNED, Place.SCALING, Place.VECTOR, Place.ONES})

CONSTANTS = ("vector", "matrix", "ones")


class Said(NamedTuple):
    """A remark, and where in the text it belongs."""

    at: int
    sentence: str


def settle(scope: Scope, found: Attempt) -> tuple[str, ...]:
    """Decide each open function; the trees say afterwards what is meant.  Returns remarks; raises where both may be."""
    return _Reading(scope, found).remarks() if found.checker.types is not None else ()


class _Reading:
    def __init__(self, scope: Scope, found: Attempt) -> None:
        self.scope = scope
        self.types: dict[Tree, Type] = found.checker.types or {}
        self.solver = found.solver
        self.spread = set(found.checker.spread)
        self.places: dict[Tree, Place] = {}
        self.uses: dict[str, set[Place]] = {}
        self.said: list[Said] = []

    def remarks(self) -> tuple[str, ...]:
        for root in reversed(self.scope.roots):
            self.root(root)
        return tuple(dict.fromkeys(s.sentence for s in sorted(self.said)))

    def root(self, root: Root) -> None:
        """Users before their arguments: where a tree stands follows from where its user stands."""
        uses = self.uses.get(root.name, {Place.OTHER})
        self.places[root.tree] = Place.ENTRY if root.parameter else uses.pop() if len(uses) == 1 else Place.OTHER
        for t in reversed(root.plan):
            place = self.places.get(t, Place.OTHER)
            if t.head == "name":
                self.uses.setdefault(str(t.value), set()).add(place)
            elif t.args:
                self.visit(t, place)

    def visit(self, t: Tree, place: Place) -> None:
        if whole(t):
            self.places[t.args[0]] = self.open(t, place)
            return
        if t in self.spread:
            self.spreads(t, place)
        elif t.head == ".^" and t.args[1].mark == ROOT:
            self.higher_root(t)
        elif t.head in ("abs", "norm") and t.mark:
            self.bars(t, place)
        elif t.mark == TYPED:
            self.exponential(t)
        elif self.scope.latex and t.head == "call" and self._matrix(t) and place is not Place.ENTRY:
            self.named(t, place)
        args = operands(t)
        self.places.update(zip(args, self.below(t, args, place), strict=False))

    # where the arguments stand

    def below(self, t: Tree, args: tuple[Tree, ...], place: Place) -> Iterable[Place]:
        match t.head:
            case "neg" | "'":
                return (place,)
            case "/":
                return place, Place.OTHER
            case "+":
                return repeat(Place.WHOLE if any(map(_identity, args)) else place)
            case "*":
                left, right = args
                return self.factor(right, place), self.factor(left, place)
            case "⊗" | "\\" | "^":
                return repeat(Place.WHOLE)
            case ".^":
                return repeat(Place.OTHER if t.mark == RAISED else Place.ENTRY)
            case ".*" | "./" | ".+":
                return repeat(Place.ENTRY)
            case "norm":
                return ((Place.NORM if _functions(args[0]) else Place.RESIDUAL) if t.value != "1" else Place.OTHER,)
            case "abs":
                return (Place.WHOLE if t.mark else Place.ENTRY,)
            case "inner":
                return repeat(Place.INNER)
            case "call":
                return self.arguments(t, args)
        return repeat(Place.OTHER)

    def factor(self, other: Tree, place: Place) -> Place:
        """Beside the factor `other` of a product."""
        kind = self.types[other][0]
        if kind == "scalar":
            return place
        base = other.args[0] if other.head == "'" else other
        if base.head == "call" and base.value in CONSTANTS:
            return Place.ONES
        if kind != "matrix":
            return Place.VECTOR
        made = base.head == "call" and base.value in ("diag", "Diag")
        diagonal = made or "diagonal" in self.scope.attributes(str(base.value))
        return Place.SCALING if diagonal else Place.TURNED if other.head == "'" else Place.WHOLE

    def arguments(self, t: Tree, args: tuple[Tree, ...]) -> Iterable[Place]:
        """Inside a call: a square matrix is asked for as a whole, any shape entry by entry."""
        if t.value == "e^":
            return (Place.WHOLE,)
        record = choose(str(t.value), [self.types[a][0] for a in args], len(t.args))
        if record is None or of_entries(t):
            return repeat(Place.OTHER if t.value in ("hcat", "vcat") else Place.ENTRY)
        if record is norm:
            return (Place.NORM if _functions(args[0]) else Place.RESIDUAL,)
        inputs, output, _, _ = anatomy(record.signature)
        return [_asked(spec, output) if not isinstance(record, Macro) else Place.ENTRY for spec in inputs]

    # what is decided

    def open(self, t: Tree, place: Place) -> Place:
        """Decide the call of exp, log, …; returns where its argument stands."""
        kind, rows, cols = self.types[t.args[0]]
        if kind != "matrix" or t.mark == ENTRIES:
            return Place.ENTRY
        square = self.solver.value(rows) is self.solver.value(cols)
        if not square and not self.undecided(rows, cols):
            return Place.ENTRY
        if not self.scope.latex:
            if place != Place.ENTRY if square else place in (Place.WHOLE, Place.TURNED, Place.VECTOR):
                self.remark_entries(t)
            return Place.ENTRY
        if place == Place.ENTRY or (not square and place in (Place.ONES, Place.INNER)):
            if square or place != Place.ENTRY:
                self.remark_entries(t)
            return Place.ENTRY
        if not square and place in CUSTOM and t.args[0].head == "name":
            square = self.solver.equate(rows, cols) and self.solver.settle() is None
        if not square or not (place in TOGETHER or (place in SCALED and t.value != "exp")):
            raise self.both(t)
        self.take_whole(t)
        return Place.WHOLE

    def undecided(self, rows: Dim, cols: Dim) -> bool:
        """Whether nothing tells how many rows and columns there are."""
        return any(n[0] == "?" for d in (rows, cols) for n in self.solver.value(d).names)

    def take_whole(self, t: Tree) -> None:
        word, written = whole(t), self.function(t)
        if word not in words:
            message = f"{written} of the square matrix {self.inside(t)} would be the function of the whole matrix"
            hint = f"the language has no {word}; entry by entry it is written {self.entries(t)}"
            raise UnsupportedError(message, hint=hint).located(self.scope.text, t.span)
        sentence = f"{written} of the square matrix {self.inside(t)} is the function of the whole matrix, {word}"
        self.say(t, f"{sentence}; entry by entry it is written {self.entries(t)}")
        t.value = word

    def both(self, t: Tree) -> MatdiffError:
        word, written = whole(t), self.function(t)
        hint = f"write {self.entries(t)} for that of the entries"
        if word in words:
            hint = hint.replace("write", rf"write \operatorname{{{word}}}({self.inside(t)}) for that of the matrix,")
        message = f"is {written} here the function of a whole matrix, or of each of its entries?"
        return ParseError(message, hint=hint).located(self.scope.text, t.span)

    def remark_entries(self, t: Tree) -> None:
        word, x = whole(t), self.inside(t)
        offer = rf"\operatorname{{{word}}}({x})" if self.scope.latex else f"{word}({x})"
        other = f"the function of the whole matrix is {offer}" if word in words else "of a whole matrix there is none"
        self.say(t, f"{self.function(t)} of the matrix {x} goes entry by entry; {other}")

    def _matrix(self, t: Tree) -> bool:
        return bool(t.args) and t.args[0] in self.types and self.types[t.args[0]][0] == "matrix"

    def named(self, t: Tree, place: Place) -> None:
        r"""tr(\\tanh A) goes entry by entry, and e^{-C} does not."""
        x = self.inside(t)
        if t.value == "e^":
            self.say(t, f"e^{{{x}}} of a matrix is expm; entry by entry it is written \\exp^{{\\odot}}({x})")
        elif place is Place.WHOLE and t.args[0].head == "name":
            if len(t.args) == 1 and of_entries(t):
                self.remark_entries(t)
            elif t.value in ("max", "min") and len(t.args) == 2:
                self.say(t, f"\\{t.value} of the matrix {x} and another goes entry by entry")

    def spreads(self, t: Tree, place: Place) -> None:
        shown = source(t, self.scope.text)
        if self.types[t][0] == "matrix" and place != Place.ENTRY:
            message = "cannot add a scalar to a matrix inside a function of the whole matrix"
            raise ShapeError(message, hint="write the scalar times I").located(self.scope.text, t.span)
        self.say(t, f"in {shown} the scalar is added to every entry")

    def higher_root(self, t: Tree) -> None:
        """\\sqrt[3]{A}."""
        kind, rows, cols = self.types[t.args[0]]
        if kind != "matrix":
            return
        if self.solver.value(rows) is self.solver.value(cols) or self.undecided(rows, cols):
            degree, a = t.args[1].value, grouped(t.args[0], source(t.args[0], self.scope.text))
            hint = rf"write {a}^{{{degree}}} for that of the matrix, {a}^{{\odot {degree}}} for that of the entries"
            message = "is this the root of a whole matrix, or of each of its entries?"
            raise ParseError(message, hint=hint).located(self.scope.text, t.span)

    def bars(self, t: Tree, place: Place) -> None:
        shown = source(t, self.scope.text)
        matrix = self.types[t.args[0]][0] == "matrix"
        if matrix and t.head == "norm":
            self.say(t, f"{shown} of a symmetric matrix is read as the sum of the absolute values of its entries")
        elif matrix and t.mark == SQUARE:
            if place in BESIDE:
                raise self.determinant_or_entries(t)
            self.say(t, f"{shown} is read as a determinant")

    def determinant_or_entries(self, t: Tree) -> MatdiffError:
        x = self.inside(t)
        det, entries = (r"\det", r"\operatorname{abs}") if self.scope.latex else ("det", "abs")
        hint = f"write {det}({x}) for the determinant or {entries}({x}) entry by entry"
        return ShapeError("|·| of a matrix has two meanings", hint=hint).located(self.scope.text, t.span)

    def exponential(self, t: Tree) -> None:
        shown, x = source(t, self.scope.text), source(t.args[0], self.scope.text)
        word = "expm" if self.types[t.args[0]][0] == "matrix" else "exp"
        x = x[1:-1] if x[:1] == "(" and grouped(t.args[0], x) == x else x
        self.say(t, f"{shown} is {word}({x}), with the number e; declare `e: scalar` if e is a variable")

    # words

    def say(self, t: Tree, sentence: str) -> None:
        self.said.append(Said(t.span[0], sentence))

    def function(self, t: Tree) -> str:
        """The function as it is written, \\log or log."""
        if t.value == "sigmoid" and "\\sigma" in self.scope.text[t.span[0] : t.args[0].span[0]]:
            return "\\sigma"
        return f"\\{t.value}" if "\\" in self.scope.text[t.span[0] : t.args[0].span[0]] else str(t.value)

    def inside(self, t: Tree) -> str:
        return source(t.args[0], self.scope.text)

    def entries(self, t: Tree) -> str:
        name = r"\operatorname{sqrt}" if t.value == "sqrt" else f"\\{t.value}"
        return rf"{name}^{{\odot}}({self.inside(t)})"


def _identity(t: Tree) -> bool:
    """I, 2I, -I."""
    while t.head == "neg" or (t.head == "*" and literal(t.args[0]) is not None):
        t = t.args[-1]
    return (t.head == "name" and t.value == "I") or (t.head == "call" and t.value == "eye")


def _asked(spec: Spec, output: Spec) -> Place:
    if spec is None:
        return Place.ENTRY
    square = len(spec) == 2 and spec[0] is spec[1]
    return Place.WHOLE if square or output == () else Place.OTHER


def _functions(tree: Tree) -> bool:
    """log X - log Y: functions of matrices that have a name, and nothing else."""
    stack = [tree]
    while stack:
        t = stack.pop()
        if t.head in ("+", "neg"):
            stack.extend(t.args)
        elif not (whole(t) and t.args[0].head == "name"):
            return False
    return True
