"""Wrong in the terms of a sum: one is missing, does not belong, has the wrong sign or factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from matdiff.core.node import Apply, Node, Number, constant, number, topological
from matdiff.core.op import Op
from matdiff.core.shape import Dim
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    MATMUL,
    SCALE,
    TRANSPOSE,
    hadamard,
    is_op,
    matmul,
    power,
    scale,
    transpose,
)
from matdiff.verify.case import Case, Sample
from matdiff.verify.edits import MAX_CANDIDATES, Pair, shown
from matdiff.verify.sampling import names
from matdiff.verify.sets import Array

# Wrong by a factor: a constant, or a scalar function of the variables.

CLOSE = 1e-7
WHOLE = (1, -1, 2, -2)
EXPONENTS = (*WHOLE, Fraction(1, 2), Fraction(-1, 2))


def constant_factor(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is a multiple of the truth."""
    ratios = parallel(samples)
    if not ratios or np.ptp(ratios) > CLOSE * abs(ratios[0]):
        return ""
    k = ratios[0]
    return factor_text(k)


def factor_text(k: float) -> str:
    """What is said where truth = k · claim."""
    if abs(k + 1) < CLOSE:
        return "the sign is wrong: it needs the factor -1"
    sign = "" if k > 0 else "the sign is wrong, and "
    size = Fraction(abs(k)).limit_denominator(120)
    if abs(float(size) - abs(k)) > CLOSE * abs(k):
        return f"{sign}it differs by the constant factor {k:.6g}"
    if size == 1:
        return ""
    if size.denominator == 1:
        return f"{sign}a factor {size} is missing"
    return f"{sign}it has a factor {1 / size} too many" if size.numerator == 1 else f"{sign}it needs the factor {size}"


def parallel(samples: Sequence[Sample]) -> list[float]:
    """truth/claim at each sample, none where they are not parallel or vanish."""
    out = []
    for s in samples:
        assert s.claimed is not None
        c, t = s.claimed.ravel(), s.truth.ravel()
        size = float(c @ c)
        if size == 0 or not t.any():
            return []
        k = float(c @ t) / size
        if k == 0 or np.linalg.norm(t - k * c) > CLOSE * np.linalg.norm(t):
            return []
        out.append(k)
    return out


