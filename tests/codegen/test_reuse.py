"""Arrays that generated code computes in the memory of others: only where nothing else reads these."""

from __future__ import annotations

import ast
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from codegen_cases import VARIABLES, A, B, X, Y, arrays, definition, t, x, y

from matdiff.codegen import compile_, source
from matdiff.core.node import Node, number
from matdiff.core.op import registry
from matdiff.ops import elementwise as el
from matdiff.ops import indexing as ix
from matdiff.ops import kronecker as kr
from matdiff.ops import structure as st
from tests.codegen.test_codegen import plain


def chain(rng: random.Random) -> list[Node]:
    """Values entry by entry of matrices or of vectors: some used again, some with a name, some views."""
    pool: list[Node] = [X, Y, X @ Y] if rng.random() < 0.8 else [x, y, x * y]
    while len(pool) < rng.randint(5, 12):
        pool.append(rng.choice(continued(rng, pool)))
    return rng.sample(pool[3:], rng.choice([1, 1, 2]))


def continued(rng: random.Random, pool: list[Node]) -> list[Node]:
    a, b, c = pool[-1], rng.choice(pool), 1 + el.sin(rng.choice(pool)) ** 2
    small = el.tanh(a)
    out = [
        rng.choice([el.sin, el.tanh, el.abs_, el.atan, el.sigmoid, el.softplus, el.relu, el.erf])(a),
        rng.choice([el.exp, el.cosh])(el.sin(a)),
        rng.choice([el.log, el.sqrt, el.digamma])(1 + a * a),
        a + b - c,
        rng.choice([number(1), t, pool[0], pool[2]]) - a,
        rng.choice([number(-1), number(Fraction(-1, 2)), t, 1 / (1 + t * t)]) * a,
        small * b / c,
        b * el.sin(a) - 2 * b - c,
        small ** rng.choice([2, 3]),
        st.Diag(x) @ small + c,
        st.Diag(x) @ (1 / c),
        definition(f"a{len(pool)}", el.atan(a)),
    ]
    if pool[0] is X:
        out += [
            a.T - c,
            small @ st.Diag(x),
            (1 / c) @ st.Diag(x) @ st.Diag(el.sin(y)),
            ix.COLUMN(small, params=(1,)) @ ix.ROW(c, params=(2,)).T - a,
        ]
    return out


@pytest.mark.share(2)
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_overwritten_that_is_read_again(seed: int) -> None:
    rng = random.Random(seed)
    texts = []
    for k in range(40):
        roots = chain(rng)
        function = compile_(roots, VARIABLES)
        texts.append(source(roots, VARIABLES))
        for kind, tolerance in ((float, 1e-10), (np.float32, 1e-3), (int, 1e-10)):
            given = {name: np.asarray(np.round(2 * a), kind) for name, a in arrays(k).items()}
            before = {name: np.copy(a) for name, a in given.items()}
            got = function(**given)
            for root, value in zip(roots, got, strict=True):
                expected = plain(root, given)
                scale = max(1.0, np.abs(expected).max())
                np.testing.assert_allclose(value, expected, rtol=0, atol=tolerance * scale, err_msg=f"{k}: {root}")
                assert value.dtype == (np.float32 if kind is np.float32 else np.float64)
            assert all((given[name] == a).all() for name, a in before.items())
            assert not any(np.shares_memory(value, a) for value in got for a in given.values())
    for line in (", out=t1)", "np.subtract(", " += ", " -= ", " *= "):
        assert any(line in text for text in texts), line


def test_every_function_of_the_library_writes_where_its_argument_was() -> None:
    inside = X * Y / (2 + X * X * Y * Y)
    functions = [op for op in registry.values() if op.elementwise and len(op.rules) == 1 and op.name != "heaviside"]
    for op in functions:  # a comparison alone gives Booleans, which need an array of their own
        node = op(inside * inside if op.name in ("asin", "acos") else 1 + inside * inside)
        assert "out=t2)" in source(node, VARIABLES), op.name
        np.testing.assert_allclose(compile_(node, VARIABLES)(**arrays()), plain(node, arrays()), rtol=1e-12)
    assert len(functions) > 15


h = definition("h", A @ B)
LINES: dict[str, Node | list[Node]] = {
    "t1 = A @ B; np.tanh(t1, out=t1); t1 *= 3; return t1": 3 * el.tanh(A @ B),
    "t1 = A @ B; np.tanh(t1, out=t1); np.negative(t1, out=t1); return t1": -el.tanh(A @ B),
    "t1 = A @ B; np.tanh(t1, out=t1); t1 **= 2; t1 /= 3; return t1": el.tanh(A @ B) ** 2 / 3,
    "t1 = X @ Y; np.cosh(t1, out=t1); np.divide(X, t1, out=t1); return t1": X / el.cosh(X @ Y),
    "h = A @ B; return np.tanh(h)": el.tanh(h),
    "h = A @ B; np.tanh(h, out=h); return h * np.sin(h)": (k := definition("h", el.tanh(A @ B))) * el.sin(k),
    "AB = A @ B; return (AB, np.tanh(AB))": [A @ B, el.tanh(A @ B)],
    "AB = A @ B; return AB * np.sin(AB)": (A @ B) * el.sin(A @ B),
    "return np.tanh(X)": el.tanh(X),
    "return np.tanh(X.T)": el.tanh(X.T),
    "return np.tanh((X @ Y)[1])": el.tanh(ix.ROW(X @ Y, params=(2,))),
    "t1 = X @ Y; np.subtract(X, t1, out=t1); return t1": X - X @ Y,
    "t1 = kron(X, Y); t1 += kron(Y, X); return t1": kr.kron(X, Y) + kr.kron(Y, X),
    "return A.T @ np.tanh(A @ x)": A.T @ el.tanh(A @ x),
    "return np.tanh(1 + t * t) * X": el.tanh(1 + t * t) * X,
    "return X @ Y + Y": X @ Y + Y,
}


@pytest.mark.parametrize("expected", LINES)
def test_lines(expected: str) -> None:
    text = source(LINES[expected], VARIABLES)
    body: Any = ast.parse(text).body[-1]
    assert "; ".join(map(ast.unparse, body.body[2:])) == expected


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_only_numpy_code_overwrites(backend: str) -> None:
    for seed in range(50):
        text = source(chain(random.Random(seed)), VARIABLES, backend)
        assert not any(sign in text for sign in ("out=", " += ", " -= ", " *= ", " /= ", " **= "))
