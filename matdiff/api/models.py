"""What derivatives are for: the linear and the quadratic model of a function, and its stationary points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.api.expr import Expr
from matdiff.calculus.curvature import Curvature
from matdiff.calculus.quadratic import Sandwich, parts
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol, topological
from matdiff.core.shape import Dim
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import ADD, SCALE, add, inner, is_op, matmul, power, scale, transpose
from matdiff.ops.constants import eye, is_zero
from matdiff.ops.elementwise import exp, log
from matdiff.ops.linalg import inv, inverse
from matdiff.ops.matrix_functions import solve_sylvester
from matdiff.printing.integrals import Pen, Style
from matdiff.verify.report import Verification
from matdiff.verify.sampling import point, ways

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

POINTS = 3
TRIES = 60
CLOSE = 1e-8
"""Relative to the terms of an equation: what rounding may leave."""
LARGEST = 1500
"""Most entries of the variables for which eigenvalues of the Hessian are looked at."""


def base(X: Symbol, taken: set[str]) -> Symbol:
    """x₀, the point of a model."""
    name = f"{X.name}_0"
    while name in taken:
        name += "0"
    found = symbol(name, X.kind, X.rows, X.cols, X.attributes)
    assert isinstance(found, Symbol)
    return found


@dataclass(frozen=True)
class Model:
    """m(x) = f(x₀) + f'(x₀)[x − x₀], of order 2 with ½ ⟨x − x₀, H(x₀)[x − x₀]⟩ besides."""

    d: Derivation
    order: int = 1

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise MatdiffError(f"order must be 1 or 2, not {self.order!r}")
        if self.order == 2 and self.d.kind != "gradient":
            raise ShapeError("the quadratic model is that of a scalar function", hint="order 1 is for every function")
        if self.d.curved:
            (X, *_) = self.d.curved
            raise UnsupportedError(f"{X.name} moves on a curved set, where x − x₀ is no direction")

    @cached_property
    def bases(self) -> dict[Symbol, Symbol]:
        """x₀ of each variable x."""
        taken = {v.name for v in self.d.function.variables}
        return {X: base(X, taken) for X in self.d.wrt}

    @cached_property
    def terms(self) -> tuple[Node, ...]:
        """f(x₀), the linear term, the quadratic one."""
        at: dict[Any, Node] = dict(self.bases)
        moved = {X: X - X0 for X, X0 in self.bases.items()}
        directions: dict[Any, Node] = {dX: moved[X] for X, dX in self.d.directions.items()}
        found = [substitute(inline(self.d.function.node), at)]
        if self.d.kind == "gradient":
            gradients = self.d.gradient if self.d.several else {self.d.wrt[0].name: self.d.gradient}
            slopes = [paired(substitute(inline(gradients[X.name].node), at), moved[X]) for X in self.d.wrt]
            found.append(add(*slopes))
        else:
            found.append(substitute(substitute(inline(self.d.differential.node), at), directions))
        if self.order == 2:
            found.append(scale(number(1) / 2, add(*(self._bent(X, moved, directions, at) for X in self.d.wrt))))
        return tuple(found)

    def _bent(self, X: Symbol, moved: Mapping[Symbol, Node], directions: Mapping[Any, Node], at: Any) -> Node:
        """⟨x − x₀, H[x − x₀]⟩, with the matrix H where there is one vector or scalar alone."""
        d = self.d
        if not d.several and X.kind in ("vector", "scalar"):
            with suppress(UnsupportedError):
                H = substitute(inline(d.hessian.node), at)
                if X.kind == "scalar":
                    return scale(H, power(moved[X], number(2)))
                return matmul(matmul(transpose(moved[X]), H), moved[X])
        return paired(moved[X], substitute(substitute(d.products[X], at), directions))

    @cached_property
    def value(self) -> Expr:
        """The model as an expression in x and x₀."""
        return Expr(add(*self.terms), (*self.d.function.variables, *self.bases.values()))

    @property
    def types(self) -> str:
        return self.value.types

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self.d.remarks)

    def at(self, **arrays: Any) -> NumericModel:
        """The model at the arrays of all variables, x₀ by the name of x."""
        value = self.d.evaluate(**arrays)
        if self.d.kind != "gradient":
            jacobian = self.d.jacobian
            slopes = (
                {n: J.evaluate(**arrays) for n, J in jacobian.items()}
                if self.d.several
                else jacobian.evaluate(**arrays)
            )
            return NumericModel(value, slopes, None, self.d.several)
        gradient = self.d.value_and_grad(**arrays)[1]
        hessian = None
        if self.order == 2:
            found = self.d.hessian
            hessian = (
                {k: H.evaluate(**arrays) for k, H in found.items()} if self.d.several else found.evaluate(**arrays)
            )
        return NumericModel(value, gradient, hessian, self.d.several)

    def verify(self, seed: int = 0) -> Verification:
        """What the model leaves of the function falls with the power order + 1 of the distance, at random points."""
        variables = self.d.function.variables
        worst, done = 0.0, 0
        rng = np.random.default_rng(seed)
        for arrays in drawn(self.d, seed):
            gaps = []
            V = {X: rng.normal(size=np.shape(arrays[X])) for X in self.d.wrt}
            V = {X: tangential(X, A) for X, A in V.items()}
            try:
                for h in (1e-2, 1e-3):
                    moved = {**arrays, **{X: arrays[X] + h * V[X] for X in self.d.wrt}}
                    f = evaluate(self.d.function.node, variables, names(moved))
                    m = evaluate(
                        self.value.node,
                        self.value.variables,
                        {**names(moved), **{X0.name: arrays[X] for X, X0 in self.bases.items()}},
                    )
                    gaps.append((float(np.max(np.abs(np.asarray(f) - m))), float(np.max(np.abs(f)))))
            except MatdiffError:
                continue
            (far, size), (near, _) = gaps
            # At a kink between the points, or far from where the model holds, nothing is told.
            allowed = max(far * 10 ** -(self.order + 0.5), 1e-10 * max(size, 1.0))
            if near > allowed:
                return Verification(False, reason="the model leaves more of the function than it may", method="model")
            worst, done = max(worst, near), done + 1
            if done == POINTS:
                return Verification(True, worst, points=done, method="model")
        return Verification(None, reason="no random point was found at which the function is defined")

    def pen(self, style: Style) -> Pen:
        return Pen(style, (), tuple(v.name for v in self.value.variables))

    def sections(self, pen: Pen) -> list[tuple[str, list[str]]]:
        f, m = letters(self.d)
        xs = ", ".join(pen.show(X) for X in self.d.wrt)
        what = (
            "quadratic model" if self.order == 2 else "tangent plane" if self.d.kind == "gradient" else "linear model"
        )
        body = pen.total([pen.show(t) for t in self.terms if not is_zero(t)])
        return [
            ("", [pen.equation(f, pen.show(self.d.function.node))]),
            (f"{what} at {', '.join(self.bases[X].name for X in self.d.wrt)}", [pen.equation(f"{m}({xs})", body)]),
        ]

    def record(self, pen: Pen) -> dict[str, Any]:
        return {
            "function": pen.show(self.d.function.node),
            "wrt": ",".join(X.name for X in self.d.wrt),
            "order": self.order,
            "model": pen.total([pen.show(t) for t in self.terms if not is_zero(t)]),
            "at": {X.name: X0.name for X, X0 in self.bases.items()},
        }

    def __str__(self) -> str:
        return sentences(self)


