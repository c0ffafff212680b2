"""Sums and products over an index, as they are read; `matdiff.graph.lift` brings them into matrix notation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from matdiff.core.node import Node
from matdiff.core.op import Linear, Op
from matdiff.core.shape import ONE, Dim

Axis = str
Relation = Literal["", "≠", "<", ">", "≤", "≥"]


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a sum that runs from `first` to `last`, both counted from 1; its name is no other index's."""

    name: Axis
    first: Dim
    last: Dim

    @property
    def length(self) -> Dim:
        return self.last - self.first + ONE


@dataclass(frozen=True, slots=True)
class Over:
    """What a sum runs over: one or two indices, how the first stands to the second (or to one of a sum around it),
    and the 0/1 matrix of the pairs that count, where only some do."""

    indices: tuple[Index, ...]
    relation: Relation = ""
    pair: tuple[Axis, Axis] | None = None
    mask: Node | None = None
    product: bool = False
    largest: int = 0
    """1 for the largest of all instead of their sum, −1 for the smallest."""


OVER: Op = Op(
    "sum_over",
    "(...)->(...)",
    (Linear(lambda Y, A, over: Y),),
    lambda args, params: (args[0].kind, args[0].rows, args[0].cols),
    spoken=(),
    summary="a sum over an index, until it is lifted into matrix notation",
)
