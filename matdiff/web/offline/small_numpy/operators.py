"""What stands between arrays: arithmetic, comparisons, the product of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .arrays import asarray, elementwise, ndarray, put
from .numbers import ARITHMETIC, COMPARING, _Scalar
from .products import dot, matmul


def _operators() -> None:
    def operation(f: Callable[[Any, Any], Any], turned: bool, kind: str = "") -> Any:
        def made(self: Any, other: Any) -> Any:
            if other is None or isinstance(other, (str, dict)):
                return NotImplemented
            return elementwise(f, other, self, kind) if turned else elementwise(f, self, other, kind)

        return made

    def in_place(f: Callable[[Any, Any], Any]) -> Any:
        def made(self: Any, other: Any) -> Any:
            return put(elementwise(f, self, other), self)

        return made

    for name, f in ARITHMETIC.items():
        setattr(ndarray, f"__{name}__", operation(f, False))
        setattr(ndarray, f"__r{name}__", operation(f, True))
        setattr(ndarray, f"__i{name}__", in_place(f))
    for name, f in COMPARING.items():
        setattr(ndarray, f"__{name}__", operation(f, False, "b"))
    for name in ("reshape", "ravel", "__getitem__"):
        setattr(_Scalar, name, lambda self, *args, _name=name, **more: getattr(asarray(self), _name)(*args, **more))
    ndarray.__matmul__ = ndarray.__imatmul__ = lambda self, other: matmul(self, other)  # type: ignore[attr-defined]
    ndarray.__rmatmul__ = lambda self, other: matmul(other, self)  # type: ignore[attr-defined]
    ndarray.dot = lambda self, other: dot(self, other)  # type: ignore[attr-defined]


_operators()