@dataclass(frozen=True)
class NumericModel:
    """A model at numbers: the value, the gradient (of a function that is not scalar its Jacobian), the Hessian."""

    value: Any
    gradient: Any
    hessian: Any
    several: bool = False

    def __call__(self, step: Any) -> Any:
        """m(x₀ + step), the step an array of the shape of x.  Raises UnsupportedError for several variables."""
        if self.several:
            raise UnsupportedError("the numbers of a model by several variables are in .gradient and .hessian")
        s = np.asarray(step, dtype=float)
        if np.ndim(self.value):
            moved = np.asarray(self.gradient) @ s.ravel(order="F") if s.ndim else np.asarray(self.gradient) * s
            return np.asarray(self.value) + np.reshape(moved, np.shape(self.value), order="F")
        out = self.value + float(np.vdot(self.gradient, s))
        if self.hessian is not None:
            v = s.ravel(order="F")
            out += float(v @ np.reshape(self.hessian, (v.size, v.size)) @ v) / 2
        return out


def paired(G: Node, V: Node) -> Node:
    return matmul(transpose(G), V) if G.kind == "vector" and V.kind == "vector" else inner(G, V)


def letters(d: Derivation) -> tuple[str, str]:
    taken = {v.name for v in d.function.variables}
    f = next((c for c in ("fgφψ" if d.kind == "gradient" else "FGΦΨ") if c not in taken), "f")
    return f, next((c for c in "mqMQ" if c not in taken), "m")


