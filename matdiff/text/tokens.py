"""The tokens of one expression, as both lexers make them: brackets checked, calls told from products."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError
from matdiff.ops.constants import LONG
from matdiff.printing.names import ascii_name
from matdiff.text.tree import Span, Tree

MAX_DEPTH = 1024
"""Deepest nesting that is read."""

PRODUCT = 4
"""Most letters of a word that is read as their product."""

OPERAND_ENDS = frozenset(
    {"NAME", "NUMBER", "RPAR", "RSQB", "RNORM", "RBAR", "RANGLE", "TICK", "INVT", "SUPERSCRIPT", "PINV"}
)


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GREEK = words(
    """alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi omicron pi
    varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon
    Phi Psi Omega"""
)

CONSTANT_CALLS = frozenset({"eye", "ones", "zeros", "e", "K", "D", "vector", "matrix", *LONG})
SPECIAL_CALLS = frozenset({"frechet"})
"""Called like functions, with a grammar of their own and no record."""
SOFT = frozenset({"e", "K", "D", "sigma", "σ"})
"""Functions only where nothing of that name is declared or defined."""


class Spellings(set[str]):
    """Names in each of their spellings: α is in it where alpha was added."""

    def add(self, name: str) -> None:
        super().add(ascii_name(name))

    def __contains__(self, name: object) -> bool:
        return super().__contains__(ascii_name(str(name)))


@dataclass(slots=True, eq=False, repr=False)
class Names:
    """What a name followed by `(` may be."""

    words: Container[str] = frozenset()
    functions: Spellings = field(default_factory=Spellings)
    variables: Spellings = field(default_factory=Spellings)
    sizes: Spellings = field(default_factory=Spellings)
    arrows: dict[str, tuple[tuple[int, ...], int]] = field(default_factory=dict)
    """The numbers of axes of arguments and value of unknown functions of arrays."""
    bold: dict[str, tuple[str, Span]] = field(default_factory=dict)
    r"""Greek names in bold, which are no scalars: `vector` for \boldsymbol\beta, `matrix` for \boldsymbol\Sigma."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """What others call the functions, with `.` before what is one only after a module or an operand."""

    complex: Spellings = field(default_factory=Spellings)
    """Variables declared complex, Hermitian or unitary."""

    def meaning(self, word: str) -> str:
        """The function that a word calls, or an expression with `{0}` for its argument; nothing where it is none."""
        attribute, word = word[:1] == ".", word.lstrip(".")
        capital = word[:1].isupper() and not word.isupper() and word not in GREEK
        for key in (f".{word}" * attribute, word, word.lower() * capital):
            if key in self.words or (key in CONSTANT_CALLS and len(key) > 1):
                return key
            if found := self.spellings.get(key, ""):
                return "" if found == "?" else found
        return ""

    moving: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Functions understood at a place, the u of u(t), with these places, of which the first is the variable."""

    remarks: dict[str, None] = field(default_factory=dict)
    """What may surprise in how names were read, in sentences."""

    def callable(self, name: str, adjacent: bool) -> bool:
        """A longer name that nothing declares is a call where `(` follows directly: a misspelt function."""
        if name in self.functions or (self.arrows and unmarked(name) in self.arrows):
            return True
        if name in self.variables:
            return name in self.words and name not in SOFT
        if name in self.words or name in CONSTANT_CALLS or name == "σ" or name[0] == "." or self.meaning(name):
            return True
        if len(letters(name)) == 1 or letters(name) in GREEK or name in self.sizes:
            return False
        return adjacent and not self.differential(name)

    def differential(self, name: str) -> bool:
        return name[0] == "d" and (
            name[1:] in self.variables or len(letters(name[1:])) == 1 or letters(name[1:]) in GREEK
        )

    def product(self, word: str) -> bool:
        """Whether a word between bars is a product of letters, as Ax and Xβ: short, undeclared, with a matrix in it."""
        if not (1 < len(word) <= PRODUCT and word.isalpha()) or (word.isascii() and word.islower()):
            return False
        known = word in self.functions or word in self.variables or word in self.words or word in CONSTANT_CALLS
        return not (known or word in GREEK or self.differential(word))


