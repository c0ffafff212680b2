"""Products."""

from __future__ import annotations

import math
import operator
from typing import Any

from .arrays import asarray, count, elementwise, ndarray, put, result, steps
from .numbers import cast, scalar, wider
from .shaping import atleast_2d


def matmul(a: Any, b: Any, out: Any = None) -> Any:
    a, b = asarray(a), asarray(b)
    if not a.shape or not b.shape:
        raise ValueError("matmul: an operand has no axes")
    if a.ndim > 2 or b.ndim > 2:
        raise ImportError("products of stacks are not here", name="numpy")
    n = a.shape[-1]
    if n != b.shape[0]:
        raise ValueError(f"matmul: the shapes {a.shape} and {b.shape} do not fit")
    m, p = (a.shape[0] if a.ndim == 2 else 1), (b.shape[1] if b.ndim == 2 else 1)
    rows = [a.data[i * n : (i + 1) * n] for i in range(m)]
    columns = [b.data[j::p] for j in range(p)]
    kind = wider(a.kind, b.kind)
    zero = cast(0, "i" if kind == "b" else kind)
    data = [cast(sum(map(operator.mul, r, c), zero), kind) for r in rows for c in columns]
    found = result((*(a.shape[:1] if a.ndim == 2 else ()), *(b.shape[1:] if b.ndim == 2 else ())), data, kind)
    return found if out is None else put(found, out)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    return elementwise(operator.mul, a, b) if not asarray(a).shape or not asarray(b).shape else matmul(a, b, out)


def vdot(a: Any, b: Any) -> Any:
    a, b = asarray(a).conj().ravel(), asarray(b).ravel()
    if a.shape != b.shape:
        raise ValueError("vdot: the sizes differ")
    return scalar(sum(map(operator.mul, a.data, b.data), cast(0, wider(a.kind, b.kind))))


def inner(a: Any, b: Any) -> Any:
    """Sums over the last axis of both."""
    a, b = asarray(a), asarray(b)
    return dot(a, b.T if a.shape and b.ndim == 2 else b)


def outer(a: Any, b: Any) -> ndarray:
    return asarray(elementwise(operator.mul, asarray(a).reshape(-1, 1), asarray(b).reshape(1, -1)))


def kron(a: Any, b: Any) -> Any:
    a, b = asarray(a), asarray(b)
    if a.ndim == 1 and b.ndim == 1:
        return outer(a, b).ravel()
    if not a.shape or not b.shape:
        return elementwise(operator.mul, a, b)
    a, b = atleast_2d(a), atleast_2d(b)
    if a.ndim > 2 or b.ndim > 2:
        raise ImportError("products of stacks are not here", name="numpy")
    (m, n), (p, q) = a.shape, b.shape
    kind = wider(a.kind, b.kind)
    data = [
        a.data[i * n + j] * b.data[k * q + t] for i in range(m) for k in range(p) for j in range(n) for t in range(q)
    ]
    return ndarray((m * p, n * q), data, kind)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = asarray(a), asarray(b)
    left, right = (range(a.ndim - axes, a.ndim), range(axes)) if isinstance(axes, int) else axes
    left, right = ([x] if isinstance(x, int) else list(x) for x in (left, right))
    rest = [i for i in range(a.ndim) if i not in left], [i for i in range(b.ndim) if i not in right]
    shape_ = [a.shape[i] for i in rest[0]] + [b.shape[i] for i in rest[1]]
    n = count([a.shape[i] for i in left])
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ValueError("tensordot: the shapes do not fit")
    found = matmul(a.transpose([*rest[0], *left]).reshape(-1, n), b.transpose([*right, *rest[1]]).reshape(n, -1))
    return result(shape_, found.data, found.kind)


def einsum(said: str, *operands: Any, optimize: Any = None) -> Any:
    """By going through all indices."""
    if "." in said:
        raise ImportError("einsum with an ellipsis is not here", name="numpy")
    given, _, out = said.replace(" ", "").partition("->")
    words, arrays = given.split(","), [asarray(a) for a in operands]
    if "->" not in said:
        out = "".join(sorted(c for c in set(given) - {","} if given.count(c) == 1))
    sizes = {c: d for w, a in zip(words, arrays, strict=True) for c, d in zip(w, a.shape, strict=True)}
    if any(sizes[c] != d for w, a in zip(words, arrays, strict=True) for c, d in zip(w, a.shape, strict=True)):
        raise ValueError("einsum: the sizes do not fit")
    order = [*out, *(c for c in sizes if c not in out)]
    kind = wider(*(a.kind for a in arrays))
    offsets: list[list[int]] = [[0] for _ in arrays]
    for c in order:
        for k, (w, a) in enumerate(zip(words, arrays, strict=True)):
            s = sum(s for x, s in zip(w, steps(a.shape), strict=True) if x == c)
            offsets[k] = [o + j * s for o in offsets[k] for j in range(sizes[c])]
        count([len(offsets[0])])
    products = [math.prod(a.data[o] for a, o in zip(arrays, at, strict=True)) for at in zip(*offsets, strict=True)]
    if len(arrays) == 1 and len(order) == len(out):
        return arrays[0].window([sizes[c] for c in out], offsets[0]) if out else scalar(products[0])
    n = count([sizes[c] for c in order[len(out) :]])
    data = [cast(sum(products[i : i + n]), kind) for i in range(0, len(products), n)]
    return result([sizes[c] for c in out], data, kind)
