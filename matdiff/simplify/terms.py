"""The pieces that the normal form works with: terms (number, scalar powers, core) and matrix products with powers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from matdiff.core.node import Apply, Node, Number, Value, number
from matdiff.graph.properties import Known
from matdiff.ops.algebra import (
    HADAMARD,
    MATMUL,
    MPOW,
    POWER,
    SCALE,
    TRANSPOSE,
    hadamard,
    matmul,
    mpow,
    power,
    product_nodes,
    scale,
    transpose,
)
from matdiff.ops.constants import is_ones, ones_like
from matdiff.ops.elementwise import QUOTIENTS, sqrt
from matdiff.ops.kronecker import kron
from matdiff.ops.linalg import inv
from matdiff.ops.matrix_functions import MPOWER

WINDOW = 64
"""Most terms of a sum, or scalars of a product, that are taken apart and put together again."""

NESTED = 64
"""Most terms of a sum that join those of a sum around it, so that nested sums that are shared stay shared."""

SCALARS = 16
"""Most scalars of a product that are taken apart; a product of more is one scalar."""
MANY = 2 * SCALARS + 8
"""Most parts of a product that are looked at for its scalars."""

LONGEST = 24
"""Likewise for matrix products; longer ones keep the shape in which they came, so that a chain's
shared prefixes stay shared and the pass stays linear."""

HALF = Fraction(1, 2)

Factor = tuple[Node, int]
"""A factor of a matrix product: a base and its whole power; X⁻ᵀ is (Xᵀ, −1)."""


@dataclass(slots=True, eq=False, repr=False)
class Term:
    """number · Π base^exponent · core; core is None for a scalar."""

    number: Value = 1
    scalars: dict[Node, Value] = field(default_factory=dict)
    core: Node | None = None

    def multiply(self, base: Node, exponent: Value) -> None:
        total = plain(self.scalars.get(base, 0) + exponent)
        if total == 0:
            del self.scalars[base]
        else:
            self.scalars[base] = total

    def absorb(self, scalar: Node) -> None:
        """Multiply by a scalar expression, taken apart."""
        self.multiply_all(split(scalar))

    def multiply_all(self, other: Term) -> None:
        """Multiply by the number and the scalars of another term, not its core."""
        self.number = self.number * other.number
        for base, exponent in other.scalars.items():
            self.multiply(base, exponent)

    def raised(self, exponent: int) -> Term:
        """The number and the scalars to a whole power, without the core."""
        term = Term()
        term.absorb(power(number(self.number), number(exponent)))
        for base, e in self.scalars.items():
            term.multiply(base, e * exponent)
        return term

    @property
    def scalar(self) -> Node:
        """The number and the scalars as one node."""
        return join(Term(self.number, self.scalars))

    @property
    def key(self) -> object:
        """Equal for terms that differ in their number at most."""
        return (frozenset(self.scalars.items()), self.core) if self.scalars else self.core


def plain(value: Value) -> Value:
    return value.numerator if type(value) is Fraction and value.denominator == 1 else value


def magnitude(value: Value) -> Value:
    return -value if value < 0 else value


def split(node: Node) -> Term:
    """A node in normal form as a term; a product of very many scalars is one of them."""
    if node.op is not SCALE:
        if node.kind != "scalar":
            return Term(1, {}, node)
        if isinstance(node, Number):
            return Term(node.value, {}, None)
        base, exponent = base_and_exponent(node)
        return Term(1, {base: exponent}, None)
    term = Term(1, {}, None)
    stack = [node]
    seen = 0
    while stack:
        top = stack.pop()
        seen += 1
        if seen > MANY:
            return unsplit(node)
        if isinstance(top, Number):
            term.number = term.number * top.value
        elif top.op is SCALE:
            stack += top.args[::-1]
        elif top.kind != "scalar":
            term.core = top
        else:
            term.multiply(*base_and_exponent(top))
    return term


def apart(node: Node, known: Known) -> Term:
    """The same, taken apart once: not to be changed."""
    found: Term | None = known.terms.get(node)
    if found is None:
        found = known.terms[node] = split(node)
    return found


def unsplit(node: Node) -> Term:
    """The scalars of a term in one piece."""
    if node.kind == "scalar":
        return Term(scalars={node: 1})
    scalar, core = node.children
    term = unsplit(core) if core.op is SCALE else Term(core=core)
    if isinstance(scalar, Number):
        term.number = term.number * scalar.value
    else:
        term.multiply(scalar, 1)
    return term


def base_and_exponent(s: Node) -> tuple[Node, Value]:
    """s as a power of something: 1/t is (t, −1), √t is (t, ½)."""
    exponent: Value = 1
    if s.op is POWER and isinstance(p := s.args[1], Number):
        s, exponent = s.args[0], p.value
    if s.op is sqrt:
        s, exponent = s.args[0], plain(exponent * HALF)
    return s, exponent


def root_power(base: Node, exponent: Value) -> Node:
    """base^exponent, halves as square roots."""
    if type(exponent) is Fraction and exponent.denominator == 2:
        return power(sqrt(base), number(exponent.numerator))
    return power(base, number(exponent))


def join(term: Term) -> Node:
    """The node of a term."""
    result: Node | None = None
    for base, exponent in divisors_last(term.scalars):
        f = base if exponent == 1 else root_power(base, exponent)
        result = f if result is None else scale(result, f)
    if term.core is not None:
        result = term.core if result is None else scale(result, term.core)
    if result is None:
        return number(term.number)
    return result if term.number == 1 else scale(number(term.number), result)


def divisors_last(powers: dict[Node, Value]) -> Iterable[tuple[Node, Value]]:
    """Bases and exponents in their order, negative exponents behind the others."""
    for exponent in powers.values():
        if exponent < 0:
            return sorted(powers.items(), key=lambda item: item[1] < 0)
    return powers.items()


def factors(node: Node, known: Known) -> list[Factor]:
    """The factors of a matrix product with their powers; a product of more than LONGEST is one factor."""
    found = known.factors.get(node)
    if found is None:
        nodes = product_nodes(node, LONGEST)
        found = [g for f in nodes for g in spread(f, known)] if nodes else [(node, 1)]
        found = found if len(found) <= LONGEST else [(node, 1)]
        known.factors[node] = found
    return list(found)


def spread(node: Node, known: Known) -> list[Factor]:
    """One factor, or those of a power of a product: (XᵀX)² is Xᵀ X Xᵀ X."""
    if node.op is MPOW and node.children[0].op is MATMUL:
        inside = product_nodes(node.children[0], LONGEST)
        if inside and len(inside) * times(node) <= LONGEST:
            return [factor(f, known) for f in inside] * times(node)
    return [factor(node, known)]


def factor(node: Node, known: Known) -> Factor:
    if node.op is TRANSPOSE:
        base, exponent = factor(node.children[0], known)
        return known.transposed(base), exponent
    if node.op is inv:
        inside = node.children[0]
        if inside.op is MPOW:
            base, exponent = factor(inside, known)
            return base, -exponent
        return inside, -1
    if node.op is MPOW:
        base, exponent = factor(node.children[0], known)
        return base, exponent * times(node)
    return node, 1


def times(node: Node) -> int:
    """The k of a matrix power A^k."""
    assert isinstance(node, Apply)
    k: int = node.params[0]
    return k


def powered(base: Node, exponent: int) -> Node:
    """The node of a factor."""
    if exponent == 1:
        return base
    if exponent < 0 and base.op is not MPOWER:
        inverse = transpose(inv(base.children[0])) if base.op is TRANSPOSE else inv(base)
        return mpow(inverse, -exponent)
    if base.op is kron:
        return kron(*(powered(a, exponent) for a in base.children))
    if base.op is MPOWER:
        return MPOWER(base.children[0], scale(number(exponent), base.children[1]))
    return mpow(base, exponent)


def chain(parts: list[Factor]) -> Node:
    """The product, associated to the left; three or more repetitions of a product are its power."""
    result: Node | None = None
    if len(parts) < SHORTEST_REPETITION:
        for base, exponent in parts:
            piece = base if exponent == 1 else powered(base, exponent)
            result = piece if result is None else matmul(result, piece)
        assert result is not None
        return result
    i = 0
    while i < len(parts):
        width, times = repetition(parts, i)
        piece = powered(*parts[i]) if times == 1 else mpow(chain(parts[i : i + width]), times)
        result = piece if result is None else matmul(result, piece)
        i += width * times
    assert result is not None
    return result


SHORTEST_REPETITION = 6
"""Two factors three times."""


def repetition(parts: list[Factor], i: int) -> tuple[int, int]:
    """The widest run of parts from i on that stands there at least three times: its width, and how often."""
    for width in range(2, (len(parts) - i) // 3 + 1):
        block = parts[i : i + width]
        times = 1
        while parts[i + width * times : i + width * (times + 1)] == block:
            times += 1
        if times >= 3:
            return width, times
    return 1, 1


def inside_inverse(base: Node, known: Known) -> list[Factor]:
    """The factors of P in P⁻¹ or, where the base is Pᵀ, those of its transpose."""
    if base.op is TRANSPOSE:
        return [(known.transposed(b), e) for b, e in reversed(factors(base.children[0], known))]
    return factors(base, known)


def inverse_of(parts: list[Factor], base: Node, known: Known) -> Factor:
    """The factor (Π parts)⁻¹, written with the transpose outside if `base` was."""
    if base.op is TRANSPOSE:
        return transpose(chain([(known.transposed(b), e) for b, e in reversed(parts)])), -1
    return chain(parts), -1


def entrywise_factors(node: Node) -> list[Node]:
    """The factors of a Hadamard product, ones left out; a long one is one factor."""
    out: list[Node] = []
    stack = [node]
    while stack:
        top = stack.pop()
        if top.op is HADAMARD:
            stack.extend(reversed(top.children))
        elif not is_ones(top):
            out.append(top)
        if len(out) + len(stack) > WINDOW:
            return [node]
    return out


def merged(*nodes: Node) -> Term:
    """The entry factors of several arrays multiplied entry by entry: bases and exponents."""
    entries = Term()
    waiting = [(n, 1) for n in reversed(nodes)]
    while waiting:
        node, exponent = waiting.pop()
        for f in entrywise_factors(node):
            base, e = base_and_exponent(f)
            e = plain(e * exponent)
            if base is not node and base.op is HADAMARD and isinstance(e, int):
                waiting.append((base, e))
            else:
                entries.multiply(base, e)
    return entries


def quotients(term: Term) -> None:
    """sinh(u)/cosh(u) as tanh(u), where both stand in a product."""
    if not any(e < 0 and isinstance(b, Apply) and b.op in BELOW for b, e in term.scalars.items()):
        return
    for above, below, whole in QUOTIENTS:
        for base, exponent in list(term.scalars.items()):
            if exponent < 0 and base.op is below:
                other = above.build(base.children)
                times = min(term.scalars.get(other, 0), -exponent)
                if times > 0:
                    term.multiply(other, -times)
                    term.multiply(base, times)
                    term.multiply(whole.build(base.children), times)


BELOW = frozenset(below for _, below, _ in QUOTIENTS)


def entrywise(entries: Term, like: Node) -> Node:
    """The Hadamard product of powers, reciprocals last."""
    result: Node | None = None
    for base, exponent in divisors_last(entries.scalars):
        f = base if exponent == 1 else root_power(base, exponent)
        result = f if result is None else hadamard(result, f)
    return ones_like(like) if result is None else result
