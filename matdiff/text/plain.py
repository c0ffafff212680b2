"""The lexer of plain text."""

from __future__ import annotations

import re
from typing import Any

from matdiff.core import op
from matdiff.core.patterns import deferred
from matdiff.printing.names import LOWERED, SUBSCRIPT
from matdiff.text import habits, moving, numbers
from matdiff.text.characters import LETTER, NORMS, OPERATORS, SPACE, VULGAR, plain_name, raised, unknown
from matdiff.text.dialect import notation
from matdiff.text.ranges import big, bounded
from matdiff.text.tokens import OPERAND_ENDS, Stream, number
from matdiff.text.tree import Span, Tree

_token = deferred(
    rf"""[{SPACE}]*(?:
    (?P<NAME>[{LETTER}][{LETTER}0-9_]*[{SUBSCRIPT}]*)
  | (?P<OPEN>[(\[<⟨〈\u2329])
  | (?P<CLOSE>[)\]>⟩〉\u232a])
  | (?P<NUMBER>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+\.(?![*/^+'\\−T-]))
  | (?P<TICK>\.?'|′|’|\.T(?![{LETTER}0-9_])|ᵀ|⊤|\^\s*(?:T(?![{LETTER}0-9_])|ᵀ|⊤|\(\s*T\s*\)))
  | (?P<INVT>⁻ᵀ|\^\s*(?:[-−]\s*T(?![{LETTER}0-9_])|\(\s*[-−]\s*T\s*\)))
  | (?P<STAR>\^\s*(?:H(?![{LETTER}0-9_])|ᴴ|†|\(\s*H\s*\)|\*)|[ᴴ†]|\.m?H(?![{LETTER}0-9_]))
  | (?P<AXIS>,\s*(?:(?:axis|dim)\s*=\s*(?:0|1|[-−]1)|(?:dims\s*=|\[\s*\]\s*,)\s*[12])\s*(?=\)))
  | (?P<RANGE>=(?=[^=,;]{{1,50}}\.\.))
  | (?P<OPERATOR>\.[*/^+−-]|\*\*|@|[+\-−–*·⋅∗×∙•/∕⁄÷⊙∘◦⊘\\⊗^,;:=])
  | (?P<BAR>\|\||[‖∥|])
  | (?P<RAISED>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)
  | (?P<VULGAR>[{"".join(VULGAR)}])
  | (?P<END>\Z)
  | (?P<BAD>.)
  )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_norm = deferred(r"(²?)(?:_([A-Za-z0-9]+|\*|∞)|([₁₂∞]))")
_big = deferred(r"(sum|prod)_([a-z]{1,3})(?=\s+[\w(‖|√\[])", re.ASCII)
"""sum_i (…)^2 with a space, which is the sum of squares; sum_i(…)^2 is the square of a call."""
_sign = deferred(rf"([∑∏])(?:_([a-z]{{1,3}})|([{SUBSCRIPT[10:]}]{{1,3}}))(?![\w^])")
_marked = deferred(rf"((?:[∇∂]\s*[₀-₉]*[²³⁴-⁹]?\s*)+)([{LETTER}][{LETTER}0-9_]*[{SUBSCRIPT}]*)(?=\s*\()")
_part = deferred(r"\.(real|imag)(?![\w.(])")
METHOD = deferred(r"(?:\.[A-Za-z]\w{0,29}){1,5}")
_closing = {")": "RPAR", "]": "RSQB"}


def lex(stream: Stream, start: int, end: int) -> None:
    """Tokens of text[start:end]."""
    text = stream.text
    kinds, values = stream.kinds, stream.values
    at = start
    match = _token.match
    while True:
        found = match(text, at, end)
        assert found is not None
        group: Any = found.lastgroup
        before = at
        first, at = found.span(group)
        if group == "NAME":
            name = text[first:at]
            if not name.isascii():
                name = plain_name(name, text, first)
            if at - first > 1 and stream.stack and name.isalpha() and _between_bars(stream, name, first, at):
                continue
            if name[:4] in ("sum_", "prod") and (letters := _big.match(text, first, end)):
                big(stream, letters[1], letters[2], letters.span(0))
                continue
            tree = Tree("name", (), name, (first, at))
            if stream.names.moving and moving.typed_quotient(stream, tree):
                continue
            kinds.append(group)
            values.append(tree)
        elif group == "OPERATOR":
            kinds.append(OPERATORS[text[first:at]])
            values.append((first, at))
        elif group == "END":
            return _finish(stream, max(before, start))
        else:
            at = _others[group](stream, (first, at))


def _between_bars(stream: Stream, word: str, first: int, end: int) -> bool:
    """The letters of a product ‖Ax - b‖ as names of their own."""
    if all(closer != "RNORM" for closer, _, _ in stream.stack) or stream.text.startswith("(", end):
        return False
    if not stream.names.product(word):
        return False
    stream.names.remarks[f"{word} is read as {'*'.join(word)}"] = None
    for i, letter in enumerate(word, first):
        stream.push("NAME", Tree("name", (), letter, (i, i + 1)))
    return True


def _finish(stream: Stream, end: int) -> None:
    stream.finish(end)
    habits.refuse_signs(stream)
    habits.refuse_habits(stream)


def _open(stream: Stream, span: Span) -> int:
    c = stream.text[span[0]]
    if c == "(" and stream.names.moving and (end := moving.place(stream, span)):
        return end
    if c == "(":
        stream.open("LPAR", "RPAR", span, c)
        habits.refuse_subscripts(stream, span)
    elif c == "[" and stream.directions(span):
        return span[1]
    elif c == "[" and _bracket_calls(stream, span):
        stream.open("LPAR", "RPAR", span, c)
    elif c == "[":
        habits.refuse_called(stream, span)
        touching = span[0] > 0 and stream.kinds and stream.kinds[-1] in OPERAND_ENDS and stream.kinds[-1] != "NUMBER"
        stream.open("INDEX" if touching and not stream.text[span[0] - 1].isspace() else "LSQB", "RSQB", span, c)
    else:
        stream.open("LANGLE", "RANGLE", span, c)
    return span[1]


def _close(stream: Stream, span: Span) -> int:
    habits.refuse_open_slice(stream, span)
    habits.refuse_spaced_blocks(stream, span)
    c = stream.text[span[0]]
    calls = c == "]" and stream.stack and stream.stack[-1][0] == "RPAR" and stream.stack[-1][2] == "["
    stream.close("RPAR" if calls else _closing.get(c, "RANGLE"), span)
    return span[1]


def _bracket_calls(stream: Stream, span: Span) -> bool:
    """Tr[A.X], as in Mathematica; a lower-case word before a bracket has an index."""
    name = stream.values[-1] if stream.kinds and stream.kinds[-1] == "NAME" else None
    if name is None or name.span[1] != span[0] or name.value in stream.names.variables:
        return False
    word = str(name.value)
    return word[0].isupper() and len(word) > 1 and word not in stream.names.words and bool(stream.names.meaning(word))


def _number(stream: Stream, span: Span) -> int:
    written = stream.text[span[0] : span[1]]
    if stream.kinds and stream.kinds[-1] == "NUMBER":
        block = stream.stack and stream.stack[-1][0] == "RSQB"
        hint = "Entries are separated by commas: [1, 2, 3]." if block else "Write 2*3 or 2 + 1/2."
        stream.refuse("two numbers without an operator between them", span, hint)
    if end := numbers.imaginary(stream, span):
        return end
    numbers.refuse_glued(stream, span)
    value = Tree("number", (), VULGAR[written], span) if written in VULGAR else number(stream, written, span)
    stream.push("NUMBER", value)
    return span[1]


def _axis(stream: Stream, span: Span) -> int:
    """`axis=0` of NumPy and `dim=0` of PyTorch count from 0, `dims=1` of Julia and `[], 1` of MATLAB from 1."""
    written = stream.text[span[0] : span[1]].rstrip()
    last = written[-2:] in ("-1", "−1")
    counted = "axis" in written or "dim=" in written.replace(" ", "")
    stream.push("AXIS", Tree("number", (), 2 if last else int(written[-1]) + counted, span))
    return span[1]


def _range(stream: Stream, span: Span) -> int:
    if stream.kinds[-2:] == ["COMMA", "NAME"] and (found := bounded(stream.text, stream.values[-1], span[0])):
        stream.values[-1] = found
        return found.span[1]
    stream.push("EQUALS", span)
    return span[1]


def _mark(kind: str) -> Any:
    def push(stream: Stream, span: Span) -> int:
        stream.push(kind, span)
        return span[1]

    return push


def _raised(stream: Stream, span: Span) -> int:
    value = int(stream.text[span[0] : span[1]][:300].translate(raised))
    stream.push("SUPERSCRIPT", Tree("number", (), value, span))
    return span[1]


def _bar(stream: Stream, span: Span) -> int:
    if span[1] - span[0] == 2 and not stream.bar_opens("RBAR"):
        span = (span[0], span[0] + 1)
    single = stream.text[span[0] : span[1]] == "|"
    closer = "RBAR" if single else "RNORM"
    if stream.bar_opens(closer):
        stream.open("LBAR" if single else "LNORM", closer, span)
        return span[1]
    if single:
        stream.close(closer, span)
        return span[1]
    which = _norm.match(stream.text, span[1])
    end = which.end() if which else span[1]
    name = (which[2] or which[3].translate(LOWERED)) if which else ""
    if name not in NORMS:
        stream.refuse(
            f"no norm is called ‖·‖_{name}", (span[0], end), "There are ‖x‖, ‖x‖_2, ‖X‖_F, ‖x‖_1 and ‖x‖_inf."
        )
    stream.close(closer, span, ((span[0], end), NORMS[name]))
    if which and which[1]:
        _raised(stream, which.span(1))
    return end


def _tick(stream: Stream, span: Span) -> int:
    if stream.text[span[0]] == "." and notation(stream.text) == "Mathematica" and "T" in stream.text[slice(*span)]:
        hint = "Write Transpose[A] for the one, A*T for the other."
        stream.refuse("is this a transpose or the product with a matrix T?", span, hint)
    before = stream.kinds[-1] if stream.kinds else ""
    if before == "COMMA":
        habits.refuse_quoted(stream, span)
    if before == "NUMBER" and stream.values[-1].value == 1 and not {"CARET", "DOTCARET"} & {*stream.kinds[-3:-1]}:
        stream.refuse("a number is not transposed", span, "A vector of ones is vector(1), or ones(n) with its length.")
    stream.push("TICK", span)
    return span[1]


def _star(stream: Stream, span: Span) -> int:
    """A^H, A† and A.H are the conjugate transpose, z^* is the conjugate."""
    if not stream.after_operand():
        stream.push("CARET", span)
        return span[1]
    if stream.text[span[0]] == "." and notation(stream.text) == "Mathematica":
        stream.push("AT", (span[0], span[0] + 1))
        return span[0] + 1
    stream.conjugate(span, "star" if stream.text[span[1] - 1] == "*" else "ᴴ")
    return span[1]


def _dot(stream: Stream, span: Span) -> int:
    """np.linalg.inv(X), X.trace(), exp.(x), A.B of Mathematica; returns 0 where it is none of these."""
    text, last = stream.text, stream.values[-1]
    method = METHOD.match(text, span[0])
    owner = str(last.value) if stream.kinds[-1] == "NAME" else ""
    if owner in habits.MODULES and owner not in stream.names.variables and method:
        return qualified(stream, method)
    if method and text.startswith("(", method.end()) and stream.names.meaning(method[0]) and method[0].count(".") == 1:
        stream.open("METHOD", "RPAR", (span[0], method.end() + 1), "(")
        stream.values[-1] = Tree("name", (), method[0], (span[0], method.end()))
        stream.foreign = True
        return method.end() + 1
    if part := _part.match(text, span[0]):
        stream.conjugated = stream.conjugated or part.span()
        stream.push("METHOD", Tree("name", (), "re" if part[1] == "real" else "im", part.span()))
        stream.push("RPAR", part.span())
        return part.end()
    if text.startswith("(", span[1]) and _entrywise(stream.names.meaning(owner)) and last.span[1] == span[0]:
        last.span = (last.span[0], span[1])
        return span[1]
    if notation(text) == "Mathematica":
        stream.push("AT", span)
        return span[1]
    return 0


def qualified(stream: Stream, path: re.Match[str]) -> int:
    """The function at the end of np.linalg.inv, whose module stands last in the stream; 0 where it is none."""
    word, place = path[0].rpartition(".")[2], (stream.values[-1].span[0], path.end())
    if len(word) == 1 or not (word == "pi" or stream.names.meaning("." + word)):
        return 0
    called = stream.text.startswith("(", path.end())
    stream.values[-1] = Tree("name", (), "." + word if called else word, place)
    return path.end()


def _entrywise(word: str) -> bool:
    """Whether f.(x) of Julia is f(x) here."""
    return bool(word) and all(getattr(r, "elementwise", False) for r in op.words.get(word, [None]))


def _derivative(stream: Stream, span: Span) -> int:
    """∇²phi( and ∂₁f( of unknown functions of arrays: the name of a derivative, marks and all; 0 where it is none."""
    found = _marked.match(stream.text, span[0])
    if found is None:
        return 0
    name = plain_name(found[2], stream.text, found.start(2))
    if name not in stream.names.arrows:
        return 0
    stream.push("FUNC", Tree("name", (), "".join(found[1].split()) + name, (span[0], found.end(2))))
    stream.foreign = True
    return found.end(2)


def _bad(stream: Stream, span: Span) -> int:
    if stream.names.arrows and (after := _derivative(stream, span)):
        return after
    if stream.text[span[0]] == "." and stream.after_operand() and (after := _dot(stream, span)):
        return after
    if sign := _sign.match(stream.text, span[0]):
        big(stream, "sum" if sign[1] == "∑" else "prod", (sign[2] or sign[3]).translate(LOWERED), sign.span())
        return sign.end()
    method = METHOD.match(stream.text, span[0])
    if method and stream.after_operand():
        habits.refuse_method(stream, method[0], method.span())
    habits.refuse_quoted(stream, span)
    c = stream.text[span[0]]
    error = unknown(c, stream.text, span[0])
    if c == "_" and stream.kinds:
        error.hint = habits.subscripted(stream)
    elif stream.text.startswith("!=", span[0]):
        error.hint = habits.COMPARED
    error.hint = habits.SIGNS.get(c, error.hint)
    raise error


_others = {
    "OPEN": _open,
    "CLOSE": _close,
    "NUMBER": _number,
    "VULGAR": _number,
    "AXIS": _axis,
    "TICK": _tick,
    "STAR": _star,
    "INVT": _mark("INVT"),
    "RAISED": _raised,
    "RANGE": _range,
    "BAR": _bar,
    "BAD": _bad,
}
