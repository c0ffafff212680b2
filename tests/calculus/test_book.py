"""Answers in the words of books and in the user's names; derivations in short lines that cite what they derived."""

from __future__ import annotations

import pytest

import matdiff as md
from matdiff.cli.app import run
from matdiff.report.answer import Answer
from matdiff.report.blocks import Derived, bundle
from matdiff.report.steps import rows
from matdiff.solution.problem import read_block
from matdiff.solution.steps import check_steps
from matdiff.worksheet.sheet import solved
from matdiff.worksheet.solution import Solution


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["derive", *arguments, "--no-verify"]) == 0
    return capsys.readouterr().out


BOOK = [
    ("lambda_max(A'*A)", "A", ["∇f = 2A q qᵀ", "Aᵀ A q = lambda_max(Aᵀ A) q, ‖q‖ = 1"], ["eigvecs"]),
    ("sigma_max(A)", "A", ["df = uᵀ dA v", "∇f = u vᵀ", "A v = sigma_max(A) u"], ["eigvecs", "/sigma"]),
    ("S: n×n symmetric; eigval(S,2)", "S", ["∇f = q qᵀ", "S q = eigval(S, 2) q"], ["eigvecs"]),
    ("S: n×n symmetric; lambda_min(S)", "S", ["∇f = q qᵀ", "S q = lambda_min(S) q"], ["eigvecs"]),
    ("q: n; S: n×n symmetric; lambda_max(S)*norm(q)^2", "S", ["q₁ q₁ᵀ"], ["eigvecs"]),
    ("sum(relu(W*x))", "x", ["∇f = Wᵀ·1[W x > 0]"], ["heaviside"]),
    ("tr(X)", "X", ["∇f = I\n"], ["eye"]),
    ("A*X", "X", ["J = eye(p) ⊗ A"], []),
    ("S: n×n symmetric; eigval(S,1)*eigval(S,2)", "S", ["∇f = λ₂ q₁ q₁ᵀ + λ₁ q₂ q₂ᵀ", "S q₂ = λ₂ q₂"], ["eigvecs"]),
    ("x: n; sum((x[2:n] - x[1:n-1]).^2)", "x", ["∇f = 2([0; r] − [r; 0])"], ["zeros"]),
    ("A*X*B", "A,X,B", ["⟨Y Bᵀ Xᵀ, dA⟩ + ⟨Aᵀ Y Bᵀ, dX⟩ + ⟨Xᵀ Aᵀ Y, dB⟩"], []),
    ("(A*x) .* (B*x)", "x", ["= ⟨Aᵀ(Y ⊙ (B x)) + Bᵀ((A x) ⊙ Y), dx⟩"], ["dx) ⊙ (B x)⟩ +"]),
]


@pytest.mark.parametrize(("text", "wrt", "there", "gone"), BOOK)
def test_answers_are_written_as_in_books(
    capsys: pytest.CaptureFixture[str], text: str, wrt: str, there: list[str], gone: list[str]
) -> None:
    said = shown(capsys, text, "--wrt", wrt, "--steps")
    for part in there:
        assert part in said
    for part in gone:
        assert part not in said.replace(f"f = {text}", "")


def test_what_is_said_once_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "sigma_max(A)", "--wrt", "A", "--steps").count("‖v‖ = 1") == 1
    for form in ("latex", "markdown", "json"):
        assert shown(capsys, "sigma_max(A)", "--wrt", "A", "--format", form)
    assert shown(capsys, "sigma_max(A)", "--wrt", "A", "--ascii").isascii()


def test_in_python_expressions_stay_those_of_the_language() -> None:
    d = md.derive("lambda_max(A'*A)", "A")
    assert md.parse(str(d.gradient), d.types) == d.gradient