def names(arrays: Mapping[Symbol, Any]) -> dict[str, Any]:
    return {v.name: A for v, A in arrays.items()}


def drawn(d: Derivation, seed: int) -> Iterator[dict[Symbol, Any]]:
    """Random arrays for all variables."""
    rng = np.random.default_rng(seed)
    for k, way in enumerate(ways(d.prepared, d.function.variables, {})):
        if k == TRIES:
            return
        yield point(d.function.variables, way, rng)


def tangential(X: Symbol, A: Any) -> Any:
    from matdiff.api.newtonarrays import project

    return project({}, {X: A})[X]


def sentences(subject: Any) -> str:
    lines = []
    for sentence, formulas in subject.sections(subject.pen("unicode")):
        lines += [sentence] * bool(sentence) + [f"  {f}" if sentence else f for f in formulas]
    return "\n".join([*lines, *subject.notes])


# stationary points


@dataclass(frozen=True)
class Condition:
    """`left` = `right`, which is ∇f = 0 by one variable divided by a number; `solution` solves it where that shows."""

    X: Symbol
    left: Node
    right: Node
    factor: Node
    affine: bool = False
    matrix: Node | None = None
    """The matrix that must be invertible for one solution alone."""
    solution: Node | None = None
    where: str = ""
    """Where the solution is one."""


