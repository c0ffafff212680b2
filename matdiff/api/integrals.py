r"""The integral of a LaTeX text: \int_a^b … dx taken apart, every piece at its own place in the text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from matdiff.errors import ParseError, UnsupportedError
from matdiff.text.latex.reader import unwrapped

SPACES = (r"\,", r"\;", r"\:", r"\!", r"\ ", "~", r"\quad", r"\limits", r"\nolimits", r"\displaystyle")
UPRIGHT = (r"\mathrm", r"\operatorname", r"\rm", r"\text")


@dataclass(frozen=True)
class Piece:
    """What stands before, at the ends of, and under an integral, each a text with blanks for all that is not in it."""

    front: str
    low: str
    high: str
    body: str
    by: str


@dataclass(frozen=True)
class Token:
    start: int
    end: int
    text: str


def latex_tokens(text: str) -> list[Token]:
    """Commands, and every other character but spaces."""
    found, at = [], 0
    while at < len(text):
        end = at + 1
        if text[at] == "\\":
            end = at + 2
            while text[at + 1 : at + 2].isalpha() and end < len(text) and text[end].isalpha():
                end += 1
        if not text[at].isspace():
            found.append(Token(at, min(end, len(text)), text[at:end]))
        at = end
    return found


def latex_integral(body: str, text: str, by: Collection[str]) -> Piece | None:
    """The one integral of a text; None where there is none."""
    body = unwrapped(body)
    tokens = latex_tokens(body)
    places = [i for i, t in enumerate(tokens) if t.text in (r"\int", "∫")]
    if not places:
        return None
    if len(places) > 1:
        raise UnsupportedError(
            "several integrals in LaTeX",
            text=text,
            span=(tokens[places[1]].start, tokens[places[1]].end),
            hint="put the integrands under one integral, or write int(L, x, 0, 1) + int(…)",
        )
    (at,) = places
    ends: dict[str, str] = {}
    i = at + 1
    while i < len(tokens) and (tokens[i].text in ("_", "^") or tokens[i].text in SPACES):
        if tokens[i].text in SPACES:
            i += 1
            continue
        sign, first = tokens[i].text, i + 1
        i = end_of(tokens, first, text, tokens[at].text == "∫")
        ends[sign] = only(body, tokens[first].start, tokens[i - 1].end)
    if set(ends) != {"_", "^"}:
        place = (tokens[at].start, tokens[at].end)
        raise ParseError("the integral has no ends", text=text, span=place, hint=r"\int_0^1 … \,dx")
    last, name = differential_at(tokens, i, by, text)
    while last > i and tokens[last - 1].text in SPACES:
        last -= 1
    return Piece(
        only(body, 0, tokens[at].start), ends["_"], ends["^"], only(body, tokens[i - 1].end, tokens[last].start), name
    )


def latex_integrals(body: str, text: str, by: Collection[str], letter: str) -> tuple[str, list[Piece]] | None:
    r"""A sum of several integrals: the text with a letter for each, in their order, and what each is.

    None for a text with fewer than two.  Raises ParseError where a dx is missing.
    """
    body = unwrapped(body)
    tokens = latex_tokens(body)
    places = [i for i, t in enumerate(tokens) if t.text in (r"\int", "∫")]
    if len(places) < 2:
        return None
    names = {spelled for x in by for spelled in (x, f"\\{x}")}
    pieces, outer = [], body
    for at, after in zip(places, [*places[1:], len(tokens)], strict=True):
        ends = [i for i in range(at + 2, after) if tokens[i].text in names and tokens[i - 1].text in ("d", "}")]
        end = tokens[ends[-1] if ends else after - 1].end
        found = latex_integral(only(body, tokens[at].start, end), text, by)
        assert found is not None
        pieces.append(found)
        outer = outer[: tokens[at].start] + letter.ljust(end - tokens[at].start) + outer[end:]
    return outer, pieces


def only(text: str, start: int, end: int) -> str:
    """The text with blanks for all outside, and for braces around the inside."""
    inside = text[start:end]
    if inside.startswith("{") and inside.endswith("}"):
        inside = f" {inside[1:-1]} "
    return " " * start + inside


def end_of(tokens: list[Token], first: int, text: str, typed: bool) -> int:
    """The place after an end of an integral: a group or one token in LaTeX, where ∫ is `typed` a number or a name, too.

    Raises ParseError where it goes on without a blank: ∫_0^2pi, \\int_0^10.
    """
    start = first
    if typed and start < len(tokens):
        start += tokens[start].text in "+-−"
        if start < len(tokens) and tokens[start].text == "(":
            return group_end(tokens, start, text, "()")
    after = start
    while after < len(tokens) and (tokens[after].text.isalnum() or tokens[after].text == "."):
        if after > start and tokens[after].start > tokens[after - 1].end:
            break
        after += 1
    run = "".join(t.text for t in tokens[start:after])
    number = _number.fullmatch(run) is not None
    if (not typed and number and len(run) > 1) or (typed and run and not number and not run.isidentifier()):
        place = (tokens[first].start, tokens[after - 1].end)
        hint = "put the end in braces, as in ∫_0^{2*pi}, and a blank before what is integrated"
        raise ParseError("where does the end of the integral stop?", text=text, span=place, hint=hint)
    return after if typed and run else group_end(tokens, start, text)


_number = re.compile(r"\d+(\.\d+)?|\.\d+")


def group_end(tokens: list[Token], first: int, text: str, pair: str = "{}") -> int:
    """The place after a group in braces, or after one token."""
    depth = 0
    for i in range(first, len(tokens)):
        depth += (tokens[i].text == pair[0]) - (tokens[i].text == pair[1])
        if depth == 0:
            return i + 1
    place = (tokens[min(first, len(tokens) - 1)].start, len(text))
    raise ParseError("a brace is missing, or an end of the integral", text=text, span=place)


def differential_at(tokens: list[Token], first: int, by: Collection[str], text: str) -> tuple[int, str]:
    """Where the dx begins that ends the text, and its variable.  Raises ParseError where there is none."""
    names = {spelled: x for x in by for spelled in (x, f"\\{x}")}
    end = len(tokens)
    while end > first and tokens[end - 1].text in (*SPACES, "."):
        end -= 1
    x = names.get(tokens[end - 1].text) if end > first else None
    d = end - 2
    if x is not None and d >= first:
        if tokens[d].text == "d":
            start = d - 1 if d > first and tokens[d - 1].text in UPRIGHT else d
            return start, x
        if tokens[d].text == "}" and d - 3 >= first and tokens[d - 1].text == "d" and tokens[d - 2].text == "{":
            start = d - 3
            if tokens[start].text in UPRIGHT:
                return start, x
    names_of = " or ".join(f"d{x}" for x in sorted(by)) or "dx"
    raise ParseError(
        "the differential that ends the integral is missing",
        text=text,
        span=(len(text.rstrip()) - 1, len(text.rstrip())),
        hint=f"the text ends with {names_of}: \\int_0^1 L \\,dx",
    )


def blanked(text: str, start: int, end: int) -> str:
    """The text with blanks in a place, so that all others stay where they are."""
    return text[:start] + " " * (end - start) + text[end:]


def spelled(name: str) -> str:
    """A pattern for a name as it was typed, not inside another one."""
    return rf"(?<![\w\\]){re.escape(name)}(?![\w_])"


def at_time(text: str, name: str, place: str) -> str:
    """The text with `u` for `u(t)`: a function that is understood at its own variable."""
    if not isinstance(text, str) or not place.strip():
        return text
    heads = rf"(?:{spelled(name)}|\\d?dot\s*(?:\{{\s*)?{re.escape(name)}\s*\}}?)(?:['′]|\^\{{?(?:\\prime\s*)+\}}?)*"
    pattern = re.compile(rf"{heads}\s*(\(\s*{re.escape(place.strip())}\s*\))")
    for found in list(pattern.finditer(text)):
        text = blanked(text, *found.span(1))
    return text


def by_entries(text: str, state: str) -> bool:
    """Whether a state stands as u_1, u_2, … alone in a column [u_2; -u_1], of which it has a row for each."""
    if not isinstance(text, str):
        return False
    text = text.rpartition("=")[2]
    if not re.match(r"\s*(\[|\\begin)", text):
        return False
    alone = re.search(rf"(?<![\w\\]){re.escape(state)}(?![\w_])", text)
    return not alone and entries_of(text, state) != text


def entries_of(text: str, state: str) -> str:
    """The text with u[2] for u_2."""
    pattern = rf"(?<![\w\\]){re.escape(state)}_(?:\{{\s*([1-9]\d*)\s*\}}|([1-9]\d*)(?!\w))"
    return re.sub(pattern, lambda m: f"{state}[{m[1] or m[2]}]", text)


def unnamed(text: str) -> str:
    """The text without the name of a functional, J[y] = or S =."""
    found = re.match(
        r"\s*\\?[A-Za-zΑ-ω]\w*(?:\{\s*\w+\s*\})?\s*(?:\\left)?(?:\[[^\]=]*\]|\([^)=]*\))?\s*&?(?::=|\\coloneqq|=)", text
    )
    return (
        blanked(text, 0, found.end()) if found and re.match(r"[^;]*(?:∫|\\int|\bint\()", text[found.end() :]) else text
    )


_word = re.compile(r"\\?[^\W\d_]\w*")


def argument(text: str, at: int) -> tuple[set[str], int] | None:
    """The names in the parentheses that stand at a place of a text, and where these end; None without any."""
    while text[at : at + 1].isspace():
        at += 1
    at += len(r"\left") * text.startswith(r"\left", at)
    if text[at : at + 1] not in ("(", "["):
        return None
    depth, end = 0, at
    for end in range(at, len(text)):
        depth += (text[end] in "([") - (text[end] in ")]")
        if depth == 0:
            break
    return {w.lstrip("\\") for w in _word.findall(text[at:end])} - {"right"}, end + 1
