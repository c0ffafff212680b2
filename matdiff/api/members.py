"""The derivative of a sum by one member x_k of a family: row k of the gradient by all of them, written in x_k."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matdiff.api.expr import Expr
from matdiff.calculus.differential import differentials
from matdiff.calculus.jacobian import jacobian
from matdiff.core.node import Node, Symbol, number, size_names, symbol, topological
from matdiff.core.op import differential_symbol
from matdiff.errors import ArgumentError, DomainError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.lift.picker import Picker
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import matmul, transpose
from matdiff.simplify.normal import normal

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.printing.integrals import Pen, Style
    from matdiff.verify.report import Verification


class MemberExpr(Expr):
    """An expression in members x_k, y_k: `evaluate` takes the arrays X, y and the number k, counted from 1."""

    __slots__ = ("letter", "members", "unit", "whole")

    def __init__(
        self,
        node: Node,
        variables: tuple[Symbol, ...],
        guards: tuple[Node, ...],
        letter: str,
        members: Mapping[Symbol, Symbol],
        unit: Symbol,
        whole: tuple[Symbol, ...],
    ) -> None:
        super().__init__(node, variables, guards)
        self.letter = letter
        self.members = members
        self.unit = unit
        self.whole = whole

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value, for the arrays of whole families and the number of the member, `k=2`.

        Raises what `Expr.evaluate` does, ArgumentError without a number, DomainError for one outside of 1 … N.
        """
        import numpy as np

        from matdiff.codegen.emit.names import lookup
        from matdiff.codegen.evaluate import evaluate, refuse_strangers

        if self.letter not in arrays:
            raise ArgumentError(
                f"the number {self.letter} of the member is missing", hint=f"pass {self.letter}=1, counted from 1"
            )
        k = arrays.pop(self.letter)
        if isinstance(k, bool) or not hasattr(k, "__index__"):
            raise ArgumentError(f"{self.letter} is the number of a member, counted from 1, and not {k!r}")
        refuse_strangers([self.node], (*self.whole, *self.variables), arrays)
        given = {v: lookup(v.name, arrays) for v in self.whole}
        found = {v.name: arrays[key] for v, key in given.items() if key is not None}
        count = None
        for member, family in self.members.items():
            if family.name not in found:
                raise ArgumentError(f"the array {family.name} is missing", hint="pass it by name")
            array = np.asarray(found[family.name])
            count = array.shape[0] if array.ndim else 0
            if not 1 <= k <= count:
                raise DomainError(f"{self.letter} = {k} is the number of no member: there are {count}")
            found[member.name] = array[k - 1]
        if self.unit in topological(self.node):
            if count is None:
                raise ArgumentError("nothing tells how many members there are")
            found[self.unit.name] = np.eye(count)[k - 1]
        return evaluate(self.node, self.variables, found, guards=self.guards)


