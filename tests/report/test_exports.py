"""What is copied to other places: Typst, which is compiled; Octave, which is run; Julia, which is parsed."""

from __future__ import annotations

import random
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import columns as languages
import numpy as np
import pytest
from codegen_cases import VARIABLES, arrays
from julia_text import JuliaError, Program
from latex_roundtrips import names

import matdiff as md
from matdiff.cli.app import run
from matdiff.codegen import compile_, source
from matdiff.codegen.backends import columns
from matdiff.codegen.backends.columns import JULIA, LANGUAGES, OCTAVE, code_of, has_code
from matdiff.core.node import Node
from matdiff.core.op import Columns, nonlinear, registry
from matdiff.ops.unknown import Unknown
from matdiff.printing import to_latex
from matdiff.printing.names import latex_name
from matdiff.printing.typst import document, from_latex
from tests import test_engines as engines
from tests.codegen import test_backends as backends

BOOK = tomllib.loads((Path(__file__).parents[1] / "textbook.toml").read_text("utf-8"))["identity"]

# Typst


def compiled(text: str, tmp_path: Path) -> None:
    """Raises where Typst does not take the text."""
    typst = pytest.importorskip("typst", reason="the package typst is not installed")
    page = tmp_path / "page.typ"
    page.write_text(f"#set page(width: auto, height: auto)\n{text}\n", "utf-8")
    typst.compile(str(page), output=str(tmp_path / "page.pdf"))


def formulas() -> Iterator[str]:
    """Every function, the answers of textbooks, a third of the engines' table with its derivatives, strange names."""
    for node in backends.CASES.values():
        yield from_latex(to_latex(node))
    for entry in BOOK:
        yield md.parse(entry["answer"], declare=entry["declare"]).typst()
    for number in range(0, len(engines.CASES), 3):
        d = engines.derivation(number)
        result = getattr(d, d.kind)
        yield from (e.typst() for e in [d.function, *(result.values() if isinstance(result, dict) else [result])])
    strange = names(random.Random(5))
    yield from (from_latex(latex_name(next(strange)) + "^{2}_{1}") for _ in range(200))


def test_every_formula_compiles(tmp_path: Path) -> None:
    found = list(formulas())
    assert len(found) > 900
    compiled("\n\n".join(f"$ {formula} $" for formula in found), tmp_path)


SAID = [
    ["derive", "norm(A*x - b)^2/2", "--wrt", "x", "--order", "2", "--steps", "--why"],
    ["derive", "norm(X - U*V')^2", "--wrt", "U,V", "--steps"],
    ["derive", "inv(X)", "--wrt", "X", "--steps", "--order", "2", "--check"],
    ["derive", "A*x = b for x; norm(x - y)^2/2", "--wrt", "A", "--order", "2"],
    ["derive", "norm(A*z - b)^2", "--wrt", "z", "--let", "A: m×n complex; z: n complex; b: m complex", "--steps"],
    ["derive", "lambda_max(S)", "--wrt", "S", "--let", "S: n×n symmetric"],
    ["derive", "[A, b; x', 1]*y", "--wrt", "x", "--let", "y: n + 1"],
    ["convex", "norm(A*x - b)^2 + norm1(x)", "--wrt", "x"],
    ["equal", "A*B", "B*A"],
    ["model", "log(1 + x^2)", "--wrt", "x", "--let", "x: scalar", "--order", "2", "--at", "x=1e-7"],
    ["stationary", "norm(X*w - y)^2 + lambda*w'*w", "--wrt", "w", "--let", "lambda: scalar positive", "--no-verify"],
    ["descend", "norm(A*x - b)^2", "--wrt", "x", "--at", "A=[1 2; 3 4]; b=[1,2]; x=[0,0]", "--method", "newton"],
    ["newton", "norm(tanh(W*x) - y)^2", "--wrt", "x"],
    ["ode", "p[1] + p[2]*u^2", "--state", "u", "--wrt", "p", "--let", "p: 2; u: scalar", "--no-verify"],
    ["recurrence", "u[k+1] = A*u[k] + B*w[k]", "--state", "u", "--wrt", "A", "--no-verify"],
    ["vary", "int(sqrt(1 + D(u)^2), x, 0, 1)", "--wrt", "u", "--let", "u: function of x", "--ends", "fixed"],
    ["random", "z'*A*z", "--wrt", "m", "--let", "z ~ normal(m, S)", "--no-verify"],
]  # fmt: skip


