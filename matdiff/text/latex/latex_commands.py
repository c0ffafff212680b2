"""Commands of LaTeX that are neither names nor functions."""

from __future__ import annotations

from matdiff.core.patterns import deferred
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_derivatives import marked
from matdiff.text.latex.latex_exponents import bare
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.latex_refusals import Refusals
from matdiff.text.latex.names import Name, function_of, name_at
from matdiff.text.latex_hints import unknown
from matdiff.text.sums import bound, cases, density, indexed, indicated, latex_sum
from matdiff.text.tree import Span, Tree

_null = deferred(r"\s*\.")


INDICATING = frozenset({"mathbb", "mathds", "mathbbm", "mathbf", "boldsymbol", "bm", "bbm", "mathrm"})
CONJUGATING = frozenset({"bar", "overline", "conj", "cc"})
TRANSPOSES = frozenset({"T", "tran", "trans", "transp", "tp", "transpose"})
"""As papers define them: X\\T."""


class Commands(Refusals):
    """One method a kind of command; each returns where reading goes on."""

    def on_command(self, first: int, at: int) -> int:
        command, span = self.text[first + 1 : at], (first, at)
        if self.stream.names.arrows and command in ("nabla", "partial") and (after := self.derivative(first)):
            return after
        if command in words.IGNORED:
            return self.delimiter(command, at)
        if command in words.OPERATORS:
            return self.sign(command, span)
        if command in words.BARS and not self.head:
            return self.bar(words.BARS[command], span)
        if command in words.OPENING or command in words.CLOSING:
            return self.delimited(command, span)
        if command in words.FRACTIONS:
            return self.fraction(first, at)
        if command in ("sum", "prod") and bound(self.text, at):
            return latex_sum(self.stream, span, self.pairs)
        if command in ("max", "min") and indexed(self.text, at):
            return latex_sum(self.stream, span, self.pairs)
        if command == "sqrt":
            return self.root(span)
        if command in CONJUGATING and (after := self.conjugate_of(command, span)):
            return after
        if command in ("begin", "end"):
            return (command == "begin" and cases(self, first, at)) or self.environment(command, first, at)
        if command in ("mathcal", "mathscr", "cal") and (after := density(self, first)):
            return after
        if command in INDICATING and (after := indicated(self, first)):
            return after
        if command == "over" and first in self.pairs.over:
            return self.over(span)
        if command == "\\" or (self.head and (command == "mid" or command in words.BARS)):
            self.stream.push("SEMI", span)
            return at
        return self.macro(command, span) or self.word(command, first, at)

    def conjugate_of(self, command: str, span: Span) -> int:
        r"""\bar z and \overline{Az} of what is declared complex; 0 for an accent on a name."""
        names, at = self.stream.names, blank(self.text, span[1])
        if not names.complex and command not in ("conj", "cc"):
            return 0
        name = name_at(self.stream, at, self.pairs)
        braced = self.text.startswith("{", at)
        if name is None and not braced:
            return 0
        if name is not None and command in ("bar", "overline") and not self.conjugable(name):
            return 0
        self.stream.push("FUNC", Tree("name", (), "conj", span))
        self.stream.open("LPAR", "RPAR", span)
        if name is not None:
            end = self.named(name)
            self.stream.close("RPAR", span)
            return max(end, name.end)
        self.ends[self.pairs.match[at]] = self.closing
        return at + 1

    def conjugable(self, name: Name) -> bool:
        r"""Whether a name is complex, or a member z_i of complex data beside a sum over i."""
        complex_, (base, _, index) = self.stream.names.complex, name.value.rpartition("_")
        if name.value in complex_:
            return True
        inside = bool(base) and set(index.replace(",", "")) <= set(getattr(self, "summed", ()))
        return inside and (base in complex_ or base[:1].upper() + base[1:] in complex_)

    def closing(self, span: Span) -> int:
        self.stream.close("RPAR", span)
        return span[1]

    def derivative(self, first: int) -> int:
        r"""\nabla^{2}\varphi( and \partial_{1} f( of unknown functions of arrays; 0 for others."""
        return marked(self.stream, first, lambda at: name_at(self.stream, at, self.pairs), self.scripts)

    def sign(self, command: str, span: Span) -> int:
        if command == "cdot":
            self.dotted(span)
        separates = command == "times" and self.sizes and self.sizes[-1] == len(self.stream.stack)
        self.stream.push("COMMA" if separates else words.OPERATORS[command], span)
        return span[1]

    def delimited(self, command: str, span: Span) -> int:
        if span[0] in self.brakets:
            return self.dirac(span)
        if command in words.CLOSING:
            self.stream.close(words.CLOSING[command], span)
            return self.inner_subscript(span[1]) if command == "rangle" else span[1]
        if positive := self.pairs.positive.get(span[0]):
            self.positive(span, *positive)
        else:
            self.stream.open(*words.OPENING[command], span)
        return span[1]

    def inner_subscript(self, at: int) -> int:
        r"""\langle A, B\rangle_F is the inner product of the language; others have a matrix in between."""
        start, end = self.below(at)
        if end > at and bare(self.text[start:end]) not in ("F", "2", "HS", "fro", "R^n"):
            self.stream.refuse("no inner product has this subscript", (at, end), r"Write x^\top M y.")
        return end

    def delimiter(self, command: str, at: int) -> int:
        if command in ("left", "right") and (m := _null.match(self.text, at, self.end)):
            return m.end()
        return at

    def word(self, command: str, first: int, at: int) -> int:
        self.refuse_word(command, (first, at))
        if command in TRANSPOSES and self.stream.after_operand():
            self.stream.push("TICK", (first, at))
            return at
        if function := self.function(command, at):
            return self.apply(function, (first, at))
        if command in words.BOLD:
            self.embolden(command, at)
        name = name_at(self.stream, first, self.pairs)
        if name is not None:
            return self.named(name)
        if command in words.STYLES or command in words.UPRIGHT:
            return self.styled(command, (first, at))
        if command in words.ACCENTS:
            hint = "For instance \\hat{y}, which is the name y_hat."
            self.stream.refuse(f"\\{command} stands over one letter only", (first, at), hint)
        divides = command.isalpha() and len(command) < 4 and self.stream.after_operand()
        divides = divides and not any(c in self.text for c in "{}") and self.text[at : at + 1] not in ("(", "_", "^")
        hint = unknown(command, divides, self.text[at : at + 1] in ("{", "("))
        self.stream.refuse(f"unknown LaTeX command \\{command}", (first, at), hint)

    def function(self, command: str, at: int) -> str:
        r"""The function of a command such as \det or \relu, or nothing; \vec is one before a parenthesis."""
        if command == "vec":
            return command if self.text.startswith("(", at) else ""
        if command in words.LETTERS or command in words.STYLES or command in words.ACCENTS:
            return ""
        return function_of(self.stream.names, command) or (command if command in words.FUNCTIONS else "")

    def embolden(self, command: str, at: int) -> None:
        r"""In \mathbf{X\beta} and {\bf X\beta} the Greek letters are bold."""
        opening = blank(self.text, at)
        if self.text.startswith("{", opening):
            self.bold_until = self.pairs.match.get(opening, at)
        elif command in words.SWITCHES and self.stream.stack and self.stream.stack[-1][2] == "{":
            self.bold_until = self.pairs.match.get(self.stream.stack[-1][1][0], at)
