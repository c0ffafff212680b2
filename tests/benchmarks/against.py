"""What the working tree costs against a revision: both installed side by side, measured in turn, as ratios new/old.

    python tests/benchmarks/against.py REV [--runs 7] [--only derive,hessian,steps,verify,code,start,memory]

Each of the two is installed into a virtual environment of its own, which sees the dependencies of this one.  A process
of each measures one case at a time, old and new by turns, with names not seen before; a ratio is that of the medians.
Only what users call is measured, so that any two revisions can be compared; times are those of the processor, which
other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
WARM = 3
GROUPS = ("derive", "hessian", "steps", "verify", "code", "start", "memory")
COMMANDS = {
    "import matdiff": ["-c", "import matdiff"],
    "derive --no-verify": ["-m", "matdiff", "derive", "tr(A*X*B)", "--wrt", "X", "--no-verify"],
    "derive": ["-m", "matdiff", "derive", "tr(A*X*B)", "--wrt", "X"],
}
MEMORY = {
    "import matdiff": "import matdiff\n",
    "a gradient": "import matdiff as md\nmd.derive('tr(A*X*B)', wrt='X').gradient\n",
    "a Hessian": "import matdiff as md\nmd.derive('logdet(X)', wrt='X').hessian\n",
}
PEAK = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
"""The most memory since the program was started; what `getrusage` says is at least that of the process that did it."""
HESSIANS = [
    ("logdet({X}'*{X}) + tr(inv({X}'*{X})*{B})", "{X}", "XB"),
    ("logdet({X}'*{X})", "{X}", "X"),
    ("norm({A}*{x} - {b})^2/2", "{x}", "Axb"),
    ("sum(log(1 .+ exp(-{y}.*({X}*{w}))))", "{w}", "yXw"),
    ("norm({Y} - {X}*{B})^2/2", "{B}", "YXB"),
    ("tr({X}'*{A}*{X}*{B})", "{X}", "XAB"),
    ("{x}'*{A}*{x}/({x}'*{x})", "{x}", "Ax"),
    ("{a}'*inv({X})*{b}", "{X}", "aXb"),
    ("sum(tanh({W}*tanh({Z}*{x})))", "{x}", "WZx"),
    ("log({x}'*{A}*{x})", "{x}", "Ax"),
]
"""Function, variable and the names to vary, as in the table of derive.py."""


# one process of each: what is asked on standard input, seconds on standard output


def measured(group: str, case: int, tag: str) -> float | None:
    """Seconds for one case of a group; None where it is refused."""
    import matdiff as md

    if group == "code":
        return code(case)
    from derive import TABLE, named

    text, wrt, letters = (HESSIANS if group == "hessian" else TABLE)[case]
    function, variable = named(text, wrt, letters, tag)
    try:
        work = prepared(group, function, variable)
        begin = time.process_time()
        work()
    except md.MatdiffError:
        return None
    return time.process_time() - begin


def prepared(group: str, function: str, variable: str) -> Callable[[], Any]:
    """What is measured: deriving from the text on, or what comes after the gradient."""
    import matdiff as md

    if group == "derive":
        return lambda: md.derive(function, wrt=variable).gradient
    if group == "hessian":
        return lambda: md.derive(function, wrt=variable).hessian
    d = md.derive(function, wrt=variable)
    _ = d.gradient
    return (lambda: [str(s) for s in d.steps]) if group == "steps" else d.verify


def code(case: int) -> float:
    """Of one call of the compiled gradient."""
    import numpy as np
    from problems import PROBLEMS

    call, arrays = compiled(case)
    if not arrays:
        p = PROBLEMS[case]
        made = p.make(np.random.default_rng(0), p.sizes[1])
        arrays |= {v: made[v] for v in names(call) if v in made}
    call(**arrays)
    begin = time.process_time()
    count = 0
    while time.process_time() - begin < 0.02:
        call(**arrays)
        count += 1
    return (time.process_time() - begin) / count


COMPILED: dict[int, tuple[Any, dict[str, Any]]] = {}


def compiled(case: int) -> tuple[Any, dict[str, Any]]:
    from problems import PROBLEMS

    import matdiff as md

    if case not in COMPILED:
        p = PROBLEMS[case]
        wrt = p.wrt.split(",")[0]
        COMPILED[case] = md.derive(p.text, wrt=wrt, declare=p.declare).gradient.compile("numpy"), {}
    return COMPILED[case]


def names(call: Any) -> list[str]:
    import inspect

    return list(inspect.signature(call).parameters)


def serve() -> None:
    for line in sys.stdin:
        print(json.dumps(measured(*json.loads(line))), flush=True)


# both of them


def installed(source: Path, place: Path) -> Path:
    """The interpreter of a new environment with the package of a folder in it, and what is installed here behind it."""
    venv.create(place, with_pip=False, symlinks=os.name != "nt")
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    here = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    Path(packages, "present.pth").write_text("\n".join(here) + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--ignore-installed", str(source)], check=True)
    return python


def sources(rev: str, into: Path) -> tuple[Path, Path]:
    """The revision, and the files of the working tree that git knows or would take."""
    old, new = into / "old", into / "new"
    old.mkdir()
    archive = subprocess.run(["git", "archive", rev], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(old)], input=archive, check=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes((ROOT / name).read_bytes())
    return old, new


class Side:
    """One of the two: its interpreter, and a process of it that measures."""

    def __init__(self, python: Path, home: Path) -> None:
        self.python, self.home = python, home
        self.process = subprocess.Popen(
            [python, HERE, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=home
        )

    def measure(self, group: str, case: int, tag: str) -> float | None:
        if group in ("start", "memory"):
            return self.fresh(group, case)
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps([group, case, tag]), file=self.process.stdin, flush=True)
        answer: float | None = json.loads(self.process.stdout.readline())
        return answer

    def fresh(self, group: str, case: int) -> float:
        """Of a process of its own: seconds, or the most memory it takes, in MB."""
        command = COMMANDS[cases("start")[case]] if group == "start" else ["-c", MEMORY[cases("memory")[case]] + PEAK]
        begin = spent()
        done = subprocess.run([self.python, *command], check=True, capture_output=True, text=True, cwd=self.home)
        return spent() - begin if group == "start" else int(done.stdout.split()[-2]) / 1024

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def spent() -> float:
    """The processor's seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cases(group: str) -> list[str]:
    from derive import TABLE
    from problems import PROBLEMS

    if group in ("start", "memory"):
        return list(COMMANDS if group == "start" else MEMORY)
    if group == "code":
        return [p.name for p in PROBLEMS]
    plain = str.maketrans("", "", "{}")
    return [
        f"{text.translate(plain)} by {wrt.translate(plain)}"
        for text, wrt, _ in (HESSIANS if group == "hessian" else TABLE)
    ]


