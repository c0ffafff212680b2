"""Habits from other notations and tools, each refused with what to write instead."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from matdiff.core.patterns import deferred
from matdiff.errors import UnsupportedError
from matdiff.text.advice import INSTEAD, REFUSALS
from matdiff.text.characters import LETTER
from matdiff.text.moving import understood
from matdiff.text.tokens import GREEK, OPERAND_ENDS, SOFT, Stream, letters, place_of, words
from matdiff.text.tree import Span, Tree

MODULES = words("np numpy scipy sp la linalg torch tf jnp jax math sympy LinearAlgebra")
COMPARED = "There are no comparisons here: write the function alone."
SIGNS = {
    **dict.fromkeys("≤≥≠≈≡∼≺≻⪯⪰∈", COMPARED),
    "∫": "Write the integrand; integrals of unknown functions are what `matdiff vary` is for.",
    "∞": "There is no infinity; the largest absolute value is norminf(x).",
    "→": "Limits are not part of the language; write the value.",
    "~": COMPARED,
    "±": "Write one of the two signs.",
    "†": "The pseudoinverse is pinv(A), a transpose A'.",
    **dict.fromkeys("´ˊ", "A transpose is written A'."),
    **dict.fromkeys("“”„«»", "There are no quoted texts; a transpose is written A'."),
}
SUBSCRIPTED = {
    "RBAR": "A norm has two bars on each side: ||x||_2.",
    "RPAR": "A name carries it, a call does not: norm1(x), norminf(x), normF(X).",
    "RANGLE": "Write x'*A*y.",
}
ATTRIBUTES = {"H": "A'", "mT": "A'", "t": "A'", "I": "inv(A)"}
QUOTED = {"fro": "normF({})", "f": "normF({})", "nuc": "nuclear({})", "inf": "norminf({})", "all": "sum({})"}
RAISED = {
    "STAR": "All variables are real: write A' for A^*.",
    "PLUS": "Write pinv(A) for A^+.",
    "CARET": "A power is written x^2, entry by entry x.^2.",
    "TICK": "A transpose is written A', A.T or A^T.",
}
NAMED = {
    **dict.fromkeys(("axis", "dim", "keepdims"), "Sums along one axis are colsum(X) and rowsum(X)."),
    "ord": "Norms are norm(x), norm1(x), norminf(x), normF(X) and sigma_max(X).",
}
GOALS = words("min max minimize minimise maximize maximise argmin argmax arg sup")
INDEXED = words("sum prod max min")
STARTS = words("NAME NUMBER FUNC LPAR LBAR LNORM LANGLE LSQB")
OPENS, CLOSES = words("LPAR LSQB INDEX LBAR LNORM LANGLE"), words("RPAR RSQB RBAR RNORM RANGLE $END")
LOOSE = words("PLUS MINUS DOTPLUS DOTMINUS COMMA SEMI COLON EQUALS")
FOLLOWERS, POWERS = words("NAME NUMBER FUNC LPAR"), words("CARET DOTCARET POW")
BARRED, SHORT = words("LNORM LBAR FUNC"), 40
LATEX = 'read the text as LaTeX (--input latex, in Python dialect="latex")'

_quoted = deferred(r"[\"'](\w{0,20})[\"']")
_item = r"(?::|\d+\s*(?::\s*\d+)?|[ijkl])"
_subscript = deferred(rf"\(\s*({_item})\s*(?:,\s*({_item})\s*)?\)(?!\s*=)")
_sized = deferred(r"\(\s*(\d+|[a-z])\s*\)")
_applied = deferred(rf"\(\s*([{LETTER}]\w*|\d+)\s*\)(?!\s*:?=)")
_decimal = deferred(r"(?<![\w.,])\d+,\d+(?![\w.,])")
_whole = str.maketrans("ijkl", "1212")
_arguments = deferred(r"\([\w\s.*+'-]{1,40},[\w\s.*+',-]{1,40}\)(?!\s*:?=)")
_argument = deferred(r"[(\[]([^()\[\]]{0,40})[)\]]")
_norm_of_latex = deferred(r"[|‖]_[2F]\^2")


def refuse_subscripts(stream: Stream, span: Span) -> None:
    """X(1,2), X(:,1), f(A,B) and f(x) of what is no function."""
    if stream.kinds[-3:-1] == ["NAME", "TICK"]:
        _refuse_derived(stream, span)
    name = stream.values[-2] if len(stream.kinds) > 1 and stream.kinds[-2] == "NAME" else None
    if name is None or name.span[1] != span[0]:
        return
    shown = stream.text[name.span[0] : name.span[1]]
    if shown == "I" and (size := _sized.match(stream.text, span[0])):
        hint = f"Write eye({size[1]}) for the identity of that size, {size[1]}*I for a product."
        stream.refuse("I has the size that fits", (name.span[0], size.end()), hint)
    found = _subscript.match(stream.text, span[0])
    inside = found[0][1:-1].replace(" ", "") if found else ""
    if found and (found[2] or ":" in inside):
        written = f"vec({shown})" if inside == ":" else f"{shown}[{inside.translate(_whole)}]"
        whole = ", with whole numbers" * bool(re.search("[a-z]", inside))
        stream.refuse("entries stand in square brackets", (name.span[0], found.end()), f"Write {written}{whole}.")
    if applied := _applied.match(stream.text, span[0]):
        application(stream, name, applied[1], (name.span[0], applied.end()))
    if called := _arguments.match(stream.text, span[0]):
        hint = f"Functions of one's own have one parameter: s(t) = t/(1+exp(-t)); an entry is {shown}[1,2]."
        if not shown.startswith("\\") and name.value not in stream.names.variables:
            places = ", ".join("nmkpq"[: called[0].count(",") + 1]) if called[0].count(",") < 5 else "n, m, …"
            hint += f"  Unknown ones of arrays are declared: `{name.value}: ({places}) -> scalar`."
        stream.refuse(f"{shown} is no function that takes arguments", (name.span[0], called.end()), hint)


def _refuse_derived(stream: Stream, span: Span) -> None:
    """f'(x) of an f that is not declared."""
    name, found = stream.values[-3], _applied.match(stream.text, span[0])
    prime = stream.text[name.span[1] : span[0]]
    if found and prime == "'" and name.value not in stream.names.variables:
        hint = f"Write {name.value}'*{found[1]} for a product, or declare {_function(name)}."
        place = (name.span[0], found.end())
        stream.refuse(f"is {name.value}'({found[1]}) the derivative of a function or a product?", place, hint)


