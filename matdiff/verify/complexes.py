"""Derivatives by complex variables, checked by differences along real, imaginary and complex directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any

import numpy as np

from matdiff.calculus.markers import PAIRING, D
from matdiff.core.node import Apply, Node, Symbol, describe, topological
from matdiff.errors import DomainError
from matdiff.ops.algebra import ADD, is_op
from matdiff.ops.complexes import COMPLEX, SELFADJOINT, is_real
from matdiff.verify import sampling, sets
from matdiff.verify.complex_mistakes import mistake, numbers
from matdiff.verify.report import Verification, undecided

Arrays = dict[Symbol, Any]
STEP = 2e-3
"""Of differences that are extrapolated twice: their error falls with its sixth power."""
ENOUGH = 1e-6
"""Relative differences up to this are rounding and truncation."""
SETTLED = 1e-5
"""How far the last two extrapolations may be apart, the error of the better being some hundredth of it."""
WAYS = 60


def draw(v: Symbol, way: sampling.Way, rng: np.random.Generator) -> Any:
    """A random array with the variable's attributes."""
    if is_real(v):
        array = sampling.point([v], way, rng)[v]
        return array.reshape(-1) if v.kind == "row" else array
    shape = sets.shape_of(v, way.sizes)
    Z = _gauss(shape, rng)
    if v.attributes & SELFADJOINT:
        Z = (Z + Z.conj().T) / 2
        if "hpd" in v.attributes or way.flavour in ("definite", "identity"):
            M = _gauss(shape, rng)
            Z = M @ M.conj().T / shape[0] + 0.5 * np.eye(shape[0])
    elif "unitary" in v.attributes:
        Q, R = np.linalg.qr(Z)
        Z = Q * (np.diag(R) / np.abs(np.diag(R)))[None, :]
    elif way.flavour == "identity" and len(shape) == 2 and shape[0] == shape[1]:
        Z = np.eye(shape[0]) + 0.3 * Z
    elif way.flavour == "small":
        Z = 0.3 * Z
    return in_set(v, Z)


def _gauss(shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) * min(1.0, (4 / max(shape, default=1)) ** 0.5) / 1.4


def in_set(v: Symbol, Z: Any) -> Any:
    """The part of an array in the linear set of complex matrices that is declared."""
    words = v.attributes - COMPLEX
    if "symmetric" in words:
        Z = (Z + Z.T) / 2
    if "skew" in words:
        Z = (Z - Z.T) / 2
    if "diagonal" in words or {"lower", "upper"} <= words:
        Z = np.diag(np.diag(Z))
    if "lower" in words:
        Z = np.tril(Z)
    return np.triu(Z) if "upper" in words else Z


def direction(v: Symbol, at: Any, rng: np.random.Generator, unit: complex) -> Any:
    """A random tangent direction; of variables that move freely a real one times `unit`."""
    if is_real(v):
        two = at[None, :] if v.kind == "row" else at
        V = sets.direction(v, two, rng)
        return V.reshape(-1) if v.kind == "row" else V
    V = _gauss(np.shape(at), rng)
    if v.attributes & SELFADJOINT:
        return (V + V.conj().T) / 2
    if "unitary" in v.attributes:
        W = at.conj().T @ V
        return at @ (W - W.conj().T) / 2
    V = V if unit == 0 else unit * V.real
    return in_set(v, V)


def moved(v: Symbol, at: Any, V: Any, h: float) -> Any:
    """A point on a curve in the variable's set with the velocity V."""
    if is_real(v):
        if v.kind == "row":
            return sets.move(v, at[None, :], V[None, :], h).reshape(-1)
        return sets.move(v, at, V, h)
    if "unitary" in v.attributes:
        import scipy.linalg

        return at @ scipy.linalg.expm(h * (at.conj().T @ V))
    return at + h * V


def points(d: Any, seed: int, given: Mapping[str, int] | None) -> Iterator[Arrays]:
    """Random points at which the function and its derivative have values."""
    rng = np.random.default_rng(seed)
    variables = d.function.variables
    wanted = sampling.check_given(given, sampling.names(variables))
    for way in islice(sampling.ways(d.function.node, variables, wanted), WAYS):
        if sampling.entries(variables, way.sizes) > sampling.MAX_ENTRIES:
            continue
        at = {v: draw(v, way, rng) for v in variables}
        try:
            d.values([d.function.node], at)
            yield at
        except DomainError:
            continue


