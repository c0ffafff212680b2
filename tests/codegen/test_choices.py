"""Orders of multiplication that generated code chooses by the sizes it is called with."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.codegen.plan.variants import costs, operations, plans
from matdiff.core.node import Apply, topological

CHAIN = ("A*B*C*D", "A: m×n; B: n×p; C: p×q; D: q×r", "mnpqr")
CASES = [
    ("A*B*C", "A: m×n; B: n×p; C: p×q"),
    CHAIN[:2],
    ("A'*exp(X)*B' + tr(A'*exp(X)*B')*eye(n)", "A: m×n; X: m×p; B: n×p"),
    ("U*V'*V - X*V", "U: m×k; V: n×k; X: m×n"),
    ("tr(A*B*C)", "A: m×n; B: n×p; C: p×m"),
    ("P = A*B; norm(P*C)^2*P*C", "A: m×n; B: n×p; C: p×q"),
    ("inv(S)*A*B*C", "S: m×m spd; A: m×n; B: n×p; C: p×q"),
    ("costs*least*A*B*C", "costs: scalar; least: scalar; A: m×n; B: n×p; C: p×q"),
]


def arrays(e: Any, sizes: dict[str, int]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    given = {v.name: rng.normal(size=tuple(d.evaluate(sizes) for d in v.shape)) for v in e.variables}
    return {name: a @ a.T + np.eye(len(a)) if name == "S" else a for name, a in given.items()}


@pytest.mark.parametrize(("text", "declare"), CASES)
@pytest.mark.parametrize("backend", ["numpy", "jax", "torch"])
def test_every_branch_gives_the_value(text: str, declare: str, backend: str, full: Callable[[int, int], int]) -> None:
    module = np if backend == "numpy" else pytest.importorskip(backend)
    if backend == "jax":
        module.config.update("jax_enable_x64", True)
    e = md.parse(text, declare=declare)
    function = e.compile(backend)
    names = sorted({name for v in e.variables for d in v.shape for name in d.names})
    every = [dict.fromkeys(names, 3), *({**dict.fromkeys(names, 4), n: s} for n in names for s in (1, 40))]
    # JAX compiles for each of them.
    for sizes in every[:: full(2, 1) if backend == "jax" else 1]:
        given = arrays(e, sizes)
        expected = naive(e, given)
        taken = {k: module.as_tensor(v) for k, v in given.items()} if backend == "torch" else given
        np.testing.assert_allclose(function(**taken), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(e.evaluate(**given), expected, rtol=1e-9, atol=1e-9)


def naive(e: Any, given: dict[str, Any]) -> Any:
    """The value by the code of each node in the order in which the text stands."""
    from codegen_cases import SIZES

    from tests.codegen.test_codegen import plain

    sizes = dict(SIZES)
    for v in e.variables:
        sizes.update({d.name: s for d, s in zip(v.shape, np.shape(given[v.name]), strict=True)})
    return plain(e.node, given, sizes)


def test_the_cheapest_of_three_orders_is_taken() -> None:
    e = md.parse(CHAIN[0], declare=CHAIN[1])
    text = e.source()
    assert text.split("def f(")[1].count("    return ") == 3
    found = plans([e.node])
    totals = costs(found)
    trees = all_orders(CHAIN[2])
    worst, least = 1.0, dict.fromkeys(itertools.combinations(range(5), 3), 1.0)
    for numbers in itertools.product((10, 100, 1000), repeat=5):
        sizes = dict(zip(CHAIN[2], numbers, strict=True))
        best = min(tree(sizes) for tree in trees)
        worst = max(worst, min(t.evaluate(sizes) for t in totals) / best)
        for three in least:
            least[three] = max(least[three], min(trees[k](sizes) for k in three) / best)
        left_out = sum(operations(n).evaluate(sizes) for n in topological(*found[0]) if isinstance(n, Apply))
        assert left_out >= totals[0].evaluate(sizes)
    assert worst <= 1.5 * min(least.values())


def all_orders(names: str) -> list[Any]:
    def cost(*products: str) -> Any:
        return lambda s: sum(s[a] * s[b] * s[c] for a, b, c in products)

    return [cost(*p) for p in (("mnp", "mpq", "mqr"), ("npq", "mnq", "mqr"), ("mnp", "pqr", "mpr"),
                               ("npq", "nqr", "mnr"), ("pqr", "npr", "mnr"))]  # fmt: skip


def test_the_choice_is_made_when_called() -> None:
    e = md.parse("A*B*C", declare="A: m×n; B: n×p; C: p×q")
    assert "if m * n * p + m * p * q < m * n * q + n * p * q:" in e.source()
    function = e.compile()
    for sizes in ({"m": 2, "n": 1500, "p": 2, "q": 1500}, {"m": 1500, "n": 2, "p": 1500, "q": 2}):
        given = arrays(e, sizes)
        tracemalloc.start()
        function(**given)
        assert tracemalloc.get_traced_memory()[1] < 1e6
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("text", "declare"),
    [("A*B*C", "A: n×n; B: n×n; C: n×n"), ("A*B*x", "A: m×n; B: n×p; x: p"), ("A*B*C", "A: 2×n; B: n×n; C: n×n")],
)
def test_no_choice_where_one_order_is_best(text: str, declare: str) -> None:
    assert "    if " not in md.parse(text, declare=declare).source().split("def f(")[1]
