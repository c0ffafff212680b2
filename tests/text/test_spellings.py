"""Functions by other names, other notations, and plain words inside LaTeX: read as what was typed, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matdiff as md
from matdiff.core import op
from matdiff.errors import MatdiffError
from matdiff.text.parser import parse_program
from matdiff.text.tokens import GREEK
from matdiff.text.tree import Tree, walk

ALIASES = sorted(a for a in op.spellings if a[0] != "." and op.spellings[a] != "?")
WORDS = sorted(
    {w for w in op.words if len(w) > 1} | {*ALIASES, "max", "eye", "ones", "zeros", "rank", "min"} - {"sigma"}
)
WORDS += ["Tr", "Trace", "Det", "Log", "Exp", "Mean"]
ARGUMENTS = [
    "{}(X)",
    "{}[X]",
    r"{}\left(X\right)",
    r"{}\bigl(X\bigr)",
    "{} X",
    r"{} \Sigma",
    "{}{{X}}",
    "{}X",
    "{}(X, Y)",
]
AROUND = [r"{} + \alpha", r"\lambda {}", r"\frac12{}", r"2{}\beta", r"x{} + \alpha", r"\lambda*{}", r"({})^{{2}}"]
NAMES = {"X", "Y", "x", "Sigma", "alpha", "beta", "lambda"}


@pytest.mark.parametrize("word", WORDS)
def test_a_function_in_latex_never_falls_apart_into_letters(word: str) -> None:
    """Read as the function, or refused by its name."""
    for form in ARGUMENTS:
        if form == "{}X" and word[-2] == "_":
            continue  # lu_LX is l u_L X, or a name
        for around in AROUND:
            text = around.format(form.format(word))
            try:
                function = parse_program(text).function
            except MatdiffError as error:
                assert word.lower() in str(error).lower(), text
                continue
            assert function is not None
            assert {str(t.value) for t in walk(function) if t.head == "name"} - {word} <= NAMES, text


def shown(tree: Tree) -> str:
    texts: dict[Tree, str] = {}
    for t in walk(tree):
        texts[t] = f"({t.head} {t.value} {' '.join(texts[a] for a in t.args)})"
    return texts[tree]


@pytest.mark.parametrize("word", WORDS)
def test_a_call_in_latex_is_the_call_in_plain_text(word: str) -> None:
    for arguments in ("X", "X, Y", "X, 2"):
        trees = []
        for text in (f"{word}({arguments}) + a", rf"{word}({arguments}) + \mathbf a"):
            try:
                trees.append(shown(parse_program(text).function or Tree("name")))
            except MatdiffError:
                trees.append("refused")
        assert trees[0] == trees[1] or ("refused" in trees and word in ("min", "rank", "Mean", "kron")), word


@pytest.mark.parametrize("alias", [a for a in op.spellings if op.spellings[a] != "?"])
def test_every_spelling_is_what_its_record_says(alias: str) -> None:
    """Each hole of an expression stands in it once, so that long texts stay short."""
    meant = op.spellings[alias]
    holes = re.findall(r"\{(\d)\}", meant)
    assert sorted(holes) == [str(i) for i in range(len(holes))]
    assert alias not in op.words
    first = ["x", "y"]
    arguments = first[: len(holes) or 1]
    typed = f"x{alias}({', '.join(arguments[1:])})" if alias[0] == "." else f"{alias}({', '.join(arguments)})"
    written = re.sub(r"\{(\d)\}", lambda m: first[int(m[1])], meant) if holes else f"{meant}({', '.join(arguments)})"
    assert shown(parse_program(typed).function) == shown(parse_program(written).function)  # type: ignore[arg-type]


def test_a_declared_name_is_no_spelling() -> None:
    assert str(md.parse("ln'*cot", declare="ln: n; cot: n")) == "lnᵀ cot"
    assert str(md.parse(r"\alpha trans'*x", declare="trans: n; x: n")) == "alpha transᵀ x"


@pytest.mark.parametrize("greek", sorted(GREEK - {"sigma", "pi"}))
def test_a_greek_letter_is_no_spelling(greek: str) -> None:
    assert str(md.parse(f"{greek}*x'*(x + y)", declare=f"{greek}: scalar")) == f"{greek} xᵀ(x + y)"
    if greek not in op.words:
        assert md.parse(f"{greek}(x + y)") == md.parse(f"{greek}*(x + y)")
    assert str(md.parse(f"{greek}[1,2]*x'*x", declare=f"{greek}: n×n")) == f"{greek}[1,2] xᵀ x"


def test_a_function_of_ones_own_goes_before_a_spelling() -> None:
    md.elementwise("logistic", "1/(1 + 2*exp(-t))")
    try:
        for text in ("logistic(x)", r"\alpha logistic(x) - (\alpha - 1) logistic(x)"):
            found = md.parse(text).evaluate(x=np.zeros(2), **({"alpha": 3.0} if "alpha" in text else {}))
            np.testing.assert_allclose(found, 1 / 3)
    finally:
        md.forget("logistic")
    np.testing.assert_allclose(md.parse("logistic(x)").evaluate(x=np.zeros(2)), 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "l*n*t*r*x",
        "t*r*A",
        "T*R*A",
        "r*T*A*x",
        "d*e*t*A",
        "l*o*g*(x+y)",
        "t*r*(x+y)",
        "x*y'*x",
        "L*n*x",
        "m*u*x",
        "A*x*y'",
    ],
)
def test_letters_that_spell_a_word_are_printed_apart(text: str) -> None:
    vectors = {"x", "y"}
    names = sorted(set(re.findall(r"[A-Za-z]", text)))
    declare = "; ".join(f"{c}: p" if c in vectors else f"{c}: p×p" if c in "ATRL" else f"{c}: scalar" for c in names)
    found = md.parse(text, declare=declare)
    assert md.parse(found.latex(), declare=found.types, dialect="latex") == found, found.latex()


RNG = np.random.default_rng(7)
ARRAYS: dict[str, Any] = {
    "A": RNG.normal(size=(3, 3)) + 3 * np.eye(3),
    "B": RNG.normal(size=(3, 3)),
    "S": np.diag([2.0, 3.0, 4.0]) + 0.1,
    "x": RNG.uniform(0.5, 2, size=3),
    "b": RNG.uniform(0.5, 2, size=3),
    "t": 1.7,
}
TYPES = "A: n×n; B: n×n; S: n×n spd; x: n; b: n; t: scalar"

NUMPY = [
    "A @ x", "x**2", "t**2", "np.linalg.norm(A@x-b)**2", "x.T @ A @ x", "x @ A @ x", "x @ b", "x @ A", "A @ B @ x",
    "np.linalg.inv(A) @ b", "np.linalg.solve(A, b)", "np.trace(A @ B)", "A.transpose() @ x", "np.transpose(A) @ x",
    "A.T.dot(B).trace()", "np.dot(A, x)", "np.dot(x, b)", "A.dot(B).sum()", "np.linalg.det(A)", "np.outer(x, b)",
    "np.sum(np.log(1 + np.exp(-(A @ x))))", "np.exp(-x @ x / 2)", "np.log(x).sum()", "np.mean((A @ x - b)**2)",
    "np.sum(A**2)", "np.multiply(A, B)", "np.kron(A, B)", "np.sum(np.maximum(A @ x, 0))", "np.abs(x - b).sum()",
    "np.linalg.matrix_power(A, 3)", "np.linalg.pinv(A)", "np.diag(x) @ A", "np.diag(A) @ x", "np.tanh(A @ x)",
    "1/(1 + np.exp(-x))", "np.vdot(x, b)", "2*x - t*b", "-x**2", "2**t", "t**-1", "x**0.5", "np.square(A).mean()",
    "np.add(x, b) @ np.subtract(x, b)", "np.log1p(x) + np.expm1(b)", "np.log10(x) - np.log2(b)", "np.pi * x",
    "np.linalg.cond(A)", "np.linalg.eigvalsh(S)", "np.identity(3) @ x", "np.arctan(x) @ np.arcsin(b/4)",
    "np.power(x, 3)", "np.negative(x)", "np.sqrt(x @ x)", "np.sign(x - b)", "np.linalg.cholesky(S)",
]  # fmt: skip
REFUSED_IN_NUMPY = {"np.linalg.cholesky(S)"}
"""Readable, but not in every module: SciPy's factor is the upper one."""


