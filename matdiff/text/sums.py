r"""Sums as papers write them: what they run over, \sum_{i=1}^N, \sum_{i<j}, \sum_{(i,j)\in\Omega}, and what
stands in them beside formulas: indicators, cases, densities."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from matdiff.core.patterns import deferred
from matdiff.errors import ParseError, UnsupportedError
from matdiff.text.grammar import Stuck, run
from matdiff.text.tokens import Stream
from matdiff.text.tree import Binder, Over, Span, Tree, copied, indicator

if TYPE_CHECKING:
    from matdiff.text.latex.latex_places import Pairs

Reader = Any
"""The reader of LaTeX, which is built on this."""

LONGEST = 120
"""Longest subscript of a sum that is read."""

_spelled = (
    (deferred(r"\\(?:limits|nolimits|displaylimits|displaystyle|scriptstyle|substack)(?![A-Za-z])"), ""),
    (deferred(r"\\(?:leqslant|leq|le)(?![A-Za-z])|<="), "≤"),
    (deferred(r"\\(?:geqslant|geq|ge)(?![A-Za-z])|>="), "≥"),
    (deferred(r"\\(?:neq|ne)(?![A-Za-z])|\\not\s*=|!="), "≠"),
    (deferred(r"\\lt(?![A-Za-z])"), "<"),
    (deferred(r"\\gt(?![A-Za-z])"), ">"),
    (deferred(r"\\in(?![A-Za-z])"), "∈"),
    (deferred(r"\\(?:l|c|)dots(?![A-Za-z])"), "..."),
    (deferred(r"\\(?:left|right|mathrm|mathcal|mathbf|text|mathbb)(?![A-Za-z])"), ""),
    (deferred(r"\\ell(?![A-Za-z])"), "ell"),
    (deferred(r"\\\\|\\mid(?![A-Za-z])|[;:|]"), ","),
    (deferred(r"\\[,;: !]|\\q?quad(?![A-Za-z])|[\s~{}]"), ""),
    (deferred(r"\\([A-Za-z]+)"), r"\1"),
    (deferred(r"\\([{}])"), ""),
)
_index = r"(?:ell|[a-z])"
_extent = r"[A-Za-z0-9+*()−-]+"
_names = deferred(rf"{_index}{{1,3}}\Z")
_first = deferred(rf"({_index})=({_extent})\Z")
_between = deferred(rf"({_extent})≤({_index})(?:,({_index}))*≤({_extent})\Z")
_chain = deferred(rf"(?:({_extent})≤)?({_index})([<≤>≥≠])({_index})(?:≤({_extent}))?\Z")
_pairs = deferred(rf"\(({_index}),({_index})\)∈([A-Za-z]\w*)\Z")
_range = deferred(rf"({_index})∈(?:\[({_extent})\]|1,?(?:2,)?\.\.\.,?({_extent}))\Z")
_set = deferred(r".*∈")
_each = deferred(_index)
_value = r"[A-Za-z]\w*|-?\d+(?:\.\d+)?"
_compared = deferred(rf"({_value})([<≤>≥≠=])({_value})\Z")
"""t_j≥t_i behind a colon: what is summed counts where it holds."""
_relations = {
    "<": "<", ">": ">", "=": "=", "≤": "≤", "≥": "≥", "≠": "≠", "<=": "≤", ">=": "≥", "!=": "≠", "==": "=",
    "lt": "<", "gt": ">", "le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥", "geqslant": "≥",
    "ne": "≠", "neq": "≠",
}  # fmt: skip
_relation = deferred(r"\\(?:leqslant|leq|le|geqslant|geq|ge|neq|ne|lt|gt)(?![A-Za-z])|\\not\s*=|[<>!=]=|[<>=≤≥≠]")
_indicates = deferred(
    r"\\(?:mathbb|mathds|mathbbm|mathbf|boldsymbol|bm|bbm|mathrm)\s*(?:\{\s*[1I]\s*\}|[1I])\s*(?:_\s*(?=\{))?"
    r"(?:\\left\s*|\\[bB]igg?l?\s*)?(\\\{|[{(\[])"
)
_density = deferred(r"\\(?:mathcal|mathscr|cal)\s*(?:\{\s*N\s*\}|N)\s*(?:\\left\s*|\\[bB]igg?l?\s*)?\(")
_separator = deferred(
    r"\\[,;:! ]|(\\left|\\[bB]igg?l?)?\s*(\\\{|[({\[])|(\\right)?\s*(\\\}|[)}\]])"
    r"|(\\mid(?![A-Za-z])|\\middle\s*\||[|;,])"
)
_cases = deferred(r"\s*\{[dr]?cases\*?\}")
_end_of_cases = deferred(r"\\end\s*\{[dr]?cases\*?\}")
_row = deferred(r"\\\\(?:\[[^\]]*\])?")
_loose = r"(?:[\s~]|\\[,;:! ]|\\q?quad(?![A-Za-z]))"
_when = deferred(
    rf"(?:{_loose}|\\(?:text|textrm|mbox|mathrm|textnormal|textit)\s*\{{\s*(?:if|for|when|where)?\s*\}}|\b(?:if|for|when)\b)*"
)
_rest = deferred(
    rf"(?:{_loose}|\\(?:text|textrm|mbox|mathrm|textnormal|textit)\s*\{{)*(?:otherwise|else(?:where)?)?[}}\s.,;]*\Z"
)
_tail = deferred(rf"(?:{_loose}|[.,;])*\Z")
_item = deferred(r"\\[A-Za-z]+|\w")
_over_index = deferred(
    r"\s*(?:\\limits\s*)?_\s*(?:([a-z])|\{\s*([a-z])\s*(?:=\s*\w+\s*(?:,\s*\\[lc]?dots\s*,\s*\w+\s*)?)?\})"
)
_ahead = deferred(r"(?:\s|\\(?:limits|nolimits|displaylimits)(?![A-Za-z]))*([_^])\s*")


def bound(text: str, at: int) -> bool:
    r"""Whether an index follows the \sum that ends here."""
    return _ahead.match(text, at) is not None


def indexed(text: str, at: int) -> bool:
    r"""Whether a \\max that ends here goes over an index of what stands behind it, as \\max_k w_k^\\top x."""
    m = _over_index.match(text, at)
    return (
        m is not None
        and re.search(rf"_\s*(?:{m[1] or m[2]}|\{{[^{{}}]*{m[1] or m[2]}[^{{}}]*\}})", text[m.end() :]) is not None
    )


def latex_sum(stream: Stream, span: Span, pairs: Pairs) -> int:
    r"""The token of a \sum or \prod with what it runs over; returns where reading goes on."""
    text, at = stream.text, span[1]
    parts = {"_": "", "^": ""}
    while m := _ahead.match(text, at):
        start = m.end()
        end = pairs.match.get(start, -1) + 1 if text[start : start + 1] == "{" else 0
        if not end:
            item = _item.match(text, start)
            end = item.end() if item else start + 1
        if parts[m[1]] or end - start > LONGEST:
            break
        parts[m[1]], at = text[start:end], end
    place = (span[0], at)
    binder = _binder(stream, parts["_"], plainly(parts["^"]), place)
    stream.push("BIG", Over("over", (), _word(text[slice(*span)]), place, "", binder))
    return at


def _word(sign: str) -> str:
    return "sum" if sign == "∑" else "prod" if sign == "∏" else sign.lstrip("\\")


def plainly(text: str) -> str:
    """A subscript in plain signs."""
    for pattern, sign in _spelled:
        text = pattern.sub(sign, text)
    return text


def _binder(stream: Stream, below: str, last: str, place: Span) -> Binder:
    if not below:
        hint = r"Write it below: \sum_{i=1}^N."
        unread(stream, "this sum has no index", place, hint)
    text = plainly(below)
    if m := _pairs.match(text):
        return Binder(((m[1], "", ""), (m[2], "", "")), mask=m[3])
    found: dict[str, tuple[str, str]] = {}
    relation, pair = "", ("", "")
    waiting: list[str] = []
    conditions: list[Tree] = []
    for part in _parts(text):
        if m := _first.match(part):
            waiting.append(m[1])
            found.update(dict.fromkeys(waiting, (m[2], "")))
            waiting = []
        elif m := _range.match(part):
            found[m[1]] = ("1", m[2] or m[3])
        elif m := _between.match(part):
            found[m[2]] = (m[1], m[4])
        elif m := _chain.match(part):
            if relation:
                unread(stream, "a sum with several conditions is not read", place, "Split it.")
            relation, pair = m[3], (m[2], m[4])
            for name, low, high in ((m[2], m[1], m[5]), (m[4], m[1], m[5])):
                if low or high:
                    found.setdefault(name, (low or "", high or ""))
        elif _names.match(part):
            waiting += _each.findall(part)
        elif (m := _compared.match(part)) and (found or waiting):
            conditions.append(indicator(_plain_value(m[1], place), m[2], _plain_value(m[3], place)))
        elif _set.match(part):
            hint = r"Write \sum_{i=1}^N, or \sum_i b_i … with a vector b of zeros and ones for the set."
            unread(stream, "a sum over a set that nothing declares", place, hint)
        else:
            unread(stream, "what this sum runs over cannot be read", place, r"Write \sum_{i=1}^N or \sum_{i<j}.")
    found.update({name: found.get(name, ("", "")) for name in waiting})
    indices = tuple((name, low, high or last) for name, (low, high) in found.items())
    if last and not indices:
        indices = tuple((name, "", last) for name in pair)
    return Binder(indices, relation, pair, "", tuple(conditions))


def _parts(text: str) -> list[str]:
    """Split at commas that no bracket holds; 1≤i,j≤n and i∈1,...,N stay whole."""
    if _range.match(text):
        return [text]
    if m := re.match(rf"({_extent})≤({_index}),({_index})≤({_extent})\Z", text):
        return [f"{m[1]}≤{m[2]}≤{m[4]}", f"{m[1]}≤{m[3]}≤{m[4]}"]
    return [part for part in text.split(",") if part]


def unread(stream: Stream, message: str, place: Span, hint: str) -> NoReturn:
    raise UnsupportedError(message, text=stream.text, span=place, hint=hint)


def _plain_value(text: str, place: Span) -> Tree:
    if text[0].isalpha():
        return Tree("name", (), text, place)
    return Tree("number", (), float(text) if "." in text else int(text), place)


# what stands in sums


def part(reader: Reader, start: int, end: int) -> Tree:
    """The tree of text[start:end], read by itself."""
    stream = Stream(reader.text[:end], reader.stream.names)
    type(reader)(stream, start, end).run(start)
    reader.stream.foreign |= stream.foreign
    try:
        tree: Tree = run(stream.kinds, stream.values)
    except Stuck:
        raise ParseError(
            "this part of the formula cannot be read by itself", text=reader.text, span=(start, end)
        ) from None
    return tree


def compared(reader: Reader, start: int, end: int) -> Tree | None:
    """The 0/1 factor of a ≤ b, or of a < b < c; None where no relation stands."""
    found = list(_relation.finditer(reader.text, start, end))
    if not 1 <= len(found) <= 2:
        return None
    edges = [start, *(x for m in found for x in m.span()), end]
    sides = [part(reader, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    signs = [_relations.get(m.group().lstrip("\\"), "≠") for m in found]
    factors = [indicator(copied(a), sign, copied(b)) for a, sign, b in zip(sides, signs, sides[1:], strict=False)]
    return factors[0] if len(factors) == 1 else Tree("*", tuple(factors), "", (start, end))


def indicated(reader: Reader, first: int) -> int:
    r"""\mathbb 1[k\neq i]; 0 where the command at this place is none."""
    m = _indicates.match(reader.text, first)
    if m is None:
        return 0
    opened = m.start(1)
    end: int = reader.pairs.match.get(opened, -1)
    inside = (m.end(), end)
    nested = re.compile(r"\s*(?:\\left\s*)?(\\\{|[(\[])").match(reader.text, m.end())
    if reader.text[opened] == "{" and nested and (close := reader.pairs.match.get(nested.start(1), -1)) > 0:
        inside = (nested.end(), close)
    shut = re.compile(r"\\right\s*\Z").search(reader.text[: inside[1]])
    if end < 0 or (tree := compared(reader, inside[0], shut.start() if shut else inside[1])) is None:
        return 0
    end += 2 if reader.text[end] == "\\" else 1
    operand(reader.stream, tree, (first, end))
    return end


def operand(stream: Stream, tree: Tree, span: Span) -> None:
    """A tree in the place of a parenthesis."""
    stream.push("LPAR", (span[0], span[0] + 1))
    stream.push("NAME", tree)
    stream.push("RPAR", (span[1] - 1, span[1]))


def density(reader: Reader, first: int) -> int:
    r"""\mathcal N(x \mid \mu, \Sigma) and its logarithm; 0 where the command at this place is none."""
    m = _density.match(reader.text, first)
    end = reader.pairs.match.get(m.end() - 1, -1) if m else -1
    if m is None or end < 0:
        return 0
    cuts, depth = [], 0
    for s in _separator.finditer(reader.text, m.end(), end):
        depth += bool(s[2]) - bool(s[4])
        if s[5] and not depth:
            cuts.append(s)
    if len(cuts) != 2 or cuts[1][0] != ",":
        return 0
    shut = re.compile(r"\\(?:right|[bB]igg?r?)\s*\Z").search(reader.text[:end])
    edges = [m.end(), *(x for s in cuts for x in s.span()), shut.start() if shut else end]
    parts = [part(reader, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    stream, span = reader.stream, (first, end + 1)
    word = "normalpdf"
    if stream.kinds[-1:] == ["APPLY"] and stream.values[-1].value in ("log", "ln") and not stream.values[-1].args:
        span = (stream.values[-1].span[0], end + 1)
        del stream.kinds[-1:], stream.values[-1:]
        word = "lognormalpdf"
    elif stream.kinds[-2:] == ["FUNC", "LPAR"] and stream.values[-2].value in ("log", "ln"):
        after = re.compile(r"\s*(?:\\right\s*)?[)\]}]").match(reader.text, end + 1)
        if after and not stream.values[-2].args:
            del stream.kinds[-2:-1], stream.values[-2:-1]
            word = "lognormalpdf"
    covariance = parts[2]
    if covariance.head == "name" and str(covariance.value)[:1].isupper() and "_" not in str(covariance.value):
        stream.names.bold.setdefault(str(covariance.value), ("spd", covariance.span))
    operand(stream, Tree("call", tuple(parts), word, span), span)
    return end + 1


def cases(reader: Reader, first: int, at: int) -> int:
    r"""\begin{cases} … \end{cases} as a sum of its values times steps; 0 for other environments."""
    text = reader.text
    m = _cases.match(text, at)
    if m is None:
        return 0
    closing = _end_of_cases.search(text, at)
    if closing is None:
        raise ParseError(
            "these cases do not end", text=text, span=(first, m.end()), hint="write \\end{cases} behind them"
        )
    edges = [m.end(), *(x for r in _row.finditer(text, m.end(), closing.start()) for x in r.span()), closing.start()]
    rows = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if text[a:b].strip()]
    place = (first, closing.end())
    if len(rows) < 2:
        reader.stream.refuse("cases are two at least", place, "Write both, with a \\\\ between them.")
    found: list[tuple[Tree, Span]] = []
    for a, b in rows:
        cut = text.find("&", a, b)
        if cut < 0:
            reader.stream.refuse("this case has no condition", (a, b), "Write value & condition.")
        stop = _tail.search(text[:cut])
        found.append((part(reader, a, max(a + 1, stop.start() if stop else cut)), (cut + 1, b)))
    value = found[-1][0]
    if not _rest.match(text, found[-1][1][0], found[-1][1][1]):
        reader.stream.names.remarks["the last of the cases is read as all that remains"] = None
    for one, (a, b) in reversed(found[:-1]):
        a = _when.match(text, a, b).end()  # type: ignore[union-attr]
        stop = _tail.search(text[:b])
        b = max(a, stop.start() if stop else b)
        holds = compared(reader, a, b)
        if holds is None:
            hint = "conditions are comparisons: |r| \\le \\delta, 0 < z < 1; the last may be otherwise"
            raise ParseError("this condition cannot be read", text=text, span=(a, max(b, a + 1)), hint=hint)
        value = _either(holds, one, value, place)
    said = "the cases are joined by steps: derivatives are right where no condition changes"
    reader.stream.names.remarks[said] = None
    operand(reader.stream, value, place)
    return closing.end()


def _either(holds: Tree, one: Tree, other: Tree, span: Span) -> Tree:
    """One value where a 0/1 factor is 1, the other where it is 0."""
    fails = Tree("+", (Tree("number", (), 1, span), Tree("neg", (copied(holds),), "", span)), "", span)
    terms = [
        Tree("*", (factor, value), "", span)
        for factor, value in ((holds, one), (fails, other))
        if not (value.head == "number" and value.value == 0)
    ]
    return Tree("+", tuple(terms), "", span) if len(terms) > 1 else (terms or [Tree("number", (), 0, span)])[0]
