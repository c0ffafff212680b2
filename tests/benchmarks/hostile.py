"""What hostile input costs: the inputs that the tests bound by counts, in seconds, the slowest first.

    python tests/benchmarks/hostile.py

Every one is meant to be done or refused within two seconds on a quiet core; the exit status is 1 where one is not.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

import matdiff as md
from matdiff.text.parser import parse_program
from tests.inference import test_inference
from tests.text import test_errors, test_latex, test_parser

SECONDS = 2.0
LENGTH = 96_000
"""Characters of a LaTeX text of many equal parts."""


def inputs() -> Iterator[tuple[str, Callable[[], Any]]]:
    for name, given in test_errors.HOSTILE.items():
        yield name, lambda given=given: test_errors.derived_or_refused(*given)  # type: ignore[misc]
    for piece in test_parser.HOSTILE:
        text = piece * (LENGTH // len(piece.encode()))
        yield f"plain: {piece} …", lambda text=text: parse_program(text)  # type: ignore[misc]
    for part in test_latex.MANY:
        text = "x " + part * (LENGTH // len(part))
        yield f"LaTeX: {part} …", lambda text=text: parse_program(text, "latex")  # type: ignore[misc]
    for name, text in test_inference.LARGE.items():
        declared = "s0: elementwise" if "s0" in text else ""
        yield name, lambda text=text, declared=declared: test_inference.typed(text, declared)  # type: ignore[misc]


def seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    with contextlib.suppress(md.MatdiffError):
        work()
    return time.process_time() - begin


def main() -> int:
    times = sorted(((seconds(work), name) for name, work in inputs()), reverse=True)
    for taken, name in times[:20]:
        print(f"{taken:6.2f} s  {name}")
    return 1 if times[0][0] > SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
