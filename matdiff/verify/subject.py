"""What is checked: a map F, and what a derivation says of its derivative."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from matdiff.calculus.differential import differentials
from matdiff.calculus.tangent import lowered
from matdiff.codegen.evaluate import evaluate
from matdiff.core.cached import cached_property
from matdiff.core.node import Apply, Node, Symbol, symbol, topological
from matdiff.core.op import differential_symbol
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import prepared
from matdiff.ops.constants import is_zero, zeros_like
from matdiff.verify.sets import Array, direction, project
from matdiff.verify.unknown import concrete

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

Arrays = Mapping[Symbol, Array]

MAX_MATRIX = 1_000_000
"""Entries up to which the matrix of a linear map is formed; its action is checked in any case."""
ADJOINT_TOLERANCE = 1e-8
MATRIX_TOLERANCE = 1e-6
TANGENT_TOLERANCE = 1e-8


class Statement(NamedTuple):
    """The derivative along V as the derivation has it, the size of what was evaluated, and a fault seen on the way."""

    along: Array
    size: float
    fault: str = ""


@dataclass(frozen=True)
class Subject:
    """`parts` are the values of F; `said` what is evaluated of the derivative, read by `read`."""

    name: str
    variables: tuple[Symbol, ...]
    wrt: tuple[Symbol, ...]
    parts: tuple[Node, ...]
    said: tuple[Node, ...]
    read: Callable[[Sequence[Any], Arrays, Arrays, Array | None, float], Statement]
    directions: Mapping[Symbol, Symbol] = field(default_factory=dict)
    covector: Symbol | None = None
    matrices: tuple[Node, ...] = ()
    guards: tuple[Node, ...] = ()
    """What must be defined for the derivative to exist."""
    order: int = 1
    """2: what is said is the second derivative of F along curves without acceleration inside their sets."""
    affine: bool = False
    """Whether spd variables move as the affine-invariant metric has it."""

    @cached_property
    def kinked(self) -> bool:
        """Is there a function that is not smooth everywhere?"""
        return any(isinstance(n, Apply) and n.op.smooth for n in topological(*self.parts))

    @cached_property
    def kinks(self) -> tuple[Node, ...]:
        """What stands in functions with a kink at 0, |u| and sign(u): a value at rounding is on neither side."""
        nodes = (n for n in topological(*self.parts) if isinstance(n, Apply) and n.op.elementwise and n.op.smooth)
        return tuple(dict.fromkeys(n.children[0] for n in nodes))

    @cached_property
    def constant(self) -> bool:
        """Is the derivative 0 as it is written?"""
        return all(is_zero(n) for n in self.said)

    def value(self, arrays: Arrays, smooth: bool = True) -> Array:
        """F, all parts in one long vector.  Raises DomainError outside of the domain."""
        return flat(evaluate(list(self.parts), self.variables, named(arrays), smooth=smooth))

    def complex_value(self, arrays: Arrays, sizes: Mapping[str, int]) -> Array:
        """F at complex arrays.  Raises UnsupportedError where it is not analytic."""
        from matdiff.verify.analytic import evaluate as evaluate_analytic

        shapes = {v: (v.rows.evaluate(sizes), v.cols.evaluate(sizes)) for v in arrays}
        given = {v: np.asarray(a, dtype=complex).reshape(shapes[v]) for v, a in arrays.items()}
        return np.concatenate([v.ravel(order="F") for v in evaluate_analytic(list(self.parts), given, sizes)])

    def dual_value(self, arrays: Arrays, V: Arrays) -> Array:
        """The derivative of F along V by dual numbers: each part's record at the values of the parts below it."""
        dX = {X: differential_symbol(X) for X in self.wrt}
        ready = [prepared(part) for part in self.parts]
        moved = [differentials(r, dX).get(r) or zeros_like(r) for r in ready]
        at = {v.name: a for v, a in arrays.items()} | {s.name: V[X] for X, s in dX.items() if isinstance(s, Symbol)}
        known = (*self.variables, *(s for s in dX.values() if isinstance(s, Symbol)))
        return flat(evaluate(moved, known, at, smooth=True))

    def state(
        self,
        arrays: Arrays,
        V: Arrays,
        sizes: Mapping[str, int],
        rng: np.random.Generator,
        least: float = 0.0,
        smooth: bool = True,
    ) -> Statement:
        """The derivative along V, evaluated once; where its parts are below `least`, they are rounding."""
        matrices = self.matrices if all(_small(m, sizes) for m in self.matrices) else ()
        given, known, Y = dict(arrays), self.variables, None
        if self.directions:
            given.update({dX: V[X] for X, dX in self.directions.items()})
            known += tuple(self.directions.values())
        if self.covector is not None:
            Y = np.asarray(rng.normal(size=_shape(self.covector, sizes)))
            given[self.covector] = Y
            known += (self.covector,)
        values = evaluate([*self.said, *matrices], known, named(given), smooth=smooth, guards=self.guards)
        return self.read(values, arrays, V, Y, least)


