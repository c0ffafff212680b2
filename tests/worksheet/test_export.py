"""Worksheets exported: to Moodle, whose answers Maxima compares, and to nbgrader, which grades the notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from matdiff.cli.app import run
from matdiff.worksheet.export import moodle, nbgrader, points

LESSONS = sorted((Path(__file__).resolve().parents[2] / "examples").glob("[0-9]*.md"))
LESSON = """# Trial: a/b & c

Let $x < y$; [[input:ans9]] is text.

```matdiff
title: Formula
points: 2.5
f: norm(A*x - b)^2/2
wrt: x
```
```matdiff
title: Names that mean something else
f: lambda*logdet(X'*X) + i*tr(X'*E*X)
wrt: X
let: lambda: scalar; i: scalar; X: m×n; E: m×m
```
```matdiff
title: Entries
f: Q
wrt: X
let: X: 2×2
choose: Q in [X^2, X*X']
```
```matdiff
title: A scalar
f: log(1 + x^2)*e
wrt: x
ask: hessian
let: x: scalar; e: scalar
```
```matdiff
title: A differential
f: tr(S*inv(X))
wrt: X
ask: differential
let: S: n×n symmetric
```
```matdiff
title: Several
points: 2
f: norm(X - U*V')^2
wrt: U, V
```
```matdiff
title: Entry by entry
f: sum(log(1 .+ exp(M*w)))
wrt: w
ask: hessian
let: M: m×n
```
```matdiff
title: Numbers
f: lambda_max(S)
wrt: S
let: S: n×n symmetric
```
```matdiff
title: An equation
f: A*x = b for x; c'*x
wrt: b
```
"""
KINDS = ["stack", "stack", "stack", "stack", "stack", "stack", "stack", "stack", "cloze", "essay"]


@pytest.fixture(scope="module")
def file() -> bytes:
    return moodle(LESSON, "trial.md", ["1", "2", "3", "4"])


@pytest.fixture(scope="module")
def quiz(file: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(file)


def questions(quiz: ElementTree.Element) -> list[ElementTree.Element]:
    return [q for q in quiz if q.get("type") not in ("category", "description")]


def text(q: ElementTree.Element, path: str) -> str:
    return q.findtext(path) or ""


def test_each_problem_becomes_the_question_that_can_hold_its_answer(quiz):
    found = questions(quiz)
    assert [q.get("type") for q in found] == KINDS
    assert [text(q, "input/type") for q in found[:5]] == ["algebraic", "algebraic", "matrix", "matrix", "algebraic"]
    assert text(found[0], "questionvariables/text") == "ta1:transpose(A) . (A . x - b);"
    assert text(found[0], "defaultgrade") == "2.5"
    assert [len(q.findall("input")) for q in found[:8]] == [1, 1, 1, 1, 1, 1, 2, 1]
    assert "{1:NUMERICAL:=" in text(found[8], "questiontext/text")
    assert text(found[9], "responseformat") == "plain"


def test_variants_are_a_category_of_their_own(quiz):
    paths = [text(q, "category/text") for q in quiz if q.get("type") == "category"]
    lesson = "$course$/top/Trial: a//b & c"
    assert paths == [lesson, f"{lesson}/Problem 3: Entries", lesson]
    named = [text(q, "name/text") for q in questions(quiz)[2:4]]
    assert all(re.fullmatch(r"Problem 3: Entries \([1-4]\)", n) for n in named) and named[0] != named[1]


def test_names_that_mean_something_else_to_maxima_are_others(quiz):
    q = questions(quiz)[1]
    assert "lambda0" in text(q, "questionvariables/text") and "i0" in text(q, "questionvariables/text")
    assert r"<code>lambda0</code> for \(\lambda\)" in text(q, "questiontext/text")
    assert "<code>e0</code>" in text(questions(quiz)[4], "questiontext/text")


def test_text_is_no_command_of_stack_and_no_html():
    made = moodle("# T\n\n<script>x</script> [[a]]\n```matdiff\nf: x'*x\nwrt: x\ntitle: <b>[[x]]\n```\n", "t.md")
    quiz = ElementTree.fromstring(made)
    said = [t.text or "" for t in quiz.iter("text")]
    assert not any("<script" in t for t in said)
    asked = text(questions(quiz)[0], "questiontext/text")
    assert asked.count("[[") == 2 and "[[input:ans1]]" in asked


def test_the_schema_holds(file):
    etree = pytest.importorskip("lxml.etree", reason="lxml, which checks the schema, is not installed")
    schema = etree.RelaxNG(etree.parse(str(Path(__file__).parents[1] / "moodle.rng")))
    made = etree.fromstring(file)
    schema.assertValid(made)
    made.find("question[@type='stack']").remove(made.find("question[@type='stack']/input"))
    assert not schema.validate(made)


TYPED = {
    0: [
        ("A^^2", "false false"),
        ("transpose(A).A.x - transpose(A).b", "true false"),
        ("transpose(x).transpose(A).A - transpose(b).A", "false true"),
        ("q . x", "false false"),
        ("(A . x - b) . transpose(A)", "false false"),
        ("transpose(A) . (A . x - 0.999*b)", "false false"),
    ],
    1: [("2*lambda0*X . (transpose(X) . X)^^(-1) + i0*(E0 + transpose(E0)) . X", "true false"), ("X", "false false")],
    7: [("transpose(M) . diagm(exp(M . w)/(1+exp(M . w))^2) . M", "true true")],
}
"""By problem: what may be typed, whether it is right, and whether its transpose is."""


@pytest.mark.skipif(shutil.which("maxima") is None, reason="Maxima is not installed")
def test_maxima_finds_the_answers_right_and_others_wrong(quiz, tmp_path):
    rows = [(q, TYPED.get(n, ())) for n, q in enumerate(questions(quiz))]
    said, wanted = by_maxima(rows, tmp_path)
    assert said == wanted and len(said) > 20


@pytest.mark.skipif(shutil.which("maxima") is None, reason="Maxima is not installed")
def test_maxima_finds_the_answers_of_every_lesson_right(tmp_path):
    """Each STACK question of examples/: Maxima reads what is right, and finds it so; twice it and one is not."""
    found = [ElementTree.fromstring(moodle(p.read_text(encoding="utf-8"), p.name)) for p in LESSONS]
    rows = [(q, ()) for quiz in found for q in questions(quiz) if q.get("type") == "stack"]
    said, wanted = by_maxima(rows, tmp_path)
    assert said == wanted and len(said) >= 150


def by_maxima(rows, folder):
    """What Maxima says of the right answer, of a wrong one and of others that are given; and what it should say."""
    script, wanted = ["display2d:false$"], []
    for q, more in rows:
        for prt in q.findall("prt"):
            k, before = text(prt, "name")[3:], text(prt, "feedbackvariables/text").replace(";", "$")
            own = more if k == "1" else ()
            for typed, right in [(f"ta{k}", "true"), (f"2*ta{k}+1", "false"), *own]:
                script += [
                    "kill(all)$",
                    text(q, "questionvariables/text").replace(";", "$"),
                    f"ans{k}:{typed}$",
                    before,
                ]
                same = f"is(fullratsimp(ans{k}-ta{k})=fullratsimp(0*ta{k}))"
                script.append(f'print("FOUND",{f"ans{k}ok,ans{k}turned" if before else same})$')
                wanted.append((text(q, "name/text"), typed, right))
    (folder / "all.mac").write_text("\n".join(script), encoding="utf-8")
    command = ["maxima", "--very-quiet", "--batch", str(folder / "all.mac")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    found = re.findall(r"^FOUND (.*?) ?$", done.stdout, re.MULTILINE)
    assert len(found) == len(wanted), done.stdout[-2000:]
    return [(name, typed, f[: len(right)]) for (name, typed, right), f in zip(wanted, found, strict=True)], wanted


# nbgrader


def test_cells_of_a_notebook_have_the_metadata():
    found = json.loads(nbgrader(LESSON, "trial.md", "1"))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    marks = [c["metadata"]["nbgrader"] for c in found["cells"]]
    needed = {"schema_version", "grade_id", "grade", "solution", "locked", "task", "cell_type"}
    assert all(needed <= set(m) and m["schema_version"] == 3 for m in marks)
    assert len({m["grade_id"] for m in marks}) == len(marks)
    assert all(m["locked"] == (not m["solution"]) and ("points" in m) == m["grade"] for m in marks)
    assert sum(m.get("points", 0) for m in marks) == 11.5
    answers = ["".join(c["source"]) for c in found["cells"] if c["metadata"]["nbgrader"]["solution"]]
    assert all(a.startswith("### BEGIN SOLUTION\n") and a.endswith("### END SOLUTION") for a in answers)
    assert not any(
        "gradient = A'*(A*x - b)" in "".join(c["source"]) for c in found["cells"] if c["cell_type"] == "markdown"
    )


def test_the_solutions_in_a_notebook_have_all_points(capsys):
    """Cell by cell, as a kernel runs them."""
    for c in json.loads(nbgrader(LESSON.split("```matdiff\ntitle: Numbers")[0], "trial.md"))["cells"]:
        marks = c["metadata"]["nbgrader"]
        if marks["solution"]:
            space: dict[str, object] = {}
            exec(c["source"], space)
        elif marks["grade"]:
            *before, last = c["source"].splitlines()
            exec("\n".join(before), space)
            assert eval(last, space) == marks["points"], c["source"]
    assert capsys.readouterr().out == ""


def test_points_for_a_wrong_answer_come_with_the_reason(capsys):
    source = "f: r = A*x - b\n   r'*r/2\nwrt: x\npoints: 4 = result 2 + steps 2"
    assert points(source, "df = r'*dr\n   = r'*A*dx\ngradient = A*r") < 4
    assert "line 3" in capsys.readouterr().out
    assert points(source, "") == 0


def test_nbgrader_takes_out_the_solutions_and_gives_the_points(tmp_path):
    if find_spec("nbgrader") is None:
        pytest.skip("nbgrader is not installed")
    lesson = LESSON.split("```matdiff\ntitle: Entries")[0]
    source = tmp_path / "source" / "ps1" / "ps1.ipynb"
    source.parent.mkdir(parents=True)
    source.write_bytes(nbgrader(lesson, "trial.md"))

    def tool(*arguments: str) -> str:
        command = [sys.executable, "-m", "nbgrader", *arguments]
        # It calls another program of its environment by name.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "PATH": path},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    assert "Success" in tool("validate", str(source))
    tool("generate_assignment", "ps1")
    release = json.loads((tmp_path / "release" / "ps1" / "ps1.ipynb").read_text(encoding="utf-8"))
    assert "A'*(A*x" not in json.dumps(release)
    answers = {"answer-1": "gradient = A'*(A*x - b)", "answer-2": "gradient = X"}
    for c in release["cells"]:
        name = c["metadata"]["nbgrader"]["grade_id"]
        if name in answers:
            c["source"] = f'answer_{name[-1]} = r"""\n{answers[name]}\n"""'
    hand_in = tmp_path / "submitted" / "ada" / "ps1" / "ps1.ipynb"
    hand_in.parent.mkdir(parents=True)
    hand_in.write_text(json.dumps(release), encoding="utf-8")
    tool("autograde", "ps1", "--create")
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        graded = book.find_submission("ps1", "ada")
        assert (graded.score, graded.max_score) == (2.5, 3.5)


# the command line


def test_on_the_command_line(tmp_path, capsys):
    lesson = tmp_path / "small.md"
    lesson.write_text("# S\n```matdiff\nf: k*x'*x\nwrt: x\nchoose: k in [2, 3]\n```\n", encoding="utf-8")
    assert run(["worksheet", "export", str(lesson), "--to", "moodle-xml", "--variants", "4"]) == 0
    made = ElementTree.parse(tmp_path / "small-moodle.xml").getroot()
    assert sorted(text(q, "questionvariables/text") for q in questions(made)) == ["ta1:4*x;", "ta1:6*x;"]
    assert run(["worksheet", "export", str(lesson), "--to", "nbgrader", "--seed", "a", "--seed", "b"]) == 0
    assert {p.name for p in tmp_path.glob("*.ipynb")} == {"small-a-nbgrader.ipynb", "small-b-nbgrader.ipynb"}
    assert run(["worksheet", "export", str(lesson), "--to", "moodle-xml", "--seed", "a", "--variants", "2"]) == 2
    lesson.write_text("# S\n```matdiff\nf: k*x'*\nwrt: x\n```\n", encoding="utf-8")
    assert run(["worksheet", "export", str(lesson), "--to", "moodle-xml"]) == 2
    assert "small.md, line 2" in capsys.readouterr().err
