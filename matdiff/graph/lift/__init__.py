"""Sums over an index in matrix notation: Σᵢ (yᵢ − wᵀxᵢ)² as ‖y − X w‖², with X of rows xᵢᵀ.

In comes an expression with members xᵢ of families and sums over their indices, out comes one without either.  Every
part is read for all values of its indices at once: a scalar as an array with an axis an index, a vector as a sum of
scalars times rows of matrices, a matrix as a sum of scalars times fixed matrices or outer products.  What would need
an array with three axes is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from matdiff.core.node import Node
from matdiff.graph.lift.lifter import Lifter
from matdiff.graph.lift.rules import RULES
from matdiff.graph.lift.values import Member
from matdiff.ops.sums import Index


def lifted(root: Node, members: Mapping[Node, Member], free: tuple[Index, ...] = ()) -> Node:
    """An expression without sums over an index, its families as arrays; `free` are the indices of its entries or rows.

    Raises UnsupportedError; see `Lifter.run`.
    """
    return Lifter(RULES, members, {index.name: index for index in free}).run(root, tuple(index.name for index in free))
