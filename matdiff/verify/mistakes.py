"""What is wrong with a wrong claim: named mistakes are tried in order, the first that explains it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, islice

import numpy as np

from matdiff.calculus.jacobian import jacobian
from matdiff.core.node import Apply, Node, apply, topological
from matdiff.core.op import Mistake, Nonlinear, Op
from matdiff.errors import MatdiffError
from matdiff.graph.rewrite import inline, transformed
from matdiff.ops.algebra import transpose
from matdiff.ops.sets import CurvedSet
from matdiff.verify.case import Case, Sample, apart, derivative
from matdiff.verify.edits import FACTORS, LATER, MAX_CANDIDATES, SET, Edit, Pair
from matdiff.verify.sets import Array
from matdiff.verify.sums import CLOSE, constant_factor, scalar_factor, terms_of_claim, terms_of_truth

# Rules as they are often misremembered: the derivation is done again with each, and compared with the claim.


def wrong_rule(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """The claim is what a misremembered rule gives."""
    used = dict.fromkeys(n.op for n in topological(pair.function) if isinstance(n, Apply))
    for right, rule in ((op, rule) for op in used for rule in op.mistakes):
        try:
            node = derived(case, pair, right, rule)
        except MatdiffError:
            continue
        (values,) = case.values([node], samples) if node is not None else [None]
        if values is not None and all(
            s.claimed is not None and v.shape == s.claimed.shape and apart(v, s.claimed) <= CLOSE
            for v, s in zip(values, samples, strict=True)
        ):
            return f"it comes of {rule.reads}, but that differential is {rule.right}"
    return ""


def derived(case: Case, pair: Pair, right: Op, rule: Mistake) -> Node | None:
    """What the derivation gives with the wrong rule; None for second derivatives."""
    wrong = replace(right, rules=(Nonlinear(rule.differential),))
    d = case.d.having(exchanged(inline(pair.function), right, wrong))
    if case.what == "differential":
        return exchanged(d.differential.node, wrong, right)
    if case.what not in ("gradient", "Jacobian") or pair.about is None:
        return None
    return exchanged(derivative(d, 1, pair.about)[1], wrong, right)


def exchanged(root: Node, old: Op, new: Op) -> Node:
    """The expression with one function put for another."""

    def other(node: Apply, args: tuple[Node, ...]) -> Node | None:
        return apply(new, args, node.params, node.kind, node.rows, node.cols) if node.op is old else None

    return transformed(root, other)


MAX_SIZE = 300
"""Parts of an expression up to which mistakes are looked for."""
MAX_GROUPS = 16


def transposed(node: Node) -> Node:
    return transpose(inline(node))


def diagnose(case: Case, samples: Sequence[Sample]) -> str:
    """One sentence: the mistake, or where the claim differs."""
    samples = [s for s in samples if s.claimed is not None and s.claimed.shape == s.truth.shape]
    if not samples:
        return "it does not evaluate to an array of the right shape"
    if not any(s.truth.any() for s in samples):
        return f"the {case.what} is 0"
    pair = Pair(inline(case.claim), inline(case.truth), inline(case.d.function.node), case.about, *curved(case))
    if len(topological(pair.claim, pair.truth)) <= MAX_SIZE:
        for explain in EXPLANATIONS:
            found = explain(case, pair, samples)
            if found:
                return found
    return entries(samples[0])


def curved(case: Case) -> tuple[Node | None, CurvedSet | None]:
    """For a gradient or Hessian on a curved set that in all of space, and the set."""
    X = case.about or case.d.wrt[0]
    space = case.d.curved.get(X)
    if space is None or (case.about is None and case.d.several):
        return None, None
    if case.what == "gradient":
        return case.d.raw_gradients[X], space
    H = case.d.euclidean_curvature[X]
    if case.what == "Hessian":
        return jacobian(H, case.d.directions[X]), space
    return (H, space) if case.what == "Hessian of a direction" else (None, None)


def by_edits(edits: Sequence[Edit]) -> Callable[[Case, Pair, Sequence[Sample]], str]:
    """Mistakes that are changes of the expression."""

    def explain(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
        for edit in edits:
            candidates = list(islice(edit(pair), MAX_CANDIDATES))
            values = case.values([c.node for c in candidates], samples)
            for candidate, found in zip(candidates, values, strict=True):
                goal = [s.claimed if candidate.of_truth else s.truth for s in samples]
                if found is not None and same(found, goal):
                    return candidate.says
        return ""

    return explain


def same(found: Sequence[Array], goal: Sequence[Array | None]) -> bool:
    return all(g is not None and f.shape == g.shape and apart(f, g) <= CLOSE for f, g in zip(found, goal, strict=True))


def symmetric_assumed(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """Right where the square matrices are symmetric."""
    square = {s.name for s in case.variables if s.kind == "matrix" and s.rows is s.cols}
    free = sorted(square - {s.name for s in case.variables if s.attributes})
    groups = [g for size in (1, 2) for g in combinations(free, size)] + [tuple(free)] * (len(free) > 2)
    for group in groups[:MAX_GROUPS]:
        bent = [
            Sample(s.way, {k: (a + a.T) / 2 if k in group else a for k, a in s.arrays.items()}, s.truth, s.claimed)
            for s in samples
        ]
        truth, claim = case.values([pair.truth, pair.claim], bent)
        if truth is not None and claim is not None and same(claim, truth):
            are = "is" if len(group) == 1 else "are"
            return f"right only where {' and '.join(group)} {are} symmetric, which is not declared"
    return ""


def commuting(case: Case, pair: Pair, samples: Sequence[Sample]) -> str:
    """Right where all square matrices are polynomials in one matrix."""
    square = [s.name for s in case.variables if s.kind == "matrix" and s.rows is s.cols and not s.attributes]
    if len(square) < 2:
        return ""
    bent = []
    for s in samples:
        M, arrays = s.arrays[square[0]], dict(s.arrays)
        for i, name in enumerate(square[1:], 1):
            if arrays[name].shape == M.shape:
                arrays[name] = (1 + i) * np.eye(len(M)) + i * M + M @ M / (1 + i)
        bent.append(Sample(s.way, arrays, s.truth, s.claimed))
    truth, claim = case.values([pair.truth, pair.claim], bent)
    if truth is not None and claim is not None and same(claim, truth):
        return f"right only where {', '.join(square)} commute: check the order of the factors"
    return ""


def entries(s: Sample) -> str:
    """Some entries where the two differ."""
    assert s.claimed is not None
    sizes = ", ".join(f"{n} = {v}" for n, v in s.way.sizes.items())
    place = f"at a random point ({sizes})" if sizes else "at a random point"
    if s.truth.size == 1:
        return f"{place} it is {s.claimed.item():.6g}, but should be {s.truth.item():.6g}"
    off = np.abs(s.claimed - s.truth)
    worst = np.argsort(off, axis=None)[::-1][: min(3, off.size)]
    told = []
    for flat in sorted(worst):
        index = np.unravel_index(flat, off.shape)
        if off[index] > CLOSE * np.abs(s.truth).max(initial=0):
            where = ",".join(str(i + 1) for i in index)
            told.append(f"entry {where} is {s.claimed[index]:.6g}, but should be {s.truth[index]:.6g}")
    return f"{place} " + "; ".join(told)


EXPLANATIONS: tuple[Callable[[Case, Pair, Sequence[Sample]], str], ...] = (
    by_edits(SET),
    constant_factor,
    scalar_factor,
    wrong_rule,
    by_edits(FACTORS),
    symmetric_assumed,
    terms_of_truth,
    terms_of_claim,
    by_edits(LATER),
    commuting,
)
