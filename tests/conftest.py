"""Tests import the tables beside them; `--full` runs all cases of what is otherwise run as a fixed share."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Before NumPy is imported: workers of which each starts a thread a core are in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
import share

# Few of the objects that are made by the million are in cycles, and JAX is asked to collect, too, each time.
gc.set_threshold(100_000, 20, 20)

# What XLA makes of the code is not tested here, and half of what the tests with JAX cost is its optimising.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="every case, where else a fixed share is run")


def pytest_configure(config: pytest.Config) -> None:
    share.full = config.getoption("--full")
    config.addinivalue_line("markers", "share(of): one case in so many, always the same, unless --full is given")


def pytest_collection_finish() -> None:
    """What the collection has made stays: the collector of cycles need not go through it again and again."""
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not in the share."""
    if share.full:
        return
    out = [item for item in items if not in_share(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if in_share(item)]


def in_share(item: pytest.Item) -> bool:
    """Is the sum of the places of its parameters in their lists a multiple of the share?

    So every value of each parameter is met by the values of the others in turn: of two parameters both tables are
    run whole, only not each row with each.
    """
    found = item.get_closest_marker("share")
    if found is None:
        return True
    (of,) = found.args
    return sum(place(mark, item.callspec.params) for mark in item.iter_markers("parametrize")) % of == 0  # type: ignore[attr-defined]


def place(mark: pytest.Mark, given: dict[str, Any]) -> int:
    """Which row of the list of a parametrization is given?"""
    names = mark.args[0].replace(",", " ").split() if isinstance(mark.args[0], str) else mark.args[0]
    wanted = [given[name] for name in names]
    for i, row in enumerate(mark.args[1]):
        values = row.values if hasattr(row, "marks") else row if len(names) > 1 else (row,)
        if all(a is b or (isinstance(a, int) and a == b) for a, b in zip(values, wanted, strict=True)):
            return i
    raise LookupError(f"{wanted} is in no row")


@pytest.fixture
def in_process() -> Iterator[None]:
    from marking import in_this_process

    with in_this_process():
        yield


@pytest.fixture
def full() -> Callable[[int, int], int]:
    """`full(share, all)`: how many, of what a test goes through by itself."""
    return lambda part, every: every if share.full else part
