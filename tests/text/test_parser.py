"""Text and LaTeX → trees; errors and where they point; hostile input."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from counting import at_most

from matdiff.core import op
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.text.parser import parse_declarations, parse_program
from matdiff.text.tree import Tree, walk

GRAMMAR = Path(__file__).parents[2] / "grammar"


@pytest.fixture(autouse=True)
def some_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words that the tables below use, whatever is registered."""
    words = ["tr", "det", "exp", "log", "inv", "sin", "max", "sigma", "sigmoid", "diag", "vec", "sqrt", "lambda_max"]
    monkeypatch.setattr(op, "words", {**op.words, **{w: op.words.get(w, []) for w in words}})


def shown(tree: Tree) -> str:
    """(head args…), without recursion; calls and norms show their value."""
    texts: dict[int, str] = {}
    for node in walk(tree):
        if node.head in ("name", "number"):
            texts[id(node)] = str(node.value)
            continue
        head = {"call": str(node.value), "norm": f"norm{node.value}", "slice": ":"}.get(node.head, node.head)
        texts[id(node)] = f"({' '.join([head, *(texts[id(a)] for a in node.args)])})"
    return texts[id(tree)]


def read(text: str, dialect: str = "auto") -> str:
    function = parse_program(text, dialect).function
    assert function is not None
    return shown(function)


PLAIN = [
    ("a + b - c", "(+ a b (neg c))"),
    ("a .+ b .- c + d", "(+ (.+ a b (neg c)) d)"),
    ("(a + b) + c", "(+ (+ a b) c)"),
    ("-x^2", "(neg (^ x 2))"),
    ("-2^2 - -3", "(+ (neg (^ 2 2)) (neg -3))"),
    ("A - B", "(+ A (neg B))"),
    ("-a*b", "(* (neg a) b)"),
    ("A*x/2\\b.*c./d⊗e", r"(⊗ (./ (.* (\ (/ (* A x) 2) b) c) d) e)"),
    ("2x A(x+y)", "(* (* (* 2 x) A) (+ x y))"),
    ("1/2 x", "(* (/ 1 2) x)"),
    ("(a^b)^-c", "(^ (^ a b) (neg c))"),
    ("X^2'", "(' (^ X 2))"),
    ("X^-2'", "(' (^ X -2))"),
    ("x.^2'", "(' (.^ x 2))"),
    ("x'y", "(* (' x) y)"),
    ("X' X.T Xᵀ X^T X⊤", "(* (* (* (* (' X) (' X)) (' X)) (' X)) (' X))"),
    ("X⁻¹ X^-1 X^(-1)", "(* (* (^ X -1) (^ X -1)) (^ X -1))"),
    ("X⁻ᵀ X^-T", "(* (' (^ X -1)) (' (^ X -1)))"),
    ("x² + x³ + ½", "(+ (^ x 2) (^ x 3) 1/2)"),
    ("W₁ x₁₂ xᵢ", "(* (* W_1 x_12) x_i)"),
    ("A ⊙ B ∘ C · D − E", "(+ (* (.* (.* A B) C) D) (neg E))"),
    ("2.*x + 1./x + 2.5*x + 1e-3 + .5", "(+ (.* 2 x) (./ 1 x) (* 2.5 x) 0.001 0.5)"),
    ("2exp(x)", "(* 2 (exp x))"),
    ("‖x‖² + ‖x‖_1 + ||X||_F^2 + ‖x‖₂", "(+ (^ (norm x) 2) (norm1 x) (^ (normF X) 2) (norm2 x))"),
    ("‖‖x‖ y‖ 2‖x‖", "(* (* (norm (* (norm x) y)) 2) (norm x))"),
    ("|x||y|", "(* (abs x) (abs y))"),
    ("<A, B> ⟨A B, C⟩", "(* (inner A B) (inner (* A B) C))"),
    ("[A[2,:]; B[1,:]]", "(block (row (index A 2 (:))) (row (index B 1 (:))))"),
    ("[A, B; C, D]", "(block (row A B) (row C D))"),
    ("[A, B\nC, D]", "(block (row A B) (row C D))"),
    ("x[i] + A[i,j]", "(+ (index x i) (index A i j))"),
    ("A[1,:]'*A[:,2]", "(* (' (index A 1 (:))) (index A (:) 2))"),
    ("A[1:2,k:n+1]", "(index A (: 1 2) (: k (+ n 1)))"),
    ("inv(X)[1,2]", "(index (inv X) 1 2)"),
    ("x [y; z]", "(* x (block (row y) (row z)))"),
    ("λ(x'x - 1)", "(* λ (+ (* (' x) x) (neg 1)))"),
    ("c*x(y + z)", "(* (* c x) (+ y z))"),
    ("logdt(X) + max(x,0)", "(+ (logdt X) (max x 0))"),
    ("logdt (X)", "(* logdt X)"),
    ("σ(x) + K(m,n) + e(n,1)", "(+ (σ x) (K m n) (e n 1))"),
    ("W_1(x y) + dX(A')", "(+ (* W_1 (* x y)) (* dX (' A)))"),
    ("K: n×n; σ: scalar; K(x) + σ(x)", "(+ (* K x) (* σ x))"),
    ("h: elementwise; h(x) + h'(x) + h''(x)", "(+ (h x) (h' x) (h'' x))"),
    ("s(t) = t^2; s(x) + s'(x)", "(+ (s x) (s' x))"),
    ("µ + ∥x∥", "(+ μ (norm x))"),
    ("tr(A *\n B) # + c", "(tr (* A B))"),
    ("a +\n b", "(+ a b)"),
    ("r = A*x; r'r", "(* (' r) r)"),
]

