"""From trees to typed nodes: names, kinds, dimensions, messages, speed."""

from __future__ import annotations

import re
import time

import pytest

from matdiff.core.node import Node, Symbol
from matdiff.core.op import Op, words
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError
from matdiff.inference import Typed, call_record, declaration_text, declared_symbol, infer, numpy_index
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.tree import Declaration


def typed(text: str, declare: str = "", known: dict[str, Symbol] | None = None) -> Typed:
    declared = parse_declarations(declare) if declare else []
    return infer(parse_program(text, declared=declared), declared, known or {})


def value(text: str, declare: str = "") -> Node:
    return typed(text, declare).function


INFERRED = {
    "x'*A*x": "x: n; A: n×n",
    "x'*A*x/2 + b'*x + c": "x: n; A: n×n; b: n; c: scalar",
    "det(t*I - A)": "t: scalar; A: n×n",
    "tr(A*X*B)": "A: m×n; X: n×p; B: p×m",
    "norm(A*x - b)^2": "A: m×n; x: n; b: m",
    "x'*A*y": "x: m; A: m×n; y: n",
    "u*v'": "u: n; v: m",
    "logdet(X) - alpha*tr(S*X)": "X: n×n; alpha: scalar; S: n×n",
    "λ*norm1(x) + mu*<x, y>": "λ: scalar; x: n; mu: scalar; y: n",
    "t^2*x": "t: scalar; x: n",
    "x'*x + t^2": "x: n; t: scalar",
    "t*X": "t: scalar; X: m×n",
    "w'*w/2 + C*sum(x)": "w: n; C: scalar; x: m",
    "A\\b": "A: n×n; b: n",
    "[A, b; c', d]": "A: m×n; b: m; c: n; d: scalar",
    "A[1,:]'*x": "A: m×n; x: n",
    "vec(X)'*b": "X: m×n; b: m*n",
    "tr(A*dX)": "A: m×n; X: n×m",
    "W_1*x1 + x_prime": "W_1: m×n; x1: n; x_prime: m",
    "e'*K*e": "e: n; K: n×n",
    "eye(n)*A": "A: n×m",
    "x'*y/t": "x: n; y: n; t: scalar",
    "s(z) = 1/(1+exp(-b*z)); s(A*x)": "b: scalar; A: m×n; x: n",
    "tr(kron(A,B))": "A: n×n; B: m×m",
    "det(A'⊗B⊗C)": "A: n×n; B: m×m; C: p×p",
    "K(n,m)*vec(A)": "A: n×m",
    "K(2,3)*vec(A')": "A: 3×2",
    "(A⊗B)*vec(X)": "A: m×n; B: p×q; X: q×n",
    "vec(X)'*(A⊗B)*vec(X)": "X: m×n; A: n×n; B: m×m",
    "(A⊗B)*(x⊗y)": "A: m×n; B: p×q; x: n; y: q",
    "vec(A) + vec(B)": "A: m×n; B: m×n",
    "tr((A⊗B)*C)": "A: m×n; B: p×q; C: n*q×m*p",
    "[A, B; C, D]": "A: m×n; B: m×p; C: q×n; D: q×p",
    "tr([A, B; C, D])": "A: m×m; B: m×n; C: n×m; D: n×n",
    "x'*y + C": "x: n; y: n; C: scalar",
}


@pytest.mark.parametrize(("text", "types"), INFERRED.items())
def test_undeclared_names(text: str, types: str) -> None:
    assert typed(text).declarations == types


@pytest.mark.parametrize("text", [t for t in INFERRED if ";" not in t])
def test_declarations_read_back(text: str) -> None:
    first = typed(text)
    again = typed(text, first.declarations)
    assert again.function is first.function
    assert again.declarations == first.declarations


def test_declarations_cover_some_names_and_unused_ones_come_last() -> None:
    out = typed("A*x - b", "y: scalar; A: m×n")
    assert out.declarations == "A: m×n; x: n; b: m; y: scalar"
    assert list(out.variables) == ["A", "x", "b", "y"]


def test_attributes() -> None:
    assert typed("x'*S*x", "S: symmetric; x: positive").declarations == "x: n positive; S: n×n symmetric"
    assert typed("D*x", "D: n×n symmetric diagonal positive").variables["D"].attributes == {"diagonal", "positive"}