def test_every_command_writes_typst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in SAID:
        assert run([*words, "--format", "typst"]) in (0, 1)
    said, errors = capsys.readouterr()
    assert errors == ""
    lines = said.splitlines()
    assert lines.count("$") >= 2 * len(SAID)
    assert not [line for line in lines if "\\begin" in line or line.startswith("%")]
    compiled(said, tmp_path)


@pytest.mark.parametrize(
    ("latex", "typst"),
    [
        (r"\lVert Ax - b\rVert^{2}", "norm(A x - b)^2"),
        (r"\tfrac{1}{2}(A + B)^{-\top}", "1/2 (A + B)^(-⊤)"),
        (r"\frac{a + b}{2c}", "(a + b)/(2 c)"),
        (r"\frac{a}{b}^{2}", "attach(a/b, t: 2)"),
        (r"{x_{1}}_{2}", "attach(x_1, b: 2)"),
        (r"x_{1}^{2}", "x_1^2"),
        (r"\lVert f(x, y)\rVert_*", "norm(f (x, y))_*"),
        (r"\sqrt{a, b; c}", r"sqrt(a\, b\; c)"),
        (r"\begin{bmatrix} A & b \\ f(x, y) & 1 \end{bmatrix}", r'mat(delim: "[", A, b; f (x\, y), 1)'),
        (r"\operatorname{diag}(x)\lambda", 'op("diag") (x) lambda'),
        (r"\mathrm{d}x_{10}", "dif x_10"),
        (r"\mathrm{W1}\mathrm{e}", '"W1" upright("e")'),
        (r"\text{by $\langle$Y$^\top$$\rangle$ \& 50\% \_ ""q" + "}", r'"by " ⟨ "Y"^⊤ ⟩ " & 50% _ q"'),
        (r"\mathrm{say\"a\}", r'"say\"a"'),
        ("2.5e-05x", "2.5 ⋅ 10^(-5) x"),
        (r"f''(x)[\mathrm{d}x_1,\mathrm{d}x_2]", "f'' (x) [dif x_1, dif x_2]"),
        (r"\unheardof{x}", 'op("unheardof") x'),
    ],
)  # fmt: skip
def test_a_token_at_a_time(latex: str, typst: str) -> None:
    if "say" in latex:
        latex = r'\mathrm{say"a}'
    assert from_latex(latex) == typst


def test_an_answer_as_typst() -> None:
    d = md.derive("norm(A*x - b)^2/2", wrt="x")
    assert d.typst().splitlines()[:5] == [
        "$",
        "  f &= 1/2 norm(A x - b)^2 \\",
        "  dif f &= (A x - b)^⊤ A dif x \\",
        "  ∇ f &= A^⊤ (A x - b)",
        "$",
    ]
    assert d.typst(steps=True, order=2) == document(d.latex(steps=True, order=2))
    assert md.derive("inv(X)", wrt="X").adjoint.typst() == "F' (X)^* [Y] = -X^(-⊤) Y X^(-⊤)"
    assert md.derive("A*x = b for x; c'*x", wrt="A").typst().startswith('$\n  f &= c^⊤ x && " where " x')
    ode = md.ode("A*u", state="u", wrt="A")
    assert ode.adjoint.typst() == "v' = -A^⊤ v, wide v (T) = -w"


