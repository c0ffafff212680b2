"""Where eigenvalues cross: the generalised gradient of a largest or smallest eigenvalue of multiplicity k.

With orthonormal columns Q_k for the k-fold eigenvalue, the slopes of its branches along dS are the eigenvalues of
Q_kᵀ dS Q_k, and the generalised gradient is {Q_k M Q_kᵀ : M ⪰ 0, tr M = 1} (Overton 1992, §3; Clarke 1990, §2.8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.differential import differentials
from matdiff.calculus.tangent import project
from matdiff.core.node import Apply, Node, Symbol, number, symbol, topological
from matdiff.core.shape import ONE, Dim
from matdiff.errors import DomainError, MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.algebra import add, inner, scale
from matdiff.ops.complexes import COMPLEX
from matdiff.ops.constants import zeros_like
from matdiff.ops.sets import curved_set
from matdiff.ops.spectral import lambda_max, lambda_min
from matdiff.printing.integrals import Pen
from matdiff.verify.report import Verification, undecided
from matdiff.verify.sampling import Way, names, point, ways
from matdiff.verify.sets import direction
from matdiff.verify.sets import project as tangential

if TYPE_CHECKING:
    from matdiff.verify.sets import Array

EXTREME = (lambda_max, lambda_min)
TOGETHER = 1e-8
"""Eigenvalues that differ by less, relative to the largest, count as equal."""
SIZES = (4, 5, 6)
MEETING = 40
"""Newton steps until k eigenvalues have met."""
STEPS = (1e-4, 5e-5)
AGREE = 1e-5
POINTS = 3
WAYS = 60


class GeneralisedGradient:
    """The generalised gradient of a function with one λ_max(F) or λ_min(F) whose value has the multiplicity k.

    `slopes` is Q_kᵀ dF Q_k, whose eigenvalues are the slopes of the k branches; `directional` the one-sided derivative;
    `element` the generalised gradients, written in Q_k and a matrix M with M ⪰ 0, tr M = 1 (dicts for several).
    """

    def __init__(self, d: Any, multiplicity: int | str) -> None:
        """Raises ShapeError for no multiplicity, UnsupportedError for a function without one such eigenvalue."""
        whole = str(multiplicity).strip()
        if not (whole.isidentifier() or (whole.isdecimal() and int(whole) >= 1)):
            raise ShapeError(f"a multiplicity is a whole number from 1 or a letter, not {multiplicity}")
        self.d = d
        self._expression = type(d.function)
        self.k = Dim.of(int(whole) if whole.isdecimal() else whole)
        if any(not COMPLEX.isdisjoint(v.attributes) for v in d.function.variables):
            raise UnsupportedError(
                "the generalised gradient is of real symmetric matrices here",
                hint="of a Hermitian F it is {Q M Q^H : M ⪰ 0, tr M = 1}, and the slopes are the eigenvalues of "
                "Q^H dF Q, Q being the eigenvectors that meet",
            )
        self.root = inline(d.prepared)
        found = [n for n in topological(self.root) if isinstance(n, Apply) and n.op in EXTREME]
        moving = differentials(self.root, d.directions)
        found = [n for n in found if n in moving]
        if d.function.kind != "scalar" or len(found) != 1:
            raise UnsupportedError(
                "--multiplicity is of scalar functions with one lambda_max(…) or lambda_min(…) of the variable",
                hint="eigval(S,i) is one of several eigenvalues that meet; take the largest or the smallest",
            )
        if any(curved_set(X) is not None for X in d.wrt):
            raise UnsupportedError("the generalised gradient on a curved set is not in the language")
        (self.value,) = found
        (self.inside,) = self.value.args
        n, k = self.inside.rows.number, self.k.number
        if n is not None and k is not None and k > n:
            raise ShapeError(f"a matrix {n}×{n} has no {k}-fold eigenvalue")
        taken = {n.name for n in topological(d.function.node) if isinstance(n, Symbol)}
        free = [next(c for c in words if c not in taken) for words in (("Q", "U", "Q_1"), ("M", "Z", "M_1"))]
        lower = "k" if self.k.number is None else str(self.k)
        self.Q = symbol(f"{free[0]}_{lower}", "matrix", self.inside.rows, self.k)
        self.M = symbol(free[1], "matrix", self.k, self.k, frozenset({"symmetric"}))

    # formulas

    @cached_property
    def _slopes(self) -> Node:
        dF = differentials(self.inside, self.d.directions)[self.inside]
        return self.Q.T @ dF @ self.Q

    @cached_property
    def _weight(self) -> tuple[Node, Node]:
        """∂f/∂λ, and what the rest of the differential is, of f(λ, X)."""
        level = symbol("λ", "scalar", ONE, ONE)
        other = substitute(self.root, {self.value: level})
        step = symbol("dλ", "scalar", ONE, ONE)
        along = differentials(other, {level: step}).get(other)
        by_level = number(0) if along is None else adjoint(along, number(1), [step])[step]
        rest = differentials(other, self.d.directions).get(other)
        back: dict[Any, Node] = {level: self.value}
        found = zeros_like(self.root) if rest is None else rest
        return substitute(by_level, back), substitute(found, back)

    @cached_property
    def slopes(self) -> Any:
        """Q_kᵀ dF Q_k."""
        return self._expression(self.d.simplified(self._slopes))

    @cached_property
    def directional(self) -> Any:
        """The one-sided derivative along dX."""
        weight, rest = self._weight
        S = (self._slopes + self._slopes.T) / 2
        return self._expression(self.d.simplified(add(weight * self.value.op(S), rest)))

    @cached_property
    def _elements(self) -> dict[Symbol, Node]:
        weight, rest = self._weight
        along = add(scale(weight, inner(self.M, self._slopes)), rest)
        targets = list(self.d.directions.values())
        found = adjoint(along, number(1), targets)
        return {X: self.d.simplified(project(found[dX], X)) for X, dX in self.d.directions.items()}

    @property
    def element(self) -> Any:
        found = {X.name: self._expression(node) for X, node in self._elements.items()}
        return found if self.d.several else found[self.d.wrt[0].name]

    # values

    def _evaluate(self, node: Node, known: Sequence[Symbol], arrays: Mapping[str, Any]) -> Any:
        return self._expression(node, tuple(known)).evaluate(**arrays)

    def basis(self, **arrays: Any) -> Any:
        """Orthonormal columns for the extreme eigenvalue.  Raises DomainError where its multiplicity is not k."""
        F = np.asarray(self._evaluate(self.inside, self.d.function.variables, arrays))
        values, Q = np.linalg.eigh((F + F.T) / 2)
        extreme = values[-1] if self.value.op is lambda_max else values[0]
        near = np.abs(values - extreme) <= TOGETHER * max(1.0, np.abs(values).max())
        if self.k.number is not None and int(near.sum()) != self.k.number:
            raise DomainError(f"the eigenvalue has the multiplicity {int(near.sum())} here, not {self.k}")
        return Q[:, near]

    def jvp(self, V: Any, /, **arrays: Any) -> float:
        """The one-sided derivative along V (a dict for several variables)."""
        Q = self.basis(**arrays)
        tangents = self.d._tangents(V, arrays)
        known = (*self.d.function.variables, self.Q, *self.d.directions.values())
        given = {**arrays, self.Q.name: Q, **tangents}
        return float(self._evaluate(self.directional.node, known, given))

    def subgradient(self, M: Any = None, /, **arrays: Any) -> Any:
        """The generalised gradient for M ⪰ 0 with tr M = 1, by default I/k.  Raises DomainError for another M."""
        Q = self.basis(**arrays)
        k = Q.shape[1]
        M = np.eye(k) / k if M is None else np.asarray(M, dtype=float)
        fits = M.shape == (k, k) and np.allclose(M, M.T) and np.linalg.eigvalsh(M)[0] > -1e-12
        if not (fits and abs(np.trace(M) - 1) <= 1e-9):
            raise DomainError(f"M must be symmetric {k}×{k} with M ⪰ 0 and tr M = 1")
        known = (*self.d.function.variables, self.Q, self.M)
        given = {**arrays, self.Q.name: Q, self.M.name: M}
        found = {X.name: self._evaluate(node, known, given) for X, node in self._elements.items()}
        return found if self.d.several else found[self.d.wrt[0].name]

    # verification

    def verify(self, seed: int = 0) -> Verification:
        """One-sided differences at random points at which k eigenvalues have been made to meet."""
        rng = np.random.default_rng(seed)
        largest, count, last = 0.0, 0, "no point was found at which so many eigenvalues meet"
        for arrays in islice(self._crossings(rng), POINTS):
            try:
                error = self._error(arrays, rng)
            except MatdiffError as problem:
                last = problem.message
                continue
            if not error <= AGREE:
                return Verification(False, error, None, "one-sided differences do not agree with it", method="crossing")
            largest, count = max(largest, error), count + 1
        return Verification(True, largest, points=count, method="crossing") if count else undecided(last)

    def _crossings(self, rng: np.random.Generator) -> Iterator[dict[Symbol, Array]]:
        """Points at which the extreme eigenvalue of F is k-fold: random ones, moved there by Newton's method."""
        variables = self.d.function.variables
        letters = list(dict.fromkeys([*names(variables), *sorted(self.k.names)]))
        found = 0
        for way in islice(ways(self.root, variables, {}), WAYS):
            sizes = dict(way.sizes)
            for name in letters:
                sizes[name] = 2 + found % 2 if name in self.k.names else SIZES[(letters.index(name) + found) % 3]
            try:
                k, n = self.k.evaluate(sizes), self.inside.rows.evaluate(sizes)
                if k > n:
                    continue
                start = point(variables, Way(sizes, way.flavour), rng)
                met = self._meet(start, k)
            except (MatdiffError, np.linalg.LinAlgError):
                continue
            if met is not None:
                found += 1
                yield met

    def _meet(self, arrays: dict[Symbol, Array], k: int) -> dict[Symbol, Array] | None:
        """The nearest point with a k-fold eigenvalue, by Newton's method for Q_kᵀ F Q_k = λ I (Friedland 1987)."""
        variables = self.d.function.variables
        free = [v for v in variables if "index" not in v.attributes]

        def matrix(given: Mapping[Symbol, Array]) -> Array:
            F = np.asarray(self._evaluate(self.inside, variables, {v.name: a for v, a in given.items()}))
            return np.asarray((F + F.T) / 2)

        for _ in range(MEETING):
            values, Q = np.linalg.eigh(matrix(arrays))
            Qk = Q[:, -k:] if self.value.op is lambda_max else Q[:, :k]
            own = values[-k:] if self.value.op is lambda_max else values[:k]
            if np.ptp(own) <= 1e-12 * max(1.0, np.abs(values).max()):
                others = np.delete(values, np.s_[-k:] if self.value.op is lambda_max else np.s_[:k])
                apart = not others.size or np.abs(others - own[0]).min() > 1e-2 * np.abs(values).max()
                return arrays if apart else None

            def residual(given: Mapping[Symbol, Array], Qk: Array = Qk) -> Array:
                G = Qk.T @ matrix(given) @ Qk
                return np.asarray((G - np.trace(G) / k * np.eye(k))[np.tril_indices(k)])

            r = residual(arrays)
            units = [(v, U) for v in free for U in _units(v, arrays[v])]
            if not units:
                return None
            columns = []
            for v, U in units:
                ahead, back = ({**arrays, v: arrays[v] + s * 1e-5 * U} for s in (1, -1))
                columns.append((residual(ahead) - residual(back)) / 2e-5)
            step = np.linalg.lstsq(np.array(columns).T, -r, rcond=1e-10)[0]
            arrays = dict(arrays)
            for (v, U), s in zip(units, step, strict=True):
                arrays[v] = arrays[v] + s * U
        return None

    def _error(self, arrays: Mapping[Symbol, Array], rng: np.random.Generator) -> float:
        """How far slopes from one side are from what is said, and whether generalised gradients support them."""
        variables, given = self.d.function.variables, {v.name: a for v, a in arrays.items()}
        V = {X: direction(X, arrays[X], rng) for X in self.d.wrt}
        along: Any = {X.name: v for X, v in V.items()} if self.d.several else V[self.d.wrt[0]]
        said = self.jvp(along, **given)
        base = float(self._evaluate(self.root, variables, given))

        def slope(h: float) -> float:
            moved = {**given, **{X.name: arrays[X] + h * V[X] for X in self.d.wrt}}
            return (float(self._evaluate(self.root, variables, moved)) - base) / h

        first, second = map(slope, STEPS)
        seen = 2 * second - first
        size = max(1.0, abs(seen), *(float(np.linalg.norm(v)) for v in V.values()))
        return max(abs(seen - said) / size, self._unsupported(given, V, said) / size)

    def _unsupported(self, given: Mapping[str, Any], V: Mapping[Symbol, Array], said: float) -> float:
        """⟨G(M), V⟩ is the slope for the M of the steepest branch, and on one side of it for all others."""
        Q = self.basis(**given)
        known = (*self.d.function.variables, self.Q, *self.d.directions.values())
        tangents = {self.d.directions[X].name: v for X, v in V.items()}
        B = np.asarray(self._evaluate(self._slopes, known, {**given, self.Q.name: Q, **tangents}))
        values, W = np.linalg.eigh((B + B.T) / 2)
        w = W[:, -1] if self.value.op is lambda_max else W[:, 0]

        def paired(M: Array) -> float:
            G = self.subgradient(M, **given)
            parts = G if self.d.several else {self.d.wrt[0].name: G}
            return float(sum(np.vdot(parts[X.name], v) for X, v in V.items()))

        k = len(values)
        others = [paired(np.eye(k) / k), *(paired(np.outer(u, u)) for u in W.T)]
        best = paired(np.outer(w, w))
        outside = max(others) - said if best >= max(others) - 1e-12 else said - min(others)
        return max(abs(best - said), outside, 0.0)

    # printing

    @property
    def types(self) -> str:
        return str(self.d.types)

    @property
    def notes(self) -> tuple[str, ...]:
        of = "largest" if self.value.op is lambda_max else "smallest"
        Q, k = self.Q.name, self.k
        says = f"{Q}: {self.Q.rows}×{k}, orthonormal eigenvectors of the {of} eigenvalue, which is {k}-fold"
        return (*self.d.remarks, says)

    def pen(self, style: Any) -> Pen:
        return Pen(style, (), tuple(v.name for v in self.d.function.variables))

    def _condition(self, pen: Pen) -> str:
        M = pen.show(self.M)
        return pen.pick(f"{M} ⪰ 0, tr {M} = 1", f"{M} psd, tr({M}) = 1", rf"{M}\succeq 0,\ \operatorname{{tr}} {M} = 1")

    def sections(self, pen: Pen) -> list[tuple[str, list[str]]]:
        f = "f"
        along = ", ".join(pen.show(dX) for dX in self.d.directions.values())
        left = pen.pick(f"f'({along})", f"f'({along})", f"f'({along})")
        told = [("", [pen.equation(f, pen.show(self.d.function.node))])]
        told.append(("slopes of the branches: the eigenvalues of", [pen.show(self.slopes.node)]))
        told.append(("one-sided derivative", [pen.equation(left, pen.show(self.directional.node))]))
        lines = []
        for X, node in self._elements.items():
            by = f" by {X.name}" if self.d.several else ""
            name = pen.pick(f"∂f{by}", f"subdifferential{by}", rf"\partial f{by and rf'_{{{pen.show(X)}}}'}")
            inside = f"{pen.show(node)} : {self._condition(pen)}"
            lines.append(pen.equation(name, pen.pick(f"{{{inside}}}", f"{{{inside}}}", rf"\{{{inside}\}}")))
        told.append(("generalised gradient", lines))
        return told

    def record(self, pen: Pen) -> dict[str, Any]:
        """What the keys of JSON hold."""
        elements = {X.name: pen.show(node) for X, node in self._elements.items()}
        return {
            "function": pen.show(self.d.function.node),
            "wrt": ",".join(X.name for X in self.d.wrt),
            "multiplicity": str(self.k),
            "slopes": pen.show(self.slopes.node),
            "directional": pen.show(self.directional.node),
            "element": elements if self.d.several else elements[self.d.wrt[0].name],
            "condition": self._condition(pen),
        }

    def __str__(self) -> str:
        lines = [f"{formula}" for _, formulas in self.sections(self.pen("unicode"))[1:] for formula in formulas]
        return "\n".join(lines)


def _units(v: Symbol, a: Array) -> list[Array]:
    """Directions that span the set of a variable."""
    units = []
    for i in range(np.size(a)):
        U = np.zeros(np.size(a))
        U[i] = 1.0
        units.append(tangential(v, a, U.reshape(np.shape(a))))
    return [U for U in units if np.any(U)]


__all__ = ["GeneralisedGradient"]