def slope(d: Any, node: Node, at: Arrays, V: Arrays) -> tuple[Any, float]:
    """The derivative of an expression along V by differences, extrapolated; and the size of the values.

    Raises DomainError near a singular point, where differences of smaller steps still change it.
    """
    for step in (STEP, STEP / 10):
        best, rough, size = _extrapolated(d, node, at, V, step)
        if np.abs(best - rough).max(initial=0.0) <= SETTLED * max(float(np.abs(best).max(initial=0.0)), 1e-3 * size):
            return best, size
    raise DomainError("the function changes too fast here for differences")


def _extrapolated(d: Any, node: Node, at: Arrays, V: Arrays, step: float) -> tuple[Any, Any, float]:
    """The best value from three steps, the one from the last two, and the size of what was differenced."""
    rows = []
    size = 0.0
    for h in (step, step / 2, step / 4):
        ends = []
        for s in (h, -h):
            there = {**at, **{X: moved(X, at[X], V[X], s) for X in V}}
            ends.append(np.asarray(d.values([node], there)[0]))
        size = max(size, float(np.abs(ends[0]).max(initial=0.0)))
        rows.append((ends[0] - ends[1]) / (2 * h))
    one = [(4 * b - a) / 3 for a, b in pairwise(rows)]
    return (16 * one[1] - one[0]) / 15, one[1], size


def verify(d: Any, seed: int, sizes: Mapping[str, int] | None, count: int = 3, order: int = 1) -> Verification:
    """Compare the derivative with differences; for a function that is not real also the adjoint with it."""
    worst, seen = 0.0, 0
    rng = np.random.default_rng(seed + 1)
    tried = 0
    for at in points(d, seed, sizes):
        tried += 1
        try:
            for unit in (1, 1j, 0):
                V = {X: direction(X, at[X], rng, unit) for X in d.wrt}
                worst = max(worst, _compare(d, at, V, rng, order))
        except (DomainError, np.linalg.LinAlgError):
            if tried > 20:
                break
            continue
        seen += 1
        if seen == count or worst > ENOUGH:
            break
    if not seen:
        return undecided("no random point was found at which the function and its derivative have values")
    if worst > ENOUGH:
        reason = f"differences along complex directions disagree: relative error {worst:.0e}"
        return Verification(False, worst, None, reason, seen, "complex directions")
    return Verification(True, worst, None, "", seen, "complex directions")


def _compare(d: Any, at: Arrays, V: Arrays, rng: np.random.Generator, order: int) -> float:
    if order == 2:
        pairs = [(d.gradients_torch[X], d.products[X]) for X in d.wrt]
        dV = {d.directions[X]: V[X] for X in d.wrt}
        return max(_error(*slope(d, G, at, V), d.values([H], {**at, **dV})[0]) for G, H in pairs)
    numeric, size = slope(d, d.function.node, at, V)
    if d.kind == "gradient":
        found = sum(
            pairing(g, V[X]) for X, g in zip(d.wrt, d.values(list(d.gradients_torch.values()), at), strict=True)
        )
        return _error(numeric, size, found)
    dV = {d.directions[X]: V[X] for X in d.wrt}
    linear = d.values([d.differential.node], {**at, **dV})[0]
    Y = _gauss(np.shape(linear), rng)
    Y = Y if not d.real_valued else Y.real
    pulled = d.values(list(d.pullback.values()), {**at, d.covector: Y})
    there = sum(pairing(g, V[X]) for X, g in zip(d.wrt, pulled, strict=True))
    here = pairing(Y, linear)
    return max(_error(numeric, size, linear), abs(here - there) / max(1.0, abs(here)))


def pairing(a: Any, b: Any) -> float:
    """Re⟨a, b⟩ = Re tr(aᴴb)."""
    return float(np.real(np.vdot(a, b)))


def _error(numeric: Any, size: float, found: Any) -> float:
    scale = max(float(np.abs(numeric).max(initial=0.0)), float(np.abs(found).max(initial=0.0)), 1e-3 * size, 1e-8)
    return float(np.abs(numeric - found).max(initial=0.0)) / scale


