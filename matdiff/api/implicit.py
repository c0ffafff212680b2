"""A derivation through equations: what is differentiated has unknowns that equations determine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from matdiff.api.bends import Bends, State
from matdiff.api.expr import Expr
from matdiff.calculus.expression import Typeset
from matdiff.calculus.implicit import Adjoint, System, depends, direction, partial
from matdiff.calculus.jacobian import jacobian
from matdiff.calculus.markers import pairing
from matdiff.calculus.tangent import project, tangent
from matdiff.core.node import Apply, Node, Symbol, describe, number, symbol, symbols, topological
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import add, inner, scale
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.ops.linalg import inverse
from matdiff.printing.integrals import bare
from matdiff.report.implicit import entries
from matdiff.simplify.forms import shortest
from matdiff.simplify.normal import new_context

if TYPE_CHECKING:
    from matdiff.codegen.solving import Numbers
    from matdiff.verify.report import Verification

LABELS = {
    "function": ("f", "f", "f"),
    "differential": ("df", "df", r"\mathrm{d}f"),
    "jacobian": ("J", "J", "J"),
    "gradient": ("∇f", "grad f", r"\nabla f"),
    "product": ("H[{}]", "H[{}]", "H[{}]"),
}
"""What stands on the left of a line: in Unicode, in ASCII, in LaTeX."""


def shown(e: Expr, style: str) -> str:
    return e.latex() if style == "latex" else e.text(ascii=style == "ascii")


def side(e: Expr, style: str) -> str:
    """A side of an equation: 0 and I as books have them."""
    return "0" if is_zero(e.node) else bare(shown(e, style))


@dataclass(frozen=True)
class Equation(Typeset):
    """`left = right`, and what it is solved for."""

    left: Expr
    right: Expr
    unknowns: tuple[Symbol, ...]
    of: System | None = None

    def text(self, ascii: bool = False) -> str:
        return (
            f"{side(self.left, 'ascii' if ascii else 'unicode')} = {side(self.right, 'ascii' if ascii else 'unicode')}"
        )

    def latex(self) -> str:
        return f"{side(self.left, 'latex')} = {side(self.right, 'latex')}"

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True)
class Line:
    """One line of the derivation: `left = right`, by `rule`; the left is a label or an expression."""

    left: str | Expr
    right: Expr
    rule: str
    by: str = ""
    key: bool = False
    also: Expr | None = None
    """What the right is equal to as well, ⟨G, dX⟩."""

    def sides(self, style: str) -> tuple[str, str]:
        """Both sides, `unicode`, `ascii` or `latex`."""
        show = side if isinstance(self.left, Expr) else shown
        right = [show(e, style) for e in (self.right, self.also) if e is not None]
        return self.label(style), " = ".join(right)

    def label(self, style: str) -> str:
        """The left side."""
        if isinstance(self.left, Expr):
            return side(self.left, style)
        label = LABELS[self.left][("unicode", "ascii", "latex").index(style)]
        by = self.by and shown(Expr(symbol(self.by, "scalar")), style)
        if self.left == "product":
            return label.format(by)
        if not by:
            return label
        return (
            rf"{label.removesuffix(' f')}_{{{by}}} {'f' * (label[-1] == 'f')}"
            if style == "latex"
            else f"{label} by {by}"
        )

    def __str__(self) -> str:
        left, right = self.sides("unicode")
        return f"{left} = {right}   [{self.rule}]"


class Answer(Expr):
    """An expression with unknowns and adjoint variables, which `evaluate` solves for."""

    __slots__ = ("owner",)

    def __init__(self, node: Node, owner: Implicit) -> None:
        super().__init__(node, owner.variables)
        self.owner = owner

    def evaluate(self, x0: Any = None, **arrays: Any) -> Any:
        """The value at the solution; as `Expr.evaluate`, and DomainError where no solution is found."""
        return self.owner.values([self.node], arrays, x0)[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Expr, (self.node, None)


@dataclass(frozen=True, repr=False)
class Implicit:
    """A function of unknowns that equations determine, and its derivatives by one or several variables.

    The gradient is found by the adjoint method: one linear solve with the transposed Jacobian of the equation,
    whatever the number of variables.  Nothing is differentiated through iterations.
    """

    function: Expr
    systems: tuple[System, ...]
    wrt: tuple[Symbol, ...]
    types: str
    several: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return "gradient" if self.function.kind == "scalar" else "jacobian"

    @cached_property
    def unknowns(self) -> tuple[Symbol, ...]:
        return tuple(x for s in self.systems for x in s.unknowns)

    @cached_property
    def variables(self) -> tuple[Symbol, ...]:
        """All arrays that are to be given."""
        return tuple(v for v in self.function.variables if v not in self.unknowns)

    @cached_property
    def covector(self) -> Node:
        """What the function is paired with: 1, or for a function that is not scalar a Y of its shape."""
        f = self.function.node
        return number(1) if f.kind == "scalar" else symbol("Y", f.kind, f.rows, f.cols)

    @cached_property
    def adjoints(self) -> Adjoint:
        taken = {v.name for v in self.function.variables} | {"Y"}
        return Adjoint(inline(self.function.node), self.systems, self.wrt, self.covector, sorted(taken))

    @property
    def multipliers(self) -> tuple[Symbol, ...]:
        """The adjoint variables, one for each equation."""
        return tuple(v for vs in self.adjoints.multipliers for v in vs)

    # formulas

    @cached_property
    def equations(self) -> tuple[Equation, ...]:
        """What determines the unknowns, as it was typed."""
        return tuple(self._equation(a, b, s, simple=False) for s in self.systems for a, b in s.sides)

    @cached_property
    def forward_equation(self) -> Any:
        """The linear equation for the differentials of the unknowns; a tuple of them for several equations."""
        found = [
            self._equation(a, b, s, moved=True)
            for s, rows in zip(self.systems, self.adjoints.linear_parts, strict=True)
            for a, b in rows
        ]
        return found[0] if len(found) == 1 else tuple(found)

    @cached_property
    def adjoint_equation(self) -> Any:
        """The linear equation for the adjoint variable; a tuple for several unknowns, in the order of their solution.

        Of a function that is not scalar it is that of its pairing with Y.
        """
        a = self.adjoints
        found = [
            Equation(self._answer(a.left[k][x]), self._answer(a.right[k][x]), a.multipliers[k])
            for k in reversed(range(len(self.systems)))
            for x in self.systems[k].unknowns
        ]
        return found[0] if len(found) == 1 else tuple(found)

    def _equation(self, a: Node, b: Node, s: System, moved: bool = False, simple: bool = True) -> Equation:
        unknowns = tuple(map(direction, s.unknowns)) if moved else s.unknowns
        if a.kind != "scalar" and b.kind == "scalar":
            b = zeros_like(a)
        left, right = (self._answer(n) if simple else Answer(inline(n), self) for n in (a, b))
        return Equation(left, right, unknowns, s)

    @cached_property
    def differential(self) -> Expr:
        """df by the differentials of unknowns and variables."""
        return self._answer(self.adjoints.differential)

    @cached_property
    def raw_gradients(self) -> dict[Symbol, Node]:
        return {X: self._projected(G, X) for X, G in self.adjoints.gradients.items()}

    @cached_property
    def gradient(self) -> Any:
        """The gradient in terms of the unknowns and the adjoint variables; a dict of them for several variables.

        Its `evaluate` takes the arrays of the variables and solves.
        Raises ShapeError for a function that is not scalar.
        """
        if self.function.kind != "scalar":
            raise ShapeError(
                f"the function is {describe(self.function.node)}, so it has a Jacobian and no gradient",
                hint="use .jvp and .vjp",
            )
        found = {X.name: self._answer(G) for X, G in self.raw_gradients.items()}
        return found if self.several else found[self.wrt[0].name]

    @cached_property
    def jacobian(self) -> Any:
        """The J with vec(dF) = J vec(dX) of a function that is not scalar, with the inverse of the equation's Jacobian.

        A dict for several variables.  Raises UnsupportedError where an unknown or a system is scalar or has several.
        """
        found = {X.name: self._answer(self._jacobian(X)) for X in self.wrt}
        return found if self.several else found[self.wrt[0].name]

    def _jacobian(self, X: Symbol) -> Node:
        f = inline(self.function.node)
        plain_ = all(len(s.unknowns) == len(s.sides) == 1 for s in self.systems)
        if not plain_ or "scalar" in {f.kind, X.kind, *(x.kind for x in self.unknowns)}:
            raise UnsupportedError("this Jacobian has no formula here", hint="use .jvp(V, …) or .vjp(Y, …)")
        moved: dict[Symbol, Node] = {}
        for s in self.systems:
            ((F,), (x,)) = s.residuals, s.unknowns
            moved[x] = scale(number(-1), inverse(matrix_of(F, x)) @ total(F, X, moved))
        return total(f, X, moved)

    @cached_property
    def pullback(self) -> Any:
        """F'(X)*[Y], in terms of the unknowns and the adjoint variables; a dict for several variables."""
        found = {X.name: self._answer(G) for X, G in self.raw_gradients.items()}
        return found if self.several else found[self.wrt[0].name]

    @cached_property
    def paired(self) -> Expr:
        """df by the adjoint variables: ⟨∂f/∂p, dp⟩ − ⟨v, F_p[dp]⟩."""
        still = {direction(x): zeros_like(direction(x)) for x in self.unknowns}
        parts = [substitute(self.adjoints.differential, still, into_bodies=True)]
        for vs, rows in zip(self.adjoints.multipliers, self.adjoints.linear_parts, strict=True):
            parts += [inner(v, substitute(right, still)) for v, (_, right) in zip(vs, rows, strict=True)]
        return self._answer(add(*parts))

    @cached_property
    def steps(self) -> tuple[Line, ...]:
        """The derivation by the adjoint method of a scalar function; of another one the forward equation."""
        return (*self._opening(), *(self._backward() if self.kind == "gradient" else self._matrices()))

    def _matrices(self) -> list[Line]:
        try:
            found = self.jacobian if self.several else {"": self.jacobian}
        except UnsupportedError:
            return []
        return [
            Line("jacobian", J, "solve for the differential; vec stacks columns", by, True) for by, J in found.items()
        ]

    def _opening(self) -> list[Line]:
        forward = self.forward_equation if isinstance(self.forward_equation, tuple) else (self.forward_equation,)
        lines = [Line("function", Expr(inline(self.function.node), self.function.variables), self.where)]
        lines += [Line(e.left, e.right, "differentiate the equation") for e in forward]
        return [*lines, Line("differential", self.differential, "differentiate the function")]

    def _backward(self) -> list[Line]:
        found = self.adjoint_equation if isinstance(self.adjoint_equation, tuple) else (self.adjoint_equation,)
        lines = [Line(e.left, e.right, "adjoint equation", key=True) for e in found]
        gradients = self.gradient if self.several else {"": self.gradient}
        also = None
        if not self.several and self.wrt[0].kind != "scalar":
            also = Expr(pairing(self.gradient.node, direction(self.wrt[0])))
            also = None if also.text() == self.paired.text() else also
        lines.append(
            Line("differential", self.paired, "by the adjoint equation and that for the differentials", also=also)
        )
        costs = [self.cost, *["from the same solves"] * (len(gradients) - 1)]
        return [
            *lines,
            *(Line("gradient", g, c, by, True) for (by, g), c in zip(gradients.items(), costs, strict=True)),
        ]

    @property
    def second_order(self) -> tuple[Line, ...]:
        """The lines of a Hessian-vector product: dx, then dv, then H[dX]."""
        right, products = self.adjoints.second
        lines: list[Line] = []
        for k in reversed(range(len(self.systems))):
            dv = {v: direction(v) for v in self.adjoints.multipliers[k]}
            for x in self.systems[k].unknowns:
                left = substitute(self.adjoints.left[k][x], dv)
                lines.append(Line(self._answer(left), self._answer(right[k][x]), "differentiate the adjoint equation"))
        cost = "two more solves, the same factorisation, whatever the direction"
        for X in self.wrt:
            lines.append(Line("product", self._answer(self._projected(products[X], X)), cost, f"d{X.name}", True))
        return tuple(lines)

    @property
    def where(self) -> str:
        """`where x solves A x = b`."""
        return self.where_in("unicode")

    def where_in(self, style: str) -> str:
        """The same in `ascii` or `latex`."""
        said = r"\text{{ {} }}" if style == "latex" else " {} "
        words = {w: said.format(w) for w in ("where", "and", "then", "solves", "solve")}
        found = []
        for s in self.systems:
            names = words["and"].join(shown(Expr(x), style) for x in s.unknowns)
            sides = [" = ".join(side(e, style) for e in (q.left, q.right)) for q in self.equations if q.of is s]
            found.append(names + words["solves" if len(s.unknowns) == 1 else "solve"] + words["and"].join(sides))
        return words["where"].lstrip() + f",{words['then']}".join(found)

    @property
    def linear(self) -> bool:
        return all(c.linear for c in self.numbers.compiled)

    @property
    def cost(self) -> str:
        """What a gradient costs, against forward differentiation."""
        names = ", ".join(X.name for X in self.wrt)
        solves = "two solves, one factorisation" if self.linear else "one linear solve beside that of the equation"
        if len(self.systems) > 1:
            solves = f"{solves}, for each system"
        alone = self.wrt[0]
        if len(self.wrt) == 1 and alone.kind == "scalar":
            return solves
        many = "one for each entry" if len(self.wrt) > 1 else f"one for each of the {entries(alone)} entries"
        return f"{solves}, whatever the size of {names} (forward: {many})"

    @property
    def notes(self) -> tuple[str, ...]:
        """What may surprise in how the text was read, and which solution is meant."""
        said = (*self.remarks, *self._kinks())
        if self.linear:
            return said
        names = " and ".join(x.name for x in self.unknowns)
        fixed = any(s.fixed_point for s in self.systems)
        how = "the limit of its iteration from 0, where it has one" if fixed else "what Newton's method finds from 0"
        return (*said, f"{names}: {how}, or from x0=…; an equation that is not linear may have other solutions")

    def _kinks(self) -> list[str]:
        """Where function or equation may have no derivative."""
        roots = [prepared(inline(self.function.node)), *(prepared(F) for s in self.systems for F in s.residuals)]
        found: dict[str, None] = {}
        for node in topological(*roots):
            moves = isinstance(node, Apply) and any(depends(node, x) for x in (*self.unknowns, *self.wrt))
            if moves and isinstance(node, Apply) and node.op.smooth:
                found[f"perhaps not differentiable {node.op.smooth.format(Expr(node.args[-1]).text())}"] = None
        return list(found)

    def _projected(self, G: Node, X: Symbol) -> Node:
        return G if tangent(X) is None else project(simplified(G), X)

    def _answer(self, node: Node) -> Expr:
        return Answer(simplified(node), self)

    # numbers

    @cached_property
    def numbers(self) -> Numbers:
        from matdiff.codegen.solving import Numbers

        return Numbers(self.systems, self.function.variables)

    @cached_property
    def known(self) -> tuple[Symbol, ...]:
        """Every symbol that a formula may hold."""
        given = (*self.function.variables, *self.multipliers)
        cover = (self.covector,) if isinstance(self.covector, Symbol) else ()
        return (*given, *cover, *(direction(s) for s in (*self.wrt, *self.unknowns, *self.multipliers)))

    def solve(self, x0: Any = None, **arrays: Any) -> Any:
        """The unknown at the arrays; several by name.

        Where the equation is not linear, Newton's method starts at `x0` (several: a dict by name).
        Raises DomainError where no solution is found, or where the Jacobian of the equation is singular.
        """
        solved, _ = self.numbers.solve(arrays, x0)
        found = {x.name: solved.values[x.name] for x in self.unknowns}
        return found if len(found) > 1 else found[self.unknowns[0].name]

    def evaluate(self, x0: Any = None, **arrays: Any) -> Any:
        """The function's value, the equations solved."""
        return self.values([self.function.node], arrays, x0)[0]

    def value_and_grad(self, x0: Any = None, **arrays: Any) -> tuple[Any, Any]:
        """The value of a scalar function and its gradient (a dict for several variables), with one factorisation."""
        gradients = self.gradient if self.several else {"": self.gradient}
        value, *rest = self.values([self.function.node, *(g.node for g in gradients.values())], arrays, x0)
        return value, dict(zip(gradients, rest, strict=True)) if self.several else rest[0]

    def jvp(self, V: Any, /, x0: Any = None, **arrays: Any) -> Any:
        """The differential along V by the forward equation; V has the shape of X (a dict for several variables)."""
        state = self._state(arrays, x0)
        self._move(state, V, arrays)
        return self._at(state, [self.adjoints.differential])[0]

    def vjp(self, Y: Any, /, x0: Any = None, **arrays: Any) -> Any:
        """F'(X)*[Y] by the adjoint equation; Y has the shape of the function."""
        state = self._state(arrays, x0)
        if isinstance(self.covector, Symbol):
            state.values[self.covector.name] = Y
        self._adjoin(state)
        found = self._at(state, [simplified(G) for G in self.raw_gradients.values()])
        if self.covector is number(1):
            found = [float(Y) * g for g in found]
        return dict(zip((X.name for X in self.wrt), found, strict=True)) if self.several else found[0]

    def hvp(self, V: Any, /, x0: Any = None, **arrays: Any) -> Any:
        """H[V] of a scalar function: the adjoint system differentiated along V, two more solves."""
        _ = self.gradient
        for X in self.wrt:
            if (space := tangent(X)) is not None and space.curved:
                raise UnsupportedError(f"the Hessian on the curved set that {X.name} moves in is not defined here")
        state = self._state(arrays, x0)
        self._adjoin(state)
        found = self._product(state, V, arrays)
        return dict(zip((X.name for X in self.wrt), found, strict=True)) if self.several else found[0]

    def _product(self, state: State, V: Any, arrays: Mapping[str, Any]) -> list[Any]:
        """H[V] at a solution with its adjoint."""
        self._move(state, V, arrays)
        right, products = self.adjoints.second
        for k in reversed(range(len(self.systems))):
            self._solve_adjoint(state, k, right[k], [direction(v) for v in self.adjoints.multipliers[k]])
        return self._at(state, [self._projected(products[X], X) for X in self.wrt])

    def hessian_matrix(self, x0: Any = None, **arrays: Any) -> Any:
        """The Hessian for vec(X) at the arrays: one solution, and a solve for each entry of the one variable X.

        Of a function that is not scalar those of all entries of its vec, m×k×k, with a solve for each pair of entries.
        Raises UnsupportedError for several variables and for one with a structure.
        """
        if self.several or tangent(self.wrt[0]) is not None:
            raise UnsupportedError("the Hessian as a matrix is that by one variable that moves freely", hint="use .hvp")
        state = self._state(arrays, x0)
        if self.kind != "gradient":
            return self._bends.hessians(state)
        self._adjoin(state)
        return self._bends.hessian(state)

    @cached_property
    def _bends(self) -> Bends:
        return Bends(self)

    def values(self, nodes: Sequence[Node], arrays: Mapping[str, Any], x0: Any = None) -> list[Any]:
        """Expressions in variables, unknowns and adjoint variables at the arrays."""
        state = self._state(arrays, x0)
        used = {s for n in nodes for s in symbols(n)}
        if any(v in used for v in self.multipliers):
            if isinstance(self.covector, Symbol):
                if self.covector.name not in arrays:
                    raise MatdiffError("the array Y is missing: what the function is paired with", hint="pass it: Y=…")
                state.values[self.covector.name] = arrays[self.covector.name]
            self._adjoin(state)
        state.values.update({k: v for k, v in arrays.items() if k not in state.values})
        return self._at(state, nodes)

    def _state(self, arrays: Mapping[str, Any], x0: Any) -> State:
        solved, sizes = self.numbers.solve({**arrays}, x0)
        return State(solved, sizes, solved.values)

    def _adjoin(self, state: State) -> None:
        for k in reversed(range(len(self.systems))):
            self._solve_adjoint(state, k, self.adjoints.right[k], self.adjoints.multipliers[k])

    def _solve_adjoint(self, state: State, k: int, right: Mapping[Symbol, Node], targets: Sequence[Symbol]) -> None:
        from matdiff.codegen.solving import stacked

        state.values = state.solved.values
        vector = stacked(self._at(state, list(right.values())))
        self._unpack(state, self.numbers.adjoint(state.solved, k, vector), targets)

    def _move(self, state: State, V: Any, arrays: Mapping[str, Any]) -> None:
        """The differentials of the unknowns along V."""
        from matdiff.api.operators import check_directions
        from matdiff.codegen.solving import stacked

        given = V if self.several else {self.wrt[0].name: V}
        if not isinstance(given, Mapping) or any(X.name not in given for X in self.wrt):
            raise MatdiffError("a direction is a dict with an array for each variable", hint="{'A': …, 'b': …}")
        check_directions(self.wrt, given, arrays)
        state.solved.values.update({direction(X).name: given[X.name] for X in self.wrt})
        for k, rows in enumerate(self.adjoints.linear_parts):
            vector = stacked(self._at(state, [right for _, right in rows]))
            targets = [direction(x) for x in self.systems[k].unknowns]
            self._unpack(state, self.numbers.forward(state.solved, k, vector), targets)

    def _unpack(self, state: State, vector: Any, targets: Sequence[Symbol]) -> None:
        from matdiff.codegen.solving import shaped

        at = 0
        for t in targets:
            count = t.rows.evaluate(state.sizes) * t.cols.evaluate(state.sizes)
            state.solved.values[t.name] = shaped(vector[at : at + count], t, state.sizes)
            at += count

    def _at(self, state: State, nodes: Sequence[Node]) -> list[Any]:
        from matdiff.codegen.evaluate import evaluate

        wanted, near = self.readable(nodes)
        return list(evaluate(wanted, near, state.solved.values))

    def readable(self, nodes: Sequence[Node], more: Sequence[Symbol] = ()) -> tuple[list[Node], tuple[Symbol, ...]]:
        """The nodes in terms of values without structure, and what tells their values and sizes."""
        bare = [symbol(s.name, s.kind, s.rows, s.cols) if s.of in self.unknowns else s for s in self.known]
        free = {s: b for s, b in zip(self.known, bare, strict=True) if s is not b}
        wanted = [substitute(n, free) for n in map(inline, nodes)] if free else list(nodes)
        used = set(symbols(*wanted))
        sized = {d for n in topological(*wanted) if not isinstance(n, Symbol) for d in (n.rows, n.cols)}
        told = {d for s in used for d in (s.rows, s.cols)}
        names = {name for d in sized - told for name in d.names}
        near = tuple(s for s in (*bare, *more) if s in used or names & {n for d in (s.rows, s.cols) for n in d.names})
        return wanted, near

    def verify(
        self, seed: int = 0, sizes: Mapping[str, int] | None = None, claim: Any = None, **options: Any
    ) -> Verification:
        """Solved again at X ± hV: central differences against the derivative, and forward against adjoint.

        A `claim` is a gradient in terms of the variables, the unknowns and the adjoint variables.
        """
        from matdiff.verify.implicit import check

        return check(self, seed, sizes, self._claimed(claim), **options)

    def _claimed(self, claim: Any) -> dict[str, Node] | None:
        if claim is None:
            return None
        from matdiff.api.reading import read

        given = claim if isinstance(claim, Mapping) else {self.wrt[0].name: claim}
        if set(given) != {X.name for X in self.wrt}:
            raise MatdiffError("a claim by several variables is a dict with one for each of them")
        known = {s.name: s for s in (*self.function.variables, *self.multipliers)}
        out = {}
        for X in self.wrt:
            said = given[X.name]
            node = said.node if isinstance(said, Expr) else read(said, None, "auto", known).function
            if strange := next((s for s in symbols(node) if s not in known.values()), None):
                hint = f"a claim is a gradient in terms of {', '.join(known)}"
                raise ParseError(f"the claim uses {strange.name}, which is not known here", hint=hint)
            if (node.kind, node.rows, node.cols) != (X.kind, X.rows, X.cols):
                raise ShapeError(f"the claim is {describe(node)}, and the gradient by {X.name} is {describe(X)}")
            out[X.name] = node
        return out

    def source(self, backend: str = "numpy", note: str = "") -> str:
        """Source of `solve`, `value`, `value_and_gradient` that runs without matdiff, with one factorisation.

        For JAX `value` is a `jax.custom_vjp`, for PyTorch a `torch.autograd.Function`.
        Raises UnsupportedError for a function that is not scalar there, and for sizes that no array has.
        """
        from matdiff.codegen.implicit import module

        shown = [str(e) for e in self.equations]
        if self.kind == "gradient":
            shown += [f"gradient by {by}: {g}" for by, g in self._each(self.gradient).items()]

        def simple(G: Node, X: Symbol) -> Node:
            return simplified(self._projected(G, X))

        return module(self.adjoints, self.function.variables, simple, backend, "\n".join([*shown, note]).strip())

    def _each(self, found: Any) -> Mapping[str, Any]:
        return found if self.several else {self.wrt[0].name: found}

    def __deepcopy__(self, memo: Any) -> Implicit:
        return self

    def __reduce__(self) -> NoReturn:
        raise UnsupportedError(
            "a derivation through equations is not pickled", hint="pickle its text, and derive again"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or name not in ELSEWHERE:
            raise AttributeError(f"'Implicit' object has no attribute {name!r}")
        raise UnsupportedError(f"a function of unknowns has no .{name}", hint=ELSEWHERE[name])

    def text(self, steps: bool = True, order: int = 1, ascii: bool = False) -> str:
        """What `matdiff derive` prints.  Raises MatdiffError where the check fails."""
        return self._printed("text", order, ascii)

    def latex(self, steps: bool = True, order: int = 1) -> str:
        """The same as an `align*`."""
        return self._printed("latex", order, False)

    def markdown(self, steps: bool = True, order: int = 1) -> str:
        """The same with formulas between `$$`."""
        return self._printed("markdown", order, False)

    def typst(self, steps: bool = True, order: int = 1) -> str:
        """The same as a block of mathematics in Typst."""
        return self._printed("typst", order, False)

    def _printed(self, form: str, order: int, ascii: bool) -> str:
        from matdiff.report.answer import verdict
        from matdiff.report.implicit import render

        found = [self.verify(order=k) for k in range(1, order + 1)]
        wrong = next((v for v in found if v.passed is False), None)
        if wrong is not None:
            raise MatdiffError(f"the derivative failed its verification, so it is not printed: {verdict(wrong)}")
        first, *second = map(verdict, found)
        verdicts = [first, *(f"Hessian {said}" for said in second)]
        return render(self, form, "ascii" if ascii else "unicode", "adjoint", order, verdicts)

    def __repr__(self) -> str:
        equations = ", ".join(f"{left} = {right}" for system in self.systems for left, right in system.sides)
        unknowns = ", ".join(v.name for system in self.systems for v in system.unknowns)
        by = ", ".join(X.name for X in self.wrt)
        return f"<derivation of {self.function} by {by}, where {unknowns} solves {equations}>"

    def __str__(self) -> str:
        rows = [(*line.sides("unicode"), line.rule) for line in self.steps]
        return "\n".join(f"{a} = {b}   [{rule}]" for a, b, rule in rows)

    def _repr_latex_(self) -> str:
        rows = [" &= ".join(line.sides("latex")) for line in self.steps]
        return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"


ELSEWHERE = {
    "julia": 'use .source("numpy"), "jax" or "torch", which solve the equations',
    "octave": 'use .source("numpy"), "jax" or "torch", which solve the equations',
    "hessian": "use .hvp(V, …), which needs two more solves and no matrix, or .hessian_matrix(…)",
    "jacobian_free": "use .jvp(V, …)",
    "bilinear": "use .hvp(V, …)",
    "operator": "use .forward_equation and .differential",
    "adjoint": "use .adjoint_equation and .pullback",
    "hessian_operator": "use .second_order",
    "scipy": "use .value_and_grad and .hvp",
}
"""What explicit functions have, and what is there instead."""


def matrix_of(F: Node, x: Symbol) -> Node:
    """The matrix of the differential of F by x alone."""
    return jacobian(inline(partial(F, [x])), direction(x))


def total(F: Node, X: Symbol, moved: Mapping[Symbol, Node]) -> Node:
    """The matrix of the differential of F by X, the unknowns in it moving along."""
    parts = [matrix_of(F, x) @ J for x, J in moved.items() if depends(F, x)]
    return add(*parts, *([matrix_of(F, X)] if depends(F, X) or not parts else []))


def simplified(node: Node) -> Node:
    """The form to print."""
    context = new_context(Known())
    return shortest(context.normal(inline(node)), context)
