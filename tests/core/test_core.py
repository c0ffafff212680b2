"""What all else stands on: nodes that are made once, dimensions in normal form, records that are checked, depth."""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction

import pytest

from matdiff.core.node import Apply, Node, number, symbol, symbols, topological
from matdiff.core.op import fit, linear, registry
from matdiff.core.shape import ONE, ZERO, Dim, signature, triangle_side, triangular
from matdiff.errors import MatdiffError, ShapeError
from matdiff.ops.algebra import add, matmul, scale, transpose
from matdiff.ops.elementwise import exp

n, m = Dim.of("n"), Dim.of("m")
A, B, x = symbol("A", "matrix", m, n), symbol("B", "matrix", n, m), symbol("x", "vector", n)


def test_equal_nodes_are_the_same_object():
    assert matmul(A, x) is matmul(A, x)
    assert add(matmul(A, x), matmul(A, x)) is add(matmul(A, x), matmul(A, x))
    assert symbol("A", "matrix", m, n) is A and symbol("A", "matrix", n, n) is not A
    assert number(Fraction(2, 4)) is number(Fraction(1, 2))


def test_nodes_that_nothing_holds_are_given_back():
    node = exp(scale(number(7919), x))
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None


def test_nodes_and_dimensions_do_not_change():
    for thing, name in ((A, "name"), (matmul(A, x), "args"), (n, "terms")):
        with pytest.raises(AttributeError):
            setattr(thing, name, ())


def test_the_order_of_nodes_has_each_once_after_its_arguments():
    y = exp(matmul(A, x))
    root = add(y, scale(number(2), y))
    order = topological(root)
    assert len(order) == len(set(order)) and order[-1] is root
    place = {node: i for i, node in enumerate(order)}
    assert all(place[a] < place[node] for node in order if isinstance(node, Apply) for a in node.args)
    assert set(symbols(root)) == {A, x}


def test_chains_are_as_deep_as_they_like():
    node: Node = x
    for _ in range(10_000):
        node = exp(node)
    assert len(topological(node)) == 10_001 and list(symbols(node)) == [x]
    del node
    gc.collect()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (n + m, m + n),
        (n * (m + ONE), n * m + n),
        (Dim.of(2) * n + n, Dim.of(3) * n),
        (n - n, ZERO),
        (triangular(n) + triangular(n) - n, n * n),
    ],
)
def test_equal_dimensions_are_the_same_object(left: Dim, right: Dim) -> None:
    assert left is right


def test_dimensions_are_evaluated_and_taken_back():
    assert (n * m + ONE).evaluate({"n": 3, "m": 4}) == 13
    assert triangular(n).evaluate({"n": 4}) == 10
    assert triangle_side(triangular(n)) is n and triangle_side(Dim.of(10)) is Dim.of(4)
    assert triangle_side(Dim.of(9)) is None
    with pytest.raises(MatdiffError):
        Dim.of(2) ** 5000 if hasattr(Dim, "__pow__") else Dim.of(1 << 5000) * Dim.of(2)


def test_a_signature_is_matched_with_one_size_a_letter():
    taken, given = signature("(m,k),(k,n)->(m,n)")
    assert len(taken) == 2 and given
    assert fit(registry["matmul"], (A, B))
    with pytest.raises(ShapeError):
        matmul(A, A)
    assert transpose(transpose(A)) is A


def test_a_record_is_checked_when_it_is_made():
    with pytest.raises(MatdiffError, match="matmul"):
        linear("matmul", "(m,n)->(m,n)", lambda Y, X: Y)
    assert "matmul" in registry and registry["matmul"] is not None