@pytest.mark.parametrize("text", NUMPY)
def test_numpy_means_what_numpy_computes(text: str) -> None:
    if text in REFUSED_IN_NUMPY:
        with pytest.raises(MatdiffError):
            md.parse(text, declare=TYPES)
        return
    expected = eval(text, {"np": np, **ARRAYS})
    found = md.parse(text, declare=TYPES.replace("n", "3") if "identity" in text else TYPES)
    np.testing.assert_allclose(found.evaluate(**{v.name: ARRAYS[v.name] for v in found.variables}), expected)


TORCH = [
    "torch.trace(A @ B)", "torch.linalg.norm(A @ x - b)**2", "torch.logdet(S)", "torch.det(A)", "A.mm(B)", "A.mv(x)",
    "torch.sigmoid(A @ x)", "torch.softmax(x, 0)", "torch.relu(A @ x - 1).sum()", "A.t() @ x", "A.T.inverse()",
    "torch.matmul(A, x)", "torch.dot(x, b)", "torch.mul(A, B)", "torch.matrix_exp(S)", "torch.erf(x)", "A.mul(B)",
    "torch.nn.functional.softplus(A @ x)", "x.pow(2).sum()", "x.exp().log() @ b", "torch.outer(x, b)", "A.diagonal()",
]  # fmt: skip


