"""To SymPy's matrix expressions and back; importing this module imports SymPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from matdiff.calculus.expression import Expression
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, symbol, topological
from matdiff.core.op import Op, registry
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import defined, inline
from matdiff.ops.elementwise import relu

Scalar = Callable[[Any], Any]


def of_scalar(op: Op) -> Scalar | None:
    """A function applied entry by entry as one of a SymPy scalar: SymPy's own, or by its definition."""
    if isinstance(op.sympy, str) and op.sympy:
        found: Scalar = getattr(sp, op.sympy)
        return found
    if op is relu:
        return lambda t: sp.Max(t, 0)
    if op.elementwise and op.definition is not None and len(op.rules) == 1:
        t = symbol("_t", "scalar")
        body = inline(op.definition(t))
        return lambda value: translated(body, {t: value})
    return None


def scalar_functions() -> dict[str, Scalar]:
    """All of them by their names here."""
    return {name: f for name, op in registry.items() if (f := of_scalar(op)) is not None}


def to_sympy(e: Expression) -> Any:
    """The expression in SymPy: matrices are MatrixSymbols, vectors n×1 ones, scalars real Symbols.

    Raises UnsupportedError, with its name, for a function that SymPy has no matrix expression for.
    """
    try:
        return translated(defined(inline(e.node), is_known), {})
    except RecursionError:
        raise UnsupportedError("the expression is nested too deeply for SymPy") from None


def translated(root: Node, given: Mapping[Node, Any]) -> Any:
    """Node by node; what some of the leaves are is given."""
    memo: dict[Node, Any] = dict(given)
    for node in topological(root):
        if isinstance(node, Apply):
            memo[node] = translate(node, [memo[a] for a in node.children])
        elif node not in memo:
            memo[node] = leaf(node)
    return memo[root]


def is_known(op: Op) -> bool:
    return bool(op.sympy) or op.elementwise


def dimension(d: Dim) -> Any:
    """A dimension as a SymPy integer."""
    return sum(
        (rational(c) * sp.Mul(*(sp.Symbol(n, integer=True, positive=True) for n in names)) for names, c in d.terms),
        sp.Integer(0),
    )


def rational(value: Any) -> Any:
    return sp.Float(value) if isinstance(value, float) else sp.Rational(value.numerator, value.denominator)


def leaf(node: Node) -> Any:
    rows, cols = dimension(node.rows), dimension(node.cols)
    if isinstance(node, Number):
        return rational(node.value)
    if isinstance(node, Symbol):
        return scalar(node) if node.kind == "scalar" else sp.MatrixSymbol(node.name, rows, cols)
    assert isinstance(node, Constant)
    if node.name == "size":
        return dimension(node.dims[0])
    constants = {"pi": lambda: sp.pi, "I": lambda: sp.Identity(rows)}
    constants |= {"zeros": lambda: sp.ZeroMatrix(rows, cols), "ones": lambda: sp.OneMatrix(rows, cols)}
    if node.name not in constants:
        raise UnsupportedError(f"SymPy has no matrix expression for {node!r}")
    return constants[node.name]()


def scalar(s: Symbol) -> Any:
    return sp.Symbol(s.name, positive=True) if "positive" in s.attributes else sp.Symbol(s.name, real=True)


def translate(node: Apply, args: list[Any]) -> Any:
    """One application, its arguments in SymPy already."""
    name = node.op.name
    if callable(node.op.sympy):
        return node.op.sympy(sp, node, *args, *(dimension(p) if isinstance(p, Dim) else p for p in node.params))
    f = of_scalar(node.op)
    if f is not None:
        return entrywise(f, args[0])
    if name == "polygamma":
        return entrywise(lambda t: sp.polygamma(args[0], t), args[1])
    if node.op.elementwise and registry.get(name) is not node.op and name.isidentifier():
        return entrywise(sp.Function(name), args[0])
    raise UnsupportedError(f"SymPy has no matrix expression for {name}")


def entrywise(f: Callable[[Any], Any], a: Any) -> Any:
    """f of a scalar, or of every entry of a matrix."""
    if not is_matrix(a):
        return f(a)
    t = sp.Symbol("_t", real=True)
    return ElementwiseApplyFunction(sp.Lambda(t, f(t)), a)


def is_matrix(a: Any) -> bool:
    return bool(getattr(a, "is_Matrix", False))
