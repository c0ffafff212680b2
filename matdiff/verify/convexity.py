"""Convex, concave, affine, neither or unknown: a proof by composition, tried at random; else a counter-example.

The verdict is for all sizes and for all values of the other variables in their declared sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from matdiff.calculus.claims import Claim
from matdiff.calculus.curvature import Curvature
from matdiff.core.clock import thread_time
from matdiff.core.node import Apply, Node, Number, Symbol, topological
from matdiff.errors import DomainError, MatdiffError
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import MATMUL, add, is_op, transpose
from matdiff.ops.matrix_functions import sqrtm
from matdiff.ops.reductions import norm
from matdiff.printing import to_latex, to_text
from matdiff.simplify.normal import normal
from matdiff.verify.sampling import names, shapes
from matdiff.verify.sets import FLAVOURS, Array, draw, project

Point = dict[Symbol, Array]
Value = Callable[[Mapping[Symbol, Array]], Any]
"""The function's value at arrays by symbol; raises DomainError outside its domain."""
GOALS = ("convex", "concave")
TRIALS = 1000
"""Points and directions at which a certificate is tried before it is printed."""
ENOUGH = 100
"""Fewest of them that must lie in the domain; nothing is certified of a function that could hardly be evaluated."""
DRAWS = 4000
"""Most points that are drawn for them."""
LARGEST = 4
"""Largest size of a named dimension."""
ROUNDING = 1e-7
"""Relative to the values: a smaller second difference may be rounding."""
SETTINGS = 60
"""Values of the parameters at which a counter-example is looked for, each with so many points:"""
PLACES = 8
ENTRIES = 12
"""Entries of the variables up to which second derivatives by all pairs of them are taken."""
CALLS = 15_000
"""Evaluations after which the search ends, and seconds of work after which search and trial do."""
SECONDS = 15.0
STEPS = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
LARGE, SMALL = 3.0, 0.1
"""How definite square parameters are made, and how small others, to see whether the verdict depends on them."""
SHIFTS = (1e-3, -2e-3, 3e-3, -5e-3, 7e-3, -9e-3)
"""How far beside a point, in lengths of its step, a second difference must have the same sign to be believed."""
SHORT = 0.1
"""The length of a step that finds a dent between two slopes."""
ASKED = 6
"""Most claims about parameters that are tried as conditions."""


@dataclass(frozen=True)
class Line:
    """A line of a proof: how deep it stands, what it is about (nothing for a counter-example), the claim, and why."""

    depth: int
    expression: str
    claim: str
    rule: str = ""
    ascii: str = ""
    latex: str = ""

    def text(self, ascii: bool = False) -> str:
        shown = self.ascii if ascii else self.expression
        shown = shown if len(shown) <= WIDTH else f"{shown[: WIDTH - 1]}…"
        about = f"{shown}: {self.claim}" if shown else self.claim
        return "  " * self.depth + about + (f"   [{self.rule}]" if self.rule else "")


@dataclass(frozen=True)
class Convexity:
    """A verdict (convex, concave, affine, neither, unknown), its proof, and what else belongs to it.

    `condition` would settle an unknown one.  For `neither`, `point` and `direction` are arrays by name with
    f(point + direction) + f(point − direction) < 2 f(point); where the domain is not convex, f is defined at
    point ± direction and not at the point.
    """

    verdict: str
    proof: tuple[Line, ...] = ()
    condition: str = ""
    point: Mapping[str, Any] | None = None
    direction: Mapping[str, Any] | None = None
    reason: str = ""
    tried: int = 0
    """Random points at which a certificate was tried."""

    @property
    def headline(self) -> str:
        """The verdict in a sentence."""
        first = {"neither": "neither convex nor concave", "unknown": "not known"}.get(self.verdict, self.verdict)
        why = f": {self.reason}" if self.reason else ""
        why += f" (tried at {self.tried:,} random points and directions)" if self.tried else ""
        return f"{first}{why}; {self.condition}" if self.condition else f"{first}{why}"

    def text(self, ascii: bool = False) -> str:
        """The verdict, and below it the proof as a tree."""
        return "\n".join([self.headline, *(line.text(ascii) for line in self.proof)])

    def __str__(self) -> str:
        return self.text()


