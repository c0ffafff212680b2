"""What each function makes of kinds alone: per result kind the cheapest kinds of the arguments.

An option costs what its arguments cost.  Readings that are errors but no evidence for scalars (`x^2`, `x*x`, `1 + x`
of vectors, `A/B` of matrices, `A + x`) stay possible at a tiny cost, so that nothing is changed because of them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from matdiff.core.node import Kind
from matdiff.core.shape import ONE
from matdiff.inference.calls import accepts, anatomy, records
from matdiff.inference.literals import literal
from matdiff.inference.names import CONSTANTS
from matdiff.inference.reading import operands
from matdiff.inference.special import SPECIAL
from matdiff.text.tree import Tree

NEAR = 1e-9
LENIENT = 1e-6

Choice = Any
Option = tuple[float, Choice, Choice]
Table = dict[Kind, Option]
"""Kind → cost, what was chosen for the arguments, and another choice of the same cost (or None)."""

KINDS: tuple[Kind, ...] = ("scalar", "vector", "row", "matrix")
FLIP: dict[Kind, Kind] = {"vector": "row", "row": "vector"}
S, V, R, M = KINDS

_PRODUCT: dict[tuple[Kind, Kind], Kind] = {
    **{(S, k): k for k in KINDS},
    **{(k, S): k for k in KINDS},
    (V, R): M,
    (R, V): S,
    (R, M): R,
    (M, V): V,
    (M, M): M,
}
_EQUAL: dict[tuple[Kind, Kind], Kind] = {(k, k): k for k in KINDS}
_BROADCAST = {**_EQUAL, **{(S, k): k for k in KINDS}, **{(k, S): k for k in KINDS}}
BINARY: dict[str, dict[tuple[Kind, Kind], Kind]] = {
    "*": _PRODUCT,
    "/": {**{(k, S): k for k in KINDS}, (M, M): M, (R, M): R},
    "\\": {**{(S, k): k for k in KINDS}, (M, V): V, (M, M): M},
    ".*": _BROADCAST,
    "./": _BROADCAST,
    ".^": _BROADCAST,
    "^": {(S, S): S},
    "⊗": {(S, S): S, (V, V): V, (M, M): M, (M, R): M, (R, M): M, (R, R): M},
    "inner": {(k, k): S for k in KINDS},
}


def offer(table: Table, kind: Kind, cost: float, choice: Choice) -> None:
    have = table.get(kind)
    if have is None or cost < have[0] - NEAR:
        table[kind] = (cost, choice, None)
    elif cost <= have[0] + NEAR and have[2] is None:
        table[kind] = (have[0], have[1], choice)


def options(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    """The table of a tree from those of its arguments."""
    head = t.head
    out: Table = {}
    if head in BINARY:
        rule = BINARY[head]
        for ka, a in tables[0].items():
            for kb, b in tables[1].items():
                kind = rule.get((ka, kb))
                if kind is not None:
                    offer(out, kind, a[0] + b[0], (ka, kb))
        _lenient(t, tables, out)
        return out
    return _OTHERS[head](t, tables, functions)


def _lenient(t: Tree, tables: list[Table], out: Table) -> None:
    left, right = tables
    if t.head == "/":
        if M in right:
            for kind, option in left.items():
                if kind in (S, V):
                    offer(out, kind, option[0] + right[M][0] + LENIENT, (kind, M))
    elif t.head == "^":
        if M in left and S in right:
            offer(out, M, left[M][0] + right[S][0], (M, S))
        if M in left and M in right:
            offer(out, M, left[M][0] + right[M][0] + LENIENT, (M, M))
        if V in left and S in right and literal(t.args[1]) is not None:
            offer(out, V, left[V][0] + right[S][0] + LENIENT, (V, S))
    elif t.head == "*" and V in left and V in right and _same_name(t):
        offer(out, V, left[V][0] + right[V][0] + LENIENT, (V, V))


def _same_name(t: Tree) -> bool:
    """x*x and x*x*x."""
    left, right = t.args
    while left.head == "*":
        if left.args[1].value != right.value:
            return False
        left = left.args[0]
    return left.head == right.head == "name" and left.value == right.value


def _sum(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    out: Table = {}
    plain = [a.head == "number" or (a.args != () and literal(a) is not None) for a in t.args]
    for kind in KINDS:
        cost, choice = 0.0, []
        for table, number in zip(tables, plain, strict=True):
            own: Kind = S if number else kind
            if own not in table:
                break
            cost += table[own][0] + (LENIENT if number and kind != S else 0)
            choice.append(own)
        else:
            if not (all(plain) and kind != S):
                offer(out, kind, cost, tuple(choice))
    _mixed(tables, out)
    return out


def _mixed(tables: list[Table], out: Table) -> None:
    """A vector plus a matrix or a row, each term as cheap as it can be: that they differ is no evidence."""
    cheapest = [min(table, key=lambda k: table[k][0], default=S) for table in tables]
    choice = tuple(k for k in cheapest if k != S)
    if len(choice) == len(tables) and len(set(choice)) > 1:
        cost = sum(table[k][0] for table, k in zip(tables, choice, strict=True)) + LENIENT
        for kind in dict.fromkeys(choice):
            offer(out, kind, cost, choice)


def _broadcast_sum(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    out: Table = {}
    for kind in KINDS:
        cost, choice = 0.0, []
        for table in tables:
            own = min((k for k in {kind, S} if k in table), key=lambda k: table[k][0], default=None)
            if own is None:
                break
            cost += table[own][0]
            choice.append(own)
        else:
            if kind in choice:
                offer(out, kind, cost, tuple(choice))
    return out


def _unary(result: Callable[[Kind], Kind | None]) -> Callable[[Tree, list[Table], Collection[str]], Table]:
    def make(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
        out: Table = {}
        for kind, option in tables[0].items():
            made = result(kind)
            if made is not None:
                offer(out, made, option[0], (kind,))
        return out

    return make


def _norm(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    out: Table = {}
    for kind, option in tables[0].items():
        unclear = kind == M and t.value in ("1", "2", "inf")
        offer(out, S, option[0] + (LENIENT if unclear else 0), (kind,))
    return out


def _abs(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    """|X| of a matrix is no evidence either: its determinant may be meant."""
    out: Table = {}
    for kind, option in tables[0].items():
        if kind in (S, V):
            offer(out, kind, option[0], (kind,))
        else:
            offer(out, kind, option[0] + LENIENT, (kind,))
            offer(out, S, option[0] + LENIENT, (kind,))
    return out


def _index(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    sliced = [s.head == "slice" for s in t.args[1:]]
    if len(sliced) == 1:
        return _unary(lambda k: (V if sliced[0] else S) if k == V else None)(t, tables, functions)
    made = M if all(sliced) else V if any(sliced) else S
    return _unary(lambda k: made if k in (M, R) else None)(t, tables, functions)


def _side_by_side(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    """Blocks of one row: all of height 1 (scalars, rows), or all higher."""
    if len(tables) == 1:
        return {k: (option[0], (k,), None) for k, option in tables[0].items()}
    return _joined(tables, ((S, R), R), ((V, M), M))


def _stacked(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    if len(tables) == 1:
        return {k: (option[0], (k,), None) for k, option in tables[0].items()}
    return _joined(tables, ((S, V), V), ((R, M), M))


def _joined(tables: list[Table], *groups: tuple[tuple[Kind, Kind], Kind]) -> Table:
    out: Table = {}
    for allowed, made in groups:
        cost, choice = 0.0, []
        for table in tables:
            own = min((k for k in allowed if k in table), key=lambda k: table[k][0], default=None)
            if own is None:
                break
            cost += table[own][0]
            choice.append(own)
        else:
            offer(out, made, cost, tuple(choice))
    return out


def _call(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    name = str(t.value)
    if name in ("hcat", "vcat"):
        return (_side_by_side if name == "hcat" else _stacked)(t, tables, functions)
    if name in CONSTANTS:
        vector = name in ("vector", "e") or (name in ("ones", "zeros") and len(t.args) == 1)
        return {V if vector else M: (0.0, (), None)}
    if name.rstrip("'") in functions:
        return _unary(lambda k: k)(t, tables, functions) if len(tables) == 1 else {}
    out: Table = {}
    if name in SPECIAL:
        return _special(name, tables, functions, t)
    count = len(operands(t))
    for record in records(name, t.args):
        inputs, output, _, _ = anatomy(record.signature)
        if output is None:
            _any_shape(inputs, tables, out)
        else:
            made: Kind = R if len(output) == 2 and output[0] is ONE else (S, V, M)[len(output)]
            _fixed(inputs, tables, made, out)
        if record.scalar is not None and all(S in table for table in tables):
            offer(out, S, sum(table[S][0] for table in tables), (S,) * count)
    return out


def _any_shape(inputs: Any, tables: list[Table], out: Table) -> None:
    for kind in KINDS:
        own = tuple(kind if spec is None else (S, V, M)[len(spec)] for spec in inputs)
        if all(k in table for k, table in zip(own, tables, strict=True)):
            offer(out, kind, sum(table[k][0] for k, table in zip(own, tables, strict=True)), own)


def _fixed(inputs: Any, tables: list[Table], made: Kind, out: Table) -> None:
    """All ways for few arguments: which of two kinds an argument has must not be lost."""
    ways: list[tuple[float, tuple[Kind, ...]]] = [(0.0, ())]
    for spec, table in zip(inputs, tables, strict=True):
        fitting = [(k, o[0]) for k, o in table.items() if accepts(spec, k)]
        ways = [(cost + more, (*choice, k)) for cost, choice in ways for k, more in fitting]
    for cost, choice in ways:
        offer(out, made, cost, choice)


def _special(name: str, tables: list[Table], functions: Collection[str], t: Tree) -> Table:
    out: Table = {}
    if name == "e^":
        return _unary(lambda k: k if k in (S, M) else None)(t, tables, functions)
    elif name == "frechet":
        kinds = (M, M, S)[: len(tables)]
        if all(k in table for k, table in zip(kinds, tables, strict=False)):
            offer(out, M, sum(table[k][0] for k, table in zip(kinds, tables, strict=False)), kinds)
    return out


_OTHERS: dict[str, Callable[[Tree, list[Table], Collection[str]], Table]] = {
    "+": _sum,
    ".+": _broadcast_sum,
    "neg": _unary(lambda k: k),
    "'": _unary(lambda k: FLIP.get(k, k)),
    "norm": _norm,
    "abs": _abs,
    "index": _index,
    "row": _side_by_side,
    "block": _stacked,
    "call": _call,
}