@pytest.mark.parametrize(
    ("same", "as_"),
    [
        ("A*(B*x)", "A*(B x)"),
        ("X^-1", "inv(X)"),
        ("X^(1/2)", "sqrtm(X)"),
        ("max(x,0)", "relu(x)"),
        ("max(0, x)", "relu(x)"),
        ("sigma(x)", "sigmoid(x)"),
        ("σ(A)", "sigmoid(A)"),
        ("sigma(t) = t + 1; sigma(x)", "x .+ 1"),
        ("X^2'", "(X^2)'"),
        ("hcat(A, B)", "[A, B]"),
        ("A\\b", "inv(A)*b"),
        ("‖x‖_1", "norm1(x)"),
        ("A ⊗ B", "kron(A, B)"),
        ("x/2", "1/2*x"),
        ("|x|", "abs(x)"),
        ("1 ./ x", "x.^-1"),
        ("frechet(expm, A, B)", "frechet(expm, A, B)"),
    ],
)
def test_equal_readings(same: str, as_: str) -> None:
    declare = "A: n×n; B: n×n; X: n×n; x: n; b: n"
    assert repr(value(same, declare)) == repr(value(as_, declare)) or value(same, declare) is value(as_, declare)


def test_dimension_words_are_values_where_declared() -> None:
    assert value("n*x'*x", "x: n").kind == "scalar"
    with pytest.raises(ParseError, match="either n or x"):
        typed("n*x")


@pytest.mark.parametrize(
    ("text", "declare"),
    [("x'*A*x", "A: m×n"), ("2*x/x'*x", ""), ("(x - mu)'*S*(x - mu)", "S: n×n"), ("x'*A'*A*x - 2*b*A*x + b'*b", "")],
)
def test_nobody_transposes_a_scalar(text: str, declare: str) -> None:
    with pytest.raises(ShapeError):
        typed(text, declare)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A^k*x", "A^k is a matrix power"),
        ("θ'*x", "θ is a scalar, as Greek names are: declare `θ: n`"),
        ("log(det(Σ))", "declare `Σ: n×n`"),
        ("e^(-x'*x)", "the exponential is exp(x)"),
        ("x'*A*x/2 + b'*x + c", ""),
        ("A^k*x; A: scalar", ""),
    ],
)
def test_readings_that_surprise_are_said(text: str, says: str) -> None:
    remarks = typed(text).remarks
    assert says in remarks[0] if says else not remarks


def test_definitions() -> None:
    out = typed("r = A*x - b; r'*r/2")
    assert list(out.variables) == ["A", "x", "b"]
    assert out.definitions["r"].body is not None
    assert typed("b = a; a = x'*x; b + a").definitions.keys() == {"a", "b"}


def test_differentials() -> None:
    known = typed("tr(A*X)", "A: m×n; X: n×m").variables
    claim = typed("tr(A*dX)", known=known)
    assert list(claim.variables) == ["A", "X"]
    inner = [n for n in claim.function.children[0].children if isinstance(n, Symbol) and n.of]
    assert inner[0].of is known["X"] and inner[0].name == "dX"
    second = typed("dX_1*dX_2 + dW_1*dW_1", "W_1: n×n; X: n×n")
    assert list(second.variables) == ["X", "W_1"]
    assert typed("dX", "dX: n").declarations == "dX: n"
    assert typed("r = A*x; r'*dr").function.kind == "scalar"


def test_own_functions() -> None:
    declare = "h: elementwise; A: m×n; x: n"
    assert value("h'(x)", declare).shape == value("h(x)", declare).shape
    assert value("h(x)", declare) is value("h(x)", declare)
    assert isinstance(typed("h(x)", declare).functions["h"], Op)
    assert typed("h(x)", declare).declarations == "x: n; A: m×n; h: elementwise"
    assert value("s(t) = t/(1+exp(-t)); s(A*x)", declare) is value("(A*x)./(1 .+ exp(-A*x))", declare)
    assert value("s(t) = t^2*<x,x>; s(A)", declare) is value("A.^2*<x,x>", declare)
    assert value("s(t) = 2; s(x)", declare) is value("2*ones(n)", declare)
    with pytest.raises(ShapeError, match="must be a scalar"):
        typed("s(t) = t*x; s(x)", declare)


