"""A claim and the truth side by side, with random points at which both are evaluated."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.codegen import compile_
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Node, Symbol, symbols
from matdiff.errors import MatdiffError
from matdiff.verify import sampling, sets
from matdiff.verify.sampling import Way
from matdiff.verify.sets import Array
from matdiff.verify.subject import apply_matrix
from matdiff.verify.unknown import concrete

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

TOLERANCE = 1e-7
HUGE = 1e100
FAINT = 1e-6
"""A derivative smaller than this may be rounding."""
WAYS = 150
MAX_DULL = 4
DIRECTIONS = 2
"""Random tangent directions along which matrices of linear maps on a set are compared."""


@dataclass(frozen=True)
class Sample:
    """A point (differentials included), the true and the claimed value there; `why` there is no claimed one."""

    way: Way
    arrays: dict[str, Array]
    truth: Array
    claimed: Array | None
    why: str = ""
    dull: bool = False
    """The derivative is 0 or rounding there: det(X'X) at a wide X."""

    @property
    def error(self) -> float:
        return float("inf") if self.claimed is None else apart(self.claimed, self.truth)


def apart(a: Array, b: Array) -> float:
    """The difference relative to the larger of the two."""
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) / size if size > 0 else 0.0


class Case:
    """The claim `claim` about `d`, that it equals `truth`; `about` is the variable, None for a differential."""

    def __init__(self, d: Derivation, what: str, claim: Node, truth: Node, about: Symbol | None, seed: int) -> None:
        self.d, self.what, self.claim, self.truth, self.about, self.seed = d, what, claim, truth, about, seed
        self.rng = np.random.default_rng(seed)
        self.complaints: Counter[str] = Counter()
        moving = dict.fromkeys(s for s in symbols(claim, truth) if s.of is not None)
        self.moving: tuple[Symbol, ...] = tuple(moving)
        self.variables = (*d.function.variables, *moving)

    def concrete(self, node: Node) -> Node:
        return concrete(node, self.seed, self.d.function)

    def draw(self, given: Mapping[str, int], points: int) -> tuple[str, list[Sample]]:
        """Points where function and derivative are defined, and a word on sizes that are too large for that."""
        f = self.concrete(self.d.function.node)
        ways = list(islice(sampling.ways(f, self.d.function.variables, given), WAYS))
        roots = (f, self.truth, self.claim)
        usable, large = sampling.split_by_size(ways, self.d.function.variables, roots)
        found: list[Sample] = []
        dull: list[Sample] = []
        for s in sampling.explore(usable, lambda way: self.sample(f, way), lambda s: s.dull):
            (dull if s.dull else found).append(s)
            if len(found) == points or len(dull) == MAX_DULL * points:
                break
        return large, found or dull[:points]

    def sample(self, f: Node, way: Way) -> Sample | None:
        """One random point; None where the function or its derivative is not defined or enormous."""
        arrays = sampling.point(self.d.function.variables, way, self.rng)
        given = {v.name: a for v, a in arrays.items()}
        for dX in self.moving:
            assert dX.of is not None
            given[dX.name] = sets.direction(dX.of, arrays[dX.of], self.rng)
        try:
            evaluate(f, self.variables, given, smooth=True)
            truth = np.asarray(evaluate(self.concrete(self.truth), self.variables, given, smooth=True))
        except MatdiffError as error:
            self.complaints[error.message.split(":")[0]] += 1
            return None
        if np.max(np.abs(truth), initial=0) > HUGE:
            self.complaints["the derivative is enormous"] += 1
            return None
        found = Sample(way, given, self.on_set(truth, given), None)
        return self.with_claim(replace(found, dull=self.vanishes(found)))

    def vanishes(self, s: Sample) -> bool:
        """Is the truth 0 there, or does a change in the last digits of the arrays change it altogether?"""
        size = float(np.linalg.norm(s.truth))
        if size == 0 or size > FAINT:
            return size == 0
        (near,) = self.values([self.truth], [replace(s, arrays=self.shaken(s, by)) for by in (1e-14, 1e-13, 3e-13)])
        return near is not None and max(float(np.linalg.norm(v - s.truth)) for v in near) > 1e-3 * size

    def shaken(self, s: Sample, by: float = 1e-14) -> dict[str, Array]:
        return sampling.shaken(s.arrays, by, np.random.default_rng(self.seed))

    def with_claim(self, s: Sample) -> Sample:
        try:
            value = np.asarray(evaluate(self.concrete(self.claim), self.variables, s.arrays))
        except MatdiffError as error:
            return replace(s, claimed=None, why=error.message)
        return replace(s, claimed=self.on_set(value, s.arrays))

    def on_set(self, value: Array, arrays: Mapping[str, Array]) -> Array:
        """The value; a matrix of a linear map on a structured set by what it does to tangent directions."""
        X = self.about
        if X is None or self.what == "gradient" or not X.attributes or X.kind == "scalar":
            return value
        if value.ndim != 2 or value.shape[1] != arrays[X.name].size:
            return value
        rng = np.random.default_rng(self.seed)
        V = [sets.direction(X, arrays[X.name], rng) for _ in range(DIRECTIONS)]
        return np.stack([apply_matrix(value, v) for v in V])

    def agrees(self, s: Sample) -> bool:
        """Equal up to 1e-7, or to what rounding makes of the two."""
        if s.claimed is None or s.claimed.size != s.truth.size:
            return False
        claimed = s.claimed.reshape(s.truth.shape)
        return apart(claimed, s.truth) <= TOLERANCE or bool(np.linalg.norm(claimed - s.truth) <= 1e3 * self.noise(s))

    def noise(self, s: Sample) -> float:
        """How much truth and claim change where the arrays change in their last digits."""
        values = self.values([self.truth, self.claim], [replace(s, arrays=self.shaken(s))])
        sizes = [
            float(np.linalg.norm(v[0] - old))
            for v, old in zip(values, (s.truth, s.claimed), strict=True)
            if v is not None and old is not None and v[0].shape == old.shape
        ]
        return max(sizes, default=0.0)

    def evaluated(self, samples: Sequence[Sample]) -> list[Sample]:
        """The samples with this claim in them, none where it is not defined."""
        found = [self.with_claim(s) for s in samples]
        return found if all(s.claimed is not None for s in found) else []

    def right_at(self, samples: Sequence[Sample]) -> bool:
        found = self.evaluated(samples)
        return bool(found) and all(self.agrees(s) for s in found)

    def values(self, nodes: Sequence[Node], samples: Sequence[Sample]) -> list[list[Array] | None]:
        """Each expression at every sample; None for those that have no value at one of them."""
        nodes = [self.concrete(n) for n in nodes]
        try:
            run = compile_(list(nodes), self.variables, unchecked=True)
            columns = [self._quietly(run, s) for s in samples]
            return [self._checked([c[i] for c in columns]) for i in range(len(nodes))]
        except (MatdiffError, ArithmeticError, ValueError, IndexError, TypeError):
            return [self._alone(n, samples) for n in nodes]

    def _alone(self, node: Node, samples: Sequence[Sample]) -> list[Array] | None:
        try:
            run = compile_([node], self.variables, unchecked=True)
            return self._checked([self._quietly(run, s)[0] for s in samples])
        except (MatdiffError, ArithmeticError, ValueError, IndexError, TypeError):
            return None

    def _quietly(self, run: Callable[..., Any], s: Sample) -> list[Array]:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [self.on_set(np.asarray(v), s.arrays) for v in run(**s.arrays)]

    @staticmethod
    def _checked(values: list[Array]) -> list[Array] | None:
        return values if all(np.isfinite(v).all() for v in values) else None

    def why_none(self) -> str:
        if not self.complaints:
            return "no sizes were found for which the function can be evaluated"
        (most, _), *_ = self.complaints.most_common(1)
        return f"no point found where the function is defined ({most})"


def derivative(d: Derivation, order: int, about: Symbol) -> tuple[str, Node]:
    """Gradient, Jacobian or Hessian by one variable."""
    if order == 2:
        H = d.hessian
        return "Hessian", (H[about.name, about.name] if d.several else H).node
    found = getattr(d, d.kind)
    return d.kind if d.kind == "gradient" else "Jacobian", (found[about.name] if d.several else found).node
