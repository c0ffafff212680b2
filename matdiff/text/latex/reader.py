"""The lexer of LaTeX: the same tokens as plain text has, at the places of the LaTeX source."""

from __future__ import annotations

import re

from matdiff.core.patterns import deferred
from matdiff.errors import MatdiffError
from matdiff.text import moving, numbers
from matdiff.text.characters import LETTER, OPERATORS, SPACE, VULGAR, raised, unknown
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_mixed import Mixed
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.names import Name, name_at
from matdiff.text.latex.source import unwrapped as unwrapped
from matdiff.text.sums import latex_sum
from matdiff.text.tokens import Names, Stream, number
from matdiff.text.tree import FACTORIAL, Span, Tree

_token = deferred(
    rf"""[{SPACE}~]*(?:
    (?P<COMMAND>{words.COMMAND}|\\.)
  | (?P<LETTER>[{LETTER}][₀-₉]*)
  | (?P<NUMBER>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+|\d+\.(?![*/^+-]))
  | (?P<BRACE>[{{}}])
  | (?P<SCRIPT>[\^_])
  | (?P<TICK>\.?'|′|’|ᵀ|⊤|\.T(?![A-Za-z0-9_]))
  | (?P<INVT>⁻ᵀ)
  | (?P<OPERATOR>\.[*/^+−-]|\*\*|@|[+\-−–*·⋅∗×∙•/∕⁄÷⊙∘◦⊘⊗,;:=&])
  | (?P<BRACKET>[()\[\]<>⟨⟩])
  | (?P<BAR>\|\||[‖∥|])
  | (?P<RAISED>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
  | (?P<VULGAR>[{"".join(VULGAR)}])
  | (?P<END>\Z)
  | (?P<BAD>.)
  )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_logarithm = deferred(r"\s*[-−]?\s*\\(?:log|ln)(?![A-Za-z])")
"""Left of an equals sign: -\\log p(x) = …"""
_plain_index = deferred(r"\[\s*(?:\d+|:)\s*\]")


def lex(stream: Stream, start: int, end: int) -> None:
    """Tokens of text[start:end]; cut, so that no script is looked for beyond the statement."""
    behind = "" if stream.equation else stream.text[end : end + 1]
    if behind == "=" and not stream.text[start:end].strip():
        hint = "Write one of the forms that are equal."
        stream.refuse("this line goes on with `=`", (end, end + 1), hint)
    stream.text, stream.typeset = stream.text[:end], True
    reader = _Latex(stream, start, end, behind)
    logarithm = _logarithm.match(stream.text, start, end) if reader.head else None
    reader.run(logarithm.end() if logarithm else start)
    if logarithm and stream.kinds[0] in ("NAME", "FUNC"):
        stream.values[0].value = f"log {stream.values[0].value}"


def spelled_name(text: str) -> str | None:
    r"""The name that LaTeX spells; None where it is none, or more than one.

    >>> spelled_name(r"\hat{y}"), spelled_name("W_{12}"), spelled_name(r"\boldsymbol\Sigma"), spelled_name(r"x\beta")
    ('y_hat', 'W_12', 'Sigma', None)
    """
    stream = Stream(text, Names())
    stream.names.variables.add("ell")
    try:
        lex(stream, 0, len(text))
    except MatdiffError:
        return None
    return str(stream.values[0].value) if stream.kinds == ["NAME", "$END"] else None


class _Latex(Mixed):
    def run(self, at: int) -> None:
        stream = self.stream
        while True:
            before = at
            m = _token.match(self.text, at, self.end)
            assert m is not None
            kind: str = m.lastgroup or ""
            first, at = m.span(kind)
            if kind == "END":
                stream.finish(before)
                return
            if kind in ("TICK", "INVT"):
                if self.head and stream.stack:
                    continue
                stream.push(kind, (first, at))
            elif kind == "OPERATOR":
                self.operator(self.text[first:at], (first, at))
            else:
                at = getattr(self, "on_" + kind.lower())(first, at)

    def operator(self, written: str, span: Span) -> None:
        if written == "," and not self.stream.stack and self.stream.after_operand():
            hint = "Leave out what follows; definitions stand before it, sizes in declarations: r = Ax - b; x: n."
            self.stream.refuse("a formula ends at this comma, and another begins", span, hint)
        self.stream.push("COMMA" if written == "&" else OPERATORS[written], span)

    def on_bad(self, first: int, at: int) -> int:
        if self.stream.names.arrows and (after := self.derivative(first)):
            return after
        if self.text[first] == "!" and self.stream.after_operand():
            self.stream.push("METHOD", Tree("name", (), FACTORIAL, (first, at)))
            self.stream.push("RPAR", (first, at))
            return at
        if self.text[first] in "∑∏":
            return latex_sum(self.stream, (first, at), self.pairs)
        raise unknown(self.text[first], self.text, first)

    def on_number(self, first: int, at: int) -> int:
        if self.text[first:at] in ("0", "1") and self.text.startswith("_", blank(self.text, at)):
            return self.named(Name(self.text[first], first, at))
        numbers.refuse_glued(self.stream, (first, at))
        self.stream.push("NUMBER", number(self.stream, self.text[first:at], (first, at)))
        return at

    def on_vulgar(self, first: int, at: int) -> int:
        self.stream.push("NUMBER", Tree("number", (), VULGAR[self.text[first]], (first, at)))
        return at

    def on_raised(self, first: int, at: int) -> int:
        value = int(self.text[first:at][:300].translate(raised))
        self.stream.push("SUPERSCRIPT", Tree("number", (), value, (first, at)))
        return at

    def on_letter(self, first: int, at: int) -> int:
        return self.plain_word(first) or self.named(name_at(self.stream, first, self.pairs))

    def on_brace(self, first: int, at: int) -> int:
        """Braces group; what a command waits for at the closing one is in `ends` and `closers`."""
        if self.text[first] == "{":
            return self.opened(first, at)
        if end := self.ends.pop(first, None):
            return end((first, at))
        stack = self.stream.stack
        indexed = bool(stack) and stack[-1][0] == "RSQB" and stack[-1][2] == "{"
        if self.sizes and self.sizes[-1] == len(stack):
            self.sizes.pop()
        if self.pairs.opening.get(first, -1) in self.pairs.over:
            self.stream.close("RPAR", (first, at))
        self.stream.close("RSQB" if indexed else "RPAR", (first, at))
        act = self.closers.pop(first, None)
        return act(at) if act else at

    def opened(self, first: int, at: int) -> int:
        r"""{\bf x} is a name; empty braces are skipped, but for {}^t x."""
        if self.pairs.match.get(first) == at:
            if self.stream.after_operand():
                return at + 1
            if self.text.startswith("^", blank(self.text, at + 1)):
                hint = "Write it behind what it belongs to: x^\\top."
                self.stream.refuse("this superscript stands before its base", (first, at + 1), hint)
        inside = blank(self.text, at)
        if not self.text[inside : inside + 1].isdigit() and (name := name_at(self.stream, first, self.pairs)):
            return self.named(name)
        self.group((first, at))
        return at

    def on_bracket(self, first: int, at: int) -> int:
        c, span = self.text[first], (first, at)
        if c == "(" and self.stream.names.moving and (end := moving.place(self.stream, span)):
            return end
        if c in "([" and (positive := self.pairs.positive.get(first)):
            self.positive(span, *positive)
        elif c == "[" and self.stream.directions(span):
            return at
        elif c == "[" and (kind := self.square(first)):
            self.stream.open(kind, "RSQB", span, c)
        elif c in "([":
            self.stream.open("LPAR", "RPAR", span, c)
        elif c in ")]":
            self.closed(c, span)
        elif c in "<⟨":
            self.stream.open("LANGLE", "RANGLE", span, c)
        elif self.stream.stack and self.stream.stack[-1][0] != "RANGLE":
            hint = r"There are no comparisons; \max(0, x) is in the language, \langle A, B\rangle is the inner product."
            self.stream.refuse(f"`{c}` is a relation, which is not in the language", span, hint)
        else:
            self.stream.close("RANGLE", span)
        return at

    def closed(self, bracket: str, span: Span) -> None:
        stack = self.stream.stack
        if self.counts and self.counts[-1][0] == len(stack):
            self.stream.push("COMMA", span)
            count = self.counts.pop()[1]
            if count.isdigit():
                self.stream.push("NUMBER", number(self.stream, count, span))
            else:
                self.stream.push("NAME", Tree("name", (), count, span))
        self.stream.close("RSQB" if bracket == "]" and stack and stack[-1][0] == "RSQB" else "RPAR", span)

    def square(self, at: int) -> str:
        """[A, B; C, D] is a block, x[3] and A[1,2] have an index; any other [ is a parenthesis."""
        inside = self.pairs.lists.get(at, "")
        touching = self.stream.kinds and self.stream.kinds[-1] in ("NAME", "RPAR") and self.stream.values[-1:]
        if touching and (inside == "," or _plain_index.match(self.text, at)):
            return "INDEX"
        return "LSQB" if inside else ""
