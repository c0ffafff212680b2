"""Values from the `entries` of records: arrays of two axes that hold whatever numbers, a scalar being 1×1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from matdiff.core.node import Apply, Constant, Node
from matdiff.core.op import Joint, Nonlinear, Op
from matdiff.core.shape import Dim
from matdiff.ops.structure import unvech

Array = np.ndarray[Any, Any]
Sizes = Mapping[str, int]


def is_multilinear(op: Op) -> bool:
    """Are there values, by its record, of a function linear in each argument or in all together?"""
    return op.entries is not None and not any(isinstance(rule, Nonlinear) for rule in op.rules)


def is_joint(op: Op) -> bool:
    """Is it linear in all arguments together, not in each?"""
    return isinstance(op.rule(0), Joint)


def entries(node: Apply, args: Sequence[Array], sizes: Sizes) -> Array:
    """The value of a function whose record has `entries`."""
    assert node.op.entries is not None
    found: Array = node.op.entries(np, *args, *parameters(node.params, sizes))
    return found


def parameters(params: Sequence[Any], sizes: Sizes) -> list[int]:
    return [p.evaluate(sizes) if isinstance(p, Dim) else int(p) for p in params]


def constant(node: Constant, sizes: Sizes) -> Array | None:
    """A constant of the language with whole entries; None for others."""
    rows, cols = node_shape(node, sizes)
    dims = [d.evaluate(sizes) for d in node.dims]
    if node.name == "size":
        return whole([[dims[0]]])
    if node.name == "I":
        return whole(np.eye(rows, dtype=int))
    if node.name in ("zeros", "ones"):
        return whole(np.full((rows, cols), int(node.name == "ones")))
    if node.name == "e":
        return whole([[int(i == node.index - 1)] for i in range(rows)])
    if node.name == "K":
        m, n = dims
        return whole(np.eye(m * n, dtype=int).reshape(n, m, m * n).transpose(1, 0, 2).reshape(m * n, m * n))
    if node.name == "D":
        assert unvech.entries is not None
        basis = np.eye(cols, dtype=int)[:, :, None]
        return whole(np.hstack([unvech.entries(np, e, dims[0]).reshape(-1, 1) for e in basis]))
    return None


def whole(entries: Any) -> Array:
    """An array of Python integers, which never overflow."""
    A = np.asarray(entries)
    out = np.empty(A.shape, dtype=object)
    out[...] = A.tolist()
    return out


def node_shape(node: Node, sizes: Sizes) -> tuple[int, int]:
    return node.rows.evaluate(sizes), node.cols.evaluate(sizes)
