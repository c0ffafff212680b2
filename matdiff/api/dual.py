"""Dual numbers a + bε with ε² = 0: values that carry their derivative along (Clifford 1873; Revels et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matdiff.calculus.differential import differentials
from matdiff.core.node import Kind, Node, Symbol, symbol
from matdiff.core.op import Record, differential_symbol, spellings, words
from matdiff.core.shape import ONE, Dim
from matdiff.errors import MatdiffError, ShapeError, UnsupportedError
from matdiff.graph.rewrite import prepared
from matdiff.ops.constants import zeros_like


@dataclass(frozen=True, eq=False)
class Dual:
    """A float, a 1-D or a 2-D array with its derivative, of the same shape, along one direction.

    Arithmetic is that of NumPy arrays, `@` the matrix product; functions of the language and of NumPy take duals,
    and so does `evaluate`.  Raises ShapeError where value and derivative have different shapes.

    >>> import matdiff as md
    >>> x = md.Dual(3.0, 1.0)
    >>> x * x + 1 / x
    Dual(9.333333333333334, 5.888888888888889)
    >>> md.exp(md.Dual(0.0, 2.0))
    Dual(1.0, 2.0)
    """

    value: Any
    derivative: Any = 0.0

    __dual__ = True
    """By this a dual number is told without this module."""

    def __post_init__(self) -> None:
        value, derivative = real(self.value), real(self.derivative)
        if getattr(derivative, "shape", ()) == () and getattr(value, "shape", ()) != () and derivative == 0:
            derivative = 0.0 * value
        if getattr(value, "shape", ()) != getattr(derivative, "shape", ()):
            raise ShapeError(
                f"a value of shape {getattr(value, 'shape', ())} has no derivative of shape "
                f"{getattr(derivative, 'shape', ())}",
                hint="the derivative along a direction has the shape of the value",
            )
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "derivative", derivative)

    def __repr__(self) -> str:
        return f"Dual({self.value!r}, {self.derivative!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(getattr(self.value, "shape", ()))

    @property
    def T(self) -> Dual:
        if not self.shape:
            return self
        return Dual(self.value.T, self.derivative.T)

    def __getitem__(self, key: Any) -> Dual:
        return Dual(self.value[key], self.derivative[key])

    def __add__(self, other: Any) -> Dual:
        o = dual(other)
        return Dual(self.value + o.value, self.derivative + o.derivative)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.derivative)

    def __pos__(self) -> Dual:
        return self

    def __sub__(self, other: Any) -> Dual:
        return self + -dual(other)

    def __rsub__(self, other: Any) -> Dual:
        return dual(other) + -self

    def __mul__(self, other: Any) -> Dual:
        """The product rule: (a + bε)(c + dε) = ac + (bc + ad)ε."""
        o = dual(other)
        return Dual(self.value * o.value, self.derivative * o.value + self.value * o.derivative)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        o = dual(other)
        check_nonzero(o.value)
        found = self.value / o.value
        return Dual(found, (self.derivative - found * o.derivative) / o.value)

    def __rtruediv__(self, other: Any) -> Dual:
        return dual(other) / self

    def __matmul__(self, other: Any) -> Dual:
        o = dual(other)
        try:
            return Dual(self.value @ o.value, self.derivative @ o.value + self.value @ o.derivative)
        except (ValueError, TypeError):
            raise ShapeError(f"cannot multiply shapes {self.shape} and {o.shape} as matrices") from None

    def __rmatmul__(self, other: Any) -> Dual:
        return dual(other) @ self

    def __pow__(self, other: Any) -> Dual:
        import numpy as np

        if isinstance(other, Dual) and np.any(other.derivative):
            return applied(words["exp"], [other * applied(words["log"], [self])])
        p = other.value if isinstance(other, Dual) else other
        if not np.any(p):
            return Dual(self.value**p, 0.0 * self.derivative)
        slope = p * self.value ** (p - 1)
        return Dual(self.value**p, slope * self.derivative)

    def __rpow__(self, other: Any) -> Dual:
        return dual(other) ** self

    def __abs__(self) -> Dual:
        return applied(words["abs"], [self])

    def __float__(self) -> float:
        raise UnsupportedError(
            "a dual number is no float: its derivative would be lost", hint="take .value, or use functions of matdiff"
        )

    def __eq__(self, other: object) -> bool:
        import numpy as np

        if not isinstance(other, Dual):
            return NotImplemented
        return np.array_equal(self.value, other.value) and np.array_equal(self.derivative, other.derivative)

    __hash__ = None  # type: ignore[assignment]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of duals: np.sin(x) is md.sin(x), and array + dual the sum of both."""
        signs: dict[str, Callable[[Any, Any], Any]] = {
            "add": lambda a, b: dual(a) + b,
            "subtract": lambda a, b: dual(a) - b,
            "multiply": lambda a, b: dual(a) * b,
            "true_divide": lambda a, b: dual(a) / b,
            "divide": lambda a, b: dual(a) / b,
            "matmul": lambda a, b: dual(a) @ b,
            "power": lambda a, b: dual(a) ** b,
        }
        name = ufunc.__name__
        if method == "__call__" and not options:
            if name in signs:
                return signs[name](*inputs)
            if name == "negative":
                return -dual(inputs[0])
            name = {"absolute": "abs"}.get(name, name)
            name = name if name in words else spellings.get(name, name)
            if name in words and len(inputs) == 1:
                return applied(words[name], list(inputs))
        raise UnsupportedError(
            f"numpy.{ufunc.__name__} does not take dual numbers", hint="use the function of matdiff of that name, md.…"
        )


