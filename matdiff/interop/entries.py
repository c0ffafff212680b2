"""Expressions evaluated on matrices of SymPy expressions, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.core.op import Op, registry
from matdiff.errors import UnsupportedError
from matdiff.graph.rewrite import defined
from matdiff.interop.sympy_write import of_scalar, rational

LARGEST_INVERSE = 4
"""Rows up to which inverses and determinants are written out."""


def value(root: Node, arrays: Mapping[Symbol, Any]) -> Any:
    """The expression with matrices of SymPy expressions for its variables; vectors are n×1, rows 1×n.

    Raises UnsupportedError with the name of a function that has no formula for its entries.
    """
    memo: dict[Node, Any] = {}
    root = defined(root, is_known)
    for node in topological(root):
        if isinstance(node, Apply):
            memo[node] = applied(node, [memo[a] for a in node.args])
        elif isinstance(node, Symbol):
            memo[node] = memo[node.body] if node.body is not None else arrays[node]
        elif isinstance(node, Number):
            memo[node] = rational(node.value)
        else:
            assert isinstance(node, Constant)
            memo[node] = constant(node)
    return memo[root]


def is_known(op: Op) -> bool:
    return op.name in RULES or op.elementwise


def constant(node: Constant) -> Any:
    sizes = [d.number or 0 for d in node.dims]
    rows, cols = node.rows.number or 0, node.cols.number or 0
    match node.name:
        case "pi":
            return sp.pi
        case "size":
            return sp.Integer(sizes[0])
        case "I":
            return sp.eye(rows)
        case "zeros":
            return sp.zeros(rows, cols)
        case "ones":
            return sp.ones(rows, cols)
        case "e":
            return sp.Matrix(rows, 1, lambda i, _: int(i == node.index - 1))
        case "K":
            m, n = sizes
            return sp.Matrix(m * n, m * n, lambda i, j: int(i // n == j % m and i % n == j // m))
        case "D":
            return duplication(sizes[0])
    raise UnsupportedError(f"{node.name} has no formula for its entries")


def duplication(n: int) -> Any:
    places = [(i, j) for j in range(n) for i in range(j, n)]
    return sp.Matrix(n * n, len(places), lambda r, c: int((r % n, r // n) in (places[c], places[c][::-1])))


def applied(node: Apply, args: list[Any]) -> Any:
    name = node.op.name
    if name in RULES:
        return RULES[name](node, *args)
    if node.op.elementwise:
        if (f := of_scalar(node.op)) is not None:
            return entrywise(f, args[0])
        if name == "polygamma":
            return entrywise(lambda t: sp.polygamma(args[0], t), args[1])
        if registry.get(name) is not node.op:
            return entrywise(sp.Function(name), args[0])
    raise UnsupportedError(f"{name} has no formula for its entries", hint="use .evaluate for numbers")


def entrywise(f: Callable[[Any], Any], a: Any) -> Any:
    return a.applyfunc(f) if hasattr(a, "applyfunc") else f(a)


def small(f: Callable[[Any], Any]) -> Callable[[Node, Any], Any]:
    """f of a matrix of at most 4 rows."""

    def build(node: Node, a: Any) -> Any:
        if a.rows > LARGEST_INVERSE:
            raise UnsupportedError(f"inverses and determinants are written out up to {LARGEST_INVERSE} rows")
        return f(a)

    return build


def product(node: Node, a: Any, b: Any) -> Any:
    found = a * b
    return found[0, 0] if node.kind == "scalar" else found


def power(node: Node, a: Any, p: Any) -> Any:
    if hasattr(p, "applyfunc"):
        return sp.Matrix(*p.shape, lambda i, j: (a[i, j] if hasattr(a, "applyfunc") else a) ** p[i, j])
    return entrywise(lambda t: t**p, a)


def entry(node: Any, a: Any) -> Any:
    i, j = (*node.params, 1)[:2]
    return a[j - 1, i - 1] if node.args[0].kind == "row" else a[i - 1, j - 1]


def window(node: Any, a: Any) -> Any:
    r0, r1, c0, c1 = (d.number for d in node.params)
    return a[r0:r1, c0:c1]


def triangle(keep: Callable[[int, int], bool]) -> Callable[[Node, Any], Any]:
    return lambda node, a: sp.Matrix(*a.shape, lambda i, j: a[i, j] if keep(i, j) else 0)


def unvec(node: Node, a: Any) -> Any:
    m, n = node.rows.number, node.cols.number
    return sp.Matrix(m, n, lambda i, j: a[i + m * j])


def stacked(a: Any) -> Any:
    return a.T.reshape(a.rows * a.cols, 1)


def diagonal(a: Any) -> Any:
    return sp.Matrix(a.rows, 1, lambda i, _: a[i, i])


RULES: dict[str, Callable[..., Any]] = {
    "add": lambda node, *args: sum(args[1:], args[0]),
    "scale": lambda node, s, a: s * a,
    "matmul": product,
    "transpose": lambda node, a: a.T,
    "hadamard": lambda node, a, b: a.multiply_elementwise(b),
    "inner": lambda node, a, b: sum(a.multiply_elementwise(b)),
    "power": power,
    "mpow": lambda node, a: a ** node.params[0],
    "tr": lambda node, a: a.trace(),
    "det": small(lambda a: a.det(method="berkowitz")),
    "inv": small(lambda a: a.adjugate() / a.det(method="berkowitz")),
    "adj": small(lambda a: a.adjugate()),
    "cof": small(lambda a: a.adjugate().T),
    "kron": lambda node, a, b: sp.kronecker_product(a, b),
    "kronv": lambda node, a, b: sp.kronecker_product(a, b),
    "sum": lambda node, a: sum(a),
    "diag": lambda node, a: diagonal(a),
    "Diag": lambda node, a: sp.diag(*a),
    "tril": triangle(lambda i, j: i >= j),
    "triu": triangle(lambda i, j: i <= j),
    "vec": lambda node, a: stacked(a),
    "unvec": unvec,
    "vech": lambda node, a: sp.Matrix([a[i, j] for j in range(a.rows) for i in range(j, a.rows)]),
    "unvech": lambda node, a: unvec(node, duplication(node.rows.number or 0) * a),
    "entry": entry,
    "getrow": lambda node, a: a[node.params[0] - 1, :].T,
    "getcol": lambda node, a: a[:, node.params[0] - 1],
    "slice": window,
    "hcat": lambda node, *args: sp.Matrix.hstack(*args),
    "vcat": lambda node, *args: sp.Matrix.vstack(*(a if hasattr(a, "applyfunc") else sp.Matrix([a]) for a in args)),
}
"""Functions of the language by the formulas of their entries."""
