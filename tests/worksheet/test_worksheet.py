"""Worksheets: reading blocks, building every format, marking answers, and the course in examples/."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import xml.dom.minidom
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from matdiff.cli.app import app
from matdiff.errors import MatdiffError, ParseError, UnsupportedError
from matdiff.report.pdf import CHROMIUM, LATEX
from matdiff.solution.problem import Problem, choice
from matdiff.worksheet import build as building
from matdiff.worksheet import folder, report, sheet
from matdiff.worksheet.answers import submission
from matdiff.worksheet.build import FORMATS, build
from matdiff.worksheet.check import Mark, mark, marks
from matdiff.worksheet.document import worksheet
from matdiff.worksheet.sheet import solutions
from matdiff.worksheet.solution import Solution
from matdiff.worksheet.systems import SystemSolution
from matdiff.worksheet.worker import Result

for needed in ("markdown_it", "mdit_py_plugins", "latex2mathml", "nbformat"):
    if find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed", allow_module_level=True)

EXAMPLES = Path(__file__).parents[2] / "examples"
LESSONS = sorted(EXAMPLES.glob("[0-9]*.md"))
EXPECTED = re.compile(r"<!-- expect (\d+): (\w+)(?:, line (\d+))?(?:, ([^>]*?))? -->")

SMALL = """\
# A small sheet

Some *prose* with $x^2$.

```matdiff
title: Trace
points: 2
f: tr(M*X)
wrt: X
choose: M in [A, B, C]
hint: Use the trace.
```

The matrix is ${{M}}$, and $\\frac{{1}}{{2}}$ stays.
"""


def block(*lines: str) -> str:
    return "\n".join(["text", "", "```matdiff", *lines, "```", ""])


def test_remarks_show_in_solutions() -> None:
    lesson = block("f: norm(y - X*beta)^2", "wrt: beta")
    shown = " ".join(str(b) for b in solutions(worksheet(lesson, "lesson.md"), lambda s: None))
    assert "beta is read as a vector" in shown


# reading


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("f: tr(X)",), "lesson.md, line 3: the problem has no `wrt:` line"),
        (("wrt: X",), "lesson.md, line 3: the problem has no `f:` line"),
        (("f: tr(X)", "wrt: X", "colour: red"), "lesson.md, line 6: there is no key 'colour'"),
        (("f: tr(X)", "wrt: X", "nonsense"), "lesson.md, line 6: `key: value` is expected, not 'nonsense'"),
        (("f: tr(X)", "f: tr(X)"), "lesson.md, line 5: `f:` stands twice"),
        (("f: tr(X)", "wrt: X", "ask: beauty"), "lesson.md, line 6: 'beauty' cannot be asked for"),
        (("f: tr(X)", "wrt: X", "points: many"), "lesson.md, line 6: `points:` takes a number"),
        (("f: tr(X)", "wrt: X", "choose: M of A"), "lesson.md, line 6: 'M of A' is not a choice"),
        (("f: tr(X)", "wrt: X", "choose: M in []"), "lesson.md, line 6: there is nothing to choose M from"),
        (("f: tr(X)", "wrt: X", "choose: (M, k) in [(A, 2), (B)]"), "lesson.md, line 6: 2 words are chosen together"),
    ],
)
def test_errors_in_blocks_say_the_line(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(ParseError) as caught:
        worksheet(block(*lines), "lesson.md")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("f: tr(X*", "wrt: X"), "lesson.md, line 3: "),
        (("f: tr(X)", "wrt: Y"), "lesson.md, line 3: Y is not a variable"),
        (("f: tr(A*X)", "wrt: X", "form: A"), "lesson.md, line 3: the wanted form is not the gradient"),
        (("f: X*X", "wrt: X", "ask: gradient"), "lesson.md, line 3: "),
        (("f: norm(X - U)", "wrt: X,U", "form: X"), "lesson.md, line 3: `form:` goes with one variable"),
    ],
)
def test_errors_in_problems_say_the_line(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(MatdiffError) as caught:
        build(block(*lines), "md", "lesson.md")
    assert said in str(caught.value)


def test_a_block_that_is_not_closed() -> None:
    with pytest.raises(ParseError, match="line 2: the block is not closed"):
        worksheet("a\n```matdiff\nf: tr(X)\nwrt: X\n", "lesson.md")


def test_blocks_inside_other_fences_are_text() -> None:
    assert worksheet("````\n```matdiff\nf: x\n```\n````\n").problems == []


def test_lines_that_go_on_and_comments() -> None:
    (problem,) = worksheet(block("f: r = A*x - b", "   r'*r", "# nothing", "", "wrt: x")).problems
    assert problem.f == "r = A*x - b\nr'*r"


def test_choices_are_whole_words_and_depend_on_the_seed_alone() -> None:
    found = {seed: worksheet(SMALL, seed=seed).problems[0].f for seed in map(str, range(30))}
    assert set(found.values()) == {"tr(A*X)", "tr(B*X)", "tr(C*X)"}
    assert worksheet(SMALL).problems[0].f == "tr(A*X)"
    assert all(worksheet(SMALL, seed=seed).problems[0].f == f for seed, f in found.items())
    one, two = block("f: Mx'*M*Mx", "wrt: Mx", "choose: M in [A*B]"), block("f: k*x'*x", "wrt: x", "choose: (k) in [2]")
    assert worksheet(one).problems[0].f == "Mx'*(A*B)*Mx"
    assert worksheet(two).problems[0].f == "2*x'*x"


def test_a_word_is_chosen_once() -> None:
    text = block("f: x'*M*x", "wrt: x", "choose: M in [A]")
    with pytest.raises(ParseError, match="M is chosen already"):
        worksheet(text + text)


def test_what_is_chosen_is_said_in_the_prose() -> None:
    assert "The matrix is $A$, and $\\frac{{1}}{{2}}$ stays." in build(SMALL, "md").decode()


def test_choices_with_brackets() -> None:
    assert choice("g in [f(x, y), [a, b]]").values == (("f(x, y)",), ("[a, b]",))


# building


@pytest.mark.parametrize("to", ["html", "ipynb", "md", "tex"])
@pytest.mark.parametrize("with_solutions", [False, True])
def test_every_format(to: str, with_solutions: bool) -> None:
    made = build(SMALL, to, seed="4", with_solutions=with_solutions).decode()
    assert "A small sheet" in made
    assert ("read off" in made) == with_solutions
    assert made == build(SMALL, to, seed="4", with_solutions=with_solutions).decode()


def test_the_sheet_does_not_tell_the_answer() -> None:
    for to in ("html", "md", "tex"):
        assert r"\nabla f =" not in build(SMALL, to).decode()
        assert "verified" not in build(SMALL, to).decode()


def test_a_notebook_is_valid() -> None:
    import nbformat

    made = nbformat.reads(build(SMALL, "ipynb").decode(), as_version=4)
    nbformat.validate(made)
    assert [c.source for c in made.cells if c.cell_type == "code"] == [
        "%load_ext matdiff",
        "%%matdiff answer 1\ngradient = ",
    ]


def test_no_pdf_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UnsupportedError, match="no program that makes PDF is installed"):
        build(SMALL, "pdf")


@pytest.mark.skipif(not any(map(shutil.which, CHROMIUM + LATEX)), reason="no program that makes PDF is installed")
def test_pdf_by_an_engine() -> None:
    assert build(SMALL, "pdf").startswith(b"%PDF-")


def test_without_the_libraries_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from matdiff.report import prose

    monkeypatch.setitem(__import__("sys").modules, "markdown_it", None)
    prose.reader.cache_clear()
    with pytest.raises(UnsupportedError, match=r"(?s)markdown_it.*pip install .matdiff\[worksheet\]"):
        build(SMALL, "html")
    prose.reader.cache_clear()


def test_markup_in_prose_is_shown_and_not_run() -> None:
    made = build("# A\n\n<script>alert(1)</script> <b>x</b>\n", "html").decode()
    assert "<script" not in made and "<b>" not in made


def test_a_wrong_line_stops_the_solution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matdiff.worksheet.solution.agree", lambda *args: False)
    with pytest.raises(MatdiffError, match="line 1 of the derivation is not right"):
        build(SMALL, "md", with_solutions=True)


def test_the_error_plot_has_the_shape_of_a_v() -> None:
    pytest.importorskip("matplotlib")
    from matdiff.worksheet.plot import STEPS, error_plot, errors

    solution = Solution(Problem(1, "", "sum(exp(x))", "x"))
    found = errors(solution.d)
    assert found is not None
    for curve, low in zip(found, (1e-9, 1e-6), strict=True):
        best = STEPS[int(curve.argmin())]
        assert low / 30 < best < low * 3000
        assert curve[0] > 100 * curve.min() < curve[-1] / 100
    figure = error_plot(solution)
    assert figure is not None and figure.svg.startswith("<svg") and figure.png[:4] == b"\x89PNG"


# the course


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "plot", building.no_plot)


@pytest.fixture
def solved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each problem is solved once for all formats of its sheet and its solution."""
    monkeypatch.setattr(sheet, "Solution", cache(Solution))
    monkeypatch.setattr(sheet, "SystemSolution", cache(SystemSolution))


