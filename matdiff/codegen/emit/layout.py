"""Generated text in lines of at most 99 characters."""

from __future__ import annotations

import re
import textwrap

WIDTH = 99
PAIRS = {"(": ")", "[": "]", "{": "}"}
TOKEN = re.compile(r'"[^"]*"|.')


def folded(line: str, width: int = WIDTH) -> list[str]:
    """A line of code; where it is long, what stands in its widest brackets goes on lines of its own."""
    indent = line[: len(line) - len(line.lstrip())]
    names, sign, value = line.strip().partition(" = ")
    if sign and "," in names and len(indent + names) > width:
        line = f"{indent}({names}){sign}{value}"
    if len(line) <= width or (inside := brackets(line, width)) is None:
        return [line]
    start, end = inside
    parts = items(line[start:end])
    comma = "," if len(parts) > 1 or line[start:end].rstrip().endswith(",") else ""
    inner = [text for part in parts for text in folded(f"{indent}    {part}{comma}", width)]
    return [line[:start], *inner, *folded(indent + line[end:], width)]


def brackets(line: str, width: int) -> tuple[int, int] | None:
    """Where the contents of the widest outermost brackets in reach begin and end; None where there are none to open."""
    depth, start = 0, 0
    found: list[tuple[int, int]] = []
    for token in TOKEN.finditer(line):
        if token[0] in PAIRS:
            start = token.end() if not depth else start
            depth += 1
        elif token[0] in PAIRS.values() and depth:
            depth -= 1
            if not depth and token.start() > start:
                found.append((start, token.start()))
    return max(found, key=lambda span: (span[0] <= width, span[1] - span[0]), default=None)


def items(text: str) -> list[str]:
    """The parts between the commas that stand in no brackets."""
    depth, parts = 0, [""]
    for token in TOKEN.findall(text):
        depth += (token in PAIRS) - (token in PAIRS.values())
        if token == "," and not depth:
            parts.append("")
        else:
            parts[-1] += token
    return [part.strip() for part in parts if part.strip()]


def filled(text: str, width: int) -> list[str]:
    """A paragraph of a docstring."""
    return textwrap.wrap(text, width, subsequent_indent="    ", break_long_words=False)
