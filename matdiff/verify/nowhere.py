"""Derivatives that exist nowhere: a root or a logarithm of an entry that is 0 whatever the variables are."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.errors import MatdiffError, UnsupportedError
from matdiff.ops.algebra import POWER, is_op
from matdiff.ops.elementwise import heaviside, relu, sign
from matdiff.verify import sampling
from matdiff.verify.sets import linear_set

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

POINTS = 3
WAYS = 30
LONG = 40
"""Longest argument that is shown whole."""


def check_somewhere(d: Derivation, suspects: list[Node]) -> None:
    """Raises UnsupportedError for a suspect of whose argument an entry is 0 at every point that was tried."""
    for node in suspects:
        assert isinstance(node, Apply)
        if any(map(has_zeros, topological(node.args[0]))):
            continue
        empty = zeros(d, node.args[0])
        if empty is not None and empty.any():
            raise refusal(node, empty)


def has_zeros(node: Node) -> bool:
    """Is it 0 in places of a whole region, or of the set that it moves in?"""
    return any(is_op(node, op) for op in (relu, heaviside, sign)) or (
        isinstance(node, Symbol) and bool(linear_set(node))
    )


def zeros(d: Derivation, a: Node) -> Any:
    """Where an array is 0 at some random points, up to rounding; None without points."""
    rng = np.random.default_rng(0)
    found: Any = None
    points = 0
    for way in islice(sampling.ways(a, d.function.variables, {}), WAYS):
        arrays = sampling.point(d.function.variables, way, rng)
        try:
            value = np.abs(np.asarray(evaluate(a, d.function.variables, {v.name: x for v, x in arrays.items()})))
        except MatdiffError:
            continue
        here = value <= 1e-13 * np.max(value, initial=0)
        if found is not None and found.shape != here.shape:
            continue
        found = here if found is None else found & here
        points += 1
        if points == POINTS or not found.any():
            break
    return found if points == POINTS else None


def refusal(node: Apply, empty: Any) -> UnsupportedError:
    """What is 0, and the mask that leaves it out."""
    a, name = node.args[0], node.op.name
    call = f"{name}(D + I)"
    if node.op is POWER:
        name, call = f"the power {node.args[1]!r}", f"(D + I).^({node.args[1]!r})"
    shown = repr(a)
    shown = f" of {shown}" if len(shown) <= LONG else ""
    if empty.ndim == 2 and empty.shape[0] == empty.shape[1] and (empty == np.eye(len(empty), dtype=bool)).all():
        return UnsupportedError(
            f"the derivative is not defined anywhere because of the diagonal: the diagonal{shown} is 0 whatever the "
            f"variables are, and {name} has no derivative at 0",
            hint=f"mask it: with D for what stands in {name}, (ones({a.rows},{a.rows}) - I) .* {call} "
            "has the other entries and 0 on the diagonal",
        )
    place = ",".join(str(int(i) + 1) for i in np.argwhere(empty)[0])
    return UnsupportedError(
        f"the derivative is not defined anywhere: the entry [{place}]{shown} is 0 whatever the variables are, "
        f"and {name} has no derivative at 0",
        hint="leave such entries out, or add a positive number to them",
    )