def test_the_course_is_there() -> None:
    assert len(LESSONS) == 21
    for kind in ("answers", "wrong"):
        assert [p.name for p in sorted((EXAMPLES / kind).glob("*.md"))] == [p.name for p in LESSONS]


@pytest.mark.usefixtures("in_process")
def test_the_commands_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They run as they stand, with the exit status that is said behind `#`."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^matdiff (worksheet .*?)(?: +# (\d).*)?$", text, re.MULTILINE)
    assert len(commands) >= 4
    for command, status in commands:
        done = CliRunner().invoke(app, shlex.split(command), standalone_mode=False, catch_exceptions=False)
        assert done.return_value == int(status or 0), command
    assert all(path.name in text for path in LESSONS)


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
@pytest.mark.usefixtures("no_plots", "solved_once")
def test_lessons_build(path: Path) -> None:
    """One file, no scripts, nothing from elsewhere; all mathematics is MathML; every line is checked."""
    text = path.read_text(encoding="utf-8")
    students = build(text, "html", path.name).decode()
    solution = build(text, "html", path.name, with_solutions=True).decode()
    for made in (students, solution):
        assert "<script" not in made and "src=" not in made and "url(" not in made
        assert not re.search(r"https?://(?!www\.w3\.org)", made)
        assert not re.search(r"\\[A-Za-z]|\$", re.sub("<(style|code).*?</\\1>", "", made, flags=re.DOTALL))
        for formula in re.findall(r"<math.*?</math>", made, flags=re.DOTALL):
            xml.dom.minidom.parseString(formula)
    assert solution.count('class="mark">✓') == solution.count('class="rule"')
    assert solution.count('class="verdict">✓') == len(worksheet(text).problems)
    assert students.count('class="room"') == students.count("<textarea") == len(worksheet(text).problems)
    for to in ("md", "tex", "ipynb"):
        assert build(text, to, path.name) and build(text, to, path.name, with_solutions=True)


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_every_variant_is_as_difficult(path: Path) -> None:
    """Every seed gives problems that can be solved, with as many lines as the others up to two."""
    text = path.read_text(encoding="utf-8")
    if "choose:" not in text:
        return
    seen: dict[int, dict[str, int]] = {}
    for seed in range(12):
        for problem in worksheet(text, path.name, str(seed)).problems:
            if problem.f not in seen.setdefault(problem.number, {}):
                seen[problem.number][problem.f] = len(Solution(problem).lines)
    for lengths in seen.values():
        assert max(lengths.values()) - min(lengths.values()) <= 2, lengths


