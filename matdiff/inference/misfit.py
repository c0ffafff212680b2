"""What goes wrong in one attempt; the message is written only if it is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from matdiff.errors import MatdiffError, ShapeError
from matdiff.inference.unify import Type
from matdiff.parsing.characters import LATEX_MARKS
from matdiff.syntax import Tree, walk

SHOWN = 6
"""Names whose types an error lists at most."""


SHORT = 20
"""Longest operand that is quoted beside its type."""

_latex = re.compile(LATEX_MARKS)
_call = re.compile(r"\b([A-Za-z]\w+)\(")


class Misfit(Exception):
    """Types that do not fit at `tree`.

    `message` is a format of the types in words, `hint` one of the texts of `parts` (the arguments unless given).
    """

    def __init__(
        self, tree: Tree, message: str, types: tuple[Type, ...], hint: str = "", parts: tuple[Tree, ...] | None = None
    ) -> None:
        super().__init__(message)
        self.tree = tree
        self.message = message
        self.types = types
        self.hint = hint
        self.parts = tree.args if parts is None else parts

    def error(self, text: str, show: Callable[[Type], str], origins: Mapping[str, str]) -> MatdiffError:
        """As the error that the user sees; `origins` tells for each name what it is and why."""
        sources = [source(part, text) for part in self.parts]
        pairs = zip(sources, self.types, strict=False)
        named = [f"{s} ({show(t)})" if 0 < len(s) <= SHORT else show(t) for s, t in pairs]
        named += [show(t) for t in self.types[len(named) :]]
        hint = _in_latex(self.hint) if _latex.search(text) else self.hint
        hints = [_listed(self.tree, origins), hint.format(*map(grouped, self.parts, sources))]
        return ShapeError(
            self.message.format(*named), text=text, span=self.tree.span, hint="\n".join(h for h in hints if h)
        )


def source(tree: Tree, text: str) -> str:
    """As it stands in the text, without the braces of a LaTeX group."""
    out = text[tree.span[0] : tree.span[1]].strip()
    return out[1:-1].strip() if _enclosed(out, "{", "}") else out


def _in_latex(hint: str) -> str:
    """The hint with its calls as LaTeX reads them: there every letter is a name of its own."""
    from matdiff.parsing.latex_words import FUNCTIONS

    return _call.sub(lambda m: f"\\{m[1]}(" if m[1] in FUNCTIONS else f"\\operatorname{{{{{m[1]}}}}}(", hint)


def grouped(tree: Tree, source: str) -> str:
    if tree.head in ("name", "number", "call", "index", "block", "'", "norm", "abs") or _enclosed(source, "(", ")"):
        return source
    return f"({source})"


def _enclosed(source: str, opening: str, closing: str) -> bool:
    """Whether the bracket that opens the text is closed by its last character."""
    depth = 0
    for i, c in enumerate(source):
        depth += (c == opening) - (c == closing)
        if depth == 0:
            return i > 0 and i == len(source) - 1
    return False


def _listed(tree: Tree, origins: Mapping[str, str]) -> str:
    names = list(dict.fromkeys(str(t.value) for t in walk(tree) if t.head == "name"))
    known = [origins[n] for n in names if n in origins]
    more = f", and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"here {', '.join(known[:SHOWN])}{more}" if known else ""