def test_deep_and_long_formulas_take_no_recursion() -> None:
    deep = "x" + "^{y" * 3000 + "}" * 3000
    assert from_latex(deep).count("^") == 3000
    assert len(from_latex("x + " * 20_000 + "x")) == 4 * 20_000 + 1


# Octave and Julia: the table of all functions, and that of the engines with value and derivatives

Job = tuple[str, Any, Any, Any]


@cache
def jobs(each: int = 2) -> list[Job]:
    """Every second case of the engines' table, or fewer, every eighth with its Hessian; and one case of each function
    that these do without."""
    found: list[Job] = []
    reached: set[str] = set()
    for number in range(0, len(engines.CASES), each):
        d, c = engines.derivation(number), engines.CASES[number]
        result = getattr(d, d.kind)
        nodes = [d.function.node, *(e.node for e in (result.values() if isinstance(result, dict) else [result]))]
        nodes = backends.derivatives(number) if number % 8 == 0 else nodes
        found.append((c.text, nodes, d.function.variables, engines.point(number)))
        reached |= set().union(*map(backends.reached, nodes))
    given = arrays(1)
    for i, (name, node) in enumerate(backends.CASES.items()):
        new = backends.reached(node) - reached
        if new or (name in backends.CORE and i % 6 == 0):
            found.append((name, node, VARIABLES, given))
            reached |= new
    return found


def numpy(job: Job) -> list[Any]:
    _, node, variables, given = job
    nodes = node if isinstance(node, list) else [node]
    return list(compile_(nodes, variables)(**given))


def test_every_function_has_code() -> None:
    lacking = {
        (name, language.title)
        for name, op in registry.items()
        for language in LANGUAGES.values()
        if op.numpy and not has_code(op, language) and op.definition is None and not isinstance(op, (Columns, Unknown))
    }
    assert lacking == set()


@pytest.mark.skipif(languages.OCTAVE is None, reason="Octave is not installed")
def test_octave_gives_the_values_of_numpy(tmp_path: Path) -> None:
    wanted = jobs()
    assert len(wanted) > 130
    found = languages.octave(tmp_path, [job[1:] for job in wanted])
    wrong = []
    for (name, *_), values, numbers in zip(wanted, found, map(numpy, wanted), strict=True):
        right = not isinstance(values, str) and all(map(languages.close, values, numbers))
        wrong += [] if right else [(name, values)]
    assert wrong == []


@pytest.mark.skipif(languages.JULIA is None, reason="Julia is not installed")
def test_julia_gives_the_values_of_numpy(tmp_path: Path) -> None:
    wanted = jobs()
    found = languages.julia(tmp_path, [job[1:] for job in wanted])
    for (name, *_), values, numbers in zip(wanted, found, map(numpy, wanted), strict=True):
        assert not isinstance(values, str), (name, values)
        assert all(map(languages.close, values, numbers)), name


def test_julia_means_the_values_of_numpy() -> None:
    """By an evaluator with Julia's rules of shapes, also where Julia is not installed."""
    pytest.importorskip("tree_sitter_julia", reason="tree-sitter-julia is not installed")
    for name, node, variables, given in jobs(8):
        text = source(node, variables, "julia", name="f")
        got = Program(text).call("f", *languages.taken(text, variables, given))
        numbers = numpy((name, node, variables, given))
        for have, want in zip(got if isinstance(node, list) else [got], numbers, strict=True):
            assert np.shape(have) == np.shape(want), name
            size = max(1, np.max(np.abs(want), initial=0))
            np.testing.assert_allclose(have, want, rtol=1e-8, atol=1e-8 * size, err_msg=name)


@pytest.mark.parametrize(
    "line", ["A * x'", "x + x'", "A + 1", "x * x", "A[0, 1]", "A[1]'[2]", "x .+ ones(3)", "2 / x", "nothing(x)"]
)
def test_what_julia_refuses_is_refused(line: str) -> None:
    pytest.importorskip("tree_sitter_julia", reason="tree-sitter-julia is not installed")
    with pytest.raises((JuliaError, ValueError, TypeError)):
        Program(f"function f(A, x)\n    return {line}\nend").call("f", np.eye(2), np.ones(2))