def _function(name: Tree) -> str:
    """How an unknown function is declared."""
    return f"`{name.value}: elementwise` (of arrays: `{name.value}: n -> m`)"


def application(stream: Stream, name: Tree, inside: str, span: Span, times: str = "*") -> None:
    """A(p), x(t), u(0): a name before one name or number in parentheses is a function's value to most.

    Refused, but of a name that is declared as no function: there the product is said.
    """
    if understood(stream, str(name.value), inside):
        return
    shown, whole = stream.text[name.span[0] : name.span[1]], stream.text[span[0] : span[1]]
    product = f"{shown}{times}{inside}"
    if name.value in stream.names.variables:
        stream.names.remarks[f"{whole} is read as the product {product}"] = None
        return
    if inside.isdigit():
        entry = f", {shown}[{inside}] for an entry" if inside != "0" and times == "*" else ""
        hint = f"Write {shown}_{inside} for a name of its own, {product} for a product{entry}."
        stream.refuse(f"is {whole} the value of a function or a product?", span, hint)
    before = re.search(r"[A-Z]+\Z", stream.text[: span[0]]) if shown.isupper() and len(shown) == 1 else None
    if before and times != "*":
        word = before[0] + shown
        hint = f"For a product set the letters apart: {' '.join(word)} \\cdot {inside}."
        stream.refuse(f"there is no function {word}", (before.start(), span[1]), hint)
    hint = f"Write {shown} alone where {inside} is understood, {product} for a product"
    hint += f", or declare {_function(name)}."
    stream.refuse(f"is {whole} a function of {inside} or a product?", span, hint)


def refuse_called(stream: Stream, span: Span) -> None:
    """Inverse[X], tr[X]."""
    name = stream.values[-1] if stream.kinds and stream.kinds[-1] == "NAME" else None
    if name is None or name.span[1] != span[0] or len(name.value) == 1 or name.value in stream.names.variables:
        return
    word, found = name.value.lower(), _argument.match(stream.text, span[0])
    argument = found[1] if found else "X"
    written = f"{word}({argument})" if word in stream.names.words else INSTEAD.get(word, "")
    if written or word in REFUSALS:
        place = (name.span[0], found.end() if found else span[1])
        hint = f"Write {written}." if written else REFUSALS[word][1]
        stream.refuse("arguments stand in parentheses, indices in square brackets", place, hint)


