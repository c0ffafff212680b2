"""A class: who handed in what, by the trees that Moodle, Canvas and nbgrader make; gradebooks and feedback."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matdiff.report.html import POLICY, STYLE
from matdiff.worksheet.check import LineMark, Mark
from matdiff.worksheet.report import SIGNS, WORDS, harmless, one_line, said
from matdiff.worksheet.worker import Result

MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?")
CANVAS = re.compile(r"(?P<name>[a-z][a-z\-]*?)(?P<late>_late)?_(?P<id>\d+)_(?P<sub>\d+)_", re.IGNORECASE)
BOOKS = ("gradebook", "moodle", "canvas", "nbgrader")


@dataclass(frozen=True)
class Student:
    """A person; `late` as Canvas says it, `assignment` as nbgrader's tree does."""

    name: str
    id: str = ""
    late: bool = False
    assignment: str = ""


def student_of(path: Path, root: Path | None = None) -> Student:
    """Who handed in a file, by its path below the folder that was given.

    >>> student_of(Path("Ada Lovelace_1815_assignsubmission_file_/a.md"))
    Student(name='Ada Lovelace', id='1815', late=False, assignment='')
    >>> student_of(Path("gaussfriedrich_LATE_77_4711_sheet.md")).id
    '77'
    >>> student_of(Path("submitted/noether/ps1/ps1.ipynb"))
    Student(name='noether', id='noether', late=False, assignment='ps1')
    """
    inside = path.relative_to(root) if root is not None and path.is_relative_to(root) else path
    for part in inside.parts:
        if found := MOODLE.match(part):
            return Student(found["name"], found["id"])
    if found := CANVAS.match(inside.name):
        return Student(found["name"], found["id"], bool(found["late"]))
    parts = list(inside.parts[:-1])
    if parts and parts[0] in ("submitted", "autograded", "feedback"):
        parts = parts[1:]
    if len(parts) >= 2:
        return Student(parts[0], parts[0], assignment=parts[1])
    return Student(parts[0] if parts else inside.stem)


@dataclass
class Row:
    """A student's marks, those of several files put together; flags tell what a person has to look at."""

    student: Student
    files: list[str]
    marks: list[Mark]
    flags: list[str]

    def points(self, any_layout: bool) -> float:
        return sum(m.points(any_layout) for m in self.marks)

    @property
    def of(self) -> float:
        return sum(m.of for m in self.marks)


def rows(results: Sequence[tuple[Student, Result]]) -> list[Row]:
    """A row a student, in the order in which they come; a problem that two files answer differently is flagged."""
    found: dict[tuple[str, str], Row] = {}
    for student, result in results:
        row = found.setdefault((student.name, student.id), Row(student, [], [], []))
        row.files.append(result.name)
        row.flags += [f"{result.name}: {said(result)}"] if said(result) else []
        row.flags += ["late"] if student.late and "late" not in row.flags else []
        merged = {m.problem: m for m in row.marks}
        for m in result.marks:
            other = merged.get(m.problem)
            if other is None or other.status == "missing":
                merged[m.problem] = m
            elif m.status not in ("missing", other.status):
                row.flags.append(f"problem {m.problem} is answered in two files, the first counts")
        row.marks = [merged[n] for n in sorted(merged)]
    for row in found.values():
        row.flags += [f"problem {m.problem}: {m.status}" for m in row.marks if m.status in ("unread", "undecided")]
    return list(found.values())


def gradebook(found: Sequence[Row], form: str, any_layout: bool, title: str) -> str:
    """The class as CSV: a row a student.

    `moodle` has the columns without which its grading worksheet is refused (mod/assign/feedback/offline), `canvas`
    those of its gradebook's import, `nbgrader` those of `nbgrader export`.
    """
    numbers = sorted({m.problem for row in found for m in row.marks})
    worth = {m.problem: m.of for row in found for m in row.marks}
    total = sum(worth.values())
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    if form == "moodle":
        last = ["Last modified (grade)", "Feedback comments"]
        table.writerow(["Identifier", "Full name", "Status", "Grade", "Maximum Grade", *last])
    elif form == "canvas":
        table.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title])
        table.writerow(["    Points Possible", "", "", "", "", f"{total:g}"])
    elif form == "nbgrader":
        columns = "assignment duedate timestamp student_id last_name first_name email raw_score late_submission_penalty"
        table.writerow([*columns.split(), "score", "max_score"])
    else:
        table.writerow(
            ["name", "id", "files", *(f"problem {n} ({worth[n]:g})" for n in numbers), "total", "of", "flags"]
        )
    for row in found:
        who, points = row.student, f"{row.points(any_layout):g}"
        flags, name = one_line("; ".join(row.flags)), harmless(who.name)
        if form == "moodle":
            status = "Submitted for grading"
            cells = [
                f"Participant {who.id}" if who.id else "",
                name,
                status,
                points,
                f"{total:g}",
                "-",
                harmless(flags),
            ]
        elif form == "canvas":
            cells = [name, who.id, "", "", "", points]
        elif form == "nbgrader":
            cells = [who.assignment or title, "", "", who.id or who.name, "", "", "", points, "0", points, f"{total:g}"]
        else:
            each = {m.problem: f"{m.points(any_layout):g}" for m in row.marks}
            marks = [each.get(n, "") for n in numbers]
            cells = [name, who.id, harmless("; ".join(row.files)), *marks, points, f"{total:g}", harmless(flags)]
        table.writerow(cells)
    return out.getvalue()


