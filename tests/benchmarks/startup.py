"""What starting costs, over `python -c "import numpy"`: paired runs, interleaved, medians.

python tests/benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

DERIVE = [sys.executable, "-m", "matdiff", "derive", "tr(A*X*B)", "--wrt", "X"]
COMMANDS = {
    "import numpy": ([sys.executable, "-c", "import numpy"], None),
    "import matdiff": ([sys.executable, "-c", "import matdiff"], 0.8),
    "derive --no-verify": ([*DERIVE, "--no-verify"], 1.8),
    "derive": (DERIVE, 2.5),
}
"""Each with the ratio that it is meant to stay under."""

WRITING = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Without byte code every start would compile matdiff anew, which installed packages never do."""


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=WRITING)
    return time.perf_counter() - begin


def main(runs: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(runs + 1):
        for name, (command, _) in COMMANDS.items():
            taken = seconds(command)
            if turn:  # the first turn writes byte code and fills the disk's cache
                times[name].append(taken)
    print(f"{'cold process':<20}{'median ms':>10}{'ratio':>8}{'aim':>7}   ({runs} runs each)")
    for name, (_, aim) in COMMANDS.items():
        ratio = statistics.median(t / n for t, n in zip(times[name], times["import numpy"], strict=True))
        print(f"{name:<20}{1e3 * statistics.median(times[name]):>10.0f}{ratio:>8.2f}{f'{aim:.1f}' if aim else '':>7}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
