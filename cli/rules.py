"""`matdiff rules`: the table of functions, printed from their records."""

from __future__ import annotations

from typing import Any

import click

from matdiff.errors import ParseError


@click.command("rules")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """The functions of the language, or all about the one called NAME."""
    click.echo(about(name))


def about(name: str | None) -> str:
    """The table of functions, or all about one."""
    import matdiff.ops  # noqa: F401  (fills the tables)
    from matdiff.op import words

    if name is None:
        return table([(word, record) for word in sorted(words) for record in words[word]])
    if name not in words:
        raise unknown(name, sorted(words))
    return "\n\n".join(entry(name, record) for record in words[name])


def table(rows: list[tuple[str, Any]]) -> str:
    """A line a function: name, shapes, and the law or the summary."""
    cells = [(word, record.signature, getattr(record, "law", "") or record.summary) for word, record in rows]
    left = max(len(c[0]) for c in cells)
    middle = max(len(c[1]) for c in cells)
    return "\n".join(f"{a:<{left}}  {b:<{middle}}  {c}".rstrip() for a, b, c in cells)


def entry(name: str, record: Any) -> str:
    """Everything that the record of one function says."""
    fields = [
        ("", record.summary),
        ("shapes", record.signature),
        ("rule", getattr(record, "law", "")),
        ("defined for", ", ".join(w for w in getattr(record, "domain", ()) if w)),
        ("not smooth", getattr(record, "smooth", "").format("the argument", "the second argument")),
        ("source", getattr(record, "source", "")),
    ]
    head = name if record.name == name else f"{name} ({record.name})"
    return "\n".join([head, *(f"  {key + ': ' if key else ''}{value}" for key, value in fields if value)])


def unknown(name: str, known: list[str]) -> ParseError:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else "matdiff rules lists all of them"
    return ParseError(f"there is no function {name}", hint=hint)