def judge(d: Any, claims: Mapping[Symbol, Node], seed: int, sizes: Mapping[str, int] | None) -> Verification:
    """Are claimed gradients right, by the convention of the derivation?  The first that is not is told."""
    given = d.gradient if d.several else {d.wrt[0].name: d.gradient}
    found = [compare_claim(d, "gradient", claim, given[X.name].node, seed, sizes) for X, claim in claims.items()]
    return next((v for v in found if v.passed is not True), found[0])


def compare_claim(
    d: Any, what: str, claim: Node, truth: Node, seed: int, sizes: Mapping[str, int] | None
) -> Verification:
    """Is a claim right, in whatever equal form?  The conventions of others are named as what they are."""
    if (claim.rows, claim.cols) != (truth.rows, truth.cols):
        turn = ": transpose it" * ((claim.rows, claim.cols) == (truth.cols, truth.rows))
        reason = f"the claim is {describe(claim)}, but it should be {describe(truth)}{turn}"
        return Verification(False, None, None, reason, 0, "comparison", reason)
    rng = np.random.default_rng(seed + 2)
    errors = dict.fromkeys(("", *MISTAKEN), 0.0)
    seen = 0
    places: list[Arrays] = []
    far: tuple[Any, Any] | None = None
    for at in points(d, seed, sizes):
        moving = {d.directions[X]: direction(X, at[X], rng, 0) for X in d.wrt}
        try:
            true, said = (np.asarray(v).reshape(-1) for v in d.values([truth, claim], {**at, **moving}))
        except (DomainError, np.linalg.LinAlgError):
            continue
        size = max(float(np.abs(true).max(initial=0.0)), float(np.abs(said).max(initial=0.0)), 1e-12)
        forms = {"": true, "jax": np.conj(true), "half": true / 2, "half conjugate": np.conj(true) / 2, "two": 2 * true}
        forms["minus"] = -true
        for name, form in forms.items():
            errors[name] = max(errors[name], float(np.abs(said - form).max(initial=0.0)) / size)
        places.append({**at, **moving})
        far = far or (true, said)
        seen += 1
        if seen == 3:
            break
    if not seen:
        return undecided("no random point was found at which both have values", "comparison")
    if errors[""] < ENOUGH:
        return Verification(True, errors[""], None, "", seen, "comparison")
    told = next((word for word in MISTAKEN if errors[word] < ENOUGH), "")
    message = MISTAKEN[told] if told and what == "gradient" else mistake(d, what, claim, truth, places)
    message = message or ("" if far is None else numbers(*far))
    reason = f"the claimed {what} is not right" + f": {message}" * bool(message)
    return Verification(False, errors[""], None, reason, seen, "comparison", message)


MISTAKEN = {
    "jax": "it is the conjugate of what it should be, as JAX returns gradients",
    "half": "it is half of what it should be: 2∂f/∂conj(z) is the gradient with df = Re⟨G, dz⟩",
    "half conjugate": "it is half the conjugate of what it should be: ∂f/∂z, and not the gradient 2∂f/∂conj(z)",
    "two": "it is twice what it should be",
    "minus": "it has the wrong sign",
}


def wrong_step(d: Any) -> Any:
    """The first step whose two sides differ at a random point; None where all hold.

    d(u) is the differential of u, which is evaluated as such; a pairing as what it is.
    """

    def number_of(node: Node, at: Arrays) -> Any:
        if is_op(node, ADD) and any(n.op is PAIRING for n in topological(node) if isinstance(n, Apply)):
            return sum(number_of(c, at) for c in node.children)
        if isinstance(node, Apply) and node.op is D:
            return d.values([d.differential.node], at)[0]
        if isinstance(node, Apply) and node.op.name == "re" and getattr(node.args[0], "op", None) is PAIRING:
            node = node.args[0]
        if isinstance(node, Apply) and node.op is PAIRING:
            Y, V = d.values(list(node.args), at)
            return pairing(Y, V)
        return d.values([node], at)[0]

    rng = np.random.default_rng(11)
    for at in islice(points(d, 5, None), 2):
        V = {d.directions[X]: direction(X, at[X], rng, 0) for X in d.wrt}
        there = {**at, **V}
        for step in d.steps:
            if step.relation == "=":
                one, other = number_of(step.before.node, there), number_of(step.after.node, there)
                if _error(one, 1.0, np.real(other) if np.isrealobj(one) else other) > ENOUGH:
                    return step
    return None
