"""Newton's step and its relatives at the cost that the structure of the Hessian allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.api.descending import descending
from matdiff.api.newtonarrays import gathered
from matdiff.api.newtonsolvers import MATRIX, Blocks, Columns, Iterative, Pair, Point, Single
from matdiff.calculus.existence import guard
from matdiff.calculus.jacobian import jacobian
from matdiff.calculus.tangent import tangent
from matdiff.codegen import Program, Request, compiled, factored, solvers
from matdiff.codegen.checks import TOLERANCE, finite, symmetric_up_to
from matdiff.codegen.evaluate import beside, check_attributes, known_guards, refuse_strangers, run, sizes_of
from matdiff.codegen.newton import form
from matdiff.codegen.pairforms import schur
from matdiff.codegen.recipes import Call, Form, Hessian, leaves
from matdiff.core.node import Node, Symbol, topological
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import is_op
from matdiff.ops.constants import zeros_like
from matdiff.ops.linalg import inv, inverse, logdet
from matdiff.ops.unknown import has_unknown

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation


class System:
    """H s = −∇f for one derivation: which form H has, the program for its parts, the solver at arrays.

    `gauss` takes the Gauss–Newton matrix in the place of the Hessian.
    """

    def __init__(self, d: Derivation, gauss: bool = False) -> None:
        from matdiff.calculus.gaussnewton import gauss_newton

        if d.kind != "gradient":
            raise ShapeError(
                "the function is not scalar, so it has no Hessian",
                hint="Newton's method for F(x) = 0 is .root, for a least squares problem derive norm(F)^2/2",
            )
        if d.metric is not None or d.affine:
            raise UnsupportedError("Newton's step does not depend on the inner product: leave out inner and metric")
        if has_unknown((d.function.node,)):
            raise UnsupportedError("Newton's step of an unknown function needs its values: define the function instead")
        self.d, self.gauss = d, gauss
        if gauss:
            if d.curved:
                raise UnsupportedError("the Gauss–Newton step is for variables that do not move on a curved set")
            found = gauss_newton(d.function.node if d.source is None else d.source, d.directions)
            self.products = {X: d.simplified(d.projected(V, X)) for X, V in found.items()}
        else:
            self.products = d.products
        gradients = d.gradient if d.several else {d.wrt[0].name: d.gradient}
        self.gradients = {X: gradients[X.name].node for X in d.wrt}

    @property
    def name(self) -> str:
        return "Gauss–Newton matrix" if self.gauss else "Hessian"

    @cached_property
    def hessians(self) -> dict[Symbol, Hessian]:
        """What the rules look at, each variable by itself."""
        dXs = self.d.directions
        found = {}
        for X in self.d.wrt:
            others = {dXs[Z]: zeros_like(dXs[Z]) for Z in self.d.wrt if Z is not X}
            value = substitute(self.products[X], others) if others else self.products[X]
            found[X] = Hessian(X, dXs[X], value, self.gradients[X], self.d.simplified)
        return found

    @cached_property
    def form(self) -> Form | None:
        """The structured form by one variable, None where no rule fits."""
        if self.d.several:
            return None
        (H,) = self.hessians.values()
        return form(H)

    @cached_property
    def pair(self) -> tuple[Call, tuple[Symbol, Symbol]] | None:
        """Two vectors of which one has a diagonal block."""
        if len(self.d.wrt) != 2 or any(X.kind != "vector" for X in self.d.wrt):
            return None
        for X, Z in (self.d.wrt, self.d.wrt[::-1]):
            across = self._matrix(X, Z)
            if across is not None:
                call = schur(self.hessians[X], self.hessians[Z], across)
                if call is not None:
                    return call, (X, Z)
        return None

    @cached_property
    def matrices(self) -> dict[tuple[Symbol, Symbol], Node] | None:
        """The blocks of H for vec, None where a part has no matrix in the language."""
        if any(tangent(X) is not None for X in self.d.wrt):
            return None
        found = {(X, Z): self._matrix(X, Z) for X in self.d.wrt for Z in self.d.wrt}
        blocks = {key: M for key, M in found.items() if M is not None}
        return blocks if len(blocks) == len(found) else None

    def _matrix(self, X: Symbol, Z: Symbol) -> Node | None:
        dXs = self.d.directions
        others = {dXs[Y]: zeros_like(dXs[Y]) for Y in self.d.wrt if Y is not Z}
        value = substitute(self.products[X], others) if others else self.products[X]
        try:
            return self.d.simplified(jacobian(value, dXs[Z]))
        except UnsupportedError:
            return None

    # numbers

    @cached_property
    def route(self) -> str:
        """structured, pair, or matrix free: which way the system is solved, sizes apart."""
        return "form" if self.form is not None else "pair" if self.pair is not None else "free"

    def nodes(self, route: str) -> tuple[Node, ...]:
        """What the program of a route computes: the gradients, the right side, the parts of the recipe."""
        found = self.parts.get(route)
        if found is None:
            found = self.parts[route] = self._nodes(route)
        return found

    @cached_property
    def parts(self) -> dict[str, tuple[Node, ...]]:
        return {}

    def _nodes(self, route: str) -> tuple[Node, ...]:
        g = tuple(self.gradients[X] for X in self.d.wrt)
        if route == "form":
            assert self.form is not None
            return (self.form.right, *leaves(self.form.solver))
        if route == "pair":
            assert self.pair is not None
            return (*g, *leaves(self.pair[0]))
        if route == "matrix":
            assert self.matrices is not None
            return (*g, *self.matrices.values())
        return g

    @cached_property
    def programs(self) -> dict[tuple[Node, ...], Program]:
        return {}

    def program(self, nodes: tuple[Node, ...]) -> Program:
        found = self.programs.get(nodes)
        if found is None:
            known = (*self.d.function.variables, *self.d.directions.values())
            found = self.programs[nodes] = compiled(Request(nodes, None, False, known, checked=True))
        return found

    def prepare(self, arrays: Mapping[str, Any]) -> tuple[dict[Symbol, Any], dict[str, int]]:
        """The arrays, checked, and the sizes."""
        known = self.d.function.variables
        refuse_strangers([self.d.function.node], known, arrays)
        given = gathered(self.program(self.nodes(self.route)), known, arrays)
        sizes = sizes_of(given)
        for v, value in given.items():
            self.check(v, value, given)
        missing = {n for X in self.d.wrt for dim in X.shape for n in dim.names} - sizes.keys()
        if missing:
            name = min(missing)
            raise MatdiffError(f"nothing tells how large {name} is", hint=f"pass the array {self.d.wrt[0].name}")
        return given, sizes

    @staticmethod
    def check(v: Symbol, value: Any, given: Mapping[Symbol, Any]) -> None:
        symmetric = not v.attributes.isdisjoint({"spd", "symmetric"}) and symmetric_up_to(value, TOLERANCE)
        if not symmetric and finite(value):
            raise DomainError(f"{v.name} is not finite")
        fine = ("spd" in v.attributes and (np.diagonal(value) > 0).all()) or v.attributes == {"symmetric"}
        if not (symmetric and fine):
            check_attributes(v, value, given.values())

    def inside(self, given: Mapping[Symbol, Any]) -> None:
        """Raises DomainError where the function, or its derivative, is not defined."""
        key = frozenset(given)
        if key not in self.guarded:
            arrays = {v.name: a for v, a in given.items()}
            guards = tuple(g for g in map(guard, known_guards(self.d.guards, arrays)) if not self.shown(g))
            self.guarded[key] = beside(tuple(self.gradients.values()), guards)
        if self.guarded[key]:
            self.values(self.guarded[key], given)

    def shown(self, g: Node) -> bool:
        """Is a guard one that the step shows anyway, since it factors the definite matrix that is inverted?"""
        if not (is_op(g, inv) or is_op(g, logdet)) or "spd" not in Known()(g.children[0]):
            return False
        return is_op(g, inv) or inverse(g.children[0]) in self.factored

    @cached_property
    def factored(self) -> frozenset[Node]:
        """The parts of what every route to the step computes: the gradients, where no solver goes without them."""
        return frozenset() if self.route == "form" else frozenset(topological(*self.nodes("free")))

    @cached_property
    def guarded(self) -> dict[frozenset[Symbol], tuple[Node, ...]]:
        """What must be defined besides the gradient, by the arrays that are given."""
        return {}

    def values(self, nodes: tuple[Node, ...], given: Mapping[Symbol, Any]) -> tuple[Any, ...]:
        """The values of parts, each computed once; those that are variables are the arrays themselves."""
        have: dict[Node, Any] = {
            n: given[n] for n in nodes if isinstance(n, Symbol) and n in given and n.kind in ("matrix", "vector")
        }
        made = tuple(n for n in dict.fromkeys(nodes) if n not in have)
        program = self.program(made)
        with factored.kept():
            found = run(program, {name: given[v] for v, name in program.inputs})
        have.update(zip(made, found, strict=True))
        return tuple(have[n] for n in nodes)

    def at(
        self, given: Mapping[Symbol, Any], sizes: Mapping[str, int], guarded: bool = True, slopes: bool = True
    ) -> Point:
        """The solver at arrays that `prepare` has checked; without `slopes` no gradient that the step does not need."""
        if guarded:
            self.inside(given)
        route = self.route
        total = sum(self.entries(X, sizes) for X in self.d.wrt)
        if route == "free" and total <= MATRIX and self.matrices is not None:
            route = "matrix"
        nodes = self.nodes(route)
        found = list(self.values(nodes, given))
        gradient = {X: np.asarray(found[i], dtype=float) for i, X in enumerate(self.d.wrt)}
        if not all(np.isfinite(g).all() for g in gradient.values()):
            raise DomainError("the gradient is not finite at these arrays")
        rest = found[len(gradient) :]
        peeled = route == "form" and self.form is not None and self.form.right not in self.gradients.values()
        try:
            solver, right = self.solver(route, rest, gradient, given, sizes, total)
        except ArithmeticError as error:
            raise DomainError(str(error)) from None
        return Point(solver, right, self.slopes(given) if peeled and slopes else gradient, sizes, self.product(given))

    def slopes(self, given: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        """The gradients."""
        found = self.values(tuple(self.gradients[X] for X in self.d.wrt), given)
        return {X: np.asarray(g, dtype=float) for X, g in zip(self.d.wrt, found, strict=True)}

    @staticmethod
    def entries(X: Symbol, sizes: Mapping[str, int]) -> int:
        return X.rows.evaluate(sizes) * X.cols.evaluate(sizes)

    def solver(
        self,
        route: str,
        rest: Sequence[Any],
        gradient: dict[Symbol, Any],
        given: Mapping[Symbol, Any],
        sizes: Mapping[str, int],
        total: int,
    ) -> tuple[Any, dict[Symbol, Any]]:
        if route == "form":
            assert self.form is not None
            return Single(self.d.wrt[0], built(self.form.solver, iter(rest))), gradient
        if route == "pair":
            assert self.pair is not None
            call, order = self.pair
            return Pair(order, built(call, iter(rest))), gradient
        if route == "matrix":
            return Blocks(self.d.wrt, rest, [self.entries(X, sizes) for X in self.d.wrt]), gradient
        product = self.product(given)
        if total <= MATRIX:
            return Columns(self.d.wrt, product, gradient, given), gradient
        return Iterative(self.d.wrt, product, total), gradient

    def product(self, given: Mapping[Symbol, Any]) -> Callable[[Mapping[Symbol, Any]], dict[Symbol, Any]]:
        """V ↦ H[V] at arrays."""
        nodes = tuple(self.products[X] for X in self.d.wrt)

        def applied(V: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
            moved = {self.d.directions[X]: A for X, A in V.items()}
            found = self.values(nodes, {**given, **moved})
            return {X: np.asarray(A, dtype=float) for X, A in zip(self.d.wrt, found, strict=True)}

        return applied

    def step(self, point: Point, modified: bool = False) -> dict[Symbol, Any]:
        """The s with H s = −∇f; with `modified` a descent direction where H is not positive definite."""
        s: dict[Symbol, Any] | None
        try:
            s = point.solver.solve({X: -r for X, r in point.right.items()})
        except ArithmeticError as error:
            if not modified:
                raise DomainError(str(error), hint="a modified step goes downhill all the same") from None
            s = None
        fine = s is not None and all(np.isfinite(v).all() for v in s.values())
        if not fine and not modified:
            raise DomainError("the Hessian is singular at these arrays")
        if modified and not (fine and s is not None and self.downhill(point, s)):
            return descending(point)
        assert s is not None
        return s

    @staticmethod
    def downhill(point: Point, s: Mapping[Symbol, Any]) -> bool:
        if point.solver.definite is False:
            return False
        slope = sum(float(np.vdot(point.gradient[X], s[X])) for X in s)
        sizes = [np.sqrt(sum(float(np.vdot(v[X], v[X])) for X in s)) for v in (point.gradient, s)]
        return bool(slope < -1e-10 * sizes[0] * sizes[1])

    def words(self, sizes: Mapping[str, int]) -> list[str]:
        """The form found, and its operations, beside those of a matrix without structure."""
        total = sum(self.entries(X, sizes) for X in self.d.wrt)
        dense = total**3 / 3
        if self.form is not None:
            rows = [f"{self.name}: {self.form.words(sizes)}", *self.form.notes]
            count = self.form.count(sizes)
            versus = f"Cholesky of a full {total}×{total} matrix, which had to be formed: {dense:,.0f}"
            return [*rows, f"operations: {count:,.0f}; {versus}"]
        if self.pair is not None:
            first, second = self.pair[1]
            n = self.entries(second, sizes)
            a = self.entries(first, sizes)
            count = n * n * a + n**3 / 3
            return [
                f"{self.name}: the block of {first.name} is diagonal: its Schur complement, {n}×{n}, Cholesky",
                f"operations: {count:,.0f}; Cholesky of a full {total}×{total} matrix: {dense:,.0f}",
            ]
        if total <= MATRIX:
            return [f"{self.name}: no form was found: one {total}×{total} matrix", f"operations: {dense:,.0f}"]
        return [f"{self.name}: no form was found: conjugate gradients with products H[V]", "operations: by the steps"]


def built(recipe: Any, values: Any) -> Any:
    """A recipe with its nodes replaced by their values, its calls by solvers."""
    if isinstance(recipe, Call):
        return getattr(solvers, recipe.name)(*(built(a, values) for a in recipe.args))
    if isinstance(recipe, Node):
        return next(values)
    if isinstance(recipe, tuple):
        return [built(a, values) for a in recipe]
    return recipe


def step(d: Derivation, arrays: Mapping[str, Any], gauss: bool, modified: bool) -> Any:
    """Newton's or the Gauss–Newton step: an array of the shape of the variable, a dict of them by name for several."""
    system = d.newton(gauss)
    given, sizes = system.prepare(arrays)
    found = system.step(system.at(given, sizes, slopes=modified), modified)
    answers = {X.name: float(s) if X.kind == "scalar" else s for X, s in found.items()}
    return answers if d.several else answers[d.wrt[0].name]
