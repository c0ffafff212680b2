r"""What packages and papers define for norms, inner products and notes: \norm{x}, \inner{a}{x}, \underbrace."""

from __future__ import annotations

from matdiff.core.patterns import deferred
from matdiff.text.latex.latex_calls import Calls
from matdiff.text.latex.latex_places import blank, script_extent
from matdiff.text.tree import Span

NORMS = {"norm": "N", "Norm": "N", "norm*": "N", "abs": "B", "abs*": "B", "abss": "B", "card": "B"}
INNER = frozenset({"inner", "innerprod", "innerproduct", "inprod", "iprod", "ip", "dotp", "dotprod", "ipr", "scal"})
NOTED = frozenset({"underbrace", "overbrace", "underbracket", "overbracket"})

_brace = deferred(r"[\s~]*\{")


class Macros(Calls):
    """Each begins at an opening brace and says what its closing one does."""

    def macro(self, command: str, span: Span) -> int:
        """Returns 0 if the command is none of these, or is followed by no brace."""
        brace = _brace.match(self.text, span[1], self.end)
        if not brace or (closing := self.pairs.match.get(brace.end() - 1, -1)) < 0:
            return 0
        if command in NORMS:
            return self.barred(NORMS[command], (span[0], brace.end()), closing)
        if command in INNER:
            return self.inner((span[0], brace.end()), closing)
        if command in NOTED:
            return self.noted(brace.end(), closing)
        return 0

    def barred(self, which: str, span: Span, closing: int) -> int:
        self.stream.open("LNORM" if which == "N" else "LBAR", "RNORM" if which == "N" else "RBAR", span)
        self.ends[closing] = lambda place: self.bar("R" + which, place)
        return span[1]

    def inner(self, span: Span, closing: int) -> int:
        r"""\inner{a}{x}, and \inner{a,x} with one group."""
        self.stream.open("LANGLE", "RANGLE", span)
        second = _brace.match(self.text, closing + 1, self.end)
        last = self.pairs.match.get(second.end() - 1, -1) if second else closing
        if last < 0:
            return span[1]

        def separate(place: Span) -> int:
            assert second is not None
            self.stream.push("COMMA", place)
            return second.end()

        def finish(place: Span) -> int:
            self.stream.close("RANGLE", place)
            return place[1]

        self.ends[last] = finish
        if second is not None:
            self.ends[closing] = separate
        return span[1]

    def noted(self, at: int, closing: int) -> int:
        r"""\underbrace{x}_{note}: what stands in the braces."""
        self.stream.open("LPAR", "RPAR", (at - 1, at), "{")

        def skip(end: int) -> int:
            begin = blank(self.text, end)
            if self.text[begin : begin + 1] == "^":
                return script_extent(self.text, end, self.pairs)
            return self.below(end)[1] if self.text[begin : begin + 1] == "_" else end

        self.closers[closing] = skip
        return at
