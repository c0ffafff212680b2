"""What is known of the parts of an expression: claims with their reasons, and the signs among them.

A claim about a node is a word: its signs entry by entry (`> 0`, `≥ 0`, `< 0`, `≤ 0`), in the semidefinite order
(`≻ 0`, `⪰ 0`, `⪯ 0`), `constant`, `affine`, `convex`, `concave`, `convex⪰` and `concave⪰` in the semidefinite order,
`√ convex` (it is ≥ 0 and its root is convex), `log convex` and `log concave` (it is > 0 and its logarithm is).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from matdiff.core.node import Apply, Node, Number, Symbol, topological
from matdiff.core.op import Joint, Linear
from matdiff.graph.properties import Known
from matdiff.ops.algebra import ADD, HADAMARD, INNER, POWER, SCALE, TRANSPOSE, is_op
from matdiff.ops.elementwise import sqrt
from matdiff.ops.structure import Diag

Claim = tuple[Node, str]
WEAKER = {
    "> 0": ("≥ 0",),
    "< 0": ("≤ 0",),
    "≻ 0": ("⪰ 0",),
    "affine": ("convex", "concave"),
    "√ convex": ("≥ 0", "convex"),
    "log convex": ("> 0", "≥ 0", "√ convex", "convex"),
    "log concave": ("> 0", "≥ 0"),
}
"""What else a claim says."""


@dataclass(frozen=True, slots=True)
class Why:
    rule: str
    premises: tuple[Claim, ...] = ()


class Claims:
    """The claims about every part of an expression that is a function of some variables.

    `assumed` are claims taken for granted; `wanted` collects claims about parameters that a rule would have needed.
    """

    def __init__(self, root: Node, variables: Collection[Symbol] = (), assumed: Collection[Claim] = ()) -> None:
        self.root = root
        self.variables = frozenset(variables)
        self.known = Known()
        self.claims: dict[Node, dict[str, Why]] = {}
        self.wanted: dict[Claim, None] = {}
        self.assumed: dict[Node, list[str]] = {}
        for node, word in assumed:
            self.assumed.setdefault(node, []).append(word)
        self._within = domain_signs(root, self.known)
        self.granted: set[Node] = set()
        """Parts with a sign only because the function is defined nowhere else."""
        for node in topological(root):
            self._look(node)

    def has(self, node: Node, word: str) -> bool:
        return word in self.claims[node]

    def say(self, node: Node, word: str, rule: str, *premises: Claim) -> None:
        mine = self.claims[node]
        if word not in mine:
            mine[word] = Why(rule, premises)
            for weaker in WEAKER.get(word, ()):
                mine.setdefault(weaker, Why("", ((node, word),)))

    def want(self, node: Node, word: str) -> bool:
        """Is a claim about a constant known?  If not, it is remembered as one that might do."""
        if self.has(node, word):
            return True
        if self.has(node, "constant") and not isinstance(node, Number):
            self.wanted[node, word] = None
        return False

    # one part after the other

    def _look(self, node: Node) -> None:
        self.claims[node] = {}
        if not isinstance(node, Apply):
            self._leaf(node)
        else:
            if all(self.has(a, "constant") for a in node.args):
                self.say(node, "constant", "constant")
            self._signs(node)
            if node.op is POWER:
                self._power_sign(node, exact(node.args[1]))
            self._rules(node)
        self._general(node)

    def _rules(self, node: Apply) -> None:
        """More than signs, in a subclass."""

    def _leaf(self, node: Node) -> None:
        if node in self.variables:
            self.say(node, "affine", "variable")
        else:
            self.say(node, "constant", "constant")
        if isinstance(node, Number) and node.value < 0:
            self.say(node, "< 0", "number")

    def _general(self, node: Node) -> None:
        """What follows from declarations, from what the matrix is known to be, and from what is assumed."""
        known = self.known(node)
        if "positive" in known:
            self.say(node, "> 0", "declared" if isinstance(node, Symbol) else "by its form")
        if "nonnegative" in known:
            self.say(node, "≥ 0", "by its form")
        if node.kind == "matrix" and "spd" in known:
            self.say(node, "≻ 0", "declared" if isinstance(node, Symbol) else "by its form")
        for word in self.assumed.get(node, ()):
            self.say(node, word, "assumed")
        sign = self._within.get(node, "")
        if sign == "≻ 0" and not self.has(node, "⪰ 0"):
            sign = ""
        if sign and not self.has(node, sign):
            self.granted.add(node)
            self.say(node, sign, "where the function is defined")
        if self.has(node, "constant"):
            self.say(node, "affine", "constant")
            if self.has(node, "> 0"):
                self.say(node, "log convex", "constant > 0")
                self.say(node, "log concave", "constant > 0")
            elif self.has(node, "≥ 0"):
                self.say(node, "√ convex", "constant ≥ 0")
        if self.has(node, "concave") and self.has(node, "> 0"):
            self.say(node, "log concave", "a concave function > 0", (node, "concave"), (node, "> 0"))
        if self.has(node, "convex") and self.has(node, "concave"):
            self.say(node, "affine", "convex and concave", (node, "convex"), (node, "concave"))
        if node.kind == "matrix" and node.rows is node.cols and "symmetric" in known:
            for word in ("convex", "concave"):
                if self.has(node, "affine") or ("diagonal" in known and self.has(node, word)):
                    self.say(node, f"{word}⪰", "", (node, "affine" if self.has(node, "affine") else word))

    # signs

    def _signs(self, node: Apply) -> None:
        op, args = node.op, node.args
        words = op.curvature.split()
        for word, sign in (("positive", "> 0"), ("nonnegative", "≥ 0")):
            if (word in op.gives and (node.kind != "matrix" or op.elementwise)) or word in words:
                self.say(node, sign, f"values of {op.name}")
        if "positive+" in words and self.has(args[0], "> 0"):
            self.say(node, "> 0", f"{op.name} of a part > 0", (args[0], "> 0"))
        if op is ADD:
            for some, every in (("> 0", "≥ 0"), ("< 0", "≤ 0"), ("≻ 0", "⪰ 0")):
                if all(self.has(a, every) for a in args):
                    strict = any(self.has(a, some) for a in args)
                    word = some if strict else every
                    self.say(node, word, f"sum of parts {every}", *((a, every) for a in args))
            if all(self.has(a, "⪯ 0") for a in args):
                self.say(node, "⪯ 0", "sum of parts ⪯ 0", *((a, "⪯ 0") for a in args))
        elif "increasing" in words and len(args) == 2:
            self._sign_of_product(node)
        elif "increasing" in words and isinstance(op.rule(0), (Linear, Joint)):
            strict = node.kind == "scalar" or op is TRANSPOSE
            for sign, weak in (("> 0", "≥ 0"), ("< 0", "≤ 0")):
                word = sign if strict else weak
                if all(self.has(a, word) for a in args):
                    self.say(node, word, "the same sign", *((a, word) for a in args))
                elif all(self.has(a, weak) for a in args):
                    self.say(node, weak, "the same sign", *((a, weak) for a in args))
        if len(args) == 1 and args[0].kind == "matrix":
            self._definite(node, words)
        if op is SCALE and node.kind == "matrix":
            for s, (sign, word) in (("≥ 0", ("⪰ 0", "⪰ 0")), ("≤ 0", ("⪰ 0", "⪯ 0")), ("> 0", ("≻ 0", "≻ 0"))):
                if self.has(args[0], s) and self.has(args[1], sign):
                    self.say(node, word, "multiple", (args[0], s), (args[1], sign))
        if op is Diag:
            for sign, word in (("> 0", "≻ 0"), ("≥ 0", "⪰ 0"), ("≤ 0", "⪯ 0")):
                if self.has(args[0], sign):
                    self.say(node, word, "diagonal", (args[0], sign))

    def _sign_of_product(self, node: Apply) -> None:
        a, b = node.args
        for one, other, value in (
            ("> 0", "> 0", "> 0"),
            ("< 0", "< 0", "> 0"),
            ("> 0", "< 0", "< 0"),
            ("< 0", "> 0", "< 0"),
            ("≥ 0", "≥ 0", "≥ 0"),
            ("≤ 0", "≤ 0", "≥ 0"),
            ("≥ 0", "≤ 0", "≤ 0"),
            ("≤ 0", "≥ 0", "≤ 0"),
        ):
            if self.has(a, one) and self.has(b, other):
                self.say(node, value, "product", (a, one), (b, other))
        if a is b and node.op in (HADAMARD, SCALE, INNER):
            self.say(node, "≥ 0", "square")
        if "increasing⪰" in node.op.curvature.split() and a.kind == b.kind == "matrix":
            value = "≥ 0" if node.kind == "scalar" else "⪰ 0"
            if self.has(a, "⪰ 0") and self.has(b, "⪰ 0"):
                self.say(node, value, "of two semidefinite matrices", (a, "⪰ 0"), (b, "⪰ 0"))

    def _definite(self, node: Apply, words: list[str]) -> None:
        """What a function of one matrix is of a definite one."""
        (a,) = node.args
        linear = isinstance(node.op.rule(0), Linear) and "increasing⪰" in words
        if linear or "positive⪰" in words:
            names = {"≻ 0": "> 0", "⪰ 0": "≥ 0", "⪯ 0": "≤ 0"} if node.kind != "matrix" else {}
            names = names or {"≻ 0": "≻ 0", "⪰ 0": "⪰ 0", "⪯ 0": "⪯ 0"}
            for sign, value in names.items():
                if self.has(a, sign) and (linear or sign != "⪯ 0"):
                    self.say(node, value, f"{node.op.name} of a matrix {sign}", (a, sign))
        if "logtraceconvex" in words and "symmetric" in self.known(a):
            self.say(node, "≻ 0", f"{node.op.name} of a symmetric matrix")
        if "spd" in node.op.keeps and self.has(a, "≻ 0"):
            self.say(node, "≻ 0", f"{node.op.name} of a matrix ≻ 0", (a, "≻ 0"))

    def _power_sign(self, node: Apply, p: Fraction | None) -> None:
        u = node.args[0]
        if p is not None and p.denominator == 1 and p % 2 == 0:
            strict = self.has(u, "> 0") or self.has(u, "< 0")
            self.say(node, "> 0" if strict else "≥ 0", "even power")
        elif self.has(u, "> 0"):
            self.say(node, "> 0", "power", (u, "> 0"))
        elif p is None or p.denominator != 1:
            self.say(node, "≥ 0", "power")
        elif self.has(u, "≥ 0"):
            self.say(node, "≥ 0", "power", (u, "≥ 0"))
        elif self.has(u, "< 0") or self.has(u, "≤ 0"):
            word = "< 0" if self.has(u, "< 0") else "≤ 0"
            self.say(node, word, "odd power", (u, word))


def domain_signs(root: Node, known: Known) -> dict[Node, str]:
    """The parts that are > 0, or ≥ 0, wherever the expression is defined: what a logarithm or a root is taken of.

    `≻ 0` is for matrices that are invertible there, and so ≻ 0 where they are ⪰ 0.
    """
    found: dict[Node, str] = {}
    for node in topological(root):
        if isinstance(node, Apply) and {"invertible", "posdet", "spectrum"} & set(node.op.domain):
            found[node.args[0]] = "≻ 0"
        if isinstance(node, Apply) and "positive" in node.op.domain and len(node.args) == 1:
            weak = node.op is sqrt
        elif is_op(node, POWER) and (p := exact(node.children[1])) is not None and p.denominator != 1:
            weak = p > 0
        else:
            continue
        for u in (node.children[0], core(node.children[0], known)):
            if not weak or u not in found:
                found[u] = "≥ 0" if weak else "> 0"
    return found


def core(node: Node, known: Known) -> Node:
    """The part that has the sign of a product whose other factors are known to be > 0."""
    while is_op(node, SCALE) or is_op(node, HADAMARD):
        bases = [(a.children[0] if is_op(a, POWER) else a) for a in node.children]
        rest = [a for a, base in zip(node.children, bases, strict=True) if "positive" not in known(base)]
        if len(rest) != 1:
            break
        node = rest[0]
    return node


def exact(node: Node) -> Fraction | None:
    """The value of a number, exactly."""
    return Fraction(node.value) if isinstance(node, Number) else None


__all__ = ["Claim", "Claims", "Why", "core", "domain_signs", "exact"]
