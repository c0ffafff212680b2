"""The multilinear functions of the language on arrays of two axes, whatever numbers they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from matdiff.core.node import Constant, Node
from matdiff.core.shape import Dim

Array = np.ndarray[Any, Any]
Sizes = Mapping[str, int]
JOINT = frozenset({"add", "hcat", "vcat"})
"""Linear in all arguments together; the others are linear in each."""


def total(A: Array) -> Array:
    return A.sum().reshape(1, 1) if A.dtype != object else np.array([[A.sum()]], dtype=object)


def diagonal(x: Array) -> Array:
    out = np.zeros((x.size, x.size), dtype=x.dtype)
    np.fill_diagonal(out, x.ravel())
    return out


def unkron_left(Y: Array, B: Array, m: int, n: int) -> Array:
    p, q = B.shape
    blocks = Y.reshape(m, p, n, q).transpose(0, 2, 1, 3).reshape(m * n, p * q)
    return (blocks @ B.reshape(-1, 1)).reshape(m, n)


def unkron_right(A: Array, Y: Array, p: int, q: int) -> Array:
    m, n = A.shape
    blocks = Y.reshape(m, p, n, q).transpose(1, 3, 0, 2).reshape(p * q, m * n)
    return (blocks @ A.reshape(-1, 1)).reshape(p, q)


def lower(n: int) -> tuple[Array, Array]:
    """Places of the lower triangle, column by column."""
    pairs = [(i, j) for j in range(n) for i in range(j, n)]
    return np.array([i for i, _ in pairs]), np.array([j for _, j in pairs])


def vech(X: Array) -> Array:
    return X[lower(len(X))].reshape(-1, 1)


def unvech(x: Array, n: int) -> Array:
    out = np.zeros((n, n), dtype=x.dtype)
    i, j = lower(n)
    out[i, j] = x.ravel()
    out[j, i] = x.ravel()
    return out


TABLE: dict[str, Callable[..., Array]] = {
    "add": lambda *args: sum(args[1:], args[0]),
    "scale": lambda s, A: s[0, 0] * A,
    "matmul": lambda A, B: A @ B,
    "transpose": lambda A: A.T,
    "hadamard": lambda A, B: A * B,
    "inner": lambda A, B: total(A * B),
    "tr": lambda A: total(np.diagonal(A)),
    "sum": total,
    "kron": np.kron,
    "kronv": np.kron,
    "khatrirao": lambda A, B: (A[:, None, :] * B).reshape(-1, A.shape[1]),
    "unkron_left": unkron_left,
    "unkron_right": unkron_right,
    "diag": lambda X: np.diagonal(X).reshape(-1, 1),
    "Diag": diagonal,
    "tril": np.tril,
    "triu": np.triu,
    "vec": lambda X: X.reshape((-1, 1), order="F"),
    "unvec": lambda x, m, n: x.reshape((m, n), order="F"),
    "vech": vech,
    "unvech": unvech,
    "entry": lambda X, i, j: X[i - 1 : i, j - 1 : j],
    "getrow": lambda X, i: X[i - 1 : i, :].T,
    "getcol": lambda X, j: X[:, j - 1 : j],
    "slice": lambda X, r0, r1, c0, c1: X[r0:r1, c0:c1],
    "hcat": lambda *args: np.hstack(args),
    "vcat": lambda *args: np.vstack(args),
    "lastcols": lambda X, k: X[:, ::-1][:, :k],
}
WEIGHTED: dict[str, Callable[[Array], tuple[Array, Fraction]]] = {
    "sym": lambda X: (X + X.T, Fraction(1, 2)),
    "skew": lambda X: (X - X.T, Fraction(1, 2)),
    "mean": lambda X: (total(X), Fraction(1, X.size)),
}
"""Linear functions with a fraction in front."""


def parameters(params: Sequence[Any], sizes: Sizes) -> list[int]:
    return [p.evaluate(sizes) if isinstance(p, Dim) else int(p) for p in params]


def constant(node: Constant, sizes: Sizes) -> Array | None:
    """A constant of the language with whole entries; None for pi."""
    rows, cols = node.rows.evaluate(sizes), node.cols.evaluate(sizes)
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
        columns = [unvech(e, dims[0]).reshape(-1, 1, order="F") for e in np.eye(cols, dtype=int)]
        return whole(np.hstack(columns))
    return None


def whole(entries: Any) -> Array:
    """An array of Python integers, which never overflow."""
    A = np.asarray(entries)
    out = np.empty(A.shape, dtype=object)
    out[...] = A.tolist()
    return out


def node_shape(node: Node, sizes: Sizes) -> tuple[int, int]:
    return node.rows.evaluate(sizes), node.cols.evaluate(sizes)
