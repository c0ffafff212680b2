"""From layouts to text: one stack, no recursion, time linear in what is written."""

from __future__ import annotations

from collections import Counter

from matdiff.core.node import Apply, Node, Symbol, size_names
from matdiff.core.op import spellings, words
from matdiff.printing.layout import Layout
from matdiff.printing.piece import AFTER_NUMBER, BESIDE, Hole, Item, Piece

# Which parts of a large expression get a name, so that text stays linear in the size of the graph.

LARGE = 400
"""Nodes, counted as often as they would be printed, above which shared parts are named."""

OFTEN = 3
LONG = 8
"""A kernel matrix of so many nodes that is printed so often has a name in smaller expressions too."""

WORTH = 4
"""Nodes that a part has at least, to deserve a name."""

NESTED = 200
"""Parentheses within each other after which a part is named."""

HUGE = 10**9


def named_parts(order: list[Node]) -> dict[Node, str]:
    """Names for shared parts of a large expression, whose nodes these are, and for deeply nested ones."""
    chosen = [n for n in _choose(order) if n is not order[-1]]
    prefix = _unused(order)
    return {n: f"{prefix}_{i}" for i, n in enumerate(chosen, 1)}


def _choose(order: list[Node]) -> list[Node]:
    if _printed_size(order) <= LARGE:
        return _often(order)
    uses = Counter(c for n in order if isinstance(n, Apply) for c in n.args)
    sizes: dict[Node, int] = {}
    depths: dict[Node, int] = {}
    chosen: list[Node] = []
    for n in order:
        size = 1 + sum(sizes[c] for c in n.children) if isinstance(n, Apply) else 1
        depth = _depth(n, depths)
        if isinstance(n, Apply) and ((uses[n] > 1 and size >= WORTH) or depth >= NESTED):
            chosen.append(n)
            size, depth = 1, 0
        sizes[n], depths[n] = size, depth
    return chosen


def _often(order: list[Node]) -> list[Node]:
    """Kernel matrices, functions of the entries of a matrix, that a smaller expression would print in OFTEN places."""
    sizes: dict[Node, int] = {}
    for n in order:
        sizes[n] = 1 + sum(sizes[c] for c in n.children) if isinstance(n, Apply) else 1
    if sizes[order[-1]] < OFTEN * LONG:
        return []
    printed = Counter({order[-1]: 1})
    chosen: list[Node] = []
    for n in reversed(order):
        kernel = n.kind == "matrix" and isinstance(n, Apply) and n.op.elementwise
        if kernel and printed[n] >= OFTEN and sizes[n] >= LONG:
            chosen.append(n)
            printed[n] = 1
        for c in n.children if isinstance(n, Apply) else ():
            printed[c] += printed[n]
    return chosen[::-1]


def _printed_size(order: list[Node]) -> int:
    """Nodes of the tree; definitions count once."""
    sizes: dict[Node, int] = {}
    total = 0
    for n in order:
        sizes[n] = min(HUGE, 1 + sum(sizes[c] for c in n.children)) if isinstance(n, Apply) else 1
        if isinstance(n, Symbol) and n.body is not None:
            total += sizes[n.body]
    return total + sizes[order[-1]]


def _depth(node: Node, depths: dict[Node, int]) -> int:
    """Brackets within each other; the left factor of a product goes on without."""
    if not isinstance(node, Apply):
        return 0
    goes_on = node.op.name in ("matmul", "hadamard", "kron")
    return max((depths[a] + (not (goes_on and i == 0)) for i, a in enumerate(node.args)), default=0)


def _unused(order: list[Node]) -> str:
    """A letter that no name of the expression begins with."""
    names = {s.name for s in order if isinstance(s, Symbol)} | size_names(*order[-1:])
    taken = names | {name.partition("_")[0] for name in names}
    for letter in "PQRTUVWZ":
        if letter not in taken:
            return letter
    return next(f"P{i}" for i in range(1, len(taken) + 2) if f"P{i}" not in taken)


_CLOSE = "\2"
LONGEST_WORD = 12
"""Most letters of a function's name that are looked for among factors."""


class Emitter:
    """Writes layouts one after the other into `out`."""

    def __init__(self, layout: Layout, limit: int | None = None) -> None:
        self.layout = layout
        self.limit = limit
        self.out: list[str] = []
        self.written = 0
        self.bars = 0
        self.tall = 0
        self.joint = ""
        self.open: list[tuple[int, int]] = []

    def text(self) -> str:
        text = "".join(self.out)
        if self.limit is None or len(text) <= self.limit:
            return text
        ellipsis = self.layout.notation.ellipsis
        return text[: max(0, self.limit - len(ellipsis))] + ellipsis

    def run(self, piece: Piece) -> None:
        stack: list[Item] = [Hole(piece, 0)]
        while stack and (self.limit is None or self.written <= self.limit):
            item = stack.pop()
            if isinstance(item, Hole):
                self.expand(item, stack)
            elif item in (BESIDE, AFTER_NUMBER):
                self.joint = item
            elif item == _CLOSE:
                self.close()
            else:
                self.write(item)

    def expand(self, hole: Hole, stack: list[Item]) -> None:
        piece = self.layout.piece(hole.what, self.bars % 2 == 1) if isinstance(hole.what, Node) else hole.what
        if piece.level < hole.least:
            self.write(self.layout.notation.parentheses[0])
            self.open.append((len(self.out) - 1, self.tall))
            stack.append(_CLOSE)
        stack.extend(reversed(piece.items))

    def write(self, text: str) -> None:
        if not text:
            return
        if self.joint:
            between = self.layout.notation.join(self.out[-1], text, self.joint == AFTER_NUMBER)
            self.joint = ""
            if not between and self.layout.notation.apart and self.spells(text):
                between = " "
            if between:
                self.out.append(between)
                self.written += len(between)
        self.bars += text.count("‖")
        self.tall += text.startswith((r"\frac", r"\begin"))
        self.out.append(text)
        self.written += len(text)

    def spells(self, letter: str) -> bool:
        """Whether the letters written last are the name of a function with this one, as t and r are."""
        if len(letter) != 1 or not letter.isalpha():
            return False
        run = letter
        for before in reversed(self.out[-LONGEST_WORD:]):
            if len(before) != 1 or not before.isalpha():
                return False
            run = before + run
            if run in words or run in spellings or run.lower() in words or run.lower() in spellings:
                return True
        return False

    def close(self) -> None:
        """The closing parenthesis; both grow where something tall stands between."""
        start, tall = self.open.pop()
        pair = self.layout.notation.parentheses if tall == self.tall else self.layout.notation.tall
        self.out[start] = pair[0]
        self.write(pair[1])
