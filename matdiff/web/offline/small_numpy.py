"""A small NumPy in Python alone, for the page without a server: what checks need, on arrays of few entries.

It is imported as `numpy` there, where no other is to be had.  Arrays are lists of Python's own numbers with a shape;
what would be a view is a copy, but for reshaped arrays and diagonals by einsum.  What is not here raises ImportError,
and the page says that it has not checked.
"""

from __future__ import annotations

import builtins
import cmath
import math
import operator
import random as _random
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

__version__ = "0"
inf, nan, pi, newaxis = math.inf, math.nan, math.pi, None
MOST = 2_000_000
"""Entries of an array; more have no place in a page."""
RANKS = "bifcO"
"""Kinds of numbers, each of which holds those before it."""
_sum, _max, _min, _abs, _round, _any, _all = (
    builtins.sum, builtins.max, builtins.min, builtins.abs, builtins.round, builtins.any, builtins.all,
)  # fmt: skip


class dtype:
    """The kind of an array's entries."""

    def __init__(self, of: Any) -> None:
        self.kind = kind_of_type(of)
        self.type = TYPES[self.kind]
        self.itemsize = {"b": 1, "c": 16}.get(self.kind, 8)
        self.char = {"b": "?", "i": "l", "f": "d", "c": "D", "O": "O"}[self.kind]

    def __class_getitem__(cls, of: Any) -> type[dtype]:
        return cls

    def __eq__(self, other: object) -> bool:
        try:
            return self.kind == kind_of_type(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.kind)

    def __repr__(self) -> str:
        return f"dtype({self.name!r})"

    @property
    def name(self) -> str:
        return {"b": "bool", "i": "int64", "f": "float64", "c": "complex128", "O": "object"}[self.kind]

    __str__ = name.fget  # type: ignore[assignment, attr-defined]


def kind_of_type(of: Any) -> str:
    if isinstance(of, dtype):
        return of.kind
    if of in (bool, bool_, "bool", "?"):
        return "b"
    if of in (int, "int", "int64", "intp", "i"):
        return "i"
    if of in (float, float64, "float", "float64", "f", "d", None):
        return "f"
    if of in (complex, complex128, "complex", "complex128", "c", "D"):
        return "c"
    if of in (object, "object", "O"):
        return "O"
    raise TypeError(f"there is no dtype {of!r}")


class _Scalar:
    """What numbers out of arrays can do besides."""

    shape = ()
    ndim = 0
    size = 1

    def item(self) -> Any:
        return self + 0  # type: ignore[operator]

    def tolist(self) -> Any:
        return self.plain()  # type: ignore[attr-defined]

    def astype(self, of: Any, copy: bool = True) -> Any:
        return scalar(cast(self, kind_of_type(of)))

    def reshape(self, *shape: Any, order: str = "C") -> ndarray:
        return asarray(self).reshape(*shape)

    def ravel(self, order: str = "C") -> ndarray:
        return asarray(self).ravel()

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def any(self, *args: Any) -> bool:
        return bool(self)

    def all(self, *args: Any) -> bool:
        return bool(self)

    max = min = mean = sum

    def copy(self) -> Any:
        return self

    @property
    def T(self) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return asarray(self)[key]


class float64(_Scalar, float):
    """A number out of an array: division by 0 gives infinity."""

    dtype: Any

    def plain(self) -> float:
        return float.__float__(self)

    def conj(self) -> float64:
        return self

    conjugate = conj

    @property
    def real(self) -> Any:
        return self

    @property
    def imag(self) -> Any:
        return float64(0.0)


class complex128(_Scalar, complex):
    dtype: Any

    def plain(self) -> complex:
        return complex(self)

    def conj(self) -> complex128:
        return complex128(complex.conjugate(self))

    conjugate = conj


class bool_(_Scalar, int):
    """True or False out of an array."""

    dtype: Any

    def plain(self) -> bool:
        return bool(self)

    def __invert__(self) -> bool_:  # type: ignore[override]
        return bool_(not self)

    def __and__(self, other: Any) -> Any:
        return bool_(self and other) if isinstance(other, (bool, bool_)) else NotImplemented

    def __or__(self, other: Any) -> Any:
        return bool_(self or other) if isinstance(other, (bool, bool_)) else NotImplemented

    __rand__, __ror__ = __and__, __or__

    def __repr__(self) -> str:
        return repr(bool(self))

    __str__ = __repr__


TYPES: dict[str, Any] = {"b": bool, "i": int, "f": float64, "c": complex128, "O": object}
int64, intp, integer, number = int, int, int, (int, float, complex)
floating, complexfloating, generic, float32 = float, complex, _Scalar, float64


def scalar(x: Any) -> Any:
    """An entry as a number of its own."""
    if type(x) is float:
        return float64(x)
    if type(x) is complex:
        return complex128(x)
    return bool_(x) if type(x) is bool else x


def divide_numbers(a: Any, b: Any) -> Any:
    try:
        return a / b
    except ZeroDivisionError:
        if isinstance(a, complex) or isinstance(b, complex):
            return complex(nan, nan)
        sign = math.copysign(1.0, b) if isinstance(b, float) else 1.0
        return nan if a == 0 or a != a else math.copysign(inf, a) * sign


def power_numbers(a: Any, b: Any) -> Any:
    try:
        if isinstance(a, int) and isinstance(b, int) and b >= 0:
            return a**b
        found = a**b
        return (
            nan if isinstance(found, complex) and not isinstance(a, complex) and not isinstance(b, complex) else found
        )
    except ZeroDivisionError:
        return inf
    except OverflowError:
        return inf


def times_numbers(a: Any, b: Any) -> Any:
    return a * b


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": divide_numbers,
    "pow": power_numbers,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "and": operator.and_,
    "or": operator.or_,
}
COMPARING = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
}