@pytest.mark.parametrize("text", TORCH)
def test_torch_means_what_torch_computes(text: str) -> None:
    torch = pytest.importorskip("torch")
    given = {name: torch.as_tensor(a, dtype=torch.float64) for name, a in ARRAYS.items()}
    expected = eval(text, {"torch": torch, **given}).numpy()
    try:
        found = md.parse(text, declare=TYPES)
    except MatdiffError:
        assert ", 0)" in text or "- 1)" in text, "only axes and sums of a matrix and a number are refused"
        return
    np.testing.assert_allclose(found.evaluate(**{v.name: ARRAYS[v.name] for v in found.variables}), expected, rtol=1e-6)


OTHERS = {
    "Tr[A.X.B]": "tr(A*X*B)",
    "Transpose[A].x": "A'*x",
    "x.A.x": None,
    "Norm[x]^2 + x.A.x": "norm(x)^2 + x'*A*x",
    "Norm[A]": None,
    "Log[Det[A]] - Tr[Inverse[A]]": "log(det(A)) - tr(inv(A))",
    "Tr[A.T.B]": None,
    "Tr[A*B]": None,
    "Tr[A B]": None,
    "Tr[A^2]": None,
    "Mean[A]": None,
    "MatrixExp[A].x": "expm(A)*x",
    "KroneckerProduct[A, B]": "kron(A,B)",
    "exp.(x) + log.(x)": "exp(x) + log(x)",
    "tr.(A)": None,
    "LinearAlgebra.tr(A*B)": "tr(A*B)",
    "dot(x, y)": "x'*y",
    "dot(A, B)": None,
    "opnorm(A)": "sigma_max(A)",
    "A.'*x": "A'*x",
    "trace(A)": "tr(A)",
    "A\\b": "inv(A)*b",
    "X**2": None,
    "tr(X**2)": None,
    "A*B@x": None,
    "x*y@A": "A'*(x.*y)",
    "np.trace(A*B)": None,
    "y*(A@x)": "y.*(A*x)",
    "x[0] + x@y": None,
    "A[1,:] @ x": None,
    "x @ x.T": None,
    "x**2**3": None,
    "np.max(x, 0)": None,
    "np.linalg.eigvals(A)": None,
    "np.linalg.norm(x, 1)": "norm1(x)", "norm(x, inf)": "norminf(x)", "norm(x,2)": "norm(x)", "norm(x,3)": None,
    "np.sum(A, axis=0)": "colsum(A)", "np.sum(A, 0)": None, "A.sum(1)": None, "torch.softmax(A, 1)": None,
    "np.mean(A, axis=1)": "rowmean(A)", "np.maximum(x, 0)": "relu(x)", "np.maximum(x, y)": "max(x, y)",
    "x.flatten()": None,
    "scipy.stats.skew(x)": None,
    "np.linalg.slogdet(A)": None,
    "A.foo(x)": None,
    "np.e": None,
    "ln(x)": "log(x)", "cot(x)": "1 ./ tan(x)", "sec(x)": "1 ./ cos(x)", "csc(x)": "1 ./ sin(x)",
    "arcsin(x) + arccos(x) + arctan(x)": "asin(x) + acos(x) + atan(x)", "cofactor(A)": "cof(A)",
    "adjugate(A)": "adj(A)", "Trace(A)": "tr(A)", "Tr(A)": "tr(A)", "transpose(A)": "A'", "logistic(x)": "sigmoid(x)",
    "sumsqr(x)": "sum(x.^2)", "logabsdet(A)": "log(abs(det(A)))", "inverse(A)": "inv(A)", "determinant(A)": "det(A)",
    "log det A": "log(det(A))", "2 ln det A - tr A'": "2*log(det(A)) - tr(A')", "log(det A)": "log(det(A))",
    "exp x": "exp(x)", "tr A B": None, "log x/2": None, "sqrt x'*x": None, "inv A*x": None, "log |A|": None,
}  # fmt: skip
"""What is typed, and what is the same here; None where it is refused."""


