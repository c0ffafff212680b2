"""What others call the functions of the language, brought to its own words and operators.

The names stand in the records (`spellings`); here is what the signs of other notations mean.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NoReturn

from matdiff.core.op import along, parameters, words
from matdiff.core.patterns import deferred
from matdiff.core.shape import signature
from matdiff.errors import ParseError
from matdiff.text import plain
from matdiff.text.grammar import run
from matdiff.text.tokens import Names, Stream
from matdiff.text.tree import Tree, walk

_hole = deferred(r"\{(\d)\}")


@cache
def template(expression: str) -> tuple[Tree, int]:
    """The tree of an expression with holes named a_0, a_1, and how many there are."""
    text = _hole.sub(r"a_\1", expression)
    stream = Stream(text, Names(frozenset(re.findall(r"[a-z]+(?=\()", text))))
    plain.lex(stream, 0, len(text))
    return run(stream.kinds, stream.values), len(set(_hole.findall(expression)))


def respelled(tree: Tree, names: Names, written: str, text: str) -> Tree:
    """The tree in the words and operators of the language; `written` is the notation.  Changes the tree."""
    for t in walk(tree):
        if t.head == "call":
            _call(t, names, text, written)
        elif t.head == ".^" and t.value == "**" and written == "NumPy":
            t.value = ""
        elif written:
            _sign(t, written, text)
    return tree


def _call(t: Tree, names: Names, text: str, written: str) -> None:
    called = str(t.value)
    if called[0] == "." or written == "NumPy":
        _refuse_axis(t, called.lstrip("."), text)
    if called in names.words or called in names.functions:
        return
    meant = names.meaning(called)
    if "{" not in meant:
        t.value = meant or called.lstrip(".")
        return
    expression, holes = template(meant)
    if len(t.args) != holes:
        word = called.lstrip(".")
        message = f"{word} takes {holes} argument{'s' * (holes != 1)}, not {len(t.args)}"
        hint = f"It is {_hole.sub(lambda m: 'AB'[int(m[1])], meant)} here."
        raise ParseError(message, text=text, span=t.span, hint=hint)
    whole = filled(expression, t)
    t.head, t.args, t.value = whole.head, whole.args, whole.value


def _refuse_axis(t: Tree, word: str, text: str) -> None:
    """np.sum(A, 1) goes along the rows, and sum(A, 1) down the columns."""
    if word not in along or len(t.args) != 2 or t.args[1].head not in ("number", "neg"):
        return
    if any(len(signature(r.signature)[0]) + len(parameters(r.signature)) == 2 for r in words.get(word, ())):
        hint = f"Write {word}(A, axis=0) down the columns, {word}(A, axis=1) along the rows."
        raise ParseError("axes count from 0 in NumPy and from 1 here", text=text, span=t.args[1].span, hint=hint)


def filled(expression: Tree, call: Tree) -> Tree:
    """A copy of a template with the arguments of a call in its holes."""
    done: dict[Tree, Tree] = {}
    for t in walk(expression):
        hole = t.head == "name" and str(t.value)[:2] == "a_"
        if hole:
            done[t] = call.args[int(str(t.value)[2:])]
        else:
            done[t] = Tree(t.head, tuple(done[a] for a in t.args), t.value, call.span)
    return done[expression]


def _sign(t: Tree, written: str, text: str) -> None:
    """`*` between arrays goes entry by entry in the other notations, and their indices count from 0."""
    if t.head == "*" and (written == "Mathematica" or "*" in text[t.args[0].span[1] : t.args[1].span[0]]):
        t.value = written
    elif t.head == "^" and written == "Mathematica":
        t.head, t.value = ".^", "**"
    elif t.head == "index" and written == "NumPy":
        _counted(t, text)
    elif t.head == "+" and written in ("NumPy", "Mathematica") and any(a.head == "number" for a in t.args):
        t.head = ".+"
    elif t.head == "/" and written in ("NumPy", "Mathematica") and t.args[0].head == "number":
        t.head = "./"


def _counted(t: Tree, text: str) -> NoReturn:
    hint = "Write the text in the notation of matdiff: A*x for A @ x, x[1] for the first entry."
    raise ParseError("indices count from 0 in NumPy and from 1 here", text=text, span=t.span, hint=hint)
