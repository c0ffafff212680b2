"""What `derive` and `verify` have in common: the program, the variable, the declarations."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from matdiff.errors import ParseError, UnsupportedError

if TYPE_CHECKING:
    from matdiff.api.derivation import Derivation

LARGEST = 100_000
"""Bytes of a program; longer ones are refused before they are read to the end."""

SETTINGS = {"ignore_unknown_options": True, "max_content_width": 100}
"""An expression may begin with a minus sign, so what looks like an option and is none is left to `expression`."""

Decorated = Callable[..., Any]


def program(function: Decorated | None = None, *, inner: bool = True) -> Decorated:
    """The argument EXPR and the options that say how to read it; `inner` with the inner product."""
    if function is None:
        return lambda function: program(function, inner=inner)
    for decorate in (
        *((METRIC, INNER) if inner else ()),
        click.option(
            "--input",
            "dialect",
            type=click.Choice(["plain", "latex"]),
            help="Read EXPR as plain text or as LaTeX, instead of telling by its looks.",
        ),
        click.option(
            "--let",
            multiple=True,
            metavar="DECLARATION",
            help='Declare names: --let "A: m×n symmetric; x: n".  May be repeated.',
        ),
        click.option(
            "--wrt",
            required=True,
            multiple=True,
            metavar="X",
            help="The variable (several: X,Y).",
            callback=lambda context, option, given: ",".join(given),
        ),
        click.argument("words", metavar="EXPR", nargs=-1),
    ):
        function = decorate(function)
    return function


METRIC = click.option(
    "--metric",
    type=click.Choice(["euclidean", "affine"]),
    default="euclidean",
    help="Of spd variables: affine, tr(S⁻¹US⁻¹V), instead of tr(UV).",
)
INNER = click.option("--inner", metavar="W", help="Gradient for the inner product xᵀWy (W spd) instead of xᵀy.")


def expression(words: tuple[str, ...]) -> str:
    """The one EXPR among the arguments; `-` is standard input."""
    if not words:
        raise click.UsageError('EXPR is missing: the function to differentiate, for instance "tr(A*X*B)"')
    if len(words) > 1:
        raise click.UsageError(surplus(words))
    return standard_input() if words[0] == "-" else words[0]


def surplus(words: tuple[str, ...]) -> str:
    """Why there is more than one EXPR: an option misspelt, or an expression that the shell took apart."""
    for word in words:
        if word.startswith("--") and word[2:].replace("-", "").isalpha():
            return f"no such option: {word}"
    return (
        f"one EXPR is wanted, but there are {len(words)}: {' '.join(words)!r}.  Put the expression in quotation marks"
    )


def standard_input() -> str:
    raw = sys.stdin.buffer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ParseError(f"the program on standard input is longer than {LARGEST // 1000} kB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"standard input is not UTF-8 text (byte {error.start + 1})") from None


def derivation(
    text: str,
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    inner: str | None,
    metric: str = "euclidean",
    kept: bool = False,
    convention: str = "torch",
) -> Derivation:
    """The derivative asked for; `kept` also one with an E[…] in it.  Raises MatdiffError for wrong input."""
    import matdiff as md

    d = md.derive(
        text, wrt=wrt, declare=list(let), dialect=dialect or "auto", inner=inner, metric=metric, convention=convention
    )
    if hasattr(d, "laws") and not kept:
        hint = "matdiff derive and matdiff random say what is known of it"
        raise UnsupportedError("this mean has no closed form here", hint=hint)
    if hasattr(d, "member") and not kept:
        raise UnsupportedError(
            f"the derivative by one member, {wrt}, is what matdiff derive says",
            hint="here differentiate by all members",
        )
    return d
