"""PDF by an engine that is installed: Chromium from the HTML, otherwise a LaTeX from the LaTeX."""

from __future__ import annotations

import json
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
NO_SCRIPTS = {"profile": {"default_content_setting_values": {"javascript": 2}}}
"""What Chromium's profile says of scripts in pages: 2 blocks them.  Its own, by which it prints, go on."""


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
        commands = _from_html(program, path, out) if kind == "html" else [[program, *_options(program), path.name]]
        _run(commands, folder)
        if not out.exists():
            raise UnsupportedError(f"{program} made no PDF")
        return out.read_bytes()


def _from_html(program: str, path: Path, out: Path) -> list[list[str]]:
    """Scripts are off; where no sandbox can be had, as in containers, the page is printed without one."""
    profile = path.parent / "profile"
    (profile / "Default").mkdir(parents=True)
    (profile / "Default" / "Preferences").write_text(json.dumps(NO_SCRIPTS))
    options = [
        "--headless",
        "--disable-gpu",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        "--no-pdf-header-footer",
        f"--print-to-pdf={out}",
        path.as_uri(),
    ]
    return [[program, *options], [program, "--no-sandbox", *options]]


def _options(program: str) -> list[str]:
    return [] if Path(program).stem == "tectonic" else ["-interaction=nonstopmode", "-no-shell-escape"]


def _run(commands: Sequence[Sequence[str]], folder: str) -> None:
    """Run the first command that succeeds.  Raises UnsupportedError with what the last one said."""
    for command in commands:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            raise UnsupportedError(f"{command[0]} did not finish within {PATIENCE} s") from None
        if not done.returncode:
            return
    said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()[-5:]
    raise UnsupportedError(f"{command[0]} failed", hint="\n".join(said))
