"""Readings that types decide: functions of a matrix or of its entries, bars, e^x, a scalar added to every entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import matdiff as md
import matdiff.ops  # fills the registry
from matdiff.core.op import Macro, registry, words
from matdiff.errors import MatdiffError, ParseError, ShapeError, UnsupportedError

WHOLE = {name: op.whole for name, op in registry.items() if op.whole}
"""exp → expm, of every function that has one."""
BUILT = {name: word for name, word in WHOLE.items() if word in words}
MISSING = {name: word for name, word in WHOLE.items() if word not in words}
ORACLE: dict[str, Callable[[Any], Any]] = {
    "exp": scipy.linalg.expm,
    "log": scipy.linalg.logm,
    "sqrt": scipy.linalg.sqrtm,
    "sin": scipy.linalg.sinm,
    "cos": scipy.linalg.cosm,
    "sinh": scipy.linalg.sinhm,
    "cosh": scipy.linalg.coshm,
}
rng = np.random.default_rng(3)


def spd(n: int = 3) -> Any:
    M = rng.standard_normal((n, n))
    return M @ M.T + n * np.eye(n)


def latex(name: str, argument: str) -> str:
    return rf"\sqrt{{{argument}}}" if name == "sqrt" else rf"\{name}({argument})"


TOGETHER: list[tuple[str, str, Callable[[Any, Any], Any]]] = [
    (r"\operatorname{tr} %s", "", lambda F, Y: np.trace(F)),
    (r"\operatorname{tr}(X %s)", "", lambda F, Y: None),
    (r"\operatorname{tr}(-2 %s^\top)", "", lambda F, Y: -2 * np.trace(F)),
    (r"\operatorname{tr}(\frac{%s}{3})", "", lambda F, Y: np.trace(F) / 3),
    (r"\operatorname{tr}(Y(%s - X))", "X: n×n spd; Y: n×n", lambda F, Y: None),
    (r"\det(%s)", "", lambda F, Y: np.linalg.det(F)),
    (r"\|%s\|_F", "X: n×n", lambda F, Y: np.linalg.norm(F)),
    (r"\|%s\|", "", lambda F, Y: np.linalg.norm(F)),
    (r"\|%s - Y\|_F", "X: n×n; Y: n×n", lambda F, Y: np.linalg.norm(F - Y)),
    (r"%s Y", "X: n×n; Y: n×n", lambda F, Y: F @ Y),
    (r"Y^\top %s Y", "X: n×n; Y: n×n", lambda F, Y: Y.T @ F @ Y),
    (r"%s Y", "", lambda F, Y: F @ Y),
    (r"%s + I", "X: n×n", lambda F, Y: F + np.eye(3)),
    (r"%s^{-1}", "", lambda F, Y: np.linalg.inv(F)),
    (r"L = %s; \operatorname{tr}(L)", "", lambda F, Y: np.trace(F)),
    (r"\frac{1}{|%s|}", "", lambda F, Y: 1 / np.linalg.det(F)),
]
"""Text, declarations, and the value by that of the function and Y."""


@pytest.mark.parametrize(
    ("text", "declare", "value"), TOGETHER, ids=lambda v: v[:40] if isinstance(v, str) else "value"
)
@pytest.mark.parametrize("name", BUILT)
def test_functions_of_the_whole_matrix(name: str, text: str, declare: str, value: Any) -> None:
    e = md.derive(text % latex(name, "X"), wrt="X", declare=declare or None)
    assert BUILT[name] in {o.name for o in ops(e.function)} or isinstance(words[BUILT[name]][0], Macro)
    assert name not in {o.name for o in ops(e.function)}
    remark = next(r for r in e.remarks if "whole matrix" in r)
    assert f"\\{name} of the square matrix X" in remark and BUILT[name] in remark
    X, Y = spd(), rng.standard_normal((3, 3))
    expected = value(ORACLE[name](X), Y)
    if expected is not None:
        given = {v.name: {"X": X, "Y": Y}[v.name] for v in e.function.variables}
        assert np.allclose(e.evaluate(**given), expected)


def ops(e: md.Expr) -> set[Any]:
    from matdiff.api.expr import inline
    from matdiff.core.node import Apply, topological

    return {n.op for n in topological(inline(e.node)) if isinstance(n, Apply)}


@pytest.mark.parametrize("name", MISSING)
def test_functions_that_the_language_has_not_are_refused_by_name(name: str) -> None:
    for text in (r"\operatorname{tr}(\%s(X))", r"\|\%s(X)\|_F", r"\%s(X)Y"):
        with pytest.raises(UnsupportedError, match=MISSING[name]) as caught:
            md.derive(text % name, wrt="X", declare="X: n×n; Y: n×n")
        assert rf"\{name}^{{\odot}}(X)" in str(caught.value)


BOTH = [
    ("%s", "X: n×n"),
    ("%s", ""),
    (r"\langle X, %s\rangle", "X: n×n"),
    (r"\mathbf{1}^\top %s \mathbf{1}", "X: n×n"),
    (r"\operatorname{vec}(%s)", "X: n×n"),
    (r"\operatorname{tr}(X^\top %s)", ""),
    (r"\|%s - YZ\|_F^2", ""),
    (r"(%s)_{1,2}", "X: n×n"),
    (r"L = %s; \operatorname{tr}(L) + \mathbf{1}^\top L \mathbf{1}", "X: n×n"),
]


@pytest.mark.parametrize(("text", "declare"), BOTH)
@pytest.mark.parametrize("name", WHOLE)
def test_where_both_are_in_use_both_are_offered(name: str, text: str, declare: str) -> None:
    with pytest.raises(ParseError, match="of a whole matrix, or of each of its entries") as caught:
        md.derive(text % latex(name, "X"), wrt="X", declare=declare or None)
    assert r"^{\odot}(X)" in str(caught.value)
    assert (rf"\operatorname{{{WHOLE[name]}}}(X)" in str(caught.value)) is (name in BUILT)


@pytest.mark.parametrize(
    "text",
    [
        r"\operatorname{tr}(\log^2 X)",
        r"\operatorname{tr}((\log^2 X))",
        r"\operatorname{tr}(\sqrt[3]{X})",
        r"\operatorname{diag}(u)\exp(X)",
        r"\exp(X) v",
    ],
)
def test_squares_roots_and_kernels_of_square_matrices_are_refused(text: str) -> None:
    with pytest.raises(ParseError, match="of a whole matrix, or of each of its entries"):
        md.derive(text, wrt="X", declare="X: n×n")


@pytest.mark.parametrize("name", WHOLE)
def test_entries_are_meant_by_their_place_by_the_sizes_and_by_the_mark(name: str) -> None:
    f = latex(name, "X")
    marked = rf"\operatorname{{tr}}(\operatorname{{{name}}}^{{\odot}}(X))"
    for text, declare, said in (
        (rf"\operatorname{{sum}}(Y \odot {f})", "X: n×n", True),
        (rf"\operatorname{{sum}}(Y \odot {f})", "", False),
        (rf"\operatorname{{sum}}({f} - Y)", "X: n×n", True),
        (f, "X: m×n", False),
        (rf"\|Y - {f}\|_F^2", "X: m×n", False),
        (rf"\langle X, {f}\rangle", "", True),
        (rf"\mathbf{{1}}^\top {f} \mathbf{{1}}", "", True),
        (marked, "", False),
        (marked.replace("odot", "circ"), "", False),
    ):
        d = md.derive(text, wrt="X", declare=declare or None)
        assert name in {o.name for o in ops(d.function)}, text
        assert WHOLE[name] not in {o.name for o in ops(d.function)}, text
        assert any("entry by entry" in r for r in d.remarks) is said, text


@pytest.mark.parametrize("name", WHOLE)
def test_plain_text_goes_entry_by_entry_with_a_remark(name: str) -> None:
    for text, declare, said in (
        (f"{name}(X*t)*u", "X: n×n; t: scalar; u: n", True),
        (f"{name}(X)*u", "", True),
        (f"tr({name}(X))", "", True),
        (f"norm({name}(X))", "X: n×n", True),
        (f"{name}(X)", "X: n×n", True),
        (f"{name}(X)", "", False),
        (f"sum({name}(X))", "X: n×n", False),
        (f"X .* {name}(X)", "X: n×n", False),
        (f"norm({name}(W*X) - Y)", "", False),
        (f"{name}(x)", "", False),
        (f"{name}(X)*u", "X: m×n", False),
    ):
        e = md.derive(text, wrt="X" if "X" in text else "x", declare=declare or None)
        assert name in {o.name for o in ops(e.function)}, text
        remarks = [r for r in e.remarks if r.startswith(f"{name} of the matrix X")]
        assert bool(remarks) is said, text
        if said:
            assert (WHOLE[name] in remarks[0]) is (name in BUILT)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_printed_in_latex_reads_back(name: str) -> None:
    for text in (
        f"tr({name}(X))",
        f"sum({name}(X + X'))",
        f"{name}(X)*Y",
        *([f"tr({WHOLE[name]}(X))"] * (name in BUILT)),
    ):
        e = md.parse(text, "X: n×n; Y: n×n")
        assert md.parse(e.latex(), "X: n×n; Y: n×n") == e


def test_entropies() -> None:
    d = md.derive(r"-\operatorname{tr}(X\log X)", wrt="X", declare="X: n×n spd")
    X = spd()
    assert np.allclose(d.gradient.evaluate(X=X), -(scipy.linalg.logm(X) + np.eye(3)))
    both = "P: n×n spd; Q: n×n spd"
    d = md.derive(r"\operatorname{tr}(P(\log P - \log Q))", wrt="P", declare=both)
    P, Q = spd(), spd()
    assert np.allclose(d.gradient.evaluate(P=P, Q=Q), scipy.linalg.logm(P) - scipy.linalg.logm(Q) + np.eye(3))


DETERMINANTS = {
    r"\ln|X|": ("X", "", "logdet(X)"),
    r"\log\lvert X\rvert": ("X", "", "logdet(X)"),
    r"\log|\Psi+(Z\alpha)(Z\alpha)^T|": ("Z", r"\Psi: n×n; \alpha: p", "logdet(Psi + Z*alpha*(Z*alpha)')"),
    r"\frac{1}{\sqrt{(2\pi)^k|S|}}": ("S", "k: scalar", "1/sqrt((2*pi)^k*det(S))"),
    r"\frac{1}{|2\pi S|^{1/2}}": ("S", "", "1/det(2*pi*S)^(1/2)"),
    r"\frac1{\sqrt{(2\pi)^k|\Sigma|}}": ("Sigma", "", "1/sqrt((2*pi)^k*det(Sigma))"),
    r"\frac{|\Psi|}{|\Lambda|}": ("Psi", "", "det(Psi)/det(Lambda)"),
    r"-\frac12\log|K+\sigma_n^2 I|": ("K", "", "-1/2*logdet(K + sigma_n^2*I)"),
    r"\frac{|W^\top S_B W|}{|W^\top S_W W|}": ("W", "", "det(W'*S_B*W)/det(W'*S_W*W)"),
    r"\frac12\log\frac{|A|}{|B|}": ("A", "A: n×n; B: n×n", "log(det(A)/det(B))/2"),
    r"|S|^{-1/2}": ("S", "", "det(S)^(-1/2)"),
    r"|S|": ("S", "S: n×n spd", "det(S)"),
    r"|K + I|": ("K", "", "det(K + I)"),
    r"|X^\top X|": ("X", "", "det(X'*X)"),
    r"2|X^\top X| + 1": ("X", "", "2*det(X'*X) + 1"),
    "log(|S|)": ("S", "", "logdet(S)"),
    "|X'*X|": ("X", "", "det(X'*X)"),
}


@pytest.mark.parametrize("text", DETERMINANTS)
def test_bars_that_are_determinants(text: str) -> None:
    wrt, declare, same = DETERMINANTS[text]
    found = md.derive(text, wrt=wrt, declare=declare or None)
    other = md.derive(same, wrt=wrt, declare=found.types)
    assert str(found.gradient) == str(other.gradient)
    assert found.verify().passed is not False


@pytest.mark.parametrize(
    ("text", "declare"),
    [
        ("|A|", "A: n×n"),
        ("|A|", ""),
        ("|A - B|", ""),
        (r"\operatorname{sum}(|A - B|)", "A: n×n; B: n×n"),
        (r"\operatorname{sum}(\log|A|)", ""),
        (r"\operatorname{sign}(A) \odot \sqrt{|A|}", "A: n×n"),
        (r"\mathbf{1}^\top |A^\top A| \mathbf{1}", ""),
        ("x'*|A|*x", "A: n×n spd"),
        (r"\operatorname{tr}|A|", "A: n×n spd"),
        (r"\log|A|", "A: m×n"),
        (r"\|\,|A + A|\,\|", "A: n×n"),
    ],
)
def test_bars_that_may_be_entries_are_refused(text: str, declare: str) -> None:
    with pytest.raises(ShapeError, match="two meanings") as caught:
        md.derive(text, wrt="A", declare=declare or None)
    assert "det" in str(caught.value) and "abs" in str(caught.value)


@pytest.mark.parametrize("text", [r"\log|x|", r"\log|a^\top x|", r"\sqrt{|x|}", r"\frac{1}{|a^\top x|}"])
def test_bars_around_vectors_and_scalars_are_absolute_values(text: str) -> None:
    assert "abs" in {o.name for o in ops(md.derive(text, wrt="x").function)}


def test_the_sum_norm_of_a_symmetric_matrix() -> None:
    for attribute in ("symmetric", "spd", "diagonal"):
        for text in (r"\lambda\|\Theta\|_1", r"\lambda\|-2\Theta\|_1/2", r"\lambda\|(\Theta + \Theta)/2\|_1"):
            d = md.derive(text, wrt="Theta", declare=rf"\Theta: n×n {attribute}")
            assert any("sum of the absolute values" in r for r in d.remarks)
            T = spd() * np.eye(3) if attribute == "diagonal" else spd()
            assert np.isclose(d.evaluate(**{"lambda": 2.0}, Theta=T), 2 * np.abs(T).sum())
    for declare in ("A: n×n", "A: n×n lower", "A: m×n"):
        with pytest.raises(ShapeError, match="two meanings"):
            md.derive(r"\|A\|_1", wrt="A", declare=declare)


EXPONENTIALS: dict[str, tuple[str, str, str]] = {
    r"\mathbf{1}^T e^{A x}": ("x", "sum(exp(A*x))", ""),
    r"\langle p, e^{x}\rangle": ("x", "p'*exp(x)", ""),
    r"\langle f, a\rangle + \langle g, b\rangle - \varepsilon\langle e^{f/\varepsilon}, K e^{g/\varepsilon}\rangle": (
        "f",
        "f'*a + g'*b - varepsilon*exp(f/varepsilon)'*K*exp(g/varepsilon)",
        "",
    ),
    r"e^{A}": ("A", "expm(A)", ""),
    r"\operatorname{tr}(e^{A}B)": ("A", "tr(expm(A)*B)", ""),
    r"\frac{1}{1+e^{-w^\top x}}": ("w", "1/(1 + exp(-w'*x))", ""),
    "-e^(-<x,x>)": ("x", "-exp(-x'*x)", "exp(-<x,x>)"),
    "e^A": ("A", "expm(A)", "expm(A)"),
    "tr(e^(A*X))": ("X", "tr(expm(A*X))", "expm(A*X)"),
    "sum(e^(A*x))": ("x", "sum(exp(A*x))", "exp(A*x)"),
    "e^(x'*x/2)": ("x", "exp(x'*x/2)", "exp(x'*x/2)"),
    "e^-t*A": ("A", "exp(-t)*A", "exp(-t)"),
}


@pytest.mark.parametrize("text", EXPONENTIALS)
def test_powers_of_e(text: str) -> None:
    wrt, same, said = EXPONENTIALS[text]
    found = md.derive(text, wrt=wrt)
    assert str(found.differential) == str(md.derive(same, wrt=wrt, declare=found.types).differential)
    assert any(f"is {said}, with the number e" in r for r in found.remarks) is bool(said)


@pytest.mark.parametrize(
    "text", ["e: scalar; e^x; x: scalar", "e = x'*x; e^t; t: scalar", "e^t*x + e; t: scalar", "e^2*x", "sum(e.^2)*x"]
)
def test_e_is_a_variable_where_it_is_declared_defined_or_stands_elsewhere(text: str) -> None:
    functions = {o.name for o in ops(md.parse(text))}
    assert not functions & {"exp", "expm"}


SPREAD: dict[str, tuple[str, str]] = {
    r"\mathbf{1}^\top\log(1+\exp(x))": ("x", "sum(softplus(x))"),
    r"\mathbf{1}^\top\log(1+e^{-Xw})": ("w", "sum(softplus(-X*w))"),
    r"\mathbf{1}^\top\log(1+\exp(-y\odot (Xw)))": ("w", "sum(softplus(-y.*(X*w)))"),
    r"\mathbf{1}^\top\sqrt{1+x^{\odot 2}}": ("x", "sum(sqrt(1 .+ x.^2))"),
    r"\mathbf{1}^\top\sqrt{\epsilon+x\odot x}": ("x", "sum(sqrt(epsilon .+ x.^2))"),
    r"\mathbf{1}^\top\exp(-\frac12(x - 1))": ("x", "sum(exp(-1/2*(x .- 1)))"),
    r"\mathbf{1}^\top\tanh(\alpha + x)": ("x", "sum(tanh(alpha .+ x))"),
    r"\mathbf{1}^\top\log(1+\exp(X))\mathbf{1}": ("X", "sum(softplus(X))"),
    r"s(t) = \log(1+\exp(t)); \mathbf{1}^\top s(x)": ("x", "sum(softplus(x))"),
}


@pytest.mark.parametrize("text", SPREAD)
def test_a_scalar_is_added_to_every_entry_inside_functions_of_entries(text: str) -> None:
    wrt, same = SPREAD[text]
    found = md.derive(text, wrt=wrt)
    assert any("the scalar is added to every entry" in r for r in found.remarks) is ("s(t)" not in text)
    other = md.derive(same, wrt=wrt, declare=found.types)
    arrays = {
        v.name: rng.standard_normal([{"m": 4, "n": 3}[str(d)] for d in v.shape]) for v in found.function.variables
    }
    arrays = {n: float(abs(a)) if np.ndim(a) == 0 else a for n, a in arrays.items()}
    assert np.allclose(found.gradient.evaluate(**arrays), other.gradient.evaluate(**arrays))


@pytest.mark.parametrize(
    "text", [r"\log(1+e^{-y w^\top x})", r"\log(1+\exp(-y(w^\top x+b)))", r"\log(1+\exp(-y w^\top x))"]
)
def test_labels_are_scalars(text: str) -> None:
    found = md.derive(text, wrt="w")
    assert "y: scalar" in found.types and found.function.node.kind == "scalar"


@pytest.mark.parametrize(
    ("text", "declare"),
    [
        ("1 + x", ""),
        (r"1 + \mathbf{x}", ""),
        (r"\exp(A(1+x))", ""),
        (r"e^{1+A}", "A: n×n"),
        (r"\operatorname{tr}(\log(1+\exp(A)))", ""),
        ("log(1 + exp(x))", "x: n"),
        (r"x^\top(1 + \exp(x))", ""),
    ],
)
def test_elsewhere_a_scalar_is_not_added_to_an_array(text: str, declare: str) -> None:
    with pytest.raises(MatdiffError, match="cannot add"):
        md.parse(text, declare or None)


def test_remarks_are_in_the_notes() -> None:
    d = md.derive(r"\operatorname{tr}\log X", wrt="X")
    assert d.notes[: len(d.remarks)] == d.remarks and len(d.remarks) == 1


@pytest.mark.parametrize(
    "text",
    [
        "h(W*x)",
        "f(x + y)",
        "g(A*x + b)",
        r"f_1(W x)\alpha",
        r"\sum_i g(x_i)",
        r"\sum_i \psi(x_i)",
        r"2 h\left(A x\right)",
    ],
)
def test_letters_of_functions_before_parentheses_are_refused(text: str) -> None:
    with pytest.raises(md.ParseError, match=r"a function.* or a product"):
        md.parse(text)


@pytest.mark.parametrize("text", [r"\sum_i \rho(y_i - x_i^\top w)", "phi(A*x + b)", r"\Psi(A x + b)"])
def test_greek_letters_of_functions_as_factors_are_said(text: str) -> None:
    (said,) = [r for r in md.derive(text, wrt="w" if "w" in text else "x").remarks if "read as a product" in r]
    assert "elementwise" in said


@pytest.mark.parametrize(
    "text", ["h: scalar; h(A*x)", "h*(A*x)", r"\lambda(x^\top x - 1)", "A(x + y)", "c(x + y)", "h (x + y)"]
)
def test_other_factors_before_parentheses_are_products(text: str) -> None:
    assert not md.derive(text, wrt="x").remarks
