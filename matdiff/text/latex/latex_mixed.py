r"""Plain text inside LaTeX: words that are functions or names, and backslashes that divide.

In LaTeX every letter is a name of its own, but nobody means t·r·A by tr(A): what is a word of the language, of the
program or of Greek is read as such wherever it stands, and a word that is none of them is refused as one.
"""

from __future__ import annotations

from functools import cached_property

from matdiff.core.op import words as records
from matdiff.core.patterns import deferred
from matdiff.text.advice import INSTEAD, refused
from matdiff.text.dialect import only_behind, plainly, starred
from matdiff.text.habits import MODULES
from matdiff.text.latex import commands as words
from matdiff.text.latex.latex_commands import TRANSPOSES, Commands
from matdiff.text.latex.latex_places import blank
from matdiff.text.latex.names import Name
from matdiff.text.plain import METHOD, qualified
from matdiff.text.sums import latex_sum
from matdiff.text.tokens import CONSTANT_CALLS, GREEK, SPECIAL_CALLS, letters
from matdiff.text.tree import Span, Tree

_big = deferred(r"(?:sum|prod)(?=\s*_(?!\w+\())")
"""sum_{i=1}^N without a backslash; sum_i(…) is a call."""
_pair = deferred(r"[A-Za-z]_([a-z]{2})(?!\w)")
"""w_ij in a text with plain signs."""
_word = deferred(r"([A-Za-z]{1,40})(?![A-Za-z])(\d[A-Za-z0-9]{0,20})?(?:_[A-Za-z0-9]{1,40}){0,3}")
_glued = deferred(r"[A-Z]?[a-z]{2,}(?:_[a-z]{1,9})?(?=[A-Z])|[A-Z][a-z](?=[A-Z])")
"""The function in trA and detX."""
_numbered = deferred(r"[A-Za-z]\d+(?![\w.])")
_long_below = deferred(r"[A-Za-z]_[a-z]{3}[A-Za-z0-9]*(?![A-Za-z0-9])")
_prose = deferred(r"[a-z]{4}")
_calling = deferred(r"(?:[A-Za-z]*[a-z]{3}|[A-Z][a-z]{2})\Z")
_paren = deferred(r"[\s~]*(?:\\(?:left|[bB]igg?l?)(?![A-Za-z])\s*)?[(\[]")
NEAR = 200
"""Most tokens between a parenthesis and its function that are looked at."""


