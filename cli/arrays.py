"""Arrays on the command line: `--at "x=[1, 2]; A=[1 2; 3 4]"` and `--data FILE.npz`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from matdiff.errors import MatdiffError

LONGEST = 100_000
"""Characters of --at."""
LARGEST = 2**30
"""Bytes of a file of arrays."""
HOW = 'for instance --at "x=[1, 2]; A=[1 2; 3 4]", or --data FILE.npz with arrays by name'

Decorated = Callable[..., Any]


def arrays(function: Decorated) -> Decorated:
    """The options --at and --data."""
    for decorate in (
        click.option("--data", metavar="FILE.npz", help="Arrays by name, as numpy.savez writes them."),
        click.option("--at", metavar="ARRAYS", help='Arrays by name: "x=[1, 2]; A=[1 2; 3 4]; lambda=0.1".'),
    ):
        function = decorate(function)
    return function


def given(at: str | None, data: str | None, variables: Sequence[Any] = ()) -> dict[str, Any]:
    """The arrays of both; what --at says goes before.  Raises MatdiffError for what cannot be read.

    A column `[1; 2]` that is typed for a vector among the variables is that vector.
    """
    found = typed(at) if at else {}
    for v in variables:
        value = found.get(v.name)
        if v.kind == "vector" and value is not None and value.ndim == 2 and value.shape[1] == 1:
            found[v.name] = value[:, 0]
    return {**(loaded(data) if data else {}), **found}


def loaded(path: str) -> dict[str, Any]:
    import os

    import numpy as np

    try:
        if os.path.getsize(path) > LARGEST:
            raise MatdiffError(f"{path} is larger than {LARGEST >> 30} GiB")
        with np.load(path, allow_pickle=False) as found:
            if not hasattr(found, "files"):
                raise MatdiffError(f"{path} holds one array without a name", hint="numpy.savez keeps names")
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no file of NumPy arrays"
        raise MatdiffError(
            f"cannot read {path}: {why}", hint="numpy.savez(path, A=A, b=b) writes such a file"
        ) from None


def typed(text: str) -> dict[str, Any]:
    """`x=[1, 2]; A=[1 2; 3 4]`, separated by semicolons or commas outside brackets."""
    if len(text) > LONGEST:
        raise MatdiffError(f"--at is longer than {LONGEST // 1000} kB", hint="put the arrays in a file for --data")
    found: dict[str, Any] = {}
    for part in filter(str.strip, pieces(text)):
        name, sign, value = (p.strip() for p in part.partition("="))
        if not sign or not name:
            raise MatdiffError(f"--at takes arrays by name, not {part.strip()[:60]!r}", hint=HOW)
        if name in found:
            raise MatdiffError(f"--at gives {name} twice")
        found[name] = array(name, value)
    return found


def pieces(text: str) -> Iterator[str]:
    """Cut at semicolons and commas that stand outside brackets."""
    depth, start = 0, 0
    for i, c in enumerate(text):
        depth += (c == "[") - (c == "]")
        if c in ";," and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]


def array(name: str, text: str) -> Any:
    """A number, `[1, 2]`, `[1 2]`, `[[1, 2], [3, 4]]` or `[1, 2; 3, 4]`."""
    import numpy as np

    body = text.replace("−", "-")
    if body.startswith("[") and not body.startswith("[["):
        inside = body[1:-1] if body.endswith("]") else body
        rows = [re.split(r"[,\s]+", row.strip().strip(",")) for row in inside.split(";") if row.strip()]
        lines = ["[" + ", ".join(row) + "]" for row in rows]
        body = "[" + ", ".join(lines) + "]" if ";" in inside else "".join(lines)
    try:
        value = np.asarray(json.loads(re.sub(r"(?<![\d.])\.(?=\d)", "0.", body)), dtype=float)
    except (ValueError, TypeError, RecursionError):
        raise MatdiffError(f"{name}={text[:60]} is no array of numbers", hint=HOW) from None
    if not np.isfinite(value).all():
        raise MatdiffError(f"{name} is not finite")
    return value


def plain(value: Any) -> Any:
    """Arrays as lists, for JSON; keys that are pairs joined by a comma."""
    import numpy as np

    if isinstance(value, dict):
        return {k if isinstance(k, str) else ",".join(k): plain(v) for k, v in value.items()}
    return np.asarray(value).tolist()
