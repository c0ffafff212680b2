"""Results are the caller's own: no input, no view of one, and no array twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matdiff.core.node import Apply, Node, Symbol

if TYPE_CHECKING:
    from matdiff.codegen.emit.emitter import Emitter

VIEWS = {"transpose", "getrow", "getcol", "slice", "diag", "vec", "unvec", "entry"}
"""Functions whose value may lie in the memory of their argument."""


def borrowed(roots: Sequence[Node], emitter: Emitter) -> list[bool]:
    """Which results must be copied: views of inputs, of other results, and those that NumPy lets nobody write on."""
    if not emitter.backend.copied:
        return [False] * len(roots)
    taken: set[Node] = set()
    found = []
    for root in roots:
        owner, *between = below(root)
        made = [n.op.name for n in between if isinstance(n, Apply)]
        given = isinstance(owner, Symbol)
        immutable = emitter.backend.name == "numpy" and root.kind == "scalar" and (bool(made) or not given)
        found.append(not immutable and ("diag" in made or owner in taken or given))
        taken.add(owner)
    return found


def below(node: Node) -> list[Node]:
    """What a value's memory belongs to, then all that stands between, from the inside out."""
    path = [node]
    while True:
        if isinstance(node, Symbol) and node.body is not None:
            node = node.body
        elif isinstance(node, Apply) and node.op.name in VIEWS and node.args[0].kind != "scalar":
            node = node.args[0]
        else:
            return path[::-1]
        path.append(node)