def unmarked(name: str) -> str:
    """The function of which ∇²phi, ∂₁f, h″ and nabla_phi, d1_f are derivatives."""
    return marks.sub("", name).rstrip("*").rstrip("'")


def derived(name: str, many: int = 1) -> list[int]:
    """By which of `many` arguments, counted from 0, a derivative is taken.

    >>> derived("∇²phi"), derived("h''"), derived("∂₂∂₁f"), derived("nabla2_phi"), derived("nabla2_f", 2)
    ([0, 0], [0, 0], [1, 0], [0, 0], [1])
    """
    found = []
    for m in _mark.finditer(name):
        if m[2] and many == 1:
            found += [0] * int(m[2])
        elif m[1] or m[2]:
            found.append(int((m[1] or m[2]).translate(_digits)) - 1)
        else:
            found += [0] * int((m[3] or "1").translate(_digits))
    return found + [0] * (len(name.rstrip("*")) - len(name.rstrip("*").rstrip("'")))


_mark = deferred(r"[∇∂]([₀-₉]+)|(?:nabla|d)(\d+)_|[∇∂]([²³⁴-⁹]?)|nabla_")
_digits = str.maketrans("₀₁₂₃₄₅₆₇₈₉²³⁴⁵⁶⁷⁸⁹", "012345678923456789")
marks = deferred(r"(?:[∇∂][₀-₉]*[²³⁴-⁹]*|(?:nabla\d*|d\d+)_)+")


def letters(name: str) -> str:
    """The name without digits and subscripts: W of W_12 and of W1."""
    return name.partition("_")[0].rstrip("0123456789")


