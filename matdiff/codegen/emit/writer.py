"""What code in any language is made by: the code of each node, what is shared in local variables, sizes by names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import lcm

from matdiff.codegen.emit.forms import is_negative_multiple, is_reciprocal
from matdiff.codegen.emit.names import Names
from matdiff.codegen.emit.pieces import ATOM, MAX_DEPTH, MAX_INLINE, PRODUCT, SUM, UNARY, Code
from matdiff.codegen.emit.sizes import Recipe
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, Value
from matdiff.core.shape import Dim
from matdiff.ops.algebra import TRANSPOSE


class Writer:
    """The state of one emission: the code of each node so far, and the lines.

    A language says how often a function mentions an argument, and how numbers and constants are written.
    """

    end = ""
    """What ends a line."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.code: dict[Node, Code] = {}
        self.lines: list[str] = []
        self.sizes: dict[str, str] = {}
        self.uses: Counter[Node] = Counter()
        self.wish: dict[Node, str] = {}
        self.inputs: dict[Symbol, str] = {}
        self.inlined: set[Node] = set()
        self.results: frozenset[Node] = frozenset()
        """What is returned as it stands."""

    def count(self, order: Sequence[Node], roots: Sequence[Node]) -> Counter[Node]:
        """How often each value is written; transposes and definitions pass the count on."""
        uses = Counter(roots)
        for node in reversed(order):
            seen_through = node.op is TRANSPOSE or isinstance(node, Symbol)
            for child in node.children:
                uses[child] += uses[node] if seen_through else self.repeats(node, child)
            if isinstance(node, Symbol) and isinstance(node.body, Apply):
                self.wish.setdefault(node.body, node.name)
        return uses

    def repeats(self, node: Node, child: Node) -> int:
        """How often the code of a node mentions that of a child."""
        raise NotImplementedError

    def literal(self, value: Value) -> Code:
        raise NotImplementedError

    def constant(self, node: Constant) -> Code:
        raise NotImplementedError

    def leaf(self, node: Node) -> Code:
        """The code of what has no arguments; a constant that is made by a call is made once."""
        if isinstance(node, Symbol):
            return Code(self.inputs[node]) if node.body is None else self.code[node.body]
        if isinstance(node, Number):
            return self.literal(node.value)
        assert isinstance(node, Constant)
        code = self.constant(node)
        return self.named(code) if self.uses[node] > 1 and "(" in code.text else code

    def kept(self, node: Apply, code: Code) -> Code:
        """The code of an application, in a local variable where it is shared, long or has a name in the text."""
        if node.op is TRANSPOSE:
            return code
        if node in self.wish:
            return self.named(code, self.wish[node])
        if node in self.results and self.uses[node] == 1:
            return code
        if self.uses[node] > 1 or code.depth > MAX_DEPTH or len(code.text) > MAX_INLINE:
            return self.named(code, self.hint(node))
        self.inlined.add(node)
        return code

    def hint(self, node: Apply) -> str:
        """A readable name for a value; empty for a numbered one."""
        return ""

    def named(self, code: Code, wish: str = "") -> Code:
        """The value in a local variable, unless it is one already."""
        if code.text.isidentifier() and not wish:
            return code
        name = self.names.fresh(wish) if wish else self.names.numbered()
        self.lines.append(f"{name} = {code.text}{self.end}")
        return Code(name)

    def negated(self, node: Node) -> Code | None:
        """The code of -node where node is a negative multiple written in place, else None."""
        code = self.code[node]
        if not is_negative_multiple(node) or not code.text.startswith("-"):
            return None
        if isinstance(node, Apply) and isinstance(s := node.args[0], Number) and s.value == -1:
            return self.code[node.args[1]]
        return Code(code.text[1:], PRODUCT, code.depth)

    def reciprocal(self, node: Node) -> Code | None:
        """The code of a for a node 1/a that has no name of its own, else None."""
        return self.code[node.children[0]] if node in self.inlined and is_reciprocal(node) else None

    def size(self, dim: Dim) -> str:
        return self.size_code(dim).text

    def size_code(self, dim: Dim) -> Code:
        if dim.number is not None:
            return Code(str(dim.number))
        for name in sorted(dim.names):
            if name not in self.sizes:
                self.sizes[name] = self.names.fresh(name)
        return polynomial(dim, self.sizes)


def ordered(variables: Sequence[Symbol], order: Sequence[Node]) -> list[Symbol]:
    """The free symbols of a graph: those of `variables` in their order, then others as they appear."""
    free = [n for n in order if isinstance(n, Symbol) and n.body is None]
    present = set(free)
    return list(dict.fromkeys([v for v in variables if v in present] + free))


def polynomial(dim: Dim, names: Mapping[str, str]) -> Code:
    """A dimension in local names: `m * n + 1`, `(n * n + n) // 2`."""
    divisor = lcm(*(c.denominator for _, c in dim.terms))
    if divisor > 1:
        return Code(f"{polynomial(dim * Dim.of(divisor), names).at(PRODUCT)} // {divisor}", PRODUCT, 2)
    text = ""
    for monomial, c in dim.terms:
        factors = ([] if abs(c) == 1 and monomial else [str(abs(c))]) + [names[n] for n in monomial]
        body = " * ".join(factors)
        text += (" - " if c < 0 else " + ") + body if text else ("-" if c < 0 else "") + body
    if len(dim.terms) > 1:
        return Code(text, SUM, 1)
    return Code(text, UNARY if text.startswith("-") else PRODUCT if " " in text else ATOM, 1)


def root(recipe: Recipe, got: str) -> str:
    """The n of a n² + b n + c = got: `int((8 * x.shape[0] + 1) ** 0.5 - 1) // 2`, a perfect square under the root."""
    parts = [recipe.square, *(d.terms[0][1] if d.terms else 0 for d in (recipe.factor, recipe.rest))]
    scale = 2 * lcm(*(c.denominator for c in parts))
    a, half, c = int(parts[0] * scale), int(parts[1] * scale) // 2, int(parts[2] * scale)
    shift = half * half - a * c
    inside = f"{a * scale} * {got}" + (f" {'-' if shift < 0 else '+'} {abs(shift)}" if shift else "")
    return f"int(({inside}) ** 0.5{f' - {half}' if half else ''}) // {a}"
