"""Declarations: `A: m×n symmetric`, `b: m`, `t: scalar`, `x, y: n positive`."""

from __future__ import annotations

import re
from dataclasses import replace

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError, UnsupportedError
from matdiff.ops.sets import CURVED, SPELLED
from matdiff.text.characters import LETTER, plain_name, unknown
from matdiff.text.tokens import words
from matdiff.text.tree import Declaration, Span

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

_name = deferred(rf"\\?[{LETTER}][{LETTER}0-9_]*[₀-₉]*")
_piece = deferred(
    rf"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[{LETTER}][{LETTER}0-9_]*[₀-₉]*)|(?P<sign>[×*+/(),-]|\\times\b)|(?P<bad>\S))"
)
_glued = deferred(r"(\d+|[A-Za-z])x(\d+|[A-Za-z])(?![A-Za-z0-9_.])")
arrow_sign = deferred(r"->|→|⟶|\\(?:long)?(?:rightarrow|to)(?![A-Za-z])")
ARROWS = "Unknown functions are declared h: n -> p; phi: n -> scalar; x: scalar -> n; f: (n, k×k) -> m"
EXAMPLE = "Declarations look like A: m×n; b: m; S: n×n symmetric; t: scalar; h: elementwise"


def refuse_complex(declarations: list[Declaration]) -> None:
    """Raises UnsupportedError for a complex variable, where the rules are of real ones."""
    found = next((d.name for d in declarations if not COMPLEX.isdisjoint(d.words)), None)
    if found is not None:
        raise UnsupportedError(
            f"{found} is declared complex, and here all variables are real", hint="complex variables go with derive"
        )


def read_declaration(text: str, start: int, colon: int, end: int) -> list[Declaration]:
    """One statement, which may declare several names alike."""
    if sign := arrow_sign.search(text, colon + 1, end):
        return _read_arrow(text, start, colon, end, sign.span())
    try:
        return _read(text, start, colon, end)
    except ParseError as error:
        said = text[colon + 1 : end]
        if _sizes_in_words.match(said) and (found := in_words(text[start:colon].strip(), said, (start, end))):
            return found
        error.hint = advice(text[start:colon].strip(), text[colon + 1 : end]) or error.hint
        raise


def _read(text: str, start: int, colon: int, end: int) -> list[Declaration]:
    names = _names(text, start, colon)
    if text[colon + 1 : end].strip() in ("ℂ", "\\mathbb{C}", "\\mathbb C"):
        return [Declaration(n, (), ("scalar", "complex"), s) for n, s in names]
    sizes, words = _shape(text, colon + 1, end)
    _check(names, sizes, words, text, (start, end))
    return [Declaration(n, sizes, tuple(words), s) for n, s in names]


def _read_arrow(text: str, start: int, colon: int, end: int, sign: Span) -> list[Declaration]:
    """`h: (n, k, scalar) -> p`: an unknown function of arrays."""
    names = _names(text, start, colon)
    if again := arrow_sign.search(text, sign[1], end):
        raise ParseError("a function has one arrow", text=text, span=again.span(), hint=ARROWS)
    inputs = tuple(_arrow_shape(text, *part) for part in _parts(text, colon + 1, sign[0]))
    value = _arrow_shape(text, sign[1], end)
    return [Declaration(n, (), (), s, (inputs, value)) for n, s in names]


def _parts(text: str, start: int, end: int) -> list[Span]:
    """The places of what stands between commas, in parentheses or not."""
    said = text[start:end]
    inside = said.strip()
    if inside[:1] == "(" and inside[-1:] == ")":
        start, end = start + said.index("(") + 1, start + said.rindex(")")
    found = []
    for part in text[start:end].split(","):
        found.append((start, start + len(part)))
        start += len(part) + 1
    return found


