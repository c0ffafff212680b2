"""A derivation: a function's differential, gradient, Jacobian and Hessian, the steps between, their values."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, Generic

from matdiff.api.expr import Expr
from matdiff.api.operators import (
    Operator,
    bilinear,
    check_directions,
    check_second,
    hessian_operator,
    letter,
    pullback,
    pushforward,
)
from matdiff.calculus.adjoint import adjoint, dependent
from matdiff.calculus.differential import differentials
from matdiff.calculus.existence import WHOLE, guards, symmetric_in
from matdiff.calculus.expression import Expression
from matdiff.calculus.jacobian import free_entries, jacobian
from matdiff.calculus.tangent import project, raised, tangent
from matdiff.calculus.userdefined import written
from matdiff.core.cached import cached_property
from matdiff.core.node import Apply, Node, Symbol, describe, number, symbol, topological
from matdiff.core.op import Joint, Linear, differential_symbol
from matdiff.errors import MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known, closure
from matdiff.graph.rewrite import in_terms_of, inline, prepared, substitute
from matdiff.ops.algebra import ADD, MATMUL, POWER, add, hadamard, inner, is_op, matmul, power, scale
from matdiff.ops.constants import eye, zeros_like
from matdiff.ops.linalg import inverse
from matdiff.ops.reductions import norm
from matdiff.ops.sets import CurvedSet, curved_set
from matdiff.ops.structure import vector_of
from matdiff.printing.length import length
from matdiff.printing.names import ascii_name
from matdiff.simplify.alike import alike
from matdiff.simplify.forms import SMALL, best, shortest
from matdiff.simplify.normal import new_context, normal

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from matdiff.api.ccode import CCode
    from matdiff.api.crossing import GeneralisedGradient
    from matdiff.api.descent import Result
    from matdiff.api.graph import Graph
    from matdiff.api.models import Model, Stationary
    from matdiff.api.newton import System
    from matdiff.api.steps import Group, Step, Telling
    from matdiff.interop.pymanopt import Manopt
    from matdiff.verify.convexity import Convexity
    from matdiff.verify.report import Verification

    G_co = TypeVar("G_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    G_co = TypeVar("G_co", covariant=True)
    """What a derivative is: an Expr, or by several variables a dict of them by name."""


def _refuse(error: MatdiffError, at: Mapping[Symbol, Any]) -> Any:
    raise error


WORTH = 6
"""Symbols from which on a part that gradients share is named."""
LAYERS = 3
"""Parts from which on those that terms of gradients share are named."""
STEMS = ("δ", "ε", "η")
"""Names for such parts: the first that nothing is called by yet."""


@dataclass(frozen=True, repr=False)
class Derivation(Generic[G_co]):
    """A function and its derivatives by one or several variables.

    Everything is found when asked for, and remembered.  For type checkers it is `Derivation[Expr]` by one variable
    and `Derivation[dict[str, Expr]]` by a list of several, as `derive` says.
    """

    function: Expr
    wrt: tuple[Symbol, ...]
    types: str
    several: bool = False
    metric: Node | None = None
    """The W of a weighted inner product ⟨X,Y⟩ = tr(XᵀWY), None for the plain one."""
    source: Node | None = None
    """The function with functions of one's own not written out, where that differs."""
    remarks: tuple[str, ...] = ()
    """What may surprise in how the text was read, in sentences."""
    affine: bool = False
    """Whether spd variables have the affine-invariant metric tr(S⁻¹ U S⁻¹ V), not the plain one."""

    @cached_property
    def prepared(self) -> Node:
        """The function as it is differentiated."""
        return prepared(self.source or self.function.node)

    @cached_property
    def directions(self) -> dict[Symbol, Symbol]:
        """dX for every variable X of the derivation."""
        return {X: differential_symbol(X) for X in self.wrt}  # type: ignore[misc]

    @cached_property
    def differentials(self) -> dict[Node, Node]:
        """The differential of every part of the function."""
        return differentials(self.prepared, self.directions)

    @cached_property
    def raw_differential(self) -> Node:
        """dF as the rules give it, definitions and all."""
        return self.differentials.get(self.prepared) or zeros_like(self.prepared)

    @cached_property
    def differential(self) -> Expr:
        """dF, linear in dX."""
        return self._answer(self.raw_differential)

    @property
    def kind(self) -> str:
        """What the derivative is called: gradient of a scalar function, jacobian of another."""
        return "gradient" if self.function.kind == "scalar" else "jacobian"

    @cached_property
    def raw_gradients(self) -> dict[Symbol, Node]:
        """The G of each variable with df = Σ ⟨G, dX⟩, before projection and simplification."""
        if self.function.kind != "scalar":
            raise ShapeError(
                f"the function is {describe(self.function.node)}, so it has a Jacobian and no gradient",
                hint="use .jacobian, or .jvp and .vjp",
            )
        found = adjoint(self.raw_differential, number(1), list(self.directions.values()))
        return {X: inline(found[dX]) for X, dX in self.directions.items()}

    @cached_property
    def gradient(self) -> G_co:
        """The gradient of a scalar function, the shape of X: an Expr, or a dict of them by name for several variables.

        Raises ShapeError for a function that is not scalar.
        """
        answers = {X: self._answer(self._on_set(G, X)) for X, G in self.raw_gradients.items()}
        if self.metric is not None:
            answers = {X: self._answer(self._weighted(g.node)) for X, g in answers.items()}
        found: Any = {X.name: answer for X, answer in answers.items()} if self.several else answers[self.wrt[0]]
        return found  # type: ignore[no-any-return]

    @property
    def plain_gradient(self) -> Node:
        """The gradient by one variable for the plain inner product, whatever the weight or the metric."""
        (X,) = self.wrt
        gradient: Any = self.gradient
        node: Node = gradient.node
        return (
            node
            if self.metric is None and not self.affine
            else self.simplified(self.projected(self.raw_gradients[X], X))
        )

    @cached_property
    def independent_gradient(self) -> Expr:
        """The other convention of books for symmetric X, 2G − G∘I: the upper triangle's entries are independent.

        It is the array of partial derivatives by those entries (Matrix Cookbook 2012, eq. 138), and no gradient
        for ⟨A,B⟩ = tr(AᵀB).  Raises UnsupportedError for a variable that is not symmetric.
        """
        (X, *others) = self.wrt
        if others or "symmetric" not in closure(X.attributes) or "diagonal" in closure(X.attributes):
            raise UnsupportedError(
                "the convention 2G − G∘I is for one symmetric variable",
                hint="" if others or X.kind != "matrix" else f'declare it: "{X.name}: {X.rows}×{X.rows} symmetric"',
            )
        G = self.plain_gradient
        return self._answer(scale(number(2), G) - hadamard(eye(G.rows), G))

    @cached_property
    def jacobian(self) -> G_co:
        """The matrix J with vec(dF) = J vec(dX); of a scalar function the row vec(G)'; by a scalar, of the shape of F.

        A dict by name for several variables.  Raises UnsupportedError where a linear map has no matrix in the language.
        """
        if self.kind == "gradient":
            given: Any = self.gradient
            gradients = given if self.several else {self.wrt[0].name: given}
            bent = self.metric is not None or self.affine
            plain = {name: self.plain_gradient if bent else g.node for name, g in gradients.items()}
            answers = {name: self._answer(row_of(G)) for name, G in plain.items()}
        else:
            answers = {X.name: self._shorter_matrix(self.raw_differential, X) for X in self.wrt}
        found: Any = answers if self.several else answers[self.wrt[0].name]
        return found  # type: ignore[no-any-return]

    @cached_property
    def jacobian_free(self) -> Any:
        """The Jacobian by the free entries of a structured X, J D(n) for symmetric X: vec(dF) = J D vech(dX).

        For lower and upper triangular X by vech(X) and vech(X'), for diagonal X by diag(X).
        Raises UnsupportedError where entries are not free: skew, orthogonal, unit.
        """
        answers = {}
        for X in self.wrt:
            J, P = self._matrix(self.raw_differential, X), free_entries(X)
            answers[X.name] = self._answer(J if P is None else J @ P)
        return answers if self.several else answers[self.wrt[0].name]

    @cached_property
    def hessian(self) -> Any:
        """The matrix of d²f = ⟨H[dX], dX⟩ for vec(X); for several variables a dict by pairs of names.

        On a curved set of vectors P(∇²f + …)P, with the projection P onto the tangent space.
        Raises ShapeError for a function that is not scalar, UnsupportedError on curved sets of matrices.
        """
        if self.curved:
            return self._curved_hessian
        answers = {(X.name, Z.name): self._shorter_matrix(self.curvature[X], Z) for X in self.wrt for Z in self.wrt}
        for X, Z in combinations(self.wrt, 2):
            # A block by a scalar has the shape of the other variable, and is no matrix for its vec.
            if self.metric is None and not any(V.kind == "scalar" or tangent(V) is not None for V in (X, Z)):
                self._mirror(answers, X.name, Z.name)
        if not self.several:
            return answers[self.wrt[0].name, self.wrt[0].name]
        gradients = [e.node for e in self.euclidean_gradient.values()]
        same = alike([*gradients, *(e.node for e in answers.values())])[len(gradients) :]
        return {pair: e.having(n) for (pair, e), n in zip(answers.items(), same, strict=True)}

    def _mirror(self, blocks: dict[tuple[str, str], Expr], x: str, z: str) -> None:
        """Second derivatives are the same in either order: two blocks as transposes, where that is not longer."""
        first, second = blocks[x, z], blocks[z, x]
        if max(len(topological(e.node)) for e in (first, second)) > SMALL:
            return
        turned = self._answer(second.node.T)
        if length(turned.node) < length(first.node):
            blocks[x, z] = first = turned
        turned = self._answer(first.node.T)
        if length(turned.node) <= length(second.node):
            blocks[z, x] = turned

    @cached_property
    def curved(self) -> dict[Symbol, CurvedSet]:
        """The curved sets in which variables of the derivation move."""
        return {X: space for X in self.wrt if (space := curved_set(X, self.affine)) is not None}

    @cached_property
    def _curved_hessian(self) -> Any:
        """Blocks P_X M P_Z, of vectors."""
        X = next((X for X, space in self.curved.items() if space.kind == "matrix"), None)
        if X is not None:
            raise UnsupportedError(
                f"the Hessian on the set that {X.name} moves in is a map of tangent directions and has no matrix here",
                hint="use .hessian_operator, .hvp",
            )
        answers = {(X.name, Z.name): self._block(X, Z) for X in self.wrt for Z in self.wrt}
        return answers if self.several else answers[self.wrt[0].name, self.wrt[0].name]

    def _block(self, X: Symbol, Z: Symbol) -> Expr:
        inside, space = self.euclidean_curvature[X], self.curved.get(X)
        if space is not None and space.bend is not None:
            inside = add(inside, space.bend(X, self.directions[X], self._reduced(self.raw_gradients[X])))
        found = self._matrix(inside, Z)
        for V, left in ((X, True), (Z, False)):
            if V in self.curved:
                P = jacobian(self.curved[V].project(V, self.directions[V]), self.directions[V])
                found = matmul(P, found) if left else matmul(found, P)
        return self._answer(found)

    @cached_property
    def euclidean_curvature(self) -> dict[Symbol, Node]:
        """∇²f[dX] for each variable: on a curved set the derivative of the gradient in all of space along dX."""
        return {
            X: self._curvature(G if X in self.curved else self._weighted(self.projected(G, X)))
            for X, G in self.raw_gradients.items()
        }

    @cached_property
    def curvature(self) -> dict[Symbol, Node]:
        """H[dX], linear in the dX: the differential of each gradient, and on a curved set Hess f[dX]."""
        return {X: self._bent(X, DG) for X, DG in self.euclidean_curvature.items()}

    def _bent(self, X: Symbol, DG: Node) -> Node:
        space = self.curved.get(X)
        if space is None:
            return DG
        return space.hessian(X, self.directions[X], self._reduced(self.raw_gradients[X]), self._reduced(DG))

    def _curvature(self, G: Node) -> Node:
        """The differential of a gradient as the rules gave it, or of its simplest form where that is shorter."""
        forms = [G, self.simplified(G)] if len(topological(G)) <= SMALL else [G]
        ready = dict.fromkeys(map(prepared, forms))
        found = [differentials(form, self.directions).get(form) or zeros_like(form) for form in ready]
        return min(found, key=lambda n: length(self.simplified(n))) if len(self._alike(found)) > 1 else found[0]

    @cached_property
    def products(self) -> dict[Symbol, Node]:
        """H[dX] for each variable, inside its tangent space."""
        return {
            X: self.simplified(self.curvature[X] if X in self.curved else self.projected(self.curvature[X], X))
            for X in self.wrt
        }

    def hvp(self, V: Any, /, **arrays: Any) -> Any:
        """H[V], the shape of X, without ever forming H; V has the shape of X (dicts for several variables)."""
        known = (*self.function.variables, *self.directions.values())
        values = self.evaluated(list(self.products.values()), known, {**arrays, **self._tangents(V, arrays)})
        return dict(zip((X.name for X in self.wrt), values, strict=True)) if self.several else values[0]

    def _shorter_matrix(self, value: Node, X: Symbol) -> Expr:
        """The matrix of a linear map: of its simplest form, or as the rules give it where that is shorter.

        A structured X takes the second, with the projection onto the tangent space that the first may not need.
        """
        if tangent(X) is not None:
            return self._answer(self._matrix(value, X))
        simple = self.differential.node if value is self.raw_differential else self.simplified(value)
        answer = self._matrix(simple, X)
        if len(topological(value)) > SMALL:
            return self._answer(answer)
        forms = [self._matrix(value, X), answer]
        self._alike(forms)
        return min(map(self._answer, forms), key=lambda e: length(e.node))

    def _matrix(self, value: Node, X: Symbol) -> Node:
        """The matrix of a linear map in its dX alone; restricted to the tangent space of X."""
        others = {dZ: zeros_like(dZ) for Z, dZ in self.directions.items() if Z is not X}
        return jacobian(substitute(value, others, into_bodies=True) if others else value, self.directions[X])

    def _tangents(self, V: Any, arrays: Mapping[str, Any]) -> dict[str, Any]:
        given = V if self.several else {self.wrt[0].name: V}
        if not isinstance(given, Mapping):
            raise MatdiffError(
                f"the derivation is by several variables, so a direction is a dict, not {type(V).__name__}",
                hint=f"pass {{{', '.join(f'{X.name!r}: …' for X in self.wrt)}}}",
            )
        missing = [X.name for X in self.wrt if X.name not in given]
        if missing:
            raise MatdiffError(f"no direction is given for {missing[0]}", hint="pass a dict with one for each variable")
        check_directions(self.wrt, given, arrays)
        return {dX.name: given[X.name] for X, dX in self.directions.items()}

    @property
    def operator(self) -> Operator:
        """The pushforward as a formula: F'(X)[dX] = …, linear in dX."""
        return pushforward(self)

    @property
    def letter(self) -> str:
        """A name for the function that none of its variables has."""
        return letter(self)

    @property
    def adjoint(self) -> Any:
        """Its adjoint as a formula, F'(X)*[Y] = …; an Operator, or a dict of them for several variables."""
        return pullback(self)

    @property
    def hessian_operator(self) -> Any:
        """H[dX] = … of a scalar function; an Operator, or a dict of them for several variables."""
        return hessian_operator(self)

    @property
    def bilinear(self) -> Any:
        """The second derivative f''(X)[dX₁, dX₂] = …, of a function of any shape; a dict by pairs for several."""
        return bilinear(self)

    def generalised_gradient(self, multiplicity: int | str) -> GeneralisedGradient:
        """What takes the gradient's place where `multiplicity` eigenvalues of λ_max or λ_min meet (Overton 1992, §3).

        Raises UnsupportedError for a function without one such eigenvalue.
        """
        from matdiff.api.crossing import GeneralisedGradient

        return GeneralisedGradient(self, multiplicity)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The derivation as a lecturer would write it."""
        from matdiff.api.steps import narrative

        return narrative(self)

    @cached_property
    def retold(self) -> Telling:
        """The derivation as it is told, with names for parts where a lecturer gives them."""
        from matdiff.api.steps import retold

        return retold(self)

    @cached_property
    def all_steps(self) -> tuple[Step, ...]:
        """The same with the algebra as steps of its own."""
        from matdiff.api.steps import narrative

        return narrative(self, full=True)

    @cached_property
    def of_gradient(self) -> Derivation:
        """The derivation of the gradient by one variable, as it was found; on a curved set that in all of space."""
        G: Any = self.euclidean_gradient if self.curved else self.gradient
        return replace(self, function=G, source=None, metric=None, affine=False, remarks=())

    @cached_property
    def euclidean_gradient(self) -> Any:
        """The gradient in all of space, before any projection; a dict by name for several variables."""
        answers = {X.name: self._answer(G) for X, G in self.raw_gradients.items()}
        return answers if self.several else answers[self.wrt[0].name]

    @property
    def riemannian(self) -> Riemannian:
        """Gradient and Hessian on the sets in which the variables move."""
        return Riemannian(self)

    @cached_property
    def of_differential(self) -> Derivation:
        """The derivation of dF along directions dX₁ that are held fast: its differential is the second derivative."""
        first = {dX: differential_symbol(X, 1) for X, dX in self.directions.items()}
        F = Expr(substitute(self.differential.node, dict(first)), (*self.function.variables, *first.values()))  # type: ignore[arg-type]
        return replace(self, function=F, source=None, metric=None, remarks=())

    @property
    def second_forms(self) -> list[Node]:
        """The bilinear forms of all pairs of variables, each dX₂ written dX."""
        forms = self.bilinear.values() if self.several else [self.bilinear]
        second = {differential_symbol(X, 2): dX for X, dX in self.directions.items()}
        return [substitute(form.value.node, dict(second)) for form in forms]

    @cached_property
    def hessian_steps(self) -> tuple[Step, ...]:
        """From the gradient by one variable on to the Hessian.

        Raises ShapeError and UnsupportedError as `hessian` does, UnsupportedError for several variables.
        """
        from matdiff.api.steps import second

        if self.several:
            raise UnsupportedError("the steps to a Hessian are told for one variable")
        return second(self)

    def further_steps(self, order: int = 1) -> tuple[Group, ...]:
        """From the differential on: to each gradient of several variables, to adjoints and Jacobians of a function that
        is not scalar, and with `order` 2 to the blocks of the Hessian by several variables.
        """
        from matdiff.api.steps import groups

        return groups(self, order)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What may surprise in how the text was read, and where the function is not differentiable, in words."""
        found = dict.fromkeys(self.remarks)
        bare = linearly_below(self.prepared, self.differentials)
        for node in topological(self.prepared):
            if isinstance(node, Apply) and node.op.smooth and node in self.differentials:
                if node.op in WHOLE and symmetric_in(self.prepared, node):
                    continue
                places = [Expr(inline(a)).text() for a in node.args]
                verb = "not" if node in bare else "perhaps not"
                entries = node.args[-1].kind != "scalar"
                where = (
                    node.op.smooth
                    if entries
                    else node.op.smooth.replace("an entry of ", "").replace(" in an entry", "")
                )
                found[f"{verb} differentiable {where.format(*places)}"] = None
        return tuple(found)

    @cached_property
    def convexity(self) -> Convexity:
        """Is a scalar function convex in all its variables together?  A verdict with its proof or counter-example.

        Raises ShapeError for a function that is not scalar.
        """
        from matdiff.verify.convexity import judge

        if self.function.kind != "scalar":
            raise ShapeError(
                f"the function is {describe(self.function.node)}, and convexity is asked of a scalar function",
                hint="ask for an entry of it, or for a norm, a sum or a trace",
            )
        return judge(self.function.node, self.function.variables, self.wrt, self._value)

    @property
    def _value(self) -> Callable[[Mapping[Symbol, Any]], Any]:
        """The value at arrays by symbol, whose shapes and attributes are right."""
        from matdiff.codegen import Request, compiled
        from matdiff.codegen.evaluate import run

        try:
            program = compiled(Request((self.function.node,), None, False, self.function.variables, checked=True))
        except MatdiffError as error:
            return partial(_refuse, error)
        return lambda at: run(program, {name: at[v] for v, name in program.inputs})[0]

    def code(self, mode: str = "vjp", backend: str = "numpy", custom: bool = False, notes: Sequence[str] = ()) -> str:
        """Source of `value` and of one map: `jvp` F'(X)[dX], `vjp` F'(X)*[Y] or `hvp` H[dX].

        With `custom` there is a `function` by all its variables, which JAX or PyTorch differentiates by that map.
        What moves inside a set has its adjoint in the tangent space.
        Raises UnsupportedError for another mode, for NumPy with `custom`, and there for Hessians on curved sets;
        ShapeError for the Hessian of a function that is not scalar.
        """
        from matdiff.codegen.modes import Maps, module

        d = self.of_all if custom else self
        if mode == "hvp" and d.kind != "gradient":
            raise ShapeError(
                f"the function is {describe(d.function.node)}, and a Hessian belongs to a scalar function",
                hint="jvp and vjp are for all functions",
            )
        if custom and mode == "hvp" and d.curved:
            name = next(iter(d.curved)).name
            raise UnsupportedError(
                f"the Hessian on the set that {name} moves in is not what libraries differentiate by",
                hint="ask for vjp or jvp, or leave out custom",
            )
        found: Any = d.gradient if mode == "hvp" else {}
        gradients: dict[str, Expr] = {d.wrt[0].name: found} if mode == "hvp" and not d.several else found
        maps = Maps(
            d.function.node,
            d.function.variables,
            d.directions,
            d.covector,
            d.differential.node,
            d.pullback if mode != "hvp" else {},
            {X: gradients[X.name].node for X in d.wrt if X.name in gradients},
            d.products if mode == "hvp" else {},
        )
        return module(maps, mode, backend, custom, str(self.function), notes)

    @cached_property
    def of_all(self) -> Derivation:
        """The derivation by all variables of the function, for the plain inner product."""
        return replace(self, wrt=self.function.variables, several=len(self.function.variables) > 1, metric=None)

    def graph(self) -> Graph:
        """The computational graph: nodes, edges with local derivatives, forward and reverse traces, counts, pictures.

        Raises UnsupportedError where a part of the function has no rule for what moves.
        """
        from matdiff.api.graph import graph

        return graph(self)

    def evaluate(self, /, **arrays: Any) -> Any:
        """The function's value."""
        return self.function.evaluate(**arrays)

    def value_and_grad(self, /, **arrays: Any) -> tuple[Any, Any]:
        """The value of a scalar function and its gradient (a dict for several variables)."""
        found: Any = self.gradient
        gradients = found if self.several else {"": found}
        nodes = [self.function.node, *(g.node for g in gradients.values())]
        value, *rest = self.evaluated(nodes, self.function.variables, arrays)
        return value, dict(zip(gradients, rest, strict=True)) if self.several else rest[0]

    def jvp(self, V: Any, /, **arrays: Any) -> Any:
        """The pushforward F'(X)[V], the shape of F; V has the shape of X (a dict of them for several variables)."""
        known = (*self.function.variables, *self.directions.values())
        return self.evaluated([self.differential.node], known, {**arrays, **self._tangents(V, arrays)})[0]

    def vjp(self, Y: Any, /, **arrays: Any) -> Any:
        """The pullback F'(X)*[Y], the shape of X and inside its tangent space; Y has the shape of F."""
        known = (*self.function.variables, self.covector)
        values = self.evaluated(list(self.pullback.values()), known, {**arrays, self.covector.name: Y})
        return dict(zip((X.name for X in self.wrt), values, strict=True)) if self.several else values[0]

    @cached_property
    def covector(self) -> Symbol:
        """The Y of the pullback: a symbol of the shape of F whose name is free."""
        name = "Y"
        while any(v.name == name for v in self.function.variables):
            name += "_"
        f = self.function.node
        return symbol(name, f.kind, f.rows, f.cols)

    @cached_property
    def pullback(self) -> dict[Symbol, Node]:
        """F'(X)*[Y] for each variable, as an expression in Y."""
        found = adjoint(self.raw_differential, self.covector, list(self.directions.values()))
        return {X: self.simplified(self._weighted(self._on_set(found[dX], X))) for X, dX in self.directions.items()}

    def scipy(self, /, **fixed: Any) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
        """`fun, jac, hessp` for `scipy.optimize.minimize`, over one flat vector; `fixed` has all other arrays.

        Several variables lie in the vector one after the other, a matrix row by row.
        Raises UnsupportedError for a variable in a set that a flat vector does not stay in.
        """
        from matdiff.interop.scipy import scipy_functions

        return scipy_functions(self, fixed)

    def newton(self, gauss: bool = False) -> System:
        """How Newton's (or the Gauss–Newton) system is solved: `.words(sizes)` says the form of H and the operations.

        Raises ShapeError for a function that is not scalar.
        """
        found = self._systems.get(gauss)
        if found is None:
            from matdiff.api.newton import System

            found = self._systems[gauss] = System(self, gauss)
        return found

    @cached_property
    def _systems(self) -> dict[bool, System]:
        return {}

    def newton_step(self, *, modified: bool = False, **arrays: Any) -> Any:
        """The s with H s = −∇f, the shape of X (a dict for several variables), at the cost of the structure of H.

        `modified` gives a descent direction where H is not positive definite.  Raises DomainError where H is singular.
        Large systems with a proven bound on their eigenvalues are solved by products to a relative error of 1e-10.

        >>> from matdiff import derive
        >>> d = derive("norm(A*x - b)^2", wrt="x")
        >>> d.newton_step(A=[[2.0, 0.0], [0.0, 1.0]], x=[0.0, 0.0], b=[2.0, 3.0]).round(12).tolist()
        [1.0, 3.0]
        """
        from matdiff.api.newton import step

        return step(self, arrays, False, modified)

    def gauss_newton_step(self, **arrays: Any) -> Any:
        """The same with the Gauss–Newton matrix, which is ⪰ 0: terms h(u(x)) with a convex h count u as linear.

        Raises UnsupportedError for a function that has no such form.
        """
        from matdiff.api.newton import step

        return step(self, arrays, True, False)

    def model(self, order: int = 1) -> Model:
        """The tangent plane of order 1, the quadratic model of order 2, at x₀; `.at(**arrays)` at numbers.

        >>> from matdiff import derive
        >>> derive("norm(x)^2", wrt="x").model(2).value.text(ascii=True)
        "norm(x_0)^2 + 2*x_0'*(x - x_0) + (x - x_0)'*(x - x_0)"
        """
        from matdiff.api.models import Model

        return Model(self, order)

    def stationary(self) -> Stationary:
        """Where the gradient is 0: `.equations .solution .kind .reason`, and `.at(**arrays)` for the kind of a point.

        >>> from matdiff import derive
        >>> left, right = derive("norm(A*x - b)^2", wrt="x").stationary().equations
        >>> print(left, "=", right)
        Aᵀ A x = Aᵀ b
        """
        from matdiff.api.models import Stationary

        return Stationary(self)

    def minimize(
        self,
        *,
        method: str = "newton",
        tolerance: float | None = None,
        steps: int | None = None,
        progress: Callable[[Any], None] | None = None,
        **arrays: Any,
    ) -> Result:
        """A stationary point downhill from the arrays of the variables: `.x .value .rows .order .converged`.

        `method` is newton, gauss-newton, bfgs, cg or gradient; `tolerance` the size of the gradient at which it ends,
        beside that at the start (at least 1).  Raises DomainError for a start outside the domain of the function.

        >>> from matdiff import derive
        >>> d = derive("sum(exp(x)) - b'*x", wrt="x", declare="x: n")
        >>> d.minimize(x=[0.0, 0.0], b=[1.0, 2.0]).x.round(6).tolist()
        [0.0, 0.693147]
        """
        from matdiff.api.descent import minimize

        return minimize(self, arrays, method, tolerance, steps, progress)

    def root(
        self,
        *,
        tolerance: float | None = None,
        steps: int | None = None,
        progress: Callable[[Any], None] | None = None,
        **arrays: Any,
    ) -> Result:
        """A root of F(x) = 0 by Newton's method from the arrays of the variables; F has as many entries as these.

        >>> from matdiff import derive
        >>> derive("X*X - A", wrt="X").root(X=[[1.0, 0.0], [0.0, 1.0]], A=[[4.0, 0.0], [0.0, 9.0]]).x.round(6).tolist()
        [[2.0, 0.0], [0.0, 3.0]]
        """
        from matdiff.api.descent import root

        return root(self, arrays, tolerance, steps, progress)

    def c(
        self, name: str = "f", sizes: Mapping[str, int] | None = None, *, blas: bool = False, order: int = 1
    ) -> CCode:
        """C99 for the value, the derivative and both together (`order=2`: with the Hessian): `.source`, `.header`,
        `.test`, and `.write(folder)`.

        Matrices are column-major.  `sizes` fixes dimensions; loops over few of them are written out.  With `blas`
        products and factorisations are calls of BLAS and LAPACK.  Raises UnsupportedError, with its name, for a
        function that has no C.
        """
        from matdiff.api.ccode import c_code

        return c_code(self, None, name, sizes, blas, order)

    def julia(self, order: int = 1) -> str:
        """Julia for the value, the derivative and both together (`order=2`: with the Hessian).

        The functions take the arrays in the order of the function's variables: numbers, vectors, matrices, which are
        held to the declared shapes.  What matdiff knows by a name in Julia's libraries is called by it; `erf` and
        functions like it are those of SpecialFunctions.jl.  Raises UnsupportedError, with its name, for a function
        that has no code.

        >>> from matdiff import derive
        >>> print(derive("x'*A*x", wrt="x").julia().partition("value(")[2].splitlines()[4])
            expect(x, (n,), "x")
        """
        return self._in_language("julia", order)

    def octave(self, order: int = 1) -> str:
        """The same for Octave and MATLAB, as a script: once it has run, `derivatives.gradient(A, x)` is the gradient.

        In Octave `gradient(A, x)` is as well.  Vectors may be rows or columns, and are columns in the results; several
        gradients are the fields of a structure.
        """
        return self._in_language("octave", order)

    def _in_language(self, language: str, order: int) -> str:
        from matdiff.api.ccode import usual
        from matdiff.codegen import sources

        if order not in (1, 2):
            raise MatdiffError(f"order must be 1 or 2, not {order!r}")
        return sources(usual(self, order), self.function.variables, language)

    def pymanopt(self, /, **fixed: Any) -> Manopt:
        """`cost, gradient, hessian` for Pymanopt, on the variables' sets; `fixed` has all other arrays.

        `.problem()` of what is given back is a `pymanopt.Problem`.  For spd variables Pymanopt's metric is the affine
        one.  Raises UnsupportedError for an spd variable with the Euclidean metric, MatdiffError for a missing array.
        """
        from matdiff.interop.pymanopt import Manopt

        for X in self.wrt:
            if "spd" in X.attributes and X not in self.curved:
                raise UnsupportedError(
                    f"Pymanopt's metric for spd matrices such as {X.name} is the affine one",
                    hint='derive with metric="affine"',
                )
        arrays, shapes = self._fixed(fixed)
        found: Any = self.gradient
        gradients = [g.node for g in (found.values() if self.several else [found])]
        return Manopt(
            self._of_point([self.function.node], arrays, single=True),
            (self._of_point(gradients, arrays), self._of_point([*self.products.values()], arrays)),
            self._of_point([self.simplified(G) for G in self.raw_gradients.values()], arrays),
            self._of_point([self.simplified(self._curvature(G)) for G in self.raw_gradients.values()], arrays),
            self.wrt,
            tuple(self.curved.get(X) for X in self.wrt),
            shapes,
        )

    def _fixed(self, fixed: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[tuple[int, ...] | None, ...]]:
        """The arrays of all variables that do not move, checked, and the shapes of those that do, where they follow."""
        from matdiff.codegen.emit.names import lookup
        from matdiff.codegen.evaluate import as_array, check_attributes, sizes_of

        known = {v: lookup(v.name, fixed) for v in self.function.variables if v not in self.wrt}
        missing = next((v for v, key in known.items() if key is None), None)
        if missing is not None:
            raise MatdiffError(f"the array {missing.name} is missing: {describe(missing)}", hint="pass it by name")
        arrays = {v: as_array(v, fixed[key]) for v, key in known.items() if key is not None}
        sizes = sizes_of(arrays)
        for v, array in arrays.items():
            check_attributes(v, array, arrays.values())
        names = sizes.keys()
        shapes = [X.shape if all(s.names <= names for s in X.shape) else None for X in self.wrt]
        found = tuple(None if shape is None else tuple(s.evaluate(sizes) for s in shape) for shape in shapes)
        return {v.name: a for v, a in arrays.items()}, found

    def _of_point(self, nodes: list[Node], here: Mapping[str, Any], single: bool = False) -> Callable[..., Any]:
        """A compiled function of the variables' arrays, and of directions after these, one after the other."""
        from matdiff.codegen import compile_

        known = (*self.function.variables, *self.directions.values())
        run, names = compile_(nodes, known), [v.name for v in (*self.wrt, *self.directions.values())]

        def value(*arrays: Any) -> Any:
            found = run(**here, **dict(zip(names, arrays, strict=False)))
            return float(found[0]) if single else found[0] if len(nodes) == 1 else list(found)

        return value

    def __deepcopy__(self, memo: Any) -> Derivation:
        return self

    def __reduce__(self) -> tuple[Callable[..., Derivation], tuple[Any, ...]]:
        from matdiff.api.pickling import dump

        nodes = [self.function.node, *self.function.variables, *self.wrt]
        extra = [part for part in (self.metric, self.source) if part is not None]
        counts = len(self.function.variables), self.metric is not None, self.source is not None
        rest = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in NODES}
        return unpickled, (type(self), type(self.function), *dump([*extra, *nodes]), counts, rest)

    def verify(
        self, seed: int = 0, sizes: Mapping[str, int] | None = None, claim: Any = None, **options: Any
    ) -> Verification:
        """Check the derivative, or a claimed one, numerically; see `matdiff.solution.judge.verify`."""
        if options.get("order") == 2 and claim is None and self.kind != "gradient":
            rest = {name: value for name, value in options.items() if name != "order"}
            return check_second(self, seed, sizes, **rest)
        if claim is None:
            from matdiff.verify.numeric import verified

            return verified(self, seed, sizes, **options)
        from matdiff.solution.judge import verify

        return verify(self, seed=seed, sizes=sizes, claim=claim, **options)

    def having(self, function: Node, variables: tuple[Symbol, ...] | None = None) -> Derivation:
        """The same question of another function, of the same variables unless they are given."""
        known = self.function.variables if variables is None else variables
        return replace(self, function=Expr(function, known, self.function.guards))

    def renamed(self, function: Node) -> Derivation:
        """The derivation of the same function written with names, whose derivatives are known."""
        found = self.having(function)
        vars(found).update(gradient=self.gradient, _known=self._known) if self.kind == "gradient" else None
        return found

    def about(self, function: Expression) -> Derivation:
        """The derivation of another function by the same variables, for the plain inner product."""
        return replace(
            self,
            function=Expr(function.node, function.variables, function.guards),
            source=None,
            metric=None,
            remarks=(),
        )

    def text(self, steps: bool = False, order: int = 1, ascii: bool = False) -> str:
        """What `matdiff derive` prints: function, differential, derivative, conventions, the verdict of the check.

        Raises MatdiffError where the check fails: a wrong answer is never shown.
        """
        return self._printed("text", steps, order, ascii)

    def latex(self, steps: bool = False, order: int = 1) -> str:
        """The same as an `align*`."""
        return self._printed("latex", steps, order, False)

    def markdown(self, steps: bool = False, order: int = 1) -> str:
        """The same with formulas between `$$`."""
        return self._printed("markdown", steps, order, False)

    def typst(self, steps: bool = False, order: int = 1) -> str:
        """The same as a block of mathematics in Typst."""
        return self._printed("typst", steps, order, False)

    def _printed(self, form: str, steps: bool, order: int, ascii: bool) -> str:
        from matdiff.report.answer import Answer
        from matdiff.report.formats import render

        if order not in (1, 2):
            raise MatdiffError(f"order must be 1 or 2, not {order!r}")
        answer = Answer(self, order, steps, None if self.metric is None else Expr(self.metric).text())
        answer.verify()
        if answer.fault:
            raise MatdiffError(f"the derivative failed its verification, so it is not printed: {answer.fault}")
        return render(answer, form, ascii)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        from matdiff.report.blocks import summary

        try:
            return summary(self, differential=False)
        except MatdiffError as error:
            return f"<derivation of {self.function} by {', '.join(X.name for X in self.wrt)}: {error.message}>"

    def _repr_latex_(self) -> str:
        from matdiff.report.blocks import derivation_latex

        return f"$$\n{derivation_latex(self)}\n$$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from matdiff.report.blocks import bundle

        return bundle(self)

    def evaluated(self, nodes: Sequence[Node], variables: Sequence[Symbol], arrays: Mapping[str, Any]) -> Any:
        """The values of some nodes over these variables, where a derivative exists."""
        from matdiff.codegen.evaluate import evaluate, refuse_strangers

        refuse_strangers(nodes, variables, arrays)
        return evaluate(list(nodes), tuple(variables), arrays, guards=self.guards)

    @cached_property
    def guards(self) -> tuple[Node, ...]:
        """What must be defined for a derivative to be: parts of the function that are not defined everywhere."""
        whole = self.prepared if self.source is None else prepared(self.function.node)
        root = inline(whole)
        moving = self.differentials if root is self.prepared else set(dependent(root, self.wrt))
        return tuple(dict.fromkeys((*self.function.guards, *guards(root, moving))))

    def projected(self, G: Node, X: Symbol) -> Node:
        """G inside the tangent space in which X moves."""
        return G if tangent(X) is None else project(self._reduced(G), X)

    def _on_set(self, G: Node, X: Symbol) -> Node:
        """The gradient for the metric of X's set, from that in all of space."""
        return raised(self.projected(G, X), X, self.affine)

    def _weighted(self, G: Node) -> Node:
        """The gradient for the inner product of the derivation: W⁻¹G."""
        return G if self.metric is None else inverse(self.metric) @ G

    def _reduced(self, node: Node) -> Node:
        """In normal form, definitions in place, functions of one's own written out."""
        return normal(self._written(node), self._known)

    def _written(self, node: Node) -> Node:
        """Definitions in place, functions of one's own written out."""
        if self.source is None:
            return inline(node)
        return written(inline(node))

    def simplified(self, node: Node) -> Node:
        """The form to print."""
        found = self._simplest.get(node)
        if found is None:
            self._alike([node])
            found = self._simplest[node]
        return found

    def _alike(self, nodes: Iterable[Node]) -> set[Node]:
        """The forms to print of several equal expressions, those that have one normal form simplified once."""
        common = new_context(self._known)
        found: dict[Node, Node] = {}
        for node in nodes:
            written = self._written(node)
            form = common.normal(written)
            if form not in found:
                context = new_context(self._known) if found else common
                found[form] = self._simplest.get(node) or shortest(context.normal(written), context)
            self._simplest.setdefault(node, found[form])
        return set(found.values())

    @cached_property
    def _simplest(self) -> dict[Node, Node]:
        return {}

    @cached_property
    def _known(self) -> Known:
        """What is found out about nodes once for all answers of the derivation."""
        return Known()

    @cached_property
    def squares(self) -> dict[Node, Node]:
        """uᵀu and ⟨U, U⟩ as ‖·‖² for every square of a norm that was typed in the function."""
        found: dict[Node, Node] = {}
        for node in topological(self.function.node):
            if node.op is POWER and node.children[0].op is norm and prepared(node) is not node:
                u = self.simplified(node.children[0].children[0])
                square = power(norm(u), number(2))
                found[matmul(u.T, u) if u.kind == "vector" else self.simplified(inner(u, u))] = square
        return found

    def abbreviated(self, answer: Expr) -> Expr:
        """An answer in terms of what the function defines, `s = softmax(K q)`, if far shorter."""
        return self.abbreviations([answer])[0]

    def abbreviations(self, answers: Sequence[Expr]) -> list[Expr]:
        """Answers in terms of what the function defines, if that makes them no longer: all or none of them."""
        if not any(isinstance(n, Symbol) and n.body is not None for n in topological(self.function.node)):
            return list(answers)
        found = [self._in_definitions(e) for e in answers]
        before, after = (sum(length(e.node) for e in every) for every in (answers, found))
        changed = any(f.node is not e.node for e, f in zip(answers, found, strict=True))
        return found if changed and after <= before else list(answers)

    def _in_definitions(self, answer: Expr) -> Expr:
        whole, partial = self._meanings
        node = substitute(answer.node, whole)
        for body, part in partial.items():
            node = in_terms_of(node, substitute(body, {b: v for b, v in whole.items() if b is not body}), part)
        return Expr(node, answer.variables, answer.guards)

    @cached_property
    def _meanings(self) -> tuple[dict[Node, Node], dict[Node, Node]]:
        """What stands for each definition in answers, to be replaced where it occurs, and where a part of it may."""
        common = new_context(self._known)
        inlined: dict[Node, Node] = {}
        whole: dict[Node, Node] = {}
        partial: dict[Node, Node] = {}
        for part in topological(self.function.node):
            if not isinstance(part, Symbol) or part.body is None:
                continue
            body = part.body if self.source is None else written(part.body)
            inlined[part] = substitute(body, dict(inlined))
            form = best(common.normal(inlined[part]), self._known)
            forms = [form, self.simplified(part.body)] if length(form) <= SMALL else [form]
            for found in forms:
                whole |= {found.T: part.T, found: part}
            if is_op(forms[-1], ADD) or is_op(forms[-1], MATMUL):
                partial[forms[-1]] = part
        return whole, dict(reversed(partial.items()))

    def in_names(self, node: Node) -> Node:
        """An expression in terms of what the function defines, where that makes it no longer."""
        found = self._in_definitions(Expr(node, self.function.variables)).node
        return found if length(found) <= length(node) else node

    def named(self, answers: Sequence[Expr]) -> list[Expr]:
        """Gradients with the factors that several of them share named once: δ, the errors of backpropagation."""
        values = self.names([e.node for e in answers])
        return [Expr(substitute(e.node, values), e.variables, e.guards) for e in answers] if values else [*answers]

    def names(self, answers: Sequence[Node]) -> dict[Node, Node]:
        """The names of those factors; where many of the terms share them one by one, as in a chain, of all of these."""
        terms = [t for e in answers for t in (e.children if is_op(e, ADD) else (e,))]
        parts = shared(terms)
        if len(parts) < LAYERS:
            parts = shared(answers)
        taken = {n.name for n in topological(self.function.node) if isinstance(n, Symbol)}
        taken |= {v.name for v in self.function.variables}
        spelt = " ".join([self.types, *map(ascii_name, taken)])
        stem = next((w for w in STEMS if w not in spelt and ascii_name(w) not in spelt), "")
        if not parts or not stem:
            return {}
        values: dict[Node, Node] = {}
        for i, part in reversed(list(enumerate(parts, 1))):
            name = stem if len(parts) == 1 else f"{stem}_{i}"
            body = substitute(part, dict(values)) if values else part
            values[part] = symbol(name, part.kind, part.rows, part.cols, frozenset(), body)
        return values

    def _answer(self, node: Node) -> Expr:
        simple = self.simplified(node)
        shown = substitute(simple, self.squares) if self.squares else simple
        return Expr(shown, self.function.variables, self.guards)