def test_octave_keeps_to_what_matlab_reads() -> None:
    """No text between double quotation marks, no `!`, `#`, `+=`, `endif`, and no index right behind a call."""
    texts = [source(node, variables, "octave", name="f") for _, node, variables, _ in jobs()]
    for text in [*texts, *columns.helpers(OCTAVE).values()]:
        code = re.sub(r"%.*|'[^'\n]*'(?=[,);])", "", text)
        assert not re.search(r'["#!]|\+\+|[-+*/]=|\bend\w|\bprintf|\bputs|[)\]]\(', code), text


def julia_errors(text: str) -> list[str]:
    """Where a parser of Julia finds no Julia."""
    reason = "tree-sitter and tree-sitter-julia are not installed"
    sitter = pytest.importorskip("tree_sitter", reason=reason)
    grammar = pytest.importorskip("tree_sitter_julia", reason=reason)
    tree = sitter.Parser(sitter.Language(grammar.language())).parse(text.encode())
    found, waiting = [], [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            found.append(f"{node.start_point}: {text.encode()[node.start_byte : node.end_byte].decode()[:80]}")
        waiting += node.children
    return found


def test_julia_is_julia() -> None:
    texts = [source(node, variables, "julia", name="f") for _, node, variables, _ in jobs()]
    texts.append("\n\n".join(columns.helpers(JULIA).values()))
    wrong = [(text, errors) for text in texts if (errors := julia_errors(text))]
    assert wrong == []
    assert julia_errors("function f(x)\n    return x .* \nend")


BASE = """
abs acos argmax asin atan axes collect cos cosh diagm dot eachcol eachindex eachrow eltype eps exp expm1 fill float
floatmin hcat hypot imag isinf isinteger kron length log log1p max maximum min minimum one ones permutedims prod
real reduce reshape round sign sin sinh size sqrt sum tan tanh throw vcat vec zero zeros zip Dict Int
DimensionMismatch DomainError Matrix Diagonal Symmetric checksquare cholesky cond det diag eigen eigvals eigvecs inv
logabsdet norm opnorm pinv qr svd svdvals sylvester tr tril triu erf loggamma digamma polygamma
""".split()  # noqa: SIM905
"""What Julia 1.6, LinearAlgebra and SpecialFunctions have."""


def test_julia_calls_what_there_is() -> None:
    """All that is called is in Julia's libraries or in the file itself, which says what it uses."""
    for name, node, variables, _ in jobs():
        text = source(node, variables, "julia", name="f")
        code = re.sub(r'"""[\s\S]*?"""|#.*|"[^"\n]*"', "", text)
        own = set(re.findall(r"^ *(?:function )?(\w+)\([\w, ]*\)(?: = |$)", code, re.MULTILINE))
        called = set(re.findall(r"(?<![\w:])([A-Za-z_]\w*)\.?\(", code))
        assert called <= {*BASE, *own, "f"}, (name, called - {*BASE, *own})
        assert ("using SpecialFunctions" in text) is bool(called & {"erf", "loggamma", "digamma", "polygamma"}), name


# the files and their functions


def octave(tmp_path: Path, text: str, script: str) -> str:
    if languages.OCTAVE is None:
        pytest.skip("Octave is not installed")
    (tmp_path / "saved.m").write_text(text, "utf-8")
    done = subprocess.run(
        [languages.OCTAVE, "--norc", "--quiet", "--eval", script],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_file_of_functions_in_octave(tmp_path: Path) -> None:
    """As MATLAB and as Octave call them; rows are columns, whole numbers are numbers, wrong shapes are refused."""
    text = md.derive("norm(X - U*V')^2 + λ*sum(w)", wrt="U,V", declare="w: 3").octave(order=2)
    script = """
    X = int32([1 2 3; 4 5 6]); U = [1; 2]; V = [1; 0; 1]; w = [1 2 3];
    saved; f = derivatives; [v, g, H] = f.value_grad_hessian(X, U, V, 2, w); h = f.gradient(X, U, V, 2, w);
    printf('%g ', v, g.U, g.V, size(H.U_V), fieldnames(H){:}); puts("\\n");
    assert(isequal(g, h)); printf('%g ', value(X, U, V, 2, w), gradient(X, U, V, 2, w).U); puts("\\n");
    try, value(X, U, [1; 2], 2, w), catch e, disp(e.message), end
    try, value(X, U, V, 2, [1 2; 3 4]), catch e, disp(e.message), end
    try, value(X, U, V, 1i, w), catch e, disp(e.message), end
    """
    said = octave(tmp_path, text, script).splitlines()
    X, U, V = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[1.0], [2]]), np.array([[1.0], [0], [1]])
    r = U @ V.T - X
    value = (r**2).sum() + 12
    numbers = [value, *(2 * r @ V).ravel(), *(2 * r.T @ U).ravel(), 2, 3]
    assert [float(x) for x in said[0].split()[: len(numbers)]] == numbers
    assert [float(x) for x in said[1].split()] == [value, *(2 * r @ V).ravel()]
    assert said[2:5] == [
        "V must be 3x1, and is 2x1",
        "w must be a real vector",
        "lambda must be a real number",
    ]


