"""The command line: one command a file, and no mathematics in it."""

from __future__ import annotations


def main() -> None:
    """Run `matdiff` with the arguments of the process and leave with its exit status."""
    import sys

    from matdiff.cli.app import run

    sys.exit(run(sys.argv[1:]))
