"""The marks that only derivations contain: d(u) and ⟨Y, V⟩, which no rule of the algebra touches, and `⇒ ∇f =`."""

from __future__ import annotations

from matdiff.core.node import Node
from matdiff.core.op import Op

D = Op("d", "(...)->(...)", (None,), lambda args, params: (args[0].kind, args[0].rows, args[0].cols), spoken=())
PAIRING = Op("pairing", "(...),(...)->()", (None, None), latex=r"\langle {0}, {1} \rangle", spoken=())

SO, ADJOINT, JACOBIAN, HESSIAN, SECOND = "⇒ ∇f =", "⇒ F* =", "⇒ J =", "⇒ H =", "⇒ F'' ="
"""What stands before an answer that is read off the line before it."""

LETTERS = {"scalar": "uvwzst", "vector": "rpghkz", "row": "rpghkz", "matrix": "MNPRTZ"}
"""Names for parts that are given one."""


def d(u: Node) -> Node:
    """d(u), not yet pushed inward."""
    return D.build((u,))


def pairing(Y: Node, V: Node) -> Node:
    """⟨Y, V⟩ while linear maps are moved across it."""
    return PAIRING.build((Y, V))