def test_names_that_a_language_keeps_for_itself() -> None:
    d = md.derive("x_end'*W*x_end + λ*y'*array", wrt="x_end", declare="array: m; y: m")
    assert "function result = value(x_end, W, lambda, y, array_1)" in d.octave()
    assert "function value(x_end, W, λ, y, array)" in d.julia()
    assert "function value(if_, W)" in md.derive("if'*W*if", wrt="if", declare="if: n").julia()


def test_domains_are_kept_in_octave(tmp_path: Path) -> None:
    """Where NumPy has no number, Octave has none either, and no complex one."""
    f = md.parse("sum(sqrt(x)) + sum(log(x)) + sum(x.^1.5)", declare="x: n")
    text = source(f.node, f.variables, "octave", name="saved")
    assert "complex" in octave(tmp_path, text, "saved([1, -2])")


def test_an_index_that_is_a_letter(tmp_path: Path) -> None:
    """It counts from 1, is refused where it is none, and belongs to a simple eigenvalue where one is needed."""
    d = md.derive("eigval(S, i)", wrt="S", declare="S: n×n symmetric")
    script = """
    saved; S = diag([3 1 2]); printf('%g ', value(S, 2), gradient(S, 3), trace(reduced_resolvent(S, 1)));
    for i = {0, 4, 1.5}, try, value(S, i{1}), catch, printf(' none'), end, end, disp('');
    try, reduced_resolvent(eye(2), 1), catch e, disp(e.message), end
    """
    said = octave(tmp_path, d.octave(order=2), script).splitlines()
    assert [float(x) for x in said[0].split()[:11]] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1.5]
    assert said[0].split()[11:] == ["none"] * 3
    assert said[1:2] == ["eigenvalue number 1 is not simple"]
    pytest.importorskip("tree_sitter_julia", reason="tree-sitter-julia is not installed")
    program = Program(d.julia(order=2))
    assert program.call("value", np.diag([3.0, 1, 2]), 2.0) == 2
    with pytest.raises(JuliaError):
        program.call("value", np.eye(3), 1.5)


FACTORS = {"lu_L": 4, "lu_U": 4, "qr_Q": 5, "qr_R": 5, "svd_U": 5, "svd_V": 5}