class Function:
    """The function as code, at arrays by symbol; None outside its domain or beyond the range of numbers."""

    def __init__(self, node: Node, variables: Sequence[Symbol], wrt: Sequence[Symbol], value: Value) -> None:
        self.value = value
        self.node, self.variables, self.wrt = node, tuple(variables), tuple(wrt)
        self.parameters = tuple(v for v in self.variables if v not in self.wrt)
        self.fits = shapes([node])
        inside = (n for shape in self.fits for d in shape for n in sorted(d.names))
        self.free = list(dict.fromkeys((*names(self.variables), *inside)))
        self.partial = any(_partial(n) for n in topological(node) if isinstance(n, Apply))
        self.calls = 0

    def __call__(self, at: Mapping[Symbol, Array]) -> float | None:
        found = self.defined(at)
        return found if found is not None and np.isfinite(found) else None

    def defined(self, at: Mapping[Symbol, Array]) -> float | None:
        """The value, which may be infinite or no number from overflow; None outside the domain."""
        self.calls += 1
        try:
            return float(self.value(at))
        except DomainError:
            return None
        except MatdiffError:
            return float("nan")

    def sizes(self, rng: np.random.Generator, largest: int = LARGEST) -> dict[str, int]:
        return {n: int(rng.integers(1, largest + 1)) for n in self.free}

    def possible(self, sizes: Mapping[str, int]) -> bool:
        return all(d.evaluate(sizes) >= 1 for shape in self.fits for d in shape) and all(
            d.evaluate(sizes) >= 1 for v in self.variables for d in (v.rows, v.cols)
        )

    def draw(self, variables: Sequence[Symbol], sizes: Mapping[str, int], rng: np.random.Generator) -> Point:
        """Random arrays in the declared sets, some rough, some whole numbers, some far from round ones."""
        kind = list(FLAVOURS)[rng.integers(len(FLAVOURS))]
        return {v: _rounded(v, _stretched(v, draw(v, sizes, kind, rng), rng)) for v in variables}


def _partial(node: Apply) -> bool:
    """Is its value refused where it has one, since its derivative has none?  This says nothing of the domain."""
    op = node.op
    if op is sqrtm and is_op(node.args[0], MATMUL):
        L, R = node.args[0].children
        return transpose(L) is R
    return bool({"fullrank", "distinct"} & set(op.domain)) or ("nonzero" in op.domain and op is not norm)


def _stretched(v: Symbol, X: Array, rng: np.random.Generator) -> Array:
    if v.attributes & {"orthogonal", "unit"}:
        return X
    if "spd" in v.attributes and rng.random() < 0.7:
        D = 10 ** rng.uniform(-1, 1, size=X.shape[0])
        X = X * D[:, None] * D
    size = 10 ** rng.uniform(-0.7, 0.7)
    whole = rng.random() < 0.3 and not v.attributes & {"spd", "positive"}
    return np.asarray(np.round(X * 2) if whole else X * size)


def _rounded(v: Symbol, X: Array) -> Array:
    """Few digits, so that it can be printed, and still in the declared set."""
    if v.attributes & {"orthogonal", "unit"}:
        return X
    R = np.round(X, 2)
    if "spd" in v.attributes and float(np.min(np.linalg.eigvalsh(R))) <= 1e-3:
        return X
    return X if "positive" in v.attributes and (R <= 0).any() else np.asarray(R + 0.0)


def judge(node: Node, variables: Sequence[Symbol], wrt: Sequence[Symbol], value: Value) -> Convexity:
    """The verdict on a scalar function of some of its variables, `value` is its value."""
    f = inline(node)
    for X in wrt:
        if X.attributes & {"orthogonal", "unit"}:
            word = next(iter(X.attributes & {"orthogonal", "unit"}))
            return Convexity("neither", reason=f"the set that {X.name} moves in ({word}) is not convex")
    forms = list(dict.fromkeys([f, normal(f)]))
    curvatures = [Curvature(form, wrt) for form in forms]
    function = Function(f, variables, wrt, value)
    settled = not curvatures[0].outside
    for c in curvatures:
        proved = [goal for goal in GOALS if settled and not c.outside and c.has(c.root, goal)]
        if proved:
            return _certified(function, c, proved)
    condition = _conditions(forms, wrt)
    if condition:
        reason = "it depends on the values of the other variables"
        return Convexity("unknown", condition=condition, reason=reason)
    return _searched(function)


def _certified(function: Function, c: Curvature, proved: list[str]) -> Convexity:
    verdict = "affine" if len(proved) == 2 else proved[0]
    count, fault = tried(function, proved)
    if fault:
        return Convexity("unknown", reason=f"a proof was found, but {fault}")
    return Convexity(verdict, tuple(lines(c, verdict)), tried=count)


