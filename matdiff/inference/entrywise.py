"""Own functions applied to arrays: operations on scalars act entry by entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matdiff.core.node import Node
from matdiff.errors import UnsupportedError
from matdiff.inference.calls import call_params, choose
from matdiff.inference.nodes import MINUS, broadcast_sum, call, word
from matdiff.inference.own import split_primes
from matdiff.ops.algebra import hadamard, power, scale
from matdiff.text.tree import Tree

if TYPE_CHECKING:
    from matdiff.inference.nodes import Building


def entrywise(b: Building, t: Tree, args: list[Node]) -> Node:
    head = t.head
    if head in ("+", ".+"):
        return broadcast_sum(b, t, args)
    if head == "neg":
        return scale(MINUS, args[0])
    if head in ("*", ".*"):
        return hadamard(args[0], args[1])
    if head in ("/", "./"):
        return hadamard(args[0], power(args[1], MINUS))
    if head in ("^", ".^"):
        return power(args[0], args[1])
    if head == "'":
        return args[0]
    if head == "abs" or head == "norm":
        return word("abs", args)
    if head == "call":
        return _entrywise_call(b, t, args)
    raise UnsupportedError(
        "a function of one's own that is applied to an array must be made of scalar operations",
        hint="use + - * / ^ and elementwise functions of the parameter",
    )


def _entrywise_call(b: Building, t: Tree, args: list[Node]) -> Node:
    name = str(t.value)
    if name in ("max", "min") and len(args) == 1:
        return args[0]
    if name in ("max", "min", "e^") or split_primes(name)[0] in b.functions:
        return call(b, t, args) if name != "e^" else word("exp", args)
    record = choose(name, ["scalar"] * len(args), len(t.args), t.args)
    if record is not None and getattr(record, "elementwise", False):
        return record(*args, params=call_params(t, record))
    if record is not None and record.scalar is not None:
        return record.scalar(*args, *call_params(t, record))
    raise UnsupportedError(
        f"{name} does not act entry by entry, so it cannot be part of a function applied to an array"
    )
