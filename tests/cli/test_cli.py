"""The command line: what it prints, its exit statuses, and that nothing but one message comes of wrong input."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

import matdiff as md
from matdiff.api.expr import Expr
from matdiff.cli.app import run
from matdiff.graph.rewrite import inline
from matdiff.report.notation import prose, statements, unicode_output
from matdiff.text.advice import REFUSALS
from matdiff.verify.report import Verification

TRACE = ["derive", "tr(A*X*B)", "--wrt", "X"]


def out(capsys, *arguments):
    """What a command that succeeds prints."""
    status = run(arguments)
    captured = capsys.readouterr()
    assert (status, captured.err) == (0, "")
    return captured.out


def refusal(capsys, *arguments, status=2):
    """The message of a command that must not succeed; nothing is on standard output."""
    assert run(arguments) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "Traceback" not in captured.err
    return captured.err


def process(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "matdiff", *arguments], capture_output=True, **options)


def test_text_is_stable(capsys):
    assert out(capsys, *TRACE, "--no-verify") == (
        "f = tr(A X B)        with A: m×n; X: n×p; B: p×m\n"
        "df = tr(A dX B)\n"
        f"∇f = {md.derive('tr(A*X*B)', wrt='X').gradient}\n"
        "gradient, the shape of X (n×p), for ⟨A,B⟩ = tr(AᵀB)\n"
        "not verified: --no-verify was given\n"
    )


REMARK = "beta is read as a vector, since it stands behind a matrix"
REMARKED = ("norm(y - X*beta)^2", "--wrt", "beta")


@pytest.mark.parametrize(
    "arguments",
    [
        *(("derive", *REMARKED, "--format", form) for form in ("text", "latex", "markdown", "json")),
        ("derive", *REMARKED, "--ascii", "--steps"),
        ("derive", *REMARKED, "--check"),
        ("derive", *REMARKED, "--order", "2"),
        ("verify", *REMARKED),
        ("verify", *REMARKED, "--claim", "2*X'*(X*beta - y)"),
        ("codegen", *REMARKED),
    ],
)
def test_remarks_show_in_every_display(capsys, arguments):
    assert REMARK in out(capsys, *arguments)


def test_json_has_remarks_where_there_are_any(capsys):
    assert REMARK in json.loads(out(capsys, "derive", *REMARKED, "--format", "json"))["remarks"][0]
    assert "remarks" not in json.loads(out(capsys, *TRACE, "--format", "json"))


@pytest.mark.parametrize(
    ("function", "declared"), [("norm(x - x)", ""), ("x'*A*x", "A: n×n skew"), ("x - x", ""), ("0*x'*x", "")]
)
def test_what_is_0_everywhere_is_said_to_be(capsys, function, declared):
    shown = out(capsys, "derive", function, "--wrt", "x", *(("--let", declared) if declared else ()))
    assert "verified: the function is 0 everywhere" in shown


@pytest.mark.parametrize("function", ["b'*b + 0*x'*x", "x'*x"])
def test_what_is_not_0_is_not(capsys, function):
    assert "0 everywhere" not in out(capsys, "derive", function, "--wrt", "x")


def test_ascii_keeps_to_ascii(capsys):
    shown = out(capsys, *TRACE, "--ascii", "--steps", "--no-verify")
    assert shown.isascii()
    assert "grad f = A'*B'" in shown


def test_derive_verifies_unless_told_not_to(capsys):
    assert out(capsys, *TRACE).splitlines()[-1].startswith("verified")


def test_declarations(capsys):
    shown = out(capsys, "derive", "x'*A*x", "--wrt", "x", "--let", "A: n×n symmetric", "--let", "x: n", "--no-verify")
    assert "A: n×n symmetric" in shown
    assert "∇f = 2" in shown


@pytest.mark.parametrize("text", ["-exp(-x'*x)", "-x'*x", "--x'*x"])
def test_an_expression_may_begin_with_a_minus_sign(capsys, text):
    assert "f = " in out(capsys, "derive", text, "--wrt", "x", "--no-verify")


def test_a_claim_may_begin_with_a_minus_sign(capsys):
    assert run(["verify", "-x'*x", "--wrt", "x", "--claim", "-2*x"]) == 0


def test_a_wrong_claim_is_status_1(capsys):
    assert run(["verify", "x'*x", "--wrt", "x", "--claim", "3*x"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_verify_without_a_claim(capsys):
    assert out(capsys, "verify", *TRACE[1:]).startswith("verified")


def test_standard_input(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO("A: m×n; X: n×m\ntr(A*X)\n".encode())))
    assert "∇f = Aᵀ" in out(capsys, "derive", "-", "--wrt", "X", "--no-verify")


@pytest.mark.parametrize(("raw", "said"), [(b"\xff\xfe", "UTF-8"), (b"x" * 200_000, "longer than 100 kB")])
def test_standard_input_that_is_no_program(capsys, monkeypatch, raw, said):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    assert said in refusal(capsys, "derive", "-", "--wrt", "X")


def test_steps_name_their_rules(capsys):
    shown = out(capsys, *TRACE, "--steps", "--no-verify")
    for step in md.derive("tr(A*X*B)", wrt="X").steps:
        assert step.rule in shown
    assert "1.  d(tr(A X B)) = " in shown


SYMMETRIC = ["derive", "logdet(S)", "--wrt", "S", "--let", "S: n×n symmetric", "--no-verify"]


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (SYMMETRIC, "3.  ∇f = S⁻¹   "),
        ([*SYMMETRIC, "--ascii"], "3.  grad f = inv(S)   "),
        ([*SYMMETRIC, "--format", "latex"], r"\nabla f &= S^{-1} && "),
        ([*SYMMETRIC, "--format", "markdown"], r"3. $\nabla f = S^{-1}$ ("),
        (["derive", "t^2", "--wrt", "t", "--let", "t: scalar", "--no-verify"], "df/dt = 2t   "),
    ],
)
def test_the_steps_end_with_the_answer(capsys, arguments, last):
    shown = out(capsys, *arguments, "--steps")
    (line,) = (line for line in shown.splitlines() if "read off the " in line)
    assert last in line


def test_long_answers_use_the_definitions_of_the_function(capsys):
    text = "h = tanh(W*x + b); p = sigmoid(v'*h); -y*log(p) - (1 - y)*log(1 - p)"
    shown = out(capsys, "derive", text, "--wrt", "W", "--let", "y: scalar", "--no-verify")
    assert "∇f = (p − y)(v − h.^2 ⊙ v) xᵀ\n" in shown and shown.count("h = tanh(W x + b)") == 1
    short = out(capsys, "derive", "r = A*x - b; r'*r/2", "--wrt", "x", "--no-verify")
    assert "∇f = Aᵀ r\n" in short
    d = md.derive(text, wrt="W", declare="y: scalar")
    e = d.abbreviated(d.gradient)
    assert e == d.gradient and md.parse(str(e), declare=d.types) == e


LAYERS = "a = tanh(W_1*x + b_1); y = tanh(W_2*a + b_2); z = W_3*y + b_3; norm(z - t)^2/2"
SHARED = [
    (
        "y = sigmoid(W*x + b); norm(y - t)^2/2",
        "W,b",
        ["∇f by W = δ xᵀ", "    where δ = y ⊙ (1 .- y) ⊙ (y − t)", "∇f by b = δ"],
    ),
    (
        LAYERS,
        "W_1,b_1,W_2,b_2,W_3,b_3",
        [
            "∇f by W₁ = δ₁ xᵀ",
            "    where δ₂ = (1 .- y.^2) ⊙ (W₃ᵀ(z − t))",
            "          δ₁ = (1 .- a.^2) ⊙ (W₂ᵀ δ₂)",
            "∇f by b₁ = δ₁",
            "∇f by W₂ = δ₂ aᵀ",
            "∇f by b₂ = δ₂",
            "∇f by W₃ = (z − t) yᵀ",
            "∇f by b₃ = z − t",
        ],
    ),
    (
        "a = tanh(W_1*x); y = tanh(W_2*a); z = W_3*y; norm(z - t)^2/2",
        "W_1,W_2,W_3",
        [
            "∇f by W₁ = ((1 .- a.^2) ⊙ (W₂ᵀ δ)) xᵀ",
            "    where δ = (1 .- y.^2) ⊙ (W₃ᵀ(z − t))",
            "∇f by W₂ = δ aᵀ",
            "∇f by W₃ = (z − t) yᵀ",
        ],
    ),
    ("norm(U*V - A)^2", "U,V", ["∇f by U = 2(U V − A) Vᵀ", "∇f by V = 2Uᵀ(U V − A)"]),
    (
        "y = sigmoid(W*x + delta); norm(y - t)^2/2",
        "W,delta",
        ["∇f by W = ε xᵀ", "    where ε = y ⊙ (1 .- y) ⊙ (y − t)", "∇f by delta = ε"],
    ),
]


@pytest.mark.parametrize(("text", "wrt", "gradients"), SHARED)
def test_what_gradients_share_is_named_once(capsys, text, wrt, gradients):
    """Definitions stand in all of the answers or in none."""
    let = ["--let", "delta: m"] if "delta" in wrt else []
    shown = out(capsys, "derive", text, "--wrt", wrt, "--no-verify", *let).splitlines()
    first = next(i for i, line in enumerate(shown) if line.startswith("∇f"))
    assert shown[first : first + len(gradients)] == gradients
    latex = out(capsys, "derive", text, "--wrt", wrt, "--no-verify", "--format", "latex", *let)
    assert latex.count(r"\text{where } \delta") == sum(("δ" in g and "where" in g) or " δ₁ =" in g for g in gradients)


@pytest.mark.parametrize(("text", "wrt"), [(t, w) for t, w, _ in SHARED])
def test_named_gradients_are_the_gradients(text, wrt):
    d = md.derive(text, wrt, "delta: m" if "delta" in wrt else None)
    plain = list(d.gradient.values())
    named = d.named(d.abbreviations(plain))
    for before, after in zip(plain, named, strict=True):
        assert md.equal(before, Expr(inline(after.node), before.variables)).equal


@pytest.mark.parametrize(
    ("text", "wrt", "rule", "end"),
    [
        ("norm(A*x - b)^2/2", "x", "read off the Hessian", "H = Aᵀ A "),
        ("logdet(X)", "X", "vec(A V B) = (Bᵀ ⊗ A) vec(V)", "H = −K(n,n)(X⁻ᵀ ⊗ X⁻¹) "),
        ("sum(x)^2 + x[1]*x'*b", "x", "product rule", "H = "),
    ],
)
def test_steps_go_on_to_the_hessian(capsys, text, wrt, rule, end):
    shown = out(capsys, "derive", text, "--wrt", wrt, "--order", "2", "--check").splitlines()
    steps = [line for line in shown if line[:1].isdigit()]
    assert end in steps[-1] and "read off the Hessian" in steps[-1] and any(rule in line for line in steps)
    assert all(line.endswith("✓") for line in steps)
    found = json.loads(out(capsys, "derive", text, "--wrt", wrt, "--order", "2", "--format", "json"))
    assert found["hessian_steps"][-1]["after"] == found["hessian"] and found["steps"][-1]["after"] == found["gradient"]


def test_verbose_steps_hold_the_others(capsys):
    function = "norm(A*x - b)^2/2"
    shown = out(capsys, "derive", function, "--wrt", "x", "--verbose", "--no-verify")
    d = md.derive(function, wrt="x")
    assert all(step.rule in shown for step in d.all_steps)
    assert len(d.all_steps) > len(d.steps)


def test_the_other_convention_of_symmetric_matrices(capsys):
    assert "G − G∘I (--convention independent)" in out(capsys, *SYMMETRIC)
    assert "--convention" not in out(capsys, *TRACE)
    shown = out(capsys, *SYMMETRIC, "--convention", "independent")
    expected = md.derive("logdet(S)", wrt="S", declare="S: n×n symmetric").independent_gradient
    assert f"∂f/∂S = {expected}\n".replace("eye(n)", "I") in shown
    found = json.loads(out(capsys, *SYMMETRIC, "--convention", "independent", "--format", "json"))
    assert found["independent_gradient"] == str(expected)
    assert "symmetric" in refusal(capsys, *TRACE, "--convention", "independent")


def test_adjoints_where_matrices_go_in_or_come_out(capsys):
    shown = out(capsys, "derive", "inv(X)", "--wrt", "X")
    assert "F'(X)*[Y] = −X⁻ᵀ Y X⁻ᵀ\n" in shown
    assert "adjoint, for ⟨Y, dF⟩ = ⟨F'(X)*[Y], dX⟩\n" in shown
    assert "F'*[Y] by X = Aᵀ Y xᵀ\n" in out(capsys, "derive", "A*X*x", "--wrt", "X,x")
    assert "[Y]" not in out(capsys, "derive", "A*x", "--wrt", "x")
    assert json.loads(out(capsys, "derive", "inv(X)", "--wrt", "X", "--format", "json"))["adjoint"] == "−X⁻ᵀ Y X⁻ᵀ"


def test_json_has_the_promised_keys(capsys):
    found = json.loads(out(capsys, *TRACE, "--format", "json"))
    assert list(found) == [
        "function",
        "wrt",
        "types",
        "differential",
        "gradient",
        "latex",
        "steps",
        "verification",
    ]
    assert found["gradient"] == str(md.derive("tr(A*X*B)", wrt="X").gradient)
    assert found["wrt"] == "X"
    assert found["verification"]["passed"] is True
    assert all(set(step) == {"rule", "before", "after"} for step in found["steps"])


def test_json_says_null_when_verification_did_not_run(capsys):
    found = json.loads(out(capsys, *TRACE, "--format", "json", "--no-verify"))
    assert found["verification"] == {"passed": None, "reason": "--no-verify was given"}


def test_latex_and_markdown(capsys):
    gradient = md.derive("tr(A*X*B)", wrt="X").gradient.latex()
    assert rf"\nabla f &= {gradient}" in out(capsys, *TRACE, "--format", "latex", "--no-verify")
    assert f"$$\n\\nabla f = {gradient}\n$$" in out(capsys, *TRACE, "--format", "markdown", "--steps", "--no-verify")


def test_hessian(capsys):
    arguments = ["derive", "norm(A*x - b)^2/2", "--wrt", "x", "--order", "2"]
    shown = out(capsys, *arguments)
    assert "\nH = " in shown
    assert "\nHessian verified" in shown
    found = json.loads(out(capsys, *arguments, "--format", "json"))
    assert found["hessian"] == str(md.derive("norm(A*x - b)^2/2", wrt="x").hessian)
    assert found["verification"]["hessian"]["passed"] is True


def test_jacobian(capsys):
    found = json.loads(out(capsys, "derive", "A*x", "--wrt", "x", "--format", "json"))
    assert found["jacobian"] == "A"
    assert "J_ij = ∂F_i/∂x_j" in out(capsys, "derive", "A*x", "--wrt", "x")


def test_derivative_by_a_scalar(capsys):
    assert "df/dt = " in out(capsys, "derive", "det(t*I - A)", "--wrt", "t")


def test_weighted_inner_product(capsys):
    shown = out(capsys, "derive", "b'*x", "--wrt", "x", "--inner", "W", "--no-verify")
    assert "∇f = W⁻¹ b\n" in shown
    assert "⟨A,B⟩ = tr(AᵀWB)\n" in shown


def test_definitions_stand_below_what_uses_them(capsys):
    shown = out(capsys, "derive", "r = A*x - b; r'*r", "--wrt", "x", "--steps", "--no-verify")
    assert shown.startswith("f = rᵀ r        with A: m×n; x: n; b: m\n    where r = A x − b\n")
    assert shown.count("r = A x − b") == 1


def test_codegen(capsys):
    import numpy as np

    namespace = {}
    exec(out(capsys, "codegen", "tr(A*X*B)", "--wrt", "X"), namespace)
    A, B = np.arange(6.0).reshape(2, 3), np.arange(8.0).reshape(4, 2)
    X = np.zeros((3, 4))
    assert np.allclose(namespace["gradient"](A=A, X=X, B=B), A.T @ B.T)


def test_several_variables(capsys):
    shown = out(capsys, "derive", "norm(X - U*V')^2", "--wrt", "U,V", "--no-verify")
    assert "∇f by U = " in shown
    assert "∇f by V = " in shown


def test_a_function_called_f_leaves_the_letter_to_the_variable(capsys):
    assert out(capsys, "derive", "f'*f", "--wrt", "f", "--no-verify").startswith("g = ")


def fails(self, **options):
    return Verification(False, reason="off by 0.5")


def cannot_run(self, **options):
    return Verification(None, reason="no point in the domain")


def test_an_answer_that_fails_its_verification_is_not_printed(capsys, monkeypatch):
    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", fails)
    said = refusal(capsys, *TRACE, status=1)
    assert "off by 0.5" in said
    assert "please report" in said


def test_an_answer_that_could_not_be_verified_says_so(capsys, monkeypatch):
    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", cannot_run)
    assert out(capsys, *TRACE).endswith("not verified: no point in the domain\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["derive", "tr(A*X*", "--wrt", "X"], "^"),
        (["derive", "tr(A*X*B)", "--wrt", "Q"], "Q"),
        (["derive", "A + B", "--wrt", "A", "--let", "A: 2×3", "--let", "B: 3×2"], "2×3"),
        (["derive", "tr(X)"], "--wrt"),
        (["derive", "--wrt", "X"], "EXPR is missing"),
        (["derive", "tr(A*X)", "tr(X)", "--wrt", "X"], "quotation marks"),
        (["derive", "tr(X)", "--wrt", "X", "--stepz"], "--stepz"),
        (["derive", "tr(X)", "--wrt", "X", "--format", "pdf"], "pdf"),
        (["derive", "tr(X)", "--wrt", "X", "--order", "9"], "9"),
        (["derive", "", "--wrt", "X"], ""),
        (["derive", "tr(\0X)", "--wrt", "X"], ""),
        (["derive", "tr(\udcffX)", "--wrt", "X"], ""),
        (["derrive", "tr(X)"], "derrive"),
        (["--frobnicate"], "--frobnicate"),
        (["rules", "logdte"], "logdet"),
    ],
)
def test_wrong_input_is_one_message_and_status_2(capsys, arguments, said):
    assert said in refusal(capsys, *arguments)


def test_a_fault_of_matdiff_is_a_message_too(capsys, monkeypatch):
    monkeypatch.delenv("MATDIFF_DEBUG", raising=False)
    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", lambda self: 1 / 0)
    assert "matdiff itself failed (ZeroDivisionError" in refusal(capsys, *TRACE)
    monkeypatch.setenv("MATDIFF_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(TRACE)


def test_interruption(monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("matdiff.api.derivation.Derivation.verify", interrupted)
    assert run(TRACE) == 130


def test_first_words(capsys):
    shown = out(capsys)
    for line in shown.splitlines():
        if line.startswith("  matdiff derive"):
            assert "--wrt" in line
    assert 'matdiff derive "tr(A*X*B)" --wrt X' in shown


def test_what_the_first_words_say_to_type_works(capsys):
    import shlex

    from matdiff.cli.app import FIRST

    for line in FIRST.splitlines():
        if line.startswith("  matdiff ") and "repl" not in line:
            run(shlex.split(line)[1:])
            assert capsys.readouterr().err == ""


def test_version(capsys):
    assert out(capsys, "--version") == f"matdiff {md.__version__}\n"


def test_rules(capsys):
    table = out(capsys, "rules").splitlines()
    assert any(line.startswith("logdet ") for line in table)
    entry = " ".join(out(capsys, "rules", "logdet").split())
    assert "shapes: (n,n)->()" in entry
    assert "in symbols: d logdet(X) = tr(X⁻¹ dX)" in entry
    assert "defined for: matrices with a positive determinant" in entry
    assert "Magnus & Neudecker" in entry


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tr", "⟨y, tr(V)⟩ = ⟨y I, V⟩"),
        ("matmul", "⟨Y, A V⟩ = ⟨Aᵀ Y, V⟩"),
        ("hcat", "⟨Y, [V, B]⟩ = ⟨Y[:,1:n], V⟩"),
        ("inv", "d(X⁻¹) = −X⁻¹ dX X⁻¹"),
        ("eigvals", "d eigvals(S) = diag(Qᵀ dS Q), where S = Q Diag(λ) Qᵀ"),
        ("sigma_max", "d sigma_max(X) = uᵀ dX v, where X v = sigma_max(X) u, ‖u‖ = 1; Xᵀ u = sigma_max(X) v, ‖v‖ = 1"),
        ("rowsum", "rowsum(X) = X ones(n)"),
        ("abs", "where an entry of the argument is 0"),
    ],
)
def test_a_rule_is_run_on_symbols(capsys, name, said):
    assert said in out(capsys, "rules", name)


def test_every_record_has_a_row_and_an_entry(capsys):
    from matdiff.cli.reference import DOMAINS, formulas, records
    from matdiff.cli.rules import about

    bare = {
        "mpow",
        "slice",
        "svdvals",
        "svd_U",
        "svd_V",
        "lastcols",
        "polar",
        "eigproj",
        "eigproj_max",
        "eigproj_min",
    }  # what a signature does not say: a power, a window, which columns
    for name, found in records().items():
        assert about(name).startswith(name)
        assert name in bare or any(formulas(r) for r in found), name
        assert all(w in DOMAINS for r in found for w in getattr(r, "domain", ()) if w)
    table = out(capsys, "rules", "--format", "markdown").splitlines()
    assert len(table) == 2 + sum(map(len, records().values()))
    assert all(line.count(" | ") == table[0].count(" | ") for line in table)
    assert out(capsys, "rules", "logdet", "--format", "markdown").startswith("### `logdet`\n\n- shapes: ")


def test_backends(capsys):
    assert "numpy  jax    torch" in out(capsys, "rules", "--backends")
    assert "| `logdet` | yes | yes | yes |" in out(capsys, "rules", "--backends", "--format", "markdown")


def test_rules_in_ascii(capsys):
    assert out(capsys, "rules", "--ascii").isascii()
    assert out(capsys, "rules", "inv", "--ascii").isascii()


def test_a_terminal_has_the_table_as_wide_as_it_is(capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    shown = out(capsys, "rules")
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in shown.splitlines()) <= 80
    assert "logdet" in shown


def test_colour_is_for_terminals(capsys, monkeypatch):
    assert "\x1b[" not in out(capsys, *TRACE)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click._compat.should_strip_ansi", lambda *_: False)
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = out(capsys, *TRACE)
    assert "\x1b[1m∇f = Aᵀ Bᵀ\x1b[0m\n" in shown
    assert "\x1b[32mverified: " in shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in out(capsys, *TRACE)


def test_a_pipe_never_imports_rich():
    code = "import sys; from matdiff.cli.app import run; run(['rules']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert "rich" not in done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize(
    ("words", "found"),
    [("matdiff rules logd", "logdet"), ("matdiff der", "derive"), ("matdiff derive --ord", "--order")],
)
def test_shells_complete(words, found):
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_MATDIFF_COMPLETE": "bash_complete"}
    assert found in process(env={**os.environ, **asked}, encoding="utf-8").stdout


@pytest.mark.parametrize("command", ["derive", "verify", "codegen", "rules"])
def test_help(capsys, command):
    assert f"Usage: matdiff {command}" in out(capsys, command, "--help")


def test_as_a_module():
    done = process(*TRACE, "--no-verify", encoding="utf-8", env={"PYTHONIOENCODING": "utf-8"})
    assert done.returncode == 0
    assert "∇f = " in done.stdout


def test_output_that_cannot_carry_the_signs_is_ascii():
    done = process(*TRACE, "--no-verify", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    assert b"grad f = A'*B'" in done.stdout


def test_a_reader_that_leaves_early():
    with subprocess.Popen(
        [sys.executable, "-m", "matdiff", "rules"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() in (0, 141)


def test_deriving_loads_nothing_heavy():
    """A cold `derive --no-verify` costs little more than starting Python."""
    code = f"import sys; from matdiff.cli.app import run; run({[*TRACE, '--no-verify']!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"numpy", "scipy", "sympy", "rich", "lark"}


def test_statements_are_split_outside_brackets():
    assert statements("P = [x; y]; Q = P'; P Q") == ["P = [x; y]", "Q = P'", "P Q"]


def test_unicode_output_asks_the_stream(monkeypatch):
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert not unicode_output()


def test_everything_said_about_functions_has_an_ascii_form():
    import matdiff.ops  # noqa: F401  fills the tables
    from matdiff.core.op import registry

    for record in registry.values():
        for said in (record.law, record.source, record.smooth, record.summary):
            assert prose(said, "ascii").isascii()
            assert "\\" not in prose(said, "ascii")
    assert prose("X⁻ᵀ, λ: scalar; A: m×n", "ascii") == "X^-T, lambda: scalar; A: mxn"


def test_what_is_refused_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    table = out(capsys, "rules", "--refused")
    for name, (why, instead) in REFUSALS.items():
        assert name in table and why in table and instead in table
    assert "softmax" in out(capsys, "rules", "argmax")


SECOND = [
    ("inv(X)", "X", None, "F''(X)[dX₁,dX₂] = X⁻¹(dX₁ X⁻¹ dX₂ + dX₂ X⁻¹ dX₁) X⁻¹"),
    ("S^2", "S", "S: n×n symmetric", "F''(S)[dS₁,dS₂] = dS₁ dS₂ + dS₂ dS₁"),
    ("X*X'", "X", None, "F''(X)[dX₁,dX₂] = dX₁ dX₂ᵀ + dX₂ dX₁ᵀ"),
    ("exp(x)", "x", None, "F''(x)[dx₁,dx₂] = exp(x) ⊙ dx₁ ⊙ dx₂"),
    ("A*X*B", "X", None, "F''(X)[dX₁,dX₂] = 0"),
    ("X*Z", "X,Z", None, "F'' by X,Z = dX₁ dZ₂"),
]


@pytest.mark.parametrize(("text", "wrt", "let", "line"), SECOND)
def test_the_second_derivative_of_any_function_is_a_bilinear_form(capsys, text, wrt, let, line):
    arguments = ["derive", text, "--wrt", wrt, "--order", "2", *(["--let", let] if let else [])]
    shown = out(capsys, *arguments, "--check")
    assert line in shown.splitlines() and "second derivative verified: " in shown
    if "," not in wrt:
        assert f"{line}   the second direction is d{wrt}₂  ✓" in re.sub(r" +the second", "   the second", shown)
    record = json.loads(out(capsys, *arguments, "--format", "json"))
    assert record["second"] and record["verification"]["second"]["passed"] is True
    assert r"\begin{align*}" in out(capsys, *arguments, "--format", "latex")


def test_a_wrong_second_derivative_does_not_verify(monkeypatch):
    d = md.derive("inv(X)", "X")
    assert d.verify(order=2).passed
    right = d.second_forms
    monkeypatch.setattr(type(d), "second_forms", property(lambda self: [right[0] + right[0]]))
    assert d.verify(order=2).passed is False


def test_hessians_by_several_variables_are_checked_step_by_step(capsys):
    shown = out(capsys, "derive", "x'*A*y", "--wrt", "x,y", "--order", "2", "--check")
    assert "H by x,y = A\n" in shown and "✗" not in shown and "(not checked)" not in shown
    assert re.search(r"H by x,y = A +read off the Hessian  ✓", shown)
    record = json.loads(out(capsys, "derive", "x'*A*y", "--wrt", "x,y", "--order", "2", "--steps", "--format", "json"))
    assert [(g["to"], g["by"]) for g in record["further_steps"]][:2] == [("gradient", ["x"]), ("gradient", ["y"])]


MEAN = ("derive", "E[norm(z)]", "--let", "z ~ normal(m, I)", "--wrt", "m")
COMPLEX = ("codegen", "z'*z", "--let", "z: n complex", "--wrt", "z")


@pytest.mark.parametrize(
    "arguments",
    [
        *((*MEAN, *given) for given in (("--steps",), ("--explicit",), ("--mode", "forward"))),
        *((*COMPLEX, *given) for given in (("--newton",), ("--custom",), ("--target", "c"), ("--target", "numba"))),
        ("derive", *COMPLEX[1:], "--why"),
    ],
)
def test_options_that_would_do_nothing_are_refused(capsys, arguments):
    assert "go with" in refusal(capsys, *arguments)
