"""Declarations: `A: m×n symmetric`, `b: m`, `t: scalar`, `x, y: n positive`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError, UnsupportedError
from matdiff.ops.sets import CURVED, SPELLED
from matdiff.text.characters import LETTER, plain_name, unknown
from matdiff.text.grammar import Stuck, run
from matdiff.text.tokens import place_of, words
from matdiff.text.tree import Declaration, Declared, Shape, Span, Tree

SQUARE = words("symmetric skew diagonal lower upper spd orthogonal hermitian unitary hpd")
COMPLEX = words("complex hermitian unitary hpd")
ATTRIBUTES = SQUARE | {"positive", "complex", "index", "tall"} | CURVED.keys()
READ = ATTRIBUTES | SPELLED.keys()
KINDS = frozenset({"scalar", "vector", "matrix", "elementwise"})

NUMBERS = frozenset({"integer", "int", "quaternion", "boolean"})
SYNONYMS = {
    "psd": "spd", "pd": "spd", "posdef": "spd", "sym": "symmetric", "diag": "diagonal", "antisymmetric": "skew",
    "orth": "orthogonal", "triangular": "lower or upper", "pos": "positive", "nonnegative": "positive",
    "real": "scalar", "float": "scalar", "number": "scalar", "selfadjoint": "hermitian",
    "definite": "spd", "semidefinite": "spd", "function": "elementwise", "hermitean": "hermitian", "tril": "lower",
    "triu": "upper", "nonneg": "positive",
}  # fmt: skip
OTHERS = words(
    "invertible nonsingular singular square rectangular idempotent stochastic sparse dense constant random"
    " banded tridiagonal toeplitz circulant"
)
"""What people say of matrices and no rule asks for; without sizes these would be taken for one."""

DROPPED = words(
    "a an the of is in with and length size sized dimension dim shape order real float dense column row general full"
    " triangular entries"
)
"""What says nothing that the sizes do not say."""

COLUMNS = {"unit": "oblique", "orthonormal": "orthonormal", "orthogonal": "orthonormal"}
"""What an attribute followed by `columns` means."""

LONGEST = 200
"""Longest name in LaTeX."""

RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁱⁿᵃᵇᵈᵉᵍᵏᵐᵒᵖᵗᵘᵛʰʲʳʷʸˡˢˣᶜᶠᶻ"
BRACKETS = {"(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE"}
OPENING = frozenset({"COLON", "ARROW", "COMMA", "LPAR"})
"""What a shape begins behind."""

_name = deferred(rf"\\?[{LETTER}][{LETTER}0-9_]*[₀-₉]*")
_arrows = r"->|→|⟶|\\(?:long)?(?:rightarrow|to)(?![A-Za-z])"
_arrow = deferred(_arrows)
_piece = deferred(
    rf"""\s*(?:
    (?P<NUMBER>\d+(?:\.\d+)?)
  | (?P<SPACE>[ℝℂ]|\\mathbb\s*(?:\{{\s*[RC]\s*\}}|[RC](?![A-Za-z]))|[RC](?=\s*\^))
  | (?P<RAISED>[{RAISED}]+)
  | (?P<NAME>[{LETTER}][{LETTER}0-9_]*[₀-₉]*)
  | (?P<ARROW>{_arrows})
  | (?P<TIMES>×|\\times\b|-by-)
  | (?P<SIGN>[*+/-])
  | (?P<COMMA>,)
  | (?P<CARET>\^)
  | (?P<BRACKET>[()\[\]{{}}])
  | (?P<BAD>\S)
  )""",
    re.VERBOSE,
)
_depends = deferred(r"\s+of\s+([^\W\d]\w*)\s*")
_glued = deferred(r"(\d+|[A-Za-z])x(\d+|[A-Za-z])(?![A-Za-z0-9_.])")
ARROWS = "Unknown functions are declared h: n -> p; phi: n -> scalar; x: scalar -> n; f: (n, k×k) -> m"
EXAMPLE = "Declarations look like A: m×n; b: m; S: n×n symmetric; t: scalar; h: elementwise"


def refuse_complex(declarations: list[Declaration]) -> None:
    """Raises UnsupportedError for a complex variable, where the rules are of real ones."""
    found = next((d.name for d in declarations if not COMPLEX.isdisjoint(d.words)), None)
    if found is not None:
        raise UnsupportedError(
            f"{found} is declared complex, and here all variables are real", hint="complex variables go with derive"
        )


def read_declaration(text: str, start: int, colon: int, end: int, functions: bool = False) -> list[Declaration]:
    """One statement, which may declare several names alike, and with `functions` `u: function of x`.

    Raises ParseError.
    """
    try:
        return _read(text, start, colon, end, functions)
    except ParseError as error:
        said = text[colon + 1 : end]
        if _arrow.search(said):
            raise
        if _sizes_in_words.match(said) and (found := in_words(text[start:colon].strip(), said, (start, end))):
            return found
        error.hint = advice(text[start:colon].strip(), said) or error.hint
        raise


def _read(text: str, start: int, colon: int, end: int, functions: bool = False) -> list[Declaration]:
    tokens = _Tokens(text, functions)
    tokens.names(start, colon)
    wrong = tokens.said(colon, end)
    try:
        found: Declared = run(tokens.kinds, tokens.values, "declaration")
    except Stuck as stuck:
        last = stuck.index == len(tokens.kinds) - 1
        raise (wrong if wrong and last else tokens.explained(stuck.index, (start, end))) from None
    except ParseError as error:
        error.text = text
        raise
    names = [(str(name.value), name.span) for name in found.names]
    if found.takes:
        arrow = tuple(_arrow_shape(s, text) for s in found.takes), _arrow_shape(found.shape, text)
        return [Declaration(n, (), (), s, arrow) for n, s in names]
    _check(names, found.shape.dims, list(found.shape.words), text, (start, end))
    return [Declaration(n, found.shape.dims, found.shape.words, s, None, found.of) for n, s in names]


def _arrow_shape(shape: Shape, text: str) -> tuple[str, ...]:
    """The dimensions of one argument or of the value; none for `scalar`, ℝ."""
    if shape.dims == ("R",) and not shape.words:
        return ()
    if len(shape.dims) > 2 or shape.words != ("scalar",) * (not shape.dims):
        said = text[slice(*shape.span)]
        message = f"`{said}` is no shape: arguments and values of unknown functions have sizes alone"
        raise ParseError(message, text=text, span=shape.span, hint=ARROWS)
    return shape.dims


class _Tokens:
    """The tokens of one declaration."""

    def __init__(self, text: str, functions: bool) -> None:
        self.text = text
        self.functions = functions
        self.kinds: list[str] = []
        self.values: list[Any] = []
        self.last = ""
        """What the last piece of the sizes was: an operand, a sign, `times`; nothing before the first."""
        self.arrows = False
        self.opened: list[Span] = []

    def push(self, kind: str, value: Any, last: str = "") -> None:
        self.kinds.append(kind)
        self.values.append(value)
        self.last = last

    def names(self, start: int, colon: int) -> None:
        for name, span in _names(self.text, start, colon):
            self.push("NAME", Tree("name", (), name, span))
            self.push("COMMA", span)
        self.kinds[-1], self.values[-1] = "COLON", (colon, colon + 1)

    def said(self, colon: int, end: int) -> ParseError | None:
        """What stands behind the colon, up to what is no token, of which the error is returned."""
        self.arrows = _arrow.search(self.text, colon, end) is not None
        try:
            self.pieces(colon + 1, end)
        except ParseError as error:
            self.push("BAD", error.span)
            return error
        self.push("$END", (end - 1, end))
        return None

    def pieces(self, at: int, end: int) -> None:
        text = self.text
        while at < end and (m := _piece.match(text, at, end)):
            kind = m.lastgroup or ""
            first, at = m.span(kind)
            piece = m[kind]
            if self.kinds[-1] == "TIMES" and (kind == "SPACE" or piece == "R") and self.of_spaces():
                self.kinds[-1] = "COMMA"
            if kind in ("NUMBER", "NAME") and (g := _glued.match(text, first, end)):
                self.size(g[1], g.start(1))
                self.push("TIMES", (g.end(1), g.start(2)), "times")
                self.size(g[2], g.start(2))
                at = g.end()
            elif kind == "NAME":
                at = self.name(plain_name(piece, text, first), (first, at), end)
            elif kind == "NUMBER":
                self.size(piece, first)
            elif kind == "SPACE":
                self.push(kind, Tree("name", (), "C" if "C" in piece or "ℂ" in piece else "R", (first, at)), "operand")
            elif kind == "SIGN":
                self.push(kind, Tree("name", (), piece, (first, at)), "sign")
            elif kind == "BRACKET":
                self.bracket(piece, (first, at))
            elif kind == "RAISED" and self.kinds[-1] == "SPACE":
                self.raised(piece, first)
            elif kind in ("BAD", "RAISED"):
                raise self.bad(piece[0], first)
            elif kind == "COMMA" and not self.arrows and not self.opened:
                raise _wrong("declarations are separated by `;`", text, (first, at))
            else:
                self.push(kind, (first, at), "times" if kind == "TIMES" else "")

    def of_spaces(self) -> bool:
        """Whether what stands before a × is a space, as in R^n × R^m -> R: then it stands between two arguments."""
        begin = max(i for i, kind in enumerate(self.kinds) if kind in ("COLON", "ARROW", "COMMA"))
        begin += self.kinds[begin + 1] == "LPAR"
        first = self.values[begin + 1]
        return self.arrows and (self.kinds[begin + 1] == "SPACE" or getattr(first, "value", "") == "R")

    def raised(self, piece: str, at: int) -> None:
        """ℝⁿ, ℝᵐˣⁿ: what is raised stands in braces behind a caret, each sign at its place."""
        import unicodedata

        text, end = self.text, at + len(piece)
        self.push("CARET", (at, end))
        self.push("LBRACE", (at, end))
        self.text = text[:at] + unicodedata.normalize("NFKC", piece) + text[end:]
        self.pieces(at, end)
        self.text = text
        self.push("RBRACE", (at, end), "operand")

    def bracket(self, piece: str, span: Span) -> None:
        if piece in "([{":
            self.opened.append(span)
        elif self.opened:
            self.opened.pop()
        else:
            raise _wrong(f"unmatched `{piece}`: nothing is open here", self.text, span)
        self.push(BRACKETS[piece], span, "operand" if piece in ")]}" else "")

    def bad(self, piece: str, at: int) -> ParseError:
        if self.opened and piece in ";:=":
            return _wrong(f"unclosed `{self.text[slice(*self.opened[-1])]}`", self.text, self.opened[-1])
        if piece not in "=/:^{}[]&|<>":
            return unknown(piece, self.text, at)
        message = "declarations are separated by `;`" if piece == ":" else f"unexpected `{piece}`"
        return _wrong(message, self.text, (at, at + 1))

    def size(self, piece: str, at: int) -> None:
        """A name or a number."""
        span = (at, at + len(piece))
        if not piece[0].isdigit():
            self.push("NAME", Tree("name", (), plain_name(piece, self.text, at), span), "operand")
            return
        if not piece.isdigit():
            raise _wrong(f"a dimension is a whole number, not {piece}", self.text, span)
        if len(piece) > 18:
            raise _wrong("a dimension this large cannot be meant", self.text, span)
        self.push("NUMBER", Tree("number", (), str(int(piece)), span), "operand")

    def name(self, piece: str, span: Span, end: int) -> int:
        """A size, an attribute or kind, or the sign `x` and `by`; returns where it ends."""
        if piece == "columns" and self.kinds[-1] == "WORD" and self.values[-1].value in COLUMNS:
            self.values[-1].value = COLUMNS[self.values[-1].value]
        elif piece == "function" and self.functions and (m := _depends.fullmatch(self.text, span[1], end)):
            self.push("FUNCTION", span)
            self.push("OF", span)
            self.push("NAME", Tree("name", (), m[1], m.span(1)))
            return m.end()
        elif piece == "by" and self.last == "sign":
            raise _wrong("sizes are written m×n", self.text, span)
        elif piece == "x" or (piece == "by" and self.last == "operand"):
            self.push("TIMES", span, "times")
        elif (
            piece in READ | KINDS | NUMBERS | OTHERS or self.last == "operand" or (self.last == "" and _nearest(piece))
        ):
            word = Tree("name", (), _word(piece, self.text, span[0]), span)
            self.push("COMPLEX" if piece == "complex" else "WORD", word, self.last)
        else:
            self.size(piece, span[0])
        return span[1]

    def explained(self, i: int, whole: Span) -> ParseError:
        """What is wrong at a token where the grammar has no way to go on."""
        kind, before, span = self.kinds[i], self.kinds[i - 1], place_of(self.values[i])
        piece, hint = self.text[slice(*span)], EXAMPLE
        if kind == "ARROW" and "ARROW" in self.kinds[:i]:
            message, hint = "a function has one arrow", ARROWS
        elif "ARROW" in (kind, before) or (self.arrows and kind in ("COMMA", "RPAR", "$END") and before in OPENING):
            message, hint = "a shape is missing beside the arrow", ARROWS
        elif kind == "$END" and before == "COLON":
            message, span = f"nothing is said of {self.values[0].value}", whole
        elif kind == "$END" and self.opened:
            span = self.opened[-1]
            message, hint = f"unclosed `{self.text[slice(*span)]}`", "Close it."
        elif kind == "$END" or (kind in ("WORD", "COMPLEX") and before in ("TIMES", "SIGN")):
            message = "a dimension is missing " + ("at the end" if kind == "$END" else f"before `{piece}`")
        elif kind in ("NAME", "NUMBER", "SIGN", "LPAR", "LSQB", "SPACE") and before in ("WORD", "COMPLEX"):
            message = "dimensions come before the words"
        elif kind == "SIGN" and piece == "-":
            message = "a dimension cannot be negative"
        elif kind in ("TIMES", "SIGN"):
            message, span = f"`{piece}` has no dimension before it", (span[0], span[0] + 1)
        elif before in ("NAME", "NUMBER"):
            message = f"unexpected `{piece}` after a dimension"
        else:
            message = f"unexpected `{piece}`"
        return ParseError(message, text=self.text, span=span, hint=hint)


def _names(text: str, start: int, colon: int) -> list[tuple[str, Span]]:
    found = []
    at = start
    for part in text[start:colon].split(","):
        written = part.strip()
        first = at + len(part) - len(part.lstrip())
        found.append((_read_name(written, text, first), (first, first + max(1, len(written)))))
        at += len(part) + 1
    return found


def _read_name(written: str, text: str, first: int) -> str:
    if _name.fullmatch(written):
        name = written.lstrip("\\")
        return name if name.isascii() else plain_name(name, text, first)
    if (spelled := spelled_name(written)) is not None:
        return spelled
    for i, c in enumerate(written):
        if not re.match(rf"[{LETTER}0-9_₀-₉\s\\]", c) and not c.isascii():
            raise unknown(c, text, first + i)
    raise ParseError(
        f"`{written}` cannot be declared: it is not a name" if written else "a name is missing before `:`",
        text=text,
        span=(first, first + max(1, len(written))),
        hint="A name starts with a letter and goes on with letters, digits and _."
        if re.match(r"\w*\Z", written)
        else "A declaration looks like x: n; the function stands alone, as in x'*A*x.",
    )


def spelled_name(written: str) -> str | None:
    r"""The name that LaTeX spells, such as \hat{y}; None where it is no LaTeX, or more than a name."""
    if len(written) > LONGEST or not any(c in written for c in "\\{"):
        return None
    from matdiff.text.latex import reader as latex

    return latex.spelled_name(written)


def _word(word: str, text: str, at: int) -> str:
    if word in NUMBERS:
        raise _wrong(f"{word} variables are not in the language: all are real", text, (at, at + len(word)))
    if word in SPELLED:
        return SPELLED[word]
    if word not in ATTRIBUTES and word not in KINDS:
        close = _nearest(word)
        if close:
            hint = f"Did you mean {close}?"
            raise ParseError(f"`{word}` is no attribute", text=text, span=(at, at + len(word)), hint=hint)
        shown = word if len(word) <= 30 else word[:30] + "…"
        if len(word) < 3:
            raise _wrong(f"unexpected `{word}` after a dimension", text, (at, at + len(word)))
        hint = (
            "The attributes are "
            + ", ".join(sorted(CURVED[a].written if a in CURVED else a for a in ATTRIBUTES - {"index"}))
            + "; the kinds are scalar, vector, matrix, elementwise."
        )
        raise ParseError(f"`{shown}` is no attribute", text=text, span=(at, at + len(word)), hint=hint)
    return word


def _nearest(word: str) -> str:
    from difflib import get_close_matches

    found = get_close_matches(word.lower(), [*ATTRIBUTES, *KINDS], 1, 0.75) if 4 <= len(word) < 30 else []
    return SYNONYMS.get(word.lower()) or (found[0] if found else "")


def _check(names: list[tuple[str, Span]], sizes: tuple[str, ...], words: list[str], text: str, span: Span) -> None:
    name = names[0][0]
    if len(sizes) > 2:
        raise _wrong(
            f"{name} has {len(sizes)} dimensions, but there are only scalars, vectors and matrices", text, span
        )
    if not sizes and not words:
        raise _wrong(f"nothing is said of {name}", text, span)
    kinds = [w for w in words if w in KINDS]
    if len(kinds) > 1:
        raise _wrong(f"{name} cannot be both {kinds[0]} and {kinds[1]}", text, span)
    if kinds and sizes and sizes[0] in ("column", "row", "a"):
        raise _wrong(f"`{sizes[0]}` is taken for a size", text, span)
    if kinds and len(sizes) > {"vector": 1, "matrix": 2}.get(kinds[0], 0):
        raise _wrong(f"{name} is declared {kinds[0]}, but with {'×'.join(sizes)}", text, span)
    if "elementwise" in kinds and len(words) > 1:
        raise _wrong(f"an unknown function such as {name} has no attributes", text, span)


def _wrong(message: str, text: str, span: Span) -> ParseError:
    return ParseError(message, text=text, span=span, hint=EXAMPLE)


_rewritten = [(deferred(pattern, re.IGNORECASE), plain) for pattern, plain in (
    (r"\\mathbb\s*\{?C\}?|ℂ", "complex R^"), (r"\bC\s*\^+", "complex R^"),
    (r"\bnon-?singular\b|\bfull[ -](?:column |row )?rank\b", " "), (r"(\w+)\^2", r"\1*\1"),
    (r"(?<![\w.])(\d+)(?!x\d)([a-z])", r"\1*\2"), (r"\\mathbb\s*\{?R\}?|ℝ", "R^"), (r"\bR\s*\^+\s*", " "),
    (r"\\times\b|\s*\bby\b\s*|-by-", "×"),
    (r"(?<=\w)\s+x\s+(?=\w)|(?<=^[a-z0-9])x(?=[a-z0-9]$)", "×"), (r"\s*×\s*", "×"), (r"-(?=vector|matrix)", " "),
    (r"\bpositive[ -](?:semi-?)?definite\b|\bp\.?s?\.?d\.?(?!\w)", "spd"), (r"[\[\](){},]", " "),
)]  # fmt: skip
_article, _between = deferred(r"(?:let|var|given|where|with|define)\s+"), deferred(r"\s*,\s*|\s+(?:and\s+)?")
_next = deferred(r"\s*[\s,]\s*(?=[A-Za-z]\w*\s*:)")
_size = deferred(r"(?:[A-Za-z]\w{0,2}|\d{1,9})(?:[*+-](?:[A-Za-z]\w{0,2}|\d{1,9}))*")


def advice(names: str, said: str) -> str:
    """What to write for R^{m×n}, (m,n), real m by n, n×n PSD; empty where that is not clear."""
    if said.strip().lower() in ("integer", "int", "natural"):
        return (
            f"A size needs no declaration, it is named where it is used: `x: {names}`; a number is `{names}: scalar`."
        )
    if len(said) > LONGEST or any(c in said for c in "=;"):
        return ""
    if ":" in said:
        first, *others = _next.split(said.strip())
        return _written([f"{names}: {first}", *others])
    import unicodedata

    names = _between.sub(", ", _article.sub("", names))
    for pattern, plain in _rewritten:
        said = pattern.sub(plain, unicodedata.normalize("NFKC", said.replace("ℝ", "R^").replace("²", "^2")).strip())
    meant = _meant(said.split())
    shape, _, attributes = meant.partition(" ")
    rows, *cols = shape.split("×")
    if "orthogonal" in attributes and cols and cols != [rows]:
        return orthonormal_columns(names, shape)
    return _written([f"{names}: {meant}".rstrip()])


def orthonormal_columns(name: str, shape: str) -> str:
    """What to do for n×p matrices with orthonormal columns, which are no set of the language."""
    return (
        f"The {shape} matrices with orthonormal columns are no set of the language. Leave the word out, and "
        f"project the gradient G onto their tangent space: G - {name}*sym({name}'*G)."
    )


def in_words(names: str, said: str, span: Span) -> list[Declaration]:
    """What A: (n,n), x ∈ R^n and X symmetric declare; empty where a word of it is not one of the language."""
    told = advice(names, said).removeprefix("Write `").removesuffix("`.")
    spoken = {w for w in _word_of.findall(_commands.sub(" ", said)) if len(w) > 2}
    if not told or "?" in told or ";" in told or not spoken <= ATTRIBUTES | KINDS | DROPPED - {"triangular", "real"}:
        return []
    try:
        found = _read(told, 0, told.find(":"), len(told))
    except ParseError:
        return []
    sized = any(len(w) < 3 or w.isdigit() for w in re.findall(r"\w+", _commands.sub(" ", said)))
    return [replace(d, dims=d.dims if sized else (), span=span) for d in found]


_sizes_in_words = deferred(r"\s*(?:[(\[]\s*\w+\s*,\s*\w+\s*[)\]]|(?:[RC]\b|[ℝℂ]|\\mathbb\b)|\w+(?:\s+by\s+|-by-)\w+)")
"""Sizes as others write them: (n,n), R^n, n by n."""

_word_of, _commands = deferred(r"[A-Za-z]+"), deferred(r"\\[A-Za-z]+")


def _written(declarations: list[str]) -> str:
    """The hint that these are to be written; empty where they cannot be read."""
    try:
        for d in declarations:
            _read(d, 0, d.find(":"), len(d))
    except ParseError:
        return ""
    return f"Write `{'; '.join(declarations)}`."


def _meant(pieces: list[str]) -> str:
    """Sizes and attributes in order, without what these say already; `?` where that is not clear."""
    said = [p.lower() for p in pieces]
    kept: dict[str, None] = {}
    sizes: list[str] = []
    for piece, word in zip(pieces, said, strict=True):
        if known := word if word in ATTRIBUTES | KINDS else _nearest(word) * (word not in DROPPED):
            kept[known] = None
        elif word not in OTHERS | DROPPED:
            sizes += _glued.sub(r"\1×\2", piece).split("×")
    if len(sizes) < 2 and ("square" in said or kept.keys() & SQUARE):
        sizes = (sizes or ["n"]) * 2
    if len(sizes) > 2 or not all(map(_size.fullmatch, sizes)) or (sizes and kept.keys() & {"scalar", "elementwise"}):
        return "?"
    if "triangular" in said and not kept.keys() & {"lower", "upper"}:
        return "?"
    if "real" in said and not sizes and not kept:
        return "scalar"
    if "spd" in kept:
        kept.pop("symmetric", None)
    return " ".join(filter(None, ["×".join(sizes), *(w for w in kept if w in ATTRIBUTES or not sizes)]))
