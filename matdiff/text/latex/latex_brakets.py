r"""Dirac's notation: \langle\phi| is φᴴ, |\psi\rangle is ψ, and an operator may stand in between."""

from __future__ import annotations

from itertools import pairwise

from matdiff.core.patterns import deferred

_special = deferred(
    r"(?P<langle>\\langle(?![A-Za-z])|⟨)|(?P<rangle>\\rangle(?![A-Za-z])|⟩)"
    r"|(?P<bar>\\(?:vert|mid|lvert|rvert)(?![A-Za-z])|(?<![|\\])\|(?!\|))|(?P<other>[,;&]|\|\||\\\||\\\\|\\(?:begin|end|[lr]Vert)(?![A-Za-z]))"
)
BRA, KET, WHOLE = "bra", "ket", "whole"


def brakets(text: str) -> dict[int, str]:
    r"""What brackets and bars are, by place: `bra` of \langle and the bar behind it, `ket` of a bar and its \rangle.

    A bar that ends a bra and begins a ket is `braket`; the brackets of a number ⟨a|b⟩ are `whole`, so that a power
    belongs to all of it; ⟨a, b⟩ has no bar and stays an inner product.

    >>> brakets(r"\langle a|H|b\rangle"), brakets(r"|x|")
    ({0: 'whole', 9: 'bra', 11: 'ket', 13: 'whole'}, {})
    """
    if "rangle" not in text and "langle" not in text and "⟩" not in text and "⟨" not in text:
        return {}
    found: dict[int, str] = {}
    marks = [(str(m.lastgroup), m.start()) for m in _special.finditer(text)]
    for (kind, at), (after, there) in pairwise(marks):
        if text.count("{", at, there) != text.count("}", at, there):
            continue
        if kind == "langle" and after == "bar":
            found[at] = BRA
            found[there] = found.get(there, "") + BRA
        elif kind == "bar" and after == "rangle":
            found[at] = found.get(at, "") + KET
            found[there] = KET
    brackets = [(kind, at) for kind, at in marks if kind in ("langle", "rangle")]
    for (kind, at), (after, there) in pairwise(brackets):
        if (kind, after, found.get(at), found.get(there)) == ("langle", "rangle", BRA, KET):
            found[at] = found[there] = WHOLE
    return found