def marked(kind: str, path: Path) -> list[Mark]:
    lesson = path.read_text(encoding="utf-8")
    return list(marks(submission(EXAMPLES / kind / path.name, (lesson, path.name, None))))


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_solved_answers_pass(path: Path) -> None:
    assert [m for m in marked("answers", path) if m.status != "right"] == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
def test_wrong_answers_are_caught_for_the_right_reason(path: Path) -> None:
    expected = EXPECTED.findall((EXAMPLES / "wrong" / path.name).read_text(encoding="utf-8"))
    found = marked("wrong", path)
    assert len(expected) == len(found)
    for (number, status, line, said), m in zip(expected, found, strict=True):
        assert (m.problem, m.status) == (int(number), status), m
        assert not line or m.line == int(line), m
        assert said in m.reason, m


# marking


def check(answer: str, f: str = "tr(A*X*B)", wrt: str = "X", **more: str) -> Mark:
    let = (more.pop("let"),) if "let" in more else ()
    return mark(Problem(1, "", f, wrt, let=let, **more), answer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        "gradient = A'*B'",
        "A'*B'",
        "(B*A)'",
        "∇f = AᵀBᵀ",
        "\\nabla f = A^\\top B^\\top",
        "G = A'*B'",
        "C = B*A\n\ngradient = C'",
        "\\nabla f(X) = A'*B'",
        "∇_X f = A'*B'",
        "grad L = A'*B'",
        "The gradient = A'*B'",
        "df = tr(A*dX*B)\n= <A'*B', dX>\ngradient = A'*B'",
        "f = tr(A*X*B)\ndf = tr(A*dX*B)\ngradient = A'*B'",
    ],
)
def test_right_in_any_form(answer: str) -> None:
    assert check(answer).status == "right"


@pytest.mark.parametrize(
    "answer",
    [
        "$A^\\top B^\\top$",
        "$$\n\\nabla f = A^\\top B^\\top\n$$",
        "\\[ \\nabla_X f = A^T B^T \\]",
        "\\boxed{\\nabla f = A^\\top B^\\top} \\qquad \\text{(by the trace)}",
        "$\\frac{\\partial f}{\\partial X} = A^\\top B^\\top$.",
        "\\begin{align}\ndf &= \\operatorname{tr}(A\\,dX\\,B) \\\\\n&= \\operatorname{tr}(BA\\,dX)\\\\\n"
        "\\nabla f &= A^\\top B^\\top\n\\end{align}",
        "\\begin{align} df &= \\operatorname{tr}(A\\,dX\\,B) \\\\ \\nabla f &= A^\\top B^\\top \\end{align}",
        "gradient = A'*B' (chain rule)",
        "gradient: A'*B'",
        "The gradient of f is A'*B'.",
        "I think the gradient is A'*B', because the trace is linear!",
        "gradient =\n    A' *\n    B'",
        "gradient = (A'\n    *B')",
        "`gradient = A'*B'`",
        "gradient = A.T @ B.T",
        "gradient = A^t B^t",
        "f'(X) = A'*B'",
        "f_X = A'*B'",
        "Z = A'*B'",
        "gradient = A'*B' = (B*A)'",
        "gradient = A'*B'\n         = (B*A)'",
        "gradient == A'B'",
        "df = tr(A dX B) = tr(BA dX) = <(BA)', dX>\n∇f = (BA)'",
        "Let C = B*A\ngradient = C'",
        "gradient = C', where C = B*A",
        "gradient = C'\nwhere C = B*A",
        "gradient = A'*B'\n\nThis is because the trace is linear.\nQ.E.D.",
        "1. df = tr(A*dX*B)\n2. gradient = A'*B'",
        "df(X)[H] = tr(A*H*B)\ngradient = A'*B'",
        "f'(X)[H] = tr(A*H*B) = <A'*B', H>\ngradient = A'*B'",
        "G = A'*B'\nThe gradient is G",
        "D = B*A\ngradient = D'",
        "gradient = A'*B'\n---\nBob",
    ],
)
def test_right_as_students_write(answer: str) -> None:
    """LaTeX or plain or both, over several lines, with labels and words around."""
    assert check(answer).status == "right", check(answer)


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        ("norm(A*x - b)^2/2", "x", "A'*(A*x - b) = 0"),
        ("norm(A*x - b)^2/2", "x", "gradient = A'*(A*x - b) = 0, so x = inv(A'*A)*A'*b"),
        ("norm(A*x - b)^2/2", "x", "∇f = A'Ax - A'b\n∇f = 0 ⇔ A'Ax = A'b"),
        ("norm(A*x - b)^2/2", "x", "r = A*x - b\ndf/dr = r'\ndr/dx = A\ndf/dx = A'*r"),
        ("norm(A*x - b)^2/2", "x", "r = A*x - b; gradient = A'*r"),
        ("norm(A*x - b)^2/2", "x", r"\ell = \frac12 (Ax-b)^\top(Ax-b)" + "\n" + r"\nabla \ell = A^\top(Ax - b)"),
        ("s = sqrt(1 + x'*x); s", "x", r"$\mathrm{d}s = \frac{x^\top dx}{s}$" + "\n" + r"$\nabla f = \frac{x}{s}$"),
        ("norm(x)", "x", "gradient = x/f(x) for x != 0"),
        ("exp(-t^2/2)", "t", r"f'(t) = -t e^{-\frac{t^2}{2}}"),
        ("[A*x; B*x]", "x", r"J = \begin{pmatrix} A \\ B \end{pmatrix}"),
        ("f'*x", "x", "gradient = f"),
    ],
)
def test_right_in_the_words_of_the_problem(f: str, wrt: str, answer: str) -> None:
    let = "t: scalar" if wrt == "t" else ""
    assert check(answer, f, wrt, **({"let": let} if let else {})).status == "right", check(answer, f, wrt)


