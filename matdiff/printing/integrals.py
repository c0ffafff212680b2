"""Integrals and equations between formulas, in the three notations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from matdiff.core.node import Apply, Node, Symbol, symbol, topological
from matdiff.graph.rewrite import substitute
from matdiff.ops.algebra import ADD, is_op
from matdiff.ops.constants import is_zero
from matdiff.ops.indexing import ENTRY
from matdiff.printing import to_latex, to_text
from matdiff.printing.names import ascii_name, latex_name, unicode_name

_identity = re.compile(r"(?<![\w\\])eye\(\w+\)")


def bare(text: str) -> str:
    """The text of an expression with I for eye(n)."""
    return _identity.sub("I", text)


Style = Literal["unicode", "ascii", "latex"]


@dataclass(frozen=True)
class Pen:
    """Writes formulas in a style.  `typed` are names of derivatives as plain ASCII has them: D(u) for u'.

    `entries` are vectors whose entries have names of their own: x[1] is written u, and of x(T) it is u(T).
    """

    style: Style = "unicode"
    typed: tuple[tuple[Symbol, str], ...] = ()
    taken: tuple[str, ...] = ()
    entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def show(self, node: Node) -> str:
        if self.entries:
            node = substitute(node, {n: v for n in topological(node) if (v := self._named(n)) is not None})
        if self.style == "latex":
            return to_latex(node, defined=False, taken=self.taken)
        if self.style == "ascii":
            node = substitute(node, {s: symbol(n, s.kind, s.rows, s.cols) for s, n in self.typed})
        return to_text(node, ascii=self.style == "ascii", defined=False, taken=self.taken)

    def _named(self, node: Node) -> Symbol | None:
        if not isinstance(node, Apply) or node.op is not ENTRY or not isinstance(s := node.args[0], Symbol):
            return None
        vector, opened, place = (s.of or s).name.partition("(")
        names = self.entries.get(vector)
        if names is None:
            return None
        u = symbol(names[node.params[0] - 1] + opened + place, "scalar")
        return u if s.of is None else symbol(f"d{u.name}", "scalar", of=u)

    def side(self, node: Node) -> str:
        """A side of an equation, the other of which says the shape: 0 and I as books have them."""
        return "0" if is_zero(node) else bare(self.show(node))

    def name(self, name: str) -> str:
        spell = {"unicode": unicode_name, "ascii": ascii_name, "latex": latex_name}[self.style]
        return spell(name)

    def pick(self, unicode: str, ascii: str, latex: str) -> str:
        return {"unicode": unicode, "ascii": ascii, "latex": latex}[self.style]

    def factor(self, node: Node) -> str:
        """In parentheses where it is a sum."""
        return self.wrapped(self.show(node)) if is_op(node, ADD) else self.show(node)

    def wrapped(self, text: str) -> str:
        return rf"\left({text}\right)" if self.style == "latex" else f"({text})"

    def pairing(self, left: str, right: str) -> str:
        return self.pick(f"⟨{left}, {right}⟩", f"<{left}, {right}>", rf"\langle {left}, {right} \rangle")

    def integral(self, body: Node, by: str, low: Node, high: Node) -> str:
        return self.integral_of(self.show(body), by, low, high, compound=is_op(body, ADD))

    def integral_of(self, body: str, by: str, low: Node, high: Node, compound: bool = True) -> str:
        a, b = self.end(low), self.end(high)
        if self.style == "ascii":
            return f"int({body}, {by}, {a}, {b})"
        inside = self.wrapped(body) if compound else body
        if self.style == "latex":
            return rf"\int_{{{a}}}^{{{b}}} {inside} \,\mathrm{{d}}{self.name(by)}"
        a, b = (v if len(v) == 1 else f"{{{v}}}" for v in (a, b))
        return f"∫_{a}^{b} {inside} d{self.name(by)}"

    def end(self, node: Node) -> str:
        """An end of an integral, which may be at infinity."""
        infinity = self.pick("∞", "inf", r"\infty")
        return re.sub(r"(?:\\mathrm\{inf\}|(?<!\w)inf)(?!\w)", lambda _: infinity, self.show(node))

    def tends(self, left: str, by: str, where: str) -> str:
        """What is 0 at infinity."""
        at = self.pick({"+": "∞", "-": "−∞"}.get(where, "±∞"), {"+": "inf", "-": "-inf"}.get(where, "+-inf"),
                       {"+": r"\infty", "-": r"-\infty"}.get(where, r"\pm\infty"))  # fmt: skip
        if self.style == "latex":
            return rf"{left} &\to 0 \qquad\text{{as }} {by} \to {at}"
        arrow = self.pick("→", "->", "")
        return f"{left} {arrow} 0   as {by} {arrow} {at}"

    def equation(self, left: str, right: str) -> str:
        return f"{left} {'&=' if self.style == 'latex' else '='} {right}"

    def total(self, parts: list[str]) -> str:
        """A sum of terms that are written already."""
        if not parts:
            return "0"
        out = parts[0]
        for part in parts[1:]:
            sign = next((s for s in "−-" if part.startswith(s)), "")
            out += f" {sign} {part[len(sign) :].lstrip()}" if sign else f" + {part}"
        return out

    def prime(self, of: Symbol) -> str:
        """The derivative of a function of the time."""
        shown = self.show(of)
        return f"{{{shown}}}'" if self.style == "latex" and len(shown) > 1 else f"{shown}'"

    def bracket(self, body: str, by: str, low: Node, high: Node) -> str:
        """The change of an expression from one end to the other."""
        a, b = self.end(low), self.end(high)
        if self.style == "latex":
            return rf"\left[{body}\right]_{{{by}={a}}}^{{{b}}}"
        return f"[{body}] from {a} to {b}"

    def at(self, where: str) -> str:
        """Where an equation holds."""
        return rf"\qquad\text{{at }} {where}" if self.style == "latex" else f"   at {where}"
