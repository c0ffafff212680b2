"""Functions for `scipy.optimize.minimize`: value, gradient and Hessian times vector over one flat array."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from matdiff.calculus.tangent import project, tangent
from matdiff.codegen import compile_
from matdiff.codegen.arguments import missing, refuse_unknown
from matdiff.codegen.emit.names import lookup
from matdiff.codegen.emit.sizes import Misfit, bind
from matdiff.codegen.evaluate import as_array, sizes_of
from matdiff.core.node import Symbol, describe
from matdiff.core.shape import ZERO, Dim
from matdiff.errors import ShapeError, UnsupportedError

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

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
    for v in known:
        if v not in found and v not in gradients:
            raise missing(v.name, describe(v))
    refuse_unknown([v.name for v in known], (), fixed)
    arrays = {v: as_array(v, value) for v, value in found.items()}
    sizes_of(arrays)
    pack = Packing(derivation.wrt, arrays)
    directions = tuple(derivation.directions.values())
    value = compile_(derivation.function.node, known, unchecked=True)
    gradient = compile_(list(gradients.values()), known, unchecked=True)
    curvatures = [project(derivation.curvature[X], X) for X in derivation.wrt]
    second = compile_(curvatures, (*known, *directions), unchecked=True)
    moving = tuple(dX.name for dX in directions)
    return (
        partial(value_at, value, pack),
        partial(gradient_at, gradient, pack),
        partial(product_at, second, pack, moving),
    )


def value_at(value: Function, pack: Packing, z: Any) -> float:
    return float(value(**pack.fixed, **pack.unpacked(z, pack.names)))


def gradient_at(gradient: Function, pack: Packing, z: Any) -> Any:
    return packed(gradient(**pack.fixed, **pack.unpacked(z, pack.names)))


def product_at(second: Function, pack: Packing, directions: tuple[str, ...], z: Any, v: Any) -> Any:
    given = {**pack.unpacked(z, pack.names), **pack.unpacked(v, directions)}
    return packed(second(**pack.fixed, **given))


class Packing:
    """Where each variable lies in the flat vector, and the arrays that stay as they are."""

    def __init__(self, variables: tuple[Symbol, ...], fixed: Mapping[Symbol, Any]) -> None:
        self.names = tuple(v.name for v in variables)
        self.dims = [v.shape for v in variables]
        self.fixed = {v.name: a for v, a in fixed.items()}
        self.facts = [(d, s) for v, a in fixed.items() for d, s in zip(v.shape, a.shape, strict=True)]
        self.count = number_of_entries(variables)
        self.shapes: list[tuple[int, ...]] = []

    def find(self, length: int) -> None:
        """The shapes: from the fixed arrays and, where one dimension is left, from the length of the vector."""
        sizes = bind(self.facts)
        if not self.count.names <= sizes.keys():
            try:
                sizes = bind([*self.facts, (self.count, length)])
            except Misfit:
                raise ShapeError(f"the vector has {length} entries, but the variables have {self.count}") from None
        missing = self.count.names - sizes.keys()
        if missing:
            raise ShapeError(f"the size {min(missing)} does not follow from the arrays", hint="declare it as a number")
        self.shapes = [tuple(d.evaluate(sizes) for d in shape) for shape in self.dims]

    def unpacked(self, z: Any, names: tuple[str, ...]) -> dict[str, Any]:
        """The arrays in the flat vector, under the names given."""
        import numpy as np

        try:
            flat = np.asarray(z, dtype=float).reshape(-1)
        except (TypeError, ValueError):
            raise ShapeError("the variables are given as one vector of numbers") from None
        if not self.shapes:
            self.find(flat.size)
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])
        if ends[-1] != flat.size:
            raise ShapeError(f"the vector has {flat.size} entries, but the variables have {ends[-1]}")
        parts = np.split(flat, ends[:-1])
        return {name: part.reshape(shape)[()] for name, part, shape in zip(names, parts, self.shapes, strict=True)}


def packed(values: Any) -> Any:
    """The flat vector of arrays of the variables' shapes."""
    import numpy as np

    parts = [np.asarray(value, dtype=float).reshape(-1) for value in values]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def number_of_entries(variables: tuple[Symbol, ...]) -> Dim:
    total = ZERO
    for v in variables:
        total = total + v.rows * v.cols
    return total
