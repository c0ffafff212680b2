"""Numbers: what divides by zero, leaves the reals, or would be read as another number than was meant, is refused."""

from __future__ import annotations

import pytest

import matdiff as md

ZEROS = ["0", "0.0", "(2-2)", "(1 - 1/3 - 2/3)", "(t-t)", "(0*t)", "(n-n)", "log(1)", "(exp(0)-1)"]
ZEROS += ["tr(zeros(3,3))", "(x'*x - x'*x)"]
SHAPES = [
    "x'*x/{0}", "0/{0}*x'*x", "x/{0}", "sum(x./{0})", "1/{0}*x'*x", "{0}\\x", "{0}^-1*x'*x", "0*{0}^-2*x'*x",
    "inv({0})*x'*x", "d = {0}; x'*x/d", "s(u) = u/{0}; sum(s(x))", "x'*x/(2*{0})", "x'*x*(1 + 1/{0})",
]  # fmt: skip
REAL = [
    "x'*x/(t-u)", "x'*x*0", "0^2*x'*x", "sqrt(0)*x'*x", "x'*x*(-8)^3", "x'*x*2^-1", "norm(x-x)", "x'*x/1e-300",
    "0*t*x'*x", "x'*x/sqrt(2*pi)", "x'*x*log(2*pi)",
]  # fmt: skip
NOT_REAL = ["log(0)", "log(-1)", "log(1-1)", "sqrt(-1)", "(-1)^(1/2)", "(-8)^(1/3)", "(2-4)^0.5", "logdet(zeros(2,2))"]
OTHERS = [r"\frac{x^\top x}{0}", r"\frac{0}{0}x^\top x", r"x^\top x / (2-2)"]
OTHERS += ["x'*inv(A-A)*x", "x'*(zeros(n,n)\\x)", "0⁻¹*x'*x", "x'*x/-0"]
DECLARED = "A: n×n; B: m×n; x: n; t: scalar"


@pytest.mark.parametrize("zero", ZEROS)
@pytest.mark.parametrize("shape", SHAPES)
def test_division_by_zero_is_refused(shape: str, zero: str) -> None:
    with pytest.raises(md.DomainError, match="division by zero"):
        md.derive(shape.format(zero), wrt="x", declare=DECLARED)


@pytest.mark.parametrize("text", OTHERS)
def test_division_by_zero_in_other_words(text: str) -> None:
    with pytest.raises(md.DomainError, match="division by zero"):
        md.derive(text, wrt="x", declare=DECLARED)


@pytest.mark.parametrize("text", NOT_REAL)
def test_what_is_no_real_number_is_refused(text: str) -> None:
    with pytest.raises(md.DomainError, match="is not a real number"):
        md.derive(f"x'*x*{text}", wrt="x")


def test_the_place_and_the_reason_are_told() -> None:
    with pytest.raises(md.DomainError) as caught:
        md.parse("x'*x/(t - t)", declare="t: scalar")
    assert str(caught.value) == "division by zero\n  x'*x/(t - t)\n       ^^^^^^^\nt − t is 0"


def test_python_divides_by_no_zero_either() -> None:
    x, t = md.vector("x", "n"), md.scalar("t")
    for e in (x.T @ x / 0, x.T @ x / (t - t), x.T @ x * (t * 0) ** -1):
        with pytest.raises(md.DomainError, match="division by zero"):
            md.derive(e, wrt=x)


@pytest.mark.parametrize("text", REAL)
def test_what_is_defined_stays(text: str) -> None:
    md.derive(text, wrt="x", declare="x: n; t: scalar; u: scalar")


MISREAD = {
    "0x10*x'*x": "Write 16 for the number, 0*x10 for the product.",
    "0X1f*x'*x": "Write 31 for the number",
    "0xAF*x'*x": "Write 175 for the number",
    "0b1*x'*x": "Write 1 for the number, 0*b1 for the product.",
    "0B101*x'*x": "Write 5 for the number",
    "0o17*x'*x": "Write 15 for the number",
    "0b2*x'*x": "Write 0*b2 for the product.",
    "5x5*x'*x": "Write 5*5 for the numbers",
    "2x3*x'": "Write 2*3 for the numbers",
    "10X10*x": "Write 10*10 for the numbers",
    "1e5e5*x'*x": "Write 1e5",
    "1e400*x'*x": "out of the range",
    "1e-400*x'*x": "out of the range",
    "1_000*x'*x": "Digits stand together: 1000.",
    "1,000*x'*x": "decimals have a point",
    "1.2.3*x'*x": "two numbers",
    r"0x10\,x^\top x": "Write 16 for the number",
}


@pytest.mark.parametrize("text", MISREAD)
def test_numbers_of_other_notations_are_refused(text: str) -> None:
    with pytest.raises(md.ParseError) as caught:
        md.parse(text)
    assert MISREAD[text] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "declare", "same"),
    [
        ("2x1 + 3x2", "x1: n; x2: n", "2*x1 + 3*x2"),
        ("x1'*x1 + 2x1'*b", "", "x1'*x1 + 2*(x1'*b)"),
        ("0x10'*x10", "x10: n", "0*x10'*x10"),
        ("2j'*j", "j: n", "2*(j'*j)"),
        ("2e'*e", "e: n", "2*(e'*e)"),
        ("1e5x", "x: n", "1e5*x"),
        ("2x'x", "x: n", "2*(x'*x)"),
        ("0x'x", "x: n", "0*x'*x"),
        ("2b1", "b1: n", "2*b1"),
        ("1e3*x", "x: n", "1000.0*x"),
    ],
)
def test_products_of_numbers_and_names_stay(text: str, declare: str, same: str) -> None:
    assert md.parse(text, declare=declare) == md.parse(same, declare=declare)
