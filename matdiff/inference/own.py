"""Functions that the user declares without saying what they are: `h: elementwise`, with h', h'', …"""

from __future__ import annotations

from functools import cache

from matdiff.node import Node
from matdiff.op import Nonlinear, Op
from matdiff.ops.algebra import hadamard


@cache
def unknown(name: str, order: int = 0) -> Op:
    """The elementwise function `name`, or its derivative of that order; the same name is the same function."""

    def differential(x: Node, dx: Node) -> Node:
        return hadamard(unknown(name, order + 1)(x), dx)

    return Op(
        name + "'" * order,
        "(...)->(...)",
        (Nonlinear(differential),),
        law="chain rule",
        elementwise=True,
        summary="an unknown elementwise function",
    )


def split_primes(name: str) -> tuple[str, int]:
    """`h''` is the second derivative of h."""
    base = name.rstrip("'")
    return base, len(name) - len(base)
