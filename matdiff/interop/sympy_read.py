"""SymPy's matrix expressions read node by node; importing this module imports SymPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

import matdiff.ops  # noqa: F401  the functions register themselves
from matdiff.core.node import Kind, Node, constant, number, symbol
from matdiff.core.op import registry
from matdiff.core.shape import ONE, Dim
from matdiff.errors import ShapeError, UnsupportedError
from matdiff.graph.lift import lifted
from matdiff.graph.lift.values import Member
from matdiff.inference import declared_symbol
from matdiff.inference.special import unknown
from matdiff.interop.sympy_write import scalar_functions
from matdiff.ops.algebra import broadcast_add, hadamard, matmul, product, scale, transpose
from matdiff.ops.algebra import power as entry_power
from matdiff.ops.algebra import size as size_node
from matdiff.ops.constants import eye, ones, zeros
from matdiff.ops.indexing import HCAT, VCAT, column_at, entry, row_at
from matdiff.ops.kronecker import kron, kronv
from matdiff.ops.linalg import det, inv, logdet
from matdiff.ops.matrix_functions import matrix_power
from matdiff.ops.reductions import norm, sum_, tr
from matdiff.ops.structure import Diag, diag, tril
from matdiff.ops.sums import OVER, Index, Over
from matdiff.text.parser import parse_declarations

HALF = sp.Rational(1, 2)
SUMS = (sp.Sum, sp.Product)


class Reader:
    """Reads one expression; the variables of the same name are the same."""

    def __init__(self, declare: str | None) -> None:
        self.known: dict[str, Node] = {}
        self.members: dict[Node, Member] = {}
        """What stands for entries whose index a sum runs over."""
        self.entrywise = False
        """Whether a function is read that acts entry by entry."""
        if declare:
            self.known = {d.name: declared_symbol(d) for d in parse_declarations(declare)}

    def read(self, root: Any, given: dict[Any, Node] | None = None) -> Node:
        """The node of an expression; `given` are the parameters of an elementwise function."""
        memo: dict[Any, Node] = dict(given or {})
        entrywise, self.entrywise = self.entrywise, bool(given)
        bound = () if given else root.atoms(*SUMS)
        whole = root = renamed(root) if bound else root
        stack = [root]
        while stack:
            top = stack[-1]
            if top in memo:
                stack.pop()
                continue
            below = children(top)
            waiting = [c for c in below if c not in memo]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            args = [memo[c] for c in below]
            memo[top] = reduce(product, args) if given and isinstance(top, sp.Mul) else self.one(top, args)
        self.entrywise = entrywise
        return lifted(memo[whole], self.members) if bound else memo[whole]

    def one(self, e: Any, args: list[Node]) -> Node:
        """One expression, its arguments read already."""
        if isinstance(e, Bound):
            return self.counted(e)
        if isinstance(e, SUMS):
            return over(e, args[0])
        if isinstance(e, MatrixElement) and any(i.has(Bound) for i in e.args[1:]):
            return self.member(e, args[0])
        if isinstance(e, sp.Function) and not self.entrywise and any(a.kind != "scalar" for a in args):
            if isinstance(e, sp.exp) and args[0].kind == "matrix":
                return registry["expm"](args[0])
            raise UnsupportedError(
                f"{short(e)} is no function of entries in SymPy", hint=f"write it with .applyfunc({e.func.__name__})"
            )
        if isinstance(e, sp.MatrixSymbol):
            return self.variable(e.name, dimension(e.shape[0]), dimension(e.shape[1]))
        if isinstance(e, sp.Symbol):
            return self.scalar(e)
        if isinstance(e, sp.Number):
            return plain_number(e)
        if isinstance(e, ElementwiseApplyFunction):
            return self.applied(e.function, args[0])
        for kinds, build in BUILDERS:
            if isinstance(e, kinds):
                return build(e, args)
        if isinstance(e, sp.Function):
            return named(e, args)
        raise UnsupportedError(f"{type(e).__name__} of SymPy has no counterpart here: {short(e)}")

    def variable(self, name: str, rows: Dim, cols: Dim) -> Node:
        kind: Kind = "vector" if cols is ONE else "row" if rows is ONE else "matrix"
        if kind == "row":
            return transpose(self.variable(name, cols, ONE))
        found = self.known.setdefault(name, symbol(name, kind, rows, cols))
        if found.rows is not rows or found.cols is not cols:
            raise ShapeError(f"{name} is {rows}×{cols} in SymPy, but {found.rows}×{found.cols} elsewhere")
        return found

    def member(self, e: Any, a: Node) -> Node:
        """x[i + 1, 0] and A[i, j] below a sum over i, where SymPy counts from 0."""
        i, j = e.args[1:]
        if a.kind == "vector":
            a, indices = a, [i]
        elif not i.has(Bound):
            a, indices = row_at(a, dimension(i) + ONE), [j]
        elif not j.has(Bound):
            a, indices = column_at(a, dimension(j) + ONE), [i]
        else:
            indices = [i, j]
        return self.placed(a, indices, str(e))

    def placed(self, family: Node, indices: Sequence[Any], name: str) -> Node:
        places = []
        for index in indices:
            (axis, *others) = index.atoms(Bound)
            if others or (index - axis).has(Bound):
                raise UnsupportedError(f"the index {index} of SymPy is no index plus a number")
            places.append((axis.name, dimension(index - axis)))
        found = symbol(f"{name}#", "scalar")
        self.members[found] = Member(family, tuple(places))
        return found

    def counted(self, e: Bound) -> Node:
        """An index as a number, 0, 1, …"""
        last = dimension(e.last) + ONE
        numbers = tril(ones("matrix", last, last)) @ ones("vector", last) - ones("vector", last)
        return self.placed(numbers, [e], e.name)

    def scalar(self, e: Any) -> Node:
        if e.is_integer and e.is_positive:
            return size_node(Dim.of(e.name))
        attributes = frozenset({"positive"}) if e.is_positive else frozenset[str]()
        return self.known.setdefault(e.name, symbol(e.name, "scalar", attributes=attributes))

    def applied(self, function: Any, a: Node) -> Node:
        """A function applied entry by entry: one of the language's where it is one, else what it says."""
        (t,) = function.variables
        for name, known in scalar_functions().items():
            if known(t) == function.expr:
                return registry[name](a)
        return self.read(function.expr, {t: a})


