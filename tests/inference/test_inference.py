"""From trees to typed nodes: names, kinds, dimensions, messages, speed."""

from __future__ import annotations

import contextlib
import re

import pytest
from counting import at_most

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
    [("x'*A*x", "A: m×n"), ("2*x/x'*x", ""), ("(x - c)'*S*(x - 1)", "S: n×n"), ("x'*A'*A*x - 2*b*A*x + b'*b", "")],
)
def test_nobody_transposes_a_scalar(text: str, declare: str) -> None:
    with pytest.raises(ShapeError):
        typed(text, declare)


CAPITALS = ("since it only divides", "since it only multiplies scalars")
READINGS = {
    # Greek letters by their places
    "θ'*A*θ": ("θ: n; A: n×n", "θ is read as a vector, since it stands transposed"),
    "(x - mu)'*S*(x - mu)": ("x: n; mu: n; S: n×n", "mu is read as a vector, since as a scalar it does not fit"),
    "beta'*X'*X*beta": ("beta: n; X: m×n", "beta is read as a vector"),
    "norm(y - X*beta)^2": ("y: m; X: m×n; beta: n", "beta is read as a vector, since it stands behind a matrix"),
    r"\|y - X\beta\|_2^2 + \lambda\|\beta\|^2": ("y: m; X: m×n; beta: n; lambda: scalar", "beta is read as a vector"),
    "sum(log(1 .+ exp(-y.*(X*theta))))": ("y: m; X: m×n; theta: n", "theta is read as a vector"),
    r"\mu^\top\Sigma^{-1}\mu": ("mu: n; Sigma: n×n", "Sigma is read as a matrix, as capitals are"),
    r"\log\det\Sigma": ("Sigma: n×n", "Sigma is read as a matrix"),
    r"Q \Lambda Q^T": ("Q: m×n; Lambda: n×n", "Lambda is read as a matrix"),
    "tr(rho*logm(rho))": ("rho: n×n", "rho is read as a matrix, since tr is taken of it"),
    "tr(rho^2)": ("rho: n×n", "rho is read as a matrix, since tr is taken of it"),
    "tr(A*rho*B)": ("A: m×n; rho: n×p; B: p×m", "rho is read as a matrix, since it stands between matrices"),
    "U*diag(sigma)*V'": ("U: m×n; sigma: n; V: p×n", "sigma is read as a vector, since diag is taken of it"),
    r"\gamma \odot x": ("gamma: n; x: n", "gamma is read as a vector, since such products are of arrays"),
    "<theta, x>": ("theta: n; x: n", "theta is read as a vector"),
    "theta[1]": ("theta: n", "theta is read as a vector, since it has entries"),
    "sum(alpha)": ("alpha: n", "alpha is read as a vector, since sum is taken of it"),
    "w'*phi": ("w: n; phi: n", "phi is read as a vector, since it stands behind a row"),
    "x'*lambda*x": ("x: n; lambda: scalar", "lambda is a scalar, as Greek names are"),
    # Greek letters that are what they look like
    "x'*A*x + b'*x + gamma": ("x: n; A: n×n; b: n; gamma: scalar", ""),
    "lambda*X": ("lambda: scalar; X: m×n", ""),
    "alpha.*x": ("alpha: scalar; x: n", ""),
    "A*lambda + B": ("A: m×n; lambda: scalar; B: m×n", ""),
    "det(A*lambda)": ("A: n×n; lambda: scalar", ""),
    "A*sin(theta) + B*cos(theta)": ("A: m×n; theta: scalar; B: m×n", ""),
    # capitals that count
    "-N/2*logdet(S) - N/2*tr(inv(S)*C)": ("N: scalar; S: n×n; C: n×n", "N is read as a scalar, " + CAPITALS[1]),
    "C*sum(x.^2)": ("C: scalar; x: n", "C is read as a scalar, " + CAPITALS[1]),
    "logdet(S)*N/2": ("S: n×n; N: scalar", "N is read as a scalar, " + CAPITALS[1]),
    "C*(lambda*sum(x))": ("C: scalar; lambda: scalar; x: n", "C is read as a scalar, " + CAPITALS[1]),
    "exp(-C*norm(x)^2)": ("C: scalar; x: n", "C is read as a scalar, " + CAPITALS[1]),
    "norm(y - X*w)^2/N": ("y: m; X: m×n; w: n; N: scalar", "N is read as a scalar, " + CAPITALS[0]),
    r"\frac1N\|y-Xw\|_2^2": ("N: scalar; y: m; X: m×n; w: n", "N is read as a scalar, " + CAPITALS[0]),
    "X'*X/(N - 1)": ("X: m×n; N: scalar", "N is read as a scalar, " + CAPITALS[0]),
    "softmax(Q*k/sqrt(D))": ("Q: m×n; k: n; D: scalar", "D is read as a scalar, " + CAPITALS[0]),
    "tr(X)*X": ("X: n×n", ""),
    "2*A*B": ("A: m×n; B: n×p", ""),
    "norm(A*2)": ("A: m×n", ""),
    "A*(x'*y)*z": ("A: m×n; x: p; y: p; z: n", ""),
    # t and T above
    "x^t A x": ("x: n; A: n×n", "^t is read as a transpose"),
    "(A x)^t (A x)": ("A: m×n; x: n", "^t is read as a transpose"),
    "norm(A^t x)^2": ("A: m×n; x: m", "^t is read as a transpose"),
    "beta^t X^t X beta": ("beta: n; X: m×n", "^t is read as a transpose"),
    r"\alpha x^t A x": ("alpha: scalar; x: n; A: n×n", "^t is read as a transpose"),
    "gamma^t*x'*x": ("gamma: scalar; t: scalar; x: n", ""),
    "2^t*x": ("t: scalar; x: n", ""),
    # scalar calculus
    "x^2": ("x: scalar", "x is read as a scalar, since vectors have no powers"),
    "t^3 + 2*t": ("t: scalar", "t is read as a scalar"),
    "x_1^2 + 3 x_1 x_2": ("x_1: scalar; x_2: scalar", "x_2 is read as a scalar"),
    "exp(-x^2/2)": ("x: scalar", "x is read as a scalar"),
    # the rest
    "||Ax-b||^2": ("A: m×n; x: n; b: m", "Ax is read as A*x"),
    "‖y - Xβ‖²": ("y: m; X: m×n; β: n", "Xβ is read as X*β"),
    "1/2x'*x": ("x: n", "of /2x only 2 is the denominator; both together are /(2*x)"),
    "1/N tr(X'*X)": ("N: scalar; X: m×n", "of /N tr(…) only N is the denominator"),
    r"1/2 x^\top x": ("x: n", "of /2 x only 2 is the denominator"),
    r"\lambda/2 w^\top w": ("lambda: scalar; w: n", "of /2 w only 2 is the denominator"),
    "1/N ‖x‖²": ("N: scalar; x: n", "N is read as a scalar"),
    "x: n; A: n×n; A(x)": ("A: n×n; x: n", "A(x) is read as the product A*x"),
    "e^(-x'*x)": ("x: n", "e^(-x'*x) is exp(-x'*x), with the number e"),
    "A*x'*x": ("A: scalar; x: n", "A is read as a scalar, since as a matrix it does not fit"),
    "x'*A*x/2 + b'*x + c": ("x: n; A: n×n; b: n; c: scalar", ""),
    "f = x'*A*x": ("x: n; A: n×n", ""),
    "g(x) = x'*A*x": ("x: n; A: n×n", ""),
    "f(t) = t/(1 + exp(-t))": ("t: scalar", ""),
}
"""What is typed, the types it is read with, and the remark that says so where it may surprise."""


