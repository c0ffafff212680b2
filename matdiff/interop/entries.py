"""Expressions evaluated on matrices of SymPy expressions, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.core.op import Op, registry
from matdiff.errors import UnsupportedError
from matdiff.graph.arrays import Array, constant, entries, is_multilinear
from matdiff.graph.rewrite import defined
from matdiff.interop.sympy_write import Scalar, of_scalar, rational

LARGEST_INVERSE = 4
"""Rows up to which inverses and determinants are written out."""


def value(root: Node, arrays: Mapping[Symbol, Any]) -> Any:
    """The expression with matrices of SymPy expressions for its variables; vectors are n×1, rows 1×n.

    Raises UnsupportedError with the name of a function that has no formula for its entries.
    """
    memo: dict[Node, Array] = {}
    root = defined(root, is_known)
    for node in topological(root):
        if isinstance(node, Apply):
            memo[node] = applied(node, [memo[a] for a in node.args])
        elif isinstance(node, Symbol):
            memo[node] = memo[node.body] if node.body is not None else held(arrays[node])
        elif isinstance(node, Number):
            memo[node] = held(rational(node.value))
        else:
            assert isinstance(node, Constant)
            memo[node] = held(sp.pi) if node.name == "pi" else known(node)
    found = memo[root]
    return sp.sympify(found[0, 0]) if root.kind == "scalar" else sp.Matrix(*found.shape, found.ravel().tolist())


def held(a: Any) -> Array:
    """A SymPy matrix or expression as an array of two axes."""
    return np.array(a.tolist() if hasattr(a, "tolist") else [[a]], dtype=object).reshape(getattr(a, "shape", (1, 1)))


def known(node: Constant) -> Array:
    found = constant(node, {})
    if found is None:
        raise UnsupportedError(f"{node.name} has no formula for its entries")
    return found


def is_known(op: Op) -> bool:
    return op.entries is not None or op.elementwise


def applied(node: Apply, args: list[Array]) -> Array:
    op = node.op
    if op.entries is not None:
        if not is_multilinear(op) and not op.elementwise and len(args[0]) > LARGEST_INVERSE:
            raise UnsupportedError(f"inverses and determinants are written out up to {LARGEST_INVERSE} rows")
        return entries(node, args, {})
    if op.elementwise:
        if (f := of_scalar(op)) is not None:
            return entrywise(f, args[0])
        if op.name == "polygamma":
            return entrywise(lambda t: sp.polygamma(args[0][0, 0], t), args[1])
        if registry.get(op.name) is not op:
            return entrywise(sp.Function(op.name), args[0])
    raise UnsupportedError(f"{op.name} has no formula for its entries", hint="use .evaluate for numbers")


def entrywise(f: Scalar, a: Array) -> Array:
    return np.array([[f(sp.sympify(x)) for x in row] for row in a.tolist()], dtype=object).reshape(a.shape)
