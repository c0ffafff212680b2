"""Formulas as papers and matrixcalculus.org have them: derived, verified, and what is printed read back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from counting import counted

import matdiff as md
from matdiff.text.parser import parse_program

LATEX = [
    (r"\frac{1}{2}\|Ax-b\|_2^2", "x", ""),
    (r"\tfrac12 x^\top A x", "x", ""),
    (r"\frac12 x^T A x - b^T x + c", "x", ""),
    (r"\operatorname{tr}(AXB)", "X", ""),
    (r"\mathrm{tr}\left(X^{-1}A\right)", "X", ""),
    (r"\mathrm{Tr}(X^\top A X)", "X", ""),
    (r"\text{Tr}[X^\top A X]", "X", ""),
    (r"\operatorname{Tr}\bigl(A X\bigr)", "X", ""),
    (r"\log\det X", "X", ""),
    (r"\ln\det X", "X", ""),
    (r"\log \lvert\sigma\rvert", "sigma", ""),
    (r"\log\det(\mathbf{X})", "X", ""),
    (r"-\frac{n}{2}\log\det\Sigma - \frac12\operatorname{tr}(\Sigma^{-1}S)", "Sigma", ""),
    (r"-\frac{1}{2}(x-\mu)^\top\Sigma^{-1}(x-\mu)", "mu", ""),
    (r"-\frac{1}{2}(x-\mu)^\top\Sigma^{-1}(x-\mu)", "x", "mu: n; Sigma: n×n spd"),
    (r"\exp\left(-\frac{1}{2}(x-\mu)^\top\Sigma^{-1}(x-\mu)\right)", "x", "mu: n; Sigma: n×n spd"),
    (r"X^{-\top}", "X", ""),
    (r"\operatorname{tr}(X^{-\top}A)", "X", ""),
    (r"\mathbf{x}^T\mathbf{A}\mathbf{x}", "x", ""),
    (r"\langle S, X\rangle", "X", ""),
    (r"\left\langle S, X\right\rangle", "X", ""),
    (r"\lVert x\rVert_1", "x", ""),
    (r"\left\lVert x\right\rVert_2^2", "x", ""),
    (r"\left\|Ax-b\right\|^2", "x", ""),
    (r"\bigl\|Ax-b\bigr\|^2", "x", ""),
    (r"\Big\|Ax-b\Big\|_2^2", "x", ""),
    (r"\|X\|_F^2", "X", ""),
    (r"\|X\|_{F}^{2}", "X", ""),
    (r"\|X\|_{\mathrm{F}}^{2}", "X", ""),
    (r"\|X\|_{\text{F}}^2", "X", ""),
    (r"\|X\|^2_F", "X", ""),
    (r"\|X\|_*", "X", ""),
    (r"\|x\|_{\infty}", "x", ""),
    (r"A \odot B", "A", ""),
    (r"A \otimes B", "A", ""),
    (r"\mathbf{1}^\top x", "x", ""),
    (r"\mathbf 1^\top x", "x", ""),
    (r"\mathbb{1}^\top x", "x", ""),
    (r"\mathbb 1^T x", "x", ""),
    (r"\boldsymbol{1}_n^\top x", "x", ""),
    (r"\mathbf{1}_n^\top x", "x", ""),
    (r"e^{-\|x\|^2}", "x", ""),
    (r"e^{-x^\top x}", "x", ""),
    (r"\mathrm{e}^{x^\top x}", "x", ""),
    (r"\sqrt{x^\top x}", "x", ""),
    (r"\sqrt{1+\|x\|^2}", "x", ""),
    (r"\sqrt[3]{x^\top x}", "x", ""),
    (r"\sigma(Wx+b)", "x", ""),
    (r"\mathbf{1}^\top\sigma(Wx+b)", "W", ""),
    (r"\exp(a^\top x)", "x", ""),
    (r"W_1 x", "x", ""),
    (r"\hat{y}", "y_hat", ""),
    (r"(y-\hat{y})^\top(y-\hat y)", "y_hat", ""),
    (r"\tilde X", "X_tilde", ""),
    (r"\mathrm{tr}(\tilde X^\top\tilde X)", "X_tilde", ""),
    (r"\boldsymbol\Sigma", "Sigma", ""),
    (r"\boldsymbol\Sigma^{-1}\boldsymbol\mu", "mu", "Sigma: n×n; mu: n"),
    (r"\operatorname{tr}(\boldsymbol\Sigma^{-1} S)", "Sigma", "Sigma: n×n"),
    (r"\left\lvert a^\top x\right\rvert", "x", ""),
    (r"$x^\top A x$", "x", ""),
    (r"$$x^\top A x$$", "x", ""),
    (r"\[x^\top A x\]", "x", ""),
    (r"\(x^\top A x\)", "x", ""),
    (r"f(x) = x^\top A x", "x", ""),
    (r"f(x) = \frac12 x^\top A x - b^\top x", "x", ""),
    (r"f = x^\top A x", "x", ""),
    (r"L(w) = \|Xw - y\|^2", "w", ""),
    (r"\mathcal{L}(w) = \|Xw - y\|^2", "w", ""),
    (r"\mathcal{L} = \|Xw - y\|^2 + \lambda\|w\|^2", "w", ""),
    (r"J(\theta) = \frac{1}{2}\|X\theta - y\|^2", "theta", "theta: n"),
    (r"J(\theta) = \frac{1}{2m}\|X\theta - y\|^2", "theta", "theta: n"),
    (r"\begin{aligned} f(x) &= \|Ax - b\|^2 \\ &\quad + \lambda\|x\|_1 \end{aligned}", "x", ""),
    (r"\begin{align*} \|Ax - b\|^2 \end{align*}", "x", ""),
    (r"\begin{equation} \|Ax - b\|^2 \end{equation}", "x", ""),
    (r"\frac{x^\top A x}{x^\top x}", "x", ""),
    (r"\dfrac{x^\top A x}{x^\top B x}", "x", ""),
    (r"\frac{a^\top x}{\|x\|\|a\|}", "x", ""),
    (r"\frac{1}{1+e^{-w^\top x}}", "w", ""),
    (r"\log(1+e^{-y w^\top x})", "w", "y: scalar"),
    (r"\log\left(1 + \exp(-y\, w^\top x)\right)", "w", "y: scalar"),
    (r"\operatorname{softmax}(Wx)", "x", ""),
    (r"y^\top\log\operatorname{softmax}(Wx)", "W", ""),
    (r"-\mathbf{y}^\top\log(\mathrm{softmax}(\mathbf{W}\mathbf{x}))", "W", ""),
    (r"\operatorname{diag}(x) A", "x", ""),
    (r"\mathrm{diag}(X)^\top a", "X", ""),
    (r"\operatorname{vec}(AXB)", "X", ""),
    (r"\operatorname{vec}(X)^\top (A\otimes B)\operatorname{vec}(X)", "X", ""),
    (r"\det(X)", "X", ""),
    (r"\det X", "X", ""),
    (r"\det X^{-1}", "X", ""),
    (r"\det(X^\top X)", "X", ""),
    (r"\det(A)^{1/2}", "A", ""),
    (r"\operatorname{adj}(X)", "X", ""),
    (r"\tanh(Wx)", "x", ""),
    (r"W_2\,\tanh(W_1 x + b_1) + b_2", "x", ""),
    (r"W_{2}\tanh(W_{1}x+b_{1})+b_{2}", "x", ""),
    (r"\mathbf{W}^{(2)}\sigma(\mathbf{W}^{(1)}x)", "x", ""),
    (r"x^{\prime} A x", "x", ""),
    (r"X^T X", "X", ""),
    (r"X^{\mathsf T} X", "X", ""),
    (r"X^{\mathrm{T}} X", "X", ""),
    (r"X^\dagger b", "X", ""),
    (r"A^{-1} b", "A", ""),
    (r"A^{1/2}", "A", ""),
    (r"A^{-1/2}", "A", ""),
    (r"\Sigma^{-1/2}x", "x", "Sigma: n×n spd"),
    (r"a_i^\top x", "x", ""),
    (r"X_{1,2}", "X", ""),
    (r"\left(\begin{matrix} A & B \\ C & D\end{matrix}\right)", "A", ""),
    (r"\begin{bmatrix} x \\ y \end{bmatrix}^\top A \begin{bmatrix} x \\ y\end{bmatrix}", "x", ""),
    (r"\begin{pmatrix} A & B \end{pmatrix} x", "A", ""),
    (r"I_n - \frac{xx^\top}{x^\top x}", "x", ""),
    (r"\mathbf{I} - x x^\top", "x", ""),
    (r"\mathrm{tr}(\mathbf{I} - xx^\top)", "x", ""),
    (r"\operatorname{tr}(A(I - xx^\top))", "x", ""),
    (r"(X^\top X + \lambda I)^{-1} X^\top y", "lambda", ""),
    (r"\|y - X(X^\top X)^{-1}X^\top y\|^2", "X", ""),
    (r"\max(0, x)", "x", ""),
    (r"\max\{0, 1 - y w^\top x\}", "w", "y: scalar"),
    (r"\max(0, 1 - y\,w^\top x)", "w", "y: scalar"),
    (r"\cos(\theta)", "theta", ""),
    (r"\cos\theta\sin\theta", "theta", ""),
    (r"\sin^2\theta", "theta", ""),
    (r"\sin^{2}(\theta)", "theta", ""),
    (r"\cos^2 x", "x", "x: scalar"),
    (r"\log^2 x", "x", "x: scalar"),
    (r"\operatorname{sgn}(x)", "x", ""),
    (r"\operatorname{sign}(x)", "x", ""),
    (r"\mathrm{ReLU}(Wx)", "x", ""),
    (r"\operatorname{relu}(Wx)", "x", ""),
    (r"\operatorname{logsumexp}(x)", "x", ""),
    (r"\operatorname{LSE}(x)", "x", ""),
    (r"\log(\mathbf{1}^\top \exp(x))", "x", ""),
    (r"\ln(x^\top x)", "x", ""),
    (r"\sqrt x", "x", ""),
    (r"\sqrt2 x", "x", ""),
    (r"\frac{\|x\|_2^2}{2\sigma^2}", "x", ""),
    (r"\frac{1}{2\sigma^2}\|y-X\beta\|^2", "beta", "beta: n"),
    (r"-\frac{n}{2}\log(2\pi\sigma^2) - \frac{1}{2\sigma^2}\|y-X\beta\|^2", "beta", "beta: n"),
    (r"-\frac{n}{2}\log(2\pi\sigma^2) - \frac{1}{2\sigma^2}\|y-X\beta\|^2", "sigma", "beta: p"),
    (r"\pi x", "x", ""),
    (r"\alpha\|x\|_1 + \frac{1-\alpha}{2}\|x\|_2^2", "x", ""),
    (r"x \circ y", "x", ""),
    (r"\|Y - UV^\top\|_F^2", "U", ""),
    (r"\|M\odot(Y - UV^\top)\|_F^2 + \lambda(\|U\|_F^2+\|V\|_F^2)", "U", ""),
    (r"\operatorname{tr}(W^\top S_B W)", "W", ""),
    (r"\frac{w^\top S_B w}{w^\top S_W w}", "w", ""),
    (r"X^{\odot 2}", "X", ""),
    (r"X^{\circ -1}", "X", ""),
    (r"x^{\odot2}", "x", ""),
    (r"x^n", "x", ""),
    (r"t^n", "t", "t: scalar"),
    (r"\overline{x}^\top y", "x_bar", ""),
    (r"\bar{x}^\top y", "x_bar", ""),
    (r"\vec{x}^\top \vec{y}", "x", ""),
    (r"\dot{x}^\top x", "x", ""),
    (r"\lambda_{\max}(A)", "A", "A: n×n symmetric"),
    (r"\lambda_{max}(A)", "A", "A: n×n symmetric"),
    (r"\sigma_{\max}(A)", "A", ""),
    (r"\sigma_1(A)", "A", ""),
    (r"\left[ A x \right]^\top y", "x", ""),
    (r"\{A x\}^\top y", "x", ""),
    (r"(Ax)^\top(By)", "x", ""),
    (r"x^\top\!A\,x", "x", ""),
    (r"x^{\top} A^{\top} A x", "x", ""),
    (r"x^{\top}\mathrm{diag}(w)x", "w", ""),
    (r"\big(x^\top y\big)^2", "x", ""),
    (r"\biggl(\frac{a}{b}\biggr)^2", "a", "a: scalar; b: scalar"),
    (r"\left.x^\top A x\right.", "x", ""),
    (r"2\,x^\top y", "x", ""),
    (r"\text{loss} = x^\top x", "x", ""),
    (r"f(X) = \log\det(X) - \operatorname{tr}(SX)", "X", ""),
    (r"\log\frac{a^\top x}{b^\top x}", "x", ""),
    (r"a^{k}", "a", "a: scalar"),
    (r"A^3", "A", ""),
    (r"\operatorname{tr}A^3", "A", ""),
    (r"\det(A - \lambda I)", "lambda", ""),
    (r"\|x\|_2 \cdot \|y\|_2", "x", ""),
    (r"\|x\|\,\|y\|", "x", ""),
    (r"\tilde{\mathbf{x}}^\top \tilde{\mathbf x}", "x_tilde", ""),
    (r"\boldsymbol{\beta}^{\top}\mathbf{X}^{\top}\mathbf{X}\boldsymbol{\beta}", "beta", ""),
    (r"\beta^\top X^\top X\beta", "beta", "beta: n"),
    (r"\|X\beta - y\|_2^2", "beta", "beta: n"),
    (r"\|y - X\beta\|^2 + \lambda\|\beta\|^2", "beta", "beta: n"),
    (r"\theta^\top x", "theta", ""),
    (r"\mu^\top\mu", "mu", ""),
    (r"\log 2\pi + x^\top x", "x", ""),
    (
        r"-\tfrac{n}{2}\log 2\pi - \tfrac12 \log\det\boldsymbol\Sigma"
        r" - \tfrac12 (\mathbf{x}-\boldsymbol\mu)^\top\boldsymbol\Sigma^{-1}(\mathbf{x}-\boldsymbol\mu)",
        "mu",
        "",
    ),
    (r"f(x, y) = x^\top A y", "x", ""),
    (r"\operatorname{tr}\left((A \otimes B)\right)", "A", ""),
    (r"\|\mathbf{X}\boldsymbol\beta - \mathbf{y}\|_2^2", "beta", ""),
    (r"\operatorname{tr}(\boldsymbol{\Lambda}^{-1}\mathbf{S})", "Lambda", ""),
    (r"\mathbf{1}^\top(y\odot(Xw))", "w", ""),
]

MATRIX_CALCULUS = [
    ("norm2(A*x-y)^2", "x"),
    ("norm2(A*x-y)", "x"),
    ("x'*A*x + c*sin(y)'*x", "x"),
    ("sum(log(exp(-y.*(X*w)) + vector(1)))", "w"),
    ("tr(A*X'*B*X)", "X"),
    ("tr(A*X'*B*X*C)", "X"),
    ("sum((A.*B).^2)", "A"),
    ("sum(x.^2)", "x"),
    ("sum(1./x)", "x"),
    ("sum(a./x)", "x"),
    ("norm1(A*x-y)", "x"),
    ("norm1(x)", "x"),
    ("norminf(x)", "x"),
    ("norminf(A*B)", "A"),
    ("R*e(n,2)", "R"),
    ("log(det(X))", "X"),
    ("log(det(inv(X)))", "X"),
    ("det(X)", "X"),
    ("inv(X)", "X"),
    ("a'*inv(X)*b", "X"),
    ("sum(relu(A*x))", "x"),
    ("sum(abs(x))", "x"),
    ("x'*eye*x", "x"),
    ("tr(X*eye)", "X"),
    ("x'*eye(n)*x", "x"),
    ("sum(matrix(1).*X)", "X"),
    ("vector(1)'*X*vector(1)", "X"),
    ("exp(-x'*x)", "x"),
    ("sum(exp(A*x))", "x"),
    ("sum(tanh(W*x))", "W"),
    ("log(sum(exp(x)))", "x"),
    ("sum(log(x))", "x"),
    ("x'*diag(y)*x", "y"),
    ("diag(x)*y", "x"),
    ("tr(diag(x)*A)", "x"),
    ("norm2(X*Y' - Z)^2", "X"),
    ("norm2(T - X*Y)^2 + c*norm2(X)^2", "X"),
    ("0.5*norm2(A*x-b)^2 + c*norm1(x)", "x"),
    ("w'*w + c*sum(relu(vector(1) - y.*(X*w)))", "w"),
    ("sum(sqrt(x))", "x"),
    ("x'*x/(y'*y)", "x"),
    ("tr(X)", "X"),
    ("tr(X^2)", "X"),
    ("y'*log(x)", "x"),
    ("sum(x.*log(x))", "x"),
    ("x'*adj(A)*x", "A"),
    ("(A*x-b)'*(A*x-b)", "A"),
    ("norm2(x-y)^2/(2*s^2)", "x"),
    ("sum((x+y).^3)", "x"),
    ("cos(x)'*y", "x"),
    ("sum(x.^a)", "x"),
    ("sin(a'*x)", "x"),
    ("tr(A'*X)", "X"),
    ("logdet(X)", "X"),
    ("norm2(X)^2", "X"),
    ("normF(X)^2", "X"),
    ("A*x", "x"),
    ("A.*B", "A"),
    ("x.^2", "x"),
    ("1./x", "x"),
    ("sigmoid(A*x)", "x"),
    ("sum(log(vector(1)+exp(-X*w)))", "w"),
]


def check(text: str, wrt: str, declare: str, dialect: str) -> None:
    d = md.derive(text, wrt=wrt, declare=declare, dialect=dialect)
    answer = d.gradient if d.function.kind == "scalar" else d.jacobian
    verification = d.verify()
    assert verification.passed, verification.reason
    for e in (d.function, d.differential, answer):
        assert md.parse(str(e), declare=d.types) == e, str(e)
        assert md.parse(e.latex(), declare=d.types, dialect="latex") == e, e.latex()


@pytest.mark.parametrize(("text", "wrt", "declare"), LATEX, ids=lambda s: str(s)[:60])
def test_latex(text: str, wrt: str, declare: str) -> None:
    check(text, wrt, declare, "latex")


@pytest.mark.parametrize(("text", "wrt"), MATRIX_CALCULUS, ids=lambda s: str(s)[:60])
def test_matrix_calculus(text: str, wrt: str) -> None:
    check(text, wrt, "", "auto")


def test_there_are_enough_formulas() -> None:
    assert len(LATEX) >= 150 and len(MATRIX_CALCULUS) >= 50


BOLD = {
    r"\boldsymbol\beta^\top \boldsymbol\beta": "beta: n",
    r"\log\det\boldsymbol\Sigma": "Sigma: n×n",
    r"\mathbf{x}^\top\mathbf{\Lambda}\mathbf{x}": "x: n; Lambda: n×n",
    r"\alpha \mathbf{x}^\top \mathbf{x}": "alpha: scalar; x: n",
}


@pytest.mark.parametrize(("text", "types"), BOLD.items())
def test_bold_greek_letters_are_no_scalars(text: str, types: str) -> None:
    assert md.parse(text).types == types


@pytest.mark.parametrize(
    ("text", "wrt", "declare", "name"),
    [
        (r"\|X\beta - y\|_2^2", r"\beta", r"\beta: n", "beta"),
        (r"\mathbf{x}^\top\mathbf{x}", r"\mathbf{x}", r"\mathbf x: n", "x"),
        (r"\hat{y}^\top W_{12} x", "W_{12}", r"\hat{y}: m; W_{12}: m×n", "W_12"),
        (r"\operatorname{tr}(\boldsymbol\Sigma)", r"\boldsymbol\Sigma", r"\boldsymbol\Sigma: n×n", "Sigma"),
    ],
)
def test_names_are_declared_and_chosen_as_they_are_written(text: str, wrt: str, declare: str, name: str) -> None:
    d = md.derive(text, wrt=wrt, declare=declare)
    assert [X.name for X in d.wrt] == [name]
    assert d.gradient == md.derive(text, wrt=name, declare=declare.replace(wrt, name)).gradient


AS = {
    r"x^\top A x": [
        r"x^{\rm T} A x", r"{\bf x}^{\rm T}{\bf A}{\bf x}", r"x^{\mathit T} A x", r"x^{\mathbf{T}} A x",
        r"x^{\textsf{T}} A x", r"x^{\!\mathsf{T}} A x", r"x^{\textup{T}} A x", r"x^{\sf T} A x", r"x^\mathsf T A x",
        r"x^{\boldsymbol{\top}} A x", r"\mathbf{x}^{\!\top} A x", r"x^{\mkern-1.5mu\mathsf{T}} A x", r"x\T A x",
        r"x^\T A x", r"\mathbf {x} ^{\mathsf {T}}\mathbf {A} \mathbf {x}", r"{x}^{T} {A} {x}", r"x^\top A x.",
        r"x^\top A x\,.", r"$$x^\top A x,$$", r"\[x^\top A x\,,\]", r"x^\top A x \tag{3.1}\label{eq:q}",
        r"\begin{equation} \label{eq:f} x^\top A x \nonumber \end{equation}", "x^\\top A % 50\\% of it; x: = 3\n x",
        r"f(x) \triangleq x^\top A x", r"J \coloneqq x^\top A x", r"J(x) \equiv x^\top A x", r"J := x^\top A x",
        r"p(x) \propto x^\top A x", r"f(x) \stackrel{\text{def}}{=} x^\top A x", r"f(x) :\!= x^\top A x",
        r"\log p(x \mid A) = x^\top A x", r"-\ln p(x|A) = x^\top A x", r"f_{A,b}(x, x') = x^\top A x",
        r"{\displaystyle f(\mathbf {x} )=\mathbf {x} ^{\top }\mathbf {A} \mathbf {x} }", r"\boxed{x^\top A x}",
        r"\textcolor{red}{x^\top} A x \qquad (2.1)",
        r"f: \mathbb{R}^n \to \mathbb{R},\quad f(x) = x^\top A x", r"\overbrace{x^\top A x}^{\text{quadratic}}",
        r"\underbrace{x^\top A x}_{=: q(x)}", r"x^{\scriptscriptstyle\mathsf{T}}Ax", r"x^{\mathcal T}Ax",
        r"f\colon x \mapsto x^\top A x", r"x{}^{\top}Ax \;\blacksquare",
    ],
    r"A^{-\top}b": [
        r"A^{\top -1}b", r"A^{-1\top}b", r"A^{-1,\top}b", r"A^{-{\rm T}}b", r"A^{-\mathrm{T}}b",
        r"A^{-1^\top}b", r"A^{T^{-1}}b",
    ],
    r"W_1^\top x": [r"W^{(1)\top}x", r"{\bf W}_1^{\rm T}x", r"{W}_{1}^{\!\top}x", r"W^{[1]\top}x"],
    r"(X^2)^\top": [r"X^{2\top}", r"X^{2\,\mathsf{T}}"],
    r"\operatorname{tr}(AX)": [
        r"{\rm tr}(AX)", r"\rm{tr}(AX)", r"\mathsf{tr}(AX)", r"\mathtt{tr}(AX)", r"\textbf{tr}(AX)", r"\mathbf{Tr}(AX)",
        r"{\mathrm{tr}}(AX)", r"\bf{tr}(AX)", r"{\rm tr(AX)}", r"\mathop{\rm tr}(AX)", r"\mbox{tr}(AX)", r"\Tr{AX}",
        r"\mathop{\mathrm{tr}}\nolimits\left(AX\right)",
    ],
    r"\operatorname{diag}(x)": [r"{\rm diag}(x)", r"\mathbf{diag}(x)", r"{\tt diag}(x)"],
    r"\log(\det(X))": [r"{\rm log}\,{\rm det}(X)", r"\log{\rm det} X"],
    r"\operatorname{sigma}(X,1)": [r"\sigma_1(X)", r"\sigma_{1}\left(X\right)"],
    r"\operatorname{sigma}(X - uv^\top,2)": [r"\sigma_2(X - uv^\top)"],
    r"\operatorname{eye}(n) + A": [r"\mathbf{I}_n + A", r"I_{n\times n} + A", r"{\bf I}_n + A"],
    r"\operatorname{eye}(n) x + y": [r"\mathbf{I}_n x + y", r"I_n x + y", r"{\bf I} x + y", r"\mathbf I x + y"],
    r"\|Ax-b\|^2": [
        r"\norm{Ax-b}_2^2", r"\norm{Ax-b}^2", r"\norm*{Ax-b}^2_2", r"\left|\left|Ax-b\right|\right|_2^2",
        r"\lvert\lvert Ax-b \rvert\rvert^2", r"{\left\Vert Ax-b\right\Vert}_2^2", r"{\|Ax-b\|}_2^{2}",
    ],
    r"\|X\|_F": [r"\norm{X}_{\mathrm F}", r"\|X\|_{\rm F}", r"\|X\|_{\mathrm{HS}}"],
    r"\|X\|_*": [r"\|X\|_{\mathrm{nuc}}", r"\|X\|_{\ast}", r"\norm{X}_*"],
    r"\langle a, x\rangle": [
        r"\inner{a}{x}", r"\ip{a}{x}", r"\innerprod{a}{x}", r"\inner{a,x}", r"\langle a, x\rangle_{\mathrm F}",
    ],
    r"|a^\top x|": [r"\abs{a^\top x}", r"\abs*{a^\top x}"],
    r"\max(x,0)": [
        r"[x]_+", r"(x)_+", r"\left[x\right]_{+}", r"\max\{0, x\}", r"\max\left(x, 0\right)", r"\max\{x,0\}",
    ],
    r"\begin{bmatrix} A & B \\ C & D \end{bmatrix} x": [
        r"\begin{array}{cc} A & B \\ C & D \end{array} x",
        r"\left[\begin{array}{c|c} A & B \\ \hline C & D \end{array}\right] x",
    ],
    r"\frac{x^\top A x}{x^\top x}": [r"{x^\top A x \over x^\top x}"],
    r"\mathrm{x_star}^\top y": [r"x^{\star\top} y", r"{x^\star}^\top y"],
    r"\mathrm{x_kp1} - \mathrm{x_km1}": [r"x_{k+1} - x_{k-1}", r"x^{(k+1)} - x^{(k-1)}"],
    r"\mathrm{P_kgkm1} x": [r"P_{k|k-1} x", r"\mathbf P_{k\mid k-1} x"],
    r"I - A": [r"\mathrm{Id} - A"],
    r"(Ax)_{1}": [r"(Ax)_1"],
    r"\boldsymbol\mu^\top\boldsymbol\Sigma\boldsymbol\mu": [
        r"\boldsymbol{\mu^\top\Sigma\mu}", r"{\bf \mu^\top\Sigma\mu}",
    ],
}  # fmt: skip
"""Spellings of one formula."""


@pytest.mark.parametrize(("text", "same"), [(t, s) for s, texts in AS.items() for t in texts])
def test_spellings(text: str, same: str) -> None:
    assert md.parse(text, dialect="latex") == md.parse(same, dialect="latex")


REFUSED = [
    (r"x^{\rm t} A x", "is this upright t a transpose?", r"Write ^\top for it, ^{t} for the power t."),
    (r"\Sigma^{1/2\top}", "this exponent cannot be read", r"Write one after the other: (X^{1/2})^\top."),
    (r"{}^t x A x", "this superscript stands before its base", r"Write it behind what it belongs to: x^\top."),
    (r"x^{\dagger} A x", "† is the pseudoinverse of a matrix", r"For the transpose write x^\top; for a matrix declare"),
    (r"\psi^\dagger A \psi", "† is the pseudoinverse of a matrix", r"For the transpose write \psi^\top"),
    (r"\mathbf{x}^+ y", "+ is the pseudoinverse of a matrix", r"For the positive part write \max(0, \mathbf{x})"),
    (r"(1 - a^\top x)^+", "^+ is the pseudoinverse of a matrix", r"For the positive part write \max(0, …)"),
    (r"\alpha x_+", "is _+ the positive part?", r"For the positive part write \max(0, x)"),
    (r"(x - x^*)^\top x", "there is no conjugate transpose", r"Write x^\star for a point of that name, x^\top for"),
    (r"\lambda_1(S)", r"is \lambda_1 counted from the largest eigenvalue", r"\operatorname{eigval}(S,1) counts upward"),
    (r"\sigma_{\min}(X)", r"\sigma_{\min} is not in the language", r"Write \sqrt{\lambda_{\min}(X^\top X)}."),
    (r"\sigma_1(Wx)", r"\sigma_1 before a vector", "Declare `sigma_1: elementwise` for a function of vectors; for a"),
    (r"\sigma'(x)", r"\sigma'(…) is a derivative", r"Write \sigma(x) \odot (1 - \sigma(x))"),
    (r"x(t)^\top Q x(t)", "is x(t) a function of t or a product?", r"x \cdot t for a product"),
    (r"\frac{\|x\|^2}{2\ell^2}", r"\ell is not declared", r"Declare `\ell: scalar`, or `\ell: n` for a vector."),
    (r"\mathbf a\cdot\mathbf x", "a product of two vectors", r"Write \mathbf a^\top \mathbf x for the inner product"),
    (r"\|x\|_A^2", "no norm is called ‖·‖_A", r"Write x^\top A x."),
    (r"X^{\mathrm{tr}}X", "is this upright tr a transpose?", r"Write ^\top for it"),
    (r"x^\top A x\Big|_{x=0}", "the value at a point is not read", "Insert it"),
    (r"\operatorname{E}[x^\top A x]", "an expectation is not in the language", "Write the function inside"),
    (r"\mathbf{x}\cdot(\mathbf{A}\mathbf{x})", "a product of two vectors", r"Write \mathbf{x}^\top (…)."),
    (r"\|x\|_4", "no norm is called ‖·‖_4", r"Write \operatorname{sum}(|x|^{\odot 4})^{1/4}."),
    (r"x \leftarrow Ax", r"\leftarrow begins an arrow", "Write the function alone."),
    (r"\|x - \mu\|_{\Sigma^{-1}}^2", "no norm is called", r"Write (x - \mu)^\top \Sigma^{-1} (x - \mu)."),
    (r"\norm{r}^2_{\mathbf{R}^{-1}}", "no norm is called", r"Write r^\top \mathbf{R}^{-1} r."),
    (r"\|\mathbf{x}\|_P", "no norm is called", r"Write \sqrt{\mathbf{x}^\top P \mathbf{x}}, and for its square"),
    (r"\|X\|_{\mathrm{op}}", "no norm is called ‖·‖_op", r"For the spectral norm write \sigma_{\max}(X)."),
    (r"\left\|AX\right\|_{2\to 2}", "no norm is called", r"For the spectral norm write \sigma_{\max}(AX)."),
    (r"\langle x, y\rangle_{\mathcal{H}}", "no inner product has this subscript", r"Write x^\top M y."),
    (r"x \star y", r"unknown LaTeX command \star", r"Write \cdot for a product, \odot for one entry by entry"),
    (r"x + y \propto \alpha z", r"\propto begins a relation", "Write the function alone"),
    (r"\bx^\top \bA \bx", r"unknown LaTeX command \bx", r"a letter in bold, write \mathbf{x}."),
    (r"\fobar{x}", r"unknown LaTeX command \fobar", r"functions are written \operatorname"),
    (r"\opertorname{tr}(X)", r"unknown LaTeX command \opertorname", r"Did you mean \operatorname?"),
    (r"x^\top x \% 2", r"unknown LaTeX command \%", r"Write 0.5 for 50\%."),
    (r"\tfrac{1}{n}\sum (y_i - w^\top x_i)^2", r"this \sum has no index", r"Write \sum_{i=1}^N with the index i below"),
    (r"\sum_{a<b<c} x_a x_b x_c", "what this sum runs over cannot be read", r"Write \sum_{i=1}^N or \sum_{i<j}."),
    (r"\operatorname*{arg\,min}_x \|x\|", "arg min begins an optimisation problem", "Write only the function"),
    (r"\text{minimize} \quad x^\top x", r"\text{minimize} is an optimisation problem", "Write only the function"),
    (r"x^\top x \quad \text{s.t. } Ax = b", r"\text{s.t. } is text", "Leave it out"),
    (r"x^\top x \text{ for all } x", r"\text{ for all } is text", "Leave it out"),
    (r"x^\top x + \mathrm{const}", r"\mathrm{const} is a constant without a name", "its derivative is 0"),
    (r"f(x) = r^\top r, \quad r = Ax - b", "a formula ends at this comma", "definitions stand before it"),
    (r"\begin{split} f &= \|x\|^2 \\ &= x^\top x \end{split}", "this line goes on with `=`", "Write one of the forms"),
    (r"\frac{d f}{d x}", "d/dx is what is computed", "Write the function alone"),
    (r"X_{\cdot j}^\top y", "this subscript cannot be read", "Columns are written X_{:,1}"),
    (r"A^{\#}b", "unexpected character", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED, ids=[r[0] for r in REFUSED])
def test_refusals(text: str, message: str, hint: str) -> None:
    with pytest.raises(md.MatdiffError) as caught:
        md.parse(text, dialect="latex")
    assert message in str(caught.value) and hint in (caught.value.hint or "") and "^" in str(caught.value)


KEPT = {
    r"x^{t} A x": ("", "xᵀ A x"),
    r"x^{t} A x + t": ("t: scalar; x: scalar; A: scalar", "x^t A x + t"),
    r"A^\dagger b": ("", "pinv(A) b"),
    r"x^\dagger b": ("x: m×n; b: m", "pinv(x) b"),
    r"\lambda_1(x^\top x - 1) + x^\top x": ("", "lambda₁ (xᵀ x − 1) + xᵀ x"),
    r"\sigma_1(X)": ("sigma_1: scalar", "sigma₁ X"),
    r"W_2\sigma_1(W_1 x)": ("sigma_1: elementwise", "W₂ sigma_1(W₁ x)"),
    r"\kappa(X)": (r"\kappa: scalar", "kappa X"),
    r"\Gamma(x y^\top)": ("", "Gamma (x yᵀ)"),
    r"\ell^2 x": (r"\ell: scalar; x: n", "ell² x"),
    r"\mathbf{TR}": ("", "T R"),
    r"\mathbf{Ax}": ("", "A x"),
    r"f(x)": ("f: elementwise; x: n", "f(x)"),
}


@pytest.mark.parametrize("text", KEPT)
def test_readings_that_stay(text: str) -> None:
    declare, plain = KEPT[text]
    assert str(md.parse(text, declare=declare, dialect="latex")) == plain


MANY = [
    r"\rm ", r"{\bf ", r"\norm{", r"\underbrace{x}_{", "[x]_+", "(", r"\{", r"\left[", "x_{k+1}", r"x^{(1)\top}", "{}",
    r"{a \over ", r"\sigma_1(X", r"\|x\|_{A", r"\label{", "%", r"\equiv ", "+;", r"x \triangleq ", r"\text{a ", "f(x)",
    r"\{x\}_+", r"\mathbf{\mathbf{", r"\quad (1) ", r"\begin{array}{", r"\inner{a}", r"\stackrel{", "., ",
    r"\cdot\mathbf x", "(x)_1", r"\tran", "{x", "x^", "x_",
]  # fmt: skip


@pytest.mark.parametrize("part", MANY)
def test_long_texts_take_linear_work(part: str, full: Callable[[int, int], int]) -> None:
    def work(length: int) -> int:
        with counted() as count, contextlib.suppress(md.MatdiffError):
            parse_program("x " + part * (length // len(part)), "latex")
        return count.calls

    long = full(12_000, 24_000)
    assert work(long) < 2.1 * work(long // 2) + 10_000
