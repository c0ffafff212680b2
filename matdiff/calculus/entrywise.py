"""Second derivatives entry by entry: is a function of a few numbers convex, by the signs of its second derivatives?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from matdiff.calculus.claims import Claims, domain_signs
from matdiff.calculus.compositions import signed
from matdiff.calculus.differential import differentials
from matdiff.core.node import Apply, Node, Number, Symbol, number, symbol
from matdiff.graph.properties import Known
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    POWER,
    SCALE,
    add,
    hadamard,
    power,
    same_shape,
    scale,
    transpose,
)
from matdiff.ops.constants import is_ones, is_zero
from matdiff.ops.elementwise import cos, sin
from matdiff.ops.reductions import norm, sum_
from matdiff.simplify.normal import normal

PARTS = 40
"""Most parts of an expression that is looked at, and the most affine ones among them."""
ATOMS = 3


@dataclass
class Entrywise:
    """A function of a few numbers that an expression is in every entry, and what these numbers stand for."""

    value: Node
    numbers: tuple[Symbol, ...]
    atoms: tuple[Node, ...]

    @cached_property
    def second(self) -> list[list[Node]]:
        """The matrix of second derivatives, in normal form."""
        first = [_slope(self.value, u) for u in self.numbers]
        return [[_slope(g, v) for v in self.numbers] for g in first]

    def semidefinite(self, sign: str) -> bool:
        """Are all principal minors of the second derivative (of its negative, for `≤ 0`) seen to be ≥ 0?"""
        H, k = self.second, len(self.numbers)
        if not all(self._has(H[i][i], sign) for i in range(k)):
            return False
        pairs = ((i, j) for j in range(k) for i in range(j))
        if not all(self._has(normal(_minor(H, (i, j))), "≥ 0") for i, j in pairs):
            return False
        return k < 3 or self._has(normal(_minor(H, (0, 1, 2))), sign)

    def _has(self, node: Node, sign: str) -> bool:
        within = domain_signs(self.value, Known())
        if Claims(node, (), tuple(within.items())).has(node, sign):
            return True
        positive = [s for s, w in within.items() if isinstance(s, Symbol) and w == "> 0"]
        return signed(node, sign, positive)

    def reason(self, sign: str) -> str:
        shown = [f"∂²/∂{u}∂{v} = {self.second[i][j]}" if u is not v else f"∂²/∂{u}² = {self.second[i][i]}"
                 for i, u in enumerate(self.numbers) for j, v in enumerate(self.numbers) if i <= j]  # fmt: skip
        kind = "semidefinite" if len(self.numbers) > 1 else sign
        return f"second derivative {kind}: {', '.join(shown)}"


def _slope(value: Node, u: Symbol) -> Node:
    return normal(differentials(value, {u: number(1)}).get(value) or number(0))


def _minor(H: list[list[Node]], rows: tuple[int, ...]) -> Node:
    if len(rows) == 1:
        return H[rows[0]][rows[0]]
    if len(rows) == 2:
        i, j = rows
        return H[i][i] * H[j][j] - H[i][j] * H[j][i]
    i, j, k = rows
    first = H[i][i] * (H[j][j] * H[k][k] - H[j][k] * H[k][j])
    second = H[i][j] * (H[j][i] * H[k][k] - H[j][k] * H[k][i])
    return first - second + H[i][k] * (H[j][i] * H[k][j] - H[j][j] * H[k][i])


def entrywise(known: Claims, node: Node, deep: bool) -> Entrywise | None:
    """An expression as a function of numbers entry by entry, or summed over entries: ⟨u, v⟩ as u v.

    The numbers are the affine parts: the largest ones, or `deep` those that are no sums or multiples themselves.
    None where it is no such function, has too many of them, or has a part that is not smooth.
    """
    made: dict[Node, Node] = {}
    atoms: dict[Node, Symbol] = {}
    target = _summand(known, node) or node
    stack = [target]
    while stack:
        top = stack[-1]
        below = () if top in made else _below(known, top, deep)
        waiting = [a for a in below or () if a not in made]
        if waiting and len(made) + len(stack) <= PARTS:
            stack.extend(waiting)
            continue
        stack.pop()
        if top in made:
            continue
        if below is None or waiting:
            return None
        found = _scalar(known, top, below, made, atoms)
        if found is None or len(atoms) > ATOMS:
            return None
        made[top] = found
    value = made[target]
    return Entrywise(value, tuple(atoms.values()), tuple(atoms)) if atoms and isinstance(value, Apply) else None


def _summand(known: Claims, node: Node) -> Node | None:
    """The u of a number that is the sum over all entries of u: ⟨u, v⟩ of u ∘ v, and sums and multiples of such."""
    if node.op is sum_ or node.kind != "scalar" or not isinstance(node, Apply):
        return node.children[0] if node.op is sum_ else None
    if node.op is INNER:
        return hadamard(*node.args)
    if node.op is MATMUL:
        u, v = node.args
        return hadamard(transpose(u), v)
    if node.op is POWER and node.args[0].op is norm and node.args[1] is number(2):
        return power(node.args[0].children[0], number(2))
    if node.op is SCALE and known.has(node.args[0], "constant"):
        inside = _summand(known, node.args[1])
        return None if inside is None else scale(node.args[0], inside)
    if node.op is ADD and len(node.args) <= PARTS:
        parts = [_summand(known, a) for a in node.args]
        first = parts[0]
        if first is not None and all(p is not None and same_shape(p, first) for p in parts):
            return add(*parts)  # type: ignore[arg-type]
    return None


def _below(known: Claims, node: Node, deep: bool) -> tuple[Node, ...] | None:
    """The arguments of a function that acts entry by entry, () for an atom, None for any other function."""
    if node in known.claims and known.has(node, "constant"):
        return ()
    entry = isinstance(node, Apply) and (node.op in (ADD, SCALE, HADAMARD, POWER) or node.op.elementwise)
    if node in known.claims and known.has(node, "affine") and not (deep and entry):
        return ()
    if not entry or not isinstance(node, Apply):
        return None
    return node.args if node.op in (ADD, SCALE, HADAMARD, POWER) or _unary(node) else None


def _unary(node: Apply) -> bool:
    """A smooth function of one argument that has no poles."""
    return len(node.args) == 1 and not node.op.smooth and (bool(node.op.curvature) or node.op in (sin, cos))


def _scalar(
    known: Claims, node: Node, below: tuple[Node, ...], made: dict[Node, Node], atoms: dict[Node, Symbol]
) -> Node | None:
    if below:
        assert isinstance(node, Apply)
        args = [made[a] for a in below]
        return rebuild(node, tuple(args))
    if isinstance(node, Number):
        return node
    if is_ones(node):
        return number(1)
    if is_zero(node):
        return number(0)
    if node not in known.claims:
        return None
    if known.has(node, "constant"):
        return _letter(known, node, f"#{len(made)}")
    if node not in atoms:
        name = node.name if isinstance(node, Symbol) else f"u#{len(atoms) + 1}"
        found = _letter(known, node, name)
        if not isinstance(found, Symbol):
            return None
        atoms[node] = found
    return atoms[node]


def _letter(known: Claims, node: Node, name: str) -> Node:
    """A number with the sign that the entries of a part have."""
    positive = frozenset({"positive"})
    if known.has(node, "> 0"):
        return symbol(name, "scalar", attributes=positive)
    if known.has(node, "constant"):
        if known.has(node, "< 0"):
            return -symbol(name, "scalar", attributes=positive)
        if known.has(node, "≥ 0"):
            return power(symbol(name, "scalar"), number(2))
    return symbol(name, "scalar")