class Bound(sp.Symbol):  # type: ignore[misc]
    """The index of one sum; no other sum has it."""

    last: Any


def renamed(root: Any) -> Any:
    """Each sum with indices of its own."""
    count = 0

    def own(e: Any) -> Any:
        nonlocal count
        new: dict[Any, Bound] = {}
        limits = []
        for index, *ends in e.limits:
            if len(ends) != 2:
                raise UnsupportedError(f"{short(e)} does not say how far {index} runs")
            if any(end.free_symbols & {x for x, *_ in e.limits} for end in ends):
                raise UnsupportedError(f"the range of {index} in {short(e)} depends on an index")
            count += 1
            new[index] = Bound(f"{index.name}#{count}", integer=True)
            new[index].last = ends[1]
            limits.append((new[index], *ends))
        return e.func(e.function.xreplace(new), *limits)

    return root.replace(lambda e: isinstance(e, SUMS), own)


def over(e: Any, body: Node) -> Node:
    """A sum or product, until it is lifted."""
    for index, first, last in e.limits:
        if any(x.has(Bound) for x in (first, last)):
            raise UnsupportedError(f"the range of {index} in {short(e)} depends on an index")
        runs = Over(
            (Index(index.name, dimension(first) + ONE, dimension(last) + ONE),), product=isinstance(e, sp.Product)
        )
        body = OVER.build((body,), (runs,))
    return body


