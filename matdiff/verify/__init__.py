"""Numerical verification: of a derivation by differences of its function, of a claim by comparison with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matdiff.errors import MatdiffError, ParseError
from matdiff.verify.report import Verification

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation
    from matdiff.api.expr import Expr
    from matdiff.solution.check import LineCheck, check_derivation
    from matdiff.solution.steps import check_steps

METHODS = ("forward", "backward", "central", "richardson", "complex", "dual")


def verify(
    derivation: Derivation,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    claim: str | Expr | Mapping[str, str | Expr] | None = None,
    points: int = 3,
    method: str = "central",
    order: int = 1,
) -> Verification:
    """Is the derivative right, or a claim about it?

    Without a claim, central differences of the function at random points of its domain, in random directions
    of the tangent space, are held against the derivative; `order=2` does so with the Hessian.  `sizes` fixes
    dimensions, `{"n": 100}`; then the function is evaluated at most 40 times and its derivative 3 times.

    `method` says how: `forward`, `backward`, `central` differences, `richardson`, the `complex` step, or `dual`
    numbers, which share the records' rules with the derivative; the theory of each is in `matdiff.verify.methods`.

    A claim is a gradient (of a vector or matrix function: a Jacobian), with a dX in it the differential, with
    `order=2` the Hessian.  Raises ParseError or ShapeError for a claim that cannot be read or has no meaning.
    """
    if hasattr(derivation, "systems") or hasattr(derivation, "member"):
        return derivation.verify(seed, sizes, claim, points=points, method=method, order=order)
    whole("seed", seed, 0)
    whole("points", points, 1)
    if sizes is not None and not isinstance(sizes, Mapping):
        raise MatdiffError(f"sizes gives numbers by name, not {sizes!r}", hint='for instance sizes={"n": 100}')
    if method not in METHODS:
        raise MatdiffError(f"there is no method {method!r}", hint=f"the methods are {', '.join(METHODS)}")
    if order not in (1, 2):
        raise MatdiffError(f"order must be 1 or 2, not {order!r}")
    if claim is not None:
        from matdiff.solution.claim import unlabelled
        from matdiff.verify.claims import judge

        claim = unlabelled(derivation, claim)
        return judge(derivation, claim, seed, sizes, points, order)
    from matdiff.verify.numeric import check

    return check(derivation, seed, sizes, points, order, method)


def whole(what: str, value: Any, least: int) -> None:
    """Raises MatdiffError unless the value is a whole number from `least`."""
    if not hasattr(value, "__index__") or value < least:
        raise MatdiffError(f"{what} is a whole number from {least}, not {value!r}")


def check_claim(
    function: str | Expr,
    claim: str | Expr | Mapping[str, str | Expr],
    wrt: str | Expr | Sequence[Expr],
    declare: str | Sequence[str] | None = None,
    order: int = 1,
    seed: int = 0,
) -> Verification:
    """Is this the derivative of the function?  If not, `.message` says what is wrong with it.

    >>> check_claim("tr(A*X*B)", "A*B", wrt="X", declare="A: n×n; X: n×n; B: n×n").passed
    False
    """
    from matdiff.api.derive import derive

    if claim is None:
        raise ParseError("there is no claim to check", hint="to check the derivative itself, derive(…).verify()")
    return derive(function, wrt, declare).verify(claim=claim, order=order, seed=seed)


def __getattr__(name: str) -> Any:
    """What few need, on first use."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module 'matdiff.verify' has no attribute {name!r}")
    return getattr(import_module(f"matdiff.{HOMES[name]}"), name)


HOMES = {
    "check_derivation": "solution.check",
    "LineCheck": "solution.check",
    "check_steps": "solution.steps",
    "taylor": "verify.taylor",
    "errors": "verify.convergence",
}

__all__ = ["LineCheck", "Verification", "check_claim", "check_derivation", "check_steps", "verify"]
