"""How each kind of node is laid out in a notation: one level deep, the parts being holes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from matdiff.core.node import Apply, Constant, Node, Number, Symbol, Value
from matdiff.core.op import parameters
from matdiff.core.patterns import deferred
from matdiff.core.shape import Dim
from matdiff.ops.constants import LONG
from matdiff.ops.unknown import Unknown
from matdiff.printing.operators import SPECIAL
from matdiff.printing.piece import (
    AFTER_NUMBER,
    BESIDE,
    Argument,
    Hole,
    Item,
    Piece,
    Scaling,
    fill,
    inverse_power,
    is_negative,
    scaling,
    text,
)
from matdiff.printing.tables import (
    ATOM,
    MIXED,
    NEGATED,
    POWER,
    PRODUCT,
    SUM,
    Notation,
    guessed_level,
    template,
)

_two_words = deferred(r"\\[a-z]+\\[a-z]+")

HALF = Fraction(1, 2)


LONGER = {short: long for long, short in LONG.items()}


class Layout:
    """A notation, the names that parts go by, and those of variables, by which no constant goes."""

    def __init__(
        self, notation: Notation, names: Mapping[Node, str] | None = None, taken: frozenset[str] = frozenset()
    ) -> None:
        self.notation = notation
        self.names = names or {}
        self.taken = taken

    def piece(self, node: Node, in_bars: bool = False) -> Piece:
        """The layout of a node; inside bars a norm is written as a call, since bars do not tell left from right."""
        name = self.names.get(node)
        if name is not None:
            return text(name)
        return self.meaning(node, in_bars)

    def meaning(self, node: Node, in_bars: bool = False) -> Piece:
        """The layout of a node whether or not it goes by a name."""
        if isinstance(node, Symbol):
            return text(self.notation.symbol(node))
        if isinstance(node, Number):
            return self.number(node.value)
        if isinstance(node, Constant):
            return self.constant(node)
        assert isinstance(node, Apply)
        if in_bars and node.op.name == "norm":
            return self.form("norm call", *node.args)
        if isinstance(node.op, Unknown):
            return self.unknown(node, node.op)
        special = SPECIAL.get(node.op.name)
        return special(self, node) if special else self.plain(node)

    def form(self, head: str, *args: Argument) -> Piece:
        return fill(self.notation.forms[head], *args)

    def looks_into(self, node: Node, name: str) -> bool:
        """Is this an application of the function, and printed in full?"""
        return isinstance(node, Apply) and node.op.name == name and node not in self.names

    def number(self, value: Value) -> Piece:
        if is_negative(value):
            return Piece(NEGATED, (self.notation.negative, Hole(self.number(-value), MIXED)))
        if type(value) is Fraction:
            front = self.notation.fraction(value)
            return text(front or str(value), ATOM if front and not front[0].isdigit() else PRODUCT)
        return text(self.notation.number(value))

    def constant(self, node: Constant, head: str = "") -> Piece:
        dims = [self.notation.dim(d) for d in node.dims]
        if node.name == "size":
            (d,) = node.dims
            return text(dims[0], SUM if len(d.terms) > 1 else ATOM if d.name else PRODUCT)
        if node.name == "e":
            dims.append(str(node.index))
        if node.name in ("ones", "zeros"):
            if node.kind == "row":
                return self.form("transpose", self.form(node.name, dims[-1]))
            return self.form(node.name + " of" * (node.kind == "matrix"), *dims)
        if node.name in LONGER and node.name in self.taken:
            return self.written(LONGER[node.name], dims)
        return self.form(head or ("eye" if node.name == "I" else node.name), *dims)

    def plain(self, node: Apply) -> Piece:
        """A form of the notation, the record's own template, or a call."""
        params = [self.parameter(p) for p in node.params]
        latex = node.op.latex
        if node.op.whole and self.doubtful(node.args[0]):
            if node.op.name in self.notation.forms:
                return self.form("dot power", self.raisable(node.args[0]), text("1/2", PRODUCT))
            latex = latex.replace("(", r"^{{\odot}}(", 1)
        if node.op.name in self.notation.forms:
            return self.form(node.op.name, *node.args, *params)
        spelled = "barred" in node.op.traits.split() and node.args[0].kind == "matrix"
        if self.notation.own_templates and latex and not spelled and not self.clashes(node):
            args: tuple[Argument, ...] = (*node.args, *params)
            return fill((guessed_level(template(latex)), self.notation.own_templates(latex)), *args)
        return self.call(node)

    def doubtful(self, a: Node) -> bool:
        r"""\exp(A) of a square matrix would be taken for that of the whole matrix: \exp^{\odot}(A)."""
        return self.notation.own_templates is not None and a.kind == "matrix" and a.rows is a.cols

    def call(self, node: Apply) -> Piece:
        name = node.op.name
        spoken = node.op.spoken
        fixed = (p for p in parameters(node.op.signature) if p.isdigit())
        args: list[Argument] = [*node.args, *(self.parameter(p) for p in node.params), *fixed]
        if name.startswith("frechet_") and self.notation.bracketed:
            args.insert(0, self.notation.call(name.removeprefix("frechet_")))
            name = "frechet"
        elif spoken and name not in spoken:
            name = spoken[0]
        return self.written(name if self.clashes(node) else self.notation.functions.get(name, name), args)

    def clashes(self, node: Apply) -> bool:
        """Would σ(x) be read as a product?"""
        return node.op.name == "sigmoid" and not self.taken.isdisjoint(("σ", "sigma"))

    def unknown(self, node: Apply, op: Unknown) -> Piece:
        """h(x), ∇²phi(x), h'(X)[V], h'(X)*[Y]."""
        many = len(op.of.arrow.inputs)
        prefix, _, primes = op.of.name().partition(op.of.base)
        call = self.written(op.of.base + primes, node.args[:many])
        items: list[Item] = [self.notation.marks(prefix) + str(call.items[0]), *call.items[1:]]
        if op.blocks:
            left, right = self.notation.square
            items.append((self.notation.star if op.starred else "") + left)
            for i, arg in enumerate(node.args[many:]):
                items += [self.notation.comma] * (i > 0) + [Hole(arg, SUM)]
            items.append(right)
        return Piece(ATOM, tuple(items))

    def written(self, name: str, args: Sequence[Argument]) -> Piece:
        """A call by a name."""
        before, after = self.notation.parentheses
        items: list[Item] = [self.notation.call(name) + before]
        for i, arg in enumerate(args):
            items += [self.notation.comma] if i else []
            items.append(arg if isinstance(arg, str) else Hole(arg, SUM))
        return Piece(ATOM, (*items, after))

    def parameter(self, value: Any) -> str:
        return self.notation.dim(value) if isinstance(value, Dim) else self.notation.literal(str(value))

    # products of scalars

    def signed(self, node: Node, bare: bool = False) -> tuple[bool, Node | Piece]:
        """(is it negative, what is left without the sign); `bare`: the size of an I follows from what is around."""
        if node in self.names:
            return False, node
        if isinstance(node, Number) or self.looks_into(node, "scale") or inverse_power(node) is not None:
            return self.factored(node, bare)
        return False, self.array(node, bare)

    def factored(self, node: Node, bare: bool = False) -> tuple[bool, Node | Piece]:
        parts = scaling(node, lambda n: n is not node and n in self.names)
        return parts.negative, self.scaled(parts, bare)

    def array(self, node: Node, bare: bool) -> Node | Piece:
        if bare and isinstance(node, Constant) and node.name == "I":
            return self.constant(node, "I")
        return node

    def product(self, node: Apply) -> Piece:
        negative, rest = self.factored(node)
        if negative:
            return Piece(NEGATED, (self.notation.negative, Hole(rest, MIXED)))
        return rest if isinstance(rest, Piece) else self.piece(rest)

    def scaled(self, parts: Scaling, bare: bool = False) -> Node | Piece:
        """The absolute value of the number, the factors, the array, over the divisors."""
        front, above, below = self.coefficient(parts)
        base = parts.base
        inverse = inverse_power(base) if base is not None and base not in self.names else None
        factors: list[Node | Piece] = [*parts.above]
        if base is not None and inverse is None:
            factors.append(self.array(base, True) if bare else base)
        top = self.row(front or ("" if above == self.notation.number(1) and factors else above), factors)
        if below or parts.below:
            top = self.form("fraction", top, self.row(below, [self.powered(*b, dotted=False) for b in parts.below]))
        if inverse is not None:
            return self.form("dot over", top, self.powered(*inverse, dotted=True))
        return top

    def coefficient(self, parts: Scaling) -> tuple[str, str, str]:
        """A fraction to stand in front, or numbers above and below the line."""
        value = parts.number if not is_negative(parts.number) else -parts.number
        if type(value) is not Fraction:
            return "", self.notation.number(value), ""
        front = "" if parts.below else self.notation.fraction(value)
        if front:
            return front, "", ""
        return "", self.notation.number(value.numerator), self.notation.number(value.denominator)

    def row(self, front: str, factors: Sequence[Node | Piece]) -> Node | Piece:
        """Factors beside each other; all but the last hold together as powers do."""
        if not factors:
            return text(front, PRODUCT if "/" in front else ATOM)
        if not front and len(factors) == 1:
            return factors[0]
        items: list[Item] = [front, AFTER_NUMBER] if front else []
        for f in factors[:-1]:
            items += [Hole(f, POWER), BESIDE]
        level = MIXED if self.is_mixed(factors[-1]) else PRODUCT
        return Piece(level, (*items, Hole(factors[-1], level)))

    def is_mixed(self, node: Node | Piece) -> bool:
        """Is it written with ⊙, ⊗ or a function without brackets?  Does not look further down."""
        if isinstance(node, Piece):
            return node.level == MIXED
        if not isinstance(node, Apply) or node in self.names:
            return False
        if node.op.name in ("kron", "kronv"):
            return self.notation.forms["kron"][0] == MIXED
        if node.op.name in self.notation.forms or not self.notation.own_templates or not node.op.latex:
            return node.op.name == "hadamard"
        return guessed_level(template(node.op.latex)) == MIXED

    def raisable(self, base: Node) -> Node | Piece:
        """The base of a power: one behind log det(X) would be taken for that of the determinant."""
        if not (self.notation.own_templates and isinstance(base, Apply) and _two_words.match(base.op.latex or "")):
            return base
        before, after = self.notation.parentheses
        return Piece(ATOM, (before, Hole(base, SUM), after))

    def powered(self, base: Node, exponent: Value, dotted: bool) -> Node | Piece:
        """A node to the power of a positive number, entry by entry where `dotted`."""
        if exponent == 1:
            return base
        rooted = type(exponent) is Fraction and exponent == HALF
        if rooted and not (dotted and self.doubtful(base)):
            return self.form("sqrt", base)
        small = None if dotted or not isinstance(exponent, int) else {2: "square", 3: "cube"}.get(exponent)
        if small:
            return self.form(small, self.raisable(base))
        return self.form(
            "dot power" if dotted else "power",
            self.raisable(base),
            text(self.notation.literal(str(exponent)), PRODUCT if type(exponent) is Fraction else ATOM),
        )