def children(e: Any) -> Sequence[Any]:
    """The parts of an expression that are expressions of the language themselves."""
    if isinstance(e, SUMS):
        return (e.function,)
    leaf = isinstance(e, sp.MatrixSymbol | sp.Identity | sp.OneMatrix | sp.ZeroMatrix)
    if leaf or not isinstance(e, (sp.Function, ElementwiseApplyFunction, *KINDS)):
        return ()
    if isinstance(e, ElementwiseApplyFunction):
        return (e.expr,)
    if isinstance(e, sp.BlockMatrix):
        return tuple(e.blocks)
    if isinstance(e, sp.ImmutableDenseMatrix):
        return tuple(e)
    if isinstance(e, MatrixElement):
        return (e.args[0],)
    for inside in (summed(e), normed(e)):
        if inside is not None:
            return (inside,)
    if isinstance(e, sp.MatPow):
        return (e.base, e.exp)
    if isinstance(e, sp.Inverse):
        return (e.arg,)
    return tuple(e.args)  # type: ignore[attr-defined]


def dimension(value: Any) -> Dim:
    """A dimension from SymPy: a polynomial in names."""
    try:
        poly = sp.Poly(value, *sorted(value.free_symbols, key=str)) if value.free_symbols else None
    except sp.PolynomialError:
        raise UnsupportedError(f"{value} is no dimension: it is not a polynomial in names") from None
    if poly is None:
        return Dim.of(int(value))
    parts: dict[tuple[str, ...], int | Fraction] = {}
    for exponents, c in poly.terms():
        names = [g.name for g, k in zip(poly.gens, exponents, strict=True) for _ in range(k)]
        parts[tuple(sorted(names))] = Fraction(int(c.p), int(c.q))
    return Dim.collect(parts)


def plain_number(e: Any) -> Node:
    if isinstance(e, sp.Rational):
        return number(Fraction(int(e.p), int(e.q)))
    if isinstance(e, sp.Float):
        return number(float(e))
    raise UnsupportedError(f"{e} is no number of the language")


def short(e: Any) -> str:
    text = str(e)
    return text if len(text) <= 60 else text[:60] + "…"


def summed(e: Any) -> Any:
    """The A of tr(1ᵀ A 1), which is how SymPy has the sum of all entries; None for anything else."""
    if not isinstance(e, sp.Trace) or not isinstance(e.arg, sp.MatMul):
        return None
    first, *rest = e.arg.args
    if isinstance(rest[-1], sp.OneMatrix) and rest[-1].shape[1] == 1 and len(rest) == 2:
        rest.pop()
    row = isinstance(first, sp.OneMatrix) and first.shape[0] == 1
    return rest[0] if row and len(rest) == 1 else None


def normed(e: Any) -> Any:
    """The a of √tr(aᵀ a); None for anything else."""
    if isinstance(e, sp.Pow) and e.exp == HALF and isinstance(e.base, sp.Trace) and isinstance(e.base.arg, sp.MatMul):
        first, *rest = e.base.arg.args
        if isinstance(first, sp.Transpose) and rest == [first.arg]:
            return first.arg
    return None


def _product(e: Any, args: list[Node]) -> Node:
    return reduce(lambda a, b: scale(a, b) if a.kind == "scalar" else matmul(a, b), args)


def _power(e: Any, args: list[Node]) -> Node:
    if normed(e) is not None:
        return norm(*args)
    base, p = args
    return registry["sqrt"](base) if e.exp == HALF else entry_power(base, p)


def _matrix_power(e: Any, args: list[Node]) -> Node:
    A, p = args
    if p.kind != "scalar":
        raise UnsupportedError(f"{short(e)} has no counterpart here: the exponent of a matrix must be a scalar")
    return matrix_power(A, p)


def _trace(e: Any, args: list[Node]) -> Node:
    if summed(e) is not None:
        return sum_(*args)
    (a,) = args
    return a if a.kind == "scalar" else tr(a)


def _log(e: Any, args: list[Node]) -> Node:
    return logdet(args[0].children[0]) if isinstance(e.args[0], sp.Determinant) else registry["log"](args[0])


def _maximum(e: Any, args: list[Node]) -> Node:
    if len(args) == 2 and sp.S.Zero in e.args and isinstance(e, sp.Max):
        return registry["relu"](args[1 - e.args.index(sp.S.Zero)])
    return reduce(registry["maximum" if isinstance(e, sp.Max) else "minimum"], args)


