"""What arrays can do, as functions; order, and comparisons of arrays."""

from __future__ import annotations

import builtins
import cmath
from collections.abc import Callable
from typing import Any

from .arrays import asarray, axis_of, elementwise, moveaxis, ndarray, result
from .functions import subtract
from .numbers import float64, nan


def _method(name: str) -> Callable[..., Any]:
    def made(a: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(asarray(a), name)(*args, **kwargs)

    return made


sum = _method("sum")
prod = _method("prod")
mean, var, std = (_method(n) for n in ("mean", "var", "std"))
max = amax = _method("max")
min = amin = _method("min")
all, any, argmax, argmin, cumsum, cumprod = (
    _method(n) for n in ("all", "any", "argmax", "argmin", "cumsum", "cumprod")
)
reshape, ravel, transpose, swapaxes, squeeze, copy = (
    _method(n) for n in ("reshape", "ravel", "transpose", "swapaxes", "squeeze", "copy")
)


def round(a: Any, decimals: int = 0) -> Any:
    found = asarray(a).round(decimals)
    return result(found.shape, found.data, found.kind)


around = round


def argsort(a: Any, axis: int | None = -1, kind: Any = None) -> ndarray:
    """What is no number comes last; equal entries keep their order."""
    a, axis = (ravel(a), 0) if axis is None else (asarray(a), axis)
    turned = moveaxis(a, axis, -1)
    n = turned.shape[-1]
    rows = [turned.data[i : i + n] for i in range(0, a.size, n or 1)]
    order = [
        i
        for xs in rows
        for i in sorted(range(n), key=lambda i, xs=xs: (xs[i] != xs[i], 0 if xs[i] != xs[i] else xs[i]))
    ]
    found = ndarray(turned.shape, order, "i")
    return moveaxis(found, -1, axis).copy()


def sort(a: Any, axis: int | None = -1) -> ndarray:
    a, axis = (ravel(a), 0) if axis is None else (asarray(a), axis)
    turned = moveaxis(a, axis, -1)
    n = turned.shape[-1]
    at = argsort(turned).data
    found = ndarray(turned.shape, [turned.data[i - i % n + at[i]] for i in range(a.size)], a.kind)
    return moveaxis(found, -1, axis).copy()


def unique(a: Any) -> ndarray:
    a = asarray(a)
    strange = [x for x in a.data if x != x][:1]
    return asarray([*sorted({x for x in a.data if x == x}), *strange], a.dtype)


def diff(a: Any, axis: int = -1) -> ndarray:
    a = asarray(a)
    before = (slice(None),) * axis_of(a, axis)
    return asarray(a[(*before, slice(1, None))] - a[(*before, slice(None, -1))])


def ptp(a: Any) -> Any:
    return subtract(asarray(a).max(), asarray(a).min())


def median(a: Any) -> Any:
    xs = sorted(asarray(a).data)
    n = len(xs)
    if not n or builtins.any(x != x for x in xs):
        return float64(nan)
    return float64((xs[(n - 1) // 2] + xs[n // 2]) / 2)


def count_nonzero(a: Any) -> int:
    return builtins.sum(map(bool, asarray(a).data))


def array_equal(a: Any, b: Any) -> bool:
    a, b = asarray(a), asarray(b)
    return a.shape == b.shape and a.data == b.data


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    return bool(asarray(isclose(a, b, rtol, atol, equal_nan)).all())


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    def near(x: Any, y: Any) -> bool:
        if x != x or y != y:
            return equal_nan and x != x and y != y
        if cmath.isinf(y):
            return bool(x == y)
        return bool(builtins.abs(x - y) <= atol + rtol * builtins.abs(y))

    return elementwise(near, a, b, "b")
