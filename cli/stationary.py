"""`matdiff stationary`: where the gradient is 0, and what is there."""

from __future__ import annotations

import click

from matdiff.cli.arrays import arrays, given
from matdiff.cli.model import plain
from matdiff.cli.options import SETTINGS, derivation, expression, program
from matdiff.cli.sections import FORMATS, finish


@click.command("stationary", context_settings=SETTINGS)
@program(inner=False)
@arrays
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print.")
@click.option("--ascii", "ascii", is_flag=True, help="Keep to ASCII.")
@click.option("--no-verify", is_flag=True, help="Do not check the answer numerically.")
def command(
    words: tuple[str, ...],
    wrt: str,
    let: tuple[str, ...],
    dialect: str | None,
    at: str | None,
    data: str | None,
    form: str,
    ascii: bool,
    no_verify: bool,
) -> int:
    """The equations for the stationary points of EXPR in book form, their solution where it is known, and the kind.

    A solution is written with an inverse only where that is sure to exist.  With --at or --data the stationary point
    that these arrays are is classified by the eigenvalues of the Hessian there.
    """
    d = derivation(expression(words), wrt, let, dialect, None)
    plain(d, "stationary")
    found, arrays_ = d.stationary(), given(at, data, d.function.variables)
    return finish(Placed(found, arrays_) if arrays_ else found, form, ascii, not no_verify)


class Placed:
    """Stationary points with the kind of one that is given."""

    def __init__(self, stationary: object, arrays: dict[str, object]) -> None:
        self.stationary = stationary
        self.here: str = stationary.at(**arrays)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self.stationary, name)

    @property
    def notes(self) -> tuple[str, ...]:
        here = "its kind is not known: the Hessian is singular" if self.here == "not known" else f"a {self.here}"
        return (*self.stationary.notes, f"at these arrays: {here}")  # type: ignore[attr-defined]

    def record(self, pen: object) -> dict[str, object]:
        found: dict[str, object] = dict(self.stationary.record(pen))  # type: ignore[attr-defined]
        return {**found, "here": self.here}