NAMED = [
    ("x = A\\b; norm(x - y)^2/2", "A", ["df = −vᵀ dA x", "∇f = −v xᵀ", "Aᵀ v = x − y"]),
    ("x = A\\b; norm(x - y)^2/2", "A,b", ["∇f by A = −v xᵀ", "∇f by b = v\n"]),
    ("x = A\\b; norm(x - y)^2/2", "y", ["∇f = y − x"]),
    ("x = A\\b; c'*x", "A", ["∇f = −v xᵀ", "Aᵀ v = c"]),
    ("t: n; x_1 = W_1*x; x_2 = W_2*x_1; norm(x_2 - t)^2/2", "W_1,W_2", ["W₂ᵀ(x₂ − t) xᵀ", "(x₂ − t) x₁ᵀ"]),
    ("r = A*x - b; r'*S*r", "A", ["rᵀ S dA x", "∇f = (S + Sᵀ) r xᵀ"]),
    ("t: m; y = sigmoid(W*x + b); norm(y - t)^2/2", "W,b", ["∇f by W = δ xᵀ", "∇f by b = δ"]),
    ("r = y - f; f = X*w; r'*r/2", "w", ["∇f = −Xᵀ r"]),
    ("e = A*x - b; g = exp(-e'*e/2); g*e", "x", ["dF = g (A dx − (eᵀ A dx) e)", "J = g (A − e eᵀ A)"]),
]


@pytest.mark.parametrize(("text", "wrt", "there"), NAMED)
def test_the_user_s_names_stay(capsys: pytest.CaptureFixture[str], text: str, wrt: str, there: list[str]) -> None:
    said = shown(capsys, text, "--wrt", wrt)
    for part in there:
        assert part in said
    steps = shown(capsys, text, "--wrt", wrt, "--steps")
    assert there[-1] in steps or "Aᵀ v" in there[-1]


def test_one_thing_has_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    """What the steps name, answers call by the same letter; adjoints are in the user's names as well."""
    said = shown(capsys, "t: scalar; det(A + t*B)", "--wrt", "t", "--order", "2", "--steps")
    assert said.count("= A + t B\n") == 1 and "df/dt = det(M) tr(M⁻¹ B)" in said
    said = shown(capsys, "e = A*x - b; g = exp(-e'*e/2); g*e", "--wrt", "x", "--steps")
    assert "F'(x)*[Y] = g Aᵀ(Y − (Yᵀ e) e)" in said


def test_names_that_make_it_longer_are_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert "∇f = 2x\n" in shown(capsys, "s = x + y; s'*s - 2*s'*y + y'*y", "--wrt", "x")


SECOND = ["x'*A*x/(x'*x)", "log(x'*A*x)", "(x'*x)/(1 + x'*A*x)", "exp(x'*x)*(x'*x)", "norm(x)*(b'*x)"]


@pytest.mark.parametrize("text", SECOND)
def test_lines_to_the_hessian_are_short_and_right(text: str) -> None:
    d = md.derive(text, "x")
    steps = d.hessian_steps
    assert False not in check_steps(d.of_gradient, tuple(s for s in steps if s.relation == "="))
    answer = Answer(d, 2, steps=True)
    known: set[str] = set()
    lines = [f"{row.before} = {row.after}" for row in rows(steps[:-1], "unicode", known, answer.outcome)]
    assert max(len(line.removeprefix(" ")) for line in lines) <= 105
    assert len({(s.rule, s.before.text()) for s in steps}) == len(steps)


def test_what_is_repeated_is_named_and_derived_once() -> None:
    steps = md.derive("x'*A*x/(x'*x)", "x").hessian_steps
    befores = [s.before.text(defined=False) for s in steps]
    assert befores.count("d(u)") == befores.count("d(v)") == 1
    assert not any("d(xᵀ x)" in s.after.text(defined=False) for s in steps)


def test_every_display_writes_eigenvectors_as_books_do() -> None:
    d = md.derive("S: n×n symmetric; lambda_max(S)", "S")
    shown = bundle(d)
    vector = md.derive("S: n×n symmetric; eigvecs(S)[:,1]'*b", "S").text()
    assert "df = bᵀ(λ I − S)⁺ dS q" in vector and "S q = λ q" in vector
    assert "q qᵀ" in shown["text/plain"] and "eigvecs" not in shown["text/plain"] + shown["text/latex"]
    problem = read_block("l", 1, ["f: lambda_max(S)", "let: S: n×n symmetric", "wrt: S", "ask: hessian"]).problem(1, {})
    blocks = list(solved(Solution(problem), lambda s: None))
    formulas = [line.after.latex() for b in blocks if isinstance(b, Derived) for line in b.lines]
    assert any(r"I - S)^{+}" in f for f in formulas) and not any("eigvecs" in f or "eiggaps" in f for f in formulas)


NETWORK = "h = sigmoid(W_1*x + b_1); g = sigmoid(W_2*h + b_2); y = sigmoid(W_3*g + b_3); norm(y - t)^2/2"


