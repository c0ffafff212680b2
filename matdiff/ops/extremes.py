"""The largest and the smallest: over all entries, along rows and columns, and of two arrays entry by entry."""

from __future__ import annotations

from matdiff.core.node import Node, number
from matdiff.core.op import Nonlinear, Op, macro, nonlinear, register
from matdiff.ops.algebra import inner, scale
from matdiff.ops.axes import rowsum
from matdiff.ops.constants import is_zero, ones_like, zeros_like
from matdiff.ops.elementwise import abs_, relu, sign
from matdiff.ops.structure import HALF

largest: Op = register(
    Op(
        "largest",
        "(...)->(...)",
        (Nonlinear(lambda X, dX: zeros_like(X)),),
        numpy="largest({0})",
        julia="largest({0})",
        smooth="where two entries of {0} share the largest value",
        law="constant while the largest entry stays the largest",
        proof=(
            "largest(x + dx) = largest(x) | for dx so small that the largest stays the largest",
            "d(largest(x)) = 0*dx | a constant has no differential",
        ),
        summary="1 at the largest entry, 0 elsewhere",
        c="-> largest({m0}, {n0}, {0}, {out})",
    )
)
rowlargest: Op = register(
    Op(
        "rowlargest",
        "(m,n)->(m,n)",
        (Nonlinear(lambda X, dX: zeros_like(X)),),
        numpy="rowlargest({0})",
        julia="rowlargest({0})",
        smooth="where two entries of a row of {0} share the largest value",
        law="constant while the largest entries stay the largest",
        proof=(
            "rowlargest(X + dX) = rowlargest(X) | for dX so small that the largest stay the largest",
            "d(rowlargest(X)) = 0*dX | a constant has no differential",
        ),
        summary="1 at the largest entry of every row, 0 elsewhere",
        c="-> row_largest({m0}, {n0}, {0}, {out})",
    )
)
macro(
    "max",
    "(m,n)->()",
    lambda X: max_(X),
    remark="max({0}) is the largest of all entries; of the columns it is max({0}, axis=0)",
)
macro(
    "min",
    "(m,n)->()",
    lambda X: min_(X),
    remark="min({0}) is the smallest of all entries; of the columns it is min({0}, axis=0)",
)
max_: Op = nonlinear(
    "max",
    "(...)->()",
    lambda X, dX: inner(largest(X), dX),
    scalar=lambda s: s,
    numpy="np.max({0})",
    julia="maximum({0})",
    octave="max(max({0}))",
    latex=r"\max({0})",
    smooth="where two entries of {0} share the largest value",
    law="d max u = du_k at the largest u_k",
    proof=(
        "max(x + dx) = max(x) + <largest(x), dx> | for dx so small that the largest entry stays the largest",
        "d(max(x)) = <largest(x), dx> | largest(x) is 1 there, 0 elsewhere",
    ),
    source="Danskin's theorem, Bertsekas 2016, §B.5",
    spellings="amax",
    summary="the largest entry",
    curvature="convex increasing",
    traits="homogeneous unordered",
    c="= maximum({s0}, {0})",
    stack=lambda many, X: many.flat(X).max(axis=1),
)
min_: Op = nonlinear(
    "min",
    "(...)->()",
    lambda X, dX: inner(largest(-X), dX),
    scalar=lambda s: s,
    numpy="np.min({0})",
    julia="minimum({0})",
    octave="min(min({0}))",
    latex=r"\min({0})",
    smooth="where two entries of {0} share the smallest value",
    law="d min u = du_k at the smallest u_k",
    proof=(
        "min(x) = -max(-x) | what it is",
        "d(min(x)) = <largest(-x), dx> | d max u = du_k at the largest u_k",
    ),
    source="Danskin's theorem, Bertsekas 2016, §B.5",
    spellings="amin",
    summary="the smallest entry",
    curvature="concave increasing",
    traits="homogeneous unordered",
    c="= minimum({s0}, {0})",
    stack=lambda many, X: many.flat(X).min(axis=1),
)
rowmax: Op = nonlinear(
    "rowmax",
    "(m,n)->(m)",
    lambda X, dX: rowsum(rowlargest(X) * dX),
    numpy="np.max({0}, axis=1)",
    julia="vec(maximum({0}, dims=2))",
    octave="max({0}, [], 2)",
    torch="torch.amax({0}, 1)",
    smooth="where two entries of a row of {0} share the largest value",
    law="d max u = du_k at the largest u_k of every row",
    proof=(
        "rowmax(X) = rowsum(rowlargest(X).*X) | what it is",
        "d(rowmax(X)) = rowsum(rowlargest(X).*dX) | rowlargest(X) is constant while the largest stay the largest",
    ),
    summary="the largest entry of every row",
    curvature="convex increasing",
    traits="homogeneous",
    c="-> row_max({m0}, {n0}, {0}, {out})",
)
macro("colmax", "(m,n)->(n)", lambda X: rowmax(X.T), summary="the largest entry of every column")
macro("rowmin", "(m,n)->(m)", lambda X: -rowmax(-X), summary="the smallest entry of every row")
macro("colmin", "(m,n)->(n)", lambda X: -rowmax(-X.T), summary="the smallest entry of every column")
macro("colmax", "(n)->()", max_, summary="a vector is one column")
macro("colmin", "(n)->()", min_, summary="a vector is one column")
macro("max", "(...),()->(...)", lambda X, t: larger(X, scale(t, ones_like(X))))
macro("max", "(),(...)->(...)", lambda t, X: larger(scale(t, ones_like(X)), X))
macro("min", "(...),()->(...)", lambda X, t: smaller(X, scale(t, ones_like(X))))
macro("min", "(),(...)->(...)", lambda t, X: smaller(scale(t, ones_like(X)), X))
maximum: Op = nonlinear(
    "maximum",
    "(...),(...)->(...)",
    lambda A, B, dA: scale(HALF, (1 + sign(A - B)) * dA),
    lambda A, B, dB: scale(HALF, (1 - sign(A - B)) * dB),
    numpy="np.maximum({0}, {1})",
    julia="max.({0}, {1})",
    smooth="where {0} and {1} agree in an entry",
    law="d max(u, v) = du where u > v, dv where v > u",
    summary="the larger of two, entry by entry",
    definition=lambda A, B: scale(HALF, A + B + abs_(A - B)),
    spoken=("max",),
    spellings="maximum fmax",
    curvature="convex increasing",
    traits="homogeneous",
    c="larger({0}, {1})",
    stack=lambda many, A, B: many.np.maximum(A, B),
)
minimum: Op = nonlinear(
    "minimum",
    "(...),(...)->(...)",
    lambda A, B, dA: scale(HALF, (1 - sign(A - B)) * dA),
    lambda A, B, dB: scale(HALF, (1 + sign(A - B)) * dB),
    numpy="np.minimum({0}, {1})",
    julia="min.({0}, {1})",
    smooth="where {0} and {1} agree in an entry",
    law="d min(u, v) = du where u < v, dv where v < u",
    summary="the smaller of two, entry by entry",
    definition=lambda A, B: scale(HALF, A + B - abs_(A - B)),
    spoken=("min",),
    spellings="minimum fmin",
    curvature="concave increasing",
    traits="homogeneous",
    c="smaller({0}, {1})",
    stack=lambda many, A, B: many.np.minimum(A, B),
)


def larger(A: Node, B: Node) -> Node:
    """max(A, B) entry by entry; max(x, 0) is relu(x)."""
    if is_zero(A) or is_zero(B):
        return relu(A if is_zero(B) else B)
    return maximum(A, B)


def smaller(A: Node, B: Node) -> Node:
    """min(A, B) entry by entry; min(x, 0) is −relu(−x)."""
    if is_zero(A) or is_zero(B):
        return scale(number(-1), relu(-(A if is_zero(B) else B)))
    return minimum(A, B)
