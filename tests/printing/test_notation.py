"""Printing: the exact text of typical expressions, reading it back, and sizes at which recursion would fail."""

from __future__ import annotations

import subprocess
import sys

import pytest
from counting import at_most

import matdiff as md
from matdiff.core.node import Node, symbol
from matdiff.core.op import Op, registry
from matdiff.core.shape import Dim
from matdiff.ops.algebra import add, hadamard, matmul, scale, transpose
from matdiff.ops.constants import ones
from matdiff.printing import length, to_latex, to_text
from matdiff.printing.names import ascii_name, latex_name, unicode_name
from matdiff.printing.tables import template

DECLARED = (
    "A: n×n; B: n×n; X: n×n; C: m×n; S: n×n symmetric; W_1: n×n; x: n; b: n; y_hat: n; w_2: n; "
    "v: 6; t: scalar; s: scalar; lambda: scalar; K: n×n"
)

# what is read | Unicode | ASCII | LaTeX
CASES = r"""
2*A'*(A*x - b)            | 2Aᵀ(A x − b)            | 2*A'*(A*x - b)            | 2A^{\top}(Ax - b)
(A + A')*x/2 + b          | ½(A + Aᵀ) x + b         | (A + A')*x/2 + b          | \tfrac{1}{2}(A + A^{\top})x + b
2*A*x/(x'*A*x)            | 2A x/(xᵀ A x)           | 2*A*x/(x'*A*x)            | \frac{2Ax}{x^{\top}Ax}
x/norm(x)                 | x/‖x‖                   | x/norm(x)                 | \frac{x}{\lVert x\rVert}
norm(x)^2*x               | ‖x‖² x                  | norm(x)^2*x               | \lVert x\rVert^{2}x
norm(norm(x)*x)           | ‖norm(x) x‖             | norm(norm(x)*x)           | \lVert \lVert x\rVert x\rVert
det(t*I - A)*tr(inv(A))   | det(t I − A) tr(A⁻¹)    | det(t*I - A)*tr(inv(A))   | \det(tI - A)\operatorname{tr}(A^{-1})
-inv(X)'*x*b'*inv(X)'     | −X⁻ᵀ x bᵀ X⁻ᵀ           | -inv(X)'*x*b'*inv(X)'     | -X^{-\top}xb^{\top}X^{-\top}
1 .- tanh(W_1*x)          | 1 .- tanh(W₁ x)         | 1 .- tanh(W_1*x)          | \mathbf{1}_{n} - \tanh(W_{1}x)
tanh(x).^2                | tanh(x).^2              | tanh(x).^2                | \tanh(x)^{\odot 2}
x .- 3                    | x .- 3                  | x .- 3                    | x - 3\mathbf{1}_{n}
ones(n)*x'                | ones(n) xᵀ              | ones(n)*x'                | \mathbf{1}_{n}x^{\top}
x .* sigmoid(-x .* (A*b)) | x ⊙ σ(−x ⊙ (A b))       | x .* sigmoid(-x .* (A*b)) | x \odot \sigma(-x \odot (Ab))
A.*B*X                    | (A ⊙ B) X               | (A .* B)*X                | (A \odot B)X
A.*(B*X)                  | A ⊙ (B X)               | A .* (B*X)                | A \odot (BX)
A.*B.*X                   | A ⊙ B ⊙ X               | A .* B .* X               | A \odot B \odot X
A*(B*x)                   | A (B x)                 | A*(B*x)                   | A(Bx)
(A*x)*(B*x)'              | A x (B x)ᵀ              | A*x*(B*x)'                | Ax(Bx)^{\top}
(x'*b)*A*x                | (xᵀ b) A x              | (x'*b)*A*x                | (x^{\top}b)Ax
2*x'*A*x                  | 2xᵀ A x                 | 2*x'*A*x                  | 2x^{\top}Ax
x ./ b                    | x ./ b                  | x ./ b                    | x \oslash b
2 ./ x.^3                 | 2 ./ x.^3               | 2 ./ x.^3                 | 2 \oslash x^{\odot 3}
1 ./ sqrt(x)              | 1 ./ sqrt(x)            | 1 ./ sqrt(x)              | 1 \oslash \sqrt{x}
1/sqrt(t)                 | 1/sqrt(t)               | 1/sqrt(t)                 | \frac{1}{\sqrt{t}}
t^2 + 1/t^2 + t^(2/3)     | t² + 1/t² + t^(2/3)     | t^2 + 1/t^2 + t^(2/3)     | t^{2} + \frac{1}{t^{2}} + t^{2/3}
(t + 1)^(s + 1)           | (t + 1)^(s + 1)         | (t + 1)^(s + 1)           | (t + 1)^{s + 1}
2/3*A - A/3               | 2/3 A − A/3             | 2/3*A - A/3               | \tfrac{2}{3}A - \tfrac{1}{3}A
x/2 - A*x/(2*t)           | ½ x − A x/(2t)          | x/2 - A*x/(2*t)           | \tfrac{1}{2}x - \frac{Ax}{2t}
0.1*x + 1e-7*b            | 0.1x + 1e-07 b          | 0.1*x + 1e-07*b           | 0.1x + 1 \cdot 10^{-7}b
2*exp(t)                  | 2 exp(t)                | 2*exp(t)                  | 2\exp(t)
X^3 + X^-2 + (X^2)'       | X³ + X⁻² + (X²)ᵀ        | X^3 + X^-2 + (X^2)'       | X^{3} + X^{-2} + (X^{2})^{\top}
inv(X')                   | (Xᵀ)⁻¹                  | inv(X')                   | (X^{\top})^{-1}
<A, B>*X                  | ⟨A, B⟩ X                | <A, B>*X                  | \langle A, B\rangle X
kron(A*B, eye(n))         | (A B) ⊗ eye(n)          | kron(A*B, eye(n))         | (AB) \otimes I_{n}
A + 2*I                   | A + 2I                  | A + 2*I                   | A + 2I
t*eye(n)                  | t eye(n)                | t*eye(n)                  | tI_{n}
x[1]*A[1,2]               | x[1] A[1,2]             | x[1]*A[1,2]               | [x]_{1}A_{1,2}
inv(A)[1,2]               | inv(A)[1,2]             | inv(A)[1,2]               | (A^{-1})_{1,2}
w_2[1]                    | w₂[1]                   | w_2[1]                    | [w_{2}]_{1}
(A*B)[1:2,2:3]            | (A B)[1:2,2:3]          | (A*B)[1:2,2:3]            | (AB)_{1:2,2:3}
[A, B; B, A] | [A, B; B, A] | [A, B; B, A] | \begin{bmatrix} A & B \\ B & A \end{bmatrix}
[x; b]                    | [x; b]                  | [x; b]                    | \begin{bmatrix} x \\ b \end{bmatrix}
pinv(A)*x                 | pinv(A) x               | pinv(A)*x                 | A^{+}x
lambda*y_hat              | lambda y_hat            | lambda*y_hat              | \lambda\hat{y}
K*(A + B)                 | K·(A + B)               | K*(A + B)                 | K(A + B)
A*dX*B                    | A dX B                  | A*dX*B                    | A\mathrm{d}XB
e(n,2)*x'                 | e(n,2) xᵀ               | e(n,2)*x'                 | \operatorname{e}(n, 2)x^{\top}
unvec(v, 2, 3)            | unvec(v, 2, 3)          | unvec(v, 2, 3)            | \operatorname{unvec}(v, 2, 3)
n*x'*x                    | n xᵀ x                  | n*x'*x                    | nx^{\top}x
-(A + B)*x - b            | −(A + B) x − b          | -(A + B)*x - b            | -(A + B)x - b
r = A*x - b; 2*A'*r       | r = A x − b; 2Aᵀ r      | r = A*x - b; 2*A'*r       | r = Ax - b;\quad 2A^{\top}r
"""


ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in CASES.strip().splitlines()]