LATEX = [
    (r"\frac{1}{2}\|Ax-b\|_2^2", "(* (/ 1 2) (^ (norm2 (+ (* A x) (neg b))) 2))"),
    (r"\tfrac12 x^\top A x", "(* (* (* (/ 1 2) (' x)) A) x)"),
    (r"\operatorname{tr}(AXB)", "(tr (* (* A X) B))"),
    (r"\mathrm{tr}\left(X^{-1}A\right)", "(tr (* (^ X -1) A))"),
    (r"\text{tr} A\, B", "(* (tr A) B)"),
    (r"\cos\theta\sin\theta", "(* (cos theta) (sin theta))"),
    (r"\log 2\pi\sigma^2 x", "(log (* (* (* 2 pi) (^ sigma 2)) x))"),
    (r"n\log 2\pi", "(* n (log (* 2 pi)))"),
    (r"\sin^2\theta + \cos^{2}(x)", "(+ (.^ (sin theta) 2) (.^ (cos x) 2))"),
    (r"\sqrt[3]{x + 1}", "(.^ (+ x 1) 1/3)"),
    (r"X^{\odot2} W^{(2)} x_i^{(1)}", "(* (* (.^ X 2) W_2) x_i1)"),
    (r"f(x, A) = x^\top A x", "(* (* (' x) A) x)"),
    (r"\mathcal{L}(w) &= \|w\|^2 \\ &+ \lambda", "(+ (^ (norm w) 2) lambda)"),
    (r"\operatorname{Tr}\left[A\right]", "(tr A)"),
    (r"\log\det X + \ln\det X^2", "(+ (log (det X)) (log (det (^ X 2))))"),
    (r"X^{-\top} + X^{-T} + X^{\top}", "(+ (' (^ X -1)) (' (^ X -1)) (' X))"),
    (r"\mathbf{x}^T\mathbf{A}\mathbf{x}", "(* (* (' x) A) x)"),
    (r"\langle S, X\rangle", "(inner S X)"),
    (r"\lVert x\rVert_1 + \left\|x\right\| + \Vert X \Vert_{F}^{2}", "(+ (norm1 x) (norm x) (^ (normF X) 2))"),
    (r"\|x\|^2_2 + \|X\|_*", "(+ (^ (norm2 x) 2) (nuclear X))"),
    (r"A \odot B \circ C \oslash D \otimes E", "(⊗ (./ (.* (.* A B) C) D) E)"),
    (r"\mathbf{1}^\top x + \mathbf{1}_{n}", "(+ (* (' (vector 1)) x) (ones n))"),
    (r"\mathbf{1}_{m \times n} + 0_{m\times n} + I_n", "(+ (ones m n) (zeros m n) (eye n))"),
    (r"e^{-\|x\|^2} + e^x + e^\top x", "(+ (e^ (neg (^ (norm x) 2))) (e^ x) (* (' e) x))"),
    (r"\sqrt{x^\top x} + \sqrt x", "(+ (sqrt (* (' x) x)) (sqrt x))"),
    (r"\sigma(Wx+b)", "(sigma (+ (* W x) b))"),
    (r"W_1 W_{12} \hat{y} \tilde X \bar{\mathbf{x}}_2", "(* (* (* (* W_1 W_12) y_hat) X_tilde) x_bar_2)"),
    (r"\boldsymbol\Sigma_k^{-1} x^\top_i", "(* (^ Sigma_k -1) (' x_i))"),
    (r"\lambda_{\max}(S)", "(lambda_max S)"),
    (r"\left\lvert x \right\rvert + |X|", "(+ (abs x) (abs X))"),
    (r"$\lambda \cdot x$", "(* lambda x)"),
    (r"\[ \lambda \times x \]", "(* lambda x)"),
    (r"\begin{aligned} \alpha &= 1 \\ \alpha x \end{aligned}", "(* alpha x)"),
    (r"\begin{bmatrix} A & B \\ C & D \end{bmatrix}", "(block (row A B) (row C D))"),
    (r"A^{\odot 2} + A^{\circ -1} + \mathrm{d}X", "(+ (.^ A 2) (.^ A -1) dX)"),
    (r"A_{1,2} + A_{1,:} x", "(+ (index A 1 2) (* (index A 1 (:)) x))"),
    (r"(AB)_{1:n,2}^\top + x_{1:n}", "(+ (' (index (* A B) (: 1 n) 2)) (index x (: 1 n)))"),
    (r"\mathbf{1}_{m+n} + K_{m,n}", "(+ (ones (+ m n)) (K m n))"),
    (r"\frac ab + \frac1{\|x\|}", "(+ (/ a b) (/ 1 (norm x)))"),
    (r"\exp\left\{-x\right\} \exp{x}", "(* (exp (neg x)) (exp x))"),
    (r"x^{n-1} \, x^{1/2}", "(* (^ x (+ n (neg 1))) (^ x (/ 1 2)))"),
    ("A: m×n\nr = Ax - b\n\\frac12 \\|r\\|^2\n+ \\lambda", "(+ (* (/ 1 2) (^ (norm r) 2)) lambda)"),
]