def named(arrays: Arrays) -> dict[str, Array]:
    return {v.name: a for v, a in arrays.items()}


def flat(values: Sequence[Any]) -> Array:
    """Everything in one vector, each part by columns."""
    return np.concatenate([np.asarray(v, dtype=np.float64).ravel(order="F") for v in values])


def _shape(s: Symbol, sizes: Mapping[str, int]) -> tuple[int, ...]:
    dims = (s.rows, s.cols) if s.kind == "row" else s.shape
    return tuple(d.evaluate(sizes) for d in dims)


def _small(root: Node, sizes: Mapping[str, int]) -> bool:
    """Can every part of the expression be formed?"""
    return all(
        node.rows.evaluate(sizes) * node.cols.evaluate(sizes) <= MAX_MATRIX
        for node in topological(root)
        if (node.rows.names | node.cols.names) <= sizes.keys()
    )


def subject(d: Derivation, order: int, seed: int) -> Subject:
    """The check that suits a derivation.  Raises UnsupportedError where a Hessian is not defined."""
    if order == 2:
        found = on_curves(d, seed) if d.curved else second_order(d, seed)
    else:
        found = gradient(d, seed) if d.function.kind == "scalar" else linear_map(d, seed)
    return replace(found, guards=tuple(concrete(g, seed, d.function) for g in d.guards))


def by_name(answer: Any, d: Derivation) -> list[Any]:
    """One answer for each variable, in the order of `d.wrt`."""
    return [answer[X.name] for X in d.wrt] if d.several else [answer]


def gradient(d: Derivation, seed: int) -> Subject:
    """f scalar: ⟨G, V⟩, and G inside the tangent space; in another inner product than tr(AᵀB), what that is there."""
    G = [g.node for g in by_name(d.gradient, d)]
    plain = [lowered(g, X, d.affine) for g, X in zip(G, d.wrt, strict=True)]
    weighted = plain if d.metric is None else [d.metric @ G[0]]

    def read(values: Sequence[Any], arrays: Arrays, V: Arrays, Y: Array | None, least: float) -> Statement:
        G, WG = values[: len(d.wrt)], values[len(d.wrt) :]
        pairing = sum(float(np.vdot(g, V[X])) for X, g in zip(d.wrt, WG, strict=True))
        fault = next((t for X, g in zip(d.wrt, G, strict=True) if (t := off_tangent(X, arrays[X], g))), "")
        return Statement(np.array([pairing]), max(float(np.max(np.abs(g), initial=0)) for g in G), fault)

    said = tuple(concrete(n, seed, d.function) for n in (*G, *weighted))
    return Subject("gradient", d.function.variables, d.wrt, (concrete(d.function.node, seed, d.function),), said, read)


def off_tangent(X: Symbol, at: Array, G: Array) -> str:
    """Says that G leaves the tangent space of the set that X moves in."""
    if not X.attributes:
        return ""
    outside = float(np.linalg.norm(G - project(X, at, np.asarray(G))))
    if outside <= TANGENT_TOLERANCE * max(float(np.linalg.norm(G)), 1e-4):
        return ""
    return f"the gradient by {X.name} is not in the tangent space of its set ({', '.join(sorted(X.attributes))})"


