"""Sums over an index: members x_i of families, how far the indices run, and what the families are.

Before inference the trees are walked once: indices get names of their own, members stand for one variable a family.
After it the members are taken for entries and rows of their families, and the sums are lifted into matrix notation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, NoReturn, TypeAlias

from matdiff.core.node import Node, Symbol, symbol, topological
from matdiff.core.op import Op
from matdiff.core.patterns import deferred
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.lift import lifted
from matdiff.graph.lift.values import Member
from matdiff.inference.declarations import Declared, declarations_text, spell
from matdiff.inference.names import check_defined, default_kind
from matdiff.ops.algebra import is_op, matmul
from matdiff.ops.complexes import COMPLEX
from matdiff.ops.constants import eye, ones
from matdiff.ops.structure import tril
from matdiff.ops.sums import OVER, Index
from matdiff.ops.sums import Over as Runs
from matdiff.ops.unknown import Unknown
from matdiff.text.tokens import GREEK
from matdiff.text.tree import INDICATOR, Binder, Over, Program, Span, Tree, walk

Typed: TypeAlias = Any
"""matdiff.inference.Typed, which is made there."""
COMPLEX_ALONE = frozenset({"complex"})
MOST = 4
"""Most families of which every combination of scalars is tried."""
MAX_TREES = 200_000
"""Most trees that definitions put in place may make."""

COUNTS = frozenset("NnMmKT")
"""Letters by which a sum is divided where it is a mean."""

UNIT = "e@"
"""Families of the rows of identities."""
COUNTED = "1@"
"""Families of the numbers 1, 2, … that indices are."""
APART = frozenset("abefghowz")
"""Letters below that are no indices by custom: u_o beside u_k is a vector of its own, x_y beside x_j the entry y."""

Bound = Mapping[str, str]
"""The indices around a place: letter → its own name."""
Places = tuple[tuple[str, int], ...]

_place = deferred(r"(ell|[a-z])(?:([pm])(\d{1,9}))?,?")
_bold = deferred(r"\\(?:mathbf|boldsymbol|bm|vec|bf)(?![A-Za-z])")
_words = deferred(r"[^\W\d]\w*")
_term = deferred(r"([+-]?)(\d{0,9})\*?([^\W\d]\w*)?")


@dataclass(eq=False)
class Family:
    """x_i, x_j and x_{i+1}: the names that stand for them with their places, `member` in inference for them all."""

    base: str
    arity: int
    member: str
    span: Span
    places: dict[str, Places] = field(default_factory=dict)
    exact: bool = False
    """Whether it was typed x[i], as entries of a variable of that name."""
    array: str = ""
    """The name of the declared array, if one is declared."""
    kind: str = ""
    """What its declaration says that a member is."""
    dims: tuple[Dim, ...] = ()
    """Of a member that is a vector."""
    typed: list[str] = field(default_factory=list)
    stacked: bool = False
    """Whether members are matrices, of which the array has the vec in its rows."""
    attributes: frozenset[str] = frozenset()
    """`complex` where the data are."""


@dataclass(eq=False)
class Run:
    """How far an index runs; None where that is not said."""

    letter: str
    first: Dim
    last: Dim | None
    span: Span


class Reader:
    """One walk over the trees of a program, which it copies."""

    def __init__(self, program: Program, said: Mapping[str, Declared], known: Mapping[str, Symbol]) -> None:
        self.text = program.text
        self.said = dict(said)
        self.known = known
        self.runs: dict[str, Run] = {}
        self.overs: list[tuple[Over, Bound]] = []
        self.families: dict[str, Family] = {}
        self.outside: list[Tree] = []
        self.turned: set[str] = set()
        """Bases of members that stand transposed, or in a norm."""
        self.same: list[tuple[str, str]] = []
        self.limits: set[str] = set()
        self.remarks: list[str] = []
        self.count = 0
        self.definitions = {d.name: d for d in program.definitions if not d.parameter}
        self.indexed = dict(self._indexed())
        self.placed: set[str] = set()
        function = self.copied(program.function) if program.function is not None else None
        self.free_axes: tuple[str, ...] = ()
        """Of c_k = …, which is c for all k."""
        if function is not None:
            self.walk(function, self.entered(program.left, function))
            self.means(function)
        kept = [replace(d, body=self.copied(d.body)) for d in program.definitions if d.name not in self.placed]
        for d in kept:
            self.walk(d.body, {})
        kept = [d for d in kept if d.name not in self.placed]
        self.program = replace(program, function=function, definitions=kept)

    def refuse(self, message: str, span: Span, hint: str = "") -> NoReturn:
        raise UnsupportedError(message, text=self.text, span=span, hint=hint)

    def copied(self, tree: Tree) -> Tree:
        made: dict[Tree, Tree] = {}
        for t in walk(tree):
            made[t] = replace(t, args=tuple(made[a] for a in t.args))
        self.count += len(made)
        if self.count > MAX_TREES:
            self.refuse(f"the definitions put in place have over {MAX_TREES:,} operations", tree.span)
        return made[tree]

    # definitions

    def _indexed(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """z_i = … for all i: base → name, letters."""
        for name, d in self.definitions.items():
            base, _, letters = name.rpartition("_")
            if base and letters.isalpha() and letters.islower() and set(letters) <= self.free(d.body):
                yield base, (name, letters)

    def entered(self, left: str, function: Tree) -> Bound:
        """The indices of c_k = \\sum_j …, where they stand outside of its sums."""
        base, _, letters = left.rpartition("_")
        letters = letters.replace(",", "")
        if not base or not 1 <= len(letters) <= 2 or not letters.isalpha() or len(set(letters)) < len(letters):
            return {}
        if not set(letters) <= self.free(function):
            return {}
        for letter in letters:
            self.runs[letter] = Run(letter, ONE, None, function.span)
        self.free_axes = tuple(letters)
        self.remarks.append(f"the function is {base}, all {left.replace(',', '')}")
        return {letter: letter for letter in letters}

    def free(self, tree: Tree) -> set[str]:
        """Letters that stand as subscripts in a definition and are bound by none of its own sums."""
        found: set[str] = set()
        stack: list[tuple[Tree, frozenset[str]]] = [(tree, frozenset())]
        seen: set[str] = set()
        while stack:
            t, bound = stack.pop()
            if isinstance(t, Over):
                bound |= {name for name, _, _ in t.binder.indices} or set(t.binder.pair)
                stack += [(condition, bound) for condition in t.binder.conditions]
            elif t.head == "name":
                name = str(t.value)
                if name in self.definitions and name not in seen:
                    seen.add(name)
                    stack.append((self.definitions[name].body, bound))
                found |= set(letters_of(name.rpartition("_")[2] if "_" in name else "")) - bound
            elif t.head == "index":
                found |= {str(s.value) for a in t.args[1:] for s in walk(a) if s.head == "name"} - bound
            stack += [(a, bound) for a in (t.args[:1] if t.head == "index" else t.args)]
        return found

    # the walk

    def walk(self, root: Tree, bound: Bound) -> None:
        stack: list[tuple[Tree, Bound]] = [(root, bound)]
        while stack:
            t, at = stack.pop()
            if isinstance(t, Over):
                at = self.bind(t, at)
                stack.append((t.args[0], at))
            elif t.head == "name":
                if inside := self.name(t, at):
                    stack.append(inside)
            elif t.head == "index" and (at or t.args[0].head == "name"):
                stack += [(a, at) for a in self.entry(t, at)]
            else:
                if t.head == "call" and t.value in ("K", "D", "e") and at:
                    self.kernel(t, at)
                if t.head == "call" and t.value == INDICATOR:
                    hint = "It stands as a factor right behind its sum, or write \\sum_{j\\neq i}."
                    self.refuse("this indicator cannot be read", t.span, hint)
                if t.head == "call" and t.value in ("sigma", "σ") and "sigma" not in self.definitions:
                    self.remarks.append("σ(…) is read as the sigmoid 1/(1 + exp(−…))")
                if t.head == "*" and at:
                    self.dotted(t, at)
                if t.head == "^" and isinstance(t.args[0], Over):
                    self.squared(t)
                stack += [(a, at) for a in reversed(t.args)]
                if t.head in ("'", "norm") and at:
                    self.turned |= {str(a.value).rpartition("_")[0] for a in terms(t.args[0])}

    def kernel(self, t: Tree, at: Bound) -> None:
        """K(x_i, x_j), where K(m, n) is the commutation matrix."""
        if any(set(letters_of(str(a.value).rpartition("_")[2])) & set(at) for a in t.args if a.head == "name"):
            hint = "Write out the kernel, exp(-norm(x_i - x_j)^2), or its matrix with the entries k_ij."
            self.refuse(f"{t.value} is a matrix here and no function of members", t.span, hint)

    def squared(self, t: Tree) -> None:
        """sum_i(…)^2 is a call and its power, where sum_i (…)^2 has the power inside."""
        call = self.text[slice(*t.args[0].span)]
        if call.startswith(f"{t.args[0].value}_") and call.endswith(")"):
            word = call.partition("(")[0]
            power = self.text[t.args[0].span[1] : t.span[1]].strip()
            self.remarks.append(f"{word}(…){power} is the power of the sum: {word}((…){power}) has it inside")

    def dotted(self, t: Tree, at: Bound) -> None:
        r"""x_i \\cdot w: papers mean the inner product, and numbers may be multiplied so as well."""
        a, b = t.args
        if a.head != "name" or b.head != "name" or "\\cdot" not in self.text[a.span[1] : b.span[0]]:
            return
        bases = [str(s.value).partition("_")[0] for s in (a, b)]
        undeclared = not any(
            n in self.said or n in self.known for s in (a, b) for n in (str(s.value), str(s.value).partition("_")[0])
        )
        members = [set(letters_of(str(s.value).rpartition("_")[2])) & set(at) for s in (a, b)]
        if undeclared and any(members) and all(len(n) == 1 and n.islower() for n in bases):
            one, other = (self.text[slice(*s.span)] for s in (a, b))
            hint = f"Write {one}^\\top {other} for the inner product, {one} {other} for numbers."
            self.refuse("is this the inner product of two vectors?", t.span, hint)

    def name(self, t: Tree, at: Bound) -> tuple[Tree, Bound] | None:
        """A name in a sum; the copy of a definition that depends on an index is to be walked next."""
        name = str(t.value)
        if name in at:
            axis = at[name]
            if self.runs[axis].first is not ONE:
                self.refuse(f"the index {name} stands as a number here", t.span, "That is read where it counts from 1.")
            self.member(t, f"{COUNTED}{name}", ((axis, 0),), True)
            return None
        base, _, suffix = name.rpartition("_")
        if base in self.indexed and suffix:
            return self.put(t, base, suffix, at)
        if name in self.definitions:
            d = self.definitions[name]
            if name in self.placed or self.free(d.body) & set(at):
                self.placed.add(name)
                return self.replaced(t, d.body), at
            return None
        places = self.places(suffix, at, t) if base and at else None
        if places is None:
            self.outside.append(t)
        else:
            self.member(t, base, places, False)
        return None

    def put(self, t: Tree, base: str, suffix: str, at: Bound) -> tuple[Tree, Bound]:
        """z_j, where z_i is defined."""
        name, letters = self.indexed[base]
        places = self.places(suffix, at, t)
        if places is None or len(places) != len(letters) or any(shift for _, shift in places):
            self.refuse(f"{t.value} stands outside of a sum over its index", t.span, f"Use {name} in a sum.")
        self.placed.add(name)
        inside = {**at, **{c: axis for c, (axis, _) in zip(letters, places, strict=True)}}
        return self.replaced(t, self.definitions[name].body), inside

    def replaced(self, t: Tree, body: Tree) -> Tree:
        """A sum of one term in the place of a name."""
        copy = self.copied(body)
        t.head, t.value, t.args = "+", "", (copy,)
        return copy

    def places(self, suffix: str, at: Bound, t: Tree) -> Places | None:
        """The indices of a subscript; None where it has none that is bound."""
        if len(suffix) == 3 and suffix[1] == "g" and "g" not in at and {suffix[0], suffix[2]} <= set(at):
            suffix = suffix[0] + suffix[2]
        found = list(_place.finditer(suffix))
        whole = "".join(m.group() for m in found) == suffix and bool(suffix)
        letters = [m[1] for m in found]
        if whole and all(c in at for c in letters):
            if len(letters) > 1 and "^" in self.text[t.span[0] : t.span[1]]:
                self.refuse("an index above and one below", t.span, "Write both below: x_{ij}, row i and column j.")
            if len(letters) > 2:
                self.refuse(f"{t.value} would need an array with three axes", t.span)
            return tuple((at[m[1]], int(m[3] or 0) * (-1 if m[2] == "m" else 1)) for m in found)
        if suffix and len(re.sub(r"\d", "", suffix)) <= 2 and set(suffix) & set(at):
            other = next((c for c in suffix if c not in at), suffix)
            if other.isdigit():
                hint = "Give the entries names of their own, or sum over both indices."
                self.refuse(f"{t.value} has an index and a number", t.span, hint)
            self.refuse(
                f"the index {other} stands outside its sum",
                t.span,
                f"Sum over {other} as well, or name all of these: c_{other} = …",
            )
        return None

    def entry(self, t: Tree, at: Bound) -> list[Tree]:
        """x[i], A[i,j+1]; returns what is to be walked next."""
        base, *subscripts = t.args
        if len(subscripts) == 1 and subscripts[0].head == "*":
            parts = list(factors_of(subscripts[0]))[::-1]
            if all(p.head == "name" and p.value in at for p in parts) and len(parts) == 2:
                subscripts = parts
        mentioned = {str(s.value) for a in subscripts for s in walk(a) if s.head == "name"}
        if not mentioned & set(at):
            self.outside += [s for a in subscripts for s in walk(a) if s.head == "name"]
            return [base]
        if base.head != "name" or str(base.value) in self.definitions:
            return self.selected(t, base, subscripts, at)
        places = []
        for a in subscripts:
            shift = 0
            if a.head == "+" and len(a.args) == 2 and a.args[0].head == "name":
                number = a.args[1].args[0] if a.args[1].head == "neg" else a.args[1]
                if number.head != "number" or not isinstance(number.value, int):
                    self.refuse("this index cannot be read", a.span, "Write x_{i+1}.")
                shift, a = number.value * (-1 if a.args[1].head == "neg" else 1), a.args[0]
            if a.head != "name" or str(a.value) not in at:
                hint = "An index is a letter that a sum runs over, or such a letter plus a number."
                self.refuse("this index stands outside its sum", a.span, hint)
            places.append((at[str(a.value)], shift))
        self.member(t, str(base.value), tuple(places), self.text[base.span[1] : base.span[1] + 1] == "[")
        return []

    def selected(self, t: Tree, base: Tree, subscripts: Sequence[Tree], at: Bound) -> list[Tree]:
        """(A x)_i and (W H)_ij as eᵢᵀ A x and eᵢᵀ W H eⱼ, with rows of identities for members."""
        units: list[Tree] = []
        for a in subscripts:
            if a.head != "name" or str(a.value) not in at or len(subscripts) > 2:
                self.refuse("an entry of an expression", t.span, "Its index is a letter that a sum runs over.")
            unit = Tree("name", (), "", t.span)
            self.member(unit, f"{UNIT}{len(self.families)}", ((at[str(a.value)], 0),), False)
            units.append(unit)
        row = Tree("'", (units[0],), "", t.span)
        whole = Tree("*", (row, base), "", t.span)
        t.head, t.value, t.args = "+", "", (Tree("*", (whole, units[1]), "", t.span) if units[1:] else whole,)
        return [base]

    def member(self, t: Tree, base: str, places: Places, exact: bool) -> None:
        key = f"{base}_" + ",".join(axis + (f"{shift:+d}" if shift else "") for axis, shift in places)
        typed = f"{base}_" + "".join(axis.partition("#")[0] for axis, _ in places)
        family = self.families.get(base)
        if family is None:
            family = self.families[base] = Family(base, len(places), typed, t.span, exact=exact)
        if family.arity != len(places):
            self.refuse(f"{base} has one index here and two elsewhere", t.span)
        family.places[key] = places
        if {axis for p in family.places.values() for axis, _ in p} == {"u", "i"} and family.arity == 1:
            hint = "Write c_i for the one of the two, b_u for the other."
            self.refuse(f"are {base}_u and {base}_i entries of one array, or users and items?", t.span, hint)
        if typed not in family.typed:
            family.typed.append(typed)
        family.exact |= exact
        t.head, t.value, t.args = "name", key, ()

    # what sums run over

    def means(self, root: Tree) -> None:
        r"""In \frac1N\sum_i and \sum_i … / N the index runs to N."""
        for t in walk(root):
            front = t.args[0].args[0] if t.head == "*" and t.args[0].head == "neg" else t.args[0] if t.args else t
            if t.head == "*" and front.head == "/" and front.args[0].head == "number":
                below, over = front.args[1], t.args[1]
            elif t.head == "/":
                over, below = t.args
            else:
                continue
            while over.head == "*" and over.args[0].head == "number":
                over = over.args[1]
            count = 1
            if below.head == "*" and below.args[0].head == "number":
                below = below.args[1]
            if below.head == "^" and below.args[1].value == 2:
                below, count = below.args[0], 2
            if isinstance(over, Over) and below.head == "name" and len(over.binder.indices) == count:
                self.mean(over, below)

    def mean(self, over: Over, below: Tree) -> None:
        name, runs = str(below.value), [self.runs[axis] for axis, _, _ in over.binder.indices]
        said = name in self.said or name in self.known or name in self.definitions
        if name not in COUNTS or said or any(run.last is not None for run in runs):
            return
        self.limits.add(name)
        for run in runs:
            run.last = Dim.of(name)
        self.remarks.append(f"{name} is read as the number of terms: declare `{name}: scalar` if it is a variable")

    def bind(self, t: Over, at: Bound) -> Bound:
        binder = self.unfolded(t, at)
        new = list(binder.indices)
        if not new:
            new = [(name, "", "") for name in binder.pair if name not in at]
        for name in binder.pair:
            if name and name not in at and all(name != i[0] for i in new):
                new.append((name, "", ""))
        if not new:
            self.refuse("both indices are those of sums around this one", t.span, "Give the new index its limits.")
        inside = dict(at)
        letters = [name for name, _, _ in new]
        if len(set(letters)) < len(letters):
            self.refuse(f"{letters[0]} is the index twice", t.span, "Give each index a letter of its own.")
        for name, first, last in new:
            around = {*at, *letters}
            if around & {
                part for word in _words.findall(f"{first} {last}") for part in (word, word.rpartition("_")[2])
            }:
                self.refuse(f"the range of {name} depends on an index", t.span, "Ranges as j<i and i+1..n are read.")
            if "infty" in last:
                self.refuse("a sum without an end", t.span, "Sums are finite: write the last index above.")
            if name in self.said or name in self.known or name in self.definitions:
                self.refuse(f"{name} is declared, and the index of a sum", t.span, "Choose another letter.")
            axis = name
            while axis in self.runs:
                axis = f"{name}#{int(axis.partition('#')[2] or 1) + 1}"
            upper = self.limit(last, t.span) if last else None
            self.runs[axis] = Run(name, self.limit(first, t.span) if first else ONE, upper, t.span)
            inside[name] = axis
        binder = self.indicated(t, binder, letters, inside)
        t.binder = replace(binder, indices=tuple((inside[name], "", "") for name, _, _ in new))
        pair = binder.pair if binder.relation else ("", "")
        if pair[0] and pair[0] == pair[1]:
            self.refuse("an index is related to itself", t.span)
        t.binder.pair = (inside[pair[0]], inside[pair[1]]) if pair[0] else ("", "")
        if len(new) > 2 and (binder.relation or binder.mask):
            self.refuse("a condition on more than two indices", t.span, "Split the sum.")
        if binder.relation:
            self.same.append(t.binder.pair)
        if t.value in ("max", "min") and (binder.relation or binder.mask or binder.conditions):
            self.refuse(f"a {t.value} over some of the members", t.span, "Write it over all of them.")
        if binder.mask and t.value == "prod":
            self.refuse("a product over a set of pairs", t.span)
        if binder.mask:
            t.args = (*t.args, Tree("name", (), binder.mask, t.span))
        self.overs.append((t, inside))
        return inside

    def indicated(self, t: Over, binder: Binder, new: Sequence[str], inside: Bound) -> Binder:
        r"""\sum_k 1[k\neq i] … leaves out pairs as \sum_{k\neq i} does; other conditions are factors of 0 and 1."""
        factors = list(factors_of(t.args[0]))
        for f in factors:
            if f.head != "call" or f.value != INDICATOR:
                continue
            pair = tuple(str(a.value) for a in f.args)
            if binder.relation or f.mark == "=" or not set(pair) <= set(inside) or not set(pair) & set(new):
                hint = "Write what is left out below the sum: \\sum_{j\\neq i}, or a matrix of zeros and ones."
                self.refuse("this indicator cannot be read", f.span, hint)
            binder = replace(binder, relation=f.mark, pair=pair)  # type: ignore[arg-type]
            f.head, f.value, f.args = "number", 1, ()
        for condition in binder.conditions:
            body = t.args[0]
            t.args = (Tree("*", (self.copied(condition), body), "", body.span), *t.args[1:])
        return binder

    def unfolded(self, t: Over, at: Bound) -> Binder:
        r"""\sum_{j=i+1}^n and \sum_{j=1}^{i-1} as conditions on both; \sum_{i=1}^{n-1}\sum_{j=i+1}^n as one sum."""
        inner = t.args[0]
        if len(t.binder.indices) == 1 and isinstance(inner, Over) and inner.value == t.value == "sum":
            (i, first, last), others = t.binder.indices[0], inner.binder.indices
            if (
                len(others) == 1
                and others[0][1] == f"{i}+1"
                and last
                and self.limit(last, t.span) + ONE is self.limit(others[0][2] or "0", t.span)
            ):
                t.args = inner.args
                return Binder(((i, first, others[0][2]), (others[0][0], "1", others[0][2])), "<", (i, others[0][0]))
        binder = t.binder
        if len(binder.indices) != 1 or binder.relation:
            return binder
        j, first, last = binder.indices[0]
        for i in at:
            if first in (i, f"{i}+1"):
                return Binder(((j, "1", last),), "≥" if first == i else ">", (j, i))
            if first == "1" and last in (i, f"{i}-1", f"{i}−1"):
                return Binder(((j, "1", ""),), "≤" if last == i else "<", (j, i))
        return binder

    def limit(self, text: str, span: Span) -> Dim:
        total, at = ZERO, 0
        text = text.replace("−", "-").strip("()")
        while at < len(text):
            m = _term.match(text, at)
            if m is None or m.end() == at or not (m[2] or m[3]) or (at and not m[1]):
                self.refuse(f"{text} is not a limit that is read", span, "Limits are sizes: N, n-1, 10.")
            term = Dim.of(int(m[2] or 1)) * (Dim.of(m[3]) if m[3] else ONE)
            total, at = total + term * Dim.of(-1 if m[1] == "-" else 1), m.end()
            if m[3]:
                self.size(m[3], span)
        return total

    def size(self, name: str, span: Span) -> None:
        if name in self.said or name in self.known or name in self.definitions:
            raise ParseError(
                f"{name} is declared, and the limit of a sum, which is a size",
                text=self.text,
                span=span,
                hint="leave out its declaration",
            )
        self.limits.add(name)


def terms(t: Tree) -> Iterator[Tree]:
    """The names that a sum adds up."""
    stack = [t]
    while stack:
        t = stack.pop()
        if t.head in ("+", "neg"):
            stack += t.args
        elif t.head == "name":
            yield t


def factors_of(t: Tree) -> Iterator[Tree]:
    """The factors of a product, and of what a fraction has above."""
    stack = [t]
    while stack:
        t = stack.pop()
        if t.head in ("*", "/"):
            stack += t.args if t.head == "*" else t.args[:1]
        elif t.head == "+" and len(t.args) == 1:
            stack += t.args
        else:
            yield t


def letters_of(suffix: str) -> list[str]:
    """The letters of a subscript that may be indices."""
    found = list(_place.finditer(suffix))
    return [m[1] for m in found] if "".join(m.group() for m in found) == suffix else []


class Sums:
    """A program with sums, read: what its families are and how far its indices run."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.text = reader.text
        self.scalar = False
        """Whether the last reading was that of a scalar function, whose refusal is final."""
        self.matrices = False
        """Whether members are matrices in the last reading, whose refusal is final as well."""
        self.again = False
        """Whether capitals are no matrices in this reading."""
        self.families = list(reader.families.values())
        self.runs = reader.runs
        self.limits = reader.limits
        self.names = self._names()
        self._outside()
        self.slots: dict[tuple[str, int], Dim | None] = {}
        for f in self.families:
            self._declaration(f)
        self.masks = self._masks()
        self.capitals = [f for f in self.families if self._matrices(f)]
        """Families that are matrices, or where that does not type vectors and scalars."""
        self._lengths()
        self.members = {key: f.member for f in self.families for key in f.places}
        for over, _ in reader.overs:
            over.build = self._builder(over)

    def refuse(self, message: str, span: Span, hint: str = "") -> NoReturn:
        self.reader.refuse(message, span, hint)

    def _names(self) -> set[str]:
        """All names but members and indices, and the sizes of declarations."""
        dims = [d for s in self.reader.said.values() for d in s.dims]
        dims += [d for s in self.reader.known.values() for d in s.shape]
        names = {str(t.value) for t in self.reader.outside} | {n for d in dims for n in d.names}
        return names | set(self.reader.said) | set(self.reader.known) | self.limits | set(self.reader.definitions)

    def _outside(self) -> None:
        """An index outside its sum, x_1 beside x_i."""
        letters = {run.letter for run in self.runs.values()}
        for t in self.reader.outside:
            name = str(t.value)
            base, _, suffix = name.rpartition("_")
            found = letters_of(suffix) if base else []
            lone = [name] if name in letters else [c for c in found if c in letters]
            if lone and (name in letters or base in self.reader.families or len(lone) == len(found)):
                hint = "A sum reaches to the next + or - of its own level: put parentheses around its terms."
                self.refuse(f"the index {lone[0]} stands outside its sum", t.span, hint)
            if base in self.reader.families and suffix == "bar":
                said = f"{name} is a variable of its own, not the mean of the {self.reader.families[base].member}"
                self.reader.remarks.append(said)
            elif base in self.reader.families and (suffix == "0" or suffix in APART):
                member = self.reader.families[base].member
                why = ", which count from 1" * (suffix == "0")
                self.reader.remarks.append(f"{name} is a variable of its own, none of the {member}{why}")
            elif base in self.reader.families and len(suffix) < 3:
                member = self.reader.families[base].member
                hint = f"For one entry sum {member} times a vector of zeros and a one; rename a variable of its own."
                self.refuse(f"is {name} one of the {member}?", t.span, hint)

    # declarations

    def _array(self, name: str) -> tuple[str, tuple[Dim, ...]] | None:
        if name in self.reader.said:
            said = self.reader.said[name]
            if said.elementwise or said.kind is None:
                return None
            return said.kind, said.dims
        if name in self.reader.known:
            s = self.reader.known[name]
            return s.kind, () if s.kind == "scalar" else s.shape
        return None

    def _of(self, name: str) -> frozenset[str]:
        """The attributes of a variable."""
        found = self.reader.said.get(name) or self.reader.known.get(name)
        return found.attributes if found is not None else frozenset()

    def _declaration(self, f: Family) -> None:
        """What is said of x_i, of x or of X."""
        if f.base.startswith((UNIT, COUNTED)):
            f.kind = "vector" if f.base.startswith(UNIT) else "scalar"
            return
        for typed in f.typed:
            if (own := self._array(typed)) is not None:
                said = self.reader.said.pop(typed, None)
                said_of = (said or self.reader.known[typed]).attributes
                if said is not None and said_of - COMPLEX_ALONE and own[0] != "matrix":
                    self.refuse(f"attributes of the members {typed}", f.span, "Declare the whole data.")
                f.kind, f.dims = own
                f.attributes = COMPLEX_ALONE if said_of & COMPLEX else frozenset()
        upper = capital(f.base)
        candidates = [n for n in dict.fromkeys((f.base, upper)) if n and (n == f.base or not f.exact)]
        fitting = []
        for name in candidates:
            kind, dims = self._array(name) or ("", ())
            if kind == ("matrix" if f.arity == 2 else kind) and kind in ("vector", "matrix") and len(dims) in (1, 2):
                fitting.append((name, kind, dims))
        if len(fitting) > 1:
            lasts = {self.runs[axis].last for places in f.places.values() for axis, _ in places[:1]}
            fitting = [c for c in fitting if c[2][0] in lasts] or fitting
        if len(fitting) > 1:
            hint = f"Rename {f.base} or {upper}."
            self.refuse(f"are the {f.member} members of {f.base} or of {upper}?", f.span, hint)
        for name, kind, dims in fitting:
            member = "vector" if kind == "matrix" and f.arity == 1 else "scalar"
            if f.kind and f.kind != member:
                self.refuse(f"{f.member} is declared differently from {name}", f.span)
            f.array, f.kind = name, member
            f.attributes = COMPLEX_ALONE if self._of(name) & COMPLEX else frozenset()
            f.dims = dims[1:] if member == "vector" else ()
            for position in range(f.arity):
                self.slots[f.base, position] = dims[position]
        if f.exact and not f.kind:
            f.kind = "scalar"
        if f.arity == 2 and not f.kind:
            f.kind = "scalar"
        if f.arity == 2 and f.kind != "scalar":
            self.refuse(f"{f.member} would need an array with three axes", f.span)

    def _masks(self) -> dict[str, tuple[str, str]]:
        masks: dict[str, tuple[str, str]] = {}
        for over, _ in self.reader.overs:
            if name := over.binder.mask:
                (i, *_), (j, *_) = over.binder.indices
                masks[name] = (i, j)
                kind, dims = self._array(name) or ("matrix", ())
                if kind != "matrix":
                    self.refuse(f"{name} is the 0/1 matrix of the pairs that count", over.span)
                for position, axis in enumerate((i, j)):
                    if dims:
                        self._reach(axis, dims[position])
        return masks

    def _reach(self, axis: str, length: Dim) -> None:
        run = self.runs[axis]
        if run.last is None:
            run.last = length

    # lengths

    def _lengths(self) -> None:
        """Upper limits as typed, else the lengths of declared families, else names of their own."""
        self._spread()
        for axis, run in self.runs.items():
            if run.last is None:
                if not self._used(axis):
                    hint = r"Write \sum_{i=1}^N, or sum(…, i=1..N)."
                    self.refuse(f"nothing tells how far the index {run.letter} runs", run.span, hint)
                self._unshifted(axis)
                run.last = self._fresh()
                self._spread()
            if (number := (run.last - run.first).number) is not None and number < 0:
                self.refuse(f"the index {run.letter} runs from {run.first} to {run.last}", run.span)
        for f in self.families:
            for key, places in f.places.items():
                for position, (axis, shift) in enumerate(places):
                    self._within(f, key, position, axis, shift)
        for i, j in self.reader.same:
            if self.runs[i].last is not self.runs[j].last or self.runs[i].first is not self.runs[j].first:
                run = self.runs[i]
                self.refuse(f"{run.letter} and {self.runs[j].letter} run over different ranges", run.span)

    def _unshifted(self, axis: str) -> None:
        """An index without limits may not be shifted."""
        if any((axis, shift) in p for f in self.families for p in f.places.values() for a, shift in p if shift):
            hint = r"Write \sum_{i=1}^{n-1}, or sum(…, i=1..n-1)."
            self.refuse("a sum with a shifted index needs its limits", self.runs[axis].span, hint)

    def _used(self, axis: str) -> bool:
        return any(axis == a for f in self.families for places in f.places.values() for a, _ in places)

    def _spread(self) -> None:
        """From indices to families and back until nothing moves."""
        moved = True
        while moved:
            moved = False
            for f in self.families:
                for position in range(f.arity):
                    moved |= self._slot(f, position)
            for i, j in [*self.reader.same]:
                for one, other in ((i, j), (j, i)):
                    if self.runs[one].last is None and self.runs[other].last is not None:
                        self.runs[one].last, moved = self.runs[other].last, True

    def _slot(self, f: Family, position: int) -> bool:
        uses = [(self.runs[places[position][0]], places[position][1]) for places in f.places.values()]
        length = self.slots.get((f.base, position))
        if length is None:
            reaches = [run.last + Dim.of(shift) for run, shift in uses if run.last is not None]
            if not reaches:
                return False
            self.slots[f.base, position] = self._longest(f, reaches)
            return True
        moved = False
        for run, _ in uses:
            if run.last is None:
                self._unshifted(next(a for a, r in self.runs.items() if r is run))
                run.last, moved = length, True
        return moved

    def _longest(self, f: Family, reaches: Sequence[Dim]) -> Dim:
        longest = reaches[0]
        for reach in reaches[1:]:
            difference = (reach - longest).number
            if difference is None:
                hint = f"Declare {f.base}, or give the two families names of their own."
                self.refuse(f"{f.member} runs to {longest} and to {reach}", f.span, hint)
            longest = reach if difference > 0 else longest
        return longest

    def _within(self, f: Family, key: str, position: int, axis: str, shift: int) -> None:
        run, length = self.runs[axis], self.slots[f.base, position]
        assert run.last is not None and length is not None
        low, high = run.first + Dim.of(shift - 1), run.last + Dim.of(shift)
        after = (length - high).number
        written = f"{f.base}_{run.letter}{shift:+d}" if shift else f.typed[0]
        if low.number is None or low.number < 0:
            hint = "Indices count from 1."
            self.refuse(f"{written} begins before the first member", run.span, hint)
        if after is None:
            hint = f"Declare {f.array or f.base} with the length {high}."
            self.refuse(
                f"the index {run.letter} runs to {run.last}, and {written} has {length} members", run.span, hint
            )
        beyond = not f.array and shift > 0 and length is high and len(high.terms) > 1 and high.terms[-1][0] == ()
        if after < 0 or (beyond and high.terms[-1][1] > 0):
            hint = f"The sum may run to {(length if f.array else run.last) - Dim.of(shift)}."
            self.refuse(f"{written} goes past the last member", run.span, hint)

    def _fresh(self) -> Dim:
        taken = self.names | {f.base for f in self.families} | {capital(f.base) for f in self.families}
        name = next(n for n in ("N", "M", "K", "L", *(f"N{i}" for i in range(1, 10_000))) if n not in taken)
        self.names.add(name)
        self.limits.add(name)
        return Dim.of(name)

    # inference

    def variants(self) -> Iterator[tuple[int, dict[str, Declared]]]:
        """Declarations for inference: as the letters look first, then with the fewest families of scalars."""
        said = dict(self.reader.said)
        for name, (i, j) in self.masks.items():
            said.setdefault(name, Declared("matrix", (self._last(i), self._last(j))))
        for f in self.families:
            if f.base.startswith(UNIT):
                f.dims = (self.slots[f.base, 0],)  # type: ignore[assignment]
            if f.kind:
                said[f.member] = Declared(f.kind, f.dims, f.attributes)  # type: ignore[arg-type]
            if f.arity == 2 and not f.array and (name := self._shared(f)):
                said[name] = Declared("matrix", tuple(self.slots[f.base, p] for p in range(2)))  # type: ignore[misc]
        for kind in ("matrix", "vector") if self.capitals else ("",):
            self.again = kind == "vector"
            first = {**said, **{f.member: Declared(kind) for f in self.capitals}}
            closed = self.capitals if kind == "matrix" else []
            self.open = [f for f in self.families if not f.kind and not self._vectors(f) and f not in closed]
            yield 0, first
            for scalars in self._choices():
                more = {f.member: Declared("scalar") for f in scalars}
                for f in scalars:
                    if name := self._shared(f):
                        more[name] = Declared("vector", (self.slots[f.base, 0],))  # type: ignore[arg-type]
                yield len(scalars), {**first, **more}

    def _choices(self) -> Iterator[tuple[Family, ...]]:
        if len(self.open) > MOST:
            yield from ((f,) for f in self.open)
            yield tuple(self.open)
            return
        for count in range(1, len(self.open) + 1):
            yield from combinations(self.open, count)

    def _matrices(self, f: Family) -> bool:
        """Whether members are matrices by their capital: no reader takes A_i for a scalar unless that is declared."""
        return f.arity == 1 and not f.kind and default_kind(f.member) == "matrix"

    def turned(self, f: Family) -> bool:
        return f.base in self.reader.turned

    def _vectors(self, f: Family) -> bool:
        """Whether members stand transposed or in bold: nobody writes scalars so."""
        return self.turned(f) or _bold.match(self.text, f.span[0]) is not None

    def _shared(self, f: Family) -> str:
        """The variable of the text that a family of scalars is, where nothing declares it."""
        names = (f.base,) if f.arity == 1 or f.exact else (f.base, capital(f.base))
        return next((n for n in names if n in self.names and n not in self.limits and n not in self.reader.said), "")

    def _last(self, axis: str) -> Dim:
        last = self.runs[axis].last
        assert last is not None
        return last

    def _builder(self, over: Over) -> Callable[[Sequence[Node]], Node]:
        binder = over.binder
        indices = tuple(Index(a, self.runs[a].first, self._last(a)) for a, _, _ in binder.indices)
        pair = binder.pair if binder.relation else None
        product, largest = over.value == "prod", {"max": 1, "min": -1}.get(str(over.value), 0)

        def build(args: Sequence[Node]) -> Node:
            mask = args[1] if len(args) > 1 else None
            if len(indices) < 3:
                return OVER.build((args[0],), (Runs(indices, binder.relation, pair, mask, product, largest),))  # type: ignore[arg-type]
            made = args[0]
            for index in reversed(indices):
                made = OVER.build((made,), (Runs((index,), product=product, largest=largest),))
            return made

        return build

    # families

    def symbols(self, variables: Mapping[str, Symbol]) -> dict[str, Node]:
        """The symbols that stand for members while building."""
        out: dict[str, Node] = {}
        for f in self.families:
            s = variables[f.member]
            if s.kind == "row" or (s.kind == "matrix" and f.arity == 2):
                self.refuse(f"the family of matrices {f.member} would need an array with three axes", f.span)
            out.update({key: symbol(f"{key}#", s.kind, s.rows, s.cols, f.attributes) for key in f.places})
        return out

    def lift(self, typed: Typed, members: Mapping[str, Node]) -> Typed:
        """The program in matrix notation, with families in the place of members."""
        self.scalar = typed.function.kind == "scalar"
        self.matrices = any(typed.variables[f.member].kind == "matrix" for f in self.families)
        arrays = self._arrays(typed)
        places: dict[Node, Member] = {}
        for f in self.families:
            for key, where in f.places.items():
                places[members[key]] = Member(arrays[f.base], tuple((axis, Dim.of(shift)) for axis, shift in where))
        function = self._lifted(typed.function, places)
        check_defined(function, {}, self.text)
        variables: dict[str, Symbol] = {}
        units = {f.member for f in self.families if f.base.startswith((UNIT, COUNTED))}
        spoken = [f for f in self.families if f.member not in units]
        named = {f.member: arrays[f.base] for f in spoken}
        for name, s in typed.variables.items():
            if name not in units:
                found = named.get(name, s)
                variables.setdefault(found.name, found)
        said = {s for name, s in typed.changed.items() if name in named}
        remarks = [r for r in typed.remarks if r not in said]
        own = {
            n: f.of.arrow if isinstance(f, Unknown) else None for n, f in typed.functions.items() if isinstance(f, Op)
        }
        return typed._replace(
            function=function,
            variables=variables,
            declarations=declarations_text(variables, own),
            definitions={n: d for n, d in typed.definitions.items() if not _holds(d, places)},
            kept=None if typed.kept is None else self._lifted(typed.kept, places),
            remarks=(*remarks, *self.reader.remarks, *(self._sentence(f, arrays[f.base]) for f in spoken)),
            changed={n: s for n, s in typed.changed.items() if n not in named},
            families={name: arrays[f.base].name for f in spoken for name in (*f.typed, f.base)},
        )

    def _lifted(self, node: Node, places: Mapping[Node, Member]) -> Node:
        free = tuple(Index(a, self.runs[a].first, self._last(a)) for a in self.reader.free_axes)
        try:
            return lifted(node, places, free)
        except MatdiffError as error:
            raise error.located(self.text, self.reader.overs[0][0].span) from None

    def _arrays(self, typed: Typed) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        taken = {n for n in typed.variables if n not in self.members.values()} | self.limits | set(typed.definitions)
        taken |= {n for s in typed.variables.values() for d in s.shape for n in d.names}
        for f in self.families:
            member = typed.variables[f.member]
            f.stacked = member.kind == "matrix"
            if f.base.startswith(UNIT):
                arrays[f.base] = eye(member.rows)
                continue
            if f.base.startswith(COUNTED):
                length = self.slots[f.base, 0]
                arrays[f.base] = matmul(tril(ones("matrix", length, length)), ones("vector", length))  # type: ignore[arg-type]
                continue
            if f.base == "e" and member.kind == "vector" and not f.kind:
                hint = "Declare `e: N×n` if they are data; the sum of eᵢᵀ A eᵢ is tr(A)."
                self.refuse(f"are the {f.member} the columns of the identity?", f.span, hint)
            dims = [self.slots[f.base, p] for p in range(f.arity)]
            if member.kind != "scalar":
                dims.append(member.rows * member.cols)
            kind = "matrix" if len(dims) == 2 else "vector"
            name = f.array or (self._shared(f) if member.kind == "scalar" else "") or self._free(f, kind, taken)
            there = typed.variables.get(name, self.reader.known.get(name))
            rows, cols = (*dims, ONE)[:2]
            arrays[f.base] = there or symbol(name, kind, rows, cols, f.attributes)  # type: ignore[arg-type]
            if there is not None and (there.kind != kind or list(there.shape) != dims):
                self.scalar &= f not in self.open
                self.refuse(
                    f"{f.member} is a {member.kind}, and {name} is {spell(name, there.kind, there.shape)}", f.span
                )
            taken.add(name)
        return arrays

    def _free(self, f: Family, kind: str, taken: set[str]) -> str:
        upper = capital(f.base) if kind == "matrix" and not f.exact else ""
        if upper in self.names and upper not in self.limits and kind == "matrix" and f.arity == 1:
            hint = f"Declare it, `{upper}: {self.slots[f.base, 0]}×n`, or rename one of the two."
            self.refuse(f"is {upper} the matrix with the rows {f.member}?", f.span, hint)
        found = next((n for n in (upper, f.base) if n and n not in taken), "")
        if not found:
            self.refuse(f"{f.base} has another meaning beside {f.member}", f.span, "Rename one of the two.")
        return found

    def undecided(self, one: Typed, other: Typed) -> ParseError:
        """Two readings with as many families of scalars."""
        a, b = (set(t.declarations.split("; ")) for t in (one, other))
        readings = [", ".join(f"`{n}`" for n in sorted(some)) for some in (a - b, b - a)]
        hint = f"declare {readings[0]}, or {readings[1]}"
        message = f"which of the {' and '.join(f.member for f in self.open)} are scalars?"
        return ParseError(message, text=self.text, span=self.open[0].span, hint=hint)

    def _sentence(self, f: Family, s: Symbol) -> str:
        whole = spell(s.name, s.kind, s.shape, s.attributes)
        rows = s.kind == "matrix" and f.arity == 1
        if f.stacked:
            flat = f"{s.name}.transpose(0, 2, 1).reshape({s.rows}, -1)"
            return f"the rows of {whole} are vec({f.typed[0]})ᵀ, in NumPy {flat} of the stack of all {f.typed[0]}"
        return f"{' and '.join(f.typed)} are the {'rows' if rows else 'entries'} of {whole}"


