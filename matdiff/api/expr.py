"""What users hold: an expression together with the variables it is a function of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from math import isfinite
from numbers import Integral, Rational, Real
from typing import Any

from matdiff.calculus.expression import Expression
from matdiff.core.node import Liftable, Node, Symbol, describe, number, operators, topological
from matdiff.core.op import Record
from matdiff.errors import ParseError, ShapeError, UnsupportedError
from matdiff.graph.properties import fingerprint
from matdiff.graph.rewrite import inline
from matdiff.ops.complexes import COMPLEX, CONJ, IM, RE
from matdiff.simplify.expand import expanded
from matdiff.simplify.normal import normal


class Expr(Expression):
    """A typed expression and its declarations.

    The gradient of `tr(X)` is `eye(n)`: it has no variable of its own, yet it is a function of X, and
    `evaluate` finds n from the array.  In Python `@` is the matrix product, `*` scales by a scalar and
    is the Hadamard product otherwise; `/ ** + - .T` are as in NumPy.
    """

    __slots__ = ()
    __array_ufunc__ = None
    """NumPy leaves `array + expression` to the expression, which refuses it."""

    @property
    def types(self) -> str:
        """The declarations of its variables, as text that `declare=` takes."""
        from matdiff.inference import declaration_text

        return declaration_text(self.variables, self.node)

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value: a float, or a 1-D or 2-D array; of dual numbers, `md.Dual`, a dual number.

        Of the function's variables, surplus ones are ignored.

        Raises ShapeError for wrong shapes, DomainError where a function is not defined or an array
        lacks its declared attribute, ArgumentError for a missing array and for an unknown name.
        """
        if self._complex:
            return self._with_complex().evaluate(**arrays)
        from matdiff.codegen.evaluate import evaluate, refuse_strangers

        refuse_strangers([self.node], self.variables, arrays)
        if any(hasattr(a, "__dual__") for a in arrays.values()):
            from matdiff.api.dual import evaluated

            return evaluated(self.node, self.variables, arrays)
        return evaluate(self.node, self.variables, arrays, guards=self.guards)

    def compile(
        self, backend: str = "numpy", unchecked: bool = False, batch: Sequence[str] | str = ()
    ) -> Callable[..., Any]:
        """A function of the arrays by name, by NumPy, JAX, PyTorch or Numba.

        It checks names and shapes, unless `unchecked`, and nothing else: ArgumentError is a TypeError.
        `batch=("x", "y")` puts a leading axis on those arrays and on the results: many problems in one call.
        """
        if self._complex:
            return self._with_complex().compile(backend)
        from matdiff.codegen import compile_

        return compile_(self.node, self.variables, backend, unchecked=unchecked, batch=batch)

    def source(self, backend: str = "numpy") -> str:
        """Readable source text of `compile`'s function; it runs without matdiff.

        Besides the backends of `compile` there are `c`, `julia`, and `octave` for Octave and MATLAB.
        """
        if self._complex:
            return self._with_complex().source(backend)
        from matdiff.codegen import source

        return source(self.node, self.variables, backend)

    @property
    def _complex(self) -> bool:
        """Are variables complex?"""
        return any(v.attributes and not COMPLEX.isdisjoint(v.attributes) for v in self.variables)

    def _with_complex(self) -> Expr:
        return ComplexExpr(self.node, self.variables)

    def to_sympy(self) -> Any:
        """The expression in SymPy's matrix expressions; `matdiff.from_sympy` reads it back.

        Raises UnsupportedError, with its name, for a function that SymPy has no matrix expression for.
        """
        from matdiff.interop.sympy_write import to_sympy

        return to_sympy(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Expr({self.text()!r})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/latex": self._repr_latex_(), "text/plain": self.text()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expr):
            return NotImplemented
        return self.node is other.node or fingerprint(self._canonical) == fingerprint(other._canonical)

    def __hash__(self) -> int:
        return hash(fingerprint(self._canonical))

    @property
    def _canonical(self) -> Node:
        if self._complex:
            from matdiff.calculus.complexes import canonical as complex_canonical

            return complex_canonical(self.node)
        return canonical(self.node)

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: Any) -> Expr:
        return self

    def __reduce__(self) -> tuple[Callable[..., Expr], tuple[Any, ...]]:
        from matdiff.api.pickling import dump

        return unpickled, (type(self), *dump((self.node, *self.guards, *self.variables)), len(self.guards))

    def __add__(self, other: Operand) -> Expr:
        return self._operate("+", self, other)

    def __radd__(self, other: Operand) -> Expr:
        return self._operate("+", other, self)

    def __sub__(self, other: Operand) -> Expr:
        return self._operate("-", self, other)

    def __rsub__(self, other: Operand) -> Expr:
        return self._operate("-", other, self)

    def __mul__(self, other: Operand) -> Expr:
        return self._operate("*", self, other)

    def __rmul__(self, other: Operand) -> Expr:
        return self._operate("*", other, self)

    def __truediv__(self, other: Operand) -> Expr:
        return self._operate("/", self, other)

    def __rtruediv__(self, other: Operand) -> Expr:
        return self._operate("/", other, self)

    def __matmul__(self, other: Expr) -> Expr:
        return product(self, other)

    def __rmatmul__(self, other: Any) -> Expr:
        return product(other, self)

    def __pow__(self, other: Operand) -> Expr:
        return self._operate("**", self, other)

    def __rpow__(self, other: Operand) -> Expr:
        return self._operate("**", other, self)

    def __neg__(self) -> Expr:
        return self._operate("*", -1, self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        """The absolute value, entry by entry."""
        from matdiff.ops.elementwise import abs_

        return Expr(abs_(self.node), self.variables)

    @property
    def T(self) -> Expr:
        return Expr(self.node.T, self.variables)

    @property
    def H(self) -> Expr:
        """The conjugate transpose; of real expressions the transpose."""
        return Expr(CONJ(self.node).T, self.variables)

    def conj(self) -> Expr:
        """The conjugate, entry by entry."""
        return Expr(CONJ(self.node), self.variables)

    @property
    def real(self) -> Expr:
        """The real part."""
        return Expr(RE(self.node), self.variables)

    @property
    def imag(self) -> Expr:
        """The imaginary part."""
        return Expr(IM(self.node), self.variables)

    def __getitem__(self, key: Any) -> Expr:
        """Entries, rows and slices as in NumPy, counted from 0."""
        from matdiff.inference import numpy_index

        return Expr(numpy_index(self.node, key), self.variables)

    def __iter__(self) -> Iterator[Expr]:
        """Entries of a vector, rows of a matrix.  Raises ShapeError where their number is not known."""
        count = None if self.kind == "scalar" else self.node.shape[0].number
        if count is None:
            many = "is one number" if self.kind == "scalar" else f"has {self.shape[0]} entries, which is not a number"
            raise ShapeError(f"cannot iterate: {describe(self.node)} {many}", hint="index it: x[0]")
        return (self[i] for i in range(count))

    @staticmethod
    def _operate(sign: str, *operands: Operand) -> Expr:
        return Expr(operators[sign](*map(lifted, operands)), merged(operands))


Operand = Expr | Liftable


class ComplexExpr(Expr):
    """An expression some of whose variables are complex."""

    __slots__ = ()

    def evaluate(self, /, **arrays: Any) -> Any:
        """The value; where the expression is real by its form a float or a real array.

        Raises as `Expr.evaluate`, and DomainError for a complex array of a real variable.
        """
        from matdiff.calculus.complexes import real, working
        from matdiff.codegen.complexes import evaluate

        return evaluate([self.node], self.variables, arrays, [real(working(self.node))])[0]

    def compile(self, backend: str = "numpy", unchecked: bool = False, batch: Sequence[str] | str = ()) -> Any:
        """A function of the arrays by name, in NumPy, JAX or PyTorch.  Raises UnsupportedError for a batch."""
        if batch:
            raise UnsupportedError("batches are of real arrays", hint="call the function for each problem")
        from matdiff.codegen.complexes import compiled

        return compiled([self.node], self.variables, backend)

    def source(self, backend: str = "numpy") -> str:
        """Readable source text of `compile`'s function; it runs without matdiff."""
        from matdiff.codegen.complexes import source

        return source([self.node], self.variables, backend)

    def to_sympy(self) -> Any:
        """Raises UnsupportedError: complex variables have no counterpart in SymPy's matrix expressions here."""
        raise UnsupportedError("complex expressions are not handed over to SymPy")


def lifted(value: Any) -> Node:
    """The node of an expression or of a real number.  Raises ParseError for anything else, and for inf and nan."""
    if isinstance(value, Expr):
        return value.node
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, Real):
        raise ParseError(
            f"an expression combines with expressions and numbers, not with {type(value).__name__}",
            hint='give the array a name, A = md.matrix("A", "m", "n"), and pass it to evaluate(A=…)',
        )
    if isinstance(value, Integral):
        return number(int(value))
    if isinstance(value, Rational):
        return number(Fraction(value))
    return number(finite(float(value)))