def scalar_factor(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is the truth but for a scalar function."""
    ratios = parallel(samples)
    if not ratios:
        return ""
    parts = [n for n in topological(pair.truth, pair.function, pair.claim) if n.kind == "scalar"]
    lengths = [constant("size", "scalar", dims=(Dim.of(n),)) for n in names(case.d.function.variables)]
    parts = [p for p in dict.fromkeys([*lengths, *parts]) if not isinstance(p, Number)][:MAX_CANDIDATES]
    for part, values in zip(parts, case.values(parts, samples), strict=True):
        if values is None or any(float(v) == 0 for v in values):
            continue
        for p in EXPONENTS if min(float(v) for v in values) > 0 else WHOLE:
            with np.errstate(all="ignore"):
                rest = np.array([k / float(v) ** float(p) for k, v in zip(ratios, values, strict=True)])
            if np.iscomplexobj(rest) or not np.isfinite(rest).all():
                continue
            if np.ptp(rest) <= CLOSE * abs(rest[0]) and abs(rest[0]) > CLOSE:
                also = factor_text(float(rest[0])) if abs(rest[0] - 1) > CLOSE else ""
                return f"the factor {shown(power(part, number(p)))} is missing{'; ' + also if also else ''}"
    if all(s.truth.size > 1 for s in samples):
        return "it is parallel to the truth, but a scalar factor is wrong (chain rule: is an inner derivative missing?)"
    return ""


MAX_TERMS = 24


def terms_of_truth(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is a combination of the terms of the truth: some missing, some with another factor."""
    lists = [expanded(pair.truth)]
    if case.what == "gradient" and case.about is not None:
        lists.append(expanded(inline(case.d.raw_gradients[case.about])))
    for terms in lists:
        weights = combination(case, terms, samples, [s.claimed for s in samples])
        if weights is None:
            continue
        said = [term_text(shown(t), w) for t, w in zip(terms, weights, strict=True)]
        found = [s for s in said if s]
        if not any(weights):
            return "it is 0, but the truth is not"
        if found and len(found) <= 3:
            return "; ".join(found)
    return ""


def term_text(term: str, weight: float) -> str:
    if abs(weight - 1) < CLOSE:
        return ""
    if abs(weight) < CLOSE:
        return f"the term {term} is missing"
    if abs(weight + 1) < CLOSE:
        return f"the term {term} has the wrong sign"
    return f"the term {term}: {factor_text(1 / weight)}"


def terms_of_claim(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The truth is a combination of the terms of the claim: some do not belong, some need a factor."""
    terms = expanded(pair.claim)
    weights = combination(case, terms, samples, [s.truth for s in samples])
    if weights is None or len(terms) < 2:
        return ""
    said = []
    for t, w in zip(terms, weights, strict=True):
        if abs(w) < CLOSE:
            said.append(f"the term {shown(t)} does not belong")
        elif abs(w + 1) < CLOSE:
            said.append(f"the term {shown(t)} has the wrong sign")
        elif abs(w - 1) >= CLOSE:
            said.append(f"the term {shown(t)}: {factor_text(w)}")
    return "; ".join(said[:3])


def combination(
    case: Case, terms: Sequence[Node], samples: Sequence[Sample], goal: Sequence[Array | None]
) -> list[float] | None:
    """The simple weights w with goal = Σ w term at all samples; None where there are none or many."""
    values = case.values(terms, samples)
    if any(v is None for v in values) or any(g is None for g in goal):
        return None
    M = np.column_stack([np.concatenate([a.ravel() for a in v]) for v in values if v is not None])
    b = np.concatenate([g.ravel() for g in goal if g is not None])
    if M.shape[0] != b.size or np.linalg.matrix_rank(M) < M.shape[1]:
        return None
    w = np.linalg.lstsq(M, b, rcond=None)[0]
    if np.linalg.norm(M @ w - b) > CLOSE * max(float(np.linalg.norm(b)), 1e-300):
        return None
    simple = [float(Fraction(float(v)).limit_denominator(24)) for v in w]
    return simple if np.allclose(simple, w, rtol=CLOSE, atol=CLOSE) else None


def expanded(root: Node) -> list[Node]:
    """The terms of a sum, products of sums multiplied out as far as MAX_TERMS."""
    done: list[Node] = []
    todo = [root]
    while todo:
        term = todo.pop()
        parts = parted(term)
        if parts is None or len(done) + len(todo) + len(parts) > MAX_TERMS:
            done.append(term)
        else:
            todo.extend(reversed(parts))
    return done


def parted(node: Node) -> list[Node] | None:
    """One step of multiplying out: a sum at the head, or one below products, scalings and transposes."""
    path: list[tuple[Apply, int]] = []
    stack: list[tuple[Node, tuple[tuple[Apply, int], ...]]] = [(node, ())]
    while stack:
        top, way = stack.pop()
        if is_op(top, ADD):
            path = list(way)
            return [rebuilt(t, path) for t in top.children]
        if isinstance(top, Apply) and top.op in (SCALE, MATMUL, TRANSPOSE, HADAMARD):
            stack.extend((a, (*way, (top, i))) for i, a in enumerate(top.args) if a.kind != "scalar")
    return None


MAKE: dict[Op, Callable[..., Node]] = {SCALE: scale, MATMUL: matmul, HADAMARD: hadamard, TRANSPOSE: transpose}


def rebuilt(term: Node, path: Sequence[tuple[Apply, int]]) -> Node:
    for node, slot in reversed(path):
        term = MAKE[node.op](*(term if i == slot else a for i, a in enumerate(node.args)))
    return term
