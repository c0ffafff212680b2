"""Functions for `scipy.optimize.minimize`: value, gradient and Hessian times vector over one flat array."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from matdiff.codegen import compile_
from matdiff.codegen.names import lookup
from matdiff.codegen.sizes import bind
from matdiff.errors import MatdiffError, ShapeError, UnsupportedError
from matdiff.node import Symbol, describe
from matdiff.structure import project, tangent

if TYPE_CHECKING:
    from matdiff.derivation import Derivation

Function = Callable[..., Any]


def scipy_functions(derivation: Derivation, fixed: Mapping[str, Any]) -> tuple[Function, Function, Function]:
    """`fun(z)`, `jac(z)` and `hessp(z, v)` of a scalar function; z holds the variables one after the other, row by row.

    `fixed` has the arrays of all other variables.  The sizes of the variables follow from these, or from numbers
    in the declarations; raises ShapeError where they do not, UnsupportedError for a variable on a set that is no
    linear space.
    """
    for X in derivation.wrt:
        space = tangent(X)
        if "spd" in X.attributes or (space is not None and space.curved):
            raise UnsupportedError(
                f"{X.name} moves in a set ({', '.join(sorted(X.attributes))}), which a flat vector does not stay in",
                hint="write the variable by free parameters, for instance S = L*L'",
            )
    gradients = {X: project(G, X) for X, G in derivation.raw_gradients.items()}
    known = derivation.function.variables
    found = {v: fixed[key] for v in known if (key := lookup(v.name, fixed)) is not None and v not in gradients}
    missing = [v for v in known if v not in found and v not in gradients]
    if missing:
        raise MatdiffError(f"the array {missing[0].name} is missing: {describe(missing[0])}", hint="pass it by name")
    pack = Packing(derivation.wrt, found)
    arrays = {v.name: value for v, value in found.items()}
    directions = tuple(derivation.directions.values())
    value = compile_(derivation.function.node, known)
    gradient = compile_(list(gradients.values()), known)
    second = compile_([project(derivation.curvature[X], X) for X in derivation.wrt], (*known, *directions))

    def fun(z: Any) -> float:
        return float(value(**arrays, **pack.unpacked(z, derivation.wrt)))

    def jac(z: Any) -> Any:
        return pack.packed(gradient(**arrays, **pack.unpacked(z, derivation.wrt)))

    def hessp(z: Any, v: Any) -> Any:
        given = {**pack.unpacked(z, derivation.wrt), **pack.unpacked(v, directions)}
        return pack.packed(second(**arrays, **given))

    return fun, jac, hessp


class Packing:
    """Where each variable lies in the flat vector."""

    def __init__(self, variables: tuple[Symbol, ...], fixed: Mapping[Symbol, Any]) -> None:
        self.variables = variables
        self.fixed = fixed
        self.shapes: list[tuple[int, ...]] = []

    def find(self, length: int) -> None:
        """The shapes: from the fixed arrays and, where one dimension is left, from the length of the vector."""
        import numpy as np

        facts = [(d, s) for v, a in self.fixed.items() for d, s in zip(v.shape, np.shape(a), strict=False)]
        sizes = bind((d, s) for d, s in facts if d.number is None)
        if any(not d.names <= sizes.keys() for v in self.variables for d in v.shape):
            count = number_of_entries(self.variables)
            sizes = bind([*((d, s) for d, s in facts if d.number is None), (count, length)])
        missing = {n for v in self.variables for d in v.shape for n in d.names - sizes.keys()}
        if missing:
            raise ShapeError(f"the size {min(missing)} does not follow from the arrays", hint="declare it as a number")
        self.shapes = [tuple(d.evaluate(sizes) for d in v.shape) for v in self.variables]

    def unpacked(self, z: Any, names: tuple[Symbol, ...]) -> dict[str, Any]:
        """The arrays in the flat vector, under the names given."""
        import numpy as np

        flat = np.asarray(z, dtype=float).reshape(-1)
        if not self.shapes:
            self.find(flat.size)
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])
        if ends[-1] != flat.size:
            raise ShapeError(f"the vector has {flat.size} entries, but the variables have {ends[-1]}")
        parts = np.split(flat, ends[:-1])
        return {v.name: part.reshape(shape)[()] for v, part, shape in zip(names, parts, self.shapes, strict=True)}

    def packed(self, values: Any) -> Any:
        """The flat vector of arrays of the variables' shapes."""
        import numpy as np

        parts = [np.asarray(value, dtype=float).reshape(-1) for value in values]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def number_of_entries(variables: tuple[Symbol, ...]) -> Any:
    total = None
    for v in variables:
        entries = v.rows * v.cols
        total = entries if total is None else total + entries
    return total
