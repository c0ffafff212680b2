"""Names for the dimensions that inference leaves open: m×n for the first matrix, n for a square or a vector."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from matdiff.core.shape import Dim
from matdiff.inference.types import UNKNOWN, Solver, Type

LETTERS = ("n", "m", "p", "q", "k", "r", "s", "l")


def name_unknowns(types: Iterable[Type], solver: Solver, taken: Collection[str]) -> dict[str, Dim]:
    """A name for each unknown in the types; none is in `taken`."""
    out: dict[str, Dim] = {}
    free = _names(taken)
    values = [(kind, solver.value(rows), solver.value(cols)) for kind, rows, cols in types]
    for kind, rows, cols in values:
        if kind == "matrix" and rows in UNKNOWN and cols in UNKNOWN and rows is not cols:
            n, m = next(free), next(free)
            out[str(rows)], out[str(cols)] = (
                (Dim.of("m"), Dim.of("n")) if (n, m) == ("n", "m") else (Dim.of(n), Dim.of(m))
            )
            break
    for _, rows, cols in values:
        for dim in (rows, cols):
            for name in sorted(dim.names):
                if name[0] == "?" and name not in out:
                    out[name] = Dim.of(next(free))
    return out


def _names(taken: Collection[str]) -> Iterator[str]:
    yield from (name for name in LETTERS if name not in taken)
    i = 1
    while True:
        if f"n{i}" not in taken:
            yield f"n{i}"
        i += 1


def settled(dim: Dim, solver: Solver, names: Mapping[str, Dim]) -> Dim:
    return solver.value(dim).substitute(names)
