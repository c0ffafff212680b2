"""Generated text in lines of at most 99 characters."""

from __future__ import annotations

import re
import textwrap

WIDTH = 99
PAIRS = {"(": ")", "[": "]", "{": "}"}
TOKEN = re.compile(r'"[^"]*"|.')


def folded(line: str) -> list[str]:
    """A line of code; where it is long, what stands in its last brackets goes on lines of its own."""
    if len(line) <= WIDTH or (inside := brackets(line)) is None:
        return [line]
    start, end = inside
    indent = line[: len(line) - len(line.lstrip())]
    parts = items(line[start:end])
    comma = "," if len(parts) > 1 or line[start:end].rstrip().endswith(",") else ""
    inner = [text for part in parts for text in folded(f"{indent}    {part}{comma}")]
    return [line[:start], *inner, *folded(indent + line[end:])]


def brackets(line: str) -> tuple[int, int] | None:
    """Where the contents of the widest outermost brackets begin and end; None where there are none to open."""
    depth, start, found = 0, 0, [(0, 0)]
    for token in TOKEN.finditer(line):
        if token[0] in PAIRS:
            start = token.end() if not depth else start
            depth += 1
        elif token[0] in PAIRS.values():
            depth -= 1
            if not depth:
                found.append((start, token.start()))
    start, end = max(found, key=lambda span: span[1] - span[0])
    return (start, end) if end > start else None


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


def filled(text: str, indent: int) -> list[str]:
    """A paragraph of a docstring that stands so many characters to the right."""
    return textwrap.wrap(text, WIDTH - indent, subsequent_indent="    ", break_long_words=False) or [""]
