"""Names, functions and constants in LaTeX."""

from __future__ import annotations

import re

from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import plain_name
from matdiff.parsing.latex_names import Name, blank, name_at, script_extent
from matdiff.parsing.latex_scripts import Scripts, transposed
from matdiff.parsing.stream import number
from matdiff.syntax import Span, Tree

_next_open = re.compile(r"(?:\s|\\[,;:! ]|\\(?:left|[bB]igg?l?)\b)*(\(|\[|\\\{|\\lbrace\b|\{)")


class Calls(Scripts):
    """What a name turns out to be: a variable, a function, ones, an entry."""

    def named(self, name: Name | None) -> int:
        """A name with its scripts; before a parenthesis, or if it is a function's, a call."""
        assert name is not None
        sub, end, power = ("", name.end, -1) if name.sub else self.scripts(name.end)
        value = name.value + ("_" + sub if sub else "")
        end = max(end, name.end)
        span = (name.start, end)
        if not name.value.isascii():
            value = plain_name(value, self.text, name.start)
        if self.special(name, value, sub or name.sub, span):
            return self.superscript_from(power) if power >= 0 else end
        if (
            name.value == "e"
            and not sub
            and "e" not in self.stream.names.variables
            and (after := self.exponential(span))
        ):
            return after
        if name.upright and value != "d" and (function := self.function(value)):
            return self.apply(function, span)
        if name.upright and value == "d" and (of := name_at(self.stream, end, self.pairs)):
            self.stream.push("NAME", Tree("name", (), "d" + of.value, (name.start, of.end)))
            return of.end
        self.stream.push("NAME", Tree("name", (), value, span))
        return self.superscript_from(power) if power >= 0 else end

    def special(self, name: Name, value: str, sub: str, span: Span) -> bool:
        """Ones, zeros and identities with their sizes, and entries A_{1,2}."""
        base = name.value.partition("_")[0] if sub else name.value
        call = {"1": "ones", "0": "zeros"}.get(base) or (
            "eye" if base == "I" and sub and value not in self.stream.names.variables else ""
        )
        if base == "K" and "," in sub and base not in self.stream.names.variables:
            call = "K"
        if call:
            sizes = [s for s in re.split(r"×|,|\\times", sub) if s]
            if not sizes:
                call, sizes = ("vector", ["1"]) if call == "ones" else ("", [])
            if not call:
                self.stream.push("NUMBER", Tree("number", (), 0, span))
            else:
                self.emit_call(call, sizes, span)
            return True
        if "," in sub:
            self.stream.push("NAME", Tree("name", (), base, span))
            self.stream.push("INDEX", span)
            self.emit_list(sub.split(","), span)
            self.stream.push("RSQB", span)
            return True
        return False

    def emit_call(self, function: str, arguments: list[str], span: Span) -> None:
        self.stream.push("FUNC", Tree("name", (), function, span))
        self.stream.push("LPAR", span)
        self.emit_list(arguments, span)
        self.stream.push("RPAR", span)

    def emit_list(self, items: list[str], span: Span) -> None:
        for i, item in enumerate(items):
            if i:
                self.stream.push("COMMA", span)
            if item == ":":
                self.stream.push("COLON", span)
            elif item.isdigit():
                self.stream.push("NUMBER", number(self.stream, item, span))
            else:
                self.stream.push("NAME", Tree("name", (), item, span))

    def exponential(self, span: Span) -> int:
        r"""e^{…} is a call of the exponential; returns 0 if it is none, as e^\top, a vector's transpose."""
        at = blank(self.text, span[1])
        if self.text[at : at + 1] != "^":
            return 0
        end = script_extent(self.text, at, self.pairs)
        body = self.text[at + 1 : min(end, at + 40)].strip()
        if not body or transposed.match(body[1:-1] if body[:1] == "{" else body):
            return 0
        tree = Tree("name", (), "e^", span)
        if body[0] == "{":
            self.stream.push("FUNC", tree)
            brace = self.text.index("{", at)
            self.stream.open("LPAR", "RPAR", (brace, brace + 1), "{")
            return brace + 1
        after = self.short_power(at, blank(self.text, at + 1), end)
        at = len(self.stream.kinds) - 1
        while self.stream.kinds[at] != "CARET":
            at -= 1
        place = self.stream.values[at]
        self.stream.kinds[at : at + 1], self.stream.values[at : at + 1] = ["FUNC", "LPAR"], [tree, place]
        self.stream.push("RPAR", (after - 1, after))
        return after

    def function(self, name: str) -> str:
        """The language's name of a function as LaTeX writes it, or nothing."""
        names = self.stream.names
        for candidate in (name, words.RENAMED.get(name, name), name.lower()):
            if candidate in names.words or candidate in names.functions or candidate in ("eye", "ones", "zeros"):
                return candidate
        opens = len(name) > 1 and name not in names.variables and name in words.FUNCTIONS
        return words.RENAMED.get(name, name) if opens else ""

    def apply(self, function: str, span: Span) -> int:
        r"""With parentheses a call, without them the next factor is the argument; \sin^2(x) is refused."""
        tree = Tree("name", (), function, span)
        m = _next_open.match(self.text, span[1], self.end)
        after = self.text[span[1] : span[1] + 20].lstrip()[:1]
        if after and after in "^_":
            self.stream.refuse(
                f"a function cannot have a script of its own: {function}{after}",
                (span[0], span[1] + 1),
                "Write \\sin(x)^2.",
            )
        if m is None:
            self.stream.push("APPLY", tree)
            return span[1]
        self.stream.push("FUNC", tree)
        self.stream.open("LPAR", "RPAR", m.span(1))
        return m.end()
