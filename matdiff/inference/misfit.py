"""What goes wrong in one attempt; the message is written only if it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matdiff.errors import MatdiffError, ShapeError
from matdiff.inference.unify import Type
from matdiff.syntax import Tree, walk

SHOWN = 6
"""Names whose types an error lists at most."""


SHORT = 20
"""Longest operand that is quoted beside its type."""


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
        hints = [_listed(self.tree, origins), self.hint.format(*map(_grouped, self.parts, sources))]
        return ShapeError(
            self.message.format(*named), text=text, span=self.tree.span, hint="\n".join(h for h in hints if h)
        )


def source(tree: Tree, text: str) -> str:
    return text[tree.span[0] : tree.span[1]].strip()


def _grouped(tree: Tree, source: str) -> str:
    if tree.head in ("name", "number", "call", "index", "block", "'", "norm", "abs") or source.startswith("("):
        return source
    return f"({source})"


def _listed(tree: Tree, origins: Mapping[str, str]) -> str:
    names = list(dict.fromkeys(str(t.value) for t in walk(tree) if t.head == "name"))
    known = [origins[n] for n in names if n in origins]
    more = f", and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"here {', '.join(known[:SHOWN])}{more}" if known else ""
