"""Is every entry of a product of values nonnegative?"""

from __future__ import annotations

from collections import Counter

from matdiff.codegen.kernels import PLUS
from matdiff.core.node import Node, Number, number
from matdiff.graph.properties import Known
from matdiff.ops.algebra import ADD, HADAMARD, POWER, SCALE, scale
from matdiff.ops.constants import is_one, is_ones
from matdiff.ops.elementwise import cos, sigmoid, sin, tanh

BOUNDED = (sin, cos, tanh)


def nonnegative(value: Node, known: Known) -> bool:
    """Seen from the factors: y ∘ σ ∘ (1 − σ) ∘ y has two signs that cancel and two values between 0 and 1."""
    counts: Counter[Node] = Counter()
    stack: list[tuple[Node, int]] = [(value, 1)]
    while stack:
        node, times = stack.pop()
        if node.op is HADAMARD or node.op is SCALE:
            stack.extend((a, times) for a in node.children)
        elif node.op is POWER and isinstance(p := node.children[1], Number) and isinstance(p.value, int):
            stack.append((node.children[0], times * p.value))
        else:
            counts[node] += times
    return all(times % 2 == 0 or sure(node, known) for node, times in counts.items())


def sure(node: Node, known: Known) -> bool:
    return "nonnegative" in known(node) or below_one(node)


def below_one(node: Node) -> bool:
    """1 − σ(u), 1 − tanh²(u) and their like."""
    if not (node.op is ADD or node.op is PLUS) or len(node.children) != 2:
        return False
    first, second = sorted(node.children, key=lambda t: not (is_one(t) or is_ones(t)))
    if not (is_one(first) or is_ones(first)):
        return False
    taken = scale(number(-1), second)
    if taken.op is POWER and isinstance(p := taken.children[1], Number):
        return p.value == 2 and any(taken.children[0].op is f for f in BOUNDED)
    return taken.op is sigmoid or any(taken.op is f for f in BOUNDED)
