"""Values at complex arguments, for functions that are analytic; each from its definition, without conjugation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, topological
from matdiff.errors import UnsupportedError
from matdiff.verify.linear import TABLE, WEIGHTED, Array, Sizes, constant, parameters, total


def evaluate(roots: list[Node], given: Mapping[Symbol, Array], sizes: Sizes) -> list[Array]:
    """The values of some expressions; arrays have two axes.

    Raises UnsupportedError with the name of a function that is not analytic.
    """
    memo: dict[Node, Array] = {}
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
    if name in TABLE:
        return TABLE[name](*args, *parameters(node.params, sizes))
    if name in WEIGHTED:
        out, factor = WEIGHTED[name](*args)
        return np.asarray(out * float(factor))
    if name == "mpow":
        return np.linalg.matrix_power(args[0], node.params[0])
    if name not in ANALYTIC:
        raise UnsupportedError(f"the complex step needs an analytic function, and {name} is not known to be one")
    return np.asarray(ANALYTIC[name](*args)).reshape(node.rows.evaluate(sizes), node.cols.evaluate(sizes))


def adj(A: Array) -> Array:
    return np.asarray(np.linalg.det(A) * np.linalg.inv(A))


def pinv(A: Array) -> Array:
    """Of full rank."""
    tall = A.shape[0] >= A.shape[1]
    return np.asarray(np.linalg.inv(A.T @ A) @ A.T if tall else A.T @ np.linalg.inv(A @ A.T))


def softmax(x: Array) -> Array:
    e = np.exp(x - x.real.max())
    return np.asarray(e / e.sum())


def logsumexp(x: Array) -> Array:
    top = x.real.max()
    return np.asarray(top + np.log(total(np.exp(x - top))))


def scipy_function(module: str, name: str) -> Callable[..., Any]:
    def call(*args: Array) -> Any:
        from importlib import import_module

        return getattr(import_module(f"scipy.{module}"), name)(*args)

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
    "logdet": lambda A: np.log(np.linalg.det(A)),
    "adj": adj,
    "cof": lambda A: adj(A).T,
    "pinv": pinv,
    "power": lambda a, p: a ** (int(p[0, 0].real) if p.size == 1 and p[0, 0].real.is_integer() else p),
    "norm": lambda x: np.sqrt(total(x * x)),
    "logsumexp": logsumexp,
    "softmax": softmax,
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
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "erf": scipy_function("special", "erf"),
    "lgamma": scipy_function("special", "loggamma"),
    "digamma": scipy_function("special", "psi"),
    "expm": scipy_function("linalg", "expm"),
    "logm": scipy_function("linalg", "logm"),
    "cosm": turning(sine=False),
    "sinm": turning(sine=True),
    "sqrtm": scipy_function("linalg", "sqrtm"),
    "sylvester": scipy_function("linalg", "solve_sylvester"),
}
"""The functions that are not linear, at complex arrays."""