@pytest.mark.parametrize("text", READINGS)
def test_readings_that_surprise_are_said(text: str) -> None:
    types, says = READINGS[text]
    out = typed(text)
    assert out.declarations == types
    assert any(says in remark for remark in out.remarks) if says else not out.remarks


@pytest.mark.parametrize("text", READINGS)
def test_remarks_name_a_declaration_that_settles_it(text: str) -> None:
    """With all declared as it was read, or as a remark offers, nothing is left to remark; or it is refused."""
    out = typed(text)
    spoken = [w for r in out.remarks for w in re.findall(r"declare `(.*?)`", r)]
    rest = typed(text, out.declarations).remarks if "^t" not in str(out.remarks) else ()
    assert not [r for r in rest if "read as a " in r]
    for declaration in spoken:
        with contextlib.suppress(MatdiffError):
            name = declaration.partition(":")[0]
            assert not [r for r in typed(text, declaration).remarks if r.startswith(f"{name} ")]


def test_a_variable_never_changes_its_kind_without_a_remark() -> None:
    import matdiff as md

    assert not typed("det(t*I - A)").remarks
    assert "t is read as a scalar" in md.derive("det(t*I - A)", wrt="t").notes[0]
    assert not md.derive("det(t*I - A)", wrt="A").notes
    assert md.derive("x^t A x + t", wrt="t").types == "x: scalar; t: scalar; A: scalar"


