"""From text to a typed expression: parser and inference put together."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matdiff.api.expr import ComplexExpr, Expr, lifted, merged
from matdiff.core.node import Symbol
from matdiff.core.patterns import deferred
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.ops.complexes import COMPLEX
from matdiff.ops.unknown import Unknown
from matdiff.text.tree import Declaration

if TYPE_CHECKING:
    from matdiff.inference import Typed


def read(
    text: str,
    declare: str | Sequence[str] | None,
    dialect: str,
    known: Mapping[str, Symbol],
    wrt: Collection[str] = (),
    implicit: bool = False,
) -> Typed:
    """The typed program of a text that is differentiated by `wrt`; with `implicit` it may have equations.

    Raises MatdiffError with a caret.
    """
    import matdiff.ops  # noqa: F401  the functions register themselves
    from matdiff.inference import infer
    from matdiff.text.parser import parse_declarations, parse_program

    declared = [d for t in texts(declare) for d in parse_declarations(t)]
    program = parse_program(text, dialect, [*declared, *complex_declarations(known)])
    typed = infer(program, declared, known, wrt, implicit)
    if "i" in typed.variables and program.dialect == "plain":
        refuse_imaginary(typed, {d.name for d in (*declared, *program.declarations)} | {*known, *wrt})
    return typed


def complex_declarations(known: Mapping[str, Symbol]) -> list[Declaration]:
    """What the reader of text must know of complex variables that are known already: z̄ and A† mean conjugates."""
    return [
        Declaration(v.name, (), tuple(v.attributes), (0, 0))
        for v in known.values()
        if not COMPLEX.isdisjoint(v.attributes)
    ]


def refuse_imaginary(typed: Typed, said: Collection[str]) -> None:
    """Raises ParseError for an i that nothing declares: a variable, or the imaginary unit?"""
    if "i" in said or "index" in typed.variables["i"].attributes:
        return
    found = re.search(r"(?<![\w\\])i(?!\w)", typed.text)
    raise ParseError(
        "is this i the imaginary unit or a variable?",
        text=typed.text,
        span=found.span() if found else None,
        hint="write 1i for the imaginary unit, declare `i: scalar` for a variable",
    )


_random = deferred(
    r"[~∼𝔼]|\\sim(?![A-Za-z])|\\(?:mathbb|mathrm|operatorname|mathsf)\s*\{?\s*E\s*\}?\s*[_\[(\\]|(?<![\w\\])E\s*(?:\\left\s*)?\["
)


def may_be_random(text: Any, declare: Any) -> bool:
    """Whether a text may state laws, `z ~ normal(0, I)`, or have an E[…], be it an entry of a matrix E."""
    given = (text,) if declare is None else (text, declare) if isinstance(declare, str) else (text, *_listed(declare))
    return any(isinstance(t, str) and not _plain(t) and _random.search(t) is not None for t in given)


def _plain(text: str) -> bool:
    """Whether a text has none of the signs of randomness, which is quick."""
    return text.isascii() and "E" not in text and "~" not in text and "\\sim" not in text


def _listed(declare: Any) -> list[Any] | tuple[Any, ...]:
    return declare if isinstance(declare, list | tuple) else ()


def texts(declare: Any) -> list[str]:
    """What `declare=` was given, as a list of texts.  Raises ParseError for anything else."""
    if declare is None:
        return []
    if isinstance(declare, str):
        return [declare]
    if isinstance(declare, Mapping) or not isinstance(declare, Iterable) or isinstance(declare, bytes | Expr):
        raise ParseError(
            f"declare takes a text or a list of texts, not {type(declare).__name__}",
            hint='for instance declare="A: m×n; b: m", or declare=["A: m×n", "b: m"]',
        )
    return list(declare)


def agree(e: Expr, declare: Any) -> None:
    """Raises ParseError where declarations say something else of the variables than the expression does."""
    from matdiff.graph.properties import closure
    from matdiff.inference.declarations import gather
    from matdiff.text.parser import parse_declarations

    said = gather("", (), [d for t in texts(declare) for d in parse_declarations(t)])
    for v in e.variables:
        found = said.get(v.name)
        if found is None:
            continue
        fits = found.kind in (None, v.kind) and found.dims in ((), v.shape) and not found.function
        if not fits or not found.attributes <= closure(v.attributes):
            raise ParseError(
                f"an expression carries its declarations, and in this one they are {e.types}",
                hint=f"leave {v.name} out of declare, or declare it so where the expression is made",
            )


def parse(text: str, declare: str | Sequence[str] | None = None, dialect: str = "auto") -> Expr:
    """An expression from text in the language.

    >>> parse("x'*A*x").types
    'x: n; A: n×n'
    """
    typed = read(text, declare, dialect, {})
    if not COMPLEX.isdisjoint(a for v in typed.variables.values() for a in v.attributes):
        return ComplexExpr(typed.function, tuple(typed.variables.values()))
    return Expr(typed.function, tuple(typed.variables.values()))


def matrix(name: str, rows: int | str, cols: int | str, *attributes: str) -> Expr:
    """A matrix variable.

    >>> (matrix("A", "m", "n") @ vector("x", "n")).types
    'A: m×n; x: n'
    """
    return _variable(name, (rows, cols), attributes)


def vector(name: str, length: int | str, *attributes: str) -> Expr:
    """A vector variable."""
    return _variable(name, (length,), attributes)


def scalar(name: str, *attributes: str) -> Expr:
    """A scalar variable."""
    return _variable(name, (), attributes)


def _variable(name: str, sizes: tuple[int | str, ...], attributes: tuple[str, ...]) -> Expr:
    from matdiff.inference import declared_symbol
    from matdiff.text.parser import parse_declarations

    for what, given in (("the name", (name,)), ("an attribute", attributes)):
        if strange := [v for v in given if not isinstance(v, str)]:
            raise ParseError(f"{what} of a variable is a text, not {strange[0]!r}")
    for size in sizes:
        if not isinstance(size, str) and (isinstance(size, bool) or not hasattr(size, "__index__")):
            raise ParseError(f"a dimension of {name} is a name or a whole number, not {size!r}")
    shape = "×".join(map(str, sizes)) or "scalar"
    found = parse_declarations(f"{name}: {shape} {' '.join(attributes)}")
    if len(found) != 1 or found[0].name != name or len(found[0].dims) != len(sizes):
        count = f"{len(sizes)} dimension{'s' * (len(sizes) != 1)}"
        raise ParseError(
            f"one variable with {count} is wanted, not `{name}: {shape}`",
            hint='for instance matrix("A", "m", "n", "symmetric"), vector("x", "n"), scalar("t")',
        )
    return Expr(declared_symbol(found[0]))


def from_sympy(e: Any, declare: str | None = None) -> Expr:
    """A SymPy expression in matdiff: n×1 MatrixSymbols are vectors, Symbols scalars.

    `declare` gives attributes, which a MatrixSymbol has none of: "S: n×n symmetric".
    Raises UnsupportedError, with its name, for what has no counterpart.

    >>> import sympy as sp
    >>> n = sp.Symbol("n")
    >>> A, x = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("x", n, 1)
    >>> str(from_sympy(x.T * A * x))
    'xᵀ A x'
    """
    import sympy as sp

    from matdiff.interop.sympy_read import Reader

    try:
        return Expr(Reader(declare).read(sp.sympify(e)))
    except MatdiffError:
        raise
    except RecursionError:
        raise UnsupportedError("the expression is nested too deeply for SymPy") from None
    except (sp.SympifyError, TypeError, AttributeError) as error:
        raise UnsupportedError(f"this is no expression of SymPy: {error}") from None


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


def function(name: str, inputs: int | str | Sequence[int | str], value: int | str) -> UnknownFunction:
    """An unknown function: shapes as declarations have them, several arguments as a tuple.

    >>> import matdiff as md
    >>> g, h, x = md.function("g", "p", "m"), md.function("h", "n", "p"), md.vector("x", "n")
    >>> str(md.derive(g(h(x)), wrt=x).jacobian)
    "g'(h(x)) h'(x)"

    Raises ParseError for what is no name or no shape.
    """
    from matdiff.inference.arrows import declared
    from matdiff.inference.declarations import read as meant
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
    record = declared(name, meant(found[0]).arrow)
    assert isinstance(record, Unknown)
    return UnknownFunction(record)
