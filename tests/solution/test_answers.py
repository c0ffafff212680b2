"""Answers as students write them, to every problem of the course: right, wrong, or such as nobody can read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from matdiff.solution.problem import Problem
from matdiff.worksheet.check import mark
from matdiff.worksheet.document import worksheet

HERE = Path(__file__).parents[1]
KINDS = ("latex", "unicode", "ascii", "handheld", "numpy", "words")
TABLE: list[dict[str, Any]] = tomllib.loads((HERE / "answers.toml").read_text(encoding="utf-8"))["problem"]


def problems() -> dict[str, Problem]:
    """The problems of the course by lesson and number."""
    found = {}
    for path in sorted((HERE.parent / "examples").glob("[0-9]*.md")):
        for problem in worksheet(path.read_text(encoding="utf-8"), path.name).problems:
            found[f"{path.stem[:2]}.{problem.number}"] = problem
    return found


PROBLEMS = problems()


def test_the_table_is_whole() -> None:
    """Every problem of all lessons, 150 right answers at least in all six kinds, 150 wrong ones."""
    assert {row["problem"] for row in TABLE} == set(PROBLEMS)
    counts = {kind: sum(len(row.get(kind, ())) for row in TABLE) for kind in (*KINDS, "wrong", "unread")}
    assert sum(counts[kind] for kind in KINDS) >= 150 and min(counts.values()) >= 5 and counts["wrong"] >= 150
    assert all(counts[kind] >= 20 for kind in KINDS)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["problem"])
def test_answers(row: dict[str, Any]) -> None:
    problem = PROBLEMS[row["problem"]]
    for kind in KINDS:
        for answer in row.get(kind, ()):
            found = mark(problem, answer)
            assert found.status == "right", (kind, answer, found)
    for answer, said in row.get("wrong", ()):
        found = mark(problem, answer)
        assert found.status in ("wrong", "layout") and found.reason, (answer, found)
        assert said in found.reason or said == found.status, (answer, found)
    for answer in row.get("unread", ()):
        found = mark(problem, answer)
        assert found.status == "unread" and found.reason.startswith("not read: "), (answer, found)


def counted() -> str:
    """The table in figures: how many answers of each kind have each mark.

    `python tests/solution/test_answers.py` prints it.
    """
    found: dict[str, dict[str, int]] = {}
    for row in TABLE:
        said = [(kind, answer) for kind in (*KINDS, "unread") for answer in row.get(kind, ())]
        for kind, answer in [*said, *(("wrong", answer) for answer, _ in row.get("wrong", ()))]:
            status = mark(PROBLEMS[row["problem"]], answer).status
            marks = found.setdefault(kind, {})
            marks[status] = marks.get(status, 0) + 1
    states = ("right", "layout", "wrong", "unread", "missing", "undecided")
    lines = ["kind of answer  " + "".join(f"{state:>10}" for state in (*states, "all"))]
    for kind in (*KINDS, "wrong", "unread"):
        counts = [found.get(kind, {}).get(state, 0) for state in states]
        lines.append(f"{kind:<16}" + "".join(f"{n or '':>10}" for n in (*counts, sum(counts))))
    return "\n".join(lines)


if __name__ == "__main__":
    print(counted())
