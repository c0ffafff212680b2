r"""Derivatives of unknown functions of arrays in LaTeX: \nabla^{2}\varphi(x), \partial_{1} f(x, t), h'(X)^{*}[Y]."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.patterns import deferred
from matdiff.text.characters import plain_name
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.names import Name
from matdiff.text.tokens import Stream
from matdiff.text.tree import Tree

_mark = deferred(
    r"(?:\\(nabla|partial)(?![A-Za-z])|(∇)|(∂))\s*"
    r"(?:_\s*(?:\{\s*(\d{1,3})\s*\}|(\d))|([₀-₉]+))?\s*(?:\^\s*(?:\{\s*(\d)\s*\}|(\d))|([²³]))?\s*"
)
_star = deferred(r"\^\s*(?:\{\s*(?:\*|\\ast|\\star)\s*\}|\*|\\ast\b|\\star\b)\s*(?=(?:\\(?:left|[bB]igg?l?)\s*)?\[)")
_open = deferred(r"(?:\\(?:left|[bB]igg?l?)\s*)?\(")
_lower = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_upper = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def marked(
    stream: Stream, first: int, name_at: Callable[[int], Name | None], scripts: Callable[[int], tuple[str, int, int]]
) -> int:
    """The derivative that begins at `first`, as the name of a call; 0 where it is none of an unknown function."""
    at, marks = first, ""
    while m := _mark.match(stream.text, at):
        marks += "∂" if m[1] == "partial" or m[3] else "∇"
        marks += (m[4] or m[5] or m[6] or "").translate(_lower) + (m[7] or m[8] or m[9] or "").translate(_upper)
        at = m.end()
    name = name_at(at) if at > first else None
    if name is None:
        return 0
    sub, end, _ = ("", name.end, -1) if name.sub else scripts(name.end)
    end = max(end, name.end)
    value = plain_name(name.value, stream.text, name.start) + ("_" + sub if sub else "")
    if value not in stream.names.arrows:
        return 0
    opens = blank(stream.text, end)
    if not _open.match(stream.text, opens):
        return 0
    stream.push("FUNC", Tree("name", (), marks + value, (first, end)))
    stream.foreign = True
    return end


def starred(stream: Stream, at: int) -> int:
    r"""The * of h'(X)^{*}[Y], which is the adjoint; 0 where it is none."""
    found = _star.match(stream.text, at) if stream.ended[0] == len(stream.kinds) - 1 else None
    if found is None or not stream.more_axes(str(stream.values[stream.ended[1]].value)):
        return 0
    stream.push("STAR", found.span())
    return found.end()
