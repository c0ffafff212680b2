"""Random numbers; other ones than NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .arrays import asarray, count, kind_of, ndarray
from .making import _shape
from .missing import missing
from .numbers import scalar

__getattr__ = missing(__name__)


class Generator:
    """Random arrays; other ones than NumPy's."""

    def __init__(self, seed: Any = None) -> None:
        self.random_ = Random(str(seed))

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
