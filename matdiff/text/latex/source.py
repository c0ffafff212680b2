"""What a pasted formula carries beside itself, overwritten by blanks so that places stay what they are."""

from __future__ import annotations

import re

from matdiff.core.patterns import deferred
from matdiff.text.latex import commands as words

_comment = deferred(r"\\.|%[^\n]*", re.DOTALL)
_beside = deferred(
    r"\\(?:tag|label|eqref|footnote|hspace|vspace|hphantom|vphantom|phantom|color|textcolor)\*?\s*\{[^{}]*\}"
    r"|\\(?:mkern|kern|hskip|mskip)\s*-?[\d.]+\s*(?:mu|pt|em|ex)\b|\\(?:hline|newline|nonumber|notag)(?![A-Za-z])"
    r"|\\(?:qed|qedhere|square|blacksquare|Box)(?![A-Za-z])|\\q?quad\s*\(\d+(?:\.\d+)*[a-z]?\)(?=[\s$.]*\Z)"
    r"|(?:[A-Za-z]\s*(?::|\\colon)\s*)?(?:\\(?:mathbf|boldsymbol|bm)\s*\{)?[A-Za-z]\}?\s*\\mapsto(?![A-Za-z])"
)
_spaces = r"\\mathbb\s*\{?\s*R\}?(?:\^\{[^{}]*\}|\^\w)?"
_signature = deferred(
    rf"([A-Za-z])\s*(:|\\colon(?![A-Za-z]))(\s*{_spaces}(?:\s*\\times\s*{_spaces})*\s*)(\\(?:to|rightarrow|mapsto))"
    rf"(\s*{_spaces})(?!\^)([\s,.~]|\\q?quad(?![A-Za-z])|\\[,;:! ])*+(;?)(\s*\1\s*(?:\\left\s*)?\()?"
)
_hollow = deferred(r"(?<=[^A-Za-z}^_*\\\s])\s*\{\s*\}")
_lone = deferred(r"(?<=[\s\w)}\]])\{\s*([-+=<>,:])\s*\}")
_twice = deferred(
    r"(\\left|\\right|\\[bB]igg?[lr]?)(?![A-Za-z])\s*\|(?:\\!|\s)*\1\s*\||(\\[lr]?)vert(?![A-Za-z])\s*\2vert(?![A-Za-z])"
)
"""A norm in two bars on each side."""
_note = r"\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)?\}"
_defining = deferred(
    r"\\(?:triangleq|coloneqq|coloneq|eqdef|defeq|doteq|equiv|propto)(?![A-Za-z])|\\(?:vcentcolon|colon)\s*="
    rf"|\\(?:stackrel|overset){_note}\s*\{{?\s*:?=\s*\}}?|\\mathrel{_note}\s*=?|:(?:\\!|\s)*=|[≜≡≔≝∝]"
)
_wrapping = deferred(
    r"\\begin\s*\{(array|alignat\*?|alignedat)\}(?:\s*\[[a-z]\])?\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"
    r"|\\(?:begin|end)\s*\{([A-Za-z]+\*?)\}(?:\s*\[[a-z]\])?|\\\\(?:\[[-\d.\s]*(?:pt|em|ex|mm|cm)\])?|\\[A-Za-z]+|\\.|&",
    re.DOTALL,
)
_stop = deferred(r"(?:\\left|\\right)?[.,](?:\\[,;:!> ]|[\s~]|\\q?quad(?![A-Za-z]))*\Z")
_styled = deferred(r"\{\s*\\(?:display|text|script)style(?![A-Za-z])")
_braces = deferred(r"\\.|[{}]", re.DOTALL)

LONGEST = 200
"""Longest left side of a definition, and the farthest that a full stop is looked for."""


def unwrapped(text: str) -> str:
    r"""The formula alone: without $ $, \[ \], aligned environments, labels, comments and the full stop behind it."""
    text = _comment.sub(lambda m: m.group() if m.group()[0] == "\\" else blanks(m), text)
    text = _hollow.sub(blanks, _beside.sub(blanks, _signature.sub(_declaring, text)))
    text = _twice.sub(_doubled, _lone.sub(lambda m: m[1].center(len(m.group())), text))
    return _unbraced(_ended(_defining.sub(_defined, _inside(text).replace("$", " "))))


def blanks(m: re.Match[str]) -> str:
    return " " * len(m.group())


def _declaring(m: re.Match[str]) -> str:
    r"""f: \mathbb{R}^n \to \mathbb{R}, f(x) = … as a declaration of its own; nothing where no f(…) follows."""
    called = m[8] or ""
    length = len(m.group()) - len(called)
    if not called and not m[7]:
        return " " * length
    arrow = "\\to" if m[4] == "\\mapsto" else m[4]
    said = f"{m.group()[: m.start(2) - m.start()]}:{m[3]}{arrow}{m[5]}"
    return said.ljust(length - 1) + ";" + called


def _doubled(m: re.Match[str]) -> str:
    return (f"{m[1]}\\|" if m[1] else f"{m[2]}Vert").ljust(len(m.group()))


def _unbraced(text: str) -> str:
    r"""{\\displaystyle f(x) = …}, as copied from an encyclopedia, without its braces."""
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip()) - 1
    if not _styled.match(text, begin) or text[end] != "}":
        return text
    depth = 0
    for m in _braces.finditer(text, begin, end):
        depth += {"{": 1, "}": -1}.get(m.group(), 0)
        if depth == 0:
            return text
    return f"{text[:begin]} {text[begin + 1 : end]} {text[end + 1 :]}"


def _inside(text: str) -> str:
    r"""Aligned environments are blanks; \\ outside a matrix is a newline."""
    matrices = 0

    def blank(m: re.Match[str]) -> str:
        nonlocal matrices
        found = m.group()
        if name := m[1] or m[2]:
            if name in words.WRAPPERS:
                return blanks(m)
            matrices += 1 if found[1] == "b" else -1
            return found[: found.index("}") + 1].ljust(len(found))
        if found == "&" and matrices <= 0:
            return " "
        if found.startswith("\\\\") and matrices <= 0:
            return "\n".rjust(len(found))
        return "  " if found in ("\\[", "\\]", "\\(", "\\)") else found

    return _wrapping.sub(blank, text)


def _defined(m: re.Match[str]) -> str:
    r"""f(x) \triangleq …, J \coloneqq …: an equals sign, where no operator stands before it."""
    text, at = m.string, m.start()
    begin = text.rfind("\n", max(0, at - LONGEST), at) + 1
    left = text[begin:at].rpartition(";")[2]
    named = left.strip() and at - begin < LONGEST and not any(c in left for c in "+=/<>")
    if not named or (m.group().startswith("\\mathrel") and not any(c in m.group() for c in ":=")):
        return m.group()
    return "=".rjust(len(m.group()))


def _ended(text: str) -> str:
    """Without the full stop or comma of the sentence that the formula stands in."""
    begin = max(0, len(text.rstrip()) - LONGEST)
    m = _stop.search(text, begin)
    if m is None or m.group()[0] == "\\":
        return text
    return text[: m.start()] + blanks(m)