def linear_map(d: Derivation, seed: int) -> Subject:
    """F any: the differential L[V], its adjoint, and the Jacobian where it is not too large."""
    try:
        matrices = tuple(concrete(j.node, seed, d.function) for j in by_name(d.jacobian, d))
    except UnsupportedError:
        matrices = ()
    said = (d.differential.node, *d.pullback.values())

    def read(values: Sequence[Any], arrays: Arrays, V: Arrays, Y: Array | None, least: float) -> Statement:
        L = flat(values[:1])
        pulled, rest = values[1 : 1 + len(d.wrt)], values[1 + len(d.wrt) :]
        fault = _adjoint_fault(L, pulled, [V[X] for X in d.wrt], flat([Y]), least)
        if rest and not fault:
            fault = _matrix_fault(rest, [V[X] for X in d.wrt], L, least)
        return Statement(L, float(np.max(np.abs(L), initial=0)), fault)

    return Subject(
        "differential",
        d.function.variables,
        d.wrt,
        (concrete(d.function.node, seed, d.function),),
        tuple(concrete(n, seed, d.function) for n in said),
        read,
        d.directions,
        _covector(d, seed),
        matrices,
    )


def _covector(d: Derivation, seed: int) -> Symbol:
    """As long as the value is where the function has numbers for its free dimensions."""
    value = concrete(d.function.node, seed, d.function)
    Y = d.covector
    return symbol(Y.name, Y.kind, value.rows, value.cols)


def _adjoint_fault(L: Array, pulled: Sequence[Any], V: Sequence[Array], Y: Array, least: float) -> str:
    left = float(Y @ L)
    right = sum(float(np.vdot(p, v)) for p, v in zip(pulled, V, strict=True))
    size = float(np.linalg.norm(Y) * np.linalg.norm(L))
    size += sum(float(np.linalg.norm(p) * np.linalg.norm(v)) for p, v in zip(pulled, V, strict=True))
    if abs(left - right) <= ADJOINT_TOLERANCE * size + least * float(np.linalg.norm(Y)):
        return ""
    return f"the adjoint is wrong: ⟨Y, L[V]⟩ is {left:.6g}, ⟨L*Y, V⟩ is {right:.6g}"


def _matrix_fault(matrices: Sequence[Any], V: Sequence[Array], L: Array, least: float) -> str:
    got = sum(apply_matrix(J, v) for J, v in zip(matrices, V, strict=True))
    size = max(np.linalg.norm(L), np.linalg.norm(got))
    if np.shape(got) == L.shape and np.linalg.norm(got - L) <= MATRIX_TOLERANCE * size + least:
        return ""
    return "the Jacobian is wrong: J vec(V) is not the differential along V"


def apply_matrix(J: Any, v: Array) -> Array:
    """J vec(V); the derivative by a scalar has the shape of F and is multiplied by the number."""
    J = np.asarray(J)
    return flat([J]) * float(v) if v.ndim == 0 else np.atleast_2d(J) @ flat([v])


def second_order(d: Derivation, seed: int) -> Subject:
    """The gradient and its derivative, the Hessian; its action where the matrix is not in the language."""
    parts = tuple(concrete(g.node, seed, d.function) for g in by_name(d.gradient, d))
    blocks = _blocks(d)
    said = [b for row in blocks for b in row] if blocks else _products(d)
    count = len(d.wrt)

    def read(values: Sequence[Any], arrays: Arrays, V: Arrays, Y: Array | None, least: float) -> Statement:
        if not blocks:
            H = flat(values)
        else:
            rows = [values[i * count : (i + 1) * count] for i in range(count)]
            H = np.concatenate(
                [np.sum([apply_matrix(B, V[Z]) for B, Z in zip(r, d.wrt, strict=True)], axis=0) for r in rows]
            )
        return Statement(H, max(float(np.max(np.abs(v), initial=0)) for v in values))

    directions = {} if blocks else d.directions
    nodes = tuple(concrete(n, seed, d.function) for n in said)
    return Subject("Hessian", d.function.variables, d.wrt, parts, nodes, read, directions)


