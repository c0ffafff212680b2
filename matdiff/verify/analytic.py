"""Values at complex arguments, for functions that are analytic; each from its definition, without conjugation."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import product
from operator import attrgetter
from typing import Any

import numpy as np

from matdiff.codegen.evaluate import evaluate as evaluated
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, symbol, topological
from matdiff.core.op import Linear, Op
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.arrays import Array, Sizes, constant, entries, is_multilinear, node_shape
from matdiff.graph.rewrite import defined


def evaluate(roots: list[Node], given: Mapping[Symbol, Array], sizes: Sizes) -> list[Array]:
    """The values of some expressions; arrays have two axes.

    Raises UnsupportedError with the name of a function that is not analytic.
    """
    memo: dict[Node, Array] = {}
    roots = [defined(r, is_known) for r in roots]
    for node in topological(*roots):
        memo[node] = value(node, memo, given, sizes)
    return [memo[r] for r in roots]


def value(node: Node, memo: Mapping[Node, Array], given: Mapping[Symbol, Array], sizes: Sizes) -> Array:
    if isinstance(node, Symbol):
        return memo[node.body] if node.body is not None else given[node]
    if isinstance(node, Number):
        return np.array([[complex(node.value)]])
    if isinstance(node, Constant):
        found = constant(node, sizes)
        return np.array([[complex(np.pi)]]) if found is None else found.astype(complex)
    assert isinstance(node, Apply)
    args = [memo[a] for a in node.args]
    name = node.op.name
    if is_multilinear(node.op):
        return entries(node, args, sizes)
    if not node.op.analytic:
        if node.op.rules and all(isinstance(r, Linear) for r in node.op.rules):
            return extended(node, args, sizes)
        raise UnsupportedError(f"the complex step needs an analytic function, and {name} is not known to be one")
    return np.asarray(applied(node.op, args)).reshape(node.rows.evaluate(sizes), node.cols.evaluate(sizes))


def is_known(op: Op) -> bool:
    return bool(op.analytic) or is_multilinear(op)


def extended(node: Apply, args: list[Array], sizes: Sizes) -> Array:
    """A function linear in each argument, f(A + iB) = f(A) + i f(B), by its code at real arrays."""
    formal = tuple(
        symbol(f"_{i}", a.kind, Dim.of(a.rows.evaluate(sizes)), Dim.of(a.cols.evaluate(sizes)))
        for i, a in enumerate(node.args)
    )
    params = tuple(Dim.of(p.evaluate(sizes)) if isinstance(p, Dim) else p for p in node.params)
    call = node.op.build(formal, params)
    total = np.zeros(node_shape(node, sizes), dtype=complex)
    for chosen in product(*(((a.real, 1), (a.imag, 1j)) if a.imag.any() else ((a.real, 1),) for a in args)):
        given = {
            s.name: part.reshape([d.evaluate({}) for d in s.shape]) for s, (part, _) in zip(formal, chosen, strict=True)
        }
        value = np.asarray(evaluated(call, formal, given)).reshape(total.shape)
        total += np.prod([unit for _, unit in chosen]) * value
    return total


class SciPy:
    """Its modules, each loaded where it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return import_module(f"scipy.{name}")


def applied(op: Op, args: list[Array]) -> Any:
    """By NumPy's function of that name, or as the record says."""
    if callable(op.analytic):
        return op.analytic(np, SciPy(), *args)
    return attrgetter(op.analytic)(np)(*args)
