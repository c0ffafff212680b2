"""Commands of LaTeX that are neither names nor functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from matdiff.errors import UnsupportedError
from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import LETTER, SPACE
from matdiff.parsing.latex_calls import Calls
from matdiff.parsing.latex_names import name_at
from matdiff.refusals import refused
from matdiff.syntax import Span, Tree

_differential = re.compile(r"\s*\{\s*(?:d|\\mathrm\s*\{\s*d\s*\})\s*\}\s*\{\s*(?:d|\\mathrm\s*\{\s*d\s*\})")
_argument = re.compile(rf"[{SPACE}]*(?:(\{{)|(\d)|(\\[A-Za-z]+)|([{LETTER}]))")


class Commands(Calls):
    """One method a kind of command; each returns where reading goes on."""

    def on_command(self, first: int, at: int) -> int:
        command, span = self.text[first + 1 : at], (first, at)
        if command in words.IGNORED:
            return self.delimiter(command, at)
        if command in words.OPERATORS:
            separates = command == "times" and self.sizes and self.sizes[-1] == len(self.stream.stack)
            self.stream.push("COMMA" if separates else words.OPERATORS[command], span)
        elif command in words.BARS:
            return self.bar(words.BARS[command], span)
        elif command in words.OPENING:
            self.stream.open(*words.OPENING[command], span)
        elif command in words.CLOSING:
            self.stream.close(words.CLOSING[command], span)
        elif command in ("frac", "tfrac", "dfrac", "cfrac", "sfrac", "nicefrac"):
            return self.fraction(first, at)
        elif command == "sqrt":
            return self.root(span)
        elif command in ("begin", "end"):
            return self.environment(command, first, at)
        elif command == "\\":
            self.stream.push("SEMI", span)
        else:
            return self.word(command, first, at)
        return at

    def delimiter(self, command: str, at: int) -> int:
        if command in ("left", "right") and (m := re.compile(r"\s*\.").match(self.text, at, self.end)):
            return m.end()
        return at

    def word(self, command: str, first: int, at: int) -> int:
        span = (first, at)
        if command == "mathbb" and (m := re.compile(r"\s*\{?\s*([EPR])\b").match(self.text, at)):
            what = {"E": "an expectation", "P": "a probability", "R": "a set"}[m[1]]
            raise UnsupportedError(
                f"\\mathbb{{{m[1]}}} is {what}, which is not in the language", text=self.text, span=(first, m.end())
            )
        if command in words.NOT_READ:
            below = re.compile(r"\s*(?:\\limits)?\s*_").match(self.text, at)
            if command == "min" and not below and (reason := refused(command)):
                raise reason.located(self.text, span)
            if below or command not in self.stream.names.words:
                what = words.NOT_READ[command]
                raise UnsupportedError(
                    f"\\{command} begins {what}, which is not in the language",
                    text=self.text,
                    span=span,
                    hint=words.INSTEAD.get(what, "Write the function in matrices and vectors: x'*y, sum(X), tr(A*B)."),
                )
        if command in words.FUNCTIONS or (
            command not in words.LETTERS and self.function(command) and command not in words.STYLES
        ):
            if command == "max" and re.compile(r"\s*_").match(self.text, at):
                raise UnsupportedError(
                    "\\max_… is an optimisation problem, not a function",
                    text=self.text,
                    span=span,
                    hint=words.INSTEAD["an optimisation problem"],
                )
            return self.apply(self.function(command) or words.RENAMED.get(command, command), span)
        name = name_at(self.stream, first, self.pairs)
        if name is not None:
            return self.named(name)
        if command in words.STYLES | words.UPRIGHT:
            return at
        if command in words.ACCENTS:
            self.stream.refuse(
                f"\\{command} stands over one letter only", span, "For instance \\hat{y}, which is the name y_hat."
            )
        hint = (
            "A left division is written A \\ b, with a space."
            if len(command) < 4
            else "Functions are written \\operatorname{name}(…)."
        )
        self.stream.refuse(f"unknown LaTeX command \\{command}", span, hint)

    def fraction(self, first: int, at: int) -> int:
        r"""\frac{a}{b} as (a)/(b) in parentheses of its own; \frac12 takes single tokens."""
        span = (first, at)
        if m := _differential.match(self.text, at):
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
            self.stream.open("LPAR", "RPAR", m.span(1), "{")
            return m.end()
        if m[2]:
            self.stream.push("NUMBER", Tree("number", (), int(m[2]), m.span(2)))
            return then(m.end())
        name = name_at(self.stream, m.end() - len(m[3] or m[4]), self.pairs, scripts=False)
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
        m = re.compile(r"\s*\{([A-Za-z]+\*?)\}").match(self.text, at, self.end)
        name = m[1] if m else ""
        if m is None or name not in words.MATRICES:
            what = f"the environment {name}" if name else "an environment without a name"
            raise UnsupportedError(
                f"{what} is not read",
                text=self.text,
                span=(first, m.end() if m else at),
                hint="Matrices are written \\begin{bmatrix} A & B \\\\ C & D \\end{bmatrix}.",
            )
        if command == "begin":
            self.stream.open("LSQB", "RSQB", (first, m.end()), f"\\begin{{{name}}}")
        else:
            if self.stream.kinds and self.stream.kinds[-1] == "SEMI":
                self.stream.kinds.pop(), self.stream.values.pop()
            self.stream.close("RSQB", (first, m.end()))
        return m.end()