@pytest.mark.parametrize(
    "text",
    [
        "tr(A^k)", "det(X) + X", "det(X^k)", "inv(X) + 1", "logdet(A) + sum(A)*A", "A*x + x'", "<p, x^2>", "x'*x^2",
        "sum(x^2)", "norm(x) + x", "c .* x + 1", "(x - c)'*x + 1", "mean(x) + x", "(A + lambda)'*x", "tr(A + lambda)",
    ],
)  # fmt: skip
def test_nothing_becomes_a_scalar_that_only_an_array_can_be(text: str) -> None:
    """An operand of tr, det, inv, sum, a norm, a transpose, ⊙ or ⟨,⟩: what is wrong elsewhere is said instead."""
    try:
        types = typed(text).declarations
    except MatdiffError:
        return
    assert "scalar" not in types.replace("k: scalar", "").replace("lambda: scalar", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x'*A*x; b'*x", "used nowhere"),
        ("A(p)", "A*p for a product"),
        ("x(p)'*x(p)", "function of p"),
        ("A(t)*B(t)", "function of t"),
        ("E(x)", "function of x"),
        ("f(x)", "declare `f: elementwise`"),
        ("lambda(t)*x'*x", "function of t"),
        ("u(0)'*x", "u_0"),
        ("f'(x)", "the derivative of a function or a product"),
        (r"e^{At} u(0)", "u_0"),
        (r"\Phi(x)", "declare `Phi: elementwise`"),
        ("x^H*A*x", "conjugate transpose"),
        ("A^*", "a conjugate transpose or a conjugate"),
        ("A psd; x'*A*x", "n×n spd"),
        ("A + lambda", "multiply it by I"),
    ],
)
def test_what_has_another_meaning_to_the_reader_is_refused(text: str, says: str) -> None:
    with pytest.raises(MatdiffError, match=re.escape(says)):
        typed(text)


@pytest.mark.parametrize(
    ("declaration", "types"),
    [
        (r"A \in \mathbb{R}^{n\times n}", "A: n×n"),
        ("A ∈ ℝ^{n×n}", "A: n×n"),
        ("A in R^(n x n)", "A: n×n"),
        ("A: (n,n)", "A: n×n"),
        ("A: [n, n]", "A: n×n"),
        ("A: n by n", "A: n×n"),
        ("A: R^{n×n}", "A: n×n"),
        ("A is n×n", "A: n×n"),
        ("A symmetric", "A: n×n symmetric"),
        ("A is symmetric", "A: n×n symmetric"),
        ("A is an n×n symmetric matrix", "A: n×n symmetric"),
    ],
)
def test_declarations_as_mathematicians_write_them(declaration: str, types: str) -> None:
    assert types in typed("x'*A*x", declaration).declarations
    assert types in typed(f"{declaration}; x'*A*x").declarations


def test_an_attribute_in_words_leaves_the_size_open() -> None:
    assert typed("S symmetric; tr(X'*S*X)", "X: p×q").declarations == "X: p×q; S: p×p symmetric"


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
    "x^2 + x'*x": (ShapeError, "x.^2"),
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


LARGE = {
    "scalars": "x'*A*x + " + " + ".join(f"c{i}*x'*x" for i in range(1000)),
    "terms": " + ".join(f"exp(x{i}'*A*y)*t{i % 5}" for i in range(800)),
    "ties": " + ".join(f"c{i}*x{i}*y{i}" for i in range(150)),
    "product": "*".join(["A"] * 10_000),
    "sum": " + ".join(f"{i + 2}*x" for i in range(8_000)),
    "nesting": "exp(" * 900 + "x" + ")" * 900,
    "composition": ";".join(f"s{i + 1}(t) = s{i}(s{i}(t))" for i in range(60)) + "; s60(x)",
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_large_input_is_done_or_refused_soon(text: str) -> None:
    with at_most(9_000_000):
        try:
            typed(text, "s0: elementwise" if "s0" in text else "")
        except MatdiffError as error:
            assert error.hint