@pytest.mark.parametrize(
    ("name", "said"), [("Σ", "Sigma"), ("Sigma", "Σ"), ("Σ", r"\Sigma"), ("S_1", "S₁"), ("S1", "S_1")]
)
def test_other_spellings_of_a_name(name: str, said: str) -> None:
    answer = (
        f"df = tr({said}^{{-1}} d{said})/2\ngradient = {said}^{{-1}}/2"
        if "\\" in said
        else (f"df = tr(inv({said})*d{said})/2\ngradient = inv({said})/2")
    )
    answer = answer.replace("tr(", r"\operatorname{tr}(") if "\\" in said else answer
    found = check(answer, f"logdet({name})/2", name, let=f"{name}: n×n spd")
    assert found.status == "right", found


@pytest.mark.parametrize(
    ("answer", "status", "line", "said"),
    [
        ("gradient = (A + A')*x\nH = A + A'", "right", None, ""),
        ("gradient = 2*A*x\nH = A + A'", "wrong", 1, "right only where A is symmetric"),
        ("d²f = dx'*(A + A')*dx\nH = A + A'", "right", None, ""),
        ("d²f = 2*dx'*dx\nH = A + A'", "wrong", 1, ""),
        ("d(∇f) = (A + A')*dx\nH = A + A'", "right", None, ""),
        (r"\nabla^2 f = A + A^\top", "right", None, ""),
        ("gradient = (A + A')*x", "wrong", 1, "the Hessian"),
        ("d²f = dx'*(A + A')*dx", "wrong", 1, "it is a differential, but the hessian is asked for"),
    ],
)
def test_answers_about_the_hessian(answer: str, status: str, line: int | None, said: str) -> None:
    found = check(answer, "x'*A*x", "x", ask="hessian")
    assert (found.status, found.line) == (status, line) and said in found.reason, found


@pytest.mark.parametrize(
    ("answer", "status", "line", "said"),
    [
        ("minus A'*B'", "unread", 1, "minus"),
        ("f'(X)[H] = tr(A*H)\ngradient = A'*B'", "wrong", 1, ""),
        ("p[i] = A'*B'[i]", "unread", 1, ""),
        ("I do not know.", "missing", None, "no formula is in it"),
        ("gradient = ?", "missing", None, "no formula is in it"),
        ("gradient = A'*B' = B'*A'", "wrong", 1, ""),
        ("q = A*(\ngradient = q", "unread", 1, "not read: unclosed"),
        ("df = tr(A*dX*B)\n = tr(A*B*dX)\ngradient = A'*B'", "wrong", 2, ""),
        (
            r"df = tr(A*dX*B)" + "\n" + r"= \frac{1}{2 tr(B A dX)" + "\ngradient = A'*B'",
            "unread",
            2,
            "not read: ",
        ),
        ("gradient = B*A\ngradient = A'*B'", "right", None, ""),
        ("gradient = A'*B'\nB*A", "right", None, ""),
    ],
)
def test_where_an_answer_goes_wrong(answer: str, status: str, line: int | None, said: str) -> None:
    found = check(answer)
    assert (found.status, found.line) == (status, line) and said in found.reason, found


RIDGE = "norm(A*x - b)^2/2 + λ*norm(x)^2/2"
SHIFTED = "logdet(S + ε*I) - tr(S)"
SPELLINGS = [
    (SHIFTED, "S", r"(S+\varepsilon I)^{-1} - I"), (SHIFTED, "S", r"(S+\epsilon I)^{-1} - I"),
    (SHIFTED, "S", "(S+ϵI)⁻¹ − I"), (SHIFTED, "S", "(S+εI)⁻¹ − I"), (SHIFTED, "S", "inv(S + epsilon*I) - I"),
    (RIDGE, "x", "AᵀAx − Aᵀb + λx"), (RIDGE, "x", "∇f=AᵀAx−Aᵀb+λx"), (RIDGE, "x", "(AᵀA+λI)x − Aᵀb"),
    (RIDGE, "x", "A⊤Ax−A⊤b+λx"), (RIDGE, "x", "A'Ax - A'b + lambda x"), (RIDGE, "x", r"A^TAx - A^Tb + \lambda x"),
    (RIDGE, "x", "A.T @ (A @ x - b) + lambda*x"), (RIDGE, "x", r"A^{\mathsf T}(Ax-b)+\lambda x"),
    ("A*x", "x", r"J = \frac{\partial F}{\partial x} = A"), ("A*x", "x", "J = ∂F/∂x = A"),
    ("x'*x", "x", r"\nabla f = \frac{\partial f}{\partial x} = 2x"), ("x'*x", "x", "∇f = ∂f/∂x = df/dx = 2x"),
    ("α*x'*x", "x", "2αx"), ("α*x'*x", "x", "10αx/5"), ("α*x'*x", "x", "2 alpha x"),
]  # fmt: skip
LETS = {SHIFTED: "S: n×n spd; ε: scalar", RIDGE: "λ: scalar"}


@pytest.mark.parametrize(("f", "wrt", "answer"), SPELLINGS)
def test_right_in_any_spelling(f: str, wrt: str, answer: str) -> None:
    found = check(answer, f, wrt, **({"let": LETS[f]} if f in LETS else {}))
    assert found.status == "right", found