@dataclass(frozen=True)
class Stationary:
    """Where the gradient of a scalar function is 0: equations, their solution where it is known, and of what kind."""

    d: Derivation

    def __post_init__(self) -> None:
        if self.d.kind != "gradient":
            raise ShapeError(
                "stationary points are those of a scalar function", hint="a root of F(x) = 0 is found by .root"
            )
        if self.d.metric is not None or self.d.affine:
            raise UnsupportedError("stationary points do not depend on the inner product: leave out inner and metric")

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """∇f = 0 by each variable."""
        gradients = self.d.gradient if self.d.several else {self.d.wrt[0].name: self.d.gradient}
        return tuple(self._condition(X, inline(gradients[X.name].node)) for X in self.d.wrt)

    def _condition(self, X: Symbol, G: Node) -> Condition:
        value = self.d.products[X]
        variables = set(self.d.wrt)
        affine = not any(n in variables for n in topological(value)) and not self.d.several and not self.d.curved
        if affine and not is_zero(value):
            found = self._affine(X, G, value)
            if found is not None:
                return found
        return self._moved(X, G) if not is_zero(G) else Condition(X, G, G, number(1))

    def _affine(self, X: Symbol, G: Node, value: Node) -> Condition | None:
        dX = self.d.directions[X]
        lin = substitute(value, {dX: X})
        right = self.d.simplified(add(lin, scale(number(-1), G)))
        if X in topological(right):
            return None
        known = Known()
        if X.kind == "scalar":
            h = self.d.simplified(substitute(value, {dX: number(1)}))
            k, h = numeric(h)
            right = self.d.simplified(scale(inverse(k), right))
            nonzero = isinstance(h, Number) or any(Curvature(h, ()).has(h, w) for w in ("> 0", "< 0"))
            solution = self.d.simplified(scale(inverse(h), right)) if nonzero else None
            return Condition(X, scale(h, X), right, k, True, h, solution)
        pieces = parts(value, dX, known)
        if pieces is None or not all(isinstance(p, Sandwich) and not p.turned for p in pieces):
            k, left = numeric(self.d.simplified(lin))
            return Condition(X, left, self.d.simplified(scale(inverse(k), right)), k, True)
        sandwiches = [p for p in pieces if isinstance(p, Sandwich)]
        if not any(p.right for p in sandwiches):
            k, S = self._one_side([(p.factor, p.left) for p in sandwiches], X.rows, False)
            right = self.d.simplified(scale(inverse(k), right))
            solution = matmul(inverse(S), right) if definite(S) else None
            return Condition(X, matmul(S, X), right, k, True, S, self._plain(solution))
        if not any(p.left for p in sandwiches):
            k, S = self._one_side([(p.factor, p.right) for p in sandwiches], X.cols, True)
            right = self.d.simplified(scale(inverse(k), right))
            solution = matmul(right, inverse(S)) if definite(S) else None
            return Condition(X, matmul(X, S), right, k, True, S, self._plain(solution))
        k, left = numeric(self.d.simplified(lin))
        right = self.d.simplified(scale(inverse(k), right))
        return Condition(X, left, right, k, True, None, self._two_sided(X, sandwiches, k, right))

    def _plain(self, solution: Node | None) -> Node | None:
        if solution is None:
            return None
        return self.d.simplified(solution) if is_op(solution, SCALE) or not is_op(solution, ADD) else solution

    def _one_side(self, terms: list[tuple[Node, tuple[Node, ...]]], n: Dim, right: bool) -> tuple[Node, Node]:
        total = []
        for c, chain in terms:
            M: Node = eye(n)
            for f in chain:
                M = matmul(M, f) if right else matmul(f, M)
            total.append(scale(c, M))
        return numeric(self.d.simplified(add(*total)))

    def _two_sided(self, X: Symbol, pieces: list[Sandwich], k: Node, right: Node) -> Node | None:
        """A X B = C, and A X + X B = C, for definite A and B."""

        def whole(chain: tuple[Node, ...], n: Dim, from_right: bool) -> Node:
            M: Node = eye(n)
            for f in chain:
                M = matmul(M, f) if from_right else matmul(f, M)
            return self.d.simplified(M)

        if len(pieces) == 1:
            (p,) = pieces
            A, B = whole(p.left, X.rows, False), whole(p.right, X.cols, True)
            if definite(A) and definite(B):
                undone = scale(inverse(scale(p.factor, inverse(k))), matmul(matmul(inverse(A), right), inverse(B)))
                return self.d.simplified(undone)
            return None
        lefts = [scale(p.factor, whole(p.left, X.rows, False)) for p in pieces if not p.right]
        rights = [scale(p.factor, whole(p.right, X.cols, True)) for p in pieces if not p.left and p.right]
        if len(lefts) + len(rights) < len(pieces) or not lefts or not rights:
            return None
        A = self.d.simplified(scale(inverse(k), add(*lefts)))
        B = self.d.simplified(scale(inverse(k), add(*rights)))
        return solve_sylvester(A, B, right) if definite(A) and definite(B) else None

    def _moved(self, X: Symbol, G: Node) -> Condition:
        """Terms with a minus on the other side; solved where X stands in one invertible function alone."""
        k, G = numeric(G)
        terms = G.children if is_op(G, ADD) else (G,)
        left = [t for t in terms if not negative(t)]
        right = [scale(number(-1), t) for t in terms if negative(t)]
        if not left:
            left, right, k = right, [], scale(number(-1), k)
        if right and not any(X in topological(t) for t in left):
            left, right, k = right, left, scale(number(-1), k)
        one = add(*left)
        other = add(*right) if right else scale(number(0), one)
        found = Condition(X, one, other, k)
        if self.d.several or self.d.curved:
            return found
        solution, where = self._inverted(X, add(*left, *(scale(number(-1), t) for t in right)))
        return Condition(X, one, other, k, solution=solution, where=where)

    def _inverted(self, X: Symbol, G: Node) -> tuple[Node | None, str]:
        """The X of c φ(X) + rest = 0 for a φ that has an inverse."""
        over = [n for n in topological(G) if isinstance(n, Apply) and X in n.args]
        if len(set(over)) != 1 or len(over[0].args) != 1 or over[0].op not in INVERSES:
            return None, ""
        (node,) = set(over)
        U = symbol("#u", node.kind, node.rows, node.cols)
        g = substitute(G, {node: U})
        c = next((t for t in (g.children if is_op(g, ADD) else (g,)) if U in topological(t)), None)
        if c is None:
            return None, ""
        factor, rest = (c.children[0], c.children[1]) if is_op(c, SCALE) else (number(1), c)
        if rest is not U or U in topological(factor):
            return None, ""
        others = [t for t in (g.children if is_op(g, ADD) else (g,)) if t is not c]
        if not others or any(U in topological(t) for t in others):
            return None, ""
        value = self.d.simplified(scale(scale(number(-1), inverse(factor)), add(*others)))
        undo, word = INVERSES[node.op]
        known = Curvature(value, ())
        if word == "spd":
            if "symmetric" in Known()(X) and known.has(value, "≻ 0"):
                return self.d.simplified(undo(value)), ""
            wanted = "positive definite" if "spd" in X.attributes else "invertible"
            return undo(value), f"where {Expr(value).text()} is {wanted}"
        if word and not known.has(value, "> 0"):
            return undo(value), f"where {Expr(value).text()} is positive"
        return self.d.simplified(undo(value)), ""

    @property
    def equations(self) -> Any:
        """(left, right) expressions of ∇f = 0; a dict by name for several variables."""
        found = {c.X.name: (self._expr(c.left), self._expr(c.right)) for c in self.conditions}
        return found if self.d.several else found[self.d.wrt[0].name]

    def _expr(self, node: Node) -> Expr:
        return Expr(node, self.d.function.variables)

    @property
    def solution(self) -> Any:
        """The X with ∇f = 0 as an expression, None where none is known; of one variable."""
        c = self.conditions[0]
        return self._expr(c.solution) if len(self.conditions) == 1 and c.solution is not None else None

    @cached_property
    def kind(self) -> str:
        """minimum, maximum, saddle, or not known (which may depend on the parameters and on the point)."""
        return self._kind[0]

    @property
    def reason(self) -> str:
        return self._kind[1]

    @cached_property
    def _kind(self) -> tuple[str, str]:
        found = self.d.convexity
        X = " and ".join(x.name for x in self.d.wrt)
        if all(is_zero(c.left) and is_zero(c.right) for c in self.conditions):
            return "not known", "the function is constant: every point is stationary"
        if found.verdict == "affine":
            return "not known", f"the gradient is constant in {X}: there is none, unless it is 0"
        if found.verdict in ("convex", "concave"):
            what, side = ("minimum", "least") if found.verdict == "convex" else ("maximum", "largest")
            S = self.conditions[0].matrix
            alone = not self.d.several and S is not None and definite(S)
            why = f"the function is {found.verdict}, so where the gradient is 0 its value is the {side} of all"
            return what, f"{why}, and there is one such point alone" if alone else why
        if found.verdict == "neither" and found.point is not None and self._fixed:
            return "saddle", "the Hessian is constant, with curvature of both signs"
        if found.condition:
            return "not known", f"it depends on the parameters: {said(found.condition)}"
        return (
            "not known",
            "the function is neither convex nor concave, or not seen to be: the Hessian at the point decides",
        )

    @property
    def _fixed(self) -> bool:
        """Is the Hessian a constant without parameters, and does it bend both ways?"""
        directions = set(self.d.directions.values())
        if any(isinstance(n, Symbol) and n not in directions for H in self.d.products.values() for n in topological(H)):
            return False
        return len(self.d.convexity.proof) == 2

    def at(self, **arrays: Any) -> str:
        """The kind of the stationary point that the arrays of the variables are, by the eigenvalues of the Hessian.

        Raises DomainError where the gradient is not 0 there.
        """
        system = self.d.newton()
        given, _ = system.prepare(arrays)
        system.inside(given)
        found = system.values(tuple(system.gradients[X] for X in self.d.wrt), given)
        G = {X: np.asarray(g, dtype=float) for X, g in zip(self.d.wrt, found, strict=True)}
        total = sum(g.size for g in G.values())
        if total > LARGEST:
            raise UnsupportedError(f"eigenvalues are looked at of up to {LARGEST} entries, and there are {total}")
        H, E = hessian_at(system, given, G)
        size = float(np.max(np.abs(H), initial=0.0))
        scale_ = max(1.0, size * max(float(np.max(np.abs(given[X]), initial=0.0)) for X in self.d.wrt))
        worst = max(float(np.max(np.abs(g), initial=0.0)) for g in G.values())
        if worst > 1e-6 * scale_:
            raise DomainError(f"the gradient is not 0 at these arrays: its largest entry is {worst:.3g}")
        basis = np.linalg.svd(E)
        Q = basis[0][:, basis[1] > 0.5]
        values = np.linalg.eigvalsh(Q.T @ H @ Q)
        close = 1e-9 * max(size, 1e-300)
        if np.all(values > close):
            return "minimum"
        if np.all(values < -close):
            return "maximum"
        if np.any(values > close) and np.any(values < -close):
            return "saddle"
        return "not known"

    @property
    def types(self) -> str:
        return self.d.types

    @property
    def notes(self) -> tuple[str, ...]:
        rows = [f"kind: {self.kind}: {self.reason}" if self.kind != "not known" else f"kind not known: {self.reason}"]
        for c in self.conditions:
            if c.affine and c.solution is None and c.matrix is not None:
                rows.append(f"there is one solution alone where {Expr(c.matrix).text()} is invertible")
            if c.where:
                rows.append(f"the solution holds {c.where}")
        return (*rows, *self.d.notes)

    def verify(self, seed: int = 0) -> Verification:
        """At random points left − right is the gradient, up to a number; and the gradient is 0 at the solution."""
        worst, done = 0.0, 0
        gradients = self.d.gradient if self.d.several else {self.d.wrt[0].name: self.d.gradient}
        first: Verification = self.d.verify(seed)
        if first.passed is False:
            return first
        variables = self.d.function.variables
        for arrays in drawn(self.d, seed):
            given = names(arrays)
            try:
                for c in self.conditions:
                    G = gradients[c.X.name].node
                    g, left, right = evaluate([G, scale(c.factor, c.left), scale(c.factor, c.right)], variables, given)
                    size = max(float(np.max(np.abs(v), initial=0.0)) for v in (g, left, right)) + 1e-300
                    gap = float(np.max(np.abs(np.asarray(left) - right - g), initial=0.0)) / size
                    if gap > CLOSE:
                        return Verification(False, reason="the equation is not ∇f = 0", method="stationary")
                    worst = max(worst, gap)
                    if c.solution is not None and not c.where:
                        worst = max(worst, self._left_over(c, arrays))
                        if worst > 1e-6:
                            return Verification(False, reason="the solution does not solve it", method="stationary")
            except MatdiffError:
                continue
            done += 1
            if done == POINTS:
                return Verification(True, worst, points=done, method="stationary")
        return Verification(None, reason="no random point was found at which the function is defined")

    def _left_over(self, c: Condition, arrays: Mapping[Symbol, Any]) -> float:
        assert c.solution is not None
        given = names(arrays)
        there = {**given, c.X.name: evaluate(c.solution, self.d.function.variables, given)}
        left, right = evaluate([c.left, c.right], self.d.function.variables, there)
        size = max(float(np.max(np.abs(v), initial=0.0)) for v in (left, right)) + 1e-300
        return float(np.max(np.abs(np.asarray(left) - right), initial=0.0)) / size

    def pen(self, style: Style) -> Pen:
        return Pen(style, (), tuple(v.name for v in self.d.function.variables))

    def sections(self, pen: Pen) -> list[tuple[str, list[str]]]:
        f, _ = letters(self.d)
        told = [("", [pen.equation(f, pen.show(self.d.function.node))])]
        arrow = pen.pick("⇔", "<=>", r"\Leftrightarrow\quad")
        rows = []
        for c in self.conditions:
            by = f" by {pen.show(c.X)}" if self.d.several else ""
            zero = pen.pick(f"∇{f}{by} = 0", f"grad {f}{by} = 0", rf"\nabla_{{{pen.show(c.X)}}} {f} = 0 &\quad")
            rows.append(f"{zero}  {arrow}  {self._written(pen, c)}")
        told.append(("stationary points", rows))
        for c in self.conditions:
            if c.solution is not None:
                told.append(("solved", [pen.equation(pen.show(c.X), pen.show(c.solution))]))
        return told

    @staticmethod
    def _written(pen: Pen, c: Condition) -> str:
        right = "0" if is_zero(c.right) else pen.show(c.right)
        return f"{pen.show(c.left)} = {right}"

    def record(self, pen: Pen) -> dict[str, Any]:
        equations = {c.X.name: self._written(pen, c) for c in self.conditions}
        solution = self.conditions[0].solution if len(self.conditions) == 1 else None
        return {
            "function": pen.show(self.d.function.node),
            "wrt": ",".join(equations),
            "equation": equations if self.d.several else next(iter(equations.values())),
            "solution": pen.show(solution) if solution is not None else None,
            "kind": self.kind,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        return sentences(self)


Undo = Callable[[Node], Node]
INVERSES: dict[Any, tuple[Undo, str]] = {inv: (inverse, "spd"), exp: (log, "positive"), log: (exp, "")}
"""Functions that are undone, and where the other one is defined."""


def numeric(node: Node) -> tuple[Node, Node]:
    """A number in front, and what it multiplies."""
    if is_op(node, SCALE) and isinstance(node.children[0], Number):
        return node.children[0], node.children[1]
    if isinstance(node, Number) and node.value:
        return node, number(1)
    return number(1), node


def negative(term: Node) -> bool:
    number_ = term.children[0] if is_op(term, SCALE) else term
    return isinstance(number_, Number) and number_.value < 0


def definite(S: Node) -> bool:
    """Is a matrix (a number) known to be invertible: positive definite, or declared so?"""
    if isinstance(S, Number):
        return S.value != 0
    return bool({"spd", "invertible"} & Known()(S)) or Curvature(S, ()).has(S, "≻ 0" if S.kind == "matrix" else "> 0")


def said(condition: str) -> str:
    """`convex if A ⪰ 0, concave if A ⪯ 0` as kinds of points."""
    words = condition.replace("convex if", "a minimum if").replace("concave if", "a maximum if")
    return words


def hessian_at(system: Any, given: Mapping[Symbol, Any], G: Mapping[Symbol, Any]) -> tuple[Any, Any]:
    """The Hessian on the tangent space as a matrix for vec, and the projection onto that space."""
    from matdiff.api.newtonarrays import flat, project, shaped

    wrt = system.d.wrt
    product = system.product(given)
    E = np.stack([flat(wrt, project(given, shaped(wrt, e, G))) for e in np.eye(sum(np.size(G[X]) for X in wrt))])
    H = np.stack([flat(wrt, product(shaped(wrt, e, G))) for e in E])
    H = E @ H.T
    return (H + H.T) / 2, E
