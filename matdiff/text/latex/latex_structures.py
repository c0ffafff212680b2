"""Fractions, roots and matrices in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from matdiff.core.patterns import deferred
from matdiff.errors import UnsupportedError
from matdiff.text import moving
from matdiff.text.characters import LETTER, SPACE
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_calls import Calls
from matdiff.text.latex.latex_places import blank, script_extent
from matdiff.text.latex.names import name_at
from matdiff.text.tree import ROOT, Span, Tree

# What packages and papers define for norms, inner products and notes: \norm{x}, \inner{a}{x}, \underbrace.

NORMS = {"norm": "N", "Norm": "N", "norm*": "N", "abs": "B", "abs*": "B", "abss": "B", "card": "B"}
INNER = frozenset({"inner", "innerprod", "innerproduct", "inprod", "iprod", "ip", "dotp", "dotprod", "ipr", "scal"})
NOTED = frozenset({"underbrace", "overbrace", "underbracket", "overbracket"})

_brace = deferred(r"[\s~]*\{")


class Macros(Calls):
    """Each begins at an opening brace and says what its closing one does."""

    def macro(self, command: str, span: Span) -> int:
        """Returns 0 if the command is none of these, or is followed by no brace."""
        brace = _brace.match(self.text, span[1], self.end)
        if not brace or (closing := self.pairs.match.get(brace.end() - 1, -1)) < 0:
            return 0
        if command in NORMS:
            return self.barred(NORMS[command], (span[0], brace.end()), closing)
        if command in INNER:
            return self.inner((span[0], brace.end()), closing)
        if command in NOTED:
            return self.noted(brace.end(), closing)
        return 0

    def barred(self, which: str, span: Span, closing: int) -> int:
        self.stream.open("LNORM" if which == "N" else "LBAR", "RNORM" if which == "N" else "RBAR", span)
        self.ends[closing] = lambda place: self.bar("R" + which, place)
        return span[1]

    def inner(self, span: Span, closing: int) -> int:
        r"""\inner{a}{x}, and \inner{a,x} with one group."""
        self.stream.open("LANGLE", "RANGLE", span)
        second = _brace.match(self.text, closing + 1, self.end)
        last = self.pairs.match.get(second.end() - 1, -1) if second else closing
        if last < 0:
            return span[1]

        def separate(place: Span) -> int:
            assert second is not None
            self.stream.push("COMMA", place)
            return second.end()

        def finish(place: Span) -> int:
            self.stream.close("RANGLE", place)
            return place[1]

        self.ends[last] = finish
        if second is not None:
            self.ends[closing] = separate
        return span[1]

    def noted(self, at: int, closing: int) -> int:
        r"""\underbrace{x}_{note}: what stands in the braces."""
        self.stream.open("LPAR", "RPAR", (at - 1, at), "{")

        def skip(end: int) -> int:
            begin = blank(self.text, end)
            if self.text[begin : begin + 1] == "^":
                return script_extent(self.text, end, self.pairs)
            return self.below(end)[1] if self.text[begin : begin + 1] == "_" else end

        self.closers[closing] = skip
        return at


_d = r"\s*\{\s*(?:d|\\mathrm\s*\{\s*d\s*\})"
_differential = deferred(rf"{_d}\s*\}}{_d}")
_derivative = deferred(rf"{_d}\s*(?:\\[A-Za-z]+|[A-Za-z](?:\([A-Za-z]\))?)\s*\}}{_d}\s*[A-Za-z\\]")
_environment = deferred(r"\s*\{([A-Za-z]+\*?)\}")
_argument = deferred(rf"[{SPACE}]*(?:(\{{)|(\d)|(\\[A-Za-z]+)|([{LETTER}]))")
BLOCKS = "Matrices are written \\begin{bmatrix} A & B \\\\ C & D \\end{bmatrix}."
ENVIRONMENTS = {"vmatrix": r"Write \det for a determinant, before a bmatrix.", "Vmatrix": r"Write \| around a bmatrix."}


class Structures(Macros):
    """Commands with arguments in braces, each of which opens brackets and says how they close."""

    def fraction(self, first: int, at: int) -> int:
        r"""\frac{a}{b} as (a)/(b) in parentheses of its own; \frac12 takes single tokens."""
        span = (first, at)
        if self.stream.names.moving and (
            end := moving.quotient(self.stream, first, at, lambda at: name_at(self.stream, at, self.pairs))
        ):
            return end
        derivative = None if "d" in self.stream.names.variables else _derivative.match(self.text, at)
        if m := _differential.match(self.text, at) or derivative:
            raise UnsupportedError(
                "d/dx is what is computed; it is not part of the function",
                text=self.text,
                span=(first, m.end()),
                hint="Write the function alone and name the variable by wrt.",
            )
        self.stream.open("LPAR", "RPAR", span, self.text[first:at])

        def divide(end: int) -> int:
            self.stream.push("SLASH", span)
            return self.argument(end, span, finish)

        def finish(end: int) -> int:
            self.stream.close("RPAR", (end - 1, end))
            return end

        return self.argument(at, span, divide)

    def over(self, span: Span) -> int:
        r"""{a \over b}, whose braces opened two parentheses."""
        self.stream.close("RPAR", span)
        self.stream.push("SLASH", span)
        self.stream.open("LPAR", "RPAR", span)
        return span[1]

    def argument(self, at: int, span: Span, then: Callable[[int], int]) -> int:
        """One argument of a command, `then` what comes after it."""
        m = _argument.match(self.text, at, self.end)
        command = self.text[span[0] : span[1]]
        if m is None:
            self.stream.refuse(
                f"{command} takes two groups" if "frac" in command else f"{command} takes a group",
                span,
                f"Write {command}{{a}}{{b}}." if "frac" in command else f"Write {command}{{x}}.",
            )
        if m[1]:
            self.closers[self.pairs.match.get(m.start(1), -1)] = then
            self.group(m.span(1))
            return m.end()
        if m[2]:
            self.stream.push("NUMBER", Tree("number", (), int(m[2]), m.span(2)))
            return then(m.end())
        name = name_at(self.stream, m.end() - len(m[3] or m[4]), self.pairs)
        if name is None:
            self.stream.refuse(f"{command} needs braces around {m[3]}", m.span(3), f"Write {command}{{…}}{{…}}.")
        self.stream.push("NAME", Tree("name", (), name.value, (name.start, name.end)))
        return then(name.end)

    def root(self, span: Span) -> int:
        if index := re.compile(r"\s*\[").match(self.text, span[1]):
            return self.higher_root(span, index.end())
        self.stream.push("FUNC", Tree("name", (), "sqrt", span))
        m = _argument.match(self.text, span[1], self.end)
        if m is not None and m[1]:
            self.stream.open("LPAR", "RPAR", m.span(1), "{")
            return m.end()
        self.stream.push("LPAR", span)

        def finish(end: int) -> int:
            self.stream.push("RPAR", (end - 1, end))
            return end

        return self.argument(span[1], span, finish)

    def higher_root(self, span: Span, at: int) -> int:
        r"""\sqrt[3]{a} is (a).^(1/3)."""
        m = re.compile(r"\s*(\d{1,9})\s*\]").match(self.text, at, self.end)
        if m is None or int(m[1]) < 1:
            self.stream.refuse("the index of a root is a whole number", (span[0], at), "Write x^{1/n}.")
        place, degree = (span[0], m.end()), int(m[1])

        def finish(end: int) -> int:
            power = Tree("number", (), Fraction(1, degree), place, ROOT)
            for kind, value in (("DOTCARET", place), ("NUMBER", power), ("RPAR", (end - 1, end))):
                self.stream.push(kind, value)
            return end

        self.stream.push("LPAR", span)
        return self.argument(m.end(), span, finish)

    def environment(self, command: str, first: int, at: int) -> int:
        m = _environment.match(self.text, at, self.end)
        name = m[1] if m else ""
        if m is None or name not in words.MATRICES:
            what = f"the environment {name}" if name else "an environment without a name"
            raise UnsupportedError(
                f"{what} is not read",
                text=self.text,
                span=(first, m.end() if m else at),
                hint=ENVIRONMENTS.get(name, BLOCKS),
            )
        if command == "begin":
            self.stream.open("LSQB", "RSQB", (first, m.end()), f"\\begin{{{name}}}")
        else:
            if self.stream.kinds and self.stream.kinds[-1] == "SEMI":
                self.stream.kinds.pop(), self.stream.values.pop()
            self.stream.close("RSQB", (first, m.end()))
        return m.end()