@pytest.mark.parametrize(
    ("f", "wrt", "answer"),
    [
        (SHIFTED, "S", r"(S-\varepsilon I)^{-1} - I"),
        (RIDGE, "x", "2AᵀAx − Aᵀb + λx"),
        (RIDGE, "x", "AAᵀx − Aᵀb + λx"),
        ("A*x", "x", r"J = \frac{\partial F}{\partial x} = 2A"),
        ("x'*x", "x", "∇f = ∂f/∂x = 3x"),
        ("α*x'*x", "x", "3αx"),
        ("x'*x", "x", "2*q"),
        ("x'*x", "x", "2x/0"),
        ("x'*x", "x", "df = 2*x'*dq"),
    ],
)
def test_wrong_in_any_spelling(f: str, wrt: str, answer: str) -> None:
    assert check(answer, f, wrt, **({"let": LETS[f]} if f in LETS else {})).status == "wrong"


@pytest.mark.parametrize("answer", ["transpose(A)*B'", "A.T @ B.T", "np.transpose(A) @ B.T"])
def test_other_notations_of_answers_are_read(answer: str) -> None:
    assert check(answer).status == "right"


UNREAD = [
    "frob(A).T", "frob(A)*B'", "A'*(B'", r"\sum_i A_{ij} B_{jk}", "A'*B')", "A' ^ ^ B'", r"\frac{A'}{",
    "df = tr(A*dX*(B)\ngradient = A'*B'", "gradient = weights*B'",
]  # fmt: skip


@pytest.mark.parametrize("answer", UNREAD)
def test_what_is_not_read_is_not_wrong(answer: str) -> None:
    found = check(answer)
    assert found.status == "unread" and found.reason.startswith("not read: ") and found.line == 1, found


def test_what_is_not_read_is_listed() -> None:
    unread, right, wrong = (check(a) for a in ("frob(A)*B'", "A'*B'", "B*A"))
    one = report.as_text([Result("a.md", [unread, wrong])], False)
    assert (
        re.search(r"^\? problem 1 +0/1  not read$", one, re.MULTILINE)
        and "a.md, problem 1, line 1: not read: there is no function" in one
    )
    many = report.as_text([Result("a.md", [unread]), Result("b.md", [right])], False)
    assert re.search(r"^not read +1$", many, re.MULTILINE) and "a.md, problem 1, line 1: not read: " in many
    assert "b.md, problem" not in many
    none = report.as_text([Result("a.md", [right]), Result("b.md", [wrong])], False)
    assert "\nnot read " not in none


@pytest.mark.usefixtures("in_process")
def test_an_answer_block_with_a_fault_costs_no_other_answer_its_mark(tmp_path: Path) -> None:
    lesson = "".join(block("f: tr(A*X)", "wrt: X") for _ in range(7))
    answers = [
        ("answer 1", "gradient = A'", "```"),
        ("Answer #2:", "gradient = A'", "```"),
        ("answer 3", "gradient = ", "```"),
        ("answer 3", "gradient = A'", "```"),
        ("answer 4", "gradient = A'", "text without an end of the block"),
        ("answer 5", "gradient = A'", "```"),
        ("answer 5", "gradient = A", "```"),
        ("answer 12", "gradient = A'", "```"),
        ("answer one", "gradient = A'", "```"),
        ("answer 8", "gradient = ", "```"),
        ("answer7", "gradient = A'", ""),
    ]
    path = tmp_path / "chaos.md"
    path.write_text("\n".join(f"```{first}\n{said}\n{end}" for first, said, end in answers), encoding="utf-8")
    ((_, result),) = folder.check_all([path], (lesson, "lesson.md", None))
    status = [m.status for m in result.marks]
    assert status == ["right", "right", "right", "undecided", "undecided", "missing", "right"]
    assert "not closed" in result.marks[3].reason and "two answers" in result.marks[4].reason
    assert result.remarks == [
        "line 22: there is no problem 12, so this answer is not marked",
        "line 25: the answer has no number that can be read, so this answer is not marked",
    ]
    assert result.remarks[0] in report.as_text([result], False)
    assert result.remarks[0] in report.as_text([result, result], False)
    assert json.loads(report.as_json([result], False))["submissions"][0]["remarks"] == result.remarks


def test_cells_without_a_number_are_told(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": block("f: tr(A*X)", "wrt: X")},
        {"cell_type": "code", "source": "%%matdiff answer\ngradient = A'"},
        {"cell_type": "code", "source": "gradient = A'", "metadata": {"tags": ["answer"]}},
        {"cell_type": "code", "source": "print(1)", "metadata": {}},
    ]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert len(submission(path).remarks) == 2


def test_the_hessian_is_derived_from_the_gradient() -> None:
    """The last line reads it off, and every line is checked, also for matrices and on structured sets."""
    for f, wrt, let in (
        ("x'*A*x", "x", "x: n"),
        ("tr(X'*A*X)", "X", "A: n×n"),
        ("logdet(S)", "S", "S: n×n spd"),
        ("exp(-t^2)", "t", "t: scalar"),
        ("sum(softplus(A*w)) - y'*A*w", "w", "y: m"),
    ):
        solution = Solution(Problem(1, "", f, wrt, "hessian", (let,)))
        assert "Hessian" in solution.lines[-1].rule
        assert [line.right for line in solution.lines if line.right is not True] == []
    made = build(block("f: x'*A*x", "wrt: x", "ask: hessian"), "md", with_solutions=True).decode()
    assert "$H = A + A^{\\top}$ — read off the Hessian ✓" in made


def test_as_many_hints_as_are_wanted_follow_the_authors_own() -> None:
    lines = ("f: tr(A*X*B)", "wrt: X", "hint: Use it.")
    for wanted in (0, 1, 2):
        made = build(block(*lines, f"hints: {wanted}"), "md").decode()
        assert re.findall(r"<summary>Hint (\d)", made) == [str(k) for k in range(1, wanted + 2)]
        assert made.count("Use this rule") == wanted


