"""Dimensions (polynomials in names that take whole values) and signatures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from itertools import product
from math import isqrt, lcm
from typing import ClassVar, Self
from weakref import WeakValueDictionary

from matdiff.errors import UnsupportedError

Monomial = tuple[str, ...]
Coefficient = int | Fraction
"""Whole nearly always; the ½ of n(n+1)/2, the length of vech, is not."""
Terms = tuple[tuple[Monomial, Coefficient], ...]

LONGEST = 1000
"""Most binary digits of a number in a dimension: Kronecker products multiply sizes."""


_set = object.__setattr__


class Dim:
    """A dimension in normal form: `3`, `n`, `m + n`, `2*m*n`, `n*(n+1)/2`.  Equal dimensions are the same object."""

    __slots__ = ("__weakref__", "name", "names", "number", "terms")
    terms: Terms
    number: int | None
    """The value where it is a number, else None."""
    name: str | None
    """The name where it is a single name, else None."""
    names: frozenset[str]
    _table: ClassVar[WeakValueDictionary[Terms, Dim]] = WeakValueDictionary()
    _reference = _table.data.get  # type: ignore[attr-defined]  # `_table.get` without its Python frame

    def __new__(cls, terms: Terms) -> Self:
        reference = cls._reference(terms)
        found = None if reference is None else reference()
        if found is None:
            found = object.__new__(cls)
            single = len(terms) == 1
            number = 0 if not terms else int(terms[0][1]) if single and not terms[0][0] else None
            _set(found, "terms", terms)
            _set(found, "number", number)
            _set(found, "name", terms[0][0][0] if single and len(terms[0][0]) == 1 and terms[0][1] == 1 else None)
            _set(found, "names", frozenset(n for m, _ in terms for n in m))
            cls._table[terms] = found
        return found

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("dimensions are immutable")

    @staticmethod
    def of(value: int | str | Dim) -> Dim:
        """A dimension from a number or a name.

        >>> Dim.of("m") * Dim.of("n") + Dim.of(1)
        m*n+1
        """
        if isinstance(value, Dim):
            return value
        if isinstance(value, str):
            return Dim((((value,), 1),))
        return Dim((((), value),) if value else ())

    @staticmethod
    def collect(parts: Mapping[Monomial, Coefficient]) -> Dim:
        kept = [(m, c.numerator if c.denominator == 1 else c) for m, c in parts.items() if c]
        if any(c.numerator.bit_length() > LONGEST for _, c in kept):
            raise UnsupportedError(f"a size has more than {LONGEST:,} binary digits")
        return Dim(tuple(sorted(kept, key=lambda t: (-len(t[0]), t[0]))))

    @property
    def whole(self) -> bool:
        """Whether the value is whole for all whole values of the names: that of n(n+1)/2 is, that of n/2 is not."""
        denominator = lcm(*(c.denominator for _, c in self.terms))
        if denominator == 1:
            return True
        names = sorted(self.names)
        if denominator ** len(names) > 1000:
            return False
        rests = product(range(denominator), repeat=len(names))
        return all(self._sum(dict(zip(names, rest, strict=True))).denominator == 1 for rest in rests)

    def __add__(self, other: Dim) -> Dim:
        parts = dict(self.terms)
        for m, c in other.terms:
            parts[m] = parts.get(m, 0) + c
        return Dim.collect(parts)

    def __sub__(self, other: Dim) -> Dim:
        return self + other * Dim.of(-1)

    def __mul__(self, other: Dim) -> Dim:
        parts: dict[Monomial, Coefficient] = {}
        for m, c in self.terms:
            for n, k in other.terms:
                key = tuple(sorted(m + n))
                parts[key] = parts.get(key, 0) + c * k
        return Dim.collect(parts)

    def substitute(self, values: Mapping[str, Dim]) -> Dim:
        """Names replaced by dimensions; names without a value stay."""
        name = self.name
        if name is not None:
            return values.get(name, self)
        if not any(n in values for n in self.names):
            return self
        total = Dim.of(0)
        for m, c in self.terms:
            factor = Dim((((), c),))
            for n in m:
                factor = factor * values.get(n, Dim.of(n))
            total = total + factor
        return total

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number for given sizes; KeyError names a missing one."""
        return int(self._sum(sizes))

    def _sum(self, sizes: Mapping[str, int]) -> Coefficient:
        total: Coefficient = 0
        for m, c in self.terms:
            for n in m:
                c *= sizes[n]
            total += c
        return total

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        for name in self.names if len(self.terms) == 2 else ():
            if triangular(Dim.of(name)) is self:
                return f"{name}*({name}+1)/2"
        out = ""
        for m, c in self.terms:
            front = abs(c.numerator)
            body = "*".join(([] if front == 1 and m else [str(front)]) + list(m))
            body += f"/{c.denominator}" if c.denominator > 1 else ""
            out += ("-" if c < 0 else "+" if out else "") + body
        return out

    __repr__ = __str__

    def __reduce__(self) -> tuple[type[Dim], tuple[Terms]]:
        return Dim, (self.terms,)


def triangular(n: Dim) -> Dim:
    """n(n+1)/2, the entries of the lower triangle.

    >>> triangular(Dim.of(3)), triangular(Dim.of("n"))
    (6, n*(n+1)/2)
    """
    return Dim.collect({m: Fraction(c) / 2 for m, c in (n * n + n).terms})


def triangle_side(d: Dim) -> Dim | None:
    """The n of which d is n(n+1)/2, or None.

    >>> triangle_side(Dim.of(6)), triangle_side(triangular(Dim.of("m"))), triangle_side(Dim.of(5))
    (3, m, None)
    """
    if d.number is not None:
        side = (isqrt(8 * d.number + 1) - 1) // 2
        return Dim.of(side) if side and triangular(Dim.of(side)) is d else None
    return next((n for name in d.names if triangular(n := Dim.of(name)) is d), None)


ONE = Dim.of(1)
ZERO = Dim.of(0)

Spec = tuple[Dim, ...] | None
"""One argument of a signature: `()` scalar, `(n)` vector, `(m,n)` matrix, None for `(...)`: any shape."""


@cache
def signature(text: str) -> tuple[tuple[Spec, ...], Spec]:
    """Read a signature in the notation of NumPy's generalised ufuncs; `(...)` stands for one and the same any shape.

    >>> signature("(m,n),(n,p)->(m,p)")
    (((m, n), (n, p)), (m, p))
    """
    left, right = text.split("->")
    inputs = tuple(_spec(part) for part in re.findall(r"\(([^)]*)\)", left))
    return inputs, _spec(right.strip("()"))


def _spec(text: str) -> Spec:
    if text == "...":
        return None
    return tuple(_dim(part) for part in text.split(",") if part)


def _dim(text: str) -> Dim:
    total = Dim.of(0)
    for term in text.split("+"):
        body, _, divisor = term.partition("/")
        factor = Dim.of(1)
        for name in body.split("*"):
            factor = factor * Dim.of(int(name) if name.isdigit() else name)
        total = total + Dim.collect({m: Fraction(c) / int(divisor or 1) for m, c in factor.terms})
    return total
