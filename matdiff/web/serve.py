"""`matdiff serve`: the page to type in, on this machine; with --json the questions of programs alone."""

from __future__ import annotations

import signal
import threading
import webbrowser
from typing import Any

import click

from matdiff.errors import MatdiffError
from matdiff.web.pool import MEGABYTES, SECONDS
from matdiff.web.server import ADDRESS, Server, free


@click.command("serve")
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
def command(port: int, no_browser: bool, only_json: bool, processes: int, seconds: float, megabytes: int) -> int:
    """A page to type in, on this machine alone, until it is interrupted.

    With --json it is a service for programs: POST to /api/derive, verify, check-derivation and convex; what they take
    and answer is told by /api/openapi.json.
    """
    if port and not free(port):
        raise MatdiffError(f"port {port} of {ADDRESS} is taken", hint="leave --port out: a free one is found")
    with Server(port, not only_json, processes, seconds, megabytes) as server:
        click.echo(f"{server.url}{'api/openapi.json' if only_json else ''}")
        click.echo("Ctrl-C ends it", err=True)
        if not no_browser and not only_json:
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        signal.signal(signal.SIGTERM, leave)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("", err=True)
    return 0


def leave(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
