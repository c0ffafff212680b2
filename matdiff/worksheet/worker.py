"""One submission in a process of its own, with limits: `python -P -m matdiff.worksheet.worker` reads a job.

`-P` keeps the folder it is run in off the path, so that a submission named like a module is never imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from matdiff.errors import MatdiffError
from matdiff.worksheet.answers import submission
from matdiff.worksheet.check import LineMark, Mark

MEMORY = 8 * 2**30


@dataclass
class Result:
    """The marks of a submission; `error` where it could not be read to the end, `remarks` on answers left out."""

    name: str
    marks: list[Mark] = field(default_factory=list)
    error: str = ""
    remarks: list[str] = field(default_factory=list)

    def passed(self, any_layout: bool) -> bool:
        return not self.error and bool(self.marks) and all(m.right(any_layout) for m in self.marks)


def run(path: Path, lesson: tuple[str, str, str | None] | None, seconds: float) -> Result:
    """Mark one file.  It has so many seconds; marks made until then are kept, and no failure of it leaves this."""
    job = json.dumps({"path": str(path.absolute()), "lesson": lesson})
    command = [sys.executable, "-P", "-m", "matdiff.worksheet.worker"]
    try:
        done = subprocess.run(command, input=job.encode(), capture_output=True, timeout=seconds, check=False)
        out, complaint = done.stdout, last_line(done.stderr) if done.returncode else ""
    except subprocess.TimeoutExpired as error:
        out, complaint = error.stdout or b"", f"not finished within {seconds:g} s"
    return read(path.name, out.decode(errors="replace"), complaint)


def last_line(raw: bytes) -> str:
    return (raw.decode(errors="replace").strip().splitlines() or ["it ended without a word"])[-1]


def read(name: str, out: str, complaint: str) -> Result:
    result = Result(name, error=complaint)
    for line in out.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if "error" in said:
            result.error = said["error"]
        elif "remark" in said:
            result.remarks.append(said["remark"])
        else:
            lines = tuple(LineMark(**line) for line in said.pop("lines", ()))
            result.marks.append(Mark(**said, lines=lines))
    return result


def work() -> None:
    """Do the job on standard input."""
    limit_memory()
    for line in said(json.load(sys.stdin)):
        print(line, flush=True)


def said(job: dict[str, Any]) -> Iterator[str]:
    """A line of JSON for each mark as soon as it is made."""
    from matdiff.worksheet.check import marks

    lesson = tuple(job["lesson"]) if job["lesson"] else None
    try:
        found = submission(Path(job["path"]), lesson)
        for remark in found.remarks:
            yield json.dumps({"remark": remark})
        for mark in marks(found):
            yield json.dumps(asdict(mark))
    except MatdiffError as error:
        yield json.dumps({"error": str(error)})


def limit_memory() -> None:
    """Where the system can limit it."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    except (ImportError, ValueError, OSError):
        return


if __name__ == "__main__":
    work()
