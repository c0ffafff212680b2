"""Commands that are refused: sums, limits, sets, relations, text."""

from __future__ import annotations

from typing import NoReturn

from matdiff.core.patterns import deferred
from matdiff.errors import UnsupportedError
from matdiff.text.advice import refused
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_structures import Structures
from matdiff.text.latex.names import name_at
from matdiff.text.tree import Span

_set = deferred(r"\s*\{?\s*([EPRNSZV])(?![a-z])")
_arg_min = deferred(
    r"\\(?:operatorname\*?|mathop|mathrm|text|rm)[\s{]*(?:\\(?:rm|mathrm|text)[\s{]*)?arg(?:\\[,;!: ]|[\s~])+m(?:in|ax)"
)
_opens = deferred(r"\s*(?:\\(?:left|[bB]igg?l?)\s*)?(?:\(|\\\{|\{|\[)")
_below = deferred(r"\s*(?:\\limits)?\s*_")
_text = deferred(r"\s*\{([^{}]*)\}")
_symbols = deferred(r"[A-Za-z]?|(?:\\[A-Za-z]+\s*|[A-Z])+|[-+*/=\d.]+")
"""What stands upright without being text."""
_bold = deferred(r"[\s~]*(\\(?:mathbf|boldsymbol|bm|vec|bf)(?![A-Za-z])\s*\{?\s*[a-z])")
_more_bold = deferred(r"[\s~]*(?:\\left)?\(?\s*\\(?:mathbf|boldsymbol|bm|bf)(?![A-Za-z])\s*\{?\s*[A-Z]")
_expected = deferred(
    r"\\(?:(?:mathrm|operatorname|text|mathsf)\s*\{\s*E\s*\}\s*(?:_\s*(?:\w|\{[^{}]*\})\s*)?(?:\\left\s*)?[\[(]"
    r"|mathbf\s*\{?\s*E\s*\}?\s*(?:\\left\s*)?\[)"
)
VECTORS = "Write the function in matrices and vectors: x'*y, sum(X), tr(A*B)."


class Refusals(Structures):
    """What stands in papers beside functions."""

    def dotted(self, span: Span) -> None:
        r"""\mathbf a \cdot \mathbf x of two vectors."""
        names, text = self.stream.names, self.text
        left = self.stream.values[-1] if self.stream.kinds[-1:] == ["NAME"] else None
        if left is None or left.value in names.variables or not _bold.match(text, left.span[0]):
            return
        if _more_bold.match(text, span[1]):
            a = text[slice(*left.span)]
            self.stream.refuse("a product of two vectors", (left.span[0], span[1]), f"Write {a}^\\top (…).")
        m = _bold.match(text, span[1])
        right = name_at(self.stream, m.start(1), self.pairs) if m else None
        if right and text[left.span[1] : span[0]].strip() == "" and not {left.value, right.value} & names.variables:
            a, x = text[slice(*left.span)], text[right.start : right.end]
            hint = f"Write {a}^\\top {x} for the inner product, {a} \\odot {x} for the product entry by entry."
            self.stream.refuse("a product of two vectors", (left.span[0], right.end), hint)

    def styled(self, command: str, span: Span) -> int:
        r"""A style around more than a name; words, as in \text{for all}, are refused."""
        m = _text.match(self.text, span[1], self.end) if command in words.TEXT | {"mathrm", "operatorname"} else None
        if m and (" " in m[1].strip() or not _symbols.fullmatch(m[1])):
            said = f"\\{command}{{{m[1]}}}"
            shown = said if len(said) < 40 else f"\\{command}{{…}}"
            hint = "Leave it out; what the names are is said by declarations: x: n; A: n×n."
            self.stream.refuse(f"{shown} is text, not part of the function", (span[0], m.end()), hint)
        return span[1]

    def refuse_word(self, command: str, span: Span) -> None:
        """What is not in the language, by its command: sums, limits, sets, relations."""
        self.refuse_expectation(command, span)
        what = "an optimisation problem"
        if (m := _arg_min.match(self.text, span[0])) is not None:
            self.unsupported(f"arg min begins {what}, which is not in the language", m.span(), words.INSTEAD[what])
        below = _below.match(self.text, span[1]) is not None
        if command == "max" and below:
            self.unsupported(f"\\max_… is {what}, not a function", span, words.INSTEAD[what])
        if command not in words.NOT_READ:
            return
        opens = _opens.match(self.text, span[1]) is not None
        if command == "min" and opens and not below and (reason := refused(command)):
            raise reason.located(self.text, span)
        if command in ("sum", "prod"):
            hint = f"Write \\{command}_{{i=1}}^N with the index i below, or \\operatorname{{{command}}}(x)."
            self.unsupported(f"this \\{command} has no index", span, hint)
        if below or command not in self.stream.names.words:
            what = words.NOT_READ[command]
            hint = words.INSTEAD.get(what, "") or VECTORS
            self.unsupported(f"\\{command} begins {what}, which is not in the language", span, hint)

    def refuse_expectation(self, command: str, span: Span) -> None:
        if command in ("mathbb", "mathds", "mathbbm") and (m := _set.match(self.text, span[1])):
            what = {"E": "an expectation", "P": "a probability", "V": "a variance"}.get(m[1], "a set")
            message = f"\\{command}{{{m[1]}}} is {what}, which is not in the language"
            self.unsupported(message, (span[0], m.end()), "")
        if m := _expected.match(self.text, span[0]):
            hint = "Write the function inside, or a mean over the data."
            self.unsupported("an expectation is not in the language", m.span(), hint)

    def unsupported(self, message: str, span: Span, hint: str) -> NoReturn:
        raise UnsupportedError(message, text=self.text, span=span, hint=hint)
