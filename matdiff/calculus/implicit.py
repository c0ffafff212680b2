"""Unknowns that equations determine: the differentials of F(x, p) = 0, and the adjoint method.

Where x solves F(x, p) = 0, its differential solves F_x[dx] = −F_p[dp].  With the v that solves F_x*[v] = ∂f/∂x,
⟨∂f/∂x, dx⟩ = ⟨v, F_x[dx]⟩ = −⟨v, F_p[dp]⟩, so that one more solve gives the gradient by all of p (Giles & Pierce 2000,
sec. 2; Bright, Edelman & Johnson 2025, sec. 8.3).  Several systems in a row, each in terms of the unknowns before it,
are solved forward, and their adjoints backward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from matdiff.calculus.adjoint import adjoint
from matdiff.calculus.differential import differentials
from matdiff.calculus.jacobian import jacobian
from matdiff.core.node import Node, Symbol, number, symbol, topological
from matdiff.core.op import differential_symbol
from matdiff.graph.rewrite import inline, prepared, substitute
from matdiff.ops.algebra import add, scale
from matdiff.ops.constants import zeros_like
from matdiff.simplify.normal import normal

ADJOINT = (("v", "V"), ("λ", "Λ"), ("w", "W"), ("μ", "M"))
"""What the adjoint variable of an equation is called, in capitals that of a matrix: the first pair that is free.