def lines(c: Curvature, goal: str) -> Iterator[Line]:
    """The proof of a claim about the root as a tree, each claim once."""
    seen: set[Claim] = set()
    stack: list[tuple[int, Claim]] = [(0, (c.root, goal))]
    while stack:
        depth, (node, asked) = stack.pop()
        word = asked
        why = c.claims.get(node, {}).get(word)
        while why is not None and not why.rule and len(why.premises) == 1:
            (node, word) = why.premises[0]
            why = c.claims.get(node, {}).get(word)
        if (node, word) in seen or isinstance(node, Number) or (why is not None and why.rule == "variable"):
            continue
        seen.add((node, word))
        rule = why.rule if why else "declared"
        yield Line(depth, to_text(node), asked, rule, to_text(node, ascii=True), to_latex(node))
        if why is not None and depth < DEEPEST:
            stack.extend((depth + 1, premise) for premise in reversed(why.premises))


WIDTH = 70
"""Characters of an expression in a line of text."""
DEEPEST = 40
"""Levels of a proof that are printed."""


# trying a certificate


def tried(function: Function, goals: Sequence[str], seed: int = 0) -> tuple[int, str]:
    """At how many random segments a certificate was tried, and why it does not stand, if it does not."""
    rng = np.random.default_rng(seed)
    done, end = 0, thread_time() + SECONDS
    for _ in range(DRAWS):
        if done >= ENOUGH and thread_time() > end:
            break
        found = _segment(function, rng)
        if found is None:
            continue
        ends, middle, at = found
        if middle is None:
            return done, "the domain is not convex at a random point"
        if _broken(ends, middle, goals):
            # Rounding of one value is not that of its neighbours.
            if all(_broken(*values, goals) for shift in SHIFTS if (values := at(shift)) is not None):
                return done, "it does not hold at a random point"
            continue
        done += 1
        if done == TRIALS:
            break
    return done, "" if done >= ENOUGH else "too few points of the domain to try it at"


Ends = tuple[float, float]


def _broken(ends: Ends, middle: float, goals: Sequence[str]) -> bool:
    """Does a second difference have a sign that it must not have?"""
    bend = ends[0] + ends[1] - 2 * middle
    rough = ROUNDING * (abs(ends[0]) + abs(ends[1]) + 2 * abs(middle)) + 1e-12
    return ("convex" in goals and bend < -rough) or ("concave" in goals and bend > rough)


def _segment(
    function: Function, rng: np.random.Generator
) -> tuple[Ends, float | None, Callable[[float], tuple[Ends, float] | None]] | None:
    """The function at the ends and in the middle of a random segment, and the same of a segment shifted along it.

    None where the ends are outside the domain.
    """
    sizes = function.sizes(rng)
    if not function.possible(sizes):
        return None
    fixed = function.draw(function.parameters, sizes, rng)
    a, b = (function.draw(function.wrt, sizes, rng) for _ in range(2))
    if rng.random() < 0.5:
        t = 10 ** rng.uniform(-3, -0.5)
        b = {v: (1 - t) * a[v] + t * b[v] for v in function.wrt}
    one, other = function({**fixed, **a}), function({**fixed, **b})
    if one is None or other is None:
        return None
    middle = function.defined({**fixed, **{v: (a[v] + b[v]) / 2 for v in function.wrt}})
    if middle is None and function.partial:
        return None
    if middle is not None and not np.isfinite(middle):
        return None

    def at(shift: float) -> tuple[Ends, float] | None:
        places = ({v: (1 - t) * a[v] + t * b[v] for v in function.wrt} for t in (shift, 1 + shift, 0.5 + shift))
        first, last, between = (function({**fixed, **p}) for p in places)
        return None if first is None or last is None or between is None else ((first, last), between)

    return (one, other), middle, at


# conditions on parameters


def _conditions(forms: Sequence[Node], wrt: Sequence[Symbol]) -> str:
    """What of the parameters would make it convex, and what concave."""
    found = []
    for goal in GOALS:
        claims = next((c for form in forms if (c := _condition(form, wrt, goal))), ())
        if claims:
            found.append(f"{goal} if {' and '.join(map(_said, claims))}")
    return ", ".join(found)


def _condition(form: Node, wrt: Sequence[Symbol], goal: str) -> tuple[Claim, ...]:
    asked = list(Curvature(form, wrt).wanted)[:ASKED]
    for k in (1, 2):
        for claims in combinations(asked, k):
            c = Curvature(form, wrt, claims)
            if c.has(form, goal) and not c.outside and len({n for n, _ in claims}) == k:
                return claims
    return ()