def _operators() -> None:
    def scalar_operator(f: Callable[[Any, Any], Any], turned: bool) -> Any:
        def made(self: Any, other: Any) -> Any:
            if isinstance(other, (ndarray, list, tuple)) or not isinstance(other, (int, float, complex)):
                return NotImplemented
            a = self.plain()
            b = other.plain() if isinstance(other, (float64, complex128)) else other
            return scalar(f(b, a) if turned else f(a, b))

        return made

    def comparison(f: Callable[[Any, Any], Any]) -> Any:
        def made(self: Any, other: Any) -> Any:
            if isinstance(other, (ndarray, list, tuple)) or not isinstance(other, (int, float, complex)):
                return NotImplemented
            return bool_(f(self.plain(), plain(other)))

        return made

    for cls in (float64, complex128):
        for name, f in COMPARING.items():
            setattr(cls, f"__{name}__", comparison(f))
        cls.__hash__ = cls.__mro__[2].__hash__  # type: ignore[method-assign]
        for name in ("add", "sub", "mul", "truediv", "pow"):
            setattr(cls, f"__{name}__", scalar_operator(ARITHMETIC[name], False))
            setattr(cls, f"__r{name}__", scalar_operator(ARITHMETIC[name], True))
        cls.__neg__ = lambda self: scalar(-self.plain())  # type: ignore[method-assign]
        cls.__abs__ = lambda self: scalar(_abs(self.plain()))  # type: ignore[method-assign]

    def array_operator(f: Callable[[Any, Any], Any], turned: bool) -> Any:
        def made(self: Any, other: Any) -> Any:
            if other is None or isinstance(other, (str, dict)):
                return NotImplemented
            return elementwise(f, other, self) if turned else elementwise(f, self, other)

        return made

    def in_place(f: Callable[[Any, Any], Any]) -> Any:
        def made(self: Any, other: Any) -> Any:
            found = asarray(elementwise(f, self, other))
            if found.shape != self.shape:
                raise ValueError("the shapes do not fit")
            self.data[:], self.kind = found.data, found.kind
            return self

        return made

    for name, f in ARITHMETIC.items():
        setattr(ndarray, f"__{name}__", array_operator(f, False))
        setattr(ndarray, f"__r{name}__", array_operator(f, True))
        setattr(ndarray, f"__i{name}__", in_place(f))
    for name, f in COMPARING.items():
        setattr(ndarray, f"__{name}__", array_operator(f, False))


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

    __slots__ = ("data", "kind", "shape")
    __hash__ = None  # type: ignore[assignment]
    flags = types.SimpleNamespace(writeable=True, c_contiguous=True, f_contiguous=False, owndata=True)
    base = None

    def __class_getitem__(cls, of: Any) -> type[ndarray]:
        return cls

    def __init__(self, shape: Sequence[int], data: list[Any], kind: str) -> None:
        self.shape, self.data, self.kind = tuple(shape), data, kind

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
        return self.map(lambda x: x.real, "f" if self.kind == "c" else self.kind)

    @property
    def imag(self) -> ndarray:
        return self.map(lambda x: x.imag, "f" if self.kind == "c" else self.kind)

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
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.kind != "i" or self.shape:
            raise TypeError("only integer scalar arrays can be an index")
        return int(self.data[0])

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if not self.shape else str(self)

    def __repr__(self) -> str:
        return f"array({self.tolist()!r})"

    def __neg__(self) -> ndarray:
        return self.map(operator.neg, "i" if self.kind == "b" else None)

    def __pos__(self) -> ndarray:
        return self.copy()

    def __abs__(self) -> ndarray:
        return self.map(_abs, "f" if self.kind == "c" else None)

    def __invert__(self) -> ndarray:
        return self.map(operator.not_ if self.kind == "b" else operator.invert)

    def __matmul__(self, other: Any) -> Any:
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return matmul(other, self)

    def __imatmul__(self, other: Any) -> Any:
        return matmul(self, other)

    def places(self, key: Any) -> tuple[tuple[int, ...], list[int]]:
        """The shape of what a key picks, and where its entries are."""
        keys = list(key) if isinstance(key, tuple) else [key]
        used = _sum(
            (k.ndim if isinstance(k, ndarray) and k.kind == "b" else k is not None and k is not Ellipsis) for k in keys
        )
        if not _any(k is Ellipsis for k in keys):
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
                    if _any(not -n <= x < n for x in c.data):
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
            offsets = [_sum(xs) for xs in zip(*(c.data for c in together), strict=True)]
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
        if not shape and not (key is Ellipsis or (isinstance(key, tuple) and _any(k is Ellipsis for k in key))):
            return scalar(self.data[at[0]])
        return ndarray(shape, [self.data[i] for i in at], self.kind)

    def __setitem__(self, key: Any, value: Any) -> None:
        shape, at = self.places(key)
        if self.kind == "O" and not isinstance(value, (ndarray, list, tuple)):
            new = [value] * len(at)
        else:
            v = asarray(value, dtype=object) if self.kind == "O" else asarray(value)
            while v.ndim > len(shape) and v.shape[0] == 1:
                v = v.reshape(v.shape[1:])
            new = broadcast_to(v, shape).data
        if self.kind == "f":
            new = [float(x) for x in new]
        elif self.kind == "c":
            new = [complex(x) for x in new]
        for i, x in zip(at, new, strict=True):
            self.data[i] = x

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
            return ndarray(wanted[::-1], self.T.data, self.kind).T
        return ndarray(wanted, self.data, self.kind)  # the same entries, as a view has

    def ravel(self, order: str = "C") -> ndarray:
        return self.reshape(-1, order="F" if order == "F" else "C")

    def flatten(self, order: str = "C") -> ndarray:
        return self.ravel(order).copy()

    def transpose(self, *axes: Any) -> ndarray:
        order = list(axes[0]) if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else list(axes)
        order = order or list(range(self.ndim))[::-1]
        if self.ndim < 2:
            return self.copy()
        shape, stride = [self.shape[a] for a in order], steps(self.shape)
        at = [0]
        for a in order:
            at = [o + j * stride[a] for o in at for j in range(self.shape[a])]
        return ndarray(shape, [self.data[i] for i in at], self.kind)

    def swapaxes(self, a: int, b: int) -> ndarray:
        order = list(range(self.ndim))
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def conj(self) -> ndarray:
        return self.map(lambda x: x.conjugate()) if self.kind == "c" else self.copy()

    conjugate = conj

    def squeeze(self, axis: Any = None) -> ndarray:
        return ndarray([d for d in self.shape if d != 1], self.data[:], self.kind)

    def diagonal(self, offset: int = 0) -> ndarray:
        return diagonal(self, offset)

    def trace(self) -> Any:
        return trace(self)

    def fill(self, x: Any) -> None:
        self.data[:] = [cast(x, self.kind)] * len(self.data)

    def dot(self, other: Any) -> Any:
        return dot(self, other)

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = 0) -> Any:
        return reduced(self, lambda xs: _sum(xs, initial), axis, keepdims, "i" if self.kind == "b" else None)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return reduced(self, lambda xs: divide_numbers(_sum(xs), len(xs)), axis, keepdims, "f")

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        return reduced(self, math.prod, axis, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = None, out: Any = None) -> Any:
        return reduced(self, lambda xs: extreme(xs, _max, initial), axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False, initial: Any = None, out: Any = None) -> Any:
        return reduced(self, lambda xs: extreme(xs, _min, initial), axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        return reduced(self, lambda xs: _all(map(bool, xs)), axis, keepdims, "b")

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        return reduced(self, lambda xs: _any(map(bool, xs)), axis, keepdims, "b")

    def argmax(self, axis: Any = None) -> Any:
        return reduced(self, lambda xs: _max(range(len(xs)), key=xs.__getitem__), axis, False, "i")

    def argmin(self, axis: Any = None) -> Any:
        return reduced(self, lambda xs: _min(range(len(xs)), key=xs.__getitem__), axis, False, "i")

    def cumsum(self, axis: Any = None) -> ndarray:
        return cumulated(self, operator.add, axis)

    def round(self, decimals: int = 0) -> ndarray:
        return self.map(lambda x: _round(x, decimals) if math.isfinite(x) else x)

    def tobytes(self, order: str = "C") -> bytes:
        return repr((self.shape, self.data)).encode()

    def std(self, axis: Any = None) -> Any:
        return sqrt(((self - self.mean(axis, True)) ** 2).mean(axis))


class Window(ndarray):
    """Entries of another array, which it writes on."""

    __slots__ = ("at", "of")

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        for i, x in zip(self.at, self.data, strict=True):
            self.of.data[i] = x


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


def plain(x: Any) -> Any:
    return x.plain() if isinstance(x, _Scalar) else x


def cast(x: Any, kind: str) -> Any:
    if kind == "f":
        return float(x.real if isinstance(x, complex) else x)
    return {"b": bool, "i": int, "c": complex, "O": lambda y: y}[kind](x)


def kind_of(x: Any) -> str:
    if isinstance(x, ndarray):
        return x.kind
    t = type(x)
    if t is bool or t is bool_:
        return "b"
    if isinstance(x, int):
        return "i" if -(2**63) <= x < 2**63 else "O"
    return "f" if isinstance(x, float) else "c" if isinstance(x, complex) else "O"


def wider(*kinds: str) -> str:
    return _max(kinds, key=RANKS.index, default="f")


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
    if not _any(isinstance(p, (ndarray, list, tuple, range)) for p in parts):
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


ascontiguousarray = asfortranarray = asarray


def result(shape: Sequence[int], data: list[Any], kind: str) -> Any:
    """An array, or the number that an array without axes is."""
    return ndarray(shape, data, kind) if shape else scalar(data[0])


def found_kind(data: list[Any], *kinds: str) -> str:
    """The kind of what was computed from entries of some kinds."""
    if "O" in kinds or not data:
        return wider(*kinds)
    return wider(*{kind_of(x) for x in data})


def joint(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    n = _max(map(len, shapes), default=0)
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


def elementwise(f: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    a, b = asarray(a), asarray(b)
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
    kind = found_kind(data, a.kind, b.kind)
    if kind in "fc":
        data = [cast(x, kind) for x in data]
    return result(shape, data, kind)


class ufunc:
    """A function of entries."""

    def __init__(self, f: Callable[..., Any], arguments: int = 1) -> None:
        self.f, self.arguments = f, arguments

    def __call__(self, *args: Any, out: Any = None, where: Any = None, dtype: Any = None, **_: Any) -> Any:
        if self.arguments == 2:
            found = elementwise(self.f, *args)
        else:
            a = asarray(args[0])
            data = [self.f(x) for x in a.data]
            kind = found_kind(data, a.kind) if data else "f"
            found = result(a.shape, data, kind)
        if out is None:
            return found
        found = asarray(found)
        out.data[:], out.kind = broadcast_to(found, out.shape).data, found.kind
        return out

    def outer(self, a: Any, b: Any) -> Any:
        a, b = asarray(a), asarray(b)
        return self(a.reshape(a.shape + (1,) * b.ndim), b)

    def reduce(self, a: Any, axis: Any = 0, **_: Any) -> Any:
        def folded(xs: Sequence[Any]) -> Any:
            total = xs[0]
            for x in xs[1:]:
                total = self.f(total, x)
            return total

        return reduced(asarray(a), folded, axis, False)

    def at(self, a: ndarray, key: Any, b: Any) -> None:
        _, places = a.places(key)
        values = broadcast_to(asarray(b), (len(places),)).data if asarray(b).ndim < 2 else asarray(b).data
        for i, x in zip(places, values, strict=True):
            a.data[i] = self.f(a.data[i], x)


def real_function(f: Callable[[float], float], complex_one: Callable[[complex], complex] | None = None) -> ufunc:
    def made(x: Any) -> Any:
        try:
            if isinstance(x, complex):
                if complex_one is None:
                    raise TypeError("a complex argument")
                return complex_one(x)
            return f(x)
        except ValueError:
            return nan
        except OverflowError:
            return inf

    return ufunc(made)


def log_number(x: float) -> float:
    return -inf if x == 0 else math.log(x)


def complex_log(x: complex) -> complex:
    return complex(-inf, 0.0) if x == 0 else cmath.log(x)


def sign_number(x: Any) -> Any:
    if isinstance(x, complex):
        return x / _abs(x) if x else 0j
    return x if x != x else type(x)((x > 0) - (x < 0))


exp, log = real_function(math.exp, cmath.exp), real_function(log_number, complex_log)
sqrt = real_function(lambda x: math.sqrt(x), cmath.sqrt)
sin, cos = real_function(math.sin, cmath.sin), real_function(math.cos, cmath.cos)
tan, tanh = real_function(math.tan, cmath.tan), real_function(math.tanh, cmath.tanh)
cosh = real_function(math.cosh, cmath.cosh)
sinh = real_function(lambda x: math.copysign(inf, x) if _abs(x) > 710 else math.sinh(x), cmath.sinh)
arcsin, arccos = real_function(math.asin, cmath.asin), real_function(math.acos, cmath.acos)
arctan = real_function(math.atan, cmath.atan)
log1p = real_function(lambda x: -inf if x == -1 else math.log1p(x))
expm1, log2 = real_function(math.expm1), real_function(lambda x: -inf if x == 0 else math.log2(x))
log10 = real_function(lambda x: -inf if x == 0 else math.log10(x))
floor, ceil = (real_function(lambda x, f=f: float(f(x)) if math.isfinite(x) else x) for f in (math.floor, math.ceil))
rint = real_function(lambda x: float(_round(x)) if math.isfinite(x) else x)
sign, absolute = ufunc(sign_number), ufunc(_abs)
abs = fabs = absolute
negative, square = ufunc(operator.neg), ufunc(lambda x: x * x)
reciprocal = ufunc(lambda x: divide_numbers(1.0, x))
isfinite = ufunc(lambda x: cmath.isfinite(x) if isinstance(x, complex) else math.isfinite(x))
isnan = ufunc(lambda x: x != x)
isinf = ufunc(lambda x: cmath.isinf(x))
conj = conjugate = ufunc(lambda x: x.conjugate())
angle = ufunc(lambda x: cmath.phase(x))
logical_not = ufunc(operator.not_)
add, subtract, multiply = (ufunc(f, 2) for f in (operator.add, operator.sub, operator.mul))
divide = true_divide = ufunc(divide_numbers, 2)
power = ufunc(power_numbers, 2)
maximum = ufunc(lambda a, b: a if a != a or a >= b else b, 2)
minimum = ufunc(lambda a, b: a if a != a or a <= b else b, 2)
hypot, arctan2, copysign = (ufunc(f, 2) for f in (math.hypot, math.atan2, math.copysign))
logical_and, logical_or = ufunc(lambda a, b: bool(a and b), 2), ufunc(lambda a, b: bool(a or b), 2)
equal, not_equal = ufunc(operator.eq, 2), ufunc(operator.ne, 2)
greater, less = ufunc(operator.gt, 2), ufunc(operator.lt, 2)


def logadd(a: float, b: float) -> float:
    top = _max(a, b)
    return top if not math.isfinite(top) else top + math.log1p(math.exp(-_abs(a - b)))


logaddexp = ufunc(logadd, 2)


def extreme(xs: Sequence[Any], pick: Callable[..., Any], initial: Any) -> Any:
    every = [*xs, initial] if initial is not None else xs
    if not every:
        raise ValueError("zero-size array to reduction operation which has no identity")
    return next((x for x in every if x != x), None) or pick(every)


def reduced(a: ndarray, f: Callable[[Any], Any], axis: Any, keepdims: bool, kind: str | None = None) -> Any:
    """A function of all entries, or of those along some axes."""
    if axis is None:
        x = f(a.data)
        if keepdims:
            return ndarray((1,) * a.ndim, [x], kind or kind_of(x))
        return scalar(x)
    axes = sorted(x % a.ndim for x in ((axis,) if isinstance(axis, int) else axis))
    rest = [i for i in range(a.ndim) if i not in axes]
    turned = a.transpose([*rest, *axes]) if a.ndim > 1 else a
    n = count([a.shape[i] for i in axes])
    rows = count([a.shape[i] for i in rest])
    data = [f(turned.data[i * n : (i + 1) * n]) for i in range(rows)]
    shape = [1 if i in axes else d for i, d in enumerate(a.shape)] if keepdims else [a.shape[i] for i in rest]
    return result(shape, data, kind or found_kind(data, a.kind))


def cumulated(a: ndarray, f: Callable[[Any, Any], Any], axis: Any) -> ndarray:
    if axis is None or a.ndim == 1:
        out: list[Any] = []
        for x in a.data:
            out.append(f(out[-1], x) if out else x)
        return ndarray((len(out),), out, a.kind)
    turned = moveaxis(a, axis, -1)
    n = turned.shape[-1]
    rows = [cumulated(ndarray((n,), turned.data[i : i + n], a.kind), f, None).data for i in range(0, a.size, n)]
    return moveaxis(ndarray(turned.shape, [x for r in rows for x in r], a.kind), -1, axis)


def _method(name: str) -> Callable[..., Any]:
    def made(a: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(asarray(a), name)(*args, **kwargs)

    return made


sum, std = _method("sum"), _method("std")
prod = _method("prod")
mean = _method("mean")
max = amax = _method("max")
min = amin = _method("min")
all, any, argmax, argmin, cumsum = (_method(n) for n in ("all", "any", "argmax", "argmin", "cumsum"))
reshape, ravel, transpose, swapaxes, squeeze = (
    _method(n) for n in ("reshape", "ravel", "transpose", "swapaxes", "squeeze")
)
copy = _method("copy")


def round(a: Any, decimals: int = 0) -> Any:
    found = asarray(a).round(decimals)
    return result(found.shape, found.data, found.kind)


around = round


def cumprod(a: Any, axis: Any = None) -> ndarray:
    return cumulated(asarray(a), operator.mul, axis)


def real(a: Any) -> Any:
    found = asarray(a).real
    return result(found.shape, found.data, found.kind)


def imag(a: Any) -> Any:
    found = asarray(a).imag
    return result(found.shape, found.data, found.kind)


def shape(a: Any) -> tuple[int, ...]:
    return asarray(a).shape


def ndim(a: Any) -> int:
    return asarray(a).ndim


def size(a: Any, axis: int | None = None) -> int:
    return asarray(a).size if axis is None else asarray(a).shape[axis]


def isscalar(a: Any) -> bool:
    return isinstance(a, (int, float, complex))


def iscomplexobj(a: Any) -> bool:
    return asarray(a).kind == "c"


def isrealobj(a: Any) -> bool:
    return not iscomplexobj(a)


def may_share_memory(a: Any, b: Any) -> bool:
    return a is b


shares_memory = may_share_memory


def result_type(*args: Any) -> dtype:
    kinds = [
        a.kind if isinstance(a, (ndarray, dtype)) else kind_of(a) if not isinstance(a, type) else kind_of_type(a)
        for a in args
    ]
    return dtype(TYPES[wider(*kinds)])


promote_types = result_type


def _shape(shape: Any) -> tuple[int, ...]:
    return (operator.index(shape),) if hasattr(shape, "__index__") else tuple(operator.index(d) for d in shape)


def full(shape: Any, value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    kind = kind_of(value) if dtype is None else kind_of_type(dtype)
    return ndarray(_shape(shape), [cast(value, kind)] * count(_shape(shape)), kind)


def zeros(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 1, dtype)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    if kind_of_type(dtype) == "O":
        return ndarray(_shape(shape), [None] * count(_shape(shape)), "O")
    return full(shape, 0, dtype)


def full_like(a: Any, value: Any, dtype: Any = None) -> ndarray:
    return full(asarray(a).shape, value, dtype or asarray(a).dtype)


def zeros_like(a: Any, dtype: Any = None, order: str = "K") -> ndarray:
    return full_like(a, 0, dtype)


def ones_like(a: Any, dtype: Any = None) -> ndarray:
    return full_like(a, 1, dtype)


empty_like = zeros_like


def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = float) -> ndarray:
    m = n if m is None else m
    kind = kind_of_type(dtype)
    return ndarray((n, m), [cast(int(j - i == k), kind) for i in range(n) for j in range(m)], kind)


identity = eye


def arange(*args: Any, dtype: Any = None) -> ndarray:
    if _all(isinstance(a, int) for a in args):
        return asarray(list(range(*args)), dtype or int)
    start, stop, step = (0.0, *args, 1.0) if len(args) == 1 else (*args, 1.0)[:3]
    return asarray([start + i * step for i in range(_max(0, math.ceil((stop - start) / step)))], dtype)


def linspace(a: float, b: float, num: int = 50, endpoint: bool = True) -> ndarray:
    last = num - 1 if endpoint else num
    return asarray([a + (b - a) * i / last if last else a for i in range(num)], float)


def logspace(a: float, b: float, num: int = 50, base: float = 10.0) -> ndarray:
    return asarray([base**x for x in linspace(a, b, num).data])


def where(condition: Any, a: Any = None, b: Any = None) -> Any:
    if a is None:
        return nonzero(condition)
    c, a, b = broadcast_arrays(condition, a, b)
    data = [x if t else y for t, x, y in zip(c.data, a.data, b.data, strict=True)]
    kind = wider(a.kind, b.kind)
    return result(c.shape, [cast(x, kind) for x in data], kind)


def nonzero(a: Any) -> tuple[ndarray, ...]:
    a = asarray(a)
    at = [i for i, x in enumerate(a.data) if x]
    return tuple(
        ndarray((len(at),), [i // s % d for i in at], "i") for s, d in zip(steps(a.shape), a.shape, strict=True)
    )


def argwhere(a: Any) -> ndarray:
    return stack(nonzero(a), axis=1)


def count_nonzero(a: Any) -> int:
    return _sum(map(bool, asarray(a).data))


def array_equal(a: Any, b: Any) -> bool:
    a, b = asarray(a), asarray(b)
    return a.shape == b.shape and a.data == b.data


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    return bool(asarray(isclose(a, b, rtol, atol)).all())


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Any:
    return elementwise(lambda x, y: x == y or _abs(x - y) <= atol + rtol * _abs(y), a, b)


def matmul(a: Any, b: Any, out: Any = None) -> Any:
    a, b = asarray(a), asarray(b)
    if not a.shape or not b.shape:
        raise ValueError("matmul: an operand has no axes")
    if a.ndim > 2 or b.ndim > 2:
        raise TypeError("products of stacks are not here")
    n = a.shape[-1]
    if n != b.shape[0]:
        raise ValueError(f"matmul: the shapes {a.shape} and {b.shape} do not fit")
    m, p = (a.shape[0] if a.ndim == 2 else 1), (b.shape[1] if b.ndim == 2 else 1)
    rows = [a.data[i * n : (i + 1) * n] for i in range(m)]
    columns = [b.data[j::p] for j in range(p)]
    kind = wider(a.kind, b.kind)
    zero = cast(0, kind)
    data = [_sum(map(operator.mul, r, c), zero) for r in rows for c in columns]
    found = result((*(a.shape[:1] if a.ndim == 2 else ()), *(b.shape[1:] if b.ndim == 2 else ())), data, kind)
    if out is not None:
        out.data[:], out.kind = found.data, found.kind
        return out
    return found


def dot(a: Any, b: Any, out: Any = None) -> Any:
    return elementwise(operator.mul, a, b) if not shape(a) or not shape(b) else matmul(a, b, out)


def vdot(a: Any, b: Any) -> Any:
    a, b = asarray(a).conj().ravel(), asarray(b).ravel()
    if a.shape != b.shape:
        raise ValueError("vdot: the sizes differ")
    return scalar(_sum(map(operator.mul, a.data, b.data), cast(0, wider(a.kind, b.kind))))


inner = dot


def outer(a: Any, b: Any) -> ndarray:
    return asarray(elementwise(operator.mul, asarray(a).reshape(-1, 1), asarray(b).reshape(1, -1)))


def kron(a: Any, b: Any) -> Any:
    a, b = asarray(a), asarray(b)
    if a.ndim == 1 and b.ndim == 1:
        return outer(a, b).ravel()
    a, b = atleast_2d(a), atleast_2d(b)
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
    found = matmul(a.transpose([*rest[0], *left]).reshape(-1, n), b.transpose([*right, *rest[1]]).reshape(n, -1))
    return result(shape_, found.data, found.kind)


def einsum(said: str, *operands: Any, optimize: Any = None) -> Any:
    """By going through all indices."""
    given, _, out = said.replace(" ", "").partition("->")
    words, arrays = given.split(","), [asarray(a) for a in operands]
    if "->" not in said:
        out = "".join(sorted(c for c in set(given) - {","} if given.count(c) == 1))
    sizes = {c: d for w, a in zip(words, arrays, strict=True) for c, d in zip(w, a.shape, strict=True)}
    order = [*out, *(c for c in sizes if c not in out)]
    kind = wider(*(a.kind for a in arrays))
    offsets: list[list[int]] = [[0] for _ in arrays]
    for c in order:
        for k, (w, a) in enumerate(zip(words, arrays, strict=True)):
            s = _sum(s for x, s in zip(w, steps(a.shape), strict=True) if x == c)
            offsets[k] = [o + j * s for o in offsets[k] for j in range(sizes[c])]
        count([len(offsets[0])])
    products = [math.prod(a.data[o] for a, o in zip(arrays, at, strict=True)) for at in zip(*offsets, strict=True)]
    if len(arrays) == 1 and len(order) == len(out):
        seen = Window([sizes[c] for c in out], products, kind)
        seen.of, seen.at = arrays[0], offsets[0]
        return seen if out else scalar(products[0])
    n = count([sizes[c] for c in order[len(out) :]])
    data = [cast(_sum(products[i : i + n]), kind) for i in range(0, len(products), n)]
    return result([sizes[c] for c in out], data, kind)


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
    a = asarray(a)
    m, n = a.shape
    return ndarray(
        (-1,), data := [a.data[i * n + i + offset] for i in range(m) if 0 <= i + offset < n], a.kind
    ).reshape(len(data))


def diag(a: Any, k: int = 0) -> ndarray:
    a = asarray(a)
    if a.ndim == 2:
        return diagonal(a, k)
    n = a.size + _abs(k)
    out = zeros((n, n), a.dtype)
    for i, x in enumerate(a.data):
        out.data[(i + _max(0, -k)) * n + i + _max(0, k)] = x
    return out


def fill_diagonal(a: ndarray, value: Any) -> None:
    n = _min(a.shape)
    for i, x in enumerate(broadcast_to(asarray(value), (n,)).data):
        a.data[i * a.shape[1] + i] = x


def trace(a: Any) -> Any:
    return diagonal(a).sum()


def _triangle(a: Any, keep: Callable[[int], bool]) -> ndarray:
    a = asarray(a)
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


def moveaxis(a: Any, source: int, to: int) -> ndarray:
    a = asarray(a)
    order = [i for i in range(a.ndim) if i != source % a.ndim]
    order.insert(to % a.ndim, source % a.ndim)
    return a.transpose(order)


def concatenate(arrays: Iterable[Any], axis: int | None = 0, dtype: Any = None) -> ndarray:
    parts = [asarray(a, dtype) for a in arrays]
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
    joined = _sum(p.shape[axis] for p in parts)
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
        return atleast_2d(rows)
    if isinstance(rows[0], list):
        return concatenate([block(r) for r in rows], 0)
    return concatenate([atleast_2d(a) for a in rows], 1)


def append(a: Any, b: Any, axis: Any = None) -> ndarray:
    return concatenate([asarray(a).ravel(), asarray(b).ravel()]) if axis is None else concatenate([a, b], axis)


def split(a: Any, at: Any, axis: int = 0) -> list[ndarray]:
    a = asarray(a)
    n = a.shape[axis]
    cuts = [i * n // at for i in range(1, at)] if isinstance(at, int) else [int(i) for i in at]
    ends = zip([0, *cuts], [*cuts, n], strict=True)
    return [a[(slice(None),) * (axis % a.ndim) + (slice(i, j),)] for i, j in ends]


array_split = split


def delete(a: Any, at: Any, axis: int) -> ndarray:
    a = asarray(a)
    gone = {int(i) % a.shape[axis] for i in asarray(at).ravel().data}
    keep = [i for i in range(a.shape[axis]) if i not in gone]
    return a[(slice(None),) * axis + (keep,)]


def repeat(a: Any, n: int, axis: int | None = None) -> ndarray:
    a = asarray(a).ravel() if axis is None else asarray(a)
    axis = 0 if axis is None else axis
    return a[(slice(None),) * axis + ([i for i in range(a.shape[axis]) for _ in range(n)],)]


def tile(a: Any, n: int) -> ndarray:
    return concatenate([atleast_1d(a)] * n)


def argsort(a: Any, axis: int = -1, kind: Any = None) -> ndarray:
    a = asarray(a)
    return ndarray(a.shape, sorted(range(a.size), key=a.data.__getitem__), "i")


def sort(a: Any) -> ndarray:
    return asarray(a).map(lambda x: x)[argsort(a)]


def unique(a: Any) -> ndarray:
    return asarray(sorted(set(asarray(a).data)))


def diff(a: Any) -> ndarray:
    a = asarray(a)
    return asarray(a[1:] - a[:-1])


def ptp(a: Any) -> Any:
    return asarray(a).max() - asarray(a).min()


def median(a: Any) -> Any:
    xs = sorted(asarray(a).data)
    n = len(xs)
    return float64((xs[(n - 1) // 2] + xs[n // 2]) / 2)


def flip(a: Any, axis: int = 0) -> ndarray:
    return asarray(a)[(slice(None),) * axis + (slice(None, None, -1),)]


def clip(a: Any, low: Any, high: Any) -> Any:
    return minimum(maximum(a, low), high)


def nan_to_num(a: Any) -> Any:
    return where(isfinite(a), a, 0.0)


def ndindex(*shape: Any) -> Iterator[tuple[int, ...]]:
    wanted = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    return (tuple(i // s % d for s, d in zip(steps(wanted), wanted, strict=True)) for i in range(count(wanted)))


def unravel_index(i: Any, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(i) // s % d for s, d in zip(steps(shape), shape, strict=True))


class finfo:
    """Of double precision, whatever is asked."""

    eps, tiny, max, min, bits = sys.float_info.epsilon, sys.float_info.min, sys.float_info.max, -sys.float_info.max, 64
    smallest_normal = tiny

    def __init__(self, of: Any = float) -> None:
        return None


class errstate:
    """Nothing warns here."""

    def __init__(self, **_: Any) -> None:
        return None

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


# linear algebra


class LinAlgError(ValueError):
    pass


def square_rows(A: Any) -> list[list[Any]]:
    A = asarray(A)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise LinAlgError("the matrix is not square")
    if not _all(cmath.isfinite(x) for x in A.data):
        raise LinAlgError("the matrix is not finite")
    return [[x if A.kind == "c" else float(x) for x in row] for row in rows_of(A)]


def rows_of(A: ndarray) -> list[list[Any]]:
    n = A.shape[1]
    return [A.data[i * n : (i + 1) * n] for i in range(A.shape[0])]


def lu(A: Any) -> tuple[list[list[Any]], list[int], int]:
    """L below and U on and above the diagonal, the rows that were taken as pivots, the sign of their order."""
    M = square_rows(A)
    n, sign_, pivots = len(M), 1, []
    for k in range(n):
        p = _max(range(k, n), key=lambda i: _abs(M[i][k]))
        pivots.append(p)
        if p != k:
            M[p], M[k], sign_ = M[k], M[p], -sign_
        if M[k][k] == 0:
            continue
        for i in range(k + 1, n):
            f = M[i][k] = M[i][k] / M[k][k]
            if f:
                row, top = M[i], M[k]
                for j in range(k + 1, n):
                    row[j] -= f * top[j]
    return M, pivots, sign_


def solve(A: Any, b: Any) -> Any:
    M, pivots, _ = lu(A)
    return solved(M, pivots, asarray(b))


def solved(M: list[list[Any]], pivots: Sequence[int], b: ndarray, kind: str = "") -> ndarray:
    n = len(M)
    if b.shape[0] != n:
        raise ValueError("solve: the sizes do not fit")
    if _any(M[k][k] == 0 for k in range(n)):
        raise LinAlgError("Singular matrix")
    X = [row[:] for row in rows_of(b.reshape(n, -1))]
    for k, p in enumerate(pivots):
        X[k], X[p] = X[p], X[k]
    for i in range(n):
        for k in range(i):
            if M[i][k]:
                X[i] = [x - M[i][k] * y for x, y in zip(X[i], X[k], strict=True)]
    for i in reversed(range(n)):
        for k in range(i + 1, n):
            if M[i][k]:
                X[i] = [x - M[i][k] * y for x, y in zip(X[i], X[k], strict=True)]
        X[i] = [x / M[i][i] for x in X[i]]
    data = [x for row in X for x in row]
    return ndarray(b.shape, data, found_kind(data, "f"))


def inv(A: Any) -> ndarray:
    return solve(A, eye(len(asarray(A))))


def slogdet(A: Any) -> tuple[Any, Any]:
    M, _, s = lu(A)
    value, total = s, 0.0
    for k, row in enumerate(M):
        if row[k] == 0:
            return float64(0.0), float64(-inf)
        value *= row[k] / _abs(row[k])
        total += math.log(_abs(row[k]))
    return scalar(value if isinstance(value, complex) else float(value)), float64(total)


def det(A: Any) -> Any:
    M, _, s = lu(A)
    return scalar(math.prod([row[k] for k, row in enumerate(M)], start=float(s)))


def cholesky(A: Any) -> ndarray:
    M = square_rows(A)
    n = len(M)
    for j in range(n):
        for k in range(j):
            for i in range(j, n):
                M[i][j] -= M[i][k] * M[j][k].conjugate()
        pivot = M[j][j].real
        if not pivot > 0:
            raise LinAlgError("Matrix is not positive definite")
        root = math.sqrt(pivot)
        M[j][j] = root
        for i in range(j + 1, n):
            M[i][j] /= root
    return tril(array(M))


def qr(A: Any, mode: str = "reduced") -> Any:
    """By Householder's reflections."""
    A = asarray(A)
    m, n = A.shape
    R = [[float(x) for x in row] for row in rows_of(A)]
    Q = [[float(i == j) for j in range(m)] for i in range(m)]
    for k in range(_min(m - 1, n)):
        x = [R[i][k] for i in range(k, m)]
        size_ = math.hypot(*x)
        if size_ == 0:
            continue
        x[0] += math.copysign(size_, x[0])
        h = 2 / _sum(t * t for t in x)
        for M in (R, Q):
            for j in range(len(M[0])):
                c = h * _sum(x[i - k] * M[i][j] for i in range(k, m))
                for i in range(k, m):
                    M[i][j] -= c * x[i - k]
    r = m if mode == "complete" else _min(m, n)
    upper = triu(asarray(R[:r])) if r else zeros((0, n))
    return upper if mode == "r" else Pair((asarray(Q[:r]).T if r else zeros((m, 0)), upper), ("Q", "R"))


def eigh(A: Any) -> Any:
    """By Jacobi's rotations, which keep small eigenvalues exact."""
    M = square_rows(A)
    if _any(isinstance(x, complex) for row in M for x in row):
        raise ImportError("complex matrices are not here", name="numpy")
    n = len(M)
    V = [[float(i == j) for j in range(n)] for i in range(n)]
    for i in range(n):
        for j in range(i):
            M[j][i] = M[i][j]
    for _ in range(60):
        off = _sum(M[i][j] ** 2 for i in range(n) for j in range(i))
        if off <= 1e-40 * _sum(M[i][i] ** 2 for i in range(n)) or off == 0:
            break
        for p in range(n):
            for q in range(p + 1, n):
                if M[p][q] == 0:
                    continue
                t = (M[q][q] - M[p][p]) / (2 * M[p][q])
                t = math.copysign(1.0, t) / (_abs(t) + math.hypot(1.0, t)) if _abs(t) < 1e150 else 1 / (2 * t)
                c = 1 / math.hypot(1.0, t)
                s = t * c
                for k in range(n):
                    M[k][p], M[k][q] = c * M[k][p] - s * M[k][q], s * M[k][p] + c * M[k][q]
                for k in range(n):
                    M[p][k], M[q][k] = c * M[p][k] - s * M[q][k], s * M[p][k] + c * M[q][k]
                    V[k][p], V[k][q] = c * V[k][p] - s * V[k][q], s * V[k][p] + c * V[k][q]
    order = sorted(range(n), key=lambda i: M[i][i])
    values = asarray([M[i][i] for i in order], float)
    vectors = asarray([[V[k][i] for i in order] for k in range(n)], float)
    return Pair((values, vectors), ("eigenvalues", "eigenvectors"))


class Pair(tuple[Any, ...]):
    """Several results, also by their names."""

    names: tuple[str, ...]

    def __new__(cls, parts: Iterable[Any], names: tuple[str, ...]) -> Pair:
        made = super().__new__(cls, parts)
        made.names = names
        return made

    def __getattr__(self, name: str) -> Any:
        try:
            return self[self.names.index(name)]
        except ValueError:
            raise AttributeError(name) from None


def eigvalsh(A: Any) -> ndarray:
    found: ndarray = eigh(A)[0]
    return found


def svd(A: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """One-sided Jacobi: rotations make the columns orthogonal; their lengths are the singular values."""
    A = asarray(A)
    if A.kind == "c":
        raise ImportError("complex matrices are not here", name="numpy")
    m, n = A.shape
    if m < n:
        found = svd(A.T, full_matrices, compute_uv)
        return found if not compute_uv else Pair((found[2].T, found[1], found[0].T), ("U", "S", "Vh"))
    U = [[float(x) for x in A.data[j::n]] for j in range(n)]
    V = [[float(i == j) for i in range(n)] for j in range(n)]
    for _ in range(60):
        turned = False
        for p in range(n):
            for q in range(p + 1, n):
                a, b = (_sum(x * x for x in U[k]) for k in (p, q))
                g = _sum(x * y for x, y in zip(U[p], U[q], strict=True))
                if g == 0 or _abs(g) <= 1e-16 * math.sqrt(a * b):
                    continue
                turned = True
                z = (b - a) / (2 * g)
                t = math.copysign(1.0, z) / (_abs(z) + math.hypot(1.0, z))
                c = 1 / math.hypot(1.0, t)
                s = c * t
                for M in (U, V):
                    M[p], M[q] = (
                        [c * x - s * y for x, y in zip(M[p], M[q], strict=True)],
                        [s * x + c * y for x, y in zip(M[p], M[q], strict=True)],
                    )
        if not turned:
            break
    sizes = [math.hypot(*u) for u in U]
    order = sorted(range(n), key=lambda j: -sizes[j])
    values = asarray([sizes[j] for j in order], float)
    if not compute_uv:
        return values
    left = [[x / sizes[j] for x in U[j]] if sizes[j] > 0 else None for j in order]
    columns = completed([u for u in left if u is not None], m, m if full_matrices else n)
    return Pair((asarray(columns).T, values, asarray([V[j] for j in order])), ("U", "S", "Vh"))


def completed(columns: list[list[float]], m: int, wanted: int) -> list[list[float]]:
    """More columns, orthogonal to those that there are and to one another."""
    out = list(columns)
    for k in range(m):
        if len(out) >= wanted:
            break
        v = [float(i == k) for i in range(m)]
        for _ in range(2):
            for u in out:
                c = _sum(x * y for x, y in zip(u, v, strict=True))
                v = [y - c * x for x, y in zip(u, v, strict=True)]
        size_ = math.hypot(*v)
        if size_ > 1e-8:
            out.append([x / size_ for x in v])
    return out


def pinv(A: Any, rcond: float | None = None, **_: Any) -> ndarray:
    U, s, V = svd(A, full_matrices=False)
    floor_ = (rcond or 1e-15) * (s.data[0] if s.size else 0)
    turned = asarray([1 / x if x > floor_ else 0.0 for x in s.data], float)
    return asarray((V.T * turned) @ U.T)


def lstsq(A: Any, b: Any, rcond: Any = None) -> tuple[Any, ...]:
    s = svd(A, compute_uv=False)
    return pinv(A) @ asarray(b), zeros(0), matrix_rank(A), s


def matrix_rank(A: Any, tol: float | None = None) -> int:
    A = asarray(A)
    s = svd(A, compute_uv=False)
    floor_ = s.data[0] * _max(A.shape) * finfo.eps if tol is None and s.size else tol or 0
    return _sum(x > floor_ for x in s.data)


def cond(A: Any, p: Any = None) -> Any:
    s = svd(A, compute_uv=False)
    return float64(divide_numbers(s.data[0], s.data[-1]))


def matrix_power(A: Any, n: int) -> ndarray:
    A = inv(A) if n < 0 else asarray(A)
    out = eye(len(A), dtype=A.dtype)
    for _ in range(_abs(n)):
        out = out @ A
    return out


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    a = asarray(x)
    if axis is not None:
        if ord not in (None, 2):
            raise ImportError("this norm is not here", name="numpy")
        return reduced(a, lambda xs: math.hypot(*map(_abs, xs)), axis, keepdims, "f")
    if ord in (None, "fro") or (ord == 2 and a.ndim == 1):
        return float64(math.hypot(*map(_abs, a.data)))
    if a.ndim == 1:
        return float64({1: _sum, inf: _max}[ord](map(_abs, a.data)))
    if ord in (1, inf):
        return asarray(absolute(a)).sum(axis=0 if ord == 1 else 1).max()
    s = svd(a, compute_uv=False)
    return {2: s.max, "nuc": s.sum, -2: s.min}[ord]()


def eigvals(A: Any) -> ndarray:
    """By QR steps with Wilkinson's shift, on complex numbers; symmetric matrices by rotations."""
    M = square_rows(A)
    n = len(M)
    if _all(M[i][j] == M[j][i] and not isinstance(M[i][j], complex) for i in range(n) for j in range(i)):
        return eigvalsh(A)
    M, found = [[complex(x) for x in row] for row in M], []
    size_ = math.hypot(*(_abs(x) for row in M for x in row)) or 1.0
    left = 100 * n
    while M:
        m = len(M)
        if m == 1 or _max(_abs(x) for x in M[-1][:-1]) <= 1e-15 * size_ or left == 0:
            found.append(M[-1][-1])
            M = [row[:-1] for row in M[:-1]]
            continue
        left -= 1
        a, b, c, d = M[-2][-2], M[-2][-1], M[-1][-2], M[-1][-1]
        root = cmath.sqrt((a - d) ** 2 / 4 + b * c)
        shift = _min(((a + d) / 2 + root, (a + d) / 2 - root), key=lambda x: _abs(x - d))
        if left % 11 == 0:
            shift += size_ * 1e-3
        columns = [[M[i][j] - shift * (i == j) for i in range(m)] for j in range(m)]
        Q: list[list[complex]] = []
        R = [[0j] * m for _ in range(m)]
        for j, v in enumerate(columns):
            for _ in range(2):
                for i, q in enumerate(Q):
                    c = _sum(x.conjugate() * y for x, y in zip(q, v, strict=True))
                    R[i][j] += c
                    v = [y - c * x for x, y in zip(q, v, strict=True)]
            R[j][j] = complex(math.hypot(*map(_abs, v)))
            Q.append([x / R[j][j] for x in v] if R[j][j] else [complex(i == j) for i in range(m)])
        M = [[_sum(R[i][k] * Q[j][k] for k in range(m)) + shift * (i == j) for j in range(m)] for i in range(m)]
    real_ = _all(_abs(x.imag) <= 1e-12 * size_ for x in found)
    return asarray([x.real for x in found] if real_ else found)


class Generator:
    """Random arrays; other ones than NumPy's."""

    def __init__(self, seed: Any = None) -> None:
        self.random_ = _random.Random(str(seed))

    def made(self, draw: Callable[[], Any], size: Any, kind: str) -> Any:
        if size is None:
            return scalar(draw())
        return ndarray(_shape(size), [draw() for _ in range(count(_shape(size)))], kind)

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: Any = None) -> Any:
        return self.made(lambda: self.random_.gauss(loc, scale), size, "f")

    def standard_normal(self, size: Any = None) -> Any:
        return self.normal(size=size)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:
        return self.made(lambda: self.random_.uniform(low, high), size, "f")

    def random(self, size: Any = None) -> Any:
        return self.uniform(size=size)

    def integers(self, low: int, high: int | None = None, size: Any = None, endpoint: bool = False) -> Any:
        low, high = (0, low) if high is None else (low, high)
        return self.made(lambda: self.random_.randrange(low, high + endpoint), size, "i")

    def permutation(self, n: Any) -> ndarray:
        xs = list(range(n)) if isinstance(n, int) else list(asarray(n).data)
        self.random_.shuffle(xs)
        return asarray(xs)

    def choice(self, a: Any, size: Any = None, replace: bool = True) -> Any:
        xs = list(range(a)) if isinstance(a, int) else list(asarray(a).data)
        return self.made(lambda: self.random_.choice(xs), size, kind_of(xs[0]))


def default_rng(seed: Any = None) -> Generator:
    return seed if isinstance(seed, Generator) else Generator(seed)


def _module(name: str, **parts: Any) -> types.ModuleType:
    made = types.ModuleType(f"{__name__}.{name}")
    vars(made).update(parts)
    made.__getattr__ = missing(made.__name__)  # type: ignore[method-assign]
    sys.modules[made.__name__] = made
    return made


def missing(module: str) -> Callable[[str], Any]:
    def lookup(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"{module}.{name} is not in the page without a server", name="numpy")

    return lookup


__getattr__ = missing(__name__)
DTYPES = {kind: dtype(of) for kind, of in TYPES.items()}
float64.dtype, complex128.dtype, bool_.dtype = DTYPES["f"], DTYPES["c"], DTYPES["b"]
_operators()
_ALGEBRA = (LinAlgError, solve, inv, det, slogdet, cholesky, qr, eigh, eigvalsh, eigvals, svd, pinv, lstsq)
_MORE = (matrix_rank, cond, matrix_power, norm)
linalg = _module("linalg", **{f.__name__: f for f in (*_ALGEBRA, *_MORE)})
random = _module("random", Generator=Generator, default_rng=default_rng)
