"""Arrays: lists of numbers with a shape; what they can do, and what is done to two of one shape."""

from __future__ import annotations

import math
import operator
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .numbers import (
    DTYPES,
    OF_BOOLEANS,
    cast,
    divide_numbers,
    dtype,
    fitted,
    kind_of_number,
    kind_of_type,
    plain,
    scalar,
    wider,
)

MOST = 2_000_000
"""Entries of an array; more have no place in a page."""


def count(shape: Sequence[int]) -> int:
    n = 1
    for d in shape:
        n *= d
    if n > MOST:
        raise MemoryError
    return n


def steps(shape: Sequence[int]) -> list[int]:
    found, n = [], 1
    for d in reversed(shape):
        found.append(n)
        n *= d
    return found[::-1]


class ndarray:
    """An array: its shape, its entries row by row, the kind of these."""

    __slots__ = ("data", "kind", "shape", "version")
    __hash__ = None  # type: ignore[assignment]
    flags = types.SimpleNamespace(writeable=True, c_contiguous=True, f_contiguous=False, owndata=True)
    base = None

    def __class_getitem__(cls, of: Any) -> type[ndarray]:
        return cls

    def __init__(self, shape: Sequence[int], data: list[Any], kind: str) -> None:
        self.shape, self.data, self.kind, self.version = tuple(shape), data, kind, 0

    def write(self, at: Iterable[int], values: Iterable[Any]) -> None:
        """The one way in which entries are changed."""
        for i, x in zip(at, values, strict=True):
            self.data[i] = fitted(x, self.kind)
        self.version += 1

    def window(self, shape: Sequence[int], at: Sequence[int]) -> Window:
        """The entries at some places, as a view."""
        return Window(shape, self, at)

    @property
    def dtype(self) -> dtype:
        return DTYPES[self.kind]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def nbytes(self) -> int:
        return 8 * len(self.data)

    @property
    def T(self) -> ndarray:
        return self.transpose()

    @property
    def real(self) -> ndarray:
        return self.map(lambda x: x.real, "f") if self.kind == "c" else self

    @property
    def imag(self) -> ndarray:
        return self.map(lambda x: x.imag, "f") if self.kind == "c" else self.map(lambda x: cast(0, self.kind))

    @property
    def flat(self) -> Flat:
        return Flat(self)

    def map(self, f: Callable[[Any], Any], kind: str | None = None) -> ndarray:
        return ndarray(self.shape, [f(x) for x in self.data], kind or self.kind)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if len(self.data) != 1:
            raise ValueError("the truth value of an array is ambiguous")
        return bool(self.data[0])

    def item(self, *at: int) -> Any:
        (x,) = self.data if not at else [self[at if len(at) > 1 else at[0]]]
        return x

    def __float__(self) -> float:
        return float(self.alone())

    def __int__(self) -> int:
        return int(self.alone())

    def __complex__(self) -> complex:
        return complex(self.alone())

    def alone(self) -> Any:
        if self.shape:
            raise TypeError("only arrays without axes are numbers")
        return self.data[0]

    def __index__(self) -> int:
        if self.kind != "i" or self.shape:
            raise TypeError("only integer scalar arrays can be an index")
        return int(self.data[0])

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if not self.shape else str(self)

    def __repr__(self) -> str:
        return f"array({self.tolist()!r})"

    def __neg__(self) -> ndarray:
        if self.kind == "b":
            raise TypeError("- of a boolean array is not supported")
        return self.map(operator.neg)

    def __pos__(self) -> ndarray:
        return self.copy()

    def __abs__(self) -> ndarray:
        return self.map(abs, "f" if self.kind == "c" else None)

    def __invert__(self) -> ndarray:
        return self.map(operator.not_ if self.kind == "b" else operator.invert)

    def places(self, key: Any) -> tuple[tuple[int, ...], list[int]]:
        """The shape of what a key picks, and where its entries are."""
        keys = list(key) if isinstance(key, tuple) else [key]
        used = sum(
            (k.ndim if isinstance(k, ndarray) and k.kind == "b" else k is not None and k is not Ellipsis) for k in keys
        )
        if not any(k is Ellipsis for k in keys):
            keys.append(Ellipsis)
        i = next(n for n, k in enumerate(keys) if k is Ellipsis)
        keys[i : i + 1] = [slice(None)] * (self.ndim - used)
        if used > self.ndim:
            raise IndexError("too many indices for array")
        stride, axis = steps(self.shape), 0
        parts: list[tuple[str, list[int]]] = []
        fancy: list[tuple[int, ndarray]] = []
        for k in keys:
            if k is None:
                parts.append(("new", [0]))
                continue
            if isinstance(k, (list, ndarray)) and not (isinstance(k, ndarray) and not k.shape and k.kind != "b"):
                k = asarray(k)
                chosen = [asarray(x) for x in nonzero(k)] if k.kind == "b" else [k]
                for c in chosen:
                    n = self.shape[axis]
                    if any(not -n <= x < n for x in c.data):
                        raise IndexError("index out of bounds")
                    fancy.append((len(parts), c.map(lambda x, n=n, s=stride[axis]: (x % n) * s)))
                    axis += 1
                parts.append(("fancy", []))
                continue
            n, s = self.shape[axis], stride[axis]
            if isinstance(k, slice):
                parts.append(("slice", [j * s for j in range(*k.indices(n))]))
            else:
                j = operator.index(k)
                if not -n <= j < n:
                    raise IndexError(f"index {j} is out of bounds for axis {axis} with size {n}")
                parts.append(("one", [(j % n) * s]))
            axis += 1
        if fancy:
            together = broadcast_arrays(*(c for _, c in fancy))
            offsets = [sum(xs) for xs in zip(*(c.data for c in together), strict=True)]
            first = fancy[0][0]
            merged: list[tuple[str, list[int]]] = []
            shapes: list[tuple[int, ...]] = []
            for n, (what, at) in enumerate(parts):
                if what == "fancy":
                    if n == first:
                        merged.append(("slice", offsets))
                        shapes.append(together[0].shape)
                    continue
                merged.append((what, at))
                shapes.append(() if what == "one" else (len(at),))
            parts = merged
        else:
            shapes = [() if what == "one" else (len(at),) for what, at in parts]
        out = [0]
        for _, at in parts:
            out = [o + j for o in out for j in at]
        return tuple(d for s in shapes for d in s), out

    def __getitem__(self, key: Any) -> Any:
        if type(key) is int and len(self.shape) == 1:
            return scalar(self.data[key])
        shape, at = self.places(key)
        if not shape and not (key is Ellipsis or (isinstance(key, tuple) and any(k is Ellipsis for k in key))):
            return scalar(self.data[at[0]])
        if any(isinstance(k, (list, ndarray)) for k in (key if isinstance(key, tuple) else (key,))):
            return ndarray(shape, [self.data[i] for i in at], self.kind)
        return self.window(shape, at)

    def __setitem__(self, key: Any, value: Any) -> None:
        shape, at = self.places(key)
        if self.kind == "O" and not isinstance(value, (ndarray, list, tuple)):
            new = [value] * len(at)
        else:
            v = asarray(value, dtype=object) if self.kind == "O" else asarray(value)
            while v.ndim > len(shape) and v.shape[0] == 1:
                v = v.reshape(v.shape[1:])
            new = broadcast_to(v, shape).data
        self.write(at, new)

    def tolist(self) -> Any:
        if not self.shape:
            return plain(self.data[0])
        if len(self.shape) == 1:
            return [plain(x) for x in self.data]
        n = count(self.shape[1:])
        return [
            ndarray(self.shape[1:], self.data[i * n : (i + 1) * n], self.kind).tolist() for i in range(self.shape[0])
        ]

    def copy(self, order: str = "C") -> ndarray:
        return ndarray(self.shape, self.data[:], self.kind)

    __copy__ = copy

    def astype(self, of: Any, copy: bool = True, order: str = "K") -> ndarray:
        kind = kind_of_type(of)
        return ndarray(self.shape, [cast(x, kind) for x in self.data], kind)

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        wanted = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else list(shape)
        if -1 in wanted:
            rest = count([d for d in wanted if d != -1])
            wanted[wanted.index(-1)] = len(self.data) // rest if rest else 0
        if count(wanted) != len(self.data):
            raise ValueError(f"cannot reshape array of size {len(self.data)} into shape {tuple(wanted)}")
        if order == "F":
            return ndarray(wanted[::-1], self.T.data, self.kind).T.copy()
        return self.window(wanted, range(len(self.data)))

    def ravel(self, order: str = "C") -> ndarray:
        return self.reshape(-1, order="F" if order == "F" else "C")

    def flatten(self, order: str = "C") -> ndarray:
        return self.ravel(order).copy()

    def transpose(self, *axes: Any) -> ndarray:
        order = list(axes[0]) if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else list(axes)
        order = order or list(range(self.ndim))[::-1]
        shape, stride = [self.shape[a] for a in order], steps(self.shape)
        at = [0]
        for a in order:
            at = [o + j * stride[a] for o in at for j in range(self.shape[a])]
        return self.window(shape, at)

    def swapaxes(self, a: int, b: int) -> ndarray:
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def conj(self) -> ndarray:
        return self.map(lambda x: x.conjugate()) if self.kind == "c" else self.copy()

    conjugate = conj

    def squeeze(self, axis: Any = None) -> ndarray:
        if axis is not None:
            raise ImportError("squeeze along an axis is not here", name="numpy")
        return self.window([d for d in self.shape if d != 1], range(len(self.data)))

    def diagonal(self, offset: int = 0) -> ndarray:
        return diagonal(self, offset)

    def trace(self, offset: int = 0) -> Any:
        return diagonal(self, offset).sum()

    def fill(self, x: Any) -> None:
        self.write(range(len(self.data)), [plain(x)] * len(self.data))

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = 0) -> Any:
        kind = wider("i" if self.kind == "b" else self.kind, kind_of(initial))
        return reduced(self, lambda xs: sum(xs, cast(plain(initial), kind)), axis, keepdims, kind)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        kind = "c" if self.kind == "c" else "f"
        return reduced(self, lambda xs: divide_numbers(sum(xs, cast(0, kind)), len(xs)), axis, keepdims, kind)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        kind = "i" if self.kind == "b" else self.kind
        return reduced(self, lambda xs: math.prod(xs, start=cast(1, kind)), axis, keepdims, kind)

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = None, out: Any = None) -> Any:
        return reduced(self, lambda xs: extreme(xs, max, initial), axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False, initial: Any = None, out: Any = None) -> Any:
        return reduced(self, lambda xs: extreme(xs, min, initial), axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        return reduced(self, lambda xs: all(map(bool, xs)), axis, keepdims, "b")

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        return reduced(self, lambda xs: any(map(bool, xs)), axis, keepdims, "b")

    def argmax(self, axis: Any = None) -> Any:
        return reduced(self, lambda xs: place_of(xs, max), axis, False, "i")

    def argmin(self, axis: Any = None) -> Any:
        return reduced(self, lambda xs: place_of(xs, min), axis, False, "i")

    def cumsum(self, axis: Any = None) -> ndarray:
        return cumulated(self, operator.add, axis)

    def cumprod(self, axis: Any = None) -> ndarray:
        return cumulated(self, operator.mul, axis)

    def round(self, decimals: int = 0) -> ndarray:
        if self.kind in "bi" and decimals >= 0:
            return self.astype(float) if self.kind == "b" else self.copy()
        tens = 10.0**decimals
        return self.map(lambda x: round(x * tens) / tens if math.isfinite(x * tens) else x)

    def tobytes(self, order: str = "C") -> bytes:
        return repr((self.shape, self.data)).encode()

    def var(self, axis: Any = None, keepdims: bool = False) -> Any:
        return asarray(abs(asarray(self - self.mean(axis, True))) ** 2).mean(axis, keepdims)

    def std(self, axis: Any = None, keepdims: bool = False) -> Any:
        return self.var(axis, keepdims) ** 0.5


class Window(ndarray):
    """A view: entries of another array, which are read there and written there."""

    __slots__ = ("at", "cache", "of", "seen")

    def __init__(self, shape: Sequence[int], of: ndarray, at: Sequence[int]) -> None:
        self.shape, self.kind, self.of, self.at = tuple(shape), of.kind, of, at
        self.cache: list[Any] = []
        self.seen = -1

    @property
    def data(self) -> list[Any]:  # type: ignore[override]
        if self.seen != self.of.version:
            there = self.of.data
            self.cache, self.seen = [there[i] for i in self.at], self.of.version
        return self.cache

    @property
    def size(self) -> int:
        return len(self.at)

    def write(self, at: Iterable[int], values: Iterable[Any]) -> None:
        self.of.write([self.at[i] for i in at], values)

    def window(self, shape: Sequence[int], at: Sequence[int]) -> Window:
        return Window(shape, self.of, [self.at[i] for i in at])


class Flat:
    """The entries in a row, to be written."""

    def __init__(self, of: ndarray) -> None:
        self.of = of

    def __iter__(self) -> Iterator[Any]:
        return map(scalar, self.of.data)

    def __len__(self) -> int:
        return len(self.of.data)

    def __getitem__(self, key: Any) -> Any:
        return self.of.ravel()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.of.ravel()[key] = value


def kind_of(x: Any) -> str:
    return x.kind if isinstance(x, ndarray) else kind_of_number(x)


def asarray(a: Any, dtype: Any = None, order: str | None = None) -> ndarray:
    if isinstance(a, ndarray):
        return a if dtype is None or kind_of_type(dtype) == a.kind else a.astype(dtype)
    if not isinstance(a, (list, tuple, range)):
        if hasattr(a, "__array__"):
            return asarray(a.__array__(), dtype)
        kind = kind_of(a) if dtype is None else kind_of_type(dtype)
        return ndarray((), [cast(plain(a), kind)], kind)
    parts = list(a)
    if not parts:
        return ndarray((0,), [], "f" if dtype is None else kind_of_type(dtype))
    if not any(isinstance(p, (ndarray, list, tuple, range)) for p in parts):
        kind = wider(*map(kind_of, parts)) if dtype is None else kind_of_type(dtype)
        return ndarray((len(parts),), [cast(plain(p), kind) for p in parts], kind)
    rows = [asarray(p, dtype) for p in parts]
    if len({r.shape for r in rows}) > 1:
        raise ValueError("the rows have different lengths")
    kind = wider(*(r.kind for r in rows))
    return ndarray((len(rows), *rows[0].shape), [cast(x, kind) for r in rows for x in r.data], kind)


def array(a: Any, dtype: Any = None, order: str | None = None, copy: bool = True, ndmin: int = 0) -> ndarray:
    found = asarray(a, dtype)
    found = found.copy() if found is a else found
    return found.reshape((1,) * (ndmin - found.ndim) + found.shape) if found.ndim < ndmin else found


def require(a: Any, dtype: Any = None, requirements: Any = None) -> ndarray:
    return asarray(a, dtype)


def result(shape: Sequence[int], data: list[Any], kind: str) -> Any:
    """An array, or the number that an array without axes is."""
    return ndarray(shape, data, kind) if shape else scalar(data[0])


def found_kind(data: list[Any], *kinds: str) -> str:
    """The kind of what was computed from entries of some kinds."""
    if "O" in kinds or not data:
        return wider(*kinds)
    return wider(*{kind_of(x) for x in data})


def joint(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    n = max(map(len, shapes), default=0)
    out = []
    for axis in range(n):
        sizes = {s[axis - n + len(s)] for s in shapes if axis - n + len(s) >= 0} - {1}
        if len(sizes) > 1:
            raise ValueError(f"operands could not be broadcast together with shapes {' '.join(map(str, shapes))}")
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def broadcast_to(a: Any, shape: Any) -> ndarray:
    a = asarray(a)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if a.shape == shape:
        return a.copy()
    if len(a.data) == 1 and a.ndim <= len(shape):
        return ndarray(shape, a.data * count(shape), a.kind)
    if joint([a.shape, shape]) != shape:
        raise ValueError(f"an array of shape {a.shape} does not fit {shape}")
    own = (1,) * (len(shape) - a.ndim) + a.shape
    at = [0]
    for d, n, s in zip(own, shape, steps(own), strict=True):
        at = [o + (j * s if d > 1 else 0) for o in at for j in range(n)]
    return ndarray(shape, [a.data[i] for i in at], a.kind)


def broadcast_arrays(*arrays: Any) -> list[ndarray]:
    found = [asarray(a) for a in arrays]
    shape = joint([a.shape for a in found])
    return [broadcast_to(a, shape) for a in found]


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    return joint([(s,) if isinstance(s, int) else tuple(s) for s in shapes])


def elementwise(f: Callable[[Any, Any], Any], a: Any, b: Any, kind: str = "") -> Any:
    """A function of the entries of two arrays; of a kind that is known, or that is seen from the values."""
    a, b = asarray(a), asarray(b)
    if a.kind == b.kind == "b":
        f = OF_BOOLEANS.get(f, f)
    if a.shape == b.shape:
        shape, data = a.shape, [f(x, y) for x, y in zip(a.data, b.data, strict=True)]
    elif not b.shape:
        y = b.data[0]
        shape, data = a.shape, [f(x, y) for x in a.data]
    elif not a.shape:
        x = a.data[0]
        shape, data = b.shape, [f(x, y) for y in b.data]
    else:
        shape = joint([a.shape, b.shape])
        data = [f(x, y) for x, y in zip(broadcast_to(a, shape).data, broadcast_to(b, shape).data, strict=True)]
    kind = kind or found_kind(data, a.kind, b.kind)
    if kind in "fc":
        data = [cast(x, kind) for x in data]
    return result(shape, data, kind)


def extreme(xs: Sequence[Any], pick: Callable[..., Any], initial: Any) -> Any:
    every = [*xs, initial] if initial is not None else xs
    if not every:
        raise ValueError("zero-size array to reduction operation which has no identity")
    strange = [x for x in every if x != x]
    return strange[0] if strange else pick(every)


def place_of(xs: Sequence[Any], pick: Callable[..., Any]) -> int:
    """Where the extreme is; the first entry that is no number where there is one."""
    strange = [i for i, x in enumerate(xs) if x != x]
    found: int = strange[0] if strange else pick(range(len(xs)), key=xs.__getitem__)
    return found


def reduced(a: ndarray, f: Callable[[Any], Any], axis: Any, keepdims: bool, kind: str | None = None) -> Any:
    """A function of all entries, or of those along some axes."""
    if axis is None:
        x = f(a.data)
        return ndarray((1,) * a.ndim, [x], kind or kind_of(x)) if keepdims else scalar(x)
    axes = sorted(axis_of(a, x) for x in ((axis,) if isinstance(axis, int) else axis))
    rest = [i for i in range(a.ndim) if i not in axes]
    turned = a.transpose([*rest, *axes]) if a.ndim > 1 else a
    n = count([a.shape[i] for i in axes])
    rows = count([a.shape[i] for i in rest])
    data = [f(turned.data[i * n : (i + 1) * n]) for i in range(rows)]
    shape = [1 if i in axes else d for i, d in enumerate(a.shape)] if keepdims else [a.shape[i] for i in rest]
    return result(shape, data, kind or found_kind(data, a.kind))


def cumulated(a: ndarray, f: Callable[[Any, Any], Any], axis: Any) -> ndarray:
    if a.kind == "b":
        a = a.astype(int)
    axis = axis if axis is None else axis_of(a, axis)
    if axis is None or a.ndim == 1:
        out: list[Any] = []
        for x in a.data:
            out.append(f(out[-1], x) if out else x)
        return ndarray((len(out),), out, a.kind)
    turned = moveaxis(a, axis, -1)
    n = turned.shape[-1]
    rows = [cumulated(ndarray((n,), turned.data[i : i + n], a.kind), f, None).data for i in range(0, a.size, n)]
    return moveaxis(ndarray(turned.shape, [x for r in rows for x in r], a.kind), -1, axis).copy()


def axis_of(a: ndarray, axis: int) -> int:
    """The axis counted from the first.  Raises ValueError where there is none."""
    if not -a.ndim <= axis < a.ndim:
        raise ValueError(f"axis {axis} is out of bounds for an array with {a.ndim} axes")
    return axis % a.ndim


def moveaxis(a: Any, source: int, to: int) -> ndarray:
    a = asarray(a)
    source, to = axis_of(a, source), axis_of(a, to)
    order = [i for i in range(a.ndim) if i != source]
    order.insert(to, source)
    return a.transpose(order)


def nonzero(a: Any) -> tuple[ndarray, ...]:
    a = asarray(a)
    if not a.shape:
        raise ValueError("nonzero: an array without axes")
    at = [i for i, x in enumerate(a.data) if x]
    return tuple(
        ndarray((len(at),), [i // s % d for i in at], "i") for s, d in zip(steps(a.shape), a.shape, strict=True)
    )


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
    a = asarray(a)
    if a.ndim != 2 or (axis1, axis2) != (0, 1):
        raise ImportError("diagonals of stacks are not here", name="numpy")
    m, n = a.shape
    at = [i * n + i + offset for i in range(m) if 0 <= i + offset < n]
    return a.window((len(at),), at)


def put(found: Any, into: ndarray) -> ndarray:
    """Values written over an array.  Raises TypeError where their kind does not fit, ValueError for another shape."""
    new = asarray(found)
    if new.shape != into.shape:
        raise ValueError(f"an array of shape {new.shape} does not fit {into.shape}")
    if wider(new.kind, into.kind) != into.kind:
        raise TypeError(f"entries of {DTYPES[new.kind].name} do not go into {DTYPES[into.kind].name}")
    into.write(range(len(new.data)), new.data)
    return into
