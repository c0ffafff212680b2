r"""Names of which LaTeX leaves open what they are: \sigma_1(X), x(t), \ell, e^{i\theta}."""

from __future__ import annotations

import re
from functools import cached_property

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.text import latex_hints as hints
from matdiff.text.habits import application
from matdiff.text.latex import latex_norms as norms
from matdiff.text.latex.latex_brakets import brakets
from matdiff.text.latex.latex_exponents import LONGEST, bare
from matdiff.text.latex.latex_places import blank, script_extent
from matdiff.text.latex.latex_scripts import Scripts
from matdiff.text.latex.names import Name, name_at
from matdiff.text.tree import FACTORIAL, Span, Tree, walk

# What a formula in LaTeX leaves open: how far \log and \odot reach where nothing is in parentheses.

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


# Bars in LaTeX: norms, absolute values, values at a point.


class Bars(Scripts):
    """Bars do not always tell their side."""

    def on_bar(self, first: int, at: int) -> int:
        if at - first == 2 and not self.stream.bar_opens("RBAR"):
            at = first + 1
        if self.head:
            self.stream.push("SEMI", (first, at))
            return at
        return self.bar("B" if self.text[first:at] == "|" else "N", (first, at))

    @cached_property
    def brakets(self) -> dict[int, str]:
        r"""The \langle, bars and \rangle of Dirac's notation."""
        return brakets(self.text)

    def dirac(self, span: Span) -> int:
        r"""A sign of ⟨a|, |b⟩ or ⟨a|b⟩: parentheses, and behind a bra the conjugate transpose."""
        what, written = self.brakets[span[0]], self.text[span[0] : span[1]].lstrip("\\")
        times = 1 + (what == "whole")
        if written in ("langle", "⟨"):
            for _ in range(times):
                self.stream.open("LPAR", "RPAR", span, "(")
        elif written in ("rangle", "⟩"):
            for _ in range(times):
                self.stream.close("RPAR", span)
        else:
            if what.startswith("bra"):
                self.stream.close("RPAR", span)
                self.stream.conjugate(span, "ᴴ")
            if what.endswith("ket"):
                self.stream.open("LPAR", "RPAR", span, "(")
        return span[1]

    def bar(self, which: str, span: Span) -> int:
        if span[0] in self.brakets:
            return self.dirac(span)
        closer = "RNORM" if which[-1] == "N" else "RBAR"
        before = self.text[max(0, span[0] - 12) : span[0]].rstrip()
        left = (
            "L"
            if before.endswith(("\\left", "igl", "iggl"))
            else "R"
            if before.endswith(("\\right", "igr", "iggr"))
            else which[:-1]
        )
        if closer == "RBAR" and not (self.stream.stack and self.stream.stack[-1][0] == closer):
            self.value_at(span)
        if left == "L" or (not left and self.stream.bar_opens(closer)):
            self.stream.open("L" + closer[1:], closer, span)
            return span[1]
        if closer == "RBAR":
            self.stream.close(closer, span)
            return span[1]
        return self.norm(closer, span)

    def value_at(self, span: Span) -> None:
        r"""f|_{x=0}, where no other bar is open."""
        end = self.below(span[1])[1]
        if end > span[1]:
            self.stream.refuse(
                "the value at a point is not read", (span[0], end), "Insert it: x = …; and the function."
            )

    def norm(self, closer: str, span: Span) -> int:
        """The closing bars with their subscript, which may stand behind a power."""
        text = self.text
        raised = script_extent(text, span[1], self.pairs)
        start, end = self.below(raised)
        written = text[start:end]
        name = norms.NAMES.get(bare(written))
        place = (span[0], end if raised == span[1] else span[1])
        if name is None:
            opening = self.stream.stack[-1][1][1] if self.stream.stack else span[0]
            squared = norms.is_squared(text, end if raised == span[1] else span[1])
            hint = norms.offer(written, text[opening : span[0]][: 2 * norms.LONGEST], squared)
            self.stream.refuse(f"no norm is called ‖·‖_{bare(written)[:40]}", (span[0], end), hint)
        self.stream.close(closer, span, (place, name))
        if raised == span[1]:
            return max(span[1], end)
        if end > raised:
            self.skips[text.index("_", raised)] = end
        return self.superscript_from(span[1])


