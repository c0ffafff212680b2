r"""What a formula in LaTeX leaves open: how far \log and \odot reach where nothing is in parentheses."""

from __future__ import annotations

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.text.tree import FACTORIAL, Tree, walk

_apart = deferred(r"[*·⋅∗×∙•~]|\\(?:cdotp?|times|ast|bullet|q?quad)\b|\\[,;: ]")
"""A sign or a space that sets factors apart."""
FRACTIONS = ("\\frac", "\\tfrac", "\\dfrac")


def settle(tree: Tree, text: str) -> Tree:
    r"""\log 2\pi is log(2π); \operatorname{tr} A B and A \odot B C are refused, since two readings are in use."""
    for t in walk(tree):
        if t.head == "call":
            _factorial(t)
        if t.head == "*" and (not _apart.search(text, t.args[0].span[1], t.args[1].span[0]) or _plain(t.args[0], text)):
            _product(t, text)
    return tree


def _factorial(t: Tree) -> None:
    r"""y! is exp(lgamma(1 + y)), and \log y! is lgamma(1 + y)."""
    if t.value == FACTORIAL:
        inside = Tree("+", (Tree("number", (), 1, t.span), t.args[0]), "", t.span)
        t.args, t.value, t.mark = (Tree("call", (inside,), "lgamma", t.span),), "exp", FACTORIAL
    elif t.value in ("log", "ln") and len(t.args) == 1 and t.args[0].mark == FACTORIAL:
        t.args, t.value = t.args[0].args[0].args, "lgamma"


def _plain(left: Tree, text: str) -> bool:
    r"""Whether a word without a backslash ends before the sign: in `tr A*X` the sign does not set it apart."""
    last = left.args[1] if left.head == "*" and not _grouped(left) else left
    return last.head == "call" and text[last.span[0]].isalpha()


def _product(t: Tree, text: str) -> None:
    left, right = t.args
    last = left.args[1] if left.head == "*" and not _grouped(left) else left
    if right.head == "over" and _ends_with_argument(last) and last.value != "e^":
        argument = last.args[0]
        if argument.head == "number" or text.startswith(FRACTIONS, argument.span[0]):
            _take_in(t, last)
            return
        written = text[slice(*last.span)]
        raise ParseError(
            f"does {text[last.span[0] : argument.span[0]].strip()} take the sum behind it?",
            text=text,
            span=(last.span[0], right.span[0] + 4),
            hint=f"Put parentheses around its argument, or around {written}.",
        )
    if _bare_call(last, text):
        if _first(last.args[0]).head == "number" and right.head != "call":
            _take_in(t, last)
        elif (_first(right).head == "name" or right.value == "e^") and _first(right).span[0] == right.span[0]:
            function = text[last.span[0] : last.args[0].span[0]].strip()
            reading = f"{text[last.args[0].span[0] : last.span[1]]} {text[right.span[0] : right.span[1]]}"
            raise ParseError(
                f"does {function} take one factor here, or the whole product?",
                text=text,
                span=(last.span[0], right.span[1]),
                hint=f"Write {function}({reading}), or put parentheses around the one factor.",
            )
    elif left.head == ".*" and not _grouped(left) and left.args[1].head != "number":
        raise ParseError(
            "does this elementwise product take one factor here, or the whole product?",
            text=text,
            span=(left.args[1].span[0], t.span[1]),
            hint=f"Put parentheses around what it takes: ({text[left.args[1].span[0] : t.span[1]]}).",
        )


def _bare_call(t: Tree, text: str) -> bool:
    """A function without parentheses: it ends where its argument does."""
    plain = t.value != "e^" and _ends_with_argument(t)
    while plain and t.args[0].head == "call":
        t = t.args[0]
        plain = _ends_with_argument(t)
    return plain and not text.startswith("\\sqrt", t.span[0]) and not _grouped(t.args[0])


def _ends_with_argument(t: Tree) -> bool:
    """In I_n the size has the place of the whole, which is no argument without parentheses."""
    return t.head == "call" and len(t.args) == 1 and t.span[0] < t.args[0].span[0] and t.span[1] == t.args[0].span[1]


def _grouped(t: Tree) -> bool:
    """Whether parentheses stand around it."""
    return bool(t.args) and t.args[0].span[0] > t.span[0] and t.head in ("*", "+", ".*", "/", "⊗", "./", ".+")


def _first(t: Tree) -> Tree:
    while t.args and t.head in ("*", "'", "^", ".^", "index", "/"):
        t = t.args[0]
    return t


def _take_in(t: Tree, call: Tree) -> None:
    """log(2)·π becomes log(2·π); a factor before the logarithm stays before it."""
    left, right = t.args
    argument = call.args[0]
    inside = Tree("*", (argument, right), "", (argument.span[0], right.span[1]))
    whole = Tree("call", (inside,), call.value, (call.span[0], right.span[1]))
    if left is call:
        t.head, t.args, t.value = "call", (inside,), call.value
    else:
        t.args = (left.args[0], whole)