class Mixed(Commands):
    """The reader of LaTeX that reads plain words as well."""

    def plain_word(self, first: int) -> int:
        """A word of plain text; returns 0 where letters are names of their own."""
        if (big := _big.match(self.text, first, self.end)) and not self.text[first - 1 : first].isalpha():
            return latex_sum(self.stream, big.span(), self.pairs)
        m = _word.match(self.text, first, self.end)
        if m is None:
            return 0
        if self.starred and self.summed and (pair := _pair.match(self.text, first)) and {*pair[1]} <= self.summed:
            return self.plain_name(pair[0], pair.span())
        begins = not self.text[first - 1 : first].isalpha()
        glued = _glued.match(m[0])
        for written in dict.fromkeys((m[0], glued[0] if glued else "", m[1] + (m[2] or ""), m[1])):
            if len(written) > 1 and (after := self.known(written, first)):
                return after
        return self.unknown_word(m[1], first) if begins else 0

    def known(self, written: str, first: int) -> int:
        """A name of the program, a Greek one, a function, or a function that is refused; 0 for others."""
        names, end = self.stream.names, first + len(written)
        if written in names.variables or written in names.functions:
            return self.named(Name(written, first, end))
        opens = _paren.match(self.text, end, self.end) is not None
        if written in MODULES and (path := METHOD.match(self.text, end, self.end)):
            return self.plain_name(written, (first, end)) and qualified(self.stream, path)
        if written[0] == "d" and written[1:] in names.variables and "d" not in names.variables:
            return self.plain_name(written, (first, end))
        if not opens and all(c in names.variables for c in written):
            return 0
        if written in GREEK and self.greek(written, (first, end)):
            return self.named(Name(written, first, end))
        meant = names.meaning(written) or written * (written in SPECIAL_CALLS)
        if meant:
            return self.function_word(written, meant, (first, end))
        if names.spellings.get(written) == "?":
            return self.plain_name(written, (first, end))
        if (opens or len(written) > 2) and (reason := refused(written) or refused(written.lower())):
            raise reason.located(self.text, (first, end))
        if opens and len(written) > 2 and written.lower() in INSTEAD:
            return self.plain_name(written, (first, end))
        return 0

    def greek(self, written: str, span: Span) -> bool:
        """Longer ones are no products of letters; mu, nu and xi may be."""
        if len(written) > 2 or written == "pi" or self.starred:
            return not self.text[span[1] : span[1] + 1].isalpha()
        if not self.text[span[0] - 1 : span[1] + 1].strip("\\").replace(written, "", 1).strip(" {}()").isalpha():
            hint = f"Write \\{written} for the letter, {written[0]} {written[1]} for the product."
            self.stream.refuse(f"is {written} a Greek letter or a product?", span, hint)
        return False

    def plain_name(self, written: str, span: Span) -> int:
        self.stream.push("NAME", Tree("name", (), written, span))
        return span[1]

    def function_word(self, written: str, meant: str, span: Span) -> int:
        """tr(A), tr A; a constant such as eye may stand alone."""
        opens = _paren.match(self.text, span[1], self.end) is not None
        if written in CONSTANT_CALLS and not opens:
            return self.plain_name(written, span)
        following = self.text[blank(self.text, span[1]) :][:1] if span[1] < self.end else ""
        if following.isdigit() and span[1] == blank(self.text, span[1]):
            hint = "A space sets a function and its argument apart."
            self.stream.refuse(f"there is no function {written}{following}", (span[0], span[1] + 1), hint)
        if following == "," and self.stream.kinds[-1:] == ["LPAR"]:
            return self.plain_name(written, span)
        if not opens and (following in "+-*/,;=)]}&'<>" or written == "kron"):
            example = r"kron(A,B), or A \otimes B" if written == "kron" else f"{written}(…)"
            self.stream.refuse(f"{written} is the name of a function", span, f"Write {example}.")
        if following == "_" and meant in words.NOT_READ:
            self.refuse_word(meant, span)
        self.stream.foreign |= "{" in meant
        return self.apply(written if "{" in meant else meant, span)

    def unknown_word(self, written: str, first: int) -> int:
        """What no product of letters is: x1, loss = …, foo(x), weights; 0 for Ax."""
        span = (first, first + len(written))
        if all(c in self.stream.names.variables for c in written):
            return 0
        if m := _numbered.match(self.text, first, self.end):
            return self.named(Name(m[0], first, m.end()))
        if (m := _long_below.match(self.text, first, self.end)) is not None:
            below = m[0][2:]
            self.stream.refuse(
                "LaTeX takes one letter as the subscript here", m.span(), f"Write {m[0][0]}_{{{below}}}."
            )
        if any(self.stream.names.meaning(written[k:]) for k in range(1, len(written) - 1)):
            return 0
        for k in range(len(written) - 1, 1, -1):
            if not self.head and self.stream.names.meaning(written[:k]):
                hint = f"Write {written[:k]}({written[k:]}), or set letters that are factors apart."
                self.stream.refuse(f"is {written} the function {written[:k]}?", span, hint)
        if self.head and not self.stream.kinds and _calling.match(written):
            return self.named(Name(written, *span))
        if self.text.startswith("(", span[1]) and _calling.match(written):
            return self.plain_name(written, span)
        if _prose.search(written):
            apart = " ".join(written) if len(written) < 12 else "…"
            hint = f"Declare it, for instance `{written[:30]}: n`; for the product of its letters write {apart}."
            self.stream.refuse(f"{written[:30]} is not declared, and reads like a word", span, hint)
        return 0

    @cached_property
    def starred(self) -> bool:
        return starred(self.text)

    @cached_property
    def plainly(self) -> bool:
        return plainly(self.text)

    @cached_property
    def only_behind(self) -> bool:
        return only_behind(self.text)

    def on_command(self, first: int, at: int) -> int:
        if self.stream.after_operand() and not self.head and (after := self.division(first, at)):
            return after
        return super().on_command(first, at)

    def division(self, first: int, at: int) -> int:
        r"""A\b in a text with plain signs; 0 where the command is one of LaTeX.  Refused where both can be meant."""
        command, names = self.text[first + 1 : at], self.stream.names
        if command == " ":
            if self.starred and self.divisible():
                self.refuse_division((first, at), "")
            return 0
        if not command.isalpha():
            return 0
        letter = len(command) == 1 and self.plainly
        if letter and command in TRANSPOSES:
            self.refuse_division((first, at), command)
        if letter or (command in names.variables and command not in words.LETTERS and not names.meaning(command)):
            self.stream.push("BACKSLASH", (first, first + 1))
            return first + 1
        calls = self.text.startswith("(", at) and bool(self.function(command, at))
        doubtful = calls and (self.starred or "'" in self.text)
        if (doubtful or command in words.LETTERS) and self.divisible() and self.mostly_plain(calls):
            self.refuse_division((first, at), command)
        return 0

    def mostly_plain(self, calls: bool) -> bool:
        r"""A\log(x) beside a star; A\beta beside a star where no command stands apart."""
        return (calls and self.starred) or ((calls or self.starred) and self.only_behind)

    def refuse_division(self, span: Span, command: str) -> None:
        shown = f"\\{command}" if command else "this backslash"
        word = command or "b"
        hint = f"Write inv(A)*{word} for the division, A*\\{word} for the product."
        if not command:
            hint = "Write inv(A)*b for the division; for the product leave it out."
        if command in TRANSPOSES:
            hint = f"Write inv(A)*{command} for the division, A' for the transpose."
        self.stream.refuse(f"does {shown} divide from the left here, or is it LaTeX?", span, hint)

    def divisible(self) -> bool:
        """Whether a matrix can stand before: no number, norm, lower-case name or scalar function."""
        kinds, values = self.stream.kinds, self.stream.values
        kind, value = kinds[-1], values[-1]
        if kind == "TICK" and kinds[-2:-1] == ["NAME"]:
            kind, value = "NAME", values[-2]
        if kind == "NAME":
            return letters(str(value.value))[:1].isupper()
        if kind == "RPAR":
            return not self.scalar_call()
        return kind in ("TICK", "RSQB", "SUPERSCRIPT", "INVT", "PINV")

    def scalar_call(self) -> bool:
        """Whether the parenthesis before closes a call of what gives a scalar."""
        kinds, depth = self.stream.kinds, 0
        for i in range(len(kinds) - 1, max(0, len(kinds) - NEAR), -1):
            depth += (kinds[i] == "RPAR") - (kinds[i] == "LPAR")
            if not depth:
                word = str(self.stream.values[i - 1].value) if kinds[i - 1] == "FUNC" else ""
                return (
                    bool(word) and all(r.signature.endswith("->()") for r in records.get(word, [])) and word in records
                )
        return False
