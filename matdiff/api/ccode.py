"""C from a derivation: the source, its header, and a program that tests it at points computed beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matdiff.codegen import second_order
from matdiff.codegen.backends.c import c_name, unit
from matdiff.codegen.emit.loops import Native
from matdiff.codegen.evaluate import evaluate
from matdiff.core.node import Symbol
from matdiff.errors import MatdiffError
from matdiff.verify.sampling import check_given, names, point, ways

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation
    from matdiff.codegen.emit.module import Nodes

TRIES = 40
EXAMPLES = 2
LARGEST = 2_000
"""Most entries of the results of an example."""


@dataclass(frozen=True)
class CCode:
    """The texts of `NAME.c`, `NAME.h` and `NAME_test.c`, and `NAME.c` without its header, which needs no other file."""

    name: str
    source: str
    header: str
    test: str
    alone: str

    def write(self, folder: str | Path = ".") -> list[Path]:
        """The three files, written into a folder that is there."""
        texts = {f"{self.name}.c": self.source, f"{self.name}.h": self.header, f"{self.name}_test.c": self.test}
        paths = [Path(folder) / file for file in texts]
        for path, text in zip(paths, texts.values(), strict=True):
            path.write_text(text, encoding="utf-8")
        return paths


def c_code(
    d: Derivation,
    functions: Mapping[str, tuple[Nodes, str]] | None = None,
    name: str = "f",
    sizes: Mapping[str, int] | None = None,
    blas: bool = False,
    order: int = 1,
) -> CCode:
    """The functions of a derivation in C99; see `matdiff.Derivation.c`.

    `functions` has others, by name what each computes and what is said of it.
    """
    variables = d.function.variables
    chosen = check_given(sizes, names(variables)) if sizes else {}
    stem = c_name(name)
    made = unit(
        functions or usual(d, order),
        variables,
        name=stem,
        prefix=f"{stem}_",
        sizes=chosen,
        blas=blas,
        about=f"f = {d.function}",
    )
    found = list(islice(examples(made.functions, variables, chosen), EXAMPLES))
    return CCode(stem, made.source(alone=False), made.header, made.test(found), made.source())


def usual(d: Derivation, order: int) -> dict[str, tuple[Nodes, str]]:
    """Value, derivative, both together, and with the Hessian for order 2."""
    value, kind = d.function.node, d.kind
    result = getattr(d, kind)
    derivative = {x: g.node for x, g in result.items()} if isinstance(result, Mapping) else result.node
    together = {"": value, **derivative} if isinstance(derivative, dict) else [value, derivative]
    x = ", ".join(v.name for v in d.wrt)
    found: dict[str, tuple[Nodes, str]] = {
        "value": (value, f"The value of {d.function}"),
        kind: (derivative, f"The {kind} by {x} of {d.function}"),
        f"value_and_{kind}": (together, f"Value and {kind} by {x} of {d.function}"),
    }
    if order > 1:
        found["value_grad_hessian"] = (second_order(d), f"Value, gradient and Hessian by {x} of {d.function}")
    return found


Example = tuple[dict[str, int], dict[Symbol, Any], list[list[Any]]]


def examples(functions: Sequence[Native], variables: Sequence[Symbol], sizes: Mapping[str, int]) -> Iterator[Example]:
    """Sizes, arrays and the values of all results there, at points where these are defined."""
    roots = [n for f in functions for n, _ in f.outputs]
    rng = np.random.default_rng(0)
    seen: set[tuple[int, ...]] = set()
    for way in islice(ways(roots[0], variables, sizes), TRIES):
        mark = tuple(way.sizes.values())
        entries = sum(r.rows.evaluate(way.sizes) * r.cols.evaluate(way.sizes) for r in roots)
        if (mark in seen and mark) or entries > LARGEST:
            continue
        arrays = point(variables, way, rng)
        try:
            values = evaluate(list(roots), variables, {v.name: a for v, a in arrays.items()})
        except MatdiffError:
            continue
        if not all(np.all(np.abs(v) < 1e8) for v in values):
            continue
        seen.add(mark)
        rest = iter(values)
        yield dict(way.sizes), arrays, [[next(rest) for _ in f.outputs] for f in functions]