REFUSED = {
    "c*x": (ParseError, "either c or x must be a scalar"),
    "x^2": (ShapeError, "x.^2"),
    "x*x": (ShapeError, "x'*x"),
    "1 + x": (ShapeError, "1 .+ x"),
    "A/B": (ShapeError, "A*inv(B)"),
    "Ax": (ParseError, "A*x"),
    "logdett(X)": (ParseError, "did you mean logdet"),
    "trc + x": (ParseError, "declare it"),
    "tr": (ParseError, "name of a function"),
    "x: n; x: m; x": (ParseError, "declared twice"),
    "A: 2×3 symmetric; A": (ParseError, "square"),
    "A: m×n symmetric; A": (ParseError, "square"),
    "A: n×n symmetric skew; A": (ParseError, "both"),
    "x: n spd; x": (ParseError, "square"),
    "X: n×n unit; X": (ParseError, "vector"),
    "A: 0×2; A": (MatdiffError, "0"),
    "tr: n; tr": (ParseError, "tr"),
    "x: n; x = y; x": (ParseError, "x"),
    "r = r; r": (ParseError, "r"),
    "r = s; s = r; r": (ParseError, "r"),
    "A: 2×3; A[3,1]": (ShapeError, "out of range"),
    "x[0]": (ShapeError, "at least 1"),
    "e(3,4)": (ShapeError, "out of range"),
    "A: m×n; x: m; A*x": (ShapeError, "A: m×n (declared), x: m (declared)"),
    "A: m×n; A + A'": (ShapeError, "cannot add"),
    "x: m; y: n; x + y": (ShapeError, "x (a vector of length m)"),
    "X: m×n; det(X)": (ShapeError, "square"),
    "X: m×n; X^2": (ShapeError, "square"),
    "X: n×n; x: n; X^x": (ShapeError, "scalar"),
    "A: m×n; ‖A‖_2": (ShapeError, "sigma_max"),
    "A: m×n; ‖A‖_1": (ShapeError, "norm1"),
    "x: n; A: m×n; x .* A": (ShapeError, "equal shapes"),
    "tr(A, B)": (ParseError, "takes 1 argument"),
    "|X|": (ShapeError, "det(X) for the determinant"),
    "‖X‖_1": (ShapeError, "norm1(X)"),
    "A: m×n; A*X + X*A": (ShapeError, "A: m×n (declared)"),
    "rank(X)": (UnsupportedError, "nuclear"),
    "x: n; A: n×n; x'*A*(x + 1)": (ShapeError, "cannot add"),
}


@pytest.mark.parametrize(("text", "kind", "words_"), [(t, k, w) for t, (k, w) in REFUSED.items()])
def test_refusals_say_where_and_what_to_do(text: str, kind: type[MatdiffError], words_: str) -> None:
    with pytest.raises(kind) as caught:
        typed(text)
    assert words_ in str(caught.value)
    assert "^" in str(caught.value)
    assert re.search(r"\?\d", str(caught.value)) is None


def test_python_side() -> None:
    S = declared_symbol(Declaration("S", ("n", "n"), ("symmetric",)))
    assert declaration_text([S]) == "S: n×n symmetric"
    assert numpy_index(S, (0, 1)) is value("S[1,2]", "S: n×n symmetric")
    assert numpy_index(S, (slice(None), 0)) is value("S[:,1]", "S: n×n symmetric")
    assert call_record(words["tr"], (S,)) is value("tr(S)", "S: n×n symmetric")
    with pytest.raises(ShapeError):
        numpy_index(declared_symbol(Declaration("x", ("3",))), 3)
    with pytest.raises(ParseError):
        declared_symbol(Declaration("x"))


@pytest.mark.parametrize(
    "text",
    [
        "x'*A*x + " + " + ".join(f"c{i}*x'*x" for i in range(1000)),
        " + ".join(f"exp(x{i}'*A*y)*t{i % 5}" for i in range(800)),
        " + ".join(f"c{i}*x{i}*y{i}" for i in range(300)),
        "*".join(["A"] * 10_000),
        " + ".join(f"{i + 2}*x" for i in range(8_000)),
        "exp(" * 900 + "x" + ")" * 900,
        ";".join(f"s{i + 1}(t) = s{i}(s{i}(t))" for i in range(60)) + "; s60(x)",
    ],
    ids=["scalars", "terms", "ties", "product", "sum", "nesting", "composition"],
)
def test_large_input_is_done_or_refused_soon(text: str) -> None:
    start = time.process_time()
    try:
        typed(text, "s0: elementwise" if "s0" in text else "")
    except MatdiffError as error:
        assert error.hint
    assert time.process_time() - start < 3
