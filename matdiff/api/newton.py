"""Newton's step and its relatives at the cost that the structure of the Hessian allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.calculus.existence import guard
from matdiff.calculus.jacobian import jacobian
from matdiff.calculus.tangent import tangent
from matdiff.codegen import Program, Request, compiled, factored, solvers
from matdiff.codegen.arguments import Argument, missing, refuse_kind
from matdiff.codegen.checks import LINEAR, TOLERANCE, finite, symmetric_up_to
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.evaluate import as_array, beside, check_attributes, known_guards, refuse_strangers, run, sizes_of
from matdiff.codegen.newton import Call, Form, Hessian, form, leaves, schur
from matdiff.core.node import Node, Symbol, describe, topological
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known, closure
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import is_op
from matdiff.ops.constants import zeros_like
from matdiff.ops.linalg import inv, inverse, logdet
from matdiff.ops.sets import curved_set
from matdiff.ops.unknown import has_unknown

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

MATRIX = 3000
"""Most entries of the variables for which a Hessian without a form is made as a matrix; conjugate gradients beyond."""
ROUNDS = 10
"""Most steps of conjugate gradients for each entry."""
PRECISE = 1e-12
"""Relative residual at which they end."""
CHEAP = frozenset({"positive", "symmetric", "diagonal", "lower", "upper", "skew", "unit", "orthonormal", "simplex"})
"""Attributes that are checked of every array; that an spd one is definite shows when it is factored."""


@dataclass
class Point:
    """Arrays at which the parts of a system were computed: the solver, and −r of H s = r."""

    solver: Any
    right: dict[Symbol, Any]
    gradient: dict[Symbol, Any]
    sizes: Mapping[str, int]
    product: Callable[[Mapping[Symbol, Any]], dict[Symbol, Any]]


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


class Single:
    """One variable by its structured solver."""

    def __init__(self, X: Symbol, solver: Any) -> None:
        self.X, self.inner = X, solver

    @property
    def definite(self) -> Any:
        return self.inner.definite

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return {self.X: self.inner.solve(r[self.X])}

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return {self.X: self.inner.apply(s[self.X])}


class Pair(Single):
    """Two variables by a Schur complement."""

    def __init__(self, order: tuple[Symbol, Symbol], solver: Any) -> None:
        self.order, self.inner = order, solver

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return dict(zip(self.order, self.inner.solve([r[X] for X in self.order]), strict=True))

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return dict(zip(self.order, self.inner.apply([s[X] for X in self.order]), strict=True))


class Blocks:
    """All variables by the matrix for vec."""

    def __init__(self, wrt: Sequence[Symbol], blocks: Sequence[Any], sizes: Sequence[int]) -> None:
        parts, self.wrt, self.sizes = iter(blocks), tuple(wrt), list(sizes)
        H = np.block([[np.reshape(next(parts), (r, c), order="F") for c in sizes] for r in sizes])
        self.solver: Any = solvers.Dense((H + H.T) / 2)
        self.definite = self.solver.definite

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        s = self.solver.solve(np.concatenate([np.ravel(r[X], order="F") for X in self.wrt]))
        parts = np.split(s, np.cumsum(self.sizes)[:-1])
        return {X: p.reshape(np.shape(r[X]), order="F") for X, p in zip(self.wrt, parts, strict=True)}

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        out = self.solver.apply(np.concatenate([np.ravel(s[X], order="F") for X in self.wrt]))
        parts = np.split(out, np.cumsum(self.sizes)[:-1])
        return {X: p.reshape(np.shape(s[X]), order="F") for X, p in zip(self.wrt, parts, strict=True)}


def gathered(program: Program, variables: Sequence[Symbol], arrays: Mapping[str, Any]) -> dict[Symbol, Any]:
    """The arrays of all variables, none copied that is one of floats already."""
    names = {v.name: v for v in variables}
    kept = {n: A for n, A in arrays.items() if isinstance(A, np.ndarray) and A.dtype == np.float64 and n in names}
    rest = {n: A for n, A in arrays.items() if n not in kept}
    found: dict[Symbol, Any] = {}
    for name, A in kept.items():
        v = names[name]
        refuse_kind(name, A)
        Argument.of(v).shape(A)
        found[v] = A[None, :] if v.kind == "row" and A.ndim == 1 else A
    for v in dict.fromkeys([*(v for v, _ in program.inputs), *variables]):
        if v in found:
            continue
        key = lookup(v.name, rest)
        if key is not None:
            found[v] = as_array(v, rest[key])
        elif any(v is w for w, _ in program.inputs):
            raise missing(v.name, describe(v))
    return found


Product = Callable[[Mapping[Symbol, Any]], dict[Symbol, Any]]


def flat(wrt: Sequence[Symbol], V: Mapping[Symbol, Any]) -> Any:
    return np.concatenate([np.ravel(V[X], order="F") for X in wrt])


def shaped(wrt: Sequence[Symbol], v: Any, like: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
    parts = np.split(v, np.cumsum([np.size(like[X]) for X in wrt])[:-1])
    return {X: p.reshape(np.shape(like[X]), order="F") for X, p in zip(wrt, parts, strict=True)}


def project(at: Mapping[Symbol, Any], V: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
    """Directions inside the tangent spaces at a point."""
    found = {}
    for X, A in V.items():
        space = curved_set(X)
        if space is not None:
            found[X] = space.projected(np, at[X], A)
            continue
        word = next((w for w in ("diagonal", "symmetric", "skew", "lower", "upper") if w in closure(X.attributes)), "")
        found[X] = A if not word else (A + LINEAR[word](A)) / 2 if word in ("symmetric", "skew") else LINEAR[word](A)
    return found


class Columns:
    """The matrix of H made of products with unit vectors; on a set the least-norm solution, which is tangent."""

    def __init__(
        self, wrt: Sequence[Symbol], product: Product, like: Mapping[Symbol, Any], at: Mapping[Symbol, Any]
    ) -> None:
        self.wrt, self.product = tuple(wrt), product
        E = np.eye(sum(np.size(like[X]) for X in wrt))
        bent = any(tangent(X) is not None for X in wrt)
        self.projected = bent
        if bent:
            E = np.stack([flat(wrt, project(at, shaped(wrt, e, like))) for e in E])
        H = E @ np.stack([flat(wrt, product(shaped(wrt, e, like))) for e in E], axis=1)
        self.H = (H + H.T) / 2
        self.values: Any = None
        if bent:
            values, Q = np.linalg.eigh(self.H)
            kept = np.abs(values) > 1e-12 * np.max(np.abs(values), initial=0.0)
            self.values, self.Q = values[kept], Q[:, kept]
            self.definite = bool(np.all(self.values > 0))
        else:
            self.solver = solvers.Dense(self.H.copy())
            self.definite = self.solver.definite

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        v = flat(self.wrt, r)
        s = self.Q @ ((self.Q.T @ v) / self.values) if self.projected else self.solver.solve(v)
        return shaped(self.wrt, s, r)

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return self.product(s)


class Iterative:
    """Conjugate gradients; minimal residuals where H turns out to be indefinite."""

    def __init__(self, wrt: Sequence[Symbol], product: Product, total: int) -> None:
        self.wrt, self.product, self.total = tuple(wrt), product, total
        self.definite: Any = None

    def solve(self, r: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        b = flat(self.wrt, r)
        s, self.definite, done = conjugate(lambda v: self._apply(v, r), b, PRECISE, ROUNDS * self.total)
        if not self.definite:
            import scipy.sparse.linalg

            operator = scipy.sparse.linalg.LinearOperator((self.total,) * 2, matvec=lambda v: self._apply(v, r))
            s, state = scipy.sparse.linalg.minres(operator, b, rtol=PRECISE, maxiter=ROUNDS * self.total)
            done = state == 0
        if not done and not np.linalg.norm(self._apply(s, r) - b) <= 1e-8 * np.linalg.norm(b):
            raise ArithmeticError("conjugate gradients do not converge: the Hessian is singular or nearly so")
        return shaped(self.wrt, s, r)

    def _apply(self, v: Any, like: Mapping[Symbol, Any]) -> Any:
        return flat(self.wrt, self.product(shaped(self.wrt, v, like)))

    def apply(self, s: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
        return self.product(s)


def conjugate(apply: Callable[[Any], Any], b: Any, close: float, most: int) -> tuple[Any, bool, bool]:
    """Hestenes and Stiefel's method: where it got, whether no negative curvature was met, whether it is done.

    At negative curvature it stops with what it has, at first with b itself (Nocedal & Wright 2006, alg. 7.1).
    """
    s, r = np.zeros(b.shape), b.copy()
    p, rr = r.copy(), float(r @ r)
    goal = close**2 * rr
    for k in range(most):
        if rr <= goal:
            return s, True, True
        Hp = apply(p)
        bend = float(p @ Hp)
        if not bend > 0:
            return (b if k == 0 else s), False, False
        a = rr / bend
        s = s + a * p
        r = r - a * Hp
        after = float(r @ r)
        p, rr = r + (after / rr) * p, after
    return s, True, rr <= goal


def descending(point: Point) -> dict[Symbol, Any]:
    """A direction downhill where H is not positive definite: LDLᵀ with the eigenvalues of D made positive, and bounded
    away from 0 (Nocedal & Wright 2006, sec. 3.4); of many entries conjugate gradients up to negative curvature.
    """
    wrt = tuple(point.gradient)
    g = flat(wrt, point.gradient)

    def apply(v: Any) -> Any:
        return flat(wrt, point.product(shaped(wrt, v, point.gradient)))

    if len(g) > MATRIX:
        size = float(np.linalg.norm(g))
        s, _, _ = conjugate(apply, -g, min(0.5, np.sqrt(size)), 200)
        return shaped(wrt, s, point.gradient)
    H = np.stack([apply(e) for e in np.eye(len(g))], axis=1)
    return shaped(wrt, modified_solve((H + H.T) / 2, -g), point.gradient)


def modified_solve(H: Any, r: Any) -> Any:
    import scipy.linalg

    L, D, order = scipy.linalg.ldl(H)
    values, Q = np.linalg.eigh(D)
    least = 1e-8 * max(np.max(np.abs(values), initial=0.0), 1e-300)
    values = np.maximum(np.abs(values), least)
    L, r = L[order], r[order]
    y = scipy.linalg.solve_triangular(L, r, lower=True, unit_diagonal=True)
    y = Q @ ((Q.T @ y) / values)
    out = np.empty(len(r))
    out[order] = scipy.linalg.solve_triangular(L.T, y, lower=False, unit_diagonal=True)
    return out


def step(d: Derivation, arrays: Mapping[str, Any], gauss: bool, modified: bool) -> Any:
    """Newton's or the Gauss–Newton step: an array of the shape of the variable, a dict of them by name for several."""
    system = d.newton(gauss)
    given, sizes = system.prepare(arrays)
    found = system.step(system.at(given, sizes, slopes=modified), modified)
    answers = {X.name: float(s) if X.kind == "scalar" else s for X, s in found.items()}
    return answers if d.several else answers[d.wrt[0].name]