def test_a_hint_does_not_show_the_last_line() -> None:
    made = build(block("f: tr(A*X*B)", "wrt: X", "hints: 3"), "md").decode()
    assert "move factors" in made and "\\langle A^{\\top}B^{\\top}" not in made


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("gradient = B*A", "layout", "transposed layout"),
        ("gradient = 2*A'*B'", "wrong", "factor 2"),
        ("gradient = A'*", "unread", "not read: "),
        ("gradient = A*Q", "wrong", ""),
        ("gradient = tr(A*dX*B)", "wrong", "it is a differential, but the gradient is asked for"),
        ("gradient = ", "missing", "no answer"),
        ("", "missing", "no answer"),
        ("# to do", "missing", "no answer"),
    ],
)
def test_not_right(answer: str, status: str, said: str) -> None:
    found = check(answer)
    assert found.status == status and said in found.reason


@pytest.mark.parametrize(
    "answer", ["df = tr(inv(X)*dX)", r"\mathrm{d}f = \operatorname{tr}(X^{-1} dX)", "<inv(X)', dX>"]
)
def test_differentials(answer: str) -> None:
    assert check(answer, "logdet(X)", ask="differential").status == "right"
    assert check("df = inv(X)'", "logdet(X)", ask="differential").reason.startswith("this has no dX in it")


@pytest.mark.parametrize("label", ["df/dt", "gradient", r"\frac{\mathrm{d}f}{\mathrm{d}t}"])
def test_derivatives_by_a_scalar(label: str) -> None:
    assert check(f"{label} = b", "t*b", "t", let="t: scalar; b: scalar").status == "right"


def test_the_functions_own_definitions_are_known() -> None:
    assert check("gradient = A'*r", "r = A*x - b\nr'*r/2", "x").status == "right"
    assert check("gradient = A'*r", "r = A*x - b; r'*r/2", "x").status == "right"


LEAST = "r = A*x - b\nr'*r/2"


@pytest.mark.parametrize(
    ("f", "wrt", "answer", "line"),
    [
        (LEAST, "x", "dr = A*dx\ndf = r'*dr\n   = r'*A*dx\ngradient = A'*r", None),
        (LEAST, "x", "dr = dx\ndf = r'*dr\n   = r'*A*dx\ngradient = A'*r", 1),
        (LEAST, "x", "df = r'*dr\n\n   = dx'*A*r\ngradient = A'*r", 3),
        (LEAST, "x", "f = r'*r\ngradient = A'*r", 1),
        (LEAST, "x", "df = 2*r'*dr\ngradient = A'*r", 1),
        (LEAST, "x", "df = r'*dr = r'*A*dx\ngradient = A'*r", None),
        (LEAST, "x", "df = r'*dr = r'*dx\ngradient = A'*r", 1),
        ("tr(A*X) + tr(B*X)", "X", "df = tr(A*dX)\n  + tr(B*dX)\ngradient = A'\n + B'", None),
        ("f'*x", "x", "dg = f'*dx\ngradient = f", None),
        ("A*x/norm(x)", "x", "dF = A*dx/norm(x) - (x'*dx)*A*x/norm(x)^3\nJ = A/norm(x) - A*x*x'/norm(x)^3", None),
    ],
)
def test_lines_have_to_follow(f: str, wrt: str, answer: str, line: int | None) -> None:
    """A wrong line is wrong even where the end is right; the first one is told."""
    found = check(answer, f, wrt)
    assert (found.status, found.line) == (("right", None) if line is None else ("wrong", line)), found


def test_a_gradient_for_a_weighted_product() -> None:
    asked = {"let": "W: n×n spd; b: n; x: n", "inner": "W"}
    assert check("inv(W)*b", "b'*x", "x", **asked).status == "right"
    assert check("b", "b'*x", "x", **asked).status == "wrong"


def test_a_variable_may_be_called_like_a_label() -> None:
    assert check("gradient = G'", "tr(G*X)").status == "right"


def test_sheets_come_back_with_answers(tmp_path: Path) -> None:
    """What `build` writes, filled in, is marked by `check` without the lesson, in Markdown and as a notebook."""
    for to in ("md", "ipynb"):
        empty = build(SMALL, to, "small.md", "4").decode()
        path = tmp_path / f"alice.{to}"
        path.write_text(empty.replace("gradient = ", "gradient = M'"), encoding="utf-8")
        f = worksheet(SMALL, seed="4").problems[0].f
        found = submission(path)
        assert found.problems[0].f == f and found.answers[1].strip() == "gradient = M'"
        path.write_text(empty.replace("gradient = ", f"gradient = {f[3]}'"), encoding="utf-8")
        assert [m.status for m in marks(submission(path))] == ["right"]
        lesson = (SMALL, "small.md", None)
        assert submission(path, lesson).problems[0].f == f


def test_nothing_in_a_submission_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    code = f"open({str(trap)!r}, 'w')"
    cells = [
        {"cell_type": "code", "source": code},
        {"cell_type": "code", "source": [f"%%matdiff answer 1\n{code}\n"]},
        {"cell_type": "markdown", "source": block("f: tr(X)", "wrt: X")},
    ]
    path = tmp_path / "numpy.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (tmp_path / "numpy.py").write_text(code, encoding="utf-8")
    ((_, result),) = folder.check_all([path])
    assert [m.status for m in result.marks] == ["unread"]
    assert not trap.exists()