def _said(claim: Claim) -> str:
    node, word = claim
    if node.kind == "matrix" and word in ("⪰ 0", "⪯ 0") and "symmetric" not in Known()(node):
        return f"{to_text(normal(add(node, transpose(node))))} {word}"
    return f"{to_text(node)} {word}"


# counter-examples


@dataclass
class Bend:
    """A point and a direction with the second difference there; 0 where the function is defined on both sides alone."""

    at: Point
    along: Point
    bend: float


def _searched(function: Function) -> Convexity:
    rng = np.random.default_rng(0)
    gap: Bend | None = None
    end = thread_time() + SECONDS
    for setting in range(SETTINGS):
        if function.calls > CALLS or thread_time() > end:
            break
        sizes = function.sizes(rng, 2 if setting % 2 else 3)
        if not function.possible(sizes):
            continue
        fixed = function.draw(function.parameters, sizes, rng)
        found: dict[int, Bend] = {}
        for _ in range(PLACES):
            if thread_time() > end:
                break
            here = Place(function, sizes, fixed, rng)
            for bend in here.bends():
                sign = int(np.sign(bend.bend))
                if (sign not in found or abs(bend.bend) > abs(found[sign].bend)) and here.holds(bend):
                    found[sign] = bend
        gap = gap or found.pop(0, None)
        if {1, -1} <= found.keys():
            if condition := _depends(function, sizes, fixed, rng):
                return Convexity("unknown", (), condition, reason="it depends on the values of the other variables")
            return _neither(found[-1], found[1])
    if gap:
        return _neither(gap, None)
    return Convexity("unknown", reason="no proof and no counter-example was found")


def _depends(function: Function, sizes: Mapping[str, int], fixed: Point, rng: np.random.Generator) -> str:
    """What it is seen to be with the same sizes where square parameters are spd and others small, if one thing."""
    square = [v for v in function.parameters if v.kind == "matrix" and v.rows is v.cols and not v.attributes]
    if not square:
        return ""
    # Far from multiples of I: (xᵀPx)(xᵀx) is convex where the condition of P is below 34, and is not with others.
    nice = {v: A if v.kind != "matrix" or v.attributes else SMALL * A for v, A in fixed.items()}
    for v in square:
        Q, _ = np.linalg.qr(rng.normal(size=fixed[v].shape))
        nice[v] = (Q * LARGE * np.logspace(0, 2.5, len(Q))) @ Q.T
    signs = set()
    for _ in range(6 * PLACES):
        signs |= {int(np.sign(b.bend)) for b in Place(function, sizes, nice, rng).bends()}
        if len(signs) > 1 or 0 in signs:
            return ""
    if not signs:
        return ""
    word = "convex" if 1 in signs else "concave"
    names_ = " and ".join(v.name for v in square)
    return f"seen to be {word} where {names_} {'is' if len(square) == 1 else 'are'} ≻ 0 and large"


