"""What each function is of arguments that depend on indices; elementwise ones act entry by entry."""

from __future__ import annotations

from collections.abc import Callable

from matdiff.core.node import Apply, Node, number
from matdiff.core.op import Op
from matdiff.graph.lift.arrays import row_totals, total
from matdiff.graph.lift.lifter import Lifter, Rule
from matdiff.graph.lift.products import (
    of_conjugate,
    of_hadamard,
    of_inner,
    of_norm,
    of_power,
    of_product,
    of_scaling,
    of_sum,
    of_transpose,
)
from matdiff.graph.lift.values import Lifted, Matrices, Part, Scalars, Stack, Tensor, Vectors, refuse
from matdiff.graph.rewrite import rebuild
from matdiff.ops.algebra import (
    ADD,
    HADAMARD,
    INNER,
    MATMUL,
    POWER,
    SCALE,
    TRANSPOSE,
    hadamard,
    matmul,
    power,
    scale,
    size,
    transpose,
)
from matdiff.ops.complexes import ANGLE, CONJ, IM, RE
from matdiff.ops.constants import eye, ones, unit
from matdiff.ops.elementwise import abs_, exp, log
from matdiff.ops.extremes import max_, rowmax
from matdiff.ops.indexing import ENTRY
from matdiff.ops.reductions import logsumexp, mean, norm, norm1, prod, sum_, tr
from matdiff.ops.structure import vec
from matdiff.ops.sums import OVER, Axis, Over


def _part_of(op: Op) -> Rule:
    """Real and imaginary part, argument: entry by entry, no longer in terms."""
    return lambda lift, node, args: lift.entrywise(node, args[0], op)


def _over_entries(of: Callable[[Node], Node], node_name: str) -> Rule:
    """A scalar of a vector that sums its entries: sum, mean, norm1."""

    def rule(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
        (a,) = args
        if isinstance(a, Scalars):
            return Scalars(a.axes, of(a.array))
        if isinstance(a, Tensor):
            return a if of is _same else refuse(node_name)
        if not isinstance(a, Vectors):
            return (
                lift.plus([lift.times(s, _entry_sum(lift, p)) for s, p in a.terms])
                if of is _same
                else refuse(node_name)
            )
        if of is _same:
            return lift.plus([lift.times(s, _row_sum(u, axis)) for s, u, axis in a.terms])
        U, axis = lift.merged(a, node)
        return _row_sum(of(U), axis)

    return rule


def _same(a: Node) -> Node:
    return a


def _row_sum(u: Node, axis: Axis | None) -> Scalars:
    return Scalars((), total(u)) if axis is None else Scalars((axis,), row_totals(u))


def _entry_sum(lift: Lifter, p: Part) -> Scalars:
    if isinstance(p, Stack):
        return lift.weighted(p, ones("matrix", *p.shape))
    if isinstance(p, Node):
        return Scalars((), total(p))
    (u, along), (v, across) = p
    return lift.times(_row_sum(u, along), _row_sum(v, across))


def _mean(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    n = node.args[0].rows * node.args[0].cols
    found = lift.rules[sum_](lift, node, [a])
    assert isinstance(found, Scalars)
    return Scalars(found.axes, scale(power(size(n), number(-1)), found.array))


def _trace(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    assert isinstance(a, Matrices)
    parts = []
    for s, p in a.terms:
        if isinstance(p, Stack):
            sides = [transpose(x) for x in (p.left, p.right) if x is not None]
            inside = matmul(*sides) if len(sides) == 2 else sides[0] if sides else eye(p.rows)
            parts.append(lift.times(s, Scalars((p.axis,), matmul(p.array, vec(inside)))))
        elif isinstance(p, Node):
            parts.append(lift.times(s, Scalars((), tr(p))))
        else:
            (u, along), (v, across) = p
            parts.append(lift.times(s, lift.dotted(u, along, v, across)))
    return lift.plus(parts)


def _logsumexp(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    if not isinstance(a, Vectors):
        refuse("logsumexp of this")
    U, axis = lift.merged(a, node)
    if axis is None:
        return Scalars((), logsumexp(U))
    return Scalars((axis,), log(row_totals(exp(U))))


def _entry(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    if not isinstance(a, Vectors):
        refuse("an entry of a matrix that depends on an index")
    U, axis = lift.merged(a, node)
    if axis is None:
        return Scalars((), rebuild(node, (U,)))
    return Scalars((axis,), matmul(U, unit(U.cols, node.params[0])))


def _over(lift: Lifter, node: Apply, args: list[Lifted]) -> Lifted:
    (a,) = args
    over: Over = node.params[0]
    if over.product:
        return _product_over(lift, a, over)
    if over.largest:
        return _largest_over(a, over)
    if over.mask is not None and isinstance(a, Tensor):
        mask = Scalars(tuple(index.name for index in over.indices), over.mask)
        a = lift.times(a, mask)
    elif over.mask is not None:
        if not isinstance(a, Scalars):
            refuse("a sum of vectors over a set of pairs")
        axes = tuple(index.name for index in over.indices)
        a = Scalars(axes, hadamard(over.mask, lift.spread(a, axes)))
    for index in reversed(over.indices):
        a = lift.summed(a, index.name)
        lift.relations = {pair: r for pair, r in lift.relations.items() if index.name not in pair}
    return a


def _product_over(lift: Lifter, a: Lifted, over: Over) -> Lifted:
    axes = tuple(index.name for index in over.indices)
    if not isinstance(a, Scalars):
        refuse("a product of arrays over an index")
    if set(a.axes) - set(axes) or any(set(axes) & pair for pair in lift.relations):
        refuse("a product over an index inside another sum")
    return Scalars((), prod(lift.spread(a, axes)))


def _largest_over(a: Lifted, over: Over) -> Scalars:
    """The largest for every value of the other index, by rows."""
    if not isinstance(a, Scalars):
        refuse("the largest of arrays")
    for index in reversed(over.indices):
        if index.name not in a.axes:
            continue
        S = scale(number(over.largest), a.array)
        across = S if len(a.axes) == 1 or a.axes[1] == index.name else transpose(S)
        found = max_(S) if len(a.axes) == 1 else rowmax(across)
        a = Scalars(tuple(x for x in a.axes if x != index.name), scale(number(over.largest), found))
    return a


RULES: dict[Op, Rule] = {
    OVER: _over,
    ADD: of_sum,
    SCALE: of_scaling,
    TRANSPOSE: of_transpose,
    MATMUL: of_product,
    HADAMARD: of_hadamard,
    INNER: of_inner,
    POWER: of_power,
    norm: of_norm,
    norm1: _over_entries(abs_, "norm1 of a matrix that depends on an index"),
    sum_: _over_entries(_same, "sum of this"),
    mean: _mean,
    tr: _trace,
    logsumexp: _logsumexp,
    ENTRY: _entry,
    CONJ: of_conjugate,
    RE: _part_of(RE),
    IM: _part_of(IM),
    ANGLE: _part_of(ANGLE),
}
"""What the functions of the algebra are for all values of the indices at once; elementwise ones act entry by entry."""
