"""Hand-ins marked in this process: for tests of what is said of them, not of the processes that say it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from matdiff.worksheet import folder, worker


def run(path: Path, lesson: tuple[str, str, str | None] | None, seconds: float) -> worker.Result:
    """As `worker.run`; without a limit."""
    job = json.loads(json.dumps({"path": str(path.absolute()), "lesson": lesson}))
    return worker.read(path.name, "\n".join(worker.said(job)), "")


@contextmanager
def in_this_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "run", run)
        patch.setattr(os, "cpu_count", lambda: 1)
        yield
