"""Where a tree stands, as far as the text tells: bars under a logarithm, sums inside functions of entries, a bare e."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from matdiff.core.node import Kind
from matdiff.core.op import words
from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.inference.literals import literal
from matdiff.text.tree import DETERMINANT, ENTRIES, ROOT, SPREAD, SPREAD_VECTOR, SQUARE, TYPED, Program, Tree

if TYPE_CHECKING:
    from matdiff.inference.types import Root


class Scoped(Protocol):
    """What is asked of the scope whose names these are."""

    text: str
    latex: bool
    roots: list[Root]
    heads: set[str]
    members: Mapping[str, str]
    choices: dict[str, Kind]
    remarks: list[str]

    def attributes(self, name: str) -> frozenset[str]: ...

    @property
    def functions(self) -> Mapping[str, object]: ...


SYMMETRIC = frozenset({"symmetric", "spd", "diagonal"})
_power_of_e = deferred(r"(?<![A-Za-zµ\u0370-\u03ff])e\s*\^")


def of_entries(t: Tree) -> bool:
    """Whether this is the call of a function that goes entry by entry."""
    return t.head == "call" and any(getattr(record, "elementwise", False) for record in words.get(str(t.value), ()))


def whole(t: Tree) -> str:
    """The word for the function of a whole matrix, of the call of one that goes entry by entry; exp → expm."""
    if t.head != "call" or t.value not in words:
        return ""
    return getattr(words[str(t.value)][0], "whole", "")


def exponentials(program: Program, taken: Collection[str]) -> None:
    """In plain text e^x is a call of the exponential, where e is nothing else; e^2 is left alone."""
    if program.dialect != "plain" or "e" in taken or not _power_of_e.search(program.text):
        return
    if any("e" in (d.name, d.parameter) for d in program.definitions):
        return
    plan = list(program.nodes())
    powers = [t for t in plan if t.head == "^" and t.args[0].value == "e" and literal(t.args[1]) is None]
    if len(powers) == sum(t.head == "name" and t.value == "e" for t in plan):
        for t in powers:
            t.head, t.value, t.args, t.mark = "call", "e^", t.args[1:], TYPED


def members_by_letter(program: Program, sizes: Collection[str]) -> None:
    """eigvals(S)[i] is a call eigval(S,i) where a letter is the index and no size, eigvecs(S)[:,i] is eigvec(S,i)."""
    for t in list(program.nodes()):
        if t.head != "index" or t.args[0].head != "call" or (last := t.args[-1]).head != "name":
            continue
        record = next(iter(words.get(str(t.args[0].value), ())), None)
        word = getattr(record, "entry", "")
        columns = len(t.args) == 3 and t.args[1].head == "slice" and not t.args[1].args
        if word and str(last.value) not in sizes and (len(t.args) == 2 or columns):
            t.head, t.value, t.args = "call", word, (*t.args[0].args, last)


def index_letters(roots: Iterable[Root]) -> frozenset[str]:
    """The names that stand where a function takes an index."""
    found = set()
    for root in roots:
        for t in root.plan:
            if t.head != "call" or len(t.args) < 2 or t.args[-1].head != "name":
                continue
            for record in words.get(str(t.value), ()):
                domain: tuple[str, ...] = getattr(record, "domain", ())
                if len(domain) == len(t.args) and domain[-1:] == ("index",):
                    found.add(str(t.args[-1].value))
    return frozenset(found)


def mark(scope: Scoped) -> bool:
    """Marks on bars, on norms of symmetric matrices, and in LaTeX on sums inside functions of entries.

    Returns whether there is something of which the types decide what it means.
    """
    watched = False
    if scope.heads.isdisjoint(("call", "abs", ".^", "norm")):
        return watched
    for root in scope.roots:
        bars = False
        for t in root.plan:
            head = t.head
            if head == "call":
                watched = watched or t.mark == TYPED or whole(t) != ""
                if scope.latex and t.args and not watched:
                    watched = _capital(t.args[0]) and (
                        t.value in ("e^", "max", "min") or (len(t.args) == 1 and of_entries(t))
                    )
                if scope.latex and not scope.members and t.args and (t.value == "e^" or of_entries(t)):
                    watched |= _spread(t.args[0], SPREAD_VECTOR if t.value == "e^" else SPREAD)
            elif head == "abs":
                bars = watched = True
            elif head == ".^":
                watched = watched or t.args[1].mark == ROOT
            elif head == "norm" and t.value == "1" and _symmetric(scope, t.args[0]):
                t.mark, watched = ENTRIES, True
        if bars:
            _bars(scope, root)
    return watched


def _capital(t: Tree) -> bool:
    """A capital, or one in a sign, a quotient or a multiple: what may be a matrix."""
    while t.args and t.head in ("neg", "/", "*"):
        t = t.args[-1] if t.head == "*" else t.args[0]
    return t.head == "name" and str(t.value)[:1].isupper()


def _spread(argument: Tree, mark: str) -> bool:
    """Mark the sums that are the argument itself, or reached through signs, quotients and numbers before it."""
    marked = False
    stack = [argument]
    while stack:
        t = stack.pop()
        if t.mark:
            continue
        if t.head == "+":
            t.mark, marked = mark, True
            stack.extend(t.args)
        elif t.head in ("neg", "/"):
            stack.append(t.args[0])
        elif t.head == "*" and literal(t.args[0]) is not None:
            stack.append(t.args[1])
        elif t.head == ".*":
            stack.extend(t.args)
    return marked


def _symmetric(scope: Scoped, tree: Tree) -> bool:
    """Known to be symmetric by its declaration, sums and multiples included."""
    stack = [tree]
    while stack:
        t = stack.pop()
        if t.head in ("+", "neg", "'"):
            stack.extend(t.args)
        elif t.head == "/" or (t.head == "call" and t.value == "inv"):
            stack.append(t.args[0])
        elif t.head == "*" and literal(t.args[0]) is not None:
            stack.append(t.args[1])
        elif not (t.head == "name" and scope.attributes(str(t.value)) & SYMMETRIC):
            return False
    return True


FREE, BLOCKED = "", "blocked"
"""What stands above a tree: nothing that tells, or something that takes entries; else DETERMINANT."""


def _bars(scope: Scoped, root: Root) -> None:
    """Arguments after their user: what stands above a tree follows from what stands above its user."""
    above: dict[Tree, str] = {root.tree: FREE}
    for t in reversed(root.plan):
        here = above.get(t, BLOCKED)
        if t.head == "abs" and here != BLOCKED:
            (inside,) = t.args
            weak = inside.head in ("+", "*") or "spd" in scope.attributes(str(inside.value))
            t.mark = here or (SQUARE if weak else "")
        for a, seen in _below(t, here):
            above[a] = seen


def _below(t: Tree, here: str) -> Iterable[tuple[Tree, str]]:
    """Through scalar arithmetic what stands above stays, but in a sum a logarithm and a root tell nothing."""
    head = t.head
    if here != BLOCKED:
        if head in ("neg", "*"):
            return [(a, here) for a in t.args]
        if head == "+":
            return [(a, FREE) for a in t.args]
        if head == "/":
            up, down = t.args
            return [(down, DETERMINANT), (up, DETERMINANT if _has_bars(down) else here)]
        if head == "^":
            return [(t.args[0], DETERMINANT)]
        if head == "call" and t.value in ("log", "sqrt"):
            return [(t.args[0], DETERMINANT)]
        if head == "call" and t.value in ("exp", "e^"):
            return [(t.args[0], FREE)]
    return [(a, BLOCKED) for a in t.args]


def _has_bars(t: Tree) -> bool:
    while t.head in ("^", "*"):
        t = t.args[t.head == "*"]
    return t.head == "abs"


FUNCTIONS = frozenset({"f", "g", "h"})
"""Letters that stand for functions alone where parentheses follow them."""
OFTEN = frozenset({"phi", "varphi", "psi", "rho", "chi", "Phi", "Psi"})
"""Letters that stand for functions about as often as for numbers there."""
CALLED = FUNCTIONS | OFTEN
_opened = deferred(r"(?:[\s~]|\\[,;:! ])*(?:\\(?:left|[bB]igg?l?)\s*)?\(")


def applied(scope: Scoped, wrt: Collection[str]) -> None:
    """Letters of functions before parentheses, which nothing declares: f, g, h are refused, of φ, ψ, ρ it is said.

    Before the value of a declared function alone, φ(h(x)), every name is refused: it is a function there to most.
    """
    unknown = {name for name, f in scope.functions.items() if not hasattr(f, "plan")}
    if not unknown and CALLED.isdisjoint(name.partition("_")[0] for name in scope.choices):
        return
    for root in scope.roots:
        for t in root.plan:
            if t.head != "*" or (name := _last(t.args[0])) is None or (value := str(name.value)) not in scope.choices:
                continue
            letter = value.partition("_")[0]
            composed = t.args[1].head == "call" and t.args[1].value in unknown and value not in wrt
            if not composed and (letter not in CALLED or value in wrt):
                continue
            found = _opened.match(scope.text, name.span[1])
            if found is None:
                continue
            member = t.args[1].head == "name" and t.args[1].span[0] - found.end() in (-1, 0)
            if composed:
                inside = scope.text[slice(*t.args[1].span)]
                inside = inside[1:-1] if inside.startswith("(") else inside
                raise ParseError(
                    f"is {value}({inside}) a function of {inside} or a product?",
                    hint=f"declare `{value}: n -> m`, `{value}: n -> scalar` or `{value}: elementwise`; "
                    f"a product is {value}*{inside}",
                ).located(scope.text, name.span)
            if letter in OFTEN and not member:
                scope.remarks.append(f"{value}(…) is read as a product: declare `{value}: elementwise` for a function")
            elif member or found.end() == name.span[1] + 1 or scope.latex:
                raise ParseError(
                    f"is {value}(…) a function or a product?",
                    hint=f"declare `{value}: elementwise` (of arrays: `{value}: n -> m`), or `{value}: scalar`",
                ).located(scope.text, name.span)


def _last(t: Tree) -> Tree | None:
    """The name at the end of a product."""
    while t.head == "*":
        t = t.args[1]
    return t if t.head == "name" else None
