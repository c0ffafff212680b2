"""Random products of Kronecker products, commutations, diagonals and sums against a plain evaluation."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.codegen import compile_
from matdiff.codegen.plan.products import plan
from matdiff.core.node import Node, Symbol, number, symbol, topological
from matdiff.core.shape import ONE, Dim
from matdiff.ops import algebra as al
from matdiff.ops import constants as co
from matdiff.ops import elementwise as el
from matdiff.ops import kronecker as kr
from matdiff.ops import structure as st
from tests.codegen.test_codegen import plain

SIZES = {"m": 2, "n": 3, "p": 4}
DIMS = [*map(Dim.of, SIZES), Dim.of(2)]
Pair = tuple[Dim, Dim]


class Builder:
    """Random expressions of given shapes; few variables, so that factors repeat and cancel into one another."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.plain = self.random.random() < 0.6

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def variable(self, rows: Dim, cols: Dim) -> Node:
        if self.random.random() < 0.4:
            return al.transpose(self.named(cols, rows))
        return self.named(rows, cols)

    def named(self, rows: Dim, cols: Dim) -> Symbol:
        return symbol(f"{self.one('A', 'B')}{rows}{cols}", "matrix", rows, cols)

    def vector(self, rows: Dim, letter: str = "") -> Node:
        return symbol(f"{letter or self.one('u', 'v')}{str(rows).replace('*', '')}", "vector", rows, ONE)

    def small(self, rows: Dim, cols: Dim) -> Node:
        """A factor of a Kronecker product."""
        if self.plain:
            return co.eye(rows) if rows is cols and self.random.random() < 0.7 else self.variable(rows, cols)
        kind = self.one("variable", "variable", "variable", "eye", "outer", "product", "sum", "diagonal", "scaled")
        if kind in ("eye", "diagonal") and rows is cols:
            return co.eye(rows) if kind == "eye" else st.Diag(self.vector(rows))
        if kind == "outer":
            return self.vector(rows) @ self.vector(cols).T
        if kind == "product":
            inner = self.one(*DIMS)
            return self.variable(rows, inner) @ self.variable(inner, cols)
        if kind == "sum":
            return self.variable(rows, cols) - self.variable(rows, cols) * self.variable(rows, cols)
        return 2 * self.variable(rows, cols) if kind == "scaled" else self.variable(rows, cols)

    def diagonal(self, at: Pair) -> Node:
        S = self.variable(at[1], at[0])
        own = self.vector(at[0] * at[1], "w")
        return st.Diag(self.one(st.vec(S), el.exp(st.vec(S)), st.vec(S) * own, own, st.vec(S) ** 2, 3 * st.vec(S)))

    def factor(self, at: Pair) -> tuple[Node, Pair]:
        """A matrix whose rows run over the pair, and the pair of its columns."""
        kind = self.one("kron", "kron", "kron", "diagonal", "diagonal", "commutation", "sum", "transposed")
        if self.plain and kind in ("sum", "transposed"):
            kind = "kron"
        if kind == "diagonal":
            return self.diagonal(at), at
        if kind == "commutation":
            return co.commutation(*at), at[::-1]
        after = (at[0] if self.random.random() < 0.6 else self.one(*DIMS), self.one(at[1], *DIMS))
        if kind == "sum":
            return self.total(at, after), after
        if kind == "transposed":
            return al.transpose(kr.kron(*(self.small(c, r) for r, c in zip(at, after, strict=True)))), after
        return kr.kron(*(self.small(r, c) for r, c in zip(at, after, strict=True))), after

    def total(self, at: Pair, after: Pair) -> Node:
        """A sum of Kronecker products, of a diagonal, an identity and a rank-one matrix where they fit."""
        terms = [kr.kron(*(self.small(r, c) for r, c in zip(at, after, strict=True))) for _ in range(2)]
        if at == after:
            terms.append(self.one(-1, 2) * self.diagonal(at))
            terms.append(self.one(-1, 3) * co.eye(at[0] * at[1]))
        if self.random.random() < 0.5:
            terms.append(self.vector(at[0] * at[1], "w") @ self.vector(after[0] * after[1], "w").T)
        return al.add(*self.random.sample(terms, 2))

    def product(self, at: Pair, length: int) -> tuple[Node, Pair]:
        total, here = self.factor(at)
        for _ in range(length - 1):
            if self.random.random() < 0.1:
                here = here[::-1]
            more, here = self.factor(here)
            total = total @ more
        return total, here

    def network(self) -> Node:
        """A product, a sum of products, or one times a vector."""
        at = self.one(*DIMS), self.one(*DIMS)
        node, after = self.product(at, self.random.randint(1, 5))
        kind = self.one("alone", "alone", "alone", "square", "sum", "vector", "row", "transposed", "inner")
        if kind == "square":
            return self.one(2, number(1) / 3) * (al.transpose(node) @ node)
        if kind == "sum":
            back, _ = self.product(at, 2)
            return (
                node @ al.transpose(node)
                - 2 * (back @ al.transpose(back))
                + kr.kron(self.small(at[0], at[0]), self.small(at[1], at[1]))
            )
        right = self.one(self.vector(after[0] * after[1], "w"), st.vec(self.variable(after[1], after[0])))
        left = self.one(self.vector(at[0] * at[1], "w"), st.vec(self.variable(at[1], at[0])))
        if kind == "vector":
            return node @ right
        if kind == "row":
            return left.T @ node
        if kind == "inner":
            return left.T @ node @ right
        return al.transpose(node) if kind == "transposed" else node


@pytest.mark.share(3)
@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed: int) -> None:
    for k in range(25):
        node = Builder(25 * seed + k).network()
        variables = tuple(a for a in topological(node) if isinstance(a, Symbol))
        rng = np.random.default_rng(k)
        given = {v.name: rng.normal(size=tuple(d.evaluate(SIZES) for d in v.shape)) for v in variables}
        sizes = tuple(symbol(f"size_{d}", "vector", Dim.of(d), ONE) for d in SIZES)
        arrays = given | {f"size_{d}": np.ones(s) for d, s in SIZES.items()}
        before = {name: array.copy() for name, array in arrays.items()}
        expected = plain(node, given, SIZES)
        got = compile_(node, (*variables, *sizes))(**arrays)
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(got, expected, atol=1e-11 * scale, rtol=1e-9, err_msg=f"{25 * seed + k}: {node}")
        assert all((arrays[name] == array).all() for name, array in before.items())


@pytest.mark.parametrize("function", ["logdet(X'*X)", "norm(X*X' - A)^2", "norm(tanh(W*X) - Y)^2", "tr(inv(X'*S*X)*C)"])
def test_hessians_multiply_no_large_matrices(function: str) -> None:
    """Every product in the plan of a Hessian sums over one dimension of the problem, never over pairs."""
    declare = "X: m×n; A: m×m symmetric; W: k×m; Y: k×n; S: m×m spd; C: n×n symmetric"
    for x in ("X", "W"):
        if x in function:
            root = md.derive(function, wrt=x, declare=declare).hessian.node
            (planned,) = plan([root])
            inner = [node.children[0].cols for node in topological(planned) if al.is_op(node, al.MATMUL)]
            assert all(dim.name or dim is ONE for dim in inner), planned
