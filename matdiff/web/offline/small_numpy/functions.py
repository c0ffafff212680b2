"""Functions of entries."""

from __future__ import annotations

import builtins
import cmath
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from .arrays import asarray, broadcast_to, elementwise, found_kind, ndarray, put, reduced, result
from .numbers import cast, divide_numbers, inf, nan, power_numbers, wider


class ufunc:
    """A function of entries."""

    def __init__(self, f: Callable[..., Any], arguments: int = 1, kinds: str = "") -> None:
        """`kinds` are those of the values for booleans, whole, real and complex numbers; "-": there are none."""
        self.f, self.arguments, self.kinds = f, arguments, kinds

    def __call__(self, *args: Any, out: Any = None, where: Any = None, dtype: Any = None, **_: Any) -> Any:
        arrays = [asarray(a) for a in args]
        wide = wider(*(a.kind for a in arrays))
        kind = self.kinds["bifc".index(wide)] if self.kinds and wide != "O" else ""
        if kind == "-":
            raise TypeError("the function is not defined for numbers of this kind")
        if self.arguments == 2:
            found = elementwise(self.f, *arrays, kind)
        else:
            (a,) = arrays
            data = [self.f(x) for x in a.data]
            kind = kind or found_kind(data, a.kind)
            found = result(a.shape, [cast(x, kind) for x in data], kind)
        return found if out is None else put(broadcast_to(found, out.shape), out)

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
            a.write([i], [self.f(a.data[i], x)])


def real_function(f: Callable[[float], float], complex_one: Callable[[complex], complex] | None = None) -> ufunc:
    def made(x: Any) -> Any:
        try:
            if isinstance(x, complex):
                return complex_one(x) if complex_one else nan
            return f(x)
        except ValueError:
            return nan
        except OverflowError:
            return inf

    return ufunc(made, 1, "fff-" if complex_one is None else "fffc")


def log_number(x: float) -> float:
    return -inf if x == 0 else math.log(x)


def complex_log(x: complex) -> complex:
    return complex(-inf, 0.0) if x == 0 else cmath.log(x)


def sign_number(x: Any) -> Any:
    if isinstance(x, complex):
        return x / builtins.abs(x) if x else 0j
    return x if x != x else type(x)((x > 0) - (x < 0))


def logadd(a: float, b: float) -> float:
    if a != a or b != b:
        return nan
    top = builtins.max(a, b)
    return top if not math.isfinite(top) else top + math.log1p(math.exp(-builtins.abs(a - b)))


def whole_part(f: Callable[[float], int]) -> ufunc:
    return ufunc(lambda x: x if isinstance(x, int) or not math.isfinite(x) else float(f(x)), 1, "bif-")


exp, log = real_function(math.exp, cmath.exp), real_function(log_number, complex_log)
sqrt = real_function(math.sqrt, cmath.sqrt)
sin, cos = real_function(math.sin, cmath.sin), real_function(math.cos, cmath.cos)
tan, tanh = real_function(math.tan, cmath.tan), real_function(math.tanh, cmath.tanh)
cosh = real_function(math.cosh, cmath.cosh)
sinh = real_function(lambda x: math.copysign(inf, x) if builtins.abs(x) > 710 else math.sinh(x), cmath.sinh)
arcsin, arccos = real_function(math.asin, cmath.asin), real_function(math.acos, cmath.acos)
arctan = real_function(math.atan, cmath.atan)
arcsinh, arccosh = real_function(math.asinh, cmath.asinh), real_function(math.acosh, cmath.acosh)
arctanh = real_function(lambda x: math.copysign(inf, x) if builtins.abs(x) == 1 else math.atanh(x), cmath.atanh)
log1p = real_function(lambda x: -inf if x == -1 else math.log1p(x))
expm1, log2 = real_function(math.expm1), real_function(lambda x: -inf if x == 0 else math.log2(x))
log10 = real_function(lambda x: -inf if x == 0 else math.log10(x))
floor, ceil = whole_part(math.floor), whole_part(math.ceil)
rint = real_function(lambda x: float(builtins.round(x)) if math.isfinite(x) else x)
sign, absolute = ufunc(sign_number, 1, "-ifc"), ufunc(builtins.abs, 1, "biff")
abs = absolute
fabs = ufunc(builtins.abs, 1, "fff-")
negative, square = ufunc(operator.neg, 1, "-ifc"), ufunc(lambda x: x * x, 1, "iifc")
reciprocal = ufunc(lambda x: divide_numbers(1.0, x), 1, "--fc")
isfinite = ufunc(lambda x: cmath.isfinite(x) if isinstance(x, complex) else math.isfinite(x), 1, "bbbb")
isnan = ufunc(lambda x: x != x, 1, "bbbb")
isinf = ufunc(cmath.isinf, 1, "bbbb")
conj = conjugate = ufunc(lambda x: x.conjugate(), 1, "iifc")
angle = ufunc(cmath.phase, 1, "ffff")
logical_not = ufunc(operator.not_, 1, "bbbb")
add, subtract, multiply = (ufunc(f, 2) for f in (operator.add, operator.sub, operator.mul))
divide = true_divide = ufunc(divide_numbers, 2)
power = ufunc(power_numbers, 2)
maximum = ufunc(lambda a, b: a if a != a or a >= b else b, 2, "bif-")
minimum = ufunc(lambda a, b: a if a != a or a <= b else b, 2, "bif-")
hypot, arctan2, copysign = (ufunc(f, 2, "fff-") for f in (math.hypot, math.atan2, math.copysign))
logaddexp = ufunc(logadd, 2, "fff-")
logical_and, logical_or = ufunc(lambda a, b: bool(a and b), 2, "bbbb"), ufunc(lambda a, b: bool(a or b), 2, "bbbb")
equal, not_equal = ufunc(operator.eq, 2, "bbbb"), ufunc(operator.ne, 2, "bbbb")
greater, less = ufunc(operator.gt, 2, "bbb-"), ufunc(operator.lt, 2, "bbb-")
greater_equal, less_equal = ufunc(operator.ge, 2, "bbb-"), ufunc(operator.le, 2, "bbb-")