@pytest.mark.parametrize(("source", "text", "plain", "latex"), ROWS, ids=[row[0] for row in ROWS])
def test_prints_as_a_person_writes_and_reads_back(source: str, text: str, plain: str, latex: str) -> None:
    e = md.parse(source, declare=DECLARED)
    assert (e.text(), e.text(ascii=True), e.latex()) == (text, plain, latex)
    for printed in (text, plain):
        again = md.parse(printed, declare=DECLARED)
        assert again == e
        assert str(again) == text


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("A", 1),
        ("A'", 2),
        ("2*A*x", 3),
        ("(A + B)*x", 5),
        ("A*x + B*x", 5),
        ("inv(A)*b", 3),
        ("x ./ b", 3),
        ("A[1,2]", 4),
    ],
)
def test_length_counts_symbols(text: str, symbols: int) -> None:
    assert length(md.parse(text, declare=DECLARED).node) == symbols


def test_definitions_can_be_left_out() -> None:
    e = md.parse("r = A*x - b; 2*A'*r", declare=DECLARED)
    assert to_text(e.node, defined=False) == "2Aᵀ r"
    assert to_latex(e.node, defined=False) == "2A^{\\top}r"


@pytest.mark.parametrize(
    ("name", "text", "plain", "latex"),
    [
        ("W_1", "W₁", "W_1", "W_{1}"),
        ("x1", "x1", "x1", r"\mathrm{x1}"),
        ("lambda", "lambda", "lambda", r"\lambda"),
        ("λ", "λ", "lambda", r"\lambda"),
        ("Omega", "Omega", "Omega", r"\Omega"),
        ("y_hat", "y_hat", "y_hat", r"\hat{y}"),
        ("X_tilde", "X_tilde", "X_tilde", r"\tilde{X}"),
        ("x_prime", "x_prime", "x_prime", r"x_{\mathrm{prime}}"),
        ("Sig", "Sig", "Sig", r"\mathrm{Sig}"),
        ("A_max", "A_max", "A_max", r"A_{\mathrm{max}}"),
    ],
)
def test_names(name: str, text: str, plain: str, latex: str) -> None:
    assert (unicode_name(name), ascii_name(name), latex_name(name)) == (text, plain, latex)


