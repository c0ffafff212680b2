"""A class: hand-ins of many formats in the trees of Moodle, Canvas and nbgrader; credit, gradebooks, feedback."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from marking import in_this_process

from matdiff.cli.app import app
from matdiff.errors import ParseError
from matdiff.solution.problem import Problem
from matdiff.worksheet import classes, folder
from matdiff.worksheet.answers import submission
from matdiff.worksheet.check import mark
from matdiff.worksheet.document import worksheet
from matdiff.worksheet.handins import sectioned

LESSON = """# Sheet one

```matdiff
title: Least squares
points: 4 = result 2 + steps 2
f: norm(A*x - b)^2/2
wrt: x
```

```matdiff
f: tr(A*X)
wrt: X
```
"""
SOLVED = "r = A*x - b\ndf = r'*dr\n   = r'*A*dx\ngradient = A'*r"


def fenced(first: str, second: str) -> str:
    return f"```answer 1\n{first}\n```\n\n```answer 2\n{second}\n```\n"


def docx(*paragraphs: str) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(f"<w:p><w:r><w:t>{p}</w:t></w:r></w:p>" for p in paragraphs)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as box:
        box.writestr("word/document.xml", f"<w:document {space}><w:body>{body}</w:body></w:document>")
    return out.getvalue()


TEX = r"""\documentclass{article}
\begin{document}
\section*{Problem 1}
\begin{align}
 df &= (Ax-b)^\top A\,dx \\
 \nabla f &= A^\top(Ax-b)
