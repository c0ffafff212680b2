"""Values at complex arguments, for functions that are analytic; each from its definition, without conjugation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from matdiff.codegen.evaluate import evaluate as evaluated
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, symbol, topological
from matdiff.core.op import Linear, Op
from matdiff.core.shape import Dim
from matdiff.errors import UnsupportedError
from matdiff.graph.arrays import Array, Sizes, constant, entries, is_multilinear, node_shape
from matdiff.graph.rewrite import defined


def evaluate(roots: list[Node], given: Mapping[Symbol, Array], sizes: Sizes) -> list[Array]:
    """The values of some expressions; arrays have two axes.

    Raises UnsupportedError with the name of a function that is not analytic.
    """
    memo: dict[Node, Array] = {}
    roots = [defined(r, is_known) for r in roots]
    for node in topological(*roots):
        memo[node] = value(node, memo, given, sizes)
    return [memo[r] for r in roots]


def value(node: Node, memo: Mapping[Node, Array], given: Mapping[Symbol, Array], sizes: Sizes) -> Array:
    if isinstance(node, Symbol):
        return memo[node.body] if node.body is not None else given[node]
    if isinstance(node, Number):
        return np.array([[complex(node.value)]])
    if isinstance(node, Constant):
        found = constant(node, sizes)
        return np.array([[complex(np.pi)]]) if found is None else found.astype(complex)
    assert isinstance(node, Apply)
    args = [memo[a] for a in node.args]
    name = node.op.name
    if is_multilinear(node.op):
        return entries(node, args, sizes)
    if name not in ANALYTIC:
        if node.op.rules and all(isinstance(r, Linear) for r in node.op.rules):
            return extended(node, args, sizes)
        raise UnsupportedError(f"the complex step needs an analytic function, and {name} is not known to be one")
    return np.asarray(ANALYTIC[name](*args)).reshape(node.rows.evaluate(sizes), node.cols.evaluate(sizes))


def is_known(op: Op) -> bool:
    return op.name in ANALYTIC or is_multilinear(op)


def extended(node: Apply, args: list[Array], sizes: Sizes) -> Array:
    """A function linear in each argument, f(A + iB) = f(A) + i f(B), by its code at real arrays."""
    formal = tuple(
        symbol(f"_{i}", a.kind, Dim.of(a.rows.evaluate(sizes)), Dim.of(a.cols.evaluate(sizes)))
        for i, a in enumerate(node.args)
    )
    params = tuple(Dim.of(p.evaluate(sizes)) if isinstance(p, Dim) else p for p in node.params)
    call = node.op.build(formal, params)
    total = np.zeros(node_shape(node, sizes), dtype=complex)
    for chosen in product(*(((a.real, 1), (a.imag, 1j)) if a.imag.any() else ((a.real, 1),) for a in args)):
        given = {
            s.name: part.reshape([d.evaluate({}) for d in s.shape]) for s, (part, _) in zip(formal, chosen, strict=True)
        }
        value = np.asarray(evaluated(call, formal, given)).reshape(total.shape)
        total += np.prod([unit for _, unit in chosen]) * value
    return total


def pinv(A: Array) -> Array:
    """Of full rank."""
    tall = A.shape[0] >= A.shape[1]
    return np.asarray(np.linalg.inv(A.T @ A) @ A.T if tall else A.T @ np.linalg.inv(A @ A.T))


def scipy_function(module: str, name: str) -> Callable[..., Any]:
    def call(*args: Array) -> Any:
        from importlib import import_module

        return getattr(import_module(f"scipy.{module}"), name)(*args)

    return call


def solve_sylvester(A: Array, B: Array, C: Array) -> Array:
    """As a linear system: a Schur form of A + iV loses a small V where eigenvalues of A are complex."""
    system = np.kron(A, np.eye(B.shape[0])) + np.kron(np.eye(A.shape[0]), B.T)
    return np.asarray(np.linalg.solve(system, C.reshape(-1)).reshape(C.shape))


def mpower(A: Array, p: Array) -> Any:
    """A^p, a product for a whole p."""
    k = complex(p[0, 0])
    if not k.imag and k.real.is_integer():
        return np.linalg.matrix_power(A, int(k.real))
    logm, expm = scipy_function("linalg", "logm"), scipy_function("linalg", "expm")
    value = by_blocks(lambda M: expm(k.real * logm(M)))(A)
    return value + 1j * k.imag * (by_blocks(logm)(A) @ value) if k.imag else value


def by_blocks(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A function of real matrices at A + iE, E tiny: f(A) + i L(A; E), from f [A, E; 0, A] (Higham 2008, thm 3.6).

    SciPy's complex Schur forms of such matrices lose E to rounding.
    """

    def call(M: Array) -> Array:
        if not np.iscomplexobj(M):
            return np.asarray(function(M))
        A, E, n = M.real, M.imag, M.shape[0]
        scale = float(np.max(np.abs(E), initial=0)) or 1.0
        both = np.asarray(function(np.block([[A, E / scale], [np.zeros_like(A), A]])))
        return np.asarray(both[:n, :n] + 1j * scale * both[:n, n:])

    return call


def turning(sine: bool) -> Callable[[Array], Array]:
    """The cosine or sine of a matrix, in exp [0, -A; A, 0] = [cos A, -sin A; sin A, cos A], without exp(iA)."""

    def call(A: Array) -> Array:
        n, zero = A.shape[0], np.zeros_like(A)
        both = scipy_function("linalg", "expm")(np.block([[zero, -A], [A, zero]]))
        return np.asarray(both[n:, :n] if sine else both[:n, :n])

    return call


ANALYTIC: dict[str, Callable[..., Any]] = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "pinv": pinv,
    "power": lambda a, p: a ** (int(p[0, 0].real) if p.size == 1 and p[0, 0].real.is_integer() else p),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "erf": scipy_function("special", "erf"),
    "lgamma": scipy_function("special", "loggamma"),
    "digamma": scipy_function("special", "psi"),
    "expm": scipy_function("linalg", "expm"),
    "logm": by_blocks(scipy_function("linalg", "logm")),
    "cosm": turning(sine=False),
    "sinm": turning(sine=True),
    "sqrtm": by_blocks(scipy_function("linalg", "sqrtm")),
    "sylvester": solve_sylvester,
    "mpower": mpower,
}
"""The functions that are not linear, at complex arrays."""