_capital = deferred(
    r"[\s{]*(?:\\(?:mathbf|boldsymbol|bm|bf|mathcal|mathsf|mathrm|hat|widehat|tilde|widetilde|bar|left)(?![A-Za-z])[\s{(]*)*"
    r"(?:[A-Z]|\\(?:Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)(?![A-Za-z]))"
)
"""What begins with a matrix."""
_vector = deferred(r"(\\[A-Za-z]+|[A-Za-z])(?:[\s}]|_\w|_\{\w+\})*\Z")
r"""What ends with the letter of a vector: Wx, W\mathbf{x}, Wx+b_1."""
_primed = deferred(r"\s*['′’]+\s*(?:\\left\s*)?\(")
_paren = deferred(r"(?:\\(?:left|[bB]igg?l?)(?![A-Za-z])\s*)?([(\[])")
_below = deferred(r"_(?:[A-Za-z]|\{\s*[A-Za-z]{1,3}\s*\})")
_digits = deferred(r"\d+")
_closes = deferred(r"\s*(?:\\right|\\[bB]igg?r?)?\s*")


class Doubts(Bars):
    """Each is read where one reading is left, and refused with the readings where not."""

    def undecided(self, name: Name, value: str, sub: str, span: Span) -> int:
        r"""\sigma'(x), \sigma_1(X), f(x), \ell: where reading goes on if one of them is read, 0 for a variable."""
        known = value in self.stream.names.variables or value in self.stream.names.functions
        if self.head or value in self.stream.names.functions:
            return 0
        opened = _paren.match(self.text, span[1], self.end)
        if opened:
            self.of_letter(name, value, span, opened)
        if known:
            return 0
        if name.value == "sigma" and _primed.match(self.text, span[1]):
            hint = r"Write \sigma(x) \odot (1 - \sigma(x)) for the derivative of the sigmoid."
            self.stream.refuse(f"{self.text[slice(*span)]}'(…) is a derivative", span, hint)
        if opened:
            return self.spectral(name.value, sub, span, opened) if name.value in ("sigma", "lambda") and sub else 0
        if name.value == "ell" and sub and sub in getattr(self, "summed", ()):
            return 0
        if name.value == "ell" and not self.text.startswith("{", blank(self.text, span[1])):
            written = self.text[slice(*span)]
            hint = f"Declare `{written}: scalar`, or `{written}: n` for a vector."
            self.stream.refuse(f"{written} is not declared, and nothing tells what it is", span, hint)
        return 0

    def spectral(self, name: str, sub: str, span: Span, opened: re.Match[str]) -> int:
        r"""\sigma_1(X) is a singular value; of \lambda_1(S) nobody knows from which end.  Returns 0 for a product."""
        closing = self.pairs.match.get(opened.start(1), self.end)
        matrix = _capital.match(self.text, opened.end(), closing) is not None
        tail = _vector.search(self.text, max(opened.end(), closing - LONGEST), closing)
        vector = tail is not None and len(tail[1]) == 1 and tail[1].islower()
        written = self.text[slice(*span)]
        if sub == "max" or (sub == "min" and name == "lambda"):
            return 0
        if not matrix and not (name == "sigma" and sub.isdigit() and vector):
            return 0
        if name == "sigma" and sub.isdigit() and not vector:
            self.stream.push("FUNC", Tree("name", (), name, span))
            self.stream.open("LPAR", "RPAR", opened.span(1))
            self.counts.append((len(self.stream.stack), sub))
            return opened.end()
        if matrix and not vector and len(sub) == 1 and sub.isalpha() and sub.islower():
            record = {"sigma": "sigma", "lambda": "eigval"}[name]
            self.stream.push("FUNC", Tree("name", (), record, span))
            self.stream.open("LPAR", "RPAR", opened.span(1))
            self.counts.append((len(self.stream.stack), sub))
            if name == "lambda":
                said = f"{written} is eigval(…, {sub}), counted upward from the smallest"
                self.stream.names.remarks[said] = None
            return opened.end()
        message, hint = hints.spectral(name, sub, written, vector)
        self.stream.refuse(message, span, hint)

    def of_letter(self, name: Name, value: str, span: Span, opened: re.Match[str]) -> None:
        """x(t), A(p) and u(0): a name before one letter or number in parentheses is no product to who writes so."""
        if self.text[opened.start(1)] == "[" and self.text[opened.end() : opened.end() + 1].isdigit():
            return
        if self.stream.names.callable(value, False) or (name.value in ("sigma", "lambda") and value != name.value):
            return
        at, closing = blank(self.text, opened.end()), self.pairs.match.get(opened.start(1), -1)
        number = _digits.match(self.text, at)
        inside = None if number else name_at(self.stream, at, self.pairs)
        end = number.end() if number else inside.end if inside else -1
        if inside and not inside.sub and (below := _below.match(self.text, end)) and inside.value.isalpha():
            end = below.end()
        if end < 0 or not _closes.fullmatch(self.text, end, closing):
            return
        written = Tree("name", (), value, span)
        application(self.stream, written, self.text[at:end], (span[0], closing + 1), r" \cdot ")