def test_the_gradients_of_a_network_come_of_one_pass() -> None:
    d = md.derive(NETWORK, "W_1,b_1,W_2,b_2,W_3,b_3", "t: m")
    groups = d.further_steps()
    assert [g.by for g in groups] == [(x,) for x in ("W_1", "b_1", "W_2", "b_2", "W_3", "b_3")]
    assert all(len(g.steps) == 1 for g in groups[1:]) and len(groups[0].steps) < 7
    assert all(ok is True for g in groups for ok in check_steps(g.of, g.steps)) and all(check_steps(d))
    said = " ".join(s.after.text() for g in groups for s in g.steps)
    assert "δ₁ xᵀ" in said and "δ₂ = g ⊙ (1 .- g) ⊙ (W₃ᵀ δ₃)" in said
    assert "σ(" not in d.steps[2].after.text(defined=False)


def test_quotients_are_derived_once_and_cited(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, "x'*A*x/(x'*x)", "--wrt", "x", "--order", "2", "--steps")
    lines = [line for line in said.splitlines() if line[:1].isdigit()]
    assert len(lines) == 8 and "as above" in said
    assert sum("product rule" in line for line in lines) == 2 and said.count("quotient rule") == 1
    assert max(map(len, said.splitlines())) <= 120


REPEATED = [
    ("norm(A*X + X*B - C)^2/2", "X", "    where M = A X + X B − C\n∇f = Aᵀ M + M Bᵀ\n"),
    ("norm(A*x - b)", "x", "    where r = A x − b\n∇f = Aᵀ r/‖r‖\nH = Aᵀ(I − r rᵀ/‖r‖²) A/‖r‖\n"),
    ("norm(A*x - b)^2", "x", "∇f = 2Aᵀ(A x − b)\n"),
    ("x'*A*x/(x'*x)", "x", "∇f = ((A + Aᵀ) x − 2f x)/(xᵀ x)\nH = (A + Aᵀ − 2f I + "),
    (
        "S: n×n spd; exp(-(x - m)'*inv(S)*(x - m)/2)/sqrt(det(2*pi*S))",
        "m",
        "∇f = f S⁻¹(x − m)\nH = f (S⁻¹(x − m)(x − m)ᵀ S⁻¹ − S⁻¹)\n",
    ),
    ("f: n; x'*A*x/(x'*x) + f'*x", "x", "∇g = "),
    (
        "A: 3×2; sigma_max(A) + sigma(A,2)",
        "A",
        "df = uᵀ dA v + u₁ᵀ dA v₁\n"
        "    where A v = sigma_max(A) u, ‖u‖ = 1\n"
        "          Aᵀ u = sigma_max(A) v, ‖v‖ = 1\n"
        "          A v₁ = sigma(A, 2) u₁, ‖u₁‖ = 1\n"
        "          Aᵀ u₁ = sigma(A, 2) v₁, ‖v₁‖ = 1\n"
        "∇f = u vᵀ + u₁ v₁ᵀ\n",
    ),
    ("A: 2×3; sigma_max(A)", "A", "∇f = u vᵀ\nH = "),
    (
        "i: index; sigma(A,i)",
        "A",
        " vᵀ ⊗ (A M Aᵀ + I − u uᵀ)) + w (M ⊗ (u vᵀ))(K(n,n) + I)(eye(n) ⊗ Aᵀ))/w\n    where w = ",
    ),
    ("p, q, r, s: scalar; det([p, q; r, s])", "p", "df/dp = s\nH = 0\n"),
    ("p, q, r, s: scalar; logdet([p, q; r, s])", "s", "df/ds = p/(p s − q r)\nH = −p²/(p s − q r)²\n"),
    ("t: scalar; det([cos(t), -sin(t); sin(t), cos(t)])", "t", "df/dt = 0\n"),
    ("exp(-norm(x)^2/2)", "x", "∇f = −exp(−½ ‖x‖²) x\nH = exp(−½ ‖x‖²)(x xᵀ − I)\n"),
    ("norm(X)^4", "X", "∇f = 4‖X‖² X\nH = 4(‖X‖² I + 2vec(X) vec(X)ᵀ)\n"),
    (
        "y = sigmoid(W*x + b); norm(y - t)^2/2",
        "W,b",
        "H by W,b = x ⊗ M\nH by b,W = xᵀ ⊗ M\nH by b,b = M\n",
    ),
    ("x = A\\b; norm(x - y)^2/2", "A,b", "∇f by b = v\nH by A,A = "),
    ("x = A\\b; norm(x - y)^2/2", "A", "H = x ⊗ (A⁻ᵀ(xᵀ ⊗ A⁻¹ + eye(n) ⊗ vᵀ)) + K(n,n)(v xᵀ ⊗ A⁻¹)\n"),
    ("det(X)*tr(X)", "X", "∇f = det(X)(tr(X) X⁻ᵀ + I)\n"),
    ("x'*x/t", "t", "df/dt = −xᵀ x/t²\n"),
    ("norm(X - U*U'*X)^2", "U", "∇f = 2(U Uᵀ M − 2M + M U Uᵀ) U\n    where M = X Xᵀ\nH = 2("),
    (
        "S: n×n symmetric; U: n×k stiefel; tr(U'*S*U)",
        "U",
        "H[dU] = 2M − U (Uᵀ M + Mᵀ U)\n    where M = S dU − dU Uᵀ S U\n",
    ),
    (
        "S: n×n spd; chol(S)",
        "S",
        "F''(S)[dS₁,dS₂] = chol(S)(N (tril(M dS₂ Mᵀ) − ½ Diag(diag(M dS₂ Mᵀ))) + ½ Diag(diag(P)) − tril(P))\n"
        "    where N = tril(M dS₁ Mᵀ) − ½ Diag(diag(M dS₁ Mᵀ))\n"
        "          P = N M dS₂ Mᵀ + M dS₂ Mᵀ Nᵀ\n",
    ),
]


