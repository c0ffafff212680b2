"""`matdiff check`: a derivation of one's own, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from matdiff.cli.options import SETTINGS, standard_input
from matdiff.errors import ParseError
from matdiff.report.notation import prose, unicode_output


@click.command("check", context_settings=SETTINGS)
@click.argument("file", metavar="FILE|-")
@click.option("--wrt", required=True, metavar="X", help="The variable (several: X,Y).")
@click.option("--let", multiple=True, metavar="DECLARATION", help='Declare names: --let "A: m×n".  May be repeated.')
@click.option("--function", metavar="EXPR", help="The function, where the derivation does not begin with `f = …`.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Other random points.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(file: str, wrt: str, let: tuple[str, ...], function: str | None, seed: int, form: str) -> int:
    """Does each line of the derivation in FILE follow from the one before?

    Lines are equations: f = …, df = …, = …, at last ∇f = …, plain or in LaTeX; - is standard input.
    Exit status 0 if every line follows, 1 if one does not.
    """
    from matdiff.api.checking import check_derivation

    text = standard_input() if file == "-" else contents(Path(file))
    found = check_derivation(text, wrt=wrt, declare=list(let) or None, function=function, seed=seed)
    click.echo(as_json(found) if form == "json" else as_text(found, text))
    return 1 if found.passed is False else 0


def contents(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "give the derivation in a file, or on standard input: matdiff check - --wrt X"
        raise ParseError(f"{path} cannot be read: {error.strerror}", hint=hint) from None
    except UnicodeDecodeError as error:
        raise ParseError(f"{path} is not UTF-8 text (byte {error.start + 1})") from None


def as_text(found: Any, text: str) -> str:
    """The lines with a mark each; below a wrong one the reason, and numbers that show it."""
    style: Any = "unicode" if unicode_output() else "ascii"
    signs = {True: "✓", False: "✗", None: "?"} if style == "unicode" else {True: "ok", False: "WRONG", None: "?"}
    verdicts: dict[int, Any] = {}
    for line in found.checked:
        before = verdicts.get(line.number)
        if before is None or before.passed is True:
            verdicts[line.number] = line
    out = []
    for number, raw in enumerate(text.splitlines(), 1):
        judged = verdicts.get(number)
        sign = "?" if judged is not None and judged.unread else signs[judged.passed] if judged is not None else ""
        out.append(f"{sign:<{max(map(len, signs.values()))}} {raw}".rstrip())
        if judged is not None and judged.passed is not True:
            out += [f"      {prose(row, style)}" for row in judged.reason.splitlines()]
            shown = found.counterexample if number == found.line else ""
            out += [f"      {prose(shown, style)}"] if shown else []
    first = str(found).splitlines()[0]
    return "\n".join([*out, prose(first, style)])


def as_json(found: Any) -> str:
    import json

    lines = [
        {"line": c.number, "text": c.text, "passed": c.passed, "reason": c.reason, "unread": c.unread}
        for c in found.checked
    ]
    record = {"passed": found.passed, "line": found.line, "reason": found.reason, "lines": lines}
    return json.dumps(record | {"counterexample": found.counterexample}, ensure_ascii=not unicode_output(), indent=2)
