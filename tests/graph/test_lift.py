"""Sums over an index in matrix notation: the same value as the sum evaluated by loops."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.api.expr import Expr
from matdiff.core.node import Node, Symbol, symbol, topological
from matdiff.core.shape import ONE, ZERO, Dim
from matdiff.graph.lift import lifted
from matdiff.graph.lift.values import Member
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import is_op
from matdiff.ops.elementwise import abs_, exp, log, relu, sqrt, tanh
from matdiff.ops.linalg import inv
from matdiff.ops.reductions import norm, sum_, tr
from matdiff.ops.sums import OVER, Index, Over

N, M, d = Dim.of("N"), Dim.of("M"), Dim.of("d")
SIZES = {"N": 5, "M": 3, "d": 4}
FIRST, SECOND, K = Index("i", ONE, N), Index("j", ONE, N), Index("k", ONE, M)

X, Z = symbol("X", "matrix", N, d), symbol("Z", "matrix", N, d)
U, R, W = symbol("U", "matrix", M, d), symbol("R", "matrix", N, M), symbol("W", "matrix", N, N)
y, v, mu, A = symbol("y", "vector", N), symbol("v", "vector", d), symbol("mu", "vector", d), symbol("A", "matrix", d, d)
S, t = symbol("S", "matrix", d, d, frozenset({"spd"})), symbol("t", "scalar")
FAMILIES = (X, Z, U, R, W, y, v, mu, A, S, t)

MEMBERS: dict[Node, Member] = {}


def member(name: str, kind: Any, family: Node, *axes: str, shift: Dim = ZERO) -> Node:
    made = symbol(name, kind, d if kind == "vector" else ONE)
    MEMBERS[made] = Member(family, tuple((a, shift) for a in axes))
    return made


xi, xj, zi, zj = (member(n, "vector", f, n[-1]) for n, f in (("x_i", X), ("x_j", X), ("z_i", Z), ("z_j", Z)))
uk = member("u_k", "vector", U, "k")
yi, yj, wij = member("y_i", "scalar", y, "i"), member("y_j", "scalar", y, "j"), member("w_ij", "scalar", W, "i", "j")
wii, rik = member("w_ii", "scalar", W, "i", "i"), member("r_ik", "scalar", R, "i", "k")
SHORT = Index("s", ONE, N - ONE)
ys, yn = member("y_s", "scalar", y, "s"), member("y_n", "scalar", y, "s", shift=ONE)
xs, xn = member("x_s", "vector", X, "s"), member("x_n", "vector", X, "s", shift=ONE)


def over(body: Node, *indices: Index, **how: Any) -> Node:
    return OVER.build((body,), (Over(indices, **how),))


def apart(body: Node, relation: Any = "≠") -> Node:
    return over(body, FIRST, SECOND, relation=relation, pair=("i", "j"))


CASES: dict[str, Node] = {
    "three indices": over(over(yi * yj * rik * wij, K), FIRST, SECOND),
    "logistic loss": over(log(1 + exp(-yi * (v.T @ xi))), FIRST),
    "least squares": over((yi - v.T @ xi) ** 2, FIRST),
    "absolute deviations": over(abs_(yi - v.T @ xi), FIRST),
    "hinge": over(relu(1 - yi * (v.T @ xi)), FIRST),
    "scaled": over(t * yi * (v.T @ xi) / norm(v), FIRST),
    "constant body": over(t, FIRST) + over(v.T @ v, FIRST, K),
    "Gaussian": over((xi - mu).T @ inv(S) @ (xi - mu), FIRST),
    "network": over((yi - v.T @ tanh(A @ xi + mu)) ** 2, FIRST),
    "quadratic form": over(over(wij * yi * yj, SECOND), FIRST),
    "diagonal entries": over(wii * yi, FIRST),
    "bilinear": over(over(wij * (xi.T @ A @ zj), SECOND), FIRST),
    "Laplacian": over(wij * norm(xi - xj) ** 2, FIRST, SECOND),
    "k-means": over(over(rik * norm(xi - uk) ** 2, K), FIRST),
    "observed entries": over((wij - xi.T @ zj) ** 2, FIRST, SECOND, mask=W),
    "distances": apart(norm(xi - xj)),
    "inverse distances": apart(1 / norm(xi - xj), "<"),
    "stress": apart((wij - norm(xi - xj)) ** 2, "<"),
    "logs above": apart(log(yj + 10 * yi**2 + 20), ">"),
    "at most": apart(yi * yj**2, "≤"),
    "unequal": apart(yi**2 + t),
    "contrast": over(-log(exp(xi.T @ zi / t) / over(exp(xi.T @ zj / t), SECOND)), FIRST),
    "contrast without itself": over(log(over(exp(xi.T @ xj), SECOND, relation="≠", pair=("i", "j"))), FIRST),
    "soft assignment": over(log(over(rik**2 * exp(-(norm(xi - uk) ** 2) / 2), K)), FIRST),
    "kernel sum": over(yi * yj * exp(-(norm(xi - xj) ** 2) / (2 * t**2)), FIRST, SECOND),
    "scatter": over((xi - mu) @ (xi - mu).T, FIRST),
    "weighted scatter": over(yi * xi @ zi.T, FIRST),
    "pairs of members": over(over(wij * xi @ zj.T, SECOND), FIRST),
    "trace of outer products": over(tr(A @ xi @ xi.T @ A), FIRST),
    "mean vector": over(yi * xi, FIRST),
    "graph flow": over(over(wij * (xj - xi), SECOND), FIRST),
    "differences": over((yn - ys) ** 2, SHORT),
    "path length": over(norm(xn - xs), SHORT),
    "entries": over(sum_(xi * v) + sum_(xi) * sum_(tanh(xi)), FIRST),
    "product": over(yi**2 + 1, FIRST, product=True),
    "sum inside a function": sqrt(over(yi**2, FIRST)) + exp(-over(yi**2, FIRST)),
    "two sums": over(yi, FIRST) * over(rik, FIRST, K),
}


def by_loops(node: Node, at: Mapping[str, int], arrays: dict[str, Any]) -> Any:
    """The value with every sum as a loop, members taken from the arrays by their index."""
    found: dict[Node, Node] = {}
    values = dict(arrays)
    for n in topological(node):
        if is_op(n, OVER) and not any(n in topological(o)[:-1] for o in topological(node) if is_op(o, OVER)):
            value = looped(n, at, arrays)
            kind = ("scalar", "vector", "matrix")[np.ndim(value)]
            found[n] = symbol(f"value_{len(found)}", kind, n.rows, n.cols)  # type: ignore[arg-type]
            values[f"value_{len(found) - 1}"] = value
    whole = substitute(node, found)
    for s in topological(whole):
        if s in MEMBERS and isinstance(s, Symbol):
            places = tuple(at[a] + shift.evaluate(SIZES) - 1 for a, shift in MEMBERS[s].places)
            values[s.name] = arrays[MEMBERS[s].family.name][places]  # type: ignore[attr-defined]
    free = tuple(n for n in topological(whole) if isinstance(n, Symbol))
    return Expr(whole, free).evaluate(**{s.name: values[s.name] for s in free})


def looped(node: Any, at: Mapping[str, int], arrays: dict[str, Any]) -> Any:
    spec: Over = node.params[0]
    ranges = [range(i.first.evaluate(SIZES), i.last.evaluate(SIZES) + 1) for i in spec.indices]
    total: Any = 1.0 if spec.product else 0.0
    for places in product(*ranges):
        here = {**at, **{i.name: p for i, p in zip(spec.indices, places, strict=True)}}
        if spec.pair is not None:
            a, b = (here[n] for n in spec.pair)
            if not {"≠": a != b, "<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b}[spec.relation]:
                continue
        value = by_loops(node.args[0], here, arrays)
        if spec.mask is not None:
            value = value * arrays[spec.mask.name][tuple(p - 1 for p in places)]  # type: ignore[attr-defined]
        total = total * value if spec.product else total + value
    return total


def drawn(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    out: dict[str, Any] = {}
    for s in FAMILIES:
        shape = tuple(dim.evaluate(SIZES) for dim in s.shape)
        out[s.name] = rng.normal(size=shape)
    out["S"] = out["S"] @ out["S"].T + np.eye(4)
    out["t"] = 0.7
    return out


@pytest.mark.parametrize("name", CASES)
def test_a_lifted_sum_has_the_value_of_the_loops(name: str) -> None:
    arrays = drawn(len(name))
    whole = lifted(CASES[name], MEMBERS)
    assert not any(is_op(n, OVER) or n in MEMBERS for n in topological(whole))
    value = Expr(whole, FAMILIES).evaluate(**arrays)
    np.testing.assert_allclose(value, by_loops(CASES[name], {}, arrays), rtol=1e-9, atol=1e-12)


def test_excluded_pairs_touch_neither_value_nor_gradient() -> None:
    whole = Expr(lifted(CASES["inverse distances"], MEMBERS), FAMILIES)
    found = md.derive(whole, wrt="X").gradient.evaluate(**drawn(1))
    assert np.isfinite(found).all()


REFUSED = {
    "a matrix of each member": over(tr(inv(xi @ xi.T + S)), FIRST),
    "a function of differences": over(sum_(tanh(xi - xj)), FIRST, SECOND),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_three_axes_is_refused_by_that_name(name: str) -> None:
    with pytest.raises(md.UnsupportedError, match="three axes"):
        lifted(REFUSED[name], MEMBERS)


def test_a_member_outside_its_sum_is_refused() -> None:
    with pytest.raises(md.UnsupportedError, match="index i stands outside its sum"):
        lifted(over(yj, SECOND) + yi, MEMBERS)
