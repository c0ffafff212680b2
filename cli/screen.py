"""Answers on the screen: a little colour on a terminal, plain text in a pipe."""

from __future__ import annotations

import os
import sys

import click

from matdiff.core.patterns import deferred

STYLES = (
    (deferred(r"(Hessian )?verified: "), {"fg": "green"}),
    (deferred(r"(Hessian )?not verified: |not differentiable "), {"fg": "yellow"}),
    (deferred(r"verification failed: "), {"fg": "red"}),
    (deferred(r"(?:∇|grad )\w( by \S+)? = |[JH]( by \S+)? = |[∂d]\w/[∂d]\w+ = "), {"bold": True}),
)
"""How a line that begins so is set."""


def show(text: str) -> None:
    """Print; with colours where a person reads and NO_COLOR is not set."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        text = "\n".join(map(coloured, text.split("\n")))
    click.echo(text)


def coloured(line: str) -> str:
    """The line as it is set on a terminal.

    >>> coloured("∇f = 2x"), coloured("df = 2dxᵀ x")
    ('\\x1b[1m∇f = 2x\\x1b[0m', 'df = 2dxᵀ x')
    """
    for pattern, style in STYLES:
        if pattern.match(line):
            return click.style(line, **style)
    return line
