"""A claim with a label and the dress of LaTeX, `$\\nabla f = A^\\top b$`, as the formula that it claims."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from matdiff.solution.fields import sides
from matdiff.solution.labels import kind
from matdiff.solution.plain import LATEX
from matdiff.solution.spelling import Vocabulary
from matdiff.solution.tidy import stripped

if TYPE_CHECKING:
    from matdiff.calculus.derivation import Derivation

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
