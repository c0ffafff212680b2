"""Derivations of one's own, checked line by line."""

from __future__ import annotations

import pytest

import matdiff as md

ABX = "A: m×n; X: n×p; B: p×m"

RIGHT: list[tuple[str, str, str | None]] = [
    ("f = tr(A*X*B)\ndf = tr(A*dX*B)\n   = <A'*B', dX>", "X", None),
    ("f = tr(A*X*B)\ndf = tr(A*d(X)*B)\n = tr(B*A*dX)\n = <A'*B', dX>\nG = A'*B'\n  = (B*A)'", "X", ABX),
    (
        "A: m×n; b: m\nr = A*x - b\nf = r'*r\ndr = A*dx\ndf = 2*r'*dr\n = 2*r'*A*dx\n"
        " = <2*A'*r, dx>\n∇f = 2*A'*(A*x - b)",
        "x",
        None,
    ),
    ("F = X'*X\ndF = dX'*X + X'*dX\nvec(dF) = vec(dX'*X) + vec(X'*dX)", "X", "X: m×n"),
    ("F = A*X*B\nJ = B' ⊗ A", "X", ABX),
    ("d(tr(X'*A*X)) = tr(d(X')*A*X + X'*A*d(X))\n= tr(X'*(A+A')*dX)\n∇f=(A+A')*X", "X", "X: m×n; A: m×m"),
    ("tr(X'*A*X)\ndf = tr(dX'*A*X + X'*A*dX)", "X", "X: m×n; A: m×m"),
    ("f = norm(X-U*V')^2\ndf = -2*<X-U*V', dU*V' + U*dV'>\n∇_U f = -2*(X-U*V')*V\n∇_V f = -2*(X-U*V')'*U", "U,V", None),
    ("f = tr(A*S)\ndf = tr(A*dS) = <A', dS> = <sym(A), dS>\nG = (A+A')/2", "S", "S: n×n symmetric; A: n×n"),
    ("P = inv(X)\nf = tr(P)\ndP = -P*dX*P\ndf = tr(dP)\n = -tr(P*dX*P)\n = -<P'*P', dX>\nG=-(P*P)'", "X", None),
    ("f(x) = exp(x'*A*x)\ndf = exp(x'*A*x)*d(x'*A*x)\n = exp(x'*A*x)*x'*(A+A')*dx", "x", None),
    ("f = x'*A*x   # a quadratic form\n\nd f = dx'*A*x\n   + x'*A*dx\n⇒ grad f = (A + A')*x\nH = A + A'", "x", None),
    ("f = logdet(X)\ndf/dX = inv(X)'", "X", None),
    ("f = x'*A*x\ngradient = (A + A')*x\nhessian = A + A'", "x", None),
    ("f = x'*A*x\ngradient of f = (A + A')*x\nHessian = A + A'", "x", None),
    ("f = x'*x\ny = d(x)\ndf = 2*x'*y", "x", "x: n"),
    (
        r"f &= \operatorname{tr}(A X B) \\"
        "\n"
        r"\mathrm{d}f &= \operatorname{tr}(A\,dX\,B)\\"
        "\n"
        r"&= \langle A^\top B^\top, \mathrm{d}X\rangle \\"
        "\n"
        r"\nabla f &= A^\top B^\top",
        "X",
        ABX,
    ),
]


@pytest.mark.parametrize(("text", "wrt", "declare"), RIGHT)
def test_right_derivations(text: str, wrt: str, declare: str | None) -> None:
    found = md.check_derivation(text, wrt, declare)
    assert found.passed is True, str(found)
    assert found.line is None and not found.reason
    assert len(found.checked) >= text.count("\n") - text.count(":") // 2 - 2


