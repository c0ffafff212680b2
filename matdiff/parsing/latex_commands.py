"""Commands of LaTeX that are neither names nor functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from matdiff.errors import UnsupportedError
from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import LETTER, SPACE
from matdiff.parsing.latex_exponents import bare
from matdiff.parsing.latex_hints import summed, unknown
from matdiff.parsing.latex_macros import Macros
from matdiff.parsing.latex_names import blank, function_of, name_at
from matdiff.refusals import refused
from matdiff.syntax import Span, Tree

_d = r"\s*\{\s*(?:d|\\mathrm\s*\{\s*d\s*\})"
_differential = re.compile(rf"{_d}\s*\}}{_d}")
_derivative = re.compile(rf"{_d}\s*(?:\\[A-Za-z]+|[A-Za-z](?:\([A-Za-z]\))?)\s*\}}{_d}\s*[A-Za-z\\]")
_set = re.compile(r"\s*\{?\s*([EPRNSZ])(?![a-z])")
_arg_min = re.compile(
    r"\\(?:operatorname\*?|mathop|mathrm|text|rm)[\s{]*(?:\\(?:rm|mathrm|text)[\s{]*)?arg(?:\\[,;!: ]|[\s~])+m(?:in|ax)"
)
_opens = re.compile(r"\s*(?:\\(?:left|[bB]igg?l?)\s*)?(?:\(|\\\{|\{|\[)")
_below = re.compile(r"\s*(?:\\limits)?\s*_")
_null = re.compile(r"\s*\.")
_text = re.compile(r"\s*\{([^{}]*)\}")
_symbols = re.compile(r"[A-Za-z]?|(?:\\[A-Za-z]+\s*|[A-Z])+|[-+*/=\d.]+")
"""What stands upright without being text."""
_bold = re.compile(r"[\s~]*(\\(?:mathbf|boldsymbol|bm|vec|bf)(?![A-Za-z])\s*\{?\s*[a-z])")
_environment = re.compile(r"\s*\{([A-Za-z]+\*?)\}")
_argument = re.compile(rf"[{SPACE}]*(?:(\{{)|(\d)|(\\[A-Za-z]+)|([{LETTER}]))")


TRANSPOSES = frozenset({"T", "tran", "trans", "transp", "tp", "transpose"})
"""As papers define them: X\\T."""
BLOCKS = "Matrices are written \\begin{bmatrix} A & B \\\\ C & D \\end{bmatrix}."
ENVIRONMENTS = {"vmatrix": r"Write \det for a determinant, before a bmatrix.", "Vmatrix": r"Write \| around a bmatrix."}
VECTORS = "Write the function in matrices and vectors: x'*y, sum(X), tr(A*B)."


class Commands(Macros):
    """One method a kind of command; each returns where reading goes on."""

    def on_command(self, first: int, at: int) -> int:
        command, span = self.text[first + 1 : at], (first, at)
        if command in words.IGNORED:
            return self.delimiter(command, at)
        if command in words.OPERATORS:
            if command == "cdot":
                self.dotted(span)
            separates = command == "times" and self.sizes and self.sizes[-1] == len(self.stream.stack)
            self.stream.push("COMMA" if separates else words.OPERATORS[command], span)
        elif command in words.BARS and self.head:
            self.stream.push("SEMI", span)
        elif command in words.BARS:
            return self.bar(words.BARS[command], span)
        elif command in words.OPENING:
            if positive := self.pairs.positive.get(first):
                self.positive(span, *positive)
            else:
                self.stream.open(*words.OPENING[command], span)
        elif command in words.CLOSING:
            self.stream.close(words.CLOSING[command], span)
            return self.inner_subscript(at) if command == "rangle" else at
        elif command in ("frac", "tfrac", "dfrac", "cfrac", "sfrac", "nicefrac"):
            return self.fraction(first, at)
        elif command == "sqrt":
            return self.root(span)
        elif command in ("begin", "end"):
            return self.environment(command, first, at)
        elif command == "over" and first in self.pairs.over:
            self.stream.close("RPAR", span)
            self.stream.push("SLASH", span)
            self.stream.open("LPAR", "RPAR", span)
        elif command == "\\" or (command == "mid" and self.head):
            self.stream.push("SEMI", span)
        else:
            return self.macro(command, span) or self.word(command, first, at)
        return at

    def inner_subscript(self, at: int) -> int:
        r"""\langle A, B\rangle_F is the inner product of the language; others have a matrix in between."""
        start, end = self.below(at)
        if end > at and bare(self.text[start:end]) not in ("F", "2", "HS", "fro", r"\mathbbR^n"):
            self.stream.refuse("no inner product has this subscript", (at, end), r"Write x^\top M y.")
        return end

    def delimiter(self, command: str, at: int) -> int:
        if command in ("left", "right") and (m := _null.match(self.text, at, self.end)):
            return m.end()
        return at

    def dotted(self, span: Span) -> None:
        r"""\mathbf a \cdot \mathbf x of two vectors."""
        names, text = self.stream.names, self.text
        left = self.stream.values[-1] if self.stream.kinds[-1:] == ["NAME"] else None
        if left is None or not _bold.match(text, left.span[0]) or not (m := _bold.match(text, span[1])):
            return
        right = name_at(self.stream, m.start(1), self.pairs)
        if right and text[left.span[1] : span[0]].strip() == "" and not {left.value, right.value} & names.variables:
            a, x = text[slice(*left.span)], text[right.start : right.end]
            hint = f"Write {a}^\\top {x} for the inner product, {a} \\odot {x} for the product entry by entry."
            self.stream.refuse("a product of two vectors", (left.span[0], right.end), hint)

    def word(self, command: str, first: int, at: int) -> int:
        self.refuse_word(command, (first, at))
        if command in TRANSPOSES and self.stream.after_operand():
            self.stream.push("TICK", (first, at))
            return at
        if command == "vec" and self.text.startswith("(", at):
            return self.apply("vec", (first, at))
        if command in words.FUNCTIONS or (
            command not in words.LETTERS and command not in words.STYLES and function_of(self.stream.names, command)
        ):
            function = function_of(self.stream.names, command) or words.RENAMED.get(command, command)
            return self.apply(function, (first, at))
        if command in words.BOLD:
            self.embolden(command, at)
        name = name_at(self.stream, first, self.pairs)
        if name is not None:
            return self.named(name)
        if command in words.STYLES | words.UPRIGHT:
            return self.styled(command, (first, at))
        if command in words.ACCENTS:
            hint = "For instance \\hat{y}, which is the name y_hat."
            self.stream.refuse(f"\\{command} stands over one letter only", (first, at), hint)
        divides = (
            command.isalpha() and self.stream.after_operand() and self.text[at : at + 1] not in ("{", "(", "_", "^")
        )
        divides = divides and len(command) < 4 and not any(c in self.text for c in "{}")
        hint = unknown(command, divides, self.text[at : at + 1] in ("{", "("))
        self.stream.refuse(f"unknown LaTeX command \\{command}", (first, at), hint)

    def embolden(self, command: str, at: int) -> None:
        r"""In \mathbf{X\beta} and {\bf X\beta} the Greek letters are bold."""
        opening = blank(self.text, at)
        if self.text.startswith("{", opening):
            self.bold_until = self.pairs.match.get(opening, at)
        elif command in words.SWITCHES and self.stream.stack and self.stream.stack[-1][2] == "{":
            self.bold_until = self.pairs.match.get(self.stream.stack[-1][1][0], at)

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
        if command in ("mathbb", "mathds", "mathbbm") and (m := _set.match(self.text, span[1])):
            what = {"E": "an expectation", "P": "a probability"}.get(m[1], "a set")
            place = (span[0], m.end())
            message = f"\\{command}{{{m[1]}}} is {what}, which is not in the language"
            raise UnsupportedError(message, text=self.text, span=place)
        below = _below.match(self.text, span[1]) is not None
        if (m := _arg_min.match(self.text, span[0])) is not None:
            what = "an optimisation problem"
            message = f"arg min begins {what}, which is not in the language"
            raise UnsupportedError(message, text=self.text, span=m.span(), hint=words.INSTEAD[what])
        if command == "max" and below:
            hint = words.INSTEAD["an optimisation problem"]
            message = "\\max_… is an optimisation problem, not a function"
            raise UnsupportedError(message, text=self.text, span=span, hint=hint)
        if command not in words.NOT_READ:
            return
        opens = _opens.match(self.text, span[1]) is not None
        if command == "min" and opens and not below and (reason := refused(command)):
            raise reason.located(self.text, span)
        if below or command not in self.stream.names.words:
            what = words.NOT_READ[command]
            hint = words.INSTEAD.get(what, "") or (summed(self.text, span[1]) if command == "sum" else "") or VECTORS
            message = f"\\{command} begins {what}, which is not in the language"
            raise UnsupportedError(message, text=self.text, span=span, hint=hint)

    def fraction(self, first: int, at: int) -> int:
        r"""\frac{a}{b} as (a)/(b) in parentheses of its own; \frac12 takes single tokens."""
        span = (first, at)
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
            power = Tree("number", (), Fraction(1, degree), place)
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
