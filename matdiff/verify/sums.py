"""Wrong in the terms of a sum: one is missing, does not belong, has the wrong sign or factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from matdiff.core.node import Apply, Node
from matdiff.core.op import Op
from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import ADD, HADAMARD, MATMUL, SCALE, TRANSPOSE, hadamard, is_op, matmul, scale, transpose
from matdiff.verify.case import Case, Sample
from matdiff.verify.edits import Pair, shown
from matdiff.verify.factors import CLOSE, factor_text
from matdiff.verify.sets import Array

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
