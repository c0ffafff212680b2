"""Many submissions at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from matdiff.errors import MatdiffError
from matdiff.worksheet.worker import Result, run

SECONDS = 60.0
"""What a submission has, unless told otherwise."""


def files(paths: Sequence[Path]) -> list[Path]:
    """The submissions among files and folders, which are looked through to the bottom; hidden ones are passed over.

    Raises MatdiffError for a path that does not exist or a folder without any.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise MatdiffError(f"there is no file {path}")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        wanted = [p for p in inside if not path.is_dir() or is_submission(p.relative_to(path), p)]
        if not wanted:
            raise MatdiffError(f"there are no submissions in {path}", hint="those are files that are not hidden")
        found.update(dict.fromkeys(wanted))
    return list(found)


def is_submission(inside: Path, path: Path) -> bool:
    """Every file that is not hidden, so that none is passed over in silence."""
    return not any(p.startswith((".", "__MACOSX")) for p in inside.parts) and path.is_file()


def check_all(
    paths: Sequence[Path], lesson: tuple[str, str, str | None] | None = None, seconds: float = SECONDS
) -> Iterator[tuple[int, Result]]:
    """Results as they come, each with the place of its path; a process for each, as many at a time as processors."""
    with ThreadPoolExecutor(max_workers=max(1, os.cpu_count() or 1)) as pool:
        waiting = {pool.submit(run, path, lesson, seconds): i for i, path in enumerate(paths)}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