@dataclass(frozen=True)
class Riemannian:
    """Gradient and Hessian of a scalar function on the sets in which its variables move.

    `gradient` is an expression, `hessian` the operator on tangent directions (dicts for several variables); they are
    `d.gradient` and `d.hessian_operator`.  `euclidean_gradient` is that in all of space.
    """

    d: Derivation

    @property
    def gradient(self) -> Any:
        return self.d.gradient

    @property
    def hessian(self) -> Any:
        return self.d.hessian_operator

    @property
    def euclidean_gradient(self) -> Any:
        return self.d.euclidean_gradient


def shared(nodes: Sequence[Node]) -> list[Node]:
    """Parts that occur in several expressions and are worth a name, none inside another that occurs in the same ones.

    A part comes before those inside it.
    """
    within = dict.fromkeys(nodes, 0)
    for i, root in enumerate(nodes):
        within[root] |= 1 << i
    for n in reversed(topological(*within, into_bodies=False)):
        for c in n.children if isinstance(n, Apply) else ():
            within[c] = within.get(c, 0) | within[n]
    common = [
        n for n, places in within.items() if isinstance(n, Apply) and places & (places - 1) and length(n) >= WORTH
    ]
    inside = {c for n in common for c in n.children if within.get(c) == within[n]}
    return sorted((n for n in common if n not in inside), key=length, reverse=True)


