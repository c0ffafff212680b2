"""Values of unknown functions of arrays, from functions that the caller hands over: h=(value, derivative)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any

from matdiff.core.node import Apply, Node, Symbol, symbol, topological
from matdiff.errors import MatdiffError, ShapeError
from matdiff.graph.rewrite import inline, substitute
from matdiff.ops.unknown import Derivative, Unknown

Valued = Callable[[Node, Sequence[Symbol], Mapping[str, Any]], Any]


def bound(
    roots: Sequence[Node], variables: Sequence[Symbol], arrays: Mapping[str, Any], value: Valued
) -> tuple[list[Node], tuple[Symbol, ...], dict[str, Any]]:
    """The expressions with a variable, and its array, for every value of an unknown function.

    `value` evaluates what stands inside.  Raises MatdiffError for a function or a derivative that is not given,
    ShapeError for a value of another shape than is declared.
    """
    roots = [inline(r) for r in roots]
    known, given = list(variables), dict(arrays)
    found: dict[Node, Node] = {}
    for node in topological(*roots):
        if isinstance(node, Apply) and isinstance(node.op, Unknown):
            inside = [value(substitute(a, found), known, given) for a in node.args]
            name = f"value_of_{node.op.of.base}_{len(found)}"
            made = symbol(name, node.kind, node.rows, node.cols)
            given[name] = paired(node.op, arrays, inside)
            known.append(made)
            found[node] = made
    return [substitute(r, found) for r in roots], tuple(known), given


def paired(op: Unknown, arrays: Mapping[str, Any], inside: Sequence[Any]) -> Any:
    """The derivative as the caller's function has it, paired with the arrays behind the arguments."""
    import numpy as np

    of, many = op.of, len(op.of.arrow.inputs)
    tensor = np.asarray(handed(of, arrays)(*inside[:many]), dtype=float)
    letters = iter(ascii_lowercase)
    axes = {g: "".join(next(letters) for _ in of.shape(g)) for g in range(len(of.order) + 1)}
    if tensor.ndim != len("".join(axes.values())):
        raise ShapeError(f"the function given for {of.name()} has a value with {tensor.ndim} axes, not {_axes(of)}")
    blocks = ["".join(axes[g] for g in block) for block in op.blocks]
    result = "".join(axes[g] for g in op.value)
    try:
        return np.einsum(f"{','.join([''.join(axes.values()), *blocks])}->{result}", tensor, *inside[many:])
    except ValueError:
        message = f"the value of the function given for {of.name()} does not fit {of.base}: {of.arrow}"
        raise ShapeError(
            message, hint=f"it has the axes of the value and then those of the arguments: {_axes(of)}"
        ) from None


def _axes(of: Derivative) -> str:
    return "×".join(str(d) for g in range(len(of.order) + 1) for d in of.shape(g)) or "none"


def handed(of: Derivative, arrays: Mapping[str, Any]) -> Callable[..., Any]:
    """The caller's function: of (value, first, second) the one that is asked for, one per argument where several."""
    slots = (*of.times, *of.order)
    given = arrays.get(of.base)
    if given is None:
        hint = f"give it as a function of arrays, {of.base}=…, or as (value, derivative, second derivative)"
        raise MatdiffError(f"{of.base} is an unknown function, which has no values", hint=hint)
    parts = given if isinstance(given, tuple) else (given,)
    found: Any = parts[len(slots)] if len(slots) < len(parts) else None
    if len(of.arrow.inputs) > 1:
        for slot in slots:
            found = found[slot] if isinstance(found, Sequence) and slot < len(found) else None
    if found is None or not callable(found):
        words = ("value", "derivative", "second derivative", "third derivative")[: len(slots) + 1]
        each = ", one for each argument" if len(of.arrow.inputs) > 1 else ""
        hint = f"give {of.base}=({', '.join(words)}), functions of arrays{each}"
        raise MatdiffError(f"{of.name()} is asked for, and not given", hint=hint)
    handed_over: Callable[..., Any] = found
    return handed_over