def test_templates_of_all_records_can_be_read() -> None:
    broken = []
    for op in registry.values():
        try:
            template(op.latex or "{0}")
        except ValueError:
            broken.append(op.name)
    assert broken == []


N = Dim.of("n")
DEEP = 2_500


def factor(i: int) -> Node:
    return symbol(f"A_{i % 50}", "matrix", N, N)


def left_product() -> Node:
    node = factor(0)
    for i in range(DEEP):
        node = matmul(node, factor(i))
    return node


def right_product() -> Node:
    node: Node = symbol("x", "vector", N)
    for i in range(DEEP):
        node = matmul(factor(i), node)
    return node


def nested_calls() -> Node:
    node: Node = symbol("x", "vector", N)
    for _ in range(DEEP):
        node = registry["exp"](node)
    return node


def nested_sums() -> Node:
    x = symbol("x", "vector", N)
    node: Node = transpose(x)
    for i in range(DEEP):
        node = scale(symbol(f"s_{i % 9}", "scalar"), transpose(add(x, transpose(node))))
    return node


def doubling() -> Node:
    """Written out it has more symbols than there are atoms."""
    node: Node = symbol("x", "vector", N)
    for _ in range(DEEP):
        node = add(hadamard(node, node), ones("vector", N))
    return node


def scalars() -> Node:
    node: Node = symbol("t", "scalar")
    for i in range(DEEP):
        node = scale(node, symbol(f"s_{i % 50}", "scalar"))
    return node


@pytest.mark.parametrize("build", [left_product, right_product, nested_calls, nested_sums, doubling, scalars])
def test_deep_expressions_print_in_linear_size(build) -> None:  # type: ignore[no-untyped-def]
    node = build()
    with at_most(1_500 * DEEP):
        assert len(to_text(node)) < 60 * DEEP
        assert len(to_latex(node)) < 90 * DEEP
        assert length(node) >= DEEP
        assert len(repr(node)) <= 400


@pytest.mark.parametrize("build", [right_product, nested_calls, nested_sums, doubling, scalars])
def test_large_expressions_read_back_from_their_parts(build, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(globals(), "DEEP", 600)
    node = build()
    text = to_text(node)
    assert "P₁ = " in text
    declared = [f"A_{i}: n×n" for i in range(50)] + [f"s_{i}: scalar" for i in range(50)]
    again = md.parse(text, declare="; ".join([*declared, "x: n", "t: scalar"]))
    assert again == md.Expr(node)


def test_gradient_of_a_long_chain_is_linear_in_text() -> None:
    def size(k: int) -> int:
        names = ["X" if i % 2 else f"A_{i}" for i in range(k)]
        declared = "; ".join(["X: n×n", *(f"{a}: n×n" for a in names if a != "X")])
        return len(str(md.derive(f"tr({'*'.join(names)})", wrt="X", declare=declared).gradient))

    assert size(400) < 2.6 * size(200)


def test_markers_and_unknown_functions() -> None:
    A, x = symbol("A", "matrix", N, N), symbol("x", "vector", N)
    pairing = Op("pairing", "(...),(...)->()", ()).build((A, A))
    assert (to_text(pairing), to_text(pairing, ascii=True)) == ("⟨A, A⟩", "<A, A>")
    d = Op("d", "(...)->(...)", (), lambda args, params: ("vector", N, Dim.of(1))).build((matmul(A, x),))
    assert (to_text(d), to_latex(d), to_latex(d.op.build((x,)))) == ("d(A x)", r"\mathrm{d}(Ax)", r"\mathrm{d}x")
    h = Op("h'", "(...)->(...)", (), lambda args, params: ("vector", N, Dim.of(1))).build((x,))
    assert (to_text(h), to_latex(h)) == ("h'(x)", "h'(x)")


def test_limit_elides() -> None:
    node = md.parse("A*x + b", declare=DECLARED).node
    assert to_text(node, limit=5) == "A x …"
    assert to_text(node, limit=5, ascii=True) == "A*..."
    assert to_text(node, limit=7) == "A x + b"


def test_names_of_parts_avoid_the_variables() -> None:
    P = symbol("P_1", "vector", N)
    node: Node = P
    for _ in range(12):
        node = add(hadamard(node, node), P)
    assert to_text(node).startswith("Q₁ = ")


def test_import_is_light() -> None:
    code = "import sys, matdiff.printing; print([m for m in ('numpy', 'sympy', 'lark', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_kernel_matrix_in_many_places_is_named_once():
    gradient = md.derive("y'*inv(exp(-(X*X')/(2*l^2)) + s*I)*y", wrt="l", declare="l: scalar; s: scalar").gradient
    text = gradient.text(ascii=True)
    assert text.count("exp(") == 1
    assert text.startswith("P_1 = exp(-X*X'/(2*l^2)); ")
    assert md.parse(text, declare="l: scalar; s: scalar").kind == "scalar"
