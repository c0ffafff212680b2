"""`matdiff serve`: the page to type in, on this machine; with --json the questions of programs alone."""

from __future__ import annotations

import re
import signal
import threading
import webbrowser
from pathlib import Path
from typing import Any

import click

from matdiff.cli.worksheet import read
from matdiff.errors import MatdiffError
from matdiff.web.pool import MEGABYTES, SECONDS
from matdiff.web.server import ADDRESS, Server, free
from matdiff.worksheet.build import build
from matdiff.worksheet.document import worksheet


@click.command("serve")
@click.argument("lessons", metavar="[LESSON]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port.  [default: one that is free]")
@click.option("--no-browser", is_flag=True, help="Do not open the page in the browser.")
@click.option("--json", "only_json", is_flag=True, help="No page: the questions of programs, and /api/openapi.json.")
@click.option("--processes", type=click.IntRange(1, 64), default=2, show_default=True, help="That compute at a time.")
@click.option(
    "--seconds", type=click.FloatRange(0.1, 600), default=SECONDS, show_default=True, help="For one computation."
)
@click.option(
    "--megabytes", type=click.IntRange(300, 64_000), default=MEGABYTES, show_default=True, help="For one computation."
)
@click.option("--seed", metavar="SEED", help="With LESSON: choose the words of parametrised problems by this.")
def command(
    lessons: tuple[Path, ...],
    port: int,
    no_browser: bool,
    only_json: bool,
    processes: int,
    seconds: float,
    megabytes: int,
    seed: str | None,
) -> int:
    """A page to type in, on this machine alone, until it is interrupted.

    With LESSON, a worksheet in Markdown, it is the students' sheet with a button at each box that checks the answer:
    right, or wrong with the line and why.  The solution stays here.

    With --json it is a service for programs: POST to /api/derive, verify, check-derivation and convex; what they take
    and answer is told by /api/openapi.json.
    """
    if port and not free(port):
        raise MatdiffError(f"port {port} of {ADDRESS} is taken", hint="leave --port out: a free one is found")
    if lessons and only_json:
        raise click.UsageError("--json goes without lessons")
    sheets = [sheet(path, seed) for path in lessons]
    with Server(port, not only_json, processes, seconds, megabytes) as server:
        where = [server.add_sheet(*made) for made in sheets] or [server.url]
        for url in where:
            click.echo(f"{url}{'api/openapi.json' if only_json else ''}")
        click.echo("Ctrl-C ends it", err=True)
        if not no_browser and not only_json:
            threading.Thread(target=webbrowser.open, args=(where[0],), daemon=True).start()
        signal.signal(signal.SIGTERM, leave)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("", err=True)
    return 0


def sheet(path: Path, seed: str | None) -> tuple[str, bytes, dict[int, str]]:
    """The name of a lesson's sheet, the sheet with buttons, and the blocks of its problems without their answers."""
    text = read(path)
    blocks = {p.number: p.source for p in worksheet(text, path.name, seed).problems}
    name = re.sub(r"[^\w.-]+", "-", path.stem, flags=re.ASCII).strip("-.") or "sheet"
    return name, build(text, "html", path.name, seed, checks=True), blocks


def leave(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
