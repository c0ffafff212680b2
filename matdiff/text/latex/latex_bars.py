"""Bars in LaTeX: norms, absolute values, values at a point."""

from __future__ import annotations

from functools import cached_property

from matdiff.text.latex import latex_norms as norms
from matdiff.text.latex.latex_brakets import brakets
from matdiff.text.latex.latex_exponents import bare
from matdiff.text.latex.latex_places import script_extent
from matdiff.text.latex.latex_scripts import Scripts
from matdiff.text.tree import Span


class Bars(Scripts):
    """Bars do not always tell their side."""

    def on_bar(self, first: int, at: int) -> int:
        if at - first == 2 and not self.stream.bar_opens("RBAR"):
            at = first + 1
        if self.head:
            self.stream.push("SEMI", (first, at))
            return at
        return self.bar("B" if self.text[first:at] == "|" else "N", (first, at))

    @cached_property
    def brakets(self) -> dict[int, str]:
        r"""The \langle, bars and \rangle of Dirac's notation."""
        return brakets(self.text)

    def dirac(self, span: Span) -> int:
        r"""A sign of ⟨a|, |b⟩ or ⟨a|b⟩: parentheses, and behind a bra the conjugate transpose."""
        what, written = self.brakets[span[0]], self.text[span[0] : span[1]].lstrip("\\")
        times = 1 + (what == "whole")
        if written in ("langle", "⟨"):
            for _ in range(times):
                self.stream.open("LPAR", "RPAR", span, "(")
        elif written in ("rangle", "⟩"):
            for _ in range(times):
                self.stream.close("RPAR", span)
        else:
            if what.startswith("bra"):
                self.stream.close("RPAR", span)
                self.stream.conjugate(span, "ᴴ")
            if what.endswith("ket"):
                self.stream.open("LPAR", "RPAR", span, "(")
        return span[1]

    def bar(self, which: str, span: Span) -> int:
        if span[0] in self.brakets:
            return self.dirac(span)
        closer = "RNORM" if which[-1] == "N" else "RBAR"
        before = self.text[max(0, span[0] - 12) : span[0]].rstrip()
        left = (
            "L"
            if before.endswith(("\\left", "igl", "iggl"))
            else "R"
            if before.endswith(("\\right", "igr", "iggr"))
            else which[:-1]
        )
        if closer == "RBAR" and not (self.stream.stack and self.stream.stack[-1][0] == closer):
            self.value_at(span)
        if left == "L" or (not left and self.stream.bar_opens(closer)):
            self.stream.open("L" + closer[1:], closer, span)
            return span[1]
        if closer == "RBAR":
            self.stream.close(closer, span)
            return span[1]
        return self.norm(closer, span)

    def value_at(self, span: Span) -> None:
        r"""f|_{x=0}, where no other bar is open."""
        end = self.below(span[1])[1]
        if end > span[1]:
            self.stream.refuse(
                "the value at a point is not read", (span[0], end), "Insert it: x = …; and the function."
            )

    def norm(self, closer: str, span: Span) -> int:
        """The closing bars with their subscript, which may stand behind a power."""
        text = self.text
        raised = script_extent(text, span[1], self.pairs)
        start, end = self.below(raised)
        written = text[start:end]
        name = norms.NAMES.get(bare(written))
        place = (span[0], end if raised == span[1] else span[1])
        if name is None:
            opening = self.stream.stack[-1][1][1] if self.stream.stack else span[0]
            squared = norms.is_squared(text, end if raised == span[1] else span[1])
            hint = norms.offer(written, text[opening : span[0]][: 2 * norms.LONGEST], squared)
            self.stream.refuse(f"no norm is called ‖·‖_{bare(written)[:40]}", (span[0], end), hint)
        self.stream.close(closer, span, (place, name))
        if raised == span[1]:
            return max(span[1], end)
        if end > raised:
            self.skips[text.index("_", raised)] = end
        return self.superscript_from(span[1])
