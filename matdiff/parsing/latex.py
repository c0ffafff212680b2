"""The lexer of LaTeX: the same tokens as plain text has, at the places of the LaTeX source."""

from __future__ import annotations

import re
from collections.abc import Callable

from matdiff.errors import UnsupportedError
from matdiff.parsing import latex_words as words
from matdiff.parsing.characters import LETTER, OPERATORS, SPACE, VULGAR, plain_name, raised, unknown
from matdiff.parsing.latex_names import Name, blank, bracket_pairs, script_extent, subscript
from matdiff.parsing.latex_names import name_at as read_name
from matdiff.parsing.stream import Stream, number
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
_argument = re.compile(rf"[{SPACE}]*(?:(\{{)|(\d)|(\\[A-Za-z]+)|([{LETTER}]))")
_transposed = re.compile(
    r"\s*(?:\\(?:mathrm|mathsf|text|intercal|operatorname|textrm|mathtt)\s*)?\{?\s*(-?)\s*(\\top|\\intercal|\\prime|T|⊤|'|′)\s*\}?\s*\Z"
)
_raising = re.compile(r"\s*\\(?:odot|circ)\b")
_plain_index = re.compile(r"\[\s*(?:\d+|:)\s*\]")
_starred = re.compile(r"\s*(?:\\(?:dagger|dag)|\+)\s*\Z")
_next_open = re.compile(r"(?:\s|\\[,;:! ]|\\(?:left|[bB]igg?l?)\b)*(\(|\[|\\\{|\\lbrace\b|\{)")


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
    """Tokens of text[start:end]."""
    _Latex(stream, start, end).run(start)


class _Latex:
    def __init__(self, stream: Stream, start: int, end: int) -> None:
        self.stream = stream
        self.text = stream.text
        self.end = end
        self.pairs = bracket_pairs(stream.text, start, end)
        self.closers: dict[int, Callable[[int], int]] = {}
        """What happens at the closing brace of a group, by its place."""

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
        return self.named(read_name(self.stream, first, self.pairs))

    def on_brace(self, first: int, at: int) -> int:
        """Braces group; what a command waits for at the closing one is in `closers`."""
        if self.text[first] == "{":
            self.stream.open("LPAR", "RPAR", (first, at), "{")
            return at
        self.stream.close("RPAR", (first, at))
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

    # bars

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

    @property
    def skips(self) -> dict[int, int]:
        return self.pairs.skips

    # scripts

    def on_script(self, first: int, at: int) -> int:
        if self.text[first] == "_":
            end = self.skips.pop(first, 0)
            if end:
                return end
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
        if len(body) < 50 and (m := _transposed.match(inner)):
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
            return self.on_number(start, end)
        name = read_name(self.stream, start, self.pairs, scripts=False)
        if name is None:
            self.stream.refuse("this exponent needs braces", (at, end), "Write x^{…}.")
        self.stream.push("NAME", Tree("name", (), name.value, (start, name.end)))
        return name.end

    # names and functions

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
        if name.upright and value == "d" and (of := read_name(self.stream, end, self.pairs)):
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
        if not body or _transposed.match(body[1:-1] if body[:1] == "{" else body):
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

    # commands

    def on_command(self, first: int, at: int) -> int:
        command, span = self.text[first + 1 : at], (first, at)
        if command in words.IGNORED:
            return self.delimiter(command, at)
        if command in words.OPERATORS:
            self.stream.push(words.OPERATORS[command], span)
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
            after = re.compile(r"\s*_").match(self.text, at) or command not in self.stream.names.words
            if after:
                raise UnsupportedError(
                    f"\\{command} begins {words.NOT_READ[command]}, which is not in the language",
                    text=self.text,
                    span=span,
                    hint="Write the function in matrices and vectors: x'*y, sum(X), tr(A*B).",
                )
        if command in words.FUNCTIONS or (
            command not in words.LETTERS and self.function(command) and command not in words.STYLES
        ):
            if command == "max" and re.compile(r"\s*_").match(self.text, at):
                raise UnsupportedError("\\max_… is an optimisation problem, not a function", text=self.text, span=span)
            return self.apply(self.function(command) or words.RENAMED.get(command, command), span)
        name = read_name(self.stream, first, self.pairs)
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
        name = read_name(self.stream, m.end() - len(m[3] or m[4]), self.pairs, scripts=False)
        if name is None:
            self.stream.refuse(f"{command} needs braces around {m[3]}", m.span(3), f"Write {command}{{…}}{{…}}.")
        self.stream.push("NAME", Tree("name", (), name.value, (name.start, name.end)))
        return then(name.end)

    def root(self, span: Span) -> int:
        if re.compile(r"\s*\[").match(self.text, span[1]):
            self.stream.refuse("roots with an index are written as powers", span, "Write x^{1/3}.")
        self.stream.push("FUNC", Tree("name", (), "sqrt", span))
        m = _argument.match(self.text, span[1], self.end)
        if m is not None and m[1]:
            self.stream.push("LPAR", span)
            self.stream.stack.append(("RPAR", m.span(1), "{"))
            return m.end()
        self.stream.push("LPAR", span)

        def finish(end: int) -> int:
            self.stream.push("RPAR", (end - 1, end))
            return end

        return self.argument(span[1], span, finish)

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
