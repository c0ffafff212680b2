"""Functions for a problem of Pymanopt: cost, gradient and Hessian on the sets in which the variables move.

Pymanopt writes a tangent of the orthogonal matrices as the skew Ω of V = XΩ; everything else is written alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from matdiff.core.node import Symbol
from matdiff.errors import MatdiffError, ShapeError, UnsupportedError
from matdiff.ops.sets import AFFINE, ORTHOGONAL, CurvedSet

Function = Callable[..., Any]
FLAT = {"": "Euclidean", "symmetric": "Symmetric", "skew": "SkewSymmetric"}
"""Pymanopt's linear sets."""
TURNING = "SpecialOrthogonalGroup"


@dataclass(frozen=True)
class Manopt:
    """`cost, gradient, hessian` of a point: of X, and of X and a tangent V; of several variables one after the other.

    Gradient and Hessian are those on the sets, `euclidean_gradient` and `euclidean_hessian` those in all of space;
    for several variables lists.  For an orthogonal X, `gradient` and `hessian` give and take the skew Ω of V = XΩ.
    """

    cost: Function
    tangents: tuple[Function, Function]
    euclidean_gradient: Function
    euclidean_hessian: Function
    variables: tuple[Symbol, ...]
    sets: tuple[CurvedSet | None, ...]
    shapes: tuple[tuple[int, ...] | None, ...]
    """The shapes of the variables, None where they do not follow from the other arrays."""

    def __iter__(self) -> Iterator[Function]:
        return iter((self.cost, self.gradient, self.hessian))

    @property
    def gradient(self) -> Function:
        return partial(turned_gradient, self.tangents[0], [s is ORTHOGONAL for s in self.sets])

    @property
    def hessian(self) -> Function:
        return partial(turned_hessian, self.tangents[1], [s is ORTHOGONAL for s in self.sets])

    @property
    def riemannian_gradient(self) -> Function:
        return self.gradient

    @property
    def riemannian_hessian(self) -> Function:
        return self.hessian

    @property
    def manifold(self) -> Any:
        """Pymanopt's manifold of the variables, a product of several.

        Raises ShapeError where sizes are not known, UnsupportedError for a set that Pymanopt does not have.
        """
        manifolds = library().manifolds
        found = [
            manifold(manifolds, X, space, shape)
            for X, space, shape in zip(self.variables, self.sets, self.shapes, strict=True)
        ]
        return found[0] if len(found) == 1 else manifolds.Product(found)

    def problem(self, manifold: Any = None) -> Any:
        """A `pymanopt.Problem` on that manifold, or on one handed over, with derivatives by formula."""
        if manifold is None:
            manifold = self.manifold
        parts = getattr(manifold, "manifolds", [manifold])
        turning = [type(part).__name__ == TURNING for part in parts]
        function = library().function.numpy(manifold)
        return library().Problem(
            manifold,
            function(spread(self.cost)),
            riemannian_gradient=function(spread(partial(turned_gradient, self.tangents[0], turning))),
            riemannian_hessian=function(spread(partial(turned_hessian, self.tangents[1], turning))),
        )


def spread(run: Function) -> Function:
    """The same as a plain function, which Pymanopt's decorator asks for."""

    def called(*arrays: Any) -> Any:
        return run(*arrays)

    return called


def turned_gradient(run: Function, turning: Sequence[bool], *point: Any) -> Any:
    """The gradient, with Ω = XᵀV for each variable that turns."""
    return alike(turned(listed(run(*point), turning), point, turning), turning)


def turned_hessian(run: Function, turning: Sequence[bool], *arrays: Any) -> Any:
    """The Hessian along V, with V = XΩ for each variable that turns."""
    point, V = arrays[: len(turning)], arrays[len(turning) :]
    moved = [x @ v if turns else v for x, v, turns in zip(point, V, turning, strict=True)]
    return alike(turned(listed(run(*point, *moved), turning), point, turning), turning)


def turned(values: Sequence[Any], point: Sequence[Any], turning: Sequence[bool]) -> list[Any]:
    return [x.T @ g if turns else g for g, x, turns in zip(values, point, turning, strict=True)]


def listed(values: Any, turning: Sequence[bool]) -> list[Any]:
    return [values] if len(turning) == 1 else list(values)


def alike(values: list[Any], turning: Sequence[bool]) -> Any:
    return values[0] if len(turning) == 1 else values


def manifold(manifolds: Any, X: Symbol, space: CurvedSet | None, shape: tuple[int, ...] | None) -> Any:
    """Pymanopt's manifold of one variable."""
    name = FLAT.get(" ".join(X.attributes), "") if space is None else space.manopt
    if not name:
        raise UnsupportedError(
            f"Pymanopt has no manifold for {X.name}, which is {', '.join(sorted(X.attributes))}",
            hint="hand one over, .problem(manifold), or use the functions",
        )
    if shape is None:
        raise ShapeError(
            f"the size of {X.name} does not follow from the arrays",
            hint="declare it as a number, or hand a manifold over: .problem(manifold)",
        )
    square = space is AFFINE or space is ORTHOGONAL or name in ("Symmetric", "SkewSymmetric")
    return getattr(manifolds, name)(*(shape[:1] if square else shape))


def library() -> Any:
    """Pymanopt.  Raises MatdiffError where it is not installed."""
    try:
        return import_module("pymanopt")
    except ImportError:
        raise MatdiffError("this needs Pymanopt", hint="pip install 'matdiff[pymanopt]'") from None


__all__ = ["Manopt"]
