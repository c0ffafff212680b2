"""What is asked: a function, of random variables or not, and the variables to differentiate by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from matdiff.api.derivation import Derivation
from matdiff.api.derived import derived
from matdiff.api.expr import Expr
from matdiff.api.wrt import chosen_names
from matdiff.errors import UnsupportedError

if TYPE_CHECKING:
    from matdiff.verify.convexity import Convexity


@overload
def derive(
    function: str | Expr,
    wrt: str | Expr,
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
    inner: str | Expr | None = None,
    metric: str = "euclidean",
    convention: str = "torch",
) -> Derivation[Expr]: ...
@overload
def derive(
    function: str | Expr,
    wrt: list[str] | list[Expr] | list[str | Expr] | tuple[str | Expr, str | Expr, *tuple[str | Expr, ...]],
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
    inner: str | Expr | None = None,
    metric: str = "euclidean",
    convention: str = "torch",
) -> Derivation[dict[str, Expr]]: ...
@overload
def derive(
    function: str | Expr,
    wrt: str | Expr | Sequence[str | Expr],
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
    inner: str | Expr | None = None,
    metric: str = "euclidean",
    convention: str = "torch",
) -> Derivation[Any]: ...
def derive(
    function: str | Expr,
    wrt: str | Expr | Sequence[str | Expr],
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
    inner: str | Expr | None = None,
    metric: str = "euclidean",
    convention: str = "torch",
) -> Derivation[Any]:
    """Differentiate a function by the variable `wrt` (several: `"X,Y"`).

    The gradient and the Jacobian are an Expr, by several variables a dict of them by name; a type checker is told which
    where several names are a list, `wrt=["X", "Y"]`.
    `function` is text in the language or an expression; `declare` is text or a list of texts.
    Text with equations, "A*x = b for x; c'*x", gives an `Implicit` instead of a `Derivation`.
    `inner` is the W of a weighted inner product ⟨x,y⟩ = xᵀWy, for which the gradient is W⁻¹∇f; W must be spd.
    `metric="affine"` gives spd variables the affine-invariant metric tr(S⁻¹ U S⁻¹ V), for which it is S ∇f S.
    With complex variables, `convention` is that of the gradient: torch (df = Re⟨G, dz⟩), jax or wirtinger.
    Raises ParseError, ShapeError, UnsupportedError, or DomainError where the function is defined nowhere.

    >>> derive("tr(A*X*B)", wrt="X").gradient.text(ascii=True)
    "A'*B'"
    """
    from matdiff.api.reading import may_be_random

    if isinstance(function, str) and may_be_random(function, declare):
        from matdiff.api.lawtexts import random_here

        names, known = chosen_names(wrt)
        if random_here(function, declare, known):
            from matdiff.api.random import expected

            if inner is not None or metric != "euclidean":
                raise UnsupportedError("a weighted inner product or another metric goes with functions without E[…]")
            mean: Derivation = expected(function, declare, dialect, names, known)  # type: ignore[assignment]
            return mean
    return derived(function, wrt, declare, dialect, inner, metric, convention)


def explicit(d: Derivation) -> Derivation:
    """The derivation itself.  Raises UnsupportedError for one of unknowns of equations, or of a mean that is kept."""
    if hasattr(d, "systems"):
        raise UnsupportedError(
            "a derivation through equations is not read line by line here",
            hint="md.derive(…).steps tells it, and .verify(claim=…) checks a gradient",
        )
    if hasattr(d, "member"):
        raise UnsupportedError(
            "a derivation by one member is not read line by line", hint="differentiate by all of them"
        )
    if not isinstance(d, Derivation):
        raise UnsupportedError("a mean without a closed form is not read line by line here")
    return d


def convex(
    function: str | Expr,
    wrt: str | Expr | Sequence[str | Expr],
    declare: str | Sequence[str] | None = None,
    dialect: str = "auto",
) -> Convexity:
    """Is a scalar function convex, concave, affine, neither, or is that unknown?  In several variables: jointly.

    Raises what `derive` raises, and ShapeError for a function that is not scalar.

    >>> convex("norm(A*x - b)^2", wrt="x").verdict
    'convex'
    """
    return derive(function, wrt, declare, dialect).convexity