REFUSED = [
    ("", "no expression", 0),
    ("# a\n# b\n", "no expression", 8),
    ("A % B", "%", 2),
    ("(A + B", "unclosed `(`", 0),
    ("A + B)", "unmatched `)`", 5),
    ("[A + B)", "`)` does not close `[`", 6),
    ("‖x", "unclosed `‖`", 0),
    ("<A, B", "unclosed `<`", 0),
    ("[A, B", "unclosed `[`", 0),
    ("A *", "ends too early", 3),
    ("A * * B", "unexpected `*`", 4),
    ("a = b = c", "`=` inside", 6),
    ("a, b", "unexpected `,`", 1),
    ("tr()", "nothing stands", 2),
    ("X'[1,2]", "unexpected `[`", 2),
    ("A[1,2,3]", "unexpected `,`", 5),
    ("2 3", "two numbers", 2),
    ("1e999", "range", 0),
    ("9" * 400, "too long", 0),
    ("аx", "Cyrillic а (U+0430) looks like a", 0),
    ("Α x", "Greek Α (U+0391) looks like A", 0),
    ("🙂*x", "U+1F642", 0),
    ("A\0b", "U+0000", 1),
    ("A {B", "unclosed `{`", 2),
    ("‖x‖_3", "‖·‖_3", 2),
    ("x'*A*x\n - b'*x", "go on", 8),
    ("1A: m×n", "1A", 0),
    ("A: m×n×p", "3 dimensions", 0),
    ("A: -3×2", "negative", 3),
    ("A: 2.5×3", "whole", 3),
    ("S: n×n symetric", "symetric", 7),
    ("x: n quaternion", "quaternion", 5),
    ("t: scalar matrix", "both", 0),
    (r"\frac{1}{", "unclosed `{`", 8),
    (r"\frac{x'x}", "frac", 0),
    (r"\\\{}}{^_^}\%\$#", "}", 5),
    (r"\foo x", r"\foo", 0),
    (r"\mathbf{x}^12", "one digit", 11),
    (r"\hat{Ax}", "one letter", 0),
    (r"X^{*} \cdot y", "conjugate", 1),
    (r"\sum_{i\in B} x_i", "a set that nothing declares", 0),
    (r"\int x", r"\int", 0),
    (r"\arg\min_x \|Ax-b\|", r"\arg", 0),
    (r"\mathbb{E}[x]", "expectation", 0),
    (r"\frac{d}{dx} x", "d/dx", 0),
    (r"\operatorname{tr} A B", "the whole product", 0),
    (r"a + \ln x^\top x", "the whole product", 4),
    (r"y \odot X w", "the whole product", 8),
    (r"\tan^{-1} x", "arctan", 0),
    (r"\log_3 x", "cannot have this script", 0),
    (r"\sqrt[n]{x}", "index of a root", 0),
    (r"\operatorname*{argmin}_x \|x\|", "argmin", 0),
    (r"\operatorname{rank} X", "rank", 0),
    ("A' * * B", "unexpected `*`", 5),
    ("x.sort() + 1", "no methods", 1),
]