@pytest.mark.parametrize("text", OTHERS)
def test_other_notations(text: str) -> None:
    same = OTHERS[text]
    if same is None:
        with pytest.raises(MatdiffError) as caught:
            md.parse(text)
        assert caught.value.hint
    else:
        assert md.parse(text) == md.parse(same)


MIXED = {
    r"tr(A X^\top)": "tr(A*X')",
    r"det(X)+\alpha": "det(X) + alpha",
    r"Tr(A X)\alpha": "tr(A*X)*alpha",
    r"tr(X^\top A X) + \lambda tr(X)": "tr(X'*A*X) + lambda*tr(X)",
    r"inv(A) x \alpha": "inv(A)*x*alpha",
    r"vec(X)^\top vec(X)": "vec(X)'*vec(X)",
    r"exp(-\frac12 x^\top A x)": "exp(-x'*A*x/2)",
    r"\mathbf{w}^T x + ln 2": "w'*x + log(2)",
    r"log(x^\top A x)": "log(x'*A*x)",
    r"\frac12 norm(Ax-b)^2": "norm(A*x-b)^2/2",
    r"max(0, 1 - x^\top y)": "max(0, 1 - x'*y)",
    r"\lambda sum(x)": "lambda*sum(x)",
    r"\lambda*norm(x)^2": "lambda*norm(x)^2",
    r"\alpha*x'*x": "alpha*x'*x",
    r"sum(x \odot y)": "sum(x.*y)",
    "exp(-x'*x/{2})": "exp(-x'*x/2)",
    "norm(x)^{2}": "norm(x)^2",
    r"norm(\alpha*x)^2": "norm(alpha*x)^2",
    r"\frac12 x'*x + lambda*norm(x)^2": "x'*x/2 + lambda*norm(x)^2",
    r"\alpha x1'*A*x1": "alpha*x1'*A*x1",
    r"\alpha x.T*x": "alpha*x'*x",
    r"\alpha*A[1,2] + \beta*x[1]": "alpha*A[1,2] + beta*x[1]",
    r"\alpha*lambda_1*x": "alpha*lambda_1*x",
    r"\alpha*x'*(A\b)": "alpha*x'*(A\\b)",
    r"\lambda*np.linalg.norm(A@x-b)**2": "lambda*norm(A*x-b)^2",
    r"\beta*e^(x'*x)": "beta*exp(x'*x)",
    r"\alpha trA": "alpha*tr(A)",
    r"\alpha x\,logdetX": "alpha*x*logdet(X)",
    r"frechet(expm, A, V)\alpha": "frechet(expm, A, V)*alpha",
    r"A\,x + \mathbf b": "A*x + b",
    r"norm(A\max(x,0))": "norm(inv(A)*max(x,0))",
    r"res = A*x - b; x'*(A\res)": "res = A*x - b; x'*inv(A)*res",
    r"\alpha*norm(x)^(1/2)": "alpha*norm(x)^(1/2)",
    # a backslash before a name divides in a text that is plain otherwise
    r"x'*(A\sin(x))": "x'*inv(A)*sin(x)",
    r"b'*(A\log(x))": "b'*inv(A)*log(x)",
    r"tr(A\inv(B))": "tr(inv(A)*inv(B))",
    r"x'*(A\ones(n)); x: n": "x'*inv(A)*ones(n)",
    r"sum(A\softmax(x))": "sum(inv(A)*softmax(x))",
    r"x'*((A+B)\exp(x))": "x'*inv(A+B)*exp(x)",
    r"x'*(A\ln(x))": "x'*inv(A)*log(x)",
    # and is LaTeX where nothing is plain, or behind what cannot divide
    r"x^\top A\log(x)": "x'*A*log(x)",
    r"W\tanh(Vx+b)": "W*tanh(V*x+b)",
    r"y'\log(x)": "y'*log(x)",
    r"-2*y^T\log(x)": "-2*y'*log(x)",
    r"x'*A*x\lambda": "x'*A*x*lambda",
    r"tr(X'*A)\beta": "tr(X'*A)*beta",
}


