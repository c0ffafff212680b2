"""Arrays of Newton's step: gathered without copies, checked, as one flat vector, in a tangent space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from matdiff.codegen import Program
from matdiff.codegen.arguments import Argument, missing, refuse_kind
from matdiff.codegen.checks import LINEAR
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.evaluate import as_array
from matdiff.core.node import Symbol, describe
from matdiff.graph.properties import closure
from matdiff.ops.sets import curved_set


def gathered(program: Program, variables: Sequence[Symbol], arrays: Mapping[str, Any]) -> dict[Symbol, Any]:
    """The arrays of all variables, none copied that is one of floats already."""
    names = {v.name: v for v in variables}
    kept = {n: A for n, A in arrays.items() if isinstance(A, np.ndarray) and A.dtype == np.float64 and n in names}
    rest = {n: A for n, A in arrays.items() if n not in kept}
    found: dict[Symbol, Any] = {}
    for name, A in kept.items():
        v = names[name]
        refuse_kind(name, A)
        Argument.of(v).shape(A)
        found[v] = A[None, :] if v.kind == "row" and A.ndim == 1 else A
    for v in dict.fromkeys([*(v for v, _ in program.inputs), *variables]):
        if v in found:
            continue
        key = lookup(v.name, rest)
        if key is not None:
            found[v] = as_array(v, rest[key])
        elif any(v is w for w, _ in program.inputs):
            raise missing(v.name, describe(v))
    return found


def flat(wrt: Sequence[Symbol], V: Mapping[Symbol, Any]) -> Any:
    return np.concatenate([np.ravel(V[X], order="F") for X in wrt])


def shaped(wrt: Sequence[Symbol], v: Any, like: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
    parts = np.split(v, np.cumsum([np.size(like[X]) for X in wrt])[:-1])
    return {X: p.reshape(np.shape(like[X]), order="F") for X, p in zip(wrt, parts, strict=True)}


def project(at: Mapping[Symbol, Any], V: Mapping[Symbol, Any]) -> dict[Symbol, Any]:
    """Directions inside the tangent spaces at a point."""
    found = {}
    for X, A in V.items():
        space = curved_set(X)
        if space is not None:
            found[X] = space.projected(np, at[X], A)
            continue
        word = next((w for w in ("diagonal", "symmetric", "skew", "lower", "upper") if w in closure(X.attributes)), "")
        found[X] = A if not word else (A + LINEAR[word](A)) / 2 if word in ("symmetric", "skew") else LINEAR[word](A)
    return found
