"""How much work something is, in function calls: a bound that no other program on the machine can break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from cProfile import Profile
from dataclasses import dataclass


@dataclass
class Count:
    calls: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """Counts the calls of Python and of C functions in the block."""
    count, profile = Count(), Profile()
    profile.enable()
    try:
        yield count
    finally:
        profile.disable()
        count.calls = sum(entry.callcount for entry in profile.getstats())


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Asserts that the block makes no more calls."""
    with counted() as count:
        yield
    assert count.calls <= calls, f"{count.calls:,} calls, but {calls:,} are allowed"
