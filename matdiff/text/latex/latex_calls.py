"""Names, functions and constants in LaTeX."""

from __future__ import annotations

import re
from functools import cached_property

from matdiff.core.op import spellings
from matdiff.core.patterns import deferred
from matdiff.text.advice import refused
from matdiff.text.characters import plain_name
from matdiff.text.latex.latex_doubts import Doubts
from matdiff.text.latex.latex_exponents import LONGEST, Exponent, exponent
from matdiff.text.latex.latex_places import blank, script_extent
from matdiff.text.latex.names import Name, function_of, greek_kind, name_at
from matdiff.text.latex_hints import PHRASES, TEXT
from matdiff.text.tokens import number
from matdiff.text.tree import ENTRIES, Span, Tree

NO_EXPONENT = Exponent()
SIZED = {"0": "zeros", "1": "ones", "I": "eye", "K": "K"}
_braced = deferred(r"\s*_\s*\{")
_entry = deferred(r"\s*_\s*\{(?:[^{},:]|\{(?:[^{}]|\{[^{}]*\}){0,40}\}){0,40}[,:]")
_power = deferred(r"\s*\^\s*(?:\{\s*(\d{1,3})\s*\}|(\d))")
_entries = deferred(r"\s*\^\s*(?:\{\s*\\(?:odot|circ)\s*\}|\\(?:odot|circ)(?![A-Za-z]))")
r"""\exp^{\odot}: the function of every entry."""
_square = deferred(r"\s*_\s*\{\s*(\w+)\s*\\times\s*(\w+)\s*\}")
_logarithm = deferred(r"\s*_\s*(?:\{\s*(\d+)\s*\}|(\d))")
_next_open = deferred(r"(?:\s|\\[,;:! ]|\\(?:left|[bB]igg?l?)\b)*(\(|\[|\\\{|\\lbrace\b|\{)")


def joint(below: str, above: str) -> str:
    """What stands between an index below and one above: x_i1 for x_i^{(1)}, but W_1u1 for W_1^{(1)}, no W_{11}."""
    if not below or above == "star":
        return "_"
    return "u" if below[-1].isdigit() and above[0].isdigit() else ""


_summed = deferred(
    r"(?:sum|prod)\s*(?:\\(?:no)?limits\s*)?_\s*(\{[^{}]{0,60}(?:\{[^{}]{0,20}\}[^{}]{0,60}){0,4}\}|[a-z]{1,3})"
)
_commands = deferred(r"\\[A-Za-z]+|[^a-z]")
_mark = r"\+|-(?!\s*[\d\\A-Za-z])|\\prime|\(\s*\d\s*\)|[apn](?![A-Za-z])"
_marked = deferred(
    rf"\s*_\s*\{{?\s*(?P<below>[a-z])\s*\}}?(?:(?P<tick>['′’])|\s*\^\s*(?P<above>\{{\s*(?:{_mark})\s*\}}|(?:{_mark})))"
    rf"|(?:(?P<first>['′’])|\s*\^\s*(?P<before>\{{\s*(?:{_mark})\s*\}}|(?:{_mark})))\s*_\s*\{{?\s*(?P<last>[a-z])\s*\}}?"
)
_above = deferred(r"([a-z])(?:_\{?[a-z]\}?)?\^\s*\{?\s*([apn])(?![A-Za-z])")
_transposes = deferred(r"\\(?:top|intercal)(?![A-Za-z])|\^\s*\{?\s*(?:T(?![A-Za-z])|\\(?:mathsf|mathrm|rm)\s*\{?\s*T)")
_distribution = deferred(r"\\(?:log|ln)\s*(?:\\left\s*)?[\[({]?\s*(?:1\s*-\s*)?\\Phi(?![A-Za-z])")
_bound = re.compile(r"\\(?:sum|prod)(?![A-Za-z])(?!\s*(?:\\(?:no)?limits\s*)?_)|_\s*\{?\s*[ij]\b|[ij]\s*=")
"""Where i and j are indices: below, or of a sum that does not say its own."""


