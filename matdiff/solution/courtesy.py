"""Other readings of an answer that does not fit as it stands: entry by entry, as NumPy means it, and bars as norms.

A student writes `1 - p` for a vector p, `p*(1 - p)` in NumPy, |X| for a determinant.  Such a reading is tried only
where the answer as written is not right, and counts only if it is right: what is wrong keeps its reason.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from matdiff.errors import MatdiffError, ShapeError
from matdiff.solution.plain import DOT, MARK, written
from matdiff.text.parser import parse_program
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


TIGHT = re.compile(
    r"/\s*((?:\d+(?:\.\d+)?\s?)?(?:[^\W\d_](?:['′ᵀ²³⁴⊤]|\^\{?(?:T|\\top|[234])\}?|\*\*[234])*\s?){1,4})(?![\w(\[^'])"
)
"""Factors that stand close behind a stroke: all are below it where people write x'Ax/x'x or n/2t."""
MENDS = 12
"""Places of a formula that are read entry by entry, or as an inner product, until it is given up."""


def below(text: str) -> str:
    """The text with factors that stand close behind a stroke in parentheses.

    >>> below("n/2t - x'x/2t^2"), below("x'Ax/x'x")
    ("n/(2t) - x'x/(2t^2)", "x'Ax/(x'x)")
    """
    return TIGHT.sub(lambda m: f"/({m[1].rstrip()}){m[1][len(m[1].rstrip()) :]}", text)


ADJOINT = re.compile(
    r"\^\s*(?:\{\s*(?:\*|\\ast|\\star|\\dagger|†)\s*\}|\*(?![\w*(])|\*(?=\s*\()|\\(?:ast|star|dagger)(?![A-Za-z])|†)|†"
)


def variants(text: str, complex_: bool) -> Iterator[str]:
    """Other texts that an answer may mean: A^* and A† as the adjoint, close factors below a stroke."""
    tried = {text}
    adjoint = ADJOINT.sub("^H " if complex_ else "^T ", text)
    for other in (below(text), adjoint, below(adjoint)):
        if other not in tried:
            tried.add(other)
            yield other


def mended(error: MatdiffError, matrices: Container[str], norms: bool = True) -> str:
    """The text of an error about shapes, read entry by entry, or x·y as xᵀy, where it does not fit; empty if it cannot.

    Bars are norms of vectors, or, without `norms`, absolute values.  The place is the error's.  Whoever asks tries
    again, and takes the reading only if what it says is right.
    """
    if not isinstance(error, ShapeError) or error.text is None or error.span is None:
        return ""
    text, span = error.text, tuple(error.span)
    try:
        program = parse_program(text, "auto", [MARK])
    except (MatdiffError, RecursionError):
        return ""
    roots = [*(d.body for d in program.definitions), *([program.function] if program.function is not None else [])]
    here = (t for root in roots for t in walk(root) if tuple(t.span) == span)
    node = next((t for t in here if refit(t, text, error, norms)), None)
    if node is None:
        return ""
    try:
        return f"{text[: span[0]]}({written(node, matrices)}){text[span[1] :]}"
    except (MatdiffError, RecursionError, ValueError):
        return ""


def refit(t: Tree, text: str, error: ShapeError, norms: bool) -> bool:
    """Change an operation so that it goes entry by entry, or is an inner product; False where it is none of these."""
    barred = [a for a in t.args if a.head == "abs"] if t.head in ("+", "*", "/", "^") and norms else []
    if barred:
        of_matrix = "(a matrix" in error.message
        for a in barred:
            a.head, a.value = ("call", "det") if of_matrix else ("norm", "")
    elif t.head == "*" and DOT.search(text[t.args[0].span[1] : t.args[1].span[0]]):
        t.args = (Tree("'", t.args[:1], "", t.args[0].span), *t.args[1:])
        t.value = ""
    elif t.head == "*" and error.message.count("(a vector of length") == 2:
        t.head, t.value = ".*", ""
    elif t.head in ENTRYWISE:
        t.head = ENTRYWISE[t.head]
    elif t.head == "^" and "(a vector" in error.message:
        t.head = ".^"
    else:
        return False
    return True