def _arrow_shape(text: str, start: int, end: int) -> tuple[str, ...]:
    """The dimensions of one argument or of the value; none for `scalar`, ℝ."""
    said = text[start:end].strip()
    place = (start, max(end, start + 1))
    if not said:
        raise ParseError("a shape is missing beside the arrow", text=text, span=place, hint=ARROWS)
    if said in ("R", "ℝ", "\\mathbb{R}", "\\mathbb R"):
        return ()
    try:
        sizes, words = _shape(text, start, end)
    except ParseError:
        found = in_words("x", said, place) if _sizes_in_words.match(said) else []
        if not found:
            raise
        sizes, words = found[0].dims, list(found[0].words)
    if len(sizes) > 2 or words != ["scalar"] * (not sizes):
        message = f"`{said}` is no shape: arguments and values of unknown functions have sizes alone"
        raise ParseError(message, text=text, span=place, hint=ARROWS)
    return sizes


def _shape(text: str, start: int, end: int) -> tuple[tuple[str, ...], list[str]]:
    """Dimensions and words."""
    words: list[str] = []
    dims: list[list[tuple[str, int]]] = [[]]
    last = ""
    for kind, piece, at in _pieces(text, start, end):
        if piece == "columns" and words[-1:] and words[-1] in COLUMNS:
            words[-1] = COLUMNS[words[-1]]
            continue
        told = piece in READ | KINDS | NUMBERS | OTHERS or (last == "" and _nearest(piece))
        if kind == "name" and (told or (last == "operand" and piece != "x")):
            words.append(_word(piece, text, at))
        elif kind == "times" or piece == "x":
            if last != "operand" or words not in ([], ["complex"]):
                raise _wrong(f"`{piece}` has no dimension before it", text, (at, at + 1))
            dims.append([])
            last = "times"
        else:
            if words and words != ["complex"]:
                raise _wrong("dimensions come before the words", text, (at, at + len(piece)))
            last = _dimension(dims, last, kind, piece, text, at)
    if last in ("times", "sign"):
        raise _wrong("a dimension is missing at the end", text, (end - 1, end))
    return tuple("".join(p for p, _ in d) for d in dims if d), words


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


def _pieces(text: str, start: int, end: int) -> list[tuple[str, str, int]]:
    """(number | name | times | sign, as written, place); `mxn` and `2x3` come as three."""
    pieces = []
    while start < end and (m := _piece.match(text, start, end)):
        kind, piece, at = m.lastgroup or "", m[m.lastgroup or 0], m.start(m.lastgroup or 0)
        start = m.end()
        if kind in ("number", "name") and (g := _glued.match(text, at, end)):
            pieces += [
                ("name" if g[1].isalpha() else "number", g[1], at),
                ("times", "x", g.end(1)),
                ("name" if g[2].isalpha() else "number", g[2], g.start(2)),
            ]
            start = g.end()
        elif kind == "bad":
            raise (
                _wrong(
                    "declarations are separated by `;`" if piece == ":" else f"unexpected `{piece}`", text, (at, at + 1)
                )
                if piece in "=/:^{}[]&|<>"
                else unknown(piece, text, at)
            )
        elif kind == "name":
            pieces.append((kind, plain_name(piece, text, at), at))
        else:
            pieces.append(("times" if piece in ("×", "\\times") else kind, piece, at))
    return pieces


def _dimension(dims: list[list[tuple[str, int]]], last: str, kind: str, piece: str, text: str, at: int) -> str:
    """One more piece of a dimension such as 2*n+1; returns what it was."""
    span = (at, at + len(piece))
    if piece == "," or (piece == "by" and last == "sign"):
        raise _wrong("declarations are separated by `;`" if piece == "," else "sizes are written m×n", text, span)
    if piece in "()":
        inside = "(" in [p for p, _ in dims[-1]]
        if (piece == "(" and last == "sign") or (piece == ")" and inside and last == "operand"):
            dims[-1].append((piece, at))
        return last
    if kind == "number" and not piece.isdigit():
        raise _wrong(f"a dimension is a whole number, not {piece}", text, span)
    if kind == "number" and len(piece) > 18:
        raise _wrong("a dimension this large cannot be meant", text, span)
    piece = str(int(piece)) if kind == "number" else piece
    if kind == "sign":
        if last != "operand":
            message = "a dimension cannot be negative" if piece == "-" else f"`{piece}` has no dimension before it"
            raise _wrong(message, text, span)
    elif last == "operand":
        raise _wrong(f"unexpected `{piece}` after a dimension", text, span)
    dims[-1].append((piece, at))
    return "sign" if kind == "sign" else "operand"


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