DECLARED = [
    ("A: m×n; b: m", [("A", ("m", "n"), ()), ("b", ("m",), ())]),
    ("A: m x n\nX: 2×3", [("A", ("m", "n"), ()), ("X", ("2", "3"), ())]),
    ("A: mxn; X: 2x3; Y: nx2", [("A", ("m", "n"), ()), ("X", ("2", "3"), ()), ("Y", ("n", "2"), ())]),
    ("S: n×n diagonal positive", [("S", ("n", "n"), ("diagonal", "positive"))]),
    ("x: n positive; y: positive", [("x", ("n",), ("positive",)), ("y", (), ("positive",))]),
    ("t: scalar # a\nh: elementwise", [("t", (), ("scalar",)), ("h", (), ("elementwise",))]),
    ("v: m*n+1; α: scalar", [("v", ("m*n+1",), ()), ("α", (), ("scalar",))]),
    ("A, W₁: n×n", [("A", ("n", "n"), ()), ("W_1", ("n", "n"), ())]),
    ("A: (m+1)*2×n", [("A", ("(m+1)*2", "n"), ())]),
    ("A: (m×n) positive; t: (scalar)", [("A", ("m", "n"), ("positive",)), ("t", (), ("scalar",))]),
    ("A: ℝᵐˣⁿ; z: ℂ^n unit; t: ℝ", [("A", ("m", "n"), ()), ("z", ("n",), ("complex", "unit")), ("t", (), ("scalar",))]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN + LATEX)
def test_tree(text: str, expected: str) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(("text", "message", "place"), REFUSED)
def test_refusals_say_what_and_where(text: str, message: str, place: int) -> None:
    with pytest.raises((ParseError, UnsupportedError)) as caught:
        parse_program(text)
    assert message in str(caught.value)
    assert caught.value.text == text
    assert caught.value.span is not None and caught.value.span[0] == place


@pytest.mark.parametrize(("text", "expected"), DECLARED)
def test_declarations(text: str, expected: list[tuple[str, tuple[str, ...], tuple[str, ...]]]) -> None:
    assert [(d.name, d.dims, d.words) for d in parse_declarations(text)] == expected


@pytest.mark.parametrize("text", ["x'x", "A: m×n; x", "A = 1", "A: n; A: m××n", "A: (m×n", "A: n)", "u: function of x"])
def test_what_is_no_declaration_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_declarations(text)


def test_definitions_and_declarations_of_a_program() -> None:
    program = parse_program("A: m×n; r = A*x - b; s(t) = t/2\n‖r‖²")
    assert [d.name for d in program.declarations] == ["A"]
    assert [(d.name, d.parameter, shown(d.body)) for d in program.definitions] == [
        ("r", "", "(+ (* A x) (neg b))"),
        ("s", "t", "(/ t 2)"),
    ]


def test_declarations_from_elsewhere_tell_calls_from_products() -> None:
    declared = parse_declarations("h: elementwise; K: n×n")
    function = parse_program("h(x) + K(y)", declared=declared).function
    assert function is not None and shown(function) == "(+ (h x) (* K y))"


@pytest.mark.parametrize("text", ["tr(A*X) + ‖x‖² - [a; b]'*c", r"\frac{1}{2}\|Ax-b\|_2^2 + \operatorname{tr}(\hat X)"])
def test_spans_are_places_in_the_text(text: str) -> None:
    function = parse_program(text).function
    assert function is not None and function.span == (0, len(text))
    for node in walk(function):
        start, end = node.span
        assert 0 <= start < end <= len(text)
        if node.head == "name" and "_" not in str(node.value):
            assert text[start:end] == node.value
        for a in node.args:
            assert start <= a.span[0] and a.span[1] <= end


def compiler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("grammar_compile", GRAMMAR / "compile.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_is_in_step_with_the_grammar_and_the_grammar_has_no_conflict() -> None:
    """compile.py runs Lark with strict=True."""
    source = (GRAMMAR / "expression.lark").read_text("utf-8")
    assert (GRAMMAR / "expression.json").read_text("utf-8") == compiler().text(source)
    assert json.loads((GRAMMAR / "expression.json").read_text("utf-8"))["starts"]["expression"] == 0


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("+".join(["x"] * 10_000), 10_001),
        ("*".join(["A"] * 10_000), 19_999),
        (" ".join(["A"] * 10_000), 19_999),
        ("-" * 10_000 + "x", 10_001),
        ("x" + "'" * 10_000, 10_001),
        ("x" + "'^2" * 10_000, 30_001),
        ("(" * 999 + "x" + ")" * 999, 1),
    ],
)
def test_long_and_deep_input_is_read(text: str, nodes: int) -> None:
    function = parse_program(text).function
    assert function is not None and sum(1 for _ in walk(function)) == nodes


