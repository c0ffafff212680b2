"""E, Var, Cov and Φ as they are read, and the expectation that they are made of."""

from __future__ import annotations

from matdiff.core.node import Node, number
from matdiff.core.op import Macro, Op
from matdiff.ops.algebra import add, matmul, power, scale, transpose
from matdiff.ops.elementwise import (
    erf,
    sqrt,
)

EXPECTATION: Op = Op(
    "expectation",
    "(...)->(...)",
    (None,),
    lambda args, params: (args[0].kind, args[0].rows, args[0].cols),
    summary="the mean of what is random inside: E[x]",
)
"""Not in the register: it has a meaning only where something is declared random."""

SPOKEN = "Ͱ"
"""How E is spelt while a text is read in which E[…] is the expectation: a letter that nobody types."""


def _deviation(x: Node) -> Node:
    return add(x, scale(number(-1), EXPECTATION.build((x,))))


def _covariance_of(x: Node, y: Node) -> Node:
    """E[(x − E[x])(y − E[y])ᵀ]."""
    a, b = _deviation(x), _deviation(y)
    return EXPECTATION.build((scale(a, b) if x.kind == "scalar" else matmul(a, transpose(b)),))


def _variance_of(x: Node) -> Node:
    return EXPECTATION.build((power(_deviation(x), number(2)),)) if x.kind == "scalar" else _covariance_of(x, x)


SPOKEN_SO: dict[str, list[Op | Macro]] = {
    SPOKEN: [EXPECTATION],
    "Ϗ": [Macro("normcdf", "()->()", lambda x: (1 + erf(x / sqrt(number(2)))) / 2)],
    "Ͳ": [Macro("Var", "()->()", _variance_of), Macro("Var", "(n)->(n,n)", _variance_of)],
    "Ͷ": [
        Macro("Cov", "(),()->()", _covariance_of),
        Macro("Cov", "(m),(n)->(m,n)", _covariance_of),
        Macro("Cov", "(n)->(n,n)", _variance_of),
        Macro("Cov", "()->()", _variance_of),
    ],
}
"""E, Var, Cov and Φ(…) of a number likewise; of one vector Var and Cov are the covariance matrix."""