@pytest.mark.parametrize("text", MIXED)
def test_plain_text_and_latex_in_one(text: str) -> None:
    typed, _, declare = text.partition("; ") if "; x: n" in text else (text, "", "")
    found = md.parse(typed, declare=declare)
    assert found == md.parse(MIXED[text], declare=declare)
    assert md.derive(typed, wrt=found.variables[0].name, declare=declare).verify().passed


IN_DOUBT = {
    r"x'*(A\beta)": r"does \beta divide",
    r"\lambda*x'*(A\log(b))": r"does \log divide",
    r"x'A\log(x)": r"does \log divide",
    r"x'*(A \ b) + \alpha": "does this backslash divide",
    r"A.*B\beta": r"does \beta divide",
    r"\alpha tr A X": "does tr take one factor",
    r"\alpha tr A*X": "does tr take one factor",
    r"\alpha tr": "tr is the name of a function",
    r"\alpha lnx": "is lnx the function ln?",
    r"xlogx \alpha": "xlogx is not declared",
    r"\alpha A kron B": "kron is the name of a function",
    r"\alpha weights'*x": "weights is not declared",
    r"x^\top A x subject to": "subject is not declared",
    r"\alpha foo(x)": "there is no function foo",
    r"\alpha Ent(x)": "there is no function Ent",
    r"\alpha flatten(X)": "there is no function flatten",
    r"\alpha rank(X)": "rank is not in the language",
    r"\alpha tr2(X)": "there is no function tr2",
    r"\alpha mu": "is mu a Greek letter or a product?",
    r"\frac12 x_train'*x": "one letter as the subscript",
}


@pytest.mark.parametrize("text", IN_DOUBT)
def test_doubts_are_told(text: str) -> None:
    with pytest.raises(MatdiffError) as caught:
        md.parse(text)
    assert IN_DOUBT[text] in str(caught.value) and "^" in str(caught.value)


KEPT = {
    r"\alpha ABCD": "alpha*A*B*C*D",
    r"XYZ(\alpha x)": "alpha*X*Y*Z*x",
    r"\alpha Ax": "alpha*A*x",
    r"w^\top S_Bw \alpha": "w'*S_B*w*alpha",
    r"\frac1nx^\top x": "x'*x/n",
}


@pytest.mark.parametrize("text", KEPT)
def test_letters_side_by_side_stay_a_product(text: str) -> None:
    assert md.parse(text) == md.parse(KEPT[text], declare=md.parse(text).types)


def test_a_declared_word_is_a_name_in_latex() -> None:
    declare = "weights: n; x: n; bias: n; A: n×n; h: elementwise; loss: scalar"
    for text, same in [
        (r"\alpha weights^\top x", "alpha*weights'*x"),
        (r"\alpha*x'*(A\bias)", "alpha*x'*inv(A)*bias"),
        (r"\frac{loss}{2}", "loss/2"),
        (r"\alpha sum(h(x))", "alpha*sum(h(x))"),
    ]:
        assert md.parse(text, declare=declare) == md.parse(same, declare=declare)


def test_a_differential_in_latex() -> None:
    assert md.check_claim("tr(A*X*B)", r"tr(A\,dX\,B)", wrt="X").passed
    assert md.check_claim("x'*A*x", r"x^\top(A + A^\top)dx", wrt="x").passed


@pytest.mark.parametrize(
    "piece", [".T", "@x", "**2", "x.dot(", "Tr[", "np.sum(", r"A\log(x)*", r"\ ", "log ", "mu ", "tr"]
)
def test_long_texts_are_read_or_refused_in_linear_work(piece: str, full: Callable[[int, int], int]) -> None:
    for start in ("x", r"\alpha x"):
        with pytest.raises(MatdiffError):
            parse_program(start + piece * (full(30_000, 90_000) // len(piece)) + "(")