@dataclass(frozen=True)
class Member:
    """A scalar function and its derivatives by one member of a family; `whole` is the derivation by all of them.

    >>> import matdiff as md
    >>> d = md.derive("sum_i((y_i - w'*x_i)^2)", wrt="x_k")
    >>> d.gradient.text(ascii=True)
    "2*(w'*x_k - y_k)*w"
    """

    whole: Derivation
    name: str
    letter: str
    arrays: Mapping[str, str]
    """The names of members without an index → the arrays of all of them, whose rows or entries they are."""
    order: int = 1
    """2: with the Hessian."""

    @property
    def function(self) -> Expr:
        return self.whole.function

    @property
    def kind(self) -> str:
        return "gradient"

    @property
    def several(self) -> bool:
        return False

    @property
    def types(self) -> str:
        return self.whole.types

    @property
    def array(self) -> Symbol:
        """The array of all members."""
        return self.whole.wrt[0]

    @cached_property
    def _picker(self) -> Picker:
        rows = self.array.rows
        names = {array: base for base, array in self.arrays.items()}
        members: dict[Symbol, Symbol] = {}
        taken = {v.name for v in self.function.variables}
        for v in self.function.variables:
            if v.kind in ("vector", "matrix") and v.rows is rows and v.name in names and v.cols is not v.rows:
                name = f"{names[v.name]}_{self.letter}"
                if name in taken:
                    continue
                made = symbol(name, "scalar") if v.kind == "vector" else symbol(name, "vector", v.cols)
                members[v] = made
        unit = next(n for n in (f"e_{self.letter}", f"unit_{self.letter}", f"unit__{self.letter}") if n not in taken)
        return Picker(members, symbol(unit, "vector", rows))

    @property
    def member(self) -> Symbol:
        return self._picker.members[self.array]

    @property
    def wrt(self) -> tuple[Symbol, ...]:
        return (self.member,)

    def _expr(self, node: Node) -> MemberExpr:
        picker = self._picker
        variables = (*self.function.variables, *picker.members.values(), picker.unit)
        members = {m: v for v, m in picker.members.items() if m in set(topological(node)) or v is self.array}
        present = set(topological(node))
        sizes = size_names(node)
        kept = tuple(
            v
            for v in variables
            if v in present or (v in self.function.variables and sizes & {n for d in v.shape for n in d.names})
        )
        return MemberExpr(node, kept, (), self.letter, members, picker.unit, self.function.variables)

    @cached_property
    def gradient(self) -> MemberExpr:
        """The gradient by the member, the shape of it."""
        X = self.array
        forms = [self.whole.raw_gradients[X], self.whole.gradient.node]
        found = [self._simple(self._picker.row(inline(form))) for form in forms]
        return self._expr(min(found, key=lambda n: len(topological(n))))

    def _simple(self, node: Node) -> Node:
        e = self._picker.unit
        found = self.whole.simplified(normal(node))
        one = matmul(transpose(e), e)
        return (
            self.whole.simplified(normal(substitute(found, {one: number(1)}))) if one in topological(found) else found
        )

    @cached_property
    def hessian(self) -> MemberExpr:
        """The block of the Hessian that belongs to the member: the Jacobian of its gradient by itself.

        Raises UnsupportedError where that linear map has no matrix in the language.
        """
        X, x = self.array, self.member
        G = inline(self.whole.gradient.node)
        dX = differential_symbol(X)
        along = differentials(G, {X: dX}).get(G)
        dx: Any = differential_symbol(x)
        if along is None:
            from matdiff.ops.constants import zeros

            node: Node = number(0) if x.kind == "scalar" else zeros("matrix", x.rows, x.rows)
            return self._expr(node)
        unit = self._picker.unit
        moved = matmul(unit, transpose(dx)) if x.kind == "vector" else dx * unit
        inside = self._picker.row(inline(substitute(along, {dX: moved})))
        if x.kind == "scalar":
            return self._expr(self._simple(substitute(inside, {dx: number(1)})))
        return self._expr(self._simple(jacobian(self._simple(inside), dx)))

    @property
    def jacobian(self) -> Expr:
        """The gradient as a row; by a scalar member the derivative."""
        g = self.gradient
        return self._expr(transpose(g.node)) if g.kind == "vector" else g

    @property
    def convexity(self) -> Any:
        """Raises UnsupportedError: convexity is judged in all members together."""
        raise UnsupportedError(
            "convexity is judged in all members together",
            hint=f"ask for it by {self.array.name}: jointly it is stronger",
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.whole.remarks

    @property
    def notes(self) -> tuple[str, ...]:
        used = set(topological(self.gradient.node)) | {self.member}
        said = [
            f"{m.name} is {'entry' if v.kind == 'vector' else 'row'} {self.letter} of {v.name}"
            for v, m in self._picker.members.items()
            if m in used
        ]
        if self._picker.unit in used:
            said.append(f"{self._picker.unit.name} is column {self.letter} of the identity")
        return (*self.whole.notes, f"{', '.join(said)}; {self.letter} counts from 1")

    def evaluate(self, /, **arrays: Any) -> Any:
        """The function's value."""
        arrays.pop(self.letter, None)
        return self.function.evaluate(**arrays)

    def verify(self, seed: int = 0, sizes: Mapping[str, int] | None = None, **options: Any) -> Verification:
        """The check of the derivative by all members, and of the member's against its row at random points."""
        import numpy as np

        from matdiff.verify.sampling import point, ways

        if options.get("claim") is not None:
            raise UnsupportedError("a claim is checked by all members", hint=f"differentiate by {self.array.name}")
        second = options.pop("order", self.order) == 2
        found = self.whole.verify(seed=seed, sizes=sizes, **options)
        if second and found.passed is True:
            found = self.whole.verify(seed=seed, sizes=sizes, order=2, **options)
        if found.passed is not True:
            return found
        rng, compared = np.random.default_rng(seed), 0
        variables = self.function.variables
        for way in ways(self.function.node, variables, dict(sizes or {})):
            try:
                arrays = {v.name: a for v, a in point(variables, way, rng).items()}
                G = np.asarray(self.whole.gradient.evaluate(**arrays))
                for k in range(1, len(G) + 1):
                    g = self.gradient.evaluate(**arrays, **{self.letter: k})
                    fits = np.allclose(g, G[k - 1], rtol=1e-8, atol=1e-10)
                    if second and fits:
                        places = np.arange(G.size).reshape(G.shape, order="F")[k - 1]
                        H = np.asarray(self.whole.hessian.evaluate(**arrays))
                        block = H if H.ndim < 2 else H[np.ix_(np.atleast_1d(places), np.atleast_1d(places))]
                        mine = np.reshape(self.hessian.evaluate(**arrays, **{self.letter: k}), block.shape)
                        fits = np.allclose(mine, block, rtol=1e-7, atol=1e-8)
                    if not fits:
                        return replace(
                            found, passed=False, reason=f"row {k} of the gradient by {self.array.name} differs"
                        )
            except (DomainError, ShapeError, ArgumentError):
                continue
            compared += 1
            if compared == 3:
                break
        return found if compared else replace(found, passed=None, reason="no random point was found for the members")

    def pen(self, style: Style) -> Pen:
        from matdiff.printing.integrals import Pen

        return Pen(style, (), tuple(v.name for v in (*self.function.variables, *self._picker.members.values())))

    def sections(self, pen: Pen) -> list[tuple[str, list[str]]]:
        x, X = self.member, self.array
        f = next(c for c in "fgφ" if c not in {v.name for v in self.function.variables})

        def line(order: int, by: Symbol, node: Node) -> str:
            sign = pen.pick("∇²", "hessian ", r"\nabla^2") if order > 1 else pen.pick("∇", "grad ", r"\nabla")
            latex = rf"{sign}_{{{pen.show(by)}}} {f}"
            return pen.equation(latex if pen.style == "latex" else f"{sign}{f} by {by.name}", pen.show(node))

        entry = "entry" if X.kind == "vector" else "row"
        shown = [
            ("", [pen.equation(f, pen.show(self.function.node))]),
            (f"the gradient by all of {X.name}", [line(1, X, self.whole.gradient.node)]),
            (f"its {entry} {self.letter}", [line(1, x, self.gradient.node)]),
        ]
        if self.order > 1:
            shown.append((f"the Hessian by {x.name}", [line(2, x, self.hessian.node)]))
        return shown

    def record(self, pen: Pen) -> dict[str, Any]:
        found = {"function": pen.show(self.function.node), "wrt": self.name, "gradient": pen.show(self.gradient.node)}
        return {**found, "hessian": pen.show(self.hessian.node)} if self.order > 1 else found

    def text(self, steps: bool = False, order: int = 1, ascii: bool = False) -> str:
        """Function, gradient and the verdict of the check.  Raises MatdiffError where that fails."""
        told = replace(self, order=order)
        verification = told.verify()
        if verification.passed is False:
            raise ArgumentError(f"the derivative failed its verification, so it is not printed: {verification.reason}")
        (_, first), *rest = told.sections(self.pen("ascii" if ascii else "unicode"))
        lines = [*first, f"    with {self.types}"]
        for sentence, formulas in rest:
            lines += ["", sentence, *(f"  {f}" for f in formulas)]
        return "\n".join([*lines, "", *self.notes, str(verification)])

    def __str__(self) -> str:
        return self.text()


def by_member(d: Derivation, name: str, families: Mapping[str, str]) -> Member:
    """The derivation by one member, from that by all of them.

    Raises UnsupportedError for functions that are not scalar, and ParseError for what is no member.
    """
    base, _, letter = name.rpartition("_")
    if hasattr(d, "convention"):
        raise UnsupportedError(
            f"the derivative by one member, {name}, is that of a function of real variables",
            hint=f"differentiate by {families[base]}, of which it is row {letter}",
        )
    if d.function.kind != "scalar":
        raise UnsupportedError(
            f"the derivative by one member, {name}, is that of a scalar function",
            hint=f"differentiate by {families[base]}",
        )
    bases = {b: array for b, array in families.items() if f"{b}_" + b not in families}
    short: dict[str, str] = {}
    for b, array in bases.items():
        if array not in short.values() or len(b) < len(next(k for k, v in short.items() if v == array)):
            short = {k: v for k, v in short.items() if v != array}
            short[b] = array
    member = Member(d, name, letter, {**short, base: families[base]} if base not in short else short)
    if d.wrt[0] not in member._picker.members:
        raise ParseError(f"{name} is no row or entry of {d.wrt[0].name}", hint=f"differentiate by {d.wrt[0].name}")
    return member
