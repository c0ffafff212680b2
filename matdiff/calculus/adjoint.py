"""Phase 2: move each linear map across the pairing, ⟨Y, L[V]⟩ = ⟨L*Y, V⟩, until it reads ⟨G, dX⟩."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matdiff.core.node import Apply, Node, Symbol, topological
from matdiff.core.op import Joint, Linear
from matdiff.errors import UnsupportedError
from matdiff.ops.algebra import add
from matdiff.ops.constants import zeros_like
from matdiff.ops.indexing import COLUMN, ROW


class Move(NamedTuple):
    """One linear map moved: ⟨Y, node⟩ became the sum of ⟨Y′, V⟩ over the pairs (V, Y′) in `moved`."""

    node: Node
    Y: Node
    moved: tuple[tuple[Node, Node], ...]


def adjoint(value: Node, Y: Node, targets: Sequence[Symbol], record: list[Move] | None = None) -> dict[Symbol, Node]:
    """The G of each target with ⟨Y, value⟩ = Σ ⟨G, target⟩, for a `value` linear in the targets.

    The Ys that reach a node are summed before it is passed, as in reverse accumulation, so the cost
    is a small multiple of the size of `value`.  `record` receives the moves in order.
    """
    order = dependent(value, targets)
    gathered: dict[Node, list[Node]] = {value: [Y]} if order and order[-1] is value else {}
    below = set(order)
    found: dict[Symbol, Node] = {}
    for node in reversed(order):
        parts = gathered.pop(node, None)
        if not parts:
            continue
        total = parts[0] if len(parts) == 1 else add(*reversed(parts))
        if isinstance(node, Symbol) and node in targets:
            found[node] = total
            continue
        moved = transposed(node, total, below)
        for child, contribution in moved:
            gathered.setdefault(child, []).append(contribution)
        if record is not None:
            record.append(Move(node, total, tuple(moved)))
    return {t: found.get(t, zeros_like(t)) for t in targets}


def dependent(value: Node, targets: Sequence[Symbol]) -> list[Node]:
    """The nodes below `value` that contain a target, children first."""
    inside: set[Node] = set()
    order = []
    for node in topological(value):
        if node in targets or not inside.isdisjoint(node.children):
            inside.add(node)
            order.append(node)
    return order


def transposed(node: Node, Y: Node, below: set[Node]) -> list[tuple[Node, Node]]:
    """The pairs (V, L*Y) for the arguments V of one node that contain a target."""
    if isinstance(node, Symbol):
        assert node.body is not None
        return [(node.body, Y)]
    assert isinstance(node, Apply)
    out = []
    for slot, arg in enumerate(node.args):
        if arg not in below:
            continue
        rule = node.op.rule(slot)
        if isinstance(rule, Linear):
            out.append((arg, like(rule.adjoint(Y, *node.args, *node.params), arg)))
        elif isinstance(rule, Joint):
            out.append((arg, like(rule.adjoint(Y, slot, *node.args, *node.params), arg)))
        else:
            raise UnsupportedError(
                f"{node.op.name} is not linear in its argument {slot + 1}, so it has no adjoint there"
            )
    return out


def like(Y: Node, V: Node) -> Node:
    """Y as it pairs with V: the adjoint of a Kronecker product is a matrix n×1 where V is a vector."""
    if Y.kind != "matrix" or V.kind not in ("vector", "row"):
        return Y
    return COLUMN(Y, params=(1,)) if V.kind == "vector" else ROW(Y, params=(1,)).T