With several equations they are numbered.
"""


@dataclass(frozen=True)
class System:
    """Equations that determine their unknowns together; `sides` are the left and right of each."""

    unknowns: tuple[Symbol, ...]
    sides: tuple[tuple[Node, Node], ...]
    span: tuple[int, int] = (0, 0)

    @cached_property
    def residuals(self) -> tuple[Node, ...]:
        """What is 0: left − right of each."""
        return tuple(inline(add(left, scale(number(-1), right))) for left, right in self.sides)

    @property
    def fixed_point(self) -> bool:
        """x = G(x), the unknown alone on the left."""
        if len(self.sides) != 1 or len(self.unknowns) != 1:
            return False
        ((left, right),) = self.sides
        return left is self.unknowns[0] and left in topological(right)


def partial(root: Node, symbols: Sequence[Symbol]) -> Node:
    """The differential of a root by some symbols, all others held."""
    return along(root, {X: direction(X) for X in symbols})


def along(root: Node, directions: Mapping[Symbol, Symbol]) -> Node:
    """The differential of a root along directions of some symbols."""
    root = prepared(root)
    found = differentials(root, directions).get(root)
    return zeros_like(root) if found is None else found


def pulled(root: Node, Y: Node, symbols: Sequence[Symbol]) -> dict[Symbol, Node]:
    """The G of each symbol with ⟨Y, d root⟩ = Σ ⟨G, dX⟩."""
    directions = {X: direction(X) for X in symbols}
    found = adjoint(partial(root, symbols), Y, list(directions.values()))
    return {X: found[dX] for X, dX in directions.items()}


def direction(X: Symbol) -> Symbol:
    found = differential_symbol(X)
    assert isinstance(found, Symbol)
    return found


def depends(root: Node, X: Symbol) -> bool:
    return X in topological(root)


def multiplier(F: Node, pair: tuple[str, str], end: str) -> Symbol:
    """An adjoint variable of the shape of a residual."""
    return symbol(pair[F.kind == "matrix"] + end, F.kind, F.rows, F.cols)


class Adjoint:
    """The adjoint method for f(x, p), its unknowns determined by systems in the order in which they are solved.

    `covector` is what f is paired with: the number 1 for a scalar f.
    """

    def __init__(
        self,
        function: Node,
        systems: Sequence[System],
        wrt: Sequence[Symbol],
        covector: Node,
        taken: Sequence[str],
    ) -> None:
        self.function = function
        self.systems = tuple(systems)
        self.wrt = tuple(wrt)
        self.covector = covector
        self.taken = tuple(taken)
        self.multipliers = self._multipliers(set(taken))

    def _multipliers(self, taken: set[str]) -> tuple[tuple[Symbol, ...], ...]:
        count = sum(len(s.residuals) for s in self.systems)
        ends = [""] if count == 1 else [f"_{i + 1}" for i in range(count)]
        free = (
            pair for pair in ADJOINT if taken.isdisjoint(d + a + end for d in ("", "d") for a in pair for end in ends)
        )
        pair = next(free, ("adjoint", "Adjoint"))
        numbered = iter(ends)
        return tuple(tuple(multiplier(F, pair, next(numbered)) for F in s.residuals) for s in self.systems)

    def by(self, wrt: Sequence[Symbol]) -> Adjoint:
        """The same by other variables."""
        return Adjoint(self.function, self.systems, wrt, self.covector, self.taken)

    @property
    def unknowns(self) -> tuple[Symbol, ...]:
        return tuple(x for s in self.systems for x in s.unknowns)

    @cached_property
    def left(self) -> tuple[dict[Symbol, Node], ...]:
        """F_x*[v] of each system, by its unknowns."""
        return tuple(
            self._sums([self._pull(F, v, s.unknowns) for F, v in zip(s.residuals, vs, strict=True)], s.unknowns)
            for s, vs in zip(self.systems, self.multipliers, strict=True)
        )

    @cached_property
    def right(self) -> tuple[dict[Symbol, Node], ...]:
        """What that must be: ∂f/∂x less what the systems after it pass back."""
        return tuple(self._less(s.unknowns, range(k + 1, len(self.systems))) for k, s in enumerate(self.systems))

    @cached_property
    def gradients(self) -> dict[Symbol, Node]:
        """∂f/∂p − F_p*[v] of each variable."""
        return self._less(self.wrt, range(len(self.systems)))

    def _less(self, symbols: Sequence[Symbol], later: range) -> dict[Symbol, Node]:
        parts = [self._pull(self.function, self.covector, symbols)]
        for j in later:
            for F, v in zip(self.systems[j].residuals, self.multipliers[j], strict=True):
                parts.append({X: scale(number(-1), G) for X, G in self._pull(F, v, symbols).items()})
        return self._sums(parts, symbols)

    def _pull(self, root: Node, Y: Node, symbols: Sequence[Symbol]) -> dict[Symbol, Node]:
        return {X: inline(G) for X, G in pulled(root, Y, symbols).items()}

    def _sums(self, parts: Sequence[dict[Symbol, Node]], symbols: Sequence[Symbol]) -> dict[Symbol, Node]:
        return {X: normal(add(*(p[X] for p in parts))) for X in symbols}

    # forward

    @cached_property
    def linear_parts(self) -> tuple[tuple[tuple[Node, Node], ...], ...]:
        """For each residual F_x[dx] by its own unknowns, and −F[…] by all that moves before it."""
        out = []
        before: list[Symbol] = []
        for s in self.systems:
            movers = [*before, *self.wrt]
            out.append(
                tuple((partial(F, s.unknowns), normal(scale(number(-1), partial(F, movers)))) for F in s.residuals)
            )
            before += s.unknowns
        return tuple(out)

    @cached_property
    def differential(self) -> Node:
        """df by the unknowns and the variables."""
        return normal(partial(self.function, [*self.unknowns, *self.wrt]))

    # second order

    @cached_property
    def second(self) -> tuple[tuple[dict[Symbol, Node], ...], dict[Symbol, Node]]:
        """What F_x*[dv] must be for each system, and the differential of the gradients with all that moves.

        The adjoint system is differentiated: F_x*[dv] = d(∂f/∂x) − d(F_x*)[v], the v of its own equation held.
        """
        movers = [*self.unknowns, *self.wrt]
        right = []
        for k in range(len(self.systems)):
            later = [v for vs in self.multipliers[k + 1 :] for v in vs]
            right.append(
                {
                    x: normal(add(partial(R, [*movers, *later]), scale(number(-1), partial(self.left[k][x], movers))))
                    for x, R in self.right[k].items()
                }
            )
        everything = [*movers, *(v for vs in self.multipliers for v in vs)]
        return tuple(right), {X: normal(partial(G, everything)) for X, G in self.gradients.items()}

    @cached_property
    def forward_second(self) -> Forward:
        """The second differentials of the unknowns and of f, along two directions each."""
        end = "_" * (1 + max((len(n) - len(n.rstrip("_")) for n in self.taken), default=0))
        movers = [*self.unknowns, *self.wrt]
        others = {X: symbol(f"other_{X.name}{end}", X.kind, X.rows, X.cols) for X in movers}
        twice = {x: symbol(f"second_{x.name}{end}", x.kind, x.rows, x.cols) for x in self.unknowns}

        def bent(root: Node, before: Sequence[Symbol]) -> Node:
            moved = substitute(partial(root, before), {direction(x): twice[x] for x in before}, into_bodies=True)
            return normal(add(along(partial(root, movers), others), moved))

        rows, before = [], list[Symbol]()
        for s in self.systems:
            rows.append(tuple(scale(number(-1), bent(F, before)) for F in s.residuals))
            before += s.unknowns
        return Forward(others, twice, tuple(rows), bent(self.function, before))


@dataclass(frozen=True)
class Forward:
    """d²x solves F_x[d²x] = −F[dz, δz] − F_y[d²y], z all that moves and y the unknowns found before.

    `others` are the δz, `twice` the d²x, `right` the right-hand sides of each system, `value` is d²f.
    """

    others: dict[Symbol, Symbol]
    twice: dict[Symbol, Symbol]
    right: tuple[tuple[Node, ...], ...]
    value: Node


def blocks(system: System, by: Sequence[Symbol] | None = None) -> tuple[tuple[Node, ...], ...]:
    """The matrices of the residuals by each unknown, a row for each residual."""
    symbols = system.unknowns if by is None else by
    return tuple(
        tuple(jacobian(normal(inline(partial(F, [x]))), direction(x)) for x in symbols) for F in system.residuals
    )


def free(node: Node, unknowns: Sequence[Symbol]) -> Node:
    """The node with unknowns that have no attributes: on the way to the solution they have none."""
    return substitute(node, {x: plain(x) for x in unknowns if x.attributes})


def plain(x: Symbol) -> Symbol:
    return symbol(x.name, x.kind, x.rows, x.cols)
