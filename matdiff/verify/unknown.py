"""Stand-ins for the functions that a user declares without saying what they are."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple, Protocol

from matdiff.core.node import Apply, Node, Symbol, number, topological
from matdiff.core.op import registry
from matdiff.graph.rewrite import inline, transformed
from matdiff.inference.special import split_primes
from matdiff.ops.algebra import scale
from matdiff.ops.constants import ones_like
from matdiff.ops.elementwise import cos, sin
from matdiff.ops.unknown import Unknown
from matdiff.verify.ridges import has_positive, ridges, with_sizes

Coefficients = tuple[Fraction, Fraction, Fraction, Fraction]


class Function(Protocol):
    """What an expression is part of: the function that is differentiated."""

    @property
    def node(self) -> Node: ...

    @property
    def variables(self) -> tuple[Symbol, ...]: ...


class Bare(NamedTuple):
    """A function by its node and variables."""

    node: Node
    variables: tuple[Symbol, ...]


def concrete(root: Node, seed: int, function: Function) -> Node:
    """The expression with definitions in place, and smooth random functions for the unknown ones.

    h(t) = 3 + a sin(bt + c) + d t², and its exact derivatives for h′, h″ …; those of arrays are sums of ridges, and
    dimensions that no variable of the function has are numbers.
    """
    root = inline(root)
    if any(isinstance(n, Apply) and isinstance(n.op, Unknown) for n in topological(root)):
        known = frozenset(n for v in function.variables for d in (v.rows, v.cols) for n in d.names)
        root = with_sizes(_ridged(root, seed, has_positive(function.node)), known)

    def out(node: Apply, args: tuple[Node, ...]) -> Node | None:
        if not is_unknown(node):
            return None
        name, order = split_primes(node.op.name)
        return stand_in(coefficients(name, seed), order, args[0])

    return transformed(root, out)


def _ridged(root: Node, seed: int, positive: bool) -> Node:
    def out(node: Apply, args: tuple[Node, ...]) -> Node | None:
        return ridges(node.op, args, seed, positive) if isinstance(node.op, Unknown) else None

    return transformed(root, out)


def is_unknown(node: Apply) -> bool:
    return (
        node.op.elementwise
        and registry.get(node.op.name) is not node.op
        and not node.op.numpy
        and getattr(node.op, "formula", None) is None
    )


def coefficients(name: str, seed: int) -> Coefficients:
    random_ = random.Random(f"{name} {seed}")
    a, b, c, d = (Fraction(random_.randint(60, 140), 100) for _ in range(4))
    return a, b, c, d / 3


def stand_in(parts: Coefficients, order: int, t: Node) -> Node:
    """The derivative of that order of the random function, at t."""
    a, b, c, d = parts
    angle = number(b) * t + number(c)
    wave = (sin(angle), cos(angle))[order % 2]
    sign = -1 if order % 4 in (2, 3) else 1
    value = number(sign * a * b**order) * wave
    if order == 0:
        return value + number(d) * t**2 + 3
    if order == 1:
        return value + number(2 * d) * t
    return value + scale(number(2 * d), ones_like(t)) if order == 2 else value


__all__ = ["concrete", "is_unknown"]
