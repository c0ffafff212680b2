"""Commands of LaTeX that are neither names nor functions."""

from __future__ import annotations

from typing import NoReturn

from matdiff.core.patterns import deferred
from matdiff.errors import UnsupportedError
from matdiff.text.advice import refused
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_exponents import bare, marked
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.latex_structures import Structures
from matdiff.text.latex.names import Name, function_of, name_at
from matdiff.text.latex_hints import unknown
from matdiff.text.sums import bound, cases, density, indexed, indicated, latex_sum
from matdiff.text.tree import Span, Tree

# Commands that are refused: sums, limits, sets, relations, text.

_set = deferred(r"\s*\{?\s*([EPRNSZV])(?![a-z])")
_arg_min = deferred(
    r"\\(?:operatorname\*?|mathop|mathrm|text|rm)[\s{]*(?:\\(?:rm|mathrm|text)[\s{]*)?arg(?:\\[,;!: ]|[\s~])+m(?:in|ax)"
)
_opens = deferred(r"\s*(?:\\(?:left|[bB]igg?l?)\s*)?(?:\(|\\\{|\{|\[)")
_below = deferred(r"\s*(?:\\limits)?\s*_")
_text = deferred(r"\s*\{([^{}]*)\}")
_symbols = deferred(r"[A-Za-z]?|(?:\\[A-Za-z]+\s*|[A-Z])+|[-+*/=\d.]+")
"""What stands upright without being text."""
_bold = deferred(r"[\s~]*(\\(?:mathbf|boldsymbol|bm|vec|bf)(?![A-Za-z])\s*\{?\s*[a-z])")
_more_bold = deferred(r"[\s~]*(?:\\left)?\(?\s*\\(?:mathbf|boldsymbol|bm|bf)(?![A-Za-z])\s*\{?\s*[A-Z]")
_expected = deferred(
    r"\\(?:(?:mathrm|operatorname|text|mathsf)\s*\{\s*E\s*\}\s*(?:_\s*(?:\w|\{[^{}]*\})\s*)?(?:\\left\s*)?[\[(]"
    r"|mathbf\s*\{?\s*E\s*\}?\s*(?:\\left\s*)?\[)"
)
VECTORS = "Write the function in matrices and vectors: x'*y, sum(X), tr(A*B)."


class Refusals(Structures):
    """What stands in papers beside functions."""

    def dotted(self, span: Span) -> None:
        r"""\mathbf a \cdot \mathbf x of two vectors."""
        names, text = self.stream.names, self.text
        left = self.stream.values[-1] if self.stream.kinds[-1:] == ["NAME"] else None
        if left is None or left.value in names.variables or not _bold.match(text, left.span[0]):
            return
        if _more_bold.match(text, span[1]):
            a = text[slice(*left.span)]
            self.stream.refuse("a product of two vectors", (left.span[0], span[1]), f"Write {a}^\\top (…).")
        m = _bold.match(text, span[1])
        right = name_at(self.stream, m.start(1), self.pairs) if m else None
        if right and text[left.span[1] : span[0]].strip() == "" and not {left.value, right.value} & names.variables:
            a, x = text[slice(*left.span)], text[right.start : right.end]
            hint = f"Write {a}^\\top {x} for the inner product, {a} \\odot {x} for the product entry by entry."
            self.stream.refuse("a product of two vectors", (left.span[0], right.end), hint)

    def styled(self, command: str, span: Span) -> int:
        r"""A style around more than a name; words, as in \text{for all}, are refused."""
        m = _text.match(self.text, span[1], self.end) if command in words.TEXT | {"mathrm", "operatorname"} else None
        if m and (" " in m[1].strip() or not _symbols.fullmatch(m[1])):
            said = f"\\{command}{{{m[1]}}}"
            shown = said if len(said) < 40 else f"\\{command}{{…}}"
            hint = "Leave it out; what the names are is said by declarations: x: n; A: n×n."
            self.stream.refuse(f"{shown} is text, not part of the function", (span[0], m.end()), hint)
        return span[1]

    def refuse_word(self, command: str, span: Span) -> None:
        """What is not in the language, by its command: sums, limits, sets, relations."""
        self.refuse_expectation(command, span)
        what = "an optimisation problem"
        if (m := _arg_min.match(self.text, span[0])) is not None:
            self.unsupported(f"arg min begins {what}, which is not in the language", m.span(), words.INSTEAD[what])
        below = _below.match(self.text, span[1]) is not None
        if command == "max" and below:
            self.unsupported(f"\\max_… is {what}, not a function", span, words.INSTEAD[what])
        if command not in words.NOT_READ:
            return
        opens = _opens.match(self.text, span[1]) is not None
        if command == "min" and opens and not below and (reason := refused(command)):
            raise reason.located(self.text, span)
        if command in ("sum", "prod"):
            hint = f"Write \\{command}_{{i=1}}^N with the index i below, or \\operatorname{{{command}}}(x)."
            self.unsupported(f"this \\{command} has no index", span, hint)
        if below or command not in self.stream.names.words:
            what = words.NOT_READ[command]
            hint = words.INSTEAD.get(what, "") or VECTORS
            self.unsupported(f"\\{command} begins {what}, which is not in the language", span, hint)

    def refuse_expectation(self, command: str, span: Span) -> None:
        if command in ("mathbb", "mathds", "mathbbm") and (m := _set.match(self.text, span[1])):
            what = {"E": "an expectation", "P": "a probability", "V": "a variance"}.get(m[1], "a set")
            message = f"\\{command}{{{m[1]}}} is {what}, which is not in the language"
            self.unsupported(message, (span[0], m.end()), "")
        if m := _expected.match(self.text, span[0]):
            hint = "Write the function inside, or a mean over the data."
            self.unsupported("an expectation is not in the language", m.span(), hint)

    def unsupported(self, message: str, span: Span, hint: str) -> NoReturn:
        raise UnsupportedError(message, text=self.text, span=span, hint=hint)


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
