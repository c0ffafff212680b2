"""Source executed, which the emitters wrote themselves; Numba's modules, kept on disk, are loaded by its backend."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any

APART = "\n\n\n"
"""What stands between the parts of a generated module: its imports, its helpers, its functions."""


@lru_cache(maxsize=64)
def executed(text: str, name: str) -> Callable[..., Any]:
    """The function of that name in a source; the same for the same."""
    return run(text, name, {})


def run(text: str, name: str, given: dict[str, Any]) -> Callable[..., Any]:
    """The function of that name in a source, which may use what is given."""
    space = {"__name__": "matdiff.generated", **given}
    *shared, last = text.split(APART)
    for part in shared:
        exec(compiled(part), space)
    exec(compile(last, "<matdiff>", "exec"), space)
    function: Callable[..., Any] = space[name]
    return function


@lru_cache(maxsize=256)
def compiled(part: str) -> CodeType:
    """Imports and helpers, which module after module brings along."""
    return compile(part, "<matdiff>", "exec")