@pytest.mark.usefixtures("in_process")
def test_a_folder_of_submissions(tmp_path: Path) -> None:
    """One table; broken files, endless ones and strangers never stop the others."""
    good = block("f: tr(X)", "wrt: X") + "```answer 1\nI\n```\n"
    files = {
        "a.md": good,
        "b.md": good.replace("\nI\n", "\n2*I\n"),
        "c.ipynb": "{",
        "d.md": "nothing",
        "=e.md": good + "```answer 1\n2*I\n```\n```answer 2\nI\n```\n",
        "f.md": block("f: tr(X*", "wrt: X"),
        ".hidden.md": good,
        "g.pdf": "%PDF",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "h.md").write_bytes(b"\xff\xfe")
    paths = folder.files([tmp_path])
    assert [p.name for p in paths] == ["=e.md", "a.md", "b.md", "c.ipynb", "d.md", "f.md", "g.pdf", "h.md"]
    results = [r for _, r in sorted(folder.check_all(paths), key=lambda pair: pair[0])]
    rows = report.as_csv(results, False).splitlines()
    assert rows[0] == "file,points,of,problem 1,error"
    assert rows[1].startswith("'=e.md,0,1,undecided,") and "line 13: there is no problem 2" in rows[1]
    assert "two answers to this problem, on lines 7 and 10" in results[0].marks[0].reason
    assert rows[2:4] == ["a.md,1,1,right,", "b.md,0,1,wrong,"]
    assert rows[4] == "c.ipynb,0,0,,c.ipynb is not a Jupyter notebook"
    assert "g.pdf is not read" in rows[7] and "not UTF-8" in rows[8]
    record = json.loads(report.as_json(results, False))
    assert [s["passed"] for s in record["submissions"]] == [False, True, *[False] * 6]
    assert record["submissions"][2]["marks"][0]["reason"] == "it has a factor 2 too many"
    table = [row.split() for row in report.as_text(results, False).splitlines()]
    assert ["a.md", "✓", "1/1"] in table and ["b.md", "✗", "0/1"] in table and ["d.md", "error"] in table


def test_a_submission_has_limited_time(tmp_path: Path) -> None:
    path = tmp_path / "slow.md"
    path.write_text(block("f: tr(X)", "wrt: X"), encoding="utf-8")
    ((_, result),) = folder.check_all([path], None, 0.01)
    assert result.error == "not finished within 0.01 s" and not result.passed(True)


@pytest.mark.usefixtures("in_process")
def test_the_command_line(tmp_path: Path) -> None:
    lesson = tmp_path / "small.md"
    lesson.write_text(SMALL, encoding="utf-8")
    run = CliRunner().invoke
    for to in FORMATS[:4]:
        done = run(app, ["worksheet", "build", str(lesson), "--to", to, "--seed", "7"])
        assert done.exit_code == 0, done.output
        assert (tmp_path / f"small-7-sheet.{to}").exists()
    assert run(app, ["worksheet", "build", str(lesson), "--to", "md", "--out", "-"]).output.startswith(
        "# A small sheet"
    )
    filled = tmp_path / "small-7-sheet.md"
    done = run(app, ["worksheet", "check", str(filled)], standalone_mode=False)
    assert done.return_value == 1 and "– problem 1: Trace    0/2  no answer" in done.output
    f = worksheet(SMALL, seed="7").problems[0].f
    filled.write_text(filled.read_text("utf-8").replace("gradient = ", f"gradient = {f[3]}"), encoding="utf-8")
    strict = run(app, ["worksheet", "check", str(filled)], standalone_mode=False)
    lenient = run(app, ["worksheet", "check", str(filled), "--any-layout"], standalone_mode=False)
    assert (strict.return_value, lenient.return_value) == (1, 0)
    assert "right up to the layout" in strict.output and "2 of 2 points" in lenient.output
    with pytest.raises(MatdiffError, match="would be overwritten"):
        again = ["worksheet", "build", str(lesson), "--to", "md", "--out", str(lesson)]
        run(app, again, standalone_mode=False, catch_exceptions=False)
    with pytest.raises(MatdiffError, match="cannot be a seed"):
        run(app, ["worksheet", "build", str(lesson), "--seed", "-->"], standalone_mode=False, catch_exceptions=False)
    with pytest.raises(MatdiffError, match="there is no file"):
        run(app, ["worksheet", "check", str(tmp_path / "none")], standalone_mode=False, catch_exceptions=False)


def test_every_function_has_mathml() -> None:
    """What a record says in LaTeX, the third notation says too, well formed."""
    import matdiff.ops  # noqa: F401
    from matdiff.core.op import registry
    from matdiff.printing.latex_mathml import from_latex, own_template

    for op in registry.values():
        if op.latex:
            made = re.sub(r"\{\d:[a-z*]\}", "<mi>x</mi>", own_template(op.latex))
            assert "{" not in made and "\\" not in made, op.name
            xml.dom.minidom.parseString(f"<math>{made}</math>")
    assert from_latex(r"\frac{\mathrm{d}f}{\mathrm{d}t}").startswith("<mfrac>")


# equations, differential equations, functionals


@pytest.mark.parametrize(
    ("more", "answer", "status", "said"),
    [
        ({"f": "A*x = b for x; c'*x", "wrt": "b"}, "v", "right", ""),
        ({"f": "A*x = b for x; c'*x", "wrt": "b"}, "gradient = -v", "wrong", "the sign is wrong"),
        ({"f": "A*x = b for x; c'*x", "wrt": "A", "ask": "adjoint"}, "c = A'*v", "right", ""),
        ({"f": "A*x = b for x; c'*x", "wrt": "A", "ask": "adjoint"}, "A'*v", "unread", "an equation is asked for"),
        ({"f": "A*u", "state": "u", "wrt": "A", "final": "c'*u"}, "∇G = int(-v(t)*u(t)', t, 0, T)", "right", ""),
        ({"f": "A*u", "state": "u", "wrt": "u_0", "final": "c'*u"}, "gradient = -v(0)", "right", ""),
        ({"f": "A*u", "state": "u", "wrt": "u_0", "final": "c'*u"}, "v(0)", "wrong", "the boundary term"),
        ({"f": "A*u", "state": "u", "wrt": "A", "ask": "bogus"}, "v", "undecided", "cannot be asked for"),
        (
            {"f": "int(u'^2/2, x, 0, 1)", "wrt": "u", "ends": "free", "let": "u: function of x"},
            "D(u,2)",
            "wrong",
            "sign",
        ),
        ({"f": "int(u'^2/2, x, 0, 1)", "wrt": "u", "ends": "free", "let": "u: function of x"}, "-u''", "right", ""),
        ({"f": "int(u'^2/2, x, 0, 1)", "wrt": "u", "ends": "free", "let": "u: function of x"}, "-w", "unread", "w"),
        ({"f": "x'*x", "wrt": "x", "ask": "adjoint"}, "2*x", "undecided", "has no adjoint"),
    ],
)
def test_answers_about_systems(more: dict[str, str], answer: str, status: str, said: str) -> None:
    found = check(answer, **more)
    assert found.status == status and said in found.reason, found


