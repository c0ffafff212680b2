"""The same values by forms that do not overflow or cancel, and by products instead of powers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matdiff.codegen.kernels import EXPM1, LOG1P, kernel, run
from matdiff.codegen.plan.exponentials import (
    DET_POWER,
    complement,
    defined,
    entrywise,
    is_two,
    less_one,
    logarithm_of_product,
)
from matdiff.codegen.plan.shifts import shifted
from matdiff.core.node import Apply, Constant, Node, Number, Symbol, apply, number, symbol, topological
from matdiff.core.shape import ONE
from matdiff.ops.algebra import ADD, MATMUL, POWER, add, inner, is_op, matmul, power, scale
from matdiff.ops.constants import is_eye, is_ones, ones
from matdiff.ops.elementwise import cosh, exp, log, sigmoid, sinh, tanh
from matdiff.ops.linalg import det
from matdiff.ops.reductions import norm, sum_
from matdiff.ops.structure import HALF, Diag, diag

SECH2 = kernel(
    "sech2",
    "(...)->(...)",
    "sech2({0})",
    julia="sech2.({0})",
    elementwise=True,
    gives=frozenset({"positive"}),
    c="sech2({0})",
)
"""1 − tanh² u = 4 e^(−2|u|)/(1 + e^(−2|u|))²."""
MAX_POWER = 4
"""The highest matrix power that is written as a product, so that it can be taken apart."""


def stable(roots: Sequence[Node]) -> list[Node]:
    """The roots rewritten from the leaves up, linear in distinct nodes."""
    roots = slopes_of_tanh(shifted(rewritten(roots, FIRST)))
    return rewritten(roots, RULES | {"add": everywhere} if any(map(is_critical, topological(*roots))) else RULES)


Rule = Callable[[Apply], Node | None]


def slopes_of_tanh(roots: Sequence[Node]) -> list[Node]:
    """1 − tanh² u as sech² u, which does not cancel; where an array tanh u is there anyway, time is worth more."""
    order = topological(*roots)
    there = {c for n in order if n.op is not POWER for c in n.children if c.op is tanh and c.kind != "scalar"}
    there.update(roots)

    def slope(node: Apply) -> Node | None:
        sign, square = less_one(node) or (0, node)
        t = square.children[0] if sign and square.op is POWER and is_two(square.children[1]) else node
        if t.op is not tanh or t in there:
            return None
        return scale(number(-sign), entrywise(SECH2, t.children[0]))

    return rewritten(roots, {"add": slope}) if any(n.op is tanh for n in order) else list(roots)


def rewritten(roots: Sequence[Node], rules: Mapping[str, Rule]) -> list[Node]:
    """The roots by rules for the functions of those names."""
    order = topological(*roots)
    if not any(isinstance(n, Apply) and n.op.name in rules for n in order):
        return list(roots)
    new: dict[Node, Node] = {}
    for node in order:
        if isinstance(node, Symbol) and node.body is not None:
            new[node] = symbol(node.name, node.kind, node.rows, node.cols, body=new[node.body])
        elif isinstance(node, Apply):
            args = tuple(new[a] for a in node.args)
            made = apply(node.op, args, node.params, node.kind, node.rows, node.cols)
            rule = rules.get(node.op.name)
            new[node] = (rule(made) if rule else None) or made
        else:
            new[node] = node
    return [new[r] for r in roots]


def positive(node: Apply) -> Node | None:
    """(eᵘ)⁻ᵖ = e^(−pu)."""
    a, p = node.args
    inside = defined(a)
    return exp(scale(p, inside.children[0])) if inside.op is exp and isinstance(p, Number) and p.value < 0 else None


def traced(node: Apply) -> Node | None:
    """tr eˣ entry by entry: the exponentials beside the diagonal do not matter."""
    a = defined(node.args[0])
    return sum_(exp(diag(a.children[0]))) if a.op is exp and a.kind == "matrix" else None


def picked(node: Apply) -> Node | None:
    """Parts of eᵘ are exponentials of parts of u."""
    a = defined(node.args[0])
    if a.op is not exp or a.kind == "scalar":
        return None
    return exp(apply(node.op, a.children, node.params, node.kind, node.rows, node.cols))


def diagonal(node: Apply) -> Node | None:
    """I ∘ eˣ has no other exponentials than those of the diagonal."""
    for one, other in (node.args, node.args[::-1]):
        if is_eye(one) and is_op(e := defined(other), exp) and e.kind == "matrix":
            return Diag(exp(diag(e.children[0])))
    return None


def logarithm(node: Apply) -> Node | None:
    """The log of a product factor by factor, log(1 + u)."""
    (argument,) = node.args
    a = defined(argument)
    rest = without_one(a) if a.op is ADD else None
    return logarithm_of_product(argument) if rest is None else entrywise(LOG1P, rest)


def difference(node: Apply) -> Node | None:
    """eᵘ − 1 and 1 − eᵘ, σ(u) − σ(−u) = tanh(u/2); of scalars, where the time is not felt, 1 − σ(u) = σ(−u) too."""
    if (found := less_one(node)) is None:
        return half_tangent(node)
    sign, term = found
    if term.op is exp:
        return scale(number(sign), entrywise(EXPM1, term.children[0]))
    return complement(node) if node.kind == "scalar" else None


def everywhere(node: Apply) -> Node | None:
    return difference(node) or complement(node)


def is_critical(node: Node) -> bool:
    """Does 1 − σ(u) or 1 − σ(u)² stand in a denominator or under a logarithm?"""
    divides = node.op is POWER and isinstance(p := node.children[1], Number) and p.value < 0
    return (divides or node.op is log) and is_op(a := defined(node.children[0]), ADD) and complement(a) is not None


def half_tangent(node: Apply) -> Node | None:
    a, b = node.args[0], scale(number(-1), node.args[-1])
    if len(node.args) == 2 and a.op is sigmoid and b.op is sigmoid and a.children[0] is -b.children[0]:
        return tanh(scale(HALF, a.children[0]))
    return None


def powers(node: Apply) -> Node | None:
    """‖u‖² = ⟨u,u⟩, and (det X)ᵖ from log |det X| for a fraction p."""
    a, p = node.args
    if is_two(p) and a.op is norm:
        return inner(a.children[0], a.children[0])
    if a.op is det and not (isinstance(p, Number) and isinstance(p.value, int)):
        return run(DET_POWER, (a.children[0], p), "scalar", ONE, ONE) if is_fraction(p) else None
    return None


def is_fraction(p: Node) -> bool:
    """A number, or one over a size."""
    return isinstance(p, Number) or (p.op is POWER and isinstance(p.children[0], Constant))


def root(node: Apply) -> Node | None:
    """The square root of a number, which Python has."""
    (a,) = node.args
    known = isinstance(a, (Number, Constant)) and a.kind == "scalar"
    return apply(POWER, (a, number(0.5)), (), "scalar", ONE, ONE) if known else None


def tangent(node: Apply) -> Node | None:
    """(sinh u)ᵖ (cosh u)⁻ᵖ = (tanh u)ᵖ."""
    a, b = ((c.children[0], c.children[1]) if c.op is POWER else (c, number(1)) for c in node.args)
    (s, p), (c, q) = (a, b) if a[0].op is sinh else (b, a)
    if not (s.op is sinh and c.op is cosh and s.children == c.children):
        return None
    if not (isinstance(p, Number) and isinstance(q, Number) and p.value == -q.value):
        return None
    return power(tanh(s.children[0]), p)


def with_ones(node: Apply) -> Node | None:
    """A·(1 1ᵀ) is (A·1) 1ᵀ, and (1 1ᵀ)·B is 1 (1ᵀB): sums, and no product of matrices."""
    a, b = node.args
    if a.kind == "matrix" and b.kind == "matrix" and is_ones(b):
        return matmul(matmul(a, ones("vector", b.rows)), ones("row", ONE, b.cols))
    if a.kind == "matrix" and b.kind == "matrix" and is_ones(a):
        return matmul(ones("vector", a.rows), matmul(ones("row", ONE, a.cols), b))
    return None


def matrix_power(node: Apply) -> Node | None:
    (a,), (k,) = node.args, node.params
    if a.op is Diag:
        v = a.children[0]
        return apply(Diag, (apply(POWER, (v, number(k)), (), v.kind, v.rows, v.cols),), (), "matrix", a.rows, a.cols)
    if not 1 < k <= MAX_POWER:
        return None
    total = a
    for _ in range(k - 1):
        total = apply(MATMUL, (a, total), (), "matrix", a.rows, a.cols)
    return total


def without_one(total: Node) -> Node | None:
    """The rest of a sum with one term 1; None where it has no such term."""
    units = [t for t in total.children if is_ones(t)]
    if len(units) != 1:
        return None
    rest = [t for t in total.children if t is not units[0]]
    return add(*rest) if rest and all(t.kind == total.kind for t in rest) else None


FIRST: dict[str, Rule] = {
    "power": positive,
    "tr": traced,
    "hadamard": diagonal,
    **dict.fromkeys(("diag", "entry", "getrow", "getcol", "slice"), picked),
}
RULES: dict[str, Rule] = {
    "log": logarithm,
    "sqrt": root,
    "hadamard": tangent,
    "scale": tangent,
    "add": difference,
    "power": powers,
    "mpow": matrix_power,
    "matmul": with_ones,
}