def refuse_quoted(stream: Stream, span: Span) -> None:
    """norm(X,'fro')."""
    if quoted := _quoted.match(stream.text, span[0]):
        of = str(stream.values[-2].value) if stream.kinds[-2:] == ["NAME", "COMMA"] else "X"
        written = QUOTED.get(quoted[1].lower(), "")
        hint = f"Write {written.format(of)}." if written else "A ' transposes what stands before it."
        stream.refuse("there are no quoted texts", quoted.span(), hint)


def refuse_method(stream: Stream, method: str, span: Span) -> None:
    """np.linalg.inv(X), x.dot(y)."""
    last = method.rpartition(".")[2]
    owner = stream.values[-1].value if stream.kinds[-1] == "NAME" else "X"
    found = _argument.match(stream.text, span[1])
    argument = (found[1] if found and found[1] else "X") if owner in MODULES else owner
    written = f"{last}({argument})" if last in stream.names.words else ATTRIBUTES.get(last) or INSTEAD.get(last.lower())
    if last in ("trace", "transpose"):
        written = {"trace": "tr(A)", "transpose": "A'"}[last].replace("A", argument)
    if len(last) == 1 and not written:
        written = f"{owner}*{last} for the product"
    hint = f"write {written}." if written else REFUSALS.get(last.lower(), ("", "functions are called as inv(X)."))[1]
    stream.refuse(f"unexpected `{method}`", span, f"There are no methods and modules: {hint}")


def subscripted(stream: Stream) -> str:
    """What is meant by |x|_2, ||x||^2_2, 1_n, <x, y>_A."""
    if stream.kinds[-1] == "SUPERSCRIPT" or stream.kinds[-2:] == ["CARET", "NUMBER"]:
        return "The subscript stands before the power: ||x||_2^2."
    if stream.kinds[-1] == "NUMBER" and stream.text[_start(stream, -1) :][2:3].isdigit():
        return "Digits stand together: 1000."
    if stream.kinds[-1] == "NUMBER":
        return "A vector of ones is ones(n), or vector(1) of the length that fits."
    return SUBSCRIPTED.get(stream.kinds[-1], "A name starts with a letter.")


def refuse_open_slice(stream: Stream, span: Span) -> None:
    """x[1:], x[:3]."""
    first, *rest = (["", *stream.kinds])[-3:]
    if stream.text[span[0]] == "]" and (
        (rest[-1:] == ["COLON"] and rest[:1] not in (["INDEX"], ["COMMA"]))
        or (rest[:1] == ["COLON"] and first in ("INDEX", "COMMA") and rest[-1] != "RSQB")
    ):
        hint = "Write x[1:3], or x[2:n] with x: n declared; indices count from 1, and both ends belong to it."
        stream.refuse("a slice has both ends", span, hint)


BARE = frozenset({"NAME", "TICK", "INVT", "SUPERSCRIPT", "PINV"})
"""Of names and what stands at their upper right."""


def refuse_spaced_blocks(stream: Stream, span: Span) -> None:
    """[A B; C D]: blocks side by side, as in MATLAB and Julia, or products?"""
    start = max((i for i, kind in enumerate(stream.kinds) if kind == "LSQB"), default=None)
    if start is None or stream.text[span[0]] != "]":
        return
    rows: list[list[str]] = [[]]
    for kind in stream.kinds[start + 1 :]:
        if kind == "SEMI":
            rows.append([])
        elif kind in BARE:
            rows[-1].append(kind)
        else:
            return
    counts = {row.count("NAME") for row in rows}
    if len(counts) != 1 or counts <= {0, 1}:
        return
    place = _start(stream, start), span[1]
    inside = stream.text[place[0] + 1 : place[1] - 1]
    blocks, products = (re.sub(r"(?<=[^\s;])[^\S\n]+(?=[^\s;])", sign, inside) for sign in (", ", "*"))
    hint = f"Write [{blocks}] for blocks side by side, [{products}] for products."
    stream.refuse("entries side by side without a comma have two meanings", place, hint)


def refuse_signs(stream: Stream) -> None:
    """// a comment; 0,5*x; A^*."""
    kinds, first = stream.kinds, _start(stream, 0)
    if stream.text.startswith(("//", "/*"), first):
        stream.refuse("a comment starts with #", (first, first + 2), "Write # before it.")
    if (comma := _decimal.search(stream.text, first, _start(stream, -1))) and kinds[0] != "LSQB":
        _refuse_decimal(stream, comma.start(), comma[0].replace(",", "."))
    for i, (kind, after) in enumerate(pairwise(kinds)):
        if kind == "CARET" and after in RAISED:
            stream.refuse("the exponent is missing", stream.values[i], RAISED[after])


