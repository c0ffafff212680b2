"""Expressions that are equal but for the order of factors and of terms, written alike."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from matdiff.core.node import Apply, Node, topological
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import ADD, HADAMARD, SCALE

COMMUTATIVE = (ADD, HADAMARD, SCALE)
MANY = 24
"""Most factors or terms that are compared in any order."""


def alike(roots: Sequence[Node]) -> list[Node]:
    """The expressions with every part that occurred before, but for the order of factors and terms, as it was there.

    >>> from matdiff import derive
    >>> d = derive("x: n; y: n; z: n; [x .* (y + z) .* y; y .* x .* (z + y)]", "x")
    >>> left, right = (a for a in d.function.node.children)
    >>> print(*alike([left, right]), sep=";  ")
    x ⊙ (y + z) ⊙ y;  x ⊙ (y + z) ⊙ y
    """
    known: dict[Hashable, int] = {}
    first: dict[int, Node] = {}
    classes: dict[Node, int] = {}
    parts: dict[Node, tuple[int, ...]] = {}
    memo: dict[Node, Node] = {}
    for n in topological(*roots, into_bodies=False):
        key: Hashable = n
        if isinstance(n, Apply):
            same = n.op in COMMUTATIVE
            each = [parts[a] if same and a.op is n.op and a in parts else (classes[a],) for a in n.args]
            found = tuple(c for part in each for c in part)
            if same and len(found) <= MANY:
                parts[n] = found = tuple(sorted(found))
            key = (n.op, n.params, n.rows, n.cols, found)
        classes[n] = i = known.setdefault(key, len(known))
        built = rebuild(n, tuple(memo[a] for a in n.args)) if isinstance(n, Apply) else n
        memo[n] = first.setdefault(i, built)
    return [memo[r] for r in roots]