class Place:
    """A point, and the directions to try from it."""

    def __init__(self, function: Function, sizes: Mapping[str, int], fixed: Point, rng: np.random.Generator) -> None:
        self.f, self.sizes, self.fixed, self.rng = function, sizes, fixed, rng
        self.at = at = function.draw(function.wrt, sizes, rng)
        self.value = function({**fixed, **at})

    def bends(self) -> Iterator[Bend]:
        """Second differences that are not rounding; 0 as one where the domain is seen not to be convex."""
        if self.value is None:
            return
        for along in self.directions():
            yield from self.along(along)
        yield from self.across()

    def directions(self) -> Iterator[Point]:
        if self.value is None:
            return
        basis = self.basis
        if len(basis) <= ENTRIES:
            H = self.hessian
            if H is not None:
                _, Q = np.linalg.eigh(H)
                for q in (Q[:, 0], Q[:, -1]):
                    yield _combined(basis, np.round(q / np.max(np.abs(q)), 2))
        for _ in range(2):
            yield _combined(basis, self.rng.integers(-1, 2, size=len(basis)).astype(float))

    @cached_property
    def basis(self) -> list[Point]:
        """Directions by one entry each, in the tangent spaces."""
        found = []
        for v in self.f.wrt:
            seen: list[Array] = []
            for k in range(np.size(self.at[v])):
                E = np.zeros(np.size(self.at[v]))
                E[k] = 1.0
                E = project(v, self.at[v], E.reshape(np.shape(self.at[v])))
                E = E / (np.max(np.abs(E)) or 1.0)
                if np.any(E) and not any(np.array_equal(E, s) or np.array_equal(E, -s) for s in seen):
                    seen.append(E)
                    found.append({w: E if w is v else np.zeros(np.shape(self.at[w])) for w in self.f.wrt})
        return found

    @cached_property
    def hessian(self) -> Array | None:
        """By differences; None where they leave the domain."""
        h, k = 1e-3, len(self.basis)
        H = np.zeros((k, k))
        for i in range(k):
            for j in range(i + 1):
                corners = [self._at(_sum(self.basis[i], self.basis[j], s * h, t * h)) for s in (1, -1) for t in (1, -1)]
                if any(c is None for c in corners):
                    return None
                a, b, c, d = corners
                H[i, j] = H[j, i] = (a - b - c + d) / (4 * h * h)  # type: ignore[operator]
        return H if np.isfinite(H).all() else None

    def _at(self, V: Point, t: float = 1.0) -> float | None:
        moved = {v: self.at[v] + t * V[v] for v in self.f.wrt}
        if any("positive" in v.attributes and (moved[v] <= 0).any() for v in self.f.wrt):
            return None
        if any("spd" in v.attributes and np.min(np.linalg.eigvalsh(moved[v])) <= 1e-6 for v in self.f.wrt):
            return None
        return self.f({**self.fixed, **moved})

    def along(self, V: Point) -> Iterator[Bend]:
        """The largest step at which the second difference is no rounding, and a short one if it has the other sign."""
        if self.value is None or not any(np.any(A) for A in V.values()):
            return
        first = 0.0
        for t in STEPS:
            if first and t > SHORT:
                continue
            one, other = self._at(V, t), self._at(V, -t)
            if one is None or other is None:
                continue
            bend = one + other - 2 * self.value
            if abs(bend) > 10 * ROUNDING * (abs(one) + abs(other) + 2 * abs(self.value)) + 1e-9:
                if first * bend <= 0:
                    yield Bend({**self.fixed, **self.at}, {v: np.round(t * A, 6) for v, A in V.items()}, bend)
                if first or t <= SHORT:
                    return
                first = bend

    def holds(self, bend: Bend) -> bool:
        """Has the second difference its sign close by as well, and so is no rounding of the value at the point?"""
        V = {v: bend.along[v] for v in self.f.wrt}
        for shift in SHIFTS if bend.bend else ():
            three = [self._at(V, shift + t) for t in (1.0, 0.0, -1.0)]
            if any(f is None for f in three):
                continue
            one, middle, other = three
            if (one + other - 2 * middle) * bend.bend < 0:  # type: ignore[operator]
                return False
        return True

    def across(self) -> Iterator[Bend]:
        """From the point to its mirror image and to others: is the middle in the domain?"""
        others = [{v: -self.at[v] for v in self.f.wrt}, self.f.draw(self.f.wrt, self.sizes, self.rng)]
        for other in others:
            half = {v: (other[v] - self.at[v]) / 2 for v in self.f.wrt}
            if self._at(half, 2.0) is None or any(np.size(A) == 0 for A in half.values()):
                continue
            middle = {v: (self.at[v] + other[v]) / 2 for v in self.f.wrt}
            if not self.f.partial and self.f.defined({**self.fixed, **middle}) is None:
                yield Bend({**self.fixed, **middle}, half, 0.0)


def _combined(basis: Sequence[Point], weights: Array) -> Point:
    return {v: np.asarray(sum(w * E[v] for w, E in zip(weights, basis, strict=True))) for v in basis[0]}


def _sum(a: Point, b: Point, s: float, t: float) -> Point:
    return {v: s * a[v] + t * b[v] for v in a}


def _neither(down: Bend, up: Bend | None) -> Convexity:
    point = {v.name: A.tolist() for v, A in down.at.items()}
    along = {v.name: A.tolist() for v, A in down.along.items()}
    if up is None:
        gap = f"not defined at p, but at p + d and p − d: {_values(down.at)}; d: {_values(down.along)}"
        return Convexity("neither", (Line(0, "", gap),), "", point, along, "its domain is not convex")
    proof = [_evidence("not convex", down, "<"), _evidence("not concave", up, ">")]
    return Convexity("neither", tuple(proof), "", point, along)


def _evidence(what: str, bend: Bend, sign: str) -> Line:
    where = f"f(p + d) + f(p − d) − 2 f(p) = {bend.bend:.4g} {sign} 0"
    return Line(0, "", f"{what}: {where} at p: {_values(bend.at)}; d: {_values(bend.along)}")


def _values(arrays: Mapping[Symbol, Array]) -> str:
    return ", ".join(f"{v.name} = {_shown(A.tolist())}" for v, A in arrays.items())


def _shown(value: Any) -> str:
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else f"{value:.6g}"