def reach(stream: Stream) -> None:
    """How far a denominator or an exponent goes, x/2y, 1/N x, x^1/2, e^2x, and numbers where none are expected.

    What stands behind a quotient multiplies it.  Where a product without a sign may have been meant to stand below it
    that is said; refused are those that people read the other way as often.
    """
    kinds = stream.kinds
    for i, kind in enumerate(kinds):
        if kind == "SLASH":
            _denominator(stream, i)
        elif kind in ("CARET", "DOTCARET"):
            _exponent(stream, i)
        elif kind == "NUMBER" and i and kinds[i - 1] in OPERAND_ENDS:
            _number_behind(stream, i)
        elif kind == "TICK" and _is_one(stream, i - 1):
            hint = f"A vector of ones is {_ones(stream)}."
            stream.refuse("a number is not transposed", place_of(stream.values[i]), hint)


def _number_behind(stream: Stream, i: int) -> None:
    """(x-y)2 is a power that lost its sign as often as a product, A 1 is A times a vector of ones."""
    one, follows = _is_one(stream, i), stream.kinds[i + 1] in STARTS
    if follows and not one:
        return
    before, written = _typed(stream, i - 1), _typed(stream, i)
    if one:
        hint = f"A vector of ones is {_ones(stream)}."
    else:
        before = before if stream.kinds[i - 1] == "NAME" else "(…)"
        hint = f"Write {written}*{before} for the product, {before}^{written} for the power."
    stream.refuse("a number behind its factor without an operator", place_of(stream.values[i]), hint)


def _is_one(stream: Stream, i: int) -> bool:
    """Whether this token is the number 1, and no exponent."""
    return _is_number(stream, i) and bool(stream.values[i].value == 1)


def _ones(stream: Stream) -> str:
    return r"\mathbf{1}" if stream.typeset else "vector(1), or ones(n) with its length"


def _touching(stream: Stream, i: int, j: int) -> bool:
    """Whether nothing stands between the tokens i to j, no space and no brace of LaTeX."""
    return all(place_of(a)[1] == place_of(b)[0] for a, b in pairwise(stream.values[i : j + 1]))


def _typed(stream: Stream, i: int, j: int | None = None) -> str:
    """The token i as it was typed, or all from it to the token j."""
    return stream.text[place_of(stream.values[i])[0] : place_of(stream.values[i if j is None else j])[1]]


def _is_number(stream: Stream, i: int) -> bool:
    """Whether this token is a number that is no exponent."""
    before = stream.kinds[max(i - 1, 0)]
    return (
        stream.kinds[i] == "NUMBER"
        and before not in POWERS
        and (before != "MINUS" or stream.kinds[i - 2] not in POWERS)
    )


def _denominator(stream: Stream, i: int) -> None:
    kinds, values, text = stream.kinds, stream.values, stream.text
    below, n = kinds[i + 1], _behind(kinds, i + 1)
    if not n:
        return
    after = kinds[n]
    same = below in BARRED and after == below and _typed(stream, i + 1) == _typed(stream, n)
    if not (after in FOLLOWERS or same) or _typed(stream, i) != "/":
        return
    touching, quotient = _touching(stream, n - 1, n), _is_number(stream, i - 1)
    between = text[place_of(values[n - 1])[1] : place_of(values[n])[0]]
    beside = touching or (stream.typeset and between.isspace())
    if below == "NUMBER" and not beside and quotient:
        return
    left, right = place_of(values[n])
    d, rest, span = _typed(stream, i + 1, n - 1), _typed(stream, n), (values[i][0], right)
    rest += {"FUNC": "(…)", "LPAR": "…)", "LNORM": f"…{rest}", "LBAR": f"…{rest}"}.get(after, "")
    greek = after == "NAME" and letters(str(values[n].value)) in GREEK
    if same or (below == "NUMBER" and ((beside and greek) or (touching and not quotient))):
        hint = f"Write /{d}*{rest} for the product, /({d}*{rest}) for one denominator."
        stream.refuse(f"does the denominator end at {d}?", span, hint)
    shown = text[span[0] : left] + rest
    stream.names.remarks[f"of {shown} only {d} is the denominator; both together are /({d}*{rest})"] = None