class Calls(Doubts):
    """What a name turns out to be: a variable, a function, ones, an entry."""

    def named(self, name: Name | None) -> int:
        """A name with its scripts; before a parenthesis, or if it is a function's, a call."""
        assert name is not None
        name = self.differential(name)
        if name.value in ("i", "j") and self.unit_name(name):
            one = Tree("number", (), 1, (name.start, name.end))
            self.stream.push("NUMBER", Tree("call", (one,), "imaginary", one.span))
            return name.end
        if not self.head and (after := self.constant(name) or self.indexed(name)):
            return after
        if self.summed and (after := self.distinguished(name)):
            return after
        sub, end, power = ("", name.end, -1) if name.sub else self.scripts(name.end)
        end = max(end, name.end)
        script, place = self.raised(power if power >= 0 else end)
        value = plain_name(name.value, self.text, name.start) + ("_" + sub if sub else "")
        if script.index:
            value += joint(sub or name.sub, script.index) + script.index
            end, power = place[1], -1
        span = (name.start, end)
        if after := self.called(name, value, sub, span):
            return after
        if not self.special(name, value, sub or name.sub, span):
            if ("," in value or ":" in value) and not self.head:
                self.stream.refuse("an index behind a superscript", span, "Write A_{1,2}^\\top.")
            bold = name.bold or (greek_kind(name.value) if name.start < self.bold_until else "")
            if bold:
                self.stream.names.bold.setdefault(value, (bold, span))
            self.stream.push("NAME", Tree("name", (), value, span))
        if script.index:
            return self.mark(script, place)
        return self.superscript_from(power) if power >= 0 else end

    @cached_property
    def summed(self) -> frozenset[str]:
        """The letters below the sums of the text."""
        return frozenset("".join(_commands.sub("", m[1]) for m in _summed.finditer(self.text)))

    def distinguished(self, name: Name) -> int:
        r"""z_i', z_i^+, x_i^{(1)} and x_i^a beside x_i^p are names of their own; 0 for others."""
        m = _marked.match(self.text, name.end) if not name.sub and name.value[:1].islower() else None
        if m is None or name.value in self.stream.names.variables:
            return 0
        index, mark = m["below"] or m["last"], (m["tick"] or m["above"] or m["first"] or m["before"]).strip("{}() ")
        if index not in self.summed or mark in self.summed:
            return 0
        if mark in ("'", "′", "’", "\\prime"):
            suffix = "prime" if _transposes.search(self.text) else ""
        elif mark in "apn":
            others = _above.findall(self.text)
            suffix = mark if len({b for a, b in others if a == name.value} & set("apn")) > 1 else ""
        else:
            suffix = {"+": "plus", "-": "minus"}.get(mark, mark)
        if not suffix:
            return 0
        value, written = f"{name.value}_{suffix}_{index}", self.text[name.start : m.end()]
        self.stream.names.remarks[f"{written} is a name of its own, {value}"] = None
        self.stream.push("NAME", Tree("name", (), value, (name.start, m.end())))
        return m.end()

    def unit_name(self, name: Name) -> bool:
        r"""Whether an i or j is the imaginary unit: declared nowhere, bound by no sum, and no index."""
        names, stack = self.stream.names, self.stream.stack
        if self.head or name.sub or name.value in names.variables or name.value in names.sizes:
            return False
        if any(closer == "RSQB" for closer, _, _ in stack):
            return False
        if not name.upright and (name.value in self.summed or _bound.search(self.text)):
            return False
        following = blank(self.text, name.end)
        return not self.text.startswith("_", following)

    def differential(self, name: Name) -> Name:
        r"""The name dX of \mathrm{d}X; other names as they are."""
        of = name_at(self.stream, name.end, self.pairs) if name.upright and name.value == "d" else None
        return name if of is None else Name("d" + of.value, name.start, of.end, False, of.sub)

    def raised(self, at: int) -> tuple[Exponent, Span]:
        """What the superscript at this place says that is no power, and where it stands."""
        end = script_extent(self.text, at, self.pairs)
        if end <= at or end - at > LONGEST:
            return NO_EXPONENT, (at, at)
        start = self.text.index("^", at)
        return exponent(self.text[start + 1 : end].strip()) or NO_EXPONENT, (start, end)

    def called(self, name: Name, value: str, sub: str, span: Span) -> int:
        """Functions, and what is read with what follows: e^x, dX, \\sigma_1(X).  Returns 0 for a variable."""
        names = self.stream.names
        if value == "e" and "e" not in names.variables and (after := self.exponential(span)):
            return after
        if value == "Phi" and value not in names.variables and _distribution.search(self.text):
            names.remarks["Φ(…) is read as the distribution function of the standard normal law"] = None
            return self.apply("normcdf", span)
        if value == "Gamma" and value not in names.variables and self.logarithm(span):
            del self.stream.kinds[-1:], self.stream.values[-1:]
            return self.apply("lgamma", span)
        function = function_of(names, value) if name.upright and value != "d" else ""
        if function and not (self.head and function != value):
            derivative = value in names.functions and self.text.startswith("'", blank(self.text, span[1]))
            return 0 if derivative else self.apply(function, span)
        if value in names.variables:
            return self.undecided(name, value, sub, span)
        if name.upright and value.lower() in PHRASES:
            what, hint = PHRASES[value.lower()]
            if not self.head or what is TEXT[0]:
                self.stream.refuse(f"{self.text[slice(*span)]} is {what}", span, hint)
        if name.upright and (reason := refused(value.partition("_")[0])) and not self.head:
            raise reason.located(self.text, span)
        return self.undecided(name, value, sub, span)

    def logarithm(self, span: Span) -> bool:
        r"""Whether \\log stands before and a parenthesis behind: \\log\\Gamma(y)."""
        opens = self.text.startswith(("(", "\\left"), blank(self.text, span[1]))
        return opens and self.stream.kinds[-1:] == ["APPLY"] and self.stream.values[-1].value in ("log", "ln")

    def constant(self, name: Name) -> int:
        r"""\mathbf{1}_{m \times n}, 0_n, I_n, K_{m,n}: calls, sizes being expressions.  Returns 0 for others."""
        function = SIZED.get(name.value, "")
        if function == "eye" and (m := _square.match(self.text, name.end)) and m[1] == m[2]:
            self.emit_call(function, [m[1]], (name.start, m.end()))
            return m.end()
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
        if end <= at + 1 and self.text.startswith("(", start := blank(self.text, at + 1)):
            self.stream.push("FUNC", Tree("name", (), "e^", span))
            return start
        body = self.text[at + 1 : min(end, at + 40)].strip()
        script = exponent(body)
        if not body or (script is not None and script.turned):
            return 0
        tree = Tree("name", (), "e^", span)
        if body[0] == "{":
            self.stream.push("FUNC", tree)
            brace = self.text.index("{", at)
            self.stream.open("LPAR", "RPAR", (brace, brace + 1), "{")
            return brace + 1
        return self.short_exponential(tree, at, end)

    def short_exponential(self, tree: Tree, at: int, end: int) -> int:
        """e^x, e^2: the power is read, and made a call."""
        after = self.short_power(at, blank(self.text, at + 1), end)
        at = len(self.stream.kinds) - 1
        while self.stream.kinds[at] != "CARET":
            at -= 1
        place = self.stream.values[at]
        self.stream.kinds[at : at + 1], self.stream.values[at : at + 1] = ["FUNC", "LPAR"], [tree, place]
        self.stream.push("RPAR", (after - 1, after))
        return after

    def apply(self, function: str, span: Span) -> int:
        r"""With parentheses a call, without them the next factor is the argument; \sin^2(x) is refused."""
        self.stream.foreign |= function in self.stream.names.spellings
        tree = Tree("name", (), function, span)
        if power := _power.match(self.text, span[1], self.end):
            exponent = Tree("number", (), int(power[1] or power[2]), power.span())
            tree, span = Tree("name", (exponent,), function, span), (span[0], power.end())
        if entries := _entries.match(self.text, span[1], self.end):
            tree.mark, span = ENTRIES, (span[0], entries.end())
        m = _next_open.match(self.text, span[1], self.end)
        if m and m[1] == "{" and (inner := name_at(self.stream, m.start(1), self.pairs)) and inner.upright:
            m = None
        base = _logarithm.match(self.text, span[1]) if function == "log" else None
        if base is not None and (base[1] or base[2]) in ("2", "10"):
            return self.apply(f"log{base[1] or base[2]}", (span[0], base.end()))
        after = self.text[span[1] : span[1] + 20].lstrip()[:1]
        if after and after in "^_":
            hint = f"Write \\{function}(x)^2, or 1/\\{function}(x)."
            if after == "^" and f"arc{function}" in spellings:
                hint = f"Write \\arc{function}(x) for the inverse function, 1/\\{function}(x) for the reciprocal."
            elif after == "_":
                hint = f"Write \\log(x)/\\log({base[1] or base[2] if base else 2})." if function == "log" else ""
            self.stream.refuse(f"a function cannot have this script: {function}{after}", (span[0], span[1] + 1), hint)
        if m is None:
            self.stream.push("APPLY", tree)
            return span[1]
        self.stream.push("FUNC", tree)
        self.stream.open("LPAR", "RPAR", m.span(1))
        return m.end()
