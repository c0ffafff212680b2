r"""Names of which LaTeX leaves open what they are: \sigma_1(X), x(t), \ell, e^{i\theta}."""

from __future__ import annotations

import re

from matdiff.core.patterns import deferred
from matdiff.text import latex_hints as hints
from matdiff.text.habits import application
from matdiff.text.latex.latex_bars import Bars
from matdiff.text.latex.latex_exponents import LONGEST
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.names import Name, name_at
from matdiff.text.tree import Span, Tree

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