def _holds(d: Symbol, places: Mapping[Node, Member]) -> bool:
    return any(is_op(n, OVER) or n in places for n in topological(d))


def capital(base: str) -> str:
    """The capital of a family's name; nothing where it has none."""
    head, _, rest = base.partition("_")
    upper = head[:1].upper() + head[1:]
    fits = len(head) == 1 or (head in GREEK and upper in GREEK) or head[1:].isdigit()
    if not fits or not head[:1].isalpha() or upper in ("I", "E"):
        return ""
    return upper + ("_" + rest if rest else "")


def understood(
    program: Program,
    said: Mapping[str, Declared],
    known: Mapping[str, Symbol],
    typed: Callable[[Program, Mapping[str, Declared]], Typed],
) -> Typed | None:
    """The typed program in matrix notation; None where it has no sum over an index.

    Members are vectors where the function is a scalar so, else the fewest families are read as scalars.
    """
    reader = Reader(program, said, known)
    if not reader.overs:
        return None
    sums = Sums(reader)
    program = replace(reader.program, sums=sums)
    first: Typed | MatdiffError | None = None
    """What the letters alone say."""
    stacked: Typed | None = None
    """A reading with matrices for capitals."""
    best: tuple[int, Typed] | None = None
    for count, declared in sums.variants():
        if best is not None and (count > best[0] or not count):
            break
        if stacked is not None and best is None and sums.again:
            return stacked
        sums.scalar = sums.matrices = False
        try:
            found = typed(program, declared)
        except (ParseError, ShapeError, UnsupportedError) as error:
            if sums.matrices and any(f in sums.capitals for f in sums.families):
                f = sums.capitals[0]
                error.hint += (
                    f"; declare `{f.base}: N` if the {f.member} are scalars, `{f.base}: N×d` if they are vectors"
                )
            if sums.scalar or (sums.matrices and not any(map(sums.turned, sums.capitals))):
                raise
            first = first or error
            continue
        if not sums.scalar:
            first = first or found
            stacked = stacked or (found if sums.matrices else None)
        elif best is None:
            best = count, found
        elif found.declarations != best[1].declarations:
            raise sums.undecided(best[1], found)
    if best is not None:
        return best[1]
    if stacked is not None:
        return stacked
    if isinstance(first, MatdiffError):
        raise first
    return first