def _explicit(e: Any, args: list[Node]) -> Node:
    """A matrix of entries; a row of them is transposed."""
    rows, cols = e.shape
    if cols == 1 or rows == 1:
        column = VCAT(*args)
        return column if cols == 1 else transpose(column)
    return VCAT(*(HCAT(*args[i : i + cols]) for i in range(0, len(args), cols)))


def _block(e: Any, args: list[Node]) -> Node:
    width = e.blocks.shape[1]
    rows = [args[i : i + width] for i in range(0, len(args), width)]
    whole = [r[0] if len(r) == 1 else HCAT(*r) for r in rows]
    return whole[0] if len(whole) == 1 else VCAT(*whole)


def _element(e: Any, args: list[Node]) -> Node:
    i, j = e.args[1:]
    if not (isinstance(i, sp.Integer) and isinstance(j, sp.Integer)):
        raise UnsupportedError(f"{short(e)} has an index that is not a number")
    (a,) = args
    return entry(a, int(i) + 1) if a.kind == "vector" else entry(a, int(i) + 1, int(j) + 1)


def _constant(e: Any, args: list[Node]) -> Node:
    rows, cols = (dimension(d) for d in e.shape)
    if isinstance(e, sp.Identity):
        return number(1) if rows is ONE else eye(rows)
    make = ones if isinstance(e, sp.OneMatrix) else zeros
    if cols is ONE:
        return number(int(make is ones)) if rows is ONE else make("vector", rows)
    return make("row", ONE, cols) if rows is ONE else make("matrix", rows, cols)


def named(e: Any, args: list[Node]) -> Node:
    """A function by its name in SymPy: one of the language's, else an unknown one."""
    for name, known in scalar_functions().items():
        if getattr(known, "__name__", "") == e.func.__name__:
            return registry[name](*args)
    if isinstance(e, AppliedUndef) and len(args) == 1:
        return unknown(e.func.__name__, 0)(args[0])
    raise UnsupportedError(f"{e.func.__name__} of SymPy has no counterpart here")


Build = Callable[[Any, list[Node]], Node]
BUILDERS: tuple[tuple[type | tuple[type, ...], Build], ...] = (
    ((sp.Identity, sp.OneMatrix, sp.ZeroMatrix), _constant),
    ((sp.MatAdd, sp.Add), lambda e, args: reduce(broadcast_add, args)),
    ((sp.MatMul, sp.Mul), _product),
    (sp.Inverse, lambda e, args: inv(args[0])),
    (sp.MatPow, _matrix_power),
    (sp.Pow, _power),
    (sp.Transpose, lambda e, args: transpose(args[0])),
    (sp.Trace, _trace),
    (sp.Determinant, lambda e, args: det(args[0])),
    (sp.HadamardProduct, lambda e, args: reduce(hadamard, args)),
    (sp.HadamardPower, lambda e, args: entry_power(*args)),
    (sp.KroneckerProduct, lambda e, args: reduce(kronecker, args)),
    (sp.DiagMatrix, lambda e, args: Diag(args[0])),
    (sp.DiagonalOf, lambda e, args: diag(args[0])),
    (sp.BlockMatrix, _block),
    (MatrixElement, _element),
    (sp.log, _log),
    ((sp.Max, sp.Min), _maximum),
    (sp.ImmutableDenseMatrix, _explicit),
    (sp.DotProduct, lambda e, args: matmul(transpose(args[0]), args[1])),
    (type(sp.E), lambda e, args: registry["exp"](number(1))),
    (type(sp.pi), lambda e, args: constant("pi", "scalar")),
)
"""SymPy's classes and what they are here; the first that fits is taken."""

KINDS = tuple(k for kinds, _ in BUILDERS for k in (kinds if isinstance(kinds, tuple) else (kinds,)))


def kronecker(a: Node, b: Node) -> Node:
    return kronv(a, b) if a.kind == b.kind == "vector" else kron(a, b)
