"""From layouts to text: one stack, no recursion, time linear in what is written."""

from __future__ import annotations

from matdiff.core.node import Node
from matdiff.core.op import spellings, words
from matdiff.printing.layout import Layout
from matdiff.printing.piece import AFTER_NUMBER, BESIDE, Hole, Item, Piece

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
