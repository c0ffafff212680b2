"""`matdiff model`: the tangent plane or the quadratic model of a function."""

from __future__ import annotations

import click

from matdiff.cli.arrays import arrays, given
from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.cli.sections import FORMATS, finish


@click.command("model", context_settings=SETTINGS)
@program(inner=False)
@click.option("--order", type=click.IntRange(1, 2), default=1, show_default=True, help="2: the quadratic model.")
@arrays
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII.")
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    order: int,
    at: str | None,
    data: str | None,
    form: str,
    ascii: bool,
    no_verify: bool,
) -> int:
    """The model of EXPR around a point x_0: its value, its slope, with --order 2 its curvature.

    With --at or --data the numbers of the model at these arrays, x_0 by the name of X, are printed besides.
    """
    d = derivation(expression(words), wrt, let, dialect, None)
    plain(d, "model")
    model = d.model(order)
    found = given(at, data, d.function.variables)
    return finish(Numbered(model, found) if found else model, form, ascii, not no_verify)


def plain(d: object, what: str) -> None:
    """Raises UnsupportedError for a function of unknowns that equations determine."""
    if hasattr(d, "systems"):
        from matdiff.errors import UnsupportedError

        raise UnsupportedError(f"{what} goes with functions without equations")


class Numbered:
    """A model with its numbers as one more section."""

    def __init__(self, model: object, arrays: dict[str, object]) -> None:
        self.model, self.numbers = model, model.at(**arrays)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self.model, name)

    def rows(self) -> list[tuple[str, object]]:
        parts = [("value", self.numbers.value), ("gradient", self.numbers.gradient), ("Hessian", self.numbers.hessian)]
        if self.model.d.kind != "gradient":  # type: ignore[attr-defined]
            parts[1] = ("Jacobian", self.numbers.gradient)
        return [(name, value) for name, value in parts if value is not None]

    def sections(self, pen: object) -> list[tuple[str, list[str]]]:
        told: list[tuple[str, list[str]]] = list(self.model.sections(pen))  # type: ignore[attr-defined]
        sign = "&=" if getattr(pen, "style", "") == "latex" else "="
        wrap = (lambda t: rf"\text{{{t}}}") if sign == "&=" else str
        told.append(("at these arrays", [f"{wrap(name)} {sign} {shown(value)}" for name, value in self.rows()]))
        return told

    def record(self, pen: object) -> dict[str, object]:
        from matdiff.cli.arrays import plain as listed

        found: dict[str, object] = dict(self.model.record(pen))  # type: ignore[attr-defined]
        return {**found, "numbers": {name.lower(): listed(value) for name, value in self.rows()}}


def shown(value: object) -> str:
    """An array in a line, the middle left out of a long one."""
    import numpy as np

    if isinstance(value, dict):
        return "; ".join(f"{k if isinstance(k, str) else ','.join(k)}: {shown(v)}" for k, v in value.items())
    text = np.array2string(
        np.asarray(value), precision=10, separator=", ", threshold=60, edgeitems=3, max_line_width=10**6
    )
    return " ".join(text.split())
