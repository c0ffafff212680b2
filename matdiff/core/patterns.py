"""Regular expressions that are compiled when they are first used.

A start reads a hundred of them and uses a dozen; compiling all would take a tenth of its time.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Deferred:
    """Stands for a compiled pattern; a method that was looked up once stays at hand."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._made = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(re.compile(*self._made), name)
        setattr(self, name, found)
        return found


def deferred(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """The regular expression, to be used as what `re.compile` returns.

    >>> deferred("a+").match("aab").end()
    2
    """
    return cast("re.Pattern[str]", _Deferred(pattern, flags))