def finite(value: Any) -> Any:
    """The value itself.  Raises ParseError for a float that is inf or nan."""
    if isinstance(value, float) and not isfinite(value):
        raise ParseError(f"{value} is not a number that an expression can hold: numbers are finite")
    return value


def product(*operands: Any) -> Expr:
    """The matrix product as Python writes it: of two vectors it is the inner product."""
    a, b = map(lifted, operands)
    if "scalar" in (a.kind, b.kind):
        raise ShapeError("@ is the matrix product; use * to scale by a scalar")
    if a.kind == "vector" and b.kind != "row":
        a, b = (a.T, b) if b.kind == "vector" else (b.T, a)
    return Expr(operators["@"](a, b), merged(operands))


def merged(operands: Any) -> tuple[Symbol, ...]:
    """The variables of several expressions, each once.  Raises ParseError where one name has two types."""
    found: dict[str, Symbol] = {}
    for v in (v for o in operands if isinstance(o, Expr) for v in o.variables):
        if found.setdefault(v.name, v) is not v:
            raise ParseError(f"{v.name} is {describe(found[v.name])} here and {describe(v)} there")
    return tuple(found.values())


SMALL = 1000
"""Most distinct parts of an expression in which sums inside functions are multiplied out to compare by."""


def canonical(node: Node) -> Node:
    """The node that equal expressions share: definitions in place, in normal form, products of sums multiplied out."""
    simple = normal(inline(node))
    opened = expanded(simple, inside=len(topological(simple)) <= SMALL)
    return simple if opened is simple else normal(opened)


def unpickled(kind: type[Expr], rows: Any, roots: Any, guards: int) -> Expr:
    """An expression that was pickled."""
    from matdiff.api.pickling import load

    node, *others = load(rows, roots)
    return kind(node, tuple(others[guards:]), tuple(others[:guards]))  # type: ignore[arg-type]


def function(records: Sequence[Record]) -> Callable[..., Any]:
    """A function of the language as a Python function of expressions (or dual numbers), numbers for its parameters."""

    def call(*args: Any) -> Any:
        from matdiff.inference import call_record

        if any(hasattr(a, "__dual__") for a in args):
            from matdiff.api.dual import applied

            return applied(records, args)
        nodes = tuple(a.node if isinstance(a, Expr) else finite(a) for a in args)
        return Expr(call_record(records, nodes), merged(args))

    call.__name__ = call.__qualname__ = records[0].name
    call.__doc__ = f"{records[0].name}: {records[0].signature}  {records[0].summary}".strip()
    return call
