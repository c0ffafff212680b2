"""The state of reading LaTeX, and its subscripts and superscripts."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.patterns import deferred
from matdiff.text.latex import latex_norms as norms
from matdiff.text.latex.latex_exponents import LONGEST, Exponent, bare, exponent, starred, upright_t
from matdiff.text.latex.latex_places import blank, bracket_pairs, script_extent
from matdiff.text.latex.names import name_at, subscript
from matdiff.text.tokens import Stream, letters, number
from matdiff.text.tree import Span, Tree

_loose_transpose = deferred(r"(?<!\^)(?<!\^\{)\\top(?![A-Za-z])")
_raising = deferred(r"\s*\\(?:odot|circ)(?![A-Za-z])")
_norm = deferred(r"\{\s*(?:\\left\s*)?(?:\\\||\\l?Vert|\|\||‖)")
_power_in_parentheses = deferred(r"\s*\((?!\s*\w\s*\))[^()]*\)")
r"""x^(1/2), as in plain text; x^(k) is an index."""
_digit = deferred(r"\d(?!\d)")
_whole = deferred(r"\s*([-−]?)\s*(\d+)\s*\}")
_part = deferred(r"\s*\d+(?:\.\d+)?\s*[-+−]")
"""What stands in a positive part (1 - x)^+ and in no matrix."""

CONJUGATES = frozenset({"H", "*", "\\ast", "\\dagger", "\\dag", "†"})
INDEXED = ("NAME", "RPAR", "RSQB")
"""What may have entries and slices in LaTeX: A_{1,2}, (AB)_{1:n,1}."""


class Scripts:
    """The parts of the reader share this state; each next one is built on those before."""

    def __init__(self, stream: Stream, start: int, end: int, text_behind: str = "") -> None:
        self.stream = stream
        self.text = stream.text
        self.end = end
        self.pairs = bracket_pairs(stream.text, start, end)
        self.sizes: list[int] = []
        """Depths of the brackets in which \\times separates sizes."""
        self.closers: dict[int, Callable[[int], int]] = {}
        """What happens behind the closing brace of a group, by its place."""
        self.ends: dict[int, Callable[[Span], int]] = {}
        """What a closing brace is instead of a parenthesis, by its place."""
        self.counts: list[tuple[int, str]] = []
        """Depths of the brackets of \\sigma_k(…), and the k that is their second argument."""
        self.bold_until = start
        """Where a bold group that is more than a name ends."""
        self.head = text_behind in ("=", ":")
        """Whether this is the left side of a definition."""

    @property
    def skips(self) -> dict[int, int]:
        return self.pairs.skips

    def below(self, at: int) -> Span:
        """Where the subscript that follows `at` begins, without its `_`, and where it ends."""
        start = blank(self.text, at)
        if self.text[start : start + 1] != "_":
            return at, at
        start = blank(self.text, start + 1)
        if self.text[start : start + 1] == "{":
            return start, self.pairs.match.get(start, start) + 1
        return start, subscript(self.stream, at, self.pairs)[1]

    def braced_norm(self, at: int) -> int:
        r"""{\|x\|}_2: the subscript of the norm that the braces hold.  Returns 0 for others."""
        start, end = self.below(at)
        opening = self.pairs.opening.get(self.stream.values[-1][0], -1)
        name = norms.NAMES.get(bare(self.text[start:end]))
        place, before = self.stream.values[-2]
        if name is None or before or opening < 0 or not _norm.match(self.text, opening):
            return 0
        self.stream.values[-2] = (place, name)
        return end

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
            if self.stream.kinds[-2:] == ["RNORM", "RPAR"] and (end := self.braced_norm(first)):
                return end
            if self.stream.kinds and self.stream.kinds[-1] in INDEXED and self.text.startswith("{", brace):
                self.stream.open("INDEX", "RSQB", (first, brace + 1), "{")
                return brace + 1
            if self.stream.kinds[-1:] == ["RPAR"] and (m := _digit.match(self.text, brace)):
                self.stream.push("INDEX", (first, brace))
                self.stream.push("NUMBER", number(self.stream, m.group(), m.span()))
                self.stream.push("RSQB", m.span())
                return m.end()
            letter = self.text[brace : brace + 1]
            if self.stream.kinds[-1:] == ["RPAR"] and letter and letter in getattr(self, "summed", ()):
                self.stream.push("INDEX", (first, brace))
                self.stream.push("NAME", Tree("name", (), letter, (brace, brace + 1)))
                self.stream.push("RSQB", (brace, brace + 1))
                return brace + 1
            if self.text[brace : brace + 1] == "+":
                hint = "For the positive part write \\max(0, x); a name has letters and digits below."
                self.stream.refuse("is _+ the positive part?", (first, brace + 1), hint)
            self.stream.refuse(
                "a subscript belongs to a name or a norm", (first, at), "Write W_1, W_{12}, or \\|x\\|_2."
            )
        return starred(self.stream, first) or self.superscript_from(first)

    def superscript_from(self, at: int) -> int:
        """`^` and its argument: a transpose, a power, an elementwise power or the pseudoinverse."""
        at = self.text.index("^", at)
        end = script_extent(self.text, at, self.pairs)
        if end <= at + 1 and _power_in_parentheses.match(self.text, end):
            self.stream.push("CARET", (at, at + 1))
            return at + 1
        if end <= at + 1:
            self.stream.refuse("`^` has no exponent", (at, at + 1), "Write X^2, X^{-1} or X^\\top.")
        span, body = (at, end), self.text[at + 1 : min(end, at + 80)].strip()
        if after := self.conjugated(bare(body), span):
            return after
        script = exponent(body)
        if script is not None and not (script.index and not script.turned):
            if script.index:
                self.stream.refuse("only a name has an index above", span, "Name this part, or write its index below.")
            return self.mark(script, span)
        if _loose_transpose.search(body) and len(body) < LONGEST:
            self.stream.refuse("this exponent cannot be read", span, "Write one after the other: (X^{1/2})^\\top.")
        if bare(body) in ("*", "\\ast") and bare(body) not in self.stream.names.variables:
            hint = "Write X^\\top, or declare what is complex: z: n complex; ^H is the conjugate transpose always."
            if self.small():
                name = self.text[slice(*self.stream.values[-1].span)]
                hint = f"Write {name}^\\star for a point of that name, {name}^\\top for the transpose."
            self.stream.refuse("there is no conjugate transpose: all variables are real", span, hint)
        if upright_t(body) and "t" not in self.stream.names.variables:
            t = bare(body)
            hint = f"Write ^\\top for it, ^{{{t}}} for the power {t}."
            self.stream.refuse(f"is this upright {t} a transpose?", span, hint)
        return self.power(at, end)

    def conjugated(self, written: str, span: Span) -> int:
        r"""^H, and where something is declared complex ^\dagger and ^*; 0 for other exponents."""
        inverse, sign = written[:1] == "-", written.removeprefix("-")
        if sign not in CONJUGATES or (sign != "H" and not self.stream.names.complex):
            return 0
        if not self.stream.after_operand():
            return 0
        self.stream.conjugate(span, "star" if sign in ("*", "\\ast") else "ᴴ")
        if inverse:
            self.stream.kinds[-1] = "INVT"
        return span[1]

    def small(self) -> bool:
        """Whether a lower-case name stands before, which is not declared and so no matrix."""
        last = self.stream.values[-1] if self.stream.kinds[-1:] == ["NAME"] else None
        return last is not None and letters(last.value).islower() and last.value not in self.stream.names.variables

    def mark(self, script: Exponent, span: Span) -> int:
        """What an exponent says beside the index that it gives a name."""
        if script.turned and script.power == "-1":
            self.stream.push("INVT", span)
        else:
            if script.power:
                self.stream.push("SUPERSCRIPT", Tree("number", (), int(script.power), span))
            if script.turned:
                self.stream.push("TICK", span)
        if script.plus:
            self.pseudoinverse(script.plus, span)
        return span[1]

    def pseudoinverse(self, written: str, span: Span) -> None:
        r"""A^\dagger; of a lower-case name and of (1 - x)^+ something else is meant."""
        kind, value = self.stream.kinds[-1:], self.stream.values[-1:]
        if self.small():
            name = self.text[slice(*value[0].span)]
            meant = (
                f"the transpose write {name}^\\top" if written != "+" else f"the positive part write \\max(0, {name})"
            )
            hint = f"For {meant}; for a matrix declare `{value[0].value}: m×n`."
            self.stream.refuse(
                f"{written.replace(chr(92) + 'dagger', '†')} is the pseudoinverse of a matrix", span, hint
            )
        opening = self.pairs.opening.get(value[0][0], -1) if kind == ["RPAR"] else -1
        if written == "+" and opening >= 0 and _part.match(self.text, opening + 1):
            hint = "For the positive part write \\max(0, …); the pseudoinverse of a matrix is written ^\\dagger."
            self.stream.refuse("^+ is the pseudoinverse of a matrix", span, hint)
        self.stream.push("PINV", span)

    def power(self, at: int, end: int) -> int:
        start = blank(self.text, at + 1)
        if self.text[start] != "{":
            return self.short_power(at, start, end)
        dotted = _raising.match(self.text, start + 1)
        self.stream.push("DOTCARET" if dotted else "CARET", (at, at + 1))
        m = _whole.match(self.text, dotted.end() if dotted else start + 1)
        if m and len(m[2]) <= 300:
            value = int(m[2]) * (-1 if m[1] else 1)
            self.stream.push("NUMBER", Tree("number", (), value, (start, m.end())))
            return m.end()
        self.group((start, start + 1))
        return dotted.end() if dotted else start + 1

    def group(self, brace: Span) -> None:
        r"""Braces are parentheses; in {a \over b} both parts stand in parentheses of their own."""
        self.stream.open("LPAR", "RPAR", brace, "{")
        if brace[0] in self.pairs.over:
            self.stream.open("LPAR", "RPAR", brace, "{")

    def positive(self, span: Span, below: int, end: int) -> None:
        """[x]_+ and (x)_+ are max(x,0)."""
        if self.stream.kinds[-1:] == ["NAME"] and self.stream.names.callable(self.stream.values[-1].value, True):
            self.stream.refuse("which part has the subscript +?", (below, end), r"Write \max(0, f(x)).")
        self.stream.push("FUNC", Tree("name", (), "relu", span))
        self.stream.open("LPAR", "RPAR", span)
        self.skips[below] = end

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
        name = name_at(self.stream, start, self.pairs)
        if name is None:
            self.stream.refuse("this exponent needs braces", (at, end), "Write x^{…}.")
        self.stream.push("NAME", Tree("name", (), name.value, (start, name.end)))
        return name.end