def _behind(kinds: list[str], i: int) -> int:
    """Behind the factor that begins here, its exponent included; 0 where it is no short one."""
    n = i
    if kinds[i] in BARRED:
        depth = 0
        for n in range(i + (kinds[i] == "FUNC"), min(i + SHORT, len(kinds))):
            depth += (kinds[n] in OPENS) - (kinds[n] in CLOSES)
            if depth <= 0:
                break
        else:
            return 0
    elif kinds[i] not in ("NAME", "NUMBER"):
        return 0
    n += 1
    while n < len(kinds) and kinds[n] in ("TICK", "SUPERSCRIPT", "CARET") and kinds[i] != "NUMBER":
        n += 1 if kinds[n] != "CARET" else 2 + (kinds[n + 1] == "MINUS")
    return n if n < len(kinds) and kinds[n - 1] not in OPENS else 0


def _exponent(stream: Stream, i: int) -> None:
    """x^1/2 and X^-1/2 are rarely meant as quotients, nor e^2x as a multiple of e²."""
    kinds, values = stream.kinds, stream.values
    n = i + 1 + (kinds[i + 1] == "MINUS")
    if kinds[n] != "NUMBER" or not _touching(stream, i, n + 1):
        return
    exponent, base = _typed(stream, i + 1, n), _typed(stream, i - 1)
    if kinds[n + 1 : n + 3] == ["SLASH", "NUMBER"] and exponent in ("1", "-1") and _touching(stream, n, n + 2):
        whole = _typed(stream, i + 1, n + 2)
        span = (values[i][0], place_of(values[n + 2])[1])
        hint = f"Write ^({whole}) for the root, ({base}^{exponent}){whole[len(exponent) :]} for the quotient."
        stream.refuse(f"is {whole} the exponent?", span, hint)
    if kinds[n + 1] in ("NAME", "FUNC") and (kinds[i - 1] == "NUMBER" or base == "e"):
        rest = _typed(stream, n + 1)
        hint = f"Write {base}^({exponent}*{rest}) or {base}^({exponent})*{rest}."
        stream.refuse(f"does the exponent end at {exponent}?", (values[i][0], place_of(values[n + 1])[1]), hint)


def refuse_habits(stream: Stream) -> None:
    """log det X, min f, d/dx f, sum(X, axis=1), a^Tx, ||Ax-b||_2^2."""
    kinds, first, last = stream.kinds, _start(stream, 0), _start(stream, -1)
    pasted = "^2" in stream.text and _norm_of_latex.search(stream.text, first, last) is not None
    for i, (kind, after) in enumerate(pairwise(kinds)):
        if kind != "NAME" or kinds[i] != kind or (word := str(stream.values[i].value)) in stream.names.variables:
            continue
        before, span = kinds[i - 1] if i else "", stream.values[i].span
        if word == "d" and after == "SLASH":
            _refuse_derivative(stream, i)
        if len(word) == 1:
            continue
        if after in STARTS and not _apply(stream, i):
            _refuse_bare(stream, i, word)
        if after == "EQUALS" and before == "COMMA":
            stream.refuse("there are no named arguments", span, NAMED.get(word, "Leave it out."))
        if word[0] == "T" and before == "CARET":
            hint = f"Write ^T {' '.join(word[1:])}, or {LATEX}."
            stream.refuse(f"^{word} is a power, not a transpose", span, hint)
        if pasted and before in ("LNORM", "PLUS", "MINUS") and after in ("RNORM", "PLUS", "MINUS"):
            _refuse_pasted(stream, word, span)


def _refuse_pasted(stream: Stream, word: str, span: Span) -> None:
    if len(word) < 5 and word.isalpha() and not stream.names.differential(word):
        hint = f"For a product write {'*'.join(word)}, or {LATEX}."
        stream.refuse(f"{word} is not declared", span, hint)


def _refuse_decimal(stream: Stream, start: int, written: str) -> None:
    """0,5*x, outside of brackets."""
    kinds = stream.kinds
    i = next((i for i, kind in enumerate(kinds) if kind == "NUMBER" and _start(stream, i) == start), -1)
    depth = sum((kind in OPENS) - (kind in CLOSES) for kind in kinds[:i])
    if i >= 0 and not depth and "FUNC" not in kinds[i - 2 : i]:
        stream.refuse("decimals have a point", (start, start + len(written)), f"Write {written}.")


