"""The lexer of LaTeX: the same tokens as plain text has, at the places of the LaTeX source."""

from __future__ import annotations

import re

from matdiff.errors import MatdiffError
from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import LETTER, OPERATORS, SPACE, VULGAR, raised, unknown
from matdiff.parsing.latex_commands import Commands
from matdiff.parsing.latex_names import Name, blank, name_at
from matdiff.parsing.stream import Names, Stream, number
from matdiff.syntax import Span, Tree

_token = re.compile(
    rf"""[{SPACE}~]*(?:
    (?P<COMMAND>\\(?:[A-Za-z]+\*?|.))
  | (?P<LETTER>[{LETTER}][₀-₉]*)
  | (?P<NUMBER>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+|\d+\.(?![*/^+-]))
  | (?P<BRACE>[{{}}])
  | (?P<SCRIPT>[\^_])
  | (?P<TICK>\.?'|′|’|ᵀ|⊤)
  | (?P<INVT>⁻ᵀ)
  | (?P<OPERATOR>\.[*/^+−-]|[+\-−–*·⋅∗×∙•/∕⁄÷⊙∘◦⊘⊗,;:=&])
  | (?P<BRACKET>[()\[\]<>⟨⟩])
  | (?P<BAR>\|\||[‖∥|])
  | (?P<RAISED>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
  | (?P<VULGAR>[{"".join(VULGAR)}])
  | (?P<END>\Z)
  | (?P<BAD>.)
  )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_wrapping = re.compile(
    r"\\(?:begin|end)\s*\{([A-Za-z]+\*?)\}|\\\\(?:\[[-\d.\s]*(?:pt|em|ex|mm|cm)\])?|\\[A-Za-z]+|\\.|&", re.DOTALL
)
_plain_index = re.compile(r"\[\s*(?:\d+|:)\s*\]")


def unwrapped(text: str) -> str:
    r"""Dollar signs, \[ \] and aligned environments overwritten by blanks; \\ outside a matrix is a newline."""
    inside = 0

    def blank(m: re.Match[str]) -> str:
        nonlocal inside
        found = m.group()
        if found.startswith(("\\begin", "\\end")) and m[1]:
            if m[1] in words.WRAPPERS:
                return " " * len(found)
            inside += 1 if found[1] == "b" else -1
        elif found == "&" and inside <= 0:
            return " "
        elif found.startswith("\\\\") and inside <= 0:
            return "\n".rjust(len(found))
        elif found in ("\\[", "\\]", "\\(", "\\)"):
            return "  "
        return found

    return _wrapping.sub(blank, text).replace("$", " ")


def lex(stream: Stream, start: int, end: int) -> None:
    """Tokens of text[start:end]; cut, so that no script is looked for beyond the statement."""
    stream.text = stream.text[:end]
    _Latex(stream, start, end).run(start)


def spelled_name(text: str) -> str | None:
    r"""The name that LaTeX spells; None where it is none, or more than one.

    >>> spelled_name(r"\hat{y}"), spelled_name("W_{12}"), spelled_name(r"\boldsymbol\Sigma"), spelled_name(r"x\beta")
    ('y_hat', 'W_12', 'Sigma', None)
    """
    stream = Stream(text, Names())
    try:
        lex(stream, 0, len(text))
    except MatdiffError:
        return None
    return str(stream.values[0].value) if stream.kinds == ["NAME", "$END"] else None


class _Latex(Commands):
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
                stream.push(kind, (first, at))
            elif kind == "OPERATOR":
                self.operator(self.text[first:at], (first, at))
            else:
                at = getattr(self, "on_" + kind.lower())(first, at)

    def operator(self, written: str, span: Span) -> None:
        self.stream.push("COMMA" if written == "&" else OPERATORS[written], span)

    def on_bad(self, first: int, at: int) -> int:
        raise unknown(self.text[first], self.text, first)

    def on_number(self, first: int, at: int) -> int:
        if self.text[first:at] in ("0", "1") and self.text.startswith("_", blank(self.text, at)):
            return self.named(Name(self.text[first], first, at))
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
        return self.named(name_at(self.stream, first, self.pairs))

    def on_brace(self, first: int, at: int) -> int:
        """Braces group; what a command waits for at the closing one is in `closers`."""
        if self.text[first] == "{":
            self.stream.open("LPAR", "RPAR", (first, at), "{")
            return at
        stack = self.stream.stack
        indexed = bool(stack) and stack[-1][0] == "RSQB" and stack[-1][2] == "{"
        if self.sizes and self.sizes[-1] == len(stack):
            self.sizes.pop()
        self.stream.close("RSQB" if indexed else "RPAR", (first, at))
        act = self.closers.pop(first, None)
        return act(at) if act else at

    def on_bracket(self, first: int, at: int) -> int:
        c, span = self.text[first], (first, at)
        stack = self.stream.stack
        if c == "[" and (kind := self.square(first)):
            self.stream.open(kind, "RSQB", span, c)
        elif c in "([":
            self.stream.open("LPAR", "RPAR", span, c)
        elif c in ")]":
            self.stream.close("RSQB" if c == "]" and stack and stack[-1][0] == "RSQB" else "RPAR", span)
        elif c in "<⟨":
            self.stream.open("LANGLE", "RANGLE", span, c)
        else:
            self.stream.close("RANGLE", span)
        return at

    def square(self, at: int) -> str:
        """[A, B; C, D] is a block, x[3] and A[1,2] have an index; any other [ is a parenthesis."""
        inside = self.pairs.lists.get(at, "")
        touching = self.stream.kinds and self.stream.kinds[-1] in ("NAME", "RPAR") and self.stream.values[-1:]
        if touching and (inside == "," or _plain_index.match(self.text, at)):
            return "INDEX"
        return "LSQB" if inside else ""
