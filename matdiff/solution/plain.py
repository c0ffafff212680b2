"""LaTeX as plain text, so that an answer may mix the two: parsed, and written again with every bracket."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from matdiff.errors import MatdiffError
from matdiff.text.characters import LATEX_MARKS
from matdiff.text.parser import parse_program
from matdiff.text.ranges import summed
from matdiff.text.tree import Declaration, Tree, walk

LATEX = re.compile(LATEX_MARKS)
UPRIGHT = re.compile(
    r"\\(?:mathrm|operatorname|text|textrm|mathsf|rm)\s*(?:\{\s*d\s*\}|\s+d(?![A-Za-z]))\s*|\{\s*\\rm\s+d\s*\}\s*"
)
MARK = Declaration("d", (), ("elementwise",))
"""Makes the parser read `d(u)` as a call."""


def plain(text: str, moving: Iterable[str], matrices: Container[str]) -> str:
    r"""A formula in LaTeX as plain text, any other as it stands; so are sums over an index and what cannot be read.

    >>> plain(r"\frac{1}{2}\operatorname{tr}(A\,dX)", "X", "AX")
    '1/2 tr(A dX)'
    """
    if not LATEX.search(text) or summed(text):
        return text
    try:
        found = parse_program(differentials(text, moving), "latex", [MARK])
        if found.function is None or found.definitions:
            return text
        return written(dotted(found.function, differentials(text, moving)), matrices)
    except (MatdiffError, RecursionError):
        return text


def differentials(text: str, names: Iterable[str]) -> str:
    r"""dX as \mathrm{d}X: in LaTeX it would be the product of d and X."""
    if "d" in names:
        return text
    text = UPRIGHT.sub(r"\\mathrm{d}", text)
    letters = "|".join(rf"\\{n}(?![A-Za-z])" if len(n) > 1 else re.escape(n) for n in names if n.isalpha())
    pattern = re.compile(rf"\\(?:mathrm|operatorname|text)\s*\{{[^}}]*\}}|\\[A-Za-z]+|d\s*(?=(?:{letters or '$.'}))")
    return pattern.sub(lambda m: m[0] if m[0][0] == "\\" else r"\mathrm{d}", text)


DOT = re.compile(r"[·⋅∙•]|\\cdot(?![A-Za-z])")
"""A raised dot: a product, between vectors the inner one."""


def dotted(root: Tree, text: str) -> Tree:
    """The tree with the products that are written by a raised dot marked as such."""
    for t in walk(root):
        if t.head == "*" and DOT.search(text[t.args[0].span[1] : t.args[1].span[0]]):
            t.value = "·"
    return root


INFIX = {"*": " ", "@": " @ ", "/": "/", "\\": "\\", ".*": " .* ", "./": " ./ ", "⊗": " ⊗ ", "^": "^", ".^": ".^"}
BINDING = {"+": 1, ".+": 1, "neg": 2, "^": 4, ".^": 4, "'": 5} | dict.fromkeys(
    ("*", "@", "/", "\\", ".*", "./", "⊗"), 3
)
ATOM = 6
"""How tightly what has a head holds together; what is not named is an atom."""


def written(t: Tree, matrices: Container[str], least: int = 0) -> str:
    """A tree as plain text, in parentheses where it binds less than what it stands in needs."""
    found = inside(t, matrices)
    return f"({found})" if BINDING.get(t.head, ATOM) < least else found


def inside(t: Tree, matrices: Container[str]) -> str:
    args = [written(a, matrices) for a in t.args] if t.head not in BINDING else []
    match t.head:
        case "name":
            return str(t.value)
        case "number":
            bare = isinstance(t.value, int) and t.value >= 0
            return f"{t.value}" if bare else f"({t.value})"
        case "call":
            return f"{called(t, matrices)}({', '.join(args)})"
        case "neg":
            return f"-{written(t.args[0], matrices, 3)}"
        case "'":
            return f"{written(t.args[0], matrices, 5)}'"
        case "+" | ".+":
            sign, minus = (" .+ ", " .- ") if t.head == ".+" else (" + ", " - ")
            terms = [(minus, a.args[0]) if a.head == "neg" else (sign, a) for a in t.args[1:]]
            return written(t.args[0], matrices, 2) + "".join(s + written(a, matrices, 3) for s, a in terms)
        case "norm":
            return f"‖{args[0]}‖" + (f"_{t.value}" if t.value else "")
        case "abs":
            return f"|{args[0]}|" if "|" not in args[0] else f"abs({args[0]})"
        case "inner":
            return f"⟨{args[0]}, {args[1]}⟩"
        case "index":
            return f"{args[0]}[{', '.join(args[1:])}]"
        case "slice":
            return ":".join(args) or ":"
        case "block":
            return f"[{'; '.join(args)}]"
        case "row":
            return ", ".join(args)
    left, right = t.args
    here = BINDING[t.head]
    sign = " · " if t.head == "*" and t.value == "·" else INFIX[t.head]
    return written(left, matrices, here + (here == 4)) + sign + written(right, matrices, here + 1)


def called(t: Tree, matrices: Container[str]) -> str:
    """The function's name; the exponential in e^… is one of entries or of a matrix."""
    if t.value != "e^":
        return str(t.value)
    names = {str(n.value) for n in walk(t.args[0]) if n.head == "name"}
    inside = names and all(n in matrices or (len(n) == 1 and n.islower() and n in "tsk") for n in names)
    return "expm" if inside and any(n in matrices for n in names) else "exp"
