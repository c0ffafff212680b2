"""What a submission says: problems and answers, out of Markdown or a notebook, as text.  Nothing of it is run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from matdiff.errors import ParseError
from matdiff.report.markdown import BEGIN, END
from matdiff.solution.problem import Problem, read_block
from matdiff.worksheet.document import LARGEST, Fence, Worksheet, pieces_of, worksheet
from matdiff.worksheet.handins import sectioned, text_of

PROBLEM = re.compile(rf"^{re.escape(BEGIN)} (\d{{1,4}})\n(.*?)\n{re.escape(END)}", re.DOTALL | re.MULTILINE)
ORIGIN = re.compile(r"<!-- matdiff worksheet .*?, seed (.*?) -->")
CELL = re.compile(r"\s*%%?matdiff[ \t]+(?:answer|check)\b[ \t]*([^\n]*)\n?(.*)", re.DOTALL)
NUMBER = re.compile(r"\W*(?:(?:to|problem|no|nr|number|answer)\b\W*)*(\d{1,4})\W*", re.IGNORECASE)
ANSWER = re.compile(r"\W{0,2}answers?(?![a-z_])", re.IGNORECASE)
SUFFIXES = (".md", ".ipynb", ".txt", ".tex", ".docx", ".html", ".htm", ".markdown", "")
"""Names of files that are read; other files are listed as not read."""


@dataclass(frozen=True)
class Submission:
    """A file's problems, and its answers by the numbers of their problems.

    `faults` says of a problem why its answer cannot be marked; `remarks` tell of answers that belong to no problem.
    """

    name: str
    problems: tuple[Problem, ...]
    answers: dict[int, str]
    faults: dict[int, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def submission(path: Path, lesson: tuple[str, str, str | None] | None = None) -> Submission:
    """Read a file.  Problems come from the lesson (text, name, seed) where it is given, else from the file itself.

    Raises ParseError for a file that cannot be read or has no problems.
    """
    text = as_markdown(path)
    problems = tuple(asked(text, path.name) if lesson is None else of_lesson(text, *lesson).problems)
    if not problems:
        raise ParseError(f"{path.name} has no problems in it", hint="name the worksheet: --lesson lesson.md")
    found = Submission(path.name, problems, {})
    remarks = list(sort(text, found, {p.number for p in problems}))
    return Submission(found.name, problems, found.answers, found.faults, tuple(remarks))


def sort(text: str, found: Submission, numbers: set[int]) -> Iterator[str]:
    """Gives every answer to its problem; what is said of those that have none."""
    lines: dict[int, int] = {}
    for fence in (p for p in pieces_of(text, found.name, ANSWER) if isinstance(p, Fence)):
        said = "\n".join(fence.lines)
        number = int(n[1]) if (n := NUMBER.fullmatch(fence.rest)) else 0
        if number not in numbers:
            what = f"there is no problem {number}" if number else "the answer has no number that can be read"
            if not blank(said):
                yield f"line {fence.line}: {what}, so this answer is not marked"
        elif not fence.closed:
            found.faults[number] = f"the block on line {fence.line} is not closed: a line {fence.mark} is missing"
        elif number in lines and not blank(said) and said.strip() != found.answers[number].strip():
            found.faults[number] = f"there are two answers to this problem, on lines {lines[number]} and {fence.line}"
        elif number not in lines:
            found.answers[number] = said
            if not blank(said):
                lines[number] = fence.line


def blank(answer: str) -> bool:
    """Is it empty, or as the sheet had it?"""
    return all(not line.strip() or line.rstrip().endswith("=") for line in answer.splitlines())


def of_lesson(text: str, lesson: str, name: str, seed: str | None) -> Worksheet:
    """The lesson with the seed given, else the one that the submission says it was made with."""
    said = ORIGIN.search(text)
    return worksheet(lesson, name, seed if seed is not None else said[1] if said else None)


def asked(text: str, name: str) -> list[Problem]:
    """The problems repeated in a sheet's comments; without any, those in `matdiff` blocks."""
    found = []
    for match in PROBLEM.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        found.append(read_block(name, line, match[2].split("\n")).problem(int(match[1]), {}))
    numbers = [p.number for p in found]
    if len(set(numbers)) < len(numbers):
        raise ParseError(f"{name} has a problem twice")
    return found or worksheet(text, name).problems


def as_markdown(path: Path) -> str:
    """The text of a file; of a notebook the Markdown cells, and the answer cells as fenced blocks.

    Text, LaTeX and Word documents without such blocks are cut at headings such as `Problem 2`.
    """
    if path.suffix.lower() not in SUFFIXES:
        kind = f"a file {path.suffix}" if path.suffix else "a file of an unknown kind"
        raise ParseError(
            f"{path.name} is not read, for it is {kind}: neither Markdown nor a notebook, text or document"
        )
    try:
        if path.stat().st_size > 4 * LARGEST:
            raise ParseError(f"{path.name} is longer than {4 * LARGEST // 1_000_000} MB")
        raw = path.read_bytes()
    except OSError as error:
        raise ParseError(f"{path.name} cannot be read: {error.strerror}") from None
    text, kind = text_of(raw, path.name)
    return notebook_text(text, path.name) if kind == "ipynb" else sectioned(text)


def notebook_text(text: str, name: str) -> str:
    try:
        cells = json.loads(text)["cells"]
        return "\n\n".join(filter(None, map(cell_text, cells)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ParseError(f"{name} is not a Jupyter notebook") from None


def cell_text(cell: dict[str, object]) -> str:
    """A cell's text; code that is no answer is left out."""
    source = cell.get("source", "")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    if cell.get("cell_type") == "markdown":
        return text
    found = CELL.fullmatch(text)
    metadata = cell.get("metadata")
    meant = isinstance(metadata, dict) and "answer" in (metadata.get("tags") or ())
    if not found and not (meant and text.strip()):
        return ""
    number, inside = (found[1], found[2]) if found else ("", text)
    fence = "`" * (3 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}answer {number}\n{inside}\n{fence}"
