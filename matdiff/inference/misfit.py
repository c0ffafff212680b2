"""What goes wrong in one attempt; the message is written only if it is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from matdiff.core.patterns import deferred
from matdiff.core.shape import ONE
from matdiff.errors import MatdiffError, ShapeError
from matdiff.inference.types import Type
from matdiff.text.dialect import dialect_of
from matdiff.text.tree import Tree, walk

SHOWN = 6
"""Names whose types an error lists at most."""


SHORT = 20
"""Longest operand that is quoted beside its type."""

_log = deferred(r"(?:log|\\ln)\s*(?:\(|\\left\(|\{)?\s*(?:\\left|\\[bB]igg?l?)?\s*\Z")
_alone = deferred(r"\(\{(\d)\}\)")
_call = deferred(r"\b([A-Za-z]\w+)\(")


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
        hint = self.advice(text, show, origins)
        hint = _in_latex(hint) if dialect_of(text) == "latex" else hint
        hints = [_listed(self.tree, origins), _filled(hint, self.parts, sources)]
        return ShapeError(
            self.message.format(*named), text=text, span=self.tree.span, hint="\n".join(h for h in hints if h)
        )

    def advice(self, text: str, show: Callable[[Type], str], origins: Mapping[str, str]) -> str:
        """The hint, or what the types and declarations of the names say better."""
        if found := _declared_otherwise(self.tree, origins):
            return found
        if self.tree.head == "abs" and _log.search(text, 0, self.tree.span[0]):
            return "write logdet({0}) for the logarithm of the determinant, or log(abs({0})) entry by entry"
        if self.tree.head == "^":
            return _power(self.hint, self.tree.args[1])
        spread = (self.tree.head, *sorted(t[0] for t in self.types)) in _SPREAD
        return _spread(self, show, origins) if spread else self.hint


def _spread(misfit: Misfit, show: Callable[[Type], str], origins: Mapping[str, str]) -> str:
    """Of a vector and a matrix: the matrix that has the vector in every column or row, by which length fits."""
    at = next(i for i, t in enumerate(misfit.types) if t[0] != "matrix")
    (kind, *sides), whole = misfit.types[at], misfit.types[1 - at]
    inferred = any(p.head == "name" and origins.get(str(p.value), "").endswith("(inferred)") for p in misfit.parts)
    length = sides[kind == "row"]
    offers = {"column": f"{{{at}}}*vector(1)'", "row": f"vector(1)*{{{at}}}'"}
    if kind == "row":
        offers = {"row": f"vector(1)*{{{at}}}"}
    for side, its in (("column", whole[1]), ("row", whole[2])):
        if not inferred and show(("vector", its, ONE)) != show(("vector", length, ONE)):
            offers.pop(side, "")
    form = (
        "{} to add the vector to every {}" if misfit.tree.head in ("+", ".+") else "({}) to have the vector in every {}"
    )
    shorter = form.replace(" add the vector to", "").replace(" have the vector in", " have it in")
    hints = [(shorter if i else form).format(offer, side) for i, (side, offer) in enumerate(offers.items())]
    said = [f"write {', or '.join(hints)}"] if hints else []
    if misfit.tree.head != "+" and origins.get(name := str(misfit.parts[at].value), "").endswith("(inferred)"):
        said.append(f"declare `{name}: scalar`")
    return ", or ".join(said)


def _power(hint: str, exponent: Tree) -> str:
    """The hint with the number for ⁻¹ and ^{-T}, and what A^H and the A^-1 of a matrix that is not square are."""
    if exponent.value == "H":
        return "all variables are real: write {0}'"
    if exponent.head != "number" or "{1}" not in hint:
        return hint
    written = f"({exponent.value})" if "/" in str(exponent.value) else str(exponent.value)
    inverse = "write pinv({0}) for the pseudoinverse, " if exponent.value == -1 and "scalar" not in hint else "write "
    return hint.replace("{1}", written).replace("write ", inverse, 1)


_SPREAD = {
    (head, *kinds) for head in ("+", ".+", ".*", "./", ".^") for kinds in (("matrix", "row"), ("matrix", "vector"))
}


def _declared_otherwise(tree: Tree, origins: Mapping[str, str]) -> str:
    """Where a declaration may not have meant it: a vector written n×1, a dimension with the name of a variable."""
    for name in dict.fromkeys(str(t.value) for t in walk(tree) if t.head == "name"):
        said = origins.get(name, "")
        if thin := _thin.search(said):
            return f"{name} is a matrix {thin[0]}; for a vector declare `{name}: {thin[1] or thin[2]}`"
        if said == f"{name}: scalar (inferred)":
            for other, its in origins.items():
                if its.endswith("(declared)") and name in _word.findall(its.partition(": ")[2]):
                    return f"{name} is the dimension of {other} here, a number; rename one of the two"
    return ""


_thin = deferred(r"(?<=: )(?:(\S+)×1|1×(\S+))(?= .*\(declared\)\Z)")
_word = deferred(r"[^\W\d]\w*")


def source(tree: Tree, text: str) -> str:
    """As it stands in the text, without the braces of a LaTeX group."""
    out = text[tree.span[0] : tree.span[1]].strip()
    return out[1:-1].strip() if _enclosed(out, "{", "}") else out


def _in_latex(hint: str) -> str:
    """The hint with its calls as LaTeX reads them: there every letter is a name of its own."""
    from matdiff.text.latex.commands import FUNCTIONS

    def spelled(m: re.Match[str]) -> str:
        if m[1] == "logdet":
            return r"\log\det("
        return f"\\{m[1]}(" if m[1] in FUNCTIONS else f"\\operatorname{{{{{m[1]}}}}}("

    return _call.sub(spelled, hint)


def _filled(hint: str, parts: Sequence[Tree], sources: Sequence[str]) -> str:
    """The hint with the texts of the parts in their places, in parentheses where they need some and have none there."""
    alone = _alone.sub(lambda m: f"({sources[int(m[1])].replace('{', '{{').replace('}', '}}')})", hint)
    return alone.format(*map(grouped, parts, sources))


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
