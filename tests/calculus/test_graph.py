"""Computational graphs, forward and reverse mode, dual numbers, and how they are shown."""

from __future__ import annotations

import json
import xml.dom.minidom
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.calculus.trace import adjoint_of
from matdiff.cli.app import run

LECTURE = ("a = sin(x); b = a/y; b + x", "x,y", "x: scalar; y: scalar")
FUNCTIONS: list[tuple[str, str, str | None]] = [
    LECTURE,
    ("norm(A*x - b)^2/2", "A,x,b", None),
    ("x_1 = tanh(W_1*x); x_2 = W_2*x_1; norm(x_2 - t)^2/2", "W_1,W_2,x", "t: n"),
    ("logdet(X'*X) + tr(inv(X'*X)*B)", "X", None),
    ("inv(X)", "X", None),
    ("A*x + x", "x", None),
    ("lambda_max(A'*A)", "A", None),
    ("x'*A*x/(x'*x)", "x", None),
    ("r = A*x - b; r'*S*r + norm1(r)", "x", "S: n×n symmetric"),
    ("softmax(W*x)", "W", None),
    ("X^3", "X", None),
    ("y", "x", "x: scalar; y: scalar"),
    ("x", "x", "x: n"),
    ("exp(x*y)", "x,y", "x: scalar; y: scalar"),
]


@pytest.mark.parametrize(("function", "wrt", "declare"), FUNCTIONS)
def test_dual_numbers_adjoints_and_the_derivative_agree(function: str, wrt: str, declare: str | None) -> None:
    g = md.derive(function, wrt, declare).graph()
    apart = g.difference()
    assert apart is not None and apart < 1e-12


def test_a_wrong_edge_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    g = md.derive("sin(x)*exp(x)", "x", "x: scalar").graph()
    right = type(g.trace).reverse_nodes
    monkeypatch.setattr(type(g.trace), "reverse_nodes", lambda t, s: {k: 2 * v for k, v in right(t, s).items()})
    assert g.difference() is not None and g.difference() > 0.1  # type: ignore[operator]


def test_the_lecture_s_graph() -> None:
    g = md.derive(*LECTURE).graph()
    assert [n.name for n in g.nodes] == ["x", "y", "a", "b", "f"]
    assert [str(n.formula) for n in g.nodes[2:]] == ["sin(x)", "a/y", "b + x"]
    assert {(e.source, e.target): str(e.derivative) for e in g.edges} == {
        ("x", "a"): "cos(x)", ("a", "b"): "1/y", ("y", "b"): "−a/y²", ("b", "f"): "1", ("x", "f"): "1",
    }  # fmt: skip
    assert g.values(x=0.0, y=2.0) == {"x": 0.0, "y": 2.0, "a": 0.0, "b": 0.0, "f": 0.0}
    assert g.reverse(x=0.0, y=2.0) == {"f": 1.0, "b": 1.0, "a": 0.5, "y": 0.0, "x": 1.5}
    assert g.forward(x=0.0, y=2.0, dx=1.0, dy=0.0)["f"] == 1.5
    assert [[e.target for e in way] for way in g.paths("x")] == [["a", "b", "f"], ["f"]]
    assert g.multiplications == {"forward": "4", "reverse": "4"} and g.sweeps == {"forward": "2", "reverse": "1"}


def test_path_products_add_up_to_the_derivative() -> None:
    g = md.derive("u = x*y; v = exp(u) + y; u*v/x", "x,y", "x: scalar; y: scalar").graph()
    at = {"x": 0.7, "y": -1.3}
    factors = g.factors(**at)
    for X in ("x", "y"):
        total = sum(np.prod([factors[e.edge] for e in way]) for way in g.paths(X))
        assert total == pytest.approx(g.derivation.gradient[X].evaluate(**at))
        assert total == pytest.approx(g.reverse(**at)[X])


def test_matrices_have_operators_on_their_edges() -> None:
    g = md.derive("norm(A*x - b)^2/2", "A,x").graph()
    assert {(e.source, e.target): (str(e.derivative), g.write(e.edge.back)) for e in g.edges}[("A", "v_1")] == (
        "dA x",
        "v̄₁ xᵀ",
    )
    arrays: dict[str, Any] = {"A": np.array([[1.0, 2], [3, 4]]), "x": np.array([1.0, 0]), "b": np.ones(2)}
    back = g.reverse(**arrays)
    value, gradient = g.derivation.value_and_grad(**arrays)
    assert value == g.values(**arrays)["f"]
    for X in ("A", "x"):
        np.testing.assert_allclose(back[X], gradient[X])


