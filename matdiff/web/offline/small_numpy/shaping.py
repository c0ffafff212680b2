"""Arrays made of others: joined, cut, repeated, their triangles and diagonals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .arrays import asarray, axis_of, broadcast_arrays, broadcast_to, count, diagonal, ndarray, nonzero, result, steps
from .functions import maximum, minimum
from .making import arange, ndim, shape, zeros
from .numbers import cast, wider


def where(condition: Any, a: Any = None, b: Any = None) -> Any:
    if a is None:
        return nonzero(condition)
    c, a, b = broadcast_arrays(condition, a, b)
    data = [x if t else y for t, x, y in zip(c.data, a.data, b.data, strict=True)]
    kind = wider(a.kind, b.kind)
    return result(c.shape, [cast(x, kind) for x in data], kind)


def argwhere(a: Any) -> ndarray:
    return stack(nonzero(a), axis=1)


def diag(a: Any, k: int = 0) -> ndarray:
    a = asarray(a)
    if a.ndim == 2:
        return diagonal(a, k).copy()
    if a.ndim != 1:
        raise ValueError("a vector or a matrix is wanted")
    n = a.size + abs(k)
    out = zeros((n, n), a.dtype)
    for i, x in enumerate(a.data):
        out.data[(i + max(0, -k)) * n + i + max(0, k)] = x
    return out


def fill_diagonal(a: ndarray, value: Any) -> None:
    n = min(a.shape)
    a.write([i * a.shape[1] + i for i in range(n)], broadcast_to(asarray(value), (n,)).data)


def trace(a: Any, offset: int = 0) -> Any:
    return asarray(a).trace(offset)


def _triangle(a: Any, keep: Callable[[int], bool]) -> ndarray:
    a = asarray(a)
    if a.ndim != 2:
        raise ImportError("triangles of what is no matrix are not here", name="numpy")
    m, n = a.shape
    zero = cast(0, a.kind)
    return ndarray(a.shape, [a.data[i * n + j] if keep(j - i) else zero for i in range(m) for j in range(n)], a.kind)


def tril(a: Any, k: int = 0) -> ndarray:
    return _triangle(a, lambda d: d <= k)


def triu(a: Any, k: int = 0) -> ndarray:
    return _triangle(a, lambda d: d >= k)


def _places(n: int, keep: Callable[[int], bool]) -> tuple[ndarray, ndarray]:
    at = [(i, j) for i in range(n) for j in range(n) if keep(j - i)]
    return asarray([i for i, _ in at], int), asarray([j for _, j in at], int)


def tril_indices(n: int, k: int = 0) -> tuple[ndarray, ndarray]:
    return _places(n, lambda d: d <= k)


def triu_indices(n: int, k: int = 0) -> tuple[ndarray, ndarray]:
    return _places(n, lambda d: d >= k)


def diag_indices(n: int) -> tuple[ndarray, ndarray]:
    return arange(n), arange(n)


def atleast_1d(a: Any) -> ndarray:
    return asarray(a).reshape(1) if not shape(a) else asarray(a)


def atleast_2d(a: Any) -> ndarray:
    a = atleast_1d(a)
    return a.reshape(1, -1) if a.ndim == 1 else a


def expand_dims(a: Any, axis: int) -> ndarray:
    a = asarray(a)
    axis %= a.ndim + 1
    return a.reshape((*a.shape[:axis], 1, *a.shape[axis:]))


def concatenate(arrays: Iterable[Any], axis: int | None = 0, dtype: Any = None) -> ndarray:
    parts = [asarray(a, dtype) for a in arrays]
    if not parts:
        raise ValueError("there is nothing to join")
    if axis is None:
        parts, axis = [p.ravel() for p in parts], 0
    axis %= parts[0].ndim
    outer_, kind = count(parts[0].shape[:axis]), wider(*(p.kind for p in parts))
    data = []
    for i in range(outer_):
        for p in parts:
            if (
                p.ndim != parts[0].ndim
                or p.shape[:axis] + p.shape[axis + 1 :] != parts[0].shape[:axis] + parts[0].shape[axis + 1 :]
            ):
                raise ValueError("the shapes do not fit to be joined")
            n = p.size // outer_
            data += [cast(x, kind) for x in p.data[i * n : (i + 1) * n]]
    joined = sum(p.shape[axis] for p in parts)
    return ndarray((*parts[0].shape[:axis], joined, *parts[0].shape[axis + 1 :]), data, kind)


def stack(arrays: Iterable[Any], axis: int = 0) -> ndarray:
    return concatenate([expand_dims(a, axis) for a in arrays], axis)


def hstack(arrays: Iterable[Any]) -> ndarray:
    parts = [atleast_1d(a) for a in arrays]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(arrays: Iterable[Any]) -> ndarray:
    return concatenate([atleast_2d(a) for a in arrays])


def column_stack(arrays: Iterable[Any]) -> ndarray:
    return concatenate([asarray(a).reshape(-1, 1) if ndim(a) < 2 else asarray(a) for a in arrays], 1)


def block(rows: Any) -> ndarray:
    if not isinstance(rows, list):
        return asarray(rows)
    if isinstance(rows[0], list):
        return concatenate([atleast_2d(block(r)) for r in rows], 0)
    parts = [atleast_1d(a) for a in rows]
    return concatenate(parts, 0) if all(p.ndim == 1 for p in parts) else concatenate(list(map(atleast_2d, parts)), 1)


def append(a: Any, b: Any, axis: Any = None) -> ndarray:
    return concatenate([asarray(a).ravel(), asarray(b).ravel()]) if axis is None else concatenate([a, b], axis)


def split(a: Any, at: Any, axis: int = 0) -> list[ndarray]:
    if isinstance(at, int) and (at < 1 or asarray(a).shape[axis] % at):
        raise ValueError("an equal split is not possible")
    return array_split(a, at, axis)


def array_split(a: Any, at: Any, axis: int = 0) -> list[ndarray]:
    """The first parts are longer by one where they cannot be equal."""
    a = asarray(a)
    n = a.shape[axis_of(a, axis)]
    if isinstance(at, int) and at < 1:
        raise ValueError("the number of parts is positive")
    cuts = [i * (n // at) + min(i, n % at) for i in range(1, at)] if isinstance(at, int) else [int(i) for i in at]
    ends = zip([0, *cuts], [*cuts, n], strict=True)
    return [a[(*along(a, axis), slice(i, j))] for i, j in ends]


def along(a: ndarray, axis: int) -> tuple[slice, ...]:
    """The key before that of an axis."""
    return (slice(None),) * axis_of(a, axis)


def delete(a: Any, at: Any, axis: int | None = None) -> ndarray:
    a, axis = (asarray(a).ravel(), 0) if axis is None else (asarray(a), axis)
    gone = {range(a.shape[axis])[int(i)] for i in asarray(at).ravel().data}
    keep = [i for i in range(a.shape[axis]) if i not in gone]
    return asarray(a[(*along(a, axis), asarray(keep, int))])


def repeat(a: Any, n: int, axis: int | None = None) -> ndarray:
    if not isinstance(n, int) or n < 0:
        raise ValueError("a number of times is wanted")
    a, axis = (asarray(a).ravel(), 0) if axis is None else (asarray(a), axis)
    return asarray(a[(*along(a, axis), asarray([i for i in range(a.shape[axis]) for _ in range(n)], int))])


def tile(a: Any, n: int) -> ndarray:
    """Along the last axis."""
    if not isinstance(n, int):
        raise ImportError("repeats along several axes are not here", name="numpy")
    if n < 0:
        raise ValueError("a number of times is wanted")
    a = atleast_1d(a)
    return concatenate([a] * n, -1) if n else asarray(a[(*along(a, -1), slice(0, 0))])


def flip(a: Any, axis: int | None = None) -> ndarray:
    a = asarray(a)
    if axis is not None:
        return asarray(a[(*along(a, axis), slice(None, None, -1))])
    return ndarray(a.shape, a.data[::-1], a.kind)


def clip(a: Any, low: Any, high: Any) -> Any:
    found = a if low is None else maximum(a, low)
    return found if high is None else minimum(found, high)


def nan_to_num(a: Any) -> Any:
    a = asarray(a)
    if a.kind == "c":
        raise ImportError("complex numbers are not here", name="numpy")
    largest = sys.float_info.max
    data = [x if isinstance(x, int) else 0.0 if x != x else max(-largest, min(largest, x)) for x in a.data]
    return result(a.shape, data, a.kind)


def ndindex(*shape: Any) -> Iterator[tuple[int, ...]]:
    wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    return (tuple(i // s % d for s, d in zip(steps(wanted), wanted, strict=True)) for i in range(count(wanted)))


def unravel_index(i: Any, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(i) // s % d for s, d in zip(steps(shape), shape, strict=True))