def _refuse_bare(stream: Stream, i: int, word: str) -> None:
    span: Span = stream.values[i].span
    head, index, _ = word.partition("_")
    if word == "kron" and i and stream.kinds[i - 1] in OPERAND_ENDS:
        stream.refuse("functions take parentheses", span, "Write kron(A,B), or A ⊗ B.")
    if _takes_factor(stream, i):
        stream.refuse("functions take parentheses", span, f"Write {_called(stream, i)}.")
    if index and head in INDEXED - GOALS:
        message = f"{word} begins index notation, which is not in the language"
        hint = "Write the function in matrices and vectors: x'*y, sum(X), tr(A*B)."
        raise UnsupportedError(message, text=stream.text, span=span, hint=hint)
    if head.lower() in GOALS:
        message = f"{word} begins an optimisation problem, which is not in the language"
        hint = "Write only the function that is minimised or maximised."
        raise UnsupportedError(message, text=stream.text, span=span, hint=hint)


def _refuse_derivative(stream: Stream, i: int) -> None:
    last = stream.values[i + 2]
    if stream.kinds[i + 2] != "NAME" or last.value[0] != "d" or last.value in stream.names.variables:
        return
    if stream.names.differential(last.value):
        message = f"d/{last.value} is what is computed; it is not part of the function"
        hint = f"Write the function alone and name the variable by wrt: {last.value[1:]}."
        raise UnsupportedError(message, text=stream.text, span=(stream.values[i].span[0], last.span[1]), hint=hint)


def _takes_factor(stream: Stream, i: int) -> bool:
    """Whether the name at a token is a function's, of which an argument may stand without parentheses."""
    word = str(stream.values[i].value) if stream.kinds[i] == "NAME" else ""
    if len(word) < 2 or word in stream.names.variables or word in SOFT or word in GOALS:
        return False
    meant = stream.names.meaning(word)
    return meant in stream.names.words or "{0}" in meant


def _argument_of(stream: Stream, i: int) -> tuple[int, int]:
    """The tokens of the argument of the function, or of the chain of functions, at a token."""
    while _takes_factor(stream, i):
        i += 1
    first, depth = i, 0
    while depth or not _ends(stream, i, first):
        depth += (stream.kinds[i] in OPENS) - (stream.kinds[i] in CLOSES)
        i += 1
    return first, i


def _apply(stream: Stream, i: int) -> bool:
    """`log det X`: functions whose argument is one factor need no parentheses."""
    if not _takes_factor(stream, i) or stream.values[i].value == "kron":
        return False
    first, end = _argument_of(stream, i)
    if stream.kinds[first] == "LBAR" or _factors(stream.kinds[first:end]) != 1:
        return False
    stream.kinds[i:first] = ["APPLY"] * (first - i)
    stream.foreign = True
    return True


def _factors(kinds: list[str]) -> int:
    """How many operands stand side by side or are multiplied."""
    found = depth = 0
    for before, kind in pairwise(["", *kinds]):
        if not depth:
            found += kind in STARTS and before not in ("CARET", "DOTCARET", "FUNC")
            found += kind in ("STAR", "SLASH", "BACKSLASH", "HADAMARD", "DOTSLASH", "KRON", "AT", "METHOD")
        depth += (kind in OPENS) - (kind in CLOSES)
    return found


def _called(stream: Stream, i: int) -> str:
    """log(det(X)) for the `log det X` at a token."""
    kinds = stream.kinds
    first, end = _argument_of(stream, i)
    functions = [str(stream.values[j].value) for j in range(i, first)]
    i = end
    argument = stream.text[_start(stream, first) : _start(stream, i)].strip()
    matrix = any(c.isupper() for c in argument) and "FUNC" not in kinds[first:i]
    if functions[-1] == "log" and kinds[first] == "LBAR" and matrix:
        functions[-1], argument = "logdet", argument[1:-1].strip()
    return "(".join([*functions, argument]) + ")" * len(functions)


def _ends(stream: Stream, i: int, first: int) -> bool:
    """Whether the argument of a function without parentheses, a product or |…|, ends before token i."""
    kind = stream.kinds[i]
    again = i > first and _takes_factor(stream, i)
    return again or kind in LOOSE or kind in CLOSES or stream.kinds[i - 1] == "RBAR"


def _start(stream: Stream, i: int) -> int:
    value: Any = stream.values[i]
    span = value.span if isinstance(value, Tree) else value[0] if isinstance(value[0], tuple) else value
    return int(span[0])
