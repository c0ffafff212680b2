"""The types of derivatives, as type checkers are told them, and as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
TYPED = HERE / "typed.py"


def test_types_of_derivatives(tmp_path: Path) -> None:
    """An editor knows that a gradient is an expression, or a dict of them; what is claimed otherwise is found."""
    pytest.importorskip("mypy", reason="types are checked by mypy")
    wrong = tmp_path / "wrong.py"
    told = ["import matdiff as md", "", """md.derive("x'*x", wrt="x").gradient.keys()"""]
    told += ["""md.derive("x'*y", wrt=["x", "y"]).gradient.keys()""", ""]
    wrong.write_text("\n".join(told), encoding="utf-8")
    options = ["--strict", "--python-version", "3.11", "--follow-imports", "silent", "--cache-dir", str(tmp_path / "c")]
    command = [sys.executable, "-m", "mypy", *options, "--config-file", str(HERE.parent / "pyproject.toml")]
    done = subprocess.run(
        [*command, str(TYPED), str(wrong)], capture_output=True, text=True, check=False, cwd=HERE.parent
    )
    faults = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(faults) == 1 and "wrong.py:3" in faults[0] and 'has no attribute "keys"' in faults[0], done.stdout


def test_types_as_they_are() -> None:
    """The typed file runs: its claims hold of the objects, too."""
    done = subprocess.run([sys.executable, str(TYPED)], capture_output=True, text=True, check=True)
    assert "['b', 'x']" in done.stdout
