"""Arrays from numbers and sizes, and what is asked of an array."""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

from .arrays import asarray, count, kind_of, ndarray, result
from .numbers import TYPES, cast, dtype, kind_of_type, wider


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
    if all(isinstance(a, int) for a in args):
        return asarray(list(range(*args)), dtype or int)
    start, stop, step = (0.0, *args, 1.0) if len(args) == 1 else (*args, 1.0)[:3]
    return asarray([start + i * step for i in range(max(0, math.ceil((stop - start) / step)))], dtype)


def linspace(a: float, b: float, num: int = 50, endpoint: bool = True) -> ndarray:
    last = num - 1 if endpoint else num
    return asarray([a + (b - a) * i / last if last else a for i in range(num)], float)


def logspace(a: float, b: float, num: int = 50, base: float = 10.0) -> ndarray:
    return asarray([base**x for x in linspace(a, b, num).data])


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
