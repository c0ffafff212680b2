"""Is a function one of the subspace that the columns of X span, f(XQ) = f(X) for all orthogonal Q?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from matdiff.core.node import Node, Symbol
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.ops.sets import ORTHOGONAL, STIEFEL
from matdiff.verify import sampling
from matdiff.verify.sets import Array
from matdiff.verify.unknown import Bare, concrete

POINTS = 4
WAYS = 60
AGREE = 1e-9

Evaluate = Callable[..., Any]


def check_invariant(function: Node, variables: Sequence[Symbol], X: Symbol, evaluate: Evaluate) -> None:
    """Raises UnsupportedError for a function that tells bases of one subspace apart, or that cannot be tried.

    `evaluate(f, variables, arrays)` is the value of a function at arrays by their names.
    """
    f = concrete(function, 0, Bare(function, tuple(variables)))
    apart = largest_change(lambda arrays: evaluate(f, variables, arrays), f, variables, X)
    if apart <= AGREE:
        return
    why = f"the function is not one of the subspace that {X.name} spans: f({X.name}*Q) is not f({X.name}) for all "
    if apart == np.inf:
        why = f"at no point was it found out whether f({X.name}*Q) is f({X.name}) for all "
    raise UnsupportedError(
        f"{why}orthogonal Q",
        hint=f"for a function of the orthonormal columns themselves declare "
        f"`{X.name}: {X.rows}×{X.cols} {STIEFEL.written}`",
    )


def largest_change(value: Evaluate, f: Node, variables: Sequence[Symbol], X: Symbol) -> float:
    """The largest relative |f(XQ) − f(X)| at random points and turns Q; infinite without points."""
    rng = np.random.default_rng(0)
    seen: list[float] = []
    with np.errstate(all="ignore"):
        for way in islice(sampling.ways(f, variables, {}), WAYS):
            arrays = {v.name: a for v, a in sampling.point(variables, way, rng).items()}
            x = arrays[X.name]
            Q = ORTHOGONAL.onto(np, rng.normal(size=(x.shape[1], x.shape[1])))
            Q[:, 0] *= 1 if len(seen) % 2 else -1
            try:
                seen.append(difference(value(arrays), value({**arrays, X.name: x @ Q})))
            except MatdiffError:
                continue
            if len(seen) == POINTS or seen[-1] > AGREE:
                break
    return max(seen, default=np.inf)


def difference(one: Array, other: Array) -> float:
    """Relative to the larger of the two, or to 1."""
    size = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)), 1.0)
    return float(np.linalg.norm(np.subtract(one, other))) / size