\end{align}
\section*{Problem 2}
$\nabla f = A^\top$
\end{document}
"""
NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": "%%matdiff answer 2\ngradient = A'"}]})
HANDINS: dict[str, bytes] = {
    "Ada Lovelace_1815_assignsubmission_file_/sheet.md": fenced(SOLVED, "gradient = A'").encode(),
    "Emmy Noether_1882_assignsubmission_file_/answers.tex": TEX.encode(),
    "Carl Gauß_1777_assignsubmission_file_/work.docx": docx(
        "Problem 1", "gradient = A'*(A*x - b)", "Problem 2", "2*A'"
    ),
    "Max Born_1883_assignsubmission_file_/x.md": b"nothing",
    "hilbertdavid_LATE_77_4711_sheet.txt": fenced("gradient = 2*A'*(A*x - b)", "A'").encode(),
    "submitted/kowalewskaja/ps1/ps1.ipynb": NOTEBOOK.encode(),
    "submitted/euler/ps1/euler": fenced("gradient = A'*(A*x - b", "A'").encode(),
    "submitted/riemann/ps1/scan.pdf": b"%PDF-1.7 ...",
    "submitted/cauchy/ps1/photo": b"\x89PNG....",
    "submitted/galois/ps1/page.html": b"<p>Problem 2</p><p>gradient = A'</p><script>alert(1)</script>",
    "submitted/abel/ps1/a.md": fenced("", "gradient = A'").encode(),
    "submitted/abel/ps1/b.md": fenced(SOLVED, "").encode(),
}


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("class")
    for name, raw in HANDINS.items():
        path = root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    (root / "lesson.md").write_text(LESSON, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def rows(handed: Path) -> dict[str, classes.Row]:
    paths = folder.files([handed / "in"])
    with in_this_process():
        done = dict(folder.check_all(paths, (LESSON, "lesson.md", None)))
    found = classes.rows([(classes.student_of(p, handed / "in"), done[i]) for i, p in enumerate(paths)])
    return {row.student.name: row for row in found}


@pytest.mark.parametrize(
    ("answer", "status", "points"),
    [
        (SOLVED, "right", 4),
        ("gradient = A'*(A*x - b)", "partial", 2),
        ("r = A*x - b\ndf = 2*r'*dr\n   = 2*r'*A*dx\ngradient = 2*A'*r", "partial", 1.5),
        ("r = A*x - b\ndf = 2*r'*dr\ngradient = A'*r", "partial", 3),
        ("gradient = A*x", "wrong", 0),
        ("gradient = A'*(", "unread", 0),
        ("", "missing", 0),
    ],
)
def test_partial_credit(answer: str, status: str, points: float) -> None:
    """The result counts where it is right; a line counts that follows from the one above, even from a wrong one."""
    found = mark(Problem(1, "", "norm(A*x - b)^2/2", "x", points=4, steps=2), answer)
    assert (found.status, found.points(False)) == (status, points), found


def test_follow_through_is_said() -> None:
    found = mark(Problem(1, "", "x'*x", "x", points=2, steps=1), "df = 3*x'*dx\ngradient = 3*x")
    assert [line.passed for line in found.lines] == [False, True]
    assert found.lines[1].reason == "follows from the wrong line above"
    other = mark(Problem(1, "", "x'*x", "x", points=2, steps=1), "df = 3*x'*dx\ngradient = 4*x")
    assert [line.passed for line in other.lines] == [False, False]


@pytest.mark.parametrize(
    ("f", "wrt", "ask", "answer", "told"),
    [
        ("A*X*B", "X", "jacobian", "dF = 2*A*dX*B\nJ = 2*kron(B',A)", [False, True]),
        ("A*X*B", "X", "jacobian", "dF = 2*A*dX*B\nJ = 3*kron(B',A)", [False, False]),
        ("X*X*X", "X", "differential", "dF = dX*X*X + X*X*dX\n = dX*X^2 + X^2*dX", [False, True]),
        ("X*X*X", "X", "differential", "dF = dX*X*X + X*X*dX\n = dX*X^2 + 2*X^2*dX", [False, False]),
        ("x'*A*x/2", "x", "hessian", "df = x'*A*dx\n∇f = A'*x\nH = A'", [False, True, True]),
        ("x'*A*x/2", "x", "hessian", "∇f = A*x\nH = 2*A", [False, False]),
        ("norm(A*x - b)^2/2", "x", "gradient", "r = A*x - b\ndf = 2*r'*dr\ngradient = 2*A'*r", [True, False, True]),
    ],
)
def test_lines_follow_from_a_wrong_one(f: str, wrt: str, ask: str, answer: str, told: list[bool]) -> None:
    """Jacobians and Hessians, too, are judged from the wrong line above, as a person marks."""
    found = mark(Problem(1, "", f, wrt, ask=ask, points=4, steps=2), answer)
    assert [line.passed for line in found.lines] == told
    assert (found.lines[-1].reason == "follows from the wrong line above") is told[-1]


def test_two_answers_of_which_one_is_right_are_for_a_person() -> None:
    problem = Problem(1, "", "norm(A*x - b)^2/2", "x")
    found = mark(problem, "gradient = 2*A'*(A*x - b)\ngradient = A'*(A*x - b)")
    assert found.status == "undecided" and "on lines 1 and 2" in found.reason
    assert mark(problem, "gradient = A'*(A*x - b)\ngradient = A'*A*x - A'*b").status == "right"


@pytest.mark.usefixtures("in_process")
def test_files_of_one_name_are_told_apart(handed: Path) -> None:
    one, two = handed / "two" / "Ada_1_assignsubmission_file_", handed / "two" / "Max_2_assignsubmission_file_"
    for folder_ in (one, two):
        folder_.mkdir(parents=True)
        (folder_ / "a.md").write_text(fenced("A'*(A*x - b)", "A'"), encoding="utf-8")
    options = ["worksheet", "check", str(handed / "two"), "--lesson", str(handed / "lesson.md")]
    done = CliRunner().invoke(app, options, standalone_mode=False)
    assert "Ada/a.md" in done.output and "Max/a.md" in done.output


def test_the_scheme_is_read_and_kept() -> None:
    problem = worksheet(LESSON).problems[0]
    assert (problem.points, problem.steps) == (4, 2) and "points: 4 = result 2 + steps 2" in problem.source
    with pytest.raises(ParseError, match="does not add up"):
        worksheet(LESSON.replace("4 = result 2", "5 = result 2"))


def test_a_class(rows: dict[str, classes.Row]) -> None:
    """Nobody is missing, whatever was handed in."""
    points = {name: row.points(False) for name, row in rows.items()}
    assert points == {
        "Ada Lovelace": 5,
        "Emmy Noether": 5,
        "Carl Gauß": 2,
        "Max Born": 0,
        "hilbertdavid": 1,
        "kowalewskaja": 1,
        "euler": 1,
        "riemann": 0,
        "cauchy": 0,
        "galois": 1,
        "abel": 5,
    }
    assert rows["Ada Lovelace"].student.id == "1815" and rows["euler"].student.assignment == "ps1"
    assert "late" in rows["hilbertdavid"].flags and "problem 1: unread" in rows["euler"].flags
    assert "not read, for it is a file .pdf" in rows["riemann"].flags[0] and "a picture" in rows["cauchy"].flags[0]
    assert rows["abel"].files == ["a.md", "b.md"]


def test_gradebooks(rows: dict[str, classes.Row]) -> None:
    found = list(rows.values())
    table = {
        form: list(csv.reader(io.StringIO(classes.gradebook(found, form, False, "ps1")))) for form in classes.BOOKS
    }
    head, *body = table["gradebook"]
    assert head == ["name", "id", "files", "problem 1 (4)", "problem 2 (1)", "total", "of", "flags"]
    assert len(body) == 11 and ["Ada Lovelace", "1815", "sheet.md", "4", "1", "5", "5", ""] in body
    # Moodle refuses a worksheet that lacks one of the first three (importgradeslib.php); it reads the fourth.
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} <= set(table["moodle"][0])
    assert table["moodle"][0][3:5] == ["Grade", "Maximum Grade"]
    assert any(row[0] == "Participant 1815" and row[3:5] == ["5", "5"] for row in table["moodle"])
    assert table["canvas"][0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ps1"]
    assert table["canvas"][1][0].strip() == "Points Possible" and table["canvas"][1][5] == "5"
    columns = "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty"
    assert ",".join(table["nbgrader"][0]) == f"{columns},score,max_score"
    assert all(len(row) == len(rows[0]) for rows in table.values() for row in rows)


def test_feedback(rows: dict[str, classes.Row], tmp_path: Path) -> None:
    """Marked lines, reasons, numbers, the solution where it is wanted; what students typed is never markup."""
    made = classes.write_feedback(list(rows.values()), tmp_path / "out", False, True, "ps1")
    assert len(made) == 22 and (tmp_path / "out" / "Ada_Lovelace_1815.html").exists()
    text = (tmp_path / "out" / "hilbertdavid_77.md").read_text(encoding="utf-8")
    assert "✗ gradient = 2*A'*(A*x - b)" in text and "factor 2 too many" in text and "Solution: `Aᵀ(A x − b)`" in text
    assert "it is [" in text or "it is " in text
    page = (tmp_path / "out" / "hilbertdavid_77.html").read_text(encoding="utf-8")
    assert "<script" not in page and "Content-Security-Policy" in page and "A&#x27;*(A*x - b)" in page
    without = classes.feedback_markdown(rows["hilbertdavid"], False, False, "ps1")
    assert "Solution" not in without


def test_on_the_command_line(handed: Path, tmp_path: Path) -> None:
    one = handed / "in" / "hilbertdavid_LATE_77_4711_sheet.txt"
    options = ["--lesson", str(handed / "lesson.md"), "--to", "canvas", "--feedback", str(tmp_path / "back")]
    done = CliRunner().invoke(app, ["worksheet", "check", str(one), *options], standalone_mode=False)
    assert done.return_value == 1 and "hilbertdavid,77,,,,1" in done.output
    assert sorted(p.name for p in (tmp_path / "back").iterdir()) == ["hilbertdavid_77.html", "hilbertdavid_77.md"]


@pytest.mark.parametrize("name", ["a.md", "a.txt", "a", "a.tex"])
def test_headings_instead_of_blocks(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("Problem 1:\nA'*(A*x - b)\n\n## Problem 2\ngradient = A'\n", encoding="utf-8")
    found = submission(path, (LESSON, "lesson.md", None))
    assert {n: a.strip() for n, a in found.answers.items()} == {1: "A'*(A*x - b)", 2: "gradient = A'"}


def test_an_archive_that_is_no_document_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ParseError, match="an archive and no Word document"):
        submission(path, (LESSON, "lesson.md", None))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("answer 2: (S+eps*I)^-1", "(S+eps*I)^-1"),
        ("Answer 2: $A^T B$", "$A^T B$"),
        ("Problem 2: tr(A)*x", "tr(A)*x"),
        ("Problem 2: Ridge regression (1 point)\n2*x", "2*x"),
        ("## Problem 2 (Student's law)\n2*x", "2*x"),
    ],
)
def test_an_answer_may_stand_on_the_line_of_its_heading(text: str, answer: str) -> None:
    assert sectioned(text) == f"```answer 2\n{answer}\n```"


def test_a_text_in_which_no_answer_begins_is_no_empty_hand_in() -> None:
    with pytest.raises(ParseError, match="no answer begins"):
        sectioned("2) (S+eps*I)^-1")
