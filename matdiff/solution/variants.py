"""Problems with words that are chosen by a seed: everyone has their own, of equal difficulty."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from matdiff.errors import ParseError

SHAPE = re.compile(r"\(?\s*([A-Za-z]\w*(?:\s*,\s*[A-Za-z]\w*)*)\s*\)?\s+in\s+\[(.*)\]", re.DOTALL)


@dataclass(frozen=True)
class Choice:
    """Words, and the values that they take together."""

    words: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    def pick(self, seed: str | None) -> dict[str, str]:
        """The first values without a seed; with one, values that depend on the seed and on the choice alone."""
        if seed is None:
            return dict(zip(self.words, self.values[0], strict=True))
        chosen = random.Random(f"{seed}\n{self}").choice(self.values)
        return dict(zip(self.words, chosen, strict=True))


def choice(text: str) -> Choice:
    """Read `M in [A, B]` or `(M, k) in [(A, 2), (B, 3)]`.

    >>> choice("(M, k) in [(A, 2), (inv(B), 3)]").values
    (('A', '2'), ('inv(B)', '3'))
    """
    found = SHAPE.fullmatch(text.strip())
    if not found:
        raise ParseError(f"{text!r} is not a choice", hint="write `choose: M in [A, B, C]`")
    words = tuple(w.strip() for w in found[1].split(","))
    values = [v for v in split(found[2]) if v]
    if not values:
        raise ParseError(f"there is nothing to choose {', '.join(words)} from")
    rows = tuple((v,) if len(words) == 1 else _tuple(v) for v in values)
    short = next((row for row in rows if len(row) != len(words)), None)
    if short is not None:
        raise ParseError(f"{len(words)} words are chosen together, but ({', '.join(short)}) has {len(short)}")
    return Choice(words, rows)


def _tuple(value: str) -> tuple[str, ...]:
    inside = value[1:-1] if value.startswith("(") and value.endswith(")") else value
    return tuple(split(inside))


def split(text: str) -> list[str]:
    """The parts between commas outside brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{⟨") - (c in ")]}⟩")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]
