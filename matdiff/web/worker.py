"""A process that answers questions, one at a time: `python -P -m matdiff.web.worker`, a line of JSON each way.

It has as much memory as it is told to; `pool` ends it when a question takes longer than it may.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TextIO

from matdiff.web.service import ask

WARM = (
    ("page", {"function": "norm(A*x - b)^2/2", "parts": ["steps", "verification"]}),
    ("page", {"function": "logdet(X'*X)"}),
    ("check", {"function": "x'*A*x", "wrt": "x", "answer": "2*A*x"}),
)
"""Asked before the first question, so that what they load is there."""
HUGE = {"kind": "TooLarge", "hint": "try a smaller problem, or matdiff on the command line, which has no such bound"}


def work(lines: TextIO, out: TextIO, megabytes: int) -> None:
    """Answer until the input ends; a line {"ready": true} first."""
    for name, asked in WARM:
        for _ in ask(name, asked):
            pass
    limit_memory(megabytes)
    say(out, {"ready": True})
    for line in lines:
        name, asked = json.loads(line)
        try:
            for event in ask(name, asked):
                say(out, event)
        except MemoryError:
            said = f"this takes more than the {megabytes} MB that a question may"
            say(out, {"error": {**HUGE, "message": said, "said": said}})
            say(out, {"end": True, "spent": True})
            return
        say(out, {"end": True})


def say(out: TextIO, event: dict[str, object]) -> None:
    out.write(json.dumps(event, ensure_ascii=False) + "\n")
    out.flush()


def limit_memory(megabytes: int) -> None:
    """Where the system can limit it; elsewhere the time alone bounds what is used."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
    except (ImportError, ValueError, OSError):
        return


def main() -> None:
    # What libraries print must not come between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    work(sys.stdin, out, int(sys.argv[1]))


if __name__ == "__main__":
    main()