LINEAR = {"f": "A*x = b for x; norm(x - y)^2/2", "wrt": "A"}
FLOW = {"f": "A*u", "state": "u", "wrt": "A", "final": "c'*u"}
GROWTH = {"f": "k*u", "wrt": "k", "let": "u: scalar; k: scalar", "state": "u", "initial": "1", "objective": "u^2 + k"}
DECAY = {"f": "-k*u", "wrt": "k", "let": "u: scalar; k: scalar", "state": "u", "initial": "k^2", "final": "u^2"}
STEPS = {"f": "u[k+1] = A*u[k]", "state": "u", "wrt": "A", "final": "c'*u[N]"}


@pytest.mark.parametrize(
    ("more", "answer", "status", "said"),
    [
        # lines about the adjoint variable, in the answer's own scale and name
        (LINEAR, "A'v = x - y\n-v x'", "right", ""),
        (LINEAR, "A'v = y - x\nv x'", "right", ""),
        (LINEAR, "A'v = y - x\n-v x'", "wrong", "the sign is wrong"),
        (LINEAR, "A v = x - y\n-v x'", "wrong", "a transpose is forgotten"),
        (LINEAR, "A^\\top \\lambda = x - y \\\\ \\nabla_A f = -\\lambda x^\\top", "right", ""),
        (LINEAR, "r = x - y\nA'w = r\nA dx = -dA x\n-w x'", "right", ""),
        (LINEAR, "A'w = x - y; w x'", "wrong", "the sign is wrong"),
        (LINEAR, "∇f = v x'\n= -v x'", "wrong", "the sign is wrong"),
        # an equation in whatever arrangement
        ({**LINEAR, "ask": "adjoint"}, "v = A^{-T}(x - y)", "right", ""),
        ({**LINEAR, "ask": "adjoint"}, "v'A = (x-y)'", "right", ""),
        ({**LINEAR, "ask": "adjoint"}, "Aᵀv = x − y", "right", ""),
        ({**LINEAR, "ask": "adjoint"}, "A'v = inv(A) b - y", "right", ""),
        ({**LINEAR, "ask": "adjoint"}, "A'v = A'v", "wrong", "differs"),
        ({**FLOW, "ask": "adjoint"}, "v' + A'v = 0", "right", ""),
        ({**FLOW, "ask": "adjoint"}, "-v' = -A'v", "wrong", "the sign"),
        ({**FLOW, "ask": "adjoint"}, "2v' = -A'v", "wrong", "differs"),
        ({**FLOW, "ask": "adjoint"}, "v' = -A'v, v(T) = -c", "right", ""),
        ({**FLOW, "ask": "adjoint"}, "v' = -A'v, v(T) = c", "wrong", "the sign"),
        ({**FLOW, "ask": "adjoint"}, "v = -A'v", "unread", "no formula in it is the adjoint"),
        # at which time
        ({**FLOW, "ask": "terminal"}, "v(0) = -c", "wrong", "v(T), not that at 0"),
        ({**STEPS, "ask": "terminal"}, "v[N-1] = -c", "wrong", "v[N], not that at N-1"),
        ({**STEPS, "ask": "terminal"}, "v_N = -c", "right", ""),
        # integrals and sums, and over what
        (FLOW, "-v*u'", "wrong", "nothing in it is integrated over the time"),
        (FLOW, "int(-v*u', t, 0, 1)", "wrong", "from 0 to T"),
        (FLOW, "int(v*u', t, T, 0)", "right", ""),
        (FLOW, "-\\int_0^1 v u^\\top\\,dt", "wrong", "from 0 to T"),
        (FLOW, "dλ/dt = -A'λ\nλ(T) = c\n∇G = ∫ λ u' dt", "right", ""),
        (FLOW, "v(T) = c\n∇G = -int(v*u', t, 0, T)", "wrong", "the sign"),
        (GROWTH, "T - int(v*u, t, 0, T)", "right", ""),
        (GROWTH, "1 - int(v*u, t, 0, T)", "wrong", "differs"),
        ({**GROWTH, "until": "2"}, "\\int_0^2 (1 - v u)\\,dt", "right", ""),
        (DECAY, "int(u*v, t, 0, T) - 2*k*v(0)", "right", ""),
        (DECAY, "int(u*v, t, 0, T) - 2*k*v", "unread", "without its time"),
        (STEPS, "-\\sum_{i=0}^{N-1} v_{i+1} u_i^\\top", "right", ""),
        (STEPS, "sum(-v[k+1]*u[k]', k=1..N-1)", "wrong", "k from 0 to N-1"),
        (STEPS, "sum(-v[k+1]*u[k]', k=0..N)", "wrong", "k from 0 to N-1"),
        ({**STEPS, "f": "u[k+1] = A*u[k] + w[k]", "wrt": "w"}, "-v[k+1]", "right", ""),
    ],
)
def test_every_line_about_a_system_counts(more: dict[str, str], answer: str, status: str, said: str) -> None:
    found = check(answer, **more)
    assert found.status == status and said in found.reason, found