def row_of(G: Node) -> Node:
    """vec(G)', the Jacobian of a scalar function."""
    return G if G.kind == "scalar" else vector_of(G).T


def linearly_below(root: Node, moving: Container[Node]) -> set[Node]:
    """The nodes that a function depends on linearly, so that what breaks there breaks in the whole.

    A factor counts only where the others do not move: ‖relu(x)‖² is a product of relu(x) with itself, and smooth.
    """
    found: set[Node] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        if not isinstance(node, Apply):
            waiting += node.children
            continue
        for i, a in enumerate(node.args):
            rule = node.op.rule(i)
            alone = not any(b in moving for j, b in enumerate(node.args) if j != i)
            if isinstance(rule, Joint) or (isinstance(rule, Linear) and alone):
                waiting.append(a)
    return found


NODES = ("function", "wrt", "metric", "source")
"""The fields that hold nodes."""


def unpickled(
    kind: type[Derivation], of: type[Expr], rows: Any, roots: Any, counts: tuple[int, bool, bool], rest: dict[str, Any]
) -> Derivation:
    """A derivation that was pickled; what had been found of it is found again when asked for."""
    from matdiff.api.pickling import load

    nodes: list[Any] = load(rows, roots)
    count, weighted, own = counts
    metric = nodes.pop(0) if weighted else None
    source = nodes.pop(0) if own else None
    function = of(nodes[0], tuple(nodes[1 : 1 + count]))
    return kind(function, tuple(nodes[1 + count :]), metric=metric, source=source, **rest)
