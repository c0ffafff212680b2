"""Other readings of an answer that does not fit as it stands: entry by entry, as NumPy means it, and bars as norms.

A student writes `1 - p` for a vector p, `p*(1 - p)` in NumPy, |X| for a determinant.  Such a reading is tried only
where the answer as written is not right, and counts only if it is right: what is wrong keeps its reason.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from matdiff.errors import MatdiffError
from matdiff.solution.plain import MARK, written
from matdiff.text.ranges import summed
from matdiff.text.tree import Head, Tree, walk

NUMPY = re.compile(r"@|(?<![\w.])(?:np|numpy|jnp|torch|scipy|tf|math)\.")
ENTRYWISE: dict[Head, Head] = {"+": ".+", "/": "./"}
STATED = re.compile(r"([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)
BARS = ("det", "norm")


def readings(given: Sequence[str], said: Sequence[str], claim: str, matrices: Container[str]) -> Iterator[list[str]]:
    """The statements of a claim read otherwise, the claim last; `given` are the problem's own definitions."""
    numpy = any(NUMPY.search(text) for text in (*said, claim))
    try:
        first = [f"{name} = {written(tree, matrices)}" for name, tree in map(parsed, given)]
    except (MatdiffError, RecursionError, ValueError):
        return
    tried = ["\n".join([*given, *said, claim])]
    for bars in ("", *BARS):
        try:
            own = [(name, written(turned(tree, numpy, bars), matrices)) for name, tree in map(parsed, (*said, claim))]
        except (MatdiffError, RecursionError, ValueError):
            return
        found = [*first, *(f"{name} = {text}" if name else text for name, text in own)]
        if "\n".join(found) not in tried:
            tried.append("\n".join(found))
            yield found


def parsed(text: str) -> tuple[str, Tree]:
    """A definition's name (empty for a claim), and the tree of its right side."""
    from matdiff.text.parser import parse_program

    found = STATED.fullmatch(text.strip())
    name, right = (found[1], found[2].strip()) if found else ("", text)
    if summed(right):
        raise ValueError("sums over an index are read as they stand")
    program = parse_program(right, "auto", [MARK])
    if program.function is None or program.definitions or program.declarations:
        raise ValueError("this is no expression")
    return name, program.function


def turned(root: Tree, numpy: bool, bars: str) -> Tree:
    """The tree with sums and quotients entry by entry, in NumPy products too; bars as the function named."""
    for t in walk(root):
        if t.head == "^" and t.args[0].head == "call" and t.args[1].head == "number" and t.args[1].value != -1:
            t.head = ".^"
        elif t.head == "*" and numpy:
            t.head, t.value = ".*", ""
        elif t.head in ENTRYWISE:
            t.head = ENTRYWISE[t.head]
        elif bars and t.head == "abs":
            t.head, t.value = "call", bars
    return root
