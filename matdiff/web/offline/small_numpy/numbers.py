"""Kinds of entries, and numbers out of arrays."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

inf, nan, pi, newaxis = math.inf, math.nan, math.pi, None
RANKS = "bifcO"
"""Kinds of numbers, each of which holds those before it."""


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
DTYPES = {kind: dtype(of) for kind, of in TYPES.items()}
float64.dtype, complex128.dtype, bool_.dtype = DTYPES["f"], DTYPES["c"], DTYPES["b"]
int64, intp, integer, number = int, int, int, (int, float, complex)
floating, complexfloating, generic, float32 = float, complex, _Scalar, float64


def scalar(x: Any) -> Any:
    """An entry as a number of its own."""
    if type(x) is float:
        return float64(x)
    if type(x) is complex:
        return complex128(x)
    return bool_(x) if type(x) is bool else x


def plain(x: Any) -> Any:
    return x.plain() if isinstance(x, _Scalar) else x


def cast(x: Any, kind: str) -> Any:
    if kind == "f":
        return float(x.real if isinstance(x, complex) else x)
    return {"b": bool, "i": int, "c": complex, "O": lambda y: y}[kind](x)


def fitted(x: Any, kind: str) -> Any:
    """A number put among entries of a kind.  Raises TypeError for a complex one among real ones."""
    if isinstance(x, complex) and kind in "bif":
        raise TypeError("a complex number does not go into a real array")
    return x if kind == "O" else cast(x, kind)


def kind_of_number(x: Any) -> str:
    t = type(x)
    if t is bool or t is bool_:
        return "b"
    if isinstance(x, int):
        return "i" if -(2**63) <= x < 2**63 else "O"
    return "f" if isinstance(x, float) else "c" if isinstance(x, complex) else "O"


def wider(*kinds: str) -> str:
    return max(kinds, key=RANKS.index, default="f")


def divide_numbers(a: Any, b: Any) -> Any:
    try:
        return a / b
    except ZeroDivisionError:
        if isinstance(b, complex):
            return complex(nan, nan)
        if isinstance(a, complex):
            return complex(divide_numbers(a.real, b), divide_numbers(a.imag, b))
        sign = math.copysign(1.0, b) if isinstance(b, float) else 1.0
        return nan if a == 0 or a != a else math.copysign(inf, a) * sign


def floor_numbers(a: Any, b: Any) -> Any:
    if b != 0:
        return a // b
    return divide_numbers(a, b) if isinstance(a, float) or isinstance(b, float) else 0


def rest_numbers(a: Any, b: Any) -> Any:
    if b != 0:
        return a % b
    return nan if isinstance(a, float) or isinstance(b, float) else 0


def power_numbers(a: Any, b: Any) -> Any:
    """Raises ValueError for a whole number with a negative whole exponent, as NumPy does."""
    if isinstance(a, int) and isinstance(b, int):
        if b < 0:
            raise ValueError("integers to negative integer powers are not allowed")
        return a**b
    several = isinstance(a, complex) or isinstance(b, complex)
    try:
        found = a**b
    except ZeroDivisionError:
        if several:
            return complex(nan, nan)
        return math.copysign(inf, a) if b % 2 == 1 else inf
    except OverflowError:
        if several:
            return complex(nan, nan)
        return -inf if a < 0 and b % 2 == 1 else inf
    return nan if isinstance(found, complex) and not several else found


def not_for_bool(a: Any, b: Any) -> Any:
    raise TypeError("- of two booleans is not supported")


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": divide_numbers,
    "pow": power_numbers,
    "floordiv": floor_numbers,
    "mod": rest_numbers,
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
OF_BOOLEANS: dict[Any, Callable[[Any, Any], Any]] = {
    operator.add: operator.or_,
    operator.mul: operator.and_,
    operator.sub: not_for_bool,
}
"""What NumPy takes for these where both sides are true or false."""


def _operators() -> None:
    def operation(f: Callable[[Any, Any], Any], turned: bool) -> Any:
        def made(self: Any, other: Any) -> Any:
            if not isinstance(other, (int, float, complex)):
                return NotImplemented
            a, b = self.plain(), plain(other)
            return scalar(f(b, a) if turned else f(a, b))

        return made

    def comparison(f: Callable[[Any, Any], Any]) -> Any:
        def made(self: Any, other: Any) -> Any:
            if not isinstance(other, (int, float, complex)):
                return NotImplemented
            return bool_(f(self.plain(), plain(other)))

        return made

    for cls in (float64, complex128):
        for name, f in COMPARING.items():
            setattr(cls, f"__{name}__", comparison(f))
        cls.__hash__ = cls.__mro__[2].__hash__  # type: ignore[method-assign]
        for name in ("add", "sub", "mul", "truediv", "pow"):
            setattr(cls, f"__{name}__", operation(ARITHMETIC[name], False))
            setattr(cls, f"__r{name}__", operation(ARITHMETIC[name], True))
        cls.__neg__ = lambda self: scalar(-self.plain())  # type: ignore[method-assign]
        cls.__abs__ = lambda self: scalar(abs(self.plain()))  # type: ignore[method-assign]


_operators()
