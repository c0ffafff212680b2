"""Are two expressions equal?  Both are read with the same declarations, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from matdiff.api.expr import Expr, merged
from matdiff.api.reading import read, texts
from matdiff.core.node import Apply, Node, Symbol, describe, symbol, symbols, topological
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.inference import infer
from matdiff.inference.special import split_primes
from matdiff.ops.algebra import add
from matdiff.ops.complexes import COMPLEX, imaginary_in
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.printing.values import shown
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.tree import Program, Tree, walk
from matdiff.verify import sampling
from matdiff.verify.identity import Comparison, compare
from matdiff.verify.unknown import is_unknown

ANCHOR = "other_side"


@dataclass(frozen=True)
class Equality:
    """What a comparison of two expressions says.

    equal     True or False
    left      the first expression as it was read, `right` the second
    reason    how that is known, in a sentence
    arrays    where the two differ: a number or an array for each variable; None where there is no such place to show
    values    the two values there
    whole     whether the entries of `arrays` are whole numbers
    sizes     the sizes there that none of the arrays shows
    """

    equal: bool
    left: Expr
    right: Expr
    reason: str
    arrays: Mapping[str, Any] | None = None
    values: tuple[Any, Any] | None = None
    whole: bool = True
    remarks: tuple[str, ...] = field(default=())
    sizes: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def types(self) -> str:
        """The declarations of all variables, as text that `declare=` takes."""
        return Expr(self.left.node, merged((self.left, self.right))).types

    def __bool__(self) -> bool:
        return self.equal

    def __str__(self) -> str:
        return "\n".join([self.reason, *(f"    {name} = {value}" for name, value in self.rows())])

    def rows(self, style: str = "text") -> list[tuple[str, str]]:
        """The counter-example as names and values: the variables, then both sides; `style` is text, ascii or latex."""
        if self.arrays is None or self.values is None:
            return []
        digits = 6 if shown(self.values[0], style) != shown(self.values[1], style) else 17
        names = [(name, str(size)) for name, size in self.sizes.items()]
        names += [(spelt(v, style), shown(A, style, digits)) for v, A in self.named()]
        sides = [spelt(e, style) for e in (self.left, self.right)]
        values = [shown(A, style, digits) for A in self.values]
        told = {name for name, _ in names}
        rest = zip(sides, values, strict=True)
        return [*names, *((side, value) for side, value in rest if side not in told and side != value)]

    def named(self) -> list[tuple[Expr, Any]]:
        known = {v.name: v for v in symbols(self.left.node, self.right.node)}
        return [(Expr(known[n]), A) for n, A in (self.arrays or {}).items() if n in known]


def spelt(e: Expr, style: str) -> str:
    return e.latex(defined=False) if style == "latex" else e.text(ascii=style == "ascii", defined=False)


def equal(
    a: str | Expr, b: str | Expr, declare: str | Sequence[str] | None = None, dialect: str = "auto", seed: int = 0
) -> Equality:
    """Are two expressions equal wherever both are defined?  If not, the smallest whole numbers that show it.

    Exact where the functions are rational (arithmetic over a prime field), else at random points of the domain.
    Names mean the same on both sides.  Raises MatdiffError for text that cannot be read, UnsupportedError where no
    points are found at which both are defined.

    >>> print(equal("A*B", "B*A"))
    different at these whole numbers
        A = [1 0; 0 0]
        B = [0 1; 0 0]
        A B = [0 1; 0 0]
        B A = [0 0; 0 0]
    """
    left, right, remarks = pair(a, b, declare, dialect)
    if (left.node.rows, left.node.cols) != (right.node.rows, right.node.cols) or left.kind != right.kind:
        said = f"the first is {describe(left.node)}, the second {describe(right.node)}"
        return Equality(False, left, right, f"different in shape: {said}", remarks=remarks)
    if left.node is right.node and not has_complex(left, right):
        return Equality(True, left, right, "equal: both are read as one and the same", remarks=remarks)
    if has_complex(left, right):
        return equal_complex(left, right, remarks)
    return told(left, right, compare(left.node, right.node, seed), (*remarks, *unknowns(left, right)))


def has_complex(*sides: Expr) -> bool:
    return any(not COMPLEX.isdisjoint(v.attributes) for e in sides for v in e.variables) or any(
        imaginary_in(e.node) for e in sides
    )


def equal_complex(left: Expr, right: Expr, remarks: tuple[str, ...]) -> Equality:
    """Equal by one normal form; else UnsupportedError: no arithmetic that decides is at hand."""
    from matdiff.calculus.complexes import same, working

    if left.node is right.node or same(working(left.node), working(right.node)):
        return Equality(True, left, right, "equal: both have one normal form over the complex numbers", remarks=remarks)
    raise UnsupportedError(
        "the two have different normal forms, and expressions in complex variables are compared by these alone",
        hint="compare their values: md.parse(…).evaluate(…)",
    )


def unknowns(*sides: Expr) -> list[str]:
    """That a function which is not known is compared as one that was chosen at random."""
    found = {
        split_primes(n.op.name)[0]
        for n in topological(*(e.node for e in sides))
        if isinstance(n, Apply) and is_unknown(n)
    }
    return [f"{name} is not known: a smooth random function stands for it" for name in sorted(found)]


def told(left: Expr, right: Expr, found: Comparison, remarks: tuple[str, ...]) -> Equality:
    """The comparison in words."""
    if found.equal is None:
        raise UnsupportedError(
            "no points were found at which both expressions are defined, or too few",
            hint="declare the sizes or the structure that they need, for instance `A: n×n spd`",
        )
    if found.equal and found.certificate.holds:
        said = f"equal wherever both are defined\n{found.certificate}"
        return Equality(True, left, right, said, remarks=remarks)
    if found.equal:
        points = f"{found.points} random point{'s' * (found.points != 1)} inside the domain"
        said = f"equal at {points}, up to rounding, which is no proof ({found.certificate.why})"
        return Equality(True, left, right, said, remarks=remarks)
    there = found.difference
    if there is None:
        said = f"different\n{found.certificate}; no small whole numbers were found that show it"
        return Equality(False, left, right, said, remarks=remarks)
    arrays = {v.name: there.arrays[v.name] for v in merged((left, right)) if v.name in there.arrays}
    rest = {name: A for name, A in there.arrays.items() if name not in arrays}
    said = f"different at {'these whole numbers' if there.whole else 'this random point'}"
    values = (there.left, there.right)
    return Equality(False, left, right, said, {**arrays, **rest}, values, there.whole, remarks, there.beside)


def pair(
    a: str | Expr, b: str | Expr, declare: str | Sequence[str] | None, dialect: str
) -> tuple[Expr, Expr, tuple[str, ...]]:
    """Both expressions over the same variables, and remarks on how they were read."""
    for side in (a, b):
        if not isinstance(side, str | Expr):
            raise ParseError(f"an expression is text or an Expr, not {type(side).__name__}")
    known = {v.name: v for v in merged((a, b))}
    if isinstance(a, str) and isinstance(b, str):
        refuse_shadows(a, b, declare, dialect)
        with suppress(MatdiffError):
            known = agreed(a, b, declare, dialect)
        if not known:
            known = separately(a, b, declare, dialect)
    left, said = side_of(a, declare, dialect, known, None)
    right, more = side_of(b, declare, dialect, known, left.node)
    left, said = side_of(a, declare, dialect, known, right.node)
    merged((left, right))
    return *zeros_fitted(left, right), tuple(dict.fromkeys((*said, *more)))


def side_of(
    side: str | Expr, declare: str | Sequence[str] | None, dialect: str, known: Mapping[str, Symbol], like: Node | None
) -> tuple[Expr, tuple[str, ...]]:
    """One side as an expression; sizes that nothing in it tells (the n of `I`) are taken from the other."""
    if isinstance(side, Expr):
        return side, ()
    typed = read(side, declare, dialect, known)
    loose = typed.function.rows.names | typed.function.cols.names
    if like is not None and not loose <= set(sampling.names(tuple(typed.variables.values()))):
        with suppress(MatdiffError):
            anchor = symbol(ANCHOR, like.kind, like.rows, like.cols)
            whole = infer(sum_of(side, declare, dialect, Tree("name", (), ANCHOR)), (), {**known, ANCHOR: anchor})
            terms = [c for c in whole.function.children if c is not anchor]
            if anchor in whole.function.children and terms:
                return Expr(add(*terms), tuple(v for v in whole.variables.values() if v is not anchor)), typed.remarks
    return Expr(typed.function, tuple(typed.variables.values())), typed.remarks


def zeros_fitted(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """A bare 0 beside an array is the zero of its shape."""
    if is_zero(b.node) and b.kind == "scalar":
        return a, Expr(zeros_like(a.node), b.variables)
    if is_zero(a.node) and a.kind == "scalar":
        return Expr(zeros_like(b.node), a.variables), b
    return a, b


def agreed(a: str, b: str, declare: str | Sequence[str] | None, dialect: str) -> dict[str, Symbol]:
    """The variables as both sides together tell them: the two are terms of one sum.

    Raises MatdiffError where their shapes differ, or where a name would be of another kind than either side says.
    """
    second = programmed(b, declare, dialect)
    both = sum_of(a, declare, dialect, Tree("neg", (function_of(second),), "", (0, 0)))
    both.declarations += [d for d in second.declarations if d.name not in {e.name for e in both.declarations}]
    both.definitions += second.definitions
    known = infer(both, (), {}).variables
    for text in (a, b):
        with suppress(MatdiffError):
            for name, v in read(text, declare, dialect, {}).variables.items():
                if known[name].kind != v.kind:
                    return {}
    return known


def separately(a: str, b: str, declare: str | Sequence[str] | None, dialect: str) -> dict[str, Symbol]:
    """The variables as one side tells them and the other bears.  Raises what is wrong with either side."""
    first, second = (read(t, declare, dialect, {}).variables for t in (a, b))
    try:
        return {**read(b, declare, dialect, first).variables, **first}
    except MatdiffError:
        return {**read(a, declare, dialect, second).variables, **second}


def programmed(text: str, declare: str | Sequence[str] | None, dialect: str) -> Program:
    """A text parsed, what is declared beside it included."""
    declared = [d for t in texts(declare) for d in parse_declarations(t)]
    found = parse_program(text, dialect, declared)
    names = {d.name for d in found.declarations}
    found.declarations += [d for d in declared if d.name not in names]
    return found


def function_of(found: Program) -> Tree:
    """What a program is about; `f = …` at its end is its function."""
    if found.function is None:
        if not found.definitions:
            raise ParseError("there is no expression", text=found.text, span=(0, len(found.text)))
        found.function = found.definitions.pop().body
    return found.function


def sum_of(text: str, declare: str | Sequence[str] | None, dialect: str, term: Tree) -> Program:
    """The program of a text with a term added to its function."""
    found = programmed(text, declare, dialect)
    f = function_of(found)
    found.function = Tree("+", (f, term), "", f.span)
    return found


def refuse_shadows(a: str, b: str, declare: str | Sequence[str] | None, dialect: str) -> None:
    """A name that one side defines may not occur in the other, where it would mean something else."""
    first, second = programmed(a, declare, dialect), programmed(b, declare, dialect)
    for one, other in ((first, second), (second, first)):
        function_of(one)
        trees = [function_of(other), *(d.body for d in other.definitions)]
        used = {t.value for tree in trees for t in walk(tree)} | {d.name for d in other.definitions}
        shared = next((d.name for d in one.definitions if d.name in used), None)
        if shared is not None:
            raise ParseError(
                f"{shared} is defined in one of the two expressions and occurs in the other",
                hint="give it another name there: a name means the same in both, and definitions hold in their own",
            )
