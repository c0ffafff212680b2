r"""Functions that are understood at their variable: u(t) is u, and du/dt, \frac{du}{dt}, \frac{d}{dt} u are D(u)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from matdiff.core.patterns import deferred
from matdiff.text.tree import Left, Span, Tree

Moving = Mapping[str, tuple[str, ...]]
"""By function the places at which it is understood, the first its variable: {"u": ("t",)}."""


class Every(dict[str, tuple[str, ...]]):
    """Every function, understood at one variable."""

    def __init__(self, variable: str) -> None:
        super().__init__({"": (variable,)})

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: Any = None) -> Any:
        return self[""]


DOTS = {"_dot": 1, "_ddot": 2}
"""What the accents of LaTeX make of a name, and the order of the derivative that they are."""

_d = r"(?:d|\\mathrm\s*\{\s*d\s*\}|\\mathrm\s+d|\\partial)\s*"
_twice = r"\^\s*(?:2|\{\s*2\s*\})\s*"
_over = deferred(rf"\s*\{{\s*{_d}(?P<twice>{_twice})?")
_below = deferred(rf"\s*\}}\s*\{{\s*{_d}")
_paren = deferred(r"\s*\(")
_ends = deferred(rf"\s*(?P<twice>{_twice})?\}}\s*")


def accented(name: str) -> tuple[str, int]:
    """The function of a name with accents, and the order of the derivative that they are."""
    return next(((name.removesuffix(dots), n) for dots, n in DOTS.items() if name.endswith(dots)), (name, 0))


def bare(name: str) -> str:
    """The function of a name with accents or primes."""
    return accented(name.rstrip("'"))[0]


def primed(t: Tree, text: str) -> bool:
    """Whether this is typed with a prime, which may be a derivative, and not with a T, which transposes."""
    return t.head == "'" and not any(c in text[t.args[0].span[1] : t.span[1]] for c in ("T", "ᵀ", "⊤", r"\top"))


def derivatives(trees: Iterable[Tree], text: str) -> Iterator[tuple[str, Tree]]:
    """The functions of which a derivative is typed, v' or \\dot v, and its place: of a scalar v' is no transpose."""
    for t in trees:
        name, order = accented(str(t.value)) if t.head == "name" else ("", 0)
        if order:
            yield name, t
        elif primed(t, text) and t.args[0].head == "name":
            yield str(t.args[0].value), t


def understood(stream: Any, name: str, inside: str) -> bool:
    """Whether what stands in parentheses behind a function is a place at which it is understood."""
    return "".join(inside.split()) in stream.names.moving.get(bare(name), ())


def place(stream: Any, span: Span) -> int:
    """Where u(t) ends whose parenthesis opens here, which is u; 0 for a parenthesis with anything else in it."""
    i = len(stream.kinds) - 1
    while i > 0 and stream.kinds[i] == "TICK":
        i -= 1
    if i < 0 or stream.kinds[i] not in ("NAME", "FUNC"):
        return 0
    end = behind(stream, str(stream.values[i].value), span[0])
    if end == span[0]:
        return 0
    last = stream.values[-1]
    if isinstance(last, Tree):
        last.span = (last.span[0], end)
    else:
        stream.values[-1] = (last[0], end)
    return end


def behind(stream: Any, name: str, at: int) -> int:
    """Behind the (t) of u(t), where that stands at a place; else the place."""
    opened = _paren.match(stream.text, at)
    close = stream.text.find(")", opened.end()) if opened else -1
    if opened is None or close < 0:
        return at
    return close + 1 if understood(stream, name, stream.text[opened.end() : close]) else at


def derivative(stream: Any, name: str, span: Span, order: int = 1) -> None:
    """The tokens of D(u), D(u,2) at the place of a quotient of differentials."""
    stream.push("FUNC", Tree("name", (), "D", span))
    stream.push("LPAR", span)
    stream.push("NAME", Tree("name", (), name, span))
    if order > 1:
        stream.push("COMMA", span)
        stream.push("NUMBER", Tree("number", (), order, span))
    stream.push("RPAR", span)


def typed_quotient(stream: Any, name: Tree) -> bool:
    """Whether a name is the dt of du/dt, whose tokens are those of D(u) then."""
    if stream.kinds[-2:] != ["NAME", "SLASH"]:
        return False
    above, below = stream.values[-2], str(name.value)
    u = str(above.value)[1:]
    if str(above.value)[:1] + below[:1] != "dd" or below[1:] != (stream.names.moving.get(u) or ("",))[0]:
        return False
    del stream.kinds[-2:], stream.values[-2:]
    derivative(stream, u, (above.span[0], name.span[1]))
    return True


def quotient(stream: Any, first: int, at: int, name_at: Callable[[int], Any]) -> int:
    r"""Where \frac{du}{dt}, \frac{d^2u}{dt^2} or \frac{d}{dt} u ends that begins first; 0 for other fractions."""
    above = _over.match(stream.text, at)
    name = name_at(above.end()) if above else None
    after = behind(stream, name.value, name.end) if name else above.end() if above else at
    below = _below.match(stream.text, after) if above else None
    by = name_at(below.end()) if below else None
    ends = _ends.match(stream.text, by.end) if by else None
    if above is None or by is None or ends is None or bool(above["twice"]) != bool(ends["twice"]):
        return 0
    apart = name is None
    name = name or name_at(ends.end())
    if name is None or by.value != (stream.names.moving.get(name.value) or ("",))[0]:
        return 0
    end = behind(stream, name.value, int(name.end)) if apart else len(stream.text[: ends.end()].rstrip())
    derivative(stream, name.value, (first, end), 2 if above["twice"] else 1)
    return end


def moved(left: Left, moving: Moving) -> tuple[str, int]:
    """The function and the order of the derivative that the left side of a differential equation is; 0 for others."""
    if left.name == "D" and left.parameters and left.parameters[0] in moving:
        return left.parameters[0], int(left.parameters[1]) if len(left.parameters) > 1 else 1
    name, order = accented(left.name)
    return ("", 0) if name not in moving or left.parameters else (name, left.primes + order)
