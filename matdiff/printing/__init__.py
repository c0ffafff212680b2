"""Printing: Unicode text, plain ASCII, LaTeX and MathML are tables that one emitter writes by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

from matdiff.core.node import Node, Symbol, printers, topological
from matdiff.printing.emit import Emitter, named_parts
from matdiff.printing.layout import LONGER, Layout
from matdiff.printing.length import length
from matdiff.printing.names import ascii_name, latex_name, unicode_name
from matdiff.printing.tables import ASCII, LATEX, TEXT, Notation

__all__ = ["length", "to_latex", "to_mathml", "to_text", "written"]


def to_text(
    node: Node, *, ascii: bool = False, limit: int | None = None, defined: bool = True, taken: Iterable[str] = ()
) -> str:
    """The language's own text, which parses back to the expression.

    Definitions and, in large expressions, shared parts come first: `r = A x − b; 2Aᵀ r`; not so with
    `defined=False`.  With a `limit` one expression of at most so many characters is written, elided with `…`.
    `taken` are names of variables that need not occur, by which no constant goes.
    """
    notation = ASCII if ascii else TEXT
    if limit is not None:
        emitter = Emitter(Layout(notation), limit)
        emitter.run(emitter.layout.piece(node))
        return emitter.text()
    return _write(node, notation, ascii_name if ascii else unicode_name, defined, taken)


def to_latex(node: Node, *, defined: bool = True, taken: Iterable[str] = ()) -> str:
    """LaTeX for mathematics mode; the rest as in `to_text`."""
    return _write(node, LATEX, latex_name, defined, taken)


def to_mathml(node: Node, *, defined: bool = True) -> str:
    """The inside of a `<math>` element; definitions as in `to_text`."""
    from matdiff.printing.mathml import MATHML, mathml_name

    return _write(node, MATHML, mathml_name, defined)


def written(node: Node, style: str, make: type[Layout], taken: Iterable[str] = (), defined: bool = True) -> str:
    """An expression, its definitions in front, by a layout of one's own: `style` is unicode, ascii or latex."""
    notation, spell = {"ascii": (ASCII, ascii_name), "latex": (LATEX, latex_name)}.get(style, (TEXT, unicode_name))
    return _write(node, notation, spell, defined, taken, make)


def _write(
    node: Node,
    notation: Notation,
    spell: Callable[[str], str],
    defined: bool,
    taken: Iterable[str] = (),
    make: type[Layout] = Layout,
) -> str:
    taken = RESERVED.intersection(taken)
    asked = spell, make, defined, taken
    texts = _texts.get(node)
    if texts is None:
        texts = _texts[node] = {}
    found = texts.get(asked)
    if found is None:
        found = _written(node, notation, spell, defined, taken, make)
        if len(found) <= KEPT:
            texts[asked] = found
    return found


RESERVED = frozenset({*LONGER, "σ", "sigma"})
"""Names of variables by which others are spelled in another way."""
KEPT = 1000
"""Most characters of a text that is kept, as long as its node lives: lines are measured before they are printed."""
_texts: WeakKeyDictionary[Node, dict[tuple[Any, ...], str]] = WeakKeyDictionary()


def _written(
    node: Node,
    notation: Notation,
    spell: Callable[[str], str],
    defined: bool,
    taken: Iterable[str],
    make: type[Layout],
) -> str:
    order = topological(node) if defined else []
    names = {n: spell(name) for n, name in named_parts(order).items()} if defined else {}
    equals, then = notation.definition
    parts = [n for n in order if n in names or (isinstance(n, Symbol) and n.body is not None)]
    if parts and not names:
        # Each of them is written once, however many expressions are in terms of it.
        said = [(notation.symbol(n), n.body) for n in parts if isinstance(n, Symbol) and n.body is not None]
        texts = [v + equals + _write(body, notation, spell, False, taken, make) + then for v, body in said]
        return "".join([*texts, _write(node, notation, spell, False, taken, make)])
    emitter = Emitter(make(notation, names, frozenset(taken)))
    for part in parts:
        body = part.body if isinstance(part, Symbol) else None
        emitter.write(notation.symbol(part) if isinstance(part, Symbol) else names[part])
        emitter.write(equals)
        own = names.pop(part, None)
        emitter.run(emitter.layout.piece(part if body is None else body))
        if own is not None:
            names[part] = own
        emitter.write(then)
    emitter.run(emitter.layout.piece(node))
    return emitter.text()


printers["text"] = lambda node: to_text(node, limit=400)
