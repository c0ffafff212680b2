"""Names, functions and constants in LaTeX."""

from __future__ import annotations

import re

from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import plain_name
from matdiff.parsing.latex_names import Name, blank, name_at, script_extent
from matdiff.parsing.latex_scripts import Scripts, transposed
from matdiff.parsing.stream import number
from matdiff.refusals import refused
from matdiff.syntax import Span, Tree

SIZED = {"0": "zeros", "1": "ones", "I": "eye", "K": "K"}
_braced = re.compile(r"\s*_\s*\{")
_entry = re.compile(r"\s*_\s*\{[^{},:]{0,40}[,:]")
_power = re.compile(r"\s*\^\s*(?:\{\s*(\d{1,3})\s*\}|(\d))")
_index = re.compile(r"\s*\^\s*\{\s*\(\s*([A-Za-z0-9]{1,9})\s*\)\s*\}")
_inverses = ("sin", "cos", "tan")
_next_open = re.compile(r"(?:\s|\\[,;:! ]|\\(?:left|[bB]igg?l?)\b)*(\(|\[|\\\{|\\lbrace\b|\{)")


class Calls(Scripts):
    """What a name turns out to be: a variable, a function, ones, an entry."""

    def named(self, name: Name | None) -> int:
        """A name with its scripts; before a parenthesis, or if it is a function's, a call."""
        assert name is not None
        if after := self.constant(name) or self.indexed(name):
            return after
        sub, end, power = ("", name.end, -1) if name.sub else self.scripts(name.end)
        if power < 0 and (m := _index.match(self.text, max(end, name.end), self.end)):
            sub, end = (sub or name.sub) + m[1], m.end()
        value = name.value + ("_" + sub if sub else "")
        end = max(end, name.end)
        span = (name.start, end)
        if not name.value.isascii():
            value = plain_name(value, self.text, name.start)
        if self.special(name, value, sub or name.sub, span):
            return self.superscript_from(power) if power >= 0 else end
        if "," in value or ":" in value:
            self.stream.refuse("an index behind a superscript", span, "Write A_{1,2}^\\top.")
        if (
            name.value == "e"
            and not sub
            and "e" not in self.stream.names.variables
            and (after := self.exponential(span))
        ):
            return after
        if name.upright and value != "d" and (function := self.function(value)):
            return self.apply(function, span)
        if name.upright and (reason := refused(value.partition("_")[0])):
            raise reason.located(self.text, span)
        if name.upright and value == "d" and (of := name_at(self.stream, end, self.pairs)):
            self.stream.push("NAME", Tree("name", (), "d" + of.value, (name.start, of.end)))
            return of.end
        if name.bold:
            self.stream.names.bold.setdefault(value, (name.bold, span))
        self.stream.push("NAME", Tree("name", (), value, span))
        return self.superscript_from(power) if power >= 0 else end

    def constant(self, name: Name) -> int:
        r"""\mathbf{1}_{m \times n}, 0_n, I_n, K_{m,n}: calls, sizes being expressions.  Returns 0 for others."""
        function = SIZED.get(name.value, "")
        brace = _braced.match(self.text, name.end)
        if not function or not brace or name.value in self.stream.names.variables:
            return 0
        if name.value == "K" and not _entry.match(self.text, name.end):
            return 0
        self.stream.push("FUNC", Tree("name", (), function, (name.start, name.end)))
        self.stream.open("LPAR", "RPAR", (brace.end() - 1, brace.end()), "{")
        self.sizes.append(len(self.stream.stack))
        return brace.end()

    def indexed(self, name: Name) -> int:
        """A_{1,2}, x_{1:n}: the name alone, its subscript is an index.  Returns 0 for names like W_{12}."""
        if not _entry.match(self.text, name.end):
            return 0
        value = name.value if name.value.isascii() else plain_name(name.value, self.text, name.start)
        self.stream.push("NAME", Tree("name", (), value, (name.start, name.end)))
        return name.end

    def special(self, name: Name, value: str, sub: str, span: Span) -> bool:
        """Ones, zeros and identities, and their sizes where those are single letters or stand behind a superscript."""
        base = name.value.partition("_")[0] if sub else name.value
        call = {"1": "ones", "0": "zeros"}.get(base) or (
            "eye" if base == "I" and sub and value not in self.stream.names.variables else ""
        )
        if call:
            sizes = [s for s in re.split(r"×|,|\\times", sub) if s]
            if not sizes:
                call, sizes = ("vector", ["1"]) if call == "ones" else ("", [])
            if not call:
                self.stream.push("NUMBER", Tree("number", (), 0, span))
            else:
                self.emit_call(call, sizes, span)
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
            if item.isdigit():
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
        if power := _power.match(self.text, span[1], self.end):
            exponent = Tree("number", (), int(power[1] or power[2]), power.span())
            tree, span = Tree("name", (exponent,), function, span), (span[0], power.end())
        m = _next_open.match(self.text, span[1], self.end)
        after = self.text[span[1] : span[1] + 20].lstrip()[:1]
        if after and after in "^_":
            hint = f"Write \\{function}(x)^2, or 1/\\{function}(x)."
            if function in _inverses and after == "^":
                hint = f"Write \\arc{function}(x) for the inverse function, 1/\\{function}(x) for the reciprocal."
            elif after == "_":
                hint = "Write \\log(x)/\\log(2)." if function == "log" else ""
            self.stream.refuse(f"a function cannot have this script: {function}{after}", (span[0], span[1] + 1), hint)
        if m is None:
            self.stream.push("APPLY", tree)
            return span[1]
        self.stream.push("FUNC", tree)
        self.stream.open("LPAR", "RPAR", m.span(1))
        return m.end()
