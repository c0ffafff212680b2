"""Sums of unit vectors written as the vector that they are: c₁ e(3,1) + c₂ e(3,2) is [c₁; c₂; 0]."""

from __future__ import annotations

from matdiff.core.node import Constant, Node, number
from matdiff.ops.algebra import ADD, SCALE, add, scale
from matdiff.ops.constants import unit
from matdiff.ops.indexing import VCAT
from matdiff.simplify.normal import normal

LONGEST = 8
"""Entries of the longest vector that is written out."""


def stacked_rows(node: Node) -> Node:
    """The node with its multiples of unit vectors of a known length together as one vector, where that is shorter."""
    if node.kind != "vector" or node.rows.number is None or not 1 < node.rows.number <= LONGEST:
        return node
    entries: dict[int, Node] = {}
    rest: list[Node] = []
    for factor, term in parts(node, number(1)):
        if isinstance(term, Constant) and term.name == "e":
            entries[term.index] = add(entries[term.index], factor) if term.index in entries else factor
        else:
            rest.append(scale(factor, term))
    if len(entries) < 2:
        return node
    rows = [normal(entries.get(i, number(0))) for i in range(1, node.rows.number + 1)]
    return add(*rest, VCAT(*rows))


def parts(node: Node, factor: Node) -> list[tuple[Node, Node]]:
    """The terms of a sum, each with its factor."""
    if node.op is ADD:
        return [pair for child in node.children for pair in parts(child, factor)]
    if node.op is SCALE:
        c, term = node.children
        return parts(term, scale(c, factor) if factor is not number(1) else c)
    if node.op is VCAT and all(row.kind == "scalar" for row in node.children):
        return [(scale(factor, row), unit(node.rows, i)) for i, row in enumerate(node.children, 1)]
    return [(factor, node)]


__all__ = ["stacked_rows"]
