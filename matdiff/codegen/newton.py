"""How H s = −∇f is solved without forming H: the first rule that fits the terms of the Hessian gives a form.

The solvers that forms name are in `solvers`.
"""

from __future__ import annotations

from collections.abc import Sequence

from matdiff.calculus.quadratic import Other, Rank
from matdiff.codegen.bandforms import banded_form
from matdiff.codegen.matrixforms import RULES
from matdiff.codegen.recipes import Call, Form, Hessian, Sizes
from matdiff.codegen.sideforms import vector_form


def form(H: Hessian) -> Form | None:
    """The structured form of a Hessian; None where no rule fits."""
    if not H.parts:
        return None
    if any(isinstance(p, Other) for p in H.parts) or H.X.attributes & LOOSE:
        return banded_form(H) if not H.X.attributes & LOOSE else None
    ranks = [p for p in H.parts if isinstance(p, Rank)]
    rest = [p for p in H.parts if not isinstance(p, Rank)]
    if H.X.kind == "vector":
        return vector_form(H, rest, ranks)
    found = next((f for rule in RULES if (f := rule(H, rest)) is not None), None)
    if found is None or not ranks:
        return found
    return with_ranks(found, ranks)


LOOSE = frozenset(
    {"skew", "diagonal", "lower", "upper", "orthogonal", "orthonormal", "grassmann", "oblique", "simplex"}
)
"""Sets whose directions a solver in all of space leaves."""


def with_ranks(base: Form, ranks: Sequence[Rank]) -> Form:
    """A few ⟨G, dX⟩ K beside a form."""
    data = tuple((r.factor, r.G, r.K) for r in ranks)
    k = len(ranks)

    def words(sizes: Sizes) -> str:
        return f"{base.words(sizes)}, and {k} term{'s' * (k > 1)} of rank one (Woodbury)"

    return Form(Call("Plus", (base.solver, data)), base.right, words, lambda s: (k + 1) * base.count(s))
