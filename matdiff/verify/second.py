"""The second derivative of a function that is not scalar: its differential is differentiated again, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from matdiff.graph.rewrite import inline
from matdiff.ops.algebra import add
from matdiff.verify.identity import compare
from matdiff.verify.numeric import check
from matdiff.verify.report import Verification

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation


def check_second(
    d: Derivation, seed: int = 0, sizes: Mapping[str, int] | None = None, points: int = 3, method: str = "central"
) -> Verification:
    """Is F''(X)[dX₁, dX₂] right?  Differences of dF along dX₁ against its differential, and that against the form."""
    again = d.of_differential
    found = check(again, seed, sizes, points, 1, method)
    if found.passed is not True:
        return found
    said = compare(inline(add(*d.second_forms)), inline(again.differential.node), seed)
    if said.equal:
        return found
    if said.equal is None:
        return replace(found, passed=None, reason="no point was found at which the second derivative is defined")
    return replace(found, passed=False, reason="the bilinear form is not the differential of the differential")