def compared(old: Side, new: Side, group: str, runs: int) -> Iterator[tuple[str, float, float]]:
    """Every case of a group with the two medians; one that either refuses is left out.

    Before that, each side does all of them some times: the interpreter specialises what it has run eight times.
    """
    for warm in range(WARM if group not in ("start", "memory") else 0):
        for case in range(len(cases(group))):
            for side in (old, new):
                side.measure(group, case, f"{case + 1:03}{warm}9")
    for case, name in enumerate(cases(group)):
        times: dict[Side, list[float]] = {old: [], new: []}
        for run in range(runs + 1):
            for side in (old, new) if run % 2 else (new, old):
                found = side.measure(group, case, f"{case + 1}{run:02}")
                if found is not None and run:  # the first run of a case imports what it needs
                    times[side].append(found)
        if times[old] and times[new]:
            yield name, statistics.median(times[old]), statistics.median(times[new])
        else:
            print(f"{name:<58} refused by {'the old' if not times[old] else 'the new'}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("rev", help="the revision to compare with")
    asked.add_argument("--runs", type=int, default=7)
    asked.add_argument("--only", default=",".join(GROUPS), help="groups, with commas between")
    given = asked.parse_args()
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    with tempfile.TemporaryDirectory() as folder:
        trees = sources(given.rev, Path(folder))
        homes = [Path(folder) / f"{name}-env" for name in ("old", "new")]
        old, new = (Side(installed(tree, home), home) for tree, home in zip(trees, homes, strict=True))
        for group in (g for g in GROUPS if g in given.only.split(",")):
            unit, factor = ("MB", 1.0) if group == "memory" else ("ms", 1e3)
            print(f"\n{group:<58}{f'old {unit}':>10}{f'new {unit}':>10}{'new/old':>9}")
            ratios = []
            for name, before, after in compared(old, new, group, given.runs):
                ratios.append(after / before)
                print(f"{name:<58}{factor * before:>10.3f}{factor * after:>10.3f}{ratios[-1]:>9.2f}", flush=True)
            if ratios:
                print(f"{'median, least, largest':<58}{statistics.median(ratios):>29.2f}", end="")
                print(f"{min(ratios):>9.2f}{max(ratios):>9.2f}")
        old.close()
        new.close()


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main()
