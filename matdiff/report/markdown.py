"""Sheets as Markdown with LaTeX, which Git hosts and notebooks typeset."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from matdiff.report.blocks import (
    Block,
    Derived,
    Figure,
    Formula,
    Hint,
    HowTo,
    Line,
    Room,
    Start,
    Text,
    Verdict,
    statements,
)

BEGIN = "<!-- matdiff problem"
END = "-->"


def markdown(blocks: Iterable[Block]) -> str:
    return "\n\n".join(filter(None, (block(b).strip("\n") for b in blocks))) + "\n"


def block(b: Block) -> str:
    """One block.  Problems are repeated in comments, for the check of the answers."""
    match b:
        case Text(text):
            return text
        case Formula(left, right):
            return display(left, statements(right))
        case Derived():
            return derived(b)
        case Hint(title, inside):
            body = "\n\n".join(block(i) for i in inside)
            return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"
        case Start(number, source):
            return comment(number, source)
        case Room(number, space, first):
            blank = "\n" * max(1, space - 1)
            return f"```answer {number}\n{blank}{first} = \n```"
        case HowTo():
            return ""
        case Verdict(text, right):
            return f"{mark(right)} {text}".strip()
        case Figure():
            image = base64.b64encode(b.png).decode()
            return f"![{b.caption}](data:image/png;base64,{image})"


def comment(number: int, source: str) -> str:
    """The problem where it is not seen."""
    return f"{BEGIN} {number}\n{source.replace(END, '-- >')}\n{END}"


def mark(right: bool | None) -> str:
    return "✓" if right else "✗" if right is False else ""


def display(left: str, parts: tuple[list[str], str]) -> str:
    definitions, body = parts
    if not definitions:
        return f"$$\n{left} = {body}\n$$"
    where = "".join(" \\\\\n& " + d for d in definitions)
    return f"$$\n\\begin{{aligned}}\n{left} &= {body} \\\\\n& \\text{{where}}{where}\n\\end{{aligned}}\n$$"


def derived(b: Derived) -> str:
    """A numbered list: the formula, the rule, and a mark where the line was checked."""
    items = []
    for i, (before, after, new, line) in enumerate(rows(b), b.start):
        where = "".join(f", where ${d}$" for d in new)
        items.append(f"{i}. ${before} = {after}${where} — {line.rule} {mark(line.right)}".replace("$ =", "$=").rstrip())
    return "\n".join(items)


def rows(b: Derived) -> Iterator[tuple[str, str, list[str], Line]]:
    """Left side, right side, definitions not yet shown; the left side is empty where it is the last right one."""
    known, last = set(statements(b.function)[0]), ""
    for line in b.lines:
        first, before = statements(line.before)
        second, after = statements(line.after)
        new = [d for d in dict.fromkeys((*first, *second)) if d not in known]
        known.update(new)
        before = b.label(line) if line.relation != "=" else before
        yield "" if before == last else before, after, new, line
        last = after
