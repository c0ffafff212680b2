"""Is a derivative right, or what is claimed of it, however it is dressed?  By differences at random points."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from matdiff.calculus.derivation import Derivation
from matdiff.calculus.expression import Expression
from matdiff.solution.labels import kind, sides
from matdiff.solution.spelling import Vocabulary
from matdiff.solution.tidy import LATEX, stripped
from matdiff.verify.claims import judge
from matdiff.verify.numeric import check_options, verified
from matdiff.verify.report import Verification

LABELLED = re.compile(
    r"\$|\\\[|∇|∂|\\nabla|\\partial|\\frac|\w'+\s*\(|\bd\w*\s*/\s*d|\b(?:gradient|jacobian|hessian)\b", re.IGNORECASE
)


def unlabelled(d: Derivation, claim: Any) -> Any:
    """The right side of `∇f = …`, `gradient: …`, `df/dx = …`; anything else as it is.

    >>> import matdiff as md
    >>> unlabelled(md.derive("x'*x", wrt="x"), r"$\\nabla f = 2x$")
    '2x'
    """
    if not isinstance(claim, str) or d.several:
        return claim
    if not LABELLED.search(claim):
        return set_apart(d, claim)
    text = re.sub(r"^(\s*(?:the\s+)?(?:gradient|jacobian|hessian|derivative))\s*:\s*", r"\1 = ", claim, flags=re.I)
    text = stripped(text).rstrip(".,; ") if "\n" not in text else text
    found = sides(text)
    if len(found) == 1:
        return text if "$" in claim or "\\[" in claim else set_apart(d, claim)
    names = {v.name for v in d.function.variables}
    about = kind(found[0], d.wrt[0].name, names, "") if ";" not in found[0] else ""
    if len(found) != 2 or about not in ("first", "second", "differential"):
        return claim
    return set_apart(d, found[1].strip())


def set_apart(d: Derivation, claim: str) -> str:
    """One-letter names that are run together, Ax for A x, in plain text without definitions."""
    names = {v.name for v in d.function.variables}
    runs = any(len(word) > 1 and word not in names for word in re.findall(r"[^\W\d_ᵀ]+", claim))
    if not runs or LATEX.search(claim) or re.search(r"[=;\n]", claim):
        return claim
    sizes = {name for v in d.function.variables for dim in v.shape for name in dim.names}
    return Vocabulary({*names, *sizes}, d.wrt[0].name).respelled(claim)


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