@pytest.mark.skipif(languages.OCTAVE is None, reason="Octave is not installed")
def test_signs_of_factors_are_those_of_numpy(tmp_path: Path) -> None:
    """Of many matrices, among them such that LAPACK has other signs, or exchanges rows."""
    wanted: list[Job] = []
    for seed in range(6):
        for name, rows in FACTORS.items():
            A = np.random.default_rng(seed).normal(size=(rows, 4))
            f = md.parse(f"{name}(A)", declare=f"A: {rows}×4")
            wanted.append((name, f.node, f.variables, {"A": A * (-1) ** seed}))
    found = languages.octave(tmp_path, [job[1:] for job in wanted])
    for (name, *_), values, numbers in zip(wanted, found, map(numpy, wanted), strict=True):
        assert not isinstance(values, str), (name, values)
        assert all(map(languages.close, values, numbers)), name


@pytest.mark.parametrize("target", ["julia", "octave"])
def test_what_has_no_code_is_refused(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    title = {"julia": "Julia", "octave": "Octave"}[target]
    z = md.parse("z", declare="z: n complex")
    (Z,) = z.variables
    with pytest.raises(md.UnsupportedError, match=f"{title} is written for real variables, and z is complex"):
        source(z.node, [Z], target)
    with pytest.raises(md.UnsupportedError, match="source text"):
        md.parse("x", declare="x: n").compile(target)
    with pytest.raises(md.UnsupportedError, match="h is an unknown function"):
        md.parse("h(x)", declare="h: n -> scalar").source(target)
    assert run(["codegen", "A*x = b for x; norm(x)", "--wrt", "A", "--target", target]) == 2
    assert run(["codegen", "norm(x)^2", "--wrt", "x", "--target", target, "--mode", "vjp"]) == 2
    assert f"--target {target} goes with functions without equations" in capsys.readouterr().err


def test_a_record_of_ones_own() -> None:
    """It has the code of its record, or of its definition, or is refused by name."""
    try:
        half = nonlinear("halfnorm", "(n)->()", lambda x, dx: x.T @ dx, numpy="{0} @ {0} / 2")
        with pytest.raises(md.UnsupportedError, match="Julia has no halfnorm"):
            md.parse("halfnorm(x)", declare="x: n").source("julia")
        half.julia = "(sum(abs2, {0}) / 2)"
        half.octave = "(sum({0} .^ 2) / 2)"
        assert "sum(abs2, x) / 2" in md.parse("halfnorm(x)", declare="x: n").source("julia")
        assert "sum(x .^ 2) / 2" in md.parse("halfnorm(x)", declare="x: n").source("octave")
        assert code_of(half, OCTAVE) != code_of(half, JULIA)
        md.elementwise("swish", "t/(1 + exp(-t))")
        assert "sigmoid(x)" in md.parse("swish(x)", declare="x: n").source("octave")
    finally:
        for name in ("halfnorm", "swish"):
            if name in registry:
                md.forget(name)


def test_the_page_offers_all_of_them() -> None:
    """Its buttons are what the command line has; what they copy is what that prints."""
    from matdiff.web import view

    (offered,) = view.about({})
    assert "typst" in offered["formats"] and {"julia", "octave"} <= set(offered["targets"])
    told = {
        e.get("name"): e for e in view.events({"function": "x'*A*x", "parts": ["copy", "code"], "target": "octave"})
    }
    assert told["copy"]["texts"]["typst"].startswith("$\n  f &= x^⊤ A x")
    assert "function result = gradient(x, A)" in told["code"]["source"]
    page = (Path(view.__file__).parent / "static" / "page.js").read_text("utf-8")
    assert all(word in page for word in ('typst: "Typst"', 'julia: "Julia"', 'octave: "MATLAB/Octave"'))


def test_long_chains_take_no_recursion() -> None:
    x = md.vector("x", "n")
    e: Any = x
    for _ in range(2000):
        e = md.sin(e) + x
    node: Node = e.node
    assert source(node, [*e.variables], "octave", name="f").count("\n") > 300
