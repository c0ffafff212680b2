"""PDF by an engine that is installed: Chromium from the HTML, otherwise a LaTeX from the LaTeX."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from matdiff.errors import UnsupportedError

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
LATEX = ("tectonic", "lualatex", "pdflatex", "xelatex")
PATIENCE = 120
"""Seconds that an engine has."""


def engine() -> tuple[str, str]:
    """(html or tex, the program).  Raises UnsupportedError where there is none."""
    for kind, names in (("html", CHROMIUM), ("tex", LATEX)):
        for name in names:
            if found := shutil.which(name):
                return kind, found
    raise UnsupportedError(
        "no program that makes PDF is installed",
        hint="install Chromium or a LaTeX, or build --to html and print that from a browser",
    )


def pdf(source: str, kind: str, program: str) -> bytes:
    """The PDF of an HTML page or of a LaTeX document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sheet.{kind}"
        path.write_text(source, encoding="utf-8")
        out = path.with_suffix(".pdf")
        _run(_from_html(program, path, out) if kind == "html" else [program, *_options(program), path.name], folder)
        if not out.exists():
            raise UnsupportedError(f"{program} made no PDF")
        return out.read_bytes()


def _from_html(program: str, path: Path, out: Path) -> list[str]:
    # The page is our own and has no scripts, so it may be printed where no sandbox can be had, as in containers.
    return [
        program,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={path.parent / 'profile'}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={out}",
        path.as_uri(),
    ]


def _options(program: str) -> list[str]:
    return [] if Path(program).stem == "tectonic" else ["-interaction=nonstopmode", "-no-shell-escape"]


def _run(command: Sequence[str], folder: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise UnsupportedError(f"{command[0]} did not finish within {PATIENCE} s") from None
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()[-5:]
        raise UnsupportedError(f"{command[0]} failed", hint="\n".join(said))
