"""C functions compiled in one go and called through ctypes with arrays of NumPy."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from matdiff.codegen.backends.c import Unit
from matdiff.codegen.emit.loops import Native
from matdiff.codegen.emit.sizes import axes, bind

CC = shutil.which("cc")
STRICT = ["-std=c99", "-Wall", "-Werror", "-pedantic"]


def built(units: Sequence[Unit], folder: Path, flags: Sequence[str] = ("-O1",), libraries: Sequence[str] = ()) -> Any:
    """A shared library of several sources, each compiled strictly; routines are static, so names do not clash."""
    files = []
    for k, unit in enumerate(units):
        path = folder / f"unit{k}.c"
        path.write_text(unit.source(), encoding="utf-8")
        files.append(str(path))
    library = folder / "all.so"
    command = [str(CC), *STRICT, *flags, "-shared", "-fPIC", *files, "-o", str(library), *libraries, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(library))


def call(library: Any, unit: Unit, f: Native, given: dict[str, Any]) -> tuple[int, list[Any]]:
    """What the function returns, and its results in the shapes of NumPy."""
    arrays = {v: np.asarray(given[v.name], dtype=float) for v in f.inputs}
    facts = [(d, k) for v, a in arrays.items() for d, k in zip(axes(v), np.shape(a)[-len(axes(v)) :], strict=False)]
    for v, a in arrays.items():
        if v.kind == "row":
            arrays[v] = a.reshape(-1)
    sizes = {**f.fixed, **bind(facts)} if not f.fixed else dict(f.fixed)
    return call_at(library, unit, f, arrays, sizes)


def call_at(library: Any, unit: Unit, f: Native, arrays: Any, sizes: dict[str, int]) -> tuple[int, list[Any]]:
    pointer = ctypes.POINTER(ctypes.c_double)
    keep: list[Any] = []

    def memory(a: Any) -> Any:
        keep.append(a)
        return a.ctypes.data_as(pointer)

    passed: list[Any] = [ctypes.c_ssize_t(sizes[n]) for n in f.sizes]
    for v, a in arrays.items():
        passed.append(ctypes.c_double(float(a)) if v.kind == "scalar" else memory(np.ravel(a, order="F").copy()))
    results = []
    for node, _ in f.outputs:
        rows, cols = node.rows.evaluate(sizes), node.cols.evaluate(sizes)
        flat = np.full(max(1, rows * cols), np.nan)
        results.append((flat, node, rows, cols))
        passed.append(memory(flat))
    if not unit.local(f):
        room = getattr(library, f"{f.name}_workspace")
        room.restype = ctypes.c_size_t
        count = int(room(*(ctypes.c_ssize_t(sizes[n]) for n in f.sizes)))
        guarded = np.full(count + 8, -7.25)
        passed.append(memory(guarded))
    status = int(getattr(library, f.name)(*passed))
    if not unit.local(f):
        assert (guarded[count:] == -7.25).all(), "it wrote past its memory"
    found = []
    for flat, node, rows, cols in results:
        flat = flat[: rows * cols]
        shaped = flat.reshape(rows, cols, order="F")
        found.append(float(flat[0]) if node.kind == "scalar" else flat if node.kind == "vector" else shaped)
    return status, found
