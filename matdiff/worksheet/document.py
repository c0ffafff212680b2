"""A worksheet's text taken apart: prose, and problems in fenced `matdiff` blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from matdiff.errors import ParseError
from matdiff.solution.problem import Block, Problem, located, place, read_block

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})\s*(.*?)\s*")
BLOCK = re.compile(r"matdiff(?!\S)")
LARGEST = 5_000_000
"""Characters of a file; longer ones are refused."""


@dataclass(frozen=True)
class Prose:
    """Markdown with LaTeX between dollars."""

    text: str


@dataclass(frozen=True)
class Fence:
    """A fenced block: is it wanted, what its first line says then, its lines, the line of the fence, and the fence."""

    wanted: bool
    rest: str
    lines: list[str]
    line: int
    mark: str
    closed: bool = True

    def closed_by(self, found: re.Match[str] | None) -> bool:
        return found is not None and not found[2] and found[1].startswith(self.mark)


@dataclass(frozen=True)
class Worksheet:
    name: str
    seed: str | None
    parts: tuple[Prose | Problem, ...]

    @property
    def problems(self) -> list[Problem]:
        return [p for p in self.parts if isinstance(p, Problem)]

    @property
    def title(self) -> str:
        """The first heading, otherwise the file's name."""
        prose = "\n".join(p.text for p in self.parts if isinstance(p, Prose))
        found = re.search(r"^#\s+(.+?)\s*#*$", prose, re.MULTILINE)
        return found[1] if found else self.name


def worksheet(text: str, name: str = "worksheet", seed: str | None = None) -> Worksheet:
    """Read a worksheet, choosing by the seed.  Raises ParseError with the line.

    >>> worksheet("# A title\\n```matdiff\\nf: tr(A*X)\\nwrt: X\\n```").problems[0].f
    'tr(A*X)'
    """
    if seed is not None and (not seed.isprintable() or "--" in seed or len(seed) > 100):
        raise ParseError(f"{seed[:40]!r} cannot be a seed", hint="take a name or a number")
    pieces = [read_block(name, p.line, p.lines) if isinstance(p, Fence) else p for p in pieces_of(text, name)]
    chosen = choices([p for p in pieces if isinstance(p, Block)], seed)
    everywhere = {word: value for found in chosen.values() for word, value in found.items()}
    parts: list[Prose | Problem] = []
    for piece in pieces:
        if isinstance(piece, Block):
            number = 1 + sum(isinstance(p, Problem) for p in parts)
            parts.append(piece.problem(number, chosen[piece.line]))
        else:
            parts.append(Prose(filled(piece, everywhere)))
    return Worksheet(name, seed, tuple(parts))


def pieces_of(text: str, name: str, first: re.Pattern[str] = BLOCK) -> Iterator[str | Fence]:
    """Prose as text, and the fenced blocks whose first line begins so; other fences are prose.

    A block of answers ends, not closed, where the next begins, or with the text; of others it is an error.
    """
    if len(text) > LARGEST:
        raise ParseError(f"{name} is longer than {LARGEST // 1_000_000} MB")
    prose: list[str] = []
    fence: Fence | None = None
    for i, line in enumerate(text.splitlines(), 1):
        found = FENCE.fullmatch(line)
        begins = first.match(found[2]) if found else None
        if fence is not None and fence.wanted and begins and first is not BLOCK:
            yield replace(fence, closed=False)
            fence = None
        if fence is None and found:
            fence = Fence(begins is not None, found[2][begins.end() :].strip() if begins else "", [], i, found[1])
            prose.append(line)
            if fence.wanted:
                yield "\n".join(prose[:-1])
                prose = []
        elif fence is not None and fence.wanted and not fence.closed_by(found):
            fence.lines.append(line)
        elif fence is not None and fence.wanted:
            yield fence
            fence = None
        else:
            fence = None if fence is not None and fence.closed_by(found) else fence
            prose.append(line)
    if fence is not None and fence.wanted and first is BLOCK:
        raise ParseError(f"{place(name, fence.line)}: the block is not closed", hint=f"end it with a line {fence.mark}")
    yield fence if fence is not None and fence.wanted else "\n".join(prose)


def choices(blocks: list[Block], seed: str | None) -> dict[int, dict[str, str]]:
    """What is chosen in each block, by its line."""
    seen: dict[str, int] = {}
    found: dict[int, dict[str, str]] = {}
    for block in blocks:
        found[block.line] = {}
        for choice in block.choices:
            for word in choice.words:
                if word in seen:
                    raise ParseError(f"{block.where}: {word} is chosen already in the block on line {seen[word]}")
                seen[word] = block.line
            found[block.line].update(choice.pick(seed))
    return found


def filled(text: str, values: dict[str, str]) -> str:
    """Prose with `{{M}}` replaced by what was chosen; other double braces are LaTeX."""
    return re.sub(r"\{\{(\w+)\}\}", lambda m: values.get(m[1], m[0]), text)


__all__ = ["Fence", "Prose", "Worksheet", "located", "pieces_of", "worksheet"]