@pytest.mark.parametrize("opening", ["(", "[", "{", "sqrt(", r"\sqrt{", r"\frac{1}{", r"\left(", "x^{", "exp(-"])
def test_deeper_nesting_is_refused(opening: str) -> None:
    closing = r"\right)" if opening == r"\left(" else {"(": ")", "[": "]", "{": "}", "-": ")"}[opening[-1]]
    with pytest.raises(MatdiffError, match="nested deeper than"):
        parse_program(opening * 1_500 + "x" + closing * 1_500)


HOSTILE = ["(", "[", "‖", "||", "|", "<", "{", r"\frac{", r"\left(", r"\|", "x^{", "e^{", r"\hat{", r"\mathbf{", "x_{"]
HOSTILE += [
    r"\log ",
    r"\sqrt",
    "^",
    "h(",
    "x[",
    "1 ",
    "a=",
    "a:",
    "²",
    r"\begin{bmatrix}",
    r"\operatorname{",
    "{}",
    "\\",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("size", [99_000, 700_000])
def test_hostile_input_is_refused_in_bounded_work(piece: str, size: int) -> None:
    text = piece * (size // len(piece.encode()))
    with at_most(2_000_000), pytest.raises(MatdiffError) as caught:
        parse_program(text)
    assert len(str(caught.value)) < 1000