@dataclass(slots=True, eq=False, repr=False)
class Stream:
    """`kinds` are terminals of the grammar, `values` what they carry: trees for names and numbers, else spans."""

    text: str
    names: Names
    kinds: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    stack: list[tuple[str, Span, str]] = field(default_factory=list)
    """Open brackets: terminal that closes, place, as written."""
    applied: list[tuple[int, int]] = field(default_factory=list)
    """Open calls of unknown functions of arrays: the depth inside, and which token is the function."""
    ended: tuple[int, int] = (-1, -1)
    """The last such call: which tokens are its closing parenthesis and its function."""
    brackets: set[Span] = field(default_factory=set)
    """The places of `[` before directions, which no `)` closes."""
    conjugated: Span | None = None
    """Where the first sign of a conjugate stands."""
    foreign: bool = False
    """Whether a function may have been called by a name that others give it."""
    typeset: bool = False
    """Whether blanks mean nothing, as in LaTeX: 1/2 \\sigma and 1/2\\sigma are one formula."""
    equation: bool = False
    """Whether it is a side of an equation, and what is left of `=` an expression."""

    def refuse(self, message: str, span: Span, hint: str = "") -> NoReturn:
        raise ParseError(message, text=self.text, span=span, hint=hint)

    def push(self, kind: str, value: Any) -> None:
        self.kinds.append(kind)
        self.values.append(value)

    def conjugate(self, span: Span, sign: str) -> None:
        """A sign behind an operand: `ᴴ` is the conjugate transpose, `star` the conjugate of a scalar or vector."""
        self.conjugated = self.conjugated or span
        self.push("METHOD", Tree("name", (), "starred_conj" if sign == "star" else "conj", span))
        self.push("RPAR", span)
        if sign != "star":
            self.push("TICK", span)

    def after_operand(self) -> bool:
        return bool(self.kinds) and self.kinds[-1] in OPERAND_ENDS

    def open(self, kind: str, closer: str, span: Span, written: str = "") -> None:
        if len(self.stack) >= MAX_DEPTH:
            self.refuse(
                f"nested deeper than {MAX_DEPTH} levels", span, "Name inner parts by definitions: r = A*x - b; r'*r"
            )
        if kind == "LPAR" and self.kinds and self.kinds[-1] in ("NAME", "TICK"):
            self.retag(span)
        called = self.names.arrows and kind == "LPAR" and self.kinds[-1:] == ["FUNC"]
        if called and unmarked(str(self.values[-1].value)) in self.names.arrows:
            self.applied.append((len(self.stack), len(self.kinds) - 1))
        self.push(kind, span)
        self.stack.append((closer, span, written or self.text[span[0] : span[1]]))

    def retag(self, bracket: Span) -> None:
        """The name before a parenthesis is a function or a factor; h'(x) is the derivative of a function h."""
        primes = 0
        end = bracket[0]
        while self.kinds[-1 - primes] == "TICK" and self.values[-1 - primes][1] == end and primes + 1 < len(self.kinds):
            end = self.values[-1 - primes][0]
            primes += 1
        name = self.values[-1 - primes]
        if self.kinds[-1 - primes] != "NAME" or (
            primes and (name.value not in self.names.functions or name.span[1] != end)
        ):
            return
        if primes or self.names.callable(name.value, name.span[1] == end):
            if primes:
                del self.kinds[-primes:], self.values[-primes:]
                name.value += "'" * primes
            self.call()

    def call(self) -> None:
        """The name before a parenthesis is a function's."""
        self.kinds[-1] = "FUNC"
        self.foreign |= self.values[-1].value not in self.names.words

    def close(self, closer: str, span: Span, value: Any = None) -> None:
        if not self.stack:
            self.refuse(
                f"unmatched `{self.text[span[0] : span[1]]}`: nothing is open here",
                span,
                "There are no comparisons here; <A, B> is the inner product."
                if self.text[span[0] : span[1]] == ">"
                else "Remove it, or open it before.",
            )
        wanted, place, written = self.stack[-1]
        if wanted != closer or (place in self.brackets and self.text[span[0]] == ")"):
            here = self.text[span[0] : span[1]]
            self.refuse(
                f"`{here}` does not close `{written}`",
                span,
                f"Close the `{written}` at column {self.column(place)} first.",
            )
        self.stack.pop()
        if self.applied and self.applied[-1][0] == len(self.stack):
            self.ended = (len(self.kinds), self.applied.pop()[1])
        self.push(closer, span if value is None else value)

    def directions(self, span: Span) -> bool:
        """Whether `[` opens the directions of h'(X)[V] or h'(X)*[Y], which are then read as further arguments."""
        star = self.kinds[-1:] == ["STAR"]
        at, function = self.ended
        if at < 0 or at != len(self.kinds) - 1 - star or not self.more_axes(str(self.values[function].value)):
            return False
        if star:
            del self.kinds[-1:], self.values[-1:]
            self.values[function].value += "*"
        self.kinds[at] = "COMMA"
        self.stack.append(("RPAR", span, "["))
        self.brackets.add(span)
        return True

    def more_axes(self, name: str) -> bool:
        """Whether a derivative has more axes than a matrix: no brackets behind it are indices."""
        inputs, output = self.names.arrows[unmarked(name)]
        slots = derived(name, len(inputs))
        return bool(slots) and output + sum(inputs[s] for s in slots if s < len(inputs)) > 2

    def column(self, span: Span) -> int:
        return span[0] - self.text.rfind("\n", 0, span[0])

    def bar_opens(self, closer: str) -> bool:
        """A bar closes where an operand has ended and its like is the innermost open; bars do not tell their side."""
        return not (self.stack and self.stack[-1][0] == closer and self.after_operand())

    def finish(self, end: int) -> None:
        if self.stack:
            _, place, written = self.stack[-1]
            hint = "There are no comparisons here; <A, B> is the inner product." if written == "<" else "Close it."
            self.refuse(f"unclosed `{written}`", place, hint)
        self.push("$END", (end, end))


def number(stream: Stream, text: str, span: Span) -> Tree:
    """Whole numbers are exact, decimals are floats."""
    if text.isdigit():
        if len(text) > 300:
            stream.refuse(f"a number of {len(text)} digits is too long", span, "Numbers of up to 300 digits are read.")
        return Tree("number", (), int(text), span)
    value = float(text)
    if value in (float("inf"), 0.0) and text.lower().partition("e")[0].strip("0."):
        stream.refuse(f"{text} is out of the range of floating-point numbers", span)
    return Tree("number", (), value, span)


def place_of(value: object) -> Span:
    """Where what a token carries stands in the text."""
    if isinstance(value, Tree):
        return value.span
    if isinstance(value, tuple) and isinstance(value[0], tuple):
        return value[0]
    return value  # type: ignore[return-value]
