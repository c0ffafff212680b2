"""Is a derivative right, or what is claimed of it?  By numbers: differences of the function at random points."""

from __future__ import annotations

from collections.abc import Mapping

from matdiff.calculus.derivation import Derivation
from matdiff.calculus.expression import Expression
from matdiff.solution.claim import unlabelled
from matdiff.verify.claims import judge
from matdiff.verify.numeric import check_options, verified
from matdiff.verify.report import Verification


def verify(
    derivation: Derivation,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    claim: str | Expression | Mapping[str, str | Expression] | None = None,
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
        found: Verification = derivation.verify(seed, sizes, claim, points=points, method=method, order=order)
        return found
    if claim is None:
        return verified(derivation, seed, sizes, points, method, order)
    check_options(seed, sizes, points, method, order)
    return judge(derivation, unlabelled(derivation, claim), seed, sizes, points, order)