WRONG: list[tuple[str, str, str | None, int, str]] = [
    ("f = tr(A*X*B)\ndf = tr(A*dX*B)\n = <B*A, dX>", "X", ABX, 3, "transposed"),
    ("f = tr(A*X*B)\ndf = tr(A*dX*B)\n = <A*B, dX>", "X", "A: n×n; X: n×n; B: n×n", 3, "a transpose is missing"),
    ("r = A*x - b\nf = r'*r\ndf = r'*dr\n = r'*A*dx", "x", None, 3, "a factor 2 is missing"),
    ("f = logdet(X)\ndf = tr(inv(X)*dX)\ngrad f = inv(X)", "X", None, 3, "transposed layout"),
    ("F = X'*X\ndF = X'*dX", "X", "X: m×n", 2, "the term dXᵀ X is missing"),
    ("f = x'*A*x\ndf = dx'*A*x + x'*A*dx\n = 2*x'*A*dx", "x", "A: n×n", 3, "right only where A is symmetric"),
    ("f = x'*A*x\ndf = dx'*A*x + x'*A*dx\n = (A*x)'*dx +\n = 3", "x", None, 3, "ends too early"),
    ("f = x'*A*x\ndf = dx'*A*x + x'*dA*x", "x", None, 2, "A is held constant"),
    ("F = inv(X)\ndF = -inv(X)*inv(X)*dX", "X", None, 2, "d(X⁻¹) = −X⁻² dX"),
    ("f = tr(S*A)\nG = A'", "S", "S: n×n symmetric; A: n×n", 2, "not in the tangent space"),
    ("f = tr(X)\ndf = tr(dX) = <I, dX>\nG = 2*I", "X", "X: n×n", 3, "too many"),
    ("f = x'*x\ndf = 2*q'*dx", "x", None, 2, "q is not a variable"),
    ("X'*X\ndF = X'*dX", "X", "X: m×n", 2, "the term dXᵀ X is missing"),
    ("f = x'*x\ndA = 2", "x", "x: n", 2, "there is no A"),
    ("f = x'*x\ndg = 2*x'*dx", "x", "x: n", 2, "there is no g"),
    ("f = x'*x\nve(dx) = dx", "x", "x: n", 2, "cannot be read"),
    ("f = x'*x\nf = 3", "x", "x: n", 2, "the factor"),
    ("f = x'*x\ndx = 2", "x", "x: n", 2, "but the differential is a vector"),
    ("f = x'*x\nddf = 2*dx'*dx", "x", "x: n", 2, "second differentials are not read"),
    ("f = x'*x\n∇_y f = 2*x", "x", "x: n", 2, "y is neither the function nor a variable"),
    ("r = x\nf = r'*r\nr = 2*x", "x", "x: n", 3, "too many"),
]


@pytest.mark.parametrize(("text", "wrt", "declare", "line", "says"), WRONG)
def test_the_first_wrong_line(text: str, wrt: str, declare: str | None, line: int, says: str) -> None:
    found = md.check_derivation(text, wrt, declare)
    assert found.passed is False
    assert found.line == line, str(found)
    assert says in found.reason, found.reason
    assert str(found).startswith(f"line {line} does not follow: ")


def test_later_lines_are_held_against_the_line_before() -> None:
    found = md.check_derivation("f = x'*x\ndf = x'*dx\n = <x, dx>\nG = 2*x", "x")
    assert [c.passed for c in found.checked] == [True, False, True, True]


def test_the_function_may_be_given() -> None:
    assert md.check_derivation("df = 2*x'*dx\nG = 2*x", "x", function="x'*x").passed is True
    assert md.check_derivation("df = x'*dx", "x", function=md.parse("x'*x")).line == 1
    with pytest.raises(md.ParseError, match="does not say what is derived"):
        md.check_derivation("df = 2*x'*dx", "x")


def test_errors_of_the_question_itself() -> None:
    with pytest.raises(md.ParseError):
        md.check_derivation("f = tr(A*)", "X")
    with pytest.raises(md.ParseError):
        md.check_derivation("f = x'*x\ndf = 2*x'*dx", "Z")


def test_a_check_is_no_truth_value() -> None:
    with pytest.raises(TypeError):
        bool(md.check_derivation("f = x'*x\ndf = 2*x'*dx", "x"))
