"""Unknown functions of arrays from Python: `function("g", "p", "m")` is g: p -> m."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matdiff.api.expr import Expr, lifted, merged
from matdiff.errors import ParseError
from matdiff.ops.unknown import Unknown

Size = str | int


class UnknownFunction:
    """A function of which only the shapes are known; called with expressions it is one."""

    def __init__(self, record: Unknown) -> None:
        self.record = record
        self.__name__ = record.of.base

    def __call__(self, *args: Any) -> Expr:
        """The function applied.  Raises ShapeError for arguments of other shapes."""
        return Expr(self.record(*map(lifted, args)), merged(args))

    @property
    def declaration(self) -> str:
        return f"{self.record.of.base}: {self.record.of.arrow}"

    def __repr__(self) -> str:
        return f"<unknown function {self.declaration}>"


def function(name: str, inputs: Size | Sequence[Size], value: Size) -> UnknownFunction:
    """An unknown function: shapes as declarations have them, several arguments as a tuple.

    >>> import matdiff as md
    >>> g, h, x = md.function("g", "p", "m"), md.function("h", "n", "p"), md.vector("x", "n")
    >>> str(md.derive(g(h(x)), wrt=x).jacobian)
    "g'(h(x)) h'(x)"

    Raises ParseError for what is no name or no shape.
    """
    from matdiff.inference.arrows import declared
    from matdiff.inference.declarations import read
    from matdiff.text.parser import parse_declarations

    shapes = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    for part in (*shapes, value):
        if isinstance(part, bool) or not isinstance(part, str | int):
            raise ParseError(f"a shape is a text or a whole number, not {part!r}", hint='function("h", "n", "p")')
    if not isinstance(name, str):
        raise ParseError(f"the name of a function is a text, not {name!r}", hint='function("h", "n", "p")')
    found = parse_declarations(f"{name}: ({', '.join(map(str, shapes))}) -> {value}")
    if len(found) != 1 or found[0].name != name or found[0].arrow is None:
        raise ParseError(f"{name!r} is no name of one function", hint='function("h", "n", "p")')
    record = declared(name, read(found[0]).arrow)
    assert isinstance(record, Unknown)
    return UnknownFunction(record)