@pytest.mark.parametrize(("text", "wrt", "there"), REPEATED)
def test_what_an_answer_repeats_has_a_name(capsys: pytest.CaptureFixture[str], text: str, wrt: str, there: str) -> None:
    assert there in shown(
        capsys, text, "--wrt", wrt, *(["--order", "2"] if "H" in there or "⊗" in there or "''" in there else ())
    )


ADJOINT = "x = A\\b; y = B*x; norm(y - z)^2/2"


def test_the_adjoint_solve_is_named_through_products(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, ADJOINT, "--wrt", "A,B,b", "--steps")
    assert (
        "∇f by A = −v xᵀ\n    where Aᵀ v = Bᵀ(y − z)" in said and "= ⟨−v xᵀ, dA⟩ + ⟨(y − z) xᵀ, dB⟩ + ⟨v, db⟩" in said
    )


def test_quotients_of_hyperbolic_functions_are_one_function() -> None:
    assert str(md.derive("sum(log(cosh(W*x)))", "x").gradient) == "Wᵀ tanh(W x)"
    assert str(md.derive("log(cos(t))", "t", "t: scalar").gradient) == "−tan(t)"


def test_the_errors_of_shared_layers_have_names() -> None:
    """A chain of one matrix is backpropagation through time: its gradient is a sum of δᵢ yᵢ₋₁ᵀ, in steps as well."""
    layers = "; ".join(f"y_{i} = tanh(W*{f'y_{i - 1}' if i else 'x'} + b)" for i in range(5))
    text = f"{layers}; norm(y_4)^2/2"
    d = md.derive(text, "W", "W: n×n; x: n; b: n")
    (line,) = [x for x in Answer(d).lines() if x.key == "gradient"]
    assert line.body.text(defined=False).startswith("δ₄ y₃ᵀ + δ₃ y₂ᵀ + δ₂ y₁ᵀ + δ₁ y₀ᵀ + ")
    assert "δ₃ = (1 .- y₃.^2) ⊙ (Wᵀ δ₄)" in line.body.text() and all(check_steps(d))
    both = Answer(md.derive(text, "W,b", "W: n×n; x: n; b: n")).lines()
    assert both[-1].body.text(defined=False) == "δ₁ + δ₂ + δ₃ + δ₄ + δ₅"


def test_a_derivation_shows_itself_in_two_lines() -> None:
    assert repr(md.derive("norm(A*x - b)^2", "x")) == "f = ‖A x − b‖²        with A: m×n; x: n; b: m\n∇f = 2Aᵀ(A x − b)"
    assert repr(md.derive("A*X*B", "X")).splitlines()[1] == "J = Bᵀ ⊗ A"
    assert repr(md.derive("A*x = b for x; c'*x", "A")) == "<derivation of cᵀ x by A, where x solves A x = b>"