def test_shared_parts_are_one_node_and_their_ways_are_counted_without_walking_them() -> None:
    text = "; ".join(f"x_{i + 1} = x_{i}*x_{i}" for i in range(60)) + "; x_60"
    g = md.derive(text, "x_0", "x_0: scalar").graph()
    assert len(g.nodes) == 61
    assert g.trace.count(g.trace.wrt[0]) == 1  # one edge carries both factors
    wide = md.derive(
        "; ".join(f"x_{i + 1} = sin(x_{i}) + exp(x_{i})" for i in range(40)) + "; x_40", "x_0", "x_0: scalar"
    )
    assert wide.graph().trace.count(wide.wrt[0]) == 2**40
    assert "and" in wide.graph().text()
    with pytest.raises(md.UnsupportedError, match="ways"):
        wide.graph().paths("x_0")


def test_a_long_chain() -> None:
    x = node = md.scalar("x")
    for _ in range(1500):
        node = md.sin(node)
    g = md.derive(node, x).graph()
    assert len(g.nodes) == 1501
    assert len(g.reverse) == 1501
    with pytest.raises(md.UnsupportedError, match="picture"):
        _ = g.svg


def test_pictures_are_well_formed() -> None:
    for function, wrt, declare in FUNCTIONS:
        g = md.derive(function, wrt, declare).graph()
        drawn = xml.dom.minidom.parseString(g.svg)
        assert len(drawn.getElementsByTagName("rect")) == len(g.nodes)
        assert g.dot.count("->") == len(g.trace.edges)
    names = [adjoint_of(r.name).name for r in g.trace.rows]
    assert len(names) == len(set(names))


def test_names_of_nodes_are_free() -> None:
    g = md.derive("norm(v_1 - f)^2", "v_1", "v_1: n; f: n").graph()
    assert len({n.name for n in g.nodes}) == len(g.nodes)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", LECTURE[0], "--wrt", "x,y", "--at", "x=1, y=2", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["adjoints"]["y"] == pytest.approx(-np.sin(1) / 4)
    assert found["values"]["f"] == pytest.approx(np.sin(1) / 2 + 1)
    assert run(["graph", "x'*A*x", "--wrt", "x", "--at", "A=[1 2; 3 4], x=[1, -1]", "--mode", "reverse"]) == 0
    said = capsys.readouterr().out
    assert "[-3 -3]" in said and "forward" not in said
    assert run(["graph", "x'*A*x", "--wrt", "x", "--ascii"]) == 0
    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sin(x)", "--wrt", "x", "--at", "x=two"], "no number"),
        (["sin(x)", "--wrt", "x", "--at", "x"], "by name"),
        (["sin(x)", "--wrt", "x", "--at", "x=1, x=2"], "twice"),
        (["x'*A*x", "--wrt", "x", "--at", "x=[1, 2], A=[1 2; 3]"], "rows"),
        (["x'*A*x", "--wrt", "x", "--at", "x=[1, 2]"], "missing"),
        (["log(x)", "--wrt", "x", "--let", "x: scalar", "--at", "x=-1"], "not positive"),
        (["A*x = b for x; norm(x)^2", "--wrt", "A"], "adjoint method"),
        (["sin(x)", "--wrt", "z"], "not a variable"),
    ],
)
def test_refusals(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert run(["graph", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_dual_numbers() -> None:
    x = md.Dual(3.0, 1.0)
    assert (x**3 - 2 / x).derivative == pytest.approx(27 + 2 / 9)
    assert np.sin(x).derivative == pytest.approx(np.cos(3))
    assert (2**x).derivative == pytest.approx(8 * np.log(2))
    assert (x * np.ones(2)).derivative.tolist() == [1, 1]
    A, E = np.array([[2.0, 1], [1, 3]]), np.array([[0.0, 1], [2, 0]])
    B = md.Dual(A, E)
    np.testing.assert_allclose(md.inv(B).derivative, -np.linalg.inv(A) @ E @ np.linalg.inv(A))
    np.testing.assert_allclose((B @ B.T).derivative, E @ A.T + A @ E.T)
    assert md.logdet(B).derivative == pytest.approx(np.trace(np.linalg.inv(A) @ E))


def test_functions_take_dual_numbers() -> None:
    d = md.derive("norm(A*x - b)^2/2", "x")
    arrays = {"A": np.arange(6.0).reshape(3, 2), "b": np.ones(3)}
    x, V = np.array([1.0, 2]), np.array([0.5, -1])
    found = d.evaluate(x=md.Dual(x, V), **arrays)
    assert found.value == d.evaluate(x=x, **arrays)
    assert found.derivative == pytest.approx(d.gradient.evaluate(x=x, **arrays) @ V)


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda: md.Dual([1, 2], [1, 2, 3]), md.ShapeError),
        (lambda: md.Dual("a"), md.MatdiffError),
        (lambda: md.Dual(1.0) / 0, md.DomainError),
        (lambda: float(md.Dual(1.0)), md.UnsupportedError),
        (lambda: md.log(md.Dual(-1.0, 1.0)), md.DomainError),
        (lambda: md.Dual(np.eye(2)) @ np.ones(3), md.ShapeError),
        (lambda: np.arctan2(md.Dual(1.0), 1.0), md.UnsupportedError),
    ],
)
def test_dual_numbers_refuse(made: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        made()
