"""Generated code takes the operations that a person needs: functions whose derivatives once took an order more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from codegen_cases import AUDITED, SIZES

import matdiff as md
from matdiff.codegen import compile_, source
from matdiff.codegen.explain import total
from matdiff.codegen.plan.order import guess
from matdiff.codegen.plan.variants import plans
from matdiff.core.node import Node, Symbol
from tests.codegen.test_codegen import plain

SMALL = SIZES | {"k": 2}
LARGE = {"m": 1000, "n": 500, "k": 10}


def roots(text: str, kinds: str) -> tuple[list[Node], tuple[Symbol, ...]]:
    """The value, the gradients and the Hessians, as far as asked for."""
    wrt, declare = AUDITED[text]
    d = md.derive(text, wrt=wrt, declare=declare)
    found = [d.function.node] if "v" in kinds else []
    for letter, parts in (("g", d.gradient), ("h", d.hessian if "h" in kinds else {})):
        if letter in kinds:
            found += [e.node for e in parts.values()] if isinstance(parts, dict) else [parts.node]
    return found, d.function.variables


def arrays(variables: tuple[Symbol, ...]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    given = {v.name: rng.normal(size=tuple(d.evaluate(SMALL) for d in v.shape)) for v in variables}
    for v in variables:
        a = given[v.name]
        if "spd" in v.attributes:
            given[v.name] = a @ a.T + np.eye(len(a))
        elif v.attributes:
            given[v.name] = a + a.T if "symmetric" in v.attributes else np.abs(a) + 0.5
    return given


RUNS = [(text, "numpy") for text in AUDITED]
RUNS += [(text, backend) for backend in ("jax", "torch") for text in list(AUDITED)[::4]]


@pytest.mark.parametrize(("text", "backend"), RUNS)
def test_values(text: str, backend: str) -> None:
    module = np if backend == "numpy" else pytest.importorskip(backend)
    nodes, variables = roots(text, "vgh")
    given = arrays(variables)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    taken = {k: module.as_tensor(a) for k, a in given.items()} if backend == "torch" else given
    for node, got in zip(nodes, compile_(nodes, variables, backend)(**taken), strict=True):
        expected = plain(node, given, SMALL)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9 * max(1.0, np.abs(expected).max()))


GROWTH = {
    "a'*X*X'*X*b": ("vg", "20*m*n"),
    "b'*inv(X'*X)*X'*y": ("vg", "2*m*n*n + n*n*n + 20*m*n"),
    "y'*(eye(m)-X*inv(X'*X)*X')*y": ("vg", "2*m*n*n + n*n*n + 20*m*n"),
    "x'*A*x/(x'*B*x)": ("vg", "9*n*n"),
    "x'*S*x/(x'*T*x)": ("vgh", "20*n*n"),
    "x'*inv(A)*x": ("vg", "n*n*n + 10*n*n"),
    "y'*inv(s*K+t*eye(n))*y + logdet(s*K+t*eye(n))": ("vgh", "6*n*n*n"),
    "tr(inv(X'*A*X)*X'*B*X)": ("vg", "20*n*n*k"),
    "exp(x'*A*y)": ("gh", "25*m*n + 3*m*m"),
    "sum(diag(X*A*X'))": ("vg", "5*m*n*n"),
    "norm(diag(X*A*X') - b)^2": ("vg", "5*m*n*n"),
    "logdet(X'*Diag(w)*X)": ("vg", "7*m*n*n"),
    "norm(Diag(x)*A - A*Diag(y))^2": ("vgh", "25*n*n"),
    "x'*Diag(x)*A*Diag(x)*x": ("vgh", "20*n*n"),
    "logdet(kron(A,B))": ("vg", "3*m*m*m + 3*n*n*n"),
    "v'*inv(eye(n)-t*A)*b": ("vg", "n*n*n + 20*n*n"),
}
"""Bounds of the operations for large sizes."""


@pytest.mark.parametrize("text", GROWTH)
def test_growth(text: str) -> None:
    kinds, bound = GROWTH[text]
    nodes, _ = roots(text, kinds)
    count = min(total(planned, lambda d: guess(d, LARGE)) for planned in plans(nodes))
    assert count <= eval(bound, {}, LARGE)


@pytest.mark.parametrize(
    ("text", "name", "function"),
    [
        ("lambda_max(A + Diag(x))", "x", "np.linalg.eigh("),
        ("lambda_max(X'*X)", "X", "np.linalg.eigh("),
        ("nuclear(X) + t*norm(X)^2", "X", "np.linalg.svd("),
    ],
)
def test_one_decomposition(text: str, name: str, function: str) -> None:
    d = md.derive(text, wrt=name, declare="A: n×n symmetric; x: n; X: m×n; t: scalar")
    code = source([d.function.node, d.gradient.node], d.function.variables)
    assert code.count("np.linalg.") == code.count(function) == 1
    given = arrays(d.function.variables)
    value, gradient = compile_([d.function.node, d.gradient.node], d.function.variables)(**given)
    np.testing.assert_allclose(value, d.function.evaluate(**given))
    V = np.random.default_rng(1).normal(size=given[name].shape)
    step = 1e-6
    ends = [d.function.evaluate(**given | {name: given[name] + s * V}) for s in (step, -step)]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), np.vdot(gradient, V), rtol=1e-5)


def test_the_determinant_of_a_kronecker_product_must_be_positive() -> None:
    e = md.parse("logdet(kron(A,B))", declare="A: 2×2; B: 3×3")
    A, B = np.diag([1.0, 2.0]), np.diag([1.0, 2.0, -3.0])
    assert e.evaluate(A=A, B=B) == pytest.approx(3 * np.log(2) + 2 * np.log(6))
    with pytest.raises(md.MatdiffError, match="negative determinant"):
        e.evaluate(A=-np.diag([-1.0, 2.0]), B=B)