def on_curves(d: Derivation, seed: int) -> Subject:
    """f along curves without acceleration inside its curved set: its second derivative is ⟨V, Hess f[V]⟩ there.

    Hess f[V] must be tangent and self-adjoint, and the matrix, where there is one, must do the same.
    """
    known = (*d.function.variables, *d.directions.values())
    count, products = len(d.wrt), [concrete(n, seed, d.function) for n in d.products.values()]
    paired = [concrete(lowered(n, X, d.affine), seed, d.function) for X, n in d.products.items()]
    blocks = [b.node for b in by_name_pairs(d)] if all(s.kind == "vector" for s in d.curved.values()) else []

    def read(values: Sequence[Any], arrays: Arrays, V: Arrays, Y: Array | None, least: float) -> Statement:
        HV, lowered_HV, H = values[:count], values[count : 2 * count], values[2 * count :]
        rng = np.random.default_rng((seed, 1))
        W = {X: direction(X, arrays[X], rng) for X in d.wrt}
        there = {**named(arrays), **{dX.name: W[X] for X, dX in d.directions.items()}}
        HW = evaluate(paired, known, there)
        fault = next((t for X, h in zip(d.wrt, HV, strict=True) if (t := off_tangent(X, arrays[X], h))), "")
        fault = fault.replace("gradient", "Hessian") or _asymmetry(lowered_HV, HW, [V[X] for X in d.wrt], [*W.values()])
        if H and not fault:
            rows = [H[i * count : (i + 1) * count] for i in range(count)]
            got = [sum(apply_matrix(B, V[Z]) for B, Z in zip(r, d.wrt, strict=True)) for r in rows]
            fault = _matrix_apart(np.concatenate(got), flat(HV), least)
        return Statement(np.array([_pairing(lowered_HV, [V[X] for X in d.wrt])]), largest(HV), fault)

    said = (*products, *paired, *(concrete(b, seed, d.function) for b in blocks))
    f = concrete(d.function.node, seed, d.function)
    return Subject("Hessian", d.function.variables, d.wrt, (f,), said, read, d.directions, order=2, affine=d.affine)


def by_name_pairs(d: Derivation) -> list[Any]:
    """The blocks of the Hessian, row by row."""
    H = d.hessian
    return [H[X.name, Z.name] for X in d.wrt for Z in d.wrt] if d.several else [H]


def largest(values: Sequence[Any]) -> float:
    return max(float(np.max(np.abs(v), initial=0)) for v in values)


def _pairing(G: Sequence[Any], V: Sequence[Array]) -> float:
    return sum(float(np.vdot(g, v)) for g, v in zip(G, V, strict=True))


def _asymmetry(HV: Sequence[Any], HW: Sequence[Any], V: Sequence[Array], W: Sequence[Array]) -> str:
    left, right = _pairing(HV, W), _pairing(HW, V)
    size = max(float(np.linalg.norm(flat(HV)) * np.linalg.norm(flat(W))), abs(left), 1e-4)
    if abs(left - right) <= ADJOINT_TOLERANCE * size:
        return ""
    return f"the Hessian is not self-adjoint: ⟨W, H[V]⟩ is {left:.6g}, ⟨H[W], V⟩ is {right:.6g}"


def _matrix_apart(got: Array, H: Array, least: float) -> str:
    size = max(float(np.linalg.norm(H)), float(np.linalg.norm(got)))
    if np.linalg.norm(got - H) <= MATRIX_TOLERANCE * size + least:
        return ""
    return "the matrix of the Hessian is wrong: H vec(V) is not H[V]"


def _blocks(d: Derivation) -> list[list[Node]]:
    """The blocks of the Hessian by rows, none where it has no matrix in the language."""
    _ = d.curvature
    try:
        H = d.hessian
    except UnsupportedError:
        return []
    return [[H[X.name, Z.name].node for Z in d.wrt] for X in d.wrt] if d.several else [[H.node]]


def _products(d: Derivation) -> list[Node]:
    return [d.curvature[X] for X in d.wrt]
