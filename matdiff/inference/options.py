"""What each function makes of kinds alone: per result kind the cheapest kinds of the arguments.

An option costs what its arguments cost.  Readings that are errors but no evidence for scalars (`x^2`, `x*x`, `1 + x`
of vectors, `A/B` of matrices, `A + x`) stay possible at a tiny cost, so that nothing is changed because of them alone.

A scalar that is made of numbers and undeclared names alone is BARE, other than the scalar x'*y: nobody transposes one,
or takes its trace, determinant, inverse or norm, and so no name becomes a scalar there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Literal

from matdiff.core.node import Kind
from matdiff.core.shape import ONE
from matdiff.inference.arrows import arrow_specs
from matdiff.inference.calls import accepts, anatomy, records
from matdiff.inference.literals import literal
from matdiff.inference.names import CONSTANTS
from matdiff.inference.reading import operands
from matdiff.inference.special import SPECIAL
from matdiff.text.tree import ENTRIES, EQUATED, Tree

NEAR = 1e-9
LENIENT = 1e-6

Reading = Kind | Literal["bare"]
Choice = Any
Option = tuple[float, Choice, Choice]
Table = dict[Reading, Option]
"""Kind → cost, what was chosen for the arguments, and another choice of the same cost (or None)."""

BARE: Reading = "bare"
KINDS: tuple[Kind, ...] = ("scalar", "vector", "row", "matrix")
FLIP: dict[Reading, Reading] = {"vector": "row", "row": "vector"}
S: Reading = "scalar"
V: Reading = "vector"
R: Reading = "row"
M: Reading = "matrix"
SCALARS = (S, BARE)
READINGS: tuple[Reading, ...] = (*KINDS, BARE)
Rule = dict[tuple[Reading, Reading], Reading]

_PRODUCT: Rule = {
    **{(S, k): k for k in KINDS},
    **{(k, S): k for k in KINDS},
    (V, R): M,
    (R, V): S,
    (R, M): R,
    (M, V): V,
    (M, M): M,
}
_BROADCAST: Rule = {**{(k, k): k for k in KINDS}, **{(S, k): k for k in KINDS}, **{(k, S): k for k in KINDS}}


def _with_bare(rule: Rule) -> Rule:
    """Where a scalar may stand, a bare one may; of two bare ones it is one again."""
    out = dict(rule)
    for (a, b), made in rule.items():
        for one in SCALARS if a == S else (a,):
            for other in SCALARS if b == S else (b,):
                out[one, other] = BARE if made == S and one == other == BARE else made
    return out


BINARY: dict[str, Rule] = {
    "*": _with_bare(_PRODUCT),
    "/": _with_bare({**{(k, S): k for k in KINDS}, (M, M): M, (R, M): R}),
    "\\": _with_bare({**{(S, k): k for k in KINDS}, (M, V): V, (M, M): M}),
    ".*": _with_bare(_BROADCAST),
    "./": _with_bare(_BROADCAST),
    ".^": _with_bare(_BROADCAST),
    "^": _with_bare({(S, S): S}),
    "⊗": _with_bare({(S, S): S, (V, V): V, (M, M): M, (M, R): M, (R, M): M, (R, R): M}),
    "inner": {(k, k): S for k in KINDS},
    "@": _with_bare({(V, V): S, (R, V): S, (V, M): V, (R, M): R, (M, V): V, (M, M): M, (V, R): M}),
}


def reading(kind: Kind) -> Reading:
    """What a name of this kind is: a scalar is bare."""
    return BARE if kind == "scalar" else kind


def kind_of(reading: Reading) -> Kind:
    """The kind that a reading is of."""
    return "scalar" if reading == "bare" else reading


def offer(table: Table, kind: Reading, cost: float, choice: Choice) -> None:
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
    if t.head in (".*", "./"):
        _mixed(tables, out)
    elif t.head == ".^" and V in left and M in right:
        offer(out, M, left[V][0] + right[M][0] + LENIENT, (V, M))
    elif t.head == "/":
        if M in right:
            for kind, option in left.items():
                if kind in (*SCALARS, V):
                    offer(out, kind, option[0] + right[M][0] + LENIENT, (kind, M))
    elif t.head == "^":
        number = literal(t.args[1]) is not None
        for exponent in SCALARS:
            if M in left and exponent in right:
                offer(out, M, left[M][0] + right[exponent][0], (M, exponent))
            if V in left and exponent in right and number:
                offer(out, V, left[V][0] + right[exponent][0] + LENIENT, (V, exponent))
        if M in left and M in right:
            offer(out, M, left[M][0] + right[M][0] + LENIENT, (M, M))
    elif t.head == "*" and t.value:
        for kind in (V, M):
            if kind in left and kind in right:
                offer(out, kind, left[kind][0] + right[kind][0] + LENIENT, (kind, kind))
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
    if t.mark and t.mark != EQUATED:
        return _broadcast_sum(t, tables, functions)
    out: Table = {}
    plain = [a.head == "number" or (a.args != () and literal(a) is not None) for a in t.args]
    for kind in READINGS:
        cost, choice = 0.0, []
        for table, number in zip(tables, plain, strict=True):
            own = BARE if number or (kind == M and _given(table)) else _cheapest(table, SCALARS) if kind == S else kind
            if own is None or own not in table:
                break
            cost += table[own][0] + (LENIENT if own == BARE and kind not in SCALARS else 0)
            choice.append(own)
        else:
            if not (all(plain) and kind not in SCALARS) and (kind != S or S in choice):
                offer(out, kind, cost, tuple(choice))
    _mixed(tables, out)
    return out


def _given(table: Table) -> bool:
    """A scalar by its looks, as the λ of A + λ: no evidence that A is one too."""
    return M not in table and BARE in table and table[BARE][0] == 0


def _cheapest(table: Table, among: Iterable[Reading]) -> Reading | None:
    return min((k for k in among if k in table), key=lambda k: table[k][0], default=None)


def _mixed(tables: list[Table], out: Table) -> None:
    """A vector beside a matrix or a row, each as cheap as it can be: that they differ is no evidence of scalars.

    Elsewhere A .+ b, b .* A and x .- y' have the vector in every column or row.
    """
    cheapest = [min(table, key=lambda k: table[k][0], default=S) for table in tables]
    choice = tuple(k for k in cheapest if k not in SCALARS)
    if len(choice) == len(tables) and len(set(choice)) > 1:
        cost = sum(table[k][0] for table, k in zip(tables, choice, strict=True)) + LENIENT
        for kind in dict.fromkeys(choice):
            offer(out, kind, cost, choice)


def _broadcast_sum(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    out: Table = {}
    for kind in READINGS:
        cost, choice = 0.0, []
        for table in tables:
            own = _cheapest(table, (kind,) if kind == BARE else (kind, *SCALARS) if kind != S else SCALARS)
            if own is None:
                break
            cost += table[own][0]
            choice.append(own)
        else:
            if kind in choice:
                offer(out, kind, cost, tuple(choice))
    _mixed(tables, out)
    return out


def _unary(result: Callable[[Reading], Reading | None]) -> Callable[[Tree, list[Table], Collection[str]], Table]:
    def make(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
        out: Table = {}
        for kind, option in tables[0].items():
            made = result(kind)
            if made is not None:
                offer(out, made, option[0], (kind,))
        return out

    return make


def _over(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    """A sum over an index is what its terms are; the mask is a matrix."""
    kinds = SCALARS if t.value == "prod" else READINGS
    return {k: (tables[0][k][0], (k, M)[: len(tables)], None) for k in kinds if k in tables[0]}


def _norm(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    out: Table = {}
    for kind, option in tables[0].items():
        unclear = kind == M and t.value in ("1", "2", "inf") and t.mark != ENTRIES
        if kind != BARE:
            offer(out, S, option[0] + (LENIENT if unclear else 0), (kind,))
    return out


def _abs(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    """|X| of a matrix is no evidence either: its determinant may be meant."""
    out: Table = {}
    for kind, option in tables[0].items():
        if kind == M and t.mark:
            offer(out, S, option[0], (kind,))
        elif kind in (*SCALARS, V):
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
    return _joined(tables, ((*SCALARS, R), R), ((V, M), M))


def _stacked(t: Tree, tables: list[Table], functions: Collection[str]) -> Table:
    if len(tables) == 1:
        return {k: (option[0], (k,), None) for k, option in tables[0].items()}
    return _joined(tables, ((*SCALARS, V), V), ((R, M), M))


def _joined(tables: list[Table], *groups: tuple[tuple[Reading, ...], Reading]) -> Table:
    out: Table = {}
    for allowed, made in groups:
        cost, choice = 0.0, []
        for table in tables:
            own = _cheapest(table, allowed)
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
    if (arrow := arrow_specs(functions, name, len(tables))) is not None:
        made_of: Table = {}
        for taken, axes in arrow:
            _fixed(taken, tables, (S, V, M)[axes], made_of)
        return made_of
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
            made: Reading = R if len(output) == 2 and output[0] is ONE else (S, V, M)[len(output)]
            _fixed(inputs, tables, made, out)
        if record.scalar is not None and all(S in table for table in tables):
            offer(out, S, sum(table[S][0] for table in tables), (S,) * count)
    return out


def _any_shape(inputs: Any, tables: list[Table], out: Table) -> None:
    for kind in READINGS:
        wanted = [(kind,) if spec is None else SCALARS if spec == () else ((V, M)[len(spec) - 1],) for spec in inputs]
        own = [_cheapest(table, kinds) for table, kinds in zip(tables, wanted, strict=True)]
        if None not in own:
            offer(out, kind, sum(table[k][0] for k, table in zip(own, tables, strict=True) if k), tuple(own))


def _fixed(inputs: Any, tables: list[Table], made: Reading, out: Table) -> None:
    """All ways for few arguments: which of two kinds an argument has must not be lost."""
    ways: list[tuple[float, tuple[Reading, ...]]] = [(0.0, ())]
    for spec, table in zip(inputs, tables, strict=True):
        fitting = [(k, o[0]) for k, o in table.items() if (spec == () if k == "bare" else accepts(spec, k))]
        ways = [(cost + more, (*choice, k)) for cost, choice in ways for k, more in fitting]
    for cost, choice in ways:
        offer(out, made, cost, choice)


def _special(name: str, tables: list[Table], functions: Collection[str], t: Tree) -> Table:
    out: Table = {}
    if name == "e^":
        return _unary(lambda k: k)(t, tables, functions)
    if name == "frechet":
        ways: tuple[tuple[Reading, ...], ...] = ((M, M, S), (M, M, BARE))
        for kinds in (way[: len(tables)] for way in ways):
            if all(k in table for k, table in zip(kinds, tables, strict=False)):
                offer(out, M, sum(table[k][0] for k, table in zip(kinds, tables, strict=False)), kinds)
    return out


_OTHERS: dict[str, Callable[[Tree, list[Table], Collection[str]], Table]] = {
    "+": _sum,
    ".+": _broadcast_sum,
    "neg": _unary(lambda k: k),
    "over": _over,
    "range": lambda t, tables, functions: {},
    "'": _unary(lambda k: None if k == BARE else FLIP.get(k, k)),
    "norm": _norm,
    "abs": _abs,
    "index": _index,
    "row": _side_by_side,
    "block": _stacked,
    "call": _call,
}
