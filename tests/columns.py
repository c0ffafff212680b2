"""Runs what is written for Octave, and what for Julia where that is installed: files of functions and their results."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from matdiff.codegen import source
from matdiff.codegen.backends.columns import julia_word, octave_word
from matdiff.core.node import Node, Symbol

OCTAVE = shutil.which("octave-cli") or shutil.which("octave")
JULIA = shutil.which("julia")
Job = tuple[Node | Sequence[Node], Sequence[Symbol], Mapping[str, Any]]


def octave(folder: Path, jobs: Sequence[Job]) -> list[list[Any] | str]:
    """The results of each job, in one process; a text where Octave had an error."""
    script = ["1;", SHOW]
    for i, (node, variables, given) in enumerate(jobs):
        text = source(node, variables, "octave", name=f"f{i}")
        (folder / f"f{i}.m").write_text(text, "utf-8")
        count = 1 if isinstance(node, Node) else len(node)
        outs = ", ".join(f"r{k}" for k in range(count))
        shown = " ".join(f"show(r{k});" for k in range(count))
        call = f"f{i}({arguments(text, variables, given, octave_word)})"
        script += [f"try, [{outs}] = {call}; {shown} catch e, disp(['error ' e.message]), end", "disp('end')"]
    (folder / "run_all.m").write_text("\n".join(script) + "\n", "utf-8")
    assert OCTAVE is not None
    return answers([OCTAVE, "--norc", "--no-gui", "--quiet", str(folder / "run_all.m")], folder, len(jobs))


SHOW = r"""function show(r)
  printf('value %d %d', rows(r), columns(r)); printf(' %.17g', r); printf("\n");
end"""


def julia(folder: Path, jobs: Sequence[Job]) -> list[list[Any] | str]:
    """The same of Julia; a job that needs a package which is not there is an error."""
    script = ["show_all(rs) = for r in rs; m = reshape(collect(r), size(r, 1), :);"]
    script[0] += ' println("value ", size(m, 1), " ", size(m, 2), " ", join(vec(m), " ")); end'
    for i, (node, variables, given) in enumerate(jobs):
        text = source(node, variables, "julia", name=f"f{i}")
        (folder / f"f{i}.jl").write_text(text, "utf-8")
        call = f"M{i}.f{i}({arguments(text, variables, given, julia_word)})"
        call = f"({call},)" if isinstance(node, Node) else call
        script += [f'module M{i} include("f{i}.jl") end', f'try show_all({call}) catch e; println("error ", e) end']
        script += ['println("end")']
    (folder / "run_all.jl").write_text("\n".join(script) + "\n", "utf-8")
    assert JULIA is not None
    return answers([JULIA, "--startup-file=no", "run_all.jl"], folder, len(jobs))


def arguments(text: str, variables: Sequence[Symbol], given: Mapping[str, Any], word: Callable[[str], str]) -> str:
    """The arrays in the order in which a function takes them, as text."""
    return ", ".join(map(literal, taken(text, variables, given, word)))


def taken(
    text: str, variables: Sequence[Symbol], given: Mapping[str, Any], word: Callable[[str], str] = julia_word
) -> list[Any]:
    """The same as arrays, and numbers."""
    head = re.search(r"^function (?:.* = )?f\d*\((.*)\)$", text, re.MULTILINE)
    assert head is not None
    names = {word(v.name): v.name for v in variables}
    found = [given[names.get(a) or names[a.rpartition("_")[0]]] for a in head[1].split(", ") if a]
    return [float(a) if np.ndim(a) == 0 else a for a in found]


def answers(command: Sequence[str], folder: Path, count: int) -> list[list[Any] | str]:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=600, check=False)
    found: list[list[Any] | str] = []
    for block in re.split(r"^end$", done.stdout, flags=re.MULTILINE)[:-1]:
        error = re.search(r"^error (.*)", block, re.MULTILINE)
        rows = [line.split()[1:] for line in block.splitlines() if line.startswith("value")]
        arrays = [np.array(r[2:], float).reshape(int(r[0]), int(r[1]), order="F") for r in rows]
        found.append(error[1] if error else arrays)
    assert len(found) == count, f"{len(found)} of {count} results; {done.stderr[-2000:]}"
    return found


def literal(A: Any) -> str:
    rows = np.asarray(A, float)
    if rows.ndim == 0:
        return repr(float(rows))
    if rows.ndim == 1:
        return f"[{'; '.join(repr(float(x)) for x in rows)}]"
    return f"[{'; '.join(' '.join(repr(float(x)) for x in row) for row in rows)}]"


def close(got: Any, expected: Any, tolerance: float = 1e-9) -> bool:
    want = np.asarray(expected, float)
    want = want.reshape(-1, 1) if want.ndim == 1 else np.atleast_2d(want)
    size = max(1.0, float(np.max(np.abs(want), initial=0)))
    return got.shape == want.shape and bool(np.allclose(got, want, rtol=tolerance, atol=tolerance * size))
