"""Greek letters go by their names as well: α and alpha are one name in a program."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.printing.names import ascii_name
from matdiff.text.tree import Declaration, Program, Tree, walk

_words = deferred(r"[^\W\d]\w*")


def unified(
    program: Program, declared: Sequence[Declaration], known: Collection[str]
) -> tuple[Program, Sequence[Declaration]]:
    """Program and declarations with one spelling a name: that of what is known, else the first that is typed.

    Raises ParseError where two letters of one name are mixed, as φ and ϕ.
    """
    plain = program.text.isascii()
    if plain and not (declared or program.declarations or program.definitions or known):
        return program, declared
    everything = [*declared, *program.declarations]
    sizes = [word for d in everything for dim in d.dims for word in _words.findall(dim)]
    said = [*known, *(d.name for d in everything), *sizes, *(d.name for d in program.definitions)]
    if plain and all(map(str.isascii, said)):
        return program, declared
    chosen: dict[str, str] = {}
    for name in said:
        _choose(chosen, name, program.text)
    trees = [
        t for root in _roots(program) for t in walk(root) if t.head in ("name", "call") and isinstance(t.value, str)
    ]
    for t in trees:
        t.value = _spelled(str(t.value), chosen, program.text)
    for e in program.equations:
        e.unknowns = [(_spelled(name, chosen, program.text), span) for name, span in e.unknowns]
    for d in program.definitions:
        d.name, d.parameter = (_spelled(n, chosen, program.text) if n else n for n in (d.name, d.parameter))
    program.declarations = [_renamed(d, chosen) for d in program.declarations]
    return program, [_renamed(d, chosen) for d in declared]


def _renamed(d: Declaration, chosen: dict[str, str]) -> Declaration:
    dims = tuple(_words.sub(lambda m: chosen[ascii_name(m[0])], dim) for dim in d.dims)
    return replace(d, name=chosen[ascii_name(d.name)], dims=dims)


def _roots(program: Program) -> list[Tree]:
    sides = [side for e in program.equations for pair in e.sides for side in pair]
    return [*sides, *(d.body for d in program.definitions)] + (
        [program.function] if program.function is not None else []
    )


def _spelled(name: str, chosen: dict[str, str], text: str) -> str:
    """The spelling of a name, of the name in a differential, or of the function whose derivative it is."""
    bare = name.rstrip("'")
    if ascii_name(bare) not in chosen and bare[0] == "d":
        of, _, index = bare[1:].rpartition("_")
        if ascii_name(bare[1:]) in chosen:
            return "d" + chosen[ascii_name(bare[1:])]
        if index.isdecimal() and ascii_name(of) in chosen:
            return f"d{chosen[ascii_name(of)]}_{index}"
    return _choose(chosen, bare, text) + name[len(bare) :]


def _choose(chosen: dict[str, str], name: str, text: str) -> str:
    spelling = chosen.setdefault(ascii_name(name), name)
    if spelling != name and not spelling.isascii() and not name.isascii():
        raise ParseError(
            f"{spelling} and {name} are two spellings of {ascii_name(name)}, and so one name",
            text=text,
            hint="use one of them, or rename one of the two",
        )
    return spelling
