"""A random function checked at random parameters: its mean and its estimators by quadrature or samples."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.core.node import Node, Symbol, symbol, symbols, topological
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import prepared, substitute
from matdiff.ops.algebra import is_op
from matdiff.ops.random import EXPECTATION, Random
from matdiff.verify.random import Compared, batch, compared, grids, parameters_of, places, quick, sampled, shown
from matdiff.verify.report import Verification, undecided

if TYPE_CHECKING:
    from matdiff.api.estimators import Estimators

POINTS = 3
STEP = 1e-4
AGREE = 1e-6
LIGHT = 1.15
"""A mean is taken for finite from this tail index on: Hill's estimator is good to some 3 % of it."""
SAMPLED, SLOWLY = 100_000, 5_000
"""Samples for it, where they are made all at once and where they are not."""
ROUGH = 1e-4
"""How far two quadratures may be apart, relative to what is computed, where differences are compared with them."""
CROSS = 20_000
"""Samples of which the differences are taken with common random numbers."""


def verified(f: Estimators, seed: int) -> Verification:
    """The mean against its closed form, and each estimator against the derivative."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _verified(f, seed)


def _verified(f: Estimators, seed: int) -> Verification:
    rng = np.random.default_rng(seed)
    found: list[Compared] = []
    points = 0
    if f.closed and f.wrt:
        first = f.derivation.verify(seed)
        if first.passed is False:
            return first
    if not f.closed and not f.wrt:
        return undecided("the mean has no closed form, and no derivative is asked for")
    heavy = 0
    for fixed, sizes in places(f.variables, f.laws, rng):
        try:
            if not f.closed and (index := tail(f, fixed, sizes, seed)) < LIGHT:
                heavy += 1
                if heavy == POINTS and not found:
                    return undecided(
                        f"the mean is probably not finite: samples of what is in E[…] have the tail index {index:.2f}, "
                        "and only above 1 is there a mean"
                    )
                continue
            made = checks(f, fixed, sizes, seed)
        except (MatdiffError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue
        if not made:
            continue
        for what, c in made.items():
            if not c.passed:
                far = f"{c.error:.0e}" if c.how == "quadrature" else f"{c.error:.1f} standard errors"
                reason = f"{what} and the mean over its law differ by {far}"
                return Verification(False, c.error, reason=reason, method="moments")
        found += made.values()
        points += 1
        if points == POINTS:
            break
    if not found:
        return undecided("no parameters were found at which the mean can be computed")
    exact = [c.error for c in found if c.how == "quadrature"]
    scores = [c.error for c in found if c.how == "samples"]
    worst = max(exact, default=max(scores, default=0.0))
    method = "moments" if not scores else "mixed" if exact else "samples"
    region = "not at all parameters: elsewhere the mean is probably not finite" if heavy else ""
    return Verification(True, worst, points=points, method=method, region=region)


def tail(f: Estimators, fixed: dict[Symbol, Any], sizes: dict[str, int], seed: int) -> float:
    """The least tail index of what stands in the E[…] of the mean and its derivative, by Hill's estimator.

    P(|g| > t) falls like t to the power of minus the index, so that a mean is finite above 1 (Embrechts 1997, §6.4).
    """
    roots = [f.expectation.node]
    if f.wrt and f.outer.kind == "scalar":
        answers = f.gradient if f.several else {"": f.gradient}
        roots += [e.node for e in answers.values()]
    least = np.inf
    for n in topological(*roots):
        if not is_op(n, EXPECTATION):
            continue
        laws = [f.sampled_from[s] for s in dict.fromkeys(symbols(n)) if s in f.sampled_from]
        (body,) = n.children
        draws = sampled(laws, fixed, sizes, SAMPLED if quick(body) else SLOWLY, np.random.default_rng(seed))
        values = np.abs(draws.of(body)).reshape(len(draws.weights), -1).max(1)
        count = len(values) // 100
        top = np.sort(values[np.isfinite(values)])[-count - 1 :]
        if len(values) - np.isfinite(values).sum() > count:
            return 0.0
        if len(top) > 1 and top[0] > 0 and top[-1] > top[0]:
            least = min(least, 1 / float(np.mean(np.log(top[1:] / top[0]))))
    return least


def checks(f: Estimators, fixed: dict[Symbol, Any], sizes: dict[str, int], seed: int) -> dict[str, Compared]:
    """What can be compared at one place."""
    found: dict[str, Compared] = {}

    def compare(what: str, node: Node, value: Node, laws: tuple[Random, ...]) -> None:
        c = compared(node, value, laws, fixed, sizes, seed)
        if c is not None:
            found[what] = c

    for k, (body, mean) in enumerate(f.pieces):
        compare("the closed form" + f" of mean {k + 1}" * (len(f.pieces) > 1), body, mean, f.laws)
    if not f.closed and f.wrt and f.outer.kind == "scalar":
        for X in f.wrt:
            c = slope(f, X, fixed, sizes, seed)
            if c is not None:
                found[f"the gradient by {X.name}"] = c
    for X in f.wrt:
        if f.closed:
            answer = f.gradient[X.name].node if f.several else f.gradient.node
            if "spd" in X.attributes or X.attributes:
                answer = None if f.outer.kind != "scalar" else answer
            for name, each in f.available.items():
                node, laws = each[X]
                if answer is not None and node.kind == answer.kind:
                    compare(f"the {name} estimator by {X.name}", node, answer, laws)
        else:
            for name, each in f.available.items():
                node, laws = each[X]
                c = differences(f, name, X, node, laws, fixed, sizes, seed)
                if c is not None:
                    found[f"the {name} estimator by {X.name}"] = c
    # What overflows says nothing of a formula.
    return {what: c for what, c in found.items() if np.isfinite(c.error)}


def value(node: Node, f: Estimators, fixed: dict[Symbol, Any], sizes: dict[str, int], finest: bool = True) -> Any:
    """An expression with E[…] in numbers, each by quadrature; None where that is not possible."""
    given: dict[Symbol, Any] = {}
    stand: dict[Node, Symbol] = {}
    for n in topological(node):
        if is_op(n, EXPECTATION):
            laws = [f.sampled_from[s] for s in dict.fromkeys(symbols(n)) if s in f.sampled_from]
            made = list(grids(laws, fixed, sizes))
            if len(made) < 2:
                return None
            stand[n] = symbol(f"mean {len(stand)}", n.kind, n.rows, n.cols)
            given[stand[n]] = made[-1 if finest else 0].mean(n.children[0])[None]
    return batch(substitute(node, stand), {**fixed, **given}, sizes)[0]


def slope(f: Estimators, X: Symbol, fixed: dict[Symbol, Any], sizes: dict[str, int], seed: int) -> Compared | None:
    """⟨gradient, V⟩ against the difference of means along V, both by quadrature."""
    V = direction(X, fixed, np.random.default_rng(seed))
    if V is None:
        return None
    answer = f.gradient[X.name].node if f.several else f.gradient.node
    G, coarse = (value(answer, f, fixed, sizes, finest) for finest in (True, False))
    ends = [value(f.expectation.node, f, {**fixed, X: fixed[X] + s * STEP * V}, sizes) for s in (1, -1)]
    if G is None or any(e is None for e in ends):
        return None
    inside, rough = float(np.sum(G * V[0])), float(np.sum(coarse * V[0]))
    outside = (float(ends[0]) - float(ends[1])) / (2 * STEP)
    size = abs(inside) + abs(outside) + 1e-3
    if not abs(inside - rough) < 1e-7 * size:
        return None
    return Compared(abs(inside - outside) / size, "quadrature")


def second(f: Estimators, seed: int) -> Verification | None:
    """The Hessian of a mean against differences of its gradient, all by quadrature; None where it is in closed form."""
    if f.closed:
        found: Verification = f.derivation.verify(seed, order=2)
        return found if found.passed is not True else None
    (X,) = f.wrt
    rng = np.random.default_rng(seed)
    H = f.hessian.node
    worst, points = 0.0, 0
    f.sampled_from.update(f.slope.sampled_from)
    for fixed, sizes in places(f.variables, f.laws, rng):
        V = direction(X, fixed, rng)
        try:
            fine, coarse = (value(H, f, fixed, sizes, finest) for finest in (True, False))
            ends = [value(f.gradient.node, f, {**fixed, X: fixed[X] + s * STEP * V}, sizes) for s in (1, -1)]
        except (MatdiffError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue
        if V is None or fine is None or any(e is None for e in ends):
            continue
        inside = np.reshape(fine, (V[0].size, -1)) @ V[0].T.reshape(-1) if V[0].ndim else fine * V[0]
        outside = (np.asarray(ends[0]) - np.asarray(ends[1])).T.reshape(-1) / (2 * STEP)
        size = float(np.max(np.abs(outside))) + 1e-3
        rough = float(np.max(np.abs(np.asarray(fine) - np.asarray(coarse)))) / size
        if not rough < ROUGH:
            continue
        error = float(np.max(np.abs(np.reshape(inside, -1) - outside))) / size
        if error > max(1e-5, 3 * rough):
            return Verification(
                False, error, reason="the Hessian and differences of the gradient differ", method="moments"
            )
        worst, points = max(worst, error), points + 1
        if points == POINTS:
            break
    if not points:
        return undecided("the gradient is verified, and no place was found at which the Hessian's mean can be computed")
    return Verification(True, worst, points=points, method="moments")


def direction(X: Symbol, fixed: dict[Symbol, Any], rng: np.random.Generator) -> Any:
    V = rng.normal(size=fixed[X].shape)
    if not X.attributes <= {"spd", "symmetric", "positive"}:
        return None
    return (V + V.transpose(0, 2, 1)) / 2 if V.ndim == 3 and X.attributes & {"spd", "symmetric"} else V


def differences(
    f: Estimators,
    name: str,
    X: Symbol,
    node: Node,
    laws: tuple[Random, ...],
    fixed: dict[Symbol, Any],
    sizes: dict[str, int],
    seed: int,
) -> Compared | None:
    """⟨mean of an estimator, V⟩ against the difference of means along V, with the same randomness in both."""
    rng = np.random.default_rng(seed)
    V = direction(X, fixed, rng)
    body = prepared(f.sample_node)
    if V is None or body.kind != "scalar":
        return None
    moved = {s: {**fixed, X: fixed[X] + s * STEP * V} for s in (1, -1)}
    values: list[float] = []
    exact = [list(grids(f.laws, at, sizes))[-1:] for at in moved.values()]
    if all(exact):
        values = [float(found[0].mean(body)) for found in exact]
        own = list(grids(laws, fixed, sizes))[-1:]
        if not own:
            return None
        inside = float(np.sum(own[0].mean(node) * V[0]))
        coarse = float(np.sum(next(iter(grids(laws, fixed, sizes))).mean(node) * V[0]))
        outside = (values[0] - values[1]) / (2 * STEP)
        size = abs(outside) + abs(inside) + 1e-3
        if abs(coarse - inside) > 1e-7 * size:
            return None if name != "pathwise" else common(f, X, node, laws, fixed, sizes, V, rng)
        return Compared(abs(inside - outside) / size, "quadrature")
    return common(f, X, node, laws, fixed, sizes, V, rng) if name == "pathwise" else None


def common(
    f: Estimators,
    X: Symbol,
    node: Node,
    laws: tuple[Random, ...],
    fixed: dict[Symbol, Any],
    sizes: dict[str, int],
    V: Any,
    rng: np.random.Generator,
) -> Compared | None:
    """The pathwise derivative against differences of the same samples: equal up to the step."""
    body = prepared(f.sample_node)
    for r in f.moving(X, body):
        noise = next(o for o in laws if o.law is r.law and o not in f.laws)
        assert r.law.drawn is not None
        body = substitute(body, {r.symbol: r.law.drawn(noise.symbol, *r.parameters)})
    draws = sampled(laws, fixed, sizes, CROSS, rng)
    means = []
    for s in (1, -1):
        at = {**draws.values, X: fixed[X] + s * STEP * V}
        means.append(float(np.mean(batch(body, at, sizes))))
    inside = float(np.sum(draws.of(node).mean(0) * V[0]))
    outside = (means[0] - means[1]) / (2 * STEP)
    return Compared(abs(inside - outside) / (abs(outside) + abs(inside) + 1e-3), "quadrature")


def numbers(f: Estimators, seed: int = 0) -> tuple[str, dict[str, float]]:
    """The variance of one sample of each estimator at a random place, and which place that is."""
    rng = np.random.default_rng(seed)
    for fixed, sizes in places(f.variables, f.laws, rng):
        try:
            found = {}
            for name, each in f.available.items():
                total = 0.0
                for node, laws in each.values():
                    for r in laws:
                        parameters_of(r, fixed, sizes)
                    draws = sampled(laws, fixed, sizes, 10_000, np.random.default_rng(seed))
                    total += float(np.sum(draws.of(node).var(0)))
                if not np.isfinite(total):
                    raise ArithmeticError
                found[name] = total
        except (MatdiffError, ArithmeticError, ValueError, np.linalg.LinAlgError):
            continue
        return shown(fixed, f.variables), found
    return "", {}


__all__ = ["numbers", "second", "verified"]