def real(value: Any) -> Any:
    """A float or an array of floats.  Raises MatdiffError for anything else, ShapeError for more than two axes."""
    import numpy as np

    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise MatdiffError(f"a dual number is made of real numbers or arrays, not of {value!r:.60}") from None
    if found.ndim > 2:
        raise ShapeError(f"arrays have at most two axes here, not {found.ndim}")
    return found if found.ndim else float(found)


def check_nonzero(value: Any) -> None:
    import numpy as np

    from matdiff.errors import DomainError

    if not np.all(value):
        raise DomainError("division by zero")


def dual(value: Any) -> Dual:
    """A constant as a dual number whose derivative is 0."""
    return value if isinstance(value, Dual) else Dual(value)


def named(i: int, a: Dual) -> Symbol:
    """A variable of the shape of an array, symmetric where the array is."""
    import numpy as np

    kind: Kind = ("scalar", "vector", "matrix")[len(a.shape)]
    rows, cols = (*map(Dim.of, a.shape), ONE, ONE)[:2]
    square = kind == "matrix" and rows is cols
    same = square and np.array_equal(a.value, a.value.T) and np.array_equal(a.derivative, a.derivative.T)
    return symbol("xyz"[i] if i < 3 else f"x_{i}", kind, rows, cols, frozenset({"symmetric"} if same else ()))


def applied(records: Sequence[Record], args: Sequence[Any]) -> Dual:
    """A function of the language at dual numbers: its value, and its record's differential along theirs."""
    from matdiff.inference import call_record

    given = [a if isinstance(a, int) and not isinstance(a, bool) else dual(a) for a in args]
    names = [a if isinstance(a, int) else named(i, a) for i, a in enumerate(given)]
    places = {v: a for v, a in zip(names, given, strict=True) if isinstance(v, Symbol) and isinstance(a, Dual)}
    return along(call_record(records, tuple(names)), places)


def along(node: Node, at: Mapping[Symbol, Dual]) -> Dual:
    """The value of an expression and its derivative along those of the arrays, by the rules of its parts."""
    from matdiff.codegen.evaluate import evaluate

    ready = prepared(node)
    directions = {v: differential_symbol(v) for v, a in at.items() if isinstance(a, Dual)}
    moved = differentials(ready, directions).get(ready) or zeros_like(ready)
    arrays = {v.name: a.value for v, a in at.items()}
    arrays |= {dv.name: at[v].derivative for v, dv in directions.items() if isinstance(dv, Symbol)}
    every = (*at, *(dv for dv in directions.values() if isinstance(dv, Symbol)))
    value, derivative = evaluate([node, moved], every, arrays)
    return Dual(value, derivative)


def evaluated(function: Node, variables: Sequence[Symbol], arrays: Mapping[str, Any]) -> Dual:
    """An expression at arrays some of which are duals.  Raises ArgumentError for a missing array."""
    from matdiff.codegen.emit.names import lookup
    from matdiff.codegen.evaluate import evaluate

    moving = {v: arrays[k] for v in variables if (k := lookup(v.name, arrays)) and isinstance(arrays[k], Dual)}
    ready = prepared(function)
    directions = {v: differential_symbol(v) for v in moving}
    moved = differentials(ready, directions).get(ready) or zeros_like(ready)
    plain = {k: a.value if isinstance(a, Dual) else a for k, a in arrays.items()}
    plain |= {dv.name: moving[v].derivative for v, dv in directions.items() if isinstance(dv, Symbol)}
    every = (*variables, *(dv for dv in directions.values() if isinstance(dv, Symbol)))
    value, derivative = evaluate([function, moved], every, plain)
    return Dual(value, derivative)


__all__ = ["Dual"]
