"""Bars, subscripts and superscripts in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable

from matdiff.parsing.latex_names import blank, bracket_pairs, name_at, script_extent, subscript
from matdiff.parsing.stream import Stream, number
from matdiff.syntax import Span, Tree

transposed = re.compile(
    r"\s*(?:\\(?:mathrm|mathsf|text|intercal|operatorname|textrm|mathtt)\s*)?\{?\s*(-?)\s*(\\top|\\intercal|\\prime|T|⊤|'|′)\s*\}?\s*\Z"
)
_raising = re.compile(r"\s*\\(?:odot|circ)(?![A-Za-z])")
_starred = re.compile(r"\s*(?:\\(?:dagger|dag)|\+)\s*\Z")


INDEXED = ("NAME", "RPAR", "RSQB")
"""What may have entries and slices in LaTeX: A_{1,2}, (AB)_{1:n,1}."""


class Scripts:
    """The state of reading, and what hangs on names and norms."""

    def __init__(self, stream: Stream, start: int, end: int) -> None:
        self.stream = stream
        self.text = stream.text
        self.end = end
        self.pairs = bracket_pairs(stream.text, start, end)
        self.sizes: list[int] = []
        """Depths of the brackets in which \\times separates sizes."""
        self.closers: dict[int, Callable[[int], int]] = {}
        """What happens at the closing brace of a group, by its place."""

    @property
    def skips(self) -> dict[int, int]:
        return self.pairs.skips

    def on_bar(self, first: int, at: int) -> int:
        if at - first == 2 and not self.stream.bar_opens("RBAR"):
            at = first + 1
        return self.bar("B" if self.text[first:at] == "|" else "N", (first, at))

    def bar(self, which: str, span: Span) -> int:
        closer = "RNORM" if which[-1] == "N" else "RBAR"
        before = self.text[max(0, span[0] - 12) : span[0]].rstrip()
        left = (
            "L"
            if before.endswith(("\\left", "igl", "iggl"))
            else "R"
            if before.endswith(("\\right", "igr", "iggr"))
            else which[:-1]
        )
        if left == "L" or (not left and self.stream.bar_opens(closer)):
            self.stream.open("L" + closer[1:], closer, span)
            return span[1]
        if closer == "RBAR":
            self.stream.close(closer, span)
            return span[1]
        name, sub_end, power = self.scripts(span[1])
        self.stream.close(
            closer, span, ((span[0], max(span[1], sub_end)), self.norm(name, (span[0], max(span[1], sub_end))))
        )
        return self.superscript_from(power) if power >= 0 else max(span[1], sub_end)

    def norm(self, name: str, span: Span) -> str:
        found = {
            "": "",
            "2": "2",
            "F": "F",
            "1": "1",
            "infty": "inf",
            "inf": "inf",
            "*": "*",
            "fro": "F",
            "Fro": "F",
        }.get(name)
        if found is None:
            self.stream.refuse(
                f"no norm is called ‖·‖_{name}", span, "There are ‖x‖, ‖x‖_2, ‖X‖_F, ‖x‖_1, ‖x‖_inf and ‖X‖_*."
            )
        return found

    def scripts(self, at: int) -> tuple[str, int, int]:
        """Subscript after `at`, where it ends, and where a superscript that stands before it begins (or -1)."""
        name, end = subscript(self.stream, at, self.pairs)
        if end > at:
            return name, end, -1
        behind = script_extent(self.text, at, self.pairs)
        if behind > at:
            name, end = subscript(self.stream, behind, self.pairs)
            if end > behind:
                self.skips[behind] = end
                return name, at, at
        return "", at, -1

    def on_script(self, first: int, at: int) -> int:
        if self.text[first] == "_":
            end = self.skips.pop(first, 0)
            if end:
                return end
            brace = blank(self.text, at)
            if self.stream.kinds and self.stream.kinds[-1] in INDEXED and self.text.startswith("{", brace):
                self.stream.open("INDEX", "RSQB", (first, brace + 1), "{")
                return brace + 1
            self.stream.refuse(
                "a subscript belongs to a name or a norm", (first, at), "Write W_1, W_{12}, or \\|x\\|_2."
            )
        return self.superscript_from(first)

    def superscript_from(self, at: int) -> int:
        """`^` and its argument: a transpose, a power, an elementwise power or the pseudoinverse."""
        at = self.text.index("^", at)
        end = script_extent(self.text, at, self.pairs)
        if end <= at + 1:
            self.stream.refuse("`^` has no exponent", (at, at + 1), "Write X^2, X^{-1} or X^\\top.")
        body = self.text[at + 1 : min(end, at + 60)].strip()
        inner = body[1:-1] if body[:1] == "{" else body
        span = (at, end)
        if len(body) < 50 and (m := transposed.match(inner)):
            self.stream.push("INVT" if m[1] else "TICK", span)
            return end
        if inner.strip() in ("*", "H", "\\ast") and inner.strip() not in self.stream.names.variables:
            self.stream.refuse("there is no conjugate transpose: all variables are real", span, "Write X^\\top.")
        if len(body) < 50 and _starred.match(inner):
            self.stream.push("PINV", span)
            return end
        return self.power(at, end)

    def power(self, at: int, end: int) -> int:
        start = blank(self.text, at + 1)
        if self.text[start] != "{":
            return self.short_power(at, start, end)
        dotted = _raising.match(self.text, start + 1)
        self.stream.push("DOTCARET" if dotted else "CARET", (at, at + 1))
        m = re.compile(r"\s*([-−]?)\s*(\d+)\s*\}").match(self.text, dotted.end() if dotted else start + 1)
        if m and len(m[2]) <= 300:
            value = int(m[2]) * (-1 if m[1] else 1)
            self.stream.push("NUMBER", Tree("number", (), value, (start, m.end())))
            return m.end()
        self.stream.open("LPAR", "RPAR", (start, start + 1), "{")
        return dotted.end() if dotted else start + 1

    def short_power(self, at: int, start: int, end: int) -> int:
        """x^2, x^n, x^-1, e^\\lambda: one token is the exponent."""
        self.stream.push("CARET", (at, at + 1))
        if self.text[start] in "-−":
            self.stream.push("MINUS", (start, start + 1))
            start = blank(self.text, start + 1)
        if self.text[start].isdigit():
            if self.text[end : end + 1].isdigit():
                self.stream.refuse("LaTeX takes one digit as the exponent here", (start, end + 1), "Write x^{12}.")
            self.stream.push("NUMBER", number(self.stream, self.text[start:end], (start, end)))
            return end
        name = name_at(self.stream, start, self.pairs, scripts=False)
        if name is None:
            self.stream.refuse("this exponent needs braces", (at, end), "Write x^{…}.")
        self.stream.push("NAME", Tree("name", (), name.value, (start, name.end)))
        return name.end