def feedback_markdown(row: Row, any_layout: bool, with_solution: bool, title: str) -> str:
    """What a student gets back: the marked lines, reasons, numbers that show what is wrong, the solution if wanted."""
    parts = [f"# {title}: {row.student.name}", f"**{row.points(any_layout):g} of {row.of:g} points**"]
    for m in row.marks:
        head = f"## {SIGNS[m.status]} Problem {m.problem}" + (f": {m.title}" if m.title else "")
        parts.append(f"{head} — {m.points(any_layout):g}/{m.of:g}, {WORDS[m.status]}")
        if m.answer.strip():
            fence = "`" * (3 + max(map(len, re.findall("`+", m.answer)), default=0))
            parts.append("\n".join([f"{fence}text", *marked_lines(m), fence]))
        parts += [f"> {line}" for line in told(m)]
        if with_solution and m.solution and not m.right(any_layout):
            parts.append(f"Solution: `{m.solution}`")
    parts += [f"*{flag}*" for flag in row.flags]
    return "\n\n".join(parts) + "\n"


def marked_lines(m: Mark) -> list[str]:
    """The answer's lines, each with a mark where it was judged."""
    marks = {t.line: sign(t) for t in m.lines}
    if m.line and m.status in ("wrong", "layout", "unread", "partial"):
        marks[m.line] = SIGNS["wrong" if m.status == "partial" else m.status]
    return [f"{marks.get(i, ' ')} {line}" for i, line in enumerate(m.answer.splitlines(), 1)]


def sign(t: LineMark) -> str:
    return "✓" if t.passed else "✗" if t.passed is False else "?"


def told(m: Mark) -> list[str]:
    """Why lines are wrong, and numbers that show it."""
    found = [f"line {m.line}: {one_line(m.reason)}" if m.line else one_line(m.reason)] if m.reason else []
    found += [f"line {t.line}: {one_line(t.reason)}" for t in m.lines if t.reason and t.line != m.line]
    return found + ([m.counterexample] if m.counterexample else [])


def feedback_html(row: Row, any_layout: bool, with_solution: bool, title: str) -> str:
    """The same as a page of its own, without scripts; what students typed is shown as text."""
    body = [f"<h1>{escape(title)}: {escape(row.student.name)}</h1>"]
    body.append(f"<p><strong>{row.points(any_layout):g} of {row.of:g} points</strong></p>")
    for m in row.marks:
        head = f"{SIGNS[m.status]} Problem {m.problem}" + (f": {m.title}" if m.title else "")
        body.append(f"<h3>{escape(head)} — {m.points(any_layout):g}/{m.of:g}, {WORDS[m.status]}</h3>")
        if m.answer.strip():
            body.append(f"<pre>{escape(chr(10).join(marked_lines(m)))}</pre>")
        body += [f"<blockquote><p>{escape(line)}</p></blockquote>" for line in told(m)]
        if with_solution and m.solution and not m.right(any_layout):
            body.append(f"<p>Solution: <code>{escape(m.solution)}</code></p>")
    body += [f"<p><em>{escape(flag)}</em></p>" for flag in row.flags]
    inside = "\n".join(body)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{STYLE}</style>\n'
        f"</head>\n<body>\n<main>\n{inside}\n</main>\n</body>\n</html>\n"
    )


def write_feedback(found: Sequence[Row], folder: Path, any_layout: bool, with_solution: bool, title: str) -> list[Path]:
    """An HTML and a Markdown file for each student; two of one name get numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for row in found:
        stem = (
            re.sub(r"[^\w.-]+", "_", "_".join(filter(None, [row.student.name, row.student.id]))).strip("._")
            or "student"
        )
        taken = {p.stem for p in written}
        name = next(n for n in (stem, *(f"{stem}_{i}" for i in range(2, len(found) + 2))) if n not in taken)
        for suffix, make in ((".html", feedback_html), (".md", feedback_markdown)):
            path = folder / f"{name}{suffix}"
            path.write_text(make(row, any_layout, with_solution, title), encoding="utf-8")
            written.append(path)
    return written
